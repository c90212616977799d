"""Images of a scan: where the line runs on them, which phases they show, and what the report makes of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from made_scans import core, image, low, saved
from oxyspy.errors import InputError
from oxyspy.io import load_scan
from oxyspy.simulate import simulate_image
from oxyspy.workflow import analyse
from oxyspy.workflow.analysis import ScanResult
from oxyspy.workflow.jobs import with_image
from oxyspy.workflow.pictures import ID, SURVEY, pictures
from oxyspy.workflow.report_images import images_section
from workflow.small_scans import QUICK

RESULT = ScanResult("scan", "ok", "", QUICK)
OWN = (1, 2, 3, 4)


def survey(shape=(60, 80), number=OWN, scale=0.5):
    """A survey image with DigitalMicrograph's number."""
    signal = image(shape, scale)
    for k, value in enumerate(number):
        signal.original_metadata.set_item(f"{ID}.Data{k}", value)
    return signal


def scan_on(number=OWN, rectangle=(20, 10, 24, 34), **given):
    """A scan whose file says where on which image it was recorded."""
    signal = core(**given)
    signal.original_metadata.set_item(f"{SURVEY}.Spectrum Image Rect", rectangle)
    signal.original_metadata.set_item(f"{SURVEY}.Unique Image ID", number)
    return signal


def test_line_runs_through_the_rectangle_that_the_file_notes(tmp_path):
    scan = load_scan([scan_on(), low(), survey()])
    (item,) = pictures(scan, RESULT, tmp_path)["images"]
    # (top, left, bottom, right) in pixels of 0.5 nm
    assert list(item["scan_nm"]) == [5.0, 10.0, 17.0, 12.0]
    assert item["line_nm"] == [5.0, 11.0, 17.0, 11.0]
    with Image.open(tmp_path / item["file"]) as written:
        assert written.size == (80, 60) and written.mode == "L"


def test_upright_rectangle_has_an_upright_line(tmp_path):
    scan = load_scan([scan_on(rectangle=(20, 10, 44, 14)), low(), survey()])
    (item,) = pictures(scan, RESULT, tmp_path)["images"]
    assert item["line_nm"] == [6.0, 10.0, 6.0, 22.0]


def test_image_of_another_place_gets_no_line_and_says_why(tmp_path):
    other = load_scan([scan_on(), low(), survey(number=(5, 6, 7, 8))])
    none = load_scan([core(), low(), survey()])
    for scan, said in ((other, "another image"), (none, "do not say where")):
        (item,) = pictures(scan, RESULT, tmp_path)["images"]
        assert item["line_nm"] is None and said in item["where"]


def test_line_that_a_person_states_is_drawn_on_the_image_that_was_named(tmp_path):
    saved(image((60, 80), 0.5), tmp_path / "elsewhere.hspy")
    scan = with_image(load_scan([core(), low(), survey()]), tmp_path / "elsewhere.hspy", (2.0, 3.0, 30.0, 20.0))
    own, named = pictures(scan, RESULT, tmp_path)["images"]
    assert own["line_nm"] is None
    assert named["line_nm"] == [2.0, 3.0, 30.0, 20.0] and named["scan_nm"] is None
    page = images_section({"images": [named]}, tmp_path, 40_000)
    # 480 units for 40 nm
    assert 'x1="24.0" y1="36.0"' in page and "as was given" in page and "<rect" in page


def test_demo_shows_its_line_on_its_own_image(test_data, tmp_path):
    """The middle one of 24 rows of 0.4 nm."""
    scan = load_scan(test_data / "demo" / "rocksalt_2nm")
    (item,) = pictures(scan, RESULT, tmp_path)["images"]
    assert item["line_nm"] == pytest.approx([0, 12.5 * 0.4, 48 * 0.4, 12.5 * 0.4])


