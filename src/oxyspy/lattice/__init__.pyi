from .fit import LatticeFit, fit_lattice
from .observed import ObservedSpots, find_spots
from .parent import Variant, variants
from .spots import Spots, expected_spots
from .structures import Crystal, crystal, crystals, from_structure

__all__ = [
    "Crystal",
    "LatticeFit",
    "ObservedSpots",
    "Spots",
    "Variant",
    "crystal",
    "crystals",
    "expected_spots",
    "find_spots",
    "fit_lattice",
    "from_structure",
    "variants",
]
