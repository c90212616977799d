"""Files larger than memory, and cost against the number of spectra.

    python benchmarks/eels_large.py [--gigabytes 8] [--folder FOLDER] [--most 1000000]

Writes a synthetic `.zspy` core loss of that size with one low loss for all, makes the maps of Mn L from it and saves
them, all in a process whose peak memory is read, and removes the file. Then the maps of lazy scans of 1e3 spectra and
more, drawn as they are needed with a low loss of their own: the slope of log time against log N. Writes eels_large.md.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from eels_speed import memory, packages, scan
from eels_tools import CHANNELS, CORE_ENERGY, WINDOW, signals

TILE = 32


def write(folder: Path, gigabytes: float) -> int:
    """Write core.zspy, tiles of 32 x 32 noisy spectra, and low.zspy; returns the number of spectra."""
    import dask.array as da

    rows = math.ceil(gigabytes * 1e9 / (4 * CHANNELS * TILE * TILE) / 16)
    core, low = scan(TILE * TILE)
    core, low = core.reshape(TILE, TILE, CHANNELS), low.reshape(TILE, TILE, CHANNELS)
    shape = (rows * TILE, 16 * TILE, CHANNELS)
    rng = np.random.default_rng(1)
    # noise does not compress, and repeated tiles are still written and read one by one
    tiles = da.map_blocks(
        lambda block_info=None: core + np.float32(0),
        chunks=((TILE,) * rows, (TILE,) * 16, (CHANNELS,)), dtype=np.float32, meta=core[:0],
    )  # fmt: skip
    signal = signals(core, low)[0].as_lazy()
    signal = signal._deepcopy_with_new_data(tiles)
    signal.axes_manager._axes[0].size, signal.axes_manager._axes[1].size = shape[:2]
    from numcodecs import Blosc

    # stored as they are, so that the file is as large as its data
    signal.save(folder / "core.zspy", chunks=(TILE, TILE, CHANNELS), compressor=Blosc(clevel=0))
    signals(core, low)[1].inav[int(rng.integers(TILE)), 0].save(folder / "low.zspy")
    return shape[0] * shape[1]


def process(folder: Path) -> None:
    """Maps of the file, saved; prints seconds and bytes at the peak beyond the start."""
    import dask
    import hyperspy.api as hs

    import oxyspy.signals  # noqa: F401

    low = hs.load(folder / "low.zspy")
    core = hs.load(folder / "core.zspy", lazy=True)
    Path("/proc/self/clear_refs").write_text("5")
    before, start = memory("VmRSS"), time.perf_counter()
    maps = core.white_line_maps("Mn_L", low, window=WINDOW)
    names = ("l3", "l3_sigma", "ratio", "ratio_sigma")
    found = dask.compute([maps[name].data for name in names])[0]
    np.save(folder / "maps.npy", np.stack(found))
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "peak": memory("VmHWM") - before,
                "ratio": float(np.nanmedian(found[2])),
                "finite": float(np.isfinite(found[2]).mean()),
            }
        )
    )


def scaling(count: int) -> None:
    """Maps of ``count`` lazy spectra in blocks of 1000; prints seconds."""
    import dask
    import dask.array as da

    core, low = (data.reshape(1, -1, CHANNELS) for data in scan(1000))
    # imports and first calls are not a spectrum's cost
    first = signals(core, low)
    first[0].white_line_maps("Mn_L", first[1], window=WINDOW)
    made = []
    for data, like in zip((core, low), signals(core, low), strict=True):
        blocks = da.map_blocks(
            lambda block_info=None, data=data: data + np.float32(0),
            chunks=((1,), (1000,) * (count // 1000), (CHANNELS,)), dtype=np.float32, meta=data[:0],
        )  # fmt: skip
        lazy = like.as_lazy()._deepcopy_with_new_data(blocks)
        lazy.axes_manager._axes[1].size = count
        made.append(lazy)
    start = time.perf_counter()
    dask.compute(made[0].white_line_maps("Mn_L", made[1], window=WINDOW)["ratio"].data)
    print(json.dumps({"seconds": time.perf_counter() - start, "peak": memory("VmHWM")}))


def call(*arguments: str) -> dict:
    """Run this script in a process of its own and read what it prints."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--folder", help="where the file is made; the system's temporary one by default")
    parser.add_argument("--most", type=int, default=1_000_000, help="spectra of the largest lazy scan")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    parser.add_argument("--process", help=argparse.SUPPRESS)
    parser.add_argument("--scaling", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.process:
        return process(Path(args.process))
    if args.scaling:
        return scaling(args.scaling)
    folder = Path(tempfile.mkdtemp(prefix="oxyspy-large-", dir=args.folder))
    try:
        if shutil.disk_usage(folder).free < 1.5e9 * args.gigabytes:
            raise SystemExit(f"{folder} has no room for {args.gigabytes:g} GB")
        count = write(folder, args.gigabytes)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        found = call("--process", str(folder))
    finally:
        shutil.rmtree(folder)
    sizes = [10**k for k in range(3, 7) if 10**k <= args.most]
    runs = {n: call("--scaling", str(n)) for n in sizes}
    seconds = np.array([runs[n]["seconds"] for n in sizes])
    slope = np.polyfit(np.log(sizes), np.log(seconds), 1)[0]
    top = np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2])
    lines = [
        "# Scans larger than memory, and cost against size",
        "",
        f"`make bench-large`. {packages()}. Maps of Mn L with their errors (`white_line_maps`: fit, deconvolve, "
        f"measure), {CHANNELS} channels, float32, axis {CORE_ENERGY[0]:g}-{CORE_ENERGY[-1]:g} eV.",
        "",
        "| file | spectra | seconds | peak memory beyond the start (MB) | median L3/L2 | finite |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        f"| .zspy, {size / 1e9:.2f} GB | {count} | {found['seconds']:.0f} | {found['peak'] / 1e6:.0f} | "
        f"{found['ratio']:.3f} | {100 * found['finite']:.1f} % |",
        "",
        "Lazy scans with a low loss for each spectrum, aligned as well:",
        "",
        "| spectra | seconds | spectra/s | peak memory of the process (MB) |",
        "| ---: | ---: | ---: | ---: |",
        *(f"| {n} | {r['seconds']:.2f} | {n / r['seconds']:.0f} | {r['peak'] / 1e6:.0f} |" for n, r in runs.items()),
        "",
        f"Slope of log time against log N: {slope:.3f} over all sizes, {top:.3f} over the last decade.",
        "",
    ]
    Path(args.output).write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return None


if __name__ == "__main__":
    main()
