"""Fourier ratio against Poisson's law of plural scattering."""

from pathlib import Path

import exspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import carry_back, deconvolve, fourier_ratio_kernel, noise_to_signal, resample_low_loss
from oxyspy.eels.zero_loss import coarse_words, find_zero_loss, mirrored_peak
from oxyspy.errors import InputError
from oxyspy.simulate import simulate_scan
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)


def kernel(t_over_lambda, channels=400, axis=None, zero_at=0.0, **choices):
    axis = loss_axis() if axis is None else axis
    low = low_loss(t_over_lambda, axis=axis, zero_at=zero_at)
    return fourier_ratio_kernel(low, axis, find_zero_loss(low, axis), channels, **choices)


def inside(spectrum, low, high):
    return spectrum[(low <= ENERGY) & (high >= ENERGY)].sum()


@pytest.mark.parametrize("reconvolution", ["zero_loss", "gaussian", "wiener"])
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


def test_wiener_filter_sharpens_a_line_to_the_width_asked_for_and_keeps_its_area():
    line = np.zeros(ENERGY.size)
    line[180] = 1000.0
    for wanted in (0.6, 0.8, 1.2):
        found = deconvolve(recorded(line, 0.5), kernel(0.5, reconvolution="wiener", fwhm=wanted))
        # the width whose transform is one half: of a Gaussian its own, of the filter within a fifth
        width = np.flatnonzero(found > found.max() / 2)
        assert (width[-1] - width[0]) * STEP == pytest.approx(wanted, rel=0.2, abs=2 * STEP)
        assert found.argmax() == 180
        assert found.sum() == pytest.approx(1000.0, rel=0.01)


@pytest.mark.parametrize("wanted", [0.5, 0.7, 1.0])
def test_wiener_filter_amplifies_no_frequency_beyond_its_bound_where_a_gaussian_does(wanted):
    k = noise_to_signal(1.0, wanted)
    bound = (1 + k) / (2 * np.sqrt(k))
    # no losses: the kernel's modulus is the amplification; 5 %: the measured width and the mirrored peak's area
    wiener, gaussian = (
        np.abs(kernel(1e-6, reconvolution=name, fwhm=wanted).values).max() for name in ("wiener", "gaussian")
    )
    assert wiener < 1.05 * bound
    assert gaussian > wiener or wanted == 1.0


def test_wiener_filter_is_refused_a_width_that_it_cannot_have():
    with pytest.raises(InputError, match="no resolution of 3 eV.*gaussian"):
        kernel(0.5, reconvolution="wiener", fwhm=3.0)
    with pytest.raises(InputError, match="zero_loss, gaussian, wiener"):
        kernel(0.5, reconvolution="richardson")


@pytest.mark.parametrize(("t_over_lambda", "least", "most"), [(0.2, 0.15, 0.25), (0.35, 0.4, 0.6), (0.5, 0.8, 1.2)])
def test_without_deconvolution_the_ratio_drifts_with_thickness(t_over_lambda, least, most):
    """Why it is done: the same lines, windows after L2 included, on recorded spectra: 19 % at 0.2, 80 % at 0.5."""
    single = white_line_edge(ENERGY, 8000.0, 4000.0)

    def ratio(spectrum):
        height = inside(spectrum, 662, 680) / (18 / STEP + 1)
        l3 = inside(spectrum, 638, 648) - 2 / 3 * height * 5 / STEP
        l2 = inside(spectrum, 649, 657) - height * (2 / 3 * 8 + 1 / 3 * 4) / STEP
        return l3 / l2

    truth, core = ratio(recorded(single, 0.0)), recorded(single, t_over_lambda)
    # what drifts hangs on the lines' height over the continuum
    assert least < ratio(core) / truth - 1 < most
    # noise-free, a thousandth for the mirrored peak
    assert ratio(deconvolve(core, kernel(t_over_lambda))) == pytest.approx(truth, rel=1e-3)


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


@pytest.mark.parametrize(("start", "told"), [(-1.0, "begins 1 eV below"), (-0.5, "begins 0.5 eV below")])
def test_peak_cut_off_by_the_axis_start_is_refused(start, told):
    """At -1 eV 2 % of the intensity would be lost, at -0.5 eV 21 %."""
    with pytest.raises(InputError, match=f"{told} the zero-loss peak.*1.5 widths"):
        kernel(0.5, axis=loss_axis(offset=start))


