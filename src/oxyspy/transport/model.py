"""The steady model as ln(L t) of a dict of inputs: its checks, value and slopes, and the result of both directions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.results import Result, to_plain
from oxyspy.transport.permeation import dimension, onsager_time
from oxyspy.transport.quantities import driving_force
from oxyspy.transport.uncertainty import SIGNED, SIGNIFICANT, Inputs, Interval


def check_inputs(inputs: Inputs, geometry: str) -> None:
    """Refuse what the model cannot use: no driving force, a layer thicker than the particle, an input of no size."""
    force = driving_force(inputs["mu_c"][0], inputs["mu_e"][0])
    layer, layer_sigma = inputs["layer"]
    if np.any((layer <= 0) & (layer_sigma <= 0)):
        raise InputError(
            f"layer (thickness of the reacted layer): found {np.nanmin(layer):g} cm without a standard error, needed a "
            "positive thickness; one measured as zero needs its layer_sigma"
        )
    if np.any(layer < -3 * layer_sigma):
        raise InputError("layer: found a negative thickness, more than three standard errors below zero")
    radius = inputs["radius"][0]
    if dimension(geometry) > 1 and np.any(layer > radius):
        raise InputError(
            f"layer: found {np.nanmax(layer):g} cm, thicker than the particle's radius of {np.min(radius):g} cm"
        )
    if np.any(force < SIGNIFICANT * np.hypot(inputs["mu_c"][1], inputs["mu_e"][1])):
        raise InputError(
            f"mu_c - mu_e: found {np.min(force):g} eV, within {SIGNIFICANT:g} standard errors of zero; needed a "
            "driving force that is known better"
        )
    for name, (value, sigma) in inputs.items():
        if name != "layer" and name not in SIGNED and np.any(value < SIGNIFICANT * sigma):
            raise InputError(
                f"{name}: found {np.min(value):g} with a standard error of {np.max(sigma):g}, needed one more than "
                f"{SIGNIFICANT:g} standard errors from zero"
            )


def log_onsager_time(x: dict[str, np.ndarray], geometry: str, factor: Any = 1.0) -> np.ndarray:
    """Return ln(L t factor) of a dict of inputs; nan without a driving force, which sorts last: no rate suffices."""
    conditions = {name: x[name] for name in ("radius", "mu_c", "mu_e", "c_max", "released")}
    # a draw of the layer may exceed a particle of few nm: then all of it has reacted
    layer = x["layer"] if geometry == "plane" else np.minimum(x["layer"], x["radius"])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(onsager_time(layer, x["coating"], geometry=geometry, **conditions) * factor)


def slopes(x: dict[str, np.ndarray], geometry: str, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Return the derivatives of ln(L t) by each input, or by those in ``names`` only, in closed form."""
    layer, coating, radius = x["layer"], x["coating"], x["radius"]
    d = dimension(geometry)
    # r^d - (r - l)^d is l r^(d-1) times this; the second is the same of one degree less
    shape, lower = {
        1: lambda u: (1.0, 0.0),
        2: lambda u: (1 - u / 2, 1.0),
        3: lambda u: (1 - u + u * u / 3, 2 - u),
    }[d](layer / radius)
    derivatives = {
        "layer": lambda: (1 - layer / radius) ** (d - 1) / (layer * shape),
        "coating": lambda: 1 / coating - (d - 1) / (radius + coating),
        "radius": lambda: lower / (radius * shape) - (d - 1) / (radius + coating),
        "mu_c": lambda: -1 / (x["mu_c"] - x["mu_e"]),
        "mu_e": lambda: 1 / (x["mu_c"] - x["mu_e"]),
        "c_max": lambda: 1 / x["c_max"],
        "released": lambda: 1 / x["released"],
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: slope() for name, slope in derivatives.items() if names is None or name in names}


