"""Power law by Poisson maximum likelihood against closed forms, iterated fits and simulated counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from oxyspy.eels.background import fit_power_law, pooled_dispersion
from oxyspy.errors import InputError

ENERGY = 580.0 + 0.25 * np.arange(600)
WINDOW = (600.0, 632.0)


def power_law(level, r):
    """Counts a channel: ``level`` at 600 eV."""
    return level * (ENERGY / 600.0) ** -r


@given(st.floats(-1, 8), st.floats(1e-2, 1e6))
@settings(max_examples=50, deadline=None)
def test_exact_power_law_is_returned_exactly(r, level):
    # of counts without noise
    fit = fit_power_law(power_law(level, r), ENERGY, WINDOW).of_noise(0.0)
    # 1e-9: the look-up's splines, polished by Newton steps
    np.testing.assert_allclose(fit.r, r, atol=1e-8)
    np.testing.assert_allclose(fit(ENERGY), power_law(level, r), rtol=1e-7)


def test_fit_is_the_maximum_of_the_poisson_likelihood():
    rng = np.random.default_rng(0)
    counts = rng.poisson(power_law(8.0, 3.0))
    inside = (WINDOW[0] <= ENERGY) & (WINDOW[1] >= ENERGY)

    def minus_log_likelihood(p):
        mu = np.exp(p[0]) * (ENERGY[inside] / 615.0) ** -p[1]
        return (mu - counts[inside] * np.log(mu)).sum()

    best = minimize(
        minus_log_likelihood, [np.log(8.0), 2.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}
    )
    fit = fit_power_law(counts, ENERGY, WINDOW)
    # the simplex stops within 1e-6 of the maximum
    assert fit.r == pytest.approx(best.x[1], abs=1e-4)


@pytest.mark.parametrize("level", [2.0, 20.0, 2000.0])
def test_extrapolated_background_is_unbiased_and_its_sigma_is_right(level):
    rng = np.random.default_rng(int(level))
    truth = power_law(level, 3.0)
    counts = rng.poisson(truth, (4000, ENERGY.size)).astype(np.float32)
    fit = fit_power_law(counts, ENERGY, WINDOW)
    at = np.array([650.0])
    pull_from = fit(at)[:, 0] - level * (650 / 600) ** -3.0
    gradient = fit.gradient(at)[..., 0]
    sigma = np.sqrt(np.einsum("pi,pij,pj->p", gradient, fit.covariance, gradient))
    # 4 standard errors of the mean of 4000; and the estimator's own second-order bias, of order sigma^2 / level
    allowed = 4 * pull_from.std() / np.sqrt(4000) + 2 * np.median(sigma) ** 2 / level
    assert abs(pull_from.mean()) < allowed
    # 2 %, as measured for the method, plus 3 standard errors of a standard deviation of 4000
    assert pull_from.std() / np.median(sigma) == pytest.approx(1.0, abs=0.02 + 3 / np.sqrt(2 * 4000))


def test_parameters_cover_their_truth():
    rng = np.random.default_rng(3)
    counts = rng.poisson(power_law(50.0, 3.0), (3000, ENERGY.size))
    fit = fit_power_law(counts, ENERGY, WINDOW)
    inside = np.abs(fit.r - 3.0) < np.sqrt(fit.covariance[:, 1, 1])
    # binomial: 3 standard errors of 3000 at 68.3 %
    assert inside.mean() == pytest.approx(0.683, abs=3 * np.sqrt(0.683 * 0.317 / 3000))


@given(st.floats(1e-3, 1e3))
@settings(max_examples=20, deadline=None)
def test_gain_scales_the_background_and_leaves_the_exponent(gain):
    counts = np.random.default_rng(1).poisson(power_law(100.0, 3.0)).astype(float)
    one, other = fit_power_law(counts, ENERGY, WINDOW), fit_power_law(gain * counts, ENERGY, WINDOW)
    np.testing.assert_allclose(other.r, one.r, rtol=1e-9)
    np.testing.assert_allclose(other.of_noise(gain)(ENERGY), gain * one(ENERGY), rtol=1e-9)


@pytest.mark.parametrize("counts", [10.0, 40.0])
def test_background_of_few_counts_is_right_on_average_wherever_it_is_carried_on_to(counts):
    rng = np.random.default_rng(7)
    near = (ENERGY > 595.0) & (ENERGY < 690.0)
    axis, mean = ENERGY[near], power_law(counts, 3.0)[near]
    at = [int(axis.searchsorted(e)) for e in (634.0, 643.0, 653.0, 671.0)]
    fit = fit_power_law(rng.poisson(mean, (40_000, axis.size)), axis, WINDOW)
    found = fit(axis[at])
    error = found.std(0) / mean[at] / np.sqrt(len(found))
    # three standard errors of the mean, which are 0.1 to 0.2 %, and a tenth of the correction
    assert (np.abs(found.mean(0) / mean[at] - 1) < 3 * error + 0.0005).all()
    if counts == 10.0:
        # as the likelihood has it, it is 1.3 % too high after L2
        assert fit.of_noise(0.0)(axis[at]).mean(0)[-1] / mean[at[-1]] > 1.01


def test_dispersion_measures_a_gain():
    rng = np.random.default_rng(2)
    counts = 7.0 * rng.poisson(power_law(300.0, 3.0), (500, ENERGY.size))
    fit = fit_power_law(counts, ENERGY, WINDOW)
    found = pooled_dispersion(fit.dispersion, 128)
    # chi-squared over 14 degrees of freedom in 500 spectra: its median is known to 2 %
    assert found == pytest.approx(7.0, rel=0.08)


def test_one_bad_spectrum_spoils_no_other():
    counts = np.random.default_rng(4).poisson(power_law(50.0, 3.0), (4, ENERGY.size)).astype(float)
    alone = fit_power_law(counts[3], ENERGY, WINDOW)
    counts[0], counts[1], counts[2, 100] = 0.0, np.nan, -30.0
    fit = fit_power_law(counts, ENERGY, WINDOW)
    assert np.isnan(fit.r[:2]).all() and np.isnan(fit.covariance[:2]).all()
    assert np.isfinite(fit.r[2])
    # 1e-9: sums over one and over four spectra may be taken in another order
    np.testing.assert_allclose(fit.r[3], alone.r, rtol=1e-9)


def test_float32_counts_stay_float32_exact_enough():
    counts = np.random.default_rng(5).poisson(power_law(5e5, 3.0), (20, ENERGY.size))
    double = fit_power_law(counts.astype(float), ENERGY, WINDOW)
    single = fit_power_law(counts.astype(np.float32), ENERGY, WINDOW)
    # far below the counting error, which is 0.01 in r here
    np.testing.assert_allclose(single.r, double.r, atol=1e-3)


def test_window_outside_the_axis_is_refused_with_both_named():
    with pytest.raises(InputError, match=r"background.*900-932 eV.*580\.0 to 729\.8"):
        fit_power_law(power_law(1.0, 3.0), ENERGY, (900.0, 932.0))


def test_axis_that_is_not_uniform_is_refused():
    with pytest.raises(InputError, match="uniformly"):
        fit_power_law(power_law(1.0, 3.0), np.sort(np.random.default_rng(0).uniform(580, 730, ENERGY.size)), WINDOW)
