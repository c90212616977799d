"""Observed spots: the peaks of an image's power spectrum, with their signal to noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft2
from scipy.ndimage import maximum_filter
from scipy.signal.windows import hann

from oxyspy.eels.blocks import threads
from oxyspy.errors import InputError
from oxyspy.lattice.pixels import mend
from oxyspy.results import Result

# smallest image that holds enough periods of a 0.2-nm lattice to tell 2 % in length, nm
LEAST_NM = 2.0
LEAST_PIXELS = 48
# spots further apart than this are different ones, 1/nm; a half-order lattice of oxides has 2.0
APART = 0.7
# a weaker one, over its neighbour at most as far along y, is that one's satellite: the scan drifted
SATELLITE = 0.4
# first halo of oxide glasses, 1/nm
HALO = (2.5, 4.5)


@dataclass(frozen=True)
class ObservedSpots(Result):
    """Spots of an image, one of each pair +g and -g, strongest first.

    Attributes
    ----------
    g : array, shape (n, 2)
        (x, y) in 1/nm, by the nominal pixel size.
    amplitude : array, shape (n,)
        In the image's units: half the peak-to-valley of the fringe, averaged over the image's window.
    snr : array, shape (n,)
        Amplitude over that of the noise at the same length of g.
    noise : float
        Amplitude of the noise at the median length of g in the search.
    resolution : float
        Width of a spot, 1/nm.
    g_min, g_max : float
        Range searched, 1/nm.
    halo : float
        Power between the spots at 2.5-4.5 1/nm, where oxide glasses have their halo, over that at the upper end of the
        range, which is noise alone.
    """

    g: NDArray
    amplitude: NDArray
    snr: NDArray
    noise: float
    resolution: float
    g_min: float
    g_max: float
    halo: float

    def __str__(self) -> str:
        lines = [f"{len(self.g)} spots between {self.g_min:.1f} and {self.g_max:.1f} 1/nm", "  |g| (1/nm)  angle   SNR"]
        for (x, y), snr in zip(self.g[:12], self.snr[:12], strict=True):
            lines.append(f"  {np.hypot(x, y):9.3f}  {np.degrees(np.arctan2(y, x)):6.1f}  {snr:5.0f}")
        return "\n".join(lines)


def prepare(image: NDArray, pixel_nm: tuple[float, float]) -> tuple[NDArray, tuple[str, ...]]:
    """Check an image and return it as float32 with its few bad pixels mended, and what was, in words.

    Raises
    ------
    InputError
        Not two-dimensional, too small, constant, complex, not calibrated, or more than 5 % of it not finite.
    """
    image = np.asarray(image)
    if image.dtype.names or (image.ndim == 3 and image.shape[-1] in (3, 4)):
        raise InputError(
            f"a colour image ({image.shape}, {image.dtype}): convert it to grey first, as by its sum or mean"
        )
    if image.ndim != 2 or not (np.issubdtype(image.dtype, np.number) or image.dtype == bool) or np.iscomplexobj(image):
        raise InputError(f"needed one real image of two dimensions; found shape {image.shape} of {image.dtype}")
    if not all(np.isfinite(p) and p > 0 for p in pixel_nm):
        raise InputError(f"pixel size {pixel_nm} nm: needed two positive lengths")
    size = [n * p for n, p in zip(image.shape[::-1], pixel_nm, strict=True)]
    if min(image.shape) < LEAST_PIXELS or min(size) < LEAST_NM:
        raise InputError(
            f"image of {image.shape[1]} x {image.shape[0]} pixels, {size[0]:.2f} x {size[1]:.2f} nm: needed at least "
            f"{LEAST_PIXELS} pixels and {LEAST_NM:g} nm each way to index a lattice; is the pixel size right?"
        )
    finite = image[np.isfinite(image)]
    if finite.size and finite.min() == finite.max():
        raise InputError(f"every pixel of the image is {finite[0]:g}: there is nothing to index")
    # the level is taken off before single precision loses the contrast in it
    level = float(np.median(finite[:: max(1, finite.size // 4096)])) if finite.size else 0.0
    return mend((image - level).astype(np.float32))


def both_ways(pixel_nm: float | tuple[float, float]) -> tuple[float, float]:
    """Pixel size in x and in y; one number is both."""
    return (float(pixel_nm),) * 2 if np.isscalar(pixel_nm) else tuple(float(p) for p in pixel_nm)


def nyquist(pixel_nm: tuple[float, float]) -> float:
    """Highest spatial frequency that both directions sample, 1/nm."""
    return 0.5 / max(pixel_nm)


def find_spots(
    image: NDArray,
    pixel_nm: float | tuple[float, float],
    *,
    g_min: float = 1.5,
    g_max: float = 8.0,
    snr: float = 5.0,
    most: int = 60,
) -> ObservedSpots:
    """Find the spots of an image's Hann-windowed Fourier transform, sub-pixel, against the local radial background.

    Parameters
    ----------
    image : array, shape (ny, nx)
        Its intensity, in any unit.
    pixel_nm : float or (x, y)
        Pixel size.
    g_min, g_max : float
        Range of the length of g in 1/nm; the upper end is at most 95 % of what the pixels sample.
    snr : float
        Least amplitude over that of the noise: at 5, noise alone gives one false spot in about 10^5 images.
    most : int
        Keep the strongest.

    Returns
    -------
    ObservedSpots
        The strongest first.

    Notes
    -----
    The power of noise in one Fourier pixel is exponentially distributed, so its mean in a ring is the ring's median
    over log 2, which the few pixels of the spots hardly move. Positions are those of the parabola through the
    logarithm of the power, which is exact for a Gaussian and within 0.02 pixels for Hann's main lobe.

    Examples
    --------
    >>> y, x = np.mgrid[:256, :256] * 0.02
    >>> spots = find_spots(1 + np.cos(2 * np.pi * (3 * x + 2 * y)), 0.02)
    >>> spots.g.round(2).tolist()
    [[3.0, 2.0]]
    """
    pixel_nm = both_ways(pixel_nm)
    image, _ = prepare(image, pixel_nm)
    ny, nx = image.shape
    g_max = min(g_max, 0.95 * nyquist(pixel_nm))
    if g_max < 2 * g_min:
        raise InputError(
            f"pixels of {max(pixel_nm):.3g} nm sample spots up to {nyquist(pixel_nm):.2g} 1/nm only; needed "
            f"{2 * g_min / 0.95:.2g} 1/nm, that is pixels below {0.95 / (4 * g_min):.2g} nm"
        )
    window = hann(ny, sym=False)[:, None].astype(np.float32) * hann(nx, sym=False).astype(np.float32)
    padded = (next_fast_len(ny), next_fast_len(nx, real=True))
    mean = float((image * window).sum(dtype=float) / window.sum(dtype=float))
    spectrum = rfft2((image - np.float32(mean)) * window, padded, workers=threads())
    power, gx, gy = _centred(spectrum, padded, pixel_nm, g_max)
    radius = np.hypot(gx, gy[:, None])
    area = float(window.sum(dtype=float))
    resolution = 2.0 / min(ny * pixel_nm[1], nx * pixel_nm[0])

    rings = _radial_background(power, radius, resolution)
    background = np.maximum(rings, _streaks(power))
    reach = [max(1, round(APART / 2 / step)) for step in (gy[1] - gy[0], gx[1] - gx[0])]
    peak = (power == maximum_filter(power, [2 * n + 1 for n in reach])) & (power > snr**2 * background)
    peak &= (radius > max(g_min, 2 * resolution)) & (radius < g_max) & (gx >= 0)
    peak &= power > SATELLITE**2 * _along_y(power, APART / (gy[1] - gy[0]), reach[1])
    # the edge of what was cut out, and the mirror images on the axis gx = 0
    peak[[0, -1]] = False
    peak[:, [0, -1]] = False
    peak &= ~((gx[None, :] < 0.5 * (gx[1] - gx[0])) & (gy[:, None] < 0))
    rows, columns = np.nonzero(peak)
    order = np.argsort(power[rows, columns])[::-1][:most]
    rows, columns = rows[order], columns[order]
    offset_y, offset_x = _parabola(power, rows, columns)
    amplitude = 2.0 * np.sqrt(power[rows, columns]) / area
    middle = background[(radius > g_min) & (radius < g_max)]
    return ObservedSpots(
        g=np.stack([gx[columns] + offset_x * (gx[1] - gx[0]), gy[rows] + offset_y * (gy[1] - gy[0])], axis=1),
        amplitude=amplitude,
        snr=np.sqrt(power[rows, columns] / background[rows, columns]),
        noise=float(2.0 * np.sqrt(np.median(middle)) / area),
        resolution=resolution,
        g_min=g_min,
        g_max=g_max,
        halo=_halo(rings, radius, g_max),
    )


def _halo(rings: NDArray, radius: NDArray, g_max: float) -> float:
    """Power in an oxide glass's halo over that of the noise; nan where the pixels do not sample both."""
    inner, outer = (radius > HALO[0]) & (radius < HALO[1]), (radius > 0.9 * g_max) & (radius < g_max)
    if g_max < 1.3 * HALO[1]:
        return float("nan")
    return float(np.median(rings[inner]) / np.median(rings[outer]))


