"""White lines by a HyperSpy model: two lines and a two-step continuum on a power law, scattered by the low loss.

The recorded counts are fitted, not deconvolved ones: they are independent of each other, and nothing is divided. The
widths of the lines are those of the sum of all spectra; each position has its own background, areas, positions and
height. The errors are those of weighted least squares, scaled by its reduced chi-squared, and so hold the counts'
variance over mean; how well the shapes are like the specimen's is told by that chi-squared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.along import Along, white_lines_along
from oxyspy.eels.background import fit_power_law
from oxyspy.eels.deconvolution import resample_low_loss
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions
from oxyspy.eels.white_lines import WhiteLineMethod, WhiteLines, white_lines
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.signals.lazily import computed, matching, rows

LINES = ("gaussian", "lorentzian", "voigt")
# of a line's Gaussian sigma or Lorentzian half width, in eV
WIDTHS = (0.1, 4.0)
# how far a position's line may stand from the maximum it starts at, in eV
REACH = 2.0
# behind the last window, in eV: less of the low loss than the segment is long reaches nothing
SPARE = 10.0
# order of the numbers that are fitted at each position
AREA_L3, AREA_L2, HEIGHT, L3, L2 = range(5)


@dataclass(frozen=True)
class ModelMethod(Result):
    """All choices that L3/L2 by a model depends on.

    Attributes
    ----------
    edge : str
    window : tuple of float
        Where the counts are fitted, background included, in eV.
    line : {"gaussian", "lorentzian", "voigt"}
    step, step_width
        As in `WhiteLineMethod`.
    scattered : bool
        Whether lines and continuum were scattered by the low loss of each position.
    """

    edge: str
    window: tuple[float, float]
    line: str = "gaussian"
    step: str = "sharp"
    step_width: float = 1.0
    scattered: bool = True

    @property
    def fingerprint(self) -> str:
        """Text that is equal for equal methods."""
        step = "sharp" if self.step == "sharp" else f"{self.step} {self.step_width:g} eV"
        return (
            f"{self.edge}; model fit at {self.window[0]:g}-{self.window[1]:g} eV: power law, two {self.line} lines of "
            f"common widths along the scan, steps 2:1 at their centres, {step}; "
            f"{'scattered by the low loss' if self.scattered else 'not scattered'}"
        )


@dataclass(frozen=True)
class Fitted:
    """White lines by a model.

    Attributes
    ----------
    lines : WhiteLines
        Shape (rows, positions).
    deviance : array, shape (rows, positions)
        Reduced chi-squared: 1 where the model explains singly counted electrons.
    method : ModelMethod
    model : hyperspy.models.model1d.Model1D
        As it was fitted, with all parameters' maps.
    """

    lines: WhiteLines
    deviance: NDArray
    method: ModelMethod
    model: Any


def fit_model(
    raw: Any, low_loss: Any | None, item: Edge, areas: WhiteLineMethod, line: str, show_progressbar: bool | None
) -> Fitted:
    """Fit white lines to the recorded counts of a segment.

    Parameters
    ----------
    raw : CoreLossEELSSpectrum
        From the background window on.
    low_loss : EELSSpectrum or None
    item : Edge
    areas : WhiteLineMethod
        Windows from which the fit starts; its steps are the model's.
    line : {"gaussian", "lorentzian", "voigt"}
    show_progressbar : bool or None
        As HyperSpy's.

    Raises
    ------
    InputError
        Unknown line shape, or no L3 maximum.
    """
    if line not in LINES:
        raise InputError(f"line {line!r} is not known; use one of {', '.join(LINES)}")
    energy, counts = raw.energy, rows(computed(raw.data)).astype(float)
    low = low_axis = None
    if low_loss is not None:
        low = rows(computed(matching(low_loss, raw)))
        low_axis = low_loss.axes_manager.signal_axes[0].axis
    start = white_lines_along(counts, energy, low, low_axis, item, areas)
    scattering = None if low is None else _scattering(low, low_axis, energy, counts.shape[:2])
    method = ModelMethod(
        item.name, (areas.background[0], areas.post[1]), line, areas.step, areas.step_width, low is not None
    )
    good = np.isfinite(counts).all(-1) & (counts.sum(-1) > 0)
    if scattering is not None:
        good &= np.isfinite(scattering[0]).all(-1)
    summed = _fit(
        counts[good].sum(0)[None, None], None if scattering is None else (scattering[0][good].mean(0)[None, None],
        scattering[1]), energy, _of_sum(start, good), method, areas.background, free_widths=True,
    )  # fmt: skip
    widths = {p.name: [q.value for q in _widths(p)] for p in summed.model if p.name in ("L3", "L2")}
    found = _fit(
        counts, scattering, energy, start, method, areas.background, widths=widths, mask=~good,
        show_progressbar=show_progressbar,
    )  # fmt: skip
    step = energy[1] - energy[0]
    values, covariance = found.values, found.covariance
    positions = LinePositions(
        values[..., L3], values[..., L2], *(np.sqrt(covariance[..., k, k]) for k in (L3, L2)),
        *np.full((2, *good.shape), np.nan),
    )  # fmt: skip
    lines = white_lines(Functionals(values, covariance), positions, areas, step)
    # both positions are fitted together
    between = covariance[..., L3, L3] + covariance[..., L2, L2] - 2 * covariance[..., L3, L2]
    lines = replace(
        lines, splitting_sigma_ev=np.where(np.isfinite(lines.splitting_ev), np.sqrt(between), np.nan),
        method=method.fingerprint,
    )  # fmt: skip
    return Fitted(lines, found.deviance, method, found.model)


@dataclass(frozen=True)
class _Raw:
    """Numbers of every spectrum (rows, positions, 5), covariance, reduced chi-squared, and the model."""

    values: NDArray
    covariance: NDArray
    deviance: NDArray
    model: Any


def _scattering(low: NDArray, axis: NDArray, energy: NDArray, shape: tuple[int, int]) -> tuple[NDArray, float]:
    """Low losses over their zero-loss area, on the core loss's dispersion, and where they begin in eV."""
    step = energy[1] - energy[0]
    low, axis = resample_low_loss(np.nan_to_num(low), axis, step)
    found = find_zero_loss(low, axis)
    zero = float(np.nanmedian(found.position))
    part = slice(*np.searchsorted(axis - zero, [-2 * found.reach, np.ptp(energy) + SPARE]))
    with np.errstate(invalid="ignore", divide="ignore"):
        over = low[..., part] / found.area[..., None]
    return np.broadcast_to(over, (*shape, over.shape[-1])), float(axis[part.start] - zero)


