"""Spectra as sums of reference spectra: multiple linear least squares (MLLS) with counting statistics.

The recorded counts are fitted by a power law and a sum of standards, scattered as the specimen scatters
(`oxyspy.eels.reference_fit`). With standards normalised to an atom, a_j / sum(a) is the share of the
atoms that are like standard j, and the mean of the standards' valences by these shares is the valence: a third witness
beside L3/L2 and L2 - L3, which looks at the whole shape of the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.background import fit_power_law, pooled_dispersion
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import resample_low_loss
from oxyspy.eels.reference_fit import fit_references, shares
from oxyspy.eels.scattering import scatter
from oxyspy.eels.windows import dispersion, window_weights
from oxyspy.eels.zero_loss import PeakShape, find_zero_loss, peak_shape, sample
from oxyspy.errors import InputError
from oxyspy.results import Result

# a standard may be this much less sharp than the scan
MOST_BROADER = 1.15
# how far the standards' axes are looked for from the scan's, and in what steps, in eV
SPAN, STEP = 2.0, 0.1
# share of its maximum that a standard may have where it begins above the window
MOST_AT_START = 0.05


@dataclass(frozen=True)
class Reference:
    """One standard: a core loss without background and plural scattering.

    Attributes
    ----------
    name : str
        For example ``"MnO"``.
    energy : array, shape (m,)
        In eV; it need be neither uniform nor sorted.
    intensity : array, shape (m,)
        In any unit.
    valence : float
        ``nan`` where it has none.
    fwhm : float or None
        Energy resolution in eV; ``None`` where it is not known.
    """

    name: str
    energy: NDArray
    intensity: NDArray
    valence: float = float("nan")
    fwhm: float | None = None


@dataclass(frozen=True)
class ReferenceMethod(Result):
    """All choices that the shares of standards depend on.

    Attributes
    ----------
    edge : str
    names : tuple of str
        The standards.
    background, window, normalisation : tuple of float
        In eV: where the power law is fitted, where the standards are, and over which they are set equal to an atom.
    nonnegative : bool
        Whether no share may be negative.
    scattered : bool
        Whether the standards were scattered by the low loss of each position.
    shift : {"none", "given", "fitted"}
        Of the standards' axes against the scan's.
    """

    edge: str
    names: tuple[str, ...]
    background: tuple[float, float]
    window: tuple[float, float]
    normalisation: tuple[float, float]
    nonnegative: bool = True
    scattered: bool = True
    shift: str = "none"

    @property
    def fingerprint(self) -> str:
        """Text that is equal for equal methods."""
        ranges = ["{:g}-{:g} eV".format(*w) for w in (self.background, self.window, self.normalisation)]
        return (
            f"{self.edge}; power law {ranges[0]}, Poisson maximum likelihood; reference fit of "
            f"{', '.join(self.names)} at {ranges[1]}, Poisson weights{', non-negative' if self.nonnegative else ''}; "
            f"standards {'scattered by the low loss' if self.scattered else 'not scattered'}, equal per atom over "
            f"{ranges[2]}, shift {self.shift}"
        )


@dataclass(frozen=True)
class ReferenceFit(Result):
    """Shares of standards in a stack of spectra.

    Attributes
    ----------
    names : tuple of str
    coefficients : array, shape (..., k)
        Counts a channel of each standard's normalisation window.
    covariance : array, shape (..., k, k)
        Of the fit without bounds, which holds also where a share is at zero; background and shift included.
    shares, shares_sigma : array, shape (..., k)
        Of the atoms; ``nan`` where the edge is within three standard errors of zero.
    valence, valence_sigma : array, shape (...)
        Mean over the shares; ``nan`` where a standard has none. The errors are those of counting: how well the
        standards are like the specimen is told by ``deviance``.
    deviance : array, shape (...)
        Reduced deviance, over the counts' variance over mean: 1 where the standards explain the spectrum.
    shift_ev, shift_sigma_ev : float
        By which the standards' axes were moved.
    method : str
        Fingerprint.
    """

    names: tuple[str, ...]
    coefficients: NDArray
    covariance: NDArray
    shares: NDArray
    shares_sigma: NDArray
    valence: NDArray
    valence_sigma: NDArray
    deviance: NDArray
    shift_ev: float
    shift_sigma_ev: float
    method: str


def on_axis(
    references: Sequence[Reference],
    energy: NDArray,
    window: tuple[float, float],
    normalisation: tuple[float, float],
    *,
    fwhm: float | None = None,
    shift: float = 0.0,
) -> NDArray:
    """Put standards on the scan's axis, at its resolution, and equal per atom.

    Parameters
    ----------
    references : sequence of Reference
    energy : array, shape (n,)
        The scan's axis in eV.
    window, normalisation : tuple of float
        What they must hold; they become 1 on average over the second.
    fwhm : float, optional
        The scan's resolution in eV: standards that are known to be sharper are blurred to it.
    shift : float
        Added to the standards' energies, in eV.

    Returns
    -------
    array, shape (k, n)
        Averages over the channels; zero where a standard does not reach.

    Raises
    ------
    InputError
        A standard that does not reach over the windows, is coarser than the scan's resolution allows, or is zero.
    """
    step = dispersion(energy)
    fine = energy[:, None] + step * (np.arange(8) - 3.5) / 8 - shift
    found = np.zeros((len(references), energy.size))
    for row, item in zip(found, references, strict=True):
        own, first = np.unique(np.asarray(item.energy, float), return_index=True)
        values = np.asarray(item.intensity, float)[first]
        good = np.isfinite(own) & np.isfinite(values)
        own, values = own[good], values[good]
        needed = min(window[0], normalisation[0]), max(window[1], normalisation[1])
        # an edge is zero below its onset: a standard may begin there
        late = own.size and own[0] + shift > needed[0] + step and values[0] > MOST_AT_START * values.max()
        if own.size < 8 or late or own[-1] + shift < needed[1] - step:
            reach = f"from {own[0]:.1f} to {own[-1]:.1f} eV" if own.size else "over nothing"
            raise InputError(
                f"standard {item.name}: it reaches {reach}, needed {needed[0]:g} to {needed[1]:g} eV: give a window "
                "and a normalisation inside all standards, or other standards"
            )
        _check_resolution(item, own, fwhm, needed)
        row[:] = np.interp(fine, own, values, left=0.0, right=0.0).mean(-1)
        if fwhm is not None and item.fwhm is not None and fwhm > item.fwhm:
            sigma = np.sqrt((fwhm**2 - item.fwhm**2) / (8 * np.log(2)))
            row[:] = gaussian_filter1d(row, sigma / step, mode="nearest")
        inside = window_weights(energy, *normalisation)
        level = row @ inside / inside.sum()
        if not level > 0:
            raise InputError(
                f"standard {item.name}: nothing above zero at {normalisation[0]:g}-{normalisation[1]:g} eV"
            )
        row /= level
    return found


def _check_resolution(item: Reference, own: NDArray, fwhm: float | None, needed: tuple[float, float]) -> None:
    """Refuse a standard that is less sharp, or has its points further apart, than the scan."""
    inside = (own >= needed[0]) & (own <= needed[1])
    apart = float(np.median(np.diff(own[inside])))
    limit = 1.0 if fwhm is None else fwhm
    if apart > limit:
        raise InputError(
            f"standard {item.name}: its points are {apart:.2g} eV apart, the scan's resolution is {limit:.2g} eV: a "
            "standard must be the finer one"
        )
    if fwhm is not None and item.fwhm is not None and item.fwhm > MOST_BROADER * fwhm:
        raise InputError(
            f"standard {item.name}: its resolution is {item.fwhm:.2g} eV, the scan's {fwhm:.2g} eV: a standard must be "
            "the sharper one"
        )


def reference_shares(
    counts: NDArray,
    energy: NDArray,
    references: Sequence[Reference],
    method: ReferenceMethod,
    *,
    low: NDArray | None = None,
    low_energy: NDArray | None = None,
    peak: PeakShape | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
    noise: float | None = None,
) -> ReferenceFit:
    """Fit standards to a stack of spectra.

    Parameters
    ----------
    counts : array, shape (..., n)
        Raw counts, background included.
    energy : array, shape (n,)
        Their axis in eV.
    references : sequence of Reference
        The standards.
        The standards.
    method : ReferenceMethod
        Windows, and how they are fitted.
        Windows, and how they are fitted.
    low, low_energy : array, shape (..., m) and (m,), optional
        Low loss of the same positions, or one for all, on its own axis: the standards are scattered by it.
    peak : PeakShape, optional
        Of the whole scan's zero-loss peaks, where these spectra are a part of it.
    shift : tuple of float
        Added to the standards' energies, and its standard error, in eV; from `find_shift`.
    noise : float, optional
        Variance of a count over its mean; by default from the background's residuals.

    Returns
    -------
    ReferenceFit
        Shares, valences and their errors.
        Shares, valences and their errors.

    Raises
    ------
    InputError
        Standards that do not reach over the windows, are less sharp than the scan or cannot be told apart.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import Reference, ReferenceMethod, reference_shares
    >>> energy = np.arange(600.0, 690.0, 0.25)
    >>> line = np.exp(-((energy - 642.0) ** 2) / 8) + 0.3 * (energy > 642.0)
    >>> standards = [Reference("2+", energy, np.roll(line, -8), 2.0), Reference("4+", energy, line, 4.0)]
    >>> counts = 1e9 * energy**-2.5 + 200 * (0.25 * standards[0].intensity + 0.75 * standards[1].intensity)
    >>> method = ReferenceMethod("Mn_L", background=(600.0, 632.0), window=(634.0, 680.0), normalisation=(662.0, 680.0),
    ...                          names=("2+", "4+"))
    >>> print(reference_shares(counts, energy, standards, method).shares.round(2))
    [0.25 0.75]
    """
    name = f"{method.edge} background"
    background = fit_power_law(counts, energy, method.background, name)
    if noise is None:
        channels = int(np.ptp(method.background) / dispersion(energy))
        noise = pooled_dispersion(background.dispersion, channels)
    stack, k = counts.shape[:-1], len(references)
    rows = int(np.prod(stack))
    flat, by_row = counts.reshape(rows, -1), background.reshaped(rows)
    if low is not None:
        low = low.reshape(-1, low.shape[-1])
        peak = peak_shape(*resample_low_loss(sample(low), low_energy, dispersion(energy))) if peak is None else peak

    def fitted(by: float) -> tuple[NDArray, NDArray, NDArray]:
        found = np.empty((rows, k)), np.empty((rows, k, k)), np.empty(rows)

        def work(part: slice) -> None:
            own = low if low is None or len(low) == 1 else low[part]
            standards = _scattering(energy, own, low_energy, peak)(references, method, by)
            # one low loss for all scatters the standards once
            standards = standards[0] if standards.ndim > 2 and len(standards) == 1 else standards
            fits = fit_references(
                flat[part], energy, by_row[part], standards, method.window, nonnegative=method.nonnegative, noise=noise
            )
            for into, values in zip(found, fits, strict=True):
                into[part] = values

        # transforms of the low loss and of the standards, in double
        over_blocks(work, rows, 16 * 4 * (k + 4) * energy.size)
        return tuple(values.reshape((*stack, *values.shape[1:])) for values in found)

    coefficients, covariance, deviance = fitted(shift[0])
    if shift[1] > 0:
        # what the shift is not known to moves all positions' shares together
        half = max(shift[1], 0.02)
        by_shift = (fitted(shift[0] + half)[0] - fitted(shift[0] - half)[0]) / (2 * half)
        covariance = covariance + shift[1] ** 2 * by_shift[..., :, None] * by_shift[..., None, :]
    share, share_sigma, valence, valence_sigma = shares(coefficients, covariance, [r.valence for r in references])
    return ReferenceFit(
        method.names, coefficients, covariance, share, share_sigma, valence, valence_sigma, deviance, *shift,
        method.fingerprint,
    )  # fmt: skip


def survey_references(
    counts: NDArray,
    energy: NDArray,
    references: Sequence[Reference],
    method: ReferenceMethod,
    *,
    low: NDArray | None = None,
    low_energy: NDArray | None = None,
) -> tuple[float, tuple[float, float], PeakShape | None]:
    """Find what the fits of one scan's spectra share, for `reference_shares` of its parts.

    Parameters
    ----------
    counts, energy, references, method, low, low_energy
        As for `reference_shares`, of the scan or of its `sample`.

    Returns
    -------
    noise : float
    shift : tuple of float
        Zero where the method finds none.
    peak : PeakShape or None

    Raises
    ------
    InputError
        As `find_shift`, and no zero-loss peak.
    """
    step = dispersion(energy)
    background = fit_power_law(counts, energy, method.background, f"{method.edge} background")
    noise = pooled_dispersion(background.dispersion, int(np.ptp(method.background) / step))
    shift = (0.0, 0.0)
    if method.shift == "fitted":
        shift = find_shift(counts, energy, references, method, low=low, low_energy=low_energy)
    peak = None if low is None else peak_shape(*resample_low_loss(sample(low), low_energy, step))
    return noise, shift, peak


def find_shift(
    counts: NDArray,
    energy: NDArray,
    references: Sequence[Reference],
    method: ReferenceMethod,
    *,
    low: NDArray | None = None,
    low_energy: NDArray | None = None,
) -> tuple[float, float]:
    """Find by how much the standards' axes are off the scan's, from the sum of all spectra.

    Parameters
    ----------
    counts, energy, references, method, low, low_energy
        As for `reference_shares`.

    Returns
    -------
    shift, sigma : float
        In eV, to add to the standards' energies: where the deviance is least within 2 eV. Its error is that of
        counting, times the square root of the reduced deviance.

    Raises
    ------
    InputError
        The least deviance stands at an end of the range: the axes are too far apart.
    """
    good = np.isfinite(counts).all(-1)
    total = np.where(good[..., None], counts, 0).reshape(-1, energy.size).sum(0, dtype=float)
    if low is not None:
        low = np.nan_to_num(low).reshape(-1, low.shape[-1]).mean(0, dtype=float)
    background = fit_power_law(total, energy, method.background, f"{method.edge} background")
    scattering = _scattering(energy, low, low_energy, None)
    last = min(float(np.nanmax(r.energy)) for r in references)
    spare = max(last - max(method.window[1], method.normalisation[1]), 0.0)
    grid = np.arange(-min(SPAN, spare), SPAN + STEP / 2, STEP)
    deviance = np.array([
        float(fit_references(
            total, energy, background, scattering(references, method, by), method.window, nonnegative=method.nonnegative
        )[2])
        for by in grid
    ])  # fmt: skip
    at = int(deviance.argmin())
    if at in (0, grid.size - 1):
        raise InputError(
            f"the standards fit best at an end of the range, shifted by {grid[at]:+.1f} eV: calibrate the axis of the "
            "scan, or of the standards, first; or end the window further below the standards' last energy"
        )
    before, least, after = deviance[at - 1 : at + 2]
    bend = (before - 2 * least + after) / STEP**2
    degrees = np.count_nonzero((energy >= method.window[0]) & (energy <= method.window[1])) - len(references)
    return (
        float(grid[at] + 0.5 * STEP * (before - after) / (before - 2 * least + after)),
        # a rise of the deviance by its own reduced value is one standard error
        float(np.sqrt(2 * max(least, 1.0) / (bend * degrees))),
    )


def _scattering(energy: NDArray, low: NDArray | None, low_energy: NDArray | None, peak: PeakShape | None):
    """Return a function that gives the standards as the scan's positions show them, moved by a shift."""
    zero_loss = None
    if low is not None:
        low, low_energy = resample_low_loss(low, low_energy, dispersion(energy))
        zero_loss = find_zero_loss(low, low_energy, peak_shape(sample(low), low_energy) if peak is None else peak)

    def standards(references: Sequence[Reference], method: ReferenceMethod, by: float) -> NDArray:
        fwhm = None if zero_loss is None else zero_loss.fwhm
        single = on_axis(references, energy, method.window, method.normalisation, fwhm=fwhm, shift=by)
        return single if zero_loss is None else scatter(single, low, low_energy, zero_loss)

    return standards
