"""The Onsager matrix from correlated displacements: what self-diffusion leaves out of transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.constants import Boltzmann, eV

from oxyspy.dynamics import msd as kernels
from oxyspy.dynamics.estimate import ANGSTROM2_PER_PS, LONGEST, diffusivity
from oxyspy.dynamics.fitting import FIT_LAGS, displacement_errors, fit_line
from oxyspy.dynamics.trajectories import Trajectory
from oxyspy.errors import InputError, MethodError
from oxyspy.results import Result

# independent displacements below which an L is known to no better than half of itself
FEWEST = 8
# independent displacements that the self parts count for where the errors of a matrix are worked out
PRIOR = 4


@dataclass(frozen=True)
class OnsagerMatrix(Result):
    """Onsager coefficients of all pairs of species.

    Attributes
    ----------
    species
        Chemical symbols, the order of rows and columns.
    L, sigma
        1/(eV cm s), shape (n, n), with standard errors.
    law
        1/(eV cm s), shape (n, n): the matrix whose Wishart law gives the errors; near ``L`` where that is well known.
    self_part, self_sigma
        1/(eV cm s), shape (n,): D c / kT of each species, the coefficient of independent ions.
    distinct, distinct_sigma
        1/(eV cm s), shape (n, n): ``L`` without the self parts, which are known so much better that they add no error.
    temperature
        K.
    window
        ps, first and last lag of the fit.
    independent
        Degrees of freedom: how many independent displacements the matrix rests on.
    reference
        The frame: whose centre of mass is at rest.
    runs
        How many runs it is the mean of.
    """

    species: tuple[str, ...]
    L: np.ndarray
    law: np.ndarray
    sigma: np.ndarray
    self_part: np.ndarray
    self_sigma: np.ndarray
    distinct: np.ndarray
    distinct_sigma: np.ndarray
    temperature: float
    window: tuple[float, float]
    independent: float
    reference: str
    runs: int = 1
    method: str = "slopes of collective displacement cross-correlations over all origins; Wishart errors"

    def time_factor(self, species: str) -> tuple[float, float]:
        """Return by what factor correlations change the time to densify, t ~ 1/L, and its standard error."""
        k = self._index(species)
        known = f"L({species},{species}) = {self.L[k, k]:.1e} ± {self.sigma[k, k]:.1e} /(eV cm s)"
        if self.independent < FEWEST:
            raise MethodError(
                f"{known} rests on {self.independent:.0f} independent displacements: no factor can be given; needed "
                f"{FEWEST} or more, by a longer run or more runs"
            )
        if self.L[k, k] <= 2 * self.sigma[k, k]:
            raise MethodError(f"{known} is not apart from 0: no factor can be given; needed a longer run or more runs")
        ratio = self.self_part[k] / self.L[k, k]
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
        total, law_total = z @ self.L @ z, z @ self.law @ z
        if total <= 2 * np.sqrt(2.0 / self.independent) * law_total:
            raise MethodError("the ionic conductivity is not apart from 0: no transference number; needed a longer run")
        numbers = {}
        for k, name in enumerate(self.species):
            u = np.zeros(len(z))
            u[k] = z[k]
            t = u @ self.L @ z / total
            # covariance of bilinear forms under Wishart's law: cov(uLv, xLy) = (uLx vLy + uLy vLx)/independent
            own = (u @ self.law @ u) * law_total + (u @ self.law @ z) ** 2
            shared = 2 * (u @ self.law @ z) * law_total
            variance = (own - 2 * t * shared + t**2 * 2 * law_total**2) / self.independent / total**2
            numbers[name] = float(t), float(np.sqrt(max(variance, 0.0)))
        return numbers

    def _index(self, species: str) -> int:
        if species not in self.species:
            raise InputError(f"no {species} in the matrix of {', '.join(self.species)}")
        return self.species.index(species)

    def __str__(self) -> str:
        of_runs = f" of {self.runs} runs" if self.runs > 1 else ""
        lines = [
            f"Onsager matrix at {self.temperature:g} K in 1/(eV cm s), lags {self.window[0]:.3g}-{self.window[1]:.3g} "
            f"ps, {self.independent:.0f} independent displacements{of_runs}, {self.reference} at rest"
        ]
        for i, a in enumerate(self.species):
            for j, b in enumerate(self.species[: i + 1]):
                text = f"  L({a},{b}) = {self.L[i, j]:.2e} ± {self.sigma[i, j]:.1e}"
                if i == j:
                    own = f"self {self.self_part[i]:.2e} ± {self.self_sigma[i]:.1e}"
                    text += f" = {own}, distinct {self.distinct[i, i]:.2e} ± {self.distinct_sigma[i, i]:.1e}"
                lines.append(text)
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

    Returns
    -------
    OnsagerMatrix
        With standard errors and how many displacements it rests on.

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
    :math:`\mathrm{cov}(L_{ij}, L_{kl}) = (L_{ik} L_{jl} + L_{il} L_{jk})/\nu`, which gives every error; with
    vibration and few displacements as in `_law`.

    References
    ----------
    .. [1] K. D. Fong, J. Self, B. D. McCloskey, K. A. Persson, Macromolecules 53, 9503 (2020).

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, onsager_matrix
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> onsager_matrix(walk, 2000.0, reference=None).L.shape
    (1, 1)
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
    # what vibration and diffusion together make of the error of each collective slope
    spread = np.array(
        [
            np.sqrt(independent / 2 * (slope @ displacement_errors(kernels.cross_displacement(p, p), lags) @ slope))
            for p in paths
        ]
    )
    law = _law(L, spread * unit, own, independent)
    sigma = _errors(law, independent)
    counts = np.array([len(trajectory.indices(name)) for name in names])
    held = (
        "nothing" if reference is None else "all atoms" if reference == "total" else "+".join(np.atleast_1d(reference))
    )
    return OnsagerMatrix(
        species=names,
        L=L,
        law=law,
        sigma=sigma,
        self_part=own,
        self_sigma=np.abs(own) * np.sqrt(2 / (independent * counts)),
        distinct=L - np.diag(own),
        distinct_sigma=sigma,
        temperature=float(temperature),
        window=(float(lags[0] * step), float(lags[-1] * step)),
        independent=float(independent),
        reference=held,
    )


def _law(L: np.ndarray, spread: np.ndarray, own: np.ndarray, independent: float) -> np.ndarray:
    r"""Return the matrix whose Wishart law gives the errors, positive definite.

    The law needs the true matrix. With few independent displacements the measured one is a poor stand-in: where it came
    out small by chance, or negative, its error would be small too, or none. So its diagonal is what the displacement's
    own covariance makes of it, vibration included, and drawn a little towards the self parts, which many ions make well
    known, as if these were `PRIOR` further displacements: the mean of the inverse Wishart law of the true matrix.

    Parameters
    ----------
    L
        Shape (n, n).
    spread
        Standard errors of the diagonal by the covariance of the collective displacements, times the root of half the
        independent displacements, shape (n,).
    own
        Self parts, shape (n,).
    independent
        Degrees of freedom.
    """
    diagonal = (independent * spread + PRIOR * np.abs(own)) / (independent + PRIOR - 2)
    scale = np.sqrt(np.outer(diagonal, diagonal))
    correlation = np.clip(L / scale, -1, 1)
    np.fill_diagonal(correlation, 1.0)
    # clipped entries may not go together: the nearest that do
    size, vectors = np.linalg.eigh(correlation)
    correlation = (vectors * np.maximum(size, 0.0)) @ vectors.T
    root = np.sqrt(np.diag(correlation))
    return correlation / np.outer(root, root) * scale


def _errors(law: np.ndarray, independent: float) -> np.ndarray:
    """Return the standard errors of all entries under Wishart's law."""
    return np.sqrt((np.outer(np.diag(law), np.diag(law)) + law**2) / independent)


