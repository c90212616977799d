"""Zero-loss peak: where it is, what it holds, and t/λ."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.segments import segments
from oxyspy.eels.windows import dispersion
from oxyspy.errors import InputError

# how far below its maximum the peak is taken to begin: five widths, and at least this, in eV
LEAST_REACH = 8.0
# a maximum further from the scan's median than this is no zero-loss peak, in eV
MAX_DRIFT = 40.0
# no zero-loss peak is wider than twice this, in eV
MAX_HALF_WIDTH = 20.0
# how much of its lower flank an axis must hold, in widths, and how much of the losses above it, in eV
LEAST_FLANK, LEAST_LOSSES = 1.5, 25.0
# a peak narrower than that many channels is coarse, and t/λ known to no better than this
COARSE_CHANNELS, COARSE_SIGMA = 2.0, 0.1
# spectra and stretches of them that tell the counts' gain
GAIN_SPECTRA, GAIN_BLOCKS = 64, 16
# zero-loss peaks further from the scan's median than this are not told from spikes, in eV
PEAK_DRIFT = 10.0
# spectra that tell what a scan's spectra share: their mean's noise is far below any spectrum's
SAMPLE = 4096
# neighbours that a sample takes together, because files are read in pieces
TOGETHER = 64


@dataclass(frozen=True)
class ZeroLoss:
    """Zero-loss peaks of a stack of low-loss spectra.

    Attributes
    ----------
    position : array, shape (...)
        Of the maximum, in eV on the axis as recorded, to a fraction of a channel; ``nan`` without a peak.
    channel : array, shape (...)
        The same in channels.
    area : array, shape (...)
        Counts in the peak.
    total : array, shape (...)
        Counts from the peak's beginning to the axis' end.
    fwhm : float
        Full width at half maximum of the mean peak, in eV.
    reach : float
        How far below (and, mirrored, above) its maximum the peak extends, in eV.
    gain : float
        Variance over mean of the counts.
    coarse : bool
        Whether the peak is less than two channels wide: its area, and with it t/λ and all deconvolved areas, is then
        right to a tenth or so only; their ratios do not suffer.
    """

    position: NDArray
    channel: NDArray
    area: NDArray
    total: NDArray
    fwhm: float
    reach: float
    gain: float
    coarse: bool

    @property
    def t_over_lambda(self) -> NDArray:
        """Thickness in inelastic mean free paths, ln(I_t / I_0); Egerton, EELS in the Electron Microscope, eq. 5.1."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(self.total / self.area)

    @property
    def t_over_lambda_sigma(self) -> NDArray:
        """Standard error of t/λ, by counting: sqrt(g (2/I_0 - 1/I_t)), g the gain; the mirrored half doubles its noise.

        Of a coarse peak 0.1 is added in quadrature: what its place within the channel does to its area.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            counting = self.gain * np.maximum(2 / self.area - 1 / self.total, 0)
        return np.sqrt(counting + (COARSE_SIGMA if self.coarse else 0.0) ** 2)

    def __getitem__(self, part) -> ZeroLoss:
        """Return the peaks of some of the spectra."""
        return replace(
            self, position=self.position[part], channel=self.channel[part], area=self.area[part], total=self.total[part]
        )


class PeakShape(NamedTuple):
    """What the zero-loss peaks of one scan share.

    Attributes
    ----------
    middle : int
        Median channel of the maxima.
    fwhm, reach : float
        As in `ZeroLoss`, in eV.
    gain : float
        As in `ZeroLoss`.
    """

    middle: int
    fwhm: float
    reach: float
    gain: float


def find_zero_loss(
    low: NDArray, energy: NDArray, peak: PeakShape | None = None, recorded: float | None = None
) -> ZeroLoss:
    """Find the zero-loss peak of each spectrum.

    The position is the vertex of the parabola through the logarithms of three points, the maximum and those 0.4 widths
    away, which is exact for a Gaussian and cheap. The peak's area is that of `mirrored_peak`.

    Parameters
    ----------
    low : array, shape (..., m)
        Low-loss counts.
    energy : array, shape (m,)
        Axis as recorded, in eV; it need not hold the peak at zero.
    peak : PeakShape, optional
        Of the whole scan, where ``low`` is a part of it; by default `peak_shape` of these spectra, of a `sample` where
        there are more than 4096.
    recorded : float, optional
        Dispersion in eV a channel that the spectra were recorded on, where they were resampled since.

    Returns
    -------
    ZeroLoss
        Position, width, area, and t/λ of each spectrum.

    Raises
    ------
    InputError
        As `peak_shape`.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> from oxyspy.eels import find_zero_loss
    >>> low = scan.low_loss
    >>> energy = low.axes_manager.signal_axes[0].axis
    >>> found = find_zero_loss(low.inav[14.0].data, energy)
    >>> print(found.t_over_lambda.round(1))
    0.5
    """
    step = dispersion(energy)
    low = np.asarray(low)
    peak = peak_shape(sample(low), energy) if peak is None else PeakShape(*peak)
    m = low.shape[-1]
    flat = low.reshape(-1, m)
    channel, area, whole = np.empty((3, len(flat)))
    near = max(1, int(round(0.4 * peak.fwhm / step)))
    half = int(np.ceil(peak.reach / step))

    def find(part: slice) -> None:
        block = flat[part]
        top, total, good = _tops(block)
        # a peak far from the others is a spike or an empty pixel, not a drift
        good &= (np.abs(top - peak.middle) * step < MAX_DRIFT) & (top * step >= LEAST_FLANK * peak.fwhm)
        at = np.where(good, _vertex(block, np.clip(top, near, m - 1 - near), near), np.nan)
        window, centre = peak_segment(block, at, half, half + 1)
        counts = mirrored_peak(window, at - centre, half).sum(-1, dtype=float)
        counts[~good | ~(counts > 0)] = np.nan
        channel[part], area[part], whole[part] = at, counts, _sum_from(block, total, at - peak.reach / step)

    over_blocks(find, len(flat), 2 * flat.itemsize * m)
    shape = low.shape[:-1]
    return ZeroLoss(
        position=(energy[0] + channel * step).reshape(shape),
        channel=channel.reshape(shape),
        area=area.reshape(shape),
        total=whole.reshape(shape),
        fwhm=peak.fwhm,
        reach=peak.reach,
        gain=peak.gain,
        coarse=peak.fwhm < COARSE_CHANNELS * max(step, recorded or 0.0),
    )


def coarse_words(fwhm: float, step: float) -> str:
    """Say what a zero-loss peak of under two channels does not tell; nothing of one that is wide enough."""
    if not fwhm < COARSE_CHANNELS * step:
        return ""
    return (
        f"the zero-loss peak, {fwhm:.2g} eV wide, holds under two channels of {step:g} eV: t/λ and deconvolved areas "
        "are right to a tenth or so only, ratios do not suffer; record the low loss on a finer dispersion"
    )


def sample(spectra: NDArray, most: int | None = None) -> NDArray:
    """Take up to ``most`` spectra from all over a scan.

    Parameters
    ----------
    spectra : array, shape (..., m)
    most : int, optional
        `SAMPLE` by default.

    Returns
    -------
    array, shape (..., m)
        All spectra where there are no more than ``most``, else `tiles` one after the other along the first axis.
    """
    chosen = [spectra[tile] for tile in tiles(spectra.shape[:-1], most)]
    return chosen[0] if len(chosen) == 1 else np.concatenate(chosen)


def tiles(shape: tuple[int, ...], most: int | None = None) -> list[tuple[slice, ...]]:
    """Places from all over a scan that hold up to ``most`` spectra, `SAMPLE` by default; or all of it, as one.

    They are tiles of 64 neighbours, so that few of a file's chunks are read for them. The tiles stand evenly along one
    axis and, by the golden ratio, along the others: none is left out by a layer that runs along an axis.
    """
    most = SAMPLE if most is None else most
    if math.prod(shape) <= most:
        return [tuple(slice(0, size) for size in shape)]
    side, left = dict.fromkeys(range(len(shape)), 1), TOGETHER
    for count, axis in enumerate(sorted(side, key=shape.__getitem__)):
        side[axis] = min(shape[axis], max(round(left ** (1 / (len(shape) - count))), 1))
        left = max(left // side[axis], 1)
    number = max(most // math.prod(side.values()), 1)
    along = max(side, key=shape.__getitem__)
    golden = (math.sqrt(5) - 1) / 2
    chosen = []
    for tile in range(number):
        place = {axis: (0.5 + tile * golden ** (axis + 1)) % 1 for axis in side} | {along: (tile + 0.5) / number}
        # at multiples of their side, so that a chunk's end cuts few
        first = {axis: int(place[axis] * (shape[axis] // side[axis])) * side[axis] for axis in side}
        chosen.append(tuple(slice(first[axis], first[axis] + side[axis]) for axis in side))
    return chosen


def peak_shape(low: NDArray, energy: NDArray) -> PeakShape:
    """Measure what the zero-loss peaks of a scan share: the scan's numbers, so that no block needs another's.

    Parameters
    ----------
    low : array, shape (..., m)
        Low-loss counts, of the whole scan or of its `sample`.
    energy : array, shape (m,)
        Axis as recorded, in eV.

    Raises
    ------
    InputError
        No spectrum holds a peak inside the axis; the axis begins within 1.5 widths of it, where its flank is cut off,
        or ends within 25 eV of it, where the losses that make plural scattering are.
    """
    step = dispersion(energy)
    flat = low.reshape(-1, low.shape[-1])
    top, _, good = _tops(flat)
    if not good.any():
        raise InputError(
            f"no zero-loss peak inside the low-loss axis, which runs from {energy[0]:g} to {energy[-1]:g} eV"
        )
    middle = int(np.median(top[good]))
    good &= np.abs(top - middle) * step < MAX_DRIFT
    half = int(np.ceil(MAX_HALF_WIDTH / step))
    about = segments(flat if good.all() else flat[good], top[good] - half, 2 * half + 1, repeat_ends=True)
    fwhm = _fwhm(about.mean(0, dtype=float), half) * step
    below, above = middle * step, (flat.shape[-1] - 1 - middle) * step
    if below < LEAST_FLANK * fwhm:
        raise InputError(
            f"the low-loss axis begins {below:.2g} eV below the zero-loss peak, which is {fwhm:.2g} eV wide; needed "
            f"{LEAST_FLANK:g} widths of its lower flank: record it further inside the axis"
        )
    if above < LEAST_LOSSES:
        raise InputError(
            f"the low-loss axis ends {above:.3g} eV above the zero-loss peak; needed {LEAST_LOSSES:g} eV, past the "
            "plasmon losses that make plural scattering"
        )
    reach = min(max(5 * fwhm, LEAST_REACH), below)
    some = np.flatnonzero(good)[:: -(-int(good.sum()) // GAIN_SPECTRA)]
    # integers could not be below zero
    losses = flat[some, middle + int(reach / step) :].astype(np.result_type(flat.dtype, np.float32), copy=False)
    return PeakShape(middle, float(fwhm), float(reach), _gain(losses))


def _gain(losses: NDArray) -> float:
    """Variance over mean of counts, by second differences where losses are many; 1 where there are too few channels."""
    size = (losses.shape[-1] - 2) // GAIN_BLOCKS
    if size < 4:
        return 1.0
    total = losses.sum(0).astype(float)
    level = (total[:-2] + 4 * total[1:-1] + total[2:])[: size * GAIN_BLOCKS].reshape(GAIN_BLOCKS, size).sum(1)
    # of the brighter blocks, because empty channels have a noise of their own; their median, because plasmons bend
    brightest = np.argsort(-level)[: GAIN_BLOCKS // 4]
    second = (np.diff(losses[:, size * block : size * (block + 1) + 2], 2, axis=-1) for block in brightest)
    scatter = np.array([np.square(difference).sum(dtype=float) for difference in second])
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = float(np.median(scatter / level[brightest]))
    return gain if np.isfinite(gain) and gain > 0 else 1.0


def peak_channels(low: NDArray, energy: NDArray) -> slice:
    """Channels that the zero-loss peaks of a scan reach, wherever drift has brought them.

    Parameters
    ----------
    low : array, shape (..., m)
        Without spectra that are not finite.
    energy : array, shape (m,)
        Axis as recorded, in eV.

    Raises
    ------
    InputError
        As `peak_shape`.
    """
    step = dispersion(energy)
    middle, fwhm, *_ = peak_shape(sample(low), energy)
    top, _, good = _tops(low.reshape(-1, low.shape[-1]))
    # a maximum far from the others is a spike
    good &= np.abs(top - middle) * step < PEAK_DRIFT
    reach = int(np.ceil(max(5 * fwhm, LEAST_REACH) / step))
    return slice(max(int(top[good].min()) - reach, 0), int(top[good].max()) + reach + 1)


def _tops(flat: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Channel of each spectrum's maximum, its total, and whether it can be a zero-loss peak."""
    m = flat.shape[-1]
    top = flat.argmax(-1)
    highest = flat[np.arange(len(flat)), top]
    # in the counts' own precision, pair by pair: 1e-7 of a total is nothing beside its noise
    total = flat.sum(-1, dtype=np.result_type(flat.dtype, np.float32))
    return top, total, np.isfinite(total) & (total > 0) & (highest > 0) & (top > 1) & (top < m - 8)


