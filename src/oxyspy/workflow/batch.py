"""Many scans: one row each, whatever happens to any of them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shlex
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxyspy.data import FOLDER
from oxyspy.errors import InputError, OxyspyError
from oxyspy.files import hashes, write_json, write_text
from oxyspy.io.finding import RESULTS
from oxyspy.workflow.analysis import analyse
from oxyspy.workflow.diagnosis import diagnosis
from oxyspy.workflow.jobs import Job, Plan, plan_of
from oxyspy.workflow.output import (
    SCHEMA,
    SUMMARY_COLUMNS,
    need_parquet,
    provenance,
    save_scan,
    summary_row,
    write_csv,
    write_parquet,
)
from oxyspy.workflow.pictures import pictures
from oxyspy.workflow.population import population
from oxyspy.workflow.population_scans import read_scans
from oxyspy.workflow.population_tables import write_population
from oxyspy.workflow.recipe import Recipe, load_recipe
from oxyspy.workflow.report import write_report
from oxyspy.workflow.runners import runner

if TYPE_CHECKING:
    import pandas as pd

# the last file of a scan: its results are whole
DONE = "done.json"


def run_job(
    job: Job,
    recipe: Recipe,
    out: str,
    cells: Mapping[str, str] | None = None,
    parquet: bool = False,
    mark: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Analyse one scan and write its files, last ``done.json`` with its mark; what went wrong is said in its row.

    Raises
    ------
    OxyspyError
        The disk is full.
    """
    import warnings

    folder = Path(out) / job.name
    mark = _mark(job, recipe) if mark is None else mark
    more = {"sheet": dict(cells or {}), "repeat": repeat(job, folder), "inputs": mark["inputs"]}
    try:
        with warnings.catch_warnings():
            # NumPy's remarks on empty positions; what matters is in the result's own warnings
            warnings.simplefilter("ignore", RuntimeWarning)
            scan = job.load()
            try:
                result = analyse(scan, recipe)
            except InputError as error:
                # what may be wrong with counts in which no edge was found
                hint = diagnosis(scan.core_counts(), scan.energy_nominal, list(recipe.edges))
                raise InputError("; ".join(filter(None, [str(error), hint]))) from error
            with _renewed(folder):
                seen = pictures(scan, result, folder)
                save_scan(result, folder, **more, pictures=seen, parquet=parquet)
            row = summary_row(result, seen) | {"scan": job.name}
            _write_done(folder, mark, row)
            return row
    except OxyspyError as error:
        if no_room(error):
            # no fault of this scan, and the next ones would go the same way
            raise
        message = str(error)
    except Exception as error:
        if no_room(error):
            raise OxyspyError(f"could not write to {folder}: {error}") from error
        # a defect of ours must not cost the other scans; it is named as what it is, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        message = f"unexpected {type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error}"
    row = {"scan": job.name, "status": "failed", "message": message}
    write_failed(row, job, recipe, out, cells, mark["inputs"])
    return row


def write_failed(
    row: dict[str, Any],
    job: Job,
    recipe: Recipe,
    out: str,
    cells: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
) -> None:
    """Write the ``result.json`` of a scan that failed, and take away what an earlier recipe made of it."""
    folder = Path(out) / row["scan"]
    with _renewed(folder):
        pass
    content = {
        "schema": SCHEMA,
        **row,
        "sheet": dict(cells or {}),
        "recipe": recipe.resolved().model_dump(mode="json"),
        "provenance": provenance(
            hashes(job.inputs()) if inputs is None else inputs, repeat(job, folder), hashes(recipe.calibration_files())
        ),
    }
    write_json(folder / "result.json", content)


