"""Diffusion coefficients of walkers whose own is known, and of real liquids and solids."""

import numpy as np
import pytest

from oxyspy.dynamics import Trajectory, collective_diffusivity, combine, diffusivity, haven_ratio, read_trajectory
from oxyspy.dynamics.estimate import upper_limit
from oxyspy.errors import InputError

D = 1e-5
STEP = 10.0


def walkers(rng, frames, atoms, vibration=0.0, diffusion=D):
    """Brownian walkers of D in cm2/s at 10 fs a frame, with a vibration of so many Å on top."""
    sigma = np.sqrt(2 * diffusion * 1e4 * STEP / 1000)
    path = np.cumsum(rng.normal(scale=sigma, size=(frames, atoms, 3)), axis=0)
    return trajectory(path + rng.normal(scale=vibration, size=path.shape))


def trajectory(path):
    return Trajectory(path, ("O",) * path.shape[1], np.eye(3) * 10, STEP, 1000.0)


def deviations(seed, runs, frames, atoms, vibration=0.0, **window):
    rng = np.random.default_rng(seed)
    found = [diffusivity(walkers(rng, frames, atoms, vibration), "O", **window) for _ in range(runs)]
    assert all(f.supported for f in found)
    return found, np.array([(f.D - D) / f.sigma for f in found])


def test_one_sigma_covers_two_thirds_and_two_sigma_nineteen_in_twenty():
    found, z = deviations(seed=1, runs=600, frames=300, atoms=24)
    # 64-72 % and 93-97 % are two standard errors of a share in 600 runs
    assert 0.64 <= np.mean(np.abs(z) < 1) <= 0.72
    assert 0.93 <= np.mean(np.abs(z) < 1.96) <= 0.97
    # the formal error uses more than the scatter of 24 atoms, whose own error is 15 %
    assert np.median([f.sigma_bootstrap / f.sigma for f in found]) == pytest.approx(1.0, abs=0.1)


def test_errors_cover_also_where_vibration_covers_the_diffusion():
    _, z = deviations(seed=2, runs=200, frames=400, atoms=64, vibration=0.1)
    # conservative, never optimistic: three standard errors of a share in 200 runs below, ten per cent above
    assert 0.60 <= np.mean(np.abs(z) < 1) <= 0.80
    assert abs(z.mean()) < 0.25


def test_block_errors_agree_with_the_formal_ones():
    found, _ = deviations(seed=3, runs=40, frames=1000, atoms=16)
    # ten blocks give an error to a quarter each; forty runs to four per cent, blocks use fewer windows
    assert np.median([f.sigma_blocks / f.sigma for f in found]) == pytest.approx(1.0, abs=0.2)


def test_errors_that_short_runs_do_not_have_are_not_printed():
    found = diffusivity(walkers(np.random.default_rng(3), 300, 16), "O", window=(1.0, 2.4))
    assert np.isnan(found.sigma_blocks)
    assert "nan" not in str(found) and "blocks" not in str(found) and "bootstrap ±" in str(found)


def test_a_ballistic_gas_is_refused_in_words():
    rng = np.random.default_rng(4)
    flight = np.arange(500)[:, None, None] * rng.normal(scale=0.01, size=(1, 64, 3))
    found = diffusivity(trajectory(flight), "O")
    assert not found.supported
    assert np.isnan(found.D)
    assert found.reason.startswith("ballistic: the displacement grows as lag^2.00")


def harmonic(rng, frames, atoms):
    """Paths of damped oscillators in noise: what atoms of a crystal do."""
    path = np.zeros((frames, atoms, 3))
    velocity = np.zeros((atoms, 3))
    for t in range(1, frames):
        velocity += -0.05 * path[t - 1] - 0.2 * velocity + rng.normal(scale=0.03, size=velocity.shape)
        path[t] = path[t - 1] + velocity
    return path[200:]


def test_a_harmonic_crystal_does_not_exclude_zero():
    rng = np.random.default_rng(5)
    found = [diffusivity(trajectory(path), "O") for path in np.split(harmonic(rng, 2200, 60 * 32), 60, axis=1)]
    assert not any(f.supported for f in found)
    assert all(f.reason.startswith("caged") for f in found)
    z = np.array([f.D / f.sigma for f in found])
    # 57 of 60 expected within two sigma; fewer than 52 in one of a thousand
    assert np.sum(np.abs(z) < 1.96) >= 52
    assert all(f.upper_limit > 0 for f in found)


