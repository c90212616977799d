"""Pieces that begin at a channel of their own, against a look-up of each channel."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.segments import segments


@given(st.lists(st.integers(-40, 40), max_size=12), st.integers(0, 30), st.booleans(), st.integers(0, 100))
def test_each_piece_holds_its_channels_and_beyond_the_axis_ends_or_zeros(first, width, repeat_ends, seed):
    spectra = np.random.default_rng(seed).random((len(first), 20), np.float32)
    channels = np.array(first, int).reshape(-1, 1) + np.arange(width)
    inside = np.clip(channels, 0, 19)
    wanted = np.take_along_axis(spectra, inside, -1)
    if not repeat_ends:
        wanted = np.where(inside == channels, wanted, 0)
    np.testing.assert_array_equal(segments(spectra, np.array(first, int), width, repeat_ends=repeat_ends), wanted)


def test_pieces_of_a_part_of_an_array_are_those_of_its_copy():
    whole = np.random.default_rng(0).random((6, 50))
    part = whole[::2, 5:45]
    at = np.array([0, 3, 10])
    np.testing.assert_array_equal(segments(part, at, 20), segments(part.copy(), at, 20))
