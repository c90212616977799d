"""Every block of code in README runs, in a folder with files of the names it shows."""

import re
import subprocess
from pathlib import Path

import pytest

import blocks
import oxyspy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INDENTED = [line.strip() for line in README.splitlines() if line.startswith("    ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """README's names for a user's own files, given to files of the project."""
    found = blocks.prepare(tmp_path_factory.mktemp("readme"))
    (found / "scan_07").symlink_to(ROOT / "test_data" / "demo" / "rocksalt_2nm")
    (found / "scans").mkdir()
    (found / "scans" / "one").symlink_to(ROOT / "test_data" / "demo" / "pristine")
    (found / "haadf.dm4").symlink_to(ROOT / "test_data" / "haadf" / "rocksalt_2nm.dm4")
    return found


def test_python_blocks_run_one_after_the_other(folder):
    namespace = {}
    printed = [
        blocks.run_python(code, namespace, folder) for kind, code in blocks.blocks_of(README) if kind == "python"
    ]
    assert len(printed) == 2 and "reacted layer" in printed[0] and "Fourier ratio" in printed[1]


@pytest.mark.parametrize("command", [line for line in INDENTED if line.startswith("oxyspy ")])
def test_command_ends_well(command, folder):
    status, printed = blocks.run_command(command, folder)
    assert status == 0, printed


@pytest.mark.parametrize("target", [line.split()[1] for line in INDENTED if line.startswith("make ")])
def test_make_target_exists(target):
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_indented_line_is_left_out():
    known = ("oxyspy ", "make ")
    assert [line for line in INDENTED if not line.startswith(known) and not _inside_fence(line)] == []


def _inside_fence(line):
    return any(line in code for _, code in blocks.blocks_of(README))


def test_links_to_files_of_the_project_lead_somewhere():
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README)
    assert links and all((ROOT / link).exists() for link in links)


def test_caption_says_what_the_demo_scan_gives():
    value, sigma = map(float, re.search(r"found as ([\d.]+) ± ([\d.]+) nm", README).groups())
    layer = oxyspy.analyse(ROOT / "test_data" / "demo" / "rocksalt_2nm", recipe="nmc").layer
    # printed to 0.01 nm; last digits may move with libraries
    assert abs(layer.thickness_nm - value) < 0.02 and abs(layer.sigma_nm - sigma) < 0.01


def test_readme_stays_short():
    assert len(README.splitlines()) <= 120
