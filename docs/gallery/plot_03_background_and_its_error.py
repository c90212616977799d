"""
A background and how sure it is
===============================

The power law :math:`A E^{-r}` is fitted by Poisson maximum likelihood, for all spectra at once. Its covariance says how
far the extrapolation can be trusted: a wider window before the edge helps a lot.
"""

import numpy as np

from oxyspy.eels.background import fit_power_law
from oxyspy.plotting import COLOURS, figure

energy = np.arange(580.0, 700.0, 0.5)
expected = 400 * (energy / 600) ** -3.0
counts = np.random.default_rng(1).poisson(expected, (2000, energy.size)).astype(np.float32)

fig, ax = figure(size=(6.0, 3.4))
for window, colour in (((590.0, 632.0), "blue"), ((600.0, 632.0), "green"), ((612.0, 632.0), "vermilion")):
    fits = fit_power_law(counts, energy, window)(energy)
    ax.plot(energy, fits.std(0) / np.sqrt(expected), color=COLOURS[colour], label=f"{window[0]:g}-{window[1]:g} eV")
ax.axvline(632, color=COLOURS["grey"], lw=0.8, ls="--")
ax.set(xlabel="energy loss (eV)", ylabel="error of the background\n(in errors of one channel)", ylim=(0, None))
_ = ax.legend(title="fitted in")

# %%
# The error that the fit states is the scatter that 2000 simulated spectra show:

fit = fit_power_law(counts, energy, (600.0, 632.0))
stated = np.sqrt(fit.covariance[:, 1, 1].mean())
print(f"exponent {fit.r.mean():.3f}: stated error {stated:.4f}, observed scatter {fit.r.std():.4f}")
