"""
From a HAADF image to a phase map
=================================

Which phase is where in a lattice image, and how thick is the reacted layer? The image, ``test_data/haadf``, is
simulated: 640 x 640 pixels of 0.02 nm at 5000 e/Å², a layered particle under rocksalt, with a wedge, a rough edge, scan
jitter, and pixels that are 2.2 % too large along y, as in many a real microscope.
"""

from pathlib import Path

import hyperspy.api as hs

from oxyspy.data import read_yaml
from oxyspy.lattice.figures import plot_map, plot_orders, plot_profile
from oxyspy.lattice.figures_spots import plot_spots

here = Path.cwd()
root = next(folder for folder in (here, *here.parents) if (folder / "test_data").is_dir())
image = hs.load(root / "test_data" / "haadf" / "rocksalt_2nm.dm4", signal_type="lattice_image")
print(image, image.pixel_nm)

# %%
# The lattice
# -----------
# The spots of the whole image, and the parent lattice that the cathode phases share, laid on them. The lattice is the
# ruler: it says how wrong the pixel size is, along x and along y. The truth is -0.02 % and +2.2 %. Laid on the whole
# image it comes out too large, because the layer's own lattice is another; the bulk alone is nearer. The errors hold
# how the lattice bends over the image as the scan wanders. They do not know by how much this crystal's lattice differs
# from the one in the tables, nor of a steady drift: an image cannot tell a stretched crystal from a stretched pixel.

print(image.find_spots())
print(image.fit_lattice())
print("bulk alone:", image.isig[6.5:, :].fit_lattice())

# %%
# The map
# -------
# In every window nine spots are read: three that belong to all phases, six half-order ones that tell them apart. The
# bulk of the same image calibrates them, since no ratio of spots is universal.

phases = image.phase_map(["layered", "spinel", "rocksalt"])
for name, share in phases.shares().items():
    print(f"{name}: {share:.0%} of the crystal")
_ = plot_spots(phases)

# %%

_ = plot_orders(phases)

# %%
# The layer
# ---------
# A threshold on such a map is wrong by up to 1.8 nm. The thickness comes from a joint fit of the fundamental and of the
# half-order amplitudes against depth, and its error from strips along the surface, the window, the ruler and the edge.

layer = phases.layer_thickness()
print(layer)
print("parts of the error (nm):", {name: round(float(part), 3) for name, part in layer.errors_nm.items()})
_ = plot_map(phases, layer=layer)

# %%

_ = plot_profile(layer)

# %%
# The truth, and what an image cannot tell
# ----------------------------------------

truth = read_yaml(root / "test_data" / "haadf" / "truth.yaml")["rocksalt_2nm.dm4"]
print(f"made with {truth['layer']}, {truth['thickness_nm']:.2f} nm; "
      f"found {layer.phase}, {layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm")  # fmt: skip
print(phases)
