"""The surface by the annular dark-field signal, beside that by the metal."""

import hyperspy.api as hs
import numpy as np
import pytest
from scipy.special import ndtr

import oxyspy
from oxyspy.layer import Surface
from oxyspy.layer.adf import adf_surface, combined_surface
from oxyspy.simulate import simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import load_recipe

NMC = load_recipe("nmc")
RECIPE = NMC.model_copy(update={"edges": {"Mn_L": NMC.edges["Mn_L"]}, "valence": {}})
BASE = {"n_positions": 48, "step_nm": 0.4, "n_channels": 1880, "core_start": 460.0, "coating_nm": 3.0, "dose": 300.0}
X = 0.4 * np.arange(48)


def dark(rng, coating=3.0, layer=2.0, slope=0.01, noise=0.02, width=0.2, surface=5.0):
    """A signal of unknown unit and offset, of a layer a quarter brighter than the bulk."""
    depth = X - surface
    inside = ndtr((layer - depth) / 0.36) if layer else np.zeros(X.size)
    y = (1 + slope * depth + 0.25 * inside) * ndtr(depth / width) + 0.25 * (
        ndtr((depth + coating) / width) - ndtr(depth / width)
    )
    return 3000 + 500 * (y + noise * rng.normal(size=X.size)), inside


@pytest.mark.parametrize(("coating", "layer", "slope"), [(3.0, 2.0, 0.01), (1.0, 0.0, 0.0), (4.0, 4.0, 0.05)])
def test_surface_by_dark_field_is_unbiased_and_its_error_is_its_scatter(coating, layer, slope):
    rng = np.random.default_rng(1)
    near = Surface(5.1, 0.05, 0.25, 1.0)
    pull = []
    for _ in range(15):
        signal, inside = dark(rng, coating, layer, slope)
        at, sigma = adf_surface(X, signal, near, False, inside if layer else None)
        pull.append((at - 5.0) / sigma)
    # of 15: the mean known to 0.26, a standard deviation to 18 %, so 0.45 to 1.55 at three errors
    assert abs(np.mean(pull)) < 0.8 and 0.45 < np.std(pull) < 1.55


def test_line_from_the_bulk_out_gives_the_same_surface():
    signal, inside = dark(np.random.default_rng(2))
    forward = adf_surface(X, signal, Surface(5.1, 0.05, 0.25, 1.0), False, inside)
    back = adf_surface(X, signal[::-1], Surface(X[-1] - 5.1, 0.05, 0.25, 1.0), True, inside[::-1])
    assert back[0] == pytest.approx(X[-1] - forward[0], abs=0.005) and back[1] == pytest.approx(forward[1], rel=0.1)


def test_surfaces_are_averaged_where_they_agree_and_not_where_they_do_not():
    signal, inside = dark(np.random.default_rng(3))
    metal = Surface(5.02, 0.03, 0.25, 1.0)
    both = combined_surface(X, metal, signal, False, inside)
    weights = np.array([metal.sigma_nm, both.adf_sigma_nm]) ** -2.0
    assert both.position_nm == pytest.approx(np.average([5.02, both.adf_nm], weights=weights))
    assert both.sigma_nm == pytest.approx(weights.sum() ** -0.5) and "ADF" in both.method and not both.notes
    away = combined_surface(X, Surface(6.0, 0.03, 0.25, 1.0), signal, False, inside)
    assert away.position_nm == 6.0 and away.sigma_nm == 0.03 and "not used" in away.notes[0]
    assert away.adf_nm == pytest.approx(5.0, abs=0.1)


@pytest.mark.parametrize("signal", [np.ones(48), np.full(48, np.nan), np.random.default_rng(4).normal(size=48)])
def test_signal_without_a_surface_is_left_out_and_said(signal):
    metal = Surface(5.0, 0.03, 0.25, 1.0)
    both = combined_surface(X, metal, signal, False)
    assert both.position_nm == 5.0 and both.notes


