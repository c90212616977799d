"""Coatings as data: the study's six, the user's own, and whether their numbers agree with one another."""

from dataclasses import replace

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


ENTRY = {
    "composition": "Li2ZrO3",
    "source": "a test",
    "temperature": 300.0,
    "oxygen_concentration": 5e22,
    "oxygen": {"ea": [0.8, 0.05], "d": 1e-17, "d_bounds": [4e-18, 3e-17]},
}


def read_entry(tmp_path, entry):
    import yaml

    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"coatings": {"mine": entry}}))
    return coatings(path)["mine"]


def test_numbers_of_an_entry_may_be_text_with_units_and_the_density_stands_for_the_concentration(tmp_path):
    oxygen = {"ea": "77.188 kJ/mol", "d": "1e-21 m^2/s", "d_bounds": ["4e-22 m^2/s", "3e-17 cm^2/s"]}
    given = {**ENTRY, "temperature": "26.85 degC", "density": "4.2 g/cm^3", "oxygen": oxygen}
    del given["oxygen_concentration"]
    found = read_entry(tmp_path, given).oxygen
    assert (found.diffusivity, found.diffusivity_low) == pytest.approx((1e-17, 4e-18))
    # 96.485 kJ/mol are 1 eV; without its error, the energy has none
    assert found.activation_energy == pytest.approx(0.8, rel=1e-4) and np.isnan(found.activation_energy_sigma)
    assert "+-" not in repr(found)
    # 3 O of 153.1 g/mol
    assert found.concentration == pytest.approx(3 * 4.2 * 6.02214e23 / 153.10, rel=1e-3)


def test_points_of_d_of_t_in_a_file_are_fitted(tmp_path):
    runs = 2e-3 * np.exp(-0.92 / (K_B * T))[:, None] * np.exp(0.1 * np.random.default_rng(0).standard_normal((6, 3)))
    points = [[float(t), *map(float, row)] for t, row in zip(T, runs, strict=True)]
    # a run that failed is left out
    points[2] = points[2][:3]
    runs[2, 2] = np.nan
    fit = fit_arrhenius(T, runs)
    entry = {**ENTRY, "oxygen": {"points": points}, "glass_transition": "700 K"}
    with pytest.warns(UserWarning, match="across the glass transition at 700 K"):
        found = read_entry(tmp_path, entry).oxygen
    assert found.figures == "fitted" and found.diffusivity == pytest.approx(float(fit.at(300.0).value), rel=1e-12)
    assert found.activation_energy_sigma == pytest.approx(fit.activation_energy_sigma)
    assert "by 14.0 times the range" in found.caution and "glass transition at 700 K" in found.caution


def test_an_l_that_is_not_d_c_over_kt_is_told(tmp_path):
    l = float(onsager_coefficient(1e-17, 5e22, 300.0))
    for factor, told in ((1.0, False), (3.5, False), (8.0, True)):
        oxygen = ENTRY["oxygen"] | {"l": factor * l, "l_bounds": [0.4 * factor * l, 3 * factor * l]}
        found = read_entry(tmp_path, {**ENTRY, "oxygen": oxygen}).oxygen
        # the bounds of D reach 3 times up, and ions may move together
        assert bool("where D c / kT is" in found.caution) == told


def test_numbers_that_yaml_takes_for_text_are_numbers(tmp_path):
    # YAML 1.1 wants 4.0e+22
    (tmp_path / "mine.yaml").write_text(
        "{temperature: 3e2, coatings: {mine: {composition: Li2O, source: s, oxygen_concentration: 4e22, oxygen: "
        "{ea: [8e-1, 5e-2], d: 1e-17, d_bounds: [4e-18, 3e-17]}}}}"
    )
    ion = coatings(tmp_path / "mine.yaml")["mine"].oxygen
    assert (ion.concentration, ion.diffusivity, ion.activation_energy, ion.temperature) == (4e22, 1e-17, 0.8, 300.0)


