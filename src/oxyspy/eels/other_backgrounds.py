"""Other ways to fit the background, to compare the maximum-likelihood power law with.

All take counts of shape (..., n) and fit every spectrum at once. Each knows how its parameters move with the counts, so
that the errors of areas propagate through it as they do through `oxyspy.eels.background.fit_power_law`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from oxyspy.eels.background import PowerLaw, fit_power_law, residual_dispersion
from oxyspy.eels.windows import check_inside
from oxyspy.errors import InputError

# what fingerprints say of each
METHODS = {
    "ml": "Poisson maximum likelihood",
    "two_area": "two areas",
    "wls": "weighted least squares of the logarithms",
    "two_power_laws": "two power laws with the scan's extreme exponents, weighted least squares",
    "local": "Poisson maximum likelihood, exponent averaged along the line",
}
# over how many positions a local exponent is averaged, as a Gaussian's sigma
LOCAL_WIDTH = 2.0


def fit_background(
    counts: NDArray, energy: NDArray, window: tuple[float, float], name: str = "background", method: str = "ml"
) -> PowerLaw | TwoPowerLaws:
    """Fit the background by a method of `METHODS`.

    Parameters
    ----------
    counts, energy, window, name
        As for `oxyspy.eels.background.fit_power_law`; for ``"local"`` counts of shape (..., positions, n).
    method : {"ml", "two_area", "wls", "two_power_laws", "local"}

    Raises
    ------
    InputError
        An unknown method, or a window that the axis does not hold.
    """
    if method == "ml":
        return fit_power_law(counts, energy, window, name)
    check_inside(energy, window, name)
    if method == "local":
        if np.ndim(counts) < 2:
            raise InputError(f"{name}: an exponent averaged along the line needs a line, found one spectrum; use 'ml'")
        return local_power_law(counts, energy, window, LOCAL_WIDTH)
    fits = {"two_area": two_area, "wls": weighted_least_squares, "two_power_laws": two_power_laws}
    if method not in fits:
        raise InputError(f"background method {method!r} is not known; use one of {', '.join(METHODS)}")
    return fits[method](counts, energy, window)


@dataclass(frozen=True)
class TwoPowerLaws:
    """Sums of two power laws with fixed exponents, A1 E^-r1 + A2 E^-r2.

    Attributes
    ----------
    amplitudes : array, shape (..., 2)
        Counts a channel at ``reference``, none below 0; ``nan`` where nothing could be fitted.
    exponents : tuple of float
        r1 < r2.
    by_counts : array, shape (..., 2, m)
        Derivatives of the amplitudes by the counts of the window's m channels.
    dispersion : array, shape (...)
        Variance over mean of the residuals, as `PowerLaw` has it.
    reference : float
        In eV.
    window : tuple of float
        In eV.
    """

    amplitudes: NDArray
    exponents: tuple[float, float]
    by_counts: NDArray
    dispersion: NDArray
    reference: float
    window: tuple[float, float]
    others: None = None

    def __call__(self, energy: NDArray, dtype: DTypeLike = float) -> NDArray:
        """Background in counts a channel at ``energy`` (n,); shape (..., n)."""
        return (self.amplitudes @ self._powers(energy)).astype(dtype, copy=False)

    def __getitem__(self, part) -> TwoPowerLaws:
        """Return the backgrounds of some of the spectra."""
        return replace(
            self, amplitudes=self.amplitudes[part], by_counts=self.by_counts[part], dispersion=self.dispersion[part]
        )

    def reshaped(self, *stack: int) -> TwoPowerLaws:
        """Return the same backgrounds as a stack of another shape."""
        return replace(
            self, amplitudes=self.amplitudes.reshape(*stack, 2), dispersion=self.dispersion.reshape(stack),
            by_counts=self.by_counts.reshape(*stack, *self.by_counts.shape[-2:]),
        )  # fmt: skip

    def of_noise(self, noise: float) -> TwoPowerLaws:
        """Return itself: linear in the counts, it has no bias that their variance would tell."""
        return self

    def gradient(self, energy: NDArray) -> NDArray:
        """Derivative of the background by the amplitudes; shape (..., 2, n)."""
        powers = self._powers(energy)
        return np.broadcast_to(powers, (*self.amplitudes.shape[:-1], *powers.shape))

    def response(self, energy: NDArray, dtype: DTypeLike = float) -> NDArray:
        """Derivative of the amplitudes by the counts at the window's energies; shape (..., 2, m)."""
        return self.by_counts.astype(dtype, copy=False)

    def _powers(self, energy: NDArray) -> NDArray:
        """Both power laws at ``energy``, 1 at ``reference``; shape (2, n)."""
        return np.exp(-np.asarray(self.exponents)[:, None] * np.log(np.asarray(energy, float) / self.reference))


