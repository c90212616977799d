"""The same EELS steps by oxyspy, eXSpy, pyEELSMODEL and plain numpy/scipy: what eels_speed.py and eels_peers.py call.

Each maker takes core and low loss (rows, columns, 2048), float32, and returns a function without arguments that does
the step and returns its result.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft

CHANNELS, STEP = 2048, 0.25
CORE_START, LOW_START = 450.0, -20.0
CORE_ENERGY = CORE_START + STEP * np.arange(CHANNELS)
LOW_ENERGY = LOW_START + STEP * np.arange(CHANNELS)
# below Mn L; the reference's two halves of it
WINDOW = (600.0, 632.0)
L3, L2, POST = (638.0, 648.0), (649.0, 657.0), (662.0, 680.0)
# where oxyspy ends the segment of Mn L
SEGMENT_END = 692.0
# Gaussian that takes the zero-loss peak's place, in eV
FWHM = 1.0


def channels(low: float, high: float) -> slice:
    """Channels of a window on the core-loss axis."""
    return slice(*np.searchsorted(CORE_ENERGY, [low - 1e-6, high + 1e-6]))


def signals(core, low, core_type="core_loss_EELS"):
    """HyperSpy signals on the arrays, not copied."""
    import hyperspy.api as hs

    made = []
    for data, start, kind in ((core, CORE_START, core_type), (low, LOW_START, "EELS")):
        s = hs.signals.Signal1D(data)
        s.set_signal_type(kind)
        axis = s.axes_manager.signal_axes[0]
        axis.offset, axis.scale, axis.units, axis.name = start, STEP, "eV", "Energy loss"
        made.append(s)
    return made


def multispectrum(data, start):
    """A spectrum image of pyEELSMODEL."""
    from pyEELSMODEL.core.multispectrum import MultiSpectrum, MultiSpectrumshape

    shape = MultiSpectrumshape(STEP, start, data.shape[-1], *data.shape[:2])
    return MultiSpectrum(shape, data=data)


# background -------------------------------------------------------------------------------------------------------


def background_oxyspy(core, low):
    from oxyspy.eels.background import fit_power_law, subtract

    return lambda: subtract(core, CORE_ENERGY, fit_power_law(core, CORE_ENERGY, WINDOW))


def background_exspy(core, low):
    s, _ = signals(core, low, "EELS")
    return lambda: s.remove_background(WINDOW, fast=True, show_progressbar=False).data


def background_pyeelsmodel(core, low):
    from pyEELSMODEL.operators.backgroundremoval import BackgroundRemoval

    spectra = multispectrum(core, CORE_START)
    return lambda: BackgroundRemoval(spectra, list(WINDOW)).fast_calculate_multi().multidata


def background_nion(core, low):
    """Nion Swift's power law: a straight line through logarithms, of all spectra at once; zero below the window."""
    from nion.data import Calibration, DataAndMetadata
    from nion.eels_analysis import BackgroundModel  # noqa: F401, registers the models
    from nion.utils import Registry

    models = {m.background_model_id: m for m in Registry.get_components_by_type("background-model")}
    data = DataAndMetadata.new_data_and_metadata(
        core,
        dimensional_calibrations=[Calibration.Calibration()] * 2 + [Calibration.Calibration(CORE_START, STEP, "eV")],
        data_descriptor=DataAndMetadata.DataDescriptor(False, 2, 1),
    )
    window = channels(*WINDOW)
    fit = [(window.start / CHANNELS, window.stop / CHANNELS)]

    def work():
        model = models["power_law_background_model"]
        net = model.subtract_background(spectrum_xdata=data, fit_intervals=fit)["subtracted"].data
        return np.concatenate([np.zeros((*core.shape[:2], CHANNELS - net.shape[-1])), net], axis=-1)

    return work


