"""Scans together: the layer of a sample, a condition or a batch, and the diffusivity its coating must have had."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import brentq
from scipy.special import ndtr

from oxyspy.results import Result
from oxyspy.statistics import GroupMean, group_mean
from oxyspy.workflow.population_scans import Scan, by, numbers

SAME_SAMPLE = (
    "from scans, which within one sample are not independent: it speaks of these scans; two samples a condition are "
    "needed to speak of others"
)


@dataclass(frozen=True)
class Group(Result):
    """A sample's, a condition's or the whole batch's layer, and the diffusivity its coating must have had.

    Attributes
    ----------
    level : str
        ``"all"``, ``"condition"``, ``"cycles"`` (a condition after one number of cycles) or ``"sample"``.
    name : str
    unit : str
        What was counted: ``"scans"`` or ``"samples"``.
    layer : GroupMean
        In nm.
    diffusivity : GroupMean or None
        Required diffusivity in cm2/s, the scans' own errors only.
    diffusivity_low, diffusivity_high, diffusivity_low_95, diffusivity_high_95 : float
        Intervals of its mean, with the errors that all scans share.
    left_out : tuple of str
        Scans that gave neither a layer nor a limit.
    note : str
    """

    level: str
    name: str
    unit: str
    layer: GroupMean
    diffusivity: GroupMean | None
    diffusivity_low: float
    diffusivity_high: float
    diffusivity_low_95: float
    diffusivity_high_95: float
    left_out: tuple[str, ...]
    note: str


def group_of(level: str, name: str, scans: Sequence[Scan], note: str = "", pooled: bool = True) -> Group:
    """A group from its scans; ``pooled`` is whether one required diffusivity can be meant."""
    layer = _positive(group_mean(*numbers(scans)))
    left_out = tuple(scan.name for scan in scans if not scan.says)
    notes = [note] if note else []
    cycles = {scan.cycles for scan in scans if math.isfinite(scan.cycles) and scan.says}
    if len(cycles) > 1:
        notes.append(f"a mean over {min(cycles):g} to {max(cycles):g} cycles; see the trend")
    if left_out:
        notes.append(f"without a layer or a limit, and left out: {', '.join(left_out)}")
    factors = np.array([scan.per_nm for scan in scans])
    need = None
    ends = (math.nan,) * 4
    if pooled and np.isfinite(factors).any():
        counted = [scan for scan in scans if math.isfinite(scan.per_nm)]
        if len(counted) < len(scans):
            notes.append(f"required diffusivity from the {len(counted)} scans whose coating and exposure are known")
        # in units of a typical one, since the likelihood's search is for numbers near 1
        unit = float(np.median([scan.per_nm for scan in counted]))
        found = group_mean(*numbers(counted, np.array([scan.per_nm for scan in counted]) / unit))
        need = _times(found, unit)
        common = math.sqrt(np.mean([scan.common**2 for scan in counted]))
        ends = _with_common(need, common)
    return Group(level, name, "scans", layer, need, *ends, left_out, "; ".join(notes))


def _times(mean: GroupMean, unit: float) -> GroupMean:
    """A group's mean in another unit."""
    changed = {
        field: tuple(end * unit for end in value) if isinstance(value, tuple) else value * unit
        for field, value in vars(mean).items()
        if field not in ("n", "n_limits", "heterogeneity_p", "method", "reason")
    }
    return replace(mean, **changed)


def _with_common(need: GroupMean, common: float) -> tuple[float, float, float, float]:
    """Intervals of a mean with a relative error that all its scans share, which no number of scans makes smaller."""
    if not math.isfinite(need.mean):
        return math.nan, math.nan, 0.0, _limit_with_common(need.upper_limit_95, common)
    ends = []
    for (low, high), z in ((need.interval_68, 1.0), (need.interval_95, 1.96)):
        above = math.exp(math.hypot(math.log(high / need.mean), z * common))
        below = math.exp(-math.hypot(math.log(need.mean / low), z * common)) if low > 0 else 0.0
        ends += [need.mean * below, need.mean * above]
    return tuple(ends)


def _limit_with_common(limit: float, common: float) -> float:
    """An upper limit with such an error, as a single scan's own: 97.5 % of a layer N(0, limit / 1.96) times it."""
    if not (math.isfinite(limit) and common > 0):
        return limit
    z, weights = hermegauss(41)
    share = weights / weights.sum()
    return limit * brentq(lambda ratio: share @ ndtr(1.96 * ratio * np.exp(-common * z)) - 0.975, 0.5, 1 + 10 * common)


def samples_of(scans: Sequence[Scan]) -> list[Group]:
    """The samples of a group that say something of its layer."""
    found = [group_of("sample", name, members) for name, members in by(scans, "sample").items()]
    return [sample for sample in found if _as_value(sample)[0] != "none"]


def with_samples(level: str, name: str, scans: Sequence[Scan]) -> list[Group]:
    """A group by its scans, and by its samples where it has two."""
    samples = samples_of(scans)
    found = [group_of(level, name, scans, SAME_SAMPLE if len(samples) == 1 else "")]
    if len(samples) > 1:
        layer = _positive(group_mean(*sample_numbers(samples)))
        found.append(Group(level, name, "samples", layer, None, *(math.nan,) * 4, (), "from the means of its samples"))
    return found


def _positive(mean: GroupMean) -> GroupMean:
    """Intervals cut at zero: no layer is thinner than none."""
    cut = {name: tuple(max(end, 0.0) if math.isfinite(end) else end for end in getattr(mean, name))
           for name in ("interval_68", "interval_95", "range_95")}  # fmt: skip
    return replace(mean, **cut)


def _as_value(group: Group) -> tuple[str, float, float]:
    """A sample as one number of its condition: its mean, or the limit that all its scans give."""
    layer = group.layer
    if math.isfinite(layer.mean) and layer.sigma > 0:
        return "value", layer.mean, layer.sigma
    if math.isfinite(layer.upper_limit_95) and layer.upper_limit_95 > 0:
        return "limit", layer.upper_limit_95, math.nan
    return "none", math.nan, math.nan


def sample_numbers(samples: Sequence[Group]) -> tuple[list[float], list[float], list[float]]:
    """Values, errors and limits of samples, each by the mean of its scans."""
    found = [_as_value(sample) for sample in samples]
    shown = [(value, sigma) for kind, value, sigma in found if kind == "value"]
    limits = [value for kind, value, _ in found if kind == "limit"]
    return [value for value, _ in shown], [sigma for _, sigma in shown], limits
