"""Bootstrap and exact propagation: two ways to the same errors."""

import numpy as np
import pytest

from oxyspy.eels.along import white_lines_along
from oxyspy.eels.bootstrap import Draws, draw, redrawn, with_drawn_errors
from oxyspy.eels.edges import edge
from oxyspy.eels.white_lines import WhiteLineMethod, white_lines
from oxyspy.errors import InputError
from oxyspy.simulate import simulate_scan

MN = edge("Mn_L")
DRAWS = 80


@pytest.mark.parametrize("choices", [{}, {"deconvolution": "wiener", "slope": True}])
def test_bootstrap_agrees_with_exact_propagation_within_its_own_error(choices):
    scan = simulate_scan(layer_nm=0.0, n_positions=14, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0, seed=3)
    segment = (scan.core_energy > 595) & (scan.core_energy < 690)
    counts, energy, low = scan.core[None, 4:, segment], scan.core_energy[segment], scan.low[None, 4:]
    method = WhiteLineMethod.of(MN, **choices)
    exact = white_lines_along(counts, energy, low, scan.low_energy, MN, method)

    def again(rng):
        drawn = redrawn(counts, rng, exact.noise), energy, redrawn(low, rng), scan.low_energy
        found = white_lines_along(*drawn, MN, method)
        return found.functionals.values, found.positions

    found = draw(again, DRAWS, seed=4)
    functionals, positions = with_drawn_errors(exact.functionals, exact.positions, found)
    lines = white_lines(functionals, positions, method, 0.25)
    # the estimate knows its errors to second order
    np.testing.assert_allclose(lines.ratio, exact.lines.ratio, rtol=2e-3)
    for name in ("l3_sigma", "l2_sigma", "ratio_sigma", "normalised_sigma", "l3_ev_sigma", "splitting_sigma_ev"):
        quotient = getattr(lines, name) / getattr(exact.lines, name)
        # a sigma of 80 draws is known to 8 %, half a central 68 % to 12 %; the mean of ten positions to a third of it
        assert np.mean(quotient) == pytest.approx(1.0, abs=3 * 0.12 / np.sqrt(quotient.size) + 0.03), name
    interval = (lines.ratio_high - lines.ratio_low) / (exact.lines.ratio_high - exact.lines.ratio_low)
    assert np.mean(interval) == pytest.approx(1.0, abs=0.15)


def test_counts_drawn_again_have_the_variance_asked_for():
    rng = np.random.default_rng(0)
    counts = np.full(40_000, 50.0, np.float32)
    counts[0] = np.nan
    drawn = redrawn(counts, rng, noise=3.0)
    assert np.isnan(drawn[0]) and drawn.dtype == np.float32
    # three standard errors of 40 000 draws
    assert drawn[1:].mean() == pytest.approx(50.0, abs=0.2)
    assert drawn[1:].var() == pytest.approx(150.0, rel=0.03)


def test_rows_that_share_their_maxima_add_up_to_the_sums_own_variance():
    rng = np.random.default_rng(1)
    common = rng.normal(size=(4000, 1, 3, 1))
    values = 100.0 + common * [1.0, 2.0] + 0.1 * rng.normal(size=(4000, 2, 3, 2))
    covariance = Draws(values, *np.zeros((2, 4000, 3))).covariance()
    # (1 + 1)^2 and (2 + 2)^2, to three standard errors of a variance
    np.testing.assert_allclose(covariance.sum(0)[:, [0, 1], [0, 1]], [[4.0, 16.0]] * 3, rtol=0.08)


def test_numbers_lost_in_many_draws_have_no_error():
    values = np.ones((100, 1, 2, 3)) + np.random.default_rng(2).normal(size=(100, 1, 2, 3))
    values[:30, 0, 1] = np.nan
    covariance = Draws(values, *np.zeros((2, 100, 2))).covariance()
    assert np.isfinite(covariance[0, 0]).all() and np.isnan(covariance[0, 1]).all()


def test_too_few_draws_are_refused():
    with pytest.raises(InputError, match="at least 20"):
        draw(lambda rng: None, draws=5)
