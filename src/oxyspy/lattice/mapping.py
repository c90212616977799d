"""Which phase is where: amplitudes of nine spots in every window, and what they can be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from oxyspy.errors import InputError, MethodError
from oxyspy.lattice.ambiguity import alternatives_of, least_rise, rise_of_bare, without_specks
from oxyspy.lattice.appearance import Calibration, States, calibrate, likelihood, phase_name, states
from oxyspy.lattice.bending import bending, with_bending
from oxyspy.lattice.demodulation import WIDEST_STEP, Demodulated, Spectrum, demodulate, largest_step, quiet_places
from oxyspy.lattice.fit import LatticeFit, fit_lattice, referred
from oxyspy.lattice.leak import edge_leak, line_jitter
from oxyspy.lattice.maps import PhaseMap, Source
from oxyspy.lattice.observed import ObservedSpots, both_ways, find_spots, prepare
from oxyspy.lattice.parent import ALLOWED, INDICES, Variant, structure_amplitudes, variants
from oxyspy.lattice.regions import (
    AMORPHOUS,
    LEAST_FUNDAMENTAL,
    NOT_CRYSTAL,
    VACUUM,
    blurred,
    bulk_region,
    inside_of,
    order_parameters,
    polarity,
    posterior_of,
    vacuum_of,
)
from oxyspy.lattice.structures import DEFAULT_PHASES, Crystal, crystals

# full width at half maximum of the Gaussian window, nm: fewest wrong windows over 1e3 to 1e4 e/A^2 in simulated images
WINDOW_NM = 0.8
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
# amplitude over that of the noise, whose mean power is taken off: above it in 0.13 % (three sigma), as the power of
# noise is exponentially distributed, and a jittering line moves both spots of a family alike: sqrt(-ln 0.0013 - 1)
LIMIT = 2.37
# pixel sizes 10 % wrong one way in x and the other way in y: what is known to be the parent may be strained so much
ANISOTROPY = 0.25
CONTRASTS = ("HAADF", "HRTEM", "bright field")
NOT_Z = (
    "{contrast} image: its contrast is not Z-contrast, so half orders come and go with thickness and defocus; the "
    "phases are a hint, and no layer's thickness holds"
)
DARK = (
    "the columns are darker than what is between them: bright-field, inverted or phase contrast, while the phases are "
    "told by Z-contrast; turn the image over if it was inverted, else take the phases as a hint"
)


def phase_map(
    image: NDArray,
    pixel_nm: float | tuple[float, float],
    phases: Sequence[str | Crystal] | str | os.PathLike = DEFAULT_PHASES,
    *,
    window_nm: float = WINDOW_NM,
    step_nm: float | None = None,
    bulk: tuple[float, float, float, float] | None = None,
    contrast: str = "HAADF",
) -> PhaseMap:
    """Map the phases of a HAADF image taken along rocksalt [110].

    Parameters
    ----------
    image : array, shape (ny, nx)
        Its intensity, in any unit.
    pixel_nm : float or (x, y)
        Nominal pixel size; errors up to 14 % are found and taken into account.
    phases : sequence of str, pymatgen Structure or Crystal, or a YAML file
        Candidates; each must be built on the rocksalt lattice.
    window_nm : float
        Full width at half maximum of the Gaussian window.
    step_nm : float, optional
        Distance between windows, at most 1.1 standard deviations of the window; 0.8 by default, which loses nothing.
    bulk : tuple of float, optional
        (x0, y0, x1, y1) in nominal nm from the image's corner: the region that calibrates the amplitudes. By default
        what lies 4 nm or more below the surface.
    contrast : {"HAADF", "HRTEM", "bright field"}
        What the image is; other than HAADF is mapped with a caveat that no Z-contrast tells the phases.

    Returns
    -------
    PhaseMap
        Posterior of each phase in each window.

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

    Examples
    --------
    >>> from oxyspy.lattice import phase_map
    >>> from oxyspy.simulate import simulate_image
    >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
    >>> phases = phase_map(made.counts, made.pixel_nm)
    >>> print(phases.bulk, max(phases.shares(), key=phases.shares().get))
    layered, planes along b1 layered
    """
    pixel = both_ways(pixel_nm)
    image, said = prepare(image, pixel)
    known = tuple(v for c in crystals(phases) for v in variants(c))
    sigma = float(window_nm) / FWHM
    if not 0.1 <= sigma <= 1.0:
        raise InputError(
            f"window of {window_nm:g} nm: needed 0.25 to 2.3 nm (full width at half maximum); narrower holds no "
            "lattice period, wider loses a layer of 2 nm"
        )
    if contrast not in CONTRASTS:
        raise InputError(f"contrast {contrast!r}: needed one of {', '.join(CONTRASTS)}")
    if step_nm is not None and not 0 < step_nm <= WIDEST_STEP * sigma:
        raise InputError(
            f"step of {step_nm:g} nm: needed more than 0 and at most {WIDEST_STEP * sigma:.2f} nm, {WIDEST_STEP:g} "
            "standard deviations of the window: wider ones leave gaps"
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
    read = demodulate(
        image, pixel, INDICES @ fit.basis, sigma, step, quiet=quiet_places(pixel, fit.basis), spectrum=spectrum
    )
    windows = _calibrated(read, known, bulk)
    source = Source(
        image, spectrum, fit.basis, windows.calibration, known, step, read, spots, bending(spots, image, pixel)
    )
    found = _map(windows, fit, source)
    caveats = () if contrast == "HAADF" else (NOT_Z.format(contrast=contrast),)
    if polarity(read, windows.crystal) < 0:
        caveats = (*caveats, DARK)
    return replace(found, contrast=contrast, caveats=caveats, warnings=(*said, *caveats, *found.warnings))


def parent_lattice(spots: ObservedSpots, known: Sequence[Variant]) -> LatticeFit:
    """Lay the parent lattice on the spots, trying it as each candidate shows it."""
    fits = []
    for v in known:
        g = np.hypot(*(ALLOWED @ v.basis).T)
        # a usual probe's transfer
        strength = np.abs(structure_amplitudes(v.crystal, v.planes, ALLOWED)) * np.exp(-0.035 * g**2)
        there = (strength > 0.03 * strength.max()) & (g < 7.2)
        groups = np.any(ALLOWED[there] % 1 != 0, axis=1).astype(int)
        fits.append(fit_lattice(spots, v.basis, ALLOWED[there], strength[there], ALLOWED, groups, ANISOTROPY))
    return max(fits, key=lambda f: f.explained + 0.5 * f.seen)


@dataclass(frozen=True)
class _Windows:
    """Windows of one image on one grid, with what calibrates them."""

    read: Demodulated
    modulus: NDArray
    fundamental: NDArray
    crystal: NDArray
    region: NDArray
    calibration: Calibration
    known: tuple[Variant, ...]
    names: tuple[str, ...]

    @property
    def relative(self) -> NDArray:
        """Fundamentals over the bulk's."""
        return self.fundamental / self.calibration.level

    def spread(self, values: NDArray, fill: float = np.nan) -> NDArray:
        """Put what is known of the crystal's windows in its place on the grid."""
        out = np.full(self.crystal.shape, fill, np.float32)
        out[self.crystal] = values
        return out

    def index(self, variant: Variant) -> int:
        """Index of a variant's name."""
        return self.names.index(phase_name(variant, self.known))


