"""One change of the witnesses along the line: levels in the layer and in the bulk, an error function between.

    q(x) = q_bulk + (q_layer - q_bulk) Phi((x_b - x) / w),

with the boundary x_b and its width w common to all witnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.layer.grid import FIRST_LOOK, GRID_NM, allowed, inflation, interval, linear_chi2, over_widths, vertex
from oxyspy.layer.witness import Witness, density_ratio, levels_at, scaled, seen_share

# least scale of the half-normal prior on the width: without it a broad edge and a thin layer are one; a scan with
# coarser steps than this has its step for it
WIDTH_PRIOR_NM = 1.0
# boundaries are looked for at so many points first, at the most
FIRST_POINTS = 2000
# least distance of the boundaries that two changes are looked for at, in nm, and the most of them
TWO_STEP_NM = 0.2
TWO_POINTS = 500
NO_TWO = float("inf"), (float("nan"), float("nan")), (float("nan"), float("nan"))


@dataclass(frozen=True)
class Change:
    """The best single change.

    Attributes
    ----------
    boundary, sigma : float
        Depth below the surface and its standard error, in nm.
    interval_68, interval_95 : tuple of float
        Profile-likelihood intervals.
    width : float
        Gaussian sigma in nm.
    covariance : array, shape (2, 2)
        Of boundary and width, from the likelihood over the grid.
    evidence : float
        By how much the information criterion prefers it to no change and to a steady drift.
    evidence_two : float
        By how much the criterion prefers two changes to it.
    boundaries_two, sigma_two : tuple of float
        Depths of the two, and their standard errors.
    chi2, degrees : float, int
    """

    boundary: float
    sigma: float
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]
    width: float
    covariance: NDArray
    evidence: float
    evidence_two: float
    boundaries_two: tuple[float, float]
    sigma_two: tuple[float, float]
    chi2: float
    degrees: int


def fit_change(
    depth: NDArray,
    witnesses: Sequence[Witness],
    deepest: float,
    widths: NDArray,
    surface_width: float,
    two: bool = True,
) -> Change:
    """Best common boundary and width, whether they are worth their parameters, and with ``two`` whether a second is."""
    step = abs(float(np.median(np.diff(depth))))
    prior = (widths[:, None] / max(WIDTH_PRIOR_NM, step)) ** 2
    density = np.ones(len(witnesses))
    local: list[NDArray | float] = [w.num.sum() / w.den.sum() for w in witnesses]
    coarse = np.arange(0.0, deepest, max(GRID_NM, FIRST_LOOK * step, deepest / FIRST_POINTS))
    k = len(witnesses)
    used = int(sum(np.isfinite(w.var_num).sum() for w in witnesses))
    boundaries = coarse
    for sweep in range(3):
        parts = [scaled(w, q) for w, q in zip(witnesses, local, strict=True)]
        penalised = _chi2_over(boundaries, widths, depth, parts, density) + prior
        if sweep == 1:
            boundaries = allowed(coarse, penalised.min(0), used)
            penalised = _chi2_over(boundaries, widths, depth, parts, density) + prior
        profile, best_widths = over_widths(penalised, widths)
        at_boundary = int(profile.argmin())
        width = float(best_widths[at_boundary])
        best_f = ndtr((boundaries[at_boundary] - depth) / width)
        # weights from the fitted levels, so that they do not move with the noise of a single position
        for i, witness in enumerate(witnesses if sweep < 2 else []):
            density[i] = density_ratio(witness, depth, best_f, boundaries[at_boundary], surface_width)
            seen = seen_share(best_f, density[i])
            levels, _ = levels_at(witness, seen, local[i])
            local[i] = levels[0] + (levels[1] - levels[0]) * seen
    at_width = int(np.abs(np.log(widths / width)).argmin())
    best = float(profile[at_boundary] - (width / max(WIDTH_PRIOR_NM, step)) ** 2)
    degrees = max(used - 2 * k - 2, 1)
    scale = inflation(best, degrees)
    flat = sum(float(linear_chi2(den[:, None], num)) for num, den in parts)
    drift = sum(float(linear_chi2(np.stack([den, den * depth / 10.0], axis=-1), num)) for num, den in parts)
    # one wide change is what two narrow ones look like
    narrower = widths[: at_width + 1][:: -max(at_width // 4, 1)] if two else ()
    chi2_two, boundaries_two, sigma_two = min(
        (_two_changes(parts, depth, deepest, width, scale) for width in narrower), default=NO_TWO
    )
    # Bayesian information criterion, each model with its own number of parameters: levels; levels and slopes; two
    # levels each, boundary and width; three levels each, two boundaries and a width
    log_n = np.log(max(used, 2))
    one = best / scale + (2 * k + 2) * log_n
    profile = profile / scale
    low, high = interval(boundaries, profile, 1.0)
    return Change(
        boundary=vertex(boundaries, profile),
        sigma=(high - low) / 2,
        interval_68=(low, high),
        interval_95=interval(boundaries, profile, 3.84),
        width=width,
        covariance=_grid_covariance(penalised / scale, boundaries, widths),
        evidence=float(min(flat / scale + k * log_n, drift / scale + 2 * k * log_n) - one),
        evidence_two=float(one - (chi2_two / scale + (3 * k + 3) * log_n)),
        boundaries_two=boundaries_two,
        sigma_two=sigma_two,
        chi2=best,
        degrees=degrees,
    )


def _chi2_over(boundaries: NDArray, widths: NDArray, depth: NDArray, parts: Sequence, density: NDArray) -> NDArray:
    """Chi-squared of all witnesses over (width, boundary)."""
    chi2 = np.zeros((widths.size, boundaries.size))
    # one width at a time: all at once would be gigabytes for a scan of many positions
    for row, width in zip(chi2, widths, strict=True):
        f = ndtr((boundaries[:, None] - depth) / width)
        for part, rho in zip(parts, density, strict=True):
            row += _change_chi2(*part, seen_share(f, rho))
    return chi2


def _change_chi2(num: NDArray, den: NDArray, f: NDArray) -> NDArray:
    """Least chi-squared of num = (a + b f) den over a and b, for each profile f (..., n)."""
    d2, nd = den**2, num * den
    s, sf, sff = d2.sum(), f @ d2, f**2 @ d2
    u, v = nd.sum(), f @ nd
    determinant = s * sff - sf**2
    # a profile that no position tells from a constant adds nothing to the constant
    flat = determinant <= 1e-9 * s * np.maximum(sff, 1e-300)
    determinant = np.where(flat, 1.0, determinant)
    gain = np.where(flat, u**2 / s, (sff * u**2 - 2 * sf * u * v + s * v**2) / determinant)
    return num @ num - gain


def _two_changes(
    parts: Sequence[tuple[NDArray, NDArray]], depth: NDArray, last: float, width: float, scale: float
) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """Least chi-squared of three levels with two boundaries of one width, and the boundaries with their errors."""
    step = max(TWO_STEP_NM, abs(float(np.median(np.diff(depth)))) / 2, last / TWO_POINTS)
    at = np.arange(step, last, step)
    f = ndtr((at[:, None] - depth) / width)
    first, second = np.triu_indices(at.size, k=max(int(np.ceil(2 * width / step)), 1))
    if first.size == 0:
        return NO_TWO
    chi2 = np.zeros(first.size)
    for num, den in parts:
        d2, nd = den**2, num * den
        products, alone, with_num = (f * d2) @ f.T, f @ d2, f @ nd
        normal = np.empty((first.size, 3, 3))
        normal[:, 0, 0] = d2.sum()
        normal[:, 0, 1] = normal[:, 1, 0] = alone[first]
        normal[:, 0, 2] = normal[:, 2, 0] = alone[second]
        normal[:, 1, 1], normal[:, 2, 2] = products[first, first], products[second, second]
        normal[:, 1, 2] = normal[:, 2, 1] = products[first, second]
        normal += 1e-9 * d2.sum() * np.eye(3) + 1e-300
        right = np.stack([np.full(first.size, nd.sum()), with_num[first], with_num[second]], axis=-1)
        chi2 += num @ num - np.einsum("pk,pk->p", right, np.linalg.solve(normal, right[..., None])[..., 0])
    best = int(chi2.argmin())
    # of the likelihood over the grid, and of the grid's own steps
    weight = np.exp(-0.5 * np.minimum((chi2 - chi2[best]) / scale, 700.0))
    pair = np.stack([at[first], at[second]])
    mean = pair @ weight / weight.sum()
    sigma = np.sqrt((pair - mean[:, None]) ** 2 @ weight / weight.sum() + step**2 / 12)
    return float(chi2[best]), tuple(map(float, pair[:, best])), tuple(map(float, sigma))


def _grid_covariance(chi2: NDArray, boundaries: NDArray, widths: NDArray) -> NDArray:
    """Covariance of (boundary, width) under exp(-chi2 / 2) over the grid, widths by their logarithm.

    Only what is within two standard deviations counts: far tails, where a wide edge imitates a thin layer, are no
    measure of how levels move with the profile to first order.
    """
    rise = chi2 - chi2.min()
    weight = np.where(rise < 4.0, np.exp(-0.5 * rise), 0.0)
    weight /= weight.sum()
    grid = np.stack(np.broadcast_arrays(boundaries, widths[:, None]))
    away = grid - (weight * grid).sum((1, 2))[:, None, None]
    return np.einsum("iwb,jwb,wb->ij", away, away, weight)