def test_dark_field_makes_the_layers_error_smaller_and_keeps_it_right():
    scan = simulate_scan(**BASE, seed=6)
    given = scan.core[None], scan.core_energy, scan.low[None], scan.low_energy, scan.positions_nm, RECIPE
    without, layer = (analyse_arrays(*given, adf=adf).layer for adf in (None, scan.adf[None]))
    assert np.isnan(without.adf_surface_nm) and "ADF" in layer.method
    assert layer.surface_sigma_nm < 0.5 * without.surface_sigma_nm and layer.sigma_nm < without.sigma_nm
    assert abs(layer.surface_nm - scan.truth["surface_nm"]) < 4 * layer.surface_sigma_nm
    assert abs(layer.thickness_nm - scan.truth["layer_nm"]) < 3.3 * layer.sigma_nm


def line_scan(rows=1, along="x", falls=False, images=()):
    """A scan of 12 positions, whose core loss at row r and position p holds 100 r + p in all channels."""
    values = 100.0 * np.arange(rows)[:, None] + np.arange(12)
    data = np.repeat(values[..., None], 256, -1)
    if along == "y":
        data = data.swapaxes(0, 1)
    if rows == 1:
        data = data.reshape(12, 256)
    signal = hs.signals.Signal1D(data.astype(np.float32))
    signal.set_signal_type("EELS")
    for axis in signal.axes_manager.navigation_axes:
        axis.scale, axis.units = (-0.5 if falls else 0.5), "nm"
    energy = signal.axes_manager.signal_axes[0]
    energy.offset, energy.scale, energy.units = 500.0, 1.0, "eV"
    scan = oxyspy.load_scan(core=signal)
    return oxyspy.LineScan("made", scan.core_loss, images=tuple(images)), values


def image(values, title="HAADF"):
    signal = hs.signals.Signal2D(np.atleast_2d(values))
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = 0.5, "nm"
    signal.metadata.General.title = title
    return signal


@pytest.mark.parametrize(
    ("rows", "along", "falls"), [(1, "x", False), (1, "x", True), (3, "x", False), (3, "y", False), (3, "y", True)]
)
def test_dark_field_of_a_scan_stands_as_its_spectra_do(rows, along, falls):
    values = 100.0 * np.arange(rows)[:, None] + np.arange(12)
    scan, _ = line_scan(rows, along, falls, [image(values.T if along == "y" else values)])
    np.testing.assert_array_equal(scan.adf_signal(), np.asarray(scan.core_counts())[..., 0])


def test_images_of_other_places_are_no_dark_field_of_the_scan_and_titles_choose_between_two():
    other = image(np.zeros((40, 40)))
    scan, values = line_scan(3, images=[other, image(np.zeros((3, 12)), "BF"), image(np.ones((3, 12)), "ADF 2")])
    assert (scan.adf_signal() == 1).all()
    assert line_scan(3, images=[other])[0].adf_signal() is None


def test_profile_recorded_beside_a_line_is_its_dark_field(tmp_path):
    from oxyspy.io.roles import Role, role_of

    profile = hs.signals.Signal1D(np.arange(12.0))
    profile.axes_manager.signal_axes[0].scale, profile.axes_manager.signal_axes[0].units = 0.5, "nm"
    found = role_of(profile)
    assert found.role is Role.IMAGE
    scan, _ = line_scan(1, images=[found.signal])
    np.testing.assert_array_equal(scan.adf_signal(), np.arange(12.0)[None])


def test_rows_of_the_dark_field_move_and_add_up_with_the_spectras():
    from oxyspy.simulate import simulate_spectrum_image
    from oxyspy.workflow.rows import align_rows, gathered_image

    surface = np.array([6.0, 7.2, 4.8, 6.0])
    made = simulate_spectrum_image(surface, n_positions=40, n_channels=1180, dispersion=0.4, dose=300, low_counts=1e5)
    rows_nm = 0.3 * np.arange(4)
    aligned = align_rows(made.core, made.core_energy, None, None, made.positions_nm, rows_nm, RECIPE)
    values = made.positions_nm - surface[:, None]
    moved = gathered_image(values, aligned.alignment, rows_nm)
    assert moved.shape == aligned.core.shape[:2]
    # depths of what stands together: whole steps of 0.3 nm take these surfaces out
    assert np.ptp(moved, axis=0).max() < 0.31


def test_real_cathode_has_a_dark_field_signal_of_its_own(shared_data):
    scan = oxyspy.load_scan(shared_data / "nmc-cathode")
    signal = scan.adf_signal()
    assert signal.shape == scan.navigation_shape
    # brighter in the cathode than in the vacuum at the rows' start
    assert signal[:, -5:].min() > signal[:, :2].max()
