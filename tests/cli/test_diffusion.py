"""The command from files to tables: walkers of a known activation energy, and real sodium."""

import json

import ase.io
import numpy as np
import pandas as pd
import pytest
import yaml
from ase import Atoms

from oxyspy.cli import main
from oxyspy.transport import coatings

K_B = 8.617333e-5
EA, D0 = 0.9, 1e-3
TEMPERATURES = (1800, 2200, 2800)


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """Li2O walkers with D = 1e-3 exp(-0.9 eV/kT) for O and twice that for Li, 20 fs a frame."""
    folder = tmp_path_factory.mktemp("walks")
    rng = np.random.default_rng(1)
    for t in TEMPERATURES:
        d = D0 * np.exp(-EA / K_B / t) * np.array([2.0] * 32 + [1.0] * 16)
        sigma = np.sqrt(2 * d * 1e4 * 0.02)[:, None]
        path = np.cumsum(rng.normal(size=(600, 48, 3)) * sigma, axis=0) + rng.uniform(0, 9, size=(48, 3))
        images = [Atoms("Li32O16", positions=p, cell=[9, 9, 9], pbc=True) for p in path]
        ase.io.write(folder / f"run_{t}.traj", images)
    return folder


def command(walks, *more):
    files = [str(walks / f"run_{t}.traj") for t in TEMPERATURES]
    return main(["diffusion", *files, "--timestep", "2fs", "--steps-per-frame", "10", "--drift", "none", *more])


def test_known_walkers_give_their_activation_energy_and_a_coating(walks, tmp_path, capsys):
    status = command(
        walks, "--species", "O,Li", "--temperature", "1800K", "2200K", "2800K", "--coating", "walkers",
        "--source", "a test's walkers", "--charges", "Li=1,O=-2", "--glass-transition", "900K", "-o", str(tmp_path),
    )  # fmt: skip
    assert status == 0
    table = pd.read_csv(tmp_path / "diffusion.csv")
    assert len(table) == 6
    truth = D0 * np.exp(-EA / K_B / table.temperature_k) * np.where(table.species == "Li", 2, 1)
    assert np.all(np.abs(table.d_cm2_s - truth) < 4 * table.d_sigma_cm2_s)
    assert table.diffusive.all()
    result = json.loads((tmp_path / "diffusion.json").read_text())
    fit = result["fits"]["O"]
    # Student's t with one degree of freedom is wide: the truth lies within its four sigmas nine times of ten, and
    # the points themselves fix Ea to 2 %
    assert fit["activation_energy"] == pytest.approx(EA, abs=0.06)
    assert len(result["onsager"]) == 3
    entry = coatings(tmp_path / "coating.yaml")["walkers"]
    assert entry.oxygen.activation_energy == pytest.approx(fit["activation_energy"], rel=1e-3)
    assert entry.oxygen.concentration == pytest.approx(16 / 9.0**3 * 1e24, rel=1e-3)
    assert "SHA-256" in yaml.safe_load((tmp_path / "coating.yaml").read_text())["coatings"]["walkers"]["source"]
    for name in ("curves.csv", "msd_O.png", "msd_Li.png", "arrhenius_O.png"):
        assert (tmp_path / name).stat().st_size > 1000
    shown = capsys.readouterr().out
    assert "transference number of Li" in shown
    assert "Haven ratio of O" in shown and "caution: O: extrapolated" in shown
    assert "across the glass transition at 900 K: too high by up to" in shown
    assert "glass transition at 900 K" in entry.oxygen.caution
    for name in ("order.csv", "rdf.csv", "coordination.csv", "density.csv", "rdf.png"):
        assert (tmp_path / name).stat().st_size > 100
    # what one species shows stands in no row of the other's
    assert table.message.str.startswith("diffusive from").all()
    assert {"haven_ratio", "haven_ratio_sigma", "in_fit"} <= set(table.columns)
    assert "time to densify" in shown


def test_one_file_after_the_other_is_one_run(walks, tmp_path, capsys):
    images = ase.io.read(walks / "run_2200.traj", index=":")
    ase.io.write(tmp_path / "a.traj", images[:300])
    ase.io.write(tmp_path / "b.traj", images[300:])
    status = main(
        ["diffusion", str(tmp_path / "a.traj"), str(tmp_path / "b.traj"), "--sequence", "--timestep", "20fs",
         "--species", "O", "--drift", "none"]
    )  # fmt: skip
    assert status == 0
    assert "of 11.98 ps" in capsys.readouterr().out


def test_motion_that_does_not_diffuse_is_told_and_no_success(tmp_path, capsys):
    rng = np.random.default_rng(2)
    images = [Atoms("O30", positions=rng.normal(scale=0.1, size=(30, 3)), cell=[9, 9, 9], pbc=True) for _ in range(400)]
    ase.io.write(tmp_path / "still.traj", images)
    assert main(["diffusion", str(tmp_path / "still.traj"), "--timestep", "20fs", "--species", "O"]) == 1
    assert "caged" in capsys.readouterr().out


