"""Signals of one or more files to one `LineScan`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from oxyspy.errors import InputError, ReadError
from oxyspy.io.choosing import belong_together, choose, labels, size
from oxyspy.io.describe import acquisition, faults
from oxyspy.io.reading import files_of_scan, is_folder, read_signals
from oxyspy.io.roles import CORE_LOSS_END, Found, Role, peak_energy, role_of, some_spectra
from oxyspy.io.scan import LineScan, counts_along_line

# files that are better left on disk
LARGE_BYTES = 1_000_000_000

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

    from oxyspy.io.finding import ScanSource


def load_scan(
    source: str | os.PathLike | BaseSignal | ScanSource | Sequence | None = None,
    *,
    core: str | os.PathLike | BaseSignal | None = None,
    low_loss: str | os.PathLike | BaseSignal | None = None,
    lazy: bool | Literal["large"] = False,
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
    lazy : bool or "large"
        Leave the data on disk, as dask arrays; with ``"large"`` those of files above 1 GB together. Counts are then not
        looked through for faults.
    name : str, optional
        By default that of the folder or of the core loss's file.

    Returns
    -------
    LineScan
        Core loss, low loss and images as HyperSpy signals; `print` tells what was found.

    Raises
    ------
    ReadError
        A file cannot be read; the text names it and the cause.
    InputError
        No core loss, or more than one and nothing in shape or calibration to choose by.

    Examples
    --------
    >>> import oxyspy
    >>> folder = oxyspy.data.FOLDER / "demo" / "rocksalt_2nm"
    >>> oxyspy.load_scan(folder).core_loss
    <CoreLossEELSSpectrum, title: core_loss, dimensions: (48|1880)>
    >>> oxyspy.load_scan(core=folder / "core_loss.dm4", low_loss=folder / "low_loss.dm4").low_loss
    <EELSSpectrum, title: low_loss, dimensions: (48|1880)>
    """
    from oxyspy.io.finding import ScanSource

    if isinstance(source, ScanSource):
        name = name or source.name
        source = list(source.files) if len(source.files) > 1 else source.files[0]
    if lazy == "large":
        lazy = _bytes(core, low_loss, *(source if isinstance(source, (list, tuple)) else [source])) > LARGE_BYTES
    if source is not None and (core is not None or low_loss is not None):
        raise InputError("give either a source or core= and low_loss=, not both")
    if source is not None:
        found, notes, unread, folder = _read_all(source, lazy)
        core_loss, low, ignored = choose(found, unread)
        images = [item for item in found if item.role is Role.IMAGE]
        notes += _about_rest(found, ignored, unread)
        name = name or (folder.resolve().name if folder else None)
    elif core is None:
        raise InputError("nothing to load: give a folder, files, or core=; without a core loss there is no scan")
    else:
        notes, images = [], []
        core_loss = _given(core, Role.CORE, lazy, notes)
        low = None if low_loss is None else _given(low_loss, Role.LOW, lazy, notes)
    _check_pair(core_loss, low, notes)
    return _scan(core_loss, low, images, notes, name)


def _bytes(*sources) -> int:
    """Size of the files among sources, those in folders included."""
    paths = [Path(source) for source in sources if isinstance(source, (str, os.PathLike))]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())


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


def _about_rest(found, ignored, unread) -> list[str]:
    """Say what was left out, and which file could not be read."""
    notes = [f"left out: {item.label}: {item.role} of {size(item)}" for item in ignored]
    notes += [str(error) for error in unread]
    return notes + [f"left out: {item.label}: {item.reason}" for item in found if item.role is Role.OTHER]


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
        raise InputError(f"{source}: holds more than one {role}: {labels(fit)}; hand over the signal itself")
    if fit:
        return fit[0]
    for item in found:
        if _as_told(item, role):
            return item
    seen = "; ".join(f"{item.role}, {item.reason}" for item in found)
    raise InputError(f"{found[0].label} was given as {role}, but is {seen}")


def _as_told(item: Found, role: Role) -> bool:
    """Whether a signal can serve as the role it was named for although it looked like another; notes it if so."""
    if item.role not in (Role.CORE, Role.LOW):
        return False
    energy = item.signal.axes_manager.signal_axes[0].axis
    if role is Role.CORE:
        # one spectrum may hold zero-loss peak and edges both
        item.notes.append(f"contains the zero-loss peak ({item.reason}); taken as core loss as told")
        return energy[-1] > CORE_LOSS_END
    peak = peak_energy(energy, some_spectra(item.signal).sum(0))
    item.notes.append(f"its largest peak is at {peak:.4g} eV: taken as a zero-loss peak on an axis far off")
    item.zero_loss_ev = peak
    return bool(np.isfinite(peak))


def _check_pair(core: Found, low: Found | None, notes: list[str]) -> None:
    """Refuse a low loss of another area; say what else differs."""
    if low is None:
        return
    if low.shape not in ((1, 1), core.shape):
        raise InputError(
            f"core loss and low loss are not of the same positions: {core.label} has {size(core)}, {low.label} "
            f"{size(low)}"
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
        zero_loss_ev=float("nan") if low is None else low.zero_loss_ev,
    )
