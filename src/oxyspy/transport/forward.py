"""Forward: from a coating's diffusivity to the time in which a layer forms under it, and to the layer after a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.transport.coating import Coating
from oxyspy.transport.coating_files import coatings
from oxyspy.transport.model import (
    CONDITIONS,
    Inferred,
    check_together,
    inferred_fields,
    numbers,
    product,
    read_inputs,
    slopes,
)
from oxyspy.transport.permeation import dimension, steady_flux, steady_layer
from oxyspy.transport.quantities import K_B, STUDY, driving_force, measured, number
from oxyspy.transport.uncertainty import SIGNIFICANT, draws_for, interval


@dataclass(frozen=True, repr=False)
class Forward(Inferred):
    """What both forward questions give; all other attributes as `Inferred`.

    The input ``ln_L`` is the logarithm of the coating's Onsager coefficient; concentration and temperature are among
    the inputs where they made it.

    Attributes
    ----------
    onsager : float or ndarray
        The Onsager coefficient used, eV-1 cm-1 s-1.
    activation_energy : float
        eV, by which the temperature enters it; 0 where D was given, which holds at its temperature.
    """

    onsager: Any
    activation_energy: float

    def _of_onsager(self, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Derivatives of ln L by what made it."""
        found = {"ln_L": np.ones_like(x["ln_L"])}
        if "concentration" in x:
            found["concentration"] = 1 / x["concentration"]
        if "temperature" in x:
            found["temperature"] = _by_temperature(self.activation_energy, x["temperature"])
        return found


class DensificationTime(Forward):
    """The time in s in which a layer forms under a coating."""

    def _further_slopes(self, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: -slope for name, slope in self._of_onsager(x).items()}

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


class LayerAfter(Forward):
    """The layer in cm that has formed under a coating after a time; the radius where the particle is used up."""

    @property
    def sensitivities(self) -> dict[str, Any]:
        """d ln value / d ln x of each input x; for ``mu_c`` and ``mu_e`` d ln value / d mu in 1/eV."""
        x = {name: np.asarray(pair["value"]) for name, pair in self.inputs.items()} | {"layer": np.asarray(self.value)}
        found = _layer_slopes(x, self.geometry, self._of_onsager(x))
        signed = ("mu_c", "mu_e", "ln_L")
        return {name: np.asarray(slope if name in signed else slope * x[name])[()] for name, slope in found.items()}

    def __repr__(self) -> str:
        if np.ndim(self.value):
            return f"LayerAfter: {np.size(self.value)} problems, {np.sum(np.isfinite(self.value))} with a value"
        if not np.isfinite(self.value):
            return f"layer not known: {self.reason}"
        low, value, high = (f"{layer * 1e7:.3g}" for layer in (self.low, self.value, self.high))
        ends = f", 68 % [{low}, {high}]" if self.contributions else ""
        whole = ", the whole particle" if self.value >= self.inputs["radius"]["value"] else ""
        return f"{value} nm{ends}{whole} at L = {self.onsager:.4g} /(eV cm s)"


def flux(L: Any, coating: Any, mu_c: Any, mu_e: Any) -> Any:
    r"""Return the steady oxygen flux through a coating in cm-2 s-1, :math:`J = L (\mu_c - \mu_e) / l_c`.

    Parameters
    ----------
    L
        Onsager coefficient in eV-1 cm-1 s-1.
    coating
        Thickness in cm.
    mu_c, mu_e
        Oxygen chemical potential of the cathode and outside, eV.

    Returns
    -------
    float or array
        cm-2 s-1.

    Raises
    ------
    InputError
        mu_c not above mu_e, or a quantity that is not of its kind.

    Examples
    --------
    >>> f"{flux(1.455e6, '10 nm', -4.95, -5.24):.3g}"
    '4.22e+11'
    """
    high, low = number("mu_c", mu_c), number("mu_e", mu_e)
    driving_force(high, low)
    return steady_flux(number("L", L), number("coating", coating), high, low)[()]


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
    known: Coating | str | None = None,
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
    n_samples: int | None = None,
    seed: int | None = 0,
) -> DensificationTime:
    """Return the time in which ``layer`` forms under a coating whose oxygen transport is known.

    Parameters
    ----------
    layer, coating
        Thickness of the reacted layer and of the coating in cm.
    L, D, known
        One of: Onsager coefficient in eV-1 cm-1 s-1, diffusivity in cm2/s, a `Coating` or the name of one of the
        study's, whose bounds enter the interval as they are, not symmetric in ln L.
    radius, mu_c, mu_e, c_max, released
        As in `required_diffusivity`. With a `charge_curve` as ``mu_c`` the time is that of the curve over and over.
    concentration
        Oxygen in the coating in cm-3, to turn ``D`` into L; the study's by default.
    temperature
        K, at which ``D`` holds; a known coating is taken to it by its activation energy. 300 K by default.
    L_sigma, D_sigma
        Standard errors; they act as ratios, so that L never becomes negative. Those of the concentration and the
        temperature join them.
    layer_sigma, coating_sigma, radius_sigma, mu_c_sigma, mu_e_sigma, c_max_sigma, released_sigma
        Standard errors, in the unit of the quantity.
    concentration_sigma, temperature_sigma
        The same of these.
    geometry, n_samples, seed
        As in `required_diffusivity`.

    Returns
    -------
    DensificationTime
        In s, with its intervals.

    Raises
    ------
    InputError
        Not one of L, D and known; a known coating at another temperature than its own without an activation energy;
        or as in `required_diffusivity`.

    References
    ----------
    J. Cheng et al., Chem. Mater. 2024, 36, 2642-2651, doi 10.1021/acs.chemmater.3c02351, table 3

    Examples
    --------
    >>> densification_time(2e-7, 10e-7, L=1.455e6)
    165 min at L = 1.455e+06 /(eV cm s)
    """
    given = {
        "layer": (layer, layer_sigma),
        "coating": (coating, coating_sigma),
        "radius": (radius, radius_sigma),
        "mu_c": (mu_c, mu_c_sigma),
        "mu_e": (mu_e, mu_e_sigma),
        "c_max": (c_max, c_max_sigma),
        "released": (released, released_sigma),
    }
    dimension(geometry)
    made = {"concentration": (concentration, concentration_sigma), "temperature": (temperature, temperature_sigma)}
    rate = _rate((L, L_sigma), (D, D_sigma), known, **made)
    inputs = read_inputs(given | rate.given)
    check_together(inputs, geometry)
    x = {name: value for name, (value, _) in inputs.items()}

    def time_of(x):
        return product(x, geometry) / np.exp(rate.ln_onsager(x))

    by_rate = {name: -slope for name, slope in rate.slopes(x).items()}
    limit = inputs["layer"][0] < SIGNIFICANT * inputs["layer"][1]
    return _solve(
        DensificationTime, time_of, slopes(x, geometry) | by_rate, inputs, rate, limit, geometry, n_samples, seed
    )


