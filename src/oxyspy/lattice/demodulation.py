"""Amplitudes of chosen spots in every window of an image at once: one FFT and a cropped inverse FFT a spot."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray
from scipy.fft import ifft2, next_fast_len, rfft2

from oxyspy.errors import InputError
from oxyspy.lattice.observed import nyquist

# noise is read here, 1/nm: above the spots of oxides, which probe and vibration end at about 8 1/nm
NOISE_BAND = (9.0, 11.0)
# window's standard deviations of padding on each side, against the wrap-around of the transform
PADDING = 4.0


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
    x_nm: NDArray
    y_nm: NDArray
    sigma_nm: float
    step: tuple[int, int]
    noise_band: tuple[float, float]


class Spectrum:
    """The padded Fourier transform of one image, to be read at any spot and with any window."""

    def __init__(self, image: NDArray, pixel_nm: tuple[float, float], step: tuple[int, int], sigma_max: float) -> None:
        self.shape, self.pixel, self.step = image.shape, pixel_nm, step
        pads = [ceil(PADDING * sigma_max / p) for p in pixel_nm]
        # a multiple of the step, so that the cropped inverse transform falls on whole pixels
        self.grid = [
            next_fast_len(ceil((n + pad) / s)) for n, pad, s in zip(image.shape[::-1], pads, step, strict=True)
        ]
        self.padded = [n * s for n, s in zip(self.grid, step, strict=True)]
        self.offset = np.float32(image.mean(dtype=float))
        self.spectrum = rfft2(image - self.offset, self.padded[::-1], workers=-1)
        self.kept = [(n - 1) // s + 1 for n, s in zip(image.shape[::-1], step, strict=True)]

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
        wide = ifft2(np.fft.ifftshift(cut), overwrite_x=True, workers=-1)
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
        """Return the mean of the image in Gaussian windows."""
        return self.read(np.zeros(2), sigma).real + self.offset

    def coverage(self, sigma: float) -> NDArray:
        """Share of each window that lies in the image, shape (ny, nx)."""
        from scipy.special import ndtr

        shares = []
        for i, n in enumerate(self.shape[::-1]):
            x = np.arange(self.kept[i]) * self.step[i] * self.pixel[i]
            length = (n - 0.5) * self.pixel[i]
            shares.append((ndtr((length - x) / sigma) - ndtr((-0.5 * self.pixel[i] - x) / sigma)).astype(np.float32))
        return shares[1][:, None] * shares[0]

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


def largest_step(sigma_nm: float, pixel_nm: tuple[float, float], step_nm: float) -> tuple[int, int]:
    """Pixels between windows, at most what the window's band width allows."""
    # the cropped band is 1/step wide; at step = 1.1 sigma its ends are at 2.9 standard deviations of the window
    return tuple(max(1, int(min(step_nm, 1.1 * sigma_nm) / p + 1e-9)) for p in pixel_nm)


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

    Notes
    -----
    In the window w about :math:`\mathbf r` the coefficient is
    :math:`a_g(\mathbf r) = \int I(\mathbf r') w(\mathbf r' - \mathbf r) e^{-2\pi i \mathbf g \cdot \mathbf r'}`: the
    spectrum about g, times the window's transform, back-transformed. Only as much of the spectrum as the window passes
    is needed, so an image of N pixels costs one transform of N and one of N / step^2 a spot, however many windows
    overlap. At the image's border the window is what of it lies inside.

    The noise's power in the quiet places is regressed on the local mean, as shot noise is proportional to it.
    """
    if not np.isfinite(sigma_nm) or sigma_nm <= 0:
        raise InputError(f"window of {sigma_nm} nm: needed a positive width")
    spectrum = spectrum or Spectrum(image, pixel_nm, step, sigma_nm)
    amplitude = np.stack([spectrum.read(one, sigma_nm) for one in np.asarray(g, float)])
    mean = spectrum.mean(sigma_nm)
    quiet = quiet_places(pixel_nm) if quiet is None else quiet
    powers = [np.abs(spectrum.read(one, sigma_nm)) ** 2 for one in quiet]
    # the quieter half: what remains of a spot, or of the scan's jitter about it, must not pass for noise
    powers.sort(key=lambda one: float(one.mean()))
    power = np.mean(powers[: max(2, len(powers) // 2)], axis=0)
    lengths = np.hypot(*quiet.T)
    return Demodulated(
        amplitude=amplitude,
        noise=np.sqrt(_shot_noise(power, mean)),
        mean=mean.astype(np.float32),
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
