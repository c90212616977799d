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

from oxyspy.layer.grid import interval, linear_chi2, vertex
from oxyspy.layer.witness import Witness, density_ratio, levels_at, scaled, seen_share

# least scale of the half-normal prior on the width: without it a broad edge and a thin layer are one; a scan with
# coarser steps than this has its step for it
WIDTH_PRIOR_NM = 1.0


# distance of the boundaries that two changes are looked for at, in nm
TWO_STEP_NM = 0.2


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
    boundaries_two : tuple of float
        Depths of the two.
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
    chi2: float
    degrees: int


def fit_change(
    depth: NDArray, witnesses: Sequence[Witness], boundaries: NDArray, widths: NDArray, surface_width: float
) -> Change:
    """Best common boundary and width, whether they are worth their parameters, and whether a second pair is."""
    f = ndtr((boundaries[:, None] - depth) / widths[:, None, None])
    scale_nm = max(WIDTH_PRIOR_NM, abs(float(np.median(np.diff(depth)))))
    prior = (widths[:, None] / scale_nm) ** 2
    density = np.ones(len(witnesses))
    local: list[NDArray | float] = [w.num.sum() / w.den.sum() for w in witnesses]
    for sweep in range(3):
        parts = [scaled(w, q) for w, q in zip(witnesses, local, strict=True)]
        chi2 = sum(_change_chi2(*part, seen_share(f, rho)) for part, rho in zip(parts, density, strict=True))
        penalised = chi2 + prior
        at_width, at_boundary = np.unravel_index(penalised.argmin(), penalised.shape)
        best_f = f[at_width, at_boundary]
        # weights from the fitted levels, so that they do not move with the noise of a single position
        for i, witness in enumerate(witnesses if sweep < 2 else []):
            density[i] = density_ratio(witness, depth, best_f, boundaries[at_boundary], surface_width)
            seen = seen_share(best_f, density[i])
            levels, _ = levels_at(witness, seen, local[i])
            local[i] = levels[0] + (levels[1] - levels[0]) * seen
    k = len(witnesses)
    used = int(sum(np.isfinite(w.var_num).sum() for w in witnesses))
    best = float(chi2[at_width, at_boundary])
    degrees = max(used - 2 * k - 2, 1)
    scale = max(1.0, best / degrees)
    flat = sum(float(linear_chi2(den[:, None], num)) for num, den in parts)
    drift = sum(float(linear_chi2(np.stack([den, den * depth / 10.0], axis=-1), num)) for num, den in parts)
    # one wide change is what two narrow ones look like
    narrower = widths[: at_width + 1][:: -max(at_width // 4, 1)]
    two, boundaries_two = min(_two_changes(parts, depth, boundaries[-1], width) for width in narrower)
    # Bayesian information criterion, each model with its own number of parameters: levels; levels and slopes; two
    # levels each, boundary and width; three levels each, two boundaries and a width
    log_n = np.log(max(used, 2))
    one = best / scale + (2 * k + 2) * log_n
    profile = penalised.min(0) / scale
    low, high = interval(boundaries, profile, 1.0)
    return Change(
        boundary=vertex(boundaries, profile),
        sigma=(high - low) / 2,
        interval_68=(low, high),
        interval_95=interval(boundaries, profile, 3.84),
        width=float(widths[at_width]),
        covariance=_grid_covariance(penalised / scale, boundaries, widths),
        evidence=float(min(flat / scale + k * log_n, drift / scale + 2 * k * log_n) - one),
        evidence_two=float(one - (two / scale + (3 * k + 3) * log_n)),
        boundaries_two=boundaries_two,
        chi2=best,
        degrees=degrees,
    )


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
    parts: Sequence[tuple[NDArray, NDArray]], depth: NDArray, last: float, width: float
) -> tuple[float, tuple[float, float]]:
    """Least chi-squared of three levels with two boundaries of one width, and where the boundaries are."""
    at = np.arange(TWO_STEP_NM, last, TWO_STEP_NM)
    f = ndtr((at[:, None] - depth) / width)
    first, second = np.triu_indices(at.size, k=max(int(np.ceil(2 * width / TWO_STEP_NM)), 1))
    if first.size == 0:
        return float("inf"), (float("nan"), float("nan"))
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
    return float(chi2[best]), (float(at[first[best]]), float(at[second[best]]))


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