def combine_onsager(matrices: Sequence[OnsagerMatrix]) -> OnsagerMatrix:
    """Return the mean of the matrices of independent runs at one temperature, with its errors.

    Parameters
    ----------
    matrices
        One a run.

    Returns
    -------
    OnsagerMatrix
        Of as many ``runs``.

    Raises
    ------
    InputError
        If they have different species, temperatures or frames of reference.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, combine_onsager, onsager_matrix
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> one = onsager_matrix(walk, 2000.0, reference=None)
    >>> combine_onsager([one, one]).runs
    2
    """
    first = matrices[0]
    alike = {(m.species, m.temperature, m.reference) for m in matrices}
    if len(alike) > 1:
        raise InputError(f"matrices of one temperature, species and frame are needed, found {sorted(alike)}")
    independent = sum(m.independent for m in matrices)
    # each by what it rests on
    shares = np.array([m.independent for m in matrices]) / independent
    L, own = (sum(s * getattr(m, name) for s, m in zip(shares, matrices, strict=True)) for name in ("L", "self_part"))
    law = sum(s * m.law for s, m in zip(shares, matrices, strict=True))
    sigma = _errors(law, independent)
    return replace(
        first,
        L=L,
        law=law,
        sigma=sigma,
        self_part=own,
        self_sigma=np.sqrt(sum((s * m.self_sigma) ** 2 for s, m in zip(shares, matrices, strict=True))),
        distinct=L - np.diag(own),
        distinct_sigma=sigma,
        window=(max(m.window[0] for m in matrices), min(m.window[1] for m in matrices)),
        independent=independent,
        runs=sum(m.runs for m in matrices),
    )


def _common_window(trajectory: Trajectory, names: Sequence[str]) -> tuple[float, float]:
    found = [diffusivity(trajectory, name) for name in names]
    starts = [f.window[0] for f in found if f.supported]
    if not starts:
        raise MethodError("no species is diffusive: " + "; ".join(str(f) for f in found))
    return max(starts), LONGEST * trajectory.duration