def test_line_on_a_real_survey_starts_in_the_vacuum_and_ends_in_the_particle(shared_data, tmp_path):
    """Brightness along the line, and the length that the scan itself has: 21 positions every 2.05 nm."""
    folder = shared_data / "nmc-cathode"
    scan = load_scan([folder / name for name in ("core_loss.dm3", "low_loss.dm3", "survey.dm3", "adf.dm3")])
    found = pictures(scan, RESULT, tmp_path)["images"]
    # the dark-field signal along the line, 21 x 2 pixels, is no picture
    (item,) = found
    x1, y1, x2, _ = item["line_nm"]
    assert x2 - x1 == pytest.approx(21 * 2.0459, rel=0.01)
    survey_ = next(one for one in scan.images if one.data.shape == (512, 512)).data.astype(float)
    pixel = item["pixel_nm"][0]
    row = survey_[int(y1 / pixel) - 3 : int(y1 / pixel) + 4].mean(0)
    first, last = row[int(x1 / pixel) : int(x1 / pixel) + 5].mean(), row[int(x2 / pixel) - 20 : int(x2 / pixel)].mean()
    # between the detector's dark level and the brightest particle
    dark, most = np.percentile(survey_, [1, 99])
    assert (first - dark) / (most - dark) < 0.1 and (last - dark) / (most - dark) > 0.25


def lattice(counts, pixel):
    signal = image(counts.shape, pixel)
    signal.data = np.asarray(counts)
    signal.metadata.General.title = "HAADF"
    return signal


@pytest.fixture(scope="module")
def imaged(test_data, tmp_path_factory):
    """The shipped scan of 2 nm with an image of a layer as thick: its result, what was found, and the folder."""
    folder = tmp_path_factory.mktemp("imaged")
    simulated = simulate_image((500, 500), thickness_nm=2.0, seed=5)
    demo = test_data / "demo" / "rocksalt_2nm"
    scan = load_scan([demo / "core_loss.dm4", demo / "low_loss.dm4", lattice(simulated.counts, simulated.pixel_nm)])
    result = analyse(scan, QUICK)
    return result, pictures(scan, result, folder), folder


def test_phases_of_a_lattice_image_are_mapped_and_its_layer_agrees_with_the_spectra(imaged):
    result, found, folder = imaged
    phases = found["phases"]
    assert phases["status"] == "ok" and phases["image"] == "HAADF" and phases["layer"]["phase"] == "rocksalt"
    # both were made with 2 nm
    assert abs(phases["layer"]["thickness_nm"] - 2.0) < 3 * phases["layer"]["sigma_nm"]
    assert phases["with_spectra"]["agree"] and result.layer.supported
    assert (folder / "phases.png").stat().st_size > 1000 and (folder / "phases.csv").read_text().startswith("x_nm,y_nm")
    assert set(phases["files"]) == {"windows", "boundaries", "along", "map", "orders", "spots", "profile"}
    assert all((folder / name).is_file() for name in phases["files"].values())


def test_page_shows_images_and_phases_within_its_bytes(imaged):
    _, found, folder = imaged
    page = {}
    for budget in (300_000, 40_000):
        page[budget] = images_section(found, folder, budget)
        assert len(page[budget]) < budget + 5000
    said = page[40_000]
    # the image itself as a drawing; map, order parameters, spots and profile as pictures
    assert said.count("<svg") == 1 and said.count('<img class="phases"') == 4
    assert "the layer is rocksalt" in said and "two witnesses agree" in said


def test_image_that_is_no_lattice_costs_a_sentence_and_not_the_scan(tmp_path):
    noise = np.random.default_rng(0).poisson(100.0, (300, 300)).astype(float)
    scan = load_scan([core(), low(), lattice(noise, 0.02)])
    found = pictures(scan, RESULT, tmp_path)
    phases = found["phases"]
    assert phases["status"] == "failed" and len(phases["message"]) > 20
    assert "No phase map of HAADF" in images_section(found, tmp_path, 40_000)


def test_recipe_without_phases_maps_none(tmp_path):
    scan = load_scan([core(), low(), lattice(np.ones((300, 300)), 0.02)])
    result = ScanResult("scan", "ok", "", QUICK.model_copy(update={"phases": False}))
    assert "phases" not in pictures(scan, result, tmp_path)


