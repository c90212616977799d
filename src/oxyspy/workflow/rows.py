"""Rows of a scan: brought to one surface by whole positions, added up until a fit has counts enough.

A spectrum image is read a block of rows at a time: once to find where the metal begins and the zero-loss peaks stand,
and once more to add up; up to 4096 spectra of it are read before, to calibrate. What comes out is an ordinary scan of
fewer rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.alignment import sharpness, split_drift, take_moved
from oxyspy.eels.background import fit_power_law, pooled_dispersion
from oxyspy.eels.calibration import Calibration, calibrate
from oxyspy.eels.cleaning import bright, clean, clean_low_loss
from oxyspy.eels.edges import edge
from oxyspy.eels.functionals import measure
from oxyspy.eels.windows import dispersion, window_weights
from oxyspy.eels.zero_loss import find_zero_loss, peak_shape, sample
from oxyspy.errors import OxyspyError
from oxyspy.layer.rows import RowShifts, common_positions, find_rows, runs_across, significance
from oxyspy.layer.surface import find_surface
from oxyspy.results import Result
from oxyspy.workflow.recipe import Recipe

# counts that are held at once while a spectrum image is read
BLOCK_COUNTS = 8_000_000
# more spectra than this are added up, row by row, before anything is fitted
MOST_SPECTRA = 4096
# up to so many rows every row is fitted by itself
FEW_ROWS = 8
# area of the metal at a position over its standard error from which a layer is fitted to a row: of simulated layers of
# 2 nm all are supported from here on, and below only those that come out too thick
FIT_SIGNIFICANCE = 6.0
# a scan can run across its rows only where there are positions enough for a layer that way
LEAST_POSITIONS = 8


@dataclass(frozen=True)
class RowAlignment(Result):
    """What was done to the rows of a scan before they were measured.

    Attributes
    ----------
    rows, positions : int
        Of the scan as recorded, counted along the direction that was analysed.
    transposed : bool
        Whether the surface's normal runs along what the file calls rows, so that rows and positions changed places.
    row_nm : array, shape (rows,)
        Coordinate of each row.
    row_unit : {"nm", "rows"}
        Its unit: rows are counted where they are not calibrated.
    surface_nm, surface_sigma_nm : array, shape (rows,)
        Where each row crosses the surface, as recorded; ``nan`` where that was not found.
    shifts : array of int, shape (rows,)
        Positions by which each row was moved.
    used : array of bool, shape (rows,)
    reasons : tuple of str
        Why a row is left out, or was not moved; empty where all is well.
    surface_chance : float
        Probability that noise alone puts the surfaces that far apart.
    surface_spread_nm : float
        Standard deviation of the surface between the rows, beyond the errors.
    surface_angle_deg : float
        Of the surface against the normal of the rows' direction: thicknesses along the rows are its 1 / cos too large.
    rows_per_fit : int
        Rows added up to fit a layer.
    groups : tuple of tuple of int
        The rows of each fit.
    first_position, last_position : int
        Of an unmoved row: the positions that all rows have.
    words : str
        All this in words.
    """

    rows: int
    positions: int
    transposed: bool
    row_nm: NDArray
    row_unit: str
    surface_nm: NDArray
    surface_sigma_nm: NDArray
    shifts: NDArray
    used: NDArray
    reasons: tuple[str, ...]
    surface_chance: float
    surface_spread_nm: float
    surface_angle_deg: float
    rows_per_fit: int
    groups: tuple[tuple[int, ...], ...]
    first_position: int
    last_position: int
    words: str

    @property
    def notes(self) -> tuple[str, ...]:
        """The words, where anything was done or could not be."""
        nothing = self.rows_per_fit == 1 and not self.transposed and not self.shifts.any() and not any(self.reasons)
        return () if nothing and np.isfinite(self.surface_sigma_nm).any() else (self.words,)

    @property
    def group_nm(self) -> NDArray:
        """Coordinate of each fit: the mean of its rows'."""
        return np.array([self.row_nm[list(group)].mean() for group in self.groups])

    @property
    def group_shifts(self) -> NDArray:
        """Mean shift of each fit's rows, in positions."""
        return np.array([self.shifts[list(group)].mean() for group in self.groups])


