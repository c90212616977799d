"""Runs put together: which enter a fit, with which weights, and what a coating made of them says."""

import numpy as np
import pytest
from ase.build import bulk

from oxyspy.dynamics import Trajectory, analyse_run, combine_runs
from oxyspy.dynamics.figures import plot_arrhenius, plot_density, plot_displacements, plot_pairs
from oxyspy.errors import InputError, MethodError
from oxyspy.transport import coatings, fit_arrhenius

K_B = 8.617333e-5
EA, D0 = 0.9, 2e-3


def walk(temperature, seed, factor=1.0, frames=600, ions=24):
    """Oxygen of D = 2e-3 exp(-0.9 eV/kT), times a factor, at 20 fs."""
    rng = np.random.default_rng([seed, int(temperature)])
    scale = np.sqrt(2 * factor * D0 * np.exp(-EA / K_B / temperature) * 1e4 * 0.02)
    path = np.cumsum(rng.normal(scale=scale, size=(frames, ions, 3)), axis=0) + rng.uniform(0, 8, (ions, 3))
    return Trajectory(path, ("O",) * ions, np.eye(3) * 8.0, 20.0, 512.0)


def runs(temperatures=(1800, 2200, 2800), seeds=range(3), **more):
    return [analyse_run(walk(t, s, **more), ["O"], temperature=t, name=f"{t}-{s}") for t in temperatures for s in seeds]


@pytest.fixture(scope="module")
def nine():
    return runs()


def crystal(temperature, factor):
    """Oxygen that walks a little through its crystal, slower by a factor than the melt."""
    atoms = bulk("MgO", "rocksalt", a=4.2, cubic=True).repeat(2)
    rng = np.random.default_rng(9)
    path = atoms.positions + rng.normal(scale=0.08, size=(400, 64, 3))
    oxygen = np.flatnonzero(atoms.symbols == "O")
    scale = np.sqrt(2 * factor * D0 * np.exp(-EA / K_B / temperature) * 1e4 * 0.02)
    path[:, oxygen] += np.cumsum(rng.normal(scale=scale, size=(400, 32, 3)), axis=0)
    return Trajectory(path, tuple(atoms.get_chemical_symbols()), np.array(atoms.cell), 20.0, atoms.get_volume())


def test_the_studys_weights_are_the_spread_of_each_temperatures_runs(nine):
    found = combine_runs(nine, weights="study").fits["O"]
    D = np.array([run.diffusivities["O"].D for run in nine]).reshape(3, 3)
    assert found.activation_energy == fit_arrhenius([1800, 2200, 2800], D, weights="runs").activation_energy
    assert found.points == 3 and "standard deviation over the runs" in found.method
    # weighted least squares written out
    x, y, w = 1 / (K_B * np.array([1800, 2200, 2800.0])), np.log(D).mean(axis=1), 1 / np.log(D).std(axis=1, ddof=1)
    assert found.activation_energy == pytest.approx(-np.polyfit(x, y, 1, w=w)[0])
    own = combine_runs(nine).fits["O"]
    assert own.points == 9
    assert abs(own.activation_energy - EA) < 3 * own.activation_energy_sigma
    with pytest.raises(InputError, match="weights = 'equal'"):
        combine_runs(nine, weights="equal")


def test_the_studys_weights_need_two_runs_at_three_temperatures(nine):
    study = combine_runs(nine[:7], weights="study")
    assert study.fits["O"] is None
    assert "2 temperatures with two diffusive runs or more; needed 3" in study.reasons["O"]


def test_runs_that_crystallised_do_not_enter_the_fit_unless_they_should():
    bad = [analyse_run(crystal(2000, 0.05), ["O"], temperature=2000, name=f"crystal {k}") for k in range(2)]
    assert all(run.crystalline and not run.amorphous for run in bad)
    assert set(bad[0].order) == {"Mg", "O"}
    good = runs()
    study = combine_runs([*good, *bad])
    assert [one.run for one in study.left_out["O"]] == ["crystal 0", "crystal 1"]
    assert study.fits["O"].points == 9
    assert "2 of 11 runs left out: crystal 0 (long-range order" in study.warnings[0]
    # twenty times slower at 2000 K: taken in, they bend the line
    wrong = combine_runs([*good, *bad], amorphous=False).fits["O"]
    assert wrong.points == 11
    assert wrong.activation_energy_sigma > 2 * study.fits["O"].activation_energy_sigma


