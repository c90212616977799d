"""Weights of white lines on recorded channels, from a deconvolution's running response.

`carry_back` takes one pair of transforms a window and spectrum. All windows of the white lines are boxes, so with r the
kernel's response backwards in energy and P its running sum, the weights of the box from a to b are

    q(k) = P(k - a) - P(k - b),

read off one transform; between channels P is a straight line, as a channel's share in a window is. The slopes at both
maxima are read off a second one, the response of a Gaussian's derivative, by a cubic spline.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from oxyspy.eels.deconvolution import Kernel
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.eels.windows import dispersion, step_profile, window_weights


class LineShares(NamedTuple):
    """Which values of the running responses the weights of p spectra are summed up from.

    Attributes
    ----------
    n : int
        Channels of the segment.
    smoothing : float
        Sigma of the slopes' Gaussian, in channels.
    channels : tuple of tuple of int
        For each of the five weights: the lag of channel k is k less these.
    shares : tuple of array, shape (p or 1, len(channels))
    steps : array, shape (p or 1, 2)
        Sums under L3 and L2 of the continuum of height one.
    """

    n: int
    smoothing: float
    channels: tuple[tuple[int, ...], ...]
    shares: tuple[NDArray, ...]
    steps: NDArray

    def of(self, part: slice) -> LineShares:
        """Return those of some of the spectra."""
        *shares, steps = (a if len(a) == 1 else a[part] for a in (*self.shares, self.steps))
        return self._replace(shares=tuple(shares), steps=steps)


def line_shares(
    energy: NDArray, l3: float, l2: float, rest: NDArray, method: WhiteLineMethod, smoothing: float
) -> LineShares:
    """Find where the windows' ends and the maxima of each spectrum stand among the channels.

    Parameters
    ----------
    energy : array, shape (n,)
        Axis of the segment in eV.
    l3, l2 : float
        Where areas and steps stand, in eV.
    rest : array, shape (p,) or (1,)
        By how much each spectrum's windows stand below that: half a channel at the most.
    method : WhiteLineMethod
        Without a slope, its post window on the axis.
    smoothing : float
        Sigma in eV of the Gaussian with which slopes are taken; 1.5 channels at least.
    """
    n, step = energy.size, dispersion(energy)
    away = np.asarray(rest, float) / step
    post = window_weights(energy, *method.post)

    def box(low: float, high: float, away: NDArray) -> tuple[tuple[int, ...], NDArray]:
        lower, upper = (_on_lines((edge - energy[0]) / step + 0.5, away, n) for edge in (low, high))
        return (*lower[0], *upper[0]), np.concatenate([lower[1], -upper[1]], axis=-1)

    height = box(*method.post, np.zeros(1))
    found = [
        box(l3 - method.l3_half, l3 + method.l3_half, away),
        box(l2 - method.l2_half, l2 + method.l2_half, away),
        (height[0], height[1] / post.sum()),
        *(_on_splines((at - energy[0]) / step, away) for at in (l3, l2)),
    ]
    # what no spectrum has a share in changes no bit
    used = [np.flatnonzero(shares.any(0)) for _, shares in found]
    steps = np.stack(_steps_under(energy, l3, l2, rest, method, post / post.sum()), axis=-1)
    return LineShares(
        n,
        smoothing / step,
        tuple(tuple(channels[i] for i in some) for some, (channels, _) in zip(used, found, strict=True)),
        tuple(shares[:, some] for some, (_, shares) in zip(used, found, strict=True)),
        steps,
    )


def line_responses(kernel: Kernel, lines: LineShares) -> NDArray:
    """Weights on net counts of area L3, area L2, continuum height, slope at L3 and slope at L2.

    Parameters
    ----------
    kernel : Kernel
        Of p spectra, or one for all.
    lines : LineShares
        Of p spectra, or the same for all.

    Returns
    -------
    array, shape (p, 5, n)
        Of areas and height to rounding what `carry_back` makes of `line_weights`, in the kernel's precision. Slopes, a
        channel, are interpolated: their standard errors are right to 0.1 %, to 0.3 % where the smoothing is 1.5
        channels.
    """
    n = lines.n
    backwards = np.conjugate(kernel.values.reshape(-1, kernel.values.shape[-1]))
    rows = max(len(backwards), *(len(shares) for shares in lines.shares))
    # weight by weight in memory: steps over whole arrays are twice as fast
    q = np.empty((5, rows, n), backwards.real.dtype)
    spare = np.empty((rows, n), q.dtype)
    sums = _running_sums(backwards, kernel.padded, n)
    for number in range(3):
        _read(sums, lines.channels[number], lines.shares[number], q[number], spare)
    steps = lines.steps.astype(q.dtype)
    for number in range(2):
        np.multiply(q[2], steps[:, number : number + 1], out=spare)
        q[number] -= spare
    # every second frequency is enough for an error
    slopes = _slopes(backwards[:, ::2], kernel.padded // 2, n, lines.smoothing)
    for number in range(3, 5):
        _read(slopes, lines.channels[number], lines.shares[number], q[number], spare)
    return q.swapaxes(0, 1)


def _running_sums(backwards: NDArray, padded: int, n: int) -> NDArray:
    """Running sums of responses with transforms (p, f), at the lags from -n - 3 to n + 2."""
    sums = _at_lags(backwards * _sum_factor(padded, n).astype(backwards.dtype), padded, n)
    # of the mean the sum is a ramp
    sums += backwards[:, :1].real / padded * np.arange(2 * n + 6, dtype=sums.dtype)
    return sums


@lru_cache(maxsize=8)
def _sum_factor(padded: int, n: int) -> NDArray:
    """A running sum, that of the mean left out, as a factor on transforms: 1 / (1 - exp(-i omega)), moved by n + 3."""
    omega = 2 * np.pi * scipy.fft.rfftfreq(padded)
    factor = np.exp(-1j * omega * (n + 3))
    factor[1:] /= 1 - np.exp(-1j * omega[1:])
    factor[0] = 0
    return factor


def _slopes(backwards: NDArray, padded: int, n: int, sigma: float) -> NDArray:
    """Cubic-spline coefficients of responses of the slope, a channel, smoothed by ``sigma`` channels; lags as above."""
    return _at_lags(backwards * _slope_factor(padded, n, sigma).astype(backwards.dtype), padded, n)


@lru_cache(maxsize=8)
def _slope_factor(padded: int, n: int, sigma: float) -> NDArray:
    omega = 2 * np.pi * scipy.fft.rfftfreq(padded)
    return -1j * omega * np.exp(-0.5 * (omega * sigma) ** 2 - 1j * omega * (n + 3)) * 3 / (2 + np.cos(omega))


def _at_lags(transform: NDArray, padded: int, n: int) -> NDArray:
    values = scipy.fft.irfft(transform, padded, axis=-1, overwrite_x=True, workers=1)
    return values[:, : 2 * n + 6] if padded >= 2 * n + 6 else values[:, np.arange(2 * n + 6) % padded]


def _on_lines(at: float, away: NDArray, n: int) -> tuple[tuple[int, ...], NDArray]:
    """Channels below ``at - away`` and their shares in a value on straight lines between them; cut to 0 ... n."""
    # up to half a channel to both sides of `at`: the same three channels for any spectrum
    whole = max(int(np.floor(np.clip(at, 0, n) - 0.5)), 0)
    place = np.clip(at - away, 0, n) - whole
    near, far = np.clip(place, 0, 1), np.clip(place - 1, 0, 1)
    return (whole, whole + 1, whole + 2), np.stack([1 - near, near - far, far], axis=-1)


def _on_splines(at: float, away: NDArray) -> tuple[tuple[int, ...], NDArray]:
    """Channels about ``at - away`` and their shares in a cubic spline's value there."""
    channels = int(np.floor(at - 0.5)) + np.arange(-1, 4)
    u = np.abs((at - away)[:, None] - channels)
    return tuple(channels.tolist()), np.where(u < 1, 2 / 3 - u**2 + u**3 / 2, np.maximum(2 - u, 0) ** 3 / 6)


