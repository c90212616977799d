"""Expected spots against tabulated lengths and intensities."""

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.lattice import crystal, expected_spots, low_index_zones


def of(spots, h, k, l):
    """Length, and intensities by projection and electrons in percent of the strongest."""
    i = int(np.flatnonzero(np.all(spots.hkl == (h, k, l), axis=1))[0])
    projected = np.abs(spots.amplitude) ** 2
    return spots.length[i], 100 * projected[i] / projected.max(), 100 * (spots.kinematical / spots.kinematical.max())[i]


@pytest.mark.parametrize(
    ("name", "zone", "hkl", "length", "projected", "electrons"),
    [
        # lengths to the last digit, intensities as tabulated for B = 0.5 A^2 (2 percent points for another table of f)
        ("LiNiO2", (1, 0, 0), (0, 0, 3), 2.113, 69, 48),
        ("LiNiO2", (1, 0, 0), (0, 0, 6), 4.225, 41, 6),
        ("LiNiO2", (1, 0, 0), (0, 1, -1), 4.071, 60, 19),
        ("LiNiO2", (1, 0, 0), (0, 1, -4), 4.900, 100, 100),
        ("NiO", (1, 1, 0), (1, -1, 1), 4.144, 63, 22),
        ("NiO", (1, 1, 0), (0, 0, 2), 4.785, 100, 100),
        ("NiO", (1, 1, 0), (2, -2, 0), 6.767, 94, 50),
        ("LiMn2O4", (1, 1, 0), (1, -1, 1), 2.112, 18, 27),
        ("LiMn2O4", (1, 1, 0), (1, -1, 3), 4.045, 16, 14),
        ("LiMn2O4", (1, 1, 0), (2, -2, 2), 4.225, 33, 2),
        ("LiMn2O4", (1, 1, 0), (0, 0, 4), 4.878, 100, 100),
        ("LiMn2O4", (1, 1, 0), (2, -2, 0), 3.449, 0.03, 1),
    ],
)
def test_spots_are_as_tabulated(name, zone, hkl, length, projected, electrons):
    g_max = 7.2 if name == "NiO" else 5.0
    found = of(expected_spots(crystal(name), zone, g_max), *hkl)
    assert found[0] == pytest.approx(length, abs=0.001)
    assert found[1] == pytest.approx(projected, abs=2)
    assert found[2] == pytest.approx(electrons, abs=2)


def test_along_rocksalt_112_layered_shows_only_00l_and_110_below_7_2():
    spots = expected_spots(crystal("LiNiO2"), (1, -1, 0), 7.19)
    seen = {tuple(abs(i) for i in hkl) for hkl in spots.hkl[~spots.extinct]}
    assert seen == {(0, 0, 3), (0, 0, 6), (0, 0, 9), (1, 1, 0)}


def test_forbidden_002_of_spinel_is_extinct_yet_reached_by_double_diffraction():
    spots = expected_spots(crystal("LiMn2O4"), (1, 1, 0))
    i = int(np.flatnonzero(np.all(spots.hkl == (0, 0, 2), axis=1))[0])
    assert spots.extinct[i]
    assert spots.double_diffraction[i]
    assert "double diffraction" in str(spots)


def test_rocksalt_has_no_half_order_spot_to_be_reached():
    spots = expected_spots(crystal("NiO"), (1, 1, 0))
    assert not spots.extinct.any()
    assert spots.length.min() == pytest.approx(4.144, abs=0.001)


def test_fundamental_of_rocksalt_is_twice_that_of_layered():
    layered, rocksalt = (
        expected_spots(crystal("LiNiO2"), (1, 0, 0), 5.1),
        expected_spots(crystal("NiO"), (1, 1, 0), 5.1),
    )
    ours = np.abs(layered.amplitude[np.all(layered.hkl == (0, 0, 6), axis=1)])
    theirs = np.abs(rocksalt.amplitude[np.all(rocksalt.hkl == (1, -1, 1), axis=1)])
    # multislice of the same cells gave 2.0; the 002 spot, to which oxygen adds, changes by less
    assert theirs / ours == pytest.approx(2.0, abs=0.15)


def test_spots_lie_in_a_plane_of_right_angles_and_lengths():
    spots = expected_spots(crystal("SrTiO3"), (1, 1, 0), 6)
    a = spots.g[np.all(spots.hkl == (0, 0, 1), axis=1)][0]
    b = spots.g[np.all(spots.hkl == (1, -1, 0), axis=1)][0]
    assert a @ b == pytest.approx(0, abs=1e-9)
    assert np.hypot(*b) / np.hypot(*a) == pytest.approx(2**0.5)


def test_zone_axis_that_is_none_is_refused():
    with pytest.raises(InputError, match="three integers"):
        expected_spots(crystal("NiO"), (0, 0, 0))
    with pytest.raises(InputError, match="no spot within"):
        expected_spots(crystal("NiO"), (1, 1, 0), 1.0)


def test_low_index_zones_are_those_of_the_crystals_class():
    # cubic: one of each form; those of which 7 1/nm shows one row only are left out
    assert low_index_zones(crystal("SrTiO3")) == ((1, 0, 0), (1, 1, 0), (2, 1, 0), (1, 1, 1), (2, 1, 1), (2, 2, 1))
    # hexagonal: the layers edge on, from above, and inclined as along the other rocksalt <110>
    layered = crystal("layered")
    zones = low_index_zones(layered)
    assert {(1, 0, 0), (0, 0, 1), (1, -1, 0)} <= set(zones)
    parents = [tuple(sorted(map(abs, layered.rocksalt_direction(z)))) for z in zones]
    assert parents.count((0, 1, 1)) == 2 and (0, 0, 1) in parents
