"""Dual-EELS line scans with known truth.

A line runs from vacuum through an amorphous coating and a reacted layer into the bulk. Low losses follow Poisson's law
of plural scattering, F(L) = I_0 F(Z) exp(F(s)) with I_0 = I_t exp(-t/λ) and s the single-scattering distribution of
area t/λ; the edges of the zero-loss electrons are recorded as their convolution with L / I_0. The background is a power
law as recorded, so that its truth is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from oxyspy.data import load
from oxyspy.errors import InputError

# channels of the long axis on which spectra are convolved: nothing of it wraps into a recorded one
LONG = 2**13
BELOW = 2**10
COATING_THICKNESS = 0.6  # t/λ of the coating over that of the cathode


@dataclass(frozen=True)
class SimulatedScan:
    """A simulated line scan.

    Attributes
    ----------
    core, low : float32 array, shape (positions, channels)
        Counts of the core and of the low loss.
    core_expected, low_expected : float32 array, shape (positions, channels)
        Their expectations.
    core_axis, low_axis : tuple of float
        Offset and dispersion in eV as recorded, wrong by what was asked for.
    positions_nm : array, shape (positions,)
    truth : dict
        ``layer_nm``, ``surface_nm``, ``boundary_nm``, ``coating_nm``, ``interface_nm``; ``t_over_lambda``,
        ``drift_ev`` (positions,); ``axis_offset_ev`` and ``axis_factor`` (E = offset + factor x recorded); ``gain``;
        ``layer_share``, ``bulk_share`` (positions,); for each element ``l3``, ``l2`` (positions,), the areas of the
        single-scattering lines in counts, and their sums' ``ratio``; ``pre_edge``; ``spikes``, (position, channel).
    gain, readout : float
        Counts an electron, and standard deviation of an empty channel in counts.
    blur : float
        Sigma of the camera's point spread in channels.
    """

    core: NDArray
    low: NDArray
    core_expected: NDArray
    low_expected: NDArray
    core_axis: tuple[float, float]
    low_axis: tuple[float, float]
    positions_nm: NDArray
    truth: dict[str, Any]
    gain: float
    readout: float
    blur: float

    def noisy(self, n: int, seed: int) -> tuple[NDArray, NDArray]:
        """Draw the counts n times more: core and low loss, shape (n, positions, channels)."""
        rng = np.random.default_rng(seed)
        return tuple(
            _counted(rng, np.broadcast_to(mean, (n, *mean.shape)), self.gain, self.readout, self.blur)
            for mean in (self.core_expected, self.low_expected)
        )

    @property
    def core_energy(self) -> NDArray:
        """Core-loss axis as recorded, in eV."""
        return self.core_axis[0] + self.core_axis[1] * np.arange(self.core.shape[-1])

    @property
    def low_energy(self) -> NDArray:
        """Low-loss axis as recorded, in eV."""
        return self.low_axis[0] + self.low_axis[1] * np.arange(self.low.shape[-1])


def simulate_scan(
    *,
    layer_nm: float = 2.0,
    n_positions: int = 60,
    step_nm: float = 0.3,
    vacuum_nm: float = 2.0,
    coating_nm: float = 4.0,
    interface_nm: float = 0.3,
    probe_nm: float = 0.2,
    t_over_lambda: float = 0.5,
    wedge_per_nm: float = 0.005,
    dose: float = 2000.0,
    low_counts: float = 1e6,
    n_channels: int = 2048,
    dispersion: float = 0.25,
    core_start: float = 460.0,
    low_start: float = -40.0,
    fwhm: float = 1.0,
    axis_offset_ev: float = 0.0,
    axis_factor: float = 1.0,
    zero_loss_at: float = 0.0,
    drift_ev: float = 0.0,
    gain: float = 1.0,
    readout: float = 0.0,
    blur: float = 0.0,
    spikes: int = 0,
    roll_off: bool = False,
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
    t_over_lambda, wedge_per_nm : float
        Thickness of the cathode at its surface, in inelastic mean free paths, and its relative growth a nanometre.
    dose : float
        Background counts a channel at 640 eV, at the end of the bulk.
    low_counts : float
        Counts of a low-loss spectrum.
    n_channels, dispersion, core_start, low_start : int, float
        Of both detectors, as recorded, in eV.
    fwhm : float
        Energy resolution in eV.
    axis_offset_ev, axis_factor : float
        True energy = offset + factor x recorded energy.
    zero_loss_at : float
        Where the recorded low-loss axis has the zero-loss peak, in eV.
    drift_ev : float
        Standard deviation of a slow drift of both spectra along the line.
    gain, readout, blur : float
        Counts an electron, standard deviation of an empty channel in counts, sigma of the camera's point spread in
        channels, which correlates the noise.
    spikes : int
        X-rays in the core loss.
    roll_off : bool
        Whether the detector cuts off the first 15 eV.
    reverse : bool
        Whether the line runs from the bulk to the vacuum.
    seed : int

    Returns
    -------
    SimulatedScan

    Raises
    ------
    InputError
        A line too short to reach the bulk.
    """
    rng = np.random.default_rng(seed)
    facts = load("simulation")
    x = step_nm * np.arange(n_positions)
    surface, boundary = vacuum_nm + coating_nm, vacuum_nm + coating_nm + layer_nm
    if x[-1] < boundary + 2.0:
        raise InputError(f"the line is {x[-1]:g} nm long; needed {boundary + 2:g} nm to end 2 nm inside the bulk")
    blurred = max(probe_nm, 1e-3)
    in_coating = ndtr((x - vacuum_nm) / blurred) - ndtr((x - surface) / blurred)
    cathode = ndtr((x - surface) / blurred)
    bulk = ndtr((x - boundary) / np.hypot(blurred, interface_nm)) * cathode if layer_nm > 0 else cathode
    layer = cathode - bulk
    amount = cathode * (1 + wedge_per_nm * np.clip(x - surface, 0, None))
    thickness = t_over_lambda * (amount + COATING_THICKNESS * in_coating)
    walk = np.cumsum(rng.normal(size=n_positions))
    drift = drift_ev * (walk - walk.mean()) / max(walk.std(), 1e-9) if drift_ev else np.zeros(n_positions)
    step = dispersion * axis_factor
    share = {"bulk": bulk, "layer": layer, "coating": in_coating}
    # edges of the zero-loss electrons, fewer where it is thick, scaled to the background at the line's end
    scale = dose * amount / amount[-1] * np.exp(thickness[-1] - thickness)
    single, truth = _edges(facts, share, cathode, scale, core_start, step, drift, axis_offset_ev, axis_factor, dose)
    transform = _plural(thickness, step, facts["plasmon"])
    frequency = scipy.fft.rfftfreq(LONG, step)
    peak = np.exp(-2 * (np.pi * frequency * fwhm / np.sqrt(8 * np.log(2))) ** 2)
    recorded = scipy.fft.irfft(scipy.fft.rfft(single, axis=-1) * transform * peak, LONG, axis=-1)
    energy = axis_offset_ev + axis_factor * (core_start + dispersion * np.arange(n_channels))
    material = amount + 0.5 * in_coating
    power = (np.maximum(energy - drift[:, None], 1.0) / facts["background"]["reference"]) ** -facts["background"]["r"]
    core = recorded[:, BELOW : BELOW + n_channels] + dose * (material / amount[-1])[:, None] * power + 0.002 * dose
    if roll_off:
        core *= 1 - 0.6 * np.exp(-((energy - energy[0]) / 6.0))
    shift = (low_start - zero_loss_at) * axis_factor - drift
    phase = np.exp(2j * np.pi * frequency * shift[:, None])
    low = low_counts * scipy.fft.irfft(
        transform * np.exp(-thickness)[:, None] * peak * phase, LONG, axis=-1
    )[:, :n_channels]  # fmt: skip
    core, low = (np.maximum(a, 0).astype(np.float32) for a in (core, low))
    if reverse:
        core, low = core[::-1], low[::-1]
        truth = {k: v[::-1] if isinstance(v, np.ndarray) else v for k, v in truth.items()}
        surface, boundary = x[-1] - surface, x[-1] - boundary
        thickness, drift, layer, bulk = (a[::-1] for a in (thickness, drift, layer, bulk))
    truth |= {
        "layer_nm": layer_nm, "surface_nm": surface, "boundary_nm": boundary, "coating_nm": coating_nm,
        "interface_nm": interface_nm, "t_over_lambda": thickness, "drift_ev": drift, "layer_share": layer,
        "bulk_share": bulk, "axis_offset_ev": axis_offset_ev, "axis_factor": axis_factor, "gain": gain,
    }  # fmt: skip
    counted = _counted(rng, core, gain, readout, blur)
    truth["spikes"] = _add_spikes(rng, counted, spikes)
    return SimulatedScan(
        counted, _counted(rng, low, gain, readout, blur), core, low, (core_start, dispersion), (low_start, dispersion),
        x, truth, gain, readout, blur,
    )  # fmt: skip


