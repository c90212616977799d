"""Which phase is where: amplitudes of nine spots in every window, and what they can be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from oxyspy.errors import InputError, MethodError
from oxyspy.lattice.appearance import Calibration, calibrate, likelihood, phase_name, states
from oxyspy.lattice.demodulation import Demodulated, Spectrum, demodulate, largest_step, quiet_places
from oxyspy.lattice.fit import LatticeFit, fit_lattice
from oxyspy.lattice.observed import ObservedSpots, find_spots, prepare
from oxyspy.lattice.parent import ALLOWED, INDICES, Variant, structure_amplitudes, variants
from oxyspy.lattice.regions import (
    ALTERNATIVES,
    AMORPHOUS,
    LEAST_FUNDAMENTAL,
    NOT_CRYSTAL,
    VACUUM,
    alternatives_of,
    bare_rise,
    bulk_region,
    inside_of,
    is_vacuum,
    order_parameters,
    owned,
    posterior_of,
    probability_of,
    without_specks,
)
from oxyspy.lattice.structures import Crystal, crystals
from oxyspy.results import Result

DEFAULT_PHASES = ("layered", "spinel", "rocksalt")
# full width at half maximum of the Gaussian window, nm: fewest wrong windows over 1e3 to 1e4 e/A^2 in simulated images
WINDOW_NM = 0.8
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
SAYS = (
    "An FFT cannot tell: rocksalt from layered with planes inclined to the beam; spinel from overlapping layered "
    "twins; a rocksalt shell along the beam from homogeneous mixing; whether a 220 spot proves tetrahedral metal; how "
    "much lithium there is."
)


@dataclass(frozen=True)
class PhaseMap(Result):
    """Phase, order and doubt in every window of an image.

    Attributes
    ----------
    names : tuple of str
        "vacuum", "amorphous", "none of these", then the phases.
    phase : int8 array, shape (ny, nx)
        Index into ``names`` of the likeliest.
    probability : float32 array, shape (ny, nx)
        Its posterior among all candidates and "none of these"; 1 where no crystal is seen.
    alternative : int8 array, shape (ny, nx)
        Index into ``alternatives``: what an FFT cannot tell from it here; 0 for nothing.
    fraction : float32 array, shape (ny, nx)
        Share of the window's thickness that is not the bulk's phase; nan outside the crystal.
    thickness : float32 array, shape (ny, nx)
        Thickness along the beam over that of the bulk, given the phase.
    fundamental, half1, half2, mixed : float32 array, shape (ny, nx)
        Order parameters: amplitude of the fundamentals and of the half-order families b1/2, b2/2 and (b1 +- b2)/2,
        noise removed, over that of the bulk's fundamentals and of the bulk's own half order.
    detection_limit : float32 array, shape (ny, nx)
        Largest half-order amplitude, over the bulk's at this thickness, that could hide in the noise (three sigma).
    found, missing, unexplained : float32 array, shape (ny, nx)
        Parts of the likeliest state's chi^2: expected spots that are there, expected and visible ones that are not,
        spots that are there and not expected.
    x_nm, y_nm : array
        Centres of the windows in nominal nm.
    sigma_nm : float
        Standard deviation of the Gaussian window, nominal nm.
    lattice : LatticeFit
    bulk : str
        The bulk's phase as it appears.
    candidates : tuple of str
    method, warnings : str, tuple of str
    """

    names: tuple[str, ...]
    phase: NDArray
    probability: NDArray
    alternative: NDArray
    fraction: NDArray
    thickness: NDArray
    fundamental: NDArray
    half1: NDArray
    half2: NDArray
    mixed: NDArray
    detection_limit: NDArray
    found: NDArray
    missing: NDArray
    unexplained: NDArray
    x_nm: NDArray
    y_nm: NDArray
    sigma_nm: float
    lattice: LatticeFit
    bulk: str
    candidates: tuple[str, ...]
    method: str
    warnings: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ALTERNATIVES
    # what layer_thickness reads again with other windows
    source: Source | None = field(default=None, repr=False)

    @property
    def ambiguous(self) -> NDArray:
        """Where an FFT cannot tell, bool, shape (ny, nx)."""
        return self.alternative > 0

    @property
    def crystalline(self) -> NDArray:
        """Where a phase was named, bool, shape (ny, nx)."""
        return self.phase >= len(NOT_CRYSTAL)

    def shares(self) -> dict[str, float]:
        """Share of the crystalline windows that each phase has."""
        total = max(int(self.crystalline.sum()), 1)
        return {
            name: float((self.phase == i).sum() / total) for i, name in enumerate(self.names) if i >= len(NOT_CRYSTAL)
        }

    def table(self):
        """Return a pandas table, a row a window."""
        import pandas as pd

        x, y = np.meshgrid(self.x_nm, self.y_nm)
        columns = {"x_nm": x, "y_nm": y, "phase": np.array(self.names, object)[self.phase]}
        for name in ("probability", "fraction", "thickness", "fundamental", "half1", "half2", "mixed"):
            columns[name] = getattr(self, name)
        for name in ("detection_limit", "found", "missing", "unexplained"):
            columns[name] = getattr(self, name)
        columns["alternative"] = np.array(self.alternatives, object)[self.alternative]
        return pd.DataFrame({name: np.ravel(values) for name, values in columns.items()})

    def layer_thickness(self, **kwargs):
        """Return the reacted layer's thickness; see `oxyspy.lattice.layer_thickness`."""
        from oxyspy.lattice.thickness import layer_thickness

        return layer_thickness(self, **kwargs)

    def plot(self, image: NDArray | None = None, layer=None):
        """Return a figure of the image with the map; see `oxyspy.lattice.figures.plot_map`."""
        from oxyspy.lattice.figures import plot_map

        return plot_map(self, image, layer)

    def to_dict(self) -> dict:
        """Return what sums the map up; the windows themselves are in `table`."""
        from oxyspy.results import to_plain

        ambiguous = {
            text: float((self.alternative == i).sum() / max(int(self.crystalline.sum()), 1))
            for i, text in enumerate(self.alternatives)
            if i and (self.alternative == i).any()
        }
        return to_plain(
            {
                "bulk": self.bulk,
                "candidates": self.candidates,
                "shares": self.shares(),
                "ambiguous": ambiguous,
                "windows": list(self.phase.shape),
                "window_sigma_nm": self.sigma_nm,
                "median_detection_limit": float(np.nanmedian(self.detection_limit)),
                "lattice": self.lattice,
                "method": self.method,
                "warnings": self.warnings,
                "cannot_tell": SAYS,
            }
        )

    def __str__(self) -> str:
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.shares().items() if share > 0)
        lines = [
            f"phase map of {self.phase.shape[1]} x {self.phase.shape[0]} windows; bulk: {self.bulk}",
            f"  crystal: {shares or 'none'}",
            f"  {self.lattice}",
        ]
        for i, text in enumerate(self.alternatives):
            if i and (self.alternative == i).any():
                share = (self.alternative == i).sum() / max(self.crystalline.sum(), 1)
                lines.append(f"  ambiguous in {100 * share:.1f} %: {text}")
        return "\n".join([*lines, *(f"  warning: {text}" for text in self.warnings), f"  {SAYS}"])

    __repr__ = __str__


