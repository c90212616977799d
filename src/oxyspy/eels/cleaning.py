"""Spikes, bad channels, saturated spectra and positions without signal: found, counted, listed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from oxyspy.eels.bad_channels import LONGEST_MENDED, NARROWEST_EV, find_bad_channels, mend
from oxyspy.eels.blocks import STREAM_BYTES, over_blocks
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import peak_channels
from oxyspy.errors import InputError
from oxyspy.results import Result

# positions with less than this share of the scan's bright signal are called vacuum
VACUUM_SHARE = 0.1
# an X-ray leaves its charge in a channel or two and in one position only
SPIKE_SIGMA = 9.0
# channels over which the noise is taken to be one
NOISE_CHANNELS = 65
# spectra that tell the noise to a twentieth in each channel, and to a hundredth over as many channels
NOISE_SPECTRA = 512
# no detector counts that many electrons a channel: such a spectrum is a calculation, whose every bend is sharp
MOST_ELECTRONS = 1e7
# the least value that can be a ceiling, in counts: at a few counts runs of equal values come by chance
LEAST_CEILING = 100.0


@dataclass(frozen=True)
class Cleaning(Result):
    """What was changed or set aside in a stack of spectra; lists hold the first thousand.

    Attributes
    ----------
    spikes : int
        Channels of single spectra replaced by the mean of their neighbours.
    spike_positions : tuple
        Index of each spectrum that held one, with the channel.
    not_finite : int
        Channels that held no finite number.
    not_finite_positions : tuple
        Index of each spectrum that held one, and is left out.
    dead_channels, hot_channels : tuple of int
        Channels too low, and too high or stuck, in all spectra, replaced by their neighbours.
    masked_channels : tuple of int
        Those of them in runs of more than two, on which nothing is measured.
    saturated : tuple
        Index of each spectrum that ran into the detector's ceiling, and is left out.
    """

    spikes: int
    spike_positions: tuple[tuple[int, ...], ...]
    not_finite: int
    not_finite_positions: tuple[tuple[int, ...], ...] = ()
    dead_channels: tuple[int, ...] = ()
    hot_channels: tuple[int, ...] = ()
    masked_channels: tuple[int, ...] = ()
    saturated: tuple[tuple[int, ...], ...] = ()

    def __str__(self) -> str:
        return "; ".join(self.in_words()) or "nothing to clean"

    def in_words(self, of: str = "") -> list[str]:
        """Say each thing that was done, in a sentence; ``of`` which spectra, say ``"low-loss "``."""
        said = []
        if self.spikes:
            said.append(f"{self.spikes} {of}spike channels replaced by the mean of their neighbours")
        for name, channels in (("dead", self.dead_channels), ("hot or stuck", self.hot_channels)):
            if channels:
                said.append(f"{name} {of}channels replaced by their neighbours in all spectra: {_listed(channels)}")
        if self.masked_channels and not of:
            said.append(
                f"made-up channels in runs of more than {LONGEST_MENDED}, on which nothing is measured: "
                f"{_listed(self.masked_channels)}"
            )
        if self.saturated:
            said.append(f"{len(self.saturated)} {of}spectra are saturated and left out: {_listed(self.saturated)}")
        if self.not_finite:
            said.append(
                f"{self.not_finite} {of}channels held no finite number; their spectra are left out: "
                f"{_listed(self.not_finite_positions)}"
            )
        return said


def _listed(items: tuple) -> str:
    """Up to eight numbers or indices in words, runs of numbers by their ends."""
    words: list[str] = []
    for item in items:
        first, _, last = words[-1].partition("-") if words else ("", "", "")
        if isinstance(item, int) and words and int(last or first) == item - 1:
            words[-1] = f"{first}-{item}"
        else:
            words.append(str(item))
    more = f" and {len(words) - 8} more" if len(words) > 8 else ""
    return ", ".join(words[:8]) + more


def clean(counts: NDArray, step: float, keep: slice | None = None) -> tuple[NDArray, NDArray, Cleaning]:
    """Replace spikes, dead and hot channels by their neighbours; mark spectra with no numbers or at the ceiling.

    A spike stands more than nine standard deviations above the mean of the channels two and three away on both sides
    and, unlike any feature of the specimen, above the same channel of the neighbouring positions as well; where there
    are none, above what the flank of a line 1 eV wide could be. Bad channels are those of `find_bad_channels`.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        With any gain: the noise is read off the counts themselves.
    step : float
        Dispersion in eV a channel.
    keep : slice, optional
        Channels that stay as they are: a zero-loss peak's, which is sharper than any line of a core loss.

    Returns
    -------
    array, shape (rows, positions, n)
        The counts themselves where there was nothing to change.
    array of bool, shape (rows, positions)
        Spectra that hold numbers.
    Cleaning
        What was done, in numbers and words.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import clean
    >>> counts = np.random.default_rng(0).poisson(100.0, (1, 20, 400)).astype(float)
    >>> counts[0, 5, 200] = 3000.0
    >>> cleaned, good, done = clean(counts, step=0.5)
    >>> print(done)
    1 spike channels replaced by the mean of their neighbours
    """
    finite = np.isfinite(counts)
    bad = int(finite.size - np.count_nonzero(finite))
    sound = finite.all(-1)
    if bad:
        counts = np.where(finite, counts, 0)
    valid = sound & (counts.max(-1, initial=0) > 0)
    channels = find_bad_channels(counts[valid] if not valid.all() else counts.reshape(-1, counts.shape[-1]), step, keep)
    counts = mend(counts, channels.dead | channels.hot)
    ceiling = saturated(counts)
    valid &= ~ceiling
    where, around = _spikes(counts, valid, step, keep)
    if len(where):
        counts = counts.copy()
        counts[tuple(where.T)] = around
    return counts, valid, Cleaning(
        len(where), _indices(where), bad, _indices(np.argwhere(~sound)),
        *(tuple(int(c) for c in np.flatnonzero(mask)) for mask in channels), _indices(np.argwhere(ceiling)),
    )  # fmt: skip


def clean_low_loss(low: NDArray, energy: NDArray) -> tuple[NDArray, Cleaning]:
    """Clean low losses but for their zero-loss peaks; spectra with what is not finite become zero.

    Parameters
    ----------
    low : array, shape (rows, positions, m)
    energy : array, shape (m,)
        Axis as recorded, in eV.

    Returns
    -------
    array, shape (rows, positions, m)
    Cleaning
        Without saturated spectra: a zero-loss peak's are `saturated`.
    """
    low = np.asarray(low)
    sound = np.isfinite(low).all(-1)
    try:
        keep = peak_channels(low[sound], energy)
    except InputError:
        # without a peak there is nothing to clean for
        return np.where(sound[..., None], low, 0), Cleaning(0, (), 0)
    low, _, report = clean(low, dispersion(energy), keep)
    return low if sound.all() else np.where(sound[..., None], low, 0), replace(report, saturated=())


def _indices(where: NDArray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(i) for i in row) for row in where[:1000])


def _spikes(counts: NDArray, valid: NDArray, step: float, keep: slice | None) -> tuple[NDArray, NDArray]:
    """Row, position and channel of each spike, and the mean of the channels two and three away from it."""
    rows, positions, n = counts.shape
    spectra, valid = counts.reshape(-1, n), valid.ravel()
    noise = _noise(spectra, valid)
    if noise is None:
        return np.empty((0, 3), int), np.empty(0, counts.dtype)
    high, around = _high(spectra, valid, noise)
    where = np.stack([*np.divmod(high[:, 0], positions), high[:, 1]], axis=-1)
    spike = np.ones(len(where), bool)
    if keep is not None:
        spike &= (high[:, 1] < keep.start) | (high[:, 1] >= keep.stop)
    if positions > 2:
        spike[spike] = _alone(counts, where[spike], noise)
    elif spike.any():
        spike &= _sharper_than_lines(counts, step)[tuple(where.T)]
    return where[spike], around[spike]


def _high(spectra: NDArray, valid: NDArray, noise: _Noise) -> tuple[NDArray, NDArray]:
    """Spectrum and channel of whatever stands as high as a spike above the channels around it, and their mean."""
    n = spectra.shape[-1]
    found = {}

    def block(part: slice) -> None:
        around = _around(spectra[part])
        # more than enough without the mean of the channels further away, which few need
        least = noise.share(spectra[part] - around, around) > SPIKE_SIGMA
        some = np.flatnonzero(least.any(-1) & valid[part])
        spectrum, channel = np.nonzero(_share(spectra[part][some], noise) > SPIKE_SIGMA)
        where = np.stack([part.start + some[spectrum], channel], axis=-1)
        found[part.start] = where, around[some[spectrum], channel]

    over_blocks(block, len(spectra), 5 * n * spectra.itemsize, STREAM_BYTES)
    where, around = zip(*(found[first] for first in sorted(found)), strict=True)
    return np.concatenate(where), np.concatenate(around)


def _alone(counts: NDArray, where: NDArray, noise: _Noise) -> NDArray:
    """Which of the channels stand off in their position alone: a specimen's line rises in those beside it as well."""
    last, n = counts.shape[1] - 1, counts.shape[-1]
    row, position, channel = where.T
    before, after = np.where(position, position - 1, 1), np.where(position < last, position + 1, last - 1)
    alone = np.empty(len(where), bool)

    def block(part: slice) -> None:
        own, *beside = (
            np.take_along_axis(_share(counts[row[part], at[part]], noise), channel[part, None], axis=1)
            for at in (position, before, after)
        )
        # in proportion to their signal
        alone[part] = (own > 3 * np.maximum(np.maximum(*beside), 0))[:, 0]

    over_blocks(block, len(where), 8 * n * counts.itemsize)
    return alone


