"""A steady result again, with what the steady model leaves out: by one factor on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from oxyspy.errors import InputError
from oxyspy.results import Result, to_plain
from oxyspy.transport.forward import DensificationTime, LayerAfter, readable_unit
from oxyspy.transport.inverse import RequiredDiffusivity
from oxyspy.transport.quantities import plain_number
from oxyspy.transport.transient import time_lag, transient_layer
from oxyspy.transport.uneven import UnevenLayer, layer_under

# how far from the steady model's answer the unknown is searched, in ln: eight decades
SEARCHED = 8.0 * np.log(10)
# inputs of which the growth depends; those of the last line make L, or turn L into D
KINETIC = ("layer", "coating", "time", "radius", "mu_c", "mu_e", "c_max", "released")
RATE = ("ln_L", "concentration", "temperature")
ENDS = ("low", "high", "low_95", "high_95")


@dataclass(frozen=True, repr=False)
class BeyondSteady(Result):
    """What a fuller model makes of a steady result.

    Attributes
    ----------
    quantity : {"D", "time", "layer"}
        What was inferred, in cm2/s, s or cm.
    value, low, high, low_95, high_95 : float
        The fuller model's value and intervals; ``nan`` where there is none, an infinite end where the inputs one
        standard error away leave it without an answer.
    factor : float
        Over the steady model.
    onsager, onsager_low, onsager_high : float
        Onsager coefficient that goes with it and its 68.3 % interval, eV-1 cm-1 s-1.
    bare, covered, covered_sigma : float
        Layer in the holes, its mean and its standard deviation under the coating, cm; ``nan`` where not asked for.
    effective_coating : float
        cm; the even coating without holes that lets as much through.
    time_lag : float
        s until permeation is steady, over 6; ``nan`` where not asked for.
    method, reason : str
        What was counted; why there is no value.
    steady : RequiredDiffusivity or DensificationTime or LayerAfter
        The steady result.
    asked : dict
        What was counted, as given.
    """

    quantity: str
    value: float
    low: float
    high: float
    low_95: float
    high_95: float
    factor: float
    onsager: float
    onsager_low: float
    onsager_high: float
    bare: float
    covered: float
    covered_sigma: float
    effective_coating: float
    time_lag: float
    method: str
    reason: str
    steady: Any
    asked: dict[str, float]

    def __repr__(self) -> str:
        if self.reason:
            return f"{self.method}: {self.quantity} not known: {self.reason}"
        unit, length = {"D": ("cm2/s", 1.0), "layer": ("nm", 1e-7)}.get(self.quantity) or readable_unit(self.value)
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

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain lists, dicts, numbers and text, without the steady one."""
        return to_plain({name: value for name, value in vars(self).items() if name != "steady"})

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """The inputs used, each with value and sigma, in documented units."""
        return self.steady.inputs

    @property
    def upper_limit(self) -> bool:
        """Never: where the steady result is one, this has no value."""
        return False


