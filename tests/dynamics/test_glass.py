"""Packings, thermostat, exact resumption and the way to zero pressure."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk

from oxyspy.dynamics import random_packing, read_trajectory
from oxyspy.dynamics.glass import Recipe, keep_recipe, melt, melt_quench, produce, read_recipe, settle
from oxyspy.dynamics.potentials import load_potential
from oxyspy.dynamics.simulation import Simulation, steps_done
from oxyspy.errors import InputError, MethodError

SMALL = {
    "composition": "Mg8O8",
    "density": "2.6 g/cm^3",
    "temperatures": ["3000 K", "3600 K"],
    "timestep": "2 fs",
    "melt_temperature": "4000 K",
    "melt_segment": "0.4 ps",
    "melt_segments": 20,
    "pressure_tolerance": "3 GPa",
    "hold": "0.2 ps",
    "snapshots": 2,
    "spacing": "0.1 ps",
    "quench": "0.1 ps",
    "equilibrate": "0.1 ps",
    "production": "1 ps",
    "frame": "20 fs",
    "checkpoint": 60,
}


def periclase(folder, **more):
    atoms = bulk("MgO", "rocksalt", a=4.3, cubic=True).repeat((2, 1, 1))
    atoms.calc = load_potential("pmmcs")
    return Simulation(atoms, folder, timestep=1.0, coupling=50.0, seed=5, checkpoint=40, **more)


def program(run):
    """Ramp, rescale, keep positions: all that a simulation can do."""
    run.leg("ramp", 100, 300.0, 1500.0)
    run.rescale(1.02)
    run.leg("soak", 90, 1500.0)
    leg = run.leg("keep", 130, 1500.0, every=10)
    return leg, run.atoms.positions.copy(), run.atoms.get_momenta().copy(), run.frames()


class Killed(BaseException):
    """What a signal does: not an error that anybody catches."""


@pytest.mark.parametrize("stops", [(1,), (57,), (140,), (199, 11), (260, 20, 70)])
def test_a_killed_run_resumes_bit_for_bit(tmp_path, stops):
    whole = program(periclase(tmp_path / "whole"))
    for stop in stops:
        passed = [0]

        def tick(steps, passed=passed, stop=stop):
            passed[0] += steps
            if passed[0] >= stop:
                raise Killed

        with pytest.raises(Killed):
            program(periclase(tmp_path / "cut", tick=tick))
    cut = program(periclase(tmp_path / "cut"))
    assert cut[0] == whole[0]
    for found, expected in zip(cut[1:], whole[1:], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(whole[3]) == 13
    assert steps_done(tmp_path / "cut") == 320


def test_a_finished_run_returns_at_once_and_another_recipe_is_refused(tmp_path):
    first = program(periclase(tmp_path))[0]
    assert program(periclase(tmp_path))[0] == first
    with pytest.raises(InputError, match="another recipe"):
        periclase(tmp_path).leg("ramp", 50, 300.0)
    atoms = bulk("MgO", "rocksalt", a=4.3, cubic=True)
    with pytest.raises(InputError, match="another recipe"):
        Simulation(atoms, tmp_path, timestep=1.0, coupling=50.0, seed=5, checkpoint=40)


def test_atoms_that_fly_apart_are_an_error(tmp_path):
    atoms = random_packing({"Mg": 8, "O": 8}, 2.0, np.random.default_rng(1), apart=0.7, alike=0.7)
    atoms.calc = load_potential("pmmcs")
    with pytest.raises(MethodError, match="flew apart"):
        Simulation(atoms, tmp_path, timestep=10.0).leg("heat", 1000, 8000.0)


def test_the_whole_chain_from_composition_to_diffusion(tmp_path):
    recipe = read_recipe(SMALL)
    study = melt_quench(recipe, tmp_path, progress=False)
    assert len(study.runs) == 4
    assert {run.formula for run in study.runs} == {"Mg8 O8"}
    legs = melt(recipe, tmp_path / "melt")
    settled = [leg for leg in legs if leg.name == "settle"][-1]
    # what it was asked for
    assert abs(settled.pressure) < 3.0 + 2 * settled.pressure_sigma
    trajectory = read_trajectory(tmp_path / "run-3600K-1" / "trajectory.traj", timestep=2.0, steps_per_frame=10)
    assert trajectory.positions.shape == (50, 16, 3)
    # two snapshots are two samples
    other = read_trajectory(tmp_path / "run-3600K-0" / "trajectory.traj", timestep=2.0, steps_per_frame=10)
    assert not np.allclose(trajectory.positions, other.positions)
    again = melt_quench(recipe, tmp_path, progress=False)
    assert str(again) == str(study)


def test_two_processes_work_at_once_and_give_the_runs_of_one(tmp_path, monkeypatch):
    def together(recipe, output, snapshot, temperature):
        import os
        import time

        from oxyspy.dynamics.glass import produce

        (output / f"here-{os.getpid()}").touch()
        for _ in range(600):
            if len(list(output.glob("here-*"))) == 2:
                return produce(recipe, output, snapshot, temperature)
            time.sleep(0.1)
        raise TimeoutError("the other process never came")

    short = dict.fromkeys(["melt_segment", "hold", "quench", "equilibrate", "production"], "0.1 ps")
    recipe = read_recipe(SMALL | short | {"temperatures": ["3000 K"], "pressure_tolerance": "1000 GPa"})
    one = melt_quench(recipe, tmp_path / "one", progress=False)
    monkeypatch.setattr("oxyspy.dynamics.glass.produce", together)
    two = melt_quench(recipe, tmp_path / "two", workers=2, progress=False)
    assert str(two) == str(one)


def test_another_calculator_is_named_by_its_module(tmp_path):
    recipe = Recipe("Cu4", density=8.0, temperatures=(300.0,), potential="ase.calculators.emt:EMT", snapshots=1,
                    melt_segment=0.04, hold=0.04, melt_temperature=600.0, pressure_tolerance=1e3, quench=0.04,
                    equilibrate=0.04, production=0.2)  # fmt: skip
    melt(recipe, tmp_path / "melt")
    assert produce(recipe, tmp_path, 0, 300.0).steps == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"density": "2.6"}, "has no unit"),
        ({"colour": "red"}, "'colour' not known; known are composition, density"),
        ({"composition": "Xq3"}, "no chemical element"),
        ({"composition": "Mg("}, "is no formula"),
        ({"temperatures": []}, "one or more temperatures"),
        ({"species": ["B"]}, "no B in Mg8O8"),
        ({"timestep": "0 fs"}, "timestep = 0.0: needed a number above 0"),
    ],
)
def test_a_recipe_that_cannot_be_cooked_is_told(change, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        read_recipe(SMALL | change)


def test_what_a_recipe_lacks_is_named():
    with pytest.raises(InputError, match="'temperatures'"):
        read_recipe({"composition": "MgO", "density": "3 g/cm^3"})


class Free:
    """No forces: atoms fly straight, so that kept frames tell when they were kept."""

    def __new__(cls):
        from ase.calculators.calculator import Calculator, all_changes

        class Flight(Calculator):
            implemented_properties = ["energy", "forces", "stress"]

            def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
                super().calculate(atoms, properties, system_changes)
                self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}

        return Flight()


@pytest.mark.parametrize(
    ("every", "checkpoint", "steps"), [(30, 100, 300), (50, 80, 200), (13, 100, 290), (7, 55, 200), (10, 55, 200)]
)
def test_every_frame_is_kept_and_at_its_time_also_after_a_kill(tmp_path, every, checkpoint, steps):
    def simulation(**more):
        atoms = bulk("Cu", cubic=True)
        atoms.calc = Free()
        # a thermostat that does nothing within the run
        return Simulation(atoms, tmp_path, timestep=1.0, coupling=1e12, seed=1, checkpoint=checkpoint, **more)

    passed = [0]

    def tick(count):
        passed[0] += count
        if passed[0] > steps * 0.6:
            raise Killed

    with pytest.raises(Killed):
        simulation(tick=tick).leg("keep", steps, 300.0, every=every)
    run = simulation()
    run.leg("keep", steps, 300.0, every=every)
    frames = run.frames()
    assert len(frames) == steps // every
    # straight flight: all gaps are one, and that of ``every`` steps; a step more is 1e-3 Å, the thermostat's noise 1e-6
    gaps = np.diff(frames, axis=0)
    velocity = run.atoms.get_velocities() * units.fs
    np.testing.assert_allclose(gaps, np.broadcast_to(velocity * every, gaps.shape), atol=1e-5)


@pytest.mark.parametrize("thermostat", ["bussi", "langevin"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_each_thermostat_holds_its_temperature_and_resumes(tmp_path, thermostat):
    def run(folder, **more):
        atoms = bulk("Cu", cubic=True).repeat(2)
        atoms.calc = Free()
        one = Simulation(atoms, folder, timestep=2.0, coupling=40.0, seed=(4, 2), thermostat=thermostat, **more)
        return one.leg("hold", 1000, 900.0), atoms

    leg, whole = run(tmp_path / "whole")
    # 93 free degrees of freedom fluctuate by 15 %, over 40 fs each: 1 ps hold 25 samples, three errors of their mean
    assert leg.temperature == pytest.approx(900.0, rel=0.09)

    def tick(count, passed=[0]):  # noqa: B006
        passed[0] += count
        if passed[0] > 700:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "cut", tick=tick)
    again, cut = run(tmp_path / "cut")
    assert again == leg
    np.testing.assert_array_equal(cut.positions, whole.positions)
    assert np.abs(cut.get_momenta().sum(axis=0)).max() < 1e-9


def test_an_unknown_thermostat_is_told(tmp_path):
    with pytest.raises(InputError, match="'andersen' is not known; known are bussi, langevin"):
        read_recipe(SMALL | {"thermostat": "andersen"})


def test_a_folder_belongs_to_its_recipe(tmp_path):
    recipe = read_recipe(SMALL)
    keep_recipe(recipe, tmp_path)
    keep_recipe(recipe, tmp_path)
    # more of the same is allowed
    keep_recipe(read_recipe(SMALL | {"temperatures": ["3000 K", "3300 K", "3600 K"], "snapshots": 3}), tmp_path)
    for change, words in [
        ({"density": "2.8 g/cm^3"}, "density: 2.6 then, 2.8 now"),
        ({"frame": "30 fs"}, "frame: 20.0 then, 30.0 now"),
        ({"potential": "lammps-pmmcs"}, "potential: 'pmmcs' then, 'lammps-pmmcs' now"),
    ]:
        with pytest.raises(InputError, match=words):
            keep_recipe(read_recipe(SMALL | change), tmp_path)


def test_another_file_of_the_potential_is_another_recipe(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("mine: {}\n")
    recipe = read_recipe(SMALL | {"potential": str(file)})
    keep_recipe(recipe, tmp_path)
    file.write_text("mine: {charges: {}}\n")
    with pytest.raises(InputError, match="potential_file"):
        keep_recipe(recipe, tmp_path)


def test_a_melt_is_settled_when_its_energy_is_too(tmp_path):
    """A calculator without pressure whose energy falls with time: the pressure alone would call it settled."""
    recipe = Recipe("Cu4", density=8.0, temperatures=(300.0,), potential="emt", melt_segment=0.32, melt_segments=4)
    atoms = bulk("Cu", cubic=True)
    atoms.calc = Free()
    inner, calls = atoms.calc.calculate, [0]

    def calculate(*args, **keywords):
        inner(*args, **keywords)
        calls[0] += 1
        kinetic = 2 * atoms.get_kinetic_energy() / 3 / atoms.get_volume()
        atoms.calc.results |= {"energy": -0.01 * calls[0], "stress": np.array([1.0, 1, 1, 0, 0, 0]) * kinetic}

    atoms.calc.calculate = calculate
    run = Simulation(atoms, tmp_path, timestep=2.0, seed=1)
    # 0.01 eV a step over half of 160 steps on 4 atoms: 100 meV an atom from quarter to quarter
    with pytest.raises(MethodError, match=r"the energy drifts by -1\d\d\.\d ± \d+\.\d meV an atom"):
        settle(run, recipe, 600.0)


def test_a_run_may_find_its_own_volume(tmp_path):
    """From periclase squeezed to 4.0 Å, some 30 GPa: to no pressure where asked for, else it stays squeezed."""
    import ase.io

    (tmp_path / "melt").mkdir()
    ase.io.write(tmp_path / "melt" / "snapshot-0.traj", bulk("MgO", "rocksalt", a=4.0, cubic=True).repeat((2, 1, 1)))
    change = {"melt_temperature": "1500 K", "temperatures": ["1500 K"], "snapshots": 1, "pressure_tolerance": "1 GPa"}
    left = produce(read_recipe(SMALL | change), tmp_path, 0, 1500.0)
    assert left.pressure > 15 and left.volume == pytest.approx(128.0)
    for file in (tmp_path / "run-1500K-0").iterdir():
        file.unlink()
    free = produce(read_recipe(SMALL | change | {"zero_pressure": True}), tmp_path, 0, 1500.0)
    assert abs(free.pressure) < 1.0 + 4 * free.pressure_sigma
    # the crystal measures 4.21 Å cold, and grows by 2 % a side until 1500 K
    assert (free.volume / 2) ** (1 / 3) == pytest.approx(4.27, abs=0.1)


@pytest.mark.slow
def test_a_cluster_gives_the_runs_of_one_process(tmp_path):
    distributed = pytest.importorskip("distributed")
    short = dict.fromkeys(["melt_segment", "hold", "quench", "equilibrate", "production"], "0.04 ps")
    recipe = read_recipe(SMALL | short | {"temperatures": ["3000 K"], "pressure_tolerance": "1000 GPa"})
    one = melt_quench(recipe, tmp_path / "one", progress=False)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        two = melt_quench(recipe, tmp_path / "two", scheduler=cluster.scheduler_address, progress=False)
    assert str(two) == str(one)
    first, second = (ase_positions(tmp_path / name / "run-3000K-1" / "trajectory.traj") for name in ("one", "two"))
    np.testing.assert_array_equal(first, second)


def ase_positions(file):
    import ase.io

    return np.array([atoms.positions for atoms in ase.io.read(file, index=":")])


def test_the_bar_counts_what_was_done_before_and_tells_the_time_left(tmp_path, capsys):
    recipe = read_recipe(SMALL | {"temperatures": ["3000 K"], "snapshots": 1, "production": "0.2 ps"})
    melt_quench(recipe, tmp_path)
    assert "runs" in capsys.readouterr().err
    melt_quench(recipe, tmp_path)
    shown = capsys.readouterr().err
    # all of it was done before: no step is counted twice
    assert "runs: 100%" in shown
    assert f"{recipe.run_steps}/{recipe.run_steps}" in shown


def test_a_calculator_without_reset_is_made_to_forget(tmp_path):
    """As ASE's calculators that work by files, Quantum ESPRESSO's among them."""
    from ase.calculators.calculator import BaseCalculator

    class ByFiles(BaseCalculator):
        implemented_properties = ["energy", "forces", "stress"]

        def calculate(self, atoms, properties, system_changes):
            self.atoms = atoms.copy()
            self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}

    atoms = bulk("Cu", cubic=True)
    atoms.calc = ByFiles()
    assert not hasattr(atoms.calc, "reset")
    run = Simulation(atoms, tmp_path, timestep=1.0, seed=1, checkpoint=20)
    run.leg("keep", 40, 300.0)
    run.rescale(1.1)
    assert run.leg("more", 20, 300.0).volume == pytest.approx(1.1 * 3.61**3, rel=1e-9)
