"""What the inputs of the transport model may be: their units, their plausible ranges, and text or pint made numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.constants import value as _constant

from oxyspy.data import load
from oxyspy.errors import InputError

K_B = _constant("Boltzmann constant in eV/K")
"""Boltzmann's constant in eV/K."""

STUDY: dict[str, float] = {name: entry["value"] for name, entry in load("transport")["defaults"].items()}
"""The study's inputs in the units of this package, from ``data/transport.yaml``, where each has its source."""

# name: (unit, lowest, highest, how messages call it). The limits are far outside what a coating on a battery particle
# can have, and inside what a slip of units makes of it: 2 nm given as 2, a density in m-3 or nm-3, a percentage.
LIMITS: dict[str, tuple[str, float, float, str]] = {
    "layer": ("cm", -1e-4, 1e-2, "thickness of the reacted layer"),
    "coating": ("cm", 1e-9, 1e-2, "thickness of the coating"),
    "radius": ("cm", 1e-7, 1.0, "radius of the particle"),
    "time": ("s", 0.0, 1e12, "time"),
    "mu_c": ("eV", -30.0, 10.0, "oxygen chemical potential of the cathode"),
    "mu_e": ("eV", -30.0, 10.0, "oxygen chemical potential outside"),
    "c_max": ("1/cm^3", 1e20, 1e24, "oxygen concentration of the cathode"),
    "concentration": ("1/cm^3", 1e18, 1e24, "concentration of the ion in the coating"),
    "released": ("", 0.0, 1.0, "fraction of the oxygen released"),
    "temperature": ("K", 1.0, 1e4, "temperature"),
    "L": ("1/eV/cm/s", 0.0, np.inf, "Onsager coefficient"),
    "layer_L": ("1/eV/cm/s", 0.0, np.inf, "Onsager coefficient of the reacted layer"),
    "D": ("cm^2/s", 0.0, 1e3, "diffusivity"),
    "fraction": ("", 0.0, 1.0, "fraction"),
}
# these may be zero (the layer may even be measured as slightly negative); all others must be positive
_MAY_BE_ZERO = {"layer", "mu_c", "mu_e", "fraction"}


def measured(name: str, given: Any, sigma: Any = 0.0, *, kind: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return a quantity and its standard error as checked arrays in the documented unit.

    Parameters
    ----------
    name
        Name of the argument, for messages.
    given
        A number or array in the documented unit of ``kind``, text with a unit and perhaps an error
        (``"2.0 +- 0.3 nm"``), or a pint quantity.
    sigma
        Standard error, in the same forms; an error inside the text goes before it.
    kind
        Key of `LIMITS`; the name itself by default.

    Raises
    ------
    InputError
        Names the quantity, what was found and what was needed.
    """
    kind = kind or name
    unit, low, high, words = LIMITS[kind]
    if isinstance(given, str) and unit:
        from oxyspy.units import parse_measured

        given, written = parse_measured(given, unit, name)
        sigma = written or sigma
    value = _numbers(name, given, unit)
    error = _numbers(f"{name}_sigma", sigma, unit)
    _check_range(name, words, value, unit, low, high, closed=kind in _MAY_BE_ZERO)
    if not np.all((error >= 0) & np.isfinite(error)):
        raise InputError(f"{name}_sigma: found {_first(error, ~(error >= 0))} {unit}, needed a standard error >= 0")
    return value, error


def number(name: str, given: Any, *, kind: str | None = None) -> np.ndarray:
    """Return `measured`'s value alone, for what carries no error."""
    return measured(name, given, kind=kind)[0]


def _numbers(name: str, given: Any, unit: str) -> np.ndarray:
    if isinstance(given, str):
        from oxyspy.units import parse

        given = parse(given, unit, name)
    elif hasattr(given, "to") and hasattr(given, "magnitude"):
        # a pint quantity, of whatever registry
        try:
            given = given.to(unit or "dimensionless").magnitude
        except Exception as error:
            raise InputError(f"{name}: found {given}, needed a quantity that converts to {unit}") from error
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: found {given!r}, needed a number or an array of numbers in {unit or 1}") from error


def _check_range(name, words, value, unit, low, high, *, closed) -> None:
    # comparisons with nan are False both ways: nan passes, since "not measured" is answered and not refused
    bad = value < low if closed else value <= low if low <= 0 else value < low
    if np.any(bad):
        needed = "a positive one" if low >= 0 and not closed else f"at least {low:g} {unit}"
        if low > 0:
            needed = f"at least {low:g} {unit}"
        raise InputError(f"{name} ({words}): found {_first(value, bad)} {unit}, needed {needed}".replace(" ,", ","))
    bad = value > high
    if np.any(bad):
        hint = (
            "a fraction from 0 to 1 (was it per cent?)" if not unit else f"at most {high:g} {unit}; is the unit right?"
        )
        raise InputError(f"{name} ({words}): found {_first(value, bad)} {unit}, needed {hint}".replace(" ,", ","))


def _first(value: np.ndarray, bad: np.ndarray) -> str:
    return f"{np.broadcast_to(value, np.shape(bad))[bad].flat[0]:g}"


def driving_force(mu_c: np.ndarray, mu_e: np.ndarray) -> np.ndarray:
    """Return ``mu_c - mu_e`` in eV; oxygen leaves the cathode only where it is positive."""
    difference = mu_c - mu_e
    if not np.all(difference > 0):
        raise InputError(
            f"mu_c - mu_e: found {np.min(difference):g} eV (mu_c {_text(mu_c)}, mu_e {_text(mu_e)} eV), needed a "
            "positive difference: oxygen leaves the cathode only towards a lower chemical potential"
        )
    return difference


def _text(value: np.ndarray) -> str:
    return f"{value:g}" if np.ndim(value) == 0 else f"{np.min(value):g} to {np.max(value):g}"
