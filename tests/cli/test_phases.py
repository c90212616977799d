"""``oxyspy phases``: its files, its exit status, and that a failure stops nothing."""

import csv
import json

import hyperspy.api as hs
import numpy as np
import pytest
import yaml

from oxyspy.cli import main
from oxyspy.simulate import simulate_image

COLUMNS = [
    "image",
    "status",
    "phases",
    "layer_phase",
    "layer_nm",
    "layer_sigma_nm",
    "layer_supported",
    "scale_error_x",
    "scale_error_y",
    "message",
]


def table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def save(path, counts, pixel=0.02, units="nm"):
    image = hs.signals.Signal2D(counts)
    image.axes_manager.signal_axes.set(scale=pixel, units=units)
    image.save(path)
    return str(path)


def test_dm4_gives_all_files_and_the_true_layer(test_data, tmp_path):
    truth = yaml.safe_load((test_data / "haadf" / "truth.yaml").read_text())["rocksalt_2nm.dm4"]
    assert main(["phases", str(test_data / "haadf" / "rocksalt_2nm.dm4"), "-o", str(tmp_path), "--quiet"]) == 0
    (row,) = table(tmp_path / "summary.csv")
    assert list(row) == COLUMNS
    assert (row["status"], row["layer_phase"], row["layer_supported"]) == ("ok", "rocksalt", "true")
    assert float(row["layer_nm"]) == pytest.approx(truth["thickness_nm"], abs=3 * float(row["layer_sigma_nm"]))
    # line jitter and drift of the simulated scan strain it by up to a percent
    assert float(row["scale_error_x"]) == pytest.approx(truth["scale_error_x"], abs=0.012)
    assert float(row["scale_error_y"]) == pytest.approx(truth["scale_error_y"], abs=0.012)
    folder = tmp_path / "rocksalt_2nm"
    tables, figures = {"map.csv", "boundaries.csv", "layer.csv"}, {"map.png", "orders.png", "spots.png", "profile.png"}
    assert {p.name for p in folder.iterdir()} == tables | figures | {"result.json"}
    assert set(table(folder / "boundaries.csv")[0]) == {"boundary", "between", "x_nm", "y_nm"}
    strips = table(folder / "layer.csv")
    assert np.mean([float(r["layer_nm"]) for r in strips]) == pytest.approx(float(row["layer_nm"]), abs=0.1)
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/webp") == 4 and f"<td>rocksalt, {float(row['layer_nm']):.2f}" in page
    windows = table(folder / "map.csv")
    assert {"x_nm", "y_nm", "phase", "probability", "alternative"} <= set(windows[0])
    assert {w["phase"] for w in windows} >= {"layered", "rocksalt"}
    result = json.loads((folder / "result.json").read_text())
    assert len(result["provenance"]["inputs"]["rocksalt_2nm.dm4"]) == 64
    assert result["layer"]["method"]
    assert "lithium" in result["map"]["cannot_tell"]


def test_failed_images_are_named_and_stop_nothing(tmp_path):
    good = save(tmp_path / "good.hspy", simulate_image((448, 448), shell=None, seed=2).counts)
    bare = save(tmp_path / "bare.hspy", np.random.default_rng(0).poisson(9, (128, 128)), 1.0, "")
    noise = save(tmp_path / "noise.hspy", np.random.default_rng(0).poisson(9, (256, 256)))
    out = tmp_path / "out"
    assert main(["phases", bare, str(tmp_path / "none.dm4"), noise, good, good, "-o", str(out), "--quiet"]) == 0
    rows = {row["image"]: row for row in table(out / "summary.csv")}
    assert list(rows) == ["bare", "none", "noise", "good", "good-2"]
    assert [row["status"] for row in rows.values()] == ["failed", "failed", "failed", "ok", "ok"]
    assert "no length calibration" in rows["bare"]["message"]
    assert "no such file" in rows["none"]["message"]
    assert "not indexed" in rows["noise"]["message"]
    # pristine: measured, no layer, an upper limit
    assert rows["good"]["layer_supported"] == "false"
    assert rows["good"]["layer_nm"] == ""
    assert "below" in rows["good"]["message"]
    assert main(["phases", bare, "-o", str(out), "--quiet"]) == 1


