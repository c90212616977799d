"""Figures of the transport model; each returns a matplotlib figure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.transport.quantities import STUDY, plain_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.transport.beyond import BeyondSteady
    from oxyspy.transport.coating import Coating
    from oxyspy.transport.compare import Comparison
    from oxyspy.transport.forward import DensificationTime, LayerAfter
    from oxyspy.transport.inverse import RequiredDiffusivity

NM = 1e-7
HOUR = 3600.0
# colour, marker and words of each verdict: no two are told by colour alone
LOOKS = {
    "consistent": ("green", "o", "could be transport-limited"),
    "faster": ("vermilion", ">", "lets through more"),
    "slower": ("purple", "<", "lets through too little"),
    "undecided": ("grey", "s", "not excluded"),
    "safe": ("green", "o", "keeps below the target"),
    "open": ("orange", "s", "open within the errors"),
    "exceeds": ("vermilion", ">", "lets through too much"),
    "unknown": ("grey", "x", "not compared"),
}
SCREENED = {
    "meets both": ("green", "o", "meets both"),
    "open": ("orange", "s", "open within its bounds"),
    "fails": ("vermilion", "^", "fails one or both"),
    "unknown": ("grey", "x", "unknown"),
}


def formula(name: str) -> str:
    """Return a name with its numbers lowered where it is a chemical formula."""
    if not re.fullmatch(r"([A-Z][a-z]?(\d+\.?\d*)?)+", name):
        return name
    return re.sub(r"(\d+\.?\d*)", r"$_{\1}$", name)


def plot_required(required: RequiredDiffusivity | BeyondSteady, beside: Sequence[Comparison]) -> Figure:
    """Return the required diffusivity as a band, with the known coatings' own as points with their bounds.

    Each coating's point is moved by the ratio of concentrations (at most some tens of per cent), so that its place
    relative to the band is that of the Onsager coefficients. What is beyond the steady model has the steady value as a
    dashed line beside it; what a design allows is called so.

    Parameters
    ----------
    required
        One problem.
    beside
        Of `compare_coatings`.

    Returns
    -------
    Figure
        Of matplotlib.

    Examples
    --------
    >>> from oxyspy.transport import compare_coatings, plot_required, required_diffusivity
    >>> needed = required_diffusivity("2.0 +- 0.3 nm", "10 nm", "165 min")
    >>> fig = plot_required(needed, compare_coatings(needed))
    """
    from oxyspy.plotting import COLOURS, figure
    from oxyspy.transport.compare import is_design

    if np.ndim(required.value):
        raise InputError("required: found an array of problems; needed one to draw")
    fig, ax = figure(size=(5.4, 3.0))
    upper = bool(required.upper_limit)
    word = "allowed" if is_design(required) else "required"
    steady = getattr(required, "steady", None)
    ends = [d for d in (required.low_95, required.high_95) if 0 < d < np.inf]
    lows, highs = ([getattr(one, f"diffusivity_{end}") for one in beside] + ends for end in ("low", "high"))
    left, right = np.nanmin(lows) / 10, np.nanmax(highs) * 10
    if upper:
        ax.axvspan(left, required.high_95, color=COLOURS["sky"], alpha=0.35, lw=0, label="possible: upper limit, 95 %")
    elif np.isfinite(required.value):
        if ends and required.low < required.high:
            wide, narrow = ((required.low_95, required.high_95), (required.low, required.high))
            ax.axvspan(*np.clip(narrow, left, right), color=COLOURS["sky"], alpha=0.65, lw=0, label=f"{word}, 68 %")
            ax.axvspan(*np.clip(wide, left, right), color=COLOURS["sky"], alpha=0.3, lw=0, label=f"{word}, 95 %")
        ax.axvline(required.value, color=COLOURS["blue"], label=word if steady is None else f"{word}, beyond steady")
    if steady is not None and np.isfinite(steady.value):
        ax.axvline(steady.value, color=COLOURS["blue"], ls="--", lw=0.9, label=f"{word}, steady model")
    _draw_coatings(ax, required, beside, upper)
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    ax.set_yticks(range(len(beside)), [formula(one.coating) for one in beside])
    ax.set_ylim(len(beside) - 0.5, -0.5)
    ax.set_xlabel(f"oxygen diffusivity at {np.mean(required.inputs['temperature']['value']):g} K (cm$^2$/s)")
    fig.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return fig


def _draw_coatings(ax: Axes, required: Any, beside: Sequence[Comparison], upper: bool) -> None:
    from oxyspy.plotting import COLOURS

    seen: set[str] = set()
    for i, one in enumerate(beside):
        factor = 1.0 if upper or not np.isfinite(one.ratio) else required.value / one.required
        d = one.diffusivity * factor
        colour, marker, words = LOOKS[str(one.verdict)]
        ax.errorbar(
            d,
            i,
            xerr=[[d - one.diffusivity_low * factor], [one.diffusivity_high * factor - d]],
            fmt=marker,
            ms=5,
            capsize=2.5,
            color=COLOURS[colour],
            label=None if one.verdict in seen else words,
        )
        seen.add(one.verdict)


def plot_tradeoff(
    known: Mapping[str, Coating],
    *,
    oxygen_max: Any = None,
    lithium_min: Any = None,
    temperature: Any = STUDY["temperature"],
) -> Figure:
    """Return D(O) against D(Li) of every coating with its bounds; the corner that meets both guidelines is shaded.

    Each coating is taken to ``temperature`` (K) by its activation energies; those without data of lithium, or of that
    temperature, are named below the figure.

    Parameters
    ----------
    known
        Coatings by name.
    oxygen_max, lithium_min
        Guidelines in cm2/s; the study's by default.
    temperature
        K.

    Returns
    -------
    Figure
        Of matplotlib.

    Examples
    --------
    >>> from oxyspy.transport import coatings, plot_tradeoff
    >>> fig = plot_tradeoff(coatings())
    """
    from oxyspy.plotting import COLOURS, figure
    from oxyspy.transport.design import guidelines, screen

    most, least = guidelines(oxygen_max, lithium_min)
    t = plain_number("temperature", temperature)
    verdicts = {one.coating: one.verdict for one in screen(known, oxygen_max=most, lithium_min=least, temperature=t)}
    ions = {one.name: (one.oxygen.at(t), one.lithium.at(t)) for one in known.values() if one.lithium is not None}
    drawn = {name: pair for name, pair in ions.items() if np.isfinite(pair[0].diffusivity * pair[1].diffusivity)}
    left_out = [one.name for one in known.values() if one.name not in drawn]
    fig, ax = figure(size=(4.8, 4.1))
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, i, guide, most_room in ((ax.set_xlim, 1, least, 100), (ax.set_ylim, 0, most, 30)):
        ends = [d for pair in drawn.values() for d in (pair[i].diffusivity_low, pair[i].diffusivity_high)] + [guide]
        axis(min(ends) / 30, max(ends) * most_room)
    ax.fill_between([least, ax.get_xlim()[1]], ax.get_ylim()[0], most, color=COLOURS["green"], alpha=0.15, lw=0)
    ax.axvline(least, color=COLOURS["green"], ls="--", lw=0.9, label="guidelines")
    ax.axhline(most, color=COLOURS["green"], ls="--", lw=0.9)
    seen: set[str] = set()
    for name, (y, x) in drawn.items():
        colour, marker, words = SCREENED[verdicts[name]]
        ax.errorbar(
            x.diffusivity,
            y.diffusivity,
            xerr=[[x.diffusivity - x.diffusivity_low], [x.diffusivity_high - x.diffusivity]],
            yerr=[[y.diffusivity - y.diffusivity_low], [y.diffusivity_high - y.diffusivity]],
            fmt=marker,
            ms=5,
            capsize=2,
            color=COLOURS[colour],
            label=None if verdicts[name] in seen else words,
        )
        seen.add(verdicts[name])
        # beside the point, on the side away from the diagonal that the points follow
        ax.annotate(
            formula(name), (x.diffusivity, y.diffusivity), xytext=(9, -4), textcoords="offset points", va="top",
            fontsize=8,
        )  # fmt: skip
    fig.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    missing = f"\nnot shown, without data: {', '.join(map(formula, left_out))}" if left_out else ""
    ax.set_xlabel(f"lithium diffusivity at {t:g} K (cm$^2$/s){missing}")
    ax.set_ylabel(f"oxygen diffusivity at {t:g} K (cm$^2$/s)")
    return fig


def plot_growth(
    found: DensificationTime | LayerAfter,
    known: Mapping[str, Coating],
    beyond: BeyondSteady | None = None,
    *,
    name: str = "this coating",
    cycle: Any = None,
) -> Figure:
    """Return layer against time, with its interval, beside the known coatings at the same temperature.

    Parameters
    ----------
    found
        Of `densification_time` or `layer_after`; one problem.
    known
        Coatings to draw beside it, at the same thickness.
    beyond
        Of `beyond_steady`: its growth is drawn too, with the layer in the holes where there are any.
    name
        What the coating is called.
    cycle
        Time at high voltage in one cycle, s: adds an axis of cycles.

    Returns
    -------
    Figure
        Of matplotlib.

    Examples
    --------
    >>> from oxyspy.transport import coatings, layer_after, plot_growth
    >>> fig = plot_growth(layer_after("100 h", "10 nm", known="Li3B11O18"), coatings())
    """
    from oxyspy.plotting import COLOURS, figure
    from oxyspy.transport.permeation import steady_layer

    if np.ndim(found.value):
        raise InputError("found: an array of problems; needed one to draw")
    x = {key: float(pair["value"]) for key, pair in found.inputs.items()}
    of_time = "time" in x
    time, layer = (x["time"], found.value) if of_time else (found.value, x["layer"])
    active = x.get("active", 1.0)
    # drawn further than shown, so that bands fill the figure's corners
    times = time * np.geomspace(1e-3, 1e3, 181)
    seen = (times > time / 30) & (times < time * 30)
    conditions = {key: x[key] for key in ("radius", "mu_c", "mu_e", "c_max", "released")}

    def steady(L: float) -> np.ndarray:
        return steady_layer(times * active, x["coating"], L, geometry=found.geometry, **conditions) / NM

    fig, ax = figure(size=(5.4, 3.9))
    shown = found if beyond is None or beyond.reason else beyond
    line, bare = steady(found.onsager), np.full(len(times), np.nan)
    if shown is not found:
        label = f"{formula(name)}, steady"
        ax.plot(times / HOUR, line, color=COLOURS["blue"], lw=1.0, ls="--", label=label)
        line, bare = _growth(beyond, x, times * active, found.onsager)
    low, high = line[seen].min() / 2, np.nanmax(np.append(bare[seen], line[seen])) * 2
    if found.contributions:
        ends = [getattr(shown, end) / shown.value for end in ("low", "high")]
        band = {"color": COLOURS["sky"], "alpha": 0.5, "lw": 0, "label": "68 %"}
        # an error of the time shifts the line along it, one of the layer across
        if of_time:
            ax.fill_between(times / HOUR, line * ends[0], line * ends[1], **band)
        else:
            ax.fill_betweenx(line, times / HOUR * ends[0], times / HOUR * ends[1], **band)
    label = formula(name) if shown is found else f"{formula(name)}, beyond steady"
    ax.plot(times / HOUR, line, color=COLOURS["blue"], lw=1.8, label=label)
    if np.any(np.isfinite(bare)):
        ax.plot(times / HOUR, bare, color=COLOURS["purple"], lw=1.2, ls=":", label="in the holes")
    time, layer = (time, shown.value) if of_time else (shown.value, layer)
    ax.plot(time / HOUR, layer / NM, "o", color=COLOURS["vermilion"], label="this layer", zorder=3)
    t = x.get("temperature", STUDY["temperature"])
    whole = np.inf if found.geometry == "plane" else x["radius"] / NM
    for one in known.values():
        other = steady(one.oxygen.at(t).onsager)
        inside = seen & (other > low) & (other < min(high, 0.9 * whole))
        _name_line(ax, times[inside] / HOUR, other[inside], formula(one.name))
    ax.plot([], [], color=COLOURS["grey"], lw=0.8, label=f"known coatings, {x['coating'] / NM:.3g} nm, {t:g} K")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(times[seen][0] / HOUR, times[seen][-1] / HOUR)
    ax.set_ylim(low, high)
    ax.set_xlabel("time (h)" if "active" in x else "time at high voltage (h)")
    ax.set_ylabel("reacted layer (nm)")
    if cycle is not None:
        hours = plain_number("cycle", cycle, kind="time") / HOUR
        top = ax.secondary_xaxis("top", functions=(lambda h: h / hours, lambda n: n * hours))
        top.set_xlabel("cycles", fontsize=9)
        top.tick_params(labelsize=9, direction="in", which="both")
    fig.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return fig


def _growth(beyond: BeyondSteady, x: Mapping[str, float], times: np.ndarray, L: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the fuller model's mean layer and the one in the holes in nm, at times with a driving force in s."""
    from oxyspy.transport.beyond import FullerModel

    model = FullerModel(beyond.asked, beyond.steady.geometry)
    layers = [model.layer(dict(x), float(time), L) for time in times]
    mean = [getattr(layer, "mean", layer) for layer in layers]
    return np.array(mean, dtype=float) / NM, np.array([getattr(layer, "bare", np.nan) for layer in layers]) / NM


def _name_line(ax: Axes, times: np.ndarray, layers: np.ndarray, name: str) -> None:
    """Draw what of a known coating's growth is inside the figure, named at its end."""
    from oxyspy.plotting import COLOURS

    if not times.size:
        return
    ax.plot(times, layers, color=COLOURS["grey"], lw=0.8, zorder=1)
    place = {"xytext": (-4, -1), "textcoords": "offset points", "ha": "right", "va": "bottom"}
    i = max(len(times) - 5, 0)  # clear of the frame
    ax.annotate(name, (times[i], layers[i]), fontsize=7, color=COLOURS["black"], **place)
