"""A methods paragraph to paste into a paper, with the numbers really used, and its references."""

from __future__ import annotations

from oxyspy.data import load
from oxyspy.workflow.report_words import WINDOW, Content, known, listed, measured, part, plain


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
