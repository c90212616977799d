"""Fourier-ratio deconvolution of core losses by the low loss of the same place, and its adjoint.

Single-scattering core loss S from recorded core loss C (background removed) and low loss L:

    S = F^-1 [ I_0 G(f) F(C) / F(L) ],

with the zero-loss peak brought to zero, I_0 its area and G the reconvolution function with unit area (R. F. Egerton,
Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed. (2011), section 4.3.2; J. Wong and R. F. Egerton,
J. Microsc. 178, 198 (1995)). S keeps the intensity that single scattering of the zero-loss electrons has.

G is the zero-loss peak Z itself, a Gaussian, or what Wiener's filter of the zero-loss peak lets through,

    G = (1 + k) |Z|^2 / (|Z|^2 + k),

with k the noise-to-signal ratio that brings G to one half where a Gaussian of the wanted width has one half (N. Wiener,
Extrapolation, Interpolation, and Smoothing of Stationary Time Series (1949)). It removes the peak's own shape as far as
noise allows, and amplifies the noise of no frequency by more than (1 + k) / (2 sqrt k).

Everything is linear in C, so it is held as one kernel a spectrum, K = I_0 G / F(L): `deconvolve` applies it to
spectra, `carry_back` applies its transpose to window functions, which gives the weight of each raw channel in a number
measured on S, and so that number's exact variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

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

RECONVOLUTIONS = ("zero_loss", "gaussian", "wiener")
# beyond this, hardly any single scattering is left in the core loss to recover
MAX_T_OVER_LAMBDA = 2.5
# the quotient's response has died away 400 eV above an event, and at any t/λ does not die away in less than 200; a low
# loss cut off over less than 100 eV has a quotient of its own
LEAST_LAG, MAX_LAG, TAPER = 200.0, 400.0, 100.0
# spectra that tell the peak's shape, and bytes of those whose peaks are found together
PEAKS, PEAKS_BYTES = 1024, 8_000_000
# share of a low loss by which its mirrored peak may be wrong at any frequency: a flank between two channels
PEAK_ERROR = 1e-3


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
        Length of the transforms; even.
    reconvolution : str
        One of `RECONVOLUTIONS`.
    fwhm : float
        Energy resolution of the result in eV.
    """

    values: NDArray
    channels: int
    padded: int
    reconvolution: str
    fwhm: float

    def __getitem__(self, at: tuple[slice, ...]) -> Kernel:
        """Return the kernels of some positions; an axis on which all positions share one is kept."""
        sizes = self.values.shape[:-1]
        at = tuple(slice(None) if size == 1 else part for part, size in zip(at, sizes, strict=False))
        return replace(self, values=self.values[at])


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
    reconvolution : {"zero_loss", "gaussian", "wiener"}
        What takes the zero-loss peak's place: the peak itself keeps the recorded resolution, a Gaussian trades
        resolution for noise, and Wiener's filter takes out the peak's shape with a bound on the noise.
    fwhm : float, optional
        Full width in eV of the Gaussian, or of the one whose resolution Wiener's filter has; by default the zero-loss
        peak's.

    Raises
    ------
    InputError
        Unknown reconvolution, a width not above 0, or one that Wiener's filter cannot have.

    Notes
    -----
    A loss at lag k adds to channels k above only, so lags beyond the segment cannot enter it. The low loss is used up
    to that lag and falls to zero by a cosine after it; a low loss shorter than that goes on as a power law. The
    transform is three times as long as the segment, but from 200 to 400 eV longer than it, and the cosine on top: what
    wraps around stays below 1e-4 of the spectrum's maximum up to t/λ = 1, and below 1e-3 at t/λ = 2. Where the low
    loss holds only noise, dividing by it is held off by the noise power s^2 = g I_t, g the counts' gain as measured and
    I_t their sum, and by the peak's error of a thousandth: ``K = I_0 G L* / (|L|^2 + s^2 + (I_t / 1000)^2)``, a change
    of g/I_t at the frequencies that carry signal, in any unit of the counts.
    """
    if reconvolution not in RECONVOLUTIONS:
        raise InputError(f"reconvolution {reconvolution!r} is not known; use one of {', '.join(RECONVOLUTIONS)}")
    step = dispersion(energy)
    width = zero_loss.fwhm if fwhm is None else float(fwhm)
    if not width > 0:
        raise InputError(f"the reconvolution width must be above 0 eV, found {width:g}")
    wiener = noise_to_signal(zero_loss.fwhm, width) if reconvolution == "wiener" else None
    dtype = np.result_type(low.dtype, np.float32)
    left = int(np.ceil(zero_loss.reach / step))
    taper = max(16, int(TAPER / step))
    padded = _transform_length(channels, left, taper, step)
    sigma = width / step / np.sqrt(8 * np.log(2))
    gaussian = np.exp(-2 * (np.pi * scipy.fft.rfftfreq(padded) * sigma) ** 2).astype(dtype)
    end = _cosine_end(taper).astype(dtype)
    shape = low.shape[:-1]
    flat, channel, area = low.reshape(-1, low.shape[-1]), np.ravel(zero_loss.channel), np.ravel(zero_loss.area)
    # no zero-loss peak: nothing to divide by; thicker than the method can bear: no number rather than a wrong one
    none = ~np.isfinite(area) | (np.ravel(zero_loss.t_over_lambda) > MAX_T_OVER_LAMBDA)
    values = np.empty((len(flat), padded // 2 + 1), np.result_type(dtype, np.complex64))

    def make(part: slice) -> None:
        segment, middle = loss_segment(flat[part], channel[part], left, channels + taper)
        segment[:, -taper:] *= end
        offset = np.where(none[part], 0.0, channel[part] - middle)
        own_area = area[part].astype(dtype)[:, None]
        f_low = scipy.fft.rfft(segment, padded, axis=-1, workers=1)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            power = np.square(f_low.real)
            power += np.square(f_low.imag)
            # the noise has one power at all frequencies: the sum of the counts, their transform at zero, times the gain
            whole = np.maximum(f_low[:, :1].real, 0)
            power += zero_loss.gain * whole + (PEAK_ERROR * whole) ** 2
            np.conjugate(f_low, out=f_low)
            if reconvolution == "zero_loss":
                # both have their peak at the same place, and the quotient at zero
                f_low *= _peak_transform(segment, offset, left, padded)
                real = np.reciprocal(power, out=power)
            else:
                # the low loss has its peak at left + offset, G at zero: a phase turns one to the other
                f_low *= turn(padded, left + offset, values.dtype)
                if reconvolution == "gaussian":
                    g = gaussian * own_area
                else:
                    g = _wiener(_peak_transform(segment, offset, left, padded), own_area, wiener)
                real = np.divide(g, power, out=power)
            # real factors together, and last: complex division is several times slower
            np.multiply(f_low, real, out=values[part])
        values[part][none[part]] = np.nan

    over_blocks(make, len(flat), 6 * padded * dtype.itemsize)
    values = values.reshape(*shape, -1)
    return Kernel(values, channels, padded, reconvolution, zero_loss.fwhm if reconvolution == "zero_loss" else width)


def _transform_length(channels: int, left: int, taper: int, step: float) -> int:
    """Channels that keep a segment's plural scattering from wrapping around into it; even, and quick to transform."""
    guard = min(max(2 * channels, int(LEAST_LAG / step)), int(MAX_LAG / step))
    return 2 * scipy.fft.next_fast_len(-(-(channels + guard + left + taper) // 2), real=True)


def noise_to_signal(peak: float, wanted: float) -> float:
    """Return k of Wiener's filter G = (1 + k) Z² / (Z² + k) that is one half where a Gaussian of width ``wanted`` is.

    Parameters
    ----------
    peak, wanted : float
        Full widths at half maximum in eV: of the zero-loss peak Z, taken as a Gaussian, and of the result.

    Raises
    ------
    InputError
        A resolution that no k gives: one worse than the peak's own by a factor of 1.4 or more.

    Examples
    --------
    >>> noise_to_signal(1.0, 1.0)
    0.5
    """
    power = 4.0 ** -((peak / wanted) ** 2)
    if power >= 0.45:
        raise InputError(
            f"a Wiener filter gives a zero-loss peak of {peak:.2g} eV no resolution of {wanted:g} eV, found above "
            f"{1.3 * peak:.2g} eV: ask for a finer one, or use reconvolution='gaussian'"
        )
    return power / (1 - 2 * power)


def _peak_transform(segment: NDArray, offset: NDArray, left: int, padded: int) -> NDArray:
    """Transform of the zero-loss peaks alone; above its mirrored flank a peak is nothing."""
    peak = mirrored_peak(segment[..., : 2 * left + 3], offset, left)
    return scipy.fft.rfft(peak, padded, axis=-1, workers=1)


def _wiener(f_peak: NDArray, area: NDArray, k: float) -> NDArray:
    """I_0 G of Wiener's filter, from transforms of the zero-loss peaks (p, f) and their areas (p, 1)."""
    power = np.square(f_peak.real) + np.square(f_peak.imag)
    return (1 + k) * area * power / (power + k * area**2)


def turn(padded: int, by: NDArray, dtype: np.dtype) -> NDArray:
    """Phases exp(-2 pi i f by) at the transform's frequencies f for each of ``by`` (p,), from two short tables."""
    count = padded // 2 + 1
    fine = math.isqrt(2 * count)
    turns = -by[:, None] / padded
    slow, fast = (_phases(turns * at, dtype) for at in (fine * np.arange(-(-count // fine)), np.arange(fine)))
    return (slow[:, :, None] * fast[:, None, :]).reshape(len(by), -1)[:, :count]


def _phases(turns: NDArray, dtype: np.dtype) -> NDArray:
    """Return exp(2 pi i turns); by cosine and sine of less than one turn, which vectorise in any precision."""
    phases = np.empty(turns.shape, dtype)
    angle = (2 * np.pi * (turns - np.rint(turns))).astype(phases.real.dtype)
    np.cos(angle, out=phases.real)
    np.sin(angle, out=phases.imag)
    return phases


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
    m, count = low.shape[-1], int(low.shape[-1] * old / step)
    edges = np.clip(np.arange(count + 1) * step / old, 0, m)
    whole = np.minimum(edges.astype(int), m - 1)
    flat = low.reshape(-1, m)
    resampled = np.empty((len(flat), count), np.result_type(low.dtype, np.float32))

    def work(part: slice) -> None:
        running = np.zeros((part.stop - part.start, m + 1))
        np.cumsum(flat[part], axis=-1, dtype=float, out=running[:, 1:])
        if step < old:
            # straight lines between coarse edges make steps of a zero-loss peak, and its place and area wrong by 20 %
            good = np.isfinite(running[:, -1:])
            at = CubicSpline(np.arange(m + 1), np.where(good, running, 0), axis=-1)(edges)
            at[~good[:, 0]] = np.nan
        else:
            at = running[:, whole] + (edges - whole) * (running[:, whole + 1] - running[:, whole])
        resampled[part] = np.diff(at, axis=-1)

    over_blocks(work, len(flat), 8 * (10 * m + 4 * count))
    return resampled.reshape(*low.shape[:-1], count), energy[0] - old / 2 + step * (np.arange(count) + 0.5)


def deconvolve(counts: NDArray, kernel: Kernel, out: NDArray | None = None) -> NDArray:
    """Single-scattering core loss of segments with the background removed.

    Parameters
    ----------
    counts : array, shape (..., channels)
        Net core loss from the background window on. Its upper end may stop anywhere: what lies above a channel has no
        part in it, but for the width of the zero-loss peak.
    kernel : Kernel
    out : array, shape (..., channels), optional
        Where to write; may be ``counts`` itself. C-contiguous.

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
    if out is None:
        out = np.empty((*shape, n), np.result_type(counts.dtype, kernel.values.real.dtype))
    result = out.reshape(-1, n)

    def apply(part: slice) -> None:
        transform = scipy.fft.rfft(rows[part], kernel.padded, axis=-1, workers=1)
        # a double transform of double counts stays so
        transform = _times(transform, values if single else values[part])
        result[part] = scipy.fft.irfft(transform, kernel.padded, axis=-1, overwrite_x=True, workers=1)[:, :n]

    over_blocks(apply, len(rows), 4 * kernel.padded * out.itemsize)
    return out


def deconvolve_smoothed(counts: NDArray, kernel: Kernel, part: slice, sigma: float) -> NDArray:
    """Single-scattering core loss about a line, convolved with a Gaussian: what its maximum is looked for in.

    Every second frequency is enough for it: what lies above the part is left out, so that only losses that are half a
    transform larger than the part's width wrap around, by less than 1e-3 of the maximum and smoothly.

    Parameters
    ----------
    counts : array, shape (p, channels)
        As for `deconvolve`.
    kernel : Kernel
        Of p spectra, or one for all.
    part : slice
        Channels that are wanted.
    sigma : float
        Of the Gaussian, in channels.

    Returns
    -------
    array, shape (p, width of the part)
    """
    half = kernel.padded // 2
    # a zero-loss peak's width above the part still has a part in it
    counts = counts[:, : part.stop + int(8 * sigma) + 8]
    transform = scipy.fft.rfft(counts, half, axis=-1, workers=1)
    gauss = np.exp(-2 * (np.pi * sigma * scipy.fft.rfftfreq(half)) ** 2)
    transform *= gauss.astype(transform.real.dtype)
    transform = _times(transform, kernel.values.reshape(-1, kernel.values.shape[-1])[:, ::2])
    return scipy.fft.irfft(transform, half, axis=-1, overwrite_x=True, workers=1)[:, part]


def _times(transform: NDArray, values: NDArray) -> NDArray:
    """Product, in the transform's place where its precision is enough."""
    if np.result_type(transform, values) == transform.dtype:
        return np.multiply(transform, values, out=transform)
    return transform * values


def fourier_ratio(
    counts: NDArray,
    low: NDArray,
    energy: NDArray,
    peak: PeakShape | None = None,
    *,
    reconvolution: str = "zero_loss",
    fwhm: float | None = None,
    step: float | None = None,
    out: NDArray | None = None,
) -> NDArray:
    """Deconvolve spectra by their low losses block by block: no transform of the whole stack is ever held.

    Parameters
    ----------
    counts : array, shape (..., n)
        Net core loss, as for `deconvolve`.
    low : array, shape (..., m)
        Low loss of the same positions, or one for all.
    energy : array, shape (m,)
        Axis of the low loss as recorded, in eV.
    peak : PeakShape, optional
        Of the whole scan, as in `find_zero_loss`, on the dispersion of the core loss.
    reconvolution, fwhm
        As in `fourier_ratio_kernel`.
    step : float, optional
        Dispersion of the core loss in eV a channel; that of the low loss by default.
    out : array, shape (..., n), optional
        Where to write; may be ``counts`` itself. C-contiguous.

    Returns
    -------
    array, shape (..., n)
        Single scattering; ``nan`` where a low loss has no zero-loss peak.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> core = scan.core_loss
    >>> _ = core.calibrate_edges()
    >>> from oxyspy.eels import fourier_ratio
    >>> net = core.inav[14.0].remove_power_law("Mn_L")
    >>> low = scan.low_loss.inav[14.0]
    >>> single = fourier_ratio(net.data, low.data, low.axes_manager.signal_axes[0].axis)
    >>> bool(single.sum() < net.data.sum())
    True
    """
    n, m = counts.shape[-1], low.shape[-1]
    step = dispersion(energy) if step is None else step
    peak = peak_shape(*resample_low_loss(sample(low, PEAKS), energy, step)) if peak is None else peak
    out = np.empty(counts.shape, np.result_type(counts.dtype, np.float32)) if out is None else out
    rows, result, lows = counts.reshape(-1, n), out.reshape(-1, n), low.reshape(-1, m)

    def kernels(low: NDArray) -> Callable[[slice], Kernel]:
        """Return what makes the kernels of some rows of the part: their peaks are found all together."""
        low, axis = resample_low_loss(low, energy, step)
        found = find_zero_loss(low, axis, peak)
        choices = {"reconvolution": reconvolution, "fwhm": fwhm}
        if len(low) == 1:
            one = fourier_ratio_kernel(low, axis, found, n, **choices)
            return lambda some: one
        return lambda some: fourier_ratio_kernel(low[some], axis, found[some], n, **choices)

    one = kernels(lows) if len(lows) == 1 else None
    padded = _transform_length(n, int(peak.reach / step), int(TAPER / step), step)

    def work(part: slice) -> None:
        kernel_of = one or kernels(lows[part])

        def apply(some: slice) -> None:
            deconvolve(rows[part][some], kernel_of(some), out=result[part][some])

        over_blocks(apply, part.stop - part.start, 16 * padded * out.itemsize)

    over_blocks(work, len(rows), m * low.itemsize, PEAKS_BYTES)
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
    windows = weights.reshape(1, k, n) if weights.size == k * n else np.broadcast_to(weights, (*shape, k, n))
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


def loss_segment(low: NDArray, channel: NDArray, left: int, right: int) -> tuple[NDArray, NDArray]:
    """Channels about each zero-loss peak, going on as a power law where the axis ends too early."""
    taken, middle = peak_segment(low, channel, left, right)
    taken = taken.astype(np.result_type(taken.dtype, np.float32), copy=False)
    last = low.shape[-1] - 1 - middle
    if last.min() >= right - 1:
        return taken, middle
    # the columns that not every spectrum reaches, and those that none does
    some, none = (min(max(int(at) + 1, 1 - left), right) for at in (last.min(), last.max()))
    tail = _power_tail(low, np.arange(some, right), last, taken.dtype)
    beyond = np.arange(some, none) > last[..., None]
    np.copyto(taken[..., left + some : left + none], tail[..., : none - some], where=beyond)
    taken[..., left + none :] = tail[..., none - some :]
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


def _cosine_end(taper: int) -> NDArray:
    """Half a cosine that falls to zero over ``taper`` channels."""
    return 0.5 * (1 + np.cos(np.pi * (np.arange(taper) + 1) / taper))
