"""Kernels on arrays run over a signal's data, at once or, where it is lazy, block by block when it is computed."""

from __future__ import annotations

import math
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from oxyspy.errors import InputError

# bytes of spectra in one dask task; it holds a few times as much
LARGEST_TASK = 64 * 2**20
# and in all tasks that this machine works on at once
ALL_TASKS = 512 * 2**20
# tasks that each thread has of a scan, so that none waits long for the last; but none of less than that many bytes
EACH_THREAD, LEAST_TASK = 4, 8 * 2**20


def computed(data: Any) -> np.ndarray:
    """Return the array in memory."""
    return data.compute() if hasattr(data, "compute") else data


def rows(data: Any) -> Any:
    """Spectra as rows and positions, shape (rows, positions, n)."""
    return data.reshape(-1, *data.shape[-2:]) if data.ndim > 1 else data[None, None]


def matching(low_loss: Any, signal: Any) -> Any:
    """Low-loss data over the signal's positions, or one spectrum that can be broadcast to them.

    Raises
    ------
    InputError
        A low loss of other positions.
    """
    positions = signal.data.shape[:-1]
    low = low_loss.data
    if low.shape[:-1] == positions:
        return low
    if low_loss.axes_manager.navigation_size in (0, 1):
        return low.reshape((1,) * len(positions) + low.shape[-1:])
    raise InputError(
        f"the low loss has positions {low_loss.axes_manager.navigation_shape}, the core loss "
        f"{signal.axes_manager.navigation_shape}: they must be the same, or the low loss a single spectrum"
    )


def apart(data: Any, name: str) -> Any:
    """Return the same dask array, made by tasks of its own."""
    import dask.array as da
    from dask.base import clone_key
    from dask.graph_manipulation import clone
    from dask.highlevelgraph import HighLevelGraph

    cloned = clone(data, seed=name)

    def renamed(key: Any, task: Any) -> Any:
        # dask 2025 and later leave their old names, and those they depend on, in the tasks of some layers
        if getattr(task, "key", key) == key:
            return task
        return task.substitute({other: clone_key(other, name) for other in task.dependencies}, key=key)

    layers = {
        own: {key: renamed(key, task) for key, task in layer.items()} if layer.is_materialized() else layer
        for own, layer in cloned.dask.layers.items()
    }
    graph = HighLevelGraph(layers, cloned.dask.dependencies)
    return da.Array(graph, cloned.name, cloned.chunks, meta=cloned._meta)


def tell_lost(lost: np.ndarray) -> None:
    """Warn of spectra too thick to deconvolve; of a lazy signal when it is computed, block by block."""
    from oxyspy.eels.deconvolution import MAX_T_OVER_LAMBDA

    if lost.any():
        warnings.warn(
            f"{lost.sum()} of {lost.size} spectra are nan: t/λ is above {MAX_T_OVER_LAMBDA:g} there, where hardly any "
            "single scattering is left to recover, or the low loss has no zero-loss peak",
            stacklevel=2,
        )


def new_name() -> str:
    """Name of a dask array of its own: one told from functions and their arrays costs more than some scans take."""
    return f"oxyspy-{uuid.uuid4().hex}"


def alone(function: Callable, *arrays: Any) -> Any:
    """Run a kernel inside a dask task, whose scheduler gives the other cores other tasks."""
    from oxyspy.eels.blocks import limited, one_blas_thread

    with limited(1), one_blas_thread:
        return function(*map(_whole, arrays))


def _whole(chunks: Any) -> np.ndarray:
    """Return the one chunk that dask gives in lists, where an axis is not the result's."""
    while isinstance(chunks, list):
        (chunks,) = chunks
    return chunks


def over_signal(kernel: Callable, signal: Any, *others: Any, shared: Any = None) -> Any:
    """Signal that a kernel on (..., n) arrays makes of another one."""
    return signal._deepcopy_with_new_data(over_data(kernel, signal._lazy, [signal.data, *others], shared))


