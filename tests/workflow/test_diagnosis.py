"""Reasons why counts show no edge."""

import numpy as np
import pytest

from oxyspy.workflow.diagnosis import diagnosis

ENERGY = 560.0 + 0.25 * np.arange(1200)
RNG = np.random.default_rng(0)


def with_edge(at=640.0, n=20):
    counts = 400 * (ENERGY / 560) ** -3 + 300.0 * np.heaviside(ENERGY - at, 0)
    return RNG.poisson(counts, (1, n, ENERGY.size)).astype(float)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (np.full((1, 5, 1200), np.nan), "not finite"),
        (np.full((1, 5, 1200), 3.0), "constant (3 counts)"),
        (RNG.normal(0, 1, (2, 30, 1200)), "vacuum"),
        (np.minimum(with_edge(), 350), "saturated"),
        (np.concatenate([with_edge(600 + 15 * k, 2) for k in range(9)], axis=1), "drifted"),
        (RNG.poisson(400 * (ENERGY / 560) ** -3, (1, 20, 1200)), "no edge of Mn L"),
    ],
)
def test_kinds_of_bad_counts_are_told_apart(counts, said):
    assert said in diagnosis(counts, ENERGY, ["Mn_L"])


def test_spread_of_a_drift_is_what_it_was_made_with():
    """Edges uniform over 90 eV: 80 % of them within 72 eV, sampled by sixty spectra."""
    counts = np.concatenate([with_edge(620 + 1.5 * k, 1) for k in range(60)], axis=1)
    told = diagnosis(counts, ENERGY, ["Mn_L"])
    assert abs(float(told.split("differ by ")[1].split(" eV")[0]) - 72) < 4
