"""Share of windows with the right phase, over fresh simulated images, and what becomes of confounders.

    python benchmarks/lattice_accuracy.py --first 70000 --images 20

A 2 nm shell of rocksalt or spinel on layered in both visible variants, doses of 1e4, 3e3 and 1e3 e/A^2 (5 % of them
detected at 20 nm of bulk), window as by default. Surface and lattice at any angle, roughness, interface width, edge,
wedge, undulations, probe and pixel errors drawn for each image. Counted are all windows with their centre 0 to 6 nm
below the true surface, those at the image's border included: right if the phase is that of the pixel at the centre;
confidently wrong if it is not, its probability is above 95 % and it is not said to be ambiguous. "Inner" leaves out
the windows whose centre is within 0.25 nm of a boundary. "Variant" is of the bulk: planes along b1 or b2. Writes
lattice_accuracy.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from this_commit import this_commit
from tqdm import tqdm

from oxyspy import __version__
from oxyspy.errors import OxyspyError
from oxyspy.files import write_text
from oxyspy.lattice import phase_map
from oxyspy.simulate import simulate_image
from oxyspy.simulate.lattice import BULK, COATING, SHELL, VACUUM

CONFOUNDERS = {"inclined": 1, "twin": 2, "core-shell": 3}
# name of a row: shell, dose, what is not drawn, and whether the pixel size is told wrong
CONDITIONS = {
    **{
        f"{shell}, {dose:.0e} e/A^2": (shell, dose, {}, False)
        for shell in ("rocksalt", "spinel")
        for dose in (1e4, 3e3, 1e3)
    },
    "rocksalt, pixels up to 10 % wrong in x and in y": ("rocksalt", 1e4, {"distortion": 0.0}, True),
    "spinel, pixels up to 10 % wrong in x and in y": ("spinel", 1e4, {"distortion": 0.0}, True),
    "rocksalt, surface along the image's border": ("rocksalt", 1e4, {"tilt_deg": 0.0}, False),
    "spinel, surface along the image's border": ("spinel", 1e4, {"tilt_deg": 0.0}, False),
    "none, pristine layered": (None, 1e4, {}, False),
    "none, bulk of rocksalt": (None, 1e4, {"bulk": "rocksalt"}, False),
    "none, bulk of spinel": (None, 1e4, {"bulk": "spinel"}, False),
}
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)


def draw(seed: int, shell: str | None, dose: float, fixed: dict | None = None):
    """One image with all its nuisances."""
    rng = np.random.default_rng(seed)
    nuisances = {
        "tilt_deg": rng.uniform(0, 360),
        "interface_nm": rng.uniform(0.05, 0.3),
        "roughness_nm": rng.uniform(0.05, 0.25),
        "edge_nm": rng.uniform(4, 10),
        "wedge": rng.uniform(0.3, 1.5),
        "rounding_nm": rng.uniform(0, 0.4),
        "bumps": 0.08,
        "exponent": rng.uniform(0.8, 1.0),
        "probe_fwhm_nm": rng.uniform(0.07, 0.11),
    }
    settings = {"thickness_nm": 2.0, "variant": 1 + seed % 2, **nuisances, **(fixed or {})}
    return simulate_image((640, 640), shell=shell, dose=dose, seed=seed, **settings)


def at_windows(image, found, pixel):
    """Truth at the windows' centres: labels and depth."""
    rows, columns = (np.rint(axis / p).astype(int) for axis, p in ((found.y_nm, pixel[1]), (found.x_nm, pixel[0])))
    return image.labels[np.ix_(rows, columns)], image.depth_nm[np.ix_(rows, columns)]


def mapped(image, seed: int, wrong: bool):
    """The map of an image, its pixel size told right or wrong, and what it was told."""
    errors = np.random.default_rng([seed, 1]).uniform(-0.1, 0.1, 2) if wrong else np.zeros(2)
    pixel = tuple(float(image.pixel_nm * (1 + e)) for e in errors)
    return phase_map(image.counts, pixel), pixel


