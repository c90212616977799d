"""The simulated images: what is in them is what their truth says."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.lattice.parent import INDICES, variants
from oxyspy.lattice.structures import crystal
from oxyspy.simulate.lattice import BULK, SHELL, simulate_image

QUIET = {
    "roughness_nm": 0.0,
    "jitter_nm": 0.0,
    "distortion": 0.0,
    "wedge": 0.0,
    "edge_nm": 20.0,
    "dose": 1e6,
    "interface_nm": 0.0,
}


def amplitude(image, indices, where):
    """Modulus of the Fourier coefficient at each spot, within a Gaussian window at ``where`` (nm)."""
    y, x = np.indices(image.counts.shape) * image.pixel_nm
    window = np.exp(-((x - where[0]) ** 2 + (y - where[1]) ** 2) / (2 * 0.6**2))
    weighted = image.counts * window / window.sum()
    g = np.asarray(indices) @ image.basis
    return np.array([abs((weighted * np.exp(-2j * np.pi * (gx * x + gy * y))).sum()) for gx, gy in g])


def test_spots_of_the_bulk_have_the_amplitudes_of_its_structure_factors():
    image = simulate_image((384, 384), shell=None, surface_at=-0.2, rotation_deg=20, seed=1, **QUIET)
    found = amplitude(image, INDICES, (3.8, 3.8))
    bulk = variants(crystal("layered"))[0]
    g = np.hypot(*(INDICES @ bulk.basis).T)
    expected = bulk.amplitude * np.exp(-2 * (np.pi * 0.08 / 2.3548 * g) ** 2)
    shown = expected > 0
    ratio = found[shown] / expected[shown]
    # 1e6 e/A^2: counting noise is under 0.1 %; the rest is the window's share of neighbouring spots
    assert ratio / ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert (found[~shown] < 0.01 * found.max()).all()


def test_dose_and_detected_share_give_the_counts():
    image = simulate_image((256, 256), shell=None, surface_at=-0.5, detected=0.05, seed=1, **{**QUIET, "dose": 1e4})
    # 1e4 e/A^2 * (0.2 A)^2 * 0.05, with 1 % for the detector's dark level
    assert image.counts.mean() == pytest.approx(20.0 * 1.01, rel=0.02)


@pytest.mark.parametrize(("shell", "present"), [("rocksalt", ()), ("spinel", (3, 4, 5, 6)), ("inclined", ())])
def test_layer_shows_the_half_orders_of_its_phase(shell, present):
    image = simulate_image((512, 512), shell=shell, thickness_nm=5.0, surface_at=0.1, rotation_deg=70, seed=2, **QUIET)
    inside = np.argwhere((image.labels == SHELL) & (np.abs(image.depth_nm - 2.5) < 0.02))
    y, x = inside[len(inside) // 2] * image.pixel_nm
    found = amplitude(image, INDICES, (x, y))
    halves = found[3:7] / found[:3].max()
    assert (halves > 0.2).tolist() == [i in present for i in range(3, 7)]


def test_thickness_is_that_of_the_labelled_layer():
    for seed, tilt in ((1, 0.0), (2, 25.0)):
        image = simulate_image((512, 512), thickness_nm=3.0, tilt_deg=tilt, seed=seed, distortion=0.03)
        area = (image.labels == SHELL).sum() * image.pixel_nm**2 * np.linalg.det(image.scale)
        line = (np.abs(image.depth_nm) < 0.2).sum() * image.pixel_nm**2 * np.linalg.det(image.scale) / 0.4
        assert area / line == pytest.approx(image.thickness_nm, abs=0.1)


def test_same_seed_same_image_and_pristine_has_no_layer():
    first, again = (simulate_image((128, 128), shell=None, seed=5) for _ in range(2))
    assert np.array_equal(first.counts, again.counts)
    assert first.thickness_nm == 0
    assert (first.labels == BULK).any()
    assert not (first.labels == SHELL).any()
    with pytest.raises(InputError, match="needed 1 or 2"):
        simulate_image((64, 64), variant=3)


def test_slanting_surface_is_a_wedge_as_wide_as_the_thickness_times_the_tangent():
    # a plate of 20 nm without a wedge of its own: the fundamental rises along a straight line over 20 nm tan 5 deg
    settings = {**QUIET, "rotation_deg": 20, "tilt_deg": 0.0, "surface_at": 0.35, "coating_nm": 0.0}
    image = simulate_image((256, 512), shell=None, slant_deg=5.0, seed=1, **settings)
    level = image.counts.mean(axis=0)
    # steps of a column's distance are averaged over
    level = np.convolve(level, np.ones(21) / 21, mode="same")
    depth = image.depth_nm.mean(axis=0)
    half = 0.5 * 20 * np.tan(np.deg2rad(5.0))
    expected = np.clip((depth + half) / (2 * half), 0, 1)
    inside = (depth > -2.5) & (depth < 2.5)
    assert level[inside] / level[depth > 2].mean() == pytest.approx(expected[inside], abs=0.12)
    # seen from the side a layer is as thick as before, over the cosine of the slant
    plain, slanted = (simulate_image((256, 512), thickness_nm=2.0, slant_deg=s, seed=1, **settings) for s in (0.0, 5.0))
    assert plain.thickness_nm == pytest.approx(slanted.thickness_nm, abs=1e-6)
    assert (slanted.labels == SHELL).sum() / (plain.labels == SHELL).sum() == pytest.approx(
        1 / np.cos(0.0873), abs=0.02
    )
