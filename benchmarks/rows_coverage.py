"""Do the layers of rough spectrum images hold the truth? Simulated images, from raw counts to the layer of each row.

    python benchmarks/rows_coverage.py [IMAGES] [--workers N] [--nice N] [--only TEXT]

For each condition (dose x roughness x rows a fit) IMAGES images (default 50) of 64 positions are counted anew, with a
layer of 2 nm, and run through the whole chain, with their rows brought to one surface and as they stand. A row says
how far apart the surfaces are before and after, and gives bias, scatter, mean error and coverage of the layers by row,
of the layer of all rows, and of that of the rows as they stand. Written to benchmarks/rows_coverage.md.
"""

import argparse
import os
import subprocess
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from oxyspy.eels.blocks import limited
from oxyspy.simulate import simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import load_recipe

LAYER, STEP, FINE, POSITIONS = 2.0, 0.3, 4, 64
# dose a channel, roughness in nm, rows, rows a fit
CONDITIONS = {
    "dose 20, roughness 0.9 nm, 10 rows a fit": (20.0, 0.9, 60, 10),
    "dose 20, no roughness, 10 rows a fit": (20.0, 0.0, 60, 10),
    "dose 50, roughness 0.9 nm, 5 rows a fit": (50.0, 0.9, 30, 5),
    "dose 100, roughness 0.9 nm, 2 rows a fit": (100.0, 0.9, 16, 2),
}
COLUMNS = (
    "surface_before", "surface_after", "supported", "row_bias", "row_scatter", "row_sigma", "row_68", "row_95",
    "all_bias", "all_scatter", "all_sigma", "all_68", "all_95", "unmoved_bias", "unmoved_scatter",
    "unmoved_sigma", "unmoved_95",
)  # fmt: skip


def image(dose: float, roughness: float, rows: int, seed: int):
    """Counts of one image, with the truth of its surfaces."""
    fine = STEP / FINE
    line = simulate_scan(
        layer_nm=LAYER, n_positions=520, step_nm=fine, vacuum_nm=12, coating_nm=3, n_channels=1180, dispersion=0.4,
        dose=dose, low_counts=1e5,
    )  # fmt: skip
    first = int(round((line.truth["surface_nm"] - 6.0) / fine))
    rng = np.random.default_rng(seed)
    away = np.rint(rng.normal(0, roughness, rows) / fine).astype(int)
    at = np.clip(first - away[:, None] + FINE * np.arange(POSITIONS), 0, 519)
    core, low = (rng.poisson(a[at]).astype(np.float32) for a in (line.core_expected, line.low_expected))
    return line, core, low, 6.0 + fine * away


def study(dose: float, roughness: float, rows: int, per_fit: int, seed: int):
    """One image: spreads of the surfaces before and after, layers by row, of all rows, and of the rows unmoved."""
    warnings.simplefilter("ignore")
    recipe = load_recipe("nmc").model_copy(update={"rows_per_fit": per_fit})
    still = recipe.model_copy(update={"align_rows": False, "rows_per_fit": rows})
    line, core, low, surface = image(dose, roughness, rows, seed)
    given = core, line.core_energy, low, line.low_energy, STEP * np.arange(POSITIONS)
    with limited(1):
        found = analyse_arrays(*given, recipe, rows_nm=STEP * np.arange(rows))
        unmoved = analyse_arrays(*given, still, rows_nm=STEP * np.arange(rows)).layer
    used = found.rows.used
    spreads = np.std(surface[used]), np.std((surface - STEP * found.rows.shifts)[used])
    return spreads, found.layer_by_row, found.layer, unmoved


def told(images: list) -> dict[str, float]:
    """Numbers of one condition."""
    before, after = np.mean([spreads for spreads, *_ in images], axis=0)
    by_row = [layer for _, layers, *_ in images for layer in layers]
    found = {"surface_before": before, "surface_after": after, "supported": np.mean([w.supported for w in by_row])}
    for name, layers in (("row", by_row), ("all", [i[2] for i in images]), ("unmoved", [i[3] for i in images])):
        layers = [layer for layer in layers if layer.supported]
        thickness = np.array([layer.thickness_nm for layer in layers])
        found |= {
            f"{name}_bias": thickness.mean() - LAYER, f"{name}_scatter": thickness.std(ddof=1),
            f"{name}_sigma": np.mean([layer.sigma_nm for layer in layers]), f"{name}_n": len(layers),
        }  # fmt: skip
        for level in (68, 95):
            ends = np.array([getattr(layer, f"interval_{level}_nm") for layer in layers])
            found[f"{name}_{level}"] = ((ends[:, 0] <= LAYER) & (ends[:, 1] >= LAYER)).mean()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", type=int, nargs="?", default=50)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--nice", type=int, default=10, help="by how much others' work goes before this")
    parser.add_argument("--only", default="", help="conditions whose name holds this; nothing is written then")
    given = parser.parse_args()
    os.nice(given.nice)
    rows = []
    with ProcessPoolExecutor(given.workers) as pool:
        tasks = {
            name: [pool.submit(study, *condition, seed) for seed in range(given.images)]
            for name, condition in CONDITIONS.items()
            if given.only in name
        }
        for name, parts in tasks.items():
            numbers = told([part.result() for part in parts])
            rows.append(f"| {name} | " + " | ".join(f"{numbers[column]:.3f}" for column in COLUMNS) + " |")
            print(rows[-1], flush=True)
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    text = (
        "# Coverage of layers by row\n\n"
        f"Made by `python benchmarks/rows_coverage.py` at {revision or 'an unknown revision'}. Layers of {LAYER:g} nm "
        "in images with a rough surface; all lengths in nm. `surface` is the standard deviation of the rows' surfaces "
        "before and after they are moved, `row` the layers by row, `all` that of all rows moved and added up, "
        "`unmoved` that of the rows as they stand. Shares of intervals have standard errors of "
        f"{100 * np.sqrt(0.683 * 0.317 / given.images):.0f} % (68 %) and "
        f"{100 * np.sqrt(0.95 * 0.05 / given.images):.0f} % (95 %) for `all` and `unmoved`, and by the root of the "
        "fits an image smaller for `row`.\n\n"
        f"| condition ({given.images} images each) | " + " | ".join(COLUMNS) + " |\n"
        "| --- |" + " --- |" * len(COLUMNS) + "\n" + "\n".join(rows) + "\n"
    )
    if not given.only:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
