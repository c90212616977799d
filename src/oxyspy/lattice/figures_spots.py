"""Figures of spots: what a phase is expected to show, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy import plotting
from oxyspy.lattice.fit import WEAKEST, LatticeFit
from oxyspy.lattice.parent import HALVES, INDICES
from oxyspy.lattice.spots import Spots, expected_spots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oxyspy.lattice.identify import PhaseIdentity
    from oxyspy.lattice.maps import PhaseMap

# of the power spectrum, 1/nm; indices are written up to the shorter length
REACH, LABELLED = 8.0, 5.6


@plotting.style()
def plot_spots(found: PhaseMap) -> Figure:
    """Draw the image's power spectrum with the bulk's expected spots indexed, those found, and the half orders read."""
    source = found.source
    bulk = source.calibration.bulk
    expected = expected_spots(bulk.crystal, bulk.zone, REACH)
    # indices on b1 and b2, and with them the place in this image
    rows = bulk.planes @ bulk.crystal.rocksalt.T
    orders = np.linalg.lstsq(rows.T, expected.hkl.T.astype(float), rcond=None)[0].T
    fig, axis = plotting.figure(size=(5.6, 6.6))
    _power(axis, source.image, source.spectrum.pixel)
    _expected(axis, expected, orders @ source.basis, "white")
    spots = source.spots
    _found(axis, spots.g[spots.amplitude > WEAKEST * spots.amplitude.max()])
    read = INDICES[-len(HALVES) :] @ source.basis
    axis.plot(*read.T, "D", mfc="none", mec=plotting.COLOURS["vermilion"], ms=7, mew=1.2, label="half order, read")
    _finish(fig, axis, found.lattice, f"{expected.name} along {expected.zone}")
    return fig


@plotting.style()
def plot_identity(found: PhaseIdentity) -> Figure:
    """Draw the spots found, by their amplitude, with those expected of the likeliest crystal, indexed."""
    fig, axis = plotting.figure(size=(5.6, 6.4))
    spots = found.spots
    size = 8 + 60 * np.sqrt(spots.amplitude / spots.amplitude.max(initial=1e-30))
    for sign in (1, -1):
        label = "found, area as amplitude" if sign > 0 else None
        axis.scatter(*(sign * spots.g).T, s=size, color=plotting.COLOURS["blue"], alpha=0.7, lw=0, label=label)
    title = f"{found.phase}, posterior {found.posterior:.2f}"
    if found.lattice is not None:
        best = found.candidates[0]
        _expected(axis, best.pattern, best.pattern.g, "black")
        title = f"{best.name} along {best.zone}, posterior {found.posterior:.2f}"
    _finish(fig, axis, found.lattice, title)
    return fig


def _power(axis: Axes, image: NDArray, pixel: tuple[float, float]) -> None:
    """The logarithm of the power spectrum through a Hann window, up to `REACH`."""
    from scipy.fft import fft2, fftfreq, fftshift
    from scipy.signal.windows import hann

    window = hann(image.shape[0])[:, None] * hann(image.shape[1])
    power = np.abs(fftshift(fft2((image - image.mean()) * window, workers=-1))) ** 2
    f = [fftshift(fftfreq(n, p)) for n, p in zip(image.shape[::-1], pixel, strict=True)]
    cut = [np.abs(one) <= REACH for one in f]
    part = np.log10(power[np.ix_(cut[1], cut[0])] + 1e-12)
    low, high = np.quantile(part, [0.3, 0.9999])
    edges = [f[0][cut[0]][0], f[0][cut[0]][-1], f[1][cut[1]][-1], f[1][cut[1]][0]]
    axis.imshow(part, cmap="gray", vmin=low, vmax=high, extent=edges, aspect="equal")


def _expected(axis: Axes, expected: Spots, places: NDArray, colour: str) -> None:
    """Open circles with indices; crosses where a spot is extinct or comes by double diffraction alone."""
    shown = ~expected.extinct
    axis.plot(*places[shown].T, "o", mfc="none", mec=colour, ms=10, mew=0.8, label="expected")
    twice = expected.double_diffraction
    for those, marker, label in (
        (twice, "x", "extinct, by double diffraction"),
        (expected.extinct & ~twice, "+", "extinct"),
    ):
        if those.any():
            axis.plot(*places[those].T, marker, color=colour, ms=6, mew=0.9, label=label)
    for hkl, place, one in zip(expected.hkl, places, shown, strict=True):
        # of each pair of opposites one is labelled
        if one and np.hypot(*place) < LABELLED and (place[1], place[0]) < (0, 0):
            text = " ".join(f"$\\overline{{{-i}}}$" if i < 0 else str(i) for i in hkl)
            axis.annotate(text, place, xytext=(6, 6), textcoords="offset points", color=colour, fontsize=7)


def _found(axis: Axes, g: NDArray) -> None:
    both = np.concatenate([g, -g])
    axis.plot(*both.T, ".", color=plotting.COLOURS["yellow"], ms=6, label="found")


def _finish(fig: Figure, axis: Axes, fit: LatticeFit | None, title: str) -> None:
    axis.set(xlabel="$g_x$ (1/nm)", ylabel="$g_y$ (1/nm)", xlim=(-REACH, REACH), ylim=(REACH, -REACH), aspect="equal")
    fig.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, facecolor="0.6", frameon=True)
    if fit is not None:
        title += "\n" + fit.pixel_words().replace(" (", "\n(")
    axis.set_title(title)
