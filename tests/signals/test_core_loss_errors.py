"""What a user may guess wrong on signals is told in words: names, windows, axes, steps taken twice."""

import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.eels.edges import edge
from oxyspy.eels.valence import calibrate_valence
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.errors import InputError, MethodError
from oxyspy.signals import CoreLossEELSSpectrum
from oxyspy.simulate import simulate_scan

N = 14


@pytest.fixture(scope="module")
def scan():
    return simulate_scan(layer_nm=0.0, n_positions=N, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0, seed=1)


def signal(counts, axis, kind="core_loss_EELS"):
    made = hs.signals.Signal1D(counts)
    made.set_signal_type(kind)
    energy = made.axes_manager.signal_axes[0]
    energy.name, energy.offset, energy.scale, energy.units = "Energy loss", *axis, "eV"
    for position in made.axes_manager.navigation_axes:
        position.name, position.scale, position.units = "x", 0.5, "nm"
    return made


@pytest.fixture
def core(scan):
    return signal(scan.core, scan.core_axis)


@pytest.fixture
def low(scan):
    return signal(scan.low, scan.low_axis, "EELS")


@pytest.mark.parametrize(
    ("choices", "match"),
    [
        ({"foo": 3}, r"no choice 'foo'; there are background, post, l3_half"),
        ({"l3half": 5}, r"no choice 'l3half', did you mean 'l3_half'\?"),
        ({"background": (600, 620)}, r"background is no choice of white_lines: .*remove_power_law\(edge, window="),
        ({"deconvolution": "none"}, r"deconvolution is no choice of white_lines: it was made by deconvolve"),
        ({"gaussian_fwhm": 1.0}, r"gaussian_fwhm is no choice of white_lines"),
        ({"step": "round"}, r"step 'round' is not known; use one of sharp, arctan, erf"),
        ({"positions": (643.3,)}, r"positions is two rising energies in eV, L3 and L2; found \(643.3,\)"),
        ({"positions": 643.3}, r"positions is two rising energies"),
        ({"post": (680.0, 662.0)}, r"post is two rising energies in eV, from and to; found \(680.0, 662.0\)"),
        ({"post": (900.0, 950.0)}, r"Mn_L post window: the window 900-950 eV is not inside the axis, which runs from"),
        ({"post": (662.0, 800.0)}, r"Mn_L post window: the window 662-800 eV is not inside the axis.* to 69\d"),
        ({"l3_half": -5}, r"l3_half is a width in eV above 0, found -5"),
        ({"l2_half": 0}, r"l2_half is a width in eV above 0, found 0"),
        ({"post_from": "L3"}, r"post_from 'L3' is not known; use one of axis, L2"),
        ({"errors": "none"}, r"errors 'none' are not known"),
    ],
)
def test_choices_that_cannot_be_are_named_with_what_can(core, choices, match):
    net = core.remove_power_law("Mn_L")
    with pytest.raises(InputError, match=match):
        net.white_lines(**choices)
    # the recorded signal holds more of the axis
    if "errors" not in choices and max(choices.get("post", (0.0,))) < 700.0:
        with pytest.raises(InputError):
            core.white_line_maps("Mn_L", **choices)