def two_area(counts: NDArray, energy: NDArray, window: tuple[float, float]) -> PowerLaw:
    """Fit A E^-r by the sums over both halves of the window.

    Parameters
    ----------
    counts : array, shape (..., n)
        With any gain.
    energy : array, shape (n,)
        In eV.
    window : tuple of float
        In eV; its halves are of equal width.

    Returns
    -------
    PowerLaw
        ``nan`` where a half holds no positive sum.

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
    # an odd channel at the end belongs to neither half
    by_counts = np.concatenate(
        [np.repeat(jacobian, half, axis=-1), np.zeros((*r.shape, 2, axis.size - 2 * half))], axis=-1
    )
    window = (float(window[0]), float(window[1]))
    fit = PowerLaw(log_a, r, covariance, np.ones(r.shape), reference, window, by_counts=by_counts)
    return _with_dispersion(fit, y, axis)


def _with_dispersion(fit: PowerLaw | TwoPowerLaws, y: NDArray, axis: NDArray) -> PowerLaw | TwoPowerLaws:
    """The fit with its residuals' dispersion."""
    flat, mu = y.reshape(-1, axis.size).astype(float), fit(axis).reshape(-1, axis.size)
    return replace(fit, dispersion=residual_dispersion(flat, mu).reshape(y.shape[:-1]))


