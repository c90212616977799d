"""Text with units to numbers in documented units, at the API's edge and on the command line."""

from __future__ import annotations

import re
from functools import lru_cache

from oxyspy.errors import InputError

# atomic, so that "1e6 1/eV" is never read as 1 in the unit "e6 1/eV"
_NUMBER = r"(?>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
# "2 +- 0.3 nm", "2 nm +- 0.3 nm", "2 nm ± 10 %", "2 nm"
# what people write for what is computed in; nobody has a coating of 10 cm
WRITTEN = {"cm": "nm", "s": "min"}
_QUANTITY = re.compile(
    rf"^\s*(?P<value>{_NUMBER})\s*(?P<first>[^\s±+%-][^±]*?)??\s*"
    rf"(?:(?:\+/?-|±)\s*(?P<sigma>{_NUMBER})\s*(?P<unit>\S.*?)?)?\s*$"
)


@lru_cache(maxsize=1)
def registry():
    """Return the pint registry; made on first use, since making it takes longer than importing oxyspy."""
    import pint

    known = pint.UnitRegistry()
    # as files of several vendors write it
    known.define("@alias angstrom = Angstrom = Ångström = Angstroem")
    return known


def convert(value: float, unit: str, to: str, name: str = "value") -> float:
    """Convert ``value`` from ``unit`` to ``to``; what cannot be converted is an `InputError` that names it.

    A mole is a number of things: 96.5 kJ/mol is 1 eV, and 1 mol/cm^3 is 6.02e23 /cm^3.

    Parameters
    ----------
    value
        The number.
    unit, to
        Its unit and the one wanted.
    name
        What the error calls it.

    Returns
    -------
    float
        In ``to``.

    Examples
    --------
    >>> from oxyspy.units import convert
    >>> round(convert(96.485, "kJ/mol", "eV"), 4)
    1.0
    """
    import pint

    try:
        return float(magnitude(_quantity(value, unit), to))
    except pint.errors.UndefinedUnitError as error:
        raise InputError(f"{name}: unit {unit!r} is not known; needed one that converts to {to}") from error
    except pint.errors.DimensionalityError as error:
        degrees = f"; degrees are written deg{unit}" if to == "K" and unit in ("C", "F") else ""
        raise InputError(f"{name}: found {value:g} {unit}, needed a quantity that converts to {to}{degrees}") from error
    except Exception as error:  # pint's parser raises many kinds on malformed text
        raise InputError(f"{name}: cannot read the unit {unit!r}; needed one that converts to {to}") from error


def _quantity(value: float, unit: str):
    # "4.2e22 /cm^3" is how densities are written
    written = f"1{unit}" if unit.startswith("/") else unit
    try:
        return registry().Quantity(value, written)
    except Exception:  # pint's parser raises many kinds
        # and "cm2/s", "cm-3" how units are printed
        powers = re.sub(r"(?<=[A-Za-zµ])(?=-?\d)", "**", written)
        if powers == written:
            raise
        return registry().Quantity(value, re.sub(r"(?<=\d) +(?=[A-Za-zµ])", " * ", powers))


def magnitude(quantity, to: str):
    """Return a pint quantity's number in the unit ``to``, with moles counted as numbers of things.

    Parameters
    ----------
    quantity
        Of pint.
    to
        Unit wanted.

    Returns
    -------
    float or array
        In ``to``.

    Examples
    --------
    >>> from oxyspy.units import magnitude, registry
    >>> float(magnitude(registry().Quantity(2.0, "hour"), "s"))
    7200.0
    """
    moles = quantity.dimensionality.get("[substance]", 0)
    if moles and "mol" not in to:
        quantity = quantity * quantity._REGISTRY.Quantity(1.0, "avogadro_constant") ** moles
    return quantity.to(to).magnitude


def parse(text: str | float, to: str, name: str = "value") -> float:
    """Read ``"165 min"``, ``"2nm"`` or ``"7e-19 cm^2/s"`` as a number in the unit ``to``.

    A unit is required, so that no number is ever taken in a unit its writer did not mean.

    Parameters
    ----------
    text
        Number and unit.
    to
        Unit wanted.
    name
        What the error calls it.

    Returns
    -------
    float
        In ``to``.

    Examples
    --------
    >>> from oxyspy.units import parse
    >>> parse("165 min", "s")
    9900.0
    """
    return parse_measured(text, to, name)[0]


def parse_measured(text: str | float, to: str, name: str = "value") -> tuple[float, float]:
    """Read ``"2.0 +- 0.3 nm"`` as value and standard error in ``to``; no error given is 0.

    Also ``±`` and ``+/-``, ``"2 nm ± 0.3 nm"``, and ``"2 nm ± 15 %"``.

    Parameters
    ----------
    text
        Number, error and unit.
    to
        Unit wanted.
    name
        What the error calls it.

    Returns
    -------
    tuple of float
        Value and standard error in ``to``.

    Examples
    --------
    >>> from oxyspy.units import parse_measured
    >>> parse_measured("2.0 +- 0.3 nm", "nm")
    (2.0, 0.3)
    """
    match = _QUANTITY.match(str(text))
    if match is None:
        example = f"2 +- 0.3 {WRITTEN.get(to, to)}"
        raise InputError(f"{name}: cannot read {str(text)!r}; write a number and a unit, e.g. {example!r}")
    own, of_sigma = match["first"], match["unit"]
    unit = own or (of_sigma if of_sigma != "%" else None)
    if unit is None:
        raise InputError(f"{name}: {str(text)!r} has no unit; write e.g. '{match['value']} {WRITTEN.get(to, to)}'")
    sigma = float(match["sigma"] or 0.0)
    if sigma < 0:
        raise InputError(f"{name}: the standard error in {str(text)!r} is negative")
    value = convert(float(match["value"]), unit, to, name)
    if of_sigma == "%":
        return value, abs(value) * sigma / 100
    # a difference: 1 degC of error is 1 K
    return value, convert(sigma, of_sigma or unit, to, name) - convert(0.0, of_sigma or unit, to, name)
