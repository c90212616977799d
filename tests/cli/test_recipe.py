"""``oxyspy recipe``: shown recipes can be used again, new ones start valid, checks name the line."""

from oxyspy.cli import main
from oxyspy.workflow.recipe import load_recipe


def test_what_is_shown_is_the_whole_recipe(tmp_path, capsys):
    assert main(["recipe", "show", "nmc"]) == 0
    path = tmp_path / "shown.yaml"
    path.write_text(capsys.readouterr().out)
    assert load_recipe(path) == load_recipe("nmc")
    assert "l3_half" in path.read_text()


def test_show_without_a_name_lists_the_shipped_ones(capsys):
    assert main(["recipe", "show"]) == 0
    assert "nmc" in capsys.readouterr().out.split()


def test_new_recipe_is_valid_keeps_its_comments_and_overwrites_nothing(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    assert main(["recipe", "new", str(path)]) == 0
    assert load_recipe(path) == load_recipe("nmc") and "#" in path.read_text()
    path.write_text("mine")
    assert main(["recipe", "new", str(path)]) == 1
    assert path.read_text() == "mine" and "exists already" in capsys.readouterr().err


def test_check_says_valid_or_names_the_line(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("edges:\n  Mn_L: {}\nshoes: 3\n")
    assert main(["recipe", "check", str(path)]) == 1
    assert "line 3" in capsys.readouterr().err
    path.write_text("edges:\n  Mn_L: {}\n")
    assert main(["recipe", "check", str(path)]) == 0
    assert "valid" in capsys.readouterr().out
