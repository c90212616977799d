"""Oxygen's chemical potential in gas, by reactions, along a charge and in phase diagrams."""

from pathlib import Path

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import formation_energies, oxygen_gas, reaction_potential, solid_energies
from oxyspy.transport.chemical_potential import ATMOSPHERE, oxygen_reference
from oxyspy.transport.quantities import K_B


def test_air_at_300_k_is_the_value_of_the_study():
    mu = oxygen_gas(300.0, 0.21 * ATMOSPHERE)
    assert round(float(mu), 3) == -5.242
    assert round(float(mu), 2) == -5.24


@pytest.mark.parametrize("temperature", [150.0, 300.0, 625.0, 1000.0, 1750.0])
def test_gas_agrees_with_statistical_mechanics(temperature):
    # an ideal triplet rotor and oscillator of O2: harmonic wave number 1580 cm-1, 1.2075 A
    from ase import Atoms
    from ase.thermochemistry import IdealGasThermo
    from ase.units import invcm

    molecule = Atoms("O2", positions=[[0, 0, 0], [0, 0, 1.2075]])
    model = IdealGasThermo(
        vib_energies=[1580 * invcm], geometry="linear", potentialenergy=0.0, atoms=molecule, symmetrynumber=2, spin=1
    )
    gibbs = model.get_gibbs_energy(temperature, 1e5, verbose=False) - model.get_ZPE_correction()
    # anharmonicity and the excited states cost a few meV at the top
    assert oxygen_gas(temperature, 1e5, reference=0.0) == pytest.approx(gibbs / 2, abs=0.004)


def test_gas_agrees_with_the_shomate_equation_between_the_rows():
    # NIST Chemistry WebBook, O2, 100-700 K (Chase 1998); H(298.15) - H(0) = 8.683 kJ/mol
    a, b, c, d, e, f, g = 31.32234, -20.23531, 57.86644, -36.50624, -0.007374, -8.903471, 246.7945
    for kelvin in (120.0, 275.0, 325.0, 550.0, 690.0):
        t = kelvin / 1000
        h = a * t + b * t**2 / 2 + c * t**3 / 3 + d * t**4 / 4 - e / t + f + 8.683
        s = a * np.log(t) + b * t + c * t**2 / 2 + d * t**3 / 3 - e / (2 * t**2) + g
        gibbs = (h * 1e3 - kelvin * s) / 96485.33
        # two fits of the same table differ by up to 20 J/mol
        assert oxygen_gas(kelvin, 1e5, reference=0.0) == pytest.approx(gibbs / 2, abs=2e-4)


def test_a_tenth_of_the_pressure_costs_half_a_kt_ln_10():
    difference = oxygen_gas(400.0, 1e4) - oxygen_gas(400.0, 1e5)
    assert difference == pytest.approx(-K_B * 400.0 * np.log(10) / 2)


def test_slope_with_temperature_is_minus_half_the_entropy():
    slope = (oxygen_gas(301.0, 1e5) - oxygen_gas(299.0, 1e5)) / 2
    # JANAF, 300 K: 205.329 J/mol/K; its enthalpies are rounded to 1 J/mol
    assert slope == pytest.approx(-205.329 / 96485.33 / 2, rel=2e-3)


def test_gas_outside_the_table_is_refused():
    with pytest.raises(InputError, match="temperature: found 50 K"):
        oxygen_gas(50.0, 1e5)
    with pytest.raises(InputError, match="pressure .*found 0 Pa"):
        oxygen_gas(300.0, 0.0)


def test_the_studys_electrolyte_potential_by_its_reaction():
    found = reaction_potential({"Li3PS4": 1}, {"Li3PO4": 1, "S": 4}, {"Li3PS4": (-8.0, 0.1), "Li3PO4": (-21.768, 0.1)})
    assert found.value == pytest.approx(-8.39, abs=1e-9)
    assert found.reaction == "Li3PS4 + 4 O -> Li3PO4 + 4 S" and found.oxygen == -4
    # two errors of 0.1 eV over four oxygens
    assert found.sigma == pytest.approx(0.1 * np.sqrt(2) / 4)


def test_a_cathode_in_balance_with_o2_at_0_k_has_the_potential_of_the_reference():
    found = reaction_potential({"NiO2": 1}, {"NiO": 1}, {"NiO2": -2.4, "NiO": -2.4})
    assert found.value == oxygen_reference()
    assert found.reaction == "NiO2 -> NiO + O"


def test_partial_reduction_to_spinel_gives_its_oxygen():
    found = reaction_potential({"NiO2": 3}, {"Ni3O4": 1}, {"NiO2": -2.4, "Ni3O4": -8.0})
    assert found.oxygen == pytest.approx(2)
    assert found.value - oxygen_reference() == pytest.approx((3 * -2.4 + 8.0) / 2)


