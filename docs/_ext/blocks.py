"""The code blocks of a page, and what they print when they run; shared by the build and the tests.

Blocks of one page run in one namespace, in order, in a folder that holds `test_data`. Python blocks are fenced
as ``python`` or ``{run}``; commands as ``console``, each line after ``$`` one command.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(`{3,})(python|\{run\}|console|\{console\})[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Return (kind, code) of every block of a page, kind ``python`` or ``console``."""
    return [("console" if "console" in kind else "python", code) for _, kind, code in FENCE.findall(text)]


def prepare(folder: Path) -> Path:
    """Give a folder the data that pages read."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "test_data"
    if not link.exists():
        link.symlink_to(ROOT / "test_data", target_is_directory=True)
    return folder


def run_python(code: str, namespace: dict, folder: Path) -> str:
    """Run a block and return what it printed."""
    printed = io.StringIO()
    here = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, "<page>", "exec"), namespace)  # noqa: S102
    finally:
        os.chdir(here)
    return printed.getvalue()


def commands_of(code: str) -> list[str]:
    """Return the commands of a console block; a line that ends in a backslash goes on."""
    return [line[2:] for line in code.replace("\\\n", "").splitlines() if line.startswith("$ ")]


def run_command(command: str, folder: Path) -> tuple[int, str]:
    """Run an ``oxyspy`` command as a user would; returns its status and what it printed."""
    words = shlex.split(command)
    if words[0] != "oxyspy":
        raise ValueError(f"a page shows {command!r}; only oxyspy commands can be run")
    words = [str(one) for word in words for one in (sorted(_glob(folder, word)) or [word])]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "oxyspy.cli", *words[1:]],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env=os.environ | {"MPLBACKEND": "Agg", "TQDM_DISABLE": "1", "COLUMNS": "96"},
    )  # fmt: skip
    return done.returncode, done.stdout


def _glob(folder: Path, word: str) -> list[Path]:
    return [path.relative_to(folder) for path in folder.glob(word)] if "*" in word else []
