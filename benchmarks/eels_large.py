"""Files larger than memory, and cost against the number of spectra.

    python benchmarks/eels_large.py [--gigabytes 8] [--folder FOLDER] [--most 1000000]

Writes synthetic files, makes the maps of Mn L from each, all of one pass, in a process whose memory is watched, and
removes them: a `.zspy` core loss of that size with a low loss of each position's own, half as large; a `.dm4` of a
quarter of it, whose energy axis is the slowest on disk, with one low loss for all; and a `.zspy` of an eighth of it in
chunks of whole energy planes, the worst there is.

Then the maps of scans of 1e3 spectra and more with a low loss of their own: of scans in memory, each the beginning of
the largest (12 GB), and of lazy ones, drawn as they are needed in blocks of 500. All sizes take turns in one process
that has made such maps before, each size's runs spread over all of its time: a machine whose speed wanders by a third
within seconds is no faster for one size than for another. The slope of log time against log N is that of the medians,
of the clock and of the processors, which other work on the machine lengthens less. Writes eels_large.md, and ends with
an error where a promise is not kept.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

import numpy as np
from eels_speed import memory, packages, scan
from eels_tools import CHANNELS, CORE_ENERGY, CORE_START, STEP, WINDOW, signals

TILE = 32
# channels of the low losses that are written: 256 eV
LOW_CHANNELS = 1024
# promised: bytes beyond the start at the peak, and the slope of log time against log N
MOST_BYTES, SLOPE = 1e9, (0.95, 1.05)
BLOCK = 500
# runs of each size of scan
RUNS = {1_000: 60, 3_000: 40, 10_000: 30, 30_000: 20, 100_000: 10, 300_000: 5, 1_000_000: 3}


def tiles() -> list[np.ndarray]:
    """Core and low loss of 32 x 32 noisy spectra: repeated tiles are still written and read one by one."""
    core, low = scan(TILE * TILE)
    return [core.reshape(TILE, TILE, -1), low.reshape(TILE, TILE, -1)[..., :LOW_CHANNELS]]


def write_zspy(folder: Path, gigabytes: float, planes: bool = False) -> int:
    """Write core.zspy of that size and low.zspy beside it; returns the number of spectra."""
    import dask.array as da
    from numcodecs import Blosc

    rows = math.ceil(gigabytes * 1e9 / (4 * CHANNELS * TILE * TILE) / 16)
    shape = rows * TILE, 16 * TILE
    for name, data, signal in zip(("core", "low"), tiles(), signals(*tiles()), strict=True):
        tile = data
        if planes:
            # all positions of 16 channels in one chunk
            made = da.map_blocks(
                lambda block_info=None, tile=tile: np.tile(
                    tile[..., slice(*block_info[None]["array-location"][-1])], (rows, 16, 1)
                ),
                chunks=((shape[0],), (shape[1],), (16,) * (tile.shape[-1] // 16)), dtype=np.float32, meta=tile[:0],
            )  # fmt: skip
            chunks = (*shape, 16)
        else:
            made = da.map_blocks(
                lambda block_info=None, tile=tile: tile + np.float32(0),
                chunks=((TILE,) * rows, (TILE,) * 16, (tile.shape[-1],)), dtype=np.float32, meta=tile[:0],
            )  # fmt: skip
            chunks = (TILE, TILE, tile.shape[-1])
        lazy = signal.as_lazy()._deepcopy_with_new_data(made)
        lazy.axes_manager._axes[0].size, lazy.axes_manager._axes[1].size = shape
        # stored as they are, so that the file is as large as its data
        lazy.save(folder / f"{name}.zspy", chunks=chunks, compressor=Blosc(clevel=0), show_progressbar=False)
    return shape[0] * shape[1]


def write_dm4(folder: Path, gigabytes: float) -> int:
    """Write core.dm4 of that size, and one low loss for all; returns the number of spectra."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "test_data"))
    from dm4 import EELS_TAGS
    from dm4 import write_dm4 as write

    rows = math.ceil(gigabytes * 1e9 / (4 * CHANNELS * TILE * TILE) / 16)
    core, low = tiles()
    axes = [("y", 0.0, 0.5, "nm"), ("x", 0.0, 0.5, "nm"), ("Energy loss", CORE_START, STEP, "eV")]
    write(folder / "core.dm4", np.tile(core, (rows, 16, 1)), axes, eels=EELS_TAGS)
    signals(core, low)[1].inav[5, 0].save(folder / "low.zspy")
    return rows * TILE * 16 * TILE


FILES = {
    ".zspy, own low loss": (write_zspy, 1.0, ".zspy", {}),
    ".dm4, one low loss": (write_dm4, 0.25, ".dm4", {}),
    ".zspy in energy planes, own low loss": (write_zspy, 0.125, ".zspy", {"planes": True}),
}


