"""Profiles along the surface normal: where the surface is, and amplitudes against depth, strip by strip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from oxyspy.errors import MethodError
from oxyspy.lattice.demodulation import Demodulated

# step of the profiles and width of the strips, nm
STEP_NM = 0.1
STRIP_NM = 2.0
# how far the profiles reach out of the crystal and into it, nm
OUTSIDE_NM, INSIDE_NM = 3.0, 16.0


@dataclass(frozen=True)
class Profiles:
    """Amplitudes against depth in strips along the surface.

    Attributes
    ----------
    depth_nm : array, shape (n,)
        True nm along the inward normal; zero near the surface.
    fundamental, half, other : array, shape (strips, n)
        Over the bulk's: the three fundamentals, the bulk's own half order, and the other one (in the bulk's unit).
    noise : array, shape (strips, n)
        Standard error of ``fundamental`` from counting.
    along_nm : array, shape (strips,)
        Middle of each strip along the surface, true nm.
    surface_nm : array, shape (strips,)
        Position of the surface in each strip before they were aligned, true nm.
    normal : array, shape (2,)
        Inward, true axes.
    """

    depth_nm: NDArray
    fundamental: NDArray
    half: NDArray
    other: NDArray
    noise: NDArray
    along_nm: NDArray
    surface_nm: NDArray
    normal: NDArray


def surface_normal(inside: NDArray, spacing: tuple[float, float], distortion: NDArray) -> NDArray:
    """Return the inward normal in true axes from the outline of the crystal, shape (2,).

    Raises
    ------
    MethodError
        No surface, or outlines facing several ways.
    """
    # the border's windows lie half outside of the image
    inside = inside[2:-2, 2:-2]
    smooth = gaussian_filter(inside.astype(float), [0.6 / s for s in spacing], mode="nearest")
    gy, gx = np.gradient(smooth, *spacing)
    gradient = np.stack([gx, gy], axis=-1)
    size = np.hypot(gradient[..., 0], gradient[..., 1])
    if inside.mean() > 0.995:
        raise MethodError("the image shows no surface: the crystal fills it")
    total = gradient.reshape(-1, 2).sum(axis=0)
    if np.hypot(*total) < 0.7 * size.sum():
        raise MethodError("the crystal's outline faces several ways: crop the image to one side of the particle")
    # a gradient is a covector: it goes with the inverse transposed
    normal = np.linalg.inv(distortion).T @ total
    return normal / np.hypot(*normal)


def profiles(
    windows: Demodulated,
    inside: NDArray,
    normal: NDArray,
    distortion: NDArray,
    fundamental: NDArray,
    half: NDArray,
    other: NDArray,
) -> Profiles:
    """Read the windows' moduli along the normal.

    Parameters
    ----------
    windows : Demodulated
        Nine spots.
    inside : bool array, shape (ny, nx)
    normal : array, shape (2,)
    distortion : array, shape (2, 2)
        True over nominal coordinates.
    fundamental, half, other : array, shape (9,)
        Weights that make the three amplitudes from the nine moduli.
    """
    along = np.array([-normal[1], normal[0]])
    x, y = np.meshgrid(windows.x_nm, windows.y_nm)
    true = np.stack([x, y], axis=-1) @ distortion.T
    u, v = true @ normal, true @ along
    edge = _outline(inside, u)
    depth = np.arange(-OUTSIDE_NM, INSIDE_NM + STEP_NM / 2, STEP_NM)
    fine = 0.25
    starts = np.arange(v.min(), v.max() - STRIP_NM, STRIP_NM)
    if not len(starts):
        raise MethodError("the surface is shorter than a strip of 2 nm")
    offsets = np.arange(fine / 2, STRIP_NM, fine)
    vs = (starts[:, None] + offsets).ravel()
    place = (depth[None, :, None] + edge) * normal + vs[:, None, None] * along
    nominal = place @ np.linalg.inv(distortion).T
    step = [windows.x_nm[1] - windows.x_nm[0], windows.y_nm[1] - windows.y_nm[0]]
    coordinates = np.stack([nominal[..., 1] / step[1], nominal[..., 0] / step[0]])
    margin = windows.sigma_nm / np.array([step[1], step[0]])
    limits = np.array(inside.shape) - 1
    # a strip counts only where its windows lie in the image
    valid = np.all([(c >= m) & (c <= n - m) for c, m, n in zip(coordinates, margin, limits, strict=True)], axis=0)

    modulus = np.abs(windows.amplitude)
    debiased = np.sqrt(np.maximum(modulus**2 - windows.noise**2, 0))
    weights = (fundamental, half, other, np.sqrt((fundamental**2).sum()) * np.ones(1))
    fields = [np.tensordot(w, debiased, axes=1) for w in weights[:3]] + [weights[3][0] * windows.noise / np.sqrt(2)]
    shape = (len(starts), len(offsets), len(depth))
    seen = valid.reshape(shape).mean(axis=1)
    read = []
    for one in fields:
        value = map_coordinates(one, coordinates, order=3, mode="nearest")
        value = np.where(valid, value, 0).reshape(shape).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            read.append(value / valid.reshape(shape).sum(axis=1))
    # independent windows within a strip lie 3.5 standard deviations apart
    independent = max(STRIP_NM / (3.5 * windows.sigma_nm), 1.0)
    read[3] = read[3] / np.sqrt(independent)
    for one in read:
        one[seen < 0.5] = np.nan
    return _aligned(depth, read, starts - starts[0] + STRIP_NM / 2, edge, normal)


def _outline(inside: NDArray, u: NDArray) -> float:
    """Depth coordinate of the surface on average: where half of the crystal's outline lies."""
    rim = inside & ~_eroded(inside)
    rim[[0, -1]] = False
    rim[:, [0, -1]] = False
    return float(np.median(u[rim])) if rim.any() else float(u[inside].min())


def _eroded(mask: NDArray) -> NDArray:
    from scipy.ndimage import binary_erosion

    return binary_erosion(mask, border_value=1)


def _aligned(depth: NDArray, read: list[NDArray], along: NDArray, edge: float, normal: NDArray) -> Profiles:
    """Shift each strip so that its fundamental rises through half of its level at zero depth."""
    f = read[0]
    crossings = np.array([_crossing(depth, one) for one in f])
    good = np.isfinite(crossings)
    if good.sum() < 2:
        raise MethodError("fewer than two strips of 2 nm show the surface: an image with more of the surface is needed")
    # a strip that disagrees by nm with all others has another crystal or dirt on it
    middle = np.median(crossings[good])
    spread = 1.4826 * np.median(np.abs(crossings[good] - middle))
    good &= np.abs(crossings - middle) < max(4 * spread, 1.5)
    shifted = []
    for one in read:
        rows = [
            np.interp(depth + shift, depth, row, left=np.nan, right=np.nan)
            for shift, row in zip(crossings[good], one[good], strict=True)
        ]
        shifted.append(np.array(rows))
    return Profiles(depth, *shifted, along_nm=along[good], surface_nm=edge + crossings[good], normal=normal)


def _crossing(depth: NDArray, f: NDArray) -> float:
    """Outermost depth where f exceeds half of what it reaches in the next 1.2 nm and in the bulk a quarter."""
    ahead = int(1.2 / STEP_NM)
    known = np.isfinite(f)
    if known.sum() < 3 * ahead or not known[depth > 3].any():
        return np.nan
    filled = np.where(known, f, 0)
    level = np.array([filled[i : i + ahead].max() for i in range(len(f))])
    over = known & (filled > 0.5 * level) & (level > 0.2 * np.nanmedian(f[depth > 3]))
    at = int(np.argmax(over))
    if not over.any() or at == 0 or not known[at - 1]:
        return np.nan
    a, b = filled[at - 1] - 0.5 * level[at], filled[at] - 0.5 * level[at]
    return float(depth[at - 1] + STEP_NM * (-a / (b - a) if b > a else 1.0))
