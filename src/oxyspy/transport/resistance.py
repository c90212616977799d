"""Where the coating is not all that resists: the reacted layer's own resistance, and the coating's curvature.

Kernels on arrays, in the units of `permeation`. ``capacity`` is the oxygen that the cathode gives off for one cm3 of
layer, :math:`f c_\\mathrm{max}`.
"""

from __future__ import annotations

import numpy as np

from oxyspy.errors import InputError
from oxyspy.transport.permeation import dimension, layer_of_volume, layer_volume


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


def own_path(layer, radius, geometry: str):
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
    return capacity / (mu_c - mu_e) * (through_coating + own_path(layer, radius, geometry) / layer_L)


def resisted_onsager(layer, coating, time, layer_L, *, radius, mu_c, mu_e, capacity, geometry: str = "sphere"):
    """Return the coating's L with which a layer that resists too forms in a time: `resisted_time` solved for L.

    ``nan`` where the layer's own resistance alone takes longer: then no coating, however open, gives that layer.
    """
    left = time * (mu_c - mu_e) / capacity - own_path(layer, radius, geometry) / layer_L
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
