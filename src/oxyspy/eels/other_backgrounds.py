"""Other ways to fit the background, to compare the maximum-likelihood power law with.

All take counts of shape (..., n) and fit every spectrum at once. What a recipe measures always rests on
`oxyspy.eels.background.fit_power_law`, whose errors propagate exactly; these are here because papers use them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.background import PowerLaw, fit_power_law
from oxyspy.eels.windows import check_inside
from oxyspy.errors import InputError


@dataclass(frozen=True)
class TwoPowerLaws:
    """Sums of two power laws with fixed exponents, A1 E^-r1 + A2 E^-r2.

    Attributes
    ----------
    amplitudes : array, shape (..., 2)
        Counts a channel at ``reference``, none below 0; ``nan`` where nothing could be fitted.
    exponents : tuple of float
        r1 < r2.
    reference : float
        In eV.
    window : tuple of float
        In eV.
    """

    amplitudes: NDArray
    exponents: tuple[float, float]
    reference: float
    window: tuple[float, float]

    def __call__(self, energy: NDArray) -> NDArray:
        """Background in counts a channel at ``energy`` (n,); shape (..., n)."""
        return self.amplitudes @ _powers(energy, self.exponents, self.reference)


def two_area(counts: NDArray, energy: NDArray, window: tuple[float, float]) -> PowerLaw:
    """Fit A E^-r by the sums over both halves of the window.

    Parameters
    ----------
    counts : array, shape (..., n)
    energy : array, shape (n,)
        In eV.
    window : tuple of float
        In eV; its halves are of equal width.

    Returns
    -------
    PowerLaw
        ``nan`` where a half holds no positive sum. The dispersion is not estimated and is 1.

    Raises
    ------
    InputError
        The window is not inside the axis or holds under four channels.

    Notes
    -----
    With the mean counts m1 over E1..E2 and m2 over E2..E3, r = 2 ln(m1 / m2) / ln(E3 / E1): each mean stands at the
    geometric mean of its ends; the whole sum gives A (R. F. Egerton, Electron Energy-Loss Spectroscopy in the Electron
    Microscope, 3rd ed. (2011), section 4.4). Errors follow from those of the two sums.

    Examples
    --------
    >>> energy = np.arange(500.0, 700.0, 0.25)
    >>> fit = two_area(1e10 * energy**-3.0, energy, (600.0, 632.0))
    >>> bool(abs(fit.r - 3.0) < 0.01)
    True
    """
    inside = check_inside(energy, window, "background")
    axis = np.asarray(energy[inside], float)
    half = axis.size // 2
    step = axis[1] - axis[0]
    start, end = axis[0] - step / 2, axis[2 * half - 1] + step / 2
    y = counts[..., inside]
    first = y[..., :half].sum(-1, dtype=float)
    second = y[..., half : 2 * half].sum(-1, dtype=float)
    reference = float(np.sqrt(start * end))
    x = np.log(axis[: 2 * half] / reference)
    with np.errstate(invalid="ignore", divide="ignore"):
        usable = (first > 0) & (second > 0)
        # distance in ln E of the halves' geometric means; both have as many channels
        steepness = 0.5 * np.log(end / start)
        r = np.where(usable, np.log(first / second) / steepness, np.nan)
        shape = np.exp(-r[..., None] * x)
        log_a = np.log(first + second) - np.log(shape.sum(-1))
        mean = (shape * x).sum(-1) / shape.sum(-1)
        by_r = np.stack([1 / first, -1 / second], axis=-1) / steepness
        by_a = 1 / (first + second)[..., None] + mean[..., None] * by_r
    jacobian = np.stack([by_a, by_r], axis=-2)
    variance = np.stack([first, second], axis=-1)
    covariance = np.einsum("...is,...s,...js->...ij", jacobian, variance, jacobian)
    return PowerLaw(log_a, r, covariance, np.ones(r.shape), reference, (float(window[0]), float(window[1])))


def weighted_least_squares(counts: NDArray, energy: NDArray, window: tuple[float, float]) -> PowerLaw:
    """Fit a line to log counts against log E, each channel with the weight of its counts.

    Parameters
    ----------
    counts : array, shape (..., n)
        Channels without counts have no logarithm and no weight, which is why the fit is biased where they are few.
    energy : array, shape (n,)
    window : tuple of float

    Returns
    -------
    PowerLaw
        ``nan`` where under three channels hold counts. The dispersion is not estimated and is 1.

    Raises
    ------
    InputError
        The window is not inside the axis or holds under four channels.
    """
    inside = check_inside(energy, window, "background")
    axis = np.asarray(energy[inside], float)
    reference = float(np.sqrt(axis[0] * axis[-1]))
    x = np.log(axis / reference)
    weight = np.maximum(np.nan_to_num(counts[..., inside]), 0).astype(float)
    log_y = np.log(np.where(weight > 0, weight, 1.0))
    s0, s1, s2 = weight.sum(-1), weight @ x, weight @ x**2
    determinant = s0 * s2 - s1**2
    enough = ((weight > 0).sum(-1) >= 3) & (determinant > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = np.stack([np.stack([s2, s1], -1), np.stack([s1, s0], -1)], -2) / determinant[..., None, None]
        total, moment = (weight * log_y).sum(-1), (weight * log_y) @ x
        log_a = (s2 * total - s1 * moment) / determinant
        r = -(s0 * moment - s1 * total) / determinant
    log_a, r = np.where(enough, log_a, np.nan), np.where(enough, r, np.nan)
    inverse[~enough] = np.nan
    return PowerLaw(log_a, r, inverse, np.ones(r.shape), reference, (float(window[0]), float(window[1])))


def two_power_laws(
    counts: NDArray, energy: NDArray, window: tuple[float, float], exponents: tuple[float, float] | None = None
) -> TwoPowerLaws:
    """Fit a sum of two power laws with fixed exponents and no negative amplitude.

    Parameters
    ----------
    counts : array, shape (..., n)
    energy : array, shape (n,)
    window : tuple of float
    exponents : tuple of float, optional
        By default the 5th and 95th percentile of the exponents of single power laws over all spectra.

    Returns
    -------
    TwoPowerLaws

    Raises
    ------
    InputError
        Exponents that do not rise, or a window that the axis does not hold.

    Notes
    -----
    Linear combination of power laws: P. Cueva, R. Hovden, J. A. Mundy, H. L. Xin and D. A. Muller, Microsc. Microanal.
    18, 667 (2012). Weighted least squares, the weights from the fit of a single power law.
    """
    inside = check_inside(energy, window, "background")
    single = fit_power_law(counts, energy, window)
    if exponents is None:
        known = single.r[np.isfinite(single.r)]
        if known.size == 0:
            raise InputError("no spectrum has a power law in the window, so no exponents follow; give them")
        low, high = np.percentile(known, [5, 95])
        exponents = (float(low), float(max(high, low + 0.1)))
    if not exponents[0] < exponents[1]:
        raise InputError(f"exponents must rise, found {exponents[0]:g} and {exponents[1]:g}")
    axis = np.asarray(energy[inside], float)
    powers = _powers(axis, exponents, single.reference)
    y = np.nan_to_num(counts[..., inside])
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = 1 / np.maximum(single(axis), 1e-12)
    normal = np.einsum("...n,kn,ln->...kl", weight, powers, powers)
    right = np.einsum("...n,...n,kn->...k", weight, y, powers)
    failed = ~np.isfinite(single.r)
    normal[failed] = np.eye(2)
    both = np.linalg.solve(normal, right[..., None])[..., 0]
    # two unknowns: where one would be negative it is 0, and the other is fitted alone
    alone = right / np.einsum("...kk->...k", normal)
    other = np.stack([np.where(both[..., 1] < 0, alone[..., 0], 0), np.where(both[..., 0] < 0, alone[..., 1], 0)], -1)
    amplitudes = np.where((both < 0).any(-1, keepdims=True), np.maximum(other, 0), both)
    amplitudes[failed] = np.nan
    return TwoPowerLaws(amplitudes, exponents, single.reference, (float(window[0]), float(window[1])))


def local_power_law(counts: NDArray, energy: NDArray, window: tuple[float, float], width: float) -> PowerLaw:
    """Fit with exponents from the neighbours along the line, and amplitudes from each spectrum alone.

    Parameters
    ----------
    counts : array, shape (..., positions, n)
    energy : array, shape (n,)
    window : tuple of float
    width : float
        Sigma in positions of the Gaussian over which neighbours count.

    Returns
    -------
    PowerLaw
        Neighbours' exponents are correlated; the covariance is that of each spectrum by itself.

    Notes
    -----
    Local background averaging: P. Cueva et al., Microsc. Microanal. 18, 667 (2012).
    """
    from scipy.ndimage import gaussian_filter1d

    inside = check_inside(energy, window, "background")
    own = fit_power_law(counts, energy, window)
    around = gaussian_filter1d(np.nan_to_num(np.asarray(counts, float)), width, axis=-2, mode="nearest")
    shared = fit_power_law(around, energy, window)
    x = np.log(np.asarray(energy[inside], float) / own.reference)
    shape = np.exp(-shared.r[..., None] * x)
    total = counts[..., inside].sum(-1, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_a = np.where(total > 0, np.log(total / shape.sum(-1)), np.nan)
    mean = (shape * x).sum(-1) / shape.sum(-1)
    # a Gaussian mean of independent exponents has 1 / (2 sqrt(pi) width) of their variance
    variance_r = own.covariance[..., 1, 1] * min(1.0, 1 / (2 * np.sqrt(np.pi) * width))
    covariance = np.empty_like(own.covariance)
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance[..., 0, 0] = 1 / total + mean**2 * variance_r
    covariance[..., 0, 1] = covariance[..., 1, 0] = mean * variance_r
    covariance[..., 1, 1] = variance_r
    return replace(own, log_a=log_a, r=shared.r, covariance=covariance)


def _powers(energy: NDArray, exponents: tuple[float, float], reference: float) -> NDArray:
    """Both power laws at ``energy``, 1 at ``reference``; shape (2, n)."""
    return np.exp(-np.asarray(exponents)[:, None] * np.log(np.asarray(energy, float) / reference))
