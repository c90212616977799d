"""Regions of a map: where the crystal is, what calibrates it, and where an FFT cannot tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, label, maximum_filter
from scipy.special import logsumexp

from oxyspy.errors import InputError
from oxyspy.lattice.appearance import Calibration, Likelihood, States, phase_name
from oxyspy.lattice.demodulation import Demodulated

# a window with less of the bulk's fundamentals than this is no crystal
LEAST_FUNDAMENTAL = 0.1
# the bulk begins this deep, nm, or at the middle of what there is
BULK_DEPTH = 4.0
# where in a window a boundary runs is known no better than this, nm: its roughness, and the surface's
BOUNDARY_NM = 0.2
NOT_CRYSTAL = ("vacuum", "amorphous", "none of these")
VACUUM, AMORPHOUS, NONE = range(3)

ALTERNATIVES = (
    "",
    "rocksalt, or layered with its planes inclined to the beam: only the thickness differs",
    "spinel, or layered twins on top of each other",
    "rocksalt over layered along the beam, or layered with metal in the lithium planes",
)


def bulk_region(crystal, depth, windows: Demodulated, roi) -> NDArray:
    """Windows that calibrate."""
    if roi is not None:
        x0, y0, x1, y1 = roi
        region = crystal & ((windows.x_nm >= x0) & (windows.x_nm <= x1))
        region &= ((windows.y_nm >= y0) & (windows.y_nm <= y1))[:, None]
        if region.sum() < 10:
            raise InputError(f"bulk region {roi}: {int(region.sum())} crystalline windows in it, needed 10 or more")
        return region
    inside = depth[crystal]
    region = crystal & (depth > max(BULK_DEPTH, float(np.median(inside))))
    if region.sum() < 0.05 * crystal.sum() or region.sum() < 10:
        region = crystal & (depth >= np.quantile(inside, 0.7))
    return region


def inside_of(thickness, crystal, noise, sigma, spacing) -> NDArray:
    """Within the crystal: more than half of the thickness nearby, since a window on the edge holds half of it."""
    smooth = gaussian_filter(np.where(crystal, thickness, 0), [0.3 * sigma / s for s in spacing])
    reach = [2 * max(1, round(2.5 * sigma / s)) + 1 for s in spacing]
    return crystal & (smooth > 0.5 * maximum_filter(smooth, reach)) & (smooth > 2 * noise)


def is_vacuum(mean, outside) -> NDArray:
    """Where nothing scatters: as dark as the darkest, on the scale of the crystal."""
    if not outside.any() or outside.all():
        return np.zeros_like(outside)
    dark = np.quantile(mean[outside], 0.02)
    return outside & (mean - dark < 0.04 * (np.median(mean[~outside]) - dark))


def posterior_of(compared: Likelihood, options: States, n_names: int) -> tuple[NDArray, NDArray, NDArray]:
    """Likeliest state of each window, posterior of each name, and mean share of what is not the bulk."""
    best = compared.log.argmax(axis=0)
    # "none of these" is better than a state that misses its spots by more than three sigma on average
    misfit = sum(
        np.take_along_axis(getattr(compared, n), best[None], 0)[0] for n in ("found", "missing", "unexplained")
    )
    none = np.take_along_axis(compared.log, best[None], 0)[0] + 0.5 * misfit - 0.5 * 9 * 3.0**2
    everything = np.concatenate([compared.log, none[None]])
    weights = np.exp(everything - logsumexp(everything, axis=0))
    probability = np.zeros((n_names, weights.shape[1]))
    for s, name in enumerate([*options.label, NONE]):
        probability[name] += weights[s]
    share = (weights[:-1] * options.fraction[:, None]).sum(axis=0) / np.maximum(weights[:-1].sum(axis=0), 1e-12)
    return best, probability, share


def probability_of(posterior, crystal, inside, phase, spacing) -> NDArray:
    """Posterior of each window's phase, with the uncertainty of where a boundary runs."""
    maps = np.zeros((len(posterior) + 1, *crystal.shape), np.float32)
    maps[:-1, crystal] = posterior
    # everything outside the crystal is one: vacuum and coating are told by brightness alone
    maps[:, ~inside] = 0
    maps[-1, ~inside] = 1
    for one in maps:
        gaussian_filter(one, [BOUNDARY_NM / s for s in spacing], output=one)
    index = np.where(inside, phase, len(posterior))
    return np.take_along_axis(maps, index[None].astype(int), axis=0)[0]


def order_parameters(modulus, noise, calibration: Calibration) -> list[NDArray]:
    """Three half-order families over the bulk's own (or over its fundamentals, where it has none)."""
    reference = calibration.amplitudes(calibration.bulk)[3:].reshape(3, 2)
    sizes = np.sqrt((reference**2).mean(axis=1))
    unit = calibration.level * (sizes.max() if sizes.max() > 0.1 else 1.0)
    power = (modulus[3:] ** 2).reshape(3, 2, *noise.shape).mean(axis=1) - noise**2
    return [(np.sqrt(np.maximum(one, 0)) / unit).astype(np.float32) for one in power]


def bare_rise(best, crystal, options, names, fundamental, calibration, known, spacing) -> tuple[NDArray, float]:
    """Rise of the fundamentals in each region without half orders, and the least that makes it rocksalt.

    Rocksalt scatters twice what layered does in the same thickness; layered with inclined planes scatters the same.
    """
    rise = np.full(crystal.shape, np.nan)
    rocksalt = next((v for v in known if v.family == "rocksalt"), None)
    if rocksalt is None or calibration.bulk.family != "layered":
        return rise, 0.0
    owner, share = np.full(crystal.shape, -1), np.ones(crystal.shape)
    owner[crystal], share[crystal] = options.label[best], options.fraction[best]
    bare = (owner == names.index(phase_name(rocksalt, known))) & (share > 0.8)
    bulk = (owner == names.index(phase_name(calibration.bulk, known))) & (share < 0.2)
    expected = calibration.amplitudes(rocksalt)[:3] / calibration.amplitudes(calibration.bulk)[:3]
    return fundamental_rise(bare, bulk, fundamental, spacing), float(np.sqrt(np.sqrt((expected**2).mean())))


def fundamental_rise(bare, bulk, fundamental, spacing) -> NDArray:
    """Fundamentals in each region without half orders over what the bulk's thickness, extended to there, would give."""
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


def owned(best, crystal, options, names, family, known) -> NDArray:
    """Windows whose likeliest phase is of a family."""
    indices = [
        i for i, name in enumerate(names) if any(v.family == family and phase_name(v, known) == name for v in known)
    ]
    owned = np.zeros(crystal.shape, bool)
    owned[crystal] = np.isin(options.label[best], indices)
    return owned


def alternatives_of(kinds, share, low_rise, calibration, known, sigma, spacing, inside) -> NDArray:
    """Where an FFT cannot tell, and what from what: an index into `ALTERNATIVES` for each window."""
    out = np.zeros(kinds.shape, np.int8)
    layered = any(v.family == "layered" for v in known)
    # two half orders at once
    if layered:
        out[inside & (kinds == "spinel")] = 2
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
        bare = inside & (kinds == "rocksalt") & (out == 0)
        out[bare & (low_rise if calibration.bulk.family == "layered" else True)] = 1
    return out


def without_specks(mask: NDArray, least: float) -> NDArray:
    """Drop regions smaller than one window."""
    regions, n = label(mask)
    sizes = np.bincount(regions.ravel(), minlength=n + 1)
    keep = sizes >= max(least, 1)
    keep[0] = False
    return keep[regions]
