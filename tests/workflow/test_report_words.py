import json
import re

import numpy as np
import pytest

from oxyspy.data import FOLDER, load
from oxyspy.results import to_plain
from oxyspy.simulate import simulate_scan
from oxyspy.workflow import analyse
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.output import result_dict
from oxyspy.workflow.population import population
from oxyspy.workflow.recipe import Recipe, WhiteLineChoices, load_recipe
from oxyspy.workflow.report_methods import methods, population_methods
from oxyspy.workflow.report_profile import profile
from oxyspy.workflow.report_words import listed, measured, number, power, sentence, summary
from workflow.small_scans import SMALL
from workflow.test_population import grown


@pytest.fixture(scope="module")
def content():
    recipe = load_recipe("nmc").with_transport(coating="10 +- 1 nm", exposure="165 min")
    return to_plain(result_dict(analyse(FOLDER / "demo" / "rocksalt_2nm", recipe)))


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1.8e-18, 2, "1.8 × 10⁻¹⁸"), (5.37e22, 3, "5.37 × 10²²"), (-0.5, 3, "−0.5"), (0, 3, "0"), (165, 3, "165")],
)
def test_numbers_read_as_in_a_paper(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [(2.0061, 0.01397, "2.006 ± 0.014"), (5.14, 0.632, "5.14 ± 0.63"), (120.4, 35.2, "120 ± 35"), (3.0, 0.0, "3"),
     (-0.687, 0.115, "−0.69 ± 0.12"), (None, 1.0, "not measured"), (float("nan"), 1.0, "not measured")],
)  # fmt: skip
def test_values_end_at_their_errors_second_digit(value, sigma, text):
    assert measured(value, sigma) == text


def test_interval_stands_under_one_power_of_ten():
    assert power([1.8009e-18, 1.52e-18, 2.087e-18]) == "1.8 (1.5 to 2.1) × 10⁻¹⁸"


