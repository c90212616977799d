"""The reacted layer of a line scan: surface, change, and whether there is a layer at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.layer.adf import combined_surface
from oxyspy.layer.agreement import against_all, agreement
from oxyspy.layer.change import Change, fit_change
from oxyspy.layer.grid import GRID_NM, inflation, outward
from oxyspy.layer.reacted import ReactedLayer, WitnessLayer
from oxyspy.layer.surface import WIDTHS_NM, Surface, cathode_amount, find_surface
from oxyspy.layer.witness import Level, Witness, density_ratio, fit_levels, restrict, scaled, seen_share

# difference of the Bayesian information criterion that is called strong (Kass & Raftery, JASA 90, 773 (1995))
STRONG = 6.0
# after three sweeps the surface of a steep wedge has settled to a hundredth of a nm
SURFACE_SWEEPS = 3
# by how much a surface's misfit may grow by chance when the thickness is taken out: simulated scans stay within 1 %;
# and by how much where there is hardly any
WORSE, SLACK = 1.1, 0.1
# coarser than this no line scan looks for a layer, in nm
COARSEST_NM = 100.0
# thinner than this no line scan resolves
LEAST_NM = 0.5


def fit_layer(
    positions: NDArray,
    metal: tuple[NDArray, NDArray],
    witnesses: Sequence[Witness],
    *,
    others: Sequence[Witness] = (),
    low_loss: tuple[NDArray, NDArray] | None = None,
    adf: NDArray | None = None,
    each: bool = True,
) -> ReactedLayer:
    """Fit the reacted layer to one or more witnesses of a line scan.

    Parameters
    ----------
    positions : array, shape (n,)
        Along the line, in nm, rising.
    metal : tuple of arrays, shape (n,)
        Metal signal and its variance.
    witnesses, others : sequence of Witness
        Those of the common fit, and those that are only fitted alone, to compare.
    low_loss : tuple of arrays, shape (n,), optional
        Zero-loss intensity and t/λ: with them the surface is found in the metal a thickness, whatever the wedge and the
        coating (`oxyspy.layer.surface.cathode_amount`).
    adf : array, shape (n,), optional
        Annular dark-field signal of the same positions, in any unit: a second witness of the surface.
    each : bool
        Whether every witness is fitted alone too.

    Returns
    -------
    ReactedLayer
        Thickness with its intervals, or an upper limit and a reason.

    Raises
    ------
    InputError
        Under 8 positions, positions that do not rise, or ones more than 100 nm apart.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.layer import Witness, fit_layer
    >>> x = np.arange(0.0, 20.0, 0.4)
    >>> noise = np.random.default_rng(0)
    >>> metal = 1e4 * np.clip(x - 5.8, 0.0, 1.0)
    >>> share = np.where(x < 8.0, 0.80, 0.66) * metal
    >>> counting = np.full(x.size, 100.0)
    >>> l3 = Witness("L3 share", num=noise.normal(share, 60.0), den=metal, var_num=36 * counting, var_den=counting,
    ...              cov=np.zeros(x.size), metal=metal, var_metal=counting)
    >>> fit_layer(x, (metal, counting), [l3]).supported
    True
    """
    positions = np.asarray(positions, float)
    _check(positions)
    names = ", ".join(w.name for w in witnesses)
    method = f"common error-function edge fitted to {names} as num - q den; surface from the metal signal"
    surface, backwards, reason = find_surface(positions, *metal)
    if surface is None:
        return _no_layer(method, reason, backwards)
    amount = None if low_loss is None else _amount(positions, metal, low_loss, surface, backwards)
    if amount is not None:
        method += " over zero-loss intensity and t/λ"
        metal = metal[0] / amount, metal[1] / amount**2
        witnesses, others = ([witness.over(amount) for witness in given] for given in (witnesses, others))
        surface = find_surface(positions, *metal)[0] or surface
    x = -positions if backwards else positions
    x_s = -surface.position_nm if backwards else surface.position_nm
    depth = x - x_s
    usable, spare = (
        [w for w in (restrict(w, depth > _first_depth(w, depth, surface.width_nm)) for w in given) if w is not None]
        for given in (witnesses, others)
    )
    if not usable:
        return _no_layer(method, "no witness is measured in the cathode", backwards, surface)
    deepest = max(float(depth[np.isfinite(metal[0])].max()) - 1.0, 1.0)
    widths = np.array([w for w in WIDTHS_NM if w >= 0.15 * np.median(np.diff(positions))])
    fit = fit_change(depth, usable, deepest, widths, surface.width_nm)
    # the layer's own density enters the surface: fit it again with the layer known
    inside = ndtr((fit.boundary - depth) / max(fit.width, 1e-3)) if fit.evidence > STRONG else None
    if inside is not None:
        surface = find_surface(positions, *metal, inside=inside)[0] or surface
    both = combined_surface(positions, surface, adf, backwards, inside)
    method += both.method
    shift = (-both.position_nm if backwards else both.position_nm) - x_s
    sigma_s = both.sigma_nm
    alone = ()
    if each:
        # of one witness the common fit is its own
        ready = {id(usable[0]): fit} if len(usable) == 1 else {}
        alone = tuple(
            _alone(
                w, joint, ready.get(id(w)) or fit_change(depth, [w], deepest, widths, surface.width_nm, two=False),
                shift, sigma_s,
            )
            for joint, given in ((True, usable), (False, spare)) for w in given
        )  # fmt: skip
    agreed = agreement(alone, fit.chi2, fit.degrees)
    thickness = fit.boundary - shift
    model = max(w.model_nm for w in usable)
    boundary_sigma = float(np.hypot(fit.sigma * agreed.widening, model))
    sigma = float(np.hypot(boundary_sigma, sigma_s))
    # a contradiction about its thickness is none about there being a layer
    supported = _is_supported(fit, thickness, float(np.hypot(fit.sigma, sigma_s)))
    limit, reason = float("nan"), ""
    if not supported:
        limit = _upper_limit(depth, usable[0], deepest)
        limit = max(float(np.hypot(limit, 1.64 * sigma_s)), LEAST_NM) if np.isfinite(limit) else limit
        reason = (
            f"one change is not preferred to none or to a steady drift (BIC difference {fit.evidence:.1f}, needed "
            f"{STRONG:g})"
            if fit.evidence <= STRONG
            else f"the change at {thickness:.2f} ± {sigma:.2f} nm is not resolved from the surface"
        )
    boundary = x_s + fit.boundary
    two = supported and fit.evidence_two > STRONG
    nan, nothing = float("nan"), (float("nan"), float("nan"))
    found = ReactedLayer(
        thickness_nm=float(thickness) if supported else nan,
        sigma_nm=sigma if supported else nan,
        interval_68_nm=_ends(fit, 68, shift, np.hypot(sigma_s, model), agreed.widening) if supported else nothing,
        interval_95_nm=_ends(fit, 95, shift, np.hypot(sigma_s, model), agreed.widening) if supported else nothing,
        supported=supported,
        evidence=float(fit.evidence),
        upper_limit_nm=limit,
        surface_nm=both.position_nm,
        surface_sigma_nm=both.sigma_nm,
        metal_surface_nm=surface.position_nm,
        metal_surface_sigma_nm=surface.sigma_nm,
        adf_surface_nm=both.adf_nm,
        adf_surface_sigma_nm=both.adf_sigma_nm,
        boundary_nm=float(-boundary if backwards else boundary) if supported else nan,
        boundary_sigma_nm=float(boundary_sigma) if supported else nan,
        width_nm=float(fit.width) if supported else nan,
        surface_width_nm=surface.width_nm,
        edge_covariance_nm2=tuple(tuple(float(v) for v in row) for row in fit.covariance),
        evidence_two=fit.evidence_two,
        two_nm=tuple(at - shift for at in fit.boundaries_two) if two else nothing,
        two_sigma_nm=tuple(float(np.hypot(s, sigma_s)) for s in fit.sigma_two) if two else nothing,
        amount=None,
        reversed=backwards,
        levels=(),
        by_witness=alone,
        agreement_chi2=agreed.chi2,
        agreement_degrees=agreed.degrees,
        agreement_probability=agreed.probability,
        chi2=float(fit.chi2),
        degrees=fit.degrees,
        method=method,
        reason=reason,
        notes=(*both.notes, *agreed.notes, *(against_all(alone, thickness, boundary_sigma) if supported else ())),
    )
    if supported:
        levels = tuple(layer_level(witness, found, positions) for witness in (*witnesses, *others))
    else:
        levels = tuple(_one_level(witness) for witness in usable + spare)
    return replace(found, levels=levels, amount=amount)


def _check(positions: NDArray) -> None:
    if positions.size < 8:
        raise InputError(f"a layer needs at least 8 positions along the scan, found {positions.size}")
    if not (np.diff(positions) > 0).all():
        raise InputError("positions along the scan must rise")
    if (step := float(np.median(np.diff(positions)))) > COARSEST_NM:
        raise InputError(f"positions every {step:g} nm are too coarse for a layer of nm: is the axis's unit right?")


def _is_supported(fit: Change, thickness: float, sigma: float) -> bool:
    return bool(fit.evidence > STRONG and thickness > max(LEAST_NM, 2 * sigma))


def _ends(fit: Change, level: int, shift: float, sigma_s: float, widening: float) -> tuple[float, float]:
    """Interval of the thickness: the boundary's, with the surface's error in quadrature."""
    ends, z = (fit.interval_68, 1.0) if level == 68 else (fit.interval_95, 1.96)
    wide = (fit.boundary + widening * (end - fit.boundary) for end in ends)
    return tuple(outward(fit.boundary, end, z * sigma_s) - shift for end in wide)


def _alone(witness: Witness, joint: bool, fit: Change, shift: float, sigma_s: float) -> WitnessLayer:
    thickness, own = float(fit.boundary - shift), float(np.hypot(fit.sigma, witness.model_nm))
    nan, nothing = float("nan"), (float("nan"), float("nan"))
    supported = _is_supported(fit, thickness, float(np.hypot(own, sigma_s)))
    numbers = (nan, nan, nothing, nothing, nan)
    if supported:
        ends = (_ends(fit, level, shift, np.hypot(sigma_s, witness.model_nm), 1.0) for level in (68, 95))
        numbers = (thickness, float(np.hypot(own, sigma_s)), *ends, own)
    return WitnessLayer(witness.name, joint, supported, *numbers, float(fit.evidence), float(fit.chi2), fit.degrees)


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

    Returns
    -------
    Level
        In the layer and in the bulk, with standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.layer import Witness, fit_layer, layer_level
    >>> x = np.arange(0.0, 20.0, 0.4)
    >>> noise = np.random.default_rng(0)
    >>> metal = 1e4 * np.clip(x - 5.8, 0.0, 1.0)
    >>> share = np.where(x < 8.0, 0.80, 0.66) * metal
    >>> counting = np.full(x.size, 100.0)
    >>> l3 = Witness("L3 share", num=noise.normal(share, 60.0), den=metal, var_num=36 * counting, var_den=counting,
    ...              cov=np.zeros(x.size), metal=metal, var_metal=counting)
    >>> layer = fit_layer(x, (metal, counting), [l3])
    >>> print(f"{layer_level(l3, layer, x).bulk:.2f}")
    0.66
    """
    if layer.amount is not None:
        witness = witness.over(layer.amount)
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


