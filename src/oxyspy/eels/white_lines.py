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
from scipy.ndimage import gaussian_filter1d

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.deconvolution import Kernel, deconvolve
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.windows import dispersion, step_profile, window_weights
from oxyspy.errors import InputError
from oxyspy.results import Result

# order of the functionals
AREA_L3, AREA_L2, HEIGHT, SLOPE_L3, SLOPE_L2, MOMENT_L3 = range(6)
# an L3 maximum known worse than this is no measurement of where the windows belong, in eV
MAX_POSITION_SIGMA = 0.4
# and of the sum of all spectra, no white line at all
MAX_WHOLE_SIGMA = 0.8
# areas below this many standard errors give no ratio
MIN_SIGNIFICANCE = 3.0
# area of L3 over its error, before its maximum moves a window
LINE_SIGNIFICANCE = 5.0
# Gaussian sigma over which maxima are smoothed, in eV: under half a white line's width, so that noise makes none
SMOOTHING_EV = 0.5
MIN_SMOOTHING_CHANNELS = 1.5


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


@dataclass(frozen=True)
class LinePositions:
    """Where the windows stand: L3 and L2 maxima in eV, shape (...), with their errors and whose they are."""

    l3: NDArray
    l2: NDArray
    l3_sigma: NDArray
    l2_sigma: NDArray


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


def smoothing_ev(energy: NDArray) -> float:
    """Sigma in eV of the Gaussian that maxima are found with."""
    return max(SMOOTHING_EV, MIN_SMOOTHING_CHANNELS * dispersion(energy))


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


def find_maxima(
    spectra: NDArray, energy: NDArray, edge: Edge, smoothing: float, near: float | None = None
) -> tuple[NDArray, NDArray]:
    """L3 and L2 maxima of net spectra, to a fraction of a channel.

    Parameters
    ----------
    spectra : array, shape (..., n)
        Net spectra, deconvolved or not.
    energy : array, shape (n,)
        Calibrated axis in eV.
    edge : Edge
        Gives where L3 is looked for (three and a half times its sigma, at least 5 eV) and the range of L2 - L3.
    smoothing : float
        Sigma of the Gaussian smoothing in eV.
    near : float, optional
        Look for L3 within 5 eV of this energy instead.

    Returns
    -------
    l3, l2 : array, shape (...)
        In eV; ``nan`` where the maximum stands at an end of its range, which is no maximum.
    """
    step = dispersion(energy)
    smooth = gaussian_filter1d(np.nan_to_num(spectra).astype(float), smoothing / step, axis=-1)
    centre, half = (edge.energy, max(3.5 * edge.sigma, 5.0)) if near is None else (near, 5.0)
    l3 = _maximum(smooth, energy, np.full(smooth.shape[:-1], centre - half), np.full(smooth.shape[:-1], centre + half))
    low, high = edge.splitting
    l2 = _maximum(smooth, energy, l3 + low, l3 + high)
    return l3, l2


def _maximum(smooth: NDArray, energy: NDArray, low: NDArray, high: NDArray) -> NDArray:
    """Vertex of the parabola at the greatest channel between ``low`` and ``high``."""
    inside = (energy >= low[..., None]) & (energy <= high[..., None])
    k = np.where(inside, smooth, -np.inf).argmax(-1)
    inner = np.clip(k, 1, smooth.shape[-1] - 2)
    a, b, c = (np.take_along_axis(smooth, (inner + d)[..., None], -1)[..., 0] for d in (-1, 0, 1))
    bend = a - 2 * b + c
    with np.errstate(invalid="ignore", divide="ignore"):
        at = energy[inner] + 0.5 * (a - c) / bend * (energy[1] - energy[0])
    return np.where((bend < 0) & (b >= a) & (b >= c) & inside.any(-1), at, np.nan)


