"""White lines of a whole spectrum image in one pass: a block is aligned, fitted, deconvolved and measured, then left.

What all spectra share (the zero-loss peak's shape, where the maxima stand, the counts' dispersion) is found once, by
`survey`, on up to 4096 spectra spread evenly over the scan. Everything after it is done spectrum by spectrum, so that
the result does not depend on how the scan is cut into blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.alignment import split_drift, take_moved
from oxyspy.eels.background import fit_power_law, pooled_dispersion, subtract
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import deconvolve, fourier_ratio_kernel, resample_low_loss
from oxyspy.eels.edges import Edge
from oxyspy.eels.maxima import LinePositions, find_maxima, position_sigma, smoothing_ev
from oxyspy.eels.white_lines import SLOPE_L2, SLOPE_L3, WhiteLineMethod, line_functionals, white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import PeakShape, find_zero_loss, peak_shape
from oxyspy.errors import InputError

# what is measured at each position, in the order of the last axis of `measure_block`
MAPS = (
    "l3", "l3_sigma", "l2", "l2_sigma", "ratio", "ratio_sigma", "l3_ev", "l3_ev_sigma", "l2_ev", "splitting_ev",
    "continuum", "t_over_lambda",
)  # fmt: skip


class Survey(NamedTuple):
    """What the spectra of one scan share.

    Attributes
    ----------
    middle, fwhm, reach : float
        Of the zero-loss peaks, as in `PeakShape`; ``nan`` without a low loss.
    zero_channel : float
        Median channel of the zero-loss peaks: where alignment brings them.
    l3, l2 : float
        Maxima of the summed spectrum, in eV.
    noise : float
        Variance over mean of the counts.
    """

    middle: float
    fwhm: float
    reach: float
    zero_channel: float
    l3: float
    l2: float
    noise: float


def survey(
    counts: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    edge: Edge,
    method: WhiteLineMethod,
    align: bool = True,
) -> Survey:
    """Find what the spectra of a scan share.

    Parameters
    ----------
    counts : array, shape (..., n)
        Raw counts of the segment, of the scan or of its `sample`.
    energy : array, shape (n,)
        Its axis in eV.
    low, low_energy : array, shape (..., m) and (m,), optional
        Low loss of the same positions, or one for all, on its own axis.
    edge : Edge
    method : WhiteLineMethod
    align : bool
        Move core losses with their zero-loss peaks.

    Raises
    ------
    InputError
        No zero-loss peak, or no L3 maximum in the summed spectrum.
    """
    shared = Survey(*[np.nan] * 6, 1.0)
    if low is not None:
        low, low_energy = resample_low_loss(low, low_energy, dispersion(energy))
        peak = peak_shape(low, low_energy)
        found = find_zero_loss(low, low_energy, peak)
        shared = shared._replace(**peak._asdict(), zero_channel=float(np.nanmedian(found.channel)))
    background, spectra, *_, noise = _net(counts, energy, low, low_energy, shared, method, align, pool=True)
    whole = np.where(np.isfinite(spectra).all(-1, keepdims=True), spectra, 0).reshape(-1, energy.size).sum(0)
    l3, l2 = (float(at) for at in find_maxima(whole, energy, edge, smoothing_ev(energy)))
    if not np.isfinite(l3):
        raise InputError(
            f"{edge.name}: no L3 maximum near {edge.energy:g} eV in the sum of all spectra; is the element there, and "
            "the axis calibrated?"
        )
    return shared._replace(l3=l3, l2=l2 if np.isfinite(l2) else l3 + sum(edge.splitting) / 2, noise=noise)


def measure_block(
    counts: NDArray,
    low: NDArray | None,
    shared: Survey,
    energy: NDArray,
    low_energy: NDArray | None,
    edge: Edge,
    method: WhiteLineMethod,
    align: bool = True,
) -> NDArray:
    """Measure the white lines of a block of spectra, at the scan's maxima.

    Parameters
    ----------
    counts, energy, low, low_energy, edge, method, align
        As in `survey`.
    shared : Survey
        Of the whole scan.

    Returns
    -------
    array, shape (..., 12)
        The numbers of `MAPS`.
    """
    stack = counts.shape[:-1]
    flat = counts.reshape(-1, counts.shape[-1])
    shared = Survey(*(float(value) for value in shared))
    if low is not None:
        low, low_energy = resample_low_loss(low.reshape(-1, low.shape[-1]), low_energy, dispersion(energy))
    maps = np.empty((len(flat), len(MAPS)))

    def work(part: slice) -> None:
        own = None if low is None else low if len(low) == 1 else low[part]
        maps[part] = _measure(flat[part], energy, own, low_energy, shared, edge, method, align)

    over_blocks(work, len(flat), 80 * counts.shape[-1] * 4)
    return maps.reshape(*stack, len(MAPS))


def _net(counts, energy, low, low_energy, shared: Survey, method: WhiteLineMethod, align: bool, pool: bool = False):
    """Background, (deconvolved) net spectra, aligned counts, kernel, rest of the drift, t/λ and noise."""
    rest = thickness = np.full(counts.shape[:-1], np.nan if low is None else 0.0)
    kernel, moved = None, np.zeros(counts.shape[:-1], int)
    if low is not None:
        peak = PeakShape(int(shared.middle), shared.fwhm, shared.reach)
        zero_loss = find_zero_loss(low, low_energy, peak)
        step = dispersion(energy)
        thickness = np.broadcast_to(zero_loss.t_over_lambda, counts.shape[:-1])
        if align and low.shape[:-1] == counts.shape[:-1]:
            moved, rest = split_drift((zero_loss.channel - shared.zero_channel) * step, step)
        if method.deconvolution != "none":
            kernel = fourier_ratio_kernel(
                low, low_energy, zero_loss, energy.size, reconvolution=method.deconvolution, fwhm=method.gaussian_fwhm
            )
    counts = take_moved(counts, 0, energy.size, moved)
    background = fit_power_law(counts, energy, method.background, f"{method.edge} background")
    noise = shared.noise
    if pool:
        noise = pooled_dispersion(background.dispersion, int(np.ptp(method.background) / dispersion(energy)))
    spectra = subtract(counts, energy, background)
    if kernel is not None:
        spectra = deconvolve(spectra, kernel)
    return background, spectra, counts, kernel, np.nan_to_num(rest), thickness, noise


def _measure(flat, energy, low, low_energy, shared, edge, method, align) -> NDArray:
    """Numbers of `MAPS` for rows of spectra."""
    background, spectra, counts, kernel, rest, thickness, noise = _net(
        flat, energy, low, low_energy, shared, method, align
    )
    functionals = line_functionals(
        counts, energy, background, shared.l3 - rest, shared.l2 - rest, method, kernel=kernel, noise=noise
    )
    smoothing = smoothing_ev(energy)
    l3, l2 = find_maxima(spectra, energy, edge, smoothing, shared.l3)
    variance = functionals.covariance
    positions = LinePositions(
        l3 + rest, l2 + rest,
        position_sigma(spectra, energy, l3, variance[:, SLOPE_L3, SLOPE_L3], smoothing),
        position_sigma(spectra, energy, l2, variance[:, SLOPE_L2, SLOPE_L2], smoothing),
        *np.full((2, len(flat)), np.nan),
    )  # fmt: skip
    lines = white_lines(functionals, positions, method)
    return np.stack([np.asarray(getattr(lines, name), float) for name in MAPS[:-1]] + [thickness], axis=-1)
