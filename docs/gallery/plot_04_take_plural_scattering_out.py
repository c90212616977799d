"""
Take plural scattering out
==========================

An electron that excited a core level may lose energy to plasmons too. The Fourier ratio with the low loss of the same
place undoes that. The spectra, with the edges of Mn and O, come with eXSpy. With only two edges, one of them broad,
the calibrated axis is known to some eV.
"""

from pathlib import Path

import exspy
import hyperspy.api as hs

from oxyspy.plotting import COLOURS, figure

folder = Path(exspy.__file__).parent / "tests" / "components"
core = hs.load(folder / "coreloss_spectrum.msa", signal_type="core_loss_EELS")
low = hs.load(folder / "lowloss_spectrum.msa", signal_type="EELS")

print(core.calibrate_edges())
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
