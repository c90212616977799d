"""Molecular dynamics at constant volume and temperature that can be killed at any time and resumed bit for bit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.constraints import FixCom
from ase.md.bussi import Bussi
from ase.md.langevin import Langevin

from oxyspy.errors import InputError, MethodError, ReadError
from oxyspy.files import whole_file
from oxyspy.results import Result

# steps between changes of the thermostat along a ramp
RAMP = 20
# K that no melt of an oxide has, whatever the thermostat: the run has come apart
EXPLODED = 20000.0
# ASE's thermostats that keep no state of their own between steps, so that a run can be resumed exactly
THERMOSTATS = {
    "bussi": lambda atoms, step, kelvin, time, rng: Bussi(atoms, step, kelvin, time, rng=rng),
    "langevin": lambda atoms, step, kelvin, time, rng: Langevin(
        atoms, step, temperature_K=kelvin, friction=1 / time, fixcm=False, rng=rng
    ),
}


@dataclass(frozen=True)
class Leg(Result):
    """Summary of one stretch of a run; means over its second half.

    Attributes
    ----------
    name
        What it was for.
    steps
        Its length.
    temperature
        K.
    pressure, pressure_sigma
        GPa, with the standard error from eight blocks.
    energy, drift, drift_sigma
        eV an atom; by how much its means differ between third and fourth quarter, and the error of that.
    volume
        Å\N{SUPERSCRIPT THREE}.
    """

    name: str
    steps: int
    temperature: float
    pressure: float
    pressure_sigma: float
    energy: float
    drift: float
    drift_sigma: float
    volume: float


class Simulation:
    """Atoms under a thermostat of ASE's, in legs, with a checkpoint on disk.

    A program calls `leg` and `rescale` in a fixed order. Run again after a stop, calls that were done before return at
    once what they returned then, and the one that was cut goes on where its last checkpoint lies. Every
    checkpoint makes the calculator forget its history, so that the path does not depend on where it was stopped.

    Parameters
    ----------
    atoms
        With a calculator; positions are taken from the checkpoint if there is one.
    folder
        For ``state.npz`` and the frames.
    timestep
        fs.
    coupling
        fs, time constant of the thermostat.
    thermostat
        ``"bussi"``, stochastic velocity rescaling, which leaves diffusion as it is; or ``"langevin"``, whose friction
        slows it. ASE's Nosé-Hoover chains hide their state and could not be resumed exactly.
    seed
        Of the velocities and of the thermostat: a number or several.
    checkpoint
        Steps between checkpoints.
    tick
        Called with the number of steps just done, for a progress bar.
    """

    def __init__(
        self,
        atoms: Atoms,
        folder: str | os.PathLike,
        *,
        timestep: float,
        coupling: float = 100.0,
        thermostat: str = "bussi",
        seed: int | Sequence[int] = 0,
        checkpoint: int = 500,
        tick: Callable[[int], object] = lambda steps: None,
    ) -> None:
        if checkpoint < RAMP:
            raise InputError(f"checkpoint = {checkpoint} steps: needed {RAMP} or more")
        if thermostat not in THERMOSTATS:
            raise InputError(f"thermostat {thermostat!r} is not known; known are {', '.join(THERMOSTATS)}")
        self.atoms, self.folder, self.tick = atoms, Path(folder), tick
        self.timestep, self.coupling, self.checkpoint, self.thermostat = timestep, coupling, checkpoint, thermostat
        # the centre of mass stays at rest, and its three degrees of freedom do not count
        atoms.set_constraint(FixCom())
        self.rng = np.random.default_rng(seed)
        self.done: list[Leg] = []
        self.step = 0
        self._samples: list[list[float]] = []
        self._chunks = 0
        self._called = 0
        self.settings = {
            "timestep": timestep,
            "coupling": coupling,
            "thermostat": thermostat,
            "seed": list(seed) if isinstance(seed, Sequence) else seed,
            "checkpoint": checkpoint,
        }
        if self._state_file.exists():
            self._load()
        else:
            self._draw_velocities(300.0)

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.npz"

    def leg(self, name: str, steps: int, start: float, end: float | None = None, every: int | None = None) -> Leg:
        """Run so many steps at a temperature in K, or from one to another; return the summary.

        Parameters
        ----------
        every
            Keep the positions of every so-manieth step, see `frames`.
        """
        index, self._called = self._called, self._called + 1
        if index < len(self.done):
            found = self.done[index]
            if (found.name, found.steps) != (name, steps):
                raise InputError(
                    f"{self._state_file} belongs to another recipe: leg {index} was {found.name!r} of {found.steps} "
                    f"steps, asked for is {name!r} of {steps}; choose another folder"
                )
            return found
        frames: list[np.ndarray] = []
        while len(self.done) == index:
            # to the next change of the thermostat, kept frame or checkpoint, whichever comes first
            count = min(RAMP, steps - self.step, self.checkpoint - self.step % self.checkpoint)
            if every:
                count = min(count, every - self.step % every)
            middle = start if end is None else start + (end - start) * (self.step + count / 2) / steps
            self._thermostat(middle).run(count)
            self.step += count
            self._sample()
            if every and self.step % every == 0:
                frames.append(self.atoms.positions.copy())
            if self.step % self.checkpoint == 0 or self.step == steps:
                leg = self._summary(name, steps) if self.step == steps else None
                self._save(frames, leg)
                frames = []
            self.tick(count)
        return self.done[-1]

    def rescale(self, factor: float) -> None:
        """Scale the volume by a factor, atoms with it; a scaling that was done before is not done again."""
        if self._called == len(self.done) and self.step == 0:
            self.atoms.set_cell(self.atoms.cell * factor ** (1 / 3), scale_atoms=True)
            self._forget()

    def frames(self) -> np.ndarray:
        """Return the positions that were kept, Å, shape (frames, atoms, 3), not wrapped."""
        parts = [np.load(self._chunk(k)) for k in range(self._chunks) if self._chunk(k).exists()]
        return np.concatenate(parts) if parts else np.empty((0, len(self.atoms), 3))

    def _chunk(self, number: int) -> Path:
        return self.folder / f"frames-{number:05d}.npy"

    def _thermostat(self, temperature: float):
        make = THERMOSTATS[self.thermostat]
        return make(self.atoms, self.timestep * units.fs, temperature, self.coupling * units.fs, self.rng)

    def _draw_velocities(self, temperature: float) -> None:
        masses = self.atoms.get_masses()[:, None]
        momenta = self.rng.normal(size=(len(self.atoms), 3)) * np.sqrt(masses * units.kB * temperature)
        self.atoms.set_momenta(momenta - masses * momenta.sum(axis=0) / masses.sum())

    def _sample(self) -> None:
        temperature = self.atoms.get_temperature()
        energy = self.atoms.get_potential_energy() / len(self.atoms)
        if not np.isfinite(energy) or temperature > EXPLODED:
            raise MethodError(
                f"{self.folder}: the atoms flew apart ({temperature:.0f} K) at step {self.step} of leg "
                f"{len(self.done)}: take a shorter time step, or a lower density to start from"
            )
        pressure = -self.atoms.get_stress(include_ideal_gas=True)[:3].mean() / units.GPa
        self._samples.append([temperature, float(pressure), float(energy)])

    def _summary(self, name: str, steps: int) -> Leg:
        half = np.array(self._samples[len(self._samples) // 2 :])
        blocks = np.array([part.mean(axis=0) for part in np.array_split(half, 8) if len(part)])
        quarters = np.array_split(half[:, 2], 2)
        # from the scatter within each of the two quarters, or a drift would be its own excuse
        halves = np.array_split(blocks[:, 2], 2)
        drift_sigma = float(np.hypot(*(q.std(ddof=1) / np.sqrt(len(q)) for q in halves))) if len(blocks) > 3 else np.nan
        return Leg(
            name=name,
            steps=steps,
            temperature=float(half[:, 0].mean()),
            pressure=float(half[:, 1].mean()),
            pressure_sigma=float(blocks[:, 1].std(ddof=1) / np.sqrt(len(blocks))) if len(blocks) > 1 else np.nan,
            energy=float(half[:, 2].mean()),
            drift=float(quarters[1].mean() - quarters[0].mean()) if len(half) > 1 else np.nan,
            drift_sigma=drift_sigma,
            volume=float(self.atoms.get_volume()),
        )

    def _save(self, frames: list[np.ndarray], leg: Leg | None) -> None:
        if frames:
            with whole_file(self._chunk(self._chunks)) as aside:
                np.save(aside, np.array(frames))
            self._chunks += 1
        if leg is not None:
            self.done.append(leg)
            self.step, self._samples = 0, []
        state = {
            "settings": self.settings,
            "rng": self.rng.bit_generator.state,
            "done": [asdict(found) for found in self.done],
            "step": self.step,
            "samples": self._samples,
            "chunks": self._chunks,
        }
        with whole_file(self._state_file) as aside:
            np.savez(
                aside,
                positions=self.atoms.positions,
                momenta=self.atoms.get_momenta(),
                cell=np.array(self.atoms.cell),
                numbers=self.atoms.numbers,
                state=json.dumps(state),
            )
        self._forget()

    def _forget(self) -> None:
        """Make the calculator work everything out anew at its next call."""
        calculator = self.atoms.calc
        if hasattr(calculator, "reset"):
            calculator.reset()
        else:
            # those that work by files keep nothing but their last results
            calculator.atoms, calculator.results = None, {}

    def _load(self) -> None:
        try:
            with np.load(self._state_file) as saved:
                arrays = {name: saved[name] for name in ("positions", "momenta", "cell", "numbers")}
                state = json.loads(str(saved["state"]))
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ReadError(f"{self._state_file}: no checkpoint of oxyspy: {error}") from error
        if state["settings"] != self.settings or not np.array_equal(arrays["numbers"], self.atoms.numbers):
            raise InputError(f"{self._state_file} belongs to another recipe; choose another folder")
        self.atoms.set_cell(arrays["cell"])
        self.atoms.positions[:] = arrays["positions"]
        self.atoms.set_momenta(arrays["momenta"])
        self.rng.bit_generator.state = state["rng"]
        self.done = [Leg(**found) for found in state["done"]]
        self.step, self._samples, self._chunks = state["step"], state["samples"], state["chunks"]


def steps_done(folder: str | os.PathLike) -> int:
    """Return how many steps the checkpoint in a folder has behind it; 0 without one."""
    try:
        with np.load(Path(folder) / "state.npz") as saved:
            state = json.loads(str(saved["state"]))
    except (OSError, ValueError, KeyError, EOFError):
        return 0
    return state["step"] + sum(leg["steps"] for leg in state["done"])
