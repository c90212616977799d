"""Amplitudes of chosen spots in every window of an image at once: one FFT and a cropped inverse FFT a spot."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray
from scipy.fft import ifft2, next_fast_len, rfft2

from oxyspy.eels.blocks import threads
from oxyspy.errors import InputError
from oxyspy.lattice.observed import nyquist

# noise is read here, 1/nm: above the spots of oxides, which probe and vibration end at about 8 1/nm
NOISE_BAND = (9.0, 11.0)
# window's standard deviations of padding on each side, against the wrap-around of the transform
PADDING = 4.0
# widest step over the window's standard deviation: the cropped band is 1/step wide, and so ends at 2.9 standard
# deviations of the window's transform
WIDEST_STEP = 1.1


@dataclass(frozen=True)
class Demodulated:
    """Spots of an image in Gaussian windows on a grid.

    Attributes
    ----------
    amplitude : complex64 array, shape (k, ny, nx)
        Fourier coefficient of each spot in each window, in the image's units; phase relative to the image's corner.
    noise : float32 array, shape (ny, nx)
        Root mean square modulus that noise alone gives.
    mean : float32 array, shape (ny, nx)
        Mean of the image in each window.
    coverage : float32 array, shape (ny, nx)
        Share of each window that the image fills.
    x_nm, y_nm : array
        Windows' centres, nominal nm.
    sigma_nm : float
        Standard deviation of the window.
    step : tuple of int
        Pixels between windows, (x, y).
    noise_band : tuple of float
        Length of g where the noise was read, 1/nm.
    """

    amplitude: NDArray
    noise: NDArray
    mean: NDArray
    coverage: NDArray
    x_nm: NDArray
    y_nm: NDArray
    sigma_nm: float
    step: tuple[int, int]
    noise_band: tuple[float, float]

    @property
    def spacing(self) -> tuple[float, float]:
        """Distance between windows in nominal nm, (y, x)."""
        return float(self.y_nm[1] - self.y_nm[0]), float(self.x_nm[1] - self.x_nm[0])


class Spectrum:
    """The Fourier transform of one image, to be read at any spot and with any window.

    Before it is transformed the image loses its local mean, comes to zero smoothly at its border, and is padded. A step
    at the border would put a share of every strong spot, and of the mean, under all spots that lie in line with it.
    """

    def __init__(self, image: NDArray, pixel_nm: tuple[float, float], step: tuple[int, int], sigma_max: float) -> None:
        self.image, self.shape, self.pixel, self.step = image, image.shape, pixel_nm, step
        pads = [ceil(PADDING * sigma_max / p) for p in pixel_nm]
        # a multiple of the step, so that the cropped inverse transform falls on whole pixels
        self.grid = [
            next_fast_len(ceil((n + pad) / s)) for n, pad, s in zip(image.shape[::-1], pads, step, strict=True)
        ]
        self.padded = [n * s for n, s in zip(self.grid, step, strict=True)]
        self.kept = [(n - 1) // s + 1 for n, s in zip(image.shape[::-1], step, strict=True)]
        self.taper = [_taper(n, sigma_max / p) for n, p in zip(image.shape[::-1], pixel_nm, strict=True)]
        self._covered: dict[float, NDArray] = {}
        flat = image - self._spread(self.mean(sigma_max))
        flat *= self.taper[1][:, None] * self.taper[0]
        self.spectrum = rfft2(flat, self.padded[::-1], workers=threads())

    def read(self, g: NDArray, sigma: float) -> NDArray:
        """Return the coefficient of spot ``g`` (x, y) in Gaussian windows, shape (ny, nx), complex64."""
        # a crystal's amplitude is real for +g and -g together: take the half plane that rfft keeps
        if g[0] < 0:
            return np.conj(self.read(-g, sigma))
        nearest = [round(g[i] * self.padded[i] * self.pixel[i]) for i in (0, 1)]
        ks = [nearest[i] + np.arange(-(self.grid[i] // 2), self.grid[i] - self.grid[i] // 2) for i in (0, 1)]
        fs = [k / (n * p) for k, n, p in zip(ks, self.padded, self.pixel, strict=True)]
        window = [np.exp(-2 * (pi * sigma * (f - gi)) ** 2).astype(np.float32) for f, gi in zip(fs, g, strict=True)]
        cut = self._gather(*ks) * window[1][:, None] * window[0]
        wide = ifft2(np.fft.ifftshift(cut), overwrite_x=True, workers=threads())
        wide *= np.float32(np.prod(self.grid) / np.prod(self.padded))
        out = wide[: self.kept[1], : self.kept[0]]
        # what is left between the spot and its nearest Fourier pixel
        left = [gi - k / (n * p) for gi, k, n, p in zip(g, nearest, self.padded, self.pixel, strict=True)]
        ramps = [
            np.exp(-2j * pi * left[i] * np.arange(self.kept[i]) * self.step[i] * self.pixel[i]).astype(np.complex64)
            for i in (0, 1)
        ]
        return out * ramps[1][:, None] * ramps[0] / self.coverage(sigma)

    def mean(self, sigma: float) -> NDArray:
        """Return the mean of the image in Gaussian windows, shape (ny, nx)."""
        rows, columns = (w / w.sum(axis=1, keepdims=True) for w in (self._windows(1, sigma), self._windows(0, sigma)))
        return rows @ self.image @ columns.T

    def coverage(self, sigma: float) -> NDArray:
        """Share of each window that the image fills, the taper counted, shape (ny, nx)."""
        if sigma not in self._covered:
            self._covered[sigma] = np.outer(*(self._windows(i, sigma) @ self.taper[i] for i in (1, 0)))
        return self._covered[sigma]

    def excess(self, sigma: float) -> NDArray:
        """Variance of a coefficient over that of one in the middle of the image, shape (ny, nx).

        A window of which less lies in the image averages over fewer pixels.
        """
        shares = []
        for i in (1, 0):
            w = self._windows(i, sigma)
            whole = self.pixel[i] / (2 * sigma * np.sqrt(pi))
            shares.append((w**2 @ self.taper[i] ** 2) / (w @ self.taper[i]) ** 2 / whole)
        return np.outer(*shares)

    def _windows(self, i: int, sigma: float) -> NDArray:
        """Weight of each pixel in each window along x (0) or y (1), shape (kept, n); whole windows sum to one."""
        pixels, centres = np.arange(self.shape[1 - i]), np.arange(self.kept[i]) * self.step[i]
        width = sigma / self.pixel[i]
        w = np.exp(-0.5 * ((pixels - centres[:, None]) / width) ** 2) / (width * np.sqrt(2 * pi))
        return w.astype(np.float32)

    def _spread(self, coarse: NDArray) -> NDArray:
        """Interpolate from the windows to the pixels along straight lines."""
        for axis, i in ((0, 1), (1, 0)):
            place = np.minimum(np.arange(self.shape[axis]) / self.step[i], self.kept[i] - 1)
            hats = np.maximum(1 - np.abs(place[:, None] - np.arange(self.kept[i])), 0).astype(np.float32)
            coarse = np.moveaxis(np.tensordot(hats, coarse, (1, axis)), 0, axis)
        return coarse

    def _gather(self, kx: NDArray, ky: NDArray) -> NDArray:
        """Cut a rectangle of the full spectrum out of its kept half."""
        nx, ny = self.padded
        right = kx >= 0
        # a cut that reaches beyond what is sampled wraps there; the window is zero that far from any spot
        positive = np.minimum(kx[right], nx // 2)
        rows = ky % ny
        out = np.empty((len(ky), len(kx)), np.complex64)
        out[:, right] = self.spectrum[rows[:, None], positive]
        if not right.all():
            out[:, ~right] = np.conj(self.spectrum[((-ky) % ny)[:, None], -kx[~right]])
        return out


def _taper(n: int, width: float) -> NDArray:
    """One in the middle, falling to zero at both ends as a squared sine over ``width`` pixels."""
    inside = np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5
    return (np.sin(0.5 * pi * np.minimum(inside / min(width, n / 4), 1.0)) ** 2).astype(np.float32)


def largest_step(sigma_nm: float, pixel_nm: tuple[float, float], step_nm: float) -> tuple[int, int]:
    """Pixels between windows, at most what the window's band width allows."""
    return tuple(max(1, int(min(step_nm, WIDEST_STEP * sigma_nm) / p + 1e-9)) for p in pixel_nm)


