"""Figures of one scan: the profiles along the line, the spectra they were measured on, and all others by their kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.white_lines import continuum
from oxyspy.errors import InputError
from oxyspy.plotting import COLOURS, figure, style
from oxyspy.workflow.chain import EdgeMeasurement
from oxyspy.workflow.states import mixed_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.workflow.analysis import ScanResult

EDGE_COLOURS = {"Mn_L": "purple", "Co_L": "blue", "Ni_L": "green", "O_K": "vermilion"}
# edges are told by more than their colour
MARKERS = {"Mn_L": "o", "Co_L": "s", "Ni_L": "D", "O_K": "^"}
LEAST_POINTS = 4


def draw(result: ScanResult, kind: str) -> Figure:
    """Return a result's figure of one kind; see `ScanResult.plot`."""
    from oxyspy.workflow import figures_images, figures_rows

    kinds: dict[str, Callable[[ScanResult], Figure]] = {
        "profile": profile_figure,
        "spectra": edges_figure,
        "rows": figures_rows.rows_figure,
        "images": figures_images.images_figure,
        "phases": figures_images.phases_figure,
        "required": required_figure,
    }
    if kind not in kinds:
        raise InputError(f"kind: found {kind!r}, needed one of {', '.join(kinds)}")
    missing = {
        "profile": result.scan is None, "spectra": not result.edges, "rows": not result.layer_by_row,
        "images": not result.images, "phases": False, "required": result.diffusivity is None,
    }  # fmt: skip
    if missing[kind]:
        why = {
            "rows": "the scan has a single row", "images": "no image lies with the scan",
            "required": "it needs a layer, the coating's thickness and the exposure",
        }.get(kind, "nothing was measured")  # fmt: skip
        raise InputError(f"{result.name}: no figure of kind {kind!r}: {why}")
    return kinds[kind](result)


def required_figure(result: ScanResult) -> Figure:
    """Draw the required diffusivity beside the shipped coatings."""
    from oxyspy.transport import compare_coatings
    from oxyspy.transport.figures import plot_required

    return plot_required(result.diffusivity, compare_coatings(result.diffusivity))


@style()
def profile_figure(result: ScanResult) -> Figure:
    """Draw metal signal, L3/L2, L2 - L3, L3 position, O K pre-edge and t/λ along the scan, with the fitted layer."""
    lines = {name: item for name, item in result.edges.items() if item.lines is not None}
    panels = ["metal"] if lines else []
    panels += [f"ratio {name}" for name in lines if np.isfinite(lines[name].lines.ratio).sum() >= LEAST_POINTS]
    panels += [kind for kind, column in (("splitting", "splitting_ev"), ("position", "l3_ev")) if any(
        np.isfinite(getattr(item.lines, column)).sum() >= LEAST_POINTS for item in lines.values())]  # fmt: skip
    if "O_K" in result.edges:
        panels.append("oxygen")
    if result.scan is not None and result.scan.zero_loss is not None:
        panels.append("thickness")
    fig, axes = figure(max(len(panels), 1), 1, size=(5.2, 1.35 * max(len(panels), 1) + 0.7), sharex=True, squeeze=False)
    x = result.positions_nm
    for panel, ax in zip(panels, axes[:, 0], strict=True):
        kind, _, name = panel.partition(" ")
        {
            "metal": _metal, "ratio": _ratio, "splitting": _splitting, "position": _position, "oxygen": _oxygen,
            "thickness": _thickness,
        }[kind](ax, result, lines, name)  # fmt: skip
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
    drawn = measured.ratio, measured.ratio_sigma
    if layer is not None and layer.supported and np.isfinite(state.ratio_layer):
        x = np.linspace(result.positions_nm[0], result.positions_nm[-1], 400)
        x = x[layer.depth(x) > -0.5]
        levels = np.array([state.ratio_layer, state.ratio_bulk])
        errors = np.array([state.ratio_layer_sigma, state.ratio_bulk_sigma])
        low, fit, high = (mixed_ratio(layer.share(layer.depth(x)), *(levels + k * errors)) for k in (-1, 0, 1))
        ax.plot(x, fit, color=COLOURS["black"], lw=1.0)
        ax.fill_between(x, low, high, color=COLOURS["grey"], alpha=0.3, lw=0)
        drawn = np.append(drawn[0], fit), np.append(drawn[1], np.zeros_like(x))
    ax.set_ylabel(f"{name.split('_')[0]} L3/L2")
    _limits(ax, *drawn)


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


