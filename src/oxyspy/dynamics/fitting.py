"""Lines through mean squared displacements: where they are diffusive, and with which weights and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from oxyspy.dynamics import msd as kernels

if TYPE_CHECKING:
    from oxyspy.dynamics.estimate import Curve

# an exponent known less well than this decides nothing
DECISIVE = 0.2
FIT_LAGS = 16
# a line that fits worse than this share of lines by chance does not fit
BAD_FIT = 0.01


def fit_line(
    lags: np.ndarray, values: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    r"""Fit values = slope * lag + intercept by generalised least squares that a bent curve does not mislead.

    Returns
    -------
    weights
        Shape (2, k): ``weights @ values`` is slope and intercept, of these values or of any others.
    errors
        Covariance matrix of slope and intercept.
    chi2
        Weighted sum of squared residuals under the covariance as given, with ``k - 2`` degrees of freedom.
    excess
        Relative model error of each value that was added.

    Notes
    -----
    Displacements at neighbouring lags are so strongly correlated that their small differences, which the covariance
    holds for certain, would outvote the slope where the curve is bent a little. So, where the line fits worse than
    one in a hundred would by chance, an independent error :math:`\tau M` of each value is added, :math:`\tau` just
    large enough that :math:`\chi^2 = k - 2`.
    """
    freedom = max(len(lags) - 2, 1)

    def solve(excess: float):
        total = covariance + np.diag((excess * values) ** 2)
        weights, remainder = _weights(lags, total)
        residual = remainder @ values
        return weights, weights @ total @ weights.T, float(residual @ residual)

    weights, errors, chi2 = solve(0.0)
    if chdtrc(freedom, chi2) > BAD_FIT:
        return weights, errors, chi2, 0.0
    low, high = 1e-6, 1.0
    for _ in range(24):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if solve(middle)[2] > freedom else (low, middle)
    weights, errors, _ = solve(high)
    return weights, errors, chi2, high


def _weights(lags: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what makes slope and intercept, shape (2, k), and what makes the whitened residuals, of values."""
    design = np.stack([lags, np.ones(len(lags))], axis=1)
    whiten = _whiten(covariance)
    q, r = np.linalg.qr(whiten @ design)
    return np.linalg.solve(r, q.T) @ whiten, whiten - q @ (q.T @ whiten)


def _whiten(covariance: np.ndarray) -> np.ndarray:
    """Return the matrix that makes values of this covariance independent with variance 1."""
    spread = np.sqrt(np.diag(covariance))
    # eigenvalues of the correlation matrix below this are rounding, not information
    size, vectors = np.linalg.eigh(covariance / np.outer(spread, spread))
    kept = size > 1e-9 * size[-1]
    return (vectors[:, kept] / np.sqrt(size[kept])).T / spread


