"""What tells of the layer: each witness alone and all together, from known profiles and from simulated counts."""

import numpy as np
import pytest
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.layer import Witness, fit_layer
from oxyspy.layer.grid import interval, over_widths
from oxyspy.simulate import simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import load_recipe

NMC = load_recipe("nmc")
RECIPE = NMC.model_copy(update={"edges": {"Mn_L": NMC.edges["Mn_L"]}, "valence": {}})
BASE = {"n_positions": 48, "step_nm": 0.4, "n_channels": 1880, "core_start": 460.0, "coating_nm": 3.0, "dose": 600.0}
SURFACE, X = 6.0, 0.3 * np.arange(60)
METAL = 40_000.0 * ndtr((X - SURFACE) / 0.3)


def witness(end, rng, name="w", levels=(0.66, 0.80), noise=2.0, **choices):
    """A ratio that changes at depth ``end``."""
    den = METAL + rng.normal(size=X.size) * np.sqrt(METAL + 2000)
    q = levels[0] + (levels[1] - levels[0]) * ndtr((SURFACE + end - X) / 0.3)
    sigma = noise * np.sqrt(METAL + 2000)
    num = q * den + rng.normal(size=X.size) * sigma
    v = METAL + 2000
    return Witness(name, num, den, sigma**2 + q**2 * v, v, q * v, **choices)


def fit(*witnesses, **choices):
    return fit_layer(X, (METAL, METAL + 2000.0), witnesses, **choices)


def scan_of(**choices):
    return simulate_scan(**{**BASE, **choices})


def analysed(scan, recipe=RECIPE, **choices):
    given = scan.core[None], scan.core_energy, scan.low[None], scan.low_energy, scan.positions_nm
    return analyse_arrays(*given, recipe, **choices)


def test_each_witness_alone_finds_the_layer_and_its_levels_are_those_it_was_made_with():
    result = analysed(scan_of(layer_nm=3.0, seed=1))
    alone = {w.name: w for w in result.layer.by_witness}
    assert set(alone) == {"Mn L3 / (L3 + L2)", "O K pre-edge / main edge", "Mn L3 position", "Mn L2 - L3"}
    for found in alone.values():
        # 99.9 % of the interval's normal
        assert abs(found.thickness_nm - 3.0) < 3.3 * found.sigma_nm and found.interval_95_nm[0] < found.thickness_nm
    assert [w.joint for w in result.layer.by_witness] == [True, True, False, False]
    levels = {level.name: level for level in result.layer.levels}
    apart = levels["Mn L2 - L3"]
    # 12.20 and 10.22 eV; centroids in windows of ±5 and ±4 eV cut the lines' feet off, by up to 0.3 eV
    assert apart.layer == pytest.approx(12.20, abs=0.3 + 3 * apart.layer_sigma)
    assert apart.bulk == pytest.approx(10.22, abs=0.1 + 3 * apart.bulk_sigma)
    moved = levels["Mn L3 position"]
    assert moved.layer - moved.bulk == pytest.approx(640.56 - 643.26, abs=0.5 + 3 * moved.layer_sigma)


@pytest.mark.parametrize("chosen", ["mn_l3_shift", "mn_splitting"])
def test_layer_can_be_fitted_to_a_position_instead_of_the_ratio(chosen):
    recipe = RECIPE.model_copy(update={"witnesses": (chosen, "o_pre_edge")})
    layer = analysed(scan_of(layer_nm=2.0, seed=2), recipe).layer
    assert layer.supported and abs(layer.thickness_nm - 2.0) < 3.3 * layer.sigma_nm
    assert {w.name for w in layer.by_witness if w.joint} == {
        "O K pre-edge / main edge", {"mn_l3_shift": "Mn L3 position", "mn_splitting": "Mn L2 - L3"}[chosen],
    }  # fmt: skip


def test_splitting_does_not_mind_a_drift_that_is_left_in_and_the_position_does():
    scan = scan_of(layer_nm=0.0, drift_ev=1.0, seed=5, dose=2000.0)
    recipe = RECIPE.model_copy(update={"drift": "none", "witnesses": ("mn_splitting",)})
    levels = {level.name: level for level in analysed(scan, recipe).layer.levels}
    # a window that stands still cuts a line's foot when it moves: a tenth of an eV
    assert levels["Mn L2 - L3"].bulk == pytest.approx(10.22, abs=0.15)
    taken_out = analysed(scan, RECIPE.model_copy(update={"drift": "zero_loss"}))
    assert not taken_out.layer.supported


