"""Finding the edges on an energy axis that may be wrong, and mending the axis by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from oxyspy.eels.edges import Edge, edges
from oxyspy.eels.features import MIN_SIGNIFICANCE, Feature, Features, find_features, foot, sharp_maximum
from oxyspy.results import Result

# how wrong an axis may be: offset in eV at the pivot, and dispersion as a fraction
MAX_OFFSET = 55.0
MAX_DISPERSION_ERROR = 0.05
PIVOT = 700.0
# the same at the edge that has to stand for the whole axis, in eV
MOST_OFFSET_ALONE = 25.0
# standard error of the dispersion beforehand, as a fraction: two close edges make no dispersion of their own
DISPERSION_SIGMA = 0.04
# how far a proposed axis may leave each of the two features it is made from, in eV
MOST_OFF_PROPOSAL = 1.5
# where an edge may have features of its own, from its landmark, in eV
BELOW_EDGE, ABOVE_EDGE = -8.0, 35.0
# significance of a feature, over the strongest one's, that some edge must explain
GREAT = 0.6
# chance of a worse chi-squared below which landmarks do not belong to one straight line
LEAST_CHANCE = 0.01


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
        Whether absolute positions mean something: two edges or more were found, they agree on one axis, and no great
        feature is left that none of them explains. Where it is false, the axis serves to place windows.
    method : str
        What was done, in words; or why it does not make the axis absolute.
    unexplained_ev : float
        Where a great feature stands as recorded that no edge found explains; ``nan`` where there is none.
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
    unexplained_ev: float = float("nan")

    def __call__(self, energy: NDArray) -> NDArray:
        """Return the calibrated energies of recorded ones."""
        return self.offset_ev + self.factor * np.asarray(energy)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the edges found."""
        return tuple(found.name for found in self.edges)

    def missed(self, name: str) -> bool:
        """Whether an edge was looked for where it belongs, by an axis that others hold, and not found."""
        return len(self.edges) > 1 and name not in self.names

    def __str__(self) -> str:
        if not self.absolute:
            return f"energy axis not calibrated ({self.method})"
        return (
            f"E = {self.factor:.4f} x recorded {self.offset_ev:+.2f} eV ({self.correction_ev:+.1f} ± "
            f"{self.correction_sigma_ev:.1f} eV at {PIVOT:g} eV), from {', '.join(self.names)}"
        )


class Landmark(NamedTuple):
    """An edge's landmark as recorded, where it belongs and how well that is known, in eV, and its significance."""

    name: str
    recorded: float
    expected: float
    sigma: float
    significance: float


Axis = tuple[float, float]
Known = dict[str, tuple[Edge, float, float]]


def calibrate(
    counts: NDArray,
    energy: NDArray,
    *,
    landmarks: Mapping[str, tuple[float, float]] | None = None,
) -> Calibration:
    """Find the known edges in a spectrum and calibrate its axis by two or more of them.

    Peaks and onsets are found as maxima of the negative second derivative of the counts, on the scale of a white line.
    Every pairing of two of them with two known edges proposes an axis; the proposal that explains most features, L2
    lines at their distance from L3 included, and leaves fewest unexplained, wins. The axis is then the weighted
    least-squares line through the landmarks, each weighted by how well its true energy is known. Where they do not
    belong to one line (chi-squared with a chance under 1 %), one of four or more is left out; fewer calibrate nothing.

    Parameters
    ----------
    counts : array, shape (n,)
        A spectrum with good statistics: the sum over a scan. In any unit: the noise is read off the spectrum.
    energy : array, shape (n,)
        The axis as recorded, in eV; right to ±25 eV and ±4 % in dispersion.
    landmarks : mapping, optional
        Name to (energy, sigma) in eV, where more is known than the shipped table does; for instance the L3 maximum
        of Mn4+ where the bulk's valence is no question.

    Returns
    -------
    Calibration
        Without ``absolute`` where the edges found do not suffice. One edge alone, with both its lines, moves the axis
        so that windows stand right; with none the axis stays as it is.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> core = scan.core_loss
    >>> from oxyspy.eels import calibrate
    >>> print(calibrate(core.data.reshape(-1, core.energy.size).sum(0), core.energy))
    E = 1.0008 x recorded -1.54 eV (-1.0 ± 0.8 eV at 700 eV), from O_K, Mn_L, Co_L, Ni_L
    """
    known = {name: (item, *(landmarks or {}).get(name, (item.energy, item.sigma))) for name, item in edges().items()}
    features = find_features(counts, energy)
    proposal = _best_proposal(features, known)
    landed = [] if proposal is None else _locate(proposal, features, known)
    if len(landed) < 2:
        return _by_one_edge(features, known)
    calibration = _fit(landed)
    if _beyond_mending(calibration):
        return _uncalibrated(f"{', '.join(calibration.names)} agree on no axis that is right to 25 eV and 4 %")
    strange = _unexplained(calibration, features.found, landed)
    if np.isfinite(strange):
        none = f"a strong feature at {strange:.0f} eV as recorded belongs to none of {', '.join(calibration.names)}"
        return replace(calibration, absolute=False, method=none, unexplained_ev=strange)
    return calibration


