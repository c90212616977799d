r"""
From trajectories to the coating's diffusivity
==============================================

Three independent runs at each of six temperatures give D(T), its Arrhenius law gives D at 300 K, that gives the time in
which a layer forms under the coating, and the other way round: the layer gives the D that a coating must have had. On
the way the tables and figure 3 of J. Cheng et al., *Chem. Mater.* **2024**, 36, 2642-2651 are computed again.

Trajectories of a month of supercomputer time do not fit into a tutorial. The ones here are random walks of oxide ions
that rattle in cages, with the D that the study's table 2 implies for Li\ :sub:`3`\ B\ :sub:`11`\ O\ :sub:`18`. So the
truth is known, and the code is the same as for AIMD.
"""

import numpy as np

from oxyspy.dynamics import Trajectory, analyse_run, combine_runs, read_trajectory
from oxyspy.transport import coatings

# %%
# Trajectories
# ------------

known = coatings()["Li3B11O18"]
temperatures = [1800, 2000, 2200, 2400, 2600, 2800]
interval, frames, ions = 20.0, 4000, 72  # fs, 80 ps, O in four formula units
side = (ions / known.oxygen.concentration * 1e24) ** (1 / 3)  # Å, at the study's density of oxygen


def walk(temperature, seed):
    """Return oxide ions that hop with D(T) and rattle by 0.3 Å in their cages."""
    rng = np.random.default_rng([temperature, seed, 7])
    step = np.sqrt(2 * float(known.oxygen.at(temperature).diffusivity) * 1e16 * interval * 1e-15)
    start = rng.uniform(0, side, (ions, 3))
    positions = start + rng.normal(0, step, (frames, ions, 3)).cumsum(0) + rng.normal(0, 0.3, (frames, ions, 3))
    return Trajectory(positions, ("O",) * ions, np.eye(3) * side, interval, side**3, sources=(f"walk {seed}",))


# %%
# Yours come from files: VASP, extended XYZ, ASE, LAMMPS and CP2K are read, compressed or not. Written and read again,
# with all atoms folded into the cell, the walk is the same.

import tempfile
from pathlib import Path

from ase import Atoms
from ase.io import write

first = walk(2000, 0)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "run_2000K.xyz"
    write(path, [Atoms(first.species, p, cell=first.cell, pbc=True) for p in first.positions[:500]], format="extxyz")
    again = read_trajectory(path, timestep=interval)
print(again)
moved = again.positions[-1] - again.positions[0] - (first.positions[499] - first.positions[0])
print(f"largest difference in the path: {abs(moved).max():.0e} Å")

# %%
# D at each temperature
# ---------------------
# The window of lags is found where the displacement grows linearly; the error comes from the displacement's own
# covariance, and is widened where ions or blocks of time scatter more than that.

from oxyspy.dynamics.figures import plot_arrhenius, plot_displacements

study = combine_runs([analyse_run(walk(T, seed), ["O"], temperature=T) for T in temperatures for seed in range(3)])
print(study)
_ = plot_displacements(study, "O")

# %%
# D at 300 K
# ----------
# The line is right within its band; the distance to 300 K is 14 times the range of 1/T that was simulated. The study's
# line is the one that these walks were made with.

reference = {"study, Li3B11O18": (known.oxygen.activation_energy, known.oxygen.diffusivity)}
_ = plot_arrhenius(study, "O", references=reference)
fit = study.fits["O"]
print(fit.at(300.0))

# %%
# The time for a layer: table 3
# -----------------------------
# 2 nm of rocksalt on a particle of 5 µm under 1 and 10 nm of coating, against Li3PS4 and against air. The study's L and
# ours from the walks:

from oxyspy.transport import densification_time, fitted_coating

mine = fitted_coating("from the walks", "Li3B11O18", fit, source="this tutorial", density=2.12)
printed = {(1, -8.39): "1.4", (10, -8.39): "14", (1, -5.24): "16.6", (10, -5.24): "165"}
print("l_c (nm)  mu_e (eV)   printed (min)   with the study's L   with ours")
for (nm, mu_e), minutes in printed.items():
    times = [densification_time("2 nm", f"{nm} nm", known=one, mu_e=mu_e) for one in (known, mine)]
    a, b = (f"{t.value / 60:.3g} [{t.low / 60:.2g}, {t.high / 60:.2g}]" for t in times)
    print(f"{nm:<10d}{mu_e:<12g}{minutes:<16}{a:<21}{b}")

# %%
# Tables 1 and 2
# --------------
# Ea, D and L of all coatings, as the study prints them. Every number of its tables stands in :doc:`/reproduce` beside
# the one computed here, with the reason where they differ.

print("coating        ion    Ea (eV)         D (cm2/s)    L (1/(eV cm s))")
for coating in coatings(printed=True).values():
    for ion in (coating.oxygen, coating.lithium):
        ea = f"{ion.activation_energy:.2f} ± {ion.activation_energy_sigma:.2f}"
        print(f"{coating.name:<15}{ion.ion:<7}{ea:<16}{ion.diffusivity:<13.0e}{ion.onsager:.0e}")

# %%
# Figure 3
# --------
# A good coating lies in the shaded corner: lithium passes, oxygen does not.

from oxyspy.transport import plot_tradeoff

_ = plot_tradeoff(coatings(), oxygen_max=1e-17, lithium_min=7e-16)

# %%
# The other way round
# -------------------
# A micrograph shows 2.0 ± 0.3 nm under 10 ± 1 nm of coating, after 165 min at high voltage. Which D does that need, and
# does the coating we simulated have it?

from oxyspy.transport import compare_coatings, plot_required, required_diffusivity

needed = required_diffusivity("2.0 +- 0.3 nm", "10 +- 1 nm", "165 min")
print(needed)
beside = compare_coatings(needed, {mine.name: mine, **coatings()})
for one in beside:
    print(one)
_ = plot_required(needed, beside)
