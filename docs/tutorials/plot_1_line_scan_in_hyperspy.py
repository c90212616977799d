"""
One line scan in HyperSpy, step by step
=======================================

From the microscope's files to the thickness of the reacted layer, one step at a time on HyperSpy signals, looking at
the spectra after each. The scan crosses vacuum, a coating of 4 nm, a reacted layer and the bulk of a nickel-rich
layered oxide. It is simulated (``test_data/README.md`` in the project says how), so that the truth can be looked up.
"""

# %%
# Load
# ----
# Give the folder. Which file is low loss, core loss or image is found from the data. ``hs.load`` with
# ``signal_type="core_loss_EELS"`` gives the same signal from a single file.

import numpy as np

import oxyspy
from oxyspy.data import FOLDER, read_yaml
from oxyspy.plotting import COLOURS, figure

folder = FOLDER / "demo" / "rocksalt_4nm_wrong_axis"
scan = oxyspy.load_scan(folder)
core, low = scan.core_loss, scan.low_loss
print(core)
print(low)
x = scan.positions_nm

# %%
# Look at the whole scan: position down, energy loss across. The zero-loss peak of this microscope was left at -3 eV.

fig, axes = figure(1, 2, size=(8.0, 3.4), sharey=True)
for ax, signal, title in ((axes[0], low, "low loss"), (axes[1], core, "core loss")):
    energy = signal.axes_manager.signal_axes[0].axis
    shown = np.log10(np.clip(signal.data.reshape(-1, energy.size), 1, None))
    ax.imshow(shown, aspect="auto", cmap="cividis", extent=(energy[0], energy[-1], x[-1], x[0]))
    ax.set(title=title, xlabel="energy loss (eV)")
axes[0].set(ylabel="position (nm)", xlim=(-20, 100))

# %%
# Calibrate
# ---------
# Offset and dispersion, by the edges themselves. What was done is written into the signal's metadata.

print(core.calibrate_edges())

# %%
# Remove the background
# ---------------------
# A power law in a window before the edge, by Poisson maximum likelihood; all positions at once.

net = core.remove_power_law("Mn_L")
print("fitted in", net.metadata.oxyspy.background_window, "eV")

# %%
# Deconvolve
# ----------
# The Fourier ratio with the low loss of the same position removes plural scattering and keeps the single-scattering
# intensity. The zero-loss peak itself is put back, so the recorded resolution stays.

single = net.deconvolve(low)
fig, ax = figure(size=(6.4, 3.4))
for signal, colour, name in ((net, "grey", "background removed"), (single, "blue", "and deconvolved")):
    ax.plot(signal.energy, signal.data[x > 14].mean(0), color=COLOURS[colour], label=name)
ax.set(xlabel="energy loss (eV)", ylabel="counts, mean of the bulk", xlim=(620, 690))
_ = ax.legend()

# %%
# White lines
# -----------
# Areas of L3 and L2 above a continuum of two steps, 2:1, at the maxima. The result is a HyperSpy signal for each
# quantity, over the positions of the scan, with its standard error beside it.

lines = single.white_lines()
print(sorted(lines))
print(lines["ratio"].metadata.oxyspy.method)

fig, axes = figure(3, 1, size=(6.4, 6.4), sharex=True)
for name, colour in (("l3", "blue"), ("l2", "vermilion")):
    axes[0].errorbar(x, lines[name].data, lines[f"{name}_sigma"].data, fmt="o", ms=3, color=COLOURS[colour], label=name)
axes[0].legend()
axes[0].set_ylabel("area (counts)")
axes[1].errorbar(x, lines["ratio"].data, lines["ratio_sigma"].data, fmt="o", ms=3, color=COLOURS["green"])
axes[1].set(ylabel="Mn L3/L2", ylim=(0, 8))
axes[2].errorbar(x, lines["l3_ev"].data, lines["l3_ev_sigma"].data, fmt="o", ms=3, color=COLOURS["purple"])
axes[2].set(xlabel="position (nm)", ylabel="Mn L3 (eV)", ylim=(638, 646))

# %%
# L3/L2 is high between about 6 and 10 nm and L3 lies lower there: Mn is reduced. The absolute position is no better
# than the calibration. In the bulk L3 wanders by more than its error bars: the spectrometer drifted while this scan
# was recorded, and the steps above do not follow that. Ratios do not mind it.
#
# The layer, and what the coating must have let through
# -----------------------------------------------------
# `oxyspy.analyse` runs the same steps for all edges of a recipe, from the files as they were recorded. It follows the
# energy drift by the zero-loss peaks, measures the O K pre-edge, fits the layer to all witnesses together, and asks
# for the diffusivity of the coating. Thickness of the coating and time at high voltage are yours to give; they cannot
# be guessed.

from oxyspy.workflow import load_recipe

recipe = load_recipe("nmc").with_transport(coating="4 +- 0.4 nm", exposure="60 min")
result = oxyspy.analyse(folder, recipe=recipe)
print(result)
_ = result.plot()

# %%
# The truth
# ---------

truth = read_yaml(FOLDER / "demo" / "truth.yaml")["scans"]["rocksalt_4nm_wrong_axis"]
layer = result.layer
print(f"made with {truth['layer_nm']:.2f} nm, found {layer.thickness_nm:.2f} ± {layer.sigma_nm:.2f} nm")

# %%
# Keep it
# -------
# ``result.save`` writes the profile as CSV, everything as JSON with method, recipe, versions and the hash of each
# input, the processed signals for HyperSpy, and figures.

import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    result.save(folder)
    for path in sorted(Path(folder).rglob("*")):
        print(path.relative_to(folder))
