"""The cathode's surface: where the metal signal sets in along the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from oxyspy.layer.grid import FIRST_LOOK, GRID_NM, allowed, inflation, interval, linear_chi2, over_widths, vertex
from oxyspy.results import Result

# widths that are tried, in nm
WIDTHS_NM = tuple(np.geomspace(0.05, 4.0, 24))
# by what share of the metal the thickness varies from place to place at the most, where the line shows no more
UNEVEN = 0.02
# the metal just inside the surface, half of which it rises through; and how far in a wedge is a straight line
NEAR_NM, NEAR_POSITIONS = 2.0, 4
STRAIGHT_NM, STRAIGHT_POSITIONS = 30.0, 40
# a surface is first looked for at points no farther apart
WIDEST_LOOK_NM = 0.2
# fewer known positions tell of no surface
LEAST_POSITIONS = 6
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
        Chi-squared of the metal signal's fit per degree of freedom, with unevenness of 2 % beside the counts' noise.
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
        Metal signal and its variance; ``nan`` where they are not known.
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

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.layer import find_surface
    >>> x = np.arange(0.0, 20.0, 0.4)
    >>> metal = (1000.0 + 10 * x) / (1 + np.exp((6.0 - x) / 0.2))
    >>> surface, inward, reason = find_surface(x, metal, np.full(x.size, 100.0))
    >>> print(round(float(surface.position_nm), 1))
    6.0
    """
    # where nothing is known of the metal the line has no position
    good = np.isfinite(metal) & np.isfinite(variance)
    positions, metal, variance = positions[good], metal[good], variance[good]
    n = positions.size
    edge = max(2, min(n // 8, 4))
    if n < LEAST_POSITIONS or not (plateau := np.quantile(metal, 0.9)) > 0:
        return None, False, "no metal signal along the scan"
    ends = metal[:edge].mean() / plateau, metal[-edge:].mean() / plateau
    backwards = ends[1] < ends[0]
    if min(ends) > 0.35:
        return None, bool(backwards), "the scan does not cross the cathode's surface: metal signal at both ends"
    if max(ends) < 0.35:
        return None, bool(backwards), "the metal signal is gone at both ends of the scan: the bulk is not in it"
    x = -positions[::-1] if backwards else positions
    order = slice(None, None, -1) if backwards else slice(None)
    y, v = metal[order], variance[order]
    f = np.zeros(n) if inside is None else inside[good][order]
    step = float(np.median(np.diff(x)))
    start, level = _onset(y, v, max(NEAR_POSITIONS, int(NEAR_NM / step)))
    finest = min(GRID_NM, step / 10)
    centres = np.arange(x[start] - 4.0, x[start] + 4.0, max(finest, min(FIRST_LOOK * step, WIDEST_LOOK_NM)))
    # further in, thickness is what it likes
    near = slice(None, start + max(STRAIGHT_POSITIONS, int(STRAIGHT_NM / step)))
    x, y, counted, f = x[near], y[near], v[near], f[near]
    widths = np.array([w for w in WIDTHS_NM if w >= 0.3 * step] or [0.3 * step])
    degrees = max(x.size - 5, 1)
    # thickness varies by a few per cent from place to place, whatever the counts say
    uneven = (UNEVEN * level) ** 2
    given = x, y, counted + uneven, f, inside is not None
    centres = allowed(centres, _surface_chi2(centres, widths, *given).min(0), x.size, finest)
    profile, best_widths = over_widths(_surface_chi2(centres, widths, *given), widths)
    misfit = float(profile.min() / degrees)
    at = int(profile.argmin())
    rest = _residual(centres[at], best_widths[at], *given)
    if (shown := _unevenness(rest**2, counted, uneven, degrees)) < uneven:
        given = x, y, counted + shown, f, inside is not None
        profile, best_widths = over_widths(_surface_chi2(centres, widths, *given), widths)
    best = int(profile.argmin())
    scale = inflation(float(profile[best]), degrees)
    low, high = interval(centres, profile / scale, 1.0)
    width = float(best_widths[best])
    centre = vertex(centres, profile)
    position = -centre if backwards else centre
    return Surface(float(position), float((high - low) / 2), width, misfit), bool(backwards), ""


def _onset(metal: NDArray, variance: NDArray, near: int) -> tuple[int, float]:
    """First position above half of the metal just inside it, and that: a wedge's far end is no measure of either."""
    level = np.quantile(metal, 0.9)
    onset = int(np.flatnonzero(metal > level / 2)[0])
    while onset:
        inside = np.median(metal[onset : onset + near])
        before = int(np.flatnonzero(metal > inside / 2)[0])
        # half of it must stand out of the noise outside, or that is what would be found
        if before >= onset or not inside / 2 > 5 * np.sqrt(np.median(variance[:onset])):
            break
        onset, level = before, inside
    return onset, float(level)


def _unevenness(square: NDArray, variance: NDArray, most: float, degrees: int) -> float:
    """Variance beside the counts' that brings the squares of the residuals to their degrees of freedom, up to most."""

    def excess(more: float) -> float:
        return float((square / (variance + more)).sum() - degrees)

    if excess(most) >= 0:
        return most
    return 0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, most, xtol=1e-6 * most))


def _residual(centre, width, x, y, v, f, fit_layer) -> NDArray:
    """Residuals of the best linear terms, in the unit of the signal."""
    cut = ndtr((x - centre) / width)
    terms = np.stack([cut, (x - centre) * cut / 10.0] + ([f * cut] if fit_layer else []), axis=-1)
    weight = 1 / np.sqrt(v)
    return y - terms @ np.linalg.lstsq(terms * weight[:, None], y * weight, rcond=None)[0]


def _surface_chi2(centres, widths, x, y, v, f, fit_layer) -> NDArray:
    """Chi-squared over (width, centre), the linear terms fitted at each."""
    away = x - centres[:, None]
    weight = 1 / np.sqrt(v)
    chi2 = np.empty((widths.size, centres.size))
    # one width at a time: all at once would be gigabytes for a scan of many positions
    for row, width in zip(chi2, widths, strict=True):
        cut = ndtr(away / width) * weight
        terms = [cut, away * cut / 10.0] + ([f * cut] if fit_layer else [])
        row[:] = linear_chi2(np.stack(terms, axis=-1), y * weight)
    return chi2
