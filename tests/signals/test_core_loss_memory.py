"""Every method on a spectrum image in memory: no more beyond the data than one copy of it."""

import tracemalloc

import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.eels import blocks, deconvolution, fused
from oxyspy.simulate import simulate_scan

ROWS, POSITIONS, CHANNELS = 12, 100, 1024
# what a block holds, whatever the size of the scan
CONSTANT = 6_000_000


@pytest.fixture(scope="module")
def image():
    """1200 spectra of a bulk, 1024 channels from 530 eV, and their low losses: 4.9 MB each."""
    scan = simulate_scan(layer_nm=0.0, n_positions=POSITIONS, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0)
    rng, first = np.random.default_rng(0), round((530.0 - scan.core_axis[0]) / scan.core_axis[1])
    made = []
    for counts, (offset, step), start, kind in (
        (scan.core, scan.core_axis, first, "core_loss_EELS"), (scan.low, scan.low_axis, 0, "EELS")
    ):  # fmt: skip
        part = counts[:, start : start + CHANNELS]
        data = np.stack([rng.poisson(part).astype(np.float32) for _ in range(ROWS)])
        signal = hs.signals.Signal1D(data)
        signal.set_signal_type(kind)
        axis = signal.axes_manager.signal_axes[0]
        axis.offset, axis.scale, axis.units = offset + start * step, step, "eV"
        made.append(signal)
    return made


def _on(low, factor):
    """The same low loss said to be on another dispersion, its peak where it was."""
    other = low.deepcopy()
    axis = other.axes_manager.signal_axes[0]
    axis.scale, axis.offset = axis.scale * factor, axis.offset * factor
    return other


def _standards(single):
    standards = {"a": single.inav[50, 3], "b": single.inav[60, 5]}
    standards["b"].data = np.roll(standards["b"].data, 5)
    return standards


STEPS = {
    "calibrate_edges": lambda core, low, net, single: core.calibrate_edges(),
    "remove_power_law": lambda core, low, net, single: core.remove_power_law("Mn_L"),
    "deconvolve": lambda core, low, net, single: net.deconvolve(low),
    "deconvolve, coarser": lambda core, low, net, single: net.deconvolve(_on(low, 2.0)),
    "white_lines": lambda core, low, net, single: net.white_lines(),
    "white_lines, single": lambda core, low, net, single: single.white_lines(),
    "white_line_maps": lambda core, low, net, single: core.white_line_maps("Mn_L", low),
    "white_line_maps, slope": lambda core, low, net, single: core.white_line_maps("Mn_L", low, slope=True),
    "white_line_maps, finer": lambda core, low, net, single: core.white_line_maps("Mn_L", _on(low, 0.7)),
    "fit_references": lambda core, low, net, single: single.fit_references(_standards(single), {"a": 2.0, "b": 4.0}),
}


@pytest.fixture(scope="module")
def steps(image):
    core, low = image
    # imports are not what is measured
    core.inav[:3, :1].calibrate_edges()
    net = core.remove_power_law("Mn_L")
    return core, low, net, net.deconvolve(low)


@pytest.mark.filterwarnings("ignore:the zero-loss peak")
@pytest.mark.parametrize("name", STEPS)
def test_memory_beyond_the_data_is_less_than_one_copy_of_it(steps, name, monkeypatch):
    for module, size in ((blocks, "BLOCK_BYTES"), (blocks, "STREAM_BYTES"), (deconvolution, "PEAKS_BYTES"),
                         (fused, "TOGETHER_BYTES")):  # fmt: skip
        monkeypatch.setattr(module, size, 1_000_000)
    # what is found on a sample of a larger scan
    for module, count in ((fused, "LEAST_SURVEY"), (deconvolution, "PEAKS")):
        monkeypatch.setattr(module, count, 128)
    core = steps[0].deepcopy() if name == "calibrate_edges" else steps[0]
    with blocks.limited(1):
        tracemalloc.start()
        found = STEPS[name](core, *steps[1:])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    del found
    copied = steps[1].data.nbytes if name.endswith(("coarser", "finer")) else 0
    assert peak - copied < 0.9 * core.data.nbytes + CONSTANT
