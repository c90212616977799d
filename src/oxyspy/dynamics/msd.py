"""Mean squared displacements over all time origins, their local exponent and their covariance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
from scipy import fft

from oxyspy.errors import InputError

# atoms brought into rows at once: enough to use whole cache lines, few enough to stay small beside the positions
BLOCK = 8
# numbers transformed at once, and frames transposed at once: what stays in the cache, and in memory already mapped
CACHED, TILE = 160_000, 512
# numbers of a trajectory below which a second thread costs more than it saves
SHARED = 500_000


def mean_squared_displacement(positions: np.ndarray, *, workers: int | None = None) -> np.ndarray:
    r"""Return the mean squared displacement of every lag, over all atoms and all time origins.

    Parameters
    ----------
    positions
        Å, unwrapped, shape (frames, atoms, 3).
    workers
        Threads; by default two for long trajectories, where the machine has them. The result is the same to the last
        bit for any number.

    Returns
    -------
    numpy.ndarray
        Å\ :sup:`2`, shape (frames,); the lag is the index.

    Notes
    -----
    With :math:`N` frames, :math:`M(n) = \frac{1}{N-n}\sum_t |r_{t+n} - r_t|^2 = S_1(n) - 2 S_2(n)`, where the
    autocorrelation :math:`S_2` comes from the power spectrum of the zero-padded positions and :math:`S_1` from
    running sums [1]_. Powers of all atoms are added before the one inverse transform.

    References
    ----------
    .. [1] G. R. Kneller, V. Keiner, M. Kneller, M. Schiller, Comput. Phys. Commun. 91, 191 (1995).

    Examples
    --------
    >>> import numpy as np
    >>> flight = np.arange(5.0)[:, None, None] * np.array([[[3.0, 4.0, 0.0]]])
    >>> mean_squared_displacement(flight).round(6)
    array([  0.,  25., 100., 225., 400.])
    """
    frames, atoms = _shape(positions)
    size = fft.next_fast_len(2 * frames - 1, real=True)
    power = np.zeros(2 * (size // 2 + 1))
    squares = np.zeros(frames)
    rows = max(CACHED // size, 2)
    wide = max(BLOCK, rows // 3)

    def of_block(start: int) -> tuple[np.ndarray, np.ndarray]:
        block = _block(positions, start, wide)
        powered = np.zeros_like(power)
        for row in range(0, len(block), rows):
            # real and imaginary parts side by side, so that one pass squares and adds
            parts = fft.rfft(block[row : row + rows], size, axis=-1).view(float)
            powered += np.einsum("af,af->f", parts, parts)
        return np.einsum("at,at->t", block, block), powered

    # transforms and sums let go of the interpreter, so threads share the work; they are added in the order of the atoms
    threads = workers or (min(2, os.cpu_count() or 1) if positions.size > SHARED else 1)
    with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
        for squared, powered in (pool.map if pool else map)(of_block, range(0, atoms, wide)):
            squares += squared
            power += powered
    return _finish(squares, fft.irfft(power[::2] + power[1::2], size)[:frames]) / atoms


def atomwise_displacement(positions: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Return the mean squared displacement of each atom at chosen lags, Å\N{SUPERSCRIPT TWO}, shape (lags, atoms)."""
    frames, atoms = _shape(positions)
    size = fft.next_fast_len(2 * frames - 1, real=True)
    found = np.empty((len(lags), atoms))
    for start, block in zip(range(0, atoms, BLOCK), _blocks(positions), strict=True):
        spectrum = fft.rfft(block, size, axis=-1)
        power = (spectrum.real**2 + spectrum.imag**2).reshape(-1, 3, size // 2 + 1).sum(axis=1)
        squares = (block**2).reshape(-1, 3, frames).sum(axis=1)
        found[:, start : start + BLOCK] = _finish(squares, fft.irfft(power, size, axis=-1)[:, :frames])[:, lags].T
    return found


def cross_displacement(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return <(A(t+n) - A(t)) . (B(t+n) - B(t))> of two paths for every lag, over all time origins.

    Parameters
    ----------
    first, second
        Å, shape (frames, 3): e.g. the summed positions of two species.

    Returns
    -------
    array, shape (frames,)
        Å\ :sup:`2`; the lag is the index.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import cross_displacement
    >>> path = np.arange(6.0)[:, None] * [1.0, 0.0, 0.0]
    >>> cross_displacement(path, 2 * path).round(6)
    array([ 0.,  2.,  8., 18., 32., 50.])
    """
    if first.shape != second.shape or first.ndim != 2:
        raise InputError(f"two paths of one shape (frames, 3) are needed, found {first.shape} and {second.shape}")
    frames = len(first)
    size = fft.next_fast_len(2 * frames - 1, real=True)
    a, b = ((x - x.mean(axis=0)).T for x in (first, second))
    spectrum = (fft.rfft(a, size) * fft.rfft(b, size).conj()).real.sum(axis=0)
    return _finish((a * b).sum(axis=0), fft.irfft(spectrum, size)[:frames])


def collective_path(positions: np.ndarray) -> np.ndarray:
    """Return the sum of the positions of all atoms, Å, shape (frames, 3): what a current of the species moves."""
    return positions.sum(axis=1, dtype=float)


def local_exponent(lags: np.ndarray, msd: np.ndarray) -> np.ndarray:
    """Return the logarithmic slope of the displacement over the octave that starts at each lag.

    1 is diffusion, 2 free flight, 0 a cage; nan where the lags do not reach an octave further.

    Parameters
    ----------
    lags
        Frames, rising, shape (k,).
    msd
        Mean squared displacement of every lag, index = lag.

    Returns
    -------
    array, shape (k,)
        1 where the motion is diffusive.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import local_exponent
    >>> local_exponent(np.array([1, 2, 4]), 6.0 * np.arange(20)).round(3)
    array([1., 1., 1.])
    """
    ends = np.minimum(2 * lags, len(msd) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(msd[ends] / msd[lags]) / np.log(ends / lags)
    return np.where(2 * lags < len(msd), slope, np.nan)


def relative_variance(lags: np.ndarray, frames: int, walkers: int, dimensions: int = 3) -> np.ndarray:
    r"""Return var(M)/M\ :sup:`2` of free diffusion, windows overlapping [1]_.

    References
    ----------
    .. [1] H. Qian, M. P. Sheetz, E. L. Elson, Biophys. J. 60, 910 (1991), equations for two dimensions.
    """
    n = np.asarray(lags, float)
    k = frames - n
    short = (4 * n**2 * k + 2 * k + n - n**3) / (6 * n * k**2)
    long = 1 + (k**3 - 4 * n * k**2 + 4 * n - k) / (6 * n**2 * k)
    return np.where(n <= k, short, long) * 2 / (dimensions * walkers)


def displacement_covariance(lags: np.ndarray, growth: np.ndarray, frames: int) -> np.ndarray:
    r"""Return the covariance between lags of the mean squared displacement along one dimension of one walker.

    Parameters
    ----------
    lags
        Frames, shape (k,).
    growth
        Mean squared displacement along one dimension for the lags 0, 1, ... to at least twice ``frames``.
    frames
        Length of the trajectory.

    Returns
    -------
    numpy.ndarray
        Shape (k, k). For d dimensions and N independent walkers, multiply by d/N.

    Notes
    -----
    For Gaussian displacements with stationary increments, diffusive or not, two displacements starting ``k`` frames
    apart have the covariance :math:`c_{nm}(k) = [g(n-k) + g(m+k) - g(k) - g(n-k-m)]/2`, and by Wick's theorem

    .. math:: \mathrm{cov}(M_n, M_m) = \frac{2}{K_n K_m} \sum_k w_{nm}(k)\, c_{nm}(k)^2,

    :math:`K_n = N - n` windows, :math:`w` the number of pairs of windows ``k`` frames apart. With g = 2 D t this is the
    covariance of free diffusion (X. Michalet, Phys. Rev. E 82, 041914 (2010)).
    """
    lags = np.asarray(lags, int)
    covariance = np.empty((len(lags), len(lags)))
    for a, n in enumerate(lags):
        m = lags[: a + 1, None]
        k = np.arange(1 - (frames - n), frames - m[0, 0])
        pairs = np.maximum(np.minimum(frames - n, frames - m - k) - np.maximum(0, -k), 0)
        c = growth[abs(n - k)] - growth[abs(k)] + growth[abs(m + k)] - growth[abs(n - k - m)]
        total = np.einsum("mk,mk,mk->m", pairs, c, c)
        covariance[a, : a + 1] = covariance[: a + 1, a] = total / (2 * (frames - n) * (frames - m[:, 0]))
    return covariance


def spaced_lags(first: int, last: int, number: int) -> np.ndarray:
    """Return up to ``number`` different lags, evenly spaced in the logarithm."""
    return np.unique(np.round(np.geomspace(first, last, number)).astype(int))


def _shape(positions: np.ndarray) -> tuple[int, int]:
    if positions.ndim != 3 or positions.shape[2] != 3 or positions.shape[0] < 2 or positions.shape[1] < 1:
        raise InputError(
            f"positions have the shape {positions.shape}; needed (frames, atoms, 3) with two or more frames"
        )
    return positions.shape[0], positions.shape[1]


def _blocks(positions: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the atoms in blocks."""
    for start in range(0, positions.shape[1], BLOCK):
        yield _block(positions, start, BLOCK)


def _block(positions: np.ndarray, start: int, atoms: int) -> np.ndarray:
    """Return a few atoms as rows (atom and coordinate, time), about their mean, so that little cancels."""
    frames = len(positions)
    chosen = positions[:, start : start + atoms]
    block = np.empty((3 * chosen.shape[1], frames))
    for first in range(0, frames, TILE):
        block[:, first : first + TILE] = chosen[first : first + TILE].reshape(-1, len(block)).T
    block -= block.mean(axis=1, keepdims=True)
    return block


def _finish(squares: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Return S1 - 2 S2 from the squares at each time and the summed correlation; any leading axes."""
    frames = squares.shape[-1]
    head = np.cumsum(squares, axis=-1)
    both = np.empty_like(head)
    # squares of all windows' starts and of all windows' ends
    both[..., 0] = 2 * head[..., -1]
    both[..., 1:] = head[..., -2::-1] + head[..., -1:] - head[..., :-1]
    windows = frames - np.arange(frames)
    result = (both - 2 * correlation) / windows
    result[..., 0] = 0.0
    return result
