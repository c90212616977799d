"""
Coatings against the guidelines
===============================

A coating should let lithium through and hold oxygen back: D(Li) above 7e-16 and D(O) below 1e-17 cm²/s are the
guidelines that the study quotes. This is its figure 3, from its tables 1 and 2.
"""

from oxyspy.transport import coatings, minimum_thickness, plot_tradeoff, screen

print("coating       D(O)     D(Li)    verdict")
for one in screen():
    print(f"{one.coating:<12} {one.oxygen:.0e}   {one.lithium:.0e}    {one.verdict}")
_ = plot_tradeoff(coatings(), oxygen_max=1e-17, lithium_min=7e-16)

# %%
# "Open" is where the guideline lies within the bounds of D.
#
# How thick must each be, so that no more than 2 nm react in 200 h at high voltage? In brackets stands the range by
# the bounds of D; "none" is a bound for which no thickness would do.

for name, coating in coatings().items():
    print(f"{name:<12} {minimum_thickness(coating, '2 nm', '200 h')}")
