"""Files of the results: the columns and names that users' scripts rely on."""

from __future__ import annotations

import csv
import io
import math
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from oxyspy import __version__
from oxyspy.eels.white_lines import white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.files import sha256, whole_file, write_json, write_text
from oxyspy.results import to_plain
from oxyspy.workflow.analysis import ScanResult
from oxyspy.workflow.chain import EdgeMeasurement

SUMMARY_COLUMNS = (
    "scan", "status", "edge", "layer_nm", "layer_sigma_nm", "layer_supported", "surface_nm", "ratio_layer",
    "ratio_bulk", "valence_layer", "valence_bulk", "t_over_lambda", "energy_offset_ev", "energy_dispersion_factor",
    "required_diffusivity_cm2_s", "required_diffusivity_low", "required_diffusivity_high", "message",
)  # fmt: skip
LINE_COLUMNS = (
    "l3", "l3_sigma", "l2", "l2_sigma", "l3_l2", "l3_l2_sigma", "l3_ev", "l3_ev_sigma", "splitting_ev", "valence",
)  # fmt: skip
ELEMENTS = ("mn", "co", "ni")
PROFILE_COLUMNS = (
    "position_nm",
    *(f"{element}_{column}" for element in ELEMENTS for column in LINE_COLUMNS),
    "o_prepeak", "o_prepeak_sigma", "o_k", "t_over_lambda", "flags",
)  # fmt: skip
# what a result depends on, besides this package
PACKAGES = ("numpy", "scipy", "hyperspy", "exspy", "rosettasciio")


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


def summary_row(result: ScanResult) -> dict[str, Any]:
    """Return one scan's row of ``summary.csv``."""
    row: dict[str, Any] = {"scan": result.name, "status": result.status, "message": result.message}
    state = next(iter(result.states.values()), None)
    if state is not None:
        row |= {name: getattr(state, name) for name in ("edge", "ratio_layer", "ratio_bulk")}
        row |= {name: getattr(state, name) for name in ("valence_layer", "valence_bulk")}
    if result.layer is not None:
        row |= {
            "layer_nm": result.layer.thickness_nm,
            "layer_sigma_nm": result.layer.sigma_nm,
            "layer_supported": result.layer.supported,
            "surface_nm": result.layer.surface_nm,
        }
        if not result.layer.supported:
            row["message"] = "; ".join(filter(None, [result.message, str(result.layer)]))
    if result.scan is not None:
        calibration = result.scan.calibration
        if calibration.absolute:
            row |= {"energy_offset_ev": calibration.offset_ev, "energy_dispersion_factor": calibration.factor}
        row["t_over_lambda"] = _t_over_lambda(result, everywhere=False)
    if result.diffusivity is not None:
        required = result.diffusivity
        row |= {
            "required_diffusivity_cm2_s": required.value,
            "required_diffusivity_low": required.low,
            "required_diffusivity_high": required.high_95 if required.upper_limit else required.high,
        }
    return row


def _t_over_lambda(result: ScanResult, everywhere: bool) -> Any:
    """t/λ at each position, rows averaged, or its median over positions with signal."""
    scan = result.scan
    if scan is None or scan.zero_loss is None:
        return None
    values = np.broadcast_to(scan.zero_loss.t_over_lambda, scan.bright.shape)
    if everywhere:
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(values).any(0), np.nansum(values, 0) / np.isfinite(values).sum(0), np.nan)
    return float(np.nanmedian(values[scan.bright]))


def flags(result: ScanResult) -> list[str]:
    """Return for each position the words for what is wrong there, joined by ``|``."""
    scan = result.scan
    spiked = {index[1] for index in scan.cleaning.spike_positions}
    thickness = _t_over_lambda(result, everywhere=True)
    found = []
    for i in range(result.positions_nm.size):
        words = []
        if not scan.valid[:, i].any():
            words.append("no_data")
        elif not scan.bright[:, i].any():
            words.append("vacuum")
        elif not scan.bright[:, i].all():
            words.append("partly_vacuum")
        if i in spiked:
            words.append("spike_removed")
        if thickness is not None and not np.isfinite(thickness[i]):
            words.append("no_zero_loss")
        elif thickness is not None and thickness[i] > 1.5:
            words.append("thick")
        words += [f"{n.split('_')[0].lower()}_no_ratio" for n, m in result.edges.items() if _no_ratio(m, i)]
        found.append("|".join(words))
    return found


def _no_ratio(measured: EdgeMeasurement, i: int) -> bool:
    return measured.lines is not None and not np.isfinite(measured.lines.ratio[i])


