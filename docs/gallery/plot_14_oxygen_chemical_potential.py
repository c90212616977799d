"""
The oxygen chemical potential outside
=====================================

The driving force through a coating is the difference of the oxygen chemical potentials on its two sides. Against oxygen
gas it follows from the JANAF table, temperature and pressure.
"""

import numpy as np

from oxyspy.plotting import COLOURS, figure
from oxyspy.transport import oxygen_gas

atm = 101325.0
print(f"air at 300 K: {oxygen_gas(300.0, 0.21 * atm):.3f} eV; the study's value is -5.24 eV")

T = np.linspace(300.0, 1000.0, 60)
fig, ax = figure(size=(5.2, 3.2))
for pressure, colour in ((1.0, "blue"), (0.21, "green"), (1e-6, "vermilion")):
    ax.plot(T, oxygen_gas(T, pressure * atm), color=COLOURS[colour], label=f"O$_2$, {pressure:g} atm")
ax.axhline(-4.95, color=COLOURS["black"], ls="--", label="NiO$_2$ to NiO")
ax.set(xlabel="temperature (K)", ylabel="oxygen chemical potential (eV)")
_ = ax.legend()