def test_total_energies_need_no_reference():
    assert reaction_potential({"NiO2": 1}, {"NiO": 1}, {"NiO2": -15.0, "NiO": -10.0}, formation=False).value == -5.0


def test_energies_of_solids_are_those_of_the_committed_table_with_errors_by_their_atoms():
    table = Path(__file__).parents[2] / "benchmarks" / "oxygen_energies.md"
    if not table.is_file():
        pytest.skip("benchmarks are not part of this copy")
    rows = [line.split("|") for line in table.read_text(encoding="utf-8").splitlines() if line.count("|") == 8][2:]
    lowest = {}
    for row in rows:
        lowest[row[1].strip()] = min(float(row[7]), lowest.get(row[1].strip(), 0.0))
    found = solid_energies()
    assert {formula: value for formula, (value, _) in found.items()} == lowest
    size = next(
        line for line in table.read_text(encoding="utf-8").splitlines() if "from the Materials Project:" in line
    )
    per_atom = float(size.partition("root mean square ")[2].partition(" eV")[0])
    assert found["Li3PO4"][1] == pytest.approx(8 * per_atom)


@pytest.mark.parametrize(
    ("reactants", "products", "energies", "message"),
    [
        ({"NiO2": 1}, {"Ni3O4": 1}, {"NiO2": 0.0, "Ni3O4": 0.0}, "does not balance: -2 Ni"),
        ({"NiO": 1}, {"NiO": 1}, {"NiO": 0.0}, "exchanges no oxygen"),
        ({"NiO2": 1}, {"NiO": 1}, {"NiO2": 0.0}, "no energy was given for NiO"),
    ],
)
def test_reactions_that_say_nothing_are_refused(reactants, products, energies, message):
    with pytest.raises(InputError, match=message):
        reaction_potential(reactants, products, energies)


def test_measured_formation_energies_are_those_that_pymatgen_ships():
    import gzip
    import json
    from pathlib import Path as File

    compatibility = pytest.importorskip("pymatgen.analysis.compatibility", reason="an older pymatgen without the file")
    path = File(compatibility.__file__).parent / "exp_compounds.json.gz"
    if not path.is_file():
        pytest.skip("this pymatgen keeps its measured energies elsewhere")
    shipped = {row["formula"]: row for row in json.loads(gzip.decompress(path.read_bytes()))}
    found = formation_energies()
    for formula in ("NiO", "P2S3"):
        assert found[formula][0] == pytest.approx(shipped[formula]["exp energy"], abs=1e-6)
        assert found[formula][1] == pytest.approx(shipped[formula]["uncertainty"], abs=1e-6)


def test_measured_energies_are_in_ev_whatever_their_source_prints():
    found = formation_energies()
    # CRC: -2095.8 and -441.4 kJ/mol, without errors
    assert found["Li3PO4"][0] == pytest.approx(-2095.8 / 96.48533, rel=1e-6) and np.isnan(found["Li3PO4"][1])
    assert found["Li2S"][0] == pytest.approx(-441.4 / 96.48533, rel=1e-6)
    assert "unknown" in repr(reaction_potential({"Li2S": 1.5, "P2S5": 0.5}, {"Li3PO4": 1, "S": 4}, found))


def test_the_reference_is_the_energy_of_o2_of_the_materials_project():
    import gzip
    import json
    from pathlib import Path as File

    compatibility = pytest.importorskip("pymatgen.analysis.compatibility", reason="an older pymatgen without the file")
    path = File(compatibility.__file__).parent / "calc_compounds.json.gz"
    if not path.is_file():
        pytest.skip("this pymatgen keeps its calculated energies elsewhere")
    entry = json.loads(gzip.decompress(path.read_bytes()))["O2"]
    assert round(entry["energy"] / sum(entry["composition"].values()), 3) == oxygen_reference()


@pytest.mark.parametrize("energies", [solid_energies(), {"NiO2": -17.6, "NiO": -12.96}])
def test_total_energies_in_place_of_formation_energies_are_refused(energies):
    # they would give -9.588 eV, which looks like a potential
    with pytest.raises(InputError, match="no formation energy from the elements; for total energies give formation=F"):
        reaction_potential({"NiO2": 1}, {"NiO": 1}, energies)


def test_energies_may_be_text():
    found = reaction_potential({"NiO2": 1}, {"NiO": 1}, {"NiO2": "-202.6 kJ/mol", "NiO": ("-2.484 eV", "0.013 eV")})
    assert found.value == pytest.approx(oxygen_reference() - 202.6 / 96.48533 + 2.484, abs=1e-4)
    assert found.sigma == pytest.approx(0.013)
