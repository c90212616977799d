"""Random packings keep their distances, by the embedded way and by Packmol."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxyspy.dynamics import random_packing
from oxyspy.errors import InputError


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 2.2))
def test_a_random_packing_keeps_its_distances_and_density(seed, density):
    atoms = random_packing({"Li": 20, "Al": 10, "O": 25}, density, np.random.default_rng(seed))
    distances = atoms.get_all_distances(mic=True) + 9 * np.eye(55)
    assert distances.min() >= 1.6
    oxygen = atoms.symbols == "O"
    assert distances[np.ix_(oxygen, oxygen)].min() >= 2.0
    assert atoms.get_masses().sum() / 0.602214 / atoms.get_volume() == pytest.approx(density, rel=1e-4)


def test_no_room_is_told(monkeypatch, tmp_path):
    # without Packmol
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="lower density to start from, or install Packmol"):
        random_packing({"Li": 40, "O": 40}, 8.0, np.random.default_rng(0))


@pytest.mark.skipif(shutil.which("packmol") is None, reason="needs Packmol: apt-get install packmol")
def test_packmol_packs_what_finds_no_room_one_by_one(monkeypatch, tmp_path):
    counts, density = {"Li": 40, "O": 40}, 3.0
    atoms = random_packing(counts, density, np.random.default_rng(0))
    distances = atoms.get_all_distances(mic=True) + 9 * np.eye(80)
    # Packmol's tolerance is 1 %
    assert distances.min() >= 0.99 * 1.6
    assert str(atoms.symbols) == "Li40O40"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError):
        random_packing(counts, density, np.random.default_rng(0))
