"""A report's figures as Plotly's own dicts: what a page needs to draw them, and no more digits than show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.eels.windows import step_profile
from oxyspy.errors import ReadError
from oxyspy.plotting import COLOURS
from oxyspy.workflow.report_words import WINDOW, known, number, part, plain

Content = Mapping[str, Any]
Figure = dict[str, Any]
EDGE_COLOURS = {"Mn_L": "purple", "Co_L": "blue", "Ni_L": "green", "O_K": "vermilion"}
SYMBOLS = {"Mn_L": "circle", "Co_L": "square", "Ni_L": "diamond", "O_K": "triangle-up"}
PANEL_PX, GAP = 118, 0.16
# spectra are kept in steps of their edge's maximum over this: finer than a screen shows
LEVELS = 500
# an error this many times the median is a point too weak to set an axis' limits
WEAK = 5.0


def _column(rows: Sequence[Content], name: str) -> NDArray:
    return np.array([row[name] if known(row.get(name)) else np.nan for row in rows], float)


def _short(values: NDArray, digits: int = 5) -> list[float | None]:
    """Numbers to some digits, ``None`` where there is none."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, float)]


def _shade(colour: str, alpha: float) -> str:
    red, green, blue = (int(COLOURS[colour][i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _points(x: NDArray, y: NDArray, sigma: NDArray | None, edge: str, flags: list[str], legend: bool) -> Figure:
    colour = COLOURS[EDGE_COLOURS.get(edge, "black")]
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": plain(edge),
        "legendgroup": edge,
        "showlegend": legend,
        "x": _short(x),
        "y": _short(y),
        "text": flags,
        "marker": {"color": colour, "size": 5, "symbol": SYMBOLS.get(edge, "circle")},
        "hovertemplate": "%{x:.2f} nm: %{y:.4g}<br>%{text}",
    }
    if sigma is not None:
        trace["error_y"] = {"array": _short(sigma, 3), "color": colour, "thickness": 1, "width": 0}
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


def overview(rows: Sequence[Content]) -> Figure | None:
    """Return layers, and required diffusivities where there are some, of all scans side by side."""
    layers = [row for row in rows if row.get("layer_supported") is True and known(row.get("layer_nm"))]
    if len(layers) < 2:
        return None
    names = [escape(str(row["scan"]))[:40] for row in layers]
    places = list(range(len(layers)))
    needs = [(i, row) for i, row in enumerate(layers) if known(row.get("required_diffusivity_cm2_s"))]

    def points(x: NDArray, y: list[int], errors: Figure, axis: str, unit: str) -> Figure:
        colour = COLOURS["blue"]
        return {
            "type": "scatter", "mode": "markers", "showlegend": False, "x": _short(x), "y": y, "xaxis": axis,
            "marker": {"color": colour, "size": 6}, "error_x": errors | {"color": colour, "thickness": 1.2, "width": 2},
            "hovertemplate": "%{y}: %{x:.3g} " + unit + "<extra></extra>",
        }  # fmt: skip

    sigma = _short(_column(layers, "layer_sigma_nm"), 3)
    data = [points(_column(layers, "layer_nm"), places, {"array": sigma}, "x", "nm")]
    layout: Figure = {
        "height": 22 * len(layers) + 110,
        "margin": {"l": 20, "r": 16, "t": 34, "b": 52},
        "xaxis": {"title": {"text": "reacted layer (nm)"}, "domain": [0, 0.47 if needs else 1], "rangemode": "tozero"},
        "yaxis": {
            "tickmode": "array", "mirror": "all", "tickvals": places, "ticktext": names, "automargin": True,
            "range": [len(layers) - 0.4, -0.6],
        },
    }  # fmt: skip
    if needs:
        rows = [row for _, row in needs]
        value, low, high = (_column(rows, f"required_diffusivity_{end}") for end in ("cm2_s", "low", "high"))
        bars = {"symmetric": False, "array": _short(high - value, 3), "arrayminus": _short(value - low, 3)}
        data.append(points(value, [i for i, _ in needs], bars, "x2", "cm²/s"))
        layout["xaxis2"] = {
            "title": {"text": "required D (cm²/s)"}, "domain": [0.53, 1], "type": "log", "anchor": "y",
            "automargin": True,
            **_log_ticks(float(np.nanmin(low)), float(np.nanmax(high))),
        }  # fmt: skip
    return {"data": data, "layout": layout}


def _log_ticks(low: float, high: float) -> Figure:
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


def profile(content: Content) -> Figure | None:
    """Return metal signal, L3/L2, splitting, L3 position, O K pre-edge and t/λ along the line, with the layer."""
    rows = content.get("profile") or []
    x = _column(rows, "position_nm")
    if not x.size:
        return None
    flags = [str(row.get("flags") or "").replace("|", ", ").replace("_", " ") for row in rows]
    edges = [name for name in content.get("methods") or {} if f"{name.split('_')[0].lower()}_l3" in rows[0]]
    layer = content.get("layer") or {}
    panels: list[tuple[str, list[Figure], list[float] | None]] = []

    def column(edge: str, name: str) -> NDArray:
        return _column(rows, f"{edge.split('_')[0].lower()}_{name}")

    def panel(title: str, series: Sequence[tuple[str, NDArray, NDArray | None]], more: Sequence[Figure] = ()) -> None:
        series = [item for item in series if np.isfinite(item[1]).sum() >= 4]
        if series:
            drawn = [_points(x, y, sigma, name, flags, not panels) for name, y, sigma in series]
            panels.append((title, drawn + list(more), _limits(*((y, sigma) for _, y, sigma in series))))

    metal = [
        (e, column(e, "l3") + column(e, "l2"), np.hypot(column(e, "l3_sigma"), column(e, "l2_sigma"))) for e in edges
    ]
    metal = [(e, y / np.nanmax(y), sigma / np.nanmax(y)) for e, y, sigma in metal if np.nanmax(y, initial=0) > 0]
    panel("L3 + L2<br>(of maximum)", metal)
    for edge in edges:
        fitted = _ratio_curve(x, layer, (content.get("states") or {}).get(edge) or {})
        panel(f"{edge.split('_')[0]} L3/L2", [(edge, column(edge, "l3_l2"), column(edge, "l3_l2_sigma"))], fitted)
    bulk = _bulk(x, layer)
    shifts = [(e, column(e, "splitting_ev") - _middle(column(e, "splitting_ev"), bulk), None) for e in edges]
    panel("L2 − L3, less<br>bulk (eV)", shifts)
    positions = [(e, column(e, "l3_ev") - _middle(column(e, "l3_ev"), bulk), column(e, "l3_ev_sigma")) for e in edges]
    panel("L3 less<br>bulk (eV)", positions)
    if "o_k" in rows[0]:
        whole = _column(rows, "o_k")
        # where the whole edge is not clear of noise, there is no share of it
        whole = np.where(whole > 3 * _column(rows, "o_prepeak_sigma"), whole, np.nan)
        share, sigma = _column(rows, "o_prepeak") / whole, _column(rows, "o_prepeak_sigma") / whole
        panel(
            "O K pre-edge<br>/ main edge", [("O_K", share, sigma)], _level_curve(x, layer, "O K pre-edge / main edge")
        )
        panels[-1][1][0]["showlegend"] = True
    if "t_over_lambda" in rows[0]:
        panel("t/λ", [("", _column(rows, "t_over_lambda"), None)])
        panels[-1][1][0] |= {
            "mode": "lines+markers",
            "showlegend": False,
            "line": {"color": COLOURS["black"], "width": 1},
        }
    return _stacked(panels, x, layer) if panels else None


def _stacked(panels: list, x: NDArray, layer: Content) -> Figure:
    """Panels above each other on one position axis."""
    n = len(panels)
    height = 1 / (n + (n - 1) * GAP)
    room = 0.02 * float(np.ptp(x)) or 1.0
    layout: Figure = {
        "height": n * PANEL_PX + 110,
        "margin": {"l": 78, "r": 12, "t": 44, "b": 48},
        "legend": {"orientation": "h", "x": 0, "y": 1.005, "yanchor": "bottom"},
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
            {"type": "rect", "x0": surface, "x1": boundary, "fillcolor": _shade("orange", 0.22), "line": {"width": 0}},
            {
                "type": "rect",
                "x0": boundary - sigma,
                "x1": boundary + sigma,
                "fillcolor": _shade("orange", 0.4),
                "line": {"width": 0},
            },
        ]
    marks.append(
        {"type": "line", "x0": surface, "x1": surface, "line": {"color": COLOURS["black"], "width": 1, "dash": "dot"}}
    )
    return [mark | across for mark in marks]


def _depth(x: NDArray, layer: Content) -> NDArray:
    return (layer["surface_nm"] - x) if layer.get("reversed") else (x - layer["surface_nm"])


def _bulk(x: NDArray, layer: Content) -> NDArray:
    """Positions beyond the layer; all of them where there is none."""
    if not (layer.get("supported") and known(layer.get("surface_nm"))):
        return np.ones(x.size, bool)
    return _depth(x, layer) > layer["thickness_nm"] + 2 * layer["width_nm"]


def _middle(values: NDArray, where: NDArray) -> float:
    values = values[where & np.isfinite(values)]
    return float(np.median(values)) if values.size else np.nan


def _curve(x: NDArray, layer: Content, of_layer: float, of_bulk: float) -> tuple[NDArray, NDArray]:
    """The fitted error-function edge between two levels, from the surface on."""
    fine = np.linspace(x[0], x[-1], 160)
    depth = _depth(fine, layer)
    inside = depth > 0
    share = ndtr((layer["thickness_nm"] - depth[inside]) / max(layer["width_nm"], 1e-3))
    return fine[inside], of_bulk + (of_layer - of_bulk) * share


def _line(x: NDArray, y: NDArray) -> list[Figure]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "fit",
            "showlegend": False,
            "hoverinfo": "skip",
            "x": _short(x),
            "y": _short(y),
            "line": {"color": COLOURS["black"], "width": 1.2},
        }
    ]


