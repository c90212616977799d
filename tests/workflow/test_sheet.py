"""Sample sheets: what they mean, and that every slip is named by file, line and column."""

from pathlib import Path

import pytest

from oxyspy.errors import InputError, ReadError
from oxyspy.units import parse_measured
from oxyspy.workflow.jobs import Job, jobs_of_sheet, plan_of
from oxyspy.workflow.recipe import load_recipe
from oxyspy.workflow.sheet import read_sheet


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "samples.csv"
    path.write_bytes(text.encode(encoding))
    return path


def refused(tmp_path, text, error=InputError):
    with pytest.raises(error) as told:
        read_sheet(write(tmp_path, text))
    assert "samples.csv" in str(told.value)
    return str(told.value)


def test_units_stand_in_cells_or_headings_and_errors_in_either(tmp_path):
    sheet = read_sheet(write(tmp_path, (
        "scan,coating_thickness,exposure_h\n"
        "a,10 +- 1 nm,2.5\n"
        "b,1.2 ± 0.1 nm,30 min\n"
    )))  # fmt: skip
    assert sheet.entries[0].transport == {"coating": "10 +- 1 nm", "exposure": "2.5 h"}
    assert sheet.entries[1].transport == {"coating": "1.2 +- 0.1 nm", "exposure": "30 min"}
    apart = read_sheet(write(tmp_path, "scan,Coating thickness (nm),coating thickness error (nm)\na,10,1\n"))
    assert apart.entries[0].transport["coating"] == "10 +- 1 nm"
    # the recipe takes them as they are
    recipe = load_recipe("nmc").with_transport(**sheet.entries[0].transport)
    assert recipe.transport.exposure == "2.5 h"


def test_sheets_of_a_german_excel_are_read(tmp_path):
    """Semicolons, decimal commas, a plus-minus sign in the code page of Windows."""
    text = "Scan;Sample;coating thickness;cycles\nä;Probe 1;10,5 ± 0,5 nm;100\n\n"
    sheet = read_sheet(write(tmp_path, text, "cp1252"))
    (entry,) = sheet.entries
    assert (entry.scan, entry.known["sample"], entry.known["cycles"]) == ("ä", "Probe 1", "100")
    assert entry.transport["coating"] == "10.5 +- 0.5 nm"
    # what is carried is what was written
    assert entry.cells["coating thickness"] == "10,5 ± 0,5 nm"


@pytest.mark.parametrize(
    ("headings", "cells", "coating"),
    [
        ("coating thickness ± error (nm)", "10 ± 1", "10 +- 1 nm"),
        ("coating thickness (nm),coating thickness (nm) error", "10,1", "10 +- 1 nm"),
        ("coating_nm,coating error (nm)", "10,1", "10 +- 1 nm"),
        ("Coating (nm)", "10", "10 nm"),
        ("coating thickness", "10 nm ± 1 nm", "10 nm +- 1 nm"),
        ("coating thickness", "10 nm ± 10 %", "10 nm +- 10 %"),
        ("coating thickness [nm],coating thickness std", "10,1", "10 +- 1 nm"),
    ],
)
def test_headings_as_people_write_them_are_understood(tmp_path, headings, cells, coating):
    (entry,) = read_sheet(write(tmp_path, f"scan,{headings}\na,{cells}\n")).entries
    assert entry.transport == {"coating": coating}
    assert parse_measured(entry.transport["coating"], "nm")[0] == 10
    assert load_recipe("nmc").with_transport(**entry.transport)


@pytest.mark.parametrize("heading", ["cycle", "Cycle number", "number of cycles", "num_cycles", "No. of cycles"])
def test_cycles_have_many_names(tmp_path, heading):
    assert read_sheet(write(tmp_path, f"scan,{heading}\na,300\n")).entries[0].known["cycles"] == "300"


def test_what_looks_like_a_quantity_and_is_not_used_is_said(tmp_path):
    sheet = read_sheet(write(tmp_path, "scan,operator,specimen thickness (nm),cycles\na,X,50,3\n"))
    (note,) = sheet.notes
    assert "'specimen thickness (nm)' are carried along and not used" in note and "operator" not in note
    assert sheet.entries[0].transport == {}


@pytest.mark.parametrize("cell", ["n/a", "NaN", "-", "?", "unknown"])
def test_number_that_is_not_known_is_none(tmp_path, cell):
    sheet = read_sheet(write(tmp_path, f"scan,coating_thickness_nm,cycles,coating\na,{cell},{cell},none\n"))
    (entry,) = sheet.entries
    assert entry.transport == {} and entry.known["cycles"] == "" and entry.known["coating"] == "none"
    assert entry.cells["cycles"] == cell


