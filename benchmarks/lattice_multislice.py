"""Amplitudes of the lattice spots by projected columns, as the simulator makes them, beside abTEM's multislice.

    python benchmarks/lattice_multislice.py --abtem PYTHON

PYTHON is the interpreter of an environment of its own with abTEM, which cannot be installed beside current pyxem. One
orthogonal cell of each phase along rocksalt [1-10], all with the rocksalt edge of NiO so that their spots coincide:
200 kV, 22 mrad, no aberrations, detector 50-100 mrad, 6 nm thick, frozen phonons of 0.08 angstrom. The probe's blur
depends on |g| alone and falls out where phases are compared at one spot. Writes lattice_multislice.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

# the cell's axes in rocksalt edges: a period of layered (hexagonal axes), of spinel and of rocksalt
AXES = np.array([[0.0, 0.0, 2.0], [1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
EDGE = 4.18  # angstrom
PHASES = ("layered", "spinel", "rocksalt")
NAMES = {"layered": "LiNiO2", "spinel": "LiMn2O4", "rocksalt": "NiO"}
# spots as (orders along x, along y) of the cell: b1 = (111) is (2, 2)
SPOTS = {"b1": (2, 2), "b1-b2": (4, 0), "b1/2": (1, 1), "b2/2": (1, -1)}
THICKNESS, PHONONS, SIGMA = 60.0, 3, 0.08
GRID = (16, 12)


def cell(phase: str) -> dict:
    """Atoms of one cell: numbers and coordinates along its axes."""
    from oxyspy.lattice import crystal

    one = crystal(NAMES[phase])
    # every atom in every lattice vector that may lie in the cell
    steps = np.arange(-6, 7)
    shifts = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 1, 3)
    places = (one.positions + shifts) @ one.rocksalt @ np.linalg.inv(AXES)
    inside = np.all((places > -1e-6) & (places < 1 - 1e-6), axis=-1)
    numbers = np.broadcast_to(one.numbers, inside.shape)[inside]
    return {"numbers": numbers.tolist(), "places": places[inside].tolist()}


def projected(one: dict) -> dict[str, float]:
    """Amplitude of each spot by columns of Z^1.7, without any blur."""
    from oxyspy.lattice.spots import Z_EXPONENT

    places, weights = np.array(one["places"]), np.array(one["numbers"], float) ** Z_EXPONENT
    waves = {name: np.exp(2j * np.pi * places[:, :2] @ spot) for name, spot in {**SPOTS, "mean": (0, 0)}.items()}
    return {name: float(abs(wave @ weights)) for name, wave in waves.items()}


def multislice(one: dict) -> dict[str, float]:
    """The same by abTEM: runs in its own environment."""
    import abtem
    from ase import Atoms

    abtem.config.set({"device": "cpu"})
    size = EDGE * np.linalg.norm(AXES, axis=1)
    atoms = Atoms(numbers=one["numbers"], scaled_positions=one["places"], cell=size, pbc=True)
    many = atoms * (2, 3, int(round(THICKNESS / size[2])))
    moving = abtem.FrozenPhonons(many, num_configs=PHONONS, sigmas=SIGMA, seed=1)
    potential = abtem.Potential(moving, sampling=0.08, slice_thickness=1.0, projection="infinite")
    probe = abtem.Probe(energy=200e3, semiangle_cutoff=22)
    scan = abtem.GridScan((0, 0), tuple(size[:2]), gpts=GRID, endpoint=False)
    image = probe.scan(potential, scan=scan, detectors=abtem.AnnularDetector(inner=50, outer=100)).compute()
    spectrum = np.abs(np.fft.fft2(np.asarray(image.array).reshape(-1, *GRID).mean(axis=0))) / np.prod(GRID)
    return {name: float(spectrum[spot]) for name, spot in {**SPOTS, "mean": (0, 0)}.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abtem", metavar="PYTHON", help="interpreter of the environment with abTEM")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(multislice(json.load(sys.stdin))))
        return
    if args.abtem is None:
        print("lattice_multislice: no --abtem PYTHON given, nothing measured; the table stays as it is")
        return
    cells = {phase: cell(phase) for phase in PHASES}
    flat = {phase: projected(one) for phase, one in cells.items()}
    full = {}
    for phase, one in cells.items():
        command = [args.abtem, __file__, "--measure"]
        found = subprocess.run(command, input=json.dumps(one), capture_output=True, text=True, check=False)
        if found.returncode:
            raise SystemExit(f"abTEM failed:\n{found.stderr[-2000:]}")
        full[phase] = json.loads(found.stdout.splitlines()[-1])
        print(phase, full[phase], flush=True)
    table(flat, full, args.output)


def table(flat: dict, full: dict, output: str) -> None:
    """Write the table: phases over layered, spot by spot."""
    from oxyspy import __version__
    from oxyspy.files import write_text

    lines = [
        "# Spots of projected columns beside multislice",
        "",
        f"oxyspy {__version__}; `python benchmarks/lattice_multislice.py --abtem PYTHON`.",
        "",
        "\n".join(__doc__.splitlines()[4:]).strip(),
        "",
        "| spots | projection | multislice | multislice over projection |",
        "|---|---|---|---|",
    ]
    pairs = [("rocksalt", "b1"), ("rocksalt", "b1-b2"), ("spinel", "b1"), ("spinel", "b1-b2")]
    rows = [(f"{spot}, {phase} over layered", (phase, spot), ("layered", spot)) for phase, spot in pairs]
    rows += [
        ("half order, spinel b1/2 over layered's own", ("spinel", "b1/2"), ("layered", "own")),
        ("mean, rocksalt over layered", ("rocksalt", "mean"), ("layered", "mean")),
    ]
    for found in (flat, full):
        # layered shows b1/2 or b2/2, as its planes lie
        found["layered"]["own"] = max(found["layered"]["b1/2"], found["layered"]["b2/2"])
    for name, above, below in rows:
        values = [found[above[0]][above[1]] / found[below[0]][below[1]] for found in (flat, full)]
        lines.append(f"| {name} | {values[0]:.2f} | {values[1]:.2f} | {values[1] / values[0]:.2f} |")
    rocksalt = max(full["rocksalt"]["b1/2"], full["rocksalt"]["b2/2"]) / full["rocksalt"]["b1"]
    other = min(full["layered"]["b1/2"], full["layered"]["b2/2"]) / full["layered"]["own"]
    lines += [
        "",
        f"Half orders that must be absent, multislice: {rocksalt:.3f} of the fundamental in rocksalt; {other:.3f} of "
        "layered's own in the direction its planes do not have.",
        "",
    ]
    write_text(output, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
