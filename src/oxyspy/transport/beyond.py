"""Beyond the steady coating of even thickness: what else decides how thick the layer gets, each with its limits.

Kernels on arrays, in cm, s, eV, cm-3 and eV-1 cm-1 s-1, as `permeation`. ``capacity`` is the oxygen that the cathode
gives off for one cm3 of layer, :math:`f c_\\mathrm{max}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.permeation import dimension, layer_of_volume, layer_volume
from oxyspy.transport.quantities import number

# Fourier terms; at the shortest time they are used for, the last is below 1e-10 of the sum
_TERMS = np.arange(1, 51)


def curvature_factor(coating, radius, geometry: str = "sphere"):
    """Return how much longer the layer takes when the coating's curvature is counted exactly.

    The study lets the flux through the outer area at the gradient of a plane. In a shell the resistance is
    ``l_c / (r (r + l_c))`` for a sphere and ``ln(1 + l_c / r)`` for a cylinder: times this factor. For 10 nm on 5 um it
    is 1.002.

    Examples
    --------
    >>> float(curvature_factor(10e-7, 5e-4))
    1.002
    """
    v = np.asarray(coating / radius)
    return {1: np.ones_like(v), 2: (1 + v) * np.log1p(v) / np.where(v > 0, v, 1.0), 3: 1 + v}[dimension(geometry)][()]


def time_lag(coating, L, mu_c, mu_e, uptake):
    r"""Return the time lag of permeation in s, :math:`l_c^2 u / 6 L (\mu_c - \mu_e)`.

    ``uptake`` u is how much more oxygen one cm3 of coating holds at mu_c than at mu_e. Steady diffusion through the
    coating is not reached before about three such times. Beside the time of a layer the lag is
    :math:`l_c u / 6 f c_\mathrm{max} l_s` whatever L: little for an oxide that holds to its composition, even where
    the lag itself is long.
    """
    return coating**2 * uptake / (6 * L * (mu_c - mu_e))


def _reduced_time(time, coating, L, mu_c, mu_e, uptake):
    # D~ t / l^2 with the chemical diffusivity D~ = L (mu_c - mu_e) / uptake
    return np.asarray(L * (mu_c - mu_e) / uptake * time / coating**2, dtype=float)


def oxygen_in(time, coating, L, mu_c, mu_e, uptake):
    r"""Return the oxygen that entered the coating from the cathode in cm-2, from a coating that began at mu_e.

    .. math:: \frac{Q}{l_c u} = \theta + \frac13 - \frac{2}{\pi^2} \sum_n \frac{e^{-n^2 \pi^2 \theta}}{n^2},
       \qquad \theta = \tilde D t / l_c^2

    At late times the steady flux, ahead by the third of ``uptake`` that fills the coating; at early times
    :math:`2 \sqrt{\theta / \pi}`. The cathode reacts by this amount, so a coating that fills makes the layer thicker,
    not thinner.

    References
    ----------
    J. Crank, The Mathematics of Diffusion, on diffusion through a plane sheet.
    """
    theta = _reduced_time(time, coating, L, mu_c, mu_e, uptake)
    n = _TERMS
    late = theta + 1 / 3 - 2 / np.pi**2 * np.sum(np.exp(-(n**2) * np.pi**2 * theta[..., None]) / n**2, axis=-1)
    # neither form errs by 1e-10 where they meet
    return (coating * uptake * np.where(theta < 0.05, 2 * np.sqrt(theta / np.pi), late))[()]


def oxygen_out(time, coating, L, mu_c, mu_e, uptake):
    r"""Return the oxygen that left through the outer face in cm-2; late it is behind by the `time_lag`.

    .. math:: \frac{Q}{l_c u} = \theta - \frac16 - \frac{2}{\pi^2} \sum_n \frac{(-1)^n e^{-n^2 \pi^2 \theta}}{n^2}
    """
    theta = _reduced_time(time, coating, L, mu_c, mu_e, uptake)
    n = _TERMS
    series = np.sum((-1.0) ** n * np.exp(-(n**2) * np.pi**2 * theta[..., None]) / n**2, axis=-1)
    late = theta - 1 / 6 - 2 / np.pi**2 * series
    # before that less than 1e-100 has come through
    return (coating * uptake * np.where(theta < 1e-3, 0.0, np.maximum(late, 0.0)))[()]


def transient_layer(time, coating, L, *, radius, mu_c, mu_e, capacity, uptake, geometry: str = "sphere"):
    """Return the layer in cm with the coating's filling counted: `steady_layer` with the oxygen of `oxygen_in`."""
    return layer_of_volume(oxygen_in(time, coating, L, mu_c, mu_e, uptake) / capacity, coating, radius, geometry)


