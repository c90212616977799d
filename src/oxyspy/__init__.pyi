from . import (
    components,
    data,
    dynamics,
    eels,
    errors,
    io,
    lattice,
    layer,
    plotting,
    signals,
    simulate,
    transport,
    units,
    workflow,
)
from .io import LineScan, load_scan
from .workflow import analyse

__all__ = [
    "LineScan",
    "analyse",
    "components",
    "data",
    "dynamics",
    "eels",
    "errors",
    "io",
    "lattice",
    "layer",
    "load_scan",
    "plotting",
    "signals",
    "simulate",
    "transport",
    "units",
    "workflow",
]
