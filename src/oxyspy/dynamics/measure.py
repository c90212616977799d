"""From files of trajectories to a diffusion study, by one recipe."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from oxyspy import __version__
from oxyspy.data import read_yaml
from oxyspy.dynamics.onsager import OnsagerMatrix, combine_onsager, onsager_matrix
from oxyspy.dynamics.recipes import quantity, read_fields
from oxyspy.dynamics.study import DiffusionStudy, analyse_run, combine_runs
from oxyspy.dynamics.trajectories import Trajectory, read_trajectory
from oxyspy.errors import InputError
from oxyspy.files import sha256
from oxyspy.results import Result


@dataclass(frozen=True)
class RunFiles(Result):
    """The files of one run, in sequence, with what they may not state themselves.

    Attributes
    ----------
    files
        Paths, or one; or a folder that `melt_quench` wrote, which stands for all its runs.
    temperature
        K.
    timestep
        fs of a step; that of the recipe where left out.
    steps_per_frame
        Steps from one written frame to the next; that of the recipe where left out.
    name
        What results call the run.
    """

    files: tuple[str, ...]
    temperature: float = quantity("K", np.nan)
    timestep: float | None = quantity("fs", None)
    steps_per_frame: int | None = None
    name: str = ""


@dataclass(frozen=True)
class DiffusionRecipe(Result):
    """What to measure in which trajectories.

    Attributes
    ----------
    runs
        Files of each run.
    species
        What diffuses.
    timestep, steps_per_frame, every
        fs of a step, steps between written frames, and every so-manieth frame to read.
    skip
        ps of equilibration to leave out.
    window
        ps, first and last lag of the fits; found where left out.
    drift
        Whose centre of mass is held: ``"total"``, ``"none"``, or the species of a framework.
    types, cell, variable_cell
        As `read_trajectory`: elements of numbered types, edges in Å, ``"refuse"`` or ``"mean"``.
    charges
        e of each species: also the Onsager matrices.
    weights
        ``"own"`` or ``"study"``, as `combine_runs`.
    crystal
        Whether the material is a crystal: then long-range order is no reason to leave a run out.
    coating, source
        Name of the coating to make, and where the trajectories come from, in words.
    glass_transition
        K, where known: what an extrapolation across it may cost is told.
    """

    runs: tuple[RunFiles, ...]
    species: tuple[str, ...]
    timestep: float | None = quantity("fs", None)
    steps_per_frame: int | None = None
    every: int = 1
    skip: float = quantity("ps", 0.0)
    window: tuple[float, float] | None = quantity("ps", None)
    drift: str | tuple[str, ...] = "total"
    types: tuple[str, ...] | None = None
    cell: tuple[float, ...] | None = quantity("angstrom", None)
    variable_cell: str = "refuse"
    charges: dict[str, float] = field(default_factory=dict)
    weights: str = "own"
    crystal: bool = False
    coating: str = ""
    source: str = ""
    glass_transition: float | None = quantity("K", None)

    def __post_init__(self) -> None:
        if not self.runs or not self.species:
            raise InputError("recipe: needed one run or more, and one species or more")
        if self.coating and not self.source.strip():
            raise InputError("recipe: a coating needs its source, in words")


def read_diffusion_recipe(source: str | os.PathLike | Mapping[str, Any]) -> DiffusionRecipe:
    """Read a recipe from YAML or a mapping; quantities carry their units, paths are relative to the file.

    Parameters
    ----------
    source
        A file, or what it would hold.

    Returns
    -------
    DiffusionRecipe
        Checked.

    Examples
    --------
    >>> recipe = read_diffusion_recipe(
    ...     {"species": ["O"], "timestep": "2 fs", "runs": [{"files": "XDATCAR", "temperature": "2000 K"}]}
    ... )
    >>> recipe.runs[0].temperature, recipe.timestep
    (2000.0, 2.0)
    """
    recipe = read_fields(DiffusionRecipe, source)
    folder = Path(".") if isinstance(source, Mapping) else Path(source).parent
    where = "recipe" if isinstance(source, Mapping) else str(source)
    runs = []
    for k, run in enumerate(recipe.runs, start=1):
        if not isinstance(run, Mapping):
            raise InputError(
                f"{where}: run {k} is {run!r}; needed a mapping, as {{files: XDATCAR, temperature: 2000 K}}"
            )
        found = read_fields(RunFiles, run, f"{where}: run {k}")
        files = (found.files,) if isinstance(found.files, str) else found.files
        runs.append(replace(found, files=tuple(str(folder / file) for file in files)))
    species = (recipe.species,) if isinstance(recipe.species, str) else recipe.species
    return replace(recipe, runs=tuple(runs), species=species)


def measure_diffusion(
    recipe: DiffusionRecipe, *, progress: bool = False, pairs: bool = False
) -> tuple[DiffusionStudy, list[OnsagerMatrix]]:
    """Read all runs and return their study, and an Onsager matrix of each temperature where charges are given.

    Parameters
    ----------
    recipe
        What to measure.
    progress
        Show a bar on stderr.
    pairs
        Whether to work out the radial distributions of all pairs too.

    Returns
    -------
    tuple of DiffusionStudy and list of OnsagerMatrix
        The list is empty without charges.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, measure_diffusion, read_diffusion_recipe
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> from ase import Atoms
    >>> from ase.io import write
    >>> images = [Atoms("O24", positions=p, cell=[8, 8, 8], pbc=True) for p in walk.positions[:300]]
    >>> write("walk.xyz", images, format="extxyz")
    >>> recipe = read_diffusion_recipe({"species": ["O"], "timestep": "20 fs", "drift": "none",
    ...                                 "runs": [{"files": "walk.xyz", "temperature": "2000 K"}]})
    >>> study, matrices = measure_diffusion(recipe)
    >>> print(study.runs[0].diffusivities["O"].species)
    O
    """
    from tqdm import tqdm

    jobs = [job for run in recipe.runs for job in expand(run)]
    if recipe.charges and any(not np.isfinite(job.temperature) for job in jobs):
        raise InputError("charges: the Onsager matrix needs the temperature of every run")
    runs, matrices = [], {}
    for job in tqdm(jobs, unit="run", disable=None if progress else True, leave=False):
        trajectory = _read(recipe, job)
        runs.append(
            analyse_run(
                trajectory,
                recipe.species,
                temperature=job.temperature,
                window=recipe.window,
                name=job.name,
                pairs=pairs,
            )
        )
        if recipe.charges:
            found = onsager_matrix(
                trajectory,
                job.temperature,
                species=list(recipe.charges),
                window=recipe.window,
                # held already; said once more, so that the matrix knows its frame
                reference=None if recipe.drift == "none" else recipe.drift,
            )
            matrices.setdefault(job.temperature, []).append(found)
    study = combine_runs(
        runs, weights=recipe.weights, amorphous=not recipe.crystal, provenance=provenance(recipe, jobs)
    )
    return study, [combine_onsager(found) for _, found in sorted(matrices.items())]


def expand(run: RunFiles) -> list[RunFiles]:
    """Return the runs that a folder of `melt_quench` holds, or the run itself."""
    folders = [file for file in run.files if Path(file).is_dir()]
    if not folders:
        return [run]
    if len(run.files) > 1:
        raise InputError("give folders of oxyspy melt-quench or trajectories, not both in one run")
    folder = Path(folders[0])
    return [
        RunFiles(
            files=(str(folder / entry["file"]),),
            temperature=float(entry["temperature"]),
            timestep=float(entry["timestep_fs"]),
            steps_per_frame=int(entry["steps_per_frame"]),
            name=str(entry["name"]),
        )
        for entry in read_yaml(folder / "runs.yaml")["runs"]
    ]


def provenance(recipe: DiffusionRecipe, jobs: list[RunFiles]) -> str:
    """Return in words what the numbers were measured in and by."""
    hashes = ", ".join(f"{Path(p).name} {sha256(p)[:12]}" for job in jobs for p in job.files)
    engines = []
    for run in recipe.runs:
        file = Path(run.files[0]) / "recipe.json"
        if file.is_file():
            engines.append(f"potential {json.loads(file.read_text(encoding='utf-8'))['potential']}")
    return "; ".join([*dict.fromkeys(engines), f"oxyspy {__version__} of {hashes} (SHA-256)"])


def _read(recipe: DiffusionRecipe, job: RunFiles) -> Trajectory:
    trajectory = read_trajectory(
        job.files,
        timestep=recipe.timestep if job.timestep is None else job.timestep,
        steps_per_frame=recipe.steps_per_frame if job.steps_per_frame is None else job.steps_per_frame,
        every=recipe.every,
        species=recipe.types,
        cell=recipe.cell,
        variable_cell=recipe.variable_cell,
    )
    if recipe.skip:
        trajectory = trajectory.skip(recipe.skip)
    return trajectory if recipe.drift == "none" else trajectory.without_drift(recipe.drift)