def background_reference(core, low):
    """Two-area fit (Egerton), float32, blocks in two threads."""
    flat = core.reshape(-1, CHANNELS)
    window = channels(*WINDOW)
    middle = (window.start + window.stop) // 2
    first, last = CORE_ENERGY[window.start], CORE_ENERGY[window.stop]
    log_energy = np.log(CORE_ENERGY).astype(np.float32)

    def work():
        out = np.empty_like(flat)

        def block(i):
            y = flat[i : i + 256]
            one, two = y[:, window.start : middle].sum(1), y[:, middle : window.stop].sum(1)
            r = 2 * np.log(one / two) / np.log(last / first)
            k = 1 - r
            a = k * (one + two) * STEP / (last**k - first**k)
            log_a, r = np.log(a).astype(np.float32), r.astype(np.float32)
            np.subtract(y, np.exp(log_a[:, None] - r[:, None] * log_energy), out=out[i : i + 256])

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(block, range(0, len(flat), 256)))
        return out.reshape(core.shape)

    return work


# Fourier ratio, of core losses as they are (the background's part takes the same time) --------------------------------


def ratio_oxyspy(core, low):
    from oxyspy.eels.deconvolution import fourier_ratio

    return lambda: fourier_ratio(core, low, LOW_ENERGY, reconvolution="zero_loss")


def ratio_oxyspy_gaussian(core, low):
    from oxyspy.eels.deconvolution import fourier_ratio

    return lambda: fourier_ratio(core, low, LOW_ENERGY, reconvolution="gaussian", fwhm=FWHM)


def ratio_exspy(core, low):
    """Without extrapolation: with it, which is the default, it raises."""
    c, l = signals(core, low, "EELS")
    switches = {"extrapolate_lowloss": False, "extrapolate_coreloss": False}
    return lambda: c.fourier_ratio_deconvolution(l, fwhm=FWHM, threshold=3.0, **switches).data


def ratio_pyeelsmodel(core, low):
    from pyEELSMODEL.operators.deconvolutions.gaussianmodifier import GaussianModifier

    c, l = multispectrum(core, CORE_START), multispectrum(low, LOW_START)
    return lambda: GaussianModifier(c, l, factor=FWHM / STEP).deconvolve().multidata


def ratio_reference(core, low):
    """Three transforms of twice the length in float32, two workers; nothing found, nothing guarded."""
    size = scipy.fft.next_fast_len(2 * CHANNELS, real=True)
    g = np.exp(-2 * (np.pi * scipy.fft.rfftfreq(size) * FWHM / STEP / 2.3548) ** 2).astype(np.float32)
    zero = int(round(-LOW_START / STEP))

    def work():
        with scipy.fft.set_workers(2):
            transform = scipy.fft.rfft(core, size)
            transform /= scipy.fft.rfft(low[..., zero:], size)
            transform *= g
            transform *= low[..., : 2 * zero].sum(-1, keepdims=True)
            return scipy.fft.irfft(transform, size)[..., :CHANNELS]

    return work


# dual alignment: zero-loss peaks to one place, core losses along ------------------------------------------------------


def align_oxyspy(core, low):
    from oxyspy.eels.alignment import split_drift, take_moved
    from oxyspy.eels.zero_loss import find_zero_loss

    def work():
        at = find_zero_loss(low, LOW_ENERGY).position
        moved, rest = split_drift(at - np.nanmedian(at), STEP)
        return take_moved(low, 0, CHANNELS, moved), take_moved(core, 0, CHANNELS, moved), rest

    return work


def align_exspy(core, low):
    def work():
        # it works in place: on a copy, as a user who wants to keep the recorded counts does
        c, l = signals(core.copy(), low.copy(), "EELS")
        l.align_zero_loss_peak(subpixel=True, also_align=[c], print_stats=False, show_progressbar=False)
        return l.data, c.data

    return work


def align_pyeelsmodel(core, low):
    from pyEELSMODEL.operators.aligns.alignzeroloss import AlignZeroLoss

    c, l = multispectrum(core, CORE_START), multispectrum(low, LOW_START)

    def work():
        align = AlignZeroLoss(l, other_spectra=[c], signal_range=[-3, 3])
        align.perform_alignment()
        return align.aligned.multidata, align.aligned_others[0].multidata

    return work


