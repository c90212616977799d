"""Channels of a detector that are dead, hot or stuck in all spectra alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter1d, median_filter

from oxyspy.eels.features import variance_over_mean

# full width at half maximum of the narrowest line that a specimen can have at the recorded resolution, in eV
NARROWEST_EV = 1.0
# dead runs are looked for up to this length, hot ones up to the other; in channels
LONGEST_DEAD, LONGEST_HOT = 32, 4
# runs up to this length are mended; longer ones are filled, but nothing may be measured on them
LONGEST_MENDED = 2
# standard deviations by which a bad channel stands off: an empty axis has none
SIGNIFICANCE = 10.0
# share of its counts by which a single channel may be off: less is a detector's gain, and harmless
LEAST_OFF = 0.1
# channels whose scatter tells the noise of the one amidst them
AROUND = 65
# counts that are not equal in eight spectra by chance
LEAST_STUCK = 10.0


class BadChannels(NamedTuple):
    """Channels, as masks of shape (n,).

    Attributes
    ----------
    dead, hot : array of bool
        Too low; too high, or stuck at one value.
    masked : array of bool
        Those of both in runs of more than two.
    """

    dead: NDArray
    hot: NDArray
    masked: NDArray


def find_bad_channels(spectra: NDArray, step: float, keep: slice | None = None) -> BadChannels:
    """Find channels that stand off all around them, more sharply than any line of a specimen, in all spectra.

    Parameters
    ----------
    spectra : array, shape (p, n)
        Counts, without spectra that are no measurement.
    step : float
        Dispersion in eV a channel.
    keep : slice, optional
        Channels that are never called bad: the zero-loss peak's.

    Notes
    -----
    The flank of a Gaussian line of width w falls over a run of L channels of width d by exp(4 ln2 L (d/w)^2) at the
    most. A run that stands higher above the two channels on each side than a line 1 eV wide could is hot, one that
    stands as far below, and at under half of them, is dead. A single channel is also off where it leaves the cubic
    through its four neighbours by a tenth and by more than the top of such a line does. What is hot or off must be so
    in every other spectrum as well as in those between: an X-ray is in one spectrum alone.
    """
    n = spectra.shape[-1]
    none = np.zeros(n, bool)
    if not len(spectra):
        return BadChannels(none, none, none)
    total = spectra.sum(0, dtype=float)
    noise = _noise(total)
    dead = _runs(-total, -total, step, noise, LONGEST_DEAD, below=True)
    hot, stuck = none, none
    if len(spectra) > 1:
        halves = np.stack([spectra[::2].sum(0, dtype=float), spectra[1::2].sum(0, dtype=float)])
        shares = halves / np.maximum(halves.sum(1, keepdims=True), 1e-300) * total.sum()
        hot = _runs(shares.min(0), shares.max(0), step, noise, LONGEST_HOT, below=False)
        # what is found first must not spoil its neighbours' neighbours
        above, below = _off(mend(shares, dead | hot), step, noise)
        hot, dead = hot | above, dead | below
        stuck = _stuck(spectra)
    if keep is not None:
        dead[keep] = hot[keep] = stuck[keep] = False
    hot = (hot | stuck) & ~dead
    runs, count = label(dead | hot)
    long = np.bincount(runs.ravel(), minlength=count + 1) > LONGEST_MENDED
    long[0] = False
    return BadChannels(dead, hot, long[runs])


def mend(counts: NDArray, bad: NDArray) -> NDArray:
    """Counts with bad channels on the straight line between the nearest good ones, or level beyond the last."""
    good = np.flatnonzero(~bad)
    where = np.flatnonzero(bad)
    if not where.size or not good.size:
        return counts
    counts = counts.copy()
    after = np.searchsorted(good, where)
    left, right = good[np.maximum(after - 1, 0)], good[np.minimum(after, good.size - 1)]
    left, right = np.where(after == 0, right, left), np.where(after == good.size, left, right)
    part = ((where - left) / np.maximum(right - left, 1)).astype(counts.dtype)
    counts[..., where] = counts[..., left] * (1 - part) + counts[..., right] * part
    return counts


def _noise(total: NDArray) -> NDArray:
    """Standard deviation of each channel: what its counts let expect, or what the channels about it scatter by."""
    gain = variance_over_mean(total)
    counting = gain * np.maximum(total, 0)
    around = median_filter(np.abs(np.diff(total, 2, prepend=total[0], append=total[-1])), AROUND, mode="reflect")
    # and one electron, where there are none
    return np.sqrt(np.maximum(counting + gain**2, (1.4826 * around) ** 2 / 6))


def _stuck(spectra: NDArray) -> NDArray:
    """Channels of one value in all spectra."""
    # few counts may be equal by chance, and spectra without noise are alike in all channels
    stuck = (spectra[:8] == spectra[0]).all(0) & (spectra[0] >= LEAST_STUCK)
    if len(spectra) < 8 or not stuck.any():
        return np.zeros_like(stuck)
    stuck[stuck] = (spectra[:, stuck] == spectra[0, stuck]).all(0)
    return stuck & (stuck.mean() < 0.5)


def _off(halves: NDArray, step: float, noise: NDArray) -> tuple[NDArray, NDArray]:
    """Channels above, and below, the cubic through their four neighbours in both halves of the spectra."""
    n = halves.shape[-1]
    around = np.lib.stride_tricks.sliding_window_view(halves, 7, axis=-1)
    between = (4 * (around[..., 2] + around[..., 4]) - around[..., 1] - around[..., 5]) / 6
    off = around[..., 3] - between
    # how far the top of the narrowest line leaves that cubic, over its range in the channels beside
    line = np.exp(-4 * np.log(2) * (step / NARROWEST_EV * np.arange(4)) ** 2)
    top = (line[0] - (8 * line[1] - 2 * line[2]) / 6) / (line[1] - line[3])
    beside = np.ptp(around[..., [0, 1, 2, 4, 5, 6]], axis=-1)
    allowed = np.maximum(LEAST_OFF * np.abs(between), 1.5 * top * beside)
    far = np.abs(off) > np.maximum(allowed, SIGNIFICANCE * noise[3 : n - 3])
    # a channel that is off puts its neighbours off, by less
    far &= np.abs(off) == maximum_filter1d(np.abs(off), 7, axis=-1)
    found = np.zeros((2, n), bool)
    found[0, 3 : n - 3], found[1, 3 : n - 3] = (far & (off > 0)).all(0), (far & (off < 0)).all(0)
    return found[0], found[1]


def _runs(inside: NDArray, outside: NDArray, step: float, noise: NDArray, longest: int, below: bool) -> NDArray:
    """Channels of runs that stand above the two channels on each side; with ``below``, of negative counts."""
    n = inside.size
    found = np.zeros(n, bool)
    padded = np.full(n + 4, -np.inf)
    padded[2:-2] = outside
    # highest of the two channels before, and after, each
    before, after = np.maximum(padded[:n], padded[1 : n + 1]), np.maximum(padded[3 : n + 3], padded[4 : n + 4])
    quiet = np.pad(noise, 2, mode="edge")
    before_noise, after_noise = np.maximum(quiet[:n], quiet[1 : n + 1]), np.maximum(quiet[3 : n + 3], quiet[4 : n + 4])
    lowest = inside.copy()
    for length in range(1, longest + 1):
        starts = n - length + 1
        lowest = np.minimum(lowest[:starts], inside[length - 1 :]) if length > 1 else inside
        beside = np.maximum(before[:starts], after[length - 1 :])
        sharpest = np.exp(4 * np.log(2) * length * (step / NARROWEST_EV) ** 2)
        if below:
            stands_off = lowest > beside * min(0.5, 1 / sharpest)
        else:
            stands_off = lowest > beside * sharpest
        sigma = np.maximum(before_noise[:starts], after_noise[length - 1 :])
        stands_off &= np.isfinite(beside) & (lowest - beside > SIGNIFICANCE * sigma)
        for k in np.flatnonzero(stands_off):
            found[k : k + length] = True
    return found