@pytest.mark.parametrize("printed", [True, False])
def test_l_is_d_c_over_kt_in_every_entry_of_the_study(printed):
    for one in coatings(printed=printed).values():
        for ion in (one.oxygen, one.lithium):
            assert ion.caution == "", (one.name, ion.ion)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (5, "entry: found 5, needed a mapping"),
        ({"oxygen_concentration": 50}, "oxygen_concentration .*found 50 1/cm.3, needed at least 1e.18"),
        ({"oxygen_concentration": [5e22, -1e22]}, "oxygen_concentration .*found -1e.22"),
        (
            {"oxygen_concentration": [5e22, 4e22]},
            r"oxygen_concentration: found \[5e.22, 4e.22\], needed \[lowest, highest\]",
        ),
        ({"oxygen_concentration": 9e23}, "oxygen_concentration, as a density .*found 76"),
        ({"density": 4.2}, "needed one of 'oxygen_concentration' and 'density'"),
        ({"temperature": 27}, "temperature: found 27 K, needed at least 100 K; were these degrees Celsius"),
        ({"oxygen": {"d": 1e-17, "d_bounds": [4e-18, 3e-17], "l": 1e10}}, "oxygen: L = 1e.10 .*leave l out"),
        ({"oxygen": {"d": "1e-21 m", "d_bounds": [4e-18, 3e-17]}}, "oxygen: d: found 1e-21 m, needed a quantity"),
        ({"oxygen": {"d": 1e-17}}, "oxygen: lacks 'd_bounds'"),
        ({"oxygen": {"d": 1e-17, "d_bounds": 3e-17}}, "oxygen: d: needs 0 < lower bound"),
        ({"oxygen": {"D": 1e-17}}, "oxygen: found D, which nobody knows; known are caution, d, d_bounds"),
        ({"oxygen": {"d": 1e-17, "d_bounds": [1e-18, 1e-16], "ea": "high"}}, "oxygen: ea: cannot read 'high'"),
        ({"oxygen": {"d": 1e-17, "d_bounds": [1e-18, 1e-16], "ea": -0.8}}, "oxygen: ea .*found -0.8 eV"),
        ({"oxygen": {"d": 1e-17, "d_bounds": [1e-18, 1e-16], "figures": "guessed"}}, "found figures 'guessed'"),
        ({"oxygen": {"points": [[1800, 1e-6]], "d": 1e-17}}, "oxygen: found points beside d"),
        ({"oxygen": {"points": [[1800, 1e-6], 5]}}, "points: found .*needed rows"),
        ({"oxygen": {"points": [[1800, 1e-6], [2000, 2e-6]]}}, "found 2 values of D at 2 temperatures"),
        ({"oxide": {}}, "entry: found oxide, which nobody knows"),
        ({"composition": "LiF"}, "holds no O"),
        ({"composition": "Al2O3", "lithium": ENTRY["oxygen"]}, "lithium: found an entry, but Al2O3 holds no Li"),
        ({"glass_transition": 700.0}, "glass_transition: found without points"),
    ],
)
def test_what_an_entry_may_not_hold_is_named(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as error:
        read_entry(tmp_path, {**ENTRY, **change} if isinstance(change, dict) else change)
    assert "mine.yaml: coating mine: " in str(error.value)


def test_coatings_go_to_a_file_and_come_back(tmp_path):
    save_coatings(tmp_path / "all.yaml", coatings().values())
    back = coatings(tmp_path / "all.yaml")
    for name, one in coatings().items():
        for ion in ("oxygen", "lithium"):
            ours, theirs = getattr(one, ion), getattr(back[name], ion)
            assert ours.onsager_high == theirs.onsager_high and ours.diffusivity == theirs.diffusivity
            assert ours.concentration == pytest.approx(theirs.concentration, rel=1e-12)
            assert (ours.figures, ours.source) == (theirs.figures, theirs.source)


def test_a_fitted_coating_stays_fitted_with_its_caution(tmp_path):
    fit = fit_arrhenius(T, 2e-3 * np.exp(-0.92 / (K_B * T)) * (1 + 0.1 * np.array([1, -1, 1, -1, 1, -1])))
    with pytest.warns(UserWarning, match="glass transition"):
        mine = fitted_coating("mine", "Li3B11O18", fit, source="runs", density=2.12, glass_transition="700 K")
    save_coatings(tmp_path / "mine.yaml", [mine])
    back = coatings(tmp_path / "mine.yaml")["mine"].oxygen
    assert back.figures == "fitted" and back.caution == mine.oxygen.caution and "700 K" in back.caution
    # one whose energy nobody gave comes back without
    bare = replace(mine, oxygen=replace(mine.oxygen, activation_energy=np.nan, activation_energy_sigma=np.nan))
    save_coatings(tmp_path / "bare.yaml", [bare])
    assert np.isnan(coatings(tmp_path / "bare.yaml")["mine"].oxygen.activation_energy)


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
        ("coatings: {X: {source: s, composition: Li2O}}", InputError, "coating X: entry: lacks 'oxygen'"),
        (
            "temperature: 300.0\ncoatings: {X: {source: s, composition: Li2O, oxygen_concentration: 4.0e+22, "
            "oxygen: {d: 1.0e-17, d_bounds: [2.0e-17, 3.0e-17]}}}",
            InputError,
            "coating X: oxygen: d: needs 0 < lower bound <= value <= upper bound",
        ),
        (
            "temperature: 300.0\ncoatings: {X: {source: s, composition: 'Li2 O!', oxygen: {}}}",
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
