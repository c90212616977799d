"""Kernels of the EELS chain, on arrays whose last axis is the energy-loss axis.

Submodules
----------
edges, windows
    Edges and their windows from ``data/edges.yaml``; windows and steps as weights on channels.
cleaning, bad_channels, alignment
    Spikes, bad channels and vacuum; drift by whole channels.
features, calibration
    White lines and onsets of a spectrum; which edges they are on a wrong axis, its offset and dispersion.
zero_loss, deconvolution, self_check
    Zero-loss peak and t/λ; Fourier ratio and its adjoint; whether it did what it should.
background
    Power law by Poisson maximum likelihood.
from_below
    Background of an edge on another's tail, fitted after plural scattering is taken out.
functionals, responses
    Numbers linear in the counts, with their exact covariance; white lines' weights from one transform a spectrum.
white_lines, maxima, tracking
    Two-step continuum, L3 and L2 areas and ratio; their maxima, in one spectrum and along a line.
pre_edge
    O K pre-edge.
valence
    L3/L2 to valence by a calibration of the same method.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
