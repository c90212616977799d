"""Steady permeation: the study's formula, its limits, and both directions of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxyspy.errors import InputError
from oxyspy.transport.permeation import (
    layer_of_volume,
    layer_volume,
    steady_flux,
    steady_layer,
    steady_onsager,
    steady_time,
)

STUDY = {"radius": 5e-4, "mu_c": -4.95, "mu_e": -5.24, "c_max": 4.2e22}


def log_uniform(low, high):
    return st.floats(np.log(low), np.log(high)).map(np.exp)


def study_formula(layer, coating, L, radius, mu_c, mu_e, c_max):
    """As the study prints it."""
    return (radius**3 - (radius - layer) ** 3) / (6 * (radius + coating) ** 2) * c_max * coating / (L * (mu_c - mu_e))


@settings(deadline=None)
@given(
    layer=log_uniform(1e-8, 1e-5),
    coating=log_uniform(1e-8, 1e-5),
    L=log_uniform(1e2, 1e12),
    radius=log_uniform(1e-4, 1e-2),
    force=st.floats(0.05, 5.0),
)
def test_sphere_is_the_formula_of_the_study(layer, coating, L, radius, force):
    ours = steady_time(layer, coating, L, radius=radius, mu_c=-5.0, mu_e=-5.0 - force, c_max=4.2e22)
    # the printed cubes lose digits where the layer is thin: eps r / l at worst 1e-10
    assert ours == pytest.approx(study_formula(layer, coating, L, radius, -5.0, -5.0 - force, 4.2e22), rel=1e-9)


@settings(max_examples=1000, deadline=None)
@given(
    geometry=st.sampled_from(["sphere", "cylinder", "plane"]),
    share=st.floats(1e-6, 0.999),
    coating=log_uniform(1e-8, 1e-4),
    L=log_uniform(1e2, 1e14),
    radius=log_uniform(1e-6, 1e-2),
    mu_e=st.floats(-9.0, -5.0),
    c_max=log_uniform(1e22, 1e23),
    released=st.floats(0.05, 1.0),
)
def test_forward_then_inverse_gives_the_coefficient_put_in(geometry, share, coating, L, radius, mu_e, c_max, released):
    layer = share * radius
    conditions = {"radius": radius, "mu_c": -4.95, "mu_e": mu_e, "c_max": c_max, "released": released}
    conditions["geometry"] = geometry
    time = steady_time(layer, coating, L, **conditions)
    assert steady_onsager(layer, coating, time, **conditions) == pytest.approx(L, rel=1e-10)
    # near the middle of a sphere a time says little of the radius left: d ln(r - l) = d ln(rest of volume) / 3
    assert steady_layer(time, coating, L, **conditions) == pytest.approx(layer, rel=1e-10)


def test_a_large_sphere_and_a_large_cylinder_are_planes():
    # q differs from l by (l + (d-1) l_c) / r: 1e-8 here
    layer, coating, radius = 2e-7, 10e-7, 1e2
    for geometry in ("sphere", "cylinder"):
        assert layer_volume(layer, coating, radius, geometry) == pytest.approx(layer, rel=5e-8)


def test_the_whole_particle_reacts_and_no_more():
    assert steady_layer(1e30, 1e-6, 1e6, **STUDY) == STUDY["radius"]
    # all of a sphere: r / 3 for one unit of its area
    assert layer_volume(5e-4, 0.0, 5e-4) == pytest.approx(5e-4 / 3, rel=1e-15)
    assert layer_of_volume(5e-4 / 2, 0.0, 5e-4, "cylinder") == pytest.approx(5e-4)


def test_oxygen_released_is_oxygen_let_through():
    # balance: f c_max (4/3) pi [r^3 - (r-l)^3] leaves by 4 pi (r + l_c)^2 J t
    r, coating, L, time = 5e-4, 10e-7, 1e6, 3600.0
    layer = steady_layer(time, coating, L, **STUDY)
    released = 0.5 * 4.2e22 * 4 / 3 * np.pi * (r**3 - (r - layer) ** 3)
    passed = 4 * np.pi * (r + coating) ** 2 * steady_flux(L, coating, -4.95, -5.24) * time
    # the cubes lose eps r / l of their digits
    assert released == pytest.approx(passed, rel=1e-10)


def test_scans_broadcast():
    layers = np.array([[1e-7], [2e-7]])
    coatings = np.array([1e-7, 5e-7, 1e-6])
    assert steady_time(layers, coatings, 1e6, **STUDY).shape == (2, 3)


def test_unknown_geometry_is_refused_by_name():
    with pytest.raises(InputError, match="geometry: found 'cube'"):
        layer_volume(1e-7, 1e-7, 1e-4, "cube")
