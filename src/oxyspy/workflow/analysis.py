"""One scan, from counts to the diffusivity its coating must have had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.functionals import Functionals
from oxyspy.errors import InputError, OxyspyError
from oxyspy.layer import ReactedLayer, Witness, fit_layer, layer_level
from oxyspy.results import Result
from oxyspy.workflow.chain import EdgeMeasurement, Prepared, measure_oxygen, measure_white_lines, prepare
from oxyspy.workflow.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    import os

    from oxyspy.io import LineScan
    from oxyspy.transport import RequiredDiffusivity

NM = 1e-7  # in cm, the unit of the transport kernels


@dataclass(frozen=True)
class StateChange(Result):
    """L3/L2 of one element, in the layer and in the bulk.

    Attributes
    ----------
    edge : str
    ratio_layer, ratio_layer_sigma : float
        From the layer's level of L3 / (L3 + L2), fitted along the scan; ``nan`` without a supported layer.
    ratio_bulk, ratio_bulk_sigma : float
        Level in the bulk; without a layer, the ratio of the areas summed over all positions with signal.
    shift_ev, shift_sigma_ev : float
        L3 of the layer less L3 of the bulk: medians over the positions on each side of the boundary.
    splitting_bulk_ev : float
        L2 - L3 of the bulk.
    valence_layer, valence_layer_sigma, valence_bulk, valence_bulk_sigma : float
        By the recipe's calibration, from ratios measured in its own way; ``nan`` without one.
    valence_note : str
        Whose calibration, whether it is only indicative, and whether L2 - L3 agrees.
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
    splitting_bulk_ev: float
    valence_layer: float
    valence_layer_sigma: float
    valence_bulk: float
    valence_bulk_sigma: float
    valence_note: str
    method: str


