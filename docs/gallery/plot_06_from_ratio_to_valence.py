"""
From a ratio to a valence
=========================

L3/L2 depends on windows, steps and deconvolution more than on anything else. So a ratio is converted only by a
calibration that was measured in the same way; any other is refused.
"""

from dataclasses import replace

import numpy as np

from oxyspy.eels.valence import load_calibration
from oxyspy.errors import MethodError
from oxyspy.plotting import COLOURS, figure

calibration = load_calibration("mn_references")
print(calibration.source)
valence, sigma = calibration.valence(2.43, 0.10, calibration.method)
print(f"L3/L2 = 2.43 ± 0.10 in the calibration's own way: Mn valence {valence:.2f} ± {sigma:.2f}")

# %%
# The same ratio with wider windows is another number:

try:
    calibration.valence(2.43, 0.10, replace(calibration.method, l3_half=8.0))
except MethodError as error:
    print(error)

# %%
# The standards: digitised spectra of the literature. The bars are their spread and what is not known of how they were
# recorded. They indicate and prove nothing; measure your own with `oxyspy.calibrate_from_standards`.

fig, ax = figure(size=(4.6, 3.2))
points = calibration.standards
ax.errorbar(
    [s.valence for s in points], [s.ratio for s in points], [np.hypot(s.spread, s.systematic) for s in points],
    fmt="o", capsize=3, color=COLOURS["blue"],
)  # fmt: skip
ax.set(xlabel="Mn valence", ylabel="L3/L2", xticks=[2, 3, 4], ylim=(0, None))
