"""Oxygen through a coating: from the coating's diffusivity to the layer it lets through, and back.

Submodules
----------
coating, coating_files
    A coating; coatings as data, the study's and the user's own.
arrhenius, fitted, posterior
    D(T) by Arrhenius and VFT, what a fit says elsewhere, and what was known of Ea before.
onsager
    D, concentration and Onsager coefficient.
chemical_potential, phase_diagram
    Oxygen's chemical potential, in gas, by reactions, and in phase diagrams open to oxygen and lithium.
charge
    The time that counts: cycles, and a charge curve with the cathode's potential by voltage.
permeation
    Flux, time and layer at steady state; kernels on arrays.
transient, resistance, uneven
    Beyond that: time lag, the layer's own resistance, uneven coatings and pinholes.
inverse, forward, beyond
    The diffusivity a coating must have had, the time a layer takes and the layer after a time, with their
    uncertainty; the same with what the steady model leaves out.
compare, design
    Could a known coating have let that layer through? Which coating, and how thick?
figures
    Required diffusivity, growth, and the trade-off of coatings.
quantities, model, uncertainty
    The table of quantities, their units and limits; the steady model for all directions; intervals by first order
    and by draws.
reproduce
    Every number of the study beside ours.

Units all through: cm, s, eV, cm-3, K, cm2/s, g/cm3, V, Pa; Onsager coefficients in eV-1 cm-1 s-1. Every public function
also takes text with a unit (``"2.0 +- 0.3 nm"``), pint quantities and lists of them; the kernels of `permeation`,
`transient` and `resistance` take numbers.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