def layer_after(
    time: Any,
    coating: Any,
    *,
    L: Any = None,
    D: Any = None,
    known: Coating | str | None = None,
    time_sigma: Any = 0.0,
    L_sigma: Any = 0.0,
    D_sigma: Any = 0.0,
    coating_sigma: Any = 0.0,
    concentration: Any = None,
    temperature: Any = None,
    concentration_sigma: Any = 0.0,
    temperature_sigma: Any = 0.0,
    geometry: str = "sphere",
    n_samples: int | None = None,
    seed: int | None = 0,
    **conditions: Any,
) -> LayerAfter:
    """Return the layer that has formed after ``time`` under a coating whose oxygen transport is known.

    Parameters
    ----------
    time
        At high voltage, s; see `time_at_voltage` for cycles, and `charge_curve`.
    coating, L, D, known
        As in `densification_time`.
    time_sigma, L_sigma, D_sigma, coating_sigma
        Standard errors, in the unit of the quantity.
    concentration, temperature, concentration_sigma, temperature_sigma, geometry, n_samples, seed
        As in `densification_time`.
    **conditions
        ``radius``, ``mu_c``, ``mu_e``, ``c_max``, ``released`` and their standard errors, as in `required_diffusivity`.

    Returns
    -------
    LayerAfter
        In cm, with its intervals.

    Raises
    ------
    InputError
        As in `densification_time`.
    TypeError
        A condition that nobody knows.

    Examples
    --------
    >>> layer_after("165 min", "10 nm", known="Li3B11O18")
    2 nm, 68 % [0.73, 5.13] at L = 1.455e+06 /(eV cm s)
    """
    given = {"time": (time, time_sigma), "coating": (coating, coating_sigma)}
    for name in CONDITIONS:
        given[name] = conditions.pop(name, STUDY[name]), conditions.pop(f"{name}_sigma", 0.0)
    if conditions:
        raise TypeError(f"layer_after() got an unexpected keyword argument {next(iter(conditions))!r}")
    dimension(geometry)
    made = {"concentration": (concentration, concentration_sigma), "temperature": (temperature, temperature_sigma)}
    rate = _rate((L, L_sigma), (D, D_sigma), known, **made)
    inputs = read_inputs(given | rate.given)
    check_together(inputs, geometry)

    def layer_of(x):
        conditions = {name: x[name] for name in CONDITIONS}
        spent = x["time"] * x.get("active", 1.0)
        return steady_layer(spent, x["coating"], np.exp(rate.ln_onsager(x)), geometry=geometry, **conditions)

    x = {name: value for name, (value, _) in inputs.items()}
    x["layer"] = np.asarray(layer_of(x))
    never = np.zeros(np.shape(x["layer"]), dtype=bool)
    slope = _layer_slopes(x, geometry, rate.slopes(x))
    return _solve(LayerAfter, layer_of, slope, inputs, rate, never, geometry, n_samples, seed)


