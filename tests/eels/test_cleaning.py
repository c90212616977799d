"""Spikes, vacuum and roll-off that were put in on purpose."""

import numpy as np
import pytest

from oxyspy.eels.cleaning import bright, clean, clean_low_loss, roll_off, saturated
from scattering import STEP, loss_axis, low_loss

ENERGY = 460.0 + 0.25 * np.arange(1600)


def line_scan(rng, gain=1.0, level=400.0, positions=30):
    """Poisson counts of a power law with one white line; the first five positions are vacuum."""
    spectrum = level * (ENERGY / 640.0) ** -2.6 + level * np.exp(-0.5 * ((ENERGY - 642) / 1.2) ** 2)
    height = np.where(np.arange(positions) < 5, 0.002, 1.0)
    return (gain * rng.poisson(height[:, None] * spectrum / gain)).astype(np.float32)[None]


@pytest.mark.parametrize("gain", [1.0, 4.0, 0.3])
def test_every_spike_is_found_and_nothing_else(gain):
    rng = np.random.default_rng(1)
    counts = line_scan(rng, gain)
    truth = {(0, int(p), int(c)) for p, c in zip(rng.integers(0, 30, 12), rng.integers(20, 1500, 12), strict=True)}
    for at in truth:
        counts[at] += 60 * np.sqrt(400.0 * gain)
    cleaned, valid, report = clean(counts, 0.25)
    assert set(report.spike_positions) == truth
    assert report.spikes == len(truth) and valid.all()
    for at in truth:
        # the mean of its neighbours, to six of their standard errors
        around = np.delete(counts[at[0], at[1], at[2] - 4 : at[2] + 5], 4).mean()
        assert abs(cleaned[at] - around) < 6 * np.sqrt(gain * max(around, gain)) + 30 * gain


def test_white_lines_are_no_spikes():
    rng = np.random.default_rng(2)
    counts = line_scan(rng, level=20_000.0)
    _, _, report = clean(counts, 0.25)
    assert report.spikes == 0


def test_clean_counts_are_returned_untouched():
    counts = line_scan(np.random.default_rng(3))
    cleaned, _, _ = clean(counts, 0.25)
    np.testing.assert_array_equal(cleaned, counts)


def test_vacuum_is_told_by_its_signal_wherever_it_is():
    counts = line_scan(np.random.default_rng(4))
    mixed = counts[:, np.random.default_rng(5).permutation(30)]
    for scan in (counts, mixed):
        _, valid, _ = clean(scan, 0.25)
        shining = bright(scan, valid)
        np.testing.assert_array_equal(shining, scan.sum(-1) > 0.1 * scan.sum(-1).max())
        assert shining.sum() == 25


def test_positions_without_numbers_are_left_out_and_counted():
    counts = line_scan(np.random.default_rng(6))
    counts[0, 7, 100:110] = np.nan
    counts[0, 8] = 0.0
    cleaned, valid, report = clean(counts, 0.25)
    assert not valid[0, 7] and not valid[0, 8] and valid.sum() == 28
    assert report.not_finite == 10 and report.not_finite_positions == ((0, 7),)
    assert np.isfinite(cleaned).all()


def test_roll_off_at_the_start_is_found_where_it_ends():
    spectrum = 1e5 * (ENERGY / 460.0) ** -2.6
    assert roll_off(ENERGY, spectrum) == ENERGY[0]
    cut = spectrum * (1 - 0.6 * np.exp(-(ENERGY - ENERGY[0]) / 6.0))
    # where the product is highest: d/dE ln = 0 at 6 ln(0.6 (1 + 460/(2.6 x 6))) = 17.5 eV
    assert roll_off(ENERGY, cut) - ENERGY[0] == pytest.approx(17.5, abs=3.0)


@pytest.mark.parametrize("dead", [(700,), (700, 701), (300, 900), (0, 1), (1599,)])
def test_dead_channels_are_found_and_filled_from_their_neighbours(dead):
    counts = line_scan(np.random.default_rng(12))
    truth = counts[..., list(dead)].copy()
    counts[..., list(dead)] = 0
    cleaned, valid, report = clean(counts, 0.25)
    assert report.dead_channels == dead and valid.all() and report.spikes == 0
    assert report.masked_channels == report.hot_channels == ()
    seen = slice(5, None)
    # the mean of 25 spectra of about 400 counts is known to 1 %, its neighbours' too, and the spectrum is not flat
    assert cleaned[0, seen][:, list(dead)].mean() == pytest.approx(truth[0, seen].mean(), rel=0.05)


