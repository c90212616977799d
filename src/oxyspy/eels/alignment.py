"""Energy drift between positions: moved by whole channels, the rest kept as an offset, nothing resampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.blocks import STREAM_BYTES, over_blocks


def split_drift(drift_ev: NDArray, step: float) -> tuple[NDArray, NDArray]:
    """Split energy drifts into whole channels and a rest of at most half a channel.

    Interpolating spectra would average neighbouring channels and destroy their Poisson statistics; moving them by
    whole channels and the measuring windows by the rest does not.

    Parameters
    ----------
    drift_ev : array, shape (...)
        How far each spectrum's features stand above where they belong, in eV; ``nan`` counts as none.
    step : float
        Dispersion in eV a channel.

    Returns
    -------
    channels : array of int, shape (...)
        To take each spectrum from that many channels further up.
    rest : array, shape (...)
        True energy of a channel less the axis's, in eV, after the move.
    """
    drift = np.nan_to_num(drift_ev)
    channels = np.rint(drift / step).astype(int)
    return channels, channels * step - drift


def take_moved(counts: NDArray, first: int, last: int, channels: NDArray) -> NDArray:
    """Channels ``first`` to ``last`` of each spectrum, from ``channels`` further up; ends repeat beyond the axis."""
    if not channels.any():
        return counts[..., first:last]
    n = counts.shape[-1]
    channels = np.broadcast_to(channels, counts.shape[:-1])
    moved = np.empty((*counts.shape[:-1], last - first), counts.dtype)
    flat, own, result = counts.reshape(-1, n), channels.ravel(), moved.reshape(-1, last - first)
    # drifts are few whole channels: a copy for each of them, not a look-up for each channel of each spectrum
    groups = [(int(by), np.flatnonzero(own == by)) for by in np.unique(own)]

    def move(part: slice) -> None:
        for by, rows in groups:
            rows = rows[np.searchsorted(rows, part.start) : np.searchsorted(rows, part.stop)]
            if rows.size:
                index = slice(min(max(first + by, 0), n), min(max(last + by, 0), n))
                low, high = index.start - first - by, index.stop - first - by
                result[rows, low:high] = flat[rows, index]
                result[rows, :low] = flat[rows, :1]
                result[rows, high:] = flat[rows, -1:]

    over_blocks(move, len(flat), 2 * n * counts.itemsize, STREAM_BYTES)
    return moved


def sharpness(spectrum: NDArray) -> float:
    """Roughness on the scale of white lines: largest drop of a spectrum to its neighbours five channels away.

    Of two ways to add up a scan, the one that aligns its features gives the higher and narrower lines.
    """
    smooth = np.convolve(spectrum, np.ones(3) / 3, mode="same")[5:-5]
    second = 2 * smooth[5:-5] - smooth[:-10] - smooth[10:]
    return float(second.max() / max(smooth.mean(), 1e-300))
