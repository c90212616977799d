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
from numpy.typing import ArrayLike, NDArray

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
    inside = check_inside(energy, background.window, "background")
    stack, n, k = counts.shape[:-1], counts.shape[-1], weights.shape[-2]
    rows = int(np.prod(stack))
    flat = counts.reshape(rows, n)
    fitted = PowerLaw(
        background.log_a.reshape(rows), background.r.reshape(rows), background.covariance.reshape(rows, 2, 2),
        background.dispersion.reshape(rows), background.reference, background.window,
    )  # fmt: skip
    windows = weights if weights.ndim == 2 else np.broadcast_to(weights, (*stack, k, n)).reshape(rows, k, n)
    spread = np.broadcast_to(np.asarray(noise, float), stack).reshape(rows)
    own = kernel is not None and kernel.values.size > kernel.values.shape[-1]
    transforms = None if kernel is None else kernel.values.reshape(-1, kernel.values.shape[-1])
    if own:
        transforms = np.broadcast_to(kernel.values, (*stack, kernel.values.shape[-1])).reshape(rows, -1)
    values, covariance = np.empty((rows, k)), np.empty((rows, k, k))

    def work(part: slice) -> None:
        q = windows if windows.ndim == 2 else windows[part]
        if kernel is not None:
            q = carry_back(q, replace(kernel, values=transforms[part] if own else transforms))
        values[part], covariance[part] = _measure(flat[part], energy, fitted[part], q, inside, spread[part], readout)

    over_blocks(work, rows, 8 * (5 * k + 4) * (kernel.padded if kernel is not None else n))
    return Functionals(values.reshape(*stack, k), covariance.reshape(*stack, k, k))


def _measure(counts, energy, background, q, inside, noise, readout) -> tuple[NDArray, NDArray]:
    """Values (p, k) and covariance (p, k, k) of functionals with weights ``q`` (p, k, n) on net counts (p, n)."""
    x = np.log(energy / background.reference)
    model = background(energy)
    q = np.broadcast_to(q, (len(counts), *q.shape[-2:]))
    values = np.einsum("pkn,pn->pk", q, counts - model)
    # d(value)/d(log A, r), and d(log A, r)/d(counts) = covariance . (1, -x) within the fit window
    by_theta = np.stack([np.einsum("pkn,pn->pk", q, model), -np.einsum("pkn,pn->pk", q, model * x)], axis=-1)
    score = np.stack([np.ones(inside.stop - inside.start), -x[inside]])
    by_counts = background.covariance @ score
    total = np.array(q, dtype=float)
    total[..., inside] -= by_theta @ by_counts
    variance = np.maximum(counts, 0) * noise[:, None] + readout
    # as weights times square roots of the variances: one small symmetric product a spectrum
    total *= np.sqrt(variance)[:, None, :]
    return values, total @ total.swapaxes(-1, -2)
