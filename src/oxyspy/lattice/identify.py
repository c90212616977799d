"""Which crystal, along which zone axis, gives the spots of an image: all candidates compared, and "none of these"."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from oxyspy.lattice.fit import WEAKEST, LatticeFit, fit_lattice
from oxyspy.lattice.mapping import DEFAULT_PHASES, SAYS
from oxyspy.lattice.observed import ObservedSpots, find_spots
from oxyspy.lattice.spots import Spots, expected_spots
from oxyspy.lattice.structures import Crystal, crystals
from oxyspy.results import Result

# standard deviation of a spot's log amplitude about the kinematical projection: channelling, thickness, other phases
AMPLITUDE = 0.5
# a spot counts against a candidate by three standard deviations at most, and "none of these" pays two for each
LARGEST, NONE = 3.0, 2.0
# standard deviations of the pixel size's error, and of its anisotropy and shear
SCALE, ANISOTROPY = 0.05, 0.03


@dataclass(frozen=True)
class Candidate(Result):
    """One crystal along one zone axis.

    Attributes
    ----------
    name, zone : str
    posterior : float
    log_likelihood : float
        Sum of the next four.
    found, missing, unexplained, geometry : float
        Log likelihood of the strengths of the spots that are there; of expected and visible spots that are not; of
        spots that are there and not expected; of the pixel errors.
    n_found, n_missing, n_unexplained : int
    lattice : LatticeFit
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


@dataclass(frozen=True)
class PhaseIdentity(Result):
    """Candidates by posterior probability.

    Attributes
    ----------
    phase : str
        The likeliest crystal, or "none of these".
    zone : str
    posterior : float
    ambiguous : bool
        Another candidate has 5 % or more.
    candidates : tuple of Candidate
        Likeliest first.
    none : float
        Posterior of "none of these".
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
    spots: ObservedSpots
    says: str = SAYS

    def __str__(self) -> str:
        lines = [f"{self.phase} {self.zone}".rstrip() + f", posterior {self.posterior:.2f}"]
        if self.ambiguous:
            others = [f"{c.name} {c.zone} ({c.posterior:.2f})" for c in self.candidates if c.posterior >= 0.05]
            lines[0] += "; ambiguous: " + ", ".join(others)
        lines.append(
            "  crystal, zone                                    posterior  found missing unexplained  scale x, y (%)"
        )
        for c in self.candidates[:6]:
            scale = f"{100 * c.lattice.scale_error_x:+.1f}, {100 * c.lattice.scale_error_y:+.1f}"
            label = f"{c.name} {c.zone}"
            lines.append(
                f"  {label:48s} {c.posterior:9.3f} {c.n_found:6d} {c.n_missing:7d} {c.n_unexplained:11d}  {scale}"
            )
        lines.append(f"  {'none of these':48s} {self.none:9.3f}")
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
    pixel_nm : float or (x, y)
    phases : sequence of str, pymatgen Structure or Crystal, or a YAML file
        "SrTiO3" and "Si" check a microscope.
    zone_axes : sequence of three int, optional
        For all candidates; each one's low-index axes by default.

    Notes
    -----
    Each candidate's plane of spots is laid on the observed ones (`fit_lattice`). The log likelihood has four terms.
    With a the observed amplitude, m the expected :math:`c |A| e^{-k g^2}` and d the detection limit (five times the
    noise), a spot that is there adds :math:`-\ln^2(a / m) / 2 s^2`, one that is missing although visible
    :math:`-\ln^2(m / d) / 2 s^2`, one that nothing explains :math:`-\ln^2(a / d) / 2 s^2`, with s = 0.5 and at most
    three standard deviations each; the pixel errors add Gaussian terms of 5 and 3 %. "None of these" pays two standard
    deviations a spot.

    Examples
    --------
    >>> from oxyspy.simulate import simulate_image
    >>> image = simulate_image((400, 400), shell=None, surface_at=-0.5, seed=1)
    >>> found = identify_phase(image.counts, image.pixel_nm, ["layered", "SrTiO3", "Si"])
    >>> found.phase, found.ambiguous
    ('NMC532', False)
    """
    pixel = (float(pixel_nm),) * 2 if np.isscalar(pixel_nm) else tuple(float(p) for p in pixel_nm)
    spots = find_spots(image, pixel)
    tried = []
    for one in crystals(phases):
        for zone in zone_axes if zone_axes is not None else one.zone_axes:
            expected = expected_spots(one, zone, spots.g_max * 0.95)
            candidate = _compare(spots, expected)
            if candidate is not None:
                tried.append(candidate)
    strong = spots.amplitude > WEAKEST * spots.amplitude.max(initial=0)
    logs = np.array([c.log_likelihood for c in tried] + [-0.5 * NONE**2 * max(int(strong.sum()), 3)])
    posterior = np.exp(logs - logsumexp(logs))
    order = np.argsort(posterior[:-1])[::-1]
    ranked = tuple(replace(tried[i], posterior=float(posterior[i])) for i in order)
    none = float(posterior[-1])
    if not ranked or none > ranked[0].posterior:
        return PhaseIdentity(
            "none of these", "", none, bool(ranked and ranked[0].posterior >= 0.05), ranked, none, spots
        )
    best = ranked[0]
    doubt = (len(ranked) > 1 and ranked[1].posterior >= 0.05) or none >= 0.05
    return PhaseIdentity(best.name, best.zone, best.posterior, bool(doubt), ranked, none, spots)


