"""A line scan: core loss, low loss and images that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.io.axes import named, nm_per_unit, step_in_nm, units_of

if TYPE_CHECKING:
    from exspy.signals import EELSSpectrum
    from hyperspy.axes import BaseDataAxis
    from hyperspy.signals import BaseSignal, Signal2D

    from oxyspy.signals import CoreLossEELSSpectrum

# with more rows than this the scan is an image, whose rows cross the interface at different places
LINE_ROWS = 8
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


@dataclass(repr=False)
class LineScan:
    """What `load_scan` found.

    The signals keep their navigation axes, in nm where the file is calibrated. `core_counts` and `low_counts` give
    the same counts with the line along the last but one axis, in the order of `positions_nm`.

    Attributes
    ----------
    name : str
    core_loss : CoreLossEELSSpectrum
        Or its lazy twin.
    low_loss : EELSSpectrum or None
        Of the same positions, or a single spectrum.
    images : tuple of Signal2D
    files : tuple of Path
        The files these came from; files that were ignored are not among them.
    warnings : list of str
    roles : dict
        File and reason of each signal, for `summary`.

    Examples
    --------
    >>> scan = oxyspy.load_scan("scan_07/")  # doctest: +SKIP
    >>> scan.core_counts().shape  # doctest: +SKIP
    (1, 60, 2048)
    """

    name: str
    core_loss: CoreLossEELSSpectrum
    low_loss: EELSSpectrum | None = None
    images: tuple[Signal2D, ...] = ()
    files: tuple[Path, ...] = ()
    warnings: list[str] = field(default_factory=list)
    roles: Mapping[str, str] = field(default_factory=dict)

    @property
    def navigation_shape(self) -> tuple[int, int]:
        """(rows, positions), the line along the longer side; (1, 1) for a single spectrum."""
        return self.core_counts().shape[:2]

    @property
    def line_axis(self) -> BaseDataAxis | None:
        """The navigation axis along the line; None for a single spectrum."""
        return line_and_rows(self.core_loss)[0]

    @property
    def positions_nm(self) -> np.ndarray:
        """Positions along the line, rising, shape (positions,), in nm; in pixels where `step_nm` is ``nan``."""
        axis = self.line_axis
        if axis is None:
            return np.zeros(1)
        if not np.isfinite(self.step_nm):
            return np.arange(axis.size, dtype=float)
        return np.sort(np.asarray(axis.axis, float))

    @property
    def step_nm(self) -> float:
        """Step along the line in nm, positive; ``nan`` without calibration and for a single spectrum."""
        axis = self.line_axis
        return float("nan") if axis is None else step_in_nm(axis)

    @property
    def row_step_nm(self) -> float:
        """Distance of the rows in nm; ``nan`` for a single row."""
        axis = line_and_rows(self.core_loss)[1]
        return float("nan") if axis is None else step_in_nm(axis)

    @property
    def is_spectrum_image(self) -> bool:
        """Whether there are more than 8 rows: too many to sum as one line."""
        return self.navigation_shape[0] > LINE_ROWS

    @property
    def energy_nominal(self) -> np.ndarray:
        """Core-loss axis as recorded, in eV, shape (channels,)."""
        return np.asarray(self.core_loss.axes_manager.signal_axes[0].axis, float)

    @property
    def low_energy(self) -> np.ndarray | None:
        """Low-loss axis as recorded, in eV, shape (channels,)."""
        return None if self.low_loss is None else np.asarray(self.low_loss.axes_manager.signal_axes[0].axis, float)

    def core_counts(self):
        """Return the core-loss counts as (rows, positions, channels), a view; dask where lazy."""
        return counts_along_line(self.core_loss)

    def low_counts(self):
        """Return the low-loss counts as (rows, positions, channels), or (1, 1, channels) for a single spectrum."""
        return None if self.low_loss is None else counts_along_line(self.low_loss)

    def summary(self) -> dict[str, Any]:
        """Return what was found as plain values: what `print` and ``oxyspy info`` show."""
        rows, positions = self.navigation_shape
        kind = "spectrum image" if self.is_spectrum_image else "line scan" if positions > 1 else "single spectrum"
        axis = self.line_axis
        return {
            "name": self.name,
            "kind": kind,
            "files": [path.as_posix() for path in self.files],
            "rows": rows,
            "positions": positions,
            "line_axis": None if axis is None else named(axis),
            "line_reversed": _falls(axis),
            "step_nm": self.step_nm,
            "row_step_nm": self.row_step_nm,
            "length_nm": float(np.ptp(self.positions_nm)) if np.isfinite(self.step_nm) else float("nan"),
            "core_loss": describe_spectra(self.core_loss) | {"found": self.roles.get("core_loss", "")},
            "low_loss": None
            if self.low_loss is None
            else describe_spectra(self.low_loss) | {"found": self.roles.get("low_loss", "")},
            "images": [describe_image(image) for image in self.images],
            "acquisition": acquisition(self.core_loss),
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return "\n".join(_lines(self.summary()))


def line_and_rows(signal: BaseSignal) -> tuple[BaseDataAxis | None, BaseDataAxis | None]:
    """Return the navigation axes along and across the line; of a square image the line runs along its first axis."""
    axes = sorted((a for a in signal.axes_manager.navigation_axes if a.size > 1), key=lambda a: -a.size)
    return (*axes, None, None)[:2]


def counts_along_line(signal: BaseSignal):
    """Return a signal's data as (rows, positions, channels) with rising positions, as a view."""
    line, rows = line_and_rows(signal)
    data = signal.data
    if line is not None and rows is not None and line.index_in_array < rows.index_in_array:
        data = data.swapaxes(line.index_in_array, rows.index_in_array)
    data = data.reshape(rows.size if rows else 1, line.size if line else 1, data.shape[-1])
    return data[:, ::-1] if _falls(line) else data


def _falls(axis: BaseDataAxis | None) -> bool:
    """Whether an axis's positions fall; without calibration the order of the data stands."""
    return axis is not None and axis.axis[-1] < axis.axis[0] and bool(np.isfinite(step_in_nm(axis)))


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


def describe_image(image: BaseSignal) -> dict[str, Any]:
    """Return size and pixel of an image as plain values."""
    x, y = image.axes_manager.signal_axes
    return {
        "title": image.metadata.get_item("General.title", default=""),
        "size": [x.size, y.size],
        "pixel_nm": [step_in_nm(x), step_in_nm(y)],
        "pixel": [float(x.scale), float(y.scale)] if x.is_uniform and y.is_uniform else [float("nan")] * 2,
        "units": [units_of(x), units_of(y)],
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


def _lines(found: Mapping[str, Any]) -> list[str]:
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
    for image in found["images"]:
        lines.append(f"  image       {image_line(image)}")
    words = [
        f"{name.replace('_', ' ')} {item['value']:g} {item['unit']}"
        + (f" (not believed: {item['doubt']})" * bool(item["doubt"]))
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
    return f"{image['title'] or 'image'}: {image['size'][0]} x {image['size'][1]}, pixel {pixel}, {image['dtype']}"
