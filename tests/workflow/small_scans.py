"""Folders of scans that take some tenths of a second each, good ones and ten kinds of bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dm4 import EELS_TAGS, write_dm4
from oxyspy.simulate import simulate_scan
from oxyspy.workflow.recipe import Recipe

SMALL = {"n_positions": 24, "step_nm": 0.6, "n_channels": 1200, "core_start": 560.0, "low_start": -30.0}
QUICK = Recipe(name="quick", edges={"Mn_L": {}}, oxygen=False, witnesses=("mn_l3_share",))
BAD = (
    "truncated", "no_low_loss", "vacuum", "constant", "nan", "wrong_units", "no_edges", "saturated", "huge_drift",
    "empty",
)  # fmt: skip


def blank(figure, path) -> None:
    """An empty picture in place of a figure."""
    from PIL import Image

    from oxyspy.files import whole_file

    with whole_file(path) as aside:
        Image.new("L", (8, 8)).save(aside)


def without_figures(patch, page: bool = False) -> None:
    """Leave out the drawing, which takes nine tenths of a scan's time; ``page`` keeps the report's, which is quick."""
    from oxyspy import plotting
    from oxyspy.workflow import figures, report

    patch.setattr(plotting, "save_figure", blank)
    for name in ("profile_figure", "edges_figure"):
        patch.setattr(figures, name, lambda result: None)
    if not page:
        patch.setattr(report, "_plotly", lambda: "")


def write_scan(folder: Path, core, low, core_axis, low_axis, x_unit="nm", e_unit="eV") -> None:
    folder.mkdir(parents=True)
    for stem, data, axis in (("core_loss", core, core_axis), ("low_loss", low, low_axis)):
        if data is not None:
            axes = [("x", 0.0, 0.6, x_unit), ("Energy loss", *axis, e_unit)]
            write_dm4(folder / f"{stem}.dm4", data.astype(np.float32), axes, title=stem, eels=EELS_TAGS)


def good_scans(folder: Path, n: int) -> None:
    for i in range(n):
        scan = simulate_scan(**SMALL, layer_nm=1.5 + 0.5 * (i % 5), seed=i)
        write_scan(folder / f"good_{i:02d}", scan.core, scan.low, scan.core_axis, scan.low_axis)


def bad_scans(folder: Path) -> None:
    scan = simulate_scan(**SMALL, layer_nm=2.0, seed=99)
    core, low = scan.core.copy(), scan.low
    axes = scan.core_axis, scan.low_axis
    write_scan(folder / "truncated", core, low, *axes)
    file = folder / "truncated" / "core_loss.dm4"
    file.write_bytes(file.read_bytes()[:5000])
    write_scan(folder / "no_low_loss", core, None, *axes)
    rng = np.random.default_rng(5)
    write_scan(folder / "vacuum", rng.normal(0, 1, core.shape), low, *axes)
    write_scan(folder / "constant", np.full_like(core, 100.0), low, *axes)
    write_scan(folder / "nan", np.full_like(core, np.nan), low, *axes)
    write_scan(folder / "wrong_units", core, low, *axes, x_unit="s", e_unit="m")
    power = rng.poisson(2000.0 * (np.arange(1, core.shape[-1] + 1) / 700 + 1) ** -3.0, core.shape)
    write_scan(folder / "no_edges", power, low, *axes)
    write_scan(folder / "saturated", np.minimum(core, np.percentile(core, 60)), low, *axes)
    moved = np.stack([np.roll(row, int(k)) for row, k in zip(core, rng.integers(-600, 600, len(core)), strict=True)])
    write_scan(folder / "huge_drift", moved, low, *axes)
    (folder / "empty").mkdir()
    (folder / "empty" / "core_loss.dm4").write_bytes(b"")
