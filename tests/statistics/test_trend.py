"""Growth with cycles: against least squares and simulated growth."""

import numpy as np
import pytest
from scipy.stats import binom, linregress
from scipy.stats import t as student

from oxyspy.errors import InputError
from oxyspy.statistics import fit_trend

CYCLES = np.array([0, 0, 50, 50, 100, 100, 200, 200, 400, 400], float)


def test_given_power_and_equal_errors_are_least_squares():
    """Where the scatter exceeds the errors, the interval is that of an ordinary regression on n^p."""
    y = 1.0 + 0.1 * np.sqrt(CYCLES) + np.random.default_rng(0).normal(0, 0.3, CYCLES.size)
    found = fit_trend(CYCLES, y, np.full(y.size, 0.05))
    plain = linregress(np.sqrt(CYCLES), y)
    half = student.ppf(0.975, y.size - 2) * plain.stderr
    assert found.rate == pytest.approx(plain.slope, rel=1e-5)
    assert found.rate_interval_95 == pytest.approx((plain.slope - half, plain.slope + half), rel=1e-4)
    assert found.p_no_growth == pytest.approx(plain.pvalue, rel=1e-3)
    assert found.growth == pytest.approx(found.rate * 20)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_fitted_power_is_the_one_it_was_made_with(power):
    y = 1.0 + 2.0 * (CYCLES / 400) ** power
    found = fit_trend(CYCLES, y, np.full(y.size, 0.02), power=None)
    # errors of 0.02 on a growth of 2 tell the power to some hundredths
    assert found.power == pytest.approx(power, abs=0.02)
    low, high = found.power_interval_95
    assert low < power < high and high - low < 0.2
    assert found.start == pytest.approx(1.0, abs=0.03)
    assert found.rate_interval_95[0] < 2.0 / 400**power < found.rate_interval_95[1]


@pytest.mark.slow
def test_intervals_of_growth_and_power_cover():
    rng = np.random.default_rng(5)
    runs, growth, power = 25, 0, 0
    for _ in range(runs):
        sigma = rng.uniform(0.05, 0.15, CYCLES.size)
        y = 1.0 + 0.1 * np.sqrt(CYCLES) + rng.normal(0, np.hypot(sigma, 0.1))
        found = fit_trend(CYCLES, y, sigma, power=None)
        growth += found.growth_interval_95[0] <= 2.0 <= found.growth_interval_95[1]
        power += found.power_interval_95[0] <= 0.5 <= found.power_interval_95[1]
    least = binom.ppf(0.0005, runs, 0.95) / runs
    assert growth / runs >= least and power / runs >= least


def test_given_power_covers_over_hundreds_of_simulations():
    rng = np.random.default_rng(6)
    runs, inside = 400, 0
    for _ in range(runs):
        sigma = rng.uniform(0.05, 0.3, CYCLES.size)
        found = fit_trend(CYCLES, 1.0 + 0.1 * np.sqrt(CYCLES) + rng.normal(0, np.hypot(sigma, 0.2)), sigma)
        inside += found.rate_interval_95[0] <= 0.1 <= found.rate_interval_95[1]
    assert binom.ppf(0.0005, runs, 0.95) <= inside <= binom.ppf(0.9995, runs, 0.95)


def test_fresh_samples_without_a_layer_hold_the_start_down():
    """Two fresh scans that show no layer: without them the start would be anyone's guess."""
    cycles, y = np.array([100.0, 100, 400, 400]), np.array([1.1, 0.9, 2.05, 1.95])
    alone = fit_trend(cycles, y, np.full(4, 0.1))
    beside = fit_trend(cycles, y, np.full(4, 0.1), [0, 0], [0.5, 0.5])
    assert beside.n == 6 and beside.n_limits == 2
    assert beside.start < 0.35
    assert beside.start_interval_95[1] < alone.start_interval_95[1]


@pytest.mark.parametrize(("cycles", "power"), [([100, 100, 100], 0.5), ([0, 100], 0.5), ([0, 100, 100, 0, 100], None)])
def test_too_few_numbers_of_cycles_give_no_trend_and_say_so(cycles, power):
    found = fit_trend(cycles, np.ones(len(cycles)), np.full(len(cycles), 0.1), power=power)
    assert np.isnan(found.rate) and "needed" in found.reason and "no trend" in str(found)


def test_nonsense_is_refused():
    for cycles, power in (([-1, 2, 3], 0.5), ([1, 2], 0.5), ([1, 2, 3], 0.0)):
        with pytest.raises(InputError):
            fit_trend(cycles, [1, 2, 3], [0.1] * 3, power=power)
