"""White lines' weights read off a running response, against one transform a window."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import Kernel, carry_back, deconvolve, deconvolve_smoothed, fourier_ratio_kernel
from oxyspy.eels.edges import edge
from oxyspy.eels.functionals import net_and_gradient, weigh
from oxyspy.eels.maxima import find_maxima, lines_part, position_sigma, smoothed
from oxyspy.eels.responses import line_responses, line_shares
from oxyspy.eels.white_lines import WhiteLineMethod, line_weights
from oxyspy.eels.zero_loss import find_zero_loss
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

MN = edge("Mn_L")
ENERGY = 600.0 + STEP * np.arange(400)
METHOD = WhiteLineMethod.of(MN, post=(662.0, 680.0))
L3, L2, SMOOTHING = 643.0, 653.1, 0.5


@pytest.fixture(scope="module")
def kernel():
    """Of five thicknesses, in double precision."""
    low = np.stack([low_loss(t) for t in (0.1, 0.3, 0.5, 0.8, 1.2)])
    return fourier_ratio_kernel(low, loss_axis(), find_zero_loss(low, loss_axis()), ENERGY.size)


def responses(kernel, energy, rest, method, smoothing):
    """Weights of areas, height and slopes a eV."""
    q = line_responses(kernel, line_shares(energy, L3, L2, rest, method, smoothing))
    q[:, 3:] /= energy[1] - energy[0]
    return q


@pytest.mark.parametrize(
    "choices",
    [
        {}, {"step": "arctan", "step_width": 1.5}, {"step": "erf", "step_width": 2.0},
        {"l3_half": 4.13, "l2_half": 3.3},
        # a window that runs out of the axis has its share of channels inside it
        {"post": (690.0, 699.9)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("shared", [False, True])
def test_weights_are_those_of_a_transform_for_each_window(kernel, choices, shared):
    method = replace(METHOD, **choices)
    rest = np.zeros(1) if shared else np.array([-0.5, -0.21, 0.0, 0.13, 0.5]) * STEP
    own = replace(kernel, values=kernel.values[2]) if shared else kernel
    found = responses(own, ENERGY, rest, method, SMOOTHING)
    wanted = carry_back(line_weights(ENERGY, L3 - rest, L2 - rest, method, SMOOTHING)[..., :5, :], own)
    # double rounding of a few hundred terms
    np.testing.assert_allclose(found[:, :3], wanted[:, :3], atol=1e-8 * np.abs(wanted[:, :3]).max())
    # cubic splines through a Gaussian's slope of two channels: 1e-3 of a standard error, of a spectrum with its line
    variance = white_line_edge(ENERGY, 2e4, 1e4) + 100
    np.testing.assert_allclose(
        np.sqrt((found[:, 3:] ** 2 * variance).sum(-1)), np.sqrt((wanted[:, 3:] ** 2 * variance).sum(-1)), rtol=1e-3
    )
    np.testing.assert_allclose(found[:, 3:], wanted[:, 3:], atol=3e-3 * np.abs(wanted[:, 3:]).max())


@given(st.integers(0, 10_000), st.floats(-0.5, 0.5))
def test_any_response_has_its_adjoint_without_transforms(seed, share):
    """No kernel of a low loss: random numbers, whose windows are summed one by one."""
    n, padded = 96, 256
    rng = np.random.default_rng(seed)
    response, counts = rng.normal(size=padded), rng.normal(size=n)
    energy = 630.0 + 0.5 * np.arange(n)
    made = Kernel(np.fft.rfft(response)[None], n, padded, "gaussian", 1.0)
    method = WhiteLineMethod("Mn_L", (630.0, 635.0), (665.0, 672.0))
    rest = np.array([0.5 * share])
    q = responses(made, energy, rest, method, 1.0)[0]
    single = np.array([sum(response[(i - k) % padded] * counts[k] for k in range(n)) for i in range(n)])
    w = line_weights(energy, L3 - rest, L2 - rest, method, 1.0)[0, :3]
    np.testing.assert_allclose(q[:3] @ counts, w @ single, atol=1e-9 * np.abs(w).sum(-1).max() * np.abs(single).max())


def test_areas_and_errors_in_single_precision_are_those_in_double(kernel):
    rng = np.random.default_rng(0)
    expected = np.stack([recorded(white_line_edge(ENERGY, 2e4, 1e4), t) for t in (0.1, 0.3, 0.5, 0.8, 1.2)])
    counts = rng.poisson(expected + 500 * (ENERGY / 600) ** -3)
    background = fit_power_law(counts, ENERGY, (600.0, 632.0))
    q = responses(kernel, ENERGY, np.zeros(5), METHOD, SMOOTHING)
    single, few = counts.astype(np.float32), q.astype(np.float32)
    values, covariance = weigh(
        counts, net_and_gradient(counts, ENERGY, background, float), ENERGY, background, q, np.ones(5)
    )
    found, variance = weigh(
        single, net_and_gradient(single, ENERGY, background, np.float32), ENERGY, background, few, np.ones(5)
    )
    assert found.dtype == variance.dtype == np.float32
    sigma = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    # four hundred terms of single precision, 6e-8 each, of areas of up to 1000 standard errors
    np.testing.assert_allclose((found - values) / sigma, 0, atol=1e-3)
    np.testing.assert_allclose(variance / covariance, 1, rtol=1e-4)


def test_maxima_and_their_errors_are_those_of_the_whole_smoothed_spectrum(kernel):
    rng = np.random.default_rng(1)
    counts = rng.poisson(recorded(white_line_edge(ENERGY, 2e4, 1e4), 0.5), (5, ENERGY.size)).astype(float)
    whole = smoothed(deconvolve(counts, kernel), ENERGY, SMOOTHING)
    part = lines_part(ENERGY, MN, SMOOTHING, 642.0)
    cut = deconvolve_smoothed(counts, kernel, part, SMOOTHING / STEP)
    assert cut.shape[-1] < ENERGY.size / 2
    # the Gaussian's four sigma, and what wraps around half a transform: 1e-4 of the maximum, but at the part's ends
    np.testing.assert_allclose(cut[:, 16:-16], whole[:, part][:, 16:-16], atol=2e-4 * whole.max())
    for ours, wanted in zip(
        find_maxima(cut, ENERGY[part], MN, 642.0), find_maxima(whole, ENERGY, MN, 642.0), strict=True
    ):
        # a hundredth of a standard error
        np.testing.assert_allclose(ours, wanted, atol=1e-3)
        np.testing.assert_allclose(
            position_sigma(cut, ENERGY[part], ours, 1.0), position_sigma(whole, ENERGY, wanted, 1.0), rtol=2e-3
        )


@given(st.floats(-0.5, 0.5), st.floats(0.9, 1.6))
def test_curvature_at_a_maximum_is_that_of_the_gaussian_it_is(away, sigma):
    """Of a line of ``sigma`` eV, whose curvature is its height over sigma squared."""
    at = 643.0 + away * STEP
    line = 1000 * np.exp(-0.5 * ((ENERGY - at) / sigma) ** 2)
    # half a per cent, of the narrowest
    assert position_sigma(line, ENERGY, np.asarray(at), 1.0) == pytest.approx(sigma**2 / 1000, rel=5e-3)