def fractional(rng, frames, atoms, power):
    """Paths whose square grows as a power of time, by their spectrum."""
    frequency = np.fft.rfftfreq(4 * frames)
    spectrum = np.zeros(len(frequency))
    spectrum[1:] = frequency[1:] ** (-(1 + power) / 2)
    noise = rng.normal(size=(len(frequency), atoms, 3)) + 1j * rng.normal(size=(len(frequency), atoms, 3))
    return np.fft.irfft(spectrum[:, None, None] * noise, axis=0)[:frames]


def test_anomalous_motion_is_called_sub_diffusive():
    rng = np.random.default_rng(6)
    found = diffusivity(trajectory(fractional(rng, 4000, 32, 0.5)), "O")
    assert not found.supported
    assert "sub-diffusive" in found.reason or "caged" in found.reason


def test_too_short_a_run_says_so():
    found = diffusivity(walkers(np.random.default_rng(7), 6, 1), "O")
    assert not found.supported
    assert "too little data" in found.reason


def test_atoms_in_fast_and_slow_places_widen_the_error():
    rng = np.random.default_rng(8)
    slow, fast = walkers(rng, 2000, 20), walkers(rng, 2000, 20, diffusion=9 * D)
    both = trajectory(np.concatenate([slow.positions, fast.positions], axis=1))
    found = diffusivity(both, "O")
    assert found.widening > 3
    # two kinds of atoms, 1 and 9 times D: their spread over the root of forty
    assert found.sigma == pytest.approx(4 * D / np.sqrt(39), rel=0.1)


def test_haven_ratio_of_independent_walkers_is_one_and_of_pairs_one_half():
    rng = np.random.default_rng(9)
    alone = walkers(rng, 20000, 16)
    pairs = trajectory(np.concatenate([alone.positions, alone.positions], axis=1))
    for found, truth in ((haven_ratio(alone, "O"), 1.0), (haven_ratio(pairs, "O"), 0.5)):
        assert abs(found.value - truth) < 3 * found.sigma
        assert found.sigma < 0.2 * truth


def test_collective_diffusivity_covers_the_truth():
    rng = np.random.default_rng(10)
    found = [collective_diffusivity(walkers(rng, 500, 3), "O", window=(0.01, 2.5)) for _ in range(200)]
    z = np.array([(f.D - D) / f.sigma for f in found])
    # the error is in proportion to D itself, which makes z lopsided: 58-74 %
    assert 0.58 <= np.mean(np.abs(z) < 1) <= 0.74


def test_runs_combine_to_their_geometric_mean():
    rng = np.random.default_rng(11)
    runs = [diffusivity(walkers(rng, 400, 32), "O") for _ in range(3)]
    value, sigma, spread = combine(runs)
    assert value == pytest.approx(np.prod([r.D for r in runs]) ** (1 / 3))
    assert abs(value - D) < 4 * sigma
    assert spread == pytest.approx(np.std(np.log([r.D for r in runs]), ddof=1))
    assert np.isnan(combine([])[0])


def test_a_window_outside_the_run_is_refused():
    with pytest.raises(InputError, match="window 1-50 ps"):
        diffusivity(walkers(np.random.default_rng(0), 100, 4), "O", window=(1, 50))


@pytest.mark.parametrize(("temperature", "published"), [(671.0, 1.36e-4), (763.5, 1.68e-4), (856.0, 2.16e-4)])
def test_real_sodium(shared_data, temperature, published):
    """The values of the data's README: windowed MSD over 100-800 fs, plain least squares, after 0.5 ps."""
    from oxyspy.dynamics import mean_squared_displacement

    file = shared_data / "trajectories" / "liquid-na" / f"XDATCAR_{temperature}.gz"
    sodium = read_trajectory(file, timestep=2.0).skip(0.5).without_drift()
    measured = mean_squared_displacement(sodium.of("Na"))
    plain = np.polyfit(np.arange(50, 401) * 0.002, measured[50:401], 1)[0] / 6e4
    # published to three figures
    assert plain == pytest.approx(published, rel=0.004)
    found = diffusivity(sodium, "Na", temperature=temperature)
    assert found.supported
    # the plain fit has no error of its own, ours is 3-6 %: two of them, and the plain window's share of flight
    assert abs(found.D - plain) < 2 * np.hypot(found.sigma, 0.03 * plain)


