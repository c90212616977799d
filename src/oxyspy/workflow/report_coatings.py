"""A report's required diffusivities: of all scans side by side, and of one against the coatings' table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from oxyspy.plotting import COLOURS
from oxyspy.workflow.report_plotly import Content, Figure, column, shade, short
from oxyspy.workflow.report_words import known, number


def overview(rows: Sequence[Content]) -> dict[str, Figure]:
    """Return the layers of all scans side by side, and their required diffusivities, where there are two or more."""
    found = {}
    layers = [row for row in rows if row.get("layer_supported") is True and known(row.get("layer_nm"))]
    if len(layers) > 1:
        bars = {"array": short(column(layers, "layer_sigma_nm"), 3)}
        axis = {"title": {"text": "reacted layer (nm)", "standoff": 8}, "rangemode": "tozero"}
        found["layers"] = _beside(layers, [("layer", column(layers, "layer_nm"), bars, "circle")], axis, "nm")
    needs = [row for row in rows if _positive(row.get("required_diffusivity_high"))]
    if len(needs) > 1:
        value, low, high = (column(needs, f"required_diffusivity_{end}") for end in ("cm2_s", "low", "high"))
        is_value = (value > 0) & (low > 0)
        bars = {"symmetric": False, "array": short(high - value, 3), "arrayminus": short(value - low, 3)}
        series = [("required", np.where(is_value, value, np.nan), bars, "circle")]
        if not is_value.all():
            series.append(("upper limit, 95 %", np.where(is_value, np.nan, high), {}, "triangle-left-open"))
        ends = np.where(is_value, low, high).min(), high.max()
        axis = {"title": {"text": "required D (cm²/s)", "standoff": 8}, "type": "log", **log_ticks(*map(float, ends))}
        found["needs"] = _beside(needs, series, axis, "cm²/s")
    return found


def _positive(value: object) -> bool:
    return known(value) and value > 0


def _beside(rows: Sequence[Content], series: Sequence[tuple], axis: Figure, unit: str) -> Figure:
    """One line a scan, its name on the left."""
    places = list(range(len(rows)))
    look = {"color": COLOURS["blue"], "thickness": 1.2, "width": 2}
    data = [
        {
            "type": "scatter", "mode": "markers", "name": name, "showlegend": len(series) > 1, "x": short(x),
            "y": places,
            "marker": {"color": COLOURS["blue"], "size": 7, "symbol": symbol}, "error_x": bars | look,
            "hovertemplate": "%{y}: %{x:.3g} " + unit + "<extra></extra>",
        }
        for name, x, bars, symbol in series
    ]  # fmt: skip
    layout = {
        "height": 22 * len(rows) + 128,
        "margin": {"l": 20, "r": 24, "t": 52, "b": 52},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
        "xaxis": axis | {"automargin": True},
        "yaxis": {
            "tickmode": "array", "tickvals": places, "ticktext": [escape(str(row["scan"]))[:40] for row in rows],
            "automargin": True, "range": [len(rows) - 0.4, -0.6],
        },
    }  # fmt: skip
    return {"data": data, "layout": layout}


def log_ticks(low: float, high: float) -> Figure:
    """Range and ticks of a logarithmic axis: few, whether it spans a part of a decade or ten of them."""
    ends = [np.log10(low) - 0.15, np.log10(high) + 0.15]
    decades = range(int(np.floor(ends[0])), int(np.ceil(ends[1])) + 1)
    ticks = [m * 10.0**e for e in decades for m in (1, 2, 5) if ends[0] <= np.log10(m * 10.0**e) <= ends[1]]
    if len(ticks) > 4:
        ticks = [10.0**e for e in decades if ends[0] <= e <= ends[1]]
        ticks = ticks[:: -(-len(ticks) // 4)] or ticks
    return {
        "range": [float(end) for end in ends],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [number(tick, 1) for tick in ticks],
    }


def required(content: Content) -> tuple[Figure, list[dict[str, str]]] | None:
    """Return the required diffusivity against the coatings' table, and the same as a table in words."""
    given = content.get("required_diffusivity")
    if not given:
        return None
    from oxyspy.transport import compare_coatings
    from oxyspy.transport.compare import VERDICTS
    from oxyspy.transport.inverse import RequiredDiffusivity

    need = RequiredDiffusivity(**{key: np.nan if value is None else value for key, value in given.items()})
    upper = bool(need.upper_limit)
    if not upper and not np.isfinite(need.value):
        return None
    beside = compare_coatings(need)
    looks = {
        "consistent": ("green", "circle", "could be transport-limited"),
        "faster": ("vermilion", "triangle-right", "lets through more"),
        "slower": ("purple", "triangle-left", "lets through too little"),
        "undecided": ("grey", "square", "not excluded"),
        "unknown": ("grey", "x", "not compared"),
    }
    data = []
    for verdict, (colour, symbol, words) in looks.items():
        own = [one for one in beside if one.verdict == verdict]
        # moved by the ratio of concentrations, so that places relative to the band are those of Onsager coefficients
        factor = [1.0 if upper else need.value / one.required for one in own]
        d = [one.diffusivity * f for one, f in zip(own, factor, strict=True)]
        placed = list(zip(own, factor, d, strict=True))
        if own:
            data.append({
                "type": "scatter", "mode": "markers", "name": words, "x": short(d, 3),
                "y": [one.coating for one in own],
                "marker": {"color": COLOURS[colour], "symbol": symbol, "size": 9},
                "error_x": {
                    "symmetric": False, "color": COLOURS[colour], "thickness": 1.3, "width": 3,
                    "array": short([one.diffusivity_high * f - v for one, f, v in placed], 3),
                    "arrayminus": short([v - one.diffusivity_low * f for one, f, v in placed], 3),
                },
                "hovertemplate": "%{y}: %{x:.2g} cm²/s",
            })  # fmt: skip
    lows = [one.diffusivity_low for one in beside] + ([] if upper else [need.low_95])
    highs = [one.diffusivity_high for one in beside] + [need.high_95]
    ends = [float(np.log10(min(v for v in lows if v > 0))) - 0.7, float(np.log10(max(v for v in highs if v > 0))) + 0.7]
    bands = (
        [(10 ** ends[0], need.high_95, 0.3)]
        if upper
        else [(need.low_95, need.high_95, 0.3), (need.low, need.high, 0.5)]
    )
    shapes = [
        {
            "type": "rect", "xref": "x", "yref": "paper", "x0": float(low), "x1": float(high), "y0": 0, "y1": 1,
            "fillcolor": shade("sky", alpha), "line": {"width": 0}, "layer": "below",
        }
        for low, high, alpha in bands
        if np.isfinite(low) and np.isfinite(high)
    ]  # fmt: skip
    name = "possible, 95 %" if upper else "required, 68 % and 95 %"
    patch = {"color": shade("sky", 0.6), "symbol": "square", "size": 12}
    data.insert(
        0, {"type": "scatter", "mode": "markers", "name": name, "x": [None], "y": [beside[0].coating], "marker": patch}
    )
    if not upper:
        line = {"color": COLOURS["blue"], "width": 1.5}
        shapes.append({"type": "line", "xref": "x", "yref": "paper", "x0": float(need.value), "x1": float(need.value),
                       "y0": 0, "y1": 1, "line": line, "layer": "below"})  # fmt: skip
    temperature = float(np.mean(need.inputs["temperature"]["value"]))
    order = [one.coating for one in beside][::-1]
    layout = {
        "height": 34 * len(beside) + 170,
        "margin": {"l": 84, "r": 16, "t": 84, "b": 50},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "shapes": shapes,
        "xaxis": {
            "type": "log", "range": ends, "exponentformat": "power", "dtick": 2,
            "title": {"text": f"oxygen diffusivity at {temperature:g} K (cm²/s)"},
        },
        "yaxis": {"categoryorder": "array", "categoryarray": order, "range": [-0.6, len(order) - 0.4]},
    }  # fmt: skip
    table = [
        {
            "coating": one.coating,
            "D(O) (cm²/s)": number(one.diffusivity, 1),
            "bounds": f"{number(one.diffusivity_low, 1)} to {number(one.diffusivity_high, 1)}",
            "L / required L": "–" if upper else number(float(one.ratio), 2),
            "verdict": VERDICTS[one.verdict],
        }
        for one in beside
    ]
    return {"data": data, "layout": layout}, table
