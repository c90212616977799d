"""The scans of a batch: from folders, globs, files and a sample sheet to one job a scan."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxyspy.errors import InputError
from oxyspy.workflow.recipe import Recipe
from oxyspy.workflow.sheet import Entry, Sheet, read_sheet
from oxyspy.workflow.sheet_columns import MOST_TOLD

if TYPE_CHECKING:
    from oxyspy.io import LineScan

# where a user's word on the scan's place stands in an image's metadata
LINE = "oxyspy.line_nm"


@dataclass(frozen=True)
class Job:
    """One scan to analyse: what `oxyspy.load_scan` is given, and the name of its folder and row; paths are absolute."""

    name: str
    files: tuple[str, ...]
    core: str | None = None
    low_loss: str | None = None
    image: str | None = None
    image_line: tuple[float, ...] | None = None

    def load(self) -> LineScan:
        """Return the scan, with its image where one is named."""
        from oxyspy.io import load_scan

        if self.core is not None:
            scan = load_scan(core=self.core, low_loss=self.low_loss, lazy="large", name=self.name)
        else:
            source = self.files[0] if len(self.files) == 1 else list(self.files)
            scan = load_scan(source, lazy="large", name=self.name)
        return scan if self.image is None else with_image(scan, self.image, self.image_line)

    def inputs(self) -> list[Path]:
        """Return every file the scan may be read from; a ``.zspy`` store is one."""
        from oxyspy.io.reading import files_of_scan, is_folder

        given = [Path(file) for file in filter(None, (*self.files, self.core, self.low_loss, self.image))]
        return [file for path in given for file in (files_of_scan(path) if is_folder(path) else [path])]


def with_image(scan: LineScan, path: str | os.PathLike, line: Sequence[float] | None = None) -> LineScan:
    """Return a scan with the images of one more file.

    Parameters
    ----------
    scan : LineScan
    path : path
    line : sequence of float, optional
        Where the scan runs on them: (x1, y1, x2, y2) in nm from the upper left corner.

    Raises
    ------
    ReadError
        The file cannot be read.
    InputError
        It holds no image in units of length.
    """
    from oxyspy.io import read_signals
    from oxyspy.io.roles import Role, role_of

    signals, notes = read_signals(path)
    found = [role_of(signal, Path(path)) for signal in signals]
    images = [item.signal for item in found if item.role is Role.IMAGE]
    if not images:
        seen = "; ".join(f"{item.role}, {item.reason}" for item in found)
        raise InputError(f"{path}: was given as an image, but holds none in units of length: {seen}")
    for image in images if line is not None else ():
        image.metadata.set_item(LINE, list(line))
    return replace(
        scan, images=(*scan.images, *images), files=(*scan.files, Path(path)), warnings=[*scan.warnings, *notes]
    )


def jobs_of(sources: Sequence[str | os.PathLike], core: str | None = None, low_loss: str | None = None) -> list[Job]:
    """Return one job a scan found in folders, globs and files, with names that make folders.

    Raises
    ------
    InputError
        Nothing to analyse.
    """
    if core is not None:
        return [Job(_name(Path(core).stem), (), _absolute(core), low_loss and _absolute(low_loss))]
    from oxyspy.io import find_scans

    given = [Path(_absolute(source)) for source in sources]
    found = [(source.name, tuple(map(str, source.files))) for source in find_scans(given)]
    files = [Path(file).resolve() for _, of_scan in found for file in of_scan]
    for path in given:
        # a folder of measurements without a scan must not vanish from the table; loading says why it is none
        measured = path.is_dir() and any(p.suffix.lower() in (".dm3", ".dm4") for p in path.iterdir())
        if measured and not any(path.resolve() in (file, *file.parents) for file in files):
            found.append((path.name, (str(path),)))
    found = found or [(path.stem, (str(path),)) for path in given if path.is_file()]
    if not found:
        told = ", ".join(str(s) for s in sources)
        raise InputError(f"no scans found in {told}; give folders or files with a core loss, or --core and --low-loss")
    taken: set[str] = set()
    return [Job(_free(_name(name), taken), of_scan) for name, of_scan in found]


def _absolute(path: str | os.PathLike) -> str:
    """A path that means the same to workers that stand in another folder."""
    return os.path.abspath(path)


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken; whatever the case of its letters, which not all disks know."""
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.lower())
    return free


