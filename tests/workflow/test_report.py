import base64
import gzip
import json
import shutil
from html.parser import HTMLParser

import hyperspy.api as hs
import numpy as np
import pytest

from browser import CHROMIUM, Page
from oxyspy.data import FOLDER
from oxyspy.workflow import report, report_spectra
from oxyspy.workflow.batch import analyse_many
from oxyspy.workflow.output import SUMMARY_COLUMNS
from oxyspy.workflow.recipe import load_recipe

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


def test_columns_of_a_sample_sheet_are_shown(copied):
    out, rows = copied
    report.write_report(out, [row | {"cycles": 100 + i} for i, row in enumerate(rows)])
    assert "cycles" in read(out).sections["overview"] and "102" in read(out).sections["overview"]


def test_spectra_of_the_page_are_those_of_the_signals_to_half_a_step(analysed):
    out, rows = analysed
    found = unpacked(read(out).packed["scan-0"])["spectra"]
    for edge in found["edges"]:
        signal = hs.load(out / rows[0]["scan"] / f"{edge['name'].replace(' ', '_')}.hspy")
        counts = np.cumsum(edge["counts"], axis=1) * edge["unit"]
        axis = signal.axes_manager.signal_axes[0].axis
        first = int(np.argmin(np.abs(axis - edge["start"])))
        expected = signal.data.reshape(-1, *signal.data.shape[-2:]).sum(0)[:, first : first + counts.shape[1]]
        assert np.allclose(counts, expected, atol=0.5001 * edge["unit"])
        assert len(edge["counts"]) == len(found["positions"])


def test_areas_under_the_drawn_spectra_are_the_areas_of_the_table(analysed):
    """What is shaded is what was measured: by the trapezoid of the drawn curves, on the strongest line."""
    out, rows = analysed
    content = json.loads((out / rows[0]["scan"] / "result.json").read_text())
    edge = unpacked(read(out).packed["scan-0"])["spectra"]["edges"][0]
    assert edge["name"] == "Mn L"
    above = (np.cumsum(edge["counts"][-10], 0) - np.cumsum(edge["continuum"][-10], 0)) * edge["unit"]
    energy = edge["start"] + edge["step"] * np.arange(above.size)
    low, high = dict(edge["areas"])["L3"][-10]
    drawn = above[(energy >= low) & (energy <= high)].sum()
    row = content["profile"][-10]
    # windows cut channels in two, and curves are kept to 1/500 of the maximum: 40 channels of half a step
    assert drawn == pytest.approx(row["mn_l3"], abs=0.5 * row["mn_l3_sigma"] + 20 * edge["unit"])


