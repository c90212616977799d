"""Chi-squared over grids: the linear part solved at each point, the minimum and its interval between points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi_squared

# positions and boundaries are tried at this distance in nm: finer than any error that a line scan reaches
GRID_NM = 0.02
# a first look goes by this share of a position's step; what it leaves this much above the least chi-squared is not
# looked at finely, nor at more points than this
FIRST_LOOK, ALLOWED, FINE_POINTS = 0.3, 16.0, 400
# chi-squared that chance exceeds so often says nothing against the errors
CHANCE = 0.05


def linear_chi2(design: NDArray, y: NDArray) -> NDArray:
    """Least chi-squared of y (n,) by the columns of design (..., n, k)."""
    across = design.swapaxes(-1, -2)
    normal = across @ design
    # a column that a grid point leaves empty must not make the matrix singular
    normal += 1e-9 * np.einsum("...kk->...", normal)[..., None, None] * np.eye(normal.shape[-1]) + 1e-300
    right = across @ y
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    return y @ y - np.einsum("...k,...k->...", right, solution)


def allowed(grid: NDArray, profile: NDArray, used: int, finest: float = GRID_NM) -> NDArray:
    """A fine grid over the points that a first look allows, one of its steps beyond them at each end."""
    scale = max(1.0, float(profile.min()) / used)
    within = np.flatnonzero(profile < profile.min() + ALLOWED * scale)
    first, last = max(within[0] - 1, 0), min(within[-1] + 1, grid.size - 1)
    low, high = grid[first], grid[last]
    # a multiple of the finest step, so that the points stay the same however the first look came out
    step = finest * max(1, int(np.ceil((high - low) / finest / FINE_POINTS)))
    return step * np.arange(int(np.floor(low / step)), int(np.floor(high / step)) + 2)


def inflation(chi2: float, degrees: int) -> float:
    """Factor on variances where chi-squared is above what chance gives: chi2 / degrees then, else 1.

    Were it taken at any chi-squared above its degrees, the errors would come out too large on average.
    """
    return chi2 / degrees if chi2 > chi_squared.isf(CHANCE, degrees) else 1.0


def vertex(grid: NDArray, chi2: NDArray) -> float:
    """Minimum of chi2 between the points of its grid, by the parabola through the lowest three."""
    return _bottom(grid, chi2)[0]


def _bottom(grid: NDArray, chi2: NDArray) -> tuple[float, float]:
    """Where that parabola is lowest, and its value there."""
    best = int(chi2.argmin())
    if not 0 < best < grid.size - 1:
        return float(grid[best]), float(chi2[best])
    before, at, after = chi2[best - 1 : best + 2]
    bend = before - 2 * at + after
    away = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(grid[best] + away * (grid[best + 1] - grid[best])), float(at - 0.5 * bend * away**2)


def over_widths(chi2: NDArray, widths: NDArray) -> tuple[NDArray, NDArray]:
    """Least chi-squared over widths, and the width that has it, of chi2 (widths, points).

    Widths rise by one factor; between them chi-squared is the parabola in log width through the lowest three. The best
    of a few widths alone would move the minimum over the points by as much as a hundredth of a nm.
    """
    best = chi2.argmin(0)
    at = np.take_along_axis(chi2, best[None], 0)[0]
    if len(widths) < 3:
        return at, widths[best]
    inner = np.clip(best, 1, len(widths) - 2)
    before, middle, after = (np.take_along_axis(chi2, inner[None] + way, 0)[0] for way in (-1, 0, 1))
    bend = before - 2 * middle + after
    between = (inner == best) & (bend > 0)
    away = np.where(between, 0.5 * (before - after) / np.where(between, bend, 1.0), 0.0)
    least = np.where(between, middle - 0.5 * bend * away**2, at)
    return least, widths[best] * (widths[1] / widths[0]) ** away


def interval(grid: NDArray, chi2: NDArray, rise: float) -> tuple[float, float]:
    """Ends of the region about the minimum where chi2 stays within ``rise`` of it.

    Between points the root of the rise is a straight line, as that of a parabola is.
    """
    best = int(chi2.argmin())
    centre, lowest = _bottom(grid, chi2)
    root = np.sqrt(np.maximum(chi2 - lowest, 0.0))
    ends = []
    for way, last in ((-1, 0), (1, grid.size - 1)):
        at = best
        while at != last and root[at + way] <= np.sqrt(rise):
            at += way
        end = grid[at]
        if at != last:
            # of the lowest point, which may lie beyond the minimum
            here = -root[at] if at == best and way * (centre - grid[at]) > 0 else root[at]
            end += (grid[at + way] - grid[at]) * (np.sqrt(rise) - here) / (root[at + way] - here)
        ends.append(float(end))
    return ends[0], ends[1]


def outward(centre: float, end: float, more: float) -> float:
    """Interval end with another error added in quadrature."""
    return centre + np.sign(end - centre) * float(np.hypot(end - centre, more))
