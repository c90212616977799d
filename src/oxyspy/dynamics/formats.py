"""File formats of trajectories, each a generator of frames, so that no file is ever held whole."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from oxyspy.errors import InputError, OxyspyError, ReadError


class Frame(NamedTuple):
    """One configuration of a file: fractional coordinates and what the file says beside them."""

    species: tuple[str, ...]
    cell: np.ndarray
    scaled: np.ndarray
    step: int | None = None
    timestep: float | None = None


def read_frames(paths: list[Path], species, cell, notes: list[str]) -> Iterator[Frame]:
    """Yield the frames of all files; a file that repeats the last frame of the one before loses it."""
    last = None
    for path in paths:
        try:
            for k, frame in enumerate(_reader(path)(path, species, cell, notes)):
                if k == 0 and last is not None:
                    if frame.species != last.species:
                        raise InputError(f"{path}: other atoms than in the file before it")
                    if np.array_equal(frame.scaled, last.scaled):
                        notes.append(f"{path.name} repeats the last frame before it, left out once")
                        continue
                yield frame
                last = frame
        except OxyspyError:
            raise
        except EOFError as error:
            raise ReadError(f"{path}: the compressed file is cut short") from error
        except Exception as error:  # readers raise whatever they stumble on
            raise ReadError(f"{path}: cannot be read as a trajectory: {error or type(error).__name__}") from error
    if last is None:
        raise ReadError(f"{paths[0]}: no frame found")


def _reader(path: Path):
    name = path.name.upper()
    if "XDATCAR" in name:
        return _xdatcar_frames
    if "VASPRUN" in name and ".XML" in name:
        return _vasprun_frames
    return _ase_frames


def _open(path: Path, mode: str = "rt") -> IO:
    opener = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix.lower(), open)
    try:
        return opener(path, mode)
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from error


def _xdatcar_frames(path: Path, species, cell, notes) -> Iterator[Frame]:
    """Yield the frames of an XDATCAR; a variable cell repeats its header before every frame."""
    with _open(path) as file:
        line = file.readline()
        while line:
            if not line.lstrip().lower().startswith("direct"):
                scale = float(file.readline())
                matrix = np.array([file.readline().split() for _ in range(3)], float)
                # a negative scale is the volume
                matrix *= scale if scale > 0 else (-scale / abs(np.linalg.det(matrix))) ** (1 / 3)
                names = file.readline().split()
                if names and names[0].isdigit():
                    counts, names = names, list(species or ())
                else:
                    counts = file.readline().split()
                if len(names) != len(counts):
                    raise InputError(
                        f"{path}: {len(counts)} kinds of atoms, {len(names)} symbols; give them, as species=['Li', 'O']"
                    )
                symbols = tuple(np.repeat(names, np.array(counts, int)).tolist())
                line = file.readline()
                continue
            rows = [file.readline() for _ in symbols]
            values = np.array(" ".join(rows).split(), float) if rows[-1].strip() else np.empty(0)
            if values.size != 3 * len(symbols):
                notes.append(f"{path.name} ends within a frame, which is left out")
                return
            yield Frame(symbols, matrix, values.reshape(-1, 3))
            line = file.readline()


def _vasprun_frames(path: Path, species, cell, notes) -> Iterator[Frame]:
    """Yield the ionic steps of a vasprun.xml; that of a run that was stopped is read as far as it goes."""
    from xml.etree import ElementTree

    def table(node) -> np.ndarray:
        return np.array([row.text.split() for row in node.iter("v")], float)

    symbols: tuple[str, ...] = ()
    timestep = None
    with _open(path, "rb") as file:
        try:
            for _, node in ElementTree.iterparse(file):
                if node.tag == "incar":
                    potim = node.find("i[@name='POTIM']")
                    timestep = float(potim.text) if potim is not None else None
                elif node.tag == "atominfo":
                    rows = node.find("array[@name='atoms']/set").findall("rc")
                    symbols = tuple(row.find("c").text.strip() for row in rows)
                elif node.tag == "calculation":
                    structure = node.find("structure")
                    matrix = table(structure.find("crystal/varray[@name='basis']"))
                    yield Frame(symbols, matrix, table(structure.find("varray[@name='positions']")), None, timestep)
                    node.clear()
        except ElementTree.ParseError:
            notes.append(f"{path.name} is cut short; read up to its last whole step")


def _ase_frames(path: Path, species, cell, notes) -> Iterator[Frame]:
    """Yield the frames of any format that ASE reads one by one."""
    import ase.io
    from ase.geometry import cellpar_to_cell

    if not path.exists():
        raise ReadError(f"{path}: no such file")
    lammps = any(word in path.name.lower() for word in (".dump", ".lammpstrj", "dump."))
    if lammps:
        yield from _lammps_frames(path, species, notes)
        return
    given = None
    if cell is not None:
        given = np.asarray(cell, float)
        given = cellpar_to_cell([*given, 90, 90, 90]) if given.shape == (3,) else given
    for atoms in ase.io.iread(path.as_posix(), index=":"):
        matrix = np.array(atoms.cell) if atoms.cell.rank == 3 else given
        if matrix is None:
            raise InputError(f"{path}: the file holds no cell; give its edges or vectors in Å, as cell=[12, 12, 12]")
        yield Frame(tuple(atoms.get_chemical_symbols()), matrix, np.linalg.solve(matrix.T, atoms.positions.T).T)


def _lammps_frames(path: Path, species, notes) -> Iterator[Frame]:
    """Yield the frames of a LAMMPS text dump, atoms sorted by their id."""
    from ase.io.lammpsrun import read_lammps_dump_text

    with _open(path) as file:
        for chunk in _lammps_chunks(file):
            atoms_line = next((k for k, line in enumerate(chunk) if line.startswith("ITEM: ATOMS")), None)
            if atoms_line is None or len(chunk) - atoms_line - 1 < int(chunk[3]):
                notes.append(f"{path.name} ends within a frame, which is left out")
                return
            columns = chunk[atoms_line].split()[2:]
            if species is None and "element" not in columns and "mass" not in columns:
                raise InputError(f"{path}: the dump numbers its kinds of atoms; give them, as species=['Li', 'O']")
            atoms = read_lammps_dump_text(io.StringIO("".join(chunk)), index=-1, specorder=species)
            matrix = np.array(atoms.cell)
            # the corner of the box does not matter: only differences of positions count here
            scaled = np.linalg.solve(matrix.T, atoms.positions.T).T
            yield Frame(tuple(atoms.get_chemical_symbols()), matrix, scaled, int(chunk[1]))


def _lammps_chunks(file: IO) -> Iterator[list[str]]:
    chunk: list[str] = []
    for line in file:
        if line.startswith("ITEM: TIMESTEP") and chunk:
            yield chunk
            chunk = []
        chunk.append(line)
    if chunk:
        yield chunk
