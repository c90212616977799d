"""Recipes of dynamics: frozen dataclasses whose quantities are read from text with units."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, field, fields
from pathlib import Path
from typing import Any, TypeVar

from oxyspy.data import read_yaml
from oxyspy.errors import InputError
from oxyspy.units import parse

Kind = TypeVar("Kind")


def quantity(unit: str, default: Any = MISSING) -> Any:
    """Return a field of a recipe that is read as text with a unit, and kept in this one."""
    return field(metadata={"unit": unit}) if default is MISSING else field(default=default, metadata={"unit": unit})


def read_fields(kind: type[Kind], source: str | os.PathLike | Mapping[str, Any], where: str = "recipe") -> Kind:
    """Return a recipe from YAML or a mapping.

    Raises
    ------
    InputError
        A name that is not known or missing, or a quantity without its unit; the text says which.
    """
    content = source if isinstance(source, Mapping) else read_yaml(source)
    where = where if isinstance(source, Mapping) else str(Path(source))
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: found no mapping of names to values")
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(set(content) - set(known)):
        raise InputError(f"{where}: {', '.join(map(repr, unknown))} not known; known are {', '.join(known)}")
    values: dict[str, Any] = {}
    for name, value in content.items():
        unit = known[name].metadata.get("unit")
        if unit and isinstance(value, (list, tuple)):
            values[name] = tuple(parse(one, unit, f"{where}: {name}") for one in value)
        elif unit and value is not None:
            values[name] = parse(value, unit, f"{where}: {name}")
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    try:
        return kind(**values)
    except TypeError as error:
        raise InputError(f"{where}: {str(error).split('__init__() ')[-1]}") from error
