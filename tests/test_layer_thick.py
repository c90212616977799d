"""Layers of thick specimens, from simulated counts through the whole chain."""

import numpy as np
import pytest

from oxyspy.simulate import simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import load_recipe

NMC = load_recipe("nmc")
WINDOWS = {"l3_half": 5.0, "l2_half": 4.0, "post": (662.0, 680.0)}
RECIPE = NMC.model_copy(update={"edges": {"Mn_L": NMC.edges["Mn_L"]}, "valence": {}})


def scan_of(t_over_lambda, **choices):
    return simulate_scan(
        n_positions=48, step_nm=0.4, n_channels=1880, core_start=460.0, coating_nm=3.0, dose=2000.0,
        t_over_lambda=t_over_lambda, **choices,
    )  # fmt: skip


def analysed(scan, core, low, recipe=RECIPE):
    given = core[None], scan.core_energy, low[None], scan.low_energy, scan.positions_nm
    return analyse_arrays(*given, recipe)


@pytest.mark.parametrize("t_over_lambda", [1.5, 2.0, 2.3])
def test_layer_and_ratio_of_a_thick_specimen_are_those_of_a_thin_one(t_over_lambda):
    thin, scan = scan_of(0.05), scan_of(t_over_lambda)
    ratio = analysed(thin, thin.core_expected, thin.low_expected).states["Mn_L"].ratio_bulk
    found = [analysed(scan, core, low) for core, low in zip(*scan.noisy(3, seed=3), strict=True)]
    pull = [(result.layer.thickness_nm - 2.0) / result.layer.sigma_nm for result in found]
    states = [result.states["Mn_L"] for result in found]
    pull += [(state.ratio_bulk - ratio) / state.ratio_bulk_sigma for state in states]
    # three and a half standard errors of one, for eighteen numbers of which no seed was chosen
    assert np.abs(pull).max() < 3.5


def test_wedge_of_any_slope_leaves_the_layers_ratio_as_it_is():
    steep = 0.15 + 0.06 * np.clip(0.4 * np.arange(48) - 5.0, 0, None)
    flat, wedge = (scan_of(thickness) for thickness in (0.5, steep))
    ratios = [
        analysed(scan, scan.core_expected, scan.low_expected).states["Mn_L"].ratio_layer for scan in (flat, wedge)
    ]
    # without noise; a layer of 2 nm hides no more than a hundredth
    assert ratios[1] == pytest.approx(ratios[0], rel=0.005)
    l3, l2 = flat.line_areas("Mn", **WINDOWS)
    assert ratios[0] == pytest.approx((l3 / l2)[14], rel=0.015)
