"""The project's own files: as their script makes them, as HyperSpy reads them, with their truth."""

import hyperspy.api as hs
import numpy as np
import pytest

import dm4
import make
from oxyspy.data import FOLDER, read_yaml
from oxyspy.errors import InputError
from oxyspy.simulate import simulate_scan


@pytest.fixture(scope="module")
def made_again(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made_again")
    make.main(folder)
    return folder


@pytest.fixture(scope="module")
def truth(test_data):
    return read_yaml(test_data / "demo" / "truth.yaml")


def test_files_are_what_their_script_makes_byte_for_byte(test_data, made_again):
    files = sorted(path.relative_to(made_again) for path in made_again.rglob("*") if path.is_file())
    assert len(files) == 12
    changed = [str(file) for file in files if (made_again / file).read_bytes() != (test_data / file).read_bytes()]
    assert changed == []


@pytest.mark.parametrize("name", make.SCANS)
def test_scan_loads_as_a_line_of_loss_spectra_with_the_axes_it_was_made_with(test_data, name):
    choices = {**make.COMMON, **make.SCANS[name]}
    for stem, start in (("core_loss", "core_start"), ("low_loss", "low_start")):
        s = hs.load(test_data / "demo" / name / f"{stem}.dm4")
        assert s.metadata.Signal.signal_type == "EELS" and s.metadata.General.title == stem
        assert s.data.shape == (choices["n_positions"], choices["n_channels"])
        (x,), (energy,) = s.axes_manager.navigation_axes, s.axes_manager.signal_axes
        step, unit = (0.4e-3, "µm") if name == "rocksalt_4nm_wrong_axis" else (0.4, "nm")
        assert (x.name, x.units, x.offset) == ("x", unit, 0.0) and x.scale == pytest.approx(step)
        assert (energy.name, energy.units, energy.scale) == ("Energy loss", "eV", 0.25)
        assert energy.offset == pytest.approx(choices[start])


@pytest.mark.parametrize("name", make.SCANS)
def test_counts_are_those_of_the_stated_truth(test_data, truth, name):
    """Chi squared of the counts about the expectation, spikes and vacuum aside."""
    scan = simulate_scan(**{**make.COMMON, "coating_nm": make.COATING_NM, **make.SCANS[name]})
    counts = hs.load(test_data / "demo" / name / "core_loss.dm4").data.astype(float)
    variance = scan.gain * scan.core_expected + scan.readout**2 + 1 / 12
    lit = scan.core_expected > 50
    for position, channel in truth["scans"][name]["spikes"]:
        assert (
            counts[position, channel] > scan.core_expected[position, channel] + 30 * variance[position, channel] ** 0.5
        )
        lit[position, channel] = False
    # 50 000 channels: their mean square is known to 0.7 %, so this is five standard errors
    assert ((counts - scan.core_expected) ** 2 / variance)[lit].mean() == pytest.approx(1.0, abs=0.035)


def test_truth_has_every_scan_and_the_question_answered(test_data, truth):
    folders = {path.name for path in (test_data / "demo").iterdir() if path.is_dir()}
    assert folders == set(truth["scans"]) == set(make.SCANS)
    for name, of in truth["scans"].items():
        n = (make.COMMON | make.SCANS[name])["n_positions"]
        assert of["layer_nm"] == make.SCANS[name]["layer_nm"]
        assert abs(of["boundary_nm"] - of["surface_nm"]) == pytest.approx(of["layer_nm"])
        for key in ("Mn_ratio", "Mn_l3", "Co_l2", "Ni_l3_ev", "t_over_lambda", "drift_ev", "background", "pre_edge"):
            assert len(of[key]) == n, key
    assert truth["coating_nm"] == 4.0 and truth["exposure_min"] == 60.0


def test_acquisition_is_where_hyperspy_looks_for_it(test_data):
    tem = hs.load(test_data / "demo" / "pristine" / "core_loss.dm4").metadata.Acquisition_instrument.TEM
    # HyperSpy has the beam energy in keV
    assert tem.beam_energy == 300.0 and tem.convergence_angle == 21.4 and tem.acquisition_mode == "STEM"
    assert tem.beam_current == 0.05
    eels = tem.Detector.EELS
    assert (eels.collection_angle, eels.exposure, eels.aperture_size) == (39.0, 0.1, 5.0)
    assert eels.spectrometer == dm4.SPECTROMETER


def test_one_file_holds_both_losses(test_data):
    signals = hs.load(test_data / "both_in_one.dm4")
    assert [s.metadata.General.title for s in signals] == ["core_loss", "low_loss"]
    for s in signals:
        alone = hs.load(test_data / "demo" / "rocksalt_2nm" / f"{s.metadata.General.title}.dm4")
        np.testing.assert_array_equal(s.data, alone.data)
        assert s.axes_manager[-1].offset == alone.axes_manager[-1].offset
        assert s.metadata.Signal.signal_type == "EELS"


def test_flat_file_loads_with_x_for_the_signal_axis_as_such_files_do(test_data):
    s = hs.load(test_data / "flat_core_loss.dm4")
    assert [a.name for a in s.axes_manager.signal_axes] == ["x"]
    assert [a.units for a in s.axes_manager.navigation_axes] == ["eV"]
    upright = hs.load(test_data / "demo" / "rocksalt_2nm" / "core_loss.dm4")
    np.testing.assert_array_equal(s.data.T, upright.data)


def test_dark_field_image_brightens_where_the_cathode_begins(test_data, truth):
    s = hs.load(test_data / "demo" / "rocksalt_2nm" / "adf.dm4")
    assert s.axes_manager.signal_dimension == 2 and s.axes_manager.navigation_dimension == 0
    x = s.axes_manager.signal_axes[0]
    assert (x.name, x.units, x.size) == ("x", "nm", 48) and x.scale == pytest.approx(0.4)
    profile = s.data.mean(0)
    steepest = x.axis[np.gradient(profile).argmax()]
    assert steepest == pytest.approx(truth["scans"]["rocksalt_2nm"]["surface_nm"], abs=x.scale)


def test_demo_of_the_package_is_this_folder(test_data):
    """By link in a checkout, as a copy in a source distribution."""
    files = sorted(path.relative_to(test_data / "demo") for path in (test_data / "demo").rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(FOLDER / "demo") for path in (FOLDER / "demo").rglob("*") if path.is_file())
    for file in files:
        assert (FOLDER / "demo" / file).read_bytes() == (test_data / "demo" / file).read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint16", "int32", "uint32"])
@pytest.mark.parametrize("shape", [(7,), (5, 7), (3, 5, 7)])
def test_spectra_come_back_as_written(tmp_path, dtype, shape):
    data = (np.arange(np.prod(shape)).reshape(shape) * 1.5).astype(dtype)
    axes = [("y", 2.0, 0.5, "nm"), ("x", -1.5, 0.25, "nm"), ("Energy loss", 450.0, 0.3, "eV")][-len(shape) :]
    dm4.write_dm4(tmp_path / "spectra.dm4", data, axes, title="some", eels=dm4.EELS_TAGS)
    s = hs.load(tmp_path / "spectra.dm4")
    np.testing.assert_array_equal(s.data, data)
    assert s.data.dtype == dtype and s.metadata.Signal.signal_type == "EELS"
    for axis, (name, offset, scale, unit) in zip(s.axes_manager._axes, axes, strict=True):
        assert (axis.name, axis.units) == (name, unit)
        # stored as offset over scale
        assert (axis.offset, axis.scale) == pytest.approx((offset, scale), rel=1e-12)


def test_same_data_make_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        axes = [("y", 0.0, 0.1, "nm"), ("x", 0.0, 0.1, "nm")]
        dm4.write_dm4(tmp_path / f"{name}.dm4", np.eye(4, dtype=np.float32), axes, title="image")
    assert (tmp_path / "one.dm4").read_bytes() == (tmp_path / "two.dm4").read_bytes()


def test_what_the_format_cannot_hold_is_refused(tmp_path):
    axis = ("x", 0.0, 1.0, "nm")
    with pytest.raises(InputError, match="1 axes given for data of shape"):
        dm4.write_dm4(tmp_path / "a.dm4", np.zeros((2, 2), np.float32), [axis])
    with pytest.raises(InputError, match="type int64"):
        dm4.write_dm4(tmp_path / "a.dm4", np.zeros((2, 2), np.int64), [axis, axis])
    assert not list(tmp_path.iterdir())
