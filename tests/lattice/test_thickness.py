"""The layer's thickness against images whose truth is known; coverage over many is in benchmarks."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.lattice import layer_thickness, phase_map
from oxyspy.simulate import simulate_image
from oxyspy.simulate.lattice import SHELL


def measured(**kwargs):
    image = simulate_image((640, 640), **{"dose": 5e3, **kwargs})
    return image, phase_map(image.counts, image.pixel_nm).layer_thickness()


@pytest.mark.parametrize(
    ("shell", "thickness", "tilt", "interface", "seed"),
    [
        ("rocksalt", 1.0, 0, 0.1, 21),
        ("rocksalt", 2.0, 130, 0.4, 22),
        ("spinel", 2.0, 250, 0.1, 23),
        ("spinel", 3.5, 20, 0.3, 24),
    ],
)
def test_thickness_is_right_for_thin_thick_diffuse_and_tilted_layers(shell, thickness, tilt, interface, seed):
    image, layer = measured(
        shell=shell, thickness_nm=thickness, tilt_deg=tilt, interface_nm=interface, seed=seed, rounding_nm=0.3
    )
    assert layer.supported
    assert layer.phase.startswith(shell)
    # three standard errors of the study in benchmarks/lattice_thickness.md
    assert layer.thickness_nm == pytest.approx(image.thickness_nm, abs=0.15)
    assert layer.interval_68_nm[0] < layer.thickness_nm < layer.interval_68_nm[1]
    assert 0.02 < layer.sigma_nm < 0.15


def test_pixel_errors_do_not_change_the_thickness():
    # 8 % off: a threshold in nominal pixels would be 0.24 nm out
    image, layer = measured(thickness_nm=3.0, distortion=0.05, seed=32, rounding_nm=0.3)
    assert np.abs(image.scale - np.eye(2)).max() > 0.04
    assert layer.thickness_nm == pytest.approx(image.thickness_nm, abs=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_pristine_surface_gives_an_upper_limit_and_no_layer(seed):
    _, layer = measured(shell=None, seed=40 + seed)
    assert not layer.supported
    assert np.isnan(layer.thickness_nm)
    assert 0.5 <= layer.upper_limit_nm < 1.0
    assert "below" in str(layer)


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ("inclined", "rocksalt or inclined layered"),
        ("twin", "spinel or layered twins"),
        ("core-shell", "over layered along the beam"),
    ],
)
def test_phase_that_an_fft_cannot_tell_is_named_with_its_double(shell, said):
    image, layer = measured(shell=shell, thickness_nm=2.5, seed=51, rounding_nm=0.3)
    assert said in layer.phase
    assert layer.warnings
    assert layer.thickness_nm == pytest.approx(image.thickness_nm, abs=0.2)


def test_spinel_taken_for_rocksalt_would_be_far_too_thin():
    # why the phase must be known: the wrong one is named beside the right one
    image, layer = measured(shell="spinel", thickness_nm=2.05, seed=61)
    assert layer.alternatives_nm["rocksalt"] < image.thickness_nm - 0.5


@pytest.mark.parametrize(
    ("bulk", "shell"), [("spinel", "rocksalt"), ("rocksalt", "spinel"), ("rocksalt", "layered"), ("spinel", "layered")]
)
def test_layer_on_a_bulk_of_spinel_or_rocksalt_is_measured_too(bulk, shell):
    image = simulate_image(
        (512, 512), bulk=bulk, shell=shell, thickness_nm=2.2, dose=1e4, rounding_nm=0.3, bumps=0.08, seed=1
    )
    layer = phase_map(image.counts, image.pixel_nm).layer_thickness()
    assert layer.supported and layer.phase.startswith(shell)
    assert layer.thickness_nm == pytest.approx(image.thickness_nm, abs=0.2)


def test_bulk_that_differs_from_no_candidate_by_half_orders_has_no_layer_and_says_why():
    image = simulate_image((400, 400), bulk="rocksalt", shell=None, dose=1e4, seed=1)
    layer = phase_map(image.counts, image.pixel_nm, ["rocksalt"]).layer_thickness()
    assert not layer.supported and "no candidate differs from it in its half orders" in layer.reason


def test_layer_that_is_none_of_the_candidates_is_said_to_be():
    image = simulate_image((512, 512), shell="Mn3O4-cubic", thickness_nm=2.5, dose=1e4, bumps=0.08, seed=1)
    layer = phase_map(image.counts, image.pixel_nm).layer_thickness()
    assert layer.phase.startswith("none of the candidates, nearest spinel")
    assert any("none of the candidates'" in text for text in layer.warnings)
    own = phase_map(image.counts, image.pixel_nm, ["layered", "Mn3O4-cubic", "rocksalt"]).layer_thickness()
    assert own.phase.startswith("spinel")
    assert own.thickness_nm == pytest.approx(image.thickness_nm, abs=0.2)


@pytest.mark.parametrize("windows", [(), (0.8,), (0.8, 3.0), (0.01, 0.8), (0.8, np.nan)])
def test_windows_that_cannot_measure_are_refused(windows):
    image = simulate_image((400, 400), dose=1e4, seed=65)
    found = phase_map(image.counts, image.pixel_nm)
    with pytest.raises(InputError, match="needed two or more between 0.4 and 1.5 nm"):
        found.layer_thickness(windows_nm=windows)


@pytest.mark.parametrize(("roughness", "seed"), [(0.0, 0), (0.6, 1), (0.6, 3)])
def test_spread_along_the_surface_is_that_of_the_layer_and_not_of_the_measurement(roughness, seed):
    # the interface has half of the surface's roughness on top of it
    image = simulate_image(
        (896, 448), thickness_nm=2.5, roughness_nm=roughness, dose=2e3, rounding_nm=0.3, rotation_deg=30, seed=seed
    )
    layer = phase_map(image.counts, image.pixel_nm).layer_thickness()
    assert len(layer.along_nm) == len(layer.along_thickness_nm) == layer.strips
    # thickness at each place from the labels, row by row, averaged over strips of 2 nm
    rows = ((image.labels == SHELL).sum(axis=1) * image.pixel_nm)[:800].reshape(8, 100).mean(axis=1)
    # eight strips: a quarter of the spread, and what the wedge's undulations add
    assert layer.surface_spread_nm == pytest.approx(rows.std(ddof=1), rel=0.15, abs=0.03)


def test_image_without_surface_has_no_layer_and_says_why():
    _, layer = measured(shell=None, surface_at=-0.5, seed=71)
    assert not layer.supported
    assert "fills" in layer.reason


def test_result_is_whole_and_repeatable():
    image = simulate_image((512, 512), dose=1e4, seed=81)
    found = phase_map(image.counts, image.pixel_nm)
    first, again = layer_thickness(found), layer_thickness(found)
    assert first.to_dict() == again.to_dict()
    assert set(first.errors_nm) == {"strips", "window", "scale", "edge"}
    assert first.sigma_nm == pytest.approx(np.sqrt(sum(e**2 for e in first.errors_nm.values())))
    assert first.depth_nm.shape == first.fundamental.shape == first.model[0].shape
