"""Core-loss spectra of one or many positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from exspy.signals import EELSSpectrum
from hyperspy.signals import LazySignal1D

from oxyspy.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oxyspy.eels.calibration import Calibration
    from oxyspy.eels.white_lines import WhiteLineMethod


# bytes of spectra in one dask chunk; a task holds a few times as much
LARGEST_CHUNK = 64 * 2**20


class CoreLossEELSSpectrum(EELSSpectrum):
    """Core-loss EELS signal: calibrate, remove the background, deconvolve, measure white lines.

    `remove_power_law` and `deconvolve` return new signals that remember the counts they came from, so that
    `white_lines` gives exact errors. A signal that was sliced, or saved and loaded, in between has forgotten them: its
    numbers are the same, their errors ``nan``.
    """

    _signal_type = "core_loss_EELS"
    _alias_signal_types = ["core-loss EELS", "CoreLossEELS"]
    # raw counts, and low loss, that this signal was made from
    _raw: CoreLossEELSSpectrum | None = None
    _low_loss: EELSSpectrum | None = None

    @property
    def energy(self):
        """Energy axis in eV, shape (n,)."""
        axis = self.axes_manager.signal_axes[0]
        if not axis.is_uniform:
            raise InputError("the energy axis is not uniform: interpolate the signal on a uniform axis first")
        return axis.axis

    def calibrate_edges(self, landmarks: Mapping[str, tuple[float, float]] | None = None) -> Calibration:
        """Find the known edges in the summed spectrum and put the energy axis right, in place.

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
        """
        from oxyspy.eels.calibration import calibrate

        total = self.sum(self.axes_manager.navigation_axes).data if self.axes_manager.navigation_size > 1 else self.data
        found = calibrate(np.ravel(_computed(total)), self.energy, landmarks=landmarks)
        if found.absolute:
            axis = self.axes_manager.signal_axes[0]
            axis.offset, axis.scale = float(found(axis.offset)), float(axis.scale * found.factor)
            self.metadata.set_item("oxyspy.calibration", str(found))
        return found

    def remove_power_law(self, edge: str, window: tuple[float, float] | None = None) -> CoreLossEELSSpectrum:
        """Return the edge's segment with its power-law background removed, by Poisson maximum likelihood.

        Parameters
        ----------
        edge : str
            For example ``"Mn_L"``.
        window : tuple of float, optional
            Fit window in eV; the shipped one by default.

        Returns
        -------
        CoreLossEELSSpectrum
            From the window's beginning to past the edge's last window; lazy where this signal is.

        See Also
        --------
        oxyspy.eels.background.fit_power_law
        """
        from oxyspy.eels.background import fit_power_law, subtract

        raw, window = self._segment(edge, window)
        energy = raw.energy

        def net(counts):
            return subtract(counts, energy, fit_power_law(counts, energy, window, f"{edge} background"))

        result = _map_blocks(net, raw)
        result.metadata.set_item("oxyspy.edge", edge)
        result.metadata.set_item("oxyspy.background_window", list(window))
        result.metadata.set_item("oxyspy.deconvolution", "none")
        result._raw = raw
        return result

    def deconvolve(
        self, low_loss: EELSSpectrum, reconvolution: str = "zero_loss", fwhm: float | None = None
    ) -> CoreLossEELSSpectrum:
        """Return the single-scattering core loss by Fourier-ratio deconvolution; intensity is kept.

        Parameters
        ----------
        low_loss : EELSSpectrum
            Of the same positions, or a single one for all; on any dispersion.
        reconvolution : {"zero_loss", "gaussian"}
        fwhm : float, optional
            Width of the Gaussian in eV; the zero-loss peak's by default.

        Raises
        ------
        InputError
            The background is not removed yet, or the low loss has other positions.

        See Also
        --------
        oxyspy.eels.deconvolution.fourier_ratio_kernel
        """
        from oxyspy.eels.deconvolution import fourier_ratio, resample_low_loss
        from oxyspy.eels.zero_loss import PeakShape, peak_shape

        if not self.metadata.has_item("oxyspy.background_window"):
            raise InputError("deconvolve a signal without its background: call remove_power_law(edge) first")
        scale = float(self.axes_manager.signal_axes[0].scale)
        recorded = low_loss.axes_manager.signal_axes[0].axis

        def shape(low):
            return np.array(peak_shape(*resample_low_loss(low, recorded, scale)))

        def single(counts, low, peak):
            low, energy = resample_low_loss(low, recorded, scale)
            peak = PeakShape(int(peak[0]), *peak[1:])
            return fourier_ratio(counts, low, energy, peak, reconvolution=reconvolution, fwhm=fwhm)

        low = _matching(low_loss, self)
        result = _map_blocks(single, self, low, shared=_once(shape, 3, low))
        result.metadata.set_item("oxyspy.deconvolution", reconvolution)
        if fwhm is not None:
            result.metadata.set_item("oxyspy.gaussian_fwhm", float(fwhm))
        result._raw, result._low_loss = self._raw, low_loss
        return result

    def white_lines(self, edge: str | None = None, **choices: Any) -> dict[str, Any]:
        """Measure L3 and L2 above a two-step continuum at every position.

        Parameters
        ----------
        edge : str, optional
            For example ``"Mn_L"``; by default the one `remove_power_law` was called with.
        **choices
            ``post``, ``l3_half``, ``l2_half``, ``step``, ``step_width`` of `WhiteLineMethod`.

        Returns
        -------
        dict of BaseSignal
            ``l3``, ``l3_sigma``, ``l2``, ``l2_sigma``, ``ratio``, ``ratio_sigma``, ``l3_ev``, ``l3_ev_sigma``,
            ``l2_ev``, ``splitting_ev``, ``continuum`` over this signal's positions. The method's fingerprint stands in
            each one's ``metadata.oxyspy.method``. Of a lazy signal they are lazy, and measured as by
            `white_line_maps`: at the maxima of the whole scan, without drift.

        Raises
        ------
        InputError
            The background is not removed yet, or no L3 maximum is found.

        See Also
        --------
        oxyspy.eels.white_lines
        """
        from oxyspy.eels.background import fit_power_law, pooled_dispersion, subtract
        from oxyspy.eels.deconvolution import deconvolve
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.moving_windows import with_moving_windows
        from oxyspy.eels.tracking import track_maxima
        from oxyspy.eels.white_lines import WhiteLineMethod, line_functionals, white_lines

        if not self.metadata.has_item("oxyspy.background_window"):
            raise InputError("measure white lines on a signal without its background: call remove_power_law first")
        node = self.metadata.oxyspy
        item = edge_of(edge or node.edge)
        method = WhiteLineMethod.of(
            item,
            background=tuple(node.background_window),
            deconvolution=node.deconvolution,
            gaussian_fwhm=node.get_item("gaussian_fwhm"),
            **choices,
        )
        if self._raw is None:
            raise InputError(
                "these spectra no longer know the counts they came from (they were sliced, or saved and loaded), and "
                "without them an area has no error: call remove_power_law and deconvolve again on the recorded signal"
            )
        if self._lazy:
            maps = self._raw._maps(self._low_loss, item, method, align=False)
            del maps["t_over_lambda"]
            return maps
        energy = self.energy
        raw = _computed(self._raw.data)
        counts = raw.reshape(-1, *raw.shape[-2:]) if raw.ndim > 1 else raw[None, None]
        background = fit_power_law(counts, energy, method.background, f"{item.name} background")
        noise = pooled_dispersion(background.dispersion, int(np.ptp(method.background) / (energy[1] - energy[0])))
        kernel = None
        if method.deconvolution != "none":
            low = _computed(self._low_loss.data)
            low = low.reshape(-1, *low.shape[-2:]) if low.ndim > 1 else low[None, None]
            low_energy = self._low_loss.axes_manager.signal_axes[0].axis
            kernel = _kernel(
                low, low_energy, energy[1] - energy[0], energy.size, method.deconvolution, method.gaussian_fwhm
            )
        tracked = track_maxima(counts, energy, background, item, method, kernel=kernel, noise=noise)
        functionals = line_functionals(
            counts, energy, background, tracked.l3, tracked.l2, method, kernel=kernel, noise=noise
        )
        spectra = subtract(counts, energy, background)
        spectra = spectra if kernel is None else deconvolve(spectra, kernel)
        functionals = with_moving_windows(functionals, spectra, energy, tracked, method)
        return self._over_positions(white_lines(functionals, tracked, method), method)

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
        areas stand at the L3 and L2 maxima of the summed spectrum, found like the zero-loss peak's shape on up to 4096
        spectra spread evenly over the scan; lazy signals find them when they are computed.

        Parameters
        ----------
        edge : str
            For example ``"Mn_L"``.
        low_loss : EELSSpectrum, optional
            Of the same positions, or a single one for all; without it nothing is deconvolved or moved.
        reconvolution : {"zero_loss", "gaussian"}
        fwhm : float, optional
            Width of the Gaussian in eV; the zero-loss peak's by default.
        align : bool
            Move core losses with their zero-loss peaks, as of dual EELS: by whole channels, the windows by the rest.
        window : tuple of float, optional
            Background window in eV; the shipped one by default.
        **choices
            As in `white_lines`.

        Returns
        -------
        dict of BaseSignal
            As `white_lines`, and ``t_over_lambda``; lazy where this signal is. Positions in energy are each
            spectrum's own, ``nan`` where it is too weak to have one.

        Raises
        ------
        InputError
            No zero-loss peak or no L3 maximum in the scan; a low loss of other positions.

        See Also
        --------
        oxyspy.eels.fused
        """
        from oxyspy.eels.edges import edge as edge_of
        from oxyspy.eels.white_lines import WhiteLineMethod

        raw, window = self._segment(edge, window)
        item = edge_of(edge)
        method = WhiteLineMethod.of(
            item, background=tuple(window), deconvolution="none" if low_loss is None else reconvolution,
            gaussian_fwhm=fwhm, **choices,
        )  # fmt: skip
        return raw._maps(low_loss, item, method, align)

    def _segment(self, edge: str, window: tuple[float, float] | None):
        """Recorded counts from the background window to past the edge's last window, and that window."""
        from oxyspy.eels.edges import edge as edge_of

        item = edge_of(edge)
        window = window or item.background
        last = (item.post or item.main or (None, None))[1]
        if window is None or last is None:
            raise InputError(f"edge {edge} has no windows of its own: give a window")
        return self.isig[max(window[0], self.energy[0]) : min(last + 12.0, self.energy[-1])], window

    def _maps(self, low_loss, item, method: WhiteLineMethod, align: bool) -> dict[str, Any]:
        """Maps of this segment of recorded counts, by `oxyspy.eels.fused`."""
        from oxyspy.eels.fused import MAPS, measure_block, survey

        energy = self.energy
        recorded = None if low_loss is None else low_loss.axes_manager.signal_axes[0].axis

        def share(counts, low=None):
            return np.array(survey(counts, energy, low, recorded, item, method, align))

        def measure(counts, *others):
            low = others[0] if len(others) == 2 else None
            return measure_block(counts, low, others[-1], energy, recorded, item, method, align)

        data = [self.data] if low_loss is None else [self.data, _matching(low_loss, self)]
        values = _blocks(measure, self._lazy, data, _once(share, 7, *data), size=len(MAPS))
        shape = self.axes_manager.navigation_shape[::-1] or (1,)
        return {
            name: self._map_of(values[..., number].reshape(shape), name, method) for number, name in enumerate(MAPS)
        }

    def _map_of(self, values, name: str, method: WhiteLineMethod):
        """One number a position as a signal over this signal's positions, with the method in its metadata."""
        signal = self._get_navigation_signal(data=values, dtype=float)
        signal.metadata.General.title = f"{method.edge} {name}"
        signal.metadata.set_item("oxyspy.method", method.fingerprint)
        return signal

    def _over_positions(self, lines, method: WhiteLineMethod) -> dict[str, Any]:
        """Wrap each array of the result as a signal over this signal's positions."""
        names = (
            "l3", "l3_sigma", "l2", "l2_sigma", "ratio", "ratio_sigma", "l3_ev", "l3_ev_sigma", "l2_ev",
            "splitting_ev", "continuum",
        )  # fmt: skip
        shape = self.axes_manager.navigation_shape[::-1]
        wrapped = {}
        for name in names:
            values = np.broadcast_to(getattr(lines, name), lines.l3.shape).reshape(shape or (1,))
            wrapped[name] = self._map_of(np.array(values), name, method)
        return wrapped


