"""What simulated spectra are made of: edges, plural scattering and the resolution, on an axis longer than any detector.

Line shapes are those of ``data/simulation.yaml``: plausible, made up, no measurement of any material.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.special import expit, ndtr

# channels of the fine axis that areas are summed on, and the smoothing with which maxima are found, in eV
FINE_EV, SMOOTHING_EV = 0.01, 0.5


def gauss(energy: NDArray, at: float, sigma: float, step: float) -> NDArray:
    """Gaussian whose values sum to one in channels of ``step`` eV."""
    return step * np.exp(-0.5 * ((energy - at) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def plural(thickness: NDArray, step: float, n: int, plasmon: dict[str, float], tail: float = 0.0) -> NDArray:
    """Return exp(F(s)) for each t/λ: what scattering does to the spectrum of the zero-loss electrons.

    s is Drude's plasmon (Egerton, EELS in the Electron Microscope, eq. 3.43), of which a share ``tail`` is given to
    single-electron losses that fall as 1/E². Nothing is lost in the gap below 2.5 eV.
    """
    loss = step * np.arange(n)
    peak, width = plasmon["ev"], plasmon["width"]
    single = loss * width / ((loss**2 - peak**2) ** 2 + (loss * width) ** 2)
    single *= expit((loss - 3.0) / 0.3)
    slow = expit((loss - 10.0) / 2.0) / np.maximum(loss, 1.0) ** 2
    both = (1 - tail) * (single / single.sum()) + tail * (slow / slow.sum())
    return np.exp(thickness[:, None] * scipy.fft.rfft(both))


def resolution(frequency: NDArray, fwhm: float, tails: float = 0.0) -> NDArray:
    """Fourier transform of the zero-loss peak of unit area: a Gaussian, a share ``tails`` of it a Lorentzian."""
    narrow = np.exp(-2 * (np.pi * frequency * fwhm / np.sqrt(8 * np.log(2))) ** 2)
    return (1 - tails) * narrow + tails * np.exp(-np.pi * fwhm * frequency)


def edges(
    facts: dict[str, Any], share: dict[str, NDArray], scale: NDArray, dose: float, fluorine: float,
    energy: NDArray, step: float,
) -> tuple[NDArray, dict[str, NDArray]]:  # fmt: skip
    """Single-scattering edges on the long axis, shape (positions, n), and what went in, by position.

    ``share`` has the parts of bulk, layer and coating; ``scale`` the counts at 640 eV that heights refer to; ``energy``
    the axis of each position, or one for all.
    """
    single = np.zeros((len(scale), energy.shape[-1]))
    truth: dict[str, NDArray] = {}
    cathode = share["bulk"] + share["layer"]
    inside = np.divide(scale, cathode, out=np.zeros_like(scale), where=cathode > 1e-12)
    for element, of in facts["elements"].items():
        area = {"l3": np.zeros(len(scale)), "l2": np.zeros(len(scale))}
        moment = {"l3": np.zeros(len(scale)), "l2": np.zeros(len(scale))}
        for phase in ("bulk", "layer"):
            lines = of[phase]
            height = scale * np.divide(share[phase], cathode, out=np.zeros_like(scale), where=cathode > 1e-12)
            height = height * of["height"]
            l3, l2 = lines["l3"], lines["l3"] + lines["splitting"]
            # areas in counts a channel times channels
            both = height * of["lines"] / step
            parts = {"l3": both * lines["ratio"] / (1 + lines["ratio"]), "l2": both / (1 + lines["ratio"])}
            for name, at in (("l3", l3), ("l2", l2)):
                area[name] += parts[name]
                moment[name] += parts[name] * at
                for distance, share_of in facts["multiplet"]:
                    single += share_of * parts[name][:, None] * gauss(energy, at + distance, of["sigma"], step)
            single += height[:, None] * _continuum(energy, l3, l2)
        at_l3, at_l2 = (_over(moment[name], area[name]) for name in ("l3", "l2"))
        truth |= {
            f"{element}_l3": area["l3"], f"{element}_l2": area["l2"], f"{element}_ratio": _over(area["l3"], area["l2"]),
            f"{element}_l3_ev": at_l3, f"{element}_splitting_ev": at_l2 - at_l3,
        }  # fmt: skip
    oxygen, r = facts["oxygen"], facts["background"]["r"]
    level = (oxygen["onset"] / facts["background"]["reference"]) ** -r
    amounts = {"bulk": share["bulk"] * inside, "layer": share["layer"] * inside, "coating": share["coating"] * dose}
    total = sum(amounts.values()) * level
    top = oxygen["maximum"]
    rise = expit((energy - oxygen["onset"]) / oxygen["rise"]) * (np.maximum(energy, 540) / 540) ** -3.0
    single += total[:, None] * (oxygen["height"] * rise + top["area"] * gauss(energy, top["ev"], top["sigma"], 1.0))
    pre = sum(amounts[k] * oxygen["pre_edge_area"][k] for k in amounts) * level
    single += pre[:, None] * gauss(energy, oxygen["pre_edge"]["ev"], oxygen["pre_edge"]["sigma"], 1.0)
    if fluorine:
        onset = facts["fluorine"]["onset"]
        rise = expit((energy - onset) / facts["fluorine"]["rise"]) * (np.maximum(energy, onset) / onset) ** -3.0
        single += fluorine * amounts["coating"][:, None] * rise
    return single, truth | {"pre_edge": pre / step}


def line_share(facts: dict[str, Any], element: str, phase: str, fwhm: float, low: float, high: float) -> NDArray:
    """Shares of the L3 and of the L2 line of one phase, recorded with ``fwhm``, that lie between two energies."""
    of = facts["elements"][element]
    sigma = np.hypot(of["sigma"], fwhm / np.sqrt(8 * np.log(2)))
    at = of[phase]["l3"] + np.array([0.0, of[phase]["splitting"]])
    return sum(
        weight * (ndtr((high - at - distance) / sigma) - ndtr((low - at - distance) / sigma))
        for distance, weight in facts["multiplet"]
    )


def line_areas(
    facts: dict[str, Any], element: str, phase: str, fwhm: float, l3_half: float, l2_half: float,
    post: tuple[float, float],
) -> tuple[float, float]:  # fmt: skip
    """Areas in eV of one phase's L3 and L2 above a sharp two-step continuum, for a continuum of unit height.

    On a fine axis and by sums alone, so that no window or step of the measuring kernels has a part in it. The steps
    stand at the maxima of the spectrum smoothed as maxima are found, by a Gaussian of 0.5 eV.
    """
    of, lines = facts["elements"][element], facts["elements"][element][phase]
    l3, l2 = lines["l3"], lines["l3"] + lines["splitting"]
    energy = np.arange(l3 - 60.0, post[1] + 20.0, FINE_EV)
    recorded = fwhm / np.sqrt(8 * np.log(2))
    parts = np.array([lines["ratio"], 1.0]) / (1 + lines["ratio"]) * of["lines"]
    spectrum = _continuum(energy, l3, l2)
    spectrum = scipy.fft.irfft(
        scipy.fft.rfft(spectrum, 2 * energy.size) * resolution(scipy.fft.rfftfreq(2 * energy.size, FINE_EV), fwhm)
    )[: energy.size]
    smooth = spectrum.copy()
    for part, at in zip(parts, (l3, l2), strict=True):
        for distance, weight in facts["multiplet"]:
            for into, more in ((spectrum, 0.0), (smooth, SMOOTHING_EV)):
                sigma = np.sqrt(of["sigma"] ** 2 + recorded**2 + more**2)
                into += weight * part * gauss(energy, at + distance, sigma, 1.0)
    at_l3, at_l2 = (energy[near][smooth[near].argmax()] for near in (np.abs(energy - at) < 3.0 for at in (l3, l2)))
    height = spectrum[(energy >= post[0]) & (energy < post[1])].mean()
    above = spectrum - height * (2.0 * (energy >= at_l3) + (energy >= at_l2)) / 3
    return tuple(
        float(above[np.abs(energy - at) < half].sum() * FINE_EV) for at, half in ((at_l3, l3_half), (at_l2, l2_half))
    )


def _continuum(energy: NDArray, l3: float, l2: float) -> NDArray:
    """Two steps 2:1 that fall slowly, as real ones do; of height one."""
    fall = (np.maximum(energy, l3) / l3) ** -3.0
    return (2 * expit((energy - l3) / 0.1) + expit((energy - l2) / 0.1)) / 3 * fall


def _over(above: NDArray, below: NDArray) -> NDArray:
    """Quotient, nan where there is too little to divide by."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 1e-6)
