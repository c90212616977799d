"""The chain from files to the required diffusivity: scans of known truth, and a real cathode."""

import numpy as np
import pytest

import oxyspy
from oxyspy.data import read_yaml
from oxyspy.workflow.recipe import load_recipe

RECIPE = load_recipe("nmc").with_transport(coating="4 +- 0.4 nm", exposure="60 min")


@pytest.fixture(scope="module")
def truth(test_data):
    return read_yaml(test_data / "demo" / "truth.yaml")["scans"]


@pytest.fixture(scope="module")
def results(test_data, truth):
    return {name: oxyspy.analyse(test_data / "demo" / name, RECIPE) for name in truth}


@pytest.mark.parametrize("name", ["rocksalt_2nm", "rocksalt_4nm_wrong_axis", "noisy_3nm_from_bulk"])
def test_layer_of_a_known_scan_is_found_within_its_error(results, truth, name):
    layer = results[name].layer
    assert layer.supported
    # 95 % intervals; these seeds are fixed, so this is no coin toss each time
    assert layer.interval_95_nm[0] <= truth[name]["layer_nm"] <= layer.interval_95_nm[1]
    assert layer.surface_nm == pytest.approx(truth[name]["surface_nm"], abs=0.25)
    assert layer.reversed == (name == "noisy_3nm_from_bulk")


def test_pristine_scan_claims_no_layer_and_limits_the_diffusivity(results):
    result = results["pristine"]
    assert not result.layer.supported and result.layer.upper_limit_nm < 0.8
    assert result.diffusivity.upper_limit and np.isnan(result.diffusivity.value)


def test_wrong_axis_is_mended_and_the_correction_reported(results, truth):
    name = "rocksalt_4nm_wrong_axis"
    calibration = results[name].scan.calibration
    for energy in (643.0, 780.0, 855.0):
        recorded = (energy - truth[name]["axis_offset_ev"]) / truth[name]["axis_factor"]
        assert calibration(recorded) == pytest.approx(energy, abs=2 * calibration.correction_sigma_ev)


def test_drift_of_dual_eels_is_found_and_taken_out(results, truth):
    name = "rocksalt_4nm_wrong_axis"
    scan = results[name].scan
    drift = np.array(truth[name]["drift_ev"])
    step = scan.energy[1] - scan.energy[0]
    found = scan.moved[0] * step - scan.rest[0]
    # the zero-loss peak's position is known to a hundredth of an eV
    np.testing.assert_allclose(found - found.mean(), drift - drift.mean(), atol=0.05)


def test_ratios_are_those_of_the_phases(results):
    state = results["rocksalt_4nm_wrong_axis"].states["Mn_L"]
    # made with 1.98 and 4.3; ±5/±4 eV windows of finite lines and the post window's slope cost up to 5 %
    assert state.ratio_bulk == pytest.approx(1.98, rel=0.05)
    assert state.ratio_layer == pytest.approx(4.3, abs=3 * state.ratio_layer_sigma + 0.2)
    assert state.valence_bulk > 3
    # a valence is 2+ or not given, with the reason: the simulated L2 reaches into the calibration's short window
    assert state.valence_layer < 3 or "outside its standards" in state.valence_note
    assert state.shift_ev == pytest.approx(640.56 - 643.26, abs=0.6)


def test_spikes_are_replaced_counted_and_listed(results, truth):
    cleaning = results["noisy_3nm_from_bulk"].scan.cleaning
    found = {(p, c) for _, p, c in cleaning.spike_positions}
    last = len(results["noisy_3nm_from_bulk"].positions_nm) - 1
    made = {tuple(s) for s in truth["noisy_3nm_from_bulk"]["spikes"]}
    assert len(found & made) >= len(made) - 1 or len(found & {(last - p, c) for p, c in made}) >= len(made) - 1
    assert cleaning.spikes < len(made) + 4


