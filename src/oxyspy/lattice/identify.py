"""Which crystal, along which zone axis, gives the spots of an image: all candidates compared, and "none of these"."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from oxyspy.lattice.bending import bending, with_bending
from oxyspy.lattice.fit import LARGEST_ANISOTROPY, LARGEST_SCALE_ERROR, WEAKEST, LatticeFit, fit_lattice
from oxyspy.lattice.maps import SAYS
from oxyspy.lattice.observed import ObservedSpots, both_ways, find_spots, prepare
from oxyspy.lattice.spots import Spots, expected_spots, low_index_zones
from oxyspy.lattice.structures import DEFAULT_PHASES, Crystal, crystals
from oxyspy.results import Result

# standard deviation of a spot's log amplitude about the kinematical projection: channelling, thickness, other phases
AMPLITUDE = 0.5
# it counts against a candidate by three of them at most: a spot that is there is there
LARGEST = 3.0
# spots of an image, found to a fraction of their width, lie on a lattice this well: 1/nm, of their width, of |g|
PLACE, PLACE_WIDTH, PLACE_DRIFT = 0.02, 0.06, 0.003
# strays that a crystal's image may have, on average: dirt, another grain, streaks
STRAYS = 0.3
# spots that an unknown crystal shows at least; each that is missing costs this much log likelihood
LEAST_SPOTS, LACKING = 3, 4.0
# standard deviations of the pixel size's error, and of its anisotropy and shear
SCALE, ANISOTROPY = 0.05, 0.03
# logarithm of the halo's power over that of noise: where nothing is, 0 within this; of an amorphous film up to so much
HALO_NOISE, HALO_MOST = 0.1, 3.0
NONE, AMORPHOUS, VACUUM = "none of these", "amorphous", "vacuum"


@dataclass(frozen=True)
class Candidate(Result):
    """One crystal along one zone axis.

    Attributes
    ----------
    name, zone : str
    posterior : float
    log_likelihood : float
        Over that of as many spots anywhere; the sum of the next four.
    found, missing, unexplained, geometry : float
        Of the places and strengths of the spots that are there; of expected and visible spots that are not; of spots
        that are there and not expected; of the pixel errors and of how precisely they had to be chosen.
    n_found, n_missing, n_unexplained : int
    lattice : LatticeFit
    pattern : Spots
        The expected spots at their places in the image.
    """

    name: str
    zone: str
    posterior: float
    log_likelihood: float
    found: float
    missing: float
    unexplained: float
    geometry: float
    n_found: int
    n_missing: int
    n_unexplained: int
    lattice: LatticeFit
    pattern: Spots = field(repr=False)


@dataclass(frozen=True)
class PhaseIdentity(Result):
    """Candidates by posterior probability.

    Attributes
    ----------
    phase : str
        The likeliest crystal, "none of these", "amorphous" or "vacuum".
    zone : str
    posterior : float
    ambiguous : bool
        Another outcome has 5 % or more.
    candidates : tuple of Candidate
        Likeliest first.
    none, amorphous, vacuum : float
        Posterior of another crystal, of a film without spots but with a halo, and of nothing above the noise.
    spots : ObservedSpots
    says : str
        What no FFT tells.
    """

    phase: str
    zone: str
    posterior: float
    ambiguous: bool
    candidates: tuple[Candidate, ...]
    none: float
    amorphous: float
    vacuum: float
    spots: ObservedSpots
    says: str = SAYS

    @property
    def lattice(self) -> LatticeFit | None:
        """The likeliest crystal's lattice, with the pixel errors; None where no crystal is the likeliest."""
        return self.candidates[0].lattice if self.zone else None

    def plot(self):
        """Return a figure of the spots; see `oxyspy.lattice.figures_spots.plot_identity`."""
        from oxyspy.lattice.figures_spots import plot_identity

        return plot_identity(self)

    def __str__(self) -> str:
        lines = [f"{self.phase} {self.zone}".rstrip() + f", posterior {self.posterior:.2f}"]
        if self.ambiguous:
            others = [f"{c.name} {c.zone} ({c.posterior:.2f})" for c in self.candidates if c.posterior >= 0.05]
            rest = ((NONE, self.none), (AMORPHOUS, self.amorphous), (VACUUM, self.vacuum))
            others += [f"{name} ({p:.2f})" for name, p in rest if p >= 0.05]
            lines[0] += "; ambiguous: " + ", ".join(others)
        if self.lattice is not None:
            lines.append(f"  {self.lattice}")
        lines.append(
            "  crystal, zone                                    posterior  found missing unexplained  scale x, y (%)"
        )
        for c in self.candidates[:6]:
            scale = f"{100 * c.lattice.scale_error_x:+.1f}, {100 * c.lattice.scale_error_y:+.1f}"
            label = f"{c.name} {c.zone}"
            lines.append(
                f"  {label:48s} {c.posterior:9.3f} {c.n_found:6d} {c.n_missing:7d} {c.n_unexplained:11d}  {scale}"
            )
        for name, p in ((NONE, self.none), (AMORPHOUS, self.amorphous), (VACUUM, self.vacuum)):
            lines.append(f"  {name:48s} {p:9.3f}")
        return "\n".join([*lines, f"  {self.says}"])

    __repr__ = __str__


