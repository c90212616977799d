from .spots import Spots, expected_spots
from .structures import Crystal, crystal, crystals, from_structure

__all__ = [
    "Crystal",
    "Spots",
    "crystal",
    "crystals",
    "expected_spots",
    "from_structure",
]
