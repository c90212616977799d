"""The simulator against Poisson's law, closed forms and its own stated truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.simulate import eels, simulate_scan

SMALL = {"n_positions": 30, "step_nm": 0.5, "coating_nm": 3.0}
# so long a low-loss axis that under a thousandth of the losses lies beyond it
LONG_AXIS = {**SMALL, "n_positions": 22, "n_channels": 3600}


def test_total_low_loss_over_the_zero_loss_peak_is_exp_of_thickness():
    scan = simulate_scan(**SMALL, t_over_lambda=0.8, low_counts=1e6)
    # 2 eV hold the whole of a Gaussian peak of 1 eV, and no loss: the gap ends at 2.5 eV
    peak = scan.low_expected[:, np.abs(scan.low_energy) < 2.0].sum(1)
    found = np.log(scan.low_expected.sum(1) / peak)
    # under 1 % of the losses lie beyond the axis, and the gap's end is soft
    np.testing.assert_allclose(found, scan.truth["t_over_lambda"], atol=0.012)
    np.testing.assert_allclose(scan.low_expected.sum(1), 1e6, rtol=0.01)


def test_mean_loss_is_that_of_poissons_law():
    """The mean loss is t/λ times the mean of a single loss, whatever the orders of scattering."""
    scan = simulate_scan(**LONG_AXIS, t_over_lambda=np.linspace(0.4, 1.2, 22), probe_nm=0.0)
    mean = (scan.low_expected * scan.low_true_energy).sum(1) / scan.low_expected.sum(1)
    inside = scan.truth["t_over_lambda"] > 0.1
    each = mean[inside] / scan.truth["t_over_lambda"][inside]
    # the plasmon's tail falls as 1/E³, so that what lies beyond 860 eV is worth 1 % of the mean
    np.testing.assert_allclose(each, each.mean(), rtol=0.01)


def test_longer_axis_changes_nothing(monkeypatch):
    """Twice the channels, and twice as many below, give the same spectra: nothing wraps around."""
    choices = {**SMALL, "n_positions": 20, "t_over_lambda": 1.0}
    short = simulate_scan(**choices)
    monkeypatch.setattr(eels, "LONG", 4 * eels.LONG)
    monkeypatch.setattr(eels, "BELOW", 4 * eels.BELOW)
    long = simulate_scan(**choices)
    # the edges' tails end at 2250 eV on the short axis: seen at 1e-5, a tenth of the noise of 1e8 counts
    np.testing.assert_allclose(short.core_expected, long.core_expected, rtol=5e-5)
    np.testing.assert_allclose(short.low_expected, long.low_expected, atol=2e-6 * long.low_expected.max())


@pytest.mark.parametrize(
    "choices", [{}, {"t_over_lambda": 1.2}, {"loss_tail": 0.1, "tails": 0.05, "core_hole_ev": 0.4}], ids=str
)
def test_fourier_ratio_with_the_zero_loss_area_gives_the_single_scattering_edges_back(choices):
    """A few lines of numpy, no kernel of the package."""
    scan = simulate_scan(**LONG_AXIS, **choices)
    n, low = 2**14, scan.low_expected[-1].astype(float)
    frequency = np.fft.rfftfreq(n, 0.25)
    tails = choices.get("tails", 0.0)
    peak = (1 - tails) * np.exp(-((np.pi * frequency) ** 2) / (4 * np.log(2))) + tails * np.exp(-np.pi * frequency)
    # the zero-loss channel comes first, and the peak's area is that of Poisson's law
    low = np.roll(np.pad(low, (0, n - low.size)), -round(-scan.low_energy[0] / 0.25))
    area = 1e6 * np.exp(-scan.truth["t_over_lambda"][-1])
    found = np.fft.irfft(np.fft.rfft(scan.edges_expected[-1], n) * peak * area / np.fft.rfft(low), n)
    inside = (scan.core_energy > 500) & (scan.core_energy < 920)
    # the low loss lacks what lies beyond its axis, worth a thousandth where the tail is slow
    np.testing.assert_allclose(
        found[: inside.size][inside], scan.edges_single[-1][inside], atol=2e-3 * scan.edges_single[-1].max()
    )


def test_parts_of_the_core_loss_add_up():
    scan = simulate_scan(**SMALL, roll_off=True, beam_noise=0.1, drift_ev=0.3, fluorine=0.1)
    seen = scan.core_expected - scan.edges_expected - scan.background_expected
    # nothing is left but the dark counts, of which the detector's roll-off sees fewer; float32 keeps seven figures
    np.testing.assert_allclose(seen[:, 400:], scan.truth["dark"], atol=2e-3)
    assert (seen < scan.truth["dark"] + 2e-3).all()


def test_counts_have_the_expectation_and_variance_of_poisson_times_gain():
    scan = simulate_scan(**SMALL, gain=4.0, dose=500.0)
    core, _ = scan.noisy(200, seed=1)
    ratio = (core.var(0) / np.maximum(scan.core_expected, 1e-3))[10:, :]
    # 200 draws at 40 000 channels: the mean variance is known to a thousandth
    assert ratio.mean() == pytest.approx(4.0, rel=0.01)
    assert (core.mean(0)[10:] / scan.core_expected[10:]).mean() == pytest.approx(1.0, abs=1e-3)


def test_point_spread_correlates_the_noise_and_leaves_the_expectation():
    scan = simulate_scan(**{**SMALL, "n_positions": 20}, dose=1000.0, blur=1.0)
    core, low = scan.noisy(200, seed=1)
    # 200 draws of a peak of a million counts: its mean is known to a part in ten thousand
    peak = scan.low_expected[-1].argmax()
    assert low[:, -1, peak].mean() == pytest.approx(scan.low_expected[-1, peak], rel=1e-3)
    noise = (core - scan.core_expected)[:, -1]
    # a Gaussian of sigma s gives neighbours the correlation exp(-1/4s²), and leaves 1/(2 s sqrt(pi)) of the variance
    found = (noise[:, 1:] * noise[:, :-1]).mean() / (noise**2).mean()
    assert found == pytest.approx(np.exp(-0.25), abs=0.01)
    assert ((noise**2).mean(0) / scan.core_expected[-1]).mean() == pytest.approx(0.5 / np.sqrt(np.pi), rel=0.01)


def test_background_is_the_stated_power_law_where_there_is_nothing_else():
    scan = simulate_scan(**SMALL, dose=1000.0, beam_noise=0.05)
    truth = scan.truth
    law = truth["background"][:, None] * (scan.core_true_energy / 640.0) ** -truth["background_r"]
    np.testing.assert_allclose(scan.background_expected, law, rtol=1e-5)
    assert truth["background"][-1] == pytest.approx(1000.0 * truth["beam"][-1])
    inside = (scan.core_energy > 465) & (scan.core_energy < 520)
    # no tail of an edge reaches below 520 eV
    np.testing.assert_allclose(scan.core_expected[:, inside], law[:, inside] + truth["dark"], rtol=1e-4, atol=1e-3)


def test_plural_scattering_bends_the_background_by_poissons_series():
    """Electrons of each energy come from lower losses, in orders weighted as (t/λ)^n / n!."""
    scan = simulate_scan(**SMALL, t_over_lambda=1.0, plural_background=True)
    thickness, loss = scan.truth["t_over_lambda"][-1], 0.25 * np.arange(800)
    plasmon = load("simulation")["plasmon"]
    single = loss * plasmon["width"] / ((loss**2 - plasmon["ev"] ** 2) ** 2 + (loss * plasmon["width"]) ** 2)
    single /= (1 + np.exp(-(loss - 3.0) / 0.3)) * single.sum()
    order = np.eye(1, loss.size)[0]
    series = order.copy()
    for n in range(1, 12):
        order = np.convolve(order, single)[: loss.size] * thickness / n
        series += order
    at = np.array([500.0, 560.0, 640.0, 750.0, 900.0])
    bent = (series * (at[:, None] - loss) ** -scan.truth["background_r"]).sum(1)
    found = np.interp(at, scan.core_energy, scan.background_expected[-1])
    assert found[2] == pytest.approx(2000.0, rel=1e-4)
    # losses over 200 eV are left out, which are 1 % of the whole and two thirds of them common to all
    np.testing.assert_allclose(found / found[2], bent / bent[2], rtol=5e-3)


@pytest.mark.parametrize("element", ["Mn", "Co", "Ni"])
def test_areas_have_the_ratios_and_positions_of_their_phases(element):
    scan = simulate_scan(**SMALL, layer_nm=3.0)
    facts, truth = load("simulation")["elements"][element], scan.truth
    middle = np.abs(scan.positions_nm - truth["surface_nm"] - 1.5).argmin()
    # the probe and the interface reach a thousandth of the way to the layer's middle
    for at, phase, rel in ((-1, "bulk", 1e-6), (middle, "layer", 0.01)):
        made = facts[phase]
        assert truth[f"{element}_l3"][at] / truth[f"{element}_l2"][at] == pytest.approx(made["ratio"], rel=rel)
        assert truth[f"{element}_ratio"][at] == pytest.approx(made["ratio"], rel=rel)
        assert truth[f"{element}_l3_ev"][at] == pytest.approx(made["l3"], abs=0.02)
        assert truth[f"{element}_splitting_ev"][at] == pytest.approx(made["splitting"], abs=0.02)


@given(
    low=st.floats(625, 650),
    width=st.floats(1, 30),
    layer_nm=st.sampled_from([0.0, 3.0]),
    fwhm=st.sampled_from([0.8, 1.2]),
)
@settings(max_examples=8)
def test_lines_within_a_window_are_the_edges_less_their_continuum(low, width, layer_nm, fwhm):
    """Summed channels less a continuum of the stated height against the normal distribution."""
    choices = {**SMALL, "n_positions": 22, "layer_nm": layer_nm, "fwhm": fwhm}
    scan = simulate_scan(**choices)
    energy, step = scan.core_true_energy, 0.25
    # whole channels, of which the first and last are half a channel wider than from middle to middle
    first = int(np.rint((low - energy[0]) / step))
    last = first + int(width / step)
    window = energy[first] - step / 2, energy[last] + step / 2
    found = (scan.edges_single - _without_lines(choices).edges_single)[:, first : last + 1].sum(1)
    # a sum of channels misses an integral by h²/24 times the difference of slopes, at most 5e-4 of a line 1.2 eV wide
    np.testing.assert_allclose(scan.lines_within("Mn", *window), found, atol=5e-4 * scan.truth["Mn_l3"].max())


def _without_lines(choices):
    """The same scan with white lines of no area."""
    facts = load("simulation")
    bare = {**facts, "elements": {k: {**v, "lines": 0.0} for k, v in facts["elements"].items()}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eels, "load", lambda name: bare)
        return simulate_scan(**choices)


def test_whole_lines_are_within_a_wide_window():
    scan = simulate_scan(**SMALL, layer_nm=3.0, beam_noise=0.1)
    for element, window in {"Mn": (620, 680), "Co": (760, 820), "Ni": (835, 895)}.items():
        both = scan.truth[f"{element}_l3"] + scan.truth[f"{element}_l2"]
        np.testing.assert_allclose(scan.lines_within(element, *window), both, rtol=1e-6)
    with pytest.raises(InputError, match="no white lines of 'O'"):
        scan.lines_within("O", 520, 540)
    with pytest.raises(InputError, match="tails=0"):
        simulate_scan(**SMALL, core_hole_ev=0.3).lines_within("Mn", 630, 650)


@pytest.mark.parametrize("reverse", [False, True])
def test_metal_sets_in_at_the_surface_and_the_layer_ends_at_the_boundary(reverse):
    scan = simulate_scan(**{**SMALL, "n_positions": 120, "step_nm": 0.1}, layer_nm=3.0, n_channels=256, reverse=reverse)
    truth, way = scan.truth, -1 if reverse else 1
    for share, at in ((truth["bulk_share"] + truth["layer_share"], "surface_nm"), (truth["bulk_share"], "boundary_nm")):
        # both edges are error functions, of which half is at the centre; a straight line between 0.1 nm steps
        assert np.interp(0.5, share[::way], scan.positions_nm[::way]) == pytest.approx(truth[at], abs=1e-3)


def test_coating_has_oxygen_without_pre_edge_and_no_metal():
    scan = simulate_scan(**SMALL)
    truth = scan.truth
    middle = np.abs(scan.positions_nm - truth["surface_nm"] + truth["coating_nm"] / 2).argmin()
    single, energy = scan.edges_single[middle], scan.core_true_energy
    assert truth["Mn_l3"][middle] < 1e-6 * truth["Mn_l3"].max() and np.isnan(truth["Mn_ratio"][middle])
    # 1.5 nm from each interface is 7.5 sigma of the probe
    assert abs(truth["pre_edge"][middle]) < 1e-6 * truth["pre_edge"].max()
    assert single[(energy > 537) & (energy < 545)].mean() > 20 * single[(energy > 522) & (energy < 527)].mean()


def test_pre_edge_weakens_in_the_layer_by_what_is_stated():
    scan = simulate_scan(**SMALL, layer_nm=3.0, wedge_per_nm=0.0, t_over_lambda=0.1)
    stated = load("simulation")["oxygen"]["pre_edge_area"]
    middle = np.abs(scan.positions_nm - scan.truth["surface_nm"] - 1.5).argmin()
    found = scan.truth["pre_edge"][middle] / scan.truth["pre_edge"][-1]
    # the coating's t/λ ends three probes before, the interface five sigmas after
    assert found == pytest.approx(stated["layer"] / stated["bulk"], rel=0.01)


def test_fluorine_is_in_the_coating_alone():
    bare, with_it = (simulate_scan(**SMALL, fluorine=f) for f in (0.0, 0.2))
    added = with_it.edges_single - bare.edges_single
    middle = np.abs(bare.positions_nm - bare.truth["surface_nm"] + 1.5).argmin()
    after, before = bare.core_true_energy > 690, bare.core_true_energy < 675
    assert added[middle, after][0] == pytest.approx(0.2 * 2000.0, rel=0.05)
    np.testing.assert_allclose(added[:, before], 0.0, atol=0.05)
    np.testing.assert_allclose(added[-1], 0.0, atol=0.05)


def test_vacuum_holds_no_electrons_but_the_beam():
    scan = simulate_scan(**SMALL, vacuum_nm=3.0, dose=1000.0)
    assert scan.core_expected[0].max() < 0.01 * scan.core_expected[-1].max()
    assert scan.truth["t_over_lambda"][0] < 1e-6


def test_reversed_scan_is_the_same_scan_backwards():
    there, back = (simulate_scan(**SMALL, reverse=r, beam_noise=0.1, drift_ev=0.5) for r in (False, True))
    for name in ("core_expected", "low_expected", "edges_single", "background_expected"):
        np.testing.assert_array_equal(getattr(there, name), getattr(back, name)[::-1])
    length = there.positions_nm[-1]
    assert back.truth["surface_nm"] == pytest.approx(length - there.truth["surface_nm"])
    for name in ("Mn_ratio", "drift_ev", "beam", "t_over_lambda", "layer_share"):
        np.testing.assert_array_equal(there.truth[name], back.truth[name][::-1])


def test_wrong_axis_is_wrong_by_what_was_asked_for():
    right, wrong = (simulate_scan(**SMALL, axis_offset_ev=o, axis_factor=f) for o, f in ((0, 1), (12.0, 1.02)))
    np.testing.assert_allclose(wrong.core_true_energy, 12.0 + 1.02 * wrong.core_energy)
    for element, window in {"Mn": (635, 650), "Ni": (850, 862)}.items():

        def top(axis, spectrum, window=window):
            inside = (axis > window[0]) & (axis < window[1])
            return axis[inside][spectrum[inside].argmax()]

        at = top(right.core_energy, right.core_expected[-1])
        # two channels
        assert top(wrong.core_true_energy, wrong.core_expected[-1]) == pytest.approx(at, abs=0.5), element


def test_zero_loss_peak_and_edges_drift_together():
    scan = simulate_scan(**SMALL, drift_ev=0.8, zero_loss_at=-3.0, axis_factor=1.02)
    near = np.abs(scan.low_true_energy) < 5.0
    counts = scan.low_expected[:, near]
    vacuum = scan.truth["t_over_lambda"] < 1e-6
    at = (counts * scan.low_true_energy[near]).sum(1) / counts.sum(1)
    # a whole Gaussian is within 5 eV, and there is no loss to pull its mean
    np.testing.assert_allclose(at[vacuum], scan.truth["drift_ev"][vacuum], atol=0.01)
    assert scan.low_energy[scan.low_expected[0].argmax()] == pytest.approx(-3.0, abs=2.0)
    still = simulate_scan(**SMALL, axis_factor=1.02)
    energy = still.core_true_energy
    lines = (energy > 630) & (energy < 665)
    moved = np.interp(energy[lines] - scan.truth["drift_ev"][-1], energy, still.edges_single[-1])
    # straight lines between channels miss (0.26 eV)²/8 times the curvature of a line whose sigma is 1.2 eV: 0.6 %
    np.testing.assert_allclose(scan.edges_single[-1, lines], moved, atol=0.01 * moved.max())


def test_spikes_are_where_the_truth_has_them():
    clean, struck = (simulate_scan(**SMALL, spikes=n, seed=5) for n in (0, 4))
    higher = np.argwhere(struck.core != clean.core)
    assert {tuple(int(i) for i in at) for at in higher} == set(struck.truth["spikes"])
    np.testing.assert_array_equal(struck.core_expected, clean.core_expected)


def test_beam_intensity_is_common_to_both_losses():
    steady, unsteady = (simulate_scan(**SMALL, beam_noise=b) for b in (0.0, 0.1))
    beam = unsteady.truth["beam"]
    assert beam.std() == pytest.approx(0.1, abs=0.05)
    np.testing.assert_allclose(unsteady.low_expected.sum(1) / steady.low_expected.sum(1), beam, rtol=1e-5)
    np.testing.assert_allclose(unsteady.edges_expected[-1].sum() / steady.edges_expected[-1].sum(), beam[-1], rtol=1e-5)


def test_thickness_given_by_position_is_the_cathodes():
    given = np.linspace(0.3, 0.9, SMALL["n_positions"])
    scan = simulate_scan(**SMALL, t_over_lambda=given)
    inside = scan.positions_nm > scan.truth["surface_nm"] + 1.0
    np.testing.assert_allclose(scan.truth["t_over_lambda"][inside], given[inside], rtol=1e-5)
    with pytest.raises(InputError, match="needed a number, or 30 above 0"):
        simulate_scan(**SMALL, t_over_lambda=given[:5])


def test_same_seed_makes_the_same_counts_and_another_seed_others():
    one, same, other = (simulate_scan(**SMALL, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one.core, same.core)
    assert (one.core != other.core).any()
    np.testing.assert_array_equal(one.noisy(2, seed=1)[0], same.noisy(2, seed=1)[0])


def test_truth_has_a_plain_form():
    from oxyspy.results import to_plain

    plain = to_plain(simulate_scan(**SMALL, spikes=2).truth)
    assert plain["layer_nm"] == 2.0 and len(plain["Mn_ratio"]) == 30 and plain["Mn_ratio"][0] is None


def test_line_too_short_for_the_bulk_is_refused():
    with pytest.raises(InputError, match=r"needed 13 nm"):
        simulate_scan(n_positions=20, step_nm=0.3, layer_nm=5.0)
