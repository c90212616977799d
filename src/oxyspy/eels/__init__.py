"""Kernels of the EELS chain, on arrays whose last axis is the energy-loss axis.

Submodules
----------
edges
    Edges, their calibrating features and measuring windows, from ``data/edges.yaml``.
windows
    Windows and steps as weights on channels.
zero_loss
    Zero-loss peak: position, area, width; t/λ.
calibration
    Edge finding on a wrong energy axis, offset and dispersion.
background
    Power law by Poisson maximum likelihood.
deconvolution
    Fourier ratio and its adjoint.
functionals
    Numbers linear in the counts, with their exact covariance.
white_lines
    Two-step continuum, L3 and L2 areas, ratio, positions.
pre_edge
    O K pre-edge.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