def _around(spectra: NDArray) -> NDArray:
    """Mean of the channels two and three away on both sides; at the ends, of one side."""
    around = np.empty_like(spectra)
    pairs = spectra[..., :-1] + spectra[..., 1:]
    around[..., 3:-3] = (pairs[..., :-5] + pairs[..., 5:]) / 4
    for k in range(3):
        around[..., k] = pairs[..., k + 2] / 2
        around[..., -1 - k] = pairs[..., -3 - k] / 2
    return around


class _Noise(NamedTuple):
    """Variance over mean about each channel, and counts an electron."""

    local: NDArray
    electron: float

    def share(self, excess: NDArray, level: NDArray) -> NDArray:
        """Excess over the noise at a level; one electron more is never a spike."""
        sigma = np.maximum(level, 0)
        sigma *= self.local
        np.sqrt(sigma, out=sigma)
        sigma += self.electron
        return np.divide(excess, sigma, out=sigma)


def _level(around: NDArray) -> NDArray:
    """Counts that tell the noise: those around, or of a wider stretch where it has more."""
    return np.maximum(around, uniform_filter1d(around, 31, axis=-1))


def _share(spectra: NDArray, noise: _Noise) -> NDArray:
    """How far each channel stands above those around it, in standard deviations of the noise."""
    around = _around(spectra)
    return noise.share(spectra - around, _level(around))


