"""Uneven coatings and holes."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.transport.permeation import steady_layer
from oxyspy.transport.resistance import resisted_layer
from oxyspy.transport.uneven import uneven_layer

CAPACITY = 0.5 * 4.2e22
FORCE = {"mu_c": -4.95, "mu_e": -5.24}
GROWTH = {"radius": 5e-4, "capacity": CAPACITY} | FORCE
STEADY = {"radius": 5e-4, "c_max": 4.2e22} | FORCE
GEOMETRIES = ("sphere", "cylinder", "plane")


@pytest.mark.parametrize("spread", [0.1, 0.3, 0.6])
def test_an_uneven_coating_lets_through_the_mean_of_its_inverse(spread):
    even = steady_layer(9900.0, 10e-7, 1.455e6, geometry="plane", **STEADY)
    found = uneven_layer(9900.0, 10e-7, 1.455e6, spread=spread, geometry="plane", **GROWTH)
    assert found.mean == pytest.approx(even * (1 + spread**2), rel=1e-9)
    # 1/l is log-normal of the same relative spread
    assert found.covered_sigma / found.covered_mean == pytest.approx(spread, rel=1e-6)
    assert found.effective_coating == pytest.approx(10e-7 / (1 + spread**2), rel=1e-9)


def test_an_uneven_coating_agrees_with_drawn_thicknesses():
    rng = np.random.default_rng(0)
    width = np.sqrt(np.log1p(0.4**2))
    drawn = 10e-7 * np.exp(width * rng.standard_normal(100_000) - width**2 / 2)
    layers = resisted_layer(1e5, drawn, 1.455e6, 2e5, **GROWTH)
    found = uneven_layer(1e5, 10e-7, 1.455e6, spread=0.4, layer_L=2e5, **GROWTH)
    # 100 000 draws know the mean to 0.1 %
    assert found.mean == pytest.approx(layers.mean(), rel=5e-3)
    assert found.covered_sigma == pytest.approx(layers.std(), rel=2e-2)


def test_an_even_coating_is_itself():
    for geometry in GEOMETRIES:
        found = uneven_layer(9900.0, 10e-7, 1.455e6, geometry=geometry, **GROWTH)
        assert found.mean == pytest.approx(steady_layer(9900.0, 10e-7, 1.455e6, geometry=geometry, **STEADY), rel=1e-9)
        assert found.effective_coating == pytest.approx(10e-7, rel=1e-8)
        assert np.isnan(found.bare)


def test_pinholes_add_their_area_of_bare_layer():
    covered = uneven_layer(9900.0, 10e-7, 1e5, layer_L=1e6, geometry="plane", **GROWTH)
    holes = uneven_layer(9900.0, 10e-7, 1e5, layer_L=1e6, pinholes=0.05, geometry="plane", **GROWTH)
    bare = np.sqrt(2 * 1e6 * 0.29 * 9900.0 / CAPACITY)
    assert holes.bare == pytest.approx(bare, rel=1e-9)
    assert holes.mean == pytest.approx(0.95 * covered.mean + 0.05 * bare, rel=1e-9)
    # the effective coating is thinner, by more than the area of the holes
    assert holes.effective_coating < 0.95 * 10e-7


@pytest.mark.parametrize(
    ("change", "message"),
    [({"pinholes": 5.0}, "pinholes .*found 5, needed a fraction"), ({"spread": -0.1}, "spread .*found -0.1")],
)
def test_bad_coatings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        uneven_layer(9900.0, 10e-7, 1e6, **GROWTH, **change)
    with pytest.raises(InputError, match="layer_L"):
        uneven_layer(9900.0, 10e-7, 1e6, pinholes=0.1, geometry="plane", **GROWTH)
