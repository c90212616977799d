"""Text with units to numbers in documented units, at the API's edge and on the command line."""

from __future__ import annotations

import re
from functools import lru_cache

from oxyspy.errors import InputError

# atomic, so that "1e6 1/eV" is never read as 1 in the unit "e6 1/eV"
_NUMBER = r"(?>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
_QUANTITY = re.compile(rf"^\s*(?P<value>{_NUMBER})\s*(?:(?:\+/?-|±)\s*(?P<sigma>{_NUMBER}))?\s*(?P<unit>\S.*?)?\s*$")


@lru_cache(maxsize=1)
def registry():
    """Return the pint registry; made on first use, since making it takes longer than importing oxyspy."""
    import pint

    return pint.UnitRegistry()


def convert(value: float, unit: str, to: str, name: str = "value") -> float:
    """Convert ``value`` from ``unit`` to ``to``; what cannot be converted is an `InputError` that names it."""
    import pint

    try:
        # "4.2e22 /cm^3" is how densities are written
        return float(registry().Quantity(value, f"1{unit}" if unit.startswith("/") else unit).to(to).magnitude)
    except pint.errors.UndefinedUnitError as error:
        raise InputError(f"{name}: unit {unit!r} is not known; needed one that converts to {to}") from error
    except pint.errors.DimensionalityError as error:
        raise InputError(f"{name}: found {value:g} {unit}, needed a quantity that converts to {to}") from error
    except Exception as error:  # pint's parser raises many kinds on malformed text
        raise InputError(f"{name}: cannot read the unit {unit!r}; needed one that converts to {to}") from error


def parse(text: str | float, to: str, name: str = "value") -> float:
    """Read ``"165 min"``, ``"2nm"`` or ``"7e-19 cm^2/s"`` as a number in the unit ``to``.

    A unit is required, so that no number is ever taken in a unit its writer did not mean.
    """
    return parse_measured(text, to, name)[0]


def parse_measured(text: str | float, to: str, name: str = "value") -> tuple[float, float]:
    """Read ``"2.0 +- 0.3 nm"`` (also ``±``, ``+/-``) as value and standard error in ``to``; no error given is 0."""
    match = _QUANTITY.match(str(text))
    if match is None:
        raise InputError(f"{name}: cannot read {str(text)!r}; write a number and a unit, e.g. '2 +- 0.3 {to}'")
    unit = match["unit"]
    if unit is None:
        raise InputError(f"{name}: {str(text)!r} has no unit; write e.g. '{match['value']} {to}'")
    sigma = float(match["sigma"] or 0.0)
    if sigma < 0:
        raise InputError(f"{name}: the standard error in {str(text)!r} is negative")
    return (
        convert(float(match["value"]), unit, to, name),
        convert(sigma, unit, to, name),
    )
