"""Where an FFT cannot tell one phase from another, and which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label

from oxyspy.lattice.appearance import Calibration
from oxyspy.lattice.parent import Variant

ALTERNATIVES = (
    "",
    "rocksalt, or layered with its planes inclined to the beam: only the thickness differs",
    "spinel, or layered twins on top of each other",
    "rocksalt over layered along the beam, or layered with metal in the lithium planes",
)


def alternatives_of(kinds, bare, share, rises, known, sigma, spacing) -> NDArray:
    """Return an index into `ALTERNATIVES` for each window.

    Parameters
    ----------
    kinds : array of str, shape (ny, nx)
        Family of each window's phase; empty where there is no crystal.
    bare : bool array
        Windows without a half order.
    share : array
        Share of what is not the bulk's phase.
    rises : bool array
        Where the fundamentals rise above the bulk's as rocksalt's do.
    known : sequence of Variant
    sigma : float
        Of the window, nm.
    spacing : tuple of float
        nm between windows.
    """
    out = np.zeros(kinds.shape, np.int8)
    layered = any(v.family == "layered" for v in known)
    inside = kinds != ""
    # two half orders at once
    if layered:
        out[kinds == "spinel"] = 2
    # half-way between two phases although no boundary is near; single windows are no phase that could have one
    least = np.pi * (2 * sigma) ** 2 / np.prod(spacing)
    pure = [without_specks(inside & one, least) for one in (share <= 0.2, share >= 0.8)]
    mixed = inside & (share > 0.2) & ~pure[1] & (kinds != "spinel")
    distances = [
        distance_transform_edt(~one, sampling=spacing) if one.any() else np.full(kinds.shape, np.inf) for one in pure
    ]
    away = mixed & (np.maximum(*distances) > 2 * sigma + 0.4)
    out[without_specks(away, least)] = 3
    # no half order, and no rise of the fundamentals
    if layered:
        out[inside & bare & ~rises & (out == 0)] = 1
    return out


def rise_of_bare(bare, bulk, fundamental, spacing) -> NDArray:
    """Fundamentals in each region without half orders over what the bulk's thickness, extended to there, would give.

    Rocksalt scatters twice what layered does in the same thickness; layered with inclined planes scatters the same.

    Parameters
    ----------
    bare, bulk : bool array, shape (ny, nx)
        Windows without half orders, and windows of the bulk.
    fundamental : array
    spacing : tuple of float
        nm between windows.

    Returns
    -------
    array, shape (ny, nx)
        ``nan`` where no bulk is near a region.
    """
    out = np.full(bare.shape, np.nan)
    regions, n = label(bare)
    if not bulk.any():
        return out
    for i in range(1, n + 1):
        region = regions == i
        away = distance_transform_edt(~region, sampling=spacing)
        # the thickness changes steadily over a few nm: a straight line through the bulk beyond the window's blur
        near = bulk & (away > 0.8) & (away < 4.0)
        if near.sum() < 8:
            continue
        slope, level = np.polyfit(away[near], fundamental[near], 1)
        inner = distance_transform_edt(region, sampling=spacing)
        core = region & (inner >= 0.6 * inner.max())
        expected = level - slope * inner[core].mean()
        out[region] = np.median(fundamental[core]) / max(expected, 0.3 * level, 1e-6)
    if np.isfinite(out).any():
        # windows on a region's boundary go with the region
        nearest = distance_transform_edt(~np.isfinite(out), return_distances=False, return_indices=True)
        out = out[tuple(nearest)]
    return out


def least_rise(calibration: Calibration, rocksalt: Variant) -> float:
    """Return the rise that tells rocksalt from inclined layers: half-way between theirs, on a logarithmic scale."""
    expected = calibration.amplitudes(rocksalt)[:3] / calibration.amplitudes(calibration.bulk)[:3]
    return float(np.sqrt(np.sqrt((expected**2).mean())))


def without_specks(mask: NDArray, least: float) -> NDArray:
    """Drop regions of fewer than ``least`` windows."""
    regions, n = label(mask)
    sizes = np.bincount(regions.ravel(), minlength=n + 1)
    keep = sizes >= max(least, 1)
    keep[0] = False
    return keep[regions]