def position_sigma(
    spectra: NDArray, energy: NDArray, at: NDArray, slope_variance: NDArray, smoothing: float
) -> NDArray:
    """Standard error of a maximum: sigma of the slope over the curvature there."""
    away = (energy - np.where(np.isfinite(at), at, energy[energy.size // 2])[..., None]) / smoothing
    gauss = np.exp(-0.5 * away**2)
    gauss /= gauss.sum(-1, keepdims=True)
    curvature = np.einsum("...n,...n->...", np.nan_to_num(spectra), gauss * (away**2 - 1) / smoothing**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(curvature < 0, np.sqrt(slope_variance) / -curvature, np.nan)


def track_maxima(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    edge: Edge,
    method: WhiteLineMethod,
    *,
    kernel: Kernel | None = None,
    noise: ArrayLike = 1.0,
    readout: float = 0.0,
    near: float | None = None,
) -> LinePositions:
    """L3 and L2 maxima along a line of spectra, each from as many neighbours as it takes to know it.

    A single pixel is often too weak to show its maximum, and a window on a noise peak biases the area. So the spectra
    are averaged along the line by a Gaussian that widens, position by position, until L3 has an area and its maximum
    is known to 0.4 eV; where it never is (vacuum, coating), the whole line's maxima stand in, with ``nan`` errors.

    Parameters
    ----------
    counts : array, shape (rows, positions, n)
        Raw counts of the segment.
    energy, background, edge, method, kernel, noise, readout
        As for `line_functionals`.

    Returns
    -------
    LinePositions
        Arrays of shape (positions,).
    """
    net = counts - background(energy)
    spectra = net if kernel is None else deconvolve(net, kernel)
    spectra = np.where(np.isfinite(spectra), spectra, 0).sum(0)
    smoothing = smoothing_ev(energy)
    n = spectra.shape[0]
    whole = spectra.sum(0)
    whole_l3, whole_l2 = find_maxima(whole, energy, edge, smoothing, near)
    if not np.isfinite(whole_l2):
        whole_l2 = whole_l3 + sum(edge.splitting) / 2
    # variance of the slope changes little as the windows move: measured once, at the whole line's maxima
    at = (whole_l3, whole_l2) if np.isfinite(whole_l3) else (edge.energy, edge.energy + sum(edge.splitting) / 2)
    single = line_functionals(counts, energy, background, *at, method, kernel=kernel, noise=noise, readout=readout)
    single = single.sum(axis=0)
    total_variance = np.nansum(single.covariance[:, SLOPE_L3, SLOPE_L3])
    whole_sigma = position_sigma(whole, energy, whole_l3, total_variance, smoothing)
    if not whole_sigma < MAX_WHOLE_SIGMA:
        raise InputError(
            f"{edge.name}: no L3 maximum within {max(3.5 * edge.sigma, 5.0):.0f} eV of {edge.energy:g} eV in the sum "
            "of all spectra; is the element there, and the axis calibrated?"
        )
    l3, l2 = np.full(n, whole_l3), np.full(n, whole_l2)
    l3_sigma, l2_sigma = np.full(n, np.nan), np.full(n, np.nan)
    open_ = np.ones(n, bool)
    for width in (0.0, *2.0 ** np.arange(-0.5, np.log2(max(n / 4, 1)) + 0.5, 0.5)):
        share = _line_average(n, width)
        averaged = share @ spectra
        at_l3, at_l2 = find_maxima(averaged, energy, edge, smoothing, whole_l3)
        at_l2 = np.where(np.isfinite(at_l2), at_l2, np.nan)
        variance = np.einsum("qp,pkk->qk", share**2, np.nan_to_num(single.covariance))
        areas = share @ np.nan_to_num(single.values[:, [AREA_L3, AREA_L2]])
        with np.errstate(invalid="ignore", divide="ignore"):
            significance = areas / np.sqrt(variance[:, [AREA_L3, AREA_L2]])
        sigma_l3 = position_sigma(averaged, energy, at_l3, variance[:, SLOPE_L3], smoothing)
        sigma_l2 = position_sigma(averaged, energy, at_l2, variance[:, SLOPE_L2], smoothing)
        # noise has maxima too, with curvatures of their own: a line must have an area before it has a position
        found = open_ & np.isfinite(at_l3) & (sigma_l3 < MAX_POSITION_SIGMA) & (significance[:, 0] > LINE_SIGNIFICANCE)
        # L2 is the weaker line: it may stay at its distance from L3 where it does not show
        own_l2 = found & np.isfinite(at_l2) & (sigma_l2 < 2 * MAX_POSITION_SIGMA)
        own_l2 &= significance[:, 1] > MIN_SIGNIFICANCE
        l3[found], l3_sigma[found] = at_l3[found], sigma_l3[found]
        l2[found] = at_l3[found] + (whole_l2 - whole_l3)
        l2[own_l2], l2_sigma[own_l2] = at_l2[own_l2], sigma_l2[own_l2]
        open_ &= ~found
        if not open_.any():
            break
    return LinePositions(l3, l2, l3_sigma, l2_sigma)


def _line_average(n: int, width: float) -> NDArray:
    """Rows that average neighbours along a line by a Gaussian of sigma ``width`` positions."""
    if width == 0:
        return np.eye(n)
    away = np.arange(n)[:, None] - np.arange(n)
    share = np.exp(-0.5 * (away / width) ** 2) * (np.abs(away) <= 3 * width)
    return share / share.sum(1, keepdims=True)


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
