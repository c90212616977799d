"""A valence calibration of one's own standards, measured as a recipe measures scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.eels.valence import ValenceCalibration, calibrate_valence, method_key
from oxyspy.errors import InputError, MethodError, OxyspyError
from oxyspy.workflow.chain import EdgeMeasurement, Prepared, measure_white_lines, prepare
from oxyspy.workflow.recipe import Recipe, load_recipe
from oxyspy.workflow.states import ratio_of, splitting_of

if TYPE_CHECKING:
    import os

    from oxyspy.io import LineScan


def calibrate_from_standards(
    standards: Sequence[Any],
    valences: Sequence[float],
    recipe: str | os.PathLike | Recipe = "nmc",
    *,
    edge: str = "Mn_L",
    source: str = "standards of our own",
) -> ValenceCalibration:
    """Measure standards of known valence, and make a calibration of them.

    Each standard is measured as the recipe measures a scan: its spectra are calibrated, deconvolved with their low loss
    and added up. ``calibration.save("mine.yaml")`` keeps it; ``valence: {Mn_L: mine.yaml}`` in the recipe converts by
    it.

    Parameters
    ----------
    standards : sequence
        Of each standard a `LineScan`, what `oxyspy.load_scan` takes, a core-loss signal, or a pair (core, low loss)
        of signals or files. Several of one valence tell its spread.
    valences : sequence of float
        Of each.
    recipe : str, path or Recipe
        Its windows and deconvolution; what it knows of the edge's energy and of other edges is left out.
    edge : str
        Whose white lines are measured.
    source : str
        Where the standards come from; results quote it.

    Returns
    -------
    ValenceCalibration
        Converts ratios of scans measured by the same recipe.

    Raises
    ------
    InputError
        A standard without the edge, without L2, or without a low loss that others have; under two valences, or ratios
        that do not fall with the valence.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> core, low = scan.core_loss, scan.low_loss
    >>> places = slice(6.4, 7.6), slice(13.0, None)
    >>> standards = [(core.inav[place], low.inav[place]) for place in places]
    >>> mine = oxyspy.calibrate_from_standards(standards, [2, 4], source="layer and bulk stand in for oxides")
    >>> mine.save("mine.yaml")
    >>> [one.valence for one in mine.standards]
    [2.0, 4.0]
    """
    standards, valences = list(standards), [float(v) for v in valences]
    if len(standards) != len(valences):
        raise InputError(f"{len(standards)} standards, but {len(valences)} valences: needed one of each")
    recipe = load_recipe(recipe)
    if edge not in recipe.edges:
        raise InputError(f"recipe {recipe.name} does not measure {edge}; it does {', '.join(recipe.edges)}")
    bare = recipe.model_copy(
        update={
            "edges": {edge: recipe.edges[edge]}, "oxygen": False, "valence": {}, "bootstrap": None,
            # a standard of another valence has its lines elsewhere
            "landmarks": {name: mark for name, mark in recipe.landmarks.items() if name != edge},
        }
    )  # fmt: skip
    ratios: dict[float, list[float]] = {}
    errors: dict[float, list[float]] = {}
    splittings: dict[float, list[float]] = {}
    methods = {}
    for number, (standard, valence) in enumerate(zip(standards, valences, strict=True), start=1):
        name = f"standard {number} of {len(standards)}"
        try:
            scan = _scan(standard)
            name = f"{name}, {scan.name}"
            prepared, item = _measured(scan, bare, edge)
        except OxyspyError as error:
            raise InputError(f"{name}: {error}") from error
        everywhere = np.ones(prepared.bright.shape[1], bool)
        ratio, splitting = (
            ratio_of(item.functionals.sum(where=prepared.bright)),
            splitting_of(item, everywhere, prepared),
        )
        if not (np.isfinite(ratio[0]) and np.isfinite(splitting[0])):
            raise InputError(f"{name}: no L2 above its noise in the sum of its spectra, so no L3/L2")
        ratios.setdefault(valence, []).append(ratio[0])
        errors.setdefault(valence, []).append(ratio[1])
        splittings.setdefault(valence, []).append(splitting[0])
        methods[method_key(item.method)] = name, item.method
    if len(methods) > 1:
        told = "\n".join(f"  {key} ({name})" for key, (name, _) in methods.items())
        raise MethodError(f"the standards are not measured in one way; has each a low loss?\n{told}")
    _, method = methods.popitem()[1]
    return calibrate_valence(ratios, splittings, method, source, ratio_sigmas=errors)


def _scan(standard: Any) -> LineScan:
    from oxyspy.io import LineScan, load_scan

    if isinstance(standard, LineScan):
        return standard
    if isinstance(standard, tuple) and len(standard) == 2:
        return load_scan(core=standard[0], low_loss=standard[1])
    if hasattr(standard, "axes_manager"):
        return load_scan(core=standard)
    return load_scan(standard)


def _measured(scan: LineScan, recipe: Recipe, edge: str) -> tuple[Prepared, EdgeMeasurement]:
    low = scan.low_loss is not None
    prepared = prepare(
        scan.core_counts(), scan.energy_nominal, scan.low_counts() if low else None, scan.low_energy if low else None,
        recipe,
    )  # fmt: skip
    return prepared, measure_white_lines(prepared, edge, recipe)
