"""The surface once more: where the annular dark-field signal of the same positions sets in.

Its unit, offset and noise are unknown. Outside the cathode the coating gives some of it and the vacuum none, so with d
the depth below the surface and t_c the coating's thickness

    y(d) = b + c Phi((d + t_c) / w) + (m0 + m1 d + k f(d)) Phi(d / w),

f the layer's profile. The linear terms are solved for at each surface, width and coating; the residuals give the noise,
and the rise of their squares with the surface its error, whatever width and coating do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtr

from oxyspy.layer.grid import interval, vertex
from oxyspy.layer.surface import STRAIGHT_NM, STRAIGHT_POSITIONS, Surface

# surface, width, coating, and the four linear terms but the layer's
PARAMETERS = 7
# thicknesses of the coating that the fit is started from, in nm
COATINGS_NM = (0.7, 2.0, 5.0, 12.0)
# the surface is looked for this far from the metal's, in nm, or two steps
REACH_NM = 3.0
# surfaces that differ by more standard errors are not averaged
APART = 3.0
# gain in chi-squared over a straight line, five standard deviations, below which there is no surface
STRONG = 25.0
# positions more than parameters that it takes to know the noise
LEAST_DEGREES = 4


@dataclass(frozen=True)
class BothSurfaces:
    """The surface by metal and ADF signal together.

    Attributes
    ----------
    position_nm, sigma_nm : float
    adf_nm, adf_sigma_nm : float
        By the ADF signal alone; ``nan`` where it shows no surface.
    method : str
        What it adds to the method's words.
    notes : tuple of str
    """

    position_nm: float
    sigma_nm: float
    adf_nm: float
    adf_sigma_nm: float
    method: str
    notes: tuple[str, ...]


def combined_surface(
    positions: NDArray, metal: Surface, adf: NDArray | None, backwards: bool, inside: NDArray | None = None
) -> BothSurfaces:
    """Average the surfaces by metal and ADF signal by their errors, where they agree.

    Parameters
    ----------
    positions : array, shape (n,)
        In nm, rising.
    metal : Surface
        By the metal signal.
    adf : array, shape (n,), or None
    backwards : bool
        The scan runs from the bulk to the surface.
    inside : array, shape (n,), optional
        The layer's profile.
    """
    nan = float("nan")
    if adf is None:
        return BothSurfaces(metal.position_nm, metal.sigma_nm, nan, nan, "", ())
    at, sigma = adf_surface(positions, adf, metal, backwards, inside)
    if not np.isfinite(at):
        return BothSurfaces(
            metal.position_nm, metal.sigma_nm, nan, nan, "", ("the ADF signal does not tell where the surface is",)
        )
    away = at - metal.position_nm
    if abs(away) > APART * np.hypot(sigma, metal.sigma_nm):
        note = (
            f"the surface by the ADF signal is {away:+.2f} ± {np.hypot(sigma, metal.sigma_nm):.2f} nm from that by the "
            "metal signal, and is not used"
        )
        return BothSurfaces(metal.position_nm, metal.sigma_nm, at, sigma, "", (note,))
    weight = np.array([metal.sigma_nm, sigma]) ** -2.0
    mean = float(weight @ [metal.position_nm, at] / weight.sum())
    return BothSurfaces(mean, float(weight.sum() ** -0.5), at, sigma, " and the ADF signal", ())


def adf_surface(
    positions: NDArray, adf: NDArray, near: Surface, backwards: bool, inside: NDArray | None = None
) -> tuple[float, float]:
    """Position of the surface in nm and its standard error; ``nan`` where the signal does not tell.

    Parameters
    ----------
    positions, adf : array, shape (n,)
        In nm, rising; and the signal in any unit.
    near : Surface
        Where to look.
    backwards : bool
    inside : array, shape (n,), optional
        The layer's profile.
    """
    way = -1.0 if backwards else 1.0
    depth = way * (positions - near.position_nm)
    step = float(np.median(np.diff(positions)))
    known = np.isfinite(adf) & (depth < max(STRAIGHT_NM, STRAIGHT_POSITIONS * step))
    d, y = depth[known], np.asarray(adf, float)[known]
    f = None if inside is None else inside[known]
    nan = float("nan")
    parameters = PARAMETERS + (f is not None)
    if d.size < parameters + LEAST_DEGREES or d.min() > -2 * step or not np.ptp(y) > 0:
        return nan, nan
    y = (y - y.min()) / np.ptp(y)
    fit = _Fit(d, y, f, step)
    starts = np.log(np.clip(COATINGS_NM, 0.3, 30.0))
    best = min((fit.at(None, (near.width_nm, coating)) for coating in np.exp(starts)), key=lambda end: end[0])
    if not best[0] > 0:
        return nan, nan
    noise = best[0] / (d.size - parameters)
    line = np.polynomial.polynomial.polyfit(d, y, 1, full=True)[1][0][0]
    if not line - best[0] > STRONG * noise:
        return nan, nan
    reach = max(REACH_NM, 2 * step)
    spacing = 0.02 * step
    while spacing < reach / 4:
        # what the surface alone says: width and coating are fitted again at each
        away = best[1] + spacing * np.arange(-4, 5)
        profile = np.array([fit.at(at, best[2])[0] for at in away]) / noise
        low, high = interval(away, profile, 1.0)
        if away[0] < low and high < away[-1]:
            return float(near.position_nm + way * vertex(away, profile)), (high - low) / 2
        spacing *= 2
    return nan, nan


class _Fit:
    """Least squares of one line, with the linear terms solved for."""

    def __init__(self, d: NDArray, y: NDArray, f: NDArray | None, step: float) -> None:
        self.d, self.y, self.f = d, y, f
        self.low = np.log([0.15 * step, 0.3])
        self.high = np.log([max(4.0, 2 * step), 30.0])

    def at(self, surface: float | None, start: tuple[float, float]) -> tuple[float, float, tuple[float, float]]:
        """Sum of squares, surface, and (width, coating), from a start of these; at a given surface, or the best."""
        shape = np.clip(np.log(start), self.low + 1e-6, self.high - 1e-6)
        if surface is None:
            bounds = [[-REACH_NM, *self.low], [REACH_NM, *self.high]]
            found = least_squares(lambda p: self.rest(p[0], *p[1:]), [0.0, *shape], bounds=bounds)
            return 2 * found.cost, float(found.x[0]), tuple(np.exp(found.x[1:]))
        found = least_squares(lambda p: self.rest(surface, *p), shape, bounds=[self.low, self.high])
        return 2 * found.cost, surface, tuple(np.exp(found.x))

    def rest(self, surface: float, width: float, coating: float) -> NDArray:
        away = self.d - surface
        cut = ndtr(away / np.exp(width))
        terms = [np.ones_like(cut), ndtr((away + np.exp(coating)) / np.exp(width)), cut, away * cut / 10]
        design = np.stack(terms if self.f is None else [*terms, self.f * cut], axis=-1)
        return design @ np.linalg.lstsq(design, self.y, rcond=1e-8)[0] - self.y
