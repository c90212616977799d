"""Files appear whole or not at all."""

import json
import os
import stat
from dataclasses import dataclass

import numpy as np
import pytest

from oxyspy.errors import OxyspyError
from oxyspy.files import sha256, whole_file, write_json, write_text
from oxyspy.results import Result, to_plain


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(RuntimeError), whole_file(path) as aside:
        aside.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_new_files_have_the_permissions_of_any_new_file(tmp_path):
    write_text(tmp_path / "ours.txt", "x")
    (tmp_path / "theirs.txt").write_text("x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours.txt", "theirs.txt")}
    assert len(modes) == 1


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OxyspyError, match="below.txt"):
        write_text(tmp_path / "file" / "below.txt", "x")


def test_hash_is_that_of_the_standard(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@dataclass(frozen=True)
class Thing(Result):
    name: str
    values: np.ndarray
    unknown: float


def test_results_are_json_that_any_program_reads(tmp_path):
    thing = Thing("thing", np.array([1.5, np.nan, np.inf]), float("nan"))
    write_json(tmp_path / "thing.json", {"result": thing, "count": np.int64(3), "there": np.bool_(True)})
    content = json.loads((tmp_path / "thing.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert content == {
        "result": {"name": "thing", "values": [1.5, None, None], "unknown": None},
        "count": 3,
        "there": True,
    }
    assert thing.to_dict() == content["result"]


def test_what_has_no_plain_form_is_named():
    with pytest.raises(TypeError, match="object"):
        to_plain({"x": object()})