def test_forty_scans_of_pure_noise_stay_below_8_mb(analysed, tmp_path, monkeypatch):
    """Noise packs worst; as many channels as a scan among forty may have."""
    out, rows = analysed
    noise = np.random.default_rng(0).normal(
        size=(len(json.loads((out / SCANS[0] / "result.json").read_text())["profile"]), 700)
    )
    energy = 480 + 0.9 * np.arange(700)
    monkeypatch.setattr(report_spectra, "_signal", lambda path: (energy, noise))
    section = report._section(out, rows[0], 0, report.CHANNELS // 40)
    counts = unpacked(section.split('class="figures">')[1].split("<")[0])["spectra"]["edges"]
    assert sum(len(e["counts"]) for e in counts) > 0
    report.write_report(tmp_path, [])
    assert (tmp_path / "report.html").stat().st_size + 40 * len(section.encode()) < 8e6


def test_neighbours_are_summed_where_a_scan_has_more_than_its_share(analysed):
    out, rows = analysed
    folder = out / rows[0]["scan"]
    content = json.loads((folder / "result.json").read_text())
    whole = report_spectra.spectra(content, folder, 10**9)
    half = report_spectra.spectra(content, folder, 40_000)
    assert whole["together"] == 1 and half["together"] > 1
    pairs = [np.cumsum(s["edges"][0]["counts"], 1).sum(0) * s["edges"][0]["unit"] for s in (whole, half)]
    steps = len(half["positions"]) * half["edges"][0]["unit"] + len(whole["positions"]) * whole["edges"][0]["unit"]
    assert np.allclose(*pairs, atol=steps / 2)


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")


@needs_browser
def test_page_in_a_browser_draws_all_sorts_filters_browses_and_stays_at_home(copied, tmp_path):
    out, rows = copied
    rows = [*rows, {"scan": HOSTILE, "status": "failed", "message": HOSTILE}]
    report.write_report(out, rows)
    with Page(tmp_path / "profile") as page:
        page.open(out / "report.html")
        page.wait("document.body.dataset.drawn === 'all'")

        # profile, spectra of four edges and coatings of three scans; layers and diffusivities of all
        assert page.value("document.querySelectorAll('.plot').length") == 3 * 6 + 2
        assert page.value(
            "[...document.querySelectorAll('.plot')].every(p => p.data && p.querySelector('.main-svg path'))"
        )
        assert page.value("typeof window.hacked") == "undefined"

        _sorting(page, rows)
        _filtering(page)
        _browsing(page)

        for width in (1280, 400):
            page.resize(width, 900)
            page.wait(f"document.documentElement.scrollWidth <= {width}", 20)
            page.wait(f"[...document.querySelectorAll('.plot .main-svg')].every(s => s.clientWidth <= {width})", 20)

        page.pdf(tmp_path / "report.pdf")
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
        assert page.errors == []
        assert [url for url in page.requests if not url.startswith("data:")] == [(out / "report.html").as_uri()]


def _sorting(page, rows):
    shown = "[...document.querySelectorAll('#scans tbody th')].map(cell => cell.textContent)"
    click = "[...document.querySelectorAll('#scans thead button')].find(b => b.textContent === 'layer (nm)').click()"
    layers = {row["scan"]: row["layer_nm"] for row in rows if row.get("layer_supported")}
    page.value(click)
    order = page.value(shown)
    assert order[: len(layers)] == sorted(layers, key=layers.get)
    page.value(click)
    order = page.value(shown)
    assert order[: len(layers)] == sorted(layers, key=layers.get, reverse=True)
    assert sorted(order) == sorted(row["scan"] for row in rows)


def _filtering(page):
    visible = "[...document.querySelectorAll('#scans tbody tr')].filter(row => row.offsetHeight > 0).length"
    choose = "(s => { s.value = '%s'; s.dispatchEvent(new Event('change')); })(document.getElementById('status'))"
    page.value(choose % "failed")
    assert page.value(visible) == 2
    page.value(choose % "")
    find = "(f => { f.value = '%s'; f.dispatchEvent(new Event('input')); })(document.getElementById('find'))"
    page.value(find % "rocksalt ok")
    assert page.value(visible) == 2
    page.value(find % "")
    assert page.value(visible) == 5


def _browsing(page):
    net = "document.querySelector('.browser .plot').data.find(t => t.name === 'net spectrum').y"
    where = "document.querySelector('.browser .where').textContent"
    move = "(s => { s.value = %s; s.dispatchEvent(new Event('input')); })(document.querySelector('.browser input'))"
    page.value(move % "0")
    page.frame()
    vacuum, at_vacuum = page.value(net), page.value(where)
    page.value(move % "s.max")
    page.frame()
    bulk, at_bulk = page.value(net), page.value(where)
    # the scan begins in vacuum and ends in the bulk
    assert max(bulk) > 5 * max(map(abs, vacuum))
    assert at_vacuum.startswith("position 0.00 nm (vacuum") and at_vacuum != at_bulk


def test_rows_of_the_fixture_are_those_of_the_summary(analysed):
    assert set(analysed[1][0]) == set(SUMMARY_COLUMNS)
