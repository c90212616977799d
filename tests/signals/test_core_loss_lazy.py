"""Lazy in, lazy out: the same numbers for any chunks and any scheduler, and nothing computed before it is asked for."""

import time
import tracemalloc

import dask
import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
from dask.callbacks import Callback
from hypothesis import given, settings
from hypothesis import strategies as st

from dm4 import EELS_TAGS, write_dm4
from oxyspy.eels import blocks, fused
from oxyspy.eels.zero_loss import sample
from oxyspy.errors import InputError
from oxyspy.io import reading
from oxyspy.signals import LazyCoreLossEELSSpectrum, lazily, surveying
from oxyspy.simulate import simulate_scan

ROWS, POSITIONS = 3, 16
lazily_alone = lazily.alone
# whole spectra, a spectrum each, cut energy axis, one chunk of all
CHUNKS = ((2, 7, 2048), (1, 1, 2048), (3, 5, 300), (3, 16, 2048))


@pytest.fixture(scope="module")
def counts():
    """Core and low loss of a bulk over a few rows with drift and an empty position, with their axes."""
    scan = simulate_scan(layer_nm=0.0, n_positions=POSITIONS, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0)
    rng = np.random.default_rng(0)
    core, low = (np.stack([rng.poisson(c) for _ in range(ROWS)]).astype(np.float32) for c in (scan.core, scan.low))
    # dual EELS: both drift together
    for row, by in enumerate((-3, 0, 2)):
        core[row], low[row] = np.roll(core[row], by, axis=-1), np.roll(low[row], by, axis=-1)
    core[0, 3], low[0, 3] = 0, 0
    return core, scan.core_axis, low, scan.low_axis


def signals(counts, chunks=None):
    core, core_axis, low, low_axis = counts
    made = []
    for data, axis, kind in ((core, core_axis, "core_loss_EELS"), (low, low_axis, "EELS")):
        s = hs.signals.Signal1D(data)
        if chunks is not None:
            s = s.as_lazy()
            s.data = da.from_array(data, chunks=chunks)
        s.set_signal_type(kind)
        energy = s.axes_manager.signal_axes[0]
        energy.offset, energy.scale, energy.units = axis[0], axis[1], "eV"
        made.append(s)
    return made


def products(core, low):
    """Every signal that the methods make, by name."""
    net = core.remove_power_law("Mn_L")
    made = {"net": net, "single": net.deconvolve(low), "gaussian": net.deconvolve(low, "gaussian", 1.5)}
    other = low.deepcopy()
    other.axes_manager.signal_axes[0].scale *= 0.8
    ways = {
        "maps": (low, {}), "one low loss": (low.inav[5, 1], {}), "no low loss": (None, {}),
        "sloped": (low, {"slope": True}), "sloped, no low loss": (None, {"slope": True}),
        "wiener": (low, {"reconvolution": "wiener"}), "arctan": (low, {"step": "arctan", "step_width": 1.5}),
        "other dispersion": (other, {"align": False}), "post from L2": (low, {"post": (10.0, 27.0), "post_from": "L2"}),
    }  # fmt: skip
    for way, (loss, choices) in ways.items():
        made |= {f"{way} {name}": s for name, s in core.white_line_maps("Mn_L", loss, **choices).items()}
    return made


@pytest.fixture(scope="module")
def eager(counts):
    return {name: s.data for name, s in products(*signals(counts)).items()}


@pytest.mark.parametrize("chunks", CHUNKS)
def test_results_are_the_same_to_the_bit_for_any_chunks(counts, eager, chunks):
    made = products(*signals(counts, chunks))
    found = dask.compute({name: s.data for name, s in made.items()}, scheduler="threads")[0]
    for name, values in eager.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.slow
def test_results_are_the_same_to_the_bit_on_a_cluster(counts, eager):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        made = products(*signals(counts, CHUNKS[2]))
        found = dask.compute({name: s.data for name, s in made.items()})[0]
    for name, values in eager.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_nothing_is_computed_while_the_graph_is_built(counts):
    ran = []
    with Callback(pretask=lambda key, *_: ran.append(key)):
        made = products(*signals(counts, CHUNKS[0]))
        net = signals(counts, CHUNKS[0])[0].remove_power_law("Mn_L")
        made |= net.white_lines()
    assert not ran
    assert all(s._lazy for s in made.values())


