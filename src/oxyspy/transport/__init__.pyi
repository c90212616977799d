from . import (
    coating,
    compare,
    forward,
    inverse,
    model,
    onsager,
    permeation,
    quantities,
    uncertainty,
)
from .coating import Coating, Coatings, IonTransport, coatings
from .compare import Comparison, compare_coatings
from .forward import DensificationTime, densification_time
from .inverse import AllowedDiffusivity, RequiredDiffusivity, allowed_diffusivity, required_diffusivity
from .onsager import concentration_of, density_of, diffusivity_of_onsager, onsager_coefficient

__all__ = [
    "AllowedDiffusivity",
    "Coating",
    "Coatings",
    "Comparison",
    "DensificationTime",
    "IonTransport",
    "RequiredDiffusivity",
    "allowed_diffusivity",
    "coating",
    "coatings",
    "compare",
    "compare_coatings",
    "concentration_of",
    "densification_time",
    "density_of",
    "diffusivity_of_onsager",
    "forward",
    "inverse",
    "model",
    "onsager",
    "onsager_coefficient",
    "permeation",
    "quantities",
    "required_diffusivity",
    "uncertainty",
]
