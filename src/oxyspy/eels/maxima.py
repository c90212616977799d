"""L3 and L2 maxima of spectra, to a fraction of a channel, and how well they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.edges import Edge
from oxyspy.eels.windows import dispersion

# Gaussian sigma over which maxima are smoothed, in eV: under half a white line's width, so that noise makes none
SMOOTHING_EV = 0.5
MIN_SMOOTHING_CHANNELS = 1.5


@dataclass(frozen=True)
class LinePositions:
    """Where the windows stand: L3 and L2 maxima, and their errors.

    Attributes
    ----------
    l3, l2 : array, shape (...)
        In eV.
    l3_sigma, l2_sigma : array, shape (...)
        Standard errors; ``nan`` where a position is not the spectrum's own.
    l3_gain, l2_gain : array, shape (...)
        By how much a maximum moves with the slope of its own spectrum there, in eV over counts a channel and eV.
    """

    l3: NDArray
    l2: NDArray
    l3_sigma: NDArray
    l2_sigma: NDArray
    l3_gain: NDArray
    l2_gain: NDArray


def smoothing_ev(energy: NDArray) -> float:
    """Sigma in eV of the Gaussian that maxima are found with."""
    return max(SMOOTHING_EV, MIN_SMOOTHING_CHANNELS * dispersion(energy))


def find_maxima(
    spectra: NDArray, energy: NDArray, edge: Edge, smoothing: float, near: float | None = None
) -> tuple[NDArray, NDArray]:
    """L3 and L2 maxima of net spectra, to a fraction of a channel.

    Parameters
    ----------
    spectra : array, shape (..., n)
        Net spectra, deconvolved or not.
    energy : array, shape (n,)
        Calibrated axis in eV.
    edge : Edge
        Gives where L3 is looked for (three and a half times its sigma, at least 5 eV) and the range of L2 - L3.
    smoothing : float
        Sigma of the Gaussian smoothing in eV.
    near : float, optional
        Look for L3 within 5 eV of this energy instead.

    Returns
    -------
    l3, l2 : array, shape (...)
        In eV; ``nan`` where the maximum stands at an end of its range, which is no maximum.
    """
    step = dispersion(energy)
    smooth = gaussian_filter1d(np.nan_to_num(spectra).astype(float), smoothing / step, axis=-1)
    centre, half = (edge.energy, max(3.5 * edge.sigma, 5.0)) if near is None else (near, 5.0)
    l3 = _maximum(smooth, energy, np.full(smooth.shape[:-1], centre - half), np.full(smooth.shape[:-1], centre + half))
    low, high = edge.splitting
    l2 = _maximum(smooth, energy, l3 + low, l3 + high)
    return l3, l2


def _maximum(smooth: NDArray, energy: NDArray, low: NDArray, high: NDArray) -> NDArray:
    """Vertex of the parabola at the greatest channel between ``low`` and ``high``."""
    inside = (energy >= low[..., None]) & (energy <= high[..., None])
    k = np.where(inside, smooth, -np.inf).argmax(-1)
    inner = np.clip(k, 1, smooth.shape[-1] - 2)
    a, b, c = (np.take_along_axis(smooth, (inner + d)[..., None], -1)[..., 0] for d in (-1, 0, 1))
    bend = a - 2 * b + c
    with np.errstate(invalid="ignore", divide="ignore"):
        at = energy[inner] + 0.5 * (a - c) / bend * (energy[1] - energy[0])
    return np.where((bend < 0) & (b >= a) & (b >= c) & inside.any(-1), at, np.nan)


def position_sigma(
    spectra: NDArray, energy: NDArray, at: NDArray, slope_variance: NDArray, smoothing: float
) -> NDArray:
    """Standard error of a maximum: sigma of the slope over the curvature there."""
    away = (energy - np.where(np.isfinite(at), at, energy[energy.size // 2])[..., None]) / smoothing
    gauss = np.exp(-0.5 * away**2)
    gauss /= gauss.sum(-1, keepdims=True)
    curvature = np.einsum("...n,...n->...", np.nan_to_num(spectra), gauss * (away**2 - 1) / smoothing**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(curvature < 0, np.sqrt(slope_variance) / -curvature, np.nan)
