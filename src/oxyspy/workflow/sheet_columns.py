"""The columns of a sample sheet: what each heading means, and in what unit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oxyspy.errors import InputError
from oxyspy.units import parse_measured
from oxyspy.workflow.output import SUMMARY_COLUMNS

# column: what it is called in a recipe's transport, and a unit it must convert to
QUANTITIES = {
    "coating_thickness": ("coating", "nm"),
    "exposure": ("exposure", "s"),
    "radius": ("radius", "nm"),
    "mu_c": ("mu_c", "eV"),
    "mu_e": ("mu_e", "eV"),
    "c_max": ("c_max", "1/cm**3"),
    "concentration": ("concentration", "1/cm**3"),
    "temperature": ("temperature", "K"),
}
WORDS = ("scan", "sample", "condition", "coating", "cycles", "core", "low_loss", "image", "image_line", "geometry")
LENGTHS = ("nm", "Å", "angstrom", "pm", "um", "µm")
ERRORS = ("sigma", "error", "err", "std", "uncertainty")
# other names of columns, as people write them
ALSO = {
    "time_at_voltage": "exposure", "particle_radius": "radius", "cycle": "cycles",
    "cycle_number": "cycles", "cycle_no": "cycles", "number_of_cycles": "cycles", "num_cycles": "cycles",
    "n_cycles": "cycles", "no_of_cycles": "cycles", "coating_material": "coating",
}  # fmt: skip
# names that may mean several things
UNCLEAR = {
    "thickness": "of what? The coating's is 'coating_thickness'; for any other, name it after what it is of",
    "time": "which? That at high voltage is 'exposure'; for any other, name it after what it is of",
    "exposure_time": "which? That at high voltage is 'exposure'; for the camera's, name it so",
}
# how many errors are told at once
MOST_TOLD = 12


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    heading : str
        As written.
    name : str
        Plain name; a quantity's where it is one.
    unit : str or None
        That of bare numbers in its cells.
    of : str or None
        The quantity whose standard errors these are.
    """

    heading: str
    name: str
    unit: str | None
    of: str | None = None


def plain(heading: str) -> tuple[str, str | None]:
    """A heading as a plain name, and the unit in its brackets, wherever these stand."""
    match = re.fullmatch(r"(.*?)\s*[(\[]([^)\]]*)[)\]]\s*(.*)", heading)
    name, unit = (f"{match[1]} {match[3]}", match[2].strip()) if match else (heading, None)
    return re.sub(r"[\s\-_]+", "_", name.strip().lower().replace(".", "")), unit


def read_columns(path: Path, line: int, headings: Sequence[str]) -> list[Column]:
    """Return what each heading of a sheet means; all that are wrong are told together."""
    found: list[Column] = []
    wrong: list[str] = []
    for heading in headings:
        column = _column(heading)
        where = f"line {line}, column {heading!r}"
        if not heading:
            wrong.append(f"line {line}: a column without a heading")
        elif any(column.name == other.name and column.of == other.of for other in found):
            wrong.append(f"{where}: there are two of it")
        elif heading in SUMMARY_COLUMNS and heading != "scan":
            wrong.append(f"{where}: a column of summary.csv has this name; choose another")
        elif column.unit is not None and (said := _unit_trouble(column)):
            wrong.append(f"{where}: {said}")
        elif (word := _unclear(column)) is not None:
            wrong.append(f"{where}: {UNCLEAR[word]}")
        elif (meant := _meant(column)) is not None:
            wrong.append(f"{where}: no known column; did you mean {meant!r}? (Else give it a name less like it.)")
        found.append(column)
    names = [column.name for column in found if column.of is None]
    if "scan" not in names:
        wrong.insert(0, f"line {line}: no column 'scan' among {', '.join(map(repr, headings))}")
    for column in found:
        if column.of is not None and column.of not in names:
            wrong.append(f"line {line}, column {column.heading!r}: standard errors of no column {column.of!r}")
    if wrong:
        raise InputError(f"{path}: " + "; ".join(wrong[:MOST_TOLD]))
    return found


def _column(heading: str) -> Column:
    """A heading's meaning: a quantity and its unit, the standard error of one, or a word."""
    name, unit = plain(heading)
    for other in sorted(ALSO, key=len, reverse=True):
        if re.match(rf"{other}(_|$)", name):
            name = ALSO[other] + name[len(other) :]
            break
    # a coating in nm, or its error, is no material
    rest = name.removeprefix("coating_").split("_")
    if (name == "coating" and unit in LENGTHS) or all(part in (*LENGTHS, *ERRORS) for part in rest):
        name = "coating_thickness" + name.removeprefix("coating")
    # "thickness ± error" is one column for both
    both = re.search(r"_?(±|\+/?-|\+_|and)_?(?=sigma|error|err|std|uncertainty)", name)
    if both:
        name = name[: both.start()]
    for quantity in sorted(QUANTITIES, key=len, reverse=True):
        rest = name.removeprefix(quantity).strip("_")
        if not name.startswith(quantity) or (rest and name[len(quantity)] != "_"):
            continue
        parts = rest.split("_") if rest else []
        of = None
        if any(part in ERRORS for part in parts):
            of = quantity
            parts = [part for part in parts if part not in ERRORS]
        if len(parts) > 1 or (parts and not _is_unit(parts[0])):
            break
        return Column(heading, f"{quantity}_sigma" if of else quantity, unit or (parts[0] if parts else None), of)
    return Column(heading, name, unit if name in QUANTITIES else None)


def _unclear(column: Column) -> str | None:
    """A heading that may mean a quantity: alone, with a unit, or as an error."""
    if column.name in QUANTITIES or column.of is not None:
        return None
    for word in UNCLEAR:
        if re.match(rf"{word}(_|$)", column.name):
            rest = filter(None, column.name[len(word) :].split("_"))
            return word if all(part in ERRORS or _is_unit(part) for part in rest) else None
    return None


def carried_note(columns: Sequence[Column]) -> str:
    """What is carried along though it has a unit or an error, as quantities that are used have; empty for none."""
    used = {*QUANTITIES, *WORDS}
    doubtful = [
        column.heading
        for column in columns
        if column.name not in used
        and column.of is None
        and (_is_known_unit(plain(column.heading)[1]) or "±" in column.heading or column.name.split("_")[-1] in ERRORS)
    ]
    if not doubtful:
        return ""
    named = ", ".join(map(repr, doubtful))
    return f"columns {named} are carried along and not used; quantities that are used are {', '.join(QUANTITIES)}"


def _is_known_unit(text: str | None) -> bool:
    return bool(text) and _is_unit(text)


def _is_unit(text: str) -> bool:
    from oxyspy.units import registry

    try:
        registry().Unit(text)
    except Exception:  # pint's parser raises many kinds
        return False
    return True


def _unit_trouble(column: Column) -> str:
    name = column.of or column.name
    if name not in QUANTITIES:
        return ""
    try:
        parse_measured(f"1 {column.unit}", QUANTITIES[name][1], name)
    except InputError as error:
        return str(error)
    return ""


def _meant(column: Column) -> str | None:
    """The known column that a heading is a slip of."""
    if column.name in WORDS or column.name in QUANTITIES or column.of is not None:
        return None
    for known in (*WORDS, *QUANTITIES):
        near = difflib.SequenceMatcher(None, column.name, known).ratio() >= 0.8
        # "sample_id" is another thing than "sample"
        if near and abs(len(column.name) - len(known)) <= 2 and not column.name.startswith(f"{known}_"):
            return known
    return None
