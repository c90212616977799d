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

    Parameters
    ----------
    references
        Lines to draw beside: name to (Ea in eV, D at 300 K in cm2/s).
    """
    from oxyspy.transport.quantities import K_B

    fig, axis = figure(size=(4.6, 3.6))
    good = [run.diffusivities[species] for run in study.runs if run.diffusivities[species].supported]
    t = np.array([d.temperature for d in good])
    axis.errorbar(
        1000 / t, [d.D for d in good], [d.sigma for d in good], fmt="o", ms=4, color=COLOURS["blue"], label="runs",
        capsize=2,
    )  # fmt: skip
    inverse = np.linspace(1000 / t.max(), 1000 / t.min(), 60)
    fit = study.fits.get(species)
    if fit is not None:
        line = fit.at(1000 / inverse)
        text = f"$E_a$ = {fit.activation_energy:.2f} ± {fit.activation_energy_sigma:.2f} eV"
        axis.plot(inverse, line.value, color=COLOURS["blue"], label=text)
        axis.fill_between(inverse, line.low, line.high, color=COLOURS["blue"], alpha=0.15, lw=0)
    for (name, (ea, d300)), colour in zip((references or {}).items(), CYCLE[1:], strict=False):
        values = d300 * np.exp(-ea / K_B * (inverse / 1000 - 1 / 300))
        axis.plot(inverse, values, color=colour, ls="--", label=name)
    axis.set(yscale="log", xlabel="1000 / T (1/K)", ylabel=f"D({species}) (cm$^2$/s)")
    axis.legend()
    return fig
