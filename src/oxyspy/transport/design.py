"""Which coating, and how thick: screening against the guidelines, and the least thickness for a life."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.coating import Coating, IonTransport
from oxyspy.transport.coating_files import chosen, coatings
from oxyspy.transport.model import CONDITIONS, check_together, read_inputs, slopes
from oxyspy.transport.permeation import coating_of_path, layer_volume
from oxyspy.transport.quantities import STUDY, plain_number
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
        Diffusivities in cm2/s at that temperature; ``nan`` where there is no entry, or none of the temperature.
    blocks_oxygen, passes_lithium : str
        ``"yes"``, ``"no"``, or ``"open"`` where the guideline lies within the bounds; ``"unknown"`` without data.
    verdict : str
        ``"meets both"``, ``"fails"``, ``"open"`` or ``"unknown"``.
    temperature : float
        K.
    """

    coating: str
    oxygen: float
    lithium: float
    blocks_oxygen: str
    passes_lithium: str
    verdict: str
    temperature: float


def screen(
    known: Mapping[str, Coating] | Iterable[Coating | str] | Coating | str | None = None,
    *,
    oxygen_max: Any = None,
    lithium_min: Any = None,
    temperature: Any = STUDY["temperature"],
) -> list[Screened]:
    """Return each coating against the guidelines D(O) < 1e-17 and D(Li) > 7e-16 cm2/s, with its bounds counted.

    Parameters
    ----------
    known
        Coatings by name, coatings, or names of the study's; all of these by default.
    oxygen_max, lithium_min
        cm2/s; the guidelines quoted by the study by default, which are for 300 K.
    temperature
        K, to which every coating is taken by its activation energy.

    Returns
    -------
    list of Screened
        One a coating, in the order of ``known``.

    Examples
    --------
    >>> [one.coating for one in screen() if one.verdict in ("meets both", "open")]
    ['Li3B11O18', 'LiAlO2', 'Al2O3']
    """
    most, least = guidelines(oxygen_max, lithium_min)
    t = plain_number("temperature", temperature)
    found = []
    for one in chosen(known).values():
        oxygen, lithium = one.oxygen.at(t), one.lithium.at(t) if one.lithium else None
        blocks = _below(oxygen.diffusivity_low, oxygen.diffusivity_high, most)
        passes = "unknown" if lithium is None else _below(-lithium.diffusivity_high, -lithium.diffusivity_low, -least)
        both = {blocks, passes}
        verdict = "fails" if "no" in both else next((v for v in ("unknown", "open") if v in both), "meets both")
        found.append(
            Screened(
                coating=one.name,
                oxygen=oxygen.diffusivity,
                lithium=np.nan if lithium is None else lithium.diffusivity,
                blocks_oxygen=blocks,
                passes_lithium=passes,
                verdict=verdict,
                temperature=t,
            )
        )
    return found


def guidelines(oxygen_max: Any = None, lithium_min: Any = None) -> tuple[float, float]:
    """Return the largest D(O) and the smallest D(Li) in cm2/s: those given, or those that the study quotes."""
    guide = load("transport")["guidelines"]
    given = {"oxygen_max": oxygen_max, "lithium_min": lithium_min}
    most, least = (
        plain_number(name, guide[name]["value"] if value is None else value, kind="D") for name, value in given.items()
    )
    return most, least


def _below(low: float, high: float, limit: float) -> str:
    if np.isnan(low):
        return "unknown"
    return "yes" if high < limit else "no" if low > limit else "open"


@dataclass(frozen=True, repr=False)
class MinimumThickness(Result):
    """The least thickness of a coating that keeps the layer below a target over a life.

    Attributes
    ----------
    value, low, high : float
        cm, and its 68.3 % interval from the bounds of L and the errors of the inputs; ``nan`` where no thickness does
        it.
    contributions : dict
        Each uncertain input's part of the first-order error of ln thickness; ``ln_L`` is the coating's.
    temperature : float
        K.
    reason : str
        Why there is none; empty where there is one.
    method : str
        The model and what it takes for granted; says so where the coating is so thick that its curvature counts.
    """

    value: float
    low: float
    high: float
    contributions: dict[str, float]
    temperature: float
    reason: str
    method: str

    def __repr__(self) -> str:
        if self.reason:
            return f"no thickness: {self.reason}"
        ends = ", ".join("none" if np.isnan(end) else f"{end * 1e7:.3g}" for end in (self.low, self.high))
        return f"{self.value * 1e7:.3g} nm [{ends}]"


