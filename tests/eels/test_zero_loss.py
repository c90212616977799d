"""Zero-loss peaks of known position, area and t/λ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.errors import InputError
from scattering import STEP, loss_axis, low_loss


@given(st.floats(-5.0, 5.0))
def test_position_is_found_to_a_hundredth_of_a_channel(at):
    low = low_loss(0.5, zero_at=at)
    assert find_zero_loss(low, loss_axis()).position == pytest.approx(at, abs=0.01 * STEP)


@pytest.mark.parametrize("t_over_lambda", [0.1, 0.3, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("fwhm", [0.6, 1.0, 2.0])
def test_t_over_lambda_is_that_of_poissons_law(t_over_lambda, fwhm):
    found = find_zero_loss(low_loss(t_over_lambda, fwhm=fwhm), loss_axis())
    # the mirrored flank holds the whole of a symmetric peak; what lies past the axis' end is 2 % of the losses
    assert found.t_over_lambda == pytest.approx(t_over_lambda, rel=0.03, abs=0.005)
    assert found.fwhm == pytest.approx(fwhm, rel=0.05)


def test_axis_may_be_offset_by_any_amount():
    axis = loss_axis()
    as_is = find_zero_loss(low_loss(0.5), axis)
    moved = find_zero_loss(low_loss(0.5), axis + 137.3)
    assert moved.position == pytest.approx(float(as_is.position) + 137.3)
    assert moved.t_over_lambda == pytest.approx(float(as_is.t_over_lambda))


def test_whole_numbers_give_what_floating_point_gives():
    counts = np.random.default_rng(1).poisson(np.maximum(low_loss(0.5, total=2e5, zero_at=0.08), 0), (4, 2048))
    found, wanted = (find_zero_loss(counts.astype(kind), loss_axis()) for kind in (np.uint16, float))
    np.testing.assert_allclose(found.t_over_lambda, wanted.t_over_lambda, rtol=1e-5)
    np.testing.assert_array_equal(found.position, wanted.position)


def test_counting_errors_of_t_over_lambda_cover():
    rng = np.random.default_rng(0)
    expected = low_loss(0.5, total=2e4)
    truth = find_zero_loss(expected, loss_axis()).t_over_lambda
    found = find_zero_loss(rng.poisson(np.maximum(expected, 0), (600, expected.size)).astype(np.float32), loss_axis())
    inside = np.abs(found.t_over_lambda - truth) < found.t_over_lambda_sigma
    # 3 binomial standard errors of 600; the mirror and its minimum add a little scatter
    assert inside.mean() == pytest.approx(0.683, abs=0.06)


@pytest.mark.parametrize("gain", [1e-6, 1.0, 20.0])
@pytest.mark.parametrize("total", [1e4, 1e8])
def test_gain_of_the_counts_is_measured(gain, total):
    counts = np.random.default_rng(1).poisson(np.maximum(low_loss(0.5, total=total), 0), (30, 2048))
    # some 10^4 channels' second differences; empty ones have none
    assert find_zero_loss(gain * counts, loss_axis()).gain == pytest.approx(gain, rel=0.1)


def test_spectra_without_a_peak_are_nan_and_spoil_no_other():
    low = np.stack([low_loss(0.5), np.zeros(2048), np.full(2048, np.nan)])
    found = find_zero_loss(low, loss_axis())
    assert np.isfinite(found.area[0]) and np.isnan(found.area[1:]).all()
    assert found.position[0] == pytest.approx(0.0, abs=0.01)


def test_axis_without_a_peak_is_refused_with_its_range():
    with pytest.raises(InputError, match=r"-20 to 491\.75 eV"):
        find_zero_loss(np.zeros((3, 2048)), loss_axis())
