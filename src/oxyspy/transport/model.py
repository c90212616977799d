"""The steady model as L t of a dict of inputs: its checks, value and slopes, and the result of all directions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.results import Result, to_plain
from oxyspy.transport.charge import ChargeCurve
from oxyspy.transport.permeation import dimension, onsager_time
from oxyspy.transport.quantities import QUANTITIES, common_shape, driving_force, measured
from oxyspy.transport.uncertainty import SIGNED, SIGNIFICANT, Draws, Inputs, Interval

CONDITIONS = ("radius", "mu_c", "mu_e", "c_max", "released")
"""Inputs of every direction, besides the layer, the coating and the time."""


def read_inputs(
    given: Mapping[str, tuple[Any, Any]], names: Mapping[str, str] | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return inputs and their standard errors as arrays that fit one another, each checked by itself.

    Parameters
    ----------
    given
        Value and standard error of each input, in any form that `measured` reads; ``mu_c`` may be a `ChargeCurve`.
    names
        What the caller's arguments are called, where not as the inputs: for messages.
    """
    names = names or {}
    curve = given["mu_c"][0] if isinstance(given["mu_c"][0], ChargeCurve) else None
    inputs = {}
    for name, (value, sigma) in given.items():
        if name == "mu_c" and curve is not None:
            share, mean = curve.above(inputs["mu_e"][0] if "mu_e" in inputs else measured("mu_e", *given["mu_e"])[0])
            if np.any(share == 0):
                raise InputError(f"mu_c: found a {curve}, never above mu_e; needed some time with a driving force")
            inputs["mu_c"] = measured("mu_c", mean, sigma)
            inputs["active"] = share, np.zeros(())
        else:
            inputs[name] = measured(names.get(name, name), value, sigma, kind=name)
    common_shape(inputs)
    return inputs


def check_together(inputs: Inputs, geometry: str, names: Mapping[str, str] | None = None) -> None:
    """Refuse no driving force, a layer thicker than the particle, an input within its error of no size."""
    names = names or {}
    force = driving_force(inputs["mu_c"][0], inputs["mu_e"][0])
    if "layer" in inputs:
        _check_layer(*inputs["layer"], inputs["radius"][0], geometry, names.get("layer", "layer"))
    if np.any(force < SIGNIFICANT * np.hypot(inputs["mu_c"][1], inputs["mu_e"][1])):
        raise InputError(
            f"mu_c - mu_e: found {np.nanmin(force):g} eV, within {SIGNIFICANT:g} standard errors of zero; needed a "
            "driving force that is known better"
        )
    for name, (value, sigma) in inputs.items():
        if name == "layer" or name in SIGNED or value.min(initial=np.inf) >= SIGNIFICANT * sigma.max(initial=0.0):
            continue
        if np.any(value < SIGNIFICANT * sigma):
            raise InputError(
                f"{names.get(name, name)}: found {np.nanmin(value):g} with a standard error of {np.max(sigma):g}, "
                f"needed one more than {SIGNIFICANT:g} standard errors from zero"
            )


def _check_layer(layer: np.ndarray, sigma: np.ndarray, radius: np.ndarray, geometry: str, name: str) -> None:
    thinnest = layer.min() if layer.size else np.inf
    if not thinnest > 0:
        if np.any((layer <= 0) & (sigma <= 0)):
            raise InputError(
                f"{name} (thickness of the reacted layer): found {np.nanmin(layer):g} cm without a standard error, "
                f"needed a positive thickness; one measured as zero needs its {name}_sigma"
            )
        if np.any(layer < -3 * sigma):
            raise InputError(f"{name}: found a negative thickness, more than three standard errors below zero")
    if dimension(geometry) > 1 and np.any(layer > radius):
        raise InputError(
            f"{name}: found {np.nanmax(layer):g} cm, thicker than the particle's radius of {np.nanmin(radius):g} cm"
        )


def product(x: Mapping[str, np.ndarray], geometry: str) -> np.ndarray:
    """Return L t of a dict of inputs; negative without a driving force."""
    # a draw of the layer may exceed a particle of few nm: then all of it has reacted
    layer = x["layer"] if geometry == "plane" else np.minimum(x["layer"], x["radius"])
    with np.errstate(divide="ignore"):
        found = onsager_time(layer, x["coating"], geometry=geometry, **{name: x[name] for name in CONDITIONS})
        return found / x["active"] if "active" in x else found


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
    return np.where(limit, by, value) if np.any(limit) else value


def numbers(found: Interval, limit: np.ndarray) -> dict[str, np.ndarray]:
    """Return value, ends and errors of an interval; where there is only an upper limit, nan, and zero for its lows.

    Parts of the error are named ``part`` and their input.
    """
    low, high, low_95, high_95 = found.ends
    return {
        "value": concealed(found.value, limit),
        "low": concealed(low, limit, 0.0),
        "high": high,
        "low_95": concealed(low_95, limit, 0.0),
        "high_95": high_95,
        "sigma": concealed(found.sigma, limit),
        "sigma_linear": concealed(found.linear, limit),
        "upper_limit": limit,
        **{f"part {name}": part for name, part in found.parts.items()},
    }


def inferred_fields(found: Mapping[str, np.ndarray], inputs: Inputs, draws: Draws, geometry: str) -> dict[str, Any]:
    """Return the fields of `Inferred`, and what else ``found`` holds, of `numbers` over all problems."""
    parts = {name.removeprefix("part "): part for name, part in found.items() if name.startswith("part ")}
    plain = {name: part for name, part in found.items() if not name.startswith("part ")}
    # an array of errors alone makes as many results
    shape = np.broadcast_shapes(*(np.shape(part) for part in plain.values()))
    exact = ", ".join(name for name in inputs if name not in parts) or "nothing"
    return {
        **{name: np.broadcast_to(part, shape)[()] for name, part in plain.items()},
        "contributions": {name: np.asarray(part)[()] for name, part in parts.items()},
        "reason": _reasons(np.broadcast_to(found["upper_limit"], shape), inputs),
        "inputs": {n: {"value": v[()], "sigma": s[()]} for n, (v, s) in inputs.items()},
        "geometry": geometry,
        "method": f"steady diffusion through the coating, {geometry}; interval: {draws.how}; taken as exact: {exact}",
    }


def _reasons(limit: np.ndarray, inputs: Inputs) -> Any:
    """Return in words why there is no value: an input that is not known, or a layer that may be none."""
    missing = {n: v for n, (v, _) in inputs.items() if np.isnan(v.min() if v.size else 0.0)}
    if not (limit.any() or missing):
        return np.full(limit.shape, "") if limit.shape else ""
    why = f"the layer is within {SIGNIFICANT:g} standard errors of zero: only an upper limit, at 95 %"
    text = np.where(limit, why, "")
    for name, value in missing.items():
        what = "layer thickness" if name == "layer" else QUANTITIES[name].words if name in QUANTITIES else "L or D"
        text = np.where(np.isnan(value) & (text == ""), f"no {what} was given", text)
    return text if text.shape else str(text)
