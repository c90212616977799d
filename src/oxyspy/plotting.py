"""One look for every figure: colour-blind-safe, labelled with units, fit to print."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oxyspy.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito's palette, safe for the common colour-vision deficiencies (jfly.uni-koeln.de/color)
COLOURS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#808080",
}

STYLE = {
    "axes.grid": False,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "savefig.dpi": 200,
    "xtick.direction": "in",
    "ytick.direction": "in",
}


@contextmanager
def style() -> Iterator[None]:
    """The project's style while a figure is drawn; as a decorator, ``@style()``, for a function that draws one."""
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        yield


def figure(nrows: int = 1, ncols: int = 1, *, size: tuple[float, float] | None = None, **kwargs):
    """Return a pyplot figure and its axes in the project's style; ``size`` in inches."""
    import matplotlib.pyplot as plt

    with style():
        return plt.subplots(nrows, ncols, figsize=size, **kwargs)


def save_figure(fig: Figure, path: str | os.PathLike) -> None:
    """Save a figure whole or not at all and close it."""
    import matplotlib.pyplot as plt

    with whole_file(path) as aside, style():
        fig.savefig(aside)
    plt.close(fig)