def _edges(facts, share, cathode, scale, start, step, drift, offset, factor, dose) -> tuple[NDArray, dict[str, Any]]:
    """Single-scattering edges on the long axis, shape (positions, LONG), and the areas that went in."""
    energy = offset + factor * start + step * (np.arange(LONG) - BELOW) - drift[:, None]
    single = np.zeros(energy.shape)
    truth: dict[str, Any] = {}
    for element, facts_of in facts["elements"].items():
        areas = {"l3": np.zeros(len(scale)), "l2": np.zeros(len(scale))}
        for phase in ("bulk", "layer"):
            lines = facts_of[phase]
            height = scale * np.divide(share[phase], cathode, out=np.zeros_like(scale), where=cathode > 1e-12)
            height = height * facts_of["height"]
            l3, l2 = lines["l3"], lines["l3"] + lines["splitting"]
            # areas in counts a channel times channels
            both = height * facts_of["lines"] / step
            parts = {"l3": both * lines["ratio"] / (1 + lines["ratio"]), "l2": both / (1 + lines["ratio"])}
            for name, at in (("l3", l3), ("l2", l2)):
                areas[name] += parts[name]
                for distance, share_of in facts["multiplet"]:
                    single += share_of * parts[name][:, None] * _gauss(energy, at + distance, facts_of["sigma"], step)
            # the continuum falls slowly, as real ones do
            fall = (np.maximum(energy, l3) / l3) ** -3.0
            steps = (2 * expit((energy - l3) / 0.1) + expit((energy - l2) / 0.1)) / 3
            single += height[:, None] * steps * fall
        truth[element] = areas
    oxygen = facts["oxygen"]
    level = (oxygen["onset"] / facts["background"]["reference"]) ** -facts["background"]["r"]
    inside = np.divide(scale, cathode, out=np.zeros_like(scale), where=cathode > 1e-12)
    amounts = {"bulk": share["bulk"] * inside, "layer": share["layer"] * inside, "coating": share["coating"] * dose}
    total = sum(amounts.values()) * level
    top = oxygen["maximum"]
    rise = expit((energy - oxygen["onset"]) / oxygen["rise"]) * (np.maximum(energy, 540) / 540) ** -3.0
    single += total[:, None] * (oxygen["height"] * rise + top["area"] * _gauss(energy, top["ev"], top["sigma"], 1.0))
    pre = sum(amounts[k] * oxygen["pre_edge_area"][k] for k in amounts) * level
    single += pre[:, None] * _gauss(energy, oxygen["pre_edge"]["ev"], oxygen["pre_edge"]["sigma"], 1.0)
    return single, {**{f"{k}_{n}": a for k, v in truth.items() for n, a in v.items()}, "pre_edge": pre / step}


