"""The lattice through the spots: pixel errors recovered, false lattices refused."""

import numpy as np
import pytest

from oxyspy.lattice import crystal, expected_spots, find_spots, fit_lattice, variants
from oxyspy.lattice.parent import ALLOWED, INDICES
from oxyspy.simulate.lattice import simulate_image


def parent(spots, name="layered"):
    v = variants(crystal(name))[0]
    return fit_lattice(spots, v.basis, INDICES[:5], v.amplitude[:5], ALLOWED)


@pytest.mark.parametrize("seed", range(4))
def test_pixel_errors_in_x_and_y_are_recovered(seed):
    image = simulate_image((640, 640), shell=None, dose=3e3, jitter_nm=0.0, distortion=0.04, seed=seed)
    fit = parent(find_spots(image.counts, (0.02, 0.02)))
    _, values, turned = np.linalg.svd(image.scale)
    true = turned.T @ np.diag(values) @ turned - np.eye(2)
    # 0.004 1/nm from the interpolation between Fourier pixels, of 4.2
    assert fit.scale_error_x == pytest.approx(true[0, 0], abs=0.002)
    assert fit.scale_error_y == pytest.approx(true[1, 1], abs=0.002)
    assert fit.explained > 0.9


def test_strontium_titanate_is_no_cathode_lattice_and_silicon_neither():
    y, x = np.indices((512, 512)) * 0.015
    for name, zone in (("SrTiO3", (1, 1, 0)), ("SrTiO3", (1, 0, 0)), ("Si", (1, 1, 0))):
        spots = expected_spots(crystal(name), zone, 7)
        image = sum(
            abs(a) * np.cos(2 * np.pi * (gx * x + gy * y)) for a, (gx, gy) in zip(spots.amplitude, spots.g, strict=True)
        )
        fit = parent(find_spots(image, (0.015, 0.015)))
        assert not fit.indexed, (name, zone)
        assert fit.explained < 0.8


def test_amorphous_image_is_not_indexed():
    rng = np.random.default_rng(0)
    fit = parent(find_spots(rng.poisson(20, (256, 256)), (0.02, 0.02)))
    assert not fit.indexed
    assert "0 spots found" in str(fit)


def test_errors_of_the_basis_hold_its_scatter():
    fits = []
    for seed in range(12):
        image = simulate_image(
            (400, 400), shell=None, surface_at=-0.4, dose=3e2, rotation_deg=20, jitter_nm=0, distortion=0, seed=seed
        )
        fits.append(parent(find_spots(image.counts, (0.02, 0.02))))
    scatter = np.std([np.abs(f.basis) for f in fits], axis=0)
    claimed = np.mean([f.basis_sigma for f in fits], axis=0)
    # the interpolation between Fourier pixels adds a bias common to all; so the claim may be larger, not smaller
    assert (claimed > 0.5 * scatter).all()
    assert (claimed < 0.05).all()


def test_pixels_off_by_more_than_is_believed_are_said_and_not_fitted_by_a_wrong_lattice():
    image = simulate_image((512, 512), shell=None, dose=1e4, distortion=0.0, jitter_nm=0.0, seed=2)
    fit = parent(find_spots(image.counts, (0.02 / 1.16, 0.02 / 1.05)))
    assert not fit.indexed
    assert "needs a pixel size that is off by 16 %" in str(fit)
    # both ways by 10 % is what microscopes do
    v = variants(crystal("layered"))[0]
    spots = find_spots(image.counts, (0.02 / 1.1, 0.02 / 0.9))
    off = fit_lattice(spots, v.basis, INDICES[:5], v.amplitude[:5], ALLOWED, anisotropy=0.25)
    assert off.indexed and (off.scale_error_x, off.scale_error_y) == pytest.approx((0.1, -0.1), abs=0.01)
