"""What a processed signal remembers of the counts it came from, and whether it still is what was made of them.

Areas and their errors are measured on recorded counts. So a net or deconvolved signal keeps these, and measuring
refuses spectra that were changed since: their numbers would be those of the unchanged ones.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.io.axes import ENERGY, LENGTH, units_of


def energies(signal: Any) -> np.ndarray:
    """Return a signal's energy axis in eV.

    Raises
    ------
    InputError
        The signal axis is no uniform, rising energy axis in eV; says what it is and what to do.
    """
    axes = signal.axes_manager.signal_axes
    if len(axes) != 1:
        raise InputError(f"spectra have one signal axis, the energy; found {len(axes)}: make it one by as_signal1D")
    axis = axes[0]
    unit, other = units_of(axis), [a for a in signal.axes_manager.navigation_axes if units_of(a) in ENERGY]
    if unit in LENGTH or (unit not in ENERGY and other):
        there = f"{other[0].name!r} is the one in {units_of(other[0])}: " if other else ""
        index = other[0].index_in_axes_manager if other else "index of the energy axis"
        raise InputError(
            f"the signal axis {axis.name!r} is in {unit or 'no unit'}, not an energy; {there}"
            f"signal.as_signal1D({index}) makes it the signal axis"
        )
    if ENERGY.get(unit, 1.0) != 1.0:
        raise InputError(
            f"the energy axis is in {unit}, needed eV: "
            f"signal.axes_manager[{axis.index_in_axes_manager}].convert_to_units('eV')"
        )
    if not axis.is_uniform:
        raise InputError("the energy axis is not uniform: interpolate the signal on a uniform axis first")
    if axis.scale <= 0:
        raise InputError(
            f"the energy axis falls, by {-axis.scale:g} eV a channel; needed a rising one: reverse data and axis first"
        )
    return axis.axis


def remember(signal: Any, raw: Any, low_loss: Any | None) -> None:
    """Let a signal remember the counts and the low loss it was made from, and what it is itself."""
    signal._raw, signal._low_loss, signal._mark = raw, low_loss, _mark(signal)


def carry(old: Any, new: Any) -> None:
    """Let a copy remember what its original does."""
    new._raw, new._low_loss, new._mark = old._raw, old._low_loss, old._mark


def need_origin(signal: Any, what: str) -> None:
    """Refuse to measure ``what`` on spectra that do not know their counts, or are not what was made of them.

    Raises
    ------
    InputError
        The background is not removed yet; the signal was sliced, or saved and loaded; its data or its energy axis
        changed.
    """
    if not signal.metadata.has_item("oxyspy.background_window"):
        raise InputError(f"measure {what} on a signal without its background: call remove_power_law first")
    if signal._raw is None:
        raise InputError(
            "these spectra no longer know the counts they came from (they were sliced, computed with, or saved and "
            "loaded), and without them an area has no error: call remove_power_law and deconvolve again on the "
            "recorded signal"
        )
    now, made = _mark(signal), signal._mark
    if isinstance(made[1], str) and not isinstance(now[1], str):
        # a lazy signal that was computed has no name to compare any more
        now = (now[0], made[1])
    if now[0] != made[0]:
        raise InputError(
            f"the energy axis was changed or cut since the background was removed (offset, scale and channels "
            f"{made[0]}, now {now[0]}): calibrate or crop the recorded signal, and remove its background again"
        )
    if now[1] != made[1]:
        raise InputError(
            f"these spectra were changed or cut since they were made, but {what} would be measured on the counts that "
            "they came from: change the recorded signal, and remove its background again"
        )


def _mark(signal: Any) -> tuple[tuple[float, ...], Any]:
    """What tells a signal from one that was changed: its axis, and its data's name or checksum."""
    axis = signal.axes_manager.signal_axes[0]
    data = signal.data
    # axes are read back from files to the last but one digit
    where = tuple(float(f"{value:.12g}") for value in (axis.offset, axis.scale, axis.size))
    if hasattr(data, "dask"):
        return where, data.name
    return where, (data.shape, zlib.adler32(np.ascontiguousarray(data).view(np.uint8)))
