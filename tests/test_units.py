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
        # as papers and this package print them
        ("7e-19 cm2/s", "cm**2/s", 7e-19),
        ("5e22 cm-3", "1/cm**3", 5e22),
        ("1.455e6 eV-1 cm-1 s-1", "1/(eV*cm*s)", 1.455e6),
        ("2.12 g/cm3", "kg/m**3", 2120.0),
        ("-5.24eV", "eV", -5.24),
        ("5 µm", "nm", 5000.0),
        ("20 Å", "nm", 2.0),
        ("27 degC", "K", 300.15),
        # the faraday: 96 485.3321233 J/mol for 1 eV; and N_A = 6.02214076e23
        ("96.48533212331002 kJ/mol", "eV", 1.0),
        ("0.1 mol/cm^3", "1/cm^3", 6.02214076e22),
    ],
)
def test_numbers_with_units_are_read(text, unit, value):
    assert parse(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "2.0+-0.3nm",
        "2.0 ± 0.3 nm",
        "2.0 +/- 0.3nm",
        "2 +- 0.3 nm",
        "2 nm ± 0.3 nm",
        "2 nm ± 3 Å",
        "2nm+-0.3",
        "2 nm ± 15 %",
    ],
)
def test_errors_are_read_with_their_values(text):
    assert parse_measured(text, "nm") == pytest.approx((2.0, 0.3))


def test_errors_of_celsius_are_those_of_kelvin():
    assert parse_measured("25 +- 2 degC", "K") == pytest.approx((298.15, 2.0))
    assert parse_measured("25 degC", "K")[1] == 0.0


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


def test_coulombs_in_place_of_degrees_are_told_how_to_be_written():
    with pytest.raises(InputError, match="converts to K; degrees are written degC"):
        parse("60 C", "K", "temperature")


@given(st.floats(1e-30, 1e30))
def test_no_figure_is_lost(value):
    assert parse(f"{value!r} nm", "nm") == pytest.approx(value, rel=1e-14)
