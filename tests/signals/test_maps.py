"""Maps made when asked for, and all of one pass."""

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.signals.maps import SignalMaps

VALUES = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def maps():
    """Two lazy maps of one task, and how often that task ran and which maps were made."""
    seen = {"runs": 0, "made": []}

    def run(block):
        seen["runs"] += 1
        return block

    once = da.from_array(VALUES, chunks=-1).map_blocks(run, dtype=float, meta=VALUES[:0])

    def made(name):
        seen["made"].append(name)
        signal = hs.signals.Signal2D(once * {"one": 1, "two": 2}[name]).as_lazy()
        signal.metadata.set_item("oxyspy.method", name)
        return signal

    return SignalMaps(("one", "two"), made), seen


def test_a_map_is_made_once_and_when_it_is_asked_for(maps):
    maps, seen = maps
    assert list(maps) == ["one", "two"] and len(maps) == 2 and "two" in maps and not seen["made"]
    assert maps["two"] is maps["two"] and seen["made"] == ["two"]
    assert repr(maps) == "<SignalMaps: one, two>"
    with pytest.raises(KeyError):
        maps["three"]


def test_all_are_computed_and_saved_of_one_pass(maps, tmp_path):
    maps, seen = maps
    found = maps.compute()
    assert seen["runs"] == 1
    assert not found["one"]._lazy and maps["one"]._lazy
    np.testing.assert_array_equal(found["two"].data, 2 * VALUES)
    assert found["two"].metadata.oxyspy.method == "two"
    maps.save(tmp_path / "new", scheduler="synchronous")
    assert seen["runs"] == 2
    np.testing.assert_array_equal(hs.load(tmp_path / "new" / "two.hspy").data, 2 * VALUES)
    # in memory nothing is left to compute
    found.compute()["one"].save(tmp_path / "one.hspy")
    assert seen["runs"] == 2
