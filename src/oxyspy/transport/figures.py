"""Figures of the transport model; each returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from oxyspy.transport.coating import Coating
    from oxyspy.transport.compare import Comparison
    from oxyspy.transport.forward import DensificationTime
    from oxyspy.transport.inverse import RequiredDiffusivity


def plot_required(required: RequiredDiffusivity, beside: Sequence[Comparison]) -> Figure:
    """Return the required diffusivity as a band, with the known coatings' own as points with their bounds.

    Each coating's point is moved by the ratio of concentrations (at most some tens of per cent), so that its place
    relative to the band is that of the Onsager coefficients.
    """
    from oxyspy.plotting import COLOURS, figure

    fig, ax = figure(size=(5.2, 2.9))
    upper = bool(required.upper_limit)
    label = "required, 68 % (95 %)"
    if upper:
        ax.axvspan(1e-40, required.high_95, color=COLOURS["sky"], alpha=0.35, lw=0, label="possible: upper limit, 95 %")
    elif np.isfinite(required.value):
        if required.contributions:
            ax.axvspan(required.low_95, required.high_95, color=COLOURS["sky"], alpha=0.3, lw=0)
            ax.axvspan(required.low, required.high, color=COLOURS["sky"], alpha=0.6, lw=0, label=label)
        ax.axvline(required.value, color=COLOURS["blue"], label="required")
    colours = {"consistent": "green", "faster": "vermilion", "slower": "purple", "undecided": "grey", "unknown": "grey"}
    words = {
        "consistent": "could be transport-limited",
        "faster": "lets through more",
        "slower": "lets through too little",
        "undecided": "not excluded",
        "unknown": "not compared",
    }
    shift = [1.0 if upper or not np.isfinite(one.ratio) else required.value / one.required for one in beside]
    seen: set[str] = set()
    for i, (one, factor) in enumerate(zip(beside, shift, strict=True)):
        d = one.diffusivity * factor
        ax.errorbar(
            d,
            i,
            xerr=[[d - one.diffusivity_low * factor], [one.diffusivity_high * factor - d]],
            fmt="o",
            ms=4.5,
            capsize=2.5,
            color=COLOURS[colours[one.verdict]],
            label=None if one.verdict in seen else words[one.verdict],
        )
        seen.add(one.verdict)
    lows = [one.diffusivity_low for one in beside] + [d for d in (required.low_95,) if d > 0 and np.isfinite(d)]
    highs = [one.diffusivity_high for one in beside] + [d for d in (required.high_95,) if np.isfinite(d)]
    ax.set_xscale("log")
    ax.set_xlim(min(lows) / 10, max(highs) * 10)
    ax.set_yticks(range(len(beside)), [one.coating for one in beside])
    ax.set_ylim(len(beside) - 0.5, -0.5)
    ax.set_xlabel(f"oxygen diffusivity at {np.mean(required.inputs['temperature']['value']):g} K (cm$^2$/s)")
    fig.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return fig


def plot_tradeoff(known: Mapping[str, Coating], *, oxygen_max: float, lithium_min: float) -> Figure:
    """Return D(O) against D(Li) of every coating with its bounds; the corner that meets both guidelines is shaded."""
    from oxyspy.plotting import COLOURS, figure

    fig, ax = figure(size=(4.6, 3.8))
    drawn = [one for one in known.values() if one.lithium is not None]
    ax.set_xscale("log")
    ax.set_yscale("log")
    edges = [d for one in drawn for d in (one.lithium.diffusivity_low, one.lithium.diffusivity_high)] + [lithium_min]
    ax.set_xlim(min(edges) / 30, max(edges) * 100)
    edges = [d for one in drawn for d in (one.oxygen.diffusivity_low, one.oxygen.diffusivity_high)] + [oxygen_max]
    ax.set_ylim(min(edges) / 30, max(edges) * 30)
    ax.fill_between(
        [lithium_min, ax.get_xlim()[1]], ax.get_ylim()[0], oxygen_max, color=COLOURS["green"], alpha=0.15, lw=0
    )
    ax.axvline(lithium_min, color=COLOURS["green"], ls="--", lw=0.9, label="guidelines")
    ax.axhline(oxygen_max, color=COLOURS["green"], ls="--", lw=0.9)
    for one in drawn:
        x, y = one.lithium, one.oxygen
        ax.errorbar(
            x.diffusivity,
            y.diffusivity,
            xerr=[[x.diffusivity - x.diffusivity_low], [x.diffusivity_high - x.diffusivity]],
            yerr=[[y.diffusivity - y.diffusivity_low], [y.diffusivity_high - y.diffusivity]],
            fmt="o",
            ms=4.5,
            capsize=2,
            color=COLOURS["blue"],
        )
        # beside the point, on the side away from the diagonal that the points follow
        ax.annotate(
            one.name, (x.diffusivity, y.diffusivity), xytext=(9, -4), textcoords="offset points", va="top", fontsize=8
        )
    ax.text(
        ax.get_xlim()[1] * 0.5, oxygen_max * 0.5, "meets both", ha="right", va="top", color=COLOURS["green"], fontsize=8
    )
    fig.legend(loc="outside upper right", frameon=False, fontsize=8)
    temperature = next(iter(known.values())).oxygen.temperature
    ax.set_xlabel(f"lithium diffusivity at {temperature:g} K (cm$^2$/s)")
    ax.set_ylabel(f"oxygen diffusivity at {temperature:g} K (cm$^2$/s)")
    return fig


def plot_growth(found: DensificationTime, known: Mapping[str, Coating]) -> Figure:
    """Return layer against time for a densification time, with its interval, beside the known coatings."""
    from oxyspy.plotting import COLOURS, figure
    from oxyspy.transport.permeation import steady_time

    conditions = {name: found.inputs[name]["value"] for name in ("radius", "mu_c", "mu_e", "c_max", "released")}
    layer, coating = found.inputs["layer"]["value"], found.inputs["coating"]["value"]
    most = min(10 * layer, conditions["radius"]) if found.geometry != "plane" else 10 * layer
    layers = np.geomspace(layer / 10, most, 100)
    times = steady_time(layers, coating, found.onsager, geometry=found.geometry, **conditions) / 3600
    fig, ax = figure(size=(5.2, 3.6))
    for one in known.values():
        other = steady_time(layers, coating, one.oxygen.onsager, geometry=found.geometry, **conditions) / 3600
        ax.plot(other, layers * 1e7, color=COLOURS["grey"], lw=0.8)
        ax.annotate(
            one.name, (other[-1], most * 1e7), xytext=(0, 3), textcoords="offset points", fontsize=7, rotation=45
        )
    if found.contributions:
        ends = (found.low / found.value, found.high / found.value)
        ax.fill_betweenx(
            layers * 1e7, times * ends[0], times * ends[1], color=COLOURS["sky"], alpha=0.5, lw=0, label="68 %"
        )
    ax.plot(times, layers * 1e7, color=COLOURS["blue"], lw=1.8, label="this coating")
    ax.plot(found.value / 3600, layer * 1e7, "o", color=COLOURS["vermilion"], label="this layer", zorder=3)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("time at high voltage (h)")
    ax.set_ylabel("reacted layer (nm)")
    ax.plot([], [], color=COLOURS["grey"], lw=0.8, label=f"known coatings, {coating * 1e7:.3g} nm")
    fig.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    ax.margins(y=0)
    # room for the names of the coatings above the lines
    ax.set_ylim(layers[0] * 1e7, most * 1e7 * 3)
    ax.set_xlim(right=ax.get_xlim()[1] * 10)
    return fig
