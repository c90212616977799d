"""From profiles along a line scan to the thickness of the reacted layer.

The layer runs from the cathode's surface, where the metal signal sets in (`surface`), to where a witness of the metal's
state changes (`witness`, `change`); `fit` puts both together, says whether there is a layer at all, and whether the
witnesses agree (`agreement`). An annular dark-field signal helps to find the surface (`adf`). Rows of one scan are
brought to one surface by `rows`.
"""

from oxyspy.layer.fit import fit_layer, layer_level
from oxyspy.layer.reacted import ReactedLayer, WitnessLayer
from oxyspy.layer.rows import RowShifts, find_rows
from oxyspy.layer.surface import Surface, find_surface
from oxyspy.layer.witness import Level, Witness, fit_levels

__all__ = [
    "Level",
    "ReactedLayer",
    "RowShifts",
    "Surface",
    "Witness",
    "WitnessLayer",
    "find_rows",
    "find_surface",
    "fit_layer",
    "fit_levels",
    "layer_level",
]
