from .core_loss import CoreLossEELSSpectrum, LazyCoreLossEELSSpectrum
from .lattice_image import LatticeImage, LazyLatticeImage

__all__ = [
    "CoreLossEELSSpectrum",
    "LatticeImage",
    "LazyCoreLossEELSSpectrum",
    "LazyLatticeImage",
]
