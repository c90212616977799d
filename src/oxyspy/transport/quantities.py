"""The table of quantities: what every input of the transport model may be, and text or pint made numbers by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.constants import value as _constant

from oxyspy.data import load
from oxyspy.errors import InputError

K_B = _constant("Boltzmann constant in eV/K")
"""Boltzmann's constant in eV/K."""

STUDY: dict[str, float] = {name: entry["value"] for name, entry in load("transport")["defaults"].items()}
"""The study's inputs in the units of this package, from ``data/transport.yaml``, where each has its source."""


class Quantity(NamedTuple):
    """What one input may be: its unit, limits, how messages call it, and whether its lower limit itself is allowed."""

    unit: str
    low: float
    high: float
    words: str
    closed: bool = False


# The limits are far outside what a coating on a battery particle can have, and inside what a slip of units makes of it:
# 2 nm given as 2, a density in m-3 or kg/m3, a pressure in atm, a temperature in degrees Celsius, a percentage.
QUANTITIES: dict[str, Quantity] = {
    "layer": Quantity("cm", -1e-4, 1e-2, "thickness of the reacted layer", closed=True),
    "coating": Quantity("cm", 1e-9, 1e-2, "thickness of the coating", closed=True),
    "radius": Quantity("cm", 1e-7, 1.0, "radius of the particle", closed=True),
    "step": Quantity("cm", 1e-9, 1e-6, "length of a step", closed=True),
    "time": Quantity("s", 0.0, 1e12, "time"),
    "elapsed": Quantity("s", -1e12, 1e12, "time", closed=True),
    "cycles": Quantity("", 0.0, 1e9, "number of cycles", closed=True),
    "mu_c": Quantity("eV", -30.0, 10.0, "oxygen chemical potential of the cathode", closed=True),
    "mu_e": Quantity("eV", -30.0, 10.0, "oxygen chemical potential outside", closed=True),
    "energy": Quantity("eV", -1e4, 1e4, "energy", closed=True),
    "activation_energy": Quantity("eV", 0.0, 20.0, "activation energy"),
    "energy_error": Quantity("eV", 0.0, 20.0, "error of the activation energy", closed=True),
    "voltage": Quantity("V", -1.0, 10.0, "voltage", closed=True),
    "c_max": Quantity("1/cm^3", 1e20, 1e24, "oxygen concentration of the cathode", closed=True),
    "concentration": Quantity("1/cm^3", 1e18, 1e24, "concentration of the ion in the coating", closed=True),
    "uptake": Quantity("1/cm^3", 0.0, 1e24, "oxygen that fills the coating"),
    "density": Quantity("g/cm^3", 0.05, 30.0, "density", closed=True),
    "released": Quantity("", 0.0, 1.0, "fraction of the oxygen released"),
    "fraction": Quantity("", 0.0, 1.0, "fraction", closed=True),
    "active": Quantity("", 0.0, 1.0, "share of the time with a driving force"),
    "spread": Quantity("", 0.0, 3.0, "standard deviation over the mean", closed=True),
    # certainty has no interval
    "confidence": Quantity("", 0.0, float(np.nextafter(1.0, 0.0)), "confidence"),
    "temperature": Quantity("K", 100.0, 1e4, "temperature", closed=True),
    "t0": Quantity("K", 0.0, 1e4, "temperature where the ions stop", closed=True),
    "pressure": Quantity("Pa", 0.0, 1e10, "partial pressure of O2"),
    "L": Quantity("1/eV/cm/s", 0.0, np.inf, "Onsager coefficient"),
    "layer_L": Quantity("1/eV/cm/s", 0.0, np.inf, "Onsager coefficient of the reacted layer"),
    "D": Quantity("cm^2/s", 0.0, 1e3, "diffusivity"),
}


