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
    design = np.stack([lags, np.ones(len(lags))], axis=1)
    freedom = max(len(lags) - 2, 1)

    def solve(excess: float):
        total = covariance + np.diag((excess * values) ** 2)
        spread = np.sqrt(np.diag(total))
        # eigenvalues of the correlation matrix below this are rounding, not information
        size, vectors = np.linalg.eigh(total / np.outer(spread, spread))
        kept = size > 1e-9 * size[-1]
        whiten = (vectors[:, kept] / np.sqrt(size[kept])).T / spread
        weights = np.linalg.pinv(whiten @ design) @ whiten
        residual = whiten @ (values - design @ (weights @ values))
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


def fit_window(
    measured: np.ndarray, step: float, first: int, last: int, walkers: int, *, fixed: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Fit a line to a displacement over a window of lags, with the displacement's own covariance.

    Where it fits badly and the window is not fixed, it starts later, as long as a factor of four remains.

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
    while True:
        stride = max(1, first // 8)
        fit = stride * kernels.spaced_lags(-(-first // stride), last // stride, FIT_LAGS)
        covariance = _covariance(measured, fit, len(measured), walkers)
        weights, errors, misfit, _ = fit_line(fit * step, measured[fit], covariance)
        p_value = float(chdtrc(max(len(fit) - 2, 1), misfit))
        if fixed or p_value > BAD_FIT or first * 1.5 * 4 > last:
            return fit, weights, errors, p_value
        first = int(np.ceil(first * 1.5))


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


def _stride(fit: np.ndarray) -> int:
    """Return the largest common step of the lags that `fit_window` made."""
    return int(np.gcd.reduce(fit))


def diffusive_window(lags: np.ndarray, curve: Curve, tolerance: float) -> tuple[tuple[int, int] | None, bool, str]:
    """Return first and last lag to fit or None, whether the motion there is diffusive, and why."""
    known = np.isfinite(curve.exponent) & (curve.exponent_sigma <= DECISIVE)
    if known.sum() < 3:
        best = np.nanmin(curve.exponent_sigma, initial=np.inf)
        reason = (
            f"too little data: the local exponent is known to ± {best:.2f} at best; run longer (± {DECISIVE} needed)"
        )
        return None, False, reason
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
    if abs(tail - 1) <= tolerance:
        return None, False, f"too short a run: {growth}, but it became diffusive too late to fit a line; run longer"
    if tail > 0.5:
        kind = "ballistic" if tail > 1.5 else "faster than diffusion" if tail > 1 + tolerance else "sub-diffusive"
        return None, False, f"{kind}: {growth}; no diffusion coefficient can be read from it, run longer"
    # the last three octaves, where a slow escape would show
    return (max(last // 8, 1), last), False, f"caged: {growth}; D is not measured but limited"


def block_error(positions: np.ndarray, measured: np.ndarray, fit: np.ndarray, step: float) -> tuple[float, int]:
    """Return the standard error of the slope from the scatter between blocks of time, and their number.

    With fewer than four blocks, each eight times as long as the shortest lag, it is nan.
    """
    frames = len(positions)
    blocks = min(frames // (8 * int(fit[0])), 10)
    if blocks < 4:
        return np.nan, 0
    length = frames // blocks
    inside = fit[fit <= length // 2]
    if len(inside) < 3:
        return np.nan, 0
    covariance = _covariance(measured, inside, length, positions.shape[1])
    slopes = []
    for k in range(blocks):
        part = kernels.mean_squared_displacement(positions[k * length : (k + 1) * length])[inside]
        weights, _, _, _ = fit_line(inside * step, part, covariance)
        slopes.append(weights[0] @ part)
    return float(np.std(slopes, ddof=1) / np.sqrt(blocks)), blocks
