"""Radial distributions, coordination and order of structures that are known."""

import numpy as np
import pytest
from ase.build import bulk

from oxyspy.dynamics import (
    Trajectory,
    density,
    radial_distribution,
    random_packing,
    read_trajectory,
    residual_order,
)
from oxyspy.errors import InputError


def still(atoms, frames=3, shake=0.0, seed=0):
    rng = np.random.default_rng(seed)
    path = atoms.positions + rng.normal(scale=shake, size=(frames, len(atoms), 3))
    return Trajectory(path, tuple(atoms.get_chemical_symbols()), np.array(atoms.cell), 1.0, atoms.get_volume())


@pytest.fixture
def periclase():
    return bulk("MgO", "rocksalt", a=4.2, cubic=True).repeat(3)


def ideal_gas(atoms=150, frames=100, seed=1):
    path = np.random.default_rng(seed).uniform(0, 12, size=(frames, atoms, 3))
    return Trajectory(path, ("O",) * atoms, np.eye(3) * 12, 1.0, 12.0**3)


def test_rock_salt_has_six_neighbours_at_half_its_edge(periclase):
    peak, valley, number = radial_distribution(still(periclase, 20, 0.08), "Mg", "O").first_shell()
    # a bin is 0.05 Å
    assert peak == pytest.approx(2.1, abs=0.06)
    assert number == pytest.approx(6.0, abs=0.02)
    assert valley < 3.6
    peak, _, number = radial_distribution(still(periclase, 20, 0.08), "O", "O").first_shell()
    assert peak == pytest.approx(4.2 / np.sqrt(2), abs=0.06)
    assert number == pytest.approx(12.0, abs=0.05)


def test_an_ideal_gas_has_no_structure():
    found = radial_distribution(ideal_gas(), "O", "O")
    z = (found.g[20:] - 1) / found.sigma[20:]
    # beyond 1 Å, where shells hold atoms enough: Student's t of ten blocks has 95 % within 2.26, less three errors
    assert np.mean(np.abs(z) < 2.26) > 0.88
    assert found.coordination[-1] == pytest.approx(149 / 12**3 * 4 / 3 * np.pi * 6.0**3, rel=0.01)


def test_density_of_periclase(periclase):
    # 4 MgO of 40.304 u in (4.2 Å)3
    assert density(still(periclase)) == pytest.approx(4 * 40.304 / 0.602214 / 4.2**3, rel=1e-4)


def test_a_crystal_is_ordered_by_its_debye_waller_factor(periclase):
    """One Bragg peak of a crystal shaken by u along each axis keeps exp(-k2 u2)."""
    shake = 0.15
    found = residual_order(still(periclase, 40, shake), "O")
    # oxygen is face-centred cubic: 111 planes are the widest
    assert found.wavelength == pytest.approx(4.2 / np.sqrt(3))
    k = 2 * np.pi / found.wavelength
    assert found.value == pytest.approx(np.exp(-((k * shake) ** 2)), abs=0.02)
    assert found.ordered
    assert "CRYSTALLISED" in str(found)


def test_a_gas_is_not_ordered():
    found = residual_order(ideal_gas(60, 100), "O")
    assert found.value < 0.1
    assert not found.ordered


def test_a_range_beyond_half_the_cell_is_refused(periclase):
    with pytest.raises(InputError, match=r"6\.30 Å"):
        radial_distribution(still(periclase), "Mg", "O", limit=9.0)


def test_real_sodium_is_a_liquid(shared_data):
    sodium = read_trajectory(shared_data / "trajectories" / "liquid-na" / "XDATCAR_671.0.gz", timestep=2.0)
    peak, _, number = radial_distribution(sodium, "Na", "Na").first_shell()
    # neutron scattering of liquid sodium: first peak near 3.7 Å, ten to thirteen or so neighbours
    assert peak == pytest.approx(3.7, abs=0.15)
    assert 10 < number < 15
    assert not residual_order(sodium, "Na").ordered


def test_real_argyrodite_keeps_its_lattice(shared_data):
    file = shared_data / "trajectories" / "li6ps5cl" / "example_XDATCAR.gz"
    solid = read_trajectory(file, timestep=2.0, steps_per_frame=50)
    assert residual_order(solid, "P").ordered
    peak, _, number = radial_distribution(solid, "P", "S").first_shell()
    # PS4 tetrahedra
    assert number == pytest.approx(4.0, abs=0.02)
    assert peak == pytest.approx(2.05, abs=0.06)


def caged(ions, seed, frames=50):
    """A random packing of an oxide, frozen but for vibration: a glass without any memory of a crystal."""
    rng = np.random.default_rng(seed)
    atoms = random_packing({"Li": ions // 2, "Al": ions // 2, "O": ions}, 2.3, rng)
    path = atoms.positions + rng.normal(scale=0.15, size=(frames, len(atoms), 3))
    return Trajectory(path, tuple(atoms.get_chemical_symbols()), np.array(atoms.cell), 20.0, atoms.get_volume())


@pytest.mark.parametrize(("ions", "seeds"), [(8, 12), (12, 12), (16, 12), (24, 8), (48, 4)])
def test_small_glasses_are_not_called_crystals(ions, seeds):
    found = [residual_order(caged(ions, seed), "O") for seed in range(seeds)]
    # one in a hundred by the threshold's making
    assert not any(one.ordered for one in found)
    if ions == 8:
        assert found[0].verdict == "too few atoms to tell order from chance"


def test_a_run_that_crystallises_late_is_flagged_with_when(periclase):
    rng = np.random.default_rng(3)
    ordered = still(periclase, 40, 0.12).positions
    gas = rng.uniform(0, 12.6, size=(60, len(periclase), 3))
    both = Trajectory(np.concatenate([gas, ordered]), tuple(periclase.get_chemical_symbols()),
                      np.array(periclase.cell), 20.0, periclase.get_volume())  # fmt: skip
    found = residual_order(both, "O")
    assert found.ordered
    assert found.verdict == "the sublattice CRYSTALLISES in the run, after 60% of it"
    assert found.slices[0] < 0.2 < 0.6 < found.slices[-1]


def test_noise_makes_no_shell_of_its_own(periclase):
    """Few frames of few atoms: the bond is still that of the crystal."""
    peak, valley, number = radial_distribution(still(periclase, 3, 0.25), "O", "O", width=0.02).first_shell()
    assert peak == pytest.approx(4.2 / np.sqrt(2), abs=0.12)
    assert 3.3 < valley < 4.0
    assert number == pytest.approx(12, abs=1.0)
