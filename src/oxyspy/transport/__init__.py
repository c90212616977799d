"""Oxygen through a coating: from the coating's diffusivity to the layer it lets through, and back.

Submodules
----------
coating
    Coatings as data, and the user's own.
arrhenius
    D(T) by Arrhenius and VFT, with prediction intervals.
onsager
    D, concentration and Onsager coefficient.
chemical_potential
    Oxygen's, in gas, by reactions, and in phase diagrams.
permeation
    Flux, time and layer at steady state; kernels on arrays.
beyond
    Time lag, the layer's own resistance, cycles, uneven coatings, pinholes.
inverse, forward
    The diffusivity a coating must have had, and the time a layer takes, with their uncertainty.
compare
    Could a known coating have let that layer through?
design
    Screening and least thickness.
figures
    Required diffusivity, growth, and the trade-off of coatings.
quantities, model, uncertainty
    What inputs may be; the steady model for both directions; intervals by first order and by draws.
reproduce
    Every number of the study beside ours.

Units all through: cm, s, eV, cm-3, K; Onsager coefficients in eV-1 cm-1 s-1. The public functions also take text with
a unit (``"2.0 +- 0.3 nm"``) and pint quantities; the kernels of `permeation` and `beyond` take numbers.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
