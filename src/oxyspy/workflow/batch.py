"""Many scans: one row each, whatever happens to any of them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxyspy.data import FOLDER
from oxyspy.errors import InputError, OxyspyError
from oxyspy.files import sha256, write_json
from oxyspy.workflow.analysis import analyse
from oxyspy.workflow.output import SUMMARY_COLUMNS, save_scan, summary_row, write_csv
from oxyspy.workflow.recipe import Recipe, load_recipe
from oxyspy.workflow.runners import runner

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Job:
    """One scan to analyse: what `oxyspy.load_scan` is given, and the name of its folder and row."""

    name: str
    files: tuple[str, ...]
    core: str | None = None
    low_loss: str | None = None

    def load(self):
        """Return the scan."""
        from oxyspy.io import load_scan

        if self.core is not None:
            return load_scan(core=self.core, low_loss=self.low_loss, name=self.name)
        source = self.files[0] if len(self.files) == 1 else list(self.files)
        return load_scan(source, name=self.name)

    def inputs(self) -> list[str]:
        """Return every file the scan is read from."""
        found = []
        for file in filter(None, (*self.files, self.core, self.low_loss)):
            path = Path(file)
            if path.is_dir():
                found += [str(p) for p in sorted(path.iterdir()) if p.is_file() and not p.name.startswith(".")]
            else:
                found.append(str(path))
        return found


def jobs_of(sources: Sequence[str | os.PathLike], core: str | None = None, low_loss: str | None = None) -> list[Job]:
    """Return one job a scan found in folders, globs and files, with names that make folders.

    Raises
    ------
    InputError
        Nothing to analyse.
    """
    if core is not None:
        return [Job(_name(Path(core).stem), (), str(core), None if low_loss is None else str(low_loss))]
    from oxyspy.io import find_scans

    jobs: list[Job] = []
    taken: dict[str, int] = {}
    for source in find_scans([str(s) for s in sources]):
        name = _name(source.name)
        taken[name] = taken.get(name, 0) + 1
        files = tuple(str(file) for file in source.files)
        jobs.append(Job(name if taken[name] == 1 else f"{name}-{taken[name]}", files))
    found = [Path(file).resolve() for job in jobs for file in job.files]
    for path in map(Path, sources):
        # a folder of measurements without a scan must not vanish from the table; loading says why it is none
        measured = path.is_dir() and any(p.suffix.lower() in (".dm3", ".dm4") for p in path.iterdir())
        if measured and not any(path.resolve() in (file, *file.parents) for file in found):
            name = _name(path.name)
            taken[name] = taken.get(name, 0) + 1
            jobs.append(Job(name if taken[name] == 1 else f"{name}-{taken[name]}", (str(path),)))
    if not jobs:
        jobs = [Job(_name(Path(s).stem), (str(s),)) for s in sources if Path(s).is_file()]
    if not jobs:
        told = ", ".join(str(s) for s in sources)
        raise InputError(f"no scans found in {told}; give folders or files with a core loss, or --core and --low-loss")
    return jobs


def _name(name: str) -> str:
    """A scan's name as a folder's: letters, digits, dots, dashes."""
    return re.sub(r"[^\w.\-]+", "_", name).strip(".") or "scan"


def run_job(job: Job, recipe: Recipe, out: str) -> dict[str, Any]:
    """Analyse one scan and write its files; what went wrong is said in its row.

    Raises
    ------
    OxyspyError
        The disk is full.
    """
    import warnings

    folder = Path(out) / job.name
    try:
        with warnings.catch_warnings():
            # NumPy's remarks on empty positions; what matters is in the result's own warnings
            warnings.simplefilter("ignore", RuntimeWarning)
            result = analyse(job.load(), recipe)
            save_scan(result, folder)
            row = summary_row(result)
    except OxyspyError as error:
        if no_room(error):
            # no fault of this scan, and the next ones would go the same way
            raise
        row = {"scan": job.name, "status": "failed", "message": str(error)}
    except Exception as error:
        # a defect of ours must not cost the other scans; it is named as what it is, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        message = f"unexpected {type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error}"
        row = {"scan": job.name, "status": "failed", "message": message}
    row["scan"] = job.name
    if row["status"] == "failed":
        write_failed(row, recipe, out)
    return row


def write_failed(row: dict[str, Any], recipe: Recipe, out: str) -> None:
    """Write the ``result.json`` of a scan that failed, and take away what an earlier recipe made of it."""
    folder = Path(out) / row["scan"]
    for old in (folder / "profile.csv", *folder.glob("*.png"), *folder.glob("*.hspy")):
        old.unlink(missing_ok=True)
    write_json(folder / "result.json", {"schema": 1, **row, "recipe": recipe.model_dump(mode="json")})


def no_room(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk, a quota or a limit of file size."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        error = error.__cause__ or error.__context__
    return False


def analyse_many(
    sources: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    recipe: str | Recipe = "nmc",
    *,
    core: str | None = None,
    low_loss: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    resume: bool = True,
    progress: bool = True,
) -> pd.DataFrame:
    """Analyse many scans and write ``summary.csv``, a folder a scan, and ``report.html``.

    Parameters
    ----------
    sources : sequence of paths
        Folders, globs and files; see `oxyspy.io.find_scans`.
    out : path
        Folder of the results.
    recipe : str, path or Recipe
    core, low_loss : str, optional
        One scan by its two files instead of ``sources``.
    workers : int
        Processes on this machine.
    scheduler : str, optional
        Address of a dask.distributed scheduler, ``"tcp://..."``; the results are the same.
    resume : bool
        Keep the results of scans whose files, recipe and version have not changed.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        A row a scan, the columns of ``summary.csv``.

    Raises
    ------
    InputError
        Nothing to analyse, a bad recipe, or fewer than one worker.
    """
    import pandas as pd

    recipe = load_recipe(recipe)
    if workers < 1:
        raise InputError(f"workers: found {workers}, needed at least 1")
    out = Path(out)
    jobs = jobs_of(sources, core, low_loss)
    marks = {job.name: _mark(job, recipe) for job in jobs}
    done = {job.name: row for job in jobs if resume and (row := _finished(out / job.name, marks[job.name]))}
    todo = [job for job in jobs if job.name not in done]
    _sweep(out, todo)
    order = {job.name: i for i, job in enumerate(jobs)}
    bar = _bar(len(jobs), len(done), progress)
    try:
        tasks = {job.name: (job, recipe, str(out)) for job in todo}
        with closing(runner(scheduler, workers)(run_job, tasks)) as rows:
            for name, row, lost in rows:
                if lost:
                    row = {"scan": name, "status": "failed", "message": lost}
                    write_failed(row, recipe, str(out))
                done[name] = row
                write_json(out / name / "done.json", {"mark": marks[name], "row": row})
                # the table grows with every scan, so that a run that is stopped leaves what it had
                _write_summary(out, done, order)
                bar(row)
    finally:
        bar(None)
    _write_summary(out, done, order)
    rows = [done[job.name] for job in jobs]
    _report(out, rows)
    return pd.DataFrame([{c: row.get(c) for c in SUMMARY_COLUMNS} for row in rows], columns=list(SUMMARY_COLUMNS))


def _write_summary(out: Path, done: dict[str, dict], order: dict[str, int]) -> None:
    write_csv(out / "summary.csv", SUMMARY_COLUMNS, sorted(done.values(), key=lambda row: order[row["scan"]]))


def _mark(job: Job, recipe: Recipe) -> dict[str, Any]:
    """What a result depends on; equal marks need no second analysis."""
    from oxyspy import __version__

    hashes = {}
    for file in job.inputs():
        try:
            hashes[Path(file).name] = sha256(file)
        except OSError as error:
            hashes[Path(file).name] = f"unreadable: {error.strerror}"
    return {"version": __version__, "code": _code(), "recipe": recipe.model_dump(mode="json"), "inputs": hashes}


@cache
def _code() -> str:
    """One hash of the package's code and facts: a version under development changes without its number."""
    digest = hashlib.sha256()
    for path in sorted(p for suffix in ("*.py", "*.yaml") for p in FOLDER.parent.rglob(suffix)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _finished(folder: Path, mark: dict[str, Any]) -> dict[str, Any] | None:
    """The row of a scan that is already done with these inputs, recipe and version."""
    try:
        content = json.loads((folder / "done.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = json.loads(json.dumps(mark)) == content.get("mark")
    return content.get("row") if same and content["row"].get("status") != "failed" else None


def _sweep(out: Path, todo: Sequence[Job]) -> None:
    """Take away what a killed run was writing, and the marks of results that are about to be replaced."""
    for folder in (out, *(out / job.name for job in todo)):
        for part in folder.glob(".*-*.part*"):
            part.unlink(missing_ok=True)
    for job in todo:
        # a run killed half-way through a new recipe must not pass for the old one's
        (out / job.name / "done.json").unlink(missing_ok=True)


def _bar(total: int, done: int, progress: bool) -> Callable:
    """A progress bar that counts failures; called with each row, and with None at the end."""
    if not progress:
        return lambda row: None
    from tqdm import tqdm

    bar = tqdm(total=total, initial=done, unit="scan", desc="analyse")
    failed = [0]

    def step(row: dict | None) -> None:
        if row is None:
            bar.close()
            return
        failed[0] += row["status"] == "failed"
        bar.set_postfix_str(f"{failed[0]} failed")
        bar.update()

    return step


def _report(out: Path, rows: list[dict]) -> None:
    from oxyspy.workflow.report import write_report

    write_report(out, rows)
