"""Power-law background B(E) = A E^-r by Poisson maximum likelihood, with its covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.interpolate import CubicSpline

from oxyspy.eels.blocks import STREAM_BYTES, over_blocks
from oxyspy.eels.windows import check_inside
from oxyspy.errors import InputError

# wide enough for the scatter of a few hundred counts; what wants to go beyond holds no background
R_RANGE = (-60.0, 80.0)
# electrons in a window from which its background's bias is known, and the relative change that is worth an array
LEAST_TO_BEND = 200.0
LEAST_BEND = 1e-6
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
    bend : array, shape (...), or None
        By which log B falls off log_a - r x, times x² less its mean in the window: the mean of a curve through few
        counts, extrapolated, is too high. None where it is not known.
    by_counts : array, shape (..., 2, m), or None
        Derivatives of (log_a, r) by the counts of the window's m channels; None for maximum likelihood: see `response`.
    others : array, shape (..., 2, 2), or None
        Covariance that other spectra's counts bring in, for pure Poisson counts.
    """

    log_a: NDArray
    r: NDArray
    covariance: NDArray
    dispersion: NDArray
    reference: float
    window: tuple[float, float]
    bend: NDArray | None = None
    by_counts: NDArray | None = None
    others: NDArray | None = None

    def __call__(self, energy: NDArray, dtype: DTypeLike = float, out: NDArray | None = None) -> NDArray:
        """Background in counts a channel at ``energy`` (n,); shape (..., n). In float32 exact to 2e-6 of itself."""
        x = np.log(energy / self.reference).astype(dtype)
        log_a, r = (np.asarray(values, dtype) for values in (self.log_a, self.r))
        return _power_law(log_a, r, x, out, *self._curve(x))

    def of_noise(self, noise: float) -> PowerLaw:
        """Return the background of counts whose variance over mean is ``noise``: of so many fewer electrons."""
        return self if self.bend is None else replace(self, bend=noise * self.bend)

    def _curve(self, x: NDArray) -> tuple[NDArray, NDArray] | tuple[None, None]:
        """The bend, and what it multiplies at x = ln(E / reference)."""
        if self.bend is None:
            return None, None
        mean = np.log(self.window[1] / self.window[0]) ** 2 / 12
        # of few electrons the second order tells nothing
        bend = np.where(2 * mean * LEAST_TO_BEND * self.bend < 1, self.bend, 0.0)
        return bend.astype(x.dtype), x**2 - x.dtype.type(mean)

    def __getitem__(self, part) -> PowerLaw:
        """Return the backgrounds of some of the spectra."""
        return replace(
            self, log_a=self.log_a[part], r=self.r[part], covariance=self.covariance[part],
            dispersion=self.dispersion[part], bend=None if self.bend is None else self.bend[part],
            by_counts=None if self.by_counts is None else self.by_counts[part],
            others=None if self.others is None else self.others[part],
        )  # fmt: skip

    def reshaped(self, *stack: int) -> PowerLaw:
        """Return the same backgrounds as a stack of another shape."""
        by_counts, others, bend = self.by_counts, self.others, self.bend
        return replace(
            self, log_a=self.log_a.reshape(stack), r=self.r.reshape(stack),
            covariance=self.covariance.reshape(*stack, 2, 2), dispersion=self.dispersion.reshape(stack),
            bend=None if bend is None else bend.reshape(stack),
            by_counts=None if by_counts is None else by_counts.reshape(*stack, *by_counts.shape[-2:]),
            others=None if others is None else others.reshape(*stack, 2, 2),
        )  # fmt: skip

    def gradient(self, energy: NDArray) -> NDArray:
        """Derivative of the background by (log_a, r); shape (..., 2, n)."""
        background = self(energy)
        return np.stack([background, -background * np.log(energy / self.reference)], axis=-2)

    def response(self, energy: NDArray, dtype: DTypeLike = float) -> NDArray:
        """Derivative of (log_a, r) by the counts at the window's energies ``energy`` (m,); shape (..., 2, m)."""
        if self.by_counts is not None:
            return self.by_counts.astype(dtype, copy=False)
        # of maximum likelihood: covariance . (1, -x)
        x = np.log(energy / self.reference)
        return self.covariance.astype(dtype) @ np.stack([np.ones_like(x), -x]).astype(dtype)


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


