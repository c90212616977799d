"""The steady model as ln(L t) of a dict of inputs: its checks, its value and its slopes, for both directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.transport.permeation import dimension, onsager_time
from oxyspy.transport.quantities import driving_force
from oxyspy.transport.uncertainty import SIGNED, SIGNIFICANT, Inputs, Interval

NAMES = ("layer", "coating", "radius", "mu_c", "mu_e", "c_max", "released")


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


def log_onsager_time(x: dict[str, np.ndarray], geometry: str) -> np.ndarray:
    """Return ln(L t) of a dict of inputs; a draw without a driving force is nan and sorts last, as no rate suffices."""
    conditions = {name: x[name] for name in ("radius", "mu_c", "mu_e", "c_max", "released")}
    # a draw of the layer may exceed a particle of few nm: then all of it has reacted
    layer = x["layer"] if geometry == "plane" else np.minimum(x["layer"], x["radius"])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(onsager_time(layer, x["coating"], geometry=geometry, **conditions))


def slopes(x: dict[str, np.ndarray], geometry: str) -> dict[str, np.ndarray]:
    """Return the derivatives of ln(L t) by each input, in closed form."""
    layer, coating, radius = x["layer"], x["coating"], x["radius"]
    d = dimension(geometry)
    force = x["mu_c"] - x["mu_e"]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "mu_c": -1 / force,
            "mu_e": 1 / force,
            "c_max": 1 / x["c_max"],
            "released": 1 / x["released"],
            "coating": 1 / coating - (d - 1) / (radius + coating),
        }
        if d == 1:
            return found | {"layer": 1 / layer, "radius": np.zeros_like(radius)}
        u = layer / radius
        # r^d - (r - l)^d is l r^(d-1) times `shape`, as in `layer_volume`; `lower` is the same of one degree less
        shape, lower = (1 - u / 2, 1.0) if d == 2 else (1 - u + u * u / 3, 2 - u)
        found["layer"] = (1 - u) ** (d - 1) / (layer * shape)
        found["radius"] = lower / (radius * shape) - (d - 1) / (radius + coating)
    return found


def shared_fields(
    found: Interval, slopes: dict[str, np.ndarray], inputs: Inputs, limit: np.ndarray, geometry: str
) -> dict:
    """Return the fields that the results of both directions have in common."""
    layer = inputs["layer"][0]
    missing = np.isnan(layer)
    hidden = limit | missing
    shape = np.broadcast_shapes(np.shape(found.ln), *(np.shape(end) for end in found.ends))

    def filled(value: np.ndarray, unknown: float = np.nan) -> Any:
        value = np.broadcast_to(value, shape)
        return (np.where(limit, unknown, value) if np.any(limit) else value)[()]

    value, low, high, low_95, high_95 = (np.exp(ln) for ln in (found.ln, *found.ends))
    elastic = {n: s if n in SIGNED else s * inputs[n][0] for n, s in slopes.items() if n in inputs}
    return {
        "value": filled(value),
        "low": filled(low, 0.0),
        "high": np.broadcast_to(high, shape)[()],
        "low_95": filled(low_95, 0.0),
        "high_95": np.broadcast_to(high_95, shape)[()],
        "sigma": filled(found.sigma),
        "sigma_linear": filled(found.linear),
        "sensitivities": {
            n: (np.where(hidden, np.nan, s) if np.any(hidden) else np.asarray(s))[()] for n, s in elastic.items()
        },
        "contributions": {n: np.asarray(part)[()] for n, part in found.parts.items()},
        "dominant": _dominant(found.parts, np.broadcast_to(missing, shape)),
        "upper_limit": np.broadcast_to(limit, shape)[()],
        "reason": _reasons(np.broadcast_to(limit, shape), np.broadcast_to(missing, shape)),
        "inputs": {n: {"value": v[()], "sigma": s[()]} for n, (v, s) in inputs.items()},
        "method": f"steady diffusion through the coating, {geometry}; interval: {found.how}; taken as exact: "
        + (", ".join(n for n in inputs if n not in found.parts) or "nothing"),
    }


def _dominant(parts: dict[str, np.ndarray], missing: np.ndarray) -> Any:
    if not parts:
        return np.full(missing.shape, "")[()]
    if len(parts) == 1:
        largest = np.full(missing.shape, next(iter(parts)))
    else:
        index = np.argmax([np.broadcast_to(part, missing.shape) for part in parts.values()], axis=0)
        largest = np.array(list(parts))[index]
    largest = np.where(missing, "", largest) if missing.any() else largest
    return str(largest) if not missing.shape else largest


def _reasons(limit: np.ndarray, missing: np.ndarray) -> Any:
    if not (limit.any() or missing.any()):
        return np.full(limit.shape, "") if limit.shape else ""
    why = f"the layer is within {SIGNIFICANT:g} standard errors of zero: only an upper limit, at 95 %"
    text = np.where(missing, "no layer thickness was given", np.where(limit, why, ""))
    return text if text.shape else str(text)
