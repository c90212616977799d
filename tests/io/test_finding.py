import pytest

import made_scans as made
from oxyspy import load_scan
from oxyspy.errors import InputError, ReadError
from oxyspy.io import find_scans


def a_scan(folder, core="core.hspy", low="low.hspy", shape=(1, 12)):
    made.saved(made.core(shape), folder / core)
    made.saved(made.low(shape), folder / low)


def names(paths):
    return [source.name for source in find_scans(paths)]


def test_folders_of_folders_give_each_scan_once(tmp_path):
    a_scan(tmp_path / "day 1" / "a")
    a_scan(tmp_path / "day 1" / "b")
    a_scan(tmp_path / "day 2" / "a")
    made.saved(made.image(), tmp_path / "overview" / "haadf.hspy")
    assert names(tmp_path) == ["day 1_a", "b", "day 2_a"]
    assert names([tmp_path / "day 1" / "a", str(tmp_path / "day 1" / "*")]) == ["a", "b"]


def test_pairs_of_one_folder_are_told_by_name_where_shape_cannot(tmp_path):
    for number in (1, 2, 10):
        a_scan(tmp_path, f"scan{number}_core.hspy", f"scan{number}_low.hspy")
    a_scan(tmp_path, "x.hspy", "y.hspy", shape=(2, 9))
    found = {source.name: source for source in find_scans(tmp_path)}
    assert sorted(found) == ["scan1", "scan10", "scan2", "x"]
    for number in (1, 2, 10):
        assert [path.name for path in found[f"scan{number}"].files] == [
            f"scan{number}_core.hspy",
            f"scan{number}_low.hspy",
        ]
    assert load_scan(found["scan10"]).name == "scan10"
    assert load_scan(found["x"]).navigation_shape == (2, 9)


def test_names_that_differ_in_front_pair_by_their_ends(tmp_path):
    for number in (1, 2):
        a_scan(tmp_path, f"EELS core {number}.hspy", f"EELS low {number}.hspy")
    for source in find_scans(sorted(tmp_path.iterdir())):
        assert len({path.stem[-1] for path in source.files}) == 1


def test_pairs_that_nothing_tells_apart_are_refused_on_loading(tmp_path):
    made.saved(made.core(), tmp_path / "p.hspy")
    made.saved(made.core(), tmp_path / "q.hspy")
    made.saved(made.low(), tmp_path / "r.hspy")
    made.saved(made.low(), tmp_path / "s.hspy")
    for source in find_scans(tmp_path):
        with pytest.raises(InputError, match="say which"):
            load_scan(source)


def test_what_cannot_be_read_is_a_source_whose_loading_says_why(tmp_path):
    a_scan(tmp_path / "good")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "core.dm3").write_bytes(b"\0\0\0\3")
    sources = find_scans([tmp_path, tmp_path / "typo.dm4"])
    assert [source.name for source in sources] == ["cut", "good", "typo"]
    for source, words in ((sources[0], "core.dm3"), (sources[2], "no such file")):
        with pytest.raises(ReadError, match=words):
            load_scan(source)


def test_results_of_an_analysis_are_no_scans(tmp_path):
    a_scan(tmp_path / "scan")
    a_scan(tmp_path / "out" / "scan")
    (tmp_path / "out" / "scan" / "result.json").write_text("{}")
    assert names(tmp_path) == ["scan"]


def test_real_folders_are_found(shared_data):
    assert set(names(shared_data)) >= {"nmc-cathode", "mno-dual-eels", "srtio3-core-loss"}