@dataclass(frozen=True)
class Source:
    """What a map was made from."""

    image: NDArray
    spectrum: Spectrum
    basis: NDArray
    calibration: Calibration
    known: tuple[Variant, ...]
    step: tuple[int, int]
    windows: Demodulated
    depth_nm: NDArray
    spots: ObservedSpots


def phase_map(
    image: NDArray,
    pixel_nm: float | tuple[float, float],
    phases: Sequence[str | Crystal] | str | os.PathLike = DEFAULT_PHASES,
    *,
    window_nm: float = WINDOW_NM,
    step_nm: float | None = None,
    bulk: tuple[float, float, float, float] | None = None,
) -> PhaseMap:
    """Map the phases of a HAADF image taken along rocksalt [110].

    Parameters
    ----------
    image : array, shape (ny, nx)
    pixel_nm : float or (x, y)
        Nominal pixel size; errors up to 12 % are found and taken into account.
    phases : sequence of str, pymatgen Structure or Crystal, or a YAML file
        Candidates; each must be built on the rocksalt lattice.
    window_nm : float
        Full width at half maximum of the Gaussian window.
    step_nm : float, optional
        Distance between windows; 0.8 standard deviations of the window by default, which loses nothing.
    bulk : tuple of float, optional
        (x0, y0, x1, y1) in nominal nm: the region that calibrates the amplitudes. By default what lies 4 nm or more
        below the surface.

    Raises
    ------
    InputError
        The image or the pixel size cannot be used.
    MethodError
        The spots are not those of the parent lattice, or the bulk shows what no candidate has.

    Notes
    -----
    The parent lattice is fitted to the spots of the whole image; the nine spots that tell the phases are read in every
    window (`demodulate`); the bulk calibrates what the probe leaves of each; then each window is compared with each
    phase and each mixture of the bulk with another (`likelihood`), its thickness free. No amplitude ratio is universal,
    so an image without bulk has no map.
    """
    pixel = (float(pixel_nm),) * 2 if np.isscalar(pixel_nm) else tuple(float(p) for p in pixel_nm)
    image = prepare(image, pixel)
    known = tuple(v for c in crystals(phases) for v in variants(c))
    sigma = float(window_nm) / FWHM
    if not 0.1 <= sigma <= 1.0:
        raise InputError(
            f"window of {window_nm:g} nm: needed 0.25 to 2.3 nm (full width at half maximum); narrower holds no "
            "lattice period, wider loses a layer of 2 nm"
        )
    spots = find_spots(image, pixel)
    fit = parent_lattice(spots, known)
    if not fit.indexed:
        raise MethodError(
            f"not indexed as layered, spinel or rocksalt along rocksalt [110]: {fit.reason}. Is the crystal on another "
            "zone axis, or another crystal? identify_phase tries more"
        )
    step = largest_step(sigma, pixel, step_nm if step_nm is not None else 0.8 * sigma)
    spectrum = Spectrum(image, pixel, step, 2 * sigma)
    windows = demodulate(
        image, pixel, INDICES @ fit.basis, sigma, step, quiet=quiet_places(pixel, fit.basis), spectrum=spectrum
    )
    return _classify(image, windows, spectrum, spots, fit, known, bulk, step)


