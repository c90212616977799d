from .diffusivity import Diffusivity, HavenRatio, collective_diffusivity, combine, diffusivity, haven_ratio
from .msd import cross_displacement, local_exponent, mean_squared_displacement
from .onsager import OnsagerMatrix, onsager_matrix
from .trajectories import Trajectory, read_trajectory, remove_drift, unwrap

__all__ = [
    "Diffusivity",
    "HavenRatio",
    "OnsagerMatrix",
    "Trajectory",
    "collective_diffusivity",
    "combine",
    "cross_displacement",
    "diffusivity",
    "haven_ratio",
    "local_exponent",
    "mean_squared_displacement",
    "onsager_matrix",
    "read_trajectory",
    "remove_drift",
    "unwrap",
]
