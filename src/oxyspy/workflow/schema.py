"""What ``result.json`` and ``statistics.json`` hold, as JSON Schemas (2020-12): for programs and for people."""

from __future__ import annotations

import dataclasses
import inspect
import re
from functools import cache
from typing import Any

Schema = dict[str, Any]
# what is not finite is null
NUMBER: Schema = {"type": ["number", "null"]}
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
KINDS: dict[str, Schema] = {
    "float": NUMBER, "int": {"type": "integer"}, "bool": {"type": "boolean"}, "str": TEXT,
    "tuple[str, ...]": TEXTS, "tuple[float, float]": {"type": "array", "items": NUMBER},
}  # fmt: skip
STATUS: Schema = {"enum": ["ok", "partial", "failed"]}


@cache
def result_schema() -> Schema:
    """Return the JSON Schema of a scan's ``result.json``.

    Notes
    -----
    ``schema`` goes up with every change that a reader must know of. Numbers that could not be measured are ``null``.
    The parts that are results of the package have the attributes of their classes, each described as there.

    Examples
    --------
    >>> schema = result_schema()
    >>> schema["properties"]["layer_nm"]["description"]
    'Thickness of the reacted layer in nm.'
    """
    from oxyspy.eels.calibration import Calibration
    from oxyspy.eels.cleaning import Cleaning
    from oxyspy.io.dose import Dose
    from oxyspy.layer import ReactedLayer
    from oxyspy.statistics import GroupMean
    from oxyspy.transport import RequiredDiffusivity
    from oxyspy.workflow.layers import RowLayer
    from oxyspy.workflow.output import PROFILE_COLUMNS, SCHEMA
    from oxyspy.workflow.recipe import Recipe
    from oxyspy.workflow.rows import RowAlignment
    from oxyspy.workflow.states import StateChange

    recipe = Recipe.model_json_schema()
    definitions = recipe.pop("$defs", {})
    always = {
        "schema": ({"const": SCHEMA}, "Version of this schema."),
        "scan": (TEXT, "Name of the scan."),
        "status": (STATUS, "partial: something asked for could not be measured; failed: nothing was."),
        "message": (TEXT, "What could not be measured, and why."),
        "sheet": (_map(TEXT), "The scan's cells of the sample sheet, by heading."),
        "recipe": (recipe, "Every choice; `oxyspy analyse --recipe result.json` repeats it."),
        "provenance": (_provenance(), "Versions, inputs, time, and the command that does the same again."),
    }
    measured = {
        "edge": (TEXT, "Edge of the ratios and valences of the summary."),
        "layer_nm": (NUMBER, "Thickness of the reacted layer in nm."),
        "layer_sigma_nm": (NUMBER, "Its standard error in nm."),
        "layer_supported": ({"type": "boolean"}, "Whether the data support a layer."),
        "surface_nm": (NUMBER, "Position of the cathode's surface along the line in nm."),
        "ratio_layer": (NUMBER, "L3/L2 in the layer."),
        "ratio_bulk": (NUMBER, "L3/L2 in the bulk."),
        "ratio_layer_sigma": (NUMBER, "Standard error of L3/L2 in the layer."),
        "ratio_bulk_sigma": (NUMBER, "Standard error of L3/L2 in the bulk."),
        "valence_layer": (NUMBER, "Valence in the layer."),
        "valence_bulk": (NUMBER, "Valence in the bulk."),
        "valence_layer_sigma": (NUMBER, "Standard error of the layer's valence."),
        "valence_bulk_sigma": (NUMBER, "Standard error of the bulk's valence."),
        "valence_indicative": ({"type": "boolean"}, "Whether these valences indicate and prove nothing."),
        "t_over_lambda": (NUMBER, "Median thickness over positions with signal, in mean free paths."),
        "t_over_lambda_sigma": (NUMBER, "Its standard error by counting."),
        "energy_offset_ev": (NUMBER, "Of the energy axis, at zero as recorded, in eV."),
        "energy_dispersion_factor": (NUMBER, "Of the energy axis."),
        "required_diffusivity_cm2_s": (NUMBER, "O2- diffusivity the coating must have had, in cm2/s."),
        "required_diffusivity_low": (NUMBER, "Lower end of its 68 % interval."),
        "required_diffusivity_high": (NUMBER, "Upper end; without a layer the upper limit, 95 %."),
        "warnings": (TEXTS, "All that was doubtful, in words."),
        "scan_description": ({"type": "object"}, "What `oxyspy.LineScan.summary` says: axes, files, microscope."),
        "calibration": (_of(Calibration), "Of the energy axis."),
        "cleaning": (_of(Cleaning), "Spikes, bad channels and spectra that are no measurement."),
        "low_loss_cleaning": (_or_null(_of(Cleaning)), "The same of the low loss, its zero-loss peak left alone."),
        "drift": (
            _object({"corrected": {"type": "boolean"}, "channels": {"type": "integer"}}),
            "Whether core losses were moved with their zero-loss peaks, and over how many channels these drift.",
        ),
        "vacuum_positions": (_list({"type": "integer"}), "Positions without signal, from 0."),
        "layer": (_or_null(_of(ReactedLayer)), "The fit of the reacted layer."),
        "rows": (_or_null(_of(RowAlignment)), "How the rows of a scan were brought to one surface."),
        "layer_by_row": (_list(_of(RowLayer)), "The layer of each row."),
        "layer_of_rows": (_or_null(_of(GroupMean)), "Their mean and spread."),
        "dose": (_or_null(_of(Dose)), "Of the beam."),
        "states": (_map(_of(StateChange)), "L3/L2, positions and valences of each edge, in the layer and in the bulk."),
        "required_diffusivity": (_or_null(_of(RequiredDiffusivity)), "The diffusivity with its inputs, in cm, s, eV."),
        "methods": (_map(_method()), "How each edge was measured."),
        "profile": (_list(_row(PROFILE_COLUMNS)), "A row a position; the columns of profile.csv."),
        "images": (_list(_image()), "Images of the scan, and where it lies on them."),
        "phases": (_phases(), "Phases in its lattice image, and the layer by it."),
    }  # fmt: skip
    parts = always | measured
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "oxyspy result.json",
        "type": "object",
        "properties": {name: {**part, "description": words} for name, (part, words) in parts.items()},
        "required": list(always),
        "additionalProperties": False,
        "$defs": definitions,
    }