def _centred(spectrum, padded, pixel_nm, g_max) -> tuple[NDArray, NDArray, NDArray]:
    """Cut the power spectrum to |gx|, |gy| <= g_max with zero frequency in the middle rows; a little gx < 0 too."""
    ny, nx = padded
    sx, sy = 1.0 / (nx * pixel_nm[0]), 1.0 / (ny * pixel_nm[1])
    mx, my = min(int(g_max / sx) + 2, nx // 2 - 1), min(int(g_max / sy) + 2, ny // 2 - 1)
    left = min(int(APART / sx) + 1, mx)
    rows = np.arange(-my, my + 1)
    right = spectrum[np.ix_(rows % ny, np.arange(mx + 1))]
    # Hermitian symmetry gives the columns left of zero
    mirrored = spectrum[np.ix_((-rows) % ny, np.arange(left, 0, -1))]
    power = np.abs(np.concatenate([mirrored, right], axis=1)) ** 2
    return power, np.arange(-left, mx + 1) * sx, rows * sy


def _radial_background(power: NDArray, radius: NDArray, resolution: float) -> NDArray:
    """Mean power of the noise at each |g|, from ring medians, interpolated on a logarithmic scale."""
    width = max(0.25, 2 * resolution)
    bins = np.arange(0, radius.max() + width, width)
    index = np.digitize(radius.ravel(), bins) - 1
    order = np.argsort(index, kind="stable")
    edges = np.searchsorted(index[order], np.arange(len(bins) + 1))
    flat = power.ravel()[order]
    level = np.array([np.median(flat[a:b]) if b > a else np.nan for a, b in zip(edges[:-1], edges[1:], strict=True)])
    known = np.isfinite(level) & (level > 0)
    if not known.any():
        # an image without noise: anything above rounding is signal
        return np.full_like(power, 1e-12 * power.max())
    logs = np.interp(radius, (bins + width / 2)[known], np.log(level[known] / np.log(2)))
    return np.maximum(np.exp(logs), 1e-12 * power.max())


def _streaks(power: NDArray) -> NDArray:
    """Mean power along each row and each column, whichever is more, from their medians."""
    down, across = np.median(power, axis=0, keepdims=True), np.median(power, axis=1, keepdims=True)
    return np.maximum(down, across) / np.log(2)


def _along_y(power: NDArray, reach: float, width: int) -> NDArray:
    """Strongest power within ``reach`` pixels up and down."""
    return maximum_filter(power, [2 * round(reach) + 1, 2 * (width // 2) + 1])


def _parabola(power: NDArray, rows: NDArray, columns: NDArray) -> tuple[NDArray, NDArray]:
    """Offsets of the maxima from the pixels' middles, in pixels."""
    logs = np.log(np.maximum(power, 1e-30))

    def offset(before, at, after):
        curvature = before - 2 * at + after
        return np.clip(
            np.where(curvature < 0, 0.5 * (before - after) / np.where(curvature < 0, curvature, -1), 0), -0.5, 0.5
        )

    at = logs[rows, columns]
    return (
        offset(logs[rows - 1, columns], at, logs[rows + 1, columns]),
        offset(logs[rows, columns - 1], at, logs[rows, columns + 1]),
    )
