"""Recipes: what is shipped is valid, what is wrong is named with its line and what is allowed."""

import json
import re
import shutil

import numpy as np
import pytest

from oxyspy.eels.edges import edge
from oxyspy.eels.valence import CALIBRATIONS
from oxyspy.errors import InputError, ReadError
from oxyspy.simulate import simulate_scan
from oxyspy.workflow.analysis import analyse_arrays
from oxyspy.workflow.recipe import Recipe, load_recipe, shipped_recipes
from workflow.small_scans import SMALL


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_valid_and_named_as_their_files(name):
    assert load_recipe(name).name == name


def written(folder, text):
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("edges:\n  Mn_L: {}\nshoes: 3\n", ["line 3", "shoes", "no such choice"]),
        ("edges:\n  Mn_L:\n    width: 2\n", ["line 3", "width", "no such choice"]),
        ("edges:\n  Mn_L:\n    step: round\n", ["line 3", "'sharp', 'arctan' or 'erf'", "'round'"]),
        ("edges:\n  Mn_L:\n    l3_half: -3\n", ["line 3", "greater than 0", "-3"]),
        ("edges:\n  Mn_L:\n    post: [670, 660]\n", ["line 3", "rises", "670 to 660"]),
        (
            "edges:\n  Mn_L: {}\n\ndeconvolution: richardson\n",
            ["line 4", "'zero_loss', 'gaussian', 'wiener' or 'none'"],
        ),
        ("edges:\n  Mn_L: {}\nwitnesses:\n- fe_l3_share\n", ["line 4", "'mn_l3_share'", "fe_l3_share"]),
        ("edges:\n  Mn_L: {}\ntransport:\n  coating: 10\n", ["line 4", "coating", "nm"]),
        ("edges:\n  Mn_L: {}\ntransport:\n  exposure: 3 nm\n", ["line 4", "exposure"]),
        ("edges:\n  Mn_L:\n    positions: {L3: 653, L2: 643}\n", ["line 3", "L3 lies below L2, found 653 and 643 eV"]),
        ("edges:\n  Mn_L:\n    positions: {L3: 643}\n", ["line 3", "L2"]),
        ("edges: {}\n", ["line 1", "edges"]),
        ("edges:\n  Mn_L: {}\n  Zz_L: {}\n", ["line 3", "Zz_L", "there are Mn_L, "]),
        ("edges:\n  mn_l: {}\n", ["line 2", "did you mean 'Mn_L'?"]),
        ("name: x\n", ["edges: is missing", "{Mn_L: {}}"]),
        ("edges: [Mn_L]\n", ["line 1", "a mapping of names to values", "['Mn_L']"]),
        ("edges:\n  1: {}\n", ["line 2", "edges.1"]),
        ("edges:\n  Mn_L: {}\ndeconvolusion: none\n", ["line 3", "did you mean 'deconvolution'?", "transport"]),
        ("edges:\n  Mn_L:\n    l3_hlaf: 4\n", ["line 3", "did you mean 'l3_half'?"]),
        ("edges:\n  Mn_L: {}\noxygen: true\noxygen: false\n", ["line 4", "oxygen: stands on line 3 already"]),
        ("edges:\n  Mn_L: {}\noxygen: maybe\n", ["line 3", "true or false, found 'maybe'"]),
        ("edges:\n  Mn_L:\n    background: automatic\n", ["line 3", "[from, to] in eV, or auto, found 'automatic'"]),
        ("edges:\n  Mn_L:\n    background: [600, 632, 640]\n", ["line 3", "or auto, found [600, 632, 640]"]),
        ("edges:\n  Mn_L:\n    background: [700, 720]\n", ["line 3", "720 eV, above L3 at 642 eV"]),
        ("edges:\n  Mn_L:\n    post: [640, 645]\n", ["line 3", "begins at 640 eV, before L2 at 651 eV"]),
        ("edges:\n  Mn_L:\n    post: [645, 660]\n", ["line 3", "begins at 645 eV, before L2 at 651 eV"]),
        ("edges:\n  Mn_L:\n    background: [600, 645]\n", ["line 3", "ends at 645 eV, above L3 at 642 eV"]),
        ("edges:\n  Mn_L:\n    positions: {L3: 620, L2: 630}\n", ["line 3", "do not lie between"]),
        ("edges:\n  Mn_L:\n    l3_half: .nan\n", ["line 3", "finite number, found nan"]),
        (
            "edges:\n  Mn_L: {}\nrows_per_fit: many\n",
            ["line 3", "auto, or a whole number of rows from 1, found 'many'"],
        ),
        ("edges:\n  Mn_L: {}\nlandmarks:\n  Zz: [1, 2]\n", ["line 4", "landmarks.Zz", "Mn_L"]),
        ("edges:\n  Mn_L: {}\nlandmarks:\n  Mn_L: [643, -1]\n", ["line 4", "above 0 eV, found 643 and -1"]),
        ("edges:\n  Mn_L: {}\nvalence:\n  Mn_L: nothing\n", ["line 4", "'nothing'", "mn_references"]),
        ("edges:\n  Mn_L: {}\nvalence:\n  Co_L: mn_references\n", ["line 4", "not among the recipe's edges, Mn_L"]),
        ("edges: {Co_L: {}}\nvalence:\n  Co_L: mn_references\n", ["line 3", "a calibration of Mn_L"]),
        ("edges:\n  Mn_L: {}\nwitnesses: [co_l3_share]\n", ["line 3", "co_l3_share is not measured"]),
        ("edges: {Mn_L: {}}\noxygen: false\nwitnesses:\n- o_pre_edge\n", ["line 4", "oxygen is false"]),
        ("edges: {Mn_L: {}}\nwitnesses: [mn_l3_share, mn_l3_share]\n", ["line 2", "stands there once"]),
        ("edges: {Mn_L: {}}\nline: [1, 1, 1, 1]\n", ["line 2", "two different ends"]),
        ("edges: {Mn_L: {}}\nline_width: 2\n", ["line 2", "nothing without a line"]),
        ("edges: {Mn_L: {}}\ngaussian_fwhm: 1\n", ["line 2", "nothing with deconvolution zero_loss"]),
        ("edges: {Mn_L: {}}\noxygen_windows:\n  main: [500, 520]\n", ["line 2", "should follow each other"]),
        ("edges: {Mn_L: {}}\ntransport:\n  coating: -10 nm\n", ["line 3", "above 0, found '-10 nm'"]),
        ("edges: {Mn_L: {}}\ntransport:\n  radius: 0 um\n", ["line 3", "above 0, found '0 um'"]),
        ("- Mn_L\n", ["a mapping of names to values"]),
    ],
)
def test_errors_name_file_line_and_what_is_allowed(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_recipe(path)
    for words in (str(path), *told):
        assert words in str(error.value)
    # no words of the library that checks
    assert not re.search(r"function-|constrained|literal|Input should|\[key\]", str(error.value))


def test_every_error_is_told_at_once(tmp_path):
    with pytest.raises(InputError, match=r"(?s)line 3.*line 4"):
        load_recipe(written(tmp_path, "edges:\n  Mn_L:\n    l3_half: -3\n    width: 2\n"))


def test_every_kind_of_error_is_told_at_once(tmp_path):
    text = "edges:\n  Fe_K: {}\nlandmarks:\n  Zz: [1, 2]\nshoes: 3\nshoes: 4\noxygen: maybe\n"
    with pytest.raises(InputError, match=r"(?s)line 6.*line 2.*line 4.*line 7"):
        load_recipe(written(tmp_path, text))


def test_edge_with_nothing_behind_it_has_the_tables_choices(tmp_path):
    assert load_recipe(written(tmp_path, "edges:\n  Mn_L:\n")) == load_recipe(written(tmp_path, "edges: {Mn_L: {}}"))


def test_recipe_of_a_result_is_the_recipe_that_made_it(tmp_path):
    recipe = load_recipe("nmc").with_transport(coating="4 +- 0.4 nm", exposure="60 min")
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"schema": 1, "recipe": recipe.model_dump(mode="json")}))
    assert load_recipe(path) == recipe