def _read(values: NDArray, channels: Sequence[int], shares: NDArray, out: NDArray, spare: NDArray) -> None:
    """Write the values' weighted sums at the lags k - channel, for k = 0 ... n - 1."""
    n = out.shape[-1]
    shares = shares.astype(out.dtype)
    for number, channel in enumerate(channels):
        first = n + 3 - channel
        np.multiply(values[:, first : first + n], shares[:, number : number + 1], out=spare if number else out)
        if number:
            out += spare


def _steps_under(
    energy: NDArray, l3: float, l2: float, rest: NDArray, method: WhiteLineMethod, post: NDArray
) -> list[NDArray]:
    """Sums of the stepped continuum of height one under L3 and under L2, each of shape (p,)."""
    step = dispersion(energy)

    def profile(part: slice) -> NDArray:
        chosen = (method.step, method.step_width, step)
        return (2 * step_profile(energy[part], l3 - rest, *chosen) + step_profile(energy[part], l2 - rest, *chosen)) / 3

    # an arctan is not yet at its height in the window that measures it
    after = slice(*(np.flatnonzero(post)[[0, -1]] + (0, 1)))
    height = (profile(after) * post[after]).sum(-1)
    sums = []
    for at, half in ((l3, method.l3_half), (l2, method.l2_half)):
        # the same channels for any block: rests are half a channel at the most
        middle, reach = int(np.rint((at - energy[0]) / step)), int(half / step) + 4
        part = slice(max(middle - reach, 0), middle + reach + 1)
        inside = window_weights(energy[part], at - rest - half, at - rest + half)
        sums.append((inside * profile(part)).sum(-1) / height)
    return sums