class Watched:
    """Peak of the process's own memory, the pages of mapped files left out, beyond what it had."""

    def __enter__(self) -> Watched:
        self.before = self.peak = memory("RssAnon")
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.ended.wait(0.02):
            self.peak = max(self.peak, memory("RssAnon"))

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        self.beyond = self.peak - self.before


def process(folder: Path, extension: str) -> None:
    """Maps of the file, of one pass; prints seconds, memory, and what was warned of."""
    import warnings

    import hyperspy.api as hs

    import oxyspy.signals  # noqa: F401
    from oxyspy.io.reading import read_signals

    low = hs.load(folder / "low.zspy", lazy=True)
    core = read_signals(folder / f"core{extension}", lazy=True)[0][0]
    core.set_signal_type("core_loss_EELS")
    start, worked = time.perf_counter(), time.process_time()
    with warnings.catch_warnings(record=True) as heard, Watched() as watched:
        warnings.simplefilter("always")
        maps = core.white_line_maps("Mn_L", low, window=WINDOW).compute()
    ratio = maps["ratio"].data
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "processors": time.process_time() - worked,
                "peak": watched.beyond,
                "ratio": float(np.nanmedian(ratio)),
                "finite": float(np.isfinite(ratio).mean()),
                "warned": any("lies in chunks" in str(one.message) for one in heard),
            }
        )
    )


