"""Chi-squared over grids: the linear part solved at each point, the minimum and its interval between points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def linear_chi2(design: NDArray, y: NDArray) -> NDArray:
    """Least chi-squared of y (n,) by the columns of design (..., n, k)."""
    across = design.swapaxes(-1, -2)
    normal = across @ design
    # a column that a grid point leaves empty must not make the matrix singular
    normal += 1e-9 * np.einsum("...kk->...", normal)[..., None, None] * np.eye(normal.shape[-1]) + 1e-300
    right = across @ y
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    return y @ y - np.einsum("...k,...k->...", right, solution)


def vertex(grid: NDArray, chi2: NDArray) -> float:
    """Minimum of chi2 between the points of its grid, by the parabola through the lowest three."""
    best = int(chi2.argmin())
    if not 0 < best < grid.size - 1:
        return float(grid[best])
    before, at, after = chi2[best - 1 : best + 2]
    bend = before - 2 * at + after
    return float(grid[best] + (0.5 * (before - after) / bend if bend > 0 else 0.0) * (grid[best + 1] - grid[best]))


def interval(grid: NDArray, chi2: NDArray, rise: float) -> tuple[float, float]:
    """Ends of the region about the minimum where chi2 stays within ``rise`` of it."""
    best = int(chi2.argmin())
    level = chi2[best] + rise
    ends = []
    for way, last in ((-1, 0), (1, grid.size - 1)):
        at = best
        while at != last and chi2[at + way] <= level:
            at += way
        end = grid[at]
        if at != last:
            # between two points of the grid, where the parabola crosses
            end += way * abs(grid[at + way] - grid[at]) * (level - chi2[at]) / (chi2[at + way] - chi2[at])
        ends.append(float(end))
    return ends[0], ends[1]


def outward(centre: float, end: float, more: float) -> float:
    """Interval end with another error added in quadrature."""
    return centre + np.sign(end - centre) * float(np.hypot(end - centre, more))
