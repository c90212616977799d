from .core_loss import CoreLossEELSSpectrum, LazyCoreLossEELSSpectrum
from .lattice_image import LatticeImage, LazyLatticeImage
from .maps import SignalMaps

__all__ = [
    "CoreLossEELSSpectrum",
    "LatticeImage",
    "LazyCoreLossEELSSpectrum",
    "LazyLatticeImage",
    "SignalMaps",
]
