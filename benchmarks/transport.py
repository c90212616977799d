"""Time of a million inverse problems beside the same arithmetic in plain numpy, on one core.

``python benchmarks/transport.py`` writes transport.md

Ratios of CPU time, since only these carry from one machine to another: median of runs that alternate. The plain
reference has the study's formula as it is printed, no checks, no units, and computes the same outputs: D, its
first-order standard error in ln, both intervals, and L with its interval.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

from oxyspy import __version__  # noqa: E402
from oxyspy.transport.inverse import required_diffusivity  # noqa: E402
from oxyspy.transport.permeation import steady_onsager  # noqa: E402
from oxyspy.transport.quantities import K_B, STUDY  # noqa: E402


def plain_onsager(layer, coating, t, radius, mu_c, mu_e, c_max):
    """The study's formula, solved for L, as printed."""
    return (radius**3 - (radius - layer) ** 3) / (6 * (radius + coating) ** 2) * c_max * coating / (t * (mu_c - mu_e))


def plain_inverse(layer, coating, t, radius, mu_c, mu_e, c_max, concentration, temperature, sigma):
    """Value, first-order error and intervals, with a dict of standard errors of any of the inputs."""
    l = plain_onsager(layer, coating, t, radius, mu_c, mu_e, c_max)
    cube = radius**3 - (radius - layer) ** 3
    slopes = {
        "layer": 3 * (radius - layer) ** 2 / cube,
        "coating": 1 / coating - 2 / (radius + coating),
        "time": -1 / t,
        "radius": 3 * (radius**2 - (radius - layer) ** 2) / cube - 2 / (radius + coating),
        "mu_c": -1 / (mu_c - mu_e),
        "c_max": 1 / c_max,
        "concentration": -1 / concentration,
    }
    variance = sum((slopes[name] * s) ** 2 for name, s in sigma.items())
    s = np.sqrt(variance)
    factor = K_B * temperature / concentration
    d = l * factor
    once, twice = np.exp(s), np.exp(1.959964 * s)
    s_l = np.sqrt(variance - (slopes["concentration"] * sigma["concentration"]) ** 2) if "concentration" in sigma else s
    once_l = np.exp(s_l)
    return d, s, d / once, d * once, d / twice, d * twice, l, l / once_l, l * once_l


def ratio(ours, plain, repeats: int) -> tuple[float, float]:
    """Return the median ratio of CPU times of runs in turns, so that other work hits both, and our best time in s."""
    found = []
    for _ in range(repeats):
        times = []
        for function in (ours, plain):
            start = time.process_time()
            function()
            times.append(time.process_time() - start)
        found.append(times)
    found = np.array(found)
    return float(np.median(found[:, 0] / found[:, 1])), float(np.min(found[:, 0]))


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1_000_000, help="problems")
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    n = args.n
    layer = rng.uniform(1e-7, 5e-7, n)
    one = {"layer": 0.1 * layer}
    scans = {
        "layer": layer,
        "coating": rng.uniform(1e-7, 2e-6, n),
        "time": rng.uniform(1e3, 1e6, n),
        "radius": rng.uniform(1e-4, 1e-3, n),
        "mu_c": rng.uniform(-5.1, -4.9, n),
        "mu_e": rng.uniform(-8.4, -5.3, n),
        "c_max": rng.uniform(4e22, 6e22, n),
        "concentration": rng.uniform(3e22, 6e22, n),
        "temperature": rng.uniform(290.0, 330.0, n),
    }
    shared = {name: STUDY.get(name) for name in scans} | {"layer": layer, "coating": 10e-7, "time": 9900.0}
    shared = {name: np.asarray(value) for name, value in shared.items()}
    names = ("layer", "coating", "time", "radius", "mu_c", "c_max", "concentration")
    every = {name: 0.05 * scans[name] for name in names} | {"mu_c": np.full(n, 0.02)}
    cases = (
        ("layer differs, its error", shared, one),
        ("all inputs differ, seven errors", scans, every),
    )
    lines = [
        "# A million inverse problems beside plain numpy",
        "",
        f"oxyspy {__version__}; `python benchmarks/transport.py`; {n} problems, one core; load of the machine "
        f"{os.getloadavg()[0]:.0f} on {os.cpu_count()} processors.",
        "",
        "\n".join(__doc__.splitlines()[4:]).strip(),
        "",
        "| case | kernel, L: ratio | whole, D, L, errors, checks: ratio | whole (s) |",
        "| --- | --- | --- | --- |",
    ]
    for name, inputs, sigma in cases:
        kernel = {key: inputs[key] for key in ("radius", "mu_c", "mu_e", "c_max")}
        positional = (inputs["layer"], inputs["coating"], inputs["time"])
        order = ("layer", "coating", "time", "radius", "mu_c", "mu_e", "c_max", "concentration", "temperature")
        given = [inputs[key] for key in order]
        errors = {f"{key}_sigma": s for key, s in sigma.items()}
        kernels, _ = ratio(
            lambda p=positional, k=kernel: steady_onsager(*p, **k),
            lambda p=positional, k=kernel: plain_onsager(*p, **k),
            args.repeats,
        )
        whole, seconds = ratio(
            lambda i=inputs, e=errors: required_diffusivity(**i, **e, n_samples=0),
            lambda g=given, s=sigma: plain_inverse(*g, s),
            args.repeats,
        )
        lines.append(f"| {name} | {kernels:.2f} | {whole:.2f} | {seconds:.2f} |")
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
