"""A report's spectra along the line, small enough to travel with it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.white_lines import WhiteLineMethod, continuum
from oxyspy.errors import ReadError
from oxyspy.workflow.report_plotly import Content, column, packed, short
from oxyspy.workflow.report_words import plain

# spectra are kept in steps of their edge's maximum over this: finer than a screen shows
LEVELS = 300
# the deconvolution's tapered end is no measurement, in eV
TAPER_EV = 2.0


@dataclass(frozen=True)
class Spectra:
    """One edge's spectra, rows summed: energies (n,), net and recorded ones (positions, n), backgrounds taken off."""

    energy: NDArray
    net: NDArray
    recorded: NDArray
    background: NDArray


def spectra(content: Content, folder: Path, budget: int) -> dict[str, Any] | None:
    """Return each edge's spectra along the line, rows summed, with background, windows, continuum and areas.

    Where they take more than ``budget`` bytes, packed, neighbours are summed.

    Raises
    ------
    ReadError
        A signal's file is missing or cannot be read.
    """
    rows, methods = content.get("profile") or [], content.get("methods") or {}
    if not rows or not methods:
        return None
    read = {name: _read(folder, name) for name in methods}
    read = {name: own for name, own in read.items() if len(own.net) == len(rows)}
    together = 1
    while True:
        found = _drawn(read, content, together)
        size = len(packed(found))
        if size <= budget or together >= len(rows):
            return found
        together = min(max(together + 1, round(together * size / budget)), len(rows))


def _drawn(read: dict[str, Spectra], content: Content, together: int) -> dict[str, Any]:
    rows = content["profile"]
    groups = [slice(i, i + together) for i in range(0, len(rows), together)]
    x = column(rows, "position_nm")
    flags = [
        dict.fromkeys(word for row in rows[group] for word in str(row.get("flags") or "").split("|") if word)
        for group in groups
    ]
    return {
        "positions": short([x[group].mean() for group in groups]),
        "flags": [", ".join(word.replace("_", " ") for word in words) for words in flags],
        "together": together,
        "edges": [_edge(name, own, content["methods"][name], groups) for name, own in read.items()],
    }


def _read(folder: Path, name: str) -> Spectra:
    """An edge's files, rows summed."""
    energy, net, notes = _signal(folder / f"{name}.hspy")
    _, recorded, _ = _signal(folder / f"{name}_recorded.hspy")
    law = notes["power_law"]
    log_a, r = (np.atleast_2d(np.asarray(law[key], float)) for key in ("log_a", "r"))
    x = np.log(energy / law["reference_ev"])
    background = np.zeros(net.shape[-2:])
    for of_row, exponent in zip(log_a, r, strict=True):
        background += np.nan_to_num(np.exp(of_row[:, None] - exponent[:, None] * x))
    return Spectra(energy, np.nan_to_num(net).sum(0), recorded[0], background)


def _signal(path: Path) -> tuple[NDArray, NDArray, dict[str, Any]]:
    """Energies, spectra of shape (rows, positions, n), and the package's own notes."""
    from rsciio.hspy import file_reader

    try:
        found = file_reader(path)[0]
        data, axis = np.asarray(found["data"], np.float32), found["axes"][-1]
        notes = found["metadata"]["oxyspy"]
    except Exception as error:  # HDF5's own errors are of many kinds
        raise ReadError(
            f"{path.name}: {'is not there' if not path.is_file() else f'cannot be read: {error}'}"
        ) from error
    energy = axis["offset"] + axis["scale"] * np.arange(axis["size"])
    return energy, data.reshape(-1, *data.shape[-2:]), notes


def _edge(name: str, own: Spectra, about: Content, groups: list[slice]) -> dict[str, Any]:
    """One edge's spectra as integers, and what the page draws over them."""
    choices = about["choices"]
    window = [float(end) for end in choices["background"]]
    shown = (own.energy >= window[0]) & (own.energy <= own.energy[-1] - TAPER_EV)
    energy = own.energy[shown]
    net, background = (_summed(part, groups)[:, shown] for part in (own.net, own.background))
    unit = _unit(net)
    found: dict[str, Any] = {
        "name": plain(name),
        "start": float(energy[0]),
        "step": float(np.mean(np.diff(energy))),
        # the fit window is of interest with its background; without, little of it shows how well it was met
        "net_from": window[1] - 0.4 * (window[1] - window[0]),
        "unit": unit,
        "counts": [_changes(row, unit) for row in net],
        "background": [_curve(energy, row) for row in background],
        "of": "single scattering" if choices["deconvolved_from_ev"] is not None else "recorded",
        "recorded": None,
        "windows": [["background fit", *window]],
        "areas": [],
    }
    if choices["deconvolution"] != "none" and choices["deconvolved_from_ev"] is None:
        # the background was fitted to the counts; else what it was fitted to is what is left, and it
        counts = _summed(own.recorded, groups)[:, shown]
        finest = _unit(counts)
        found["recorded"] = {"unit": finest, "counts": [_changes(row, finest) for row in counts]}
    if about["places_ev"] is None:
        for label, key in (("pre-edge", "pre_edge"), ("main edge", "main")):
            found["areas"].append([label, [choices[key]] * len(groups)])
        return found
    found["windows"].append(["post window", *choices["post"]])
    return found | _white_lines(own, choices, np.array(about["places_ev"], float), groups, shown, unit)


def _white_lines(
    own: Spectra, choices: Content, places: NDArray, groups: list[slice], shown: NDArray, unit: float
) -> dict[str, Any]:
    """The continuum that was taken off at each position, and the windows of the areas above it."""
    names = {field.name for field in fields(WhiteLineMethod)}
    choices = {key: tuple(value) if isinstance(value, list) else value for key, value in choices.items()}
    method = WhiteLineMethod(**{key: value for key, value in choices.items() if key in names})
    under = _summed(continuum(own.energy, own.net, places[:, 0], places[:, 1], method), groups)[:, shown]
    middles = np.array([places[group].mean(0) for group in groups])
    areas = [
        [label, [[round(at - half, 2), round(at + half, 2)] for at in middles[:, i]]]
        for i, (label, half) in enumerate((("L3", method.l3_half), ("L2", method.l2_half)))
    ]
    # smooth, so finer steps pack as small; a level one would else be off by as much at every channel
    finer = unit / 20
    return {"continuum": {"unit": finer, "counts": [_changes(row, finer) for row in under]}, "areas": areas}


def _summed(data: NDArray, groups: list[slice]) -> NDArray:
    return np.stack([data[group].sum(0) for group in groups])


def _unit(data: NDArray) -> float:
    return float(np.max(np.abs(data), initial=0)) / LEVELS or 1.0


def _changes(values: NDArray, unit: float) -> list[int]:
    """Changes from channel to channel in whole units: neighbours are alike, so these pack small."""
    return np.diff(np.rint(values / unit).astype(int), prepend=0).tolist()


def _curve(energy: NDArray, background: NDArray) -> list[float] | None:
    """A sum of power laws as a polynomial of their logarithms, from the square on down; None where there is none."""
    if not (background > 0).all():
        return None
    return short(np.polyfit(np.log(energy), np.log(background), 2), 9)
