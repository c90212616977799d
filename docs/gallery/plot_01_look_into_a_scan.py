"""
Look into a scan
================

A dual-EELS line scan is two spectra at every position: a low loss and a core loss. `oxyspy.load_scan` finds out which
file holds which from the data, not from the names, and says what it saw. The scan is one of the four that come with the
package: real ``.dm4`` files, simulated, so that their truth is known.
"""

import oxyspy
from oxyspy.data import FOLDER

scan = oxyspy.load_scan(FOLDER / "demo" / "rocksalt_2nm")
print(scan)

# %%
# The signals are HyperSpy's: everything you know works on them. Here are the core loss at three places, in vacuum, in
# the coating and in the bulk.

from oxyspy.plotting import COLOURS, figure

fig, ax = figure(size=(6.0, 3.2))
for nm, colour, name in ((1, "grey", "vacuum"), (4, "sky", "coating"), (15, "vermilion", "bulk")):
    spectrum = scan.core_loss.inav[float(nm)]
    ax.semilogy(spectrum.energy, spectrum.data.clip(1), color=COLOURS[colour], lw=0.8, label=f"{name}, {nm} nm")
ax.set(xlabel="energy loss (eV)", ylabel="counts")
_ = ax.legend()