def _noise(spectra: NDArray, valid: NDArray) -> _Noise | None:
    """Noise as the brighter half of the spectra, or enough of them, tell it; None where there is none."""
    total = spectra.sum(-1, dtype=np.float32)
    seen = np.flatnonzero(valid & (total >= np.median(total[valid]))) if valid.any() else np.empty(0, int)
    if not seen.size:
        return None
    spectra = spectra[seen[:: max(1, seen.size // NOISE_SPECTRA)]]
    around = _around(spectra)
    level = _level(around)
    deviation = np.median(np.abs(spectra - around) / np.sqrt(np.maximum(level, 1e-12)), axis=0)
    gain = (1.4826 * median_filter(deviation, NOISE_CHANNELS, mode="reflect")) ** 2
    mean = level.mean(0)
    # where there are counts: most channels of a weak low loss are empty
    lit = mean >= np.quantile(mean, 0.75)
    electron = float(np.median(gain[lit]))
    if not electron * MOST_ELECTRONS > float(mean[lit].mean()):
        return None
    return _Noise(np.maximum(gain, electron).astype(spectra.dtype), electron)


def _sharper_than_lines(counts: NDArray, step: float) -> NDArray:
    """Channels that stand higher above those one or two away than a line of the least width could."""
    padded = np.pad(counts, ((0, 0), (0, 0), (2, 2)), mode="reflect")
    n = counts.shape[-1]
    sharp = np.zeros(counts.shape, bool)
    for away in (1, 2):
        beside = np.maximum(padded[..., 2 - away : 2 - away + n], padded[..., 2 + away : 2 + away + n])
        sharp |= counts > beside * np.exp(4 * np.log(2) * (away * step / NARROWEST_EV) ** 2)
    return sharp


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
    at_top = counts[reach := counts.max(-1) == top] == top
    found = np.zeros(counts.shape[:-1], bool)
    found[reach] = (at_top[:, :-3] & at_top[:, 1:-2] & at_top[:, 2:-1] & at_top[:, 3:]).any(-1)
    return found


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
