"""Many files and folders to the scans among them."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oxyspy.errors import ReadError
from oxyspy.io.choosing import belong_together
from oxyspy.io.reading import files_of_scan, is_folder, read_signals
from oxyspy.io.roles import Found, Role, role_of

# the first file of a folder of results: what stands in it is no scan, though it be only half of what it is to become
RESULTS = ".oxyspy-results"


@dataclass(frozen=True)
class ScanSource:
    """The files of one scan; `load_scan` takes it.

    Attributes
    ----------
    name : str
        Differs from all others of the same search.
    files : tuple of Path
        A folder, one file, or core loss and low loss.
    """

    name: str
    files: tuple[Path, ...]


def find_scans(paths: str | os.PathLike | Iterable[str | os.PathLike]) -> list[ScanSource]:
    """Find the scans in folders, files and patterns.

    A folder with one core loss in it is a scan; several core losses of one folder are paired with the low losses of
    their navigation shape, step and most similar name; folders of folders are searched. What cannot be read is
    a source all the same, so that loading it says why; folders of results are passed over.

    Parameters
    ----------
    paths : path, or list of paths
        Folders, files, or patterns as ``"day2/*/core*.dm4"``.

    Returns
    -------
    list of ScanSource
        In the order of their names.

    Examples
    --------
    >>> import oxyspy
    >>> [one.name for one in oxyspy.io.find_scans(oxyspy.data.FOLDER / "demo")]
    ['noisy_3nm_from_bulk', 'pristine', 'rocksalt_2nm', 'rocksalt_4nm_wrong_axis']
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    sources: list[ScanSource] = []
    files: list[Path] = []
    for path in dict.fromkeys(one for given in paths for one in expand(given)):
        if is_folder(path):
            sources += _in_folder(path)
        else:
            files.append(path)
    by_folder = defaultdict(list)
    for path in files:
        by_folder[path.parent].append(path)
    for group in by_folder.values():
        sources += _among_files(group)
    return _distinct(sources)


def expand(path: str | os.PathLike) -> list[Path]:
    """Return the files a pattern matches; what matches nothing is kept, since loading it names it."""
    if Path(path).exists():
        return [Path(path)]
    return [Path(one) for one in sorted(glob.glob(os.fspath(path), recursive=True))] or [Path(path)]


def _in_folder(folder: Path) -> list[ScanSource]:
    if any((folder / name).exists() for name in (RESULTS, "result.json")):
        return []
    sources = _among_files(files_of_scan(folder), folder)
    for below in sorted(path for path in folder.iterdir() if is_folder(path) and not path.name.startswith(".")):
        sources += _in_folder(below)
    return sources


def _among_files(files: Sequence[Path], folder: Path | None = None) -> list[ScanSource]:
    """Scans among files of one folder; ``folder`` where they are all of it."""
    found, unread = [], []
    for path in files:
        try:
            found += [role_of(signal, path) for signal in read_signals(path, lazy=True)[0]]
        except ReadError:
            unread.append(path)
    cores, lows = ([item for item in found if item.role is role] for role in (Role.CORE, Role.LOW))
    scans = [item for item in cores if item.shape != (1, 1)] or cores
    # where a file cannot be read, single spectra beside it are no scans: it may be what they were taken from
    lone = all(item.shape == (1, 1) for item in scans)
    if folder is not None and (len(scans) == 1 or (lone and unread)):
        return [ScanSource(folder.resolve().name, (folder,))]
    if folder is not None and not cores and (lows or unread or any(_is_measurement(item) for item in found)):
        return [ScanSource(folder.resolve().name, (folder,))]
    sources = []
    left = list(lows)
    together = [path for path in dict.fromkeys(core.path for core in scans) if any(low.path == path for low in lows)]
    sources += [ScanSource(path.stem, (path,)) for path in together]
    scans, left = ([item for item in items if item.path not in together] for items in (scans, left))
    for core, chosen in _pairs(scans, left):
        stem = _common_stem([core.path.stem, *(low.path.stem for low in chosen)])
        sources.append(ScanSource(stem, tuple(dict.fromkeys([core.path, *(low.path for low in chosen)]))))
    return sources + [ScanSource(path.stem, (path,)) for path in unread]


def _is_measurement(item: Found) -> bool:
    """Whether a signal that is neither core nor low loss may have been meant as one: spectra, and no image."""
    axes = item.signal.axes_manager
    return item.role is Role.OTHER and axes.signal_dimension == 1 and axes.navigation_size > 1


def _pairs(cores: Sequence[Found], lows: Sequence[Found]) -> list[tuple[Found, list[Found]]]:
    """Each core loss with its low loss; with several where no name decides, which loading then refuses."""
    pairs = []
    for core in cores:
        fit = [low for low in lows if belong_together(core, low)]
        if len(fit) > 1 or len(cores) > 1:
            scores = [_alike(core.path.stem, low.path.stem) for low in fit]
            fit = [low for low, score in zip(fit, scores, strict=True) if score == max(scores)]
            # a low loss that resembles another core loss more is that one's
            fit = [
                low
                for low in fit
                if all(
                    _alike(other.path.stem, low.path.stem) <= max(scores)
                    for other in cores
                    if belong_together(other, low)
                )
            ]
        if not fit and len(cores) == 1:
            fit = [low for low in lows if low.shape == (1, 1)]
        pairs.append((core, fit))
    return pairs


def _alike(one: str, other: str) -> int:
    """Length of the common start and the common end of two names."""
    start = len(os.path.commonprefix([one, other]))
    return start + len(os.path.commonprefix([one[start:][::-1], other[start:][::-1]]))


def _common_stem(names: Sequence[str]) -> str:
    """What the names share at their start, or the first name where that says too little."""
    return (os.path.commonprefix(list(names)).rstrip(" _-.(") if len(names) > 1 else "") or names[0]


def _distinct(sources: Sequence[ScanSource]) -> list[ScanSource]:
    """Sources once each, under names that differ: with the folder's name before, then numbered."""
    sources = list({source.files: source for source in sources}.values())
    seen: dict[str, int] = {}
    named = []
    names = [source.name for source in sources]
    for source in sources:
        name = source.name
        if names.count(name) > 1:
            name = f"{source.files[0].resolve().parent.name}_{name}"
        seen[name] = seen.get(name, 0) + 1
        named.append(replace(source, name=name if seen[name] == 1 else f"{name}_{seen[name]}"))
    return named