@pytest.mark.parametrize("length", [3, 4, 5, 6, 8, 20])
def test_longer_dead_runs_are_found_whole_filled_and_masked(length):
    counts = line_scan(np.random.default_rng(15))
    run = tuple(range(758, 758 + length))
    counts[..., list(run)] = 0
    cleaned, _, report = clean(counts, 0.25)
    assert report.dead_channels == report.masked_channels == run
    assert f"758-{757 + length}" in str(report) and "nothing is measured" in str(report)
    assert cleaned[0, 5:, list(run)].min() > 0


@pytest.mark.parametrize("at", [300, 727, 760])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda c: np.full_like(c, 65535.0), "hot_channels"),
        (lambda c: np.full_like(c, 700.0), "hot_channels"),
        (lambda c: 1.5 * c, "hot_channels"),
        (lambda c: c + 400.0, "hot_channels"),
        (lambda c: 0.6 * c, "dead_channels"),
    ],
)
def test_hot_stuck_and_weak_channels_are_found_also_on_a_white_line(at, change, found):
    """Channel 727 is the top of the line, 760 its tail."""
    counts = line_scan(np.random.default_rng(16))
    truth = counts[0, 5:, at].mean()
    counts[..., at] = change(counts[..., at])
    cleaned, valid, report = clean(counts, 0.25)
    assert valid.all() and report.spikes == 0
    assert report.dead_channels + report.hot_channels == getattr(report, found) == (at,)
    # as above; between the neighbours of a maximum a line is 2 % low
    assert cleaned[0, 5:, at].mean() == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("step", [0.05, 0.25, 1.0])
@pytest.mark.parametrize("positions", [1, 30])
def test_sharp_lines_of_a_specimen_are_neither_spikes_nor_bad_channels(step, positions):
    rng = np.random.default_rng(17)
    energy = 600.0 + step * np.arange(1200)
    for level in (3.0, 1e3, 1e5):
        # as wide as the narrowest there is, and ten times as high as what it stands on
        spectrum = level * (energy / 600.0) ** -3
        spectrum += 10 * level * np.exp(-4 * np.log(2) * ((energy[:, None] - [642.3, 652.7]) / 1.05) ** 2).sum(1)
        counts = rng.poisson(spectrum, (1, positions, energy.size)).astype(np.float32)
        assert str(clean(counts, step)[2]) == "nothing to clean"


def test_spikes_in_the_first_and_last_channels_and_in_a_single_spectrum_are_found():
    counts = line_scan(np.random.default_rng(18))
    truth = {(0, 20, 0), (0, 21, 1), (0, 22, 2), (0, 23, 1599), (0, 24, 1598)}
    for at in truth:
        counts[at] += 3000
    assert set(clean(counts, 0.25)[2].spike_positions) == truth
    alone = line_scan(np.random.default_rng(19), level=20_000.0)[:, 20:21]
    alone[0, 0, 500] += 60_000
    assert clean(alone, 0.25)[2].spike_positions == ((0, 0, 500),)


def low_losses(rng, positions=20):
    expected = np.maximum(low_loss(0.5, total=1e5), 0)
    return rng.poisson(expected, (1, positions, expected.size)).astype(np.float32)


@pytest.mark.parametrize("charge", [2e3, 1e7])
def test_spike_in_a_low_loss_is_found_and_the_zero_loss_peak_stays(charge):
    low = low_losses(np.random.default_rng(20))
    # drift of the peak, more than its width from one position to the next
    low = np.stack([np.roll(s, 6 * (i % 3)) for i, s in enumerate(low[0])])[None]
    spiked = low.copy()
    spiked[0, 7, 300] += charge
    cleaned, report = clean_low_loss(spiked, loss_axis())
    assert report.spike_positions == ((0, 7, 300),)
    peak = slice(0, int((20 + 8) / STEP))
    np.testing.assert_array_equal(cleaned[..., peak], low[..., peak])
    assert str(clean_low_loss(low, loss_axis())[1]) == "nothing to clean"


def test_low_losses_without_numbers_are_emptied_and_listed():
    low = low_losses(np.random.default_rng(21))
    low[0, 4, 9] = np.nan
    cleaned, report = clean_low_loss(low, loss_axis())
    assert report.not_finite_positions == ((0, 4),) and not cleaned[0, 4].any() and cleaned[0, 5].any()


def test_nothing_is_called_dead_in_a_sound_or_faint_scan():
    for level in (20_000.0, 400.0, 0.5):
        assert clean(line_scan(np.random.default_rng(13), level=level), 0.25)[2].dead_channels == ()


def test_spectra_at_the_ceiling_are_left_out_and_listed():
    counts = line_scan(np.random.default_rng(14))
    ceiling = 2500.0
    counts[0, 20] *= 4
    counts = np.minimum(counts, ceiling)
    _, valid, report = clean(counts, 0.25)
    # the others stay below it, but for chance
    assert (0, 20) in report.saturated and not valid[0, 20]
    assert len(report.saturated) == 1
    assert saturated(np.zeros((3, 50))).sum() == 0
