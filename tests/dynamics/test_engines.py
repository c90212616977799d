"""Engines by name: templates, what is missing said in words, LAMMPS beside the embedded potential, ten steps of DFT."""

import importlib.util
import os
import shutil

import numpy as np
import pytest
from ase import Atoms

from oxyspy.dynamics import Recipe, Simulation, engine_settings, engines, load_engine, load_potential
from oxyspy.dynamics.glass import calculator
from oxyspy.errors import InputError


def has(*modules):
    return all(importlib.util.find_spec(name) is not None for name in modules)


@pytest.mark.parametrize(
    ("name", "where", "value"),
    [
        ("vasp", ("xc",), "PBE"),
        ("vasp", ("encut",), 400),
        ("vasp", ("kpts",), [1, 1, 1]),
        # 400 eV are 29.4 Ry
        ("espresso", ("input_data", "system", "ecutwfc"), 29.4),
        ("espresso", ("kpts",), None),
        ("gpaw", ("mode", "ecut"), 400),
        ("cp2k", ("xc",), "PBE"),
    ],
)
def test_templates_have_the_studys_settings(name, where, value):
    found = engine_settings(name)
    for key in where:
        found = found[key]
    assert found == value


def test_options_go_over_a_template_mapping_by_mapping():
    found = engine_settings("espresso", {"input_data": {"system": {"ecutwfc": 50.0}}, "command": "mpirun pw.x"})
    assert found["input_data"]["system"]["ecutwfc"] == 50.0
    # what was not named stays
    assert found["input_data"]["control"]["tstress"] is True
    assert found["command"] == "mpirun pw.x"
    # and the template itself is as it was
    assert engine_settings("espresso")["input_data"]["system"]["ecutwfc"] == 29.4


@pytest.mark.parametrize("name", sorted(engines()))
def test_every_engine_says_what_it_covers_and_where_it_comes_from(name):
    assert {"calculator", "needs", "covers", "source", "options"} <= set(engines()[name])


@pytest.mark.skipif(has("chgnet"), reason="chgnet is installed")
def test_an_extra_that_is_missing_is_named_with_its_command():
    recipe = Recipe("Li4O2", density=2.0, temperatures=(300.0,), potential="chgnet")
    with pytest.raises(InputError, match=r'pip install "oxyspy\[chgnet\]"'):
        calculator(recipe)


def test_what_a_program_needs_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("ESPRESSO_PSEUDO", raising=False)
    with pytest.raises(InputError, match="pseudopotentials"):
        load_engine("espresso")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ASE_CP2K_COMMAND", raising=False)
    with pytest.raises(InputError, match="no program 'cp2k_shell'"):
        load_engine("cp2k")
    with pytest.raises(InputError, match="known are chgnet"):
        load_engine("quantum-mechanics")


@pytest.mark.skipif(not has("lammps"), reason="needs the extra oxyspy[lammps]")
def test_lammps_gives_the_embedded_potentials_forces():
    cell = 2.1 * 4
    grid = 2.1 * np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    atoms = Atoms("Li24Al8O32", positions=grid, cell=[cell] * 3, pbc=True)
    atoms.rattle(0.1, seed=0)
    found = []
    for calc in (load_engine("lammps-pmmcs"), load_potential("pmmcs")):
        atoms.calc = calc
        found.append(atoms.get_forces())
    # LAMMPS has another constant for the Coulomb energy in its 7th digit
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif("OXYSPY_TEST_DFT" not in os.environ, reason="takes minutes: set OXYSPY_TEST_DFT=1 to run it")
@pytest.mark.skipif(shutil.which("cp2k_shell") is None, reason="needs CP2K: apt-get install cp2k")
def test_ten_steps_of_density_functional_theory_keep_the_energy(monkeypatch, tmp_path):
    from ase.spacegroup import crystal

    monkeypatch.setenv("CP2K_DATA_DIR", os.environ.get("CP2K_DATA_DIR", "/usr/share/cp2k"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    atoms = crystal(["O", "Li"], [(0, 0, 0), (0.25, 0.25, 0.25)], spacegroup=225, cellpar=[4.62] * 3 + [90] * 3)
    atoms.rattle(0.05, seed=1)
    # the smallest basis and a coarse grid: it runs, and is no physics
    atoms.calc = load_engine("cp2k", {"cutoff_ry": 150, "basis_set": "SZV-MOLOPT-SR-GTH"})
    # a thermostat a thousand times slower than the run: nearly constant energy
    run = Simulation(atoms, tmp_path / "run", timestep=2.0, coupling=2e4, seed=1, checkpoint=20)
    totals = []
    run.tick = lambda steps: totals.append(atoms.get_total_energy())
    run.leg("production", 10, 300.0, every=1)
    assert run.frames().shape == (10, 12, 3)
    # against 0.47 eV of kinetic energy at 300 K
    assert np.ptp(totals) < 0.1
