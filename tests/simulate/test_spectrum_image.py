"""Simulated spectrum images: their rows are the simulated line, moved."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.simulate import simulate_spectrum_image

SMALL = {"n_positions": 30, "step_nm": 0.5, "n_channels": 1180, "dispersion": 0.4, "coating_nm": 2.0}


def test_rows_are_one_line_moved_and_each_has_its_own_counts():
    image = simulate_spectrum_image([4.0, 6.0, 4.0], dose=2000.0, **SMALL)
    first, second, again = image.core.astype(float)
    shift = int(2.0 / 0.5)
    # beyond the surface of either row, within counting noise: six standard errors of sums of 1180 channels
    difference = first[:-shift].sum(-1) - second[shift:].sum(-1)
    assert (np.abs(difference) < 6 * np.sqrt(first[:-shift].sum(-1) + second[shift:].sum(-1))).all()
    assert (first != again).mean() > 0.9
    assert image.truth["surface_nm"].tolist() == [4.0, 6.0, 4.0]


def test_rows_of_vacuum_and_of_bulk_have_no_truth():
    image = simulate_spectrum_image([5.0, 1e3, -1e3], **SMALL)
    assert np.isnan(image.truth["surface_nm"]).tolist() == [False, True, True]
    totals = image.core.sum(-1)
    assert (totals[1] < 0.05 * totals[0, -1]).all() and (totals[2] > 0.8 * totals[0, -1]).all()


def test_a_layer_a_row_needs_as_many_rows():
    with pytest.raises(InputError, match="layers of 2 rows given for 3"):
        simulate_spectrum_image([5.0, 5.0, 5.0], layer_nm=[1.0, 2.0], **SMALL)
