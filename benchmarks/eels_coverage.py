"""Do the intervals of the EELS chain hold the truth? Simulated scans, from raw counts to layer thickness.

    python benchmarks/eels_coverage.py [SCANS] [--workers N] [--nice N] [--raw FOLDER] [--only TEXT]

All of dose x t/λ x layer x drift, and a few conditions besides. Each has SCANS scans (default 500), counted anew and
run through the whole chain (Mn L and O K of the shipped recipe `nmc`). For each number the mean of found - truth over
that of its standard error is the bias; its 68 % and 95 % intervals hold the truth or do not.

Truth comes from the simulator alone: of the thickness what the scan was made with; of L3, L2 and their ratio the line
shapes' own areas above the two-step continuum that the method's words say, summed on a fine axis
(`SimulatedScan.line_areas`); of O K the single-scattering counts within its windows (`SimulatedScan.single_within`),
where these stand on the calibrated axis, whose own error is reported apart. Areas are of one position in the bulk and
of all bulk positions added up.

Written to benchmarks/eels_coverage.md, with a mark at each cell outside what is asked (64-72 %, 93-97 %, a bias under a
fifth of a standard error, false layers under 5 %), and how many marks chance alone makes.
"""

import argparse
import itertools
import os
import subprocess
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.stats import binom, norm

from oxyspy.eels.blocks import limited
from oxyspy.errors import OxyspyError
from oxyspy.simulate.eels import SimulatedScan, simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import load_recipe

BASE = {"n_positions": 48, "step_nm": 0.4, "n_channels": 1880, "core_start": 460.0, "coating_nm": 3.0}
DOSES, THICKNESSES, LAYERS, DRIFTS = (300.0, 2000.0), (0.3, 0.5, 1.0), (0.0, 1.0, 2.0, 4.0), (0.0, 0.5)
# thinnest at the cathode's surface, 5 nm from the line's start
WEDGE = 0.15 + 0.06 * np.clip(0.4 * np.arange(48) - 5.0, 0, None)
BESIDES = {
    "camera of gain 4: dose 300, t/λ 0.3, 2 nm": {"dose": 300.0, "t_over_lambda": 0.3, "gain": 4.0},
    "wedge of t/λ 0.15-1.0: dose 2000, 2 nm": {"dose": 2000.0, "t_over_lambda": WEDGE},
    "background scattered too: dose 2000, t/λ 1.0, 2 nm": {"t_over_lambda": 1.0, "plural_background": True},
    "t/λ 1.5: dose 2000, 2 nm": {"dose": 2000.0, "t_over_lambda": 1.5},
    "t/λ 2.0: dose 2000, 2 nm": {"dose": 2000.0, "t_over_lambda": 2.0},
    "with ADF: dose 300, t/λ 0.5, 2 nm": {"dose": 300.0, "t_over_lambda": 0.5, "adf_noise": 0.02},
}
CHUNK = 25
# share of scans with a number from which their mean is not that of a choice
SHOWN = 0.97
WITNESSES = ("Mn L3 / (L3 + L2)", "O K pre-edge / main edge", "Mn L3 position", "Mn L2 - L3")
# what is asked, of shares and of biases in standard errors
ASKED_68, ASKED_95, ASKED_BIAS, ASKED_FALSE = (0.64, 0.72), (0.93, 0.97), 0.2, 0.05
TABLES = {
    "Thickness and ratios": ("l_s", "L3/L2 of the bulk", "L3/L2 of the layer"),
    "Areas of one position in the bulk": ("L3", "L2", "O K pre-edge", "O K main edge"),
    "Areas of all bulk positions": ("L3, all", "L2, all", "O K pre-edge, all", "O K main edge, all"),
    "Thickness by each witness alone": WITNESSES,
}
NUMBERS = tuple(itertools.chain.from_iterable(TABLES.values()))
# of a scan: of each number error, standard error, within 68 %, within 95 %; then these
EACH = 4
MORE = ("supported", "limit_holds", "contradicting", "thickness", "sigma")


def conditions() -> dict[str, dict]:
    """All conditions by name."""
    found = {}
    for dose, thickness, layer, drift in itertools.product(DOSES, THICKNESSES, LAYERS, DRIFTS):
        name = f"dose {dose:g}, t/λ {thickness:g}, {f'{layer:g} nm' if layer else 'no layer'}"
        choices = {"dose": dose, "t_over_lambda": thickness, "layer_nm": layer, "drift_ev": drift}
        found[f"{name}, drift {drift:g} eV"] = choices
    return found | BESIDES


