"""Dual-EELS line scans with known truth.

A line runs from vacuum through an amorphous coating and a reacted layer into the bulk. Low losses follow Poisson's law
of plural scattering, F(L) = I_0 F(Z) exp(F(s)) with I_0 = I_t exp(-t/λ) and s the single-scattering distribution of
area t/λ; the edges of the zero-loss electrons are recorded as their convolution with L / I_0. So the Fourier ratio with
the low loss, times the zero-loss area, gives the edges back with their intensity. The background is a power law as
recorded, so that its truth is exact, unless plural scattering is asked for in it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.simulate.line_shapes import edges, line_areas, line_share, plural, resolution

# the long axis on which spectra are convolved: channels, and channels and eV below the recorded ones
LONG, BELOW, BELOW_EV = 2**13, 2**10, 250.0
COATING_THICKNESS = 0.6  # t/λ of the coating over that of the cathode
PURE = 0.999  # share of a phase from which a position shows it alone
DARK = 0.002  # counts of an empty channel over the dose


@dataclass(frozen=True, repr=False)
class SimulatedScan(Result):
    """A simulated line scan.

    Attributes
    ----------
    core, low : float32 array, shape (positions, channels)
        Counts of the core and of the low loss.
    core_expected, low_expected : float32 array, shape (positions, channels)
        Their expectations.
    edges_expected, background_expected : float32 array, shape (positions, channels)
        The parts of the expected core loss, which has ``truth["dark"]`` counts a channel besides.
    edges_single : float32 array, shape (positions, channels)
        What a perfect Fourier ratio gives: the edges of the zero-loss electrons at the recorded resolution.
    core_axis, low_axis : tuple of float
        Offset and dispersion in eV as recorded, wrong by what was asked for.
    positions_nm : array, shape (positions,)
    truth : dict
        Lengths ``layer_nm``, ``surface_nm``, ``boundary_nm``, ``coating_nm``, ``interface_nm`` (sigma).
        By position: ``t_over_lambda``, ``layer_share``, ``bulk_share``, ``beam`` (relative intensity), ``drift_ev``
        (by which both spectra lie too high), ``background`` (counts a channel at 640 eV; with ``plural_background``
        exact at the bulk's end only), ``pre_edge`` (its area in counts); and for X in Mn, Co, Ni the areas ``X_l3``,
        ``X_l2`` of the single-scattering lines in counts, their ``X_ratio``, the mean position ``X_l3_ev`` and the
        distance ``X_splitting_ev`` of L2.
        Of the axes ``axis_offset_ev`` and ``axis_factor`` (E = offset + factor x recorded), ``zero_loss_at_ev``.
        Of the detector ``gain``, ``dark`` (counts), ``spikes`` ((position, channel), ...), ``fwhm_ev``.
        ``background_r``, the exponent, and ``compact_lines``, whether no line has Lorentzian tails.
    gain, readout : float
        Counts an electron, and standard deviation of an empty channel in counts.
    blur : float
        Sigma in channels over which the noise is correlated.
    adf, adf_expected : array, shape (positions,)
        Annular dark-field signal, 1 at the bulk's end, and its expectation.
    """

    core: NDArray
    low: NDArray
    core_expected: NDArray
    low_expected: NDArray
    edges_expected: NDArray
    background_expected: NDArray
    edges_single: NDArray
    core_axis: tuple[float, float]
    low_axis: tuple[float, float]
    positions_nm: NDArray
    truth: dict[str, Any]
    gain: float
    readout: float
    blur: float
    adf: NDArray
    adf_expected: NDArray

    def __repr__(self) -> str:
        truth, (positions, channels) = self.truth, self.core.shape
        return (
            f"SimulatedScan: {positions} positions to {self.positions_nm[-1]:.1f} nm, {channels} channels of "
            f"{self.core_axis[1]:g} eV; layer {truth['layer_nm']:g} nm from {truth['surface_nm']:g} nm, "
            f"t/λ up to {truth['t_over_lambda'].max():.2f}"
        )

    def noisy(self, n: int, seed: int) -> tuple[NDArray, NDArray]:
        """Draw the counts n times more: core and low loss, shape (n, positions, channels); without spikes."""
        rng = np.random.default_rng(seed)
        return tuple(
            _counted(rng, np.broadcast_to(mean, (n, *mean.shape)), self.gain, self.readout, self.blur)
            for mean in (self.core_expected, self.low_expected)
        )

    def lines_within(self, element: str, low: float, high: float) -> NDArray:
        """Counts of both white lines between two true energies, drift aside, by the normal distribution.

        Parameters
        ----------
        element : str
            ``"Mn"``, ``"Co"`` or ``"Ni"``.
        low, high : float
            True energies in eV.

        Returns
        -------
        array, shape (positions,)
            Single-scattering counts at the recorded resolution.

        Raises
        ------
        InputError
            An element without lines, or lines with Lorentzian tails, whose share has no closed form here.
        """
        self._check_lines(element)
        t = self.truth
        both = t[f"{element}_l3"] + t[f"{element}_l2"]
        total = np.zeros_like(both)
        cathode = np.maximum(t["bulk_share"] + t["layer_share"], 1e-12)
        for phase in ("bulk", "layer"):
            ratio = load("simulation")["elements"][element][phase]["ratio"]
            l3, l2 = line_share(load("simulation"), element, phase, t["fwhm_ev"], low, high)
            total += both * t[f"{phase}_share"] / cathode * (ratio * l3 + l2) / (1 + ratio)
        return total

    def line_areas(
        self, element: str, *, l3_half: float, l2_half: float, post: tuple[float, float]
    ) -> tuple[NDArray, NDArray]:
        """Areas of L3 and L2 above a sharp two-step continuum, of the single-scattering spectra without noise.

        What a measurement in this way must give: from the line shapes alone, with steps 2:1 at the maxima and the
        height in ``post``.

        Parameters
        ----------
        element : str
            ``"Mn"``, ``"Co"`` or ``"Ni"``.
        l3_half, l2_half : float
            Half widths of the areas about the maxima, in eV.
        post : tuple of float
            Window of the continuum's height, in eV.

        Returns
        -------
        l3, l2 : array, shape (positions,)
            In counts; ``nan`` where layer and bulk are both seen, whose maxima no formula gives.

        Raises
        ------
        InputError
            As in `lines_within`.
        """
        self._check_lines(element)
        t, facts = self.truth, load("simulation")
        cathode = np.maximum(t["bulk_share"] + t["layer_share"], 1e-12)
        areas = np.full((2, cathode.size), np.nan)
        for phase in ("bulk", "layer"):
            alone = t[f"{phase}_share"] / cathode > PURE
            of_unit = line_areas(facts, element, phase, t["fwhm_ev"], l3_half, l2_half, post)
            both = (t[f"{element}_l3"] + t[f"{element}_l2"]) / facts["elements"][element]["lines"]
            areas[:, alone] = np.multiply.outer(of_unit, both[alone])
        return tuple(areas)

    def single_within(self, low: ArrayLike, high: ArrayLike) -> NDArray:
        """Single-scattering counts of all edges between two true energies, shape (positions,).

        Parameters
        ----------
        low, high : float or array, shape (positions,)
            In eV.
        """
        n = self.core.shape[-1]
        step = self.core_axis[1] * self.truth["axis_factor"]
        ends = self.core_true_energy[0] + step * (np.arange(n + 1) - 0.5) - self.truth["drift_ev"][:, None]
        running = np.concatenate([np.zeros((len(ends), 1)), np.cumsum(self.edges_single, -1, dtype=float)], -1)
        low, high = (np.broadcast_to(np.asarray(at, float), len(ends)) for at in (low, high))
        return np.array([np.diff(np.interp(between, *row))[0] for between, row in zip(
            np.stack([low, high], -1), zip(ends, running, strict=True), strict=True
        )])  # fmt: skip

    def _check_lines(self, element: str) -> None:
        if f"{element}_l3" not in self.truth:
            raise InputError(f"no white lines of {element!r} are simulated; those of Mn, Co and Ni are")
        if not self.truth["compact_lines"]:
            raise InputError("areas within a window are known for tails=0 and core_hole_ev=0 only")

    @property
    def core_energy(self) -> NDArray:
        """Core-loss axis as recorded, in eV."""
        return self.core_axis[0] + self.core_axis[1] * np.arange(self.core.shape[-1])

    @property
    def low_energy(self) -> NDArray:
        """Low-loss axis as recorded, in eV."""
        return self.low_axis[0] + self.low_axis[1] * np.arange(self.low.shape[-1])

    @property
    def core_true_energy(self) -> NDArray:
        """Core-loss axis as it should be, drift aside, in eV."""
        return self.truth["axis_offset_ev"] + self.truth["axis_factor"] * self.core_energy

    @property
    def low_true_energy(self) -> NDArray:
        """Low-loss axis as it should be, drift aside, in eV."""
        return self.truth["axis_factor"] * (self.low_energy - self.truth["zero_loss_at_ev"])


def simulate_scan(
    *,
    layer_nm: float = 2.0,
    n_positions: int = 60,
    step_nm: float = 0.3,
    vacuum_nm: float = 2.0,
    coating_nm: float = 4.0,
    interface_nm: float = 0.3,
    probe_nm: float = 0.2,
    t_over_lambda: float | NDArray = 0.5,
    wedge_per_nm: float = 0.005,
    dose: float = 2000.0,
    low_counts: float = 1e6,
    beam_noise: float = 0.0,
    n_channels: int = 2048,
    dispersion: float = 0.25,
    core_start: float = 460.0,
    low_start: float = -40.0,
    fwhm: float = 1.0,
    tails: float = 0.0,
    core_hole_ev: float = 0.0,
    loss_tail: float = 0.0,
    plural_background: bool = False,
    fluorine: float = 0.0,
    axis_offset_ev: float = 0.0,
    axis_factor: float = 1.0,
    zero_loss_at: float = 0.0,
    drift_ev: float = 0.0,
    gain: float = 1.0,
    readout: float = 0.0,
    blur: float = 0.0,
    spikes: int = 0,
    roll_off: bool = False,
    adf_noise: float = 0.01,
    reverse: bool = False,
    seed: int = 0,
) -> SimulatedScan:
    """Simulate a dual-EELS line scan from vacuum through coating and reacted layer into the bulk.

    Parameters
    ----------
    layer_nm : float
        Thickness of the reacted layer; 0 for none.
    n_positions, step_nm : int, float
        Positions and their distance.
    vacuum_nm, coating_nm : float
        Vacuum before the coating, and the coating's thickness.
    interface_nm, probe_nm : float
        Gaussian sigma of the layer's inner interface, and of the probe, which blurs every interface.
    t_over_lambda : float or array, shape (positions,)
        Thickness of the cathode in inelastic mean free paths: at its surface, or at each position from the vacuum in.
    wedge_per_nm : float
        Its relative growth a nanometre; an array of thicknesses has its own.
    dose : float
        Background counts a channel at 640 eV, at the end of the bulk.
    low_counts : float
        Counts of a low-loss spectrum.
    beam_noise : float
        Relative standard deviation of the beam's intensity from position to position, common to core and low loss.
    n_channels, dispersion, core_start, low_start : int, float
        Of both detectors, as recorded, in eV.
    fwhm : float
        Energy resolution in eV, the camera's point spread included.
    tails : float
        Share of the zero-loss peak in a Lorentzian of the same width, as a detector's far tails.
    core_hole_ev : float
        Width of a Lorentzian by which core holes broaden the edges.
    loss_tail : float
        Share of the inelastic scattering in single-electron losses, which fall as 1/E² beyond the plasmon.
    plural_background : bool
        Whether plural scattering bends the background too; else it is an exact power law as recorded.
    fluorine : float
        Height of F K in the coating over ``dose``, say 0.1; 0 for none.
    axis_offset_ev, axis_factor : float
        True energy = offset + factor x recorded energy.
    zero_loss_at : float
        Where the recorded low-loss axis has the zero-loss peak, in eV.
    drift_ev : float
        Standard deviation of a slow drift of both spectra along the line.
    gain, readout, blur : float
        Counts an electron, standard deviation of an empty channel in counts, and sigma in channels of the camera's
        point spread, which correlates the noise and smooths it.
    spikes : int
        X-rays in the core loss.
    roll_off : bool
        Whether the detector cuts off the first 15 eV.
    adf_noise : float
        Standard deviation of the annular dark-field signal over that of the bulk's end.
    reverse : bool
        Whether the line runs from the bulk to the vacuum.
    seed : int
        Of all that is drawn.

    Returns
    -------
    SimulatedScan
        Expected counts, and the truth of every position.

    Raises
    ------
    InputError
        A line too short to reach the bulk, or thicknesses that are not one a position.

    Examples
    --------
    >>> from oxyspy.simulate import simulate_scan
    >>> scan = simulate_scan(layer_nm=3.0, t_over_lambda=0.4, seed=1)
    >>> scan
    SimulatedScan: 60 positions to 17.7 nm, 2048 channels of 0.25 eV; layer 3 nm from 6 nm, t/λ up to 0.42
    >>> core, low = scan.noisy(10, seed=2)
    >>> core.shape
    (10, 60, 2048)
    """
    rng = np.random.default_rng(seed)
    facts = load("simulation")
    x = step_nm * np.arange(n_positions)
    surface, boundary = vacuum_nm + coating_nm, vacuum_nm + coating_nm + layer_nm
    if x[-1] < boundary + 2.0:
        raise InputError(f"the line is {x[-1]:g} nm long; needed {boundary + 2:g} nm to end 2 nm inside the bulk")
    if np.ndim(t_over_lambda) and (np.shape(t_over_lambda) != x.shape or np.min(t_over_lambda) <= 0):
        raise InputError(f"t/λ of shape {np.shape(t_over_lambda)} given; needed a number, or {n_positions} above 0")
    blurred = max(probe_nm, 1e-3)
    in_coating = ndtr((x - vacuum_nm) / blurred) - ndtr((x - surface) / blurred)
    cathode = ndtr((x - surface) / blurred)
    bulk = ndtr((x - boundary) / np.hypot(blurred, interface_nm)) * cathode if layer_nm > 0 else cathode
    layer = cathode - bulk
    if np.ndim(t_over_lambda):
        amount = cathode * np.asarray(t_over_lambda) / t_over_lambda[-1]
        thickness = np.asarray(t_over_lambda) * (cathode + COATING_THICKNESS * in_coating)
    else:
        amount = cathode * (1 + wedge_per_nm * np.clip(x - surface, 0, None))
        thickness = t_over_lambda * (amount + COATING_THICKNESS * in_coating)
    adf = np.divide(amount, cathode, out=np.zeros_like(x), where=cathode > 1e-12)
    adf = adf * (bulk + facts["adf"]["layer"] * layer) + facts["adf"]["coating"] * in_coating
    adf /= adf[-1]
    adf = np.stack([adf + adf_noise * np.random.default_rng([seed, 2]).normal(size=n_positions), adf], axis=-1)
    walk = np.cumsum(rng.normal(size=n_positions))
    drift = drift_ev * (walk - walk.mean()) / max(walk.std(), 1e-9) if drift_ev else np.zeros(n_positions)
    beam = np.clip(1 + beam_noise * np.random.default_rng([seed, 1]).normal(size=n_positions), 0.05, None)

    step = dispersion * axis_factor
    below = max(BELOW, int(np.ceil(BELOW_EV / step)))
    long = max(LONG, 2 ** int(np.ceil(np.log2(2 * (below + n_channels)))))
    recorded = slice(below, below + n_channels)
    # one axis for all positions where they do not drift
    own_drift = drift[:, None] if drift_ev else drift[:1, None]
    long_energy = axis_offset_ev + axis_factor * core_start + step * (np.arange(long) - below) - own_drift
    frequency = scipy.fft.rfftfreq(long, step)
    scattered, peak = plural(thickness, step, long, facts["plasmon"], loss_tail), resolution(frequency, fwhm, tails)

    # edges of the zero-loss electrons, fewer where it is thick, scaled to the background at the line's end
    zero_loss = np.exp(thickness[-1] - thickness)
    share = {"bulk": bulk, "layer": layer, "coating": in_coating}
    single, truth = edges(facts, share, dose * amount / amount[-1] * zero_loss, dose, fluorine, long_energy, step)
    transform = scipy.fft.rfft(single, axis=-1) * np.exp(-np.pi * core_hole_ev * frequency)
    edges_recorded = scipy.fft.irfft(transform * scattered * peak, long, axis=-1)[:, recorded]
    edges_single = scipy.fft.irfft(transform * peak, long, axis=-1)[:, recorded]

    r, reference = facts["background"]["r"], facts["background"]["reference"]
    energy = axis_offset_ev + axis_factor * (core_start + dispersion * np.arange(n_channels))
    material = (amount + 0.5 * in_coating) / amount[-1]
    if plural_background:
        power = zero_loss[:, None] * (np.maximum(long_energy, 1.0) / reference) ** -r
        power = scipy.fft.irfft(scipy.fft.rfft(power, axis=-1) * scattered * peak, long, axis=-1)[:, recorded]
        power /= np.interp(reference, long_energy[-1, recorded], power[-1])
    else:
        power = (np.maximum(energy - drift[:, None], 1.0) / reference) ** -r
    background = dose * material[:, None] * power

    shift = (low_start - zero_loss_at) * axis_factor - drift
    phase = np.exp(2j * np.pi * frequency * shift[:, None])
    low = low_counts * scipy.fft.irfft(
        scattered * np.exp(-thickness)[:, None] * peak * phase, long, axis=-1
    )[:, :n_channels]  # fmt: skip
    # rounding of either sign about zero would decide, machine by machine, whether a random number is drawn
    low[low < 1e-9 * low_counts] = 0.0

    seen = 1 - 0.6 * np.exp(-((energy - energy[0]) / 6.0)) if roll_off else np.ones(n_channels)
    parts = (edges_recorded * beam[:, None], background * beam[:, None])
    core = (parts[0] + parts[1] + DARK * dose) * seen
    arrays = [
        np.maximum(a, 0).astype(np.float32)
        for a in (core, low * beam[:, None], parts[0] * seen, parts[1] * seen, edges_single * beam[:, None])
    ]
    truth |= {
        "t_over_lambda": thickness, "drift_ev": drift, "layer_share": layer, "bulk_share": bulk, "beam": beam,
        "background": dose * material * beam,
    }  # fmt: skip
    truth = {k: v * beam if k.endswith(("_l3", "_l2")) or k == "pre_edge" else v for k, v in truth.items()}
    if reverse:
        arrays = [a[::-1] for a in arrays]
        truth = {k: v[::-1] for k, v in truth.items()}
        surface, boundary = x[-1] - surface, x[-1] - boundary
    truth |= {
        "layer_nm": layer_nm, "surface_nm": surface, "boundary_nm": boundary, "coating_nm": coating_nm,
        "interface_nm": interface_nm, "axis_offset_ev": axis_offset_ev, "axis_factor": axis_factor,
        "zero_loss_at_ev": zero_loss_at, "gain": gain, "dark": DARK * dose, "fwhm_ev": fwhm,
        "background_r": r, "compact_lines": not (tails or core_hole_ev),
    }  # fmt: skip
    counted = _counted(rng, arrays[0], gain, readout, blur)
    truth["spikes"] = _add_spikes(rng, counted, spikes)
    return SimulatedScan(
        counted, _counted(rng, arrays[1], gain, readout, blur), *arrays, (core_start, dispersion),
        (low_start, dispersion), x, truth, gain, readout, blur, *adf[:: -1 if reverse else 1].T,
    )  # fmt: skip


def _counted(rng: np.random.Generator, mean: NDArray, gain: float, readout: float, blur: float) -> NDArray:
    """Counts of a camera: Poisson electrons, times the gain, their noise blurred, plus readout noise."""
    counts = (gain * rng.poisson(mean / gain)).astype(np.float32)
    if blur:
        from scipy.ndimage import gaussian_filter1d

        # the expectation has the point spread in its resolution already
        counts = mean + gaussian_filter1d(counts - mean, blur, axis=-1, mode="nearest")
    if readout:
        counts += rng.normal(scale=readout, size=counts.shape).astype(np.float32)
    return counts


def _add_spikes(rng: np.random.Generator, counts: NDArray, n: int) -> tuple[tuple[int, int], ...]:
    """Add X-rays of a few hundred standard deviations, in place."""
    found = []
    for _ in range(n):
        at = int(rng.integers(counts.shape[0])), int(rng.integers(20, counts.shape[1] - 20))
        counts[at] += 40 * np.sqrt(counts.max()) + rng.uniform(0, counts.max())
        found.append(at)
    return tuple(found)