def test_two_witnesses_of_the_same_counts_are_no_two_witnesses(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text("edges:\n  Mn_L: {}\nwitnesses: [mn_l3_share, mn_splitting]\n")
    with pytest.raises(InputError, match="same counts"):
        load_recipe(file)


def test_witnesses_that_contradict_each_other_are_named_and_widen_the_error():
    rng = np.random.default_rng(1)
    together = [fit(witness(2.0, rng, "first"), witness(2.0, rng, "second")) for _ in range(20)]
    # p-values of what agrees: under 5 % in 1 of 20 on average, in more than 4 once in 300 times
    assert sum(f.agreement_probability < 0.05 for f in together) < 5
    assert not any(f.notes for f in together if f.agreement_probability > 0.003)
    apart = [fit(witness(2.0, rng, "first"), witness(5.0, rng, "second")) for _ in range(3)]
    for found in apart:
        assert found.agreement_probability < 1e-3 and "first" in found.notes[0] and "contradict" in found.notes[0]
        # half of the distance between them, about
        assert found.sigma_nm > 0.5
        assert [w.thickness_nm for w in found.by_witness] == pytest.approx([2.0, 5.0], abs=0.3)


def test_witness_outside_the_fit_that_sees_another_layer_is_named():
    rng = np.random.default_rng(2)
    found = fit(witness(2.0, rng, "first"), others=[witness(4.0, rng, "other"), witness(2.0, rng, "same")])
    assert len(found.notes) == 1 and found.notes[0].startswith("other, which has no part in the fit")
    assert found.thickness_nm == pytest.approx(2.0, abs=0.2)
    assert [level.name for level in found.levels] == ["first", "other", "same"]


def test_limit_of_a_witness_of_either_sign_holds_whichever_way_it_changes():
    rng = np.random.default_rng(3)
    for sign in (1, -1):
        layers = [witness(0.6, rng, levels=(0.0, 0.1 * sign), noise=12.0, signed=False) for _ in range(20)]
        missed = [f for f in map(fit, layers) if not f.supported]
        assert len(missed) > 8
        # 95 %, less three binomial standard errors
        held = np.mean([f.upper_limit_nm >= 0.6 for f in missed])
        assert held > 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(missed))


def test_two_changes_come_with_errors_that_are_their_scatter():
    rng = np.random.default_rng(4)
    pull = []
    v = METAL + 2000
    for _ in range(20):
        q = 0.66 + 0.08 * ndtr((SURFACE + 2 - X) / 0.3) + 0.08 * ndtr((SURFACE + 5 - X) / 0.3)
        num = q * METAL + rng.normal(size=X.size) * 2 * np.sqrt(v)
        found = fit(Witness("w", num, METAL, 4 * v, np.full(X.size, 1e-9), np.zeros(X.size)))
        pull.append((np.array(found.two_nm) - [2.0, 5.0]) / found.two_sigma_nm)
    # of 40 numbers a standard deviation is known to 11 %; the surface and the grid's steps are in the errors too
    assert np.isfinite(pull).all() and 0.5 < np.std(pull) < 1.35 and abs(np.mean(pull)) < 0.5


def test_interval_of_a_parabola_is_exact_on_any_grid():
    grid = 0.02 * np.arange(-100, 101)
    for centre in (0.0, 0.003, 0.0099, -0.007):
        for sigma in (0.01, 0.02, 0.3):
            low, high = interval(grid, 5 + ((grid - centre) / sigma) ** 2, 1.0)
            assert (low, high) == pytest.approx((centre - sigma, centre + sigma), abs=1e-9)


def test_best_width_is_found_between_those_that_are_tried():
    widths = np.geomspace(0.1, 2.0, 12)
    chi2 = 3.0 + 40 * np.log(widths[:, None] / 0.37) ** 2 + np.zeros(5)
    least, best = over_widths(chi2, widths)
    assert least == pytest.approx(3.0) and best == pytest.approx(0.37)
    at_the_end = over_widths(chi2[6:], widths[6:])
    assert at_the_end[0] == pytest.approx(chi2[6]) and at_the_end[1] == pytest.approx(widths[6])


def test_a_line_whose_far_end_is_too_thick_to_measure_still_has_its_layer():
    scan = scan_of(layer_nm=2.0, t_over_lambda=2.3, wedge_per_nm=0.01, dose=2000.0)
    assert (scan.truth["t_over_lambda"][-8:] > 2.5).all()
    result = analysed(scan)
    assert np.isnan(result.edges["Mn_L"].along.values[-1, 0])
    assert result.layer.supported and abs(result.layer.thickness_nm - 2.0) < 3.3 * result.layer.sigma_nm


def test_ratio_that_cannot_be_given_makes_a_result_partial():
    result = analysed(scan_of(layer_nm=2.0, dose=6.0, low_counts=1e5), RECIPE.model_copy(update={"oxygen": False,
                      "witnesses": ("mn_l3_share",)}))  # fmt: skip
    state = result.states["Mn_L"]
    assert np.isnan(state.ratio_layer) or np.isnan(state.ratio_bulk) or not result.layer.supported
    if result.layer.supported:
        assert result.status == "partial" and "no L3/L2" in result.message
