"""The part of a prepared scan that one edge is measured on: counts, background and single scattering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.alignment import take_moved
from oxyspy.eels.background import PowerLaw, pooled_dispersion, subtract
from oxyspy.eels.deconvolution import Kernel, deconvolve, fourier_ratio_kernel
from oxyspy.eels.edges import Edge, edge
from oxyspy.eels.from_below import FromBelow, from_below, measure_from_below
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.maxima import smoothing_ev
from oxyspy.eels.other_backgrounds import fit_background
from oxyspy.eels.white_lines import WhiteLineMethod, line_weights
from oxyspy.eels.windows import dispersion
from oxyspy.errors import InputError

if TYPE_CHECKING:
    from oxyspy.workflow.chain import Prepared

# a background window cut short by the axis must still hold this much, in eV
LEAST_WINDOW_EV = 12.0
# behind the last window, so that no measured channel is near a segment's end, in zero-loss widths
MARGIN = 4.0
# by how much the residuals of one window may exceed another's by chance: three standard deviations of forty spectra
BENT = 1.3


@dataclass(frozen=True)
class Segment:
    """One edge's channels of a scan.

    Attributes
    ----------
    counts, spectra : array, shape (rows, positions, n)
        Aligned counts as recorded, and their net single scattering (net counts without deconvolution).
    energy : array, shape (n,)
        In eV.
    last_ev : float
        Where the last window may end.
    background : PowerLaw
        Of the counts.
    noise : float
        Variance over mean of the counts, from the background's residuals.
    deconvolution : str
    fwhm : float or None
        Of the reconvolution, in eV.
    kernel : Kernel or None
    below : FromBelow or None
        Where plural scattering was taken out from below a lower edge, before the edge's own background was fitted.
    """

    counts: NDArray
    spectra: NDArray
    energy: NDArray
    last_ev: float
    background: PowerLaw
    noise: float
    deconvolution: str
    fwhm: float | None
    kernel: Kernel | None
    below: FromBelow | None

    def measure(self, weights: NDArray) -> Functionals:
        """Window functions (rows, positions, k, n) on the single scattering, with their covariance."""
        if self.below is not None:
            return measure_from_below(self.below, weights, noise=self.noise)
        return measure(self.counts, self.energy, self.background, weights, kernel=self.kernel, noise=self.noise)

    def lines(self, l3: NDArray, l2: NDArray, method: WhiteLineMethod) -> Functionals:
        """White lines in windows at these energies, with their covariance."""
        return self.measure(line_weights(self.energy, l3, l2, method, smoothing_ev(self.energy)))


def cut_segment(
    scan: Prepared,
    item: Edge,
    window: tuple[float, float],
    last: float,
    deconvolution: str = "none",
    fwhm: float | None = None,
    *,
    method: str = "ml",
    from_lowest: bool = True,
) -> Segment:
    """Cut an edge's channels out of a scan, fit the background and take plural scattering out.

    Parameters
    ----------
    scan : Prepared
    item : Edge
    window : tuple of float
        Of the background, in eV.
    last : float
        Where the last window ends, in eV.
    deconvolution, fwhm
        As in `WhiteLineMethod`.
    method : str
        Of the background.
    from_lowest : bool
        Whether plural scattering is taken out from below the lowest edge that was found.

    Raises
    ------
    InputError
        The axis does not reach over the windows, or they hold channels that were made up.
    """
    name = item.name
    _check_channels(scan, window[1], last, name)
    counts, energy, kernel = _cut(scan, window[0], last, deconvolution, fwhm, name)
    background = fit_background(counts, energy, window, f"{name} background", method)
    noise = _noise(scan, background, energy)
    lowest = _lowest_window(scan, item) if kernel is not None and from_lowest else None
    if lowest is None:
        spectra = subtract(counts, energy, background)
        spectra = spectra if kernel is None else deconvolve(spectra, kernel)
        return Segment(
            counts, spectra, energy, last, background.of_noise(noise), noise, deconvolution, fwhm, kernel, None
        )
    longer = _cut(scan, lowest[0], last, deconvolution, fwhm, name)
    # a spectrum that plural scattering bends is no noisier: below the lowest edge it is straight
    straight = _noise(scan, fit_background(*longer[:2], lowest, f"{name}, plural scattering", "ml"), energy)
    noise = straight if noise > BENT * straight else noise
    below = from_below(*longer, lowest, window, energy.size, f"{name} background", method, noise)
    return Segment(
        counts, below.net, energy, last, background.of_noise(noise), noise, deconvolution, fwhm, kernel, below
    )


def _noise(scan: Prepared, background: PowerLaw, energy: NDArray) -> float:
    """Variance over mean of the counts, by the residuals of all spectra with signal."""
    channels = int((background.window[1] - background.window[0]) / dispersion(energy))
    return pooled_dispersion(background.dispersion[scan.bright], channels)


def background_window(scan: Prepared, window: tuple[float, float], name: str) -> tuple[float, float]:
    """Return the window, cut short by the axis' start or the detector's roll-off.

    Raises
    ------
    InputError
        Under 12 eV of it are left.
    """
    low = max(window[0], scan.start_ev)
    if window[1] - low < LEAST_WINDOW_EV or window[1] > scan.energy[-1]:
        raise InputError(
            f"{name}: the background window {window[0]:g}-{window[1]:g} eV does not fit the axis, which is usable from "
            f"{scan.start_ev:.1f} to {scan.energy[-1]:.1f} eV"
        )
    return float(low), float(window[1])


def _check_channels(scan: Prepared, low: float, high: float, name: str) -> None:
    """Refuse to measure an edge on channels that were made up."""
    bad = [f"{a:.1f}-{b:.1f} eV" for a, b in scan.masked if b > low and a < high]
    if bad:
        raise InputError(
            f"{name}: the channels at {', '.join(bad)} are dead or hot, and its windows hold them: nothing is measured"
        )


def _lowest_window(scan: Prepared, item: Edge) -> tuple[float, float] | None:
    """Background window of the lowest edge that was found below ``item`` and has one on the axis; None without any."""
    below = (edge(found.name) for found in scan.calibration.edges if scan.calibration.absolute)
    for other in sorted(below, key=lambda e: e.energy):
        if other.energy < item.energy and other.background is not None:
            try:
                return background_window(scan, other.background, other.name)
            except InputError:
                continue
    return None


def _cut(
    scan: Prepared, low: float, high: float, deconvolution: str, fwhm: float | None, name: str
) -> tuple[NDArray, NDArray, Kernel | None]:
    """Counts from the background window to past the last window, aligned, with their axis and kernel."""
    step = dispersion(scan.energy)
    width = scan.zero_loss.fwhm if scan.zero_loss is not None else 1.0
    if high > scan.energy[-1] + step / 2:
        raise InputError(f"{name}: its windows go up to {high:g} eV, the axis to {scan.energy[-1]:.1f} eV")
    first = int(np.searchsorted(scan.energy, low - step / 2))
    last = min(int(np.searchsorted(scan.energy, high + MARGIN * width)), scan.energy.size)
    counts = take_moved(scan.counts, first, last, scan.moved)
    kernel = None
    if deconvolution != "none":
        kernel = fourier_ratio_kernel(
            scan.low, scan.low_energy, scan.zero_loss, last - first, reconvolution=deconvolution, fwhm=fwhm
        )
    return counts, scan.energy[first:last], kernel
