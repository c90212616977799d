"""Thickness against cycles: d0 + k n^p, with p given or fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as fisher
from scipy.stats import t as student

from oxyspy.errors import InputError
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
from oxyspy.statistics.random_effects import NAN, NOTHING, Interval, linear

# growth by a fitted power is looked for in between: from nearly at once to ever faster
POWERS = (0.05, 2.0)


@dataclass(frozen=True)
class Trend(Result):
    """Growth of a thickness with cycles.

    Attributes
    ----------
    n, n_limits : int
        Scans in all, and those among them that give an upper limit only.
    start, start_interval_95 : float, tuple of float
        d0, the thickness at no cycles, in the unit of the values.
    rate, rate_interval_95 : float, tuple of float
        k, in that unit per cycle to the power.
    power, power_interval_95 : float, tuple of float
        p; its interval is ``nan`` where it was given.
    growth, growth_interval_95 : float, tuple of float
        k n^p at the most cycles of the group.
    most_cycles : float
    spread : float
        Standard deviation of scans about the trend beyond their own errors.
    p_no_growth : float
        Probability of a trend as strong as this if there were none.
    method, reason : str
        What was done; why something is missing.
    """

    n: int
    n_limits: int
    start: float
    start_interval_95: Interval
    rate: float
    rate_interval_95: Interval
    power: float
    power_interval_95: Interval
    growth: float
    growth_interval_95: Interval
    most_cycles: float
    spread: float
    p_no_growth: float
    method: str
    reason: str = ""

    def at(self, cycles: ArrayLike) -> NDArray:
        """Return the trend's thickness at numbers of cycles."""
        return self.start + self.rate * np.asarray(cycles, float) ** self.power

    def __str__(self) -> str:
        if not np.isfinite(self.rate):
            return f"no trend with cycles: {self.reason}"
        low, high = self.rate_interval_95
        power = f"{self.power:.2f}"
        if np.isfinite(self.power_interval_95).all():
            power += f" ({self.power_interval_95[0]:.2f} to {self.power_interval_95[1]:.2f})"
        return (
            f"{self.start:.2f} ({self.start_interval_95[0]:.2f} to {self.start_interval_95[1]:.2f}) + {self.rate:.3g} "
            f"({low:.3g} to {high:.3g}) n^{power}; no growth: p = {self.p_no_growth:.2g}"
        )


def fit_trend(
    cycles: ArrayLike,
    values: ArrayLike,
    sigmas: ArrayLike,
    limit_cycles: ArrayLike = (),
    limits: ArrayLike = (),
    *,
    power: float | None = 0.5,
) -> Trend:
    r"""Fit :math:`d = d_0 + k n^p` to thicknesses after numbers of cycles.

    Parameters
    ----------
    cycles, values, sigmas : array_like, shape (n,)
        Numbers of cycles, thicknesses and their standard errors.
    limit_cycles, limits : array_like, shape (m,)
        Cycles and upper limits (95 %) of the scans that show no layer.
    power : float or None
        p; 1/2 is growth by diffusion through the layer itself, 1 steady growth under a coating that sets the pace.
        ``None`` fits it, between 0.05 and 2.

    Returns
    -------
    Trend
        ``nan`` with a reason where the scans are too few or at too few numbers of cycles.

    Raises
    ------
    InputError
        Negative cycles, a power that is not positive, lengths that differ.

    Notes
    -----
    Scans scatter about the trend with a spread of their own. With p given and no limits: restricted maximum likelihood
    with Hartung and Knapp's errors, Student's t of n - 2 degrees. Otherwise maximum likelihood, with intervals from
    its profile (`limits.small_sample_cut`). Scans at one number of cycles are one point of the curve: a trend needs
    two of them, a fitted power three.

    Examples
    --------
    >>> from oxyspy.statistics import fit_trend
    >>> trend = fit_trend([0, 100, 100, 400, 400], [1.0, 2.1, 1.9, 3.05, 2.95], [0.1] * 5)
    >>> round(trend.start, 2), round(trend.rate, 2)
    (1.0, 0.1)
    """
    values, sigmas, limits = as_group(values, sigmas, limits)
    n_v, n_l = (np.atleast_1d(np.asarray(c, float)).ravel() for c in (cycles, limit_cycles))
    if n_v.size != values.size or n_l.size != limits.size:
        raise InputError(
            f"found {n_v.size} numbers of cycles for {values.size} values and {n_l.size} for {limits.size} limits"
            "; needed one a scan"
        )
    if not (np.concatenate([n_v, n_l]) >= 0).all():
        raise InputError("cycles: found a negative or missing number")
    if power is not None and not power > 0:
        raise InputError(f"power: found {power:g}, needed one above 0")
    n, different = values.size + limits.size, np.unique(np.concatenate([n_v, n_l])).size
    free = 2 if power is not None else 3
    if different < free or n < free + 1 or values.size < 2:
        reason = (
            f"{n} scans at {different} number{'s' if different != 1 else ''} of cycles, {values.size} of them with a "
            f"layer; needed {free + 1} scans at {free} numbers of cycles, two with a layer"
        )
        nothing = (NAN, NOTHING)
        return Trend(
            n, limits.size, *nothing, *nothing, NAN if power is None else power, NOTHING, *nothing,
            float(max([*n_v, *n_l], default=NAN)), NAN, NAN, "none", reason,
        )  # fmt: skip
    if power is not None and not limits.size:
        return _by_reml(n_v, values, sigmas, power)
    return _by_likelihood(n_v, values, sigmas, n_l, limits, power)


