"""Rows of one scan: by how many positions their surfaces stand apart.

All rows show one profile of the metal, T, each moved by a number of whole positions k of its own, which counts are
moved by without being resampled. T, the k and their distribution are found together by expectation-maximisation, as
noisy images are aligned in electron microscopy (F. J. Sigworth, J. Struct. Biol. 122, 328 (1998)): a row too noisy to
say where it stands takes part where it may stand, and the shifts' own distribution holds it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.stats import chi2 as chi_squared

# a row with less than this share of the metal of the others is no row of the cathode
VACUUM_SHARE = 0.1
# thickness varies by a few per cent from place to place, whatever the counts say
UNEVEN = 0.03
# gain in chi-squared of five standard deviations, and their two-sided probability: rows that differ by less stay
STRONG, CHANCE = 25.0, 5.7e-7
# each row takes the best of its places: in simulated noise chi-squared gains up to twice by that what it would by one
# that is measured
BY_CHOICE = 2.0
# a shift known worse than this, in positions, is none
MOST_SIGMA = 2.0
# rounds of expectation and maximisation; after fewer nothing changes
SWEEPS = 15
# shifts that leave less than this share of the positions to all rows cost rows instead
LEAST_SHARE = 0.5
# profiles that change that much more along one direction than along the other show where the surface runs
CLEAR_DIRECTION = 1.5


@dataclass(frozen=True)
class RowShifts:
    """Where the rows of a scan stand.

    Attributes
    ----------
    shifts : array of int, shape (rows,)
        To take each row from that many positions further on.
    expected, sigma : array, shape (rows,)
        Mean and standard error of each row's place in positions, on the scale of ``shifts``; ``nan`` where a row has
        none.
    used : array of bool, shape (rows,)
    reasons : tuple of str
        A row's own: why it is left out, or why it was not moved; empty where all is well.
    chance : float
        Probability of rows as far apart as these by noise alone.
    """

    shifts: NDArray
    expected: NDArray
    sigma: NDArray
    used: NDArray
    reasons: tuple[str, ...]
    chance: float


def runs_across(metal: NDArray, variance: NDArray) -> bool:
    """Say whether the surface's normal runs along the rows' direction rather than along the positions.

    Parameters
    ----------
    metal, variance : array, shape (rows, positions)

    Returns
    -------
    bool
        True where the mean profile over the rows' direction changes more than 1.5 times as much.
    """

    def change(axis: int) -> float:
        known = np.isfinite(metal)
        n = np.maximum(known.sum(axis), 1)
        profile = np.where(known, metal, 0).sum(axis) / n
        noise = np.where(known, variance, 0).sum(axis) / n**2
        return float(np.sqrt(max(profile.var() - noise.mean(), 0.0)))

    return change(1) > CLEAR_DIRECTION * change(0)


def significance(metal: NDArray, variance: NDArray) -> float:
    """Median of the metal over its standard error, where there is more than half of the brightest; 0 without any."""
    good = np.isfinite(metal) & (variance > 0)
    if not good.any():
        return 0.0
    level = _level(metal, good)
    inside = good & (metal > level / 2)
    return float(np.median(metal[inside] / np.sqrt(variance[inside]))) if level > 0 and inside.any() else 0.0


def find_rows(metal: NDArray, variance: NDArray) -> RowShifts:
    """Find the shifts that bring the surfaces of all rows together.

    Parameters
    ----------
    metal, variance : array, shape (rows, positions)
        Metal signal and its variance; ``nan`` where there is none.

    Returns
    -------
    RowShifts
        Shifts of zero where noise explains the differences to five standard deviations. Where no row crosses the
        surface all are used, unmoved.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.layer import find_rows
    >>> x = np.arange(40)
    >>> metal = np.stack([1e4 / (1 + np.exp(at - x)) for at in (18, 20, 23, 20)])
    >>> found = find_rows(metal, np.full(metal.shape, 1e4))
    >>> print(found.shifts - found.shifts[0])
    [0 2 5 2]
    """
    rows, n = metal.shape
    good = np.isfinite(metal) & np.isfinite(variance) & (variance > 0)
    total, noise = (np.where(good, a, 0).sum(1) for a in (metal, variance))
    plateau = _level(metal, good)
    weight = np.where(good, 1 / (np.where(good, variance, 1) + (UNEVEN * plateau) ** 2), 0.0)
    signal = np.where(good, metal, 0.0)
    nowhere = np.full(rows, np.nan)
    reasons = np.full(rows, "", object)
    used = (total > VACUUM_SHARE * np.quantile(total, 0.9)) & (total > 5 * np.sqrt(noise))
    reasons[~used] = "no metal signal"
    reasons[~good.any(1)] = "no spectrum that is a measurement"
    if not used.any():
        return RowShifts(np.zeros(rows, int), nowhere, nowhere, np.ones(rows, bool), tuple(reasons), float("nan"))
    gain, backwards, crosses = _steps(signal, weight)
    # a quarter of a weak row's signal tells nobody whether it crosses
    weak = used & ~crosses & (gain.max(1) < 4 * STRONG)
    reasons[weak] = "too noisy to show its surface"
    reasons[used & ~crosses & ~weak] = "does not cross the cathode's surface"
    crossing = used & crosses
    if crossing.sum() == 0:
        return RowShifts(np.zeros(rows, int), nowhere, nowhere, np.ones(rows, bool), tuple(reasons), float("nan"))
    other_way = crossing & (backwards != (backwards[crossing].mean() > 0.5))
    reasons[other_way] = "crosses the surface the other way round"
    used = crossing & ~other_way
    posterior, reach, gain = _aligned(signal[used], weight[used], gain[used])
    place = np.arange(-reach, reach + 1)
    expected, sigma, shifts = nowhere.copy(), nowhere.copy(), np.zeros(rows, int)
    expected[used] = posterior @ place
    # beyond what the counts leave open, a whole position says where a surface is to half a position
    spread = np.sqrt(np.maximum(posterior @ place**2 - expected[used] ** 2, 0))
    sigma[used] = np.hypot(spread, np.sqrt(1 / 12))
    best = place[posterior.argmax(1)]
    chance = float(chi_squared.sf(gain / BY_CHOICE, used.sum() - 1)) if used.sum() > 1 else float("nan")
    if chance < CHANCE:
        noisy = spread > MOST_SIGMA
        middle = int(np.rint(np.median(best[~noisy]))) if (~noisy).any() else 0
        shifts[used] = np.where(noisy, 0, best - middle)
        expected -= middle
        which = np.flatnonzero(used)[noisy]
        reasons[which] = "too noisy to show its surface"
        expected[which] = np.nan
        _drop_far_rows(shifts, used, reasons, n)
    else:
        expected -= np.median(expected[used])
    return RowShifts(shifts, expected, sigma, used | weak, tuple(str(r) for r in reasons), chance)


def _level(metal: NDArray, good: NDArray) -> float:
    """Mean of the brighter half of all: about the metal of the cathode. The brightest pixels owe it to their noise."""
    return float(np.sort(metal[good])[good.sum() // 2 :].mean()) if good.any() else 0.0


def _steps(signal: NDArray, weight: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """What each row gains in chi-squared by a step at each position, whether it falls, and whether there is one."""
    n = signal.shape[1]
    rising = np.triu(np.ones((n, n)))
    # a step that falls behind position c rises, seen from the other end, at c + 1
    both = []
    for shape in (rising, np.roll(1 - rising, -1, axis=0)):
        down, across = (weight * signal) @ shape.T, weight @ shape.T
        both.append(np.where((down > 0) & (across > 0), down**2 / np.maximum(across, 1e-300), 0.0))
    everywhere = both[0][:, 0]
    both[1][:, -1] = 0.0
    backwards = both[1].max(1) > both[0].max(1)
    gain = np.where(backwards[:, None], both[1], both[0])
    # metal everywhere and a step are told apart by the positions that have none
    return gain, backwards, gain.max(1) - everywhere > STRONG


def _aligned(signal: NDArray, weight: NDArray, gain: NDArray) -> tuple[NDArray, int, float]:
    """Probability of each row's places (rows, 2 reach + 1), how far they reach, and what chi-squared gains by them.

    Started once from where a step fits each row best, and once from all rows together; the likelier end is taken.
    """
    rows, n = signal.shape
    onset = gain.argmax(1)
    middle = int(np.median(onset))
    reach = int(min(n - 1, np.abs(onset - middle).max() + 4))
    place = np.arange(-reach, reach + 1)
    inside = np.clip(place + middle, 0, n - 1)
    apart = np.exp(0.5 * (gain - gain.max(1, keepdims=True)))[:, inside] * (inside == place + middle)
    together = np.broadcast_to(np.exp(-0.5 * (place / 0.3) ** 2), apart.shape)
    posterior, _, chi2, scale = max(
        (_maximised(signal, weight, start / start.sum(1, keepdims=True), reach) for start in (apart, together)),
        key=lambda end: end[1],
    )
    unmoved = np.broadcast_to(place == 0, apart.shape).astype(float)
    return posterior, reach, (_maximised(signal, weight, unmoved, reach, held=True)[2] - chi2) / scale


def _maximised(
    signal: NDArray, weight: NDArray, posterior: NDArray, reach: int, held: bool = False
) -> tuple[NDArray, float, float, float]:
    """Probability of the rows' places at the likeliest profile, its logarithm of the likelihood, chi-squared, scale.

    With ``held`` the places stay as they are given, and only the profile is found.
    """
    rows, n = signal.shape
    place = np.arange(-reach, reach + 1)
    at = (np.arange(n) - place[:, None] + reach).ravel()
    amplitude = np.ones_like(posterior)
    alone = (weight * signal**2).sum(1, keepdims=True)
    degrees = max((weight > 0).sum() - 3 * rows, 1)
    for _ in range(SWEEPS):
        # each row, at each place it may stand, votes for the profile
        up = (posterior * amplitude).T @ (weight * signal)
        down = (posterior * amplitude**2).T @ weight
        up, down = (np.bincount(at, part.ravel(), n + 2 * reach) for part in (up, down))
        seen = np.flatnonzero(down > 1e-6 * down.max())
        # beyond what any row shows, vacuum and bulk go on
        profile = np.interp(np.arange(down.size), seen, up[seen] / down[seen])
        moved = sliding_window_view(profile, n)[::-1]
        product, square = (weight * signal) @ moved.T, weight @ (moved**2).T
        amplitude = np.maximum(product, 0) / np.maximum(square, 1e-300)
        chi2 = alone - amplitude * product
        misfit = float((posterior * chi2).sum())
        if held:
            continue
        scale = max(1.0, misfit / degrees)
        prior = gaussian_filter1d(posterior.sum(0), 0.3, mode="constant") + 1e-3
        log = np.log(prior / prior.sum()) - 0.5 * chi2 / scale
        top = log.max(1, keepdims=True)
        posterior = np.exp(log - top)
        weights = posterior.sum(1, keepdims=True)
        posterior /= weights
    if held:
        return posterior, float("nan"), misfit, float("nan")
    likelihood = float((top + np.log(weights)).sum() - 0.5 * degrees * np.log(scale))
    return posterior, likelihood, misfit, scale


def _drop_far_rows(shifts: NDArray, used: NDArray, reasons: NDArray, n: int) -> None:
    """Leave out, in place, the rows that would cost all others too many positions."""
    while np.ptp(shifts[used]) > (1 - LEAST_SHARE) * n:
        middle = np.median(shifts[used])
        far = used & (np.abs(shifts - middle) == np.abs(shifts[used] - middle).max())
        used &= ~far
        for row in np.flatnonzero(far):
            reasons[row] = f"its surface stands {abs(shifts[row] - middle):.0f} positions from the middle row's"


def common_positions(shifts: NDArray, used: NDArray, n: int) -> slice:
    """Positions, of an unmoved row, at which all used rows have a spectrum."""
    own = shifts[used]
    return slice(max(0, -int(own.min())), n - max(0, int(own.max())))
