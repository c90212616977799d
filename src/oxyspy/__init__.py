"""oxyspy: the reacted layer under a cathode coating, and the oxygen permeability the coating must have had.

Submodules
----------
io
    Files to a `LineScan`.
signals, components
    What HyperSpy gets: `CoreLossEELSSpectrum`, `LatticeImage` and the two-step continuum.
eels, lattice
    Kernels on arrays: spectra along the last axis, images along the last two.
layer
    Profiles along a line scan to the thickness of the reacted layer.
transport, dynamics
    Coatings, permeation forward and inverse; trajectories to diffusivities.
simulate
    Line scans and lattice images with known truth.
statistics
    Scans to samples and conditions: means, spreads, trends, tests.
workflow
    A recipe and a scan to results on disk.
"""

import lazy_loader as _lazy

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