def _by_reml(cycles: NDArray, values: NDArray, sigmas: NDArray, power: float) -> Trend:
    n, most = values.size, float(cycles.max())
    design = np.stack([np.ones(n), (cycles / most) ** power], axis=1)
    beta, covariance, spread = linear(values, sigmas, design)
    errors = np.sqrt(np.diag(covariance))
    half = student.ppf(0.975, n - 2) * errors
    start, growth = ((float(b - h), float(b + h)) for b, h in zip(beta, half, strict=True))
    return Trend(
        n=n,
        n_limits=0,
        start=float(beta[0]),
        start_interval_95=start,
        rate=float(beta[1] / most**power),
        rate_interval_95=(growth[0] / most**power, growth[1] / most**power),
        power=power,
        power_interval_95=NOTHING,
        growth=float(beta[1]),
        growth_interval_95=growth,
        most_cycles=most,
        spread=spread,
        p_no_growth=float(2 * student.sf(abs(beta[1]) / errors[1], n - 2)),
        method=f"d0 + k n^{power:g}, random effects, REML; Hartung-Knapp, t of {n - 2} degrees",
    )


def _by_likelihood(
    n_v: NDArray, values: NDArray, sigmas: NDArray, n_l: NDArray, limits: NDArray, power: float | None
) -> Trend:
    n, most = values.size + limits.size, float(max(n_v.max(), n_l.max(initial=0.0)))
    scale = float(max(np.ptp([*values, *limits]), sigmas.max()))
    free = 2 if power is not None else 3

    def objective(x: NDArray, unit_cycles: float = most) -> tuple[float, NDArray]:
        start, growth, spread = x[0], x[1], x[-1]
        p = power if power is not None else x[2]
        grown = [(n / unit_cycles) ** p for n in (n_v, n_l)]
        means = [start + growth * part for part in grown]
        value, *slopes, by_spread = negative_log_likelihood(means[0], spread, values, sigmas, means[1], limits)
        by_mean, share, ratio = (np.concatenate(part) for part in (slopes, grown, (n_v, n_l)))
        found = [by_mean.sum(), by_mean @ share]
        if power is None:
            # what has seen no cycle does not grow, whatever the power
            found.append(by_mean @ (growth * share * np.log(np.where(ratio > 0, ratio / unit_cycles, 1.0))))
        return value, np.array([*found, by_spread])

    powers = [] if power is not None else [POWERS]
    bounds = [(-10 * scale, 20 * scale), (-30 * scale, 30 * scale), *powers, (LEAST_SPREAD * scale, 20 * scale)]
    starts = [
        np.array([low, high - low, *([p] if power is None else []), 0.3 * scale])
        for low, high in ((0.0, float(values.max())), (float(values.min()), float(values.max())))
        for p in ((0.3, 0.7, 1.2) if power is None else (power,))
    ]
    best, least = maximum(objective, starts, bounds)
    cut = small_sample_cut(n, free, LEVELS[1])

    def ends(index: int, step: float) -> Interval:
        return profile_ends(objective, best, least, index, bounds, cut, step)

    p = float(power if power is not None else best[2])
    growth = ends(1, scale / 8)
    if power is None:
        # k and p go together: its interval is that of k itself, whatever p
        at = best.copy()
        at[1] = best[1] / most**p
        wide = [bounds[0], (None, None), *bounds[2:]]
        rate = profile_ends(lambda x: objective(x, 1.0), at, least, 1, wide, cut, abs(at[1]) / 8 + 1e-6 * scale)
    else:
        rate = (growth[0] / most**p, growth[1] / most**p)

    def flat(x: NDArray) -> tuple[float, NDArray]:
        value, slopes = objective(np.array([x[0], 0.0, *([1.0] if power is None else []), x[1]]))
        return value, slopes[[0, -1]]

    _, none = maximum(flat, [np.array([values.mean(), 0.3 * scale])], [bounds[0], bounds[-1]])
    # the fall of the likelihood as the F that it is where errors are equal; without growth a power means nothing
    extra = free - 1
    ratio = max(np.expm1(2 * (none - least) / n), 0.0) * (n - free) / extra
    limited = f", {limits.size} upper limits included" if limits.size else ""
    return Trend(
        n=n,
        n_limits=limits.size,
        start=float(best[0]),
        start_interval_95=ends(0, scale / 8),
        rate=float(best[1] / most**p),
        rate_interval_95=rate,
        power=p,
        power_interval_95=NOTHING if power is not None else ends(2, 0.1),
        growth=float(best[1]),
        growth_interval_95=growth,
        most_cycles=most,
        spread=float(best[-1]),
        p_no_growth=float(fisher.sf(ratio, extra, n - free)),
        method=f"d0 + k n^{'p, p fitted' if power is None else f'{power:g}'}, random effects, maximum likelihood"
        f"{limited}; profile intervals for {n} scans",
    )
