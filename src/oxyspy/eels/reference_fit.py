"""Poisson maximum likelihood of sums of standards, background included, over stacks of spectra.

The recorded spectrum is a power law and a sum of standards,

    mu = B(E; A, r) + sum_j a_j R_j(E),

and the a_j are least squares with weights 1/mu, repeated until they stand: maximum likelihood of Poisson counts (P.
McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. (1989), section 2.5). The background's own fit, below the
edge, enters as what was known of A and r before.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.windows import check_inside
from oxyspy.errors import InputError

# sums of standards over their error, below which there are no shares
MIN_SIGNIFICANCE = 3.0
# all subsets of so many standards are tried for the non-negative fit
MOST_STANDARDS = 6
ROUNDS = 5


def fit_references(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    standards: NDArray,
    window: tuple[float, float],
    *,
    nonnegative: bool = True,
    noise: ArrayLike = 1.0,
) -> tuple[NDArray, NDArray, NDArray]:
    """Fit sums of standards to recorded counts.

    Parameters
    ----------
    counts : array, shape (..., n)
        Raw counts, background included.
    energy : array, shape (n,)
        In eV.
    background : PowerLaw
        Fitted to the same counts, below the window.
    standards : array, shape (k, n) or (..., k, n)
        On the same axis, scattered as the spectra are.
    window : tuple of float
        In eV.
    nonnegative : bool
        Whether coefficients below zero are held at it.
    noise : float or array, shape (...)
        Variance of a count over its mean.

    Returns
    -------
    coefficients : array, shape (..., k)
    covariance : array, shape (..., k, k)
        Of the fit without bounds.
    deviance : array, shape (...)
        Reduced, over the noise.

    Raises
    ------
    InputError
        No standard, more than six, two that cannot be told apart, or a window outside the axis or over the
        background's.
    """
    inside = check_inside(energy, window, "reference fit")
    k = standards.shape[-2]
    if not 1 <= k <= MOST_STANDARDS:
        raise InputError(f"a reference fit takes 1 to {MOST_STANDARDS} standards, found {k}")
    if window[0] < background.window[1]:
        raise InputError(
            f"the reference window {window[0]:g}-{window[1]:g} eV begins inside the background's, which ends at "
            f"{background.window[1]:g} eV"
        )
    stack, x = counts.shape[:-1], np.log(energy[inside] / background.reference)
    y = counts[..., inside].reshape(-1, x.size).astype(float)
    rows = len(y)
    shared = standards.ndim == 2
    shapes = standards[..., inside]
    shapes = shapes[None] if shared else np.broadcast_to(shapes, (*stack, k, x.size)).reshape(rows, k, x.size)
    _check_distinct(shapes)
    spread = np.broadcast_to(np.asarray(noise, float), stack).reshape(rows)
    fitted = [np.broadcast_to(v, (*stack, *v.shape[len(stack) :])).reshape(rows, *v.shape[len(stack) :])
              for v in (background(energy[inside]), background.covariance)]  # fmt: skip
    coefficients, covariance, deviance = np.empty((rows, k)), np.empty((rows, k, k)), np.empty(rows)

    def work(part: slice) -> None:
        b, prior = fitted[0][part], fitted[1][part]
        columns = np.concatenate(
            [np.broadcast_to(shapes if shared else shapes[part], (len(b), k, x.size)), b[:, None], (-b * x)[:, None]],
            axis=1,
        )
        found = _fit(y[part], b, prior, columns, spread[part], nonnegative)
        coefficients[part], covariance[part], deviance[part] = found

    over_blocks(work, rows, 8 * 4 * (k + 2) * x.size)
    return coefficients.reshape(*stack, k), covariance.reshape(*stack, k, k), deviance.reshape(stack)


def _check_distinct(shapes: NDArray) -> None:
    """Refuse standards of which one is a sum of the others."""
    one = np.nan_to_num(shapes.reshape(-1, *shapes.shape[-2:])).mean(0)
    size = np.linalg.norm(one, axis=-1)
    if (size == 0).any() or np.linalg.cond((one / size[:, None]).T) > 1e4:
        raise InputError("the standards cannot be told apart in this window: one is (nearly) a sum of the others")


def _fit(y, b, prior, columns, noise, nonnegative) -> tuple[NDArray, NDArray, NDArray]:
    """Coefficients (p, k), covariance (p, k, k) and reduced deviance (p,) of counts (p, m)."""
    k = columns.shape[1] - 2
    good = np.isfinite(y).all(-1) & np.isfinite(b).all(-1) & np.isfinite(columns).all((-1, -2))
    y, b, columns = (np.where(good.reshape(-1, *[1] * (a.ndim - 1)), a, 1.0) for a in (y, b, columns))
    known = np.zeros((len(y), k + 2, k + 2))
    with np.errstate(all="ignore"):
        known[:, k:, k:] = np.linalg.inv(np.where(good[:, None, None], prior, np.eye(2)))
    # spectra without numbers must not make the others' matrices singular
    known[~good] = np.eye(k + 2)
    mu = np.maximum(uniform_filter1d(y, 9, axis=-1, mode="nearest"), 0.5)
    for _ in range(ROUNDS):
        weighted = columns / mu[:, None]
        normal = weighted @ columns.swapaxes(-1, -2) + known
        right = np.einsum("pkm,pm->pk", weighted, y - b)
        best = _bounded(normal, right, k) if nonnegative else np.linalg.solve(normal, right[..., None])[..., 0]
        # a mean is no less than a fraction of its background
        mu = np.maximum(b + np.einsum("pk,pkm->pm", best, columns), np.maximum(0.2 * b, 1e-3))
    covariance = np.linalg.inv(normal)[:, :k, :k] * noise[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.where(y > 0, y * np.log(y / mu), 0.0) - (y - mu)
    of_background = np.einsum("pi,pij,pj->p", best, known, best)
    deviance = (2 * terms.sum(-1) + of_background) / (y.shape[-1] - k) / noise
    for numbers in (best, covariance, deviance):
        numbers[~good] = np.nan
    return best[:, :k], covariance, deviance


def _bounded(normal: NDArray, right: NDArray, k: int) -> NDArray:
    """Minimum of a' normal a - 2 a' right with the first k numbers not below zero: the best of all subsets."""
    best, least = np.zeros(right.shape), np.full(len(right), np.inf)
    size = right.shape[-1]
    for count in range(k + 1):
        for chosen in combinations(range(k), count):
            at = np.array([*chosen, *range(k, size)])
            part = np.linalg.solve(normal[:, at[:, None], at], right[:, at, None])[..., 0]
            value = -np.einsum("pi,pi->p", part, right[:, at])
            better = (part[:, :count] >= 0).all(-1) & (value < least)
            best[better] = 0.0
            best[np.ix_(better, at)] = part[better]
            least = np.where(better, value, least)
    return best


def shares(
    coefficients: NDArray, covariance: NDArray, valences: ArrayLike
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Shares of standards and their mean valence, with standard errors to first order.

    Parameters
    ----------
    coefficients : array, shape (..., k)
    covariance : array, shape (..., k, k)
    valences : array, shape (k,)

    Returns
    -------
    shares, shares_sigma : array, shape (..., k)
        ``nan`` where the sum is within three standard errors of zero.
    valence, valence_sigma : array, shape (...)
    """
    total = coefficients.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = total > MIN_SIGNIFICANCE * np.sqrt(covariance.sum((-1, -2)))
        share = np.where(known[..., None], coefficients / total[..., None], np.nan)
        k = share.shape[-1]
        by_coefficient = (np.eye(k) - share[..., :, None]) / total[..., None, None]
        spread = np.einsum("...ij,...jk,...ik->...i", by_coefficient, covariance, by_coefficient)
        valences = np.asarray(valences, float)
        valence = share @ valences
        by_valence = (valences - valence[..., None]) / total[..., None]
        variance = np.einsum("...i,...ij,...j->...", by_valence, covariance, by_valence)
    return share, np.sqrt(spread), valence, np.sqrt(variance)
