"""Finding the edges on an energy axis that may be wrong, and mending the axis by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.edges import Edge, edges
from oxyspy.eels.windows import dispersion
from oxyspy.results import Result

# how wrong an axis may be: offset in eV at the pivot, and dispersion as a fraction
MAX_OFFSET = 55.0
MAX_DISPERSION_ERROR = 0.05
PIVOT = 700.0
# scale of the features looked for, in eV: white lines are 2 to 5 eV wide
FEATURE_SIGMA = 1.6
MIN_SIGNIFICANCE = 5.0


@dataclass(frozen=True)
class FoundEdge(Result):
    """An edge found on the axis as recorded.

    Attributes
    ----------
    name : str
        For example ``"Mn_L"``.
    recorded_ev : float
        Where its landmark stands on the axis as recorded, in eV.
    expected_ev, sigma_ev : float
        Where it belongs, and how well that is known, in eV.
    significance : float
        Height of the feature over its noise.
    residual_ev : float
        Calibrated minus expected position, in eV.
    """

    name: str
    recorded_ev: float
    expected_ev: float
    sigma_ev: float
    significance: float
    residual_ev: float


@dataclass(frozen=True)
class Calibration(Result):
    """Energy = offset_ev + factor * recorded energy.

    Attributes
    ----------
    offset_ev, offset_sigma_ev : float
        At zero on the axis as recorded, in eV.
    factor, factor_sigma : float
        Dispersion factor.
    correction_ev : float
        The change at 700 eV on the axis as recorded, in eV, and
    correction_sigma_ev : float
        its standard error: how well absolute energies are known.
    edges : tuple of FoundEdge
    absolute : bool
        Whether absolute positions mean something: two edges or more were found.
    method : str
        What was done, in words.
    """

    offset_ev: float
    offset_sigma_ev: float
    factor: float
    factor_sigma: float
    correction_ev: float
    correction_sigma_ev: float
    edges: tuple[FoundEdge, ...]
    absolute: bool
    method: str

    def __call__(self, energy: NDArray) -> NDArray:
        """Return the calibrated energies of recorded ones."""
        return self.offset_ev + self.factor * np.asarray(energy)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the edges found."""
        return tuple(found.name for found in self.edges)

    def __str__(self) -> str:
        if not self.edges:
            return f"energy axis not calibrated ({self.method})"
        return (
            f"E = {self.factor:.4f} x recorded {self.offset_ev:+.2f} eV ({self.correction_ev:+.1f} ± "
            f"{self.correction_sigma_ev:.1f} eV at {PIVOT:g} eV), from {', '.join(self.names)}"
        )


@dataclass(frozen=True)
class _Feature:
    energy: float
    significance: float


def calibrate(
    counts: NDArray,
    energy: NDArray,
    *,
    landmarks: Mapping[str, tuple[float, float]] | None = None,
    noise: float = 1.0,
) -> Calibration:
    """Find the known edges in a spectrum and calibrate its axis by two or more of them.

    Peaks and onsets are found as maxima of the negative second derivative of the log of the counts, on the scale of a
    white line. Every pairing of two of them with two known edges proposes an axis; the proposal that explains most
    features, L2 lines at their distance from L3 included, and leaves fewest unexplained, wins. The axis is then the
    weighted least-squares line through the landmarks, each weighted by how well its true energy is known.

    Parameters
    ----------
    counts : array, shape (n,)
        A spectrum with good statistics: the sum over a scan.
    energy : array, shape (n,)
        The axis as recorded, in eV; right to ±25 eV and ±4 % in dispersion.
    landmarks : mapping, optional
        Name to (energy, sigma) in eV, where more is known than the shipped table does; for instance the L3 maximum
        of Mn4+ where the bulk's valence is no question.
    noise : float
        Variance over mean of the counts.

    Returns
    -------
    Calibration
        With ``absolute`` false, factor 1 and what could be done, where under two edges were found.
    """
    step = dispersion(energy)
    known = {name: (item, *(landmarks or {}).get(name, (item.energy, item.sigma))) for name, item in edges().items()}
    log_counts, curvature, significance = _feature_curves(counts, step, noise)
    features = _features(energy, significance, margin=4.0)
    best, score = None, 0.0
    for first, second in combinations(features, 2):
        for proposal in _proposals(first, second, known):
            value = _score(proposal, features, known, energy)
            if value > score:
                best, score = proposal, value
    if best is None:
        return _uncalibrated("under two known edges found")
    found = _locate(best, features, known, counts, log_counts, energy, step)
    return _fit(found, len(features))


