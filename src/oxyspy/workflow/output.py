"""Files of the results: the columns and names that users' scripts rely on."""

from __future__ import annotations

import csv
import io
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oxyspy import __version__
from oxyspy.eels.white_lines import white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.errors import InputError
from oxyspy.files import hashes, need_room, whole_file, write_json, write_text
from oxyspy.results import to_plain
from oxyspy.workflow.analysis import ScanResult
from oxyspy.workflow.chain import EdgeMeasurement, Prepared
from oxyspy.workflow.flags import flags
from oxyspy.workflow.states import bulk_positions, l3_shift

if TYPE_CHECKING:
    import pandas as pd

SUMMARY_COLUMNS = (
    "scan", "status", "edge", "layer_nm", "layer_sigma_nm", "layer_supported", "surface_nm", "ratio_layer",
    "ratio_bulk", "valence_layer", "valence_bulk", "t_over_lambda", "energy_offset_ev", "energy_dispersion_factor",
    "required_diffusivity_cm2_s", "required_diffusivity_low", "required_diffusivity_high", "message",
    "ratio_layer_sigma", "ratio_bulk_sigma", "valence_layer_sigma", "valence_bulk_sigma", "valence_indicative",
    "t_over_lambda_sigma",
)  # fmt: skip
LINE_COLUMNS = (
    "l3", "l3_sigma", "l2", "l2_sigma", "l3_l2", "l3_l2_sigma", "l3_ev", "l3_ev_sigma", "splitting_ev", "valence",
)  # fmt: skip
# L3 less the bulk's
SHIFT_COLUMNS = ("l3_shift_ev", "l3_shift_ev_sigma")
# Fieller's 95 % interval of the ratio, over how many positions it was summed, and what else is known of the lines
MORE_COLUMNS = (
    "l3_l2_low", "l3_l2_high", "l3_l2_over", "l2_ev", "l2_ev_sigma", "continuum", "continuum_sigma", "normalised_ev",
    "normalised_ev_sigma", "valence_sigma",
)  # fmt: skip
ROW_COLUMNS = (
    "row", "rows", "row_nm", "layer_nm", "layer_sigma_nm", "layer_low_68_nm", "layer_high_68_nm", "layer_low_95_nm",
    "layer_high_95_nm", "layer_supported", "upper_limit_95_nm", "surface_nm", "surface_sigma_nm", "reason",
)  # fmt: skip
ELEMENTS = ("mn", "co", "ni")
PROFILE_COLUMNS = (
    "position_nm",
    *(f"{element}_{column}" for element in ELEMENTS for column in LINE_COLUMNS),
    "o_prepeak", "o_prepeak_sigma", "o_k", "t_over_lambda", "flags",
    *(f"{element}_{column}" for element in ELEMENTS for column in SHIFT_COLUMNS),
    # what errors of sums, differences and ratios need besides
    *(f"{element}_{column}" for element in ELEMENTS for column in ("splitting_ev_sigma", "l3_l2_covariance")),
    "o_k_sigma", "o_prepeak_o_k_covariance",
    *(f"{element}_{column}" for element in ELEMENTS for column in MORE_COLUMNS),
    "t_over_lambda_sigma",
)  # fmt: skip
# of result.json, see `oxyspy.workflow.schema`; goes up with every change that a reader must know of
SCHEMA = 4
# what a signal's file holds at most besides its data
HSPY_BYTES = 100_000


