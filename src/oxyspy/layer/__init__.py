"""From profiles along a line scan to the thickness of the reacted layer.

The layer runs from the cathode's surface, where the metal signal sets in (`surface`), to where a witness of the metal's
state changes (`witness`, `change`); `fit` puts both together and says whether there is a layer at all.
"""

from oxyspy.layer.fit import ReactedLayer, fit_layer, layer_level
from oxyspy.layer.surface import Surface, find_surface
from oxyspy.layer.witness import Level, Witness, fit_levels

__all__ = ["Level", "ReactedLayer", "Surface", "Witness", "find_surface", "fit_layer", "fit_levels", "layer_level"]
