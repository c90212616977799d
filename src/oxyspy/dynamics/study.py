"""From runs at several temperatures to D(T), its Arrhenius law and a coating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from oxyspy.dynamics.estimate import Diffusivity, HavenRatio, combine, diffusivity, haven_ratio
from oxyspy.dynamics.structure import Order, RadialDistribution, density, radial_distribution, residual_order
from oxyspy.dynamics.trajectories import Trajectory
from oxyspy.errors import InputError, MethodError, OxyspyError
from oxyspy.results import Result

if TYPE_CHECKING:
    from oxyspy.transport.coating import Coating

# a temperature from free flight this far from the stated one means another time step
TEMPERATURE_MISFIT = 0.2
# fs between frames up to which atoms fly free, and up to which they keep a share of that speed
FREE, SLOWED, SHARE = 5.0, 25.0, 0.02
ORDERED = "long-range order"


@dataclass(frozen=True)
class Run(Result):
    """One run, analysed.

    Attributes
    ----------
    name
        Files, or what the caller called it.
    temperature
        K, of the thermostat; nan where unknown.
    diffusivities, haven
        One of each species.
    order
        Of every sublattice.
    density
        g/cm\N{SUPERSCRIPT THREE}.
    concentrations
        Atoms of each species in a cm\N{SUPERSCRIPT THREE}.
    formula
        Atoms in the cell.
    pairs
        Radial distributions of all pairs of species, where asked for.
    notes
        What was done to the trajectory, and what its files showed.
    warnings
        In words.
    """

    name: str
    temperature: float
    diffusivities: dict[str, Diffusivity]
    haven: dict[str, HavenRatio]
    order: dict[str, Order]
    density: float
    concentrations: dict[str, float]
    formula: str
    pairs: tuple[RadialDistribution, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def crystalline(self) -> str:
        """Which sublattices have long-range order, in words; empty where none has."""
        return "; ".join(f"{name}: {found.verdict}" for name, found in self.order.items() if found.ordered)

    @property
    def amorphous(self) -> bool:
        """Whether no sublattice has long-range order that its number of atoms lets see."""
        return not self.crystalline


@dataclass(frozen=True)
class LeftOut(Result):
    """A run that does not enter the fit of a species: why, and below what D is in it, cm\N{SUPERSCRIPT TWO}/s."""

    run: str
    temperature: float
    reason: str
    upper_limit: float

    def __str__(self) -> str:
        limit = f", below {self.upper_limit:.1e} cm^2/s" if np.isfinite(self.upper_limit) else ""
        return f"{self.run} ({self.reason.split(':')[0]}{limit})"


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
    left_out
        For each species the runs that are not in its fit.
    warnings
        What a user of the fits should know, in words.
    weights
        ``"own"`` or ``"study"``, see `combine_runs`.
    provenance
        Where the trajectories come from, in words.
    """

    runs: tuple[Run, ...]
    combined: dict[str, list[tuple[float, float, float, float, int]]]
    fits: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, tuple[LeftOut, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    weights: str = "own"
    provenance: str = ""

    def __str__(self) -> str:
        lines = []
        for run in self.runs:
            lines += [f"{run.name}: {found}" for found in run.diffusivities.values()]
            lines += [f"  {found}" for found in run.haven.values() if found.reason == ""]
            lines += [f"  note: {text}" for text in run.notes]
            lines += [f"  warning: {text}" for text in run.warnings]
            if run.crystalline:
                lines.append(f"  long-range order: {run.crystalline}")
        for species, fit in self.fits.items():
            if fit is None:
                lines.append(f"{species}: no Arrhenius fit: {self.reasons[species]}")
            else:
                lines += [f"{species}: {fit}", f"  {fit.at(300.0)}"]
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])

    def coating(
        self,
        name: str,
        *,
        source: str,
        temperature: float = 300.0,
        composition: str | None = None,
        glass_transition: float | None = None,
    ) -> Coating:
        """Return a coating of the table from the study; its ``save`` writes it for `oxyspy.transport.coatings`.

        Parameters
        ----------
        name
            Of the coating.
        source
            Where the trajectories come from; every number of the table needs it.
        temperature
            K, to which the fits are extrapolated.
        composition
            Formula; the cell's own where left out.
        glass_transition
            K, where known: the ions' cautions then tell what an extrapolation across it may cost.

        Raises
        ------
        InputError
            Without a source.
        MethodError
            Without a fit of oxygen's diffusivity.
        """
        from oxyspy.transport.coating import fitted_coating

        if not source.strip():
            raise InputError("a coating's entry needs its source, in words")
        if (oxygen := self.fits.get("O")) is None:
            raise MethodError(f"no coating {name}: {self.reasons.get('O', 'oxygen was not analysed')}")
        temperatures = ", ".join(f"{row[0]:g}" for row in self.combined["O"] if row[-1])
        runs = f"D(O) of {sum(row[-1] for row in self.combined['O'])} of {len(self.runs)} runs at {temperatures} K"
        return fitted_coating(
            name,
            composition or self.runs[0].formula.replace(" ", ""),
            oxygen,
            source="; ".join(filter(None, [source, runs, self.provenance])),
            density=float(np.mean([run.density for run in self.runs])),
            lithium=self.fits.get("Li"),
            temperature=temperature,
            glass_transition=glass_transition,
            caution="; ".join(self.warnings),
        )