def test_recipe_chooses_candidates_window_and_bulk(tmp_path):
    from oxyspy.workflow.recipe import validated

    base = QUICK.model_dump()
    chosen = validated({**base, "phases": ["layered", "MnO"]}, "given")
    assert chosen.phases.candidates == ("layered", "MnO")
    whole = {"candidates": ["layered", "NiO"], "window": "1.0 nm", "bulk": [5.0, 1.0, 7.5, 7.0], "contrast": "HRTEM"}
    recipe = validated({**base, "phases": whole}, "given")
    counts = simulate_image((400, 400), dose=1e4, seed=4).counts
    scan = load_scan([core(), low(), lattice(counts, 0.02)])
    phases = pictures(scan, ScanResult("scan", "ok", "", recipe), tmp_path)["phases"]
    assert set(phases["shares"]) == {"layered", "rocksalt"} and "1.00 nm (FWHM)" in phases["method"]
    # HRTEM is a hint
    assert phases["status"] == "partial"
    for bad in (["wurtzite"], ["layered", "SrTiO3"]):
        with pytest.raises(InputError, match=f"{bad[-1]}"):
            validated({**base, "phases": bad}, "given")
    with pytest.raises(InputError, match="windw"):
        validated({**base, "phases": {"windw": "1 nm"}}, "given")


def test_phases_in_a_file_beside_the_recipe_are_found_from_anywhere(tmp_path, monkeypatch):
    from oxyspy.workflow.recipe import validated

    (tmp_path / "mine.yaml").write_text(
        "phases:\n  FeO: {family: rocksalt, spacegroup: Fm-3m, cell: {a: 4.3}, rocksalt: cubic,\n"
        "        sites: [{species: {Fe: 1}, xyz: [0, 0, 0]}, {species: {O: 1}, xyz: [0.5, 0.5, 0.5]}]}\n"
    )
    recipe = validated({**QUICK.model_dump(), "phases": ["layered", "mine.yaml"]}, "given", folder=tmp_path)
    assert recipe.phases.candidates == ("layered", str(tmp_path / "mine.yaml"))


def layer_of(thickness, sigma, supported=True):
    return SimpleNamespace(
        supported=supported, thickness_nm=thickness, sigma_nm=sigma, upper_limit_nm=np.nan, surface_nm=0.0,
        boundary_nm=thickness, two_nm=(np.nan, np.nan),
    )  # fmt: skip


def test_disagreement_of_spectra_and_image_stands_in_the_row_and_takes_its_ok(tmp_path):
    from oxyspy.workflow.output import summary_row

    counts = simulate_image((400, 400), thickness_nm=2.0, dose=1e4, seed=4).counts
    scan = load_scan([core(), low(), lattice(counts, 0.02)])
    for thickness, status, word in ((2.0, "ok", "agree"), (5.0, "partial", "DISAGREE")):
        result = ScanResult("scan", "ok", "", QUICK, layer=layer_of(thickness, 0.3))
        row = summary_row(result, pictures(scan, result, tmp_path))
        assert row["status"] == status
        assert f"spectra and image: the two witnesses {word}" in row["message"]
        assert "image: rocksalt" in row["message"]


def test_line_on_the_image_itself_is_measured_by_the_images_own_lattice(tmp_path):
    """Pixels called 5 % larger than they are: the line's step is as wrong, and the lattice tells."""
    counts = simulate_image((448, 448), thickness_nm=3.0, dose=1e4, distortion=0.0, jitter_nm=0.0, seed=4).counts
    wrong = lattice(counts, 0.02 * 1.05)
    for k, value in enumerate(OWN):
        wrong.original_metadata.set_item(f"{ID}.Data{k}", value)
    on_it = load_scan([scan_on(rectangle=(200, 10, 240, 430)), low(), wrong])
    elsewhere = load_scan([core(), low(), wrong])
    # what a scan with this step would call 3 nm
    result = ScanResult("scan", "ok", "", QUICK, layer=layer_of(3.0 * 1.05, 0.05))
    right, off = (pictures(scan, result, tmp_path)["phases"] for scan in (on_it, elsewhere))
    assert right["spectra_stretch"] == pytest.approx(1 / 1.05, abs=0.005) and off["spectra_stretch"] is None
    corrected = right["with_spectra"]["difference_nm"] - off["with_spectra"]["difference_nm"]
    assert corrected == pytest.approx(3.0 - 3.0 * 1.05, abs=0.02)
