import json

import pytest

import made_scans as made
from oxyspy.cli import main


def test_info_describes_scan_image_and_lone_low_loss(tmp_path, capsys):
    made.saved(made.core(), tmp_path / "scan" / "a.hspy")
    made.saved(made.low(), tmp_path / "scan" / "b.hspy")
    image = made.saved(made.image(), tmp_path / "haadf.hspy")
    assert main(["info", str(tmp_path / "scan"), str(image), str(tmp_path / "scan" / "b.hspy")]) == 0
    text = capsys.readouterr().out
    for words in ("scan: line scan", "step 0.5 nm", "50 x 40, pixel 0.1 nm", "low loss", "zero-loss peak at"):
        assert words in text


def test_info_describes_the_others_before_it_fails(tmp_path, capsys):
    good = made.saved(made.core(), tmp_path / "good.hspy")
    bad = tmp_path / "bad.dm4"
    bad.write_bytes(b"\0\0\0\4")
    assert main(["info", str(bad), str(good), str(tmp_path / "none.dm3")]) == 1
    out, err = capsys.readouterr()
    assert "good: line scan" in out
    assert "bad.dm4" in err
    assert "none.dm3: no such file" in err
    assert "Traceback" not in err


def test_info_json_is_read_by_other_programs(tmp_path, capsys):
    good = made.saved(made.core(step=1.0, length="px"), tmp_path / "good.hspy")
    assert main(["info", "--json", str(good), str(tmp_path / "none.dm3")]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["rows"], first["positions"], first["step_nm"]) == (1, 12, None)
    assert "no such file" in second["error"]


def test_info_shows_every_scan_of_a_folder(tmp_path, capsys):
    for name in ("p", "q"):
        made.saved(made.core(), tmp_path / name / "core.hspy")
    assert main(["info", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "p: line scan" in out
    assert "q: line scan" in out


@pytest.mark.parametrize("name", ["multi_signal.dm3", "test_diffraction_pattern_tags_removed.dm3", "EELS_SI.dm4"])
def test_info_describes_edge_cases_and_their_cut_copies_fail_by_name(shared_data, tmp_path, capsys, name):
    whole = shared_data / "dm-edge-cases" / name
    assert main(["info", str(whole)]) == 0
    assert name in capsys.readouterr().out
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert main(["info", str(cut)]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert name in err
    assert "ends too early" in err
