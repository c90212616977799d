"""The images of a scan: where the line runs on them, and which phases they show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError, OxyspyError
from oxyspy.files import whole_file
from oxyspy.results import to_plain
from oxyspy.workflow.jobs import LINE
from oxyspy.workflow.phases import ImagePhases, PhaseChoices, measure_image, told, write_image

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

    from oxyspy.io import LineScan
    from oxyspy.lattice import LayerAgreement
    from oxyspy.workflow.analysis import ScanResult
    from oxyspy.workflow.recipe import Recipe

# smaller ones are signals recorded along the line, not pictures of the place
LEAST_PIXELS = 16
MOST_PIXELS = 1024
# the finest spots of the phases are 0.15 nm apart, and a window must hold some of them
LATTICE_PIXEL_NM, LATTICE_FIELD_NM = 0.06, 5.0
# DigitalMicrograph's own notes, below ImageList.TagGroup0
ID = "ImageList.TagGroup0.UniqueID"
SURVEY = "ImageList.TagGroup0.ImageTags.SI.Acquisition.Survey Image"


def pictures(scan: LineScan, result: ScanResult, folder: Path) -> dict[str, Any]:
    """Write a scan's images and the phase map of the finest, and say what is on them; for ``result.json``.

    Returns
    -------
    dict
        ``images``: title, file, size and pixel of each, the scan's rectangle on it and the line in nm from its upper
        left corner, or why there is none; ``phases``: the layer by the image and its agreement with the spectra.
    """
    shown = shown_images(scan)
    found: dict[str, Any] = {"images": [_picture(image, i, scan, result, folder) for i, image in enumerate(shown)]}
    fine = [(image, item) for image, item in zip(shown, found["images"], strict=True) if resolves_lattice(item)]
    if fine and result.recipe.phases:
        image, item = max(fine, key=lambda pair: pair[0].data.size)
        found["phases"] = {"image": item["title"], **_phases(image, item, result, folder)}
    return found


def shown_images(scan: LineScan) -> list[BaseSignal]:
    """Return a scan's images that are pictures of a place."""
    return [image for image in scan.images if min(image.data.shape) >= LEAST_PIXELS]


def _picture(image: BaseSignal, i: int, scan: LineScan, result: ScanResult, folder: Path) -> dict[str, Any]:
    place = place_of(image, scan, result.recipe)
    name = f"image_{i + 1}.png"
    _write_grey(np.asarray(image.data, float), folder / name)
    return place | {"title": place["title"] or name, "file": name}


def place_of(image: BaseSignal, scan: LineScan, recipe: Recipe) -> dict[str, Any]:
    """Return title, size and pixel of an image, and where on it the scan runs, in nm, or why that is not known."""
    from oxyspy.io.describe import describe_image

    about = describe_image(image)
    pixel = np.abs(about["pixel_nm"])
    given = image.metadata.get_item(LINE)
    rectangle, why = (None, _given(given, scan)) if given is not None else _rectangle(image, scan)
    item = {"title": about["title"], "size": about["size"], "pixel_nm": pixel, "where": why}
    if rectangle is None:
        return item | {"scan_nm": None, "line_nm": given}
    top, left, bottom, right = rectangle * pixel[[1, 0, 1, 0]]
    box = np.array([left, top, right, bottom])
    return item | {"scan_nm": box, "line_nm": _line(box, scan, recipe)}


def _given(line: list[float], scan: LineScan) -> str:
    """What to say of a line that a person stated: whether it is as long as the scan."""
    length, positions = float(np.hypot(line[2] - line[0], line[3] - line[1])), scan.positions_nm
    own = float(np.ptp(positions)) if positions.size > 1 and np.isfinite(positions).all() else length
    differs = abs(length - own) > 0.1 * own
    return "as was given" + (f", {length:.3g} nm long where the positions span {own:.3g} nm" if differs else "")


def _rectangle(image: BaseSignal, scan: LineScan) -> tuple[NDArray | None, str]:
    """The scan's (top, left, bottom, right) on an image in pixels, by the files' own notes; and how it is known."""
    note = scan.core_loss.original_metadata.get_item(SURVEY)
    where = None if note is None else note.get_item("Spectrum Image Rect")
    if where is None or np.size(where) != 4:
        return None, "the files do not say where on it the spectra were recorded"
    own = image.original_metadata.get_item(ID)
    number = [] if own is None else [own.get_item(f"Data{k}") for k in range(4)]
    if list(note.get_item("Unique Image ID", ())) != number:
        return None, "the spectra were recorded on another image than this"
    return np.asarray(where, float), "as the core loss's file notes, which names this image"


