"""Lazy in, lazy out: the same numbers for any chunks and any scheduler, and nothing computed before it is asked for."""

import dask
import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
from dask.callbacks import Callback

from oxyspy.errors import InputError
from oxyspy.signals import LazyCoreLossEELSSpectrum
from oxyspy.simulate import simulate_scan

ROWS, POSITIONS = 3, 16
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
    made |= {f"maps {name}": s for name, s in core.white_line_maps("Mn_L", low).items()}
    return made | {f"one low loss {name}": s for name, s in core.white_line_maps("Mn_L", low.inav[5, 1]).items()}


@pytest.fixture(scope="module")
def eager(counts):
    return {name: s.data for name, s in products(*signals(counts)).items()}


@pytest.mark.parametrize("chunks", CHUNKS)
def test_results_are_the_same_to_the_bit_for_any_chunks(counts, eager, chunks):
    made = products(*signals(counts, chunks))
    found = dask.compute({name: s.data for name, s in made.items()}, scheduler="threads")[0]
    for name, values in eager.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_results_are_the_same_to_the_bit_on_a_cluster(counts, eager):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        made = products(*signals(counts, CHUNKS[0]))
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
