"""Blocks of spectra that fit the cache, worked on by as many threads as are this task's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar
from threading import Lock

# bytes that one block's arrays take together: two or three hundred spectra, each step of which stays near the cache,
# and enough that the interpreter between the steps costs nothing (it holds up the other threads)
BLOCK_BYTES = 32_000_000
# and of one that is only read, worked on once and written: the inner cache's share
STREAM_BYTES = 2_000_000
_limit: ContextVar[int | None] = ContextVar("oxyspy_threads", default=None)
_allowed: int | None = None


def threads() -> int:
    """Threads that a kernel may use here: the process's processors, or what `allow` or `limited` leaves of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(cores, _allowed or cores, _limit.get() or cores)


def allow(count: int) -> None:
    """Let this whole process use ``count`` threads: its share of the machine where there are others like it."""
    global _allowed
    _allowed = count


@contextmanager
def limited(count: int = 1) -> Iterator[None]:
    """Let kernels use ``count`` threads; one inside a dask task, whose scheduler keeps the other cores busy.

    Examples
    --------
    >>> with limited(1):
    ...     threads()
    1
    """
    token = _limit.set(count)
    try:
        yield
    finally:
        _limit.reset(token)


class _OneBlasThread(ContextDecorator):
    """Limit of all BLAS libraries of the process to one thread, from the first to enter until the last to leave."""

    def __init__(self):
        self.lock, self.inside, self.libraries, self.limit = Lock(), 0, None, None

    def __enter__(self) -> None:
        with self.lock:
            if self.libraries is None:
                # they are looked for once, when both are there
                import scipy.linalg  # noqa: F401
                from threadpoolctl import ThreadpoolController

                self.libraries = ThreadpoolController()
            if self.inside == 0:
                self._let_any_thread_set()
                self.limit = self.libraries.limit(limits=1, user_api="blas")
            self.inside += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                self._let_any_thread_set()
                self.limit.restore_original_limits()
                self._let_any_thread_set()

    def _let_any_thread_set(self) -> None:
        """Let whoever leaves last set OpenBLAS, which threadpoolctl 3.8 leaves to the first thread that did."""
        for library in self.libraries.lib_controllers:
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread(force=True)


# BLAS is called for small matrices here: threads of its own would crowd those of the blocks, and the last bits of what
# it gives depend on how many there are
one_blas_thread = _OneBlasThread()


def over_blocks(
    work: Callable[[slice], None], rows: int, row_bytes: int, block_bytes: int | None = None, even: bool = False
) -> None:
    """Call ``work`` on slices that together are ``range(rows)``.

    Parameters
    ----------
    work : callable
        Takes a slice of rows and writes its results where they belong; no two slices overlap.
    rows : int
        Number of spectra.
    row_bytes : int
        What ``work`` holds in memory for one spectrum.
    block_bytes : int, optional
        What it may hold for a block; `BLOCK_BYTES` by default.
    even : bool
        Give all threads as many slices, if these are then no less than half as long as they may be: only where no
        result depends on which rows are worked on together.
    """
    most = max(1, (block_bytes or BLOCK_BYTES) // max(row_bytes, 1))
    # alike, so that threads end together; the same for any number of threads, as sums over a block's rows must be
    pieces = -(-rows // most)
    if even and (shared := -(-pieces // threads()) * threads()) * most <= 2 * rows:
        pieces = shared
    slices = [slice(rows * piece // pieces, rows * (piece + 1) // pieces) for piece in range(pieces)]
    count = min(threads(), len(slices))
    if count <= 1:
        for part in slices:
            work(part)
        return

    def alone(part: slice) -> None:
        with limited(1):
            work(part)

    with ThreadPoolExecutor(count) as pool:
        # taking the results raises what a block raised
        list(pool.map(alone, slices))
