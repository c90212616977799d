"""Lattice images: which spots a crystal gives, which an image has, which phase is where, how thick the layer is."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
