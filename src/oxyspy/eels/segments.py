"""Pieces of spectra that begin at a channel of their own: what drift does to windows, without a loop over drifts."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray


def segments(spectra: NDArray, first: NDArray, width: int, *, repeat_ends: bool = False) -> NDArray:
    """Copy ``width`` channels of each spectrum.

    Parameters
    ----------
    spectra : array, shape (p, m)
    first : array of int, shape (p,)
        Channel at which each piece begins; it may lie beyond the axis.
    width : int
        Channels of a piece.
    repeat_ends : bool
        Whether the end channels stand for those beyond the axis; else these are zero.

    Returns
    -------
    array, shape (p, width)

    Examples
    --------
    >>> segments(np.arange(8.0).reshape(2, 4), np.array([1, 3]), 2)
    array([[1., 2.],
           [7., 0.]])
    """
    p, m = spectra.shape
    taken = np.empty((p, width), spectra.dtype)
    if taken.size == 0:
        return taken
    lowest, highest = int(first.min()), int(first.max())
    # what all pieces have inside the axis is copied whole, from a view in which every piece is an entry
    begin = min(max(-lowest, 0), width)
    end = max(min(m - highest, width), begin)
    if end > begin:
        step, channel = spectra.strides
        pieces = as_strided(spectra, (p, m - (end - begin) + 1, end - begin), (step, channel, channel), writeable=False)
        taken[:, begin:end] = pieces[np.arange(p), first + begin]
    taken[:, :begin] = spectra[:, :1] if repeat_ends else 0
    taken[:, end:] = spectra[:, -1:] if repeat_ends else 0
    # and what only some of them have, channel by channel
    for start, stop in ((min(max(-highest, 0), begin), begin), (end, max(min(m - lowest, width), end))):
        if start < stop:
            channels = first[:, None] + np.arange(start, stop)
            inside = np.clip(channels, 0, m - 1)
            values = np.take_along_axis(spectra, inside, -1)
            np.copyto(taken[:, start:stop], values, where=repeat_ends | (inside == channels))
    return taken
