"""Mean squared displacement of 128 atoms over 40 000 frames: time and memory, side by side with today's tools.

python benchmarks/msd.py [--peers PYTHON] [--repeats N] writes benchmarks/msd.md. PYTHON is the interpreter of an
environment of its own with pymatgen-analysis-diffusion, MDAnalysis, tidynamics and kinisi; without it, only
the plain scipy.fft reference stands beside oxyspy. Every measurement is a process of its own, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ATOMS, FRAMES, EDGE = 128, 40_000, 12.0
MEMORY = Path("/proc/self")


def positions() -> np.ndarray:
    """Return Brownian walkers, Å, float64."""
    path = np.random.default_rng(0).normal(scale=0.05, size=(FRAMES, ATOMS, 3))
    return np.cumsum(path, axis=0, out=path)


def memory(line: str) -> float:
    """Return VmRSS or VmHWM in bytes."""
    text = (MEMORY / "status").read_text()
    return 1024.0 * float(text.split(f"{line}:")[1].split()[0])


def oxyspy_(path):
    from oxyspy.dynamics import mean_squared_displacement

    return lambda: mean_squared_displacement(path)


def plain_scipy(path):
    """All lags of every coordinate by its own pair of transforms, blocks of 16 atoms."""
    from scipy import fft

    def work():
        size = fft.next_fast_len(2 * FRAMES - 1, real=True)
        total = np.zeros(FRAMES)
        windows = FRAMES - np.arange(FRAMES)
        for start in range(0, ATOMS, 16):
            block = np.ascontiguousarray(path[:, start : start + 16].reshape(FRAMES, -1).T)
            spectrum = fft.rfft(block, size, axis=1)
            correlation = fft.irfft(spectrum * spectrum.conj(), size, axis=1)[:, :FRAMES]
            squares = block**2
            ends = np.cumsum(squares[:, ::-1], axis=1)[:, ::-1]
            starts = np.cumsum(squares, axis=1)[:, ::-1]
            total += ((starts + ends - 2 * correlation) / windows).sum(axis=0)
        return total / ATOMS

    return work


def pymatgen_(path):
    from pymatgen.analysis.diffusion.analyzer import DiffusionAnalyzer
    from pymatgen.core import Structure

    # it needs a framework: one atom at rest
    places = np.random.default_rng(1).random((ATOMS + 1, 3))
    structure = Structure(np.eye(3) * EDGE, ["Li"] * ATOMS + ["O"], places)
    moved = np.zeros((ATOMS + 1, FRAMES, 3))
    moved[:-1] = (path - path[0]).transpose(1, 0, 2)
    return lambda: DiffusionAnalyzer(structure, moved, "Li", 1000, 2, 1, smoothed="max").msd


def mdanalysis_(path):
    import MDAnalysis
    from MDAnalysis.analysis.msd import EinsteinMSD

    universe = MDAnalysis.Universe.empty(ATOMS, trajectory=True)
    universe.load_new(path.astype(np.float32))
    return lambda: EinsteinMSD(universe, select="all", msd_type="xyz", fft=True).run().results.timeseries


def kinisi_(path):
    import scipp as sc
    from kinisi.displacement import calculate_msd
    from kinisi.parser import Parser

    lags = np.unique(np.round(np.geomspace(1, FRAMES // 2, 200)).astype(int))
    coords = sc.array(dims=["time", "particle", "dimension"], values=(path / EDGE) % 1.0, unit="dimensionless")
    cells = np.broadcast_to(np.eye(3) * EDGE, (FRAMES, 3, 3))
    parser = Parser(
        coords=coords,
        latt=sc.array(dims=["time", "row", "column"], values=cells, unit="angstrom"),
        time_step=sc.scalar(2.0, unit="fs"),
        step_skip=sc.scalar(1, unit="dimensionless"),
        dt=sc.array(dims=["time interval"], values=lags * 2.0, unit="fs"),
        specie_indices=sc.arange("particle", ATOMS),
        drift_indices=sc.array(dims=["particle"], values=np.empty(0, int)),
    )
    return lambda: calculate_msd(parser, progress=False)["da"].values


def one_thread(path):
    from oxyspy.dynamics import mean_squared_displacement

    return lambda: mean_squared_displacement(path, workers=1)


# what is asked of the kernel: at most so many times plain scipy.fft's time, at least so many times faster than
# pymatgen's, at most so many times the positions in memory; by elapsed time and by CPU time
SLOWEST, GAIN, MEMORY_MOST = 1.3, 10.0, 4.0
TOOLS = {
    "oxyspy": (oxyspy_, "all lags, float64"),
    "oxyspy, one thread": (one_thread, "all lags, float64"),
    "scipy.fft, plain": (plain_scipy, "all lags, float64"),
    "pymatgen-analysis-diffusion": (pymatgen_, "200 lags, `smoothed='max'`"),
    "MDAnalysis": (mdanalysis_, "all lags, `fft=True`, float32"),
    "kinisi": (kinisi_, "200 lags"),
}
OURS = ("oxyspy", "oxyspy, one thread", "scipy.fft, plain")


def measure(tool: str) -> None:
    """Print seconds, peak bytes beyond the start and, to check, the displacement at its third value."""
    path = positions()
    work = TOOLS[tool][0](path)
    (MEMORY / "clear_refs").write_text("5")
    before = memory("VmRSS")
    cpu, start = time.process_time(), time.perf_counter()
    found = np.asarray(work())
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "extra": memory("VmHWM") - before, "third": float(found[2])}))


def versions() -> str:
    """Return the versions of what is compared, as far as this interpreter has it."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("numpy", "scipy", "pymatgen-analysis-diffusion", "MDAnalysis", "kinisi"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", metavar="PYTHON", help="interpreter of the environment with the other tools")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument("--measure", choices=TOOLS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        return measure(args.measure)
    chosen = TOOLS if args.peers else OURS
    runs: dict[str, list[dict]] = {name: [] for name in chosen}
    for _ in range(args.repeats):
        for name in chosen:
            if runs[name] and runs[name][0]["seconds"] > 30:
                continue  # once is enough of what takes minutes
            python = sys.executable if name in OURS else args.peers
            found = subprocess.run([python, __file__, "--measure", name], capture_output=True, text=True, check=False)
            if found.returncode:
                print(f"{name} failed:\n{found.stderr[-2000:]}", file=sys.stderr)
                continue
            runs[name].append(json.loads(found.stdout.splitlines()[-1]))
            print(name, runs[name][-1], flush=True)
    table(runs)
    return None


def table(runs: dict[str, list[dict]]) -> None:
    """Write benchmarks/msd.md."""
    size = ATOMS * FRAMES * 3 * 8
    lines = [
        f"# Mean squared displacement of {ATOMS} atoms over {FRAMES} frames",
        "",
        f"`python benchmarks/msd.py`, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions()}. The computation alone, "
        f"least of up to {max(map(len, runs.values()))} runs in turns; "
        "the ratios are medians over the turns. oxyspy shares its work between two threads, the others have one: where "
        "other work leaves no second core idle, the ratio of CPU times is the one to go by. Peak memory with the "
        f"positions' own {size / 1e6:.0f} MB. Seconds are of one machine, shared with other work.",
        "",
        "| tool | what | elapsed (s) | CPU (s) | elapsed over oxyspy's | CPU over oxyspy's | peak memory (positions) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in runs.items():
        if not found:
            continue
        elapsed, cpu = (min(r[key] for r in found) for key in ("seconds", "cpu"))
        ratios = " | ".join(
            f"{np.median([r[key] / own[key] for r, own in zip(found, runs['oxyspy'], strict=False)]):.1f}"
            for key in ("seconds", "cpu")
        )
        peak = 1 + max(r["extra"] for r in found) / size
        lines.append(f"| {name} | {TOOLS[name][1]} | {elapsed:.2f} | {cpu:.2f} | {ratios} | {peak:.1f} |")
    lines += ["", *verdicts(runs, size)]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def verdicts(runs: dict[str, list[dict]], size: int) -> list[str]:
    """Return whether each thing asked of the kernel was met, by medians of ratios over the turns."""

    def ratio(over: str, ours: str, key: str) -> float:
        return float(np.median([r[key] / own[key] for r, own in zip(runs[over], runs[ours], strict=False)]))

    def line(what: str, value: float, met: bool, more: str = "") -> str:
        return f"- {'met' if met else 'NOT MET'}: {what}: {value:.2f}{more}"

    lines = []
    for key, name in (("seconds", "elapsed"), ("cpu", "CPU")):
        value = 1 / ratio("scipy.fft, plain", "oxyspy", key)
        lines.append(line(f"at most {SLOWEST:g} times plain scipy.fft's {name} time", value, value <= SLOWEST))
    if runs.get("pymatgen-analysis-diffusion"):
        value, cpu = (ratio("pymatgen-analysis-diffusion", "oxyspy", key) for key in ("seconds", "cpu"))
        said = f" (CPU time {cpu:.2f})"
        lines.append(line(f"at least {GAIN:g} times faster than pymatgen", value, value >= GAIN, said))
    peak = 1 + max(r["extra"] for r in runs["oxyspy"]) / size
    lines.append(line(f"peak memory at most {MEMORY_MOST:g} times the positions", peak, peak <= MEMORY_MOST))
    return lines


if __name__ == "__main__":
    main()
