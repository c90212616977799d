"""The EELS chain on the arrays of one scan: prepare once, then measure edge by edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.alignment import sharpness, split_drift, take_moved
from oxyspy.eels.background import PowerLaw, fit_power_law
from oxyspy.eels.background_quality import longest_window, reduced_deviance
from oxyspy.eels.calibration import Calibration, calibrate
from oxyspy.eels.cleaning import Cleaning, bright, clean, clean_low_loss, roll_off, saturated
from oxyspy.eels.deconvolution import MAX_T_OVER_LAMBDA, resample_low_loss
from oxyspy.eels.edges import Edge, edge
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.maxima import LinePositions, find_maxima, smoothed, smoothing_ev
from oxyspy.eels.moving_windows import with_moving_windows
from oxyspy.eels.pre_edge import method_words, pre_edge_functionals
from oxyspy.eels.self_check import Variants, half_weights
from oxyspy.eels.tracking import track_maxima
from oxyspy.eels.valence import ValenceCalibration, load_calibration
from oxyspy.eels.white_lines import WhiteLineMethod, WhiteLines, line_weights, white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import ZeroLoss, coarse_words, find_zero_loss
from oxyspy.errors import InputError
from oxyspy.workflow.recipe import Recipe
from oxyspy.workflow.segments import Segment, background_window, cut_segment

# share of low-loss spectra that may be saturated before none is used
MOST_SATURATED = 0.25
# low losses of another scan with more than this share of its larger t/λ speak for the cathode, not vacuum or coating
MATERIAL_SHARE = 0.75


@dataclass(frozen=True)
class Prepared:
    """A scan cleaned, calibrated and aligned, ready to be measured.

    Attributes
    ----------
    counts : array, shape (rows, positions, n)
        Core-loss counts, spikes replaced.
    energy : array, shape (n,)
        Calibrated axis in eV.
    start_ev : float
        First energy clear of the detector's roll-off.
    valid, bright : array of bool, shape (rows, positions)
        Spectra with numbers; spectra with signal.
    moved, rest : array, shape (rows, positions)
        Drift in whole channels and what they left over, in eV.
    low : array, shape (rows or 1, positions or 1, m), or None
        Low loss on the core loss's dispersion; None where none was given or most are saturated.
    zero_loss : ZeroLoss or None
    calibration : Calibration
    cleaning : Cleaning
    low_cleaning : Cleaning or None
        Of the low loss.
    masked : tuple of tuple of float
        Ranges in eV of dead or hot channels that were filled, but on which nothing is measured.
    warnings : tuple of str
    """

    counts: NDArray
    energy: NDArray
    start_ev: float
    valid: NDArray
    bright: NDArray
    moved: NDArray
    rest: NDArray
    low: NDArray | None
    low_energy: NDArray | None
    zero_loss: ZeroLoss | None
    calibration: Calibration
    cleaning: Cleaning
    low_cleaning: Cleaning | None
    masked: tuple[tuple[float, float], ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Comparable:
    """An edge measured once more, in the way a valence calibration was.

    Attributes
    ----------
    calibration : ValenceCalibration
    method : WhiteLineMethod
    functionals : Functionals
        Of every spectrum, shape (rows, positions, k).
    """

    calibration: ValenceCalibration
    method: WhiteLineMethod
    functionals: Functionals


@dataclass(frozen=True)
class Fixed:
    """White lines in windows that stand at the same energies for all spectra: their first moments tell of shifts.

    Attributes
    ----------
    l3, l2 : float
        Where the windows stand, in eV: at the maxima of all spectra added up.
    functionals : Functionals
        Of every spectrum, shape (rows, positions, k).
    """

    l3: float
    l2: float
    functionals: Functionals


@dataclass(frozen=True)
class EdgeMeasurement:
    """One edge measured along a scan.

    Attributes
    ----------
    edge : Edge
    fingerprint : str
        Method of the numbers.
    functionals : Functionals
        Of every spectrum, shape (rows, positions, k).
    method : WhiteLineMethod or None
        None for O K.
    lines : WhiteLines or None
        Rows summed, shape (positions,); None for O K.
    positions : LinePositions or None
    background : PowerLaw
    noise : float
        Variance over mean of the counts, from the background's residuals.
    deviance : float
        Reduced deviance of a power law fitted to the sum of all spectra with signal, over the noise: 1 where that is
        all there is, to counting noise of the whole scan.
    energy : array, shape (n,)
        Axis of the segment, in eV.
    counts, spectra : array, shape (rows, positions, n)
        Raw counts, and net (deconvolved) ones.
    comparable : Comparable or None
        For the valence, where the recipe names a calibration.
    no_valence : str
        Why it could not be measured in that calibration's way.
    deconvolution : dict
        ``deconvolution`` and ``gaussian_fwhm`` of the recipe as used.
    subtracted : PowerLaw or None
        The power laws that were taken off single scattering, where that was deconvolved before; ``background`` then
        only tells the noise.
    deconvolved_from_ev : float or None
        From where on, then.
    variants : Variants or None
        For the self-check; None for O K.
    fixed : Fixed or None
        For the witnesses that are positions; None for O K.
    """

    edge: Edge
    fingerprint: str
    functionals: Functionals
    method: WhiteLineMethod | None
    lines: WhiteLines | None
    positions: LinePositions | None
    background: PowerLaw
    noise: float
    deviance: float
    energy: NDArray
    counts: NDArray
    spectra: NDArray
    comparable: Comparable | None = None
    deconvolution: Mapping[str, Any] = field(default_factory=dict)
    subtracted: PowerLaw | None = None
    deconvolved_from_ev: float | None = None
    variants: Variants | None = None
    fixed: Fixed | None = None
    no_valence: str = ""

    @property
    def along(self) -> Functionals:
        """Rows summed, shape (positions, k)."""
        return self.functionals.sum(axis=0)


def prepare(
    counts: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    recipe: Recipe,
    masked: tuple[int, ...] = (),
) -> Prepared:
    """Clean, calibrate and align one scan.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        Core-loss counts.
    energy : array, shape (n,)
        Its axis as recorded, in eV.
    low, low_energy : array, shape (rows, positions, m) and (m,), optional
        Low loss of the same positions, or one spectrum for all.
    recipe : Recipe
    masked : tuple of int
        Channels that were made up before, beside those that cleaning makes up.

    Raises
    ------
    InputError
        No spectrum with signal.
    """
    warnings: list[str] = []
    step = dispersion(energy)
    counts, valid, cleaning = clean(np.asarray(counts, np.float32), step)
    cleaning = replace(cleaning, masked_channels=tuple(sorted({*cleaning.masked_channels, *masked})))
    shining = bright(counts, valid)
    if not shining.any():
        raise InputError("no spectrum of the core loss holds any signal: empty, constant, saturated, or not finite")
    warnings += cleaning.in_words()
    low, low_energy, zero_loss, low_cleaning = _low_loss(low, low_energy, counts.shape[:2], step, warnings)
    drift = np.zeros(counts.shape[:2])
    if zero_loss is not None and low.shape[:2] == counts.shape[:2]:
        drift = zero_loss.position - np.nanmedian(zero_loss.position)
    moved, rest = split_drift(drift, step)
    if not _drift_helps(counts, shining, moved, recipe, warnings):
        moved, rest = split_drift(np.zeros(counts.shape[:2]), step)
    total = take_moved(counts, 0, energy.size, moved)[shining].sum(0, dtype=float)
    calibration = calibrate(total, energy, landmarks=recipe.landmarks)
    start = roll_off(energy, total)
    if start > energy[0]:
        warnings.append(f"detector roll-off: the first {start - energy[0]:.0f} eV of the axis are left out")
    return Prepared(
        counts, calibration(energy), float(calibration(start)), valid, shining, moved, rest * calibration.factor,
        low, low_energy, zero_loss, calibration, cleaning, low_cleaning,
        _masked(cleaning.masked_channels, calibration(energy), moved), tuple(warnings),
    )  # fmt: skip


def _masked(channels: tuple[int, ...], energy: NDArray, moved: NDArray) -> tuple[tuple[float, float], ...]:
    """Ranges in eV of masked channels, wherever drift has brought them."""
    if not channels:
        return ()
    step = dispersion(energy)
    runs = np.split(np.array(channels), np.flatnonzero(np.diff(channels) > 1) + 1)
    low, high = (int(moved.max()) + 0.5) * step, (0.5 - int(moved.min())) * step
    return tuple((float(energy[run[0]] - low), float(energy[run[-1]] + high)) for run in runs)


def _low_loss(
    low: NDArray | None, energy: NDArray | None, shape: tuple[int, int], step: float, warnings: list[str]
) -> tuple[NDArray | None, NDArray | None, ZeroLoss | None, Cleaning | None]:
    """Low loss cleaned, and on the core loss's dispersion, its axis, zero-loss peaks and cleaning; None without one."""
    if low is None:
        return None, energy, None, None
    low, cleaning = clean_low_loss(np.asarray(low, np.float32), energy)
    warnings += cleaning.in_words("low-loss ")
    clipped = saturated(low)
    if clipped.any():
        warnings.append(
            f"the zero-loss peak is saturated in {clipped.sum()} of {clipped.size} low-loss spectra, which are not "
            "used: record the low loss with a shorter exposure"
        )
        low = np.where(clipped[..., None], 0, low)
    # without its peak a spectrum tells no t/λ; without a share of them that speaks for the line nothing is
    if clipped.mean() > MOST_SATURATED:
        return None, energy, None, cleaning
    recorded = dispersion(energy)
    try:
        low, energy = resample_low_loss(_low_loss_like(low, energy, shape, warnings), energy, step)
        zero_loss = find_zero_loss(low, energy, recorded=recorded)
    except InputError as error:
        warnings.append(f"the low loss is not used: {error}")
        return None, energy, None, cleaning
    if zero_loss.coarse:
        warnings.append(coarse_words(zero_loss.fwhm, recorded))
    if (thick := zero_loss.t_over_lambda > MAX_T_OVER_LAMBDA).any():
        warnings.append(
            f"t/λ above {MAX_T_OVER_LAMBDA:g} at {thick.sum()} of {thick.size} positions: hardly any single scattering "
            "is left to recover there, and nothing is measured"
        )
    return low, energy, zero_loss, cleaning


