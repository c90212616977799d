"""Forward: from a coating's diffusivity to the time in which a layer forms under it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.transport.coating import Coating
from oxyspy.transport.model import Inferred, check_inputs, inferred_fields, log_onsager_time, slopes
from oxyspy.transport.permeation import dimension
from oxyspy.transport.quantities import K_B, STUDY, measured
from oxyspy.transport.uncertainty import SIGNIFICANT, interval


@dataclass(frozen=True, repr=False)
class DensificationTime(Inferred):
    """The time in s in which a layer forms under a coating; all other attributes as `Inferred`.

    The input ``ln_L`` is the logarithm of the coating's Onsager coefficient.

    Attributes
    ----------
    onsager : float or ndarray
        The Onsager coefficient used, eV-1 cm-1 s-1.
    """

    onsager: Any

    def _further_slopes(self, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"ln_L": -np.ones_like(x["ln_L"])}

    def __repr__(self) -> str:
        if np.ndim(self.value):
            return f"DensificationTime: {np.size(self.value)} problems, {np.sum(np.isfinite(self.value))} with a value"
        if self.upper_limit:
            return f"time < {self.high_95 / 60:.3g} min (95 %): {self.reason}"
        if not np.isfinite(self.value):
            return f"time not known: {self.reason}"
        unit, length = readable_unit(self.value)
        low, value, high = (f"{t / length:.3g}" for t in (self.low, self.value, self.high))
        ends = f", 68 % [{low}, {high}]" if self.contributions else ""
        return f"{value} {unit}{ends} at L = {self.onsager:.4g} /(eV cm s)"


def readable_unit(seconds: float) -> tuple[str, float]:
    """Return the unit in which a reader would put a duration, and its length in s.

    Examples
    --------
    >>> readable_unit(9909.9)
    ('min', 60.0)
    """
    for unit, length, most in (("s", 1.0, 300), ("min", 60.0, 1000), ("h", 3600.0, 500), ("d", 86400.0, 1000)):
        if seconds < most * length:
            return unit, length
    return "y", 31557600.0


def densification_time(
    layer: Any,
    coating: Any,
    *,
    L: Any = None,
    D: Any = None,
    known: Coating | None = None,
    radius: Any = STUDY["radius"],
    mu_c: Any = STUDY["mu_c"],
    mu_e: Any = STUDY["mu_e"],
    c_max: Any = STUDY["c_max"],
    released: Any = STUDY["released"],
    concentration: Any = None,
    temperature: Any = None,
    L_sigma: Any = 0.0,
    D_sigma: Any = 0.0,
    layer_sigma: Any = 0.0,
    coating_sigma: Any = 0.0,
    radius_sigma: Any = 0.0,
    mu_c_sigma: Any = 0.0,
    mu_e_sigma: Any = 0.0,
    c_max_sigma: Any = 0.0,
    released_sigma: Any = 0.0,
    concentration_sigma: Any = 0.0,
    temperature_sigma: Any = 0.0,
    geometry: str = "sphere",
    n_samples: int = 10_000,
    seed: int | None = 0,
) -> DensificationTime:
    """Return the time in which ``layer`` forms under a coating whose oxygen transport is known.

    Parameters
    ----------
    layer, coating
        Thickness of the reacted layer and of the coating in cm.
    L, D, known
        One of: Onsager coefficient in eV-1 cm-1 s-1, diffusivity in cm2/s, a `Coating`, whose bounds enter the
        interval as they are, not symmetric in ln L.
    concentration
        Oxygen in the coating in cm-3, to turn ``D`` into L.
    temperature
        K; a known coating is taken to it by its activation energy.
    L_sigma, D_sigma
        Standard errors; they act as ratios, so that L never becomes negative. Those of the concentration and the
        temperature join them.
    radius, mu_c, mu_e, c_max, released, geometry, n_samples, seed
        As in `required_diffusivity`, and so are all other standard errors.

    Raises
    ------
    InputError
        Not one of L, D and known; or as in `required_diffusivity`.

    References
    ----------
    J. Cheng et al., Chem. Mater. 2024, 36, 2642-2651, doi 10.1021/acs.chemmater.3c02351, table 3

    Examples
    --------
    >>> densification_time(2e-7, 10e-7, L=1.455e6)
    165 min at L = 1.455e+06 /(eV cm s)
    """
    dimension(geometry)
    if sum(given is not None for given in (L, D, known)) != 1:
        raise InputError("the coating's transport: found none or several of L, D and known; needed one of them")
    if concentration is not None and D is None:
        raise InputError("concentration: found one beside L or a known coating; needed D, which it turns into L")
    if temperature is not None and L is not None:
        raise InputError("temperature: found one beside L; needed D or a known coating, which it turns into L")
    c = measured(
        "concentration", STUDY["concentration"] if concentration is None else concentration, concentration_sigma
    )
    t = measured("temperature", STUDY["temperature"] if temperature is None else temperature, temperature_sigma)
    if known is not None:
        ln_l, below, above = _known_onsager(known, None if temperature is None else t)
    elif L is not None:
        value, sigma = measured("L", L, L_sigma)
        ln_l, below = np.log(value), sigma / value
        above = below
    elif D is not None:
        value, sigma = measured("D", D, D_sigma)
        ln_l = np.log(value * c[0] / (K_B * t[0]))
        below = np.sqrt((sigma / value) ** 2 + (c[1] / c[0]) ** 2 + (t[1] / t[0]) ** 2)
        above = below
    inputs = {
        "layer": measured("layer", layer, layer_sigma),
        "coating": measured("coating", coating, coating_sigma),
        "radius": measured("radius", radius, radius_sigma),
        "mu_c": measured("mu_c", mu_c, mu_c_sigma),
        "mu_e": measured("mu_e", mu_e, mu_e_sigma),
        "c_max": measured("c_max", c_max, c_max_sigma),
        "released": measured("released", released, released_sigma),
    }
    check_inputs(inputs, geometry)
    limit = inputs["layer"][0] < SIGNIFICANT * inputs["layer"][1]
    exact = np.zeros(())
    # ln L is a standard normal draw z, stretched below and above its centre, each side by its own error
    drawn = inputs | {"ln_L": (ln_l, exact), "below": (below, exact), "above": (above, exact)}
    drawn["z"] = (exact, np.where((below > 0) | (above > 0), 1.0, 0.0))
    x = {name: value for name, (value, _) in drawn.items()}

    def log_time(x):
        return log_onsager_time(x, geometry) - (x["ln_L"] + np.where(x["z"] > 0, x["above"], x["below"]) * x["z"])

    found = interval(log_time, slopes(x, geometry) | {"z": (below + above) / 2}, drawn, limit, n_samples, seed)
    found = replace(found, parts={"ln_L" if name == "z" else name: part for name, part in found.parts.items()})
    fields = inferred_fields(found, inputs | {"ln_L": (ln_l, (below + above) / 2)}, limit, geometry)
    return DensificationTime(**fields, onsager=np.exp(ln_l)[()])


def _known_onsager(known: Coating, temperature) -> tuple[np.ndarray, ...]:
    """Return ln L of a coating and its standard errors below and above, at another temperature where one is given."""
    if temperature is None:
        return tuple(np.asarray(part) for part in (np.log(known.oxygen.onsager), *known.oxygen.log_sigma))
    t, t_sigma = (float(part) for part in temperature)
    ion = known.oxygen.at(t)
    # d ln L / d ln T = Ea / kT - 1
    by_temperature = abs(ion.activation_energy / (K_B * t) - 1) * t_sigma / t
    return tuple(np.asarray(part) for part in (np.log(ion.onsager), *np.hypot(ion.log_sigma, by_temperature)))
