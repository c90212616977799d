"""Demodulation against the windowed Fourier sum that it stands for."""

import numpy as np
import pytest

from oxyspy.lattice.demodulation import demodulate, quiet_places

PIXEL = (0.02, 0.025)


def direct(image, g, sigma, x0, y0):
    """The coefficient in one window, summed in the image, over the share of the window that lies inside."""
    y, x = np.indices(image.shape) * np.array([PIXEL[1], PIXEL[0]])[:, None, None]
    window = np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2)) * PIXEL[0] * PIXEL[1] / (2 * np.pi * sigma**2)
    return (window * image * np.exp(-2j * np.pi * (g[0] * x + g[1] * y))).sum() / window.sum()


def test_every_window_is_the_windowed_fourier_sum():
    rng = np.random.default_rng(1)
    y, x = np.indices((240, 300)) * np.array([PIXEL[1], PIXEL[0]])[:, None, None]
    image = 5 + np.cos(2 * np.pi * (3.1 * x - 2.2 * y)) * (x > 3) + rng.normal(0, 0.3, x.shape)
    spots = np.array([[3.1, -2.2], [-1.7, 1.2], [0.3, 4.0]])
    found = demodulate(image.astype(np.float32), PIXEL, spots, 0.3, (12, 10))
    for i, g in enumerate(spots):
        for row, column in ((8, 9), (12, 12), (15, 20)):
            expected = direct(image - image.mean(), g, 0.3, found.x_nm[column], found.y_nm[row])
            # float32, and the window's transform cut at 2.9 standard deviations
            assert abs(found.amplitude[i, row, column] - expected) < 5e-3 * abs(direct(image, spots[0], 0.3, 4.5, 3))


def test_crystal_does_not_wrap_around_into_vacuum():
    y, x = np.indices((256, 256)) * 0.02
    image = np.where(x > 2.5, 1 + np.cos(2 * np.pi * 4.1 * x), 0).astype(np.float32)
    found = demodulate(image, (0.02, 0.02), np.array([[4.1, 0.0]]), 0.35, (12, 12))
    modulus = np.abs(found.amplitude[0])
    # unpadded, the border would have half of the 0.5; what is left is the step from dark to the image's mean
    assert modulus[3:-3, 0].max() < 0.05
    assert modulus[3:-3, 2:7].max() < 0.012
    # the border's windows are as strong as the inner ones
    assert modulus[:, -1].mean() == pytest.approx(0.5, rel=0.05)


def test_noise_is_that_of_counting():
    rng = np.random.default_rng(2)
    level = np.where(np.arange(512) < 256, 4.0, 36.0)
    found = demodulate(
        rng.poisson(level, (512, 512)).astype(np.float32), (0.02, 0.02), np.array([[3.0, 1.0]]), 0.3, (12, 12)
    )
    # variance of a mean weighted by a Gaussian: level / (4 pi sigma^2), sigma in pixels
    for column, counts in ((8, 4.0), (34, 36.0)):
        expected = np.sqrt(counts / (4 * np.pi * 15**2))
        assert found.noise[:, column].mean() == pytest.approx(expected, rel=0.15)
        assert np.sqrt((np.abs(found.amplitude[0][:, column]) ** 2).mean()) == pytest.approx(expected, rel=0.35)


def test_noise_is_read_between_the_spots():
    basis = np.array([[4.1, 0.3], [1.2, 4.0]])
    nodes = quiet_places((0.02, 0.02), basis) @ np.linalg.inv(basis) * 2
    assert np.abs(nodes - nodes.round()).min() > 0.4
    # coarse pixels: lower, but sampled
    assert np.hypot(*quiet_places((0.06, 0.06)).T).max() < 0.5 / 0.06
