"""Two witnesses of one layer, the spectra and the image: do they agree, and what do they say together?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from oxyspy.results import Result


@dataclass(frozen=True)
class LayerAgreement(Result):
    """Agreement of two thicknesses.

    Attributes
    ----------
    difference_nm, difference_sigma_nm : float
        First less second.
    p_value : float
        Probability of a difference this large between two right measurements.
    agree : bool
        p above 0.05.
    thickness_nm, sigma_nm : float
        Weighted mean and standard error; where the two disagree the error is widened by the Birge ratio, so that it
        reaches both.
    reason : str
        Why there is none.
    """

    difference_nm: float
    difference_sigma_nm: float
    p_value: float
    agree: bool
    thickness_nm: float
    sigma_nm: float
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"no common thickness: {self.reason}"
        word = "agree" if self.agree else "DISAGREE"
        return (
            f"the two witnesses {word} (difference {self.difference_nm:+.2f} ± {self.difference_sigma_nm:.2f} nm, "
            f"p = {self.p_value:.2g}); together {self.thickness_nm:.2f} ± {self.sigma_nm:.2f} nm"
        )


def combine_layers(first, second) -> LayerAgreement:
    r"""Compare two measured layers, such as `oxyspy.layer.ReactedLayer` and `ImageLayer`, and take their mean.

    Parameters
    ----------
    first, second
        Anything with ``supported``, ``thickness_nm`` and ``sigma_nm``, independent of each other.

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
    lacking = [name for name, one in (("first", first), ("second", second)) if not one.supported]
    if lacking:
        return LayerAgreement(
            nan, nan, nan, False, nan, nan, f"no layer supported by the {' and the '.join(lacking)} witness"
        )
    difference = float(first.thickness_nm - second.thickness_nm)
    error = float(np.hypot(first.sigma_nm, second.sigma_nm))
    z = difference / error
    weights = np.array([first.sigma_nm, second.sigma_nm]) ** -2.0
    mean = float(weights @ [first.thickness_nm, second.thickness_nm] / weights.sum())
    p = float(2 * ndtr(-abs(z)))
    return LayerAgreement(difference, error, p, p > 0.05, mean, float(weights.sum() ** -0.5 * max(1.0, abs(z))))