def test_required_diffusivity_is_the_studys_formula_at_the_layer_found(results):
    result = results["rocksalt_2nm"]
    ls, lc, r, time = result.layer.thickness_nm * 1e-7, 4e-7, 5e-4, 3600.0
    onsager = (r**3 - (r - ls) ** 3) / (6 * (r + lc) ** 2) * 4.2e22 * lc / (time * (-4.95 + 5.24))
    assert result.diffusivity.onsager == pytest.approx(onsager, rel=1e-6)
    assert result.diffusivity.low < result.diffusivity.value < result.diffusivity.high


def test_rows_of_a_scan_add_up(test_data, results):
    """The same scan as two rows: twice the counts, the same layer."""
    core = results["rocksalt_2nm"].scan
    scan = oxyspy.load_scan(test_data / "demo" / "rocksalt_2nm")
    from oxyspy.workflow.analysis import analyse_arrays

    two = analyse_arrays(
        np.concatenate([scan.core_counts()] * 2), scan.energy_nominal, np.concatenate([scan.low_counts()] * 2),
        scan.low_energy, scan.positions_nm, RECIPE,
    )  # fmt: skip
    one = results["rocksalt_2nm"]
    assert core.counts.shape[0] == 1 and two.scan.counts.shape[0] == 2
    assert two.states["Mn_L"].ratio_bulk == pytest.approx(one.states["Mn_L"].ratio_bulk, rel=5e-3)
    assert two.states["Mn_L"].ratio_bulk_sigma == pytest.approx(
        one.states["Mn_L"].ratio_bulk_sigma / np.sqrt(2), rel=0.02
    )


def test_scan_without_a_low_loss_is_partial_and_says_what_that_costs(test_data):
    scan = oxyspy.load_scan(core=test_data / "demo" / "rocksalt_2nm" / "core_loss.dm4")
    result = oxyspy.analyse(scan, RECIPE)
    assert result.status == "partial" and "no low loss" in result.message
    assert "not deconvolved" in result.states["Mn_L"].method
    assert result.states["Mn_L"].ratio_bulk > 1.1 * 1.98


@pytest.mark.parametrize("post", [None, (662.0, 668.0), (664.0, 676.0), (675.0, 684.0)])
def test_real_cathode_bulk_is_mn4_whatever_the_post_window(shared_data, post):
    folder = shared_data / "nmc-cathode"
    recipe = load_recipe("nmc")
    if post:
        choices = recipe.edges["Mn_L"].model_copy(update={"post": post})
        recipe = recipe.model_copy(update={"edges": {**recipe.edges, "Mn_L": choices}})
    scan = oxyspy.load_scan(core=folder / "core_loss.dm3", low_loss=folder / "low_loss.dm3")
    result = oxyspy.analyse(scan, recipe)
    assert set(result.scan.calibration.names) == {"O_K", "Mn_L", "Co_L", "Ni_L"}
    assert 10 < result.scan.calibration.correction_ev < 19
    state = result.states["Mn_L"]
    # physics notes: 1.85 to 2.10 and 9.9 to 10.6 eV
    assert 1.85 < state.ratio_bulk < 2.10
    assert 9.9 < state.splitting_bulk_ev < 10.6
    # first pixels of each row are vacuum or nearly so
    assert not result.scan.bright[:, 0].any() and result.scan.bright[:, 4:].all()


def test_real_cathode_errors_are_those_that_its_two_rows_show(shared_data):
    folder = shared_data / "nmc-cathode"
    result = oxyspy.analyse(oxyspy.load_scan(core=folder / "core_loss.dm3", low_loss=folder / "low_loss.dm3"))
    f = result.edges["Mn_L"].functionals
    ratio = f.values[..., 0] / f.values[..., 1]
    relative = (
        f.covariance[..., 0, 0] / f.values[..., 0] ** 2
        + f.covariance[..., 1, 1] / f.values[..., 1] ** 2
        - 2 * f.covariance[..., 0, 1] / (f.values[..., 0] * f.values[..., 1])
    )
    bulk = slice(7, None)
    pull = (ratio[0] - ratio[1])[bulk] / np.sqrt((ratio**2 * relative)[:, bulk].sum(0))
    # 14 differences: a standard deviation known to 19 %; the rows are 2 nm apart in a real specimen
    assert 0.6 < np.sqrt(np.mean(pull**2)) < 1.6


