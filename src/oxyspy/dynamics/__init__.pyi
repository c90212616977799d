from .engines import engine_settings, engines, load_engine
from .estimate import Diffusivity, HavenRatio, collective_diffusivity, combine, diffusivity, haven_ratio
from .glass import Recipe, melt_quench, read_recipe
from .msd import cross_displacement, local_exponent, mean_squared_displacement
from .onsager import OnsagerMatrix, onsager_matrix
from .packing import random_packing
from .potentials import PairPotential, load_potential
from .simulation import Leg, Simulation
from .structure import Order, RadialDistribution, density, radial_distribution, residual_order
from .study import DiffusionStudy, Run, analyse_run, coating_entry, combine_runs
from .trajectories import Trajectory, read_trajectory, remove_drift, unwrap

__all__ = [
    "DiffusionStudy",
    "Diffusivity",
    "HavenRatio",
    "Leg",
    "OnsagerMatrix",
    "Order",
    "PairPotential",
    "RadialDistribution",
    "Recipe",
    "Run",
    "Simulation",
    "Trajectory",
    "analyse_run",
    "coating_entry",
    "collective_diffusivity",
    "combine",
    "combine_runs",
    "cross_displacement",
    "density",
    "diffusivity",
    "engine_settings",
    "engines",
    "haven_ratio",
    "load_engine",
    "load_potential",
    "local_exponent",
    "mean_squared_displacement",
    "melt_quench",
    "onsager_matrix",
    "radial_distribution",
    "random_packing",
    "read_recipe",
    "read_trajectory",
    "remove_drift",
    "residual_order",
    "unwrap",
]
