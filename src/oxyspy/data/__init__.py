"""Facts as YAML, each with its unit, source and method; the one place that reads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from oxyspy.errors import ReadError

FOLDER = Path(__file__).parent


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file of the user's or of the package; syntax errors name file and line.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    dict, list, str or number
        What it holds.

    Examples
    --------
    >>> from oxyspy.data import FOLDER, read_yaml
    >>> read_yaml(FOLDER / "demo" / "truth.yaml")["scans"]["rocksalt_2nm"]["layer_nm"]
    2.0
    """
    import yaml

    try:
        return yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise ReadError(f"{path}: not readable as YAML: {error}") from error


def read_text(path: str | Path) -> str:
    """Read a text file in UTF-8, with or without a byte-order mark.

    Parameters
    ----------
    path
        Of the file.

    Returns
    -------
    str
        Its text.

    Examples
    --------
    >>> from oxyspy.data import FOLDER, read_text
    >>> read_text(FOLDER / "recipes" / "nmc.yaml").splitlines()[1]
    'name: nmc'
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not text in UTF-8 ({error.reason} at byte {error.start}); save it as such") from error


@cache
def load(name: str) -> Any:
    """Return the content of ``data/<name>.yaml``; shared between callers, so never changed in place.

    Parameters
    ----------
    name
        Of the file, without its ending.

    Returns
    -------
    dict, list, str or number
        What it holds.

    Examples
    --------
    >>> from oxyspy.data import load
    >>> load("edges")["O_K"]["element"]
    'O'
    """
    return read_yaml(FOLDER / f"{name}.yaml")
