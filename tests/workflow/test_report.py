import base64
import gzip
import json
import shutil
from html.parser import HTMLParser

import hyperspy.api as hs
import numpy as np
import pytest
from PIL import Image

from browser import needs_browser, opened, settle, wait_until
from oxyspy.data import FOLDER
from oxyspy.eels.windows import window_weights
from oxyspy.workflow import analyse, report, report_spectra
from oxyspy.workflow.batch import analyse_many
from oxyspy.workflow.output import SUMMARY_COLUMNS, save_scan
from oxyspy.workflow.population import population
from oxyspy.workflow.population_scans import Scan
from oxyspy.workflow.recipe import Recipe, load_recipe
from oxyspy.workflow.report_plotly import packed
from workflow.small_scans import good_scans, without_figures
from workflow.test_population import grown

SCANS = ("rocksalt_2nm", "rocksalt_4nm_wrong_axis", "pristine")
HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script> & \"'"


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Folder and rows of three shipped scans and one that cannot be read."""
    base = tmp_path_factory.mktemp("report")
    (base / "torn").mkdir()
    (base / "torn" / "core_loss.dm4").write_bytes(b"not a file of any kind")
    recipe = load_recipe("nmc").with_transport(coating="10 +- 1 nm", exposure="165 min")
    sources = [*(FOLDER / "demo" / name for name in SCANS), base / "torn"]
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch, page=True)
        table = analyse_many(sources, base / "out", recipe, progress=False)
    rows = json.loads(table.to_json(orient="records"))
    return base / "out", rows


@pytest.fixture
def copied(analysed, tmp_path):
    """The same, to do harm to."""
    shutil.copytree(analysed[0], tmp_path / "out")
    return tmp_path / "out", analysed[1]


class Parsed(HTMLParser):
    """Tags with their attributes, ids, text of each section, and whether every tag is closed."""

    VOID = {"meta", "link", "input", "img", "br"}

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.open, self.sections, self.packed = [], [], {}, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag not in self.VOID:
            self.open.append((tag, attributes))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        section = next((a.get("id") for tag, a in reversed(self.open) if tag == "section"), None)
        if self.open and self.open[-1][0] == "script":
            if self.open[-1][1].get("class") == "figures":
                self.packed[section] = text
        elif self.open:
            self.sections[section] = self.sections.get(section, "") + text


def read(out):
    return Parsed((out / "report.html").read_text(encoding="utf-8"))


def unpacked(text):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_page_is_well_formed_and_holds_every_scan_with_its_status_and_message(analysed):
    out, rows = analysed
    page = read(out)
    assert not page.open
    assert [f"scan-{i}" for i in range(len(rows))] == [s for s in page.sections if s and s.startswith("scan-")]
    for i, row in enumerate(rows):
        for text in (row["scan"], row["status"], row["message"]):
            assert text in page.sections[f"scan-{i}"]
            assert text in page.sections["overview"]


def test_nothing_in_the_page_is_fetched_from_anywhere(analysed):
    text = (analysed[0] / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "http://" not in text and "https://" not in text
    for _, attributes in read(analysed[0]).tags:
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:"))


def test_hostile_names_and_messages_stay_text(copied):
    out, rows = copied
    folder = out / rows[0]["scan"]
    content = json.loads((folder / "result.json").read_text())
    content["warnings"] = [HOSTILE]
    content["provenance"]["inputs"] = {HOSTILE: HOSTILE}
    (folder / "result.json").write_text(json.dumps(content))
    known = {tag for tag, _ in read(out).tags}
    report.write_report(out, [*rows, {"scan": HOSTILE, "status": "failed", "message": HOSTILE, "sample": HOSTILE}])
    page = read(out)
    assert {tag for tag, _ in page.tags} == known
    assert not [a for _, a in page.tags if "onerror" in a]
    assert HOSTILE in page.sections["scan-0"] and HOSTILE in page.sections["scan-4"]


def test_damaged_files_of_one_scan_are_named_and_cost_no_other(copied):
    out, rows = copied
    whole = read(out).sections
    (out / rows[0]["scan"] / "result.json").write_text('{"schema": 1, "sc')
    (out / rows[1]["scan"] / "Mn_L.hspy").write_bytes(b"cut short")
    (out / rows[1]["scan"] / "Co_L.hspy").unlink()
    (out / rows[3]["scan"] / "result.json").unlink()
    report.write_report(out, rows)
    page = read(out)
    assert "result.json: not readable as JSON" in page.sections["scan-0"]
    assert "no spectra: Mn_L.hspy: cannot be read" in page.sections["scan-1"]
    assert "profile" in unpacked(page.packed["scan-1"]) and "spectra" not in unpacked(page.packed["scan-1"])
    # up to the command that repeats it, which names the folder
    assert page.sections["scan-2"].split("Provenance")[0] == whole["scan-2"].split("Provenance")[0]
    assert rows[3]["message"] in page.sections["scan-3"]


@pytest.mark.parametrize("harm", [[], {"profile": 3}, {"states": [1]}, {"layer": "none"}, {"provenance": None}])
def test_a_result_of_any_shape_leaves_a_page(copied, harm):
    out, rows = copied
    path = out / rows[0]["scan"] / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **harm} if harm else harm))
    report.write_report(out, rows[:1])
    assert "result.json" in read(out).sections["scan-0"] or "no " in read(out).sections["scan-0"]


def test_batch_of_failures_only_gives_a_page_that_says_so(tmp_path):
    rows = [{"scan": f"s{i}", "status": "failed", "message": f"no low loss in {i}"} for i in range(3)]
    report.write_report(tmp_path, rows)
    page = read(tmp_path)
    assert "no low loss in 2" in page.sections["scan-2"]
    assert "3 scans: 3 failed" in page.sections[None]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("odd", [0.0, -1.0, float("nan"), float("inf"), None, "x"])
def test_odd_numbers_in_the_table_cost_no_page(tmp_path, odd):
    numbers = {name: odd for name in SUMMARY_COLUMNS if name not in ("scan", "status", "message", "layer_supported")}
    rows = [{"scan": str(i), "status": "ok", "layer_supported": True, **numbers} for i in range(3)]
    report.write_report(tmp_path, rows)
    assert "result.json: No such file" in read(tmp_path).sections["scan-1"]


def test_groups_trends_and_tests_stand_in_the_page_with_their_figures(tmp_path):
    found = population(grown(np.random.default_rng(0)))
    rows = [{"scan": scan.name, "status": "failed", "message": "not there"} for scan in found.scans[:2]]
    report.write_report(tmp_path, rows, found)
    page = read(tmp_path)
    said = page.sections["population"]
    for words in ("fast, 400 cycles", "3 samples", "p after Holm", "Hartung and Knapp [2]", "growth (nm)"):
        assert words in said
    drawn = unpacked(page.packed["population"])
    assert set(drawn) == {"groups", "trend", "group_needs"}
    # every scan is a point, and the line goes through what it was fitted to
    points = [t for t in drawn["trend"]["data"] if t["mode"] == "markers"]
    assert sum(len(t["x"]) for t in points) == len(found.scans)
    line = next(t for t in drawn["trend"]["data"] if t["mode"] == "lines" and t["name"].startswith("fast"))
    assert line["y"][-1] == pytest.approx(1 + 0.1 * 20, abs=0.1)


def test_scan_without_a_layer_shows_its_limit_in_the_overview(analysed):
    out, rows = analysed
    limit = json.loads((out / "pristine" / "result.json").read_text())["layer"]["upper_limit_nm"]
    assert f"none, under {limit:.2f}" in read(out).sections["overview"]


def test_what_was_doubtful_in_the_batch_stands_at_its_top(tmp_path):
    report.write_report(tmp_path, [{"scan": "a", "status": "failed", "message": "x"}], None, ["no line for scan a"])
    assert "No line for scan a." in read(tmp_path).sections["overview"]


def test_columns_of_a_sample_sheet_are_shown(copied):
    out, rows = copied
    report.write_report(out, [row | {"cycles": 100 + i} for i, row in enumerate(rows)])
    assert "cycles" in read(out).sections["overview"] and "102" in read(out).sections["overview"]


def rebuilt(rows, unit):
    """Spectra of the page from their changes."""
    return np.cumsum(np.array(rows), axis=1) * unit


def test_spectra_of_the_page_are_those_of_the_signals_to_half_a_step(analysed):
    out, rows = analysed
    found = unpacked(read(out).packed["scan-0"])["spectra"]
    assert found["together"] == 1
    for edge in found["edges"]:
        name = edge["name"].replace(" ", "_")
        drawn = {name: edge, f"{name}_recorded": edge["recorded"]}
        for file, own in ((file, own) for file, own in drawn.items() if own):
            signal = hs.load(out / rows[0]["scan"] / f"{file}.hspy")
            counts = rebuilt(own["counts"], own["unit"])
            first = int(np.argmin(np.abs(signal.axes_manager.signal_axes[0].axis - edge["start"])))
            expected = signal.data.reshape(-1, *signal.data.shape[-2:]).sum(0)[:, first : first + counts.shape[1]]
            assert np.allclose(counts, expected, atol=0.5001 * own["unit"])
            assert len(own["counts"]) == len(found["positions"])


def drawn_background(edge, i):
    energy = edge["start"] + edge["step"] * np.arange(len(edge["counts"][i]))
    return np.exp(np.polyval(edge["background"][i], np.log(energy)))


def test_background_of_the_page_lies_on_what_it_was_fitted_to(analysed):
    """In the fit window the mean residual is nothing, to its own noise; recorded counts for the lowest edge alone."""
    out, _ = analysed
    found = unpacked(read(out).packed["scan-0"])["spectra"]
    assert [edge["name"] for edge in found["edges"] if edge["recorded"]] == ["O K"]
    for edge in found["edges"]:
        energy = edge["start"] + edge["step"] * np.arange(len(edge["counts"][0]))
        low, high = {w[0]: w[1:] for w in edge["windows"]}["background fit"]
        inside = (energy >= low) & (energy <= high)
        for i in range(20, 40):
            background = drawn_background(edge, i)
            own = edge["recorded"] or edge
            whole = rebuilt(own["counts"], own["unit"])[i] + (0 if edge["recorded"] else background)
            residual = (whole - background)[inside]
            assert abs(residual.mean()) < 4 * residual.std() / np.sqrt(inside.sum()) + own["unit"]
            # the edge stands on it
            assert (whole - background)[~inside].mean() > 0


DRAWN = {
    "steps": {}, "slope": {"slope": True}, "arctan": {"step": "arctan", "step_width": 2.0},
    "positions": {"positions": {"L3": 643.0, "L2": 653.4}, "l3_half": 4.0},
}  # fmt: skip


@pytest.mark.parametrize("choices", DRAWN.values(), ids=DRAWN)
@pytest.mark.parametrize("deconvolution", ["zero_loss", "none"])
def test_areas_under_the_drawn_spectra_are_the_areas_of_the_table(choices, deconvolution, tmp_path, monkeypatch):
    """What is shaded is what was measured, at every position, to the steps in which curves are kept."""
    without_figures(monkeypatch)
    good_scans(tmp_path / "in", 1)
    recipe = Recipe(edges={"Mn_L": choices}, oxygen=False, deconvolution=deconvolution)
    save_scan(analyse(tmp_path / "in" / "good_00", recipe), tmp_path)
    content = json.loads((tmp_path / "result.json").read_text())
    (edge,) = report_spectra.spectra(content, tmp_path, 10**9)["edges"]
    above = rebuilt(edge["counts"], edge["unit"]) - rebuilt(edge["continuum"]["counts"], edge["continuum"]["unit"])
    energy = edge["start"] + edge["step"] * np.arange(above.shape[1])
    for label in ("L3", "L2"):
        ends = np.array(dict(edge["areas"])[label])
        drawn = (window_weights(energy, *ends.T) * above).sum(1)
        table = [row[f"mn_{label.lower()}"] for row in content["profile"]]
        # rounding of 40 channels and of the window's ends; four standard deviations
        assert np.allclose(drawn, table, atol=8 * edge["unit"])
        assert max(table) > 1000 * edge["unit"]


def test_forty_scans_of_pure_noise_stay_below_8_mb(analysed, tmp_path, monkeypatch):
    """Noise packs worst; each scan takes what one among forty may."""
    out, rows = analysed
    n = len(json.loads((out / SCANS[0] / "result.json").read_text())["profile"])
    noise = np.random.default_rng(0).normal(size=(n, 700))
    energy = 480 + 0.9 * np.arange(700)
    own = report_spectra.Spectra(energy, noise, noise, np.ones_like(noise))
    monkeypatch.setattr(report_spectra, "_read", lambda folder, name: own)
    report.write_report(tmp_path, [])
    empty = (tmp_path / "report.html").stat().st_size
    section = report._section(out, rows[0], 0, (report.PAGE - empty) // 40)
    found = unpacked(section.split('class="figures">')[1].split("<")[0])["spectra"]
    assert sum(len(edge["counts"]) for edge in found["edges"]) > 0 and found["together"] > 1
    assert empty + 40 * len(section.encode()) < 8e6


def test_forty_scans_with_images_and_statistics_stay_below_8_mb(analysed, tmp_path):
    """Three results over and over, each packed as among forty, and a survey of noise, which packs worst."""
    out, rows = analysed
    noise = np.random.default_rng(0).integers(0, 255, (512, 512), np.uint8)
    known, scans = [], []
    for i in range(40):
        name, source = f"scan_{i:02d}", out / rows[i % 3]["scan"]
        (tmp_path / name).mkdir()
        for path in source.glob("*.hspy"):
            (tmp_path / name / path.name).symlink_to(path)
        content = json.loads((source / "result.json").read_text())
        content["images"] = [{"title": "survey", "file": "noise.png", "size": [512, 512], "pixel_nm": [0.3, 0.3],
                              "where": "noted", "scan_nm": [40, 60, 90, 64], "line_nm": [40, 62, 90, 62]}]  # fmt: skip
        (tmp_path / name / "result.json").write_text(json.dumps(content))
        Image.fromarray(noise).save(tmp_path / name / "noise.png", compress_level=1)
        known.append({**rows[i % 3], "scan": name})
        scans.append(Scan(name, f"s{i % 6}", "ab"[i % 2], 100 * (i % 3), 2 + 0.1 * (i % 7), 0.1, np.nan))
    report.write_report(tmp_path, known, population(scans))
    assert (tmp_path / "report.html").stat().st_size < 8e6
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 40 and "this section is not complete" not in page and ">no images" not in page


def test_neighbours_are_summed_where_a_scan_has_more_than_its_share(analysed):
    out, rows = analysed
    folder = out / rows[0]["scan"]
    content = json.loads((folder / "result.json").read_text())
    whole = report_spectra.spectra(content, folder, 10**9)
    size = len(packed(whole))
    some = report_spectra.spectra(content, folder, size // 2)
    assert whole["together"] == 1 and some["together"] > 1 and len(packed(some)) <= size // 2
    pairs = [rebuilt(s["edges"][0]["counts"], s["edges"][0]["unit"]).sum(0) for s in (whole, some)]
    steps = len(some["positions"]) * some["edges"][0]["unit"] + len(whole["positions"]) * whole["edges"][0]["unit"]
    assert np.allclose(*pairs, atol=steps / 2)


@needs_browser
def test_page_in_a_browser_draws_all_sorts_filters_browses_and_stays_at_home(copied):
    out, rows = copied
    sheet = {"sample": "A", "coating_thickness": "10 +- 1 nm", "exposure": "165 min", "operator": "of a long name"}
    rows = [*(row | sheet for row in rows), {"scan": HOSTILE, "status": "failed", "message": HOSTILE}]
    report.write_report(out, rows, population(grown(np.random.default_rng(0))))
    with opened(out / "report.html") as page:
        # profile, spectra of four edges and coatings of three scans; layers and diffusivities of all; of groups both
        # and the trend
        assert page.locator(".plot").count() == 3 * 6 + 2 + 3
        # the dark-field image of one scan
        assert page.locator("svg image").count() == 1
        assert page.evaluate(
            "[...document.querySelectorAll('.plot')].every(p => p.data && p.querySelector('.main-svg path'))"
        )
        assert page.evaluate("typeof window.hacked") == "undefined"
        _sorting(page, rows)
        _filtering(page)
        _browsing(page)
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            wait_until(page, f"document.documentElement.scrollWidth <= {width}")
            wait_until(page, f"[...document.querySelectorAll('.plot .main-svg')].every(s => s.clientWidth <= {width})")
        _on_paper(page)
        assert page.errors == []
        assert [url for url in page.requests if not url.startswith("data:")] == [(out / "report.html").as_uri()]


def _on_paper(page):
    """On A4 with its margins, 688 px, nothing is cut at the right, and no row is as tall as a narrow column."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1016})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    wait_until(page, "document.documentElement.scrollWidth <= 688")
    right = "[...document.querySelectorAll('%s')].map(e => Math.ceil(e.getBoundingClientRect().right))"
    for what in ("#scans th, #scans td", ".small td", ".plot .main-svg", "figure svg"):
        assert max(page.evaluate(right % what)) <= 688, what
    heights = page.evaluate("[...document.querySelectorAll('#scans tbody tr')].map(row => row.offsetHeight)")
    assert max(heights) < 180
    shown = page.locator("#scans tbody tr:visible td.message")
    assert HOSTILE in shown.all_text_contents()
    page.emulate_media(media="screen")


