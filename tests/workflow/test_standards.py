"""A calibration of one's own standards in one call, and the valence by it."""

import hyperspy.api as hs
import numpy as np
import pytest

import oxyspy
from oxyspy.errors import InputError, MethodError
from oxyspy.simulate import simulate_scan
from oxyspy.workflow.recipe import load_recipe

SCAN = {"n_positions": 20, "step_nm": 0.5, "vacuum_nm": 0.0, "coating_nm": 1.0, "n_channels": 1900}


def signals(scan, where):
    """Core and low loss of some positions, as HyperSpy signals."""
    made = []
    for counts, axis, kind in ((scan.core, scan.core_axis, "core_loss_EELS"), (scan.low, scan.low_axis, "EELS")):
        signal = hs.signals.Signal1D(counts[where])
        signal.set_signal_type(kind)
        energy = signal.axes_manager.signal_axes[0]
        energy.offset, energy.scale, energy.units = *axis, "eV"
        for position in signal.axes_manager.navigation_axes:
            position.scale, position.units = 0.5, "nm"
        made.append(signal)
    return tuple(made)


@pytest.fixture(scope="module")
def standards():
    """Two of 2+ from thick layers, two of 4+ from bulks, at thicknesses of their own."""
    made = []
    for seed, t_over_lambda in ((1, 0.3), (2, 0.7)):
        layer = simulate_scan(layer_nm=6.0, t_over_lambda=t_over_lambda, seed=seed, **SCAN)
        bulk = simulate_scan(layer_nm=0.0, t_over_lambda=t_over_lambda, seed=seed, **SCAN)
        made += [signals(layer, slice(4, 11)), signals(bulk, slice(4, None))]
    return made


def test_standards_in_one_call_make_a_calibration_that_a_recipe_uses(standards, tmp_path, test_data):
    mine = oxyspy.calibrate_from_standards(standards, [2, 4, 2, 4], "nmc", source="simulated oxides")
    two, four = mine.standards
    # made with 4.3 and 1.98; finite windows hold 0.96 and 0.99 of that
    assert two.ratio == pytest.approx(4.13, rel=0.03) and four.ratio == pytest.approx(1.965, rel=0.02)
    assert two.splitting_ev == pytest.approx(12.2, abs=0.2) and four.splitting_ev == pytest.approx(10.22, abs=0.1)
    assert (two.n, four.n) == (2, 2) and not mine.indicative
    assert mine.method.deconvolution == "zero_loss" and mine.method.post == (662.0, 680.0)
    mine.save(tmp_path / "mine.yaml")
    recipe = load_recipe("nmc").model_copy(update={"valence": {"Mn_L": str(tmp_path / "mine.yaml")}})
    state = oxyspy.analyse(test_data / "demo" / "rocksalt_4nm_wrong_axis", recipe).states["Mn_L"]
    assert state.valence_bulk == pytest.approx(4.0, abs=2 * state.valence_bulk_sigma) and state.valence_bulk_sigma < 0.2
    assert state.valence_layer == pytest.approx(2.0, abs=2 * state.valence_layer_sigma)
    assert state.valence_note.startswith("simulated oxides") and not state.valence_indicative


def test_single_spectra_without_a_low_loss_are_standards_as_recorded(standards):
    single = [core.sum() for core, _ in standards]
    mine = oxyspy.calibrate_from_standards(single, [2, 4, 2, 4])
    assert mine.method.deconvolution == "none"
    # t/λ of 0.3 and 0.7 are in the spread of such standards
    assert mine.standards[1].spread > 0.1


@pytest.mark.parametrize(
    ("choose", "valences", "error", "match"),
    [
        (lambda s: s, [2, 4], InputError, "4 standards, but 2 valences"),
        (lambda s: s[:1], [4], InputError, "two valences or more, found 1"),
        (lambda s: s[:2], [4, 2], InputError, "must fall from valence to valence"),
        (lambda s: [s[0], s[1][0]], [2, 4], MethodError, "not measured in one way; has each a low loss"),
        (lambda s: [s[0], "nowhere.dm4"], [2, 4], InputError, r"standard 2 of 2: .*nowhere\.dm4"),
    ],
)
def test_standards_that_cannot_serve_are_refused(standards, choose, valences, error, match):
    with pytest.raises(error, match=match):
        oxyspy.calibrate_from_standards(choose(standards), valences)


def test_standard_without_the_edge_is_named(standards):
    rng = np.random.default_rng(0)
    core = standards[0][0].deepcopy()
    energy = core.axes_manager.signal_axes[0].axis
    core.data = rng.poisson(2000 * (energy / 600) ** -3.0, core.data.shape).astype(np.float32)
    with pytest.raises(InputError, match="standard 1 of 2"):
        oxyspy.calibrate_from_standards([(core, standards[0][1]), standards[1]], [2, 4])
    with pytest.raises(InputError, match="does not measure Fe_L"):
        oxyspy.calibrate_from_standards(standards, [2, 4, 2, 4], edge="Fe_L")
