"""L3/L2, L3's position, L2 - L3 and valence of an element, in the layer and in the bulk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.calibration import DISPERSION_SIGMA
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import find_maxima, position_sigma, smoothed, smoothing_ev
from oxyspy.eels.ratio import single_ratios
from oxyspy.eels.self_check import SelfCheck, self_check
from oxyspy.eels.valence import DISAGREE, disagreement
from oxyspy.eels.white_lines import SLOPE_L2, SLOPE_L3
from oxyspy.layer import ReactedLayer, layer_level
from oxyspy.results import Result
from oxyspy.workflow.chain import EdgeMeasurement, Prepared
from oxyspy.workflow.witnesses import l3_share

NAN = float("nan")
Measured = tuple[float, float]


@dataclass(frozen=True)
class StateChange(Result):
    """L3/L2 of one element, in the layer and in the bulk.

    Attributes
    ----------
    edge : str
    ratio_layer, ratio_layer_sigma : float
        From the layer's level of L3 / (L3 + L2), fitted along the scan; ``nan`` without a supported layer.
    ratio_bulk, ratio_bulk_sigma : float
        Of the areas summed over the bulk: the positions clear of the layer, or, without one, 2 nm below the surface.
    shift_ev, shift_sigma_ev : float
        L3 of the layer less L3 of the bulk: medians over the positions on each side of the boundary.
    splitting_layer_ev, splitting_layer_sigma_ev, splitting_bulk_ev, splitting_bulk_sigma_ev : float
        L2 - L3 of the spectra of the layer, and of the bulk, added up; the error holds that of the dispersion.
    valence_layer, valence_layer_sigma, valence_bulk, valence_bulk_sigma : float
        By the recipe's calibration, from ratios measured in its own way; ``nan`` without one.
    splitting_valence_layer, splitting_valence_layer_sigma : float
        By L2 - L3, the second witness;
    splitting_valence_bulk, splitting_valence_bulk_sigma : float
        and of the bulk.
    valence_indicative : bool
        Whether these valences indicate and prove nothing.
    valence_conflict : str
        Where the two witnesses differ by more than two standard errors, and by how much; empty where they agree.
    self_check : SelfCheck or None
        L3/L2 of the bulk by halves of the post window and of the thickness, and without deconvolution.
    valence_note : str
        Whose calibration, whether it is only indicative, and what both witnesses say.
    valence_source : str
        Of the calibration; empty without one.
    method : str
        Fingerprint.
    """

    edge: str
    ratio_layer: float
    ratio_layer_sigma: float
    ratio_bulk: float
    ratio_bulk_sigma: float
    shift_ev: float
    shift_sigma_ev: float
    splitting_layer_ev: float
    splitting_layer_sigma_ev: float
    splitting_bulk_ev: float
    splitting_bulk_sigma_ev: float
    valence_layer: float
    valence_layer_sigma: float
    valence_bulk: float
    valence_bulk_sigma: float
    splitting_valence_layer: float
    splitting_valence_layer_sigma: float
    splitting_valence_bulk: float
    splitting_valence_bulk_sigma: float
    valence_indicative: bool
    valence_conflict: str
    valence_note: str
    valence_source: str
    method: str
    self_check: SelfCheck | None = None


def state_change(item: EdgeMeasurement, layer: ReactedLayer | None, positions: NDArray, scan: Prepared) -> StateChange:
    """Tell the layer's state from the bulk's.

    Parameters
    ----------
    item : EdgeMeasurement
        Of an edge with white lines.
    layer : ReactedLayer or None
    positions : array, shape (positions,)
        In nm.
    scan : Prepared
    """
    lines = item.lines
    ratio_layer, inside = (NAN, NAN), np.zeros(positions.size, bool)
    bulk = bulk_positions(layer, positions, scan)
    if layer is not None and layer.supported:
        depth = layer.depth(positions)
        inside = (depth > 0) & (depth < layer.thickness_nm)
        ratio_layer = _layer_ratio(item.along, layer, positions)
    ratio_bulk = ratio_of(item.functionals.sum(where=bulk & scan.bright))
    at_layer, at_bulk = (_median(lines.l3_ev[where], lines.l3_ev_sigma[where]) for where in (inside, bulk))
    thickness = None if scan.zero_loss is None else np.broadcast_to(scan.zero_loss.t_over_lambda, scan.bright.shape)
    splittings = {place: splitting_of(item, where, scan) for place, where in (("layer", inside), ("bulk", bulk))}
    return StateChange(
        edge=item.edge.name,
        ratio_layer=ratio_layer[0],
        ratio_layer_sigma=ratio_layer[1],
        ratio_bulk=ratio_bulk[0],
        ratio_bulk_sigma=ratio_bulk[1],
        shift_ev=at_layer[0] - at_bulk[0],
        shift_sigma_ev=float(np.hypot(at_layer[1], at_bulk[1])),
        **_named("splitting_{}{}_ev", splittings),
        **_valences(item, bulk & scan.bright, layer, positions, splittings),
        method=item.fingerprint,
        self_check=self_check(item.functionals, item.variants, thickness, bulk & scan.bright, item.method),
    )


def bulk_positions(layer: ReactedLayer | None, positions: NDArray, scan: Prepared) -> NDArray:
    """Whether each position lies in the bulk: clear of a layer, or of a hidden one; all with signal where none is."""
    bulk = np.zeros(positions.size, bool) if layer is None else layer.in_bulk(positions)
    return bulk if bulk.any() else scan.bright.any(0)


def mixed_ratio(share: NDArray, of_layer: float, of_bulk: float) -> NDArray:
    """L3/L2 where a share of the signal is the layer's: L3 / (L3 + L2) is what mixes linearly."""
    layer, bulk = (ratio / (1 + ratio) for ratio in (of_layer, of_bulk))
    mixed = bulk + (layer - bulk) * share
    return mixed / (1 - mixed)