@dataclass(frozen=True, repr=False)
class Inferred(Result):
    """What both directions give: a positive quantity with its intervals; numbers, or arrays over the scans.

    Attributes
    ----------
    value : float or ndarray
        The quantity; ``nan`` where there is only an upper limit or no layer.
    low, high, low_95, high_95 : float or ndarray
        Ends of the 68.3 % and 95 % intervals. Where the layer cannot be told from zero, the lows are 0 and the highs
        the one-sided upper limits of 68.3 % and 95 %.
    sigma : float or ndarray
        Standard error of the logarithm: half the 68.3 % interval in ln.
    sigma_linear : float or ndarray
        The same to first order; close to `sigma` where the errors are small.
    contributions : dict
        Each uncertain input's part of `sigma_linear`.
    upper_limit : bool or ndarray of bool
        Whether `high_95` is a limit and `value` unknown.
    reason : str or ndarray of str
        Why there is no value; empty where there is one.
    inputs : dict
        The inputs used, each with value and sigma, in documented units.
    geometry, method : str
        Shape of the particle; formula, and how the interval was made.
    """

    value: Any
    low: Any
    high: Any
    low_95: Any
    high_95: Any
    sigma: Any
    sigma_linear: Any
    contributions: dict[str, Any]
    upper_limit: Any
    reason: Any
    inputs: dict[str, dict[str, Any]]
    geometry: str
    method: str

    @property
    def dominant(self) -> Any:
        """The input with the largest part of the error; empty where no input has one or no layer was given."""
        shape = np.shape(self.value)
        if not self.contributions:
            return np.full(shape, "") if shape else ""
        parts = np.stack([np.broadcast_to(part, shape) for part in self.contributions.values()])
        names = np.array([*self.contributions, ""])
        index = np.argmax(np.nan_to_num(parts, nan=-1.0), axis=0)
        found = names[np.where(np.isnan(self.high_95), -1, index)]
        return found if shape else str(found)

    @property
    def sensitivities(self) -> dict[str, Any]:
        """d ln value / d ln x of each input x; for ``mu_c`` and ``mu_e`` d ln value / d mu in 1/eV."""
        x = {name: np.asarray(pair["value"]) for name, pair in self.inputs.items()}
        hidden = np.asarray(self.upper_limit) | np.isnan(self.high_95)
        found = {}
        for name, slope in {**slopes(x, self.geometry), **self._further_slopes(x)}.items():
            with np.errstate(invalid="ignore"):
                elastic = slope if name in SIGNED else slope * x[name]
            found[name] = np.where(hidden, np.nan, elastic)[()] if np.any(hidden) else np.asarray(elastic)[()]
        return found

    def _further_slopes(self, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain lists, dicts, numbers and text, with `dominant` and `sensitivities`."""
        return super().to_dict() | to_plain({"dominant": self.dominant, "sensitivities": self.sensitivities})


def concealed(value: np.ndarray, limit: np.ndarray, by: float = np.nan) -> Any:
    """Return ``value`` with ``by`` in place of what is only limited from above."""
    return (np.where(limit, by, value) if np.any(limit) else value)[()]


def ends_of(found: Interval, limit: np.ndarray) -> tuple[Any, tuple[Any, ...]]:
    """Return the value and the ends of an interval; where there is only an upper limit, nan and zero for its lows."""
    value, low, high, low_95, high_95 = (np.exp(ln) for ln in (found.ln, *found.ends))
    ends = concealed(low, limit, 0.0), high[()], concealed(low_95, limit, 0.0), high_95[()]
    return concealed(value, limit), ends


def inferred_fields(found: Interval, inputs: Inputs, limit: np.ndarray, geometry: str) -> dict[str, Any]:
    """Return the fields of `Inferred`."""
    missing = np.isnan(inputs["layer"][0])
    shape = np.broadcast_shapes(np.shape(found.ln), *(np.shape(end) for end in found.ends))
    value, ends = ends_of(found, limit)
    # an array of errors alone makes as many results
    value, low, high, low_95, high_95 = (np.broadcast_to(number, shape)[()] for number in (value, *ends))
    return {
        "value": value,
        "low": low,
        "high": high,
        "low_95": low_95,
        "high_95": high_95,
        "sigma": concealed(np.broadcast_to(found.sigma, shape), limit),
        "sigma_linear": concealed(np.broadcast_to(found.linear, shape), limit),
        "contributions": {n: np.asarray(part)[()] for n, part in found.parts.items()},
        "upper_limit": np.broadcast_to(limit, shape)[()],
        "reason": _reasons(np.broadcast_to(limit, shape), np.broadcast_to(missing, shape)),
        "inputs": {n: {"value": v[()], "sigma": s[()]} for n, (v, s) in inputs.items()},
        "geometry": geometry,
        "method": f"steady diffusion through the coating, {geometry}; interval: {found.how}; taken as exact: "
        + (", ".join(n for n in inputs if n not in found.parts) or "nothing"),
    }


def _reasons(limit: np.ndarray, missing: np.ndarray) -> Any:
    if not (limit.any() or missing.any()):
        return np.full(limit.shape, "") if limit.shape else ""
    why = f"the layer is within {SIGNIFICANT:g} standard errors of zero: only an upper limit, at 95 %"
    text = np.where(missing, "no layer thickness was given", np.where(limit, why, ""))
    return text if text.shape else str(text)
