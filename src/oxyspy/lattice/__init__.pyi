from .agreement import LayerAgreement, combine_layers
from .contours import boundaries
from .demodulation import Demodulated, demodulate
from .fit import LatticeFit, fit_lattice
from .identify import PhaseIdentity, identify_phase
from .mapping import phase_map
from .maps import PhaseMap
from .observed import ObservedSpots, find_spots
from .parent import Variant, variants
from .spots import Spots, expected_spots, low_index_zones
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
    "boundaries",
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
    "low_index_zones",
    "phase_map",
    "variants",
]
