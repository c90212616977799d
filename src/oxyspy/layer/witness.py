"""Witnesses of the metal's state along a line, and their levels in layer and bulk.

A witness is a ratio of two areas, q(x) = num(x) / den(x): the L3 share of the white lines, the O K pre-edge over the
main edge. What is fitted is num - q den, not the ratio: it is linear in the counts, so weak positions enter by their
weight and no ratio of noisy areas is ever averaged (sum first, divide second). Where the layer holds rho times the
metal of the bulk, a probe on the boundary sees more of the layer than its share f of the place: rho f / (1 + (rho - 1)
f), with rho from den itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.layer.grid import inflation
from oxyspy.results import Result

# metal of the layer over the bulk's: rocksalt holds up to 1.9 times as much a volume as the layered oxide
DENSITY_RANGE = (0.5, 2.5)


@dataclass(frozen=True)
class Witness:
    """A ratio of two areas at each position, with their covariance.

    Attributes
    ----------
    name : str
    num, den : array, shape (n,)
        Areas in counts.
    var_num, var_den, cov : array, shape (n,)
        Their variances and covariance.
    metal, var_metal : array, shape (n,), optional
        The metal's amount, where ``den`` is not in proportion to it.
    contrast : float
        Least difference between layer and bulk that an upper limit speaks of: 0.08 in the L3 share is less than half of
        what Mn2+ against Mn4+ gives.
    signed : bool
        Whether the layer's level is the higher one; without, either may be.
    model_nm : float
        What the shape of the model leaves in the boundary at any dose, from ``benchmarks/eels_coverage.md``: the probe
        blurs surface and boundary into one another.
    """

    name: str
    num: NDArray
    den: NDArray
    var_num: NDArray
    var_den: NDArray
    cov: NDArray
    metal: NDArray | None = None
    var_metal: NDArray | None = None
    contrast: float = 0.08
    signed: bool = True
    model_nm: float = 0.005

    def sigma(self, q: NDArray | float) -> NDArray:
        """Standard error of num - q den."""
        return np.sqrt(np.maximum(self.var_num - 2 * q * self.cov + q**2 * self.var_den, 1e-300))

    def over(self, amount: NDArray) -> Witness:
        """The same ratio of areas a unit of ``amount`` (n,)."""
        square = amount**2
        over = replace(
            self, num=self.num / amount, den=self.den / amount, var_num=self.var_num / square,
            var_den=self.var_den / square, cov=self.cov / square,
        )  # fmt: skip
        if self.metal is None:
            return over
        return replace(over, metal=self.metal / amount, var_metal=self.var_metal / square)

    @property
    def amount(self) -> tuple[NDArray, NDArray]:
        """What is in proportion to the metal, and its variance."""
        return (self.den, self.var_den) if self.metal is None else (self.metal, self.var_metal)


@dataclass(frozen=True)
class Level(Result):
    """A witness's levels: in the layer and in the bulk, with standard errors."""

    name: str
    layer: float
    layer_sigma: float
    bulk: float
    bulk_sigma: float


def restrict(witness: Witness, where: NDArray) -> Witness | None:
    """The witness where it is finite and inside; None with too few positions to fit an edge."""
    good = where & np.isfinite(witness.num) & np.isfinite(witness.den) & np.isfinite(witness.var_num)
    good &= np.isfinite(witness.var_den) & (witness.var_num > 0)
    if good.sum() < 6 or witness.den[good].sum() <= 0:
        return None

    def keep(values: NDArray, empty: float) -> NDArray:
        return np.where(good, values, empty)

    # no weight outside, rather than another length for each witness
    return replace(
        witness,
        num=keep(witness.num, 0.0),
        den=keep(witness.den, 0.0),
        var_num=keep(witness.var_num, np.inf),
        var_den=keep(witness.var_den, 0.0),
        cov=keep(witness.cov, 0.0),
    )


def scaled(witness: Witness, q: NDArray | float) -> tuple[NDArray, NDArray]:
    """Numerator and denominator over the standard error of num - q den, zero where there is no weight."""
    sigma = witness.sigma(q)
    return witness.num / sigma, witness.den / sigma


def seen_share(f: NDArray, density: float) -> NDArray:
    """Share of the layer in what is measured, where it fills the share f of the place and is ``density`` as dense."""
    return density * f / (1 + (density - 1) * f)


