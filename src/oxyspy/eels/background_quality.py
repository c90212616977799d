"""How good a background is: its deviance, what its extrapolation costs, and the longest window that holds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.background import BLOCK, PowerLaw, fit_power_law
from oxyspy.eels.windows import check_inside, dispersion, window_weights
from oxyspy.errors import InputError

# shortest automatic window and the step by which it grows, in eV
SHORTEST_EV = 16.0
GROWTH_EV = 4.0
# near structure of another edge below, that no window holds unless the shipped one does
CLEAR_EV = 60.0
# blocks of channels whose sums are compared, at the least; else channels are
LEAST_BLOCKS = 6
# how far the next stretch may lie off what is foretold, whatever the counts: sums of power laws are none
MODEL_ERROR = 0.003


def reduced_deviance(counts: NDArray, energy: NDArray, background: PowerLaw, noise: float = 1.0) -> NDArray:
    """Deviance of the fit per degree of freedom: 1 where only counting noise is left.

    Parameters
    ----------
    counts : array, shape (..., n)
        As they were fitted.
    energy : array, shape (n,)
        In eV.
    background : PowerLaw
        Fitted to them.
    noise : float
        Variance of a count over its mean.

    Returns
    -------
    array, shape (...)
        1 where a power law is all there is, more where it is not.

    Notes
    -----
    2 sum[y ln(y / mu) - (y - mu)] / (n - 2), P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed.
    (1989), section 2.3, over sums of 8 channels, which hold the correlation that a camera adds; of short windows over
    single channels. With the counts' variance over mean for ``noise`` it is 1 for camera counts as well.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import fit_power_law, reduced_deviance
    >>> energy = np.arange(590.0, 632.0, 0.25)
    >>> counts = np.random.default_rng(0).poisson(1e11 * energy**-3.0, (200, energy.size))
    >>> fit = fit_power_law(counts, energy, (590.0, 632.0))
    >>> print(reduced_deviance(counts, energy, fit).mean().round(1))
    1.0
    """
    inside = check_inside(energy, background.window, "background")
    y = np.asarray(counts[..., inside], float)
    mu = background(energy[inside])
    blocks = y.shape[-1] // BLOCK
    if blocks >= LEAST_BLOCKS:
        starts = np.arange(0, blocks * BLOCK, BLOCK)
        y, mu = (np.add.reduceat(part[..., : blocks * BLOCK], starts, axis=-1) for part in (y, mu))
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.where(y > 0, y * np.log(y / mu), 0.0) - (y - mu)
    return 2 * terms.sum(-1) / (y.shape[-1] - 2) / noise


def variance_factor(
    energy: NDArray, window: tuple[float, float], signal: tuple[float, float], r: float = 3.0, method: str = "ml"
) -> float:
    """Egerton's h: variance of an edge's area over what counting under the edge alone would give it.

    Parameters
    ----------
    energy : array, shape (n,)
        In eV.
    window, signal : tuple of float
        Fit window, and the window of the edge's area.
    r : float
        Exponent of the background.
    method : {"ml", "egerton"}
        Of the maximum-likelihood fit, or of Egerton's: least squares of the logarithms, all channels alike.

    Returns
    -------
    float
        h = 1 + var(I_b) / I_b, I_b the background below the edge; its signal to noise is S / sqrt(S + h I_b).

    Raises
    ------
    InputError
        An unknown method, or a signal window without a channel.

    Notes
    -----
    R. F. Egerton, Ultramicroscopy 9, 387 (1982). Neither depends on the dose.

    Examples
    --------
    >>> energy = np.arange(500.0, 700.0, 0.25)
    >>> round(variance_factor(energy, (590.0, 632.0), (635.0, 645.0)), 1)
    2.4
    """
    if method not in ("ml", "egerton"):
        raise InputError(f"method {method!r} is not known; use one of ml, egerton")
    mean = np.asarray(energy, float) ** -r * 1e3 * np.asarray(energy, float)[0] ** r
    fit = fit_power_law(mean, energy, window)
    covariance = fit.covariance
    if method == "egerton":
        held = check_inside(energy, window, "background")
        x = np.log(energy[held] / fit.reference)
        design = np.stack([np.ones_like(x), -x])
        by_logs = np.linalg.solve(design @ design.T, design)
        # the logarithm of a count varies by one over it
        covariance = (by_logs / mean[held]) @ by_logs.T
    inside = window_weights(energy, *signal)
    gradient = fit.gradient(energy) @ inside
    below = float(fit(energy) @ inside)
    if not below > 0:
        raise InputError(f"the window {signal[0]:g}-{signal[1]:g} eV holds no channel of the axis")
    return float(1 + gradient @ covariance @ gradient / below)


def longest_window(
    counts: NDArray,
    energy: NDArray,
    end: float,
    start: float,
    clear_of: tuple[float, ...] = (),
    allowed: float | None = None,
) -> tuple[float, float]:
    """Longest window that ends at ``end`` and still holds a power law in all spectra together.

    Parameters
    ----------
    counts : array, shape (..., n)
        Spectra with signal.
    energy : array, shape (n,)
        In eV.
    end : float
        Where the window ends, in eV: before the edge.
    start : float
        Where it may begin at the earliest, in eV.
    clear_of : tuple of float
        Onsets of other edges in eV: the window begins 60 eV above each, if 16 eV are left.
    allowed : float, optional
        Where it may begin in any case, in eV: the shipped window does.

    Returns
    -------
    tuple of float
        The window in eV.

    Raises
    ------
    InputError
        There is no room for 16 eV, or no spectrum holds a power law there.

    Notes
    -----
    A window grows by 4 eV while the power law of what it holds foretells the next 4 eV, summed over all spectra, to
    three standard errors and 0.3 %. The wider the window, the less the extrapolation's variance: see
    `variance_factor`.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import longest_window
    >>> energy = np.arange(500.0, 700.0, 0.5)
    >>> counts = np.random.default_rng(0).poisson(1e11 * energy**-3.0)
    >>> longest_window(counts, energy, end=632.0, start=550.0)
    (552.0, 632.0)
    """
    step = dispersion(energy)
    earliest = max(start, float(energy[0]))
    if end - earliest < SHORTEST_EV:
        raise InputError(
            f"no background window: {end - earliest:.0f} eV of the axis lie below {end:.0f} eV, "
            f"needed {SHORTEST_EV:.0f} eV"
        )
    clear = max([earliest, *(onset + CLEAR_EV for onset in clear_of if onset < end)])
    clear = clear if allowed is None else max(min(clear, allowed), earliest)
    earliest = min(clear, end - SHORTEST_EV)
    low = end - SHORTEST_EV
    fit = fit_power_law(counts, energy, (low, end))
    known = np.isfinite(fit.r)
    if not known.any():
        raise InputError(f"no background window: no spectrum holds a power law between {low:.0f} and {end:.0f} eV")
    # variance over mean, as all spectra's residuals show it
    noise = float(np.nanmean(fit.dispersion))
    while low - GROWTH_EV >= earliest - step / 2:
        new = check_inside(energy, (low - GROWTH_EV, low - step), "background", minimum=1)
        gradient = fit.gradient(energy[new])[known].sum(-1)
        expected = fit(energy[new])[known].sum()
        found = counts[..., new][known].sum(dtype=float)
        variance = found + np.einsum("pi,pij,pj->", gradient, fit.covariance[known], gradient)
        if abs(found - expected) > np.sqrt(9 * noise * variance + (MODEL_ERROR * found) ** 2):
            break
        low -= GROWTH_EV
        fit = fit_power_law(counts, energy, (low, end))
    return float(low), float(end)