def profile_rows(result: ScanResult) -> list[dict[str, Any]]:
    """Return the rows of ``profile.csv``, one a position."""
    n = result.positions_nm.size
    columns: dict[str, Any] = {"position_nm": result.positions_nm, "flags": flags(result)}
    for name, measured in result.edges.items():
        if measured.lines is not None:
            lines, element = measured.lines, measured.edge.element.lower()
            values = (
                lines.l3, lines.l3_sigma, lines.l2, lines.l2_sigma, lines.ratio, lines.ratio_sigma, lines.l3_ev,
                lines.l3_ev_sigma, lines.splitting_ev,
            )  # fmt: skip
            columns |= {f"{element}_{column}": v for column, v in zip(LINE_COLUMNS, values, strict=False)}
            if measured.comparable is not None:
                columns[f"{element}_valence"] = _valence(measured)
        elif name == "O_K":
            along = measured.along
            columns |= {
                "o_prepeak": along.values[:, 0],
                "o_prepeak_sigma": np.sqrt(along.covariance[:, 0, 0]),
                "o_k": along.values[:, 1],
            }
    if (thickness := _t_over_lambda(result, everywhere=True)) is not None:
        columns["t_over_lambda"] = thickness
    return [{key: values[i] for key, values in columns.items()} for i in range(n)]


def _valence(measured: EdgeMeasurement) -> np.ndarray:
    """Valence at each position, from the ratio measured in the calibration's way."""
    again = measured.comparable
    lines = white_lines(again.functionals.sum(axis=0), measured.positions, again.method)
    return again.calibration.valence(lines.ratio, lines.ratio_sigma, again.method)[0]


def provenance(result: ScanResult) -> dict[str, Any]:
    """Return versions, and the SHA-256 of each input."""
    return {
        "oxyspy": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "inputs": {Path(file).name: sha256(file) for file in result.files if Path(file).is_file()},
    }


def result_dict(result: ScanResult) -> dict[str, Any]:
    """Return the content of ``result.json``."""
    content: dict[str, Any] = {
        "schema": 1,
        **summary_row(result),
        "warnings": result.warnings,
        "recipe": result.recipe.model_dump(mode="json"),
        "provenance": provenance(result),
        "scan_description": result.metadata,
    }
    if result.scan is not None:
        content["calibration"] = to_plain(result.scan.calibration)
        content["cleaning"] = to_plain(result.scan.cleaning)
        content["vacuum_positions"] = np.flatnonzero(~result.scan.bright.any(0))
    content["layer"] = to_plain(result.layer)
    content["states"] = {name: to_plain(state) for name, state in result.states.items()}
    content["required_diffusivity"] = to_plain(result.diffusivity)
    content["methods"] = {
        name: {
            "fingerprint": item.fingerprint,
            "noise_variance_over_mean": item.noise,
            "background_reduced_deviance": item.deviance,
        }
        for name, item in result.edges.items()
    }
    content["profile"] = profile_rows(result) if result.scan is not None else []
    return content


def save_scan(result: ScanResult, folder: str | os.PathLike) -> None:
    """Write one scan's files: ``profile.csv``, figures, signals, and last ``result.json``, which says it is whole."""
    from oxyspy.plotting import save_figure
    from oxyspy.workflow.figures import edges_figure, profile_figure

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if result.scan is not None:
        write_csv(folder / "profile.csv", PROFILE_COLUMNS, profile_rows(result))
        save_figure(profile_figure(result), folder / "profile.png")
        if result.edges:
            save_figure(edges_figure(result), folder / "spectra.png")
        for name, measured in result.edges.items():
            _save_signal(result, measured, folder / f"{name}.hspy")
    write_json(folder / "result.json", result_dict(result))


def _save_signal(result: ScanResult, measured: EdgeMeasurement, path: Path) -> None:
    """Write an edge's net, deconvolved, aligned spectra as a HyperSpy signal."""
    from oxyspy.signals import CoreLossEELSSpectrum

    step = float(np.median(np.diff(result.positions_nm))) if result.positions_nm.size > 1 else 1.0
    data = measured.spectra
    axes = [
        {"name": "row", "size": data.shape[0], "units": "px"},
        {"name": "x", "size": data.shape[1], "offset": result.positions_nm[0], "scale": step, "units": "nm"},
        {
            "name": "Energy loss", "size": data.shape[2], "offset": measured.energy[0],
            "scale": dispersion(measured.energy), "units": "eV",
        },
    ]  # fmt: skip
    for axis, navigate in zip(axes, (True, True, False), strict=True):
        axis["navigate"] = navigate
    if data.shape[0] == 1:
        data, axes = data[0], axes[1:]
    signal = CoreLossEELSSpectrum(data, axes=axes)
    signal.metadata.General.title = f"{result.name} {measured.edge.name}, single scattering"
    signal.metadata.set_item("oxyspy.method", measured.fingerprint)
    signal.metadata.set_item("oxyspy.calibration", str(result.scan.calibration))
    signal.metadata.set_item("oxyspy.version", __version__)
    with whole_file(path) as aside:
        signal.save(aside, overwrite=True)
