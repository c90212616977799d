import numpy as np
import pytest

import made_scans as made
from oxyspy import load_scan
from oxyspy.errors import InputError, ReadError


@pytest.fixture
def folder(tmp_path):
    """A scan whose file names say nothing."""
    folder = tmp_path / "scan_07"
    made.saved(made.core(), folder / "b.hspy")
    made.saved(made.low(), folder / "a.hspy")
    made.saved(made.image(), folder / "c.hspy")
    (folder / "notes.txt").write_text("a day at the microscope")
    return folder


def test_folder_gives_core_loss_low_loss_and_image_whatever_their_names(folder):
    scan = load_scan(folder)
    assert scan.name == "scan_07"
    assert scan.energy_nominal[0] == 440.0
    assert scan.low_energy[0] == -60.0
    assert [image.data.shape for image in scan.images] == [(40, 50)]
    assert [path.name for path in scan.files] == ["b.hspy", "a.hspy", "c.hspy"]
    assert scan.warnings == []


def test_classes_are_those_of_the_chain(folder):
    from exspy.signals import EELSSpectrum

    from oxyspy.signals import CoreLossEELSSpectrum, LazyCoreLossEELSSpectrum

    assert type(load_scan(folder).core_loss) is CoreLossEELSSpectrum
    assert type(load_scan(folder).low_loss) is EELSSpectrum
    lazy = load_scan(folder, lazy=True)
    assert type(lazy.core_loss) is LazyCoreLossEELSSpectrum
    assert lazy.low_loss._lazy
    np.testing.assert_array_equal(lazy.core_counts().compute(), load_scan(folder).core_counts())


def test_ways_to_say_the_same_scan_agree(folder):
    core, low = folder / "b.hspy", folder / "a.hspy"
    for scan in (
        load_scan([core, low]),
        load_scan([low, core]),
        load_scan(core=core, low_loss=str(low)),
        load_scan(core=made.core(), low_loss=made.low()),
        load_scan([made.low(), core]),
    ):
        np.testing.assert_array_equal(scan.core_counts(), made.core_counts())
        np.testing.assert_array_equal(scan.low_counts(), made.low_counts())


def test_real_cathode_folder_loads_as_it_is(shared_data):
    scan = load_scan(shared_data / "nmc-cathode")
    assert [path.name for path in scan.files] == ["core_loss.dm3", "low_loss.dm3", "adf.dm3", "survey.dm3"]
    assert scan.navigation_shape == (2, 21)
    # 0.0020459 um, as the file's tag says
    assert scan.step_nm == pytest.approx(2.0459, abs=1e-4)
    assert [scan.energy_nominal[0], scan.low_energy[0]] == pytest.approx([440.0, -60.0], abs=1e-3)
    assert scan.summary()["low_loss"]["zero_loss_ev"] == pytest.approx(-3.0, abs=0.5)  # read off the spectrum
    for name in ("Co_edge", "Mn_edge", "Ni_edge", "oxygen_edge"):
        assert any(name in warning and "left out" in warning for warning in scan.warnings)
    acquisition = scan.summary()["acquisition"]
    assert [name for name, item in acquisition.items() if "placeholder" in item["doubt"]] == [
        "beam_current",
        "convergence_angle",
        "collection_angle",
    ]
    assert any("convergence angle of 0 mrad" in warning for warning in scan.warnings)


def test_real_single_spectra_pair_up(shared_data):
    scan = load_scan(shared_data / "mno-dual-eels")
    assert scan.navigation_shape == (1, 1)
    assert [path.name for path in scan.files] == ["coreloss_spectrum.msa", "lowloss_spectrum.msa"]
    assert scan.positions_nm.tolist() == [0.0]


def test_real_msa_in_volts_is_corrected(shared_data):
    scan = load_scan(shared_data / "nmc-cathode" / "Mn_edge.msa")
    assert scan.summary()["acquisition"]["beam_energy"]["value"] == 300.0
    assert any("is in V" in warning for warning in scan.warnings)


def test_dm4_with_axes_in_the_order_x_energy_loads_along_energy(tmp_path):
    data = made.core_counts((12,))
    straight = made.dm4(tmp_path / "a.dm4", data, (0.0, 0.5, "nm"), (440.0, 0.3, "eV"))
    turned = made.dm4(tmp_path / "b.dm4", np.ascontiguousarray(data.T), (440.0, 0.3, "eV"), (0.0, 0.5, "nm"))
    for path in (straight, turned):
        scan = load_scan(path)
        np.testing.assert_array_equal(scan.core_counts()[0], data)
        assert scan.step_nm == pytest.approx(0.5)
    assert any("signal axis" in warning for warning in scan.warnings)


def test_one_file_with_several_signals_is_a_scan(tmp_path):
    from rsciio.nexus import file_writer

    signals = {"one": made.low(), "two": made.core()}
    for title, signal in signals.items():
        signal.metadata.General.title = title
    path = tmp_path / "all.nxs"
    file_writer(str(path), [signal._to_dictionary() for signal in signals.values()])
    scan = load_scan(path)
    np.testing.assert_array_equal(scan.core_counts(), made.core_counts())
    np.testing.assert_array_equal(scan.low_counts(), made.low_counts())
    assert (scan.name, scan.files) == ("all", (path,))


@pytest.mark.parametrize("suffix", [".hspy", ".emd", ".nxs", ".rpl"])
def test_formats_give_the_same_scan(tmp_path, suffix):
    scan = load_scan(made.saved(made.core((12,)), tmp_path / f"core{suffix}"))
    np.testing.assert_array_equal(scan.core_counts()[0], made.core_counts((12,)))
    assert scan.step_nm == pytest.approx(0.5)


