"""What a scan shows before it is analysed: edges, energy error, t/λ; from 256 spectra at the most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.eels.calibration import calibrate
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.errors import InputError
from oxyspy.io.roles import some_spectra

if TYPE_CHECKING:
    from oxyspy.io.scan import LineScan


def first_look(scan: LineScan) -> dict[str, Any]:
    """Return the edges found, the axis correction they ask for, and the range of t/λ; ``None`` where not known."""
    seen: dict[str, Any] = {"edges": [], "energy_correction": None, "t_over_lambda": None}
    energy = scan.energy_nominal
    if np.all(np.diff(energy) > 0) and energy.size >= 8:
        try:
            found = calibrate(some_spectra(scan.core_loss).sum(0), energy)
        except InputError:
            return seen
        seen["edges"] = list(found.names)
        seen["energy_correction"] = str(found)
    if scan.low_loss is not None:
        try:
            thickness = find_zero_loss(some_spectra(scan.low_loss), scan.low_energy).t_over_lambda
        except InputError:
            return seen
        thickness = thickness[np.isfinite(thickness)]
        if thickness.size:
            seen["t_over_lambda"] = [float(thickness.min()), float(thickness.max())]
    return seen


def first_look_lines(seen: dict[str, Any]) -> list[str]:
    """The first look as lines."""
    lines = [f"  edges seen  {', '.join(seen['edges']) or 'none'}"]
    if seen["edges"]:
        lines.append(f"  energy      {seen['energy_correction']}")
    if seen["t_over_lambda"]:
        low, high = seen["t_over_lambda"]
        lines.append(f"  t/λ         {low:.2f} to {high:.2f}")
    return lines
