"""
Put the energy axis right
=========================

Spectrometers are off by 10 eV and more, in offset and in dispersion. Windows at fixed energies then miss every edge in
silence. `calibrate_edges` finds the edges by their pattern and puts the axis right by them. This scan was made with a
dispersion 2.6 % wrong and an offset of -3.7 eV.
"""

import oxyspy
from oxyspy.data import FOLDER
from oxyspy.plotting import COLOURS, figure

core = oxyspy.load_scan(FOLDER / "demo" / "rocksalt_4nm_wrong_axis").core_loss
recorded = core.energy.copy()
print(core.calibrate_edges())

# %%
# The bulk before and after, with the edges where they belong.

bulk = core.inav[14.0:].sum("Position" if "Position" in [a.name for a in core.axes_manager.navigation_axes] else 0).data
fig, axes = figure(2, 1, size=(6.4, 4.2), sharex=True)
for ax, energy, title in zip(axes, (recorded, core.energy), ("as recorded", "calibrated"), strict=True):
    ax.semilogy(energy, bulk.clip(1), color=COLOURS["blue"], lw=0.8)
    for name, ev in (("O K", 532), ("Mn L3", 643), ("Co L3", 779), ("Ni L3", 855)):
        ax.axvline(ev, color=COLOURS["grey"], lw=0.8, ls="--")
        if ax is axes[0]:
            ax.annotate(name, (ev, 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=8)
    ax.set_ylabel("counts")
    ax.annotate(title, (0.98, 0.85), xycoords="axes fraction", ha="right")
axes[1].set(xlabel="energy loss (eV)", xlim=(480, 920))
axes[0].set_ylim(bottom=axes[1].get_ylim()[0])