def test_longer_post_window_is_measured_whole_where_the_segment_holds_it(core):
    short = core.remove_power_law("Mn_L").white_lines()
    longer = core.remove_power_law("Mn_L", end=720.0).white_lines(post=(662.0, 710.0))
    assert "post window 662-710 eV" in longer["ratio"].metadata.oxyspy.method
    assert not np.allclose(longer["continuum"].data, short["continuum"].data)
    whole = core.white_line_maps("Mn_L", post=(662.0, 710.0))
    assert whole["continuum"].data[5] == pytest.approx(longer["continuum"].data[5], rel=0.02)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s: s.remove_power_law("Zz_L"), r"edge 'Zz_L' is not known; known are O_K"),
        (lambda s: s.remove_power_law("Mn_L", window=(632.0, 600.0)), r"must rise"),
        (lambda s: s.remove_power_law("Mn_L", window=(620.0, 660.0)), r"620-660 eV ends above the edge at 642 eV"),
        (lambda s: s.remove_power_law("Mn_L", window=(100.0, 120.0)), r"not inside the axis, which runs from 460"),
        (lambda s: s.remove_power_law("O_K").white_lines(), r"O_K has no white lines; measure it with pre_edge\(\)"),
        (lambda s: s.remove_power_law("Mn_L").pre_edge(), r"Mn_L has no pre-edge; O_K has; measure white_lines\(\)"),
        (lambda s: s.remove_power_law("Mn_L").white_lines("Co_L"), r"Co_L.*not inside the axis"),
        (lambda s: s.remove_power_law("Mn_L").remove_power_law("Mn_L"), r"background of Mn_L is removed already"),
        (lambda s: s.remove_power_law("Mn_L").white_line_maps("Mn_L"), r"maps are measured on recorded counts"),
        (lambda s: s.pre_edge(), r"call remove_power_law first"),
    ],
)
def test_calls_that_make_no_sense_say_what_would(core, call, match):
    with pytest.raises(InputError, match=match):
        call(core)


def test_nothing_is_deconvolved_twice_by_either_name(core, low):
    net = core.remove_power_law("Mn_L")
    single = net.deconvolve(low)
    for again in (single.deconvolve, single.fourier_ratio_deconvolution):
        with pytest.raises(InputError, match=r"deconvolved already \(zero_loss\)"):
            again(low)
    same = net.fourier_ratio_deconvolution(low, threshold=1.0, extrapolate_lowloss=True)
    np.testing.assert_array_equal(same.data, single.data)
    np.testing.assert_array_equal(same.white_lines()["ratio"].data, single.white_lines()["ratio"].data)
    assert net.fourier_ratio_deconvolution(low, fwhm=1.5).metadata.oxyspy.deconvolution == "gaussian"
    with pytest.raises(InputError, match="reconvolution 'foo' is not known"):
        net.deconvolve(low, "foo")


def test_spectra_changed_between_the_steps_are_refused_and_copies_are_not(core, low):
    net = core.remove_power_law("Mn_L")
    known = net.white_lines()["ratio"].data
    np.testing.assert_array_equal(net.deepcopy().white_lines()["ratio"].data, known)
    changed = net.deepcopy()
    changed.data[3] *= 2
    with pytest.raises(InputError, match="spectra were changed or cut since they were made, but white lines would be"):
        changed.white_lines()
    with pytest.raises(InputError, match="spectra were changed or cut"):
        changed.deconvolve(low)
    moved = net.deepcopy()
    moved.axes_manager.signal_axes[0].offset += 3.0
    with pytest.raises(InputError, match="energy axis was changed or cut since the background was removed"):
        moved.white_lines()
    cropped = net.deepcopy()
    cropped.crop(-1, 620.0, 670.0)
    with pytest.raises(InputError, match="energy axis was changed or cut"):
        cropped.white_lines()
    for other in (net.isig[610.0:], net.inav[2:], net * 2.0):
        with pytest.raises(InputError, match=r"no longer know the counts|changed or cut"):
            other.white_lines()


def test_lazy_spectra_that_were_computed_are_measured(core):
    net = core.as_lazy().remove_power_law("Mn_L")
    net.compute(show_progressbar=False)
    np.testing.assert_allclose(net.white_lines()["l3"].data, core.remove_power_law("Mn_L").white_lines()["l3"].data)


