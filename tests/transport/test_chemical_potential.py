"""Oxygen's chemical potential in gas, by reactions, along a charge and in phase diagrams."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import along_charge, oxygen_gas, reaction_potential
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
    with pytest.raises(InputError, match="temperature: found 50"):
        oxygen_gas(50.0, 1e5)
    with pytest.raises(InputError, match="pressure: found 0"):
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


def test_mu_c_follows_the_table_of_the_user_and_stops_with_it():
    table = [(4.3, -4.95), (4.1, -5.3)]
    np.testing.assert_allclose(along_charge([4.1, 4.2, 4.3], table), [-5.3, -5.125, -4.95])
    with pytest.raises(InputError, match="needed 4.1 to 4.3 V"):
        along_charge(4.4, table)
    with pytest.raises(InputError, match="mu_c table"):
        along_charge(4.2, [1, 2])
