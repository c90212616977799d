"""Reference fits: shares of known mixtures come back, with errors that cover."""

from dataclasses import replace

import numpy as np
import pytest

from oxyspy.eels.background import fit_power_law
from oxyspy.eels.reference_fit import fit_references
from oxyspy.eels.references import Reference, ReferenceMethod, find_shift, on_axis, reference_shares
from oxyspy.eels.scattering import scatter
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.errors import InputError
from scattering import STEP, loss_axis, low_loss, recorded, white_line_edge

ENERGY = 600.0 + STEP * np.arange(400)
# 2+ and 4+ with the same continuum, so that equal continua are equal numbers of atoms
TWO = white_line_edge(ENERGY, 16_000.0, 3_700.0, 640.6, 652.8, 300.0)
FOUR = white_line_edge(ENERGY, 10_000.0, 5_000.0, 643.3, 653.5, 300.0)
REFERENCES = [
    Reference(name, ENERGY, recorded(one, 0.0), valence, 1.0)
    for name, one, valence in (("MnO", TWO, 2.0), ("MnO2", FOUR, 4.0))
]
METHOD = ReferenceMethod("Mn_L", ("MnO", "MnO2"), (600.0, 632.0), (634.0, 680.0), (662.0, 680.0))


def expected(share, t_over_lambda=0.6, scale=1.0):
    mixed = recorded(share * TWO + (1 - share) * FOUR, t_over_lambda)
    return scale * (mixed + 4000.0 * (ENERGY / 600.0) ** -3.0)


def fitted(counts, t_over_lambda=0.6, method=METHOD, references=REFERENCES, **given):
    low = low_loss(t_over_lambda)
    return reference_shares(counts, ENERGY, references, method, low=low, low_energy=loss_axis(), **given)


@pytest.mark.parametrize("t_over_lambda", [0.2, 0.6, 1.0])
def test_plural_scattering_put_into_standards_is_poissons(t_over_lambda):
    low = low_loss(t_over_lambda)
    found = scatter(recorded(TWO, 0.0)[None], low, loss_axis(), find_zero_loss(low, loss_axis()))[0]
    truth = recorded(TWO, t_over_lambda)
    # 1 %: the mirrored zero-loss peak's area
    np.testing.assert_allclose(found, truth, atol=0.01 * truth.max())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("t_over_lambda", [0.2, 1.0])
def test_shares_of_a_known_mixture_come_back_whatever_the_thickness(share, t_over_lambda):
    found = fitted(expected(share, t_over_lambda), t_over_lambda)
    np.testing.assert_allclose(found.shares, [share, 1 - share], atol=0.005)
    assert found.valence == pytest.approx(2 * share + 4 * (1 - share), abs=0.01)


@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_intervals_of_shares_and_valence_cover_the_truth(scale):
    rng = np.random.default_rng(3)
    # a bound at zero would cut off what the errors of the free fit hold
    method = replace(METHOD, nonnegative=False)
    found = fitted(rng.poisson(expected(0.3, scale=scale), (800, ENERGY.size)), method=method, noise=1.0)
    for value, sigma, exact in (
        (found.shares[:, 0], found.shares_sigma[:, 0], 0.3),
        (found.valence, found.valence_sigma, 3.4),
    ):
        # three binomial standard errors of 800, and 2 % for the ratio's skewness
        assert np.mean(np.abs(value - exact) < sigma) == pytest.approx(0.683, abs=0.07)
        assert np.mean(np.abs(value - exact) < 1.96 * sigma) == pytest.approx(0.95, abs=0.045)
        assert abs(np.median(value) - exact) < 0.2 * np.median(sigma)
    # where the standards explain the counts; at few counts the deviance itself runs a little high
    assert found.deviance.mean() == pytest.approx(1.0, abs=0.05)


def test_spectrum_that_is_no_mixture_has_a_deviance_that_says_so():
    other = white_line_edge(ENERGY, 12_000.0, 5_000.0, 638.0, 649.0, 300.0)
    counts = recorded(other, 0.6) + 4000.0 * (ENERGY / 600.0) ** -3.0
    assert fitted(counts, noise=1.0).deviance > 5


