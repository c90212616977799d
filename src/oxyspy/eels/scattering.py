"""Plural scattering put into spectra: what the Fourier ratio takes out.

The recorded core loss of electrons that lose energy a second time, too, is R = S + S * (L - Z) / I_0, with S the single
scattering at the recorded resolution, L the low loss, Z its zero-loss peak and I_0 that peak's area (R. F. Egerton,
Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed. (2011), section 4.3.2). Nothing is divided, so no
noise is made larger: models are better scattered than counts deconvolved.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from oxyspy.eels.deconvolution import loss_segment, turn
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import ZeroLoss, mirrored_peak


def scatter(spectra: NDArray, low: NDArray, energy: NDArray, zero_loss: ZeroLoss) -> NDArray:
    """Single-scattering spectra as they are recorded where the low loss is ``low``.

    Parameters
    ----------
    spectra : array, shape (k, n)
        On the dispersion of the low loss; zero below their edge.
    low : array, shape (..., m)
        Low-loss counts.
    energy : array, shape (m,)
        Axis of the low loss as recorded, in eV.
    zero_loss : ZeroLoss
        Of the same low losses.

    Returns
    -------
    array, shape (..., k, n)
        ``nan`` where a low loss has no zero-loss peak.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> import numpy as np
    >>> from oxyspy.eels import find_zero_loss, scatter
    >>> low = scan.low_loss.inav[14.0].data
    >>> energy = scan.low_loss.axes_manager.signal_axes[0].axis
    >>> step = (np.arange(400) > 100) * 1.0
    >>> recorded = scatter(step[None], low, energy, find_zero_loss(low, energy))
    >>> bool(recorded[0, 390] > recorded[0, 130])
    True
    """
    n = spectra.shape[-1]
    left = int(np.ceil(zero_loss.reach / dispersion(energy)))
    segment, middle = loss_segment(low, zero_loss.channel, left, n)
    segment = segment.astype(float)
    offset = np.nan_to_num(zero_loss.channel - middle)
    losses = segment.copy()
    around = segment[..., : 2 * left + 3]
    losses[..., : around.shape[-1]] -= mirrored_peak(around, offset, left)
    padded = scipy.fft.next_fast_len(2 * n + left, real=True)
    stack = zero_loss.channel.shape
    back = np.conj(turn(padded, left + np.ravel(offset), np.dtype(complex))).reshape(*stack, -1)
    again = scipy.fft.rfft(losses, padded, axis=-1) * back / zero_loss.area[..., None]
    once = scipy.fft.rfft(np.asarray(spectra, float), padded, axis=-1)
    return spectra + scipy.fft.irfft(once * again[..., None, :], padded, axis=-1)[..., :n]