def parent_lattice(spots: ObservedSpots, known: Sequence[Variant]) -> LatticeFit:
    """Lay the parent lattice on the spots, trying it as each candidate shows it."""
    fits = []
    for v in known:
        g = np.hypot(*(ALLOWED @ v.basis).T)
        # a usual probe's transfer
        strength = np.abs(structure_amplitudes(v.crystal, v.planes, ALLOWED)) * np.exp(-0.035 * g**2)
        there = (strength > 0.03 * strength.max()) & (g < 7.2)
        groups = np.any(ALLOWED[there] % 1 != 0, axis=1).astype(int)
        fits.append(fit_lattice(spots, v.basis, ALLOWED[there], strength[there], ALLOWED, groups))
    return max(fits, key=lambda f: f.explained + 0.5 * f.seen)


def _classify(image, windows, spectrum, spots, fit, known, roi, step) -> PhaseMap:
    """From the amplitudes to the map."""
    names = [*NOT_CRYSTAL, *dict.fromkeys(phase_name(v, known) for v in known)]
    modulus, noise = np.abs(windows.amplitude), windows.noise
    spacing = (step[1] * spectrum.pixel[1], step[0] * spectrum.pixel[0])
    fundamental = np.sqrt(np.maximum((modulus[:3] ** 2).mean(axis=0) - noise**2, 0))
    reference = np.quantile(fundamental, 0.95)
    crystal = (fundamental > LEAST_FUNDAMENTAL * reference) & (fundamental > 2 * noise)
    crystal = without_specks(crystal, (windows.sigma_nm * FWHM) ** 2 * np.pi / 4 / np.prod(spacing))
    if not crystal.any():
        raise MethodError("no window shows the lattice above its noise: a wider window, or an image of higher dose")
    depth = distance_transform_edt(np.pad(crystal, 1, mode="edge"), sampling=spacing)[1:-1, 1:-1]
    region = bulk_region(crystal, depth, windows, roi)
    calibration = calibrate(modulus[:, region], noise[region], known)
    fit = referred(fit, calibration.bulk.basis)
    options = states(calibration, known, names)
    compared = likelihood(modulus[:, crystal], noise[crystal], options, calibration)
    best, probability, fraction = posterior_of(compared, options, len(names))

    thickness = np.zeros(crystal.shape, np.float32)
    thickness[crystal] = np.take_along_axis(compared.thickness, best[None], axis=0)[0]
    rise, least = bare_rise(best, crystal, options, names, fundamental / calibration.level, calibration, known, spacing)
    # where the fundamentals do not rise as rocksalt's would, the thickness is that of layered
    low = (rise < least) & owned(best, crystal, options, names, "rocksalt", known)
    thickness = np.where(low, fundamental / calibration.level, thickness).astype(np.float32)
    inside = inside_of(thickness, crystal, noise / calibration.level, windows.sigma_nm, spacing)
    phase = np.full(crystal.shape, AMORPHOUS, np.int8)
    phase[is_vacuum(windows.mean, ~inside)] = VACUUM
    winner = probability.argmax(axis=0)
    phase[crystal] = np.where(inside[crystal], winner, phase[crystal])
    sure = probability_of(probability, crystal, inside, phase, spacing)

    def scatter_back(values, fill=np.nan):
        out = np.full(crystal.shape, fill, np.float32)
        out[crystal] = values
        return np.where(inside, out, fill)

    share = scatter_back(fraction)
    half = order_parameters(modulus, noise, calibration)
    family = 0 if calibration.bulk.orders[0] else 1
    per_spot = calibration.amplitudes(calibration.bulk)[3 + 2 * family : 5 + 2 * family]
    size = float(np.sqrt((per_spot**2).mean())) or 1.0
    limit = np.where(inside, 3 * noise / 2 / calibration.level / size / np.maximum(thickness, 0.05), np.nan)
    warnings = _warnings(fit, calibration, spots, spectrum)
    kinds = np.array([next((v.family for v in known if phase_name(v, known) == n), "") for n in names], object)[phase]
    alternative = alternatives_of(kinds, share, ~(rise >= least), calibration, known, windows.sigma_nm, spacing, inside)
    part = {
        name: scatter_back(np.take_along_axis(getattr(compared, name), best[None], axis=0)[0])
        for name in ("found", "missing", "unexplained")
    }
    return PhaseMap(
        names=tuple(names),
        phase=phase,
        probability=sure,
        alternative=alternative,
        fraction=share.astype(np.float32),
        thickness=np.where(inside, thickness, np.nan).astype(np.float32),
        fundamental=(fundamental / calibration.level).astype(np.float32),
        half1=half[0],
        half2=half[1],
        mixed=half[2],
        detection_limit=limit.astype(np.float32),
        **part,
        x_nm=windows.x_nm,
        y_nm=windows.y_nm,
        sigma_nm=windows.sigma_nm,
        lattice=fit,
        bulk=calibration.bulk.label,
        candidates=tuple(dict.fromkeys(v.crystal.name for v in known)),
        method=(
            f"demodulation at 3 fundamental and 6 half-order spots, Gaussian window of {windows.sigma_nm * FWHM:.2f} "
            f"nm (FWHM), noise at {windows.noise_band[0]:.1f}-{windows.noise_band[1]:.1f} 1/nm, calibrated on the bulk"
        ),
        warnings=warnings,
        source=Source(image, spectrum, fit.basis, calibration, known, step, windows, np.where(inside, depth, 0), spots),
    )


