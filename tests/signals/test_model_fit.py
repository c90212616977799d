"""White lines by a HyperSpy model: known lines on counts, with and without plural scattering."""

import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.components import TwoStepContinuum
from oxyspy.errors import InputError
from scattering import STEP, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)
N = 24
TRUTH = {"l3": 6000.0, "l2": 3000.0, "ratio": 2.0, "l3_ev": 643.0, "l2_ev": 653.0, "splitting_ev": 10.0}


def signal(data, offset, kind):
    made = hs.signals.Signal1D(data)
    made.set_signal_type(kind)
    axis = made.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units = offset, STEP, "eV"
    if data.ndim > 1:
        made.axes_manager[0].scale, made.axes_manager[0].units = 0.5, "nm"
    return made


def scan(t_over_lambda, gain=1.0, seed=1):
    """Core and low loss of positions of one bulk."""
    mean = recorded(white_line_edge(ENERGY, 6000.0, 3000.0, 643.0, 653.0, 90.0), t_over_lambda)
    mean = mean + 1200.0 * (ENERGY / 600.0) ** -3.0
    counts = gain * np.random.default_rng(seed).poisson(mean / gain, (N, ENERGY.size))
    low = signal(low_loss(t_over_lambda, zero_at=-3.0), -20.0, "EELS")
    return signal(counts.astype(np.float32), 600.0, "core_loss_EELS"), low


@pytest.fixture(scope="module")
def thin():
    return scan(0.0)[0].remove_power_law("Mn_L").fit_white_lines(show_progressbar=False)


@pytest.fixture(scope="module")
def thick():
    core, low = scan(0.6)
    return core.remove_power_law("Mn_L").deconvolve(low).fit_white_lines(show_progressbar=False, return_model=True)


@pytest.mark.parametrize("which", ["thin", "thick"])
@pytest.mark.parametrize("name", TRUTH)
def test_known_lines_are_found_with_errors_that_cover_whatever_the_thickness(which, name, request):
    maps = request.getfixturevalue(which)
    maps = maps[0] if isinstance(maps, tuple) else maps
    value, sigma = maps[name].data, maps[f"{name}_sigma"].data
    assert value.shape == (N,) and np.isfinite(value).all()
    # three standard errors of the mean, and a hundredth for the continuum's step within a channel
    assert value.mean() == pytest.approx(TRUTH[name], abs=3 * sigma.mean() / np.sqrt(N) + 0.01 * TRUTH["ratio"])
    # a scatter of 24 is known to 15 %
    assert value.std() / sigma.mean() == pytest.approx(1.0, abs=0.45)


def test_result_is_that_of_white_lines_with_its_method_and_how_good_the_model_is(thick):
    maps, model = thick
    core, low = scan(0.6)
    areas = core.remove_power_law("Mn_L").deconvolve(low).white_lines()
    assert set(maps) == set(areas) | {"deviance"}
    for name in ("l3", "ratio", "l3_ev", "continuum", "normalised"):
        difference = maps[name].data.mean() - areas[name].data.mean()
        # windows of ±5 and ±4 eV hold these lines whole
        assert abs(difference) < 3 * areas[f"{name}_sigma"].data.mean() / np.sqrt(N) + 0.01 * maps[name].data.mean()
    # counting noise of one resolution is all there is
    assert np.median(maps["deviance"].data) == pytest.approx(1.0, abs=0.1)
    method = maps["ratio"].metadata.oxyspy.method
    assert "model fit at 600-680 eV" in method and method.endswith("scattered by the low loss")
    assert maps["ratio"].axes_manager[0].units == "nm"
    continuum = model["TwoStepContinuum"]
    assert isinstance(continuum, TwoStepContinuum) and continuum.l3.twin is model["L3"].centre
    assert model["L3"].centre.map["values"].shape == (1, N)


def test_gain_of_a_camera_is_in_the_errors_and_the_deviance():
    singly, camera = (
        scan(0.0, gain, 3)[0].inav[:8].remove_power_law("Mn_L").fit_white_lines(show_progressbar=False)
        for gain in (1.0, 4.0)
    )
    assert np.median(camera["deviance"].data) == pytest.approx(4.0, rel=0.15)
    assert np.median(camera["l3_sigma"].data / singly["l3_sigma"].data) == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize("choices", [{"line": "lorentzian"}, {"line": "voigt", "step": "erf"}])
def test_other_shapes_are_fitted_and_their_deviance_tells(choices):
    core = scan(0.0)[0].sum()
    found = core.remove_power_law("Mn_L").fit_white_lines(show_progressbar=False, **choices)
    assert found["l3"].data.shape == (1,) and choices["line"] in found["ratio"].metadata.oxyspy.method
    # these lines are Gaussians: Lorentzians do not explain them, and a Voigt does
    assert (found["deviance"].data[0] > 2) == (choices["line"] == "lorentzian")


def test_what_cannot_be_fitted_is_told():
    core = scan(0.0)[0]
    net = core.remove_power_law("Mn_L")
    with pytest.raises(InputError, match="line 'box' is not known; use one of gaussian, lorentzian, voigt"):
        net.fit_white_lines(line="box")
    with pytest.raises(InputError, match="call remove_power_law first"):
        core.fit_white_lines()
    with pytest.raises(InputError, match="model fits take signals in memory"):
        core.as_lazy().remove_power_law("Mn_L").fit_white_lines()
