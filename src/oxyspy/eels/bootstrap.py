"""Errors by parametric bootstrap: the counts drawn again, and everything measured again.

The check on the exact first-order errors, and an option beside them. Each channel is drawn from Poisson's law about its
own count, in the core loss scaled by the counts' variance over mean, in the low loss as single electrons; background,
deconvolution, maxima, steps and areas follow (B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993),
chapter 6). What the exact errors leave out is in it: the noise of the low loss, and all beyond first order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.blocks import BLOCK_BYTES
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions
from oxyspy.errors import InputError

# share of the draws that must have given a number, for their scatter to be an error
MOST_LOST = 0.1
LEAST_DRAWS = 20


@dataclass(frozen=True)
class Draws:
    """Numbers measured on counts that were drawn again.

    Attributes
    ----------
    values : array, shape (draws, rows, positions, k)
    l3, l2 : array, shape (draws, positions)
        Maxima in eV; ``nan`` where they are not the position's own.
    """

    values: NDArray
    l3: NDArray
    l2: NDArray

    def covariance(self) -> NDArray:
        """Covariance of every spectrum's numbers, shape (rows, positions, k, k), such that the rows' sum has its own.

        Rows share their maxima, so their areas are not independent: what the sum's variance has more than the rows'
        together is divided among them.
        """
        own = _covariance(self.values)
        rest = _covariance(self.values.sum(1)) - own.sum(0)
        return own + rest / own.shape[0]


def redrawn(counts: NDArray, rng: np.random.Generator, noise: float = 1.0) -> NDArray:
    """Draw counts again about themselves.

    Parameters
    ----------
    counts : array
    rng : Generator
    noise : float
        Variance over mean of the counts.

    Returns
    -------
    array
        What is not finite stays so.
    """
    drawn = np.empty(counts.shape, np.result_type(counts.dtype, np.float32))
    flat, result = counts.reshape(-1, counts.shape[-1]), drawn.reshape(-1, counts.shape[-1])
    # one block after the other: the numbers are those of one draw of all
    rows = max(BLOCK_BYTES // (40 * flat.shape[-1]), 1)
    for part in (slice(first, first + rows) for first in range(0, len(flat), rows)):
        some = flat[part]
        own = noise * rng.poisson(np.maximum(np.nan_to_num(some), 0) / noise)
        result[part] = np.where(np.isfinite(some), own, some)
    return drawn


def draw(
    measure: Callable[[np.random.Generator], tuple[NDArray, LinePositions]], draws: int = 200, seed: int = 0
) -> Draws:
    """Measure ``draws`` times on counts drawn again.

    Parameters
    ----------
    measure : callable
        Takes a random generator, draws with it, and returns values (rows, positions, k) and maxima (positions,).
    draws : int
        At least 20; 200 know a standard error to 5 %.
    seed : int
        Of the random numbers: the same seed gives the same errors.

    Raises
    ------
    InputError
        Fewer than 20 draws.
    """
    if draws < LEAST_DRAWS:
        raise InputError(f"a bootstrap of {draws} draws tells no error: needed at least {LEAST_DRAWS}, better 200")
    rng = np.random.default_rng(seed)
    found = [measure(rng) for _ in range(draws)]
    return Draws(
        np.stack([values for values, _ in found]),
        np.stack([np.where(np.isfinite(at.l3_sigma), at.l3, np.nan) for _, at in found]),
        np.stack([np.where(np.isfinite(at.l2_sigma), at.l2, np.nan) for _, at in found]),
    )


def with_drawn_errors(
    functionals: Functionals, positions: LinePositions, draws: Draws
) -> tuple[Functionals, LinePositions]:
    """Return the same values and maxima with the draws' scatter for their errors."""
    return Functionals(functionals.values, draws.covariance()), replace(
        positions,
        l3_sigma=np.where(np.isfinite(positions.l3_sigma), _scatter(draws.l3), np.nan),
        l2_sigma=np.where(np.isfinite(positions.l2_sigma), _scatter(draws.l2), np.nan),
    )


def _covariance(values: NDArray) -> NDArray:
    """Covariance over the first axis of (draws, ..., k) without draws that hold ``nan``."""
    good = np.isfinite(values).all(-1)
    count = good.sum(0)
    filled = np.where(good[..., None], values, 0)
    mean = filled.sum(0) / np.maximum(count, 1)[..., None]
    away = np.where(good[..., None], values - mean, 0)
    covariance = np.einsum("d...i,d...j->...ij", away, away) / np.maximum(count - 1, 1)[..., None, None]
    covariance[count < (1 - MOST_LOST) * len(values)] = np.nan
    return covariance


def _scatter(values: NDArray) -> NDArray:
    """Half the central 68 % over the first axis."""
    low, high = _quantiles(values, (0.1587, 0.8413))
    return (high - low) / 2


def _quantiles(values: NDArray, at: tuple[float, ...]) -> NDArray:
    """Quantiles over the first axis of the draws that gave a number; ``nan`` where too few did."""
    good = np.isfinite(values)
    known = good.mean(0) >= 1 - MOST_LOST
    # sorted by hand: nanquantile loops over positions
    order = np.sort(np.where(good, values, np.inf), axis=0)
    last = np.maximum(good.sum(0) - 1, 0)
    found = []
    for q in at:
        where = q * last
        low = np.floor(where).astype(int)
        a, b = (np.take_along_axis(order, np.minimum(i, last)[None], 0)[0] for i in (low, low + 1))
        with np.errstate(invalid="ignore"):
            found.append(np.where(known, a + (where - low) * (b - a), np.nan))
    return np.stack(found)
