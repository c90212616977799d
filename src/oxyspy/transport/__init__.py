"""Oxygen through a coating: from the coating's diffusivity to the layer it lets through, and back.

Submodules
----------
coating, coating_files
    A coating; coatings as data, the study's and the user's own.
arrhenius, fitted
    D(T) by Arrhenius and VFT, and what a fit says elsewhere.
onsager
    D, concentration and Onsager coefficient.
chemical_potential, phase_diagram
    Oxygen's chemical potential, in gas, by reactions, along a charge, and in phase diagrams.
permeation
    Flux, time and layer at steady state, and over cycles; kernels on arrays.
transient, resistance, uneven
    Beyond that: time lag, the layer's own resistance, uneven coatings and pinholes.
inverse, forward, beyond
    The diffusivity a coating must have had, and the time a layer takes, with their uncertainty; the same with
    what the steady model leaves out.
compare, design
    Could a known coating have let that layer through? Which coating, and how thick?
figures
    Required diffusivity, growth, and the trade-off of coatings.
quantities, model, uncertainty
    What inputs may be; the steady model for both directions; intervals by first order and by draws.
reproduce
    Every number of the study beside ours.

Units all through: cm, s, eV, cm-3, K; Onsager coefficients in eV-1 cm-1 s-1. The public functions also take text with
a unit (``"2.0 +- 0.3 nm"``) and pint quantities; the kernels of `permeation`, `transient` and
`resistance` take numbers.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