def align_reference(core, low):
    """Parabola through the three highest channels, linear interpolation, float32, whole arrays."""
    c, l = core.reshape(-1, CHANNELS), low.reshape(-1, CHANNELS)

    def work():
        rows = np.arange(len(l))
        top = np.clip(l.argmax(1), 1, CHANNELS - 2)
        a, b, d = (np.log(np.maximum(l[rows, top + i], 1)) for i in (-1, 0, 1))
        at = top + 0.5 * (a - d) / (a - 2 * b + d)
        shift = at - np.median(at)
        whole = np.floor(shift).astype(int)
        part = (shift - whole).astype(np.float32)[:, None]
        index = np.clip(np.arange(CHANNELS + 1) + whole[:, None], 0, CHANNELS - 1)
        out = []
        for data in (l, c):
            moved = np.take_along_axis(data, index, 1)
            out.append(moved[:, :-1] * (1 - part) + moved[:, 1:] * part)
        return out

    return work


# the whole chain: align, background, deconvolve, areas above the continuum, ratio -------------------------------------


def chain_oxyspy(core, low):
    """Ratio, and with it 20 more maps: areas, maxima and their errors by the counts' covariance, and t/lambda."""
    c, l = signals(core, low)
    return lambda: c.white_line_maps("Mn_L", l, window=WINDOW)["ratio"].data


def chain_exspy(core, low, segment=slice(None)):
    """The ratio alone, without errors, at given maxima."""

    def work():
        c, l = signals(core.copy(), low.copy(), "EELS")
        l.align_zero_loss_peak(subpixel=True, also_align=[c], print_stats=False, show_progressbar=False)
        net = c.isig[segment].remove_background(WINDOW, fast=True, show_progressbar=False)
        switches = {"extrapolate_lowloss": False, "extrapolate_coreloss": False}
        single = net.fourier_ratio_deconvolution(l, fwhm=FWHM, threshold=3.0, **switches)
        return areas(single)

    return work


def chain_exspy_cut(core, low):
    """The same with the core loss cut, once it is aligned, to the channels that oxyspy takes."""
    return chain_exspy(core, low, slice(WINDOW[0], SEGMENT_END))


def areas(single) -> np.ndarray:
    """L3/L2 above a two-step continuum of a HyperSpy signal, at given maxima."""
    height = single.isig[POST[0] : POST[1]].mean(-1).data
    l3 = single.isig[L3[0] : L3[1]].sum(-1).data - 2 / 3 * height * (L3[1] - 643.0) / STEP
    l2 = single.isig[L2[0] : L2[1]].sum(-1).data - height * (2 / 3 * 4 + 4) / STEP
    return l3 / l2


# from counts to a layer: cleaning, calibration, rows brought to one surface and added up, white lines ----------------


def analyse_oxyspy(core, low):
    from oxyspy.workflow.analysis import analyse_arrays
    from oxyspy.workflow.recipe import load_recipe

    nmc = load_recipe("nmc")
    recipe = nmc.model_copy(update={"edges": {"Mn_L": nmc.edges["Mn_L"]}, "valence": {}, "oxygen": False})
    rows, columns = (0.3 * np.arange(size) for size in core.shape[:2])
    return lambda: analyse_arrays(core, CORE_ENERGY, low, LOW_ENERGY, columns, recipe, rows_nm=rows)


TASKS = {
    "background": {
        "oxyspy": background_oxyspy,
        "eXSpy": background_exspy,
        "pyEELSMODEL": background_pyeelsmodel,
        "reference": background_reference,
    },
    "Fourier ratio": {
        "oxyspy": ratio_oxyspy,
        "oxyspy, Gaussian": ratio_oxyspy_gaussian,
        "eXSpy": ratio_exspy,
        "pyEELSMODEL": ratio_pyeelsmodel,
        "reference": ratio_reference,
    },
    "dual alignment": {
        "oxyspy": align_oxyspy,
        "eXSpy": align_exspy,
        "pyEELSMODEL": align_pyeelsmodel,
        "reference": align_reference,
    },
    "whole chain": {"oxyspy": chain_oxyspy, "eXSpy": chain_exspy, "eXSpy, cut": chain_exspy_cut},
    "analysis": {"oxyspy": analyse_oxyspy},
}
