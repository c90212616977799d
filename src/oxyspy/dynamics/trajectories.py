"""Trajectories of molecular dynamics: files in, unwrapped positions with their cell, species and time step out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from oxyspy.dynamics.formats import of_images, read_frames
from oxyspy.dynamics.frames import Frame
from oxyspy.errors import InputError, ReadError
from oxyspy.results import Result
from oxyspy.units import parse

# a fractional step this near to half a cell may as well have gone the other way round
LARGEST_STEP = 0.4
# relative change of a cell matrix below which files written with few digits still hold one cell
SAME_CELL = 1e-5
# Å and usual steps of its species that no atom moves between two frames by itself
LEAP, LEAPS = 1.5, 12.0
# fs, the last digit of times in files
TIME_DIGIT = 1e-3


@dataclass(frozen=True)
class Trajectory(Result):
    """Positions of every atom, unwrapped, at evenly spaced times.

    Attributes
    ----------
    positions
        Å, shape (frames, atoms, 3); no jumps at the cell's faces.
    species
        Chemical symbol of each atom.
    cell
        Å, three lattice vectors as rows.
    interval
        fs between two frames.
    volume
        Å\N{SUPERSCRIPT THREE}, mean over the frames.
    sources
        The files, in sequence.
    notes
        What was done to the data beyond reading them.
    """

    positions: np.ndarray = field(repr=False)
    species: tuple[str, ...] = field(repr=False)
    cell: np.ndarray
    interval: float
    volume: float
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in ps from the first frame to the last."""
        return (len(self.positions) - 1) * self.interval / 1000.0

    def indices(self, species: str) -> np.ndarray:
        """Return the indices of the atoms of a species; one that is absent is an `InputError`."""
        found = np.flatnonzero(np.asarray(self.species) == species)
        if not len(found):
            raise InputError(f"no {species} in the trajectory; it holds {self.formula}")
        return found

    def of(self, species: str) -> np.ndarray:
        """Return the positions of the atoms of a species, shape (frames, atoms, 3)."""
        return self.positions[:, self.indices(species)]

    @property
    def formula(self) -> str:
        """Symbols with their counts, in the order of the file."""
        symbols, first, counts = np.unique(self.species, return_index=True, return_counts=True)
        return " ".join(f"{symbols[k]}{counts[k]}" for k in np.argsort(first))

    def concentration(self, species: str) -> float:
        """Return the number of atoms of a species in a cm\N{SUPERSCRIPT THREE}."""
        return len(self.indices(species)) / (self.volume * 1e-24)

    def skip(self, time: float) -> Trajectory:
        """Return the trajectory without its first ``time`` ps, the equilibration."""
        frames = int(round(time * 1000.0 / self.interval))
        if frames < 0 or frames > len(self.positions) - 2:
            raise InputError(f"cannot skip {time:g} ps of a trajectory of {self.duration:g} ps")
        notes = (*self.notes, f"the first {time:g} ps left out") if frames else self.notes
        return replace(self, positions=self.positions[frames:], notes=notes)

    def without_drift(self, of: str | Sequence[str] = "total") -> Trajectory:
        """Return the trajectory in the frame of a centre of mass.

        Parameters
        ----------
        of
            ``"total"``: all atoms; or the species of the framework, as ``["P", "S"]``.

        Notes
        -----
        The centre of N equal atoms carries 1/N of their diffusion with it: D in its frame is lower by that much.
        """
        chosen = slice(None) if of == "total" else np.concatenate([self.indices(s) for s in np.atleast_1d(of)])
        name = "all atoms" if of == "total" else " and ".join(np.atleast_1d(of))
        positions = remove_drift(self.positions, atomic_masses(self.species), chosen)
        return replace(self, positions=positions, notes=(*self.notes, f"drift of {name} removed"))

    def apparent_temperature(self) -> float:
        """Return the temperature in K that the displacements from frame to frame would have in free flight.

        Over a few fs atoms fly free, so m <dr\N{SUPERSCRIPT TWO}> = 3 k T dt\N{SUPERSCRIPT TWO}; over longer times they
        never get further. So a wrong time step shows here before it spoils a diffusivity: frames 5 fs apart or less
        give the temperature itself, others a lower limit.
        """
        from scipy.constants import Boltzmann, atomic_mass

        masses = atomic_masses(self.species)
        steps = np.zeros(len(masses))
        for start in range(0, len(self.positions) - 1, 2000):
            steps += (np.diff(self.positions[start : start + 2001], axis=0) ** 2).sum(axis=(0, 2))
        energy = (masses * steps).sum() / (len(self.positions) - 1) / (3 * (len(masses) - 1))
        return float(energy * atomic_mass * (1e-10 / (self.interval * 1e-15)) ** 2 / Boltzmann)

    def __str__(self) -> str:
        a, b, c = np.linalg.norm(self.cell, axis=1)
        text = (
            f"Trajectory of {self.formula}: {len(self.positions)} frames {self.interval:g} fs apart "
            f"({self.duration:g} ps), cell {a:.3f} x {b:.3f} x {c:.3f} Å, {self.volume:.1f} Å^3"
        )
        return "; ".join([text, *self.notes])