def _upper_limit(depth: NDArray, witness: Witness, deepest: float) -> float:
    """Thickest layer of the witness's least contrast that it does not rule out at 95 %, one-sided."""
    bulk = witness.num.sum() / witness.den.sum()
    num, den = scaled(witness, bulk)
    boundaries = np.arange(0.0, deepest, max(GRID_NM, abs(float(np.median(np.diff(depth)))) / 20))
    inside = den * ndtr((boundaries[:, None] - depth) / 0.3)
    limits = []
    for contrast in (witness.contrast,) if witness.signed else (witness.contrast, -witness.contrast):
        # the level in the layer is at its least; the bulk's follows
        rest = num - contrast * inside
        chi2 = (rest**2).sum(-1) - (rest @ den) ** 2 / (den @ den)
        scale = inflation(float(chi2.min()), max(int(np.isfinite(witness.var_num).sum()) - 2, 1))
        allowed = np.flatnonzero(chi2 / scale <= chi2.min() / scale + 2.71)
        limits += [float(boundaries[allowed[-1]])] if allowed.size else []
    return max(limits, default=float("nan"))


def _no_layer(method: str, reason: str, backwards: bool, surface: Surface | None = None) -> ReactedLayer:
    nan, nothing = float("nan"), (float("nan"), float("nan"))
    known = (nan, nan) if surface is None else (surface.position_nm, surface.sigma_nm)
    return ReactedLayer(
        nan, nan, nothing, nothing, False, nan, nan, *known, *known, nan, nan, nan, nan, nan,
        nan if surface is None else surface.width_nm, (nothing, nothing), nan, nothing, nothing, None, backwards, (),
        (), nan, 0, nan, nan, 0, method, reason,
    )  # fmt: skip
