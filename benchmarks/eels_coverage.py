"""Do the intervals of the EELS chain hold the truth? Simulated scans, from raw counts to layer thickness.

    python benchmarks/eels_coverage.py [SCANS] [CONDITION ...]

For each condition (dose x t/λ x layer x drift) SCANS scans (default 500) are counted anew from one expectation and run
through the whole chain. A row gives the bias and scatter of the bulk's and layer's Mn L3/L2 and of the layer's
thickness, and the share of 68 % and 95 % intervals that hold the truth. The thickness's truth is what the scan was made
with; a ratio is defined by its method, so its truth is the chain's answer without noise, the layer's on a layer of 6
nm, thick enough to be seen by itself. Biases of ratios are in standard errors. Written to benchmarks/eels_coverage.md.
"""

import sys
import warnings
from pathlib import Path

import numpy as np

from oxyspy.errors import OxyspyError
from oxyspy.simulate.eels import SimulatedScan, simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import Recipe, load_recipe

BASE = {"n_positions": 48, "step_nm": 0.4, "n_channels": 1880, "core_start": 460.0, "coating_nm": 3.0}
# thinnest at the cathode's surface, 5 nm from the line's start
WEDGE = 0.15 + 0.06 * np.clip(0.4 * np.arange(48) - 5.0, 0, None)
CONDITIONS = {
    "dose 2000, t/λ 0.5, 2 nm": {"dose": 2000.0},
    "dose 300, t/λ 0.5, 2 nm": {"dose": 300.0},
    "dose 2000, t/λ 1.0, 2 nm": {"dose": 2000.0, "t_over_lambda": 1.0},
    "dose 2000, t/λ 0.5, 1 nm": {"dose": 2000.0, "layer_nm": 1.0},
    "dose 2000, t/λ 0.5, 4 nm, drift": {"dose": 2000.0, "layer_nm": 4.0, "drift_ev": 0.5},
    "dose 300, t/λ 0.3, 3 nm, gain 4": {"dose": 300.0, "t_over_lambda": 0.3, "layer_nm": 3.0, "gain": 4.0},
    "dose 2000, wedge of t/λ 0.15-1.0, 2 nm": {"dose": 2000.0, "t_over_lambda": WEDGE},
    "dose 2000, t/λ 0.5, none": {"dose": 2000.0, "layer_nm": 0.0},
    "dose 300, t/λ 0.5, none": {"dose": 300.0, "layer_nm": 0.0},
}


def run(scan: SimulatedScan, core: np.ndarray, low: np.ndarray, recipe: Recipe):
    """The chain on one set of counts."""
    return analyse_arrays(
        core[None], scan.core_energy, low[None], scan.low_energy, scan.positions_nm, recipe, name="simulated"
    )


def study(choices: dict, scans: int, recipe: Recipe, seed: int) -> dict[str, float]:
    """Bias, scatter and coverage of one condition."""
    scan = simulate_scan(**{**BASE, **choices, "seed": seed})
    layer_nm = scan.truth["layer_nm"]
    thick = simulate_scan(**{**BASE, **choices, "layer_nm": 6.0, "drift_ev": 0.0})
    exact = run(thick, thick.core_expected, thick.low_expected, recipe).states["Mn_L"]
    rows = []
    for number in range(scans):
        core, low = (a[0] for a in scan.noisy(1, seed=1000 * seed + number))
        try:
            result = run(scan, core, low, recipe)
        except OxyspyError:
            rows.append([np.nan] * 9)
            continue
        state, layer = result.states.get("Mn_L"), result.layer
        if state is None or layer is None:
            rows.append([np.nan] * 9)
            continue
        rows.append(
            [
                layer.supported, layer.thickness_nm, layer.sigma_nm, *layer.interval_68_nm, *layer.interval_95_nm,
                (state.ratio_bulk - exact.ratio_bulk) / state.ratio_bulk_sigma,
                (state.ratio_layer - exact.ratio_layer) / state.ratio_layer_sigma,
            ]
        )  # fmt: skip
    t = np.array(rows, float)
    found = t[:, 0] == 1
    summary = {"scans": scans, "supported": np.nanmean(t[:, 0])}
    pulls = {"bulk": t[:, 7]} | ({"layer": t[found, 8]} if layer_nm else {})
    for name, pull in pulls.items():
        pull = pull[np.isfinite(pull)]
        if pull.size:
            summary |= {f"{name}_bias": pull.mean(), f"{name}_68": (abs(pull) < 1).mean()}
            summary |= {f"{name}_95": (abs(pull) < 1.96).mean()}
    if layer_nm and found.any():
        thickness, sigma = t[found, 1], t[found, 2]
        summary |= {
            "ls_bias": thickness.mean() - layer_nm, "ls_scatter": thickness.std(), "ls_sigma": np.median(sigma),
            "ls_68": ((t[found, 3] <= layer_nm) & (layer_nm <= t[found, 4])).mean(),
            "ls_95": ((t[found, 5] <= layer_nm) & (layer_nm <= t[found, 6])).mean(),
        }  # fmt: skip
    return summary


def main(scans: int, names: list[str]) -> None:
    warnings.simplefilter("ignore")
    recipe = load_recipe("nmc")
    columns = (
        "supported", "ls_bias", "ls_scatter", "ls_sigma", "ls_68", "ls_95", "bulk_bias", "bulk_68", "bulk_95",
        "layer_bias", "layer_68", "layer_95",
    )  # fmt: skip
    lines = [f"| condition ({scans} scans each) | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    print("\n".join(lines))
    for number, (name, choices) in enumerate(CONDITIONS.items()):
        if names and not any(part in name for part in names):
            continue
        row = study(choices, scans, recipe, seed=number + 1)
        lines.append(f"| {name} | " + " | ".join(f"{row.get(c, float('nan')):.3f}" for c in columns) + " |")
        print(lines[-1], flush=True)
    if not names:
        head = (
            "# Coverage of the EELS chain\n\nMade by `python benchmarks/eels_coverage.py`. `ls` is the thickness in "
            "nm; `bulk` and `layer` are the pulls of Mn L3/L2 (bias in standard errors).\n\n"
        )
        Path(__file__).with_suffix(".md").write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2:])
