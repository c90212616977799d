from .diffusivity import Diffusivity, HavenRatio, collective_diffusivity, combine, diffusivity, haven_ratio
from .msd import cross_displacement, local_exponent, mean_squared_displacement
from .onsager import OnsagerMatrix, onsager_matrix
from .potentials import PairPotential, load_potential
from .structure import Order, RadialDistribution, density, radial_distribution, residual_order
from .trajectories import Trajectory, read_trajectory, remove_drift, unwrap

__all__ = [
    "Diffusivity",
    "HavenRatio",
    "OnsagerMatrix",
    "Order",
    "PairPotential",
    "RadialDistribution",
    "Trajectory",
    "collective_diffusivity",
    "combine",
    "cross_displacement",
    "density",
    "diffusivity",
    "haven_ratio",
    "load_potential",
    "local_exponent",
    "mean_squared_displacement",
    "onsager_matrix",
    "radial_distribution",
    "read_trajectory",
    "remove_drift",
    "residual_order",
    "unwrap",
]
