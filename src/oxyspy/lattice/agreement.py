"""Two witnesses of one layer, the spectra and the image: do they agree, and what do they say together?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.results import Result

# a limit of 95 % on one side lies so many standard deviations above nothing
ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class LayerAgreement(Result):
    """Agreement of two thicknesses.

    Attributes
    ----------
    difference_nm, difference_sigma_nm : float
        First less second; a witness without a layer counts as 0, with its limit for 1.645 standard errors. The spread
        of the layer along the surface is in it, since the two see different parts.
    p_value : float
        Probability of a difference this large between two right measurements; ``nan`` where they cannot be compared.
    agree : bool
        p above 0.05.
    thickness_nm, sigma_nm : float
        Weighted mean and standard error; where the two disagree the error is widened by the Birge ratio, so that it
        reaches both. ``nan`` where not both have a layer.
    reason : str
        Why there is no common thickness.
    """

    difference_nm: float
    difference_sigma_nm: float
    p_value: float
    agree: bool
    thickness_nm: float
    sigma_nm: float
    reason: str = ""

    def __str__(self) -> str:
        if not np.isfinite(self.p_value):
            return f"the two witnesses cannot be compared: {self.reason}"
        text = f"the two witnesses {'agree' if self.agree else 'DISAGREE'} "
        if self.reason:
            return text + f"(p = {self.p_value:.2g}): {self.reason}"
        return text + (
            f"(difference {self.difference_nm:+.2f} ± {self.difference_sigma_nm:.2f} nm, p = {self.p_value:.2g}); "
            f"together {self.thickness_nm:.2f} ± {self.sigma_nm:.2f} nm"
        )


def combine_layers(first, second, names: tuple[str, str] = ("first", "second")) -> LayerAgreement:
    r"""Compare two measured layers, such as `oxyspy.layer.ReactedLayer` and `ImageLayer`, and take their mean.

    Parameters
    ----------
    first, second
        Anything with ``supported``, ``thickness_nm`` and ``sigma_nm``, independent of each other; where a layer is not
        supported, ``upper_limit_nm`` (95 %). ``surface_spread_nm`` of one, which sees a length of the surface, adds to
        the error of the other, which sees a place on it.
    names : tuple of str
        What to call them.

    Returns
    -------
    LayerAgreement
        Difference, mean and whether the two agree.

    Raises
    ------
    InputError
        A supported layer without a thickness, or without a standard error above zero.

    Notes
    -----
    :math:`z = (l_1 - l_2) / \sqrt{\sigma_1^2 + \sigma_2^2}`; the mean is weighted by :math:`\sigma^{-2}` and its
    variance multiplied by max(1, z^2), the Birge ratio of two values [1]_.

    References
    ----------
    .. [1] R. T. Birge, Phys. Rev. 40, 207 (1932).

    Examples
    --------
    >>> from types import SimpleNamespace as layer
    >>> both = combine_layers(layer(supported=True, thickness_nm=2.0, sigma_nm=0.3),
    ...                       layer(supported=True, thickness_nm=2.3, sigma_nm=0.1))
    >>> print(f"{both.thickness_nm:.2f} {both.sigma_nm:.2f} {both.agree}")
    2.27 0.09 True
    """
    nan = float("nan")
    both = tuple(zip((first, second), names, strict=True))
    seen = [_measured(one, name) for one, name in both]
    if None in seen:
        lacking = " and the ".join(name for name, one in zip(names, seen, strict=True) if one is None)
        return LayerAgreement(nan, nan, nan, False, nan, nan, f"no layer and no limit by the {lacking}")
    (l1, s1), (l2, s2) = seen
    s1, s2 = float(np.hypot(s1, _spread(second))), float(np.hypot(s2, _spread(first)))
    difference, error = l1 - l2, float(np.hypot(s1, s2))
    z = difference / error
    p = float(2 * ndtr(-abs(z)))
    if not (first.supported and second.supported):
        said = "; ".join(_words(one, name) for one, name in both)
        return LayerAgreement(difference, error, p, p > 0.05, nan, nan, said)
    weights = np.array([s1, s2]) ** -2.0
    mean, sigma = float(weights @ [l1, l2] / weights.sum()), float(weights.sum() ** -0.5 * max(1.0, abs(z)))
    return LayerAgreement(difference, error, p, p > 0.05, mean, sigma)


def _measured(one, name: str) -> tuple[float, float] | None:
    """Thickness and standard error of one witness, or None where it says nothing."""
    if not one.supported:
        limit = float(getattr(one, "upper_limit_nm", np.nan))
        return (0.0, limit / ONE_SIDED_95) if np.isfinite(limit) and limit > 0 else None
    thickness, sigma = float(one.thickness_nm), float(one.sigma_nm)
    if not (np.isfinite(thickness) and np.isfinite(sigma) and sigma > 0):
        raise InputError(
            f"{name} layer of {thickness:g} ± {sigma:g} nm: needed a thickness and a standard error above zero"
        )
    return thickness, sigma


def _spread(one) -> float:
    """Standard deviation of the layer along the surface, 0 where it is not known."""
    spread = float(getattr(one, "surface_spread_nm", 0.0))
    return spread if np.isfinite(spread) else 0.0


def _words(one, name: str) -> str:
    if one.supported:
        return f"a layer of {one.thickness_nm:.2f} ± {one.sigma_nm:.2f} nm by the {name}"
    return f"none above {one.upper_limit_nm:.2f} nm (95 %) by the {name}"