def minimum_thickness(
    coating: Coating | str,
    target: Any,
    life: Any,
    *,
    temperature: Any = STUDY["temperature"],
    target_sigma: Any = 0.0,
    life_sigma: Any = 0.0,
    geometry: str = "sphere",
    **conditions: Any,
) -> MinimumThickness:
    """Return the least thickness with which a coating keeps the reacted layer below a target over a life.

    Parameters
    ----------
    coating
        From `coatings`, or the name of one of the study's.
    target
        Largest tolerable layer, cm.
    life
        Time at high voltage, s; see `time_at_voltage`.
    temperature
        K, to which the coating is taken by its activation energy; exact.
    target_sigma, life_sigma
        Their standard errors.
    geometry, **conditions
        ``radius``, ``mu_c``, ``mu_e``, ``c_max``, ``released`` and their standard errors, as in `required_diffusivity`.

    Returns
    -------
    MinimumThickness
        In cm, with its bounds, or a reason why none would do.

    Raises
    ------
    InputError
        As in `required_diffusivity`.
    TypeError
        A condition that nobody knows.

    Examples
    --------
    >>> from oxyspy.transport import coatings, minimum_thickness
    >>> minimum_thickness(coatings()["Al2O3"], "2 nm", "200 h")
    8.68 nm [2.49, 30.2]
    """
    known = coatings()[coating] if isinstance(coating, str) else coating
    given = {"layer": (target, target_sigma), "time": (life, life_sigma)}
    for name in CONDITIONS:
        given[name] = conditions.pop(name, STUDY[name]), conditions.pop(f"{name}_sigma", 0.0)
    if conditions:
        raise TypeError(f"minimum_thickness() got an unexpected keyword argument {next(iter(conditions))!r}")
    names = {"layer": "target", "time": "life"}
    inputs = read_inputs(given, names)
    check_together(inputs, geometry, names)
    if any(value.ndim for value, _ in inputs.values()) or any(np.isnan(value) for value, _ in inputs.values()):
        raise InputError("minimum_thickness: found several problems or an unknown input; needed one problem")
    if inputs["layer"][0] <= 0:
        raise InputError(f"target: found {inputs['layer'][0]:g} cm, needed a positive thickness of the layer")
    t = plain_number("temperature", temperature)
    value, low, high, parts = _thickness(inputs, known.oxygen.at(t), geometry)
    reason = "the coating would have to be as thick as the particle" if np.isnan(value) else ""
    if np.isnan(known.oxygen.at(t).onsager):
        reason = f"{known.name} is known at {known.oxygen.temperature:g} K only, without an activation energy"
    radius = float(inputs["radius"][0])
    exact = [name for name in inputs if name not in parts]
    method = f"steady diffusion through the coating, {geometry}; taken as exact: {', '.join(exact) or 'nothing'}"
    if geometry != "plane" and value > THICK * radius:
        factor = curvature_factor(value, radius, geometry)
        method += f"; as thick as {value / radius:.0%} of the radius, the exact shell lasts {factor:.2f} times as long"
    return MinimumThickness(
        value=value,
        low=low,
        high=high,
        contributions=parts,
        temperature=t,
        reason=reason,
        method=method,
    )


def _thickness(inputs, ion: IonTransport, geometry: str) -> tuple[float, float, float, dict[str, float]]:
    """Return the thickness, its interval and the parts of its error, to first order in the logarithm of the path."""
    x = {name: value for name, (value, _) in inputs.items()}
    below, above = ion.log_sigma
    spent = x["time"] * x.get("active", 1.0) * (x["mu_c"] - x["mu_e"])
    path = ion.onsager * spent / (x["released"] * x["c_max"] * layer_volume(x["layer"], 0.0, x["radius"], geometry))
    # the path is what the layer, without a coating's thickness, answers for
    slope = slopes(x | {"coating": 0.0}, geometry, list(inputs)) | {"time": 1 / x["time"]}
    parts = {name: abs(float(slope[name] * sigma)) for name, (_, sigma) in inputs.items() if sigma > 0}
    others = sum(part**2 for part in parts.values())
    # a more open coating must be thicker, on each side by its own bound
    low, high = np.exp(-np.sqrt(below**2 + others)), np.exp(np.sqrt(above**2 + others))
    value, low, high = (float(coating_of_path(path * factor, x["radius"], geometry)) for factor in (1.0, low, high))
    return value, low, high, parts | {"ln_L": float(below + above) / 2}
