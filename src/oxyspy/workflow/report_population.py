"""A report's statistics over scans: groups, trends with cycles and tests, as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from oxyspy.statistics import GroupDifference, Trend
from oxyspy.workflow.population import Population
from oxyspy.workflow.population_groups import Group
from oxyspy.workflow.report_methods import population_methods
from oxyspy.workflow.report_table import pasted
from oxyspy.workflow.report_trend import figures
from oxyspy.workflow.report_words import known, measured, number, power, sentence, span

LEVELS = {
    "all": "All scans",
    "condition": "Conditions",
    "cycles": "Conditions after each number of cycles",
    "sample": "Samples",
}
CAPTION = (
    "Large points: population means with their 95 % intervals; small ones: the scans ± one standard error; triangles: "
    "upper limits, 95 %, of scans without a layer. Lines: the trends below."
)


def population_section(found: Population) -> tuple[str, dict]:
    """Return what stands between a section's tags, and its figures."""
    drawn = figures(found)
    html = "<h2>Samples and conditions</h2>"
    if drawn:
        places = "".join(f'<div class="plot" data-figure="{name}"></div>' for name in drawn)
        html += f'<figure><div class="grid">{places}</div><figcaption>{CAPTION}</figcaption></figure>'
    for level, title in LEVELS.items():
        groups = [group for group in found.groups if group.level == level]
        if groups:
            html += f"<h3>{title}</h3>{_table([_group(group) for group in groups])}"
    if found.trends:
        html += "<h3>Trends with cycles</h3>" + _table([_trend(name, trend) for name, trend in found.trends.items()])
    if found.tests:
        html += f"<h3>Tests</h3><p>Compared: {escape(found.tested)}. p after Holm's correction for all pairs.</p>"
        html += _table([_test(test) for test in found.tests])
    return html + pasted(*population_methods(found)), drawn


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """A table of words; columns that are empty throughout are left out."""
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(row[name])}</td>" for name in columns) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="small"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _group(group: Group) -> dict[str, str]:
    layer = group.layer
    mean = measured(layer.mean, layer.sigma)
    if not known(layer.mean):
        mean = f"under {layer.upper_limit_95:.2f} (95 %)" if known(layer.upper_limit_95) else "not known"
    limits = f", {layer.n_limits} without a layer" if layer.n_limits else ""
    ends = [group.diffusivity.mean, group.diffusivity_low, group.diffusivity_high] if group.diffusivity else []
    if ends and all(known(end) and end > 0 for end in ends):
        need = power(ends)
    else:
        need = f"under {number(group.diffusivity_high_95, 2)} (95 %)" if known(group.diffusivity_high_95) else ""
    return {
        "group": group.name,
        "from": f"{layer.n} {group.unit if layer.n != 1 else group.unit[:-1]}{limits}",
        "layer (nm)": mean,
        "95 %": span(layer.interval_95) if known(layer.mean) else "",
        "spread (nm)": f"{layer.spread:.2f} ({span(layer.spread_interval_95)})" if known(layer.spread) else "",
        "one more scan, 95 %": span(layer.range_95) if known(layer.range_95[1]) else "",
        "required D (cm²/s), 68 %": need,
        "note": "; ".join(filter(None, [layer.reason, group.note])),
    }


def _trend(name: str, trend: Trend) -> dict[str, str]:
    shown = known(trend.rate)
    fitted = known(trend.power_interval_95[1])
    return {
        "condition": name,
        "scans": f"{trend.n}" + (f", {trend.n_limits} without a layer" if trend.n_limits else ""),
        "d₀ (nm), 95 %": f"{trend.start:.2f} ({span(trend.start_interval_95)})" if shown else "",
        "k (nm), 95 %": f"{number(trend.rate, 3)} ({span(trend.rate_interval_95, 4)})" if shown else "",
        "p": f"{trend.power:.2f}" + (f" ({span(trend.power_interval_95)})" if fitted else ", given") if shown else "",
        "growth (nm), 95 %": f"{trend.growth:.2f} ({span(trend.growth_interval_95)}) in {trend.most_cycles:g} cycles"
        if shown
        else "",
        "no growth": f"p = {trend.p_no_growth:.2g}" if shown else "",
        "note": sentence(trend.reason),
    }


def _test(test: GroupDifference) -> dict[str, str]:
    return {
        "one": test.one,
        "other": test.other,
        "difference (nm)": measured(test.difference, test.sigma) if known(test.difference) else "",
        "95 %": span(test.interval_95) if known(test.interval_95[0]) else "",
        "p": f"{test.p_holm:.2g}" if known(test.p_holm) else "not tested",
        "note": sentence(test.reason),
    }