def atomic_masses(species: Sequence[str]) -> np.ndarray:
    """Return the standard atomic masses in u; a name that is no element is an `InputError`."""
    from ase.data import atomic_masses as masses
    from ase.data import atomic_numbers

    unknown = sorted(set(species) - set(atomic_numbers))
    if unknown:
        raise InputError(f"{', '.join(map(repr, unknown))}: no chemical element; give them, as species=['Li', 'O']")
    return masses[[atomic_numbers[s] for s in species]]


def unwrap(scaled: np.ndarray) -> np.ndarray:
    """Undo jumps across the cell's faces, in place.

    Parameters
    ----------
    scaled
        Fractional coordinates, shape (frames, atoms, 3), wrapped in any way.

    Returns
    -------
    array, shape (frames, atoms, 3)
        The same array.

    Raises
    ------
    InputError
        If an atom moves so far between two frames that the shortest way need not be its way.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import unwrap
    >>> unwrap(np.array([0.8, 0.95, 0.1]).reshape(3, 1, 1) * np.ones(3))[:, 0, 0].round(2)
    array([0.8 , 0.95, 1.1 ])
    """
    for start in range(0, scaled.shape[1], 8):
        block = scaled[:, start : start + 8]
        steps = np.diff(block, axis=0)
        jumps = np.round(steps)
        farthest = np.abs(steps - jumps).max(initial=0.0)
        if farthest > LARGEST_STEP:
            raise InputError(
                f"an atom moves by {farthest:.2f} of the cell's edge between two frames; unwrapping needs less than "
                f"{LARGEST_STEP}: read frames closer in time, and check that all frames list the atoms in one order"
            )
        block[1:] -= np.cumsum(jumps, axis=0)
    return scaled


def remove_drift(positions: np.ndarray, masses: np.ndarray, reference: slice | np.ndarray = slice(None)) -> np.ndarray:
    """Return positions relative to the moving centre of mass of the reference atoms, as it was in the first frame.

    Parameters
    ----------
    positions
        Å, shape (frames, atoms, 3).
    masses
        Of the atoms, in any unit.
    reference
        Atoms whose centre is held; all by default.

    Returns
    -------
    array, shape (frames, atoms, 3)
        Å.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import remove_drift
    >>> positions = np.zeros((3, 2, 3)) + np.arange(3.0)[:, None, None]
    >>> float(abs(remove_drift(positions, np.array([16.0, 16.0]))).max())
    0.0
    """
    weights = masses[reference] / masses[reference].sum()
    centre = np.einsum("tax,a->tx", positions[:, reference], weights)
    return positions - (centre - centre[0])[:, None, :].astype(positions.dtype)


