"""Spectrum images and scans of a few rows: rough surfaces of known truth, and a real cathode."""

import csv
import json
import tracemalloc
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

import oxyspy
from made_scans import saved, spectra
from oxyspy.cli import main
from oxyspy.errors import InputError
from oxyspy.simulate import simulate_spectrum_image
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.output import ROW_COLUMNS, save_scan, summary_row
from oxyspy.workflow.recipe import load_recipe
from oxyspy.workflow.rows import align_rows

STEP, ROUGH, LAYER = 0.3, 0.9, 2.0
VACUUM, BULK = 3, 7
NMC = load_recipe("nmc")
# one element is enough here, and quicker
RECIPE = NMC.model_copy(update={"rows_per_fit": 10, "edges": {"Mn_L": NMC.edges["Mn_L"]}, "valence": {}})


@pytest.fixture(scope="module")
def image():
    """64 x 64 spectra of 50 counts a channel, one row of vacuum and one of bulk."""
    surface = 6 + np.random.default_rng(0).normal(0, ROUGH, 64)
    surface[VACUUM], surface[BULK] = 1e3, -1e3
    return simulate_spectrum_image(
        surface, layer_nm=LAYER, step_nm=STEP, dose=50, low_counts=1e5, n_channels=1180, dispersion=0.4, seed=3
    )


def analysed(image, **choices):
    recipe = RECIPE.model_copy(update=choices)
    return analyse_arrays(
        image.core, image.core_energy, image.low, image.low_energy, image.positions_nm, recipe, rows_nm=image.rows_nm
    )


@pytest.fixture(scope="module")
def result(image):
    return analysed(image)


def test_bad_channels_are_mended_before_rows_are_added_up_and_long_runs_still_carry_no_measurement(image):
    channel, some = int(np.searchsorted(image.core_energy, 650.0)), slice(10, 22)
    recipe = RECIPE.model_copy(update={"rows_per_fit": 6})
    core = image.core[some].copy()

    def run():
        given = (core, image.core_energy, image.low[some], image.low_energy, image.positions_nm, recipe)
        return analyse_arrays(*given, rows_nm=image.rows_nm[some])

    known = run().states["Mn_L"]
    core[..., channel] *= 1.5
    mended = run()
    assert any("1 dead or hot channels replaced" in w for w in mended.warnings)
    assert abs(mended.states["Mn_L"].ratio_bulk - known.ratio_bulk) < known.ratio_bulk_sigma
    core[..., channel : channel + 4] = 0
    with pytest.raises(InputError, match=r"Mn_L: the channels at 6\d\d.* are dead or hot"):
        run()


def test_rows_of_a_rough_surface_are_moved_to_less_than_a_position(image, result):
    surface, rows = image.truth["surface_nm"], result.rows
    left = (surface - rows.shifts * STEP)[rows.used]
    assert np.nanstd(surface) > 0.8 and left.std() < STEP
    # where each row crosses the surface: found to half a position, from 50 counts a channel
    off = (rows.surface_nm - surface)[rows.used]
    assert abs(off.mean()) < 0.1 and off.std() < STEP
    assert rows.surface_spread_nm == pytest.approx(np.nanstd(surface), rel=0.2)


def test_layer_of_moved_rows_is_the_true_one_and_that_of_unmoved_rows_is_blurred(image, result):
    blurred = analysed(image, align_rows=False, rows_per_fit=64)
    assert not blurred.rows.shifts.any() and result.rows.shifts.any()
    layer = result.layer
    assert layer.supported and layer.sigma_nm < 0.1
    assert layer.interval_95_nm[0] <= LAYER <= layer.interval_95_nm[1]
    # the roughness of 0.9 nm is in the surface and in the boundary of the unmoved rows
    assert blurred.layer.surface_width_nm > 0.7 > 0.45 > layer.surface_width_nm
    assert blurred.layer.width_nm > 1.5 * layer.width_nm
    assert blurred.layer.sigma_nm > 1.5 * layer.sigma_nm