def _feature_curves(counts: NDArray, step: float, noise: float) -> tuple[NDArray, NDArray, NDArray]:
    """Smoothed log counts, minus its second derivative, and that over its noise."""
    sigma = max(FEATURE_SIGMA / step, 1.0)
    counts = np.maximum(np.nan_to_num(np.asarray(counts, float)), 0)
    smooth = np.maximum(gaussian_filter1d(counts, sigma), 1e-12)
    log_counts = np.log(smooth)
    curvature = -gaussian_filter1d(counts, sigma, order=2) / smooth
    # variance of white noise through the second derivative of a Gaussian: 3 / (8 sqrt(pi) sigma^5)
    spread = np.sqrt(noise * 3 / (8 * np.sqrt(np.pi) * sigma**5) / smooth)
    # what smooth spectra hold that no noise model knows: detector pattern, extended fine structure
    floor = 1.4826 * np.median(np.abs(curvature - np.median(curvature)))
    return log_counts, curvature, curvature / np.hypot(spread, floor)


def _features(energy: NDArray, significance: NDArray, margin: float) -> list[_Feature]:
    """Maxima above the least significance, strongest first, at most 16."""
    inner = (energy > energy[0] + margin) & (energy < energy[-1] - margin)
    top = (significance[1:-1] >= significance[:-2]) & (significance[1:-1] > significance[2:])
    where = np.flatnonzero(top & (significance[1:-1] > MIN_SIGNIFICANCE) & inner[1:-1]) + 1
    where = where[np.argsort(-significance[where])][:16]
    return [_Feature(_vertex(energy, significance, k), float(significance[k])) for k in where]


def _vertex(energy: NDArray, values: NDArray, k: int) -> float:
    """Vertex of the parabola through three points."""
    a, b, c = values[k - 1], values[k], values[k + 1]
    bend = a - 2 * b + c
    return float(energy[k] + (0.5 * (a - c) / bend if bend else 0.0) * (energy[1] - energy[0]))


def _feature_energies(item: Edge, energy: float) -> list[tuple[float, float, float]]:
    """Expected features of an edge as (energy, tolerance, weight)."""
    if item.splitting:
        middle, half = sum(item.splitting) / 2, (item.splitting[1] - item.splitting[0]) / 2
        return [(energy, 2.0, 1.0), (energy + middle, max(half, 1.5), 0.7)]
    if item.pre_edge:
        # O K: pre-edge below the onset, main maximum about 8 eV above it
        return [(energy - 4.0, 2.0, 0.7), (energy + 8.0, 3.5, 1.0)]
    return [(energy, 3.0, 0.6)]


def _proposals(first: _Feature, second: _Feature, known: dict) -> list[tuple[float, float]]:
    """Axes (offset, factor) that put two features on expected features of two different edges."""
    low, high = sorted((first.energy, second.energy))
    expected = [
        (at, name) for name, (item, energy, _) in known.items() for at, _, weight in _feature_energies(item, energy)
    ]
    found = []
    for (a, name_a), (b, name_b) in combinations(sorted(expected), 2):
        if name_a == name_b:
            continue
        factor = (b - a) / (high - low)
        offset = a - factor * low
        if abs(factor - 1) <= MAX_DISPERSION_ERROR and abs(offset + (factor - 1) * PIVOT) <= MAX_OFFSET:
            found.append((offset, factor))
    return found


def _score(proposal: tuple[float, float], features: list[_Feature], known: dict, energy: NDArray) -> float:
    """How much of the features' strength a proposed axis explains, less what it leaves or misses."""
    offset, factor = proposal
    at = offset + factor * np.array([f.energy for f in features])
    # strength grows slowly, so that one great white line does not outvote three small edges
    strength = np.log1p(np.array([f.significance for f in features]) / MIN_SIGNIFICANCE)
    first, last = offset + factor * energy[0] + 10, offset + factor * energy[-1] - 10
    explained, explained_by = 0.0, np.zeros(len(features), bool)
    named = 0
    for item, expected, _ in known.values():
        gained, needed = 0.0, 0.0
        claimed = np.zeros(len(features), bool)
        for place, tolerance, weight in _feature_energies(item, expected):
            if not first < place < last:
                continue
            fit = np.exp(-0.5 * ((at - place) / tolerance) ** 2) * (np.abs(at - place) < 2.5 * tolerance)
            k = int((fit * strength).argmax())
            needed += weight
            gained += weight * fit[k] * strength[k]
            claimed |= fit > 0.1
        # an edge needs its main feature: L2 without L3 is none
        if gained > 0.3 * needed:
            named += 1
            explained += gained
            explained_by |= claimed | ((at > expected - 8) & (at < expected + 35) & (strength < strength.max() * 0.7))
    prior = 0.5 * ((offset + (factor - 1) * PIVOT) / 25.0) ** 2 + 0.5 * ((factor - 1) / 0.03) ** 2
    return explained - 0.7 * strength[~explained_by].sum() - 0.3 * prior if named >= 2 else -np.inf


