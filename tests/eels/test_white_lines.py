"""White lines of known areas and positions, through background, plural scattering and counting noise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import fourier_ratio_kernel
from oxyspy.eels.edges import edge
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions
from oxyspy.eels.moving_windows import with_moving_windows
from oxyspy.eels.ratio import fieller_interval
from oxyspy.eels.tracking import track_maxima
from oxyspy.eels.white_lines import (
    AREA_L2,
    AREA_L3,
    WhiteLineMethod,
    line_functionals,
    line_weights,
    white_lines,
)
from oxyspy.eels.windows import step_profile
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.errors import InputError
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)
MN = edge("Mn_L")
METHOD = WhiteLineMethod.of(MN)
L3, L2 = 643.0, 653.0
# counts at 600 eV a channel, with lines of 20 000 and 10 000 counts: a good pixel of a line scan
BACKGROUND = 4000.0


def expected(t_over_lambda, l3_area=20_000.0, l2_area=10_000.0, scale=1.0, height=300.0):
    net = recorded(white_line_edge(ENERGY, l3_area, l2_area, L3, L2, height), t_over_lambda)
    return scale * (net + BACKGROUND * (ENERGY / 600.0) ** -3.0)


def kernel_of(t_over_lambda, reconvolution="zero_loss"):
    low = low_loss(t_over_lambda)
    zero_loss = find_zero_loss(low, loss_axis())
    return fourier_ratio_kernel(low, loss_axis(), zero_loss, ENERGY.size, reconvolution=reconvolution)


def measured(counts, t_over_lambda=None, method=METHOD, noise=1.0):
    """Functionals at the known maxima."""
    background = fit_power_law(counts, ENERGY, method.background)
    kernel = None if t_over_lambda is None else kernel_of(t_over_lambda, method.deconvolution)
    return line_functionals(counts, ENERGY, background, L3, L2, method, kernel=kernel, noise=noise)


@pytest.mark.parametrize("t_over_lambda", [0.2, 0.4, 0.6, 0.8, 1.0])
def test_ratio_of_known_white_lines_survives_plural_scattering(t_over_lambda):
    found = measured(expected(t_over_lambda), t_over_lambda)
    # 1 %: the mirrored peak's area cancels in the ratio; the continuum rises through a channel and a zero-loss width
    assert found.values[AREA_L3] / found.values[AREA_L2] == pytest.approx(2.0, rel=0.01)
    assert found.values[AREA_L3] == pytest.approx(20_000.0, rel=0.02)


def test_ratio_without_deconvolution_is_far_too_high():
    method = replace(METHOD, deconvolution="none")
    thin, thick = (measured(expected(t), method=method).values for t in (0.2, 0.5))
    assert thin[AREA_L3] / thin[AREA_L2] > 1.05 * 2.0
    assert thick[AREA_L3] / thick[AREA_L2] > 1.2 * 2.0


@pytest.mark.parametrize("gain", [1.0, 5.0])
@pytest.mark.parametrize("scale", [0.02, 1.0])
@pytest.mark.parametrize("t_over_lambda", [None, 0.6])
def test_predicted_covariance_is_the_scatter_of_repeated_measurements(gain, scale, t_over_lambda):
    rng = np.random.default_rng(5)
    mean = expected(t_over_lambda or 0.0, scale=scale)
    counts = gain * rng.poisson(mean, (1500, ENERGY.size))
    found = measured(counts, t_over_lambda, noise=gain)
    predicted = found.covariance.mean(0)
    observed = np.cov(found.values, rowvar=False)
    # a variance from 1500 repeats is known to 3.7 %: three of that, and 2 % for the first order at 80 counts a channel
    for i in range(6):
        assert observed[i, i] / predicted[i, i] == pytest.approx(1.0, abs=0.13), i
    correlation = predicted[AREA_L3, AREA_L2] / np.sqrt(predicted[0, 0] * predicted[1, 1])
    seen = observed[AREA_L3, AREA_L2] / np.sqrt(observed[0, 0] * observed[1, 1])
    assert seen == pytest.approx(correlation, abs=0.08)


@pytest.mark.parametrize(
    ("t_over_lambda", "choices"),
    [
        (None, {}),
        (0.6, {}),
        (0.6, {"deconvolution": "gaussian"}),
        (0.6, {"deconvolution": "wiener"}),
        (0.6, {"slope": True}),
    ],
)
def test_intervals_of_the_ratio_cover_the_truth(t_over_lambda, choices):
    rng = np.random.default_rng(6)
    method = replace(METHOD, **choices)
    mean = expected(t_over_lambda or 0.0, scale=0.3)
    truth_values = measured(mean, t_over_lambda, method).values
    truth = truth_values[AREA_L3] / truth_values[AREA_L2]
    functionals = measured(rng.poisson(mean, (1500, ENERGY.size)), t_over_lambda, method)
    still = np.zeros(1500)
    lines = white_lines(functionals, LinePositions(*[still] * 6), method)
    for width, coverage in ((1.0, 0.683), (1.96, 0.95)):
        inside = np.abs(lines.ratio - truth) < width * lines.ratio_sigma
        # three binomial standard errors of 1500, and 2 % for the ratio's skewness
        allowed = 3 * np.sqrt(coverage * (1 - coverage) / 1500) + 0.02
        assert inside.mean() == pytest.approx(coverage, abs=allowed)


@pytest.mark.parametrize("second", [4_000.0, 400.0, 60.0, 0.0])
def test_fieller_interval_covers_the_ratio_also_where_l2_is_weak(second):
    rng = np.random.default_rng(12)
    truth, covariance = np.array([8_000.0, second]), np.array([[900.0, 200.0], [200.0, 900.0]]) * 4
    a, b = rng.multivariate_normal(truth, covariance, 4000).T
    low, high = fieller_interval(a, b, covariance[0, 0], covariance[1, 1], covariance[0, 1])
    exact = np.inf if second == 0 else truth[0] / second
    # three binomial standard errors of 4000
    assert np.mean((low <= exact) & (exact <= high)) == pytest.approx(0.95, abs=0.011 if second else 0.02)
    # and the plain error's interval does not, where L2 is near its noise
    assert (np.isinf(high).mean() > 0.5) == (second < 100)


def test_normalised_intensity_is_the_lines_over_the_continuum_with_its_scatter():
    rng = np.random.default_rng(13)
    still = LinePositions(*[np.zeros(1500)] * 6)
    found = white_lines(measured(rng.poisson(expected(0.0), (1500, ENERGY.size))), still, METHOD, STEP)
    # 30 000 counts over 300 counts a channel of 0.25 eV; half a per cent for what stands outside the windows
    assert found.normalised.mean() == pytest.approx(25.0, rel=0.005)
    assert found.normalised.std() / found.normalised_sigma.mean() == pytest.approx(1.0, abs=0.06)


def test_sum_first_divide_second_is_unbiased_where_single_ratios_are_not():
    rng = np.random.default_rng(7)
    functionals = measured(rng.poisson(expected(0.0, scale=0.01), (3000, ENERGY.size)))
    total = functionals.sum()
    ratio = total.values[AREA_L3] / total.values[AREA_L2]
    sigma = ratio * np.sqrt(
        total.covariance[0, 0] / total.values[0] ** 2
        + total.covariance[1, 1] / total.values[1] ** 2
        - 2 * total.covariance[0, 1] / (total.values[0] * total.values[1])
    )
    assert abs(ratio - 2.0) < 3 * sigma + 0.02


def test_no_ratio_where_an_area_is_within_three_errors_of_zero():
    rng = np.random.default_rng(8)
    functionals = measured(rng.poisson(expected(0.0, 0.0, 0.0, scale=0.02, height=0.0), (50, ENERGY.size)))
    still = np.zeros(50)
    lines = white_lines(functionals, LinePositions(*[still] * 6), METHOD)
    # 3 sigma on both areas: one in a million by chance
    assert np.isnan(lines.ratio).all()
    assert np.isfinite(lines.l3_sigma).all()


@pytest.mark.parametrize("shift", [0.0, 0.07, 0.125])
def test_maxima_are_found_between_channels_with_errors_that_cover(shift):
    rng = np.random.default_rng(9)
    net = recorded(white_line_edge(ENERGY, 20_000.0, 10_000.0, L3 + shift, L2 + shift), 0.0)
    mean = 0.3 * (net + BACKGROUND * (ENERGY / 600.0) ** -3.0)
    counts = rng.poisson(mean, (1, 400, ENERGY.size))
    background = fit_power_law(counts, ENERGY, METHOD.background)
    tracked = track_maxima(counts, ENERGY, background, MN, METHOD)
    # where the noise-free spectrum has them: the continuum's steps move a maximum by a tenth of an eV
    curve = CubicSpline(ENERGY, net)
    fine = np.arange(638.0, 658.0, 0.001)
    exact_l3, exact_l2 = (fine[w][curve(fine[w]).argmax()] for w in (fine < 648, fine > 648))
    clean = mean[None, None]
    on_clean = track_maxima(clean, ENERGY, fit_power_law(clean, ENERGY, METHOD.background), MN, METHOD)
    # smoothing by 0.5 eV widens the steps' reach a little
    assert on_clean.l3[0] == pytest.approx(exact_l3, abs=0.06)
    assert on_clean.l2[0] == pytest.approx(exact_l2, abs=0.06)
    for found, sigma, exact in (
        (tracked.l3, tracked.l3_sigma, on_clean.l3[0]),
        (tracked.l2, tracked.l2_sigma, on_clean.l2[0]),
    ):
        inside = np.abs(found - exact) < sigma
        # three binomial standard errors of 400
        assert np.nanmean(inside) == pytest.approx(0.683, abs=0.07)


def test_weak_positions_take_their_maxima_from_their_neighbours():
    rng = np.random.default_rng(10)
    scale = np.where(np.arange(60) < 20, 0.0005, 0.05)
    counts = rng.poisson(scale[:, None] * expected(0.0), (1, 60, ENERGY.size))
    background = fit_power_law(counts, ENERGY, METHOD.background)
    tracked = track_maxima(counts, ENERGY, background, MN, METHOD)
    assert np.isfinite(tracked.l3).all()
    np.testing.assert_allclose(tracked.l3[20:], L3, atol=1.5)
    assert (tracked.l3_sigma[20:] < 0.4).all()


def test_edge_that_is_not_there_is_refused_by_name():
    counts = np.broadcast_to(BACKGROUND * (ENERGY / 600.0) ** -3.0, (1, 5, ENERGY.size))
    background = fit_power_law(counts, ENERGY, METHOD.background)
    with pytest.raises(InputError, match=r"Mn_L: no L3 maximum within 5 eV of 642 eV"):
        track_maxima(counts, ENERGY, background, MN, METHOD)


def test_fingerprint_tells_methods_apart():
    same = WhiteLineMethod.of(MN)
    others = [
        replace(METHOD, post=(662.0, 675.0)), replace(METHOD, deconvolution="none"), replace(METHOD, step="arctan"),
        replace(METHOD, l3_half=4.0), replace(METHOD, background=(605.0, 632.0)), replace(METHOD, slope=True),
        replace(METHOD, positions=(643.0, 653.0)), replace(METHOD, positions=(643.0, 653.5)),
        replace(METHOD, deconvolution="gaussian"), replace(METHOD, deconvolution="wiener"),
        replace(METHOD, deconvolution="wiener", gaussian_fwhm=0.8),
    ]  # fmt: skip
    assert same.fingerprint == METHOD.fingerprint
    assert len({METHOD.fingerprint, *(m.fingerprint for m in others)}) == 1 + len(others)


@pytest.mark.parametrize(("step", "width"), [("sharp", 1.0), ("erf", 2.0), ("arctan", 1.0)])
def test_continuum_that_falls_is_taken_out_whole_by_its_slope(step, width):
    # steps on a line that falls by a third over 40 eV, as a continuum after an edge does
    l3, l2 = np.asarray(L3), np.asarray(L2)
    line = 300.0 * (1 - (ENERGY - 640.0) / 120.0)
    rise = (2 * step_profile(ENERGY, l3, step, width) + step_profile(ENERGY, l2, step, width)) / 3
    edge_counts = white_line_edge(ENERGY, 20_000.0, 10_000.0, height=0.0) + line * rise
    level, sloped = (
        line_weights(ENERGY, l3, l2, replace(METHOD, step=step, step_width=width, slope=slope), 0.5) @ edge_counts
        for slope in (False, True)
    )
    lines_alone = line_weights(ENERGY, l3, l2, METHOD, 0.5) @ white_line_edge(ENERGY, 20_000.0, 10_000.0, height=0.0)
    np.testing.assert_allclose(sloped[:2], lines_alone[:2], rtol=1e-9)
    # a level continuum leaves out what the line has more under L3 than after L2
    assert level[AREA_L3] > 1.03 * lines_alone[AREA_L3]


def test_areas_at_given_energies_stay_there_whatever_the_maxima():
    method = replace(METHOD, positions=(L3, L2))
    counts = expected(0.0)[None]
    assert method.places(640.0, 650.0) == (L3, L2)
    assert METHOD.places(640.0, 650.0) == (640.0, 650.0)
    moved = LinePositions(*[np.full(1, v) for v in (L3, L2, 0.3, 0.4, 1e-3, 1e-3)])
    fixed = measured(counts, method=method)
    net = (counts - fit_power_law(counts, ENERGY, METHOD.background)(ENERGY))[None]
    stacked = Functionals(fixed.values[None], fixed.covariance[None])
    # no error of a maximum moves them
    assert with_moving_windows(stacked, net, ENERGY, moved, method) is stacked
    assert with_moving_windows(stacked, net, ENERGY, moved, METHOD) is not stacked


def test_areas_at_maxima_found_in_the_same_counts_scatter_as_predicted():
    rng = np.random.default_rng(10)
    counts = rng.poisson(expected(0.0, scale=0.15), (1, 600, ENERGY.size))
    background = fit_power_law(counts, ENERGY, METHOD.background)
    tracked = track_maxima(counts, ENERGY, background, MN, METHOD)
    fixed = line_functionals(counts, ENERGY, background, tracked.l3, tracked.l2, METHOD)
    found = with_moving_windows(fixed, counts - background(ENERGY), ENERGY, tracked, METHOD)
    predicted = found.covariance[0].mean(0)
    observed = np.cov(found.values[0], rowvar=False)
    for i in (AREA_L3, AREA_L2):
        # a variance from 600 repeats is known to 5.8 %: three of that
        assert observed[i, i] / predicted[i, i] == pytest.approx(1.0, abs=0.18), i
        assert (found.covariance[0, :, i, i] >= 0).all()
    # the windows' own places are a part of it that fixed windows know nothing of
    assert np.trace(predicted[:2, :2]) > np.trace(fixed.covariance[0].mean(0)[:2, :2])


def test_weak_second_line_keeps_its_own_distance_beside_another_phase():
    # two phases with splittings of 10.2 and 12.2 eV: a faint L2 must not stand at the mean of the line
    rng = np.random.default_rng(11)
    energy = ENERGY
    thick = white_line_edge(energy, 20_000.0, 10_000.0, L3, L3 + 10.2)
    thin = white_line_edge(energy, 20_000.0, 4_700.0, L3 - 2.5, L3 + 9.7)
    mean = 0.2 * (np.stack([thin] * 8 + [thick] * 32) + BACKGROUND * (energy / 600.0) ** -3.0)
    counts = rng.poisson(mean, (1, 40, energy.size))
    background = fit_power_law(counts, energy, METHOD.background)
    tracked = track_maxima(counts, energy, background, MN, METHOD)
    splitting = (tracked.l2 - tracked.l3)[1:6]
    assert np.isfinite(tracked.l2_sigma[1:6]).all()
    # a third of the distance between the phases
    assert np.median(splitting) == pytest.approx(12.2, abs=0.7)
