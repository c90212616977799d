"""One self-contained page of mapped images: every image, its figures and all that was said of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from oxyspy import __version__
from oxyspy.data import FOLDER
from oxyspy.errors import ReadError
from oxyspy.files import write_text
from oxyspy.workflow.report_images import FIGURES, picture_uri
from oxyspy.workflow.report_words import measured, number, sentence

Row = Mapping[str, Any]
# bytes of pictures that a page may hold, and the most that one image's get
PAGE, MOST = 7_000_000, 1_200_000
IMAGE = "section img { max-width: min(100%, 56rem); max-height: 44rem; }"


def write_phases_report(out: Path, rows: Sequence[Row]) -> None:
    """Write ``out/report.html`` from what the images' folders hold; whole or not at all.

    Parameters
    ----------
    out : path
    rows : sequence of dict
        A row an image, as in ``summary.csv``.
    """
    css = (FOLDER / "report" / "report.css").read_text(encoding="utf-8")
    budget = min(MOST, PAGE // max(len(rows), 1)) // len(FIGURES)
    counts = ", ".join(f"{n} {status}" for status, n in Counter(str(row["status"]) for row in rows).items())
    sections = "".join(_section(out, row, budget) for row in rows)
    write_text(
        out / "report.html",
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>oxyspy phases</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'; "
        f"img-src data:\"><style>{css} {IMAGE}</style></head><body id='top'><header>"
        f"<h1>Phases in lattice images</h1><p>{escape(f'{len(rows)} images: {counts}')}. Written by oxyspy "
        f"{escape(__version__)}.</p></header><main>{_table(rows)}{sections}</main></body></html>",
    )


def _table(rows: Sequence[Row]) -> str:
    head = ("image", "status", "phases", "layer", "pixel size off by, x and y (%)")
    body = ""
    for row in rows:
        layer = ""
        if row.get("layer_supported"):
            layer = f"{row['layer_phase']}, {measured(row['layer_nm'], row['layer_sigma_nm'], 'nm')}"
        errors = [row.get(name) for name in ("scale_error_x", "scale_error_y")]
        scale = ", ".join(f"{round(100 * one, 1) + 0.0:+.1f}" for one in errors if one is not None and one == one)
        shares = [part.partition("=") for part in str(row.get("phases") or "").split(";") if part]
        phases = ", ".join(name + (f" {number(100 * float(share), 2)} %" if share else "") for name, _, share in shares)
        name = escape(str(row["image"]))
        cells = (phases, layer, scale)
        body += (
            f"<tr><th><a href='#{name}'>{name}</a></th><td><span class='status {escape(str(row['status']))}'>"
            f"{escape(str(row['status']))}</span></td>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<div class='wide'><table class='small'><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"


def _section(out: Path, row: Row, budget: int) -> str:
    """One image; what its files lack is said in it."""
    name, status = escape(str(row["image"])), escape(str(row["status"]))
    html = f"<section id='{name}'><h2>{name} <span class='status {status}'>{status}</span></h2>"
    said, body = [str(row.get("message") or "")], ""
    if row["status"] != "failed":
        try:
            content = json.loads((out / str(row["image"]) / "result.json").read_text(encoding="utf-8"))
            said, body = content["said"], _figures(out / str(row["image"]), content, budget)
        except (OSError, ValueError, KeyError, ReadError) as error:
            body = f"<p class='say problem'>this section is not complete: {escape(str(error))}</p>"
    items = "".join(f"<li>{escape(sentence(one))}</li>" for one in said if one)
    return f"{html}<ul>{items}</ul>{body}<p class='back'><a href='#top'>back to the overview</a></p></section>"


def _figures(folder: Path, content: Mapping[str, Any], budget: int) -> str:
    html = ""
    for kind, words in FIGURES.items():
        if kind in content["files"]:
            uri = picture_uri(folder / content["files"][kind], budget)
            html += f"<figure><img alt='{kind}' src='{uri}'><figcaption>{escape(sentence(words))}</figcaption></figure>"
    methods = [part["method"] for part in (content["map"], content["layer"]) if part]
    return html + "".join(f"<p>{escape(sentence(method))}</p>" for method in methods)
