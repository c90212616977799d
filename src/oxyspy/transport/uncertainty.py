"""From the errors of the inputs to the interval of a positive outcome, by linearisation and by Monte Carlo in ln."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from oxyspy.errors import InputError
from oxyspy.transport.quantities import common_shape

# probabilities of the ends of the 68.3 % and the 95 % interval
TWO_SIDED = (float(ndtr(-1.0)), float(ndtr(1.0)), 0.025, 0.975)
TWO_SIGMA = float(ndtri(0.975))
# the same for what is positive and cannot be told from zero: the lower ends are zero, the upper ones limits
ONE_SIDED = (0.0, float(ndtr(1.0) - ndtr(-1.0)), 0.0, 0.95)
SIGNIFICANT = 2.0
"""Standard errors from zero below which a layer gives an upper limit only."""
FEWEST = 100
"""Draws; with fewer the ends of a 95 % interval are mere extremes."""
DRAWS = 10_000
"""Draws of each problem where nobody asked for a number."""
MOST_DRAWS = 100_000_000
"""Draws in all that are made unasked, half a minute's work; for more problems intervals are of first order."""
BLOCK = 2_000_000
"""Draws held in memory at once."""
# of any sign; all other inputs are known to be positive
SIGNED = {"mu_c", "mu_e", "ln_L", "z"}

Inputs = Mapping[str, tuple[np.ndarray, np.ndarray]]
Outcome = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Interval:
    """What is known of a positive outcome: its value, the ends of its intervals, its error in ln, each input's part."""

    value: np.ndarray
    ends: tuple[np.ndarray, ...]
    sigma: np.ndarray
    linear: np.ndarray
    parts: dict[str, np.ndarray]


@dataclass(frozen=True)
class Draws:
    """How intervals are made: so many joint draws, or none; which inputs are uncertain; and that in words."""

    number: int
    seed: int | None
    uncertain: tuple[str, ...]
    how: str


def draws_for(inputs: Inputs, n_samples: int | None, seed: int | None) -> Draws:
    """Return how the intervals over ``inputs`` are made.

    Parameters
    ----------
    inputs
        Value and standard error of each.
    n_samples
        Joint draws; 0 for intervals of first order. ``None`` draws `DRAWS` times where that is no more than
        `MOST_DRAWS` in all.
    seed
        Of the draws.
    """
    uncertain = tuple(name for name, (_, sigma) in inputs.items() if np.any(sigma))
    problems = int(np.prod(common_shape(inputs)))
    few = problems * DRAWS <= MOST_DRAWS
    number = _whole(n_samples) if n_samples is not None else DRAWS if few else 0
    if not uncertain:
        return Draws(0, seed, (), "no errors given")
    if number:
        return Draws(number, seed, uncertain, f"{number} joint draws, seed {seed}")
    more = f" (so many problems are drawn for only where n_samples says so, e.g. {DRAWS})" if n_samples is None else ""
    return Draws(0, seed, uncertain, f"first order in the errors{more}")


def _whole(n_samples: Any) -> int:
    try:
        whole = int(n_samples)
    except (TypeError, ValueError, OverflowError):
        whole = -1
    if whole != n_samples or (whole != 0 and whole < FEWEST):
        raise InputError(f"n_samples: found {n_samples!r}, needed 0 (first order) or a whole number from {FEWEST}")
    return whole


def interval(
    outcome: Outcome, slopes: Mapping[str, np.ndarray], inputs: Inputs, limit: np.ndarray, draws: Draws
) -> Interval:
    """Return the intervals of ``outcome`` over ``inputs``.

    Parameters
    ----------
    outcome
        A positive number of a dict of arrays that broadcast; draws run along an extra last axis. One that is not
        positive has no rate that suffices, and sorts last.
    slopes
        Derivatives of its logarithm by each input.
    inputs
        Value and standard error of each.
    limit
        Where ``layer`` cannot be told from zero, so that only one-sided upper limits are asked for.
    draws
        From `draws_for`.
    """
    parts = {name: np.abs(slopes[name]) * inputs[name][1] for name in draws.uncertain}
    linear = _quadrature(parts.values())
    x = {name: value for name, (value, _) in inputs.items()}
    value = outcome(x)
    if draws.number:
        ends = _sampled_ends(outcome, inputs, limit, draws)
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.log(ends[1] / ends[0]) / 2
        return Interval(value, ends, sigma, linear, parts)
    return Interval(value, _linear_ends(outcome, x, inputs, value, linear, limit), linear, linear, parts)


def _quadrature(parts: Iterable[np.ndarray]) -> np.ndarray:
    total = np.zeros(())
    for part in parts:
        total = total + part * part
    return np.sqrt(total)


