"""What the windows' own places add to the errors of white-line areas.

Windows and steps stand at the maxima, and the maxima are found in the same counts. To first order a maximum moves by
its slope's noise over its curvature, l = l0 - s / c, so an area moves by its derivative by l times that: its variance
gains (dA/dl)^2 var(l), and twice its covariance with the slope.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions, smoothing_ev
from oxyspy.eels.white_lines import AREA_L2, AREA_L3, SLOPE_L2, SLOPE_L3, WhiteLineMethod, line_weights

# half the distance over which areas are differenced by a maximum, in eV: a third of the smoothing, and more than noise
HALF_STEP_EV = 0.2
AREAS = [AREA_L3, AREA_L2]


def with_moving_windows(
    functionals: Functionals,
    spectra: NDArray,
    energy: NDArray,
    positions: LinePositions,
    method: WhiteLineMethod,
) -> Functionals:
    """Add the maxima's noise to the covariance of both areas.

    Parameters
    ----------
    functionals : Functionals
        Of `line_functionals` at these positions, shape (rows, positions, k).
    spectra : array, shape (rows, positions, n)
        Net spectra, deconvolved as the functionals are.
    energy : array, shape (n,)
        In eV.
    positions : LinePositions
        Shape (positions,), common to the rows.
    method : WhiteLineMethod

    Returns
    -------
    Functionals
        The same values. Covariances are such that the rows' sum has the right one: the rows share their maxima.
        Unchanged where the windows stand at the method's own energies.
    """
    if method.positions is not None:
        return functionals
    smoothing = smoothing_ev(energy)
    covariance = functionals.covariance.copy()
    rows = spectra.shape[0]
    lines = (
        (SLOPE_L3, positions.l3_sigma, positions.l3_gain, (HALF_STEP_EV, 0.0)),
        (SLOPE_L2, positions.l2_sigma, positions.l2_gain, (0.0, HALF_STEP_EV)),
    )
    for slope, sigma, gain, (move_l3, move_l2) in lines:
        above, below = (
            line_weights(energy, positions.l3 + way * move_l3, positions.l2 + way * move_l2, method, smoothing)
            for way in (1, -1)
        )
        by_line = (above - below)[:, AREAS] / (2 * HALF_STEP_EV)
        moved = np.einsum("pkn,rpn->rpk", by_line, spectra)
        known = np.isfinite(sigma)
        variance, gain = np.where(known, sigma, 0.0) ** 2, np.where(known, gain, 0.0)
        cross = moved[..., :, None] * (gain[:, None] * functionals.covariance[..., AREAS, slope])[..., None, :]
        added = cross + cross.swapaxes(-1, -2) + variance[:, None, None] * moved[..., :, None] * moved[..., None, :]
        covariance[..., :2, :2] += rows * added
    return Functionals(functionals.values, covariance)
