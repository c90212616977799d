"""Onsager coefficients of two species whose correlation is put in by hand."""

import numpy as np
import pytest
from scipy.constants import Boltzmann, eV

from oxyspy.dynamics import Trajectory, combine_onsager, onsager_matrix, read_trajectory
from oxyspy.errors import InputError, MethodError

STEP, VOLUME, TEMPERATURE = 10.0, 1000.0, 2000.0
CATIONS, ANIONS = 12, 8
D_CATION, D_ANION, D_SHARED, OPPOSED = 3e-5, 1e-5, 0.4e-5, 0.7
WINDOW = (0.05, 2.0)


def correlated(rng, frames):
    """Each ion walks by itself; a shared walk carries the cations one way and the anions 0.7 of it the other."""

    def steps(atoms, diffusion):
        return rng.normal(scale=np.sqrt(2 * diffusion * 1e4 * STEP / 1000), size=(frames, atoms, 3))

    shared = steps(1, D_SHARED)
    path = np.concatenate([steps(CATIONS, D_CATION) + shared, steps(ANIONS, D_ANION) - OPPOSED * shared], axis=1)
    species = ("Li",) * CATIONS + ("O",) * ANIONS
    return Trajectory(np.cumsum(path, axis=0), species, np.eye(3) * 10, STEP, VOLUME)


def known():
    unit = 1 / (VOLUME * 1e-24) / (Boltzmann * TEMPERATURE / eV)
    cross = -CATIONS * ANIONS * OPPOSED * D_SHARED
    whole = np.array(
        [
            [CATIONS * D_CATION + CATIONS**2 * D_SHARED, cross],
            [cross, ANIONS * D_ANION + ANIONS**2 * OPPOSED**2 * D_SHARED],
        ]
    )
    own = np.array([CATIONS * (D_CATION + D_SHARED), ANIONS * (D_ANION + OPPOSED**2 * D_SHARED)])
    return whole * unit, own * unit


def test_known_cross_correlation_gives_the_known_matrix():
    rng = np.random.default_rng(1)
    found = onsager_matrix(correlated(rng, 40000), TEMPERATURE, window=WINDOW, reference=None)
    whole, own = known()
    assert np.all(np.abs(found.L - whole) < 3 * found.sigma)
    # 200 independent windows an axis and more: a few per cent
    assert np.all(found.sigma < 0.06 * np.abs(whole).max())
    np.testing.assert_allclose(found.self_part, own, rtol=0.03)
    np.testing.assert_allclose(found.distinct + np.diag(found.self_part), found.L)
    np.testing.assert_array_equal(found.L, found.L.T)


def test_errors_of_all_entries_cover():
    rng = np.random.default_rng(2)
    whole, _ = known()
    found = [onsager_matrix(correlated(rng, 1500), TEMPERATURE, window=WINDOW, reference=None) for _ in range(200)]
    z = np.array([(f.L - whole) / f.sigma for f in found])
    # two thirds within three standard errors of a share in 200 runs; the error's own scatter makes them lopsided
    share = np.mean(np.abs(z) < 1, axis=0)
    assert np.all(share > 0.58)
    assert np.all(share < 0.78)
    numbers = np.array([f.transference({"Li": 1, "O": -2})["Li"] for f in found])
    a, b = whole @ [1, -2]
    truth = a / (a - 2 * b)
    assert 0.58 < np.mean(np.abs(numbers[:, 0] - truth) < numbers[:, 1]) < 0.78


def test_transference_numbers_sum_to_one_and_correlation_shortens_the_time():
    found = onsager_matrix(correlated(np.random.default_rng(3), 20000), TEMPERATURE, window=WINDOW, reference=None)
    numbers = found.transference({"Li": 1, "O": -2})
    assert sum(value for value, _ in numbers.values()) == pytest.approx(1.0)
    whole, own = known()
    factor, sigma = found.time_factor("O")
    assert abs(factor - own[1] / whole[1, 1]) < 3 * sigma
    assert factor < 1


