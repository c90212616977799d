"""Fits of D(T): exact on exact data, intervals that hold for few points, and models the data cannot hold."""

import numpy as np
import pytest

from oxyspy.errors import InputError, MethodError
from oxyspy.transport import coatings, compare_laws, fit_arrhenius, fit_vft, glass_shift
from oxyspy.transport.quantities import K_B

T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
LINE = np.log(2e-3) - 0.92 / (K_B * T)
AT_300 = 2e-3 * np.exp(-0.92 / (K_B * 300.0))


@pytest.mark.parametrize("name", list(coatings()))
@pytest.mark.parametrize("species", ["oxygen", "lithium"])
def test_points_on_a_line_of_the_tables_give_the_line_back(name, species):
    # tests the fit and not the study, whose points are in its figures only
    ion = getattr(coatings(printed=True)[name], species)
    points = ion.diffusivity * np.exp(-ion.activation_energy / K_B * (1 / T - 1 / 300.0))
    fit = fit_arrhenius(T, points)
    assert round(fit.activation_energy, 2) == ion.activation_energy
    # exact data: rounding over a lever of 33 / eV
    assert fit.at(300.0).value == pytest.approx(ion.diffusivity, rel=1e-9)


def test_the_weighted_fit_is_the_normal_equations():
    rng = np.random.default_rng(0)
    sigma = np.array([0.3, 0.25, 0.2, 0.15, 0.1, 0.1])
    y = LINE + sigma * rng.standard_normal(6)
    fit = fit_arrhenius(T, np.exp(y), sigma, errors="known")
    a = np.stack([np.ones(6), -1 / (K_B * T)], axis=1) / sigma[:, None]
    solution, *_ = np.linalg.lstsq(a, y / sigma, rcond=None)
    covariance = np.linalg.inv(a.T @ a)
    # the condition of the normal equations is 1e4
    np.testing.assert_allclose((fit.ln_d0, fit.activation_energy), solution, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-8)
    assert fit.at(300.0).sigma == pytest.approx(
        np.sqrt(np.array([1, -1 / (K_B * 300)]) @ covariance @ [1, -1 / (K_B * 300)]), rel=1e-8
    )


def simulated(n, rng, scatter=0.15):
    return np.exp(LINE[:, None] + scatter * rng.standard_normal((n, 6, 3)))


@pytest.mark.parametrize(("confidence", "within"), [(0.6827, (0.64, 0.72)), (0.95, (0.93, 0.97))])
def test_intervals_at_300_k_cover_the_truth_with_three_runs_each(confidence, within):
    hits = []
    for runs in simulated(1500, np.random.default_rng(1)):
        found = fit_arrhenius(T, runs).at(300.0, confidence=confidence)
        hits.append(found.low < AT_300 < found.high)
    # 1500 fits know a coverage to 1.2 % (68 %) and 0.6 % (95 %)
    assert within[0] < np.mean(hits) < within[1]


def test_intervals_cover_with_one_value_a_temperature_only():
    # four degrees of freedom: a normal interval would cover 63 %, the t one covers 68 %
    hits = []
    for runs in simulated(1500, np.random.default_rng(2)):
        found = fit_arrhenius(T, runs[:, 0]).at(300.0)
        hits.append(found.low < AT_300 < found.high)
    assert 0.64 < np.mean(hits) < 0.72


def test_weights_from_three_runs_make_intervals_too_narrow():
    # what the study does; the documentation warns of it
    hits = []
    for runs in simulated(1000, np.random.default_rng(3)):
        found = fit_arrhenius(T, runs, weights="runs").at(300.0)
        hits.append(found.low < AT_300 < found.high)
    assert 0.45 < np.mean(hits) < 0.62


def test_an_interval_for_a_further_run_holds_the_scatter_too():
    hits = []
    rng = np.random.default_rng(4)
    for runs in simulated(1500, rng):
        found = fit_arrhenius(T, runs).at(2100.0, new=True)
        further = np.exp(np.log(2e-3) - 0.92 / (K_B * 2100.0) + 0.15 * rng.standard_normal())
        hits.append(found.low < further < found.high)
    assert 0.64 < np.mean(hits) < 0.72


