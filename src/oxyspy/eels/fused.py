"""White lines of a whole spectrum image in one pass: a block is aligned, fitted, deconvolved and measured, then left.

What all spectra share (the zero-loss peak's shape, where the maxima stand, the counts' dispersion) is found once, by
`survey`, on tiles of spectra from all over the scan. Everything after it is done spectrum by spectrum, so that the
result does not depend on how the scan is cut into blocks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.alignment import split_drift
from oxyspy.eels.background import PowerLaw, fit_power_law, pooled_dispersion, subtract
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import (
    MAX_T_OVER_LAMBDA,
    Kernel,
    deconvolve,
    deconvolve_smoothed,
    fourier_ratio_kernel,
    resample_low_loss,
)
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals, net_and_gradient, weigh
from oxyspy.eels.maxima import (
    LinePositions,
    check_l3,
    find_maxima,
    lines_part,
    position_sigma,
    smoothed,
    smoothing_ev,
)
from oxyspy.eels.ratio import single_ratios
from oxyspy.eels.responses import LineShares, line_responses, line_shares
from oxyspy.eels.segments import segments
from oxyspy.eels.white_lines import (
    AREA_L2,
    AREA_L3,
    NUMBERS,
    SLOPE_L2,
    SLOPE_L3,
    WhiteLineMethod,
    line_functionals,
    line_weights,
    white_lines,
)
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import PeakShape, ZeroLoss, find_zero_loss, peak_shape
from oxyspy.errors import InputError

# behind the last window, so that no measured channel is near a segment's end, in zero-loss widths
MARGIN = 4.0
# single numbers of about a thousand spectra are worked on together
TOGETHER_BYTES = 3_000_000
# the counts' dispersion is known to 3 % from so many spectra, standard errors to 1.5 %
LEAST_SURVEY = 256
# 32 tiles from all over a scan: more would read more chunks of a file twice, and tell nothing that sums need
MOST_SURVEY = 2048
# what is measured at each position, in the order of the last axis of `measure_block`
MAPS = (*NUMBERS, "t_over_lambda")


class Survey(NamedTuple):
    """What the spectra of one scan share.

    Attributes
    ----------
    middle, fwhm, reach, gain : float
        Of the zero-loss peaks, as in `PeakShape`; ``nan`` without a low loss.
    zero_channel : float
        Median channel of the zero-loss peaks: where alignment brings them.
    l3, l2 : float
        Maxima of the summed spectrum, in eV.
    noise : float
        Variance over mean of the counts.
    ratio : float
        L3/L2 of the summed spectrum, by which L3 tells how much L2 there should be.
    """

    middle: float
    fwhm: float
    reach: float
    gain: float
    zero_channel: float
    l3: float
    l2: float
    noise: float
    ratio: float


def survey_size(shape: tuple[int, ...]) -> int:
    """Spectra to survey of a scan of positions ``shape``: a sixteenth, but from 256 to 2048."""
    return min(max(math.prod(shape) // 16, LEAST_SURVEY), MOST_SURVEY)


def survey(
    counts: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    edge: Edge,
    method: WhiteLineMethod,
    align: bool = True,
    before: int = 0,
) -> Survey:
    """Find what the spectra of a scan share.

    Parameters
    ----------
    counts : array, shape (..., before + n + any)
        Raw counts of the segment and of the channels about it from which drift moves some into it, of the scan or of
        its `sample`.
    energy : array, shape (n,)
        The segment's axis in eV.
    low, low_energy : array, shape (..., m) and (m,), optional
        Low loss of the same positions, or one for all, on its own axis.
    edge : Edge
    method : WhiteLineMethod
    align : bool
        Move core losses with their zero-loss peaks.
    before : int
        Channels recorded before the segment.

    Raises
    ------
    InputError
        No zero-loss peak, or no L3 maximum in the summed spectrum.
    """
    flat = counts.reshape(-1, counts.shape[-1])
    lows = None if low is None else low.reshape(-1, low.shape[-1])
    shared = Survey(*[np.nan] * 7, 1.0, np.nan)
    zero_loss = peak = None
    if lows is not None:
        lows, low_energy = resample_low_loss(lows, low_energy, dispersion(energy))
        peak = peak_shape(lows, low_energy)
        zero_loss = find_zero_loss(lows, low_energy, peak)
        shared = shared._replace(**peak._asdict(), zero_channel=float(np.nanmedian(zero_loss.channel)))
    sums: dict[int, tuple] = {}

    def add(part: slice) -> None:
        own = zero_loss if zero_loss is None or len(lows) == 1 else zero_loss[part]
        aligned, _ = _aligned(flat[part], energy, own, shared, edge, method, align, before)
        background = fit_power_law(aligned, energy, method.background, f"{method.edge} background")
        net = subtract(aligned, energy, background)
        good = np.isfinite(background.log_a) & np.isfinite(net.sum(-1))
        low_sum = None
        if own is not None:
            good &= own.area > 0
            good &= own.t_over_lambda <= MAX_T_OVER_LAMBDA
            if len(lows) > 1:
                moved = np.rint(np.where(good, own.channel - shared.zero_channel, 0)).astype(int)
                low_sum = _sum(segments(lows[part], moved, lows.shape[-1], repeat_ends=True), good)
        sums[part.start] = _sum(net, good), low_sum, background.dispersion

    over_blocks(add, len(flat), 40 * energy.size * 4)
    # in one order for any number of threads
    ordered = [sums[first] for first in sorted(sums)]
    whole = sum(net for net, *_ in ordered)
    noise = pooled_dispersion(
        np.concatenate([found for *_, found in ordered]), int(np.ptp(method.background) / dispersion(energy))
    )
    if lows is not None and method.deconvolution != "none":
        low_sum = lows[0] if len(lows) == 1 else sum(found for _, found, _ in ordered)
        whole = deconvolve(
            whole, _kernel(low_sum, low_energy, find_zero_loss(low_sum, low_energy, peak), energy, method)
        )
    smooth = smoothed(whole, energy, smoothing_ev(energy))
    l3, l2 = (float(at) for at in find_maxima(smooth, energy, edge))
    if not np.isfinite(l3):
        raise InputError(
            f"{edge.name}: no L3 maximum near {edge.energy:g} eV in the sum of all spectra; is the element there, and "
            "the axis calibrated?"
        )
    check_l3(smooth, energy, edge, l3)
    l2 = l2 if np.isfinite(l2) else l3 + sum(edge.splitting) / 2
    at = (np.asarray(place, float) for place in method.places(l3, l2))
    areas = line_weights(energy, *at, method, smoothing_ev(energy))[[AREA_L3, AREA_L2]] @ whole
    return shared._replace(l3=l3, l2=l2, noise=noise, ratio=areas[0] / areas[1] if (areas > 0).all() else np.nan)


def _sum(spectra: NDArray, good: NDArray) -> NDArray:
    """Sum of a few hundred spectra (p, n), bad ones left out: their own precision is enough for that."""
    return (spectra if good.all() else spectra[good]).sum(0).astype(float)


def measure_block(
    counts: NDArray,
    low: NDArray | None,
    shared: Survey,
    energy: NDArray,
    low_energy: NDArray | None,
    edge: Edge,
    method: WhiteLineMethod,
    align: bool = True,
    before: int = 0,
) -> NDArray:
    """Measure the white lines of a block of spectra, at the scan's maxima.

    Parameters
    ----------
    counts, energy, low, low_energy, edge, method, align, before
        As in `survey`.
    shared : Survey
        Of the whole scan.

    Returns
    -------
    array, shape (..., 21)
        The numbers of `MAPS`; ``nan`` where drift takes a window beyond what was recorded.
    """
    stack = counts.shape[:-1]
    flat = counts.reshape(-1, counts.shape[-1])
    lows = None if low is None else low.reshape(-1, low.shape[-1])
    shared = Survey(*(float(value) for value in shared))
    maps = np.empty((len(flat), len(MAPS)))

    def work(part: slice) -> None:
        own = None if lows is None else lows if len(lows) == 1 else lows[part]
        maps[part] = _measure(flat[part], own, shared, energy, low_energy, edge, method, align, before)

    over_blocks(work, len(flat), 8 * energy.size, TOGETHER_BYTES, even=True)
    return maps.reshape(*stack, len(MAPS))


def _kernel(low: NDArray, low_energy: NDArray, zero_loss: ZeroLoss, energy: NDArray, method: WhiteLineMethod) -> Kernel:
    return fourier_ratio_kernel(
        low, low_energy, zero_loss, energy.size, reconvolution=method.deconvolution, fwhm=method.gaussian_fwhm
    )


def _aligned(
    counts: NDArray,
    energy: NDArray,
    zero_loss: ZeroLoss | None,
    shared: Survey,
    edge: Edge,
    method: WhiteLineMethod,
    align: bool,
    before: int,
) -> tuple[NDArray, NDArray]:
    """Segments of spectra (p, before + n + any), moved with their zero-loss peaks, and the rest of the drift in eV.

    No count is made up: where a window would begin or end beyond what was recorded the spectrum is ``nan``.
    """
    n, step = energy.size, dispersion(energy)
    if not align or zero_loss is None or zero_loss.channel.shape != counts.shape[:-1]:
        return counts[:, before : before + n], np.zeros(1)
    moved, rest = split_drift((zero_loss.channel - shared.zero_channel) * step, step)
    aligned = segments(counts, before + moved, n, repeat_ends=True)
    aligned = aligned.astype(np.result_type(aligned.dtype, np.float32), copy=False)
    # the last channel of the last window, with the zero-loss peak's width about it
    last = min(int(np.searchsorted(energy, method.end(edge) + MARGIN * shared.fwhm)), n)
    aligned[(before + moved < 0) | (before + moved + last > counts.shape[-1])] = np.nan
    return aligned, rest


def _measure(
    recorded: NDArray,
    low: NDArray | None,
    shared: Survey,
    energy: NDArray,
    low_energy: NDArray | None,
    edge: Edge,
    method: WhiteLineMethod,
    align: bool,
    before: int,
) -> NDArray:
    """Numbers of `MAPS` for rows of spectra; their transforms take turns in the cache."""
    zero_loss = None
    if low is not None:
        low, low_energy = resample_low_loss(low, low_energy, dispersion(energy))
        zero_loss = find_zero_loss(
            low, low_energy, PeakShape(int(shared.middle), shared.fwhm, shared.reach, shared.gain)
        )
    counts, rest = _aligned(recorded, energy, zero_loss, shared, edge, method, align, before)
    background = fit_power_law(counts, energy, method.background, f"{method.edge} background", residuals=False)
    background = background.of_noise(shared.noise)
    smoothing = smoothing_ev(energy)
    at_l3, at_l2 = (float(at) for at in method.places(shared.l3, shared.l2))
    # the lines alone: the same channels for any block
    part = lines_part(energy, edge, smoothing, shared.l3)
    if zero_loss is None or method.deconvolution == "none" or method.slope or method.post_from != "axis":
        kernel = None
        if zero_loss is not None and method.deconvolution != "none":
            kernel = _kernel(low, low_energy, zero_loss, energy, method)
        functionals = line_functionals(
            counts, energy, background, at_l3 - rest, at_l2 - rest, method, kernel=kernel, noise=shared.noise
        )
        net = subtract(counts, energy, background)
        smooth = smoothed((net if kernel is None else deconvolve(net, kernel))[:, part], energy[part], smoothing)
    else:
        lines = line_shares(energy, at_l3, at_l2, rest, method, smoothing)
        functionals, smooth = _by_responses(
            counts, low, zero_loss, low_energy, energy, background, lines, part, shared.noise, method
        )
    energy = energy[part]
    l3, l2 = find_maxima(smooth, energy, edge, shared.l3)
    variance = functionals.covariance
    positions = LinePositions(
        l3 + rest, l2 + rest,
        position_sigma(smooth, energy, l3, variance[:, SLOPE_L3, SLOPE_L3]),
        position_sigma(smooth, energy, l2, variance[:, SLOPE_L2, SLOPE_L2]),
        *np.full((2, len(counts)), np.nan),
    )  # fmt: skip
    # not by neighbours: they may lie in another block
    ratios = single_ratios(functionals, shared.ratio)
    lines = white_lines(functionals, positions, method, dispersion(energy), ratios)
    thickness = np.broadcast_to(np.nan if zero_loss is None else zero_loss.t_over_lambda, len(counts))
    return np.stack([np.asarray(getattr(lines, name), float) for name in NUMBERS.values()] + [thickness], axis=-1)


def _by_responses(
    counts: NDArray,
    low: NDArray,
    zero_loss: ZeroLoss,
    low_energy: NDArray,
    energy: NDArray,
    background: PowerLaw,
    lines: LineShares,
    part: slice,
    noise: float,
    method: WhiteLineMethod,
) -> tuple[Functionals, NDArray]:
    """Functionals of spectra (p, n), and their smoothed single scattering about the lines."""
    p, step = len(counts), dispersion(energy)
    values, covariance = np.empty((p, 5)), np.empty((p, 5, 5))
    smooth = np.empty((p, part.stop - part.start), np.result_type(counts.dtype, low.dtype, np.float32))
    # one low loss has one kernel, and its windows one response
    kernel = q = None
    if len(low) == 1:
        kernel = _kernel(low, low_energy, zero_loss, energy, method)
        q = line_responses(kernel, lines)

    def work(some: slice) -> None:
        own, weights = kernel, q
        if own is None:
            own = _kernel(low[some], low_energy, zero_loss[some], energy, method)
            weights = line_responses(own, lines.of(some))
        seen = net_and_gradient(counts[some], energy, background[some], weights.dtype)
        smooth[some] = deconvolve_smoothed(seen[:, 0], own, part, lines.smoothing)
        if q is not None:
            weights = np.repeat(q, len(seen), axis=0)
        found = weigh(counts[some], seen, energy, background[some], weights, np.full(len(seen), noise))
        values[some], covariance[some] = found

    over_blocks(work, p, 40 * energy.size * 4)
    # slopes were taken a channel
    scale = np.array([1, 1, 1, 1 / step, 1 / step])
    return Functionals(values * scale, covariance * scale[:, None] * scale), np.nan_to_num(smooth)