def test_processed_single_spectra_beside_a_scan_are_left_out_with_a_note(folder):
    made.saved(made.core(()), folder / "edge.msa")
    scan = load_scan(folder)
    assert "edge.msa" not in [path.name for path in scan.files]
    assert any("edge.msa" in warning for warning in scan.warnings)


def test_pair_is_chosen_by_shape_and_by_step(folder):
    made.saved(made.core((1, 9)), folder / "d.hspy")
    assert load_scan(folder).files[0].name == "b.hspy"
    made.saved(made.low((1, 12), step=0.7), folder / "e.hspy")
    assert load_scan(folder).files[1].name == "a.hspy"


@pytest.mark.parametrize("shape", [(1, 12), (1, 40)])
def test_two_scans_in_a_folder_are_refused_by_name(folder, shape):
    made.saved(made.core(shape), folder / "d.hspy")
    made.saved(made.low(shape), folder / "e.hspy")
    with pytest.raises(InputError, match="low_loss=") as error:
        load_scan(folder)
    assert all(name in str(error.value) for name in ("a.hspy", "b.hspy", "d.hspy", "e.hspy"))


def test_low_loss_of_another_area_is_refused(tmp_path):
    with pytest.raises(InputError, match="1 x 12"):
        load_scan([made.core(), made.low((1, 7))])
    with pytest.raises(InputError, match="same positions"):
        load_scan(core=made.core(), low_loss=made.low((2, 12)))


def test_one_low_loss_spectrum_serves_all_positions_with_a_note():
    for scan in (load_scan([made.core(), made.low(())]), load_scan(core=made.core(), low_loss=made.low(()))):
        assert scan.low_counts().shape == (1, 1, 2048)
        assert any("all positions" in warning for warning in scan.warnings)


def test_roles_named_the_wrong_way_round_are_refused():
    with pytest.raises(InputError, match="low loss"):
        load_scan(core=made.low(), low_loss=made.core())


def test_spectrum_with_zero_loss_and_edges_is_a_core_loss_when_told_so():
    data = made.low_counts((1, 12))
    data[..., 1900:] += 50.0
    signal = made.spectra(data, energy=made.LOW_AXIS)
    scan = load_scan(core=signal, low_loss=signal)
    assert any("as told" in warning for warning in scan.warnings)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing to load"),
        ({"low_loss": "a.dm4"}, "core="),
        ({"source": "a.dm4", "core": "b.dm4"}, "not both"),
    ],
)
def test_calls_without_a_core_loss_say_what_to_give(given, words):
    with pytest.raises(InputError, match=words):
        load_scan(**given)


def test_images_alone_are_no_scan_and_the_error_says_what_they_are(tmp_path):
    path = made.saved(made.image(), tmp_path / "haadf.hspy")
    with pytest.raises(InputError, match="haadf.hspy.*image"):
        load_scan(path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no file"):
        load_scan(tmp_path / "empty")


def test_unreadable_file_is_an_error_where_it_may_be_what_is_missing_and_a_warning_elsewhere(folder):
    (folder / "broken.dm4").write_bytes(b"\0\0\0\4cut")
    assert any("broken.dm4" in warning for warning in load_scan(folder).warnings)
    (folder / "a.hspy").write_bytes((folder / "a.hspy").read_bytes()[:1000])
    with pytest.raises(ReadError, match=r"a\.hspy"):
        load_scan(folder)


@pytest.mark.parametrize("name", ["core_loss.dm3", "low_loss.dm3"])
def test_real_folder_with_a_file_cut_short_names_that_file(shared_data, tmp_path, name):
    import shutil

    from oxyspy.io import find_scans

    folder = tmp_path / "nmc"
    shutil.copytree(shared_data / "nmc-cathode", folder)
    folder.chmod(0o755)
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    (folder / name).write_bytes(whole[:200_000])
    (source,) = find_scans(folder)
    for given in (folder, source):
        with pytest.raises(ReadError, match=f"{name}.*ends too early"):
            load_scan(given)


def test_spectra_that_are_no_measurement_are_counted_and_placed():
    data = made.core_counts((2, 12))
    data[0, 3, 100] = np.nan
    data[1, 4, 7] = np.inf
    data[0, 5] = 0.0
    data[1, 6] = 7.0
    scan = load_scan(core=made.spectra(data))
    text = "\n".join(scan.warnings)
    assert "2 of 24 spectra hold numbers that are not finite, at (row, position) (0, 3), (1, 4)" in text
    assert "1 of 24 spectra hold nothing but zeros, at (row, position) (0, 5)" in text
    assert "1 of 24 spectra are constant, at (row, position) (1, 6)" in text


@pytest.mark.parametrize("fill", [0.0, 3.0, np.nan, np.inf])
@pytest.mark.parametrize("lazy", [False, True])
def test_scans_without_any_measurement_load_all_the_same(fill, lazy):
    scan = load_scan(core=made.spectra(np.full((4, 2048), fill, np.float32)), lazy=lazy)
    assert lazy or any("4 of 4" in warning for warning in scan.warnings)
    assert str(scan)


def test_counts_of_any_dtype_load():
    for dtype in (np.uint8, np.uint16, np.int32, np.float16, ">f4", ">u2"):
        data = np.minimum(made.core_counts((3,)) / 100, 200).astype(dtype)
        np.testing.assert_array_equal(load_scan(core=made.spectra(data)).core_counts()[0], data)
