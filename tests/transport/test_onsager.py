"""D, concentration and L."""

import pytest

from oxyspy.errors import InputError
from oxyspy.transport import concentration_of, density_of, diffusivity_of_onsager, onsager_coefficient
from oxyspy.transport.onsager import formula_amounts


def test_l_and_d_are_inverse_to_each_other():
    assert diffusivity_of_onsager(onsager_coefficient(7e-19, 5e22, 300.0), 5e22, 300.0) == pytest.approx(7e-19)


def test_concentration_of_a_known_crystal():
    # rocksalt NiO: 4 O in (4.177 A)^3 at 6.81 g/cm3, both measured
    assert concentration_of("NiO", 6.81) == pytest.approx(4 / 4.177e-8**3, rel=0.01)


def test_density_and_concentration_are_inverse_to_each_other():
    assert density_of("Li0.46Al1.54O2.54", concentration_of("Li0.46Al1.54O2.54", 2.79)) == pytest.approx(2.79)
    assert concentration_of("Li3B11O18", 2.12, "Li") == pytest.approx(concentration_of("Li3B11O18", 2.12) / 6)


def test_formulas_are_read():
    assert formula_amounts("Li0.22Zn0.89O") == {"Li": 0.22, "Zn": 0.89, "O": 1.0}
    assert formula_amounts("CH3COOH") == {"C": 2.0, "H": 4.0, "O": 2.0}


@pytest.mark.parametrize(
    ("formula", "message"),
    [("", "cannot read"), ("Li(OH)", "cannot read"), ("LiF", "holds no O"), ("XxO", "'Xx', which is no element")],
)
def test_bad_formulas_are_refused(formula, message):
    with pytest.raises(InputError, match=message):
        concentration_of(formula, 1.0)


def test_a_density_that_is_not_positive_is_refused():
    with pytest.raises(InputError, match="density: found -1"):
        concentration_of("Li2O", -1.0)