def referred(fit: LatticeFit, basis: NDArray) -> LatticeFit:
    """Express a fit's distortion against another reference lattice: the bulk's, once that is known."""
    from dataclasses import replace

    transform = np.linalg.solve(basis, fit.basis).T
    left, values, _ = np.linalg.svd(transform)
    stretch = left @ np.diag(values) @ left.T
    return replace(
        fit, scale_error_x=float(stretch[0, 0] - 1), scale_error_y=float(stretch[1, 1] - 1), shear=float(stretch[0, 1])
    )


def _warnings(fit: LatticeFit, calibration: Calibration, spots: ObservedSpots, spectrum: Spectrum) -> tuple[str, ...]:
    """Return what a reader of the map must know."""
    said = []
    errors = (fit.scale_error_x, fit.scale_error_y)
    if max(abs(e) for e in errors) > 0.02 or abs(errors[0] - errors[1]) > 0.02:
        said.append(
            f"pixel size off by {100 * errors[0]:+.1f} % in x, {100 * errors[1]:+.1f} % in y; lengths corrected"
        )
    if not calibration.bulk.orders[:2].any():
        said.append("the bulk shows no half order: rocksalt, or layered with its planes inclined to the beam")
    if calibration.bulk.orders[:2].all():
        said.append("the bulk shows both half orders: spinel, or layered twins on top of each other")
    if spectrum.pixel[0] != spectrum.pixel[1]:
        said.append(f"pixels are not square: {spectrum.pixel[0]:.4g} x {spectrum.pixel[1]:.4g} nm")
    return tuple(said)