def _ratio_curve(x: NDArray, layer: Content, state: Content) -> list[Figure]:
    """L3/L2 of the fit; L3 / (L3 + L2) is what mixes linearly."""
    ratios = state.get("ratio_layer"), state.get("ratio_bulk")
    if not (layer.get("supported") and all(known(ratio) for ratio in ratios)):
        return []
    at, share = _curve(x, layer, *(ratio / (1 + ratio) for ratio in ratios))
    return _line(at, share / (1 - share))


def _level_curve(x: NDArray, layer: Content, name: str) -> list[Figure]:
    level = next((item for item in layer.get("levels") or [] if item["name"] == name), None)
    if not layer.get("supported") or level is None:
        return []
    return _line(*_curve(x, layer, level["layer"], level["bulk"]))


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
                "type": "scatter", "mode": "markers", "name": words, "x": _short(d, 3),
                "y": [one.coating for one in own],
                "marker": {"color": COLOURS[colour], "symbol": symbol, "size": 9},
                "error_x": {
                    "symmetric": False, "color": COLOURS[colour], "thickness": 1.3, "width": 3,
                    "array": _short([one.diffusivity_high * f - v for one, f, v in placed], 3),
                    "arrayminus": _short([v - one.diffusivity_low * f for one, f, v in placed], 3),
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
            "fillcolor": _shade("sky", alpha), "line": {"width": 0}, "layer": "below",
        }
        for low, high, alpha in bands
        if np.isfinite(low) and np.isfinite(high)
    ]  # fmt: skip
    name = "possible, 95 %" if upper else "required, 68 % and 95 %"
    patch = {"color": _shade("sky", 0.6), "symbol": "square", "size": 12}
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