def _name(name: str) -> str:
    """A scan's name as a folder's: letters, digits, dots, dashes."""
    return re.sub(r"[^\w.\-]+", "_", name).strip(".") or "scan"


def jobs_of_sheet(
    sheet: Sheet, sources: Iterable[str | os.PathLike] = ()
) -> tuple[list[Job], dict[str, Entry], list[str]]:
    """Return the jobs of a sample sheet, or of sources that the sheet tells about.

    Parameters
    ----------
    sheet : Sheet
    sources : paths
        Where the scans are; without any, the sheet's own paths, from the sheet's folder or from here.

    Returns
    -------
    jobs : list of Job
        In the sheet's order; those it does not name after them.
    entries : dict of Entry
        By the job's name.
    without : list of str
        Jobs on no line of the sheet.

    Raises
    ------
    InputError
        A line names no scan, several, or one that another line has.
    """
    wrong: list[str] = []
    paths, own = [], {}
    for entry in sheet.entries:
        if entry.known["core"]:
            files = {name: _path(sheet, entry, name, wrong) for name in ("core", "low_loss") if entry.known[name]}
            own[entry.line] = Job(_name(Path(entry.scan).name), (), files["core"], files.get("low_loss"))
        elif not sources:
            paths.append(_path(sheet, entry, "scan", wrong))
    if wrong:
        raise _refusal(sheet, wrong)
    found = jobs_of(list(sources) or paths) if list(sources) or paths else []
    images = {entry.line: _path(sheet, entry, "image", wrong) for entry in sheet.entries if entry.known["image"]}
    entries: dict[str, Entry] = {}
    taken = {job.name.lower() for job in found}
    jobs = {job.name: job for job in found}
    for entry in sheet.entries:
        if entry.line in own:
            job = own[entry.line]
            job = replace(job, name=_free(job.name, taken))
            jobs[job.name] = job
            names = [job.name]
        else:
            names = _named(entry, sheet, found)
        before = _again([jobs[name] for name in names], {name: jobs[name] for name in entries}) if names else None
        if len(names) == 1 and before is None:
            entries[names[0]] = entry
            jobs[names[0]] = replace(jobs[names[0]], image=images.get(entry.line), image_line=entry.image_line)
            continue
        if not names:
            near = difflib.get_close_matches(Path(entry.scan).name, [job.name for job in found], 3, 0.6)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            said = f"no scan {entry.scan!r} among the {len(found)} found{hint}"
        elif len(names) > 1:
            said = f"{entry.scan!r} holds {len(names)} scans: {', '.join(names[:5])}; name one"
        else:
            said = f"{entry.scan!r} stands on line {entries[before].line} already"
        wrong.append(f"line {entry.line}, column 'scan': {said}")
    if wrong:
        raise _refusal(sheet, wrong)
    without = [name for name in jobs if name not in entries]
    return [jobs[name] for name in (*entries, *without)], entries, without


def _again(given: Sequence[Job], others: Mapping[str, Job]) -> str | None:
    """The name of a job that reads the same scan: of two lines, one may name the folder, the other a file in it."""
    files = {file.resolve() for job in given for file in replace(job, image=None).inputs()}
    for name, other in others.items():
        theirs = {file.resolve() for file in replace(other, image=None).inputs()}
        if files and theirs and (files <= theirs or theirs <= files):
            return name
    return None


@dataclass(frozen=True)
class Plan:
    """What a batch is to do.

    Attributes
    ----------
    jobs : tuple of Job
    recipes, cells, labels : dict
        By the job's name: its recipe, its cells of the sheet, and its sample, condition and cycles.
    headings : tuple of str
        Of the sheet's columns.
    notes : tuple of str
        What was doubtful in what was given.
    """

    jobs: tuple[Job, ...]
    recipes: dict[str, Recipe]
    cells: dict[str, dict[str, str]]
    labels: dict[str, dict[str, str]]
    headings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of the summary with the sheet's columns after its own."""
        return row | {heading: self.cells[row["scan"]].get(heading, "") for heading in self.headings}


