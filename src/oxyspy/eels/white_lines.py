"""White lines of the 3d transition metals: L3 and L2 above a two-step continuum.

The continuum rises at the L3 and L2 maxima by heights 2:1, its total height the mean in a window after L2
(D. H. Pearson, B. Fultz and C. C. Ahn, Appl. Phys. Lett. 53, 1405 (1988); D. H. Pearson, C. C. Ahn and B. Fultz, Phys.
Rev. B 47, 8471 (1993)). Areas, positions and heights are linear functionals of the counts (`functionals`), so their
covariance is exact to first order, shared background and step height included.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.blocks import over_blocks
from oxyspy.eels.deconvolution import Kernel
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.maxima import SMOOTHING_EV, LinePositions, smoothing_ev
from oxyspy.eels.other_backgrounds import METHODS
from oxyspy.eels.ratio import MIN_SIGNIFICANCE, Ratios, ratios_along
from oxyspy.eels.windows import STEP_SHAPES, check_inside, step_profile, window_weights
from oxyspy.errors import InputError
from oxyspy.results import Result

# order of the functionals
FUNCTIONALS = 7
AREA_L3, AREA_L2, HEIGHT, SLOPE_L3, SLOPE_L2, MOMENT_L3, MOMENT_L2 = range(FUNCTIONALS)
DECONVOLUTIONS = ("none", "zero_loss", "gaussian", "wiener", "single")
# what users meet as signals, and where it stands in `WhiteLines`
NUMBERS = {
    name: name for name in (
        "l3", "l3_sigma", "l2", "l2_sigma", "l3_l2_covariance", "ratio", "ratio_sigma", "ratio_low", "ratio_high",
        "ratio_over", "l3_ev", "l3_ev_sigma", "l2_ev", "l2_ev_sigma", "splitting_ev", "continuum", "continuum_sigma",
        "normalised", "normalised_sigma",
    )
} | {"splitting_ev_sigma": "splitting_sigma_ev"}  # fmt: skip


@dataclass(frozen=True)
class WhiteLineMethod(Result):
    """All choices that an L3/L2 depends on.

    Attributes
    ----------
    edge : str
        For example ``"Mn_L"``.
    background : tuple of float
        Fit window of the power law, in eV.
    background_method : {"ml", "two_area", "wls", "two_power_laws", "local"}
        How it is fitted, as for `oxyspy.eels.other_backgrounds.fit_background`.
    post : tuple of float
        Window after L2 whose mean sets the continuum's height, in eV.
    post_from : {"axis", "L2"}
        Whether that is a window of the axis, or counted from the L2 maximum of each spectrum.
    l3_half, l2_half : float
        Half widths of the areas about the L3 and L2 maxima, in eV.
    step : {"sharp", "arctan", "erf"}
        Shape of the steps.
    step_width : float
        Full width of a smooth step, in eV.
    deconvolution : {"none", "zero_loss", "gaussian", "wiener", "single"}
        Fourier ratio by the low loss of the same position, and its reconvolution function; ``"single"`` is any of them,
        for calibrations of sharp standards.
    gaussian_fwhm : float or None
        Width in eV of the Gaussian, or of the one whose resolution Wiener's filter has; ``None`` is the zero-loss
        peak's.
    slope : bool
        Whether the continuum has the slope that it shows in the post window; without, it is level.
    positions : tuple of float, or None
        Energies of L3 and L2 in eV at which steps and areas stand; ``None`` is at each spectrum's maxima.
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
    slope: bool = False
    positions: tuple[float, float] | None = None
    post_from: str = "axis"
    background_method: str = "ml"

    @classmethod
    def of(cls, edge: Edge, **choices) -> WhiteLineMethod:
        """Return the shipped method of an edge, with ``choices`` put in their place.

        Raises
        ------
        InputError
            An edge without white lines, a choice that does not exist, or a value that it cannot have.
        """
        if edge.post is None:
            hint = "; measure it with pre_edge()" if edge.pre_edge else ""
            raise InputError(f"edge {edge.name} has no white lines{hint}")
        known = [field.name for field in fields(cls) if field.name != "edge"]
        for name in choices:
            if name not in known:
                near = get_close_matches(name, known, 1)
                meant = f", did you mean {near[0]!r}?" if near else ""
                raise InputError(f"no choice {name!r}{meant}; there are {', '.join(known)}")
        method = cls(**{"edge": edge.name, "background": edge.background, "post": edge.post, **choices})
        method.check_values()
        return method

    def check_values(self) -> None:
        """Refuse values that no choice can have.

        Raises
        ------
        InputError
        """
        for name, allowed in (
            ("step", STEP_SHAPES), ("deconvolution", DECONVOLUTIONS), ("post_from", ("axis", "L2")),
            ("background_method", tuple(METHODS)),
        ):  # fmt: skip
            if (value := getattr(self, name)) not in allowed:
                raise InputError(f"{name} {value!r} is not known; use one of {', '.join(allowed)}")
        for name in ("l3_half", "l2_half", "step_width"):
            if not (isinstance(value := getattr(self, name), Real) and value > 0):
                raise InputError(f"{name} is a width in eV above 0, found {value!r}")
        for name in ("background", "post", "positions"):
            value = getattr(self, name)
            if value is None and name == "positions":
                continue
            pair = value if isinstance(value, (tuple, list)) else ()
            if not (len(pair) == 2 and all(isinstance(end, Real) for end in pair) and pair[0] < pair[1]):
                what = "L3 and L2" if name == "positions" else "from and to"
                raise InputError(f"{name} is two rising energies in eV, {what}; found {value!r}")

    def end(self, edge: Edge) -> float:
        """About where the post window ends on the axis, in eV."""
        return self.post[1] + (edge.energy + edge.splitting[1] if self.post_from == "L2" else 0.0)

    def check_axis(self, energy: NDArray) -> None:
        """Refuse windows that an axis does not hold.

        Raises
        ------
        InputError
        """
        check_inside(energy, self.background, f"{self.edge} background window")
        if self.post_from == "axis":
            check_inside(energy, self.post, f"{self.edge} post window", minimum=1)

    @property
    def fingerprint(self) -> str:
        """Text that is equal for equal methods; what a calibration must match."""
        step = "sharp" if self.step == "sharp" else f"{self.step} {self.step_width:g} eV"
        slope = ", sloped as the post window" if self.slope else ""
        above = "" if self.post_from == "axis" else f" above {self.post_from}"
        at = "the maxima" if self.positions is None else "{:g} and {:g} eV".format(*self.positions)
        window = "{:g}-{:g} eV".format(*self.background)
        return (
            f"{self.edge}; power law {window}, {METHODS[self.background_method]}; "
            f"{ratio_words(self.deconvolution, self.gaussian_fwhm)}; steps 2:1 at {at}, {step}{slope}; "
            f"maxima smoothed by {SMOOTHING_EV:g} eV; "
            f"post window {self.post[0]:g}-{self.post[1]:g} eV{above}; "
            f"areas L3 ±{self.l3_half:g} eV, L2 ±{self.l2_half:g} eV; ratio without bias"
        )

    def places(self, l3: ArrayLike, l2: ArrayLike) -> tuple[NDArray, NDArray]:
        """Return where steps and areas stand: at these maxima, or at the method's own energies."""
        l3, l2 = np.asarray(l3, float), np.asarray(l2, float)
        if self.positions is None:
            return l3, l2
        return np.full(l3.shape, self.positions[0]), np.full(l2.shape, self.positions[1])