def beyond_steady(
    found: RequiredDiffusivity | DensificationTime | LayerAfter,
    *,
    layer_L: Any = None,
    spread: Any = 0.0,
    pinholes: Any = 0.0,
    uptake: Any = None,
) -> BeyondSteady:
    r"""Return a steady result again with the layer's own resistance, an uneven coating with holes, or the transient.

    Parameters
    ----------
    found
        Of `required_diffusivity`, `allowed_diffusivity`, `densification_time` or `layer_after`; one problem.
    layer_L
        Onsager coefficient of the reacted layer in eV-1 cm-1 s-1: growth turns from linear to parabolic.
    spread
        Standard deviation over mean of the coating's thickness (log-normal).
    pinholes
        Area fraction without coating; needs ``layer_L``, which alone limits the growth there.
    uptake
        How much more oxygen one cm3 of coating holds at mu_c than at mu_e, cm-3: the coating starts empty.

    Returns
    -------
    BeyondSteady
        The value and intervals of the fuller model, and its factor over the steady one.

    Raises
    ------
    InputError
        Nothing asked for, holes without ``layer_L``, or ``uptake`` beside another: that has no closed form here.

    Notes
    -----
    The layer that was measured is taken as the mean over the surface. The unknown is solved for in the fuller model
    (`uneven_layer`, `transient_layer`) at the inputs' values, and again with each uncertain input one standard error
    up and down: what that moves the logarithm, added in quadrature for either side and over the steady model's
    ``sigma_linear``, stretches the steady intervals. A layer near what its own resistance allows has wide ones.

    Examples
    --------
    >>> from oxyspy.transport import required_diffusivity
    >>> steady = required_diffusivity(layer="2 nm", coating="10 nm", time="165 min")
    >>> beyond_steady(steady, spread=0.5)
    D = 5.61e-19 cm2/s, 0.801 of the steady model's; coating uneven by 50 %; layer 2 nm, 1 nm standard deviation
    """
    if np.ndim(found.value):
        raise InputError("found: an array of problems; needed one, the fuller model is solved one by one")
    asked = _asked(layer_L, spread, pinholes, uptake)
    model = FullerModel(asked, found.geometry)
    x = {name: float(pair["value"]) for name, pair in found.inputs.items()}
    quantity = "D" if isinstance(found, RequiredDiffusivity) else "layer" if isinstance(found, LayerAfter) else "time"
    if not np.isfinite(found.value):
        return _nothing(quantity, asked, found, f"the steady model has none either: {found.reason}")
    solve = {"D": _solve_rate, "time": _solve_time, "layer": _solve_layer}[quantity]
    log_factor = solve(model, found, x, 0.0)
    if not np.isfinite(log_factor):
        return _nothing(quantity, asked, found, _why(log_factor, asked, quantity))
    factor = float(np.exp(log_factor))
    L = float(found.onsager) * (factor if quantity == "D" else 1.0)
    time = x["time"] * x.get("active", 1.0) if "time" in x else float(found.value) * factor * x.get("active", 1.0)
    layer = model.layer(x, time, L)
    moves = {
        name: [solve(model, found, *_moved(found, x, name, way, part)) - log_factor for way in (-1, 1)]
        for name, part in found.contributions.items()
        if name in KINETIC or quantity != "D"
    }
    # what turns L into D has the same part in both models
    turning = {name: [-float(p), float(p)] for name, p in found.contributions.items() if name not in moves}
    uneven = isinstance(layer, UnevenLayer)
    return BeyondSteady(
        quantity=quantity,
        value=float(found.value) * factor,
        **_stretched(found, factor, moves | turning, float(found.sigma_linear)),
        factor=factor,
        onsager=L,
        **_rate_ends(found, factor, moves, quantity),
        bare=layer.bare if uneven else np.nan,
        covered=layer.covered_mean if uneven else np.nan,
        covered_sigma=layer.covered_sigma if uneven else np.nan,
        effective_coating=layer.effective_coating if uneven else np.nan,
        time_lag=np.nan if uneven else float(time_lag(x["coating"], L, x["mu_c"], x["mu_e"], asked["uptake"])),
        method=_method(asked),
        reason="",
        steady=found,
        asked=asked,
    )


def _asked(layer_L: Any, spread: Any, pinholes: Any, uptake: Any) -> dict[str, float]:
    """Return what of the fuller model was asked for."""
    asked = {} if layer_L is None else {"layer_L": plain_number("layer_L", layer_L)}
    asked |= {
        name: value
        for name, value in (
            ("spread", plain_number("spread", spread)),
            ("pinholes", plain_number("pinholes", pinholes, kind="fraction")),
        )
        if value
    }
    if uptake is not None:
        if asked:
            raise InputError("uptake: found beside layer_L, spread or pinholes; needed alone, there is no closed form")
        return {"uptake": plain_number("uptake", uptake)}
    if not asked:
        raise InputError("nothing beyond the steady model was asked for: give layer_L, spread, pinholes or uptake")
    if "pinholes" in asked and "layer_L" not in asked:
        raise InputError("pinholes: found without layer_L; needed it, since nothing else resists in a hole")
    return asked


@dataclass(frozen=True)
class FullerModel:
    """The layer after a time, with what was asked for."""

    asked: dict[str, float]
    geometry: str

    def layer(self, x: dict[str, float], time: float, L: float) -> Any:
        """Return `UnevenLayer`, or the layer in cm where the coating fills first."""
        at = {name: x[name] for name in ("radius", "mu_c", "mu_e")}
        at |= {"capacity": x["c_max"] * x["released"], "geometry": self.geometry}
        if "uptake" in self.asked:
            return transient_layer(time, x["coating"], L, uptake=self.asked["uptake"], **at)
        more = {"layer_L": np.inf, "spread": 0.0, "pinholes": 0.0} | self.asked
        return layer_under(time, x["coating"], L, **more, **at)

    def mean(self, x: dict[str, float], time: float, L: float) -> float:
        """Return the layer's mean in cm."""
        layer = self.layer(x, time, L)
        return float(layer.mean if isinstance(layer, UnevenLayer) else layer)


