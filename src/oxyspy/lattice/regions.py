"""Regions of a map: where the crystal is, what calibrates it, where vacuum, and how sure all that is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter, percentile_filter
from scipy.special import logsumexp

from oxyspy.errors import InputError
from oxyspy.lattice.appearance import Calibration, Likelihood, States
from oxyspy.lattice.demodulation import Demodulated

# a window with less of the bulk's fundamentals than this is no crystal
LEAST_FUNDAMENTAL = 0.1
# the crystal ends where its thickness falls to half of the 85th percentile of what is near: so many percent put the
# edge of simulated images at the true one, within 0.01 nm on average
NEARBY = 85
# the bulk begins this deep, nm, or at the middle of what there is
BULK_DEPTH = 4.0
# where in a window a boundary runs is known no better than this, nm: its roughness, and the surface's; at the image's
# border a window lies off its centre by up to half of its width
BOUNDARY_NM, BORDER_NM = 0.2, 0.5
# vacuum is this uniform, and a coating beside it brighter by this, over the brightness of the crystal
VACUUM_SCATTER, TWO_LEVELS = 0.02, 0.05
# its shot noise, as power over what is noise in the crystal, where jitter adds to it: a coating has a fiftieth or more
DARK_NOISE = 0.004
NOT_CRYSTAL = ("vacuum", "amorphous", "none of these")
VACUUM, AMORPHOUS, NONE = range(3)


def bulk_region(crystal, depth, windows: Demodulated, roi) -> NDArray:
    """Windows that calibrate."""
    if roi is not None:
        x0, y0, x1, y1 = *np.minimum(roi[:2], roi[2:]), *np.maximum(roi[:2], roi[2:])
        region = crystal & ((windows.x_nm >= x0) & (windows.x_nm <= x1))
        region &= ((windows.y_nm >= y0) & (windows.y_nm <= y1))[:, None]
        if region.sum() < 10:
            raise InputError(
                f"bulk region {roi} nm: {int(region.sum())} crystalline windows in it, needed 10 or more; the image "
                f"reaches to ({windows.x_nm[-1]:.1f}, {windows.y_nm[-1]:.1f}) nm"
            )
        return region
    # the border's windows hold less of the crystal
    crystal = crystal & (windows.coverage > 0.9)
    inside = depth[crystal]
    region = crystal & (depth > max(BULK_DEPTH, float(np.median(inside))))
    if region.sum() < 0.05 * crystal.sum() or region.sum() < 10:
        region = crystal & (depth >= np.quantile(inside, 0.7))
    return region


def inside_of(thickness, crystal, noise, sigma, spacing) -> NDArray:
    """Within the crystal: more than half of the thickness nearby, since a window on the edge holds half of it."""
    smooth = gaussian_filter(np.where(crystal, thickness, 0), [0.3 * sigma / s for s in spacing])
    reach = [2 * max(1, round(2.5 * sigma / s)) + 1 for s in spacing]
    inside = crystal & (smooth > 0.5 * percentile_filter(smooth, NEARBY, reach)) & (smooth > 2 * noise)
    # a pit that still shows the lattice, with crystal all around, is crystal
    return inside | (crystal & binary_fill_holes(inside))


def vacuum_of(read: Demodulated, inside: NDArray) -> NDArray:
    """Probability that nothing scatters, of all that is not crystal, shape (ny, nx).

    Vacuum is as dark as the darkest. That this is vacuum at all, and no coating that fills what is seen, shows where
    something brighter is beside it, or where the shot noise has gone with the brightness; else it may be either.
    """
    outside = ~inside
    if not outside.any() or outside.all():
        return np.zeros(inside.shape)
    mean, noise = read.mean, read.noise
    dark, bright = np.quantile(mean[outside], 0.02), np.median(mean[inside])
    scale = max(bright - dark, 1e-12)
    # beyond the reach of the crystal's own windows
    far = outside & (distance_transform_edt(outside, sampling=read.spacing) > 2.5 * read.sigma_nm)
    levels = np.ptp(np.quantile(mean[far], (0.05, 0.95))) / scale if far.sum() >= 10 else 0.0
    darkest = outside & (mean <= np.quantile(mean[outside], 0.2))
    left = np.median(noise[darkest] ** 2) / np.median(noise[inside] ** 2)
    empty = 2 * _gauss(left, DARK_NOISE)
    vacuum_seen = 1.0 if levels > TWO_LEVELS else max(empty / (empty + 1.0), 0.5)
    # a coating may have any brightness up to the crystal's
    likelihood = _gauss((mean - dark) / scale, np.hypot(noise / scale, VACUUM_SCATTER))
    return vacuum_seen * likelihood / (likelihood + 1.0)


def _gauss(x: NDArray, sigma: NDArray) -> NDArray:
    return np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def polarity(read: Demodulated, inside: NDArray) -> float:
    """Cosine of the phase that the three fundamentals have together: 1 for bright columns, -1 for dark ones.

    The phases of b1, -b2 and b2 - b1 add up to that of the structure wherever the origin is, and in a projection all
    three are zero at the metal columns.
    """
    first, second, difference = read.amplitude[:3, inside]
    triple = first * np.conj(second) * np.conj(difference)
    return float(triple.sum().real / max(np.abs(triple).sum(), 1e-30))


def posterior_of(compared: Likelihood, options: States, n_names: int) -> tuple[NDArray, NDArray]:
    """Posterior of each name in each window, and mean share of what is not the bulk."""
    # "none of these" is better than a state that misses its spots by more than three sigma on average
    misfit = compared.found + compared.missing + compared.unexplained
    none = compared.log.max(axis=0) + 0.5 * misfit - 0.5 * 9 * 3.0**2
    everything = np.concatenate([compared.log, none[None]])
    weights = np.exp(everything - logsumexp(everything, axis=0))
    probability = np.zeros((n_names, weights.shape[1]))
    for s, name in enumerate([*options.label, NONE]):
        probability[name] += weights[s]
    share = (weights[:-1] * options.fraction[:, None]).sum(axis=0) / np.maximum(weights[:-1].sum(axis=0), 1e-12)
    return probability, share


def blurred(posterior, coverage, spacing) -> NDArray:
    """Posterior of each name in each window, with the uncertainty of where a boundary runs."""
    out = np.empty_like(posterior)
    for one, to in zip(posterior, out, strict=True):
        fine, coarse = (gaussian_filter(one, [nm / s for s in spacing]) for nm in (BOUNDARY_NM, BORDER_NM))
        to[:] = coverage * fine + (1 - coverage) * coarse
    return out / out.sum(axis=0)


def order_parameters(modulus, noise, calibration: Calibration) -> list[NDArray]:
    """Three half-order families over the bulk's own (or over its fundamentals, where it has none)."""
    unit = calibration.level * calibration.half_order
    power = (modulus[3:] ** 2).reshape(3, 2, *noise.shape).mean(axis=1) - noise**2
    return [(np.sqrt(np.maximum(one, 0)) / unit).astype(np.float32) for one in power]