def _low_loss_like(low: NDArray, energy: NDArray, shape: tuple[int, int], warnings: list[str]) -> NDArray:
    """Low loss of the scan's shape, or, where the shapes differ, the mean of the thicker ones for all positions."""
    if low.shape[:2] == shape or low.shape[:2] == (1, 1):
        return low
    thickness = find_zero_loss(low, energy).t_over_lambda
    known = np.isfinite(thickness)
    lies_in = known & (thickness > MATERIAL_SHARE * np.quantile(thickness[known], 0.9))
    warnings.append(
        f"the low loss has {low.shape[0]} x {low.shape[1]} positions, the core loss {shape[0]} x {shape[1]}: the mean "
        f"of its {lies_in.sum()} thicker spectra, of t/λ from {thickness[lies_in].min():.2f} to "
        f"{thickness[lies_in].max():.2f}, is used for all"
    )
    return low[lies_in].mean(0)[None, None]


def _drift_helps(counts: NDArray, shining: NDArray, moved: NDArray, recipe: Recipe, warnings: list[str]) -> bool:
    """Whether moving core losses with their zero-loss peaks is asked for, or makes the summed edges sharper."""
    if recipe.drift == "none" or not moved.any():
        return False
    if recipe.drift == "zero_loss":
        return True
    as_is = sharpness(counts[shining].sum(0, dtype=float))
    aligned = sharpness(take_moved(counts, 0, counts.shape[-1], moved)[shining].sum(0, dtype=float))
    spread = int(moved.max() - moved.min())
    if aligned > as_is:
        warnings.append(f"core losses moved with their zero-loss peaks, which drift over {spread} channels")
    elif spread > 1:
        warnings.append(
            f"zero-loss peaks drift over {spread} channels, but moving the core losses along makes their edges no "
            "sharper: low and core loss were not recorded together"
        )
    return aligned > as_is


