"""Figures of one scan: the profiles along the line, and the spectra they were measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.eels.edges import edge
from oxyspy.eels.windows import step_profile
from oxyspy.plotting import COLOURS, figure, style
from oxyspy.workflow.chain import EdgeMeasurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.workflow.analysis import ScanResult

EDGE_COLOURS = {"Mn_L": "purple", "Co_L": "blue", "Ni_L": "green", "O_K": "vermilion"}


@style()
def profile_figure(result: ScanResult) -> Figure:
    """Draw metal signal, L3/L2, O K pre-edge, L3 position and t/λ along the scan, with the fitted layer."""
    lines = {name: item for name, item in result.edges.items() if item.lines is not None}
    panels = ["metal"] if lines else []
    panels += [f"ratio {name}" for name in lines if np.isfinite(lines[name].lines.ratio).sum() >= 4]
    if "O_K" in result.edges:
        panels.append("oxygen")
    if lines:
        panels.append("position")
    if result.scan is not None and result.scan.zero_loss is not None:
        panels.append("thickness")
    fig, axes = figure(max(len(panels), 1), 1, size=(5.2, 1.35 * max(len(panels), 1) + 0.7), sharex=True, squeeze=False)
    x = result.positions_nm
    for panel, ax in zip(panels, axes[:, 0], strict=True):
        kind, _, name = panel.partition(" ")
        {"metal": _metal, "ratio": _ratio, "oxygen": _oxygen, "position": _position, "thickness": _thickness}[kind](
            ax, result, lines, name
        )
        _mark_layer(ax, result)
    axes[-1, 0].set_xlabel("position along the line (nm)")
    axes[-1, 0].set_xlim(x[0] - 0.02 * np.ptp(x), x[-1] + 0.02 * np.ptp(x))
    axes[0, 0].set_title(_title(result))
    fig.align_ylabels()
    return fig


def _title(result: ScanResult) -> str:
    layer = result.layer
    if layer is None:
        return result.name
    if layer.supported:
        return f"{result.name}: reacted layer {layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm"
    if np.isfinite(layer.upper_limit_nm):
        return f"{result.name}: no reacted layer, under {layer.upper_limit_nm:.2f} nm (95 %)"
    return f"{result.name}: no reacted layer measured"


def _mark_layer(ax: Axes, result: ScanResult) -> None:
    """Surface as a line, reacted layer as a band."""
    layer = result.layer
    if layer is None or not np.isfinite(layer.surface_nm):
        return
    ax.axvline(layer.surface_nm, color=COLOURS["black"], lw=0.8, ls=":")
    if layer.supported:
        ends = sorted((layer.surface_nm, layer.boundary_nm))
        ax.axvspan(*ends, color=COLOURS["orange"], alpha=0.25, lw=0)


def _metal(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    for name, item in lines.items():
        area = item.lines.l3 + item.lines.l2
        sigma = np.sqrt(item.lines.l3_sigma**2 + item.lines.l2_sigma**2 + 2 * item.lines.l3_l2_covariance)
        top = np.nanmax(area)
        _points(ax, result.positions_nm, area / top, sigma / top, name)
    ax.axhline(0, color=COLOURS["grey"], lw=0.5)
    ax.set_ylabel("L3 + L2\n(of maximum)")
    ax.set_ylim(-0.25, 1.35)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _ratio(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], name: str) -> None:
    measured = lines[name].lines
    _points(ax, result.positions_nm, measured.ratio, measured.ratio_sigma, name)
    state, layer = result.states.get(name), result.layer
    if layer is not None and layer.supported and np.isfinite(state.ratio_layer):
        x = np.linspace(result.positions_nm[0], result.positions_nm[-1], 400)
        depth = (layer.surface_nm - x) if layer.reversed else (x - layer.surface_nm)
        share = [r / (1 + r) for r in (state.ratio_layer, state.ratio_bulk)]
        q = share[1] + (share[0] - share[1]) * ndtr((layer.thickness_nm - depth) / max(layer.width_nm, 1e-3))
        inside = depth > -0.5
        ax.plot(x[inside], (q / (1 - q))[inside], color=COLOURS["black"], lw=1.0)
    ax.set_ylabel(f"{name.split('_')[0]} L3/L2")
    _limits(ax, measured.ratio, measured.ratio_sigma)


def _oxygen(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    along = result.edges["O_K"].along
    pre, main = along.values[:, 0], along.values[:, 1]
    v11, v22, v12 = along.covariance[:, 0, 0], along.covariance[:, 1, 1], along.covariance[:, 0, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = pre / main
        sigma = np.sqrt(np.maximum(v11 - 2 * ratio * v12 + ratio**2 * v22, 0)) / main
        shown = main > 5 * np.sqrt(v22)
    _points(ax, result.positions_nm[shown], ratio[shown], sigma[shown], "O_K")
    ax.set_ylabel("O K pre-edge\n/ main edge")
    _limits(ax, ratio[shown], sigma[shown])


def _position(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    for name, item in lines.items():
        at, sigma = item.lines.l3_ev, item.lines.l3_ev_sigma
        if np.isfinite(at).sum() < 4:
            continue
        bulk = np.nanmedian(at[result.scan.bright.all(0)]) if result.scan.bright.all(0).any() else np.nanmedian(at)
        _points(ax, result.positions_nm, at - bulk, sigma, name)
    ax.set_ylabel("L3 shift\n(eV)")


def _thickness(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    values = np.broadcast_to(result.scan.zero_loss.t_over_lambda, result.scan.bright.shape)
    for row in values:
        ax.plot(result.positions_nm, row, color=COLOURS["grey"], lw=1.0)
    ax.set_ylabel("t/λ")
    ax.set_ylim(bottom=min(0, np.nanmin(values)))


def _points(ax: Axes, x: NDArray, y: NDArray, sigma: NDArray, name: str) -> None:
    colour = COLOURS[EDGE_COLOURS.get(name, "black")]
    ax.errorbar(x, y, sigma, fmt="o", ms=2.5, lw=0.8, color=colour, label=name.replace("_", " "))


def _limits(ax: Axes, values: NDArray, sigma: NDArray) -> None:
    """Limits that well-measured points set: one weak point must not flatten the rest."""
    good = np.isfinite(values) & np.isfinite(sigma)
    if good.any():
        good &= sigma < 5 * np.median(sigma[good])
        low, high = (values - 1.5 * sigma)[good].min(), (values + 1.5 * sigma)[good].max()
        ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


@style()
def edges_figure(result: ScanResult) -> Figure:
    """Draw each edge summed over the bulk: recorded with its background, and net with steps, windows and areas."""
    names = list(result.edges)
    fig, axes = figure(len(names), 2, size=(7.4, 2.1 * len(names) + 0.3), squeeze=False)
    where = bulk_positions(result)
    for (raw, net), name in zip(axes, names, strict=True):
        item = result.edges[name]
        _raw(raw, item, where, name)
        _net(net, item, where, name)
        raw.set_ylabel("counts (10³)")
    for ax in axes[-1]:
        ax.set_xlabel("energy loss (eV)")
    handles = {label: handle for ax in fig.axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    fig.legend(handles.values(), handles, loc="outside lower center", ncols=4)
    axes[0, 0].set_title(f"recorded, {where.sum()} spectra of the bulk", loc="left")
    axes[0, 1].set_title("background removed" + (", deconvolved" if _deconvolved(result) else ""), loc="left")
    return fig


def bulk_positions(result: ScanResult) -> NDArray:
    """Spectra of the bulk, shape (rows, positions): with signal, and beyond the reacted layer where there is one."""
    where = result.scan.bright.copy()
    layer = result.layer
    if layer is not None and np.isfinite(layer.surface_nm):
        depth = (layer.surface_nm - result.positions_nm) if layer.reversed else (result.positions_nm - layer.surface_nm)
        beyond = depth > (layer.thickness_nm + 2 * layer.width_nm if layer.supported else 0)
        if (where & beyond).any():
            where &= beyond
    return where


def _deconvolved(result: ScanResult) -> bool:
    return "not deconvolved" not in next(iter(result.edges.values())).fingerprint


def _raw(ax: Axes, item: EdgeMeasurement, where: NDArray, name: str) -> None:
    counts = item.counts[where].sum(0, dtype=float) / 1e3
    background = np.nansum(item.background(item.energy)[where], axis=0) / 1e3
    ax.plot(item.energy, counts, color=COLOURS["black"], lw=0.8)
    ax.plot(item.energy, background, color=COLOURS["vermilion"], lw=1.0, label="power law")
    ax.axvspan(*item.background.window, color=COLOURS["sky"], alpha=0.3, lw=0, label="fit window")
    ax.set_ylim(bottom=0.95 * background.min())
    ax.text(0.97, 0.94, name.replace("_", " "), transform=ax.transAxes, ha="right", va="top")


def _net(ax: Axes, item: EdgeMeasurement, where: NDArray, name: str) -> None:
    energy = item.energy
    net = np.nansum(np.where(where[..., None], item.spectra, 0), axis=(0, 1)) / 1e3
    ax.axhline(0, color=COLOURS["grey"], lw=0.5)
    if item.lines is None:
        pre, main = edge(name).pre_edge, edge(name).main
        for (low, high), colour, label in ((pre, "sky", "pre-edge"), (main, "orange", "main edge")):
            inside = (energy >= low) & (energy <= high)
            ax.fill_between(energy[inside], 0, net[inside], color=COLOURS[colour], alpha=0.5, lw=0, label=label)
    else:
        _areas(ax, item, where, net)
    ax.plot(energy, net, color=COLOURS["black"], lw=0.8)
    ax.set_xlim(item.background.window[1] - 8, energy[-1] - 2)


def _areas(ax: Axes, item: EdgeMeasurement, where: NDArray, net: NDArray) -> None:
    """Continuum with its steps, and the areas above it; at the median maxima of the positions shown."""
    energy, columns = item.energy, where.any(0)
    l3, l2 = (float(np.median(p[columns])) for p in (item.positions.l3, item.positions.l2))
    method = item.method
    inside = (energy >= method.post[0]) & (energy <= method.post[1])
    steps = [step_profile(energy, at, method.step, method.step_width) for at in (l3, l2)]
    profile = (2 * steps[0] + steps[1]) / 3
    continuum = net[inside].mean() * profile / profile[inside].mean()
    for at, half, colour, label in ((l3, method.l3_half, "sky", "L3"), (l2, method.l2_half, "orange", "L2")):
        own = (energy >= at - half) & (energy <= at + half)
        ax.fill_between(energy[own], continuum[own], net[own], color=COLOURS[colour], alpha=0.6, lw=0, label=label)
    ax.plot(energy, continuum, color=COLOURS["vermilion"], lw=1.0, label="continuum 2:1")
    ax.axvspan(*method.post, color=COLOURS["green"], alpha=0.2, lw=0, label="post window")
