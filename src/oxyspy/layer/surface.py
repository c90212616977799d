"""The cathode's surface: where the metal signal sets in along the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.layer.grid import interval, linear_chi2, vertex
from oxyspy.results import Result

# positions and widths that are tried, in nm: finer than any error that a line scan reaches
GRID_NM = 0.02
WIDTHS_NM = tuple(np.geomspace(0.05, 4.0, 24))
# the cathode's own thickness is continued outwards from the first so many positions or nm past the probe's blur
CLEAR_POSITIONS = 3
CLEAR_NM = 3.0


@dataclass(frozen=True)
class Surface(Result):
    """The cathode's surface.

    Attributes
    ----------
    position_nm, sigma_nm : float
        Along the scan, and the standard error.
    width_nm : float
        Gaussian sigma.
    misfit : float
        Chi-squared of the metal signal's fit per degree of freedom.
    """

    position_nm: float
    sigma_nm: float
    width_nm: float
    misfit: float


def cathode_amount(positions: NDArray, low_loss: tuple[NDArray, NDArray], surface: Surface, backwards: bool) -> NDArray:
    """How much of the cathode each position shows, by its low loss: what a wedge does to every area.

    Deconvolved edges are in proportion to the zero-loss electrons and to the cathode's own thickness, I_0 t/λ. Where
    the probe sees a coating as well, t/λ is not the cathode's: there it is continued from the positions just past the
    probe's blur.

    Parameters
    ----------
    positions : array, shape (n,)
        In nm, rising.
    low_loss : tuple of arrays, shape (n,)
        Zero-loss intensity and t/λ.
    surface : Surface
    backwards : bool
        The scan runs from the bulk to the surface.

    Returns
    -------
    array, shape (n,)
        Median 1 in the cathode; all 1 where fewer than three positions tell its thickness, or it is nothing there.
    """
    beam, thickness = low_loss
    depth = (surface.position_nm - positions) if backwards else (positions - surface.position_nm)
    clear = 2 * surface.width_nm
    near = np.sort(depth[depth > clear])[:CLEAR_POSITIONS]
    if near.size < 3 or not (least := thickness[depth > clear].min()) > 0:
        return np.ones(positions.size)
    own = (depth > clear) & (depth <= max(near[-1], clear + CLEAR_NM))
    slope, start = np.polyfit(depth[own], thickness[own], 1)
    # no thinner than half of what is seen: a straight line outwards may end below nothing
    seen = np.where(depth > clear, thickness, np.maximum(start + slope * np.maximum(depth, -clear), least / 2))
    amount = beam * seen
    return amount / np.median(amount[depth > clear])


def find_surface(
    positions: NDArray, metal: NDArray, variance: NDArray, inside: NDArray | None = None
) -> tuple[Surface | None, bool, str]:
    """Fit where the metal signal sets in.

    The signal is a wedge cut off by the surface, M(x) = (m0 + m1 (x - x_s) + k f(x)) Phi((x - x_s) / w), where f is
    the layer's profile: a densified layer holds more metal a nanometre than the bulk does.

    Parameters
    ----------
    positions : array, shape (n,)
        In nm, rising.
    metal, variance : array, shape (n,)
        Metal signal and its variance.
    inside : array, shape (n,), optional
        The layer's profile f, once it is known.

    Returns
    -------
    Surface or None
        None when the scan does not cross the surface.
    bool
        Whether the scan runs from the bulk to the surface.
    str
        Why there is no surface.
    """
    n = positions.size
    edge = max(2, n // 8)
    good = np.isfinite(metal)
    metal = np.where(good, metal, 0.0)
    plateau = np.quantile(metal[good], 0.9) if good.any() else 0.0
    if not plateau > 0:
        return None, False, "no metal signal along the scan"
    ends = metal[:edge].mean() / plateau, metal[-edge:].mean() / plateau
    backwards = ends[1] < ends[0]
    if min(ends) > 0.35:
        return None, bool(backwards), "the scan does not cross the cathode's surface: metal signal at both ends"
    if max(ends) < 0.35:
        return None, bool(backwards), "the metal signal is gone at both ends of the scan: the bulk is not in it"
    x = -positions[::-1] if backwards else positions
    order = slice(None, None, -1) if backwards else slice(None)
    y, v = metal[order], np.where(good, variance, np.inf)[order]
    # thickness varies by a few per cent from place to place, whatever the counts say
    v = v + (0.02 * plateau) ** 2
    f = np.zeros(n) if inside is None else inside[order]
    step = float(np.median(np.diff(x)))
    half = x[np.flatnonzero(y > plateau / 2)[0]]
    centres = np.arange(half - 4.0, half + 4.0, min(GRID_NM, step / 10))
    widths = np.array([w for w in WIDTHS_NM if w >= 0.3 * step] or [0.3 * step])
    chi2 = _surface_chi2(x, y, v, f, centres, widths, fit_layer=inside is not None)
    profile = chi2.min(0)
    best = int(profile.argmin())
    degrees = max(n - 5, 1)
    misfit = float(profile[best] / degrees)
    scale = max(1.0, misfit)
    low, high = interval(centres, profile / scale, 1.0)
    width = float(widths[chi2[:, best].argmin()])
    centre = vertex(centres, profile)
    position = -centre if backwards else centre
    return Surface(float(position), float((high - low) / 2), width, misfit), bool(backwards), ""


def _surface_chi2(x, y, v, f, centres, widths, fit_layer) -> NDArray:
    """Chi-squared over (width, centre), the linear terms fitted at each."""
    away = x - centres[:, None]
    cut = ndtr(away / widths[:, None, None])
    terms = [cut, away * cut / 10.0] + ([f * cut] if fit_layer else [])
    design = np.stack(terms, axis=-1) / np.sqrt(v)[:, None]
    return linear_chi2(design, y / np.sqrt(v))
