"""Engines by name: templates, what is missing said in words, LAMMPS beside the embedded potential, ten steps of DFT."""

import importlib
import importlib.util
import os
import shutil
from types import SimpleNamespace

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
@pytest.mark.parametrize(("potential", "composition"), [("pmmcs", "Li24Al8O32"), ("shik", "Li8B24O32")])
def test_lammps_gives_the_embedded_potentials_forces(potential, composition):
    cell = 2.2 * 4
    grid = 2.2 * np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    atoms = Atoms(composition, positions=grid, cell=[cell] * 3, pbc=True)
    order = np.random.default_rng(0).permutation(64)
    atoms.positions[:] = atoms.positions[order]
    atoms.rattle(0.1, seed=0)
    forces, stresses = [], []
    for calc in (load_engine(f"lammps-{potential}"), load_potential(potential)):
        atoms.calc = calc
        forces.append(atoms.get_forces())
        stresses.append(atoms.get_stress())
    # tables of 20 000 rows, against forces of some eV/Å
    np.testing.assert_allclose(forces[0], forces[1], atol=1e-4)
    np.testing.assert_allclose(stresses[0], stresses[1], atol=1e-5)


@pytest.mark.skipif(not has("lammps"), reason="needs the extra oxyspy[lammps]")
def test_lammps_follows_atoms_that_leave_the_cell_and_a_cell_that_changes():
    atoms = Atoms("Li8O4", positions=2.3 * np.argwhere(np.ones((2, 2, 3))), cell=[4.6, 4.6, 6.9], pbc=True) * (2, 2, 1)
    # the smooth one of the two: tables cannot follow a force that steps
    atoms.calc = load_engine("lammps-shik")
    other = atoms.copy()
    other.calc = load_potential("shik")
    rng = np.random.default_rng(2)
    drift = rng.normal(scale=0.01, size=(len(atoms), 3))
    for step in range(60):
        if step == 40:
            atoms.set_cell(atoms.cell * 1.02, scale_atoms=True)
            other.set_cell(atoms.cell)
        atoms.positions += drift * (-1) ** (step // 30) + 0.3
        other.positions[:] = atoms.positions
        np.testing.assert_allclose(atoms.get_forces(), other.get_forces(), atol=2e-4, rtol=1e-5)
    atoms.set_cell([[9, 1, 0], [0, 9, 0], [0, 0, 9]])
    with pytest.raises(InputError, match="needed right angles"):
        atoms.get_forces()


def lithia(repeat=1):
    from ase.spacegroup import crystal

    atoms = crystal(["O", "Li"], [(0, 0, 0), (0.25, 0.25, 0.25)], spacegroup=225, cellpar=[4.62] * 3 + [90] * 3)
    atoms = atoms.repeat(repeat)
    atoms.rattle(0.05, seed=1)
    return atoms


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "module", "change"),
    # the means of the change of energy with the positions: what each engine's numbers of single precision keep
    [("chgnet", "chgnet", 0.02), ("sevennet", "sevenn", 0.02), ("lammps-pmmcs", "lammps", 0.02)],
)
def test_another_engine_keeps_the_energy_and_resumes_exactly(tmp_path, name, module, change):
    if not has(module):
        pytest.skip(f"needs the extra of {name}")

    def run(folder, **more):
        atoms = lithia()
        atoms.calc = load_engine(name, folder=folder)
        # a thermostat a thousand times slower than the run: nearly constant energy
        one = Simulation(atoms, folder, timestep=1.0, coupling=2e4, seed=1, checkpoint=20, **more)
        one.leg("keep", 30, 300.0, every=10)
        return one

    totals = []
    whole = run(tmp_path / "whole")
    for _ in range(10):
        whole.leg("more", 1, 300.0)
        totals.append(whole.atoms.get_total_energy())
    # against 0.43 eV of kinetic energy at 300 K
    assert np.ptp(totals) < change

    class Killed(BaseException):
        pass

    def tick(count):
        raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "cut", tick=tick)
    frames = run(tmp_path / "cut").frames()
    np.testing.assert_array_equal(frames, whole.frames())


def test_runs_side_by_side_have_folders_of_their_own(tmp_path, monkeypatch):
    """What an engine that works by files is told, two runs apart."""
    found = []
    module = importlib.import_module("oxyspy.dynamics.engines")
    monkeypatch.setattr(module, "importlib", SimpleNamespace(import_module=lambda name: Fake(found)))
    recipe = Recipe("Li4O2", density=2.0, temperatures=(300.0,), potential="vasp")
    for run in ("run-a", "run-b"):
        calculator(recipe, tmp_path / run)
    assert [options["directory"] for options in found] == [str(tmp_path / r / "engine") for r in ("run-a", "run-b")]
    for name, keyword in (("espresso", "directory"), ("cp2k", "folder"), ("gpaw", "folder")):
        load_engine(name, folder=tmp_path)
        assert found[-1][keyword] == str(tmp_path)


class Fake:
    """A module all of whose calculators keep what they were told."""

    def __init__(self, found):
        self.found = found

    def __getattr__(self, name):
        return lambda **options: self.found.append(options)


# Debian's pseudopotentials of Quantum ESPRESSO: PBEsol, for want of PBE
PSEUDO = "/usr/share/espresso/pseudo"
DFT = {
    # the smallest basis and a coarse grid: it runs, and is no physics
    "cp2k": ("cp2k_shell", "cp2k", {"cutoff_ry": 150, "basis_set": "SZV-MOLOPT-SR-GTH"}),
    "espresso": (
        "pw.x",
        "quantum-espresso quantum-espresso-data",
        {
            "pseudo_dir": PSEUDO,
            "pseudopotentials": {"Li": "Li.pbesol-s-rrkjus_psl.0.2.1.UPF", "O": "O.pbesol-n-rrkjus_psl.0.1.UPF"},
            "input_data": {"system": {"ecutwfc": 25.0, "ecutrho": 200.0}},
        },
    ),
}


@pytest.mark.slow
@pytest.mark.skipif("OXYSPY_TEST_DFT" not in os.environ, reason="takes minutes: make test-dft runs it")
@pytest.mark.parametrize("name", DFT)
def test_ten_steps_of_density_functional_theory_keep_the_energy(monkeypatch, tmp_path, name):
    program, packages, options = DFT[name]
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}: apt-get install {packages}")
    monkeypatch.setenv("CP2K_DATA_DIR", os.environ.get("CP2K_DATA_DIR", "/usr/share/cp2k"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    atoms = lithia()
    atoms.calc = load_engine(name, options, folder=tmp_path / "run" / "engine")
    # a thermostat a thousand times slower than the run: nearly constant energy
    run = Simulation(atoms, tmp_path / "run", timestep=2.0, coupling=2e4, seed=1, checkpoint=20)
    totals = []
    run.tick = lambda steps: totals.append(atoms.get_total_energy())
    run.leg("production", 10, 300.0, every=1)
    assert run.frames().shape == (10, 12, 3)
    # against 0.43 eV of kinetic energy at 300 K
    assert np.ptp(totals) < 0.1
    # all that the program wrote lies with the run
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
