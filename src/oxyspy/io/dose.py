"""Electrons a unit of area that the spectra cost the specimen, where the metadata know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.constants import e as ELEMENTARY_CHARGE

from oxyspy.io.axes import step_in_nm
from oxyspy.io.describe import acquisition
from oxyspy.io.scan import line_and_rows
from oxyspy.results import Result

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

    from oxyspy.io.scan import LineScan


@dataclass(frozen=True)
class Dose(Result):
    """Dose of a scan; every number ``nan`` where the metadata do not say.

    Attributes
    ----------
    electrons_per_nm2, electrons_per_angstrom2 : float
        Electrons over the area of a position.
    electrons : float
        Electrons a position.
    beam_current_na : float
        In nA.
    time_s : float
        A position's, low loss included where it was recorded at each position.
    area_nm2 : float
        Of a position.
    method, reason : str
        What was divided by what; why there is no number.
    """

    electrons_per_nm2: float
    electrons_per_angstrom2: float
    electrons: float
    beam_current_na: float
    time_s: float
    area_nm2: float
    method: str
    reason: str

    def __str__(self) -> str:
        if not np.isfinite(self.electrons_per_nm2):
            return f"dose not known: {self.reason}"
        return (
            f"dose {self.electrons_per_nm2:.3g} electrons/nm² ({self.electrons_per_angstrom2:.3g} electrons/Å²; "
            f"{self.method})"
        )


def dose_of(scan: LineScan) -> Dose:
    """Return the dose of the spectra themselves, other exposures of the same place not among them.

    Parameters
    ----------
    scan : LineScan
        As recorded: of a line cut out of an image, the image.

    Returns
    -------
    Dose
        Electrons a nm², or the reason why they are not known.

    Notes
    -----
    I t / (e A), with beam current I, time t at a position and its area A, the product of the steps; of a single row,
    whose width no file knows, the square of its step. A probe narrower than the step gives its middle more.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> print(f"{oxyspy.io.dose_of(scan).electrons_per_nm2:.1e}")
    3.9e+08
    """
    current = acquisition(scan.core_loss)["beam_current"]
    time, timed = _time(scan.core_loss)
    low = scan.low_loss
    if low is not None and low.axes_manager.navigation_size == scan.core_loss.axes_manager.navigation_size:
        more, _ = _time(low)
        if more > 0 and low is not scan.core_loss:
            time, timed = time + more, f"{timed} of core and low loss"
    line, rows = line_and_rows(scan.core_loss)
    step = float("nan") if line is None else step_in_nm(line)
    area = step * (step_in_nm(rows) if rows is not None else step)
    missing = []
    if current["doubt"]:
        missing.append(f"beam current {current['doubt']}")
    if not time > 0:
        missing.append("no dwell time or exposure in the metadata")
    electrons = float("nan") if missing else current["value"] * 1e-9 * time / ELEMENTARY_CHARGE
    if not area > 0:
        missing.append("a single spectrum has no area" if line is None else "no length calibration of the positions")
    if missing:
        nan = float("nan")
        return Dose(nan, nan, electrons, current["value"], time, area, "", "; ".join(missing))
    over = "a pixel" if rows is not None else "the square of the step, for a single row"
    method = f"beam current {current['value']:g} nA x {timed} {time:g} s over {over}, {area:.3g} nm²"
    return Dose(electrons / area, electrons / area / 100, electrons, current["value"], time, area, method, "")


def _time(signal: BaseSignal) -> tuple[float, str]:
    """Seconds at a position, and what the metadata call them."""
    found = acquisition(signal)
    if found["dwell_time"]["value"] > 0:
        return found["dwell_time"]["value"], "dwell time"
    frames = signal.metadata.get_item("Acquisition_instrument.TEM.Detector.EELS.frame_number", default=1)
    frames = frames if isinstance(frames, (int, float)) and frames >= 1 else 1
    exposure = found["exposure"]["value"] * frames
    return exposure, "exposure" + (f" of {frames:g} frames" if frames > 1 else "")