def _best_proposal(features: Features, known: Known) -> Axis | None:
    """The axis (offset, factor) that explains most; None where none explains two edges."""
    best, score = None, 0.0
    for first, second in combinations(features.found, 2):
        for proposal in _proposals(first, second, known):
            value = _score(proposal, features, known)
            if value > score:
                best, score = proposal, value
    return best


def _proposals(first: Feature, second: Feature, known: Known) -> list[Axis]:
    """Axes that put two features on expected features of two different edges."""
    low, high = sorted((first.energy, second.energy))
    expected = [(energy + at, name) for name, (item, energy, _) in known.items() for at, _, _ in item.features]
    found = []
    for (a, name_a), (b, name_b) in combinations(sorted(expected), 2):
        if name_a == name_b:
            continue
        factor = float(np.clip((b - a) / (high - low), 1 - MAX_DISPERSION_ERROR, 1 + MAX_DISPERSION_ERROR))
        # two close features may lie a little off any axis that is possible
        off = abs(b - a - factor * (high - low)) / 2
        offset = (a + b - factor * (low + high)) / 2
        if off <= MOST_OFF_PROPOSAL and abs(offset + (factor - 1) * PIVOT) <= MAX_OFFSET:
            found.append((offset, factor))
    return found


def _score(proposal: Axis, features: Features, known: Known) -> float:
    """How much of the features' strength a proposed axis explains, less what it leaves or misses."""
    offset, factor = proposal
    at = offset + factor * np.array([f.energy for f in features.found])
    # strength grows slowly, so that one great white line does not outvote three small edges
    strength = np.log1p(np.array([f.significance for f in features.found]) / MIN_SIGNIFICANCE)
    first, last = offset + factor * features.energy[0] + 10, offset + factor * features.energy[-1] - 10
    explained, explained_by = 0.0, np.zeros(at.size, bool)
    named = 0
    for item, expected, _ in known.values():
        gained, needed = 0.0, 0.0
        claimed = np.zeros(at.size, bool)
        for distance, tolerance, weight in item.features:
            place = expected + distance
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
            own = (at > expected + BELOW_EDGE) & (at < expected + ABOVE_EDGE) & (strength < strength.max() * 0.7)
            explained_by |= claimed | own
    prior = 0.5 * ((offset + (factor - 1) * PIVOT) / 25.0) ** 2 + 0.5 * ((factor - 1) / 0.03) ** 2
    return explained - 0.7 * strength[~explained_by].sum() - 0.3 * prior if named >= 2 else -np.inf


def _locate(proposal: Axis, features: Features, known: Known) -> list[Landmark]:
    """Landmarks of the edges that the winning axis explains."""
    offset, factor = proposal
    found = []
    for name, (item, expected, sigma) in known.items():
        distance, tolerance, _ = item.features[0]
        near = [f for f in features.found if abs(offset + factor * f.energy - expected - distance) < 2.2 * tolerance]
        if not near:
            continue
        feature = max(near, key=lambda f: f.significance)
        recorded = foot(features, feature.energy) if item.kind == "onset" else sharp_maximum(features, feature)
        found.append(Landmark(name, recorded, expected, sigma, feature.significance))
    return found


def _unexplained(calibration: Calibration, features: list[Feature], landed: list[Landmark]) -> float:
    """Where the strongest of the great features stands that no edge has within its own range, as recorded."""
    for feature in features:
        if feature.significance < GREAT * features[0].significance:
            break
        at = calibration(feature.energy)
        if not any(BELOW_EDGE < at - mark.expected < ABOVE_EDGE for mark in landed):
            return feature.energy
    return float("nan")


