"""How a drifting scan bends a lattice over an image, and how well its mean strain is known for all that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal.windows import hann
from scipy.stats import t as student

from oxyspy.lattice.fit import WEAKEST, LatticeFit, strain
from oxyspy.lattice.observed import ObservedSpots

# overlapping pieces of an image each way, none narrower than this: half orders then stay apart from the fundamentals
MOST_PIECES, LEAST_PIECES, NARROWEST_NM = 10, 4, 1.0


def bending(spots: ObservedSpots, image: NDArray, pixel_nm: tuple[float, float]) -> NDArray:
    """Return the `mean_gradient_variance` of an image by its spots that count; ``nan`` where they lie on one line.

    Parameters
    ----------
    spots : ObservedSpots
        Of the image.
    image : array, shape (ny, nx)
        Without bad pixels, and about zero.
    pixel_nm : tuple of float
        (x, y).

    Returns
    -------
    array, shape (2, 2)
    """
    g = spots.g[spots.amplitude > WEAKEST * spots.amplitude.max(initial=0.0)]
    return mean_gradient_variance(image, pixel_nm, g) if np.linalg.matrix_rank(g) == 2 else np.full((2, 2), np.nan)


def with_bending(fit: LatticeFit, variance: NDArray) -> LatticeFit:
    """Add to a lattice's errors what the `bending` of its image, shape (2, 2), makes of them."""
    if not fit.indexed:
        return fit
    # a displacement u moves g to g - (grad u) g: both rows of the basis by the same gradient
    covariance = np.einsum("ij,ri,si->rsj", variance, fit.basis, fit.basis)
    undistorted = np.linalg.solve(fit.distortion, fit.basis.T).T
    moved = {name: value for name, value in strain(undistorted, fit.basis, covariance).items() if "sigma" in name}
    return replace(
        fit,
        basis_sigma=np.hypot(fit.basis_sigma, np.sqrt(np.einsum("rrj->rj", covariance))),
        **{name: float(np.hypot(getattr(fit, name), sigma)) for name, sigma in moved.items()},
    )


def mean_gradient_variance(image: NDArray, pixel_nm: tuple[float, float], g: NDArray) -> NDArray:
    r"""Variance of the mean gradient of a lattice's displacement, from how much the gradient varies over the image.

    Parameters
    ----------
    image : array, shape (ny, nx)
        Its intensity about zero, in any unit.
    pixel_nm : tuple of float
        (x, y).
    g : array, shape (k, 2)
        Its strong spots in 1/nm, in two directions at least.

    Returns
    -------
    array, shape (2, 2)
        Of :math:`\partial u_i / \partial x_j` in [i, j], (x, y), both in nominal nm.

    Notes
    -----
    The phase of spot g turns by :math:`-2\pi \mathbf g \cdot \mathbf u` (geometric phase: M. J. Hÿtch, E. Snoeck and
    R. Kilaas, Ultramicroscopy 74, 131 (1998)). It is read in up to ten overlapping pieces along each axis, and
    its turn from each to the next gives the gradient there. Their mean, weighted as a Hann window weights them, is what
    the spots' places tell; their scatter tells its variance as if u were a random walk. A wander that comes back is
    so overestimated, two or three times; a steady drift is not seen, as it strains the image evenly. With few pieces
    the standard deviation is multiplied by what makes it hold 68 % by Student's t.
    """
    return np.stack([_along(image.T, pixel_nm[::-1], g[:, ::-1])[::-1], _along(image, pixel_nm, g)], axis=1)


def _along(image: NDArray, pixel: tuple[float, float], g: NDArray) -> NDArray:
    """Variance of the mean of du_x/dy and du_y/dy."""
    ny, nx = image.shape
    x, y = (np.arange(n) * p for n, p in zip((nx, ny), pixel, strict=True))
    waves = hann(nx)[:, None] * np.exp(-2j * np.pi * x[:, None] * g[:, 0])
    # real twice over: the image need not become complex
    lines = image @ np.concatenate([waves.real, waves.imag], axis=1).astype(np.float32)
    lines = (lines[:, : len(g)] + 1j * lines[:, len(g) :]) * np.exp(-2j * np.pi * y[:, None] * g[:, 1])
    count = int(np.clip(2 * ny * pixel[1] / NARROWEST_NM - 1, LEAST_PIECES, MOST_PIECES))
    ends = np.linspace(0, ny, count + 2).round().astype(int)
    pieces = np.stack([hann(b - a) @ lines[a:b] for a, b in zip(ends[:-2], ends[2:], strict=True)])
    turned = pieces[1:] * pieces[:-1].conj()
    turn = np.angle(turned) / (2 * np.pi * ny * pixel[1] / (count + 1))
    weight = np.abs(turned)
    normal = np.einsum("mk,ki,kj->mij", weight, g, g)
    gradient = -np.linalg.solve(normal, np.einsum("mk,mk,ki->mi", weight, turn, g)[..., None])[..., 0]
    # a slope by weights h is the mean of the slopes between, weighted by the sum of h (y - mean y) beyond
    beyond = -np.cumsum(hann(ny) * (y - y.mean()))
    share = beyond[(ends[1:-2] + ends[2:-1]) // 2] * weight.sum(axis=1)
    share /= share.sum()
    scatter = share @ (gradient - share @ gradient) ** 2
    together = share @ _correlation(count - 1) @ share
    few = student.ppf(0.8413, 1 / together - 1)
    return scatter * together / (1 - together) * few**2


def _correlation(count: int) -> NDArray:
    """Correlation of the gradients between pieces that overlap by half, of a random walk, shape (count, count)."""
    t = np.linspace(-2, 3, 501)
    piece = np.where(np.abs(t) < 1, 1 + np.cos(np.pi * t), 0.0)
    # the next piece less this one, summed up: what each step of the walk adds
    seen = np.cumsum(piece - np.roll(piece, 100))
    lagged = np.array([seen[100 * lag :] @ seen[: len(seen) - 100 * lag] for lag in range(min(count, 5))])
    lag = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    return np.where(lag < len(lagged), lagged[np.minimum(lag, len(lagged) - 1)] / lagged[0], 0.0)
