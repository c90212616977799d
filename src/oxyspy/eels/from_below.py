"""Edges that stand on other edges: plural scattering is taken out from below them all, before a background is fitted.

Electrons that lost energy at a lower edge and then to a plasmon bend the spectrum under the next edge: no power law
follows that, and one fitted to it as recorded comes out too high beyond. With B_0 the power law below the lowest edge
and K the Fourier ratio's kernel,

    S = B_0 + K * (C - B_0)

holds the lower edges' single scattering alone, whose tail is a power law's as far as it need be. The background B is
fitted to S, by the same likelihood, and windows measure S - B.

All this stays linear in the counts C but for the two backgrounds' parameters theta_0 and theta, so each window w has
one weight a recorded channel, to first order:

    w' = w - (dB/dtheta . w) dtheta/dS,   q = carry_back(w'),   T = q + ((w' - q) . dB_0/dtheta_0) dtheta_0/dC
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw, fit_power_law, subtract
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import Kernel, carry_back, deconvolve
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.other_backgrounds import fit_background
from oxyspy.eels.windows import check_inside


@dataclass(frozen=True)
class FromBelow:
    """Spectra whose plural scattering is taken out from below the lowest edge on.

    Attributes
    ----------
    counts : array, shape (..., m)
        As recorded, from below the lowest edge on.
    axis : array, shape (m,)
        Their axis in eV.
    below, background : PowerLaw
        Fitted to the counts below the lowest edge; and to the single scattering below the edge that is measured.
    kernel : Kernel
        Of m channels.
    energy : array, shape (n,)
        The axis's last n channels, from the edge's background window on.
    net : array, shape (..., n)
        Single scattering less its background.
    """

    counts: NDArray
    axis: NDArray
    below: PowerLaw
    background: PowerLaw
    kernel: Kernel
    energy: NDArray
    net: NDArray


def from_below(
    counts: NDArray,
    axis: NDArray,
    kernel: Kernel,
    lowest: tuple[float, float],
    window: tuple[float, float],
    channels: int,
    name: str = "background",
    method: str = "ml",
    noise: float = 1.0,
) -> FromBelow:
    """Take the plural scattering out of spectra, and then the background of one edge.

    Parameters
    ----------
    counts : array, shape (..., m)
        Raw counts from below the lowest edge to past the last window.
    axis : array, shape (m,)
        In eV.
    kernel : Kernel
        Of m channels.
    lowest, window : tuple of float
        Fit windows in eV: below the lowest edge, and below the edge that is to be measured.
    channels : int
        How many of the last channels are kept: from the window on.
    name : str
        What errors call the edge's background.
    method : str
        How that is fitted, as for `oxyspy.eels.other_backgrounds.fit_background`; the one below by maximum likelihood.
    noise : float
        Variance over mean of the counts.

    Returns
    -------
    FromBelow
        ``nan`` where the kernel is missing or a background could not be fitted.

    Raises
    ------
    InputError
        A window that is not inside the axis.
    """
    below = fit_power_law(counts, axis, lowest, f"{name}, plural scattering").of_noise(noise)
    single = deconvolve(subtract(counts, axis, below), kernel)[..., -channels:]
    energy = axis[-channels:]
    single = single + below(energy).astype(single.dtype)
    background = fit_background(single, energy, window, name, method).of_noise(noise)
    return FromBelow(counts, axis, below, background, kernel, energy, subtract(single, energy, background))


def measure_from_below(found: FromBelow, weights: NDArray, *, noise: ArrayLike = 1.0) -> Functionals:
    """Measure window functions on the net single scattering, with their covariance.

    Parameters
    ----------
    found : FromBelow
        Of spectra of shape (...).
    weights : array, shape (..., k, n)
        Window functions on ``found.energy``.
    noise : float or array, shape (...)
        Variance of a count over its mean.

    Returns
    -------
    Functionals
        ``nan`` where the kernel is missing or a background could not be fitted.
    """
    stack, k, n = found.counts.shape[:-1], weights.shape[-2], found.energy.size
    rows, m = int(np.prod(stack)), found.axis.size
    flat = replace(
        found, counts=found.counts.reshape(rows, m), net=found.net.reshape(rows, n),
        below=found.below.reshaped(rows), background=found.background.reshaped(rows),
    )  # fmt: skip
    windows = np.broadcast_to(weights, (*stack, k, n)).reshape(rows, k, n)
    spread = np.broadcast_to(np.asarray(noise, float), stack).reshape(rows)
    last = found.kernel.values.shape[-1]
    transforms = np.broadcast_to(found.kernel.values, (*stack, last)).reshape(rows, last)
    values, covariance = np.empty((rows, k)), np.empty((rows, k, k))

    def work(part: slice) -> None:
        kernel = replace(found.kernel, values=transforms[part])
        values[part], total = _weights(flat, part, windows[part], kernel)
        total *= np.sqrt(np.maximum(flat.counts[part], 0) * spread[part, None])[:, None, :]
        covariance[part] = total @ total.swapaxes(-1, -2)

    over_blocks(work, rows, 8 * (5 * k + 4) * found.kernel.padded)
    return Functionals(values.reshape(*stack, k), covariance.reshape(*stack, k, k))


def _weights(found: FromBelow, part: slice, windows: NDArray, kernel: Kernel) -> tuple[NDArray, NDArray]:
    """Values of windows (p, k, n) on the net spectra, and their weights (p, k, m) on recorded channels."""
    axis, n = found.axis, found.energy.size
    values = np.einsum("pkn,pn->pk", windows, found.net[part])
    on_single = np.zeros((*windows.shape[:2], axis.size))
    on_single[..., -n:] = windows
    _follow(on_single, windows, axis, found.background[part], found.energy, sign=-1.0)
    total = carry_back(on_single, kernel).astype(float)
    _follow(total, on_single - total, axis, found.below[part], axis, sign=1.0)
    return values, total


def _follow(total: NDArray, seen: NDArray, axis: NDArray, background: PowerLaw, energy: NDArray, sign: float) -> None:
    """Add, in place, what a background's parameters do to numbers that see it by ``seen`` (p, k, n) on ``energy``."""
    inside = check_inside(axis, background.window, "background")
    by_theta = np.einsum("pkn,pjn->pkj", seen, background.gradient(energy))
    total[..., inside] += sign * by_theta @ background.response(axis[inside])