def fit_power_law(
    counts: NDArray, energy: NDArray, window: tuple[float, float], name: str = "background", residuals: bool = True
) -> PowerLaw:
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
    residuals : bool
        Whether to measure the residuals' dispersion, too; else it is ``nan``.

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

    To second order in the noise the mean of exp(log A - r x) is too high by 1/2 z'Vz + z'b, with V the covariance of
    (log A, r), z = (1, -x) and b = -1/2 V sum(mu z z'Vz) their bias (G. M. Cordeiro and P. McCullagh 1991,
    jstor.org/stable/2345592). With x about the window's middle, v its variance there and N the electrons counted in
    the window that is (x² / v - 1) / 2N: 0.3 % under Mn L3 at ten counts a channel, and 1.3 % after L2, where it would
    leave the continuum 13 % too low. ``bend`` = 1 / 2Nv takes it off; for the electrons of a camera's counts see
    `PowerLaw.of_noise`.

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
    log_a, r, covariance, dispersion, bend = (np.empty((len(y), *k)) for k in ((), (), (2, 2), (), ()))

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
        bend[part] = 0.5 * covariance[part, 1, 1]
        dispersion[part] = _dispersion(block, level, found, x) if residuals else np.nan

    over_blocks(fit, len(y), 6 * 8 * axis.size, even=True)
    return PowerLaw(
        log_a.reshape(shape), r.reshape(shape), covariance.reshape(*shape, 2, 2), dispersion.reshape(shape),
        reference, (float(window[0]), float(window[1])), bend.reshape(shape),
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
    """
    dtype = np.result_type(counts.dtype, np.float32)
    out = np.empty(counts.shape, dtype) if out is None else out
    if not isinstance(background, PowerLaw):
        return np.subtract(counts, background(energy, dtype), out=out, casting="same_kind")
    n = counts.shape[-1]
    flat, result = counts.reshape(-1, n), out.reshape(-1, n)
    log_a, r = (
        np.broadcast_to(values, counts.shape[:-1]).reshape(-1).astype(dtype)
        for values in (background.log_a, background.r)
    )
    x = np.log(energy / background.reference).astype(dtype)
    bend, curve = background._curve(x)
    bend = None if bend is None else np.broadcast_to(bend, counts.shape[:-1]).reshape(-1)

    def work(part: slice) -> None:
        own = None if bend is None else bend[part]
        np.subtract(flat[part], _power_law(log_a[part], r[part], x, None, own, curve), out=result[part])

    over_blocks(work, len(flat), 2 * n * dtype.itemsize, STREAM_BYTES)
    return out


def _power_law(
    log_a: NDArray,
    r: NDArray,
    x: NDArray,
    out: NDArray | None = None,
    bend: NDArray | None = None,
    curve: NDArray | None = None,
) -> NDArray:
    """exp(log A - r x - bend curve), with another array of its size only where single precision sees that."""
    mu = np.multiply(r[..., None], x, out=out)
    if bend is not None and np.nanmax(bend, initial=0.0) * np.abs(curve).max() > LEAST_BEND:
        mu += bend[..., None] * curve
    np.subtract(log_a[..., None], mu, out=mu)
    return np.exp(mu, out=mu)


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
    """Variance over mean of a power law's residuals."""
    # single precision is enough for the model here: its error, 1e-6, is far below that of a dispersion
    return residual_dispersion(y, np.exp((log_a[:, None] - r[:, None] * x).astype(np.float32)))


def residual_dispersion(y: NDArray, mu: NDArray) -> NDArray:
    """Variance over mean of the block sums of counts ``y`` (p, m) about their fit ``mu``, for two parameters fitted.

    Block sums of 8 channels see the correlation that a camera adds; of fewer than four blocks it is 1.
    """
    blocks = y.shape[-1] // BLOCK
    if blocks < 4:
        return np.ones(len(y))
    used = blocks * BLOCK
    mu = mu[:, :used]
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