def recipe():
    """The shipped recipe with its Mn and O edges alone; Co and Ni would make the surface a little sharper."""
    nmc = load_recipe("nmc")
    return nmc.model_copy(update={"edges": {"Mn_L": nmc.edges["Mn_L"]}, "valence": {}})


def chunk(name: str, choices: dict, seed: int, first: int, count: int) -> np.ndarray:
    """Numbers (count, columns) of some scans of one condition; ``nan`` where one has none."""
    warnings.simplefilter("ignore")
    scan = simulate_scan(**{**BASE, **choices, "seed": 1000 * seed + first})
    chosen = recipe()
    with limited(1):
        return np.array([one(scan, chosen, 100_000 * seed + first + i, "ADF" in name) for i in range(count)])


def one(scan: SimulatedScan, chosen, seed: int, adf: bool) -> list[float]:
    """Numbers of one scan."""
    core, low = (a[0] for a in scan.noisy(1, seed=seed))
    given = core[None], scan.core_energy, low[None], scan.low_energy, scan.positions_nm, chosen
    dark = scan.adf_expected + 0.02 * np.random.default_rng(seed).normal(size=scan.adf.size) if adf else None
    try:
        result = analyse_arrays(*given, adf=None if dark is None else dark[None])
        layer, state = result.layer, result.states["Mn_L"]
    except (OxyspyError, KeyError):
        return [np.nan] * (EACH * len(NUMBERS) + len(MORE))
    truth, row = scan.truth["layer_nm"], []
    areas = area_pulls(scan, result)
    exact = {phase: ratio_of(scan, phase) for phase in ("bulk", "layer")}
    alone = {w.name: w for w in layer.by_witness}
    for number in NUMBERS:
        if number == "l_s":
            row += within(layer.thickness_nm, layer.sigma_nm, truth, layer.interval_68_nm, layer.interval_95_nm)
        elif number in alone:
            w = alone[number]
            row += within(w.thickness_nm, w.sigma_nm, truth, w.interval_68_nm, w.interval_95_nm)
        elif number.startswith("L3/L2"):
            phase = number.split()[-1]
            row += within(getattr(state, f"ratio_{phase}"), getattr(state, f"ratio_{phase}_sigma"), exact[phase])
        else:
            row += within(*areas[number]) if number in areas else [np.nan] * EACH
    holds = np.nan if layer.supported or truth == 0 else layer.upper_limit_nm >= truth
    contradicting = layer.agreement_probability < 0.003
    return row + [layer.supported, holds, contradicting, layer.thickness_nm, layer.sigma_nm]


def within(found, sigma, truth, ends_68=None, ends_95=None) -> list[float]:
    """Error, standard error, and whether 68 % and 95 % intervals hold the truth; ``nan`` without a number."""
    if not (np.isfinite(found) and np.isfinite(sigma) and np.isfinite(truth)):
        return [np.nan] * EACH
    ends_68 = (found - sigma, found + sigma) if ends_68 is None else ends_68
    ends_95 = (found - 1.96 * sigma, found + 1.96 * sigma) if ends_95 is None else ends_95
    return [found - truth, sigma] + [low <= truth <= high for low, high in (ends_68, ends_95)]


def ratio_of(scan: SimulatedScan, phase: str) -> float:
    """L3/L2 of one phase, by the line shapes alone; ``nan`` where no position shows it alone."""
    l3, l2 = line_areas(scan)
    alone = scan.truth[f"{phase}_share"] > 0.9
    ratio = (l3 / l2)[alone & np.isfinite(l3)]
    if ratio.size:
        return float(ratio[0])
    # a layer too thin to be seen by itself has the ratio of a thick one
    return ratio_of(simulate_scan(**BASE, layer_nm=6.0), phase) if scan.truth["layer_nm"] else np.nan


def line_areas(scan: SimulatedScan):
    """Areas of L3 and L2 by the shipped method's words."""
    return scan.line_areas("Mn", l3_half=5.0, l2_half=4.0, post=(662.0, 680.0))


def area_pulls(scan: SimulatedScan, result) -> dict[str, tuple[float, float, float]]:
    """Area, standard error and truth of one bulk position, and of all of them together."""
    depth = scan.positions_nm - scan.truth["surface_nm"]
    bulk = depth > scan.truth["layer_nm"] + 2.0
    oxygen = result.edges["O_K"].edge
    pre, main = (within_window(scan, result, window) for window in (oxygen.pre_edge, oxygen.main))
    l3, l2 = line_areas(scan)
    truths = {
        "L3": ("Mn_L", 0, l3), "L2": ("Mn_L", 1, l2),
        "O K pre-edge": ("O_K", 0, pre), "O K main edge": ("O_K", 1, main),
    }  # fmt: skip
    found = {}
    for name, (edge, at, truth) in truths.items():
        along = result.edges[edge].along
        value, variance = along.values[:, at], along.covariance[:, at, at]
        single = int(np.flatnonzero(bulk)[5])
        found[name] = value[single], np.sqrt(variance[single]), truth[single]
        found[f"{name}, all"] = value[bulk].sum(), np.sqrt(variance[bulk].sum()), truth[bulk].sum()
    return found


