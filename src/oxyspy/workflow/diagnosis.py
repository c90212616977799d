"""What may be wrong with counts in which nothing was found: words for a person who has to record them again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

# share of all channels that hold the very largest value: of counts, hardly any; of clipped ones, many
CLIPPED_SHARE, CLIPPED_LEAST = 0.05, 10.0
# mean counts over their standard error, below which there is no beam in the sum of all channels
LEAST_MEAN = 10.0
# spread of the edges between spectra, in eV, beyond which a sum of them has none
MOST_DRIFT_EV = 8.0
SMOOTHED_EV = 2.0
MATCH_SIGMAS = 7.0
MOST_SPECTRA = 400


def diagnosis(counts: NDArray, energy: NDArray, edges: Sequence[str]) -> str:
    """Return the likeliest reason why core losses show no edge, and what to do.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        Core-loss counts.
    energy : array, shape (n,)
        Its axis as recorded, in eV.
    edges : sequence of str
        Names of the edges that were looked for.

    Returns
    -------
    str
        Empty where none is known.

    Examples
    --------
    >>> diagnosis(np.full((1, 4, 100), 7.0), np.arange(600.0, 700.0), ["Mn_L"])
    'every spectrum is constant (7 counts): nothing was recorded here; look into the file'
    """
    spectra = counts.reshape(-1, counts.shape[-1])
    spectra = np.asarray(spectra[:: -(-len(spectra) // MOST_SPECTRA)], np.float32)
    finite = np.isfinite(spectra).all(1)
    if not finite.any():
        return "every spectrum holds numbers that are not finite: export the data again"
    spectra = spectra[finite]
    if not np.ptp(spectra, axis=1).any():
        return f"every spectrum is constant ({spectra[0, 0]:g} counts): nothing was recorded here; look into the file"
    if not _lit(spectra.sum(0, dtype=float)):
        return (
            f"no counts above their noise, {spectra.mean():.3g} a channel: the line lies in vacuum or the beam was "
            "off: check where it was drawn"
        )
    top = float(spectra.max())
    share = float((spectra == top).mean())
    if top >= CLIPPED_LEAST and share > CLIPPED_SHARE:
        return (
            f"{100 * share:.0f} % of all channels hold the same largest value, {top:.6g}: the detector was saturated "
            "or the counts were clipped; record again with a shorter exposure"
        )
    step = abs(float(np.median(np.diff(energy))))
    drift = _drift(spectra, SMOOTHED_EV / step) * step
    if drift > MOST_DRIFT_EV:
        return (
            f"from spectrum to spectrum the energies differ by {drift:.0f} eV: the energy axis drifted, and a sum of "
            "them shows no edge; align the spectra or record again"
        )
    wanted = ", ".join(name.replace("_", " ") for name in edges)
    return (
        f"there are counts, {spectra.mean():.3g} a channel from {energy[0]:.0f} to {energy[-1]:.0f} eV, but no edge of "
        f"{wanted}: check that the line crosses the cathode, that the axis is calibrated, and the recipe's edges"
    )


def _lit(total: NDArray) -> bool:
    """Whether the mean is above what the differences of neighbours allow."""
    noise = np.std(np.diff(total)) / np.sqrt(2 * total.size)
    return bool(total.mean() > LEAST_MEAN * noise)


def _drift(spectra: NDArray, smoothed: float) -> float:
    """Spread between spectra, in channels, of where they match the brightest one best: 80 % of them lie within it."""
    total = spectra.sum(1, dtype=float)
    bright = spectra[total > 0.3 * total.max()]
    if len(bright) < 4:
        return 0.0
    # slopes of counts of equal noise: an edge is a peak of them, whatever the height of the spectrum
    slopes = gaussian_filter1d(np.sqrt(np.maximum(bright, 0)), smoothed, axis=1, order=1, mode="nearest")
    slopes -= slopes.mean(1, keepdims=True)
    n = 2 * slopes.shape[1]
    transformed = np.fft.rfft(slopes, n, axis=1)
    reference = transformed[np.argmax(bright.sum(1))]
    match = np.fft.irfft(transformed * reference.conj(), n, axis=1)
    shift = np.argmax(match, axis=1)
    # of noise alone the highest of a thousand stands some three sigma out
    found = match.max(1) > MATCH_SIGMAS * 1.4826 * np.median(np.abs(match), axis=1)
    if found.sum() < 4:
        return 0.0
    shift = np.where(shift > n // 2, shift - n, shift)[found]
    low, high = np.percentile(shift, [10, 90])
    return float(high - low)
