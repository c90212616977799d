"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
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
