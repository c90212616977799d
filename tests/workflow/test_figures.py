"""Figures of a result by their kind: what they show is what was measured."""

import re
from dataclasses import asdict, replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from made_scans import core, image, low
from oxyspy.errors import InputError
from oxyspy.io import load_scan
from oxyspy.simulate import simulate_image
from oxyspy.workflow import analyse, report_profile
from oxyspy.workflow.recipe import Recipe
from workflow.small_scans import QUICK, good_scans


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    good_scans(folder, 1)
    return folder / "good_00"


@pytest.fixture(scope="module")
def result(scans):
    """A small scan with a lattice image of a layer of 2 nm, under a coating."""
    scan = load_scan(scans)
    simulated = simulate_image((400, 400), thickness_nm=2.0, seed=5)
    picture = image(simulated.counts.shape, simulated.pixel_nm)
    picture.data = np.asarray(simulated.counts)
    picture.metadata.set_item("oxyspy.line_nm", [0.5, 4.0, 7.5, 4.0])
    scan = load_scan([scan.core_loss, scan.low_loss, picture])
    return analyse(scan, QUICK.with_transport(coating="4 +- 0.4 nm", exposure="60 min"))


def labels(fig):
    return [ax.get_ylabel().replace("\n", " ") for ax in fig.axes]


def test_profile_has_every_witness_with_its_errors(result):
    fig = result.plot()
    assert labels(fig) == ["L3 + L2 (of maximum)", "Mn L3/L2", "L2 − L3, less bulk (eV)", "L3 less bulk (eV)", "t/λ"]
    lines = result.edges["Mn_L"].lines
    for panel, sigma in ((1, lines.ratio_sigma), (2, lines.splitting_sigma_ev), (3, lines.l3_ev_sigma)):
        (bars,) = fig.axes[panel].containers
        drawn = np.array([np.ptp(segment[:, 1]) / 2 for segment in bars.lines[2][0].get_segments() if len(segment)])
        assert np.allclose(drawn[np.isfinite(drawn)], sigma[np.isfinite(sigma)], rtol=1e-6)
    layer = result.layer
    assert f"{layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm" in fig.axes[0].get_title()


CHOICES = {"steps": {}, "slope": {"slope": True}, "positions": {"positions": {"L3": 642.6, "L2": 653.0}}}


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_areas_of_the_spectra_are_those_that_were_measured(scans, choices):
    """Those of the bulk: what is filled, over the sum of the table's, to a channel cut in two at each end."""
    found = analyse(scans, Recipe(edges={"Mn_L": choices}, oxygen=False))
    fig = found.plot("spectra")
    assert labels(fig) == ["counts (10³)", ""]
    filled = {part.get_label(): part for part in fig.axes[1].collections}
    bulk = np.flatnonzero(found.layer.in_bulk(found.positions_nm))
    step = np.diff(found.edges["Mn_L"].energy)[0]
    for label in ("L3", "L2"):
        x, y = filled[label].get_paths()[0].vertices.T
        # a closed outline: its signed area
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2 / step * 1e3
        assert area == pytest.approx(getattr(found.edges["Mn_L"].lines, label.lower())[bulk].sum(), rel=0.04)


def test_bulk_of_the_report_is_that_of_the_figures_and_its_fit_lies_in_the_same_band(result):
    layer, state, x = asdict(result.layer), asdict(result.states["Mn_L"]), result.positions_nm
    unsupported = layer | {"supported": False}
    for content in (layer, unsupported):
        np.testing.assert_array_equal(
            report_profile._bulk(x, content), replace(result.layer, supported=content["supported"]).in_bulk(x)
        )
    band, line = report_profile._ratio_curve(x, layer, state)
    low, high = np.array(band["y"][: len(line["y"])]), np.array(band["y"][len(line["y"]) :])[::-1]
    assert (low < line["y"]).all() and (line["y"] < high).all()
    # far from the boundary it is the levels' own error
    ends = (state["ratio_layer_sigma"], state["ratio_bulk_sigma"])
    assert [(high - low)[0] / 2, (high - low)[-1] / 2] == pytest.approx(ends, rel=0.02)


def test_background_of_the_spectra_is_the_one_that_was_taken_off(result):
    fig = result.plot("spectra")
    curves = {line.get_label(): line.get_ydata() for line in fig.axes[0].lines}
    energy = fig.axes[0].lines[0].get_xdata()
    low_, high = result.edges["Mn_L"].background.window
    inside = (energy > low_) & (energy < high)
    residual = (fig.axes[0].lines[0].get_ydata() - curves["power law"])[inside]
    assert abs(residual.mean()) < 3 * residual.std() / np.sqrt(inside.sum())


def test_images_show_the_line_and_the_layer_on_it(result):
    (ax,) = result.plot("images").axes
    assert ax.get_title() == "image" and ax.get_xlabel() == "x (nm)"
    layer = next(line for line in ax.lines if line.get_label() == "reacted layer")
    assert np.ptp(layer.get_xdata()) <= 7.0 and np.allclose(layer.get_ydata(), 4.0)


def test_phases_are_mapped_and_required_diffusivity_stands_beside_the_coatings(result):
    assert len(result.plot("phases").axes) >= 3
    ax = result.plot("required").axes[0]
    assert "oxygen diffusivity" in ax.get_xlabel()
    names = [re.sub(r"[$_{}]", "", text.get_text()) for text in ax.get_yticklabels()]
    assert "Li3B11O18" in names


@pytest.mark.parametrize(
    ("kind", "said"),
    [("pie", "needed one of profile, spectra, rows, images, phases, required"), ("rows", "a single row"),
     ("images", "no image lies with the scan"), ("phases", "none of its 0 images"), ("required", "exposure")],
)  # fmt: skip
def test_what_cannot_be_drawn_says_why(scans, kind, said):
    with pytest.raises(InputError, match=said):
        analyse(scans, QUICK).plot(kind)


def test_line_that_is_not_as_long_as_the_scan_is_said():
    from oxyspy.workflow.pictures import place_of

    picture = image((60, 80), 0.5)
    scan = load_scan([core(), low()])
    for end, said in ((6.0, "as was given"), (20.0, "18 nm long where the positions span 5.5 nm")):
        picture.metadata.set_item("oxyspy.line_nm", [2.0, 3.0, end + 1.5 if end == 6.0 else end, 3.0])
        assert said in place_of(picture, scan, QUICK)["where"]
