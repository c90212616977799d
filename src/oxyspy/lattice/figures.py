"""Figures of a mapped image: the coloured map, the spots, the profile through the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy import plotting
from oxyspy.lattice.mapping import NOT_CRYSTAL, PhaseMap
from oxyspy.lattice.parent import INDICES, NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.lattice.thickness import ImageLayer

FAMILY_COLOURS = {"layered": "sky", "spinel": "orange", "rocksalt": "vermilion"}
SPARE_COLOURS = ("green", "purple", "yellow", "blue")


@plotting.style()
def plot_map(found: PhaseMap, image: NDArray | None = None, layer: ImageLayer | None = None) -> Figure:
    """Draw the image, the image with its phases, and the order parameters.

    Parameters
    ----------
    found : PhaseMap
    image : array, optional
        The image; by default the one that the map was made from.
    layer : ImageLayer, optional
        Its thickness goes into the title.
    """
    fig, axes = plotting.figure(1, 3, size=(10.2, 4.0), sharex=True, sharey=True)
    image = found.source.image if image is None and found.source is not None else image
    extent = _extent(found)
    for axis in axes[:2]:
        _show_image(axis, image, extent)
    axes[0].set_title("HAADF image")
    _phase_overlay(axes[1], found, extent)
    title = f"phases; bulk: {found.bulk}"
    axes[1].set_title(
        title if layer is None or not layer.supported else f"layer {layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm"
    )
    order = np.where(found.crystalline, 1 - found.fraction, np.nan)
    shown = axes[2].imshow(order, cmap="cividis", vmin=0, vmax=1, extent=_map_extent(found), origin="upper")
    fig.colorbar(shown, ax=axes[2], label="share of the bulk's phase", shrink=0.66)
    axes[2].set_title("order")
    for axis in axes:
        axis.set(xlabel="x (nm)", xlim=extent[:2], ylim=extent[2:])
    axes[0].set_ylabel("y (nm)")
    return fig


@plotting.style()
def plot_spots(found: PhaseMap) -> Figure:
    """Draw the image's power spectrum with the spots found, and the nine that were read, indexed on the parent."""
    from scipy.signal.windows import hann

    source = found.source
    image, pixel = source.image, source.spectrum.pixel
    window = hann(image.shape[0])[:, None] * hann(image.shape[1])
    power = np.abs(np.fft.fftshift(np.fft.fft2((image - image.mean()) * window))) ** 2
    f = [np.fft.fftshift(np.fft.fftfreq(n, p)) for n, p in zip(image.shape[::-1], pixel, strict=True)]
    reach = 8.0
    cut = [np.abs(one) <= reach for one in f]
    fig, axis = plotting.figure(size=(5.2, 5.9))
    part = np.log10(power[np.ix_(cut[1], cut[0])] + 1e-12)
    low, high = np.quantile(part, [0.3, 0.9999])
    edges = [f[0][cut[0]][0], f[0][cut[0]][-1], f[1][cut[1]][-1], f[1][cut[1]][0]]
    axis.imshow(part, cmap="gray", vmin=low, vmax=high, extent=edges, aspect="equal")
    spots = source.spots.g[source.spots.amplitude > 0.05 * source.spots.amplitude.max()]
    both = np.concatenate([spots, -spots])
    axis.plot(*both.T, "o", mfc="none", mec=plotting.COLOURS["yellow"], ms=9, mew=0.9, label="found")
    g = INDICES @ source.basis
    for points, name, marker, colour in (
        (g[:3], "fundamental, read", "s", "sky"),
        (g[3:], "half order, read", "D", "vermilion"),
    ):
        axis.plot(*points.T, marker, mfc="none", mec=plotting.COLOURS[colour], ms=5, mew=1.1, label=name)
    for (x, y), name in zip(g, NAMES, strict=True):
        axis.annotate(name, (x, y), xytext=(6, 5), textcoords="offset points", color="white", fontsize=7, clip_on=True)
    axis.set(xlabel="$g_x$ (1/nm)", ylabel="$g_y$ (1/nm)", xlim=(-reach, reach), ylim=(reach, -reach))
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    fit = found.lattice
    axis.set_title(f"pixel size off by {100 * fit.scale_error_x:+.1f} % in x, {100 * fit.scale_error_y:+.1f} % in y")
    return fig


@plotting.style()
def plot_profile(layer: ImageLayer) -> Figure:
    """Draw the order parameters against depth below the surface, with the fit."""
    fig, axis = plotting.figure(size=(4.8, 3.3))
    curves = (
        ("fundamentals", layer.fundamental, layer.model[0], "black"),
        ("bulk's half order", layer.half, layer.model[1], "blue"),
        ("other half order", layer.other, layer.model[2], "orange"),
    )
    for name, data, model, colour in curves:
        axis.plot(layer.depth_nm, data, ".", ms=3, color=plotting.COLOURS[colour], label=name)
        axis.plot(layer.depth_nm, model, color=plotting.COLOURS[colour], lw=1)
    title = "no layer supported"
    if layer.supported:
        axis.axvspan(0, layer.thickness_nm, color=plotting.COLOURS["grey"], alpha=0.18, lw=0)
        title = f"{layer.phase}: {layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm"
    axis.set(xlabel="depth below the surface (nm)", ylabel="amplitude over the bulk's", title=title)
    axis.set_ylim(bottom=-0.03)
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, handletextpad=0.2, columnspacing=1.0)
    return fig


def _extent(found: PhaseMap) -> list[float]:
    """Field of view in nominal nm."""
    if found.source is None:
        return _map_extent(found)
    ny, nx = found.source.image.shape
    px, py = found.source.spectrum.pixel
    return [-0.5 * px, (nx - 0.5) * px, (ny - 0.5) * py, -0.5 * py]


def _map_extent(found: PhaseMap) -> list[float]:
    """The same for the windows' grid."""
    dx, dy = (axis[1] - axis[0] for axis in (found.x_nm, found.y_nm))
    return [-0.5 * dx, found.x_nm[-1] + 0.5 * dx, found.y_nm[-1] + 0.5 * dy, -0.5 * dy]


def _show_image(axis: Axes, image: NDArray | None, extent: list[float]) -> None:
    if image is not None:
        low, high = np.quantile(image, [0.01, 0.998])
        # the square root brings out the thin edge
        shown = np.sqrt(np.clip((image - low) / max(high - low, 1e-12), 0, 1))
        axis.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="antialiased")


def _phase_overlay(axis: Axes, found: PhaseMap, extent: list[float]) -> None:
    """Colour the crystal by phase; hatch what an FFT cannot tell."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    spare = iter(SPARE_COLOURS)
    colour = {
        name: plotting.COLOURS[FAMILY_COLOURS.get(name) or next(spare, "grey")]
        for i, name in enumerate(found.names)
        if i >= len(NOT_CRYSTAL)
    }
    rgba = np.zeros((*found.phase.shape, 4))
    handles = []
    for i, name in enumerate(found.names):
        here = found.phase == i
        if i >= len(NOT_CRYSTAL) and here.any():
            rgba[here] = (*to_rgb(colour[name]), 0.5)
            handles.append(Patch(color=colour[name], alpha=0.6, label=name))
    axis.imshow(rgba, extent=_map_extent(found), interpolation="nearest")
    if found.ambiguous.any():
        x, y = np.meshgrid(found.x_nm, found.y_nm)
        axis.contourf(x, y, found.ambiguous.astype(float), [0.5, 1.5], colors="none", hatches=["////"])
        handles.append(Patch(facecolor="none", edgecolor="black", hatch="////", label="ambiguous"))
    axis.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4, columnspacing=1.0)
