"""The oxygen chemical potential in gas, set by a reaction, and along a charge.

All values are in eV for one oxygen atom, on the energy scale of the study, in which E(O2)/2 is -4.948 eV. Values of
different scales (another functional, another correction of O2) must not be subtracted from one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.constants import N_A, e
from scipy.interpolate import CubicHermiteSpline

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.onsager import formula_amounts
from oxyspy.transport.quantities import K_B

ATMOSPHERE = 101325.0
"""Pa."""


def oxygen_reference() -> float:
    """Return E(O2)/2 in eV, from ``data/oxygen.yaml``."""
    return load("oxygen")["energy_per_atom"]["value"]


def oxygen_gas(temperature, pressure, reference: float | None = None):
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
    """
    data = load("oxygen")
    T, heat_capacity, entropy, enthalpy = np.array(data["gas_table"]).T
    t, p = np.asarray(temperature, dtype=float), np.asarray(pressure, dtype=float)
    if not np.all((t >= T[0]) & (t <= T[-1])):
        raise InputError(f"temperature: found {t} K, needed {T[0]:g} to {T[-1]:g} K, where O2 is tabulated")
    if not np.all(p > 0):
        raise InputError(f"pressure: found {p} Pa, needed a positive partial pressure of O2")
    from_zero = CubicHermiteSpline(T, enthalpy * 1e3, heat_capacity)(t) - data["enthalpy_at_zero"]["value"] * 1e3
    s = CubicHermiteSpline(T, entropy, heat_capacity / T)(t)
    thermal = (from_zero - t * s) / (N_A * e)
    work = K_B * t * np.log(p / data["pressure_standard"]["value"])
    return (oxygen_reference() if reference is None else reference) + (thermal + work) / 2


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
        error = f" +- {self.sigma:.2f}" if self.sigma else ""
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
        Formula to energy in eV for one formula unit, alone or with its standard error. Elements are 0 by default
        where these are formation energies.
    formation
        The energies are formation energies from the elements, and the oxygen reference is added; otherwise they are
        total energies on the scale wanted.

    Raises
    ------
    InputError
        An element other than oxygen that does not balance, no oxygen exchanged, or an energy not given.

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
    balance: dict[str, float] = {}
    energy, variance = 0.0, 0.0
    for side, sign in ((reactants, 1.0), (products, -1.0)):
        for formula, amount in side.items():
            amounts = formula_amounts(formula)
            value, sigma = _energy(formula, amounts, energies, formation)
            energy -= sign * amount * value
            variance += (amount * sigma) ** 2
            for element, number in amounts.items():
                balance[element] = balance.get(element, 0.0) + sign * amount * number
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
    return float(value), float(sigma)


def _written(reactants: Mapping[str, float], products: Mapping[str, float], oxygen: float) -> str:
    left, right = dict(reactants), dict(products)
    (right if oxygen > 0 else left)["O"] = abs(oxygen)
    return " -> ".join(
        " + ".join(f"{amount:g} {formula}" if amount != 1 else formula for formula, amount in side.items())
        for side in (left, right)
    )


def along_charge(voltage, table: Sequence[Sequence[float]] | np.ndarray):
    """Return the cathode's oxygen potential at a voltage, from a table of (V, eV), linear between its rows.

    Outside the table the answer is an error: how mu_c goes on with voltage is what nobody measured there. For a
    single known voltage give a table of that row.

    Examples
    --------
    >>> float(along_charge(4.2, [(4.1, -5.3), (4.3, -4.95)]).round(3))
    -5.125
    """
    rows = np.asarray(table, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != 2 or not np.all(np.isfinite(rows)):
        raise InputError("mu_c table: needed rows of a voltage in V and a potential in eV, all finite")
    rows = rows[np.argsort(rows[:, 0])]
    v = np.asarray(voltage, dtype=float)
    if not np.all((v >= rows[0, 0]) & (v <= rows[-1, 0])):
        raise InputError(f"voltage: found {v} V, needed {rows[0, 0]:g} to {rows[-1, 0]:g} V, where mu_c is tabulated")
    return np.interp(v, rows[:, 0], rows[:, 1])
