"""The layer's own resistance: closed forms, and an independent integration."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from oxyspy.errors import InputError
from oxyspy.transport import resistance
from oxyspy.transport.permeation import steady_onsager, steady_time

CAPACITY = 0.5 * 4.2e22
FORCE = {"mu_c": -4.95, "mu_e": -5.24}
GROWTH = {"radius": 5e-4, "capacity": CAPACITY} | FORCE
STEADY = {"radius": 5e-4, "c_max": 4.2e22} | FORCE
GEOMETRIES = ("sphere", "cylinder", "plane")


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
    ours = resistance.resisted_layer(
        times, coating, L, layer_L, radius=r, capacity=CAPACITY, geometry=geometry, **FORCE
    )
    np.testing.assert_allclose(ours, found.y[0], rtol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_without_its_own_resistance_the_layer_is_the_study_s(geometry):
    layers = np.array([1e-8, 2e-7, 1e-5, 4e-4])
    ours = resistance.resisted_time(layers, 10e-7, 1e6, np.inf, geometry=geometry, **GROWTH)
    np.testing.assert_allclose(ours, steady_time(layers, 10e-7, 1e6, geometry=geometry, **STEADY), rtol=1e-12)
    back = resistance.resisted_layer(ours, 10e-7, 1e6, np.inf, geometry=geometry, **GROWTH)
    np.testing.assert_allclose(back, layers, rtol=1e-9)


def test_growth_goes_from_linear_to_parabolic():
    def exponent(t):
        a, b = resistance.resisted_layer(np.array([t, 1.01 * t]), 10e-7, 1e6, 1e6, geometry="plane", **GROWTH)
        return np.log(b / a) / np.log(1.01)

    assert exponent(1.0) == pytest.approx(1.0, abs=1e-3)
    assert exponent(1e9) == pytest.approx(0.5, abs=1e-2)


def test_a_bare_plane_grows_as_the_root_of_time():
    found = resistance.resisted_layer(1e5, 0.0, 1e6, 2e5, geometry="plane", **GROWTH)
    assert found == pytest.approx(np.sqrt(2 * 2e5 * 0.29 * 1e5 / CAPACITY), rel=1e-12)


def test_the_coefficient_behind_a_resisting_layer_comes_back():
    time = resistance.resisted_time(2e-7, 10e-7, 1.455e6, 3e5, **GROWTH)
    assert resistance.resisted_onsager(2e-7, 10e-7, time, 3e5, **GROWTH) == pytest.approx(1.455e6, rel=1e-10)
    # neglecting the layer's resistance understates the coating
    assert steady_onsager(2e-7, 10e-7, time, **STEADY) < 1.455e6
    # the layer alone takes longer than this
    assert np.isnan(resistance.resisted_onsager(2e-7, 10e-7, 1.0, 3e5, **GROWTH))


def test_a_particle_reacts_through_in_the_shrinking_core_time():
    r = 1e-5
    whole = resistance.resisted_time(r, 0.0, 1e6, 2e5, radius=r, capacity=CAPACITY, **FORCE)
    # sphere under its own product only: t = f c r^2 / (6 L (mu_c - mu_e))
    assert whole == pytest.approx(CAPACITY * r**2 / (6 * 2e5 * 0.29), rel=1e-12)
    cylinder = resistance.resisted_time(r, 0.0, 1e6, 2e5, radius=r, capacity=CAPACITY, geometry="cylinder", **FORCE)
    assert cylinder == pytest.approx(CAPACITY * r**2 / (4 * 2e5 * 0.29), rel=1e-12)
    assert resistance.resisted_layer(2 * whole, 0.0, 1e6, 2e5, radius=r, capacity=CAPACITY, **FORCE) == r


def test_no_resistance_at_all_is_refused():
    with pytest.raises(InputError, match="layer_L: found no resistance"):
        resistance.resisted_layer(1e5, 0.0, 1e6, np.inf, geometry="plane", **GROWTH)


def test_curvature_is_the_exact_resistance_of_a_shell():
    coating, r = 3e-6, 1e-5
    rho = np.linspace(r, r + coating, 200_001)
    for geometry, d in (("sphere", 3), ("cylinder", 2), ("plane", 1)):
        exact = np.trapezoid((r / rho) ** (d - 1), rho)
        study = coating / (1 + coating / r) ** (d - 1)
        assert resistance.curvature_factor(coating, r, geometry) == pytest.approx(exact / study, rel=1e-9)
