"""Numbers that are linear in the counts, with their exact covariance.

An area after background subtraction and deconvolution is, apart from the two background parameters, a weighted sum of
raw counts. Carrying each window back through the deconvolution gives its weights on recorded channels; the background
parameters, too, move linearly with the counts to first order. So each number has one weight per raw channel,

    T = q - (dB/dtheta . q) dtheta/dy,   q = carry_back(window),

and the covariance of two numbers is sum(T_a T_b var(y)). Nothing about the noise after deconvolution, which is
correlated, has to be assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import Kernel, carry_back
from oxyspy.eels.windows import check_inside


@dataclass(frozen=True)
class Functionals:
    """Values of k linear functionals of each spectrum, and their covariance.

    Attributes
    ----------
    values : array, shape (..., k)
    covariance : array, shape (..., k, k)
    """

    values: NDArray
    covariance: NDArray

    def sum(self, axis: int | tuple[int, ...] | None = None, where: ArrayLike | bool = True) -> Functionals:
        """Sum over independent spectra, without those that hold ``nan`` or lie outside ``where``.

        Where none is left the sum is ``nan``.
        """
        stack = self.values.ndim - 1
        if axis is None:
            axis = tuple(range(stack))
        axis = tuple(a % stack for a in np.atleast_1d(axis))
        good = np.isfinite(self.values).all(-1) & where
        some = np.where(good.any(axis), 1.0, np.nan)
        return Functionals(
            np.where(good[..., None], self.values, 0).sum(axis) * some[..., None],
            np.where(good[..., None, None], self.covariance, 0).sum(axis) * some[..., None, None],
        )


def measure(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    weights: NDArray,
    *,
    kernel: Kernel | None = None,
    noise: ArrayLike = 1.0,
    readout: float = 0.0,
) -> Functionals:
    """Measure window functions on the (deconvolved) net spectra, with their covariance.

    Parameters
    ----------
    counts : array, shape (..., n)
        Raw counts of a segment, background included.
    energy : array, shape (n,)
        Its axis in eV.
    background : PowerLaw
        Fitted to the same counts, within the segment.
    weights : array, shape (..., k, n) or (k, n)
        Window functions on the net, deconvolved spectrum.
    kernel : Kernel, optional
        Deconvolution; without it the windows act on the net spectrum itself.
    noise : float or array, shape (...)
        Variance of a count over its mean: 1 for electrons counted singly, the dispersion of a camera's counts.
    readout : float
        Variance of an empty channel, in counts squared.

    Returns
    -------
    Functionals
        ``nan`` where the background could not be fitted or the kernel is missing.
    """
    stack, n, k = counts.shape[:-1], counts.shape[-1], weights.shape[-2]
    rows = int(np.prod(stack))
    flat = counts.reshape(rows, n)
    fitted = background.reshaped(rows)
    windows = weights.reshape(-1, k, n)
    spread = np.broadcast_to(np.asarray(noise, float), stack).reshape(rows)
    transforms = None if kernel is None else kernel.values.reshape(-1, kernel.values.shape[-1])
    # row of each spectrum's windows and kernel: where spectra share them, no copy stands for each
    row_of = [
        _rows_of(shape, stack) for shape in (weights.shape[:-2], () if kernel is None else kernel.values.shape[:-1])
    ]
    values, covariance = np.empty((rows, k)), np.empty((rows, k, k))

    def work(part: slice) -> None:
        q = _taken(windows, row_of[0], part)
        if kernel is not None:
            q = carry_back(q, replace(kernel, values=_taken(transforms, row_of[1], part)))
        seen = net_and_gradient(flat[part], energy, fitted[part], q.dtype)
        # weighing overwrites the weights
        q = np.array(np.broadcast_to(q, (len(seen), k, n)))
        values[part], covariance[part] = weigh(flat[part], seen, energy, fitted[part], q, spread[part], readout)

    over_blocks(work, rows, 8 * (5 * k + 4) * (kernel.padded if kernel is not None else n))
    return Functionals(values.reshape(*stack, k), covariance.reshape(*stack, k, k))


def _rows_of(shape: tuple[int, ...], stack: tuple[int, ...]) -> NDArray | None:
    """Row, in an array of stack ``shape``, of each spectrum of ``stack``; None where all share one."""
    size = int(np.prod(shape))
    return None if size == 1 else np.broadcast_to(np.arange(size).reshape(shape), stack).ravel()


def _taken(array: NDArray, row_of: NDArray | None, part: slice) -> NDArray:
    """Rows of a block of spectra, or the one that all share."""
    if row_of is None:
        return array
    own = row_of[part]
    return array[own[0] : own[-1] + 1] if (np.diff(own) == 1).all() else array[own]


def net_and_gradient(counts: NDArray, energy: NDArray, background: PowerLaw, dtype: DTypeLike) -> NDArray:
    """Counts (p, n) less their background, and its derivatives by log A and by r; shape (p, 3, n)."""
    seen = np.empty((len(counts), 3, counts.shape[-1]), dtype)
    if not isinstance(background, PowerLaw):
        seen[:, 0], seen[:, 1:] = counts - background(energy), background.gradient(energy)
        return seen
    background(energy, dtype, out=seen[:, 1])
    np.subtract(counts, seen[:, 1], out=seen[:, 0], casting="same_kind")
    np.multiply(seen[:, 1], -np.log(energy / background.reference).astype(dtype), out=seen[:, 2])
    return seen


def weigh(
    counts: NDArray,
    seen: NDArray,
    energy: NDArray,
    background: PowerLaw,
    q: NDArray,
    noise: NDArray,
    readout: float = 0.0,
) -> tuple[NDArray, NDArray]:
    """Values and covariance of functionals whose weights on recorded channels are known, in the weights' precision.

    Parameters
    ----------
    counts, energy, background, readout
        As in `measure`, of shape (p, n).
    seen : array, shape (p, 3, n)
        `net_and_gradient` of the same.
    q : array, shape (p, k, n)
        Weights on net counts; overwritten.
    noise : array, shape (p,)

    Returns
    -------
    values : array, shape (p, k)
    covariance : array, shape (p, k, k)
    """
    inside = check_inside(energy, background.window, "background")
    by = q @ seen.swapaxes(-1, -2)
    # d(value)/d(parameters) d(parameters)/d(counts), these within the fit window
    if background.by_counts is None:
        # of maximum likelihood, in an order that makes no array of all channels
        x = np.log(energy[inside] / background.reference)
        score = np.stack([np.ones_like(x), -x]).astype(q.dtype)
        q[..., inside] -= (by[..., 1:] @ background.covariance.astype(q.dtype)) @ score
    else:
        q[..., inside] -= by[..., 1:] @ background.response(energy[inside], q.dtype)
    variance = np.maximum(counts, 0).astype(q.dtype, copy=False) * noise.astype(q.dtype, copy=False)[:, None]
    variance += np.asarray(readout, q.dtype)
    covariance = (q * variance[:, None, :]) @ q.swapaxes(-1, -2)
    if background.others is not None:
        covariance = covariance + noise[:, None, None] * by[..., 1:] @ background.others @ by[..., 1:].swapaxes(-1, -2)
    return by[..., 0], covariance