def test_a_wrong_time_step_is_noticed(tmp_path, capsys):
    """Free flight at 1000 K, written as 1 fs though it was 2 fs: atoms seem four times as hot."""
    rng = np.random.default_rng(3)
    speed = np.sqrt(K_B * 1000 * 1.602177e-19 / (15.999 * 1.660539e-27)) * 1e-5
    velocity = rng.normal(size=(60, 3))
    velocity -= velocity.mean(axis=0)
    velocity *= speed / np.sqrt((velocity**2).sum() / (3 * 59))
    images = [Atoms("O60", positions=velocity * 2 * k, cell=[12] * 3, pbc=True) for k in range(60)]
    ase.io.write(tmp_path / "fly.traj", images)
    main(["diffusion", str(tmp_path / "fly.traj"), "--timestep", "1fs", "--species", "O", "--temperature", "1000K"])
    shown = capsys.readouterr().out
    assert "stated are 1000 K: frames 2 fs apart would explain it" in shown
    assert "ballistic" in shown


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--species", "O", "--temperature", "1K", "2K"], "3 runs, 2 temperatures"),
        (["--species", "O", "--coating", "x"], "--coating needs --source"),
        (["--species", "O", "--charges", "O=-2"], "--charges needs --temperature"),
        (["--species", ","], "no name found"),
        (["--species", "O", "--skip", "3"], "has no unit"),
    ],
)
def test_a_wrong_command_line_exits_with_two(walks, capsys, more, message):
    with pytest.raises(SystemExit) as stop:
        command(walks, *more)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_missing_exits_with_one(tmp_path, capsys):
    assert main(["diffusion", str(tmp_path / "XDATCAR"), "--timestep", "2fs", "--species", "O"]) == 1
    assert "XDATCAR" in capsys.readouterr().err


def test_real_sodium_of_three_temperatures(shared_data, tmp_path):
    folder = shared_data / "trajectories" / "liquid-na"
    files = [str(folder / f"XDATCAR_{t}.gz") for t in ("671.0", "763.5", "856.0")]
    status = main(
        ["diffusion", *files, "--timestep", "2fs", "--species", "Na", "--skip", "0.5ps", "--temperature", "671K",
         "763.5K", "856K", "-o", str(tmp_path)]
    )  # fmt: skip
    assert status == 0
    fit = json.loads((tmp_path / "diffusion.json").read_text())["fits"]["Na"]
    # mpmorph publishes 1676 K from its own D; ours has an error of its own
    assert abs(fit["activation_energy"] / K_B - 1676.5) < 3 * fit["activation_energy_sigma"] / K_B


def test_a_recipe_gives_what_the_command_line_gives(walks, tmp_path, capsys):
    import shutil

    for t in TEMPERATURES:
        shutil.copy(walks / f"run_{t}.traj", tmp_path)
    (tmp_path / "walks.yaml").write_text("""\
species: [O, Li]
timestep: 2 fs
steps_per_frame: 10
drift: none
runs:
  - {files: run_1800.traj, temperature: 1800 K}
  - {files: [run_2200.traj], temperature: 2200 K}
  - {files: run_2800.traj, temperature: 2800 K, name: hot}
charges: {Li: 1, O: -2}
coating: walkers
source: a test's walkers
""")
    assert main(["diffusion", str(tmp_path / "walks.yaml")]) == 0
    one = capsys.readouterr().out
    assert "transference number of Li" in one and "hot: D(O) at 2800 K" in one and "walkers (Li32O16)" in one
    command(walks, "--species", "O,Li", "--temperature", "1800K", "2200K", "2800K")
    two = capsys.readouterr().out
    assert [line for line in one.splitlines() if line.startswith("run_1800")] == two.splitlines()[:2]
    # an option goes over the recipe
    main(["diffusion", str(tmp_path / "walks.yaml"), "--species", "Li", "--weights", "study"])
    assert "two diffusive runs or more" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("species: [O]\nruns: []\n", "needed one run or more"),
        ("species: [O]\nruns: [XDATCAR]\n", "run 1 is 'XDATCAR'; needed a mapping"),
        ("species: [O]\nruns: [{files: XDATCAR, temperature: 2000}]\n", "run 1: temperature: '2000' has no unit"),
        ("species: [O]\nruns: [{files: X}]\ncolour: red\n", "'colour' not known; known are runs, species"),
        ("species: [O]\nruns: [{files: X}]\ncoating: Y\n", "a coating needs its source"),
    ],
)
def test_a_recipe_that_says_too_little_is_told(tmp_path, capsys, text, message):
    (tmp_path / "r.yaml").write_text(text)
    assert main(["diffusion", str(tmp_path / "r.yaml")]) == 1
    assert message in capsys.readouterr().err


def test_a_framework_at_rest_is_the_frame_of_the_onsager_matrix_too(shared_data, capsys):
    file = shared_data / "trajectories" / "li6ps5cl" / "example_XDATCAR.gz"
    status = main(
        ["diffusion", str(file), "--timestep", "2fs", "--steps-per-frame", "50", "--species", "Li", "--drift",
         "P,S,Cl", "--temperature", "600K", "--charges", "Li=1,P=5,S=-2,Cl=-1", "--crystal"]
    )  # fmt: skip
    assert status == 0
    shown = capsys.readouterr().out
    assert "P+S+Cl at rest" in shown
    assert "± 0.0" not in shown


def test_a_coating_that_cannot_be_made_costs_no_table(walks, tmp_path, capsys):
    status = main(
        ["diffusion", str(walks / "run_2200.traj"), "--timestep", "20fs", "--species", "O", "--drift", "none",
         "--temperature", "2200K", "--coating", "x", "--source", "y", "-o", str(tmp_path)]
    )  # fmt: skip
    assert status == 1
    assert "no coating x: 1 diffusive runs at 1 temperatures" in capsys.readouterr().err
    assert (tmp_path / "diffusion.csv").exists() and not (tmp_path / "coating.yaml").exists()
