"""A batch whose process, or whose workers, are killed: run again, it gives what an undisturbed one gives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oxyspy.workflow.runners import processes
from workflow.dying import die_once
from workflow.small_scans import good_scans

KILLS = 20
STUDY = Path(__file__).with_name("kill_study.py")


def environment():
    """That of the tests, for processes of their own."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@pytest.mark.slow
def test_killed_at_twenty_moments_and_resumed_it_gives_the_same_summary_and_only_whole_files(tmp_path):
    command = [sys.executable, str(STUDY), str(tmp_path), str(KILLS)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=500)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    # some before the first scan was done, and some after
    assert len(told["stages"]) == KILLS and len(set(told["stages"])) > 1


QUICK_COMMAND = """
import signal
import sys
import pytest
from workflow.small_scans import without_figures
from oxyspy.cli import main
# a test run in a shell's background passes on that the signal is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
with pytest.MonkeyPatch.context() as patch:
    without_figures(patch)
    sys.exit(main(["analyse", *sys.argv[1:]]))
"""


def test_ctrl_c_ends_with_status_130_and_nothing_half_written(tmp_path):
    """Twelve scans, and the signal after the first: it falls on the work, not on the interpreter's coming or going."""
    good_scans(tmp_path / "in", 12)
    out = tmp_path / "out"
    command = [sys.executable, "-c", QUICK_COMMAND, str(tmp_path / "in"), "-o", str(out), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    deadline = time.monotonic() + 100
    while not list(out.rglob("done.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=100)[1]
    assert process.returncode == 130, told
    assert "stopped" in told and "Traceback" not in told
    assert 1 <= len(list(out.rglob("done.json"))) < 12
    assert not list(out.rglob("*.part*"))


def test_scan_of_a_killed_worker_is_done_again_once_then_failed(tmp_path):
    names = ("a", "once", "b", "always", "c")
    tasks = {name: (str(tmp_path / name), name) for name in names}
    found = {name: (result, lost) for name, result, lost in processes(die_once, tasks, 2)}
    assert set(found) == set(names)
    assert "killed, twice" in found.pop("always")[1]
    assert found == {name: (name, "") for name in names if name != "always"}
