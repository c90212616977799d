"""A diffusion study as tables and figures on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from oxyspy import __version__
from oxyspy.dynamics.estimate import Curve
from oxyspy.dynamics.figures import plot_arrhenius, plot_density, plot_displacements, plot_pairs
from oxyspy.dynamics.onsager import OnsagerMatrix
from oxyspy.dynamics.study import DiffusionStudy, Run
from oxyspy.files import write_json, write_text
from oxyspy.plotting import save_figure


def write_study(
    output: str | os.PathLike,
    study: DiffusionStudy,
    *,
    onsager: Sequence[OnsagerMatrix] = (),
    references: dict | None = None,
) -> None:
    """Write tables and figures of a study into a folder.

    Parameters
    ----------
    output
        Folder.
    study
        As `combine_runs` gives it.
    onsager
        Matrices, for diffusion.json.
    references
        Lines beside the Arrhenius plot of O: name to (Ea in eV, D at 300 K in cm2/s).
    """
    folder = Path(output)
    _table(folder / "diffusion.csv", summary_rows(study))
    curves = [
        pd.DataFrame({"run": one.name, "temperature_k": one.temperature, "species": s, **_columns(d.curve)})
        for one in study.runs
        for s, d in one.diffusivities.items()
    ]
    write_text(folder / "curves.csv", pd.concat(curves).to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    _table(folder / "order.csv", [row for run in study.runs for row in order_rows(run)])
    write_json(folder / "diffusion.json", {"version": __version__, **study.to_dict(), "onsager": list(onsager)})
    for species in study.fits:
        save_figure(plot_displacements(study, species), folder / f"msd_{species}.png")
        if sum(row[-1] > 0 for row in study.combined[species]) > 1:
            shown = (references or {}) if species == "O" else {}
            save_figure(plot_arrhenius(study, species, shown), folder / f"arrhenius_{species}.png")
    if any(run.pairs for run in study.runs):
        _write_structure(folder, study)


def _write_structure(folder: Path, study: DiffusionStudy) -> None:
    """Write radial distributions, coordination and density of every run."""
    pairs = [
        pd.DataFrame({
            "run": run.name, "temperature_k": run.temperature, "first": found.pair[0], "second": found.pair[1],
            "r_angstrom": found.r, "g": found.g, "g_sigma": found.sigma, "neighbours_within": found.coordination,
        })
        for run in study.runs
        for found in run.pairs
    ]  # fmt: skip
    write_text(folder / "rdf.csv", pd.concat(pairs).to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    _table(folder / "coordination.csv", [row for run in study.runs for row in coordination_rows(run)])
    _table(folder / "density.csv", [density_row(run) for run in study.runs])
    save_figure(plot_pairs(study), folder / "rdf.png")
    if np.ptp([run.density for run in study.runs]) > 1e-6:
        save_figure(plot_density(study), folder / "density.png")


def _table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    write_text(path, pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


def _columns(curve: Curve) -> dict:
    return {
        "lag_ps": curve.lag,
        "msd_angstrom2": curve.msd,
        "msd_sigma_angstrom2": curve.sigma,
        "exponent": curve.exponent,
        "exponent_sigma": curve.exponent_sigma,
    }


def summary_rows(study: DiffusionStudy) -> list[dict[str, Any]]:
    """Return a row a run and species; what concerns the whole run stands in its first row only."""
    rows = []
    for run in study.runs:
        for k, (species, d) in enumerate(run.diffusivities.items()):
            left = [one for one in study.left_out.get(species, ()) if one.run == run.name]
            told = [d.reason, *((*run.notes, *run.warnings) if k == 0 else ())]
            if left and left[0].reason != d.reason:
                told.append(f"left out of the fit: {left[0].reason}")
            rows.append(
                {
                    "run": run.name,
                    "temperature_k": d.temperature,
                    "species": species,
                    "diffusive": d.supported,
                    "d_cm2_s": d.D,
                    "d_sigma_cm2_s": d.sigma,
                    "d_sigma_blocks_cm2_s": d.sigma_blocks,
                    "d_sigma_bootstrap_cm2_s": d.sigma_bootstrap,
                    "d_upper_95_cm2_s": d.upper_limit,
                    "window_first_ps": d.window[0],
                    "window_last_ps": d.window[1],
                    "exponent": d.exponent,
                    "order": run.order[species].value,
                    "density_g_cm3": run.density,
                    "concentration_cm3": run.concentrations[species],
                    "haven_ratio": run.haven[species].value,
                    "haven_ratio_sigma": run.haven[species].sigma,
                    "in_fit": bool(np.isfinite(run.temperature)) and not left,
                    "message": "; ".join(told),
                }
            )
    return rows


def order_rows(run: Run) -> list[dict[str, Any]]:
    """Return a row a sublattice of a run: how crystalline it is."""
    return [
        {
            "run": run.name,
            "temperature_k": run.temperature,
            "species": species,
            "order": found.value,
            "order_first": found.slices[0],
            "order_last": found.slices[-1],
            "threshold": found.threshold,
            "planes_angstrom": found.wavelength,
            "ordered": found.ordered,
            "verdict": found.verdict,
        }
        for species, found in run.order.items()
    ]


def coordination_rows(run: Run) -> list[dict[str, Any]]:
    """Return a row a pair of species, in both orders: bond, shell and coordination number."""
    rows = []
    for found in run.pairs:
        peak, valley, number = found.first_shell()
        row = {
            "run": run.name,
            "temperature_k": run.temperature,
            "first": found.pair[0],
            "second": found.pair[1],
            "bond_angstrom": peak,
            "shell_angstrom": valley,
            "coordination": number,
        }
        rows.append(row)
        if found.pair[0] != found.pair[1]:
            other = number * found.ratio
            rows.append(row | {"first": found.pair[1], "second": found.pair[0], "coordination": other})
    return rows


def density_row(run: Run) -> dict[str, Any]:
    """Return the density of a run, and whether it is amorphous by all its sublattices."""
    return {
        "run": run.name,
        "temperature_k": run.temperature,
        "density_g_cm3": run.density,
        "amorphous": run.amorphous,
        "why": run.crystalline or "no sublattice has long-range order",
    }
