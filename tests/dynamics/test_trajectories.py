"""Reading and unwrapping, against files other programs wrote and paths that are known."""

import gzip

import ase.io
import numpy as np
import pytest
from ase import Atoms

from oxyspy.dynamics import read_trajectory, remove_drift, trajectory_of, unwrap
from oxyspy.errors import InputError, ReadError

CELL = np.array([[8.0, 0.0, 0.0], [2.0, 7.0, 0.0], [0.0, 1.0, 9.0]])
SYMBOLS = ["Li", "Li", "O"]


@pytest.fixture
def path(rng=None):
    """A walk of three atoms that leaves its cell many times."""
    rng = np.random.default_rng(3)
    return np.cumsum(rng.normal(scale=0.6, size=(200, 3, 3)), axis=0) + 3.0


@pytest.fixture
def frames(path):
    wrapped = []
    for positions in path:
        atoms = Atoms(SYMBOLS, positions=positions, cell=CELL, pbc=True)
        atoms.wrap()
        wrapped.append(atoms)
    return wrapped


def same_motion(trajectory, path, tolerance):
    np.testing.assert_allclose(trajectory.positions - trajectory.positions[0], path - path[0], atol=tolerance)
    assert trajectory.species == tuple(SYMBOLS)


# the tolerance is the rounding of each format's digits times the cell
@pytest.mark.parametrize(
    ("name", "format", "tolerance"),
    [("XDATCAR", "vasp-xdatcar", 1e-6), ("run.extxyz", "extxyz", 1e-6), ("run.traj", "traj", 1e-10)],
)
def test_formats_give_back_the_path_that_was_written(tmp_path, frames, path, name, format, tolerance):
    ase.io.write(tmp_path / name, frames, format=format)
    trajectory = read_trajectory(tmp_path / name, timestep=2.0)
    same_motion(trajectory, path, tolerance)
    assert trajectory.interval == 2.0
    np.testing.assert_allclose(trajectory.volume, np.linalg.det(CELL), rtol=1e-6)


def test_gzipped_xdatcar_reads_as_the_plain_one(tmp_path, frames, path):
    ase.io.write(tmp_path / "XDATCAR", frames, format="vasp-xdatcar")
    (tmp_path / "XDATCAR.gz").write_bytes(gzip.compress((tmp_path / "XDATCAR").read_bytes()))
    same_motion(read_trajectory(tmp_path / "XDATCAR.gz", timestep=1.0), path, 1e-6)


def test_xdatcar_with_the_header_before_every_frame_is_a_variable_cell(tmp_path, frames):
    text = ""
    for k, atoms in enumerate(frames[:4]):
        atoms.set_cell(CELL * (1 + 0.01 * k), scale_atoms=True)
        ase.io.write(tmp_path / "one", [atoms], format="vasp-xdatcar")
        text += (tmp_path / "one").read_text()
    (tmp_path / "XDATCAR").write_text(text)
    with pytest.raises(InputError, match="cell changes by up to 3.00%"):
        read_trajectory(tmp_path / "XDATCAR", timestep=2.0)
    mean = read_trajectory(tmp_path / "XDATCAR", timestep=2.0, variable_cell="mean")
    np.testing.assert_allclose(mean.cell, CELL * 1.015, atol=1e-5)
    assert "mean cell" in str(mean)


def test_a_growing_cell_moves_no_atom_in_the_mean_cell(tmp_path):
    images = [Atoms("O", scaled_positions=[[0.3, 0.6, 0.1]], cell=CELL * s, pbc=True) for s in (1.0, 1.02, 1.05)]
    ase.io.write(tmp_path / "npt.traj", images)
    trajectory = read_trajectory(tmp_path / "npt.traj", timestep=1.0, variable_cell="mean")
    np.testing.assert_allclose(np.ptp(trajectory.positions, axis=0), 0.0, atol=1e-12)


def write_lammps(file, path, steps, columns="id element x y z", order=(0, 1, 2)):
    lines = []
    for step, positions in zip(steps, path, strict=True):
        lines += ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", "3", "ITEM: BOX BOUNDS pp pp pp"]
        lines += ["-1.0 9.0"] * 3 + [f"ITEM: ATOMS {columns}"]
        for k in order:
            kind = SYMBOLS[k] if "element" in columns else {"Li": 1, "O": 2}[SYMBOLS[k]]
            x = (positions[k] + 1.0) % 10.0 - 1.0
            lines.append(f"{k + 1} {kind} " + " ".join(f"{v:.8f}" for v in x))
    file.write_text("\n".join(lines) + "\n")


