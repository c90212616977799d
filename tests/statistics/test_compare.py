"""Tests between conditions: against SciPy's, and how often they claim what is not there."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from oxyspy.statistics import compare_groups


def of(values, sigma=0.01, limits=()):
    return values, [sigma] * len(values), limits


def test_without_errors_it_is_welchs_test():
    """Errors far below the scatter: the scans' own differences are all there is."""
    a, b = [3.0, 3.3, 2.8, 3.1], [2.5, 2.1, 2.9, 2.2, 2.6]
    (found,) = compare_groups({"a": of(a, 1e-4), "b": of(b, 1e-4)})
    expected = ttest_ind(a, b, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-3)
    assert found.difference == pytest.approx(np.mean(a) - np.mean(b), rel=1e-6)
    assert found.interval_95 == pytest.approx(tuple(expected.confidence_interval()), rel=1e-3)


def test_three_pairs_are_corrected_as_holm_has_it():
    rng = np.random.default_rng(2)
    found = compare_groups({name: of(rng.normal(m, 0.3, 6)) for name, m in (("a", 1), ("b", 1.5), ("c", 3))})
    p, holm = np.array([[f.p, f.p_holm] for f in sorted(found, key=lambda f: f.p)]).T
    assert holm == pytest.approx(np.minimum(np.maximum.accumulate(p * [3, 2, 1]), 1))


def test_equal_populations_are_told_apart_no_more_often_than_promised():
    rng = np.random.default_rng(4)
    runs = 400
    claims = 0
    for _ in range(runs):
        sigma = rng.uniform(0.05, 0.2, (2, 5))
        a, b = rng.normal(2.0, np.hypot(sigma, 0.3))
        claims += compare_groups({"a": (a, sigma[0], ()), "b": (b, sigma[1], ())})[0].p < 0.05
    assert claims <= binom.ppf(0.9995, runs, 0.05)


@pytest.mark.slow
def test_limits_make_no_difference_where_there_is_none():
    """Layers of 0.8 ± 0.4 nm in both groups, of which about half show."""
    rng = np.random.default_rng(8)
    runs, claims = 40, 0
    for _ in range(runs):
        groups = {}
        for name in "ab":
            seen = rng.normal(np.maximum(rng.normal(0.8, 0.4, 6), 0), 0.3)
            shown = seen > 0.6
            groups[name] = (seen[shown], np.full(shown.sum(), 0.3), np.maximum(seen[~shown], 0) + 0.49)
        p = compare_groups(groups)[0].p
        claims += p < 0.05
    assert claims <= binom.ppf(0.9995, runs, 0.05)


def test_a_group_that_shows_no_layer_differs_from_one_that_does():
    (found,) = compare_groups({"bare": of([3.0, 3.2, 2.9, 3.1], 0.1), "coated": of([], 0.1, [0.6, 0.5, 0.7])})
    assert found.p < 0.01 and np.isnan(found.difference) and "upper limit" in found.reason


def test_pairs_that_cannot_be_tested_say_why():
    found = compare_groups({"one": of([2.0]), "two": of([2.0, 2.1]), "three": of([], limits=[0.5, 0.5])})
    assert "two scans" in found[0].reason and "one" in found[0].reason
    (neither,) = compare_groups({"x": of([], limits=[0.5, 0.5]), "y": of([], limits=[0.5, 0.5])})
    assert np.isnan(neither.p) and "neither" in str(neither)