def test_low_loss_that_ends_before_the_plasmon_is_refused():
    """One that ended at 10 eV made the post window half too high."""
    with pytest.raises(InputError, match="ends 9.75 eV above the zero-loss peak; needed 25 eV"):
        kernel(0.5, axis=loss_axis(120))


@pytest.mark.parametrize("dtype", [np.float32, float])
@pytest.mark.parametrize("gain", [1e-9, 1e-5, 1.0, 30.0])
def test_unit_of_the_low_loss_changes_nothing(gain, dtype):
    rng = np.random.default_rng(4)
    counts = rng.poisson(np.maximum(low_loss(0.6, total=3e4), 0), (5, 2048))
    core = recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 0.6)

    def found(unit):
        low = (unit * counts).astype(dtype)
        return deconvolve(core, fourier_ratio_kernel(low, loss_axis(), find_zero_loss(low, loss_axis()), ENERGY.size))

    # rounding of single precision
    np.testing.assert_allclose(found(gain), found(1.0), atol=2e-5 * core.max())


@pytest.mark.parametrize("tail", [0.2, 0.4])
def test_asymmetric_zero_loss_peak_scales_areas_by_little_and_ratios_not_at_all(tail):
    """A tail towards losses, in eV, as a cold emitter's: the mirrored flank takes it for scattering."""
    smear = np.exp(-np.arange(60) * STEP / tail)
    smear /= smear.sum()
    low = np.convolve(low_loss(0.5), smear)[:2048]
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    core, truth = (np.convolve(recorded(single, t), smear)[: ENERGY.size] for t in (0.5, 0.0))
    zero_loss = find_zero_loss(low, loss_axis())
    found = deconvolve(core, fourier_ratio_kernel(low, loss_axis(), zero_loss, ENERGY.size))
    lost = inside(found, 638, 680) / inside(truth, 638, 680) - 1
    # the docs name these: 1.5 % at 0.2 eV, 6.4 % at 0.4 eV, and t/λ higher by as much
    assert lost == pytest.approx({0.2: -0.015, 0.4: -0.064}[tail], abs=0.004)
    assert zero_loss.t_over_lambda == pytest.approx(0.5 - lost, abs=0.01)
    ratios = [inside(s, 638, 648) / inside(s, 649, 657) for s in (found, truth)]
    assert ratios[0] == pytest.approx(ratios[1], rel=5e-3)


@pytest.mark.parametrize("fwhm", [1.0, 1.5])
def test_peak_of_a_channel_and_a_half_is_called_coarse_and_t_over_lambda_as_uncertain(fwhm):
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    for first in range(4):
        # 1 eV a channel, the peak anywhere within it
        low = low_loss(0.5, fwhm=fwhm)[first:][:2040].reshape(-1, 4).sum(1)
        fine, axis = resample_low_loss(low, loss_axis()[first:][:2040].reshape(-1, 4).mean(1), STEP)
        zero_loss = find_zero_loss(fine, axis, recorded=1.0)
        assert zero_loss.coarse and coarse_words(zero_loss.fwhm, 1.0)
        assert abs(zero_loss.t_over_lambda - 0.5) < 2 * zero_loss.t_over_lambda_sigma
        found = deconvolve(recorded(single, 0.5, fwhm), fourier_ratio_kernel(fine, axis, zero_loss, ENERGY.size))
        truth = recorded(single, 0.0, fwhm)
        ratios = [inside(s, 638, 648) / inside(s, 649, 657) for s in (found, truth)]
        assert ratios[0] == pytest.approx(ratios[1], rel=5e-3)
    assert not find_zero_loss(low_loss(0.5), loss_axis()).coarse and not coarse_words(1.0, STEP)


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


@given(st.integers(0, 10_000), st.sampled_from(["zero_loss", "gaussian", "wiener"]))
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


@pytest.mark.parametrize("channels", [280, 340])
@pytest.mark.parametrize("t_over_lambda", [1.5, 2.0, 2.4])
def test_short_segments_of_thick_specimens_do_not_wrap_around(t_over_lambda, channels):
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    truth = recorded(single, 0.0)[:channels]
    found = deconvolve(recorded(single, t_over_lambda)[:channels], kernel(t_over_lambda, channels=channels))
    # half a per cent: what the mirrored zero-loss peak leaves, at any length
    assert np.abs(found - truth)[:-12].max() < 5e-3 * truth.max()


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


