"""A batch whose process, or whose workers, are killed: run again, it gives what an undisturbed one gives."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from oxyspy.workflow.batch import analyse_many
from oxyspy.workflow.runners import processes
from workflow.small_scans import good_scans


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    good_scans(folder / "in", 3)
    analyse_many([folder / "in"], folder / "out", progress=False)
    return folder / "in", (folder / "out" / "summary.csv").read_bytes()


def start(source, out):
    command = [sys.executable, "-m", "oxyspy.cli", "analyse", str(source), "-o", str(out), "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_summary_and_no_half_written_file(undisturbed, tmp_path):
    source, summary = undisturbed
    out = tmp_path / "out"
    for moment in (3.0, 4.0, 5.0):
        run = start(source, out)
        time.sleep(moment)
        run.kill()
        run.wait()
        run.stderr.close()
        for path in out.rglob("*.json"):
            if ".part" not in path.name:
                json.loads(path.read_text())
    analyse_many([source], out, progress=False)
    assert (out / "summary.csv").read_bytes() == summary
    assert not list(out.rglob("*.part*"))


@pytest.mark.slow
def test_ctrl_c_ends_with_status_130_and_nothing_half_written(undisturbed, tmp_path):
    run = start(undisturbed[0], tmp_path / "out")
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").rglob("done.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    told = run.communicate(timeout=60)[1]
    # a shell shows both as 130: our own status, and death by the signal itself where it finds the interpreter leaving
    assert run.returncode in (130, -signal.SIGINT)
    assert run.returncode != 130 or "Traceback" not in told
    assert not list((tmp_path / "out").rglob("*.part*"))


def die_once(marker, name):
    """Kill the own process, the first time ``marker`` allows it."""
    if name == "always" or (name == "once" and not os.path.exists(marker)):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def test_scan_of_a_killed_worker_is_done_again_once_then_failed(tmp_path):
    names = ("a", "once", "b", "always", "c")
    tasks = {name: (str(tmp_path / name), name) for name in names}
    found = {name: (result, lost) for name, result, lost in processes(die_once, tasks, 2)}
    assert set(found) == set(names)
    assert "killed, twice" in found.pop("always")[1]
    assert all(result == name and not lost for name, (result, lost) in found.items())