def _of_sum(start: Along, good: NDArray) -> Along:
    """What a fit of the sum of all spectra starts from."""
    total = start.functionals.sum(where=good)
    where = start.positions
    middle = [np.array([np.nanmedian(at)]) for at in (where.l3, where.l2)]
    return replace(
        start, functionals=Functionals(total.values[None, None], total.covariance[None, None]),
        positions=replace(where, l3=middle[0], l2=middle[1]),
    )  # fmt: skip


def _fit(
    counts: NDArray,
    scattering: tuple[NDArray, float] | None,
    energy: NDArray,
    start: Along,
    method: ModelMethod,
    background: tuple[float, float],
    *,
    free_widths: bool = False,
    widths: dict[str, list[float]] | None = None,
    mask: NDArray | None = None,
    show_progressbar: bool | None = False,
) -> _Raw:
    """Fit counts (rows, positions, n) twice: with variances from smoothed counts, then from the model."""
    signal = _spectra(counts, energy[0], energy[1] - energy[0])
    low = None if scattering is None else _spectra(scattering[0], scattering[1], energy[1] - energy[0])
    model = signal.create_model(low_loss=low, auto_background=False, auto_add_edges=False)
    _build(model, method, widths, free_widths)
    model.set_signal_range(*method.window)
    _start(model, counts, energy, start, method, background)
    shape = counts.shape[:2]
    values, covariance = np.full((*shape, 5), np.nan), np.full((*shape, 5, 5), np.nan)
    deviance = np.full(shape, np.nan)

    def keep(obj):
        """Keep what HyperSpy forgets with the next position: the parameters' covariance."""
        at = tuple(obj.axes_manager.indices[::-1])
        numbers = _parameters(model)
        jac, cost = model.fit_output.jac, 2 * model.fit_output.cost
        freedom = jac.shape[0] - jac.shape[1]
        free = [id(p) for p in model._free_parameters]
        order = [free.index(id(p)) for p in numbers]
        values[at] = [p.value for p in numbers]
        deviance[at] = cost / freedom
        covariance[at] = (np.linalg.pinv(jac.T @ jac, hermitian=True) * deviance[at])[np.ix_(order, order)]

    model.events.fitted.connect(keep)
    expected = _smooth(counts)
    for _ in range(2):
        signal.set_noise_variance(_variance(expected, signal))
        model.multifit(
            optimizer="trf",
            bounded=True,
            x_scale="jac",
            mask=mask,
            show_progressbar=show_progressbar,
            iterpath="flyback",
        )
        fitted = model.as_signal(show_progressbar=False, out_of_range_to_nan=False).data.reshape(counts.shape)
        expected = np.where(fitted > 0, fitted, expected)
    step = energy[1] - energy[0]
    # EELS signals are binned: components are counts an eV, so areas are counts and a height is to be put on channels
    scale = np.array([1.0, 1.0, step, 1.0, 1.0])
    return _Raw(values * scale, covariance * scale[:, None] * scale, deviance, model)


