"""Which commit a table was made at."""

from __future__ import annotations

import subprocess
from pathlib import Path


def this_commit() -> str:
    """Return ", commit abc1234" of the tree that this file lies in, with "and changes" where there are some."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "../src")
        return f", commit {git('rev-parse', '--short', 'HEAD')}" + (" and changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
