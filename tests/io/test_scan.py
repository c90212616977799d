import numpy as np
import pytest

import made_scans as made
from oxyspy import load_scan


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((12,), (1, 12)), ((1, 12), (1, 12)), ((12, 1), (1, 12)), ((3, 12), (3, 12)), ((12, 3), (3, 12)),
     ((20, 30), (20, 30)), ((9, 9), (9, 9))],
)  # fmt: skip
def test_line_runs_along_the_longer_side(shape, expected):
    data = made.core_counts(shape)
    scan = load_scan(core=made.spectra(data))
    assert scan.navigation_shape == expected
    assert scan.core_counts().shape == (*expected, 2048)
    assert scan.positions_nm.shape == (expected[1],)
    assert scan.is_spectrum_image == (expected[0] > 8)
    # each spectrum has its own height: the line's order is the data's
    heights = scan.core_counts()[0, :, 0] / data.reshape(-1, 2048)[0, 0]
    step = 3 if shape == (12, 3) else 1
    np.testing.assert_allclose(heights, 1 + step * np.arange(expected[1]), rtol=1e-6)


def test_counts_are_views():
    for shape in ((12,), (12, 1), (12, 3), (3, 12)):
        signal = made.core(shape)
        assert np.shares_memory(load_scan(core=signal).core_counts(), signal.data)


def test_falling_positions_are_read_backwards_with_their_counts():
    signal = made.core((2, 12))
    x = signal.axes_manager.navigation_axes[0]
    x.scale, x.offset = -0.5, 5.5
    scan = load_scan(core=signal, low_loss=None)
    np.testing.assert_allclose(scan.positions_nm, 0.5 * np.arange(12), atol=1e-12)
    np.testing.assert_array_equal(scan.core_counts(), signal.data[:, ::-1])
    assert scan.step_nm == 0.5
    assert scan.summary()["line_reversed"]
    assert "read backwards" in str(scan)


def test_positions_without_calibration_are_pixels_and_the_step_is_nan():
    scan = load_scan(core=made.core((1, 12), step=1.0, length="px"))
    np.testing.assert_array_equal(scan.positions_nm, np.arange(12))
    assert np.isnan(scan.step_nm)
    assert "pixels" in "\n".join(scan.warnings)
    assert "not calibrated" in str(scan)


def test_row_step_is_that_of_the_shorter_side():
    signal = made.core((12, 3), step=0.5)
    signal.axes_manager.navigation_axes[0].scale = 2.0  # x, the shorter
    scan = load_scan(core=signal)
    assert (scan.step_nm, scan.row_step_nm, scan.line_axis.name) == (0.5, 2.0, "y")


def test_summary_is_plain_and_repr_names_all_that_counts(tmp_path):
    import json

    from oxyspy.results import to_plain

    made.saved(
        made.core(Acquisition_instrument__TEM__beam_energy=300.0, Acquisition_instrument__TEM__convergence_angle=0.0),
        tmp_path / "high.hspy",
    )
    made.saved(made.low(), tmp_path / "zero.hspy")
    made.saved(made.image((1, 12), scale=0.5), tmp_path / "adf.hspy")
    scan = load_scan(tmp_path, name="scan 7")
    json.dumps(to_plain(scan.summary()), allow_nan=False)
    text = repr(scan)
    for words in ("scan 7: line scan", "high.hspy", "zero.hspy", "zero-loss peak", "0.5 nm", "300 keV",
                  "convergence angle 0 mrad (not believed)", "of the scan itself"):  # fmt: skip
        assert words in text, words
    assert str(scan) == text
