"""A batch on a dask.distributed cluster, one of whose two worker processes is killed on the way."""

import os
import signal

import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.eels import blocks
from oxyspy.workflow import batch, runners
from workflow.small_scans import QUICK, good_scans, without_figures

distributed = pytest.importorskip("distributed", reason="needs the extra oxyspy[cluster]")


def killing(run_job, marker):
    """Analyse a scan; the worker that comes to the second one first is killed there."""

    def run(job, *arguments):
        # workers stand where they were started
        os.chdir("/")
        if job.name == "good_01" and not os.path.exists(marker):
            open(marker, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        with pytest.MonkeyPatch.context() as patch:
            without_figures(patch)
            return run_job(job, *arguments)

    return run


@pytest.mark.slow
def test_cluster_of_two_workers_one_of_them_killed_gives_the_same_summary(tmp_path, monkeypatch):
    good_scans(tmp_path / "in", 4)
    without_figures(monkeypatch)
    monkeypatch.chdir(tmp_path)
    batch.analyse_many("in", "here", QUICK, progress=False)
    monkeypatch.setattr(batch, "run_job", killing(batch.run_job, str(tmp_path / "killed")))
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as cluster:
        address = cluster.scheduler_address
        table = batch.analyse_many("in", "there", QUICK, scheduler=address, progress=False)
        # the other cores are other workers' or other tasks'
        found = [result for _, result, _ in runners.cluster(blocks.threads, {"a": (), "b": ()}, address)]
    assert found == [1, 1]
    assert (tmp_path / "killed").exists()
    assert (table.status == "ok").all()
    assert (tmp_path / "there" / "summary.csv").read_bytes() == (tmp_path / "here" / "summary.csv").read_bytes()
    assert not list(tmp_path.rglob("*.part*"))
    files = sorted(file.relative_to(tmp_path / "here") for file in (tmp_path / "here").rglob("*"))
    assert sorted(file.relative_to(tmp_path / "there") for file in (tmp_path / "there").rglob("*")) == files
    tables = [file for file in files if file.suffix == ".csv"]
    signals = [file for file in files if file.suffix == ".hspy"]
    assert len(tables) > 4 and len(signals) >= 4
    for file in tables:
        assert (tmp_path / "there" / file).read_bytes() == (tmp_path / "here" / file).read_bytes(), file
    for file in signals:
        here, there = (hs.load(tmp_path / where / file).data for where in ("here", "there"))
        np.testing.assert_array_equal(there, here, err_msg=str(file))
