"""A line scan: core loss, low loss and images that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.io.axes import named, nm_per_unit, step_in_nm
from oxyspy.io.describe import acquisition, describe_image, describe_spectra, summary_lines
from oxyspy.io.first_look import first_look

if TYPE_CHECKING:
    from exspy.signals import EELSSpectrum
    from hyperspy.axes import BaseDataAxis
    from hyperspy.signals import BaseSignal, Signal2D

    from oxyspy.signals import CoreLossEELSSpectrum

# with more rows than this the scan is called an image
LINE_ROWS = 8


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
    zero_loss_ev : float
        Where the low loss's largest peak is, to a channel, in the sum of up to 256 spectra; ``nan`` without one.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> scan.core_counts().shape
    (1, 48, 1880)
    """

    name: str
    core_loss: CoreLossEELSSpectrum
    low_loss: EELSSpectrum | None = None
    images: tuple[Signal2D, ...] = ()
    files: tuple[Path, ...] = ()
    warnings: list[str] = field(default_factory=list)
    roles: Mapping[str, str] = field(default_factory=dict)
    zero_loss_ev: float = float("nan")

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
        return np.sort(np.asarray(axis.axis, float)) * nm_per_unit(axis)

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
    def row_positions_nm(self) -> np.ndarray:
        """Positions of the rows in nm, in the order of the counts; counted in rows where `row_step_nm` is ``nan``."""
        axis = line_and_rows(self.core_loss)[1]
        if axis is None:
            return np.zeros(1)
        if not np.isfinite(self.row_step_nm):
            return np.arange(axis.size, dtype=float)
        return np.asarray(axis.axis, float) * nm_per_unit(axis)

    @property
    def is_spectrum_image(self) -> bool:
        """Whether there are more than 8 rows."""
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

    def adf_signal(self) -> np.ndarray | None:
        """Return the image that has a pixel for each spectrum, as (rows, positions) like the counts; None without one.

        Of several the first whose title speaks of dark field.
        """
        x, y = (self.core_loss.axes_manager.navigation_axes + (None, None))[:2]
        size = (1 if x is None else x.size, 1 if y is None else y.size)
        own = [image.data for image in self.images if _sizes(image) in (size, size[::-1] if 1 in size else size)]
        named_so = [image.data for image in self.images if _sizes(image) == size and _is_dark_field(image)]
        if not own or max(size) < 2:
            return None
        data = np.asarray((named_so or own)[0], float)
        if 1 in size:
            data = data.reshape(1, -1)
        elif line_and_rows(self.core_loss)[0] is y:
            data = data.T
        return data[:, ::-1] if _falls(self.line_axis) else data

    def along_line(self, line: Sequence[float], width: float | None = None) -> LineScan:
        """Return a line with a width out of a spectrum image; see `oxyspy.io.line.cut_line`.

        Parameters
        ----------
        line : tuple of float
            ``(x1, y1, x2, y2)`` in nm.
        width : float, optional
            In nm; by default one pixel.
        """
        from oxyspy.io.line import cut_line

        return cut_line(self, line, width)

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
            else describe_spectra(self.low_loss)
            | {"found": self.roles.get("low_loss", ""), "zero_loss_ev": self.zero_loss_ev},
            "images": [describe_image(image, (rows, positions)) for image in self.images],
            "acquisition": acquisition(self.core_loss),
            "first_look": first_look(self),
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return "\n".join(summary_lines(self.summary()))


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


def _sizes(image: BaseSignal) -> tuple[int, int]:
    return tuple(axis.size for axis in image.axes_manager.signal_axes)


def _is_dark_field(image: BaseSignal) -> bool:
    title = str(image.metadata.get_item("General.title", default="")).lower()
    return "adf" in title or "dark" in title


def _falls(axis: BaseDataAxis | None) -> bool:
    """Whether an axis's positions fall; without calibration the order of the data stands."""
    return axis is not None and axis.axis[-1] < axis.axis[0] and bool(np.isfinite(step_in_nm(axis)))