def identify_phase(
    image: NDArray,
    pixel_nm: float | tuple[float, float],
    phases: Sequence[str | Crystal] | str | os.PathLike = DEFAULT_PHASES,
    *,
    zone_axes: Sequence[Sequence[int]] | None = None,
) -> PhaseIdentity:
    r"""Tell which of several crystals, along which zone axis, an image or a part of one shows.

    Parameters
    ----------
    image : array, shape (ny, nx)
        Its intensity, in any unit.
    pixel_nm : float or (x, y)
        Nominal pixel size.
    phases : sequence of str, pymatgen Structure or Crystal, or a YAML file
        "SrTiO3" and "Si" check a microscope.
    zone_axes : sequence of three int, optional
        For all candidates; those of each one's file, or else its low-index axes (`low_index_zones`), by default.

    Returns
    -------
    PhaseIdentity
        The likeliest crystal, and the posterior of each, of none of these, an amorphous film and vacuum.

    Notes
    -----
    Each candidate's plane of spots is laid on the observed ones (`fit_lattice`). Likelihoods are taken over that of
    clutter, as many spots of any strength anywhere in the half plane of area A that was searched. With a the observed
    amplitude, m the expected :math:`c |A_g| e^{-k g^2}`, d the detection limit (five times the noise), r the distance
    from the expected place and :math:`\sigma_p` how well spots are found, each spot is the better of

    - explained: :math:`\ln(A / 2 \pi \sigma_p^2) - r^2 / 2 \sigma_p^2 - \ln^2(a / m) / 2 s^2`, s = 0.5, the last term
      at most three standard deviations;
    - a stray: :math:`\ln 0.3 - \ln^2(a / d) / 2 s^2`, so that a strong one can be no stray;

    and each spot that is missing although visible costs :math:`\ln^2(m / d) / 2 s^2`. The pixel errors add Gaussian
    terms of 5 and 3 %, and the four numbers of the lattice cost what they gain by being chosen: two spots' places.

    "None of these", another crystal, is clutter of three spots or more. An amorphous film and vacuum show no spots but
    strays; they differ by the halo, the power at 2.5-4.5 1/nm over that of the noise.

    Examples
    --------
    >>> from oxyspy.simulate import simulate_image
    >>> image = simulate_image((400, 400), shell=None, surface_at=-0.5, seed=1)
    >>> found = identify_phase(image.counts, image.pixel_nm, ["layered", "SrTiO3", "Si"])
    >>> found.phase, found.ambiguous
    ('NMC532', False)
    """
    pixel = both_ways(pixel_nm)
    image, _ = prepare(image, pixel)
    spots = find_spots(image, pixel)
    seen = _Seen.of(spots)
    tried = []
    for one in crystals(phases):
        for zone in zone_axes or one.zone_axes or low_index_zones(one):
            candidate = _compare(seen, expected_spots(one, zone, spots.g_max * 0.95))
            if candidate is not None:
                tried.append(candidate)
    logs = np.array([c.log_likelihood for c in tried] + list(_without_crystal(seen)))
    posterior = np.exp(logs - logsumexp(logs))
    crystal, (none, amorphous, vacuum) = posterior[:-3], (float(p) for p in posterior[-3:])
    variance = bending(spots, image, pixel)
    ranked = tuple(
        replace(tried[i], posterior=float(crystal[i]), lattice=with_bending(tried[i].lattice, variance))
        for i in np.argsort(crystal)[::-1]
    )
    rest = {NONE: none, AMORPHOUS: amorphous, VACUUM: vacuum}
    name, zone, best = max(
        [(c.name, c.zone, c.posterior) for c in ranked[:1]] + [(name, "", p) for name, p in rest.items()],
        key=lambda one: one[2],
    )
    doubt = np.sort(posterior)[-2] >= 0.05 if len(posterior) > 1 else False
    return PhaseIdentity(name, zone, best, bool(doubt), ranked, none, amorphous, vacuum, spots)


