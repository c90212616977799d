"""What a report's figures share: Plotly's own dicts, with no more digits than show."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.plotting import COLOURS
from oxyspy.workflow.report_words import known

Content = Mapping[str, Any]
Figure = dict[str, Any]


def packed(value: Any) -> str:
    """Text, or anything else as JSON, as base64 of gzip, which browsers unpack; its bytes depend on nothing else."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 6, mtime=0)).decode("ascii")


def column(rows: Sequence[Content], name: str) -> NDArray:
    """Return a column of a table as numbers, ``nan`` where a row has none."""
    return np.array([row[name] if known(row.get(name)) else np.nan for row in rows], float)


def short(values: NDArray, digits: int = 5) -> list[float | None]:
    """Numbers to some digits, ``None`` where there is none."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, float)]


def shade(colour: str, alpha: float) -> str:
    """Return a colour of the palette that lets through what lies below."""
    red, green, blue = (int(COLOURS[colour][i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
