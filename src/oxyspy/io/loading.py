"""Signals of one or more files to one `LineScan`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oxyspy.errors import InputError, ReadError
from oxyspy.io.axes import STEP_TOLERANCE
from oxyspy.io.reading import files_of_scan, is_folder, read_signals
from oxyspy.io.roles import Found, Role, peak_energy, role_of, some_spectra
from oxyspy.io.scan import LineScan, acquisition, counts_along_line

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

    from oxyspy.io.finding import ScanSource

SAY_WHICH = "say which with core= and low_loss= (on the command line --core and --low-loss)"


def load_scan(
    source: str | os.PathLike | BaseSignal | ScanSource | Sequence | None = None,
    *,
    core: str | os.PathLike | BaseSignal | None = None,
    low_loss: str | os.PathLike | BaseSignal | None = None,
    lazy: bool = False,
    name: str | None = None,
) -> LineScan:
    """Load the core loss, the low loss and the images of one scan.

    Parameters
    ----------
    source : path, or list of paths
        A folder, one file that holds several signals, or several files. Roles are told by units, energies and
        counts: a loss axis that contains zero with a dominant peak near it is the low loss. Signals may stand for
        files.
    core, low_loss : path or BaseSignal, optional
        In place of ``source``.
    lazy : bool
        Leave the data on disk, as dask arrays. Counts are then not looked through for faults.
    name : str, optional
        By default that of the folder or of the core loss's file.

    Returns
    -------
    LineScan

    Raises
    ------
    ReadError
        A file cannot be read; the text names it and the cause.
    InputError
        No core loss, or more than one and nothing in shape or calibration to choose by.

    Examples
    --------
    >>> scan = oxyspy.load_scan("scan_07/")  # doctest: +SKIP
    >>> scan = oxyspy.load_scan(core="core.dm4", low_loss="low.dm4")  # doctest: +SKIP
    """
    from oxyspy.io.finding import ScanSource

    if isinstance(source, ScanSource):
        name = name or source.name
        source = list(source.files) if len(source.files) > 1 else source.files[0]
    if source is not None and (core is not None or low_loss is not None):
        raise InputError("give either a source or core= and low_loss=, not both")
    if source is not None:
        found, notes, unread, folder = _read_all(source, lazy)
        core_loss, low, ignored = choose(found, unread)
        images = [item for item in found if item.role is Role.IMAGE]
        notes += _about_rest(found, ignored, unread, single_file=len({item.path for item in found}) == 1)
        name = name or (folder.resolve().name if folder else None)
    elif core is None:
        raise InputError("nothing to load: give a folder, files, or core=; without a core loss there is no scan")
    else:
        notes, images = [], []
        core_loss = _given(core, Role.CORE, lazy, notes)
        low = None if low_loss is None else _given(low_loss, Role.LOW, lazy, notes)
    _check_pair(core_loss, low, notes)
    return _scan(core_loss, low, images, notes, name)


def _read_all(source, lazy: bool) -> tuple[list[Found], list[str], list[ReadError], Path | None]:
    """Read all that a source names; of a folder, files that cannot be read are kept as errors."""
    items = [source] if not isinstance(source, Iterable) or isinstance(source, (str, os.PathLike)) else list(source)
    folders = [Path(item) for item in items if isinstance(item, (str, os.PathLike)) and is_folder(Path(item))]
    found: list[Found] = []
    notes: list[str] = []
    unread: list[ReadError] = []
    for item in items:
        if not isinstance(item, (str, os.PathLike)):
            found.append(role_of(item))
        elif not is_folder(Path(item)):
            _read_one(Path(item), lazy, found, notes)
        else:
            files = files_of_scan(Path(item))
            if not files:
                raise ReadError(f"{item}: the folder holds no file that a reader exists for")
            for path in files:
                try:
                    _read_one(path, lazy, found, notes)
                except ReadError as error:
                    unread.append(error)
    return found, notes, unread, folders[0] if len(items) == len(folders) == 1 else None


def _read_one(path: Path, lazy: bool, found: list[Found], notes: list[str]) -> None:
    signals, heard = read_signals(path, lazy=lazy)
    found += [role_of(signal, path) for signal in signals]
    notes += heard


def choose(found: Sequence[Found], unread: Sequence[ReadError] = ()) -> tuple[Found, Found | None, list[Found]]:
    """Choose the core loss and the low loss that belong together.

    Returns
    -------
    core, low : Found
        The only pair that shares shape and step; without one, the only core loss.
    ignored : list of Found
        Loss spectra left out.

    Raises
    ------
    ReadError
        What could not be read may be what is missing.
    InputError
        No core loss, or no way to choose.
    """
    cores, lows = ([item for item in found if item.role is role] for role in (Role.CORE, Role.LOW))
    if unread and not (cores and lows):
        raise unread[0]
    if not cores:
        seen = "; ".join(f"{item.label}: {item.role}, {item.reason}" for item in found) or "no signal"
        raise InputError(f"no core loss found. Found {seen}. A core loss has an axis in eV above zero")
    pairs = [pair for pair in product(cores, lows) if belong_together(*pair)]
    if not pairs:
        # one low-loss spectrum may stand for all positions, of one core loss
        core = _only(cores)
        single = [low for low in lows if low.shape == (1, 1)]
        if lows and len(single) != 1:
            raise InputError(
                f"{core.label} has {_size(core)}, but no low loss has the same: "
                f"{', '.join(f'{low.label} {_size(low)}' for low in lows)}; {SAY_WHICH}"
            )
        pairs = [(core, single[0] if single else None)]
    if len(pairs) > 1:
        # an area measured along a line beats single spectra of the same folder
        longest = max(core.shape[0] * core.shape[1] for core, _ in pairs)
        pairs = [pair for pair in pairs if np.prod(pair[0].shape) == longest]
    if len(pairs) > 1:
        raise InputError(
            f"more than one core loss and low loss of equal shape and step: {_labels(cores)} and {_labels(lows)}; "
            f"{SAY_WHICH}"
        )
    core, low = pairs[0]
    return core, low, [item for item in (*cores, *lows) if item is not core and item is not low]


def _only(cores: Sequence[Found]) -> Found:
    """The one core loss, or the one among single spectra that is a scan."""
    scans = [item for item in cores if item.shape != (1, 1)] or list(cores)
    if len(scans) > 1:
        raise InputError(f"more than one core loss: {_labels(scans)}; {SAY_WHICH}")
    return scans[0]


def belong_together(core: Found, low: Found) -> bool:
    """Whether two signals share the navigation shape and, where both are calibrated, the step."""
    if core.shape != low.shape:
        return False
    steps = core.step_nm, low.step_nm
    return not np.isfinite(steps).all() or abs(steps[0] - steps[1]) <= STEP_TOLERANCE * steps[0]


def _labels(items: Iterable[Found]) -> str:
    return ", ".join(item.label for item in items)


def _size(item: Found) -> str:
    step = f" every {item.step_nm:.4g} nm" if np.isfinite(item.step_nm) else ""
    return f"{item.shape[0]} x {item.shape[1]} spectra{step}"


def _about_rest(found, ignored, unread, *, single_file: bool) -> list[str]:
    """Say what was left out, and which file could not be read."""
    notes = [f"left out: {item.label}: {item.role} of {_size(item)}" for item in ignored]
    notes += [str(error) for error in unread]
    if not single_file:
        notes += [f"left out: {item.label}: {item.reason}" for item in found if item.role is Role.OTHER]
    return notes


def _given(source: str | os.PathLike | BaseSignal, role: Role, lazy: bool, notes: list[str]) -> Found:
    """The signal that was named for a role, checked against what it is."""
    if isinstance(source, (str, os.PathLike)):
        signals, heard = read_signals(source, lazy=lazy)
        notes += heard
        found = [role_of(signal, Path(source)) for signal in signals]
    else:
        found = [role_of(source.as_lazy() if lazy and not source._lazy else source)]
    fit = [item for item in found if item.role is role]
    if len(fit) > 1:
        raise InputError(f"{source}: holds more than one {role}: {_labels(fit)}; hand over the signal itself")
    if fit:
        return fit[0]
    if role is Role.LOW and (mended := [item for item in found if item.role is Role.CORE]):
        # an axis that was never calibrated: the peak still tells
        item = mended[0]
        energy = item.signal.axes_manager.signal_axes[0].axis
        total = some_spectra(item.signal).sum(0)
        at = energy[int(np.argmax(total))]
        if np.isfinite(peak_energy(energy - at, total)):
            item.role, item.zero_loss_ev = Role.LOW, float(at)
            item.notes.append(f"the largest peak of the low loss is at {at:.4g} eV: its axis is not calibrated")
            return item
    seen = "; ".join(f"{item.role}, {item.reason}" for item in found)
    raise InputError(f"{found[0].label} was given as {role}, but is {seen}")


def _check_pair(core: Found, low: Found | None, notes: list[str]) -> None:
    """Refuse a low loss of another area; say what else differs."""
    if low is None:
        return
    if low.shape not in ((1, 1), core.shape):
        raise InputError(
            f"core loss and low loss are not of the same positions: {core.label} has {_size(core)}, {low.label} "
            f"{_size(low)}"
        )
    if low.shape != core.shape:
        notes.append(f"one low-loss spectrum for all positions: {low.label}")
    elif not belong_together(core, low):
        notes.append(
            f"steps differ: {core.step_nm:.4g} nm in {core.label}, {low.step_nm:.4g} nm in {low.label}; the core "
            "loss's is used"
        )


def _scan(core: Found, low: Found | None, images: list[Found], notes: list[str], name: str | None) -> LineScan:
    core.signal.set_signal_type("core_loss_EELS")
    if low is not None:
        low.signal.set_signal_type("EELS")
    used = [item for item in (core, low, *images) if item is not None]
    warnings = [*notes]
    for item in used:
        warnings += [f"{item.label}: {note}" for note in item.notes]
    for item in used[: 1 if low is None else 2]:
        if not item.signal._lazy:
            warnings += [f"{item.label}: {fault}" for fault in faults(counts_along_line(item.signal))]
    warnings += [
        f"{quantity.replace('_', ' ')} of {value['value']:g} {value['unit']} in the metadata: {value['doubt']}"
        for quantity, value in acquisition(core.signal).items()
        if value["doubt"] not in ("", "not recorded")
    ]
    title = core.signal.metadata.get_item("General.title", default="")
    return LineScan(
        name=name or (core.path.stem if core.path else title) or "scan",
        core_loss=core.signal,
        low_loss=None if low is None else low.signal,
        images=tuple(item.signal for item in images),
        files=tuple(dict.fromkeys(item.path for item in used if item.path is not None)),
        warnings=list(dict.fromkeys(warnings)),
        roles={key: f"{item.label}, {item.reason}" for key, item in (("core_loss", core), ("low_loss", low)) if item},
    )


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
