"""Every public function takes numbers in its documented units, text with a unit and pint quantities alike."""

import types

import numpy as np
import pytest

import oxyspy.transport as transport
from oxyspy.errors import InputError
from oxyspy.units import registry

T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
FIT = transport.fit_arrhenius(T, 2e-3 * np.exp(-0.92 / (8.617333e-5 * T)))
ALUMINA = transport.coatings()["Al2O3"]
CM, S, EV, K, CM3 = "cm", "s", "eV", "K", "1/cm^3"

LAYER = {"layer": (2e-7, CM), "coating": (1e-6, CM)}
CONDITIONS = {
    "radius": (5e-4, CM), "mu_c": (-4.95, EV), "mu_e": (-5.24, EV), "c_max": (4.2e22, CM3), "released": (0.5, ""),
}  # fmt: skip
ERRORS = {
    "layer_sigma": (2e-8, CM),
    "coating_sigma": (1e-7, CM),
    "mu_e_sigma": (0.01, EV),
    "temperature_sigma": (2.0, K),
}
IN_COATING = {"concentration": (5.37e22, CM3), "temperature": (300.0, K)}
STEP = [transport.OxygenStep(-5.0, {"NiO": 1.0}, -1.0)]


def nickel():
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    energies = {"Li": 0.0, "Ni": 0.0, "O2": 0.0, "NiO": -2.5, "NiO2": -2.9, "LiNiO2": -6.0, "Li2O": -6.2}
    return [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]


