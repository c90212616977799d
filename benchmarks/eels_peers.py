"""What oxyspy, eXSpy, pyEELSMODEL and Nion Swift answer on the same simulated scans: bias and scatter.

    python benchmarks/eels_peers.py

Counts of a Mn L edge on a power law, its plural scattering by Poisson's law (tests/scattering.py, which shares no code
with the package), 400 spectra a condition. Background: its sum under L3 (638-648 eV) by the tool's own power law.
Deconvolved L3 area and L3/L2: of oxyspy what `white_line_maps` gives, maxima found by itself; of the others their own
Fourier ratio with a 1 eV Gaussian of their own net spectra, above a two-step continuum at the true maxima (they have
none of their own). Nion Swift has no Fourier ratio. Run by `make bench`, whose environment holds the peers; writes
eels_peers.md.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from eels_speed import packages
from eels_tools import CORE_ENERGY, L2, L3, LOW_ENERGY, POST, STEP, TASKS, WINDOW, background_nion, channels, signals

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from scattering import low_loss, recorded, white_line_edge  # noqa: E402

SHAPE = (20, 20)
# counts a channel at 600 eV; of the edge in proportion, and of the zero-loss peak
DOSES = (3.0, 10.0, 30.0, 300.0)
THICKNESSES = (0.3, 0.8)
NION = "nionswift-eels-analysis"
# makers of the background and of the Fourier ratio; None where there is none, or where the tool measures lines itself
TOOLS = {
    "oxyspy": (TASKS["background"]["oxyspy"], None),
    "eXSpy": (TASKS["background"]["eXSpy"], TASKS["Fourier ratio"]["eXSpy"]),
    "pyEELSMODEL": (TASKS["background"]["pyEELSMODEL"], TASKS["Fourier ratio"]["pyEELSMODEL"]),
    "Nion Swift": (background_nion, None),
}


def lines(spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """L3 area and L3/L2 above a two-step continuum at the true maxima, 643 and 653 eV."""
    height = spectra[..., channels(*POST)].mean(-1)

    def area(window, steps):
        inside = spectra[..., channels(*window)]
        energy = CORE_ENERGY[channels(*window)]
        profile = sum(share * np.clip((energy - at) / STEP + 0.5, 0, 1) for at, share in steps)
        return inside.sum(-1) - height * profile.sum()

    steps = ((643.0, 2 / 3), (653.0, 1 / 3))
    l3, l2 = area(L3, steps), area(L2, steps)
    with np.errstate(invalid="ignore", divide="ignore"):
        return l3, l3 / l2


def spread(values: np.ndarray | None, truth: float) -> str:
    """Mean's deviation from the truth ± its error, the median's, and the scatter, in per cent of the truth."""
    if values is None:
        return "has none"
    values = np.ravel(values).astype(float)
    good = values[np.isfinite(values)]
    lost = values.size - good.size
    if good.size < 10:
        return f"{lost} of {values.size} not finite"
    if not good.any():
        return "nothing: all zero"
    mean, error, middle = good.mean(), good.std() / np.sqrt(good.size), np.median(good)
    scatter = 1.4826 * np.median(np.abs(good - middle))
    text = (
        f"{100 * (mean / truth - 1):+.1f} ± {100 * error / abs(truth):.1f}; {100 * (middle / truth - 1):+.1f}; "
        f"{100 * scatter / abs(truth):.1f}"
    )
    return text + (f"; {lost} not finite" if lost else "")


def answers(tool: str, core: np.ndarray, low: np.ndarray) -> tuple[np.ndarray | None, ...]:
    """Background's sum under L3, deconvolved L3 area and ratio."""
    background, ratio = TOOLS[tool]
    net = np.asarray(background(core, low)())
    under = (core - net)[..., channels(*L3)].sum(-1)
    if tool == "Nion Swift":
        # nothing taken off, where there is nothing to take off
        return np.where(under == core[..., channels(*L3)].sum(-1), 0.0, under), None, None
    if ratio is None:
        c, l = signals(core, low)
        maps = c.white_line_maps("Mn_L", l, window=WINDOW)
        return under, maps["l3"].data, maps["ratio"].data
    single = np.asarray(ratio(np.ascontiguousarray(net, np.float32), low)())
    return under, *lines(single)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    args = parser.parse_args()
    rows = []
    rng = np.random.default_rng(0)
    for dose in DOSES:
        for thickness in THICKNESSES:
            single = white_line_edge(CORE_ENERGY, 40 * dose, 20 * dose, height=0.6 * dose)
            # zero-loss electrons are what is left of all: the edge they make thins with t/λ
            truth_area, truth_ratio = lines(recorded(single, 0.0))
            power = dose * (CORE_ENERGY / 600.0) ** -3
            under = power[channels(*L3)].sum()
            core = rng.poisson(power + recorded(single, thickness), (*SHAPE, CORE_ENERGY.size)).astype(np.float32)
            expected = np.maximum(low_loss(thickness, total=2e5, axis=LOW_ENERGY), 0) + 0.05
            low = rng.poisson(expected, (*SHAPE, LOW_ENERGY.size)).astype(np.float32)
            for tool in TOOLS:
                try:
                    found = answers(tool, core, low)
                    cells = [spread(v, t) for v, t in zip(found, (under, truth_area, truth_ratio), strict=True)]
                except Exception as error:  # another tool's failure is its answer
                    cells = [f"{type(error).__name__}: {str(error)[:60]}"] + [""] * 2
                rows.append(f"| {dose:g} | {thickness:g} | {tool} | {' | '.join(cells)} |")
                print(rows[-1], file=sys.stderr, flush=True)
    text = [
        "# What the tools answer on the same scans",
        "",
        f"`make bench`. {packages()}, {NION} {version(NION)}. {np.prod(SHAPE)} spectra a row, {STEP} eV a channel.",
        "",
        "\n".join(__doc__.splitlines()[4:]).strip(),
        "",
        "Cells: bias of the mean ± its error; of the median; scatter of single spectra (1.48 times the median absolute "
        "deviation); all in per cent of the truth. The area's truth is the single scattering of the zero-loss "
        "electrons. pyEELSMODEL divides by the low loss scaled to 1, so its area is that of all electrons, exp(t/λ) "
        "times as much (+35 % and +123 %); eXSpy's is scaled by 1/dispersion (four times). Neither scale is in the "
        "ratio. eXSpy without extrapolation, threshold 3 eV: with its defaults it raises. Nion Swift fits a straight "
        "line to logarithms: one channel without counts in one spectrum leaves all spectra without a background.",
        "",
        "| counts a channel | t/λ | tool | background under L3 | deconvolved L3 area | L3/L2 |",
        "| ---: | ---: | --- | --- | --- | --- |",
        *rows,
        "",
    ]
    Path(args.output).write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
