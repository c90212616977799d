"""The required diffusivity, its intervals, its limits and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxyspy.errors import InputError
from oxyspy.transport import allowed_diffusivity, densification_time, required_diffusivity
from oxyspy.transport.permeation import steady_layer, steady_time
from oxyspy.transport.quantities import K_B, STUDY

CONDITIONS = {name: STUDY[name] for name in ("radius", "mu_c", "mu_e", "c_max")}


def log_uniform(low, high):
    return st.floats(np.log(low), np.log(high)).map(np.exp)


@pytest.mark.parametrize("geometry", ["sphere", "cylinder", "plane"])
def test_a_thousand_diffusivities_put_in_come_back(geometry):
    rng = np.random.default_rng(7)

    def between(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), 1100))

    d, radius, coating = between(1e-24, 1e-9), between(1e-6, 1e-2), between(2e-9, 1e-3)
    layer = between(1e-5, 0.9) * radius
    inputs = {"mu_e": rng.uniform(-9.0, -5.05, 1100), "temperature": rng.uniform(200.0, 500.0, 1100)}
    inputs |= {"radius": radius, "concentration": between(1e22, 1e23), "geometry": geometry, "n_samples": 0}
    forward = densification_time(layer, coating, D=d, **inputs)
    # over 30 000 years: refused as a slip of units
    possible = np.flatnonzero(forward.value < 1e12)[:1000]
    assert possible.size == 1000
    inputs = {name: x[possible] if np.ndim(x) else x for name, x in inputs.items()}
    back = required_diffusivity(layer[possible], coating[possible], forward.value[possible], **inputs)
    np.testing.assert_allclose(back.value, d[possible], rtol=1e-10)


@settings(max_examples=100, deadline=None)
@given(
    d=log_uniform(1e-24, 1e-9),
    share=st.floats(1e-5, 0.9),
    coating=log_uniform(2e-9, 1e-3),
    radius=log_uniform(1e-6, 1e-2),
    mu_e=st.floats(-9.0, -5.05),
    concentration=log_uniform(1e22, 1e23),
    temperature=st.floats(200.0, 500.0),
    geometry=st.sampled_from(["sphere", "cylinder", "plane"]),
)
def test_the_diffusivity_put_in_comes_back(d, share, coating, radius, mu_e, concentration, temperature, geometry):
    inputs = {"radius": radius, "mu_e": mu_e, "concentration": concentration, "temperature": temperature}
    layer = share * radius
    forward = densification_time(layer, coating, D=d, geometry=geometry, n_samples=0, **inputs)
    if not forward.value < 1e12:
        # over 30 000 years: refused as a slip of units
        return
    back = required_diffusivity(layer, coating, forward.value, geometry=geometry, n_samples=0, **inputs)
    assert back.value == pytest.approx(d, rel=1e-10)
    assert back.onsager == pytest.approx(forward.onsager, rel=1e-10)


@pytest.fixture(scope="module")
def experiments():
    """2000 measurements of one truth, with errors in all inputs that can have one, and their intervals."""
    rng = np.random.default_rng(1)
    truth = {"layer": 2e-7, "coating": 10e-7, "time": 9900.0, "radius": 5e-4, "mu_c": -4.95, "mu_e": -5.24}
    truth |= {"c_max": 4.2e22, "concentration": 5.37e22}
    sigma = {"layer": 0.3e-7, "coating": 0.8e-7, "time": 300.0, "radius": 5e-5, "mu_c": 0.02, "mu_e": 0.015}
    sigma |= {"c_max": 2e21, "concentration": 3e21}
    measured = {name: truth[name] + s * rng.standard_normal(2000) for name, s in sigma.items()}
    errors = {f"{name}_sigma": s for name, s in sigma.items()}
    true = float(required_diffusivity(**truth, n_samples=0).value)
    return true, {n: required_diffusivity(**measured, **errors, n_samples=n) for n in (0, 1000)}


@pytest.mark.parametrize("n_samples", [1000, 0])
def test_intervals_cover_the_truth_as_often_as_they_say(experiments, n_samples):
    true, found = experiments
    one = found[n_samples]
    # 2000 experiments know a coverage to 1 %; 64-72 and 93-97 % are promised
    assert 0.64 < np.mean((one.low < true) & (true < one.high)) < 0.72
    assert 0.93 < np.mean((one.low_95 < true) & (true < one.high_95)) < 0.97


def test_draws_and_first_order_agree_where_errors_are_small():
    inputs = {"layer": 2e-7, "coating": 10e-7, "time": 9900.0}
    errors = {"layer_sigma": 0.02e-7, "mu_c_sigma": 0.003, "concentration_sigma": 5e20}
    drawn = required_diffusivity(**inputs, **errors)
    linear = required_diffusivity(**inputs, **errors, n_samples=0)
    # terms of second order are 1 % of the error here
    assert drawn.sigma == pytest.approx(linear.sigma, rel=0.02)
    assert drawn.sigma_linear == pytest.approx(linear.sigma, rel=1e-9)
    assert drawn.onsager_high == pytest.approx(linear.onsager_high, rel=1e-3)
    assert linear.onsager_high < linear.high * linear.onsager / linear.value


def test_sensitivities_are_the_derivatives():
    inputs = {"layer": 2e-6, "coating": 3e-6, "time": 9900.0, "radius": 1e-5, "mu_c": -4.95, "mu_e": -5.24}
    inputs |= {"c_max": 4.2e22, "released": 0.5, "concentration": 5.37e22, "temperature": 300.0}
    for geometry in ("sphere", "cylinder", "plane"):
        found = required_diffusivity(**inputs, geometry=geometry, n_samples=0)
        assert set(found.sensitivities) == set(inputs)
        for name, value in inputs.items():
            step = 1e-5 * abs(value)
            ends = [
                np.log(required_diffusivity(**inputs | {name: value + s}, geometry=geometry, n_samples=0).value)
                for s in (step, -step)
            ]
            derivative = (ends[0] - ends[1]) / (2 * step) * (1 if name.startswith("mu") else value)
            # central differences err by the square of the step and by rounding over it: 1e-9
            assert found.sensitivities[name] == pytest.approx(derivative, abs=1e-7), (geometry, name)


def test_the_input_with_the_largest_part_is_named():
    found = required_diffusivity("2 +- 0.1 nm", "10 +- 3 nm", "165 +- 5 min")
    assert found.dominant == "coating"
    assert found.contributions["coating"] == pytest.approx(0.3, rel=0.01)
    assert required_diffusivity("2 nm", "10 nm", "165 min").dominant == ""
    assert "taken as exact: radius" in found.method


def test_a_layer_that_cannot_be_told_from_zero_gives_a_limit_with_a_reason():
    found = required_diffusivity("0.2 +- 0.2 nm", "10 nm", "165 min")
    assert np.isnan(found.value) and found.upper_limit and "upper limit" in found.reason
    assert (found.low, found.low_95) == (0.0, 0.0)
    # 95 % of a normal distribution cut at zero: 0.2 + 0.2 * 1.7270 nm
    limit = required_diffusivity(0.5454e-7, 10e-7, 9900.0, n_samples=0).value
    assert found.high_95 == pytest.approx(limit, rel=1e-3)
    first_order = required_diffusivity("0.2 +- 0.2 nm", "10 nm", "165 min", n_samples=0)
    assert first_order.high_95 == pytest.approx(limit, rel=1e-3)
    assert str(found).startswith("D < ")


def test_a_known_upper_limit_of_the_layer_becomes_that_of_the_diffusivity():
    found = required_diffusivity(0.0, 10e-7, 9900.0, layer_sigma=0.5e-7 / 1.96)
    assert found.high_95 == pytest.approx(required_diffusivity(0.5e-7, 10e-7, 9900.0).value, rel=1e-3)


def test_upper_limits_hold_as_often_as_they_say():
    # true layers from zero to one standard error, measured with errors of one
    rng = np.random.default_rng(2)
    true = rng.uniform(0.0, 1.0, 4000) * 1e-8
    seen = true + 1e-8 * rng.standard_normal(4000)
    keep = (seen < 2e-8) & (seen > -3e-8)
    found = required_diffusivity(seen[keep], 10e-7, 9900.0, layer_sigma=1e-8, n_samples=0)
    needed = required_diffusivity(np.maximum(true[keep], 1e-20), 10e-7, 9900.0, n_samples=0).value
    # a flat prior on a positive layer errs on the safe side near zero, so at least 95 %
    assert np.mean(needed < found.high_95) > 0.94


def test_scans_are_solved_as_each_alone():
    layers = np.array([2e-7, np.nan, 0.1e-7, 4e-7])
    times = np.array([9900.0, 9900.0, 3600.0, 1e5])
    together = required_diffusivity(layers, 10e-7, times, layer_sigma=0.3e-7)
    for i, (layer, time) in enumerate(zip(layers, times, strict=True)):
        alone = required_diffusivity(layer, 10e-7, time, layer_sigma=0.3e-7)
        for name in ("value", "low", "high", "low_95", "high_95", "onsager", "onsager_low"):
            np.testing.assert_allclose(getattr(together, name)[i], getattr(alone, name), rtol=1e-12, err_msg=name)
        assert (together.reason[i], together.dominant[i]) == (alone.reason, alone.dominant)
    assert together.reason[1] == "no layer thickness was given"
    assert np.isnan(together.high_95[1])


@pytest.mark.parametrize("n_samples", [0, 500])
def test_an_array_of_errors_alone_makes_as_many_results(n_samples):
    found = required_diffusivity(2e-7, 10e-7, 9900.0, layer_sigma=[0.1e-7, 0.4e-7, 2e-7], n_samples=n_samples)
    for name in ("value", "low", "high", "sigma", "onsager", "onsager_low", "upper_limit", "reason", "dominant"):
        assert np.shape(getattr(found, name)) == (3,), name
    assert found.upper_limit.tolist() == [False, False, True]
    assert found.sensitivities["time"][0] == -1.0


def test_many_scans_in_blocks_are_the_same_as_at_once(monkeypatch):
    layers = np.linspace(1e-7, 4e-7, 30).reshape(5, 6)
    whole = required_diffusivity(layers, 10e-7, 9900.0, layer_sigma=0.2e-7, n_samples=500)
    monkeypatch.setattr("oxyspy.transport.uncertainty.BLOCK", 2000)
    blocks = required_diffusivity(layers, 10e-7, 9900.0, layer_sigma=0.2e-7, n_samples=500)
    np.testing.assert_array_equal(whole.low, blocks.low)
    assert whole.low.shape == (5, 6)


def test_the_same_seed_gives_the_same_interval():
    first, second = (required_diffusivity("2+-0.3nm", "10nm", "165min", seed=4) for _ in range(2))
    assert (first.low, first.high_95) == (second.low, second.high_95)


def test_concentration_turns_l_into_d_and_adds_its_error_to_d_only():
    exact = required_diffusivity(2e-7, 10e-7, 9900.0, layer_sigma=0.2e-7)
    blurred = required_diffusivity(2e-7, 10e-7, 9900.0, layer_sigma=0.2e-7, concentration_sigma=1e22)
    assert exact.value == pytest.approx(exact.onsager * K_B * 300.0 / STUDY["concentration"], rel=1e-12)
    assert blurred.sigma > 1.5 * exact.sigma
    # the draws of the layer are the same up to their order among those of the concentration
    assert blurred.onsager_high == pytest.approx(exact.onsager_high, rel=1e-3)


def test_allowed_diffusivity_keeps_the_layer_at_its_target():
    found = allowed_diffusivity("1 nm", "10 nm", "1000 h")
    layer = steady_layer(3.6e6, 10e-7, found.onsager, **CONDITIONS)
    assert layer == pytest.approx(1e-7, rel=1e-10)
    assert type(found).__name__ == "AllowedDiffusivity" and str(found).startswith("D up to")
    blurred = allowed_diffusivity("1 nm", "10 +- 1 nm", "1000 h")
    assert blurred.low_95 < blurred.value and "at 95 %" in str(blurred)


def test_half_the_released_oxygen_needs_half_the_diffusivity():
    whole = required_diffusivity(2e-7, 10e-7, 9900.0, released=0.5)
    assert required_diffusivity(2e-7, 10e-7, 9900.0, released=0.25).value == pytest.approx(whole.value / 2)


def test_numbers_text_and_pint_say_the_same():
    from oxyspy.units import registry

    nm = registry().nm
    text = required_diffusivity("2 nm", "10 nm", "165 min", radius="5 um")
    pint = required_diffusivity(2 * nm, 10 * nm, 165 * registry().minute)
    # unit conversions round
    assert text.value == pytest.approx(required_diffusivity(2e-7, 10e-7, 9900.0).value, rel=1e-12)
    assert pint.value == pytest.approx(text.value, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coating": -10e-7}, r"coating \(thickness of the coating\): found -1e-06 cm"),
        ({"layer": -2e-7}, "layer .*: found -2e-07 cm"),
        ({"layer": 0.0}, "layer .*found 0 cm without a standard error"),
        ({"layer": -2e-7, "layer_sigma": 0.5e-7}, "layer: found a negative thickness"),
        ({"mu_e": -4.0}, "mu_c - mu_e: found -0.95 eV"),
        ({"mu_e": -4.95}, "mu_c - mu_e: found 0 eV"),
        ({"mu_c": -4.95, "mu_c_sigma": 0.2}, "mu_c - mu_e: .* standard errors of zero"),
        ({"layer": 6e-4, "radius": 5e-4}, "thicker than the particle's radius of 0.0005 cm"),
        ({"released": 50.0}, "released .*found 50, needed a fraction from 0 to 1 .*per cent"),
        ({"layer": 2.0}, "layer .*found 2 cm, needed at most 0.01 cm; is the unit right"),
        ({"coating": 10.0}, "coating .*found 10 cm.*is the unit right"),
        ({"c_max": 4.2e28}, "c_max .*found 4.2e.28 1/cm.*is the unit right"),
        ({"concentration": 53.7}, "concentration .*found 53.7 1/cm"),
        ({"mu_e": -505.6}, "mu_e .*found -505.6 eV"),
        ({"temperature": 0.0}, "temperature: found 0 K, needed at least 100 K; were these degrees Celsius"),
        ({"time": 0.0}, "time: found 0 s, needed a positive one"),
        ({"layer": "2 eV"}, "layer: found 2 eV, needed a quantity that converts to cm"),
        ({"layer": "2"}, "layer: '2' has no unit"),
        ({"layer": "two nm"}, "layer: cannot read"),
        ({"layer": [1, "a"]}, "layer: cannot read 'a'"),
        ({"layer_sigma": -1e-8}, "layer_sigma: found -1e-08 cm"),
        ({"coating": 1e-7, "coating_sigma": 0.8e-7}, "coating: found 1e-07 with a standard error of 8e-08"),
        ({"geometry": "cube"}, "geometry: found 'cube'"),
        ({"n_samples": 5}, "n_samples: found 5"),
        ({"n_samples": 1000.5}, "n_samples: found 1000.5, needed 0 .first order. or a whole number"),
        # 0.3 nm given as 0.3, beside a text with its unit
        ({"layer": "2 nm", "layer_sigma": 0.3}, "layer_sigma: found 0.3 cm, needed at most 0.01 cm; is the unit right"),
        ({"layer_sigma": np.inf}, "layer_sigma: found inf cm, needed a finite standard error"),
        ({"layer_sigma": np.nan}, "layer_sigma: found nan cm, needed a finite standard error"),
        ({"layer": [2e-7, 3e-7, 4e-7], "coating": [1e-6, 2e-6]}, r"do not fit.*layer \(3,\), coating \(2,\)"),
        ({"temperature": 27.0}, "temperature: found 27 K, needed at least 100 K; were these degrees Celsius"),
    ],
)
def test_bad_input_is_refused_with_the_quantity_named(change, message):
    inputs = {"layer": 2e-7, "coating": 10e-7, "time": 9900.0} | change
    with pytest.raises(InputError, match=message):
        required_diffusivity(**inputs)


def test_a_pint_quantity_of_another_kind_is_refused():
    from oxyspy.units import registry

    with pytest.raises(InputError, match="layer: found 2 second, needed a quantity that converts to cm"):
        required_diffusivity(2 * registry().second, 10e-7, 9900.0)


def test_a_result_goes_to_plain_numbers():
    plain = required_diffusivity(np.array([2e-7, np.nan]), 10e-7, 9900.0).to_dict()
    assert plain["value"][1] is None and plain["dominant"] == ["", ""]
    assert plain["sensitivities"]["time"] == [-1.0, None]


def test_the_inverse_is_the_forward_formula():
    found = required_diffusivity(2e-7, 10e-7, 9900.0)
    assert steady_time(2e-7, 10e-7, found.onsager, **CONDITIONS) == pytest.approx(9900.0, rel=1e-12)


def test_a_scan_that_failed_may_be_among_the_others_with_its_error():
    found = required_diffusivity([2e-7, np.nan], 10e-7, 9900.0, layer_sigma=[2e-8, np.nan])
    assert found.value[0] == required_diffusivity(2e-7, 10e-7, 9900.0).value and np.isnan(found.value[1])
    assert found.reason.tolist() == ["", "no layer thickness was given"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("coating", "no thickness of the coating was given"),
        ("time", "no time was given"),
        ("temperature", "no temperature was given"),
        ("mu_e", "no oxygen chemical potential outside was given"),
    ],
)
def test_whatever_is_not_known_is_named(name, reason):
    inputs = {"layer": 2e-7, "coating": 10e-7, "time": 9900.0} | {name: np.nan}
    assert repr(required_diffusivity(**inputs)) == f"D not known: {reason}"


def test_a_million_problems_are_not_drawn_for_unasked():
    layers = np.full(20_000, 2e-7)
    found = required_diffusivity(layers, 10e-7, 9900.0, layer_sigma=2e-8)
    assert "first order in the errors (so many problems" in found.method
    assert "10000 joint draws" in required_diffusivity(layers[:3], 10e-7, 9900.0, layer_sigma=2e-8).method
    # 1000.0 is a whole number
    assert "1000 joint draws" in required_diffusivity(layers[:3], 1e-6, 9900.0, layer_sigma=2e-8, n_samples=1e3).method


def test_many_problems_in_blocks_are_solved_as_each_alone():
    rng = np.random.default_rng(0)
    inputs = {"layer": rng.uniform(1e-7, 4e-7, (300, 401)), "coating": rng.uniform(1e-7, 1e-6, 401), "time": 9900.0}
    errors = {"layer_sigma": 2e-8, "concentration_sigma": rng.uniform(1e21, 5e21, (300, 1))}
    together = required_diffusivity(**inputs, **errors, n_samples=0)
    assert together.value.shape == together.contributions["concentration"].shape == (300, 401)
    one = {name: np.broadcast_to(x, (300, 401))[271, 399] for name, x in (inputs | errors).items()}
    alone = required_diffusivity(**one, n_samples=0)
    for name in ("value", "low", "high_95", "sigma", "onsager", "onsager_low", "onsager_high"):
        assert getattr(together, name)[271, 399] == pytest.approx(getattr(alone, name), rel=1e-14), name
    wrong = inputs["layer"].copy()
    wrong[299, 400] = 6e-4
    with pytest.raises(InputError, match="thicker than the particle"):
        required_diffusivity(**inputs | {"layer": wrong}, n_samples=0)


def test_a_design_s_own_names_are_used():
    found = allowed_diffusivity("1 nm", "10 nm", "1000 h", target_sigma="0.1 nm", life_sigma="100 h", n_samples=0)
    assert found.sigma == pytest.approx(np.hypot(0.1, 0.1), rel=1e-3)
    with pytest.raises(InputError, match="target .*found 1 cm"):
        allowed_diffusivity(1.0, "10 nm", "1000 h")
    with pytest.raises(InputError, match="life: found 1 nm"):
        allowed_diffusivity("1 nm", "10 nm", "1 nm")
    with pytest.raises(InputError, match="target: found 0.0006 cm, thicker than the particle"):
        allowed_diffusivity("6 um", "10 nm", "1 h")
    with pytest.raises(TypeError, match="allowed_diffusivity.. got an unexpected keyword argument 'lief_sigma'"):
        allowed_diffusivity("1 nm", "10 nm", "1000 h", lief_sigma=1.0)
