"""Figure of a scan's rows: maps below the surface, and the layer of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.plotting import COLOURS, figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.workflow.analysis import ScanResult
    from oxyspy.workflow.chain import EdgeMeasurement

# from so many rows on there is a map to look at
LEAST_ROWS = 4
# lines this many standard errors above nothing are shown
SIGNIFICANT = 5.0


@style()
def rows_figure(result: ScanResult) -> Figure:
    """Draw t/λ and the L3 share of each row below its surface, its layer with errors, and where its surface lies."""
    maps = _maps(result) if len(result.layer_by_row) >= LEAST_ROWS else {}
    n = len(maps) + 2
    height = 1.6 + 0.06 * min(max(len(result.layer_by_row), 10), 40)
    fig, axes = figure(
        1, n, size=(2.1 * n + 0.6, height), sharey=True, squeeze=False, width_ratios=[1.35] * len(maps) + [1, 1]
    )
    rows = np.array([layer.row_nm for layer in result.layer_by_row])
    edges = _edges(rows)
    depth = _depth(result)
    for ax, (label, (values, limits, colours)) in zip(axes[0], maps.items(), strict=False):
        order = np.argsort(depth)
        drawn = ax.pcolormesh(
            _edges(depth[order]), edges, values[:, order], cmap=colours, vmin=limits[0], vmax=limits[1]
        )
        bar = ax.figure.colorbar(drawn, cax=ax.inset_axes([0, 1.04, 1, 0.05]), orientation="horizontal", label=label)
        bar.ax.xaxis.set_ticks_position("top")
        bar.ax.xaxis.set_label_position("top")
        ax.axvline(0, color=COLOURS["black"], lw=0.8, ls=":")
        ax.set_xlabel("depth (nm)")
    _layers(axes[0, -2], result, rows)
    _surfaces(axes[0, -1], result)
    axes[0, 0].set_ylabel("row coordinate (nm)" if result.rows.row_unit == "nm" else "row")
    axes[0, 0].set_ylim(edges[0], edges[-1])
    return fig


def _maps(result: ScanResult) -> dict[str, tuple[NDArray, tuple[float, float], str]]:
    """What the rows show at each position, with the limits and the colours to draw it in, by label."""
    found = {}
    zero_loss, bright = result.scan.zero_loss, result.scan.bright
    if zero_loss is not None and zero_loss.area.shape == bright.shape:
        values = zero_loss.t_over_lambda
        found["t/λ"] = (values, (0.0, float(np.nanquantile(values, 0.98))), "viridis")
    item = next((item for item in result.edges.values() if item.lines is not None), None)
    if item is not None:
        share = _l3_share(item)
        if np.isfinite(share).sum() > share.size / 20:
            low, high = np.nanquantile(share, [0.03, 0.97])
            found[f"{item.edge.element} L3 / (L3 + L2)"] = (share, (float(low), float(high)), "cividis")
    return found


def _l3_share(item: EdgeMeasurement) -> NDArray:
    """L3 share of every spectrum, which unlike L3/L2 a weak L2 leaves alone; ``nan`` where the lines are not there."""
    areas, covariance = item.functionals.values[..., :2], item.functionals.covariance[..., :2, :2]
    both = areas.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(both > SIGNIFICANT * np.sqrt(covariance.sum((-1, -2))), areas[..., 0] / both, np.nan)


def _depth(result: ScanResult) -> NDArray:
    """Depth of the aligned positions below the surface; from the scan's start where no surface is known."""
    layer = result.layer
    if layer is None or not np.isfinite(layer.surface_nm):
        return result.positions_nm - result.positions_nm[0]
    return layer.depth(result.positions_nm)


def _layers(ax: Axes, result: ScanResult, rows: NDArray) -> None:
    """Each row's layer with its 68 % interval, upper limits as arrows, and that of all rows together."""
    supported = np.array([layer.supported for layer in result.layer_by_row])
    thickness = np.array([layer.thickness_nm for layer in result.layer_by_row])
    limit = np.array([layer.upper_limit_nm for layer in result.layer_by_row])
    if supported.any():
        ends = np.array([layer.interval_68_nm for layer in result.layer_by_row])[supported]
        errors = np.abs(ends.T - thickness[supported])
        ax.errorbar(
            thickness[supported],
            rows[supported],
            xerr=errors,
            fmt="o",
            ms=3,
            lw=0.9,
            color=COLOURS["blue"],
            label="row",
        )
    open_end = ~supported & np.isfinite(limit)
    if open_end.any():
        ax.plot(limit[open_end], rows[open_end], marker=r"$\leftarrow$", ms=7, ls="", color=COLOURS["grey"])
        ax.plot([], [], marker=r"$\leftarrow$", ms=7, ls="", color=COLOURS["grey"], label="limit (95 %)")
    layer = result.layer
    if layer is not None and layer.supported:
        ax.axvspan(*layer.interval_68_nm, color=COLOURS["orange"], alpha=0.3, lw=0)
        ax.axvline(layer.thickness_nm, color=COLOURS["orange"], lw=1.2, label="all rows")
    ax.set_xlim(left=0, right=1.15 * ax.get_xlim()[1])
    ax.set_xlabel("reacted layer (nm)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1)


def _surfaces(ax: Axes, result: ScanResult) -> None:
    """Where each recorded row crosses the surface, by what it was moved."""
    rows = result.rows
    known = np.isfinite(rows.surface_nm) & rows.used
    ax.errorbar(
        rows.surface_nm[known], rows.row_nm[known], xerr=rows.surface_sigma_nm[known], fmt=".", ms=4, lw=0.8,
        color=COLOURS["vermilion"],
    )  # fmt: skip
    ax.set_xlabel("surface (nm)")


def _edges(at: NDArray) -> NDArray:
    """Borders half-way between points that rise, as a mesh needs them."""
    if at.size == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
