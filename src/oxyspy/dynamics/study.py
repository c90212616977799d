"""From runs at several temperatures to D(T), its Arrhenius law and an entry in the table of coatings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from oxyspy.dynamics.estimate import Diffusivity, combine, diffusivity
from oxyspy.dynamics.structure import Order, density, residual_order
from oxyspy.dynamics.trajectories import Trajectory
from oxyspy.errors import InputError, MethodError, OxyspyError
from oxyspy.results import Result

# a temperature from free flight this far from the stated one means another time step
TEMPERATURE_MISFIT = 0.2


@dataclass(frozen=True)
class Run(Result):
    """One run, analysed.

    Attributes
    ----------
    name
        Files, or what the caller called it.
    temperature
        K, of the thermostat; nan where unknown.
    diffusivities
        One of each species.
    order
        Of each species' sublattice.
    density
        g/cm\N{SUPERSCRIPT THREE}.
    concentrations
        Atoms of each species in a cm\N{SUPERSCRIPT THREE}.
    formula
        Atoms in the cell.
    warnings
        In words.
    """

    name: str
    temperature: float
    diffusivities: dict[str, Diffusivity]
    order: dict[str, Order]
    density: float
    concentrations: dict[str, float]
    formula: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiffusionStudy(Result):
    """Runs at one or several temperatures.

    Attributes
    ----------
    runs
        Each run.
    combined
        For each species the list of (K, cm\N{SUPERSCRIPT TWO}/s, its standard error, standard deviation of ln D between
        runs, number of runs) at each temperature.
    fits
        For each species the Arrhenius fit (`oxyspy.transport.arrhenius.DiffusivityFit`), or None.
    reasons
        For each species without a fit, why.
    """

    runs: tuple[Run, ...]
    combined: dict[str, list[tuple[float, float, float, float, int]]]
    fits: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = []
        for run in self.runs:
            lines += [f"{run.name}: {found}" for found in run.diffusivities.values()]
            lines += [f"  warning: {text}" for text in run.warnings]
        for species, fit in self.fits.items():
            if fit is None:
                lines.append(f"{species}: no Arrhenius fit: {self.reasons[species]}")
            else:
                lines += [f"{species}: {fit}", f"  {fit.at(300.0)}"]
        return "\n".join(lines)


def analyse_run(
    trajectory: Trajectory,
    species: Sequence[str],
    *,
    temperature: float = np.nan,
    window: tuple[float, float] | None = None,
    name: str = "",
) -> Run:
    """Return the diffusivities of one run, with the checks that every run must pass."""
    warnings = []
    apparent = trajectory.apparent_temperature()
    if np.isfinite(apparent) and np.isfinite(temperature) and abs(apparent / temperature - 1) > TEMPERATURE_MISFIT:
        step = trajectory.interval * np.sqrt(apparent / temperature)
        warnings.append(
            f"atoms fly as at {apparent:.0f} K, stated are {temperature:g} K: frames {step:.2g} fs apart would explain "
            f"it, given were {trajectory.interval:g} fs"
        )
    order = {name: residual_order(trajectory, name) for name in species}
    warnings += [str(found) for found in order.values() if found.ordered]
    return Run(
        name=name or ", ".join(Path(p).name for p in trajectory.sources),
        temperature=float(temperature),
        diffusivities={s: diffusivity(trajectory, s, temperature=temperature, window=window) for s in species},
        order=order,
        density=density(trajectory),
        concentrations={s: trajectory.concentration(s) for s in species},
        formula=trajectory.formula,
        warnings=tuple(warnings),
    )


def combine_runs(runs: Sequence[Run]) -> DiffusionStudy:
    """Return D(T) of independent runs and its Arrhenius law, species by species.

    Runs of one temperature are independent samples; each enters the fit with its own error of ln D, and what they
    scatter beyond these widens the fit's errors.
    """
    from oxyspy.transport.arrhenius import fit_arrhenius

    species = list(dict.fromkeys(s for run in runs for s in run.diffusivities))
    combined, fits, reasons = {}, {}, {}
    for name in species:
        temperatures = sorted({run.temperature for run in runs if np.isfinite(run.temperature)})
        groups = [[run.diffusivities[name] for run in runs if run.temperature == t] for t in temperatures]
        combined[name] = [
            (t, *combine(group), sum(d.supported for d in group)) for t, group in zip(temperatures, groups, strict=True)
        ]
        good = [d for group in groups for d in group if d.supported and d.D > 0]
        fits[name] = None
        try:
            if len({d.temperature for d in good}) < 2 or len(good) < 3:
                raise MethodError(
                    f"{len(good)} diffusive runs at {len({d.temperature for d in good})} temperatures; "
                    "needed 3 at 2 or more"
                )
            fits[name] = fit_arrhenius(
                [d.temperature for d in good], [d.D for d in good], [d.sigma / d.D for d in good]
            )
        except OxyspyError as error:
            reasons[name] = str(error)
    return DiffusionStudy(tuple(runs), combined, fits, reasons)


def coating_entry(
    study: DiffusionStudy, name: str, *, source: str, temperature: float = 300.0, composition: str | None = None
) -> dict[str, Any]:
    """Return a study as an entry of the coatings' table, in the form that `oxyspy.transport.coatings` reads.

    Parameters
    ----------
    study
        With an Arrhenius fit of O, and perhaps of Li.
    name
        Of the coating.
    source
        Where the trajectories come from; every number of the table needs it.
    temperature
        K, to which the fits are extrapolated.
    composition
        Formula; the cell's own where left out.
    """
    if not source.strip():
        raise InputError("a coating's entry needs its source, in words")
    if study.fits.get("O") is None:
        raise MethodError(f"no entry for {name}: {study.reasons.get('O', 'oxygen was not analysed')}")
    oxygen = [run.concentrations["O"] for run in study.runs]
    entry: dict[str, Any] = {
        "composition": composition or study.runs[0].formula.replace(" ", ""),
        "source": source,
        "oxygen_concentration": [float(f"{x:.4g}") for x in (min(oxygen), max(oxygen))],
    }
    for key, symbol in (("oxygen", "O"), ("lithium", "Li")):
        if (fit := study.fits.get(symbol)) is None:
            continue
        far = fit.at(temperature)
        entry[key] = {
            "ea": [float(f"{x:.4g}") for x in (fit.activation_energy, fit.activation_energy_sigma)],
            "d": float(f"{far.value:.4g}"),
            "d_bounds": [float(f"{x:.4g}") for x in (far.low, far.high)],
            "temperatures": [fit.temperature_low, fit.temperature_high],
            "caution": far.caution,
        }
    return {"temperature": temperature, "coatings": {name: entry}}


def summary_rows(study: DiffusionStudy) -> list[Mapping[str, Any]]:
    """Return a row a run and species, for a CSV file."""
    rows = []
    for run in study.runs:
        for species, d in run.diffusivities.items():
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
                    "message": "; ".join([d.reason, *run.warnings]),
                }
            )
    return rows
