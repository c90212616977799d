"""Pixels that no crystal made: missing ones, X-ray hits, a detector at its ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, median_filter

from oxyspy.errors import InputError

# shares of an image that may be missing, be hit, or stand at its highest value unsaid
MOST_MISSING, MOST_HIT, MOST_AT_TOP = 0.05, 0.01, 0.005
# a hit is so many times as far above the median as 99 in 100 pixels, and as its brightest neighbour: a column one pixel
# wide has neighbours of half its height
ABOVE_ALL, ABOVE_NEIGHBOURS = 3.0, 3.0
RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


def mend(image: NDArray) -> tuple[NDArray, tuple[str, ...]]:
    """Fill missing pixels with the median and single hit ones with their neighbours' median.

    Parameters
    ----------
    image : array, shape (ny, nx)
        Floating point; changed in place.

    Returns
    -------
    array, shape (ny, nx)
    tuple of str
        What was changed, and what cannot be mended, in words.

    Raises
    ------
    InputError
        More than 5 % of the pixels are not finite.
    """
    said = []
    missing = ~np.isfinite(image)
    if missing.any():
        if missing.mean() > MOST_MISSING:
            raise InputError(
                f"{100 * missing.mean():.0f} % of the pixels are not finite: crop the image to what was measured"
            )
        image[missing] = np.median(image[~missing])
        said.append(f"{missing.sum()} pixels held no finite number and were filled with the median")
    # of every fourth pixel each way: a level needs no more
    middle, high = np.quantile(image[::4, ::4], (0.5, 0.99))
    top = image.max()
    if top > middle + ABOVE_ALL * (high - middle):
        beside = maximum_filter(image, footprint=RING)
        hit = image - middle > np.maximum(ABOVE_ALL * (high - middle), ABOVE_NEIGHBOURS * (beside - middle))
        if 0 < hit.mean() < MOST_HIT:
            image[hit] = median_filter(image, footprint=RING)[hit]
            said.append(f"{hit.sum()} single pixels far above their neighbours (X-ray hits) were replaced by them")
            top = image.max()
    at_top = np.mean(image == top)
    if at_top > MOST_AT_TOP and top > image.min():
        said.append(
            f"{100 * at_top:.1f} % of the pixels stand at the image's highest value: the detector was saturated, and "
            "amplitudes of bright columns are too small; or the background is bright, as in a bright-field image"
        )
    return image, tuple(said)
