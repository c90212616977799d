from .engines import engine_settings, engines, load_engine
from .estimate import Diffusivity, HavenRatio, collective_diffusivity, combine, diffusivity, haven_ratio
from .glass import Recipe, melt_quench, read_recipe
from .measure import DiffusionRecipe, RunFiles, measure_diffusion, read_diffusion_recipe
from .msd import cross_displacement, local_exponent, mean_squared_displacement
from .onsager import OnsagerMatrix, combine_onsager, onsager_matrix
from .packing import random_packing
from .potentials import PairPotential, load_potential
from .simulation import Leg, Simulation
from .structure import Order, RadialDistribution, density, radial_distribution, residual_order
from .study import DiffusionStudy, LeftOut, Run, analyse_run, combine_runs
from .trajectories import Trajectory, read_trajectory, remove_drift, trajectory_of, unwrap

__all__ = [
    "DiffusionRecipe",
    "DiffusionStudy",
    "Diffusivity",
    "HavenRatio",
    "LeftOut",
    "Leg",
    "OnsagerMatrix",
    "Order",
    "PairPotential",
    "RadialDistribution",
    "Recipe",
    "Run",
    "RunFiles",
    "Simulation",
    "Trajectory",
    "analyse_run",
    "collective_diffusivity",
    "combine",
    "combine_onsager",
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
    "measure_diffusion",
    "melt_quench",
    "onsager_matrix",
    "radial_distribution",
    "random_packing",
    "read_diffusion_recipe",
    "read_recipe",
    "read_trajectory",
    "remove_drift",
    "residual_order",
    "trajectory_of",
    "unwrap",
]
