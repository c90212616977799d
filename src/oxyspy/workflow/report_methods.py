"""Methods paragraphs to paste into a paper, with the numbers really used, and their references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oxyspy.data import load
from oxyspy.workflow.report_words import Content, known, listed, measured, number, plain, sentence

if TYPE_CHECKING:
    from oxyspy.workflow.population import Population

# a recipe's and a result's names of things, as papers have them
INPUTS = {
    "layer": "the layer", "coating": "the coating", "time": "exposure", "radius": "radius", "mu_c": "both potentials",
    "mu_e": "both potentials", "c_max": "the cathode's oxygen", "released": "its released share",
    "concentration": "the coating's oxygen", "temperature": "temperature",
}  # fmt: skip
STEPS = {"sharp": "sharp", "arctan": "arctangent", "erf": "error-function"}


class _Cited:
    """References in the order in which they are cited: by their key, or as they stand."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        self.keys += [key for key in keys if key not in self.keys]
        return "[" + ", ".join(str(self.keys.index(key) + 1) for key in keys) + "]"

    @property
    def references(self) -> list[str]:
        known_ones = load("references")
        return [known_ones.get(key, key) for key in self.keys]


def methods(content: Content) -> tuple[str, list[str]]:
    """Return a paragraph for a paper's methods section, and the references it cites, in order."""
    cite = _Cited()
    said = [
        _recorded(content),
        _rows(content, cite),
        _programs(content["provenance"], cite),
        _cleaned(content),
        _calibrated(content.get("calibration") or {}),
        _edges(content, cite),
        _noise(content),
        _fitted(content.get("layer")),
        _phases(content.get("phases") or {}),
        _valence(content, cite),
        _transport(content.get("required_diffusivity"), cite),
    ]
    return " ".join(filter(None, said)), cite.references


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


def _rows(content: Content, cite: _Cited) -> str:
    said = []
    rows, dose = content.get("rows") or {}, content.get("dose") or {}
    recipe = content.get("recipe") or {}
    if recipe.get("line"):
        x1, y1, x2, y2 = (f"{end:g}" for end in recipe["line"])
        width = f", {recipe['line_width']:g} nm wide," if recipe.get("line_width") else ", one pixel wide,"
        said.append(f"A line from ({x1}, {y1}) to ({x2}, {y2}) nm{width} was cut out of the spectrum image.")
    if any(rows.get("shifts") or ()):
        how = f"by cross-correlation, as noisy images are aligned {cite('sigworth1998')}"
        said.append(f"The rows were moved by whole positions to one surface, found in the metal signal {how}.")
    if rows.get("rows_per_fit", 1) > 1:
        said.append(f"{rows['rows_per_fit']} rows were added up for each fit.")
    if known(dose.get("electrons_per_nm2")):
        how = dose["method"].replace(" x ", " × ")
        said.append(f"The dose was {number(dose['electrons_per_nm2'], 2)} electrons/nm² ({how}).")
    return " ".join(said)


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
        return f"Energies are not absolute: {calibration['method']}."
    names = listed([plain(edge["name"]) for edge in calibration["edges"]])
    return (
        f"The energy axis was calibrated by {names}: E = {calibration['factor']:.4f} × recorded "
        f"{'−' if calibration['offset_ev'] < 0 else '+'} {abs(calibration['offset_ev']):.2f} eV, a correction of "
        f"{measured(calibration['correction_ev'], calibration['correction_sigma_ev'], 'eV')} at 700 eV."
    )


def _cleaned(content: Content) -> str:
    """What was done to spectra before they were measured."""
    said = []
    cleaning, drift = content.get("cleaning") or {}, content.get("drift") or {}
    if cleaning.get("spikes"):
        said.append(f"{cleaning['spikes']} spike channels were replaced by the mean of their neighbours.")
    if bad := len(cleaning.get("dead_channels") or ()) + len(cleaning.get("hot_channels") or ()):
        said.append(f"{bad} dead or hot channels were replaced by their neighbours.")
    if cleaning.get("saturated"):
        said.append(f"{len(cleaning['saturated'])} saturated spectra were left out.")
    if drift.get("corrected"):
        over = f"which drift over {drift['channels']}"
        said.append(f"Core losses were moved by whole channels with their zero-loss peaks, {over}.")
    elif drift:
        said.append("No drift of the energy axis was corrected.")
    return " ".join(said)


def _by_edge(words: Mapping[str, str]) -> str:
    """What is said of edges: once where it is the same for all, else each with its edges."""
    edges: dict[str, list[str]] = {}
    for name, said in words.items():
        edges.setdefault(said, []).append(plain(name))
    if len(edges) == 1:
        return next(iter(edges))
    return listed([f"{said} ({listed(names)})" for said, names in edges.items()])


