"""A required diffusivity beside the known coatings."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import (
    allowed_diffusivity,
    beyond_steady,
    coatings,
    compare_coatings,
    densification_time,
    required_diffusivity,
)
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
    zinc = coatings()["ZnO"]
    for known in ({"ZnO": zinc}, zinc, "ZnO", ["ZnO"], [zinc]):
        assert [one.coating for one in compare_coatings(need, known)] == ["ZnO"]
    with pytest.raises(InputError, match="'LiPON' is not known"):
        compare_coatings(need, "LiPON")


def test_every_verdict_reads_as_words():
    for one in compare_coatings(required_diffusivity("2 nm", "10 nm", "165 min")):
        assert VERDICTS[one.verdict] in str(one)


def test_a_warm_cell_is_compared_with_warm_coatings():
    cold = compare_coatings(required_diffusivity("2 nm", "10 nm", "165 min"))[0]
    warm = compare_coatings(required_diffusivity("2 nm", "10 nm", "165 min", temperature=333.0))[0]
    assert warm.ratio / cold.ratio == pytest.approx(
        np.exp(0.92 / 8.617333e-5 * (1 / 300 - 1 / 333)) * 300 / 333, rel=1e-6
    )


def test_scans_at_several_temperatures_are_compared_each_at_its_own():
    temperatures = np.array([300.0, 400.0])
    together = {
        one.coating: one for one in compare_coatings(required_diffusivity(2e-7, 1e-6, 9900.0, temperature=temperatures))
    }
    for i, t in enumerate(temperatures):
        for one in compare_coatings(required_diffusivity(2e-7, 1e-6, 9900.0, temperature=t)):
            assert together[one.coating].ratio[i] == pytest.approx(one.ratio, rel=1e-12)
            assert together[one.coating].verdict[i] == one.verdict
    # by Ea = 0.92 eV: 7332 times as open at 400 K, over 400 / 300
    ratio = together["Li3B11O18"].ratio
    assert ratio[1] / ratio[0] == pytest.approx(np.exp(0.92 / 8.617333e-5 * (1 / 300 - 1 / 400)) * 0.75, rel=1e-6)


def test_a_design_is_told_what_is_safe_and_not_what_another_layer_took():
    # Al2O3 lets 2 nm through in 230 h
    found = {hours: verdicts(allowed_diffusivity("2 nm", "10 nm", f"{hours} h")) for hours in (1, 230, 1e6)}
    assert [found[hours]["Al2O3"] for hours in found] == ["safe", "open", "exceeds"]
    assert found[1]["Li2O"] == "exceeds"
    allowed = allowed_diffusivity("2 nm", "10 nm", "1 h")
    assert "keeps the layer below its target" in str(compare_coatings(allowed)[3])
    assert "L / allowed L" in str(compare_coatings(allowed)[3])


def test_a_target_that_may_be_none_allows_nothing_that_could_be_told():
    found = verdicts(allowed_diffusivity("0.1 nm", "10 nm", "1 h", target_sigma="0.1 nm"))
    assert set(found.values()) == {"unknown"}


def test_a_fuller_model_is_what_coatings_are_compared_with():
    steady = required_diffusivity(2e-7, 1e-6, 9900.0, layer_sigma=2e-8, geometry="plane")
    fuller = beyond_steady(steady, spread=0.5)
    ratios = [{one.coating: one.ratio for one in compare_coatings(found)} for found in (steady, fuller)]
    # an uneven coating may be 1.25 times less open
    assert all(ratios[1][name] == pytest.approx(1.25 * ratios[0][name], rel=1e-6) for name in ratios[0])
    # and so are its errors
    z = [compare_coatings(found)[3].z for found in (steady, fuller)]
    assert z[0] < z[1] < 0
    allowed = beyond_steady(allowed_diffusivity(2e-7, 1e-6, "1 h"), spread=0.5)
    assert verdicts(allowed)["Al2O3"] == "safe"


def test_a_fuller_model_without_an_answer_compares_nothing():
    none = beyond_steady(required_diffusivity(2e-7, 1e-6, 9900.0), layer_L=1e4)
    assert none.reason and set(verdicts(none).values()) == {"unknown"}


def test_the_errors_of_what_turns_l_into_d_move_no_coefficient():
    exact = beyond_steady(required_diffusivity(2e-7, 1e-6, 9900.0, layer_sigma=2e-8, n_samples=0), layer_L=1e6)
    blurred = required_diffusivity(2e-7, 1e-6, 9900.0, layer_sigma=2e-8, concentration_sigma=1e22, n_samples=0)
    blurred = beyond_steady(blurred, layer_L=1e6)
    assert blurred.high > exact.high
    assert blurred.onsager_high == pytest.approx(exact.onsager_high, rel=1e-9)
