"""A report's images: where the line runs, and which phases are where."""

from __future__ import annotations

import base64
import io
import math
from html import escape
from pathlib import Path

from oxyspy.errors import ReadError
from oxyspy.plotting import COLOURS
from oxyspy.workflow.report_plotly import Content
from oxyspy.workflow.report_words import known, listed, measured, sentence

# an image is drawn this wide, in units of its own drawing; its file may be smaller
WIDTH = 480.0
MOST_IMAGES = 3
# tried in turn until the picture is small enough: longer side in pixels, quality
SIZES = ((1000, 80), (800, 75), (640, 70), (480, 65), (360, 60), (240, 50), (160, 40))


def images_section(content: Content, folder: Path, budget: int) -> str:
    """Return a scan's images with the line on them and the phase map, within ``budget`` bytes; empty without any.

    Raises
    ------
    ReadError
        An image's file is missing or damaged.
    """
    found = list(content.get("images") or [])
    # those that show the line first, then the finest
    found.sort(key=lambda item: (item["line_nm"] is None, item["pixel_nm"][0]))
    found = found[:MOST_IMAGES]
    phases = content.get("phases") or {}
    parts = len(found) + 2 * bool(phases.get("file"))
    if not parts and not phases:
        return ""
    share = budget // max(parts, 1)
    html = "".join(_image(item, content.get("layer") or {}, folder, share) for item in found)
    html = f'<h3>Images</h3><div class="images">{html}</div>' if html else ""
    return html + (_phases(phases, folder, 2 * share) if phases else "")


def _image(item: Content, layer: Content, folder: Path, budget: int) -> str:
    """One image as a drawing, with the scan's place, the line, the layer on it and a scale bar."""
    wide, high = (float(n) * pixel for n, pixel in zip(item["size"], item["pixel_nm"], strict=True))
    unit = WIDTH / wide  # per nm
    drawn = f'<image href="{picture_uri(folder / item["file"], budget)}" width="{WIDTH:g}" height="{high * unit:.1f}"/>'
    said = [f"{item['title']}: {wide:.3g} × {high:.3g} nm, {item['pixel_nm'][0]:.3g} nm a pixel"]
    if item["line_nm"] is None:
        said.append(item["where"])
    else:
        drawn += _place(item, layer, unit)
        said.append(f"the scan {item['where']}; arrow: the line from its first position to its last")
        if layer.get("supported"):
            said.append("orange: the reacted layer")
    drawn += _scale_bar(wide, high, unit)
    view = f'viewBox="0 0 {WIDTH:g} {high * unit:.1f}" role="img" aria-label="{escape(said[0], quote=True)}"'
    return f"<figure><svg {view}>{drawn}</svg><figcaption>{escape(sentence('; '.join(said)))}</figcaption></figure>"


def _place(item: Content, layer: Content, unit: float) -> str:
    """The scan's rectangle, the line as an arrow, and the layer on it."""
    x1, y1, x2, y2 = (unit * end for end in item["line_nm"])
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    ux, uy = (x2 - x1) / length, (y2 - y1) / length

    def line(a: float, b: float, colour: str, width: float) -> str:
        ends = f'x1="{x1 + a * ux:.1f}" y1="{y1 + a * uy:.1f}" x2="{x1 + b * ux:.1f}" y2="{y1 + b * uy:.1f}"'
        return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'

    drawn = ""
    if item["scan_nm"] is not None:
        left, top, right, bottom = (unit * end for end in item["scan_nm"])
        box = f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
        drawn = f'{box} fill="none" stroke="{COLOURS["yellow"]}" stroke-width="1.5"/>'
    drawn += line(0, length - 6, COLOURS["sky"], 2.5)
    if layer.get("supported") and known(layer.get("surface_nm")) and known(layer.get("boundary_nm")):
        ends = [min(max(unit * layer[name], 0.0), length) for name in ("surface_nm", "boundary_nm")]
        drawn += line(min(ends), max(ends), COLOURS["orange"], 7)
    wing = [(x2, y2), (x2 - 9 * ux + 4 * uy, y2 - 9 * uy - 4 * ux), (x2 - 9 * ux - 4 * uy, y2 - 9 * uy + 4 * ux)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in wing)
    return drawn + f'<polygon points="{points}" fill="{COLOURS["sky"]}"/>'


