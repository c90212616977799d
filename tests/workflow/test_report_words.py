import json
import re

import numpy as np
import pytest

from oxyspy.data import FOLDER, load
from oxyspy.results import to_plain
from oxyspy.workflow import analyse
from oxyspy.workflow.output import result_dict
from oxyspy.workflow.recipe import load_recipe
from oxyspy.workflow.report_methods import methods
from oxyspy.workflow.report_profile import profile
from oxyspy.workflow.report_words import listed, measured, number, power, summary


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


def test_methods_paragraph_holds_every_number_of_the_fingerprints(content):
    """Windows as used, which may be cut short, and not as the recipe's table has them."""
    content = json.loads(json.dumps(content).replace("power law 600-632", "power law 603.5-632"))
    text, _ = methods(content)
    for item in content["methods"].values():
        numbers = set(re.findall(r"\d+(?:\.\d+)?(?=[- ]|$)", item["fingerprint"].split(";", 1)[1])) - {"3", "2"}
        assert numbers <= set(re.findall(r"\d+(?:\.\d+)?", text))
    calibration, layer = content["calibration"], content["layer"]
    assert f"{calibration['factor']:.4f} × recorded" in text
    assert f"χ² = {layer['chi2']:.1f} for {layer['degrees']} degrees of freedom" in text
    assert "coating of 10.0 ± 1.0 nm" in text and "165 min of exposure" in text and "4.20 × 10²² cm⁻³" in text


def test_methods_paragraph_cites_each_reference_once_and_in_order(content):
    text, cited = methods(content)
    numbers = [int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(cited) + 1))
    assert len(set(cited)) == len(cited) and set(cited) <= set(load("references").values())


def test_methods_paragraph_says_what_was_not_done(content):
    prints = {"Mn_L": {**content["methods"]["Mn_L"]}}
    prints["Mn_L"]["fingerprint"] = re.sub("Fourier[^;]+", "not deconvolved", prints["Mn_L"]["fingerprint"])
    bare = {**content, "methods": prints, "layer": None, "required_diffusivity": None, "states": {}}
    bare["calibration"] = {"absolute": False, "method": "one edge found"}
    text, cited = methods(bare)
    assert "plural scattering was not removed" in text and "as recorded (one edge found)" in text
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