def read_trajectory(
    paths: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    timestep: float | str | None = None,
    steps_per_frame: int | None = None,
    every: int = 1,
    species: Sequence[str] | None = None,
    cell: Sequence | None = None,
    variable_cell: Literal["refuse", "mean"] = "refuse",
) -> Trajectory:
    """Read a trajectory, from one file or from several that follow each other.

    The format is known by the content: VASP's XDATCAR and vasprun.xml, extended XYZ, CP2K's XYZ and LAMMPS text dumps
    are read as a stream, ASE's ``.traj`` and all else through ASE. Files may be compressed by gzip, bzip2 or xz. One
    that ends within a frame is read up to it, and the trajectory's notes say so.

    Parameters
    ----------
    paths
        File, or files in sequence.
    timestep
        fs of one step of the simulation, or text as ``"2 fs"``; may be left out where the file states it, as
        vasprun.xml, CP2K's XYZ and trajectories of `melt_quench` do.
    steps_per_frame
        Steps from one written frame to the next (VASP's NBLOCK); LAMMPS and CP2K state it, elsewhere 1 is meant.
    every
        Keep every so-manieth frame, to spare memory.
    species
        Elements of the numbered types of a LAMMPS dump or of an XDATCAR without symbols.
    cell
        Å, three vectors, or three edges; for formats that hold none, as CP2K's XYZ.
    variable_cell
        What to do where the cell changes: refuse, or take the fractional motion in the mean cell.

    Returns
    -------
    Trajectory
        Unwrapped positions; nothing else is done to them.

    Raises
    ------
    ReadError
        If a file cannot be read or is cut short before its second frame.
    InputError
        If time step, species, cells or frames of the files contradict each other or what was given.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, read_trajectory
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> from ase import Atoms
    >>> from ase.io import write
    >>> images = [Atoms("O24", positions=p, cell=[8, 8, 8], pbc=True) for p in walk.positions[:50]]
    >>> write("walk.xyz", images, format="extxyz")
    >>> read_trajectory("walk.xyz", timestep="20 fs").positions.shape
    (50, 24, 3)
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    if not paths:
        raise InputError("no trajectory file was given")
    if every < 1:
        raise InputError(f"every = {every}: needed 1 or more")
    if variable_cell not in ("refuse", "mean"):
        raise InputError(f"variable_cell = {variable_cell!r}: needed 'refuse' or 'mean'")

    notes: list[str] = []
    frames = read_frames([Path(p) for p in paths], species, cell, notes)
    sources = tuple(Path(p).as_posix() for p in paths)
    return _gather(frames, sources, notes, timestep, steps_per_frame, every, variable_cell)


def trajectory_of(
    images: Iterable,
    *,
    timestep: float | str,
    steps_per_frame: int = 1,
    cell: Sequence | None = None,
    variable_cell: Literal["refuse", "mean"] = "refuse",
    name: str = "images",
) -> Trajectory:
    """Return a trajectory of configurations that are in memory: ASE's Atoms or pymatgen's Structures.

    Parameters
    ----------
    images
        Any iterable of them, a pymatgen Trajectory among others.
    timestep, steps_per_frame, cell, variable_cell
        As for `read_trajectory`.
    name
        What results call it.

    Returns
    -------
    Trajectory
        Unwrapped.

    Examples
    --------
    >>> from ase import Atoms
    >>> images = [Atoms("O", positions=[[x, 0, 0]], cell=[4, 4, 4], pbc=True) for x in (3.0, 3.9, 0.8)]
    >>> print(trajectory_of(images, timestep="2 fs").positions[:, 0, 0])
    [3.  3.9 4.8]
    """
    return _gather(of_images(images, cell), (name,), [], timestep, steps_per_frame, 1, variable_cell)


def _gather(
    frames: Iterator[Frame], sources: tuple[str, ...], notes: list[str], timestep, steps_per_frame, every, variable_cell
) -> Trajectory:
    """Return the trajectory of a stream of frames."""
    if isinstance(timestep, str):
        timestep = parse(timestep, "fs", "timestep")
    first = next(frames, None)
    if first is None:
        raise InputError(f"{sources[0]}: no frame found")
    scaled = np.empty((256, len(first.species), 3))
    cells, steps, times, hints, whole, count = [], [], [], set(), True, 0
    for count, frame in enumerate(_every(first, frames, every), start=1):
        if frame.species != first.species:
            raise InputError(
                f"frame {count} lists other atoms than the first; all frames need the same atoms in one order"
            )
        if not (np.isfinite(frame.scaled).all() and np.isfinite(frame.cell).all()):
            atom = int(np.argmin(np.isfinite(frame.scaled).all(axis=1)))
            raise InputError(
                f"{sources[0]}: frame {count}: atom {atom + 1} ({frame.species[atom]}) has no finite place"
            )
        if count > len(scaled):
            # grows in place, so that reading never holds two copies
            scaled.resize((len(scaled) * 2, *scaled.shape[1:]), refcheck=False)
        scaled[count - 1] = frame.scaled
        cells.append(frame.cell)
        steps.append(frame.step)
        times.append(frame.time)
        hints.add(frame.timestep)
        whole = whole and frame.whole
    if count < 2:
        raise ReadError(f"{sources[0]}: one frame only; a trajectory needs two or more")
    scaled.resize((count, *scaled.shape[1:]), refcheck=False)

    matrix = _one_cell(np.array(cells), variable_cell, notes)
    positions = _to_cartesian(scaled if whole else unwrap(scaled), matrix)
    if (leap := _leap(positions, first.species)) and not whole:
        notes.append(leap)
    return Trajectory(
        positions=positions,
        species=first.species,
        cell=matrix,
        interval=_interval(timestep, steps_per_frame, every, steps, times, hints - {None}),
        volume=float(np.mean(np.abs(np.linalg.det(cells)))),
        sources=sources,
        notes=tuple(notes),
    )


def _every(first: Frame, rest: Iterable[Frame], every: int) -> Iterator[Frame]:
    yield first
    yield from (frame for k, frame in enumerate(rest, start=1) if k % every == 0)


def _to_cartesian(scaled: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return ``scaled @ cell`` in the memory of ``scaled``."""
    for start in range(0, len(scaled), 1024):
        scaled[start : start + 1024] = scaled[start : start + 1024] @ cell
    return scaled


