"""
White lines along a scan
========================

L3 and L2 of manganese above a two-step continuum, at every position, with errors from the counts. Single positions are
noisy, and where L2 is within three errors of zero there is no ratio. Sum first, divide second.
"""

import numpy as np

import oxyspy
from oxyspy.data import FOLDER
from oxyspy.plotting import COLOURS, figure

scan = oxyspy.load_scan(FOLDER / "demo" / "rocksalt_2nm")
core = scan.core_loss
core.calibrate_edges()
lines = core.remove_power_law("Mn_L").deconvolve(scan.low_loss).white_lines()

x = scan.positions_nm
fig, axes = figure(2, 1, size=(6.0, 4.6), sharex=True)
for name, colour in (("l3", "blue"), ("l2", "vermilion")):
    axes[0].errorbar(
        x, lines[name].data, lines[f"{name}_sigma"].data, fmt="o", ms=3, color=COLOURS[colour], label=name.upper()
    )
axes[0].set_ylabel("area (counts)")
axes[0].legend()
axes[1].errorbar(x, lines["ratio"].data, lines["ratio_sigma"].data, fmt="o", ms=3, color=COLOURS["green"])
axes[1].set(xlabel="position (nm)", ylabel="L3/L2", ylim=(0, 8))

# %%
# The scan has vacuum to 2 nm, coating to 6 nm, 2 nm of rocksalt-like layer (L3/L2 4.3) and bulk (1.98).

for name, where in (("layer", (x > 6.2) & (x < 7.8)), ("bulk", x > 9)):
    a3, a2 = (np.nansum(lines[n].data[where]) for n in ("l3", "l2"))
    print(f"{name}: L3/L2 of the summed areas {a3 / a2:.2f}")
