"""Screening and the least thickness for a life."""

from dataclasses import replace

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import coatings, minimum_thickness, screen
from oxyspy.transport.permeation import steady_time

STUDY = {"radius": 5e-4, "mu_c": -4.95, "mu_e": -5.24, "c_max": 4.2e22}


def test_the_guidelines_sort_the_study_s_coatings():
    found = {one.coating: one for one in screen()}
    assert found["Li3B11O18"].verdict == "meets both"
    assert found["Al2O3"].passes_lithium == "open" and found["Al2O3"].blocks_oxygen == "yes"
    # its upper bound is the guideline itself
    assert found["LiAlO2"].blocks_oxygen == "open"
    for name in ("LiNbO3", "ZnO", "Li2O"):
        assert found[name].blocks_oxygen == "no" and found[name].verdict == "fails"


def test_guidelines_of_one_s_own_are_taken():
    found = {one.coating: one.verdict for one in screen(oxygen_max=1e-9, lithium_min=1e-17)}
    assert set(found.values()) == {"meets both"}


def test_a_coating_without_lithium_data_is_unknown():
    one = replace(coatings()["Li3B11O18"], lithium=None)
    (found,) = screen({"x": one})
    assert found.passes_lithium == found.verdict == "unknown" and np.isnan(found.lithium)


@pytest.mark.parametrize("geometry", ["sphere", "cylinder", "plane"])
def test_the_least_thickness_just_lasts_the_life(geometry):
    known = coatings()["Al2O3"]
    life = 3.6e6
    found = minimum_thickness(known, 2e-7, life, geometry=geometry)
    for thickness, l in (
        (found.value, known.oxygen.onsager),
        (found.low, known.oxygen.onsager_low),
        (found.high, known.oxygen.onsager_high),
    ):
        assert steady_time(2e-7, thickness, l, geometry=geometry, **STUDY) == pytest.approx(life, rel=1e-9)


def test_where_no_thickness_lasts_there_is_none_and_a_reason():
    found = minimum_thickness(coatings()["Li2O"], 2e-7, 3.6e6)
    assert np.isnan(found.value) and "as thick as the particle" in found.reason
    assert str(found).startswith("no thickness")


def test_a_thick_coating_says_what_its_curvature_does():
    found = minimum_thickness(coatings()["Li3B11O18"], 2e-7, "200 h")
    # l_c / r of the exact shell
    assert f"{1 + found.value / 5e-4:.2f} times as long" in found.method
    assert str(found).endswith("none]")
    assert "times as long" not in minimum_thickness(coatings()["Al2O3"], 2e-7, "200 h").method


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": 0.0}, "target .*found 0 cm without"),
        ({"target": 1e-3}, "target: found 0.001 cm, thicker than the particle"),
        ({"life": -1.0}, "life .*found -1 s"),
        ({"mu_e": -4.0}, "mu_c - mu_e"),
    ],
)
def test_impossible_aims_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        minimum_thickness(coatings()["Al2O3"], **{"target": 2e-7, "life": 3.6e6} | change)


def warm_alumina():
    """Al2O3 as if its numbers were known at 1000 K."""
    cold = coatings()["Al2O3"]
    return replace(cold, oxygen=cold.oxygen.at(1000.0), lithium=cold.lithium.at(1000.0))


def test_guidelines_of_300_k_are_not_applied_to_numbers_of_1000_k():
    (found,) = screen({"x": warm_alumina()})
    assert found.temperature == 300.0 and found.oxygen == pytest.approx(coatings()["Al2O3"].oxygen.diffusivity)
    assert found.blocks_oxygen == "yes"
    (hot,) = screen({"x": warm_alumina()}, temperature=1000.0)
    assert hot.blocks_oxygen == "no"


def test_a_coating_without_activation_energy_is_unknown_elsewhere():
    ion = replace(coatings()["Al2O3"].oxygen, activation_energy=np.nan, activation_energy_sigma=np.nan)
    one = replace(coatings()["Al2O3"], oxygen=ion)
    assert screen({"x": one}, temperature=330.0)[0].verdict == "unknown"
    found = minimum_thickness(one, 2e-7, "200 h", temperature=330.0)
    assert np.isnan(found.value) and "known at 300 K only" in found.reason


def test_a_warmer_cell_needs_a_thicker_coating():
    cold, warm = (minimum_thickness("Al2O3", 2e-7, "20 h", temperature=t, geometry="plane") for t in (300.0, 320.0))
    expected = np.exp(1.04 / 8.617333e-5 * (1 / 300 - 1 / 320)) * 300 / 320
    assert warm.value / cold.value == pytest.approx(expected, rel=1e-6)


def test_errors_of_target_and_life_widen_the_least_thickness():
    exact, found = (
        minimum_thickness("Al2O3", target, life) for target, life in (("2 nm", "200 h"), ("2 +- 0.4 nm", "200 +- 40 h"))
    )
    assert (found.low, found.value) < (exact.low, exact.value * 1.000001) and found.high > exact.high
    assert found.contributions["layer"] == pytest.approx(0.2, rel=1e-3)
    # against draws of everything, one standard error each: layer and time to a fifth, L by its bounds
    rng = np.random.default_rng(0)
    ion = coatings()["Al2O3"].oxygen
    z = rng.standard_normal(20_000)
    below, above = ion.log_sigma
    l = ion.onsager * np.exp(np.where(z > 0, above, below) * z)
    layers, times = (m * np.exp(0.2 * rng.standard_normal(20_000)) for m in (2e-7, 7.2e5))
    drawn = times * 0.29 * l / (0.5 * 4.2e22 * layers)
    low, high = np.quantile(drawn, [0.1587, 0.8413])
    # first order in the logarithms, about a split normal: a twentieth of the interval
    assert np.log(found.low / low) == pytest.approx(0, abs=0.06) and np.log(found.high / high) == pytest.approx(
        0, abs=0.06
    )


def test_bad_conditions_are_refused_by_name():
    with pytest.raises(TypeError, match="minimum_thickness.. got an unexpected keyword argument 'radios'"):
        minimum_thickness("Al2O3", 2e-7, 3.6e6, radios=1e-4)
    with pytest.raises(InputError, match="one problem"):
        minimum_thickness("Al2O3", [2e-7, 3e-7], 3.6e6)
