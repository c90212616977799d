"""Backgrounds fitted in other ways, against known power laws."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.background import fit_power_law, pooled_dispersion
from oxyspy.eels.background_quality import longest_window, reduced_deviance, variance_factor
from oxyspy.eels.functionals import measure
from oxyspy.eels.other_backgrounds import (
    METHODS,
    fit_background,
    local_power_law,
    two_area,
    two_power_laws,
    weighted_least_squares,
)
from oxyspy.eels.windows import window_weights
from oxyspy.errors import InputError

ENERGY = np.arange(500.0, 720.0, 0.25)
WINDOW = (590.0, 632.0)
UNDER_L3 = slice(560, 600)


def law(counts, r=3.0):
    """A power law with ``counts`` a channel at 600 eV."""
    return counts * (ENERGY / 600.0) ** -r


@pytest.mark.parametrize("fit", [two_area, weighted_least_squares])
def test_exact_power_law_is_found(fit):
    found = fit(law(1000.0, 2.7), ENERGY, WINDOW)
    # the two-area formula is an approximation of the integrals, good to a few in 1e4 over 7 % of energy
    assert found.r == pytest.approx(2.7, rel=3e-3)
    assert found(ENERGY)[UNDER_L3] == pytest.approx(law(1000.0, 2.7)[UNDER_L3], rel=1e-4)


@pytest.mark.parametrize("fit", [two_area, weighted_least_squares, fit_power_law])
def test_predicted_errors_are_the_scatter(fit):
    counts = np.random.default_rng(1).poisson(law(500.0), (1500, ENERGY.size))
    found = fit(counts, ENERGY, WINDOW)
    predicted = np.sqrt(found.covariance.mean(0).diagonal())
    # a standard deviation from 1500 repeats is known to 1.8 %: three of that
    assert [found.log_a.std(), found.r.std()] == pytest.approx(predicted, rel=0.06)


def test_likelihood_scatters_less_than_two_areas_and_is_not_biased_at_ten_counts():
    near = slice(340, 600)
    axis, mean = ENERGY[near], law(10.0)[near]
    under = slice(UNDER_L3.start - near.start, UNDER_L3.stop - near.start)
    counts = np.random.default_rng(2).poisson(mean, (20_000, axis.size))
    truth = mean[under].sum()
    areas = {f.__name__: f(counts, axis, WINDOW)(axis)[:, under].sum(1) for f in (fit_power_law, two_area)}
    logs = weighted_least_squares(counts[:2000], axis, WINDOW)(axis)[:, under].sum(1)
    # 13 % less scatter was measured for this project; a ratio of two from the same 20 000 counts is known to 1 %
    assert areas["fit_power_law"].std() / areas["two_area"].std() == pytest.approx(0.87, abs=0.03)
    # 0.2 %, and two standard errors of this mean, 0.05 %
    likely = areas["fit_power_law"]
    assert likely.mean() / truth == pytest.approx(1.0, abs=0.002 + 2 * likely.std() / truth / np.sqrt(len(likely)))
    # the logarithm of few counts is biased by half a count and more
    assert abs(logs.mean() / truth - 1) > 0.02


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_areas_above_any_background_scatter_as_their_propagated_errors_say(method, gain):
    rng = np.random.default_rng(3)
    # a white line's window, and one far behind where the background's error is most of all
    windows = np.stack([window_weights(ENERGY, 638.0, 648.0), window_weights(ENERGY, 660.0, 680.0)])
    counts = gain * rng.poisson(law(300.0) / gain, (800, ENERGY.size))
    if method == "local":
        # a line of positions, of which one in ten is looked at: neighbours share their exponents
        found = fit_background(counts, ENERGY, WINDOW, method=method)
        at = slice(10, -10, 10)
    else:
        found, at = fit_background(counts, ENERGY, WINDOW, method=method), slice(None)
    noise = float(np.median(found.dispersion[at]))
    assert noise == pytest.approx(gain, rel=0.15)
    areas = measure(counts, ENERGY, found, windows, noise=gain)
    observed, predicted = np.cov(areas.values[at], rowvar=False), areas.covariance[at].mean(0)
    repeats = len(areas.values[at])
    # three standard errors of a variance
    allowed = 3 * np.sqrt(2 / repeats) + 0.03
    for i in range(2):
        assert observed[i, i] / predicted[i, i] == pytest.approx(1.0, abs=allowed), i
    # no background is biased by much at these counts; that of logarithms by half a count
    bias = np.abs(areas.values[at].mean(0)) / np.sqrt(predicted.diagonal())
    assert (bias < 3 / np.sqrt(repeats) + (0.4 if method == "wls" else 0.1)).all()


def test_method_that_is_not_known_is_refused_and_a_line_of_one_has_no_neighbours():
    with pytest.raises(InputError, match="'spline' is not known; use one of ml, two_area, wls, two_power_laws, local"):
        fit_background(law(10.0), ENERGY, WINDOW, method="spline")
    with pytest.raises(InputError, match="needs a line, found one spectrum"):
        fit_background(law(10.0), ENERGY, WINDOW, method="local")


def test_empty_and_broken_spectra_stay_by_themselves():
    counts = np.stack([law(100.0), np.zeros(ENERGY.size), law(100.0)])
    counts[2, 400] = np.nan
    for fit in (two_area, weighted_least_squares):
        found = fit(counts, ENERGY, WINDOW)
        assert np.isfinite(found.r[0]) and np.isnan(found.r[1])


def test_two_power_laws_fit_what_one_does_not():
    mean = law(700.0, 2.0) + law(300.0, 5.0)
    found = two_power_laws(np.stack([mean, law(500.0, 2.0)]), ENERGY, (520.0, 632.0), exponents=(2.0, 5.0))
    assert found(ENERGY)[0] == pytest.approx(mean, rel=1e-9)
    assert found(ENERGY)[1] == pytest.approx(law(500.0, 2.0), rel=1e-9)
    single = fit_power_law(mean, ENERGY, (520.0, 632.0))(ENERGY)
    assert abs(single[UNDER_L3].sum() / mean[UNDER_L3].sum() - 1) > 0.003
    # no amplitude below zero, and the other fitted alone
    steeper = two_power_laws(law(500.0, 6.0)[None], ENERGY, (520.0, 632.0), exponents=(2.0, 5.0))
    assert steeper.amplitudes[0, 0] == 0 and steeper.amplitudes[0, 1] > 0
    with pytest.raises(InputError, match="exponents must rise"):
        two_power_laws(mean[None], ENERGY, WINDOW, exponents=(3.0, 2.0))


def test_exponents_of_the_neighbours_steady_a_noisy_line():
    counts = np.random.default_rng(3).poisson(law(20.0), (1, 200, ENERGY.size))
    own, shared = fit_power_law(counts, ENERGY, WINDOW), local_power_law(counts, ENERGY, WINDOW, 3.0)
    # a Gaussian of sigma 3 averages 10.6 positions
    assert shared.r.std() / own.r.std() == pytest.approx(1 / np.sqrt(10.6), rel=0.3)
    assert shared(ENERGY)[..., UNDER_L3].sum(-1).mean() == pytest.approx(law(20.0)[UNDER_L3].sum(), rel=0.01)


def test_deviance_is_one_for_counts_and_more_where_the_window_holds_an_edge():
    rng = np.random.default_rng(4)
    counts = rng.poisson(law(400.0), (300, ENERGY.size))
    fit = fit_power_law(counts, ENERGY, WINDOW)
    # 300 spectra of 19 blocks: three of their 1.9 %
    assert reduced_deviance(counts, ENERGY, fit).mean() == pytest.approx(1.0, abs=0.06)
    # a camera's gain, and its correlation over neighbouring channels
    camera = gaussian_filter1d(4.0 * rng.poisson(law(100.0), (300, ENERGY.size)).astype(float), 1.0, axis=-1)
    found = fit_power_law(camera, ENERGY, WINDOW)
    noise = pooled_dispersion(found.dispersion, 168)
    assert reduced_deviance(camera, ENERGY, found, noise).mean() == pytest.approx(1.0, abs=0.06)
    with_edge = rng.poisson(law(400.0) + 60 * (ENERGY > 615), (50, ENERGY.size))
    assert reduced_deviance(with_edge, ENERGY, fit_power_law(with_edge, ENERGY, WINDOW)).mean() > 1.1


def test_variance_factor_is_the_scatter_over_the_counts_and_falls_with_the_window():
    signal = (635.0, 645.0)
    counts = np.random.default_rng(5).poisson(law(300.0), (3000, ENERGY.size))
    inside = (signal[0] < ENERGY) & (signal[1] > ENERGY)
    for window in ((590.0, 632.0), (612.0, 632.0)):
        below = fit_power_law(counts, ENERGY, window)(ENERGY)[:, inside].sum(1)
        h = variance_factor(ENERGY, window, signal)
        # a variance from 3000 repeats is known to 2.6 %
        assert below.var() / below.mean() == pytest.approx(h - 1, rel=0.1)
    # worked out apart, to one digit behind the point, by Egerton's formula in the Mn L3 window: here that of 4+, ±5 eV
    of_mn = [variance_factor(ENERGY, (e, 632.0), (638.26, 648.26), method="egerton") for e in (590, 600, 612)]
    assert of_mn == pytest.approx([2.6, 3.6, 7.3], rel=0.012)
    # the likelihood's is no larger, by as much as counts differ over the window
    likely = [variance_factor(ENERGY, (e, 632.0), (638.26, 648.26)) for e in (590, 600, 612)]
    assert (np.array(likely) < of_mn).all() and likely == pytest.approx(of_mn, rel=0.01)
    with pytest.raises(InputError, match="'linear' is not known; use one of ml, egerton"):
        variance_factor(ENERGY, (590, 632.0), signal, method="linear")
    wide, middle, narrow = (variance_factor(ENERGY, (e, 632.0), (640 - 5, 640 + 25)) for e in (590, 600, 612))
    assert wide < middle < narrow


def test_window_grows_to_the_next_edge_and_no_further():
    rng = np.random.default_rng(6)
    mean = law(400.0) + 80 * (ENERGY > 560) * np.exp(-np.clip(ENERGY - 560, 0, None) / 8)
    window = longest_window(rng.poisson(mean, (60, ENERGY.size)), ENERGY, 632.0, 500.0)
    # the other edge's tail is gone, within its noise, by 24 to 48 eV above its onset
    assert 576 <= window[0] <= 608 and window[1] == 632.0
    clean = longest_window(rng.poisson(law(400.0), (60, ENERGY.size)), ENERGY, 632.0, 520.0)
    assert clean[0] == pytest.approx(520.0, abs=4.0)
    kept_clear = longest_window(rng.poisson(law(400.0), (5, ENERGY.size)), ENERGY, 632.0, 500.0, clear_of=(532.0,))
    assert kept_clear[0] >= 592.0
    # but never shorter than the shipped one, if that holds a power law
    counts = np.random.default_rng(1).poisson(law(400.0), (5, ENERGY.size))
    shipped = longest_window(counts, ENERGY, 632.0, 500.0, (582.0,), 600.0)
    assert shipped[0] == pytest.approx(600.0, abs=4.0)
    with pytest.raises(InputError, match="needed 16 eV"):
        longest_window(law(400.0)[None], ENERGY, 632.0, 625.0)
