"""Time and memory of the EELS steps beside eXSpy, pyEELSMODEL and plain numpy/scipy.

    python benchmarks/eels_speed.py [--patience SECONDS]

Every measurement is a process of its own: data made, the step done until five seconds or five runs are over; memory is
the peak beyond the data. The tools take turns, three times up to 10 000 spectra and twice above, so that what else the
machine does meets all of them; the median of all runs counts. A tool whose rate at the size before foretells more than
``--patience`` is not run. Run by `make bench` in an environment that holds the peers. Writes results.md, all of one
run, and ends with an error where a promise is not kept.
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
# turns of each tool up to that size, and above
TURNS = {10_000: 3, 10**9: 2}
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
    ("whole chain", "eXSpy, cut", "oxyspy", ">=", 10.0),
)
# and of memory beyond the data: copies of core and low loss, and what blocks hold whatever the size
MOST_COPIES, BLOCKS = 1.0, 128e6


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
    before, begun, seconds, worked, peak = memory("VmRSS"), time.perf_counter(), [], [], 0.0
    while len(seconds) < 5 and (not seconds or time.perf_counter() - begun < 5):
        start, start_work = time.perf_counter(), time.process_time()
        found = work()
        seconds.append(time.perf_counter() - start)
        worked.append(time.process_time() - start_work)
        peak = peak or memory("VmHWM") - before
        del found
    print(json.dumps({"seconds": seconds, "processors": worked, "peak": peak}))


def run(task: str, tool: str, count: int, before: dict | str | None) -> dict | str:
    """Measure once more, added to what was measured ``before``."""
    if isinstance(before, str):
        return before
    command = [sys.executable, __file__, "--measure", task, tool, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{task}, {tool}, {count}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return "failed"
    found = json.loads(done.stdout.splitlines()[-1])
    if before is not None:
        found = {key: before[key] + found[key] for key in ("seconds", "processors")} | {
            "peak": max(before["peak"], found["peak"])
        }
    found["median"], found["best"] = float(np.median(found["seconds"])), min(found["seconds"])
    found["work"] = float(np.median(found["processors"]))
    print(f"{task}, {tool}, {count}: {found['median']:.3f} s, {found['peak'] / 1e6:.0f} MB", file=sys.stderr)
    return found


def foretold(earlier: dict | str | None, factor: float, patience: float) -> str | None:
    """Say why a tool is not run at a size ``factor`` times the one before, or nothing."""
    if not isinstance(earlier, dict):
        return earlier
    seconds, space = earlier["median"] * factor, earlier["peak"] * factor
    if seconds > patience:
        return f"not run: would take {seconds:.0f} s"
    if space > 0.7 * available():
        return f"not run: would take {space / 1e9:.0f} GB beyond the data"
    return None


def table(results: dict) -> list[str]:
    """Return the rows of the table of times."""
    lines = [
        "| step | tool | spectra | median (s) | best (s) | of processors (s) | spectra/s | memory beyond data (MB) | "
        "time over oxyspy's |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (task, tool, count), found in results.items():
        if isinstance(found, str):
            lines.append(f"| {task} | {tool} | {count} | {found} | | | | | |")
            continue
        own = results[task, "oxyspy", count]
        over = f"{found['median'] / own['median']:.2f}" if isinstance(own, dict) else ""
        lines.append(
            f"| {task} | {tool} | {count} | {found['median']:.3g} | {found['best']:.3g} | "
            f"{found['work']:.3g} | {count / found['median']:.0f} | {found['peak'] / 1e6:.0f} | "
            f"{over} |"
        )
    return lines


def promises(results: dict) -> tuple[list[str], list[str]]:
    """Rows of what was promised, with verdicts, and what was not kept."""
    missed: list[str] = []

    def verdict(kept: bool, what: str) -> str:
        if not kept:
            missed.append(what)
        return "kept" if kept else "not kept"

    heads = " | ".join(f"{s} spectra" for s in SIZES[1:])
    lines = [
        "## What was promised",
        "",
        "Ratios of median times; behind them those of the best times, and of the processors' median times.",
        "",
        f"| step | ratio of times | promised | {heads} |",
        "| --- | --- | --- |" + " --- |" * len(SIZES[1:]),
    ]
    for task, upper, lower, sense, bound in PROMISES:
        cells = []
        for count in SIZES[1:]:
            above, below = (results.get((task, tool, count)) for tool in (upper, lower))
            if not isinstance(above, dict) or not isinstance(below, dict):
                cells.append("not run")
                continue
            ratio, best, work = (above[key] / below[key] for key in ("median", "best", "work"))
            kept = ratio >= bound if sense == ">=" else ratio <= bound
            said = verdict(kept, f"{task}, {upper} / {lower} at {count}")
            cells.append(f"{ratio:.2f}, {said} (best {best:.2f}, processors {work:.2f})")
        lines.append(f"| {task} | {upper} / {lower} | {sense} {bound:g} | {' | '.join(cells)} |")
    lines += [
        "",
        f"| step | memory beyond the data and {BLOCKS / 1e6:.0f} MB of blocks | promised | {heads} |",
        lines[5],
    ]
    for task, tools in TASKS.items():
        # the analysis holds the rows that it added up, 4096 spectra of any image, several times over
        for tool in (name for name in tools if name.startswith("oxyspy") and task != "analysis"):
            cells = []
            for count in SIZES[1:]:
                found = results.get((task, tool, count))
                if not isinstance(found, dict):
                    cells.append("not run")
                    continue
                copies = max(found["peak"] - BLOCKS, 0) / data_bytes(count)
                said = verdict(copies <= MOST_COPIES, f"memory of {task}, {tool} at {count}")
                cells.append(f"{copies:.2f}, {said}")
            lines.append(f"| {task} | {tool}: copies of the data | <= {MOST_COPIES:g} | {' | '.join(cells)} |")
    return lines, missed


def data_bytes(count: int) -> float:
    """Bytes of core and low loss."""
    return 2.0 * 4 * CHANNELS * count


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
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for one run of one tool (default 300)")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="leave out sizes above")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_name("results.md")))
    parser.add_argument("--measure", nargs=3, metavar=("TASK", "TOOL", "N"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        return measure(*args.measure[:2], int(args.measure[2]))
    results: dict = {}
    loads = [os.getloadavg()[0]]
    for task, tools in TASKS.items():
        for smaller, count in zip((0, *SIZES), SIZES, strict=False):
            for tool in tools:
                earlier = results.get((task, tool, smaller))
                results[task, tool, count] = foretold(earlier, count / max(smaller, 1), args.patience)
                if count > args.most:
                    results[task, tool, count] = "left out"
            for _ in range(next(turns for size, turns in TURNS.items() if count <= size)):
                for tool in tools:
                    results[task, tool, count] = run(task, tool, count, results[task, tool, count])
                    loads.append(os.getloadavg()[0])
    processors = platform.processor() or platform.machine()
    promised, missed = promises(results)
    lines = [
        "# EELS steps: time and memory",
        "",
        f"`make bench`. {packages()}; {processors}, {len(os.sched_getaffinity(0))} cores, shared with "
        f"other work (load average {min(loads):.1f} to {max(loads):.1f}, median {np.median(loads):.1f}, the benchmark "
        f"itself included): medians, and ratios carry further than seconds; the processors' time is lengthened less by "
        f"other work, and is that of all threads. {CHANNELS} channels of {STEP} eV, float32; a process for each "
        f"measurement, {TURNS[10_000]} turns up to 10 000 spectra and {TURNS[10**9]} above. Memory is the peak beyond "
        f"core and low loss ({data_bytes(SIZES[-1]) / 1e6:.0f} MB at {SIZES[-1]} spectra) and holds the result.",
        "",
        "The reference is plain vectorised numpy/scipy in float32 on two threads, see eels_tools.py. eXSpy runs with "
        "the switches that make it run: backgrounds by its fast estimate, Fourier ratio without extrapolation (with "
        "its defaults it raises). In dual alignment oxyspy moves by whole channels and gives the rest, as its windows "
        "need it, where the others interpolate: that is less work. In the whole chain eXSpy aligns by interpolation, "
        "fits, deconvolves and adds up one map, L3/L2, without errors, at given maxima; oxyspy finds the maxima and "
        "gives 21 maps: areas, ratio, positions, with the errors that the counts' covariance gives, continuum and t/λ. "
        "'eXSpy, cut' leaves out the channels that oxyspy leaves out, once they are aligned. The analysis is "
        "`oxyspy.analyse` of an image: cleaning, calibration, rows brought to one surface and added up, one edge.",
        "",
        *table(results),
        "",
        *promised,
        "",
    ]
    Path(args.output).write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    if missed:
        raise SystemExit(f"not kept: {'; '.join(missed)}")
    return None


if __name__ == "__main__":
    main()
