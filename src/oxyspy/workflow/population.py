"""What all scans of a batch say together: samples, conditions, trends with cycles and tests between conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oxyspy.results import Result
from oxyspy.statistics import GroupDifference, Trend, compare_groups, fit_trend
from oxyspy.statistics.compare import holm
from oxyspy.workflow.population_groups import SAME_SAMPLE, Group, group_of, sample_numbers, samples_of, with_samples
from oxyspy.workflow.population_scans import Scan, by, numbers


@dataclass(frozen=True)
class Population(Result):
    """Statistics of a batch.

    Attributes
    ----------
    scans : tuple of Scan
        What went in.
    groups : tuple of Group
    trends : dict of Trend
        By condition.
    tests : tuple of GroupDifference
        Of conditions, at equal cycles where these differ; of samples, where the sheet has no conditions.
    tested : str
        What the tests compared, and by what they counted.
    """

    scans: tuple[Scan, ...]
    groups: tuple[Group, ...]
    trends: Mapping[str, Trend]
    tests: tuple[GroupDifference, ...]
    tested: str


def population(scans: Sequence[Scan], power: float | None = 0.5) -> Population:
    """Return means, trends and tests of a batch's scans.

    Parameters
    ----------
    scans : sequence of Scan
    power : float or None
        Of the trend with cycles; None fits it.

    Returns
    -------
    Population
        A condition of two or more samples stands twice: by its scans, and by its samples, which are what is
        independent. Scans without a layer count as upper limits.
    """
    samples = by(scans, "sample")
    conditions = by(scans, "condition")
    groups = [group_of("all", "all scans", scans, pooled=len(conditions) < 2)]
    for name, members in conditions.items():
        groups += with_samples("condition", name, members)
    after = _after_cycles(conditions)
    for name, members in after.items():
        groups += with_samples("cycles", name, members)
    groups += [group_of("sample", name, members) for name, members in samples.items()]
    trends = {}
    for name, members in (conditions or {"all scans": scans}).items():
        known = [scan for scan in members if math.isfinite(scan.cycles) and scan.says]
        if len({scan.cycles for scan in known}) > 1:
            trends[name] = _trend(known, power)
    tests, tested = _tests(conditions, after, samples)
    return Population(tuple(scans), tuple(groups), trends, tuple(tests), tested)


def _after_cycles(conditions: Mapping[str, list[Scan]]) -> dict[str, list[Scan]]:
    """Conditions after each number of cycles; nothing where all scans have had as many."""
    every = [scan for members in conditions.values() for scan in members]
    if len({scan.cycles for scan in every if math.isfinite(scan.cycles)}) < 2:
        return {}
    found: dict[str, list[Scan]] = {}
    for name, members in conditions.items():
        for scan in sorted(members, key=lambda scan: scan.cycles):
            if math.isfinite(scan.cycles):
                found.setdefault(f"{name}, {scan.cycles:g} cycles", []).append(scan)
    return found


def _trend(scans: Sequence[Scan], power: float | None) -> Trend:
    shown = [scan for scan in scans if math.isfinite(scan.layer_nm) and scan.sigma_nm > 0]
    limited = [scan for scan in scans if math.isfinite(scan.limit_nm)]
    return fit_trend(
        [scan.cycles for scan in shown],
        [scan.layer_nm for scan in shown],
        [scan.sigma_nm for scan in shown],
        [scan.cycles for scan in limited],
        [scan.limit_nm for scan in limited],
        power=power,
    )


def _tests(conditions, after, samples) -> tuple[list[GroupDifference], str]:
    """Of conditions by their samples where each has two, else by scans; of samples where there are no conditions."""
    if len(conditions) < 2:
        if len(samples) < 2:
            return [], ""
        by_scans = {name: numbers(members) for name, members in samples.items()}
        return compare_groups(by_scans), "samples, by their scans"
    groups, when = (after, ", at equal cycles") if after else (conditions, "")
    own = {name: samples_of(members) for name, members in groups.items()}
    by_samples = all(len(found) > 1 for found in own.values())
    given = {name: sample_numbers(own[name]) if by_samples else numbers(groups[name]) for name in groups}
    found: list[GroupDifference] = []
    blocks: dict[str, dict[str, Any]] = {}
    for name, group in given.items():
        blocks.setdefault(name.rpartition(", ")[2] if after else "", {})[name] = group
    for block in blocks.values():
        found += compare_groups(block)
    # one correction for all that was tested
    order = sorted((i for i, item in enumerate(found) if math.isfinite(item.p)), key=lambda i: found[i].p)
    for i, p in zip(order, holm([found[i].p for i in order]), strict=True):
        found[i] = replace(found[i], p_holm=p)
    return found, f"conditions{when}, " + ("by the means of their samples" if by_samples else SAME_SAMPLE)
