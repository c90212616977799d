"""The time a layer takes under a coating whose transport is known."""

from dataclasses import replace

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import coatings, densification_time, layer_after, required_diffusivity
from oxyspy.transport.forward import readable_unit


@pytest.mark.parametrize(
    ("mu_e", "coating", "printed"),
    [
        (-8.39, "1 nm", ("1.4", "0.5", "3.8")),
        (-8.39, "10 nm", ("14", "5", "38")),
        (-5.24, "1 nm", ("16.6", "6.5", "45")),
        (-5.24, "10 nm", ("165", "64", "452")),
    ],
)
def test_table_3_of_the_study_comes_out_as_printed(mu_e, coating, printed):
    found = coatings()["Li3B11O18"].densification_time("2 nm", coating, mu_e=mu_e)
    for text, seconds in zip(printed, (found.value, found.low, found.high), strict=True):
        decimals = len(text.partition(".")[2])
        assert round(seconds / 60, decimals) == float(text)


def test_bounds_of_a_known_coating_stay_as_they_are():
    known = coatings()["Li3B11O18"]
    found = known.densification_time(2e-7, 10e-7)
    # the draws give the quantiles of a split normal to the width of a stratum
    assert found.low / found.value == pytest.approx(known.oxygen.onsager / known.oxygen.onsager_high, rel=1e-3)
    assert found.high / found.value == pytest.approx(known.oxygen.onsager / known.oxygen.onsager_low, rel=1e-3)
    assert found.dominant == "ln_L" and found.sensitivities["ln_L"] == -1.0


def test_errors_of_layer_and_coefficient_add_in_squares():
    found = densification_time(2e-7, 10e-7, L=1e6, L_sigma=1e5, layer_sigma=0.2e-7, n_samples=0)
    assert found.sigma == pytest.approx(np.hypot(0.1, 0.1), rel=1e-3)


def test_many_coefficients_are_solved_as_each_alone():
    l, sigma = np.array([1e5, 1e6, 1e7]), np.array([1e4, 3e5, 1e6])
    together = densification_time(2e-7, np.array([[1e-7], [1e-6]]), L=l, L_sigma=sigma, n_samples=1000)
    assert together.value.shape == (2, 3)
    alone = densification_time(2e-7, 1e-6, L=l[1], L_sigma=sigma[1], n_samples=1000)
    assert together.high[1, 1] == pytest.approx(alone.high, rel=1e-12)


def test_diffusivity_and_concentration_give_the_coefficient():
    a = densification_time(2e-7, 10e-7, D=7e-19, concentration=5.37e22)
    b = densification_time(2e-7, 10e-7, L=a.onsager)
    assert a.value == pytest.approx(b.value, rel=1e-12)
    assert required_diffusivity(2e-7, 10e-7, a.value).value == pytest.approx(7e-19, rel=1e-10)
    blurred = densification_time(2e-7, 10e-7, D=7e-19, D_sigma=1e-19, concentration_sigma=5e21, n_samples=0)
    assert blurred.sigma == pytest.approx(np.hypot(1 / 7, 5e21 / 5.37e22))


def test_a_warmer_coating_is_faster_by_its_activation_energy():
    known = coatings()["Al2O3"]
    ratio = known.densification_time(2e-7, 1e-6).value / known.densification_time(2e-7, 1e-6, temperature=330.0).value
    expected = np.exp(1.04 / 8.617333e-5 * (1 / 300 - 1 / 330)) * 300 / 330
    assert ratio == pytest.approx(expected, rel=1e-6)
    # 5 K of error at 330 K: (Ea / kT - 1) dT / T
    warm = known.densification_time(2e-7, 1e-6, temperature="330 +- 5 K", n_samples=0)
    exact = known.densification_time(2e-7, 1e-6, temperature=330.0, n_samples=0)
    assert warm.sigma > exact.sigma


def test_a_layer_near_zero_gives_an_upper_limit_of_the_time():
    found = densification_time("0.1 +- 0.1 nm", "10 nm", L=1.455e6)
    assert np.isnan(found.value) and found.upper_limit and str(found).startswith("time < ")


@pytest.mark.parametrize(
    ("transport", "message"),
    [
        ({}, "none or several of L, D and known"),
        ({"L": 1e6, "D": 1e-18}, "none or several"),
        ({"L": 1e6, "concentration": 5e22}, "concentration: found one beside L"),
        ({"L": 1e6, "temperature": 300.0}, "temperature: found one beside L"),
        ({"L": -1e6}, "L .Onsager coefficient.: found -1e.06"),
        ({"D": "7e-19 nm"}, "D: found 7e-19 nm"),
    ],
)
def test_unclear_transport_is_refused(transport, message):
    with pytest.raises(InputError, match=message):
        densification_time(2e-7, 10e-7, **transport)


def test_durations_have_the_unit_a_reader_would_choose():
    assert [readable_unit(t)[0] for t in (1.0, 600.0, 7.2e5, 1e7, 1e9)] == ["s", "min", "h", "d", "y"]


