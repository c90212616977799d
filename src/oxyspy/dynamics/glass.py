"""Glasses from nothing but a composition: random packing, melt, snapshots, quench, production runs."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.formula import Formula
from ase.io.trajectory import Trajectory as TrajectoryFile
from ase.optimize import FIRE

from oxyspy.dynamics.engines import engines, load_engine
from oxyspy.dynamics.measure import DiffusionRecipe, RunFiles, measure_diffusion
from oxyspy.dynamics.packing import random_packing
from oxyspy.dynamics.potentials import load_potential
from oxyspy.dynamics.recipes import quantity, read_fields
from oxyspy.dynamics.simulation import THERMOSTATS, Leg, Simulation, steps_done
from oxyspy.dynamics.study import DiffusionStudy
from oxyspy.dynamics.trajectories import atomic_masses
from oxyspy.errors import InputError, MethodError, ReadError
from oxyspy.files import sha256, whole_file, write_json, write_text
from oxyspy.results import Result

# GPa, first guess of the bulk modulus of a melt, and what later estimates may be
MODULUS, SOFTEST, HARDEST = 40.0, 5.0, 300.0


@dataclass(frozen=True)
class Recipe(Result):
    """How to make a glass and measure diffusion in it; the defaults are the study's protocol.

    Attributes
    ----------
    composition
        Atoms in the cell, as ``"Li64O32"``.
    density
        g/cm\N{SUPERSCRIPT THREE} to start from; the melt finds its own.
    temperatures
        K, of the production runs.
    potential
        Name in ``data/potentials.yaml``, a YAML file of that form, name of an engine in ``data/engines.yaml`` (CHGNet,
        SevenNet, LAMMPS, VASP, Quantum ESPRESSO, CP2K, GPAW), or ``module:Calculator`` of any ASE calculator.
    potential_options
        Keywords of that calculator, over an engine's template.
    species
        What diffuses; all elements where left out.
    timestep, thermostat, coupling
        fs; thermostat of `Simulation` and its time constant in fs.
    melt_temperature, melt_segment, melt_segments, pressure_tolerance, energy_tolerance
        K, ps, number, GPa and eV an atom: the melt runs in segments, each followed by a rescaling of the volume, until
        the pressure is 0 and the energy drifts no more, each within its tolerance and two of its errors.
    hold, snapshots, spacing
        ps of melt before the first snapshot, their number and the ps between them.
    quench, equilibrate, production
        ps: the ramp from the melt, and the time at each temperature before and while positions are kept.
    zero_pressure
        Whether the volume is rescaled at each temperature as it was in the melt; else all runs have the melt's volume.
    frame, checkpoint
        fs between kept positions, steps between checkpoints.
    seed
        All random numbers follow from it.
    """

    composition: str
    density: float = quantity("g/cm^3")
    temperatures: tuple[float, ...] = quantity("K")
    potential: str = "pmmcs"
    potential_options: dict[str, Any] = field(default_factory=dict)
    species: tuple[str, ...] = ()
    timestep: float = quantity("fs", 2.0)
    thermostat: str = "bussi"
    coupling: float = quantity("fs", 100.0)
    melt_temperature: float = quantity("K", 3000.0)
    melt_segment: float = quantity("ps", 4.0)
    melt_segments: int = 12
    pressure_tolerance: float = quantity("GPa", 0.5)
    energy_tolerance: float = quantity("eV", 0.005)
    hold: float = quantity("ps", 10.0)
    snapshots: int = 3
    spacing: float = quantity("ps", 3.3)
    quench: float = quantity("ps", 2.0)
    equilibrate: float = quantity("ps", 5.0)
    zero_pressure: bool = False
    production: float = quantity("ps", 80.0)
    frame: float = quantity("fs", 20.0)
    checkpoint: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        counts = self.counts
        atomic_masses(tuple(counts))
        for name in ("density", "timestep", "coupling", "melt_temperature", "production", "melt_segment", "frame"):
            if not getattr(self, name) > 0:
                raise InputError(f"recipe: {name} = {getattr(self, name)!r}: needed a number above 0")
        if not self.temperatures or min(self.temperatures) <= 0 or self.snapshots < 1:
            raise InputError("recipe: needed one or more temperatures above 0 K, and one or more snapshots")
        if self.thermostat not in THERMOSTATS:
            raise InputError(f"recipe: thermostat {self.thermostat!r} is not known; known are {', '.join(THERMOSTATS)}")
        if missing := [s for s in self.species if s not in counts]:
            raise InputError(f"recipe: no {', '.join(missing)} in {self.composition}")

    @property
    def counts(self) -> dict[str, int]:
        """Atoms of each element."""
        try:
            return Formula(self.composition).count()
        except ValueError as error:
            raise InputError(f"recipe: composition {self.composition!r} is no formula; write e.g. Li64O32") from error

    def steps(self, name: str) -> int:
        """Return a time of the recipe in steps."""
        unit = next(f.metadata["unit"] for f in fields(self) if f.name == name)
        return max(1, round(getattr(self, name) * (1000.0 if unit == "ps" else 1.0) / self.timestep))

    @property
    def melt_steps(self) -> int:
        """Steps of the melt, at most."""
        settle = self.melt_segments * self.steps("melt_segment")
        return self.steps("melt_segment") + settle + self.steps("hold") + (self.snapshots - 1) * self.steps("spacing")

    @property
    def run_steps(self) -> int:
        """Steps of one production run with its quench and equilibration, at most."""
        settle = self.melt_segments * self.steps("melt_segment") if self.zero_pressure else 0
        return self.steps("quench") + settle + self.steps("equilibrate") + self.steps("production")


def read_recipe(source: str | os.PathLike | Mapping[str, Any]) -> Recipe:
    """Read a recipe from YAML or a mapping; quantities carry their units, as ``"80 ps"``.

    Parameters
    ----------
    source
        A file, or what it would hold.

    Returns
    -------
    Recipe
        Checked; what was left out follows the study.

    Examples
    --------
    >>> from oxyspy.dynamics import read_recipe
    >>> recipe = read_recipe({"composition": "Li24Al24O48", "density": "2.3 g/cm^3", "species": ["O"],
    ...                       "temperatures": ["2200 K", "2600 K", "3000 K"], "potential": "pmmcs"})
    >>> recipe.melt_temperature
    3000.0
    """
    return read_fields(Recipe, source)


def calculator(recipe: Recipe, folder: str | os.PathLike = "."):
    """Return the ASE calculator that a recipe names, for a run in a folder."""
    if ":" in recipe.potential or recipe.potential in engines():
        home = Path(folder) / "engine"
        return load_engine(recipe.potential, recipe.potential_options, folder=home)
    return load_potential(recipe.potential)


def melt(recipe: Recipe, folder: str | os.PathLike, tick=lambda steps: None) -> list[Leg]:
    """Melt a random packing at zero pressure and keep snapshots; return what each leg was.

    Writes ``snapshot-0.traj`` and so on. Done before, it returns at once.
    """
    folder = Path(folder)
    rng = np.random.default_rng(recipe.seed)
    atoms = random_packing(recipe.counts, recipe.density, rng)
    atoms.calc = calculator(recipe, folder)
    if not (folder / "state.npz").exists():
        # overlaps of a random packing would send atoms flying; this is short, and the same every time
        FIRE(atoms, logfile=None, maxstep=0.1).run(fmax=2.0, steps=200)
    run = _simulation(recipe, atoms, folder, recipe.seed + 1, tick)
    legs = [run.leg("heat", recipe.steps("melt_segment"), 300.0, recipe.melt_temperature)]
    legs += settle(run, recipe, recipe.melt_temperature)
    legs.append(run.leg("hold", recipe.steps("hold"), recipe.melt_temperature))
    for k in range(recipe.snapshots):
        if k:
            legs.append(run.leg("apart", recipe.steps("spacing"), recipe.melt_temperature))
        file = folder / f"snapshot-{k}.traj"
        if not file.exists():
            with whole_file(file) as aside, TrajectoryFile(aside, "w") as writer:
                writer.write(Atoms(run.atoms.symbols, positions=run.atoms.positions, cell=run.atoms.cell, pbc=True))
    return legs


def settle(run: Simulation, recipe: Recipe, temperature: float) -> list[Leg]:
    """Rescale the volume until pressure and energy have converged; return the segments."""
    legs: list[Leg] = []
    modulus = MODULUS
    for _ in range(recipe.melt_segments):
        legs.append(run.leg("settle", recipe.steps("melt_segment"), temperature))
        last = legs[-1]
        if len(legs) > 1 and abs(change := np.log(last.volume / legs[-2].volume)) > 0.005:
            modulus = float(np.clip((legs[-2].pressure - last.pressure) / change, SOFTEST, HARDEST))
        balanced = abs(last.pressure) < recipe.pressure_tolerance + 2 * np.nan_to_num(last.pressure_sigma)
        # segments too short to tell a drift pass
        drifts = abs(last.drift) > recipe.energy_tolerance + 2 * last.drift_sigma
        if balanced and not drifts and len(legs) > 2:
            return legs
        if not balanced:
            run.rescale(float(np.exp(np.clip(last.pressure / modulus, -0.1, 0.1))))
    raise MethodError(
        f"after {recipe.melt_segments} segments at {temperature:g} K and {last.volume:.0f} Å^3 the pressure is "
        f"{last.pressure:.2f} ± {last.pressure_sigma:.2f} GPa and the energy drifts by {1e3 * last.drift:.1f} ± "
        f"{1e3 * last.drift_sigma:.1f} meV an atom; start from another density or allow more melt_segments"
    )


def produce(recipe: Recipe, folder: str | os.PathLike, snapshot: int, temperature: float, tick=lambda steps: None):
    """Quench a snapshot, equilibrate it and run it at a temperature; return the production leg.

    Writes ``trajectory.traj`` of the kept positions. Done before, it returns at once.
    """
    import ase.io

    folder = Path(folder)
    home = folder / run_name(snapshot, temperature)
    atoms = ase.io.read(folder / "melt" / f"snapshot-{snapshot}.traj")
    atoms.calc = calculator(recipe, home)
    # every run draws its own velocities, whichever other temperatures there are
    seed = (recipe.seed, 1 + snapshot, round(1000 * temperature))
    run = _simulation(recipe, atoms, home, seed, tick)
    run.leg("quench", recipe.steps("quench"), recipe.melt_temperature, temperature)
    if recipe.zero_pressure:
        settle(run, recipe, temperature)
    run.leg("equilibrate", recipe.steps("equilibrate"), temperature)
    every = recipe.steps("frame")
    leg = run.leg("production", recipe.steps("production"), temperature, every=every)
    file = home / "trajectory.traj"
    if not file.exists():
        frames = run.frames()
        if len(frames) != leg.steps // every:
            raise ReadError(
                f"{home}: found {len(frames)} frames, needed {leg.steps // every}; remove the folder to run it anew"
            )
        with whole_file(file) as aside, TrajectoryFile(aside, "w") as writer:
            # read again with its own spacing, whatever the recipe says then
            writer.set_description({"oxyspy": {"timestep_fs": recipe.timestep, "steps_per_frame": every}})
            for positions in frames:
                writer.write(Atoms(run.atoms.symbols, positions=positions, cell=run.atoms.cell, pbc=True))
        for chunk in home.glob("frames-*.npy"):
            chunk.unlink()
    return leg


def run_name(snapshot: int, temperature: float) -> str:
    """Return the folder of a production run."""
    return f"run-{temperature:g}K-{snapshot}"


def melt_quench(
    recipe: Recipe,
    output: str | os.PathLike,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    progress: bool = True,
) -> DiffusionStudy:
    """Make a glass, run it at every temperature and measure diffusion; started again, it goes on where it stopped.

    Parameters
    ----------
    recipe
        Of `read_recipe`.
    output
        Folder of all runs.
    workers
        Processes for the production runs.
    scheduler
        Address of a dask cluster that sees the folder; instead of ``workers``.
    progress
        Show a bar with the time left, on stderr.

    Returns
    -------
    DiffusionStudy
        Of all production runs.
    """
    output = Path(output)
    keep_recipe(recipe, output)
    bar = _bar("melt (steps at most)", recipe.melt_steps, steps_done(output / "melt"), progress)
    with bar:
        legs = melt(recipe, output / "melt", bar.update)
    jobs = [(k, t) for t in recipe.temperatures for k in range(recipe.snapshots)]
    done = sum(steps_done(output / run_name(k, t)) for k, t in jobs)
    with _bar("runs", len(jobs) * recipe.run_steps, done, progress) as bar:
        if workers == 1 and scheduler is None:
            found = [produce(recipe, output, k, t, bar.update) for k, t in jobs]
        else:
            found = _spread(recipe, output, jobs, workers, scheduler, bar)
    write_json(output / "legs.json", {"recipe": recipe, "melt": legs, "production": found})
    write_text(output / "runs.yaml", _runs_yaml(recipe, jobs))
    wanted = DiffusionRecipe(runs=(RunFiles((str(output),)),), species=recipe.species or tuple(recipe.counts))
    return measure_diffusion(wanted, progress=progress, pairs=True)[0]


# what may change when a folder is taken up again: more of the same
EXTENDED = ("temperatures", "snapshots", "species")


def keep_recipe(recipe: Recipe, output: str | os.PathLike) -> None:
    """Write the recipe into a new folder of runs; refuse a folder whose runs were begun with another one."""
    file = Path(output) / "recipe.json"
    now = recipe.to_dict() | {"potential_file": _potential_hash(recipe)}
    if not file.exists():
        write_json(file, now)
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        changed = [name for name in now if name not in EXTENDED and now[name] != before[name]]
    except (ValueError, KeyError, TypeError) as error:
        raise ReadError(f"{file}: no recipe of this version's melt-quench: {error}; choose another folder") from error
    if changed:
        what = "; ".join(f"{name}: {before[name]!r} then, {now[name]!r} now" for name in changed)
        raise InputError(f"{output} was begun with another recipe ({what}); choose another folder")


def _potential_hash(recipe: Recipe) -> str | None:
    path = Path(recipe.potential)
    return sha256(path) if path.suffix in (".yaml", ".yml") and path.is_file() else None


def _bar(what: str, total: int, done: int, progress: bool):
    """Return a bar that estimates the time left from what is done now, not before; off a terminal, a line a minute."""
    from tqdm import tqdm

    return tqdm(
        desc=what,
        total=total,
        initial=done,
        unit="step",
        unit_scale=True,
        smoothing=0.05,
        disable=not progress,
        mininterval=0.1 if sys.stderr.isatty() else 60.0,
    )


def _simulation(recipe: Recipe, atoms: Atoms, folder: Path, seed, tick) -> Simulation:
    return Simulation(
        atoms,
        folder,
        timestep=recipe.timestep,
        coupling=recipe.coupling,
        thermostat=recipe.thermostat,
        seed=seed,
        checkpoint=recipe.checkpoint,
        tick=tick,
    )


def _spread(recipe: Recipe, output: Path, jobs: list, workers: int, scheduler: str | None, bar) -> list[Leg]:
    """Run the jobs as dask tasks; the bar reads their checkpoints."""
    import dask

    tasks = [dask.delayed(produce)(recipe, output, k, t) for k, t in jobs]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(2.0):
            bar.update(sum(steps_done(output / run_name(k, t)) for k, t in jobs) - bar.n)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        if scheduler is None:
            # by itself dask hands six tasks at a time to one process, and the others stay idle
            return list(dask.compute(*tasks, scheduler="processes", num_workers=workers, chunksize=1))
        try:
            from dask.distributed import Client
        except ImportError as error:
            raise InputError("a scheduler's address needs the package dask[distributed]") from error
        with Client(scheduler):
            return list(dask.compute(*tasks))
    finally:
        stop.set()
        watcher.join()


def _runs_yaml(recipe: Recipe, jobs: list) -> str:
    import yaml

    runs = [
        {
            "name": run_name(k, t),
            "file": f"{run_name(k, t)}/trajectory.traj",
            "temperature": t,
            "timestep_fs": recipe.timestep,
            "steps_per_frame": recipe.steps("frame"),
        }
        for k, t in jobs
    ]
    return yaml.safe_dump({"runs": runs}, sort_keys=False)