def plan_of(
    sources: Sequence[str | os.PathLike],
    recipe: Recipe,
    sheet: str | os.PathLike | None = None,
    by: str | Sequence[str] = (),
    core: str | None = None,
    low_loss: str | None = None,
    image: str | None = None,
    image_line: Sequence[float] | None = None,
) -> Plan:
    """Return the jobs of a batch, each with its recipe and its labels; arguments as in `analyse_many`.

    Raises
    ------
    InputError
        Nothing to analyse; a sheet with errors, or without a column of ``by``.
    """
    if sheet is None:
        if by:
            raise InputError("by: names columns of a sample sheet, and none is given")
        jobs = jobs_of(sources, core, low_loss)
        if image is not None and len(jobs) > 1:
            raise InputError(f"image: of one scan, and {len(jobs)} are given; name images in a sheet's column 'image'")
        place = None if image_line is None else tuple(float(end) for end in image_line)
        if place is not None and (image is None or len(place) != 4 or place[:2] == place[2:]):
            raise InputError(
                f"image_line: found {place}, needed an image, and x1, y1, x2, y2 in nm, two different ends"
            )
        jobs = [replace(job, image=image and _absolute(image), image_line=place) for job in jobs]
        names = [job.name for job in jobs]
        return Plan(tuple(jobs), dict.fromkeys(names, recipe), {n: {} for n in names}, {n: {} for n in names})
    if core is not None or image is not None:
        raise InputError("core and image: a sheet has columns 'core', 'low_loss', 'image' and 'image_line' for that")
    told = read_sheet(sheet)
    columns = _conditions(told, [by] if isinstance(by, str) else list(by))
    jobs, entries, without = jobs_of_sheet(told, sources)
    notes = list(told.notes)
    if without:
        told_of = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
        notes.append(f"{told.path} has no line for {told_of}: analysed with the recipe alone")
    for note in notes:
        warnings.warn(note, stacklevel=3)
    recipes = dict.fromkeys((job.name for job in jobs), recipe)
    cells: dict[str, dict[str, str]] = {job.name: {} for job in jobs}
    labels: dict[str, dict[str, str]] = {job.name: {} for job in jobs}
    for name, entry in entries.items():
        recipes[name] = recipe.with_transport(**entry.transport)
        cells[name] = entry.cells
        labels[name] = {
            "sample": entry.known["sample"],
            "cycles": entry.known["cycles"],
            "condition": " · ".join(_label(column, entry.cells[column]) for column in columns if entry.cells[column]),
        }
    return Plan(tuple(jobs), recipes, cells, labels, told.headings, tuple(notes))


def _conditions(sheet: Sheet, by: Sequence[str]) -> list[str]:
    """The headings whose cells make a condition."""
    if not by:
        return [heading for name in ("condition", "coating") if (heading := sheet.heading(name))][:1]
    found = []
    for name in by:
        heading = name if name in sheet.headings else sheet.heading(name)
        if heading is None:
            raise InputError(f"by: {sheet.path} has no column {name!r}, but {', '.join(sheet.headings)}")
        found.append(heading)
    return found


def _label(heading: str, cell: str) -> str:
    """A cell as part of a condition's name: bare numbers say what they are of."""
    return f"{heading} {cell}" if re.fullmatch(r"[-+\d.,eE]+", cell) else cell


def _refusal(sheet: Sheet, wrong: Sequence[str]) -> InputError:
    more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
    return InputError(f"{sheet.path}: " + "; ".join(wrong[:MOST_TOLD]) + more)


def _path(sheet: Sheet, entry: Entry, column: str, wrong: list[str]) -> str:
    """A cell's path, from the sheet's folder or from here."""
    text = entry.scan if column == "scan" else entry.known[column]
    # a sheet may come from Windows
    for written in dict.fromkeys((text, text.replace("\\", "/"))):
        for base in (sheet.path.parent, Path()):
            if (base / written).exists():
                return _absolute(base / written)
    wrong.append(f"line {entry.line}, column {column!r}: no file or folder {text!r} beside the sheet or here")
    return text


def _named(entry: Entry, sheet: Sheet, jobs: Sequence[Job]) -> list[str]:
    """The jobs that a line may mean: by path, else by name of folder or file, else by that of the results."""
    ways = (entry.scan, entry.scan.replace("\\", "/"))
    meant = {Path(base, written).resolve() for base in (sheet.path.parent, Path()) for written in ways}
    files = {job.name: {Path(file).resolve() for file in job.files} for job in jobs}
    exact = [name for name, own in files.items() if meant & own]
    inside = [name for name, own in files.items() if meant & {file.parent for file in own if file.is_file()}]
    last = Path(entry.scan).name
    by_source = [name for name, own in files.items() if last in {file.name for file in own}]
    wanted = {entry.scan, last, Path(last).stem, _name(last)}
    return exact or inside or by_source or [job.name for job in jobs if job.name in wanted]