def _window(ends: Any) -> str:
    return "–".join(f"{end:g}" for end in ends) + " eV"


def _edges(content: Content, cite: _Cited) -> str:
    choices = {name: item["choices"] for name, item in (content.get("methods") or {}).items()}
    if not choices:
        return ""
    windows = listed([f"{_window(own['background'])} ({plain(name)})" for name, own in choices.items()])
    said = [f"Power-law backgrounds {cite('egerton2011')} were fitted by Poisson maximum likelihood at {windows}."]
    said.append(_single_scattering(choices, cite))
    lines = {name: own for name, own in choices.items() if "post" in own}
    if lines:
        said.append(_continuum(lines, cite))
    if oxygen := choices.get("O_K"):
        said.append(
            f"The O K pre-edge was integrated over {_window(oxygen['pre_edge'])} and the main edge over "
            f"{_window(oxygen['main'])}."
        )
    return " ".join(said)


def _single_scattering(choices: Mapping[str, Content], cite: _Cited) -> str:
    """How plural scattering was taken out of which edges."""
    own = {name: one for name, one in choices.items() if one["deconvolution"] != "none"}
    if not own:
        return "Plural scattering was not removed."
    ways = {}
    for name, one in own.items():
        fwhm = one["gaussian_fwhm"]
        width = f"of {fwhm:g} eV" if fwhm else "of the zero-loss peak's width"
        ways[name] = {
            "zero_loss": "reconvolved with the zero-loss peak",
            "gaussian": f"reconvolved with a Gaussian {width} (full width at half maximum)",
            "wiener": f"by a Wiener filter with the resolution of a Gaussian {width} (full width at half maximum)",
        }[one["deconvolution"]]
    which = "" if len(own) == len(choices) else f" of {listed([plain(name) for name in own])}"
    said = (
        f"Plural scattering{which} was removed by Fourier-ratio deconvolution with the low loss of the same positions, "
        f"{_by_edge(ways)} {cite('egerton2011')}"
    )
    below: dict[float, list[str]] = {}
    for name, one in own.items():
        if known(one["deconvolved_from_ev"]):
            below.setdefault(one["deconvolved_from_ev"], []).append(plain(name))
    if below:
        parts = [f"from {start:g} eV on for {listed(names)}" for start, names in below.items()]
        said += f", {listed(parts)}, whose backgrounds, on the tails of lower edges, were fitted after that"
    return said + "."


def _continuum(lines: Mapping[str, Content], cite: _Cited) -> str:
    """Steps, their heights, and the areas above them."""
    places, shapes = {}, {}
    for name, own in lines.items():
        at = own["positions"]
        places[name] = f"at {at[0]:g} and {at[1]:g} eV" if at else "at the L3 and L2 maxima"
        width = "" if own["step"] == "sharp" else f" and {own['step_width']:g} eV wide"
        shapes[name] = f"{STEPS[own['step']]}{width}"
    sloped = [plain(name) for name, own in lines.items() if own["slope"]]
    level = [plain(name) for name, own in lines.items() if not own["slope"]]
    posts = {name: _window(own["post"]) for name, own in lines.items()}
    posts = listed([f"{window} ({plain(name)})" for name, window in posts.items()])
    heights = f"its total height the mean at {posts}"
    if sloped:
        whose = "" if not level else f" for {listed(sloped)}, of a level one for {listed(level)}"
        heights = f"its height that of a sloping straight line through {posts}{whose}"
    areas = {
        name: f"L3 ±{own['l3_half']:g} eV and L2 ±{own['l2_half']:g} eV"
        + (" about these energies" if own["positions"] else " about the maxima")
        for name, own in lines.items()
    }
    return (
        f"The continuum under the white lines was two steps with heights 2:1 {cite('pearson1988', 'pearson1993')}, "
        f"{_by_edge(shapes)}, {_by_edge(places)}, {heights}; areas were integrated over {_by_edge(areas)}."
    )


def _noise(content: Content) -> str:
    methods = content.get("methods") or {}
    factors = [f"{item['noise_variance_over_mean']:.3g} ({plain(name)})" for name, item in methods.items()]
    if not factors:
        return ""
    drawn = (content.get("recipe") or {}).get("bootstrap")
    how = (
        f"Standard errors are the scatter of areas measured on counts drawn again {drawn['draws']} times"
        if drawn
        else "Standard errors were carried from the raw counts through background, deconvolution and continuum to the "
        "areas with their covariances"
    )
    return f"{how}, with the counts' variance over mean taken from the background's residuals: {listed(factors)}."