def test_lammps_dump_is_sorted_by_id_and_states_its_steps(tmp_path, path):
    write_lammps(tmp_path / "run.lammpstrj", path, range(0, 2000, 10), order=(2, 0, 1))
    trajectory = read_trajectory(tmp_path / "run.lammpstrj", timestep=1.5)
    same_motion(trajectory, path, 1e-6)
    assert trajectory.interval == 15.0


def test_lammps_types_need_names(tmp_path, path):
    write_lammps(tmp_path / "run.dump", path, range(200), columns="id type x y z")
    with pytest.raises(InputError, match="species="):
        read_trajectory(tmp_path / "run.dump", timestep=1.0)
    same_motion(read_trajectory(tmp_path / "run.dump", timestep=1.0, species=["Li", "O"]), path, 1e-6)


def test_lammps_dump_with_a_gap_is_refused(tmp_path, path):
    write_lammps(tmp_path / "run.dump", path[:3], [0, 10, 30])
    with pytest.raises(InputError, match="10 to 20 steps apart"):
        read_trajectory(tmp_path / "run.dump", timestep=1.0)


VASPRUN = """<?xml version="1.0"?><modeling>
<incar><i name="POTIM">  2.5</i><i type="int" name="NSW">3</i></incar>
<atominfo><array name="atoms"><set><rc><c>Li </c><c>1</c></rc><rc><c>O </c><c>2</c></rc></set></array></atominfo>
<structure name="initialpos"><crystal><varray name="basis"><v>9 9 9</v></varray></crystal></structure>
{steps}"""
STEP = """<calculation><scstep><energy/></scstep><structure><crystal><varray name="basis"><v>10 0 0</v><v>0 10 0</v>
<v>0 0 10</v></varray></crystal><varray name="positions"><v>{x} 0 0</v><v>0.5 0.5 0.5</v></varray></structure>
</calculation>"""


def test_vasprun_states_its_time_step_and_survives_being_cut(tmp_path):
    steps = "".join(STEP.format(x=x) for x in (0.9, 0.98, 0.06))
    file = tmp_path / "vasprun.xml"
    file.write_text(VASPRUN.format(steps=steps) + "<calculation><struct")
    trajectory = read_trajectory(file)
    assert trajectory.interval == 2.5
    assert "cut short" in str(trajectory)
    np.testing.assert_allclose(trajectory.positions[:, 0, 0], [9.0, 9.8, 10.6])
    with pytest.raises(InputError, match="contradict each other: 1 fs, 2.5 fs"):
        read_trajectory(file, timestep=1.0)


def test_files_in_sequence_join_and_a_repeated_frame_counts_once(tmp_path, frames, path):
    ase.io.write(tmp_path / "a.traj", frames[:120])
    ase.io.write(tmp_path / "b.traj", frames[119:])
    trajectory = read_trajectory([tmp_path / "a.traj", tmp_path / "b.traj"], timestep=2.0)
    same_motion(trajectory, path, 1e-10)
    assert "left out once" in str(trajectory)


def test_an_xdatcar_cut_within_a_frame_is_read_up_to_it(tmp_path, frames, path):
    ase.io.write(tmp_path / "XDATCAR", frames, format="vasp-xdatcar")
    text = (tmp_path / "XDATCAR").read_text()
    (tmp_path / "XDATCAR").write_text(text[: len(text) - 40])
    trajectory = read_trajectory(tmp_path / "XDATCAR", timestep=2.0)
    same_motion(trajectory, path[:-1], 1e-6)
    assert "cut short within frame 200" in str(trajectory)


