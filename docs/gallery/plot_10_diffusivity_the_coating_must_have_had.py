"""
The diffusivity the coating must have had
=========================================

A layer of 2.0 ± 0.3 nm under 10 ± 1 nm of coating, after 165 min at high voltage in air: how fast must oxide ions have
crossed the coating? Every number carries its unit; the error is that of all inputs together.
"""

from oxyspy.transport import compare_coatings, plot_required, required_diffusivity

needed = required_diffusivity("2.0 +- 0.3 nm", "10 +- 1 nm", "165 min")
print(needed)

# %%
# Beside the coatings of J. Cheng et al., Chem. Mater. 2024, 36, 2642 (`oxyspy.transport.coatings`): one within the band
# could have let that layer form; one far above lets through more, so something else must have limited it.

beside = compare_coatings(needed)
for one in beside:
    print(one)
_ = plot_required(needed, beside)
