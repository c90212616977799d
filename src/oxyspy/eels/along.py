"""White lines along a line of spectra, from recorded counts to areas, ratio and positions in one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.background import PowerLaw, pooled_dispersion, subtract
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import Kernel, deconvolve, fourier_ratio_kernel, resample_low_loss
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions
from oxyspy.eels.moving_windows import with_moving_windows
from oxyspy.eels.other_backgrounds import fit_background
from oxyspy.eels.tracking import maxima_along, places_of_sum, sum_of_rows
from oxyspy.eels.white_lines import FUNCTIONALS, WhiteLineMethod, WhiteLines, line_functionals, white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import find_zero_loss, peak_shape, sample


@dataclass(frozen=True)
class Along:
    """White lines along a line of spectra.

    Attributes
    ----------
    lines : WhiteLines
        Of every spectrum.
    functionals : Functionals
        Of every spectrum, with the maxima's noise in their covariance.
    positions : LinePositions
        Common to the rows.
    noise : float
        Variance over mean of the counts.
    """

    lines: WhiteLines
    functionals: Functionals
    positions: LinePositions
    noise: float


def white_lines_along(
    counts: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    edge: Edge,
    method: WhiteLineMethod,
) -> Along:
    """Measure white lines of every spectrum, at maxima that neighbours along the line help to find.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        Raw counts of the segment.
    energy : array, shape (n,)
        Its axis in eV.
    low, low_energy : array, shape (rows or 1, positions or 1, m) and (m,), optional
        Low loss on its own axis; what the method's deconvolution needs.
    edge : Edge
        Of these lines.
    method : WhiteLineMethod
        Every choice of how they are measured.

    Returns
    -------
    Along
        Positions, areas and ratios of every spectrum, with their errors.

    Raises
    ------
    InputError
        No zero-loss peak, or no L3 maximum in the sum of all spectra.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> core = scan.core_loss
    >>> _ = core.calibrate_edges()
    >>> from oxyspy.eels import WhiteLineMethod, edge, white_lines_along
    >>> part = core.isig[600.0:690.0].inav[12.0:16.0]
    >>> method = WhiteLineMethod("Mn_L", background=(600.0, 632.0), post=(662.0, 680.0), deconvolution="none")
    >>> found = white_lines_along(part.data[None].astype(float), part.energy, None, None, edge("Mn_L"), method)
    >>> print(found.lines.ratio.shape)
    (1, 10)
    """
    step, (rows, positions, n) = dispersion(energy), counts.shape
    background = fit_background(counts, energy, method.background, f"{edge.name} background", method.background_method)
    noise = pooled_dispersion(background.dispersion, int(np.ptp(method.background) / step))
    background = background.of_noise(noise)
    kernel_of = _kernels(low, low_energy, energy, method)

    def over_positions(work: Callable[[slice, NDArray, PowerLaw, Kernel | None], None]) -> None:
        """Work on all rows of a few positions at a time: kernels of all of them are a copy of the scan."""

        def one(part: slice) -> None:
            at = slice(None), part
            work(part, counts[at], background[at], kernel_of(at))

        over_blocks(one, positions, rows * 30 * n * counts.itemsize)

    spectra = np.empty((positions, n))
    single, functionals = (
        Functionals(np.empty((*stack, FUNCTIONALS)), np.empty((*stack, FUNCTIONALS, FUNCTIONALS)))
        for stack in ((positions,), (rows, positions))
    )

    def add(part: slice, *of: Any) -> None:
        spectra[part] = sum_of_rows(of[0], energy, *of[1:])

    def measure(part: slice, counts: NDArray, background: PowerLaw, kernel: Kernel | None) -> None:
        found = line_functionals(counts, energy, background, *at, method, kernel=kernel, noise=noise).sum(axis=0)
        single.values[part], single.covariance[part] = found.values, found.covariance

    def measure_again(part: slice, counts: NDArray, background: PowerLaw, kernel: Kernel | None) -> None:
        own = tracked[part]
        places = method.places(own.l3, own.l2)
        found = line_functionals(counts, energy, background, *places, method, kernel=kernel, noise=noise)
        net = subtract(counts, energy, background)
        found = with_moving_windows(found, net if kernel is None else deconvolve(net, kernel), energy, own, method)
        functionals.values[:, part], functionals.covariance[:, part] = found.values, found.covariance

    over_positions(add)
    at = places_of_sum(spectra, energy, edge)
    over_positions(measure)
    tracked = maxima_along(spectra, single, energy, edge)
    over_positions(measure_again)
    return Along(white_lines(functionals, tracked, method, step), functionals, tracked, noise)


def _kernels(
    low: NDArray | None, low_energy: NDArray | None, energy: NDArray, method: WhiteLineMethod
) -> Callable[[tuple[slice, slice]], Kernel | None]:
    """Return what makes the kernels of some rows and positions."""
    if method.deconvolution == "none":
        return lambda at: None
    step = dispersion(energy)
    peak = peak_shape(*resample_low_loss(sample(low), low_energy, step))

    def kernel_of(at: tuple[slice, slice]) -> Kernel:
        own = low[tuple(slice(None) if size == 1 else part for part, size in zip(at, low.shape, strict=False))]
        own, axis = resample_low_loss(own, low_energy, step)
        choices = {"reconvolution": method.deconvolution, "fwhm": method.gaussian_fwhm}
        return fourier_ratio_kernel(own, axis, find_zero_loss(own, axis, peak), energy.size, **choices)

    return kernel_of