def within_window(scan: SimulatedScan, result, window: tuple[float, float]) -> np.ndarray:
    """Single-scattering counts in a window where it stands: on the calibrated axis, whose error is told apart."""
    axis, step = result.scan.calibration, scan.core_axis[1]
    moved, rest = result.scan.moved[0], result.scan.rest[0]
    recorded = [(bound - rest - axis.offset_ev) / axis.factor + moved * step for bound in window]
    return scan.single_within(*(bound - scan.truth["drift_ev"] for bound in recorded))


def run(scans: int, workers: int, only: str, kept: Path | None) -> dict[str, np.ndarray]:
    """Numbers of all scans of each condition."""
    found = {}
    with ProcessPoolExecutor(workers) as pool:
        tasks = {}
        for seed, (name, choices) in enumerate(conditions().items(), 1):
            path = None if kept is None else kept / f"{seed:02}_{scans}.npy"
            if only not in name:
                continue
            if path is not None and path.exists():
                found[name] = np.load(path)
                continue
            starts = range(0, scans, CHUNK)
            parts = [pool.submit(chunk, name, choices, seed, at, min(CHUNK, scans - at)) for at in starts]
            tasks[name] = path, parts
        for name, (path, parts) in tasks.items():
            found[name] = np.concatenate([part.result() for part in parts])
            if path is not None:
                np.save(path, found[name])
            print(told(name, found[name]), flush=True)
    return {name: found[name] for name in conditions() if name in found}


def told(name: str, t: np.ndarray) -> str:
    """A condition's thickness in a line, while the study runs."""
    error, sigma, in_68, in_95 = t[:, :EACH].T
    known = np.isfinite(error)
    said = f"{name}: supported {np.nanmean(t[:, EACH * len(NUMBERS)]):.3f}"
    if known.any():
        bias = error[known].mean() / sigma[known].mean()
        said += f", l_s bias {bias:+.2f} sigma, {in_68[known].mean():.3f}, {in_95[known].mean():.3f}"
    return said


def cell(t: np.ndarray, number: int, chance: list[float]) -> tuple[str, int]:
    """Bias, 68 % and 95 % of one number in words, with marks; adds to ``chance`` what chance marks."""
    error, sigma, in_68, in_95 = t[:, EACH * number : EACH * (number + 1)].T
    known = np.isfinite(error)
    n = int(known.sum())
    if n == 0:
        return "-", 0
    words, marks = [], 0
    # a layer that noise alone hides from some scans is too thick in those that show it: no error of these is at fault
    chosen = n < SHOWN * len(t)
    for value, (low, high), form in (
        (error[known].mean() / sigma[known].mean(), (-ASKED_BIAS, ASKED_BIAS), "{:+.2f}"),
        (in_68[known].mean(), ASKED_68, "{:.3f}"),
        (in_95[known].mean(), ASKED_95, "{:.3f}"),
    ):
        outside = not chosen and not low <= value <= high
        marks += outside
        words.append(form.format(value) + "\\*" * outside)
    if chosen:
        return f"({' '.join(words)}; {n})", 0
    chance.append(2 * norm.sf(ASKED_BIAS * np.sqrt(n)) + by_chance(n, 0.6827, ASKED_68) + by_chance(n, 0.95, ASKED_95))
    return " ".join(words), marks


def by_chance(n: int, p: float, asked: tuple[float, float]) -> float:
    """Probability that a share of n draws lies outside what is asked though p is right."""
    low, high = np.ceil(asked[0] * n - 1e-9) - 1, np.floor(asked[1] * n + 1e-9)
    return float(binom.cdf(low, n, p) + binom.sf(high, n, p))