def test_errors_name_the_file_and_what_is_missing(tmp_path, frames):
    with pytest.raises(ReadError, match="XDATCAR_none"):
        read_trajectory(tmp_path / "XDATCAR_none", timestep=2.0)
    (tmp_path / "XDATCAR.gz").write_bytes(gzip.compress(b"x\n" * 9000)[:40])
    with pytest.raises(ReadError, match=r"XDATCAR\.gz: "):
        read_trajectory(tmp_path / "XDATCAR.gz", timestep=2.0)
    (tmp_path / "bad.extxyz").write_text("what is this")
    with pytest.raises(ReadError, match="cannot be read as a trajectory"):
        read_trajectory(tmp_path / "bad.extxyz", timestep=2.0)
    ase.io.write(tmp_path / "run.traj", frames[:5])
    with pytest.raises(InputError, match="state no time step"):
        read_trajectory(tmp_path / "run.traj")
    with pytest.raises(InputError, match="no Zr in the trajectory; it holds Li2 O1"):
        read_trajectory(tmp_path / "run.traj", timestep=1.0).of("Zr")
    ase.io.write(tmp_path / "one.traj", frames[0])
    with pytest.raises(ReadError, match="one frame only"):
        read_trajectory(tmp_path / "one.traj", timestep=1.0)
    ase.io.write(tmp_path / "no-cell.xyz", [Atoms("O"), Atoms("O")], format="xyz")
    with pytest.raises(InputError, match="it holds no cell"):
        read_trajectory(tmp_path / "no-cell.xyz", timestep=1.0)
    assert read_trajectory(tmp_path / "no-cell.xyz", timestep=1.0, cell=[9, 9, 9]).volume == pytest.approx(729.0)


def test_frames_too_far_apart_to_unwrap_are_refused():
    scaled = np.array([0.0, 0.45])[:, None, None] * np.ones(3)
    with pytest.raises(InputError, match=r"moves by 0\.45"):
        unwrap(scaled)


def test_reading_every_tenth_frame_gives_the_same_path(tmp_path, frames, path):
    for atoms, positions in zip(frames, path / 20, strict=True):
        atoms.positions[:] = positions
    ase.io.write(tmp_path / "run.traj", frames)
    thin = read_trajectory(tmp_path / "run.traj", timestep=2.0, every=10)
    same_motion(thin, path[::10] / 20, 1e-10)
    assert thin.interval == 20.0


def test_drift_of_the_framework_is_taken_from_all_atoms():
    still = np.zeros((50, 4, 3))
    moving = still + np.linspace(0, 5, 50)[:, None, None]
    masses = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(remove_drift(moving, masses), still, atol=1e-12)
    moving[:, 0] = 0.0
    np.testing.assert_allclose(remove_drift(moving, masses, np.array([1, 2]))[:, 1:], still[:, 1:], atol=1e-12)


@pytest.mark.parametrize("temperature", [671.0, 763.5, 856.0])
def test_real_sodium_has_its_thermostat_temperature_at_2_fs(shared_data, temperature):
    """The file states no time step; free flight between frames proves the one assumed, within a kelvin."""
    file = shared_data / "trajectories" / "liquid-na" / f"XDATCAR_{temperature}.gz"
    assert read_trajectory(file, timestep=2.0).apparent_temperature() == pytest.approx(temperature, abs=1.0)
    assert read_trajectory(file, timestep=1.0).apparent_temperature() > 3 * temperature


def test_real_sodium_reproduces_the_published_block_estimate(shared_data):
    """mpmorph prints D(856 K) = 2.2111868110501922e-4 cm2/s; its estimator on our unwrapped path gives it to 1e-6."""
    file = shared_data / "trajectories" / "liquid-na" / "XDATCAR_856.0.gz"
    path = read_trajectory(file, timestep=2.0).of("Na")[250:]
    slopes = []
    for start in range(0, 4 * 300, 300):
        # blocks of 600 frames, the first step of each counted in, lines from frame 50 on
        before = path[max(start - 1, 0)]
        squares = ((path[start : start + 600] - before) ** 2).mean(axis=1)
        slopes.append(np.polyfit(np.arange(50, 600), squares[50:], 1)[0] / 2)
    assert np.mean(slopes) * 0.1 / 2.0 == pytest.approx(2.2111868110501922e-4, rel=1e-6)


def test_real_argyrodite_is_read_whole(shared_data):
    file = shared_data / "trajectories" / "li6ps5cl" / "example_XDATCAR.gz"
    trajectory = read_trajectory(file, timestep=2.0, steps_per_frame=50)
    assert trajectory.formula == "Li192 Cl32 S160 P32"
    assert trajectory.positions.shape == (140, 416, 3)
    assert trajectory.duration == pytest.approx(13.9)
    # sulphur, chlorine and phosphorus only vibrate: nobody jumps a cell
    assert np.abs(trajectory.of("P") - trajectory.of("P")[0]).max() < 1.5


