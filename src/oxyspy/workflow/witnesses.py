"""What tells of the metal's state along a line, made of the edges as they were measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.functionals import Functionals
from oxyspy.eels.white_lines import AREA_L2, AREA_L3, MOMENT_L2, MOMENT_L3
from oxyspy.layer import Witness
from oxyspy.workflow.chain import EdgeMeasurement
from oxyspy.workflow.recipe import Recipe, edge_of_witness

# least changes that an upper limit speaks of, each less than half of Mn2+ against Mn4+ (2.7 eV, 2.0 eV) or of what the
# study saw of the pre-edge
SHIFT_EV, SPLITTING_EV, PRE_EDGE_SHARE = 1.2, 0.9, 0.3

# shift of L2 over the change of L2 - L3, by the medians of Mn2+ and Mn4+ (data/edges.yaml, data/simulation.yaml)
L2_FOLLOWS = 0.36


def witnesses_of(
    measured: Mapping[str, EdgeMeasurement], recipe: Recipe, row: int | None = None
) -> tuple[list[Witness], list[Witness]]:
    """Return the recipe's witnesses, and all others that its edges have, to compare with.

    Parameters
    ----------
    measured : dict of EdgeMeasurement
    recipe : Recipe
    row : int, optional
        One row instead of the sum of all.
    """
    names = [f"{name.split('_')[0].lower()}_{kind}" for name, item in measured.items() if item.lines for kind in KINDS]
    names += ["o_pre_edge"] if "O_K" in measured else []
    chosen = [name for name in recipe.witnesses if edge_of_witness(name) in measured]
    # of elements that have no part in the fit nothing is compared: their lines may be too weak for any
    elements = {edge_of_witness(name) for name in chosen}
    others = [name for name in names if name not in chosen and edge_of_witness(name) in elements]
    return tuple([_witness(name, measured, recipe, row) for name in given] for given in (chosen, others))


def _witness(name: str, measured: Mapping[str, EdgeMeasurement], recipe: Recipe, row: int | None) -> Witness:
    item = measured[edge_of_witness(name)]
    if name == "o_pre_edge":
        return pre_edge(along(item.functionals, row))
    kind = name.split("_", 1)[1]
    # in windows that move with the maxima the share does not mix linearly
    f = along(item.fixed.functionals, row)
    if kind == "l3_share":
        return l3_share(f, item.edge.element, recipe.limit_contrast)
    if kind == "l3_shift":
        return l3_shift(f, item.edge.element)
    return splitting(f, item.edge.element, item.fixed.l2 - item.fixed.l3)


KINDS = ("l3_share", "l3_shift", "splitting")


def along(functionals: Functionals, row: int | None = None) -> Functionals:
    """Return an edge's functionals along the line, of one row or of the rows' sum."""
    if row is None:
        return functionals.sum(axis=0)
    return Functionals(functionals.values[row], functionals.covariance[row])


def l3_share(f: Functionals, element: str, contrast: float = 0.08) -> Witness:
    """Return the share of L3 in both lines: it mixes linearly where layer and bulk overlap, as the ratio does not."""
    share = np.zeros((2, f.values.shape[-1]))
    share[0, AREA_L3] = share[1, [AREA_L3, AREA_L2]] = 1.0
    return _ratio(f"{element} L3 / (L3 + L2)", f, *share, contrast=contrast)


def l3_shift(f: Functionals, element: str) -> Witness:
    """Return the centroid of L3 in a window at one energy, from its middle, in eV."""
    moment, area = np.zeros((2, f.values.shape[-1]))
    moment[MOMENT_L3] = area[AREA_L3] = 1.0
    return _ratio(f"{element} L3 position", f, moment, area, contrast=SHIFT_EV, signed=False)


def splitting(f: Functionals, element: str, apart: float) -> Witness:
    """Return the distance of the centroids of L2 and L3, whose windows stand ``apart``, in eV.

    M2 / A2 - M3 / A3 over one denominator, (M2 A3 - M3 A2) / (A2 A3): of products of areas, so that no ratio of noisy
    ones is averaged; what noise common to two factors adds to their product is taken off. A shift of the whole spectrum
    does not move it. Where layer and bulk overlap, each centroid mixes by its own line's areas, and their distance, to
    first order, as if the metal were A3 (A3 / A2)^k, with k the part of the change that L2's own shift makes.
    """
    k = f.values.shape[-1]
    den, num = np.zeros((2, k, k))
    den[AREA_L3, AREA_L2] = 1.0
    num[MOMENT_L2, AREA_L3], num[MOMENT_L3, AREA_L2] = 1.0, -1.0
    num += apart * den
    num, den = num + num.T, den + den.T
    # products v.B.v / 2 with their gradients B.v
    v, covariance = f.values, f.covariance
    (n, by_n), (d, by_d) = (
        (
            0.5 * (np.einsum("pi,ij,pj->p", v, b, v) - np.einsum("ij,pji->p", b, covariance)),
            v @ b,
        )
        for b in (num, den)
    )
    var_num, var_den, cov = (
        np.einsum("pi,pij,pj->p", left, covariance, right) for left, right in ((by_n, by_n), (by_d, by_d), (by_n, by_d))
    )
    metal, var_metal = v[:, AREA_L3], covariance[:, AREA_L3, AREA_L3]
    with np.errstate(invalid="ignore", divide="ignore"):
        lean = np.where(v[:, AREA_L2] > 0, np.abs(metal) / v[:, AREA_L2], np.nan) ** L2_FOLLOWS
    name = f"{element} L2 - L3"
    return Witness(
        name, n, d, var_num, var_den, cov, metal * lean, var_metal * lean**2, contrast=SPLITTING_EV, signed=False,
    )  # fmt: skip


def pre_edge(f: Functionals) -> Witness:
    """Return the O K pre-edge over the main edge."""
    known = np.isfinite(f.values).all(-1)
    pre, main = np.eye(2)
    contrast = PRE_EDGE_SHARE * abs(f.values[known, 0].sum() / f.values[known, 1].sum()) if known.any() else 1.0
    return _ratio("O K pre-edge / main edge", f, pre, main, contrast=float(contrast), signed=False)


def _ratio(name: str, f: Functionals, above: NDArray, below: NDArray, **choices: float | bool) -> Witness:
    """A ratio of two sums of functionals, with the weights of either."""
    num, den = f.values @ above, f.values @ below
    var_num, var_den, cov = (
        np.einsum("i,pij,j->p", left, f.covariance, right)
        for left, right in ((above, above), (below, below), (above, below))
    )
    return Witness(name, num, den, var_num, var_den, cov, **choices)