def test_layers_by_row_hold_the_truth_and_do_not_differ(result):
    found = result.layer_by_row
    assert len(found) == 6 and all(layer.supported for layer in found)
    pull = [(layer.thickness_nm - LAYER) / layer.sigma_nm for layer in found]
    # root mean square of six, known to 29 %: two standard errors above one
    assert np.sqrt(np.mean(np.square(pull))) < 1.6
    mean = result.layer_of_rows
    assert mean.interval_95[0] <= LAYER <= mean.interval_95[1] and mean.spread < 0.3
    assert sorted(row for layer in found for row in layer.rows) == sorted(set(range(64)) - {VACUUM, BULK})
    np.testing.assert_allclose(
        [layer.row_nm for layer in found], [STEP * np.mean(layer.rows) for layer in found], rtol=1e-12
    )


def test_rows_of_vacuum_and_bulk_are_left_out_and_named(result):
    assert np.flatnonzero(~result.rows.used).tolist() == [VACUUM, BULK]
    (note,) = [warning for warning in result.warnings if "left out" in warning]
    assert f"row {VACUUM} (no metal signal)" in note and f"row {BULK} (does not cross" in note
    assert "10 rows added up for each fit" in note


class Read:
    """An array that counts the bytes that are read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.ndim, self.bytes = array, array.shape, array.dtype, array.ndim, 0

    def __getitem__(self, part):
        found = np.array(self.array[part])
        self.bytes += found.nbytes
        return found


def test_lazy_image_is_read_twice_gives_the_same_and_is_never_whole_in_memory(image, monkeypatch):
    """Four rows at a time, of 28 MB of counts."""
    monkeypatch.setattr("oxyspy.workflow.rows.BLOCK_COUNTS", 4 * 64 * 1180)
    # a calibration takes a quarter of the spectra
    monkeypatch.setattr("oxyspy.eels.zero_loss.SAMPLE", 1024)

    def aligned(core, low):
        return align_rows(
            core, image.core_energy, low, image.low_energy, image.positions_nm, image.rows_nm, RECIPE
        )  # fmt: skip

    wanted = aligned(image.core, image.low)
    read = [Read(a) for a in (image.core, image.low)]
    core, low = (da.from_array(r, chunks=(4, 8, -1), name=False) for r in read)
    tracemalloc.start()
    found = aligned(core, low)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(found.alignment.shifts, wanted.alignment.shifts)
    np.testing.assert_array_equal(found.core, wanted.core)
    # twice, and a quarter for the calibration and for the shape of the zero-loss peak
    assert [r.bytes / r.array.nbytes for r in read] == pytest.approx([2.25, 2.25], abs=0.05)
    assert peak < 0.9 * (image.core.nbytes + image.low.nbytes)


def test_scan_across_the_rows_changes_places_and_says_so(image, result):
    core, low = image.core.swapaxes(0, 1), image.low.swapaxes(0, 1)
    found = align_rows(
        core, image.core_energy, low, image.low_energy, image.rows_nm, image.positions_nm, RECIPE
    )  # fmt: skip
    assert found.alignment.transposed and "changed places" in found.alignment.words
    assert np.array_equal(found.alignment.shifts, result.rows.shifts)
    np.testing.assert_array_equal(found.core, result.scan.counts)


def test_counts_are_added_up_whole_each_spectrum_once(image, result):
    rows, used = result.rows, result.rows.used
    size = rows.last_position - rows.first_position + 1
    moved = [
        image.core[row, rows.first_position + shift : rows.first_position + shift + size]
        for row, shift in enumerate(rows.shifts) if used[row]
    ]  # fmt: skip
    # cleaning replaces a handful of channels in millions
    total = float(np.sum([part.sum(dtype=float) for part in moved]))
    assert result.scan.counts.sum(dtype=float) == pytest.approx(total, rel=1e-4)


def test_spectra_that_are_no_measurement_are_left_out_of_the_sums_and_counted(image):
    core = image.core[:12].copy()
    core[4, 40] = np.nan
    core[6, 50, 300] += 2e4
    found = align_rows(
        core, image.core_energy, None, None, image.positions_nm, image.rows_nm[:12], RECIPE
    )  # fmt: skip
    assert np.isfinite(found.core).all() and found.core.max() < 1e4
    assert "1 spike channels" in found.alignment.words and "1 spectra left out" in found.alignment.words


@pytest.fixture(scope="module")
def few():
    """Six bright rows of a slanting surface, whose layer doubles half-way."""
    layers = [1.5] * 3 + [3.0] * 3
    return simulate_spectrum_image(
        5.0 + 0.3 * np.arange(6), layer_nm=layers, n_positions=50, step_nm=STEP, dose=300, low_counts=1e6,
        n_channels=1180, dispersion=0.4, seed=4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def few_file(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("few") / "few"
    where = "Acquisition_instrument__TEM__"
    tags = {f"{where}beam_current": 0.05, f"{where}Detector__EELS__dwell_time": 0.01}
    for name, data, axis in (("core_loss", few.core, few.core_axis), ("low_loss", few.low, few.low_axis)):
        saved(spectra(data, energy=axis, step=STEP, **tags), folder / f"{name}.zspy")
    return folder


@pytest.fixture(scope="module")
def few_result(few_file):
    return oxyspy.analyse(oxyspy.load_scan(few_file, lazy=True), RECIPE.model_copy(update={"rows_per_fit": "auto"}))


def test_each_of_a_few_rows_has_its_own_layer_and_their_spread_is_told(few, few_result):
    assert [layer.rows for layer in few_result.layer_by_row] == [(row,) for row in range(6)]
    for layer, truth in zip(few_result.layer_by_row, few.truth["layer_nm"], strict=True):
        # fixed seed, six rows; three standard errors
        assert layer.supported and abs(layer.thickness_nm - truth) < 3 * layer.sigma_nm
    # half 1.5 and half 3.0 nm: standard deviation 0.82
    low, high = few_result.layer_of_rows.spread_interval_95
    assert low < 0.82 < high and low > 0.2
    # one position a row, along rows as far apart as positions are
    assert few_result.rows.surface_angle_deg == pytest.approx(45, abs=6)
    assert "1.4" in few_result.rows.words and "cut a line across" in few_result.rows.words


def test_dose_is_current_times_time_over_the_pixel(few_result):
    dose = few_result.dose
    # 0.05 nA x 2 x 0.01 s / e = 6.2415e6 electrons over 0.09 nm²
    assert dose.electrons == pytest.approx(0.05e-9 * 0.02 / 1.602176634e-19, rel=1e-9)
    assert dose.electrons_per_nm2 == pytest.approx(dose.electrons / 0.09, rel=1e-6)
    assert dose.electrons_per_angstrom2 == pytest.approx(dose.electrons_per_nm2 / 100)
    assert "core and low loss" in dose.method


def test_files_hold_the_layers_by_row(few_result, tmp_path):
    save_scan(few_result, tmp_path)
    with open(tmp_path / "layer_by_row.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(ROW_COLUMNS) and len(rows) == 6
    assert float(rows[2]["layer_nm"]) == pytest.approx(few_result.layer_by_row[2].thickness_nm, rel=1e-5)
    assert float(rows[5]["row_nm"]) == pytest.approx(1.5)
    content = json.loads((tmp_path / "result.json").read_text())
    assert len(content["layer_by_row"]) == 6 and content["rows"]["shifts"] == few_result.rows.shifts.tolist()
    assert content["layer_of_rows"]["n"] == 6 and content["dose"]["electrons_per_nm2"] > 0
    assert (tmp_path / "rows.png").stat().st_size > 10_000


def test_command_cuts_a_line_out_of_an_image_and_takes_away_what_the_rows_had(few_file, tmp_path, capsys):
    old = [tmp_path / "few" / name for name in ("layer_by_row.csv", "rows.png")]
    (tmp_path / "few").mkdir()
    for file in old:
        file.write_text("of the rows")
    assert main(["analyse", str(few_file), "-o", str(tmp_path), "--quiet", "--line", "0,1.2,14.7,1.2"]) == 0
    content = json.loads((tmp_path / "few" / "result.json").read_text())
    assert content["scan_description"]["rows"] == 1 and content["recipe"]["line"] == [0, 1.2, 14.7, 1.2]
    # row 4, whose layer is 3 nm
    assert abs(content["layer"]["thickness_nm"] - 3.0) < 3 * content["layer"]["sigma_nm"]
    assert any("every one used once" in warning for warning in content["warnings"])
    assert not any(file.exists() for file in old)
    with pytest.raises(SystemExit) as ended:
        main(["analyse", str(few_file), "-o", str(tmp_path), "--line", "1,2,3"])
    assert ended.value.code == 2 and "x1,y1,x2,y2" in capsys.readouterr().err


def test_two_changes_stand_in_the_summary(few_result):
    two = replace(few_result.layer, two_nm=(1.4, 3.1))
    row = summary_row(replace(few_result, layer=two))
    assert "two changes are preferred to one, at 1.4 and 3.1 nm" in row["message"] and row["layer_supported"]


def test_line_of_a_line_scan_is_refused(test_data):
    with pytest.raises(InputError, match="spectrum image"):
        oxyspy.analyse(test_data / "demo" / "rocksalt_2nm", line=(0, 0, 10, 0))


def test_real_rows_stand_one_position_apart_and_agree_on_their_layer(shared_data):
    folder = shared_data / "nmc-cathode"
    scan = oxyspy.load_scan(core=folder / "core_loss.dm3", low_loss=folder / "low_loss.dm3")
    result = oxyspy.analyse(scan)
    # which of the two stays is a toss
    assert np.diff(result.rows.shifts) == [1] and any("rows moved by" in w for w in result.warnings)
    unmoved = oxyspy.analyse(scan, load_recipe("nmc").model_copy(update={"align_rows": False}))
    # the second row's surface lies 2.5 nm further in: not moved, it blurs surface and boundary
    assert result.layer.surface_width_nm < unmoved.layer.surface_width_nm
    assert result.layer.sigma_nm < 0.8 * unmoved.layer.sigma_nm
    first, second = result.layer_by_row
    assert abs(first.thickness_nm - second.thickness_nm) < 3 * np.hypot(first.sigma_nm, second.sigma_nm)
    assert abs(result.layer.thickness_nm - unmoved.layer.thickness_nm) < unmoved.layer.sigma_nm
    # the survey image shows its surface at some 45 degrees to the line: along it a layer is 1.4 times as thick
    assert result.rows.surface_angle_deg == pytest.approx(45, abs=10)
    assert any("1.41 times as thick as across" in warning for warning in result.warnings)
    # the file holds placeholders
    assert np.isnan(result.dose.electrons_per_nm2) and "placeholder" in result.dose.reason


@pytest.mark.parametrize(("apart", "slanted"), [(3.0, True), (40.0, False)])
def test_two_rows_tell_a_slanting_surface_that_makes_layers_look_thick(apart, slanted):
    made = simulate_spectrum_image(
        [5.0, 8.0], layer_nm=LAYER, n_positions=48, step_nm=STEP, row_step_nm=apart, dose=500, n_channels=1180,
        dispersion=0.4, seed=5,
    )  # fmt: skip
    result = analysed(made, rows_per_fit="auto")
    # 3 nm over 3 nm is 45 degrees, known to the half positions that the rows' surfaces are known to
    angle = np.degrees(np.arctan(3.0 / apart))
    assert result.rows.surface_angle_deg == pytest.approx(angle, abs=np.degrees(2 * 0.5 * STEP / apart))
    assert any("times as thick as across" in warning for warning in result.warnings) == slanted