def measure_white_lines(scan: Prepared, name: str, recipe: Recipe, check: bool = True) -> EdgeMeasurement:
    """Measure L3 and L2 of one edge at every position; with ``check`` also in the ways that `SelfCheck` compares.

    Raises
    ------
    InputError
        The edge is not on the axis, its windows do not fit, or it shows no L3 maximum.
    """
    item = edge(name)
    if name in recipe.landmarks:
        item = replace(item, energy=recipe.landmarks[name][0])
    method = recipe.method(name, None if scan.zero_loss is not None else "none")
    if method.positions and not scan.calibration.absolute:
        raise InputError(f"{name}: windows at given energies need a calibrated axis: {scan.calibration.method}")
    if recipe.edges[name].background == "auto":
        window = _longest_window(scan, item, method.background[1])
    else:
        window = background_window(scan, method.background, name)
    method = replace(method, background=window)
    segment = cut_segment(
        scan, item, window, method.post[1], method.deconvolution, method.gaussian_fwhm,
        method=method.background_method,
    )  # fmt: skip
    counts, energy, background, kernel = segment.counts, segment.energy, segment.background, segment.kernel
    near = next((scan.calibration(found.recorded_ev) for found in scan.calibration.edges if found.name == name), None)
    positions = track_maxima(counts, energy, background, item, method, kernel=kernel, noise=segment.noise, near=near)
    functionals = _at_maxima(scan, segment, positions, method)
    whole = _maxima_of_sum(segment.spectra[scan.bright], energy, item, near)
    fixed = _only(segment.lines(*(at - scan.rest for at in method.places(*np.array(whole))), method), scan.valid)
    variants = _variants(scan, segment, positions, method) if check else None
    lines = white_lines(functionals.sum(axis=0), positions, method, dispersion(energy))
    fingerprint, below = method.fingerprint, segment.below
    begins = None if below is None else below.below.window[0]
    if below is not None:
        fingerprint += f"; plural scattering taken out from {begins:g} eV on, before the power law is fitted"
    comparable, why = _comparable(scan, item, segment, positions, recipe)
    return EdgeMeasurement(
        item, fingerprint, functionals, method, lines, positions, background, segment.noise,
        _deviance(scan, counts, energy, background, segment.noise), energy, counts, segment.spectra, comparable,
        subtracted=None if below is None else below.background, deconvolved_from_ev=begins, variants=variants,
        fixed=Fixed(*whole, fixed), no_valence=why,
    )  # fmt: skip


