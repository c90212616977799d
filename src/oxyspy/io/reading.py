"""One file to HyperSpy signals, with every failure named."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from oxyspy.errors import ReadError

if TYPE_CHECKING:
    from hyperspy.api import signals

# readers of pictures and plain tables; their files lie beside a scan without being part of it
_NOT_OF_A_SCAN = {"Image", "Impulse", "Protochips", "numpy", "JobinYvon", "EMPAD"}
# what libraries say of themselves, not of the file
_NOISE = ("If this file format is supported, please", "Numba is not installed")
# largest chunk of a lazy signal whose file has none of its own; all those of one place are held to have whole spectra
LAZY_CHUNK = "8MiB"
# the loggers of a process are shared, so one file is read at a time while they are redirected
_LOCK = threading.RLock()


@lru_cache(maxsize=1)
def _readers() -> dict[str, tuple[str, ...]]:
    """Names of RosettaSciIO's readers by extension, with dot and in lower case."""
    import rsciio

    readers: dict[str, tuple[str, ...]] = {}
    for plugin in rsciio.IO_PLUGINS:
        for extension in {f".{name.lower()}" for name in plugin["file_extensions"]}:
            readers[extension] = (*readers.get(extension, ()), plugin["name"])
    return readers


def files_of_scan(folder: Path) -> list[Path]:
    """Return the files in a folder, by name, that might belong to a scan: their extension says a reader exists."""
    wanted = {suffix for suffix, names in _readers().items() if not set(names) <= _NOT_OF_A_SCAN}
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in wanted
        and not path.name.startswith(".")
        and (path.is_file() or path.suffix == ".zspy")
    )


def is_folder(path: Path) -> bool:
    """Whether a path is a folder of files; a ``.zspy`` folder is a file."""
    return path.is_dir() and path.suffix != ".zspy"


def read_signals(path: str | os.PathLike, *, lazy: bool = False) -> tuple[list[signals.BaseSignal], list[str]]:
    """Read all signals of one file.

    Parameters
    ----------
    path : str or path
        Anything RosettaSciIO reads.
    lazy : bool
        Leave the data on disk, as dask arrays.

    Returns
    -------
    signals : list of BaseSignal
        In the order of the file.
    notes : list of str
        What the reader warned of, with the file's name.

    Raises
    ------
    ReadError
        The text names the file and the cause.

    Examples
    --------
    >>> import oxyspy
    >>> found, notes = oxyspy.io.read_signals(oxyspy.data.FOLDER / "demo" / "pristine" / "core_loss.dm4")
    >>> print(found, notes)
    [<EELSSpectrum, title: core_loss, dimensions: (48|1880)>] []
    """
    path = Path(path)
    names = _check(path)
    causes = []
    for name in [None] if len(names) == 1 else sorted(names, key=lambda name: name != "HSPY"):
        try:
            with _collected_warnings() as heard:
                found = _load(path, lazy, name)
        except MemoryError as error:
            raise ReadError(f"{path}: does not fit into memory; load it with lazy=True") from error
        except Exception as error:  # readers raise whatever their parser trips over, struct.error for one
            causes.append(error)
            continue
        if not found:
            raise ReadError(f"{path}: holds no signal")
        return found, [f"{path.name}: {text}" for text in (*heard, *_unended(path, found))]
    raise ReadError(f"{path}: cannot be read: {_cause(causes[0], path)}") from causes[0]


def _check(path: Path) -> tuple[str, ...]:
    """Return the readers for a file, after the checks that need none of them."""
    if not path.exists():
        raise ReadError(f"{path}: no such file or folder")
    if is_folder(path):
        raise ReadError(f"{path}: is a folder, not a file")
    if not path.is_dir():
        if not path.is_file():
            raise ReadError(f"{path}: is not a regular file")
        if not os.access(path, os.R_OK):
            raise ReadError(f"{path}: no permission to read it")
        if path.stat().st_size == 0:
            raise ReadError(f"{path}: the file is empty (0 bytes)")
    names = _readers().get(path.suffix.lower(), ())
    if not names:
        raise ReadError(
            f"{path}: no reader for the extension {path.suffix!r}; RosettaSciIO reads .dm3, .dm4, .hspy, .zspy, "
            ".msa, .emd and others"
        )
    return names


def _load(path: Path, lazy: bool, reader: str | None) -> list[signals.BaseSignal]:
    import dask
    import hyperspy.api as hs

    choices = {} if reader is None else {"file_format": reader}
    if lazy and path.suffix.lower() in (".dm3", ".dm4"):
        # energy is the slowest axis of their spectrum images: chunks as they lie in the file, of which an edge takes
        # those of its energies, not HyperSpy's of whole spectra, to each of which the whole file contributes
        choices["optimize"] = False
    with dask.config.set({"array.chunk-size": LAZY_CHUNK}):
        found = hs.load(path, lazy=lazy, **choices)
    found = list(found) if isinstance(found, (list, tuple)) else [found]
    return [signal for signal in found if signal.data.size]


def _unended(path: Path, found: list[signals.BaseSignal]) -> list[str]:
    """Find text spectra cut short, which their reader takes for whole."""
    if "MSA" not in _readers()[path.suffix.lower()]:
        return []
    promised = found[0].original_metadata.get_item("NPOINTS")
    there = found[0].data.size
    if isinstance(promised, (int, float)) and there != promised:
        raise ReadError(f"{path}: it ends too early: {there} of {promised:g} channels; copy it again")
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        ended = b"#ENDOFDATA" in file.read().upper()
    return [] if ended else ["no #ENDOFDATA at its end: its last channel may be cut short"]


def _cause(error: Exception, path: Path) -> str:
    """Say in words why a reader gave up."""
    text = " ".join(str(error).split()) or "no reason given"
    size = f"{path.stat().st_size} bytes"
    if type(error).__name__ == "error" or isinstance(error, EOFError):
        return f"it ends too early or is damaged ({size}; {text}): copy it again from the microscope"
    # some of RosettaSciIO's readers need packages that it does not install
    if isinstance(error, ImportError) or (isinstance(error, AttributeError) and text.startswith("module ")):
        return f"a package that its reader needs is missing or of another version ({text})"
    return f"it is damaged, cut short ({size}) or not what its extension says ({type(error).__name__}: {text})"


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Collect what HyperSpy and RosettaSciIO log or warn of, in place of their lines between ours."""
    import hyperspy.api  # noqa: F401  (its import sets up the logger that is redirected here)

    heard: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = " ".join(record.getMessage().split())
            if record.levelno >= logging.WARNING and not text.startswith(_NOISE):
                heard.append(text)

    loggers = [logging.getLogger(name) for name in ("hyperspy", "rsciio")]
    with _LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = [(logger.handlers, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [Collect()], False
        try:
            yield heard
        finally:
            for logger, (handlers, propagate) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
    # deprecations are the libraries' talk among themselves
    kept = {" ".join(str(one.message).split()) for one in caught if "Deprecat" not in one.category.__name__}
    heard += sorted(kept - set(heard))