def _fit(found: list[Landmark]) -> Calibration:
    """Weighted straight line through the landmarks; of four or more that fit none, without the worst."""
    calibration, chance = _line_through(found)
    if chance >= LEAST_CHANCE:
        return calibration
    if len(found) > 3:
        without = [(*_line_through([f for f in found if f is not one]), one) for one in found]
        better, chance, left = max(without, key=lambda fitted: fitted[1])
        if chance >= LEAST_CHANCE:
            off = better(left.recorded) - left.expected
            return replace(better, method=f"{better.method}; {left.name} left out, {off:+.1f} eV off it")
    residuals = ", ".join(f"{edge.name} {edge.residual_ev:+.1f} eV" for edge in calibration.edges)
    return replace(calibration, absolute=False, method=f"its edges agree on no axis: {residuals} off the best one")


def _line_through(found: list[Landmark]) -> tuple[Calibration, float]:
    """Weighted straight line through the landmarks, and the chance that its chi-squared is exceeded."""
    recorded, expected, sigma = (np.array([getattr(f, k) for f in found]) for k in ("recorded", "expected", "sigma"))
    # centred at the pivot, where offset and factor are least correlated
    design = np.stack([np.ones_like(recorded), (recorded - PIVOT) / 100.0], axis=1)
    prior = np.diag([0.0, (100 * DISPERSION_SIGMA) ** -2])
    covariance = np.linalg.inv((design / sigma[:, None] ** 2).T @ design + prior)
    at_pivot, per_100 = covariance @ (design / sigma[:, None] ** 2).T @ (expected - recorded)
    factor = 1 + per_100 / 100.0
    offset = at_pivot - per_100 * PIVOT / 100.0
    off, stretched = np.sqrt(np.diag(covariance)) * (1, 0.01)
    residual = offset + factor * recorded - expected
    misfit = ((residual / sigma) ** 2).sum() + ((factor - 1) / DISPERSION_SIGMA) ** 2
    spread = np.array([1.0, -PIVOT / 100.0])
    calibration = Calibration(
        offset_ev=float(offset),
        offset_sigma_ev=float(np.sqrt(spread @ covariance @ spread)),
        factor=float(factor),
        factor_sigma=float(stretched),
        correction_ev=float(at_pivot),
        correction_sigma_ev=float(off),
        edges=tuple(FoundEdge(*one, float(d)) for one, d in zip(found, residual, strict=True)),
        absolute=True,
        method=f"offset and dispersion by weighted least squares to {len(found)} edges",
    )
    return calibration, float(chi2.sf(misfit, len(found) - 1))


def _beyond_mending(calibration: Calibration) -> bool:
    """Whether an axis is further off than real ones are, by more than its own error."""
    too_stretched = abs(calibration.factor - 1) > MAX_DISPERSION_ERROR + 2 * calibration.factor_sigma
    return too_stretched or abs(calibration.correction_ev) > MAX_OFFSET + 2 * calibration.correction_sigma_ev


def _by_one_edge(features: Features, known: Known) -> Calibration:
    """Offset by the one edge whose two lines stand at their distance, L3 the stronger; without one, none."""
    fitting = []
    for first, second in permutations(features.found, 2):
        for name, (item, expected, sigma) in known.items():
            low, high = item.splitting or (np.inf, np.inf)
            if (
                low <= second.energy - first.energy <= high
                and first.significance > second.significance
                and abs(first.energy - expected) < MOST_OFFSET_ALONE
            ):
                fitting.append((first, Landmark(name, 0.0, expected, sigma, first.significance)))
    if len({mark.name for _, mark in fitting}) != 1:
        return _uncalibrated("under two known edges found")
    feature, mark = max(fitting, key=lambda pair: pair[1].significance)
    mark = mark._replace(recorded=sharp_maximum(features, feature))
    off, nan = mark.expected - mark.recorded, float("nan")
    return Calibration(
        offset_ev=off,
        offset_sigma_ev=nan,
        factor=1.0,
        factor_sigma=nan,
        correction_ev=off,
        correction_sigma_ev=nan,
        edges=(FoundEdge(*mark, 0.0),),
        absolute=False,
        method=f"{mark.name} alone found, {-off:+.1f} eV from where it belongs; needed two edges",
        unexplained_ev=nan,
    )


def _uncalibrated(reason: str) -> Calibration:
    nan = float("nan")
    return Calibration(0.0, nan, 1.0, nan, 0.0, nan, (), False, reason)
