"""Make the files of this folder again, byte for byte: python test_data/make.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from dm4 import EELS_TAGS, image, write_dm4, write_images
from oxyspy.simulate.eels import SimulatedScan, simulate_scan

FOLDER = Path(__file__).parent
COMMON = {"n_positions": 48, "step_nm": 0.4, "n_channels": 1880, "core_start": 460.0, "low_start": -30.0}
COATING_NM, EXPOSURE_MIN = 4.0, 60.0
SCANS = {
    "rocksalt_2nm": {"layer_nm": 2.0, "seed": 1},
    "rocksalt_4nm_wrong_axis": {
        "layer_nm": 4.0, "axis_offset_ev": -3.7, "axis_factor": 1.026, "zero_loss_at": -3.0, "drift_ev": 0.5,
        "core_start": 452.0, "n_positions": 56, "seed": 2,
    },
    "pristine": {"layer_nm": 0.0, "t_over_lambda": 0.7, "seed": 3},
    "noisy_3nm_from_bulk": {
        "layer_nm": 3.0, "dose": 500.0, "gain": 3.0, "readout": 2.0, "spikes": 6, "reverse": True, "n_positions": 54,
        "seed": 4,
    },
}  # fmt: skip


def axes_of(scan: SimulatedScan, axis: tuple[float, float], unit: str = "nm") -> list:
    """Axes of a line scan's file: x in nm or µm, energy in eV."""
    step = float(scan.positions_nm[1] - scan.positions_nm[0])
    return [("x", 0.0, step * (1e-3 if unit == "µm" else 1.0), unit), ("Energy loss", axis[0], axis[1], "eV")]


def stored(counts: np.ndarray) -> np.ndarray:
    """Counts as a camera stores them: whole numbers, two bytes where they fit."""
    whole = np.rint(np.clip(counts, 0, None))
    return whole.astype(np.uint16 if whole.max() < 2**16 else np.uint32)


# the scan with a dark-field image, whose middle row it is: the image's number and rows
IMAGED, SURVEY, ROWS = ("rocksalt_2nm", "core_loss"), (1, 2, 3, 4), 24


def plain(value):
    """Numbers as YAML writes them, arrays as lists of five figures."""
    if isinstance(value, np.ndarray):
        return [float(f"{v:.5g}") for v in value]
    if isinstance(value, (tuple, list)):
        return [list(v) if isinstance(v, tuple) else v for v in value]
    return float(f"{value:.6g}") if isinstance(value, (float, np.floating)) else value


def adf(scan: SimulatedScan, rows: int = ROWS, seed: int = 11) -> np.ndarray:
    """Annular dark-field image of the rectangle whose middle row was scanned, shape (rows, positions).

    Bright as what is there is thick, times the share scattered to high angles: of the coating a fifth of the cathode's.
    """
    truth = scan.truth
    cathode = truth["layer_share"] + truth["bulk_share"]
    coating = np.clip(truth["t_over_lambda"] / truth["t_over_lambda"].max() - cathode, 0, None)
    profile = 150.0 + 3000.0 * (truth["t_over_lambda"] / truth["t_over_lambda"].max()) * cathode + 600.0 * coating
    counts = np.random.default_rng(seed).poisson(np.broadcast_to(profile, (rows, profile.size)))
    return counts.astype(np.uint16)


def main(to: Path = FOLDER) -> None:
    """Make all files below a folder."""
    truth = {}
    for name, choices in SCANS.items():
        scan = simulate_scan(**{**COMMON, "coating_nm": COATING_NM, **choices})
        unit = "µm" if name == "rocksalt_4nm_wrong_axis" else "nm"
        folder = to / "demo" / name
        folder.mkdir(parents=True, exist_ok=True)
        for stem, counts, axis in (("core_loss", scan.core, scan.core_axis), ("low_loss", scan.low, scan.low_axis)):
            on = (SURVEY, (ROWS // 2, 0, ROWS // 2 + 1, len(counts))) if (name, stem) == IMAGED else None
            axes = axes_of(scan, axis, unit)
            write_dm4(folder / f"{stem}.dm4", stored(counts), axes, title=stem, eels=EELS_TAGS, recorded_on=on)
        # numbers before lists, for who reads it
        lists = [k for k, v in scan.truth.items() if isinstance(v, np.ndarray)]
        truth[name] = {k: plain(scan.truth[k]) for k in sorted(scan.truth, key=lambda k: k in lists)}
        if name == "rocksalt_2nm":
            axis = axes_of(scan, scan.core_axis)
            pixel = [("y", 0.0, *axis[0][2:]), axis[0]]
            write_dm4(folder / "adf.dm4", adf(scan), pixel, title="ADF Image", number=SURVEY)
            write_dm4(to / "flat_core_loss.dm4", stored(scan.core), axis, title="core_loss", eels=EELS_TAGS, flat=True)
            both = (stored(scan.core), stored(scan.low))
            images = [
                image(counts, axes_of(scan, axis), EELS_TAGS, title)
                for counts, axis, title in zip(
                    both, (scan.core_axis, scan.low_axis), ("core_loss", "low_loss"), strict=True
                )
            ]
            write_images(to / "both_in_one.dm4", images)
    content = {"coating_nm": COATING_NM, "exposure_min": EXPOSURE_MIN, "scans": truth}
    head = "# What the scans of this folder were made with; see ../README.md.\n"
    (to / "demo" / "truth.yaml").write_text(
        head + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=118, allow_unicode=True)
    )


if __name__ == "__main__":
    main()
