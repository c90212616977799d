"""The time that counts: cycles, and a charge curve with the cathode's potential by voltage."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from oxyspy.errors import InputError, ReadError
from oxyspy.transport import (
    along_charge,
    beyond_steady,
    charge_curve,
    cycles_of,
    densification_time,
    exposure,
    layer_after,
    minimum_thickness,
    read_charge_curve,
    required_diffusivity,
    time_at_voltage,
)
from oxyspy.transport.permeation import steady_layer

STUDY = {"radius": 5e-4, "mu_c": -4.95, "mu_e": -5.24, "c_max": 4.2e22}
TABLE = [(3.6, -5.6), (4.1, -5.3), (4.3, -4.95)]
# up in 4 h, an hour at the top, down in 4 h
CURVE = ([0.0, 14400.0, 18000.0, 32400.0], [3.6, 4.3, 4.3, 3.6])


def test_cycles_add_up():
    time = time_at_voltage(100, "10 h", 0.25)
    assert time == pytest.approx(100 * 36000 * 0.25)
    once = steady_layer(9000.0, 10e-7, 1.455e6, geometry="plane", **STUDY)
    assert steady_layer(time, 10e-7, 1.455e6, geometry="plane", **STUDY) == pytest.approx(100 * once)


def test_per_cent_for_a_fraction_of_the_cycle_is_refused():
    with pytest.raises(InputError, match="fraction: found 25, needed a fraction from 0 to 1"):
        time_at_voltage(100, 36000.0, 25)
    with pytest.raises(InputError, match="cycles .*found -1"):
        time_at_voltage(-1, 36000.0, 0.2)


def test_exposure_counts_only_the_time_with_a_driving_force():
    t = np.linspace(0, 100.0, 10_001)
    mu_c = -5.24 + 0.3 * np.sin(2 * np.pi * t / 100)
    # the positive half of a sine: 0.3 * 100 / pi
    assert exposure(t, mu_c, -5.24) == pytest.approx(0.3 * 100 / np.pi, rel=1e-6)
    with pytest.raises(InputError, match="time"):
        exposure([1.0, 0.0], [0, 0], -5.0)


def test_an_exposure_gives_the_layer_of_a_constant_force():
    spent = exposure([0.0, 9900.0], [-4.95, -4.95], -5.24)
    unit = STUDY | {"mu_c": 0.0, "mu_e": -1.0}
    found = steady_layer(spent, 10e-7, 1.455e6, **unit)
    assert found == pytest.approx(steady_layer(9900.0, 10e-7, 1.455e6, **STUDY), rel=1e-12)


def test_a_curve_that_stays_at_one_voltage_is_that_potential():
    curve = charge_curve([0.0, 3600.0], [4.3, 4.3], TABLE)
    plain = required_diffusivity(2e-7, 1e-6, 9900.0, layer_sigma=2e-8)
    along = required_diffusivity(2e-7, 1e-6, 9900.0, layer_sigma=2e-8, mu_c=curve)
    assert along.value == pytest.approx(plain.value, rel=1e-12) and along.high == pytest.approx(plain.high, rel=1e-12)
    assert along.inputs["active"]["value"] == 1.0


def test_only_the_time_with_a_driving_force_counts():
    curve = charge_curve(*CURVE, TABLE)
    # by hand: mu_c passes -5.24 at 4.1 + 0.2 * 0.06 / 0.35 V; V rises by 0.7 V in 4 h, both ways alike
    from_volts = 4.1 + 0.2 * 0.06 / 0.35
    ramp = 14400 * (4.3 - from_volts) / 0.7
    share, mean = curve.above(-5.24)
    assert share == pytest.approx((2 * ramp + 3600) / 32400, rel=1e-12)
    assert (mean + 5.24) * (2 * ramp + 3600) == pytest.approx(0.29 * (ramp + 3600), rel=1e-12)
    # the table bends at 4.1 V, between two points of the curve, and is followed there
    assert exposure(curve.time, curve.mu_c, -5.24) == pytest.approx(0.29 * (ramp + 3600), rel=1e-12)


@pytest.mark.parametrize("geometry", ["plane", "sphere"])
def test_a_layer_over_many_cycles_is_that_of_an_independent_integration(geometry):
    curve, cycles, L, radius = charge_curve(*CURVE, TABLE), 20, 3e5, 2e-6
    found = layer_after(cycles * curve.duration, 1e-6, L=L, mu_c=curve, radius=radius, geometry=geometry)

    def growth(t, layer):
        force = np.maximum(along_charge(np.interp(t % 32400.0, *CURVE), TABLE) + 5.24, 0)
        # what leaves one cm2 of the coating comes from a shrinking front
        area = ((radius + 1e-6) / (radius - layer)) ** 2 if geometry == "sphere" else 1.0
        return L * force / 1e-6 / (0.5 * 4.2e22) * area

    grown = solve_ivp(growth, (0, cycles * 32400.0), [0.0], rtol=1e-8, atol=1e-16, max_step=600.0).y[0, -1]
    # steps of 10 min over corners of the curve: 1e-4
    assert found.value == pytest.approx(grown, rel=3e-4)


def test_both_directions_agree_along_a_curve():
    curve = charge_curve(*CURVE, TABLE)
    time = densification_time(2e-7, 1e-6, D=7e-19, mu_c=curve)
    assert required_diffusivity(2e-7, 1e-6, time.value, mu_c=curve).value == pytest.approx(7e-19, rel=1e-10)
    assert layer_after(time.value, 1e-6, D=7e-19, mu_c=curve).value == pytest.approx(2e-7, rel=1e-10)
    thick = minimum_thickness("Al2O3", 2e-7, "1000 h", mu_c=curve).value
    assert densification_time(2e-7, thick, known="Al2O3", mu_c=curve).value == pytest.approx(3.6e6, rel=1e-9)


def test_a_fuller_model_runs_along_the_curve_too():
    curve = charge_curve(*CURVE, TABLE)
    steady = required_diffusivity(2e-7, 1e-6, 9900.0, mu_c=curve, geometry="plane")
    # <1/l> of a log-normal thickness, whatever the force
    assert beyond_steady(steady, spread=0.5).factor == pytest.approx(1 / 1.25, rel=1e-6)


def test_an_error_of_mu_e_counts_for_the_time_in_which_it_acts():
    curve = charge_curve(*CURVE, TABLE)
    found = required_diffusivity(2e-7, 1e-6, 9900.0, mu_c=curve, mu_e_sigma=0.01, n_samples=0)
    ends = [
        required_diffusivity(2e-7, 1e-6, 9900.0, mu_c=curve, mu_e=-5.24 + s, n_samples=0).value for s in (1e-4, -1e-4)
    ]
    assert found.sigma == pytest.approx(abs(np.log(ends[0] / ends[1])) / 2e-4 * 0.01, rel=1e-3)


def test_several_environments_have_each_their_share():
    curve = charge_curve(*CURVE, TABLE)
    found = required_diffusivity(2e-7, 1e-6, 9900.0, mu_c=curve, mu_e=np.array([-8.39, -5.24]))
    assert found.inputs["active"]["value"][0] == 1.0 and found.inputs["active"]["value"][1] < 0.5


@pytest.mark.parametrize(
    ("time", "voltage", "table", "message"),
    [
        ([0.0, 1.0], [4.0, 4.5], TABLE, "needed 3.6 to 4.3 V"),
        ([1.0, 0.0], [4.0, 4.1], TABLE, "time: needed one axis"),
        ([0.0, 1.0, 2.0], [4.0, 4.1], TABLE, "voltage: found shape"),
        ([0.0, 1.0], [4.0, 4.1], [(4.0, -5.0), (4.0, -5.1)], "twice there"),
        ([0.0, 1.0], [4.0, 4.1], [4.0, -5.0], "mu_c table"),
        ([0.0, 1.0], [4.0, 41.0], TABLE, "voltage: found 41 V"),
    ],
)
def test_bad_curves_are_refused(time, voltage, table, message):
    with pytest.raises(InputError, match=message):
        charge_curve(time, voltage, table)


def test_a_curve_that_never_drives_oxygen_out_is_refused():
    curve = charge_curve([0.0, 1.0], [3.6, 3.7], TABLE)
    with pytest.raises(InputError, match="never above mu_e"):
        required_diffusivity(2e-7, 1e-6, 9900.0, mu_c=curve)


def test_curves_are_read_with_their_units(tmp_path):
    (tmp_path / "charge.csv").write_text("# a cycle\ntime_h,voltage_v\n0,3.6\n4,4.3\n5,4.3\n9,3.6\n")
    (tmp_path / "mu.csv").write_text("voltage_mV, mu_c_eV\n3600,-5.6\n4100,-5.3\n4300,-4.95\n")
    found, given = read_charge_curve(tmp_path / "charge.csv", tmp_path / "mu.csv"), charge_curve(*CURVE, TABLE)
    np.testing.assert_allclose(found.time, given.time)
    np.testing.assert_allclose(found.mu_c, given.mu_c)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("time_s,volts\n0,4\n1,4.1\n", InputError, "needed voltage with its unit, as voltage_v"),
        ("time_s,voltage_v\n0,4\n1,high\n", InputError, "line 3, voltage_v: found no number"),
        ("time_s,voltage_nm\n0,4\n1,4\n", InputError, "voltage_nm: found 1 nm"),
        ("time_s,voltage_v\n0,4\n1,9.9\n", InputError, "where mu_c is tabulated"),
        ("", ReadError, "not readable as CSV"),
    ],
)
def test_a_bad_curve_file_is_named(tmp_path, text, error, message):
    (tmp_path / "charge.csv").write_text(text)
    (tmp_path / "mu.csv").write_text("voltage_v,mu_c_ev\n3.6,-5.6\n4.3,-4.95\n")
    with pytest.raises(error, match=message) as found:
        read_charge_curve(tmp_path / "charge.csv", tmp_path / "mu.csv")
    assert "charge.csv" in str(found.value)
    with pytest.raises(ReadError, match="nowhere.csv"):
        read_charge_curve("nowhere.csv", tmp_path / "mu.csv")


def test_mu_c_follows_the_table_of_the_user_and_stops_with_it():
    table = [(4.3, -4.95), (4.1, -5.3)]
    np.testing.assert_allclose(along_charge([4.1, 4.2, 4.3], table), [-5.3, -5.125, -4.95])
    with pytest.raises(InputError, match="needed 4.1 to 4.3 V"):
        along_charge(4.4, table)
    with pytest.raises(InputError, match="mu_c table"):
        along_charge(4.2, [1, 2])


def test_the_studys_165_minutes_are_so_many_cycles():
    time = densification_time(2e-7, 1e-6, known="Li3B11O18").value
    assert cycles_of(time, "1 h", 0.5) == pytest.approx(time / 1800)
    with pytest.raises(InputError, match="at high voltage"):
        cycles_of(time, "1 h", 0.0)
