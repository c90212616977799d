"""One configuration of a trajectory file, and files opened whether compressed or not."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from oxyspy.errors import ReadError

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


class Frame(NamedTuple):
    """One configuration of a file: fractional coordinates and what the file says beside them.

    Attributes
    ----------
    step
        Of the simulation.
    timestep
        fs of a step.
    time
        fs since some start.
    whole
        Whether the file says that its paths are unwrapped already.
    """

    species: tuple[str, ...]
    cell: np.ndarray
    scaled: np.ndarray
    step: int | None = None
    timestep: float | None = None
    time: float | None = None
    whole: bool = False


class CutShort(Exception):
    """The file ends within a frame."""


def fractional(cell: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return positions in Å as fractions of the cell's vectors."""
    return np.linalg.solve(cell.T, positions.T).T


def open_file(path: Path, mode: str = "rt") -> IO:
    """Open a file that may be compressed by gzip, bzip2 or xz."""
    try:
        return OPENERS.get(path.suffix.lower(), open)(path, mode)
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from error


def read_rows(file: IO, count: int) -> list[str]:
    """Return so many lines; a file that ends before, or within the last of them, is `CutShort`."""
    rows = [file.readline() for _ in range(count)]
    last = rows[-1] if rows else "\n"
    # a last line without its end may lack digits: it is whole only where it is as long as the one before
    if not last or (not last.endswith("\n") and (count < 2 or len(last) < len(rows[-2].rstrip("\r\n")))):
        raise CutShort
    return rows
