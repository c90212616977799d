"""One scan, from counts to the diffusivity its coating must have had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.blocks import one_blas_thread
from oxyspy.eels.white_lines import AREA_L3
from oxyspy.errors import InputError, OxyspyError
from oxyspy.layer import ReactedLayer
from oxyspy.layer.agreement import CONTRADICTION
from oxyspy.units import parse_measured
from oxyspy.workflow.bootstrap import with_bootstrap
from oxyspy.workflow.chain import EdgeMeasurement, Prepared, measure_oxygen, measure_white_lines, prepare
from oxyspy.workflow.layers import RowLayer, fit_scan, layers_by_row, mean_of_rows, rows_in_words
from oxyspy.workflow.recipe import Recipe, load_recipe
from oxyspy.workflow.rows import RowAlignment, align_rows, gathered_image
from oxyspy.workflow.states import StateChange, state_change

if TYPE_CHECKING:
    import os

    from hyperspy.signals import BaseSignal
    from matplotlib.figure import Figure

    from oxyspy.io import Dose, LineScan
    from oxyspy.statistics import GroupMean
    from oxyspy.transport import RequiredDiffusivity

NM = 1e-7  # in cm, the unit of the transport kernels
# area of an edge in the sum of all spectra over its standard error, below which there is no edge
LEAST_SIGNIFICANCE = 5.0


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
    rows : RowAlignment or None
        What was done to the rows; None for a single one.
    layer_by_row : tuple of RowLayer
        Of each row, or of each few that were added up.
    layer_of_rows : GroupMean or None
        Their mean and spread, beside ``layer``, which is that of all rows aligned and added up.
    dose : Dose or None
    images : tuple
        Each image of the scan with where on it the scan runs; see `oxyspy.workflow.pictures.place_of`.
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
    rows: RowAlignment | None = None
    layer_by_row: tuple[RowLayer, ...] = ()
    layer_of_rows: GroupMean | None = None
    dose: Dose | None = None
    images: tuple[tuple[BaseSignal, dict[str, Any]], ...] = ()
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        lines = [f"{self.name}: {self.status}" + (f" ({self.message})" if self.message else "")]
        if self.scan is not None:
            lines.append(f"  {self.scan.calibration}")
        if self.layer is not None:
            lines.append(f"  {self.layer}")
        if self.layer_by_row:
            lines.append(f"  {rows_in_words(self.layer_by_row, self.layer_of_rows)}")
        for state in self.states.values():
            line = f"  {state.edge} L3/L2: bulk {state.ratio_bulk:.2f} ± {state.ratio_bulk_sigma:.2f}"
            if np.isfinite(state.ratio_layer):
                line += f", layer {state.ratio_layer:.2f} ± {state.ratio_layer_sigma:.2f}"
            valences = [
                f"{place} {value:.1f} ± {sigma:.1f}"
                for place, value, sigma in (
                    ("bulk", state.valence_bulk, state.valence_bulk_sigma),
                    ("layer", state.valence_layer, state.valence_layer_sigma),
                )
                if np.isfinite(value)
            ]
            if valences:
                line += f"; {'indicative ' * state.valence_indicative}valence: {', '.join(valences)}"
            lines.append(line)
        if self.dose is not None and np.isfinite(self.dose.electrons_per_nm2):
            lines.append(f"  {self.dose}")
        if self.diffusivity is not None:
            lines.append(f"  required O2- diffusivity: {self.diffusivity!r}")
        lines += [f"  ! {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def plot(self, kind: str = "profile") -> Figure:
        """Draw the result.

        Parameters
        ----------
        kind : str
            ``"profile"``, what was measured along the scan with the fitted layer; ``"spectra"``, each edge with its
            background, continuum and areas; ``"rows"``, the layer of each row; ``"images"``, the scan's line on its
            images; ``"phases"``, the phase map of its lattice image; ``"required"``, the required diffusivity beside
            the coatings' table.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            Another kind, or one that this result has nothing for.
        """
        from oxyspy.workflow.figures import draw

        return draw(self, kind)

    def save(self, folder: str | os.PathLike) -> None:
        """Write profile, figures, signals and ``result.json`` to ``folder``; each appears whole or not at all."""
        from oxyspy.workflow.output import save_scan

        save_scan(self, folder)


def analyse(
    scan: LineScan | str | os.PathLike,
    recipe: str | Recipe = "nmc",
    *,
    line: Sequence[float] | Any = None,
    width: float | None = None,
) -> ScanResult:
    """Run the whole chain on one scan.

    Parameters
    ----------
    scan : LineScan, or what `oxyspy.load_scan` takes
        A line scan, or a spectrum image; rows of either are brought to one surface.
    recipe : str, path or Recipe
        The name of a shipped recipe, a YAML file, or a recipe.
    line : tuple of float, or HyperSpy's ``Line2DROI``, optional
        ``(x1, y1, x2, y2)`` in nm: analyse this line through a spectrum image as a line scan, instead of its rows.
    width : float, optional
        Of the line, in nm.

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
    >>> import oxyspy
    >>> result = oxyspy.analyse(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm", recipe="nmc")
    >>> print(f"{result.layer.thickness_nm:.1f} nm, made with 2 nm")
    2.0 nm, made with 2 nm
    """
    from oxyspy.io import LineScan, cut_line, load_scan
    from oxyspy.io.dose import dose_of
    from oxyspy.workflow.pictures import place_of, shown_images

    recipe = load_recipe(recipe)
    if line is not None:
        recipe = recipe.with_line(line, width)
    if not isinstance(scan, LineScan):
        scan = load_scan(scan, lazy="large")
    dose = dose_of(scan)
    images = tuple((image, place_of(image, scan, recipe)) for image in shown_images(scan))
    if recipe.line is not None:
        scan = cut_line(scan, recipe.line, recipe.line_width)
    low = scan.low_loss is not None
    positions, rows = _positions(scan, recipe)
    result = analyse_arrays(
        scan.core_counts(),
        scan.energy_nominal,
        scan.low_counts() if low else None,
        scan.low_energy if low else None,
        positions,
        recipe,
        name=scan.name,
        rows_nm=rows,
        adf=scan.adf_signal(),
    )
    return replace(
        result,
        dose=dose,
        images=images,
        files=tuple(str(file) for file in scan.files),
        warnings=(*scan.warnings, *result.warnings),
        metadata=scan.summary(),
    )


def _positions(scan: LineScan, recipe: Recipe) -> tuple[NDArray, NDArray | None]:
    """Positions along and across the line in nm, by the file's calibration or, where it has none, the recipe's step."""
    positions = scan.positions_nm
    rows = scan.row_positions_nm if np.isfinite(scan.row_step_nm) else None
    if positions.size < 2 or np.isfinite(scan.step_nm):
        return positions, rows
    if recipe.step is None:
        raise InputError(
            f"{scan.name}: the positions have no length calibration: set scale and units of the navigation axis, or "
            "give the distance of the positions in the recipe, `step: 0.4 nm`"
        )
    step = parse_measured(recipe.step, "nm")[0]
    return positions * step, scan.row_positions_nm * step


# so that the last bits are the same here, in a batch's processes and on a cluster
@one_blas_thread
def analyse_arrays(
    core: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    positions_nm: NDArray,
    recipe: Recipe,
    name: str = "scan",
    rows_nm: NDArray | None = None,
    adf: NDArray | None = None,
) -> ScanResult:
    """Run the whole chain on the arrays of one scan.

    Parameters
    ----------
    core : array or dask array, shape (rows, positions, n)
        Core-loss counts; many rows are read a few at a time.
    energy : array, shape (n,)
        Its axis as recorded, in eV.
    low, low_energy : array or dask array, shape (rows, positions, m) and (m,), or None
        Low loss and its axis.
    positions_nm : array, shape (positions,)
        Rising.
    recipe : Recipe
    name : str
    rows_nm : array, shape (rows,), optional
        Rising; by default rows are counted.
    adf : array, shape (rows, positions), optional
        Annular dark-field signal, in any unit: a second witness of the surface.

    Returns
    -------
    ScanResult

    Raises
    ------
    InputError
        No spectrum with signal, or no white lines of the recipe in them.
    """
    alignment, masked = None, ()
    if core.shape[0] > 1:
        aligned = align_rows(core, energy, low, low_energy, positions_nm, rows_nm, recipe)
        core, low, positions_nm, alignment = aligned.core, aligned.low, aligned.positions_nm, aligned.alignment
        masked = aligned.masked
        adf = None if adf is None else gathered_image(adf, alignment, rows_nm)
    prepared = prepare(core, energy, low, low_energy, recipe, masked)
    missing = []
    if prepared.zero_loss is None:
        why = "no low loss" if low is None else "no low loss that can be used"
        missing.append(
            f"{why}: t/λ is not known and nothing is deconvolved, which makes L3/L2 too high; give one recorded at the "
            "same places"
        )
    if not prepared.calibration.absolute:
        missing.append(
            f"energy axis not calibrated: {prepared.calibration.method}; L3 positions are given as shifts from the "
            "bulk only"
        )
    measured = _measure_edges(prepared, recipe, missing)
    if not any(item.lines for item in measured.values()):
        raise InputError(f"no white lines of the recipe could be measured: {'; '.join(missing)}")
    layer = fit_scan(
        positions_nm, measured, prepared, recipe, missing, adf=None if adf is None else np.nanmean(adf, axis=0)
    )
    states = {n: state_change(item, layer, positions_nm, prepared) for n, item in measured.items() if item.lines}
    doubts = tuple(f"{n}: {words}" for n, state in states.items() for words in state.self_check.words)
    missing += [words for state in states.values() for words in _without_ratio(state, layer)]
    if layer is not None and layer.agreement_probability < CONTRADICTION:
        missing += [note for note in layer.notes if "contradict" in note]
    diffusivity = _required(layer, recipe, missing)
    by_row = () if alignment is None else layers_by_row(positions_nm, measured, prepared, recipe, alignment, adf)
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
        rows=alignment,
        layer_by_row=by_row,
        layer_of_rows=mean_of_rows(by_row) if by_row else None,
        warnings=(
            *prepared.warnings,
            *(() if alignment is None else alignment.notes),
            *(() if layer is None else layer.notes),
            *doubts,
            *(f"{name}: {state.valence_conflict}" for name, state in states.items() if state.valence_conflict),
        ),
    )


def _without_ratio(state: StateChange, layer: ReactedLayer | None) -> list[str]:
    """What is missing of an edge's ratios, in words."""
    places = {"bulk": state.ratio_bulk}
    if layer is not None and layer.supported:
        places["layer"] = state.ratio_layer
    lost = " and ".join(place for place, ratio in places.items() if not np.isfinite(ratio))
    return [f"{state.edge}: no L3/L2 of the {lost}, a line is within its noise"] * bool(lost)


def _measure_edges(scan: Prepared, recipe: Recipe, missing: list[str]) -> dict[str, EdgeMeasurement]:
    """Every edge of the recipe that can be measured; what can't goes to ``missing`` with its reason."""
    measured = {}
    for name in (*recipe.edges, *(["O_K"] if recipe.oxygen else [])):
        if scan.calibration.missed(name) and name != "O_K":
            missing.append(f"{name}: not found in the sum of all spectra")
            continue
        try:
            measure = measure_oxygen if name == "O_K" else partial(measure_white_lines, name=name)
            item = measure(scan, recipe=recipe)
            if recipe.bootstrap is not None:
                again = measure if name == "O_K" else partial(measure, check=False)
                item = with_bootstrap(item, partial(again, recipe=recipe), scan, recipe.bootstrap)
            total = item.along.sum()
            # a window stands on the highest noise where there is no edge: the area must be far above what that gives
            at, what = (1, "main edge") if name == "O_K" else (AREA_L3, "L3")
            if not total.values[at] > LEAST_SIGNIFICANCE * np.sqrt(total.covariance[at, at]):
                missing.append(f"{name}: no {what} above its noise in the sum of all spectra")
                continue
            measured[name] = item
            missing += [item.no_valence] * bool(item.no_valence)
        except OxyspyError as error:
            missing.append(str(error))
    return measured


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