def weighted_least_squares(counts: NDArray, energy: NDArray, window: tuple[float, float]) -> PowerLaw:
    """Fit a line to log counts against log E, each channel with the weight of its counts.

    Parameters
    ----------
    counts : array, shape (..., n)
        Channels without counts have no logarithm and no weight, which is why the fit is biased where they are few.
    energy : array, shape (n,)
        In eV.
    window : tuple of float
        In eV.

    Returns
    -------
    PowerLaw
        ``nan`` where under three channels hold counts.

    Raises
    ------
    InputError
        The window is not inside the axis or holds under four channels.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import weighted_least_squares
    >>> energy = np.arange(500.0, 700.0, 0.5)
    >>> print(weighted_least_squares(1e10 * energy**-3.0, energy, (600.0, 632.0)).r.round(3))
    3.0
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
    # the weights are counts, too: a channel's own residual is in its response
    residual = np.where(weight > 0, 1 + log_y - (log_a[..., None] - r[..., None] * x), 0.0)
    by_counts = inverse @ (np.stack([np.ones_like(x), -x]) * residual[..., None, :])
    fit = PowerLaw(
        log_a, r, inverse, np.ones(r.shape), reference, (float(window[0]), float(window[1])), None, by_counts
    )
    return _with_dispersion(fit, counts[..., inside], axis)


def two_power_laws(
    counts: NDArray, energy: NDArray, window: tuple[float, float], exponents: tuple[float, float] | None = None
) -> TwoPowerLaws:
    """Fit a sum of two power laws with fixed exponents and no negative amplitude.

    Parameters
    ----------
    counts : array, shape (..., n)
        With any gain.
    energy : array, shape (n,)
        In eV.
    window : tuple of float
        In eV.
    exponents : tuple of float, optional
        By default the 5th and 95th percentile of the exponents of single power laws over all spectra.

    Returns
    -------
    TwoPowerLaws
        Amplitudes of both, with their covariance.

    Raises
    ------
    InputError
        Exponents that do not rise, or a window that the axis does not hold.

    Notes
    -----
    Linear combination of power laws: P. Cueva, R. Hovden, J. A. Mundy, H. L. Xin and D. A. Muller, Microsc. Microanal.
    18, 667 (2012). Weighted least squares, the weights from the fit of a single power law.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import two_power_laws
    >>> energy = np.arange(500.0, 700.0, 0.5)
    >>> fit = two_power_laws(1e7 * energy**-2.0 + 1e14 * energy**-4.5, energy, (560.0, 632.0), exponents=(2.0, 4.5))
    >>> print((fit(np.array([650.0])) / (1e7 * 650**-2.0 + 1e14 * 650**-4.5)).round(3))
    [1.]
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
    powers = np.exp(-np.asarray(exponents)[:, None] * np.log(axis / single.reference))
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
    # of both, or of the one that is not held at zero
    weighted = powers * weight[..., None, :]
    by_both = np.linalg.solve(normal, weighted)
    by_one = np.where(amplitudes[..., None] > 0, weighted / np.einsum("...kk->...k", normal)[..., None], 0.0)
    by_counts = np.where((both < 0).any(-1)[..., None, None], by_one, by_both)
    amplitudes[failed] = by_counts[failed] = np.nan
    fit = TwoPowerLaws(
        amplitudes, exponents, by_counts, np.ones(amplitudes.shape[:-1]), single.reference,
        (float(window[0]), float(window[1])),
    )  # fmt: skip
    return _with_dispersion(fit, counts[..., inside], axis)


def local_power_law(counts: NDArray, energy: NDArray, window: tuple[float, float], width: float) -> PowerLaw:
    """Fit with exponents from the neighbours along the line, and amplitudes from each spectrum alone.

    Parameters
    ----------
    counts : array, shape (..., positions, n)
        Positions along the line before the channels.
    energy : array, shape (n,)
        In eV.
    window : tuple of float
        In eV.
    width : float
        Sigma in positions of the Gaussian over which neighbours count.

    Returns
    -------
    PowerLaw
        The covariance is that of each spectrum by itself; neighbours share their exponents, so that sums of areas along
        the line have larger errors than independent ones would.

    Notes
    -----
    Local background averaging: P. Cueva et al., Microsc. Microanal. 18, 667 (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.eels import local_power_law
    >>> energy = np.arange(500.0, 700.0, 0.5)
    >>> counts = np.random.default_rng(0).poisson(1e10 * energy**-3.0, (30, energy.size))
    >>> local_power_law(counts, energy, (600.0, 632.0), width=5.0).r.std() < 0.3
    np.True_
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
    # how much of a shared exponent's counts are a spectrum's own, and how much less scattered it is
    reach = int(4.0 * width + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    share, mean_share = weights.max() / weights.sum(), (weights**2).sum() / weights.sum() ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        by_r = share * shared.response(energy[inside])[..., 1, :]
        by_a = 1 / total[..., None] + mean[..., None] * by_r
    # what the neighbours' counts add moves A and r together
    along = np.stack([mean, np.ones_like(mean)], axis=-1)
    rest = own.covariance[..., 1, 1] * (mean_share - share**2)
    others = rest[..., None, None] * along[..., :, None] * along[..., None, :]
    by_counts = np.stack([by_a, by_r], axis=-2)
    variance = np.exp(log_a)[..., None] * shape
    covariance = np.einsum("...in,...n,...jn->...ij", by_counts, variance, by_counts) + others
    bend = own.bend * mean_share
    return replace(own, log_a=log_a, r=shared.r, covariance=covariance, bend=bend, by_counts=by_counts, others=others)
