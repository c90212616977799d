"""Structure of glasses and melts: radial distributions, coordination, density, and how much order is left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.constants import atomic_mass

from oxyspy.dynamics.trajectories import Trajectory, atomic_masses
from oxyspy.errors import InputError
from oxyspy.results import Result

# mean over time of the strongest Bragg peak's intensity over that of a perfect crystal: a glass of 50 oxygens keeps
# below 0.25, a crystal near melting above 0.4
ORDERED = 0.35


@dataclass(frozen=True)
class RadialDistribution(Result):
    """Partial radial distribution of two species.

    Attributes
    ----------
    pair
        The two species.
    r
        Å, middles of the bins.
    g, sigma
        Density of the second around the first over its mean, with the standard error from blocks of time.
    coordination
        Mean number of the second within ``r`` of one of the first.
    """

    pair: tuple[str, str]
    r: np.ndarray
    g: np.ndarray
    sigma: np.ndarray
    coordination: np.ndarray = field(repr=False)

    def first_shell(self) -> tuple[float, float, float]:
        """Return position of the first peak and of the minimum after it in Å, and the coordination number there."""
        peak = int(np.argmax(self.g))
        # the first peak that reaches half of the highest is the bond
        peak = int(np.flatnonzero(self.g > self.g[peak] / 2)[0])
        while peak + 1 < len(self.g) and self.g[peak + 1] > self.g[peak]:
            peak += 1
        after = np.flatnonzero(self.r > self.r[peak] * 1.7)
        end = int(after[0]) if len(after) else len(self.r)
        valley = peak + int(np.argmin(self.g[peak:end]))
        return float(self.r[peak]), float(self.r[valley]), float(self.coordination[valley])

    def __str__(self) -> str:
        peak, valley, number = self.first_shell()
        return f"{self.pair[0]}-{self.pair[1]}: {peak:.2f} Å, {number:.2f} neighbours within {valley:.2f} Å"


def radial_distribution(
    trajectory: Trajectory,
    first: str,
    second: str,
    *,
    limit: float | None = None,
    width: float = 0.05,
    frames: int = 400,
) -> RadialDistribution:
    r"""Return the partial radial distribution of a pair of species.

    Parameters
    ----------
    trajectory
        At constant volume.
    first, second
        Chemical symbols; the order matters for the coordination only.
    limit
        Å, at most half of the cell's least height, which is also the default.
    width
        Å of a bin.
    frames
        About how many frames, evenly spread, are used.

    Notes
    -----
    :math:`g_{ab}(r) = \frac{V}{N_a N_b} \frac{\langle n_{ab}(r, r + dr) \rangle}{4 \pi r^2 dr}`, nearest images only.
    """
    inverse = np.linalg.inv(trajectory.cell)
    half = 0.5 / np.linalg.norm(inverse, axis=0).max()
    limit = half if limit is None else limit
    if not 0 < limit <= half + 1e-9:
        raise InputError(f"limit = {limit:g} Å: needed at most half of the cell's least height, {half:.2f} Å")
    a, b = trajectory.indices(first), trajectory.indices(second)
    edges = np.arange(0.0, limit + width / 2, width)
    chosen = trajectory.positions[:: max(1, len(trajectory.positions) // frames)]
    block = max(1, int(2e6 // (len(a) * len(b) * 3)))
    counts = []
    for start in range(0, len(chosen), block):
        scaled = chosen[start : start + block] @ inverse
        vectors = scaled[:, a, None, :] - scaled[:, None, b, :]
        vectors -= np.round(vectors)
        r = np.sqrt(((vectors @ trajectory.cell) ** 2).sum(axis=-1)).reshape(len(scaled), -1)
        # an atom is not its own neighbour: distance 0 falls below the first edge
        bins = np.where(r > 1e-6, (r / width).astype(int), len(edges))
        flat = np.minimum(bins, len(edges) - 1) + len(edges) * np.arange(len(scaled))[:, None]
        counts.append(np.bincount(flat.ravel(), minlength=len(edges) * len(scaled)).reshape(len(scaled), -1)[:, :-1])
    count = np.concatenate(counts) / len(a)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    partners = len(b) - (first == second)
    g = count / shells * trajectory.volume / partners
    blocks = np.array([part.mean(axis=0) for part in np.array_split(g, min(10, len(g)))])
    sigma = blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks)) if len(blocks) > 1 else np.full(g.shape[1], np.nan)
    return RadialDistribution(
        pair=(first, second),
        r=(edges[:-1] + edges[1:]) / 2,
        g=g.mean(axis=0),
        sigma=sigma,
        coordination=np.cumsum(count.mean(axis=0)),
    )


def density(trajectory: Trajectory) -> float:
    """Return the mass density in g/cm\N{SUPERSCRIPT THREE}."""
    return float(atomic_masses(trajectory.species).sum() * atomic_mass * 1e3 / (trajectory.volume * 1e-24))


@dataclass(frozen=True)
class Order(Result):
    """How crystalline a sublattice is.

    Attributes
    ----------
    species
        Chemical symbol.
    value
        Intensity of the strongest Bragg peak over that of a perfect crystal, mean over time: 1 for a crystal at rest,
        about ln(peaks) S/N for a glass of N atoms.
    wavelength
        Å, spacing of the planes of that peak.
    ordered
        Whether ``value`` is above the threshold.
    threshold
        What counts as ordered.
    """

    species: str
    value: float
    wavelength: float
    ordered: bool
    threshold: float

    def __str__(self) -> str:
        verdict = "the sublattice has CRYSTALLISED or never melted" if self.ordered else "no long-range order"
        return (
            f"{self.species}: strongest Bragg peak {self.value:.2f} of a perfect crystal's, planes "
            f"{self.wavelength:.2f} Å apart; {verdict}"
        )


def residual_order(
    trajectory: Trajectory, species: str, *, longest: float = 6.0, shortest: float = 1.2, frames: int = 50
) -> Order:
    r"""Return the strongest Bragg peak of a sublattice, the check of every run for crystallisation.

    Parameters
    ----------
    trajectory
        At constant volume.
    species
        Chemical symbol of the sublattice, as O.
    longest, shortest
        Å, range of the spacings of planes that are tried.
    frames
        About how many frames, evenly spread, are used.

    Notes
    -----
    :math:`\max_k \langle |\sum_j e^{i k r_j}|^2 \rangle / N^2` over all wave vectors of the periodic cell.
    """
    reciprocal = 2 * np.pi * np.linalg.inv(trajectory.cell).T
    lengths = np.linalg.norm(trajectory.cell, axis=1)
    span = [np.arange(-n, n + 1) for n in np.ceil(lengths / shortest).astype(int)]
    hkl = np.stack(np.meshgrid(*span, indexing="ij"), axis=-1).reshape(-1, 3)
    # one of k and -k, and only the range asked for
    hkl = hkl[hkl @ np.array([10**6, 10**3, 1]) > 0]
    k = hkl @ reciprocal
    spacing = 2 * np.pi / np.linalg.norm(k, axis=1)
    wanted = (spacing <= longest) & (spacing >= shortest)
    k, spacing = k[wanted].astype(np.float32), spacing[wanted]
    if not len(k):
        raise InputError(f"no wave vector of the cell has planes {shortest:g} to {longest:g} Å apart")
    positions = trajectory.of(species)[:: max(1, len(trajectory.positions) // frames)].astype(np.float32)
    power = np.zeros(len(k))
    for atoms in positions:
        phase = k @ atoms.T
        power += np.cos(phase).sum(axis=1, dtype=float) ** 2 + np.sin(phase).sum(axis=1, dtype=float) ** 2
    power /= len(positions) * positions.shape[1] ** 2
    best = int(np.argmax(power))
    return Order(species, float(power[best]), float(spacing[best]), bool(power[best] > ORDERED), ORDERED)
