"""A few lines of plural scattering, independent of the package: what kernels are tested against.

Low loss by Poisson's law: F(L) = I_0 F(Z) exp(F(s)), with s the single-scattering distribution of area t/λ and Z the
zero-loss peak of unit area; I_0 = I_t exp(-t/λ). A core loss c of the zero-loss electrons is recorded as c * L / I_0.
"""

import numpy as np

STEP = 0.25
# an axis far longer than any recorded one, so that nothing wraps around
LONG = 2**15


def loss_axis(n=2048, offset=-20.0):
    """Low-loss axis in eV."""
    return offset + STEP * np.arange(n)


def scattering_transform(t_over_lambda, plasmon=22.0, width=6.0):
    """F(s) on the long axis: a plasmon-like hump and a slow tail, nothing below 2 eV."""
    loss = STEP * np.arange(LONG)
    single = np.where(loss > 2, np.exp(-0.5 * ((loss - plasmon) / width) ** 2), 0)
    single += np.where(loss > 12, 0.15 * (np.maximum(loss, 12) / 22.0) ** -2.0, 0)
    return np.fft.rfft(t_over_lambda * single / single.sum())


def peak_transform(fwhm=1.0, at=0.0):
    """F(Z) on the long axis: a Gaussian of unit area at ``at`` eV."""
    frequency = np.fft.rfftfreq(LONG, STEP)
    sigma = fwhm / np.sqrt(8 * np.log(2))
    return np.exp(-2 * (np.pi * frequency * sigma) ** 2 - 2j * np.pi * frequency * at)


def low_loss(t_over_lambda, total=1e6, fwhm=1.0, zero_at=0.0, axis=None):
    """Noise-free low loss on ``axis`` (its offset a whole number of channels)."""
    axis = loss_axis() if axis is None else axis
    transform = peak_transform(fwhm, zero_at) * np.exp(scattering_transform(t_over_lambda) - t_over_lambda)
    long = total * np.fft.irfft(transform, LONG)
    return long[np.rint(axis / STEP).astype(int) % LONG]


def recorded(single, t_over_lambda, fwhm=1.0):
    """Core loss as recorded from ``single``, the single-scattering one on the same axis, resolution included."""
    long = np.zeros(LONG)
    long[1000 : 1000 + single.size] = single
    transform = np.fft.rfft(long) * peak_transform(fwhm) * np.exp(scattering_transform(t_over_lambda))
    return np.fft.irfft(transform, LONG)[1000 : 1000 + single.size]


def white_line_edge(energy, l3_area, l2_area, l3=643.0, l2=653.0, height=200.0, sigma=1.2):
    """Single-scattering L edge on ``energy``: two Gaussians on a flat two-step continuum, in counts a channel."""

    def gauss(at):
        return STEP * np.exp(-0.5 * ((energy - at) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))

    def step(at):
        return np.clip((energy - at) / STEP + 0.5, 0, 1)

    return l3_area * gauss(l3) + l2_area * gauss(l2) + height * (2 * step(l3) + step(l2)) / 3