def report(found: dict[str, np.ndarray], scans: int) -> str:
    """The tables as Markdown."""
    chance: list[float] = []
    marks = 0
    tables, pooled = [], []
    base = len(NUMBERS) * EACH
    for title, numbers in TABLES.items():
        more = title == "Thickness and ratios"
        heads = ["supported", "l_s ± scatter (mean error), nm", "limit holds", "stated", "contradicting"] * more
        lines = [f"## {title}", "", "| condition | " + " | ".join([*heads, *numbers]) + " |"]
        lines.append("| --- |" + " --- |" * (len(heads) + len(numbers)))
        for name, t in found.items():
            words = []
            if more:
                supported, limit, contradicting, thickness, sigma = t[:, base:].T
                false = bool("no layer" in name and np.nanmean(supported) >= ASKED_FALSE)
                marks += false
                words = [f"{np.nanmean(supported):.3f}" + "\\*" * false]
                seen = np.isfinite(thickness)
                words.append(
                    f"{thickness[seen].mean():.3f} ± {thickness[seen].std():.3f} ({sigma[seen].mean():.3f})"
                    if seen.sum() > 0.5 * len(t)
                    else "-"
                )
                unseen = np.isfinite(limit)
                words.append(f"{limit[unseen].mean():.2f} of {unseen.sum()}" if unseen.any() else "-")
                stated = np.where(unseen, limit, t[:, EACH * NUMBERS.index("l_s") + 3])
                words.append(f"{np.nanmean(stated):.3f}" if np.isfinite(stated).any() else "-")
                words.append(f"{np.nanmean(contradicting):.3f}")
            for number in numbers:
                text, marked = cell(t, NUMBERS.index(number), chance)
                words.append(text)
                marks += marked
            lines.append(f"| {name} | " + " | ".join(words) + " |")
        tables.append("\n".join(lines))
        pooled += [pooled_row(found, number) for number in numbers]
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    factorial = [t for name, t in found.items() if name not in BESIDES]
    lost = int(sum(np.isnan(t[:, base]).sum() for t in found.values()))
    count = 3 * len(chance)
    return (
        "# Coverage of the EELS chain\n\n"
        f"Made by `python benchmarks/eels_coverage.py` at {revision or 'an unknown revision'}: {scans} scans of each "
        f"of {len(found)} conditions, dose (counts a channel) x t/λ x layer x drift ({len(factorial)}) and a few "
        f"besides; {lost} scans gave nothing. Mn L and O K of the shipped recipe; the layer is fitted to the L3 share "
        "and the O K pre-edge. A cell has the bias in standard errors and the shares of 68 % and 95 % intervals that "
        "hold the truth. In parentheses, with their number, are those of fewer than 97 in 100 scans: a layer that "
        "noise hides from some scans comes out thicker in those that show it, and the others give a limit. `stated` is "
        "the share of all scans whose 95 % interval or limit holds the truth.\n\n"
        "Truth is the simulator's own: the thickness that a scan was made with; areas and ratios by the line shapes "
        "above the two-step continuum that the method's words say, summed on a fine axis by code that shares nothing "
        "with the chain; O K as single-scattering counts in its windows, where they stand on the calibrated "
        "axis.\n\n"
        "A mark (\\*) is a number outside 64-72 %, 93-97 %, a fifth of a standard error, or 5 % of false layers: "
        f"{marks} of {count}, where chance alone marks {sum(chance):.0f} ± {np.sqrt(sum(chance)):.0f} were all "
        f"intervals exact (shares of {scans} have standard errors of {100 * np.sqrt(0.683 * 0.317 / scans):.1f} % and "
        f"{100 * np.sqrt(0.95 * 0.05 / scans):.1f} %).\n\n"
        "## All conditions of the factorial together\n\n"
        "| number | scans | bias | 68 % | 95 % |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(pooled) + "\n\n" + "\n\n".join(tables) + "\n"
    )  # fmt: skip


def pooled_row(found: dict[str, np.ndarray], number: str) -> str:
    """One number over all conditions that nearly all scans show it in."""
    at = EACH * NUMBERS.index(number)
    parts = [t[:, at : at + EACH] for name, t in found.items() if name not in BESIDES]
    parts = [part for part in parts if np.isfinite(part[:, 0]).mean() >= SHOWN]
    if not parts:
        return f"| {number} | 0 | - | - | - |"
    t = np.concatenate(parts)
    t = t[np.isfinite(t[:, 0])]
    # each scan by its own error: conditions differ
    return f"| {number} | {len(t)} | {(t[:, 0] / t[:, 1]).mean():+.3f} | {t[:, 2].mean():.3f} | {t[:, 3].mean():.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scans", type=int, nargs="?", default=500)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--nice", type=int, default=10, help="by how much others' work goes before this")
    parser.add_argument("--raw", type=Path, help="folder that keeps the numbers of all scans: a stopped run goes on")
    parser.add_argument("--only", default="", help="conditions whose name holds this; nothing is written then")
    given = parser.parse_args()
    os.nice(given.nice)
    if given.raw:
        given.raw.mkdir(parents=True, exist_ok=True)
    found = run(given.scans, given.workers, given.only, given.raw)
    text = report(found, given.scans)
    if given.only:
        print(text)
    else:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
