"""Kernels of the EELS chain, on arrays whose last axis is the energy-loss axis.

Submodules
----------
edges, windows
    Edges and their windows from ``data/edges.yaml``; windows and steps as weights on channels.
cleaning, alignment, calibration
    Spikes and vacuum; drift by whole channels; edge finding on a wrong axis, offset and dispersion.
zero_loss, deconvolution
    Zero-loss peak and t/λ; Fourier ratio and its adjoint.
background
    Power law by Poisson maximum likelihood.
functionals
    Numbers linear in the counts, with their exact covariance.
white_lines, maxima, tracking
    Two-step continuum, L3 and L2 areas and ratio; their maxima, in one spectrum and along a line.
pre_edge
    O K pre-edge.
valence
    L3/L2 to valence by a calibration of the same method.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