def test_axes_that_are_no_energies_in_ev_are_told_with_the_remedy(scan):
    turned = signal(scan.core, scan.core_axis).transpose(signal_axes=[0])
    turned.set_signal_type("core_loss_EELS")
    with pytest.raises(InputError, match=r"signal axis 'x' is in nm.*'Energy loss'.*as_signal1D\(0\)"):
        turned.remove_power_law("Mn_L")
    right = turned.as_signal1D(0)
    assert isinstance(right, CoreLossEELSSpectrum) and right.remove_power_law("Mn_L").data.shape[0] == N
    thousand = signal(scan.core, [value / 1000 for value in scan.core_axis])
    axis = thousand.axes_manager.signal_axes[0]
    axis.units = "keV"
    with pytest.raises(InputError, match=r"in keV, needed eV: signal.axes_manager\[1\].convert_to_units\('eV'\)"):
        thousand.calibrate_edges()
    thousand.axes_manager[1].convert_to_units("eV")
    assert thousand.calibrate_edges().absolute
    falling = signal(scan.core[:, ::-1], (scan.core_energy[-1], -scan.core_axis[1]))
    with pytest.raises(InputError, match="energy axis falls, by 0.25 eV a channel"):
        falling.remove_power_law("Mn_L")


def test_every_shipped_edge_with_windows_is_measured_by_name(scan, core, low):
    for name in ("Mn_L", "Co_L", "Ni_L"):
        lines = core.remove_power_law(name).deconvolve(low).white_lines()
        assert np.isfinite(lines["ratio"].data[6:]).all(), name
    for name in ("Fe_L", "La_M", "F_K"):
        assert np.isfinite(core.remove_power_law(name).data).all()
        assert np.isfinite(core.remove_power_law(name, window=(660.0, 680.0)).data).all()


@pytest.mark.parametrize("method", ["two_area", "wls", "two_power_laws", "local"])
def test_other_backgrounds_are_measured_by_name_with_their_own_errors(core, low, method):
    usual = core.remove_power_law("Mn_L").deconvolve(low).white_lines()
    found = core.remove_power_law("Mn_L", method=method).deconvolve(low).white_lines()
    assert "Poisson maximum likelihood;" not in found["ratio"].metadata.oxyspy.method
    bulk = slice(4, None)
    difference = found["l3"].data[bulk] - usual["l3"].data[bulk]
    assert (np.abs(difference) < 3 * found["l3_sigma"].data[bulk]).all()
    quotient = np.median(found["continuum_sigma"].data[bulk] / usual["continuum_sigma"].data[bulk])
    # after L2 the background is most of the error: a shared exponent steadies it, and two areas scatter more
    assert {"local": 0.5, "two_area": 1.05}.get(method, 0.9) < quotient < {"local": 0.98}.get(method, 1.6)


def test_backgrounds_that_need_all_spectra_or_are_not_known_are_refused(core):
    with pytest.raises(InputError, match="'spline' is not known; use one of ml, two_area"):
        core.remove_power_law("Mn_L", method="spline")
    lazy = core.as_lazy()
    with pytest.raises(InputError, match="'local' needs all spectra"):
        lazy.remove_power_law("Mn_L", method="local")
    with pytest.raises(InputError, match="lazy white lines are measured by maximum likelihood, not 'two_area'"):
        lazy.remove_power_law("Mn_L", method="two_area").white_lines()
    with pytest.raises(InputError, match="background_method is no choice of white_line_maps: .*maximum likelihood"):
        core.white_line_maps("Mn_L", background_method="wls")
    with pytest.raises(InputError, match="window 'longest' is not known; give two energies in eV, or 'auto'"):
        core.remove_power_law("Mn_L", window="longest")


@pytest.mark.parametrize("lazy", [False, True])
def test_longest_window_is_found_for_signals(core, lazy):
    net = (core.as_lazy() if lazy else core).remove_power_law("Mn_L", window="auto")
    window = net.metadata.oxyspy.background_window
    # clear of O K's near structure, and no shorter than the shipped one
    assert 532.0 + 40.0 < window[0] <= 600.0 and window[1] == 632.0


