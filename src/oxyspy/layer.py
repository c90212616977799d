"""From profiles along a line scan to the thickness of the reacted layer.

The layer runs from the cathode's surface, where the metal signal sets in, to where a witness of the metal's state
changes. A witness is a ratio of two areas, q(x) = num(x) / den(x): the L3 share of the white lines, the O K pre-edge
over the main edge, L3's centroid. Each is modelled as one level in the layer, one in the bulk and an error function
between, the boundary and its width common to all witnesses:

    q(x) = q_bulk + (q_layer - q_bulk) Phi((x_b - x) / w).

What is fitted is num - q den, not the ratio: it is linear in the counts, so weak positions enter by their weight and
no ratio of noisy areas is ever averaged (sum first, divide second). Where the layer holds rho times the metal of the
bulk, a probe on the boundary sees more of the layer than its share f of the place: rho f / (1 + (rho - 1) f), with rho
from den itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.results import Result

# thickness and width grids, in nm: finer than any error that a line scan reaches
GRID_NM = 0.02
WIDTHS_NM = tuple(np.geomspace(0.05, 4.0, 24))
# least scale of the half-normal prior on the width: without it a broad edge and a thin layer are one; a scan with
# coarser steps than this has its step for it
WIDTH_PRIOR_NM = 1.0
# difference of the Bayesian information criterion that is called strong (Kass & Raftery, JASA 90, 773 (1995))
STRONG = 6.0
# thinner than this no line scan resolves
LEAST_NM = 0.5
# what the model's shape leaves in the thickness at any dose (benchmarks/eels_coverage.md): the probe blurs surface and
# boundary into one another
MODEL_SIGMA_NM = 0.02
# metal of the layer over the bulk's: rocksalt holds up to 1.9 times as much a volume as the layered oxide
DENSITY_RANGE = (0.5, 2.5)


@dataclass(frozen=True)
class Witness:
    """A ratio of two areas at each position, with their covariance.

    Attributes
    ----------
    name : str
    num, den : array, shape (n,)
        Areas in counts.
    var_num, var_den, cov : array, shape (n,)
        Their variances and covariance.
    """

    name: str
    num: NDArray
    den: NDArray
    var_num: NDArray
    var_den: NDArray
    cov: NDArray

    def sigma(self, q: NDArray | float) -> NDArray:
        """Standard error of num - q den."""
        return np.sqrt(np.maximum(self.var_num - 2 * q * self.cov + q**2 * self.var_den, 1e-300))


@dataclass(frozen=True)
class Level(Result):
    """A witness's levels: in the layer and in the bulk, with standard errors."""

    name: str
    layer: float
    layer_sigma: float
    bulk: float
    bulk_sigma: float


@dataclass(frozen=True)
class Surface(Result):
    """The cathode's surface: position and Gaussian width (sigma) in nm, and the standard error of the position."""

    position_nm: float
    sigma_nm: float
    width_nm: float


@dataclass(frozen=True)
class ReactedLayer(Result):
    """Thickness of the reacted layer.

    Attributes
    ----------
    thickness_nm, sigma_nm : float
        ``nan`` where no layer is supported.
    interval_68_nm, interval_95_nm : tuple of float
        Profile-likelihood intervals of the boundary, with the surface's error added in quadrature.
    supported : bool
        Whether one change is preferred to none and to a steady drift, by more than 6 in the Bayesian information
        criterion.
    evidence : float
        That difference; positive favours the layer.
    upper_limit_nm : float
        Where none is supported: the thickest layer of at least ``contrast`` that 95 % of scans would not have shown.
    surface_nm, surface_sigma_nm : float
        Where the metal signal sets in, along the scan.
    boundary_nm, boundary_sigma_nm : float
        Where the witnesses change.
    width_nm : float
        Gaussian width (sigma) of the change, beam blur included.
    reversed : bool
        The scan runs from the bulk to the surface.
    levels : tuple of Level
    chi2, degrees : float, int
        Of the witnesses' fit; standard errors are scaled by sqrt(chi2 / degrees) where that is above 1.
    method, reason : str
        What was done; why something is missing.
    """

    thickness_nm: float
    sigma_nm: float
    interval_68_nm: tuple[float, float]
    interval_95_nm: tuple[float, float]
    supported: bool
    evidence: float
    upper_limit_nm: float
    surface_nm: float
    surface_sigma_nm: float
    boundary_nm: float
    boundary_sigma_nm: float
    width_nm: float
    reversed: bool
    levels: tuple[Level, ...]
    chi2: float
    degrees: int
    method: str
    reason: str = ""

    def __str__(self) -> str:
        if self.supported:
            return (
                f"reacted layer {self.thickness_nm:.2f} ± {self.sigma_nm:.2f} nm (68 %: {self.interval_68_nm[0]:.2f}-"
                f"{self.interval_68_nm[1]:.2f} nm, interface sigma {self.width_nm:.2f} nm)"
            )
        limit = f", upper limit {self.upper_limit_nm:.2f} nm (95 %)" if np.isfinite(self.upper_limit_nm) else ""
        return f"no reacted layer supported{limit}: {self.reason}"