def test_runs_that_moved_too_little_are_named_with_their_limit_and_drawn():
    slow = [analyse_run(walk(1400, s, factor=0.3), ["O"], temperature=1400, name=f"slow {s}") for s in range(2)]
    for k, run in enumerate(slow):
        rng = np.random.default_rng(k)
        still = walk(1400, k, factor=1e-4)
        still.positions[:] += rng.normal(scale=0.1, size=still.positions.shape)
        slow[k] = analyse_run(still, ["O"], temperature=1400, name=run.name)
    study = combine_runs([*runs(), *slow])
    left = study.left_out["O"]
    assert [one.run for one in left] == ["slow 0", "slow 1"]
    assert all(np.isfinite(one.upper_limit) for one in left)
    assert "slow 0 (caged, below" in study.warnings[0] and "the faster ones" in study.warnings[0]
    # they lie far below the line: what a fit of the others alone would hide
    assert "the fit lies above the limit of slow 0, slow 1" in study.warnings[1]
    figure = plot_arrhenius(study, "O")
    assert "left out: 95 % limits" in figure.axes[0].get_legend_handles_labels()[1]
    assert figure.axes[0].get_xlim()[1] > 1000 / 1400


def test_runs_of_one_name_are_told_apart():
    named = [analyse_run(walk(t, 0), ["O"], temperature=t, name="XDATCAR") for t in (1800, 2200, 2800)]
    study = combine_runs(named)
    assert [run.name for run in study.runs] == ["XDATCAR (1)", "XDATCAR (2)", "XDATCAR (3)"]
    assert study.fits["O"].points == 3


def test_a_study_becomes_a_coating_in_one_call(nine, tmp_path):
    bad = analyse_run(crystal(2000, 0.05), ["O"], temperature=2000, name="crystal")
    study = combine_runs([*nine, bad], provenance="potential pmmcs")
    mine = study.coating("glass", source="a test's walkers", composition="Li2O")
    fit = study.fits["O"]
    assert mine.oxygen.diffusivity == pytest.approx(float(fit.at(300.0).value))
    for part in ("a test's walkers", "D(O) of 9 of 10 runs at 1800, 2200, 2800 K", "potential pmmcs"):
        assert part in mine.source
    for part in ("extrapolated in 1/T", "crystal (long-range order"):
        assert part in "; ".join(mine.cautions)
    mine.save(tmp_path / "mine.yaml")
    again = coatings(tmp_path / "mine.yaml")["glass"]
    assert again.oxygen.diffusivity == pytest.approx(mine.oxygen.diffusivity)
    assert (again.cautions, again.source) == (mine.cautions, mine.source)
    with pytest.raises(InputError, match="needs its source"):
        study.coating("glass", source=" ")
    with pytest.raises(MethodError, match="no coating glass: 1 diffusive runs"):
        combine_runs(nine[:1]).coating("glass", source="x")


def test_the_haven_ratio_of_a_run_goes_with_it(nine):
    values = [run.haven["O"] for run in nine]
    known = [one for one in values if one.reason == ""]
    # walkers on their own: 1, with one path's statistics
    assert len(known) > 3
    assert np.mean([abs(one.value - 1) < 2 * one.sigma for one in known]) > 0.7


def test_too_long_a_time_step_shows_also_where_frames_are_far_apart():
    """20 fs at 1800 K: no atom gets further than in free flight, whatever holds it."""
    slow = walk(1800, 0)
    assert analyse_run(slow, ["O"], temperature=1800.0).warnings == ()
    fast = Trajectory(slow.positions, slow.species, slow.cell, 2.0, slow.volume)
    assert "would explain it, given were 2 fs" in analyse_run(fast, ["O"], temperature=1800.0).warnings[0]
    long = Trajectory(slow.positions * 0.1, slow.species, slow.cell, 20.0, slow.volume)
    assert "atoms fly as at" in analyse_run(long, ["O"], temperature=1800.0).warnings[0]


def test_figures_are_drawn(nine):
    pairs = [analyse_run(walk(t, 0), ["O"], temperature=t, pairs=True) for t in (1800, 2800)]
    study = combine_runs(pairs)
    for figure, label in (
        (plot_pairs(study), "r (Å)"),
        (plot_density(study), "T (K)"),
        (plot_displacements(study, "O"), "mean squared displacement of O (Å$^2$)"),
    ):
        shown = [text for axis in figure.axes for text in (axis.get_xlabel(), axis.get_ylabel())]
        assert label in shown
