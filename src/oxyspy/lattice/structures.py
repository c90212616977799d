"""Crystal structures: from a name, a YAML or CIF file or a pymatgen `Structure`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import gcd, lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.data import load, read_yaml
from oxyspy.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core import Structure

# cubic edge (angstrom) that a lattice built on rocksalt may have in units of the parent: oxides of 3d metals
PARENT_EDGE = (3.8, 4.7)
FAMILIES = ("layered", "spinel", "rocksalt", "other")


@dataclass(frozen=True)
class Crystal:
    """A crystal as arrays.

    Attributes
    ----------
    name : str
    family : {"layered", "spinel", "rocksalt", "other"}
    lattice : array, shape (3, 3)
        Lattice vectors as rows, in nm.
    positions : array, shape (n, 3)
        Fractional coordinates of each atom, an entry for each element on a mixed site.
    numbers, occupancies : array, shape (n,)
        Atomic number and occupancy.
    rocksalt : array, shape (3, 3), or None
        Lattice vectors as rows in units of the parent rocksalt's cubic edges, where there is such a parent.
    zone_axes : tuple of tuple of int
        Low-index directions worth looking along.
    source : str
        Where the numbers come from.
    """

    name: str
    family: str
    lattice: NDArray
    positions: NDArray
    numbers: NDArray
    occupancies: NDArray
    rocksalt: NDArray | None = None
    zone_axes: tuple[tuple[int, int, int], ...] = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
    source: str = field(default="given", repr=False)

    @property
    def volume(self) -> float:
        """Volume of the cell in nm^3."""
        return float(abs(np.linalg.det(self.lattice)))

    @property
    def reciprocal(self) -> NDArray:
        """Reciprocal lattice vectors as rows, in 1/nm, without the factor 2 pi."""
        return np.linalg.inv(self.lattice).T

    def rocksalt_direction(self, zone_axis: Sequence[int]) -> tuple[int, int, int] | None:
        """Return the direction of the parent rocksalt that ``zone_axis`` is parallel to, or None without a parent.

        Examples
        --------
        >>> crystal("layered").rocksalt_direction((1, -1, 0))
        (1, -2, 1)
        """
        if self.rocksalt is None:
            return None
        return _integers(np.asarray(zone_axis, float) @ self.rocksalt)

    def direction_of_rocksalt(self, direction: Sequence[int]) -> tuple[int, int, int]:
        """Return this crystal's direction parallel to the parent rocksalt's ``direction``."""
        if self.rocksalt is None:
            raise InputError(f"{self.name} is not built on rocksalt: its file needs the entry 'rocksalt'")
        return _integers(np.asarray(direction, float) @ np.linalg.inv(self.rocksalt))

    def zone_label(self, zone_axis: Sequence[int]) -> str:
        """Name a zone axis, and its rocksalt equivalent, since the literature mixes conventions for the layered phase.

        Examples
        --------
        >>> crystal("layered").zone_label((1, 0, 0))
        '[1 0 0] (parallel to rocksalt [1 -1 0])'
        """
        own = "[" + " ".join(str(int(i)) for i in zone_axis) + "]"
        parent = self.rocksalt_direction(zone_axis)
        if parent is None or parent == tuple(int(i) for i in zone_axis):
            return own
        return f"{own} (parallel to rocksalt [{' '.join(str(i) for i in parent)}])"


def crystal(source: str | Structure | Crystal | os.PathLike, file: str | os.PathLike | None = None) -> Crystal:
    """Return a crystal by its name or family, from a CIF file, or from a pymatgen `Structure`.

    Parameters
    ----------
    source : str, path, Structure or Crystal
        A name of ``data/phases.yaml`` or of ``file``, a family ("layered", "spinel", "rocksalt"), or a ``.cif``.
    file : path, optional
        YAML file of the user's, in the form of ``data/phases.yaml``.

    Raises
    ------
    InputError
        No such name, or a file that does not describe a crystal.

    Examples
    --------
    >>> crystal("rocksalt").name
    'NiO'
    """
    if isinstance(source, Crystal):
        return source
    if not isinstance(source, (str, os.PathLike)):
        return from_structure(source)
    if Path(source).suffix.lower() == ".cif":
        return from_structure(_read_cif(Path(source)), name=Path(source).stem)
    if file is None:
        return _shipped(str(source))
    return _named(str(source), file)


@cache
def _shipped(name: str) -> Crystal:
    return _named(name, None)


def _named(source: str, file: str | os.PathLike | None) -> Crystal:
    shipped = load("phases")
    own = read_yaml(file) if file is not None else {}
    if not isinstance(own, Mapping) or (file is not None and not isinstance(own.get("phases"), Mapping)):
        raise InputError(f"{file}: needed a mapping 'phases' of name to structure, as in the shipped phases.yaml")
    table = {**shipped["phases"], **own.get("phases", {})}
    families = {**shipped["families"], **(own.get("families") or {})}
    name = families.get(source, source)
    if name not in table:
        raise InputError(f"no phase {source!r}; known: {', '.join([*families, *table])}, or a .cif file")
    folder = Path(file).parent if file is not None else Path()
    return _from_entry(name, table[name], folder)


def crystals(
    phases: Sequence[str | Structure | Crystal] | str | os.PathLike, file: str | os.PathLike | None = None
) -> tuple[Crystal, ...]:
    """Return several crystals: names, structures, or all of a user's YAML file.

    Examples
    --------
    >>> [c.name for c in crystals(["layered", "spinel", "rocksalt"])]
    ['NMC532', 'LiMn2O4', 'NiO']
    """
    if isinstance(phases, (str, os.PathLike)) and Path(phases).suffix.lower() in (".yaml", ".yml"):
        content = read_yaml(phases)
        if not isinstance(content, Mapping) or not isinstance(content.get("phases"), Mapping):
            raise InputError(f"{phases}: needed a mapping 'phases' of name to structure, as in the shipped phases.yaml")
        phases, file = list(content["phases"]), phases
    elif isinstance(phases, (str, os.PathLike)) or not isinstance(phases, Sequence):
        phases = [phases]
    found = tuple(crystal(one, file) for one in phases)
    names = [one.name for one in found]
    if not names or len(set(names)) < len(names):
        raise InputError(f"needed one or more phases, each once; found {', '.join(names) or 'none'}")
    return found


def from_structure(
    structure: Structure,
    name: str | None = None,
    family: str | None = None,
    rocksalt: NDArray | None = None,
    **more: Any,
) -> Crystal:
    """Return a pymatgen `Structure` as a `Crystal`; the relation to rocksalt is found for the three common settings.

    Ordered or not: a site shared by several elements gives an entry for each.
    """
    try:
        rows = [
            (site.frac_coords, element.Z, occupancy)
            for site in structure
            for element, occupancy in _elements(site.species)
        ]
        lattice = np.array(structure.lattice.matrix) / 10.0
        formula = structure.composition.reduced_formula
    except AttributeError as error:
        raise InputError(
            f"needed a phase's name, a CIF file or a pymatgen Structure; found {type(structure).__name__}"
        ) from error
    if rocksalt is None and family is None:
        family, rocksalt = _recognise(structure)
    return Crystal(
        name=name or formula,
        family=family or "other",
        lattice=lattice,
        positions=np.array([row[0] for row in rows], float),
        numbers=np.array([row[1] for row in rows], int),
        occupancies=np.array([row[2] for row in rows], float),
        rocksalt=None if rocksalt is None else np.asarray(rocksalt, float),
        **more,
    )


def _from_entry(name: str, entry: Mapping[str, Any], folder: Path) -> Crystal:
    """Return the crystal of one YAML entry."""
    from pymatgen.core import Lattice, Structure

    rocksalt = entry.get("rocksalt")
    if isinstance(rocksalt, str):
        rocksalt = load("phases")["lattices"].get(rocksalt, rocksalt)
    family = entry.get("family", "other")
    if family not in FAMILIES:
        raise InputError(f"phase {name}: family {family!r}; needed one of {', '.join(FAMILIES)}")
    try:
        if "cif" in entry:
            structure = _read_cif(folder / entry["cif"])
        else:
            cell = {"alpha": 90.0, "beta": 90.0, "gamma": 90.0, **entry["cell"]}
            a = cell["a"]
            lattice = Lattice.from_parameters(
                a, cell.get("b", a), cell.get("c", a), cell["alpha"], cell["beta"], cell["gamma"]
            )
            sites = entry["sites"]
            structure = Structure.from_spacegroup(
                entry["spacegroup"], lattice, [s["species"] for s in sites], [s["xyz"] for s in sites]
            )
        more = {}
        if "zone_axes" in entry:
            more["zone_axes"] = tuple(tuple(int(i) for i in axis) for axis in entry["zone_axes"])
        return from_structure(
            structure,
            name=name,
            family=family,
            rocksalt=None if rocksalt is None else np.array(rocksalt, float).reshape(3, 3),
            source=str(entry.get("source", "given")),
            **more,
        )
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"phase {name}: not a structure ({error}); needed spacegroup, cell (a, b, c, alpha, beta, gamma) and "
            "sites (species, xyz), or cif"
        ) from error


def _read_cif(path: Path) -> Structure:
    from pymatgen.core import Structure

    if not path.is_file():
        raise InputError(f"{path}: no such CIF file")
    try:
        return Structure.from_file(path)
    except Exception as error:  # the CIF parser raises many kinds
        raise InputError(f"{path}: not readable as CIF: {error}") from error


def _elements(species) -> list[tuple[Any, float]]:
    """Elements and occupancies of a site, oxidation states dropped."""
    return [(getattr(one, "element", one), float(amount)) for one, amount in species.items()]


def _recognise(structure: Structure) -> tuple[str, NDArray | None]:
    """Tell the family and the relation to rocksalt from the cell alone, in the three common settings."""
    lattices = {name: np.array(matrix, float) for name, matrix in load("phases")["lattices"].items()}
    # a perovskite has a parent's edge too, but no cation in the middle of the faces
    space_group = structure.get_space_group_info(symprec=0.05)[1]
    for family, name, groups in (
        ("rocksalt", "cubic", (225,)),
        ("spinel", "doubled", (227,)),
        ("layered", "hexagonal", (166,)),
    ):
        if space_group not in groups:
            continue
        matrix = lattices[name]
        # the metric of the cell over that of the parent's lattice vectors is the parent's edge, squared
        ours = np.array(structure.lattice.matrix) @ np.array(structure.lattice.matrix).T
        parent = matrix @ matrix.T
        edge = np.sqrt(np.trace(ours) / np.trace(parent))
        scale = edge**2 * np.sqrt(np.outer(np.diag(parent), np.diag(parent)))
        if PARENT_EDGE[0] <= edge <= PARENT_EDGE[1] and np.all(np.abs(ours - edge**2 * parent) < 0.1 * scale):
            return family, matrix
    return "other", None


def _integers(vector: NDArray) -> tuple[int, int, int]:
    """Return the smallest integers in the ratio of ``vector``."""
    vector = np.asarray(vector, float)
    parts = [Fraction(float(x / np.abs(vector).max())).limit_denominator(24) for x in vector]
    common = lcm(*(part.denominator for part in parts))
    whole = [int(part * common) for part in parts]
    divisor = gcd(*whole)
    return tuple(i // divisor for i in whole)
