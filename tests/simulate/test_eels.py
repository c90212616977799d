"""The simulator against Poisson's law and its own stated truth."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.simulate import simulate_scan

SMALL = {"n_positions": 30, "step_nm": 0.5, "coating_nm": 3.0}


def test_total_low_loss_over_the_zero_loss_peak_is_exp_of_thickness():
    scan = simulate_scan(**SMALL, t_over_lambda=0.8, low_counts=1e6)
    # 5 eV hold the whole of a Gaussian peak of 1 eV, and no loss: the gap ends at 2.5 eV
    peak = scan.low_expected[:, np.abs(scan.low_energy) < 2.0].sum(1)
    found = np.log(scan.low_expected.sum(1) / peak)
    # under 1 % of the losses lie beyond the axis, and the gap's end is soft
    np.testing.assert_allclose(found, scan.truth["t_over_lambda"], atol=0.012)
    np.testing.assert_allclose(scan.low_expected.sum(1), 1e6, rtol=0.01)


def test_counts_have_the_expectation_and_variance_of_poisson_times_gain():
    scan = simulate_scan(**SMALL, gain=4.0, dose=500.0)
    core, _ = scan.noisy(200, seed=1)
    ratio = (core.var(0) / np.maximum(scan.core_expected, 1e-3))[10:, :]
    # 200 draws at 40 000 channels: the mean variance is known to a thousandth
    assert ratio.mean() == pytest.approx(4.0, rel=0.01)
    assert (core.mean(0)[10:] / scan.core_expected[10:]).mean() == pytest.approx(1.0, abs=1e-3)


def test_background_is_the_stated_power_law_where_there_is_nothing_else():
    scan = simulate_scan(**SMALL, dose=1000.0)
    inside = (scan.core_energy > 465) & (scan.core_energy < 520)
    spectrum = scan.core_expected[-1, inside] - 0.002 * 1000.0
    # the far tail of no edge reaches below 520 eV
    np.testing.assert_allclose(spectrum, 1000.0 * (scan.core_energy[inside] / 640.0) ** -2.6, rtol=1e-4)


@pytest.mark.parametrize("element", ["Mn", "Co", "Ni"])
def test_areas_have_the_ratios_of_their_phases(element):
    scan = simulate_scan(**SMALL, layer_nm=3.0)
    from oxyspy.data import load

    facts = load("simulation")["elements"][element]
    l3, l2 = scan.truth[f"{element}_l3"], scan.truth[f"{element}_l2"]
    assert l3[-1] / l2[-1] == pytest.approx(facts["bulk"]["ratio"], rel=1e-6)
    middle = np.abs(scan.positions_nm - scan.truth["surface_nm"] - 1.5).argmin()
    # the probe and the interface reach a thousandth of the way to the layer's middle
    assert l3[middle] / l2[middle] == pytest.approx(facts["layer"]["ratio"], rel=0.01)


def test_vacuum_holds_no_electrons_but_the_beam():
    scan = simulate_scan(**SMALL, vacuum_nm=3.0, dose=1000.0)
    assert scan.core_expected[0].max() < 0.01 * scan.core_expected[-1].max()
    assert scan.truth["t_over_lambda"][0] < 1e-6


def test_reversed_scan_is_the_same_scan_backwards():
    there, back = (simulate_scan(**SMALL, reverse=r) for r in (False, True))
    np.testing.assert_array_equal(there.core_expected, back.core_expected[::-1])
    length = there.positions_nm[-1]
    assert back.truth["surface_nm"] == pytest.approx(length - there.truth["surface_nm"])


def test_wrong_axis_is_wrong_by_what_was_asked_for():
    right, wrong = (simulate_scan(**SMALL, axis_offset_ev=o, axis_factor=f) for o, f in ((0, 1), (12.0, 1.02)))
    true_axis = 12.0 + 1.02 * wrong.core_energy
    for element in ("Mn", "Ni"):
        window = {"Mn": (635, 650), "Ni": (850, 862)}[element]

        def top(axis, spectrum, window=window):
            inside = (axis > window[0]) & (axis < window[1])
            return axis[inside][spectrum[inside].argmax()]

        at = top(right.core_energy, right.core_expected[-1])
        # two channels
        assert top(true_axis, wrong.core_expected[-1]) == pytest.approx(at, abs=0.5)


def test_line_too_short_for_the_bulk_is_refused():
    with pytest.raises(InputError, match=r"needed 13 nm"):
        simulate_scan(n_positions=20, step_nm=0.3, layer_nm=5.0)