def _gauss(energy: NDArray, at: float, sigma: float, step: float) -> NDArray:
    """Gaussian of unit area in channels of ``step`` eV."""
    return step * np.exp(-0.5 * ((energy - at) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def _plural(thickness: NDArray, step: float, plasmon: dict[str, float]) -> NDArray:
    """exp(F(s)) for each thickness: what scattering does to the spectrum of the zero-loss electrons."""
    loss = step * np.arange(LONG)
    peak, width = plasmon["ev"], plasmon["width"]
    # Drude's plasmon (Egerton, EELS in the Electron Microscope, eq. 3.43); no losses in the gap below 2.5 eV
    single = loss * width / ((loss**2 - peak**2) ** 2 + (loss * width) ** 2)
    single *= expit((loss - 3.0) / 0.3)
    return np.exp(thickness[:, None] * scipy.fft.rfft(single / single.sum()))


def _counted(rng: np.random.Generator, mean: NDArray, gain: float, readout: float, blur: float) -> NDArray:
    """Counts of a camera: Poisson electrons, times the gain, blurred, plus readout noise."""
    counts = (gain * rng.poisson(mean / gain)).astype(np.float32)
    if blur:
        from scipy.ndimage import gaussian_filter1d

        counts = gaussian_filter1d(counts, blur, axis=-1, mode="nearest")
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
