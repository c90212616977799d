r"""
From trajectories to the coating's thickness
============================================

Three independent runs at each of six temperatures give D(T), its Arrhenius law gives D at 300 K, that gives the time in
which a layer forms under the coating, and how thick the coating must be to keep the layer thin for a life; the other
way round, a layer gives the D that a coating must have had. On the way the tables and figure 3 of J. Cheng et al.,
*Chem. Mater.* **2024**, 36, 2642-2651 are computed again.

Trajectories of a month of supercomputer time do not fit into a tutorial. The ones here are random walks of oxide ions
that rattle in cages, with the D that the study's table 2 implies for Li\ :sub:`3`\ B\ :sub:`11`\ O\ :sub:`18`. So the
truth is known, and the code is the same as for AIMD. A real one comes after them.
"""

import numpy as np
from scipy.signal import lfilter

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
    """Return oxide ions that diffuse with D(T) and rattle by 0.2 Å in cages that they forget within 100 fs."""
    rng = np.random.default_rng([temperature, seed, 7])
    step = np.sqrt(2 * float(known.oxygen.at(temperature).diffusivity) * 1e16 * interval * 1e-15)
    start = rng.uniform(0, side, (ions, 3))
    keep = np.exp(-interval / 100)
    rattle = lfilter([0.2 * np.sqrt(1 - keep**2)], [1, -keep], rng.normal(size=(frames, ions, 3)), axis=0)
    positions = start + rng.normal(0, step, (frames, ions, 3)).cumsum(0) + rattle
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
# The window of lags is found where the displacement grows linearly, or as a constant and a line where ions rattle. The
# error comes from the displacement's own covariance, and is widened where ions or blocks scatter more than that.
# Runs that moved too little are not dropped in silence: they are named, and drawn with the limit of their D.

from oxyspy.dynamics.figures import plot_arrhenius, plot_displacements

runs = [analyse_run(walk(T, k), ["O"], temperature=T, name=f"{T} K, {k}") for T in temperatures for k in range(3)]
study = combine_runs(runs)
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
# The study weights each temperature by the scatter of its three runs; with so few that scatter is itself known to a
# factor of two. Both ways:

print(combine_runs(runs, weights="study").fits["O"])
print(fit)

# %%
# A coating of one's own
# ----------------------
# One call makes it, with its source and with what its bounds do not hold. ``mine.save("mine.yaml")`` keeps it, for
# ``coatings("mine.yaml")`` and for ``--coatings mine.yaml`` on the command line.

mine = study.coating("from the walks", source="this tutorial", composition="Li3B11O18")
print(mine)

# %%
# The time for a layer: table 3
# -----------------------------
# 2 nm of rocksalt on a particle of 5 µm under 1 and 10 nm of coating, against Li3PS4 and against air. The study's L and
# ours from the walks:

from oxyspy.transport import densification_time

printed = {(1, -8.39): "1.4", (10, -8.39): "14", (1, -5.24): "16.6", (10, -5.24): "165"}
print("l_c (nm)  mu_e (eV)   printed (min)   with the study's L   with ours")
for (nm, mu_e), minutes in printed.items():
    times = [densification_time("2 nm", f"{nm} nm", known=one, mu_e=mu_e) for one in (known, mine)]
    a, b = (f"{t.value / 60:.3g} [{t.low / 60:.2g}, {t.high / 60:.2g}]" for t in times)
    print(f"{nm:<10d}{mu_e:<12g}{minutes:<16}{a:<21}{b}")

# %%
# Tables 1 and 2
# --------------
# Ea and D of all coatings come from the study's own trajectories, which are not public. L follows from D, as D c / (kT)
# with c from composition and density; where "worked back" stands, c was told by that very L. :doc:`/reproduce` has
# every number, the bounds too, with the reasons where they differ.

from oxyspy.transport import study_rows

rows = {(row.entry, row.quantity): row for row in study_rows() if row.table in ("1", "2")}
print("coating, ion     Ea (eV)   D (cm2/s)   L (1/(eV cm s)): printed   computed   agrees, by rounding")
for entry in dict.fromkeys(entry for entry, _ in rows):
    ea, d, onsager = (rows[entry, quantity] for quantity in ("Ea", "D", "L"))
    agrees = f"{'yes' if onsager.agrees else 'no'}{'' if onsager.kind == 'independent' else ' (' + onsager.kind + ')'}"
    print(f"{entry:<17}{ea.printed:<10g}{d.printed:<12.0e}{onsager.printed:<27.0e}{onsager.computed:<11.1e}{agrees}")

# %%
# Figure 3
# --------
# A good coating lies in the shaded corner: lithium passes, oxygen does not.

from oxyspy.transport import plot_tradeoff

_ = plot_tradeoff(coatings(), oxygen_max=1e-17, lithium_min=7e-16)

# %%
# How thick must it be?
# ---------------------
# The layer may grow to 2 nm in 10 h at high voltage. The thickness that takes, with the bounds that D has, of our
# coating and of the study's:

from oxyspy.transport import minimum_thickness

for one in (mine, *coatings().values()):
    print(f"{one.name}: {minimum_thickness(one, '2 nm', '10 h')}")

# %%
# Bounds that span decades are the answer, not a failure of it: the extrapolation from 1800 K is what a thickness hangs
# on, whatever the engine.

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

# %%
# A real trajectory
# -----------------
# AIMD of Li\ :sub:`6`\ PS\ :sub:`5`\ Cl, 14 ps, by others (the example of kinisi, MIT licence). It does not come with
# the package; where it is not found, nothing is printed here. A solid's drift is that of its framework. Its order is
# meant, its PS\ :sub:`4` tetrahedra show in the radial distribution, and lithium moves more together than alone.

from oxyspy.dynamics import haven_ratio, onsager_matrix, radial_distribution, residual_order

file = Path("../../../shared/data/trajectories/li6ps5cl/example_XDATCAR.gz")
if file.is_file():
    solid = read_trajectory(file, timestep="2 fs", steps_per_frame=50).without_drift(["P", "S", "Cl"])
    print(solid)
    print(radial_distribution(solid, "P", "S"))
    print(residual_order(solid, "P"), residual_order(solid, "Li"), sep="\n")
    print(analyse_run(solid, ["Li"], temperature=600.0).diffusivities["Li"])
    print(haven_ratio(solid, "Li"))
    print(onsager_matrix(solid, 600.0, species=["Li", "S"], reference=["P", "S", "Cl"]))
