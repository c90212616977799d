"""Glasses from nothing but a composition: random packing, melt, snapshots, quench, production runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.formula import Formula
from ase.io.trajectory import Trajectory as TrajectoryFile
from ase.optimize import FIRE

from oxyspy.data import read_yaml
from oxyspy.dynamics.engines import engines, load_engine
from oxyspy.dynamics.packing import random_packing
from oxyspy.dynamics.potentials import load_potential
from oxyspy.dynamics.simulation import Leg, Simulation, steps_done
from oxyspy.dynamics.study import DiffusionStudy, analyse_run, combine_runs
from oxyspy.dynamics.trajectories import Trajectory, atomic_masses
from oxyspy.errors import InputError, MethodError
from oxyspy.files import whole_file, write_json, write_text
from oxyspy.results import Result
from oxyspy.units import parse

# GPa, first guess of the bulk modulus of a melt, and what later estimates may be
MODULUS, SOFTEST, HARDEST = 40.0, 5.0, 300.0


def _quantity(unit: str, default: Any = MISSING):
    return field(metadata={"unit": unit}) if default is MISSING else field(default=default, metadata={"unit": unit})


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
    timestep, coupling
        fs; time constant of the thermostat.
    melt_temperature, melt_segment, melt_segments, pressure_tolerance
        K, ps, number and GPa: the melt runs in segments, each followed by a rescaling of the volume, until the pressure
        is 0 within the tolerance and two of its errors.
    hold, snapshots, spacing
        ps of melt before the first snapshot, their number and the ps between them.
    quench, equilibrate, production
        ps: the ramp from the melt, and the time at each temperature before and while positions are kept.
    frame, checkpoint
        fs between kept positions, steps between checkpoints.
    seed
        All random numbers follow from it.
    """

    composition: str
    density: float = _quantity("g/cm^3")
    temperatures: tuple[float, ...] = _quantity("K")
    potential: str = "pmmcs"
    potential_options: dict[str, Any] = field(default_factory=dict)
    species: tuple[str, ...] = ()
    timestep: float = _quantity("fs", 2.0)
    coupling: float = _quantity("fs", 100.0)
    melt_temperature: float = _quantity("K", 3000.0)
    melt_segment: float = _quantity("ps", 4.0)
    melt_segments: int = 12
    pressure_tolerance: float = _quantity("GPa", 0.5)
    hold: float = _quantity("ps", 10.0)
    snapshots: int = 3
    spacing: float = _quantity("ps", 3.3)
    quench: float = _quantity("ps", 2.0)
    equilibrate: float = _quantity("ps", 5.0)
    production: float = _quantity("ps", 80.0)
    frame: float = _quantity("fs", 20.0)
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
    def run_steps(self) -> int:
        """Steps of one production run with its quench and equilibration."""
        return self.steps("quench") + self.steps("equilibrate") + self.steps("production")


def read_recipe(source: str | os.PathLike | Mapping[str, Any]) -> Recipe:
    """Read a recipe from YAML or a mapping; quantities carry their units, as ``"80 ps"``."""
    content = source if isinstance(source, Mapping) else read_yaml(source)
    where = "recipe" if isinstance(source, Mapping) else str(source)
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: found no mapping of names to values")
    known = {f.name: f for f in fields(Recipe)}
    if unknown := sorted(set(content) - set(known)):
        raise InputError(f"{where}: {', '.join(map(repr, unknown))} not known; known are {', '.join(known)}")
    values: dict[str, Any] = {}
    for name, value in content.items():
        unit = known[name].metadata.get("unit")
        if unit and isinstance(value, (list, tuple)):
            values[name] = tuple(parse(one, unit, f"{where}: {name}") for one in value)
        elif unit:
            values[name] = parse(value, unit, f"{where}: {name}")
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    try:
        return Recipe(**values)
    except TypeError as error:
        raise InputError(f"{where}: {str(error).split('__init__() ')[-1]}") from error


def calculator(recipe: Recipe):
    """Return the ASE calculator that a recipe names."""
    if ":" in recipe.potential or recipe.potential in engines():
        return load_engine(recipe.potential, recipe.potential_options)
    return load_potential(recipe.potential)


