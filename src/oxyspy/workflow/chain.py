"""The EELS chain on the arrays of one scan: prepare once, then measure edge by edge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.alignment import sharpness, split_drift, take_moved
from oxyspy.eels.background import PowerLaw, fit_power_law, pooled_dispersion, subtract
from oxyspy.eels.background_quality import longest_window, reduced_deviance
from oxyspy.eels.calibration import Calibration, calibrate
from oxyspy.eels.cleaning import Cleaning, bright, clean, roll_off, saturated
from oxyspy.eels.deconvolution import Kernel, deconvolve, fourier_ratio_kernel, resample_low_loss
from oxyspy.eels.edges import Edge, edge
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions
from oxyspy.eels.moving_windows import with_moving_windows
from oxyspy.eels.pre_edge import pre_edge_functionals
from oxyspy.eels.tracking import track_maxima
from oxyspy.eels.valence import ValenceCalibration, load_calibration
from oxyspy.eels.white_lines import WhiteLineMethod, WhiteLines, line_functionals, white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import ZeroLoss, find_zero_loss
from oxyspy.errors import InputError
from oxyspy.workflow.recipe import Recipe

# a background window cut short by the axis must still hold this much, in eV
LEAST_WINDOW_EV = 12.0
# behind the last window, so that no measured channel is near a segment's end, in zero-loss widths
MARGIN = 4.0


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
        Low loss on the core loss's dispersion.
    zero_loss : ZeroLoss or None
    calibration : Calibration
    cleaning : Cleaning
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
        Median reduced deviance of the background's fit, over the noise: 1 where a power law is all there is.
    energy : array, shape (n,)
        Axis of the segment, in eV.
    counts, spectra : array, shape (rows, positions, n)
        Raw counts, and net (deconvolved) ones.
    comparable : Comparable or None
        For the valence, where the recipe names a calibration.
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

    Raises
    ------
    InputError
        No spectrum with signal, or a low loss of another shape.
    """
    warnings: list[str] = []
    step = dispersion(energy)
    counts, valid, cleaning = clean(np.asarray(counts, np.float32))
    shining = bright(counts, valid)
    if not shining.any():
        raise InputError("no spectrum of the core loss holds any signal: empty, constant, saturated, or not finite")
    if cleaning.spikes:
        warnings.append(f"{cleaning.spikes} spike channels replaced by the mean of their neighbours")
    if cleaning.dead_channels:
        warnings.append(f"dead channels replaced by their neighbours in all spectra: {_listed(cleaning.dead_channels)}")
    if cleaning.saturated:
        warnings.append(f"{len(cleaning.saturated)} core-loss spectra are saturated and left out")
    if cleaning.not_finite:
        warnings.append(f"{cleaning.not_finite} channels held no finite number; their spectra are left out")
    zero_loss = None
    drift = np.zeros(counts.shape[:2])
    if low is not None:
        low = _low_loss_like(np.asarray(low, np.float32), counts.shape[:2], warnings)
        if clipped := int(saturated(low).sum()):
            warnings.append(
                f"the zero-loss peak is saturated in {clipped} of {low.shape[0] * low.shape[1]} low-loss spectra: "
                "t/λ comes out too high there, and intensities too low"
            )
        low, low_energy = resample_low_loss(np.nan_to_num(low), low_energy, step)
        zero_loss = find_zero_loss(low, low_energy)
        if low.shape[:2] == counts.shape[:2]:
            drift = zero_loss.position - np.nanmedian(zero_loss.position)
    moved, rest = split_drift(drift, step)
    if not _drift_helps(counts, shining, moved, recipe, warnings):
        moved, rest = split_drift(np.zeros(counts.shape[:2]), step)
    total = take_moved(counts, 0, energy.size, moved)[shining].sum(0, dtype=float)
    calibration = calibrate(total, energy, landmarks=recipe.landmarks)
    start = roll_off(energy, total)
    if start > energy[0]:
        warnings.append(f"detector roll-off: the first {start - energy[0]:.0f} eV of the axis are left out")
    if not calibration.absolute:
        warnings.append(f"energy axis not calibrated: {calibration.method}; absolute positions mean nothing")
    return Prepared(
        counts, calibration(energy), float(calibration(start)), valid, shining, moved, rest * calibration.factor,
        low, low_energy, zero_loss, calibration, cleaning, tuple(warnings),
    )  # fmt: skip