def fit_window(
    measured: np.ndarray, step: float, first: int, last: int, walkers: int, *, fixed: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Fit a line to a displacement over a window of lags, with the displacement's own covariance.

    Where it fits badly and the window is not fixed, it starts later, as long as a factor of four remains; and once more
    by a factor of two where the line does not pass through 0: cages are forgotten slowly, and what is left of them when
    a line begins to fit makes it too steep by some of its errors.

    Returns
    -------
    fit
        Lags in frames.
    weights
        Of slope and intercept, as `fit_line` gives them.
    errors
        Covariance of slope and intercept.
    p_value
        Chance of a straight line fitting as badly.
    """
    doubled = fixed
    while True:
        fit, covariance = _fit_lags(measured, first, last, walkers)
        weights, errors, misfit, _ = fit_line(fit * step, measured[fit], covariance)
        p_value = float(chdtrc(max(len(fit) - 2, 1), misfit))
        fits = fixed or p_value > BAD_FIT
        if fits and not doubled and weights[1] @ measured[fit] > 2 * np.sqrt(errors[1, 1]) and first * 8 <= last:
            first, doubled = first * 2, True
        elif fits or first * 1.5 * 4 > last:
            return fit, weights, errors, p_value
        else:
            first = int(np.ceil(first * 1.5))


def _fit_lags(measured: np.ndarray, first: int, last: int, walkers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return lags to fit within a window, and the displacement's covariance there."""
    stride = max(1, first // 8)
    fit = stride * kernels.spaced_lags(-(-first // stride), last // stride, FIT_LAGS)
    return fit, _covariance(measured, fit, len(measured), walkers)


def _covariance(measured: np.ndarray, fit: np.ndarray, frames: int, walkers: int) -> np.ndarray:
    """Return the covariance of the displacement at the lags ``fit`` in a run of so many frames.

    The growth along one dimension is as measured up to the window, then its line; all on a grid of an eighth of the
    window's start, which is as good and far shorter.
    """
    stride = _stride(fit)
    slope, intercept = np.polyfit(fit, measured[fit], 1, w=1 / np.maximum(fit, 1))
    lag = stride * np.arange(2 * len(measured) // stride + 2)
    line = np.maximum(intercept + max(slope, 0.0) * lag, 0.0)
    known = lag < fit[0]
    growth = np.where(known, measured[np.minimum(lag, fit[0])], line) / 3
    return kernels.displacement_covariance(fit // stride, growth, frames // stride) * 3 / walkers


def displacement_errors(measured: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the covariance of the displacement of one path at the lags ``fit``, which share a step."""
    return _covariance(measured, fit, len(measured), 1)


def _stride(fit: np.ndarray) -> int:
    """Return the largest common step of the lags that `fit_window` made."""
    return int(np.gcd.reduce(fit))


def power_law(
    measured: np.ndarray, step: float, first: int, last: int, walkers: int, *, constant: bool
) -> tuple[float, float, float, float]:
    r"""Fit :math:`M = a t^b`, or :math:`a t^b + c`, to a displacement over a window of lags.

    Returns
    -------
    exponent, sigma
        :math:`b`, between 0.3 and 1.7, and its standard error.
    constant
        :math:`c`, or 0.
    p_value
        Chance of a fit as bad.
    """
    fit, covariance = _fit_lags(measured, first, last, walkers)
    whiten = _whiten(covariance)
    seen = whiten @ measured[fit]
    powers = np.linspace(0.3, 1.7, 57)
    grown = (fit * step) ** powers[:, None]
    columns = np.stack([grown, np.ones_like(grown)][: 1 + constant], axis=-1)
    q, r = np.linalg.qr(whiten @ columns)
    along = np.einsum("pmk,m->pk", q, seen)
    misfits = np.sum((seen - np.einsum("pmk,pk->pm", q, along)) ** 2, axis=1)
    best = int(np.argmin(misfits))
    within = powers[misfits <= misfits[best] + 1]
    sigma = max((within[-1] - within[0]) / 2, powers[1] - powers[0])
    p_value = chdtrc(max(len(fit) - 2 - constant, 1), misfits[best])
    offset = float(np.linalg.solve(r[best], along[best])[1]) if constant else 0.0
    return float(powers[best]), float(sigma), offset, float(p_value)


def vibrating_window(
    measured: np.ndarray, step: float, lags: np.ndarray, walkers: int, tolerance: float
) -> tuple[int, float, float] | None:
    r"""Return from where a displacement is diffusive beside a constant, and the exponent of the rest with its error.

    Ions that rattle in cages while they diffuse have :math:`M = a t^b + c`, which itself is no power of the lag. The
    window starts as early as this fits, with :math:`c` above 0, :math:`b` known to half the tolerance and 1 within it;
    None where there is none over a factor of eight in lags.
    """
    first, last = int(lags[0]), int(lags[-1])
    while first * 8 <= last:
        exponent, sigma, constant, p_value = power_law(measured, step, first, last, walkers, constant=True)
        if p_value > BAD_FIT and constant > 0 and abs(exponent - 1) <= tolerance and sigma <= tolerance / 2:
            return first, exponent, sigma
        first = int(np.ceil(first * 1.5))
    return None


def find_window(
    measured: np.ndarray, step: float, lags: np.ndarray, curve: Curve, walkers: int, tolerance: float
) -> tuple[tuple[int, int] | None, bool, str]:
    """Return first and last lag to fit or None, whether the motion there is diffusive, and why.

    What the local exponents let pass must also grow as one power near 1 over the whole window, which is known better
    than each of them; what they do not let pass may still be diffusion beside vibration.
    """
    ends, supported, reason = diffusive_window(lags, curve, tolerance)
    if supported:
        exponent, sigma, _, _ = power_law(measured, step, *ends, walkers, constant=False)
        if exponent - 1 >= -tolerance - sigma:
            return ends, True, reason
        reason = (
            f"sub-diffusive: the displacement grows as lag^({exponent:.2f} ± {sigma:.2f}) from {ends[0] * step:.3g} ps "
            "on; no diffusion coefficient can be read from it, run longer"
        )
    if ends is not None and (found := vibrating_window(measured, step, lags, walkers, tolerance)):
        reason = (
            f"diffusive from {found[0] * step:.3g} ps on beside vibration: the displacement grows as a constant and "
            f"lag^({found[1]:.2f} ± {found[2]:.2f})"
        )
        return (found[0], int(lags[-1])), True, reason
    return ends, False, reason


def diffusive_window(lags: np.ndarray, curve: Curve, tolerance: float) -> tuple[tuple[int, int] | None, bool, str]:
    """Return first and last lag to fit or None, whether the motion there is diffusive, and why."""
    known = np.isfinite(curve.exponent) & (curve.exponent_sigma <= DECISIVE)
    if known.sum() < 3:
        told = curve.exponent_sigma[np.isfinite(curve.exponent)]
        best = f"; the local exponent is known to ± {told.min():.2f} at best, needed ± {DECISIVE}" if len(told) else ""
        reason = f"too little data: the local exponent is known well enough at {known.sum()} lags, needed 3{best}"
        return None, False, f"{reason}; run longer"
    exponent, sigma, time = curve.exponent[known], curve.exponent_sigma[known], curve.lag[known]
    failures = np.flatnonzero(np.abs(exponent - 1) > tolerance + 2.5 * sigma)
    start = failures[-1] + 1 if len(failures) else 0
    last = int(lags[-1])
    if start < len(time) and last >= 4 * lags[known][start]:
        reason = f"diffusive from {time[start]:.3g} ps on: local exponents within {tolerance:g} of 1"
        return (int(lags[known][start]), last), True, reason
    # the end of what can be decided speaks for the whole
    tail = exponent[-max(3, len(exponent) // 8) :].mean()
    height = np.interp(time[-1], curve.lag, curve.msd)
    growth = f"the displacement grows as lag^{tail:.2f} at {time[-1]:.3g} ps, where it is {height:.3g} Å^2"
    # the last three octaves, where a slow escape would show, and beyond which nothing gets faster
    end = (max(last // 8, 1), last)
    if abs(tail - 1) <= tolerance:
        return end, False, f"too short a run: {growth}, but it became diffusive too late to fit a line; run longer"
    if tail > 1 + tolerance:
        kind = "ballistic" if tail > 1.5 else "faster than diffusion"
        return None, False, f"{kind}: {growth}; no diffusion coefficient can be read from it, run longer"
    if tail > 0.5:
        return end, False, f"sub-diffusive: {growth}; no diffusion coefficient can be read from it, run longer"
    return end, False, f"caged: {growth}; D is not measured but limited"


def block_scatter(positions: np.ndarray, measured: np.ndarray, fit: np.ndarray, step: float) -> tuple[float, int]:
    """Return by how much more blocks of time differ in slope than their covariance lets them, and their number.

    With fewer than three blocks, each three times as long as the shortest lag, it is nan.
    """
    frames = len(positions)
    blocks = min(frames // max(3 * int(fit[0]), 8), 10)
    if blocks < 3:
        return np.nan, 0
    length = frames // blocks
    inside = fit[fit <= 2 * length // 3]
    if len(inside) < 3:
        return np.nan, 0
    covariance = _covariance(measured, inside, length, positions.shape[1])
    weights, remainder = _weights(inside * step, covariance)
    slopes = []
    for k in range(blocks):
        part = kernels.mean_squared_displacement(positions[k * length : (k + 1) * length])[inside]
        # all blocks have one covariance: only where the line fits badly is a fit of its own needed
        fits = chdtrc(max(len(inside) - 2, 1), float(np.sum((remainder @ part) ** 2))) > BAD_FIT
        slopes.append((weights if fits else fit_line(inside * step, part, covariance)[0])[0] @ part)
    return float(np.std(slopes, ddof=1) / np.sqrt(weights[0] @ covariance @ weights[0])), blocks