def test_pixel_size_and_phases_can_be_given(tmp_path):
    image = save(tmp_path / "image.hspy", simulate_image((400, 400), seed=4).counts, 1.0, "")
    out = tmp_path / "out"
    arguments = [
        "phases",
        image,
        "-o",
        str(out),
        "--pixel",
        "0.2 angstrom",
        "--phases",
        "LiNiO2, CoO",
        "--window",
        "0.9nm",
    ]
    assert main([*arguments, "--quiet"]) == 0
    (row,) = table(out / "summary.csv")
    assert row["status"] == "ok"
    assert json.loads((out / "image" / "result.json").read_text())["map"]["candidates"] == ["LiNiO2", "CoO"]


def test_image_without_a_surface_is_partial_and_says_so(tmp_path):
    image = save(tmp_path / "inner.hspy", simulate_image((320, 320), shell=None, surface_at=-0.6, seed=4).counts)
    assert main(["phases", image, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    (row,) = table(tmp_path / "out" / "summary.csv")
    assert row["status"] == "partial"
    assert "no surface" in row["message"]


@pytest.mark.parametrize(
    "arguments", [["a.dm4"], ["a.dm4", "-o", "x", "--window", "wide"], ["a.dm4", "-o", "x", "--window", "-1"]]
)
def test_bad_usage_is_status_2(arguments):
    with pytest.raises(SystemExit) as stop:
        main(["phases", *arguments])
    assert stop.value.code == 2


def test_unknown_phase_is_status_1_and_lists_the_known(capsys, tmp_path):
    assert main(["phases", "a.dm4", "-o", str(tmp_path), "--phases", "wurtzite"]) == 1
    assert "known: layered, spinel, rocksalt" in capsys.readouterr().err


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["phases", "--help"])
    assert "oxyspy phases haadf.dm4 -o out" in capsys.readouterr().out


def test_the_layer_of_the_spectra_is_tested_against_the_image(test_data, tmp_path):
    image = str(test_data / "haadf" / "rocksalt_2nm.dm4")
    for spectra, word in (("2.1+-0.3nm", "agree"), ("6.0+-0.3nm", "DISAGREE")):
        assert main(["phases", image, "-o", str(tmp_path), "--quiet", "--spectra", spectra]) == 0
        (row,) = table(tmp_path / "summary.csv")
        assert f"the two witnesses {word}" in row["message"]
        found = json.loads((tmp_path / "rocksalt_2nm" / "result.json").read_text())["with_spectra"]
        assert found["agree"] is (word == "agree")
    with pytest.raises(SystemExit) as stop:
        main(["phases", image, "-o", str(tmp_path), "--spectra", "2.1nm"])
    assert stop.value.code == 2


def test_image_of_another_crystal_is_partial_with_its_name_and_pixel_errors(shared_data, tmp_path):
    real = shared_data / "srtio3-adf"
    out = tmp_path / "out"
    assert main(["phases", str(real / "16_STOimage_1.ser"), "-o", str(out), "--quiet"]) == 0
    (row,) = table(out / "summary.csv")
    assert (row["status"], row["phases"], row["layer_supported"]) == ("partial", "SrTiO3 [1 0 0]", "false")
    assert float(row["scale_error_x"]) == pytest.approx(-0.029, abs=0.002)
    assert float(row["scale_error_y"]) == pytest.approx(-0.041, abs=0.002)
    assert row["message"].startswith("SrTiO3 [1 0 0] (posterior 1.00), pixel size off by -2.9")
    assert "not indexed as layered, spinel or rocksalt" in row["message"]
    result = json.loads((out / "16_STOimage_1" / "result.json").read_text())
    assert result["map"] is None and result["identity"]["candidates"][0]["n_missing"] >= 0
    # a file whose axes have no unit, read with the pixel size given
    adf = str(real / "test_ADF_cropped.hdf5")
    arguments = ["phases", adf, "-o", str(out), "--quiet", "--phases", "SrTiO3,Si", "--identify"]
    assert main(arguments) == 1
    assert "or --pixel 0.02nm here" in table(out / "summary.csv")[0]["message"]
    assert main([*arguments, "--pixel", "0.00932627nm", "--zone", "1,1,0", "--zone", "1 0 0"]) == 0
    (row,) = table(out / "summary.csv")
    assert (row["status"], row["phases"]) == ("ok", "SrTiO3 [1 1 0]")


def test_candidates_come_from_names_files_and_single_phases_of_files(tmp_path):
    from pymatgen.core import Lattice, Structure

    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.3), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    structure.to(filename=str(tmp_path / "wustite.cif"))
    (tmp_path / "mine.yaml").write_text(
        "phases:\n"
        "  mine: {family: spinel, spacegroup: Fd-3m, cell: {a: 8.3}, rocksalt: doubled,\n"
        "         sites: [{species: {Li: 1}, xyz: [0, 0, 0]}, {species: {Mn: 1}, xyz: [0.625, 0.625, 0.625]},\n"
        "                 {species: {O: 1}, xyz: [0.3875, 0.3875, 0.3875]}]}\n"
        "  not asked for: {cif: nowhere.cif}\n"
    )
    image = save(tmp_path / "image.hspy", simulate_image((400, 400), seed=4).counts)
    phases = f"layered,{tmp_path / 'mine.yaml'}:mine,{tmp_path / 'wustite.cif'}"
    assert main(["phases", image, "-o", str(tmp_path / "out"), "--quiet", "--phases", phases]) == 0
    result = json.loads((tmp_path / "out" / "image" / "result.json").read_text())
    assert result["map"]["candidates"] == ["NMC532", "mine", "wustite"]


