"""A batch: sixty scans, ten of them bad, and a disk without room."""

import csv
import errno
import json
import os
import re
import resource
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from oxyspy.workflow.batch import analyse_many
from oxyspy.workflow.schema import result_schema
from workflow.small_scans import BAD, QUICK, bad_scans, good_scans, without_figures

# what went wrong, and what a person can do
SAID = {
    "truncated": r"core_loss\.dm4: cannot be read.*copy it again",
    "no_low_loss": r"no low loss: t/λ is not known and nothing is deconvolved.*give one recorded at the same places",
    "vacuum": r"lies in vacuum or the beam was off: check where it was drawn",
    "constant": r"constant \(100 counts\): nothing was recorded here; look into the file",
    "nan": r"not finite: export the data again",
    "wrong_units": r"no axis in eV \(units: s, m\).*set its units",
    "no_edges": r"no edge of Mn L: check that the line crosses the cathode",
    "saturated": r"hold the same largest value.*shorter exposure",
    "huge_drift": r"energy axis drifted.*align the spectra or record again",
    "empty": r"core_loss\.dm4: the file is empty \(0 bytes\)",
}


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Folder of the results and table of fifty good scans beside ten bad ones, found in one folder."""
    folder = tmp_path_factory.mktemp("sixty")
    good_scans(folder / "in", 50)
    bad_scans(folder / "in")
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        table = analyse_many(folder / "in", folder / "out", QUICK, progress=False)
    return folder / "in", folder / "out", table.set_index("scan")


def test_fifty_of_sixty_scans_are_ok_and_ten_are_failed_or_partial(batch):
    _, out, table = batch
    assert len(table) == 60
    assert (table.status == "ok").sum() == 50
    assert set(table.index[table.status != "ok"]) == set(BAD)
    assert table.layer_supported[table.status == "ok"].all()
    with open(out / "summary.csv") as file:
        assert len(list(csv.DictReader(file))) == 60
    assert not list(out.rglob("*.part*"))


@pytest.mark.parametrize("name", BAD)
def test_message_of_a_bad_scan_says_what_is_wrong_and_what_to_do(batch, name):
    row = batch[2].loc[name]
    assert row.status in ("failed", "partial")
    # words for a person, not a defect of the program
    assert re.search(SAID[name], row.message) and "unexpected" not in row.message, row.message
    # no layer is claimed from what cannot show one; a missing low loss still lets one be seen
    assert row.layer_supported is not True or name == "no_low_loss"


def test_layers_of_the_good_ones_are_those_they_were_made_with(batch):
    good = batch[2][batch[2].status == "ok"]
    made_with = [1.5 + 0.5 * (int(name[-2:]) % 5) for name in good.index]
    off = (good.layer_nm - made_with) / good.layer_sigma_nm
    # 68 % of fifty within one sigma, give or take three binomial standard deviations of 0.066
    assert 0.48 < (off.abs() < 1).mean() < 0.88


def test_results_of_all_are_as_their_schema_says(batch):
    valid = Draft202012Validator(result_schema())
    for path in batch[1].glob("*/result.json"):
        assert [error.message for error in valid.iter_errors(json.loads(path.read_text()))] == [], path


def test_failed_scans_are_done_again_and_good_ones_are_not(batch, monkeypatch):
    source, out, table = batch
    again = []
    monkeypatch.setattr("oxyspy.workflow.batch.run_job", lambda job, *a: again.append(job.name) or {
        "scan": job.name, "status": "failed", "message": "again"})  # fmt: skip
    monkeypatch.setattr("oxyspy.workflow.batch.write_report", lambda *a: None)
    sources = [source / name for name in ("good_00", "good_01", *BAD)]
    found = analyse_many(sources, out, QUICK, progress=False).set_index("scan")
    assert set(again) == set(table.index[table.status == "failed"])
    assert (found.message[again] == "again").all() and (found.status == "ok").sum() == 2


LIMITED = """
import sys, resource
from pathlib import Path
import pytest
from workflow.small_scans import QUICK, without_figures
from oxyspy.errors import OxyspyError
from oxyspy.workflow.batch import analyse_many
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
with pytest.MonkeyPatch.context() as patch:
    without_figures(patch)
    try:
        analyse_many(sys.argv[1], sys.argv[2], QUICK, progress=False)
    except OxyspyError as error:
        sys.exit(f"told: {error}")
"""


def test_limit_of_file_size_ends_with_the_path_and_loses_nothing_done(tmp_path):
    """40 kB do for the text of a result and not for its spectra."""
    good_scans(tmp_path / "in", 3)
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        first = analyse_many(tmp_path / "in" / "good_00", out, QUICK, progress=False)
        before = {p: p.read_bytes() for p in sorted((out / "good_00").iterdir())}
        paths = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        ended = subprocess.run(
            [sys.executable, "-c", LIMITED, str(tmp_path / "in"), str(out), "40000"],
            capture_output=True, text=True, timeout=120, env=os.environ | paths,
        )  # fmt: skip
        assert ended.returncode == 1 and "told: could not write" in ended.stderr, ended.stderr
        assert str(out) in ended.stderr and os.strerror(errno.EFBIG) in ended.stderr
        assert {p: p.read_bytes() for p in sorted((out / "good_00").iterdir())} == before
        assert not list(out.rglob("*.part*"))
        table = analyse_many(tmp_path / "in", out, QUICK, progress=False)
    assert (table.status == "ok").all() and table.layer_nm[0] == first.layer_nm[0]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