def _at_maxima(scan: Prepared, segment: Segment, positions: LinePositions, method: WhiteLineMethod) -> Functionals:
    """White lines in windows at the maxima, with the maxima's noise; ``nan`` for spectra that are no measurement."""
    at = (place - scan.rest for place in method.places(positions.l3, positions.l2))
    functionals = segment.lines(*at, method)
    return _only(with_moving_windows(functionals, segment.spectra, segment.energy, positions, method), scan.valid)


def _variants(scan: Prepared, segment: Segment, positions: LinePositions, method: WhiteLineMethod) -> Variants:
    """The same windows with halves of the post window, and on counts as recorded."""
    l3, l2 = (place - scan.rest for place in method.places(positions.l3, positions.l2))
    smoothing = smoothing_ev(segment.energy)
    halves = segment.measure(half_weights(segment.energy, l3, l2, method, smoothing))
    windows = line_weights(segment.energy, l3, l2, method, smoothing)[..., :2, :]
    recorded = measure(segment.counts, segment.energy, segment.background, windows, noise=segment.noise)
    return Variants(_only(halves, scan.valid), _only(recorded, scan.valid))


def _maxima_of_sum(spectra: NDArray, energy: NDArray, item: Edge, near: float | None) -> tuple[float, float]:
    """L3 and L2 maxima of all spectra added up; L2 at its usual distance where it has none."""
    smooth = smoothed(np.nansum(spectra, axis=0), energy, smoothing_ev(energy))
    l3, l2 = find_maxima(smooth, energy, item, near)
    l3 = float(l3) if np.isfinite(l3) else item.energy if near is None else near
    return l3, float(l2) if np.isfinite(l2) else l3 + sum(item.splitting) / 2


