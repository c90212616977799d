"""Energy drift between positions: moved by whole channels, the rest kept as an offset, nothing resampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.blocks import STREAM_BYTES, over_blocks
from oxyspy.eels.segments import segments


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
    start = np.broadcast_to(channels, counts.shape[:-1]).ravel() + first
    moved = np.empty((*counts.shape[:-1], last - first), counts.dtype)
    flat, result = counts.reshape(-1, n), moved.reshape(-1, last - first)

    def move(part: slice) -> None:
        result[part] = segments(flat[part], start[part], last - first, repeat_ends=True)

    over_blocks(move, len(flat), 3 * n * counts.itemsize, STREAM_BYTES)
    return moved


def sharpness(spectrum: NDArray) -> float:
    """Roughness on the scale of white lines: largest drop of a spectrum to its neighbours five channels away.

    Of two ways to add up a scan, the one that aligns its features gives the higher and narrower lines.
    """
    smooth = np.convolve(spectrum, np.ones(3) / 3, mode="same")[5:-5]
    second = 2 * smooth[5:-5] - smooth[:-10] - smooth[10:]
    return float(second.max() / max(smooth.mean(), 1e-300))