def _scale_bar(wide: float, high: float, unit: float) -> str:
    """A bar of a round length, about a fifth of the image, where there is room for one."""
    if high * unit < 60:
        return ""
    power = 10.0 ** math.floor(math.log10(wide / 4))
    length = max(m * power for m in (1, 2, 5) if m * power <= wide / 4)
    y = high * unit - 14
    return (
        f'<rect x="12" y="{y - 20:.1f}" width="{length * unit + 12:.1f}" height="28" fill="#fff" fill-opacity="0.75"/>'
        f'<rect x="18" y="{y:.1f}" width="{length * unit:.1f}" height="4" fill="#000"/>'
        f'<text x="18" y="{y - 5:.1f}" font-size="13">{length:g} nm</text>'
    )


FIGURES = {
    "map": "phase map",
    "orders": "order parameters: half orders over the fundamentals, the bulk's own being 1",
    "spots": "spots, expected and found",
    "profile": "amplitudes against depth, and the thickness along the surface",
}


def _phases(phases: Content, folder: Path, budget: int) -> str:
    """The phase map, the spots, the layer by the image, and whether the spectra agree."""
    if phases["status"] == "failed":
        said = f"no phase map of {phases['image']}: {phases['message']}"
        return f"<h3>Phases</h3><p>{escape(sentence(said))}</p>"
    layer, said = phases["layer"] or {}, []
    if layer.get("supported"):
        said.append(
            f"By the image {phases['image']} the layer is {layer['phase']}, "
            f"{measured(layer['thickness_nm'], layer['sigma_nm'], 'nm')}."
        )
    else:
        said.append(sentence(phases["message"]))
    shares = [f"{100 * share:.0f} % {name}" for name, share in phases["shares"].items() if share > 0]
    if shares:
        said.append(f"Of the crystalline windows {listed(shares)}.")
    if phases.get("agreement"):
        stretch = phases.get("spectra_stretch")
        by = f" (the line's step corrected by {100 * (stretch - 1):+.1f} %, as the lattice says)" if stretch else ""
        said.append(sentence(f"spectra and image: {phases['agreement']}{by}"))
    said += [sentence(warning) for warning in phases["warnings"]]
    items = "".join(f"<li>{escape(one)}</li>" for one in said)
    files = phases.get("files") or {"map": phases["file"]}
    drawn = [kind for kind in FIGURES if kind in files]
    html = f"<h3>Phases</h3><ul>{items}</ul>"
    for kind in drawn:
        about = f"{FIGURES[kind]}; {phases['method']}" if kind == "map" else FIGURES[kind]
        uri = picture_uri(folder / files[kind], budget // len(drawn))
        html += (
            f'<figure><img class="phases" alt="{FIGURES[kind].split(":")[0]}" src="{uri}"><figcaption>'
            f"{escape(sentence(about))}</figcaption></figure>"
        )
    return html


def picture_uri(path: Path, budget: int) -> str:
    """A picture as a data URI of at most ``budget`` bytes, in the largest size that fits."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            picture = opened.convert("L" if opened.mode in ("1", "L", "I", "F") else "RGB")
    except OSError as error:
        raise ReadError(
            f"{path.name}: {'is not there' if not path.is_file() else f'cannot be read: {error}'}"
        ) from error
    for size, quality in SIZES:
        smaller = picture.copy()
        smaller.thumbnail((size, size), Image.Resampling.LANCZOS)
        text = io.BytesIO()
        smaller.save(text, "WEBP", quality=quality, method=1)
        if text.tell() * 4 / 3 <= budget:
            break
    return "data:image/webp;base64," + base64.b64encode(text.getvalue()).decode("ascii")
