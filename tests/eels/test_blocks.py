"""Blocks: each row once, in as many threads as are allowed, and numbers that do not know of them."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels import blocks
from oxyspy.eels.background import fit_power_law, subtract
from oxyspy.eels.deconvolution import fourier_ratio
from oxyspy.eels.zero_loss import peak_shape, sample
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)


@given(st.integers(0, 3000), st.integers(1, 10**8), st.booleans())
def test_every_row_is_worked_on_once(rows, row_bytes, even):
    done = np.zeros(rows, int)

    def work(part):
        done[part] += 1

    blocks.over_blocks(work, rows, row_bytes, even=even)
    assert (done == 1).all()


@pytest.mark.parametrize(("rows", "lengths"), [(1000, [1000]), (3000, [750] * 4), (4000, [1000] * 4), (0, [])])
def test_threads_have_as_many_slices_where_these_are_long_enough(monkeypatch, rows, lengths):
    monkeypatch.setattr(blocks, "threads", lambda: 2)
    parts = []
    blocks.over_blocks(parts.append, rows, 1, 1090, even=True)
    assert [part.stop - part.start for part in parts] == lengths


def test_within_a_dask_task_there_is_one_thread():
    names = set()
    with blocks.limited(1):
        assert blocks.threads() == 1
        blocks.over_blocks(lambda part: names.add(threading.get_ident()), 10, blocks.BLOCK_BYTES)
    assert names == {threading.get_ident()}


def test_threads_of_a_block_start_no_threads_of_their_own():
    found = []
    blocks.over_blocks(lambda part: found.append(blocks.threads()), 4, blocks.BLOCK_BYTES)
    assert found == [1] * 4 or blocks.threads() == 1


def test_a_process_keeps_to_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(blocks, "_allowed", None)
    cores = blocks.threads()
    blocks.allow(1)
    assert blocks.threads() == 1
    blocks.allow(cores + 7)
    assert blocks.threads() == cores


# each in a process of its own: what other tests left running may be among those that have not left yet
BLAS = """
import threading
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits
from oxyspy.eels.blocks import one_blas_thread

def blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

def held(limit):
    with limit:
        entered.set()
        leave.wait()

entered, leave = threading.Event(), threading.Event()
"""
BLAS_LIMITS = {
    "nested, and left by an error": """
with threadpool_limits(3, user_api="blas"):
    with one_blas_thread, one_blas_thread:
        assert blas() == {1}
    assert blas() == {3}
    try:
        with one_blas_thread:
            with one_blas_thread:
                pass
            assert blas() == {1}
            raise ValueError
    except ValueError:
        assert blas() == {3}
""",
    "another thread is the last to leave": """
other = threading.Thread(target=held, args=(one_blas_thread,), daemon=True)
with threadpool_limits(3, user_api="blas"):
    with one_blas_thread:
        other.start()
        entered.wait()
    assert blas() == {1}
    leave.set()
    other.join()
    assert blas() == {3}
""",
    "another thread had set its own limit": """
other = threading.Thread(target=lambda: held(threadpool_limits(3, user_api="blas")), daemon=True)
other.start()
entered.wait()
with one_blas_thread:
    assert blas() == {1}
assert blas() == {3}
leave.set()
other.join()
assert blas() != {3}
""",
}


@pytest.mark.parametrize("case", BLAS_LIMITS)
def test_blas_has_one_thread_until_the_last_has_left_and_as_many_as_before_then(case):
    done = subprocess.run([sys.executable, "-c", BLAS + BLAS_LIMITS[case]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_a_block_raises_is_raised():
    def work(part):
        raise ValueError("block")

    with pytest.raises(ValueError, match="block"):
        blocks.over_blocks(work, 4, blocks.BLOCK_BYTES)


def test_numbers_do_not_depend_on_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    expected = recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 0.5) + 500 * (ENERGY / 600) ** -3
    counts = rng.poisson(expected, (40, ENERGY.size)).astype(np.float32)
    low = rng.poisson(np.maximum(low_loss(0.5), 0), (40, 2048)).astype(np.float32)
    peak = peak_shape(low, loss_axis())

    def whole():
        net = subtract(counts, ENERGY, fit_power_law(counts, ENERGY, (600.0, 632.0)))
        return fourier_ratio(net, low, loss_axis(), peak)

    in_one = whole()
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1)
    # a row each: nothing is summed across rows, so not even the last bit changes
    np.testing.assert_array_equal(whole(), in_one)
    assert in_one.dtype == np.float32


def test_background_may_be_subtracted_in_place():
    counts = np.random.default_rng(1).poisson(400.0, (5, ENERGY.size)).astype(np.float32)
    fit = fit_power_law(counts, ENERGY, (600.0, 632.0))
    apart = subtract(counts, ENERGY, fit)
    # single precision against the model in double: 2e-6 of 400 counts, and the difference's own rounding
    np.testing.assert_allclose(apart, counts - fit(ENERGY), atol=1e-3)
    assert subtract(counts, ENERGY, fit, out=counts) is counts
    np.testing.assert_array_equal(counts, apart)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=3), st.sampled_from([256, 1024, 4096]))
def test_a_sample_is_small(shape, most):
    scan = np.arange(np.prod(shape), dtype=np.float32).reshape(*shape, 1)
    chosen = sample(scan, most)
    count = chosen.size
    assert (count == scan.size) if scan.size <= most else most / 2 < count <= most
    assert np.unique(chosen).size == count


@pytest.mark.parametrize("shape", [(256, 256), (64, 1024), (1000, 40), (1, 50_000), (30, 40, 50)])
def test_a_sample_leaves_out_no_layer_along_an_axis(shape):
    places = np.moveaxis(np.indices(shape), 0, -1)
    chosen = sample(places, 4096).reshape(-1, len(shape))
    for axis, size in enumerate(shape):
        # of a layer as wide as a twelfth of the scan, wherever it lies
        assert np.diff(np.unique(chosen[:, axis]), prepend=0, append=size - 1).max() <= max(size / 12, 1)
