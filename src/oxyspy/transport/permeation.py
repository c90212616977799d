"""Flux, time and layer: oxygen through a coating at steady state, forward and back.

Units all through: cm, s, eV, cm-3; Onsager coefficients in eV-1 cm-1 s-1. Everything broadcasts.
"""

from __future__ import annotations

import numpy as np

from oxyspy.errors import InputError
from oxyspy.transport.quantities import STUDY

# dimension of the growth: the layer's volume for one unit of coating area is [r^d - (r - l)^d] / (d (r + l_c)^(d-1))
GEOMETRIES = {"plane": 1, "cylinder": 2, "sphere": 3}


def dimension(geometry: str) -> int:
    """Return 1, 2 or 3 for ``"plane"``, ``"cylinder"`` or ``"sphere"``."""
    try:
        return GEOMETRIES[geometry]
    except (KeyError, TypeError):
        raise InputError(f"geometry: found {geometry!r}, needed one of {', '.join(GEOMETRIES)}") from None


def steady_flux(L, coating, mu_c, mu_e):
    r"""Return the steady oxygen flux in cm-2 s-1, :math:`J = L (\mu_c - \mu_e) / l_c`."""
    return L * (mu_c - mu_e) / coating


def layer_volume(layer, coating, radius, geometry: str = "sphere"):
    r"""Return the volume of the reacted layer for one unit of the coating's outer area, in cm.

    .. math:: q = \frac{r^d - (r - l_s)^d}{d\,(r + l_c)^{d-1}}

    with d = 1, 2, 3 for plane, cylinder, sphere. Written so that no digits are lost where the layer is thin.
    """
    d = dimension(geometry)
    if d == 1:
        return layer * np.ones_like(np.asarray(coating, dtype=float))
    u, v = layer / radius, coating / radius
    # r^d - (r - l)^d = l r^(d-1) times this polynomial
    shape = 1 - u / 2 if d == 2 else 1 - u + u * u / 3
    return layer * shape / (1 + v) ** (d - 1)


def layer_of_volume(volume, coating, radius, geometry: str = "sphere"):
    """Return the layer thickness in cm whose `layer_volume` is ``volume``; the radius where the particle is used up."""
    d = dimension(geometry)
    if d == 1:
        return volume * np.ones_like(np.asarray(coating, dtype=float))
    reacted = np.minimum(volume * d / radius * (1 + coating / radius) ** (d - 1), 1.0)
    with np.errstate(divide="ignore"):
        return -radius * np.expm1(np.log1p(-reacted) / d)


def onsager_time(layer, coating, *, radius, mu_c, mu_e, c_max, released=STUDY["released"], geometry: str = "sphere"):
    r"""Return the product L t in eV-1 cm-1: how much oxygen the layer gave off, for its driving force and path.

    .. math:: L t = \frac{q(l_s)\, f\, c_\mathrm{max}\, l_c}{\mu_c - \mu_e}

    The one formula behind `steady_time` (divide by L) and `steady_onsager` (divide by t). With f = 1/2
    and a sphere it is the study's :math:`[r^3-(r-l_s)^3]/[6(r+l_c)^2] \cdot c_\mathrm{max} l_c/(\mu_c-\mu_e)`.
    """
    return layer_volume(layer, coating, radius, geometry) * (released * c_max) * coating / (mu_c - mu_e)


def steady_time(layer, coating, L, **conditions):
    """Return the time in s in which ``layer`` forms under a coating of that L; see `onsager_time`."""
    return onsager_time(layer, coating, **conditions) / L


def steady_onsager(layer, coating, time, **conditions):
    """Return the Onsager coefficient in eV-1 cm-1 s-1 with which ``layer`` forms in ``time``; see `onsager_time`."""
    return onsager_time(layer, coating, **conditions) / time


def steady_layer(time, coating, L, *, radius, mu_c, mu_e, c_max, released=STUDY["released"], geometry: str = "sphere"):
    """Return the layer thickness in cm after ``time``: `steady_time` solved for the layer, in closed form."""
    volume = steady_flux(L, coating, mu_c, mu_e) * time / (released * c_max)
    return layer_of_volume(volume, coating, radius, geometry)


def coating_of_path(path, radius, geometry: str):
    """Return the thickness l_c with l_c / (1 + l_c / r)^(d-1) equal to ``path``; ``nan`` where there is none."""
    d = dimension(geometry)
    if d == 1:
        return path
    with np.errstate(invalid="ignore", divide="ignore"):
        if d == 2:
            return np.where(path < radius, path / (1 - path / radius), np.nan)[()]
        # l / (1 + l/r)^2 = p, the smaller root, written without cancellation; it has none beyond r / 4
        return 2 * path / (1 - 2 * path / radius + np.sqrt(1 - 4 * path / radius))
