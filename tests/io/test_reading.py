import logging
import os
import shutil
import warnings

import numpy as np
import pytest

import made_scans as made
from oxyspy.errors import ReadError
from oxyspy.io import read_signals


def lengths(size, n=12):
    """Where to cut a file: all over it, close to its ends, and inside its first and last tags."""
    # the last 8 bytes of a DigitalMicrograph file mark its end and hold nothing
    return sorted({*np.linspace(1, size - 9, n).astype(int).tolist(), 3, 12, 24, size - 400, size - 100, size - 30})


def cut(source, folder, length):
    copy = folder / source.name
    copy.write_bytes(source.read_bytes()[:length])
    return copy


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.dm4", "no such file"), ("empty.dm3", "empty"), ("notes.txt", "no reader"), ("bare", "no reader")],
)
def test_what_is_no_data_file_is_named_with_its_cause(tmp_path, name, words):
    if name != "missing.dm4":
        (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"something")
    with pytest.raises(ReadError, match=words) as error:
        read_signals(tmp_path / name)
    assert name in str(error.value)


def test_folder_and_device_are_not_read_as_files(tmp_path):
    with pytest.raises(ReadError, match="is a folder"):
        read_signals(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.dm3")
        with pytest.raises(ReadError, match="not a regular file"):
            read_signals(tmp_path / "pipe.dm3")


@pytest.mark.parametrize("suffix", [".dm3", ".dm4", ".hspy", ".msa", ".emd", ".nxs", ".hdf5", ".tif", ".rpl"])
def test_noise_under_any_extension_is_a_read_error(tmp_path, suffix):
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ReadError, match=path.name):
        read_signals(path)


@pytest.mark.parametrize("suffix", [".dm4", ".hspy", ".msa"])
def test_files_of_our_own_cut_anywhere_are_read_errors_that_name_them(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    data = made.core_counts((6,), channels=256)
    if suffix == ".dm4":
        made.dm4(whole, data, (0.0, 0.5, "nm"), (440.0, 0.3, "eV"))
    else:
        made.saved(made.spectra(data[0] if suffix == ".msa" else data), whole)
    assert read_signals(whole)[0][0].data.size == (256 if suffix == ".msa" else 6 * 256)
    folder = tmp_path / "cut"
    folder.mkdir()
    for length in lengths(whole.stat().st_size):
        if suffix == ".msa" and b"#ENDOFDATA" in whole.read_bytes()[:length]:
            continue
        try:
            _, notes = read_signals(cut(whole, folder, length))
        except ReadError as error:
            assert whole.name in str(error)
        else:
            # only the last number of a text can be cut unseen but for its end mark
            assert suffix == ".msa"
            assert "whole.msa: no #ENDOFDATA" in notes[0]


@pytest.mark.parametrize(
    "name",
    [
        "nmc-cathode/core_loss.dm3",
        "nmc-cathode/adf.dm3",
        "dm-edge-cases/EELS_SI.dm4",
        "dm-edge-cases/multi_signal.dm3",
        "dm-edge-cases/test_diffraction_pattern_tags_removed.dm3",
    ],
)
def test_real_files_cut_anywhere_are_read_errors_that_name_them(shared_data, tmp_path, name):
    whole = shared_data / name
    for length in lengths(whole.stat().st_size):
        for lazy in (False, True):
            with pytest.raises(ReadError, match=whole.name):
                read_signals(cut(whole, tmp_path, length), lazy=lazy)


def test_real_text_spectrum_cut_short_does_not_pass_for_whole(shared_data, tmp_path):
    # its reader takes any number of channels
    whole = shared_data / "nmc-cathode" / "Mn_edge.msa"
    for length in (600, 6_000, 30_000, 60_000):
        with pytest.raises(ReadError, match="Mn_edge.msa"):
            read_signals(cut(whole, tmp_path, length))


def test_text_spectrum_without_its_end_mark_is_read_with_a_note(tmp_path):
    whole = made.saved(made.spectra(made.core_counts((), channels=64)), tmp_path / "whole.msa")
    assert not read_signals(whole)[1]
    text = whole.read_text()
    whole.write_text(text[: text.upper().index("#ENDOFDATA")])
    (note,) = read_signals(whole)[1]
    assert "ENDOFDATA" in note


def test_several_signals_of_one_file_all_come(shared_data):
    signals, _ = read_signals(shared_data / "dm-edge-cases" / "multi_signal.dm3")
    assert [signal.metadata.General.title for signal in signals] == ["HAADF", "Plot"]


def test_hdf5_with_several_possible_readers_is_read(tmp_path):
    # HyperSpy itself refuses .hdf5 for having three readers
    path = made.saved(made.core(), tmp_path / "scan.hspy")
    shutil.move(path, path := path.with_suffix(".hdf5"))
    assert read_signals(path)[0][0].data.shape == (1, 12, 2048)


def test_names_with_pattern_characters_are_taken_literally(tmp_path):
    path = made.saved(made.core(), tmp_path / "scan [1x12] a*.hspy")
    assert read_signals(path)[0][0].data.shape == (1, 12, 2048)


def test_reader_warnings_come_as_notes_and_loggers_are_left_as_they_were(tmp_path, monkeypatch, capfd):
    import hyperspy.api as hs

    path = made.saved(made.core(), tmp_path / "scan.hspy")
    load = hs.load

    def noisy(*args, **given):
        logging.getLogger("rsciio.digitalmicrograph").warning("the dimensions look odd")
        # of the installation, not of the file
        logging.getLogger("hyperspy.decorators").warning("Numba is not installed, falling back.")
        warnings.warn("calibration missing", UserWarning, stacklevel=1)
        warnings.warn("old name", DeprecationWarning, stacklevel=1)
        return load(*args, **given)

    monkeypatch.setattr(hs, "load", noisy)
    before = logging.getLogger("hyperspy").handlers
    _, notes = read_signals(path)
    assert notes == ["scan.hspy: the dimensions look odd", "scan.hspy: calibration missing"]
    assert logging.getLogger("hyperspy").handlers is before
    assert logging.getLogger("rsciio").propagate
    assert "odd" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", [".hspy", ".zspy", ".emd"])
def test_lazy_leaves_data_on_disk(tmp_path, suffix):
    path = made.saved(made.core(), tmp_path / f"scan{suffix}")
    (lazy,), _ = read_signals(path, lazy=True)
    (eager,), _ = read_signals(path)
    assert lazy._lazy
    np.testing.assert_array_equal(lazy.data.compute(), eager.data)