def _spectra(data: NDArray, offset: float, step: float) -> Any:
    """Signal of rows and positions for a model."""
    from exspy.signals import EELSSpectrum

    axes = [{"name": name, "size": size, "navigate": True} for name, size in zip("yx", data.shape[:2], strict=True)]
    axes.append(
        {
            "name": "Energy loss",
            "size": data.shape[2],
            "offset": offset,
            "scale": step,
            "units": "eV",
            "navigate": False,
        }
    )
    return EELSSpectrum(np.array(data, float), axes=axes)


def _variance(expected: NDArray, signal: Any) -> Any:
    return signal._deepcopy_with_new_data(np.maximum(expected, 0.5))


def _smooth(counts: NDArray) -> NDArray:
    """Counts averaged over some channels: a variance that does not follow each channel's own noise."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(np.maximum(np.nan_to_num(counts), 0), 4.0, axis=-1)


def _build(model: Any, method: ModelMethod, widths: dict[str, list[float]] | None, free_widths: bool) -> None:
    """Add background, both lines and the continuum, whose steps stand at the lines' centres."""
    from hyperspy.api import model as hyperspy_model

    from oxyspy.components import TwoStepContinuum

    known = hyperspy_model.components1D
    reference = method.window[0]
    background = known.Expression(f"A * (x / {reference:.6g})**(-r)", name="Background", A=1.0, r=3.0)
    lines = []
    for name in ("L3", "L2"):
        line = {"gaussian": known.Gaussian, "lorentzian": known.Lorentzian, "voigt": known.Voigt}[method.line]()
        line.name = name
        for number, width in enumerate(_widths(line)):
            width.value, width.free = 1.0 if widths is None else widths[name][number], free_widths
            width.bmin, width.bmax = WIDTHS
        # an area of noise may be below zero: a bound would make the mean of such areas too high
        _area(line).bmin = None
        lines.append(line)
    continuum = TwoStepContinuum(shape=method.step, width=method.step_width)
    model.extend([background, *lines, continuum])
    background.convolved = False
    for line, place in zip(lines, (continuum.l3, continuum.l2), strict=True):
        place.twin = line.centre


def _widths(line: Any) -> list[Any]:
    """A line's width parameters."""
    return [getattr(line, name) for name in ("sigma", "gamma") if hasattr(line, name)]


def _area(line: Any) -> Any:
    return line.A if hasattr(line, "A") else line.area


def _parameters(model: Any) -> list[Any]:
    """The numbers that are wanted, in their order."""
    l3, l2, continuum = model["L3"], model["L2"], model["TwoStepContinuum"]
    return [_area(l3), _area(l2), continuum.height, l3.centre, l2.centre]


def _start(
    model: Any, counts: NDArray, energy: NDArray, start: Along, method: ModelMethod, background: tuple[float, float]
) -> None:
    """Start every position at the numbers that its areas in windows have."""
    step, shape = energy[1] - energy[0], counts.shape[:2]
    fitted = fit_power_law(counts, energy, background)
    at_reference = np.exp(fitted.log_a - fitted.r * np.log(method.window[0] / fitted.reference))
    v = start.functionals.values
    numbers = [
        np.nan_to_num(at_reference, nan=1.0) / step, np.nan_to_num(fitted.r, nan=3.0),
        *(np.maximum(np.nan_to_num(v[..., k]), 1.0) for k in (AREA_L3, AREA_L2)),
        np.maximum(np.nan_to_num(v[..., HEIGHT]), 0.0) / step,
        *(np.broadcast_to(at, shape) for at in (start.positions.l3, start.positions.l2)),
    ]  # fmt: skip
    law = model["Background"]
    for parameter, values in zip([law.A, law.r, *_parameters(model)], numbers, strict=True):
        parameter.map["values"], parameter.map["is_set"] = values, True
    for place in (model["L3"].centre, model["L2"].centre):
        place.bmin, place.bmax = float(place.map["values"].min() - REACH), float(place.map["values"].max() + REACH)
    law.A.bmin, law.r.bmin, law.r.bmax = 0.0, -10.0, 20.0
    model.fetch_stored_values()
