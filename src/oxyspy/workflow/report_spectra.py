"""A report's spectra along the line, small enough to travel with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.windows import step_profile
from oxyspy.errors import ReadError
from oxyspy.workflow.report_plotly import Content, column, short
from oxyspy.workflow.report_words import WINDOW, part, plain

# spectra are kept in steps of their edge's maximum over this: finer than a screen shows
LEVELS = 500


def spectra(content: Content, folder: Path, budget: int) -> dict[str, Any] | None:
    """Return each edge's net spectra along the line, rows summed, with windows, continuum and areas.

    Where ``budget`` channels are not enough for every position, neighbours are summed.

    Raises
    ------
    ReadError
        A signal's file is missing or cannot be read.
    """
    rows, prints = content.get("profile") or [], content.get("methods") or {}
    if not rows or not prints:
        return None
    read = {name: _signal(folder / f"{name}.hspy") for name in prints}
    channels = sum(energy.size for energy, _ in read.values())
    together = max(1, -(-channels * len(rows) // budget))
    x = column(rows, "position_nm")
    starts = range(0, len(rows), together)
    edges = [
        _edge(name, energy, data, content, together)
        for name, (energy, data) in read.items()
        if data.shape[0] == len(rows)
    ]
    flags = [
        dict.fromkeys(word for row in rows[i : i + together] for word in str(row.get("flags") or "").split("|") if word)
        for i in starts
    ]
    return {
        "positions": short([x[i : i + together].mean() for i in starts]),
        "flags": [", ".join(word.replace("_", " ") for word in words) for words in flags],
        "together": together,
        "edges": edges,
    }


def _signal(path: Path) -> tuple[NDArray, NDArray]:
    """Energies, and spectra with rows summed, shape (positions, n)."""
    from rsciio.hspy import file_reader

    try:
        found = file_reader(path)[0]
        data, axis = np.nan_to_num(np.asarray(found["data"], np.float32)), found["axes"][-1]
    except Exception as error:  # HDF5's own errors are of many kinds
        raise ReadError(
            f"{path.name}: {'is not there' if not path.is_file() else f'cannot be read: {error}'}"
        ) from error
    energy = axis["offset"] + axis["scale"] * np.arange(axis["size"])
    return energy, data.reshape(-1, *data.shape[-2:]).sum(0)


def _edge(name: str, energy: NDArray, data: NDArray, content: Content, together: int) -> dict[str, Any]:
    """One edge's spectra as integers, and what the page draws over them."""
    text = content["methods"][name]["fingerprint"]
    groups = [slice(i, i + together) for i in range(0, len(data), together)]
    data = np.stack([data[group].sum(0) for group in groups])
    # from the background window's end on; before it there is only what is left of the fit
    window = [float(end) for end in part(text, "power law " + WINDOW)]
    shown = energy >= (window[1] - 0.4 * (window[1] - window[0]) if window else energy[0])
    # the deconvolution's tapered end is no measurement
    shown &= energy <= energy[-1] - 2
    energy, data = energy[shown], data[:, shown]
    unit = float(np.max(np.abs(data), initial=0)) / LEVELS or 1.0
    found: dict[str, Any] = {
        "name": plain(name),
        "start": float(energy[0]),
        "step": float(np.mean(np.diff(energy))),
        "unit": unit,
        "counts": [_changes(row, unit) for row in data],
        "windows": [],
        "areas": [],
    }
    if window:
        found["windows"].append(["background fit", max(window[0], float(energy[0])), window[1]])
    post = [float(end) for end in part(text, "post window " + WINDOW)]
    if post:
        found["windows"].append(["post window", *post])
        found |= _white_lines(name, energy, data, content, text, post, groups, unit)
    else:
        for label, pattern in (("pre-edge", "pre-edge "), ("main edge", "main ")):
            ends = [float(end) for end in part(text, pattern + WINDOW)]
            if ends:
                found["areas"].append([label, [ends] * len(groups)])
    return found


def _changes(values: NDArray, unit: float) -> list[int]:
    """Changes from channel to channel in whole units: neighbours are alike, so these pack small."""
    return np.diff(np.rint(values / unit).astype(int), prepend=0).tolist()


def _white_lines(name, energy, data, content, text, post, groups, unit) -> dict[str, Any]:
    """Continuum at each position with its steps at the maxima, and the windows of the areas about them."""
    element, rows = name.split("_")[0].lower(), content["profile"]
    l3 = np.array([_mean(column(rows[group], f"{element}_l3_ev")) for group in groups])
    l2 = l3 + np.array([_mean(column(rows[group], f"{element}_splitting_ev")) for group in groups])
    choices = (content.get("recipe") or {}).get("edges", {}).get(name) or {}
    shape, width = choices.get("step", "sharp"), choices.get("step_width", 1.0)
    at3, at2 = np.nan_to_num(l3), np.nan_to_num(l2)
    both = (2 * step_profile(energy, at3, shape, width) + step_profile(energy, at2, shape, width)) / 3
    inside = (energy >= post[0]) & (energy <= post[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        continuum = both * (data[:, inside].mean(1) / both[:, inside].mean(1))[:, None]
    located = np.isfinite(l3) & np.isfinite(l2)
    halves = [float(half) for half in part(text, r"areas L3 ±([\d.]+) eV, L2 ±([\d.]+) eV")]
    areas = []
    for label, at, half in zip(("L3", "L2"), (l3, l2), halves, strict=False):
        areas.append(
            [
                label,
                [[round(p - half, 2), round(p + half, 2)] if ok else None for p, ok in zip(at, located, strict=True)],
            ]
        )
    steps = [_changes(row, unit) if ok else None for row, ok in zip(continuum, located, strict=True)]
    return {"continuum": steps, "areas": areas}


def _mean(values: NDArray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else np.nan
