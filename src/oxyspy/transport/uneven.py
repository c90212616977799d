"""The layer under a coating of uneven thickness with holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.permeation import coating_of_path, layer_volume
from oxyspy.transport.quantities import number
from oxyspy.transport.resistance import own_path, resisted_layer


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
    own = own_path(mean, radius, geometry) / layer_L
    left = time * (mu_c - mu_e) / capacity - own
    even = coating_of_path(left * L / layer_volume(mean, 0.0, radius, geometry), radius, geometry)
    return UnevenLayer(mean=mean, covered_mean=covered, covered_sigma=sigma, bare=bare, effective_coating=even)