def test_lists_read_as_english():
    assert [listed(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_summary_says_layer_states_thickness_and_required_diffusivity(content):
    said = " ".join(summary(content))
    layer = content["layer"]
    assert measured(layer["thickness_nm"], layer["sigma_nm"], "nm") in said
    assert all(f"{name.replace('_', ' ')}: L3/L2" in said for name in content["states"])
    assert f"t/λ = {content['t_over_lambda']:.2f}" in said
    assert number(content["required_diffusivity"]["value"], 2) in said


def test_summary_of_no_layer_gives_the_limit_and_the_reason(content):
    layer = content["layer"] | {"supported": False, "upper_limit_nm": 0.42, "reason": "one change is not preferred"}
    said = summary({**content, "layer": layer, "required_diffusivity": None})
    assert said[0].startswith("No reacted layer") and "0.42 nm (95 %)" in said[0]
    assert said[0].endswith("One change is not preferred.")
    assert "needs a layer, the coating's thickness and the exposure" in said[-1]


def numbers_in(value):
    """Every number in what JSON holds."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {number for part in value for number in numbers_in(part)}
    return {f"{value:g}"} if isinstance(value, (int, float)) and not isinstance(value, bool) else set()


def test_methods_paragraph_holds_every_number_that_was_used(content):
    """Windows as used, which may be cut short, and not as the recipe's table has them."""
    content = json.loads(json.dumps(content))
    content["methods"]["Mn_L"]["choices"]["background"] = [603.5, 632.0]
    text, _ = methods(content)
    assert "603.5–632 eV (Mn L)" in text
    for item in content["methods"].values():
        choices = {key: value for key, value in item["choices"].items() if key != "step_width"}
        assert numbers_in(choices) <= set(re.findall(r"\d+(?:\.\d+)?", text))
    calibration, layer = content["calibration"], content["layer"]
    assert f"{calibration['factor']:.4f} × recorded" in text
    assert f"χ² = {layer['chi2']:.1f} for {layer['degrees']} degrees of freedom" in text
    assert "coating of 10.0 ± 1.0 nm" in text and "165 min of exposure" in text and "4.20 × 10²² cm⁻³" in text
    assert "taken as exact: exposure, radius, both potentials" in text


CHOICES = {
    "zero_loss": ({}, ["reconvolved with the zero-loss peak", "two steps with heights 2:1 [4, 5], sharp, at the L3"]),
    "gaussian": ({"deconvolution": "gaussian", "gaussian_fwhm": 1.5}, ["reconvolved with a Gaussian of 1.5 eV"]),
    "wiener": ({"deconvolution": "wiener"}, ["by a Wiener filter", "Gaussian of the zero-loss peak's width"]),
    "none": ({"deconvolution": "none"}, ["Plural scattering was not removed"]),
    "slope": ({"slope": True}, ["sloping straight line through 662–680 eV"]),
    "arctan": ({"step": "arctan", "step_width": 2}, ["arctangent and 2 eV wide"]),
    "erf": ({"step": "erf", "step_width": 3}, ["error-function and 3 eV wide"]),
    "positions": ({"positions": {"L3": 643.3, "L2": 653.5}}, ["at 643.3 and 653.5 eV", "about these energies"]),
    "windows": ({"background": [605, 630], "post": [664, 679], "l3_half": 4, "l2_half": 3},
                ["605–630 eV (Mn L)", "664–679 eV (Mn L)", "L3 ±4 eV and L2 ±3 eV"]),
    "drift": ({"drift": "none"}, ["No drift of the energy axis was corrected"]),
    "bootstrap": ({"bootstrap": {"draws": 20}}, ["counts drawn again 20 times"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    scan = simulate_scan(**SMALL, layer_nm=2.0, drift_ev=0.6, seed=3)
    arrays = [np.asarray(part, float)[None] for part in (scan.core, scan.low)]
    axes = [start + step * np.arange(data.shape[-1]) for (start, step), data in
            zip((scan.core_axis, scan.low_axis), arrays, strict=True)]  # fmt: skip
    return arrays[0], axes[0], arrays[1], axes[1], SMALL["step_nm"] * np.arange(SMALL["n_positions"])


@pytest.mark.parametrize("name", CHOICES)
def test_methods_paragraph_says_what_a_recipe_chose_in_words(name, small):
    given, said = CHOICES[name]
    own = {key: value for key, value in given.items() if key in WhiteLineChoices.model_fields}
    rest = {key: value for key, value in given.items() if key not in own}
    recipe = Recipe(edges={"Mn_L": own, "Co_L": {}} if own else {"Mn_L": {}}, oxygen=False, **rest)
    text, cited = methods(to_plain(result_dict(analyse_arrays(*small, recipe))))
    assert all(words in text for words in said), text
    # a paper has no names of the program's
    assert not re.search(r"\w_\w|\be[+-]\d|None|nan|True|False", text), text
    if own:
        assert "(Mn L)" in text and "(Co L)" in text


def test_methods_paragraph_tells_drift_cut_lines_and_phases(content, small):
    moved = Recipe(edges={"Mn_L": {}}, oxygen=False, drift="zero_loss")
    found = to_plain(result_dict(analyse_arrays(*small, moved)))
    assert found["drift"]["corrected"]
    assert f"zero-loss peaks, which drift over {found['drift']['channels']}." in methods(found)[0]
    cut = content["recipe"] | {"line": [0, 1.5, 20, 1.5], "line_width": 3.0}
    phases = {"status": "ok", "image": "HAADF", "shares": {"layered": 0.7, "rocksalt": 0.3}, "method": "demodulation",
              "with_spectra": {"difference_nm": -0.07, "difference_sigma_nm": 0.071}}  # fmt: skip
    text, _ = methods({**content, "recipe": cut, "phases": phases})
    assert "line from (0, 1.5) to (20, 1.5) nm, 3 nm wide, was cut out" in text
    assert "candidates layered and rocksalt: demodulation." in text and "−0.070 ± 0.071 nm" in text


def test_statistics_have_a_paragraph_with_their_references():
    text, cited = population_methods(population(grown(np.random.default_rng(0))))
    assert "random-effects model [1]" in text and "Holm's correction [5]" in text and "p given (0.5)" in text
    assert len(cited) == 5 and set(cited) <= set(load("references").values())
    assert population_methods(population([]))[0] == ""


def test_methods_paragraph_cites_each_reference_once_and_in_order(content):
    text, cited = methods(content)
    numbers = [int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(cited) + 1))
    assert len(set(cited)) == len(cited) and set(cited) <= {
        *load("references").values(),
        sentence(content["states"]["Mn_L"]["valence_source"]),
    }


def test_methods_paragraph_says_what_was_not_done(content):
    prints = json.loads(json.dumps({"Mn_L": content["methods"]["Mn_L"]}))
    prints["Mn_L"]["choices"]["deconvolution"] = "none"
    bare = {**content, "methods": prints, "layer": None, "required_diffusivity": None, "states": {}}
    bare["calibration"] = {"absolute": False, "method": "one edge found"}
    text, cited = methods(bare)
    assert "Plural scattering was not removed" in text and "one edge found" in text
    assert "Fourier" not in text and not any("Cheng" in reference for reference in cited)


def test_profile_leaves_out_what_was_not_measured(content):
    """Without oxygen and with thin data, the panels that remain keep their own look."""
    rows = [{k: (None if k.startswith(("o_", "ni_")) else v) for k, v in row.items()} for row in content["profile"]]
    drawn = profile({**content, "profile": rows})
    named = {trace["name"] for trace in drawn["data"]}
    assert "O K" not in named and "Ni L" not in named and "Mn L" in named
    lines = [trace for trace in drawn["data"] if trace["mode"] == "lines+markers"]
    assert len(lines) == 1 and np.allclose(lines[0]["y"], [row["t_over_lambda"] for row in rows], rtol=1e-4)
    assert [trace["name"] for trace in drawn["data"] if trace.get("showlegend")] == ["Mn L", "Co L"]


def test_every_panel_of_the_profile_is_labelled_and_holds_its_well_measured_points(content):
    drawn = profile(content)
    for name, axis in drawn["layout"].items():
        if name.startswith("yaxis"):
            assert axis["title"]["text"] and len(axis["range"]) == 2
    assert drawn["layout"]["xaxis"]["title"]["text"].endswith("(nm)")
    for trace in (trace for trace in drawn["data"] if "error_y" in trace):
        low, high = drawn["layout"]["yaxis" + trace["yaxis"][1:]]["range"]
        sigma = [s for s in trace["error_y"]["array"] if s is not None]
        inside = [low <= y <= high for y, s in zip(trace["y"], trace["error_y"]["array"], strict=True)
                  if y is not None and s is not None and s <= np.median(sigma)]  # fmt: skip
        assert all(inside)