def _own_path(layer, radius, geometry: str):
    """Return the layer's own part of L t in cm2: l^2 / 2 for a plane, less in a particle that shrinks."""
    d = dimension(geometry)
    if d == 1:
        return layer**2 / 2
    u = layer / radius
    if d == 3:
        return layer**2 * (1 / 2 - u / 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrinking = np.where(u < 1, (1 - u) ** 2 * np.log1p(-np.minimum(u, 1.0)), 0.0)
    # a series where the difference of large terms would lose digits
    return radius**2 * np.where(u < 1e-3, u**2 / 2 - u**3 / 6, (2 * u - u**2) / 4 + shrinking / 2)


def resisted_time(layer, coating, L, layer_L, *, radius, mu_c, mu_e, capacity, geometry: str = "sphere"):
    r"""Return the time in s where the reacted layer resists oxygen too: linear growth first, parabolic later.

    For a plane :math:`t = \frac{f c_\mathrm{max}}{\mu_c - \mu_e}\left(\frac{l_c l_s}{L} + \frac{l_s^2}{2 L_s}\right)`;
    for a sphere and a cylinder quasi-steady diffusion through coating and layer to a front that shrinks (the
    shrinking-core model).

    Parameters
    ----------
    layer_L
        Onsager coefficient of the reacted layer; infinite for the study's case.
    coating
        May be 0: a bare surface.
    """
    through_coating = layer_volume(layer, coating, radius, geometry) * coating / L
    return capacity / (mu_c - mu_e) * (through_coating + _own_path(layer, radius, geometry) / layer_L)


def resisted_onsager(layer, coating, time, layer_L, *, radius, mu_c, mu_e, capacity, geometry: str = "sphere"):
    """Return the coating's L with which a layer that resists too forms in a time: `resisted_time` solved for L.

    ``nan`` where the layer's own resistance alone takes longer: then no coating, however open, gives that layer.
    """
    left = time * (mu_c - mu_e) / capacity - _own_path(layer, radius, geometry) / layer_L
    with np.errstate(divide="ignore", invalid="ignore"):
        found = layer_volume(layer, coating, radius, geometry) * coating / left
    return np.where(left > 0, found, np.nan)[()]


def resisted_layer(time, coating, L, layer_L, *, radius, mu_c, mu_e, capacity, geometry: str = "sphere"):
    """Return the layer in cm after a time where it resists too: `resisted_time` solved for the layer by halving."""
    conditions = {"radius": radius, "mu_c": mu_c, "mu_e": mu_e, "capacity": capacity, "geometry": geometry}
    supplied = np.asarray(time * (mu_c - mu_e) / capacity, dtype=float)
    # bounds: the plane's own resistance alone bounds a plane, the particle bounds the others
    high = np.sqrt(2 * layer_L * supplied) if dimension(geometry) == 1 else radius * np.ones_like(supplied)
    if np.any(coating > 0):
        with np.errstate(divide="ignore"):
            alone = layer_of_volume(supplied * L / coating, coating, radius, geometry)
        high = np.minimum(high, alone)
    if not np.all(np.isfinite(high)):
        raise InputError("layer_L: found no resistance under a surface without coating; needed one of the two")
    shape = np.broadcast_shapes(np.shape(high), np.shape(coating), np.shape(L), np.shape(layer_L), np.shape(time))
    low, high = np.zeros(shape), np.broadcast_to(high, shape).copy()
    full = resisted_time(high, coating, L, layer_L, **conditions) <= time
    for _ in range(90):
        middle = (low + high) / 2
        later = resisted_time(middle, coating, L, layer_L, **conditions) > time
        high, low = np.where(later & ~full, middle, high), np.where(later | full, low, middle)
    return high[()]


def time_at_voltage(cycles: Any, period: Any, fraction: Any) -> Any:
    """Return the time in s that several cycles spend at high voltage.

    Parameters
    ----------
    cycles
        Number of cycles, which need not be whole.
    period
        Of one cycle in s.
    fraction
        Of each cycle at high voltage, 0 to 1. The layer does not heal in the rest of it.

    Raises
    ------
    InputError
        A fraction above 1 (per cent?), or a negative count.

    Examples
    --------
    >>> float(time_at_voltage(100, 36000.0, 0.25))
    900000.0
    """
    if not np.all(np.asarray(cycles) >= 0):
        raise InputError(f"cycles: found {np.min(cycles):g}, needed a count that is not negative")
    return (cycles * number("period", period, kind="time") * number("fraction", fraction))[()]


def exposure(time: Any, mu_c: Any, mu_e: Any) -> float:
    r"""Return :math:`\int \max(\mu_c - \mu_e, 0)\,dt` in eV s along a charge curve, by the trapezoidal rule.

    What limits the coating is linear in it: give `steady_layer` the exposure as ``time`` with ``mu_c - mu_e`` of 1 eV.

    Parameters
    ----------
    time, mu_c
        (n,) s, rising, and eV: from the voltages by `along_charge`.
    """
    t = np.asarray(time, dtype=float)
    if t.ndim != 1 or np.any(np.diff(t) < 0):
        raise InputError("time: needed one axis of times that do not fall")
    force = np.maximum(np.asarray(mu_c, dtype=float) - mu_e, 0.0) * np.ones_like(t)
    return float(np.trapezoid(force, t))


@dataclass(frozen=True)
class UnevenLayer(Result):
    """The layer under a coating of uneven thickness with holes.

    Attributes
    ----------
    mean : float
        cm, over the whole surface.
    covered_mean, covered_sigma : float
        Mean and standard deviation under the coating, cm.
    bare : float
        In the holes, cm; ``nan`` without holes.
    effective_coating : float
        Thickness in cm of the even coating, without holes, that gives the mean layer. What `required_diffusivity`
        wants to be told; the mean thickness overstates it.
    """

    mean: float
    covered_mean: float
    covered_sigma: float
    bare: float
    effective_coating: float


def uneven_layer(
    time: float,
    coating: float,
    L: float,
    *,
    spread: float = 0.0,
    pinholes: float = 0.0,
    layer_L: float = np.inf,
    radius: float,
    mu_c: float,
    mu_e: float,
    capacity: float,
    geometry: str = "sphere",
) -> UnevenLayer:
    r"""Return the layer under a coating of log-normal thickness with some of the area bare.

    Each place is on its own, as where the layer is thin beside the distances over which the coating changes.

    Parameters
    ----------
    coating
        Mean thickness where there is coating, cm.
    spread
        Standard deviation over mean of the thickness.
    pinholes
        Area fraction without coating, 0 to 1.
    layer_L
        Onsager coefficient of the reacted layer, which alone limits the growth in a hole.

    Notes
    -----
    Under a coating that limits the growth :math:`\langle l_s \rangle \propto \langle 1/l_c \rangle = (1 + s^2) /
    \langle l_c \rangle` for a relative spread s: thin places let through more than thick ones hold back.
    """
    number("pinholes", pinholes, kind="fraction")
    if not 0 <= spread < 3:
        raise InputError(f"spread: found {spread:g}, needed a standard deviation over the mean, from 0 to 3")
    conditions = {"radius": radius, "mu_c": mu_c, "mu_e": mu_e, "capacity": capacity, "geometry": geometry}
    width = np.sqrt(np.log1p(spread**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    thickness = coating * np.exp(width * nodes - width**2 / 2)
    layers = resisted_layer(time, thickness, L, layer_L, **conditions)
    covered = float(weights @ layers)
    sigma = float(np.sqrt(max(weights @ (layers - covered) ** 2, 0.0)))
    bare = np.nan
    mean = covered
    if pinholes > 0:
        bare = float(resisted_layer(time, 0.0, L, layer_L, **conditions))
        mean = (1 - pinholes) * covered + pinholes * bare
    # the even coating that gives the mean layer, with the same resistance of the layer itself
    own = _own_path(mean, radius, geometry) / layer_L
    left = time * (mu_c - mu_e) / capacity - own
    even = _coating_of_path(left * L / _volume_at_surface(mean, radius, geometry), radius, geometry)
    return UnevenLayer(mean=mean, covered_mean=covered, covered_sigma=sigma, bare=bare, effective_coating=even)


def _volume_at_surface(layer, radius, geometry: str):
    """Return `layer_volume` for one unit of the particle's own area."""
    return layer_volume(layer, 0.0, radius, geometry)


def _coating_of_path(path: float, radius: float, geometry: str) -> float:
    """Return the thickness l_c with l_c / (1 + l_c / r)^(d-1) equal to ``path``; ``nan`` where there is none."""
    d = dimension(geometry)
    if d == 1:
        return float(path)
    if d == 2:
        return float(path / (1 - path / radius)) if path < radius else np.nan
    # l / (1 + l/r)^2 = p, the smaller root, written without cancellation; it has none beyond r / 4
    root = 1 - 4 * path / radius
    return float(2 * path / (1 - 2 * path / radius + np.sqrt(root))) if root >= 0 else np.nan