def _one_cell(cells: np.ndarray, variable_cell: str, notes: list[str]) -> np.ndarray:
    change = np.abs(cells - cells[0]).max() / np.abs(cells[0]).max()
    if change <= SAME_CELL:
        return cells[0]
    if variable_cell == "refuse":
        raise InputError(
            f"the cell changes by up to {change:.2%} along the trajectory; a diffusivity needs constant volume. "
            "Pass variable_cell='mean' to take the fractional motion in the mean cell"
        )
    notes.append(f"variable cell (up to {change:.2%}): fractional motion taken in the mean cell")
    return cells.mean(axis=0)


def _leap(positions: np.ndarray, species: tuple[str, ...]) -> str:
    """Return in words where an atom moves as none does by itself, as where two of one element changed places."""
    longest = np.empty(len(species))
    usual = np.empty(len(species))
    for start in range(0, len(species), 8):
        steps = (np.diff(positions[:, start : start + 8], axis=0) ** 2).sum(axis=2)
        longest[start : start + 8] = np.sqrt(steps.max(axis=0))
        usual[start : start + 8] = np.median(steps, axis=0)
    names = np.asarray(species)
    for symbol in dict.fromkeys(species):
        mine = np.flatnonzero(names == symbol)
        atom = mine[np.argmax(longest[mine])]
        common = np.sqrt(usual[mine].mean())
        if longest[atom] > max(LEAP, LEAPS * common):
            return (
                f"atom {atom + 1} ({symbol}) moves {longest[atom]:.1f} Å between two frames, where {common:.2g} Å is "
                "usual: do all frames list the atoms in one order, and are they of one run?"
            )
    return ""


def _interval(timestep, steps_per_frame, every: int, steps: list, times: list, hints: set[float]) -> float:
    """Return the fs between two kept frames, from what was given and what the files state."""
    if timestep is not None and not (np.isfinite(timestep) and timestep > 0):
        raise InputError(f"timestep = {timestep!r}: needed fs above 0")
    if steps_per_frame is not None and steps_per_frame < 1:
        raise InputError(f"steps_per_frame = {steps_per_frame}: needed 1 or more")
    written = _even_steps(steps, every) if None not in steps else None
    if written is not None and steps_per_frame not in (None, written):
        raise InputError(f"steps_per_frame = {steps_per_frame}, but the file's frames are {written:g} steps apart")
    per_frame = every * (written or steps_per_frame or 1)
    tolerance = 1e-6
    if None not in times:
        # times have few digits: the longest stretch tells best
        stated = (times[-1] - times[0]) / (len(times) - 1) / per_frame
        if not stated > 0:
            raise InputError("the times that the file states do not rise from frame to frame")
        tolerance = max(tolerance, TIME_DIGIT / (times[-1] - times[0]))
        hints = hints | {stated if timestep is None or abs(stated / timestep - 1) > tolerance else float(timestep)}
    stated = hints | ({float(timestep)} if timestep is not None else set())
    if not stated:
        raise InputError("the files state no time step; give it, e.g. timestep=2.0 (fs)")
    if max(stated) - min(stated) > tolerance * max(stated):
        raise InputError(f"time steps contradict each other: {', '.join(f'{t:g} fs' for t in sorted(stated))}")
    return float(max(stated) * per_frame)


def _even_steps(steps: list[int], every: int) -> float:
    """Return the steps from one written frame to the next; they must be the same all along."""
    gaps = np.unique(np.diff(steps))
    if len(gaps) > 1 or gaps[0] < 1:
        raise InputError(
            f"frames are not evenly spaced: {gaps[0]} to {gaps[-1]} steps apart; evenly written frames are needed"
        )
    return gaps[0] / every