def _calibrated(read: Demodulated, known: tuple[Variant, ...], roi) -> _Windows:
    """Tell where the lattice is, and calibrate the amplitudes on its bulk."""
    names = (*NOT_CRYSTAL, *dict.fromkeys(phase_name(v, known) for v in known))
    modulus, noise = np.abs(read.amplitude), read.noise
    fundamental = np.sqrt(np.maximum((modulus[:3] ** 2).mean(axis=0) - noise**2, 0))
    crystal = (fundamental > LEAST_FUNDAMENTAL * np.quantile(fundamental, 0.95)) & (fundamental > 2 * noise)
    crystal = without_specks(crystal, (read.sigma_nm * FWHM) ** 2 * np.pi / 4 / np.prod(read.spacing))
    if not crystal.any():
        raise MethodError("no window shows the lattice above its noise: a wider window, or an image of higher dose")
    depth = distance_transform_edt(np.pad(crystal, 1, mode="edge"), sampling=read.spacing)[1:-1, 1:-1]
    region = bulk_region(crystal, depth, read, roi)
    calibration = calibrate(modulus[:, region], noise[region], known)
    return _Windows(read, modulus, fundamental, crystal, region, calibration, known, names)


def _map(w: _Windows, fit: LatticeFit, source: Source) -> PhaseMap:
    """From the amplitudes to the map."""
    read, calibration, crystal, known = w.read, w.calibration, w.crystal, w.known
    noise, spacing, sigma = read.noise, read.spacing, read.sigma_nm
    fit = with_bending(referred(fit, calibration.bulk.basis), source.bending)
    options = states(calibration, known, w.names)
    spectrum, basis = source.spectrum, source.basis
    jitter = line_jitter(spectrum, read, basis, w.region, quiet_places(spectrum.pixel, basis))
    leak = edge_leak(read, INDICES @ basis, crystal) + jitter.leak(read, crystal)
    compared = likelihood(w.modulus[:, crystal], noise[crystal], leak, options, calibration)
    posterior, share = posterior_of(compared, options, len(w.names))
    best, thickness = compared.best, w.spread(compared.thickness, 0.0)
    bare = w.spread(options.bare[best], 0.0) > 0
    rises = _rises(w, options, best, bare)
    # where the fundamentals do not rise as rocksalt's would, the thickness is that of layered
    thickness = np.where(bare & ~rises, w.relative, thickness) if calibration.bulk.family == "layered" else thickness
    inside = inside_of(thickness, crystal, noise / calibration.level, sigma, spacing)

    everything = np.zeros((len(w.names), *crystal.shape), np.float32)
    everything[:, crystal] = posterior
    vacuum = vacuum_of(read, inside)
    everything[:, ~inside] = 0
    everything[VACUUM][~inside], everything[AMORPHOUS][~inside] = vacuum[~inside], 1 - vacuum[~inside]
    everything = blurred(everything, read.coverage, spacing)
    phase = everything.argmax(axis=0).astype(np.int8)
    inside = crystal & (phase > AMORPHOUS)

    def within(values: NDArray) -> NDArray:
        return np.where(inside, values, np.nan).astype(np.float32)

    share = within(w.spread(share))
    kinds = np.array([next((v.family for v in known if w.index(v) == i), "") for i in range(len(w.names))], object)
    kinds = np.where(inside, kinds[phase], "")
    half = order_parameters(w.modulus, noise, calibration)
    parts = {name: within(w.spread(getattr(compared, name))) for name in ("found", "missing", "unexplained")}
    return PhaseMap(
        names=w.names,
        posterior=everything,
        phase=phase,
        probability=everything.max(axis=0),
        alternative=alternatives_of(kinds, bare, share, rises, known, sigma, spacing),
        fraction=share,
        thickness=within(thickness),
        fundamental=w.relative.astype(np.float32),
        half1=half[0],
        half2=half[1],
        mixed=half[2],
        detection_limit=within(_detection_limit(w, leak) / np.maximum(thickness, 0.05)),
        **parts,
        x_nm=read.x_nm,
        y_nm=read.y_nm,
        sigma_nm=sigma,
        jitter_nm=jitter.offset_nm,
        lattice=fit,
        bulk=calibration.bulk.label,
        candidates=tuple(dict.fromkeys(v.crystal.name for v in known)),
        method=(
            f"demodulation at 3 fundamental and 6 half-order spots, Gaussian window of {sigma * FWHM:.2f} nm (FWHM), "
            f"noise at {read.noise_band[0]:.1f}-{read.noise_band[1]:.1f} 1/nm, calibrated on the bulk"
        ),
        source=source,
        warnings=_warnings(fit, calibration, source.spectrum.pixel),
    )


