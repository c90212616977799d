"""L3 and L2 maxima of spectra, to a fraction of a channel, and how well they are known."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.edges import Edge
from oxyspy.eels.windows import dispersion
from oxyspy.errors import InputError

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

    def __getitem__(self, part: slice) -> LinePositions:
        """Return those of some of the positions."""
        return LinePositions(*(getattr(self, item.name)[part] for item in fields(self)))


def smoothing_ev(energy: NDArray) -> float:
    """Sigma in eV of the Gaussian that maxima are found with."""
    return max(SMOOTHING_EV, MIN_SMOOTHING_CHANNELS * dispersion(energy))


def smoothed(spectra: NDArray, energy: NDArray, smoothing: float) -> NDArray:
    """Spectra (..., n) convolved with a Gaussian of sigma ``smoothing`` in eV: what maxima are looked for in."""
    return gaussian_filter1d(np.nan_to_num(spectra).astype(float), smoothing / dispersion(energy), axis=-1)


def find_maxima(smooth: NDArray, energy: NDArray, edge: Edge, near: float | None = None) -> tuple[NDArray, NDArray]:
    """L3 and L2 maxima of net spectra, to a fraction of a channel.

    Parameters
    ----------
    smooth : array, shape (..., n)
        Net spectra, deconvolved or not, `smoothed`.
    energy : array, shape (n,)
        Calibrated axis in eV.
    edge : Edge
        Gives where L3 is looked for (three and a half times its sigma, at least 5 eV) and the range of L2 - L3.
    near : float, optional
        Look for L3 within 5 eV of this energy instead.

    Returns
    -------
    l3, l2 : array, shape (...)
        In eV; ``nan`` where the maximum stands at an end of its range, which is no maximum.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import edge, find_maxima
    >>> energy = np.arange(630.0, 680.0, 0.25)
    >>> lines = np.exp(-((energy - 642.1) ** 2) / 4) + 0.5 * np.exp(-((energy - 652.4) ** 2) / 4)
    >>> l3, l2 = find_maxima(lines, energy, edge("Mn_L"))
    >>> print(l3.round(1), l2.round(1))
    642.1 652.4
    """
    centre, half = (edge.energy, max(3.5 * edge.sigma, 5.0)) if near is None else (near, 5.0)
    l3 = _maximum(smooth, energy, np.full(smooth.shape[:-1], centre - half), np.full(smooth.shape[:-1], centre + half))
    low, high = edge.splitting
    l2 = _maximum(smooth, energy, l3 + low, l3 + high)
    return l3, l2


def check_l3(smooth: NDArray, energy: NDArray, edge: Edge, l3: float) -> None:
    """Refuse an L3 that is L2: on an axis too far off, the true L3 stands below it at their distance, and higher.

    Parameters
    ----------
    smooth : array, shape (n,)
        Net spectrum of the whole scan, `smoothed`.
    energy, edge
        As in `find_maxima`.
    l3 : float
        What was found, in eV.

    Raises
    ------
    InputError
    """
    low, high = edge.splitting
    below = float(_maximum(smooth, energy, np.asarray(l3 - high), np.asarray(l3 - low)))
    if np.isfinite(below) and np.interp(below, energy, smooth) > np.interp(l3, energy, smooth):
        raise InputError(
            f"{edge.name}: the line at {l3:.1f} eV, where L3 should be, has a higher one {l3 - below:.1f} eV below it, "
            f"so it is L2: the energy axis is about {edge.energy - below:.0f} eV off; calibrate it by two edges, or "
            "move its offset"
        )


def lines_part(energy: NDArray, edge: Edge, smoothing: float, near: float) -> slice:
    """Channels that L3 and L2 maxima near ``near`` and their errors depend on: all others may be left out."""
    margin = 8 * smoothing
    bounds = np.searchsorted(energy, [near - 5.0 - margin, near + 5.0 + edge.splitting[1] + margin])
    return slice(*(int(bound) for bound in bounds))


def _maximum(smooth: NDArray, energy: NDArray, low: NDArray, high: NDArray) -> NDArray:
    """Vertex of the parabola at the greatest channel between ``low`` and ``high``."""
    known = np.isfinite(low)
    if not known.any():
        return np.full(smooth.shape[:-1], np.nan)
    # no channel outside the widest range can hold it
    first, last = (int(np.searchsorted(energy, end)) for end in (low[known].min(), high[known].max()))
    part = slice(min(first, energy.size - 1), last + 1)
    inside = (energy[part] >= low[..., None]) & (energy[part] <= high[..., None])
    k = part.start + np.where(inside, smooth[..., part], -np.inf).argmax(-1)
    inner = np.clip(k, 1, smooth.shape[-1] - 2)
    a, b, c = _about(smooth, inner, 1)
    bend = a - 2 * b + c
    with np.errstate(invalid="ignore", divide="ignore"):
        at = energy[inner] + 0.5 * (a - c) / bend * (energy[1] - energy[0])
    return np.where((bend < 0) & (b >= a) & (b >= c) & inside.any(-1), at, np.nan)


def _about(smooth: NDArray, channel: NDArray, reach: int) -> list[NDArray]:
    """Values from ``reach`` channels below to as many above."""
    return [np.take_along_axis(smooth, (channel + d)[..., None], -1)[..., 0] for d in range(-reach, reach + 1)]


def position_sigma(smooth: NDArray, energy: NDArray, at: NDArray, slope_variance: NDArray) -> NDArray:
    """Standard error of a maximum: sigma of the slope over the curvature there.

    Parameters
    ----------
    smooth : array, shape (..., n)
        Spectra, `smoothed`.
    energy : array, shape (n,)
        In eV.
    at : array, shape (...)
        Maxima in eV.
    slope_variance : float or array, shape (...)
        Of the smoothed spectra at the maxima, in (counts a channel and eV) squared.

    Returns
    -------
    array, shape (...)
        In eV; ``nan`` where nothing curves downwards.
    """
    step = energy[1] - energy[0]
    place = (np.where(np.isfinite(at), at, energy[energy.size // 2]) - energy[0]) / step
    channel = np.clip(np.rint(place).astype(int), 2, energy.size - 3)
    away = place - channel
    # of the quartic through the five channels about it
    a, b, c, d, e = _about(smooth, channel, 2)
    second, third, fourth = b - 2 * c + d, (e - 2 * d + 2 * b - a) / 2, a - 4 * b + 6 * c - 4 * d + e
    curvature = (second - fourth / 12 + away * third + away**2 / 2 * fourth) / step**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(curvature < 0, np.sqrt(slope_variance) / -curvature, np.nan)
