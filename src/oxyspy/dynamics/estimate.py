"""Diffusion coefficients from mean squared displacements, each with its error, its window and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from oxyspy.dynamics import msd as kernels
from oxyspy.dynamics.fitting import block_scatter, find_window, fit_window
from oxyspy.dynamics.trajectories import Trajectory
from oxyspy.errors import InputError
from oxyspy.results import Result

# Å^2/ps in cm^2/s
ANGSTROM2_PER_PS = 1e-4
# an exponent within this of 1 counts as diffusive, beside 2.5 of its standard errors
TOLERANCE = 0.2
# lags enter a fit up to this share of the trajectory
LONGEST = 0.5
# Å^2, displacements below which are rounding
AT_REST = 1e-12


@dataclass(frozen=True)
class Curve(Result):
    """A mean squared displacement on lags evenly spaced in the logarithm.

    Attributes
    ----------
    lag
        ps.
    msd, sigma
        Å\N{SUPERSCRIPT TWO}, with the standard error of free diffusion.
    exponent, exponent_sigma
        d ln(msd) / d ln(lag) over the octave that starts at the lag.
    """

    lag: np.ndarray
    msd: np.ndarray
    sigma: np.ndarray
    exponent: np.ndarray
    exponent_sigma: np.ndarray


@dataclass(frozen=True)
class Diffusivity(Result):
    """A self-diffusion or collective diffusion coefficient.

    Attributes
    ----------
    species
        Chemical symbol.
    kind
        ``"self"`` or ``"collective"``.
    D, sigma
        cm\N{SUPERSCRIPT TWO}/s, by generalised least squares with the displacement's covariance; nan where the
        motion is not diffusive.
    supported
        Whether the motion is diffusive within the trajectory.
    reason
        In words, why.
    window
        ps, first and last lag of the fit.
    intercept
        Å\N{SUPERSCRIPT TWO}, of the fitted line: what vibration adds.
    exponent
        Mean local exponent within the window.
    sigma_bootstrap, sigma_blocks
        cm\N{SUPERSCRIPT TWO}/s, other standard errors: by resampling the atoms, and from the scatter between blocks of
        time; nan with fewer than eight atoms, or three blocks of three times the shortest lag of the window.
    blocks
        Number of these blocks of time.
    widening
        Factor by which ``sigma`` was widened, since atoms or blocks of time differ by more than chance.
    p_value
        Chance of a straight line fitting as badly as this one, under the covariance.
    upper_limit
        cm\N{SUPERSCRIPT TWO}/s, 95 % upper limit of D, also where the ions are caged or sub-diffusive; nan where the
        motion is still speeding up.
    temperature
        K, as given.
    duration
        ps of trajectory.
    """

    species: str
    kind: str
    D: float
    sigma: float
    supported: bool
    reason: str
    window: tuple[float, float]
    intercept: float
    exponent: float
    sigma_bootstrap: float
    sigma_blocks: float
    blocks: int
    widening: float
    p_value: float
    upper_limit: float
    temperature: float
    duration: float
    walkers: int
    method: str = "windowed MSD over all origins; generalised least squares with the MSD's own covariance"
    curve: Curve | None = field(default=None, repr=False)

    def __str__(self) -> str:
        at = f" at {self.temperature:g} K" if np.isfinite(self.temperature) else ""
        name = f"D({self.species}){' collective' if self.kind == 'collective' else ''}{at}"
        if not self.supported:
            slope = f"{self.D:.1e} ± {self.sigma:.1e} cm^2/s, " if np.isfinite(self.D) else ""
            limit = f" ({slope}below {self.upper_limit:.1e} cm^2/s at 95 %)" if np.isfinite(self.upper_limit) else ""
            return f"{name}: {self.reason}{limit}"
        others = {f"{self.blocks} blocks": self.sigma_blocks, "bootstrap": self.sigma_bootstrap}
        beside = ", ".join(f"{what} ± {sigma:.1e}" for what, sigma in others.items() if np.isfinite(sigma))
        return (
            f"{name} = {self.D:.3e} ± {self.sigma:.1e} cm^2/s (lags {self.window[0]:.3g}-{self.window[1]:.3g} ps of "
            f"{self.duration:.4g} ps, exponent {self.exponent:.2f}{'; ' if beside else ''}{beside})"
        )


def diffusivity(
    trajectory: Trajectory,
    species: str,
    *,
    temperature: float = np.nan,
    window: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
) -> Diffusivity:
    """Return the self-diffusion coefficient of a species.

    Parameters
    ----------
    trajectory
        Unwrapped; drift is the caller's choice, see `Trajectory.without_drift`.
    species
        Chemical symbol.
    temperature
        K; only carried along.
    window
        ps, first and last lag of the fit; found from the local exponent where left out.
    tolerance
        How far from 1 a local exponent may be.

    Returns
    -------
    Diffusivity
        With error, window and reasons; an upper limit where the motion is not diffusive.

    Notes
    -----
    The displacement is fitted by 6 D t + c over the window; see `oxyspy.dynamics.fitting` for weights and error. The
    window starts at the first lag after which every local exponent that the data can decide is 1 within ``tolerance``
    and 2.5 of its standard errors, or later where a straight line fits badly; it ends at half of the trajectory. Ions
    that rattle in cages add a constant to the displacement, which lowers the exponent: where no window is found, one is
    looked for in which the displacement is a constant and a power of the lag, with an exponent of 1 within
    ``tolerance`` that is known to half of it.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, diffusivity
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> found = diffusivity(walk, "O", temperature=2000.0)
    >>> truth = 0.1**2 / (2 * 20.0) * 1e-1
    >>> bool(abs(found.D - truth) < 3 * found.sigma)
    True
    """
    return _estimate(trajectory.of(species), 1, trajectory, species, "self", temperature, window, tolerance)


def collective_diffusivity(
    trajectory: Trajectory,
    species: str,
    *,
    temperature: float = np.nan,
    window: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
) -> Diffusivity:
    """Return the diffusion coefficient of the summed displacement of a species, per atom.

    It is what a current of the species measures; the self-diffusion coefficient over it is the Haven ratio. One path
    has one walker's statistics, so the error is as many times larger as the square root of the number of atoms.

    Parameters
    ----------
    trajectory, species, temperature, window, tolerance
        As in `diffusivity`.

    Returns
    -------
    Diffusivity
        Of kind ``"collective"``.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, collective_diffusivity
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> collective_diffusivity(walk, "O").kind
    'collective'
    """
    path = kernels.collective_path(trajectory.of(species))[:, None, :]
    atoms = len(trajectory.indices(species))
    return _estimate(path, atoms, trajectory, species, "collective", temperature, window, tolerance)


@dataclass(frozen=True)
class HavenRatio(Result):
    """Self over collective diffusion coefficient of a species, with its standard error; nan without support."""

    species: str
    value: float
    sigma: float
    reason: str

    def __str__(self) -> str:
        return (
            f"Haven ratio of {self.species}: {self.value:.2f} ± {self.sigma:.2f}" if self.reason == "" else self.reason
        )


def haven_ratio(trajectory: Trajectory, species: str, *, single: Diffusivity | None = None) -> HavenRatio:
    """Return D(self)/D(collective) of a species, both over the self-diffusion's window.

    Parameters
    ----------
    trajectory
        Unwrapped; the collective motion is that in its frame.
    species
        Chemical symbol.
    single
        The self-diffusion coefficient, where it is known already.

    Returns
    -------
    HavenRatio
        With its standard error.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, haven_ratio
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> found = haven_ratio(walk, "O")
    >>> bool(abs(found.value - 1) < 3 * found.sigma)
    True
    """
    single = diffusivity(trajectory, species) if single is None else single
    if not single.supported:
        return HavenRatio(species, np.nan, np.nan, f"no Haven ratio: {single.reason}")
    whole = collective_diffusivity(trajectory, species, window=single.window)
    if not whole.D > 1e-9 * single.D:
        return HavenRatio(species, np.nan, np.nan, f"no Haven ratio: the centre of all {species} was held still")
    if whole.D - 2 * whole.sigma <= 0:
        reason = f"no Haven ratio: the collective D, {whole.D:.1e} ± {whole.sigma:.1e} cm^2/s, is not apart from 0"
        return HavenRatio(species, np.nan, np.nan, reason)
    value = single.D / whole.D
    return HavenRatio(species, value, value * np.hypot(single.sigma / single.D, whole.sigma / whole.D), "")


def combine(runs: Sequence[Diffusivity]) -> tuple[float, float, float]:
    """Combine independent runs at one temperature as the study does.

    Parameters
    ----------
    runs
        Of one species, at one temperature.

    Returns
    -------
    D
        cm\N{SUPERSCRIPT TWO}/s, geometric mean.
    sigma
        Standard error of the mean, from the scatter of log D between runs, or from the run's own error if it is one.
    spread
        Standard deviation of ln D between runs, the weight of the study's Arrhenius fit; nan for one run.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, combine, diffusivity
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> D, sigma, spread = combine([diffusivity(walk, "O", temperature=2000.0)])
    >>> print(f"{D:.1e} cm2/s")
    2.5e-05 cm2/s
    """
    good = [run for run in runs if run.supported and run.D > 0]
    if not good:
        return np.nan, np.nan, np.nan
    logs = np.log([run.D for run in good])
    D = float(np.exp(logs.mean()))
    own = float(np.sqrt(np.sum([(run.sigma / run.D) ** 2 for run in good])) / len(good))
    if len(good) == 1:
        return D, D * own, np.nan
    spread = float(logs.std(ddof=1))
    # three runs may agree by chance: their scatter never makes the mean better than their own errors do
    return D, D * max(spread / np.sqrt(len(good)), own), spread


def upper_limit(D: float, sigma: float) -> float:
    """Return the 95 % upper limit of a diffusion coefficient that cannot be negative.

    Notes
    -----
    Few hops follow Poisson's law, whose error grows with the true D: a D that came out low by chance has too small an
    error with it. Up to 60 % of D the limit is that of a normal error of ln D, which is near Poisson's exact one (six
    hops: 11.7 and 11.8); beyond, the rest of the error adds to it as to any number.
    """
    D = max(D, 0.0)
    share = min(sigma, 0.6 * D)
    return float((D * np.exp(1.645 * share / D) if D else 0.0) + 1.645 * (sigma - share))


def _estimate(
    positions: np.ndarray,
    scale: int,
    trajectory: Trajectory,
    species: str,
    kind: str,
    temperature: float,
    window: tuple[float, float] | None,
    tolerance: float,
) -> Diffusivity:
    """Return D of independent walkers; ``scale`` is how many atoms each of them sums."""
    measured = kernels.mean_squared_displacement(positions) / scale
    moves = measured.max() > AT_REST
    lags = kernels.spaced_lags(1, max(int(LONGEST * (len(measured) - 1)), 1), 90)
    frames, step = len(measured), trajectory.interval / 1000.0
    walkers = positions.shape[1]
    sigma_curve = measured[lags] * np.sqrt(kernels.relative_variance(lags, frames, walkers))
    exponent = kernels.local_exponent(lags, measured)
    exponent_sigma = np.sqrt(kernels.relative_variance(np.minimum(2 * lags, frames - 1), frames, walkers)) / np.log(2)
    curve = Curve(lags * step, measured[lags], sigma_curve, exponent, exponent_sigma)
    common = {
        "species": species,
        "kind": kind,
        "temperature": float(temperature),
        "duration": trajectory.duration,
        "walkers": walkers,
        "curve": curve,
    }

    if window is not None:
        ends = tuple(int(round(t / step)) for t in window)
        if not 1 <= ends[0] < ends[1] < frames:
            raise InputError(
                f"window {window[0]:g}-{window[1]:g} ps: needed two rising lags within {step:g} and "
                f"{step * (frames - 1):g} ps"
            )
        supported, reason = True, "diffusive window as given"
    else:
        ends, supported, reason = find_window(measured, step, lags, curve, walkers, tolerance)
    if not moves:
        ends, supported, reason = None, False, "they do not move: held in place, or their own centre of mass is held"
    if ends is None:
        unknown = dict.fromkeys(
            ["D", "sigma", "intercept", "exponent", "sigma_bootstrap", "sigma_blocks", "widening", "p_value",
             "upper_limit"], np.nan,
        )  # fmt: skip
        return Diffusivity(**common, **unknown, blocks=0, supported=False, reason=reason, window=(np.nan, np.nan))

    fit, weights, errors, p_value = fit_window(
        measured, step, *ends, walkers, fixed=window is not None or not supported
    )
    if fit[0] > ends[0]:
        reason = f"{reason}; fitted from {fit[0] * step:.3g} ps on, where a straight line fits"
    slope, intercept = weights @ measured[fit]
    unit = ANGSTROM2_PER_PS / 6
    sigma = formal = unit * np.sqrt(errors[0, 0])
    sigma_bootstrap = np.nan
    if walkers >= 8:
        single = unit * weights[0] @ kernels.atomwise_displacement(positions, fit)
        drawn = np.random.default_rng(0).integers(0, walkers, (1000, walkers))
        sigma_bootstrap = float(single[drawn].mean(axis=1).std(ddof=1))
    excess, blocks = block_scatter(positions, measured * scale, fit, step)
    sigma_blocks = excess * formal
    # atoms in fast and slow places, and slow changes in time, make D less certain than walkers that are all alike
    for other, samples in ((sigma_bootstrap, walkers), (sigma_blocks, blocks)):
        if samples > 1 and (other / formal) ** 2 > 1 + 3 * np.sqrt(2 / (samples - 1)):
            sigma = max(sigma, other)
    inside = (lags >= fit[0]) & (2 * lags <= fit[-1])
    D = unit * slope
    limit = upper_limit(D, float(np.nanmax([sigma, sigma_bootstrap, sigma_blocks])))
    return Diffusivity(
        **common,
        # of motion that is still slowing down the slope is a limit and no D
        D=float(D) if supported or reason.startswith("caged") else np.nan,
        sigma=float(sigma),
        supported=supported,
        reason=reason,
        window=(float(fit[0] * step), float(fit[-1] * step)),
        intercept=float(intercept),
        exponent=float(np.mean(exponent[inside])) if inside.any() else np.nan,
        sigma_bootstrap=sigma_bootstrap,
        sigma_blocks=float(sigma_blocks),
        blocks=blocks,
        widening=float(sigma / formal),
        p_value=p_value,
        upper_limit=limit,
    )