def test_lazy_white_lines_are_the_maps_without_alignment(counts):
    core, low = signals(counts, CHUNKS[0])
    lines = core.remove_power_law("Mn_L").deconvolve(low).white_lines()
    maps = core.white_line_maps("Mn_L", low, align=False)
    for name, s in lines.items():
        np.testing.assert_array_equal(s.data.compute(), maps[name].data.compute(), err_msg=name)
    core, low = signals(counts)
    eager = core.remove_power_law("Mn_L").deconvolve(low).white_lines()
    # the same method at other maxima, and each says at which
    methods = [found["ratio"].metadata.oxyspy.method for found in (lines, maps, eager)]
    assert methods[0] == methods[1] and methods[0].endswith("maxima of the sum of all positions")
    assert methods[2].rpartition("; ")[0] == methods[0].rpartition("; ")[0] and "along the line" in methods[2]


def test_a_post_window_from_l2_gives_the_ratio_of_that_on_the_axis(eager):
    sigma = eager["maps ratio_sigma"][:, 4:]
    # the continuum is level: the same mean of some other channels
    off = (eager["post from L2 ratio"] - eager["maps ratio"])[:, 4:] / sigma
    assert np.abs(off.mean()) < 0.3 and np.abs(off).max() < 1.5


def test_maps_hold_the_ratio_that_was_put_in_with_drift_and_a_right_error(eager):
    ratio, sigma = eager["maps ratio"][:, 4:].ravel(), eager["maps ratio_sigma"][:, 4:].ravel()
    mean, error = np.average(ratio, weights=sigma**-2), (sigma**-2).sum() ** -0.5
    # made with 1.98; the windows hold 0.98 of it; 3 standard errors
    assert mean == pytest.approx(1.98, abs=0.02 * 1.98 + 3 * error)
    # twice counted noise (simulated, and drawn again for each row): 3 standard errors of a scatter of 36
    assert np.std((ratio - mean) / sigma) == pytest.approx(np.sqrt(2), abs=3 * np.sqrt(2) / np.sqrt(2 * ratio.size))


def test_an_empty_position_is_nan_and_the_only_one(eager):
    assert np.isnan(eager["maps ratio"][0, 3]) and np.isnan(eager["single"][0, 3]).all()
    bulk = np.ones((ROWS, POSITIONS), bool)
    # the coating has no manganese
    bulk[:, :4] = False
    assert np.isfinite(eager["maps ratio"][bulk]).all() and np.isfinite(eager["maps l3_ev"][bulk]).all()


def test_positions_are_each_spectrums_own_and_free_of_drift(eager):
    l3 = eager["maps l3_ev"][:, 4:]
    sigma = eager["maps l3_ev_sigma"][:, 4:]
    # rows drift by five channels (1.25 eV) and come back together to 4 standard errors
    rows, error = l3.mean(1), np.sqrt((sigma**2).mean(1) / sigma.shape[1])
    assert np.ptp(rows) < 4 * np.sqrt(2) * error.max()


@pytest.mark.parametrize("drift_ev", [-10.0, -0.5, 5.0, 10.0])
def test_drift_brings_recorded_counts_into_the_segment_and_changes_no_number(counts, drift_ev):
    core, core_axis, low, low_axis = counts
    by = round(drift_ev / core_axis[1])
    # of three rows the one that drifts that way already: the median, to which all are brought, stays
    row, moved = 0 if by < 0 else 2, [data.copy() for data in (core, low)]
    for data in moved:
        data[row] = np.roll(data[row], by, axis=-1)
    as_is, drifted = (
        c.white_line_maps("Mn_L", l) for c, l in (signals(counts), signals((moved[0], core_axis, moved[1], low_axis)))
    )
    for name in ("l3", "l2", "continuum"):
        # the very same counts; what the scan shares is found in other places of the low losses' ends
        sigma = as_is[f"{name}_sigma"].data
        np.testing.assert_allclose(drifted[name].data / sigma, as_is[name].data / sigma, atol=1e-3, err_msg=name)
        np.testing.assert_allclose(drifted[f"{name}_sigma"].data, sigma, rtol=1e-3)


def test_a_window_that_drifts_off_the_axis_makes_no_number(counts):
    core, core_axis, low, low_axis = counts
    core, low = core.copy(), low.copy()
    first = round((600.0 - core_axis[0]) / core_axis[1])
    core[1], low[1] = np.roll(core[1], -4, axis=-1), np.roll(low[1], -4, axis=-1)
    # the axis begins with the background's window, four channels of which the second row has not
    cut = core[..., first:], (core_axis[0] + first * core_axis[1], core_axis[1]), low, low_axis
    core, low = signals(cut)
    ratio = core.white_line_maps("Mn_L", low)["ratio"].data
    assert np.isnan(ratio[1]).all() and np.isfinite(ratio[2, 4:]).all()


