"""Which coating, and how thick: screening against the guidelines, and the least thickness for a life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.coating import Coating
from oxyspy.transport.coating_files import coatings
from oxyspy.transport.permeation import coating_of_path, layer_volume
from oxyspy.transport.quantities import STUDY, driving_force, number
from oxyspy.transport.resistance import curvature_factor

THICK = 0.05
"""Share of the radius from which the curvature of a coating is worth a word."""


@dataclass(frozen=True, repr=False)
class Screened(Result):
    """A coating against the guidelines.

    Attributes
    ----------
    coating : str
        Its name.
    oxygen, lithium : float
        Diffusivities in cm2/s; ``nan`` where there is no lithium entry.
    blocks_oxygen, passes_lithium : str
        ``"yes"``, ``"no"``, or ``"open"`` where the guideline lies within the bounds; ``"unknown"`` without data.
    verdict : str
        ``"meets both"``, ``"fails"``, ``"open"`` or ``"unknown"``.
    """

    coating: str
    oxygen: float
    lithium: float
    blocks_oxygen: str
    passes_lithium: str
    verdict: str


def screen(
    known: Mapping[str, Coating] | None = None, *, oxygen_max: Any = None, lithium_min: Any = None
) -> list[Screened]:
    """Return each coating against the guidelines D(O) < 1e-17 and D(Li) > 7e-16 cm2/s, with its bounds counted.

    Parameters
    ----------
    known
        Coatings by name; `coatings` by default.
    oxygen_max, lithium_min
        cm2/s; the guidelines quoted by the study by default.

    Examples
    --------
    >>> [one.coating for one in screen() if one.verdict in ("meets both", "open")]
    ['Li3B11O18', 'LiAlO2', 'Al2O3']
    """
    guide = load("transport")["guidelines"]
    most = float(number("oxygen_max", guide["oxygen_max"]["value"] if oxygen_max is None else oxygen_max, kind="D"))
    least = float(
        number("lithium_min", guide["lithium_min"]["value"] if lithium_min is None else lithium_min, kind="D")
    )
    found = []
    for one in (coatings() if known is None else known).values():
        blocks = _below(one.oxygen.diffusivity_low, one.oxygen.diffusivity_high, most)
        passes = "unknown"
        if one.lithium is not None:
            passes = _below(-one.lithium.diffusivity_high, -one.lithium.diffusivity_low, -least)
        both = {blocks, passes}
        verdict = "fails" if "no" in both else next((v for v in ("unknown", "open") if v in both), "meets both")
        found.append(
            Screened(
                coating=one.name,
                oxygen=one.oxygen.diffusivity,
                lithium=one.lithium.diffusivity if one.lithium else np.nan,
                blocks_oxygen=blocks,
                passes_lithium=passes,
                verdict=verdict,
            )
        )
    return found


def _below(low: float, high: float, limit: float) -> str:
    return "yes" if high < limit else "no" if low > limit else "open"


@dataclass(frozen=True, repr=False)
class MinimumThickness(Result):
    """The least thickness of a coating that keeps the layer below a target over a life.

    Attributes
    ----------
    value, low, high : float
        cm, at the coating's Onsager coefficient and at its bounds; ``nan`` where no thickness does it.
    reason : str
        Why there is none; empty where there is one.
    method : str
        The model and what it takes for granted; says so where the coating is so thick that its curvature counts.
    """

    value: float
    low: float
    high: float
    reason: str
    method: str

    def __repr__(self) -> str:
        if self.reason:
            return f"no thickness: {self.reason}"
        ends = ", ".join("none" if np.isnan(end) else f"{end * 1e7:.3g}" for end in (self.low, self.high))
        return f"{self.value * 1e7:.3g} nm [{ends}]"


def minimum_thickness(
    coating: Coating,
    target: Any,
    life: Any,
    *,
    radius: Any = STUDY["radius"],
    mu_c: Any = STUDY["mu_c"],
    mu_e: Any = STUDY["mu_e"],
    c_max: Any = STUDY["c_max"],
    released: Any = STUDY["released"],
    geometry: str = "sphere",
) -> MinimumThickness:
    """Return the least thickness with which a coating keeps the reacted layer below a target over a life.

    Parameters
    ----------
    coating
        From `coatings`.
    target
        Largest tolerable layer, cm.
    life
        Time at high voltage, s; see `time_at_voltage`.
    radius, mu_c, mu_e, c_max, released, geometry
        As in `required_diffusivity`; exact.

    Examples
    --------
    >>> from oxyspy.transport import coatings
    >>> minimum_thickness(coatings()["Al2O3"], "2 nm", "200 h")
    8.68 nm [2.49, 30.2]
    """
    s, t, r, high, low, c, f = (
        float(number(name, given, kind=kind))
        for name, given, kind in (
            ("target", target, "layer"),
            ("life", life, "time"),
            ("radius", radius, "radius"),
            ("mu_c", mu_c, "mu_c"),
            ("mu_e", mu_e, "mu_e"),
            ("c_max", c_max, "c_max"),
            ("released", released, "released"),
        )
    )
    if s <= 0:
        raise InputError(f"target: found {s:g} cm, needed a positive thickness of the layer")
    if geometry != "plane" and s > r:
        raise InputError(f"target: found {s:g} cm, thicker than the particle's radius of {r:g} cm")
    force = float(driving_force(np.asarray(high), np.asarray(low)))
    per_l = t * force / (f * c * float(layer_volume(s, 0.0, r, geometry)))
    ion = coating.oxygen
    value, at_low, at_high = (
        coating_of_path(per_l * l, r, geometry) for l in (ion.onsager, ion.onsager_low, ion.onsager_high)
    )
    reason = "the coating would have to be as thick as the particle" if np.isnan(value) else ""
    method = f"steady diffusion through the coating, {geometry}; bounds of L only, inputs taken as exact"
    if geometry != "plane" and value > THICK * r:
        exact = curvature_factor(value, r, geometry)
        method += f"; as thick as {value / r:.0%} of the radius, the exact shell lasts {exact:.2f} times as long"
    return MinimumThickness(
        value=value,
        low=at_low,
        high=at_high,
        reason=reason,
        method=method,
    )