def analyse_run(
    trajectory: Trajectory,
    species: Sequence[str],
    *,
    temperature: float = np.nan,
    window: tuple[float, float] | None = None,
    name: str = "",
    pairs: bool = False,
) -> Run:
    """Return the diffusivities of one run, with the checks that every run must pass.

    Parameters
    ----------
    trajectory
        Unwrapped, without drift.
    species
        What diffuses.
    temperature
        K, of the thermostat.
    window
        ps, first and last lag of the fits; found where left out.
    name
        Of the run; its files where left out.
    pairs
        Whether to work out the radial distributions of all pairs too.

    Returns
    -------
    Run
        Diffusivities, order and structure of the run.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, analyse_run
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> print(analyse_run(walk, ["O"], temperature=2000.0).diffusivities["O"].supported)
    True
    """
    single = {s: diffusivity(trajectory, s, temperature=temperature, window=window) for s in species}
    elements = list(dict.fromkeys(trajectory.species))
    warning = _wrong_time_step(trajectory, temperature)
    return Run(
        name=name or ", ".join(Path(p).name for p in trajectory.sources),
        temperature=float(temperature),
        diffusivities=single,
        haven={s: haven_ratio(trajectory, s, single=found) for s, found in single.items()},
        order={element: residual_order(trajectory, element) for element in elements},
        density=density(trajectory),
        concentrations={s: trajectory.concentration(s) for s in species},
        formula=trajectory.formula,
        pairs=tuple(
            radial_distribution(trajectory, *pair, frames=100)
            for pair in (combinations_with_replacement(elements, 2) if pairs else ())
        ),
        notes=trajectory.notes,
        warnings=(warning,) if warning else (),
    )


def _wrong_time_step(trajectory: Trajectory, temperature: float) -> str:
    """Return in words that the atoms' speed denies the time step; empty where it does not, or nothing can be said."""
    apparent = trajectory.apparent_temperature()
    ratio = apparent / temperature
    if not np.isfinite(ratio):
        return ""
    least = 1 - TEMPERATURE_MISFIT if trajectory.interval <= FREE else SHARE if trajectory.interval <= SLOWED else 0.0
    if least <= ratio <= 1 + TEMPERATURE_MISFIT:
        return ""
    if ratio > 1:
        step = f"{trajectory.interval * np.sqrt(ratio):.2g} fs apart{'' if trajectory.interval <= FREE else ' or more'}"
    else:
        step = f"{trajectory.interval * np.sqrt(ratio):.2g} fs apart"
    return (
        f"atoms fly as at {apparent:.0f} K, stated are {temperature:g} K: frames {step} would explain "
        f"it, given were {trajectory.interval:g} fs"
    )


