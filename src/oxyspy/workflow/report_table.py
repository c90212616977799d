"""The overview table of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from oxyspy.workflow.output import SUMMARY_COLUMNS
from oxyspy.workflow.report_words import known, measured, number, plain, power

Row = Mapping[str, Any]


# heading, what it shows, and the number it sorts by
def _cells(row: Row) -> list[tuple[str, str, Any]]:
    layer = ""
    if row.get("layer_supported") is True:
        layer = measured(row.get("layer_nm"), row.get("layer_sigma_nm"))
    elif known(row.get("layer_nm")):
        layer = "none"
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
        value = row.get(key)
        cells.append(
            (heading, f"{value:.{digits}f}".replace("-", "−") if known(value) else "", value if known(value) else None)
        )
    cells.append(("required D (cm²/s)", required, need))
    for key, value in row.items():
        if key not in SUMMARY_COLUMNS:
            cells.append((key.replace("_", " "), "" if value is None else str(value), value if known(value) else None))
    return [*cells, ("message", str(row.get("message") or ""), None)]


def table_of(rows: Sequence[Row]) -> str:
    """The overview: a row a scan, every column to sort by."""
    shown = [{heading: (text, value) for heading, text, value in _cells(row)} for row in rows]
    columns = list(dict.fromkeys(heading for cells in shown for heading in cells if heading != "message")) + ["message"]
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(name)}</button></th>'
        for name in ("scan", "status", *columns)
    )
    body = []
    for i, (row, cells) in enumerate(zip(rows, shown, strict=True)):
        status = escape(str(row.get("status")))
        line = f'<th scope="row"><a href="#scan-{i}">{escape(str(row["scan"]))}</a></th>'
        line += f'<td><span class="status {status}">{status}</span></td>'
        for name in columns:
            text, value = cells.get(name, ("", None))
            sort = f' data-value="{value!r}"' if value is not None else ""
            kind = ' class="message"' if name == "message" else ' class="number"' if value is not None else ""
            line += f"<td{kind}{sort}>{escape(text)}</td>"
        body.append(f'<tr data-status="{status}">{line}</tr>')
    return f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(body) + "\n</tbody>"
