"""The overview table of a report, and the paragraphs that are to be pasted from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from oxyspy.workflow.output import SUMMARY_COLUMNS
from oxyspy.workflow.report_words import known, measured, number, plain, power

Row = Mapping[str, Any]


def _cells(row: Row, limit: Any) -> list[tuple[str, str, Any]]:
    """Heading, what it shows, and the number it sorts by."""
    layer = ""
    if row.get("layer_supported") is True:
        layer = measured(row.get("layer_nm"), row.get("layer_sigma_nm"))
    elif row.get("layer_supported") is False:
        layer = f"none, under {limit:.2f}" if known(limit) else "not measured"
    need, low, high = (row.get(f"required_diffusivity_{end}") for end in ("cm2_s", "low", "high"))
    if known(need) and need > 0:
        required = power([need, low, high]) if known(low) and known(high) else number(need, 2)
    else:
        need, required = (high, f"under {number(high, 2)}") if known(high) else (None, "")
    cells = [
        ("layer (nm)", layer, row.get("layer_nm") if row.get("layer_supported") is True else None),
        ("edge", plain(str(row.get("edge") or "")), None),
    ]
    for heading, key, digits in (
        ("L3/L2 layer", "ratio_layer", 2),
        ("L3/L2 bulk", "ratio_bulk", 2),
        ("valence layer", "valence_layer", 1),
        ("valence bulk", "valence_bulk", 1),
        ("t/λ", "t_over_lambda", 2),
        ("energy offset (eV)", "energy_offset_ev", 1),
    ):
        value, sigma = row.get(key), row.get(f"{key}_sigma")
        text = f"{value:.{digits}f}".replace("-", "−") if known(value) else ""
        text += f" ± {sigma:.{digits}f}" if text and known(sigma) and round(sigma, digits) else ""
        # in brackets what only indicates
        text = f"({text})" if text and key.startswith("valence") and row.get("valence_indicative") else text
        cells.append((heading, text, value if known(value) else None))
    return [*cells, ("required D (cm²/s)", required, need)]


def _of_sheet(row: Row) -> list[tuple[str, str, Any]]:
    """The cells of a sample sheet."""
    return [
        (key.replace("_", " "), "" if value is None else str(value), value if known(value) else None)
        for key, value in row.items()
        if key not in SUMMARY_COLUMNS
    ]


def table_of(rows: Sequence[Row], limits: Mapping[str, Any] | None = None) -> str:
    """The overview: a row a scan, every column to sort by.

    Parameters
    ----------
    rows : sequence of dict
        As in ``summary.csv``; further columns are a sample sheet's.
    limits : dict, optional
        Upper limit of the layer in nm, by the scan's name.
    """
    own = [_cells(row, (limits or {}).get(str(row["scan"]))) for row in rows]
    given = [{heading: (text, value) for heading, text, value in _of_sheet(row)} for row in rows]
    headings = list(dict.fromkeys(heading for cells in given for heading in cells))
    main = ["scan", "status", *(heading for heading, _, _ in own[0])] if own else ["scan", "status"]
    head = "".join(
        f'<th scope="col" aria-sort="none" class="{kind}"><button type="button">{escape(name)}</button></th>'
        for kind, names in (("main", main), ("sheet", headings), ("message", ["message"]))
        for name in names
    )
    body = []
    for i, (row, cells, of_sheet) in enumerate(zip(rows, own, given, strict=True)):
        status = escape(str(row.get("status")))
        line = f'<th scope="row"><a href="#scan-{i}">{escape(str(row["scan"]))}</a></th>'
        line += f'<td><span class="status {status}">{status}</span></td>'
        line += "".join(_cell(text, value) for _, text, value in cells)
        # on paper these stand below the others, each with its name
        line += "".join(_cell(*of_sheet.get(name, ("", None)), "sheet", name) for name in headings)
        line += _cell(str(row.get("message") or ""), None, "message")
        body.append(f'<tr data-status="{status}">{line}</tr>')
    return f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(body) + "\n</tbody>"


def _cell(text: str, value: Any, kind: str = "", name: str = "") -> str:
    kinds = " ".join(filter(None, [kind, "number" if value is not None else ""]))
    told = f' class="{kinds}"' if kinds else ""
    told += f' data-name="{escape(name, quote=True)}"' if name else ""
    told += f' data-value="{value!r}"' if value is not None else ""
    return f"<td{told}>{escape(text)}</td>"


def pasted(paragraph: str, references: Sequence[str]) -> str:
    """A methods paragraph with its references and a button that copies both; empty without one."""
    if not paragraph:
        return ""
    cited = "".join(f"<li>{escape(reference)}</li>" for reference in references)
    return (
        '<h3>Methods, to paste <button type="button" class="copy">copy</button></h3>'
        f'<div class="methods"><p>{escape(paragraph)}</p>{f"<ol>{cited}</ol>" if cited else ""}</div>'
    )
