"""What leaks under a spot, against steps and displaced lines whose leak is known."""

import numpy as np
import pytest

from oxyspy.lattice.demodulation import Spectrum, demodulate, quiet_places
from oxyspy.lattice.leak import edge_leak, line_jitter
from oxyspy.lattice.parent import INDICES

PIXEL = (0.02, 0.02)
BASIS = np.array([[3.9, 1.3], [0.2, 4.1]])


def read(image):
    spectrum = Spectrum(image.astype(np.float32), PIXEL, (13, 13), 0.68)
    return spectrum, demodulate(image, PIXEL, INDICES @ BASIS, 0.34, (13, 13), spectrum=spectrum)


@pytest.mark.parametrize("angle", [0, 35, 80])
def test_leak_of_an_edge_is_the_fourier_coefficient_of_a_step(angle):
    y, x = np.indices((512, 512)) * 0.02
    normal = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    depth = (x - 5.12) * normal[0] + (y - 5.12) * normal[1]
    _, found = read(np.where(depth > 0, 3.0, 1.0))
    where = np.zeros(found.mean.shape, bool)
    where[8:-8, 8:-8] = True
    predicted = np.sqrt(edge_leak(found, INDICES @ BASIS, where))
    measured = np.abs(found.amplitude[:, where])
    # spots in line with the normal, where a step makes most; elsewhere the stairs of the pixels make as much
    strongest = measured.max(axis=1).argmax()
    strong = measured[strongest] > 0.3 * measured[strongest].max()
    # the gradient is a difference over two windows of 0.26 nm, blurred by a tenth
    assert predicted[strongest][strong] == pytest.approx(measured[strongest][strong], rel=0.2)


@pytest.mark.parametrize("true", [(0.01, 0.01), (0.0, 0.015), (0.02, 0.0)])
def test_jitter_of_the_lines_is_measured(true):
    found, leaked, power = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        y, x = np.indices((512, 512)) * 0.02
        x, y = (axis + sigma * rng.normal(size=(512, 1)) for axis, sigma in zip((x, y), true, strict=True))
        waves = [np.cos(2 * np.pi * (p * x + q * y)) for p, q in INDICES[:5] @ BASIS]
        spectrum, windows = read(rng.poisson(40 * (3 + sum(waves) / 2)))
        everywhere, inner = np.ones(windows.mean.shape, bool), windows.coverage > 0.98
        jitter = line_jitter(spectrum, windows, BASIS, everywhere, quiet_places(PIXEL, BASIS))
        found.append(jitter.offset_nm)
        # what is under the families that are absent is that, and noise
        leaked.append(jitter.leak(windows, inner)[5:].mean())
        power.append((np.abs(windows.amplitude[5:, inner]) ** 2).mean() - (windows.noise[inner] ** 2).mean())
    # four images, each good to a third
    assert np.mean(found, axis=0) == pytest.approx(true, abs=0.33 * max(true) / 4**0.5)
    assert np.mean(leaked) == pytest.approx(np.mean(power), rel=0.4)


def test_lines_in_place_have_no_jitter():
    y, x = np.indices((512, 512)) * 0.02
    image = 40 * (3 + sum(np.cos(2 * np.pi * (p * x + q * y)) for p, q in INDICES[:5] @ BASIS) / 2)
    spectrum, found = read(image)
    jitter = line_jitter(spectrum, found, BASIS, np.ones(found.mean.shape, bool), quiet_places(PIXEL, BASIS))
    assert max(jitter.offset_nm) < 0.002
