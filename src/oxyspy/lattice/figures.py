"""Figures of a mapped image: the coloured map, the order parameters, the profile through the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy import plotting
from oxyspy.lattice.contours import SURFACE
from oxyspy.lattice.maps import PhaseMap
from oxyspy.lattice.regions import AMORPHOUS, NONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from oxyspy.lattice.thickness import ImageLayer

FAMILY_COLOURS = {"layered": "sky", "spinel": "yellow", "rocksalt": "vermilion"}
SPARE_COLOURS = ("green", "blue", "orange", "grey")
UNKNOWN_COLOUR = "purple"
# what an FFT cannot tell, as in `ALTERNATIVES`: short words and hatching
DOUBTS = (
    ("rocksalt or inclined layered", "////"),
    ("spinel or layered twins", "\\\\\\\\"),
    ("rocksalt over layered, or mixed cations", "xxx"),
)
# inches: longer side of a panel
PANEL = 3.4
# wider images stand below each other
WIDE = 1.5


@plotting.style()
def plot_map(found: PhaseMap, layer: ImageLayer | None = None) -> Figure:
    """Draw the image, the image with its phases and their boundaries, and the share of the bulk's phase.

    Parameters
    ----------
    found : PhaseMap
    layer : ImageLayer, optional
        Its phase and thickness go into the title.
    """
    fig, axes = _panels(found, 3)
    grey = _grey(found.source.image)
    extent = _extent(found)
    axes[0].imshow(grey, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="antialiased")
    axes[0].set_title(f"{found.contrast} image")
    handles = _phases(axes[1], found, grey, extent)
    axes[1].set_title(_title(found, layer))
    order = np.where(found.inside, 1 - found.fraction, np.nan)
    _bar(axes[2], _field(axes[2], found, order, 1.0), "share of the bulk's phase")
    axes[2].set_title("order (grey: no crystal)")
    fig.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.2, handlelength=1.6)
    return fig


@plotting.style()
def plot_orders(found: PhaseMap) -> Figure:
    """Draw the order parameters: amplitude of each half-order family over the fundamentals, the bulk's own being 1."""
    fig, axes = _panels(found, 3)
    relative = np.where(found.inside & (found.fundamental > 0.1), 1 / np.maximum(found.fundamental, 0.1), np.nan)
    for axis, half, name in zip(
        axes, (found.half1, found.half2, found.mixed), ("$b_1/2$", "$b_2/2$", r"$(b_1 \pm b_2)/2$"), strict=True
    ):
        shown = _field(axis, found, half * relative, 1.2)
        axis.set_title(name)
    _bar(axes[-1], shown, "half order over fundamentals (bulk's own: 1)")
    return fig


@plotting.style()
def plot_profile(layer: ImageLayer) -> Figure:
    """Draw the amplitudes against depth with the fit, and the thickness along the surface, with standard errors."""
    along = len(layer.along_nm) > 1 and layer.supported
    fig, axes = plotting.figure(1, 1 + along, size=(4.6 + 3.4 * along, 3.5), squeeze=False)
    axis = axes[0, 0]
    curves = (
        ("fundamentals", layer.fundamental, layer.model[0], "black"),
        ("bulk's half order", layer.half, layer.model[1], "blue"),
        ("other half order", layer.other, layer.model[2], "orange"),
    )
    for name, data, model, colour in curves:
        colour = plotting.COLOURS[colour]
        axis.errorbar(layer.depth_nm, data, layer.noise, fmt=".", ms=3, elinewidth=0.7, color=colour, label=name)
        axis.plot(layer.depth_nm, model, color=colour, lw=1)
    if layer.supported:
        axis.axvspan(0, layer.thickness_nm, color=plotting.COLOURS["grey"], alpha=0.18, lw=0)
        text = f"{layer.phase}: {layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm"
    else:
        limit = f", below {layer.upper_limit_nm:.2f} nm (95 %)" if np.isfinite(layer.upper_limit_nm) else ""
        text = f"no layer supported{limit}"
    axis.set(xlabel="depth below the surface (nm)", ylabel="amplitude over the bulk's")
    axis.set_ylim(bottom=-0.03)
    fig.suptitle(text, fontsize=9)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=3, handletextpad=0.2, columnspacing=0.9)
    if along:
        _along(axes[0, 1], layer)
    return fig


def _along(axis: Axes, layer: ImageLayer) -> None:
    """Thickness of each strip along the surface beside the mean."""
    axis.axhspan(*layer.interval_68_nm, color=plotting.COLOURS["grey"], alpha=0.18, lw=0)
    axis.axhline(layer.thickness_nm, color=plotting.COLOURS["grey"], lw=1)
    axis.errorbar(
        layer.along_nm,
        layer.along_thickness_nm,
        layer.along_sigma_nm,
        fmt="o",
        ms=4,
        color=plotting.COLOURS["blue"],
    )
    low = min(0.0, float((layer.along_thickness_nm - layer.along_sigma_nm).min()))
    axis.set(xlabel="along the surface (nm)", ylabel="thickness in strips of 2 nm (nm)", ylim=(low, None))
    axis.set_title(f"spread {layer.surface_spread_nm:.2f} nm, counting taken off")


