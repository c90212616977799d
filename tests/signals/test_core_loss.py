"""The signal step by step, as a HyperSpy user walks it."""

import exspy
import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.signals import CoreLossEELSSpectrum, LazyCoreLossEELSSpectrum
from oxyspy.simulate import simulate_scan


@pytest.fixture(scope="module")
def pair():
    """Core and low loss of a simulated bulk with a wrong axis, as HyperSpy signals."""
    scan = simulate_scan(
        layer_nm=0.0, n_positions=24, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0, axis_offset_ev=8.0, axis_factor=1.01
    )

    def signal(counts, axis, signal_type):
        made = hs.signals.Signal1D(
            counts,
            axes=[
                {"name": "x", "size": 24, "scale": 0.5, "units": "nm"},
                {"name": "Energy loss", "size": counts.shape[1], "offset": axis[0], "scale": axis[1], "units": "eV"},
            ],
        )
        made.set_signal_type(signal_type)
        made.metadata.General.title = "bulk"
        return made

    return signal(scan.core, scan.core_axis, "core_loss_EELS"), signal(scan.low, scan.low_axis, "EELS")


def test_signal_type_and_aliases_give_our_class():
    for name in ("core_loss_EELS", "core-loss EELS", "CoreLossEELS"):
        s = hs.signals.Signal1D(np.ones((2, 100)))
        s.set_signal_type(name)
        assert type(s) is CoreLossEELSSpectrum
        assert isinstance(s, exspy.signals.EELSSpectrum)
        assert type(s.as_lazy()) is LazyCoreLossEELSSpectrum


def test_calibrate_edges_puts_the_axis_right_in_place(pair):
    core = pair[0].deepcopy()
    found = core.calibrate_edges({"Mn_L": (643.26, 0.3)})
    assert found.absolute
    axis = core.axes_manager.signal_axes[0]
    assert axis.scale == pytest.approx(0.25 * 1.01, rel=5e-3)
    # Mn L3 of the bulk, to the calibration's own error and the continuum's pull on its maximum
    bulk = core.inav[10:].sum("x").isig[638.0:650.0]
    assert float(bulk.valuemax("Energy loss").data[0]) == pytest.approx(643.26, abs=1.0)
    assert "Mn_L" in core.metadata.oxyspy.calibration


def test_background_deconvolution_and_white_lines_step_by_step(pair):
    core, low = pair[0].deepcopy(), pair[1]
    core.calibrate_edges({"Mn_L": (643.26, 0.3)})
    net = core.remove_power_law("Mn_L")
    single = net.deconvolve(low)
    lines = single.white_lines()
    ratio, sigma = (lines[k].data[8:] for k in ("ratio", "ratio_sigma"))
    assert lines["ratio"].axes_manager.signal_axes[0].units == "nm" or lines["ratio"].axes_manager[0].units == "nm"
    # made with 1.98; the windows hold 0.98 of it, and sigma tells the scatter
    assert np.average(ratio, weights=sigma**-2) == pytest.approx(1.98, rel=0.05)
    assert np.std((ratio - ratio.mean()) / sigma) == pytest.approx(1.0, abs=0.45)
    assert "Fourier ratio" in lines["ratio"].metadata.oxyspy.method
    raw = net.white_lines()["ratio"].data[8:]
    # without deconvolution it is too high: what the method says
    assert raw.mean() > 1.1 * ratio.mean()


def test_steps_out_of_order_are_refused_with_what_to_do(pair):
    core, low = pair
    with pytest.raises(InputError, match="remove_power_law"):
        core.deconvolve(low)
    with pytest.raises(InputError, match="remove_power_law"):
        core.white_lines("Mn_L")


def test_low_loss_of_other_positions_is_refused(pair):
    net = pair[0].remove_power_law("Mn_L", window=(594.0, 626.0))
    with pytest.raises(InputError, match=r"\(5,\).*\(24,\)"):
        net.deconvolve(pair[1].inav[:5])


def test_single_low_loss_serves_all_positions(pair):
    core, low = pair[0].deepcopy(), pair[1]
    core.calibrate_edges()
    single = core.remove_power_law("Mn_L").deconvolve(low.inav[10:].mean("x"))
    assert single.data.shape[0] == 24 and np.isfinite(single.data[10:]).all()


def test_processed_signal_keeps_class_axes_and_metadata_through_a_file(pair, tmp_path):
    core = pair[0].deepcopy()
    core.calibrate_edges()
    single = core.remove_power_law("Mn_L").deconvolve(pair[1])
    single.save(tmp_path / "single.hspy")
    back = hs.load(tmp_path / "single.hspy")
    assert type(back) is CoreLossEELSSpectrum
    assert back.metadata.oxyspy.deconvolution == "zero_loss"
    assert back.metadata.General.title == "bulk"
    np.testing.assert_array_equal(back.data, single.data)
    assert back.axes_manager.signal_axes[0].scale == single.axes_manager.signal_axes[0].scale
    # what it was made from did not go through the file, and no error is invented
    with pytest.raises(InputError, match="no longer know the counts"):
        back.white_lines()
