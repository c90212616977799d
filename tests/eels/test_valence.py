"""Valence by a calibration of the same method, and never by another."""

from dataclasses import replace

import numpy as np
import pytest

from oxyspy.eels.edges import edge
from oxyspy.eels.valence import calibrate_valence, load_calibration
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.errors import InputError, MethodError

MN = load_calibration("mn_references")


@pytest.mark.parametrize("standard", MN.standards, ids=lambda s: f"Mn{s.valence:.0f}")
def test_standards_convert_to_themselves(standard):
    valence, sigma = MN.valence(standard.ratio, 0.01, MN.method)
    assert valence == pytest.approx(standard.valence) and sigma > 0
    assert MN.valence_by_splitting(standard.splitting_ev) == pytest.approx(standard.valence)


def test_shipped_standards_have_the_medians_that_were_found_before():
    # project notes: splittings 12.20 [12.07-12.38], 10.76 [10.46-11.24], 10.22 [9.86-10.66] eV by another smoothing
    for standard, splitting in zip(MN.standards, (12.20, 10.76, 10.22), strict=True):
        assert standard.splitting_ev == pytest.approx(splitting, abs=0.2)
    assert [s.n for s in MN.standards] == [10, 9, 12]
    ratios = [s.ratio for s in MN.standards]
    assert ratios == sorted(ratios, reverse=True)


def test_ratio_of_another_method_is_refused_with_both_methods_named():
    other = WhiteLineMethod.of(edge("Mn_L"))
    with pytest.raises(MethodError, match=r"(?s)post window 657-659.*post window 662-680.*calibrate_valence"):
        MN.valence(2.0, 0.1, other)


def test_background_window_alone_makes_no_other_method():
    longer = replace(MN.method, background=(590.0, 632.0))
    assert np.isfinite(MN.valence(2.4, 0.05, longer)[0])


def test_ratio_beyond_all_standards_is_no_valence():
    valence, sigma = MN.valence([0.9, 30.0, np.nan], [0.05, 0.5, 0.1], MN.method)
    assert np.isnan(valence).all() and np.isnan(sigma).all()


def test_errors_hold_the_spread_of_the_standards():
    _, tight = MN.valence(3.3, 0.0, MN.method)
    _, loose = MN.valence(3.3, 0.5, MN.method)
    assert 0.1 < tight < loose


def test_calibration_of_own_standards_by_hand():
    method = WhiteLineMethod.of(edge("Mn_L"))
    made = calibrate_valence({2.0: [4.2, 4.4], 4.0: [2.0, 2.0]}, {2.0: [12.2, 12.2], 4.0: [10.2, 10.2]}, method, "own")
    valence, sigma = made.valence(3.15, 0.1, method)
    # half-way; slope 2 / 2.3 by the ratio's error 0.1 and half the standards' spread 0.1
    assert valence == pytest.approx(3.0)
    assert sigma == pytest.approx(2 / 2.3 * np.hypot(0.1, 0.05), rel=1e-6)


def test_standards_that_do_not_fall_are_refused():
    method = WhiteLineMethod.of(edge("Mn_L"))
    with pytest.raises(InputError, match="must fall"):
        calibrate_valence({2.0: [2.0], 4.0: [3.0]}, {2.0: [12.0], 4.0: [10.0]}, method, "own")


def test_shipped_numbers_are_those_the_script_measures(shared_data, capsys, tmp_path, monkeypatch):
    """The calibration again, from the digitised references."""
    import importlib.util

    from conftest import ROOT

    spec = importlib.util.spec_from_file_location("mn_calibration", ROOT / "benchmarks" / "mn_calibration.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    (tmp_path / "calibrations").mkdir()
    monkeypatch.setattr(script, "DATA", tmp_path)
    script.main(shared_data / "mn-references")
    again = load_calibration(tmp_path / "calibrations" / "mn_references.yaml")
    assert again.standards == MN.standards and again.systematic == MN.systematic
