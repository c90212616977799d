from .demodulation import Demodulated, demodulate
from .fit import LatticeFit, fit_lattice
from .mapping import PhaseMap, phase_map
from .observed import ObservedSpots, find_spots
from .parent import Variant, variants
from .spots import Spots, expected_spots
from .structures import Crystal, crystal, crystals, from_structure

__all__ = [
    "Crystal",
    "Demodulated",
    "LatticeFit",
    "ObservedSpots",
    "PhaseMap",
    "Spots",
    "Variant",
    "crystal",
    "crystals",
    "demodulate",
    "expected_spots",
    "find_spots",
    "fit_lattice",
    "from_structure",
    "phase_map",
    "variants",
]
