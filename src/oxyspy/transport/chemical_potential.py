"""The oxygen chemical potential in gas and set by a reaction.

All values are in eV for one oxygen atom, on the energy scale of the study, in which E(O2)/2 is -4.948 eV. Values of
different scales (another functional, another correction of O2) must not be subtracted from one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.constants import N_A, e
from scipy.interpolate import CubicHermiteSpline

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.onsager import formula_amounts
from oxyspy.transport.quantities import K_B, measured, number

ATMOSPHERE = 101325.0
"""Pa."""


def oxygen_reference() -> float:
    """Return E(O2)/2 in eV, from ``data/oxygen.yaml``."""
    return load("oxygen")["energy_per_atom"]["value"]


def oxygen_gas(temperature: Any, pressure: Any, reference: Any = None) -> Any:
    r"""Return the chemical potential of oxygen in O2 gas.

    Parameters
    ----------
    temperature
        K, from 100 to 3000.
    pressure
        Partial pressure of O2 in Pa.
    reference
        Energy of O2 for one atom in eV at 0 K; the study's by default.

    Returns
    -------
    float or ndarray
        eV for one atom.

    Raises
    ------
    InputError
        Outside the table, or a pressure that is not positive.

    Notes
    -----
    .. math:: \mu = \frac{E(\mathrm{O_2})}{2} + \frac{H(T) - H(0) - T S(T)}{2} + \frac{k_B T}{2}\ln\frac{p}{p^\circ}

    with the JANAF table O-029 at :math:`p^\circ` = 1 bar, between its rows by the cubic that has the table's heat
    capacity as its slope. Ideal gas.

    Examples
    --------
    >>> float(oxygen_gas(300.0, 0.21 * ATMOSPHERE).round(3))
    -5.242
    >>> float(oxygen_gas("26.85 degC", "0.21 atm").round(3))
    -5.242
    """
    data = load("oxygen")
    T, heat_capacity, entropy, enthalpy = np.array(data["gas_table"]).T
    t, p = number("temperature", temperature), number("pressure", pressure)
    if np.any((t < T[0]) | (t > T[-1])):
        raise InputError(f"temperature: found {t} K, needed {T[0]:g} to {T[-1]:g} K, where O2 is tabulated")
    zero = oxygen_reference() if reference is None else number("reference", reference, kind="energy")
    from_zero = CubicHermiteSpline(T, enthalpy * 1e3, heat_capacity)(t) - data["enthalpy_at_zero"]["value"] * 1e3
    s = CubicHermiteSpline(T, entropy, heat_capacity / T)(t)
    thermal = (from_zero - t * s) / (N_A * e)
    work = K_B * t * np.log(p / data["pressure_standard"]["value"])
    return (zero + (thermal + work) / 2)[()]


def solid_energies() -> dict[str, tuple[float, float]]:
    """Return formula to total energy and its standard error, in eV for one formula unit, of the solids at hand.

    Those of the study's reactions, by a universal potential on the study's scale, with its error from solids whose
    energies are known; see ``data/oxygen.yaml``. They are total energies: `reaction_potential` needs
    ``formation=False``.

    Returns
    -------
    dict
        Formula to (energy, standard error).

    Examples
    --------
    >>> reaction_potential({"NiO2": 1}, {"NiO": 1}, solid_energies(), formation=False)
    mu(O) = -4.642 +- 0.22 eV, NiO2 -> NiO + O
    """
    solids = load("oxygen")["solids"]
    return {
        formula: (value, solids["sigma_per_atom"] * sum(formula_amounts(formula).values()))
        for formula, value in solids["energies"].items()
    }


def formation_energies() -> dict[str, tuple[float, float]]:
    """Return formula to measured formation energy and its standard error, in eV for one formula unit.

    Errors are ``nan`` where the source states none. Sources, files and kinds stand in ``data/oxygen.yaml``.

    Returns
    -------
    dict
        Formula to (energy, standard error).

    Examples
    --------
    >>> reaction_potential({"Li2S": 1.5, "P2S5": 0.5}, {"Li3PO4": 1, "S": 4}, formation_energies())
    mu(O) = -8.437 +- unknown eV, 1.5 Li2S + 0.5 P2S5 + 4 O -> Li3PO4 + 4 S
    """
    from oxyspy.units import convert

    return {
        formula: tuple(convert(entry.get(key, np.nan), entry["unit"], "eV", formula) for key in ("value", "sigma"))
        for formula, entry in load("oxygen")["formation"].items()
    }


@dataclass(frozen=True, repr=False)
class ReactionPotential(Result):
    """The oxygen chemical potential at which a reaction is in equilibrium.

    Attributes
    ----------
    value, sigma : float
        eV for one oxygen atom, and its standard error.
    reaction : str
        The balanced reaction, with O as it is given off or taken up.
    oxygen : float
        Oxygen atoms on the right: positive where it is given off.
    energy : float
        Energy of the reaction in eV without that oxygen.
    method : str
        Which energies were used.
    """

    value: float
    sigma: float
    reaction: str
    oxygen: float
    energy: float
    method: str

    def __repr__(self) -> str:
        error = " +- unknown" if np.isnan(self.sigma) else f" +- {self.sigma:.2f}" if self.sigma else ""
        return f"mu(O) = {self.value:.3f}{error} eV, {self.reaction}"


def reaction_potential(
    reactants: Mapping[str, float],
    products: Mapping[str, float],
    energies: Mapping[str, float | tuple[float, float]],
    *,
    formation: bool = True,
) -> ReactionPotential:
    r"""Return the oxygen potential at which condensed phases react with oxygen.

    Parameters
    ----------
    reactants, products
        Formula to amount, without the oxygen, which is balanced here.
    energies
        Formula to energy in eV for one formula unit, alone or with its standard error; text (``"-441.4 kJ/mol"``) and
        pint quantities too. Elements are 0 by default where these are formation energies.
    formation
        The energies are formation energies from the elements, and the oxygen reference is added; otherwise they are
        total energies on the scale wanted.

    Returns
    -------
    ReactionPotential
        In eV, with its standard error where the energies have one.

    Raises
    ------
    InputError
        An element other than oxygen that does not balance, no oxygen exchanged, an energy not given, or total energies
        in place of formation energies.

    Notes
    -----
    For A = B + n O, :math:`\mu = [\sum E(\mathrm{reactants}) - \sum E(\mathrm{products})] / n`; entropies of solids
    are neglected.

    Examples
    --------
    The study's Li3PS4, by the energy that its -8.39 eV stands for:

    >>> reaction_potential({"Li3PS4": 1}, {"Li3PO4": 1, "S": 4}, {"Li3PS4": 0.0, "Li3PO4": -13.768})
    mu(O) = -8.390 eV, Li3PS4 + 4 O -> Li3PO4 + 4 S
    """
    if formation:
        _check_formation(energies)
    balance: dict[str, float] = {}
    energy, variance = 0.0, 0.0
    for side, sign in ((reactants, 1.0), (products, -1.0)):
        for formula, amount in side.items():
            amounts = formula_amounts(formula)
            value, sigma = _energy(formula, amounts, energies, formation)
            energy -= sign * amount * value
            variance += (amount * sigma) ** 2
            for element, n in amounts.items():
                balance[element] = balance.get(element, 0.0) + sign * amount * n
    oxygen = balance.pop("O", 0.0)
    unbalanced = {element: number for element, number in balance.items() if abs(number) > 1e-6}
    if unbalanced:
        found = ", ".join(f"{number:+g} {element}" for element, number in unbalanced.items())
        raise InputError(
            f"reaction: does not balance: {found} more on the left; needed all elements but oxygen balanced"
        )
    if abs(oxygen) < 1e-6:
        raise InputError("reaction: exchanges no oxygen, so it sets no oxygen potential")
    return ReactionPotential(
        value=-energy / oxygen + (oxygen_reference() if formation else 0.0),
        sigma=float(np.sqrt(variance) / abs(oxygen)),
        reaction=_written(reactants, products, oxygen),
        oxygen=oxygen,
        energy=energy,
        method=f"{'formation' if formation else 'total'} energies; entropies of solids neglected",
    )


def _energy(formula, amounts, energies, formation) -> tuple[float, float]:
    if formula not in energies:
        if formation and len(amounts) == 1:
            return 0.0, 0.0
        raise InputError(f"reaction: no energy was given for {formula}; given: {', '.join(energies) or 'none'}")
    given = energies[formula]
    value, sigma = given if isinstance(given, (tuple, list)) else (given, 0.0)
    unknown = isinstance(sigma, float) and np.isnan(sigma)
    value, sigma = measured(f"energy of {formula}", value, 0.0 if unknown else sigma, kind="energy")
    return float(value), np.nan if unknown else float(sigma)


# eV an atom: no compound binds this strongly from its elements, and no allotrope is this far from its element
_STRONGEST, _ALLOTROPE = -5.0, 1.0


def _check_formation(energies: Mapping[str, Any]) -> None:
    """Refuse total energies where formation energies are meant: they would give a potential that looks like one."""
    for formula in energies:
        amounts = formula_amounts(formula)
        value = _energy(formula, amounts, energies, True)[0] / sum(amounts.values())
        if value < _STRONGEST or (len(amounts) == 1 and abs(value) > _ALLOTROPE):
            raise InputError(
                f"energy of {formula}: found {value:.3g} eV an atom, no formation energy from the elements; for total "
                "energies give formation=False"
            )


def _written(reactants: Mapping[str, float], products: Mapping[str, float], oxygen: float) -> str:
    left, right = dict(reactants), dict(products)
    (right if oxygen > 0 else left)["O"] = abs(oxygen)
    return " -> ".join(
        " + ".join(f"{amount:g} {formula}" if amount != 1 else formula for formula, amount in side.items())
        for side in (left, right)
    )
