"""What a batch does again when it is run again: inputs, recipes, files and folders that changed, or are in the way."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from oxyspy.cli import main
from oxyspy.eels.valence import CALIBRATIONS
from oxyspy.errors import InputError
from oxyspy.files import hashes
from oxyspy.io import load_scan
from oxyspy.workflow import batch
from oxyspy.workflow.batch import analyse_many
from workflow.small_scans import QUICK, good_scans, without_figures
from workflow.test_batch_killed import QUICK_COMMAND, environment


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """A folder with two scans, of 1.5 and 2 nm."""
    folder = tmp_path_factory.mktemp("scans")
    good_scans(folder, 2)
    return folder


@pytest.fixture
def run(monkeypatch):
    """`analyse_many` without figures; gives the scans it analysed, and the table."""
    without_figures(monkeypatch)
    analysed, own = [], batch.run_job

    def spy(job, *arguments):
        analysed.append(job.name)
        return own(job, *arguments)

    monkeypatch.setattr(batch, "run_job", spy)

    def call(*arguments, recipe=QUICK, **given):
        analysed.clear()
        table = analyse_many(*arguments, recipe=recipe, progress=False, **given)
        return list(analysed), table.set_index("scan")

    return call


def test_files_of_one_name_are_told_apart_and_either_one_that_changes_is_seen(scans, run, tmp_path):
    for kind in ("core", "low"):
        (tmp_path / kind).mkdir()
        shutil.copy(scans / "good_00" / f"{kind}_loss.dm4", tmp_path / kind / "01.dm4")
    given = {"core": str(tmp_path / "core/01.dm4"), "low_loss": str(tmp_path / "low/01.dm4"), "out": tmp_path / "out"}
    _, first = run(**given)
    inputs = json.loads((tmp_path / "out/01/result.json").read_text())["provenance"]["inputs"]
    assert sorted(inputs) == ["core/01.dm4", "low/01.dm4"] and len(set(inputs.values())) == 2
    assert run(**given)[0] == []
    shutil.copy(scans / "good_01" / "core_loss.dm4", tmp_path / "core" / "01.dm4")
    analysed, second = run(**given)
    assert analysed == ["01"] and second.layer_nm["01"] - first.layer_nm["01"] == pytest.approx(0.5, abs=0.2)


def test_a_store_that_is_a_folder_is_hashed_with_all_that_is_in_it(scans, run, tmp_path):
    for i in (0, 1):
        scan = load_scan(scans / f"good_0{i}")
        (tmp_path / f"made_{i}").mkdir()
        for name, loss in (("core", scan.core_loss), ("low", scan.low_loss)):
            loss.save(tmp_path / f"made_{i}" / f"{name}.zspy")
    shutil.copytree(tmp_path / "made_0", tmp_path / "in" / "s")
    run(tmp_path / "in" / "s", tmp_path / "out")
    inputs = json.loads((tmp_path / "out/s/result.json").read_text())["provenance"]["inputs"]
    assert any(name.startswith("core.zspy/") for name in inputs)
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in inputs.values())
    assert run(tmp_path / "in" / "s", tmp_path / "out")[0] == []
    shutil.rmtree(tmp_path / "in" / "s")
    shutil.copytree(tmp_path / "made_1", tmp_path / "in" / "s")
    analysed, table = run(tmp_path / "in" / "s", tmp_path / "out")
    assert analysed == ["s"] and table.layer_nm["s"] == pytest.approx(2.0, abs=0.2)


def test_hashes_name_files_below_what_they_have_in_common(tmp_path):
    for name in ("a/x.txt", "b/x.txt", "store.zspy/.zattrs", "store.zspy/0/1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = hashes([tmp_path / "a/x.txt", tmp_path / "b/x.txt", tmp_path / "store.zspy", tmp_path / "gone"])
    assert list(found) == ["a/x.txt", "b/x.txt", "store.zspy/.zattrs", "store.zspy/0/1", "gone"]
    assert found["gone"].startswith("unreadable: ") and len(set(found.values())) == 5
    assert list(hashes([tmp_path / "a/x.txt"])) == ["x.txt"]


def test_calibration_that_changes_is_seen(scans, run, tmp_path):
    own = tmp_path / "own.yaml"
    shutil.copy(CALIBRATIONS / "mn_references.yaml", own)
    recipe = QUICK.model_copy(update={"valence": {"Mn_L": str(own)}})
    assert run(scans / "good_00", tmp_path / "out", recipe=recipe)[0] == ["good_00"]
    provenance = json.loads((tmp_path / "out/good_00/result.json").read_text())["provenance"]
    assert provenance["calibrations"] == hashes([own])
    assert run(scans / "good_00", tmp_path / "out", recipe=recipe)[0] == []
    own.write_text(own.read_text() + "\n# renewed\n")
    assert run(scans / "good_00", tmp_path / "out", recipe=recipe)[0] == ["good_00"]


def test_recipe_of_a_result_needs_no_second_analysis(scans, run, tmp_path):
    run(scans / "good_00", tmp_path / "out")
    assert run(scans / "good_00", tmp_path / "out", recipe=tmp_path / "out/good_00/result.json")[0] == []


def test_results_inside_the_folder_of_scans_are_no_scans_though_half_of_them_be_missing(scans, run, tmp_path):
    shutil.copytree(scans, tmp_path / "in")
    out = tmp_path / "in" / "out"
    run(tmp_path / "in", out)
    # as if killed before the second one's last files
    for name in ("result.json", "done.json"):
        (out / "good_01" / name).unlink()
    analysed, table = run(tmp_path / "in", out)
    assert analysed == ["good_01"] and list(table.index) == ["good_00", "good_01"]
    assert (table.status == "ok").all()


def test_results_are_never_written_among_a_scans_own_files(scans, run, tmp_path):
    shutil.copytree(scans, tmp_path / "in")
    with pytest.raises(InputError, match="good_00 would lie among its own files"):
        run(tmp_path / "in", tmp_path / "in")
    assert not list(tmp_path.rglob("*.json"))


def test_results_named_as_a_file_are_refused(scans, tmp_path, capsys):
    (tmp_path / "taken").write_text("x")
    assert main(["analyse", str(scans), "-o", str(tmp_path / "taken")]) == 1
    assert "taken: a file; needed a folder" in capsys.readouterr().err


def test_file_that_was_taken_away_is_made_again_and_leftovers_are_swept(scans, run, tmp_path):
    out = tmp_path / "out"
    run(scans, out)
    before = (out / "good_00" / "profile.csv").read_bytes()
    (out / "good_00" / "profile.csv").unlink()
    (out / "good_01" / ".Mn_L-x.part.hspy").write_text("half")
    assert run(scans, out)[0] == ["good_00"]
    assert (out / "good_00" / "profile.csv").read_bytes() == before
    assert not list(out.rglob("*.part*"))


def test_stopped_on_the_way_it_says_what_is_kept_and_leaves_no_report_of_other_scans(scans, run, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run(scans, out)
    assert (out / "report.html").exists() and (out / "statistics.json").exists()
    own = batch.run_job

    def stopping(job, *arguments):
        if job.name == "good_01":
            raise KeyboardInterrupt
        return own(job, *arguments)

    monkeypatch.setattr(batch, "run_job", stopping)
    with pytest.raises(KeyboardInterrupt, match=r"1 of 2 scans are done and kept in .*out; the same command goes on"):
        run(scans, out, resume=False)
    assert not (out / "report.html").exists() and not (out / "statistics.json").exists()
    assert len((out / "summary.csv").read_text().splitlines()) == 2
    monkeypatch.setattr(batch, "run_job", own)
    analysed, table = run(scans, out)
    assert analysed == ["good_01"] and len(table) == 2 and (out / "report.html").exists()


def test_bar_counts_what_is_done_failed_and_left(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    step = batch._bar(4, 1, True)
    for status in ("ok", "failed", "ok"):
        time.sleep(0.11)  # oftener tqdm does not draw
        step({"status": status})
    step(None)
    drawn = [text for text in shown.getvalue().split("\r") if "left" in text]
    assert "1/4" in drawn[0] and "0 failed, 3 left" in drawn[0]
    assert any("3/4" in text and "1 failed, 1 left" in text for text in drawn)
    assert "4/4" in drawn[-1] and "1 failed, 0 left" in drawn[-1]


@pytest.mark.slow
def test_two_workers_killed_and_stopped_on_the_way_and_run_again_give_what_one_gives(tmp_path, run):
    """Each signal comes after one more of six; after Ctrl-C, what the workers were at is finished and kept."""
    good_scans(tmp_path / "in", 6)
    out = tmp_path / "out"
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(QUICK.model_dump(mode="json")))
    command = [sys.executable, "-c", QUICK_COMMAND, str(tmp_path / "in"), "-o", str(out), "--quiet",
               "--recipe", str(recipe), "--workers", "2"]  # fmt: skip

    def done():
        return sorted(path.parent.name for path in out.rglob("done.json"))

    def begun():
        """A run that has finished one scan more than there were."""
        before, deadline = len(done()), time.monotonic() + 100
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
            start_new_session=True,
        )  # fmt: skip
        while len(done()) <= before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return process

    killed = begun()
    killed.kill()
    # the pipes close when the workers, which do not outlive their parent, are gone too
    killed.communicate(timeout=100)
    assert killed.returncode == -signal.SIGKILL and 1 <= len(done()) < 6
    for path in out.rglob("*.json"):
        if ".part" not in path.name:
            json.loads(path.read_text())
    stopped = begun()
    # as a terminal sends it: to the workers too
    os.killpg(stopped.pid, signal.SIGINT)
    told = stopped.communicate(timeout=100)[1]
    kept = done()
    assert stopped.returncode == 130 and "Traceback" not in told, told
    assert f"stopped; {len(kept)} of 6 scans are done and kept in {out}" in told
    assert len(kept) < 6 and sorted(path.parent.name for path in out.rglob("result.json")) == kept
    analysed, _ = run(tmp_path / "in", out, recipe=recipe)
    assert sorted(analysed + kept) == [f"good_0{i}" for i in range(6)]
    run(tmp_path / "in", tmp_path / "one", recipe=recipe)
    assert (out / "summary.csv").read_bytes() == (tmp_path / "one" / "summary.csv").read_bytes()
    assert not list(out.rglob("*.part*"))