def lazy_scan(count: int, _most: int) -> list:
    """Core and low loss of ``count`` spectra, copied in blocks when they are needed."""
    import dask.array as da

    core, low = (data.reshape(1, -1, CHANNELS)[:, :BLOCK] for data in scan(1000))
    made = []
    for data, like in zip((core, low), signals(core, low), strict=True):
        blocks = da.map_blocks(
            lambda block_info=None, data=data: data + np.float32(0),
            chunks=((1,), (BLOCK,) * (count // BLOCK), (CHANNELS,)), dtype=np.float32, meta=data[:0],
        )  # fmt: skip
        lazy = like.as_lazy()._deepcopy_with_new_data(blocks)
        lazy.axes_manager._axes[1].size = count
        made.append(lazy)
    return made


@cache
def held(count: int) -> list[np.ndarray]:
    """Core and low losses of ``count`` spectra, in blocks."""
    needed, free = 4 * count * (CHANNELS + LOW_CHANNELS), os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > 0.9 * free:
        raise SystemExit(
            f"{count} spectra take {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free: choose fewer, --most"
        )
    core, low = (data.reshape(-1, CHANNELS)[:BLOCK] for data in scan(1000))
    return [np.tile(data, (count // BLOCK, 1, 1)) for data in (core, low[:, :LOW_CHANNELS])]


def held_scan(count: int, most: int) -> tuple:
    """Core and low loss of ``count`` spectra in memory, of ``most`` that are."""
    return signals(*(data[: count // BLOCK] for data in held(most)))


MADE = {"in memory": held_scan, "lazy": lazy_scan}
OF = {"in memory": f", of {LOW_CHANNELS} channels", "lazy": f", in blocks of {BLOCK}"}


def scaling(kind: str, most: int) -> None:
    """Maps of scans of all sizes, in turns; prints the seconds of each run."""
    counts = [count for count in RUNS if count <= most]
    scans = {count: MADE[kind](count, counts[-1]) for count in counts}
    found: dict[int, dict[str, list[float]]] = {n: {"seconds": [], "processors": [], "peak": []} for n in scans}

    def once(count: int) -> tuple[float, float]:
        start, worked = time.perf_counter(), time.process_time()
        core, low = scans[count]
        ratio = core.white_line_maps("Mn_L", low, window=WINDOW)["ratio"].data
        if kind == "lazy":
            ratio.compute()
        return time.perf_counter() - start, time.process_time() - worked

    # imports and first calls are not a spectrum's cost
    for _ in range(3):
        once(min(scans))
    turns = sorted(((run + 0.5) / RUNS[count], count) for count in scans for run in range(RUNS[count]))
    for _, count in turns:
        with Watched() as watched:
            seconds, processors = once(count)
        for name, value in (("seconds", seconds), ("processors", processors), ("peak", watched.beyond)):
            found[count][name].append(value)
    print(json.dumps({str(count): runs for count, runs in found.items()}))


def call(*arguments: str) -> dict:
    """Run this script in a process of its own and read what it prints."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def of_file(name: str, gigabytes: float, parent: str | None) -> dict:
    """Write one of the files, make its maps, remove it; with its size and number of spectra."""
    write, share, extension, choices = FILES[name]
    folder = Path(tempfile.mkdtemp(prefix="oxyspy-large-", dir=parent))
    try:
        if shutil.disk_usage(folder).free < 2e9 * gigabytes * share:
            raise SystemExit(f"{folder} has no room for {gigabytes * share:g} GB and as much again")
        count = write(folder, gigabytes * share, **choices)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        return call("--process", str(folder), extension) | {"count": count, "size": size}
    finally:
        shutil.rmtree(folder)


def fitted(sizes: list[int], seconds: list[float]) -> tuple[float, str]:
    """Slope of log time against log N, and in words: between neighbours, and a straight line of times."""
    n, t = np.array(sizes, float), np.array(seconds)
    x, y = np.log(n), np.log(t)
    slope = float(np.polyfit(x, y, 1)[0])
    steps = ", ".join(f"{step:.3f}" for step in np.diff(y) / np.diff(x))
    # relative errors are alike
    per, fixed = np.polyfit(n, t, 1, w=1 / t)
    return slope, f"{steps} from each to the next; {1e3 * fixed:.0f} ms and {1e6 * per:.1f} µs a spectrum"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--folder", help="where the files are made; the system's temporary one by default")
    parser.add_argument("--most", type=int, default=max(RUNS), help="spectra of the largest scan")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    parser.add_argument("--process", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--scaling", choices=MADE, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.process:
        return process(Path(args.process[0]), args.process[1])
    if args.scaling:
        return scaling(args.scaling, args.most)
    files = {name: of_file(name, args.gigabytes, args.folder) for name in FILES}
    missed = []

    def verdict(what: str, kept: bool) -> str:
        if not kept:
            missed.append(what)
        return "kept" if kept else "not kept"

    def of_sizes(kind: str) -> tuple[list[str], list[str]]:
        """Table of the sizes, and the lines of what was promised of them."""
        runs = {int(n): found for n, found in call("--scaling", kind, "--most", str(args.most)).items()}
        sizes = list(runs)
        median = {key: [float(np.median(runs[n][key])) for n in sizes] for key in ("seconds", "processors", "peak")}
        best = [min(runs[n]["seconds"]) for n in sizes]
        rows = zip(sizes, median["seconds"], best, median["processors"], median["peak"], strict=True)
        table = [
            "",
            f"Scans {kind} with a low loss for each spectrum, aligned as well{OF[kind]}; medians of "
            f"{', '.join(str(len(runs[n]['seconds'])) for n in sizes)} runs in turns, one map computed:",
            "",
            "| spectra | seconds | best | of processors | spectra/s | peak memory (MB) |",
            "| ---: | ---: | ---: | ---: | ---: | ---: |",
            *(
                f"| {n} | {s:.3g} | {b:.3g} | {w:.3g} | {n / s:.0f} | {f'{p / 1e6:.0f}' if kind == 'lazy' else '-'} |"
                for n, s, b, w, p in rows
            ),
        ]
        said = []
        for key, words in (("seconds", ""), ("processors", ", of the processors' time")):
            slope, fit = fitted(sizes, median[key])
            decades = [at for at, n in enumerate(sizes) if math.log10(n).is_integer()]
            alone, _ = fitted([sizes[at] for at in decades], [median[key][at] for at in decades])
            name = f"slope of log time against log N, {kind}{words}"
            kept = verdict(name, SLOPE[0] <= slope <= SLOPE[1])
            found = f"{slope:.3f} ({kept}; {alone:.3f} of whole decades alone; {fit})"
            said.append(f"| {name} | {SLOPE[0]:g} to {SLOPE[1]:g} | {found} |")
        return table, said

    tables, slopes = zip(*map(of_sizes, MADE), strict=True)
    lines = [
        "# Scans larger than memory, and cost against size",
        "",
        f"`make bench` or `make bench-large`. {packages()}, load average {os.getloadavg()[2]:.1f} on "
        f"{len(os.sched_getaffinity(0))} cores. Maps of Mn L with their errors (`white_line_maps`: align, fit, "
        f"deconvolve, measure), all of one pass, {CHANNELS} channels, float32, axis {CORE_ENERGY[0]:g}-"
        f"{CORE_ENERGY[-1]:g} eV; low losses of {LOW_CHANNELS} channels in the files. Memory is the process's own, "
        "mapped files left out, beyond what it had before, the maps included (168 B a spectrum).",
        "",
        "| file | spectra | seconds | of processors | peak memory (MB) | median L3/L2 | finite | chunks warned of |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        *(
            f"| {name}, {found['size'] / 1e9:.2f} GB | {found['count']} | {found['seconds']:.0f} | "
            f"{found['processors']:.0f} | {found['peak'] / 1e6:.0f} | {found['ratio']:.3f} | "
            f"{100 * found['finite']:.1f} % | {'yes' if found['warned'] else 'no'} |"
            for name, found in files.items()
        ),
        *sum(tables, []),
        "",
        "## What was promised",
        "",
        "| what | promised | found |",
        "| --- | --- | --- |",
        *(
            f"| memory beyond the start, {name} | <= {MOST_BYTES / 1e6:.0f} MB | {found['peak'] / 1e6:.0f} MB "
            f"({verdict(name, found['peak'] <= MOST_BYTES)}) |"
            for name, found in files.items()
        ),
        *sum(slopes, []),
        "",
    ]
    Path(args.output).write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    if missed:
        raise SystemExit(f"not kept: {'; '.join(missed)}")
    return None


if __name__ == "__main__":
    main()
