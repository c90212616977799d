"""A batch: bad scans beside good ones, sample sheets, a full disk."""

import subprocess
import sys

import pytest

from oxyspy.workflow.batch import analyse_many
from workflow.small_scans import BAD, bad_scans, good_scans


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    good_scans(folder, 3)
    return folder


def test_ten_kinds_of_bad_scans_cost_the_good_ones_nothing(scans, tmp_path):
    bad_scans(tmp_path / "bad")
    sources = [*sorted(scans.iterdir()), *sorted((tmp_path / "bad").iterdir())]
    table = analyse_many(sources, tmp_path / "out", progress=False).set_index("scan")
    assert len(table) == 13
    for name in ("good_00", "good_01", "good_02"):
        assert table.status[name] == "ok" and table.layer_supported[name]
    for name in BAD:
        row = table.loc[name]
        assert row.status in ("failed", "partial"), (name, row.status)
        # words for a person, not a defect of the program
        assert len(row.message) > 20 and "unexpected" not in row.message, (name, row.message)
        # no layer is claimed from what cannot show one; a missing low loss still lets one be seen
        assert row.layer_supported is not True or name in ("no_low_loss", "saturated"), (name, row.message)
    assert not list((tmp_path / "out").rglob("*.part*"))


def run_limited(scans, out, blocks):
    command = f"ulimit -f {blocks}; exec {sys.executable} -m oxyspy.cli analyse {scans}/* -o {out} --quiet"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)


def test_limit_of_file_size_ends_with_the_path_and_loses_nothing_done(scans, tmp_path):
    out = tmp_path / "out"
    first = analyse_many([scans / "good_00"], out, progress=False)
    before = {p: p.read_bytes() for p in sorted((out / "good_00").iterdir())}
    ended = run_limited(scans, out, 40)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "could not write" in ended.stderr and str(out) in ended.stderr
    assert {p: p.read_bytes() for p in sorted((out / "good_00").iterdir())} == before
    assert not list(out.rglob("*.part*"))
    table = analyse_many(sorted(scans.iterdir()), out, progress=False)
    assert (table.status == "ok").all() and table.layer_nm[0] == first.layer_nm[0]