def melt(recipe: Recipe, folder: str | os.PathLike, tick=lambda steps: None) -> list[Leg]:
    """Melt a random packing at zero pressure and keep snapshots; return what each leg was.

    Writes ``snapshot-0.traj`` and so on. Done before, it returns at once.
    """
    folder = Path(folder)
    rng = np.random.default_rng(recipe.seed)
    atoms = random_packing(recipe.counts, recipe.density, rng)
    atoms.calc = calculator(recipe)
    if not (folder / "state.npz").exists():
        # overlaps of a random packing would send atoms flying; this is short, and the same every time
        FIRE(atoms, logfile=None, maxstep=0.1).run(fmax=2.0, steps=200)
    run = _simulation(recipe, atoms, folder, recipe.seed + 1, tick)
    legs = [run.leg("heat", recipe.steps("melt_segment"), 300.0, recipe.melt_temperature)]
    modulus = MODULUS
    for _ in range(recipe.melt_segments):
        before = legs[-1]
        legs.append(run.leg("melt", recipe.steps("melt_segment"), recipe.melt_temperature))
        last = legs[-1]
        if len(legs) > 2 and abs(change := np.log(last.volume / before.volume)) > 0.005:
            modulus = float(np.clip((before.pressure - last.pressure) / change, SOFTEST, HARDEST))
        settled = abs(last.pressure) < recipe.pressure_tolerance + 2 * np.nan_to_num(last.pressure_sigma)
        if settled and len(legs) > 3:
            break
        run.rescale(float(np.exp(np.clip(last.pressure / modulus, -0.1, 0.1))))
    else:
        raise MethodError(
            f"the pressure of the melt is still {last.pressure:.2f} ± {last.pressure_sigma:.2f} GPa after "
            f"{recipe.melt_segments} segments at {last.volume:.0f} Å^3; start from another density or allow more"
        )
    legs.append(run.leg("hold", recipe.steps("hold"), recipe.melt_temperature))
    for k in range(recipe.snapshots):
        if k:
            legs.append(run.leg("apart", recipe.steps("spacing"), recipe.melt_temperature))
        file = folder / f"snapshot-{k}.traj"
        if not file.exists():
            with whole_file(file) as aside, TrajectoryFile(aside, "w") as writer:
                writer.write(Atoms(run.atoms.symbols, positions=run.atoms.positions, cell=run.atoms.cell, pbc=True))
    return legs


def produce(recipe: Recipe, folder: str | os.PathLike, snapshot: int, temperature: float, tick=lambda steps: None):
    """Quench a snapshot, equilibrate it and run it at a temperature; return the production leg.

    Writes ``trajectory.traj`` of the kept positions. Done before, it returns at once.
    """
    import ase.io

    folder = Path(folder)
    home = folder / run_name(snapshot, temperature)
    atoms = ase.io.read(folder / "melt" / f"snapshot-{snapshot}.traj")
    atoms.calc = calculator(recipe)
    # every run draws its own velocities
    seed = recipe.seed + 1000 + 100 * snapshot + recipe.temperatures.index(temperature)
    run = _simulation(recipe, atoms, home, seed, tick)
    run.leg("quench", recipe.steps("quench"), recipe.melt_temperature, temperature)
    run.leg("equilibrate", recipe.steps("equilibrate"), temperature)
    leg = run.leg("production", recipe.steps("production"), temperature, every=recipe.steps("frame"))
    file = home / "trajectory.traj"
    if not file.exists():
        with whole_file(file) as aside, TrajectoryFile(aside, "w") as writer:
            for positions in run.frames():
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
    output
        Folder of all runs.
    workers
        Processes for the production runs.
    scheduler
        Address of a dask cluster that sees the folder; instead of ``workers``.
    progress
        Show a bar with the time left, on stderr.
    """
    from tqdm import tqdm

    output = Path(output)
    bar_options = {"unit": "step", "disable": None if progress else True, "unit_scale": True, "smoothing": 0.05}
    with tqdm(desc="melt", **bar_options) as bar:
        legs = melt(recipe, output / "melt", bar.update)
    jobs = [(k, t) for t in recipe.temperatures for k in range(recipe.snapshots)]
    with tqdm(desc="runs", total=len(jobs) * recipe.run_steps, **bar_options) as bar:
        if workers == 1 and scheduler is None:
            found = [produce(recipe, output, k, t, bar.update) for k, t in jobs]
        else:
            found = _spread(recipe, output, jobs, workers, scheduler, bar)
    write_json(output / "legs.json", {"recipe": recipe, "melt": legs, "production": found})
    write_text(output / "runs.yaml", _runs_yaml(recipe, jobs))
    return analyse(recipe, output)


def analyse(recipe: Recipe, output: str | os.PathLike) -> DiffusionStudy:
    """Return the diffusion study of the runs in a folder."""
    from oxyspy.dynamics.trajectories import read_trajectory

    runs = []
    for temperature in recipe.temperatures:
        for k in range(recipe.snapshots):
            name = run_name(k, temperature)
            trajectory: Trajectory = read_trajectory(
                Path(output) / name / "trajectory.traj",
                timestep=recipe.timestep,
                steps_per_frame=recipe.steps("frame"),
            ).without_drift()
            runs.append(
                analyse_run(trajectory, recipe.species or tuple(recipe.counts), temperature=temperature, name=name)
            )
    return combine_runs(runs)


def _simulation(recipe: Recipe, atoms: Atoms, folder: Path, seed: int, tick) -> Simulation:
    return Simulation(
        atoms,
        folder,
        timestep=recipe.timestep,
        coupling=recipe.coupling,
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
            return list(dask.compute(*tasks, scheduler="processes", num_workers=workers))
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