def test_errors_in_a_result_name_its_line(tmp_path):
    content = {"schema": 3, "sheet": {"note": 'the "recipe": {"edges": 1}'}}
    content["recipe"] = load_recipe("nmc").model_dump(mode="json") | {"deconvolution": "x"}
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content, indent=1))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if '"deconvolution"' in text)
    with pytest.raises(InputError, match=f"line {line}: deconvolution"):
        load_recipe(path)
    path.write_text('{"schema": 3}')
    with pytest.raises(InputError, match="holds no recipe"):
        load_recipe(path)


def test_resolved_recipe_writes_out_every_window_and_measures_the_same():
    recipe = load_recipe("nmc").resolved()
    for name in recipe.edges:
        choices = recipe.edges[name]
        assert choices.background and choices.post and recipe.method(name) == load_recipe("nmc").method(name)
    assert recipe.oxygen_edge() == load_recipe("nmc").oxygen_edge() and recipe.oxygen_windows.main
    assert recipe.resolved() == recipe == load_recipe(recipe)
    # what is not measured is no witness, so that the recipe of a result can be used again
    bare = Recipe(edges={"Mn_L": {}}, oxygen=False)
    assert bare.resolved().witnesses == ("mn_l3_share",) and load_recipe(bare.resolved())


def test_windows_of_oxygen_are_the_recipes(tmp_path):
    text = "edges: {Mn_L: {}}\noxygen_windows: {pre_edge: [527, 531], main: [531, 550]}\n"
    item = load_recipe(written(tmp_path, text)).oxygen_edge()
    assert (item.pre_edge, item.main) == ((527, 531), (531, 550)) and item.background == edge("O_K").background


