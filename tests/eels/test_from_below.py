"""White lines on the tail of a lower edge, in specimens of any thickness."""

import numpy as np
import pytest

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import fourier_ratio_kernel
from oxyspy.eels.edges import edge
from oxyspy.eels.from_below import from_below, measure_from_below
from oxyspy.eels.white_lines import AREA_L2, AREA_L3, HEIGHT, WhiteLineMethod, line_functionals, line_weights
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.simulate import simulate_scan

METHOD = WhiteLineMethod.of(edge("Mn_L"))
L3, L2, SMOOTHING, CHANNELS = 643.3, 653.5, 0.5, 341
LOWEST = edge("O_K").background


def bulk(t_over_lambda, **choices):
    return simulate_scan(
        layer_nm=0.0, n_positions=14, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0, t_over_lambda=t_over_lambda,
        wedge_per_nm=0.0, **choices,
    )  # fmt: skip


def segment(scan, core, start):
    inside = (scan.core_energy > start - 0.1) & (scan.core_energy < 685.1)
    return core[..., inside], scan.core_energy[inside]


def measured(scan, core, low):
    counts, axis = segment(scan, core, LOWEST[0])
    kernel = fourier_ratio_kernel(low, scan.low_energy, find_zero_loss(low, scan.low_energy), axis.size)
    found = from_below(counts, axis, kernel, LOWEST, METHOD.background, CHANNELS)
    at = np.full(core.shape[:-1], 1.0)
    return measure_from_below(found, line_weights(found.energy, L3 * at, L2 * at, METHOD, SMOOTHING))


def measured_as_recorded(scan, core, low):
    counts, axis = segment(scan, core, METHOD.background[0])
    kernel = fourier_ratio_kernel(low, scan.low_energy, find_zero_loss(low, scan.low_energy), axis.size)
    background = fit_power_law(counts, axis, METHOD.background)
    return line_functionals(counts, axis, background, L3, L2, METHOD, kernel=kernel)


@pytest.mark.parametrize("plural_background", [False, True])
def test_areas_and_continuum_do_not_depend_on_thickness_though_oxygen_lies_below(plural_background):
    found, as_recorded = [], []
    # 0.02: next to nothing is scattered twice
    for thickness in (0.02, 0.3, 1.0, 1.5, 2.0):
        scan = bulk(thickness, plural_background=plural_background)
        core, low = scan.core_expected[-1:].astype(float), scan.low_expected[-1:].astype(float)
        found.append(measured(scan, core, low).values[0])
        as_recorded.append(measured_as_recorded(scan, core, low).values[0])
    found, as_recorded = np.array(found), np.array(as_recorded)
    # three thousandths: the mirrored zero-loss peak's area; the continuum is 1 % of what it stands on
    np.testing.assert_allclose(found[1:, [AREA_L3, AREA_L2]], found[:1, [AREA_L3, AREA_L2]].repeat(4, 0), rtol=3e-3)
    np.testing.assert_allclose(found[1:, HEIGHT], found[0, HEIGHT], rtol=0.015)
    ratio, other = (v[:, AREA_L3] / v[:, AREA_L2] for v in (found, as_recorded))
    np.testing.assert_allclose(ratio[1:], ratio[0], rtol=2e-3)
    # a power law fitted to the spectrum as recorded does follow the thickness
    assert other[2] < 0.985 * ratio[0] and other[4] < 0.93 * ratio[0]


@pytest.mark.parametrize("t_over_lambda", [0.5, 1.5])
def test_predicted_covariance_is_the_scatter_of_counts_drawn_again(t_over_lambda):
    scan = bulk(t_over_lambda, dose=2000.0)
    core, low = scan.noisy(60, seed=1)
    found = measured(scan, core[:, 6:], low[:, 6:])
    scatter = found.values.std(0, ddof=1)
    predicted = np.sqrt(np.einsum("rpkk->rpk", found.covariance).mean(0))
    # 8 standard deviations of 60 draws: each known to 9 %, their mean to 3.3 %; three of those
    np.testing.assert_allclose((scatter / predicted).mean(0), 1.0, atol=0.10)
    deviation = found.values - found.values.mean(0)
    together = (deviation[..., AREA_L3] * deviation[..., AREA_L2]).mean() / found.covariance[..., 0, 1].mean()
    # a correlation of 0.2 to 0.4 from 480 pairs
    assert together == pytest.approx(1.0, abs=0.6)


def test_spectra_without_a_low_loss_or_counts_give_no_numbers():
    scan = bulk(0.5)
    core, low = scan.core_expected[-3:].copy(), scan.low_expected[-3:].copy()
    low[0], core[1] = 0.0, 0.0
    values = measured(scan, core, low).values
    assert np.isnan(values[:2]).all() and np.isfinite(values[2]).all()
