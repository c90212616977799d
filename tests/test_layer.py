"""Reacted layers of known thickness, from profiles of areas with known errors."""

import numpy as np
import pytest
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.layer import Witness, fit_layer

SURFACE = 6.0


def profiles(layer_nm, rng, n=60, step=0.3, width=0.3, amount=4000.0, reverse=False):
    """Positions, metal signal and L3-share witness of a wedge with Mn4+ below Mn2+."""
    x = step * np.arange(n)
    share = {"bulk": 1.98 / 2.98, "layer": 4.3 / 5.3}
    total = amount * ndtr((x - SURFACE) / 0.3) * (1 + 0.01 * (x - SURFACE))
    inside = ndtr((SURFACE + layer_nm - x) / width) if layer_nm else np.zeros(n)
    part = share["bulk"] + (share["layer"] - share["bulk"]) * inside
    v3, v2 = total * part * 5 + 2000.0, total * (1 - part) * 5 + 2000.0
    l3 = total * part + rng.normal(size=n) * np.sqrt(v3)
    l2 = total * (1 - part) + rng.normal(size=n) * np.sqrt(v2)
    if reverse:
        l3, l2, v3, v2 = (a[::-1] for a in (l3, l2, v3, v2))
    return x, (l3 + l2, v3 + v2), Witness("Mn L3 / (L3 + L2)", l3, l3 + l2, v3, v3 + v2, v3)


def fit(layer_nm, rng, **choices):
    x, metal, witness = profiles(layer_nm, rng, **choices)
    return fit_layer(x, metal, [witness])


@pytest.mark.parametrize("layer_nm", [1.0, 2.0, 4.0])
def test_thickness_is_unbiased_and_its_intervals_hold_the_truth(layer_nm):
    rng = np.random.default_rng(int(10 * layer_nm))
    found = [fit(layer_nm, rng) for _ in range(80)]
    assert np.mean([f.supported for f in found]) > 0.95
    found = [f for f in found if f.supported]
    thickness = np.array([f.thickness_nm for f in found])
    # three standard errors of the mean, and the grid's 0.02 nm
    assert abs(thickness.mean() - layer_nm) < 3 * thickness.std() / np.sqrt(len(found)) + 0.02
    for name, coverage in (("interval_68_nm", 0.683), ("interval_95_nm", 0.95)):
        ends = np.array([getattr(f, name) for f in found])
        inside = ((ends[:, 0] <= layer_nm) & (layer_nm <= ends[:, 1])).mean()
        # three binomial standard errors of 80; the model's own 0.03 nm makes intervals a little too wide
        allowed = 3 * np.sqrt(coverage * (1 - coverage) / len(found))
        assert coverage - allowed < inside < coverage + allowed + 0.04


def test_pristine_scans_claim_no_layer_and_give_a_limit():
    rng = np.random.default_rng(1)
    found = [fit(0.0, rng) for _ in range(60)]
    # under 5 in 100 is what is promised; 60 are drawn
    assert sum(f.supported for f in found) <= 3
    limits = [f.upper_limit_nm for f in found if not f.supported]
    assert np.isfinite(limits).all() and max(limits) < 1.5
    assert "not preferred" in found[0].reason or "not resolved" in found[0].reason
    # the bulk does not begin where chance ends: a limit follows the ratios, which would then be chosen by their values
    beyond = [f.surface_nm + 2.0 + step for f in found if not f.supported for step in (-0.05, 0.05)]
    bulk = [f.in_bulk(np.array(beyond[2 * k : 2 * k + 2])) for k, f in enumerate(f for f in found if not f.supported)]
    assert (np.array(bulk) == [False, True]).all()


def test_upper_limit_holds_a_layer_too_weak_to_claim():
    rng = np.random.default_rng(2)
    found = [fit(0.7, rng, amount=150.0) for _ in range(60)]
    missed = [f for f in found if not f.supported]
    assert len(missed) > 12
    # 95 %, less three binomial standard errors
    assert np.mean([f.upper_limit_nm > 0.7 for f in missed]) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(missed))


def test_line_from_the_bulk_to_the_surface_gives_the_same():
    forward, backward = (fit(2.0, np.random.default_rng(3), reverse=r) for r in (False, True))
    assert backward.reversed and not forward.reversed
    # the grids stand differently on the positions
    assert backward.thickness_nm == pytest.approx(forward.thickness_nm, abs=0.05)
    assert backward.surface_nm == pytest.approx(59 * 0.3 - SURFACE, abs=0.1)