class LazyCoreLossEELSSpectrum(CoreLossEELSSpectrum, LazySignal1D):
    """Lazy twin of `CoreLossEELSSpectrum`."""

    _lazy = True


def _computed(data):
    return data.compute() if hasattr(data, "compute") else data


def _kernel(low, energy, scale: float, channels: int, reconvolution: str, fwhm: float | None):
    from oxyspy.eels.deconvolution import fourier_ratio_kernel, resample_low_loss
    from oxyspy.eels.zero_loss import find_zero_loss

    low, energy = resample_low_loss(low, energy, scale)
    zero_loss = find_zero_loss(low, energy)
    return fourier_ratio_kernel(low, energy, zero_loss, channels, reconvolution=reconvolution, fwhm=fwhm)


def _map_blocks(kernel, signal: CoreLossEELSSpectrum, *others, shared=None) -> CoreLossEELSSpectrum:
    """Run a kernel on (..., n) arrays over the signal's data, in dask blocks of whole spectra where it is lazy."""
    return signal._deepcopy_with_new_data(_blocks(kernel, signal._lazy, [signal.data, *others], shared))


def _once(function, size: int, *data):
    """Numbers that a scan's spectra share: ``function`` of their samples, at computing time where they are lazy."""
    from oxyspy.eels.zero_loss import sample

    chosen = [sample(d) for d in data]
    if not any(hasattr(d, "dask") for d in chosen):
        return function(*chosen)
    import dask
    import dask.array as da

    return da.from_delayed(dask.delayed(_alone, pure=True)(function, *chosen), (size,), float)


