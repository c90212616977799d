"""An inferred diffusivity or time again, with what the steady model leaves out: by one factor on its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.forward import DensificationTime, readable_unit
from oxyspy.transport.inverse import RequiredDiffusivity
from oxyspy.transport.permeation import time_at_voltage
from oxyspy.transport.quantities import number
from oxyspy.transport.transient import time_lag, transient_layer
from oxyspy.transport.uneven import uneven_layer

# how far from the steady model's answer the unknown is searched, in ln: eight decades
SEARCHED = 8.0 * np.log(10)
# inputs that the growth depends on; concentration and temperature only turn L into D
KINETIC = ("layer", "coating", "time", "radius", "mu_c", "mu_e", "c_max", "released", "ln_L")


@dataclass(frozen=True, repr=False)
class BeyondSteady(Result):
    """What a fuller model makes of a steady result.

    Attributes
    ----------
    quantity : {"D", "time"}
        What was inferred, in cm2/s or s.
    value, low, high, low_95, high_95 : float
        The fuller model's value and intervals; ``nan`` where there is none, an infinite end where the inputs one
        standard error away leave it without an answer.
    factor : float
        Over the steady model.
    onsager : float
        Onsager coefficient that goes with it, eV-1 cm-1 s-1.
    bare, covered, covered_sigma : float
        Layer in the holes, its mean and its standard deviation under the coating, cm; ``nan`` where not asked for.
    effective_coating : float
        cm; the even coating without holes that lets as much through.
    time_lag : float
        s until permeation is steady, over 6; ``nan`` where not asked for.
    method, reason : str
        What was counted; why there is no value.
    """

    quantity: str
    value: float
    low: float
    high: float
    low_95: float
    high_95: float
    factor: float
    onsager: float
    bare: float
    covered: float
    covered_sigma: float
    effective_coating: float
    time_lag: float
    method: str
    reason: str = ""

    def __repr__(self) -> str:
        if self.reason:
            return f"{self.method}: {self.quantity} not known: {self.reason}"
        unit, length = ("cm2/s", 1.0) if self.quantity == "D" else readable_unit(self.value)
        low, value, high = (f"{number / length:.3g}" for number in (self.low, self.value, self.high))
        text = f"{self.quantity} = {value} {unit}" + (f", 68 % [{low}, {high}]" if self.high > self.low else "")
        text += f", {self.factor:.3g} of the steady model's; {self.method}"
        if np.isfinite(self.bare):
            text += f"; layer {self.covered * 1e7:.3g} nm under the coating, {self.bare * 1e7:.3g} nm in the holes"
        elif self.covered_sigma > 1e-3 * self.covered:
            text += f"; layer {self.covered * 1e7:.3g} nm, {self.covered_sigma * 1e7:.2g} nm standard deviation"
        if np.isfinite(self.time_lag):
            text += f"; time lag {self.time_lag:.3g} s"
        return text


def beyond_steady(
    found: RequiredDiffusivity | DensificationTime,
    *,
    layer_L: Any = None,
    spread: float = 0.0,
    pinholes: float = 0.0,
    uptake: Any = None,
) -> BeyondSteady:
    r"""Return a steady result again with the layer's own resistance, an uneven coating with holes, or the transient.

    Parameters
    ----------
    found
        Of `required_diffusivity`, `allowed_diffusivity` or `densification_time`; one problem.
    layer_L
        Onsager coefficient of the reacted layer in eV-1 cm-1 s-1: growth turns from linear to parabolic.
    spread
        Standard deviation over mean of the coating's thickness (log-normal).
    pinholes
        Area fraction without coating; needs ``layer_L``, which alone limits the growth there.
    uptake
        How much more oxygen one cm3 of coating holds at mu_c than at mu_e, cm-3: the coating starts empty.

    Raises
    ------
    InputError
        Nothing asked for, holes without ``layer_L``, or ``uptake`` beside another: that has no closed form here.

    Notes
    -----
    The layer that was measured is taken as the mean over the surface. The unknown is solved for in the fuller model
    (`uneven_layer`, `transient_layer`) at the inputs' values, and again with each uncertain input one standard error
    up and down: what that moves the logarithm, added in quadrature for either side and over the steady model's
    `sigma_linear`, stretches the steady intervals. A layer near what its own resistance allows has wide ones.

    Examples
    --------
    >>> from oxyspy.transport import required_diffusivity
    >>> steady = required_diffusivity(layer="2 nm", coating="10 nm", time="165 min")
    >>> beyond_steady(steady, spread=0.5)
    D = 5.61e-19 cm2/s, 0.801 of the steady model's; coating uneven by 50 %; layer 2 nm, 1 nm standard deviation
    """
    if np.ndim(found.value):
        raise InputError("found: an array of problems; needed one, the fuller model is solved one by one")
    resisting = np.inf if layer_L is None else float(number("layer_L", layer_L))
    spread, holes = float(spread), float(number("pinholes", pinholes, kind="fraction"))
    filling = None if uptake is None else float(number("uptake", uptake, kind="concentration"))
    if filling is not None and (layer_L is not None or spread or holes):
        raise InputError("uptake: found beside layer_L, spread or pinholes; needed alone, there is no closed form")
    if filling is None and layer_L is None and not spread and not holes:
        raise InputError("nothing beyond the steady model was asked for: give layer_L, spread, pinholes or uptake")
    if holes and layer_L is None:
        raise InputError("pinholes: found without layer_L; needed it, since nothing else resists in a hole")
    backward = isinstance(found, RequiredDiffusivity)
    x = {name: float(pair["value"]) for name, pair in found.inputs.items()}
    quantity = "D" if backward else "time"
    method = _method(layer_L, resisting, spread, holes, filling)
    if not np.isfinite(found.value):
        return _nothing(quantity, method, f"the steady model has none either: {found.reason}")

    def layer_of(x: dict[str, float], log_factor: float, log_l: float = 0.0):
        factor = np.exp(log_factor)
        time, L = (x["time"], found.onsager * factor) if backward else (found.value * factor, found.onsager)
        at = {name: x[name] for name in ("radius", "mu_c", "mu_e")}
        at |= {"capacity": x["c_max"] * x["released"], "geometry": found.geometry}
        L = L * np.exp(log_l)
        if filling is not None:
            return transient_layer(time, x["coating"], L, uptake=filling, **at)
        return uneven_layer(time, x["coating"], L, spread=spread, pinholes=holes, layer_L=resisting, **at)

    def log_factor_at(x: dict[str, float], log_l: float = 0.0) -> float:
        def excess(log_factor: float) -> float:
            layer = layer_of(x, log_factor, log_l)
            return (layer if filling is not None else layer.mean) / x["layer"] - 1

        if excess(-SEARCHED) > 0:
            return -np.inf
        return brentq(excess, -SEARCHED, SEARCHED, xtol=1e-12) if excess(SEARCHED) > 0 else np.inf

    log_factor = log_factor_at(x)
    if log_factor == -np.inf:
        what = "the holes let" if holes else "the coating's filling takes"
        return _nothing(quantity, method, f"{what} more oxygen through than the layer holds, whatever the {quantity}")
    if log_factor == np.inf:
        return _nothing(quantity, method, "the layer's own resistance holds it thinner, however open the coating")
    factor = float(np.exp(log_factor))
    layer, L = layer_of(x, log_factor), found.onsager * (factor if backward else 1.0)
    moves = [
        [log_factor_at(*_moved(x, name, way * float(found.inputs[name]["sigma"]))) - log_factor for way in (-1, 1)]
        if name in KINETIC
        # what turns L into D has the same part in both models
        else [-float(part), float(part)]
        for name, part in found.contributions.items()
    ]
    ends = {"value": float(found.value) * factor} | _stretched(found, factor, np.array(moves).reshape(-1, 2))
    uneven = filling is None
    return BeyondSteady(
        quantity=quantity,
        **ends,
        factor=factor,
        onsager=float(L),
        bare=layer.bare if uneven else np.nan,
        covered=layer.covered_mean if uneven else np.nan,
        covered_sigma=layer.covered_sigma if uneven else np.nan,
        effective_coating=layer.effective_coating if uneven else np.nan,
        time_lag=np.nan if uneven else float(time_lag(x["coating"], L, x["mu_c"], x["mu_e"], filling)),
        method=method,
    )


def _moved(x: dict[str, float], name: str, by: float) -> tuple[dict[str, float], float]:
    """The inputs with one of them moved, and how far ln L is; lengths and times stay above a thousandth of theirs."""
    if name == "ln_L":
        return x, by
    value = x[name] + by
    return x | {name: value if name.startswith("mu") else max(value, 1e-3 * x[name])}, 0.0


def _stretched(found, factor: float, moves: np.ndarray) -> dict[str, float]:
    """The steady model's intervals about the new value, as much wider on each side as the fuller model's errors are."""
    names = ("low", "high", "low_95", "high_95")
    if not moves.size:
        return {name: float(getattr(found, name)) * factor for name in names}
    sides = [
        np.sqrt(np.sum(np.maximum(way * moves, 0).max(axis=1) ** 2)) / float(found.sigma_linear) for way in (-1, 1)
    ]
    ends = {}
    for name, side in zip(names, sides * 2, strict=True):
        away = np.log(float(getattr(found, name)) / float(found.value))
        ends[name] = float(found.value * factor * np.exp(away * side))
    return ends


def cycles_of(time: float, period: Any, fraction: Any) -> float:
    """Return how many cycles of that period spend ``time`` at high voltage, a fraction of each.

    Examples
    --------
    >>> cycles_of(9900.0, "10 h", 0.25)
    1.1
    """
    one = float(time_at_voltage(1, period, fraction))
    if one <= 0:
        raise InputError("fraction: found 0, needed some of each cycle at high voltage")
    return time / one


def _method(layer_L, resisting: float, spread: float, holes: float, filling: float | None) -> str:
    parts = [
        f"the layer resists too, L = {resisting:.3g} /(eV cm s)" if layer_L is not None else "",
        f"coating uneven by {100 * spread:.3g} %" if spread else "",
        f"{100 * holes:.3g} % of the area bare" if holes else "",
        f"the coating fills with {filling:.3g} /cm3 first" if filling is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _nothing(quantity: str, method: str, reason: str) -> BeyondSteady:
    return BeyondSteady(quantity, *[float("nan")] * 12, method=method, reason=reason)
