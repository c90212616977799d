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


def test_clean_mends_in_place_and_says_what(pair):
    core = pair[0].deepcopy()
    truth = core.data.copy()
    core.data[10, 500] += 1e5
    core.data[:, 300] = 0
    core.data[3, 50] = np.nan
    report = core.clean()
    assert report.spike_positions == ((0, 10, 500),) and report.dead_channels == (300,)
    assert report.not_finite_positions == ((0, 3),) and np.isnan(core.data[3, 50])
    # the mean of four channels of some 3000 counts, and a straight line between two
    assert core.data[10, 500] == pytest.approx(truth[10, 500], rel=0.15)
    np.testing.assert_allclose(core.data[4:, 300], truth[4:, 300], rtol=0.2)
    assert "1 spike" in core.metadata.oxyspy.cleaning
    counted = pair[0].deepcopy()
    counted.change_dtype("uint16")
    counted.data[10, 500] = 60_000
    assert counted.clean().spikes == 1 and counted.data.dtype == np.uint16
    with pytest.raises(InputError, match="compute"):
        core.as_lazy().clean()


@pytest.mark.parametrize("lazy", [False, True])
def test_one_spectrum_without_numbers_spoils_no_calibration(pair, lazy):
    sound, holed = pair[0].deepcopy(), pair[0].deepcopy()
    holed.data = holed.data.copy()
    holed.data[3, 50] = np.nan
    if lazy:
        holed = holed.as_lazy()
    known, found = sound.calibrate_edges(), holed.calibrate_edges()
    assert found.absolute and found.names == known.names
    # one of 24 spectra less, and the noise with it
    assert found.correction_ev == pytest.approx(known.correction_ev, abs=0.1)


@pytest.mark.parametrize("way", ["white_lines", "white_line_maps"])
def test_axis_on_which_l2_stands_where_l3_should_is_refused(pair, way):
    core = pair[0].deepcopy()
    axis = core.axes_manager.signal_axes[0]
    # E = 8 + 1.01 x recorded: right, but for 10 eV, the distance of the lines
    axis.offset, axis.scale = 8.0 + 1.01 * axis.offset - 10.0, 1.01 * axis.scale
    with pytest.raises(InputError, match=r"Mn_L: the line at 643\.\d eV.*so it is L2.*9 eV off"):
        core.white_line_maps("Mn_L") if way == "white_line_maps" else core.remove_power_law("Mn_L").white_lines()


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


def test_pixel_that_is_current_has_no_part_in_a_deconvolution(pair):
    """eXSpy takes the resolution from whichever it is; here one has a zero-loss peak twice as wide."""
    core, low = (s.deepcopy() for s in pair)
    core.calibrate_edges()
    low.data[7] = np.convolve(low.data[7], np.ones(9) / 9, mode="same")
    found = []
    for at in (0, 7):
        low.axes_manager.indices = core.axes_manager.indices = (at,)
        net = core.remove_power_law("Mn_L")
        net.axes_manager.indices = (at,)
        found.append(net.deconvolve(low).data)
    np.testing.assert_array_equal(*found)


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