def test_what_made_the_coefficient_is_among_the_inputs_with_its_own_part():
    found = densification_time(2e-7, 1e-6, D=7e-19, D_sigma=1e-19, concentration_sigma=5e21, n_samples=0)
    assert found.inputs["temperature"]["value"] == 300.0 and found.inputs["concentration"]["value"] == 5.37e22
    assert found.contributions == pytest.approx({"ln_L": 1 / 7, "concentration": 5e21 / 5.37e22})
    assert found.sensitivities["concentration"] == pytest.approx(-1.0)
    # t is as kT / D c: a D that holds at its temperature
    assert found.sensitivities["temperature"] == pytest.approx(1.0)
    known = densification_time(2e-7, 1e-6, known="Al2O3")
    assert known.inputs["temperature"]["value"] == 300.0
    assert known.sensitivities["temperature"] == pytest.approx(1 - 1.04 / (8.617333e-5 * 300.0), rel=1e-6)


def test_a_coating_measured_warm_is_taken_to_the_temperature_of_use():
    cold = coatings()["Al2O3"]
    warm = replace(cold, oxygen=cold.oxygen.at(1000.0))
    found = densification_time(2e-7, 1e-6, known=warm, n_samples=0)
    assert found.value == pytest.approx(densification_time(2e-7, 1e-6, known=cold).value, rel=1e-12)
    # the error of the activation energy counts over that distance, once on the way up and once on the way down
    distance = 0.07 / 8.617333e-5 * (1 / 300 - 1 / 1000)
    below = np.log(cold.oxygen.onsager / cold.oxygen.onsager_low)
    assert warm.oxygen.at(300.0).log_sigma[0] == pytest.approx(np.sqrt(below**2 + 2 * distance**2), rel=1e-6)


def test_a_coating_without_activation_energy_stays_at_its_temperature():
    one = replace(coatings()["Al2O3"].oxygen, activation_energy=np.nan, activation_energy_sigma=np.nan)
    known = replace(coatings()["Al2O3"], oxygen=one)
    assert densification_time(2e-7, 1e-6, known=known).value > 0
    with pytest.raises(InputError, match="temperature: found 330.0 K .*known at 300 K without an activation energy"):
        densification_time(2e-7, 1e-6, known=known, temperature=330.0)
    assert np.isnan(one.at(330.0).onsager) and one.at(300.0) is one


@pytest.mark.parametrize("geometry", ["sphere", "cylinder", "plane"])
def test_the_layer_after_the_time_of_a_layer_is_that_layer(geometry):
    layers = np.geomspace(1e-8, 4e-6, 7)
    times = densification_time(layers, 1e-6, L=1e5, radius=5e-6, geometry=geometry).value
    found = layer_after(times, 1e-6, L=1e5, radius=5e-6, geometry=geometry)
    np.testing.assert_allclose(found.value, layers, rtol=1e-10)


def test_intervals_of_the_layer_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(3)
    truth = {"time": 9900.0, "coating": 1e-6, "L": 1.455e6, "mu_e": -5.24}
    sigma = {"time": 900.0, "coating": 8e-8, "L": 2e5, "mu_e": 0.02}
    measured = {name: truth[name] + s * rng.standard_normal(2000) for name, s in sigma.items()}
    found = layer_after(**measured, **{f"{name}_sigma": s for name, s in sigma.items()}, n_samples=500)
    true = layer_after(**truth).value
    # 2000 experiments know a coverage to 1 %
    assert 0.64 < np.mean((found.low < true) & (true < found.high)) < 0.72
    assert 0.93 < np.mean((found.low_95 < true) & (true < found.high_95)) < 0.97


def test_sensitivities_of_the_layer_are_its_derivatives():
    inputs = {"time": 9900.0, "coating": 3e-6, "radius": 1e-5, "mu_c": -4.95, "mu_e": -5.24, "c_max": 4.2e22}
    inputs |= {"released": 0.5, "D": 7e-18, "concentration": 5e22, "temperature": 310.0}
    for geometry in ("sphere", "cylinder", "plane"):
        found = layer_after(**inputs, geometry=geometry, n_samples=0)
        for name, value in inputs.items():
            step = 1e-5 * abs(value)
            ends = [np.log(layer_after(**inputs | {name: value + s}, geometry=geometry).value) for s in (step, -step)]
            derivative = (ends[0] - ends[1]) / (2 * step) * (1 if name.startswith("mu") else value)
            key = "ln_L" if name == "D" else name
            assert found.sensitivities[key] == pytest.approx(derivative, abs=1e-6), (geometry, name)


def test_a_particle_that_is_used_up_gives_no_more():
    found = layer_after("1000 h", "10 nm", L=1e10, L_sigma=1e9, radius_sigma="0.1 um", n_samples=0)
    assert found.value == 5e-4 and "the whole particle" in repr(found)
    # then only the radius counts
    assert found.sigma == pytest.approx(0.02) and found.dominant == "radius"


def test_a_known_coating_may_be_a_name():
    assert layer_after("165 min", "10 nm", known="Li3B11O18").value == pytest.approx(2e-7, rel=2e-3)
    with pytest.raises(InputError, match="'LiPON' is not known"):
        layer_after("165 min", "10 nm", known="LiPON")


def test_what_is_not_known_is_named():
    assert layer_after(np.nan, "10 nm", L=1e6).reason == "no time was given"
    assert repr(densification_time(2e-7, np.nan, L=1e6)) == "time not known: no thickness of the coating was given"
    assert densification_time(2e-7, 1e-6, L=np.nan).reason == "no L or D was given"
    with pytest.raises(TypeError, match="layer_after.. got an unexpected keyword argument 'layer'"):
        layer_after("165 min", "10 nm", L=1e6, layer=1e-7)