def l3_shift(item: EdgeMeasurement, bulk: NDArray) -> tuple[NDArray, NDArray]:
    """L3 of each position less the bulk's median, with standard errors, in eV: true on an axis of any offset."""
    at, sigma = item.lines.l3_ev, item.lines.l3_ev_sigma
    middle, middle_sigma = _median(at[bulk], sigma[bulk])
    return at - middle, np.hypot(sigma, middle_sigma)


def splitting_of(item: EdgeMeasurement, where: NDArray, scan: Prepared) -> Measured:
    """L2 - L3 in eV of the sum of some positions' spectra; ``nan`` where it has no two maxima."""
    there = np.broadcast_to(where, scan.bright.shape) & scan.bright & np.isfinite(item.functionals.values).all(-1)
    near = item.positions.l3[there.any(0)]
    if not near.size:
        return NAN, NAN
    total = smoothed(item.spectra[there].sum(0, dtype=float), item.energy, smoothing_ev(item.energy))
    variance = item.functionals.sum(where=there).covariance
    found = find_maxima(total, item.energy, item.edge, float(np.median(near)))
    sigmas = [
        position_sigma(total, item.energy, at, variance[slope, slope])
        for at, slope in zip(found, (SLOPE_L3, SLOPE_L2), strict=True)
    ]
    splitting = float(found[1] - found[0])
    # of one edge alone the dispersion is as good as axes are that nobody calibrated
    factor = scan.calibration.factor_sigma
    stretched = splitting * (factor if np.isfinite(factor) else DISPERSION_SIGMA)
    return splitting, float(np.sqrt(sigmas[0] ** 2 + sigmas[1] ** 2 + stretched**2))


