"""Known coatings beside a required Onsager coefficient: could they have let that layer form? Or an allowed one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.results import Result
from oxyspy.transport.beyond import BeyondSteady
from oxyspy.transport.coating import Coating
from oxyspy.transport.coating_files import chosen
from oxyspy.transport.inverse import AllowedDiffusivity, RequiredDiffusivity
from oxyspy.transport.quantities import K_B

VERDICTS = {
    # of a layer that was measured
    "consistent": "could have been transport-limited",
    "faster": "lets through more oxygen than the layer took: something else limited its growth",
    "slower": "lets through too little: another path or mechanism is needed",
    "undecided": "the layer's upper limit does not exclude it",
    # of a layer that is allowed
    "safe": "keeps the layer below its target",
    "open": "cannot be told from what is allowed, within the errors",
    "exceeds": "lets through too much",
    # of both
    "unknown": "nothing to compare with",
}
DIFFERENT = 2.0
"""Standard errors of ln L at which a coating and a requirement differ."""


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """A known coating beside a required or an allowed diffusivity.

    Attributes
    ----------
    coating : str
        Its name.
    diffusivity, diffusivity_low, diffusivity_high : float or ndarray
        The coating's own at the temperature of the requirement, cm2/s.
    required : float or ndarray
        The required (or allowed) diffusivity in cm2/s at this coating's oxygen concentration.
    ratio, ratio_low, ratio_high : float or ndarray
        Onsager coefficient of the coating over the required one, and its 68.3 % interval.
    z : float or ndarray
        ln ratio in standard errors of both.
    verdict : str or ndarray of str
        A key of `VERDICTS`.
    """

    coating: str
    diffusivity: Any
    diffusivity_low: Any
    diffusivity_high: Any
    required: Any
    ratio: Any
    ratio_low: Any
    ratio_high: Any
    z: Any
    verdict: Any

    def __repr__(self) -> str:
        if np.ndim(self.ratio):
            counts = {verdict: int(np.sum(self.verdict == verdict)) for verdict in VERDICTS}
            return f"{self.coating}: {', '.join(f'{n} {verdict}' for verdict, n in counts.items() if n)}"
        what = "allowed" if self.verdict in ("safe", "open", "exceeds") else "required"
        return f"{self.coating}: L / {what} L = {self.ratio:.2g}: {VERDICTS[self.verdict]}"


def compare_coatings(
    required: RequiredDiffusivity | BeyondSteady,
    known: Mapping[str, Coating] | Iterable[Coating | str] | Coating | str | None = None,
) -> list[Comparison]:
    """Return each known coating beside the requirement: can transport alone explain the layer under it.

    Onsager coefficients are compared and not diffusivities, since they alone enter the time, whatever the
    concentrations. The bounds of a coating are taken as one standard error of ln L, each side its own.

    Parameters
    ----------
    required
        From `required_diffusivity`; from `allowed_diffusivity`, for the verdicts of a design; or either of them beyond
        the steady model, from `beyond_steady`.
    known
        Coatings by name, coatings, or names of the study's; all of these by default. Each problem is compared at its
        own temperature.

    Returns
    -------
    list of Comparison
        One a coating, in the order of ``known``.

    Examples
    --------
    >>> from oxyspy.transport import allowed_diffusivity, required_diffusivity
    >>> need = required_diffusivity("2.0 +- 0.3 nm", "10 nm", "165 min")
    >>> for found in compare_coatings(need)[:3]:
    ...     print(found)
    Li3B11O18: L / required L = 1: could have been transport-limited
    LiAlO2: L / required L = 6.2: could have been transport-limited
    LiNbO3: L / required L = 6.2e+04: lets through more oxygen than the layer took: something else limited its growth
    >>> may_have = allowed_diffusivity("2 nm", "10 nm", "1 h")
    >>> for found in compare_coatings(may_have)[2:4]:
    ...     print(found)
    LiNbO3: L / allowed L = 2.2e+04: lets through too much
    Al2O3: L / allowed L = 0.0043: keeps the layer below its target
    """
    return [_compare(required, one) for one in chosen(known).values()]


def _compare(required: RequiredDiffusivity | BeyondSteady, coating: Coating) -> Comparison:
    temperature = np.asarray(required.inputs["temperature"]["value"])
    ion = coating.oxygen.at(temperature)
    below, above = ion.log_sigma
    needed, low, high = (np.asarray(getattr(required, f"onsager{end}"), dtype=float) for end in ("", "_low", "_high"))
    with np.errstate(divide="ignore", invalid="ignore"):
        ln, narrower, wider = np.log(ion.onsager / needed), np.log(high / needed), np.log(needed / low)
        # the side of each that faces the other
        down, up = np.hypot(below, narrower), np.hypot(above, wider)
        z = ln / np.where(ln > 0, down, up)
        limit = high * np.asarray(required.high_95) / np.asarray(required.high)
        z_limit = np.log(ion.onsager / limit) / below
        per_l = K_B * temperature / ion.concentration
    verdict = _verdicts(z, z_limit, np.asarray(required.upper_limit), is_design(required))
    return Comparison(
        coating=coating.name,
        diffusivity=ion.diffusivity,
        diffusivity_low=ion.diffusivity_low,
        diffusivity_high=ion.diffusivity_high,
        required=(needed * per_l)[()],
        ratio=np.exp(ln)[()],
        ratio_low=np.exp(ln - down)[()],
        ratio_high=np.exp(ln + up)[()],
        z=z[()],
        verdict=str(verdict) if verdict.ndim == 0 else verdict,
    )


def is_design(required: RequiredDiffusivity | BeyondSteady) -> bool:
    """Whether this is what a design allows, and not what a measured layer required."""
    return isinstance(required.steady if isinstance(required, BeyondSteady) else required, AllowedDiffusivity)


def _verdicts(z: np.ndarray, z_limit: np.ndarray, upper_limit: np.ndarray, design: bool) -> np.ndarray:
    more, less, alike = ("exceeds", "safe", "open") if design else ("faster", "slower", "consistent")
    found = np.where(z > DIFFERENT, more, np.where(z < -DIFFERENT, less, np.where(np.isnan(z), "unknown", alike)))
    # a target that may be none allows nothing that could be told
    of_limit = "unknown" if design else np.where(z_limit > DIFFERENT, "faster", "undecided")
    return np.where(upper_limit, of_limit, found)