def measured(name: str, given: Any, sigma: Any = 0.0, *, kind: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return a quantity and its standard error as checked arrays in the documented unit.

    Parameters
    ----------
    name
        Name of the argument, for messages.
    given
        A number or array in the documented unit of ``kind``; text with a unit and perhaps an error
        (``"2.0 +- 0.3 nm"``), a pint quantity or measurement, or a list of these.
    sigma
        Standard error, in the same forms; an error that comes with the quantity goes before it. It may be missing
        (``nan``) only where the quantity is.
    kind
        Key of `QUANTITIES`; the name itself by default.

    Raises
    ------
    InputError
        Names the quantity, what was found and what was needed.
    """
    quantity = QUANTITIES[kind or name]
    value, own = _numbers(name, given, quantity.unit)
    error = own if own is not None else _numbers(f"{name}_sigma", sigma, quantity.unit)[0]
    # minima and maxima are nan where anything is, which costs a closer look
    if not _inside(value, quantity):
        _check_range(name, value, quantity)
    if not _inside(error, _sigma_of(quantity)):
        error = _checked_sigma(f"{name}_sigma", value, error, quantity)
    return value, error


def number(name: str, given: Any, *, kind: str | None = None) -> np.ndarray:
    """Return `measured`'s value alone, for what carries no error; an error that comes with it is refused."""
    quantity = QUANTITIES[kind or name]
    value, own = _numbers(name, given, quantity.unit)
    if own is not None and np.any(own > 0):
        raise InputError(f"{name} ({quantity.words}): found {given} with an error; needed one without, it is not used")
    if not _inside(value, quantity):
        _check_range(name, value, quantity)
    return value


def plain_number(name: str, given: Any, *, kind: str | None = None) -> float:
    """Return `number` of one value, which must be known."""
    found = number(name, given, kind=kind)
    if found.ndim or np.isnan(found):
        raise InputError(f"{name} ({QUANTITIES[kind or name].words}): found {given!r}, needed one number")
    return float(found)


def common_shape(inputs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> tuple[int, ...]:
    """Return the shape of all inputs together; those that do not fit are named with theirs."""
    try:
        return np.broadcast_shapes(*(np.shape(part) for pair in inputs.values() for part in pair))
    except ValueError:
        shapes = {
            f"{name}{end}": np.shape(x) for name, pair in inputs.items() for end, x in zip(_ENDS, pair, strict=True)
        }
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise InputError(f"inputs: found shapes that do not fit one another: {found}; needed one shape") from None


_ENDS = ("", "_sigma")


def _numbers(name: str, given: Any, unit: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return value and error, ``None`` where none came with it."""
    if isinstance(given, (float, int)) or (isinstance(given, np.ndarray) and given.dtype.kind in "fiu"):
        return np.asarray(given, dtype=float), None
    if isinstance(given, str):
        return _of_text(name, given, unit)
    if hasattr(given, "to") and hasattr(given, "magnitude"):
        return _of_pint(name, given, unit)
    if isinstance(given, (list, tuple, np.ndarray)):
        items = list(given)
        if any(isinstance(item, str) or hasattr(item, "magnitude") for item in items):
            values, errors = zip(*(_numbers(name, item, unit) for item in items), strict=True)
            known = [np.zeros(()) if error is None else error for error in errors]
            return np.array(values, dtype=float), None if all(error is None for error in errors) else np.array(known)
    try:
        return np.asarray(given, dtype=float), None
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: found {given!r}, needed a number or an array of numbers in {unit or 1}") from error


def _of_text(name: str, given: str, unit: str) -> tuple[np.ndarray, np.ndarray | None]:
    from oxyspy.units import parse_measured

    if not unit:
        # a bare number needs no unit, and per cent are one
        share = given.strip()
        given = f"{share[:-1]} percent" if share.endswith("%") else f"{share} dimensionless"
    value, error = parse_measured(given, unit or "dimensionless", name)
    return np.asarray(value), np.asarray(error) if error else None


def _of_pint(name: str, given: Any, unit: str) -> tuple[np.ndarray, np.ndarray | None]:
    # a quantity of whatever registry; a measurement's magnitude has an error of its own
    from oxyspy.units import magnitude

    try:
        found = magnitude(given, unit or "dimensionless")
    except Exception as error:
        raise InputError(f"{name}: found {given}, needed a quantity that converts to {unit or 1}") from error
    if hasattr(found, "nominal_value"):
        return np.asarray(float(found.nominal_value)), np.asarray(float(found.std_dev))
    return np.asarray(found, dtype=float), None


def _inside(value: np.ndarray, quantity: Quantity) -> bool:
    if not value.size:
        return True
    lowest = value.min()
    return bool((lowest >= quantity.low if quantity.closed else lowest > quantity.low) and value.max() <= quantity.high)


def _check_range(name: str, value: np.ndarray, quantity: Quantity) -> None:
    # comparisons with nan are false both ways: nan passes, since "not measured" is answered and not refused
    unit, low, high, words, closed = quantity
    called = name if words == name else f"{name} ({words})"
    bad = value < low if closed else value <= low
    if np.any(bad):
        needed = f"at least {low:g} {unit}" if closed else f"one above {low:g} {unit}" if low else "a positive one"
        degrees = "; were these degrees Celsius?" if unit == "K" and low else ""
        raise InputError(
            f"{called}: found {_first(value, bad)} {unit}, needed {needed}{degrees}".replace(" ,", ",").rstrip()
        )
    bad = value > high
    if np.any(bad):
        share = not unit and high <= 1
        needed = (
            "a fraction from 0 to 1 (was it per cent?)" if share else f"at most {high:g} {unit}; is the unit right?"
        )
        raise InputError(f"{called}: found {_first(value, bad)} {unit}, needed {needed}".replace(" ,", ","))


def _sigma_of(quantity: Quantity) -> Quantity:
    # an error larger than the largest value is a slip of units; none is infinite
    return quantity._replace(low=0.0, high=min(quantity.high, 1e300), closed=True)


def _checked_sigma(name: str, value: np.ndarray, error: np.ndarray, quantity: Quantity) -> np.ndarray:
    unit, high = quantity.unit, quantity.high
    bad = (error < 0) | ~(np.isfinite(error) | np.isnan(value))
    if np.any(bad):
        found = f"{name}: found {_first(error, bad)} {unit}".rstrip()
        raise InputError(f"{found}, needed a finite standard error >= 0")
    bad = error > high
    if np.any(bad):
        raise InputError(
            f"{name}: found {_first(error, bad)} {unit}, needed at most {high:g} {unit}; is the unit right?"
        )
    return np.where(np.isnan(error) | np.isnan(value), 0.0, error)


def _first(value: np.ndarray, bad: np.ndarray) -> str:
    return f"{np.broadcast_to(value, np.shape(bad))[bad].flat[0]:g}"


def driving_force(mu_c: np.ndarray, mu_e: np.ndarray) -> np.ndarray:
    """Return ``mu_c - mu_e`` in eV; oxygen leaves the cathode only where it is positive."""
    difference = mu_c - mu_e
    if np.any(difference <= 0):
        raise InputError(
            f"mu_c - mu_e: found {np.nanmin(difference):g} eV (mu_c {_text(mu_c)}, mu_e {_text(mu_e)} eV), needed a "
            "positive difference: oxygen leaves the cathode only towards a lower chemical potential"
        )
    return difference


def _text(value: np.ndarray) -> str:
    return f"{value:g}" if np.ndim(value) == 0 else f"{np.nanmin(value):g} to {np.nanmax(value):g}"
