"""Thickness of the reacted layer from the image: a joint fit of fundamental and half-order profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError, MethodError
from oxyspy.lattice.appearance import Calibration, phase_name
from oxyspy.lattice.demodulation import Spectrum, demodulate, largest_step, quiet_places
from oxyspy.lattice.layer_fit import LayerFit, Shell
from oxyspy.lattice.mapping import ALTERNATIVES, FWHM, PhaseMap
from oxyspy.lattice.parent import INDICES
from oxyspy.lattice.profile import Profiles, profiles, surface_normal
from oxyspy.results import Result

# windows (FWHM, nm) that the thickness is measured with; their spread is part of its error
WINDOWS_NM = (0.6, 0.8, 1.0)
# edges are rounded over some tenths of a nm: the outermost atoms lie (1 - pi/4) of that outside of half the height;
# rounding taken for all, and the standard deviation of what roundings of 0 to 0.6 nm leave: 0.037 nm for points alone,
# (1 - pi/4) 0.6 / sqrt(12); 0.033 nm over 640 simulated images, none of them in benchmarks/lattice_thickness.md
EDGE_ROUNDING_NM = 0.3
EDGE_NM = 0.033
# lattice parameters of the phases, the ruler, are this well known
RULER = 0.01
# no layer below this is credible in an image, nm
LEAST_NM = 0.5
# drop of chi^2 that a layer must bring beyond its parameters, and one phase over another
STRONG = 10.0
BOOTSTRAPS = 60


@dataclass(frozen=True)
class ImageLayer(Result):
    """Thickness of the reacted layer by its lattice image.

    Attributes
    ----------
    thickness_nm, sigma_nm : float
        Along the surface normal, in nm by the lattice's own ruler; ``nan`` where no layer is supported.
    interval_68_nm, interval_95_nm : tuple of float
    supported : bool
        Whether a layer is: at least 0.5 nm, more than three standard errors, and a better fit than none.
    upper_limit_nm : float
        95 % limit where none is supported; ``nan`` otherwise.
    phase : str
        "rocksalt", "spinel" or as the candidates name it; with "or" where an FFT cannot tell.
    surface_spread_nm : float
        Standard deviation of the thickness from strip to strip of 2 nm along the surface, measuring error included.
    interface_nm : float
        Gaussian width (sigma) of the composition change, the window's blur taken off.
    errors_nm : dict
        Parts of sigma: "strips" (bootstrap along the surface), "window", "scale", "edge".
    evidence : float
        Drop of chi^2 by the layer, less what its parameters cost.
    alternatives_nm : dict
        Thickness with every other phase that could be fitted, for comparison.
    strips : int
        Strips of 2 nm that were used.
    depth_nm, fundamental, half, other, model : array
        Mean profiles with the middle window, over the bulk's, and the fit (3, n).
    method, reason : str
        What was done; why something is missing.
    warnings : tuple of str
    """

    thickness_nm: float
    sigma_nm: float
    interval_68_nm: tuple[float, float]
    interval_95_nm: tuple[float, float]
    supported: bool
    upper_limit_nm: float
    phase: str
    surface_spread_nm: float
    interface_nm: float
    errors_nm: dict[str, float]
    evidence: float
    alternatives_nm: dict[str, float]
    strips: int
    method: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    depth_nm: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    fundamental: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    half: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    other: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    model: NDArray = field(default_factory=lambda: np.zeros((3, 0)), repr=False)

    def __str__(self) -> str:
        if self.supported:
            text = (
                f"reacted layer, {self.phase}: {self.thickness_nm:.2f} ± {self.sigma_nm:.2f} nm (68 % "
                f"{self.interval_68_nm[0]:.2f}-{self.interval_68_nm[1]:.2f}), spread along the surface "
                f"{self.surface_spread_nm:.2f} nm over {self.strips} strips; {self.method}"
            )
        else:
            limit = f"; below {self.upper_limit_nm:.2f} nm (95 %)" if np.isfinite(self.upper_limit_nm) else ""
            text = f"no reacted layer supported: {self.reason}{limit}"
        return "\n".join([text, *(f"  warning: {one}" for one in self.warnings)])

    __repr__ = __str__


def layer_thickness(found: PhaseMap, *, windows_nm: Sequence[float] = WINDOWS_NM, seed: int = 0) -> ImageLayer:
    r"""Measure the reacted layer of a mapped image.

    Parameters
    ----------
    found : PhaseMap
        Of `phase_map`.
    windows_nm : sequence of float
        Full widths at half maximum of the windows to measure with.
    seed : int
        Of the bootstrap.

    Notes
    -----
    With the depth u below the surface, t(u) the thickness along the beam (a straight line that begins at the surface),
    :math:`p(u) = \Phi((u - l_s) / w)` the bulk's share, R the rise of the fundamentals in the layer and q, s the
    layer's half orders over the bulk's,

    .. math:: f = t [p + R (1 - p)], \quad h = | t [p \pm q (1 - p)] |, \quad o = t s (1 - p),

    each convolved with the window. A threshold on either profile alone is wrong by 0.6 to 1.8 nm, since the thinner
    edge of the wedge and the stronger scattering of the layer both shift it. The phase decides R, q and s, so each is
    fitted and the best is named; where two fit alike, both are.

    The profile's half height is not yet the surface: a rounded edge begins outside of it, by 0.06 nm on average.

    The standard error is that of the strips along the surface (bootstrap), of the choice of the window, of the ruler
    (1 % of lattice parameters) and of where the crystal begins (0.033 nm: edges rounded by 0 to 0.6 nm), added in
    quadrature: the formal error of the fit alone is several times too small. It does not hold what a real edge may
    have beyond that: steps, dirt, a crystalline coating.
    """
    if found.source is None:
        raise InputError("a map that was loaded has no spectrum left: map the image again, then measure the layer")
    calibration = found.source.calibration
    if calibration.bulk.family != "layered":
        return _none(f"the bulk is {calibration.bulk.label}; the layer is measured against a layered bulk", found)
    shells = _shells(calibration, found)
    if not shells:
        return _none("no candidate other than the bulk's phase", found)
    try:
        read = [_read(found, calibration, width) for width in windows_nm]
    except MethodError as error:
        return _none(str(error), found)
    middle = len(read) // 2
    rng = np.random.default_rng(seed)
    fits = {shell.name: LayerFit(read[middle], windows_nm[middle] / FWHM, shell) for shell in shells}
    pristine = LayerFit(read[middle], windows_nm[middle] / FWHM, None)
    best = _best(fits)
    evidence = float(pristine.chi2 - best.chi2 - 2 * 4)
    values = [best.thickness]
    values += [
        LayerFit(one, width / FWHM, best.shell, start=best.parameters).thickness
        for i, (one, width) in enumerate(zip(read, windows_nm, strict=True))
        if i != middle
    ]
    boots = best.bootstrap(rng, BOOTSTRAPS)
    centre = float(np.mean(values))
    if centre > 0:
        centre += (1 - np.pi / 4) * EDGE_ROUNDING_NM
    errors = {
        "strips": float(boots.std(ddof=1)),
        "window": float(np.std(values, ddof=1)),
        "scale": RULER * centre,
        "edge": EDGE_NM,
    }
    sigma = float(np.sqrt(sum(e**2 for e in errors.values())))
    supported = bool(centre > LEAST_NM and centre > 3 * sigma and evidence > STRONG)
    phase, warnings = _name(best, fits, found)
    strips = len(read[middle].half)
    widths = ", ".join(f"{w:g}" for w in windows_nm)
    method = (
        f"joint fit of fundamental and half-order profiles, Gaussian windows of {widths} nm (FWHM), {best.shell.name} "
        f"on {calibration.bulk.label}, lattice as ruler"
    )
    spread = best.strip_spread()
    common = {
        "phase": phase if supported else "none",
        "surface_spread_nm": spread if supported else float("nan"),
        "interface_nm": best.interface if supported else float("nan"),
        "errors_nm": errors,
        "evidence": evidence,
        "alternatives_nm": {name: one.thickness for name, one in fits.items() if one is not best},
        "strips": strips,
        "method": method,
        "depth_nm": best.depth,
        "fundamental": best.data[0],
        "half": best.data[1],
        "other": best.data[2],
        "model": best.curves(best.parameters),
    }
    if not supported:
        limit = max(LEAST_NM, centre + 1.645 * sigma)
        why = (
            "thinner than 0.5 nm" if centre <= LEAST_NM else "not significant" if evidence > STRONG else "no better fit"
        )
        reason = f"a layer of {centre:.2f} ± {sigma:.2f} nm is {why}"
        nan = float("nan")
        return ImageLayer(
            nan, sigma, (0.0, centre + sigma), (0.0, limit), False, limit, reason=reason, warnings=warnings, **common
        )
    return ImageLayer(
        centre,
        sigma,
        (max(centre - sigma, 0.0), centre + sigma),
        (max(centre - 1.96 * sigma, 0.0), centre + 1.96 * sigma),
        True,
        float("nan"),
        warnings=warnings,
        **common,
    )


def _shells(calibration: Calibration, found: PhaseMap) -> list[Shell]:
    """Return what the candidates would show in place of the bulk."""
    bulk = calibration.amplitudes(calibration.bulk)
    own, other = _families(calibration)
    shells: dict[str, Shell] = {}
    known = found.source.known
    for v in known:
        if v.crystal is calibration.bulk.crystal:
            continue
        a = calibration.amplitudes(v)
        rise = float(a[:3].sum() / bulk[:3].sum())
        shell = Shell(
            phase_name(v, known), rise, float(a[own].sum() / bulk[own].sum()), float(a[other].sum() / bulk[own].sum())
        )
        # planes of another layered candidate are no reacted layer
        if v.family not in ("layered",):
            shells.setdefault(shell.name, shell)
    bare = next((s for s in shells.values() if s.own < 0.05 and s.other < 0.05), None)
    if bare is not None:
        shells["inclined"] = Shell("inclined", 1.0, 0.0, 0.0)
        shells["mixed"] = Shell("mixed", bare.rise, 0.0, 0.0, mixed=True)
    return list(shells.values())


def _best(fits: dict[str, LayerFit]) -> LayerFit:
    """Return the best fit; bulk left in the layer is believed only where it is much, and much better without doubt."""
    pure = min((one for one in fits.values() if not one.shell.mixed), key=lambda one: one.chi2)
    mixed = next((one for one in fits.values() if one.shell.mixed), None)
    if mixed is None or mixed.stays < 0.2:
        return pure
    # the model's own misfit is the yardstick: a thin layer blurred at its boundary looks mixed too
    return mixed if pure.chi2 - mixed.chi2 > STRONG * max(1.0, mixed.chi2 / mixed.degrees) else pure


def _families(calibration: Calibration) -> tuple[NDArray, NDArray]:
    """Return indices of the bulk's own half-order spots, and of the other family's."""
    pairs = np.array([[3, 4], [5, 6]])
    return (pairs[0], pairs[1]) if calibration.bulk.orders[0] else (pairs[1], pairs[0])


def _read(found: PhaseMap, calibration: Calibration, width: float) -> Profiles:
    """Profiles with one window."""
    source, sigma = found.source, width / FWHM
    pixel, spectrum = source.spectrum.pixel, source.spectrum
    if sigma == found.sigma_nm:
        windows, inside = source.windows, found.crystalline
    else:
        if any(now > most for now, most in zip(source.step, largest_step(sigma, pixel, 1.1 * sigma), strict=True)):
            spectrum = Spectrum(source.image, pixel, largest_step(sigma, pixel, 0.8 * sigma), sigma)
        g, quiet = INDICES @ source.basis, quiet_places(pixel, source.basis)
        windows = demodulate(source.image, pixel, g, sigma, spectrum.step, quiet=quiet, spectrum=spectrum)
        rows = np.abs(windows.y_nm[:, None] - found.y_nm).argmin(axis=1)
        columns = np.abs(windows.x_nm[:, None] - found.x_nm).argmin(axis=1)
        inside = found.crystalline[np.ix_(rows, columns)]
    own, other = _families(calibration)
    bulk = calibration.amplitudes(calibration.bulk) * calibration.level
    weights = np.zeros((3, 9))
    weights[0, :3] = 1 / bulk[:3].sum()
    weights[1, own] = weights[2, other] = 1 / bulk[own].sum()
    spacing = (windows.y_nm[1] - windows.y_nm[0], windows.x_nm[1] - windows.x_nm[0])
    normal = surface_normal(inside, spacing, found.lattice.distortion)
    return profiles(windows, inside, normal, found.lattice.distortion, *weights)


def _name(best: LayerFit, fits: dict[str, LayerFit], found: PhaseMap) -> tuple[str, tuple[str, ...]]:
    """Name the layer's phase, with "or" where an FFT cannot tell."""
    known = found.source.known
    bare = next((s.shell.name for s in fits.values() if s.shell.rise > 1.2 and not s.shell.mixed), "rocksalt")
    layered = found.source.calibration.bulk.family
    if best.shell.mixed:
        if best.stays > 0.15:
            text = f"{bare} over {layered} along the beam, or mixed cations"
            return text, (ALTERNATIVES[3],)
        return bare, ()
    if best.shell.name == "inclined":
        return f"{bare} or inclined {layered}", (ALTERNATIVES[1],)
    if best.shell.own > 0.05 or best.shell.other > 0.05:
        if any(v.family == "layered" for v in known):
            return f"{best.shell.name} or layered twins", (ALTERNATIVES[2],)
        return best.shell.name, ()
    # rocksalt told from inclined layered by its rise alone, and only if that is clear
    inclined = fits.get("inclined")
    if inclined is not None and inclined.chi2 - best.chi2 < STRONG:
        return f"{bare} or inclined {layered}", (ALTERNATIVES[1],)
    return best.shell.name, ()


def _none(reason: str, found: PhaseMap) -> ImageLayer:
    nan = float("nan")
    return ImageLayer(
        nan, nan, (nan, nan), (nan, nan), False, nan, "unknown", nan, nan, {}, nan, {}, 0, found.method, reason
    )
