"""The reacted layer of a line scan: surface, change, and whether there is a layer at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.layer.change import fit_change
from oxyspy.layer.grid import linear_chi2, outward
from oxyspy.layer.surface import GRID_NM, WIDTHS_NM, Surface, cathode_amount, find_surface
from oxyspy.layer.witness import Level, Witness, density_ratio, fit_levels, restrict, scaled, seen_share
from oxyspy.results import Result

# difference of the Bayesian information criterion that is called strong (Kass & Raftery, JASA 90, 773 (1995))
STRONG = 6.0
# after three sweeps the surface of a steep wedge has settled to a hundredth of a nm
SURFACE_SWEEPS = 3
# by how much a surface's misfit may grow by chance when the thickness is taken out: simulated scans stay within 1 %;
# and by how much where there is hardly any
WORSE, SLACK = 1.1, 0.1
# thinner than this no line scan resolves
LEAST_NM = 0.5
# what the model's shape leaves in the thickness at any dose (benchmarks/eels_coverage.md): the probe blurs surface and
# boundary into one another
MODEL_SIGMA_NM = 0.01


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
    surface_width_nm : float
        Gaussian width of the surface: the probe's blur and the surface's roughness.
    edge_covariance_nm2 : tuple of tuple of float
        Of boundary and width.
    evidence_two : float
        By how much the information criterion prefers two changes, one layer below another, to one.
    two_nm : tuple of float
        Their depths below the surface; ``nan`` where two are not preferred by more than 6.
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
    surface_width_nm: float
    edge_covariance_nm2: tuple[tuple[float, float], tuple[float, float]]
    evidence_two: float
    two_nm: tuple[float, float]
    reversed: bool
    levels: tuple[Level, ...]
    chi2: float
    degrees: int
    method: str
    reason: str = ""

    def depth(self, positions: NDArray) -> NDArray:
        """Depth of positions below the cathode's surface, in nm."""
        return self.surface_nm - positions if self.reversed else positions - self.surface_nm

    def share(self, depth: NDArray) -> NDArray:
        """Share of the layer in the cathode at each depth, 0 to 1."""
        return ndtr((self.thickness_nm - depth) / max(self.width_nm, 1e-3))

    def __str__(self) -> str:
        if self.supported:
            two = (
                f"; two changes are preferred, at {self.two_nm[0]:.1f} and {self.two_nm[1]:.1f} nm"
                if np.isfinite(self.two_nm[0])
                else ""
            )
            return (
                f"reacted layer {self.thickness_nm:.2f} ± {self.sigma_nm:.2f} nm (68 %: {self.interval_68_nm[0]:.2f}-"
                f"{self.interval_68_nm[1]:.2f} nm, interface sigma {self.width_nm:.2f} nm{two})"
            )
        limit = f", upper limit {self.upper_limit_nm:.2f} nm (95 %)" if np.isfinite(self.upper_limit_nm) else ""
        return f"no reacted layer supported{limit}: {self.reason}"


