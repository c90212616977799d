"""Observed spots: found where they are, and only where they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.errors import InputError
from oxyspy.lattice import find_spots


def fringes(g, shape=(256, 256), pixel=(0.02, 0.02), amplitude=1.0):
    y, x = np.indices(shape) * np.array([pixel[1], pixel[0]])[:, None, None]
    return 10 + amplitude * np.cos(2 * np.pi * (g[0] * x + g[1] * y))


@given(st.floats(1.8, 7.5), st.floats(0, np.pi))
def test_spot_of_a_fringe_is_found_to_a_fiftieth_of_a_pixel(length, angle):
    g = length * np.array([np.sin(angle), np.cos(angle)])
    spots = find_spots(fringes(g), (0.02, 0.02))
    # one Fourier pixel is 1 / 5.12 nm; Hann's main lobe is no exact parabola in the logarithm
    apart = min(np.hypot(*(spots.g[0] - g)), np.hypot(*(spots.g[0] + g)))
    assert apart < 0.03 / 5.12
    assert spots.amplitude[0] == pytest.approx(1.0, rel=0.3)


def test_pixels_of_unequal_sides_are_taken_as_they_are():
    spots = find_spots(fringes((3.0, 2.0), (200, 320), (0.015, 0.03)), (0.015, 0.03))
    assert spots.g[0] == pytest.approx([3.0, 2.0], abs=0.01)


def test_noise_alone_has_no_spots():
    rng = np.random.default_rng(7)
    found = [len(find_spots(rng.poisson(5, (256, 256)), (0.02, 0.02)).g) for _ in range(20)]
    assert sum(found) == 0


def test_snr_is_that_of_amplitude_over_noise():
    rng = np.random.default_rng(3)
    image = fringes((3.0, 2.0), amplitude=0.5) + rng.normal(0, 2, (256, 256))
    # window: sum w = N/4, sum w^2 = N (3/8)^2; amplitude/2 * sum w over sigma * sqrt(sum w^2)
    expected = 0.25 * 256**2 / 4 / (2 * np.sqrt(256**2 * (3 / 8) ** 2))
    assert find_spots(image, (0.02, 0.02)).snr[0] == pytest.approx(expected, rel=0.25)


def test_images_that_cannot_be_indexed_are_refused_with_what_to_do():
    good = fringes((3.0, 2.0))
    with pytest.raises(InputError, match="every pixel of the image is 3"):
        find_spots(np.full((128, 128), 3.0), (0.02, 0.02))
    with pytest.raises(InputError, match="is the pixel size right"):
        find_spots(good[:32], (0.02, 0.02))
    with pytest.raises(InputError, match="needed pixels|needed 3.2 1/nm"):
        find_spots(fringes((3.0, 2.0), pixel=(0.3, 0.3)), (0.3, 0.3))
    with pytest.raises(InputError, match="two dimensions"):
        find_spots(np.zeros((2, 64, 64)), (0.02, 0.02))
    with pytest.raises(InputError, match="not finite"):
        find_spots(np.where(np.arange(256) < 100, np.nan, good), (0.02, 0.02))


def test_a_few_dead_pixels_change_nothing():
    image = fringes((3.0, 2.0))
    image[::50, ::50] = np.nan
    assert find_spots(image, (0.02, 0.02)).g[0] == pytest.approx([3.0, 2.0], abs=0.005)