def grid_posterior(y, sigma, prior=None):
    """Quantiles of ln D(300 K) by brute force: likelihood times prior over (ln D at the centre, Ea, ln scatter)."""
    x = 1 / (K_B * T)
    centre = x.mean()
    slope, middle = -np.polyfit(x - centre, y, 1)
    middle = -middle
    rest = np.sqrt(np.mean((y - middle + slope * (x - centre)) ** 2))
    scatter = rest * np.exp(np.linspace(-1.2, 3.0, 90))
    a = middle + rest * np.linspace(-12, 12, 121)
    width = rest / np.sqrt(np.sum((x - centre) ** 2))
    ea = slope + width * np.linspace(-20, 20, 201)
    a, ea, scatter = a[:, None, None], ea[None, :, None], scatter[None, None, :]
    chi2 = sum((yi - a + ea * (xi - centre)) ** 2 for xi, yi in zip(x, y, strict=True))
    log_p = -len(y) * np.log(scatter) - chi2 / (2 * scatter**2)
    if prior is not None:
        log_p = log_p - (ea - prior[0]) ** 2 / (2 * prior[1] ** 2)
    weight = np.exp(log_p - log_p.max())
    value = np.broadcast_to(a - ea * (1 / (K_B * 300.0) - centre), weight.shape)
    order = np.argsort(value, axis=None)
    cumulated = np.cumsum(weight.ravel()[order]) / weight.sum()
    energy = (weight.sum(axis=(0, 2)) @ ea.ravel()) / weight.sum()
    return value.ravel()[order][np.searchsorted(cumulated, [0.025, 0.1587, 0.5, 0.8413, 0.975])], energy


def test_the_t_interval_is_the_bayesian_one():
    y = LINE + 0.2 * np.random.default_rng(5).standard_normal(6)
    fit = fit_arrhenius(T, np.exp(y))
    quantiles, _ = grid_posterior(y, None)
    found = fit.at(300.0, confidence=0.95)
    # the grid's steps are a hundredth of the interval
    assert np.log([found.low, found.value, found.high]) == pytest.approx(quantiles[[0, 2, 4]], abs=0.05 * found.sigma)


@pytest.mark.parametrize("prior", [(0.95, 0.05), (0.6, 0.1), (0.92, 10.0)])
def test_the_fit_with_a_prior_is_the_posterior_summed_on_a_grid(prior):
    y = LINE + 0.2 * np.random.default_rng(5).standard_normal(6)
    fit = fit_arrhenius(T, np.exp(y), prior=prior)
    quantiles, energy = grid_posterior(y, None, prior)
    at = [fit.at(300.0), fit.at(300.0, confidence=0.95)]
    found = np.log([at[1].low, at[0].low, at[0].value, at[0].high, at[1].high])
    assert found == pytest.approx(quantiles, abs=0.05 * at[0].sigma)
    assert fit.activation_energy == pytest.approx(energy, abs=0.01 * fit.activation_energy_sigma)


def test_without_a_say_a_prior_leaves_the_t_interval():
    y = LINE + 0.2 * np.random.default_rng(6).standard_normal(6)
    plain, vague = fit_arrhenius(T, np.exp(y)), fit_arrhenius(T, np.exp(y), prior=(1.0, 20.0))
    for confidence in (0.5, 0.6827, 0.95):
        a, b = plain.at(300.0, confidence=confidence), vague.at(300.0, confidence=confidence)
        # the integral over the scatter has 401 steps
        assert np.log([b.low, b.high]) == pytest.approx(np.log([a.low, a.high]), abs=2e-3 * a.sigma)
    new = [fit.at(2000.0, new=True, confidence=0.95) for fit in (plain, vague)]
    # the t interval adds the scatter's mean, the posterior its distribution: nearly the same
    assert np.log(new[1].high / new[1].low) == pytest.approx(np.log(new[0].high / new[0].low), rel=0.02)


def test_intervals_with_a_prior_cover_where_the_prior_is_true():
    rng = np.random.default_rng(8)
    hits = []
    for _ in range(400):
        ea = 0.92 + 0.05 * rng.standard_normal()
        y = np.log(2e-3) - ea / (K_B * T) + 0.15 * rng.standard_normal(6)
        found = fit_arrhenius(T, np.exp(y), prior="0.92 +- 0.05 eV").at(300.0)
        hits.append(found.low < 2e-3 * np.exp(-ea / (K_B * 300.0)) < found.high)
    # 400 fits know a coverage to 2.3 %
    assert 0.61 < np.mean(hits) < 0.755


