"""Spikes, dead and saturated channels, and positions without signal: found, counted, listed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from oxyspy.results import Result

# positions with less than this share of the scan's bright signal are called vacuum
VACUUM_SHARE = 0.1
# an X-ray leaves its charge in a channel or two and in one position only
SPIKE_SIGMA = 9.0
# the least value that can be a ceiling, in counts: at a few counts runs of equal values come by chance
LEAST_CEILING = 100.0


@dataclass(frozen=True)
class Cleaning(Result):
    """What was changed or set aside in a stack of spectra.

    Attributes
    ----------
    spikes : int
        Channels replaced by the mean of their neighbours.
    spike_positions : tuple
        Index of each spectrum that held one, with the channel.
    not_finite : int
        Channels that held no finite number, set to zero in spectra that are left out.
    dead_channels : tuple of int
        Channels without signal in all spectra, replaced by the mean of their neighbours.
    saturated : tuple
        Index of each spectrum that ran into the detector's ceiling, and is left out.
    """

    spikes: int
    spike_positions: tuple[tuple[int, ...], ...]
    not_finite: int
    dead_channels: tuple[int, ...] = ()
    saturated: tuple[tuple[int, ...], ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.spikes} spike channels and {len(self.dead_channels)} dead ones replaced, {self.not_finite} "
            f"channels without a finite number, {len(self.saturated)} spectra saturated"
        )


def clean(counts: NDArray) -> tuple[NDArray, NDArray, Cleaning]:
    """Replace spikes and dead channels by their neighbours, and mark spectra with no numbers or at the ceiling.

    A spike stands more than nine standard deviations above the mean of the channels two and three away on both sides
    and, unlike any feature of the specimen, above the same channel of the neighbouring positions as well.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        With any gain: the noise is read off the counts themselves.

    Returns
    -------
    array, shape (rows, positions, n)
        The counts themselves where there was nothing to change.
    array of bool, shape (rows, positions)
        Spectra that hold numbers.
    Cleaning
    """
    finite = np.isfinite(counts)
    bad = int(finite.size - np.count_nonzero(finite))
    valid = finite.all(-1) & (counts.max(-1, initial=0, where=finite) > 0)
    if bad:
        counts = np.where(finite, counts, 0)
    ceiling = saturated(counts)
    valid &= ~ceiling
    counts, dead = _without_dead(counts, valid)
    around = np.zeros_like(counts)
    inner = counts[..., 3:-3]
    around[..., 3:-3] = (counts[..., :-6] + counts[..., 1:-5] + counts[..., 5:-1] + counts[..., 6:]) / 4
    excess = np.zeros_like(around)
    excess[..., 3:-3] = inner - around[..., 3:-3]
    level = np.maximum(around, uniform_filter1d(around, 31, axis=-1))
    seen = valid & (level.mean(-1) >= np.median(level[valid].mean(-1))) if valid.any() else valid
    deviation = excess[seen][:, 3:-3] / np.sqrt(np.maximum(level[seen][:, 3:-3], 1e-6))
    # counts an electron, as the noise of the brighter half tells; one electron more is never a spike
    gain = (1.4826 * np.median(np.abs(deviation))) ** 2 if deviation.size else 1.0
    share = excess / (np.sqrt(gain * np.maximum(level, 0)) + gain + 1e-9)
    high = share > SPIKE_SIGMA
    if counts.shape[1] > 2:
        # a line of the specimen rises in neighbours too, in proportion to their signal
        beside = np.maximum(np.roll(share, 1, axis=1), np.roll(share, -1, axis=1))
        beside[:, 0], beside[:, -1] = share[:, 1], share[:, -2]
        high &= share > 3 * np.maximum(beside, 0)
    where = np.argwhere(high)
    if len(where):
        counts = np.where(high, around, counts)
    spikes = tuple(tuple(int(i) for i in row) for row in where[:1000])
    clipped = tuple(tuple(int(i) for i in row) for row in np.argwhere(ceiling)[:1000])
    return counts, valid, Cleaning(len(where), spikes, bad, dead, clipped)


def saturated(counts: NDArray) -> NDArray:
    """Spectra that stand at the greatest value of all for four channels on end: the detector's ceiling.

    Parameters
    ----------
    counts : array, shape (..., n)

    Returns
    -------
    array of bool, shape (...)
    """
    top = counts.max(initial=0)
    if not top > LEAST_CEILING:
        return np.zeros(counts.shape[:-1], bool)
    at_top = counts == top
    run = at_top[..., :-3] & at_top[..., 1:-2] & at_top[..., 2:-1] & at_top[..., 3:]
    return run.any(-1)


def _without_dead(counts: NDArray, valid: NDArray) -> tuple[NDArray, tuple[int, ...]]:
    """Replace channels, at most two on end, whose sum over all spectra is under half their neighbours' sum.

    No feature of a specimen is that sharp and that deep; of three channels on end none is made up.
    """
    if not valid.any():
        return counts, ()
    total = counts[valid].sum(0, dtype=float)
    channels = np.arange(3, total.size - 3)
    around = np.minimum(total[channels - 3] + total[channels - 2], total[channels + 2] + total[channels + 3]) / 2
    low = np.zeros(total.size, bool)
    # ten standard deviations besides: an empty axis has no dead channels
    low[channels] = (total[channels] < 0.5 * around) & (around - total[channels] > 10 * np.sqrt(np.maximum(around, 1)))
    long = low & (np.roll(low, 1) & (np.roll(low, 2) | np.roll(low, -1)) | np.roll(low, -1) & np.roll(low, -2))
    dead = np.flatnonzero(low & ~long)
    if dead.size == 0:
        return counts, ()
    good = np.flatnonzero(~low)
    counts = counts.copy()
    right = good[np.searchsorted(good, dead)]
    left = good[np.searchsorted(good, dead) - 1]
    part = ((dead - left) / (right - left)).astype(counts.dtype)
    counts[..., dead] = counts[..., left] * (1 - part) + counts[..., right] * part
    return counts, tuple(int(d) for d in dead)


def bright(counts: NDArray, valid: NDArray) -> NDArray:
    """Spectra above a tenth of the scan's bright signal; the rest is vacuum, whatever its position."""
    total = np.where(valid, counts.sum(-1, dtype=float), 0.0)
    level = np.quantile(total[valid], 0.9) if valid.any() else 0.0
    return valid & (total > VACUUM_SHARE * level) & (total > 0)


def roll_off(energy: NDArray, spectrum: NDArray, within: float = 40.0) -> float:
    """Energy at which the start of the axis stops rolling off: the maximum of the first ``within`` eV, or the start.

    A core-loss background falls everywhere; where its first channels rise instead, the detector cuts them off.
    """
    start = energy < energy[0] + within
    width = max(int(4.0 / (energy[1] - energy[0])), 1)
    smooth = np.convolve(spectrum[start], np.ones(width) / width, mode="valid")
    top = int(smooth.argmax())
    if top < width or smooth[top] < 1.02 * smooth[0]:
        return float(energy[0])
    return float(energy[top + width // 2])
