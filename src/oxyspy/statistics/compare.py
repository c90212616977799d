"""Whether groups of scans differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as fisher
from scipy.stats import t as student

from oxyspy.results import Result
from oxyspy.statistics.limits import LEAST_SPREAD, as_group, maximum, negative_log_likelihood
from oxyspy.statistics.random_effects import NAN, NOTHING, Interval, group_mean


@dataclass(frozen=True)
class GroupDifference(Result):
    """One group's mean less another's.

    Attributes
    ----------
    one, other : str
    difference, sigma : float
        ``nan`` where a group has only an upper limit.
    interval_95 : tuple of float
    p : float
        Probability of means as different as these if there were no difference.
    p_holm : float
        The same after Holm's correction for all the pairs that were tested.
    method, reason : str
    """

    one: str
    other: str
    difference: float
    sigma: float
    interval_95: Interval
    p: float
    p_holm: float
    method: str
    reason: str = ""

    def __str__(self) -> str:
        if not np.isfinite(self.p):
            return f"{self.one} and {self.other}: not tested: {self.reason}"
        size = f"{self.difference:+.3g} ± {self.sigma:.2g}, " if np.isfinite(self.difference) else ""
        return f"{self.one} less {self.other}: {size}p = {self.p_holm:.2g} (Holm)"


def compare_groups(groups: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]]) -> list[GroupDifference]:
    """Test every pair of groups for a difference of their means.

    Parameters
    ----------
    groups : mapping
        Name to values, standard errors and upper limits, as in `group_mean`.

    Returns
    -------
    list of GroupDifference
        One a pair.

    Notes
    -----
    Without limits: Welch's t of the groups' random-effects means, each with its own spread. Where a group has upper
    limits: the likelihood with one mean against that with two, with one spread, its fall taken as the F that it is
    where errors are equal and there are no limits.

    References
    ----------
    B. L. Welch, Biometrika 34, 28 (1947); S. Holm, Scand. J. Stat. 6, 65 (1979)

    Examples
    --------
    >>> from oxyspy.statistics import compare_groups
    >>> thick, thin = [3.0, 3.2, 2.9, 3.1], [2.0, 2.1, 1.8, 2.2]
    >>> print(*compare_groups({"bare": (thick, [0.1] * 4, ()), "coated": (thin, [0.1] * 4, ())}))
    bare less coated: +1.02 ± 0.11, p = 0.00011 (Holm)
    """
    checked = {name: as_group(*group) for name, group in groups.items()}
    found = [_pair(one, checked[one], other, checked[other]) for one, other in combinations(checked, 2)]
    tested = sorted((i for i, item in enumerate(found) if np.isfinite(item.p)), key=lambda i: found[i].p)
    for i, p in zip(tested, holm([found[i].p for i in tested]), strict=True):
        found[i] = replace(found[i], p_holm=p)
    return found


def holm(probabilities: Sequence[float]) -> list[float]:
    """Return Holm's corrected probabilities of tests that are in rising order."""
    factors = np.arange(len(probabilities), 0, -1)
    return np.minimum(np.maximum.accumulate(factors * np.asarray(probabilities, float)), 1.0).tolist()


def _pair(one: str, a: tuple, other: str, b: tuple) -> GroupDifference:
    sizes = {name: group[0].size + group[2].size for name, group in ((one, a), (other, b))}
    if min(sizes.values()) < 2:
        alone = ", ".join(name for name, size in sizes.items() if size < 2)
        return GroupDifference(
            one, other, NAN, NAN, NOTHING, NAN, NAN, "none", f"fewer than two scans tell no spread: {alone}"
        )
    if not (a[0].size or b[0].size):
        return GroupDifference(one, other, NAN, NAN, NOTHING, NAN, NAN, "none", "neither shows a layer")
    first, second = group_mean(*a), group_mean(*b)
    difference, sigma = first.mean - second.mean, float(np.hypot(first.sigma, second.sigma))
    if a[2].size or b[2].size:
        p = _likelihood_ratio(a, b)
        return GroupDifference(
            one, other, difference, sigma, NOTHING, p, NAN, "likelihood ratio with upper limits",
            "" if np.isfinite(difference) else "a group has only an upper limit",
        )  # fmt: skip
    parts = [mean.sigma**2 for mean in (first, second)]
    degrees = sum(parts) ** 2 / sum(part**2 / (mean.n - 1) for part, mean in zip(parts, (first, second), strict=True))
    half = student.ppf(0.975, degrees) * sigma
    return GroupDifference(
        one, other, float(difference), sigma, (float(difference - half), float(difference + half)),
        float(2 * student.sf(abs(difference) / sigma, degrees)), NAN,
        f"Welch's t of random-effects means, {degrees:.1f} degrees",
    )  # fmt: skip


def _likelihood_ratio(a: tuple[NDArray, ...], b: tuple[NDArray, ...]) -> float:
    values, sigmas, limits = (np.concatenate(pair) for pair in zip(a, b, strict=True))
    # which scans belong to the second group
    second = [np.repeat([0.0, 1.0], [a[i].size, b[i].size]) for i in (0, 2)]
    scale = float(max(np.ptp([*values, *limits]), sigmas.max()))
    n = values.size + limits.size

    def objective(x: NDArray) -> tuple[float, NDArray]:
        means = [x[0] + x[1] * where for where in second]
        value, *slopes, by_spread = negative_log_likelihood(means[0], x[2], values, sigmas, means[1], limits)
        by_mean = np.concatenate(slopes)
        return value, np.array([by_mean.sum(), by_mean @ np.concatenate(second), by_spread])

    def equal(x: NDArray) -> tuple[float, NDArray]:
        value, slopes = objective(np.array([x[0], 0.0, x[1]]))
        return value, slopes[[0, 2]]

    wide, spreads = (-20 * scale, values.max() + 20 * scale), (LEAST_SPREAD * scale, 20 * scale)
    means = [float(part[0].mean()) if part[0].size else 0.0 for part in (a, b)]
    starts = [np.array([means[0], means[1] - means[0], s * scale]) for s in (0.1, 0.5)]
    _, two = maximum(objective, starts, [wide, (-20 * scale, 20 * scale), spreads])
    starts = [np.array([m, s * scale]) for m in (values.mean(), values.mean() / 2) for s in (0.1, 0.5)]
    _, one = maximum(equal, starts, [wide, spreads])
    ratio = np.expm1(2 * max(one - two, 0.0) / n) * (n - 2)
    return float(fisher.sf(ratio, 1, n - 2))
