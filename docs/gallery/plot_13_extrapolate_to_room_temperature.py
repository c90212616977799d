"""
Extrapolate to room temperature
===============================

Simulations run at 1800 to 2800 K; the coating works at 300 K. The error of the extrapolation is the answer's error.
With 20 % of scatter in D, Arrhenius and Vogel-Fulcher-Tammann fit alike, and differ by decades at 300 K.
"""

import numpy as np

from oxyspy.plotting import COLOURS, figure
from oxyspy.transport import compare_laws, fit_arrhenius, fit_vft

T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
runs = np.random.default_rng(5).normal(0, 0.2, (6, 3))
D = 1.98e-3 * np.exp(-0.92 / (8.617333e-5 * T))[:, None] * np.exp(runs)

fit = fit_arrhenius(T, D)
print(fit)
print(fit.at(300.0))
for law in compare_laws(T, D, t0=200.0):
    print(law)

# %%
# The band is one standard error.

fig, ax = figure(size=(5.6, 3.8))
ax.plot(np.repeat(1000 / T, 3), D.ravel(), "o", ms=3, color=COLOURS["black"], label="three runs at each temperature")
inverse = np.linspace(0.35, 3.4, 100)
for one, colour, name in ((fit, "blue", "Arrhenius"), (fit_vft(T, D, t0=200.0), "vermilion", "VFT, T0 = 200 K")):
    line = one.at(1000 / inverse)
    ax.plot(inverse, line.value, color=COLOURS[colour], label=name)
    ax.fill_between(inverse, line.low, line.high, color=COLOURS[colour], alpha=0.2, lw=0)
ax.set(yscale="log", xlabel="1000 / T (1/K)", ylabel="D (cm$^2$/s)")
_ = ax.legend()
