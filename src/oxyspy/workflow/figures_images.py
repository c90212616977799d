"""Figures of a scan's images: where its line runs on them, and which phases they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.plotting import COLOURS, figure, style
from oxyspy.workflow.phases import measure_image
from oxyspy.workflow.pictures import phase_choices, resolves_lattice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.workflow.analysis import ScanResult


@style()
def images_figure(result: ScanResult) -> Figure:
    """Draw each image of the scan with the scan's place, the line and the layer on it."""
    n = len(result.images)
    fig, axes = figure(1, n, size=(3.6 * n, 3.4), squeeze=False)
    for ax, (image, item) in zip(axes[0], result.images, strict=True):
        data = np.asarray(image.data, float)
        wide, high = np.asarray(item["size"]) * item["pixel_nm"]
        low, top = np.nanpercentile(data, [0.5, 99.5])
        ax.imshow(data, cmap="gray", vmin=low, vmax=top, extent=(0, wide, high, 0), interpolation="nearest")
        ax.set(xlabel="x (nm)", ylabel="y (nm)", title=item["title"] or "image")
        if item["line_nm"] is None:
            ax.text(0.5, -0.3, item["where"], transform=ax.transAxes, ha="center", va="top", wrap=True, fontsize=7)
        else:
            _place(ax, item, result)
    handles = {label: handle for ax in axes[0] for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if handles:
        fig.legend(handles.values(), handles, loc="outside lower center", ncols=3)
    return fig


def _place(ax: Axes, item: dict[str, Any], result: ScanResult) -> None:
    """The scan's rectangle, the line as an arrow, and the layer on it."""
    x1, y1, x2, y2 = item["line_nm"]
    if item["scan_nm"] is not None:
        left, top, right, bottom = item["scan_nm"]
        x, y = [left, right, right, left, left], [top, top, bottom, bottom, top]
        ax.plot(x, y, color=COLOURS["yellow"], lw=1.0, label="scan")
    look = {"color": COLOURS["sky"], "lw": 1.8, "shrinkA": 0, "shrinkB": 0, "arrowstyle": "-|>"}
    ax.annotate("", (x2, y2), (x1, y1), arrowprops=look)
    ax.plot([], [], color=COLOURS["sky"], lw=1.8, label="line")
    layer = result.layer
    length = float(np.hypot(x2 - x1, y2 - y1))
    if layer is None or not layer.supported or not length:
        return
    first = result.positions_nm[0]
    ends = np.clip([layer.surface_nm - first, layer.boundary_nm - first], 0, length) / length
    ax.plot(x1 + ends * (x2 - x1), y1 + ends * (y2 - y1), color=COLOURS["orange"], lw=5, label="reacted layer")


def phases_figure(result: ScanResult) -> Figure:
    """Map the phases of the finest lattice image, and draw the map with the layer by it.

    Raises
    ------
    InputError
        No image resolves a lattice.
    """
    from oxyspy.lattice.figures import plot_map

    fine = [image for image, item in result.images if resolves_lattice(item)]
    if not fine:
        raise InputError(
            f"{result.name}: no figure of kind 'phases': none of its {len(result.images)} images resolves a lattice"
        )
    image = max(fine, key=lambda one: one.data.size).deepcopy()
    image.set_signal_type("lattice_image")
    phases = measure_image(image, phase_choices(result.recipe))
    if phases.found is None:
        raise InputError(f"{result.name}: no figure of kind 'phases': {phases.said[0]}")
    return plot_map(phases.found, phases.layer)
