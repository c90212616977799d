"""Crystal structures: from a name, a YAML or CIF file or a pymatgen ``Structure``."""

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

# what a cathode's surface may be
DEFAULT_PHASES = ("layered", "spinel", "rocksalt")
# cubic edge (angstrom) that a lattice built on rocksalt may have in units of the parent: oxides of 3d metals
PARENT_EDGE = (3.8, 4.7)
# largest misfit of a cell to its parent: lengths, and angles in radian
MISFIT = 0.1
# no two atoms of an oxide are nearer, nm
LEAST_APART = 0.09
YAML = (".yaml", ".yml")
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
        Directions to look along; where there are none, `oxyspy.lattice.low_index_zones` finds them.
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
    zone_axes: tuple[tuple[int, int, int], ...] = ()
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
    """Return a crystal by its name or family, from a CIF file, or from a pymatgen ``Structure``.

    Parameters
    ----------
    source : str, path, Structure or Crystal
        A name of ``data/phases.yaml`` or of ``file``, a family ("layered", "spinel", "rocksalt"), or a ``.cif``.
    file : path, optional
        YAML file of the user's, in the form of ``data/phases.yaml``.

    Returns
    -------
    Crystal
        Cell, atoms and family.

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
    """Return several crystals.

    Parameters
    ----------
    phases : sequence, or one of its items
        Names, families, structures, ``.cif`` files; a YAML file stands for all of its phases, and ``file.yaml:NAME``
        for one of them.
    file : path, optional
        YAML file of the user's in which names are looked up too.

    Returns
    -------
    tuple of Crystal
        In the order asked for.

    Raises
    ------
    InputError
        No phase, one twice, or one that is not known.

    Examples
    --------
    >>> [c.name for c in crystals(["layered", "spinel", "rocksalt"])]
    ['NMC532', 'LiMn2O4', 'NiO']
    """
    several = isinstance(phases, Sequence) and not isinstance(phases, str)
    found = tuple(one for item in (phases if several else [phases]) for one in _expanded(item, file))
    names = [one.name for one in found]
    if not names or len(set(names)) < len(names):
        raise InputError(f"needed one or more phases, each once; found {', '.join(names) or 'none'}")
    return found


def _expanded(item: Any, file: str | os.PathLike | None) -> list[Crystal]:
    """The crystals that one item stands for."""
    if not isinstance(item, (str, os.PathLike)):
        return [crystal(item, file)]
    path, _, name = str(item).rpartition(":")
    if Path(path).suffix.lower() in YAML:
        return [crystal(name, path)]
    if Path(item).suffix.lower() not in YAML:
        return [crystal(item, file)]
    content = read_yaml(item)
    if not isinstance(content, Mapping) or not isinstance(content.get("phases"), Mapping):
        raise InputError(f"{item}: needed a mapping 'phases' of name to structure, as in the shipped phases.yaml")
    return [crystal(one, item) for one in content["phases"]]


def from_structure(
    structure: Structure,
    name: str | None = None,
    family: str | None = None,
    rocksalt: NDArray | None = None,
    **more: Any,
) -> Crystal:
    """Return a pymatgen ``Structure`` as a `Crystal`.

    Layered, spinel and rocksalt oxides are recognised by their symmetry, in any setting, with their relation to the
    parent rocksalt. Ordered or not: a site shared by several elements gives an entry for each.

    Parameters
    ----------
    structure
        In any setting.
    name
        Its formula by default.
    family
        ``"layered"``, ``"spinel"``, ``"rocksalt"`` or ``"other"``; by its symmetry by default.
    rocksalt : array, shape (3, 3)
        Lattice vectors in cubic edges of the parent rocksalt; by its symmetry by default.
    **more
        Further fields of `Crystal`.

    Returns
    -------
    Crystal
        With its relation to the parent rocksalt, where it has one.

    Raises
    ------
    InputError
        No structure, atoms on top of each other, or a declared ``rocksalt`` that the cell does not fit.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> from oxyspy.lattice import from_structure
    >>> oxide = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.26), ["Co", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> from_structure(oxide).family
    'rocksalt'
    """
    try:
        rows = [
            (site.frac_coords, element.Z, occupancy)
            for site in structure
            for element, occupancy in _elements(site.species)
        ]
        lattice = np.array(structure.lattice.matrix) / 10.0
        formula = structure.composition.reduced_formula
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"needed a phase's name, a CIF file or a pymatgen Structure; found {type(structure).__name__}"
        ) from error
    if not rows:
        raise InputError(f"{name or 'structure'}: no atom in it")
    _check(name or formula, structure, rocksalt)
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


def _check(name: str, structure: Structure, rocksalt: NDArray | None) -> None:
    """Refuse atoms on top of each other, and a declared relation to rocksalt that the cell does not have."""
    if len(structure) > 1:
        apart = structure.distance_matrix + np.where(np.eye(len(structure)), np.inf, 0)
        first, second = np.unravel_index(apart.argmin(), apart.shape)
        if apart[first, second] < 10 * LEAST_APART:
            raise InputError(
                f"{name}: {structure[first].species_string} and {structure[second].species_string} are "
                f"{apart[first, second]:.2f} angstrom apart, needed {10 * LEAST_APART:g} or more: is the origin the "
                "space group's first choice?"
            )
    if rocksalt is not None:
        edge, misfit = _parent(np.array(structure.lattice.matrix), np.asarray(rocksalt, float))
        if not misfit < MISFIT:
            raise InputError(
                f"{name}: its cell is off by {100 * misfit:.0f} % from the lattice vectors declared as 'rocksalt', for "
                f"a parent of {edge:.2f} angstrom; needed {100 * MISFIT:g} % or less"
            )


def _elements(species) -> list[tuple[Any, float]]:
    """Elements and occupancies of a site, oxidation states dropped."""
    return [(getattr(one, "element", one), float(amount)) for one, amount in species.items()]


def _recognise(structure: Structure) -> tuple[str, NDArray | None]:
    """Tell the family and the relation to rocksalt from the symmetry, in any setting: primitive, permuted, multiple."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    dataset = SpacegroupAnalyzer(structure, symprec=0.05).get_symmetry_dataset()
    # a perovskite has a parent's edge too, but no cation in the middle of the faces
    known = {225: ("rocksalt", "cubic"), 227: ("spinel", "doubled"), 166: ("layered", "hexagonal")}
    if dataset.number not in known:
        return "other", None
    family, standard = known[dataset.number]
    # spglib: our axes are the standard ones times its transformation
    matrix = dataset.transformation_matrix.T @ np.array(load("phases")["lattices"][standard], float)
    edge, misfit = _parent(np.array(structure.lattice.matrix), matrix)
    # of eight places for an ion in the parent's cell, a spinel leaves one empty and a charged layered oxide two
    ions = len(structure) / abs(np.linalg.det(matrix))
    if PARENT_EDGE[0] <= edge <= PARENT_EDGE[1] and misfit < MISFIT and 5.5 < ions < 8.5:
        return family, matrix
    return "other", None


def _parent(lattice: NDArray, rocksalt: NDArray) -> tuple[float, float]:
    """Edge of the parent rocksalt in the unit of ``lattice``, and how far lengths and angles are from it at most."""
    # the metric of the cell over that of the parent's lattice vectors is the parent's edge, squared
    ours, parent = lattice @ lattice.T, rocksalt @ rocksalt.T
    edge = float(np.cbrt(abs(np.linalg.det(lattice) / np.linalg.det(rocksalt))))
    scale = edge**2 * np.sqrt(np.outer(np.diag(parent), np.diag(parent)))
    return edge, float((np.abs(ours - edge**2 * parent) / scale).max()) / 2


def _integers(vector: NDArray) -> tuple[int, int, int]:
    """Return the smallest integers in the ratio of ``vector``."""
    vector = np.asarray(vector, float)
    parts = [Fraction(float(x / np.abs(vector).max())).limit_denominator(24) for x in vector]
    common = lcm(*(part.denominator for part in parts))
    whole = [int(part * common) for part in parts]
    divisor = gcd(*whole)
    return tuple(i // divisor for i in whole)