def _write_done(folder: Path, mark: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    """Say that a scan's results are whole: by whom they were made, which files they are, and their row."""
    files = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    write_json(folder / "done.json", {"mark": mark, "files": files, "row": row})


@contextlib.contextmanager
def _renewed(folder: Path) -> Iterator[None]:
    """Take away, once a scan's files are written, what an earlier recipe made of it and this one does not."""
    kinds = ("csv", "parquet", "png", "hspy")
    folder.mkdir(parents=True, exist_ok=True)
    # before anything else, so that a folder left half-way is never taken for a scan
    write_text(folder / RESULTS, "A folder of results: searches for scans pass over it.\n")
    before = {path: path.stat().st_mtime_ns for kind in kinds for path in folder.glob(f"*.{kind}")}
    yield
    for path, written in before.items():
        if path.exists() and path.stat().st_mtime_ns == written:
            path.unlink()


def repeat(job: Job, folder: Path) -> str:
    """Return the command that does one scan again, with the recipe of its result."""
    sources = [str(Path(file).resolve()) for file in job.files]
    for option, file in (("--core", job.core), ("--low-loss", job.low_loss), ("--image", job.image)):
        sources += [option, str(Path(file).resolve())] if file else []
    if job.image_line is not None:
        sources.append(f"--image-line={','.join(f'{end:g}' for end in job.image_line)}")
    recipe = (folder / "result.json").resolve()
    return shlex.join(["oxyspy", "analyse", *sources, "--recipe", str(recipe), "-o", "again"])


def no_room(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk, a quota or a limit of file size."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__ or error.__context__
    return False


def analyse_many(
    sources: str | os.PathLike | Sequence[str | os.PathLike] = (),
    out: str | os.PathLike = "out",
    recipe: str | Recipe = "nmc",
    *,
    sheet: str | os.PathLike | None = None,
    by: str | Sequence[str] = (),
    power: float | None = 0.5,
    core: str | None = None,
    low_loss: str | None = None,
    image: str | None = None,
    image_line: Sequence[float] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = True,
    parquet: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Analyse many scans and write ``summary.csv``, ``statistics.csv``, a folder a scan, and ``report.html``.

    Parameters
    ----------
    sources : path or sequence of paths
        Folders, globs and files; see `oxyspy.io.find_scans`. With a sheet, none means its own paths.
    out : path
        Folder of the results.
    recipe : str, path or Recipe
        A shipped name, a YAML file, or a recipe.
    sheet : path, optional
        Sample sheet, see `oxyspy.workflow.sheet.read_sheet`: coating, exposure and the like of each scan, which go
        before the recipe's; its columns are carried into the table.
    by : str or sequence of str
        Columns of the sheet whose values make a condition, for the statistics; else ``condition``, else ``coating``.
    power : float or None
        Of the trend with cycles, ``d0 + k n^p``; None fits it.
    core, low_loss : str, optional
        One scan by its two files instead of ``sources``.
    image : str, optional
        A lattice image or a survey of that one scan, where it does not lie with its files.
    image_line : sequence of float, optional
        Where the scan runs on that image: x1, y1, x2, y2 in nm from its upper left corner.
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a dask.distributed scheduler, ``"tcp://..."``; the results are the same.
    resume : bool
        Keep the results of scans whose files, recipe and version have not changed.
    parquet : bool
        Write summary and profiles as Parquet too; needs pyarrow.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        A row a scan, the columns of ``summary.csv``.

    Raises
    ------
    InputError
        Nothing to analyse, a bad recipe or sheet, or fewer than one worker; before anything is done.
    OxyspyError
        The disk is full, or the scheduler was lost. What is done is kept.
    KeyboardInterrupt
        Stopped by Ctrl-C; says what is kept.

    Examples
    --------
    >>> import oxyspy
    >>> scans = oxyspy.data.FOLDER / "demo"
    >>> table = oxyspy.analyse_many(scans / "pristine", "out", progress=False)
    >>> table[["scan", "status"]].to_dict("records")
    [{'scan': 'pristine', 'status': 'ok'}]
    """
    recipe = load_recipe(recipe)
    if workers < 1:
        raise InputError(f"workers: found {workers}, needed at least 1")
    if parquet:
        need_parquet()
    sources = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    # workers may stand in another folder
    out = Path(out).absolute()
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; needed a folder for the results, or a name that is free")
    plan = plan_of(sources, recipe, sheet, by, core, low_loss, image, image_line)
    jobs = plan.jobs
    _refuse_own_folder(out, jobs)
    marks = {job.name: _mark(job, plan.recipes[job.name]) for job in jobs}
    done = {job.name: row for job in jobs if resume and (row := _finished(out / job.name, marks[job.name], parquet))}
    todo = {job.name: job for job in jobs if job.name not in done}
    _sweep(out, jobs, todo)
    for name in done:
        _relabel(out / name, plan.cells[name])
    bar = _bar(len(jobs), len(done), progress)
    tasks = {
        name: (job, plan.recipes[name], str(out), plan.cells[name], parquet, marks[name]) for name, job in todo.items()
    }
    try:
        with closing(runner(scheduler, workers)(run_job, tasks)) as rows:
            for name, row, lost in rows:
                if lost:
                    row = {"scan": name, "status": "failed", "message": lost}
                    write_failed(row, todo[name], plan.recipes[name], str(out), plan.cells[name], marks[name]["inputs"])
                done[name] = row
                # the table grows with every scan, so that a run that is stopped leaves what it had; what an earlier run
                # made of all scans is of another table
                _write_summary(out, plan, done)
                _remove_overviews(out)
                bar(row)
    except KeyboardInterrupt:
        kept = sum((out / job.name / DONE).exists() for job in jobs)
        raise KeyboardInterrupt(
            f"{kept} of {len(jobs)} scans are done and kept in {out}; the same command goes on from there"
        ) from None
    finally:
        bar(None)
    table = _write_summary(out, plan, done, parquet)
    found = population(read_scans(out, plan.labels), power) if len(jobs) > 1 else None
    write_population(out, found)
    write_report(out, [plan.row(done[job.name]) for job in jobs], found, plan.notes)
    return table


def _refuse_own_folder(out: Path, jobs: Sequence[Job]) -> None:
    """Refuse to write a scan's results among its own files, which the next run would not know apart."""
    for job in jobs:
        folder = (out / job.name).resolve()
        if any(folder in Path(file).resolve().parents for file in job.inputs()):
            raise InputError(f"{out}: the results of {job.name} would lie among its own files; give another folder")


def _write_summary(out: Path, plan: Plan, done: dict[str, dict], parquet: bool = False) -> pd.DataFrame | None:
    """Write the table of what is done; return it as a DataFrame where all is."""
    import pandas as pd

    columns = [*SUMMARY_COLUMNS, *plan.headings]
    rows = [plan.row(done[job.name]) for job in plan.jobs if job.name in done]
    write_csv(out / "summary.csv", columns, rows)
    if len(rows) < len(plan.jobs):
        return None
    table = pd.DataFrame([{c: row.get(c) for c in columns} for row in rows], columns=columns)
    for heading in plan.headings:
        with contextlib.suppress(ValueError, TypeError):
            table[heading] = pd.to_numeric(table[heading].replace("", None))
    if parquet:
        write_parquet(out / "summary.parquet", table)
    return table


def _relabel(folder: Path, cells: Mapping[str, str]) -> None:
    """Bring the sheet's cells in a finished result up to date: a mended label needs no second analysis."""
    path = folder / "result.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("sheet") != dict(cells):
        write_json(path, content | {"sheet": dict(cells)})


def _mark(job: Job, recipe: Recipe) -> dict[str, Any]:
    """What a result depends on; equal marks need no second analysis."""
    from oxyspy import __version__

    return {
        "version": __version__,
        "code": _code(),
        "recipe": recipe.resolved().model_dump(mode="json"),
        "inputs": hashes(job.inputs()),
        "calibrations": hashes(recipe.calibration_files()),
        "image_line": job.image_line,
    }


@cache
def _code() -> str:
    """One hash of the package's code and facts: a version under development changes without its number."""
    digest = hashlib.sha256()
    for path in sorted(p for suffix in ("*.py", "*.yaml") for p in FOLDER.parent.rglob(suffix)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _finished(folder: Path, mark: dict[str, Any], parquet: bool) -> dict[str, Any] | None:
    """The row of a scan that is already done with these inputs, recipe and version, if its files are still there."""
    try:
        content = json.loads((folder / DONE).read_text(encoding="utf-8"))
        whole = isinstance(json.loads((folder / "result.json").read_text(encoding="utf-8")), dict)
    except (OSError, ValueError):
        return None
    same = json.loads(json.dumps(mark)) == content.get("mark")
    files = content.get("files") or []
    if not (same and whole and all((folder / name).is_file() for name in files)):
        return None
    return None if parquet and "profile.parquet" not in files else content["row"]


def _sweep(out: Path, jobs: Iterable[Job], todo: Iterable[str]) -> None:
    """Take away what a killed run was writing, and the marks of results that are about to be replaced."""
    for folder in (out, *(out / job.name for job in jobs)):
        for part in folder.glob(".*-*.part*"):
            part.unlink(missing_ok=True)
    for name in todo:
        # a run killed half-way through a new recipe must not pass for the old one's
        (out / name / DONE).unlink(missing_ok=True)


def _remove_overviews(out: Path) -> None:
    """Take away report and statistics of an earlier run."""
    write_population(out, None)
    (out / "report.html").unlink(missing_ok=True)
    (out / "summary.parquet").unlink(missing_ok=True)


def _bar(total: int, done: int, progress: bool) -> Callable:
    """A progress bar that counts failures; called with each row, and with None at the end."""
    if not progress:
        return lambda row: None
    from tqdm import tqdm

    bar = tqdm(total=total, initial=done, unit="scan", desc="analyse", postfix=f"0 failed, {total - done} left")
    failed = [0]

    def step(row: dict | None) -> None:
        if row is None:
            bar.close()
            return
        failed[0] += row["status"] == "failed"
        # before the step, which draws
        bar.set_postfix_str(f"{failed[0]} failed, {bar.total - bar.n - 1} left", refresh=False)
        bar.update()

    return step