def _line(box: NDArray, scan: LineScan, recipe: Recipe) -> list[float]:
    """The line (x1, y1, x2, y2) in nm, from the first position to the last."""
    left, top, right, bottom = box
    cut = recipe.line
    if cut is not None:
        return [left + cut[0], top + cut[1], left + cut[2], top + cut[3]]
    # the axis drawn across is the one whose extent is the rectangle's longer side
    middle = (left + right) / 2, (top + bottom) / 2
    across = right - left >= bottom - top
    ends = [left, middle[1], right, middle[1]] if across else [middle[0], top, middle[0], bottom]
    backwards = scan.line_axis is not None and scan.line_axis.axis[-1] < scan.line_axis.axis[0]
    return [*ends[2:], *ends[:2]] if backwards else ends


def _write_grey(data: NDArray, path: Path) -> None:
    """Write an image as 8-bit grey, at most `MOST_PIXELS` on a side, from its 0.5th to its 99.5th percentile."""
    from PIL import Image

    data = np.nan_to_num(data)
    low, high = np.percentile(data, [0.5, 99.5])
    grey = np.clip((data - low) / (high - low) if high > low else np.zeros_like(data), 0, 1)
    picture = Image.fromarray((255 * grey).astype(np.uint8))
    if max(picture.size) > MOST_PIXELS:
        picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    with whole_file(path) as aside:
        picture.save(aside)


def resolves_lattice(item: dict[str, Any]) -> bool:
    """Whether an image has pixels small enough and a field large enough for a phase map."""
    pixel = np.asarray(item["pixel_nm"], float)
    return bool((pixel <= LATTICE_PIXEL_NM).all() and (pixel * item["size"]).min() >= LATTICE_FIELD_NM)


def phase_choices(recipe: Recipe) -> PhaseChoices:
    """Return how a recipe maps phases."""
    from oxyspy.units import parse

    if isinstance(recipe.phases, bool):
        return PhaseChoices()
    chosen = recipe.phases
    window = None if chosen.window is None else parse(chosen.window, "nm")
    return PhaseChoices(chosen.candidates, window, chosen.bulk, chosen.contrast)


def _phases(image: BaseSignal, item: dict[str, Any], result: ScanResult, folder: Path) -> dict[str, Any]:
    """Map the phases, measure the layer, and test whether it is the spectra's; what fails is said and costs no scan."""
    try:
        image.set_signal_type("lattice_image")
        phases = measure_image(image, phase_choices(result.recipe))
    except OxyspyError as error:
        return {"status": "failed", "message": str(error)}
    files = write_image(phases, folder, "phases")
    content = told(phases)
    both, stretch = _agreement(phases, item, result)
    supported = phases.layer is not None and phases.layer.supported
    return {
        "status": "partial" if both is not None and not both.agree else phases.status,
        "message": "" if supported else phases.said[0],
        "shares": {} if phases.found is None else phases.found.shares(),
        "layer": content["layer"],
        "identity": content["identity"],
        "with_spectra": None if both is None else to_plain(both),
        "agreement": "" if both is None else str(both),
        "spectra_stretch": stretch,
        "scale_error": to_plain(list(phases.scale_error)),
        "method": "" if phases.found is None else phases.found.method,
        "warnings": list(phases.said[0 if supported else 1 :]),
        "file": files.get("map", files["spots"]),
        "files": files,
    }


def _agreement(
    phases: ImagePhases, item: dict[str, Any], result: ScanResult
) -> tuple[LayerAgreement | None, float | None]:
    """The image's layer beside the spectra's, and by what the spectra's step was stretched.

    A line that was recorded on this image has the image's pixel errors, which the lattice tells.
    """
    from types import SimpleNamespace

    from oxyspy.lattice import combine_layers

    if result.layer is None or phases.layer is None:
        return None, None
    stretch = 1.0
    if item["line_nm"] is not None:
        x1, y1, x2, y2 = item["line_nm"]
        along = np.array([x2 - x1, y2 - y1]) / max(np.hypot(x2 - x1, y2 - y1), 1e-12)
        stretch = float(np.hypot(*(phases.found.lattice.distortion @ along))) or 1.0
    spectra = result.layer
    lengths = ("thickness_nm", "sigma_nm", "upper_limit_nm")
    scaled = SimpleNamespace(
        supported=spectra.supported, **{name: stretch * float(getattr(spectra, name)) for name in lengths}
    )
    try:
        return combine_layers(scaled, phases.layer, ("spectra", "image")), stretch if stretch != 1.0 else None
    except InputError:
        # a layer without an error cannot be tested
        return None, None
