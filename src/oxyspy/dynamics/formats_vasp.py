"""Trajectories of VASP: XDATCAR and vasprun.xml, as streams of frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers.expat import errors

import numpy as np

from oxyspy.dynamics.frames import CutShort, Frame, open_file, read_rows
from oxyspy.errors import InputError, ReadError

# what the XML parser says at the end of a file that is not the end of the document
CUT = {
    errors.codes[name]
    for name in (errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN, errors.XML_ERROR_PARTIAL_CHAR)
}


def xdatcar_frames(path: Path, species, cell, notes: list[str]) -> Iterator[Frame]:
    """Yield the frames of an XDATCAR; a variable cell repeats its header before every frame."""
    with open_file(path) as file:
        line, number, before, counted = file.readline(), 0, 0, 0
        while line:
            if not _starts_frame(line):
                head = [line, *(file.readline() for _ in range(5))]
                if number and not "".join(head).strip():
                    return
                symbols, matrix, line = _header(path, head, file, species)
                continue
            counted = _counter(line)
            if counted and before and counted <= before:
                notes.append(
                    f"{path.name}: its count of frames starts again after frame {number}, as where files were joined"
                )
            elif counted > before + 1 and before:
                raise InputError(
                    f"{path}: frame {counted} follows frame {before}; evenly written frames are needed, in one sequence"
                )
            before, number = counted, number + 1
            rows = read_rows(file, len(symbols))
            values = np.array([row.split()[:3] for row in rows], float)
            yield Frame(symbols, matrix, values)
            line = file.readline()


def _starts_frame(line: str) -> bool:
    return line.lstrip().lower().startswith("direct")


def _counter(line: str) -> int:
    text = line.partition("=")[2].strip()
    return int(text) if text.isdigit() else 0


def _header(path: Path, head: list[str], file, species) -> tuple[tuple[str, ...], np.ndarray, str]:
    """Return symbols, cell and the line after a header whose first six lines were read."""
    _, *lines = head
    if not lines[-1]:
        raise CutShort
    if lines[2].strip() == "CAR":
        raise InputError(
            f"{path}: an XDATCAR of VASP 4 holds neither its cell nor its symbols; read the vasprun.xml of the run"
        )
    scale = float(lines[0])
    matrix = np.array([line.split() for line in lines[1:4]], float)
    # a negative scale is the volume
    matrix *= scale if scale > 0 else (-scale / abs(np.linalg.det(matrix))) ** (1 / 3)
    names = lines[4].split()
    if names and names[0].isdigit():
        counts, names = names, list(species or ())
    else:
        counts = file.readline().split()
    if len(names) != len(counts):
        raise InputError(
            f"{path}: {len(counts)} kinds of atoms, {len(names)} symbols; give them, as species=['Li', 'O']"
        )
    return tuple(np.repeat(names, np.array(counts, int)).tolist()), matrix, file.readline()


def vasprun_frames(path: Path, species, cell, notes: list[str]) -> Iterator[Frame]:
    """Yield the ionic steps of a vasprun.xml of molecular dynamics."""

    def table(node) -> np.ndarray:
        return np.array([row.text.split() for row in node.iter("v")], float)

    symbols: tuple[str, ...] = ()
    timestep = None
    with open_file(path, "rb") as file:
        try:
            for _, node in ElementTree.iterparse(file):
                if node.tag in ("incar", "parameters"):
                    found = node.find(".//i[@name='IBRION']")
                    if found is not None and int(found.text) != 0:
                        raise InputError(
                            f"{path}: IBRION = {int(found.text)}, found a relaxation or the like; needed molecular "
                            "dynamics, IBRION = 0"
                        )
                    potim = node.find(".//i[@name='POTIM']")
                    # the INCAR comes first, all parameters after it
                    timestep = float(potim.text) if timestep is None and potim is not None else timestep
                elif node.tag == "atominfo":
                    rows = node.find("array[@name='atoms']/set").findall("rc")
                    symbols = tuple(row.find("c").text.strip() for row in rows)
                elif node.tag == "calculation":
                    structure = node.find("structure")
                    matrix = table(structure.find("crystal/varray[@name='basis']"))
                    yield Frame(symbols, matrix, table(structure.find("varray[@name='positions']")), None, timestep)
                    node.clear()
        except ElementTree.ParseError as error:
            if error.code in CUT:
                raise CutShort from error
            raise ReadError(f"{path}: damaged: {error}") from error