def _title(found: PhaseMap, layer: ImageLayer | None) -> str:
    lines = [f"bulk: {found.bulk}"]
    if layer is not None and layer.supported:
        lines += [layer.phase, f"{layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm"]
    elif layer is not None and np.isfinite(layer.upper_limit_nm):
        lines.append(f"no layer, below {layer.upper_limit_nm:.2f} nm (95 %)")
    return "\n".join(lines)


def _panels(found: PhaseMap, count: int) -> tuple[Figure, NDArray]:
    """Panels of the image's shape, beside each other or, if it is wide, below each other."""
    left, right, bottom, top = _extent(found)
    wide, high = right - left, bottom - top
    unit = PANEL / max(wide, high)
    below = wide > WIDE * high
    shape = (count, 1) if below else (1, count)
    # room for labels, colour bar, title and legend
    size = (unit * wide + 1.6, count * (unit * high + 0.75) + 0.9) if below else (
        count * (unit * wide + 0.5) + 1.1,
        unit * high + 1.8,
    )  # fmt: skip
    fig, axes = plotting.figure(*shape, size=size, sharex=True, sharey=True)
    for axis in axes:
        axis.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        axis.set(xlabel="x (nm)" if not below or axis is axes[-1] else None)
        axis.set(ylabel="y (nm)" if below or axis is axes[0] else None)
    return fig, axes


def _extent(found: PhaseMap) -> list[float]:
    """Field of view in nominal nm, of pixels' outer edges."""
    ny, nx = found.source.image.shape
    px, py = found.source.spectrum.pixel
    return [-0.5 * px, (nx - 0.5) * px, (ny - 0.5) * py, -0.5 * py]


def _map_extent(found: PhaseMap) -> list[float]:
    """The same for the windows' grid."""
    dy, dx = found.source.windows.spacing
    return [-0.5 * dx, found.x_nm[-1] + 0.5 * dx, found.y_nm[-1] + 0.5 * dy, -0.5 * dy]


def _grey(image: NDArray) -> NDArray:
    """The image from 0 to 1; the square root brings out the thin edge."""
    low, high = np.quantile(image, [0.01, 0.998])
    return np.sqrt(np.clip((image - low) / max(high - low, 1e-12), 0, 1))


def _field(axis: Axes, found: PhaseMap, values: NDArray, most: float) -> AxesImage:
    """A map of numbers; grey where there is none."""
    axis.set_facecolor("0.85")
    return axis.imshow(values, cmap="cividis", vmin=0, vmax=most, extent=_map_extent(found), origin="upper")


def _bar(axis: Axes, shown: AxesImage, label: str) -> None:
    """A colour bar as high as the panel."""
    axis.figure.colorbar(shown, cax=axis.inset_axes([1.03, 0.0, 0.05, 1.0]), label=label)


def _phases(axis: Axes, found: PhaseMap, grey: NDArray, extent: list[float]) -> list:
    """Tint the image by phase, hatch what an FFT cannot tell, trace the boundaries; return what the legend shows."""
    from matplotlib.colors import to_rgb
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    spare = iter(SPARE_COLOURS)
    handles = []
    rows, columns = (
        np.rint(np.arange(n) * pixel / spacing).astype(int).clip(0, most - 1)
        for n, pixel, spacing, most in zip(
            grey.shape,
            found.source.spectrum.pixel[::-1],
            found.source.windows.spacing,
            found.phase.shape,
            strict=True,
        )
    )
    phase = found.phase[np.ix_(rows, columns)]
    shown = np.repeat(grey[..., None], 3, axis=2)
    for i, name in enumerate(found.names):
        if i <= AMORPHOUS or not (found.phase == i).any():
            continue
        name_of_colour = UNKNOWN_COLOUR if i == NONE else FAMILY_COLOURS.get(name) or next(spare, "grey")
        colour = plotting.COLOURS[name_of_colour]
        here = phase == i
        # the image's brightness on the phase's colour: hues stay apart on dark and on bright
        shown[here] = np.array(to_rgb(colour)) * (0.6 + 0.4 * grey[here])[:, None]
        handles.append(Patch(color=colour, label=name))
    axis.imshow(shown, extent=extent, interpolation="antialiased")
    x, y = np.meshgrid(found.x_nm, found.y_nm)
    for code, (words, hatch) in enumerate(DOUBTS, start=1):
        here = found.alternative == code
        if here.any():
            axis.contourf(x, y, here.astype(float), [0.5, 1.5], colors="none", hatches=[hatch])
            handles.append(Patch(facecolor="white", edgecolor="black", hatch=hatch, label=f"not told: {words}"))
    outlines = found.boundaries()
    for is_surface, colour, style, words in ((True, "white", "-", SURFACE), (False, "black", "-", "phase boundary")):
        for _, line in outlines[(outlines.between == SURFACE) == is_surface].groupby("boundary"):
            axis.plot(line.x_nm, line.y_nm, style, color=colour, lw=1.4)
        if ((outlines.between == SURFACE) == is_surface).any():
            edge = "0.6" if is_surface else colour
            handles.append(Line2D([], [], color=edge, lw=1.4, label=f"{words} (white)" if is_surface else words))
    return handles
