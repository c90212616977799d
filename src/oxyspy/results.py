"""What all result classes share."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def to_plain(value: Any) -> Any:
    """Turn a result into lists, dicts, numbers and text, with ``None`` for numbers that are not finite.

    Parameters
    ----------
    value
        A result, an array, or what holds them.

    Returns
    -------
    dict, list, float, str, bool or None
        What JSON can hold.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.results import to_plain
    >>> to_plain({"layer_nm": np.float64(2.0), "sigma_nm": np.nan})
    {'layer_nm': 2.0, 'sigma_nm': None}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return value.as_posix()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"a result holds {value!r} of type {type(value).__name__}, which has no plain form")


class Result:
    """Base of the frozen dataclasses that carry numbers with their errors and their method."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain lists, dicts, numbers and text."""
        return to_plain(self)