def count(seed: int, shell: str | None, dose: float, fixed: dict, wrong: bool):
    """Windows, right, confidently wrong and confident ones, all and inner; and claimed probability against right."""
    image = draw(seed, shell, dose, fixed)
    try:
        found, pixel = mapped(image, seed, wrong)
    except OxyspyError:
        return None
    labels, depth = at_windows(image, found, pixel)
    bulk = fixed.get("bulk", "layered")
    names = {BULK: bulk, SHELL: shell, COATING: "amorphous", VACUUM: "vacuum"}
    true = np.full(labels.shape, -1)
    for label, name in names.items():
        if name is not None:
            true[labels == label] = found.names.index(name)
    right = found.phase == true
    confident = (found.probability > 0.95) & ~found.ambiguous
    band = (depth >= 0) & (depth <= 6)
    away = band & (depth > 0.25) & (np.abs(depth - image.thickness_nm) > 0.25)
    table = [[m.sum(), (m & right).sum(), (m & ~right & confident).sum(), (m & confident).sum()] for m in (band, away)]
    where = np.digitize(found.probability, BINS) - 1
    claims = [
        [np.bincount(where[m], weights, len(BINS) - 1) for weights in (None, found.probability[m], right[m])]
        for m in (band, depth < 0)
    ]
    return np.array(table), np.array(claims, float)


def row(name: str, counted: list) -> str:
    """One line of the table of conditions."""
    done = np.array([c[0] for c in counted if c is not None])
    total = done.sum(axis=0)
    share = 100 * done[:, 0, 1] / done[:, 0, 0]
    of = [100 * total[0, k] / total[0, 0] for k in range(4)]
    variants = []
    for parity in (0, 1):
        part = np.array([c[0][0] for i, c in enumerate(counted) if c is not None and i % 2 == parity]).sum(axis=0)
        variants.append(f"{100 * part[1] / part[0]:.1f}")
    return (
        f"| {name} | {len(counted)} ({len(counted) - len(done)}) | {total[0, 0]} | {of[1]:.1f} | "
        f"{' / '.join(variants)} | {share.min():.1f} | {of[2]:.2f} | {of[3]:.0f} | "
        f"{100 * total[1, 1] / total[1, 0]:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=70000, help="first seed; an even one")
    parser.add_argument("--images", type=int, default=20, help="images a condition")
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    args = parser.parse_args()
    lines = [
        "# Phases of windows in simulated images",
        "",
        f"oxyspy {__version__}{this_commit()}; `python benchmarks/lattice_accuracy.py --first {args.first} --images "
        f"{args.images}`.",
        "",
        "\n".join(__doc__.splitlines()[4:]).strip(),
        "",
        "| shell and condition | images (not indexed) | windows | right (%) | variant b1 / b2 (%) | worst image (%) | "
        "confidently wrong (%) | confident (%) | inner right (%) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    seed = args.first
    claims = np.zeros((2, 3, len(BINS) - 1))
    for name, condition in CONDITIONS.items():
        counted = [count(seed + i, *condition) for i in tqdm(range(args.images), desc=name)]
        seed += args.images
        claims += sum(c[1] for c in counted if c is not None)
        lines.append(row(name, counted))
    lines += ["", "Claimed probability against the share that is right, over all conditions above:", ""]
    lines += [
        "| claimed | windows 0-6 nm deep | mean claim (%) | right (%) | windows outside (vacuum, coating) | "
        "mean claim (%) | right (%) |",
        "|---|---|---|---|---|---|---|",
    ]
    for i, (low, high) in enumerate(zip(BINS[:-1], BINS[1:], strict=True)):
        cells = []
        for windows, claimed, right in claims[:, :, i]:
            cells += [
                f"{windows:.0f}",
                *(f"{100 * x / max(windows, 1):.1f}" if windows else "" for x in (claimed, right)),
            ]
        lines.append(f"| {low:g}-{min(high, 1):g} | {' | '.join(cells)} |")
    lines += ["", "Confounders in place of the shell, 1e4 e/A^2, windows 0.5 to 1.5 nm deep:", ""]
    lines += [
        "| layer | images | ambiguous with the right candidates (%) | confidently another phase (%) |",
        "|---|---|---|---|",
    ]
    for shell, code in CONFOUNDERS.items():
        named = wrong = windows = 0
        for _ in tqdm(range(args.images), desc=shell):
            image = draw(seed, shell, 1e4)
            found, pixel = mapped(image, seed, False)
            seed += 1
            labels, depth = at_windows(image, found, pixel)
            layer = (labels == SHELL) & (depth > 0.5) & (depth < 1.5)
            windows += layer.sum()
            named += (layer & (found.alternative == code)).sum()
            wrong += (layer & (found.alternative == 0) & (found.probability > 0.95) & found.crystalline).sum()
        lines.append(f"| {shell} | {args.images} | {100 * named / windows:.1f} | {100 * wrong / windows:.2f} |")
    write_text(args.output, "\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
