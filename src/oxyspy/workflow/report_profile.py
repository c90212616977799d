"""A report's profiles along the line, with the fitted layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oxyspy.layer.reacted import HIDDEN_NM, bulk_depth, layer_share
from oxyspy.plotting import COLOURS
from oxyspy.workflow.report_plotly import Content, Figure, column, shade, short
from oxyspy.workflow.report_words import known, plain
from oxyspy.workflow.states import mixed_ratio

EDGE_COLOURS = {"Mn_L": "purple", "Co_L": "blue", "Ni_L": "green", "O_K": "vermilion"}
SYMBOLS = {"Mn_L": "circle", "Co_L": "square", "Ni_L": "diamond", "O_K": "triangle-up"}
PANEL_PX, GAP = 118, 0.16
# an error this many times the median is a point too weak to set an axis' limits
WEAK = 5.0
# columns of an edge that the error of its L3 + L2 is made of
SUM_ERRORS = ("l3_sigma", "l2_sigma", "l3_l2_covariance")
LEAST_SIGNIFICANCE = 5.0
# fewer points are no profile
LEAST_POINTS = 4


def _points(x: NDArray, y: NDArray, sigma: NDArray | None, edge: str, flags: list[str], legend: bool) -> Figure:
    colour = COLOURS[EDGE_COLOURS.get(edge, "black")]
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": plain(edge),
        "legendgroup": edge,
        "showlegend": legend,
        "x": short(x),
        "y": short(y),
        "text": flags,
        "marker": {"color": colour, "size": 5, "symbol": SYMBOLS.get(edge, "circle")},
        "hovertemplate": "%{x:.2f} nm: %{y:.4g}<br>%{text}",
    }
    if sigma is not None:
        trace["error_y"] = {"array": short(sigma, 3), "color": colour, "thickness": 1, "width": 0}
        trace["hovertemplate"] = "%{x:.2f} nm: %{y:.4g} ± %{error_y.array:.2g}<br>%{text}"
    return trace


def _limits(*series: tuple[NDArray, NDArray | None]) -> list[float] | None:
    """Limits that well-measured points set: one weak point must not flatten the rest."""
    ends = []
    for values, sigma in series:
        errors = np.zeros_like(values) if sigma is None else sigma
        good = np.isfinite(values) & np.isfinite(errors)
        if good.any() and sigma is not None:
            good &= errors <= WEAK * np.median(errors[good])
        elif good.any():
            # without errors, the middle 90 % of the points stand in
            low, high = np.quantile(values[good], [0.05, 0.95])
            good &= (values >= low - (high - low)) & (values <= high + (high - low))
        ends += [*(values - 1.3 * errors)[good], *(values + 1.3 * errors)[good]]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return [low - room, high + room]


def profile(content: Content) -> Figure | None:
    """Return metal signal, L3/L2, splitting, L3 position, O K pre-edge and t/λ along the line, with the layer."""
    rows = content.get("profile") or []
    x = column(rows, "position_nm")
    if not x.size:
        return None
    flags = [str(row.get("flags") or "").replace("|", ", ").replace("_", " ") for row in rows]
    edges = [name for name in content.get("methods") or {} if f"{name.split('_')[0].lower()}_l3" in rows[0]]
    layer = content.get("layer") or {}
    panels: list[tuple[str, list[Figure], list[float] | None]] = []

    def of(edge: str, name: str) -> NDArray:
        return column(rows, f"{edge.split('_')[0].lower()}_{name}")

    seen = {""}

    def panel(title: str, series: Sequence[tuple[str, NDArray, NDArray | None]], more: Sequence[Figure] = (), **look):
        series = [item for item in series if np.isfinite(item[1]).sum() >= LEAST_POINTS]
        if series:
            drawn = [_points(x, y, sigma, name, flags, name not in seen) | look for name, y, sigma in series]
            seen.update(name for name, _, _ in series)
            panels.append((title, drawn + list(more), _limits(*((y, sigma) for _, y, sigma in series))))

    metal = [(e, of(e, "l3") + of(e, "l2"), _sum_sigma(*(of(e, name) for name in SUM_ERRORS))) for e in edges]
    metal = [(e, y / np.nanmax(y), sigma / np.nanmax(y)) for e, y, sigma in metal if np.nanmax(y, initial=0) > 0]
    panel("L3 + L2<br>(of maximum)", metal)
    for edge in edges:
        fitted = _ratio_curve(x, layer, (content.get("states") or {}).get(edge) or {})
        panel(f"{edge.split('_')[0]} L3/L2", [(edge, of(edge, "l3_l2"), of(edge, "l3_l2_sigma"))], fitted)
    bulk = _bulk(x, layer)
    shifts = [
        (e, of(e, "splitting_ev") - _middle(of(e, "splitting_ev"), bulk), of(e, "splitting_ev_sigma")) for e in edges
    ]
    panel("L2 − L3, less<br>bulk (eV)", shifts)
    positions = [(e, of(e, "l3_shift_ev"), of(e, "l3_shift_ev_sigma")) for e in edges]
    panel("L3 less<br>bulk (eV)", positions)
    if "o_k" in rows[0]:
        pre, whole, covariance = (column(rows, name) for name in ("o_prepeak", "o_k", "o_prepeak_o_k_covariance"))
        of_pre, of_whole = (column(rows, name) for name in ("o_prepeak_sigma", "o_k_sigma"))
        # where the whole edge is not clear of noise, there is no share of it
        whole = np.where(whole > LEAST_SIGNIFICANCE * of_whole, whole, np.nan)
        share = pre / whole
        variance = of_pre**2 - 2 * share * covariance + share**2 * of_whole**2
        sigma = np.sqrt(np.maximum(variance, 0)) / whole
        fitted = _level_curve(x, layer, "O K pre-edge / main edge")
        panel("O K pre-edge<br>/ main edge", [("O_K", share, sigma)], fitted)
    if "t_over_lambda" in rows[0]:
        line = {"color": COLOURS["black"], "width": 1}
        panel("t/λ", [("", column(rows, "t_over_lambda"), None)], mode="lines+markers", line=line)
    return _stacked(panels, x, layer) if panels else None


def _stacked(panels: list, x: NDArray, layer: Content) -> Figure:
    """Panels above each other on one position axis."""
    n = len(panels)
    height = 1 / (n + (n - 1) * GAP)
    room = 0.02 * float(np.ptp(x)) or 1.0
    layout: Figure = {
        "height": n * PANEL_PX + 110,
        "margin": {"l": 78, "r": 12, "t": 44, "b": 48},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
        "shapes": _marks(layer),
        "xaxis": {
            "title": {"text": "position along the line (nm)"},
            "range": [float(x[0]) - room, float(x[-1]) + room],
            "anchor": f"y{n}" if n > 1 else "y",
            "mirror": "allticks",
        },
    }
    data = []
    for i, (title, traces, limits) in enumerate(panels, start=1):
        name = "" if i == 1 else str(i)
        top = 1 - (i - 1) * height * (1 + GAP)
        axis = {"title": {"text": title, "standoff": 4}, "domain": [max(0.0, top - height), top], "nticks": 5}
        layout[f"yaxis{name}"] = axis | ({"range": limits} if limits else {})
        data += [trace | {"xaxis": "x", "yaxis": f"y{name}"} for trace in traces]
    return {"data": data, "layout": layout}


def _marks(layer: Content) -> list[Figure]:
    """Surface as a dotted line, the layer as a band, its ends' standard errors as darker bands."""
    if not known(layer.get("surface_nm")):
        return []
    surface, across = layer["surface_nm"], {"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    marks = []
    if layer.get("supported") and known(layer.get("boundary_nm")):
        boundary, sigma = layer["boundary_nm"], layer["boundary_sigma_nm"] or 0.0
        marks += [
            {"type": "rect", "x0": surface, "x1": boundary, "fillcolor": shade("orange", 0.22), "line": {"width": 0}},
            {
                "type": "rect",
                "x0": boundary - sigma,
                "x1": boundary + sigma,
                "fillcolor": shade("orange", 0.4),
                "line": {"width": 0},
            },
        ]
    marks.append(
        {"type": "line", "x0": surface, "x1": surface, "line": {"color": COLOURS["black"], "width": 1, "dash": "dot"}}
    )
    return [mark | across for mark in marks]


def _sum_sigma(first: NDArray, second: NDArray, covariance: NDArray) -> NDArray:
    return np.sqrt(np.maximum(first**2 + second**2 + 2 * covariance, 0))


def _depth(x: NDArray, layer: Content) -> NDArray:
    return (layer["surface_nm"] - x) if layer.get("reversed") else (x - layer["surface_nm"])


def _bulk(x: NDArray, layer: Content) -> NDArray:
    """Positions of the bulk, as the figures have them; all of them where there is none."""
    if not known(layer.get("surface_nm")):
        return np.ones(x.size, bool)
    names = ("thickness_nm", "sigma_nm", "width_nm", "surface_width_nm")
    bulk = _depth(x, layer) > (bulk_depth(*(layer[name] for name in names)) if layer["supported"] else HIDDEN_NM)
    return bulk if bulk.any() else np.ones(x.size, bool)


def _middle(values: NDArray, where: NDArray) -> float:
    values = values[where & np.isfinite(values)]
    return float(np.median(values)) if values.size else np.nan


def _shares(x: NDArray, layer: Content) -> tuple[NDArray, NDArray]:
    """Positions from the surface on, and the fitted layer's share at each."""
    fine = np.linspace(x[0], x[-1], 160)
    fine = fine[_depth(fine, layer) > 0]
    return fine, layer_share(_depth(fine, layer), layer["thickness_nm"], layer["width_nm"])


def _line(x: NDArray, y: NDArray) -> list[Figure]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "fit",
            "showlegend": False,
            "hoverinfo": "skip",
            "x": short(x),
            "y": short(y),
            "line": {"color": COLOURS["black"], "width": 1.2},
        }
    ]


def _band(x: NDArray, low: NDArray, high: NDArray) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "fit ± one standard error",
        "showlegend": False,
        "hoverinfo": "skip",
        "x": short(np.append(x, x[::-1])),
        "y": short(np.append(low, high[::-1])),
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": "rgba(128, 128, 128, 0.3)",
    }


def _ratio_curve(x: NDArray, layer: Content, state: Content) -> list[Figure]:
    """L3/L2 of the fit, within its standard errors."""
    names = ("ratio_layer", "ratio_bulk")
    if not (layer.get("supported") and all(known(state.get(name)) for name in names)):
        return []
    levels, errors = np.array([(state[name], state[f"{name}_sigma"]) for name in names]).T
    at, share = _shares(x, layer)
    low, fit, high = (mixed_ratio(share, *(levels + k * errors)) for k in (-1, 0, 1))
    return [_band(at, low, high), *_line(at, fit)]


def _level_curve(x: NDArray, layer: Content, name: str) -> list[Figure]:
    level = next((item for item in layer.get("levels") or [] if item["name"] == name), None)
    if not layer.get("supported") or level is None:
        return []
    at, share = _shares(x, layer)
    return _line(at, level["bulk"] + (level["layer"] - level["bulk"]) * share)