def _solve_rate(model: FullerModel, found: Any, x: dict[str, float], log_l: float) -> float:
    L = found.onsager * np.exp(log_l)
    return _root(lambda ln: model.mean(x, x["time"] * x.get("active", 1.0), L * np.exp(ln)), x["layer"])


def _solve_time(model: FullerModel, found: Any, x: dict[str, float], log_l: float) -> float:
    L, time = found.onsager * np.exp(log_l), found.value * x.get("active", 1.0)
    return _root(lambda ln: model.mean(x, time * np.exp(ln), L), x["layer"])


def _solve_layer(model: FullerModel, found: Any, x: dict[str, float], log_l: float) -> float:
    time = x["time"] * x.get("active", 1.0)
    return float(np.log(model.mean(x, time, found.onsager * np.exp(log_l)) / found.value))


def _root(layer: Callable[[float], float], wanted: float) -> float:
    """Return the logarithm of the factor that gives the layer wanted; an infinite one where none does."""

    def excess(ln: float) -> float:
        return layer(ln) / wanted - 1

    if excess(-SEARCHED) > 0:
        return -np.inf
    return brentq(excess, -SEARCHED, SEARCHED, xtol=1e-12) if excess(SEARCHED) > 0 else np.inf


def _why(log_factor: float, asked: dict[str, float], quantity: str) -> str:
    if log_factor > 0:
        return "the layer's own resistance holds it thinner, however open the coating"
    what = "the holes let" if "pinholes" in asked else "the coating's filling takes"
    return f"{what} more oxygen through than the layer holds, whatever the {quantity}"


def _moved(found: Any, x: dict[str, float], name: str, way: int, part: Any) -> tuple[dict[str, float], float]:
    """The inputs with one of them moved, and how far ln L is; lengths and times stay above a thousandth of theirs."""
    if name in RATE:
        # the steady result answers for its part of the error by this much of ln L
        return x, way * float(part) / (abs(float(found.sensitivities["ln_L"])) or 1.0)
    value = x[name] + way * float(found.inputs[name]["sigma"])
    return x | {name: value if name.startswith("mu") else max(value, 1e-3 * x[name])}, 0.0


def _stretched(found: Any, factor: float, moves: dict[str, list[float]], linear: float) -> dict[str, float]:
    """The steady model's intervals about the new value, as much wider on each side as the fuller model's errors are."""
    sides = _sides(moves, linear)
    return {
        name: float(found.value * factor * np.exp(np.log(float(getattr(found, name)) / float(found.value)) * side))
        for name, side in zip(ENDS, sides * 2, strict=True)
    }


def _rate_ends(found: Any, factor: float, moves: dict[str, list[float]], quantity: str) -> dict[str, float]:
    """The interval of L: the steady one stretched, or what was given."""
    if quantity != "D":
        sigma = float(found.inputs["ln_L"]["sigma"])
        return {f"onsager_{end}": float(found.onsager * np.exp(way * sigma)) for end, way in (("low", -1), ("high", 1))}
    kinetic = np.sqrt(sum(float(found.contributions[name]) ** 2 for name in moves))
    ends = {}
    for end, side in zip(("low", "high"), _sides(moves, float(kinetic)), strict=True):
        away = np.log(float(getattr(found, f"onsager_{end}")) / float(found.onsager))
        ends[f"onsager_{end}"] = float(found.onsager * factor * np.exp(away * side))
    return ends


def _sides(moves: dict[str, list[float]], linear: float) -> list[float]:
    """By how much the fuller model's errors are larger than the steady one's, below and above."""
    if not moves:
        return [1.0, 1.0]
    both = np.array(list(moves.values()))
    return [float(np.sqrt(np.sum(np.maximum(way * both, 0).max(axis=1) ** 2)) / linear) for way in (-1, 1)]


def _method(asked: dict[str, float]) -> str:
    words = {
        "layer_L": ("the layer resists too, L = {:.3g} /(eV cm s)", 1),
        "spread": ("coating uneven by {:.3g} %", 100),
        "pinholes": ("{:.3g} % of the area bare", 100),
        "uptake": ("the coating fills with {:.3g} /cm3 first", 1),
    }
    return ", ".join(words[name][0].format(value * words[name][1]) for name, value in asked.items())


def _nothing(quantity: str, asked: dict[str, float], steady: Any, reason: str) -> BeyondSteady:
    return BeyondSteady(
        quantity, *[float("nan")] * 14, method=_method(asked), reason=reason, steady=steady, asked=asked
    )
