"""A sample sheet: a CSV table that says of each scan what it is of and under what coating it stood."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oxyspy.errors import InputError, ReadError
from oxyspy.units import parse_measured
from oxyspy.workflow.sheet_columns import MOST_TOLD, QUANTITIES, WORDS, Column, carried_note, plain, read_columns

# what people write where they know no number
UNKNOWN = ("n/a", "na", "nan", "none", "unknown", "-", "–", "—", "?")
GEOMETRIES = ("sphere", "cylinder", "plane")


@dataclass(frozen=True)
class Entry:
    """One scan's line of a sheet.

    Attributes
    ----------
    line : int
        In the file, from 1.
    scan : str
        As written: a path, or a scan's name.
    cells : dict
        Every other column as written, by its heading.
    transport : dict
        Quantities of a recipe's transport, each with its unit.
    known : dict
        The columns in `WORDS`, by their plain names.
    image_line : tuple of float, or None
        The scan's line (x1, y1, x2, y2) on its image, in nm from the upper left corner.
    """

    line: int
    scan: str
    cells: dict[str, str]
    transport: dict[str, str]
    known: dict[str, str]
    image_line: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Sheet:
    """A sample sheet as read.

    Attributes
    ----------
    path : Path
    headings : tuple of str
        As written, but for the scan's; what is carried into ``summary.csv``.
    entries : tuple of Entry
    notes : tuple of str
        What was doubtful.
    """

    path: Path
    headings: tuple[str, ...]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()

    def heading(self, name: str) -> str | None:
        """The heading of a column by its plain name; None where there is none."""
        return next((heading for heading in self.headings if plain(heading)[0] == name), None)

    def at(self, entry: Entry, column: str) -> str:
        """Where something stands, for a message."""
        return f"{self.path}: line {entry.line}, column {column!r}"


def read_sheet(path: str | os.PathLike) -> Sheet:
    r"""Read a sample sheet.

    Parameters
    ----------
    path : path
        CSV with a line of headings: separated by commas, semicolons or tabs, in UTF-8 or as Excel writes it. ``scan``
        is needed; ``sample``, ``condition``, ``coating`` (its material), ``cycles``, ``core``, ``low_loss``,
        ``image``, ``image_line`` (x1 y1 x2 y2 on it, in nm), ``geometry`` and the quantities of a recipe's transport
        (``coating_thickness``, ``exposure``, ...) are understood; all others are carried along. A quantity's unit
        stands in its cells (``10 +- 1 nm``) or in its heading (``exposure_h``, ``coating thickness (nm)``);
        ``coating_thickness_error`` holds standard errors.

    Returns
    -------
    Sheet
        A line a scan, with its quantities and errors.

    Raises
    ------
    ReadError
        No such file, or no CSV.
    InputError
        Wrong units, numbers or headings; names file, line and column of each.

    Examples
    --------
    >>> from pathlib import Path
    >>> from oxyspy.workflow import read_sheet
    >>> _ = Path("samples.csv").write_text("scan,coating,cycles,coating_thickness\none,Al2O3,100,10 +- 1 nm\n")
    >>> sheet = read_sheet("samples.csv")
    >>> print(sheet.headings)
    ('coating', 'cycles', 'coating_thickness')
    """
    path = Path(path)
    rows, separator = _rows(path)
    if not rows:
        raise InputError(f"{path}: an empty sheet; needed a line of headings with 'scan', and a line a scan")
    (first, headings), lines = rows[0], rows[1:]
    headings = [heading.strip() for heading in headings]
    while headings and not headings[-1]:
        headings.pop()
    columns = read_columns(path, first, headings)
    wrong: list[str] = []
    entries = []
    for line, cells in lines:
        cells = [cell.strip() for cell in cells]
        if any(cells[len(columns) :]):
            said = f"found {len(cells)} cells for {len(columns)} headings"
            hint = "; quote a cell that holds a comma" if separator == "," else ""
            wrong.append(f"line {line}: {said}{hint}")
            continue
        cells += [""] * (len(columns) - len(cells))
        entries.append(_entry(line, columns, cells[: len(columns)], separator, wrong))
    if not lines:
        wrong.append("no scans: only a line of headings")
    if wrong:
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise InputError(f"{path}: " + "; ".join(wrong[:MOST_TOLD]) + more)
    notes = [f"{path}: {note}"] if (note := carried_note(columns)) else []
    return Sheet(path, tuple(c.heading for c in columns if c.name != "scan"), tuple(entries), tuple(notes))


def _rows(path: Path) -> tuple[list[tuple[int, list[str]]], str]:
    """Lines with their numbers, blank ones and comments left out, and what separates the cells."""
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise ReadError(f"{path}: a workbook; save the sheet as CSV")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from error
    text = _decoded(content)
    if "\0" in text:
        raise ReadError(f"{path}: not readable as CSV: it holds zero bytes")
    # all kinds of line ends, those of old Macintoshes too
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # what Excel writes before the headings to say what separates its cells
    told = re.match(r"sep=(.)\n", text)
    text = "\n" * bool(told) + text[told.end() if told else 0 :]
    head = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    separator = told[1] if told else max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    rows, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ReadError(f"{path}: line {line}: not readable as CSV: {error}") from error
    return rows, separator


def _decoded(content: bytes) -> str:
    """The text of a file that people or Excel wrote: UTF-8, UTF-16 with its mark, or the code page of Windows."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # what Excel writes by default on Windows; every byte string is one
        return content.decode("cp1252", errors="replace")


