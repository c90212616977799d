"""``oxyspy coatings`` as a user types it."""

import json

import pandas as pd
import pytest

from oxyspy.cli import main
from oxyspy.transport import coatings, save_coatings


def test_the_list_names_every_coating_and_its_verdict(capsys):
    assert main(["coatings"]) == 0
    out = capsys.readouterr().out
    for name in coatings():
        assert name in out
    assert "meets both" in out and "guidelines" in out


def test_files_hold_the_table(tmp_path):
    assert main(["coatings", "--layer", "2nm", "--life", "200h", "-o", str(tmp_path)]) == 0
    found = pd.read_csv(tmp_path / "coatings.csv").set_index("coating")
    assert list(found.index) == list(coatings())
    assert found.loc["Li3B11O18", "oxygen_l_per_ev_cm_s"] == 1.455e6
    # 10 nm of Al2O3 last 230 h
    assert found.loc["Al2O3", "least_thickness_nm"] == pytest.approx(10 * 200 / 230, rel=0.01)
    plain = json.loads((tmp_path / "coatings.json").read_text())
    assert plain["guidelines_cm2_s"] == {"oxygen_max": 1e-17, "lithium_min": 7e-16}
    assert plain["coatings"][0]["coating"] == "Li3B11O18"
    assert (tmp_path / "coatings.png").stat().st_size > 10_000


def test_printed_numbers_are_there_for_the_asking(tmp_path):
    assert main(["coatings", "--printed", "-o", str(tmp_path)]) == 0
    assert pd.read_csv(tmp_path / "coatings.csv").set_index("coating").loc["Li3B11O18", "oxygen_l_per_ev_cm_s"] == 1e6


def test_a_file_of_the_user_s_own_is_added(tmp_path, capsys):
    from dataclasses import replace

    save_coatings(tmp_path / "mine.yaml", [replace(coatings()["ZnO"], name="mine")])
    assert main(["coatings", "--coatings", str(tmp_path / "mine.yaml")]) == 0
    assert "mine" in capsys.readouterr().out


def test_guidelines_of_one_s_own(capsys):
    assert main(["coatings", "--oxygen-max", "1e-9cm^2/s", "--lithium-min", "1e-17 cm^2/s"]) == 0
    out = capsys.readouterr().out
    assert "fails" not in out and "1e-09" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--layer", "2nm"], "--layer and --life go together"),
        (["--environment", "water"], "'water' is not one of"),
        (["--oxygen-max", "1e-17"], "has no unit"),
    ],
)
def test_bad_usage_ends_with_status_2(capsys, args, message):
    with pytest.raises(SystemExit) as stop:
        main(["coatings", *args])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_bad_file_ends_with_status_1(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("coatings: {A: {composition: Li2O}}")
    assert main(["coatings", "--coatings", str(tmp_path / "bad.yaml")]) == 1
    assert "coating A: has no source" in capsys.readouterr().err
