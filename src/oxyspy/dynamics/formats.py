"""File formats of trajectories, each a generator of frames, so that no file is ever held whole."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from oxyspy.dynamics.formats_vasp import vasprun_frames, xdatcar_frames
from oxyspy.dynamics.frames import OPENERS, CutShort, Frame, fractional, open_file, read_rows
from oxyspy.errors import InputError, OxyspyError, ReadError

# bytes at the start of a file by which its format is known
HEAD = 4096
# what CP2K writes above each configuration; the time is in fs
CP2K = re.compile(r"^\s*i\s*=\s*(\d+),\s*time\s*=\s*([-+.\dEe]+)")
# fs of the unit of time of LAMMPS's units
LAMMPS_TIME = {"real": 1.0, "metal": 1000.0}
NO_CELL = "it holds no cell; give edges or vectors in Å, as cell=[12, 12, 12]"
# how LAMMPS calls coordinates that are unwrapped already
UNWRAPPED = {"xu", "xsu"}


def read_frames(paths: list[Path], species, cell, notes: list[str]) -> Iterator[Frame]:
    """Yield the frames of all files; a file that repeats the last frame of the one before loses it.

    A file that ends within a frame is read up to it, with a note, where it holds two whole frames or more.
    """
    last = None
    for path in paths:
        k = -1
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
        except (CutShort, EOFError) as error:
            if k < 1:
                raise ReadError(f"{path}: cut short, before its second frame was whole") from error
            notes.append(f"{path.name} is cut short within frame {k + 2}; read up to the one before")
        except Exception as error:  # readers raise whatever they stumble on
            where = f" at frame {k + 2}" if k >= 0 else ""
            what = str(error) or type(error).__name__
            raise ReadError(f"{path}: cannot be read as a trajectory{where}: {what}") from error
    if last is None:
        raise ReadError(f"{paths[0]}: no frame found")


def _reader(path: Path):
    """Return the reader of a file, by its first lines; only what they leave open is decided by its name."""
    if not path.is_file():
        raise ReadError(f"{path}: {'a folder, needed a file' if path.is_dir() else 'no such file'}")
    with open_file(path, "rb") as file:
        try:
            head = file.read(HEAD)
        except EOFError:
            head = b""
    if head.startswith((b"ITEM: TIMESTEP", b"ITEM: UNITS", b"ITEM: TIME\n")):
        return _lammps_frames
    if b"<modeling" in head:
        return vasprun_frames
    lines = head.split(b"\n")
    if "XDATCAR" in path.name.upper() or any(line.lstrip().lower().startswith(b"direct conf") for line in lines[5:9]):
        return xdatcar_frames
    if lines[0].strip().isdigit():
        return _xyz_frames
    return _ase_frames


def _given(cell) -> np.ndarray | None:
    """Return the cell that the caller gave, three edges or three vectors."""
    if cell is None:
        return None
    cell = np.asarray(cell, float)
    return np.diag(cell) if cell.shape == (3,) else cell


def of_images(images: Iterable, cell=None, where: str = "the images") -> Iterator[Frame]:
    """Yield ASE's atoms or pymatgen's structures as frames."""
    given = _given(cell)
    for image in images:
        if hasattr(image, "frac_coords"):
            yield Frame(tuple(site.specie.symbol for site in image), image.lattice.matrix, image.frac_coords)
            continue
        matrix = np.array(image.cell) if image.cell.rank == 3 else given
        if matrix is None:
            raise InputError(f"{where}: {NO_CELL}")
        yield Frame(tuple(image.get_chemical_symbols()), matrix, fractional(matrix, image.positions))


def _ase_frames(path: Path, species, cell, notes) -> Iterator[Frame]:
    """Yield the frames of any format that ASE reads one by one, its own ``.traj`` before all."""
    import ase.io
    from ase.io.formats import UnknownFileTypeError
    from ase.io.trajectory import TrajectoryReader

    if path.suffix.lower() in OPENERS:
        # ASE's own format is read from a place in the file, so it is unpacked first
        with tempfile.TemporaryDirectory() as folder, open_file(path, "rb") as packed:
            plain = Path(folder, path.stem)
            with open(plain, "wb") as file:
                shutil.copyfileobj(packed, file)
            yield from _ase_frames(plain, species, cell, notes)
        return
    try:
        kind = ase.io.formats.get_ioformat(ase.io.formats.filetype(path.as_posix())).name
    except UnknownFileTypeError as error:
        raise ReadError(
            f"{path}: no format of a trajectory that is known: VASP's XDATCAR and vasprun.xml, XYZ, ASE's .traj, "
            "LAMMPS text dumps, and what else ASE reads"
        ) from error
    if kind != "traj":
        yield from of_images(ase.io.iread(path.as_posix(), index=":", format=kind), cell, str(path))
        return
    with TrajectoryReader(path) as images:
        said = (images.description or {}).get("oxyspy")
        for k in range(len(images)):
            try:
                (frame,) = of_images([images[k]], cell, str(path))
            except (OSError, ValueError, IndexError) as error:
                # places of frames are written before the frames: those beyond the end of the file hold nothing
                raise CutShort from error
            if said:
                step = k * int(said["steps_per_frame"])
                frame = frame._replace(step=step, timestep=float(said["timestep_fs"]), whole=True)
            yield frame


def _xyz_frames(path: Path, species, cell, notes) -> Iterator[Frame]:
    """Yield the frames of an XYZ file: extended, CP2K's, or plain."""
    import ase.io

    given = _given(cell)
    with open_file(path) as file:
        while (line := file.readline()).strip():
            comment, *rows = read_rows(file, int(line) + 1)
            if (said := CP2K.match(comment)) is None:
                image = ase.io.read(io.StringIO("".join([line, comment, *rows])), format="extxyz")
                yield from of_images([image], cell, str(path))
            elif given is None:
                raise InputError(f"{path}: {NO_CELL}")
            else:
                words = [row.split() for row in rows]
                scaled = fractional(given, np.array([w[1:4] for w in words], float))
                step, time = int(said[1]), float(said[2])
                yield Frame(tuple(w[0] for w in words), given, scaled, step=step, time=time)