def test_pre_edge_has_its_known_area_and_share_with_errors_that_cover(scan, core, low):
    found = core.remove_power_law("O_K").deconvolve(low).pre_edge()
    bulk = slice(4, None)
    area, sigma = (found[name].data[bulk] for name in ("pre_edge", "pre_edge_sigma"))
    truth = scan.truth["pre_edge"][bulk]
    # a Gaussian of 1.27 eV sigma at 528.6 eV, 98 % of which is between 526 and 532.5; the main edge's foot adds to it
    assert area.mean() / truth.mean() == pytest.approx(1.0, abs=0.1)
    pull = (area / truth - (area / truth).mean()) * truth / sigma
    assert pull.std() == pytest.approx(1.0, abs=0.5)
    share, share_sigma = found["share"].data[bulk], found["share_sigma"].data[bulk]
    np.testing.assert_allclose(share, area / found["main"].data[bulk], rtol=1e-3)
    assert (share_sigma > 0).all() and (found["share_low"].data[bulk] < share).all()
    assert found["share"].metadata.oxyspy.method.startswith("O_K; power law 485-522 eV")
    assert found["share"].axes_manager[0].units == "nm"
    raw = core.remove_power_law("O_K").pre_edge(pre_edge=(526.0, 531.0))
    assert "not deconvolved; pre-edge 526-531 eV" in raw["share"].metadata.oxyspy.method
    with pytest.raises(InputError, match="should follow each other"):
        core.remove_power_law("O_K").pre_edge(main=(528.0, 550.0))


def test_valence_of_signals_is_that_of_their_standards_or_refused(core, low, tmp_path):
    core.calibrate_edges({"Mn_L": (643.26, 0.3)})
    net = core.remove_power_law("Mn_L")
    single = net.deconvolve(low, "gaussian", fwhm=1.2)
    found = single.valence()
    bulk = slice(4, None)
    for name in ("valence", "splitting_valence"):
        value, sigma = found[name].data[bulk], found[f"{name}_sigma"].data[bulk]
        # made as Mn4+
        assert (np.abs(value - 4.0) < 2 * sigma).all() and (sigma < 0.8).all(), name
    assert found["valence"].metadata.oxyspy.calibration.startswith("indicative; digitised")
    assert "above L2" in found["valence"].metadata.oxyspy.method
    with pytest.raises(MethodError, match=r"those of single scattering: call deconvolve\(low_loss\) first"):
        net.valence()
    with pytest.raises(InputError, match="one of Mn_L, and these spectra are Co_L"):
        core.remove_power_law("Co_L").deconvolve(low).valence()
    with pytest.raises(InputError, match="'fe_references' is neither a file nor one of mn_references"):
        single.valence("fe_references")
    # standards as recorded, in a file
    own = calibrate_valence(
        {2.0: [5.5, 5.6], 4.0: [2.6, 2.7]}, {2.0: [12.2, 12.2], 4.0: [10.2, 10.2]},
        WhiteLineMethod.of(edge("Mn_L"), deconvolution="none"), "our own",
    )  # fmt: skip
    own.save(tmp_path / "own.yaml")
    assert np.nanmedian(net.valence(tmp_path / "own.yaml")["valence"].data[bulk]) == pytest.approx(4.0, abs=0.2)
    with pytest.raises(MethodError, match="of spectra as recorded: take what remove_power_law returned"):
        single.valence(own)


def test_maps_and_lazy_deconvolution_warn_of_positions_too_thick(scan):
    thick = simulate_scan(
        layer_nm=0.0, n_positions=N, step_nm=0.5, vacuum_nm=0.0, coating_nm=1.0,
        t_over_lambda=np.where(np.arange(N) < 10, 0.5, 3.0),
    )  # fmt: skip
    core, low = signal(thick.core, thick.core_axis), signal(thick.low, thick.low_axis, "EELS")
    with pytest.warns(UserWarning, match="4 of 14 spectra are nan: t/λ is above 2.5"):
        core.white_line_maps("Mn_L", low)["ratio"]  # noqa: B018
    single = core.as_lazy().remove_power_law("Mn_L").deconvolve(low.as_lazy())
    with pytest.warns(UserWarning, match="4 of 14 spectra are nan"):
        single.compute(show_progressbar=False)
