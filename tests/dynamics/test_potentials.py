"""The pair potential against derivatives of its energy, a slow sum over images, and Madelung's constant."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

from oxyspy.data import load
from oxyspy.dynamics.potentials import COULOMB, PairPotential, load_potential
from oxyspy.errors import InputError


@pytest.fixture
def alumina():
    """A shaken, skewed, small cell: images of an atom see each other and itself."""
    rng = np.random.default_rng(1)
    cell = np.array([[6.2, 0.0, 0.0], [1.1, 6.0, 0.0], [-0.7, 0.9, 6.4]])
    grid = np.array(list(itertools.product(range(3), repeat=3))) / 3.0
    atoms = Atoms("Li3Al9O15", scaled_positions=grid, cell=cell, pbc=True)
    atoms.positions += rng.normal(scale=0.12, size=(27, 3))
    # leave the cell: wrapping must not matter
    atoms.positions[::4] += cell[1] - 2 * cell[2]
    atoms.calc = load_potential("pmmcs")
    return atoms


def slow_reference(atoms, damping=0.25, coulomb_cutoff=8.0, cutoff=5.5):
    """Sum over atoms and images one by one, with nothing but math."""
    entry = load("potentials")["pmmcs"]
    cell, n = np.array(atoms.cell), 3

    def screened(r):
        return math.erfc(damping * r) / r

    def slope(r):
        return -math.erfc(damping * r) / r**2 - 2 * damping / math.sqrt(math.pi) * math.exp(-((damping * r) ** 2)) / r

    def morse(pair, r):
        x = math.exp(-pair["a"] * (r - pair["r0"]))
        return pair["d"] * (x * x - 2 * x) + pair["c"] / r**12

    def morse_slope(pair, r):
        x = math.exp(-pair["a"] * (r - pair["r0"]))
        return 2 * pair["d"] * pair["a"] * (x - x * x) - 12 * pair["c"] / r**13

    energy, forces = 0.0, np.zeros((len(atoms), 3))
    images = [np.array(k) @ cell for k in itertools.product(range(-n, n + 1), repeat=3)]
    symbols = atoms.get_chemical_symbols()
    q = [entry["charges"][s] for s in symbols]
    shift = screened(coulomb_cutoff) - coulomb_cutoff * slope(coulomb_cutoff)
    for i in range(len(atoms)):
        energy -= COULOMB * q[i] ** 2 * (shift / 2 + damping / math.sqrt(math.pi))
        for j in range(len(atoms)):
            for image in images:
                vector = atoms.positions[j] + image - atoms.positions[i]
                r = math.sqrt(vector @ vector)
                if r < 1e-9 or r >= coulomb_cutoff:
                    continue
                edge = screened(coulomb_cutoff), slope(coulomb_cutoff)
                factor = COULOMB * q[i] * q[j]
                energy += factor * (screened(r) - edge[0] - edge[1] * (r - coulomb_cutoff)) / 2
                pull = factor * (slope(r) - edge[1])
                if "O" in (symbols[i], symbols[j]) and r < cutoff:
                    other = symbols[j] if symbols[i] == "O" else symbols[i]
                    pair = entry["pairs"][f"{other}-O"]
                    energy += (morse(pair, r) - morse(pair, cutoff)) / 2
                    pull += morse_slope(pair, r)
                forces[i] += pull * vector / r
    return energy, forces


def test_energy_and_forces_are_those_of_a_slow_sum_over_images(alumina):
    small = alumina[[0, 4, 9, 12, 18, 22, 26]]
    small.calc = load_potential("pmmcs")
    energy, forces = slow_reference(small)
    assert small.get_potential_energy() == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(small.get_forces(), forces, atol=1e-10)


def test_forces_and_stress_are_derivatives_of_the_energy(alumina):
    # central differences of 1e-3 Å: third derivatives of eV/Å3 times 1e-6
    numerical = calculate_numerical_forces(alumina, eps=1e-3)
    np.testing.assert_allclose(alumina.get_forces(), numerical, atol=2e-3, rtol=1e-4)
    numerical = calculate_numerical_stress(alumina, eps=1e-5)
    np.testing.assert_allclose(alumina.get_stress(), numerical, atol=1e-5)


def test_actions_equal_reactions(alumina):
    np.testing.assert_allclose(alumina.get_forces().sum(axis=0), 0.0, atol=1e-10)


def test_wrapping_shifting_and_doubling_change_nothing(alumina):
    energy, forces = alumina.get_potential_energy(), alumina.get_forces()
    moved = alumina.copy()
    moved.positions += [3.3, -8.0, 1.0]
    moved.wrap()
    moved.calc = load_potential("pmmcs")
    assert moved.get_potential_energy() == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(moved.get_forces(), forces, atol=1e-10)
    double = alumina.repeat((2, 1, 1))
    double.calc = load_potential("pmmcs")
    assert double.get_potential_energy() == pytest.approx(2 * energy, rel=1e-12)


def test_a_list_with_skin_gives_what_a_fresh_one_gives(alumina):
    rng = np.random.default_rng(2)
    for _ in range(12):
        alumina.positions += rng.normal(scale=0.05, size=alumina.positions.shape)
        fresh = alumina.copy()
        fresh.calc = load_potential("pmmcs")
        np.testing.assert_allclose(alumina.get_forces(), fresh.get_forces(), atol=1e-10)


def test_rock_salt_has_madelungs_energy():
    """1.747565 within 1e-4 at a range of 24 Å; the damped sum converges from there on."""
    salt = bulk("NaCl", "rocksalt", a=5.0, cubic=True)
    salt.calc = PairPotential({"Na": 1.0, "Cl": -1.0}, {}, damping=0.15, coulomb_cutoff=24.0, cutoff=1.0)
    madelung = -salt.get_potential_energy() / 4 * 2.5 / COULOMB
    assert madelung == pytest.approx(1.747565, abs=2e-4)


def test_periclase_has_its_known_cell():
    """MgO of this potential lies within 1.5 % of the measured 4.212 Å, as a potential fitted to crystals should."""
    edges = np.linspace(4.0, 4.4, 21)
    energies = []
    for a in edges:
        crystal = bulk("MgO", "rocksalt", a=a, cubic=True)
        crystal.calc = load_potential("pmmcs")
        energies.append(crystal.get_potential_energy())
    assert edges[np.argmin(energies)] == pytest.approx(4.212, rel=0.015)


def test_energy_is_conserved_without_a_thermostat():
    from ase import units
    from ase.md.verlet import VelocityVerlet

    crystal = bulk("MgO", "rocksalt", a=4.2, cubic=True).repeat(2)
    crystal.calc = load_potential("pmmcs")
    spread = np.sqrt(crystal.get_masses() * units.kB * 2000)[:, None]
    crystal.set_momenta(np.random.default_rng(3).normal(size=(64, 3)) * spread)
    dynamics = VelocityVerlet(crystal, 1.0 * units.fs)
    totals = []
    dynamics.attach(lambda: totals.append(crystal.get_total_energy()), interval=5)
    dynamics.run(400)
    # Verlet's own oscillation and the force's small step at 5.5 Å, against 260 meV an atom of heat
    assert np.ptp(totals) / len(crystal) < 1e-3


def test_what_the_potential_lacks_is_named():
    borate = Atoms("BO", cell=[9, 9, 9], pbc=True, positions=[[0, 0, 0], [1.4, 0, 0]])
    borate.calc = load_potential("pmmcs")
    with pytest.raises(InputError, match="has no B; it has Al, Li, Mg, O"):
        borate.get_potential_energy()
    molecule = Atoms("LiO", positions=[[0, 0, 0], [1.6, 0, 0]])
    molecule.calc = load_potential("pmmcs")
    with pytest.raises(InputError, match="periodic along all three axes"):
        molecule.get_potential_energy()
    with pytest.raises(InputError, match="'reax' is not known; known are pmmcs, shik"):
        load_potential("reax")


def test_energy_and_forces_are_those_lammps_gave():
    """Li24Al24O48, shaken, by LAMMPS (benchmarks/dynamics_lammps.py); its Coulomb constant differs by 4e-8."""
    reference = np.load(Path(__file__).parent / "lammps-pmmcs.npz")
    atoms = Atoms(reference["symbols"], positions=reference["positions"], cell=reference["cell"], pbc=True)
    atoms.calc = load_potential("pmmcs")
    assert atoms.get_potential_energy() == pytest.approx(float(reference["energy"]), abs=1e-4)
    np.testing.assert_allclose(atoms.get_forces(), reference["forces"], atol=1e-5)


@pytest.fixture
def borate():
    """Li6B22O36, shaken, small and skewed."""
    rng = np.random.default_rng(4)
    grid = np.array(list(itertools.product(range(4), repeat=3))) / 4.0
    symbols = np.repeat(["Li", "B", "O"], [6, 22, 36])
    rng.shuffle(symbols)
    cell = np.array([[8.4, 0.0, 0.0], [0.9, 8.2, 0.0], [-0.5, 0.7, 8.6]])
    atoms = Atoms(symbols, scaled_positions=grid, cell=cell, pbc=True)
    atoms.positions += rng.normal(scale=0.1, size=(64, 3))
    atoms.calc = load_potential("shik")
    return atoms


def test_oxygen_balances_the_charges_as_the_authors_input_has_it():
    """Their example of 0.2 Na2O-0.8 B2O3 in units of e^2/eV Å: q(B) 6.119348098, q(O) -4.117087927."""
    pair = PairPotential({"B": 1.6126, "Na": 0.6018, "O": "balance"}, {}, form="buckingham")
    symbols = np.repeat(["Na", "B", "O"], [4, 16, 26])
    found = pair.charges_of(symbols)
    assert found.sum() == pytest.approx(0.0, abs=1e-12)
    # sqrt(14.3996) turns their charges into e
    assert found[4] == pytest.approx(6.119348098 / math.sqrt(14.3996), abs=2e-4)
    assert found[-1] == pytest.approx(-4.117087927 / math.sqrt(14.3996), abs=2e-4)


def shik_pair(r, product, a, b, c, d):
    """The energy of the authors' pair style shik/wolf 8.0 10.0 with gamma 0.2, written out."""
    coulomb = COULOMB * product * (1 / r - 1 / 10 + (r - 10) / 100) * math.exp(-0.04 / (r - 10) ** 2)
    if r >= 8:
        return coulomb

    def short(x):
        return a * math.exp(-b * x) - c / x**6 + d / x**24

    return coulomb + (short(r) - short(8.0)) * math.exp(-0.04 / (r - 8) ** 2)


