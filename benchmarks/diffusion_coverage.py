"""Do the intervals of D hold the truth? Walkers of known D over frames, atoms, vibration and hops.

python benchmarks/diffusion_coverage.py [--runs N] writes benchmarks/diffusion_coverage.md.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
from pathlib import Path

import numpy as np

from oxyspy.dynamics import Trajectory, diffusivity

D, STEP = 1e-5, 20.0
FRAMES, ATOMS = (300, 1000, 4000), (16, 48)
VIBRATION = (0.0, 0.1, 0.3)
# Å of a jump; 0 is Brownian motion
HOPS = (0.0, 2.5)


def walk(rng, frames: int, atoms: int, vibration: float, hop: float) -> Trajectory:
    """Return ions of D in cm2/s that diffuse, by small steps or by rare hops, and rattle by so many Å beside."""
    gain = 6 * D * 1e4 * STEP / 1000
    if hop:
        way = rng.normal(size=(frames, atoms, 3))
        way *= hop / np.linalg.norm(way, axis=-1, keepdims=True)
        steps = way * (rng.random((frames, atoms, 1)) < gain / hop**2)
    else:
        steps = rng.normal(scale=np.sqrt(gain / 3), size=(frames, atoms, 3))
    path = np.cumsum(steps, axis=0) + rng.normal(scale=vibration, size=steps.shape)
    return Trajectory(path, ("O",) * atoms, np.eye(3) * 10, STEP, 1000.0)


def condition(task: tuple) -> str:
    """Return a row of the table."""
    runs, number, (frames, atoms, vibration, hop) = task
    rng = np.random.default_rng(number)
    found = [diffusivity(walk(rng, frames, atoms, vibration, hop), "O") for _ in range(runs)]
    known = [f for f in found if f.supported]
    z = np.array([(f.D - D) / f.sigma for f in known])
    limits = [f.upper_limit > D for f in found if not f.supported and np.isfinite(f.upper_limit)]
    shares = [f"{np.mean(np.abs(z) < k):.0%}" if len(z) > 20 else "-" for k in (1, 1.96)]
    more = [f"{z.mean():+.2f}", f"{np.median([f.sigma / f.D for f in known]):.1%}"] if len(z) > 20 else ["-", "-"]
    blocks = [f.sigma_blocks / f.sigma for f in known if np.isfinite(f.sigma_blocks)]
    beside = f"{np.median(blocks):.2f}" if len(blocks) > 20 else "-"
    held = f"{sum(limits)} of {len(limits)}" if limits else "-"
    cells = [f"{frames * STEP / 1000:g}", atoms, vibration, hop or "Brownian", f"{len(known) / runs:.0%}"]
    cells += [*shares, *more, beside, held]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200, metavar="N", help="a condition; default 200")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes; default 2")
    args = parser.parse_args()
    conditions = enumerate(itertools.product(FRAMES, ATOMS, VIBRATION, HOPS))
    with multiprocessing.Pool(args.workers) as pool:
        rows = pool.map(condition, [(args.runs, k, one) for k, one in conditions], chunksize=1)
    error = np.sqrt(0.68 * 0.32 / args.runs)
    lines = [
        "# Do the intervals of D hold the truth?",
        "",
        f"`python benchmarks/diffusion_coverage.py --runs {args.runs}`: {args.runs} runs a condition, D = {D:g} cm²/s, "
        f"a frame each {STEP:g} fs; windows found by the code. 68 and 95 % are meant; a share of {args.runs} runs has "
        f"an error of {error:.0%} itself. z is (D - truth)/sigma. Ions rattle independently along each axis and frame.",
        "",
        "| run (ps) | ions | rattle (Å) | hops (Å) | measured | within 1 sigma | within 1.96 | mean z | sigma / D | "
        "block error / sigma | limits that hold, where not measured |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    text = "\n".join(lines) + "\n"
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