def _entry(line: int, columns: Sequence[Column], cells: Sequence[str], separator: str, wrong: list[str]) -> Entry:
    carried = {c.heading: cell for c, cell in zip(columns, cells, strict=True) if c.name != "scan"}
    # a number that is not known is as good as none
    cells = [
        "" if cell.lower() in UNKNOWN and (c.name in (*QUANTITIES, "cycles") or c.of) else cell
        for c, cell in zip(columns, cells, strict=True)
    ]
    by_name = {column.name: cell for column, cell in zip(columns, cells, strict=True)}
    transport = {}
    for column, cell in zip(columns, cells, strict=True):
        where = f"line {line}, column {column.heading!r}"
        if column.name in QUANTITIES and cell:
            sigma = next((c for c in columns if c.of == column.name), None)
            try:
                key, value = _quantity(column, cell, sigma, by_name.get(f"{column.name}_sigma", ""), separator)
                transport[key] = value
            except InputError as error:
                wrong.append(f"{where}: {error}")
        elif column.name == "scan" and not cell:
            wrong.append(f"{where}: empty; needed a folder, a file or a scan's name")
        elif column.name == "cycles" and cell and _number(cell, separator) is None:
            wrong.append(f"{where}: found {cell!r}, needed a number of cycles")
        elif column.name == "coating" and re.match(r"[\d.,]+\s*(nm|pm|um|µm|Å|A)\b", cell):
            wrong.append(f"{where}: found {cell!r}, needed the material; thicknesses go to 'coating_thickness'")
        elif column.name == "geometry" and cell:
            if cell.lower() not in GEOMETRIES:
                wrong.append(f"{where}: found {cell!r}, needed one of {', '.join(GEOMETRIES)}")
            transport["geometry"] = cell.lower()
    if "concentration" not in transport and (held := _concentration(by_name.get("coating", ""))):
        transport["concentration"] = held
    known = {name: by_name.get(name, "") for name in WORDS}
    if known["cycles"]:
        number = _number(known["cycles"], separator)
        known["cycles"] = "" if number is None else f"{number:g}"
    if known["low_loss"] and not known["core"]:
        wrong.append(f"line {line}, column 'low_loss': it needs a 'core' beside it")
    line_on_image = _four(known["image_line"], separator)
    if known["image_line"] and line_on_image is None:
        wrong.append(
            f"line {line}, column 'image_line': found {known['image_line']!r}, needed x1 y1 x2 y2 in nm on the image, "
            "two different ends"
        )
    elif line_on_image and not known["image"]:
        wrong.append(f"line {line}, column 'image_line': it needs an 'image' beside it")
    return Entry(line, by_name["scan"], carried, transport, known, line_on_image)


def _four(text: str, separator: str) -> tuple[float, ...] | None:
    """A line's two ends; numbers apart by blanks, and by commas or semicolons where they do not mean decimals."""
    try:
        ends = tuple(float(_decimal(part, separator)) for part in re.split(r"[\s;]+|,\s+", text.strip("()[] ")))
    except ValueError:
        return None
    return ends if len(ends) == 4 and ends[:2] != ends[2:] and all(map(math.isfinite, ends)) else None


def _number(text: str, separator: str) -> float | None:
    try:
        value = float(_decimal(text, separator))
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _decimal(text: str, separator: str) -> str:
    """Decimal commas as points, in sheets that are not separated by commas."""
    return text if separator == "," else re.sub(r"(?<=\d),(?=\d)", ".", text)


def _quantity(column: Column, cell: str, sigma: Column | None, error: str, separator: str) -> tuple[str, str]:
    """A cell and its standard error as a recipe writes them, checked."""
    key, needed = QUANTITIES[column.name]
    cell, error = _decimal(cell, separator), _decimal(error, separator)
    bare = re.fullmatch(r"[-+.\deE±/ ]+", cell) is not None
    if bare and column.unit is None:
        raise InputError(f"{cell!r} has no unit; write '{cell} {_usual(needed)}', or the unit in the heading")
    text = f"{cell} {column.unit}" if bare else cell
    value, own = parse_measured(text, needed, column.name)
    if not value > 0 and not column.name.startswith("mu_"):
        raise InputError(f"found {cell!r}, needed a value above 0")
    if error:
        if own:
            raise InputError(f"{cell!r} holds a standard error, and column {sigma.heading!r} another")
        bare = re.fullmatch(r"[-+.\deE]+", error) is not None
        unit = sigma.unit or column.unit or _usual(needed)
        if bare and sigma.unit is None and column.unit is None:
            raise InputError(f"standard error {error!r} has no unit; write it in the heading of {sigma.heading!r}")
        own = parse_measured(f"{error} {unit}" if bare else error, needed, sigma.heading)[0]
        if own < 0:
            raise InputError(f"standard error {error!r} is negative")
        return key, f"{value:.12g} +- {own:.12g} {needed}"
    return key, re.sub(r"±|\+/-", "+-", text)


def _usual(unit: str) -> str:
    return {"s": "min", "1/cm**3": "/cm^3"}.get(unit, unit)


def _concentration(coating: str) -> str | None:
    """Oxygen in a coating of the shipped table, for the step from Onsager coefficient to diffusivity."""
    if not coating:
        return None
    from oxyspy.transport import coatings

    known = {name.lower(): entry for name, entry in coatings().items()}
    entry = known.get(coating.lower())
    if entry is None or entry.oxygen is None or not entry.oxygen.concentration > 0:
        return None
    ion = entry.oxygen
    half = (ion.concentration_high - ion.concentration_low) / 2
    return f"{ion.concentration:.4g}" + (f" +- {half:.3g}" if half > 0 else "") + " /cm^3"
