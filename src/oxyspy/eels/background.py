"""Power-law background B(E) = A E^-r by Poisson maximum likelihood, with its covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from oxyspy.eels.blocks import STREAM_BYTES, over_blocks
from oxyspy.eels.windows import check_inside
from oxyspy.errors import InputError

# wide enough for the scatter of a few hundred counts; what wants to go beyond holds no background
R_RANGE = (-60.0, 80.0)
# channels in one block of residuals: a few eV, the scale on which camera noise is correlated and areas are summed
BLOCK = 8


@dataclass(frozen=True)
class PowerLaw:
    """Power-law backgrounds of a stack of spectra.

    Attributes
    ----------
    log_a : array, shape (...)
        Natural log of the background at ``reference``, in counts a channel; ``nan`` where nothing could be fitted.
    r : array, shape (...)
        Exponent.
    covariance : array, shape (..., 2, 2)
        Of (log_a, r), for pure Poisson counts: multiply it by the dispersion.
    dispersion : array, shape (...)
        Variance over mean of the residuals, summed in blocks of 8 channels; 1 for Poisson counts.
    reference : float
        Energy in eV at which ``log_a`` is given: the middle of the window, where it and r are least correlated.
    window : tuple of float
        Fit window in eV.
    """

    log_a: NDArray
    r: NDArray
    covariance: NDArray
    dispersion: NDArray
    reference: float
    window: tuple[float, float]

    def __call__(self, energy: NDArray) -> NDArray:
        """Background in counts a channel at ``energy`` (n,); shape (..., n)."""
        x = np.log(energy / self.reference)
        return np.exp(self.log_a[..., None] - self.r[..., None] * x)

    def __getitem__(self, part) -> PowerLaw:
        """Return the backgrounds of some of the spectra."""
        return replace(
            self, log_a=self.log_a[part], r=self.r[part], covariance=self.covariance[part],
            dispersion=self.dispersion[part],
        )  # fmt: skip

    def gradient(self, energy: NDArray) -> NDArray:
        """Derivative of the background by (log_a, r); shape (..., 2, n)."""
        background = self(energy)
        return np.stack([background, -background * np.log(energy / self.reference)], axis=-2)


@lru_cache(maxsize=64)
def _moments(n: int, first: float, step: float, reference: float) -> tuple[CubicSpline, ...]:
    """Log of sum E^-r, and mean and variance of log E under E^-r, as splines of r for one window."""
    x = np.log((first + step * np.arange(n)) / reference)
    r = np.linspace(*R_RANGE, 1401)
    weight = np.exp(-r[:, None] * x)
    total = weight.sum(1)
    mean = weight @ x / total
    variance = weight @ x**2 / total - mean**2
    return CubicSpline(r, np.log(total)), CubicSpline(r, mean), CubicSpline(r, variance)


def fit_power_law(counts: NDArray, energy: NDArray, window: tuple[float, float], name: str = "background") -> PowerLaw:
    """Fit A E^-r in ``window`` by Poisson maximum likelihood.

    With x = log E the likelihood of independent Poisson counts y is an exponential family whose sufficient statistics
    are sum(y) and sum(y x): the fit has sum(y) equal to the model's sum, and the mean of x under E^-r equal to the
    counts' mean of x. That mean falls monotonically with r and is the same function for all spectra on one axis, so
    the maximum is found from two sums per spectrum and one Newton-polished look-up, with no iteration over channels.

    Parameters
    ----------
    counts : array, shape (..., n)
        Counts a channel, scaled by any gain.
    energy : array, shape (n,)
        Uniform energy axis in eV, above 0.
    window : tuple of float
        Bounds in eV.
    name : str
        What errors call it.

    Returns
    -------
    PowerLaw
        ``nan`` where the window holds no positive sum, a value that is not finite, or counts that no power law fits.

    Raises
    ------
    InputError
        If the window is not inside the axis or holds under four channels.

    Notes
    -----
    Fisher information of (log A, r) for the mean mu: [[sum mu, -sum mu x], [-sum mu x, sum mu x^2]]; its inverse is
    the covariance. Two-parameter generalised linear model with log link: P. McCullagh and J. A. Nelder, Generalized
    Linear Models, 2nd ed. (1989), chapters 2 and 9 (the dispersion of quasi-likelihood).

    Examples
    --------
    >>> energy = np.arange(500.0, 700.0)
    >>> fit = fit_power_law(1e10 * energy**-3.0, energy, (600.0, 632.0))
    >>> float(fit.r.round(6))
    3.0
    """
    inside = check_inside(energy, window, name)
    if energy[inside.start] <= 0:
        raise InputError(f"{name}: a power law needs energies above 0 eV, found a window from {window[0]:g} eV")
    axis = np.asarray(energy[inside], float)
    step = (axis[-1] - axis[0]) / (axis.size - 1)
    reference = float(np.sqrt(axis[0] * axis[-1]))
    log_total, mean_x, variance_x = _moments(axis.size, float(axis[0]), float(step), reference)
    x = np.log(axis / reference)
    shape = counts.shape[:-1]
    y = counts[..., inside].reshape(-1, axis.size)
    log_a, r, covariance, dispersion = (np.empty((len(y), *k)) for k in ((), (), (2, 2), ()))

    def fit(part: slice) -> None:
        # a window is a small part of a spectrum: double costs little here and the sums are exact
        block = y[part].astype(float)
        s0 = block.sum(-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            # not by BLAS, whose threads would crowd those of the blocks
            found = _invert_mean(mean_x, variance_x, np.einsum("pn,n->p", block, x) / s0)
            level = np.log(s0) - log_total(found)
            failed = ~((s0 > 0) & np.isfinite(found))
        found[failed] = level[failed] = np.nan
        mean, variance = mean_x(found), variance_x(found)
        with np.errstate(invalid="ignore", divide="ignore"):
            # inverse of sum(mu) [[1, -mean], [-mean, variance + mean^2]]
            information = s0 * variance
            covariance[part, 0, 0] = (variance + mean**2) / information
            covariance[part, 0, 1] = covariance[part, 1, 0] = mean / information
            covariance[part, 1, 1] = 1 / information
        covariance[part][failed] = np.nan
        log_a[part], r[part] = level, found
        dispersion[part] = _dispersion(block, level, found, x)

    over_blocks(fit, len(y), 3 * 8 * axis.size, STREAM_BYTES)
    return PowerLaw(
        log_a.reshape(shape), r.reshape(shape), covariance.reshape(*shape, 2, 2), dispersion.reshape(shape),
        reference, (float(window[0]), float(window[1])),
    )  # fmt: skip


def subtract(counts: NDArray, energy: NDArray, background: PowerLaw, out: NDArray | None = None) -> NDArray:
    """Counts less their background, in the counts' own precision and without a copy of the background.

    Parameters
    ----------
    counts : array, shape (..., n)
        Integers become float32.
    energy : array, shape (n,)
        Their axis in eV.
    background : PowerLaw
        Of the same spectra.
    out : array, shape (..., n), optional
        Where to write; may be ``counts`` itself. C-contiguous.

    Returns
    -------
    array, shape (..., n)
        In float32 the background is exact to 2e-6 of itself.
    """
    dtype = np.result_type(counts.dtype, np.float32)
    out = np.empty(counts.shape, dtype) if out is None else out
    n = counts.shape[-1]
    flat, result = counts.reshape(-1, n), out.reshape(-1, n)
    log_a, r = (
        np.broadcast_to(values, counts.shape[:-1]).reshape(-1, 1).astype(dtype)
        for values in (background.log_a, background.r)
    )
    x = np.log(energy / background.reference).astype(dtype)

    def work(part: slice) -> None:
        mu = r[part] * x
        np.subtract(log_a[part], mu, out=mu)
        np.exp(mu, out=mu)
        np.subtract(flat[part], mu, out=result[part])

    over_blocks(work, len(flat), 2 * n * dtype.itemsize, STREAM_BYTES)
    return out


def _invert_mean(mean_x: CubicSpline, variance_x: CubicSpline, wanted: NDArray) -> NDArray:
    """Exponent at which the mean of log E is ``wanted``; ``nan`` where none in `R_RANGE` gives it."""
    nodes = mean_x.x
    means = mean_x(nodes)
    r = np.interp(-wanted, -means, nodes, left=np.nan, right=np.nan)
    for _ in range(3):
        # d mean / d r = -variance
        r = r + (mean_x(r) - wanted) / variance_x(r)
    return r


def _dispersion(y: NDArray, log_a: NDArray, r: NDArray, x: NDArray) -> NDArray:
    """Variance over mean of the residuals' block sums; block sums see the correlation that a camera adds."""
    blocks = y.shape[-1] // BLOCK
    if blocks < 4:
        return np.ones(len(y))
    used = blocks * BLOCK
    # single precision is enough for the model here: its error, 1e-6, is far below that of a dispersion
    mu = np.exp((log_a[:, None] - r[:, None] * x[:used]).astype(np.float32))
    starts = np.arange(0, used, BLOCK)
    expected = np.add.reduceat(mu, starts, axis=-1, dtype=float)
    residual = np.add.reduceat(y[:, :used], starts, axis=-1) - expected
    with np.errstate(invalid="ignore", divide="ignore"):
        return (residual**2 / expected).sum(-1) / (blocks - 2)


def pooled_dispersion(dispersion: ArrayLike, window_channels: int) -> float:
    """One dispersion for a scan, robust against spectra with spikes or no power law.

    The median over spectra of a chi-squared variable over its k degrees of freedom is (1 - 2/(9k))^3 (Wilson and
    Hilferty, PNAS 17, 684 (1931)); dividing by it makes the estimate right for ideal counts.
    """
    values = np.asarray(dispersion, float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 1.0
    k = max(window_channels // BLOCK - 2, 1)
    return float(np.median(values) / (1 - 2 / (9 * k)) ** 3)