def _layer_slopes(x: dict[str, np.ndarray], geometry: str, by_rate: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Derivatives of ln layer: those of ln(L t), which the layer answers for, over its own."""
    of_path = slopes(x, geometry)
    with np.errstate(divide="ignore", invalid="ignore"):
        answer = 1 / (x["layer"] * of_path.pop("layer"))
        found = {name: -slope * answer for name, slope in of_path.items()}
        found |= {name: slope * answer for name, slope in ({"time": 1 / x["time"]} | dict(by_rate)).items()}
    # a particle that is used up has no more to give
    whole = x["layer"] >= x["radius"] if geometry != "plane" else False
    return {
        name: np.where(whole, 1 / x["radius"] if name == "radius" else 0.0, slope) if np.any(whole) else slope
        for name, slope in found.items()
    }


@dataclass(frozen=True)
class _Rate:
    """The coating's Onsager coefficient: ln L of the inputs that make it, and its own error below and above.

    ``base`` is the logarithm of what was given, L or D.
    """

    ln: np.ndarray
    base: np.ndarray
    below: np.ndarray
    above: np.ndarray
    given: dict[str, tuple[Any, Any]]
    of: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    activation_energy: float

    def ln_onsager(self, x: Mapping[str, np.ndarray]) -> np.ndarray:
        # ln L is a standard normal draw z, stretched below and above its centre, each side by its own error
        z = np.asarray(x.get("z", 0.0))
        return self.of({"base": self.base, **x}) + np.where(z > 0, x.get("above", 0.0), x.get("below", 0.0)) * z

    def slopes(self, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = {"z": (self.below + self.above) / 2}
        if "concentration" in x:
            found["concentration"] = 1 / x["concentration"]
        if "temperature" in x:
            found["temperature"] = _by_temperature(self.activation_energy, x["temperature"])
        return found


def _by_temperature(activation_energy: float, temperature: np.ndarray) -> np.ndarray:
    # L = D c / kT, with D by its activation energy
    return (activation_energy / (K_B * temperature) - 1) / temperature


def _rate(L, D, known, concentration, temperature) -> _Rate:
    """Read one of L, D and a known coating."""
    if sum(one is not None for one in (L[0], D[0], known)) != 1:
        raise InputError("the coating's transport: found none or several of L, D and known; needed one of them")
    if concentration[0] is not None and D[0] is None:
        raise InputError("concentration: found one beside L or a known coating; needed D, which it turns into L")
    if temperature[0] is not None and L[0] is not None:
        raise InputError("temperature: found one beside L; needed D or a known coating, which it turns into L")
    concentration, temperature = (
        (STUDY[name] if value is None else value, sigma)
        for name, (value, sigma) in (("concentration", concentration), ("temperature", temperature))
    )
    if L[0] is not None:
        value, sigma = measured("L", *L)
        ln, error = np.log(value), sigma / value
        return _Rate(ln, ln, error, error, {}, lambda x: x["base"], np.nan)
    if D[0] is not None:
        value, sigma = measured("D", *D)
        ln_d, error = np.log(value), sigma / value
        c, t = measured("concentration", *concentration)[0], measured("temperature", *temperature)[0]

        def of_d(x):
            return x["base"] + np.log(x["concentration"] / (K_B * x["temperature"]))

        ln = of_d({"base": ln_d, "concentration": c, "temperature": t})
        return _Rate(ln, ln_d, error, error, {"concentration": concentration, "temperature": temperature}, of_d, 0.0)
    ion = (coatings()[known] if isinstance(known, str) else known).oxygen
    t = measured("temperature", *temperature)
    here = ion.at(t[0])
    if np.isnan(ion.activation_energy) and (np.any(t[0] != ion.temperature) or np.any(t[1])):
        raise InputError(
            f"temperature: found {t[0]} K for a coating known at {ion.temperature:g} K without an activation energy; "
            "needed its temperature, exactly, or the energy"
        )
    below, above = (np.asarray(side) for side in here.log_sigma)
    return _Rate(
        np.log(here.onsager),
        np.zeros(()),
        below,
        above,
        {"temperature": temperature},
        lambda x: np.log(ion.onsager_at(x["temperature"])),
        ion.activation_energy,
    )


def _solve(kind: type, outcome, slope, inputs, rate: _Rate, limit, geometry: str, n_samples, seed) -> Any:
    exact = np.zeros(())
    drawn = inputs | {"base": (rate.base, exact), "below": (rate.below, exact), "above": (rate.above, exact)}
    drawn["z"] = exact, np.where((rate.below > 0) | (rate.above > 0), 1.0, 0.0)
    draws = draws_for(drawn, n_samples, seed)
    found = numbers(interval(outcome, slope, drawn, limit, draws), limit)
    if "part z" in found:
        found["part ln_L"] = found.pop("part z")
    shown = {name: pair for name, pair in inputs.items() if name not in rate.given}
    shown["ln_L"] = rate.ln, (rate.below + rate.above) / 2
    shown |= {name: inputs[name] for name in rate.given}
    fields = inferred_fields(found, shown, draws, geometry)
    return kind(**fields, onsager=np.exp(rate.ln)[()], activation_energy=float(rate.activation_energy))
