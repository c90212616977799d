"""Recipes: what is shipped is valid, what is wrong is named with its line and what is allowed."""

import json

import pytest

from oxyspy.errors import InputError
from oxyspy.workflow.recipe import load_recipe, shipped_recipes


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
        ("edges:\n  Mn_L: {}\n\ndeconvolution: richardson\n", ["line 4", "'zero_loss', 'gaussian' or 'none'"]),
        ("edges:\n  Mn_L: {}\nwitnesses:\n- fe_l3_share\n", ["line 4", "'mn_l3_share'", "fe_l3_share"]),
        ("edges:\n  Mn_L: {}\ntransport:\n  coating: 10\n", ["line 4", "coating", "nm"]),
        ("edges:\n  Mn_L: {}\ntransport:\n  exposure: 3 nm\n", ["line 4", "exposure"]),
        ("edges: {}\n", ["line 1", "edges"]),
        ("edges:\n  Zz_L: {}\n", ["Zz_L", "Mn_L"]),
    ],
)
def test_errors_name_file_line_and_what_is_allowed(tmp_path, text, told):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_recipe(path)
    for words in (str(path), *told):
        assert words in str(error.value)


def test_every_error_is_told_at_once(tmp_path):
    with pytest.raises(InputError, match=r"(?s)line 3.*line 4"):
        load_recipe(written(tmp_path, "edges:\n  Mn_L:\n    l3_half: -3\n    width: 2\n"))


def test_recipe_of_a_result_is_the_recipe_that_made_it(tmp_path):
    recipe = load_recipe("nmc").with_transport(coating="4 +- 0.4 nm", exposure="60 min")
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"schema": 1, "recipe": recipe.model_dump(mode="json")}))
    assert load_recipe(path) == recipe


def test_unknown_recipe_lists_those_there_are():
    with pytest.raises(InputError, match="nmc"):
        load_recipe("nothing_such")
