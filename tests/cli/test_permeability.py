"""``oxyspy permeability`` as a user types it."""

import csv
import json

import pytest

from oxyspy.cli import main

LAYER = ["permeability", "--layer", "2nm", "--coating", "10nm"]


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return dict(csv.reader(file))


@pytest.mark.parametrize(
    ("mu_e", "coating", "minutes", "printed"),
    [
        ("-8.39eV", "1nm", "1.4", ("1.4", "0.5", "3.8")),
        ("-8.39eV", "10nm", "14", ("14", "5", "38")),
        ("-5.24eV", "1nm", "16.6", ("16.6", "6.5", "45")),
        ("-5.24eV", "10nm", "165", ("165", "64", "452")),
    ],
)
def test_table_3_of_the_study_comes_out_both_ways(tmp_path, mu_e, coating, minutes, printed):
    where = ["permeability", "--layer", "2nm", "--coating", coating, "--mu-e", mu_e]
    assert main([*where, "--known-coating", "Li3B11O18", "-o", str(tmp_path)]) == 0
    found = table(tmp_path / "permeability.csv")
    for text, name in zip(printed, ("time_s", "time_s_low", "time_s_high"), strict=True):
        assert round(float(found[name]) / 60, len(text.partition(".")[2])) == float(text)
    assert main([*where, "--time", f"{minutes}min", "-o", str(tmp_path)]) == 0
    back = table(tmp_path / "permeability.csv")
    # 1.455e6 within the rounding of the printed minutes: 4 % of 1.4
    assert float(back["onsager_per_ev_cm_s"]) == pytest.approx(1.455e6, rel=0.04)
    assert f"{float(back['required_diffusivity_cm2_s']):.0e}" == "7e-19"


@pytest.mark.parametrize(
    "rate", [["--L", "1.455e6/eV/cm/s"], ["--D", "7.0046e-19cm^2/s"], ["--known-coating", "Li3B11O18"]]
)
def test_the_three_ways_to_give_a_coating_agree(capsys, rate):
    assert main([*LAYER, *rate]) == 0
    assert capsys.readouterr().out.startswith("165 min")


@pytest.mark.parametrize("text", ["-5.24eV", "-5.24 eV", "-0.524e1eV"])
@pytest.mark.parametrize("joined", [True, False])
def test_negative_potentials_are_values_and_not_options(capsys, text, joined):
    mu_e = [f"--mu-e={text}"] if joined else ["--mu-e", text]
    assert main([*LAYER, "--time", "165min", *mu_e]) == 0
    assert "mu_e           -5.24 eV" in capsys.readouterr().out


def test_a_negative_thickness_is_a_value_too_and_is_refused_by_name(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["permeability", "--layer", "2nm", "--coating", "-10nm", "--time", "1h"])
    assert stop.value.code == 2
    assert "coating (thickness of the coating): found -1e-06 cm" in capsys.readouterr().err


def test_errors_give_an_interval_and_their_parts(capsys):
    assert main(["permeability", "--layer", "2.0+-0.3nm", "--coating", "10±1nm", "--time", "165+/-5min"]) == 0
    out = capsys.readouterr().out
    assert "68 % [" in out and "largest part of the error: layer" in out and "% of the variance" in out
    assert "Al2O3" in out and "another path or mechanism is needed" in out


def test_an_environment_stands_for_its_potential(capsys):
    assert main([*LAYER, "--known-coating", "Li3B11O18", "--environment", "Li3PS4"]) == 0
    assert capsys.readouterr().out.startswith("13.9 min")


