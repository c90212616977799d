"""Zero-loss peak: where it is, what it holds, and t/λ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.windows import dispersion
from oxyspy.errors import InputError

# how far below its maximum the peak is taken to begin: five widths, and at least this, in eV
LEAST_REACH = 8.0
# a maximum further from the scan's median than this is no zero-loss peak, in eV
MAX_DRIFT = 40.0
# spectra that tell the shape of a scan's peak: their mean's noise is far below any spectrum's
SAMPLE = 4096


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
    """

    position: NDArray
    channel: NDArray
    area: NDArray
    total: NDArray
    fwhm: float
    reach: float

    @property
    def t_over_lambda(self) -> NDArray:
        """Thickness in inelastic mean free paths, ln(I_t / I_0); Egerton, EELS in the Electron Microscope, eq. 5.1."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(self.total / self.area)

    @property
    def t_over_lambda_sigma(self) -> NDArray:
        """Standard error of t/λ from counting alone, sqrt(2/I_0 - 1/I_t): the mirrored half doubles its own noise."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(np.maximum(2 / self.area - 1 / self.total, 0))


class PeakShape(NamedTuple):
    """What the zero-loss peaks of one scan share.

    Attributes
    ----------
    middle : int
        Median channel of the maxima.
    fwhm, reach : float
        As in `ZeroLoss`, in eV.
    """

    middle: int
    fwhm: float
    reach: float


def find_zero_loss(low: NDArray, energy: NDArray, peak: PeakShape | None = None) -> ZeroLoss:
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
        Of the whole scan, where ``low`` is a part of it; by default `peak_shape` of these spectra, of 4096 spread
        evenly where there are more.

    Raises
    ------
    InputError
        If no spectrum holds a peak inside the axis.
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
        good &= np.abs(top - peak.middle) * step < MAX_DRIFT
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
    )


def sample(spectra: NDArray) -> NDArray:
    """Up to 4096 spectra, evenly from the whole scan; also of a dask array, and there the same ones for any chunks."""
    stride = 1
    while math.prod(-(-size // stride) for size in spectra.shape[:-1]) > SAMPLE:
        stride += 1
    return spectra[(slice(None, None, stride),) * (spectra.ndim - 1)]


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
        If no spectrum holds a peak inside the axis.
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
    fwhm = _fwhm(_mean_about(flat[good], top[good], middle), middle) * step
    return PeakShape(middle, float(fwhm), float(min(max(5 * fwhm, LEAST_REACH), middle * step)))


def _tops(flat: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Channel of each spectrum's maximum, its total, and whether it can be a zero-loss peak."""
    m = flat.shape[-1]
    top = flat.argmax(-1)
    highest = flat[np.arange(len(flat)), top]
    total = flat.sum(-1, dtype=float)
    return top, total, np.isfinite(total) & (total > 0) & (highest > 0) & (top > 1) & (top < m - 8)


def peak_segment(low: NDArray, channel: NDArray, left: int, right: int) -> tuple[NDArray, NDArray]:
    """Channels from ``left`` below to ``right`` above each peak, zero beyond the axis, and the peak's whole channel."""
    m, width = low.shape[-1], left + right
    centre = np.round(np.nan_to_num(channel)).astype(int)
    flat, own = low.reshape(-1, m), centre.ravel()
    taken = np.empty((len(flat), width), low.dtype)
    # drifts are few whole channels: a copy for each of them, not a look-up for each channel of each spectrum
    for at in np.unique(own):
        rows = slice(None) if own[0] == own[-1] == at and (own == at).all() else np.flatnonzero(own == at)
        first, last = max(at - left, 0), min(at + right, m)
        skip = first - (at - left)
        taken[rows, :skip] = 0
        taken[rows, skip : skip + last - first] = flat[rows, first:last]
        taken[rows, skip + last - first :] = 0
    return taken.reshape(*low.shape[:-1], width), centre


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
    offset = np.nan_to_num(offset)
    # the mirror image of channel i stands at 2 (centre + offset) - i, between two channels
    mirror = 2 * (centre + offset)[..., None] - np.arange(m)
    whole = np.floor(mirror).astype(int)
    part = (mirror - whole).astype(segment.dtype)
    # cubic: a flank falls too steeply between two channels for a straight line
    taps = (
        -part * (part - 1) * (part - 2) / 6,
        (part + 1) * (part - 1) * (part - 2) / 2,
        -(part + 1) * part * (part - 2) / 2,
        (part + 1) * part * (part - 1) / 6,
    )
    image = np.zeros_like(part)
    for shift, tap in enumerate(taps, start=-1):
        image += tap * np.take_along_axis(segment, np.clip(whole + shift, 0, m - 1), -1)
    image = np.where(whole >= 0, np.maximum(image, 0), 0)
    return np.where(np.arange(m) > (centre + offset)[..., None] + 0.5, image, segment)


def _mean_about(flat: NDArray, top: NDArray, middle: int) -> NDArray:
    """Mean of spectra moved by whole channels so that their maxima stand together."""
    m = flat.shape[-1]
    shift = top - middle
    total = np.zeros(m)
    for by in np.unique(shift):
        rows = flat if (shift == by).all() else flat[shift == by]
        total += rows.sum(0, dtype=float)[np.clip(np.arange(m) + by, 0, m - 1)]
    return total / len(flat)


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