def _locate(proposal, features, known, counts, log_counts, energy, step) -> list[tuple]:
    """Landmarks of the edges that the winning axis explains: (name, recorded, expected, sigma, significance)."""
    offset, factor = proposal
    found = []
    for name, (item, expected, sigma) in known.items():
        main = _feature_energies(item, expected)
        place, tolerance, _ = main[0] if item.kind == "peak" or len(main) == 1 else main[1]
        near = [f for f in features if abs(offset + factor * f.energy - place) < 2.2 * tolerance]
        if not near:
            continue
        feature = max(near, key=lambda f: f.significance)
        if item.kind == "onset":
            recorded = _foot(log_counts, energy, feature.energy, step)
        else:
            recorded = _sharp_maximum(counts, energy, feature, step)
        found.append((name, recorded, expected, sigma, feature.significance))
    return found


def _sharp_maximum(counts: NDArray, energy: NDArray, feature: _Feature, step: float) -> float:
    """A white line's maximum on half the scale it was found on, where its continuum's step moves it less."""
    if feature.significance < 2 * MIN_SIGNIFICANCE:
        return feature.energy
    curvature = -gaussian_filter1d(np.asarray(counts, float), max(FEATURE_SIGMA / 2 / step, 1.0), order=2)
    near = np.flatnonzero(np.abs(energy - feature.energy) < 1.5)
    return _vertex(energy, curvature, int(np.clip(near[curvature[near].argmax()], 1, energy.size - 2)))


def _foot(log_counts: NDArray, energy: NDArray, top: float, step: float) -> float:
    """Foot of the rise to the maximum at ``top``: the last minimum below it, above the falling background.

    With a pre-edge that is the dip between pre-edge and main edge, without one the onset.
    """
    k = int(np.searchsorted(energy, top))
    reach = max(k - int(14.0 / step), 0)
    # the background falls: take its slope out, so that a shoulder counts as a minimum too
    slope = (log_counts[reach] - log_counts[max(reach - int(20.0 / step), 0)]) / max(int(20.0 / step), 1)
    level = log_counts[reach : k + 1] - slope * np.arange(k + 1 - reach)
    rise = np.diff(level)
    flat = np.flatnonzero(rise <= 0.02 * max(rise.max(), 1e-12))
    return float(energy[reach + (flat[-1] + 1 if flat.size else 0)])


def _fit(found: list[tuple], n_features: int) -> Calibration:
    """Weighted straight line through the landmarks."""
    if len(found) < 2:
        return _uncalibrated("under two known edges found")
    names, recorded, expected, sigma, significance = zip(*found, strict=True)
    recorded, expected, sigma = np.array(recorded), np.array(expected), np.array(sigma)
    # centred at the pivot, where offset and factor are least correlated; a prior of 4 % keeps two close edges from
    # making a dispersion of their own
    design = np.stack([np.ones_like(recorded), (recorded - PIVOT) / 100.0], axis=1)
    information = (design / sigma[:, None] ** 2).T @ design + np.diag([0.0, (1 / 4.0) ** 2])
    right = (design / sigma[:, None] ** 2).T @ (expected - recorded)
    covariance = np.linalg.inv(information)
    at_pivot, per_100 = covariance @ right
    factor = 1 + per_100 / 100.0
    offset = at_pivot - per_100 * PIVOT / 100.0
    residual = offset + factor * recorded - expected
    spread = np.array([1.0, -PIVOT / 100.0])
    return Calibration(
        offset_ev=float(offset),
        offset_sigma_ev=float(np.sqrt(spread @ covariance @ spread)),
        factor=float(factor),
        factor_sigma=float(np.sqrt(covariance[1, 1]) / 100.0),
        correction_ev=float(at_pivot),
        correction_sigma_ev=float(np.sqrt(covariance[0, 0])),
        edges=tuple(
            FoundEdge(n, float(r), float(e), float(s), float(z), float(d))
            for n, r, e, s, z, d in zip(names, recorded, expected, sigma, significance, residual, strict=True)
        ),
        absolute=True,
        method=f"offset and dispersion by weighted least squares to {len(found)} edges",
    )


def _uncalibrated(reason: str) -> Calibration:
    nan = float("nan")
    return Calibration(0.0, nan, 1.0, nan, 0.0, nan, (), False, reason)
