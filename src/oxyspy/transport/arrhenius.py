"""D(T) of several temperatures to an activation energy and to D elsewhere, with errors that hold for few points.

Arrhenius is the Vogel-Fulcher-Tammann law with T0 = 0, so one linear fit serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import minimize_scalar

from oxyspy.errors import InputError, MethodError
from oxyspy.results import Result
from oxyspy.transport.fitted import Diffusivity, DiffusivityFit, slopes
from oxyspy.transport.posterior import with_prior
from oxyspy.transport.quantities import K_B, measured, number, plain_number


def fit_arrhenius(
    temperature: Any,
    diffusivity: Any,
    sigma: Any = None,
    *,
    weights: str = "equal",
    errors: str = "t",
    prior: Any = None,
) -> DiffusivityFit:
    r"""Fit ln D against 1/T by weighted least squares.

    Parameters
    ----------
    temperature
        (n,) K.
    diffusivity
        (n,) or (n, runs) cm2/s: one value a temperature, or independent runs of each; ``nan`` is left out.
    sigma
        (n,) or (n, runs) standard errors of ln D. ``None`` takes them from the data.
    weights
        With runs and no ``sigma``: ``"equal"`` (default) pools the scatter of all runs; ``"runs"`` gives each
        temperature the standard deviation of ln D over its own runs, as the study does. With three runs that standard
        deviation is itself known to a factor of two only, and intervals come out too narrow.
    errors
        ``"t"`` (default): ``sigma`` is known up to a factor, which the residuals give; parameters follow a t
        distribution. This is at once the Bayesian posterior with flat priors on ln D0 and Ea and a log-flat one on the
        factor. ``"known"``: ``sigma`` is exact and the parameters are normal.
    prior
        What was known of Ea before, as value and standard error in eV (``(0.9, 0.1)`` or ``"0.9 +- 0.1 eV"``): the
        Bayesian fit, a `PosteriorFit`, with a normal prior on Ea and flat ones on the rest.

    Returns
    -------
    DiffusivityFit
        Ea and D0 with errors; `DiffusivityFit.at` has D elsewhere.

    Raises
    ------
    InputError
        Fewer than three points, one temperature only, a D that is not positive, or a sigma that is not.

    Examples
    --------
    >>> import numpy as np
    >>> T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
    >>> fit = fit_arrhenius(T, 2e-3 * np.exp(-0.92 / (8.617333e-5 * T)))
    >>> round(fit.activation_energy, 3), float(f"{fit.at(300.0).value:.2g}")
    (0.92, 7e-19)

    Points that scatter, and Ea known from elsewhere:

    >>> D = 2e-3 * np.exp(-0.92 / (8.617333e-5 * T)) * (1 + 0.2 * np.array([1, -1, 1, 1, -1, -1]))
    >>> for prior in (None, "0.92 +- 0.03 eV"):
    ...     at = fit_arrhenius(T, D, prior=prior).at(300.0)
    ...     print(f"{at.value:.1e} [{at.low:.1e}, {at.high:.1e}]")
    3.5e-17 [4.3e-19, 2.9e-15]
    8.8e-19 [3.3e-19, 2.4e-18]
    """
    t, y, s, how = _data(temperature, diffusivity, sigma, weights)
    fit = _fit(t, y, s, how, errors, t0=0.0)
    return fit if prior is None else with_prior(fit, t, y, s, *_prior(prior), known=errors == "known")


def _prior(given: Any) -> tuple[float, float]:
    value, sigma = given if isinstance(given, (tuple, list)) and len(given) == 2 else (given, 0.0)
    value, sigma = measured("prior", value, sigma, kind="activation_energy")
    if value.ndim or sigma.ndim or not sigma > 0 or np.isnan(value):
        raise InputError(f"prior: found {given!r}, needed an activation energy and its standard error, e.g. (0.9, 0.1)")
    return float(value), float(sigma)


def fit_vft(
    temperature: Any,
    diffusivity: Any,
    sigma: Any = None,
    *,
    t0: Any = None,
    weights: str = "equal",
    errors: str = "t",
    significance: float = 0.05,
) -> DiffusivityFit:
    """Fit D0 exp(-Ea / kB (T - T0)), with T0 fixed (about 50 K below the glass transition) or fitted.

    Parameters
    ----------
    temperature, diffusivity, sigma
        As in `fit_arrhenius`.
    t0
        K; ``None`` fits it.
    weights, errors
        As in `fit_arrhenius`.
    significance
        Of the F test by which a fitted T0 must improve on Arrhenius.

    Returns
    -------
    DiffusivityFit
        With T0.

    Raises
    ------
    MethodError
        The data cannot hold a fitted T0: too few points, no significant improvement on Arrhenius, or a T0 that runs
        to its limit.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.transport import fit_vft
    >>> T = np.array([1000.0, 1200, 1500, 2000, 2500])
    >>> D = 1e-4 * np.exp(-0.3 / (8.617333e-5 * (T - 600)))
    >>> print(f"{fit_vft(T, D, t0=600.0).activation_energy:.2f} eV")
    0.30 eV
    """
    t, y, s, how = _data(temperature, diffusivity, sigma, weights)
    if t0 is not None:
        fixed = plain_number("t0", t0)
        if not fixed < t.min():
            raise InputError(f"t0: found {fixed:g} K, needed one from 0 to below the lowest temperature, {t.min():g} K")
        return _fit(t, y, s, how, errors, t0=fixed)
    if len(y) < 5 or len(np.unique(t)) < 4:
        raise MethodError(
            f"VFT: found {len(y)} values at {len(np.unique(t))} temperatures, needed 5 at 4 to fit T0; fix t0 instead"
        )
    highest = t.min() * (1 - 1e-3)
    found = minimize_scalar(
        lambda x: _chi2(t, y, s, x), bounds=(0.0, highest), method="bounded", options={"xatol": 1e-3}
    )
    best, chi2, plain = float(found.x), float(found.fun), _chi2(t, y, s, 0.0)
    degrees = len(y) - 3
    # the fit may be perfect, on data without scatter
    f = (plain - chi2) / max(chi2 / degrees, 1e-12 * plain / degrees, 1e-300) if errors == "t" else plain - chi2
    least = stats.f.isf(significance, 1, degrees) if errors == "t" else stats.chi2.isf(significance, 1)
    if f < least or best < 1.0:
        raise MethodError(
            f"VFT: the data cannot hold T0: Arrhenius fits as well (F = {max(f, 0.0):.2g}, needed {least:.2g}); "
            "use fit_arrhenius, or fix t0"
        )
    if best > highest * 0.999:
        raise MethodError(
            f"VFT: T0 runs to the lowest temperature, {t.min():g} K; fix t0 or leave out the lowest points"
        )
    return _fit(t, y, s, how, errors, t0=best, t0_fitted=True)


@dataclass(frozen=True, repr=False)
class LawComparison(Result):
    """One law of D(T) among others of the same data.

    Attributes
    ----------
    law : str
        ``"Arrhenius"``, ``"VFT"`` or ``"VFT, T0 fixed"``.
    fit : DiffusivityFit or None
        ``None`` where the data cannot hold the law.
    weight : float
        Akaike weight, from the criterion with its small-sample term; 0 where there is no fit, ``nan`` for all where
        there are too few points to weigh.
    extrapolated : Diffusivity or None
        D at the temperature asked for; ``None`` where that is not above T0, below which the law has nothing move.
    reason : str
        Why there is no fit; empty where there is one.
    """

    law: str
    fit: DiffusivityFit | None
    weight: float
    extrapolated: Diffusivity | None
    reason: str

    def __repr__(self) -> str:
        if self.fit is None:
            return f"{self.law}: {self.reason}"
        elsewhere = self.extrapolated or f"no D at the temperature asked for, which is not above T0 = {self.fit.t0:g} K"
        return f"{self.law}: {self.weight:.0%}, {elsewhere}"


def compare_laws(
    temperature: Any,
    diffusivity: Any,
    sigma: Any = None,
    *,
    at: Any = 300.0,
    t0: Any = None,
    glass_transition: Any = None,
    **options: Any,
) -> list[LawComparison]:
    """Fit Arrhenius and VFT to the same data and return both with their weights, and what each means elsewhere.

    Parameters
    ----------
    temperature, diffusivity, sigma
        As in `fit_arrhenius`.
    at
        K, where to compare D.
    t0
        K; also fits VFT with this T0 where given.
    glass_transition
        K, where known: an extrapolation across it warns and tells the size it may have.
    **options
        As in `fit_arrhenius`.

    Returns
    -------
    list of LawComparison
        Arrhenius, VFT, and VFT with ``t0`` where given.

    Examples
    --------
    >>> import numpy as np
    >>> T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
    >>> scatter = np.exp(0.1 * np.array([1, -1, -1, 1, 1, -1]))
    >>> for one in compare_laws(T, 2e-3 * np.exp(-0.92 / (8.617333e-5 * T)) * scatter):
    ...     print(one.law, one.weight)
    Arrhenius 1.0
    VFT 0.0
    """
    wanted = plain_number("at", at, kind="temperature")
    laws: list[tuple[str, Any]] = [("Arrhenius", lambda: fit_arrhenius(temperature, diffusivity, sigma, **options))]
    laws.append(("VFT", lambda: fit_vft(temperature, diffusivity, sigma, **options)))
    if t0 is not None:
        laws.append(("VFT, T0 fixed", lambda: fit_vft(temperature, diffusivity, sigma, t0=t0, **options)))
    fits: list[DiffusivityFit | None] = []
    reasons = []
    for _, fit in laws:
        try:
            fits.append(fit())
            reasons.append("")
        except MethodError as error:
            fits.append(None)
            reasons.append(str(error))
    aicc = np.array([np.inf if fit is None else fit.aicc for fit in fits])
    # with too few points for the criterion there is no weighing
    enough = np.isfinite(aicc.min())
    weights = np.exp(-(aicc - aicc.min()) / 2) if enough else np.full(len(aicc), np.nan)
    weights = weights / weights.sum()
    return [
        LawComparison(
            law=name,
            fit=fit,
            weight=float(weight),
            extrapolated=fit.at(wanted, glass_transition=glass_transition) if fit and wanted > fit.t0 else None,
            reason=reason,
        )
        for (name, _), fit, weight, reason in zip(laws, fits, weights, reasons, strict=True)
    ]


def _data(temperature, diffusivity, sigma, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """Return temperatures, ln D and its relative errors as flat arrays, and how the errors were made."""
    t, d = number("temperature", temperature), number("diffusivity", diffusivity, kind="D")
    if t.ndim != 1 or d.ndim not in (1, 2) or len(d) != len(t):
        raise InputError(
            f"temperature and diffusivity: found shapes {t.shape} and {d.shape}, needed (n,) and (n,) or (n, runs)"
        )
    if not np.all(np.isfinite(t)):
        raise InputError("temperature: found one that is not known; needed one for every D")
    y = np.log(d)
    if sigma is not None:
        s = _errors_of(sigma, y)
        how = "weights from the given errors"
    elif y.ndim == 2 and weights == "runs":
        # one point a temperature, as the study fits them
        spread = np.nanstd(y, axis=1, ddof=1)
        y, s, how = (
            np.nanmean(y, axis=1),
            spread,
            "weights from the standard deviation over the runs of each temperature",
        )
    elif weights in ("equal", "runs"):
        s, how = np.ones_like(y), "equal weights"
    else:
        raise InputError(f"weights: found {weights!r}, needed 'equal' or 'runs'")
    t = np.broadcast_to(t if y.ndim == 1 else t[:, None], y.shape)
    keep = np.isfinite(y)
    t, y, s = t[keep], y[keep], s[keep]
    if not np.all(s > 0):
        raise InputError("sigma: found errors of ln D that are not positive; needed one for every D")
    if len(y) < 3 or len(np.unique(t)) < 2:
        raise InputError(
            f"found {len(y)} values of D at {len(np.unique(t))} temperatures, needed 3 values at 2 or more"
        )
    return t, y, s, how


def _errors_of(sigma, y: np.ndarray) -> np.ndarray:
    try:
        given = np.asarray(sigma, dtype=float)
        return np.broadcast_to(given[:, None] if given.ndim == 1 and y.ndim == 2 else given, y.shape)
    except (TypeError, ValueError):
        raise InputError(f"sigma: found {np.shape(sigma)}, needed standard errors of ln D of shape {y.shape}") from None


def _chi2(t, y, s, t0) -> float:
    return float(_line(t, y, s, t0)[1])


def _line(t, y, s, t0) -> tuple[np.ndarray, float]:
    x = 1 / (K_B * (t - t0))
    w = 1 / s**2
    # about the weighted mean, so that no digits are lost
    mean_x, mean_y = np.average(x, weights=w), np.average(y, weights=w)
    ea = -np.sum(w * (x - mean_x) * (y - mean_y)) / np.sum(w * (x - mean_x) ** 2)
    parameters = np.array([mean_y + ea * mean_x, ea])
    residual = y - (parameters[0] - ea * x)
    return parameters, np.sum(w * residual**2)


def _fit(t, y, s, how, errors, *, t0: float, t0_fitted: bool = False) -> DiffusivityFit:
    if errors not in ("t", "known"):
        raise InputError(f"errors: found {errors!r}, needed 't' or 'known'")
    (ln_d0, ea), chi2 = _line(t, y, s, t0)
    k = 3 if t0_fitted else 2
    degrees = len(y) - k
    design = slopes(t, t0, ea)[:, :k] / s[:, None]
    # scaled columns: ln D0 and Ea are almost collinear far from 1/T = 0
    scale = np.sqrt(np.sum(design**2, axis=0))
    covariance = np.linalg.inv((design / scale).T @ (design / scale)) / np.outer(scale, scale)
    reduced = chi2 / degrees
    if errors == "t":
        covariance = covariance * reduced
    n, parameters = len(y), k + (errors == "t")
    small = 2 * parameters * (parameters + 1) / (n - parameters - 1) if n > parameters + 1 else np.inf
    deviance = n * np.log(max(chi2, 1e-300) / n) if errors == "t" else chi2
    spread = np.sqrt(1 / np.mean(1 / s**2))
    return DiffusivityFit(
        activation_energy=float(ea),
        activation_energy_sigma=float(np.sqrt(covariance[1, 1])),
        ln_d0=float(ln_d0),
        ln_d0_sigma=float(np.sqrt(covariance[0, 0])),
        t0=t0,
        t0_sigma=float(np.sqrt(covariance[2, 2])) if t0_fitted else 0.0,
        covariance=covariance,
        degrees=float(degrees) if errors == "t" else np.inf,
        chi2_reduced=float(reduced),
        scatter=float(spread * (np.sqrt(reduced) if errors == "t" else 1.0)),
        aicc=float(deviance + 2 * parameters + small),
        temperature_low=float(t.min()),
        temperature_high=float(t.max()),
        points=n,
        method=f"{how}; {'t errors' if errors == 't' else 'errors taken as known'}",
    )
