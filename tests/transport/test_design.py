"""Screening and the least thickness for a life."""

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
    from dataclasses import replace

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
        ({"target": 0.0}, "target: found 0 cm"),
        ({"target": 1e-3}, "target: found 0.001 cm, thicker than the particle"),
        ({"life": -1.0}, "life .*found -1 s"),
        ({"mu_e": -4.0}, "mu_c - mu_e"),
    ],
)
def test_impossible_aims_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        minimum_thickness(coatings()["Al2O3"], **{"target": 2e-7, "life": 3.6e6} | change)