def find_surface(
    positions: NDArray, metal: NDArray, variance: NDArray, inside: NDArray | None = None
) -> tuple[Surface | None, bool, str]:
    """Fit where the metal signal sets in.

    The signal is a wedge cut off by the surface, M(x) = (m0 + m1 (x - x_s) + k f(x)) Phi((x - x_s) / w), where f is
    the layer's profile: a densified layer holds more metal a nanometre than the bulk does.

    Parameters
    ----------
    positions : array, shape (n,)
        In nm, rising.
    metal, variance : array, shape (n,)
        Metal signal and its variance.
    inside : array, shape (n,), optional
        The layer's profile f, once it is known.

    Returns
    -------
    Surface or None
        None when the scan does not cross the surface.
    bool
        Whether the scan runs from the bulk to the surface.
    str
        Why there is no surface.
    """
    n = positions.size
    edge = max(2, n // 8)
    good = np.isfinite(metal)
    metal = np.where(good, metal, 0.0)
    plateau = np.quantile(metal[good], 0.9) if good.any() else 0.0
    if not plateau > 0:
        return None, False, "no metal signal along the scan"
    ends = metal[:edge].mean() / plateau, metal[-edge:].mean() / plateau
    backwards = ends[1] < ends[0]
    if min(ends) > 0.35:
        return None, bool(backwards), "the scan does not cross the cathode's surface: metal signal at both ends"
    if max(ends) < 0.35:
        return None, bool(backwards), "the metal signal is gone at both ends of the scan: the bulk is not in it"
    x = -positions[::-1] if backwards else positions
    order = slice(None, None, -1) if backwards else slice(None)
    y, v = metal[order], np.where(good, variance, np.inf)[order]
    # thickness varies by a few per cent from place to place, whatever the counts say
    v = v + (0.02 * plateau) ** 2
    f = np.zeros(n) if inside is None else inside[order]
    step = float(np.median(np.diff(x)))
    half = x[np.flatnonzero(y > plateau / 2)[0]]
    centres = np.arange(half - 4.0, half + 4.0, min(GRID_NM, step / 10))
    widths = np.array([w for w in WIDTHS_NM if w >= 0.3 * step] or [0.3 * step])
    chi2 = _surface_chi2(x, y, v, f, centres, widths, fit_layer=inside is not None)
    profile = chi2.min(0)
    best = int(profile.argmin())
    degrees = max(n - 5, 1)
    scale = max(1.0, profile[best] / degrees)
    low, high = _interval(centres, profile / scale, 1.0)
    width = float(widths[chi2[:, best].argmin()])
    centre = _vertex(centres, profile)
    position = -centre if backwards else centre
    return Surface(float(position), float((high - low) / 2), width), bool(backwards), ""


def _surface_chi2(x, y, v, f, centres, widths, fit_layer) -> NDArray:
    """Chi-squared over (width, centre), the linear terms fitted at each."""
    away = x - centres[:, None]
    cut = ndtr(away / widths[:, None, None])
    terms = [cut, away * cut / 10.0] + ([f * cut] if fit_layer else [])
    design = np.stack(terms, axis=-1) / np.sqrt(v)[:, None]
    return _linear_chi2(design, y / np.sqrt(v))


def _linear_chi2(design: NDArray, y: NDArray) -> NDArray:
    """Least chi-squared of y (n,) by the columns of design (..., n, k)."""
    normal = np.einsum("...nk,...nl->...kl", design, design)
    # a column that a grid point leaves empty must not make the matrix singular
    normal += 1e-9 * np.einsum("...kk->...", normal)[..., None, None] * np.eye(normal.shape[-1]) + 1e-300
    right = np.einsum("...nk,n->...k", design, y)
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    return y @ y - np.einsum("...k,...k->...", right, solution)


def _vertex(grid: NDArray, chi2: NDArray) -> float:
    """Minimum of chi2 between the points of its grid, by the parabola through the lowest three."""
    best = int(chi2.argmin())
    if not 0 < best < grid.size - 1:
        return float(grid[best])
    before, at, after = chi2[best - 1 : best + 2]
    bend = before - 2 * at + after
    return float(grid[best] + (0.5 * (before - after) / bend if bend > 0 else 0.0) * (grid[best + 1] - grid[best]))


def _interval(grid: NDArray, chi2: NDArray, rise: float) -> tuple[float, float]:
    """Ends of the region about the minimum where chi2 stays within ``rise`` of it."""
    best = int(chi2.argmin())
    level = chi2[best] + rise
    ends = []
    for way, last in ((-1, 0), (1, grid.size - 1)):
        at = best
        while at != last and chi2[at + way] <= level:
            at += way
        end = grid[at]
        if at != last:
            # between two points of the grid, where the parabola crosses
            end += way * abs(grid[at + way] - grid[at]) * (level - chi2[at]) / (chi2[at + way] - chi2[at])
        ends.append(float(end))
    return ends[0], ends[1]


def fit_layer(
    positions: NDArray,
    metal: tuple[NDArray, NDArray],
    witnesses: Sequence[Witness],
    *,
    contrast: float = 0.08,
) -> ReactedLayer:
    """Fit the reacted layer to one or more witnesses of a line scan.

    Parameters
    ----------
    positions : array, shape (n,)
        Along the line, in nm, rising.
    metal : tuple of arrays, shape (n,)
        Metal signal and its variance.
    witnesses : sequence of Witness
    contrast : float
        Least difference of the first witness between layer and bulk that an upper limit speaks of; 0.08 in the L3
        share is less than half of what Mn2+ against Mn4+ gives.

    Returns
    -------
    ReactedLayer

    Raises
    ------
    InputError
        Under 8 positions, or positions that do not rise.
    """
    positions = np.asarray(positions, float)
    n = positions.size
    if n < 8:
        raise InputError(f"a layer needs at least 8 positions along the scan, found {n}")
    if not (np.diff(positions) > 0).all():
        raise InputError("positions along the scan must rise")
    names = ", ".join(w.name for w in witnesses)
    method = f"common error-function edge fitted to {names} as num - q den; surface from the metal signal"
    surface, backwards, reason = find_surface(positions, *metal)
    if surface is None:
        return _no_layer(method, reason, backwards)
    x = -positions if backwards else positions
    x_s = -surface.position_nm if backwards else surface.position_nm
    depth = x - x_s
    usable = [_restrict(w, depth > _first_depth(w, depth, surface.width_nm)) for w in witnesses]
    usable = [w for w in usable if w is not None]
    if not usable:
        return _no_layer(method, "no witness is measured in the cathode", backwards, surface)
    boundaries = np.arange(0.0, max(depth.max() - 1.0, 1.0), GRID_NM)
    widths = np.array([w for w in WIDTHS_NM if w >= 0.15 * np.median(np.diff(positions))])
    fit = _fit_edge(depth, usable, boundaries, widths, surface.width_nm)
    # the layer's own density enters the surface: fit it again with the layer known
    profile = ndtr((fit.boundary - depth) / max(fit.width, 1e-3))
    again, _, _ = find_surface(positions, *metal, inside=profile) if fit.evidence > STRONG else (surface, None, "")
    shift = (-again.position_nm if backwards else again.position_nm) - x_s
    surface = again
    thickness = fit.boundary - shift
    sigma_s = float(np.hypot(surface.sigma_nm, MODEL_SIGMA_NM))
    sigma = float(np.hypot(fit.sigma, sigma_s))
    supported = bool(fit.evidence > STRONG and thickness > max(LEAST_NM, 2 * sigma))
    ends = tuple(_outward(fit.boundary, end, sigma_s) - shift for end in fit.interval_68)
    ends95 = tuple(_outward(fit.boundary, end, 1.96 * sigma_s) - shift for end in fit.interval_95)
    limit = float("nan")
    if supported:
        reason = ""
    else:
        limit = _upper_limit(depth, usable[0], boundaries, contrast)
        limit = max(float(np.hypot(limit, 1.64 * sigma_s)), LEAST_NM) if np.isfinite(limit) else limit
        reason = (
            f"one change is not preferred to none or to a steady drift (BIC difference {fit.evidence:.1f}, needed "
            f"{STRONG:g})"
            if fit.evidence <= STRONG
            else f"the change at {thickness:.2f} ± {sigma:.2f} nm is not resolved from the surface"
        )
    boundary = x_s + fit.boundary
    nan = float("nan")
    return ReactedLayer(
        thickness_nm=float(thickness) if supported else nan,
        sigma_nm=sigma if supported else nan,
        interval_68_nm=ends if supported else (nan, nan),
        interval_95_nm=ends95 if supported else (nan, nan),
        supported=supported,
        evidence=float(fit.evidence),
        upper_limit_nm=limit,
        surface_nm=surface.position_nm,
        surface_sigma_nm=surface.sigma_nm,
        boundary_nm=float(-boundary if backwards else boundary) if supported else nan,
        boundary_sigma_nm=float(fit.sigma) if supported else nan,
        width_nm=float(fit.width) if supported else nan,
        reversed=backwards,
        levels=fit.levels,
        chi2=float(fit.chi2),
        degrees=fit.degrees,
        method=method,
        reason=reason,
    )


@dataclass(frozen=True)
class _EdgeFit:
    boundary: float
    sigma: float
    interval_68: tuple[float, float]
    interval_95: tuple[float, float]
    width: float
    evidence: float
    levels: tuple[Level, ...]
    chi2: float
    degrees: int


def _outward(centre: float, end: float, more: float) -> float:
    """Interval end with another error added in quadrature."""
    return centre + np.sign(end - centre) * float(np.hypot(end - centre, more))


def _first_depth(witness: Witness, depth: NDArray, surface_width: float) -> float:
    """Depth from which a witness speaks of the cathode: past the probe's blur, where the coating has a part in it."""
    known = np.isfinite(witness.den)
    outside, inside = known & (depth < -2 * surface_width), known & (depth > 0)
    shared = outside.any() and inside.any() and witness.den[outside].max() > 0.2 * np.median(witness.den[inside])
    return 2 * surface_width if shared else -0.5 * surface_width


def _restrict(witness: Witness, where: NDArray) -> Witness | None:
    """The witness where it is finite and inside; None with too few positions to fit an edge."""
    good = where & np.isfinite(witness.num) & np.isfinite(witness.den) & np.isfinite(witness.var_num)
    good &= np.isfinite(witness.var_den) & (witness.var_num > 0)
    if good.sum() < 6 or witness.den[good].sum() <= 0:
        return None

    def keep(values: NDArray, empty: float) -> NDArray:
        return np.where(good, values, empty)

    # no weight outside, rather than another length for each witness
    return Witness(
        witness.name,
        keep(witness.num, 0.0),
        keep(witness.den, 0.0),
        keep(witness.var_num, np.inf),
        keep(witness.var_den, 0.0),
        keep(witness.cov, 0.0),
    )


def _scaled(witness: Witness, q: NDArray | float) -> tuple[NDArray, NDArray]:
    """num and den over the standard error of num - q den, zero where there is no weight."""
    sigma = witness.sigma(q)
    return witness.num / sigma, witness.den / sigma


def _fit_edge(
    depth: NDArray, witnesses: Sequence[Witness], boundaries: NDArray, widths: NDArray, surface_width: float
) -> _EdgeFit:
    """Best common boundary and width, and whether they are worth their parameters."""
    f = ndtr((boundaries[:, None] - depth) / widths[:, None, None])
    density = np.ones(len(witnesses))
    scale_nm = max(WIDTH_PRIOR_NM, abs(float(np.median(np.diff(depth)))))
    chi2 = np.zeros(f.shape[:2])
    flat = drift = 0.0
    used = 0
    start = [w.num.sum() / w.den.sum() for w in witnesses]
    local: list[NDArray | float] = list(start)
    for sweep in range(3):
        chi2 = np.zeros(f.shape[:2])
        flat = drift = 0.0
        used = 0
        for i, witness in enumerate(witnesses):
            num, den = _scaled(witness, local[i])
            chi2 += _edge_chi2(num, den, _seen(f, density[i]))
            flat += float(_linear_chi2(den[:, None], num))
            drift += float(_linear_chi2(np.stack([den, den * depth / 10.0], axis=-1), num))
            used += int(np.isfinite(witness.var_num).sum())
        penalised = chi2 + (widths[:, None] / scale_nm) ** 2
        at_width, at_boundary = np.unravel_index(penalised.argmin(), penalised.shape)
        best_f = f[at_width, at_boundary]
        # weights from the fitted levels, so that they do not move with the noise of a single position
        if sweep < 2:
            for i, witness in enumerate(witnesses):
                density[i] = _density(witness, depth, best_f, boundaries[at_boundary], surface_width)
                seen = _seen(best_f, density[i])
                levels, _ = _levels(witness, seen, local[i])
                local[i] = levels[0] + (levels[1] - levels[0]) * seen
    k = len(witnesses)
    best = float(chi2[at_width, at_boundary])
    degrees = max(used - 2 * k - 2, 1)
    scale = max(1.0, best / degrees)
    log_n = np.log(max(used, 2))
    # each rival with its own number of parameters: levels; levels and slopes; two levels each, boundary and width
    rivals = min(flat / scale + k * log_n, drift / scale + 2 * k * log_n)
    evidence = rivals - (best / scale + (2 * k + 2) * log_n)
    profile = penalised.min(0) / scale
    low, high = _interval(boundaries, profile, 1.0)
    return _EdgeFit(
        boundary=_vertex(boundaries, profile),
        sigma=(high - low) / 2,
        interval_68=(low, high),
        interval_95=_interval(boundaries, profile, 3.84),
        width=float(widths[at_width]),
        evidence=float(evidence),
        levels=tuple(fit_levels(w, _seen(best_f, rho)) for w, rho in zip(witnesses, density, strict=True)),
        chi2=best,
        degrees=degrees,
    )


def fit_levels(witness: Witness, profile: NDArray) -> Level:
    """Fit a witness's levels at a known profile of the layer.

    Parameters
    ----------
    witness : Witness
        n positions; those with ``nan`` have no weight.
    profile : array, shape (n,)
        Share of the layer at each position, 0 to 1.

    Returns
    -------
    Level
        Standard errors scaled by the root of chi-squared per degree of freedom where that is above 1.
    """
    kept = _restrict(witness, np.isfinite(profile))
    if kept is None:
        nan = float("nan")
        return Level(witness.name, nan, nan, nan, nan)
    profile = np.nan_to_num(profile)
    local: NDArray | float = kept.num.sum() / kept.den.sum()
    for _ in range(3):
        levels, covariance = _levels(kept, profile, local)
        local = levels[0] + (levels[1] - levels[0]) * profile
    residual = (kept.num - local * kept.den) / kept.sigma(local)
    used = np.isfinite(kept.var_num).sum()
    spread = np.sqrt(np.maximum(np.diag(covariance), 0) * max(1.0, residual @ residual / max(used - 2, 1)))
    return Level(witness.name, float(levels[1]), float(spread[1]), float(levels[0]), float(spread[0]))


def _seen(f: NDArray, density: float) -> NDArray:
    """Share of the layer in what is measured, where it fills the share f of the place and is ``density`` as dense."""
    return density * f / (1 + (density - 1) * f)


def _density(witness: Witness, depth: NDArray, f: NDArray, boundary: float, surface_width: float) -> float:
    """The layer's den over the bulk's at the boundary; 1 where two positions of either are not there to tell."""
    cut = ndtr(depth / max(surface_width, 1e-3))
    good = np.isfinite(witness.var_num) & (witness.var_den > 0) & (depth > surface_width)
    if min((good & (f > 0.5)).sum(), (good & (f < 0.5)).sum()) < 2:
        return 1.0
    # thickness varies by a few per cent from place to place, whatever the counts say
    sigma = np.sqrt(witness.var_den[good] + (0.02 * witness.den[good].max()) ** 2)
    design = (cut[good] * np.stack([1 - f[good], f[good], depth[good] / 10])).T / sigma[:, None]
    bulk, layer, slope = np.linalg.lstsq(design, witness.den[good] / sigma, rcond=None)[0]
    wedge = slope * boundary / 10
    return float(np.clip((layer + wedge) / (bulk + wedge), *DENSITY_RANGE)) if bulk + wedge > 0 else 1.0


def _edge_chi2(num: NDArray, den: NDArray, f: NDArray) -> NDArray:
    """Least chi-squared of num = (a + b f) den over a and b, for each profile f (..., n)."""
    d2, nd = den**2, num * den
    s, sf, sff = d2.sum(), f @ d2, f**2 @ d2
    u, v = nd.sum(), f @ nd
    determinant = s * sff - sf**2
    # a profile that no position tells from a constant adds nothing to the constant
    flat = determinant <= 1e-9 * s * np.maximum(sff, 1e-300)
    determinant = np.where(flat, 1.0, determinant)
    gain = np.where(flat, u**2 / s, (sff * u**2 - 2 * sf * u * v + s * v**2) / determinant)
    return num @ num - gain


def _levels(witness: Witness, f: NDArray, q: NDArray | float) -> tuple[NDArray, NDArray]:
    """Bulk and layer level of one witness at a given profile, with covariance."""
    num, den = _scaled(witness, q)
    design = np.stack([den * (1 - f), den * f], axis=-1)
    normal = design.T @ design
    normal += 1e-12 * np.trace(normal) * np.eye(2) + 1e-300
    covariance = np.linalg.inv(normal)
    return covariance @ (design.T @ num), covariance


def _upper_limit(depth: NDArray, witness: Witness, boundaries: NDArray, contrast: float) -> float:
    """Thickest layer of at least ``contrast`` over the bulk that the witness does not rule out at 95 %, one-sided."""
    bulk = witness.num.sum() / witness.den.sum()
    num, den = _scaled(witness, bulk)
    f = ndtr((boundaries[:, None] - depth) / 0.3)
    # the level in the layer is at its least; the bulk's follows
    chi2 = np.array([_linear_chi2(den[:, None], num - contrast * den * row) for row in f])
    scale = max(1.0, float(chi2.min()) / max(np.isfinite(witness.var_num).sum() - 2, 1))
    allowed = np.flatnonzero(chi2 / scale <= chi2.min() / scale + 2.71)
    return float(boundaries[allowed[-1]]) if allowed.size else float("nan")


def _no_layer(method: str, reason: str, backwards: bool, surface: Surface | None = None) -> ReactedLayer:
    nan = float("nan")
    return ReactedLayer(
        nan, nan, (nan, nan), (nan, nan), False, nan, nan,
        nan if surface is None else surface.position_nm,
        nan if surface is None else surface.sigma_nm,
        nan, nan, nan, backwards, (), nan, 0, method, reason,
    )  # fmt: skip