def write_csv(path: str | os.PathLike, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table; what is not finite or not there is an empty cell."""
    columns = list(columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    write_text(path, text.getvalue())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return str(value)


def summary_row(result: ScanResult, pictures: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return one scan's row of ``summary.csv``; ``pictures`` are what its images say."""
    row: dict[str, Any] = {"scan": result.name, "status": result.status, "message": result.message}
    state = next(iter(result.states.values()), None)
    if state is not None:
        row["edge"] = state.edge
        row |= {
            f"{number}_{place}{sigma}": getattr(state, f"{number}_{place}{sigma}")
            for number in ("ratio", "valence") for place in ("layer", "bulk") for sigma in ("", "_sigma")
        }  # fmt: skip
        if np.isfinite([state.valence_layer, state.valence_bulk]).any():
            row["valence_indicative"] = state.valence_indicative
    if result.layer is not None:
        row |= {
            "layer_nm": result.layer.thickness_nm,
            "layer_sigma_nm": result.layer.sigma_nm,
            "layer_supported": result.layer.supported,
            "surface_nm": result.layer.surface_nm,
        }
        if not result.layer.supported:
            row["message"] = "; ".join(filter(None, [result.message, str(result.layer)]))
        elif np.isfinite(result.layer.two_nm[0]):
            two = "two changes are preferred to one, at {:.1f} and {:.1f} nm".format(*result.layer.two_nm)
            row["message"] = "; ".join(filter(None, [result.message, two]))
    if result.scan is not None:
        calibration = result.scan.calibration
        if calibration.absolute:
            row |= {"energy_offset_ev": calibration.offset_ev, "energy_dispersion_factor": calibration.factor}
        row["t_over_lambda"], row["t_over_lambda_sigma"] = _t_over_lambda(result)
    if result.diffusivity is not None:
        required = result.diffusivity
        row |= {
            "required_diffusivity_cm2_s": required.value,
            "required_diffusivity_low": required.low,
            "required_diffusivity_high": required.high_95 if required.upper_limit else required.high,
        }
    _with_images(row, (pictures or {}).get("phases") or {})
    return row


def _with_images(row: dict[str, Any], phases: Mapping[str, Any]) -> None:
    """Add the layer by a lattice image to a row; two witnesses that disagree leave no scan without a doubt."""
    both = phases.get("with_spectra")
    layer = phases.get("layer") or {}
    said = []
    if layer.get("supported"):
        said.append(f"image: {layer['phase']}, {layer['thickness_nm']:.2f} ± {layer['sigma_nm']:.2f} nm")
    if both is not None:
        said.append(f"spectra and image: {phases['agreement']}")
        if both["p_value"] is not None and not both["agree"] and row["status"] == "ok":
            row["status"] = "partial"
    row["message"] = "; ".join(filter(None, [row["message"], *said]))


def _t_over_lambda(result: ScanResult) -> tuple[float | None, float | None]:
    """Median t/λ over positions with signal, and the standard error that counting gives it."""
    scan = result.scan
    if scan.zero_loss is None:
        return None, None
    values, sigma = (
        np.broadcast_to(numbers, scan.bright.shape)[scan.bright]
        for numbers in (scan.zero_loss.t_over_lambda, scan.zero_loss.t_over_lambda_sigma)
    )
    independent = np.isfinite(sigma).sum() if scan.zero_loss.area.size > 1 else 1
    error = 1.2533 if independent > 2 else 1.0
    return float(np.nanmedian(values)), float(error * np.sqrt(np.nanmean(sigma**2) / max(independent, 1)))


def _thickness_along(scan: Prepared) -> dict[str, NDArray]:
    """t/λ at each position, rows averaged, and its standard error."""
    if scan.zero_loss is None:
        return {}
    values, sigma = (
        np.broadcast_to(numbers, scan.bright.shape)
        for numbers in (scan.zero_loss.t_over_lambda, scan.zero_loss.t_over_lambda_sigma)
    )
    count = np.where(np.isfinite(values).any(0), np.isfinite(values).sum(0), np.nan)
    rows = count if scan.zero_loss.area.shape[0] > 1 else np.ones_like(count)
    return {
        "t_over_lambda": np.nansum(values, 0) / count,
        "t_over_lambda_sigma": np.sqrt(np.nansum(sigma**2, 0) / count / rows),
    }


def profile_rows(result: ScanResult) -> list[dict[str, Any]]:
    """Return the rows of ``profile.csv``, one a position."""
    n = result.positions_nm.size
    bulk = bulk_positions(result.layer, result.positions_nm, result.scan)
    columns: dict[str, Any] = {"position_nm": result.positions_nm, "flags": flags(result)}
    for name, measured in result.edges.items():
        if measured.lines is not None:
            lines, element = measured.lines, measured.edge.element.lower()
            values = (
                lines.l3, lines.l3_sigma, lines.l2, lines.l2_sigma, lines.ratio, lines.ratio_sigma, lines.l3_ev,
                lines.l3_ev_sigma, lines.splitting_ev,
            )  # fmt: skip
            columns |= {f"{element}_{column}": v for column, v in zip(LINE_COLUMNS, values, strict=False)}
            columns[f"{element}_splitting_ev_sigma"] = lines.splitting_sigma_ev
            columns[f"{element}_l3_l2_covariance"] = lines.l3_l2_covariance
            columns |= {f"{element}_{c}": v for c, v in zip(SHIFT_COLUMNS, l3_shift(measured, bulk), strict=True)}
            if measured.comparable is not None:
                columns[f"{element}_valence"], columns[f"{element}_valence_sigma"] = _valence(measured)
            more = (
                lines.ratio_low, lines.ratio_high, lines.ratio_over, lines.l2_ev, lines.l2_ev_sigma, lines.continuum,
                lines.continuum_sigma, lines.normalised, lines.normalised_sigma,
            )  # fmt: skip
            columns |= {f"{element}_{column}": v for column, v in zip(MORE_COLUMNS, more, strict=False)}
            if not result.scan.calibration.absolute:
                # positions on an axis that nothing ties down are none
                absolute = ("l3_ev", "l3_ev_sigma", "l2_ev", "l2_ev_sigma")
                columns |= {f"{element}_{column}": np.full(n, np.nan) for column in absolute}
        elif name == "O_K":
            along = measured.along
            columns |= {
                "o_prepeak": along.values[:, 0],
                "o_prepeak_sigma": np.sqrt(along.covariance[:, 0, 0]),
                "o_k": along.values[:, 1],
                "o_k_sigma": np.sqrt(along.covariance[:, 1, 1]),
                "o_prepeak_o_k_covariance": along.covariance[:, 0, 1],
            }
    columns |= _thickness_along(result.scan)
    return [{key: values[i] for key, values in columns.items()} for i in range(n)]


def row_rows(result: ScanResult) -> list[dict[str, Any]]:
    """Return the rows of ``layer_by_row.csv``, one a fit; none for a scan of one row."""
    return [
        {
            "row": layer.rows[0],
            "rows": len(layer.rows),
            "row_nm": layer.row_nm if result.rows.row_unit == "nm" else None,
            "layer_nm": layer.thickness_nm,
            "layer_sigma_nm": layer.sigma_nm,
            "layer_low_68_nm": layer.interval_68_nm[0],
            "layer_high_68_nm": layer.interval_68_nm[1],
            "layer_low_95_nm": layer.interval_95_nm[0],
            "layer_high_95_nm": layer.interval_95_nm[1],
            "layer_supported": layer.supported,
            "upper_limit_95_nm": layer.upper_limit_nm,
            "surface_nm": layer.surface_nm,
            "surface_sigma_nm": layer.surface_sigma_nm,
            "reason": layer.reason,
        }
        for layer in result.layer_by_row
    ]


def _valence(measured: EdgeMeasurement) -> tuple[NDArray, NDArray]:
    """Valence at each position and its standard error, from the ratio measured in the calibration's way."""
    again = measured.comparable
    lines = white_lines(again.functionals.sum(axis=0), measured.positions, again.method)
    return again.calibration.valence(lines.ratio, lines.ratio_sigma, again.method)


def provenance(
    inputs: Mapping[str, str], repeat: str = "", calibrations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return versions, hashes of inputs and of the user's calibrations, time, and the command that does it again."""
    return {
        "oxyspy": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": packages(),
        "inputs": dict(inputs),
        "calibrations": dict(calibrations or {}),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "repeat": repeat,
    }


@cache
def packages() -> dict[str, str]:
    """Versions of the packages that this one needs to run."""
    names = [re.match(r"[\w.-]+", text)[0] for text in requires("oxyspy") or () if "extra ==" not in text]
    return {name: version(name) for name in sorted(names, key=str.lower)}


def result_dict(
    result: ScanResult,
    *,
    sheet: Mapping[str, str] | None = None,
    repeat: str = "",
    inputs: Mapping[str, str] | None = None,
    pictures: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of ``result.json``, as `oxyspy.workflow.schema` describes it."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        **summary_row(result, pictures),
        "sheet": dict(sheet or {}),
        "warnings": result.warnings,
        "recipe": result.recipe.resolved().model_dump(mode="json"),
        "provenance": provenance(
            hashes(result.files) if inputs is None else inputs, repeat, hashes(result.recipe.calibration_files())
        ),
        "scan_description": result.metadata,
    }
    if result.scan is not None:
        content["calibration"] = to_plain(result.scan.calibration)
        content["cleaning"] = to_plain(result.scan.cleaning)
        content["low_loss_cleaning"] = to_plain(result.scan.low_cleaning)
        moved = result.scan.moved
        content["drift"] = {"corrected": bool(moved.any()), "channels": int(moved.max() - moved.min())}
        content["vacuum_positions"] = np.flatnonzero(~result.scan.bright.any(0))
    content["layer"] = to_plain(result.layer)
    content["rows"] = to_plain(result.rows)
    content["layer_by_row"] = to_plain(result.layer_by_row)
    content["layer_of_rows"] = to_plain(result.layer_of_rows)
    content["dose"] = to_plain(result.dose)
    content["states"] = {name: to_plain(state) for name, state in result.states.items()}
    content["required_diffusivity"] = to_plain(result.diffusivity)
    content["methods"] = {
        name: {
            "fingerprint": item.fingerprint,
            "choices": _choices(item),
            "places_ev": _places(item),
            "noise_variance_over_mean": item.noise,
            "background_reduced_deviance": item.deviance,
        }
        for name, item in result.edges.items()
    }
    content["profile"] = profile_rows(result) if result.scan is not None else []
    return content | dict(pictures or {})


def _choices(item: EdgeMeasurement) -> dict[str, Any]:
    """The choices of an edge's method as they were used, windows that an axis cut short included."""
    if item.method is not None:
        choices = to_plain(item.method)
    else:
        windows = {"edge": item.edge.name, "pre_edge": item.edge.pre_edge, "main": item.edge.main}
        choices = windows | {"background": item.background.window, **item.deconvolution}
    return choices | {"deconvolved_from_ev": item.deconvolved_from_ev}


def _places(item: EdgeMeasurement) -> list[Any] | None:
    """Where L3 and L2 were measured at each position, also where no maximum of its own tells."""
    if item.method is None:
        return None
    return np.stack(item.method.places(item.positions.l3, item.positions.l2), axis=-1).tolist()


def save_scan(
    result: ScanResult,
    folder: str | os.PathLike,
    *,
    sheet: Mapping[str, str] | None = None,
    repeat: str = "",
    inputs: Mapping[str, str] | None = None,
    pictures: Mapping[str, Any] | None = None,
    parquet: bool = False,
) -> None:
    """Write one scan's files, tables, figures and signals, and last ``result.json``, which says that all are there.

    Parameters
    ----------
    result : ScanResult
    folder : path
    sheet : mapping, optional
        The scan's cells of a sample sheet, by heading.
    repeat : str
        The command that does the same again.
    inputs : mapping, optional
        SHA-256 of each input, where it is known already.
    pictures : mapping, optional
        What `oxyspy.workflow.pictures.pictures` found.
    parquet : bool
        Write ``profile.parquet`` too.
    """
    from oxyspy.plotting import save_figure
    from oxyspy.workflow.figures import edges_figure, profile_figure
    from oxyspy.workflow.figures_rows import rows_figure

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("layer_by_row.csv", "rows.png"):
        # of an image that is analysed again along a line
        (folder / old).unlink(missing_ok=True)
    if result.scan is not None:
        rows = profile_rows(result)
        # and of elements beyond the table
        columns = [*PROFILE_COLUMNS, *(name for name in rows[0] if name not in PROFILE_COLUMNS)]
        write_csv(folder / "profile.csv", columns, rows)
        if parquet:
            import pandas as pd

            table = pd.DataFrame(rows, columns=columns)
            numbers = table.columns.drop("flags")
            write_parquet(folder / "profile.parquet", table.astype(dict.fromkeys(numbers, float)))
        save_figure(profile_figure(result), folder / "profile.png")
        if result.layer_by_row:
            write_csv(folder / "layer_by_row.csv", ROW_COLUMNS, row_rows(result))
            save_figure(rows_figure(result), folder / "rows.png")
        if result.edges:
            save_figure(edges_figure(result), folder / "spectra.png")
        for name, measured in result.edges.items():
            _save_signal(result, measured, folder / f"{name}.hspy")
            _save_recorded(result, measured, folder / f"{name}_recorded.hspy")
    content = result_dict(result, sheet=sheet, repeat=repeat, inputs=inputs, pictures=pictures)
    write_json(folder / "result.json", content)


def need_parquet() -> None:
    """Refuse Parquet where there is nothing to write it with; before a night's run and not after it."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise InputError("Parquet needs the package pyarrow: pip install 'oxyspy[parquet]'")


def write_parquet(path: str | os.PathLike, table: pd.DataFrame) -> None:
    """Write a table as Parquet, whole or not at all."""
    with whole_file(path) as aside:
        table.to_parquet(aside, engine="pyarrow", index=False)


def _save_signal(result: ScanResult, measured: EdgeMeasurement, path: Path) -> None:
    """Write an edge's net, deconvolved, aligned spectra as a HyperSpy signal, with the power laws taken off last."""
    data = measured.spectra if measured.spectra.shape[0] > 1 else measured.spectra[0]
    law = measured.background if measured.subtracted is None else measured.subtracted
    notes = {"log_a": law.log_a, "r": law.r, "reference_ev": law.reference}
    title = f"{result.name} {measured.edge.name}, single scattering"
    _save(result, measured, data, title, {"power_law": notes}, path)


def _save_recorded(result: ScanResult, measured: EdgeMeasurement, path: Path) -> None:
    """Write an edge's counts as recorded, aligned, rows summed: those that have a background and so a net spectrum."""
    known = np.isfinite(measured.background.log_a)[..., None]
    counts = np.where(known, measured.counts, 0).sum(0, dtype=np.float32)
    _save(result, measured, counts, f"{result.name} {measured.edge.name}, recorded", {}, path)


def _save(
    result: ScanResult, measured: EdgeMeasurement, data: NDArray, title: str, notes: Mapping[str, Any], path: Path
) -> None:
    """Write spectra along the line, or of its rows, as a HyperSpy signal."""
    from oxyspy.signals import CoreLossEELSSpectrum

    step = float(np.median(np.diff(result.positions_nm))) if result.positions_nm.size > 1 else 1.0
    axes = [
        {"name": "row", "size": data.shape[0], "units": "px"},
        {"name": "x", "size": data.shape[-2], "offset": result.positions_nm[0], "scale": step, "units": "nm"},
        {
            "name": "Energy loss", "size": data.shape[-1], "offset": measured.energy[0],
            "scale": dispersion(measured.energy), "units": "eV",
        },
    ]  # fmt: skip
    for axis, navigate in zip(axes, (True, True, False), strict=True):
        axis["navigate"] = navigate
    signal = CoreLossEELSSpectrum(data, axes=axes[-data.ndim :])
    signal.metadata.General.title = title
    about = {"method": measured.fingerprint, "calibration": str(result.scan.calibration), "version": __version__}
    for name, value in {**about, **notes}.items():
        signal.metadata.set_item(f"oxyspy.{name}", value)
    with whole_file(path) as aside:
        # HDF5 brings the whole process down when it cannot write
        need_room(aside, data.nbytes + HSPY_BYTES)
        signal.save(aside, overwrite=True)
