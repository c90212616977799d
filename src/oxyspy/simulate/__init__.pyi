from . import eels, lattice, spectrum_image
from .eels import SimulatedScan, simulate_scan
from .lattice import SimulatedImage, simulate_image
from .spectrum_image import SimulatedSpectrumImage, simulate_spectrum_image

__all__ = [
    "SimulatedImage",
    "SimulatedScan",
    "SimulatedSpectrumImage",
    "eels",
    "lattice",
    "simulate_image",
    "simulate_scan",
    "simulate_spectrum_image",
    "spectrum_image",
]