def cp2k(path, every=1, digits=3):
    """What CP2K writes at 0.5 fs: its comment states step and time, and nothing the cell."""
    lines = []
    for k, positions in enumerate(path):
        lines += ["3", f" i = {k * every:8d}, time = {k * every * 0.5:12.{digits}f}, E =      -17.1000000000"]
        lines += [f"{s:>3}" + "".join(f"{x:20.10f}" for x in r) for s, r in zip(SYMBOLS, positions, strict=True)]
    return "\n".join(lines) + "\n"


def test_cp2k_states_its_steps_and_its_time_step(tmp_path, path):
    file = tmp_path / "li2o-pos-1.xyz"
    file.write_text(cp2k(path, every=10))
    trajectory = read_trajectory(file, cell=CELL)
    same_motion(trajectory, path, 1e-8)
    assert trajectory.interval == pytest.approx(5.0)
    assert read_trajectory(file, cell=CELL, every=2).interval == pytest.approx(10.0)
    with pytest.raises(InputError, match=r"contradict each other: 0\.5 fs, 2 fs"):
        read_trajectory(file, cell=CELL, timestep=2.0)
    with pytest.raises(InputError, match="it holds no cell"):
        read_trajectory(file)


def test_times_with_few_digits_agree_with_the_time_step_they_round(tmp_path, path):
    file = tmp_path / "pos-1.xyz"
    # 20 atomic units of time, printed in fs with three decimals
    step = 0.48377686
    text = cp2k(path)
    for k in range(len(path)):
        text = text.replace(f"time = {k * 0.5:12.3f},", f"time = {k * step:12.3f},", 1)
    file.write_text(text)
    assert read_trajectory(file, cell=CELL, timestep=step).interval == step
    assert read_trajectory(file, cell=CELL).interval == pytest.approx(step, abs=1e-5)


@pytest.mark.parametrize("name", ["prod.lammps", "prod.dat", "prod"])
def test_a_lammps_dump_is_known_by_its_content(tmp_path, path, name):
    write_lammps(tmp_path / name, path, range(0, 2000, 10))
    assert read_trajectory(tmp_path / name, timestep=0.5).interval == 5.0


def test_lammps_units_and_time_state_the_time_step(tmp_path, path):
    write_lammps(tmp_path / "run.dump", path[:20], range(0, 200, 10))
    chunks = (tmp_path / "run.dump").read_text().split("ITEM: TIMESTEP")[1:]
    # dump_modify units yes time yes; metal's time is in ps
    text = "".join(f"ITEM: TIME\n{k * 10 * 0.0015}\nITEM: TIMESTEP{chunk}" for k, chunk in enumerate(chunks))
    (tmp_path / "run.dump").write_text("ITEM: UNITS\nmetal\n" + text)
    trajectory = read_trajectory(tmp_path / "run.dump")
    same_motion(trajectory, path[:20], 1e-6)
    assert trajectory.interval == pytest.approx(15.0)
    with pytest.raises(InputError, match=r"contradict each other: 1\.5 fs, 2 fs"):
        read_trajectory(tmp_path / "run.dump", timestep=2.0)


def test_unwrapped_lammps_coordinates_may_go_far_between_frames(tmp_path, path):
    far = path[::40]
    write_lammps(tmp_path / "run.dump", far, range(len(far)), columns="id element xu yu zu")
    text = (tmp_path / "run.dump").read_text().splitlines()
    rows = [k for k, line in enumerate(text) if line[:1] in "123" and line[1:2] == " " and len(line.split()) == 5]
    for k, x in zip(rows, far.reshape(-1, 3), strict=True):
        text[k] = " ".join([*text[k].split()[:2], *(f"{v:.8f}" for v in x)])
    (tmp_path / "run.dump").write_text("\n".join(text) + "\n")
    same_motion(read_trajectory(tmp_path / "run.dump", timestep=1.0), far, 1e-6)


def test_too_few_names_for_lammps_types_are_told(tmp_path, path):
    write_lammps(tmp_path / "run.dump", path, range(200), columns="id type x y z")
    with pytest.raises(InputError, match=r"2 kinds of atoms, 1 symbols \(Li\)"):
        read_trajectory(tmp_path / "run.dump", timestep=1.0, species=["Li"])


def vasprun(places, ibrion=0, potim=2.0):
    text = VASPRUN.replace("2.5</i>", f'{potim}</i><i type="int" name="IBRION">{ibrion}</i>')
    return text.format(steps="".join(STEP.format(x=x) for x in places)) + "</modeling>"


