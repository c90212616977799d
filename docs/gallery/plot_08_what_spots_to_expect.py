"""
What spots to expect
====================

Along rocksalt [110] the three phases share one parent lattice. Layered adds one half-order spot (003), spinel both
(111), rocksalt neither. Geometry cannot tell them apart: rocksalt 111 and layered 006 differ by 2 %.
"""

from oxyspy.lattice import crystal, expected_spots
from oxyspy.plotting import COLOURS, figure

zones = {"layered": (1, 0, 0), "spinel": (1, 1, 0), "rocksalt": (1, 1, 0)}
fig, axes = figure(1, 3, size=(9.0, 3.2), sharex=True, sharey=True)
for ax, (name, zone) in zip(axes, zones.items(), strict=True):
    spots = expected_spots(crystal(name), zone, g_max=7.0)
    intensity = abs(spots.amplitude) ** 2
    size = 120 * intensity / intensity[spots.length > 0.1].max()
    ax.scatter(*spots.g[spots.length > 0.1].T, s=size[spots.length > 0.1], color=COLOURS["blue"], lw=0)
    ax.set(title=f"{name} [{zone[0]}{zone[1]}{zone[2]}]", xlabel="1/nm", aspect="equal")
axes[0].set_ylabel("1/nm")
