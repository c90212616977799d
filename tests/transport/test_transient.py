"""Before permeation is steady: closed forms, and an independent integration."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from oxyspy.errors import InputError
from oxyspy.transport import time_lag, transient
from oxyspy.transport.permeation import steady_layer

CAPACITY = 0.5 * 4.2e22
FORCE = {"mu_c": -4.95, "mu_e": -5.24}
GROWTH = {"radius": 5e-4, "capacity": CAPACITY} | FORCE
STEADY = {"radius": 5e-4, "c_max": 4.2e22} | FORCE
GEOMETRIES = ("sphere", "cylinder", "plane")


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
    assert transient.oxygen_in(time, coating, L, -4.95, -5.24, uptake) / scale == pytest.approx(entered, rel=2e-3)
    assert transient.oxygen_out(time, coating, L, -4.95, -5.24, uptake) / scale == pytest.approx(left, abs=5e-4)


def test_late_oxygen_runs_behind_by_the_time_lag_and_ahead_by_the_filling():
    coating, L, uptake = 10e-7, 1e6, 1e21
    lag = float(transient.time_lag(coating, L, -4.95, -5.24, uptake))
    assert lag == pytest.approx(coating**2 * uptake / (6 * L * 0.29))
    time, flux = 20 * lag, L * 0.29 / coating
    assert transient.oxygen_out(time, coating, L, -4.95, -5.24, uptake) == pytest.approx(flux * (time - lag), rel=1e-10)
    assert transient.oxygen_in(time, coating, L, -4.95, -5.24, uptake) == pytest.approx(
        flux * (time + 2 * lag), rel=1e-10
    )


def test_early_oxygen_enters_as_the_root_of_time_and_none_leaves():
    coating, L, uptake = 10e-7, 1e6, 1e21
    scale = coating**2 * uptake / (L * 0.29)
    entered = transient.oxygen_in(np.array([1e-4, 4e-4]) * scale, coating, L, -4.95, -5.24, uptake)
    assert entered[1] / entered[0] == pytest.approx(2.0, rel=1e-12)
    assert transient.oxygen_out(1e-4 * scale, coating, L, -4.95, -5.24, uptake) == 0.0


def test_the_two_forms_meet_without_a_step():
    theta = np.array([0.05 - 1e-12, 0.05 + 1e-12])
    found = transient.oxygen_in(theta * 1e-12 * 1e21 / 0.29e6, 1e-6, 1e6, -4.95, -5.24, 1e21)
    assert found[1] / found[0] == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_coating_that_takes_up_nothing_is_the_steady_one(geometry):
    conditions = GROWTH | {"geometry": geometry}
    found = transient.transient_layer(9900.0, 10e-7, 1.455e6, uptake=1e10, **conditions)
    assert found == pytest.approx(steady_layer(9900.0, 10e-7, 1.455e6, geometry=geometry, **STEADY), rel=1e-9)


def test_a_coating_that_fills_makes_the_layer_thicker_by_a_third_of_the_filling():
    uptake = 1e21
    thin = transient.transient_layer(9900.0, 10e-7, 1.455e6, uptake=1e10, geometry="plane", **GROWTH)
    thick = transient.transient_layer(9900.0, 10e-7, 1.455e6, uptake=uptake, geometry="plane", **GROWTH)
    assert thick - thin == pytest.approx(10e-7 * uptake / 3 / CAPACITY, rel=1e-9)


def test_a_time_lag_needs_a_driving_force():
    with pytest.raises(InputError, match="mu_c - mu_e: found -0.29 eV"):
        time_lag(10e-7, 1e6, -5.24, -4.95, 1e21)
