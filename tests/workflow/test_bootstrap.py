"""A recipe's bootstrap: the chain's errors from counts drawn again."""

import numpy as np
import pytest

from oxyspy.simulate import simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import Recipe

RECIPE = {"name": "boot", "edges": {"Mn_L": {}}, "oxygen": True, "valence": {"Mn_L": "mn_references"}}


@pytest.fixture(scope="module")
def scan():
    return simulate_scan(layer_nm=2.0, n_positions=24, step_nm=0.6, n_channels=1400, core_start=470.0, seed=7)


def analysed(scan, **choices):
    recipe = Recipe.model_validate({**RECIPE, **choices})
    arrays = scan.core[None], scan.core_energy, scan.low[None], scan.low_energy
    return analyse_arrays(*arrays, scan.positions_nm, recipe)


def test_bootstrap_of_the_chain_agrees_with_its_exact_errors(scan):
    exact, drawn = analysed(scan), analysed(scan, bootstrap={"draws": 40, "seed": 1})
    for name, item in drawn.edges.items():
        before = exact.edges[name]
        np.testing.assert_array_equal(item.functionals.values, before.functionals.values)
        bulk = exact.scan.bright[0]
        quotient = np.sqrt(
            np.diagonal(item.along.covariance, axis1=-2, axis2=-1)[bulk, :2]
            / np.diagonal(before.along.covariance, axis1=-2, axis2=-1)[bulk, :2]
        )
        # a sigma of 40 draws is known to 11 %, the mean of some 17 positions to 3 %
        assert quotient.mean() == pytest.approx(1.0, abs=0.1), name
    one, other = exact.states["Mn_L"], drawn.states["Mn_L"]
    # the estimate knows its errors to second order
    assert other.ratio_bulk == pytest.approx(one.ratio_bulk, rel=1e-3)
    assert other.ratio_bulk_sigma == pytest.approx(one.ratio_bulk_sigma, rel=0.25)
    assert other.valence_bulk_sigma == pytest.approx(one.valence_bulk_sigma, rel=0.3)
    assert drawn.layer.thickness_nm == pytest.approx(exact.layer.thickness_nm, abs=exact.layer.sigma_nm)


def test_same_seed_gives_the_same_errors(scan):
    first, again, other = (
        analysed(scan, oxygen=False, valence={}, bootstrap={"draws": 20, "seed": seed}).states["Mn_L"].ratio_bulk_sigma
        for seed in (1, 1, 2)
    )
    assert first == again != other
