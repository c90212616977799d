"""The short tables of the site are read by the names of columns, wherever these stand."""

import pytest

import measured

PAGE = """\
# Title

| a | tool | b |
| --- | :--- | ---: |
| 1 | x | 2 |
| 3 | left out | |

Words.

| tool | c |
|---|---|
| y | 4 |
"""


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    return tmp_path / "benchmarks"


def test_table_is_found_by_its_columns_whatever_their_order(benchmarks):
    (benchmarks / "one.md").write_text(PAGE)
    assert measured.table_of("one", "c", "tool") == [{"tool": "y", "c": "4"}]
    assert measured.table_of("one", "b", "a")[0] == {"a": "1", "tool": "x", "b": "2"}


def test_column_that_is_gone_is_named(benchmarks):
    (benchmarks / "one.md").write_text(PAGE)
    with pytest.raises(LookupError, match=r"benchmarks/one.md has the columns tool, seconds"):
        measured.table_of("one", "tool", "seconds")


def test_times_are_of_the_largest_size_that_most_tools_were_run_at(benchmarks):
    head = "| spectra | tool | step | time over oxyspy's |\n| --- | --- | --- | --- |\n"
    rows = ["| 100 | oxyspy | fit | 1 |", "| 100 | eXSpy | fit | 5.04 |", "| 9000 | oxyspy | fit | 1 |"]
    (benchmarks / "results.md").write_text(head + "\n".join([*rows, "| 9000 | eXSpy | left out | | |"]))
    (row,) = measured.speed()
    assert row["spectra"] == "100" and row["eXSpy"] == "5.0" and row["pyEELSMODEL"] == "-"


@pytest.mark.parametrize("name", measured.SHORT)
def test_every_short_table_has_rows_of_one_width(name):
    lines = measured.markdown(measured.SHORT[name]()).splitlines()
    assert len(lines) > 2 and len({line.count("|") for line in lines}) == 1