def over_data(kernel: Callable, lazy: bool, data: list, shared: Any = None, size: int | None = None) -> Any:
    """Kernel over spectra, in dask blocks of whole ones where they are lazy.

    Parameters
    ----------
    kernel : callable
        Takes the data's blocks and, last, what is shared.
    lazy : bool
    data : list of array or dask array, shape (..., n)
        Of the same positions as the first; one spectrum for all otherwise.
    shared : array or dask array, optional
        What all blocks take whole.
    size : int, optional
        Length of the result's last axis, where it is not that of the data.
    """
    if not lazy:
        return kernel(*(computed(d) for d in data), *([] if shared is None else [computed(shared)]))
    import dask.array as da

    data = [da.asarray(d) for d in data]
    own = [d.shape[:-1] == data[0].shape[:-1] for d in data]
    each = [d for d, is_own in zip(data, own, strict=True) if is_own]
    held = sum(_held(d) for d in each)
    if held > ALL_TASKS:
        return _strip_by_strip(kernel, data, own, shared, size, held)
    first = _whole_spectra(data[0], sum(d.shape[-1] * d.dtype.itemsize for d in each))
    index = tuple(range(first.ndim))
    pairs: list = [first, index]
    for number, (other, is_own) in enumerate(zip(data[1:], own[1:], strict=True), start=1):
        if is_own:
            pairs += [other.rechunk((*first.chunks[:-1], -1)), (*index[:-1], 100 * number)]
        else:
            pairs += [other.rechunk(-1), tuple(100 * number + axis for axis in index)]
    if shared is not None:
        pairs += [da.asarray(shared).rechunk(-1), (99,)]
    dtype = np.dtype(float) if size else np.result_type(first.dtype, np.float32)
    out = index if size is None else (*index[:-1], 98)
    # an axis that only the result has; the recorded one, which it has not, is one chunk: dask would copy to join it
    return da.blockwise(
        alone, out, kernel, None, *pairs, name=new_name(), dtype=dtype, concatenate=None,
        new_axes=None if size is None else {98: size}, meta=np.empty((0,) * len(out), dtype),
    )  # fmt: skip


def _held(data: Any) -> float:
    """Bytes that have to be held to join the chunks of a dask array to whole spectra."""
    positions = np.prod([max(sizes) for sizes in data.chunks[:-1]], dtype=float)
    return 0.0 if len(data.chunks[-1]) == 1 else float(positions) * data.shape[-1] * data.dtype.itemsize


def _strip_by_strip(kernel: Callable, data: list, own: list, shared: Any, size: int | None, held: float) -> Any:
    """Kernel over chunks of too many positions and too few channels: they are read anew for each strip of positions."""
    import dask.array as da

    axis = int(np.argmax(data[0].shape[:-1]))
    length = data[0].shape[axis]
    count = min(int(np.ceil(2 * held / ALL_TASKS)), length)
    lies = " x ".join(str(max(sizes)) for sizes in data[0].chunks)
    better = " x ".join(["32"] * (data[0].ndim - 1) + ["all channels"])
    warnings.warn(
        f"this signal lies in chunks of {lies}: to have whole spectra without {held / 1e9:.1f} GB in memory, each is "
        f"read {count} times; files in chunks of whole spectra, say {better}, are read once",
        stacklevel=5,
    )
    ends = np.linspace(0, length, count + 1).astype(int)
    strips = []
    for number, (start, stop) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        at = (slice(None),) * axis + (slice(int(start), int(stop)),)
        some = [apart(d[at], f"strip {number}") if is_own else d for d, is_own in zip(data, own, strict=True)]
        strips.append(over_data(kernel, True, some, shared, size))
    return da.concatenate(strips, axis=axis)


def _whole_spectra(data: Any, per_spectrum: int) -> Any:
    """Chunks of whole spectra, ``per_spectrum`` bytes each, which memory bears and all threads share."""
    from oxyspy.eels.blocks import threads

    share = per_spectrum * math.prod(data.shape[:-1]) // (EACH_THREAD * threads())
    most = min(LARGEST_TASK, ALL_TASKS // threads(), max(share, LEAST_TASK))
    chunks = [*data.chunks[:-1], -1]
    for axis in sorted(range(data.ndim - 1), key=lambda axis: -max(chunks[axis])):
        others = math.prod(max(*sizes, 1) for at, sizes in enumerate(chunks[:-1]) if at != axis)
        chunks[axis] = _split(chunks[axis], max(most // (per_spectrum * others), 1))
    return data.rechunk(tuple(chunks))


def _split(sizes: tuple[int, ...], most: int) -> tuple[int, ...]:
    """Cut each size into parts alike, of up to ``most``."""
    counts = [max(-(-size // most), 1) for size in sizes]
    return tuple(
        size * (part + 1) // count - size * part // count
        for size, count in zip(sizes, counts, strict=True) for part in range(count)
    )  # fmt: skip