def test_a_scan_without_a_zero_loss_peak_says_so_when_computed(counts):
    core, low = signals(counts, CHUNKS[0])
    low.data = low.data * 0
    maps = core.white_line_maps("Mn_L", low)
    with pytest.raises(InputError, match="no zero-loss peak"):
        maps["ratio"].compute(show_progressbar=False)


def test_a_saved_zspy_is_processed_from_disk(counts, eager, tmp_path):
    core, low = signals(counts)
    core.save(tmp_path / "core.zspy", chunks=(1, 8, 2048))
    low.save(tmp_path / "low.zspy", chunks=(1, 8, 2048))
    core, low = (hs.load(tmp_path / f"{name}.zspy", lazy=True) for name in ("core", "low"))
    assert type(core) is LazyCoreLossEELSSpectrum
    ratio = core.white_line_maps("Mn_L", low)["ratio"]
    ratio.save(tmp_path / "ratio.zspy")
    np.testing.assert_array_equal(hs.load(tmp_path / "ratio.zspy").data, eager["maps ratio"])


def test_a_lazy_dm4_larger_than_a_chunk_is_read_piece_by_piece(counts, tmp_path, monkeypatch):
    core, core_axis, low, low_axis = counts
    core = np.tile(core, (8, 4, 1))
    offset, step = core_axis
    axes = [("y", 0.0, 0.5, "nm"), ("x", 0.0, 0.5, "nm"), ("E", offset, step, "eV")]
    write_dm4(tmp_path / "core.dm4", core, axes, eels=EELS_TAGS)
    one = signals(counts)[1].inav[5, 1]
    # as of a scan that is larger than its sample
    monkeypatch.setattr(fused, "LEAST_SURVEY", 64)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10**6)
    eager = signals((core, core_axis, low, low_axis))[0].white_line_maps("Mn_L", one)["ratio"].data
    monkeypatch.setattr(reading, "LAZY_CHUNK", "64KiB")
    ran = []
    with Callback(pretask=lambda key, *_: ran.append(key)):
        signal = reading.read_signals(tmp_path / "core.dm4", lazy=True)[0][0]
        signal.set_signal_type("core_loss_EELS")
        ratio = signal.white_line_maps("Mn_L", one)["ratio"]
    assert not ran
    assert len(signal.data.chunks[-1]) > 1, "the file's own chunks cut the energy axis"
    tracemalloc.start()
    found = ratio.data.compute(scheduler="synchronous")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found, eager)
    # a few chunks at a time and the work on them, not the file
    assert peak < 0.7 * core.nbytes


@pytest.mark.parametrize(("kept", "again"), [(surveying.KEPT_SCAN, 0), (0, 4)])
def test_a_file_is_read_once_but_for_the_few_chunks_that_a_large_ones_survey_takes(counts, monkeypatch, kept, again):
    core, core_axis, low, low_axis = counts
    whole = signals((np.tile(core, (8, 2, 1)), core_axis, np.tile(low, (8, 2, 1)), low_axis))
    # two tiles of 64
    monkeypatch.setattr(fused, "LEAST_SURVEY", 128)
    monkeypatch.setattr(surveying, "KEPT_SCAN", kept)
    read = {}

    def in_chunks(signal):
        def block(block_info=None):
            where = block_info[None]["array-location"]
            read[(id(signal), *map(tuple, where))] = read.get((id(signal), *map(tuple, where)), 0) + 1
            return signal.data[tuple(slice(*ends) for ends in where)]

        shape = signal.data.shape
        chunks = da.core.normalize_chunks((8, 8, shape[-1]), shape)
        lazy = signal.as_lazy()
        lazy.data = da.map_blocks(block, chunks=chunks, dtype=np.float32, meta=signal.data[:0])
        return lazy

    made = [in_chunks(s) for s in whole]
    found = made[0].white_line_maps("Mn_L", made[1]).compute(scheduler="threads")
    # 12 chunks each, of which the survey takes two
    assert len(read) == 24 and sorted(read.values()) == [1] * (24 - again) + [2] * again
    np.testing.assert_array_equal(found["ratio"].data, whole[0].white_line_maps("Mn_L", whole[1])["ratio"].data)


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=0, max_size=3), st.integers(1, 9), st.sampled_from([256, 1024, 4096]))
def test_a_sample_of_a_lazy_scan_is_that_of_the_same_in_memory(shape, channels, most):
    scan = np.arange(np.prod(shape, dtype=int) * channels, dtype=np.float32).reshape(*shape, channels)
    chunked = da.from_array(scan, chunks=(*(min(37, size) for size in shape), min(4, channels)))
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_array_equal(surveying.sampled(chunked, most), sample(scan, most))