@pytest.mark.parametrize("r", [1.3, 1.9, 3.0, 5.5, 7.8, 8.5, 9.7])
def test_two_ions_have_the_energy_of_the_authors_pair_style(r):
    """Boron and oxygen in a large cell, less the same pair far apart: what differs is the pair's energy."""
    pair = load_potential("shik")
    pair.charges["O"] = -1.6126
    atoms = Atoms("BO", positions=[[0, 0, 0], [r, 0, 0]], cell=[60] * 3, pbc=True, calculator=pair)
    near = atoms.get_potential_energy()
    atoms.positions[1] = [30, 0, 0]
    expected = shik_pair(r, -(1.6126**2), 16182, 5.6069, 59.203, 32.0)
    assert near - atoms.get_potential_energy() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_forces_of_shik_are_derivatives_of_its_energy(borate):
    numerical = calculate_numerical_forces(borate, eps=1e-4, iatoms=range(0, 64, 8))
    np.testing.assert_allclose(borate.get_forces()[::8], numerical, atol=2e-5, rtol=1e-5)
    numerical = calculate_numerical_stress(borate, eps=1e-5)
    np.testing.assert_allclose(borate.get_stress(), numerical, atol=1e-5)


def test_a_potential_of_ones_own_is_read_from_a_file(tmp_path, borate):
    import yaml

    entry = load("potentials")["shik"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"mine": entry}))
    mine = borate.copy()
    mine.calc = load_potential(tmp_path / "mine.yaml")
    np.testing.assert_array_equal(mine.get_forces(), borate.get_forces())
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump({"bad": {k: v for k, v in entry.items() if k != "form"}}))
    with pytest.raises(InputError, match="'form'"):
        load_potential(tmp_path / "bad.yaml")