def combine_runs(
    runs: Sequence[Run],
    *,
    weights: Literal["own", "study"] = "own",
    amorphous: bool = True,
    provenance: str = "",
) -> DiffusionStudy:
    """Return D(T) of independent runs and its Arrhenius law, species by species.

    Parameters
    ----------
    runs
        Those of one temperature are independent samples.
    weights
        ``"own"``: each run enters the fit with its own error of ln D, and what runs scatter beyond these widens the
        fit's errors. ``"study"``: each temperature enters with the mean of ln D of its runs, and their standard
        deviation as its error; it needs two runs or more.
    amorphous
        Whether the material is meant to be a melt or glass: then runs in which a sublattice has long-range order are
        left out, since they fake an activation energy.
    provenance
        Where the trajectories come from; kept.

    Returns
    -------
    DiffusionStudy
        With a fit of each species that has enough temperatures.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, analyse_run, combine_runs
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> runs = [analyse_run(walk, ["O"], temperature=T, name=f"{T} K") for T in (1800.0, 2200.0, 2800.0)]
    >>> sorted(combine_runs(runs).fits)
    ['O']
    """
    if weights not in ("own", "study"):
        raise InputError(f"weights = {weights!r}: needed 'own' or 'study'")
    runs = _told_apart(runs)
    species = list(dict.fromkeys(s for run in runs for s in run.diffusivities))
    known = [run for run in runs if np.isfinite(run.temperature)]
    combined, fits, reasons, left_out, warnings = {}, {}, {}, {}, []
    for name in species:
        left = [_left_out(run, name, why) for run in known if (why := _why_not(run, name, amorphous))]
        gone = {one.run for one in left}
        groups: dict[float, list[Diffusivity]] = {t: [] for t in sorted({run.temperature for run in known})}
        for run in known:
            if run.name not in gone:
                groups[run.temperature].append(run.diffusivities[name])
        combined[name] = [(t, *combine(group), len(group)) for t, group in groups.items()]
        fits[name] = None
        try:
            fits[name] = _fit(groups, weights)
        except OxyspyError as error:
            reasons[name] = str(error)
        left_out[name] = tuple(left)
        warnings += _what_is_missing(name, left, len(known), fits[name])
    return DiffusionStudy(
        runs=tuple(runs),
        combined=combined,
        fits=fits,
        reasons=reasons,
        left_out=left_out,
        warnings=tuple(dict.fromkeys(warnings)),
        weights=weights,
        provenance=provenance,
    )


def _told_apart(runs: Sequence[Run]) -> list[Run]:
    """Return the runs with a number after names that came before."""
    seen: dict[str, int] = {}
    for run in runs:
        seen[run.name] = seen.get(run.name, 0) + 1
    if len(seen) == len(runs):
        return list(runs)
    counts = dict.fromkeys(seen, 0)
    named = []
    for run in runs:
        counts[run.name] += 1
        named.append(replace(run, name=f"{run.name} ({counts[run.name]})") if seen[run.name] > 1 else run)
    return named


def _why_not(run: Run, species: str, amorphous: bool) -> str:
    """Return why a run does not enter the fit of a species; empty where it does."""
    found = run.diffusivities[species]
    if amorphous and run.crystalline:
        return f"{ORDERED}: {run.crystalline}"
    if not found.supported:
        return found.reason
    return "" if found.D > 0 else f"no growth: D = {found.D:.1e} ± {found.sigma:.1e} cm^2/s"


def _left_out(run: Run, species: str, why: str) -> LeftOut:
    # what a crystal's D is below says nothing of the glass
    limit = np.nan if why.startswith(ORDERED) else run.diffusivities[species].upper_limit
    return LeftOut(run.name, run.temperature, why, limit)


def _fit(groups: dict[float, list[Diffusivity]], weights: str):
    from oxyspy.transport.arrhenius import fit_arrhenius

    if weights == "study":
        groups = {t: group for t, group in groups.items() if len(group) > 1}
        most = max(map(len, groups.values()), default=0)
        if len(groups) < 3:
            raise MethodError(
                f"{len(groups)} temperatures with two diffusive runs or more; needed 3 for the study's weights"
            )
        table = [[d.D for d in group] + [np.nan] * (most - len(group)) for group in groups.values()]
        return fit_arrhenius(list(groups), table, weights="runs")
    good = [d for group in groups.values() for d in group]
    if len({d.temperature for d in good}) < 2 or len(good) < 3:
        raise MethodError(
            f"{len(good)} diffusive runs at {len({d.temperature for d in good})} temperatures; needed 3 at 2 or more"
        )
    return fit_arrhenius([d.temperature for d in good], [d.D for d in good], [d.sigma / d.D for d in good])


def _what_is_missing(species: str, left: Sequence[LeftOut], count: int, fit: Any) -> list[str]:
    """Return warnings of what runs that were left out do to the fit."""
    if not left:
        return []
    lines = [f"{species}: {len(left)} of {count} runs left out: {', '.join(map(str, left))}"]
    slow = [one for one in left if not one.reason.startswith(ORDERED)]
    if slow and fit is not None:
        lines[0] += "; the runs that moved enough are the faster ones, so D may be too high where runs are missing"
    above = [one for one in slow if fit is not None and fit.at(one.temperature).low > one.upper_limit]
    if above:
        lines.append(f"{species}: the fit lies above the limit of {', '.join(one.run for one in above)}")
    return lines