def test_files_hold_everything(tmp_path):
    out = tmp_path / "new" / "folder"
    assert main([*LAYER, "--time", "165min", "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["permeability.csv", "permeability.json", "permeability.png"]
    found = json.loads((out / "permeability.json").read_text())
    assert found["inputs"]["time"]["value"] == pytest.approx(9900)
    assert {one["coating"]: one["verdict"] for one in found["comparison"]}["Li3B11O18"] == "consistent"
    assert found["version"] and "sphere" in found["method"]
    assert float(table(out / "permeability.csv")["required_diffusivity_cm2_s"]) == found["value"]


def test_the_forward_way_draws_its_growth(tmp_path):
    assert main([*LAYER, "--L", "1e6/eV/cm/s", "-o", str(tmp_path)]) == 0
    assert (tmp_path / "permeability.png").stat().st_size > 10_000


def test_an_upper_limit_is_written_as_one(tmp_path, capsys):
    args = ["permeability", "--layer", "0.1+-0.1nm", "--coating", "10nm", "--time", "165min", "-o", str(tmp_path)]
    assert main(args) == 0
    assert capsys.readouterr().out.startswith("D < ")
    found = json.loads((tmp_path / "permeability.json").read_text())
    assert found["value"] is None and found["upper_limit"] is True and "upper limit" in found["reason"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (LAYER, "one of the arguments --time/--exposure --cycles --life --L --D --known-coating is required"),
        ([*LAYER, "--time", "1h", "--L", "1e6/eV/cm/s"], "not allowed with argument --layer"),
        ([*LAYER, "--time", "165"], "has no unit"),
        ([*LAYER, "--time", "2nm"], "needed a quantity that converts to s"),
        ([*LAYER, "--time", "1h", "--environment", "water"], "'water' is not one of air, Li3PS4"),
        ([*LAYER, "--time", "1h", "--environment", "air", "--mu-e", "-5eV"], "not allowed with argument --mu-e"),
        ([*LAYER, "--time", "1h", "--geometry", "cube"], "invalid choice"),
        (["permeability", "--coating", "1nm", "--time", "1h"], "--layer"),
        ([*LAYER, "--time", "1h", "--samples", "5"], "argument --samples: 5: needed 0, for first order"),
        ([*LAYER, "--time", "1h", "--samples", "many"], "argument --samples"),
        (["permeability", "--coating", "1nm", "--L", "1e6/eV/cm/s"], "--layer --time/--exposure --cycles is required"),
        (["permeability", "--coating", "1nm", "--L", "1e6/eV/cm/s", "--life", "1h"], "is required with the coating"),
        ([*LAYER, "--time", "1h", "--charge-curve", "a.csv"], "--charge-curve and --mu-c-table: needed both"),
        (
            [*LAYER, "--cycles", "9", "--charge-curve", "a.csv", "--mu-c-table", "b.csv", "--mu-c", "-5eV"],
            "argument --charge-curve: not allowed with argument --mu-c",
        ),
    ],
)
def test_bad_usage_ends_with_status_2(capsys, args, message):
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([*LAYER, "--time", "1h", "--mu-e", "-4eV"], "mu_c - mu_e: found -0.95 eV"),
        ([*LAYER, "--known-coating", "LiPON"], "'LiPON' is not known"),
        ([*LAYER, "--time", "1h", "--coatings", "nowhere.yaml"], "nowhere.yaml"),
        ([*LAYER, "--L", "1e6/eV/cm/s", "--concentration", "5e22cm^-3"], "concentration: found one beside L"),
        (["permeability", "--layer", "6um", "--coating", "1nm", "--time", "1h"], "thicker than the particle"),
    ],
)
def test_work_that_cannot_be_done_ends_with_status_1(capsys, args, message):
    assert main(args) == 1
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["permeability", "--help"])
    assert stop.value.code == 0
    assert "oxyspy permeability --layer 2.0+-0.3nm" in capsys.readouterr().out


def test_cycles_are_the_time_they_spend_at_high_voltage(tmp_path):
    assert main([*LAYER, "--cycles", "200", "--period", "4h", "--fraction", "0.2", "-o", str(tmp_path / "a")]) == 0
    assert main([*LAYER, "--time", "160h", "-o", str(tmp_path / "b")]) == 0
    a, b = (table(tmp_path / name / "permeability.csv")["required_diffusivity_cm2_s"] for name in "ab")
    assert float(a) == pytest.approx(float(b), rel=1e-12)


def test_the_time_is_also_told_in_cycles(capsys):
    cycle = ["--period", "33min", "--fraction", "0.5"]
    assert main([*LAYER, "--L", "1.455e6/eV/cm/s", *cycle]) == 0
    # 165.2 min over 16.5
    assert "10 cycles" in capsys.readouterr().out