def _fitted(layer: Content | None) -> str:
    if not layer:
        return ""
    how = layer["method"].replace("as num - q den", "each by its two areas and not by their ratio")
    said = f"Reacted layer: {how}"
    if known(layer.get("chi2")) and layer.get("degrees"):
        said += f" (χ² = {layer['chi2']:.1f} for {layer['degrees']} degrees of freedom"
        if known(layer.get("evidence")):
            said += f"; BIC in favour of a change {number(round(layer['evidence'], 1))}"
        said += ")"
    return said + "."


def _phases(phases: Content) -> str:
    if phases.get("status") not in ("ok", "partial"):
        return ""
    candidates = listed(list(phases["shares"]))
    said = f"Phases were mapped in a lattice image ({phases['image']}), candidates {candidates}: {phases['method']}."
    if both := phases.get("with_spectra"):
        words = measured(both["difference_nm"], both["difference_sigma_nm"], "nm")
        if known(both["difference_nm"]):
            said += f" The layer by the image less that by the spectra is {words}."
    return said


def _valence(content: Content, cite: _Cited) -> str:
    found = []
    for name, state in (content.get("states") or {}).items():
        if known(state["valence_bulk"]) or known(state["valence_layer"]):
            doubt = ", indicative only" if state["valence_indicative"] else ""
            found.append(f"{plain(name)} {cite(sentence(state['valence_source']))}{doubt}")
    if not found:
        return ""
    return f"Valences come from ratios measured once more in the way of their calibration: {'; '.join(found)}."


def _transport(required: Content | None, cite: _Cited) -> str:
    if not required:
        return ""
    x = {name: (item["value"], item["sigma"]) for name, item in required["inputs"].items()}

    def given(name: str, unit: str, factor: float = 1.0) -> str:
        value, sigma = (factor * part for part in x[name])
        return measured(value, sigma, unit)

    said = (
        f"The coating's required oxygen diffusivity follows from steady diffusion through it {cite('cheng2024')} for a "
        f"{required['geometry']} of radius {given('radius', 'µm', 1e4)}, a coating of {given('coating', 'nm', 1e7)}, "
        f"{given('time', 'min', 1 / 60)} of exposure, oxygen chemical potentials of {given('mu_c', 'eV')} (cathode) "
        f"and {given('mu_e', 'eV')} (outside), {given('c_max', 'cm⁻³')} oxygen in the cathode of which the layer gave "
        f"off {given('released', '')}, and {given('concentration', 'cm⁻³')} oxygen in the coating at "
        f"{given('temperature', 'K')}."
    )
    exact = list(dict.fromkeys(INPUTS.get(name, plain(name)) for name, (_, sigma) in x.items() if not sigma))
    draws = re.search(r"(\d+) joint draws", required["method"])
    if draws:
        said += f" Its intervals hold {draws[1]} joint draws of all that has a standard error"
        said += f"; taken as exact: {listed(exact)}." if exact else "."
    return said


def population_methods(found: Population) -> tuple[str, list[str]]:
    """Return a paragraph on the statistics of a batch, and its references; empty where nothing was averaged."""
    cite = _Cited()
    used = [group.layer.method for group in found.groups]
    said = []
    if any("Hartung-Knapp" in method for method in used):
        said.append(
            f"Means over scans and samples are those of a random-effects model {cite('dersimonian1986')}, with "
            f"intervals after Hartung and Knapp {cite('hartung2001')}; the spread between scans is that of restricted "
            f"maximum likelihood, its interval a Q profile {cite('viechtbauer2007')}."
        )
    if any("maximum likelihood with" in method for method in used):
        said.append(
            "Scans without a layer entered as upper limits by maximum likelihood, with profile intervals for few scans."
        )
    trends = {trend.method for trend in found.trends.values() if known(trend.rate)}
    if trends:
        powers = {f"{trend.power:.2g}" for trend in found.trends.values() if known(trend.rate)}
        fitted = "fitted" if any("p fitted" in method for method in trends) else "given"
        said.append(
            f"Growth with cycles n was fitted as d₀ + k nᵖ with random effects, p {fitted} ({listed(sorted(powers))})."
        )
    if any(known(test.p) for test in found.tests):
        said.append(
            f"Compared were {found.tested}, by Welch's test {cite('welch1947')} where nothing is censored, p after "
            f"Holm's correction {cite('holm1979')}."
        )
    if any(group.diffusivity is not None for group in found.groups):
        said.append(
            "Required diffusivities of groups are means of the scans' own, with the errors of coating, exposure and "
            "constants that all share added once."
        )
    return " ".join(said), cite.references
