"""Thickness of the reacted layer from the image: a joint fit of fundamental and half-order profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError, MethodError
from oxyspy.lattice.demodulation import Spectrum, demodulate, largest_step, quiet_places
from oxyspy.lattice.layer_fit import LayerFit
from oxyspy.lattice.mapping import FWHM
from oxyspy.lattice.maps import PhaseMap
from oxyspy.lattice.parent import INDICES
from oxyspy.lattice.profile import Profiles, profiles, surface_normal
from oxyspy.lattice.shells import STRONG, best_of, name_of, profile_weights, shells_of
from oxyspy.results import Result

# windows (FWHM, nm) that the thickness is measured with; their spread is part of its error
WINDOWS_NM = (0.6, 0.8, 1.0)
# of what may be asked for: narrower ones hold no lattice period, wider ones lose the layer
NARROWEST_NM, WIDEST_NM = 0.4, 1.5
# edges are rounded over some tenths of a nm, and the outermost atoms lie outside of half the height: by (1 - pi/4) of
# the rounding for points, 0.064 nm for 0.3 nm; by 0.053 nm over 319 simulated images with roundings of 0 to 0.6 nm,
# none of them in benchmarks/lattice_thickness.md; and the standard deviation of a shift in proportion to such roundings
EDGE_SHIFT_NM = 0.053
EDGE_NM = EDGE_SHIFT_NM / np.sqrt(3)
# lattice parameters of the phases, the ruler, are this well known
RULER = 0.01
# no layer below this is credible in an image, nm
LEAST_NM = 0.5
# beyond this chi^2 over degrees of freedom the profiles are not those of one layer on this bulk; right fits reach 7
MISFIT = 12.0
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
        Standard deviation of the thickness from strip to strip of 2 nm along the surface, measuring error taken off.
    interface_nm : float
        Gaussian width (sigma) of the composition change, the window's blur taken off.
    errors_nm : dict
        Parts of sigma: "strips" (bootstrap along the surface), "window", "scale", "edge".
    evidence : float
        Drop of chi^2 by the layer, less what its parameters cost.
    alternatives_nm : dict
        Thickness with every other phase that could be fitted, for comparison.
    misfit : float
        chi^2 of the fit over its degrees of freedom, with 3 % for the model; right ones stay below 7.
    strips : int
        Strips of 2 nm that were used.
    along_nm, along_thickness_nm, along_sigma_nm : array
        Middle of each strip along the surface, true nm, its own thickness, and the standard error of that by counting.
    depth_nm, fundamental, half, other, model : array
        Mean profiles with the middle window, over the bulk's, and the fit (3, n).
    noise : array
        Standard error of ``fundamental`` by counting.
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
    misfit: float
    strips: int
    method: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    depth_nm: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    fundamental: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    half: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    other: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    model: NDArray = field(default_factory=lambda: np.zeros((3, 0)), repr=False)
    noise: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    along_nm: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    along_thickness_nm: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)
    along_sigma_nm: NDArray = field(default_factory=lambda: np.zeros(0), repr=False)

    def plot(self):
        """Return a figure of the profiles and the fit; see `oxyspy.lattice.figures.plot_profile`."""
        from oxyspy.lattice.figures import plot_profile

        return plot_profile(self)

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
        Full widths at half maximum of the windows to measure with, two or more.
    seed : int
        Of the bootstrap.

    Returns
    -------
    ImageLayer
        Thickness with its error, or an upper limit and a reason.

    Raises
    ------
    InputError
        Fewer than two windows, or one that is too narrow or too wide.

    Notes
    -----
    With the depth u below the surface, t(u) the thickness along the beam (a straight line that begins at the surface),
    :math:`p(u) = \Phi((u - l_s) / w)` the bulk's share, R the rise of the fundamentals in the layer and q, s the
    layer's half orders over the bulk's,

    .. math:: f = t [p + R (1 - p)], \quad h = | t [p \pm q (1 - p)] |, \quad o = t s (1 - p),

    each convolved with the window; h and o hold the half orders that the bulk shows, and those that it does not. On a
    bulk without half orders h is nothing, and o is over the fundamentals. A threshold on either profile alone is wrong
    by 0.6 to 1.8 nm, since the thinner edge of the wedge and the stronger scattering of the layer both shift it. The
    phase decides R, q and s, so each is fitted and the best is named; where two fit alike, both are.

    The profile's half height is not yet the surface: a rounded edge begins outside of it, by 0.05 nm on average.

    The standard error is that of the strips along the surface (bootstrap), of the choice of the window, of the ruler
    (1 % of lattice parameters) and of where the crystal begins (0.031 nm: edges rounded by 0 to 0.6 nm), added in
    quadrature: the formal error of the fit alone is several times too small. It does not hold what a real edge may
    have beyond that: steps, dirt, a crystalline coating.

    Examples
    --------
    >>> from oxyspy.lattice import layer_thickness, phase_map
    >>> from oxyspy.simulate import simulate_image
    >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
    >>> layer = layer_thickness(phase_map(made.counts, made.pixel_nm))
    >>> print(layer.phase, layer.supported)
    rocksalt True
    """
    widths = [float(one) for one in windows_nm]
    if len(widths) < 2 or not all(NARROWEST_NM <= one <= WIDEST_NM for one in widths):
        raise InputError(
            f"windows of {', '.join(f'{one:g}' for one in widths) or 'none'} nm: needed two or more between "
            f"{NARROWEST_NM:g} and {WIDEST_NM:g} nm (full width at half maximum), as their spread is part of the error"
        )
    bulk = found.source.calibration.bulk
    shells = shells_of(found)
    if not shells:
        return _none(
            f"the bulk is {bulk.label}, and no candidate differs from it in its half orders: they are what a layer is "
            "measured by",
            found,
        )
    try:
        read = [_read(found, width) for width in widths]
    except MethodError as error:
        return _none(str(error), found)
    middle = len(read) // 2
    fits = {shell.name: LayerFit(read[middle], widths[middle] / FWHM, shell) for shell in shells}
    pristine = LayerFit(read[middle], widths[middle] / FWHM, None)
    best = best_of(fits)
    evidence = float(pristine.chi2 - best.chi2 - 2 * 4)
    values = [best.thickness]
    values += [
        LayerFit(one, width / FWHM, best.shell, start=best.parameters).thickness
        for i, (one, width) in enumerate(zip(read, widths, strict=True))
        if i != middle
    ]
    centre = float(np.mean(values))
    if centre > 0:
        centre += EDGE_SHIFT_NM
    errors = {
        "strips": float(best.bootstrap(np.random.default_rng(seed), BOOTSTRAPS).std(ddof=1)),
        "window": float(np.std(values, ddof=1)),
        "scale": RULER * centre,
        "edge": EDGE_NM,
    }
    sigma = float(np.sqrt(sum(e**2 for e in errors.values())))
    supported = bool(centre > LEAST_NM and centre > 3 * sigma and evidence > STRONG)
    phase, warnings = name_of(best, fits, found) if supported else ("none", ())
    if best.misfit > MISFIT:
        warnings = (
            *warnings,
            f"the profiles are not those of one layer on {bulk.label}: chi^2 over degrees of freedom is "
            f"{best.misfit:.0f}, right fits stay below 7; look at them before the thickness is used",
        )
    along, spread = _along(best, read[middle])
    nan = float("nan")
    common = {
        "phase": phase,
        "surface_spread_nm": spread if supported else nan,
        "interface_nm": best.interface if supported else nan,
        "errors_nm": errors,
        "evidence": evidence,
        "alternatives_nm": {name: one.thickness for name, one in fits.items() if one is not best},
        "misfit": best.misfit,
        "strips": len(read[middle].half),
        "method": (
            "joint fit of fundamental and half-order profiles, Gaussian windows of "
            f"{', '.join(f'{w:g}' for w in widths)} nm (FWHM), {best.shell.name} on {bulk.label}, lattice as ruler"
        ),
        "warnings": (*found.caveats, *warnings),
        "depth_nm": best.depth,
        "fundamental": best.data[0],
        "half": best.data[1],
        "other": best.data[2],
        "model": best.curves(best.parameters),
        "noise": np.nanmean(best.noise, axis=0) / np.sqrt(len(best.noise)),
        **along,
    }
    if not supported:
        limit = max(LEAST_NM, centre + 1.645 * sigma)
        why = (
            "thinner than 0.5 nm" if centre <= LEAST_NM else "not significant" if evidence > STRONG else "no better fit"
        )
        reason = f"a layer of {centre:.2f} ± {sigma:.2f} nm is {why}"
        return ImageLayer(nan, sigma, (0.0, centre + sigma), (0.0, limit), False, limit, reason=reason, **common)
    intervals = [(max(centre - z * sigma, 0.0), centre + z * sigma) for z in (1.0, 1.96)]
    return ImageLayer(centre, sigma, *intervals, True, nan, **common)


