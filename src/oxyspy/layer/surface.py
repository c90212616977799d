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


@dataclass(frozen=True)
class Surface(Result):
    """The cathode's surface: position and Gaussian width (sigma) in nm, and the standard error of the position."""

    position_nm: float
    sigma_nm: float
    width_nm: float


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
    scale = max(1.0, profile[best] / degrees)
    low, high = interval(centres, profile / scale, 1.0)
    width = float(widths[chi2[:, best].argmin()])
    centre = vertex(centres, profile)
    position = -centre if backwards else centre
    return Surface(float(position), float((high - low) / 2), width), bool(backwards), ""


def _surface_chi2(x, y, v, f, centres, widths, fit_layer) -> NDArray:
    """Chi-squared over (width, centre), the linear terms fitted at each."""
    away = x - centres[:, None]
    cut = ndtr(away / widths[:, None, None])
    terms = [cut, away * cut / 10.0] + ([f * cut] if fit_layer else [])
    design = np.stack(terms, axis=-1) / np.sqrt(v)[:, None]
    return linear_chi2(design, y / np.sqrt(v))
