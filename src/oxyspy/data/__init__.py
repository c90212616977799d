"""Facts as YAML, each with its unit, source and method; the one place that reads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from oxyspy.errors import ReadError

FOLDER = Path(__file__).parent


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file of the user's or of the package; syntax errors name file and line."""
    import yaml

    path = Path(path)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReadError(f"{path}: not readable as YAML: {error}") from error


@cache
def load(name: str) -> Any:
    """Return the content of ``data/<name>.yaml``; shared between callers, so never changed in place."""
    return read_yaml(FOLDER / f"{name}.yaml")
