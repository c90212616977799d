"""Could a known coating have let that layer form? Its Onsager coefficient beside the required one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.results import Result
from oxyspy.transport.coating import Coating
from oxyspy.transport.coating_files import coatings
from oxyspy.transport.inverse import RequiredDiffusivity
from oxyspy.transport.quantities import K_B

VERDICTS = {
    "consistent": "could have been transport-limited",
    "faster": "lets through more oxygen than the layer took: something else limited its growth",
    "slower": "lets through too little: another path or mechanism is needed",
    "undecided": "the layer's upper limit does not exclude it",
    "unknown": "no layer to compare with",
}
DIFFERENT = 2.0
"""Standard errors of ln L at which a coating and a requirement differ."""


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """A known coating beside a required diffusivity.

    Attributes
    ----------
    coating : str
        Its name.
    diffusivity, diffusivity_low, diffusivity_high : float
        The coating's own, cm2/s.
    required : float or ndarray
        The required diffusivity in cm2/s at this coating's oxygen concentration.
    ratio, ratio_low, ratio_high : float or ndarray
        Onsager coefficient of the coating over the required one, and its 68.3 % interval.
    z : float or ndarray
        ln ratio in standard errors of both.
    verdict : str or ndarray of str
        A key of `VERDICTS`.
    """

    coating: str
    diffusivity: float
    diffusivity_low: float
    diffusivity_high: float
    required: Any
    ratio: Any
    ratio_low: Any
    ratio_high: Any
    z: Any
    verdict: Any

    def __repr__(self) -> str:
        if np.ndim(self.ratio):
            return f"{self.coating}: {', '.join(f'{np.sum(self.verdict == v)} {v}' for v in VERDICTS)}"
        return f"{self.coating}: L / required L = {self.ratio:.2g}: {VERDICTS[self.verdict]}"


def compare_coatings(required: RequiredDiffusivity, known: Mapping[str, Coating] | None = None) -> list[Comparison]:
    """Return each known coating beside the requirement: can transport alone explain the layer under it.

    Onsager coefficients are compared and not diffusivities, since they alone enter the time, whatever the
    concentrations. The bounds of a coating are taken as one standard error of ln L, each side its own.

    Parameters
    ----------
    required
        From `required_diffusivity`.
    known
        Coatings by name; `coatings` by default. Values are at the tables' temperature.

    Examples
    --------
    >>> from oxyspy.transport import required_diffusivity
    >>> need = required_diffusivity("2.0 +- 0.3 nm", "10 nm", "165 min")
    >>> for found in compare_coatings(need)[:3]:
    ...     print(found)
    Li3B11O18: L / required L = 1: could have been transport-limited
    LiAlO2: L / required L = 6.2: could have been transport-limited
    LiNbO3: L / required L = 6.2e+04: lets through more oxygen than the layer took: something else limited its growth
    """
    temperature = float(np.mean(required.inputs["temperature"]["value"]))
    return [_compare(required, one, temperature) for one in (coatings() if known is None else known).values()]


def _compare(required: RequiredDiffusivity, coating: Coating, temperature: float) -> Comparison:
    ion = coating.oxygen if np.isclose(coating.oxygen.temperature, temperature) else coating.oxygen.at(temperature)
    below, above = ion.log_sigma
    with np.errstate(divide="ignore", invalid="ignore"):
        ln = np.log(ion.onsager / np.asarray(required.onsager, dtype=float))
        narrower = np.log(required.onsager_high / np.asarray(required.onsager, dtype=float))
        wider = np.log(np.asarray(required.onsager, dtype=float) / required.onsager_low)
    # the side of each that faces the other
    down, up = np.hypot(below, narrower), np.hypot(above, wider)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = ln / np.where(ln > 0, down, up)
        per_l = np.asarray(required.high_95) / np.asarray(required.high)
        limit = np.asarray(required.onsager_high) * per_l
        z_limit = np.log(ion.onsager / limit) / below
    verdict = np.where(
        np.asarray(required.upper_limit),
        np.where(z_limit > DIFFERENT, "faster", "undecided"),
        np.where(
            np.isnan(z), "unknown", np.where(z > DIFFERENT, "faster", np.where(z < -DIFFERENT, "slower", "consistent"))
        ),
    )
    return Comparison(
        coating=coating.name,
        diffusivity=ion.diffusivity,
        diffusivity_low=ion.diffusivity_low,
        diffusivity_high=ion.diffusivity_high,
        required=np.asarray(required.onsager * K_B * temperature / ion.concentration)[()],
        ratio=np.exp(ln)[()],
        ratio_low=np.exp(ln - down)[()],
        ratio_high=np.exp(ln + up)[()],
        z=z[()],
        verdict=str(verdict) if verdict.ndim == 0 else verdict,
    )