def test_momentum_ties_the_rows_in_the_frame_of_the_centre_of_mass():
    """With all atoms' centre at rest the masses' sums over every row vanish."""
    found = onsager_matrix(correlated(np.random.default_rng(4), 3000), TEMPERATURE, window=WINDOW)
    masses = np.array([6.94, 15.999])
    np.testing.assert_allclose(masses @ found.L / np.abs(found.L).max(), 0.0, atol=1e-9)


def test_what_is_missing_is_named():
    walk = correlated(np.random.default_rng(5), 500)
    found = onsager_matrix(walk, TEMPERATURE)
    assert "L(O,Li)" in str(found)
    with pytest.raises(InputError, match="no charge given for O"):
        found.transference({"Li": 1})
    with pytest.raises(InputError, match="no B in the matrix"):
        found.time_factor("B")
    with pytest.raises(InputError, match="temperature"):
        onsager_matrix(walk, 0.0)
    flight = Trajectory(np.arange(300)[:, None, None] * np.ones((1, 4, 3)), ("O",) * 4, np.eye(3), STEP, VOLUME)
    with pytest.raises(MethodError, match="ballistic"):
        onsager_matrix(flight, TEMPERATURE, reference=None)


def test_real_argyrodite_moves_lithium_against_its_frame(shared_data):
    file = shared_data / "trajectories" / "li6ps5cl" / "example_XDATCAR.gz"
    solid = read_trajectory(file, timestep=2.0, steps_per_frame=50)
    found = onsager_matrix(solid, 900.0, reference=["P", "S", "Cl"], window=(2, 7))
    # n D / kT V with D = 1.38e-5, 192 Li in 8381 Å3; the error of D is 7 %
    assert found.self_part[0] == pytest.approx(1.38e-5 * 192 / 8380.7e-24 / (Boltzmann * 900 / eV), rel=0.15)
    # the framework only vibrates, and its PS4 groups turn now and then
    assert np.all(found.self_part[1:] < 0.08 * found.self_part[0])


def test_errors_of_short_runs_cover_and_never_vanish():
    """Eight independent displacements, as a short run of AIMD has them: one L in six comes out at half or less."""
    rng = np.random.default_rng(6)
    whole, _ = known()
    found = [onsager_matrix(correlated(rng, 400), TEMPERATURE, window=(0.5, 2.0), reference=None) for _ in range(150)]
    assert np.median([f.independent for f in found]) == pytest.approx(8, abs=4)
    assert all((f.sigma > 0).all() and (f.self_sigma > 0).all() for f in found)
    z = np.array([(f.L - whole) / f.sigma for f in found])
    # the law is lopsided with so few: 58-80 % and 85 % or more
    for i, j in ((0, 0), (0, 1), (1, 1)):
        assert 0.55 < np.mean(np.abs(z[:, i, j]) < 1) < 0.82
        assert np.mean(np.abs(z[:, i, j]) < 1.96) > 0.84


def test_no_factor_is_given_from_few_displacements():
    found = onsager_matrix(correlated(np.random.default_rng(7), 200), TEMPERATURE, window=(0.5, 1.5), reference=None)
    assert found.independent < 8
    with pytest.raises(MethodError, match=r"rests on \d independent displacements.*needed 8 or more"):
        found.time_factor("O")


def test_several_runs_make_one_matrix_of_all_their_displacements():
    rng = np.random.default_rng(8)
    runs = [onsager_matrix(correlated(rng, 1500), TEMPERATURE, window=WINDOW, reference=None) for _ in range(6)]
    both = combine_onsager(runs)
    assert both.runs == 6
    assert both.independent == pytest.approx(6 * runs[0].independent)
    whole, own = known()
    assert np.all(np.abs(both.L - whole) < 3 * both.sigma)
    assert np.all(both.sigma < runs[0].sigma.max())
    np.testing.assert_allclose(both.distinct + np.diag(both.self_part), both.L)
    # self parts with many ions are known better than the matrix
    assert np.all(np.abs(both.self_part - own) < 4 * both.self_sigma)
    assert "of 6 runs" in str(both) and "distinct" in str(both)
    other = onsager_matrix(correlated(rng, 500), 1500.0, window=WINDOW, reference=None)
    with pytest.raises(InputError, match="one temperature, species and frame"):
        combine_onsager([runs[0], other])
