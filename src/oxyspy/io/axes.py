"""Units of axes: energies to eV and rising, positions to nm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oxyspy.errors import InputError

if TYPE_CHECKING:
    from hyperspy.axes import BaseDataAxis, UniformDataAxis
    from hyperspy.signals import BaseSignal

# as microscope software writes them; case matters, since meV is not MeV. pint reads A as ampere.
_LENGTHS = {
    1e9: ("m", "meter", "metre", "meters", "metres"),
    1e6: ("mm", "millimeter", "millimetre"),
    1e3: ("µm", "μm", "um", "mum", "micron", "microns", "Micron", "Microns", "micrometer", "micrometre", "micrometers"),
    1.0: ("nm", "nanometer", "nanometre", "nanometers", "nanometres", "NM"),
    0.1: ("Å", "Å", "A", "Ang", "ang", "angstrom", "Angstrom", "angstroms", "ångström"),
    1e-3: ("pm", "picometer", "picometre"),
}
_ENERGIES = {
    1e6: ("MeV",),
    1e3: ("keV", "KeV", "kev"),
    1.0: ("eV", "ev", "EV", "electronvolt", "electron_volt", "electron volt"),
    1e-3: ("meV",),
}
LENGTH = {name: factor for factor, names in _LENGTHS.items() for name in names}
ENERGY = {name: factor for factor, names in _ENERGIES.items() for name in names}
# steps of the axes of one scan, and of a scan and its low loss, agree to this
STEP_TOLERANCE = 0.01


def units_of(axis: BaseDataAxis) -> str:
    """Return the axis's unit as text, empty where the file gives none."""
    return axis.units.strip() if isinstance(axis.units, str) else ""


def named(axis: BaseDataAxis) -> str:
    """Return the axis's name as text, empty where the file gives none."""
    return axis.name.strip() if isinstance(axis.name, str) else ""


def energy_axes(signal: BaseSignal) -> list[BaseDataAxis]:
    """Return the axes in units of energy, or, of a signal that says it is EELS, its one unnamed signal axis."""
    axes = signal.axes_manager._axes
    found = [axis for axis in axes if units_of(axis) in ENERGY and axis.size > 1]
    if found or signal.axes_manager.signal_dimension != 1:
        return found
    axis = signal.axes_manager.signal_axes[0]
    says_eels = "EELS" in signal.metadata.get_item("Signal.signal_type", default="")
    says_energy = any(word in named(axis).lower() for word in ("energy", "loss"))
    return [axis] if units_of(axis) not in LENGTH and axis.size > 1 and (says_eels or says_energy) else []


def nm_per_unit(axis: BaseDataAxis) -> float:
    """Return the axis's unit in nm, ``nan`` for pixels and whatever else is no length."""
    return LENGTH.get(units_of(axis), float("nan"))


def step_in_nm(axis: BaseDataAxis) -> float:
    """Return the step in nm, positive; ``nan`` for an axis without calibration."""
    step = abs(_step(axis)) * nm_per_unit(axis)
    return step if step > 0 and np.isfinite(step) else float("nan")


def _step(axis: BaseDataAxis) -> float:
    if axis.is_uniform:
        return float(axis.scale)
    return float(np.median(np.diff(axis.axis))) if axis.size > 1 else float("nan")


def spectra_along_energy(signal: BaseSignal, axis: BaseDataAxis, notes: list[str]) -> BaseSignal:
    """Return a new signal with the energy axis as its only signal axis, in eV and rising; the data are shared.

    Raises
    ------
    InputError
        The axis has no step, or is not uniform.
    """
    if signal.axes_manager.signal_axes != (axis,):
        notes.append(
            f"the axis in {units_of(axis)} was not the signal axis; taken as such, since units count more than order"
        )
    signal = signal.transpose(signal_axes=[axis], optimize=False)
    axis = signal.axes_manager.signal_axes[0]
    _make_uniform(axis)
    unit = units_of(axis)
    if unit not in ENERGY:
        notes.append(f"energy axis without a known unit (found {unit!r}): taken as eV")
    factor = ENERGY.get(unit, 1.0)
    axis.scale, axis.offset, axis.units = axis.scale * factor, axis.offset * factor, "eV"
    if axis.scale < 0:
        notes.append("falling energy axis: turned round")
        signal.data = signal.data[..., ::-1]
        axis.offset, axis.scale = axis.offset + axis.scale * (axis.size - 1), -axis.scale
    return signal


def _make_uniform(axis: BaseDataAxis) -> None:
    """Turn an axis that is uniform in all but class into a uniform one."""
    if not axis.is_uniform:
        values = np.asarray(axis.axis, float)
        steps = np.diff(values)
        off = values - np.linspace(values[0], values[-1], values.size)
        if not np.abs(off).max() <= 1e-3 * np.abs(np.median(steps)):
            raise InputError(
                f"the energy axis is not uniform: steps from {steps.min():g} to {steps.max():g} {units_of(axis)}; "
                "resample it to a uniform axis first"
            )
        axis.convert_to_uniform_axis()
    if not (np.isfinite(axis.scale) and np.isfinite(axis.offset) and axis.scale != 0):
        raise InputError(f"the energy axis has offset {axis.offset:g} and step {axis.scale:g}: it is not calibrated")


def positions_to_nm(signal: BaseSignal, notes: list[str]) -> None:
    """Convert the navigation axes to nm in place; say so of what has no calibration, or an absurd one."""
    for axis in signal.axes_manager.navigation_axes:
        if axis.size < 2:
            continue
        step = step_in_nm(axis)
        if not np.isfinite(step):
            notes.append(
                f"axis {named(axis)!r} has no length calibration (step {_step(axis):g}, unit {units_of(axis)!r}): "
                "positions are in pixels; the recipe's step can say how far apart they are"
            )
            continue
        if axis.is_uniform and not np.isfinite(axis.offset):
            notes.append(f"axis {named(axis)!r} starts nowhere (offset {axis.offset:g}): positions count from zero")
            axis.offset = 0.0
        if not 1e-3 <= step <= 1e4:
            notes.append(f"axis {named(axis)!r}: a step of {step:g} nm is hard to believe")
    for axis in signal.axes_manager.navigation_axes:
        if np.isfinite(step_in_nm(axis)):
            to_nm(axis)


def to_nm(axis: UniformDataAxis) -> None:
    """Convert one axis of known unit to nm in place."""
    factor = nm_per_unit(axis)
    if axis.is_uniform:
        axis.scale, axis.offset = axis.scale * factor, axis.offset * factor
    else:
        axis.axis = np.asarray(axis.axis) * factor
    axis.units = "nm"