def in_blocks(
    solve: Callable[[Inputs], dict[str, np.ndarray]], inputs: Inputs, size: int = 1 << 15
) -> dict[str, np.ndarray]:
    """Return what ``solve`` makes of many problems, block by block, so that its work stays in the processor's cache.

    ``solve`` gives arrays of the shape of its problems, or single numbers that hold for all of them.
    """
    shape = common_shape(inputs)
    n = int(np.prod(shape))
    if n <= 2 * size:
        return solve(inputs)
    flat = {
        name: tuple(np.broadcast_to(part, shape).reshape(-1) if np.ndim(part) else part for part in pair)
        for name, pair in inputs.items()
    }
    found: dict[str, np.ndarray] = {}
    same: dict[str, str] = {}
    for start in range(0, n, size):
        rows = slice(start, start + size)
        block = solve(
            {name: tuple(part[rows] if np.ndim(part) else part for part in pair) for name, pair in flat.items()}
        )
        if not found:
            # one array under two names stays one
            first = {id(part): name for name, part in reversed(block.items())}
            same = {name: first[id(part)] for name, part in block.items()}
            found = {name: np.empty(n, dtype=np.asarray(block[name]).dtype) for name in set(same.values())}
        for name, array in found.items():
            array[rows] = block[name]
    return {name: found[whose].reshape(shape) for name, whose in same.items()}


def truncated_normal(u: np.ndarray, value: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the quantiles ``u`` of a normal distribution that knows its variable to be positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        below = ndtr(-value / sigma)
        drawn = value + sigma * ndtri(below + u * (1 - below))
    return np.where(sigma > 0, drawn, value)


def stratified(n: int, names: list[str], seed: int | None) -> dict[str, np.ndarray]:
    """Return a Latin hypercube of ``n`` uniform draws for each name: each marginal has one draw in every 1/n."""
    rng = np.random.default_rng(seed)
    return {name: (rng.permutation(n) + rng.random(n)) / n for name in names}


def _linear_ends(outcome, x, inputs, value, linear, limit) -> tuple[np.ndarray, ...]:
    # the same error up and down in ln, once and almost twice
    with np.errstate(over="ignore"):
        once, twice = np.exp(linear), np.exp(TWO_SIGMA * linear)
    ends = [value / once, value * once, value / twice, value * twice]
    if np.any(limit):
        # within two sigma of zero a slope says nothing, the layer's own one-sided quantile does
        layer, sigma = inputs["layer"]
        for i in (1, 3):
            thickest = truncated_normal(np.asarray(ONE_SIDED[i]), layer, sigma)
            ends[i] = np.where(limit, outcome(x | {"layer": np.where(limit, thickest, layer)}), ends[i])
    return tuple(ends)


def _sampled_ends(outcome, inputs, limit, draws: Draws) -> tuple[np.ndarray, ...]:
    """Return the quantiles of joint draws that all problems share: they differ by their inputs and not by chance."""
    shape = np.broadcast_shapes(np.shape(limit), common_shape(inputs))
    limit = np.broadcast_to(limit, shape).ravel()
    asked = [np.where(limit, one, two) for one, two in zip(ONE_SIDED, TWO_SIDED, strict=True)]
    columns = {
        name: tuple(np.broadcast_to(part, shape).reshape(-1, 1) if np.ndim(part) else part for part in pair)
        for name, pair in inputs.items()
    }
    drawn = stratified(draws.number, list(draws.uncertain), draws.seed)
    ends = np.empty((len(asked), limit.size))
    step = max(1, BLOCK // draws.number)
    for start in range(0, limit.size, step):
        rows = slice(start, start + step)
        x = {}
        for name, pair in columns.items():
            value, sigma = (part[rows] if np.ndim(part) else part for part in pair)
            if name not in drawn:
                x[name] = value
            elif name in SIGNED:
                x[name] = value + sigma * ndtri(drawn[name])
            else:
                x[name] = truncated_normal(drawn[name], value, sigma)
        found = np.broadcast_to(outcome(x), (limit[rows].size, draws.number))
        # in ln, as it is the logarithm that the draws spread over
        with np.errstate(invalid="ignore", divide="ignore"):
            sorted_draws = np.sort(np.log(found), axis=-1)
        ends[:, rows] = [_quantile(sorted_draws, probability[rows]) for probability in asked]
    return tuple(np.exp(end).reshape(shape) for end in ends)


def _quantile(sorted_draws: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return one quantile of each row, by linear interpolation, each row with its own probability."""
    n = sorted_draws.shape[-1]
    place = np.clip(probability * n - 0.5, 0, n - 1)
    lower = np.minimum(place.astype(int), n - 2)
    weight = place - lower
    rows = np.arange(len(sorted_draws))
    return sorted_draws[rows, lower] * (1 - weight) + sorted_draws[rows, lower + 1] * weight