def test_longest_background_window_gives_the_same_layer_with_less_noise(test_data, results, truth):
    name = "rocksalt_2nm"
    recipe = RECIPE.model_copy(
        update={"edges": {"Mn_L": RECIPE.edges["Mn_L"].model_copy(update={"background": "auto"})}}
    )
    found = oxyspy.analyse(test_data / "demo" / name, recipe)
    window, shipped = (r.edges["Mn_L"].background.window for r in (found, results[name]))
    assert window[1] == shipped[1] and window[0] <= shipped[0]
    # clear of O K's near structure
    assert window[0] >= 532.0 + 40.0
    assert found.layer.interval_95_nm[0] <= truth[name]["layer_nm"] <= found.layer.interval_95_nm[1]
    sigma, before = (np.nanmedian(r.edges["Mn_L"].lines.l3_sigma) for r in (found, results[name]))
    assert sigma <= before
    # simulated backgrounds are power laws, so what is left is counting noise
    assert found.edges["Mn_L"].deviance == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("layer_nm", [2.0, 4.0])
@pytest.mark.parametrize("wedge", ["steady", "saturating"])
def test_edge_that_thins_out_towards_its_surface_hides_no_layer(layer_nm, wedge):
    """t/λ from 0.15 at the surface to above 1: the metal sets in slowly, its amount a thickness does not."""
    from oxyspy.simulate import simulate_scan
    from oxyspy.workflow.analysis import analyse_arrays

    depth = np.clip(0.4 * np.arange(60) - 5.0, 0, None)
    thickness = 0.15 + (0.06 * depth if wedge == "steady" else 0.95 * (1 - np.exp(-depth / 6)))
    scan = simulate_scan(
        layer_nm=layer_nm, n_positions=60, step_nm=0.4, coating_nm=3.0, n_channels=1880, t_over_lambda=thickness
    )
    found = analyse_arrays(
        scan.core_expected[None], scan.core_energy, scan.low_expected[None], scan.low_energy, scan.positions_nm, RECIPE
    ).layer
    # without noise; a quarter of the step of 0.4 nm
    assert found.thickness_nm == pytest.approx(layer_nm, abs=0.1)
    assert found.surface_nm == pytest.approx(scan.truth["surface_nm"], abs=0.1)


def test_low_loss_of_other_places_is_not_let_into_the_surface():
    """A wedge whose low losses were taken three positions on: what they say of the thickness is wrong there."""
    from oxyspy.simulate import simulate_scan
    from oxyspy.workflow.analysis import analyse_arrays

    depth = np.clip(0.4 * np.arange(60) - 5.0, 0, None)
    thickness = 0.15 + 0.95 * (1 - np.exp(-depth / 6))
    scan = simulate_scan(
        layer_nm=3.0, n_positions=60, step_nm=0.4, coating_nm=3.0, n_channels=1880, t_over_lambda=thickness, seed=5
    )
    apart = np.roll(scan.low, 3, axis=0)
    found = analyse_arrays(
        scan.core[None], scan.core_energy, apart[None], scan.low_energy, scan.positions_nm, RECIPE
    ).layer
    assert "t/λ" not in found.method
    # the surface of such a wedge without its thickness, as its own error has it
    assert abs(found.surface_nm - scan.truth["surface_nm"]) < 1.5


def test_real_layer_does_not_hang_on_the_post_window(shared_data):
    scan = oxyspy.load_scan(
        core=shared_data / "nmc-cathode" / "core_loss.dm3", low_loss=shared_data / "nmc-cathode" / "low_loss.dm3"
    )
    found = []
    for post in ((662.0, 670.0), (662.0, 674.0), (662.0, 680.0), (670.0, 680.0)):
        white_lines = RECIPE.edges["Mn_L"].model_copy(update={"post": post})
        recipe = RECIPE.model_copy(update={"edges": {**RECIPE.edges, "Mn_L": white_lines}})
        found.append(oxyspy.analyse(scan, recipe).layer)
    assert all(layer.supported for layer in found)
    # the same counts but for the window: they agree to better than the error of one
    assert np.ptp([layer.thickness_nm for layer in found]) < min(layer.sigma_nm for layer in found)