def _listed(channels: tuple[int, ...]) -> str:
    """Up to eight numbers in words."""
    more = f" and {len(channels) - 8} more" if len(channels) > 8 else ""
    return ", ".join(str(c) for c in channels[:8]) + more


def _low_loss_like(low: NDArray, shape: tuple[int, int], warnings: list[str]) -> NDArray:
    """Low loss of the scan's shape, or one mean spectrum for all positions where the shapes differ."""
    if low.shape[:2] == shape:
        return low
    if low.shape[:2] != (1, 1):
        warnings.append(
            f"the low loss has {low.shape[0]} x {low.shape[1]} positions, the core loss {shape[0]} x {shape[1]}: its "
            "mean is used for all"
        )
    return low.mean((0, 1), keepdims=True)


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


def measure_white_lines(scan: Prepared, name: str, recipe: Recipe) -> EdgeMeasurement:
    """Measure L3 and L2 of one edge at every position.

    Raises
    ------
    InputError
        The edge is not on the axis, its windows do not fit, or it shows no L3 maximum.
    """
    item = edge(name)
    if name in recipe.landmarks:
        item = replace(item, energy=recipe.landmarks[name][0])
    method = recipe.method(name, None if scan.zero_loss is not None else "none")
    if recipe.edges[name].background == "auto":
        window = _longest_window(scan, item, method.background[1])
    else:
        window = _background_window(scan, method.background, name)
    method = replace(method, background=window)
    counts, energy, kernel = _segment(scan, window[0], method.post[1], method.deconvolution, name, recipe)
    background, noise = _background(scan, counts, energy, window, name)
    near = next((scan.calibration(found.recorded_ev) for found in scan.calibration.edges if found.name == name), None)
    positions = track_maxima(counts, energy, background, item, method, kernel=kernel, noise=noise, near=near)
    rest = scan.rest
    functionals = line_functionals(
        counts, energy, background, positions.l3 - rest, positions.l2 - rest, method, kernel=kernel, noise=noise
    )
    spectra = _spectra(counts, energy, background, kernel)
    functionals = _only(with_moving_windows(functionals, spectra, energy, positions, method), scan.valid)
    return EdgeMeasurement(
        item, method.fingerprint, functionals, method, white_lines(functionals.sum(axis=0), positions, method),
        positions, background, noise, _deviance(scan, counts, energy, background, noise), energy, counts, spectra,
        _comparable(scan, counts, energy, background, positions, noise, name, recipe),
    )  # fmt: skip


def _comparable(scan, counts, energy, background, positions, noise, name: str, recipe: Recipe) -> Comparable | None:
    """The edge once more, in the way of the recipe's calibration and at the same maxima."""
    if name not in recipe.valence:
        return None
    calibration = load_calibration(recipe.valence[name])
    method = replace(calibration.method, background=background.window)
    if method.deconvolution != "none":
        raise InputError(f"{name}: a calibration of deconvolved standards needs the recipe's own windows")
    functionals = line_functionals(
        counts, energy, background, positions.l3 - scan.rest, positions.l2 - scan.rest, method, noise=noise
    )
    net = subtract(counts, energy, background)
    functionals = with_moving_windows(functionals, net, energy, positions, method)
    return Comparable(calibration, method, _only(functionals, scan.valid))


