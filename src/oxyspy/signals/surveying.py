"""What a scan's spectra share, found on some of them: on a sample, which of a lazy scan is read when it is computed."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from oxyspy.signals.lazily import apart, new_name

# of a scan whose chunks may stay in memory from its survey to the pass over it
KEPT_SCAN = 128 * 2**20


def total(data: Any) -> np.ndarray:
    """Sum of all spectra with numbers, shape (n,); of a lazy scan that of a `sample`, computed here."""
    from oxyspy.eels.blocks import BLOCK_BYTES

    if hasattr(data, "dask"):
        data = sampled(data)
    flat = data.reshape(-1, data.shape[-1])
    size = max(BLOCK_BYTES // (16 * data.shape[-1]), 1)
    found = np.zeros(data.shape[-1])
    for part in (flat[first : first + size] for first in range(0, len(flat), size)):
        # one spectrum without numbers must not spoil the sum
        found += part.sum(0, dtype=float, where=np.isfinite(part).all(-1, keepdims=True))
    return found


def sampled(data: Any, most: int | None = None) -> np.ndarray:
    """Return a `sample` of spectra; of a dask array computed here, and the same for any chunks."""
    from oxyspy.eels.zero_loss import sample

    if not hasattr(data, "dask"):
        return sample(data, most)
    name, tasks = new_name(), {}
    data = _survey_apart(data)
    tasks[name, *(0,) * data.ndim], shape = _sample_task(data, name, most, tasks)
    return _array(name, tasks, [data], shape, data.dtype).compute()


def once(function: Callable, size: int, *data: Any, most: int | None = None) -> Any:
    """Numbers that a scan's spectra share, shape (size,): of a `sample`, taken at computing time where any is lazy."""
    if not any(hasattr(d, "dask") for d in data):
        return function(*(sampled(d, most) for d in data))
    import dask.array as da

    name, tasks = new_name(), {}
    arrays = [_survey_apart(da.asarray(d)) for d in data]
    tasks[name, 0] = (before_all, function, *(_sample_task(d, name, most, tasks)[0] for d in arrays))
    return _array(name, tasks, arrays, (size,), float)


def before_all(function: Callable, *arrays: Any) -> Any:
    """Run what all tasks wait for, on the threads that their scheduler has for them."""
    from oxyspy.eels.blocks import limited, one_blas_thread, threads

    count = threads()
    if threading.current_thread() is threading.main_thread():
        # the synchronous scheduler, or one of processes
        count = 1
    elif "distributed" in sys.modules:
        from distributed import get_worker

        with contextlib.suppress(ValueError):
            count = get_worker().state.nthreads
    with limited(count), one_blas_thread:
        return function(*arrays)


def _survey_apart(data: Any) -> Any:
    """Return a dask array for a survey that leaves no chunks of a large scan in memory until the pass over all."""
    return apart(data, "survey") if data.nbytes > KEPT_SCAN else data


def _sample_task(data: Any, name: str, most: int | None, tasks: dict) -> tuple[tuple, tuple[int, ...]]:
    """Task of a dask array's `sample`, and its shape; adds the tasks it needs, one for each chunk's part of each tile.

    Dask's own slices, joined, would be several times as many tasks, and take longer to make than some scans to do. Of a
    scan whose chunks stay in memory anyway the sample takes the chunks themselves.
    """
    import dask.array as da

    from oxyspy.eels.zero_loss import tiles

    starts = [np.cumsum((0, *sizes)).tolist() for sizes in data.chunks]
    kept = data.nbytes <= KEPT_SCAN
    chunks, places, length = [], [], 0
    for tile in tiles(data.shape[:-1], most):
        whole = (*tile, slice(0, data.shape[-1]))
        for piece in itertools.product(*map(_pieces, starts, whole)):
            number, inside, at = zip(*piece, strict=True)
            chunk = (data.name, *number)
            if not kept:
                tasks[f"{name}-{data.name}", len(chunks)] = (da.chunk.getitem, chunk, inside)
                chunk, inside = (f"{name}-{data.name}", len(chunks)), ()
            chunks.append(chunk)
            places.append(((slice(at[0].start + length, at[0].stop + length), *at[1:]), inside))
        length += whole[0].stop - whole[0].start
    shape = (length, *(part.stop - part.start for part in whole[1:]))
    # in the function, where dask does not look for keys
    return (partial(_put_together, places, shape, data.dtype), chunks), shape


def _pieces(starts: list[int], part: slice) -> list[tuple[int, slice, slice]]:
    """Chunks of an axis that a part of it lies in: each one's number, what to take of it, and where in the part."""
    first, last = bisect.bisect_right(starts, part.start) - 1, bisect.bisect_left(starts, part.stop)
    found = []
    for number in range(first, last):
        start, stop = max(starts[number], part.start), min(starts[number + 1], part.stop)
        inside = slice(start - starts[number], stop - starts[number])
        found.append((number, inside, slice(start - part.start, stop - part.start)))
    return found


def _put_together(places: list, shape: tuple[int, ...], dtype: np.dtype, chunks: list) -> np.ndarray:
    """Array of the given shape with some of each chunk at its place."""
    whole = np.empty(shape, dtype)
    for chunk, (place, inside) in zip(chunks, places, strict=True):
        whole[place] = chunk[inside]
    return whole


def _array(name: str, tasks: dict, needs: list, shape: tuple[int, ...], dtype: Any) -> Any:
    """Dask array of one chunk, of tasks that need other arrays'."""
    import dask.array as da
    from dask.highlevelgraph import HighLevelGraph

    graph = HighLevelGraph.from_collections(name, tasks, dependencies=needs)
    return da.Array(graph, name, tuple((size,) for size in shape), meta=np.empty((0,) * len(shape), dtype))