@dataclass(frozen=True, repr=False)
class ScanResult:
    """All that one scan gave.

    Attributes
    ----------
    name, status, message : str
        ``status`` is ``"ok"``, ``"partial"`` (something asked for could not be measured; the message says what and
        why) or ``"failed"``.
    positions_nm : array, shape (positions,)
    scan : Prepared or None
        The prepared arrays.
    edges : dict of EdgeMeasurement
        By edge name, O K included.
    layer : ReactedLayer or None
    states : dict of StateChange
        By white-line edge.
    diffusivity : RequiredDiffusivity or None
    recipe : Recipe
    files : tuple of str
    warnings : tuple of str
    """

    name: str
    status: str
    message: str
    recipe: Recipe
    positions_nm: NDArray | None = None
    scan: Prepared | None = None
    edges: Mapping[str, EdgeMeasurement] = field(default_factory=dict)
    layer: ReactedLayer | None = None
    states: Mapping[str, StateChange] = field(default_factory=dict)
    diffusivity: RequiredDiffusivity | None = None
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = [f"{self.name}: {self.status}" + (f" ({self.message})" if self.message else "")]
        if self.scan is not None:
            lines.append(f"  {self.scan.calibration}")
        if self.layer is not None:
            lines.append(f"  {self.layer}")
        for state in self.states.values():
            line = f"  {state.edge} L3/L2: bulk {state.ratio_bulk:.2f} ± {state.ratio_bulk_sigma:.2f}"
            if np.isfinite(state.ratio_layer):
                line += f", layer {state.ratio_layer:.2f} ± {state.ratio_layer_sigma:.2f}"
            if np.isfinite(state.valence_bulk):
                line += f"; valence: bulk {state.valence_bulk:.1f} ± {state.valence_bulk_sigma:.1f}"
            if np.isfinite(state.valence_layer):
                line += f", layer {state.valence_layer:.1f} ± {state.valence_layer_sigma:.1f}"
            lines.append(line)
        if self.diffusivity is not None:
            lines.append(f"  required O2- diffusivity: {self.diffusivity!r}")
        lines += [f"  ! {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def plot(self):
        """Draw the profiles along the scan with the fitted layer; returns the figure."""
        from oxyspy.workflow.figures import profile_figure

        return profile_figure(self)

    def save(self, folder: str | os.PathLike) -> None:
        """Write profile, figures, signals and ``result.json`` to ``folder``; each appears whole or not at all."""
        from oxyspy.workflow.output import save_scan

        save_scan(self, folder)


def analyse(scan: LineScan | str | os.PathLike, recipe: str | Recipe = "nmc") -> ScanResult:
    """Run the whole chain on one scan.

    Parameters
    ----------
    scan : LineScan, or what `oxyspy.load_scan` takes
    recipe : str, path or Recipe
        The name of a shipped recipe, a YAML file, or a recipe.

    Returns
    -------
    ScanResult
        Its ``status`` is ``"partial"`` where something asked for could not be measured.

    Raises
    ------
    ReadError
        The files cannot be read.
    InputError
        There is nothing to measure: no signal, no energy axis, no known edge.

    Examples
    --------
    >>> result = oxyspy.analyse("scan_07/", recipe="nmc")  # doctest: +SKIP
    >>> result.layer.thickness_nm, result.layer.sigma_nm  # doctest: +SKIP
    """
    from oxyspy.io import LineScan, load_scan

    recipe = load_recipe(recipe)
    if not isinstance(scan, LineScan):
        scan = load_scan(scan)
    low = scan.low_loss is not None
    result = analyse_arrays(
        scan.core_counts(),
        scan.energy_nominal,
        scan.low_counts() if low else None,
        scan.low_energy if low else None,
        scan.positions_nm,
        recipe,
        name=scan.name,
    )
    warnings = [*scan.warnings, *result.warnings]
    if scan.is_spectrum_image:
        warnings.append(
            f"a spectrum image of {scan.navigation_shape[0]} rows, added up as one line: where the surface does not "
            "run along the columns the layer comes out blurred; cut out a strip across the surface"
        )
    return replace(
        result,
        files=tuple(str(file) for file in scan.files),
        warnings=tuple(warnings),
        metadata=scan.summary(),
    )


def analyse_arrays(
    core: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    positions_nm: NDArray,
    recipe: Recipe,
    name: str = "scan",
) -> ScanResult:
    """Run the whole chain on the arrays of one scan.

    Parameters
    ----------
    core : array, shape (rows, positions, n)
        Core-loss counts.
    energy : array, shape (n,)
        Its axis as recorded, in eV.
    low, low_energy : array, shape (rows, positions, m) and (m,), or None
        Low loss and its axis.
    positions_nm : array, shape (positions,)
        Rising.
    recipe : Recipe
    name : str

    Returns
    -------
    ScanResult

    Raises
    ------
    InputError
        No spectrum with signal, or no white lines of the recipe in them.
    """
    prepared = prepare(core, energy, low, low_energy, recipe)
    missing = []
    if low is None:
        missing.append("no low loss: t/λ is not known and nothing is deconvolved, which makes L3/L2 too high")
    measured = _measure_edges(prepared, recipe, missing)
    if not any(item.lines for item in measured.values()):
        raise InputError(f"no white lines of the recipe could be measured: {'; '.join(missing)}")
    layer = _fit(positions_nm, measured, prepared, recipe, missing)
    states = {n: _state(item, layer, positions_nm, prepared) for n, item in measured.items() if item.lines}
    diffusivity = _required(layer, recipe, missing)
    return ScanResult(
        name=name,
        status="partial" if missing else "ok",
        message="; ".join(missing),
        recipe=recipe,
        positions_nm=positions_nm,
        scan=prepared,
        edges=measured,
        layer=layer,
        states=states,
        diffusivity=diffusivity,
        warnings=prepared.warnings,
    )


def _measure_edges(scan: Prepared, recipe: Recipe, missing: list[str]) -> dict[str, EdgeMeasurement]:
    """Every edge of the recipe that can be measured; what can't goes to ``missing`` with its reason."""
    measured = {}
    found = scan.calibration.names
    for name in (*recipe.edges, *(["O_K"] if recipe.oxygen else [])):
        if scan.calibration.absolute and name not in found and name != "O_K":
            missing.append(f"{name}: not found in the sum of all spectra")
            continue
        try:
            item = measure_oxygen(scan, recipe) if name == "O_K" else measure_white_lines(scan, name, recipe)
            total = item.along.sum()
            # white lines have shown their maximum; a broad O K shows by its area
            if name == "O_K" and not total.values[1] > 5 * np.sqrt(total.covariance[1, 1]):
                missing.append("O_K: no main edge above its noise")
                continue
            measured[name] = item
        except OxyspyError as error:
            missing.append(str(error))
    return measured


def _fit(positions, measured, scan: Prepared, recipe: Recipe, missing: list[str]) -> ReactedLayer | None:
    """The layer from the recipe's witnesses."""
    metal = [item.along for item in measured.values() if item.lines]
    witnesses = [w for name in recipe.witnesses if (w := _witness(name, measured)) is not None]
    if not witnesses:
        missing.append("no layer: none of the recipe's witnesses is measured")
        return None
    signal = np.nansum([f.values[:, :2].sum(1) for f in metal], axis=0)
    variance = np.nansum([f.covariance[:, :2, :2].sum((1, 2)) for f in metal], axis=0)
    unknown = np.all([~np.isfinite(f.values[:, 0]) for f in metal], axis=0)
    variance[unknown] = variance.max() if np.any(variance > 0) else 1.0
    try:
        layer = fit_layer(positions, (signal, variance), witnesses, low_loss=_zero_loss(scan))
    except OxyspyError as error:
        missing.append(f"no layer: {error}")
        return None
    if not layer.supported and not np.isfinite(layer.upper_limit_nm):
        missing.append(f"no layer: {layer.reason}")
    return layer


def _zero_loss(scan: Prepared) -> tuple[NDArray, NDArray] | None:
    """Zero-loss intensity and t/λ along the line; None where one low loss stands for all, or a position has none."""
    if scan.zero_loss is None or scan.zero_loss.area.shape != scan.counts.shape[:2]:
        return None
    beam, total = (np.where(np.isfinite(v), v, 0).sum(0) for v in (scan.zero_loss.area, scan.zero_loss.total))
    return (beam, np.log(total / beam)) if (beam > 0).all() else None


def _witness(name: str, measured: Mapping[str, EdgeMeasurement]) -> Witness | None:
    """A recipe's witness as a ratio of two areas; None where its edge is not measured."""
    edge = "O_K" if name == "o_pre_edge" else f"{name.split('_')[0].capitalize()}_L"
    if edge not in measured:
        return None
    f = measured[edge].along
    if edge == "O_K":
        v = f.covariance
        return Witness("O K pre-edge / main edge", f.values[:, 0], f.values[:, 1], v[:, 0, 0], v[:, 1, 1], v[:, 0, 1])
    return _l3_share(f, edge.split("_")[0])


def _l3_share(f: Functionals, element: str) -> Witness:
    """Share of L3 in both lines: it mixes linearly where layer and bulk overlap, as the ratio does not."""
    first, second = f.values[:, 0], f.values[:, 1]
    v11, v22, v12 = f.covariance[:, 0, 0], f.covariance[:, 1, 1], f.covariance[:, 0, 1]
    return Witness(f"{element} L3 / (L3 + L2)", first, first + second, v11, v11 + v22 + 2 * v12, v11 + v12)


def _state(item: EdgeMeasurement, layer: ReactedLayer | None, positions, scan: Prepared) -> StateChange:
    """L3/L2 and L3 position of the layer and of the bulk."""
    nan = float("nan")
    lines = item.lines
    values = dict.fromkeys(("ratio_layer", "ratio_layer_sigma", "shift_ev", "shift_sigma_ev"), nan)
    inside, bulk = np.zeros(positions.size, bool), scan.bright.any(0)
    if layer is not None and layer.supported:
        depth = layer.depth(positions)
        inside = (depth > 0) & (depth < layer.thickness_nm)
        bulk = depth > layer.thickness_nm + 2 * layer.width_nm
        values["ratio_layer"], values["ratio_layer_sigma"] = _layer_ratio(item.along, layer, positions)
    along = item.functionals.sum(where=np.broadcast_to(bulk, scan.bright.shape) & scan.bright)
    ratio, ratio_sigma = _ratio(along.values, along.covariance)
    at_layer, at_bulk = (_median(lines.l3_ev[where], lines.l3_ev_sigma[where]) for where in (inside, bulk))
    values["shift_ev"] = at_layer[0] - at_bulk[0]
    values["shift_sigma_ev"] = float(np.hypot(at_layer[1], at_bulk[1]))
    splitting = lines.splitting_ev[bulk]
    splitting = float(np.nanmedian(splitting)) if np.isfinite(splitting).any() else nan
    return StateChange(
        edge=item.edge.name,
        ratio_bulk=ratio,
        ratio_bulk_sigma=ratio_sigma,
        splitting_bulk_ev=splitting,
        method=item.fingerprint,
        **_valences(item, bulk & scan.bright, layer, positions, splitting),
        **values,
    )


def _valences(
    item: EdgeMeasurement, bulk: NDArray, layer: ReactedLayer | None, positions: NDArray, splitting: float
) -> dict[str, Any]:
    """Valences of the layer and of the bulk, by the calibration that the edge was measured once more for."""
    nan = float("nan")
    found: dict[str, Any] = dict.fromkeys(
        ("valence_layer", "valence_layer_sigma", "valence_bulk", "valence_bulk_sigma"), nan
    )
    again = item.comparable
    if again is None:
        return found | {"valence_note": "no calibration of this element: ratio and shift only"}

    def convert(ratio: tuple[float, float]) -> tuple[float, float]:
        valence, sigma = again.calibration.valence(*ratio, again.method)
        return float(valence), float(sigma)

    total = again.functionals.sum(where=bulk)
    ratios = {"bulk": _ratio(total.values, total.covariance)}
    if layer is not None and layer.supported:
        ratios["layer"] = _layer_ratio(again.functionals.sum(axis=0), layer, positions)
    outside = ""
    for place, ratio in ratios.items():
        found[f"valence_{place}"], found[f"valence_{place}_sigma"] = convert(ratio)
        if np.isfinite(ratio[0]) and not np.isfinite(found[f"valence_{place}"]):
            outside += f"; the {place}'s ratio in the calibration's way, {ratio[0]:.2f}, lies outside its standards"
    note = f"{'indicative only; ' if again.calibration.indicative else ''}{again.calibration.source}"
    note += outside
    witness = float(again.calibration.valence_by_splitting(splitting))
    if abs(witness - found["valence_bulk"]) > 1:
        note += f"; L2 - L3 of the bulk speaks for {witness:.1f} instead"
    return found | {"valence_note": note}


def _layer_ratio(along: Functionals, layer: ReactedLayer, positions: NDArray) -> tuple[float, float]:
    """L3/L2 from the layer's level of L3 / (L3 + L2), with its standard error; ``nan`` without support."""
    level = layer_level(_l3_share(along, ""), layer, positions)
    share, sigma = level.layer, level.layer_sigma
    if not 3 * sigma < share < 1 - 3 * sigma:
        return float("nan"), float("nan")
    return float(share / (1 - share)), float(sigma / (1 - share) ** 2)


def _ratio(values: NDArray, covariance: NDArray) -> tuple[float, float]:
    """L3/L2 of summed areas with its standard error; ``nan`` where either is within three errors of zero."""
    a3, a2 = values[..., 0], values[..., 1]
    v33, v22, v32 = covariance[0, 0], covariance[1, 1], covariance[0, 1]
    if not (a3 > 3 * np.sqrt(v33) and a2 > 3 * np.sqrt(v22)):
        return float("nan"), float("nan")
    relative = v33 / a3**2 + v22 / a2**2 - 2 * v32 / (a3 * a2)
    return float(a3 / a2), float(a3 / a2 * np.sqrt(max(relative, 0.0)))


def _median(values: NDArray, sigma: NDArray) -> tuple[float, float]:
    """Median of positions, and the standard error that their own errors give it."""
    good = np.isfinite(values) & np.isfinite(sigma)
    if not good.any():
        return float("nan"), float("nan")
    return float(np.median(values[good])), float(1.2533 * np.sqrt(np.mean(sigma[good] ** 2) / good.sum()))


def _required(layer: ReactedLayer | None, recipe: Recipe, missing: list[str]) -> RequiredDiffusivity | None:
    """The diffusivity the coating must have had, where coating and exposure are given."""
    given = recipe.transport
    if layer is None or given.coating is None or given.exposure is None:
        return None
    from oxyspy.transport import required_diffusivity

    if layer.supported:
        thickness, sigma = layer.thickness_nm, layer.sigma_nm
    elif np.isfinite(layer.upper_limit_nm):
        thickness, sigma = 0.0, layer.upper_limit_nm / 1.96
    else:
        return None
    more = {} if given.concentration is None else {"concentration": given.concentration}
    try:
        return required_diffusivity(
            thickness * NM,
            given.coating,
            given.exposure,
            layer_sigma=sigma * NM,
            radius=given.radius,
            mu_c=given.mu_c,
            mu_e=given.mu_e,
            c_max=given.c_max,
            temperature=given.temperature,
            geometry=given.geometry,
            **more,
        )
    except OxyspyError as error:
        missing.append(f"no required diffusivity: {error}")
        return None
