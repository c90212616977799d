"""Inferred numbers with the layer's own resistance, uneven coatings, holes and the transient: closed forms."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import beyond_steady, densification_time, required_diffusivity
from oxyspy.transport.resistance import resisted_onsager, resisted_time
from oxyspy.transport.transient import transient_layer
from oxyspy.transport.uneven import uneven_layer

LAYER, COATING, TIME = 2e-7, 10e-7, 9900.0


def steady(geometry="plane"):
    return required_diffusivity(LAYER, COATING, TIME, geometry=geometry, layer_sigma=2e-8)


def conditions(found):
    x = {name: pair["value"] for name, pair in found.inputs.items()}
    return {
        "radius": x["radius"],
        "mu_c": x["mu_c"],
        "mu_e": x["mu_e"],
        "capacity": x["c_max"] * x["released"],
        "geometry": found.geometry,
    }


@pytest.mark.parametrize("geometry", ["plane", "cylinder", "sphere"])
def test_a_layer_that_resists_asks_for_the_coating_of_the_closed_form(geometry):
    found = steady(geometry)
    fuller = beyond_steady(found, layer_L=1e6)
    exact = resisted_onsager(LAYER, COATING, TIME, 1e6, **conditions(found))
    assert fuller.onsager == pytest.approx(exact, rel=1e-9)
    assert fuller.value == pytest.approx(found.value * exact / found.onsager, rel=1e-9)


@pytest.mark.parametrize("layer_L", [1e6, 4e5])
def test_intervals_beyond_the_steady_model_are_those_of_the_closed_form_over_drawn_inputs(layer_L):
    found = steady("plane")
    fuller = beyond_steady(found, layer_L=layer_L)
    layers = np.random.default_rng(1).normal(LAYER, 2e-8, 20_000)
    drawn = [resisted_onsager(layer, COATING, TIME, layer_L, **conditions(found)) for layer in layers]
    low, high = np.quantile(np.nan_to_num(drawn, nan=np.inf, posinf=np.inf), [0.1587, 0.8413]) / fuller.onsager
    # each side's distance in ln, to a tenth: first order with each input moved by a whole standard error
    assert np.log(fuller.low / fuller.value) == pytest.approx(np.log(low), rel=0.1)
    assert np.log(fuller.high / fuller.value) == pytest.approx(np.log(high), rel=0.1)
    # the layer's own resistance makes the coating harder to tell than the steady model believes
    assert np.log(fuller.high / fuller.low) > 1.02 * np.log(found.high / found.low)


def test_an_error_of_the_coatings_L_counts_less_where_the_layer_resists_too():
    found = densification_time(LAYER, COATING, L=1.455e6, L_sigma=3e5, geometry="plane")
    fuller = beyond_steady(found, layer_L=1e6)
    x = conditions(found)
    exact = [resisted_time(LAYER, COATING, 1.455e6 * np.exp(way * 3e5 / 1.455e6), 1e6, **x) for way in (1, -1)]
    assert fuller.low / fuller.value == pytest.approx(exact[0] / fuller.value, rel=0.01)
    assert fuller.high / fuller.value == pytest.approx(exact[1] / fuller.value, rel=0.01)


def test_a_resistance_of_the_layer_lengthens_the_time_as_the_parabola_says():
    found = densification_time(LAYER, COATING, L=1.455e6, geometry="plane")
    exact = resisted_time(LAYER, COATING, 1.455e6, 1e6, **conditions(found))
    assert beyond_steady(found, layer_L=1e6).value == pytest.approx(exact, rel=1e-9)


def test_an_uneven_coating_lets_through_one_plus_the_square_of_its_spread():
    # <1/l> of a log-normal thickness, where the coating alone limits a plane
    assert beyond_steady(steady(), spread=0.5).factor == pytest.approx(1 / 1.25, rel=1e-6)
    time = densification_time(LAYER, COATING, L=1.455e6, geometry="plane")
    assert beyond_steady(time, spread=0.5).factor == pytest.approx(1 / 1.25, rel=1e-6)


def test_holes_and_coating_together_give_the_layer_that_was_put_in():
    truth = {"spread": 0.3, "pinholes": 0.01, "layer_L": 1e6}
    found = steady("sphere")
    layer = uneven_layer(TIME, COATING, 1.2e6, **truth, **conditions(found)).mean
    again = required_diffusivity(layer, COATING, TIME)
    fuller = beyond_steady(again, **truth)
    assert fuller.onsager == pytest.approx(1.2e6, rel=1e-8)
    assert fuller.bare > fuller.covered > 0


@pytest.mark.parametrize("uptake", [1e19, 1e21, 2e22])
def test_a_coating_that_fills_gives_back_the_layer_that_was_put_in(uptake):
    found = steady()
    layer = float(transient_layer(TIME, COATING, 1.2e6, uptake=uptake, **conditions(found)))
    again = required_diffusivity(layer, COATING, TIME, geometry="plane")
    fuller = beyond_steady(again, uptake=uptake)
    assert fuller.onsager == pytest.approx(1.2e6, rel=1e-8)
    assert fuller.time_lag == pytest.approx(COATING**2 * uptake / (6 * 1.2e6 * 0.29), rel=1e-8)


def test_what_no_coating_can_explain_has_no_value_but_a_reason():
    slow = beyond_steady(steady(), layer_L=1e4)
    assert np.isnan(slow.value) and "own resistance" in slow.reason and "not known" in repr(slow)
    holes = beyond_steady(steady(), layer_L=1e7, pinholes=0.9)
    assert np.isnan(holes.value) and "holes" in holes.reason


def test_a_steady_result_without_value_stays_without():
    none = required_diffusivity(0.0, COATING, TIME, layer_sigma=1e-8)
    assert np.isnan(beyond_steady(none, spread=0.3).value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "nothing beyond"),
        ({"pinholes": 0.1}, "without layer_L"),
        ({"pinholes": 1.0, "layer_L": -1.0}, "layer_L"),
        ({"pinholes": 3.0, "layer_L": 1e6}, "per cent"),
        ({"uptake": 1e21, "spread": 0.2}, "alone"),
    ],
)
def test_questions_without_an_answer_are_refused(asked, message):
    with pytest.raises(InputError, match=message):
        beyond_steady(steady(), **asked)


def test_many_problems_at_once_are_refused():
    many = required_diffusivity(np.array([1e-7, 2e-7]), COATING, TIME)
    with pytest.raises(InputError, match="one by one"):
        beyond_steady(many, spread=0.2)
