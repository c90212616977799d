"""A crystal's plane of spots laid on the observed ones: rotation, pixel errors in x and y, shear."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from oxyspy.lattice.observed import ObservedSpots
from oxyspy.results import Result

# real pixel sizes are wrong by 1 to 10 %, differently along x and y: 10 % too small is 11 % in length
LARGEST_SCALE_ERROR = 0.14
LARGEST_ANISOTROPY = 0.15
# errors that are tried, over those that are believed: a right lattice that is off by more must not lose to a wrong one
TRIED = 1.4
# share of the spots' amplitude that a lattice must explain: a false one explains under a quarter, a true one 99 %
LEAST_EXPLAINED = 0.8
# spots weaker than this share of the strongest do not count: the streaks that a scan's jitter draws have as much
WEAKEST = 0.05
# how far from its place a spot may lie, 1/nm, beyond the width of a spot
TOLERANCE = 0.08


@dataclass(frozen=True)
class LatticeFit(Result):
    """A lattice laid on an image's spots.

    Attributes
    ----------
    basis : array, shape (2, 2)
        The two basis vectors as rows, (x, y) in nominal 1/nm.
    basis_sigma : array, shape (2, 2)
        Standard errors, from the scatter of the spots about the lattice.
    scale_error_x, scale_error_y : float
        True over nominal pixel size, minus one, in x and in y: the tensor's diagonal. As good as the crystal's
        lattice parameters and not better.
    shear : float
        The tensor's off-diagonal element.
    scale_sigma_x, scale_sigma_y, shear_sigma, anisotropy_sigma : float
        Standard errors of these and of `anisotropy`, from those of the basis. The lattice parameters' are left out, and
        so is a steady drift, which strains the image as a wrong pixel size does. Of a fit to an image they hold how
        the lattice bends over it (`oxyspy.lattice.bending`); of one to spots alone they are those of the spots' places.
    rotation_deg : float
        Direction of the first basis vector from the x axis.
    explained : float
        Share of the observed spots' amplitude that lies on the lattice, streaks (below 5 % of the strongest) left out.
    seen : float
        Share of the expected amplitude that was observed.
    n_spots : int
        Number of those spots.
    indexed : bool
        Whether enough is explained, by two directions at least.
    reason : str
        Why not.
    """

    basis: NDArray
    basis_sigma: NDArray
    scale_error_x: float
    scale_error_y: float
    shear: float
    scale_sigma_x: float
    scale_sigma_y: float
    shear_sigma: float
    anisotropy_sigma: float
    rotation_deg: float
    explained: float
    seen: float
    n_spots: int
    indexed: bool
    reason: str = ""

    def __str__(self) -> str:
        if not self.indexed:
            return f"not indexed: {self.reason}"
        return (
            f"lattice through {self.n_spots} spots with {100 * self.explained:.0f} % of the amplitude; "
            f"{self.pixel_words()}; shear {percent(self.shear, self.shear_sigma)}"
        )

    def pixel_words(self) -> str:
        """Say by how much the pixel size is off, and what its errors do not hold."""
        return (
            f"pixel size off by {percent(self.scale_error_x, self.scale_sigma_x)} in x, "
            f"{percent(self.scale_error_y, self.scale_sigma_y)} in y, anisotropy "
            f"{percent(self.anisotropy, self.anisotropy_sigma).lstrip('+')} (a steady drift of the scan is taken for a "
            "wrong pixel size)"
        )

    @property
    def anisotropy(self) -> float:
        """Ratio of the largest to the smallest stretch in any direction, minus one."""
        return _anisotropy(self.distortion)

    @property
    def worst_error(self) -> float:
        """Error of the pixel size in the direction where it is largest."""
        if not np.isfinite(self.scale_error_x):
            return float("nan")
        return float(max(np.linalg.eigvalsh(self.distortion) - 1, key=abs))

    @property
    def distortion(self) -> NDArray:
        """True over nominal coordinates, (x, y), symmetric, shape (2, 2)."""
        return np.array([[1 + self.scale_error_x, self.shear], [self.shear, 1 + self.scale_error_y]])


def fit_lattice(
    spots: ObservedSpots,
    basis: NDArray,
    indices: NDArray,
    strength: NDArray,
    also: NDArray | None = None,
    groups: NDArray | None = None,
    anisotropy: float = LARGEST_ANISOTROPY,
) -> LatticeFit:
    r"""Lay the spots :math:`m b_1 + n b_2` on the observed ones by a rotation (or mirror image) and a small distortion.

    Parameters
    ----------
    spots : ObservedSpots
        Of `find_spots`.
    basis : array, shape (2, 2)
        Expected basis vectors as rows, 1/nm, at any rotation.
    indices, strength : arrays, shape (k, 2) and (k,)
        Expected spots as (m, n), and their expected amplitude in any unit.
    also : array, shape (j, 2), optional
        Spots that may be there or not, such as half orders: explained if seen, not missed if not.
    groups : array of int, shape (k,), optional
        Expected spots whose strengths are comparable: half orders are weaker by whatever share of the image is
        another phase. One group by default.
    anisotropy : float
        Largest that is believed.

    Returns
    -------
    LatticeFit
        Not ``indexed``, with a reason, where nothing fits.

    Notes
    -----
    Every pair of strong observed spots is tried for the strong pairs of expected ones. Of the transforms that change
    no length by more than 20 % the one that explains and finds most amplitude is refined by least squares,
    :math:`g = A (m b_1 + n b_2)`. With :math:`A = V R`, R a rotation, the symmetric V is true over nominal pixel size.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.lattice import find_spots, fit_lattice
    >>> y, x = np.mgrid[:256, :256] * 0.02
    >>> waves = sum(np.cos(2 * np.pi * (u * x + v * y)) for u, v in ((3.0, 0.0), (0.0, 4.1), (3.0, 4.1)))
    >>> spots = find_spots(10 + waves, (0.02, 0.02))
    >>> expected = np.array([[1, 0], [0, 1], [1, 1]])
    >>> print(fit_lattice(spots, np.array([[3.0, 0.0], [0.0, 4.0]]), expected, np.ones(3)).indexed)
    True
    """
    basis, indices, strength = (np.asarray(one, float) for one in (basis, indices, strength))
    if len(spots.g) < 2:
        return _not_indexed(f"{len(spots.g)} spots found; a lattice needs two or more directions")
    strong = spots.amplitude > WEAKEST * spots.amplitude.max()
    observed, amplitude = np.concatenate([spots.g[strong], -spots.g[strong]]), np.tile(spots.amplitude[strong], 2)
    allowed = np.concatenate([indices, np.asarray(also, float)]) if also is not None and len(also) else indices
    allowed = np.unique(np.concatenate([allowed, -allowed]), axis=0)
    tolerance = TOLERANCE + spots.resolution
    hypotheses = _hypotheses(spots, basis, indices, strength, anisotropy)
    if not len(hypotheses):
        return _not_indexed(f"no two of {len(spots.g)} spots have the lengths and the angle of the lattice")
    arguments = (observed, amplitude, allowed @ basis, indices @ basis, strength, tolerance)
    score = np.array([_score(h, *arguments) for h in hypotheses])
    best = np.argsort(score)[::-1][:40]
    groups = np.zeros(len(indices), int) if groups is None else np.asarray(groups, int)
    discord = [_discord(h, observed, amplitude, indices @ basis, strength, groups, tolerance) for h in hypotheses[best]]
    transform = hypotheses[best[int(np.argmax(score[best] - np.array(discord)))]]
    for _ in range(3):
        distance = _distances(observed, allowed @ basis @ transform.T)
        nearest, matched = distance.argmin(axis=1), distance.min(axis=1) < tolerance
        design = allowed[nearest[matched]]
        if np.linalg.matrix_rank(design) < 2:
            return _not_indexed("the spots on the lattice all lie on one line")
        weight = amplitude[matched][:, None]
        new, *_ = np.linalg.lstsq(design * weight, observed[matched] * weight, rcond=None)
        transform = (np.linalg.inv(basis) @ new).T
    residual = (observed[matched] - design @ new) * weight / np.sqrt((weight**2).mean())
    normal = np.linalg.inv((design * weight).T @ (design * weight)) * (weight**2).mean()
    # each spot stands twice, as +g and -g
    free = max(len(residual) // 2 - 2, 1)
    variance = (residual**2).sum(axis=0) / 2 / free
    sigma = np.sqrt(2 * np.outer(np.diag(normal), variance))
    explained = float(amplitude[matched].sum() / amplitude.sum())
    seen = _distances(indices @ new, observed).min(axis=1) < tolerance
    values = np.linalg.svd(np.linalg.solve(basis, new), compute_uv=False)
    off, apart = float(np.abs(values - 1).max()), float(values[0] / values[1] - 1)
    reason = ""
    if explained < LEAST_EXPLAINED:
        reason = f"the best lattice explains {100 * explained:.0f} % of the spots' amplitude, needed 80 %"
    elif off > LARGEST_SCALE_ERROR or apart > anisotropy:
        reason = (
            f"the best lattice needs a pixel size that is off by {100 * off:.0f} %, and by {100 * apart:.0f} % more "
            f"one way than the other; believed are {100 * LARGEST_SCALE_ERROR:.0f} and {100 * anisotropy:.0f} %"
        )
    indexed = not reason
    return LatticeFit(
        basis=new,
        basis_sigma=sigma,
        **strain(basis, new, 2 * normal[..., None] * variance),
        rotation_deg=float(np.degrees(np.arctan2(new[0, 1], new[0, 0]))),
        explained=explained,
        seen=float(np.asarray(strength, float) @ seen / np.sum(strength)),
        n_spots=int(matched.sum() // 2),
        indexed=indexed,
        reason=reason,
    )


def _hypotheses(
    spots: ObservedSpots, basis: NDArray, indices: NDArray, strength: NDArray, anisotropy: float
) -> NDArray:
    """Transforms that lay a pair of strong expected spots on a pair of strong observed ones, shape (h, 2, 2)."""
    expected = indices @ basis
    order = np.argsort(strength)[::-1]
    pairs = []
    for i, first in enumerate(order[:6]):
        for second in order[i + 1 : 6]:
            cross = abs(np.linalg.det(expected[[first, second]]))
            if cross > 0.3 * np.linalg.norm(expected[first]) * np.linalg.norm(expected[second]):
                pairs.append((first, second))
    strong = np.argsort(spots.amplitude)[::-1][:14]
    g = np.concatenate([spots.g[strong], -spots.g[strong]])
    i, j = (index.ravel() for index in np.meshgrid(np.arange(len(strong)), np.arange(len(g)), indexing="ij"))
    found = []
    for first, second in pairs[:5]:
        source = np.linalg.inv(expected[[first, second]].T)
        for a, b in ((first, second), (second, first)):
            # lengths first: most pairs fail there
            near = np.abs(np.hypot(*g[i].T) / np.linalg.norm(expected[a]) - 1) < TRIED * LARGEST_SCALE_ERROR
            near &= np.abs(np.hypot(*g[j].T) / np.linalg.norm(expected[b]) - 1) < TRIED * LARGEST_SCALE_ERROR
            target = np.stack([g[i[near]], g[j[near]]], axis=-1)
            found.append((target if a == first else target[..., ::-1]) @ source)
    transforms = np.concatenate(found) if found else np.zeros((0, 2, 2))
    if not len(transforms):
        return transforms
    values = np.linalg.svd(transforms, compute_uv=False)
    keep = (np.abs(values - 1) < TRIED * LARGEST_SCALE_ERROR).all(axis=1)
    keep &= values[:, 0] < (1 + TRIED * anisotropy) * values[:, 1]
    return transforms[keep]


def _score(transform, observed, amplitude, allowed, expected, strength, tolerance) -> float:
    """Share of the observed amplitude that is explained, plus share of the expected that is seen, less the strain."""
    apart = (_distances(observed, allowed @ transform.T).min(axis=1) / tolerance) ** 2
    explained = amplitude @ np.clip(1 - apart, 0, 1) / amplitude.sum()
    seen = _distances(expected @ transform.T, observed).min(axis=1) < tolerance
    # the strain of a wrong cell is several percent; it only has to break ties between equivalent settings
    strain = np.abs(np.linalg.svd(transform, compute_uv=False) - 1).max()
    return float(explained + strength @ seen / strength.sum() - 0.3 * strain)


def _discord(transform, observed, amplitude, expected, strength, groups, tolerance) -> float:
    """Root mean square deviation of log amplitude from the expected, beyond a probe's Gaussian damping; at most 1."""
    apart = _distances(expected @ transform.T, observed)
    seen = apart.min(axis=1) < tolerance
    if seen.sum() < 4:
        return 1.0
    logs = np.log(amplitude[apart.argmin(axis=1)[seen]] / strength[seen])
    design = np.concatenate(
        [np.eye(groups.max() + 1)[groups[seen]], (expected[seen] ** 2).sum(axis=1)[:, None]], axis=1
    )
    found, *_ = np.linalg.lstsq(design, logs, rcond=None)
    return float(min(np.sqrt(np.mean((logs - design @ found) ** 2)), 1.0))