def test_a_prior_with_known_errors_is_one_more_observation():
    sigma = np.full(6, 0.2)
    y = LINE + sigma * np.random.default_rng(9).standard_normal(6)
    fit = fit_arrhenius(T, np.exp(y), sigma, errors="known", prior=(0.8, 0.05))
    # the normal equations with the prior as a seventh row
    a = np.vstack([np.stack([np.ones(6), -1 / (K_B * T)], axis=1) / 0.2, [0.0, 1 / 0.05]])
    solution, *_ = np.linalg.lstsq(a, np.append(y / 0.2, 0.8 / 0.05), rcond=None)
    np.testing.assert_allclose((fit.ln_d0, fit.activation_energy), solution, rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(a.T @ a), rtol=1e-7)
    assert fit.at(300.0).sigma == pytest.approx(
        np.sqrt(np.array([1, -1 / (K_B * 300)]) @ np.linalg.inv(a.T @ a) @ [1, -1 / (K_B * 300)]), rel=1e-7
    )


@pytest.mark.parametrize("prior", [0.9, (0.9, 0.0), (-0.9, 0.1), "0.9 eV", (0.9, 0.1, 0.2), "0.9 +- 0.1 nm"])
def test_a_prior_without_an_error_is_none(prior):
    with pytest.raises(InputError, match="prior"):
        fit_arrhenius(T, np.exp(LINE), prior=prior)


def test_missing_runs_are_left_out():
    runs = simulated(1, np.random.default_rng(6))[0]
    runs[0, 1] = np.nan
    assert fit_arrhenius(T, runs).points == 17


def test_vft_with_t0_given_finds_what_was_put_in():
    d = np.exp(-7 - 0.3 / (K_B * (T - 900.0)))
    fit = fit_vft(T, d, t0=900.0)
    assert fit.activation_energy == pytest.approx(0.3, rel=1e-9) and fit.t0_sigma == 0
    with pytest.raises(InputError, match="above T0 = 900 K"):
        fit.at(800.0)


def test_vft_with_t0_fitted_finds_what_was_put_in():
    rng = np.random.default_rng(7)
    warm = np.linspace(1100.0, 2800.0, 15)
    hits, errors = [], []
    for _ in range(100):
        d = np.exp(-7 - 0.3 / (K_B * (warm - 700.0)) + 0.05 * rng.standard_normal(15))
        fit = fit_vft(warm, d)
        errors.append(fit.t0 - 700.0)
        hits.append(abs(fit.t0 - 700.0) < fit.t0_sigma * 1.04)
    # t of 12 degrees at 68 % is 1.04; 100 fits know the coverage to 5 %
    assert 0.55 < np.mean(hits) < 0.82
    assert np.std(errors) < 60


def test_vft_is_refused_where_the_data_cannot_hold_it():
    runs = simulated(1, np.random.default_rng(8))[0]
    with pytest.raises(MethodError, match="cannot hold T0: Arrhenius fits as well"):
        fit_vft(T, runs)
    with pytest.raises(MethodError, match="needed 5 at 4"):
        fit_vft(T[:4], runs[:4, 0])


def test_vft_is_found_where_there_is_none_as_seldom_as_it_says():
    # a test at 5 % must not find curvature in straight data more often
    rng = np.random.default_rng(9)
    found = 0
    for runs in simulated(300, rng):
        try:
            fit_vft(T, runs)
        except MethodError:
            continue
        found += 1
    assert found / 300 < 0.08


def test_the_criterion_prefers_the_law_the_data_follow():
    rng = np.random.default_rng(10)
    warm = np.linspace(1100.0, 2800.0, 15)
    curved = np.exp(-7 - 0.3 / (K_B * (warm - 700.0)) + 0.05 * rng.standard_normal(15))
    assert fit_vft(warm, curved).aicc < fit_arrhenius(warm, curved).aicc


