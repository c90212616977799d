"""A line with a width out of a spectrum image: whole pixels, each once, so that counts stay counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError
from oxyspy.io.axes import nm_per_unit, step_in_nm
from oxyspy.io.scan import LineScan

if TYPE_CHECKING:
    from hyperspy.axes import BaseDataAxis
    from hyperspy.signals import BaseSignal

# fewer positions are no line
LEAST_POSITIONS = 2
# counts that are held at once while a lazy image is read
BLOCK_COUNTS = 8_000_000


def cut_line(scan: LineScan, line: Sequence[float], width: float | None = None) -> LineScan:
    """Cut a line with a width out of a spectrum image, at any angle.

    Parameters
    ----------
    scan : LineScan
        With two navigation axes; lazy ones are read only where the line runs.
    line : tuple of float
        ``(x1, y1, x2, y2)``: where the line starts and ends, in nm on the navigation axes; in pixels where they have
        no length calibration.
    width : float, optional
        In the same unit; by default one pixel.

    Returns
    -------
    LineScan
        Positions are distances from the line's start; the pixels across the line are its rows. The low loss is cut in
        the same way where it has a spectrum at each pixel.

    Raises
    ------
    InputError
        No spectrum image, a line wider than long, or one that misses the image.

    Notes
    -----
    HyperSpy's ``Line2DROI`` interpolates between pixels (at order 0 it takes some twice and others not at all): then
    neighbouring spectra share counts, which no error bar knows of. Here the pixels whose centres lie in the strip are
    sorted along the line and dealt out, the same number to each position: each spectrum is used once, as recorded.
    Positions are the means of their pixels, so on a slanting line they are not quite evenly spaced; what is left
    over at the line's end, fewer pixels than a position has, is not used.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> import hyperspy.api as hs
    >>> core, low = (hs.stack([one] * 6, new_axis_name="y") for one in (scan.core_loss, scan.low_loss))
    >>> for image in (core, low):
    ...     image.axes_manager["y"].scale, image.axes_manager["y"].units = 0.4, "nm"
    >>> image = oxyspy.load_scan(core=core, low_loss=low, name="six rows")
    >>> image.along_line((0.0, 1.0, 18.0, 1.0), width=1.2).core_counts().shape
    (3, 46, 1880)
    """
    x, y = _image_axes(scan.core_loss)
    at_x, at_y = _in_nm(x), _in_nm(y)
    unit = "nm" if np.isfinite(step_in_nm(x)) else "pixels"
    steps = np.array([_pitch(at_x), _pitch(at_y)])
    start, end = np.array(line[:2], float), np.array(line[2:], float)
    if not np.isfinite([*start, *end]).all() or not (length := float(np.hypot(*(end - start)))) > 0:
        raise InputError(f"a line needs two ends, x1, y1, x2, y2; found {', '.join(f'{v:g}' for v in line)}")
    width = float(steps.min()) if width is None else width
    if width > length:
        raise InputError(f"the line is {width:g} {unit} wide and {length:g} {unit} long: it must be longer than wide")
    index, position = _pixels(at_x, at_y, start, (end - start) / length, length, width, float(steps.min()))
    if index is None or position.size < LEAST_POSITIONS:
        raise InputError(
            f"the line from ({start[0]:g}, {start[1]:g}) to ({end[0]:g}, {end[1]:g}), {width:g} {unit} wide, holds "
            f"fewer than {LEAST_POSITIONS} positions of an image that runs from ({at_x.min():g}, {at_y.min():g}) to "
            f"({at_x.max():g}, {at_y.max():g}) {unit}"
        )
    across = width / index[0].shape[0]
    core = _signal(scan.core_loss, index, position, across, unit)
    low = scan.low_loss
    single = low is None or not any(axis.size > 1 for axis in low.axes_manager.navigation_axes)
    said = (
        f"line from ({start[0]:g}, {start[1]:g}) to ({end[0]:g}, {end[1]:g}) {unit}, {width:g} {unit} wide: "
        f"{position.size} positions of {index[0].shape[0]} whole pixels each, every one used once, none interpolated"
    )
    return replace(
        scan,
        core_loss=core,
        low_loss=low if single else _signal(low, index, position, across, unit),
        warnings=[*scan.warnings, said],
    )


def _image_axes(signal: BaseSignal) -> tuple[BaseDataAxis, BaseDataAxis]:
    axes = [axis for axis in signal.axes_manager.navigation_axes if axis.size > 1]
    if len(axes) != 2:
        raise InputError(f"a line is cut out of a spectrum image; this scan has {len(axes)} direction(s) of positions")
    return axes[0], axes[1]


def _in_nm(axis: BaseDataAxis) -> NDArray:
    """Coordinates of an axis's pixels in nm, or their numbers."""
    if not np.isfinite(step_in_nm(axis)):
        return np.arange(axis.size, dtype=float)
    return np.asarray(axis.axis, float) * nm_per_unit(axis)