def test_calibration_beside_a_recipe_is_found_from_anywhere(tmp_path, monkeypatch):
    shutil.copy(CALIBRATIONS / "mn_references.yaml", tmp_path / "own.yaml")
    path = written(tmp_path, "edges: {Mn_L: {}}\nvalence: {Mn_L: own.yaml}\n")
    monkeypatch.chdir("/")
    recipe = load_recipe(path)
    assert recipe.valence["Mn_L"] == str(tmp_path / "own.yaml")
    assert recipe.calibration_files() == [tmp_path / "own.yaml"] and load_recipe("nmc").calibration_files() == []


def test_recipe_without_oxygen_is_for_axes_that_begin_above_it():
    scan = simulate_scan(**SMALL | {"n_channels": 1500}, layer_nm=2.0, seed=1)
    arrays = [np.asarray(part, float)[None] for part in (scan.core, scan.low)]
    core, low = ((start + step * np.arange(data.shape[-1])) for (start, step), data in
                 ((scan.core_axis, arrays[0]), (scan.low_axis, arrays[1])))  # fmt: skip
    positions = SMALL["step_nm"] * np.arange(SMALL["n_positions"])
    status = {
        name: analyse_arrays(arrays[0], core, arrays[1], low, positions, load_recipe(name)).status
        for name in ("nmc", "nmc_metals")
    }
    assert status["nmc"] == "partial"
    assert status["nmc_metals"] == "ok"


def test_unknown_recipe_lists_those_there_are():
    with pytest.raises(InputError, match="nmc"):
        load_recipe("nothing_such")


def test_recipe_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_bytes("name: Größe\nedges: {Mn_L: {}}\n".encode("cp1252"))
    with pytest.raises(ReadError, match="UTF-8"):
        load_recipe(path)
    path.write_bytes(b"\xef\xbb\xbfname: x\nedges: {Mn_L: {}}\n")
    assert load_recipe(path).name == "x"
