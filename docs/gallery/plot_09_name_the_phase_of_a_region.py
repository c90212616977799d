"""
Name the phase of a region
==========================

Slice a lattice image to the region in question and ask which crystal it shows, along which zone axis. The image is
simulated: a particle of layered oxide whose surface is rocksalt, with pixels about 1 % wrong.
"""

from oxyspy.plotting import figure
from oxyspy.signals import LatticeImage
from oxyspy.simulate import simulate_image

made = simulate_image((512, 512), thickness_nm=3.5, surface_at=0.25, distortion=0.01, seed=3)
image = LatticeImage(made.counts)
image.axes_manager.signal_axes.set(scale=made.pixel_nm, units="nm")

regions = {"reacted layer": image.isig[2.9:5.7, 1.0:9.0], "bulk": image.isig[7.0:10.0, 1.0:9.0]}
for name, region in regions.items():
    print(f"{name}: {region.identify_phase()}\n")

# %%
# What an FFT cannot tell apart stands in the answer, never a guess.

fig, axes = figure(1, 2, size=(7.0, 3.6))
for ax, (name, region) in zip(axes, regions.items(), strict=True):
    ax.imshow(region.data[:200], cmap="gray")
    ax.set(title=name, xticks=[], yticks=[])