def _sorting(page, rows):
    names = page.locator("#scans tbody th")
    button = page.get_by_role("button", name="layer (nm)", exact=True)
    layers = {row["scan"]: row["layer_nm"] for row in rows if row.get("layer_supported")}
    for reverse in (False, True):
        button.click()
        order = names.all_text_contents()
        assert order[: len(layers)] == sorted(layers, key=layers.get, reverse=reverse)
    assert sorted(order) == sorted(row["scan"] for row in rows)


def _filtering(page):
    shown = page.locator("#scans tbody tr:visible")
    page.get_by_label("status").select_option("failed")
    assert shown.count() == 2
    page.get_by_label("status").select_option("")
    page.get_by_label("find").fill("rocksalt ok")
    assert shown.count() == 2
    page.get_by_label("find").fill("")
    assert shown.count() == 5


def _browsing(page):
    net = "document.querySelector('.browser .plot').data.find(t => t.name === 'net spectrum').y"
    where, slider = page.locator(".browser .where").first, page.locator(".browser input[type=range]").first
    slider.press("Home")
    settle(page)
    vacuum, at_vacuum = page.evaluate(net), where.text_content()
    slider.press("End")
    settle(page)
    bulk, at_bulk = page.evaluate(net), where.text_content()
    # with its background, a spectrum lies above it, and is named for what it is
    traces = "document.querySelector('.browser .plot').data.map(t => t.name)"
    assert "continuum 2:1" in page.evaluate(traces)
    page.get_by_label("with background").first.check()
    settle(page)
    assert page.evaluate(traces)[:2] == ["power law", "single scattering"]
    page.get_by_label("background removed").first.check()
    settle(page)
    # the scan begins in vacuum and ends in the bulk
    assert max(bulk) > 5 * max(map(abs, vacuum))
    assert at_vacuum.startswith("position 0.00 nm (vacuum") and at_vacuum != at_bulk


def test_rows_of_the_fixture_are_those_of_the_summary(analysed):
    assert set(analysed[1][0]) == set(SUMMARY_COLUMNS)
