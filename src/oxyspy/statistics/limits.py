"""The likelihood of values with errors and of upper limits, and intervals from its profile.

A scan without a layer is no missing number: it says that its layer is thinner than a limit. Here it enters as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize
from scipy.special import log_ndtr
from scipy.stats import t as student

# a thickness known to be below x at 95 % is one of 0 ± x/1.96, as in `oxyspy.transport.required_diffusivity`
LIMIT_SIGMAS = 1.96
LEVELS = (0.6827, 0.95)

# value and slopes of a negative log-likelihood
Objective = Callable[[NDArray], tuple[float, NDArray]]
Bounds = Sequence[tuple[float | None, float | None]]
# least spread, in units of the data's scale: slopes by it need one above 0
LEAST_SPREAD = 1e-3


def negative_log_likelihood(
    mean: NDArray, spread: float, values: NDArray, sigmas: NDArray, limit_mean: NDArray, limits: NDArray
) -> tuple[float, NDArray, NDArray, float]:
    r"""Return the negative log-likelihood of values and upper limits drawn from a normal population, and its slopes.

    Parameters
    ----------
    mean, values, sigmas : array, shape (n,)
        Population mean at each value, the values, and their standard errors.
    spread : float
        Standard deviation of the population, above 0 where there are limits.
    limit_mean, limits : array, shape (m,)
        Population mean at each upper limit, and the limits at 95 %.

    Returns
    -------
    value : float
    by_mean, by_limit_mean : array, shape (n,) and (m,)
        Slopes by the means.
    by_spread : float

    Notes
    -----
    A value :math:`y_i \pm \sigma_i` contributes :math:`N(y_i; \mu_i, \sigma_i^2 + \tau^2)`. A limit :math:`U` says
    nothing between thicknesses at or below zero and falls as :math:`\exp(-l^2/2 s^2)` above, :math:`s = U/1.96`:

    .. math:: P = \int N(l; \mu, \tau^2)\, e^{-\max(l, 0)^2/2s^2}\, dl = \Phi\!\left(-\frac{\mu}{\tau}\right)
       + \frac{s}{h}\, e^{-\mu^2/2h^2}\, \Phi\!\left(\frac{\mu s}{\tau h}\right), \qquad h^2 = s^2 + \tau^2

    As a normal mean of a function of :math:`\mu`, it has :math:`\partial P/\partial\tau = \tau\,
    \partial^2 P/\partial\mu^2`.
    """
    variance = sigmas**2 + spread**2
    off = (mean - values) / variance
    value = 0.5 * float(np.sum(np.log(2 * np.pi * variance) + off**2 * variance))
    by_spread = spread * float(np.sum(1 / variance - off**2))
    if not limits.size:
        return value, off, np.zeros(0), by_spread
    s = limits / LIMIT_SIGMAS
    h = np.hypot(s, spread)
    u = limit_mean / spread
    log_above = np.log(s / h) - 0.5 * (limit_mean / h) ** 2 + log_ndtr(u * s / h)
    log_p = np.logaddexp(log_ndtr(-u), log_above)
    # both parts over P, so that neither vanishes where P is small
    above = np.exp(log_above - log_p)
    density = np.exp(-0.5 * u**2 - log_p) / (np.sqrt(2 * np.pi) * spread)
    first = -limit_mean / h**2 * above + ((s / h) ** 2 - 1) * density
    first_above = -limit_mean / h**2 * above + (s / h) ** 2 * density
    second = -above / h**2 - limit_mean / h**2 * first_above + (1 - (s / h) ** 2) * limit_mean / spread**2 * density
    return value - float(log_p.sum()), off, -first, by_spread - spread * float(second.sum())


def small_sample_cut(n: int, free: int, level: float) -> float:
    """Return by how much twice the log-likelihood may fall within an interval.

    The large-sample cut is too tight for a handful of scans. This one, n ln(1 + t²/(n - k)), makes the interval of
    one coefficient Student's own where errors are equal and there are no limits.
    """
    degrees = max(n - free, 1)
    quantile = student.ppf(0.5 + level / 2, degrees)
    return float(n * np.log1p(quantile**2 / degrees))


def maximum(objective: Objective, starts: Sequence[NDArray], bounds: Bounds) -> tuple[NDArray, float]:
    """Return the parameters that make a negative log-likelihood least, from the best of some starts, and its value."""
    found = [minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(found, key=lambda one: one.fun)
    return np.asarray(best.x), float(best.fun)


def profile_ends(
    objective: Objective, at: NDArray, least: float, index: int, bounds: Bounds, cut: float, step: float
) -> tuple[float, float]:
    """Return where the profile of one parameter has fallen by ``cut``, in twice the log-likelihood.

    Parameters
    ----------
    objective : callable
        Negative log-likelihood of all parameters, and its slopes.
    at, least
        Its minimum.
    index : int
        Of the parameter.
    bounds : sequence of tuple
        Of every parameter.
    cut : float
        See `small_sample_cut`.
    step : float
        First step of the search, in the parameter's unit.

    Returns
    -------
    tuple of float
        Infinite on a side where it never falls so far, the bound where it ends there.
    """
    return tuple(_profile_end(objective, at, least, index, bounds, cut, sign * step) for sign in (-1.0, 1.0))


def _profile_end(
    objective: Objective, at: NDArray, least: float, index: int, bounds: Bounds, cut: float, step: float
) -> float:
    others = [i for i in range(at.size) if i != index]
    rest = [bounds[i] for i in others]
    nuisance = at[others]
    # the fall at the minimum itself is known; one value is never worked out twice, so that signs stay as they were
    known = {float(at[index]): -cut}

    def excess(value: float) -> float:
        nonlocal nuisance
        if value not in known:

            def inner(x: NDArray) -> tuple[float, NDArray]:
                fun, slopes = objective(np.insert(x, index, value))
                return fun, slopes[others]

            found = minimize(inner, nuisance, jac=True, method="L-BFGS-B", bounds=rest)
            nuisance = found.x
            known[value] = 2 * (found.fun - least) - cut
        return known[value]

    bound = bounds[index][0 if step < 0 else 1]
    bound = np.copysign(np.inf, step) if bound is None else float(bound)
    inside = float(at[index])
    for _ in range(40):
        outside = inside + step
        if abs(outside - at[index]) >= abs(bound - at[index]):
            outside = bound
        if excess(outside) > 0:
            return float(brentq(excess, inside, outside, xtol=1e-5 * abs(step), rtol=1e-5))
        if outside == bound:
            return bound
        inside, step = outside, 1.7 * step
    return float(np.copysign(np.inf, step))


def as_group(values: ArrayLike, sigmas: ArrayLike, limits: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    """Return values, errors and limits as arrays, checked.

    Raises
    ------
    InputError
        A value without a positive standard error, a limit that is not positive, lengths that differ.
    """
    from oxyspy.errors import InputError

    values, sigmas, limits = (np.atleast_1d(np.asarray(part, float)).ravel() for part in (values, sigmas, limits))
    if values.size != sigmas.size:
        raise InputError(f"found {values.size} values and {sigmas.size} standard errors, needed as many")
    if not np.isfinite(values).all():
        raise InputError("a value is not finite; give what was not measured as an upper limit, or leave it out")
    if not (np.isfinite(sigmas) & (sigmas > 0)).all():
        raise InputError("every value needs a positive standard error")
    if not (np.isfinite(limits) & (limits > 0)).all():
        raise InputError("an upper limit must be positive")
    return values, sigmas, limits
