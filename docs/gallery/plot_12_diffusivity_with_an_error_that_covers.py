"""
D with an error that covers
===========================

Mean squared displacements at different lags share the same steps, so a straight-line fit that takes them as independent
states errors that are far too small. Here the covariance of the displacement itself gives the error. The walkers below
are random, with a known D of 5e-5 cm²/s: in 80 runs, how often does one standard error reach it?
"""

import numpy as np

from oxyspy.dynamics import Trajectory, diffusivity
from oxyspy.plotting import COLOURS, figure

D = 5e-5
step = np.sqrt(2 * D * 1e16 * 20e-15)  # Å along each axis in 20 fs
cell = np.eye(3) * 12.0


def walk(seed):
    """Return 60 oxygen ions over 20 ps."""
    steps = np.random.default_rng(seed).normal(0, step, (1000, 60, 3))
    return Trajectory(steps.cumsum(0), ("O",) * 60, cell, 20.0, float(np.linalg.det(cell)))


found = [diffusivity(walk(seed), "O", window=(0.2, 2.0)) for seed in range(80)]
values, errors = (np.array([getattr(one, name) for one in found]) for name in ("D", "sigma"))
hits = np.mean(abs(values - D) < errors)
print(found[0])
print(f"within one standard error: {hits:.0%} of 80 runs (68 % expected)")

fig, ax = figure(size=(6.0, 2.8))
ax.errorbar(range(80), values * 1e5, errors * 1e5, fmt="o", ms=3, color=COLOURS["blue"])
ax.axhline(D * 1e5, color=COLOURS["vermilion"], label="true")
ax.set(xlabel="run", ylabel="D (10$^{-5}$ cm$^2$/s)")
_ = ax.legend()