def _splitting(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    known = {n: (item.lines.splitting_ev, item.lines.splitting_sigma_ev) for n, item in lines.items()}
    _less_bulk(ax, result, known)
    ax.set_ylabel("L2 − L3, less\nbulk (eV)")


def _position(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    _less_bulk(ax, result, {n: (item.lines.l3_ev, item.lines.l3_ev_sigma) for n, item in lines.items()})
    ax.set_ylabel("L3 less\nbulk (eV)")


def _less_bulk(ax: Axes, result: ScanResult, series: dict[str, tuple[NDArray, NDArray]]) -> None:
    """Energies of each edge less their median in the bulk."""
    bulk = bulk_positions(result).any(0)
    drawn = []
    for name, (values, sigma) in series.items():
        if np.isfinite(values).sum() >= LEAST_POINTS:
            own = values[bulk & np.isfinite(values)]
            drawn.append((values - (np.median(own) if own.size else np.nanmedian(values)), sigma))
            _points(ax, result.positions_nm, *drawn[-1], name)
    _limits(ax, *(np.concatenate(part) for part in zip(*drawn, strict=True)))


def _thickness(ax: Axes, result: ScanResult, lines: dict[str, EdgeMeasurement], _: str) -> None:
    values = np.broadcast_to(result.scan.zero_loss.t_over_lambda, result.scan.bright.shape)
    for row in values:
        ax.plot(result.positions_nm, row, color=COLOURS["grey"], lw=1.0)
    ax.set_ylabel("t/λ")
    ax.set_ylim(bottom=min(0, np.nanmin(values)))


def _points(ax: Axes, x: NDArray, y: NDArray, sigma: NDArray, name: str) -> None:
    colour = COLOURS[EDGE_COLOURS.get(name, "black")]
    ax.errorbar(x, y, sigma, fmt=MARKERS.get(name, "o"), ms=2.5, lw=0.8, color=colour, label=name.replace("_", " "))


def _limits(ax: Axes, values: NDArray, sigma: NDArray) -> None:
    """Limits that well-measured points set: one weak point must not flatten the rest."""
    good = np.isfinite(values) & np.isfinite(sigma)
    if good.any():
        good &= sigma < 5 * np.median(sigma[good & (sigma > 0)])
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
    axes[0, 0].set_title(f"with background, {where.sum()} spectra of the bulk", loc="left")
    axes[0, 1].set_title("background removed" + (", deconvolved" if _deconvolved(result) else ""), loc="left")
    return fig


def bulk_positions(result: ScanResult) -> NDArray:
    """Spectra of the bulk, shape (rows, positions): with signal, and beyond the reacted layer where there is one."""
    where = result.scan.bright.copy()
    layer = result.layer
    if layer is not None and np.isfinite(layer.surface_nm):
        beyond = layer.in_bulk(result.positions_nm)
        if (where & beyond).any():
            where &= beyond
    return where


def _deconvolved(result: ScanResult) -> bool:
    return "not deconvolved" not in next(iter(result.edges.values())).fingerprint


def _raw(ax: Axes, item: EdgeMeasurement, where: NDArray, name: str) -> None:
    """What the background was fitted to, and the background: recorded counts, or single scattering."""
    law, of = (item.background, "recorded") if item.subtracted is None else (item.subtracted, "single scattering")
    laws = law(item.energy)[where]
    counts = item.counts[where] if item.subtracted is None else item.spectra[where] + laws
    background = np.nansum(laws, axis=0) / 1e3
    shown = _shown(item.energy, item.energy[0])
    ax.plot(item.energy[shown], np.nansum(counts, axis=0, dtype=float)[shown] / 1e3, color=COLOURS["black"], lw=0.8)
    ax.plot(item.energy[shown], background[shown], color=COLOURS["vermilion"], lw=1.0, label="power law")
    ax.axvspan(*item.background.window, color=COLOURS["sky"], alpha=0.3, lw=0, label="fit window")
    ax.set_ylim(bottom=0.95 * background.min())
    ax.text(0.03, 0.06, f"{name.replace('_', ' ')}, {of}", transform=ax.transAxes)


def _net(ax: Axes, item: EdgeMeasurement, where: NDArray, name: str) -> None:
    shown = _shown(item.energy, item.background.window[1] - 8)
    energy = item.energy
    net = np.nansum(np.where(where[..., None], item.spectra, 0), axis=(0, 1)) / 1e3
    ax.axhline(0, color=COLOURS["grey"], lw=0.5)
    if item.lines is None:
        pre, main = item.edge.pre_edge, item.edge.main
        for (low, high), colour, label in ((pre, "sky", "pre-edge"), (main, "orange", "main edge")):
            inside = (energy >= low) & (energy <= high)
            ax.fill_between(energy[inside], 0, net[inside], color=COLOURS[colour], alpha=0.5, lw=0, label=label)
    else:
        _areas(ax, item, where, net)
    ax.plot(energy[shown], net[shown], color=COLOURS["black"], lw=0.8)
    ax.set_xlim(energy[shown][[0, -1]])


def _shown(energy: NDArray, first: float) -> NDArray:
    """Channels to draw: not the last ones, which reconvolution leaves without their neighbours."""
    return (energy >= first) & (energy <= energy[-1] - 2)


def _areas(ax: Axes, item: EdgeMeasurement, where: NDArray, net: NDArray) -> None:
    """Continuum with its steps, and the areas above it; at the median places of the positions shown."""
    energy, columns, method = item.energy, where.any(0), item.method
    places = method.places(item.positions.l3, item.positions.l2)
    l3, l2 = (float(np.median(at[columns])) for at in places)
    under = continuum(energy, net, l3, l2, method)
    for at, half, colour, label in ((l3, method.l3_half, "sky", "L3"), (l2, method.l2_half, "orange", "L2")):
        own = (energy >= at - half) & (energy <= at + half)
        ax.fill_between(energy[own], under[own], net[own], color=COLOURS[colour], alpha=0.6, lw=0, label=label)
    ax.plot(energy, under, color=COLOURS["vermilion"], lw=1.0, label="continuum 2:1")
    ax.axvspan(*method.post, color=COLOURS["green"], alpha=0.2, lw=0, label="post window")