def measure_oxygen(scan: Prepared, recipe: Recipe) -> EdgeMeasurement:
    """Measure the O K pre-edge and main edge at every position."""
    item = edge("O_K")
    deconvolution = recipe.deconvolution if scan.zero_loss is not None else "none"
    window = _background_window(scan, item.background, "O_K")
    counts, energy, kernel = _segment(scan, window[0], item.main[1], deconvolution, "O_K", recipe)
    background, noise = _background(scan, counts, energy, window, "O_K")
    functionals = pre_edge_functionals(counts, energy, background, item, shift=scan.rest, kernel=kernel, noise=noise)
    fingerprint = (
        f"O_K; power law {window[0]:g}-{window[1]:g} eV, Poisson maximum likelihood; "
        f"{'not deconvolved' if kernel is None else f'Fourier ratio, {kernel.reconvolution} reconvolution'}; pre-edge "
        f"{item.pre_edge[0]:g}-{item.pre_edge[1]:g} eV, main {item.main[0]:g}-{item.main[1]:g} eV"
    )
    return EdgeMeasurement(
        item, fingerprint, _only(functionals, scan.valid), None, None, None, background, noise,
        _deviance(scan, counts, energy, background, noise), energy, counts,
        _spectra(counts, energy, background, kernel),
    )  # fmt: skip


def _background_window(scan: Prepared, window: tuple[float, float], name: str) -> tuple[float, float]:
    """The window, cut short by the axis' start or the detector's roll-off."""
    low = max(window[0], scan.start_ev)
    if window[1] - low < LEAST_WINDOW_EV or window[1] > scan.energy[-1]:
        raise InputError(
            f"{name}: the background window {window[0]:g}-{window[1]:g} eV does not fit the axis, which is usable from "
            f"{scan.start_ev:.1f} to {scan.energy[-1]:.1f} eV"
        )
    return float(low), float(window[1])


def _longest_window(scan: Prepared, item: Edge, end: float) -> tuple[float, float]:
    """The longest background window below an edge that holds a power law, clear of the edges found below it."""
    below = tuple(scan.calibration(e.recorded_ev) for e in scan.calibration.edges if e.name != item.name)
    counts = take_moved(scan.counts, 0, scan.energy.size, scan.moved)[scan.bright]
    return longest_window(counts, scan.energy, end, scan.start_ev, tuple(e for e in below if e < item.energy))


def _segment(
    scan: Prepared, low: float, high: float, deconvolution: str, name: str, recipe: Recipe
) -> tuple[NDArray, NDArray, Kernel | None]:
    """Counts from the background window to past the last window, aligned, with their axis and kernel."""
    step = dispersion(scan.energy)
    width = scan.zero_loss.fwhm if scan.zero_loss is not None else 1.0
    if high > scan.energy[-1] + step / 2:
        raise InputError(f"{name}: its windows go up to {high:g} eV, the axis to {scan.energy[-1]:.1f} eV")
    first = int(np.searchsorted(scan.energy, low - step / 2))
    last = min(int(np.searchsorted(scan.energy, high + MARGIN * width)), scan.energy.size)
    counts = take_moved(scan.counts, first, last, scan.moved)
    kernel = None
    if deconvolution != "none":
        kernel = fourier_ratio_kernel(
            scan.low, scan.low_energy, scan.zero_loss, last - first,
            reconvolution=deconvolution, fwhm=recipe.gaussian_fwhm if deconvolution == "gaussian" else None,
        )  # fmt: skip
    return counts, scan.energy[first:last], kernel


def _background(
    scan: Prepared, counts: NDArray, energy: NDArray, window: tuple[float, float], name: str
) -> tuple[PowerLaw, float]:
    """Power laws of all spectra, and one dispersion for the scan."""
    background = fit_power_law(counts, energy, window, f"{name} background")
    channels = int((window[1] - window[0]) / dispersion(energy))
    return background, pooled_dispersion(background.dispersion[scan.bright], channels)


def _deviance(scan: Prepared, counts: NDArray, energy: NDArray, background: PowerLaw, noise: float) -> float:
    """Median over spectra with signal of the fit's reduced deviance."""
    return float(np.nanmedian(reduced_deviance(counts, energy, background, noise)[scan.bright]))


def _spectra(counts: NDArray, energy: NDArray, background: PowerLaw, kernel: Kernel | None) -> NDArray:
    """Net spectra, deconvolved where there is a kernel."""
    net = subtract(counts, energy, background)
    return net if kernel is None else deconvolve(net, kernel)


def _only(functionals: Functionals, valid: NDArray) -> Functionals:
    """``nan`` for spectra that are no measurement."""
    return Functionals(
        np.where(valid[..., None], functionals.values, np.nan),
        np.where(valid[..., None, None], functionals.covariance, np.nan),
    )