def density_ratio(witness: Witness, depth: NDArray, f: NDArray, boundary: float, surface_width: float) -> float:
    """The layer's metal over the bulk's at the boundary; 1 where two positions of either are not there to tell."""
    cut = ndtr(depth / max(surface_width, 1e-3))
    metal, variance = witness.amount
    good = np.isfinite(witness.var_num) & np.isfinite(metal) & (variance > 0) & (depth > surface_width)
    if min((good & (f > 0.5)).sum(), (good & (f < 0.5)).sum()) < 2:
        return 1.0
    # thickness varies by a few per cent from place to place, whatever the counts say
    sigma = np.sqrt(variance[good] + (0.02 * metal[good].max()) ** 2)
    design = (cut[good] * np.stack([1 - f[good], f[good], depth[good] / 10])).T / sigma[:, None]
    bulk, layer, slope = np.linalg.lstsq(design, metal[good] / sigma, rcond=None)[0]
    wedge = slope * boundary / 10
    return float(np.clip((layer + wedge) / (bulk + wedge), *DENSITY_RANGE)) if bulk + wedge > 0 else 1.0


def fit_levels(witness: Witness, profile: NDArray, moves: NDArray | None = None) -> Level:
    """Fit a witness's levels at a known profile of the layer.

    Parameters
    ----------
    witness : Witness
        n positions; those with ``nan`` have no weight.
    profile : array, shape (n,)
        Share of the layer at each position, 0 to 1.
    moves : array, shape (k, n), optional
        Changes of the profile by one standard deviation of each of k independent combinations of its parameters.

    Returns
    -------
    Level
        Standard errors scaled by the root of chi-squared per degree of freedom where that is above chance, with the
        profile's own uncertainty in them (the inverse of the whole normal matrix, by blocks).

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.layer import Witness, fit_levels
    >>> x = np.arange(0.0, 20.0, 0.4)
    >>> noise = np.random.default_rng(0)
    >>> metal = 1e4 * np.clip(x - 5.8, 0.0, 1.0)
    >>> share = np.where(x < 8.0, 0.80, 0.66) * metal
    >>> counting = np.full(x.size, 100.0)
    >>> l3 = Witness("L3 share", num=noise.normal(share, 60.0), den=metal, var_num=36 * counting, var_den=counting,
    ...              cov=np.zeros(x.size), metal=metal, var_metal=counting)
    >>> level = fit_levels(l3, (x < 8.0) * 1.0)
    >>> print(f"{level.layer:.2f} in the layer, {level.bulk:.2f} in the bulk")
    0.80 in the layer, 0.66 in the bulk
    """
    kept = restrict(witness, np.isfinite(profile))
    if kept is None:
        nan = float("nan")
        return Level(witness.name, nan, nan, nan, nan)
    profile = np.nan_to_num(profile)
    local: NDArray | float = kept.num.sum() / kept.den.sum()
    for _ in range(3):
        levels, covariance = levels_at(kept, profile, local)
        local = levels[0] + (levels[1] - levels[0]) * profile
    sigma = kept.sigma(local)
    residual = (kept.num - local * kept.den) / sigma
    used = np.isfinite(kept.var_num).sum()
    covariance = covariance * inflation(float(residual @ residual), max(int(used) - 2, 1))
    if moves is not None:
        design = kept.den / sigma * np.stack([1 - profile, profile])
        moved = (levels[1] - levels[0]) * np.nan_to_num(moves) * kept.den / sigma
        shift = covariance @ design @ moved.T
        covariance = covariance + shift @ shift.T
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    return Level(witness.name, float(levels[1]), float(spread[1]), float(levels[0]), float(spread[0]))


def levels_at(witness: Witness, f: NDArray, q: NDArray | float) -> tuple[NDArray, NDArray]:
    """Bulk and layer level of one witness at a given profile, with covariance."""
    num, den = scaled(witness, q)
    design = np.stack([den * (1 - f), den * f], axis=-1)
    normal = design.T @ design
    normal += 1e-12 * np.trace(normal) * np.eye(2) + 1e-300
    covariance = np.linalg.inv(normal)
    return covariance @ (design.T @ num), covariance
