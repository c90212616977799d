"""The command: its files, its columns, its messages and its exit status."""

import csv
import json
import shutil

import numpy as np
import pytest

from oxyspy.cli import main
from oxyspy.workflow.output import PROFILE_COLUMNS, SUMMARY_COLUMNS
from workflow.small_scans import QUICK, good_scans, without_figures


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def analysed(test_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("analysed")
    status = main(
        ["analyse", str(test_data / "demo" / "rocksalt_2nm"), "-o", str(out), "--quiet",
         "--coating", "4 +- 0.4 nm", "--exposure", "60min"]
    )  # fmt: skip
    return status, out


def test_summary_has_the_promised_columns_and_one_row_a_scan(analysed):
    status, out = analysed
    assert status == 0
    with open(out / "summary.csv") as file:
        header = file.readline().strip().split(",")
    promised = [
        "scan", "status", "edge", "layer_nm", "layer_sigma_nm", "layer_supported", "surface_nm", "ratio_layer",
        "ratio_bulk", "valence_layer", "valence_bulk", "t_over_lambda", "energy_offset_ev",
        "energy_dispersion_factor", "required_diffusivity_cm2_s", "required_diffusivity_low",
        "required_diffusivity_high", "message",
    ]  # fmt: skip
    # what was added later stands behind them
    assert header[: len(promised)] == promised
    (row,) = rows_of(out / "summary.csv")
    assert row["scan"] == "rocksalt_2nm" and row["status"] == "ok" and row["layer_supported"] == "true"
    assert 1.8 < float(row["layer_nm"]) < 2.2
    for name in ("ratio_layer", "ratio_bulk", "valence_layer", "valence_bulk", "t_over_lambda"):
        assert float(row[name]) > 0 and float(row[f"{name}_sigma"]) > 0
    assert row["valence_indicative"] == "true"
    low, value, high = (
        float(row[f"required_diffusivity_{k}"]) for k in ("low", "cm2_s", "high")
    )  # fmt: skip
    assert low < value < high


def test_profile_has_the_promised_columns_and_one_row_a_position(analysed):
    _, out = analysed
    rows = rows_of(out / "rocksalt_2nm" / "profile.csv")
    assert list(rows[0]) == list(PROFILE_COLUMNS)
    assert {f"{e}_{c}" for e in ("mn", "co", "ni") for c in ("l3", "l3_l2_sigma", "splitting_ev", "valence")} <= set(
        rows[0]
    )
    assert len(rows) == 48
    assert "vacuum" in rows[0]["flags"] and rows[-1]["flags"] == ""
    # nothing is measured in vacuum, and nothing invented
    assert rows[0]["mn_l3_l2"] == ""
    # every number of the bulk has its error
    inside = rows[25]
    for name in ("l3_l2", "l3_ev", "l2_ev", "splitting_ev", "continuum", "normalised_ev", "valence"):
        error = inside[f"mn_{name}_sigma"]
        assert float(error) > 0 and np.isfinite(float(inside[f"mn_{name}"])), name
    assert float(inside["mn_l3_l2_low"]) < float(inside["mn_l3_l2"]) < float(inside["mn_l3_l2_high"])
    assert float(inside["mn_l3_l2_over"]) == 1 and float(inside["t_over_lambda_sigma"]) > 0
    # no calibration of cobalt exists
    assert all(row["co_valence"] == "" for row in rows)


def test_result_json_holds_method_recipe_versions_and_hashes(analysed, test_data):
    from oxyspy.files import sha256

    _, out = analysed
    content = json.loads((out / "rocksalt_2nm" / "result.json").read_text())
    assert "Fourier ratio" in content["methods"]["Mn_L"]["fingerprint"]
    assert content["recipe"]["transport"]["exposure"] == "60min"
    source = test_data / "demo" / "rocksalt_2nm" / "core_loss.dm4"
    assert content["provenance"]["inputs"]["core_loss.dm4"] == sha256(source)
    assert content["layer"]["supported"] is True


def test_result_json_is_as_its_schema_says_and_every_part_is_described(analysed):
    from jsonschema import Draft202012Validator

    from oxyspy.workflow.schema import result_schema

    schema = result_schema()
    Draft202012Validator.check_schema(schema)
    content = json.loads((analysed[1] / "rocksalt_2nm" / "result.json").read_text())
    valid = Draft202012Validator(schema)
    assert [error.message for error in valid.iter_errors(content)] == []
    # what has another shape is found, in the package's own results too
    for harm in ({"layer_nm": "2"}, {"more": 1}, {"layer": content["layer"] | {"thickness_nm": [2.0]}}):
        assert list(valid.iter_errors(content | harm))
    assert all(part["description"] for part in schema["properties"].values())
    assert "is preferred" in schema["properties"]["layer"]["anyOf"][0]["properties"]["supported"]["description"]


def test_recipe_of_a_result_repeats_it_exactly(analysed, test_data, tmp_path, monkeypatch):
    without_figures(monkeypatch)
    _, out = analysed
    recipe = out / "rocksalt_2nm" / "result.json"
    source = str(test_data / "demo" / "rocksalt_2nm")
    assert main(["analyse", source, "-o", str(tmp_path), "--quiet", "--recipe", str(recipe)]) == 0
    assert (tmp_path / "summary.csv").read_bytes() == (out / "summary.csv").read_bytes()
    assert (tmp_path / "rocksalt_2nm" / "profile.csv").read_bytes() == (
        out / "rocksalt_2nm" / "profile.csv"
    ).read_bytes()


def test_processed_signals_load_in_hyperspy(analysed):
    import hyperspy.api as hs

    _, out = analysed
    signal = hs.load(out / "rocksalt_2nm" / "Mn_L.hspy")
    assert type(signal).__name__ == "CoreLossEELSSpectrum"
    assert signal.axes_manager["x"].units == "nm" and "Fourier ratio" in signal.metadata.oxyspy.method


def test_what_is_done_is_not_done_again(analysed, test_data, monkeypatch, capsys):
    _, out = analysed
    monkeypatch.setattr("oxyspy.workflow.batch.run_job", lambda *a: pytest.fail("done already"))
    source = str(test_data / "demo" / "rocksalt_2nm")
    again = ["analyse", source, "-o", str(out), "--quiet", "--coating", "4 +- 0.4 nm", "--exposure", "60min"]
    assert main(again) == 0
    assert "rocksalt_2nm: ok" in capsys.readouterr().out


def test_one_bad_scan_never_stops_the_others(test_data, tmp_path, monkeypatch):
    without_figures(monkeypatch)
    good = tmp_path / "in" / "good"
    shutil.copytree(test_data / "demo" / "rocksalt_2nm", good)
    bad = tmp_path / "in" / "cut_short"
    shutil.copytree(good, bad)
    core = bad / "core_loss.dm4"
    core.write_bytes(core.read_bytes()[:5000])
    empty = tmp_path / "in" / "empty"
    empty.mkdir()
    (empty / "core_loss.dm4").write_bytes(b"")
    out = tmp_path / "out"
    assert main(["analyse", str(good), str(bad), str(empty), "-o", str(out), "--quiet"]) == 0
    rows = {row["scan"]: row for row in rows_of(out / "summary.csv")}
    assert rows["good"]["status"] == "ok" and rows["good"]["layer_nm"]
    for name in ("cut_short", "empty"):
        assert rows[name]["status"] == "failed"
        assert "core_loss.dm4" in rows[name]["message"]
        assert not (out / name / "profile.csv").exists()
    assert list(rows["good"]) == list(SUMMARY_COLUMNS)
    assert not list(out.rglob("*.part*"))


def test_truncated_file_alone_gives_status_1_its_name_and_no_traceback(test_data, tmp_path, capsys):
    core = tmp_path / "cut.dm4"
    core.write_bytes((test_data / "demo" / "rocksalt_2nm" / "core_loss.dm4").read_bytes()[:9000])
    low = test_data / "demo" / "rocksalt_2nm" / "low_loss.dm4"
    status = main(["analyse", "--core", str(core), "--low-loss", str(low), "-o", str(tmp_path / "out"), "--quiet"])
    told = capsys.readouterr()
    assert status == 1
    assert "cut.dm4" in told.out + told.err and "Traceback" not in told.out + told.err


@pytest.mark.parametrize("name", ["EELS_SI.dm4", "multi_signal.dm3", "test_diffraction_pattern_tags_removed.dm3"])
def test_foreign_files_fail_by_name(shared_data, tmp_path, capsys, name):
    status = main(["analyse", str(shared_data / "dm-edge-cases" / name), "-o", str(tmp_path), "--quiet"])
    told = capsys.readouterr()
    assert status == 1
    assert name.split(".")[0] in told.out + told.err and "Traceback" not in told.out + told.err


@pytest.mark.parametrize(
    "arguments", [[], ["--core", "a.dm4", "scan"], ["--low-loss", "b.dm4", "scan"], ["scan", "--workers", "0"]]
)
def test_wrong_command_lines_end_with_status_2(arguments, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["analyse", *arguments, "-o", str(tmp_path)])
    assert stop.value.code == 2


def test_bad_recipe_is_refused_before_anything_runs(test_data, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("edges:\n  Mn_L:\n    l3_half: -3\n    width: 2\n")
    status = main(["analyse", str(test_data / "demo"), "-o", str(tmp_path / "out"), "--recipe", str(recipe)])
    told = capsys.readouterr().err
    assert status == 1 and "line 3" in told and "line 4" in told
    assert not (tmp_path / "out").exists()


def test_missing_folder_is_named(tmp_path, capsys):
    assert main(["analyse", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out"), "--quiet"]) == 1
    told = capsys.readouterr()
    assert "nowhere" in told.out + told.err


@pytest.fixture(scope="module")
def by_sheet(tmp_path_factory):
    """Nine scans of two coatings after three numbers of cycles, by a sample sheet on the command line."""
    base = tmp_path_factory.mktemp("sheet")
    good_scans(base / "in", 9)
    (base / "quick.json").write_text(json.dumps(QUICK.model_dump(mode="json")))
    lines = ["scan,sample,coating,cycles,coating thickness (nm),coating thickness error (nm),exposure_h,operator"]
    lines += [
        f"in/good_0{i},{'AB'[i % 2]}{i},{('Al2O3', 'LiNbO3')[i % 2]},{100 * (i % 5)},10,1,2.75,X" for i in range(9)
    ]
    (base / "samples.csv").write_text("\n".join(lines) + "\n")
    out = base / "out"
    command = ["analyse", "--sheet", base / "samples.csv", "--by", "coating", "--power", "fit", "--parquet"]
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        status = main([str(word) for word in (*command, "--recipe", base / "quick.json", "-o", out, "--quiet")])
    return status, base, out


def test_sheet_gives_its_columns_statistics_trends_and_parquet(by_sheet):
    import pandas as pd

    status, _, out = by_sheet
    assert status == 0
    rows = rows_of(out / "summary.csv")
    assert len(rows) == 9 and rows[3]["operator"] == "X" and rows[3]["cycles"] == "300"
    assert {row["group"] for row in rows_of(out / "statistics.csv") if row["level"] == "condition"} == {
        "Al2O3",
        "LiNbO3",
    }
    trends = {row["group"]: row for row in rows_of(out / "trends.csv")}
    # made with 1.5 + 0.005 n nm
    assert float(trends["Al2O3"]["growth_low_95_nm"]) < 2.0 < float(trends["Al2O3"]["growth_high_95_nm"])
    assert json.loads((out / "statistics.json").read_text())["scans"][0]["condition"] == "Al2O3"
    table = pd.read_parquet(out / "summary.parquet")
    assert list(table.scan) == [row["scan"] for row in rows]
    assert len(pd.read_parquet(out / "good_00" / "profile.parquet")) == 24


def test_oxygen_of_a_coating_that_is_known_and_the_sheets_exposure_are_used(by_sheet):
    content = json.loads((by_sheet[2] / "good_00" / "result.json").read_text())
    assert content["sheet"]["coating"] == "Al2O3"
    inputs = content["required_diffusivity"]["inputs"]
    assert inputs["time"]["value"] == pytest.approx(2.75 * 3600) and inputs["coating"]["sigma"] == pytest.approx(1e-7)


def test_statistics_stand_in_the_report(by_sheet):
    page = (by_sheet[2] / "report.html").read_text()
    for words in ("Samples and conditions", "Trends with cycles", "LiNbO3", "p after Holm"):
        assert words in page


def test_command_of_a_result_repeats_it_exactly(by_sheet, tmp_path, monkeypatch):
    import shlex

    without_figures(monkeypatch)
    monkeypatch.chdir(tmp_path)
    content = json.loads((by_sheet[2] / "good_03" / "result.json").read_text())
    program, *words = shlex.split(content["provenance"]["repeat"])
    assert program == "oxyspy" and main([*words, "--quiet"]) == 0
    again = json.loads((tmp_path / "again" / "good_03" / "result.json").read_text())
    for name in ("layer", "states", "profile", "required_diffusivity", "recipe"):
        assert again[name] == content[name]


def test_mended_label_of_a_sheet_needs_no_second_analysis(by_sheet, tmp_path, monkeypatch):
    _, base, out = by_sheet
    monkeypatch.setattr("oxyspy.workflow.batch.run_job", lambda *a: pytest.fail("done already"))
    monkeypatch.setattr("oxyspy.workflow.batch.write_report", lambda *a: None)
    sheet = base / "mended.csv"
    sheet.write_text((base / "samples.csv").read_text().replace(",X\n", ",Y\n"))
    recipe = str(base / "quick.json")
    assert main(["analyse", "--sheet", str(sheet), "--recipe", recipe, "-o", str(out), "--quiet"]) == 0
    assert json.loads((out / "good_00" / "result.json").read_text())["sheet"]["operator"] == "Y"


def test_slips_of_a_sheet_end_with_status_1_before_anything_runs(tmp_path, capsys):
    sheet = tmp_path / "samples.csv"
    sheet.write_text("scan,coating_thickness,geometry\na,10,cube\n")
    assert main(["analyse", "--sheet", str(sheet), "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert all(part in told for part in (str(sheet), "line 2", "'coating_thickness'", "sphere, cylinder, plane"))
    assert not (tmp_path / "out").exists()
