from .agreement import LayerAgreement, combine_layers
from .demodulation import Demodulated, demodulate
from .fit import LatticeFit, fit_lattice
from .identify import PhaseIdentity, identify_phase
from .mapping import PhaseMap, phase_map
from .observed import ObservedSpots, find_spots
from .parent import Variant, variants
from .spots import Spots, expected_spots
from .structures import Crystal, crystal, crystals, from_structure
from .thickness import ImageLayer, layer_thickness

__all__ = [
    "Crystal",
    "Demodulated",
    "ImageLayer",
    "LatticeFit",
    "LayerAgreement",
    "ObservedSpots",
    "PhaseIdentity",
    "PhaseMap",
    "Spots",
    "Variant",
    "combine_layers",
    "crystal",
    "crystals",
    "demodulate",
    "expected_spots",
    "find_spots",
    "fit_lattice",
    "from_structure",
    "identify_phase",
    "layer_thickness",
    "phase_map",
    "variants",
]
