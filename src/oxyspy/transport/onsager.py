"""Diffusivity, concentration and Onsager coefficient."""

from __future__ import annotations

import re

from scipy.constants import N_A

from oxyspy.errors import InputError
from oxyspy.transport.quantities import K_B


def onsager_coefficient(diffusivity, concentration, temperature):
    r"""Return :math:`L = D c / k_B T` in eV-1 cm-1 s-1 from cm2/s, cm-3 and K.

    Distinct and cross terms are neglected, as in the study: D is the self-diffusion coefficient.

    Examples
    --------
    >>> f"{onsager_coefficient(7e-19, 5.37e22, 300.0):.3e}"
    '1.454e+06'
    """
    return diffusivity * concentration / (K_B * temperature)


def diffusivity_of_onsager(L, concentration, temperature):
    """Return the self-diffusion coefficient in cm2/s that belongs to ``L``: the inverse of `onsager_coefficient`."""
    return L * (K_B * temperature) / concentration


def formula_amounts(formula: str) -> dict[str, float]:
    """Return the atoms of a formula unit, e.g. ``{"Li": 3.0, "B": 11.0, "O": 18.0}``."""
    parts = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula)
    if not parts or "".join(symbol + amount for symbol, amount in parts) != formula:
        raise InputError(f"composition: cannot read {formula!r}; write element symbols and amounts, e.g. Li3B11O18")
    amounts: dict[str, float] = {}
    for symbol, amount in parts:
        amounts[symbol] = amounts.get(symbol, 0.0) + float(amount or 1)
    return amounts


def concentration_of(formula: str, density: float, element: str = "O") -> float:
    """Return the atoms of ``element`` in one cm3 from composition and density in g/cm3.

    Examples
    --------
    >>> f"{concentration_of('Li3B11O18', 2.12):.3g}"
    '5.37e+22'
    """
    amounts, mass = _amounts_and_mass(formula, element)
    if not density > 0:
        raise InputError(f"density: found {density:g} g/cm3, needed a positive one")
    return amounts[element] * density * N_A / mass


def density_of(formula: str, concentration: float, element: str = "O") -> float:
    """Return the density in g/cm3 with which ``element`` has ``concentration`` in cm-3."""
    amounts, mass = _amounts_and_mass(formula, element)
    return concentration * mass / (amounts[element] * N_A)


def _amounts_and_mass(formula: str, element: str) -> tuple[dict[str, float], float]:
    from ase.data import atomic_masses, atomic_numbers

    amounts = formula_amounts(formula)
    if element not in amounts:
        raise InputError(f"composition: {formula} holds no {element}")
    unknown = [symbol for symbol in amounts if symbol not in atomic_numbers]
    if unknown:
        raise InputError(f"composition: {formula} holds {unknown[0]!r}, which is no element")
    return amounts, sum(n * atomic_masses[atomic_numbers[symbol]] for symbol, n in amounts.items())