@cache
def statistics_schema() -> Schema:
    """Return the JSON Schema of a batch's ``statistics.json``.

    Examples
    --------
    >>> schema = statistics_schema()
    >>> list(schema["properties"])
    ['schema', 'scans', 'groups', 'trends', 'tests', 'tested']
    """
    from oxyspy.statistics import GroupDifference, GroupMean, Trend
    from oxyspy.workflow.population_groups import Group
    from oxyspy.workflow.population_scans import Scan
    from oxyspy.workflow.population_tables import STATISTICS

    mean = _of(GroupMean)
    parts = {
        "schema": ({"const": STATISTICS}, "Version of this schema."),
        "scans": (_list(_of(Scan)), "What went in."),
        "groups": (
            _list(_of(Group, {"layer": mean, "diffusivity": _or_null(mean)})),
            "All scans, conditions, these after each number of cycles, and samples.",
        ),
        "trends": (_map(_of(Trend)), "Growth with cycles, by condition."),
        "tests": (_list(_of(GroupDifference)), "Differences between conditions or samples."),
        "tested": (TEXT, "What the tests compared, and by what they counted."),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "oxyspy statistics.json",
        **_object({name: {**part, "description": words} for name, (part, words) in parts.items()}),
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _or_null(part: Schema) -> Schema:
    return {"anyOf": [part, {"type": "null"}]}


def _object(required: dict[str, Schema], more: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object", "properties": required | (more or {}), "required": list(required),
        "additionalProperties": False,
    }  # fmt: skip


def _of(result: type, kinds: dict[str, Schema] | None = None) -> Schema:
    """A result's attributes, with what its docstring says of them; ``kinds`` are those of its own kinds."""
    words = _described(inspect.getdoc(result) or "")
    properties = {}
    for field in dataclasses.fields(result):
        kind = KINDS.get(str(field.type).replace("Interval", "tuple[float, float]"), {})
        kind = (kinds or {}).get(field.name, kind)
        properties[field.name] = kind | ({"description": words[field.name]} if words.get(field.name) else {})
    summary = (inspect.getdoc(result) or "").split("\n\n")[0]
    return {"title": result.__name__, "description": summary} | _object(properties)


def _described(docstring: str) -> dict[str, str]:
    """Names of a numpydoc section Attributes, each with its text."""
    section = re.search(r"Attributes\n-+\n(.*?)(?:\n\n[A-Z][a-z ]+\n-+\n|\Z)", docstring, re.DOTALL)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in (section[1] if section else "").splitlines():
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.split(":")[0].split(",")]
        for name in names if line.startswith(" ") else ():
            found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def _provenance() -> Schema:
    return _object({
        "oxyspy": TEXT, "python": TEXT, "system": TEXT, "packages": _map(TEXT), "inputs": _map(TEXT),
        "calibrations": _map(TEXT), "time": TEXT, "repeat": TEXT,
    })  # fmt: skip


def _method() -> Schema:
    window = _list(NUMBER)
    choices = _object(
        {"edge": TEXT, "background": window, "deconvolution": TEXT, "gaussian_fwhm": NUMBER,
         "deconvolved_from_ev": NUMBER},
        {
            "pre_edge": window, "main": window, "post": window, "l3_half": NUMBER, "l2_half": NUMBER, "step": TEXT,
            "step_width": NUMBER, "slope": {"type": "boolean"}, "positions": _or_null(window), "post_from": TEXT,
            "background_method": TEXT,
        },
    )  # fmt: skip
    return _object({
        "fingerprint": TEXT, "choices": choices, "places_ev": _or_null(_list(_list(NUMBER))),
        "noise_variance_over_mean": NUMBER, "background_reduced_deviance": NUMBER,
    })  # fmt: skip


def _row(columns: tuple[str, ...]) -> Schema:
    row = _object({"position_nm": NUMBER, "flags": TEXT}, {name: NUMBER for name in columns[1:] if name != "flags"})
    # valences and the like of elements that are not in the table of columns
    return row | {"additionalProperties": NUMBER}


def _image() -> Schema:
    return _object({
        "title": TEXT, "file": TEXT, "size": _list({"type": "integer"}), "pixel_nm": _list(NUMBER), "where": TEXT,
        "scan_nm": _or_null(_list(NUMBER)), "line_nm": _or_null(_list(NUMBER)),
    })  # fmt: skip


def _phases() -> Schema:
    from oxyspy.lattice.agreement import LayerAgreement

    return _object(
        {"image": TEXT, "status": STATUS, "message": TEXT},
        {
            "shares": _map(NUMBER), "layer": _or_null({"type": "object"}), "identity": _or_null({"type": "object"}),
            "with_spectra": _or_null(_of(LayerAgreement)), "agreement": TEXT, "spectra_stretch": _or_null(NUMBER),
            "scale_error": _list(NUMBER), "method": TEXT, "warnings": TEXTS, "file": TEXT, "files": _map(TEXT),
        },
    )  # fmt: skip
