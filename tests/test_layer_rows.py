"""Rows of one scan, each moved by a number of positions that is known."""

import numpy as np
import pytest
from scipy.special import ndtr

from oxyspy.layer.rows import common_positions, find_rows, runs_across, significance

N = 64


def metal_of(offsets, snr, seed=0, n=N, at=20.0):
    """A cathode that begins at ``at`` plus each row's offset, in positions, and its noise."""
    x = np.arange(n)
    offsets = np.asarray(offsets, float)
    mean = ndtr((x - at - offsets[:, None]) / 0.8) * (1 + 0.005 * (x - at))
    sigma = np.full(mean.shape, 1.0 / snr)
    return mean + np.random.default_rng(seed).normal(size=mean.shape) * sigma, sigma**2


def left(offsets, found):
    """What is left between the rows after they are moved, in positions."""
    return np.std((np.asarray(offsets) - found.shifts)[found.used])


@pytest.mark.parametrize("offsets", [np.random.default_rng(1).normal(0, 3, 64), np.linspace(-9, 9, 64)])
def test_rough_and_slanting_surfaces_are_brought_to_a_fraction_of_a_position(offsets):
    found = find_rows(*metal_of(offsets, snr=10))
    # rounding to whole positions leaves 1/sqrt(12) = 0.29, noise of a tenth on a blurred edge 0.17 more; of 64 rows
    assert left(offsets, found) < 0.43
    assert found.used.all() and found.chance < 1e-9
    pull = found.expected - offsets
    pull = (pull - pull.mean()) / found.sigma
    # standard deviation of 64 known to 9 %, so 0.73 to 1.27 at three errors
    assert 0.7 < pull.std() < 1.3


def test_noisy_rows_are_brought_to_less_than_a_position():
    offsets = np.random.default_rng(2).normal(0, 3, 64)
    # at a ratio of 3.3 the probe's blur alone leaves half a position open
    assert left(offsets, find_rows(*metal_of(offsets, snr=3.3))) < 1.0


@pytest.mark.parametrize("snr", [3.0, 10.0])
@pytest.mark.parametrize("rows", [2, 64])
def test_rows_that_stand_together_are_not_moved(rows, snr):
    moved = [find_rows(*metal_of(np.zeros(rows), snr, seed)).shifts.any() for seed in range(20)]
    # five standard errors are promised; below a ratio of four the profile's own noise makes a few
    assert np.mean(moved) <= (0.0 if snr > 4 else 0.2)


def test_two_rows_are_moved_from_five_standard_errors_on():
    assert np.ptp(find_rows(*metal_of([0.0, 2.0], snr=20)).shifts) == 2
    assert find_rows(*metal_of([0.0, 1.0], snr=2)).shifts.tolist() == [0, 0]


def test_rows_of_vacuum_bulk_and_the_other_side_are_left_out_by_name():
    metal, variance = metal_of(np.zeros(12), snr=10)
    rng = np.random.default_rng(5)
    metal[2] = rng.normal(0, 0.1, N)
    metal[5] = 1 + rng.normal(0, 0.1, N)
    metal[9] = metal[9, ::-1]
    found = find_rows(metal, variance)
    assert np.flatnonzero(~found.used).tolist() == [2, 5, 9]
    assert "no metal" in found.reasons[2] and "does not cross" in found.reasons[5]
    assert "other way" in found.reasons[9]
    assert not any(found.reasons[i] for i in (0, 1, 3, 4, 6, 7, 8, 10, 11))


def test_row_too_noisy_to_show_its_surface_stays_where_it_is_and_says_so():
    offsets = np.array([-4.0, 0, 4, 0, 0, 4, -4, 0])
    metal, variance = metal_of(offsets, snr=10)
    metal[3] += np.random.default_rng(6).normal(0, 2.0, N)
    variance[3] = 4.0
    metal[3] += 1.0
    found = find_rows(metal, variance)
    assert found.used[3] and found.shifts[3] == 0 and "too noisy" in found.reasons[3]
    np.testing.assert_allclose(np.diff(found.shifts[[0, 1, 2]]), 4)


def test_lines_from_the_bulk_out_are_moved_alike():
    offsets = np.random.default_rng(7).normal(0, 3, 16)
    metal, variance = metal_of(offsets, snr=10)
    found = find_rows(metal[:, ::-1], variance)
    assert left(-offsets, found) < 0.4


def test_no_row_with_a_surface_moves_nothing():
    rng = np.random.default_rng(8)
    found = find_rows(1 + rng.normal(0, 0.1, (6, N)), np.full((6, N), 0.01))
    assert found.used.all() and not found.shifts.any() and all("does not cross" in r for r in found.reasons)


def test_missing_spectra_have_no_weight():
    offsets = np.random.default_rng(9).normal(0, 3, 32)
    metal, variance = metal_of(offsets, snr=10)
    metal[np.random.default_rng(10).random(metal.shape) < 0.1] = np.nan
    assert left(offsets, find_rows(metal, variance)) < 0.45


def test_common_positions_are_those_that_all_moved_rows_have():
    shifts, used = np.array([-2, 0, 3, 9]), np.array([True, True, True, False])
    shared = common_positions(shifts, used, 20)
    assert (shared.start, shared.stop) == (2, 17)


def test_direction_of_the_surface_is_told_from_the_metal():
    metal, variance = metal_of(np.zeros(30), snr=5)
    assert not runs_across(metal, variance) and runs_across(metal.T, variance.T)
    flat = np.random.default_rng(11).normal(1, 0.1, (30, 40))
    assert not runs_across(flat, np.full(flat.shape, 0.01))


def test_significance_is_that_of_the_cathode():
    # of the median position, whose metal is a little above one
    assert significance(*metal_of(np.zeros(16), snr=8)) == pytest.approx(8.0 * 1.1, rel=0.1)
    assert significance(np.full((2, 4), np.nan), np.ones((2, 4))) == 0.0
