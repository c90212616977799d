"""L3 and L2 maxima along a line of spectra, each from as many neighbours as it takes to know it."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw, subtract
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import Kernel, deconvolve
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions, check_l3, find_maxima, position_sigma, smoothed, smoothing_ev
from oxyspy.eels.white_lines import (
    AREA_L2,
    AREA_L3,
    MIN_SIGNIFICANCE,
    SLOPE_L2,
    SLOPE_L3,
    WhiteLineMethod,
    line_functionals,
)
from oxyspy.errors import InputError

# an L3 maximum known worse than this is no measurement of where the windows belong, in eV
MAX_POSITION_SIGMA = 0.4
# and of the sum of all spectra, no white line at all
MAX_WHOLE_SIGMA = 0.8
# area of L3 over its error, before its maximum moves a window
LINE_SIGNIFICANCE = 5.0


def track_maxima(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    edge: Edge,
    method: WhiteLineMethod,
    *,
    kernel: Kernel | None = None,
    noise: ArrayLike = 1.0,
    readout: float = 0.0,
    near: float | None = None,
) -> LinePositions:
    """L3 and L2 maxima along a line of spectra, each from as many neighbours as it takes to know it.

    A single pixel is often too weak to show its maximum, and a window on a noise peak biases the area. So the spectra
    are averaged along the line by a Gaussian that widens, position by position, until L3 has an area and its maximum
    is known to 0.4 eV; where it never is (vacuum, coating), the whole line's maxima stand in, with ``nan`` errors.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        Raw counts of the segment.
    energy, background, edge, method, kernel, noise, readout
        As for `line_functionals`.

    Returns
    -------
    LinePositions
        Arrays of shape (positions,).
    """
    spectra = sum_of_rows(counts, energy, background, kernel)
    at = places_of_sum(spectra, energy, edge, near)
    single = line_functionals(counts, energy, background, *at, method, kernel=kernel, noise=noise, readout=readout)
    return maxima_along(spectra, single.sum(axis=0), energy, edge, near)


def sum_of_rows(counts: NDArray, energy: NDArray, background: PowerLaw, kernel: Kernel | None) -> NDArray:
    """Net, deconvolved spectra of counts (rows, positions, n), those without numbers left out; shape (positions, n)."""
    rows, positions, n = counts.shape
    total = np.empty((positions, n))

    def add(part: slice) -> None:
        at = slice(None), part
        net = subtract(counts[at], energy, background[at])
        spectra = net if kernel is None else deconvolve(net, kernel[at])
        total[part] = np.where(np.isfinite(spectra), spectra, 0).sum(0, dtype=float)

    over_blocks(add, positions, rows * 4 * n * counts.itemsize)
    return total


def places_of_sum(spectra: NDArray, energy: NDArray, edge: Edge, near: float | None = None) -> tuple[float, float]:
    """Maxima of the sum of spectra (positions, n), in eV; the edge's own where it has no L3."""
    l3, l2 = find_maxima(smoothed(spectra.sum(0), energy, smoothing_ev(energy)), energy, edge, near)
    apart = sum(edge.splitting) / 2
    if not np.isfinite(l3):
        return edge.energy, edge.energy + apart
    return float(l3), float(l2 if np.isfinite(l2) else l3 + apart)


