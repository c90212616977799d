"""Trajectories of molecular dynamics: files in, unwrapped positions with their cell, species and time step out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from oxyspy.dynamics.formats import Frame, read_frames
from oxyspy.errors import InputError, ReadError
from oxyspy.results import Result

# a fractional step this near to half a cell may as well have gone the other way round
LARGEST_STEP = 0.4
# relative change of a cell matrix below which files written with few digits still hold one cell
SAME_CELL = 1e-5


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
        """
        chosen = slice(None) if of == "total" else np.concatenate([self.indices(s) for s in np.atleast_1d(of)])
        name = "all atoms" if of == "total" else " and ".join(np.atleast_1d(of))
        positions = remove_drift(self.positions, atomic_masses(self.species), chosen)
        return replace(self, positions=positions, notes=(*self.notes, f"drift of {name} removed"))

    def apparent_temperature(self) -> float:
        """Return the temperature in K that the shortest displacements have; nan where frames are over 5 fs apart.

        Over a few fs atoms fly free, so m <dr\N{SUPERSCRIPT TWO}> = 3 k T dt\N{SUPERSCRIPT TWO}: a wrong time step
        shows here before it spoils a diffusivity.
        """
        from scipy.constants import Boltzmann, atomic_mass

        if self.interval > 5.0:
            return float("nan")
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

    Raises
    ------
    InputError
        If an atom moves so far between two frames that the shortest way need not be its way.
    """
    for start in range(0, scaled.shape[1], 16):
        block = scaled[:, start : start + 16]
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
    """Return positions relative to the moving centre of mass of the reference atoms, as it was in the first frame."""
    weights = masses[reference] / masses[reference].sum()
    centre = np.einsum("tax,a->tx", positions[:, reference], weights)
    return positions - (centre - centre[0])[:, None, :].astype(positions.dtype)


def read_trajectory(
    paths: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    timestep: float | None = None,
    steps_per_frame: int | None = None,
    every: int = 1,
    species: Sequence[str] | None = None,
    cell: Sequence | None = None,
    variable_cell: Literal["refuse", "mean"] = "refuse",
) -> Trajectory:
    """Read a trajectory, from one file or from several that follow each other.

    VASP's XDATCAR and vasprun.xml are read as a stream; extended XYZ, CP2K's XYZ, ASE's ``.traj``, LAMMPS text
    dumps and all else through ASE. Files may be compressed by gzip, bzip2 or xz.

    Parameters
    ----------
    paths
        File, or files in sequence.
    timestep
        fs of one step of the simulation; may be left out for vasprun.xml, which states it.
    steps_per_frame
        Steps from one written frame to the next (VASP's NBLOCK); a LAMMPS dump states it, elsewhere 1 is meant.
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
    first = next(frames)
    scaled = np.empty((256, len(first.species), 3))
    cells, steps, hints, count = [], [], set(), 0
    for count, frame in enumerate(_every(first, frames, every), start=1):
        if frame.species != first.species:
            raise InputError(
                f"frame {count} lists other atoms than the first; all frames need the same atoms in one order"
            )
        if count > len(scaled):
            # grows in place, so that reading never holds two copies
            scaled.resize((len(scaled) * 2, *scaled.shape[1:]), refcheck=False)
        scaled[count - 1] = frame.scaled
        cells.append(frame.cell)
        steps.append(frame.step)
        hints.add(frame.timestep)
    if count < 2:
        raise ReadError(f"{paths[0]}: one frame only; a trajectory needs two or more")
    scaled.resize((count, *scaled.shape[1:]), refcheck=False)

    matrix = _one_cell(np.array(cells), variable_cell, notes)
    positions = _to_cartesian(unwrap(scaled), matrix)
    interval = _interval(timestep, steps_per_frame, every, steps, hints - {None})
    return Trajectory(
        positions=positions,
        species=first.species,
        cell=matrix,
        interval=interval,
        volume=float(np.mean(np.abs(np.linalg.det(cells)))),
        sources=tuple(Path(p).as_posix() for p in paths),
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


def _interval(timestep, steps_per_frame, every: int, steps: list, hints: set[float]) -> float:
    """Return the fs between two kept frames, from what was given and what the files state."""
    if timestep is not None and not (np.isfinite(timestep) and timestep > 0):
        raise InputError(f"timestep = {timestep!r}: needed fs above 0")
    stated = hints | ({float(timestep)} if timestep is not None else set())
    if not stated:
        raise InputError("the files state no time step; give it, e.g. timestep=2.0 (fs)")
    if max(stated) - min(stated) > 1e-6 * max(stated):
        raise InputError(f"time steps contradict each other: {', '.join(f'{t:g} fs' for t in sorted(stated))}")
    if None not in steps:
        gaps = np.unique(np.diff(steps))
        if len(gaps) > 1 or gaps[0] < 1:
            raise InputError(
                f"frames are not evenly spaced: {gaps[0]} to {gaps[-1]} steps apart; evenly written frames are needed"
            )
        written = gaps[0] / every
        if steps_per_frame is not None and steps_per_frame != written:
            raise InputError(f"steps_per_frame = {steps_per_frame}, but the file's frames are {written:g} steps apart")
        return float(max(stated) * gaps[0])
    if steps_per_frame is not None and steps_per_frame < 1:
        raise InputError(f"steps_per_frame = {steps_per_frame}: needed 1 or more")
    return float(max(stated) * (steps_per_frame or 1) * every)
