"""Fourier ratio against Poisson's law of plural scattering."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import carry_back, deconvolve, fourier_ratio_kernel, resample_low_loss
from oxyspy.eels.zero_loss import find_zero_loss, mirrored_peak
from oxyspy.errors import InputError
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)


def kernel(t_over_lambda, channels=400, axis=None, zero_at=0.0, fwhm=1.0, **choices):
    axis = loss_axis() if axis is None else axis
    low = low_loss(t_over_lambda, axis=axis, zero_at=zero_at, fwhm=fwhm)
    return fourier_ratio_kernel(low, axis, find_zero_loss(low, axis), channels, **choices)


def inside(spectrum, low, high):
    return spectrum[(low <= ENERGY) & (high >= ENERGY)].sum()


@pytest.mark.parametrize("reconvolution", ["zero_loss", "gaussian"])
@pytest.mark.parametrize("t_over_lambda", [0.2, 0.5, 1.0])
def test_single_scattering_comes_back_with_its_intensity(t_over_lambda, reconvolution):
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    truth = recorded(single, 0.0)
    found = deconvolve(recorded(single, t_over_lambda), kernel(t_over_lambda, reconvolution=reconvolution))
    for low, high in ((638, 648), (649, 657), (662, 680)):
        # 1 %: the mirrored zero-loss peak's area
        assert inside(found, low, high) == pytest.approx(inside(truth, low, high), rel=0.01)
    # before the edge there is nothing: 1e-3 of the peak
    assert np.abs(found[ENERGY < 636]).max() < 1e-3 * truth.max()


def test_without_deconvolution_the_ratio_drifts_with_thickness():
    """Why it is done: the same lines, windows after L2 included, on recorded spectra."""
    single = white_line_edge(ENERGY, 8000.0, 4000.0)

    def ratio(spectrum):
        height = inside(spectrum, 662, 680) / (18 / STEP + 1)
        l3 = inside(spectrum, 638, 648) - 2 / 3 * height * 5 / STEP
        l2 = inside(spectrum, 649, 657) - height * (2 / 3 * 8 + 1 / 3 * 4) / STEP
        return l3 / l2

    truth = ratio(recorded(single, 0.0))
    assert ratio(recorded(single, 0.5)) > 1.15 * truth
    back = deconvolve(recorded(single, 0.5), kernel(0.5))
    assert ratio(back) == pytest.approx(truth, rel=0.01)


@given(st.floats(-3.0, 3.0))
def test_zero_loss_may_stand_anywhere_in_the_axis(at):
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    core = recorded(single, 0.6)
    # interpolated peak position moves the mirror by under a hundredth of a channel
    moved, reference = deconvolve(core, kernel(0.6, zero_at=at)), deconvolve(core, kernel(0.6))
    np.testing.assert_allclose(moved[:385], reference[:385], atol=3e-3 * core.max())


@pytest.mark.parametrize("start", [-3.0, -5.0, -10.0])
def test_axis_that_begins_near_the_peak_keeps_its_intensity(start):
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    found = deconvolve(recorded(single, 0.5), kernel(0.5, axis=loss_axis(offset=start)))
    assert inside(found, 638, 680) == pytest.approx(inside(recorded(single, 0.0), 638, 680), rel=0.01)


@pytest.mark.parametrize("channels", [399, 400, 401])
@pytest.mark.parametrize("low_channels", [700, 1023, 1024])
def test_even_and_odd_lengths_give_the_same(channels, low_channels):
    energy = 600.0 + STEP * np.arange(channels)
    core = recorded(white_line_edge(energy, 8000.0, 4000.0), 0.5)
    found = deconvolve(core, kernel(0.5, channels, axis=loss_axis(low_channels)))
    reference = deconvolve(recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 0.5), kernel(0.5))
    np.testing.assert_allclose(found[:380], reference[:380], atol=2e-3 * core.max())


def test_low_loss_shorter_than_the_segment_goes_on_as_a_power_law():
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    truth = recorded(single, 0.0)
    # 60 eV of losses: all that reaches from L3 to the end of the post window is there, the rest is a guess
    found = deconvolve(recorded(single, 0.5), kernel(0.5, axis=loss_axis(320)))
    assert inside(found, 638, 648) == pytest.approx(inside(truth, 638, 648), rel=0.01)
    assert inside(found, 662, 680) == pytest.approx(inside(truth, 662, 680), rel=0.03)


def test_what_lies_above_a_channel_has_no_part_in_it():
    core = recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 0.8)
    other = core.copy()
    other[330:] *= 3.0
    k = kernel(0.8)
    # but for the zero-loss peak's width: 5 widths below the change
    np.testing.assert_allclose(deconvolve(core, k)[:305], deconvolve(other, k)[:305], atol=1e-3 * core.max())


@given(st.integers(0, 10_000), st.sampled_from(["zero_loss", "gaussian"]))
def test_carry_back_is_the_transpose(seed, reconvolution):
    rng = np.random.default_rng(seed)
    counts, weights = rng.normal(size=(3, 200)), rng.normal(size=(3, 2, 200))
    low = np.stack([low_loss(t) for t in (0.1, 0.5, 1.0)])
    k = fourier_ratio_kernel(low, loss_axis(), find_zero_loss(low, loss_axis()), 200, reconvolution=reconvolution)
    forward = np.einsum("pkn,pn->pk", weights, deconvolve(counts, k))
    back = np.einsum("pkn,pn->pk", carry_back(weights, k), counts)
    np.testing.assert_allclose(forward, back, atol=1e-9 * np.abs(forward).max() + 1e-9)


def test_noisy_and_empty_low_losses_never_divide_by_zero():
    rng = np.random.default_rng(0)
    expected = np.maximum(low_loss(0.5, total=300.0), 0)
    low = rng.poisson(expected, (200, expected.size)).astype(np.float32)
    low[7] = 0.0
    core = np.broadcast_to(recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 0.5), (200, ENERGY.size)).astype(
        np.float32
    )
    k = fourier_ratio_kernel(low, loss_axis(), find_zero_loss(low, loss_axis()), ENERGY.size)
    found = deconvolve(core, k)
    assert found.dtype == np.float32
    assert np.isnan(found[7]).all()
    assert np.isfinite(np.delete(found, 7, axis=0)).all()


def test_thickness_beyond_the_method_gives_no_number():
    found = deconvolve(recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 3.0), kernel(3.0))
    assert np.isnan(found).all()


@given(st.floats(0.5, 2.0))
def test_low_loss_on_another_dispersion_keeps_its_counts(factor):
    low = low_loss(0.5)
    moved, axis = resample_low_loss(low, loss_axis(), STEP * factor)
    assert moved.sum() == pytest.approx(low.sum(), rel=1e-2 if factor > 1 else 1e-5)
    assert find_zero_loss(moved, axis).position == pytest.approx(0.0, abs=0.1)


def test_segment_of_another_length_is_refused():
    with pytest.raises(InputError, match="400 channels, found 300"):
        deconvolve(np.zeros(300), kernel(0.5))


def test_real_mno_keeps_its_intensity(shared_data):
    # the recorded edge is the single scattering and its convolution with all losses over the zero-loss intensity
    import hyperspy.api as hs

    core, low = (
        hs.load(shared_data / "mno-dual-eels" / f"{n}_spectrum.msa", file_format="MSA") for n in ("coreloss", "lowloss")
    )
    energy, low_energy = (s.axes_manager.signal_axes[0].axis for s in (core, low))
    counts, low_counts = core.data.astype(float), low.data.astype(float)
    zero_loss = find_zero_loss(low_counts, low_energy)
    first, last = np.searchsorted(energy, [600.0, energy[-1] - 5.0])
    background = fit_power_law(counts, energy, (600.0, 634.0))
    net = (counts - background(energy))[first:last]
    kernel = fourier_ratio_kernel(low_counts, low_energy, zero_loss, net.size)
    single = deconvolve(net, kernel)
    # put the plural scattering back by a plain convolution
    axis = energy[first:last]
    lines = (axis > 636.0) & (axis < 660.0)
    again = _scattered(single, low_counts, low_energy, zero_loss)
    assert again[lines].sum() == pytest.approx(net[lines].sum(), rel=0.01)
    assert 0.4 < float(zero_loss.t_over_lambda) < 0.7
    assert single[lines].sum() < net[lines].sum()


def _scattered(single, low, low_energy, zero_loss):
    """Single scattering and, convolved channel by channel, what its electrons lose besides."""
    start = round(float(zero_loss.channel))
    reach = int(np.ceil(float(zero_loss.reach) / (low_energy[1] - low_energy[0])))
    around = low[max(start - reach, 0) : start + reach + 1]
    peak = mirrored_peak(around, np.asarray(float(zero_loss.channel) - start), min(reach, start))
    losses = low[start:].copy()
    above = peak[min(reach, start) :]
    losses[: above.size] -= above
    return single + np.convolve(single, losses / peak.sum())[: single.size]
