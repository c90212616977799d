"""The two-step continuum in a HyperSpy model."""

import hyperspy.api as hs
import numpy as np
import pytest
from hyperspy.extensions import ALL_EXTENSIONS

from oxyspy.components import TwoStepContinuum
from oxyspy.errors import InputError


def signal(n_positions=3, height=5.0, shape="sharp"):
    energy = 620.0 + 0.2 * np.arange(400)
    component = TwoStepContinuum(height=height, l3=640.0, l2=652.0, shape=shape)
    data = np.tile(component.function(energy), (n_positions, 1))
    return hs.signals.Signal1D(
        data, axes=[{"size": n_positions}, {"offset": 620.0, "scale": 0.2, "size": 400, "units": "eV"}]
    )


@pytest.mark.parametrize("shape", ["sharp", "arctan", "erf"])
def test_model_finds_the_height_that_was_put_in(shape):
    model = signal(shape=shape).create_model()
    model.append(TwoStepContinuum(shape=shape))
    model.multifit(optimizer="lstsq", show_progressbar=False)
    np.testing.assert_allclose(model[0].height.map["values"], 5.0, rtol=1e-6)
    np.testing.assert_allclose(model.as_signal(show_progressbar=False).data, model.signal.data, atol=1e-6)


def test_steps_stand_two_to_one():
    component = TwoStepContinuum(height=3.0, l3=640.0, l2=652.0)
    np.testing.assert_allclose(component.function(np.array([630.0, 645.0, 646.0, 660.0, 661.0])), [0, 2, 2, 3, 3])


def test_component_is_known_to_hyperspy_as_an_extension():
    # HyperSpy keeps extensions' components out of hs.model.components1D and finds them here when a model is restored
    assert ALL_EXTENSIONS["components1D"]["TwoStepContinuum"]["module"] == "oxyspy.components"


def test_stored_model_comes_back_with_its_shape():
    s = signal()
    model = s.create_model()
    model.append(TwoStepContinuum(height=5.0, shape="erf", width=2.0))
    model.store("kept")
    restored = s.models.restore("kept")
    assert restored[0].shape == "erf" and restored[0].width.value == 2.0


def test_model_of_a_single_spectrum_is_that_spectrum():
    model = signal().inav[0].create_model()
    model.append(TwoStepContinuum(height=3.0, l3=640.0, l2=652.0))
    model.assign_current_values_to_all()
    assert model.as_signal(show_progressbar=False).isig[645.0:646.0].data.mean() == pytest.approx(2.0)


def test_unknown_shape_is_refused():
    with pytest.raises(InputError, match="sharp, arctan, erf"):
        TwoStepContinuum(shape="soft")
