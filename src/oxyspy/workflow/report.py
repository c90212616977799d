"""One self-contained page of a batch: every scan, figure and warning, and a methods paragraph to paste."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from oxyspy import __version__
from oxyspy.data import FOLDER
from oxyspy.errors import ReadError
from oxyspy.files import write_text
from oxyspy.workflow.report_coatings import overview, required
from oxyspy.workflow.report_methods import methods
from oxyspy.workflow.report_profile import profile
from oxyspy.workflow.report_spectra import spectra
from oxyspy.workflow.report_table import table_of
from oxyspy.workflow.report_words import summary

Row = Mapping[str, Any]
# channels of spectra that all scans share, and the most that one gets: what keeps forty scans under 8 MB
CHANNELS, MOST_CHANNELS = 2_400_000, 120_000


def write_report(out: Path, rows: Sequence[Row]) -> None:
    """Write ``out/report.html`` from what the scans' folders hold; whole or not at all.

    Parameters
    ----------
    out : path
        Folder of the results.
    rows : sequence of dict
        A row a scan, as in ``summary.csv``; further columns are shown too.

    Raises
    ------
    OxyspyError
        The page cannot be written. What one scan's files lack is said in its section.
    """
    out = Path(out)
    budget = min(MOST_CHANNELS, CHANNELS // max(len(rows), 1))
    sections = [_section(out, row, i, budget) for i, row in enumerate(rows)]
    parts = {name: (FOLDER / "report" / f"report.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    found = Counter(str(row.get("status")) for row in rows)
    counts = sorted(found.items(), key=lambda item: ["ok", "partial", "failed", item[0]].index(item[0]))
    page = Template(parts["html"]).substitute(
        css=parts["css"],
        js=parts["js"],
        plotly=_packed(_plotly()),
        version=escape(__version__),
        counts=escape(f"{len(rows)} scans: " + ", ".join(f"{n} {status}" for status, n in counts)),
        statuses="".join(f'<option value="{escape(s)}">{escape(s)} ({n})</option>' for s, n in counts),
        table=table_of(rows),
        overview=_overview(rows),
        sections="\n".join(sections),
    )
    write_text(out / "report.html", page)


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _packed(text: str) -> str:
    """Text as base64 of gzip, which browsers unpack by themselves; its bytes depend on nothing but the text."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 9, mtime=0)).decode("ascii")


def _overview(rows: Sequence[Row]) -> str:
    found = overview(rows)
    if not found:
        return ""
    places = "".join(f'<div class="plot" data-figure="{name}"></div>' for name in found)
    return (
        f'<figure><div class="grid">{places}</div><figcaption>Supported layers ± one standard error, and the oxygen '
        f"diffusivity each coating must have had, 68 %.</figcaption></figure>{_figures(found)}"
    )


def _figures(drawn: Mapping[str, Any]) -> str:
    """What the page draws in the section this stands in."""
    text = json.dumps(drawn, separators=(",", ":"), allow_nan=False)
    return f'<script type="text/plain" class="figures">{_packed(text)}</script>'


def _section(out: Path, row: Row, i: int, budget: int) -> str:
    """One scan; what its files lack or hold by mistake is said in it, and costs no other scan."""
    name, status = str(row["scan"]), escape(str(row.get("status")))
    head = f'<section class="scan {status}" id="scan-{i}">'
    head += f'<h2>{escape(name)} <span class="status {status}">{status}</span></h2>'
    if row.get("message"):
        head += f'<p class="say">{escape(str(row["message"]))}</p>'
    problems: list[str] = []
    body = ""
    try:
        content = _content(out / name)
        if status != "failed":
            body = _body(content, out / name, i, budget, problems)
        else:
            body = _folded(
                "Recipe", f"<pre>{escape(json.dumps(content.get('recipe'), indent=1, ensure_ascii=False))}</pre>"
            )
    except Exception as error:  # any file of one scan may be damaged in any way; the other scans' pages must not suffer
        problems.append(f"this section is not complete: {_told(error)}")
    said = "".join(f'<p class="say problem">{escape(problem)}</p>' for problem in problems)
    return f'{head}{said}{body}<p class="back"><a href="#top">back to the overview</a></p></section>'


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ReadError) else f"{type(error).__name__}: {error}"


