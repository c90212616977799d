"""Ratios of noisy areas: right on average, with intervals that cover, at any dose."""

import numpy as np
import pytest

from oxyspy.eels.along import white_lines_along
from oxyspy.eels.edges import edge
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.ratio import expected_divisor, fieller_interval, ratios_along, single_ratios, unbiased_ratio
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.simulate import simulate_scan

# variances of the areas of L3 and L2 over that of L2, and their covariance, as a real post window makes them
V33, V22, V32 = 1.65, 1.0, 0.3


def areas(ratio, significance, n, seed=0):
    """Pairs of areas whose divisor has this many standard errors."""
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal([ratio * significance, significance], [[V33, V32], [V32, V22]], n)


def stack(values):
    return Functionals(values, np.broadcast_to([[V33, V32], [V32, V22]], (*values.shape, 2)).copy())


@pytest.mark.parametrize("ratio", [2.0, 4.3])
@pytest.mark.parametrize("significance", [3.0, 5.0, 10.0])
def test_mean_of_the_estimate_is_the_ratio_where_the_quotient_is_too_high(ratio, significance):
    a, b = areas(ratio, significance, 400_000).T
    found, _ = unbiased_ratio(a, b, V33, V22, V32)
    known = np.isfinite(found)
    error = found[known].std() / np.sqrt(known.sum())
    # 0.5 %: negative divisors, 0.1 % of all at three standard errors, are left out
    assert found[known].mean() == pytest.approx(ratio, abs=3 * error + (0.005 * ratio if significance < 4 else 0))
    if significance > 3:
        # to second order the quotient is too high by var_b / b² - covariance / (a b)
        excess = ratio * (V22 - V32 / ratio) / significance**2
        assert np.mean(a / b) - ratio == pytest.approx(excess, rel=0.35)


def test_estimate_of_areas_without_noise_is_their_quotient():
    found, sigma = unbiased_ratio([300.0, 1.0], [100.0, 0.0], 0.0, 0.0, 0.0)
    assert found[0] == pytest.approx(3.0) and sigma[0] == pytest.approx(0.0) and not np.isfinite(found[1])


def test_choice_by_both_areas_keeps_the_mean_that_a_cut_of_the_divisor_spoils():
    values = areas(2.0, 3.0, 200_000)
    chosen = single_ratios(stack(values), about=2.0).value
    kept = np.isfinite(chosen)
    assert 0.3 < kept.mean() < 0.7
    assert np.nanmean(chosen) == pytest.approx(2.0, rel=0.01)
    cut = values[values[:, 1] > 3.0]
    assert np.mean(cut[:, 0] / cut[:, 1]) < 0.85 * 2.0
    # independent of whether a ratio came out high or low
    a, b = values.T
    expected = expected_divisor(a, b, V33, V22, V32, 2.0)
    assert np.corrcoef(expected, a - 2.0 * b)[0, 1] == pytest.approx(0.0, abs=0.01)
    assert expected.mean() == pytest.approx(3.0, rel=0.01)


def test_spectrum_alone_is_judged_by_its_own_divisor():
    found = single_ratios(stack(np.array([[8.0, 2.9], [8.0, 3.1], [-1.0, 9.0], [np.nan, np.nan]])))
    assert np.isfinite(found.value).tolist() == [False, True, False, False]
    assert (found.over == 1).all() and np.isinf(single_ratios(stack(np.array([[8.0, 1.5]]))).high).all()


@pytest.mark.parametrize("dose", [17.0, 40.0, 80.0])
def test_ratio_of_weak_positions_is_unbiased_and_covered_from_raw_counts(dose):
    """17 counts a channel: the mean of quotients is 14 % high, that of those with L2 above three errors 36 % low."""
    scan = simulate_scan(
        layer_nm=0.0, n_positions=70, step_nm=0.3, vacuum_nm=0.0, coating_nm=1.0, wedge_per_nm=0.0, dose=dose,
        core_start=590.0, n_channels=420, seed=1,
    )  # fmt: skip
    method = WhiteLineMethod.of(edge("Mn_L"), deconvolution="none")

    def measured(counts):
        return white_lines_along(counts[None, 8:], scan.core_energy, None, None, edge("Mn_L"), method)

    clean = measured(scan.core_expected).functionals.values[0].sum(0)
    truth = clean[0] / clean[1]
    n = 16
    lines = [measured(counts).lines for counts in scan.noisy(n, seed=2)[0]]
    ratio, sigma, low, high = (
        np.stack([getattr(one, name)[0] for one in lines])
        for name in ("ratio", "ratio_sigma", "ratio_low", "ratio_high")
    )
    assert np.isfinite(ratio).all()
    # a fifth of a standard error, and three of the mean of 16 scans
    assert ratio.mean() == pytest.approx(truth, abs=0.2 * sigma.mean() + 3 * ratio.mean(1).std() / np.sqrt(n))
    # positions of one scan share neighbours: as many independent ones as the sums leave
    independent = n * ratio.shape[1] / np.median([one.ratio_over for one in lines])
    for inside, share in (
        (np.abs(ratio - truth) < sigma, 0.683),
        (np.abs(ratio - truth) < 1.96 * sigma, 0.94),
        ((low <= truth) & (truth <= high), 0.95),
    ):
        assert inside.mean() == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / independent) + 0.02)


def test_strong_positions_keep_their_own_ratio_and_vacuum_takes_none():
    rng = np.random.default_rng(3)
    there, layer = np.arange(60) >= 20, (np.arange(60) >= 20) & (np.arange(60) < 26)
    strength = np.where(there, 30.0, 0.0)
    values = np.stack([strength * np.where(layer, 4.3, 2.0), strength], -1)
    found = ratios_along(stack(values + rng.normal(size=values.shape)))
    assert (found.over[there] == 1).all()
    np.testing.assert_allclose(found.value[layer], 4.3, atol=5 * 0.16)
    np.testing.assert_allclose(found.value[26:], 2.0, atol=5 * 0.09)
    weak = ratios_along(stack(0.05 * values + rng.normal(size=values.shape)))
    assert np.isnan(weak.value[:15]).all() and np.isfinite(weak.value[there]).all()
    assert (weak.over[30:] > 4).all() and (weak.over[:15] == 1).all()
    # where there is no ratio there is still its interval, mostly without an end
    assert not np.isnan(weak.low).any() and np.isinf(weak.high[:15]).mean() > 0.5


@pytest.mark.parametrize("first", [(1.6, 1.4), (0.0, 0.1), (2.5, 0.3)])
def test_one_position_of_vacuum_at_the_line_s_end_takes_no_ratio_however_wide_the_sums(first):
    values = np.stack([np.full(21, 60.0), np.full(21, 30.0)], -1)
    values[0] = first
    found = ratios_along(stack(values))
    assert np.isnan(found.value[0]) and found.over[0] == 1
    np.testing.assert_allclose(found.value[1:], 2.0, rtol=1e-3)


def test_fieller_interval_of_nothing_known_is_nothing():
    low, high = fieller_interval([1.0, np.nan], [1.0, 1.0], 1.0, 1.0, 0.0)
    assert (low[0], high[0]) == (-np.inf, np.inf) and np.isnan([low[1], high[1]]).all()
