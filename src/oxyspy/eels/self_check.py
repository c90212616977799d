"""Does L3/L2 hang on what it must not hang on: the place of the post window, and the specimen's thickness?

Where plural scattering is taken out rightly, the continuum after L2 is level and a ratio the same in thin and in thick
places of one phase. So L3/L2 of the bulk is measured with the first and with the second half of the post window, in the
thinner and in the thicker half of the positions, and once without deconvolution, to show what that did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.functionals import Functionals
from oxyspy.eels.white_lines import WhiteLineMethod, line_weights
from oxyspy.results import Result

# a difference is told when it is beyond that many standard errors, and that share of the ratio
LEAST_SIGMAS, LEAST_SHARE = 3.0, 0.05
# thicknesses closer together than this say nothing about a slope
LEAST_SPREAD = 0.03


@dataclass(frozen=True)
class Variants:
    """L3 and L2 of every spectrum measured in ways that should make no difference, and in one that does.

    Attributes
    ----------
    halves : Functionals
        Areas L3, L2 by the first and L3, L2 by the second half of the post window, shape (..., 4).
    recorded : Functionals
        Areas L3, L2 without deconvolution, shape (..., 2).
    """

    halves: Functionals
    recorded: Functionals


@dataclass(frozen=True)
class SelfCheck(Result):
    """L3/L2 of the bulk by halves of the post window, by halves of the thickness, and without deconvolution.

    Attributes
    ----------
    post_windows : tuple
        First and second half of the post window, in eV.
    post_ratios, post_sigmas : tuple of float
        L3/L2 by each, with standard errors.
    post_difference, post_difference_sigma : float
        Of the second less the first, and its own standard error: the lines' noise is common to both.
    thickness : tuple of float
        Mean t/λ of the thinner and of the thicker half of the bulk; ``nan`` without a low loss.
    slope, slope_sigma : float
        Change of L3/L2 from the one to the other, for a mean free path; ``nan`` where t/λ is the same all over.
    recorded_ratio, recorded_sigma : float
        L3/L2 without deconvolution.
    words : tuple of str
        What is more than three standard errors and 5 % of the ratio.
    """

    post_windows: tuple[tuple[float, float], ...]
    post_ratios: tuple[float, ...]
    post_sigmas: tuple[float, ...]
    post_difference: float
    post_difference_sigma: float
    thickness: tuple[float, float]
    slope: float
    slope_sigma: float
    recorded_ratio: float
    recorded_sigma: float
    words: tuple[str, ...]


def halves(post: tuple[float, float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first and the second half of a window."""
    middle = (post[0] + post[1]) / 2
    return (post[0], middle), (middle, post[1])


def half_weights(energy: NDArray, l3: NDArray, l2: NDArray, method: WhiteLineMethod, smoothing: float) -> NDArray:
    """Window functions (..., 4, n) of L3 and L2 by the first and by the second half of the post window.

    Parameters
    ----------
    energy, l3, l2, method, smoothing
        As for `oxyspy.eels.white_lines.line_weights`.
    """
    parts = [line_weights(energy, l3, l2, replace(method, post=part), smoothing) for part in halves(method.post)]
    return np.concatenate([part[..., :2, :] for part in parts], axis=-2)


def self_check(
    lines: Functionals, variants: Variants, thickness: NDArray | None, bulk: NDArray, method: WhiteLineMethod
) -> SelfCheck:
    """Compare L3/L2 of the bulk by ways that should make no difference.

    Parameters
    ----------
    lines : Functionals
        Areas L3 and L2, first of the last axis, of spectra of shape (...).
    variants : Variants
        Of the same spectra.
    thickness : array, shape (...), optional
        t/λ of each.
    bulk : array of bool, shape (...)
        Spectra of one phase.
    method : WhiteLineMethod
    """
    total = variants.halves.sum(where=bulk)
    ratios, sigmas, gradient = zip(*(_ratio(total, at) for at in (0, 2)), strict=True)
    difference = ratios[1] - ratios[0]
    by_areas = np.concatenate([-gradient[0], gradient[1]])
    difference_sigma = float(np.sqrt(max(by_areas @ total.covariance @ by_areas, 0.0)))
    t, slope, slope_sigma = _slope(lines, thickness, bulk)
    recorded, recorded_sigma, _ = _ratio(variants.recorded.sum(where=bulk), 0)
    words = []
    level = float(np.mean(ratios))
    if _matters(difference, difference_sigma, level):
        (a, b), (c, d) = halves(method.post)
        words.append(
            f"L3/L2 of the bulk is {ratios[0]:.2f} by the post window {a:g}-{b:g} eV and {ratios[1]:.2f} by "
            f"{c:g}-{d:g} eV: the continuum there is not level"
        )
    span = t[1] - t[0]
    if _matters(slope * span, slope_sigma * span, level):
        words.append(
            f"L3/L2 of the bulk changes by {slope:+.2f} ± {slope_sigma:.2f} for a mean free path of thickness, from "
            f"t/λ {t[0]:.2f} to {t[1]:.2f}: plural scattering is not taken out rightly, or the bulk is not one phase"
        )
    return SelfCheck(
        halves(method.post), ratios, sigmas, difference, difference_sigma, t, slope, slope_sigma,
        recorded, recorded_sigma, tuple(words),
    )  # fmt: skip


def _slope(lines: Functionals, thickness: NDArray | None, bulk: NDArray) -> tuple[tuple[float, float], float, float]:
    """Mean t/λ of the thinner and the thicker half of the bulk, and the change of L3/L2 between them for one λ."""
    nan = float("nan")
    if thickness is None:
        return (nan, nan), nan, nan
    known = bulk & np.isfinite(thickness) & np.isfinite(lines.values[..., :2]).all(-1)
    if known.sum() < 4:
        return (nan, nan), nan, nan
    middle = np.median(thickness[known])
    thin, thick = known & (thickness <= middle), known & (thickness > middle)
    t = tuple(float(thickness[part].mean()) if part.any() else nan for part in (thin, thick))
    if not t[1] - t[0] > LEAST_SPREAD:
        return t, nan, nan
    (low, low_sigma, _), (high, high_sigma, _) = (_ratio(lines.sum(where=part), 0) for part in (thin, thick))
    span = t[1] - t[0]
    return t, (high - low) / span, float(np.hypot(low_sigma, high_sigma)) / span


def _ratio(total: Functionals, at: int) -> tuple[float, float, NDArray]:
    """Quotient of two neighbouring areas, its standard error, and its derivatives by them."""
    a, b = total.values[at : at + 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = float(a / b)
        gradient = np.array([1 / b, -a / b**2])
    variance = gradient @ total.covariance[at : at + 2, at : at + 2] @ gradient
    return ratio, float(np.sqrt(max(variance, 0.0))), gradient


def _matters(difference: float, sigma: float, level: float) -> bool:
    return abs(difference) > max(LEAST_SIGMAS * sigma, LEAST_SHARE * abs(level))
