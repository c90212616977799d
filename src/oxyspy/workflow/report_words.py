"""A scan's result in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Content = Mapping[str, Any]
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def known(value: Any) -> bool:
    """Whether there is a number; what JSON holds for what is not finite is ``null``."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def number(value: float, digits: int = 3) -> str:
    """A number as a paper prints it: powers of ten as such, where they are needed."""
    if value == 0 or 1e-3 <= abs(value) < 10**digits:
        return f"{value:.{digits}g}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.replace('-', '−')} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def power(values: list[float]) -> str:
    """Value and interval under one power of ten."""
    exponent = math.floor(math.log10(values[0]))
    value, low, high = (f"{value / 10**exponent:.1f}" for value in values)
    return f"{value} ({low} to {high}) × 10{str(exponent).translate(SUPERSCRIPTS)}"


def measured(value: Any, sigma: Any, unit: str = "") -> str:
    """Value ± standard error, both to the error's second digit."""
    end = f" {unit}" if unit else ""
    if not known(value):
        return "not measured"
    if not known(sigma) or sigma <= 0:
        return f"{number(value)}{end}"
    places = max(0, 1 - math.floor(math.log10(sigma)))
    return f"{value:.{places}f} ± {sigma:.{places}f}{end}".replace("-", "−")


def span(ends: Any, digits: int = 2) -> str:
    """An interval's two ends."""
    return " to ".join(f"{end:.{digits}f}" if known(end) else "?" for end in ends)


def plain(edge: str) -> str:
    """``Mn_L`` as people write it."""
    return edge.replace("_", " ")


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def summary(content: Content) -> list[str]:
    """Return what was found, a sentence or two a subject."""
    said = [_layer(content.get("layer"))]
    said += [_state(state) for state in (content.get("states") or {}).values()]
    if known(content.get("t_over_lambda")):
        said.append(f"Thickness: t/λ = {content['t_over_lambda']:.2f}, median over positions with signal.")
    said.append(_required(content.get("required_diffusivity")))
    return [sentence for sentence in said if sentence]


def _layer(layer: Content | None) -> str:
    if not layer:
        return "No layer was fitted."
    if not layer["supported"]:
        limit = layer.get("upper_limit_nm")
        bound = f" It is thinner than {limit:.2f} nm (95 %)." if known(limit) else ""
        return f"No reacted layer is supported by the data.{bound} {sentence(layer['reason'])}"
    return (
        f"Reacted layer: {measured(layer['thickness_nm'], layer['sigma_nm'], 'nm')} (68 %: "
        f"{span(layer['interval_68_nm'])} nm; 95 %: {span(layer['interval_95_nm'])} nm), from the surface at "
        f"{measured(layer['surface_nm'], layer['surface_sigma_nm'], 'nm')} to the boundary at "
        f"{measured(layer['boundary_nm'], layer['boundary_sigma_nm'], 'nm')} along the line; interface sigma "
        f"{layer['width_nm']:.2f} nm."
    )


def sentence(text: str) -> str:
    """Text that begins and ends as a sentence."""
    text = text.strip()
    return "" if not text else text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _state(state: Content) -> str:
    said = f"{plain(state['edge'])}: L3/L2 "
    bulk = measured(state["ratio_bulk"], state["ratio_bulk_sigma"])
    if known(state["ratio_layer"]):
        said += f"{measured(state['ratio_layer'], state['ratio_layer_sigma'])} in the layer and {bulk} in the bulk"
    else:
        said += f"{bulk} in the bulk"
    if known(state["shift_ev"]):
        said += f"; L3 of the layer less bulk {measured(state['shift_ev'], state['shift_sigma_ev'], 'eV')}"
    if known(state["splitting_bulk_ev"]):
        said += f"; L2 − L3 of the bulk {state['splitting_bulk_ev']:.1f} eV"
    valences = [
        f"{measured(state[f'valence_{where}'], state[f'valence_{where}_sigma'])} ({where})"
        for where in ("layer", "bulk")
        if known(state[f"valence_{where}"])
    ]
    said += (f"; valence {listed(valences)}" if valences else "") + f". {sentence(state['valence_note'])}"
    return f"{said} {_checked(state.get('self_check') or {})}".strip()


def _checked(check: Content) -> str:
    """What the self-check compared; empty where there is none."""
    if not check or not known(check["post_difference"]):
        return ""
    said = (
        "Self-check of the bulk: from the first to the second half of the post window L3/L2 changes by "
        f"{measured(check['post_difference'], check['post_difference_sigma'])}"
    )
    if known(check["slope"]):
        said += f", for a mean free path of thickness by {measured(check['slope'], check['slope_sigma'])}"
    if known(check["recorded_ratio"]):
        said += f"; not deconvolved it is {measured(check['recorded_ratio'], check['recorded_sigma'])}"
    return f"{said}."


def _required(required: Content | None) -> str:
    if not required:
        return "Required diffusivity: not worked out; it needs a layer, the coating's thickness and the exposure."
    if required["upper_limit"]:
        return f"The coating's oxygen diffusivity was under {number(required['high_95'], 2)} cm²/s (95 %)."
    if not known(required["value"]):
        return f"Required diffusivity: not known. {sentence(required['reason'])}"
    return (
        f"For this layer to form, the coating's oxygen diffusivity must have been {number(required['value'], 2)} cm²/s "
        f"(68 %: {number(required['low'], 2)} to {number(required['high'], 2)}; "
        f"95 %: {number(required['low_95'], 2)} to {number(required['high_95'], 2)}), "
        f"its Onsager coefficient {number(required['onsager'], 2)} eV⁻¹ cm⁻¹ s⁻¹."
    )
