"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from oxyspy.errors import OxyspyError


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Give a name to write to; on success it becomes ``path``, on any failure nothing is left behind.

    The temporary file keeps the suffix of ``path``, since writers choose their format by it, and lies in the
    same folder, since only there is the rename atomic.
    """
    path = Path(path)
    aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=f".part{path.suffix}", dir=path.parent)
        aside = Path(name)
        os.close(handle)
        # mkstemp makes private files; results get the permissions any new file would have
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o666 & ~umask)
        yield aside
        os.replace(aside, path)
    except OSError as error:
        raise OxyspyError(f"could not write {path}: {error.strerror or error}") from error
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)


def need_room(path: str | os.PathLike, size: int) -> None:
    """Set ``size`` bytes of the disk aside for a file, so that libraries that do not survive a full one are not begun.

    Raises
    ------
    OSError
        There is not as much, or a limit forbids it.
    """
    # where the system has no such call, the writer itself finds out
    if size > 0 and hasattr(os, "posix_fallocate"):
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write JSON that any program reads: arrays as lists, what is not finite as ``null``."""
    from oxyspy.results import to_plain

    write_text(path, json.dumps(to_plain(value), indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(paths: Iterable[str | os.PathLike]) -> dict[str, str]:
    """Return the SHA-256 of each file, or why there is none, by its path below the folder that all have in common.

    A folder, as a ``.zspy`` store is one, stands for all files in it.
    """
    paths = [Path(path).absolute() for path in paths]
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    files = [file for file in dict.fromkeys(files) if not file.is_dir()]
    parents = {path.parent for path in paths}
    # paths on different drives have nothing in common
    base = Path(os.path.commonpath(parents)) if len({path.anchor for path in parents}) == 1 else Path()
    found = {}
    for file in files:
        name = file.relative_to(base).as_posix() if file.is_relative_to(base) else file.as_posix()
        try:
            found[name] = sha256(file)
        except OSError as error:
            found[name] = f"unreadable: {error.strerror}"
    return found
