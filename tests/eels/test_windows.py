"""Windows and steps against their integrals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.windows import step_profile, window_weights
from oxyspy.errors import InputError

ENERGY = 600.0 + 0.3 * np.arange(400)


@given(st.floats(610, 650), st.floats(0.1, 40))
def test_window_of_any_place_holds_its_width_in_channels(low, width):
    assert window_weights(ENERGY, low, low + width).sum() == pytest.approx(width / 0.3, rel=1e-9)


@given(st.floats(610, 650), st.floats(1, 20), st.floats(1, 20))
def test_two_windows_side_by_side_make_one(low, first, second):
    parts = window_weights(ENERGY, low, low + first) + window_weights(ENERGY, low + first, low + first + second)
    np.testing.assert_allclose(parts, window_weights(ENERGY, low, low + first + second), atol=1e-9)


@given(st.floats(620, 700))
def test_sharp_step_has_the_area_above_its_position(position):
    area = step_profile(ENERGY, position).sum() * 0.3
    assert area == pytest.approx(ENERGY[-1] + 0.15 - position, rel=1e-9)


@pytest.mark.parametrize("shape", ["sharp", "arctan", "erf"])
def test_every_step_is_half_at_its_position_and_rises(shape):
    step = step_profile(ENERGY, 660.0, shape, 2.0)
    assert np.interp(660.0, ENERGY, step) == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(step) >= 0).all()


def test_unknown_step_shape_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="sharp, arctan, erf"):
        step_profile(ENERGY, 660.0, "soft")