@dataclass(frozen=True)
class _Seen:
    """The spots that count, and what each is as a stray."""

    spots: ObservedSpots
    g: NDArray
    amplitude: NDArray
    limit: float
    stray: NDArray

    @classmethod
    def of(cls, spots: ObservedSpots) -> _Seen:
        top = spots.amplitude.max(initial=0.0)
        strong = spots.amplitude > WEAKEST * top
        limit = max(5 * spots.noise, WEAKEST * top)
        amplitude = spots.amplitude[strong]
        stray = np.log(STRAYS) - 0.5 * (np.log(np.maximum(amplitude / limit, 1)) / AMPLITUDE) ** 2
        return cls(spots, spots.g[strong], amplitude, limit, stray)


def _without_crystal(seen: _Seen) -> tuple[float, float, float]:
    """Log likelihood of another crystal, of an amorphous film and of vacuum."""
    none = -LACKING * max(LEAST_SPOTS - len(seen.g), 0)
    strays, halo = float(seen.stray.sum()), np.log(seen.spots.halo)
    if not np.isfinite(halo):
        return none, strays, strays
    film = -np.log(HALO_MOST) if halo > 0 else -np.inf
    empty = -np.log(HALO_NOISE * np.sqrt(2 * np.pi)) - 0.5 * (halo / HALO_NOISE) ** 2
    return none, strays + film, strays + empty