@dataclass(frozen=True)
class AlignedRows:
    """A scan whose rows stand together.

    Attributes
    ----------
    core, low : array, shape (fits, positions, n)
        Counts; low is None, or one spectrum for all, where it was that before.
    positions_nm : array, shape (positions,)
    alignment : RowAlignment
    masked : tuple of int
        Channels that were made up before rows were added up, on which nothing may be measured.
    """

    core: NDArray
    low: NDArray | None
    positions_nm: NDArray
    alignment: RowAlignment
    masked: tuple[int, ...] = ()


def align_rows(
    core: Any,
    energy: NDArray,
    low: Any,
    low_energy: NDArray | None,
    positions_nm: NDArray,
    rows_nm: NDArray | None,
    recipe: Recipe,
) -> AlignedRows:
    """Bring the rows of a scan to one surface, leave out those without one, and add up what a fit needs.

    Parameters
    ----------
    core : array or dask array, shape (rows, positions, n)
        Core-loss counts.
    energy : array, shape (n,)
        Its axis as recorded, in eV.
    low, low_energy : array or dask array, shape (rows, positions, m) and (m,), or None
        Low loss of the same positions; one of another shape is passed on as it is.
    positions_nm : array, shape (positions,)
        Rising.
    rows_nm : array, shape (rows,), or None
        None where rows are not calibrated.
    recipe : Recipe

    Returns
    -------
    AlignedRows
        Unmoved where no row's surface can be found, with the reason in its words.
    """
    unit = "rows" if rows_nm is None else "nm"
    rows_nm = np.arange(core.shape[0], dtype=float) if rows_nm is None else np.asarray(rows_nm, float)
    own_low = low is not None and low.shape[:2] == core.shape[:2]
    try:
        metal, variance, why = metal_map(core, energy, recipe)
    except OxyspyError as error:
        metal, variance, why = *np.zeros((2, *core.shape[:2])), str(error)
    # a line that was cut runs as its user drew it
    transposed = (
        recipe.line is None and unit == "nm" and min(core.shape[:2]) >= LEAST_POSITIONS and runs_across(metal, variance)
    )
    if transposed:
        if rows_nm[0] > rows_nm[-1]:
            core, metal, variance, rows_nm = core[::-1], metal[::-1], variance[::-1], rows_nm[::-1]
            low = low[::-1] if own_low else low
        core, metal, variance = (a.swapaxes(0, 1) for a in (core, metal, variance))
        low = low.swapaxes(0, 1) if own_low else low
        positions_nm, rows_nm = rows_nm, positions_nm
    rows, n = metal.shape
    found = find_rows(metal, variance)
    if not recipe.align_rows:
        found = replace(found, shifts=np.zeros(rows, int))
    kept = np.flatnonzero(found.used)
    per_fit = _rows_per_fit(recipe, metal[kept], variance[kept], n)
    groups = tuple(tuple(int(row) for row in part) for part in np.array_split(kept, max(kept.size // per_fit, 1)))
    shared = common_positions(found.shifts, found.used, n)
    surface = _surface(positions_nm, metal, variance, found, shared)
    step = float(np.median(np.diff(positions_nm))) if n > 1 else 1.0
    surfaces, sigma = surface + step * found.expected, step * found.sigma
    angle = _angle(rows_nm, surfaces, sigma, found.used) if unit == "nm" else float("nan")
    alignment = RowAlignment(
        rows, n, transposed, rows_nm, unit, surfaces, sigma, found.shifts, found.used, found.reasons, found.chance,
        _spread(surfaces, sigma, found.used), angle, per_fit, groups,
        shared.start, shared.stop - 1, "",
    )  # fmt: skip
    alignment = _with_words(alignment, positions_nm, why, recipe.align_rows)
    if kept.size == rows and per_fit == 1 and not found.shifts.any():
        return AlignedRows(core, low, positions_nm, alignment)
    gathered, cleaned, masked = _gather(
        core, low if own_low else None, low_energy, dispersion(energy), alignment, recipe
    )
    alignment = replace(alignment, words="; ".join(filter(None, [alignment.words, cleaned])))
    return AlignedRows(gathered[0], gathered[1] if own_low else low, positions_nm[shared], alignment, masked)


def gathered_image(image: NDArray, alignment: RowAlignment, rows_nm: NDArray | None) -> NDArray:
    """Bring the rows of a scan's own image together as its spectra's were.

    Parameters
    ----------
    image : array, shape (rows, positions)
        As recorded.
    alignment : RowAlignment
        Of the spectra.
    rows_nm : array, shape (rows,), or None
        As given to `align_rows`.

    Returns
    -------
    array, shape (fits, positions)
        Means over the rows of each fit.
    """
    if alignment.transposed:
        image = (image[::-1] if rows_nm is not None and rows_nm[0] > rows_nm[-1] else image).T
    taken = np.arange(alignment.first_position, alignment.last_position + 1)
    return np.stack([
        np.mean([image[row, taken + alignment.shifts[row]] for row in group], axis=0) for group in alignment.groups
    ])  # fmt: skip


def metal_map(core: Any, energy: NDArray, recipe: Recipe) -> tuple[NDArray, NDArray, str]:
    """Measure the metal at every spectrum, roughly: counts of the recipe's edges above their backgrounds.

    Returns
    -------
    metal, variance : array, shape (rows, positions)
    str
        Why there is nothing; empty where there is.
    """
    metal, variance = np.zeros((2, *core.shape[:2]))
    some = np.nan_to_num(np.asarray(sample(core), np.float32))
    total = some.sum((0, 1), dtype=float)
    if not total.any():
        return metal, variance, "no spectrum holds any signal"
    calibration = calibrate(total, energy, landmarks=recipe.landmarks)
    windows = [w for name in recipe.edges if (w := _window(name, calibration, energy)) is not None]
    if not windows:
        return metal, variance, "none of the recipe's edges was found in the sum of all spectra"
    axis = calibration(energy)
    for part in _blocks(*core.shape):
        counts, valid, _ = clean(np.asarray(core[part], np.float32), dispersion(energy))
        lit = bright(counts, valid)
        for background, inside in windows:
            fitted = fit_power_law(counts, axis, background, "background")
            channels = int(np.ptp(background) / dispersion(axis))
            noise = pooled_dispersion(fitted.dispersion[lit], channels) if lit.any() else 1.0
            area = measure(counts, axis, fitted, window_weights(axis, *inside)[None], noise=noise)
            metal[part] += np.nan_to_num(area.values[..., 0])
            variance[part] += np.nan_to_num(area.covariance[..., 0, 0])
        metal[part][~valid], variance[part][~valid] = np.nan, np.nan
    return metal, variance, ""


def _window(name: str, calibration: Calibration, energy: NDArray) -> tuple | None:
    """Background window of an edge that was found, and the one over both its lines; None where they do not fit."""
    if calibration.missed(name):
        return None
    item = edge(name)
    # the first eV of an axis may be a detector's roll-off
    low = max(item.background[0], float(calibration(energy[0])) + 20.0)
    inside = item.energy - 4.0, item.post[0]
    fits = item.background[1] - low >= 12.0 and inside[1] < calibration(energy[-1])
    return ((low, item.background[1]), inside) if fits else None


def _blocks(rows: int, positions: int, channels: int) -> Iterator[slice]:
    """Rows that are read at once."""
    size = max(1, BLOCK_COUNTS // (positions * channels))
    return (slice(first, min(first + size, rows)) for first in range(0, rows, size))


def _rows_per_fit(recipe: Recipe, metal: NDArray, variance: NDArray, positions: int) -> int:
    """Rows that are added up before they are measured: the recipe's, or what the counts and the memory ask for."""
    rows = len(metal)
    if recipe.rows_per_fit != "auto":
        return min(recipe.rows_per_fit, rows)
    if rows <= FEW_ROWS:
        return 1
    wanted = int(np.ceil((FIT_SIGNIFICANCE / max(significance(metal, variance), 1e-3)) ** 2))
    return min(max(wanted, -(-rows * positions // MOST_SPECTRA)), rows)


def _surface(positions: NDArray, metal: NDArray, variance: NDArray, found: RowShifts, shared: slice) -> float:
    """Where an unmoved row crosses the surface, by the sum of all rows moved; ``nan`` without a surface."""
    size = shared.stop - shared.start
    if size < LEAST_POSITIONS:
        return float("nan")
    rows = np.flatnonzero(found.used & np.isfinite(found.expected))
    at = shared.start + found.shifts[rows, None] + np.arange(size)
    total, noise = (np.nansum(np.take_along_axis(a[rows], at, 1), axis=0) for a in (metal, variance))
    surface = find_surface(positions[shared], total, noise)[0] if rows.size else None
    return float("nan") if surface is None else surface.position_nm


def _spread(surfaces: NDArray, sigma: NDArray, used: NDArray) -> float:
    """Standard deviation of the surface between the rows, beyond its errors; ``nan`` for a single row."""
    known = np.isfinite(surfaces) & used
    if known.sum() < 2:
        return float("nan")
    return float(np.sqrt(max(surfaces[known].var(ddof=1) - (sigma[known] ** 2).mean(), 0.0)))


def _angle(rows_nm: NDArray, surfaces: NDArray, sigma: NDArray, used: NDArray) -> float:
    """Angle of the surface against the rows' normal, by weighted least squares.

    ``nan`` for a single row; 0 where its standard error, the surface's roughness in it, is above a third of it, or half
    of it for two rows, whose roughness nobody knows.
    """
    known = np.isfinite(surfaces) & used
    if known.sum() < 2 or not np.ptp(rows_nm[known]) > 0:
        return float("nan")
    x, y = rows_nm[known], surfaces[known]
    slope, start = np.polyfit(x, y, 1, w=1 / sigma[known])
    if x.size == 2:
        least = 2 * np.hypot(*sigma[known]) / np.ptp(x)
    else:
        least = 3 * np.std(y - start - slope * x) / (x.std() * np.sqrt(x.size - 2))
    return float(np.degrees(np.arctan(slope))) if abs(slope) > least else 0.0


def _gather(core, low, low_energy, step: float, alignment: RowAlignment, recipe: Recipe):
    """Counts of the rows of each fit, moved and added up: each spectrum once, none resampled; and what was mended."""
    many = alignment.rows_per_fit > 1
    moved, low_moved = _energy_drift(core, low, low_energy, step, recipe) if many else (None, None)
    group_of = np.full(alignment.rows, -1)
    for at, group in enumerate(alignment.groups):
        group_of[list(group)] = at
    first, size = alignment.first_position, alignment.last_position - alignment.first_position + 1
    sums = [
        None if a is None else np.zeros((len(alignment.groups), size, a.shape[-1]), np.float32) for a in (core, low)
    ]
    spikes = broken = 0
    replaced: set[int] = set()
    masked: set[int] = set()
    for part in _blocks(*core.shape):
        rows = np.arange(alignment.rows)[part]
        if (group_of[rows] < 0).all():
            continue
        counts = np.asarray(core[part], np.float32)
        weak = None if low is None else np.asarray(low[part], np.float32)
        if many:
            # in a sum no spike stands out any more, and one broken spectrum would break it
            counts, valid, cleaning = clean(counts, step)
            spikes, broken = spikes + cleaning.spikes, broken + int((~valid[group_of[rows] >= 0]).sum())
            replaced.update(cleaning.dead_channels, cleaning.hot_channels)
            for by in np.unique(moved[part]) if cleaning.masked_channels else ():
                masked.update(channel - int(by) for channel in cleaning.masked_channels)
            counts = take_moved(counts, 0, counts.shape[-1], moved[part])
            counts[~valid] = 0
            if weak is not None:
                weak = take_moved(clean_low_loss(weak, low_energy)[0], 0, weak.shape[-1], low_moved[part])
                weak[~valid] = 0
        for at, row in enumerate(rows):
            if group_of[row] >= 0:
                taken = slice(first + alignment.shifts[row], first + alignment.shifts[row] + size)
                sums[0][group_of[row]] += counts[at, taken]
                if weak is not None:
                    sums[1][group_of[row]] += weak[at, taken]
    mended = [f"{spikes} spike channels replaced by the mean of their neighbours"] * (spikes > 0)
    mended += [f"{len(replaced)} dead or hot channels replaced by their neighbours"] * bool(replaced)
    mended += [f"{broken} spectra left out: no numbers, nothing but zeros, or saturated"] * (broken > 0)
    words = " and ".join(mended) + " before rows were added up" if mended else ""
    return sums, words, tuple(sorted(channel for channel in masked if 0 <= channel < core.shape[-1]))


def _energy_drift(core, low, low_energy, step: float, recipe: Recipe) -> tuple[NDArray, NDArray]:
    """Whole channels by which core and low losses are moved before they are added up."""
    still = np.zeros(core.shape[:2], int)
    if low is None:
        return still, still
    try:
        shape = peak_shape(np.nan_to_num(np.asarray(sample(low), np.float32)), low_energy)
    except OxyspyError:
        return still, still
    drift = np.concatenate(
        [
            find_zero_loss(clean_low_loss(np.asarray(low[part], np.float32), low_energy)[0], low_energy, shape).position
            for part in _blocks(*low.shape)
        ]
    )
    drift -= np.nanmedian(drift)
    low_moved, _ = split_drift(drift, dispersion(low_energy))
    moved, _ = split_drift(drift, step)
    if recipe.drift == "none" or not moved.any():
        return still, low_moved
    if recipe.drift == "auto":
        some, by = np.nan_to_num(np.asarray(sample(core), np.float32)), sample(moved[..., None])[..., 0]
        aligned = sharpness(take_moved(some, 0, some.shape[-1], by).sum((0, 1), dtype=float))
        if aligned <= sharpness(some.sum((0, 1), dtype=float)):
            return still, low_moved
    return moved, low_moved


def _with_words(alignment: RowAlignment, positions_nm: NDArray, why: str, aligned: bool) -> RowAlignment:
    said = []
    if alignment.transposed:
        said.append("the metal changes along the scan's rows and not along its positions: the two changed places")
    if why:
        said.append(f"the rows were not aligned: {why}")
    elif not np.isfinite(alignment.surface_sigma_nm).any():
        said.append(f"the rows were not aligned: {next(filter(None, alignment.reasons), 'no surface was found')}")
    elif alignment.shifts.any():
        step = float(np.median(np.diff(positions_nm)))
        low, high = int(alignment.shifts[alignment.used].min()), int(alignment.shifts[alignment.used].max())
        said.append(
            f"rows moved by {low} to {high} positions ({low * step:.2f} to {high * step:.2f} nm) so that their "
            "surfaces stand together"
        )
    elif alignment.rows > 1:
        said.append(
            "no row moved: "
            + ("the recipe says so" if not aligned else "the surfaces stand together within five standard errors")
        )
    if abs(alignment.surface_angle_deg) > 10:
        factor = 1 / np.cos(np.radians(alignment.surface_angle_deg))
        said.append(
            f"the surface is {abs(alignment.surface_angle_deg):.0f}° off the normal of the rows"
            f"{', if it is straight between the two' if alignment.rows == 2 else ''}: along them a layer is "
            f"{factor:.2f} times as thick as across; record or cut a line across the surface"
        )
    for words, left_out in (("left out", True), ("not moved", False)):
        if named := _named(alignment, left_out):
            said.append(f"{words}: {', '.join(named)}")
    if alignment.rows_per_fit > 1:
        said.append(
            f"{alignment.rows_per_fit} rows added up for each fit, counts as recorded, {len(alignment.groups)} fits"
        )
    return replace(alignment, words="; ".join(said))


def _named(alignment: RowAlignment, left_out: bool) -> list[str]:
    """Rows with their reasons, those of one reason together."""
    by_reason: dict[str, list[int]] = {}
    for row, (used, reason) in enumerate(zip(alignment.used, alignment.reasons, strict=True)):
        if reason and used != left_out:
            by_reason.setdefault(reason, []).append(row)
    return [f"row{'s' * (len(rows) > 1)} {_ranges(rows)} ({reason})" for reason, rows in by_reason.items()]


def _ranges(rows: list[int]) -> str:
    """Numbers of rows, runs of them by their ends."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