def _content(folder: Path) -> dict[str, Any]:
    path = folder / "result.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{path.name}: {error.strerror or error}") from error
    except ValueError as error:
        raise ReadError(f"{path.name}: not readable as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ReadError(f"{path.name}: found {type(content).__name__}, needed an object")
    return content


def _body(content: dict[str, Any], folder: Path, i: int, budget: int, problems: list[str]) -> str:
    """Words, figures, warnings, methods and provenance of a scan that gave something."""
    drawn: dict[str, Any] = {}
    table: list[dict[str, str]] = []

    def attempt(what: str, make: Any) -> Any:
        try:
            return make()
        except Exception as error:  # as above: one damaged file costs one figure
            problems.append(f"no {what}: {_told(error)}")
            return None

    said = attempt("summary", lambda: summary(content)) or []
    if found := attempt("profiles", lambda: profile(content)):
        drawn["profile"] = found
    if found := attempt("spectra", lambda: spectra(content, folder, budget)):
        drawn["spectra"] = found
    if found := attempt("comparison with the coatings", lambda: required(content)):
        drawn["required"], table = found
    paragraph, cited = attempt("methods paragraph", lambda: methods(content)) or ("", [])
    html = "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in said) + "</ul>"
    warnings = [str(warning) for warning in content.get("warnings") or []]
    if warnings:
        html += "<h3>Warnings</h3><ul class='warnings'>" + "".join(f"<li>{escape(w)}</li>" for w in warnings) + "</ul>"
    html += "".join(PLACES[kind] for kind in ("profile", "spectra", "required") if kind in drawn)
    if table:
        html += _coatings(table)
    if paragraph:
        references = "".join(f"<li>{escape(reference)}</li>" for reference in cited)
        html += (
            '<h3>Methods, to paste <button type="button" class="copy">copy</button></h3>'
            f'<div class="methods"><p>{escape(paragraph)}</p><ol>{references}</ol></div>'
        )
    html += attempt("provenance", lambda: _provenance(content, folder)) or ""
    return html + _figures(drawn)


PLACES = {
    "profile": (
        '<h3>Along the line</h3><figure><div class="plot" data-figure="profile"></div><figcaption>Points: measured, '
        "with standard errors, rows summed. Dotted line: surface; orange: reacted layer, darker its boundary ± one "
        "standard error; black curves: the fit. L2 − L3 and L3 are relative to their medians in the bulk. L2 − L3 and "
        "t/λ come without error bars; those of L3 + L2 leave out their covariance, those of the pre-edge the main "
        "edge's. A click on a point shows its spectra.</figcaption></figure>"
    ),
    "spectra": (
        '<h3>Spectra along the line</h3><figure class="browser"><label><span class="where"></span>'
        '<input type="range" min="0" value="0" step="1" aria-label="position along the line"></label>'
        '<div class="grid"></div><figcaption>Background removed; deconvolved where there is a low loss; rows '
        "summed. No areas where L3 and L2 are not located."
        '<span class="together"></span></figcaption></figure>'
    ),
    "required": (
        '<h3>Required diffusivity against known coatings</h3><figure><div class="plot" data-figure="required"></div>'
        "<figcaption>Coatings at their Onsager coefficients relative to the required one; bars: the tables' bounds."
        "</figcaption></figure>"
    ),
}


def _coatings(table: list[dict[str, str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in line.values()) + "</tr>" for line in table)
    return f'<div class="wide"><table class="small"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _provenance(content: dict[str, Any], folder: Path) -> str:
    """Versions, hashes, the recipe, and the command that does the same again."""
    provenance = content["provenance"]
    files = [str(file) for file in (content.get("scan_description") or {}).get("files") or []]
    recipe = (folder / "result.json").resolve()
    command = shlex.join(["oxyspy", "analyse", *files, "--recipe", str(recipe), "-o", "again"])
    packages = {"oxyspy": provenance["oxyspy"], "Python": provenance["python"], **provenance["packages"]}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    hashes = "".join(
        f"<tr><td>{escape(n)}</td><td><code>{escape(h)}</code></td></tr>" for n, h in provenance["inputs"].items()
    )
    fingerprints = "".join(
        f"<li>{escape(item['fingerprint'])}</li>" for item in (content.get("methods") or {}).values()
    )
    return _folded(
        "Provenance",
        f"<p>Versions: {escape(versions)}.</p><p>The same again:</p><pre>{escape(command)}</pre>"
        f'<div class="wide"><table class="small"><thead><tr><th>input</th><th>SHA-256</th></tr></thead><tbody>{hashes}'
        f"</tbody></table></div><p>Methods' fingerprints:</p><ul>{fingerprints}</ul><p>Recipe:</p>"
        f"<pre>{escape(json.dumps(content.get('recipe'), indent=1, ensure_ascii=False))}</pre>",
    )


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html}</details>"
