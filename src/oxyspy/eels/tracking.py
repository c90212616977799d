"""L3 and L2 maxima along a line of spectra, each from as many neighbours as it takes to know it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.deconvolution import Kernel, deconvolve
from oxyspy.eels.edges import Edge
from oxyspy.eels.maxima import LinePositions, find_maxima, position_sigma, smoothing_ev
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
    net = counts - background(energy)
    spectra = net if kernel is None else deconvolve(net, kernel)
    spectra = np.where(np.isfinite(spectra), spectra, 0).sum(0)
    smoothing = smoothing_ev(energy)
    n = spectra.shape[0]
    whole = spectra.sum(0)
    whole_l3, whole_l2 = find_maxima(whole, energy, edge, smoothing, near)
    if not np.isfinite(whole_l2):
        whole_l2 = whole_l3 + sum(edge.splitting) / 2
    # variance of the slope changes little as the windows move: measured once, at the whole line's maxima
    at = (whole_l3, whole_l2) if np.isfinite(whole_l3) else (edge.energy, edge.energy + sum(edge.splitting) / 2)
    single = line_functionals(counts, energy, background, *at, method, kernel=kernel, noise=noise, readout=readout)
    single = single.sum(axis=0)
    total_variance = np.nansum(single.covariance[:, SLOPE_L3, SLOPE_L3])
    whole_sigma = position_sigma(whole, energy, whole_l3, total_variance, smoothing)
    if not whole_sigma < MAX_WHOLE_SIGMA:
        raise InputError(
            f"{edge.name}: no L3 maximum within {max(3.5 * edge.sigma, 5.0):.0f} eV of {edge.energy:g} eV in the sum "
            "of all spectra; is the element there, and the axis calibrated?"
        )
    l3 = np.full(n, whole_l3)
    l3_sigma, l2_sigma, l3_gain, l2_gain = np.full((4, n), np.nan)
    splitting, splitting_known = np.full(n, whole_l2 - whole_l3), np.zeros(n, bool)
    for width in (0.0, *2.0 ** np.arange(-0.5, np.log2(max(n / 4, 1)) + 0.5, 0.5)):
        share = _line_average(n, width)
        averaged = share @ spectra
        at_l3, at_l2 = find_maxima(averaged, energy, edge, smoothing, whole_l3)
        at_l2 = np.where(np.isfinite(at_l2), at_l2, np.nan)
        variance = np.einsum("qp,pkk->qk", share**2, np.nan_to_num(single.covariance))
        areas = share @ np.nan_to_num(single.values[:, [AREA_L3, AREA_L2]])
        with np.errstate(invalid="ignore", divide="ignore"):
            significance = areas / np.sqrt(variance[:, [AREA_L3, AREA_L2]])
        sigma_l3 = position_sigma(averaged, energy, at_l3, variance[:, SLOPE_L3], smoothing)
        sigma_l2 = position_sigma(averaged, energy, at_l2, variance[:, SLOPE_L2], smoothing)
        # noise has maxima too, with curvatures of their own: a line must have an area before it has a position
        has_l3 = np.isfinite(at_l3) & (sigma_l3 < MAX_POSITION_SIGMA) & (significance[:, 0] > LINE_SIGNIFICANCE)
        found = has_l3 & ~np.isfinite(l3_sigma)
        own = np.diagonal(share)
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


def _line_average(n: int, width: float) -> NDArray:
    """Rows that average neighbours along a line by a Gaussian of sigma ``width`` positions."""
    if width == 0:
        return np.eye(n)
    away = np.arange(n)[:, None] - np.arange(n)
    share = np.exp(-0.5 * (away / width) ** 2) * (np.abs(away) <= 3 * width)
    return share / share.sum(1, keepdims=True)
