"""A bulk of one phase in a wedge: what is deconvolved passes, what is not is told."""

import numpy as np
import pytest

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import fourier_ratio_kernel
from oxyspy.eels.edges import edge
from oxyspy.eels.functionals import measure
from oxyspy.eels.self_check import Variants, half_weights, self_check
from oxyspy.eels.white_lines import WhiteLineMethod, line_weights
from oxyspy.eels.zero_loss import find_zero_loss
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)
THICKNESS = np.repeat(np.linspace(0.2, 1.0, 12), 4)
METHOD = WhiteLineMethod.of(edge("Mn_L"))
L3, L2 = np.asarray(643.0), np.asarray(653.0)


def wedge(dose):
    """Expected core and low losses of 48 places of one phase, t/λ 0.2 to 1.0."""
    single = white_line_edge(ENERGY, 10 * dose, 5 * dose, height=0.2 * dose)
    power = dose * (ENERGY / 600.0) ** -3
    core = np.stack([power + recorded(single, t) for t in THICKNESS])
    return core, np.stack([np.maximum(low_loss(t, total=1e7), 0) for t in THICKNESS])


def checked(core, low, deconvolved):
    axis = loss_axis()
    zero_loss = find_zero_loss(low, axis)
    kernel = fourier_ratio_kernel(low, axis, zero_loss, ENERGY.size) if deconvolved else None
    background = fit_power_law(core, ENERGY, METHOD.background)
    given = {"counts": core, "energy": ENERGY, "background": background}
    windows = line_weights(ENERGY, L3, L2, METHOD, 0.5)
    variants = Variants(
        measure(**given, weights=half_weights(ENERGY, L3, L2, METHOD, 0.5), kernel=kernel),
        measure(**given, weights=windows[:2]),
    )
    lines = measure(**given, weights=windows, kernel=kernel)
    return self_check(lines, variants, zero_loss.t_over_lambda, np.ones(len(core), bool), METHOD)


def test_deconvolved_bulk_passes_and_the_same_as_recorded_is_told():
    rng = np.random.default_rng(0)
    core, low = (rng.poisson(mean).astype(np.float32) for mean in wedge(4000.0))
    good, bad = (checked(core, low, deconvolved) for deconvolved in (True, False))
    assert good.words == ()
    # made with 2; the windows of finite lines leave it so
    assert good.post_ratios == pytest.approx([2.0, 2.0], rel=0.02)
    assert good.thickness == pytest.approx((0.4, 0.8), abs=0.03)
    assert good.recorded_ratio > 1.2 * 2.0
    assert "for a mean free path of thickness" in " ".join(bad.words) and "not level" in " ".join(bad.words)


def test_errors_of_differences_are_their_scatter():
    rng = np.random.default_rng(1)
    core, low = wedge(400.0)
    low = rng.poisson(low).astype(np.float32)
    drawn = [checked(rng.poisson(core).astype(np.float32), low, True) for _ in range(60)]
    truth = checked(core, low, True)
    for name, sigma in (("post_difference", "post_difference_sigma"), ("slope", "slope_sigma")):
        pulls = [(getattr(one, name) - getattr(truth, name)) / getattr(one, sigma) for one in drawn]
        # three standard errors of a standard deviation and of a mean of 60
        assert np.std(pulls) == pytest.approx(1.0, abs=3 / np.sqrt(2 * 60))
        assert abs(np.mean(pulls)) < 3 / np.sqrt(60)


def test_bulk_of_one_thickness_has_no_slope():
    core, low = wedge(400.0)
    check = checked(core[:4], low[:4], True)
    assert np.isnan(check.slope) and np.isfinite(check.post_difference)