def _comparable(
    scan: Prepared, item: Edge, segment: Segment, positions: LinePositions, recipe: Recipe
) -> tuple[Comparable | None, str]:
    """The edge once more, in the way of the recipe's calibration and at the same maxima; or why not."""
    if item.name not in recipe.valence:
        return None, ""
    calibration = load_calibration(recipe.valence[item.name])
    own = recipe.method(item.name)
    wanted = calibration.method.deconvolution, calibration.method.gaussian_fwhm
    if wanted[0] == "single":
        # any Fourier ratio will do
        wanted = ("zero_loss", None) if own.deconvolution == "none" else (own.deconvolution, own.gaussian_fwhm)
    if wanted[0] != "none" and scan.zero_loss is None:
        return None, f"{item.name}: no valence, which needs a low loss: its standards show single scattering"
    method = replace(
        calibration.method, background=segment.background.window, deconvolution=wanted[0], gaussian_fwhm=wanted[1],
        background_method=own.background_method,
    )  # fmt: skip
    last = method.end(item)
    if (segment.deconvolution, segment.fwhm) != wanted or last > segment.last_ev:
        try:
            last = max(last, segment.last_ev)
            segment = cut_segment(scan, item, method.background, last, *wanted, method=own.background_method)
        except InputError as error:
            return None, f"{item.name}: no valence: measured in the calibration's way, {error}"
    return Comparable(calibration, method, _at_maxima(scan, segment, positions, method)), ""


def measure_oxygen(scan: Prepared, recipe: Recipe) -> EdgeMeasurement:
    """Measure the O K pre-edge and main edge at every position."""
    item = recipe.oxygen_edge()
    deconvolution = recipe.deconvolution if scan.zero_loss is not None else "none"
    window = background_window(scan, item.background, "O_K")
    fwhm = None if deconvolution == "zero_loss" else recipe.gaussian_fwhm
    segment = cut_segment(scan, item, window, item.main[1], deconvolution, fwhm, from_lowest=False)
    counts, energy, background, kernel = segment.counts, segment.energy, segment.background, segment.kernel
    functionals = pre_edge_functionals(
        counts, energy, background, item, shift=scan.rest, kernel=kernel, noise=segment.noise
    )
    fingerprint = method_words(item, window, deconvolution, fwhm)
    return EdgeMeasurement(
        item, fingerprint, _only(functionals, scan.valid), None, None, None, background, segment.noise,
        _deviance(scan, counts, energy, background, segment.noise), energy, counts, segment.spectra, None,
        {"deconvolution": deconvolution, "gaussian_fwhm": recipe.gaussian_fwhm},
    )  # fmt: skip


def _longest_window(scan: Prepared, item: Edge, end: float) -> tuple[float, float]:
    """The longest background window below an edge that holds a power law, clear of the edges found below it."""
    below = tuple(scan.calibration(e.recorded_ev) for e in scan.calibration.edges if e.name != item.name)
    counts = take_moved(scan.counts, 0, scan.energy.size, scan.moved)[scan.bright]
    below = tuple(e for e in below if e < item.energy)
    return longest_window(counts, scan.energy, end, scan.start_ev, below, item.background[0])


def _deviance(scan: Prepared, counts: NDArray, energy: NDArray, background: PowerLaw, noise: float) -> float:
    """Reduced deviance of the fit to the sum of spectra with signal, where a misfit shows best."""
    total = counts[scan.bright & np.isfinite(counts).all(-1)].sum(0, dtype=float)
    return float(reduced_deviance(total, energy, fit_power_law(total, energy, background.window), noise))


def _only(functionals: Functionals, valid: NDArray) -> Functionals:
    """``nan`` for spectra that are no measurement."""
    return Functionals(
        np.where(valid[..., None], functionals.values, np.nan),
        np.where(valid[..., None, None], functionals.covariance, np.nan),
    )
