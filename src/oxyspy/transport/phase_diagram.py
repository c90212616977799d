"""What a composition becomes as the oxygen potential falls, from phase diagrams open to oxygen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oxyspy.errors import InputError
from oxyspy.results import Result

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PhaseDiagram


@dataclass(frozen=True, repr=False)
class OxygenStep(Result):
    """One step of a composition against oxygen: its equilibrium from here down to the next lower potential.

    Attributes
    ----------
    potential : float
        eV for one oxygen atom, the highest at which these phases are in equilibrium.
    phases : dict
        Formula to amount for one formula unit of the composition.
    oxygen : float
        Oxygen atoms taken up for one formula unit (negative: given off).
    """

    potential: float
    phases: dict[str, float]
    oxygen: float

    def __repr__(self) -> str:
        written = " + ".join(f"{amount:.3g} {formula}" for formula, amount in self.phases.items())
        verb = "takes up" if self.oxygen > 0 else "gives off"
        return f"mu(O) <= {self.potential:.3f} eV: {written} ({verb} {abs(self.oxygen):.3g} O)"


def oxygen_steps(entries: Sequence[Any] | PhaseDiagram, composition: str) -> list[OxygenStep]:
    """Return what a composition becomes as the oxygen potential falls, from a phase diagram open to oxygen.

    Parameters
    ----------
    entries
        pymatgen entries (`ComputedEntry`, `PDEntry`) of the whole chemical system with its elements, or a
        `PhaseDiagram`; the potentials are on the scale of their energies.
    composition
        Formula, such as ``"NiO2"`` or ``"Li3PS4"``.

    Returns
    -------
    list of OxygenStep
        From the highest potential down; see `release_potential` and `uptake_potential`.
    """
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.core import Composition, Element

    try:
        wanted = Composition(composition)
        diagram = entries if isinstance(entries, PhaseDiagram) else PhaseDiagram(list(entries))
    except Exception as error:  # pymatgen raises bare ValueError, KeyError and others of its own
        raise InputError(f"phase diagram: {error}; needed entries with every element and a composition") from error
    missing = {element.symbol for element in wanted} | {"O"}
    missing -= {element.symbol for element in diagram.elements}
    if missing:
        raise InputError(f"phase diagram: holds no {', '.join(sorted(missing))}; needed entries of the whole system")
    steps = []
    for row in diagram.get_element_profile(Element("O"), wanted):
        reaction = row["reaction"]
        phases = {
            # a phase that is the composition itself stands on both sides and has the sign of the left
            product.reduced_formula: abs(float(reaction.get_coeff(product)))
            for product in reaction.products
            if product.reduced_formula != "O2"
        }
        steps.append(OxygenStep(potential=float(row["chempot"]), phases=phases, oxygen=float(row["evolution"])))
    return steps


def release_potential(steps: Sequence[OxygenStep]) -> float:
    """Return the highest oxygen potential in eV at which the composition gives off oxygen: mu_c of a cathode."""
    for step in steps:
        if step.oxygen < -1e-6:
            return step.potential
    raise InputError("phase diagram: the composition gives off no oxygen at any potential")


def uptake_potential(steps: Sequence[OxygenStep]) -> float:
    """Return the lowest oxygen potential in eV at which the composition takes up oxygen: mu_e of an electrolyte."""
    if not steps or steps[0].oxygen < 1e-6:
        raise InputError("phase diagram: the composition takes up no oxygen at any potential")
    for step in steps:
        if step.oxygen < 1e-6:
            return step.potential
    raise InputError("phase diagram: the composition takes up oxygen at every potential of the diagram")


def materials_project_entries(chemical_system: str, key: str | None = None) -> list[Any]:
    """Return the Materials Project's entries of a system such as ``"Li-P-S-O"``, for `oxygen_steps`.

    Parameters
    ----------
    chemical_system
        Element symbols joined by hyphens.
    key
        The user's key; otherwise the environment variable ``MP_API_KEY``.

    Raises
    ------
    InputError
        Without a key, or where the service did not answer.
    """
    key = key or os.environ.get("MP_API_KEY")
    if not key:
        raise InputError("Materials Project: found no key; give key=... or set the environment variable MP_API_KEY")
    from pymatgen.ext.matproj import MPRester

    try:
        with MPRester(key) as service:
            return service.get_entries_in_chemsys(chemical_system.split("-"))
    except Exception as error:  # network, key and server errors come as many kinds
        raise InputError(f"Materials Project: {chemical_system} could not be fetched: {error}") from error
