"""The time a layer takes under a coating whose transport is known."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import coatings, densification_time, required_diffusivity
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