def _along(best: LayerFit, read: Profiles) -> tuple[dict[str, NDArray], float]:
    """Thickness strip by strip, and its standard deviation along the surface without the measuring error."""
    values, errors = best.single_strips()
    where = np.where(values > 0, EDGE_SHIFT_NM, 0.0)
    spread = float("nan")
    if len(values) > 2:
        spread = float(np.sqrt(max(values.var(ddof=1) - (errors**2).mean(), 0.0)))
    return {"along_nm": read.along_nm, "along_thickness_nm": values + where, "along_sigma_nm": errors}, spread


def _read(found: PhaseMap, width: float) -> Profiles:
    """Profiles with one window."""
    source, sigma = found.source, width / FWHM
    pixel, spectrum = source.spectrum.pixel, source.spectrum
    if sigma == found.sigma_nm:
        windows, inside = source.windows, found.inside
    else:
        if any(now > most for now, most in zip(source.step, largest_step(sigma, pixel, 1.1 * sigma), strict=True)):
            spectrum = Spectrum(source.image, pixel, largest_step(sigma, pixel, 0.8 * sigma), sigma)
        g, quiet = INDICES @ source.basis, quiet_places(pixel, source.basis)
        windows = demodulate(source.image, pixel, g, sigma, spectrum.step, quiet=quiet, spectrum=spectrum)
        rows = np.abs(windows.y_nm[:, None] - found.y_nm).argmin(axis=1)
        columns = np.abs(windows.x_nm[:, None] - found.x_nm).argmin(axis=1)
        inside = found.inside[np.ix_(rows, columns)]
    normal = surface_normal(inside, windows.spacing, found.lattice.distortion)
    return profiles(windows, inside, normal, found.lattice.distortion, *profile_weights(source.calibration))


def _none(reason: str, found: PhaseMap) -> ImageLayer:
    nan = float("nan")
    nothing = {"surface_spread_nm": nan, "interface_nm": nan, "errors_nm": {}, "evidence": nan, "alternatives_nm": {}}
    return ImageLayer(
        *(nan, nan, (nan, nan), (nan, nan), False, nan, "unknown"),
        **nothing,
        misfit=nan,
        strips=0,
        method=found.method,
        reason=reason,
        warnings=found.caveats,
    )
