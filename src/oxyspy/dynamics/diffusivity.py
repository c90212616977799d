"""Diffusion coefficients from mean squared displacements, each with its error, its window and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import chdtrc

from oxyspy.dynamics import msd as kernels
from oxyspy.dynamics.trajectories import Trajectory
from oxyspy.errors import InputError
from oxyspy.results import Result

# Å^2/ps in cm^2/s
ANGSTROM2_PER_PS = 1e-4
# an exponent within this of 1 counts as diffusive, beside 2.5 of its standard errors
TOLERANCE = 0.2
# an exponent known less well than this decides nothing
DECISIVE = 0.2
# lags enter a fit up to this share of the trajectory
LONGEST = 0.5
FIT_LAGS = 16
# a line that fits worse than this share of lines by chance does not fit
BAD_FIT = 0.01


@dataclass(frozen=True)
class Curve(Result):
    """A mean squared displacement on lags evenly spaced in the logarithm.

    Attributes
    ----------
    lag
        ps.
    msd, sigma
        Å\N{SUPERSCRIPT TWO}, with the standard error of free diffusion.
    exponent
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
    sigma_atoms, sigma_bootstrap, sigma_blocks
        cm\N{SUPERSCRIPT TWO}/s, other standard errors: from the scatter between atoms, by resampling atoms, and
        from the scatter between blocks of time; nan where there are too few.
    widening
        Factor by which ``sigma`` was widened, since atoms differ by more than chance.
    p_value
        Chance of a straight line fitting as badly as this one, under the covariance.
    upper_limit
        cm\N{SUPERSCRIPT TWO}/s, 95 % upper limit of D, also where the ions are caged.
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
    sigma_atoms: float
    sigma_bootstrap: float
    sigma_blocks: float
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
            slope = f" ({self.D:.1e} ± {self.sigma:.1e} cm^2/s, below {self.upper_limit:.1e} at 95 %)"
            return f"{name}: {self.reason}{slope if np.isfinite(self.D) else ''}"
        return (
            f"{name} = {self.D:.3e} ± {self.sigma:.1e} cm^2/s (lags {self.window[0]:.3g}-{self.window[1]:.3g} ps of "
            f"{self.duration:.4g} ps, exponent {self.exponent:.2f}; blocks ± {self.sigma_blocks:.1e}, "
            f"atoms ± {self.sigma_atoms:.1e})"
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

    Notes
    -----
    The displacement is fitted by 6 D t + c over the window; see `fit_line` for weights and error. The window starts at
    the first lag after which every local exponent that the data can decide is 1 within ``tolerance`` and 2.5
    of its standard errors, or later where a straight line fits badly; it ends at half of the trajectory.
    """
    positions = trajectory.of(species)
    measured = kernels.mean_squared_displacement(positions)
    lags = kernels.spaced_lags(1, max(int(LONGEST * (len(measured) - 1)), 1), 90)
    atomwise = kernels.atomwise_displacement(positions, lags)
    return _estimate(
        measured, atomwise, lags, trajectory, species, "self", temperature, window, tolerance, positions=positions
    )


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
    """
    path = kernels.collective_path(trajectory.of(species))[:, None, :]
    atoms = len(trajectory.indices(species))
    measured = kernels.mean_squared_displacement(path) / atoms
    lags = kernels.spaced_lags(1, max(int(LONGEST * (len(measured) - 1)), 1), 90)
    return _estimate(measured, None, lags, trajectory, species, "collective", temperature, window, tolerance, path)


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


def haven_ratio(trajectory: Trajectory, species: str) -> HavenRatio:
    """Return D(self)/D(collective) of a species, both over the self-diffusion's window."""
    single = diffusivity(trajectory, species)
    if not single.supported:
        return HavenRatio(species, np.nan, np.nan, f"no Haven ratio: {single.reason}")
    whole = collective_diffusivity(trajectory, species, window=single.window)
    if whole.D < 1e-9 * single.D:
        return HavenRatio(species, np.nan, np.nan, f"no Haven ratio: the centre of all {species} was held still")
    if whole.D - 2 * whole.sigma <= 0:
        reason = f"no Haven ratio: the collective D, {whole.D:.1e} ± {whole.sigma:.1e} cm^2/s, is not apart from 0"
        return HavenRatio(species, np.nan, np.nan, reason)
    value = single.D / whole.D
    return HavenRatio(species, value, value * np.hypot(single.sigma / single.D, whole.sigma / whole.D), "")


def fit_line(
    lags: np.ndarray, values: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float, float]:
    r"""Fit values = slope * lag + intercept by generalised least squares that a bent curve does not mislead.

    Returns
    -------
    weights
        Shape (2, k): ``weights @ values`` is slope and intercept, of these values or of any others.
    errors
        Covariance matrix of slope and intercept.
    chi2
        Weighted sum of squared residuals under the covariance as given, with ``k - 2`` degrees of freedom.
    excess
        Relative model error of each value that was added.

    Notes
    -----
    Displacements at neighbouring lags are so strongly correlated that their small differences, which the covariance
    holds for certain, would outvote the slope where the curve is bent a little. So, where the line fits worse than
    one in a hundred would by chance, an independent error :math:`\tau M` of each value is added, :math:`\tau` just
    large enough that :math:`\chi^2 = k - 2`.
    """
    design = np.stack([lags, np.ones(len(lags))], axis=1)
    freedom = max(len(lags) - 2, 1)

    def solve(excess: float):
        total = covariance + np.diag((excess * values) ** 2)
        spread = np.sqrt(np.diag(total))
        # eigenvalues of the correlation matrix below this are rounding, not information
        size, vectors = np.linalg.eigh(total / np.outer(spread, spread))
        kept = size > 1e-9 * size[-1]
        whiten = (vectors[:, kept] / np.sqrt(size[kept])).T / spread
        weights = np.linalg.pinv(whiten @ design) @ whiten
        residual = whiten @ (values - design @ (weights @ values))
        return weights, weights @ total @ weights.T, float(residual @ residual)

    weights, errors, chi2 = solve(0.0)
    if chdtrc(freedom, chi2) > BAD_FIT:
        return weights, errors, chi2, 0.0
    low, high = 1e-6, 1.0
    for _ in range(24):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if solve(middle)[2] > freedom else (low, middle)
    weights, errors, _ = solve(high)
    return weights, errors, chi2, high


def combine(runs: Sequence[Diffusivity]) -> tuple[float, float, float]:
    """Combine independent runs at one temperature as the study does.

    Returns
    -------
    D
        cm\N{SUPERSCRIPT TWO}/s, geometric mean.
    sigma
        Standard error of the mean, from the scatter of log D between runs, or from the run's own error if it is one.
    spread
        Standard deviation of ln D between runs, the weight of the study's Arrhenius fit; nan for one run.
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


def _estimate(
    measured, atomwise, lags, trajectory: Trajectory, species, kind, temperature, window, tolerance, positions
) -> Diffusivity:
    frames, step = len(measured), trajectory.interval / 1000.0
    walkers = 1 if atomwise is None else atomwise.shape[1]
    sigma_curve = measured[lags] * np.sqrt(kernels.relative_variance(lags, frames, walkers))
    exponent = kernels.local_exponent(lags, measured)
    exponent_sigma = np.sqrt(kernels.relative_variance(np.minimum(2 * lags, frames - 1), frames, walkers)) / np.log(2)
    curve = Curve(lags * step, measured[lags], sigma_curve, exponent, exponent_sigma)
    nothing = dict.fromkeys(
        ["intercept", "sigma_atoms", "sigma_bootstrap", "sigma_blocks", "widening", "p_value", "upper_limit"], np.nan
    )
    common = {
        "species": species,
        "kind": kind,
        "temperature": float(temperature),
        "duration": trajectory.duration,
        "walkers": walkers,
        "curve": curve,
    }

    if window is not None:
        first, last = (int(round(t / step)) for t in window)
        if not 1 <= first < last < frames:
            raise InputError(
                f"window {window[0]:g}-{window[1]:g} ps: needed two rising lags within {step:g} and "
                f"{step * (frames - 1):g} ps"
            )
        supported, reason = True, "diffusive window as given"
    else:
        first, last, supported, reason = _diffusive_window(lags, curve, tolerance)
        if first is None:
            return Diffusivity(
                **common,
                **nothing,
                D=np.nan,
                sigma=np.nan,
                supported=False,
                reason=reason,
                window=(np.nan, np.nan),
                exponent=np.nan,
            )

    fit, weights, slope, intercept, error, p_value = _fit_window(
        measured, step, first, last, walkers, fixed=window is not None or not supported
    )
    inside = (lags >= fit[0]) & (2 * lags <= fit[-1])
    mean_exponent = float(np.mean(exponent[inside])) if inside.any() else np.nan
    D, sigma = slope / 6 * ANGSTROM2_PER_PS, error / 6 * ANGSTROM2_PER_PS

    sigma_atoms = sigma_bootstrap = np.nan
    widening = 1.0
    if positions is not None and walkers >= 8:
        single = weights @ kernels.atomwise_displacement(positions, fit) / 6 * ANGSTROM2_PER_PS
        sigma_atoms = float(single.std(ddof=1) / np.sqrt(walkers))
        drawn = np.random.default_rng(0).integers(0, walkers, (1000, walkers))
        sigma_bootstrap = float(single[drawn].mean(axis=1).std(ddof=1))
        # atoms in fast and slow places make the mean less certain than walkers that are all alike
        if (sigma_atoms / sigma) ** 2 > 1 + 3 * np.sqrt(2 / (walkers - 1)):
            widening = sigma_atoms / sigma
            sigma = sigma_atoms
    sigma_blocks = _block_error(positions, fit, step, weights) if positions is not None else np.nan
    if kind == "collective":
        sigma_blocks /= len(trajectory.indices(species))
    return Diffusivity(
        **common,
        D=float(D),
        sigma=float(sigma),
        supported=supported,
        reason=reason,
        window=(float(fit[0] * step), float(fit[-1] * step)),
        intercept=float(intercept),
        exponent=mean_exponent,
        sigma_atoms=sigma_atoms,
        sigma_bootstrap=sigma_bootstrap,
        sigma_blocks=sigma_blocks,
        widening=float(widening),
        p_value=p_value,
        upper_limit=float(max(D, 0.0) + 1.645 * sigma),
    )


def _fit_window(measured, step, first, last, walkers, fixed):
    """Fit the line; where it fits badly, start later, as long as a window of a factor of four remains."""
    while True:
        stride = max(1, first // 8)
        fit = stride * kernels.spaced_lags(-(-first // stride), last // stride, FIT_LAGS)
        growth = _growth(measured, fit, stride)
        covariance = kernels.displacement_covariance(fit // stride, growth, len(measured) // stride) * 3 / walkers
        weights, errors, misfit, _ = fit_line(fit * step, measured[fit], covariance)
        p_value = float(chdtrc(max(len(fit) - 2, 1), misfit))
        if fixed or p_value > BAD_FIT or first * 1.5 * 4 > last:
            slope, intercept = weights @ measured[fit]
            return fit, weights[0], slope, intercept, np.sqrt(errors[0, 0]), p_value
        first = int(np.ceil(first * 1.5))


def _growth(measured: np.ndarray, fit: np.ndarray, stride: int) -> np.ndarray:
    """Return the growth of the displacement along one dimension: as measured up to the window, then its line."""
    slope, intercept = np.polyfit(fit, measured[fit], 1, w=1 / np.maximum(fit, 1))
    lag = stride * np.arange(2 * len(measured) // stride + 2)
    line = np.maximum(intercept + max(slope, 0.0) * lag, 0.0)
    known = lag < fit[0]
    return np.where(known, measured[np.minimum(lag, fit[0])], line) / 3


def _diffusive_window(lags: np.ndarray, curve: Curve, tolerance: float) -> tuple[int | None, int | None, bool, str]:
    """Return first and last lag of the diffusive part, whether there is one, and why."""
    known = np.isfinite(curve.exponent) & (curve.exponent_sigma <= DECISIVE)
    if known.sum() < 3:
        best = np.nanmin(curve.exponent_sigma, initial=np.inf)
        reason = (
            f"too little data: the local exponent is known to ± {best:.2f} at best; run longer (± {DECISIVE} needed)"
        )
        return None, None, False, reason
    exponent, sigma, time = curve.exponent[known], curve.exponent_sigma[known], curve.lag[known]
    failures = np.flatnonzero(np.abs(exponent - 1) > tolerance + 2.5 * sigma)
    start = failures[-1] + 1 if len(failures) else 0
    last = int(lags[-1])
    if start < len(time) and last >= 4 * lags[known][start]:
        reason = f"diffusive from {time[start]:.3g} ps on: local exponents within {tolerance:g} of 1"
        return int(lags[known][start]), last, True, reason
    # the end of what can be decided speaks for the whole
    tail = exponent[-max(3, len(exponent) // 8) :].mean()
    height = np.interp(time[-1], curve.lag, curve.msd)
    growth = f"the displacement grows as lag^{tail:.2f} at {time[-1]:.3g} ps, where it is {height:.3g} Å^2"
    if tail > 0.5:
        kind = "ballistic" if tail > 1.5 else "faster than diffusion" if tail > 1 + tolerance else "sub-diffusive"
        return None, None, False, f"{kind}: {growth}; no diffusion coefficient can be read from it, run longer"
    # the last three octaves, where a slow escape would show
    return max(last // 8, 1), last, False, f"caged: {growth}; D is not measured but limited"


def _block_error(positions: np.ndarray, fit: np.ndarray, step: float, weights: np.ndarray) -> float:
    """Return the standard error of D from the scatter between blocks of time; nan with fewer than four blocks."""
    frames = len(positions)
    blocks = min(frames // (8 * int(fit[0])), 10)
    if blocks < 4:
        return np.nan
    length = frames // blocks
    inside = fit[fit <= length // 2]
    if len(inside) < 3:
        return np.nan
    covariance = kernels.displacement_covariance(
        inside // (stride := max(1, int(fit[0]) // 8)), np.arange(2 * length // stride + 2.0), length // stride
    )
    # only so large that the line's misfit is judged by the right measure
    walkers = positions.shape[1]
    slopes = []
    for k in range(blocks):
        measured = kernels.mean_squared_displacement(positions[k * length : (k + 1) * length])
        scale = (measured[inside[-1]] / inside[-1]) ** 2 * stride**2 / 3 / walkers
        line, _, _, _ = fit_line(inside * step, measured[inside], scale * covariance)
        slopes.append(line[0] @ measured[inside])
    return float(np.std(slopes, ddof=1) / np.sqrt(blocks) / 6 * ANGSTROM2_PER_PS)
