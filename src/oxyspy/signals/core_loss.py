"""Core-loss spectra of one or many positions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from exspy.signals import EELSSpectrum
from hyperspy.signals import LazySignal1D

from oxyspy.errors import InputError
from oxyspy.signals.lazily import computed, matching, over_data, over_signal, rows, tell_lost
from oxyspy.signals.maps import SignalMaps
from oxyspy.signals.origin import carry, energies, need_origin, remember
from oxyspy.signals.surveying import once, sampled, total

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oxyspy.eels.calibration import Calibration
    from oxyspy.eels.cleaning import Cleaning
    from oxyspy.eels.edges import Edge
    from oxyspy.eels.white_lines import WhiteLineMethod

# choices of a white-line method that earlier steps make, and those that maps take by other names
STEPS = {
    "background": "remove_power_law(edge, window=(600, 632))",
    "background_method": "remove_power_law(edge, method='ml')",
    "deconvolution": "deconvolve(low_loss)", "gaussian_fwhm": "deconvolve(low_loss, 'gaussian', fwhm=1.0)",
}  # fmt: skip
ARGUMENTS = {
    "background": "window=(600, 632)", "deconvolution": "a low loss and reconvolution='zero_loss', or none",
    "gaussian_fwhm": "reconvolution='gaussian' and fwhm=1.0",
    "background_method": "none, maps are measured by maximum likelihood; remove_power_law has others",
}  # fmt: skip
# by how much an axis that is not calibrated yet may be off, in eV, where a window seems to lie on the edge
MOST_OFF_AXIS = 12.0


# which maxima areas stand at: the same method gives slightly different numbers at them
OF_ALL = "maxima of the sum of all positions"
ALONG = "maxima of each position, with its neighbours along the line where it is weak"


class CoreLossEELSSpectrum(EELSSpectrum):
    """Core-loss EELS signal: calibrate, remove the background, deconvolve, measure white lines.

    `remove_power_law` and `deconvolve` return new signals that remember the counts they came from, so that
    `white_lines` gives exact errors. A signal that was sliced, changed, or saved and loaded in between is refused:
    without its counts an area has no error.
    """

    _signal_type = "core_loss_EELS"
    _alias_signal_types = ["core-loss EELS", "CoreLossEELS"]
    # raw counts, and low loss, that this signal was made from, and what it was then
    _raw: CoreLossEELSSpectrum | None = None
    _low_loss: EELSSpectrum | None = None
    _mark: Any = None

    @property
    def energy(self):
        """Energy axis in eV, shape (n,)."""
        return energies(self)

    def deepcopy(self) -> CoreLossEELSSpectrum:
        """Return a copy that remembers the same counts.

        Returns
        -------
        CoreLossEELSSpectrum
            With data of its own.

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> net = core.inav[14.0:16.0].remove_power_law("Mn_L")
        >>> net.deepcopy().white_lines()["ratio"]
        <Signal1D, title: Mn_L ratio, dimensions: (|5)>
        """
        copy = super().deepcopy()
        carry(self, copy)
        return copy

    def clean(self) -> Cleaning:
        """Replace X-ray spikes, and dead and hot channels, by their neighbours, in place.

        Returns
        -------
        Cleaning
            What was changed, and which spectra hold no finite numbers or are saturated: these stay as they are.

        Raises
        ------
        InputError
            A lazy signal: what is bad in all spectra is found by all of them.

        See Also
        --------
        oxyspy.eels.cleaning.clean

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "noisy_3nm_from_bulk")
        >>> print(scan.core_loss.clean())
        6 spike channels replaced by the mean of their neighbours
        """
        from oxyspy.eels.cleaning import clean

        if self._lazy:
            raise InputError("cleaning compares all spectra: compute() the signal, or a part of it, first")
        counts = rows(self.data)
        work = counts.astype(np.result_type(counts.dtype, np.float32), copy=False)
        cleaned, _, report = clean(work, float(self.axes_manager.signal_axes[0].scale))
        if report.spikes or report.dead_channels or report.hot_channels:
            changed = np.where(np.isfinite(work), cleaned, work).reshape(self.data.shape)
            self.data = changed if self.data.dtype.kind == "f" else np.rint(changed).astype(self.data.dtype)
            self.events.data_changed.trigger(obj=self)
        self.metadata.set_item("oxyspy.cleaning", str(report))
        return report

    def calibrate_edges(self, landmarks: Mapping[str, tuple[float, float]] | None = None) -> Calibration:
        """Find the known edges in the summed spectrum and put the energy axis right, in place.

        Of a lazy signal up to 4096 spectra from all over the scan are read and summed, at once: the axis is needed to
        say what is to be computed.

        Parameters
        ----------
        landmarks : mapping, optional
            Edge to (energy, sigma) in eV, where more is known than the shipped table does.

        Returns
        -------
        Calibration
            What was done; the axis stays as it is where under two edges were found.

        See Also
        --------
        oxyspy.eels.calibration.calibrate

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> print(core.calibrate_edges())
        E = 1.0008 x recorded -1.54 eV (-1.0 ± 0.8 eV at 700 eV), from O_K, Mn_L, Co_L, Ni_L
        """
        from oxyspy.eels.calibration import calibrate

        found = calibrate(total(self.data), self.energy, landmarks=landmarks)
        if found.absolute:
            axis = self.axes_manager.signal_axes[0]
            axis.offset, axis.scale = float(found(axis.offset)), float(axis.scale * found.factor)
            self.metadata.set_item("oxyspy.calibration", str(found))
        return found

    def remove_power_law(
        self,
        edge: str,
        window: tuple[float, float] | str | None = None,
        *,
        method: str = "ml",
        end: float | None = None,
    ) -> CoreLossEELSSpectrum:
        """Return the edge's segment with its power-law background removed.

        Parameters
        ----------
        edge : str
            For example ``"Mn_L"``.
        window : tuple of float or "auto", optional
            Fit window in eV; the shipped one by default, and ``"auto"`` the longest that ends where it does and holds
            one power law in all spectra together.
        method : {"ml", "two_area", "wls", "two_power_laws", "local"}
            Poisson maximum likelihood; two areas or weighted least squares, to compare; two power laws with the extreme
            exponents of all spectra; or maximum likelihood with exponents averaged along the line.
        end : float, optional
            Where the segment ends, in eV; 12 eV past the edge's last window by default.

        Returns
        -------
        CoreLossEELSSpectrum
            From the window's beginning to past the edge's last window; lazy where this signal is.

        Raises
        ------
        InputError
            An edge or method that is not known, a window that the axis does not hold, a signal without background, or
            a lazy one where all spectra are needed at once.

        See Also
        --------
        oxyspy.eels.background.fit_power_law, oxyspy.eels.other_backgrounds.fit_background

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> net = core.remove_power_law("Mn_L")
        >>> print(net, net.metadata.oxyspy.background_window)
        <CoreLossEELSSpectrum, title: core_loss, dimensions: (48|368)> [600.0, 632.0]
        """
        from oxyspy.eels.background import subtract
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.other_backgrounds import fit_background

        if self.metadata.has_item("oxyspy.background_window"):
            raise InputError(
                f"the background of {self.metadata.oxyspy.edge} is removed already: call remove_power_law on the "
                "recorded signal"
            )
        if self._lazy and method in ("two_power_laws", "local"):
            raise InputError(
                f"method {method!r} needs all spectra at once: compute() the signal, or a part of it, first"
            )
        item = edge_of(edge)
        window, bounds = self._windows(item, self._longest(item) if window == "auto" else window, end)
        raw = self.isig[slice(*bounds)]
        energy = raw.energy

        def net(counts):
            return subtract(counts, energy, fit_background(counts, energy, window, f"{edge} background", method))

        result = over_signal(net, raw)
        result.metadata.set_item("oxyspy.edge", edge)
        result.metadata.set_item("oxyspy.background_window", list(window))
        result.metadata.set_item("oxyspy.background_method", method)
        result.metadata.set_item("oxyspy.deconvolution", "none")
        remember(result, raw, None)
        return result

    def deconvolve(
        self, low_loss: EELSSpectrum, reconvolution: str = "zero_loss", fwhm: float | None = None
    ) -> CoreLossEELSSpectrum:
        """Return the single-scattering core loss by Fourier-ratio deconvolution; intensity is kept.

        Parameters
        ----------
        low_loss : EELSSpectrum
            Of the same positions, or a single one for all; on any dispersion.
        reconvolution : {"zero_loss", "gaussian", "wiener"}
            What is put back: the zero-loss peak itself, a Gaussian, or what Wiener's filter lets through.
        fwhm : float, optional
            Width in eV of the Gaussian, or of the one whose resolution Wiener's filter has; the zero-loss peak's by
            default.

        Returns
        -------
        CoreLossEELSSpectrum
            On the axis of this signal; lazy where this is.

        Raises
        ------
        InputError
            The background is not removed yet; the low loss has other positions, no zero-loss peak, or an axis that
            cuts it or the losses off.

        See Also
        --------
        oxyspy.eels.deconvolution.fourier_ratio_kernel

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> net = core.remove_power_law("Mn_L")
        >>> net.deconvolve(scan.low_loss).metadata.oxyspy.deconvolution
        'zero_loss'
        """
        from oxyspy.eels.deconvolution import PEAKS, fourier_ratio, resample_low_loss
        from oxyspy.eels.zero_loss import PeakShape, coarse_words, peak_shape

        if not self.metadata.has_item("oxyspy.background_window"):
            raise InputError("deconvolve a signal without its background: call remove_power_law(edge) first")
        if (done := self.metadata.oxyspy.deconvolution) != "none":
            raise InputError(
                f"these spectra are deconvolved already ({done}): plural scattering would be taken out twice; call "
                "deconvolve on what remove_power_law returned"
            )
        if self._raw is not None:
            need_origin(self, "single scattering")
        scale = float(self.axes_manager.signal_axes[0].scale)
        recorded = low_loss.axes_manager.signal_axes[0].axis

        def shape(low):
            return np.array(peak_shape(*resample_low_loss(low, recorded, scale)))

        def single(counts, low, peak):
            peak = PeakShape(int(peak[0]), *(float(value) for value in peak[1:]))
            found = fourier_ratio(counts, low, recorded, peak, reconvolution=reconvolution, fwhm=fwhm, step=scale)
            tell_lost(np.isnan(found).all(-1) & np.isfinite(counts).all(-1))
            return found

        low = matching(low_loss, self)
        shared = once(shape, len(PeakShape._fields), low, most=PEAKS)
        result = over_signal(single, self, low, shared=shared)
        result.metadata.set_item("oxyspy.deconvolution", reconvolution)
        if fwhm is not None:
            result.metadata.set_item("oxyspy.gaussian_fwhm", float(fwhm))
        if not self._lazy and (words := coarse_words(computed(shared)[1], recorded[1] - recorded[0])):
            warnings.warn(words, stacklevel=2)
        if self._raw is not None:
            remember(result, self._raw, low_loss)
        return result

    def white_lines(
        self, edge: str | None = None, *, errors: str = "exact", draws: int = 200, seed: int = 0, **choices: Any
    ) -> dict[str, Any]:
        """Measure L3 and L2 above a two-step continuum at every position.

        Parameters
        ----------
        edge : str, optional
            For example ``"Mn_L"``; by default the one `remove_power_law` was called with.
        errors : {"exact", "bootstrap"}
            Errors carried through the method to first order, or by measuring again on counts that are drawn again.
        draws, seed : int
            Of the bootstrap.
        **choices
            ``post``, ``l3_half``, ``l2_half``, ``step``, ``step_width``, ``slope``, ``positions``, ``post_from`` of
            `WhiteLineMethod`.

        Returns
        -------
        dict of BaseSignal
            ``l3``, ``l2``, ``ratio``, ``l3_ev``, ``l2_ev``, ``splitting_ev``, ``continuum`` and ``normalised``, each
            with its ``_sigma``; ``l3_l2_covariance``, ``ratio_low``, ``ratio_high`` and ``ratio_over``: as in
            `WhiteLines`, over this signal's positions. A position whose L2 is weak takes its ratio from as many
            neighbours along the line as it takes; ``ratio_over`` says how many. The method's fingerprint stands in each
            one's ``metadata.oxyspy.method``, and at which maxima the areas stand. Of a lazy signal they are lazy, and
            measured as by `white_line_maps`: at the maxima of the whole scan, without drift, and without neighbours.

        Raises
        ------
        InputError
            The background is not removed yet, the spectra were changed since, a choice or window that cannot be, or no
            L3 maximum.

        See Also
        --------
        oxyspy.eels.white_lines

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> bulk = slice(14.0, 16.0)
        >>> single = core.inav[bulk].remove_power_law("Mn_L").deconvolve(scan.low_loss.inav[bulk])
        >>> lines = single.white_lines()
        >>> print(lines["ratio"].data.round(1), lines["ratio_sigma"].data.round(1))
        [2.1 2.  1.9 1.8 1.8] [0.1 0.1 0.1 0.1 0.1]
        """
        from oxyspy.eels.along import white_lines_along
        from oxyspy.eels.bootstrap import draw, redrawn, with_drawn_errors
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.white_lines import WhiteLineMethod, white_lines

        if errors not in ("exact", "bootstrap"):
            raise InputError(f"errors {errors!r} are not known; use 'exact' or 'bootstrap'")
        need_origin(self, "white lines")
        for name in STEPS:
            if name in choices:
                raise InputError(f"{name} is no choice of white_lines: it was made by {STEPS[name]}")
        node = self.metadata.oxyspy
        item = edge_of(edge or node.edge)
        method = WhiteLineMethod.of(
            item,
            background=tuple(node.background_window),
            background_method=node.get_item("background_method", "ml"),
            deconvolution=node.deconvolution,
            gaussian_fwhm=node.get_item("gaussian_fwhm"),
            **choices,
        )
        method.check_axis(self.energy)
        if self._lazy:
            if method.background_method != "ml":
                raise InputError(
                    f"lazy white lines are measured by maximum likelihood, not {method.background_method!r}: compute() "
                    "the recorded signal, or a part of it, first"
                )
            if errors == "bootstrap":
                raise InputError("a bootstrap measures many times over: compute() the recorded part of the scan first")
            whole = slice(0, self._raw.data.shape[-1])
            maps = self._raw._maps(whole, self._low_loss, item, method, align=False)
            return SignalMaps((name for name in maps if name != "t_over_lambda"), maps.__getitem__)
        energy = self.energy
        counts = rows(computed(self._raw.data))
        low = low_energy = None
        if method.deconvolution != "none":
            low, low_energy = rows(computed(self._low_loss.data)), self._low_loss.axes_manager.signal_axes[0].axis
        along = white_lines_along(counts, energy, low, low_energy, item, method)
        if errors == "exact":
            return self._over_positions(along.lines, method, ALONG)

        def again(rng):
            drawn_low = None if low is None else redrawn(low, rng)
            found = white_lines_along(redrawn(counts, rng, along.noise), energy, drawn_low, low_energy, item, method)
            return found.functionals.values, found.positions

        found = draw(again, draws, seed)
        functionals, positions = with_drawn_errors(along.functionals, along.positions, found)
        lines = white_lines(functionals, positions, method, energy[1] - energy[0])
        maps = self._over_positions(lines, method, ALONG)
        for signal in maps.values():
            signal.metadata.set_item("oxyspy.errors", f"bootstrap, {draws} draws, seed {seed}")
        return maps

    def fit_white_lines(
        self,
        edge: str | None = None,
        *,
        line: str = "gaussian",
        step: str = "sharp",
        step_width: float = 1.0,
        return_model: bool = False,
        show_progressbar: bool | None = None,
    ) -> Any:
        """Measure L3 and L2 by a HyperSpy model of the recorded counts, beside the areas of `white_lines`.

        A power law, two lines and the two-step continuum at their centres are fitted at every position; of a
        deconvolved signal, lines and continuum are scattered by its low loss instead. The lines' widths are those of
        the sum of all spectra.

        Parameters
        ----------
        edge : str, optional
            By default the one `remove_power_law` was called with.
        line : {"gaussian", "lorentzian", "voigt"}
            Shape of the lines before the spectrometer, whose resolution the zero-loss peak brings with it.
        step, step_width
            As in `white_lines`.
        return_model : bool
            Return the HyperSpy model as well.
        show_progressbar : bool, optional
            As HyperSpy's ``multifit``.

        Returns
        -------
        dict of BaseSignal, or that and the model
            As `white_lines`, and ``deviance``, the reduced chi-squared: 1 where the model explains singly counted
            electrons. Areas are those of whole lines.

        Raises
        ------
        InputError
            The background is not removed yet, the spectra were changed since, a lazy signal, or no L3 maximum.

        See Also
        --------
        oxyspy.components.TwoStepContinuum

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> bulk = slice(14.0, 16.0)
        >>> single = core.inav[bulk].remove_power_law("Mn_L").deconvolve(scan.low_loss.inav[bulk])
        >>> fitted = single.fit_white_lines(show_progressbar=False)
        >>> print(fitted["splitting_ev"].data.round(0))
        [10. 10. 10. 10. 10.]
        """
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.white_lines import WhiteLineMethod
        from oxyspy.signals.model_fit import fit_model

        need_origin(self, "white lines")
        if self._lazy:
            raise InputError("model fits take signals in memory: compute() the recorded signal, and go on from there")
        node = self.metadata.oxyspy
        item = edge_of(edge or node.edge)
        areas = WhiteLineMethod.of(
            item, background=tuple(node.background_window), deconvolution=node.deconvolution,
            gaussian_fwhm=node.get_item("gaussian_fwhm"), step=step, step_width=step_width,
        )  # fmt: skip
        areas.check_axis(self.energy)
        found = fit_model(self._raw, self._low_loss, item, areas, line, show_progressbar)
        maps = self._over_positions(found.lines, found.method)
        shape = self.axes_manager.navigation_shape[::-1] or (1,)
        maps["deviance"] = self._map_of(found.deviance.reshape(shape), "deviance", found.method)
        return (maps, found.model) if return_model else maps

    def valence(self, calibration: Any = "mn_references") -> dict[str, Any]:
        """Convert L3/L2, and L2 - L3, to a valence at every position.

        The ratio is measured in the calibration's way, whatever `white_lines` was asked for.

        Parameters
        ----------
        calibration : str, path or ValenceCalibration
            A shipped one's name, a file that one was saved to, or what `oxyspy.calibrate_from_standards` returned.

        Returns
        -------
        dict of BaseSignal
            ``valence`` by L3/L2 and ``splitting_valence`` by L2 - L3, the second witness, each with its ``_sigma``;
            ``nan`` where a number lies outside the standards. ``metadata.oxyspy.calibration`` says whose they are, and
            whether they only indicate.

        Raises
        ------
        InputError
            The background is not removed yet, a lazy signal, or a calibration of another edge.
        MethodError
            Standards of single scattering, and spectra that are not deconvolved; or the other way round.

        See Also
        --------
        oxyspy.eels.valence.ValenceCalibration

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> bulk = slice(14.0, 16.0)
        >>> single = core.inav[bulk].remove_power_law("Mn_L").deconvolve(scan.low_loss.inav[bulk])
        >>> found = single.valence("mn_references")
        >>> print(found["valence"].data.mean().round(0), found["valence"].metadata.oxyspy.calibration[:30])
        4.0 indicative; digitised literatu
        """
        from oxyspy.signals.valences import valence_maps

        return valence_maps(self, calibration)

    def pre_edge(
        self,
        edge: str | None = None,
        *,
        pre_edge: tuple[float, float] | None = None,
        main: tuple[float, float] | None = None,
    ) -> dict[str, Any]:
        """Measure the O K pre-edge and main edge at every position.

        Parameters
        ----------
        edge : str, optional
            By default the one `remove_power_law` was called with: ``"O_K"``.
        pre_edge, main : tuple of float, optional
            Their windows in eV; the shipped ones by default.

        Returns
        -------
        dict of BaseSignal
            ``pre_edge`` and ``main``, in counts, and ``share``, the one over the other, each with its ``_sigma``;
            ``pre_edge_main_covariance``; ``share_low``, ``share_high`` (95 %) and ``share_over``, over how many
            positions the share was summed. The method's fingerprint stands in each one's ``metadata.oxyspy.method``.

        Raises
        ------
        InputError
            The background is not removed yet, the spectra were changed since, or an edge without a pre-edge.

        See Also
        --------
        oxyspy.eels.pre_edge

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> found = core.remove_power_law("O_K").deconvolve(scan.low_loss).pre_edge()
        >>> layer, bulk = (abs(scan.positions_nm - nm).argmin() for nm in (7.0, 14.0))
        >>> share = found["share"].data.ravel()
        >>> bool(share[layer] < share[bulk])
        True
        """
        from oxyspy.signals.oxygen import pre_edge_maps

        return pre_edge_maps(self, edge, {"pre_edge": pre_edge, "main": main})

    def fourier_ratio_deconvolution(
        self, low_loss: EELSSpectrum, fwhm: float | None = None, **_: Any
    ) -> CoreLossEELSSpectrum:
        """Deconvolve as `deconvolve` does, under eXSpy's name: intensity is kept at any dispersion.

        Parameters
        ----------
        low_loss : EELSSpectrum
            As in `deconvolve`.
        fwhm : float, optional
            Width in eV of a Gaussian reconvolution; without it the zero-loss peak itself.
        **_
            eXSpy's ``threshold``, ``extrapolate_lowloss`` and ``extrapolate_coreloss``, which this does not need.

        Returns
        -------
        CoreLossEELSSpectrum
            As `deconvolve` returns it.

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> net = core.remove_power_law("Mn_L")
        >>> net.fourier_ratio_deconvolution(scan.low_loss).metadata.oxyspy.deconvolution
        'zero_loss'
        """
        return self.deconvolve(low_loss, "zero_loss" if fwhm is None else "gaussian", fwhm)

    def fit_references(
        self,
        references: Mapping[str, Any],
        valences: Mapping[str, float] | None = None,
        *,
        window: tuple[float, float] | None = None,
        normalisation: tuple[float, float] | None = None,
        nonnegative: bool = True,
        fit_shift: bool = False,
    ) -> SignalMaps:
        """Fit the edge by a sum of standards (MLLS), to their shares and the mean valence.

        The recorded counts are fitted. Of a deconvolved signal the standards are scattered by its low loss instead.

        Parameters
        ----------
        references : mapping
            Name to a single-spectrum signal without background and plural scattering, or to a `Reference`.
        valences : mapping, optional
            Name to valence, of those that are signals.
        window : tuple of float, optional
            Where the standards are fitted, in eV; from 2 eV above the background's window to the end of the edge's
            post window by default.
        normalisation : tuple of float, optional
            Where the standards are set equal per atom, in eV; the edge's post window by default.
        nonnegative : bool
            Whether shares below zero are held at it.
        fit_shift : bool
            Whether the standards' axes are moved by up to 2 eV to fit the sum of all spectra best, or of 4096 from all
            over a larger scan.

        Returns
        -------
        SignalMaps
            The share of each standard by its name, its standard error by the name and ``_sigma``, ``valence``,
            ``valence_sigma`` and ``deviance``, the reduced deviance: 1 where the standards explain the spectrum. Lazy
            where this signal is; in memory the shift stands in their ``metadata.oxyspy.shift_ev``.

        Raises
        ------
        InputError
            The background is not removed yet, or a standard cannot serve.

        See Also
        --------
        oxyspy.eels.references

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> single = core.remove_power_law("Mn_L").deconvolve(scan.low_loss)
        >>> places = {"layer": slice(6.4, 7.4), "bulk": slice(13.0, None)}
        >>> standards = {name: single.inav[place].sum() for name, place in places.items()}
        >>> shares = single.fit_references(standards, {"layer": 2, "bulk": 4})
        >>> at = abs(scan.positions_nm - 14.0).argmin()
        >>> print(shares["bulk"].data[at].round(1), shares["valence"].data[at].round(0))
        1.0 4.0
        """
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.references import (
            Reference,
            ReferenceMethod,
            on_axis,
            reference_shares,
            survey_references,
        )
        from oxyspy.eels.zero_loss import PeakShape

        need_origin(self, "shares of standards")
        node, given = self.metadata.oxyspy, valences or {}
        item = edge_of(node.edge)
        standards = [
            one if isinstance(one, Reference) else Reference(
                name, one.axes_manager.signal_axes[0].axis, rows(computed(one.data)).mean((0, 1)),
                float(given.get(name, "nan")),
            )
            for name, one in references.items()
        ]  # fmt: skip
        background = tuple(node.background_window)
        method = ReferenceMethod(
            item.name, tuple(references), background, window or (background[1] + 2.0, item.post[1]),
            normalisation or item.post, nonnegative, self._low_loss is not None, "fitted" if fit_shift else "none",
        )  # fmt: skip
        energy, names = self.energy, method.names
        if self._low_loss is None:
            # what they lack is said now, also of a lazy signal; with a low loss its resolution counts
            on_axis(standards, energy, method.window, method.normalisation)
        data, recorded = [self._raw.data], None
        if self._low_loss is not None:
            data.append(matching(self._low_loss, self))
            recorded = self._low_loss.axes_manager.signal_axes[0].axis

        def survey(counts, low=None):
            noise, shift, peak = survey_references(counts, energy, standards, method, low=low, low_energy=recorded)
            return np.array([noise, *shift, *([] if peak is None else peak)])

        def fit(counts, *others):
            low, (noise, *shift) = None if recorded is None else others[0], others[-1][:3].tolist()
            peak = None if low is None else PeakShape(int(others[-1][3]), *others[-1][4:].tolist())
            found = reference_shares(
                counts, energy, standards, method, low=low, low_energy=recorded, peak=peak, shift=shift, noise=noise
            )
            single = np.stack([found.valence, found.valence_sigma, found.deviance], axis=-1)
            return np.concatenate([single, found.shares, found.shares_sigma], axis=-1)

        numbers = ("valence", "valence_sigma", "deviance", *names, *(f"{name}_sigma" for name in names))
        size = 3 if recorded is None else 3 + len(PeakShape._fields)
        shared = once(survey, size, *data)
        values = over_data(fit, self._lazy, data, shared, size=len(numbers))
        shape = self.axes_manager.navigation_shape[::-1] or (1,)

        def made(name):
            signal = self._map_of(values[..., numbers.index(name)].reshape(shape), name, method)
            if not self._lazy:
                signal.metadata.set_item("oxyspy.shift_ev", float(computed(shared)[1]))
            return signal

        return SignalMaps(numbers, made)

    def white_line_maps(
        self,
        edge: str,
        low_loss: EELSSpectrum | None = None,
        *,
        reconvolution: str = "zero_loss",
        fwhm: float | None = None,
        align: bool = True,
        window: tuple[float, float] | None = None,
        **choices: Any,
    ) -> dict[str, Any]:
        """Measure L3 and L2 of a spectrum image in one pass over the recorded counts.

        Each block of spectra is read, moved with its zero-loss peaks, fitted, deconvolved and measured, and left. The
        areas stand at the L3 and L2 maxima of the summed spectrum, found like the zero-loss peak's shape on up to 2048
        spectra from all over the scan; lazy signals find them when they are computed.

        Parameters
        ----------
        edge : str
            For example ``"Mn_L"``.
        low_loss : EELSSpectrum, optional
            Of the same positions, or a single one for all; without it nothing is deconvolved or moved.
        reconvolution : {"zero_loss", "gaussian", "wiener"}
            As in `deconvolve`.
        fwhm : float, optional
            Width in eV of the Gaussian, or of the one whose resolution Wiener's filter has; the zero-loss peak's by
            default.
        align : bool
            Move core losses with their zero-loss peaks, as of dual EELS: by whole channels, the windows by the rest.
        window : tuple of float or "auto", optional
            Background window in eV, as of `remove_power_law`; the shipped one by default.
        **choices
            As in `white_lines`.

        Returns
        -------
        SignalMaps
            As `white_lines`, and ``t_over_lambda``; lazy where this signal is. Positions in energy are each
            spectrum's own, ``nan`` where it is too weak to have one. All is ``nan`` where drift takes a window beyond
            what was recorded.

        Raises
        ------
        InputError
            No zero-loss peak or no L3 maximum in the scan; a low loss of other positions.

        See Also
        --------
        oxyspy.eels.fused

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> maps = core.white_line_maps("Mn_L", scan.low_loss)
        >>> print(maps["ratio"], maps["ratio_sigma"])
        <Signal1D, title: Mn_L ratio, dimensions: (|48)> <Signal1D, title: Mn_L ratio_sigma, dimensions: (|48)>
        """
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.white_lines import WhiteLineMethod

        item = edge_of(edge)
        if self.metadata.has_item("oxyspy.background_window"):
            raise InputError("maps are measured on recorded counts: call white_line_maps on the recorded signal")
        for name, argument in ARGUMENTS.items():
            if name in choices:
                raise InputError(f"{name} is no choice of white_line_maps: give {argument}")
        window = self._longest(item) if window == "auto" else window
        method = WhiteLineMethod.of(
            item, background=window if isinstance(window, str) else tuple(window or item.background),
            deconvolution="none" if low_loss is None else reconvolution, gaussian_fwhm=fwhm, **choices,
        )  # fmt: skip
        _, bounds = self._windows(item, window, method.end(item) + 12.0)
        method.check_axis(self.energy)
        first, last = (self.axes_manager.signal_axes[0].value2index(bound) for bound in bounds)
        return self._maps(slice(first, last), low_loss, item, method, align)

    def _longest(self, item: Edge) -> tuple[float, float]:
        """Longest background window of an edge that holds one power law, clear of the edges found below it."""
        from oxyspy.eels.background_quality import longest_window
        from oxyspy.eels.calibration import calibrate
        from oxyspy.eels.cleaning import roll_off

        counts = sampled(self.data)
        counts = counts[np.isfinite(counts).all(-1)]
        energy, total = self.energy, counts.sum(0, dtype=float)
        below = tuple(
            found.recorded_ev for found in calibrate(total, energy).edges if found.expected_ev < item.energy - 5.0
        )
        low, end = item.background
        return longest_window(counts, energy, end, float(roll_off(energy, total)), below, low)

    def _windows(
        self, item: Edge, window: tuple[float, float] | None, end: float | None = None
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Background window of an edge, and bounds of what its measurement takes: to past its last window."""
        from oxyspy.eels.windows import check_inside

        if isinstance(window, str):
            raise InputError(f"window {window!r} is not known; give two energies in eV, or 'auto'")
        window = window or item.background
        end = end or (item.post or item.main)[1] + 12.0
        check_inside(self.energy, window, f"{item.name} background window")
        if window[1] > item.energy + MOST_OFF_AXIS:
            raise InputError(
                f"{item.name}: the background window {window[0]:g}-{window[1]:g} eV ends above the edge at "
                f"{item.energy:g} eV; needed one below it"
            )
        return window, (max(window[0], self.energy[0]), min(end, self.energy[-1]))

    def _maps(self, segment: slice, low_loss, item: Edge, method: WhiteLineMethod, align: bool) -> SignalMaps:
        """Maps of a segment of these recorded counts, by `oxyspy.eels.fused`."""
        from oxyspy.eels.deconvolution import MAX_T_OVER_LAMBDA
        from oxyspy.eels.fused import MAPS, Survey, measure_block, survey, survey_size
        from oxyspy.eels.zero_loss import MAX_DRIFT

        axis = self.energy
        energy = axis[segment]
        data, recorded, spare = [self.data], None, 0
        if low_loss is not None:
            data.append(matching(low_loss, self))
            recorded = low_loss.axes_manager.signal_axes[0].axis
            # drift moves channels about the segment into it
            spare = int(np.ceil(MAX_DRIFT / (axis[1] - axis[0]))) if align else 0
        first = max(segment.start - spare, 0)
        data[0] = data[0][..., first : segment.stop + spare]
        before = segment.start - first

        def share(counts, low=None):
            return np.array(survey(counts, energy, low, recorded, item, method, align, before))

        def measure(counts, *others):
            low = others[0] if len(others) == 2 else None
            found = measure_block(counts, low, others[-1], energy, recorded, item, method, align, before)
            if low is not None:
                tell_lost(found[..., MAPS.index("t_over_lambda")] > MAX_T_OVER_LAMBDA)
            return found

        shared = once(share, len(Survey._fields), *data, most=survey_size(self.data.shape[:-1]))
        values = over_data(measure, self._lazy, data, shared, size=len(MAPS))
        shape = self.axes_manager.navigation_shape[::-1] or (1,)
        places = "" if method.positions is not None else OF_ALL

        # a copy each: views would keep all numbers of all blocks
        return SignalMaps(
            MAPS, lambda name: self._map_of(values[..., MAPS.index(name)].reshape(shape), name, method, places)
        )

    def _map_of(self, values, name: str, method, places: str = ""):
        """One number a position as a signal over this signal's positions, with the method in its metadata."""
        # of a dask array HyperSpy would make the signal three times over
        signal = self._get_navigation_signal(data=np.broadcast_to(0.0, values.shape))
        signal.data = values
        if hasattr(values, "dask"):
            signal._lazy = True
            signal._assign_subclass()
        signal.metadata.General.title = f"{method.edge} {name}"
        signal.metadata.set_item("oxyspy.method", "; ".join([method.fingerprint, *([places] if places else [])]))
        return signal

    def _over_positions(self, lines, method: WhiteLineMethod, places: str = "") -> dict[str, Any]:
        """Wrap each array of the result as a signal over this signal's positions."""
        from oxyspy.eels.white_lines import NUMBERS

        shape = self.axes_manager.navigation_shape[::-1]
        places = "" if getattr(method, "positions", None) is not None else places
        wrapped = {}
        for name, at in NUMBERS.items():
            values = np.broadcast_to(getattr(lines, at), lines.l3.shape).reshape(shape or (1,))
            wrapped[name] = self._map_of(np.array(values), name, method, places)
        return wrapped


class LazyCoreLossEELSSpectrum(CoreLossEELSSpectrum, LazySignal1D):
    """Lazy twin of `CoreLossEELSSpectrum`."""

    _lazy = True
