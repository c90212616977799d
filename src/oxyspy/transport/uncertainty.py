"""From the errors of the inputs to the interval of a positive outcome, by linearisation and by Monte Carlo in ln."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from oxyspy.errors import InputError

# probabilities of the ends of the 68.3 % and the 95 % interval
TWO_SIDED = (float(ndtr(-1.0)), float(ndtr(1.0)), 0.025, 0.975)
# the same for what is positive and cannot be told from zero: the lower ends are zero, the upper ones limits
ONE_SIDED = (0.0, float(ndtr(1.0) - ndtr(-1.0)), 0.0, 0.95)
SIGNIFICANT = 2.0
"""Standard errors from zero below which a layer gives an upper limit only."""
FEWEST = 100
"""Draws; with fewer the ends of a 95 % interval are mere extremes."""
BLOCK = 2_000_000
"""Draws held in memory at once."""
# of any sign; all other inputs are known to be positive
SIGNED = {"mu_c", "mu_e", "ln_L", "z"}

Inputs = Mapping[str, tuple[np.ndarray, np.ndarray]]
LogOutcome = Callable[[dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Interval:
    """What is known of an outcome y: ln y, the ends of its intervals, its first-order error and each input's part."""

    ln: np.ndarray
    ends: tuple[np.ndarray, ...]
    sigma: np.ndarray
    linear: np.ndarray
    parts: dict[str, np.ndarray]
    sampled: bool
    how: str


def interval(
    log_outcome: LogOutcome,
    slopes: Mapping[str, np.ndarray],
    inputs: Inputs,
    limit: np.ndarray,
    n_samples: int,
    seed: int | None,
) -> Interval:
    """Return the intervals of ``log_outcome`` over ``inputs``.

    Parameters
    ----------
    log_outcome
        ln of the outcome, of a dict of arrays that broadcast; draws run along an extra last axis.
    slopes
        Derivatives of ``log_outcome`` by each input.
    inputs
        Value and standard error of each.
    limit
        Where ``layer`` cannot be told from zero, so that only one-sided upper limits are asked for.
    n_samples, seed
        Joint draws; with none, or where nothing has an error, the interval is of first order.
    """
    if n_samples != 0 and n_samples < FEWEST:
        raise InputError(f"n_samples: found {n_samples}, needed 0 (first order) or at least {FEWEST}")
    parts = {name: np.abs(slopes[name]) * sigma for name, (_, sigma) in inputs.items() if np.any(sigma > 0)}
    linear = np.sqrt(sum((part * part for part in parts.values()), np.asarray(0.0)))
    x = {name: value for name, (value, _) in inputs.items()}
    ln = log_outcome(x)
    sampled = bool(n_samples and parts)
    if sampled:
        ends = _sampled_ends(log_outcome, inputs, limit, n_samples, seed)
        how = f"{n_samples} joint draws, seed {seed}"
    else:
        ends = _linear_ends(log_outcome, x, inputs, ln, linear, limit)
        how = "first order in the errors" if parts else "no errors given"
    return Interval(ln, ends, (ends[1] - ends[0]) / 2, linear, parts, sampled, how)


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


def _linear_ends(log_outcome, x, inputs, ln, linear, limit) -> tuple[np.ndarray, ...]:
    ends = [ln + ndtri(probability) * linear for probability in TWO_SIDED]
    if np.any(limit):
        # within two sigma of zero a slope says nothing, the layer's own one-sided quantile does
        layer, sigma = inputs["layer"]
        for i in (1, 3):
            thickest = truncated_normal(np.asarray(ONE_SIDED[i]), layer, sigma)
            ends[i] = np.where(limit, log_outcome(x | {"layer": np.where(limit, thickest, layer)}), ends[i])
    return tuple(ends)


def _sampled_ends(log_outcome, inputs, limit, n_samples, seed) -> tuple[np.ndarray, ...]:
    """Return the quantiles of joint draws that all problems share: they differ by their inputs and not by chance."""
    shape = np.broadcast_shapes(np.shape(limit), *(np.shape(part) for pair in inputs.values() for part in pair))
    limit = np.broadcast_to(limit, shape).ravel()
    asked = [np.where(limit, one, two) for one, two in zip(ONE_SIDED, TWO_SIDED, strict=True)]
    columns = {
        name: tuple(np.broadcast_to(part, shape).reshape(-1, 1) if np.ndim(part) else part for part in pair)
        for name, pair in inputs.items()
    }
    draws = stratified(n_samples, [name for name, (_, sigma) in inputs.items() if np.any(sigma > 0)], seed)
    ends = np.empty((len(asked), limit.size))
    step = max(1, BLOCK // n_samples)
    for start in range(0, limit.size, step):
        rows = slice(start, start + step)
        x = {}
        for name, pair in columns.items():
            value, sigma = (part[rows] if np.ndim(part) else part for part in pair)
            if name not in draws:
                x[name] = value
            elif name in SIGNED:
                x[name] = value + sigma * ndtri(draws[name])
            else:
                x[name] = truncated_normal(draws[name], value, sigma)
        drawn = np.sort(np.broadcast_to(log_outcome(x), (limit[rows].size, n_samples)), axis=-1)
        ends[:, rows] = [_quantile(drawn, probability[rows]) for probability in asked]
    return tuple(end.reshape(shape) for end in ends)


def _quantile(sorted_draws: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return one quantile of each row, by linear interpolation, each row with its own probability."""
    n = sorted_draws.shape[-1]
    place = np.clip(probability * n - 0.5, 0, n - 1)
    lower = np.minimum(place.astype(int), n - 2)
    weight = place - lower
    rows = np.arange(len(sorted_draws))
    return sorted_draws[rows, lower] * (1 - weight) + sorted_draws[rows, lower + 1] * weight