def test_a_survey_of_many_chunks_is_one_chunk_and_warns_of_nothing(recwarn):
    scan = da.from_array(np.arange(6e5, dtype=np.float32).reshape(1, 60_000, 10), chunks=(1, 100, 3))
    found = surveying.once(lambda one, other: np.array([one.sum(dtype=float), other.size]), 2, scan, scan, most=2048)
    assert found.numblocks == (1,)
    # the scan itself is not sliced: a task for each chunk of each tile, and one for all
    made = [key for key in found.dask.to_dict() if key not in scan.dask]
    assert len(made) < 2 * 32 * 2 * 4
    some = sample(scan.compute(), 2048)
    np.testing.assert_array_equal(found.compute(), [some.sum(dtype=float), some.size])
    assert not [w for w in recwarn if issubclass(w.category, da.PerformanceWarning)]


def test_a_task_holds_no_more_core_and_low_losses_than_memory_bears(counts, monkeypatch):
    monkeypatch.setattr(lazily, "LARGEST_TASK", 150_000)
    core, low = signals(counts, CHUNKS[3])
    taken = []

    def watched(function, *chunks):
        return lazily_alone(lambda *arrays: taken.append(arrays) or function(*arrays), *chunks)

    monkeypatch.setattr(lazily, "alone", watched)
    core.white_line_maps("Mn_L", low)["ratio"].compute(scheduler="synchronous", show_progressbar=False)
    sizes = [sum(array.nbytes for array in arrays) for arrays in taken]
    assert len(sizes) > 2 and max(sizes) <= 150_000


def test_a_scan_in_one_chunk_keeps_all_threads_busy(counts, eager, monkeypatch):
    core, low = signals(counts, (-1, -1, -1))
    found = core.white_line_maps("Mn_L", low)["ratio"]
    # under eight megabytes are not worth sharing
    assert found.data.npartitions == 1
    monkeypatch.setattr(lazily, "LEAST_TASK", 1)
    found = core.white_line_maps("Mn_L", low)["ratio"]
    assert found.data.npartitions >= lazily.EACH_THREAD * blocks.threads()
    np.testing.assert_array_equal(found.data.compute(scheduler="threads"), eager["maps ratio"])


@given(st.lists(st.integers(0, 400), min_size=1, max_size=5), st.integers(1, 90))
def test_chunks_are_cut_into_parts_alike_that_join_to_them(sizes, most):
    parts = iter(lazily._split(tuple(sizes), most))
    for size in sizes:
        own = [next(parts) for _ in range(max(-(-size // most), 1))]
        assert sum(own) == size and max(own) - min(own) <= 1 and max(own) <= most
    assert next(parts, None) is None


def test_chunks_that_no_memory_bears_are_read_for_a_strip_at_a_time_and_told_of(counts, eager, monkeypatch):
    monkeypatch.setattr(lazily, "ALL_TASKS", 100_000)
    core, low = signals(counts, (3, 16, 64))
    with pytest.warns(UserWarning, match=r"chunks of 3 x 16 x 64: .* each is read 11 times; .*32 x 32 x all"):
        found = core.white_line_maps("Mn_L", low)["ratio"]
    assert len(found.data.chunks[1]) >= 11
    np.testing.assert_array_equal(found.data.compute(scheduler="threads"), eager["maps ratio"])


def test_a_dask_task_keeps_to_one_thread(counts, monkeypatch):
    """BLAS and transforms start none of their own: the process spends no time outside the task's thread."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 10**6)
    made = {name: s.data for name, s in products(*signals(counts, CHUNKS[3])).items()}
    process, own = time.process_time(), time.thread_time()
    dask.compute(made, scheduler="synchronous")
    own, process = time.thread_time() - own, time.process_time() - process
    # threads of the suite's other libraries wake now and then
    assert own > 0.9 * process
