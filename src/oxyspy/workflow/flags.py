"""What is wrong, or special, at each position of a scan, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from oxyspy.workflow.analysis import ScanResult

# t/λ above which a spectrum is called thick
THICK = 1.5
# share of the bulk's metal signal that a coating does not reach, even with two standard errors added
COATING_SHARE = 0.3
# the bulk's metal signal over its standard error, below which no coating is told from it
LEAST_METAL = 5.0


def flags(result: ScanResult) -> list[str]:
    """Return for each position the words for what is wrong there, joined by ``|``."""
    scan = result.scan
    thickness = None if scan.zero_loss is None else np.broadcast_to(scan.zero_loss.t_over_lambda, scan.bright.shape)
    spiked, holed, clipped = (
        {index[1] for index in listed}
        for listed in (scan.cleaning.spike_positions, scan.cleaning.not_finite_positions, scan.cleaning.saturated)
    )
    coating = coated(result)
    found = []
    for i in range(result.positions_nm.size):
        words = []
        if not scan.valid[:, i].any():
            words.append("no_data")
        elif not scan.bright[:, i].any():
            words.append("vacuum")
        elif not scan.bright[:, i].all():
            words.append("partly_vacuum")
        if coating[i]:
            words.append("coating")
        words += [
            word
            for word, positions in (("spike_removed", spiked), ("not_finite", holed), ("saturated", clipped))
            if i in positions
        ]
        if thickness is not None:
            known = thickness[:, i][np.isfinite(thickness[:, i])]
            if not known.size:
                words.append("no_zero_loss")
            elif known.mean() > THICK:
                words.append("thick")
        words += [
            f"{name.split('_')[0].lower()}_no_ratio"
            for name, item in result.edges.items()
            if item.lines is not None and not np.isfinite(item.lines.ratio[i])
        ]
        found.append("|".join(words))
    return found


def coated(result: ScanResult) -> NDArray:
    """Whether each position has signal, but not the cathode's metal: it lies on the coating, or on a support."""
    lit = result.scan.bright.any(0)
    along = [item.along for item in result.edges.values() if item.lines is not None]
    if not along:
        return np.zeros(lit.size, bool)
    metal = np.nansum([f.values[:, :2].sum(1) for f in along], axis=0)
    variance = np.nansum([f.covariance[:, :2, :2].sum((1, 2)) for f in along], axis=0)
    known = lit & (variance > 0)
    if not known.any():
        return known
    sigma = np.sqrt(np.maximum(variance, 0))
    bulk = np.quantile(metal[known], 0.9)
    if not bulk > LEAST_METAL * np.median(sigma[known]):
        return np.zeros(lit.size, bool)
    return known & (metal + 2 * sigma < COATING_SHARE * bulk)