def test_vaspruns_in_sequence_join_whatever_they_are_called(tmp_path):
    (tmp_path / "vasprun.xml").write_text(vasprun([0.1, 0.2, 0.3]))
    (tmp_path / "second.xml.gz").write_bytes(gzip.compress(vasprun([0.3, 0.4]).encode()))
    both = read_trajectory([tmp_path / "vasprun.xml", tmp_path / "second.xml.gz"])
    np.testing.assert_allclose(both.positions[:, 0, 0], [1.0, 2.0, 3.0, 4.0])
    assert both.interval == 2.0
    (tmp_path / "other.xml").write_text(vasprun([0.3, 0.4], potim=1.0))
    with pytest.raises(InputError, match="contradict each other: 1 fs, 2 fs"):
        read_trajectory([tmp_path / "vasprun.xml", tmp_path / "other.xml"])


def test_a_relaxation_is_no_dynamics(tmp_path):
    (tmp_path / "vasprun.xml").write_text(vasprun([0.1, 0.2, 0.3], ibrion=2, potim=0.5))
    with pytest.raises(InputError, match=r"IBRION = 2, found a relaxation .* needed molecular dynamics"):
        read_trajectory(tmp_path / "vasprun.xml")


def test_a_vasprun_damaged_in_its_middle_is_not_taken_for_a_short_one(tmp_path):
    text = vasprun([0.1, 0.2, 0.3, 0.4, 0.5])
    middle = text.rindex("<calculation>", 0, len(text) - 500)
    (tmp_path / "vasprun.xml").write_text(text[:middle] + "\x00" + text[middle:])
    with pytest.raises(ReadError, match="damaged"):
        read_trajectory(tmp_path / "vasprun.xml")


