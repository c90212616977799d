"""Is L3/L2 of single positions right on average, and do its errors hold the truth, at few counts?

    python benchmarks/eels_ratio.py

Simulated line scans of one bulk, 80 positions of t/λ 0.5, from raw counts: background, deconvolution, maxima found in
the same noise. The truth is the ratio of the same chain without noise. Beside what the package gives stand the
quotients of the same areas: of all positions, and of those whose L2 is above three standard errors. Writes
eels_ratio.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oxyspy.eels.along import white_lines_along
from oxyspy.eels.edges import edge
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.simulate import simulate_scan

MN = edge("Mn_L")
SCANS = 100
DOSES = (17.0, 40.0, 80.0, 300.0, 2000.0)
COLUMNS = (
    "counts a channel", "deconvolved", "quotients of all", "with L2 > 3 σ", "share", "given", "given, in σ", "68 %",
    "95 %", "Fieller 95 %", "summed over",
)  # fmt: skip


def condition(dose: float, deconvolution: str) -> list[str]:
    """A row of the table: mean deviations from the truth, and shares of intervals that hold it."""
    scan = simulate_scan(
        layer_nm=0.0, n_positions=90, step_nm=0.2, vacuum_nm=0.0, coating_nm=1.0, wedge_per_nm=0.0, dose=dose,
        core_start=595.0, n_channels=460,
    )  # fmt: skip
    method = WhiteLineMethod.of(MN, deconvolution=deconvolution)
    bulk = slice(10, None)

    def measured(core, low):
        return white_lines_along(core[None, bulk], scan.core_energy, low[None, bulk], scan.low_energy, MN, method)

    clean = measured(scan.core_expected, scan.low_expected).functionals.values[0].sum(0)
    truth = clean[0] / clean[1]
    found = [measured(core, low) for core, low in zip(*scan.noisy(SCANS, seed=3), strict=True)]
    ratio, sigma, low, high, over = (
        np.concatenate([getattr(one.lines, name)[0] for one in found])
        for name in ("ratio", "ratio_sigma", "ratio_low", "ratio_high", "ratio_over")
    )
    areas = np.concatenate([one.functionals.values[0] for one in found])
    errors = np.sqrt(np.concatenate([one.functionals.covariance[0, :, 1, 1] for one in found]))
    quotient, clear = areas[:, 0] / areas[:, 1], areas[:, 1] > 3 * errors
    scatter = np.std([np.nanmean(one.lines.ratio[0]) for one in found]) / np.sqrt(SCANS)
    away = np.abs(ratio - truth)
    return [
        f"{dose:g}", "yes" if deconvolution != "none" else "no", f"{np.mean(quotient) / truth - 1:+.0%}",
        f"{np.mean(quotient[clear]) / truth - 1:+.1%}", f"{clear.mean():.0%}",
        f"{np.nanmean(ratio) / truth - 1:+.1%} ± {scatter / truth:.1%}",
        f"{(np.nanmean(ratio) - truth) / np.nanmean(sigma):+.2f}", f"{np.mean(away < sigma):.1%}",
        f"{np.mean(away < 1.96 * sigma):.1%}", f"{np.mean((low <= truth) & (truth <= high)):.1%}",
        f"{np.median(over):.1f}",
    ]  # fmt: skip


def main() -> None:
    rows = [condition(dose, deconvolution) for deconvolution in ("none", "zero_loss") for dose in DOSES]
    lines = [
        "# L3/L2 of single positions at few counts",
        "",
        f"Made by `python benchmarks/eels_ratio.py`: {SCANS} scans of 80 positions a condition. Counts a channel are "
        "those of the background at 640 eV, on which L2 of Mn stands. Mean deviations from the truth; the share of "
        "intervals that hold it; `summed over` is the median number of positions that a ratio was summed over.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| " + " | ".join("---" for _ in COLUMNS) + " |",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    path = Path(__file__).with_suffix(".md")
    path.write_text("\n".join(lines), encoding="utf-8")
    print(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
