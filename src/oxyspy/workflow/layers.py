"""The reacted layer of a scan: of all its rows together, and of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import OxyspyError
from oxyspy.layer import ReactedLayer, fit_layer
from oxyspy.results import Result
from oxyspy.statistics.random_effects import GroupMean, group_mean
from oxyspy.workflow.chain import EdgeMeasurement, Prepared
from oxyspy.workflow.recipe import Recipe
from oxyspy.workflow.rows import RowAlignment
from oxyspy.workflow.witnesses import along, witnesses_of


@dataclass(frozen=True)
class RowLayer(Result):
    """The reacted layer of one row, or of the rows of one fit.

    Attributes
    ----------
    rows : tuple of int
        Of the scan as recorded.
    row_nm : float
        Mean coordinate of the rows; counted in rows where they are not calibrated.
    thickness_nm, sigma_nm : float
        ``nan`` where no layer is supported.
    interval_68_nm, interval_95_nm : tuple of float
    supported : bool
    evidence : float
        As in `ReactedLayer`.
    upper_limit_nm : float
        At 95 %, where no layer is supported.
    surface_nm, surface_sigma_nm : float
        Along the row as recorded.
    reason : str
        Why something is missing.
    """

    rows: tuple[int, ...]
    row_nm: float
    thickness_nm: float
    sigma_nm: float
    interval_68_nm: tuple[float, float]
    interval_95_nm: tuple[float, float]
    supported: bool
    evidence: float
    upper_limit_nm: float
    surface_nm: float
    surface_sigma_nm: float
    reason: str


def fit_scan(
    positions: NDArray,
    measured: Mapping[str, EdgeMeasurement],
    scan: Prepared,
    recipe: Recipe,
    missing: list[str],
    row: int | None = None,
    adf: NDArray | None = None,
) -> ReactedLayer | None:
    """Fit the layer to the recipe's witnesses, of all rows added up or of one; what is missing is said.

    Parameters
    ----------
    positions : array, shape (positions,)
        In nm.
    measured : dict of EdgeMeasurement
    scan : Prepared
    recipe : Recipe
    missing : list of str
        Gets the reason where there is no layer and no limit.
    row : int, optional
        One row instead of the sum of all; no witness is fitted alone then.
    adf : array, shape (positions,), optional
        Annular dark-field signal.
    """
    # in windows that move with the maxima no area is in proportion to the metal where layer and bulk overlap
    metal = [along(item.fixed.functionals, row) for item in measured.values() if item.lines]
    witnesses, others = witnesses_of(measured, recipe, row)
    if not witnesses:
        missing.append("no layer: none of the recipe's witnesses is measured")
        return None
    signal = np.sum([np.nan_to_num(f.values[:, :2].sum(1)) for f in metal], axis=0)
    variance = np.sum([np.nan_to_num(f.covariance[:, :2, :2].sum((1, 2))) for f in metal], axis=0)
    unknown = np.all([~np.isfinite(f.values[:, 0]) for f in metal], axis=0)
    signal[unknown] = np.nan
    try:
        layer = fit_layer(
            positions, (signal, variance), witnesses, others=others if row is None else (),
            low_loss=_zero_loss(scan, row), adf=adf, each=row is None,
        )  # fmt: skip
    except OxyspyError as error:
        missing.append(f"no layer: {error}")
        return None
    if not layer.supported and not np.isfinite(layer.upper_limit_nm):
        missing.append(f"no layer: {layer.reason}")
    return layer


def _zero_loss(scan: Prepared, row: int | None) -> tuple[NDArray, NDArray] | None:
    """Zero-loss intensity and t/λ along the line; None where one low loss stands for all, or a position has none."""
    if scan.zero_loss is None or scan.zero_loss.area.shape != scan.counts.shape[:2]:
        return None
    rows = slice(None) if row is None else slice(row, row + 1)
    beam, total = (np.where(np.isfinite(v), v, 0)[rows].sum(0) for v in (scan.zero_loss.area, scan.zero_loss.total))
    return (beam, np.log(total / beam)) if (beam > 0).all() else None


def layers_by_row(
    positions: NDArray,
    measured: Mapping[str, EdgeMeasurement],
    scan: Prepared,
    recipe: Recipe,
    alignment: RowAlignment,
    adf: NDArray | None = None,
) -> tuple[RowLayer, ...]:
    """Fit a layer to each row that was kept, or to each few rows that were added up; ``adf`` is (fits, positions)."""
    step = float(np.median(np.diff(positions))) if positions.size > 1 else 1.0
    found = []
    nan, nothing = float("nan"), (float("nan"), float("nan"))
    for at, (group, row_nm, shift) in enumerate(
        zip(alignment.groups, alignment.group_nm, alignment.group_shifts, strict=True)
    ):
        missing: list[str] = []
        layer = fit_scan(positions, measured, scan, recipe, missing, at, None if adf is None else adf[at])
        numbers = (
            (nan, nan, nothing, nothing, False, nan, nan, nan, nan, "; ".join(missing))
            if layer is None
            else (
                layer.thickness_nm, layer.sigma_nm, layer.interval_68_nm, layer.interval_95_nm, layer.supported,
                layer.evidence, layer.upper_limit_nm, float(layer.surface_nm + shift * step), layer.surface_sigma_nm,
                layer.reason,
            )
        )  # fmt: skip
        found.append(RowLayer(group, float(row_nm), *numbers))
    return tuple(found)


def mean_of_rows(layers: tuple[RowLayer, ...]) -> GroupMean | None:
    """Mean of the rows' layers and their spread beyond their own errors; None where no row has a value or a limit."""
    values = [layer for layer in layers if layer.supported]
    limits = [layer.upper_limit_nm for layer in layers if not layer.supported and layer.upper_limit_nm > 0]
    if not values and not limits:
        return None
    return group_mean([v.thickness_nm for v in values], [v.sigma_nm for v in values], limits)


def rows_in_words(layers: tuple[RowLayer, ...], mean: GroupMean | None) -> str:
    """What the rows say together, in a line."""
    supported = sum(layer.supported for layer in layers)
    said = f"layer by row: supported in {supported} of {len(layers)}"
    if mean is not None and np.isfinite(mean.mean):
        said += f", mean {mean.mean:.2f} ± {mean.sigma:.2f} nm"
        if np.isfinite(mean.spread):
            said += f", row-to-row spread {mean.spread:.2f} nm beyond the rows' own errors"
    elif mean is not None and np.isfinite(mean.upper_limit_95):
        said += f", mean under {mean.upper_limit_95:.2f} nm (95 %)"
    return said