def _alone(function, *arrays):
    """Run a kernel inside a dask task, whose scheduler gives the other cores other tasks."""
    from oxyspy.eels.blocks import limited

    with limited(1):
        return function(*arrays)


def _blocks(kernel, lazy: bool, data: list, shared=None, size: int | None = None):
    """Kernel over blocks of whole spectra; ``size`` is the length of its last axis where that is another."""
    if not lazy:
        data = [_computed(d) for d in data]
        return kernel(*data, *([] if shared is None else [_computed(shared)]))
    import dask.array as da

    first = _whole_spectra(da.asarray(data[0]))
    index = tuple(range(first.ndim))
    pairs: list = [first, index]
    for number, other in enumerate(data[1:], start=1):
        other = da.asarray(other)
        if other.shape[:-1] == first.shape[:-1]:
            pairs += [other.rechunk((*first.chunks[:-1], -1)), (*index[:-1], 100 * number)]
        else:
            # one spectrum for all positions
            pairs += [other.rechunk(-1), tuple(100 * number + axis for axis in index)]
    if shared is not None:
        pairs += [da.asarray(shared).rechunk(-1), (99,)]
    dtype = np.dtype(float) if size else np.result_type(first.dtype, np.float32)
    out = index if size is None else (*index[:-1], 98)
    # an axis that only the result has; and the recorded one, which it has not, reaches the kernel whole
    return da.blockwise(
        _alone, out, kernel, None, *pairs, dtype=dtype, concatenate=True, new_axes=None if size is None else {98: size},
        meta=np.empty((0,) * len(out), dtype),
    )  # fmt: skip


def _whole_spectra(data):
    """Chunks that hold whole spectra, and of these no more than a worker's memory bears."""
    per_spectrum = data.shape[-1] * data.dtype.itemsize
    spectra = int(np.prod([max(sizes) for sizes in data.chunks[:-1]], dtype=float)) * per_spectrum
    if spectra <= LARGEST_CHUNK:
        return data.rechunk({data.ndim - 1: -1})
    auto = dict.fromkeys(range(data.ndim - 1), "auto")
    return data.rechunk({**auto, data.ndim - 1: -1}, block_size_limit=LARGEST_CHUNK)


def _matching(low_loss, signal):
    """Low-loss data over the signal's positions, or one spectrum broadcast to them."""
    positions = signal.data.shape[:-1]
    low = low_loss.data
    if low.shape[:-1] == positions:
        return low
    if low_loss.axes_manager.navigation_size in (0, 1):
        return low.reshape((1,) * len(positions) + low.shape[-1:])
    raise InputError(
        f"the low loss has positions {low_loss.axes_manager.navigation_shape}, the core loss "
        f"{signal.axes_manager.navigation_shape}: they must be the same, or the low loss a single spectrum"
    )
