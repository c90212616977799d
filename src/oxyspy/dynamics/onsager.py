"""The Onsager matrix from correlated displacements: what self-diffusion leaves out of transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.constants import Boltzmann, eV

from oxyspy.dynamics import msd as kernels
from oxyspy.dynamics.estimate import ANGSTROM2_PER_PS, LONGEST, diffusivity
from oxyspy.dynamics.fitting import FIT_LAGS, fit_line
from oxyspy.dynamics.trajectories import Trajectory
from oxyspy.errors import InputError, MethodError
from oxyspy.results import Result


@dataclass(frozen=True)
class OnsagerMatrix(Result):
    """Onsager coefficients of all pairs of species.

    Attributes
    ----------
    species
        Chemical symbols, the order of rows and columns.
    L, sigma
        1/(eV cm s), shape (n, n), with standard errors.
    self_part
        1/(eV cm s), shape (n,): D c / kT of each species, the coefficient of independent ions.
    distinct
        1/(eV cm s), shape (n, n): ``L`` without the self parts.
    temperature
        K.
    window
        ps, first and last lag of the fit.
    independent
        Degrees of freedom: how many independent displacements the matrix rests on.
    reference
        The frame: whose centre of mass is at rest.
    """

    species: tuple[str, ...]
    L: np.ndarray
    sigma: np.ndarray
    self_part: np.ndarray
    distinct: np.ndarray
    temperature: float
    window: tuple[float, float]
    independent: float
    reference: str
    method: str = "slopes of collective displacement cross-correlations over all origins; Wishart errors"

    def time_factor(self, species: str) -> tuple[float, float]:
        """Return by what factor correlations change the time to densify, t ~ 1/L, and its standard error."""
        k = self._index(species)
        ratio = self.self_part[k] / self.L[k, k]
        if self.L[k, k] <= 2 * self.sigma[k, k]:
            raise MethodError(
                f"L({species},{species}) = {self.L[k, k]:.1e} ± {self.sigma[k, k]:.1e} /(eV cm s) is not apart from 0: "
                "no factor can be given; needed a longer run"
            )
        return float(ratio), float(ratio * self.sigma[k, k] / self.L[k, k])

    def transference(self, charges: Mapping[str, float]) -> dict[str, tuple[float, float]]:
        r"""Return the transference number of each species and its standard error.

        Notes
        -----
        :math:`t_i = z_i \sum_j L_{ij} z_j / \sum_{kl} z_k L_{kl} z_l`, in the frame of the matrix.
        """
        missing = [s for s in self.species if s not in charges]
        if missing:
            raise InputError(f"no charge given for {', '.join(missing)}")
        z = np.array([charges[s] for s in self.species], float)
        total = z @ self.L @ z
        spread = np.sqrt(2.0 / self.independent) * total
        if total <= 2 * spread:
            raise MethodError("the ionic conductivity is not apart from 0: no transference number; needed a longer run")
        numbers = {}
        for k, name in enumerate(self.species):
            u = np.zeros(len(z))
            u[k] = z[k]
            t = u @ self.L @ z / total
            # covariance of bilinear forms under Wishart's law: cov(uLv, xLy) = (uLx vLy + uLy vLx)/independent
            own = (u @ self.L @ u) * total + (u @ self.L @ z) ** 2
            shared = 2 * (u @ self.L @ z) * total
            variance = (own - 2 * t * shared + t**2 * 2 * total**2) / self.independent / total**2
            numbers[name] = float(t), float(np.sqrt(max(variance, 0.0)))
        return numbers

    def _index(self, species: str) -> int:
        if species not in self.species:
            raise InputError(f"no {species} in the matrix of {', '.join(self.species)}")
        return self.species.index(species)

    def __str__(self) -> str:
        lines = [
            f"Onsager matrix at {self.temperature:g} K in 1/(eV cm s), lags {self.window[0]:.3g}-{self.window[1]:.3g} "
            f"ps, {self.independent:.0f} independent displacements, {self.reference} at rest"
        ]
        for i, a in enumerate(self.species):
            lines.append(f"  {a}: self {self.self_part[i]:.2e}")
            for j, b in enumerate(self.species[: i + 1]):
                lines.append(f"    L({a},{b}) = {self.L[i, j]:.2e} ± {self.sigma[i, j]:.1e}")
        return "\n".join(lines)


def onsager_matrix(
    trajectory: Trajectory,
    temperature: float,
    *,
    species: Sequence[str] | None = None,
    window: tuple[float, float] | None = None,
    reference: str | Sequence[str] | None = "total",
) -> OnsagerMatrix:
    r"""Return the Onsager coefficients of all pairs of species.

    Parameters
    ----------
    trajectory
        Unwrapped, of the whole cell.
    temperature
        K.
    species
        Those of the matrix; all where left out.
    window
        ps, first and last lag of the fit; where left out, it starts where the slowest diffusive species' begins.
    reference
        Whose centre of mass is at rest: ``"total"``, the species of a framework, or None for the positions as they are.

    Raises
    ------
    MethodError
        If no species is diffusive and no window was given.

    Notes
    -----
    With :math:`\Delta R_i` the summed displacement of all ions of a species [1]_,

    .. math:: L_{ij} = \frac{1}{6 k_B T V} \frac{d}{dt} \langle \Delta R_i \cdot \Delta R_j \rangle .

    All pairs are fitted with one set of weights, those of free diffusion, so that self and distinct parts add up. In
    the diffusive regime the estimate then follows Wishart's law with :math:`\nu` degrees of freedom,
    :math:`\mathrm{cov}(L_{ij}, L_{kl}) = (L_{ik} L_{jl} + L_{il} L_{jk})/\nu`, which gives every error.

    References
    ----------
    .. [1] K. D. Fong, J. Self, B. D. McCloskey, K. A. Persson, Macromolecules 53, 9503 (2020).
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"temperature = {temperature!r}: needed K above 0")
    if reference is not None:
        trajectory = trajectory.without_drift(reference)
    names = tuple(dict.fromkeys(trajectory.species)) if species is None else tuple(species)
    step, frames = trajectory.interval / 1000.0, len(trajectory.positions)
    if window is None:
        window = _common_window(trajectory, names)
    first, last = max(int(round(window[0] / step)), 1), min(int(round(window[1] / step)), frames - 1)
    if last < first + 2:
        raise InputError(f"window {window[0]:g}-{window[1]:g} ps holds too few frames, which are {step:g} ps apart")

    stride = max(1, first // 8)
    lags = stride * kernels.spaced_lags(-(-first // stride), last // stride, FIT_LAGS)
    free = kernels.displacement_covariance(lags // stride, np.arange(2 * frames // stride + 2.0), frames // stride)
    # slope of free diffusion along one dimension, per lag in strides, is 1: its variance makes the degrees of freedom
    weights, errors, _, _ = fit_line(lags / stride, lags / stride, free)
    independent = 2 * 3 / errors[0, 0]
    slope = weights[0] / (stride * step)

    unit = ANGSTROM2_PER_PS / 6 / (trajectory.volume * 1e-24) / (Boltzmann * temperature / eV)
    paths = [kernels.collective_path(trajectory.of(name)) for name in names]
    L = np.empty((len(names), len(names)))
    for i in range(len(names)):
        for j in range(i + 1):
            L[i, j] = L[j, i] = slope @ kernels.cross_displacement(paths[i], paths[j])[lags] * unit
    own = np.array(
        [
            slope @ kernels.mean_squared_displacement(trajectory.of(name))[lags] * unit * len(trajectory.indices(name))
            for name in names
        ]
    )
    sigma = np.sqrt(np.maximum(np.outer(np.diag(L), np.diag(L)) + L**2, 0.0) / independent)
    held = (
        "nothing" if reference is None else "all atoms" if reference == "total" else "+".join(np.atleast_1d(reference))
    )
    return OnsagerMatrix(
        species=names,
        L=L,
        sigma=sigma,
        self_part=own,
        distinct=L - np.diag(own),
        temperature=float(temperature),
        window=(float(lags[0] * step), float(lags[-1] * step)),
        independent=float(independent),
        reference=held,
    )


def _common_window(trajectory: Trajectory, names: Sequence[str]) -> tuple[float, float]:
    found = [diffusivity(trajectory, name) for name in names]
    starts = [f.window[0] for f in found if f.supported]
    if not starts:
        raise MethodError("no species is diffusive: " + "; ".join(str(f) for f in found))
    return max(starts), LONGEST * trajectory.duration
