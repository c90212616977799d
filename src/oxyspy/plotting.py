"""One look for every figure: colour-blind-safe, labelled with units, fit to print."""

from __future__ import annotations

import os
import threading
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


# Matplotlib's settings are one for a process, and a worker of a cluster may have several threads
_LOCK = threading.RLock()


@contextmanager
def style() -> Iterator[None]:
    """The project's style while a figure is drawn; as a decorator, ``@style()``, for a function that draws one.

    Examples
    --------
    >>> from oxyspy.plotting import style
    >>> with style():
    ...     from matplotlib import pyplot
    ...     fig, ax = pyplot.subplots()
    """
    import matplotlib as mpl

    with _LOCK, mpl.rc_context(STYLE):
        yield


def figure(nrows: int = 1, ncols: int = 1, *, size: tuple[float, float] | None = None, **kwargs):
    """Return a figure and its axes in the project's style, of pyplot where that can show it; ``size`` in inches.

    Parameters
    ----------
    nrows, ncols
        Of axes.
    size
        Width and height in inches.
    **kwargs
        For `matplotlib.pyplot.subplots`.

    Returns
    -------
    tuple of Figure and Axes
        As of `matplotlib.pyplot.subplots`.

    Examples
    --------
    >>> from oxyspy.plotting import COLOURS, figure
    >>> fig, ax = figure(size=(4.0, 3.0))
    >>> _ = ax.plot([0, 1], [0, 1], color=COLOURS["blue"])
    """
    with style():
        if threading.current_thread() is threading.main_thread():
            import matplotlib.pyplot as plt

            return plt.subplots(nrows, ncols, figsize=size, **kwargs)
        from matplotlib.figure import Figure

        # windows belong to the main thread
        fig = Figure(figsize=size)
        return fig, fig.subplots(nrows, ncols, **kwargs)


def save_figure(fig: Figure, path: str | os.PathLike) -> None:
    """Save a figure whole or not at all and close it.

    Parameters
    ----------
    fig
        Closed afterwards.
    path
        Its ending says the format.

    Examples
    --------
    >>> from oxyspy.plotting import figure, save_figure
    >>> fig, ax = figure(size=(2.0, 2.0))
    >>> save_figure(fig, "empty.png")
    """
    import matplotlib.pyplot as plt

    with whole_file(path) as aside, style():
        fig.savefig(aside)
        plt.close(fig)
