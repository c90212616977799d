"""Phase diagrams open to oxygen."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport import (
    materials_project_entries,
    oxygen_steps,
    reaction_potential,
    release_potential,
    uptake_potential,
)


@pytest.fixture(scope="module")
def nickel():
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    energies = {"Ni": 0.0, "O2": 0.0, "NiO": -2.5, "NiO2": -2.9}
    return [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]


def test_a_phase_diagram_open_to_oxygen_gives_each_step(nickel):
    steps = oxygen_steps(nickel, "NiO2")
    assert [step.phases for step in steps] == [pytest.approx({name: 1.0}) for name in ("NiO2", "NiO", "Ni")]
    # -2.9 + 2.5, and -2.5: energies of NiO2 -> NiO + O and NiO -> Ni + O
    np.testing.assert_allclose([step.potential for step in steps], [0.0, -0.4, -2.5], atol=1e-9)
    np.testing.assert_allclose([step.oxygen for step in steps], [0.0, -1.0, -2.0], atol=1e-9)
    assert release_potential(steps) == pytest.approx(-0.4)


def test_phase_diagram_and_reaction_agree(nickel):
    by_reaction = reaction_potential({"NiO2": 1}, {"NiO": 1}, {"NiO2": -2.9, "NiO": -2.5}, formation=False)
    assert release_potential(oxygen_steps(nickel, "NiO2")) == pytest.approx(by_reaction.value)


def test_an_electrolyte_takes_oxygen_down_to_its_own_potential():
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    energies = {"Li": 0.0, "P": 0.0, "S": 0.0, "O2": 0.0, "Li3PS4": -8.0, "Li3PO4": -21.768}
    entries = [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]
    steps = oxygen_steps(entries, "Li3PS4")
    assert uptake_potential(steps) == pytest.approx(-3.442)
    assert steps[0].phases == pytest.approx({"Li3PO4": 1.0, "S": 4.0})
    with pytest.raises(InputError, match="takes up no oxygen"):
        uptake_potential(oxygen_steps(entries, "Li3PO4"))


def test_an_incomplete_phase_diagram_is_refused(nickel):
    with pytest.raises(InputError, match="holds no Li"):
        oxygen_steps(nickel, "LiNiO2")
    with pytest.raises(InputError, match="phase diagram:"):
        oxygen_steps(nickel[2:], "NiO2")


def test_the_materials_project_needs_a_key(monkeypatch):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    with pytest.raises(InputError, match="found no key"):
        materials_project_entries("Ni-O")


def test_a_materials_project_that_does_not_answer_is_told_plainly(monkeypatch):
    import pymatgen.ext.matproj

    class Silent:
        def __init__(self, key):
            raise ConnectionError("no route")

    monkeypatch.setattr(pymatgen.ext.matproj, "MPRester", Silent)
    with pytest.raises(InputError, match="Ni-O could not be fetched: no route"):
        materials_project_entries("Ni-O", key="mine")


def test_materials_project_entries_go_into_a_phase_diagram(monkeypatch, nickel):
    import pymatgen.ext.matproj

    class Service:
        def __init__(self, key):
            assert key == "mine"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def get_entries_in_chemsys(self, elements):
            assert elements == ["Ni", "O"]
            return nickel

    monkeypatch.setattr(pymatgen.ext.matproj, "MPRester", Service)
    assert release_potential(oxygen_steps(materials_project_entries("Ni-O", key="mine"), "NiO2")) == pytest.approx(-0.4)


@pytest.fixture(scope="module")
def lithiated():
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    energies = {"Li": -1.9, "Ni": -5.7, "O2": -9.9, "NiO": -12.3, "NiO2": -17.7, "LiNiO2": -23.3, "Li2O": -14.9}
    return [PDEntry(Composition(formula), energy) for formula, energy in energies.items()]


def test_a_diagram_open_to_lithium_gives_what_the_voltage_leaves(lithiated):
    # by hand: lithium at -1.9 - 4.3 eV is too low for LiNiO2, -23.3 + 6.2 lies above -17.7
    high = oxygen_steps(lithiated, "NiO2", voltage=4.3)
    assert high[0].phases == pytest.approx({"NiO2": 1.0})
    assert release_potential(high) == pytest.approx(-17.7 + 12.3)
    # at -1.9 - 3.5 eV it is below, -17.9 eV, and takes that much more to give off oxygen
    low = oxygen_steps(lithiated, "NiO2", voltage=3.5)
    assert low[0].phases == pytest.approx({"LiNiO2": 1.0})
    assert release_potential(low) == pytest.approx(-23.3 + 5.4 + 12.3)
    assert str(low[0]) == "mu(O) <= -4.950 eV: 1 LiNiO2 (keeps its oxygen)"
    # at 2 V oxygen itself would become Li2O: nothing above -14.9 + 2 * 3.9
    assert oxygen_steps(lithiated, "NiO2", voltage=2.0)[0].potential == pytest.approx(-7.1)


def test_voltage_and_potential_of_lithium_say_the_same(lithiated):
    by_voltage = oxygen_steps(lithiated, "LiNiO2", voltage=3.5)
    by_potential = oxygen_steps(lithiated, "NiO2", lithium=-1.9 - 3.5)
    # lithium of the composition does not count where its potential is given
    assert [step.potential for step in by_voltage] == pytest.approx([step.potential for step in by_potential])
    assert [step.phases for step in by_voltage] == [step.phases for step in by_potential]


def test_a_diagram_without_lithium_cannot_be_opened_to_it(nickel, lithiated):
    with pytest.raises(InputError, match="holds no Li"):
        oxygen_steps(nickel, "NiO2", voltage=4.3)
    with pytest.raises(InputError, match="lithium: found beside voltage"):
        oxygen_steps(lithiated, "NiO2", voltage=4.3, lithium=-6.2)
