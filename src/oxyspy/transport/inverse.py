"""Backward: from a reacted layer to the diffusivity that its coating must have had, or may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oxyspy.transport.model import (
    CONDITIONS,
    Inferred,
    check_together,
    concealed,
    inferred_fields,
    numbers,
    product,
    read_inputs,
    slopes,
)
from oxyspy.transport.permeation import dimension
from oxyspy.transport.quantities import K_B, STUDY
from oxyspy.transport.uncertainty import SIGNIFICANT, Inputs, Interval, draws_for, in_blocks, interval


@dataclass(frozen=True, repr=False)
class RequiredDiffusivity(Inferred):
    """The diffusivity in cm2/s with which a layer forms under a coating in a time; all other attributes as `Inferred`.

    Attributes
    ----------
    onsager, onsager_low, onsager_high : float or ndarray
        Onsager coefficient and its 68.3 % interval in eV-1 cm-1 s-1: free of the concentration.
    """

    onsager: Any
    onsager_low: Any
    onsager_high: Any

    def _further_slopes(self, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return _further_slopes(x)

    def __repr__(self) -> str:
        if np.ndim(self.value):
            known, limits = np.sum(np.isfinite(self.value)), np.sum(self.upper_limit)
            return f"{type(self).__name__}: {np.size(self.value)} problems, {known} with a value, {limits} upper limits"
        if self.upper_limit:
            return f"D < {self.high_95:.2g} cm2/s (95 %): {self.reason}"
        if not np.isfinite(self.value):
            return f"D not known: {self.reason}"
        interval = f", 68 % [{self.low:.3g}, {self.high:.3g}], 95 % [{self.low_95:.3g}, {self.high_95:.3g}]"
        return f"D = {self.value:.3g}{interval if self.contributions else ''} cm2/s, L = {self.onsager:.4g} /(eV cm s)"


class AllowedDiffusivity(RequiredDiffusivity):
    """The largest diffusivity that keeps a layer below its target over a life; attributes as in `RequiredDiffusivity`.

    A coating is safe with respect to the inputs' errors where its D is below `low_95`.
    """

    def __repr__(self) -> str:
        if np.ndim(self.value) or not np.isfinite(self.value):
            return super().__repr__()
        safe = f" (below {self.low_95:.3g} at 95 %)" if self.contributions else ""
        return f"D up to {self.value:.3g} cm2/s{safe}, L up to {self.onsager:.4g} /(eV cm s)"


def required_diffusivity(
    layer: Any,
    coating: Any,
    time: Any,
    *,
    radius: Any = STUDY["radius"],
    mu_c: Any = STUDY["mu_c"],
    mu_e: Any = STUDY["mu_e"],
    c_max: Any = STUDY["c_max"],
    released: Any = STUDY["released"],
    concentration: Any = STUDY["concentration"],
    temperature: Any = STUDY["temperature"],
    layer_sigma: Any = 0.0,
    coating_sigma: Any = 0.0,
    time_sigma: Any = 0.0,
    radius_sigma: Any = 0.0,
    mu_c_sigma: Any = 0.0,
    mu_e_sigma: Any = 0.0,
    c_max_sigma: Any = 0.0,
    released_sigma: Any = 0.0,
    concentration_sigma: Any = 0.0,
    temperature_sigma: Any = 0.0,
    geometry: str = "sphere",
    n_samples: int | None = None,
    seed: int | None = 0,
) -> RequiredDiffusivity:
    r"""Return the oxygen diffusivity that a coating must have had for a layer to form under it in a time.

    Every quantity is a number or an array in the unit named below, or text or a pint quantity with a unit of its own,
    such as ``"10 nm"``; text may hold a standard error, ``"2.0 +- 0.3 nm"``.

    Parameters
    ----------
    layer
        Thickness of the reacted layer in cm; ``nan`` where none was measured.
    coating
        Thickness of the coating in cm.
    time
        Time at high voltage in s. There is no default: it cannot be guessed.
    radius
        Radius of the cathode particle in cm; of no effect for ``geometry="plane"``.
    mu_c, mu_e
        Oxygen chemical potential of the cathode and outside the coating, eV. ``mu_c`` may be a `charge_curve`, over
        and over which ``time`` then runs.
    c_max, released
        Oxygen of the cathode in cm-3 and the fraction of it that the layer gave off: 1/2 for rocksalt (NiO2 to NiO),
        1/3 for spinel (3 NiO2 to Ni3O4).
    concentration
        Oxygen in the coating in cm-3; turns L into D.
    temperature
        K.
    layer_sigma, coating_sigma, time_sigma, radius_sigma, mu_c_sigma, mu_e_sigma
        Standard errors in the unit of the quantity. What has none is taken as exact, and ``method`` says so.
    c_max_sigma, released_sigma, concentration_sigma, temperature_sigma
        The same of these.
    geometry
        ``"sphere"``, ``"cylinder"`` or ``"plane"``.
    n_samples
        Joint draws of the inputs; 0 takes the first-order interval alone. ``None`` draws 10 000 times, up to 10 000
        problems; for more the interval is of first order, and ``method`` says so.
    seed
        Of the draws.

    Returns
    -------
    RequiredDiffusivity
        With arrays where any input is one; all inputs broadcast.

    Raises
    ------
    InputError
        Negative thickness, mu_c not above mu_e, a layer thicker than the particle, a wrong unit: names the quantity.

    Notes
    -----
    .. math:: D = \frac{k_B T}{c}\,\frac{q(l_s, l_c, r)\, f\, c_\mathrm{max}\, l_c}{t\,(\mu_c - \mu_e)},\qquad
       q = \frac{r^3 - (r - l_s)^3}{3 (r + l_c)^2}

    for a sphere: steady diffusion through the coating alone, the transport-limited case. Defaults are the study's
    inputs, from ``data/transport.yaml``. Inputs are drawn from normal distributions, cut at zero but for the
    potentials. Whatever part of the layer was there before, or came from the beam, makes D too large by its share.
    A layer within two standard errors of zero gives the upper limit that the cut distribution has at
    95 %; a layer known only to be thinner than x at 95 % is ``layer=0, layer_sigma=x / 1.96``.

    References
    ----------
    J. Cheng et al., Chem. Mater. 2024, 36, 2642-2651, doi 10.1021/acs.chemmater.3c02351

    Examples
    --------
    >>> required_diffusivity(layer=2e-7, coating=10e-7, time=9900.0)
    D = 7.01e-19 cm2/s, L = 1.456e+06 /(eV cm s)
    >>> required_diffusivity("2.0 +- 0.3 nm", "10 nm", "165 min").dominant
    'layer'
    >>> required_diffusivity("0.1 +- 0.1 nm", "10 nm", "165 min")
    D < 9.6e-20 cm2/s (95 %): the layer is within 2 standard errors of zero: only an upper limit, at 95 %
    """
    given = {
        "layer": (layer, layer_sigma),
        "coating": (coating, coating_sigma),
        "time": (time, time_sigma),
        "radius": (radius, radius_sigma),
        "mu_c": (mu_c, mu_c_sigma),
        "mu_e": (mu_e, mu_e_sigma),
        "c_max": (c_max, c_max_sigma),
        "released": (released, released_sigma),
        "concentration": (concentration, concentration_sigma),
        "temperature": (temperature, temperature_sigma),
    }
    return _solve(RequiredDiffusivity, read_inputs(given), geometry, {}, n_samples, seed)


def allowed_diffusivity(
    target: Any,
    coating: Any,
    life: Any,
    *,
    target_sigma: Any = 0.0,
    coating_sigma: Any = 0.0,
    life_sigma: Any = 0.0,
    geometry: str = "sphere",
    n_samples: int | None = None,
    seed: int | None = 0,
    **conditions: Any,
) -> AllowedDiffusivity:
    """Return the largest oxygen diffusivity that keeps the reacted layer below a target over a life.

    Parameters
    ----------
    target
        Largest tolerable thickness of the reacted layer in cm.
    coating
        Thickness of the coating in cm.
    life
        Time at high voltage over the life in s; for cycles see `time_at_voltage`.
    target_sigma, coating_sigma, life_sigma
        Their standard errors.
    geometry, n_samples, seed, **conditions
        As in `required_diffusivity`, which see for units, errors and the formula.

    Returns
    -------
    AllowedDiffusivity
        With arrays where any input is one.

    Raises
    ------
    InputError
        As in `required_diffusivity`.
    TypeError
        A condition that nobody knows.

    Examples
    --------
    >>> allowed_diffusivity("2 nm", "10 nm", "10 year")
    D up to 2.2e-23 cm2/s, L up to 45.69 /(eV cm s)
    """
    given = {"layer": (target, target_sigma), "coating": (coating, coating_sigma), "time": (life, life_sigma)}
    for name in (*CONDITIONS, "concentration", "temperature"):
        given[name] = conditions.pop(name, STUDY[name]), conditions.pop(f"{name}_sigma", 0.0)
    if conditions:
        raise TypeError(f"allowed_diffusivity() got an unexpected keyword argument {next(iter(conditions))!r}")
    names = {"layer": "target", "time": "life"}
    return _solve(AllowedDiffusivity, read_inputs(given, names), geometry, names, n_samples, seed)


def _further_slopes(x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"time": -1 / x["time"], "concentration": -1 / x["concentration"], "temperature": 1 / x["temperature"]}


def _solve(kind: type, inputs: Inputs, geometry: str, names: Mapping[str, str], n_samples, seed) -> Any:
    draws = draws_for(inputs, n_samples, seed)

    def required(x):
        return product(x, geometry) * (K_B * x["temperature"] / (x["concentration"] * x["time"]))

    def solve(inputs: Inputs) -> dict[str, np.ndarray]:
        check_together(inputs, geometry, names)
        x = {name: value for name, (value, _) in inputs.items()}
        layer, sigma = inputs["layer"]
        limit = layer < SIGNIFICANT * sigma
        slope = slopes(x, geometry, draws.uncertain) | _further_slopes(x)
        found = interval(required, slope, inputs, limit, draws)
        return numbers(found, limit) | _onsager(found, x, inputs, limit)

    def _onsager(found: Interval, x, inputs: Inputs, limit) -> dict[str, np.ndarray]:
        per_d = x["concentration"] / (K_B * x["temperature"])
        turning = [name for name in ("concentration", "temperature") if name in draws.uncertain]
        value = found.value * per_d
        if not turning:
            low, high = found.ends[0] * per_d, found.ends[1] * per_d
        elif draws.number:
            # L does not know the errors of what turns it into D
            known = inputs | {name: (x[name], np.zeros(())) for name in turning}
            fewer = replace(draws, uncertain=tuple(name for name in draws.uncertain if name not in turning))
            slope = {name: np.zeros(()) for name in fewer.uncertain}
            low, high = interval(lambda x: product(x, geometry) / x["time"], slope, known, limit, fewer).ends[:2]
        else:
            # the same to first order; a limit is that of the layer alone
            own = found.linear**2 - sum(found.parts[name] ** 2 for name in turning)
            spread = np.exp(np.sqrt(np.maximum(own, 0.0)))
            low, high = value / spread, value * spread
            if np.any(limit):
                high = np.where(limit, found.ends[1] * per_d, high)
        return {
            "onsager": concealed(value, limit),
            "onsager_low": concealed(low, limit, 0.0),
            "onsager_high": high,
        }

    dimension(geometry)
    found = solve(inputs) if draws.number else in_blocks(solve, inputs)
    return kind(**inferred_fields(found, inputs, draws, geometry))
