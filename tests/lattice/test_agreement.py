"""Two witnesses of one layer."""

from types import SimpleNamespace

import numpy as np
import pytest

from oxyspy.lattice import combine_layers


def layer(thickness, sigma, supported=True):
    return SimpleNamespace(thickness_nm=thickness, sigma_nm=sigma, supported=supported)


def test_equal_witnesses_halve_the_variance():
    both = combine_layers(layer(2.0, 0.2), layer(2.0, 0.2))
    assert both.thickness_nm == pytest.approx(2.0)
    assert both.sigma_nm == pytest.approx(0.2 / np.sqrt(2))
    assert both.agree


def test_disagreement_is_said_and_widens_the_error_to_reach_both():
    both = combine_layers(layer(2.0, 0.1), layer(3.0, 0.1))
    assert not both.agree
    assert "DISAGREE" in str(both)
    assert both.sigma_nm == pytest.approx(0.5)


def test_right_witnesses_disagree_in_five_of_a_hundred():
    rng = np.random.default_rng(0)
    agree = [
        combine_layers(layer(*a), layer(*b)).agree
        for a, b in zip(
            ((2 + 0.3 * rng.normal(), 0.3) for _ in range(4000)),
            ((2 + 0.1 * rng.normal(), 0.1) for _ in range(4000)),
            strict=True,
        )
    ]
    # binomial: 0.95 +- 3 * 0.0034
    assert np.mean(agree) == pytest.approx(0.95, abs=0.011)


def test_missing_witness_is_named():
    assert "second" in combine_layers(layer(2, 0.1), layer(np.nan, np.nan, False)).reason
