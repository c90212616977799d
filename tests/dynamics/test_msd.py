"""Displacements against sums over windows written out, and their covariance against walkers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxyspy.dynamics import cross_displacement, local_exponent, mean_squared_displacement
from oxyspy.dynamics.msd import atomwise_displacement, displacement_covariance, relative_variance, spaced_lags
from oxyspy.errors import InputError


def by_windows(a, b, lag):
    return ((a[lag:] - a[:-lag]) * (b[lag:] - b[:-lag])).sum(axis=-1)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 60), st.integers(1, 11), st.integers(0, 2**32 - 1), st.floats(0, 1e3))
def test_every_lag_is_the_mean_over_windows_and_atoms(frames, atoms, seed, offset):
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(size=(frames, atoms, 3)), axis=0) + offset
    found = mean_squared_displacement(path)
    single = atomwise_displacement(path, np.arange(frames))
    for lag in range(1, frames):
        truth = by_windows(path, path, lag)
        # rounding of transforms of squares up to frames * displacement squared
        np.testing.assert_allclose(found[lag], truth.mean(), rtol=1e-9, atol=1e-10 * frames)
        np.testing.assert_allclose(single[lag], truth.mean(axis=0), rtol=1e-9, atol=1e-10 * frames)
    assert found[0] == 0.0


def test_single_precision_positions_do_not_cancel():
    rng = np.random.default_rng(0)
    path = np.cumsum(rng.normal(scale=0.02, size=(5000, 4, 3)), axis=0) + 50.0
    found = mean_squared_displacement(path.astype(np.float32))
    # positions near 50 Å are rounded to 4e-6 Å, steps are 0.02 Å
    np.testing.assert_allclose(found[[1, 10, 1000]], mean_squared_displacement(path)[[1, 10, 1000]], rtol=1e-3)


def test_displacement_does_not_see_where_the_atoms_are():
    rng = np.random.default_rng(1)
    path = np.cumsum(rng.normal(size=(300, 5, 3)), axis=0)
    shifted = path + rng.normal(scale=100, size=(1, 5, 3))
    np.testing.assert_allclose(mean_squared_displacement(shifted), mean_squared_displacement(path), rtol=1e-9)


def test_cross_displacement_is_the_mean_over_windows():
    rng = np.random.default_rng(2)
    a, b = np.cumsum(rng.normal(size=(2, 100, 3)), axis=1)
    found = cross_displacement(a, b)
    for lag in (1, 7, 50, 99):
        np.testing.assert_allclose(found[lag], by_windows(a, b, lag).mean(), rtol=1e-9, atol=1e-9)


def test_threads_do_not_change_the_last_bit():
    path = np.cumsum(np.random.default_rng(3).normal(size=(500, 23, 3)), axis=0)
    once = mean_squared_displacement(path, workers=1)
    for workers in (2, 3, 16):
        np.testing.assert_array_equal(mean_squared_displacement(path, workers=workers), once)


def test_exponent_is_two_in_flight_and_one_in_diffusion():
    lag = np.arange(101.0)
    lags = np.array([1, 10, 50, 60])
    np.testing.assert_allclose(local_exponent(lags, 3 * lag**2)[:3], 2.0)
    np.testing.assert_allclose(local_exponent(lags, 7 * lag)[:3], 1.0)
    assert np.isnan(local_exponent(lags, 7 * lag)[3])


def test_free_diffusion_has_the_variance_of_qian():
    """The general covariance, summed, against the closed form for overlapping windows, both branches of it."""
    frames, lags = 200, np.array([1, 2, 30, 100, 101, 180])
    covariance = displacement_covariance(lags, np.arange(2.0 * frames), frames)
    np.testing.assert_allclose(np.diag(covariance) / lags**2, relative_variance(lags, frames, 1, 1), rtol=1e-12)


@pytest.mark.parametrize("stiffness", [0.0, 0.2])
def test_covariance_is_that_of_walkers_free_or_bound(stiffness):
    """20 000 walkers, free or on a spring; 5 % is four standard errors of a variance from so many."""
    rng = np.random.default_rng(4)
    frames, walkers = 60, 20000
    noise = rng.normal(size=(frames, walkers))
    keep = 1 - stiffness
    path = np.empty((frames, walkers))
    path[0] = noise[0] / np.sqrt(1 - keep**2) if stiffness else 0.0
    for t in range(1, frames):
        path[t] = keep * path[t - 1] + noise[t]
    lag = np.arange(2.0 * frames)
    growth = 2 * (1 - keep**lag) / (1 - keep**2) if stiffness else lag
    lags = spaced_lags(1, 40, 8)
    found = np.cov([((path[n:] - path[:-n]) ** 2).mean(axis=0) for n in lags])
    covariance = displacement_covariance(lags, growth, frames)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(found / scale, covariance / scale, atol=0.05)


def test_positions_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"\(10, 3\)"):
        mean_squared_displacement(np.zeros((10, 3)))
    with pytest.raises(InputError, match="one shape"):
        cross_displacement(np.zeros((10, 3)), np.zeros((9, 3)))