@pytest.mark.parametrize("step", [0.05, 0.1, 0.5])
def test_intensity_is_that_of_single_scattering_on_any_dispersion(step):
    """eXSpy's is scaled by 1/dispersion, 20 times at 0.05 eV a channel; the simulator's own edges are the truth."""
    # from below O K, whose plural scattering reaches under Mn L
    made = simulate_scan(
        dispersion=step, core_start=505.0, n_channels=int(190 / step), low_start=-10.0, n_positions=16, step_nm=1.0,
        vacuum_nm=0.0, t_over_lambda=0.7,
    )  # fmt: skip
    low, energy = made.low_expected[-3:], made.core_energy
    kernel = fourier_ratio_kernel(low, made.low_energy, find_zero_loss(low, made.low_energy), energy.size)
    found = deconvolve(made.edges_expected[-3:], kernel)
    for ends in ((638, 648), (649, 657), (662, 680)):
        inside = slice(*np.searchsorted(energy, ends))
        # 1 %, and 3 % where two channels make the zero-loss peak's width
        truth = made.edges_single[-3:, inside].sum(1)
        np.testing.assert_allclose(found[:, inside].sum(1), truth, rtol=0.01 if step < 0.5 else 0.03)


def test_real_mno_keeps_its_intensity():
    """The pair that eXSpy's wheel ships among its tests; no copy of it is kept here."""
    # the recorded edge is the single scattering and its convolution with all losses over the zero-loss intensity
    import hyperspy.api as hs

    folder = Path(exspy.__file__).parent / "tests" / "components"
    core, low = (hs.load(folder / f"{n}_spectrum.msa", file_format="MSA") for n in ("coreloss", "lowloss"))
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


@pytest.mark.parametrize("low_step", [0.05, 0.25, 0.5])
@pytest.mark.parametrize("kind", ["per pixel", "one for all", "sequential"])
def test_low_loss_per_pixel_one_for_all_or_sequential_on_any_dispersion_gives_the_same(kind, low_step):
    single = white_line_edge(ENERGY, 8000.0, 4000.0)
    core = np.stack([recorded(single, 0.5)] * 3)
    # recorded after the core loss, the zero-loss peak has wandered by its own ways; the core loss has not
    at = {"per pixel": (0.0, 0.0, 0.0), "one for all": (0.0,), "sequential": (-1.5, 0.25, 2.0)}[kind]
    low, axis = resample_low_loss(np.stack([low_loss(0.5, zero_at=zero) for zero in at]), loss_axis(), low_step)
    low, axis = resample_low_loss(low, axis, STEP)
    found = deconvolve(core, fourier_ratio_kernel(low, axis, find_zero_loss(low, axis), ENERGY.size))
    truth = recorded(single, 0.0)
    for spectrum in found:
        # 1 %: the mirrored peak's area, and 3 % where two channels make its width; no factor of the dispersion
        for low_ev, high_ev in ((638, 648), (649, 657)):
            expected = inside(truth, low_ev, high_ev)
            assert inside(spectrum, low_ev, high_ev) == pytest.approx(expected, rel=0.01 if low_step < 0.5 else 0.03)


@pytest.mark.parametrize("reconvolution", ["zero_loss", "gaussian", "wiener"])
def test_counts_of_a_camera_in_whole_numbers_give_what_the_same_in_single_precision_give(reconvolution):
    rng = np.random.default_rng(2)
    # ends at 60 eV, and goes on as a power law
    axis = loss_axis(320)
    low = rng.poisson(np.maximum(low_loss(0.5, total=1e5, axis=axis), 0), (3, 320))
    core = rng.poisson(recorded(white_line_edge(ENERGY, 8000.0, 4000.0), 0.5), (3, ENERGY.size))
    found = [
        deconvolve(c, fourier_ratio_kernel(l, axis, find_zero_loss(l, axis), ENERGY.size, reconvolution=reconvolution))
        for c, l in ((core.astype(np.uint16), low.astype(np.uint16)), (core.astype(np.float32), low.astype(np.float32)))
    ]
    # means of whole numbers are taken in double
    np.testing.assert_allclose(*found, atol=1e-5 * core.max())