def _rises(w: _Windows, options: States, best: NDArray, bare: NDArray) -> NDArray:
    """Where the fundamentals of windows without half orders rise above the bulk's as rocksalt's do."""
    bulk = w.calibration.bulk
    rocksalt = next((v for v in w.known if v.family == "rocksalt"), None)
    # without a half order of its own the bulk may itself be either
    if rocksalt is None or bulk.family != "layered" or bulk.inclined:
        return np.zeros(bare.shape, bool)
    owner, share = w.spread(options.label[best], -1.0), w.spread(options.fraction[best], 1.0)
    pure, own = bare & (share > 0.8), (owner == w.index(bulk)) & (share < 0.2)
    return rise_of_bare(pure, own, w.relative, w.read.spacing) >= least_rise(w.calibration, rocksalt)


def _detection_limit(w: _Windows, leak: NDArray) -> NDArray:
    """Largest half order that could hide in each window, over the bulk's at the bulk's thickness."""
    stray = w.read.noise**2 + w.spread(leak[3:7].reshape(2, 2, -1).mean(axis=1).max(axis=0), 0.0)
    return LIMIT * np.sqrt(stray) / w.calibration.level / w.calibration.half_order


def _warnings(fit: LatticeFit, calibration: Calibration, pixel: tuple[float, float]) -> tuple[str, ...]:
    """Return what a reader of the map must know."""
    said = []
    errors = (fit.scale_error_x, fit.scale_error_y)
    if max(abs(e) for e in errors) > 0.02 or abs(errors[0] - errors[1]) > 0.02:
        said.append(f"{fit.pixel_words()}; lengths corrected")
    if not calibration.bulk.orders[:2].any():
        said.append("the bulk shows no half order: rocksalt, or layered with its planes inclined to the beam")
    if calibration.bulk.orders[:2].all():
        said.append("the bulk shows both half orders: spinel, or layered twins on top of each other")
    if pixel[0] != pixel[1]:
        said.append(f"pixels are not square: {pixel[0]:.4g} x {pixel[1]:.4g} nm")
    return tuple(said)
