"""Kill a batch at random moments, and look at what it leaves each time: python kill_study.py FOLDER KILLS

A process of its own, in which forking is safe: each batch begins in a process that has everything loaded.
"""

import csv
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

import dask
import h5py
import pytest

from oxyspy.workflow.batch import analyse_many
from workflow.small_scans import QUICK, good_scans, without_figures

SCANS = 4


def run(source, out):
    # a forked process has none of dask's threads, and would wait for them
    with pytest.MonkeyPatch.context() as patch, dask.config.set(scheduler="synchronous"):
        without_figures(patch)
        analyse_many(source, out, QUICK, progress=False)


def assert_whole(out, other):
    """Every file that bears its own name is as good as that of the undisturbed run."""
    for path in out.rglob("*"):
        if not path.is_file() or ".part" in path.name:
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.name == "report.html":
            assert path.read_text().rstrip().endswith("</html>")
        elif path.suffix == ".hspy":
            h5py.File(path).close()
        elif path.name == "summary.csv":
            rows, whole = (list(csv.reader(table.read_text().splitlines())) for table in (path, other / "summary.csv"))
            assert all(row in whole for row in rows)
        elif path.name == "profile.csv":
            assert path.read_bytes() == (other / path.relative_to(out)).read_bytes()


def scans_done(out):
    """How many scans a batch has behind it."""
    return len(list(out.rglob("done.json")))


def wait_for_moment(process, out, moment, pace):
    """Wait until ``moment`` scans are done: their whole number is seen, and the rest is a share of a scan's time.

    A moment told by the clock alone falls before the first scan is done wherever the machine has other work.
    """
    while process.is_alive() and scans_done(out) < int(moment):
        process.join(0.002)
    process.join(moment % 1 * pace)


def main(folder, kills):
    """Moments are drawn over the whole course; a batch that is beyond the next one is left, and another begun."""
    source, expected = folder / "in", folder / "expected"
    good_scans(source, SCANS)
    run(source, folder / "warm")
    began = time.monotonic()
    run(source, expected)
    pace = (time.monotonic() - began) / SCANS
    rng, forks = random.Random(8), multiprocessing.get_context("fork")
    stages, batches = [], [folder / "out-0"]
    while len(stages) < kills:
        # the report, after the last scan, counts as one more
        moment = rng.uniform(0, SCANS + 1)
        if scans_done(batches[-1]) > moment:
            batches.append(folder / f"out-{len(batches)}")
        out = batches[-1]
        process = forks.Process(target=run, args=(source, out))
        process.start()
        wait_for_moment(process, out, moment, pace)
        if process.is_alive():
            process.kill()
            stages.append(scans_done(out))
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        assert_whole(out, expected)
    for out in batches:
        run(source, out)
        assert_whole(out, expected)
        assert (out / "summary.csv").read_bytes() == (expected / "summary.csv").read_bytes()
        assert not list(out.rglob("*.part*"))
    print(json.dumps({"stages": stages, "batches": len(batches), "pace": pace}))


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "Agg"
    main(Path(sys.argv[1]), int(sys.argv[2]))
