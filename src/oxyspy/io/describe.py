"""Signals and scans in plain values and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.io.axes import nm_per_unit, step_in_nm, units_of
from oxyspy.io.first_look import first_look_lines

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

# quantity: where it stands in the metadata, below Acquisition_instrument.TEM; unit
ACQUISITION = {
    "beam_energy": ("beam_energy", "keV"),
    "beam_current": ("beam_current", "nA"),
    "convergence_angle": ("convergence_angle", "mrad"),
    "collection_angle": ("Detector.EELS.collection_angle", "mrad"),
    "dwell_time": ("Detector.EELS.dwell_time", "s"),
    "exposure": ("Detector.EELS.exposure", "s"),
    "camera_length": ("camera_length", "mm"),
}


def describe_spectra(signal: BaseSignal) -> dict[str, Any]:
    """Return shape and axis of a loss signal as plain values."""
    axis = signal.axes_manager.signal_axes[0]
    return {
        "title": signal.metadata.get_item("General.title", default=""),
        "shape": list(signal.data.shape),
        "dtype": str(signal.data.dtype),
        "lazy": bool(signal._lazy),
        "energy_first_ev": float(axis.axis[0]),
        "energy_last_ev": float(axis.axis[-1]),
        "dispersion_ev": float(axis.scale),
        "date": signal.metadata.get_item("General.date", default=""),
        "time": signal.metadata.get_item("General.time", default=""),
        "dwell_time_s": _first_number(signal, "Detector.EELS.dwell_time", "Detector.EELS.exposure"),
    }


def describe_image(image: BaseSignal, scan_shape: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Return size and pixel of an image as plain values, and whether it has a pixel for each spectrum of a scan."""
    x, y = image.axes_manager.signal_axes
    return {
        "title": image.metadata.get_item("General.title", default=""),
        "size": [x.size, y.size],
        "pixel_nm": [step_in_nm(x), step_in_nm(y)],
        "pixel": [float(x.scale), float(y.scale)] if x.is_uniform and y.is_uniform else [float("nan")] * 2,
        "units": [units_of(x), units_of(y)],
        "of_scan": sorted((x.size, y.size)) == list(scan_shape),
        "calibrated": bool(np.isfinite(nm_per_unit(x))),
        "dtype": str(image.data.dtype),
    }


def acquisition(signal: BaseSignal) -> dict[str, dict[str, Any]]:
    """Return what the dose depends on: value, unit, and why a value is not believed."""
    found = {}
    for name, (where, unit) in ACQUISITION.items():
        value = _first_number(signal, where)
        found[name] = {"value": value, "unit": unit, "doubt": _doubt(name, value)}
    return found


def _first_number(signal: BaseSignal, *places: str) -> float:
    for place in places:
        value = signal.metadata.get_item(f"Acquisition_instrument.TEM.{place}")
        if isinstance(value, (int, float, np.number)):
            return float(value)
    return float("nan")


def _doubt(name: str, value: float) -> str:
    """Say why a value of the metadata is not believed, empty where it is: programs write these unless told."""
    if np.isnan(value):
        return "not recorded"
    if value <= 0:
        return "a placeholder: nobody entered it"
    if name == "collection_angle" and value >= 100.0:
        return "a placeholder: 100 mrad is what the program writes unless told"
    if name == "convergence_angle" and value > 100.0:
        return "too large for a probe"
    if name == "beam_energy" and not 10.0 <= value <= 1500.0:
        return "no beam energy of a microscope, in keV"
    return ""


def summary_lines(found: Mapping[str, Any]) -> list[str]:
    """A summary as lines; whatever later steps add to a summary gets its line here."""
    lines = [f"{found['name']}: {found['kind']}"]
    if found["positions"] > 1:
        step = f"step {found['step_nm']:.4g} nm" if found["step_nm"] == found["step_nm"] else "step not calibrated"
        rows = f", rows {found['row_step_nm']:.4g} nm apart" if found["rows"] > 1 else ""
        back = ", read backwards" if found["line_reversed"] else ""
        axis = f" along {found['line_axis']}" if found["line_axis"] else ""
        lines.append(f"  positions   {found['rows']} x {found['positions']}{axis}, {step}{rows}{back}")
    for name, item in (("core loss", found["core_loss"]), ("low loss", found["low_loss"])):
        if item is None:
            lines.append(f"  {name:<11} none")
            continue
        lines.append(
            f"  {name:<11} {item['found'] or item['title']}: {item['shape'][-1]} channels of "
            f"{item['dispersion_ev']:.4g} eV, {item['dtype']}{', lazy' if item['lazy'] else ''}"
        )
    lines += first_look_lines(found["first_look"])
    for image in found["images"]:
        lines.append(f"  image       {image_line(image)}")
    words = [
        f"{name.replace('_', ' ')} {item['value']:g} {item['unit']}" + " (not believed)" * bool(item["doubt"])
        for name, item in found["acquisition"].items()
        if item["doubt"] != "not recorded"
    ]
    missing = [name.replace("_", " ") for name, item in found["acquisition"].items() if item["doubt"] == "not recorded"]
    lines += [f"  microscope  {word}" for word in words]
    if missing:
        lines.append(f"  microscope  not recorded: {', '.join(missing)}")
    return lines + [f"  ! {warning}" for warning in found["warnings"]]


def image_line(image: Mapping[str, Any]) -> str:
    """Describe an image in a line."""
    units = image["units"][0] or "no unit"
    pixel = f"{image['pixel_nm'][0]:.4g} nm" if image["calibrated"] else f"{image['pixel'][0]:.4g} ({units})"
    own = ", of the scan itself" if image["of_scan"] else ""
    return f"{image['title'] or 'image'}: {image['size'][0]} x {image['size'][1]}, pixel {pixel}, {image['dtype']}{own}"


def faults(counts: np.ndarray) -> list[str]:
    """Say which spectra are no measurement.

    Parameters
    ----------
    counts : array, shape (rows, positions, channels)

    Returns
    -------
    list of str
        A line for each kind of fault, with how many spectra have it and where.
    """
    highest, lowest = counts.max(-1), counts.min(-1)
    broken = ~(np.isfinite(highest) & np.isfinite(lowest))
    constant = (highest == lowest) & ~broken
    zero = constant & (highest == 0)
    kinds = (
        (broken, "hold numbers that are not finite"),
        (zero, "hold nothing but zeros"),
        (constant & ~zero, "are constant"),
    )
    return [
        f"{where.sum()} of {where.size} spectra {words}, at {_where(where)}" for where, words in kinds if where.any()
    ]


def _where(mask: np.ndarray) -> str:
    """The first places of a mask in words."""
    places = np.argwhere(mask)
    one_row = mask.shape[0] == 1
    words = [f"{position}" if one_row else f"({row}, {position})" for row, position in places[:5]]
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    return f"{'position' if one_row else '(row, position)'} {', '.join(words)}{more}"