def peak_segment(low: NDArray, channel: NDArray, left: int, right: int) -> tuple[NDArray, NDArray]:
    """Channels from ``left`` below to ``right`` above each peak, zero beyond the axis, and the peak's whole channel."""
    centre = np.rint(np.where(np.isfinite(channel), channel, 0)).astype(int)
    taken = segments(low.reshape(-1, low.shape[-1]), centre.ravel() - left, left + right)
    return taken.reshape(*low.shape[:-1], left + right), centre


def mirrored_peak(segment: NDArray, offset: NDArray, centre: int) -> NDArray:
    """Zero-loss peak alone: above the maximum, the mirror image of the lower flank.

    No loss falls below the peak, so its lower flank is its own (the reflected-tail method: R. F. Egerton, EELS in the
    Electron Microscope, 3rd ed. (2011), section 5.1).

    Parameters
    ----------
    segment : array, shape (..., m)
        Counts with the peak's whole channel at ``centre``.
    offset : array, shape (...)
        Exact position less the whole channel, in channels.
    centre : int

    Returns
    -------
    array, shape (..., m)
        Zero more than ``centre`` channels above the peak, where there is no flank to mirror.
    """
    m = segment.shape[-1]
    flat = segment.reshape(-1, m).astype(np.result_type(segment.dtype, np.float32), copy=False)
    peak = flat.copy()
    # the mirror image of channel i stands at 2 (centre + offset) - i, between two channels
    twice = 2 * np.broadcast_to(np.where(np.isfinite(offset), offset, 0.0), segment.shape[:-1]).ravel()
    # cubic through the four about it: a flank falls too steeply between two channels for a straight line
    away = np.abs(np.arange(-2, 3)[:, None] - twice)
    near, far = (1 - away**2) * (2 - away) / 2, (1 - away) * (2 - away) * (3 - away) / 6
    taps = np.where(away <= 1, near, np.where(away < 2, far, 0.0)).astype(peak.dtype)
    # channel by channel in memory: a flank is a few channels of many spectra
    width = m - centre - 1
    flank = np.ascontiguousarray(flat[:, np.clip(centre + 1 - np.arange(width + 4), 0, m - 1)].T)
    image = taps[0] * flank[4:]
    for tap in range(1, 5):
        image += taps[tap] * flank[4 - tap : 4 - tap + width]
    np.maximum(image, 0, out=image)
    image[np.arange(width)[:, None] > centre - 1 + twice] = 0
    peak[:, centre + 1 :] = image.T
    return peak.reshape(segment.shape)


