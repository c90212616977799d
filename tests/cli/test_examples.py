"""The examples that each command's help shows: all are understood, and those that take a moment run."""

import json
import shlex

import pytest

from oxyspy.cli import build_parser, main
from reference import parsers

PARSERS = {parser.prog: parser for parser in parsers(build_parser())}


def examples(epilog):
    lines = (epilog or "").replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip().startswith("oxyspy ")]


EXAMPLES = sorted({line for parser in PARSERS.values() for line in examples(parser.epilog)})
QUICK = ("oxyspy permeability", "oxyspy coatings", "oxyspy recipe", "oxyspy info")


@pytest.fixture
def folder(tmp_path, test_data, monkeypatch):
    """The examples' names for a user's own files, given to files of the project."""
    demo = test_data / "demo" / "rocksalt_2nm"
    links = {"scan_07": demo, "core.dm4": demo / "core_loss.dm4", "low.dm4": demo / "low_loss.dm4"}
    for name, file in links.items():
        (tmp_path / name).symlink_to(file)
    (tmp_path / "charge.csv").write_text("time_h,voltage_v\n0,3.6\n4,4.3\n")
    (tmp_path / "mu_c.csv").write_text("voltage_v,mu_c_ev\n3.6,-5.6\n4.3,-4.95\n")
    result = tmp_path / "out_of_analyse" / "scan_07" / "result.json"
    result.parent.mkdir(parents=True)
    layer = {"supported": True, "thickness_nm": 2.0, "sigma_nm": 0.1, "upper_limit_nm": None}
    result.write_text(json.dumps({"layer": layer}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", PARSERS)
def test_every_command_shows_an_example(command):
    assert examples(PARSERS[command].epilog)


@pytest.mark.parametrize("line", EXAMPLES)
def test_example_is_understood(line, folder):
    assert build_parser().parse_args(shlex.split(line)[1:]).run


@pytest.mark.parametrize("line", [line for line in EXAMPLES if line.startswith(QUICK)])
def test_example_runs(line, folder, capsys):
    words = shlex.split(line.partition(" > ")[0])[1:]
    if "mine.yaml" in words and "new" not in words:
        # what an earlier example, or the help itself, gives a user
        own = "temperature: 300.0" + PARSERS["oxyspy coatings"].epilog.partition("temperature: 300.0")[2]
        text = own.partition("`oxyspy diffusion")[0].replace("\n  ", "\n")
        (folder / "mine.yaml").write_text(text if words[0] == "coatings" else "edges: {Mn_L: {}}\n")
    words = [str(one) for word in words for one in (sorted(p.name for p in folder.glob(word)) or [word])]
    assert main(words) == 0
    assert capsys.readouterr().out