# name: what to compute of its quantities; each quantity with its documented unit
CASES = {
    "required_diffusivity": (
        lambda **q: transport.required_diffusivity(**q, n_samples=0).high,
        LAYER | {"time": (9900.0, S)} | CONDITIONS | IN_COATING | ERRORS,
    ),
    "allowed_diffusivity": (
        lambda **q: transport.allowed_diffusivity(**q, n_samples=0).high,
        {"target": (2e-7, CM), "coating": (1e-6, CM), "life": (3.6e6, S), "target_sigma": (2e-8, CM)}
        | {"life_sigma": (3.6e5, S)} | CONDITIONS | IN_COATING,
    ),
    "densification_time": (
        lambda **q: transport.densification_time(**q, n_samples=0).high,
        LAYER | {"D": (7e-19, "cm^2/s"), "D_sigma": (1e-19, "cm^2/s")} | CONDITIONS | IN_COATING | ERRORS,
    ),
    "layer_after": (
        lambda **q: transport.layer_after(**q, n_samples=0).high,
        {"time": (9900.0, S), "coating": (1e-6, CM), "L": (1.455e6, "1/eV/cm/s"), "L_sigma": (1e5, "1/eV/cm/s")}
        | {"time_sigma": (600.0, S), "mu_c_sigma": (0.01, EV)} | CONDITIONS,
    ),
    "minimum_thickness": (
        lambda **q: transport.minimum_thickness(ALUMINA, **q).high,
        {"target": (2e-7, CM), "life": (3.6e6, S), "temperature": (310.0, K), "target_sigma": (1e-8, CM)} | CONDITIONS,
    ),
    "beyond_steady": (
        lambda **q: transport.beyond_steady(transport.required_diffusivity(2e-7, 1e-6, 9900.0), **q).value,
        {"layer_L": (1e6, "1/eV/cm/s"), "spread": (0.3, ""), "pinholes": (0.001, "")},
    ),
    "uneven_layer": (
        lambda **q: transport.uneven_layer(**q).mean,
        {"time": (9900.0, S), "coating": (1e-6, CM), "L": (1.455e6, "1/eV/cm/s"), "spread": (0.3, "")}
        | {"pinholes": (0.01, ""), "layer_L": (1e6, "1/eV/cm/s"), "radius": (5e-4, CM), "mu_c": (-4.95, EV)}
        | {"mu_e": (-5.24, EV), "capacity": (2.1e22, CM3)},
    ),
    "time_lag": (
        transport.time_lag,
        {"coating": (1e-6, CM), "L": (1e6, "1/eV/cm/s"), "mu_c": (-4.95, EV), "mu_e": (-5.24, EV)}
        | {"uptake": (1e21, CM3)},
    ),
    "flux": (
        transport.flux,
        {"L": (1e6, "1/eV/cm/s"), "coating": (1e-6, CM), "mu_c": (-4.95, EV), "mu_e": (-5.24, EV)},
    ),
    "onsager_coefficient": (
        transport.onsager_coefficient,
        {"diffusivity": (7e-19, "cm^2/s"), "concentration": (5.37e22, CM3), "temperature": (300.0, K)},
    ),
    "diffusivity_of_onsager": (
        transport.diffusivity_of_onsager,
        {"L": (1.455e6, "1/eV/cm/s"), "concentration": (5.37e22, CM3), "temperature": (300.0, K)},
    ),
    "concentration_of": (lambda **q: transport.concentration_of("Al2O3", **q), {"density": (2.79, "g/cm^3")}),
    "density_of": (lambda **q: transport.density_of("Al2O3", **q), {"concentration": (5e22, CM3)}),
    "oxygen_gas": (
        transport.oxygen_gas, {"temperature": (300.0, K), "pressure": (21278.0, "Pa"), "reference": (-4.948, EV)},
    ),
    "reaction_potential": (
        lambda NiO, NiO2: transport.reaction_potential({"NiO2": 1}, {"NiO": 1}, {"NiO": NiO, "NiO2": NiO2}).value,
        {"NiO": (-2.48, EV), "NiO2": (-2.1, EV)},
    ),
    "oxygen_steps": (
        lambda **q: transport.release_potential(transport.oxygen_steps(nickel(), "NiO2", **q)), {"voltage": (3.9, "V")},
    ),
    "along_charge": (
        lambda voltage: transport.along_charge(voltage, [(4.1, -5.3), (4.3, -4.95)]), {"voltage": (4.2, "V")},
    ),
    "exposure": (
        lambda time, mu_c, mu_e: transport.exposure([time, "1 h"], [mu_c, "-4.95 eV"], mu_e),
        {"time": (60.0, S), "mu_c": (-5.1, EV), "mu_e": (-5.24, EV)},
    ),
    "charge_curve": (
        lambda time, voltage: transport.charge_curve([0.0, time], [3.6, voltage], [(3.6, -5.6), (4.3, -4.9)]).mu_c[-1],
        {"time": (3600.0, S), "voltage": (4.2, "V")},
    ),
    "time_at_voltage": (transport.time_at_voltage, {"cycles": (5.0, ""), "period": (3600.0, S), "fraction": (0.2, "")}),
    "cycles_of": (transport.cycles_of, {"time": (9900.0, S), "period": (3600.0, S), "fraction": (0.2, "")}),
    "fit_arrhenius": (
        lambda temperature, diffusivity: transport.fit_arrhenius(
            [temperature, 2000.0, 2400.0], [diffusivity, 9.6e-6, 2.3e-5]).activation_energy,
        {"temperature": (1800.0, K), "diffusivity": (5.3e-6, "cm^2/s")},
    ),
    "fit_vft": (
        lambda t0: transport.fit_vft(T, 2e-3 * np.exp(-0.92 / (8.617333e-5 * T)), t0=t0).activation_energy,
        {"t0": (200.0, K)},
    ),
    "compare_laws": (
        lambda at, t0: transport.compare_laws(
            T, 2e-3 * np.exp(-0.92 / (8.617333e-5 * T)), at=at, t0=t0)[-1].extrapolated.value,
        {"at": (300.0, K), "t0": (200.0, K)},
    ),
    "fitted_coating": (
        lambda **q: transport.fitted_coating("x", "Li2O", FIT, source="a test", **q).oxygen.onsager,
        {"density": (2.0, "g/cm^3"), "temperature": (310.0, K)},
    ),
    "glass_shift": (
        lambda **q: transport.glass_shift(FIT, **q),
        {"glass_transition": (700.0, K), "relaxation_time": (100.0, S), "step": (3e-8, CM)},
    ),
    "screen": (
        lambda **q: transport.screen(**q)[0].oxygen,
        {"oxygen_max": (1e-17, "cm^2/s"), "lithium_min": (7e-16, "cm^2/s"), "temperature": (310.0, K)},
    ),
    # methods that take quantities
    "IonTransport.at": (lambda **q: ALUMINA.oxygen.at(**q).onsager, {"temperature": (310.0, K)}),
    "DiffusivityFit.at": (lambda **q: FIT.at(**q).value, {"temperature": (300.0, K)}),
}  # fmt: skip
# these take no quantity: coatings, files, results of others, the study's tables, figures of them (the guidelines of
# plot_tradeoff are screen's)
BARE = {
    "coatings", "save_coatings", "compare_coatings", "solid_energies", "formation_energies", "release_potential",
    "uptake_potential", "materials_project_entries", "read_charge_curve", "plot_growth", "plot_required",
    "plot_tradeoff", "study_rows",
}  # fmt: skip


