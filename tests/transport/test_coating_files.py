"""Coatings as data: the study's six, the user's own, and whether their numbers agree with one another."""

import numpy as np
import pytest

from oxyspy.errors import InputError, ReadError
from oxyspy.transport import Coating, coatings, fit_arrhenius, fitted_coating, onsager_coefficient, save_coatings
from oxyspy.transport.quantities import K_B
from oxyspy.transport.reproduce import rounding

SIX = ["Li3B11O18", "LiAlO2", "LiNbO3", "Al2O3", "ZnO", "Li2O"]
T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])


def test_the_six_coatings_of_the_study_are_there():
    known = coatings()
    assert list(known) == SIX
    # physics of table 2: (Ea, its error, D, L)
    table = {
        "Li3B11O18": (0.92, 0.05, 7e-19, 1e6),
        "LiAlO2": (0.86, 0.05, 5e-18, 9e6),
        "LiNbO3": (0.61, 0.02, 5e-14, 9e10),
        "Al2O3": (1.04, 0.07, 9e-21, 2e4),
        "ZnO": (0.67, 0.09, 9e-15, 1e10),
        "Li2O": (0.37, 0.02, 5e-11, 7e13),
    }
    for name, (ea, sigma, d, l) in table.items():
        ion = coatings(printed=True)[name].oxygen
        assert (ion.activation_energy, ion.activation_energy_sigma, ion.diffusivity, ion.onsager) == (ea, sigma, d, l)
        assert ion.figures == "printed" and ion.source


@pytest.mark.parametrize("name", SIX)
def test_onsager_coefficient_is_d_c_over_kt_within_rounding(name):
    ion = coatings(printed=True)[name].oxygen
    low, high = rounding(f"{ion.diffusivity:.0e}")
    ends = (
        onsager_coefficient(low, ion.concentration_low, ion.temperature),
        onsager_coefficient(high, ion.concentration_high, ion.temperature),
    )
    least, most = rounding(f"{ion.onsager:.0e}")
    assert ends[0] <= most and ends[1] >= least


def test_worked_back_values_are_apart_from_printed_ones_and_say_so():
    best, printed = coatings()["Li3B11O18"].oxygen, coatings(printed=True)["Li3B11O18"].oxygen
    assert (best.figures, printed.figures) == ("worked back", "printed")
    assert (best.onsager, printed.onsager) == (1.455e6, 1e6)
    assert "table 3" in best.source and "table 3" not in printed.source
    # the worked-back D rounds to the printed one, so both tables hold at once
    assert f"{best.diffusivity:.0e}" == "7e-19"
    assert coatings()["Li3B11O18"].density == pytest.approx(2.12, abs=0.005)
    alumina = coatings()["Al2O3"]
    assert f"{alumina.oxygen.diffusivity:.0e}" == "9e-21" and alumina.density == pytest.approx(2.79, abs=0.005)


def test_bounds_surround_their_values():
    for printed in (True, False):
        for one in coatings(printed=printed).values():
            for ion in (one.oxygen, one.lithium):
                assert ion.diffusivity_low <= ion.diffusivity <= ion.diffusivity_high
                assert ion.onsager_low <= ion.onsager <= ion.onsager_high


def test_lithium_moves_faster_than_oxygen_in_every_coating():
    assert all(one.lithium.diffusivity > one.oxygen.diffusivity for one in coatings().values())


def test_another_temperature_follows_the_activation_energy():
    ion = coatings()["ZnO"].oxygen
    warm = ion.at(350.0)
    slope = np.log(warm.diffusivity / ion.diffusivity) / (1 / ion.temperature - 1 / 350.0) * K_B
    assert slope == pytest.approx(0.67)
    # L = D c / kT keeps its concentration
    assert warm.onsager * 350.0 / warm.diffusivity == pytest.approx(ion.onsager * 300.0 / ion.diffusivity)


def test_users_add_coatings_of_their_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "temperature: 300.0\n"
        "coatings:\n"
        "  Li2ZrO3:\n"
        "    composition: Li2ZrO3\n"
        "    source: a test\n"
        "    oxygen_concentration: 5.0e+22\n"
        "    oxygen: {ea: [0.8, 0.05], d: 1.0e-17, d_bounds: [4.0e-18, 3.0e-17]}\n"
    )
    mine = coatings(path)["Li2ZrO3"]
    assert list(coatings(path))[:6] == SIX
    # L and its bounds follow from D and the concentration
    assert mine.oxygen.onsager == pytest.approx(onsager_coefficient(1e-17, 5e22, 300.0))
    assert mine.oxygen.onsager_high == pytest.approx(3 * mine.oxygen.onsager)
    assert mine.lithium is None and mine.oxygen.figures == "given"


def test_coatings_go_to_a_file_and_come_back(tmp_path):
    save_coatings(tmp_path / "all.yaml", coatings().values())
    back = coatings(tmp_path / "all.yaml")
    for name, one in coatings().items():
        for ion in ("oxygen", "lithium"):
            ours, theirs = getattr(one, ion), getattr(back[name], ion)
            assert ours.onsager_high == theirs.onsager_high and ours.diffusivity == theirs.diffusivity
            assert ours.concentration == pytest.approx(theirs.concentration, rel=1e-12)


def test_a_fit_of_trajectories_becomes_a_coating():
    rng = np.random.default_rng(0)
    runs = 2e-3 * np.exp(-0.92 / (K_B * T))[:, None] * np.exp(0.1 * rng.standard_normal((6, 3)))
    fit = fit_arrhenius(T, runs)
    mine = fitted_coating("mine", "Li3B11O18", fit, source="runs of mine", density=2.12)
    assert isinstance(mine, Coating) and mine.oxygen.figures == "fitted"
    assert mine.oxygen.diffusivity == fit.at(300.0).value
    assert mine.oxygen.diffusivity_high == fit.at(300.0).high
    assert mine.densification_time("2 nm", "10 nm").value > 0


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("coatings: [1, 2]", ReadError, "found no mapping"),
        ("coatings: {A: {composition: A}}", InputError, "coating A: has no source"),
        ("coatings: {X: {source: s, composition: Li2O}}", InputError, "coating X: lacks 'oxygen_concentration'"),
        (
            "temperature: 300.0\ncoatings: {X: {source: s, composition: Li2O, oxygen_concentration: 4.0e+22, "
            "oxygen: {d: 1.0e-17, d_bounds: [2.0e-17, 3.0e-17]}}}",
            InputError,
            "coating X: O: needs 0 < lower bound <= value <= upper bound",
        ),
        (
            "temperature: 300.0\ncoatings: {X: {source: s, composition: 'Li2 O!', oxygen_concentration: 4.0e+22}}",
            InputError,
            "coating X: composition: cannot read",
        ),
        ("coatings: {", ReadError, "not readable as YAML"),
    ],
)
def test_a_bad_file_is_refused_with_file_and_coating_named(tmp_path, text, error, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(error, match=message) as found:
        coatings(path)
    assert "bad.yaml" in str(found.value)


def test_an_unknown_coating_names_those_there_are():
    with pytest.raises(InputError, match="'LiPON' is not known; known are Li3B11O18, LiAlO2"):
        coatings()["LiPON"]
    assert "LiPON" not in coatings() and coatings().get("LiPON") is None
