"""Quantities as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxyspy.errors import InputError
from oxyspy.units import parse, parse_measured


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("2nm", "cm", 2e-7),
        ("165min", "s", 9900.0),
        ("1.5 h", "s", 5400.0),
        ("7e-19 cm^2/s", "cm**2/s", 7e-19),
        ("1.455e6/eV/cm/s", "1/(eV*cm*s)", 1.455e6),
        ("4.2e22 /cm^3", "1/cm**3", 4.2e22),
        ("-5.24eV", "eV", -5.24),
        ("5 µm", "nm", 5000.0),
        ("20 Å", "nm", 2.0),
        ("27 degC", "K", 300.15),
    ],
)
def test_numbers_with_units_are_read(text, unit, value):
    assert parse(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["2.0+-0.3nm", "2.0 ± 0.3 nm", "2.0 +/- 0.3nm", "2 +- 0.3 nm"])
def test_errors_are_read_with_their_values(text):
    assert parse_measured(text, "nm") == pytest.approx((2.0, 0.3))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2", "no unit"),
        ("2 s", "converts to nm"),
        ("2 parsnips", "not known"),
        ("two nm", "cannot read"),
        ("", "cannot read"),
        ("nm", "cannot read"),
        ("2 +- -0.3 nm", "negative"),
        ("1.2.3 nm", "cannot read|not known"),
    ],
)
def test_what_is_not_meant_is_refused_by_name(text, told):
    with pytest.raises(InputError, match=told) as error:
        parse(text, "nm", "layer")
    assert str(error.value).startswith("layer")


@given(st.floats(1e-30, 1e30))
def test_no_figure_is_lost(value):
    assert parse(f"{value!r} nm", "nm") == pytest.approx(value, rel=1e-14)
