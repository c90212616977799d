"""Dual-EELS spectrum images with a rough surface and a known reacted layer below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.simulate.eels import simulate_scan

# points a step at which the line that all rows are taken from is computed: surfaces are rounded to this
FINE = 4


@dataclass(frozen=True, repr=False)
class SimulatedSpectrumImage(Result):
    """A simulated spectrum image, the surface's normal along its positions.

    Attributes
    ----------
    core, low : float32 array, shape (rows, positions, channels)
        Counts.
    core_axis, low_axis : tuple of float
        Offset and dispersion in eV as recorded.
    positions_nm : array, shape (positions,)
    rows_nm : array, shape (rows,)
    truth : dict
        ``surface_nm`` and ``layer_nm`` of each row, ``nan`` in rows of vacuum or bulk; ``interface_nm``.
    """

    core: NDArray
    low: NDArray
    core_axis: tuple[float, float]
    low_axis: tuple[float, float]
    positions_nm: NDArray
    rows_nm: NDArray
    truth: dict[str, Any]

    def __repr__(self) -> str:
        rows, positions, channels = self.core.shape
        surface, layer = self.truth["surface_nm"], self.truth["layer_nm"]
        return (
            f"SimulatedSpectrumImage: {rows} rows of {positions} positions, {channels} channels of "
            f"{self.core_axis[1]:g} eV; surface at {np.nanmin(surface):.1f} to {np.nanmax(surface):.1f} nm, layer "
            f"{np.nanmin(layer):g} to {np.nanmax(layer):g} nm"
        )

    @property
    def core_energy(self) -> NDArray:
        """Core-loss axis as recorded, in eV."""
        return self.core_axis[0] + self.core_axis[1] * np.arange(self.core.shape[-1])

    @property
    def low_energy(self) -> NDArray:
        """Low-loss axis as recorded, in eV."""
        return self.low_axis[0] + self.low_axis[1] * np.arange(self.low.shape[-1])


def simulate_spectrum_image(
    surface_nm: ArrayLike,
    *,
    layer_nm: ArrayLike = 2.0,
    n_positions: int = 64,
    step_nm: float = 0.3,
    row_step_nm: float | None = None,
    coating_nm: float = 3.0,
    seed: int = 0,
    **choices: Any,
) -> SimulatedSpectrumImage:
    """Simulate a spectrum image whose surface lies elsewhere in each row.

    Parameters
    ----------
    surface_nm : array_like, shape (rows,)
        Where each row crosses the cathode's surface, to a quarter of a step; beyond the last position a row is of
        vacuum and coating, far below zero it is of bulk.
    layer_nm : float or array_like, shape (rows,)
        Thickness of the reacted layer along the row.
    n_positions, step_nm, row_step_nm : int, float, float
        Positions of a row, their distance, and that of the rows, by default the same.
    coating_nm : float
        The coating's thickness.
    seed : int
        Of the counts.
    **choices
        What `simulate_scan` takes besides, say ``dose`` or ``t_over_lambda``.

    Returns
    -------
    SimulatedSpectrumImage
        Counts, and the truth of every row.

    Raises
    ------
    InputError
        One layer for each of another number of rows.

    Examples
    --------
    >>> from oxyspy.simulate import simulate_spectrum_image
    >>> simulate_spectrum_image([6.0, 6.9, 6.3], layer_nm=2.0, n_positions=48, n_channels=1880)
    SimulatedSpectrumImage: 3 rows of 48 positions, 1880 channels of 0.25 eV; surface at 6.0 to 6.9 nm, layer 2 to 2 nm
    """
    surface = np.atleast_1d(np.asarray(surface_nm, float))
    layers = np.asarray(layer_nm, float)
    if layers.shape not in ((), surface.shape):
        raise InputError(f"layers of {layers.size} rows given for {surface.size} rows")
    layers = np.broadcast_to(layers, surface.shape)
    rng = np.random.default_rng(seed)
    x = step_nm * np.arange(n_positions)
    fine = step_nm / FINE
    # from far enough in the vacuum to far enough in the bulk that any row is a part of one line
    inside = surface[(surface > 0) & (surface < x[-1])]
    before = float(inside.max(initial=coating_nm)) + 1.0
    after = max(x[-1] - float(inside.min(initial=x[-1])), float(layers.max()) + 2.0) + 1.0
    core = low = None
    axes = ()
    for thickness in np.unique(layers):
        line = simulate_scan(
            layer_nm=float(thickness), n_positions=int(np.ceil((before + after) / fine)), step_nm=fine,
            vacuum_nm=before - coating_nm, coating_nm=coating_nm, **choices,
        )  # fmt: skip
        if core is None:
            core = np.empty((surface.size, n_positions, line.core.shape[-1]), np.float32)
            low = np.empty((surface.size, n_positions, line.low.shape[-1]), np.float32)
            axes = line.core_axis, line.low_axis
        first = int(round(line.truth["surface_nm"] / fine))
        for row in np.flatnonzero(layers == thickness):
            at = first + FINE * np.arange(n_positions) - int(round(surface[row] / fine))
            at = np.clip(at, 0, line.core_expected.shape[0] - 1)
            core[row] = rng.poisson(line.core_expected[at])
            low[row] = rng.poisson(line.low_expected[at])
    known = (surface > 0) & (surface < x[-1])
    truth = {
        "surface_nm": np.where(known, np.round(surface / fine) * fine, np.nan),
        "layer_nm": np.where(known, layers, np.nan),
        "interface_nm": line.truth["interface_nm"],
    }
    rows = (step_nm if row_step_nm is None else row_step_nm) * np.arange(surface.size)
    return SimulatedSpectrumImage(core, low, *axes, x, rows, truth)
