"""The layer under a coating of uneven thickness with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.results import Result
from oxyspy.transport.permeation import coating_of_path, layer_volume
from oxyspy.transport.quantities import driving_force, plain_number
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
    time: Any,
    coating: Any,
    L: Any,
    *,
    spread: Any = 0.0,
    pinholes: Any = 0.0,
    layer_L: Any = np.inf,
    radius: Any,
    mu_c: Any,
    mu_e: Any,
    capacity: Any,
    geometry: str = "sphere",
) -> UnevenLayer:
    r"""Return the layer under a coating of log-normal thickness with some of the area bare.

    Each place is on its own, as where the layer is thin beside the distances over which the coating changes.

    Parameters
    ----------
    time
        s.
    coating
        Mean thickness where there is coating, cm.
    L
        Onsager coefficient of the coating in eV-1 cm-1 s-1.
    spread
        Standard deviation over mean of the thickness.
    pinholes
        Area fraction without coating, 0 to 1.
    layer_L
        Onsager coefficient of the reacted layer, which alone limits the growth in a hole.
    radius, mu_c, mu_e
        As in `required_diffusivity`.
    capacity
        Oxygen that the cathode gives off for one cm3 of layer, cm-3: ``released`` of ``c_max``.
    geometry
        As in `required_diffusivity`.

    Returns
    -------
    UnevenLayer
        In cm.

    Raises
    ------
    InputError
        Holes over a layer without resistance, mu_c not above mu_e, or a quantity that is not of its kind.

    Notes
    -----
    Under a coating that limits the growth :math:`\langle l_s \rangle \propto \langle 1/l_c \rangle = (1 + s^2) /
    \langle l_c \rangle` for a relative spread s: thin places let through more than thick ones hold back.

    Examples
    --------
    >>> conditions = {"radius": "5 um", "mu_c": -4.95, "mu_e": -5.24, "capacity": 2.1e22}
    >>> layer = uneven_layer("165 min", "10 nm", 1.455e6, spread=0.5, **conditions)
    >>> f"{layer.mean * 1e7:.2f} nm, as under {layer.effective_coating * 1e7:.2f} nm of even coating"
    '2.50 nm, as under 8.00 nm of even coating'
    """
    given = {"radius": radius, "mu_c": mu_c, "mu_e": mu_e}
    conditions = {name: plain_number(name, value) for name, value in given.items()}
    conditions |= {"capacity": plain_number("capacity", capacity, kind="c_max"), "geometry": geometry}
    driving_force(np.asarray(conditions["mu_c"]), np.asarray(conditions["mu_e"]))
    return layer_under(
        plain_number("time", time),
        plain_number("coating", coating),
        plain_number("L", L),
        spread=plain_number("spread", spread),
        pinholes=plain_number("pinholes", pinholes, kind="fraction"),
        layer_L=plain_number("layer_L", layer_L),
        **conditions,
    )


def layer_under(
    time, coating, L, *, spread, pinholes, layer_L, radius, mu_c, mu_e, capacity, geometry: str
) -> UnevenLayer:
    """Return `uneven_layer` of plain numbers, unchecked."""
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
    return UnevenLayer(mean=mean, covered_mean=covered, covered_sigma=sigma, bare=bare, effective_coating=float(even))
