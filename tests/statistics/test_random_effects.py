"""Means and spreads: against closed forms, published numbers and simulated populations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import t as student

from oxyspy.errors import InputError
from oxyspy.statistics import group_mean

# the thirteen trials of Colditz et al., JAMA 271, 698 (1994): cases and others, vaccinated and not
TRIALS = np.array([
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761),
    (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
    (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
], float)  # fmt: skip


def binomial_band(runs, level):
    """Where a coverage of ``level`` lies in 99.9 % of studies of so many runs."""
    return binom.ppf(0.0005, runs, level) / runs, binom.ppf(0.9995, runs, level) / runs


def test_published_meta_analysis_is_reproduced_to_its_last_digit():
    """W. Viechtbauer, J. Stat. Softw. 36(3) (2010), and the example of metafor's `rma`, with test="knha"."""
    a, b, c, d = TRIALS.T
    log_ratio = np.log(a / (a + b)) - np.log(c / (c + d))
    sigma = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    reml, dl = (group_mean(log_ratio, sigma, method=method) for method in ("REML", "DL"))
    assert reml.mean == pytest.approx(-0.7145, abs=5e-5)
    assert reml.sigma == pytest.approx(0.1808, abs=1e-4)
    assert reml.spread**2 == pytest.approx(0.3132, abs=5e-5)
    assert dl.spread**2 == pytest.approx(0.3088, abs=5e-5)
    assert dl.mean == pytest.approx(-0.7141, abs=5e-5)
    assert np.square(reml.spread_interval_95) == pytest.approx([0.1197, 1.1115], abs=5e-5)


@pytest.mark.parametrize("method", ["REML", "DL"])
def test_equal_errors_give_the_plain_mean_and_students_interval(method):
    """With equal errors below the scatter both estimators are S² - sigma², and the interval is the textbook's."""
    y, sigma = np.array([2.0, 2.6, 1.5, 2.2, 1.9]), 0.1
    found = group_mean(y, np.full(5, sigma), method=method)
    assert found.mean == pytest.approx(y.mean(), abs=1e-6)
    assert found.spread**2 == pytest.approx(y.var(ddof=1) - sigma**2, rel=1e-4)
    half = student.ppf(0.975, 4) * y.std(ddof=1) / np.sqrt(5)
    assert found.interval_95 == pytest.approx((y.mean() - half, y.mean() + half), rel=1e-5)


def test_agreeing_scans_have_no_spread_and_the_error_their_own_errors_allow():
    found = group_mean([2.0, 2.01, 1.99], [0.3, 0.3, 0.3])
    assert found.spread == 0 and found.sigma == pytest.approx(0.3 / np.sqrt(3))


@pytest.mark.parametrize("spread", [0.0, 0.2, 0.6])
@pytest.mark.parametrize("scans", [3, 8])
def test_intervals_of_the_mean_cover_for_few_scans_of_unequal_errors(spread, scans):
    """600 populations each; without spread the interval may be too wide (the errors are known), never too narrow."""
    rng = np.random.default_rng(scans)
    runs, inside = 600, 0
    for _ in range(runs):
        sigma = rng.uniform(0.05, 0.3, scans)
        low, high = group_mean(rng.normal(2.0, np.hypot(sigma, spread)), sigma).interval_95
        inside += low <= 2.0 <= high
    least, most = binomial_band(runs, 0.95)
    # Hartung and Knapp's interval is approximate where errors are as large as the spread and differ sixfold: 1 %
    assert least - 0.01 <= inside / runs and (spread < 0.3 or inside / runs <= most + 0.01)


def test_intervals_of_the_spread_cover():
    rng = np.random.default_rng(1)
    runs, inside = 500, 0
    for _ in range(runs):
        sigma = rng.uniform(0.05, 0.3, 6)
        low, high = group_mean(rng.normal(2.0, np.hypot(sigma, 0.3)), sigma).spread_interval_95
        inside += low <= 0.3 <= high
    least, most = binomial_band(runs, 0.95)
    assert least <= inside / runs <= most


def simulated_limits(rng, mean, spread, scans):
    """Scans of a population; those under twice their error show none and are known to be below value + 1.645 sigma."""
    sigma = rng.uniform(0.25, 0.5, scans)
    seen = rng.normal(np.maximum(rng.normal(mean, spread, scans), 0), sigma)
    shown = seen > 2 * sigma
    return seen[shown], sigma[shown], np.maximum(seen, 0)[~shown] + 1.645 * sigma[~shown]


@pytest.mark.slow
def test_scans_without_a_layer_keep_the_mean_unbiased_where_leaving_them_out_does_not():
    """Layers of 1.0 ± 0.3 nm, a third of which do not show: 60 samples of eight scans."""
    rng = np.random.default_rng(3)
    means, without, inside, runs = [], [], 0, 60
    for _ in range(runs):
        values, sigmas, limits = simulated_limits(rng, 1.0, 0.3, 8)
        found = group_mean(values, sigmas, limits)
        low, high = found.interval_95
        # where the mean cannot be told from zero, it is the limit that must hold it
        inside += low <= 1.0 <= high if np.isfinite(found.mean) else found.upper_limit_95 >= 1.0
        means.append(found.mean)
        without.append(values.mean())
    # leaving them out makes the layer too thick by 0.2 nm; with them the half-normal limit errs by less than half that
    assert np.mean(without) - 1.0 > 0.15
    assert abs(np.nanmedian(means) - 1.0) < 0.1
    assert inside / runs >= binomial_band(runs, 0.95)[0]


def test_nothing_but_limits_gives_a_limit():
    found = group_mean([], [], [0.8, 0.6])
    assert np.isnan(found.mean) and found.upper_limit_95 == pytest.approx(0.7) and "under 0.7" in str(found)


def test_limits_far_above_the_values_change_little():
    values, sigmas = [2.0, 2.2, 1.9, 2.1, 2.3], [0.1] * 5
    alone, beside = group_mean(values, sigmas), group_mean(values, sigmas, [200.0])
    assert beside.mean == pytest.approx(alone.mean, abs=0.02) and beside.n_limits == 1


def test_one_scan_says_nothing_of_the_spread():
    found = group_mean([2.0], [0.1])
    assert (found.mean, found.sigma) == (2.0, 0.1) and np.isnan(found.spread) and "spread" in found.reason


@pytest.mark.parametrize("group", [([1.0], [0.0], []), ([1.0], [0.1, 0.2], []), ([np.nan], [1.0], []), ([], [], [0.0])])
def test_groups_that_make_no_sense_are_refused(group):
    with pytest.raises(InputError):
        group_mean(*group)


@given(
    st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.05, 2)), min_size=2, max_size=9),
    st.floats(0.1, 100),
    st.floats(-5, 5),
)
def test_units_and_origin_do_not_matter(scans, unit, origin):
    y, sigma = np.array(scans).T
    found, moved = group_mean(y, sigma), group_mean(y * unit + origin, sigma * unit)
    assert moved.mean == pytest.approx(found.mean * unit + origin, rel=1e-3, abs=1e-3 * unit)
    assert moved.spread == pytest.approx(found.spread * unit, rel=2e-2, abs=2e-2 * unit * sigma.min())
