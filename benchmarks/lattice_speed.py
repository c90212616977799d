"""Time of a phase map beside a plain batched FFT of the same windows.

    python benchmarks/lattice_speed.py

A 2048 x 2048 image, 128-pixel windows at a stride of 16 pixels. Plain: all windows gathered, times a Hann window,
transformed by ``scipy.fft.rfft2`` in batches on all cores, single precision, nothing else done. Writes
lattice_speed.md.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft2
from scipy.signal.windows import hann
from this_commit import this_commit

from oxyspy import __version__
from oxyspy.files import write_text
from oxyspy.lattice import phase_map
from oxyspy.simulate import simulate_image

# standard deviation of a 128-pixel Hann window is 0.181 * 128 pixels; as full width at half maximum of a Gaussian, nm
SAME_WINDOW_NM = 2.3548 * 0.1808 * 128 * 0.02


def plain(image: np.ndarray, size: int = 128, stride: int = 16) -> float:
    """Power summed over all windows' transforms, so that nothing is optimised away."""
    windows = sliding_window_view(image, (size, size))[::stride, ::stride]
    shape = (hann(size)[:, None] * hann(size)).astype(np.float32)
    total = 0.0
    for row in windows:
        spectrum = rfft2(row * shape, workers=-1)
        total += float(np.abs(spectrum[:, 3, 3]).sum())
    return total


def timed(function, repeat: int) -> tuple[float, float]:
    """Least of several runs: seconds, and seconds of all processors together."""
    walls, busy = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        busy.append(time.process_time() - cpu)
    return min(walls), min(busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    args = parser.parse_args()
    image = simulate_image((2048, 2048), dose=5e3, tilt_deg=15, seed=1).counts.astype(np.float32)
    phase_map(image[:512, :1024], 0.02)  # structures are read once
    settings = {"window_nm": SAME_WINDOW_NM, "step_nm": 0.32}
    load = os.getloadavg()[0]
    jobs = {
        "plain batched FFT of the windows": lambda: plain(image),
        "phase map, window of the same width, stride 16, lattice fit and likelihood included": lambda: phase_map(
            image, 0.02, **settings
        ),
        "the same with the layer's thickness and its error": lambda: phase_map(
            image, 0.02, **settings
        ).layer_thickness(),
        "phase map by default (0.8 nm window, stride 13)": lambda: phase_map(image, 0.02),
        "by default with the layer's thickness and its error": lambda: phase_map(image, 0.02).layer_thickness(),
    }
    found = {name: timed(job, args.repeat) for name, job in jobs.items()}
    wall_plain, cpu_plain = next(iter(found.values()))
    lines = [
        "# Speed of the phase map",
        "",
        f"oxyspy {__version__}{this_commit()}, {os.cpu_count()} cores; `python benchmarks/lattice_speed.py`. Seconds "
        f"are of one machine, shared with other work (load {load:.1f} before it began): processors' seconds carry "
        "further.",
        "",
        "\n".join(__doc__.splitlines()[4:]).strip(),
        "",
        "| what | seconds | over the plain FFT | processors' seconds | over the plain FFT |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {wall:.2f} | {wall / wall_plain:.2f} | {cpu:.2f} | {cpu / cpu_plain:.2f} |"
            for name, (wall, cpu) in found.items()
        ),
        "",
    ]
    write_text(args.output, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