def test_hrtem_is_mapped_as_a_hint(tmp_path):
    image = save(tmp_path / "image.hspy", simulate_image((400, 400), dose=1e4, seed=4).counts)
    assert main(["phases", image, "-o", str(tmp_path / "out"), "--quiet", "--hrtem"]) == 0
    (row,) = table(tmp_path / "out" / "summary.csv")
    assert row["status"] == "partial" and "HRTEM image: its contrast is not Z-contrast" in row["message"]
    result = json.loads((tmp_path / "out" / "image" / "result.json").read_text())
    assert any("not Z-contrast" in text for text in result["layer"]["warnings"])


def test_region_that_calibrates_is_given_in_nm(tmp_path):
    image = save(tmp_path / "image.hspy", simulate_image((400, 400), dose=1e4, seed=4).counts)
    assert main(["phases", image, "-o", str(tmp_path / "out"), "--quiet", "--bulk", "5.5,1,7.5,7"]) == 0
    assert main(["phases", image, "-o", str(tmp_path / "bad"), "--quiet", "--bulk", "0,0,0.5,0.5"]) == 1
    assert "crystalline windows in it" in table(tmp_path / "bad" / "summary.csv")[0]["message"]


def test_layer_of_an_analysed_scan_is_read_from_its_result(test_data, tmp_path, capsys):
    image = str(test_data / "haadf" / "rocksalt_2nm.dm4")
    layer = {"supported": False, "thickness_nm": None, "sigma_nm": None, "upper_limit_nm": 1.0}
    (tmp_path / "result.json").write_text(json.dumps({"layer": layer}))
    arguments = ["phases", image, "-o", str(tmp_path / "out"), "--quiet", "--spectra"]
    assert main([*arguments, str(tmp_path / "result.json")]) == 0
    (row,) = table(tmp_path / "out" / "summary.csv")
    assert row["status"] == "partial"
    assert "DISAGREE" in row["message"] and "none above 1.00 nm (95 %) by the spectra" in row["message"]
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(SystemExit):
        main([*arguments, str(tmp_path / "other.json")])
    assert "holds no layer" in capsys.readouterr().err


def test_layer_that_cannot_be_fitted_costs_no_map(tmp_path, monkeypatch, capsys):
    from oxyspy.lattice import thickness

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("somewhere in the fit")

    monkeypatch.setattr(thickness, "LayerFit", broken)
    image = save(tmp_path / "image.hspy", simulate_image((400, 400), dose=1e4, seed=4).counts)
    assert main(["phases", image, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    (row,) = table(tmp_path / "out" / "summary.csv")
    assert row["status"] == "partial" and "no layer measured: unexpected ZeroDivisionError" in row["message"]
    assert (tmp_path / "out" / "image" / "map.png").is_file()
