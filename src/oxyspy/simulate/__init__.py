"""Line scans and lattice images with known truth.

Submodules
----------
eels
    Dual-EELS line scans across vacuum, coating, reacted layer and bulk.
spectrum_image
    Dual-EELS spectrum images of the same, with a rough surface.
lattice
    HAADF-STEM lattice images of layered, spinel and rocksalt phases.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
