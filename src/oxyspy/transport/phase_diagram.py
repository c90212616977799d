"""What a composition becomes as the oxygen potential falls, from phase diagrams open to oxygen, and to lithium too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.quantities import plain_number

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
        # to the rounding of the amounts
        change = f"{verb} {abs(self.oxygen):.3g} O" if abs(self.oxygen) > 1e-6 else "keeps its oxygen"
        return f"mu(O) <= {self.potential:.3f} eV: {written} ({change})"


def oxygen_steps(
    entries: Sequence[Any] | PhaseDiagram, composition: str, *, lithium: Any = None, voltage: Any = None
) -> list[OxygenStep]:
    """Return what a composition becomes as the oxygen potential falls, from a phase diagram open to oxygen.

    Parameters
    ----------
    entries
        pymatgen entries (``ComputedEntry``, ``PDEntry``) of the whole chemical system with its elements, or a
        ``PhaseDiagram``; the potentials are on the scale of their energies.
    composition
        Formula, such as ``"NiO2"`` or ``"Li3PS4"``. In a diagram open to lithium its lithium does not count: the
        potential of lithium says how much there is.
    lithium, voltage
        One of them opens the diagram to lithium as well: its chemical potential in eV on the scale of the energies, or
        the voltage in V against lithium metal, by which lithium lies below its metal.

    Returns
    -------
    list of OxygenStep
        From the highest potential down; see `release_potential` and `uptake_potential`.

    Raises
    ------
    InputError
        Entries that lack an element, a composition that cannot be read, or both of ``lithium`` and ``voltage``.

    Examples
    --------
    >>> from pymatgen.analysis.phase_diagram import PDEntry
    >>> from pymatgen.core import Composition
    >>> energies = {"Ni": 0.0, "O2": 0.0, "NiO": -2.5, "NiO2": -2.9}
    >>> entries = [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]
    >>> oxygen_steps(entries, "NiO2")[1]
    mu(O) <= -0.400 eV: 1 NiO (gives off 1 O)
    """
    from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram, PhaseDiagram
    from pymatgen.core import Composition, Element

    if lithium is not None and voltage is not None:
        raise InputError("lithium: found beside voltage; needed one of them")
    open_to_lithium = lithium is not None or voltage is not None
    try:
        wanted = Composition(composition)
        diagram = entries if isinstance(entries, PhaseDiagram) else PhaseDiagram(list(entries))
    except Exception as error:  # pymatgen raises bare ValueError, KeyError and others of its own
        raise InputError(f"phase diagram: {error}; needed entries with every element and a composition") from error
    missing = {element.symbol for element in wanted} | {"O"} | ({"Li"} if open_to_lithium else set())
    missing -= {element.symbol for element in diagram.elements}
    if missing:
        raise InputError(f"phase diagram: holds no {', '.join(sorted(missing))}; needed entries of the whole system")
    if open_to_lithium:
        metal = diagram.el_refs[Element("Li")].energy_per_atom
        given = (
            metal - plain_number("voltage", voltage)
            if lithium is None
            else plain_number("lithium", lithium, kind="energy")
        )
        diagram = GrandPotentialPhaseDiagram(diagram.all_entries, {Element("Li"): given})
        wanted = Composition({element: n for element, n in wanted.items() if element.symbol != "Li"})
    steps = []
    for row in diagram.get_element_profile(Element("O"), wanted):
        whole = _with_lithium(row["entries"]) if open_to_lithium else {}
        phases = {}
        for product in row["reaction"].products:
            if product.reduced_formula != "O2":
                # a phase that is the composition itself stands on both sides and has the sign of the left
                amount = abs(float(row["reaction"].get_coeff(product)))
                name, atoms = whole.get(product.reduced_formula, (product.reduced_formula, product.num_atoms))
                phases[name] = amount * product.num_atoms / atoms
        steps.append(OxygenStep(potential=float(row["chempot"]), phases=phases, oxygen=float(row["evolution"])))
    return steps


def _with_lithium(entries: Sequence[Any]) -> dict[str, tuple[str, float]]:
    """Return a phase's formula without its lithium to that with it, and its atoms other than lithium."""
    found = {}
    for entry in entries:
        whole = entry.original_comp.reduced_composition
        bare = {element: n for element, n in whole.items() if element.symbol != "Li"}
        found[type(whole)(bare).reduced_formula] = whole.reduced_formula, sum(bare.values())
    return found


def release_potential(steps: Sequence[OxygenStep]) -> float:
    """Return the highest oxygen potential in eV at which the composition gives off oxygen: mu_c of a cathode.

    Parameters
    ----------
    steps
        Of `oxygen_steps`.

    Returns
    -------
    float
        eV.

    Examples
    --------
    >>> from pymatgen.analysis.phase_diagram import PDEntry
    >>> from pymatgen.core import Composition
    >>> from oxyspy.transport import oxygen_steps, release_potential
    >>> energies = {"Ni": -5.7, "O2": -9.9, "NiO": -12.3, "NiO2": -17.7}
    >>> entries = [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]
    >>> round(release_potential(oxygen_steps(entries, "NiO2")), 2)
    -5.4
    """
    for step in steps:
        if step.oxygen < -1e-6:
            return step.potential
    raise InputError("phase diagram: the composition gives off no oxygen at any potential")


def uptake_potential(steps: Sequence[OxygenStep]) -> float:
    """Return the lowest oxygen potential in eV at which the composition takes up oxygen: mu_e of an electrolyte.

    Parameters
    ----------
    steps
        Of `oxygen_steps`.

    Returns
    -------
    float
        eV.

    Examples
    --------
    >>> from pymatgen.analysis.phase_diagram import PDEntry
    >>> from pymatgen.core import Composition
    >>> from oxyspy.transport import oxygen_steps, uptake_potential
    >>> energies = {"Ni": -5.7, "O2": -9.9, "NiO": -12.3, "NiO2": -17.7}
    >>> entries = [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]
    >>> round(uptake_potential(oxygen_steps(entries, "NiO")), 2)
    -5.4
    """
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

    Returns
    -------
    list of pymatgen's ComputedEntry
        With the corrections of the Materials Project.

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
