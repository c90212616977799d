"""Drift taken out by whole channels: no count is changed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.alignment import sharpness, split_drift, take_moved


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=20), st.floats(0.05, 1.0))
def test_channels_and_rest_make_up_the_drift(drift, step):
    drift = np.array(drift)
    channels, rest = split_drift(drift, step)
    np.testing.assert_allclose(channels * step - rest, drift, atol=1e-9)
    assert (np.abs(rest) <= step / 2 + 1e-9).all()


def test_moved_spectra_stand_together_and_keep_every_count():
    rng = np.random.default_rng(1)
    shifts = rng.integers(-6, 7, 40)
    base = rng.poisson(50 + 400 * np.exp(-0.5 * ((np.arange(300) - 150) / 4.0) ** 2))
    moved = np.stack([np.roll(base, s) for s in shifts])[None]
    aligned = take_moved(moved, 50, 250, shifts[None])
    # not interpolated: the very same counts, so Poisson stays Poisson
    np.testing.assert_array_equal(aligned, np.broadcast_to(base[50:250], (1, 40, 200)))


def test_aligned_sum_is_the_sharper_one():
    rng = np.random.default_rng(2)
    shifts = rng.integers(-6, 7, 60)
    line = 50 + 400 * np.exp(-0.5 * ((np.arange(300) - 150) / 3.0) ** 2)
    drifting = rng.poisson(np.stack([np.roll(line, s) for s in shifts]))[None]
    as_is = sharpness(drifting.sum((0, 1)))
    assert sharpness(take_moved(drifting, 0, 300, shifts[None]).sum((0, 1))) > 1.3 * as_is


def test_unknown_drift_counts_as_none():
    channels, rest = split_drift(np.array([np.nan, 0.5]), 0.25)
    assert channels.tolist() == [0, 2] and rest.tolist() == [0.0, 0.0]
