"""White lines of the 3d transition metals: L3 and L2 above a two-step continuum.

The continuum rises at the L3 and L2 maxima by heights 2:1, its total height the mean in a window after L2
(D. H. Pearson, B. Fultz and C. C. Ahn, Appl. Phys. Lett. 53, 1405 (1988); D. H. Pearson, C. C. Ahn and B. Fultz, Phys.
Rev. B 47, 8471 (1993)). Areas, positions and heights are linear functionals of the counts (`functionals`), so their
covariance is exact to first order, shared background and step height included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.deconvolution import Kernel
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.maxima import LinePositions, smoothing_ev
from oxyspy.eels.windows import step_profile, window_weights
from oxyspy.errors import InputError
from oxyspy.results import Result

# order of the functionals
AREA_L3, AREA_L2, HEIGHT, SLOPE_L3, SLOPE_L2, MOMENT_L3 = range(6)
# areas below this many standard errors give no ratio
MIN_SIGNIFICANCE = 3.0


@dataclass(frozen=True)
class WhiteLineMethod(Result):
    """All choices that an L3/L2 depends on.

    Attributes
    ----------
    edge : str
        For example ``"Mn_L"``.
    background : tuple of float
        Fit window of the power law, in eV.
    post : tuple of float
        Window after L2 whose mean sets the continuum's height, in eV.
    l3_half, l2_half : float
        Half widths of the areas about the L3 and L2 maxima, in eV.
    step : {"sharp", "arctan", "erf"}
        Shape of the steps.
    step_width : float
        Full width of a smooth step, in eV.
    deconvolution : {"none", "zero_loss", "gaussian"}
        Fourier ratio by the low loss of the same position, and its reconvolution function.
    gaussian_fwhm : float or None
        Width of the Gaussian in eV; ``None`` is the zero-loss peak's.
    """

    edge: str
    background: tuple[float, float]
    post: tuple[float, float]
    l3_half: float = 5.0
    l2_half: float = 4.0
    step: str = "sharp"
    step_width: float = 1.0
    deconvolution: str = "zero_loss"
    gaussian_fwhm: float | None = None

    @classmethod
    def of(cls, edge: Edge, **choices) -> WhiteLineMethod:
        """Return the shipped method of an edge, with ``choices`` put in their place."""
        if edge.post is None:
            raise InputError(f"edge {edge.name} has no white-line windows; those that do have a `post` window")
        return cls(**{"edge": edge.name, "background": edge.background, "post": edge.post, **choices})

    @property
    def fingerprint(self) -> str:
        """Text that is equal for equal methods; what a calibration must match."""
        step = "sharp" if self.step == "sharp" else f"{self.step} {self.step_width:g} eV"
        ratio = {
            "none": "not deconvolved",
            "zero_loss": "Fourier ratio, zero-loss reconvolution",
            "gaussian": "Fourier ratio, Gaussian reconvolution "
            + ("of zero-loss width" if self.gaussian_fwhm is None else f"{self.gaussian_fwhm:g} eV"),
        }[self.deconvolution]
        return (
            f"{self.edge}; power law {self.background[0]:g}-{self.background[1]:g} eV, Poisson maximum likelihood; "
            f"{ratio}; steps 2:1 at the maxima, {step}; post window {self.post[0]:g}-{self.post[1]:g} eV; "
            f"areas L3 ±{self.l3_half:g} eV, L2 ±{self.l2_half:g} eV"
        )


@dataclass(frozen=True)
class WhiteLines(Result):
    """L3 and L2 of a stack of spectra; every number ``nan`` where it cannot be measured.

    Attributes
    ----------
    l3, l2 : array, shape (...)
        Areas above the continuum, in counts, with ``l3_sigma``, ``l2_sigma`` and ``l3_l2_covariance``.
    ratio, ratio_sigma : array, shape (...)
        L3/L2; ``nan`` where either area is within three standard errors of zero.
    l3_ev, l2_ev : array, shape (...)
        Positions of the maxima in eV, with ``l3_ev_sigma``, ``l2_ev_sigma``.
    splitting_ev, splitting_sigma_ev : array, shape (...)
        L2 - L3.
    continuum, continuum_sigma : array, shape (...)
        Height of the continuum after L2, in counts a channel.
    method : str
        Fingerprint.
    """

    l3: NDArray
    l3_sigma: NDArray
    l2: NDArray
    l2_sigma: NDArray
    l3_l2_covariance: NDArray
    ratio: NDArray
    ratio_sigma: NDArray
    l3_ev: NDArray
    l3_ev_sigma: NDArray
    l2_ev: NDArray
    l2_ev_sigma: NDArray
    splitting_ev: NDArray
    splitting_sigma_ev: NDArray
    continuum: NDArray
    continuum_sigma: NDArray
    method: str


def line_functionals(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    l3: ArrayLike,
    l2: ArrayLike,
    method: WhiteLineMethod,
    *,
    kernel: Kernel | None = None,
    noise: ArrayLike = 1.0,
    readout: float = 0.0,
) -> Functionals:
    """Areas, height and slopes of white lines at given maxima, as functionals of the raw counts.

    Parameters
    ----------
    counts : array, shape (..., n)
        Raw counts of the segment.
    energy : array, shape (n,)
        Its axis in eV.
    background : PowerLaw
    l3, l2 : float or array, shape (...)
        Maxima in eV on this axis.
    method : WhiteLineMethod
    kernel, noise, readout
        See `oxyspy.eels.functionals.measure`.

    Returns
    -------
    Functionals
        With the six numbers area L3, area L2, continuum height, slope at L3, slope at L2, first moment of L3.
    """
    weights = line_weights(energy, np.asarray(l3, float), np.asarray(l2, float), method, smoothing_ev(energy))
    return measure(counts, energy, background, weights, kernel=kernel, noise=noise, readout=readout)


def line_weights(energy: NDArray, l3: NDArray, l2: NDArray, method: WhiteLineMethod, smoothing: float) -> NDArray:
    """Window functions on the net spectrum, shape (..., 6, n)."""
    l3, l2 = np.broadcast_arrays(l3, l2)
    post = window_weights(energy, *method.post)
    post = post / post.sum()
    profile = (
        2 * step_profile(energy, l3, method.step, method.step_width)
        + step_profile(energy, l2, method.step, method.step_width)
    ) / 3
    # an arctan is not yet at its height in the window that measures it
    profile = profile / (profile @ post)[..., None]
    area = np.stack(
        [
            window_weights(energy, l3 - method.l3_half, l3 + method.l3_half),
            window_weights(energy, l2 - method.l2_half, l2 + method.l2_half),
        ],
        axis=-2,
    )
    moment = area[..., 0, :] * (energy - l3[..., None])
    windows = np.concatenate([area, moment[..., None, :]], axis=-2)
    above = windows - np.einsum("...kn,...n->...k", windows, profile)[..., None] * post
    slopes = np.stack([_slope(energy, at, smoothing) for at in (l3, l2)], axis=-2)
    height = np.broadcast_to(post, (*l3.shape, 1, post.size))
    return np.concatenate([above[..., :2, :], height, slopes, above[..., 2:, :]], axis=-2)


def _slope(energy: NDArray, at: NDArray, smoothing: float) -> NDArray:
    """Weights that give the slope in counts a channel and eV of the Gaussian-smoothed spectrum at ``at``."""
    away = (energy - at[..., None]) / smoothing
    gauss = np.exp(-0.5 * away**2)
    gauss /= gauss.sum(-1, keepdims=True)
    return gauss * away / smoothing


def white_lines(functionals: Functionals, positions: LinePositions, method: WhiteLineMethod) -> WhiteLines:
    """Turn functionals into areas, ratio and positions with their errors.

    The ratio's error is var R / R^2 = v33/A3^2 + v22/A2^2 - 2 v32/(A3 A2). Where an area is within three standard
    errors of zero, a ratio has no finite interval (E. C. Fieller, J. R. Stat. Soc. B 16, 175 (1954)) and none is given.
    """
    v, c = functionals.values, functionals.covariance
    a3, a2 = v[..., AREA_L3], v[..., AREA_L2]
    v33, v22, v32 = c[..., AREA_L3, AREA_L3], c[..., AREA_L2, AREA_L2], c[..., AREA_L3, AREA_L2]
    with np.errstate(invalid="ignore", divide="ignore"):
        # a position takes its maximum from neighbours where it must, but has one only where it has the line
        has_l3 = (a3 > MIN_SIGNIFICANCE * np.sqrt(v33)) & np.isfinite(positions.l3_sigma)
        has_l2 = (a2 > MIN_SIGNIFICANCE * np.sqrt(v22)) & np.isfinite(positions.l2_sigma)
        l3_ev, l2_ev = np.where(has_l3, positions.l3, np.nan), np.where(has_l2, positions.l2, np.nan)
        supported = (a3 > MIN_SIGNIFICANCE * np.sqrt(v33)) & (a2 > MIN_SIGNIFICANCE * np.sqrt(v22))
        ratio = np.where(supported, a3 / a2, np.nan)
        ratio_sigma = np.abs(ratio) * np.sqrt(np.maximum(v33 / a3**2 + v22 / a2**2 - 2 * v32 / (a3 * a2), 0))
        return WhiteLines(
            l3=a3,
            l3_sigma=np.sqrt(v33),
            l2=a2,
            l2_sigma=np.sqrt(v22),
            l3_l2_covariance=v32,
            ratio=ratio,
            ratio_sigma=ratio_sigma,
            l3_ev=l3_ev,
            l3_ev_sigma=np.where(has_l3, positions.l3_sigma, np.nan),
            l2_ev=l2_ev,
            l2_ev_sigma=np.where(has_l2, positions.l2_sigma, np.nan),
            splitting_ev=l2_ev - l3_ev,
            splitting_sigma_ev=np.where(has_l3 & has_l2, np.hypot(positions.l3_sigma, positions.l2_sigma), np.nan),
            continuum=v[..., HEIGHT],
            continuum_sigma=np.sqrt(c[..., HEIGHT, HEIGHT]),
            method=method.fingerprint,
        )


def with_deconvolution(method: WhiteLineMethod, deconvolution: str) -> WhiteLineMethod:
    """Return the same method with another deconvolution."""
    return replace(method, deconvolution=deconvolution)
