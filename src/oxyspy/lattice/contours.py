"""Where the crystal ends and where one phase meets another, finer than the windows' grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.lattice.appearance import phase_name
from oxyspy.lattice.regions import NONE, NOT_CRYSTAL

if TYPE_CHECKING:
    import pandas as pd

    from oxyspy.lattice.maps import PhaseMap

# shorter ones are a window's whim, nm
LEAST_LENGTH = 1.0
SURFACE = "surface"
# share of another phase from which on a window is taken to have one
PRESENT = 0.3


def boundaries(found: PhaseMap) -> pd.DataFrame:
    """Trace the surface and the boundaries of the bulk's phase through a map.

    Parameters
    ----------
    found : PhaseMap
        Of `phase_map`.

    Returns
    -------
    pandas.DataFrame
        A row a point, in order along each line: ``boundary`` (its number), ``between`` ("surface", or two phases as
        "layered | rocksalt"), ``x_nm`` and ``y_nm`` (nominal, as those of the windows).

    Notes
    -----
    The surface is where crystal is as likely as none; a boundary, half-way from the bulk's phase to what most of the
    other phase has for a share of the thickness. Both are interpolated between windows. In
    simulated images the surface is within 0.1 nm of the true one, the boundary of rocksalt within 0.03 nm, of spinel
    and of inclined layers up to 0.2 nm too shallow, of a layer that is half of the thickness up to 0.3 nm too deep: a
    layer's thickness with its error is what `oxyspy.lattice.layer_thickness` measures.

    Examples
    --------
    >>> from oxyspy.lattice import boundaries, phase_map
    >>> from oxyspy.simulate import simulate_image
    >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
    >>> lines = boundaries(phase_map(made.counts, made.pixel_nm))
    >>> sorted(set(lines["between"]))
    ['layered | rocksalt', 'surface']
    """
    import pandas as pd

    inside = found.inside
    crystal = found.posterior[NONE:].sum(axis=0)
    lines = [(SURFACE, one) for one in _contours(crystal, np.ones_like(inside))]
    bulk = phase_name(found.source.calibration.bulk, found.source.known)
    foreign = inside & (np.nan_to_num(found.fraction) > PRESENT)
    if foreign.any():
        # a layer that is half the bulk's phase along the beam begins at a quarter
        scaled = np.nan_to_num(found.fraction) / float(np.median(found.fraction[foreign]))
        lines += [(f"{bulk} | {_other(found, one, bulk)}", one) for one in _contours(scaled, inside)]
    dy, dx = found.source.windows.spacing
    parts = []
    for between, line in lines:
        y, x = line[:, 0] * dy, line[:, 1] * dx
        if np.hypot(np.diff(x), np.diff(y)).sum() >= LEAST_LENGTH:
            parts.append(pd.DataFrame({"boundary": len(parts), "between": between, "x_nm": x, "y_nm": y}))
    empty = pd.DataFrame({"boundary": np.zeros(0, int), "between": np.zeros(0, object), "x_nm": [], "y_nm": []})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _contours(field: NDArray, where: NDArray) -> list[NDArray]:
    """Lines at one half, as (row, column) of the windows' grid."""
    from skimage.measure import find_contours

    return find_contours(field.astype(float), 0.5, mask=where)


def _other(found: PhaseMap, line: NDArray, bulk: str) -> str:
    """The phase that meets the bulk's along most of a line."""
    most = np.array(found.phase.shape) - 1
    beside = [np.rint(line + shift).astype(int).clip(0, most) for shift in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    near = np.concatenate([found.phase[tuple(one.T)] for one in beside])
    counts = np.bincount(near, minlength=len(found.names))
    counts[: len(NOT_CRYSTAL) - 1] = 0
    counts[found.names.index(bulk)] = 0
    return found.names[int(counts.argmax())] if counts.any() else "mixed"
