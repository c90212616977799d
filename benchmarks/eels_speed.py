"""Time and memory of the EELS steps beside eXSpy, pyEELSMODEL and plain numpy/scipy.

    python benchmarks/eels_speed.py [--patience SECONDS]

Every measurement is a process of its own: data made, the step done until ten seconds or five runs are over, the median
taken; memory is the peak beyond the data. A tool whose rate at the size before foretells more than ``--patience`` is
not run. Run by `make bench` in an environment that holds the peers; writes results.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from eels_tools import CHANNELS, CORE_ENERGY, LOW_ENERGY, STEP, TASKS

SIZES = (100, 10_000, 65_536)
PACKAGES = ("oxyspy", "hyperspy", "exspy", "pyEELSMODEL", "numpy", "scipy", "dask")
# what was promised: task, whose time over whose, at least or at most
PROMISES = (
    ("background", "eXSpy", "oxyspy", ">=", 6.0),
    ("background", "oxyspy", "reference", "<=", 2.0),
    ("Fourier ratio", "pyEELSMODEL", "oxyspy", ">=", 3.0),
    ("Fourier ratio", "eXSpy", "oxyspy", ">=", 3.0),
    ("Fourier ratio", "oxyspy", "reference", "<=", 1.3),
    ("Fourier ratio", "oxyspy, Gaussian", "reference", "<=", 1.3),
    ("dual alignment", "eXSpy", "oxyspy", ">=", 15.0),
    ("whole chain", "eXSpy", "oxyspy", ">=", 10.0),
)


def scan(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Core and low loss of up to 1000 noisy spectra and their repetitions, (rows, columns, 2048), float32."""
    rng = np.random.default_rng(0)
    line = np.exp(-0.5 * ((CORE_ENERGY - 643) / 1.2) ** 2) + 0.5 * np.exp(-0.5 * ((CORE_ENERGY - 653) / 1.2) ** 2)
    core = 2e3 * (CORE_ENERGY / 600) ** -3 + 300 * line + 80 * (CORE_ENERGY > 643)
    low = 1e5 * np.exp(-0.5 * (LOW_ENERGY / 0.42) ** 2) + 8 + 800 * np.exp(-0.5 * ((LOW_ENERGY - 22) / 6) ** 2)
    some = min(count, 1000)
    rows = next(r for r in range(math.isqrt(count), 0, -1) if count % r == 0)
    drift = rng.integers(-2, 3, some)
    made = []
    for expected in (core, low):
        counts = rng.poisson(np.broadcast_to(expected, (some, CHANNELS))).astype(np.float32)
        counts = np.stack([np.roll(c, by) for c, by in zip(counts, drift, strict=True)])
        made.append(np.resize(counts, (count, CHANNELS)).reshape(rows, -1, CHANNELS))
    return made[0], made[1]


def memory(line: str) -> float:
    """Return VmRSS or VmHWM in bytes."""
    text = Path("/proc/self/status").read_text()
    return 1024.0 * float(text.split(f"{line}:")[1].split()[0])


def available() -> float:
    """Memory in bytes that this machine has left."""
    return 1024.0 * float(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0])


def measure(task: str, tool: str, count: int) -> None:
    """Print seconds of each run, and bytes beyond the data at the peak of the first."""
    core, low = scan(count)
    small = scan(4)
    # imports and first calls are not the step
    TASKS[task][tool](*small)()
    work = TASKS[task][tool](core, low)
    Path("/proc/self/clear_refs").write_text("5")
    before, begun, seconds, peak = memory("VmRSS"), time.perf_counter(), [], 0.0
    while len(seconds) < 5 and (not seconds or time.perf_counter() - begun < 10):
        start = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - start)
        peak = peak or memory("VmHWM") - before
        del found
    print(json.dumps({"seconds": seconds, "peak": peak, "data": core.nbytes + low.nbytes}))


