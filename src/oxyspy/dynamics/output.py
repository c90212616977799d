"""A diffusion study as tables, figures and a coating's entry on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from oxyspy import __version__
from oxyspy.dynamics.estimate import Curve
from oxyspy.dynamics.figures import plot_arrhenius, plot_displacements
from oxyspy.dynamics.onsager import OnsagerMatrix
from oxyspy.dynamics.study import DiffusionStudy, summary_rows
from oxyspy.files import write_json, write_text
from oxyspy.plotting import save_figure


def write_study(
    output: str | os.PathLike,
    study: DiffusionStudy,
    *,
    onsager: Sequence[OnsagerMatrix] = (),
    coating: dict | None = None,
    references: dict | None = None,
) -> None:
    """Write tables, figures and the coating's entry of a study into a folder.

    Parameters
    ----------
    output
        Folder.
    study
        As `combine_runs` gives it.
    onsager
        Matrices, for diffusion.json.
    coating
        As `coating_entry` gives it, for coating.yaml.
    references
        Lines beside the Arrhenius plot of O: name to (Ea in eV, D at 300 K in cm2/s).
    """
    folder = Path(output)
    write_text(folder / "diffusion.csv", pd.DataFrame(summary_rows(study)).to_csv(index=False, lineterminator="\n"))
    curves = [
        pd.DataFrame({"run": one.name, "temperature_k": one.temperature, "species": s, **_columns(d.curve)})
        for one in study.runs
        for s, d in one.diffusivities.items()
    ]
    write_text(folder / "curves.csv", pd.concat(curves).to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    write_json(folder / "diffusion.json", {"version": __version__, **study.to_dict(), "onsager": list(onsager)})
    if coating is not None:
        write_text(folder / "coating.yaml", yaml.safe_dump(coating, sort_keys=False, allow_unicode=True))
    for species in study.fits:
        save_figure(plot_displacements(study, species), folder / f"msd_{species}.png")
        if sum(row[-1] > 0 for row in study.combined[species]) > 1:
            shown = (references or {}) if species == "O" else {}
            save_figure(plot_arrhenius(study, species, shown), folder / f"arrhenius_{species}.png")


def _columns(curve: Curve) -> dict:
    return {
        "lag_ps": curve.lag,
        "msd_angstrom2": curve.msd,
        "msd_sigma_angstrom2": curve.sigma,
        "exponent": curve.exponent,
        "exponent_sigma": curve.exponent_sigma,
    }