def _compare(seen: _Seen, expected: Spots) -> Candidate | None:
    """Lay one candidate on the spots and weigh it; None where it cannot be laid."""
    basis = _plane_basis(expected.g)
    indices = np.rint(expected.g @ np.linalg.inv(basis))
    there, g = ~expected.extinct, expected.length
    strength = np.abs(expected.amplitude)
    damped = strength * np.exp(-0.035 * g**2)
    use = there & (damped > 0.02 * damped.max())
    if use.sum() < 4:
        return None
    fit = fit_lattice(seen.spots, basis, indices[use], damped[use], indices[there | expected.double_diffraction])
    if fit.n_spots < 2 or abs(fit.worst_error) > LARGEST_SCALE_ERROR or fit.anisotropy > LARGEST_ANISOTROPY:
        return None
    spots, length = seen.spots, np.hypot(*seen.g.T)
    apart = _nearest(seen.g, indices[there] @ fit.basis)
    nearest, distance = apart.argmin(axis=1), apart.min(axis=1)
    near = distance < 0.08 + spots.resolution
    if near.sum() < 2:
        return None
    model = strength[there]
    logs = np.log(seen.amplitude / np.maximum(model[nearest], 1e-6 * model.max()))
    c, k = _damping(logs[near], length[near] ** 2)
    residual = logs - (c - k * length**2)
    sigma = np.sqrt(PLACE**2 + (PLACE_WIDTH * spots.resolution) ** 2 + (PLACE_DRIFT * length) ** 2)
    area = 0.5 * np.pi * (spots.g_max**2 - spots.g_min**2)
    known = np.log(area / (2 * np.pi * sigma**2))
    explained = known - 0.5 * (distance / sigma) ** 2 - 0.5 * np.minimum((residual / AMPLITUDE) ** 2, LARGEST**2)
    on = near & (explained > seen.stray)

    # each expected spot once, of +g and -g
    half = (indices[there][:, 0] > 0) | ((indices[there][:, 0] == 0) & (indices[there][:, 1] > 0))
    predicted = model * np.exp(c - k * g[there] ** 2)
    unseen = half & (apart.min(axis=0) > 0.08 + spots.resolution) & (predicted > seen.limit)
    unseen &= (g[there] > spots.g_min) & (g[there] < 0.93 * spots.g_max)
    # where two strong beams meet again a thick crystal has a spot, of whatever strength
    double = indices[expected.double_diffraction] @ fit.basis
    again = _nearest(seen.g, double).min(axis=1, initial=np.inf) < 0.08 + spots.resolution
    stray = ~on & ~again
    terms = {
        "found": float(explained[on].sum()),
        "missing": float(-0.5 * ((np.log(predicted[unseen] / seen.limit) / AMPLITUDE) ** 2).sum()),
        "unexplained": float(seen.stray[stray].sum()),
        "geometry": _geometry(fit, float(known[on].mean()) if on.any() else 0.0),
    }
    return Candidate(
        expected.name,
        expected.zone,
        0.0,
        sum(terms.values()),
        **terms,
        n_found=int(on.sum()),
        n_missing=int(unseen.sum()),
        n_unexplained=int(stray.sum()),
        lattice=fit,
        pattern=replace(expected, g=indices @ fit.basis),
    )


def _geometry(fit: LatticeFit, known: float) -> float:
    """Of the pixel errors; less what two spots' places gained by the choice of the lattice's four numbers."""
    mean = (fit.scale_error_x + fit.scale_error_y) / 2
    apart = (fit.scale_error_x - fit.scale_error_y) / 2
    errors = (mean / SCALE) ** 2 + (apart / ANISOTROPY) ** 2 + (fit.shear / ANISOTROPY) ** 2
    return float(-0.5 * errors - 2 * known)


def _nearest(seen: NDArray, places: NDArray) -> NDArray:
    """Distance of each spot from each place or its opposite, shape (n, k)."""
    return np.minimum(*(np.linalg.norm(seen[:, None] - sign * places, axis=-1) for sign in (1, -1)))


def _damping(logs: NDArray, g2: NDArray) -> tuple[float, float]:
    """Level and Gaussian damping of the amplitudes; a probe never amplifies."""
    if len(logs) > 2 and np.ptp(g2) > 2:
        slope, level = np.polyfit(g2, logs, 1)
        if slope <= 0:
            return float(level), float(min(-slope, 0.15))
    return float(np.median(logs)), 0.0


def _plane_basis(g: NDArray) -> NDArray:
    """Two shortest spots that are not parallel."""
    order = np.argsort(np.hypot(*g.T).round(6), kind="stable")
    first = g[order[0]]
    for i in order[1:]:
        if abs(np.linalg.det([first, g[i]])) > 0.1 * np.hypot(*first) * np.hypot(*g[i]):
            return np.array([first, g[i]])
    raise AssertionError("a zone axis has spots in two directions")
