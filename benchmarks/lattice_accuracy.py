"""Share of windows with the right phase, over fresh simulated images, and what becomes of confounders.

    python benchmarks/lattice_accuracy.py --first 70000 --images 20

A 2 nm shell of rocksalt or spinel on layered in both visible variants, doses of 1e4, 3e3 and 1e3 e/A^2 (5 % of them
detected at 20 nm of bulk), window as by default. Surface and lattice at any angle, roughness, interface width, edge,
wedge, undulations, probe and pixel errors drawn for each image. Counted are all windows with their centre 0 to 6 nm
below the true surface, one nm of the image's border left out: right if the phase is that of the pixel at the centre;
confidently wrong if it is not, its probability is above 95 % and it is not said to be ambiguous. "Inner" leaves out
the windows whose centre is within 0.25 nm of a boundary. Writes lattice_accuracy.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from oxyspy import __version__
from oxyspy.errors import OxyspyError
from oxyspy.files import write_text
from oxyspy.lattice import phase_map
from oxyspy.simulate import simulate_image
from oxyspy.simulate.lattice import BULK, SHELL

CONFOUNDERS = {"inclined": 1, "twin": 2, "core-shell": 3}


def draw(seed: int, shell: str, dose: float):
    """One image with all its nuisances."""
    rng = np.random.default_rng(seed)
    return simulate_image(
        (640, 640),
        shell=shell,
        thickness_nm=2.0,
        variant=1 + seed % 2,
        dose=dose,
        tilt_deg=rng.uniform(0, 360),
        interface_nm=rng.uniform(0.05, 0.3),
        roughness_nm=rng.uniform(0.05, 0.25),
        edge_nm=rng.uniform(4, 10),
        wedge=rng.uniform(0.3, 1.5),
        rounding_nm=rng.uniform(0, 0.4),
        bumps=0.08,
        exponent=rng.uniform(0.8, 1.0),
        probe_fwhm_nm=rng.uniform(0.07, 0.11),
        seed=seed,
    )


def at_windows(image, found):
    """Truth at the windows' centres: labels, depth, and the windows that count."""
    rows, columns = (np.rint(axis / image.pixel_nm).astype(int) for axis in (found.y_nm, found.x_nm))
    labels, depth = (one[np.ix_(rows, columns)] for one in (image.labels, image.depth_nm))
    inner = np.ones(labels.shape, bool)
    border = [int(np.ceil(1.0 / (axis[1] - axis[0]))) for axis in (found.y_nm, found.x_nm)]
    inner[: border[0]] = inner[-border[0] :] = False
    inner[:, : border[1]] = inner[:, -border[1] :] = False
    return labels, depth, inner & (depth >= 0) & (depth <= 6)


def count(image, shell: str) -> np.ndarray | None:
    """Windows, right, confidently wrong, confident; the same for inner windows."""
    try:
        found = phase_map(image.counts, image.pixel_nm)
    except OxyspyError:
        return None
    labels, depth, band = at_windows(image, found)
    true = np.select([labels == SHELL, labels == BULK], [found.names.index(shell), found.names.index("layered")], -1)
    right = found.phase == true
    confident = (found.probability > 0.95) & ~found.ambiguous
    away = band & (depth > 0.25) & (np.abs(depth - image.thickness_nm) > 0.25)
    return np.array(
        [[m.sum(), (m & right).sum(), (m & ~right & confident).sum(), (m & confident).sum()] for m in (band, away)]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=70000, help="first seed")
    parser.add_argument("--images", type=int, default=20, help="images a condition")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    args = parser.parse_args()
    lines = [
        "# Phases of windows in simulated images",
        "",
        f"oxyspy {__version__}; `python benchmarks/lattice_accuracy.py --first {args.first} --images {args.images}`.",
        "",
        "\n".join(__doc__.splitlines()[4:]).strip(),
        "",
        "| shell | dose (e/A^2) | images (not indexed) | windows | right (%) | worst image (%) | "
        "confidently wrong (%) | confident (%) | inner right (%) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    seed = args.first
    for shell in ("rocksalt", "spinel"):
        for dose in (1e4, 3e3, 1e3):
            counted = []
            for _ in tqdm(range(args.images), desc=f"{shell} {dose:g}"):
                counted.append(count(draw(seed, shell, dose), shell))
                seed += 1
            done = np.array([c for c in counted if c is not None])
            total = done.sum(axis=0)
            worst = (done[:, 0, 1] / done[:, 0, 0]).min()
            lines.append(
                f"| {shell} | {dose:.0e} | {len(counted)} ({len(counted) - len(done)}) | {total[0, 0]} | "
                f"{100 * total[0, 1] / total[0, 0]:.1f} | {100 * worst:.1f} | {100 * total[0, 2] / total[0, 0]:.2f} | "
                f"{100 * total[0, 3] / total[0, 0]:.0f} | "
                f"{100 * total[1, 1] / total[1, 0]:.1f} |"
            )
    lines += ["", "Confounders in place of the shell, 1e4 e/A^2, windows 0.5 to 1.5 nm deep:", ""]
    lines += [
        "| layer | images | ambiguous with the right candidates (%) | confidently another phase (%) |",
        "|---|---|---|---|",
    ]
    for shell, code in CONFOUNDERS.items():
        named = wrong = windows = 0
        for _ in tqdm(range(args.images), desc=shell):
            image = draw(seed, shell, 1e4)
            seed += 1
            found = phase_map(image.counts, image.pixel_nm)
            labels, depth, band = at_windows(image, found)
            layer = band & (labels == SHELL) & (depth > 0.5) & (depth < 1.5)
            windows += layer.sum()
            named += (layer & (found.alternative == code)).sum()
            wrong += (layer & (found.alternative == 0) & (found.probability > 0.95) & found.crystalline).sum()
        lines.append(f"| {shell} | {args.images} | {100 * named / windows:.1f} | {100 * wrong / windows:.2f} |")
    write_text(args.output, "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
