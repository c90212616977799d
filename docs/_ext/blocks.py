"""The code blocks of a page, and what they print and draw when they run; shared by the build and the tests.

Blocks of one page run in one namespace, in order, in a folder of their own that holds `test_data`. Python blocks are
fenced as ``{run}`` on pages and ``python`` in README; commands as ``{console}``, each line after ``$`` one command.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import warnings
from pathlib import Path

import oxyspy

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(`{3,})([^\s`]+)[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
PAGE = "<page>"


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Return (kind, code) of every fenced block of a page, kind as after the fence without braces."""
    return [(kind.strip("{}"), code) for _, kind, code in FENCE.findall(text)]


def prepare(folder: Path) -> Path:
    """Make an empty folder with the data that pages read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "test_data").symlink_to(ROOT / "test_data", target_is_directory=True)
    return folder


def run_python(code: str, namespace: dict, folder: Path) -> str:
    """Run a block and return what it printed, with the warnings that oxyspy gave."""
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed), own_warnings(PAGE):
        exec(compile(code, PAGE, "exec"), namespace)  # noqa: S102
    return printed.getvalue()


@contextlib.contextmanager
def own_warnings(*files: str):
    """Print warnings of oxyspy and of these files where they come; those of other packages say nothing to a reader."""
    with warnings.catch_warnings():
        show_own_warnings(*files)
        yield


def show_own_warnings(*files: str) -> None:
    """The same, until warnings are set otherwise."""
    ours = (str(Path(oxyspy.__file__).parent), *files)

    def show(message, category, filename, lineno, file=None, line=None):
        if issubclass(category, UserWarning) and filename.startswith(ours):
            print(f"{category.__name__}: {message}")

    warnings.simplefilter("always")
    warnings.showwarning = show


def commands_of(code: str) -> list[str]:
    """Return the commands of a console block; a line that ends in a backslash goes on."""
    return [line[2:] for line in code.replace("\\\n", "").splitlines() if line.startswith("$ ")]


def run_command(command: str, folder: Path) -> tuple[int, str]:
    """Run an ``oxyspy`` command; returns its status and what it printed.

    In this process, since a new one imports for seconds; the CLI's own tests start it as a user does.
    """
    from oxyspy.cli import main

    words = shlex.split(command)
    if words[0] != "oxyspy":
        raise ValueError(f"a page shows {command!r}; only oxyspy commands can be run")
    words = [str(one) for word in words for one in (sorted(_glob(folder, word)) or [word])]
    printed = io.StringIO()
    with (
        contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed),
        own_warnings(), _environment(COLUMNS="96", TQDM_DISABLE="1"),
    ):  # fmt: skip
        try:
            status = main(words[1:])
        except SystemExit as end:
            status = end.code or 0
    return status, printed.getvalue()


@contextlib.contextmanager
def _environment(**wanted: str):
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _glob(folder: Path, word: str) -> list[Path]:
    return [path.relative_to(folder) for path in folder.glob(word)] if "*" in word else []
