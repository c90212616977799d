"""Mean and spread of a group of scans whose errors differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import chi2
from scipy.stats import t as student

from oxyspy.results import Result
from oxyspy.statistics.limits import (
    LEAST_SPREAD,
    LEVELS,
    as_group,
    maximum,
    negative_log_likelihood,
    profile_ends,
    small_sample_cut,
)

Interval = tuple[float, float]
NAN = float("nan")
NOTHING: Interval = (NAN, NAN)


@dataclass(frozen=True)
class GroupMean(Result):
    """What a group of scans says of its population; in the unit of the values.

    Attributes
    ----------
    n, n_limits : int
        Scans in all, and those among them that give an upper limit only.
    mean, sigma : float
        Population mean and its standard error; ``nan`` where only an upper limit can be given.
    interval_68, interval_95 : tuple of float
        Of the mean, for few scans.
    spread : float
        Standard deviation between the scans beyond their own errors.
    spread_interval_95 : tuple of float
    heterogeneity_p : float
        Probability of scans as different as these if there were no spread (Cochran's Q).
    range_95 : tuple of float
        Where one more scan would lie, with 95 %.
    upper_limit_95 : float
        Of the mean, where no scan of the group shows a value; else ``nan``.
    method, reason : str
        What was done; why something is missing.
    """

    n: int
    n_limits: int
    mean: float
    sigma: float
    interval_68: Interval
    interval_95: Interval
    spread: float
    spread_interval_95: Interval
    heterogeneity_p: float
    range_95: Interval
    upper_limit_95: float
    method: str
    reason: str = ""

    def __str__(self) -> str:
        limits = f", {self.n_limits} of them upper limits" if self.n_limits else ""
        scans = f"{self.n} scan{'s' if self.n != 1 else ''}{limits}"
        if np.isfinite(self.upper_limit_95):
            return f"under {self.upper_limit_95:.3g} (95 %; {scans})"
        if not np.isfinite(self.mean):
            return f"not known ({scans}): {self.reason}"
        if not np.isfinite(self.spread):
            return f"{self.mean:.3g} ± {self.sigma:.2g} ({scans}): {self.reason}"
        low, high = self.interval_95
        return f"{self.mean:.3g} ± {self.sigma:.2g} (95 %: {low:.3g} to {high:.3g}), spread {self.spread:.2g} ({scans})"


def group_mean(
    values: ArrayLike, sigmas: ArrayLike, limits: ArrayLike = (), *, method: Literal["REML", "DL"] = "REML"
) -> GroupMean:
    r"""Return mean and spread of a group by random effects, with intervals that hold for few scans.

    Parameters
    ----------
    values, sigmas : array_like, shape (n,)
        Measured values and their standard errors.
    limits : array_like, shape (m,)
        Upper limits at 95 % of the scans that gave no value; thicknesses, which cannot be negative.
    method : {"REML", "DL"}
        Estimator of the spread: restricted maximum likelihood, or DerSimonian and Laird's.

    Returns
    -------
    GroupMean
        With intervals, or an upper limit and a reason.

    Raises
    ------
    InputError
        A value without a positive standard error; a limit that is not positive.

    Notes
    -----
    :math:`y_i = \mu + b_i + e_i` with :math:`e_i \sim N(0, \sigma_i^2)` known and :math:`b_i \sim N(0, \tau^2)`.
    The mean's standard error is Hartung and Knapp's, never below what the scans' own errors allow,

    .. math:: s^2 = \max(1, q) / \sum w_i, \quad q = \sum w_i (y_i - \mu)^2 / (n - 1), \quad
       w_i = 1 / (\sigma_i^2 + \tau^2)

    with Student's t of n - 1 degrees; the spread's interval is Viechtbauer's Q profile. Where there are upper limits,
    the likelihood of `limits.negative_log_likelihood` is maximised and its profile gives the intervals. Where there
    are only limits, the mean lies below their mean.

    References
    ----------
    R. DerSimonian, N. Laird, Control. Clin. Trials 7, 177 (1986); J. Hartung, G. Knapp, Stat. Med. 20, 3875 (2001);
    W. Viechtbauer, Stat. Med. 26, 37 (2007)

    Examples
    --------
    >>> from oxyspy.statistics import group_mean
    >>> print(group_mean([2.0, 2.4, 1.7, 2.2], [0.1, 0.1, 0.1, 0.1]))
    2.08 ± 0.15 (95 %: 1.6 to 2.55), spread 0.28 (4 scans)
    """
    values, sigmas, limits = as_group(values, sigmas, limits)
    n = values.size + limits.size
    if values.size == 0:
        return _no_value(limits)
    if n == 1:
        return GroupMean(
            1, 0, float(values[0]), float(sigmas[0]), *(_about(values[0], z * sigmas[0]) for z in (1.0, 1.96)),
            NAN, NOTHING, NAN, NOTHING, NAN, "one scan, its own error", "one scan says nothing of the spread",
        )  # fmt: skip
    if limits.size:
        return _with_limits(values, sigmas, limits)
    beta, covariance, spread = linear(values, sigmas, np.ones((n, 1)), method)
    mean, sigma = float(beta[0]), float(np.sqrt(covariance[0, 0]))
    quantiles = [student.ppf(0.5 + level / 2, n - 1) for level in LEVELS]
    q = float(np.sum((values - np.average(values, weights=sigmas**-2.0)) ** 2 / sigmas**2))
    return GroupMean(
        n=n,
        n_limits=0,
        mean=mean,
        sigma=sigma,
        interval_68=_about(mean, quantiles[0] * sigma),
        interval_95=_about(mean, quantiles[1] * sigma),
        spread=spread,
        spread_interval_95=spread_interval(values, sigmas, np.ones((n, 1))),
        heterogeneity_p=float(chi2.sf(q, n - 1)),
        range_95=_about(mean, quantiles[1] * np.hypot(sigma, spread)),
        upper_limit_95=NAN,
        method=f"random effects, {method}; Hartung-Knapp, t of {n - 1} degrees",
    )


def _no_value(limits: NDArray) -> GroupMean:
    limit = float(limits.mean()) if limits.size else NAN
    reason = "no scan of the group shows a layer" if limits.size else "no scan of the group gave a value or a limit"
    return GroupMean(
        limits.size, limits.size, NAN, NAN, NOTHING, NOTHING, NAN, NOTHING, NAN, NOTHING, limit,
        "mean of the scans' upper limits", reason,
    )  # fmt: skip


def _about(mean: float, half: float) -> Interval:
    return float(mean - half), float(mean + half)


def _with_limits(values: NDArray, sigmas: NDArray, limits: NDArray) -> GroupMean:
    """The same by maximum likelihood, limits included."""
    n = values.size + limits.size
    scale = float(max(np.std([*values, *np.zeros(limits.size)]), sigmas.min()))

    def objective(x: NDArray) -> tuple[float, NDArray]:
        means = np.full(values.size, x[0]), np.full(limits.size, x[0])
        value, by_mean, by_limit, by_spread = negative_log_likelihood(means[0], x[1], values, sigmas, means[1], limits)
        return value, np.array([by_mean.sum() + by_limit.sum(), by_spread])

    bounds = [(-20 * scale, values.max() + 20 * scale), (LEAST_SPREAD * scale, 50 * scale)]
    starts = [np.array([values.mean(), scale]), np.array([values.mean() / 2, scale]), np.array([0.0, 2 * scale])]
    best, least = maximum(objective, starts, bounds)
    ends = [profile_ends(objective, best, least, 0, bounds, small_sample_cut(n, 1, c), scale / 4) for c in LEVELS]
    spreads = profile_ends(objective, best, least, 1, bounds, small_sample_cut(n, 1, LEVELS[1]), scale / 4)
    ends = [(max(low, 0.0), max(high, 0.0)) for low, high in ends]
    mean, spread = (float(x) for x in best)
    sigma = (ends[0][1] - ends[0][0]) / 2
    method = f"random effects, maximum likelihood with {limits.size} upper limits; profile intervals for {n} scans"
    if mean <= 0:
        return GroupMean(
            n, limits.size, NAN, NAN, NOTHING, NOTHING, NAN, spreads, NAN, NOTHING, ends[1][1], method,
            "most scans of the group show no layer: its mean cannot be told from zero",
        )  # fmt: skip
    beyond = student.ppf(0.975, n - 1) * np.hypot(sigma, spread)
    return GroupMean(
        n=n,
        n_limits=limits.size,
        mean=mean,
        sigma=sigma,
        interval_68=ends[0],
        interval_95=ends[1],
        spread=spread,
        spread_interval_95=spreads,
        heterogeneity_p=NAN,
        range_95=(max(0.0, mean - beyond), mean + beyond),
        upper_limit_95=NAN,
        method=method,
    )


def linear(values: NDArray, sigmas: NDArray, design: NDArray, method: str = "REML") -> tuple[NDArray, NDArray, float]:
    """Fit a linear model with random effects.

    Parameters
    ----------
    values, sigmas : array, shape (n,)
    design : array, shape (n, k)
        n above k.
    method : {"REML", "DL"}

    Returns
    -------
    coefficients : array, shape (k,)
    covariance : array, shape (k, k)
        Hartung and Knapp's, never below that of the values' own errors and the spread.
    spread : float
    """
    n, k = design.shape
    tau2 = _dersimonian_laird(values, sigmas, design) if method == "DL" else _reml(values, sigmas, design)
    weights = 1 / (sigmas**2 + tau2)
    inverse = np.linalg.inv((design.T * weights) @ design)
    beta = inverse @ (design.T @ (weights * values))
    q = float(np.sum(weights * (values - design @ beta) ** 2) / (n - k))
    return beta, max(1.0, q) * inverse, float(np.sqrt(tau2))


def _residual_q(tau2: float, values: NDArray, sigmas: NDArray, design: NDArray) -> float:
    w = 1 / (sigmas**2 + tau2)
    beta = np.linalg.solve((design.T * w) @ design, design.T @ (w * values))
    return float(np.sum(w * (values - design @ beta) ** 2))


def _dersimonian_laird(values: NDArray, sigmas: NDArray, design: NDArray) -> float:
    """Moment estimate: the weighted residuals' sum of squares at its expectation."""
    w = sigmas**-2.0
    inverse = np.linalg.inv((design.T * w) @ design)
    trace = w.sum() - np.trace(inverse @ ((design.T * w**2) @ design))
    return max(0.0, (_residual_q(0.0, values, sigmas, design) - (values.size - design.shape[1])) / trace)


def _reml(values: NDArray, sigmas: NDArray, design: NDArray) -> float:
    """Restricted maximum likelihood: the best of a grid, refined about it."""
    grid = np.concatenate([[0.0], np.geomspace(1e-3 * sigmas.min(), 10 * (np.ptp(values) + sigmas.max()), 60)])
    for _ in range(5):
        at = int(np.argmin(_restricted(grid**2, values, sigmas, design)))
        grid = np.linspace(grid[max(at - 1, 0)], grid[min(at + 1, grid.size - 1)], 30)
    ends = _restricted(np.append(grid, 0.0) ** 2, values, sigmas, design)
    # what is no better than none is none
    return float(grid[np.argmin(ends[:-1])] ** 2) if ends[-1] > ends[:-1].min() + 1e-9 else 0.0


def _restricted(tau2: NDArray, values: NDArray, sigmas: NDArray, design: NDArray) -> NDArray:
    """Minus twice the restricted log-likelihood at each spread squared, but for a constant."""
    w = 1 / (sigmas**2 + tau2[:, None])
    information = np.einsum("gn,ni,nj->gij", w, design, design)
    beta = np.linalg.solve(information, np.einsum("gn,ni,n->gi", w, design, values)[..., None])[..., 0]
    q = np.sum(w * (values - beta @ design.T) ** 2, axis=1)
    return q - np.log(w).sum(1) + np.linalg.slogdet(information)[1]


def spread_interval(values: NDArray, sigmas: NDArray, design: NDArray, level: float = 0.95) -> Interval:
    """Return the Q-profile interval of the spread: where the residuals' sum of squares is as chi squared has it."""
    degrees = values.size - design.shape[1]
    ends = []
    for quantile in (0.5 + level / 2, 0.5 - level / 2):
        target = chi2.ppf(quantile, degrees)
        if _residual_q(0.0, values, sigmas, design) <= target:
            ends.append(0.0)
            continue
        top = float(np.ptp(values) + sigmas.max()) ** 2
        while _residual_q(top, values, sigmas, design) > target:
            top *= 4
        ends.append(float(np.sqrt(brentq(lambda v, t=target: _residual_q(v, values, sigmas, design) - t, 0.0, top))))
    return ends[0], ends[1]