def test_a_life_asks_for_the_largest_d(capsys, tmp_path):
    assert main([*LAYER, "--life", "5year", "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("D up to ")
    # five years instead of 165 min for 7e-19
    found = float(table(tmp_path / "permeability.csv")["allowed_diffusivity_cm2_s"])
    assert found == pytest.approx(7.006e-19 * 165 / (5 * 525960), rel=2e-3)


@pytest.mark.parametrize("way", [["--time", "165min"], ["--L", "1.455e6/eV/cm/s"]])
def test_an_uneven_coating_is_told_beside_the_steady_model(capsys, tmp_path, way):
    assert main([*LAYER, *way, "--spread", "0.5", "--geometry", "plane", "-o", str(tmp_path)]) == 0
    assert "coating uneven by 50 %" in capsys.readouterr().out
    # <1/l> of a log-normal thickness
    assert float(table(tmp_path / "permeability.csv")["beyond_factor"]) == pytest.approx(0.8, rel=1e-6)
    assert json.loads((tmp_path / "permeability.json").read_text())["beyond"]["factor"] == pytest.approx(0.8, rel=1e-6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--time", "1h", "--pinholes", "0.01"], "--pinholes: needs --layer-L"),
        (["--time", "1h", "--uptake", "1e20/cm^3", "--spread", "0.2"], "--uptake: not allowed"),
        (["--cycles", "5"], "--period and --fraction"),
        (["--cycles", "-5"], "positive number of cycles"),
        (["--time", "1h", "--period", "1h", "--fraction", "0.5"], "give --cycles"),
        (["--cycles", "5", "--period", "1h", "--fraction", "20"], "per cent"),
        (["--time", "1h", "--spread", "40"], "0 to 3"),
    ],
)
def test_options_that_say_nothing_are_bad_usage(capsys, more, message):
    with pytest.raises(SystemExit) as stop:
        main([*LAYER, *more])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_design_is_told_in_its_own_words(capsys, tmp_path):
    assert main([*LAYER, "--life", "1h", "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "keeps the layer below its target" in out and "lets through too much" in out and "L/allowed" in out
    assert "something else limited" not in out
    assert table(tmp_path / "permeability.csv")["Al2O3_verdict"] == "safe"


def test_the_coatings_are_compared_with_what_was_asked_for_beyond_the_steady_model(tmp_path):
    ratios = {}
    for name, more in (("steady", []), ("uneven", ["--spread", "0.5"])):
        assert main([*LAYER, "--time", "165min", "--geometry", "plane", *more, "-o", str(tmp_path / name)]) == 0
        ratios[name] = float(table(tmp_path / name / "permeability.csv")["Al2O3_ratio"])
    assert ratios["uneven"] / ratios["steady"] == pytest.approx(1.25, rel=1e-6)


def test_the_layer_after_a_time_under_a_known_coating(capsys, tmp_path):
    args = ["permeability", "--coating", "10nm", "--known-coating", "Li3B11O18", "--time", "165min"]
    assert main([*args, "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    # table 3 of the study the other way round
    assert out.startswith("2 nm, 68 % [") and "temperature    300 K" in out
    found = table(tmp_path / "permeability.csv")
    assert float(found["layer_nm"]) == pytest.approx(2.0, rel=2e-3) and float(found["layer_nm_low"]) < 2.0
    assert (tmp_path / "permeability.png").stat().st_size > 10_000


def test_a_fuller_model_gives_the_layer_and_its_files(capsys, tmp_path):
    args = ["permeability", "--coating", "10nm", "--L", "1.455e6/eV/cm/s", "--cycles", "100", "--period", "1h"]
    args += ["--fraction", "0.5", "--layer-L", "1e6/eV/cm/s", "--pinholes", "1%", "-o", str(tmp_path)]
    assert main(args) == 0
    assert "in the holes" in capsys.readouterr().out
    found = table(tmp_path / "permeability.csv")
    assert float(found["time"]) == 180000.0
    assert float(found["beyond_layer_nm"]) == pytest.approx(float(found["layer_nm"]) * float(found["beyond_factor"]))
    assert json.loads((tmp_path / "permeability.json").read_text())["beyond"]["quantity"] == "layer"


def test_a_charge_curve_stands_for_the_cathode_s_potential(tmp_path, capsys):
    (tmp_path / "charge.csv").write_text("time_h,voltage_v\n0,3.6\n4,4.3\n5,4.3\n9,3.6\n")
    (tmp_path / "mu.csv").write_text("voltage_v,mu_c_ev\n3.6,-5.6\n4.3,-4.95\n")
    files = ["--charge-curve", str(tmp_path / "charge.csv"), "--mu-c-table", str(tmp_path / "mu.csv")]
    assert main([*LAYER, "--cycles", "100", *files, "-o", str(tmp_path / "out")]) == 0
    assert "active" in capsys.readouterr().out
    found = table(tmp_path / "out" / "permeability.csv")
    # the share of the 9 h in which mu_c is above -5.24 eV: the hour, and what is left of each ramp above 3.988 V
    ramp = 4 * (4.3 - (3.6 + 0.7 * 0.36 / 0.65)) / 0.7
    assert float(found["active"]) == pytest.approx((1 + 2 * ramp) / 9)
    assert float(found["time"]) == 100 * 9 * 3600
    # and forward in cycles
    assert main([*LAYER, "--L", "1e5/eV/cm/s", *files]) == 0
    assert " cycles" in capsys.readouterr().out