def test_no_public_function_is_left_out():
    public = {
        name
        for name in transport.__all__
        if not isinstance(getattr(transport, name), (type, types.ModuleType)) and callable(getattr(transport, name))
    }
    assert public == {name for name in CASES if "." not in name} | BARE


@pytest.mark.parametrize(("name", "quantity"), [(name, q) for name, (_, given) in CASES.items() for q in given])
def test_pint_text_and_numbers_say_the_same_and_a_wrong_unit_is_refused_by_name(name, quantity):
    compute, given = CASES[name]
    numbers = {q: value for q, (value, _) in given.items()}
    expected = float(compute(**numbers))
    value, unit = given[quantity]
    quantity_ = registry().Quantity(value, unit or "dimensionless")
    # conversions there and back round
    for form in (f"{value!r} {unit}", quantity_.to_base_units() if unit else quantity_):
        assert float(compute(**numbers | {quantity: form})) == pytest.approx(expected, rel=1e-9), form
    for wrong in ("1 candela", registry().Quantity(1.0, "candela")):
        with pytest.raises(InputError, match=f"(^| ){quantity}"):
            compute(**numbers | {quantity: wrong})


def test_moles_per_cent_and_degrees_are_read_where_people_write_them():
    kelvin = transport.required_diffusivity(2e-7, 1e-6, 9900.0, temperature="60 degC", released="50 %")
    assert kelvin.inputs["temperature"]["value"] == pytest.approx(333.15)
    assert kelvin.inputs["released"]["value"] == 0.5
    # 96.485 kJ/mol are 1 eV, and 0.1 mol/cm3 are 6.022e22
    molar = transport.required_diffusivity(2e-7, 1e-6, 9900.0, mu_e="-505.583 kJ/mol", c_max="0.0697 mol/cm^3")
    assert molar.inputs["mu_e"]["value"] == pytest.approx(-505.583 / 96.48533, rel=1e-6)
    assert molar.inputs["c_max"]["value"] == pytest.approx(0.0697 * 6.02214076e23)
    with pytest.raises(InputError, match="temperature: found 60 C.*degrees are written degC"):
        transport.required_diffusivity(2e-7, 1e-6, 9900.0, temperature="60 C")


def test_a_measurement_of_pint_brings_its_error():
    thickness = registry().Quantity(2.0, "nm").plus_minus(0.3)
    found = transport.required_diffusivity(thickness, "10 nm", "165 min", n_samples=0)
    assert found.sigma == pytest.approx(0.15, rel=1e-3)


def test_a_list_of_texts_is_an_array_with_their_errors():
    found = transport.required_diffusivity(["2 +- 0.3 nm", "30 angstrom"], "10 nm", "165 min", n_samples=0)
    np.testing.assert_allclose(found.inputs["layer"]["value"], [2e-7, 3e-7])
    np.testing.assert_allclose(found.inputs["layer"]["sigma"], [0.3e-7, 0.0])


def test_an_error_that_would_not_be_used_is_refused():
    with pytest.raises(InputError, match="coating .*with an error; needed one without"):
        transport.flux(1e6, "10 +- 1 nm", -4.95, -5.24)