def test_steady_drift_along_the_line_is_no_layer():
    rng = np.random.default_rng(4)
    x, metal, witness = profiles(0.0, rng)
    drifting = Witness(
        "drifting",
        witness.num * (1 - 0.004 * (x - SURFACE)),
        witness.den,
        witness.var_num,
        witness.var_den,
        witness.cov,
    )
    assert not fit_layer(x, metal, [drifting]).supported


def test_scan_that_never_reaches_the_surface_says_so():
    rng = np.random.default_rng(5)
    x, (metal, variance), witness = profiles(2.0, rng)
    inside = x > SURFACE + 1
    cut = Witness("w", *(getattr(witness, f)[inside] for f in ("num", "den", "var_num", "var_den", "cov")))
    found = fit_layer(x[inside], (metal[inside], variance[inside]), [cut])
    assert not found.supported and np.isnan(found.thickness_nm)
    assert "does not cross the cathode's surface" in found.reason


def test_positions_without_numbers_have_no_weight():
    rng = np.random.default_rng(6)
    x, (metal, variance), witness = profiles(2.0, rng)
    whole = fit_layer(x, (metal, variance), [witness])
    holes = {f: np.array(getattr(witness, f)) for f in ("num", "den", "var_num", "var_den", "cov")}
    for values in holes.values():
        values[[5, 30, 41]] = np.nan
    found = fit_layer(x, (metal, variance), [Witness("w", **holes)])
    assert found.thickness_nm == pytest.approx(whole.thickness_nm, abs=0.15)


def test_too_few_or_falling_positions_are_refused():
    x, metal, witness = profiles(2.0, np.random.default_rng(7))
    with pytest.raises(InputError, match="at least 8 positions"):
        fit_layer(x[:5], (metal[0][:5], metal[1][:5]), [witness])
    with pytest.raises(InputError, match="must rise"):
        fit_layer(x[::-1], metal, [witness])


def test_one_layer_below_another_is_told_from_a_single_one():
    rng = np.random.default_rng(8)
    x = 0.3 * np.arange(60)
    total = 40_000.0 * ndtr((x - SURFACE) / 0.3)
    # rocksalt-like for 2 nm, spinel-like for 3 nm more, then the bulk
    part = 0.66 + 0.08 * ndtr((SURFACE + 2 - x) / 0.3) + 0.08 * ndtr((SURFACE + 5 - x) / 0.3)
    v3, v2 = total * part * 5 + 2000.0, total * (1 - part) * 5 + 2000.0
    found = []
    for _ in range(20):
        l3, l2 = (m + rng.normal(size=x.size) * np.sqrt(v) for m, v in ((total * part, v3), (total * (1 - part), v2)))
        found.append(fit_layer(x, (l3 + l2, v3 + v2), [Witness("w", l3, l3 + l2, v3, v3 + v2, v3)]))
    two = np.array([f.two_nm for f in found])
    assert np.isfinite(two).all()
    # a boundary's own error here is about 0.1 nm, of 20 the mean 0.03; the grid's step is 0.1
    assert two.mean(0) == pytest.approx([2.0, 5.0], abs=0.1)
    single = [fit(2.0, rng) for _ in range(40)]
    assert np.isnan([f.two_nm[0] for f in single if f.supported]).mean() > 0.95


@pytest.mark.parametrize(("n", "step", "slope"), [(500, 0.5, 0.1), (200, 0.1, 1.0), (300, 2.0, 0.02)])
def test_surface_of_a_long_wedge_is_at_its_edge_not_where_it_is_half_as_thick_as_at_its_end(n, step, slope):
    rng = np.random.default_rng(7)
    x, surface, layer_nm = step * np.arange(n), 20.0 if step > 0.1 else 8.0, 3.0
    depth = x - surface
    metal = np.maximum(2000 * (1 + slope * depth), 0) * ndtr(depth / 0.3)
    part = 0.66 + 0.14 * ndtr((layer_nm - depth) / 0.3)
    v3, v2 = part * metal + 20, (1 - part) * metal + 20
    l3, l2 = rng.normal(part * metal, np.sqrt(v3)), rng.normal((1 - part) * metal, np.sqrt(v2))
    found = fit_layer(x, (l3 + l2, v3 + v2), [Witness("Mn L3 / (L3 + L2)", l3, l3 + l2, v3, v3 + v2, v3)])
    # four standard errors, and the step where the blur is thinner than it
    assert abs(found.surface_nm - surface) < 4 * found.surface_sigma_nm + 0.02
    assert found.interval_95_nm[0] < layer_nm < found.interval_95_nm[1]


def test_positions_in_the_wrong_unit_are_refused():
    x, metal, witness = profiles(2.0, np.random.default_rng(8))
    with pytest.raises(InputError, match="unit"):
        fit_layer(1e6 * x, metal, [witness])
