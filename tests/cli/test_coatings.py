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
        (["--radius", "2um"], "argument --radius: needs --layer and --life"),
        (
            ["--environment", "air", "--mu-e", "-5eV", "--layer", "1nm", "--life", "1h"],
            "not allowed with argument --mu-e",
        ),
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


def test_a_negative_thickness_is_a_value_and_is_refused_by_name(capsys):
    assert main(["coatings", "--layer", "-2nm", "--life", "3h"]) == 1
    assert "target (thickness of the reacted layer): found -2e-07 cm" in capsys.readouterr().err


def test_a_warm_cell_of_another_size_is_screened_as_such(tmp_path):
    args = ["coatings", "--layer", "2+-0.2nm", "--life", "200h", "--temperature", "60degC", "--geometry", "plane"]
    assert main([*args, "--mu-e", "-8.39eV", "-o", str(tmp_path)]) == 0
    found = pd.read_csv(tmp_path / "coatings.csv").set_index("coating")
    assert (found["temperature_k"] == 333.15).all()
    ion = coatings()["Al2O3"].oxygen.at(333.15)
    assert found.loc["Al2O3", "oxygen_d_cm2_s"] == pytest.approx(ion.diffusivity)
    # t (mu_c - mu_e) L / (f c_max l_s), by hand
    assert found.loc["Al2O3", "least_thickness_nm"] == pytest.approx(
        7.2e5 * 3.44 * ion.onsager / (0.5 * 4.2e22 * 2e-7) * 1e7, rel=1e-9
    )


def test_cautions_of_an_entry_are_told(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text(
        "coatings: {mine: {composition: Li2ZrO3, source: s, temperature: 300, density: 4.2, oxygen: {d: 1.0e-17, "
        "d_bounds: [4.0e-18, 3.0e-17], caution: of a single run}}}"
    )
    assert main(["coatings", "--coatings", str(tmp_path / "mine.yaml"), "-o", str(tmp_path)]) == 0
    assert "mine: O: of a single run" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "coatings.csv").set_index("coating")
    assert found.loc["mine", "caution"] == "O: of a single run" and found.loc["mine", "passes_lithium"] == "unknown"