def fit_layer(
    positions: NDArray,
    metal: tuple[NDArray, NDArray],
    witnesses: Sequence[Witness],
    *,
    low_loss: tuple[NDArray, NDArray] | None = None,
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
    low_loss : tuple of arrays, shape (n,), optional
        Zero-loss intensity and t/λ: with them the surface is found in the metal a thickness, whatever the wedge and the
        coating (`oxyspy.layer.surface.cathode_amount`).
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
    amount = None if low_loss is None else _amount(positions, metal, low_loss, surface, backwards)
    if amount is not None:
        method += " over zero-loss intensity and t/λ"
        metal = metal[0] / amount, metal[1] / amount**2
        witnesses = [witness.over(amount) for witness in witnesses]
        surface = find_surface(positions, *metal)[0] or surface
    x = -positions if backwards else positions
    x_s = -surface.position_nm if backwards else surface.position_nm
    depth = x - x_s
    usable = [restrict(w, depth > _first_depth(w, depth, surface.width_nm)) for w in witnesses]
    usable = [w for w in usable if w is not None]
    if not usable:
        return _no_layer(method, "no witness is measured in the cathode", backwards, surface)
    boundaries = np.arange(0.0, max(depth.max() - 1.0, 1.0), GRID_NM)
    widths = np.array([w for w in WIDTHS_NM if w >= 0.15 * np.median(np.diff(positions))])
    fit = fit_change(depth, usable, boundaries, widths, surface.width_nm)
    # the layer's own density enters the surface: fit it again with the layer known
    inside = ndtr((fit.boundary - depth) / max(fit.width, 1e-3))
    if fit.evidence > STRONG:
        surface = find_surface(positions, *metal, inside=inside)[0] or surface
    shift = (-surface.position_nm if backwards else surface.position_nm) - x_s
    thickness = fit.boundary - shift
    sigma_s = float(np.hypot(surface.sigma_nm, MODEL_SIGMA_NM))
    sigma = float(np.hypot(fit.sigma, sigma_s))
    supported = bool(fit.evidence > STRONG and thickness > max(LEAST_NM, 2 * sigma))
    ends = tuple(outward(fit.boundary, end, sigma_s) - shift for end in fit.interval_68)
    ends95 = tuple(outward(fit.boundary, end, 1.96 * sigma_s) - shift for end in fit.interval_95)
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
    two = supported and fit.evidence_two > STRONG
    nan = float("nan")
    found = ReactedLayer(
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
        surface_width_nm=surface.width_nm,
        edge_covariance_nm2=tuple(tuple(float(v) for v in row) for row in fit.covariance),
        evidence_two=fit.evidence_two,
        two_nm=tuple(at - shift for at in fit.boundaries_two) if two else (nan, nan),
        reversed=backwards,
        levels=(),
        chi2=float(fit.chi2),
        degrees=fit.degrees,
        method=method,
        reason=reason,
    )
    if supported:
        levels = tuple(layer_level(witness, found, positions) for witness in witnesses)
    else:
        levels = tuple(_one_level(witness) for witness in usable)
    return replace(found, levels=levels)


def _amount(positions, metal, low_loss, surface: Surface, backwards: bool) -> NDArray | None:
    """How much of the cathode each position shows; None where the metal does not follow it.

    The metal signal is the witness: a low loss of the same places makes it flatter up to the surface, one of other
    places (recorded apart, drifted in between) makes it worse, and is left alone.
    """
    amount, found = None, surface
    # where the probe's blur ends moves with the surface
    for _ in range(SURFACE_SWEEPS):
        amount = cathode_amount(positions, low_loss, found, backwards)
        found = find_surface(positions, metal[0] / amount, metal[1] / amount**2)[0]
        if found is None:
            return None
    return amount if found.misfit <= WORSE * surface.misfit + SLACK else None


def layer_level(witness: Witness, layer: ReactedLayer, positions: NDArray) -> Level:
    """Levels of any witness in a layer and in its bulk, the uncertainty of the layer's profile included.

    Parameters
    ----------
    witness : Witness
        n positions.
    layer : ReactedLayer
        A supported one.
    positions : array, shape (n,)
        Along the line, in nm.
    """
    depth = layer.depth(np.asarray(positions, float))
    usable = depth > _first_depth(witness, depth, layer.surface_width_nm)
    kept = restrict(witness, usable)
    width = max(layer.width_nm, 1e-3)
    away = (layer.thickness_nm - depth) / width
    inside = ndtr(away)
    rho = 1.0 if kept is None else density_ratio(kept, depth, inside, layer.thickness_nm, layer.surface_width_nm)
    # slopes of the profile by boundary and width, and of what is seen by the profile
    slopes = np.exp(-0.5 * away**2) / np.sqrt(2 * np.pi) / width * np.stack([np.ones_like(away), -away])
    slopes *= rho / (1 + (rho - 1) * inside) ** 2
    values, vectors = np.linalg.eigh(np.asarray(layer.edge_covariance_nm2))
    moves = np.sqrt(np.maximum(values, 0))[:, None] * (vectors.T @ slopes)
    return fit_levels(witness, np.where(usable, seen_share(inside, rho), np.nan), moves)


def _one_level(kept: Witness) -> Level:
    """A restricted witness without a layer: one level, that of everything it sees."""
    nan = float("nan")
    q = kept.num.sum() / kept.den.sum()
    used = np.isfinite(kept.var_num)
    variance = (kept.sigma(q)[used] ** 2).sum()
    return Level(kept.name, nan, nan, float(q), float(np.sqrt(variance) / kept.den.sum()))


def _first_depth(witness: Witness, depth: NDArray, surface_width: float) -> float:
    """Depth from which a witness speaks of the cathode: past the probe's blur, where the coating has a part in it."""
    known = np.isfinite(witness.den)
    outside, inside = known & (depth < -2 * surface_width), known & (depth > 0)
    shared = outside.any() and inside.any() and witness.den[outside].max() > 0.2 * np.median(witness.den[inside])
    return 2 * surface_width if shared else -0.5 * surface_width


def _upper_limit(depth: NDArray, witness: Witness, boundaries: NDArray, contrast: float) -> float:
    """Thickest layer of at least ``contrast`` over the bulk that the witness does not rule out at 95 %, one-sided."""
    bulk = witness.num.sum() / witness.den.sum()
    num, den = scaled(witness, bulk)
    f = ndtr((boundaries[:, None] - depth) / 0.3)
    # the level in the layer is at its least; the bulk's follows
    chi2 = np.array([linear_chi2(den[:, None], num - contrast * den * row) for row in f])
    scale = max(1.0, float(chi2.min()) / max(np.isfinite(witness.var_num).sum() - 2, 1))
    allowed = np.flatnonzero(chi2 / scale <= chi2.min() / scale + 2.71)
    return float(boundaries[allowed[-1]]) if allowed.size else float("nan")


def _no_layer(method: str, reason: str, backwards: bool, surface: Surface | None = None) -> ReactedLayer:
    nan = float("nan")
    return ReactedLayer(
        nan, nan, (nan, nan), (nan, nan), False, nan, nan,
        nan if surface is None else surface.position_nm,
        nan if surface is None else surface.sigma_nm,
        nan, nan, nan, nan if surface is None else surface.width_nm, ((nan, nan), (nan, nan)), nan, (nan, nan),
        backwards, (), nan, 0, method, reason,
    )  # fmt: skip
