"""Diffusivity, concentration and Onsager coefficient."""

from __future__ import annotations

import re
from typing import Any

from scipy.constants import N_A

from oxyspy.errors import InputError
from oxyspy.transport.quantities import K_B, number


def onsager_coefficient(diffusivity: Any, concentration: Any, temperature: Any) -> Any:
    r"""Return :math:`L = D c / k_B T` in eV-1 cm-1 s-1 from cm2/s, cm-3 and K.

    Distinct and cross terms are neglected, as in the study: D is the self-diffusion coefficient.

    Parameters
    ----------
    diffusivity
        cm2/s.
    concentration
        cm-3.
    temperature
        K.

    Returns
    -------
    float or array
        eV-1 cm-1 s-1.

    Raises
    ------
    InputError
        A quantity that is not of its kind or size.

    Examples
    --------
    >>> f"{onsager_coefficient(7e-19, 5.37e22, 300.0):.3e}"
    '1.454e+06'
    >>> f"{onsager_coefficient('7e-23 m^2/s', '0.0892 mol/cm^3', 300.0):.3e}"
    '1.455e+06'
    """
    d, c = number("diffusivity", diffusivity, kind="D"), number("concentration", concentration)
    return (d * c / (K_B * number("temperature", temperature)))[()]


def diffusivity_of_onsager(L: Any, concentration: Any, temperature: Any) -> Any:
    """Return the self-diffusion coefficient in cm2/s that belongs to ``L``: the inverse of `onsager_coefficient`.

    Parameters
    ----------
    L
        eV-1 cm-1 s-1.
    concentration
        cm-3.
    temperature
        K.

    Returns
    -------
    float or array
        cm2/s.

    Examples
    --------
    >>> from oxyspy.transport import diffusivity_of_onsager
    >>> f"{diffusivity_of_onsager(1.455e6, 5.37e22, 300.0):.1e}"
    '7.0e-19'
    """
    l, c = number("L", L), number("concentration", concentration)
    return (l * (K_B * number("temperature", temperature)) / c)[()]


def formula_amounts(formula: str) -> dict[str, float]:
    """Return the atoms of a formula unit, e.g. ``{"Li": 3.0, "B": 11.0, "O": 18.0}``."""
    if not isinstance(formula, str):
        raise InputError(f"composition: found {formula!r}, needed a formula as text, e.g. Li3B11O18")
    parts = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula)
    if not parts or "".join(symbol + amount for symbol, amount in parts) != formula:
        raise InputError(f"composition: cannot read {formula!r}; write element symbols and amounts, e.g. Li3B11O18")
    amounts: dict[str, float] = {}
    for symbol, amount in parts:
        amounts[symbol] = amounts.get(symbol, 0.0) + float(amount or 1)
    return amounts


def concentration_of(formula: str, density: Any, element: str = "O") -> Any:
    """Return the atoms of ``element`` in one cm3 from composition and density in g/cm3.

    Parameters
    ----------
    formula
        Composition.
    density
        g/cm3.
    element
        Chemical symbol.

    Returns
    -------
    float or array
        cm-3.

    Examples
    --------
    >>> f"{concentration_of('Li3B11O18', 2.12):.3g}"
    '5.37e+22'
    """
    amounts, mass = _amounts_and_mass(formula, element)
    return (amounts[element] * number("density", density) * N_A / mass)[()]


def density_of(formula: str, concentration: Any, element: str = "O") -> Any:
    """Return the density in g/cm3 with which ``element`` has ``concentration`` in cm-3.

    Parameters
    ----------
    formula
        Composition.
    concentration
        cm-3.
    element
        Chemical symbol.

    Returns
    -------
    float or array
        g/cm3.

    Examples
    --------
    >>> from oxyspy.transport import density_of
    >>> round(float(density_of("Li3B11O18", 5.37e22)), 2)
    2.12
    """
    amounts, mass = _amounts_and_mass(formula, element)
    return (number("concentration", concentration) * mass / (amounts[element] * N_A))[()]


def _amounts_and_mass(formula: str, element: str) -> tuple[dict[str, float], float]:
    from ase.data import atomic_masses, atomic_numbers

    amounts = formula_amounts(formula)
    if element not in amounts:
        raise InputError(f"composition: {formula} holds no {element}")
    unknown = [symbol for symbol in amounts if symbol not in atomic_numbers]
    if unknown:
        raise InputError(f"composition: {formula} holds {unknown[0]!r}, which is no element")
    return amounts, sum(n * atomic_masses[atomic_numbers[symbol]] for symbol, n in amounts.items())
