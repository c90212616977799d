"""Which signal is core loss, low loss or image: told by units, energies and counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError
from oxyspy.io.axes import (
    energy_axes,
    nm_per_unit,
    positions_to_nm,
    spectra_along_energy,
    step_in_nm,
    units_of,
)

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

# a zero-loss peak farther from zero than this, in eV, is one on an axis that nobody calibrated
ZERO_LOSS_NEAR = 15.0
# 50 eV above its maximum a low loss is below this part of it; the steepest power law above 200 eV is not
ZERO_LOSS_TAIL = 0.25
# below this end of the axis, in eV, there is no edge that a core loss is measured by
CORE_LOSS_END = 100.0
# spectra summed to look for the zero-loss peak
LOOKED_AT = 256


class Role(StrEnum):
    """What a signal is to a line scan."""

    CORE = "core loss"
    LOW = "low loss"
    IMAGE = "image"
    OTHER = "other"


@dataclass
class Found:
    """One signal of a file, made ready: spectra along a rising axis in eV, positions in nm.

    Attributes
    ----------
    signal : BaseSignal
    role : Role
    reason : str
        Why it has this role, in words.
    path : Path or None
        Its file; None for a signal handed over.
    notes : list of str
    zero_loss_ev : float
        Position of the largest peak near zero; ``nan`` where there is none.
    """

    signal: BaseSignal
    role: Role
    reason: str
    path: Path | None = None
    notes: list[str] = field(default_factory=list)
    zero_loss_ev: float = float("nan")

    @property
    def label(self) -> str:
        """The file's name, with the signal's title where it has one of its own."""
        title = str(self.signal.metadata.get_item("General.title", default="") or "")
        if self.path is None:
            return f"signal {title!r}" if title else "a signal without title"
        return self.path.name if title in ("", self.path.stem) else f"{self.path.name} ({title})"

    @property
    def shape(self) -> tuple[int, int]:
        """Navigation shape as (rows, positions), the line along the longer side."""
        sizes = [axis.size for axis in self.signal.axes_manager.navigation_axes if axis.size > 1]
        return (min(sizes) if len(sizes) == 2 else 1, max(sizes, default=1))

    @property
    def step_nm(self) -> float:
        """Step along the longer side, ``nan`` without calibration."""
        axes = self.signal.axes_manager.navigation_axes
        return step_in_nm(max(axes, key=lambda axis: axis.size)) if axes else float("nan")


def role_of(signal: BaseSignal, path: Path | None = None) -> Found:
    """Find out what a signal is, and make it ready.

    A loss axis that contains zero, with one dominant peak, is a low loss, however far the axis goes; any other loss
    axis that reaches 100 eV is a core loss. The signal given stays as it is; the data are shared.

    Parameters
    ----------
    signal : BaseSignal
        As HyperSpy loads it.
    path : Path, optional
        Where it came from.

    Returns
    -------
    Found
        Its role, the signal in the form that role has, and what was noted on the way.

    Examples
    --------
    >>> import oxyspy
    >>> (signal,), _ = oxyspy.io.read_signals(oxyspy.data.FOLDER / "demo" / "pristine" / "low_loss.dm4")
    >>> oxyspy.io.role_of(signal).role
    <Role.LOW: 'low loss'>
    """
    energies = energy_axes(signal)
    kind = signal.metadata.get_item("Signal.signal_type", default="") or ""
    if kind.startswith("EDS"):
        return Found(signal, Role.OTHER, "X-ray spectra", path)
    if signal.data.dtype.kind not in "biuf":
        return Found(signal, Role.OTHER, f"data of type {signal.data.dtype}, which are no counts", path)
    if not energies:
        return _image_or_other(signal, path)
    if len(energies) > 1:
        return Found(signal, Role.OTHER, "more than one axis in units of energy", path)
    notes: list[str] = []
    try:
        ready = spectra_along_energy(signal, energies[0], notes)
    except InputError as error:
        return Found(signal, Role.OTHER, str(error), path)
    if sum(axis.size > 1 for axis in ready.axes_manager.navigation_axes) > 2:
        return Found(signal, Role.OTHER, "spectra over more than two directions; sum over the frames first", path)
    positions_to_nm(ready, notes)
    mend_metadata(ready, notes)
    role, reason, zero_loss = _by_energy(ready.axes_manager.signal_axes[0].axis, ready)
    if abs(zero_loss) > ZERO_LOSS_NEAR:
        notes.append(f"the zero-loss peak is at {zero_loss:.4g} eV: the low loss's energy axis is far off")
    return Found(ready, role, reason, path, notes, zero_loss)


def _image_or_other(signal: BaseSignal, path: Path | None) -> Found:
    axes = signal.axes_manager.signal_axes
    if len(axes) == 1 and not signal.axes_manager.navigation_dimension and np.isfinite(nm_per_unit(axes[0])):
        return Found(_one_row(signal), Role.IMAGE, "a line of an image in units of length", path)
    if len(axes) != 2 or signal.axes_manager.navigation_dimension:
        return Found(signal, Role.OTHER, f"no axis in eV (units: {_all_units(signal)})", path)
    if all(np.isfinite(nm_per_unit(axis)) for axis in axes):
        return Found(signal, Role.IMAGE, "an image in units of length", path)
    return Found(signal, Role.OTHER, f"an image not in units of length (units: {_all_units(signal)})", path)


def _one_row(signal: BaseSignal) -> BaseSignal:
    """A profile, what a detector beside the spectrometer records along a line, as an image of one row."""
    from hyperspy.signals import Signal2D

    along = signal.axes_manager.signal_axes[0]
    across = {"name": "across", "size": 1, "scale": abs(step_in_nm(along)), "units": "nm"}
    return Signal2D(
        signal.data[None], axes=[across, along.get_axis_dictionary() | {"navigate": False}],
        metadata=signal.metadata.as_dictionary(),
    )  # fmt: skip


def _all_units(signal: BaseSignal) -> str:
    return ", ".join(units_of(axis) or "none" for axis in signal.axes_manager._axes)


def _by_energy(energy: NDArray, signal: BaseSignal) -> tuple[Role, str, float]:
    """Role, reason and position of the zero-loss peak, by axis and counts."""
    span = f"{energy[0]:.6g} to {energy[-1]:.6g} eV"
    contains_zero = energy[0] <= 0 < energy[-1]
    peak = peak_energy(energy, some_spectra(signal).sum(0)) if contains_zero else float("nan")
    if contains_zero and np.isfinite(peak):
        return Role.LOW, f"{span}, zero-loss peak at {peak:.1f} eV", peak
    if energy[-1] < CORE_LOSS_END:
        return Role.OTHER, f"{span}, without a zero-loss peak and below any core loss", float("nan")
    why = "no dominant peak near zero" if contains_zero else "above zero"
    return Role.CORE, f"{span}, {why}", float("nan")


def some_spectra(signal: BaseSignal) -> NDArray:
    """Return up to 256 spectra spread over the signal, shape (n, channels), finite; a lazy signal reads no more."""
    data = signal.data.reshape(-1, signal.data.shape[-1]) if signal.data.ndim > 1 else signal.data[None]
    data = np.asarray(data[:: -(-data.shape[0] // LOOKED_AT)], float)
    return np.nan_to_num(data, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def peak_energy(energy: NDArray, total: NDArray) -> float:
    """Return where the maximum is, if it is as dominant as a zero-loss peak; else ``nan``."""
    at = int(np.argmax(total))
    if not total[at] > 0:
        return float("nan")
    far = int(np.searchsorted(energy, energy[at] + 50.0))
    width = max(1, min(32, energy.size // 32))
    far = min(far, energy.size - width)
    tail = total[far : far + width].mean()
    return float(energy[at]) if far > at and tail < ZERO_LOSS_TAIL * total[at] else float("nan")


def mend_metadata(signal: BaseSignal, notes: list[str]) -> None:
    """Correct a beam energy that stands in V where keV is meant."""
    where = "Acquisition_instrument.TEM.beam_energy"
    energy = signal.metadata.get_item(where)
    if isinstance(energy, (int, float)) and energy > 10_000:
        signal.metadata.set_item(where, energy / 1000)
        notes.append(f"beam energy of {energy:g} keV is in V: taken as {energy / 1000:g} keV")