def _fwhm(mean: NDArray, top: int) -> float:
    """Full width at half maximum in channels, by linear interpolation of the two flanks."""
    half = mean[top] / 2
    below_left = np.flatnonzero(mean[:top] < half)
    below_right = np.flatnonzero(mean[top:] < half)
    if below_left.size == 0 or below_right.size == 0:
        raise InputError("the zero-loss peak is cut off by the end of the low-loss axis")
    left, right = below_left[-1], top + below_right[0]
    left += (half - mean[left]) / (mean[left + 1] - mean[left])
    right -= (half - mean[right]) / (mean[right - 1] - mean[right])
    return float(max(right - left, 1.0))


def _vertex(flat: NDArray, top: NDArray, reach: int) -> NDArray:
    """Vertex of the parabola through the logarithms at top - reach, top and top + reach, in channels."""
    rows = np.arange(len(flat))
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b, c = (np.log(np.maximum(flat[rows, top + d], 0).astype(float)) for d in (-reach, 0, reach))
        offset = 0.5 * reach * (a - c) / (a - 2 * b + c)
    # where a neighbour is empty, the whole channel is the best there is
    return top + np.where(np.isfinite(offset), np.clip(offset, -reach, reach), 0.0)


def _sum_from(flat: NDArray, total: NDArray, low: NDArray) -> NDArray:
    """Sum of each row from ``low`` channels to its end, the first channel counted by its fraction."""
    edge = np.clip(np.nan_to_num(low) + 0.5, 0, flat.shape[-1] - 1)
    whole = edge.astype(int)
    # little lies below a peak: take it off the total
    below = flat[:, : whole.max(initial=0)]
    skipped = np.where(np.arange(below.shape[-1]) < whole[:, None], below, 0).sum(-1, dtype=float)
    return total - skipped - (edge - whole) * flat[np.arange(len(flat)), whole]
