"""Where a batch's scans are analysed: each process has its share of the machine."""

import pytest

from oxyspy.eels import blocks
from oxyspy.workflow.runners import processes


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_share_the_cores(workers):
    tasks = dict.fromkeys("ab", ())
    found = [result for _, result, lost in processes(blocks.threads, tasks, workers) if not lost]
    assert found == [max(blocks.threads() // workers, 1)] * 2