def ratio_words(deconvolution: str, fwhm: float | None = None) -> str:
    """Say in a fingerprint how plural scattering was taken out; ``fwhm`` in eV, ``None`` the zero-loss peak's."""
    width = "of zero-loss width" if fwhm is None else f"{fwhm:g} eV"
    return {
        "none": "not deconvolved",
        "single": "Fourier ratio",
        "zero_loss": "Fourier ratio, zero-loss reconvolution",
        "gaussian": f"Fourier ratio, Gaussian reconvolution {width}",
        "wiener": f"Fourier ratio, Wiener reconvolution {width}",
    }[deconvolution]


@dataclass(frozen=True)
class WhiteLines(Result):
    """L3 and L2 of a stack of spectra; every number ``nan`` where it cannot be measured.

    Attributes
    ----------
    l3, l2 : array, shape (...)
        Areas above the continuum, in counts, with ``l3_sigma``, ``l2_sigma`` and ``l3_l2_covariance``.
    ratio, ratio_sigma : array, shape (...)
        L3/L2 without bias; ``nan`` where L2 is not known to be there. Of the position's own areas, or of as many
        neighbours along the line as it takes to know L2.
    ratio_low, ratio_high : array, shape (...)
        Fieller's 95 % interval of L3/L2, also where there is no ratio: without an upper end (``inf``) where L2 may be
        zero, and from ``-inf`` where both may.
    ratio_over : array, shape (...)
        Over how many positions the areas of the ratio were summed.
    l3_ev, l2_ev : array, shape (...)
        Positions of the maxima in eV, with ``l3_ev_sigma``, ``l2_ev_sigma``.
    splitting_ev, splitting_sigma_ev : array, shape (...)
        L2 - L3.
    continuum, continuum_sigma : array, shape (...)
        Height of the continuum after L2, in counts a channel.
    normalised, normalised_sigma : array, shape (...)
        Normalised white-line intensity: both areas over the continuum's height, in eV; ``nan`` where that is within
        three standard errors of zero.
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
    ratio_low: NDArray
    ratio_high: NDArray
    ratio_over: NDArray
    l3_ev: NDArray
    l3_ev_sigma: NDArray
    l2_ev: NDArray
    l2_ev_sigma: NDArray
    splitting_ev: NDArray
    splitting_sigma_ev: NDArray
    continuum: NDArray
    continuum_sigma: NDArray
    normalised: NDArray
    normalised_sigma: NDArray
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
        With the seven numbers area L3, area L2, continuum height, slope at L3, slope at L2, and the first moments of L3
        and L2 about these maxima.
    """
    l3, l2 = np.broadcast_arrays(np.asarray(l3, float), np.asarray(l2, float))
    stack, smoothing = counts.shape[:-1], smoothing_ev(energy)
    if l3.ndim == 0 or l3.shape[-1] != stack[-1]:
        weights = line_weights(energy, l3, l2, method, smoothing)
        return measure(counts, energy, background, weights, kernel=kernel, noise=noise, readout=readout)
    # windows of their own for each position are made a few positions at a time
    values, covariance = np.empty((*stack, FUNCTIONALS)), np.empty((*stack, FUNCTIONALS, FUNCTIONALS))
    noise = np.broadcast_to(np.asarray(noise, float), stack)
    before = (slice(None),) * (len(stack) - 1)

    def work(part: slice) -> None:
        at = (*before, part)
        found = measure(
            counts[at], energy, background[at], line_weights(energy, l3[..., part], l2[..., part], method, smoothing),
            kernel=None if kernel is None else kernel[at], noise=noise[at], readout=readout,
        )  # fmt: skip
        values[at], covariance[at] = found.values, found.covariance

    # some ten arrays of the windows' size
    over_blocks(work, stack[-1], 8 * 60 * energy.size * (l3.size // stack[-1]))
    return Functionals(values, covariance)


def line_weights(energy: NDArray, l3: NDArray, l2: NDArray, method: WhiteLineMethod, smoothing: float) -> NDArray:
    """Window functions on the net spectrum, shape (..., 7, n).

    With a slope the continuum is a straight line by least squares in the post window, stepped 2:1: the line goes on
    under both white lines.
    """
    l3, l2 = np.broadcast_arrays(l3, l2)
    post = _post(energy, l2, method)
    profile = _profile(energy, l3, l2, post, method)
    area = np.stack(
        [
            window_weights(energy, l3 - method.l3_half, l3 + method.l3_half),
            window_weights(energy, l2 - method.l2_half, l2 + method.l2_half),
        ],
        axis=-2,
    )
    moments = area * (energy - np.stack([l3, l2], axis=-1)[..., None])
    windows = np.concatenate([area, moments], axis=-2)
    if method.slope:
        continuum, height = _sloped(energy, profile, post)
        above = windows - np.einsum("...kn,...jn,...jm->...km", windows, continuum, height, optimize=True)
        height = height[..., :1, :]
    else:
        above = windows - np.einsum("...kn,...n->...k", windows, profile)[..., None] * post[..., None, :]
        height = np.broadcast_to(post, (*l3.shape, post.shape[-1]))[..., None, :]
    slopes = np.stack([_slope(energy, at, smoothing) for at in (l3, l2)], axis=-2)
    return np.concatenate([above[..., :2, :], height, slopes, above[..., 2:, :]], axis=-2)


def continuum(energy: NDArray, net: NDArray, l3: ArrayLike, l2: ArrayLike, method: WhiteLineMethod) -> NDArray:
    """Return the continuum under net spectra that `line_weights` takes off, for figures.

    Parameters
    ----------
    energy : array, shape (n,)
        In eV.
    net : array, shape (..., n)
        Net spectra in counts.
    l3, l2 : float or array, shape (...)
        Where the steps stand, in eV.
    method : WhiteLineMethod

    Returns
    -------
    array, shape (..., n)
    """
    post = _post(energy, np.asarray(l2, float), method)
    profile = _profile(energy, np.asarray(l3, float), np.asarray(l2, float), post, method)
    if not method.slope:
        return profile * (net * post).sum(-1, keepdims=True)
    basis, height = _sloped(energy, profile, post)
    return np.einsum("...jn,...jm,...m->...n", basis, height, net)


def _post(energy: NDArray, l2: NDArray, method: WhiteLineMethod) -> NDArray:
    """Weights that take the mean of the post window, shape (n,) or, where it moves with L2, (..., n)."""
    start = 0.0 if method.post_from == "axis" else l2
    post = window_weights(energy, *(start + bound for bound in method.post))
    with np.errstate(invalid="ignore"):
        return post / post.sum(-1, keepdims=True)


def _profile(energy: NDArray, l3: NDArray, l2: NDArray, post: NDArray, method: WhiteLineMethod) -> NDArray:
    """Two steps 2:1, of mean 1 in the post window: an arctan is not yet at its height there."""
    profile = (
        2 * step_profile(energy, l3, method.step, method.step_width)
        + step_profile(energy, l2, method.step, method.step_width)
    ) / 3
    # not by BLAS, whose last bits depend on how many spectra there are
    return profile / np.einsum("...n,...n->...", profile, post)[..., None]


def _sloped(energy: NDArray, profile: NDArray, post: NDArray) -> tuple[NDArray, NDArray]:
    """Stepped constant and stepped line (..., 2, n), and the weights (..., 2, n) that fit them in the post window."""
    middle = (energy * post).sum(-1, keepdims=True)
    basis = np.stack([profile, profile * (energy - middle)], axis=-2)
    weighted = basis * post[..., None, :]
    return basis, np.linalg.solve(weighted @ basis.swapaxes(-1, -2), weighted)


def _slope(energy: NDArray, at: NDArray, smoothing: float) -> NDArray:
    """Weights that give the slope in counts a channel and eV of the Gaussian-smoothed spectrum at ``at``."""
    away = (energy - at[..., None]) / smoothing
    gauss = np.exp(-0.5 * away**2)
    gauss /= gauss.sum(-1, keepdims=True)
    return gauss * away / smoothing


def white_lines(
    functionals: Functionals,
    positions: LinePositions,
    method: WhiteLineMethod,
    channel_ev: float = float("nan"),
    ratios: Ratios | None = None,
) -> WhiteLines:
    """Turn functionals into areas, ratio and positions with their errors.

    Parameters
    ----------
    functionals : Functionals
        Of `line_functionals`, shape (..., positions, k).
    positions : LinePositions
    method : WhiteLineMethod
    channel_ev : float
        Width of a channel, for the normalised intensity.
    ratios : Ratios, optional
        By default `oxyspy.eels.ratio.ratios_along` the last axis; `oxyspy.eels.ratio.single_ratios` where the spectra
        are no line.
    """
    ratios = ratios_along(functionals) if ratios is None else ratios
    v, c = functionals.values, functionals.covariance
    a3, a2 = v[..., AREA_L3], v[..., AREA_L2]
    v33, v22, v32 = c[..., AREA_L3, AREA_L3], c[..., AREA_L2, AREA_L2], c[..., AREA_L3, AREA_L2]
    with np.errstate(invalid="ignore", divide="ignore"):
        # a position takes its maximum from neighbours where it must, but has one only where it has the line
        has_l3 = (a3 > MIN_SIGNIFICANCE * np.sqrt(v33)) & np.isfinite(positions.l3_sigma)
        has_l2 = (a2 > MIN_SIGNIFICANCE * np.sqrt(v22)) & np.isfinite(positions.l2_sigma)
        l3_ev, l2_ev = np.where(has_l3, positions.l3, np.nan), np.where(has_l2, positions.l2, np.nan)
        height, both = v[..., HEIGHT], a3 + a2
        vhh = c[..., HEIGHT, HEIGHT]
        vbb, vbh = v33 + v22 + 2 * v32, c[..., AREA_L3, HEIGHT] + c[..., AREA_L2, HEIGHT]
        normalised = np.where(height > MIN_SIGNIFICANCE * np.sqrt(vhh), both / height * channel_ev, np.nan)
        relative = np.maximum(vbb / both**2 + vhh / height**2 - 2 * vbh / (both * height), 0)
        return WhiteLines(
            l3=a3,
            l3_sigma=np.sqrt(v33),
            l2=a2,
            l2_sigma=np.sqrt(v22),
            l3_l2_covariance=v32,
            ratio=ratios.value,
            ratio_sigma=ratios.sigma,
            ratio_low=ratios.low,
            ratio_high=ratios.high,
            ratio_over=ratios.over,
            l3_ev=l3_ev,
            l3_ev_sigma=np.where(has_l3, positions.l3_sigma, np.nan),
            l2_ev=l2_ev,
            l2_ev_sigma=np.where(has_l2, positions.l2_sigma, np.nan),
            splitting_ev=l2_ev - l3_ev,
            splitting_sigma_ev=np.where(has_l3 & has_l2, np.hypot(positions.l3_sigma, positions.l2_sigma), np.nan),
            continuum=height,
            continuum_sigma=np.sqrt(vhh),
            normalised=normalised,
            normalised_sigma=np.abs(normalised) * np.sqrt(relative),
            method=method.fingerprint,
        )


def with_deconvolution(method: WhiteLineMethod, deconvolution: str) -> WhiteLineMethod:
    """Return the same method with another deconvolution."""
    return replace(method, deconvolution=deconvolution)
