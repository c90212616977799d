"""Figures: nothing is cut or hidden, colours stay apart, spots are indexed where they are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE

from oxyspy.lattice import identify_phase, phase_map
from oxyspy.lattice.figures import FAMILY_COLOURS, UNKNOWN_COLOUR, plot_map, plot_orders, plot_profile
from oxyspy.lattice.figures_spots import plot_identity, plot_spots
from oxyspy.plotting import COLOURS
from oxyspy.simulate import simulate_image


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def measured():
    image = simulate_image((448, 448), shell="rocksalt", thickness_nm=2.0, dose=1e4, seed=7)
    found = phase_map(image.counts, image.pixel_nm)
    return image, found, found.layer_thickness()


def boxes(fig):
    """Drawn extents of all legends, titles, labels and axes, in pixels, and the figure's own."""
    fig.canvas.draw()
    parts = list(fig.legends) + [a.get_legend() for a in fig.axes if a.get_legend()]
    parts += [part for a in fig.axes for part in (a.title, a.xaxis.label, a.yaxis.label, a) if a.get_visible()]
    return [part.get_window_extent() for part in parts], fig.bbox


@pytest.mark.parametrize("shape", [(320, 320), (300, 700), (700, 300)])
def test_nothing_of_a_map_is_cut_and_the_colour_bar_is_as_high_as_its_panel(shape):
    image = simulate_image(shape, shell="twin", thickness_nm=2.0, dose=1e4, seed=5)
    found = phase_map(image.counts, image.pixel_nm)
    fig = plot_map(found, found.layer_thickness())
    inner, whole = boxes(fig)
    for box in inner:
        assert box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1
        assert box.y0 >= whole.y0 - 1 and box.y1 <= whole.y1 + 1
    # the panels do not run into the legend below them
    legend = fig.legends[0].get_window_extent()
    assert all(axis.xaxis.label.get_window_extent().y0 >= legend.y1 for axis in fig.axes if axis.get_xlabel())
    bar = fig.axes[-1].child_axes[0].get_window_extent()
    assert bar.height == pytest.approx(fig.axes[-1].get_window_extent().height, rel=0.01)


def test_map_says_what_is_not_told_and_the_titles_what_was_found(measured):
    _, found, layer = measured
    fig = plot_map(found, layer)
    title = fig.axes[1].get_title()
    assert found.bulk in title and layer.phase in title and f"{layer.thickness_nm:.2f} ± " in title
    assert {"rocksalt", "layered", "phase boundary"} <= {text.get_text() for text in fig.legends[0].get_texts()}
    assert all("(nm)" in axis.get_xlabel() for axis in fig.axes[:3])
    twin = simulate_image((400, 400), shell="twin", thickness_nm=2.0, dose=1e4, seed=5)
    hatched = plot_map(phase_map(twin.counts, 0.02, contrast="HRTEM"))
    assert hatched.axes[0].get_title() == "HRTEM image"
    assert "not told: spinel or layered twins" in [text.get_text() for text in hatched.legends[0].get_texts()]


def test_colours_of_the_phases_differ_for_all_eyes_on_dark_and_on_bright():
    names = [*FAMILY_COLOURS.values(), UNKNOWN_COLOUR]
    for kind in (None, "deuteranomaly", "protanomaly", "tritanomaly"):
        for brightness in (0.6, 1.0):
            seen = []
            for name in names:
                rgb = brightness * np.array([int(COLOURS[name][i : i + 2], 16) / 255 for i in (1, 3, 5)])
                space = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100} if kind else "sRGB1"
                seen.append(np.clip(cspace_convert(rgb, space, "sRGB1"), 0, 1))
            apart = [deltaE(a, b, input_space="sRGB1") for i, a in enumerate(seen) for b in seen[:i]]
            # two of a noticeable difference is about 2; ten is plain
            assert min(apart) > 10, (kind, brightness)


def test_spots_are_indexed_where_they_are(measured):
    image, found, _ = measured
    fig = plot_spots(found)
    labels = {text.get_text(): np.array(text.xy) for text in fig.axes[0].texts}
    place = labels["0 0 3"] if "0 0 3" in labels else labels["0 0 $\\overline{3}$"]
    # the true half order, through the scan's distortion: nominal g = true g times the distortion
    true = image.basis @ image.scale / 2
    apart = [min(np.hypot(*(place - s * g)) for s in (1, -1)) for g in true]
    assert min(apart) < 0.05
    assert "along [1 0 0] (parallel to rocksalt" in fig.axes[0].get_title()
    assert "-0.0 " not in fig.axes[0].get_title()
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert {"expected", "found", "half order, read"} <= set(names)


def test_identity_shows_the_extinct_spot_that_two_others_reach():
    image = simulate_image((400, 400), bulk="spinel", shell=None, surface_at=-0.5, dose=3e3, seed=1)
    found = identify_phase(image.counts, image.pixel_nm, ["spinel", "rocksalt"])
    fig = found.plot()
    assert "LiMn2O4 along [1 1 0], posterior" in fig.axes[0].get_title()
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "extinct, by double diffraction" in names
    assert (
        "vacuum"
        in plot_identity(identify_phase(np.random.default_rng(0).poisson(9, (200, 200)), 0.02)).axes[0].get_title()
    )


def test_profile_has_errors_and_the_thickness_along_the_surface(measured):
    _, _, layer = measured
    fig = plot_profile(layer)
    assert len(fig.axes[0].containers) == 3 and len(fig.axes[1].containers) == 1
    assert "along the surface (nm)" in fig.axes[1].get_xlabel()
    pristine = simulate_image((400, 400), shell=None, dose=1e4, seed=7)
    none = plot_profile(phase_map(pristine.counts, 0.02).layer_thickness())
    assert "no layer supported, below" in none.get_suptitle() and len(none.axes) == 1


def test_order_parameters_have_a_panel_each_on_one_scale(measured):
    fig = plot_orders(measured[1])
    assert [axis.get_title() for axis in fig.axes] == ["$b_1/2$", "$b_2/2$", r"$(b_1 \pm b_2)/2$"]
    assert len({axis.images[0].get_clim() for axis in fig.axes}) == 1


def test_boundaries_run_where_surface_and_layer_end(measured):
    image, found, _ = measured
    lines = found.boundaries()
    assert set(lines.between) == {"surface", "layered | rocksalt"}
    from scipy.ndimage import map_coordinates

    depth = map_coordinates(image.depth_nm, [lines.y_nm / 0.02, lines.x_nm / 0.02], order=1, mode="nearest")
    surface = lines.between == "surface"
    # finer than the windows' 0.26 nm
    assert np.median(depth[surface]) == pytest.approx(0.0, abs=0.12)
    assert np.median(depth[~surface]) == pytest.approx(image.thickness_nm, abs=0.1)
    bare = simulate_image((320, 320), shell=None, surface_at=-0.6, seed=4)
    assert phase_map(bare.counts, 0.02).boundaries().empty
