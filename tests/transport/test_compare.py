"""A required diffusivity beside the known coatings."""

import numpy as np
import pytest

from oxyspy.transport import coatings, compare_coatings, densification_time, required_diffusivity
from oxyspy.transport.compare import VERDICTS


def verdicts(required):
    return {one.coating: one.verdict for one in compare_coatings(required)}


def test_the_study_s_layer_is_what_its_coating_lets_through():
    found = verdicts(required_diffusivity("2.0 +- 0.3 nm", "10 nm", "165 min"))
    assert found["Li3B11O18"] == "consistent"
    # seventy times slower than needed, and its bounds are a factor of three
    assert found["Al2O3"] == "slower"
    assert found["LiNbO3"] == found["ZnO"] == found["Li2O"] == "faster"


@pytest.mark.parametrize("name", list(coatings()))
def test_each_coating_is_consistent_with_the_layer_it_gives_itself(name):
    known = coatings()[name]
    # over 10 nm: the fastest coating gives 2 nm in a tenth of a millisecond
    time = densification_time(2e-7, 10e-7, known=known).value
    found = {one.coating: one for one in compare_coatings(required_diffusivity(2e-7, 10e-7, time))}[name]
    assert found.ratio == pytest.approx(1.0) and found.verdict == "consistent"
    assert found.required == pytest.approx(known.oxygen.diffusivity, rel=0.3)


def test_the_verdict_weighs_both_errors():
    # Al2O3 at 3.4 of its standard errors is slower; with a layer known to a factor of 1.6 less surely so
    need = required_diffusivity("2 nm", "10 nm", 230 * 3600 / 30)
    assert verdicts(need)["Al2O3"] == "slower"
    alumina = {one.coating: one for one in compare_coatings(need)}["Al2O3"]
    assert alumina.z == pytest.approx(-np.log(30) / np.log(6e4 / 1.74e4), rel=0.01)


def test_an_upper_limit_excludes_fast_coatings_only():
    found = verdicts(required_diffusivity("0.1 +- 0.1 nm", "10 nm", "165 min"))
    assert found["Li2O"] == found["LiNbO3"] == "faster"
    assert found["Al2O3"] == "undecided"


def test_scans_are_compared_one_by_one():
    need = required_diffusivity(np.array([2e-7, np.nan, 1e-10]), 10e-7, 9900.0, layer_sigma=0.3e-7)
    found = {one.coating: one.verdict.tolist() for one in compare_coatings(need)}
    assert found["Li3B11O18"] == ["consistent", "unknown", "undecided"]
    assert found["Li2O"] == ["faster", "unknown", "faster"]


def test_only_the_coatings_asked_for_are_compared():
    need = required_diffusivity("2 nm", "10 nm", "165 min")
    assert [one.coating for one in compare_coatings(need, {"ZnO": coatings()["ZnO"]})] == ["ZnO"]


def test_every_verdict_reads_as_words():
    for one in compare_coatings(required_diffusivity("2 nm", "10 nm", "165 min")):
        assert VERDICTS[one.verdict] in str(one)


def test_a_warm_cell_is_compared_with_warm_coatings():
    cold = compare_coatings(required_diffusivity("2 nm", "10 nm", "165 min"))[0]
    warm = compare_coatings(required_diffusivity("2 nm", "10 nm", "165 min", temperature=333.0))[0]
    assert warm.ratio / cold.ratio == pytest.approx(
        np.exp(0.92 / 8.617333e-5 * (1 / 300 - 1 / 333)) * 300 / 333, rel=1e-6
    )