def test_real_argyrodite_conducts_lithium_and_nothing_else(shared_data):
    file = shared_data / "trajectories" / "li6ps5cl" / "example_XDATCAR.gz"
    solid = read_trajectory(file, timestep=2.0, steps_per_frame=50).without_drift(["P", "S", "Cl"])
    found = diffusivity(solid, "Li")
    # README: about 1.38e-5 over 2-10 ps, kinisi 1.356e-5 ± 0.074e-5
    assert found.supported
    assert abs(found.D - 1.38e-5) < found.sigma
    for still in ("P", "S", "Cl"):
        caged = diffusivity(solid, still)
        assert not caged.supported
        assert "caged" in caged.reason
        assert caged.upper_limit < 3e-7


def test_ions_that_rattle_in_cages_while_they_diffuse_are_measured():
    """0.3 Å in the cage beside D = 1e-5 over 4 ps: the displacement itself grows like no power of the lag."""
    found, z = deviations(seed=12, runs=60, frames=400, atoms=64, vibration=0.3)
    assert sum("beside vibration" in f.reason for f in found) > 40
    assert all(f.intercept == pytest.approx(6 * 0.3**2, rel=0.3) for f in found)
    # three standard errors of a share in 60 runs, conservative ones allowed
    assert np.mean(np.abs(z) < 1) >= 0.5
    assert np.mean(np.abs(z) < 1.96) >= 0.88
    assert abs(z.mean()) < 0.4


def test_rattling_ions_that_stay_are_still_caged():
    rng = np.random.default_rng(13)
    found = [diffusivity(trajectory(rng.normal(scale=0.3, size=(400, 64, 3))), "O") for _ in range(20)]
    assert all(not f.supported and f.reason.startswith("caged") for f in found)


@pytest.mark.parametrize("power", [0.5, 0.7])
def test_sub_diffusive_motion_has_an_upper_limit_and_no_diffusivity(power):
    found = diffusivity(trajectory(fractional(np.random.default_rng(14), 2000, 48, power)), "O")
    assert not found.supported
    assert found.upper_limit > 0
    if power == 0.7:
        assert found.reason.startswith("sub-diffusive") and np.isnan(found.D)
        # the curve's own slope at the end of the lags, 40 % apart within the last three octaves
        slope = power * found.curve.msd[-1] / found.curve.lag[-1] / 6 * 1e-4
        assert 0.8 * slope < found.upper_limit < 2 * slope
    assert "at 95 %" in str(found)


def test_the_reason_names_the_window_that_was_fitted():
    """A bend that the exponent lets pass and the straight line does not: the fit starts later, and says so."""
    rng = np.random.default_rng(15)
    path = walkers(rng, 20000, 64, diffusion=3e-5).positions + harmonic(rng, 20200, 64)
    found = diffusivity(trajectory(path), "O")
    assert found.supported
    assert (
        f"fitted from {found.window[0]:.3g} ps on" in found.reason or f"from {found.window[0]:.3g} ps" in found.reason
    )


def test_a_run_without_a_single_octave_says_what_it_lacks():
    found = diffusivity(walkers(np.random.default_rng(7), 3, 1), "O")
    assert found.reason.startswith("too little data: the local exponent is known well enough at 0 lags, needed 3; ")


def test_atoms_whose_own_centre_was_held_are_at_rest():
    alone = Trajectory(np.cumsum(np.random.default_rng(8).normal(size=(500, 1, 3)), axis=0), ("O",), np.eye(3) * 9,
                       10.0, 729.0)  # fmt: skip
    found = diffusivity(alone.without_drift(), "O")
    assert not found.supported
    assert "do not move" in found.reason


@pytest.mark.parametrize("hops", [3, 6, 10, 30])
def test_the_upper_limit_of_few_hops_is_near_poissons(hops):
    from scipy.stats import chi2

    exact = chi2.ppf(0.95, 2 * hops + 2) / 2
    # a normal error of the logarithm lies within 10 % of the exact law, from three hops on
    assert upper_limit(hops, np.sqrt(hops)) == pytest.approx(exact, rel=0.1)


def test_the_upper_limit_of_nothing_is_its_error():
    assert upper_limit(-1e-9, 1e-8) == pytest.approx(1.645e-8)
