"""White lines and onsets of a spectrum, found without knowing where they belong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.windows import dispersion

# scale of the features looked for, in eV: white lines are 2 to 5 eV wide
FEATURE_SIGMA = 1.6
MIN_SIGNIFICANCE = 5.0
# and over the strongest feature's: what is left beside a great line without noise is its own flank
LEAST_SHARE = 0.01
# no feature is looked for that near to an end of the axis, in eV
MARGIN = 4.0
MOST_FEATURES = 16
# how far below an edge's main maximum its onset may lie, in eV
ONSET_REACH = 12.0


class Feature(NamedTuple):
    """A maximum of a spectrum: its energy as recorded in eV, and its height over its noise."""

    energy: float
    significance: float


class Features(NamedTuple):
    """What a spectrum shows, strongest first, with the curves it was found in.

    Attributes
    ----------
    found : list of Feature
    energy : array, shape (n,)
        As recorded, in eV.
    counts : array, shape (n,)
    bend : array, shape (n,)
        Second derivative of the smoothed counts over the counts: lowest in a maximum, highest at an onset.
    """

    found: list[Feature]
    energy: NDArray
    counts: NDArray
    bend: NDArray


def find_features(counts: NDArray, energy: NDArray) -> Features:
    """Find maxima of minus the second derivative of a spectrum, on the scale of a white line.

    Parameters
    ----------
    counts : array, shape (n,)
        In any unit: the noise is read off the spectrum.
    energy : array, shape (n,)
        In eV.
    """
    step = dispersion(energy)
    sigma = max(FEATURE_SIGMA / step, 1.0)
    counts = np.maximum(np.nan_to_num(np.asarray(counts, float)), 0)
    smooth = np.maximum(gaussian_filter1d(counts, sigma), 1e-12)
    bend = gaussian_filter1d(counts, sigma, order=2) / smooth
    noise = variance_over_mean(counts, max(int(sigma), 1))
    # variance of white noise through the second derivative of a Gaussian: 3 / (8 sqrt(pi) sigma^5)
    spread = np.sqrt(noise * 3 / (8 * np.sqrt(np.pi) * sigma**5) / smooth)
    # what smooth spectra hold that no noise model knows: detector pattern, extended fine structure
    floor = 1.4826 * np.median(np.abs(bend - np.median(bend)))
    # an empty or level spectrum has neither noise nor features
    significance = -bend / np.maximum(np.hypot(spread, floor), 1e-300)
    return Features(_maxima(energy, significance), energy, counts, bend)


def variance_over_mean(counts: NDArray, width: int = 1) -> float:
    """Noise of a smooth spectrum in sums of ``width`` channels: what their second differences scatter by."""
    sums = counts[: counts.size // width * width].reshape(-1, width).sum(1)
    level = sums[:-2] + 4 * sums[1:-1] + sums[2:]
    scatter = np.diff(sums, 2)[level > 0] ** 2 / level[level > 0]
    # the median of chi-squared of one degree of freedom
    return float(np.median(scatter) / 0.4549) if scatter.size else 1.0


def _maxima(energy: NDArray, significance: NDArray) -> list[Feature]:
    """Maxima above the least significance, strongest first."""
    inner = (energy > energy[0] + MARGIN) & (energy < energy[-1] - MARGIN)
    top = (significance[1:-1] >= significance[:-2]) & (significance[1:-1] > significance[2:])
    least = max(MIN_SIGNIFICANCE, LEAST_SHARE * significance[inner].max(initial=0))
    where = np.flatnonzero(top & (significance[1:-1] > least) & inner[1:-1]) + 1
    where = where[np.argsort(-significance[where])][:MOST_FEATURES]
    return [Feature(_vertex(energy, significance, k), float(significance[k])) for k in where]


def _vertex(energy: NDArray, values: NDArray, k: int) -> float:
    """Vertex of the parabola through three points."""
    a, b, c = values[k - 1], values[k], values[k + 1]
    bend = a - 2 * b + c
    return float(energy[k] + (0.5 * (a - c) / bend if bend else 0.0) * (energy[1] - energy[0]))


def sharp_maximum(features: Features, feature: Feature) -> float:
    """A white line's maximum on half the scale it was found on, where its continuum's step moves it less."""
    if feature.significance < 2 * MIN_SIGNIFICANCE:
        return feature.energy
    energy = features.energy
    sigma = max(FEATURE_SIGMA / 2 / dispersion(energy), 1.0)
    curvature = -gaussian_filter1d(features.counts, sigma, order=2)
    near = np.flatnonzero(np.abs(energy - feature.energy) < 1.5)
    return _vertex(energy, curvature, int(np.clip(near[curvature[near].argmax()], 1, energy.size - 2)))


def foot(features: Features, top: float) -> float:
    """Foot of the rise to the main maximum at ``top``: where the spectrum bends up most below it.

    With a pre-edge that is the dip between pre-edge and main edge, without one the onset. A slope has no part in it, so
    that the foot is found on the tail of another edge too.
    """
    energy = features.energy
    near = np.flatnonzero((energy > top - ONSET_REACH) & (energy < top))
    return _vertex(energy, features.bend, int(np.clip(near[features.bend[near].argmax()], 1, energy.size - 2)))
