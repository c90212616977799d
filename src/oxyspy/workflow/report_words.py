"""A scan's result in words: a summary, and a methods paragraph with the numbers really used and its references."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from oxyspy.data import load

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
    return said + (f"; valence {listed(valences)}" if valences else "") + f". {sentence(state['valence_note'])}"


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


class _Cited:
    """Numbers of references in the order in which they are cited."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        self.keys += [key for key in keys if key not in self.keys]
        return "[" + ", ".join(str(self.keys.index(key) + 1) for key in keys) + "]"


def methods(content: Content) -> tuple[str, list[str]]:
    """Return a paragraph for a paper's methods section, and the references it cites, in order."""
    cite = _Cited()
    said = [
        _recorded(content),
        _programs(content["provenance"], cite),
        _calibrated(content.get("calibration") or {}),
        _edges(content, cite),
        _noise(content.get("methods") or {}),
        _fitted(content.get("layer")),
        _valence(content),
        _transport(content.get("required_diffusivity"), cite),
    ]
    return " ".join(filter(None, said)), [load("references")[key] for key in cite.keys]


def _recorded(content: Content) -> str:
    about = content.get("scan_description") or {}
    core = about.get("core_loss") or {}
    if not core:
        return ""
    energy = ((about.get("acquisition") or {}).get("beam_energy") or {}) or {}
    volts = f" at {energy['value']:g} {energy['unit']}" if known(energy.get("value")) and not energy["doubt"] else ""
    rows = f"{about['rows']} rows of " if about.get("rows", 1) > 1 else ""
    step = f", {about['step_nm']:.3g} nm apart" if known(about.get("step_nm")) else ""
    low = "with" if about.get("low_loss") else "without"
    return (
        f"Electron energy-loss spectra{volts} were recorded at {rows}{about['positions']} positions{step}, "
        f"{core['dispersion_ev']:.3g} eV a channel from {core['energy_first_ev']:.0f} to "
        f"{core['energy_last_ev']:.0f} eV on the axis as recorded, {low} the low loss."
    )


def _programs(provenance: Content, cite: _Cited) -> str:
    packages = provenance["packages"]
    return (
        f"They were evaluated with oxyspy {provenance['oxyspy']} on HyperSpy {packages['hyperspy']} {cite('hyperspy')} "
        f"and eXSpy {packages['exspy']} {cite('exspy')}."
    )


def _calibrated(calibration: Content) -> str:
    if not calibration:
        return ""
    if not calibration["absolute"]:
        return f"The energy axis is as recorded ({calibration['method']})."
    names = listed([plain(edge["name"]) for edge in calibration["edges"]])
    return (
        f"The energy axis was calibrated by {names}: E = {calibration['factor']:.4f} × recorded "
        f"{'−' if calibration['offset_ev'] < 0 else '+'} {abs(calibration['offset_ev']):.2f} eV, a correction of "
        f"{measured(calibration['correction_ev'], calibration['correction_sigma_ev'], 'eV')} at 700 eV."
    )


def part(fingerprint: str, pattern: str) -> tuple[str, ...]:
    """What a pattern's groups match in a method's fingerprint; nothing where it does not."""
    found = re.search(pattern, fingerprint)
    return found.groups() if found else ()


WINDOW = r"([\d.]+)-([\d.]+) eV"


def _edges(content: Content, cite: _Cited) -> str:
    prints = {name: item["fingerprint"] for name, item in (content.get("methods") or {}).items()}
    if not prints:
        return ""
    windows = listed([f"{'–'.join(part(text, 'power law ' + WINDOW))} eV ({plain(n)})" for n, text in prints.items()])
    said = f"Power-law backgrounds {cite('egerton2011')} were fitted by Poisson maximum likelihood at {windows}"
    ways = {way for text in prints.values() for way in part(text, r"Fourier ratio, (.+?) reconvolution")}
    width = next(iter(part(" ".join(prints.values()), r"Gaussian reconvolution ([\d.]+ eV|of zero-loss width)")), "")
    if ways:
        with_what = f"a Gaussian ({width})" if width else "the zero-loss peak"
        said += (
            "; plural scattering was removed by Fourier-ratio deconvolution with the low loss of the same positions, "
            f"reconvolved with {with_what} {cite('egerton2011')}."
        )
    else:
        said += "; plural scattering was not removed."
    lines = {name: text for name, text in prints.items() if "post window" in text}
    if lines:
        shapes = listed(sorted({part(text, r"at the maxima, ([^;]+)")[0] for text in lines.values()}))
        posts = listed(
            [f"{'–'.join(part(text, 'post window ' + WINDOW))} eV ({plain(n)})" for n, text in lines.items()]
        )
        areas = listed(sorted({part(text, r"areas (.+)$")[0] for text in lines.values()}))
        said += (
            f" The continuum under the white lines was two {shapes} steps at the L3 and L2 maxima with heights 2:1 "
            f"{cite('pearson1988', 'pearson1993')}, its total height the mean at {posts}; areas were integrated "
            f"over {areas}."
        )
    if "O_K" in prints:
        pre, main = part(prints["O_K"], "pre-edge " + WINDOW), part(prints["O_K"], "main " + WINDOW)
        said += f" The O K pre-edge was integrated over {'–'.join(pre)} eV and the main edge over {'–'.join(main)} eV."
    return said


def _noise(methods: Content) -> str:
    factors = [f"{item['noise_variance_over_mean']:.3g} ({plain(name)})" for name, item in methods.items()]
    if not factors:
        return ""
    return (
        "Standard errors were carried from the raw counts through background, deconvolution and continuum to the areas "
        "with their covariances, with the counts' variance over mean taken from the background's residuals: "
        f"{listed(factors)}."
    )


def _fitted(layer: Content | None) -> str:
    if not layer:
        return ""
    said = f"Reacted layer: {layer['method']}"
    if known(layer.get("chi2")) and layer.get("degrees"):
        said += f" (χ² = {layer['chi2']:.1f} for {layer['degrees']} degrees of freedom"
        said += f"; BIC difference to no change {layer['evidence']:.1f})" if known(layer.get("evidence")) else ")"
    return said + "."


def _valence(content: Content) -> str:
    notes = [
        f"{plain(name)}, {state['valence_note']}"
        for name, state in (content.get("states") or {}).items()
        if known(state["valence_bulk"])
    ]
    if not notes:
        return ""
    return f"Valences come from ratios measured once more in the way of the calibration: {'; '.join(notes)}."


def _transport(required: Content | None, cite: _Cited) -> str:
    if not required:
        return ""
    x = {name: (item["value"], item["sigma"]) for name, item in required["inputs"].items()}

    def given(name: str, unit: str, factor: float = 1.0) -> str:
        value, sigma = (factor * part for part in x[name])
        return measured(value, sigma, unit)

    return (
        f"The coating's required oxygen diffusivity follows from steady diffusion through it {cite('cheng2024')} for a "
        f"{required['geometry']} of radius {given('radius', 'µm', 1e4)}, a coating of {given('coating', 'nm', 1e7)}, "
        f"{given('time', 'min', 1 / 60)} of exposure, oxygen chemical potentials of {given('mu_c', 'eV')} (cathode) "
        f"and {given('mu_e', 'eV')} (outside), {given('c_max', 'cm⁻³')} oxygen in the cathode of which the layer gave "
        f"off {given('released', '')}, and {given('concentration', 'cm⁻³')} oxygen in the coating at "
        f"{given('temperature', 'K')}; "
        f"{required['method']}."
    )
