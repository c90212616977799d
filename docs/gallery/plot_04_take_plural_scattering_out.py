"""
Take plural scattering out
==========================

An electron that excited a core level may lose energy to plasmons too. The Fourier ratio with the low loss of the same
place undoes that. The spectra come with eXSpy: an oxide of manganese, which one is not said. Its axis is put right by
L3 alone, since one edge tells an offset and no dispersion; ratios need no more.
"""

from pathlib import Path

import exspy
import hyperspy.api as hs

from oxyspy.plotting import COLOURS, figure

folder = Path(exspy.__file__).parent / "tests" / "components"
core = hs.load(folder / "coreloss_spectrum.msa", signal_type="core_loss_EELS")
low = hs.load(folder / "lowloss_spectrum.msa", signal_type="EELS")

axis = core.axes_manager.signal_axes[0]
line = core.isig[640.0:656.0]
moved = 642.0 - line.energy[line.data.argmax()]
axis.offset += moved
print(f"L3 moved by {moved:+.1f} eV, to 642 eV")
net = core.remove_power_law("Mn_L")
single = net.deconvolve(low)

fig, ax = figure(size=(6.0, 3.2))
ax.plot(net.energy, net.data, color=COLOURS["grey"], label="without background")
ax.plot(single.energy, single.data, color=COLOURS["blue"], label="single scattering")
ax.set(xlabel="energy loss (eV)", ylabel="counts", xlim=(620, 680))
_ = ax.legend()

# %%
# The ratio changes, and each says how it was made: never compare one with the other.

for name, signal in (("as recorded", net), ("deconvolved", single)):
    lines = signal.white_lines()
    print(f"{name}: L3/L2 = {lines['ratio'].data[0]:.2f} ± {lines['ratio_sigma'].data[0]:.2f}")
print(lines["ratio"].metadata.oxyspy.method)
