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

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import (
    PeakShape,
    ZeroLoss,
    find_zero_loss,
    mirrored_peak,
    peak_segment,
    peak_shape,
    sample,
)
from oxyspy.errors import InputError

RECONVOLUTIONS = ("zero_loss", "gaussian")
# beyond this, hardly any single scattering is left in the core loss to recover
MAX_T_OVER_LAMBDA = 2.5
# the quotient's response has died away 400 eV above an event; no end needs a longer cosine than 100 eV
MAX_LAG, MAX_TAPER = 400.0, 100.0


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
    transform is over three times as long as the segment, or 400 eV longer than it where that is less: what wraps around
    stays below 1e-4 of the spectrum's maximum up to t/λ = 1, and below 1e-3 at t/λ = 2 from 200 eV on. Where the low
    loss holds only noise, dividing by it is held off by the noise power s^2 = sum(L):
    ``K = I_0 G L* / (|L|^2 + s^2)``, a change of 1/I_t at the frequencies that carry signal.
    """
    if reconvolution not in RECONVOLUTIONS:
        raise InputError(f"reconvolution {reconvolution!r} is not known; use one of {', '.join(RECONVOLUTIONS)}")
    step = dispersion(energy)
    width = zero_loss.fwhm if fwhm is None else float(fwhm)
    if not width > 0:
        raise InputError(f"the reconvolution width must be above 0 eV, found {width:g}")
    gaussian = width / step / np.sqrt(8 * np.log(2)) if reconvolution == "gaussian" else None
    dtype = np.result_type(low.dtype, np.float32)
    left = int(np.ceil(zero_loss.reach / step))
    taper = max(16, min(channels // 2, int(MAX_TAPER / step)))
    guard = min(2 * channels, int(MAX_LAG / step))
    padded = scipy.fft.next_fast_len(channels + guard + left + taper, real=True)
    end = _cosine_end(left + channels + taper, taper).astype(dtype)
    shape = low.shape[:-1]
    flat, channel, area = low.reshape(-1, low.shape[-1]), np.ravel(zero_loss.channel), np.ravel(zero_loss.area)
    # no zero-loss peak: nothing to divide by; thicker than the method can bear: no number rather than a wrong one
    none = ~np.isfinite(area) | (np.ravel(zero_loss.t_over_lambda) > MAX_T_OVER_LAMBDA)
    values = np.empty((len(flat), padded // 2 + 1), np.result_type(dtype, np.complex64))

    def make(part: slice) -> None:
        segment, middle = _segment(flat[part], channel[part], left, channels + taper)
        segment = segment.astype(dtype, copy=False)
        segment *= end
        offset = np.nan_to_num(channel[part] - middle)
        f_low = scipy.fft.rfft(segment, padded, axis=-1, workers=1)
        if gaussian is not None:
            # the low loss has its peak at left + offset, a Gaussian at zero: a phase turns one to the other
            f_peak = _turn(padded, left + offset, values.dtype)
            f_peak *= area[part].astype(dtype)[:, None]
            f_peak *= np.exp(-2 * (np.pi * scipy.fft.rfftfreq(padded) * gaussian) ** 2).astype(dtype)
        else:
            # both have it at the same place, and the quotient at zero; above its mirrored flank the peak is nothing
            peak = mirrored_peak(segment[..., : 2 * left + 3], offset, left)
            f_peak = scipy.fft.rfft(peak, padded, axis=-1, workers=1)
        noise = np.maximum(segment.sum(-1, dtype=float), 0).astype(dtype)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            power = np.square(f_low.real)
            power += np.square(f_low.imag)
            power += noise
            np.conjugate(f_low, out=f_low)
            f_low *= f_peak
            # one real reciprocal: complex division is several times slower
            np.divide(f_low, power, out=values[part])
        values[part][none[part]] = np.nan

    over_blocks(make, len(flat), 6 * padded * dtype.itemsize)
    values = values.reshape(*shape, -1)
    return Kernel(values, channels, padded, reconvolution, width if gaussian is not None else zero_loss.fwhm)


def _turn(padded: int, by: NDArray, dtype: np.dtype) -> NDArray:
    """exp(-2 pi i f by) at the transform's frequencies f for each of ``by`` (p,), from two short tables."""
    count = padded // 2 + 1
    fine = math.isqrt(count) + 1
    angle = -2j * np.pi / padded * by[:, None]
    coarse = np.exp(angle * fine * np.arange(-(-count // fine))).astype(dtype)
    table = coarse[:, :, None] * np.exp(angle * np.arange(fine)).astype(dtype)[:, None, :]
    return table.reshape(len(by), -1)[:, :count]


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
    n, shape = kernel.channels, np.broadcast_shapes(counts.shape[:-1], kernel.values.shape[:-1])
    if counts.dtype.kind != "f":
        counts = counts.astype(np.result_type(counts.dtype, np.float32))
    # one kernel for all, or one a spectrum: either way rows that stand beside each other
    rows = np.broadcast_to(counts, (*shape, n)).reshape(-1, n)
    single = kernel.values.size == kernel.values.shape[-1]
    values = kernel.values.reshape(1, -1) if single else _rows(kernel.values, shape)
    out = np.empty(rows.shape, np.result_type(counts.dtype, kernel.values.real.dtype))

    def apply(part: slice) -> None:
        transform = scipy.fft.rfft(rows[part], kernel.padded, axis=-1, workers=1)
        # a double transform of double counts stays so
        transform = transform * (values if single else values[part])
        out[part] = scipy.fft.irfft(transform, kernel.padded, axis=-1, overwrite_x=True, workers=1)[:, :n]

    over_blocks(apply, len(rows), 4 * kernel.padded * out.itemsize)
    return out.reshape(*shape, n)


def fourier_ratio(
    counts: NDArray,
    low: NDArray,
    energy: NDArray,
    peak: PeakShape | None = None,
    *,
    reconvolution: str = "zero_loss",
    fwhm: float | None = None,
    out: NDArray | None = None,
) -> NDArray:
    """Deconvolve spectra by their low losses block by block: no transform of the whole stack is ever held.

    Parameters
    ----------
    counts : array, shape (..., n)
        Net core loss, as for `deconvolve`.
    low : array, shape (..., m)
        Low loss of the same positions, or one for all, on the same dispersion.
    energy : array, shape (m,)
        Axis of the low loss as recorded, in eV.
    peak : PeakShape, optional
        Of the whole scan, as in `find_zero_loss`.
    reconvolution, fwhm
        As in `fourier_ratio_kernel`.
    out : array, shape (..., n), optional
        Where to write; may be ``counts`` itself. C-contiguous.

    Returns
    -------
    array, shape (..., n)
    """
    n, m = counts.shape[-1], low.shape[-1]
    peak = peak_shape(sample(low), energy) if peak is None else peak
    out = np.empty(counts.shape, np.result_type(counts.dtype, np.float32)) if out is None else out
    rows, result = counts.reshape(-1, n), out.reshape(-1, n)
    kernel = None
    if low.size == m:
        zero_loss = find_zero_loss(low.reshape(m), energy, peak)
        kernel = fourier_ratio_kernel(low.reshape(m), energy, zero_loss, n, reconvolution=reconvolution, fwhm=fwhm)
    lows = low.reshape(-1, m)

    def work(part: slice) -> None:
        own = kernel
        if own is None:
            block = lows[part]
            found = find_zero_loss(block, energy, peak)
            own = fourier_ratio_kernel(block, energy, found, n, reconvolution=reconvolution, fwhm=fwhm)
        result[part] = deconvolve(rows[part], own)

    over_blocks(work, len(rows), 16 * n * out.itemsize)
    return out


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
    dtype = kernel.values.real.dtype
    k, n = weights.shape[-2:]
    shape = np.broadcast_shapes(weights.shape[:-2], kernel.values.shape[:-1])
    windows = weights.reshape(1, k, n) if weights.ndim == 2 else np.broadcast_to(weights, (*shape, k, n))
    windows = windows.reshape(-1, k, n)
    shared = len(windows) == 1
    values = _rows(kernel.values, shape)
    out = np.empty((len(values), k, n), dtype)

    def apply(part: slice) -> None:
        chosen = (windows if shared else windows[part]).astype(dtype, copy=False)
        transform = scipy.fft.rfft(chosen, kernel.padded, axis=-1, workers=1)
        transform = transform * np.conj(values[part])[:, None, :]
        out[part] = scipy.fft.irfft(transform, kernel.padded, axis=-1, overwrite_x=True, workers=1)[..., :n]

    over_blocks(apply, len(values), 3 * k * kernel.padded * out.itemsize)
    return out.reshape(*shape, k, n)


def _rows(values: NDArray, shape: tuple[int, ...]) -> NDArray:
    """A kernel for each of the stack's spectra."""
    return np.broadcast_to(values, (*shape, values.shape[-1])).reshape(-1, values.shape[-1])


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
    # the columns that no spectrum reaches, or not every one
    first = max(int(last.min()) + 1, 1 - left)
    lag = np.arange(first, right)
    part = taken[..., left + first :]
    np.copyto(part, _power_tail(low, lag, last, taken.dtype), where=lag > last[..., None])
    return taken, middle


def _power_tail(low: NDArray, lag: NDArray, last: NDArray, dtype: np.dtype) -> NDArray:
    """Low loss beyond its end, falling as lag^-r from the means of its last two sixteenths of the axis."""
    m = low.shape[-1]
    width = max(2, m // 16)
    end, before = low[..., -width:].mean(-1), low[..., -2 * width : -width].mean(-1)
    near, far = np.maximum(last - 1.5 * width, 1.0), np.maximum(last - 0.5 * width, 2.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.clip(np.nan_to_num(np.log(before / end) / np.log(far / near), nan=3.0), 1.0, 6.0)
        level = np.log(np.maximum(end, 0)) + r * np.log(far)
    # an empty end stays empty: exp(-inf) is 0
    tail = r[..., None].astype(dtype) * -np.log(np.maximum(lag, 1)).astype(dtype)
    tail += level[..., None].astype(dtype)
    return np.exp(tail, out=tail)


def _cosine_end(n: int, taper: int) -> NDArray:
    """Ones that fall to zero by half a cosine over the last ``taper`` channels."""
    window = np.ones(n)
    window[n - taper :] = 0.5 * (1 + np.cos(np.pi * (np.arange(taper) + 1) / taper))
    return window