def _pitch(at: NDArray) -> float:
    return float(np.median(np.abs(np.diff(at))))


def _pixels(at_x, at_y, start, along, length, width, step):
    """Pixels of each position, as (y, x) indices of shape (across, positions), and where the positions are."""
    from_x, from_y = at_x - start[0], (at_y - start[1])[:, None]
    distance = from_x * along[0] + from_y * along[1]
    aside = from_y * along[0] - from_x * along[1]
    tiny = 1e-9 * step
    inside = (distance >= -tiny) & (distance <= length + tiny) & (aside >= -width / 2 - tiny)
    inside &= aside < width / 2 - tiny
    pixels = np.argwhere(inside)
    if len(pixels) == 0:
        return None, np.zeros(0)
    distance, aside = distance[inside], aside[inside]
    # rounded, so that pixels of one column stay together whatever the last digit says
    order = np.lexsort((aside, np.round(distance / step, 6)))
    each = max(1, int(round(len(pixels) / (length / step + 1))))
    while True:
        n = len(pixels) // each
        taken = order[: n * each].reshape(n, each)
        position = distance[taken].mean(1)
        if n < 2 or (np.diff(position) > 1e-6 * step).all():
            break
        each += 1
    # within a position from one side of the line to the other, so that rows are lines beside each other
    taken = np.take_along_axis(taken, aside[taken].argsort(1), 1).T
    return (pixels[taken, 0], pixels[taken, 1]), position


def _signal(signal: BaseSignal, index, position: NDArray, across: float, unit: str) -> BaseSignal:
    """The pixels of a line as a signal of (across, positions, channels), with the metadata of the whole."""
    x, y = _image_axes(signal)
    from hyperspy.signals import BaseSignal

    rows, columns = index
    if rows.max() >= y.size or columns.max() >= x.size:
        raise InputError(
            f"core loss and low loss lie differently in their files: this one has {x.size} x {y.size} positions"
        )
    data = np.moveaxis(signal.data, (y.index_in_array, x.index_in_array), (0, 1))
    data = data.reshape(y.size, x.size, data.shape[-1])
    taken = np.empty((*rows.shape, data.shape[-1]), data.dtype)
    height = max(1, BLOCK_COUNTS // (x.size * data.shape[-1]))
    for first in range(rows.min(), rows.max() + 1, height):
        here = (rows >= first) & (rows < first + height)
        taken[here] = np.asarray(data[first : first + height])[rows[here] - first, columns[here]]
    axes = [
        {
            "name": "across",
            "size": len(taken),
            "scale": across,
            "units": unit if unit == "nm" else "",
            "navigate": True,
        },
        {"name": "line", "axis": position, "units": unit if unit == "nm" else "", "navigate": True},
        signal.axes_manager.signal_axes[0].get_axis_dictionary() | {"navigate": False},
    ]
    if len(taken) == 1:
        taken, axes = taken[0], axes[1:]
    kind = signal.metadata.get_item("Signal.signal_type", default="EELS")
    cut = BaseSignal(taken, axes=axes, metadata=signal.metadata.as_dictionary())
    cut.set_signal_type(kind)
    return cut
