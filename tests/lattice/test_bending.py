"""How well a mean strain is known for all that the scan wandered: against walks whose strain is known to be none."""

import numpy as np
import pytest

from oxyspy.lattice import find_spots, fit_lattice, identify_phase
from oxyspy.lattice.bending import bending, mean_gradient_variance, with_bending
from oxyspy.simulate import simulate_image

BASIS = np.array([[4.0, 0.5], [-0.6, 3.7]])
INDICES = np.array([[1, 0], [0, 1], [1, 1], [1, -1]])
PIXEL = 0.03
SIZE = 256


def image_of(displacement: np.ndarray, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    """Four waves on lines (rows) displaced by (rows, 2) nm."""
    y, x = np.mgrid[:SIZE, :SIZE] * PIXEL
    x, y = x + displacement[:, :1], y + displacement[:, 1:]
    waves = sum(np.cos(2 * np.pi * (u * x + v * y)) for u, v in INDICES @ BASIS)
    return (waves + np.random.default_rng(seed).normal(0, noise, waves.shape)).astype(np.float32)


def fitted(image: np.ndarray):
    """Fit by the spots' places, and with what the image says of them."""
    spots = find_spots(image, PIXEL)
    fit = fit_lattice(spots, BASIS, INDICES, np.ones(4))
    return fit, with_bending(fit, bending(spots, image, (PIXEL, PIXEL)))


@pytest.fixture(scope="module")
def walks() -> np.ndarray:
    """Errors of the strain, with standard errors by the places alone and in all, of 60 random walks: (60, 3, 4)."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        # 0.02 nm from the first line to the last, in each direction
        walk = 0.02 / np.sqrt(SIZE) * rng.normal(size=(SIZE, 2)).cumsum(axis=0)
        places, whole = fitted(image_of(walk, seed=seed))
        values = [(f.scale_sigma_x, f.scale_sigma_y, f.shear_sigma, f.anisotropy_sigma) for f in (places, whole)]
        found.append([(whole.scale_error_x, whole.scale_error_y, whole.shear, whole.anisotropy), *values])
    return np.array(found)


@pytest.mark.parametrize(("number", "what"), [(1, "pixel size across the lines"), (2, "shear")])
def test_errors_hold_what_a_random_walk_does_and_those_of_places_do_not(walks, number, what):
    error, places, whole = np.abs(walks[:, :, number]).T
    # of 60 right intervals 68 % +- 6 %: three of these each way
    assert 0.50 < np.mean(error < whole) < 0.86, what
    assert np.mean(error < 2 * whole) > 0.87
    assert np.mean(error < places) < 0.3


def test_along_the_lines_a_walk_across_them_adds_next_to_nothing(walks):
    error, _, whole = np.abs(walks[:, :, 0]).T
    assert np.mean(error < whole) > 0.50
    assert np.median(whole) < 0.2 * np.median(walks[:, 2, 1])


def test_a_straight_lattice_adds_nothing_and_a_steady_drift_is_not_seen():
    along = np.arange(SIZE)[:, None] * PIXEL
    for drift in (0.0, 0.01):
        image = image_of(along * [0.0, drift], noise=0.0)
        places, whole = fitted(image)
        # less than the places' own errors, of 2e-4 here
        assert np.sqrt(mean_gradient_variance(image, (PIXEL, PIXEL), whole.basis)).max() < 1e-4
        # spots move outwards by as much as the lattice is squeezed
        assert whole.scale_error_y == pytest.approx(drift, abs=5e-4)
        assert whole.scale_error_y == places.scale_error_y


def test_lines_that_run_along_y_give_the_same_with_x_and_y_changed():
    walk = 0.02 / np.sqrt(SIZE) * np.random.default_rng(5).normal(size=(SIZE, 2)).cumsum(axis=0)
    image, g = image_of(walk), INDICES @ BASIS
    as_is = mean_gradient_variance(image, (PIXEL, PIXEL), g)
    turned = mean_gradient_variance(image.T, (PIXEL, PIXEL), g[:, ::-1])
    # single precision's sums in another order
    np.testing.assert_allclose(turned[::-1, ::-1], as_is, rtol=1e-3)


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_the_intensitys_unit_is_of_no_matter(factor):
    walk = 0.02 / np.sqrt(SIZE) * np.random.default_rng(7).normal(size=(SIZE, 2)).cumsum(axis=0)
    image, g = image_of(walk), INDICES @ BASIS
    as_is = mean_gradient_variance(image, (PIXEL, PIXEL), g)
    np.testing.assert_allclose(mean_gradient_variance(image * np.float32(factor), (PIXEL, PIXEL), g), as_is, rtol=1e-3)


def test_what_is_not_indexed_stays_so():
    image = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    assert np.isnan(bending(find_spots(image, PIXEL), image, (PIXEL, PIXEL))).all()
    _, whole = fitted(image)
    assert not whole.indexed and np.isnan(whole.scale_sigma_x)


def test_planes_of_one_direction_tell_no_gradient():
    x = np.arange(SIZE) * PIXEL
    image = np.tile(np.cos(2 * np.pi * 4 * x) + np.cos(2 * np.pi * 6 * x), (SIZE, 1)).astype(np.float32)
    spots = find_spots(image, PIXEL)
    assert len(spots.g) == 2
    assert np.isnan(bending(spots, image, (PIXEL, PIXEL))).all()


def test_every_candidate_has_errors_of_the_same_kind():
    made = simulate_image((400, 400), shell=None, surface_at=-0.5, jitter_nm=0.0, walk_nm=0.02, seed=3)
    found = identify_phase(made.counts, made.pixel_nm, ["layered", "LiCoO2"])
    across = [c.lattice.scale_sigma_y for c in found.candidates if c.lattice.indexed]
    along = [c.lattice.scale_sigma_x for c in found.candidates if c.lattice.indexed]
    assert len(across) > 1
    # lines lie along x: what they walked is across them, in all alike
    assert min(across) > 3 * max(along)