def _distances(a: NDArray, b: NDArray) -> NDArray:
    return np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])


def _not_indexed(reason: str) -> LatticeFit:
    nan = float("nan")
    unknown = np.full((2, 2), nan)
    return LatticeFit(unknown, unknown.copy(), *(nan,) * 8, 0.0, 0.0, 0, False, reason)


def referred(fit: LatticeFit, basis: NDArray) -> LatticeFit:
    """Express a fit's distortion against another crystal's basis than that it was made with."""
    # errors of the two basis vectors are taken for independent
    covariance = np.eye(2)[..., None] * (fit.basis_sigma**2)[:, None]
    return replace(fit, **strain(basis, fit.basis, covariance))


def percent(value: float, sigma: float) -> str:
    """Write a share and its error in percent, and no minus zero."""
    digits = 2 if sigma < 0.001 else 1
    return f"{round(100 * value, digits) + 0.0:+.{digits}f} ± {100 * sigma:.{digits}f} %"


def strain(basis: NDArray, found: NDArray, covariance: NDArray) -> dict[str, float]:
    """Symmetric part of what lays ``basis`` on ``found`` (rows), with errors; covariance of [row, row', column]."""

    def parts(rows: NDArray) -> NDArray:
        transform = np.linalg.solve(basis, rows).T
        left, values, _ = np.linalg.svd(transform)
        stretch = left @ np.diag(values) @ left.T
        return np.array([stretch[0, 0] - 1, stretch[1, 1] - 1, stretch[0, 1], _anisotropy(stretch)])

    value, step = parts(found), 1e-5 * np.abs(found).max()
    slopes = np.zeros((4, 2, 2))
    for i, j in np.ndindex(2, 2):
        moved = found.copy()
        moved[i, j] += step
        slopes[:, i, j] = (parts(moved) - value) / step
    sigma = np.sqrt(np.einsum("kij,ilj,klj->k", slopes, covariance, slopes))
    names = ("scale_error_x", "scale_error_y", "shear", "scale_sigma_x", "scale_sigma_y", "shear_sigma")
    strain = dict(zip(names, map(float, (*value[:3], *sigma[:3])), strict=True))
    return strain | {"anisotropy_sigma": float(sigma[3])}


def _anisotropy(stretch: NDArray) -> float:
    if not np.isfinite(stretch).all():
        return float("nan")
    values = np.linalg.svd(stretch, compute_uv=False)
    return float(values[0] / values[1] - 1)
