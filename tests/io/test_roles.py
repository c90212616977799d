import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_scans as made
from oxyspy.io import role_of
from oxyspy.io.axes import LENGTH

UNITS = [("m", "meter"), ("mm", "millimeter"), ("µm", "micrometer"), ("um", "micrometer"), ("μm", "micrometer"),
         ("nm", "nanometer"), ("Å", "angstrom"), ("A", "angstrom"), ("pm", "picometer")]  # fmt: skip


@given(
    st.sampled_from(UNITS),
    st.floats(1e-2, 1e3),
    st.floats(-1e4, 1e4),
    st.sampled_from([(5,), (2, 5), (5, 1)]),
)
def test_any_unit_of_length_gives_the_same_nm(unit, step_nm, offset_nm, shape):
    from oxyspy.units import convert

    short, full = unit
    in_unit = convert(1.0, "nm", full)
    signal = made.spectra(made.core_counts(shape, channels=16), step=step_nm * in_unit, length=short)
    for axis in signal.axes_manager.navigation_axes:
        axis.offset = offset_nm * in_unit
    found = role_of(signal)
    for axis in found.signal.axes_manager.navigation_axes:
        if axis.size > 1:
            assert axis.units == "nm"
            # double precision of two multiplications
            np.testing.assert_allclose([axis.scale, axis.offset], [step_nm, offset_nm], rtol=1e-12, atol=1e-9)


def test_units_table_agrees_with_pint():
    from oxyspy.units import registry

    for name, factor in LENGTH.items():
        # pint reads A as ampere, and does not know microscope programs' spellings
        if name not in ("A", "NM", "mum", "Ang", "ang", "Micron", "Microns", "Angstrom"):
            assert registry().Quantity(1, name).to("nm").magnitude == pytest.approx(factor, rel=1e-12), name


@given(st.floats(-12, 12), st.sampled_from([(-60.0, 0.3), (-20.0, 0.1), (-200.0, 1.0), (-15.0, 0.05)]))
def test_zero_loss_peak_tells_a_low_loss_however_far_its_axis_goes(at, axis):
    data = made.low_counts((3,), start=axis[0], step=axis[1], at=at)
    found = role_of(made.spectra(data, energy=axis))
    assert found.role == "low loss"
    assert found.zero_loss_ev == pytest.approx(at, abs=axis[1])  # one channel


def test_low_loss_with_its_zero_far_off_is_one_still_and_says_so():
    found = role_of(made.spectra(made.low_counts((3,), start=0.0, at=45.0), energy=(0.0, 0.3)))
    assert found.role == "low loss"
    assert any("far off" in note for note in found.notes)


@pytest.mark.parametrize("start", [440.0, 0.0, -30.0])
def test_power_law_with_edges_is_a_core_loss_wherever_its_axis_starts(start):
    # the counts are those of 440 eV and up, the axis may never have been calibrated
    assert role_of(made.spectra(made.core_counts((3,)), energy=(start, 0.3))).role == "core loss"


def test_low_loss_without_its_zero_loss_peak_is_no_core_loss():
    data = made.low_counts((3,), channels=512, start=5.0, step=0.1)
    found = role_of(made.spectra(data, energy=(5.0, 0.1)))
    assert found.role == "other"


@pytest.mark.parametrize(
    ("signal", "role"),
    [
        (lambda: made.image(), "image"),
        (lambda: made.image(units="µm"), "image"),
        (lambda: made.image(units="1/nm"), "other"),
        (lambda: made.image(units=""), "other"),
        (lambda: made.core(signal_type="EDS_TEM", units="keV", energy=(0.0, 0.01)), "other"),
        (lambda: made.spectra(made.core_counts((3,)), units="nm", signal_type=""), "other"),
        (lambda: made.spectra(made.core_counts((3,)).astype(complex), signal_type=""), "other"),
        (lambda: made.core((2, 3, 4)), "other"),
    ],
)
def test_signals_that_are_no_spectra_have_their_own_role(signal, role):
    found = role_of(signal())
    assert found.role == role
    assert found.reason


def test_energy_in_kev_comes_out_in_ev():
    found = role_of(made.spectra(made.core_counts((3,)), energy=(0.440, 0.0003), units="keV"))
    axis = found.signal.axes_manager.signal_axes[0]
    assert found.role == "core loss"
    assert (axis.units, axis.offset, axis.scale) == ("eV", pytest.approx(440.0), pytest.approx(0.3))


@pytest.mark.parametrize("units", ["", "channels"])
def test_eels_without_unit_of_energy_is_taken_as_ev_and_says_so(units):
    found = role_of(made.core(units=units))
    assert found.role == "core loss"
    assert any("taken as eV" in note for note in found.notes)


def test_falling_energy_axis_is_turned_round_with_its_counts():
    data = made.core_counts((3,))
    found = role_of(made.spectra(data[..., ::-1], energy=(440.0 + 0.3 * 2047, -0.3)))
    axis = found.signal.axes_manager.signal_axes[0]
    np.testing.assert_array_equal(found.signal.data, data)
    assert (axis.offset, axis.scale) == (pytest.approx(440.0), pytest.approx(0.3))


def test_axis_in_ev_is_the_signal_axis_in_whatever_order_the_file_has_them():
    data = made.core_counts((12,))
    right = made.spectra(data)
    wrong = right.transpose(signal_axes=["x"], navigation_axes=["Energy loss"])
    as_image = right.transpose(signal_axes=[0, "Energy loss"])
    for signal in (wrong, as_image):
        found = role_of(signal)
        assert found.role == "core loss"
        assert found.signal.axes_manager.signal_axes[0].units == "eV"
        np.testing.assert_array_equal(found.signal.data, data)
        assert any("signal axis" in note for note in found.notes)


def test_axis_that_is_not_uniform_is_refused_with_its_steps():
    signal = made.core((3,))
    axis = signal.axes_manager.signal_axes[0]
    axis.convert_to_non_uniform_axis()
    assert role_of(signal).role == "core loss"  # uniform in all but class
    axis.axis = axis.axis**1.01
    found = role_of(signal)
    assert found.role == "other"
    assert "not uniform" in found.reason


@pytest.mark.parametrize(("step", "units"), [(1.0, ""), (1.0, "px"), (0.0, "nm"), (float("nan"), "nm"), (2.0, "1/nm")])
def test_steps_without_calibration_are_flagged(step, units):
    found = role_of(made.core((1, 12), step=step, length=units))
    assert found.role == "core loss"
    assert np.isnan(found.step_nm)
    assert any("pixels" in note for note in found.notes)


def test_beam_energy_in_volts_is_corrected_and_says_so():
    signal = made.core(Acquisition_instrument__TEM__beam_energy=300000.0)
    found = role_of(signal)
    assert found.signal.metadata.Acquisition_instrument.TEM.beam_energy == 300.0
    assert any("300 keV" in note for note in found.notes)
    assert signal.metadata.Acquisition_instrument.TEM.beam_energy == 300000.0  # the signal given stays


def test_empty_data_have_a_role_by_their_axis():
    for fill in (0.0, np.nan):
        assert role_of(made.spectra(np.full((3, 2048), fill, np.float32))).role == "core loss"


def test_signal_given_stays_as_it_was_and_shares_its_data():
    signal = made.core((1, 12), units="keV", energy=(0.44, 0.0003), length="µm")
    found = role_of(signal)
    assert np.shares_memory(found.signal.data, signal.data)
    assert [axis.units for axis in signal.axes_manager._axes] == ["µm", "µm", "keV"]
