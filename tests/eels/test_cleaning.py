"""Spikes, vacuum and roll-off that were put in on purpose."""

import numpy as np
import pytest

from oxyspy.eels.cleaning import bright, clean, roll_off, saturated

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
    cleaned, valid, report = clean(counts)
    assert set(report.spike_positions) == truth
    assert report.spikes == len(truth) and valid.all()
    for at in truth:
        # the mean of its neighbours, to six of their standard errors
        around = np.delete(counts[at[0], at[1], at[2] - 4 : at[2] + 5], 4).mean()
        assert abs(cleaned[at] - around) < 6 * np.sqrt(gain * max(around, gain)) + 30 * gain


def test_white_lines_are_no_spikes():
    rng = np.random.default_rng(2)
    counts = line_scan(rng, level=20_000.0)
    _, _, report = clean(counts)
    assert report.spikes == 0


def test_clean_counts_are_returned_untouched():
    counts = line_scan(np.random.default_rng(3))
    cleaned, _, _ = clean(counts)
    np.testing.assert_array_equal(cleaned, counts)


def test_vacuum_is_told_by_its_signal_wherever_it_is():
    counts = line_scan(np.random.default_rng(4))
    mixed = counts[:, np.random.default_rng(5).permutation(30)]
    for scan in (counts, mixed):
        _, valid, _ = clean(scan)
        shining = bright(scan, valid)
        np.testing.assert_array_equal(shining, scan.sum(-1) > 0.1 * scan.sum(-1).max())
        assert shining.sum() == 25


def test_positions_without_numbers_are_left_out_and_counted():
    counts = line_scan(np.random.default_rng(6))
    counts[0, 7, 100:110] = np.nan
    counts[0, 8] = 0.0
    cleaned, valid, report = clean(counts)
    assert not valid[0, 7] and not valid[0, 8] and valid.sum() == 28
    assert report.not_finite == 10 and np.isfinite(cleaned).all()


def test_roll_off_at_the_start_is_found_where_it_ends():
    spectrum = 1e5 * (ENERGY / 460.0) ** -2.6
    assert roll_off(ENERGY, spectrum) == ENERGY[0]
    cut = spectrum * (1 - 0.6 * np.exp(-(ENERGY - ENERGY[0]) / 6.0))
    # where the product is highest: d/dE ln = 0 at 6 ln(0.6 (1 + 460/(2.6 x 6))) = 17.5 eV
    assert roll_off(ENERGY, cut) - ENERGY[0] == pytest.approx(17.5, abs=3.0)


@pytest.mark.parametrize("dead", [(700,), (700, 701), (300, 900)])
def test_dead_channels_are_found_and_filled_from_their_neighbours(dead):
    counts = line_scan(np.random.default_rng(12))
    truth = counts[..., list(dead)].copy()
    counts[..., list(dead)] = 0
    cleaned, valid, report = clean(counts)
    assert report.dead_channels == dead and valid.all() and report.spikes == 0
    seen = slice(5, None)
    # the mean of 25 spectra of about 400 counts is known to 1 %, its neighbours' too, and the spectrum is not flat
    assert cleaned[0, seen][:, list(dead)].mean() == pytest.approx(truth[0, seen].mean(), rel=0.05)


def test_nothing_is_called_dead_in_a_sound_or_faint_scan():
    for level in (20_000.0, 400.0, 0.5):
        assert clean(line_scan(np.random.default_rng(13), level=level))[2].dead_channels == ()


def test_spectra_at_the_ceiling_are_left_out_and_listed():
    counts = line_scan(np.random.default_rng(14))
    ceiling = 2500.0
    counts[0, 20] *= 4
    counts = np.minimum(counts, ceiling)
    _, valid, report = clean(counts)
    # the others stay below it, but for chance
    assert (0, 20) in report.saturated and not valid[0, 20]
    assert len(report.saturated) == 1
    assert saturated(np.zeros((3, 50))).sum() == 0
