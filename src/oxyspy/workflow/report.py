"""One self-contained page of a batch: every scan, figure and warning, and a methods paragraph to paste."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from oxyspy import __version__
from oxyspy.data import FOLDER
from oxyspy.errors import ReadError
from oxyspy.files import write_text
from oxyspy.workflow.report_coatings import overview, required
from oxyspy.workflow.report_images import images_section
from oxyspy.workflow.report_methods import methods
from oxyspy.workflow.report_plotly import packed
from oxyspy.workflow.report_population import population_section
from oxyspy.workflow.report_profile import profile
from oxyspy.workflow.report_spectra import spectra
from oxyspy.workflow.report_table import pasted, table_of
from oxyspy.workflow.report_words import sentence, summary

if TYPE_CHECKING:
    from oxyspy.workflow.population import Population

Row = Mapping[str, Any]
# bytes of a page that its scans share, and the most that one gets: what keeps forty scans under 8 MB
PAGE, MOST = 7_600_000, 1_200_000
# of a scan's bytes, at most this share is pictures; its spectra get what all else leaves, and never less than this
PICTURES, LEAST_SPECTRA = 0.3, 8_000


def write_report(
    out: Path, rows: Sequence[Row], population: Population | None = None, notes: Sequence[str] = ()
) -> None:
    """Write ``out/report.html`` from what the scans' folders hold; whole or not at all.

    Parameters
    ----------
    out : path
        Folder of the results.
    rows : sequence of dict
        A row a scan, as in ``summary.csv``; further columns are shown too.
    population : Population, optional
        Statistics of the scans.
    notes : sequence of str
        What was doubtful in the batch as a whole.

    Raises
    ------
    OxyspyError
        The page cannot be written. What one scan's files lack is said in its section.
    """
    out = Path(out)
    plotly = packed(_plotly())
    top = {
        "table": table_of(rows, _limits(out, rows)),
        "overview": _overview(rows),
        "population": _population(population),
    }
    taken = len(plotly) + sum(map(len, top.values()))
    budget = min(MOST, (PAGE - taken) // max(len(rows), 1))
    sections = [_section(out, row, i, budget) for i, row in enumerate(rows)]
    parts = {name: (FOLDER / "report" / f"report.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    found = Counter(str(row.get("status")) for row in rows)
    counts = sorted(found.items(), key=lambda item: ["ok", "partial", "failed", item[0]].index(item[0]))
    page = Template(parts["html"]).substitute(
        css=parts["css"],
        js=parts["js"],
        plotly=plotly,
        version=escape(__version__),
        counts=escape(f"{len(rows)} scans: " + ", ".join(f"{n} {status}" for status, n in counts)),
        statuses="".join(f'<option value="{escape(s)}">{escape(s)} ({n})</option>' for s, n in counts),
        notes="".join(f'<p class="say">{escape(sentence(note))}</p>' for note in notes),
        **top,
        sections="\n".join(sections),
    )
    write_text(out / "report.html", page)


def _limits(out: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """Upper limits of scans without a layer, which the summary has in its messages alone."""
    found = {}
    for row in rows:
        if row.get("layer_supported") is False:
            with contextlib.suppress(ReadError, AttributeError):
                found[str(row["scan"])] = (_content(out / str(row["scan"])).get("layer") or {}).get("upper_limit_nm")
    return found


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def _overview(rows: Sequence[Row]) -> str:
    found = overview(rows)
    if not found:
        return ""
    places = "".join(f'<div class="plot" data-figure="{name}"></div>' for name in found)
    return (
        f'<figure><div class="grid">{places}</div><figcaption>Supported layers ± one standard error, and the oxygen '
        f"diffusivity each coating must have had, 68 %.</figcaption></figure>{_figures(found)}"
    )


def _population(population: Population | None) -> str:
    """The section of the statistics; nothing for a single scan."""
    if population is None:
        return ""
    html, drawn = population_section(population)
    return f'<section id="population">{html}{_figures(drawn)}</section>'


def _figures(drawn: Mapping[str, Any]) -> str:
    """What the page draws in the section this stands in."""
    return f'<script type="text/plain" class="figures">{packed(drawn)}</script>'


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
    if found := attempt("comparison with the coatings", lambda: required(content)):
        drawn["required"], table = found
    paragraph, cited = attempt("methods paragraph", lambda: methods(content)) or ("", [])
    foot = (_coatings(table) if table else "") + pasted(paragraph, cited)
    foot += attempt("provenance", lambda: _provenance(content)) or ""
    html = "<ul>" + "".join(f"<li>{escape(words)}</li>" for words in said) + "</ul>"
    warnings = [str(warning) for warning in content.get("warnings") or []]
    if warnings:
        html += "<h3>Warnings</h3><ul class='warnings'>" + "".join(f"<li>{escape(w)}</li>" for w in warnings) + "</ul>"
    html += attempt("images", lambda: images_section(content, folder, int(PICTURES * budget))) or ""
    left = budget - len(html) - len(packed(drawn)) - len(foot)
    if found := attempt("spectra", lambda: spectra(content, folder, max(left, LEAST_SPECTRA))):
        drawn["spectra"] = found
    html += "".join(PLACES[kind] for kind in ("profile", "spectra", "required") if kind in drawn)
    return html + foot + _figures(drawn)


PLACES = {
    "profile": (
        '<h3>Along the line</h3><figure><div class="plot" data-figure="profile"></div><figcaption>Points: measured, '
        "with standard errors, rows summed; t/λ comes without. Dotted line: surface; orange: reacted layer, darker its "
        "boundary ± one standard error; black curves: the fit; grey: its L3/L2 ± one. L2 − L3 and L3 are relative to "
        "the bulk. A click on a point shows its spectra.</figcaption></figure>"
    ),
    "spectra": (
        '<h3>Spectra along the line</h3><figure class="browser"><label><span class="where"></span>'
        '<input type="range" min="0" value="0" step="1" aria-label="position along the line"></label>'
        '<fieldset><label><input type="radio" class="view" value="net" checked> background removed</label>'
        '<label><input type="radio" class="view" value="whole"> with background</label></fieldset>'
        '<div class="grid"></div><figcaption>Rows summed. Without background: deconvolved where there is a low loss. '
        "With it: the spectra that the background was fitted to, as each figure says."
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


def _provenance(content: dict[str, Any]) -> str:
    """Versions, hashes, the recipe, and the command that does the same again."""
    provenance = content["provenance"]
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
        f"<p>Versions: {escape(versions)}. Analysed {escape(provenance['time'])}.</p><p>The same again:</p>"
        f"<pre>{escape(provenance['repeat'])}</pre>"
        f'<div class="wide"><table class="small"><thead><tr><th>input</th><th>SHA-256</th></tr></thead><tbody>{hashes}'
        f"</tbody></table></div><p>Methods' fingerprints:</p><ul>{fingerprints}</ul><p>Recipe:</p>"
        f"<pre>{escape(json.dumps(content.get('recipe'), indent=1, ensure_ascii=False))}</pre>",
    )


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html}</details>"
