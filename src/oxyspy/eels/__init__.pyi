from . import (
    background,
    calibration,
    deconvolution,
    edges,
    functionals,
    white_lines,
    windows,
    zero_loss,
)

__all__ = [
    "background",
    "calibration",
    "deconvolution",
    "edges",
    "functionals",
    "white_lines",
    "windows",
    "zero_loss",
]