def run(task: str, tool: str, count: int) -> dict | None:
    command = [sys.executable, __file__, "--measure", task, tool, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{task}, {tool}, {count}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    found["median"], found["best"] = float(np.median(found["seconds"])), min(found["seconds"])
    print(f"{task}, {tool}, {count}: {found['median']:.3f} s, {found['peak'] / 1e6:.0f} MB", file=sys.stderr)
    return found


def table(results: dict) -> list[str]:
    """Return the rows of the table of times and of that of promises."""
    lines = [
        "| step | tool | spectra | median (s) | best (s) | spectra/s | memory beyond data (MB) | time over oxyspy's |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (task, tool, count), found in results.items():
        if isinstance(found, str):
            lines.append(f"| {task} | {tool} | {count} | {found} | | | | |")
            continue
        own = results[task, "oxyspy", count]
        lines.append(
            f"| {task} | {tool} | {count} | {found['median']:.3g} | {found['best']:.3g} | "
            f"{count / found['median']:.0f} | {found['peak'] / 1e6:.0f} | {found['median'] / own['median']:.2f} |"
        )
    lines += [
        "",
        "## What was promised",
        "",
        "| step | ratio of times | promised | " + " | ".join(str(s) for s in SIZES[1:]) + " |",
        "| --- | --- | --- |" + " --- |" * len(SIZES[1:]),
    ]
    for task, upper, lower, sense, bound in PROMISES:
        cells = []
        for count in SIZES[1:]:
            above, below = (results.get((task, tool, count)) for tool in (upper, lower))
            if not isinstance(above, dict) or not isinstance(below, dict):
                cells.append("not run")
                continue
            ratio = above["median"] / below["median"]
            kept = ratio >= bound if sense == ">=" else ratio <= bound
            cells.append(f"{ratio:.2f} ({'kept' if kept else 'not kept'})")
        lines.append(f"| {task} | {upper} / {lower} | {sense} {bound:g} | {' | '.join(cells)} |")
    return lines


def packages() -> str:
    """Versions, as text."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join([*found, f"Python {platform.python_version()}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patience", type=float, default=150.0, help="seconds for one run of one tool (default 150)")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_name("results.md")))
    parser.add_argument("--measure", nargs=3, metavar=("TASK", "TOOL", "N"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        return measure(*args.measure[:2], int(args.measure[2]))
    results: dict = {}
    for task, tools in TASKS.items():
        for count in SIZES:
            for tool in tools:
                before = [v for (t, k, n), v in results.items() if (t, k) == (task, tool) and n > 1 and n < count]
                if before and isinstance(before[-1], str):
                    results[task, tool, count] = before[-1]
                    continue
                done = count if not before else [n for (t, k, n) in results if (t, k) == (task, tool)][-1]
                foretold, bytes_ = ([before[-1][k] * count / done for k in ("median", "peak")]) if before else (0, 0)
                if foretold > args.patience:
                    results[task, tool, count] = f"not run: would take {foretold:.0f} s"
                elif bytes_ > 0.7 * available():
                    results[task, tool, count] = f"not run: would take {bytes_ / 1e9:.0f} GB beyond the data"
                else:
                    results[task, tool, count] = run(task, tool, count) or "failed"
    processors = platform.processor() or platform.machine()
    lines = [
        "# EELS steps: time and memory",
        "",
        f"`make bench`. {packages()}; {processors}, {len(os.sched_getaffinity(0))} cores, shared with "
        f"other work: medians, and ratios carry further than seconds. {CHANNELS} channels of {STEP} eV, float32; a "
        "process for each measurement. Memory is the peak beyond core and low loss "
        f"({2 * 4 * CHANNELS * SIZES[-1] / 1e6:.0f} MB at {SIZES[-1]} spectra) and holds the result. The reference is "
        "plain vectorised numpy/scipy in float32 on two threads, see eels_tools.py.",
        "",
        *table(results),
        "",
    ]
    Path(args.output).write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return None


if __name__ == "__main__":
    main()