def spectra(content: Content, folder: Path, budget: int) -> dict[str, Any] | None:
    """Return each edge's net spectra along the line, rows summed, with windows, continuum and areas.

    Where ``budget`` channels are not enough for every position, neighbours are summed.

    Raises
    ------
    ReadError
        A signal's file is missing or cannot be read.
    """
    rows, prints = content.get("profile") or [], content.get("methods") or {}
    if not rows or not prints:
        return None
    read = {name: _signal(folder / f"{name}.hspy") for name in prints}
    channels = sum(energy.size for energy, _ in read.values())
    together = max(1, -(-channels * len(rows) // budget))
    x = _column(rows, "position_nm")
    starts = range(0, len(rows), together)
    edges = [
        _edge(name, energy, data, content, together)
        for name, (energy, data) in read.items()
        if data.shape[0] == len(rows)
    ]
    flags = [
        dict.fromkeys(word for row in rows[i : i + together] for word in str(row.get("flags") or "").split("|") if word)
        for i in starts
    ]
    return {
        "positions": _short([x[i : i + together].mean() for i in starts]),
        "flags": [", ".join(word.replace("_", " ") for word in words) for words in flags],
        "together": together,
        "edges": edges,
    }


def _signal(path: Path) -> tuple[NDArray, NDArray]:
    """Energies, and spectra with rows summed, shape (positions, n)."""
    from rsciio.hspy import file_reader

    try:
        found = file_reader(path)[0]
        data, axis = np.nan_to_num(np.asarray(found["data"], np.float32)), found["axes"][-1]
    except Exception as error:  # HDF5's own errors are of many kinds
        raise ReadError(
            f"{path.name}: {'is not there' if not path.is_file() else f'cannot be read: {error}'}"
        ) from error
    energy = axis["offset"] + axis["scale"] * np.arange(axis["size"])
    return energy, data.reshape(-1, *data.shape[-2:]).sum(0)


def _edge(name: str, energy: NDArray, data: NDArray, content: Content, together: int) -> dict[str, Any]:
    """One edge's spectra as integers, and what the page draws over them."""
    text = content["methods"][name]["fingerprint"]
    groups = [slice(i, i + together) for i in range(0, len(data), together)]
    data = np.stack([data[group].sum(0) for group in groups])
    # from the background window's end on; before it there is only what is left of the fit
    window = [float(end) for end in part(text, "power law " + WINDOW)]
    shown = energy >= (window[1] - 0.4 * (window[1] - window[0]) if window else energy[0])
    # the deconvolution's tapered end is no measurement
    shown &= energy <= energy[-1] - 2
    energy, data = energy[shown], data[:, shown]
    unit = float(np.max(np.abs(data), initial=0)) / LEVELS or 1.0
    found: dict[str, Any] = {
        "name": plain(name),
        "start": float(energy[0]),
        "step": float(np.mean(np.diff(energy))),
        "unit": unit,
        "counts": [_changes(row, unit) for row in data],
        "windows": [],
        "areas": [],
    }
    if window:
        found["windows"].append(["background fit", max(window[0], float(energy[0])), window[1]])
    post = [float(end) for end in part(text, "post window " + WINDOW)]
    if post:
        found["windows"].append(["post window", *post])
        found |= _white_lines(name, energy, data, content, text, post, groups, unit)
    else:
        for label, pattern in (("pre-edge", "pre-edge "), ("main edge", "main ")):
            ends = [float(end) for end in part(text, pattern + WINDOW)]
            if ends:
                found["areas"].append([label, [ends] * len(groups)])
    return found


def _changes(values: NDArray, unit: float) -> list[int]:
    """Changes from channel to channel in whole units: neighbours are alike, so these pack small."""
    return np.diff(np.rint(values / unit).astype(int), prepend=0).tolist()


def _white_lines(name, energy, data, content, text, post, groups, unit) -> dict[str, Any]:
    """Continuum at each position with its steps at the maxima, and the windows of the areas about them."""
    element, rows = name.split("_")[0].lower(), content["profile"]
    l3 = np.array([_mean(_column(rows[group], f"{element}_l3_ev")) for group in groups])
    l2 = l3 + np.array([_mean(_column(rows[group], f"{element}_splitting_ev")) for group in groups])
    choices = (content.get("recipe") or {}).get("edges", {}).get(name) or {}
    shape, width = choices.get("step", "sharp"), choices.get("step_width", 1.0)
    at3, at2 = np.nan_to_num(l3), np.nan_to_num(l2)
    both = (2 * step_profile(energy, at3, shape, width) + step_profile(energy, at2, shape, width)) / 3
    inside = (energy >= post[0]) & (energy <= post[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        continuum = both * (data[:, inside].mean(1) / both[:, inside].mean(1))[:, None]
    located = np.isfinite(l3) & np.isfinite(l2)
    halves = [float(half) for half in part(text, r"areas L3 ±([\d.]+) eV, L2 ±([\d.]+) eV")]
    areas = []
    for label, at, half in zip(("L3", "L2"), (l3, l2), halves, strict=False):
        areas.append(
            [
                label,
                [[round(p - half, 2), round(p + half, 2)] if ok else None for p, ok in zip(at, located, strict=True)],
            ]
        )
    steps = [_changes(row, unit) if ok else None for row, ok in zip(continuum, located, strict=True)]
    return {"continuum": steps, "areas": areas}


def _mean(values: NDArray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else np.nan
