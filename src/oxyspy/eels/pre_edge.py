"""O K pre-edge: the oxygen 2p - metal 3d states, which fill as the metal is reduced."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw, pooled_dispersion
from oxyspy.eels.deconvolution import Kernel, fourier_ratio_kernel, resample_low_loss
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.other_backgrounds import METHODS, fit_background
from oxyspy.eels.ratio import ratios_along
from oxyspy.eels.white_lines import ratio_words
from oxyspy.eels.windows import dispersion, window_weights
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.errors import InputError

# order of the functionals
PRE_EDGE, MAIN = range(2)
# what `pre_edge_along` gives, in its order
NUMBERS = (
    "pre_edge", "pre_edge_sigma", "main", "main_sigma", "pre_edge_main_covariance", "share", "share_sigma",
    "share_low", "share_high", "share_over",
)  # fmt: skip


def pre_edge_functionals(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    edge: Edge,
    *,
    shift: ArrayLike = 0.0,
    kernel: Kernel | None = None,
    noise: ArrayLike = 1.0,
    readout: float = 0.0,
) -> Functionals:
    """Areas of the pre-edge and of the main edge, as functionals of the raw counts.

    Parameters
    ----------
    counts : array, shape (..., n)
    energy : array, shape (n,)
        In eV.
    background : PowerLaw
    edge : Edge
        With ``pre_edge`` and ``main`` windows.
    shift : float or array, shape (...)
        Added to each spectrum's energies, in eV: the drift that whole channels left over.
    kernel, noise, readout
        See `oxyspy.eels.functionals.measure`.
    """
    if edge.pre_edge is None or edge.main is None:
        raise InputError(f"edge {edge.name} has no pre-edge and main windows")
    shift = np.asarray(shift, float)
    weights = np.stack(
        [window_weights(energy, low - shift, high - shift) for low, high in (edge.pre_edge, edge.main)], axis=-2
    )
    return measure(counts, energy, background, weights, kernel=kernel, noise=noise, readout=readout)


def pre_edge_along(
    counts: NDArray,
    energy: NDArray,
    low: NDArray | None,
    low_energy: NDArray | None,
    edge: Edge,
    window: tuple[float, float],
    *,
    reconvolution: str = "zero_loss",
    fwhm: float | None = None,
    method: str = "ml",
) -> tuple[NDArray, ...]:
    """Measure pre-edge and main edge of every spectrum along a line, and the share of the one in the other.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        Raw counts of the segment.
    energy : array, shape (n,)
        Its axis in eV.
    low, low_energy : array, shape (rows or 1, positions or 1, m) and (m,), or None
        Low loss on its own axis; without it nothing is deconvolved.
    edge : Edge
        With windows of both.
    window : tuple of float
        Of the background, in eV.
    reconvolution, fwhm
        As for `oxyspy.eels.deconvolution.fourier_ratio_kernel`.
    method : str
        Of the background, as for `oxyspy.eels.other_backgrounds.fit_background`.

    Returns
    -------
    tuple of array, shape (rows, positions)
        The numbers of `NUMBERS`: areas in counts, and pre-edge over main edge as
        `oxyspy.eels.ratio.ratios_along` gives it.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> core = scan.core_loss
    >>> _ = core.calibrate_edges()
    >>> from oxyspy.eels import edge, pre_edge_along
    >>> part = core.isig[480.0:570.0].inav[12.0:16.0]
    >>> oxygen = edge("O_K")
    >>> areas = pre_edge_along(part.data[None].astype(float), part.energy, None, None, oxygen, oxygen.background)
    >>> print(areas[0].shape)
    (1, 10)
    """
    background = fit_background(counts, energy, window, f"{edge.name} background", method)
    noise = pooled_dispersion(background.dispersion, int(np.ptp(window) / dispersion(energy)))
    background = background.of_noise(noise)
    kernel = None
    if low is not None:
        low, low_energy = resample_low_loss(low, low_energy, dispersion(energy))
        found = find_zero_loss(low, low_energy)
        kernel = fourier_ratio_kernel(low, low_energy, found, energy.size, reconvolution=reconvolution, fwhm=fwhm)
    f = pre_edge_functionals(counts, energy, background, edge, kernel=kernel, noise=noise)
    ratios = ratios_along(f, positive=False)
    v, c = f.values, f.covariance
    return (
        v[..., PRE_EDGE], np.sqrt(c[..., PRE_EDGE, PRE_EDGE]), v[..., MAIN], np.sqrt(c[..., MAIN, MAIN]),
        c[..., PRE_EDGE, MAIN], ratios.value, ratios.sigma, ratios.low, ratios.high, ratios.over,
    )  # fmt: skip


def method_words(
    edge: Edge, window: tuple[float, float], deconvolution: str, fwhm: float | None = None, method: str = "ml"
) -> str:
    """Fingerprint of a pre-edge's measurement; windows in eV."""
    return (
        f"{edge.name}; power law {window[0]:g}-{window[1]:g} eV, {METHODS[method]}; "
        f"{ratio_words(deconvolution, fwhm)}; pre-edge {edge.pre_edge[0]:g}-{edge.pre_edge[1]:g} eV, main "
        f"{edge.main[0]:g}-{edge.main[1]:g} eV"
    )