def test_no_share_is_negative_unless_asked_for():
    counts = np.random.default_rng(4).poisson(expected(0.0, scale=0.02), (300, ENERGY.size))
    bounded = fitted(counts, noise=1.0)
    assert np.nanmin(bounded.shares) == 0.0
    background = fit_power_law(counts, ENERGY, METHOD.background)
    standards = on_axis(REFERENCES, ENERGY, METHOD.window, METHOD.normalisation)
    coefficients, *_ = fit_references(counts, ENERGY, background, standards, METHOD.window, nonnegative=False)
    assert (coefficients[:, 0] < 0).mean() > 0.3


def test_shift_of_the_axis_is_found_with_an_error_that_covers():
    rng = np.random.default_rng(5)
    moved = [Reference(r.name, r.energy - 0.63, r.intensity, r.valence, r.fwhm) for r in REFERENCES]
    low = low_loss(0.6)
    window = ReferenceMethod("Mn_L", METHOD.names, METHOD.background, (634.0, 676.0), (662.0, 676.0), shift="fitted")
    off = []
    for _ in range(6):
        counts = rng.poisson(expected(0.3, scale=0.05), (4, ENERGY.size))
        shift, sigma = find_shift(counts, ENERGY, moved, window, low=low, low_energy=loss_axis())
        off.append((shift - 0.63) / sigma)
    # six draws: their mean square is known to 0.6
    assert np.sqrt(np.mean(np.square(off))) < 2.0
    found = fitted(expected(0.3), method=window, references=moved, shift=(shift, sigma))
    assert found.shares_sigma[0] > fitted(expected(0.3), method=window, references=moved).shares_sigma[0]


def test_standards_that_cannot_serve_are_refused_by_name():
    short = Reference("short", ENERGY[ENERGY < 660], TWO[ENERGY < 660], 2.0)
    blunt = Reference("blunt", ENERGY, TWO, 2.0, fwhm=3.0)
    coarse = Reference("coarse", ENERGY[::16], TWO[::16], 2.0)
    for one, words in (
        (short, "short: it reaches from"),
        (blunt, "blunt: its resolution is 3"),
        (coarse, "4 eV apart"),
    ):
        with pytest.raises(InputError, match=words):
            fitted(expected(0.3), references=[one, REFERENCES[1]])
    with pytest.raises(InputError, match="cannot be told apart"):
        fitted(expected(0.3), references=[REFERENCES[0], REFERENCES[0]])


def test_sharper_standards_are_blurred_to_the_scans_resolution():
    sharp = [Reference(r.name, ENERGY, recorded(one, 0.0, 0.5), r.valence, 0.5)
             for r, one in zip(REFERENCES, (TWO, FOUR), strict=True)]  # fmt: skip
    assert fitted(expected(0.3), references=sharp).shares[0] == pytest.approx(0.3, abs=0.01)


def test_empty_spectra_have_no_shares_and_spoil_no_other():
    counts = np.stack([expected(0.3), np.zeros(ENERGY.size), np.full(ENERGY.size, np.nan), expected(0.3)])
    found = fitted(counts, noise=1.0)
    assert np.isnan(found.shares[1:3]).all()
    np.testing.assert_allclose(found.shares[[0, 3], 0], 0.3, atol=0.005)


def test_fingerprint_tells_fits_apart():
    others = [
        ReferenceMethod(**{**METHOD.to_dict(), **change})
        for change in ({"names": ("a",)}, {"window": (635.0, 680.0)}, {"nonnegative": False}, {"scattered": False})
    ]
    assert len({METHOD.fingerprint, *(m.fingerprint for m in others)}) == 5


def test_real_mn_standards_find_themselves(shared_data):
    def read(name):
        table = np.genfromtxt(shared_data / "mn-references" / f"{name}.csv", delimiter=",")
        return table[np.isfinite(table).all(1)].T

    names = {"Mn2_01": 2.0, "Mn4_01": 4.0}
    references = [Reference(n, *read(n), valence) for n, valence in names.items()]
    last = min(r.energy.max() for r in references) - 0.5
    method = ReferenceMethod("Mn_L", tuple(names), (600.0, 632.0), (636.0, last), (last - 2.0, last), scattered=False)
    standards = on_axis(references, ENERGY, method.window, method.normalisation)
    counts = np.random.default_rng(6).poisson(
        500.0 * (0.4 * standards[0] + 0.6 * standards[1]) + 4000.0 * (ENERGY / 600.0) ** -3.0, (50, ENERGY.size)
    )
    found = reference_shares(counts, ENERGY, references, method, noise=1.0)
    assert found.valence.mean() == pytest.approx(3.2, abs=3 * found.valence_sigma.mean() / np.sqrt(50) + 0.01)