@pytest.mark.parametrize("name", ["XDATCAR.gz", "run.xyz.gz", "run.traj", "run.extxyz"])
def test_what_is_cut_short_is_read_up_to_there(tmp_path, frames, path, name):
    plain = tmp_path / name.removesuffix(".gz")
    if name == "run.xyz.gz":
        plain.write_text(cp2k(path))
    else:
        ase.io.write(plain, frames, format={"XDATCAR.gz": "vasp-xdatcar"}.get(name))
    whole = plain.read_bytes()
    kept = gzip.compress(whole) if name.endswith(".gz") else whole
    (tmp_path / name).write_bytes(kept[: len(kept) * 3 // 4 - 7])
    trajectory = read_trajectory(tmp_path / name, timestep=0.5, cell=CELL)
    frames_left = len(trajectory.positions)
    # gzip hands out what it has in large pieces
    assert 2 <= frames_left < 200
    same_motion(trajectory, path[:frames_left], 1e-6)
    assert "cut short" in str(trajectory)


def test_an_xdatcar_of_vasp_4_is_told_what_it_lacks(tmp_path):
    head = "    2    2   60\n  0.1215000E+02  0.9E-09  0.9E-09  0.9E-09  0.2E-14\n  1.0\n  CAR \n unknown system\n"
    (tmp_path / "XDATCAR").write_text(head + " Konfig=     1\n 0.1 0.1 0.1\n 0.2 0.2 0.2\n")
    with pytest.raises(InputError, match="VASP 4 holds neither its cell nor its symbols"):
        read_trajectory(tmp_path / "XDATCAR", timestep=1.0)


def test_joined_xdatcars_and_missing_frames_show_in_the_count(tmp_path, frames):
    ase.io.write(tmp_path / "one", frames[:6], format="vasp-xdatcar")
    text = (tmp_path / "one").read_text()
    (tmp_path / "XDATCAR").write_text(text + text)
    assert "count of frames starts again after frame 6" in str(read_trajectory(tmp_path / "XDATCAR", timestep=1.0))
    (tmp_path / "XDATCAR").write_text(text.replace("configuration=     3", "configuration=     4"))
    with pytest.raises(InputError, match="frame 4 follows frame 2"):
        read_trajectory(tmp_path / "XDATCAR", timestep=1.0)


def test_places_that_are_not_finite_are_refused(tmp_path, frames):
    frames[3].positions[1] = np.nan
    ase.io.write(tmp_path / "run.traj", frames)
    with pytest.raises(InputError, match=r"frame 4: atom 2 \(Li\) has no finite place"):
        read_trajectory(tmp_path / "run.traj", timestep=1.0)


def test_atoms_of_one_element_that_change_places_are_noticed(tmp_path):
    rng = np.random.default_rng(4)
    path = np.cumsum(rng.normal(scale=0.02, size=(60, 4, 3)), axis=0) + np.eye(4, 3) * 3.0
    path[30:, [0, 1]] = path[30:, [1, 0]]
    ase.io.write(tmp_path / "run.traj", [Atoms("O4", positions=p, cell=[14] * 3, pbc=True) for p in path])
    note = str(read_trajectory(tmp_path / "run.traj", timestep=1.0))
    assert "(O) moves" in note and "do all frames list the atoms in one order" in note


def test_a_time_step_may_be_text_with_its_unit(tmp_path, frames):
    ase.io.write(tmp_path / "run.traj", frames)
    assert read_trajectory(tmp_path / "run.traj", timestep="0.002 ps").interval == pytest.approx(2.0)
    with pytest.raises(InputError, match="'2' has no unit"):
        read_trajectory(tmp_path / "run.traj", timestep="2")


def test_files_of_no_known_format_are_told_what_is(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="no format of a trajectory that is known: VASP's XDATCAR"):
        read_trajectory(tmp_path / "x.csv", timestep=1.0)
    with pytest.raises(ReadError, match="a folder, needed a file"):
        read_trajectory(tmp_path, timestep=1.0)


def test_reading_holds_little_more_than_the_positions(tmp_path):
    import tracemalloc

    rng = np.random.default_rng(5)
    frames, atoms = 1100, 144
    places = np.cumsum(rng.normal(scale=1e-3, size=(frames, atoms, 3)), axis=0) + 0.5
    head = f"walk\n1.0\n9 0 0\n0 9 0\n0 0 9\nO\n{atoms}\n"
    rows = (
        f"Direct configuration={k + 1:6d}\n" + "".join("{:.8f} {:.8f} {:.8f}\n".format(*x) for x in frame)
        for k, frame in enumerate(places)
    )
    (tmp_path / "XDATCAR").write_text(head + "".join(rows))
    tracemalloc.start()
    try:
        trajectory = read_trajectory(tmp_path / "XDATCAR", timestep=1.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the array doubles as it grows: up to twice, and a little for lines and steps
    assert peak < 2.2 * trajectory.positions.nbytes


def test_configurations_in_memory_become_a_trajectory(frames, path):
    pytest.importorskip("pymatgen")
    from pymatgen.io.ase import AseAtomsAdaptor

    same_motion(trajectory_of(frames, timestep=2.0), path, 1e-9)
    structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in frames[:20]]
    again = trajectory_of(structures, timestep="1 fs", steps_per_frame=5)
    same_motion(again, path[:20], 1e-9)
    assert again.interval == 5.0


def test_real_argyrodite_is_what_pymatgen_reads(shared_data):
    from pymatgen.io.vasp import Xdatcar

    file = shared_data / "trajectories" / "li6ps5cl" / "example_XDATCAR.gz"
    theirs = Xdatcar(str(file)).structures
    ours = read_trajectory(file, timestep=2.0, steps_per_frame=50)
    again = trajectory_of(theirs, timestep=2.0, steps_per_frame=50)
    np.testing.assert_allclose(ours.cell, theirs[0].lattice.matrix, atol=1e-10)
    np.testing.assert_allclose(ours.positions, again.positions, atol=1e-9)
    assert ours.species == again.species


def test_real_sodium_reproduces_the_published_activation_energy(shared_data):
    """mpmorph prints Q = 1676.4721892877608 K from blocks of 400 frames and plain least squares of ln D on 1/T."""
    temperatures, slopes = np.array([671.0, 763.5, 856.0]), []
    for temperature in temperatures:
        file = shared_data / "trajectories" / "liquid-na" / f"XDATCAR_{temperature}.gz"
        path = read_trajectory(file, timestep=2.0).of("Na")[500:]
        # its steps begin with one of no length
        steps = np.concatenate([np.zeros_like(path[:1]), np.diff(path, axis=0)])
        squares = [(np.cumsum(steps[k : k + 400], axis=0) ** 2).mean(axis=1) for k in (0, 400, 800)]
        slopes.append(np.mean([np.polyfit(np.arange(40, 400), block[40:], 1)[0] / 2 for block in squares]))
    assert -np.polyfit(1 / temperatures, np.log(slopes), 1)[0] == pytest.approx(1676.4721892877608, rel=1e-6)
