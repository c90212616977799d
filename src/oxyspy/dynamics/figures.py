"""Figures of a diffusion study: displacements with their exponents, and D against 1/T."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from oxyspy.plotting import COLOURS, figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from oxyspy.dynamics.study import DiffusionStudy

CYCLE = [COLOURS[name] for name in ("blue", "vermilion", "green", "orange", "purple", "sky", "black")]


@style()
def plot_displacements(study: DiffusionStudy, species: str) -> Figure:
    """Plot each run's displacement and its local exponent; thick where the diffusivity was fitted."""
    fig, (top, bottom) = figure(2, 1, size=(4.6, 5.2), sharex=True, height_ratios=[2, 1])
    temperatures = sorted({run.temperature for run in study.runs}, key=lambda t: (np.isnan(t), t))
    labelled = set()
    for k, run in enumerate(study.runs):
        d = run.diffusivities[species]
        if d.curve is None:
            continue
        known = np.isfinite(run.temperature)
        colour = CYCLE[(temperatures.index(run.temperature) if known else k) % len(CYCLE)]
        name = f"{run.temperature:g} K" if known else run.name
        label = None if name in labelled else name
        labelled.add(name)
        lag, inside = d.curve.lag, (d.curve.lag >= d.window[0]) & (d.curve.lag <= d.window[1])
        top.loglog(lag, d.curve.msd, color=colour, lw=0.8, label=label)
        band = (d.curve.msd - d.curve.sigma).clip(1e-12), d.curve.msd + d.curve.sigma
        top.fill_between(lag, *band, color=colour, alpha=0.15, lw=0)
        bottom.semilogx(lag, d.curve.exponent, color=colour, lw=0.8)
        if d.supported:
            top.loglog(lag[inside], d.curve.msd[inside], color=colour, lw=2.4)
            bottom.semilogx(lag[inside], d.curve.exponent[inside], color=colour, lw=2.4)
    bottom.axhline(1, color=COLOURS["grey"], lw=0.8, ls="--")
    bottom.set(ylim=(-0.2, 2.2), ylabel="local exponent", xlabel="lag (ps)")
    top.set_ylabel(f"mean squared displacement of {species} (Å$^2$)")
    top.legend(title="thick: fitted", ncols=2 if len(labelled) > 6 else 1)
    return fig


@style()
def plot_arrhenius(
    study: DiffusionStudy, species: str, references: dict[str, tuple[float, float]] | None = None
) -> Figure:
    """Plot D of each run against 1000/T with the Arrhenius line and its one-sigma band.

    Runs that are not in the fit are shown by the upper limit of their D.

    Parameters
    ----------
    references
        Lines to draw beside: name to (Ea in eV, D at 300 K in cm2/s).
    """
    from oxyspy.transport.quantities import K_B

    fig, axis = figure(size=(4.6, 3.6))
    left = study.left_out.get(species, ())
    gone = {one.run for one in left}
    good = [run.diffusivities[species] for run in study.runs if run.name not in gone and np.isfinite(run.temperature)]
    t = np.array([d.temperature for d in good])
    axis.errorbar(
        1000 / t, [d.D for d in good], [d.sigma for d in good], fmt="o", ms=4, color=COLOURS["blue"], label="runs",
        capsize=2,
    )  # fmt: skip
    limits = [(1000 / one.temperature, one.upper_limit) for one in left if np.isfinite(one.upper_limit)]
    if limits:
        x, y = np.array(limits).T
        axis.errorbar(
            x, y, 0.3 * y, uplims=True, fmt="_", color=COLOURS["vermilion"], label="left out: 95 % limits", capsize=2,
        )  # fmt: skip
    every = [d.temperature for d in good] + [one.temperature for one in left]
    inverse = np.linspace(1000 / max(every), 1000 / min(every), 60)
    fit = study.fits.get(species)
    if fit is not None:
        line = fit.at(1000 / inverse)
        text = f"$E_a$ = {fit.activation_energy:.3f} ± {fit.activation_energy_sigma:.3f} eV"
        axis.plot(inverse, line.value, color=COLOURS["blue"], label=text)
        axis.fill_between(inverse, line.low, line.high, color=COLOURS["blue"], alpha=0.15, lw=0)
    for (name, (ea, d300)), colour in zip((references or {}).items(), CYCLE[1:], strict=False):
        values = d300 * np.exp(-ea / K_B * (inverse / 1000 - 1 / 300))
        axis.plot(inverse, values, color=colour, ls="--", label=name)
    axis.set(yscale="log", xlabel="1000 / T (1/K)", ylabel=f"D({species}) (cm$^2$/s)")
    axis.legend()
    return fig


@style()
def plot_pairs(study: DiffusionStudy) -> Figure:
    """Plot the radial distribution of every pair of species, mean over the runs of each temperature."""
    pairs = [found.pair for found in study.runs[0].pairs]
    columns = min(len(pairs), 3)
    rows = -(-len(pairs) // columns)
    fig, axes = figure(rows, columns, size=(2.4 * columns + 0.4, 1.9 * rows + 0.3), sharex=True, squeeze=False)
    temperatures = sorted({run.temperature for run in study.runs}, key=lambda t: (np.isnan(t), t))
    for k, pair in enumerate(pairs):
        axis = axes.flat[k]
        for number, temperature in enumerate(temperatures):
            alike = [run for run in study.runs if run.temperature == temperature or np.isnan(temperature)]
            found = [run.pairs[k] for run in alike]
            short = min(len(one.r) for one in found)
            g = np.mean([one.g[:short] for one in found], axis=0)
            name = f"{temperature:g} K" if np.isfinite(temperature) else "all runs"
            axis.plot(found[0].r[:short], g, color=CYCLE[number % len(CYCLE)], lw=0.9, label=name)
        axis.axhline(1, color=COLOURS["grey"], lw=0.6, ls=":")
        axis.set_title(f"{pair[0]}-{pair[1]}")
    for axis in axes.flat[len(pairs) :]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("r (Å)")
    for axis in axes[:, 0]:
        axis.set_ylabel("g(r)")
    axes.flat[0].legend()
    return fig


@style()
def plot_density(study: DiffusionStudy) -> Figure:
    """Plot the density of each run against its temperature; crosses have long-range order."""
    fig, axis = figure(size=(3.8, 2.9))
    for ordered, marker, colour in ((False, "o", "blue"), (True, "x", "vermilion")):
        runs = [run for run in study.runs if bool(run.crystalline) is ordered]
        if runs:
            label = "with long-range order" if ordered else "amorphous"
            axis.plot(
                [r.temperature for r in runs], [r.density for r in runs], marker, color=COLOURS[colour], label=label
            )
    axis.set(xlabel="T (K)", ylabel="density (g/cm$^3$)")
    axis.legend()
    return fig
