"""A report's figures over all scans: the layers of groups, their growth with cycles, their required diffusivities."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from oxyspy.plotting import COLOURS
from oxyspy.workflow.population import Population
from oxyspy.workflow.population_groups import Group
from oxyspy.workflow.population_scans import Scan, by
from oxyspy.workflow.report_coatings import log_ticks
from oxyspy.workflow.report_plotly import Figure, shade, short
from oxyspy.workflow.report_words import known

LOOKS = (
    ("blue", "circle"), ("vermilion", "square"), ("green", "diamond"), ("purple", "cross"), ("orange", "pentagon"),
    ("sky", "star"), ("black", "hexagon"),
)  # fmt: skip
LEAST_GROUPS = 2


def figures(found: Population) -> dict[str, Figure]:
    """Return the figures that the statistics of a batch allow, by name."""
    finest = next((level for level in ("cycles", "condition", "sample") if _of(found, level)), "all")
    groups = _of(found, finest)
    drawn = {}
    if len(groups) >= LEAST_GROUPS:
        drawn["groups"] = _groups(found, groups)
    if any(known(trend.rate) for trend in found.trends.values()):
        drawn["trend"] = _trends(found)
    needs = [group for group in groups if known(group.diffusivity_high_95) and group.diffusivity_high_95 > 0]
    if len(needs) >= LEAST_GROUPS:
        drawn["group_needs"] = _needs(needs)
    return drawn


def _of(found: Population, level: str) -> list[Group]:
    return [group for group in found.groups if group.level == level and group.unit == "scans"]


def _members(found: Population, group: Group) -> list[Scan]:
    """The scans of a group."""
    if group.level == "sample":
        return [scan for scan in found.scans if scan.sample == group.name]
    names = (lambda s: f"{s.condition}, {s.cycles:g} cycles") if group.level == "cycles" else (lambda s: s.condition)
    return [scan for scan in found.scans if names(scan) == group.name]


def _points(scans: Sequence[Scan], across: Sequence[float], colour: str, horizontal: bool) -> list[Figure]:
    """Scans with their errors, and the upper limits of those without a layer."""
    axes = ("x", "y") if horizontal else ("y", "x")
    shown = [i for i, scan in enumerate(scans) if known(scan.layer_nm)]
    limits = [i for i, scan in enumerate(scans) if known(scan.limit_nm)]
    data = []
    for at, name, value, symbol in (
        (shown, "scans", "layer_nm", "circle"),
        (limits, "upper limits", "limit_nm", "triangle-left-open" if horizontal else "triangle-down-open"),
    ):
        if not at:
            continue
        trace: Figure = {
            "type": "scatter", "mode": "markers", "name": name, "showlegend": False,
            axes[0]: short(np.array([getattr(scans[i], value) for i in at])), axes[1]: [across[i] for i in at],
            "text": [escape(scans[i].name) for i in at],
            "marker": {"color": shade(colour, 0.6), "size": 6 if name == "scans" else 8, "symbol": symbol},
            "hovertemplate": "%{text}: %{" + axes[0] + ":.3g} nm<extra></extra>",
        }  # fmt: skip
        if name == "scans":
            errors = short(np.array([scans[i].sigma_nm for i in at]), 3)
            trace[f"error_{axes[0]}"] = {"array": errors, "color": shade(colour, 0.5), "thickness": 1, "width": 0}
        data.append(trace)
    return data


def _groups(found: Population, groups: Sequence[Group]) -> Figure:
    """Each group on a line of its own: its mean and interval over its scans."""
    data = []
    for place, group in enumerate(groups):
        scans = _members(found, group)
        # side by side below the mean, so that none hides another
        across = [place + 0.12 + 0.26 * (i + 0.5) / len(scans) for i in range(len(scans))]
        data += _points(scans, across, "sky", horizontal=True)
    means = np.array([group.layer.mean for group in groups])
    low, high = np.array([group.layer.interval_95 for group in groups], float).T
    bars = {"symmetric": False, "array": short(high - means, 3), "arrayminus": short(means - low, 3), "width": 3}
    data.append({
        "type": "scatter", "mode": "markers", "name": "mean, 95 %", "showlegend": False, "x": short(means),
        "y": list(range(len(groups))), "marker": {"color": COLOURS["blue"], "size": 9},
        "error_x": bars | {"color": COLOURS["blue"], "thickness": 1.6},
        "hovertemplate": "mean %{x:.3g} nm<extra></extra>",
    })  # fmt: skip
    axis = {"title": {"text": "reacted layer (nm)", "standoff": 8}, "rangemode": "tozero"}
    return {"data": data, "layout": _lines_of(groups, axis)}


def _needs(groups: Sequence[Group]) -> Figure:
    """Required diffusivity of each group: 68 % thick, 95 % thin."""
    data = []
    for thickness, size, low_name, high_name in (
        (1.2, 0.1, "diffusivity_low_95", "diffusivity_high_95"),
        (3.0, 8, "diffusivity_low", "diffusivity_high"),
    ):
        mean = np.array([group.diffusivity.mean if group.diffusivity else np.nan for group in groups])
        low, high = (np.array([getattr(group, name) for group in groups], float) for name in (low_name, high_name))
        bars = {"symmetric": False, "array": short(high - mean, 3), "arrayminus": short(mean - low, 3), "width": 0}
        data.append({
            "type": "scatter", "mode": "markers", "showlegend": False, "x": short(mean), "y": list(range(len(groups))),
            "marker": {"color": COLOURS["blue"], "size": size}, "hovertemplate": "%{x:.2g} cm²/s<extra></extra>",
            "error_x": bars | {"color": COLOURS["blue"], "thickness": thickness},
        })  # fmt: skip
    tops = np.array([group.diffusivity_high_95 for group in groups])
    limited = np.array([not known(group.diffusivity.mean) for group in groups])
    if limited.any():
        data.append({
            "type": "scatter", "mode": "markers", "name": "upper limit, 95 %", "showlegend": False,
            "x": short(np.where(limited, tops, np.nan)), "y": list(range(len(groups))),
            "marker": {"color": COLOURS["blue"], "size": 8, "symbol": "triangle-left-open"},
            "hovertemplate": "under %{x:.2g} cm²/s<extra></extra>",
        })  # fmt: skip
    means = [group.diffusivity.mean for group in groups]
    lows = [end for end in (*means, *(group.diffusivity_low_95 for group in groups)) if known(end) and end > 0]
    axis = {"title": {"text": "required D (cm²/s), 68 % and 95 %", "standoff": 8}, "type": "log"}
    axis |= log_ticks(float(min([*lows, *tops])), float(tops.max()))
    return {"data": data, "layout": _lines_of(groups, axis)}


def _lines_of(groups: Sequence[Group], axis: Figure) -> Figure:
    return {
        "height": 40 * len(groups) + 90,
        "margin": {"l": 20, "r": 24, "t": 34, "b": 52},
        "xaxis": axis | {"automargin": True},
        "yaxis": {
            "tickmode": "array", "tickvals": list(range(len(groups))), "automargin": True,
            "ticktext": [escape(group.name)[:40] for group in groups], "range": [len(groups) - 0.4, -0.6],
        },
    }  # fmt: skip


def _trends(found: Population) -> Figure:
    """Layers against cycles, a colour and a symbol a condition, with the fitted growth."""
    conditions = by(found.scans, "condition") or {"all scans": list(found.scans)}
    every = [scan.cycles for members in conditions.values() for scan in members if known(scan.cycles)]
    room = 0.012 * (max(every) - min(every))
    data = []
    for place, (name, members) in enumerate(conditions.items()):
        colour, symbol = LOOKS[place % len(LOOKS)]
        scans = [scan for scan in members if known(scan.cycles)]
        # conditions stand beside each other where cycles are equal
        across = [scan.cycles + room * (place - (len(conditions) - 1) / 2) for scan in scans]
        points = _points(scans, across, colour, horizontal=False)
        for trace in points:
            if trace["name"] == "scans":
                trace["marker"] |= {"symbol": symbol}
        data += points
        trend = found.trends.get(name)
        if trend is None or not known(trend.rate):
            continue
        at = np.linspace(0, trend.most_cycles, 80)
        sign = "−" if trend.rate < 0 else "+"
        words = f"{name}: {trend.start:.2f} {sign} {abs(trend.rate):.2g} n<sup>{trend.power:.2g}</sup>"
        data.append({
            "type": "scatter", "mode": "lines", "name": words, "x": short(at), "y": short(trend.at(at)),
            "line": {"color": COLOURS[colour], "width": 1.6}, "hoverinfo": "skip", "showlegend": True,
        })  # fmt: skip
    layout = {
        "height": 360,
        "margin": {"l": 56, "r": 16, "t": 30 + 22 * len(found.trends), "b": 48},
        "legend": {
            "orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "entrywidth": 1, "entrywidthmode": "fraction",
        },
        "xaxis": {"title": {"text": "cycles"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "reacted layer (nm)"}, "rangemode": "tozero"},
    }  # fmt: skip
    return {"data": data, "layout": layout}