def test_shares_of_standards_make_a_valence_over_the_scan():
    # the standards: what a perfect Fourier ratio gives of layer and bulk
    scan = simulate_scan(layer_nm=6.0, n_positions=24, step_nm=0.6, vacuum_nm=0.0, coating_nm=1.0, interface_nm=0.1)
    axis = {
        "name": "Energy loss",
        "size": scan.core.shape[1],
        "offset": scan.core_axis[0],
        "scale": 0.25,
        "units": "eV",
    }

    def signal(counts, kind):
        made = hs.signals.Signal1D(counts, axes=[{"name": "x", "size": 24, "scale": 0.6, "units": "nm"}, axis])
        made.axes_manager[-1].offset = {"EELS": scan.low_axis[0]}.get(kind, scan.core_axis[0])
        made.set_signal_type(kind)
        return made

    # below Mn L lies what is left of O K: a power law, as in the scan
    single = signal(scan.edges_single, "core_loss_EELS").remove_power_law("Mn_L")
    standards = {"layer": single.inav[7], "bulk": single.inav[23]}
    net = signal(scan.core, "core_loss_EELS").remove_power_law("Mn_L").deconvolve(signal(scan.low, "EELS"))
    found = net.fit_references(standards, {"layer": 2.0, "bulk": 4.0})
    valence, sigma = found["valence"].data, found["valence_sigma"].data
    np.testing.assert_allclose(valence[4:9], 2.0, atol=4 * np.nanmax(sigma[4:9]))
    np.testing.assert_allclose(valence[14:], 4.0, atol=4 * np.nanmax(sigma[14:]))
    assert found["layer"].data[6] > 0.8 > 0.2 > found["layer"].data[18]
    assert "reference fit of layer, bulk" in found["valence"].metadata.oxyspy.method
    with pytest.raises(InputError, match="remove_power_law"):
        signal(scan.core, "core_loss_EELS").fit_references(standards)
    core, low = (signal(counts, kind).as_lazy() for counts, kind in ((scan.core, "core_loss_EELS"), (scan.low, "EELS")))
    core.data, low.data = core.data.rechunk((5, 300)), low.data.rechunk((7, -1))
    shifted = {"valences": {"layer": 2.0, "bulk": 4.0}, "fit_shift": True}
    lazy = core.remove_power_law("Mn_L").deconvolve(low).fit_references(standards, **shifted)
    assert lazy["valence"]._lazy
    wanted = net.fit_references(standards, **shifted)
    assert abs(wanted["bulk"].metadata.oxyspy.shift_ev) < 0.05
    for name, values in lazy.compute(scheduler="threads").items():
        np.testing.assert_array_equal(values.data, wanted[name].data, err_msg=name)


def test_bootstrap_errors_are_an_option_and_say_so(pair):
    core = pair[0].inav[8:].deepcopy()
    core.calibrate_edges({"Mn_L": (643.26, 0.3)})
    single = core.remove_power_law("Mn_L").deconvolve(pair[1].inav[8:], reconvolution="wiener")
    exact, drawn = single.white_lines(slope=True), single.white_lines(slope=True, errors="bootstrap", draws=30, seed=1)
    np.testing.assert_array_equal(drawn["l3"].data, exact["l3"].data)
    # the ratio's estimate knows its errors to second order
    np.testing.assert_allclose(drawn["ratio"].data, exact["ratio"].data, rtol=0.01)
    # a sigma of 30 draws is known to 13 %, the mean of 16 positions to 5 %
    assert np.mean(drawn["l3_sigma"].data / exact["l3_sigma"].data) == pytest.approx(1.0, abs=0.15)
    assert drawn["ratio"].metadata.oxyspy.errors == "bootstrap, 30 draws, seed 1"
    assert "Wiener" in drawn["ratio"].metadata.oxyspy.method and "sloped" in drawn["ratio"].metadata.oxyspy.method
    with pytest.raises(InputError, match="'exact' or 'bootstrap'"):
        single.white_lines(errors="guessed")


def test_positions_too_thick_for_the_fourier_ratio_are_nan_and_said_in_words():
    scan = simulate_scan(
        layer_nm=0.0, n_positions=12, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0,
        t_over_lambda=np.where(np.arange(12) < 8, 0.5, 3.0),
    )  # fmt: skip
    pair = []
    for counts, axis, kind in ((scan.core, scan.core_axis, "core_loss_EELS"), (scan.low, scan.low_axis, "EELS")):
        energy = {"size": counts.shape[1], "offset": axis[0], "scale": axis[1], "units": "eV"}
        pair.append(hs.signals.Signal1D(counts, axes=[{"size": 12}, energy]))
        pair[-1].set_signal_type(kind)
    with pytest.warns(UserWarning, match="4 of 12 spectra are nan: t/λ is above 2.5"):
        single = pair[0].remove_power_law("Mn_L").deconvolve(pair[1])
    assert np.isnan(single.data[8:]).all() and np.isfinite(single.data[:8]).all()