def test_laws_side_by_side_say_what_each_means_at_300_k():
    rng = np.random.default_rng(11)
    warm = np.linspace(1100.0, 2800.0, 15)
    curved = np.exp(-7 - 0.3 / (K_B * (warm - 700.0)) + 0.05 * rng.standard_normal(15))
    straight, vft, fixed = compare_laws(warm, curved, t0=700.0)
    assert fixed.weight + vft.weight > 0.99 and straight.weight + vft.weight + fixed.weight == pytest.approx(1.0)
    # below its T0 a VFT law has no D
    assert straight.extrapolated.value > 0 and vft.extrapolated is None
    plain = compare_laws(T, simulated(1, rng)[0])
    assert plain[0].weight == 1.0 and plain[1].fit is None and "cannot hold T0" in str(plain[1])


def test_extrapolation_says_how_far_and_what_the_glass_may_do():
    fit = fit_arrhenius(T, np.exp(LINE))
    assert fit.at(2000.0).caution == ""
    # (1/300 - 1/1800) / (1/1800 - 1/2800)
    assert "by 14.0 times the range" in fit.at(300.0).caution
    with pytest.warns(UserWarning, match=r"D\(300 K\) across the glass transition at 700 K: too high by up to 8.5 dec"):
        assert "glass transition at 700 K" in fit.at(300.0, glass_transition=700.0).caution
    assert "glass" not in fit.at(800.0, glass_transition=700.0).caution


def test_the_glass_shift_is_the_distance_from_structural_diffusion():
    fit = fit_arrhenius(T, np.exp(LINE))
    line = 2e-3 * np.exp(-0.92 / (K_B * 700.0))
    assert glass_shift(fit, 700.0) == pytest.approx(np.log10(line / (9e-16 / 600)), rel=1e-9)
    # a slow line is not lowered further
    slow = fit_arrhenius(T, np.exp(-3.0 / (K_B * T)))
    assert glass_shift(slow, 600.0) == 0.0


@pytest.mark.parametrize(
    ("temperature", "d", "options", "message"),
    [
        (T, -np.exp(LINE), {}, "diffusivity: found -.* needed a positive one"),
        (T[:2], np.exp(LINE[:2]), {}, "found 2 values"),
        (np.full(6, 2000.0), np.exp(LINE), {}, "6 values of D at 1 temperatures"),
        (T, np.exp(LINE[:5]), {}, "found shapes"),
        (-T, np.exp(LINE), {}, "temperature: found -1800 K"),
        (T, np.exp(LINE), {"sigma": np.zeros(6)}, "sigma: found errors of ln D that are not positive"),
        (
            T,
            np.exp(LINE),
            {"sigma": np.full(5, 0.1)},
            r"sigma: found \(5,\), needed standard errors of ln D of shape \(6,\)",
        ),
        (T, np.exp(LINE), {"weights": "none"}, "weights: found 'none'"),
        (T, np.exp(LINE), {"errors": "normal"}, "errors: found 'normal'"),
    ],
)
def test_bad_data_are_refused(temperature, d, options, message):
    with pytest.raises(InputError, match=message):
        fit_arrhenius(temperature, d, **options)


def test_a_fixed_t0_above_the_data_is_refused():
    with pytest.raises(InputError, match="t0: found 1900 K"):
        fit_vft(T, np.exp(LINE), t0=1900.0)


def test_what_is_no_temperature_or_confidence_is_refused():
    fit = fit_arrhenius(T, np.exp(LINE))
    with pytest.raises(InputError, match="temperature: found -5 K"):
        fit.at(-5)
    # per cent for a fraction
    with pytest.raises(InputError, match="confidence: found 95, needed a fraction from 0 to 1"):
        fit.at(300.0, confidence=95)
    with pytest.raises(InputError, match="confidence: found 0"):
        fit.at(300.0, confidence=0.0)


def test_laws_are_compared_with_the_glass_transition_in_mind():
    with pytest.warns(UserWarning, match="across the glass transition at 700 K"):
        found = compare_laws(T, simulated(1, np.random.default_rng(12))[0], glass_transition="700 K")
    assert "decades if the ion moves only with the network" in found[0].extrapolated.caution


def test_law_whose_t0_is_above_the_temperature_asked_for_says_that_it_has_no_d_there():
    t = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
    d = 1e-3 * np.exp(-0.5 / (K_B * (t - 400))) * np.exp([0.1, -0.2, 0.1, 0.2, -0.1, -0.1])
    law = compare_laws(t, d, t0="400 K")[-1]
    assert law.extrapolated is None and "no D" in str(law) and "T0 = 400 K" in str(law)