def _valences(
    item: EdgeMeasurement,
    bulk: NDArray,
    layer: ReactedLayer | None,
    positions: NDArray,
    splittings: dict[str, Measured],
) -> dict[str, Any]:
    """Valences of the layer and of the bulk, by the calibration that the edge was measured once more for."""
    again = item.comparable
    nothing = {"layer": (NAN, NAN), "bulk": (NAN, NAN)}
    if again is None:
        return _named("valence_{}{}", nothing) | _named("splitting_valence_{}{}", nothing) | {
            "valence_indicative": False, "valence_conflict": "", "valence_source": "",
            "valence_note": item.no_valence or "no calibration of this element: ratio and shift only",
        }  # fmt: skip
    calibration = again.calibration
    ratios = nothing | {"bulk": ratio_of(again.functionals.sum(where=bulk))}
    if layer is not None and layer.supported:
        ratios["layer"] = _layer_ratio(again.functionals.sum(axis=0), layer, positions)
    by_ratio = {p: _floats(calibration.valence(*ratios[p], again.method)) for p in ratios}
    by_splitting = {p: _floats(calibration.valence_by_splitting(*splittings[p])) for p in ratios}
    conflicts = [words for p in ratios if (words := _conflict(p, ratios[p], by_ratio[p], by_splitting[p]))]
    note = f"{'indicative only; ' if calibration.indicative else ''}{calibration.source}"
    agree = [p for p in ratios if disagreement(by_ratio[p], by_splitting[p]) <= DISAGREE]
    said = [f"L2 - L3 of the {p} agrees, {by_splitting[p][0]:.1f} ± {by_splitting[p][1]:.1f}" for p in agree]
    return _named("valence_{}{}", by_ratio) | _named("splitting_valence_{}{}", by_splitting) | {
        "valence_indicative": calibration.indicative,
        "valence_conflict": "; ".join(conflicts),
        "valence_note": "; ".join([note, *said, *conflicts]),
        "valence_source": calibration.source,
    }  # fmt: skip


def _conflict(place: str, ratio: Measured, by_ratio: Measured, by_splitting: Measured) -> str:
    """Where both witnesses of a valence do not agree, in words."""
    other = f"L2 - L3 speaks for {by_splitting[0]:.1f} ± {by_splitting[1]:.1f}" if np.isfinite(by_splitting[0]) else ""
    if np.isfinite(ratio[0]) and not np.isfinite(by_ratio[0]):
        outside = f"the {place}'s L3/L2 in the calibration's way, {ratio[0]:.2f}, lies outside its standards"
        return f"{outside}; {other}" if other else outside
    if disagreement(by_ratio, by_splitting) > DISAGREE:
        return f"valence of the {place} by L3/L2 {by_ratio[0]:.1f} ± {by_ratio[1]:.1f}, but {other}"
    return ""


def _named(pattern: str, numbers: dict[str, Measured]) -> dict[str, float]:
    """Numbers by place and their errors, by their names: {place}, and {place}_sigma."""
    return {
        pattern.format(place, sigma): pair[i]
        for place, pair in numbers.items()
        for i, sigma in enumerate(("", "_sigma"))
    }


def _layer_ratio(along: Functionals, layer: ReactedLayer, positions: NDArray) -> Measured:
    """L3/L2 from the layer's level of L3 / (L3 + L2), with its standard error; ``nan`` without support."""
    level = layer_level(l3_share(along, ""), layer, positions)
    share, sigma = level.layer, level.layer_sigma
    if not 3 * sigma < share < 1 - 3 * sigma:
        return NAN, NAN
    return float(share / (1 - share)), float(sigma / (1 - share) ** 2)


def ratio_of(total: Functionals) -> Measured:
    """L3/L2 of summed areas with its standard error; ``nan`` where L2 is within three errors of zero."""
    found = single_ratios(total)
    return float(found.value), float(found.sigma)


def _median(values: NDArray, sigma: NDArray) -> Measured:
    """Median of positions, and the standard error that their own errors give it."""
    good = np.isfinite(values) & np.isfinite(sigma)
    if not good.any():
        return NAN, NAN
    return float(np.median(values[good])), float(1.2533 * np.sqrt(np.mean(sigma[good] ** 2) / good.sum()))


def _floats(pair: tuple[NDArray, NDArray]) -> Measured:
    return float(pair[0]), float(pair[1])
