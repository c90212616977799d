"""Edges, their calibrating features and their measuring windows."""

from __future__ import annotations

from dataclasses import dataclass

from oxyspy.data import load
from oxyspy.errors import InputError

Window = tuple[float, float]
Feature = tuple[float, float, float]


@dataclass(frozen=True)
class Edge:
    """One core-loss edge; energies in eV, windows on a calibrated axis.

    Attributes
    ----------
    name, element
        For example ``"Mn_L"`` and ``"Mn"``.
    kind, energy, sigma
        The landmark that finds the edge: ``"peak"`` (the L3 maximum) or ``"onset"``, its energy, and how well that
        energy is known before the valence is.
    features
        What edge finding sees of it, the main one first: distance from the landmark and tolerance in eV, and weight.
    background, post
        Fit window of the background and, for white lines, the window after L2 that sets the continuum.
    splitting
        Range in which L2 - L3 is looked for.
    pre_edge, main
        Windows of the O K pre-edge and main edge.
    """

    name: str
    element: str
    kind: str
    energy: float
    sigma: float
    features: tuple[Feature, ...]
    background: Window | None = None
    post: Window | None = None
    splitting: Window | None = None
    pre_edge: Window | None = None
    main: Window | None = None


def edges() -> dict[str, Edge]:
    """Return all shipped edges by name, in order of energy."""
    found = {}
    for name, facts in load("edges").items():
        mark = facts["landmark"]
        windows = {
            key: tuple(facts[key]) for key in ("background", "post", "splitting", "pre_edge", "main") if key in facts
        }
        features = tuple(tuple(one) for one in mark.get("maxima", ())) or _lines(windows["splitting"])
        found[name] = Edge(name, facts["element"], mark["kind"], mark["ev"], mark["sigma_ev"], features, **windows)
    return found


def _lines(splitting: Window) -> tuple[Feature, ...]:
    """Two white lines: the first is the landmark, the second somewhere in the splitting's range."""
    low, high = splitting
    return ((0.0, 2.0, 1.0), ((low + high) / 2, max((high - low) / 2, 1.5), 0.7))


def edge(name: str) -> Edge:
    """Return the edge ``name`` (``"Mn_L"``), with the known names in the error where there is none.

    Parameters
    ----------
    name
        Element and shell, as ``"Mn_L"`` or ``"O_K"``.

    Returns
    -------
    Edge
        Its energies and windows, from ``data/edges.yaml``.

    Examples
    --------
    >>> from oxyspy.eels import edge
    >>> edge("Mn_L").background
    (600.0, 632.0)
    """
    known = edges()
    if name not in known:
        raise InputError(f"edge {name!r} is not known; known are {', '.join(known)}")
    return known[name]
