"""Where the scans of a batch are analysed: here, in processes of this machine, or on a dask cluster.

A runner takes a function and its arguments by name, and yields ``(name, result, lost)`` as they finish. ``lost`` is
empty, or says why the task has no result: its worker died, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from oxyspy.errors import InputError, OxyspyError

Tasks = Mapping[str, tuple]
Outcomes = Iterator[tuple[str, Any, str]]
LOST = (
    "the process that analysed this scan was killed, twice, the second time with no other scan beside it; "
    "most often the memory did not suffice: try a machine with more, or cut the scan"
)


def runner(scheduler: str | None, workers: int) -> Callable[[Callable, Tasks], Outcomes]:
    """Return the runner for a scheduler's address or a number of processes."""
    if scheduler is not None:
        return lambda function, tasks: cluster(function, tasks, scheduler)
    if workers > 1:
        return lambda function, tasks: processes(function, tasks, workers)
    return here


def here(function: Callable, tasks: Tasks) -> Outcomes:
    """Run one after the other in this process."""
    for name, arguments in tasks.items():
        yield name, function(*arguments), ""


def processes(function: Callable, tasks: Tasks, workers: int) -> Outcomes:
    """Run in processes of this machine; what a killed one may have been doing is done again, alone."""
    waiting = list(tasks)
    while waiting:
        suspects: list[str] = []
        yield from _pool(function, tasks, waiting, suspects, min(workers, len(waiting)))
        for name in suspects:
            again: list[str] = []
            yield from _pool(function, tasks, [name], again, 1)
            if again:
                yield name, None, LOST


def _pool(function: Callable, tasks: Tasks, waiting: list[str], suspects: list[str], workers: int) -> Outcomes:
    """Run until all are done or a worker dies; ``suspects`` are then those that were under way."""
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # fork would copy threads' locks; every worker starts clean
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(workers,))
    running: dict = {}
    try:
        while waiting or running:
            # no more are handed out than are worked on, so that few are under suspicion when a worker dies
            while waiting and len(running) < workers and not suspects:
                name = waiting.pop(0)
                try:
                    with _deaf_to_ctrl_c():
                        running[pool.submit(function, *tasks[name])] = name
                except BrokenProcessPool:
                    waiting.insert(0, name)
                    break
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(name)
                    continue
                yield name, result, ""
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes that are started here not hear Ctrl-C, from their first moment; the own one hears it afterwards."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(workers: int) -> None:
    """Leave Ctrl-C to the parent, which lets scans under way end; use a share of the cores; end with the parent."""
    import os
    import signal
    import threading
    from multiprocessing import connection, parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # threads of BLAS that wait for a core cost more than they give
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    from oxyspy.eels import blocks

    blocks.allow(max(blocks.threads() // workers, 1))

    def watch() -> None:
        connection.wait([parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def cluster(function: Callable, tasks: Tasks, scheduler: str) -> Outcomes:
    """Run on a dask.distributed cluster, which itself does again what a lost worker was doing."""
    if not tasks:
        return
    try:
        from dask.distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise InputError("--scheduler needs the package distributed: pip install 'oxyspy[cluster]'") from error
    try:
        client = Client(scheduler, timeout="20s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"scheduler {scheduler}: cannot be reached: {error}") from error
    with client:
        futures = {client.submit(_alone, function, *arguments, pure=False): name for name, arguments in tasks.items()}
        try:
            for future in as_completed(futures, loop=client.loop):
                if future.status == "cancelled":
                    raise OxyspyError(f"scheduler {scheduler} was lost; what is done is kept, run again to continue")
                try:
                    result, lost = future.result(), ""
                except KilledWorker:
                    result, lost = None, LOST
                yield futures[future], result, lost
        finally:
            client.cancel(list(futures))


def _alone(function: Callable, *arguments: Any) -> Any:
    """Run on one thread: the cluster's worker has others for its other tasks."""
    from oxyspy.eels.blocks import limited

    with limited(1):
        return function(*arguments)
