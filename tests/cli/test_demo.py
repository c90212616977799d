"""``oxyspy demo``: what it prints is the truth within its errors, and its report is there to open."""

import re
from pathlib import Path

import pytest

from oxyspy.cli import main
from oxyspy.data import FOLDER, read_yaml
from workflow.small_scans import without_figures


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Status, what was printed, and the folder."""
    out = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        printed: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: printed.append(" ".join(map(str, words))))
        status = main(["demo", "-o", str(out), "--quiet"])
    return status, "\n".join(printed), out


def test_layers_stand_beside_the_truth_within_four_of_their_errors(demo):
    status, printed, _ = demo
    assert status == 0
    truth = read_yaml(FOLDER / "demo" / "truth.yaml")["scans"]
    for name, made in truth.items():
        line = next(line for line in printed.splitlines() if line.startswith(name))
        if not made["layer_nm"]:
            assert " none " in line and "below" in line
            continue
        value, sigma = map(float, re.search(r"([\d.]+) ± ([\d.]+)", line).groups())
        assert abs(value - made["layer_nm"]) < 4 * sigma
        assert f" {made['layer_nm']:.2f} " in line


def test_report_that_is_named_is_there_with_every_scan_and_the_line_on_an_image(demo):
    _, printed, out = demo
    named = next(line for line in printed.splitlines() if line.startswith("report:")).split()[1]
    page = Path(named).read_text(encoding="utf-8")
    assert named == str(out / "report.html") and all(name in page for name in ("pristine", "rocksalt_2nm"))
    assert "arrow: the line from its first position to its last" in page and "no images" not in page
    assert "Trends with cycles" in page and (out / "trends.csv").exists()