def _lammps_frames(path: Path, species, cell, notes) -> Iterator[Frame]:
    """Yield the frames of a LAMMPS text dump, atoms sorted by their id."""
    from ase.io.lammpsrun import read_lammps_dump_text

    unit = None
    with open_file(path) as file:
        for chunk in _lammps_chunks(file):
            items = {line[6:].split()[0]: k for k, line in enumerate(chunk) if line.startswith("ITEM: ")}
            count_line = next((k for k, line in enumerate(chunk) if line.startswith("ITEM: NUMBER")), None)
            if count_line is None or "ATOMS" not in items or count_line + 1 == len(chunk):
                raise CutShort
            start, count = items["ATOMS"] + 1, int(chunk[count_line + 1])
            read_rows(io.StringIO("".join(chunk[start : start + count])), count)
            unit = chunk[items["UNITS"] + 1].strip() if "UNITS" in items else unit
            time = None
            if "TIME" in items and unit in LAMMPS_TIME:
                time = float(chunk[items["TIME"] + 1]) * LAMMPS_TIME[unit]
            columns = chunk[start - 1].split()[2:]
            _need_names(path, columns, chunk[start:], species)
            atoms = read_lammps_dump_text(
                io.StringIO("".join(chunk[items["TIMESTEP"] :])), index=-1, specorder=list(species or []) or None
            )
            matrix = np.array(atoms.cell)
            # the corner of the box does not matter: only differences of positions count here
            yield Frame(
                species=tuple(atoms.get_chemical_symbols()),
                cell=matrix,
                scaled=fractional(matrix, atoms.positions),
                step=int(chunk[items["TIMESTEP"] + 1]),
                time=time,
                whole=not UNWRAPPED.isdisjoint(columns),
            )


def _need_names(path: Path, columns: list[str], rows: list[str], species) -> None:
    """Refuse numbered kinds of atoms that have no names."""
    if "element" in columns or ("mass" in columns and species is None):
        return
    if species is None:
        raise InputError(f"{path}: the dump numbers its kinds of atoms; give them, as species=['Li', 'O']")
    if "type" not in columns:
        raise InputError(f"{path}: found the columns {' '.join(columns)}; needed type or element among them")
    kinds = max(int(row.split()[columns.index("type")]) for row in rows if row.strip())
    if kinds > len(species):
        raise InputError(
            f"{path}: {kinds} kinds of atoms, {len(species)} symbols ({', '.join(species)}); give one for each"
        )


def _lammps_chunks(file: IO) -> Iterator[list[str]]:
    """Yield the lines of each frame, which starts with its time step, or its units and time before that."""
    chunk: list[str] = []
    atoms = False
    for line in file:
        if atoms and line.startswith("ITEM: "):
            yield chunk
            chunk, atoms = [], False
        atoms = atoms or line.startswith("ITEM: ATOMS")
        chunk.append(line)
    if chunk:
        yield chunk
