"""Structures: the traps of setting, origin and axis convention."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.lattice import crystal, crystals, from_structure, variants


def distances(c, first, second, within=0.25):
    """Distances in nm from one atom of ``first`` to all of ``second``."""
    start = c.positions[c.numbers == first][0]
    cells = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), -1).reshape(-1, 1, 3)
    apart = np.linalg.norm((c.positions[c.numbers == second] - start + cells) @ c.lattice, axis=-1).ravel()
    return np.sort(apart[(apart > 1e-6) & (apart < within)])


def test_layered_metal_bond_is_short_and_lithium_bond_is_long():
    # z_O = 0.2407 would swap the two lengths and pass every test of the formula
    c = crystal("LiNiO2")
    metal, lithium = distances(c, 28, 8), distances(c, 3, 8)
    assert len(metal) == len(lithium) == 6
    assert metal == pytest.approx(0.197, abs=0.002)
    assert lithium == pytest.approx(0.211, abs=0.002)


def test_spinel_has_tetrahedral_lithium_and_octahedral_manganese():
    # another origin, or 16d at the wrong place, gives LiMn2O4 too, with metal and oxygen on top of each other
    c = crystal("LiMn2O4")
    assert len(distances(c, 3, 8)) == 4
    assert len(distances(c, 25, 8)) == 6
    assert distances(c, 25, 8) == pytest.approx(0.196, abs=0.002)
    assert (c.numbers == 25).sum() == 16
    assert (c.numbers == 8).sum() == 32


def test_hexagonal_100_is_rocksalt_110_and_1_m1_0_is_rocksalt_112():
    c = crystal("layered")
    assert sorted(map(abs, c.rocksalt_direction((1, 0, 0)))) == [0, 1, 1]
    # [2 -1 -1 0] of four indices is [100] of three
    assert sorted(map(abs, c.rocksalt_direction((1, -1, 0)))) == [1, 1, 2]
    assert "rocksalt [1 -1 0]" in c.zone_label((1, 0, 0))


def test_two_of_six_directions_110_of_rocksalt_show_the_layers_of_one_domain():
    c = crystal("layered")
    axes = [(1, -1, 0), (0, 1, -1), (1, 0, -1), (1, 1, 0), (0, 1, 1), (1, 0, 1)]
    seen = [c.direction_of_rocksalt(axis)[2] == 0 for axis in axes]
    assert seen == [True, True, True, False, False, False]


def test_cell_of_every_phase_on_rocksalt_is_the_parents_within_eight_percent():
    for name in ("NMC532", "LiNiO2", "LiCoO2", "LiMn2O4", "Mn3O4-cubic", "NiO", "CoO", "MnO"):
        c = crystal(name)
        edge = (c.volume / abs(np.linalg.det(c.rocksalt))) ** (1 / 3)
        assert edge == pytest.approx(0.418, rel=0.08), name


def as_structure(name):
    """A shipped crystal as pymatgen has it."""
    from pymatgen.core import Element, Lattice, Structure

    c = crystal(name)
    species, sites = [], []
    for position in np.unique(c.positions.round(5), axis=0):
        here = np.all(np.abs(c.positions - position) < 1e-4, axis=1)
        species.append({Element.from_Z(int(z)): o for z, o in zip(c.numbers[here], c.occupancies[here], strict=True)})
        sites.append(position)
    return Structure(Lattice(c.lattice * 10), species, sites)


def in_setting(structure, setting):
    from pymatgen.core import Lattice, Structure

    if setting == "primitive":
        return structure.get_primitive_structure()
    if setting == "permuted":
        order = [1, 2, 0]
        return Structure(
            Lattice(structure.lattice.matrix[order]), structure.species_and_occu, structure.frac_coords[:, order]
        )
    return structure * {"multiple": (2, 1, 1), "sheared": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]}.get(setting, (1, 1, 1))


@pytest.mark.parametrize("setting", ["as shipped", "primitive", "permuted", "multiple", "sheared"])
@pytest.mark.parametrize(("name", "family"), [("NMC532", "layered"), ("LiMn2O4", "spinel"), ("NiO", "rocksalt")])
def test_structure_of_the_users_is_recognised_in_any_setting_with_the_same_spots(name, family, setting):
    again = from_structure(in_setting(as_structure(name), setting))
    assert again.family == family
    ours, theirs = variants(crystal(name)), variants(again)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert other.amplitude == pytest.approx(one.amplitude, abs=1e-3 * one.amplitude.max())
        assert np.hypot(*other.basis.T) == pytest.approx(np.hypot(*one.basis.T))


def test_other_crystals_of_the_same_space_groups_are_not_taken_for_cathode_phases():
    from pymatgen.core import Lattice, Structure

    aluminium = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.05), ["Al"], [[0, 0, 0]])
    fluorite = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.46), ["Ca", "F"], [[0, 0, 0], [0.25, 0.25, 0.25]])
    for one in (aluminium, fluorite, as_structure("SrTiO3"), as_structure("Si")):
        assert from_structure(one).family == "other"
        assert from_structure(one).rocksalt is None


def test_wrong_origin_and_false_relation_to_rocksalt_are_refused(tmp_path):
    from pymatgen.core import Lattice, Structure

    # sites of the second origin choice in a cell of the first: the right formula, atoms on top of each other
    sites = [[0.125] * 3, [0.5] * 3, [0.2625] * 3]
    with pytest.raises(InputError, match="0.29 angstrom apart, needed 0.9 or more: is the origin"):
        from_structure(Structure.from_spacegroup("Fd-3m", Lattice.cubic(8.2), ["Li", "Mn", "O"], sites))
    file = tmp_path / "mine.yaml"
    file.write_text(
        "phases:\n  FeO:\n    family: rocksalt\n    spacegroup: Fm-3m\n    cell: {a: 4.3}\n    rocksalt: hexagonal\n"
        "    sites: [{species: {Fe: 1}, xyz: [0, 0, 0]}, {species: {O: 1}, xyz: [0.5, 0.5, 0.5]}]\n"
    )
    with pytest.raises(
        InputError, match="FeO: its cell is off by .* % from the lattice vectors declared as 'rocksalt'"
    ):
        crystals(file)


def test_users_file_adds_a_phase_and_bad_ones_are_named(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "phases:\n  FeO:\n    family: rocksalt\n    spacegroup: Fm-3m\n    cell: {a: 4.3}\n    rocksalt: cubic\n"
        "    sites: [{species: {Fe: 1}, xyz: [0, 0, 0]}, {species: {O: 1}, xyz: [0.5, 0.5, 0.5]}]\n"
    )
    assert [c.name for c in crystals(file)] == ["FeO"]
    assert [c.name for c in crystals(["layered", "FeO"], file)] == ["NMC532", "FeO"]
    file.write_text("phases:\n  FeO:\n    spacegroup: Fm-3m\n")
    with pytest.raises(InputError, match="FeO: not a structure"):
        crystals(file)
    with pytest.raises(InputError, match="no phase 'wurtzite'; known: layered"):
        crystal("wurtzite")
    with pytest.raises(InputError, match="no such CIF"):
        crystal("nowhere.cif")


def test_cif_of_a_phase_reads_as_the_phase(tmp_path):
    from pymatgen.core import Lattice, Structure

    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.18), ["Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    structure.to(filename=str(tmp_path / "nio.cif"))
    c = crystal(tmp_path / "nio.cif")
    assert (c.family, c.name) == ("rocksalt", "nio")
    assert c.volume == pytest.approx(0.418**3)
