from . import eels, lattice
from .eels import SimulatedScan, simulate_scan
from .lattice import SimulatedImage, simulate_image

__all__ = ["SimulatedImage", "SimulatedScan", "eels", "lattice", "simulate_image", "simulate_scan"]