def test_paths_of_windows_are_read(folders):
    (job,), _, _ = jobs_of_sheet(read_sheet(write(folders, "scan\nA\\scan_1\n")))
    assert job.files == (str(folders / "A" / "scan_1"),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_files_of_any_program_are_read(tmp_path, encoding, end):
    text = "sep=;\nscan;sample;coating thickness (nm)\nx;Größe, 2;1,5\n".replace("\n", end)
    path = tmp_path / "samples.csv"
    path.write_bytes(b"\xfe\xff" * (encoding == "utf-16-be") + text.encode(encoding))
    (entry,) = read_sheet(path).entries
    assert (entry.line, entry.known["sample"], entry.transport["coating"]) == (3, "Größe, 2", "1.5 nm")


@pytest.mark.parametrize("text", ['x,y.dm4,"0, 1.5, 20, 1.5"', "x,y.dm4,0 1.5 20 1.5", "x,y.dm4,(0; 1.5; 20; 1.5)"])
def test_line_on_an_image_is_read(tmp_path, text):
    (entry,) = read_sheet(write(tmp_path, f"scan,image,image_line\n{text}\n")).entries
    assert entry.image_line == (0, 1.5, 20, 1.5)


def test_other_columns_are_carried_and_empty_cells_leave_the_recipes_value(tmp_path):
    sheet = read_sheet(write(tmp_path, "scan,exposure,operator,sample_id\na,,A. B.,7\n"))
    assert sheet.headings == ("exposure", "operator", "sample_id")
    assert sheet.entries[0].transport == {} and sheet.entries[0].cells["operator"] == "A. B."


def test_a_known_coating_brings_its_oxygen(tmp_path):
    from oxyspy.transport import coatings
    from oxyspy.units import parse

    sheet = read_sheet(write(tmp_path, "scan,coating\na,Al2O3\nb,unobtainium\n"))
    known = parse(sheet.entries[0].transport["concentration"], "1/cm**3")
    assert known == pytest.approx(coatings()["Al2O3"].oxygen.concentration, rel=1e-3)
    assert sheet.entries[1].transport == {}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("scan,coating_thickness\na,10\n", ("line 2", "'coating_thickness'", "no unit")),
        ("scan,exposure\n\n# a remark\na,10 nm\n", ("line 4", "'exposure'", "converts to s")),
        ("scan,exposure_nm\na,10\n", ("line 1", "'exposure_nm'", "converts to s")),
        ("scan,coating_thickness\na,ten nm\n", ("line 2", "cannot read 'ten nm'")),
        ("scan,coating_thickness_nm\na,-3\n", ("line 2", "above 0")),
        ("scan,coating\na,10 nm\n", ("line 2", "'coating'", "'coating_thickness'")),
        ("scan,cycles\na,many\n", ("line 2", "'cycles'", "found 'many'")),
        ("scan,exposre\na,1 h\n", ("line 1", "'exposre'", "did you mean 'exposure'")),
        ("scan,Samples\na,x\n", ("line 1", "'Samples'", "did you mean 'sample'")),
        ("scan,cycles,cycles\na,1,2\n", ("line 1", "two of it")),
        ("scan,layer_nm\na,2\n", ("line 1", "'layer_nm'", "summary.csv")),
        ("sample,cycles\na,2\n", ("no column 'scan'", "'sample'")),
        ("scan,cycles\na,1,2\n", ("line 2", "3 cells for 2 headings")),
        ("scan,cycles\n,1\n", ("line 2", "'scan'", "empty")),
        ("scan,geometry\na,cube\n", ("line 2", "'cube'", "sphere, cylinder, plane")),
        ("scan,coating_thickness_error_nm\na,1\n", ("line 1", "no column 'coating_thickness'")),
        ("scan,coating_thickness_nm,coating_thickness_sigma\na,3 +- 1,1\n", ("line 2", "another")),
        ("scan,low_loss\na,b.dm4\n", ("line 2", "'low_loss'", "'core'")),
        ("scan,thickness (nm)\na,10\n", ("line 1", "'thickness (nm)'", "'coating_thickness'")),
        ("scan,thickness error\na,1\n", ("line 1", "of what?")),
        ("scan,exposure time (s)\na,0.1\n", ("line 1", "That at high voltage is 'exposure'")),
        ("scan,image,image_line\na,b.dm4,1 2 3\n", ("line 2", "'image_line'", "x1 y1 x2 y2 in nm")),
        ("scan,image_line\na,1 2 3 4\n", ("line 2", "needs an 'image'")),
        ("scan\n", ("no scans",)),
        ("", ("empty sheet",)),
    ],
)
def test_slips_are_named_by_line_and_column_with_what_to_do(tmp_path, text, parts):
    told = refused(tmp_path, text)
    assert all(part in told for part in parts), told


def test_all_slips_are_told_at_once(tmp_path):
    told = refused(tmp_path, "scan,exposure,cycles\na,5,x\nb,1 h,1\nc,2 nm,3\n")
    assert all(part in told for part in ("line 2", "line 4", "'cycles'", "'exposure'")) and "line 3" not in told