def _compare(spots: ObservedSpots, expected: Spots) -> Candidate | None:
    """Lay one candidate on the spots and weigh it; None where it cannot be laid."""
    basis = _plane_basis(expected.g)
    indices = np.rint(expected.g @ np.linalg.inv(basis))
    there = ~expected.extinct
    g = expected.length
    strength = np.abs(expected.amplitude)
    damped = strength * np.exp(-0.035 * g**2)
    use = there & (damped > 0.02 * damped.max())
    if use.sum() < 4:
        return None
    extra = indices[there | expected.double_diffraction]
    fit = fit_lattice(spots, basis, indices[use], damped[use], extra)
    if fit.n_spots < 2:
        return None
    strong = spots.amplitude > WEAKEST * spots.amplitude.max()
    a, seen = spots.amplitude[strong], spots.g[strong]
    limit = np.maximum(5 * spots.noise, WEAKEST * a.max())
    apart = np.linalg.norm(seen[:, None] - (indices[there] @ fit.basis)[None], axis=-1)
    apart = np.minimum(apart, np.linalg.norm(seen[:, None] + (indices[there] @ fit.basis)[None], axis=-1))
    nearest, on = apart.argmin(axis=1), apart.min(axis=1) < 0.08 + spots.resolution
    if on.sum() < 2:
        return None
    model = strength[there]
    logs = np.log(a[on] / np.maximum(model[nearest[on]], 1e-6 * model.max()))
    c, k = _damping(logs, (seen[on] ** 2).sum(axis=1))
    residual = logs - (c - k * (seen[on] ** 2).sum(axis=1))
    # each expected spot once, of +g and -g
    half = (indices[there][:, 0] > 0) | ((indices[there][:, 0] == 0) & (indices[there][:, 1] > 0))
    predicted = model * np.exp(c - k * g[there] ** 2)
    unseen = half & (apart[:, :].min(axis=0) > 0.08 + spots.resolution) & (predicted > limit)
    unseen &= (g[there] > spots.g_min) & (g[there] < 0.93 * spots.g_max)
    double = indices[expected.double_diffraction] @ fit.basis
    stray = ~on
    if len(double):
        near = np.linalg.norm(seen[:, None] - double[None], axis=-1).min(axis=1) < 0.08 + spots.resolution
        stray &= ~near
    terms = {
        "found": _penalty(residual),
        "missing": _penalty(np.log(np.maximum(predicted[unseen] / limit, 1))),
        "unexplained": _penalty(np.log(np.maximum(a[stray] / limit, 1)) + AMPLITUDE),
    }
    mean = (fit.scale_error_x + fit.scale_error_y) / 2
    apart_xy = (fit.scale_error_x - fit.scale_error_y) / 2
    geometry = -0.5 * ((mean / SCALE) ** 2 + (apart_xy / ANISOTROPY) ** 2 + (fit.shear / ANISOTROPY) ** 2)
    return Candidate(
        expected.name,
        expected.zone,
        0.0,
        float(sum(terms.values()) + geometry),
        **terms,
        geometry=float(geometry),
        n_found=int(on.sum()),
        n_missing=int(unseen.sum()),
        n_unexplained=int(stray.sum()),
        lattice=fit,
    )


def _penalty(logs: NDArray) -> float:
    return float(-0.5 * np.minimum((logs / AMPLITUDE) ** 2, LARGEST**2).sum())


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
