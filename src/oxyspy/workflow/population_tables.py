"""Statistics of a batch on disk: ``statistics.csv``, ``trends.csv``, ``tests.csv`` and ``statistics.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oxyspy.files import write_json
from oxyspy.statistics import Trend
from oxyspy.workflow.output import write_csv
from oxyspy.workflow.population import Population
from oxyspy.workflow.population_groups import Group

# of statistics.json, see `oxyspy.workflow.schema`
STATISTICS = 1
FILES = ("statistics.csv", "trends.csv", "tests.csv", "statistics.json")
GROUP_COLUMNS = (
    "level", "group", "unit", "n", "n_layers", "n_limits", "n_left_out", "layer_nm", "layer_sigma_nm",
    "layer_low_68_nm", "layer_high_68_nm", "layer_low_95_nm", "layer_high_95_nm", "layer_upper_limit_95_nm",
    "spread_nm", "spread_low_95_nm", "spread_high_95_nm", "range_low_95_nm", "range_high_95_nm", "heterogeneity_p",
    "required_diffusivity_cm2_s", "required_diffusivity_low", "required_diffusivity_high",
    "required_diffusivity_low_95", "required_diffusivity_high_95", "required_diffusivity_spread", "note",
)  # fmt: skip
TREND_COLUMNS = (
    "group", "n", "n_limits", "d0_nm", "d0_low_95_nm", "d0_high_95_nm", "k_nm", "k_low_95_nm", "k_high_95_nm", "p",
    "p_low_95", "p_high_95", "most_cycles", "growth_nm", "growth_low_95_nm", "growth_high_95_nm", "spread_nm",
    "p_no_growth", "method", "note",
)  # fmt: skip
TEST_COLUMNS = (
    "one", "other", "difference_nm", "sigma_nm", "low_95_nm", "high_95_nm", "p", "p_holm", "compared", "method", "note",
)  # fmt: skip


def group_row(group: Group) -> dict[str, Any]:
    """Return a group's row of ``statistics.csv``."""
    layer, need = group.layer, group.diffusivity
    row: dict[str, Any] = {
        "level": group.level, "group": group.name, "unit": group.unit, "n": layer.n,
        "n_layers": layer.n - layer.n_limits, "n_limits": layer.n_limits, "n_left_out": len(group.left_out),
        "layer_nm": layer.mean, "layer_sigma_nm": layer.sigma, "layer_upper_limit_95_nm": layer.upper_limit_95,
        "spread_nm": layer.spread, "heterogeneity_p": layer.heterogeneity_p,
        "note": "; ".join(filter(None, [layer.reason, group.note])),
    }  # fmt: skip
    for name, ends in (
        ("layer_{}_68_nm", layer.interval_68),
        ("layer_{}_95_nm", layer.interval_95),
        ("spread_{}_95_nm", layer.spread_interval_95),
        ("range_{}_95_nm", layer.range_95),
    ):
        row |= {name.format("low"): ends[0], name.format("high"): ends[1]}
    if need is not None:
        row |= {
            "required_diffusivity_cm2_s": need.mean, "required_diffusivity_low": group.diffusivity_low,
            "required_diffusivity_high": group.diffusivity_high,
            "required_diffusivity_low_95": group.diffusivity_low_95,
            "required_diffusivity_high_95": group.diffusivity_high_95,
            "required_diffusivity_spread": need.spread,
        }  # fmt: skip
    return row


def trend_row(name: str, trend: Trend) -> dict[str, Any]:
    """Return a trend's row of ``trends.csv``."""
    row = {
        "group": name, "n": trend.n, "n_limits": trend.n_limits, "d0_nm": trend.start, "k_nm": trend.rate,
        "p": trend.power, "most_cycles": trend.most_cycles, "growth_nm": trend.growth, "spread_nm": trend.spread,
        "p_no_growth": trend.p_no_growth, "method": trend.method, "note": trend.reason,
    }  # fmt: skip
    for column, ends in (
        ("d0_{}_95_nm", trend.start_interval_95),
        ("k_{}_95_nm", trend.rate_interval_95),
        ("p_{}_95", trend.power_interval_95),
        ("growth_{}_95_nm", trend.growth_interval_95),
    ):
        row |= {column.format("low"): ends[0], column.format("high"): ends[1]}
    return row


def write_population(out: Path, found: Population | None) -> None:
    """Write the tables of `FILES`; take away those that an earlier run left and this one has not."""
    out = Path(out)
    tables: dict[str, tuple[Sequence[str], list[dict]]] = {}
    if found is not None:
        tables["statistics.csv"] = (GROUP_COLUMNS, [group_row(group) for group in found.groups])
        tables["trends.csv"] = (TREND_COLUMNS, [trend_row(name, trend) for name, trend in found.trends.items()])
        tests = [
            {"one": t.one, "other": t.other, "difference_nm": t.difference, "sigma_nm": t.sigma,
             "low_95_nm": t.interval_95[0], "high_95_nm": t.interval_95[1], "p": t.p, "p_holm": t.p_holm,
             "compared": found.tested, "method": t.method, "note": t.reason}
            for t in found.tests
        ]  # fmt: skip
        tables["tests.csv"] = (TEST_COLUMNS, tests)
        write_json(out / "statistics.json", {"schema": STATISTICS, **found.to_dict()})
    for name in FILES:
        if name in tables and tables[name][1]:
            write_csv(out / name, *tables[name])
        elif name != "statistics.json" or found is None:
            (out / name).unlink(missing_ok=True)
