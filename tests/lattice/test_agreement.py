"""Two witnesses of one layer."""

from types import SimpleNamespace

import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.lattice import combine_layers


def layer(thickness, sigma, supported=True, **more):
    return SimpleNamespace(thickness_nm=thickness, sigma_nm=sigma, supported=supported, **more)


def limit(nm):
    return layer(np.nan, np.nan, False, upper_limit_nm=nm)


def test_equal_witnesses_halve_the_variance():
    both = combine_layers(layer(2.0, 0.2), layer(2.0, 0.2))
    assert both.thickness_nm == pytest.approx(2.0)
    assert both.sigma_nm == pytest.approx(0.2 / np.sqrt(2))
    assert both.agree


def test_disagreement_is_said_and_widens_the_error_to_reach_both():
    both = combine_layers(layer(2.0, 0.1), layer(3.0, 0.1))
    assert not both.agree
    assert "DISAGREE" in str(both)
    assert both.sigma_nm == pytest.approx(0.5)


def test_right_witnesses_disagree_in_five_of_a_hundred():
    rng = np.random.default_rng(0)
    agree = [
        combine_layers(layer(*a), layer(*b)).agree
        for a, b in zip(
            ((2 + 0.3 * rng.normal(), 0.3) for _ in range(4000)),
            ((2 + 0.1 * rng.normal(), 0.1) for _ in range(4000)),
            strict=True,
        )
    ]
    # binomial: 0.95 +- 3 * 0.0034
    assert np.mean(agree) == pytest.approx(0.95, abs=0.011)


def test_missing_witness_is_named():
    both = combine_layers(layer(2, 0.1), layer(np.nan, np.nan, False))
    assert "no layer and no limit by the second" in str(both) and not both.agree


def test_layer_of_one_witness_above_the_limit_of_the_other_is_a_disagreement():
    assert not combine_layers(layer(4.0, 0.2), limit(0.5)).agree
    assert "DISAGREE" in str(combine_layers(limit(0.5), layer(4.0, 0.2)))
    below = combine_layers(layer(0.6, 0.1), limit(0.8))
    assert below.agree and np.isnan(below.thickness_nm)
    assert "a layer of 0.60 ± 0.10 nm by the first; none above 0.80 nm (95 %) by the second" in str(below)
    # the two limits say the same: no layer
    assert combine_layers(limit(0.5), limit(1.0)).agree


def test_limit_of_95_percent_is_disagreed_with_in_five_of_a_hundred_at_most():
    # a true thickness at the limit is what 5 % of right limits leave out
    rng = np.random.default_rng(0)
    agree = [combine_layers(layer(1.0 + 0.05 * rng.normal(), 0.05), limit(1.0)).agree for _ in range(2000)]
    assert np.mean(agree) > 0.95


def test_spread_along_the_surface_makes_room_for_another_place():
    image = layer(2.0, 0.05, surface_spread_nm=0.5)
    both = combine_layers(layer(2.5, 0.1), image)
    assert both.agree
    # of the mean along the surface the image is the better witness
    assert both.thickness_nm == pytest.approx(2.0, abs=0.01) and both.sigma_nm < 0.05
    assert not combine_layers(layer(2.5, 0.1), layer(2.0, 0.05, surface_spread_nm=np.nan)).agree


@pytest.mark.parametrize("bad", [layer(2.0, 0.0), layer(np.nan, 0.1), layer(2.0, np.nan)])
def test_layer_without_an_error_is_refused(bad):
    with pytest.raises(InputError, match="second layer of .* needed a thickness and a standard error above zero"):
        combine_layers(layer(2.0, 0.1), bad)


def by_spectra(layer_nm, seed):
    """A reacted layer fitted to a profile of L3 and L2 areas along a line, of Mn2+ on Mn4+."""
    from scipy.special import ndtr

    from oxyspy.layer import Witness, fit_layer

    rng = np.random.default_rng(seed)
    x = 0.3 * np.arange(60)
    total = 4000.0 * ndtr((x - 6.0) / 0.3)
    # L3 over L3 + L2 of the project's own references: 4.3 / 5.3 and 1.98 / 2.98
    share = 1.98 / 2.98 + (4.3 / 5.3 - 1.98 / 2.98) * ndtr((6.0 + layer_nm - x) / 0.3)
    v3, v2 = total * share * 5 + 2000.0, total * (1 - share) * 5 + 2000.0
    l3, l2 = (
        amount + rng.normal(size=60) * np.sqrt(v) for amount, v in ((total * share, v3), (total * (1 - share), v2))
    )
    return fit_layer(x, (l3 + l2, v3 + v2), [Witness("Mn L3 / (L3 + L2)", l3, l3 + l2, v3, v3 + v2, v3)])


def by_image(layer_nm):
    from oxyspy.lattice import phase_map
    from oxyspy.simulate import simulate_image

    return phase_map(simulate_image((500, 500), thickness_nm=layer_nm, seed=5).counts, 0.02).layer_thickness()


def test_spectra_and_image_of_one_layer_agree_and_combine_to_it():
    image = by_image(2.0)
    both = combine_layers(by_spectra(2.0, 1), image)
    assert both.agree and both.sigma_nm < image.sigma_nm
    assert both.thickness_nm == pytest.approx(2.0, abs=3 * both.sigma_nm)
    # spectra of a layer twice as thick are of another place
    assert not combine_layers(by_spectra(4.0, 1), image).agree
