"""Random packings to melt: none of their atoms closer than a least distance."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.constants import atomic_mass

from oxyspy.dynamics.trajectories import atomic_masses
from oxyspy.errors import InputError

# Å between any two atoms of a random packing, and between two of one element
APART, ALIKE = 1.6, 2.0


def random_packing(
    counts: Mapping[str, int], density: float, rng: np.random.Generator, *, apart: float = APART, alike: float = ALIKE
) -> Atoms:
    """Return atoms at random places of a cubic cell, none closer than a least distance.

    Atoms are put in one after the other; where that finds no room, Packmol, if it is installed, packs more densely.

    Parameters
    ----------
    counts
        Atoms of each element.
    density
        g/cm\N{SUPERSCRIPT THREE}.
    rng
        Draws the places.
    apart, alike
        Å between any two atoms, and between two of one element.

    Returns
    -------
    ASE's Atoms
        In a periodic cubic cell.

    Raises
    ------
    InputError
        If there is no room.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import random_packing
    >>> print(random_packing({"Li": 8, "O": 4}, 1.5, np.random.default_rng(0)).get_chemical_formula())
    Li8O4
    """
    symbols = np.repeat(list(counts), list(counts.values()))
    mass = atomic_masses(tuple(symbols)).sum() * atomic_mass * 1e3
    edge = (mass / density) ** (1 / 3) * 1e8
    places, placed = _one_by_one(symbols, edge, rng, apart, alike)
    if placed < len(symbols):
        packed = _packmol(counts, edge, int(rng.integers(1, 2**31)), apart, alike)
        if packed is None:
            raise InputError(
                f"no room for atom {placed + 1} of {len(symbols)} at {density:g} g/cm^3 with {apart:g} Å between "
                "atoms; take a lower density to start from, or install Packmol, which packs more densely"
            )
        places = packed
    order = np.argsort(symbols, kind="stable")
    return Atoms(symbols[order], positions=places[order], cell=[edge] * 3, pbc=True)


def _one_by_one(symbols, edge: float, rng, apart: float, alike: float) -> tuple[np.ndarray, int]:
    """Return places in the periodic cell, and how many atoms found one."""
    least = np.where(symbols[:, None] == symbols[None, :], alike, apart)
    places = np.empty((len(symbols), 3))
    for k in range(len(symbols)):
        for _ in range(200):
            # a hundred tries at once; the first that fits is taken
            tries = rng.uniform(0, edge, size=(100, 3))
            away = tries[:, None, :] - places[None, :k, :]
            away -= edge * np.round(away / edge)
            fits = np.flatnonzero(np.all((away**2).sum(axis=-1) >= least[k, :k] ** 2, axis=1))
            if len(fits):
                places[k] = tries[fits[0]]
                break
        else:
            return places, k
    return places, len(symbols)


def _packmol(counts: Mapping[str, int], edge: float, seed: int, apart: float, alike: float) -> np.ndarray | None:
    """Return Packmol's places, or None where it is not installed or finds none.

    It keeps two atoms the sum of their radii apart, so all elements keep ``alike`` from one another, or, where that
    finds no room, ``apart``.
    """
    program = shutil.which("packmol")
    if program is None:
        return None
    for distance in (alike, apart):
        places = _packed(program, counts, edge, seed, distance)
        if places is not None:
            return places
    return None


def _packed(program: str, counts: Mapping[str, int], edge: float, seed: int, distance: float) -> np.ndarray | None:
    # half of the distance stays free at each face, where the periodic images meet
    low, high = distance / 2, edge - distance / 2
    if high <= low:
        return None
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"tolerance {distance}", "precision 0.00001", "filetype xyz", "output packed.xyz", f"seed {seed}", ""]
        for symbol, count in counts.items():
            Path(folder, f"{symbol}.xyz").write_text(f"1\n\n{symbol} 0 0 0\n", encoding="utf-8")
            box = f"  inside box {low} {low} {low} {high} {high} {high}"
            lines += [f"structure {symbol}.xyz", f"  number {count}", box, "end structure", ""]
        recipe = Path(folder, "packmol.inp")
        recipe.write_text("\n".join(lines), encoding="utf-8")
        # it reads its input twice, so that a pipe will not do
        with recipe.open() as file:
            done = subprocess.run([program], stdin=file, cwd=folder, capture_output=True, timeout=600, check=False)
        packed = Path(folder, "packed.xyz")
        if done.returncode or not packed.is_file():
            return None
        rows = packed.read_text(encoding="utf-8").splitlines()[2:]
    places = np.array([row.split()[1:4] for row in rows], float)
    away = places[:, None] - places[None]
    away -= edge * np.round(away / edge)
    distances = np.sqrt((away**2).sum(axis=-1)) + edge * np.eye(len(places))
    # Packmol's own tolerance, and the third decimal of its file
    return places if distances.min() > 0.99 * distance else None