def maxima_along(
    spectra: NDArray, single: Functionals, energy: NDArray, edge: Edge, near: float | None = None
) -> LinePositions:
    """L3 and L2 maxima along a line from what rows add up to; see `track_maxima`.

    Parameters
    ----------
    spectra : array, shape (positions, n)
        Of `sum_of_rows`.
    single : Functionals
        Of `line_functionals` at `places_of_sum`, rows summed, shape (positions, k): the variance of a slope changes
        little as the windows move.
    energy, edge, near
        As for `track_maxima`.
    """
    smoothing, n = smoothing_ev(energy), len(spectra)
    whole = smoothed(spectra.sum(0), energy, smoothing)
    whole_l3, whole_l2 = find_maxima(whole, energy, edge, near)
    if not np.isfinite(whole_l2):
        whole_l2 = whole_l3 + sum(edge.splitting) / 2
    whole_sigma = position_sigma(whole, energy, whole_l3, np.nansum(single.covariance[:, SLOPE_L3, SLOPE_L3]))
    if not whole_sigma < MAX_WHOLE_SIGMA:
        raise InputError(
            f"{edge.name}: no L3 maximum within {max(3.5 * edge.sigma, 5.0):.0f} eV of {edge.energy:g} eV in the sum "
            "of all spectra; is the element there, and the axis calibrated?"
        )
    check_l3(whole, energy, edge, float(whole_l3))
    areas = np.nan_to_num(single.values[:, [AREA_L3, AREA_L2]])
    variances = np.nan_to_num(np.diagonal(single.covariance, axis1=-2, axis2=-1))
    l3 = np.full(n, whole_l3)
    l3_sigma, l2_sigma, l3_gain, l2_gain = np.full((4, n), np.nan)
    splitting, splitting_known = np.full(n, whole_l2 - whole_l3), np.zeros(n, bool)
    for width in (0.0, *2.0 ** np.arange(-0.5, np.log2(max(n / 4, 1)) + 0.5, 0.5)):
        averaged = smoothed(_averaged(spectra, width), energy, smoothing)
        at_l3, at_l2 = find_maxima(averaged, energy, edge, whole_l3)
        at_l2 = np.where(np.isfinite(at_l2), at_l2, np.nan)
        own = _own_share(n, width)
        variance = _averaged(variances, width, square=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            significance = _averaged(areas, width) / np.sqrt(variance[:, [AREA_L3, AREA_L2]])
        sigma_l3 = position_sigma(averaged, energy, at_l3, variance[:, SLOPE_L3])
        sigma_l2 = position_sigma(averaged, energy, at_l2, variance[:, SLOPE_L2])
        # noise has maxima too, with curvatures of their own: a line must have an area before it has a position
        has_l3 = np.isfinite(at_l3) & (sigma_l3 < MAX_POSITION_SIGMA) & (significance[:, 0] > LINE_SIGNIFICANCE)
        found = has_l3 & ~np.isfinite(l3_sigma)
        with np.errstate(invalid="ignore", divide="ignore"):
            gain_l3 = own * sigma_l3 / np.sqrt(variance[:, SLOPE_L3])
            gain_l2 = own * sigma_l2 / np.sqrt(variance[:, SLOPE_L2])
        l3[found], l3_sigma[found], l3_gain[found] = at_l3[found], sigma_l3[found], gain_l3[found]
        # L2 is the weaker line and may take more neighbours: what they tell is its distance from L3
        found = has_l3 & np.isfinite(at_l2) & (sigma_l2 < 2 * MAX_POSITION_SIGMA) & ~splitting_known
        found &= significance[:, 1] > MIN_SIGNIFICANCE
        splitting[found], l2_sigma[found], l2_gain[found] = (at_l2 - at_l3)[found], sigma_l2[found], gain_l2[found]
        splitting_known |= found
        if splitting_known.all():
            break
    l2 = l3 + splitting
    return LinePositions(l3, l2, l3_sigma, l2_sigma, l3_gain, l2_gain)


def _averaged(data: NDArray, width: float, square: bool = False) -> NDArray:
    """Average of neighbours along a line (n, k) by a Gaussian of sigma ``width`` positions, or their variance's."""
    if width == 0:
        return data
    weight = _convolved(data, width, 2 if square else 1)
    # what rounding leaves of nothing
    weight = np.maximum(weight, 0) if square else weight
    return weight * _own_share(len(data), width)[:, None] ** (2 if square else 1)


def _own_share(n: int, width: float) -> NDArray:
    """Share of each position in its own average."""
    return np.ones(n) if width == 0 else 1 / _convolved(np.ones((n, 1)), width)[:, 0]


def _convolved(data: NDArray, width: float, power: int = 1) -> NDArray:
    """Sums over neighbours up to three ``width`` away, nothing beyond the line's ends; by transforms, for any width."""
    n, reach = len(data), int(3 * width)
    padded = scipy.fft.next_fast_len(n + reach, real=True)
    away = np.arange(-reach, reach + 1)
    weights = np.zeros(padded)
    weights[away] = np.exp(-0.5 * power * (away / width) ** 2)
    transform = scipy.fft.rfft(data, padded, axis=0, workers=1) * scipy.fft.rfft(weights)[:, None]
    return scipy.fft.irfft(transform, padded, axis=0, workers=1)[:n]
