"""Zero-loss peak: where it is, what it holds, and t/λ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.windows import dispersion
from oxyspy.errors import InputError

# how far below its maximum the peak is taken to begin: five widths, and at least this, in eV
LEAST_REACH = 8.0


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


def find_zero_loss(low: NDArray, energy: NDArray) -> ZeroLoss:
    """Find the zero-loss peak of each spectrum.

    The position is the vertex of the parabola through the logarithms of three points, the maximum and those 0.4 widths
    away, which is exact for a Gaussian and cheap. The peak's area is that of `mirrored_peak`.

    Parameters
    ----------
    low : array, shape (..., m)
        Low-loss counts.
    energy : array, shape (m,)
        Axis as recorded, in eV; it need not hold the peak at zero.

    Raises
    ------
    InputError
        If no spectrum holds a peak inside the axis.
    """
    step = dispersion(energy)
    low = np.asarray(low)
    m = low.shape[-1]
    flat = low.reshape(-1, m)
    top = flat.argmax(-1)
    peak = np.take_along_axis(flat, top[:, None], -1)[:, 0]
    total = flat.sum(-1, dtype=float)
    good = np.isfinite(total) & (total > 0) & (peak > 0) & (top > 1) & (top < m - 8)
    if not good.any():
        raise InputError(
            f"no zero-loss peak inside the low-loss axis, which runs from {energy[0]:g} to {energy[-1]:g} eV"
        )
    middle = int(np.median(top[good]))
    # a peak far from the others is a spike or an empty pixel, not a drift
    good &= np.abs(top - middle) * step < 40.0
    mean = _mean_about(flat[good], top[good], middle)
    fwhm = _fwhm(mean, middle) * step
    near = max(1, int(round(0.4 * fwhm / step)))
    channel = np.where(good, _vertex(flat, np.clip(top, near, m - 1 - near), near), np.nan)
    reach = min(max(5 * fwhm, LEAST_REACH), middle * step)
    window, centre = peak_segment(flat, channel, int(np.ceil(reach / step)), int(np.ceil(reach / step)) + 1)
    area = mirrored_peak(window, channel - centre, window.shape[-1] // 2).sum(-1, dtype=float)
    whole = _sum_from(flat, channel - reach / step)
    area[~good | ~(area > 0)] = np.nan
    shape = low.shape[:-1]
    return ZeroLoss(
        position=(energy[0] + channel * step).reshape(shape),
        channel=channel.reshape(shape),
        area=area.reshape(shape),
        total=whole.reshape(shape),
        fwhm=float(fwhm),
        reach=float(reach),
    )


def peak_segment(low: NDArray, channel: NDArray, left: int, right: int) -> tuple[NDArray, NDArray]:
    """Channels from ``left`` below to ``right`` above each peak, zero beyond the axis, and the peak's whole channel."""
    m = low.shape[-1]
    centre = np.round(np.nan_to_num(channel)).astype(int)
    wanted = centre[..., None] + np.arange(-left, right)
    taken = np.take_along_axis(low, np.clip(wanted, 0, m - 1), -1)
    return np.where((wanted >= 0) & (wanted < m), taken, 0), centre


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
    if not shift.any():
        return flat.mean(0, dtype=float)
    channels = np.clip(np.arange(m) + shift[:, None], 0, m - 1)
    return np.take_along_axis(flat, channels, -1).mean(0, dtype=float)


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


def _sum_from(flat: NDArray, low: NDArray) -> NDArray:
    """Sum of each row from ``low`` channels to its end, the first channel counted by its fraction."""
    m = flat.shape[-1]
    edge = np.clip(np.nan_to_num(low) + 0.5, 0, m - 1)
    whole = edge.astype(int)
    keep = np.arange(m) >= whole[:, None]
    rows = np.arange(len(flat))
    return np.einsum("pm,pm->p", flat, keep, dtype=float) - (edge - whole) * flat[rows, whole]
