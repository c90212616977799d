"""Whether the witnesses put the layer's end at one depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2 as chi_squared

from oxyspy.layer.reacted import WitnessLayer

# what noise alone does less often than this, three standard deviations, is a contradiction
CONTRADICTION, APART = 0.003, 3.0


@dataclass(frozen=True)
class Agreement:
    """By how much witnesses are fitted better each with a boundary and a width of its own.

    Attributes
    ----------
    chi2, degrees, probability : float, int, float
        ``nan``, 0 and ``nan`` with one witness.
    widening : float
        Factor on the common boundary's errors: R. T. Birge's (Phys. Rev. 40, 207 (1932)) where the witnesses
        contradict each other, else 1.
    notes : tuple of str
    """

    chi2: float
    degrees: int
    probability: float
    widening: float
    notes: tuple[str, ...]


def agreement(alone: Sequence[WitnessLayer], chi2: float, degrees: int) -> Agreement:
    """Compare the fits of each witness alone with their common fit, whose chi-squared and degrees are given."""
    joint = [layer for layer in alone if layer.joint]
    more = 2 * (len(joint) - 1)
    if more < 1:
        return Agreement(float("nan"), 0, float("nan"), 1.0, ())
    gain = max(chi2 - sum(layer.chi2 for layer in joint), 0.0) / max(chi2 / degrees, 1.0)
    probability = float(chi_squared.sf(gain, more))
    told = [layer for layer in joint if layer.supported]
    if probability >= CONTRADICTION or len(told) < 2:
        return Agreement(gain, more, probability, 1.0, ())
    at = np.array([layer.thickness_nm for layer in told])
    weight = 1 / np.array([layer.boundary_sigma_nm for layer in told]) ** 2
    spread = weight @ (at - weight @ at / weight.sum()) ** 2 / (len(told) - 1)
    each = ", ".join(f"{w.name} {w.thickness_nm:.2f} ± {w.boundary_sigma_nm:.2f} nm" for w in told)
    note = f"the layer's witnesses contradict each other (probability {probability:.1g}): {each}"
    return Agreement(gain, more, probability, float(np.sqrt(max(spread, 1.0))), (note,))


def against_all(alone: Sequence[WitnessLayer], thickness: float, sigma: float) -> tuple[str, ...]:
    """Say which witnesses outside the common fit put the layer's end elsewhere."""
    return tuple(
        f"{w.name}, which has no part in the fit, puts the layer at {w.thickness_nm:.2f} ± {w.boundary_sigma_nm:.2f} nm"
        for w in alone
        if not w.joint
        and w.supported
        and abs(w.thickness_nm - thickness) > APART * np.hypot(w.boundary_sigma_nm, sigma)
    )