def demodulate(
    image: NDArray,
    pixel_nm: tuple[float, float],
    g: NDArray,
    sigma_nm: float,
    step: tuple[int, int],
    *,
    quiet: NDArray | None = None,
    spectrum: Spectrum | None = None,
) -> Demodulated:
    r"""Read the amplitude of each spot in Gaussian windows on a grid.

    Parameters
    ----------
    image : float32 array, shape (ny, nx)
        Its intensity, in any unit.
    pixel_nm : tuple of float
        (x, y).
    g : array, shape (k, 2)
        Spots in 1/nm.
    sigma_nm : float
        Standard deviation of the window.
    step : tuple of int
        Pixels between windows, (x, y).
    quiet : array, shape (j, 2), optional
        Where no spot lies, for the noise; four directions in the noise band by default.
    spectrum : Spectrum, optional
        Of the image, where it is known already.

    Returns
    -------
    Demodulated
        Amplitude and noise of each spot in each window.

    Notes
    -----
    In the window w about :math:`\mathbf r` the coefficient is
    :math:`a_g(\mathbf r) = \int I(\mathbf r') w(\mathbf r' - \mathbf r) e^{-2\pi i \mathbf g \cdot \mathbf r'}`: the
    spectrum about g, times the window's transform, back-transformed. Only as much of the spectrum as the window passes
    is needed, so an image of N pixels costs one transform of N and one of N / step^2 a spot, however many windows
    overlap. At the image's border the window is what of it lies inside, tapered; its noise is so much higher.

    The noise's power in the quiet places is regressed on the local mean, as shot noise is proportional to it.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.lattice import demodulate
    >>> y, x = np.mgrid[:256, :256] * 0.02
    >>> image = (10 + np.cos(2 * np.pi * 3 * x)).astype(np.float32)
    >>> found = demodulate(image, (0.02, 0.02), np.array([[3.0, 0.0]]), sigma_nm=0.4, step=(16, 16))
    >>> print(abs(found.amplitude[0, 8, 8]).round(1))
    0.5
    """
    if not np.isfinite(sigma_nm) or sigma_nm <= 0:
        raise InputError(f"window of {sigma_nm} nm: needed a positive width")
    spectrum = spectrum or Spectrum(image, pixel_nm, step, sigma_nm)
    amplitude = np.stack([spectrum.read(one, sigma_nm) for one in np.asarray(g, float)])
    mean, excess = spectrum.mean(sigma_nm), spectrum.excess(sigma_nm)
    quiet = quiet_places(pixel_nm) if quiet is None else quiet
    powers = [np.abs(spectrum.read(one, sigma_nm)) ** 2 for one in quiet]
    # the quieter half: what remains of a spot, or of the scan's jitter about it, must not pass for noise
    powers.sort(key=lambda one: float(one.mean()))
    power = np.mean(powers[: max(2, len(powers) // 2)], axis=0) / excess
    lengths = np.hypot(*quiet.T)
    return Demodulated(
        amplitude=amplitude,
        noise=np.sqrt(_shot_noise(power, mean) * excess).astype(np.float32),
        mean=mean.astype(np.float32),
        coverage=spectrum.coverage(sigma_nm),
        x_nm=np.arange(mean.shape[1]) * spectrum.step[0] * pixel_nm[0],
        y_nm=np.arange(mean.shape[0]) * spectrum.step[1] * pixel_nm[1],
        sigma_nm=sigma_nm,
        step=spectrum.step,
        noise_band=(float(lengths.min()), float(lengths.max())),
    )


def quiet_places(pixel_nm: tuple[float, float], basis: NDArray | None = None) -> NDArray:
    """Return places between the spots in the noise band, shape (j, 2), lowered to what the pixels sample."""
    low, high = NOISE_BAND
    limit = 0.95 * nyquist(pixel_nm)
    if high > limit:
        low, high = 0.8 * limit, limit
    if basis is None:
        angles = np.deg2rad([10, 55, 100, 145])
        return 0.5 * (low + high) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # as far as can be from the half-order lattice: the middles of its cells
    steps = np.arange(-12, 12) / 2 + 0.25
    places = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) @ basis
    length = np.hypot(*places.T)
    found = places[(length > low) & (length < high) & (places[:, 0] > 0)]
    return found[:: max(1, len(found) // 8)] if len(found) >= 3 else quiet_places(pixel_nm)


def _shot_noise(power: NDArray, mean: NDArray) -> NDArray:
    """Noise power as a straight line in the local mean, nowhere below a five-hundredth of its average."""
    x, y = mean.ravel().astype(float), power.ravel().astype(float)
    average = max(float(y.mean()), 1e-30)
    spread = float(np.var(x))
    if spread <= 0:
        return np.full(mean.shape, average, np.float32)
    # variance of the power is its square: weights from a first straight line
    slope = float(np.mean((x - x.mean()) * (y - average)) / spread)
    for _ in range(2):
        line = np.maximum(average + slope * (x - x.mean()), 0.05 * average)
        w = 1.0 / line**2
        centre = float(w @ x / w.sum())
        level = float(w @ y / w.sum())
        slope = max(float(w @ ((x - centre) * (y - level)) / (w @ (x - centre) ** 2)), 0.0)
        average, shift = level, centre
        fitted = level + slope * (x - shift)
        average = float(fitted.mean())
    return np.maximum(fitted, 0.002 * average).reshape(mean.shape).astype(np.float32)
