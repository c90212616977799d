"""Blocks: each row once, in as many threads as are allowed, and numbers that do not know of them."""

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


@given(st.integers(0, 3000), st.integers(1, 10**8))
def test_every_row_is_worked_on_once(rows, row_bytes):
    done = np.zeros(rows, int)

    def work(part):
        done[part] += 1

    blocks.over_blocks(work, rows, row_bytes)
    assert (done == 1).all()


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


@given(st.lists(st.integers(1, 300), min_size=1, max_size=3))
def test_a_sample_is_spread_over_the_scan_and_small(shape):
    scan = np.broadcast_to(np.float32(0), (*shape, 8))
    chosen = sample(scan)
    assert 1 <= np.prod(chosen.shape[:-1]) <= 4096
    if np.prod(shape) <= 4096:
        assert chosen.shape == scan.shape
