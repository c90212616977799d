"""Figures: every coating in them, units on their axes, and nothing told by colour alone."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import (
    allowed_diffusivity,
    beyond_steady,
    coatings,
    compare_coatings,
    layer_after,
    plot_growth,
    plot_required,
    plot_tradeoff,
    required_diffusivity,
)
from oxyspy.transport.compare import VERDICTS
from oxyspy.transport.figures import LOOKS, formula


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def labels(fig):
    return {text.get_text() for legend in fig.legends for text in legend.get_texts()}


NAMES = {formula(name) for name in coatings()}


def test_formulas_have_their_numbers_lowered_and_names_do_not():
    assert formula("Li3B11O18") == "Li$_{3}$B$_{11}$O$_{18}$"
    assert [formula(name) for name in ("ZnO", "mine 2", "batch7", "LiPON")] == ["ZnO", "mine 2", "batch7", "LiPON"]


def test_every_verdict_has_a_look_of_its_own_and_not_by_colour_alone():
    assert set(LOOKS) == set(VERDICTS)
    measured, design = ("consistent", "faster", "slower", "undecided"), ("safe", "open", "exceeds", "unknown")
    for group in (measured, design):
        assert len({LOOKS[verdict][1] for verdict in group}) == len(group)


@pytest.mark.parametrize("layer", ["2 +- 0.3 nm", "0.1 +- 0.1 nm", "2 nm"])
def test_required_diffusivities_are_drawn_beside_every_coating(layer):
    need = required_diffusivity(layer, "10 nm", "165 min", temperature="60 degC")
    fig = plot_required(need, compare_coatings(need))
    assert {text.get_text() for text in fig.axes[0].get_yticklabels()} == NAMES
    assert fig.axes[0].get_xlabel() == "oxygen diffusivity at 333.15 K (cm$^2$/s)"
    # a band for each interval, both named
    assert {"required, 68 %", "required, 95 %"} <= labels(fig) if need.contributions and not need.upper_limit else True


def test_designs_and_fuller_models_are_called_what_they_are():
    allowed = allowed_diffusivity("2 nm", "10 +- 1 nm", "24 h")
    assert {"allowed", "allowed, 95 %", "lets through too much"} <= labels(
        plot_required(allowed, compare_coatings(allowed))
    )
    fuller = beyond_steady(required_diffusivity("2 +- 0.2 nm", "10 nm", "165 min"), spread=0.5)
    fig = plot_required(fuller, compare_coatings(fuller))
    assert {"required, beyond steady", "required, steady model"} <= labels(fig)
    places = sorted(
        line.get_xdata()[0]
        for line in fig.axes[0].lines
        if len(set(line.get_xdata())) == 1 and line.get_marker() == "None"
    )
    assert places[-2:] == pytest.approx(sorted([fuller.value, fuller.steady.value]))


def test_the_trade_off_names_every_coating_and_those_it_leaves_out():
    known = dict(coatings()) | {"mine": replace(coatings()["ZnO"], name="mine", lithium=None)}
    fig = plot_tradeoff(known)
    assert {text.get_text() for text in fig.axes[0].texts} == NAMES
    assert fig.axes[0].get_xlabel() == "lithium diffusivity at 300 K (cm$^2$/s)\nnot shown, without data: mine"
    assert {"guidelines", "meets both", "open within its bounds", "fails one or both"} == labels(fig)


def test_the_trade_off_is_drawn_at_one_temperature_whatever_the_entries_have():
    warm = {"Al2O3": replace(coatings()["Al2O3"], oxygen=coatings()["Al2O3"].oxygen.at(1000.0))}
    point = plot_tradeoff(warm).axes[0].containers[0].lines[0].get_xydata()[0]
    cold = coatings()["Al2O3"]
    assert point == pytest.approx([cold.lithium.diffusivity, cold.oxygen.diffusivity])


@pytest.mark.parametrize("geometry", ["sphere", "plane"])
def test_growth_is_drawn_beside_the_known_coatings_at_its_temperature(geometry):
    found = coatings()["ZnO"].densification_time("2 nm", "10 nm", geometry=geometry, temperature=400.0)
    fig = plot_growth(found, coatings(), name="ZnO")
    assert fig.axes[0].get_ylabel() == "reacted layer (nm)" and fig.axes[0].get_xlabel() == "time at high voltage (h)"
    assert "known coatings, 10 nm, 400 K" in labels(fig) and "ZnO" in labels(fig)
    # its own line among the known ones lies on the found one: the same temperature
    line = next(line for line in fig.axes[0].lines if line.get_label() == "ZnO")
    again = [other for other in fig.axes[0].lines if other.get_zorder() == 1]
    x, y = line.get_xdata(), line.get_ydata()
    assert any(np.allclose(np.interp(o.get_xdata(), x, y), o.get_ydata(), rtol=1e-3) for o in again)


def test_growth_turns_parabolic_where_the_layer_resists():
    found = layer_after("1000 h", "10 nm", known="Li3B11O18", n_samples=0)
    fuller = beyond_steady(found, layer_L=1e6, pinholes=0.05)
    fig = plot_growth(found, coatings(), fuller, name="Li3B11O18", cycle="1 h")
    line = next(line for line in fig.axes[0].lines if line.get_label().endswith("beyond steady"))
    x, y = np.log(line.get_xdata()), np.log(line.get_ydata())
    slope = np.diff(y) / np.diff(x)
    # from linear to parabolic; a twentieth of the area grows as the root of time from the start
    assert slope[0] > 0.6 and slope[-40] == pytest.approx(0.5, abs=0.05)
    assert "in the holes" in labels(fig)
    assert any(axis.get_xlabel() == "cycles" for axis in fig.axes[0].child_axes)


def test_one_problem_is_drawn_at_a_time():
    many = required_diffusivity([1e-7, 2e-7], "10 nm", "165 min")
    with pytest.raises(InputError, match="needed one to draw"):
        plot_required(many, compare_coatings(many))
    with pytest.raises(InputError, match="needed one to draw"):
        plot_growth(layer_after([1e3, 1e4], "10 nm", L=1e6), coatings())