def test_workbooks_and_missing_files_are_refused(tmp_path):
    with pytest.raises(ReadError, match="save the sheet as CSV"):
        read_sheet(tmp_path / "samples.xlsx")
    with pytest.raises(ReadError, match="No such file"):
        read_sheet(tmp_path / "nowhere.csv")


@pytest.fixture
def folders(tmp_path):
    """Two samples with a scan of the same name each, and one file that is no scan."""
    for sample in ("A", "B"):
        (tmp_path / sample / "scan_1").mkdir(parents=True)
        (tmp_path / sample / "scan_1" / "core_loss.dm4").write_bytes(b"unreadable")
    return tmp_path


def test_paths_are_the_sheets_own_and_scans_of_one_name_stay_apart(folders):
    sheet = read_sheet(write(folders, "scan,sample\nB/scan_1,B\nA/scan_1,A\n"))
    jobs, entries, without = jobs_of_sheet(sheet)
    assert len(jobs) == 2 and without == []
    for job in jobs:
        assert f"/{entries[job.name].known['sample']}/" in job.files[0]
    assert [entries[job.name].known["sample"] for job in jobs] == ["B", "A"]


def test_scans_that_are_given_are_matched_by_name_or_path(folders):
    sheet = read_sheet(write(folders, "scan,sample\nA/scan_1,A\n"))
    jobs, entries, without = jobs_of_sheet(sheet, [folders / "A" / "scan_1", folders / "B" / "scan_1"])
    assert len(jobs) == 2 and len(entries) == 1 and len(without) == 1
    with pytest.warns(UserWarning, match="no line for"):
        plan = plan_of([folders / "A" / "scan_1", folders / "B" / "scan_1"], load_recipe("nmc"), sheet.path)
    assert sorted(label.get("sample", "") for label in plan.labels.values()) == ["", "A"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("A/scan_2,A", "no file or folder 'A/scan_2'"), ("A/scan_1,A\nA/scan_1,A", "stands on line 2 already")],
)
def test_lines_that_name_no_scan_or_one_twice_are_refused(folders, line, said):
    with pytest.raises(InputError, match=said):
        jobs_of_sheet(read_sheet(write(folders, f"scan,sample\n{line}\n")))


def test_names_with_blanks_and_letters_of_all_languages_are_found_among_sources(tmp_path):
    for name in ("scan 1", "scan_1", "Probe ä (2)"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "core_loss.dm4").write_bytes(b"unreadable")
    sheet = read_sheet(write(tmp_path, "scan,sample\nscan 1,A\nscan_1,B\nProbe ä (2),C\n"))
    jobs, entries, without = jobs_of_sheet(sheet, [tmp_path / "in"])
    found = {Path(job.files[0]).name: entries[job.name].known["sample"] for job in jobs}
    assert found == {"scan 1": "A", "scan_1": "B", "Probe ä (2)": "C"} and without == []
    assert len({job.name for job in jobs}) == 3


def test_a_scan_named_by_its_folder_and_by_a_file_in_it_is_one(folders):
    sheet = read_sheet(write(folders, "scan\nA/scan_1\nA/scan_1/core_loss.dm4\n"))
    with pytest.raises(InputError, match=r"line 3.*stands on line 2 already"):
        jobs_of_sheet(sheet)


def test_two_lines_with_files_of_their_own_may_bear_one_name(folders):
    text = "scan,core\nx,A/scan_1/core_loss.dm4\nx,B/scan_1/core_loss.dm4\n"
    jobs, _, _ = jobs_of_sheet(read_sheet(write(folders, text)))
    assert [job.name for job in jobs] == ["x", "x-2"]


def test_a_name_that_is_nearly_right_is_offered(folders):
    sheet = read_sheet(write(folders, "scan\nscan_l\n"))
    with pytest.raises(InputError, match="line 2, column 'scan'.*did you mean scan_1"):
        jobs_of_sheet(sheet, [folders / "A" / "scan_1"])


def test_core_and_low_loss_may_stand_in_columns_of_their_own(folders):
    sheet = read_sheet(write(folders, "scan,core,low_loss\nx,A/scan_1/core_loss.dm4,B/scan_1/core_loss.dm4\n"))
    jobs, _, _ = jobs_of_sheet(sheet)
    assert isinstance(jobs[0], Job) and jobs[0].core.endswith("A/scan_1/core_loss.dm4") and jobs[0].low_loss


def test_conditions_come_from_the_columns_asked_for(folders):
    path = write(folders, "scan,coating,cycles,cell\nA/scan_1,Al2O3,100,x\nB/scan_1,,200,x\n")
    recipe = load_recipe("nmc")
    assert sorted(label["condition"] for label in plan_of([], recipe, path).labels.values()) == ["", "Al2O3"]
    both = plan_of([], recipe, path, by=["cell", "coating"])
    assert sorted(label["condition"] for label in both.labels.values()) == ["x", "x · Al2O3"]
    with pytest.raises(InputError, match="no column 'batch'"):
        plan_of([], recipe, path, by="batch")
