"""Fourier-ratio deconvolution of core losses by the low loss of the same place, and its adjoint.

Single-scattering core loss S from recorded core loss C (background removed) and low loss L:

    S = F^-1 [ I_0 G(f) F(C) / F(L) ],

with the zero-loss peak brought to zero, I_0 its area and G the reconvolution function with unit area (R. F. Egerton,
Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed. (2011), section 4.3.2; J. Wong and R. F. Egerton,
J. Microsc. 178, 198 (1995)). S keeps the intensity that single scattering of the zero-loss electrons has.

Everything is linear in C, so it is held as one kernel a spectrum, K = I_0 G / F(L): `deconvolve` applies it to
spectra, `carry_back` applies its transpose to window functions, which gives the weight of each raw channel in a number
measured on S, and so that number's exact variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import ZeroLoss, mirrored_peak, peak_segment
from oxyspy.errors import InputError

RECONVOLUTIONS = ("zero_loss", "gaussian")
# beyond this, hardly any single scattering is left in the core loss to recover
MAX_T_OVER_LAMBDA = 2.5


@dataclass(frozen=True)
class Kernel:
    """Fourier-ratio kernels of a stack of spectra, for core-loss segments of one length.

    Attributes
    ----------
    values : complex array, shape (..., padded // 2 + 1)
        I_0 G(f) / F(L)(f); ``nan`` where there is no low loss to divide by.
    channels : int
        Length of the segments it applies to.
    padded : int
        Length of the transforms.
    reconvolution : str
        ``"zero_loss"`` or ``"gaussian"``.
    fwhm : float
        Energy resolution of the result in eV.
    """

    values: NDArray
    channels: int
    padded: int
    reconvolution: str
    fwhm: float


def fourier_ratio_kernel(
    low: NDArray,
    energy: NDArray,
    zero_loss: ZeroLoss,
    channels: int,
    *,
    reconvolution: str = "zero_loss",
    fwhm: float | None = None,
) -> Kernel:
    """Make the kernels that deconvolve core-loss segments of ``channels`` channels.

    Parameters
    ----------
    low : array, shape (..., m)
        Low-loss counts, on the dispersion of the core loss.
    energy : array, shape (m,)
        Its axis as recorded, in eV.
    zero_loss : ZeroLoss
        Of the same spectra.
    channels : int
        Length of the core-loss segments.
    reconvolution : {"zero_loss", "gaussian"}
        What takes the zero-loss peak's place: the peak itself keeps the recorded resolution, a Gaussian trades
        resolution for noise.
    fwhm : float, optional
        Full width of the Gaussian in eV; by default the zero-loss peak's.

    Raises
    ------
    InputError
        Unknown reconvolution, or a width not above 0.

    Notes
    -----
    A loss at lag k adds to channels k above only, so lags beyond the segment cannot enter it. The low loss is used up
    to that lag and falls to zero by a cosine after it; a low loss shorter than that goes on as a power law. The
    transform is over three times as long as the segment, so that what wraps around stays below 1e-4. Where the low
    loss holds only noise, dividing by it is held off by the noise power s^2 = sum(L): ``K = I_0 G L* / (|L|^2 + s^2)``, a
    change of 1/I_t at the frequencies that carry signal.
    """
    if reconvolution not in RECONVOLUTIONS:
        raise InputError(f"reconvolution {reconvolution!r} is not known; use one of {', '.join(RECONVOLUTIONS)}")
    step = dispersion(energy)
    width = zero_loss.fwhm if fwhm is None else float(fwhm)
    if not width > 0:
        raise InputError(f"the reconvolution width must be above 0 eV, found {width:g}")
    dtype = np.result_type(low.dtype, np.float32)
    left = int(np.ceil(zero_loss.reach / step))
    taper = max(16, channels // 2)
    padded = scipy.fft.next_fast_len(3 * channels + left + taper, real=True)
    segment, middle = _segment(low, zero_loss.channel, left, channels + taper)
    segment = segment.astype(dtype)
    segment *= _cosine_end(segment.shape[-1], taper).astype(dtype)
    # bring the peak to zero: whole channels by the gather, the rest and the left side by a phase
    frequency = scipy.fft.rfftfreq(padded)
    phase = np.exp(2j * np.pi * frequency * (left + np.nan_to_num(zero_loss.channel - middle))[..., None])
    f_low = scipy.fft.rfft(segment, padded, axis=-1) * phase
    if reconvolution == "gaussian":
        sigma = width / step / np.sqrt(8 * np.log(2))
        f_peak = zero_loss.area[..., None] * np.exp(-2 * (np.pi * frequency * sigma) ** 2)
    else:
        peak = mirrored_peak(segment, zero_loss.channel - middle, left)
        f_peak = scipy.fft.rfft(peak, padded, axis=-1) * phase
        width = zero_loss.fwhm
    noise = np.maximum(segment.sum(-1, dtype=float), 0)[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        values = f_peak * np.conj(f_low) / (np.abs(f_low) ** 2 + noise)
    values = values.astype(np.result_type(dtype, np.complex64))
    # no zero-loss peak: nothing to divide by; thicker than the method can bear: no number rather than a wrong one
    values[~np.isfinite(zero_loss.area) | (zero_loss.t_over_lambda > MAX_T_OVER_LAMBDA)] = np.nan
    return Kernel(values, channels, padded, reconvolution, width)


def resample_low_loss(low: NDArray, energy: NDArray, step: float) -> tuple[NDArray, NDArray]:
    """Put a low loss on another dispersion, counts kept: the running sum is interpolated at the new channel edges.

    Parameters
    ----------
    low : array, shape (..., m)
    energy : array, shape (m,)
        Its axis in eV.
    step : float
        Wanted dispersion in eV a channel.

    Returns
    -------
    low : array, shape (..., k)
    energy : array, shape (k,)
        Beginning with the same channel edge.
    """
    old = dispersion(energy)
    if abs(step / old - 1) * low.shape[-1] < 0.25:
        return low, energy
    count = int(low.shape[-1] * old / step)
    edges = np.clip(np.arange(count + 1) * step / old, 0, low.shape[-1])
    running = np.concatenate([np.zeros((*low.shape[:-1], 1)), np.cumsum(low, axis=-1, dtype=float)], axis=-1)
    whole = np.minimum(edges.astype(int), low.shape[-1] - 1)
    at = running[..., whole] + (edges - whole) * (running[..., whole + 1] - running[..., whole])
    axis = energy[0] - old / 2 + step * (np.arange(count) + 0.5)
    return np.diff(at, axis=-1).astype(np.result_type(low.dtype, np.float32)), axis


def deconvolve(counts: NDArray, kernel: Kernel) -> NDArray:
    """Single-scattering core loss of segments with the background removed.

    Parameters
    ----------
    counts : array, shape (..., channels)
        Net core loss from the background window on. Its upper end may stop anywhere: what lies above a channel has no
        part in it, but for the width of the zero-loss peak.
    kernel : Kernel

    Returns
    -------
    array, shape (..., channels)
        On the same axis, in counts a channel; do not measure within three widths of its upper end.
    """
    _check_length(counts, kernel)
    transform = scipy.fft.rfft(counts, kernel.padded, axis=-1)
    transform *= kernel.values
    return scipy.fft.irfft(transform, kernel.padded, axis=-1)[..., : kernel.channels]


def carry_back(weights: NDArray, kernel: Kernel) -> NDArray:
    """Weights on recorded channels that measure on the raw counts what ``weights`` measure after `deconvolve`.

    For any counts c and weights w, sum(w * deconvolve(c)) = sum(carry_back(w) * c).

    Parameters
    ----------
    weights : array, shape (..., k, channels)
        k window functions for each spectrum.
    kernel : Kernel
        With stack shape (...).
    """
    _check_length(weights, kernel)
    transform = scipy.fft.rfft(weights, kernel.padded, axis=-1)
    transform = transform * np.conj(kernel.values)[..., None, :]
    return scipy.fft.irfft(transform, kernel.padded, axis=-1)[..., : kernel.channels]


def _check_length(values: NDArray, kernel: Kernel) -> None:
    if values.shape[-1] != kernel.channels:
        raise InputError(
            f"the kernel is made for segments of {kernel.channels} channels, found {values.shape[-1]}: "
            "make one for this length"
        )


def _segment(low: NDArray, channel: NDArray, left: int, right: int) -> tuple[NDArray, NDArray]:
    """Channels about each zero-loss peak, going on as a power law where the axis ends too early."""
    taken, middle = peak_segment(low, channel, left, right)
    last = low.shape[-1] - 1 - middle
    if last.min() >= right - 1:
        return taken, middle
    lag = np.arange(-left, right)
    return np.where(lag > last[..., None], _power_tail(low, lag, last), taken), middle


def _power_tail(low: NDArray, lag: NDArray, last: NDArray) -> NDArray:
    """Low loss beyond its end, falling as lag^-r from the means of its last two sixteenths of the axis."""
    m = low.shape[-1]
    width = max(2, m // 16)
    end, before = low[..., -width:].mean(-1), low[..., -2 * width : -width].mean(-1)
    near, far = np.maximum(last - 1.5 * width, 1.0), np.maximum(last - 0.5 * width, 2.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.clip(np.nan_to_num(np.log(before / end) / np.log(far / near), nan=3.0), 1.0, 6.0)
    return np.maximum(end, 0)[..., None] * (np.maximum(lag, 1) / far[..., None]) ** -r[..., None]


def _cosine_end(n: int, taper: int) -> NDArray:
    """Ones that fall to zero by half a cosine over the last ``taper`` channels."""
    window = np.ones(n)
    window[n - taper :] = 0.5 * (1 + np.cos(np.pi * (np.arange(taper) + 1) / taper))
    return window
