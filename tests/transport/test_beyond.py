"""Growth beyond the steady even coating, against closed forms and against independent integrations."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from oxyspy.errors import InputError
from oxyspy.transport import beyond
from oxyspy.transport.permeation import steady_layer, steady_onsager, steady_time

CAPACITY = 0.5 * 4.2e22
FORCE = {"mu_c": -4.95, "mu_e": -5.24}
GROWTH = {"radius": 5e-4, "capacity": CAPACITY} | FORCE
STEADY = {"radius": 5e-4, "c_max": 4.2e22} | FORCE
GEOMETRIES = ("sphere", "cylinder", "plane")


# ------------------------------------------------------------------ transient


def diffused(theta_end, n=80):
    """Oxygen in and out of a sheet between fixed ends, by finite volumes: an independent integration."""
    h = 1 / n
    # state: concentration of each cell, then what came in and what went out
    matrix = np.zeros((n + 2, n + 2))
    cells = np.arange(n)
    matrix[cells, cells] = -2 / h**2
    matrix[cells[1:], cells[:-1]] = matrix[cells[:-1], cells[1:]] = 1 / h**2
    matrix[0, 0] = matrix[n - 1, n - 1] = -3 / h**2
    matrix[n, 0], matrix[n + 1, n - 1] = -2 / h, 2 / h
    source = np.zeros(n + 2)
    source[0], source[n] = 2 / h**2, 2 / h
    found = solve_ivp(
        lambda _, state: matrix @ state + source,
        (0, theta_end),
        np.zeros(n + 2),
        jac=matrix,
        method="BDF",
        rtol=1e-6,
        atol=1e-8,
    )
    return found.y[n, -1], found.y[n + 1, -1]


@pytest.mark.parametrize("theta", [0.02, 0.1, 0.5, 2.0])
def test_transient_is_that_of_an_independent_integration(theta):
    coating, L, uptake = 10e-7, 1e6, 1e21
    time = theta * coating**2 * uptake / (L * 0.29)
    entered, left = diffused(theta)
    scale = coating * uptake
    # 80 cells, second order in h: 3e-4, but for the jump at the start
    assert beyond.oxygen_in(time, coating, L, -4.95, -5.24, uptake) / scale == pytest.approx(entered, rel=2e-3)
    assert beyond.oxygen_out(time, coating, L, -4.95, -5.24, uptake) / scale == pytest.approx(left, abs=5e-4)


def test_late_oxygen_runs_behind_by_the_time_lag_and_ahead_by_the_filling():
    coating, L, uptake = 10e-7, 1e6, 1e21
    lag = float(beyond.time_lag(coating, L, -4.95, -5.24, uptake))
    assert lag == pytest.approx(coating**2 * uptake / (6 * L * 0.29))
    time, flux = 20 * lag, L * 0.29 / coating
    assert beyond.oxygen_out(time, coating, L, -4.95, -5.24, uptake) == pytest.approx(flux * (time - lag), rel=1e-10)
    assert beyond.oxygen_in(time, coating, L, -4.95, -5.24, uptake) == pytest.approx(flux * (time + 2 * lag), rel=1e-10)


def test_early_oxygen_enters_as_the_root_of_time_and_none_leaves():
    coating, L, uptake = 10e-7, 1e6, 1e21
    scale = coating**2 * uptake / (L * 0.29)
    entered = beyond.oxygen_in(np.array([1e-4, 4e-4]) * scale, coating, L, -4.95, -5.24, uptake)
    assert entered[1] / entered[0] == pytest.approx(2.0, rel=1e-12)
    assert beyond.oxygen_out(1e-4 * scale, coating, L, -4.95, -5.24, uptake) == 0.0


def test_the_two_forms_meet_without_a_step():
    theta = np.array([0.05 - 1e-12, 0.05 + 1e-12])
    found = beyond.oxygen_in(theta * 1e-12 * 1e21 / 0.29e6, 1e-6, 1e6, -4.95, -5.24, 1e21)
    assert found[1] / found[0] == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_coating_that_takes_up_nothing_is_the_steady_one(geometry):
    conditions = GROWTH | {"geometry": geometry}
    found = beyond.transient_layer(9900.0, 10e-7, 1.455e6, uptake=1e10, **conditions)
    assert found == pytest.approx(steady_layer(9900.0, 10e-7, 1.455e6, geometry=geometry, **STEADY), rel=1e-9)


def test_a_coating_that_fills_makes_the_layer_thicker_by_a_third_of_the_filling():
    uptake = 1e21
    thin = beyond.transient_layer(9900.0, 10e-7, 1.455e6, uptake=1e10, geometry="plane", **GROWTH)
    thick = beyond.transient_layer(9900.0, 10e-7, 1.455e6, uptake=uptake, geometry="plane", **GROWTH)
    assert thick - thin == pytest.approx(10e-7 * uptake / 3 / CAPACITY, rel=1e-9)


# ------------------------------------------------------- the layer's own resistance


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_growth_under_two_resistances_is_that_of_an_independent_integration(geometry):
    r, coating, L, layer_L = 1e-5, 10e-7, 1.5e6, 1e6
    d = {"plane": 1, "cylinder": 2, "sphere": 3}[geometry]

    def rate(_, state):
        rho = r - state[0]
        # resistance for one unit of the particle's own area: coating at its outer area as the study, layer exactly
        path = coating / (1 + coating / r) ** (d - 1) / L
        path += {1: r - rho, 2: r * np.log(r / rho), 3: r * r * (1 / rho - 1 / r)}[d] / layer_L
        # the front moves through its own area
        return [0.29 / path / CAPACITY * (r / rho) ** (d - 1)]

    times = np.array([1e3, 1e4, 5e4, 2e5])
    found = solve_ivp(rate, (0, times[-1]), [0.0], t_eval=times, rtol=1e-10, atol=1e-16, method="Radau")
    ours = beyond.resisted_layer(times, coating, L, layer_L, radius=r, capacity=CAPACITY, geometry=geometry, **FORCE)
    np.testing.assert_allclose(ours, found.y[0], rtol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_without_its_own_resistance_the_layer_is_the_study_s(geometry):
    layers = np.array([1e-8, 2e-7, 1e-5, 4e-4])
    ours = beyond.resisted_time(layers, 10e-7, 1e6, np.inf, geometry=geometry, **GROWTH)
    np.testing.assert_allclose(ours, steady_time(layers, 10e-7, 1e6, geometry=geometry, **STEADY), rtol=1e-12)
    back = beyond.resisted_layer(ours, 10e-7, 1e6, np.inf, geometry=geometry, **GROWTH)
    np.testing.assert_allclose(back, layers, rtol=1e-9)


def test_growth_goes_from_linear_to_parabolic():
    def exponent(t):
        a, b = beyond.resisted_layer(np.array([t, 1.01 * t]), 10e-7, 1e6, 1e6, geometry="plane", **GROWTH)
        return np.log(b / a) / np.log(1.01)

    assert exponent(1.0) == pytest.approx(1.0, abs=1e-3)
    assert exponent(1e9) == pytest.approx(0.5, abs=1e-2)


def test_a_bare_plane_grows_as_the_root_of_time():
    found = beyond.resisted_layer(1e5, 0.0, 1e6, 2e5, geometry="plane", **GROWTH)
    assert found == pytest.approx(np.sqrt(2 * 2e5 * 0.29 * 1e5 / CAPACITY), rel=1e-12)


def test_the_coefficient_behind_a_resisting_layer_comes_back():
    time = beyond.resisted_time(2e-7, 10e-7, 1.455e6, 3e5, **GROWTH)
    assert beyond.resisted_onsager(2e-7, 10e-7, time, 3e5, **GROWTH) == pytest.approx(1.455e6, rel=1e-10)
    # neglecting the layer's resistance understates the coating
    assert steady_onsager(2e-7, 10e-7, time, **STEADY) < 1.455e6
    # the layer alone takes longer than this
    assert np.isnan(beyond.resisted_onsager(2e-7, 10e-7, 1.0, 3e5, **GROWTH))


def test_a_particle_reacts_through_in_the_shrinking_core_time():
    r = 1e-5
    whole = beyond.resisted_time(r, 0.0, 1e6, 2e5, radius=r, capacity=CAPACITY, **FORCE)
    # sphere under its own product only: t = f c r^2 / (6 L (mu_c - mu_e))
    assert whole == pytest.approx(CAPACITY * r**2 / (6 * 2e5 * 0.29), rel=1e-12)
    cylinder = beyond.resisted_time(r, 0.0, 1e6, 2e5, radius=r, capacity=CAPACITY, geometry="cylinder", **FORCE)
    assert cylinder == pytest.approx(CAPACITY * r**2 / (4 * 2e5 * 0.29), rel=1e-12)
    assert beyond.resisted_layer(2 * whole, 0.0, 1e6, 2e5, radius=r, capacity=CAPACITY, **FORCE) == r


def test_no_resistance_at_all_is_refused():
    with pytest.raises(InputError, match="layer_L: found no resistance"):
        beyond.resisted_layer(1e5, 0.0, 1e6, np.inf, geometry="plane", **GROWTH)


def test_curvature_is_the_exact_resistance_of_a_shell():
    coating, r = 3e-6, 1e-5
    rho = np.linspace(r, r + coating, 200_001)
    for geometry, d in (("sphere", 3), ("cylinder", 2), ("plane", 1)):
        exact = np.trapezoid((r / rho) ** (d - 1), rho)
        study = coating / (1 + coating / r) ** (d - 1)
        assert beyond.curvature_factor(coating, r, geometry) == pytest.approx(exact / study, rel=1e-9)


# ---------------------------------------------------------------- cycles


def test_cycles_add_up():
    time = beyond.time_at_voltage(100, "10 h", 0.25)
    assert time == pytest.approx(100 * 36000 * 0.25)
    once = steady_layer(9000.0, 10e-7, 1.455e6, geometry="plane", **STEADY)
    assert steady_layer(time, 10e-7, 1.455e6, geometry="plane", **STEADY) == pytest.approx(100 * once)


def test_per_cent_for_a_fraction_of_the_cycle_is_refused():
    with pytest.raises(InputError, match="fraction .*found 25, needed a fraction from 0 to 1"):
        beyond.time_at_voltage(100, 36000.0, 25)
    with pytest.raises(InputError, match="cycles: found -1"):
        beyond.time_at_voltage(-1, 36000.0, 0.2)


def test_exposure_counts_only_the_time_with_a_driving_force():
    t = np.linspace(0, 100.0, 10_001)
    mu_c = -5.24 + 0.3 * np.sin(2 * np.pi * t / 100)
    # the positive half of a sine: 0.3 * 100 / pi
    assert beyond.exposure(t, mu_c, -5.24) == pytest.approx(0.3 * 100 / np.pi, rel=1e-6)
    with pytest.raises(InputError, match="time"):
        beyond.exposure([1.0, 0.0], [0, 0], -5.0)


def test_an_exposure_gives_the_layer_of_a_constant_force():
    exposure = beyond.exposure([0.0, 9900.0], [-4.95, -4.95], -5.24)
    unit = STEADY | {"mu_c": 0.0, "mu_e": -1.0}
    found = steady_layer(exposure, 10e-7, 1.455e6, **unit)
    assert found == pytest.approx(steady_layer(9900.0, 10e-7, 1.455e6, **STEADY), rel=1e-12)


# ---------------------------------------------------------- uneven coatings, holes


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.6])
def test_an_uneven_coating_lets_through_the_mean_of_its_inverse(spread):
    even = steady_layer(9900.0, 10e-7, 1.455e6, geometry="plane", **STEADY)
    found = beyond.uneven_layer(9900.0, 10e-7, 1.455e6, spread=spread, geometry="plane", **GROWTH)
    assert found.mean == pytest.approx(even * (1 + spread**2), rel=1e-9)
    # 1/l is log-normal of the same relative spread
    assert found.covered_sigma / found.covered_mean == pytest.approx(spread, rel=1e-6)
    assert found.effective_coating == pytest.approx(10e-7 / (1 + spread**2), rel=1e-9)


def test_an_uneven_coating_agrees_with_drawn_thicknesses():
    rng = np.random.default_rng(0)
    width = np.sqrt(np.log1p(0.4**2))
    drawn = 10e-7 * np.exp(width * rng.standard_normal(100_000) - width**2 / 2)
    layers = beyond.resisted_layer(1e5, drawn, 1.455e6, 2e5, **GROWTH)
    found = beyond.uneven_layer(1e5, 10e-7, 1.455e6, spread=0.4, layer_L=2e5, **GROWTH)
    # 100 000 draws know the mean to 0.1 %
    assert found.mean == pytest.approx(layers.mean(), rel=5e-3)
    assert found.covered_sigma == pytest.approx(layers.std(), rel=2e-2)


def test_an_even_coating_is_itself():
    for geometry in GEOMETRIES:
        found = beyond.uneven_layer(9900.0, 10e-7, 1.455e6, geometry=geometry, **GROWTH)
        assert found.mean == pytest.approx(steady_layer(9900.0, 10e-7, 1.455e6, geometry=geometry, **STEADY), rel=1e-9)
        assert found.effective_coating == pytest.approx(10e-7, rel=1e-8)
        assert np.isnan(found.bare)


def test_pinholes_add_their_area_of_bare_layer():
    covered = beyond.uneven_layer(9900.0, 10e-7, 1e5, layer_L=1e6, geometry="plane", **GROWTH)
    holes = beyond.uneven_layer(9900.0, 10e-7, 1e5, layer_L=1e6, pinholes=0.05, geometry="plane", **GROWTH)
    bare = np.sqrt(2 * 1e6 * 0.29 * 9900.0 / CAPACITY)
    assert holes.bare == pytest.approx(bare, rel=1e-9)
    assert holes.mean == pytest.approx(0.95 * covered.mean + 0.05 * bare, rel=1e-9)
    # the effective coating is thinner, by more than the area of the holes
    assert holes.effective_coating < 0.95 * 10e-7


@pytest.mark.parametrize(
    ("change", "message"),
    [({"pinholes": 5.0}, "pinholes .*found 5, needed a fraction"), ({"spread": -0.1}, "spread: found -0.1")],
)
def test_bad_coatings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        beyond.uneven_layer(9900.0, 10e-7, 1e6, **GROWTH, **change)
    with pytest.raises(InputError, match="layer_L"):
        beyond.uneven_layer(9900.0, 10e-7, 1e6, pinholes=0.1, geometry="plane", **GROWTH)
