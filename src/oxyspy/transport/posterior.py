"""The Bayesian Arrhenius fit with a prior on the activation energy: exact but for one integral over the scatter."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from oxyspy.transport.fitted import DiffusivityFit
from oxyspy.transport.quantities import K_B

# the scatter's logarithm is integrated over so many standard deviations of it about its peak, in so many steps
REACH, STEPS = 12.0, 401


@dataclass(frozen=True, repr=False)
class PosteriorFit(DiffusivityFit):
    """A fit of D(T) with a prior on Ea; attributes as in `DiffusivityFit`.

    Values are means and errors standard deviations of the posterior; intervals of `at` are its quantiles, its values
    medians.

    Attributes
    ----------
    prior : tuple of float
        Value and standard error of Ea in eV, before the data.
    scatters, weights : ndarray
        Factors on ``sigma``, and the posterior's weight of each; one factor of 1 where errors were known.
    means, covariances : ndarray
        Of (ln D0, Ea), normal for each factor.
    """

    prior: tuple[float, float]
    scatters: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def _interval(self, t, slope, confidence, new):
        """Quantiles of the mixture of normal distributions."""
        centre = np.einsum("...i,ki->...k", slope, self.means)
        # one point scatters by its share of each factor
        own = self.scatter / (self.weights @ self.scatters) * self.scatters if new else 0.0
        spread = np.sqrt(np.einsum("...i,kij,...j->...k", slope, self.covariances, slope) + own**2)
        mean = centre @ self.weights
        sigma = np.sqrt((spread**2 + centre**2) @ self.weights - mean**2)
        ends = [
            self._quantile(p, centre, spread, mean, sigma) for p in (0.5, (1 - confidence) / 2, (1 + confidence) / 2)
        ]
        return *ends, sigma

    def _quantile(self, probability, centre, spread, mean, sigma) -> np.ndarray:
        low, high = mean - 1e3 * sigma, mean + 1e3 * sigma
        # halving to 1e-15 of the range: 2e3 standard deviations
        for _ in range(60):
            middle = (low + high) / 2
            below = ndtr((middle[..., None] - centre) / spread) @ self.weights < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2


def with_prior(
    fit: DiffusivityFit, t: np.ndarray, y: np.ndarray, s: np.ndarray, value: float, sigma: float, *, known: bool
) -> PosteriorFit:
    r"""Return a flat-prior fit of the same data with a normal prior on Ea.

    Notes
    -----
    With a factor f on the errors the posterior of (ln D0, Ea) is normal: the prior is one more observation, of Ea. That
    of f itself, with a flat prior on ln f, is :math:`f^{-(n - 2)} e^{-\chi^2 / 2 f^2}` times the likelihood that the
    data's Ea has under the prior; it is summed on a grid.
    """
    x = -1 / (K_B * t)
    w = 1 / s**2
    total = np.sum(w)
    mean_x, mean_y = np.sum(w * x) / total, np.sum(w * y) / total
    lever = np.sum(w * (x - mean_x) ** 2)
    energy = np.sum(w * (x - mean_x) * (y - mean_y)) / lever
    chi2 = np.sum(w * (y - mean_y - energy * (x - mean_x)) ** 2)
    n = len(y)
    # of ln f without the prior: peak and width of a scaled inverse chi distribution with n - 2 degrees
    peak = 0.5 * np.log(max(chi2, 1e-300) / (n - 2))
    ln_f = np.zeros(1) if known else peak + np.linspace(-1, 1, STEPS) * REACH / np.sqrt(2 * (n - 2)) + _lean(n)
    f = np.exp(ln_f)
    variance = f**2 / lever
    log_weight = -0.5 * np.log(sigma**2 + variance) - 0.5 * (energy - value) ** 2 / (sigma**2 + variance)
    if not known:
        log_weight += -(n - 2) * ln_f - chi2 / (2 * f**2)
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    # Ea: the two observations weighed together; ln D at the mean of 1/T does not depend on it
    share = sigma**2 / (sigma**2 + variance)
    energies, of_energy = share * energy + (1 - share) * value, share * variance
    means = np.stack([mean_y - energies * mean_x, energies], axis=1)
    covariances = np.empty((len(f), 2, 2))
    covariances[:, 0, 0] = f**2 / total + mean_x**2 * of_energy
    covariances[:, 0, 1] = covariances[:, 1, 0] = -mean_x * of_energy
    covariances[:, 1, 1] = of_energy
    mean = weights @ means
    covariance = np.tensordot(weights, covariances, 1) + np.einsum("k,ki,kj->ij", weights, means, means)
    covariance -= np.outer(mean, mean)
    factor = weights @ f
    unit = np.sqrt(n / total)
    plain = {field.name: getattr(fit, field.name) for field in dataclasses.fields(fit)}
    return PosteriorFit(
        **plain
        | {
            "activation_energy": float(mean[1]),
            "activation_energy_sigma": float(np.sqrt(covariance[1, 1])),
            "ln_d0": float(mean[0]),
            "ln_d0_sigma": float(np.sqrt(covariance[0, 0])),
            "covariance": covariance,
            "scatter": float(unit * factor),
            "method": f"{fit.method}; prior Ea = {value:g} +- {sigma:g} eV",
        },
        prior=(value, sigma),
        scatters=f,
        weights=weights,
        means=means,
        covariances=covariances,
    )


def _lean(n: int) -> float:
    # small samples have a long tail towards large scatter
    return 6.0 / np.sqrt(n - 2)
