"""Structure of glasses and melts: radial distributions, coordination, density, and how much order is left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.constants import atomic_mass
from scipy.ndimage import gaussian_filter1d

from oxyspy.dynamics.trajectories import Trajectory, atomic_masses
from oxyspy.errors import InputError
from oxyspy.results import Result

# mean over time of the strongest Bragg peak's intensity over that of a perfect crystal: a glass of 50 oxygens keeps
# below 0.25, a crystal near melting above 0.4; smaller cells need more, see `order_threshold`
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
    ratio
        Atoms of the first to one of the second, by which the coordination turns round.
    """

    pair: tuple[str, str]
    r: np.ndarray
    g: np.ndarray
    sigma: np.ndarray
    coordination: np.ndarray = field(repr=False)
    ratio: float

    def first_shell(self) -> tuple[float, float, float]:
        """Return position of the first peak and of the minimum after it in Å, and the coordination number there."""
        # noise makes peaks of its own: they are looked for in a curve smoothed over 0.1 Å
        g = gaussian_filter1d(self.g, 0.1 / (self.r[1] - self.r[0]), mode="nearest")
        # the first peak that reaches half of the highest is the bond
        peak = int(np.flatnonzero(g > g.max() / 2)[0])
        while peak + 1 < len(g) and g[peak + 1] > g[peak]:
            peak += 1
        after = np.flatnonzero(self.r > self.r[peak] * 1.7)
        end = int(after[0]) if len(after) else len(self.r)
        valley = peak + int(np.argmin(g[peak:end]))
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

    Returns
    -------
    RadialDistribution
        With its standard error and the coordination.

    Notes
    -----
    :math:`g_{ab}(r) = \frac{V}{N_a N_b} \frac{\langle n_{ab}(r, r + dr) \rangle}{4 \pi r^2 dr}`, nearest images only.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, radial_distribution
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> radial_distribution(walk, "O", "O").pair
    ('O', 'O')
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
        ratio=len(a) / len(b),
    )


def density(trajectory: Trajectory) -> float:
    """Return the mass density in g/cm\N{SUPERSCRIPT THREE}.

    Parameters
    ----------
    trajectory
        With its mean volume.

    Returns
    -------
    float
        g/cm³.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, density
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> round(density(walk), 2)
    1.25
    """
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
    slices
        The same in slices of the run, one after the other.
    ordered
        Whether it is above the threshold in any slice.
    threshold
        What counts as ordered in a cell of this size; above 1 where so few atoms cannot tell.
    """

    species: str
    value: float
    wavelength: float
    slices: tuple[float, ...]
    ordered: bool
    threshold: float

    @property
    def verdict(self) -> str:
        """What that means, in words."""
        if self.threshold >= 1:
            return "too few atoms to tell order from chance"
        if not self.ordered:
            return "no long-range order"
        first = next(k for k, value in enumerate(self.slices) if value > self.threshold)
        if first == 0:
            return "the sublattice has CRYSTALLISED or never melted"
        return f"the sublattice CRYSTALLISES in the run, after {first / len(self.slices):.0%} of it"

    def __str__(self) -> str:
        return (
            f"{self.species}: strongest Bragg peak {self.value:.2f} of a perfect crystal's (from {self.slices[0]:.2f} "
            f"to {self.slices[-1]:.2f}), planes {self.wavelength:.2f} Å apart; {self.verdict}"
        )


def order_threshold(atoms: int, peaks: int) -> float:
    r"""Return the intensity of the strongest of so many Bragg peaks that one frozen glass of a hundred exceeds.

    Notes
    -----
    The intensity of a disordered arrangement at one wave vector is exponentially distributed with the mean
    :math:`S/N`, so the strongest of :math:`M` exceeds :math:`S (\ln M + \ln 100)/N` once in a hundred. :math:`S = 1`
    holds random packings of 8 to 96 ions to less than that; large cells keep the threshold that crystals near melting
    and glasses have between them.
    """
    return max(ORDERED, float(np.log(100 * peaks) / atoms))


def residual_order(
    trajectory: Trajectory,
    species: str,
    *,
    longest: float = 6.0,
    shortest: float = 1.2,
    frames: int = 50,
    slices: int = 5,
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
    slices
        Of the run, each of which is judged by itself, so that order which comes late is seen.

    Returns
    -------
    Order
        With its threshold, and of each slice.

    Notes
    -----
    :math:`\max_k \langle |\sum_j e^{i k r_j}|^2 \rangle / N^2` over all wave vectors of the periodic cell.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.dynamics import Trajectory, residual_order
    >>> rng = np.random.default_rng(0)
    >>> steps = rng.normal(0, 0.1, (2000, 24, 3))
    >>> walk = Trajectory(rng.uniform(0, 8, (24, 3)) + steps.cumsum(0), ("O",) * 24, 8 * np.eye(3), 20.0, 8.0**3)
    >>> bool(residual_order(walk, "O").ordered)
    False
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
    atoms = positions.shape[1]
    power = np.empty((len(positions), len(k)))
    for frame, here in zip(power, positions, strict=True):
        phase = k @ here.T
        frame[:] = np.cos(phase).sum(axis=1, dtype=float) ** 2 + np.sin(phase).sum(axis=1, dtype=float) ** 2
    power /= atoms**2
    parts = tuple(float(part.mean(axis=0).max()) for part in np.array_split(power, min(slices, len(power))))
    mean = power.mean(axis=0)
    best = int(np.argmax(mean))
    threshold = order_threshold(atoms, len(k))
    return Order(
        species=species,
        value=float(mean[best]),
        wavelength=float(spacing[best]),
        slices=parts,
        ordered=max(parts) > threshold,
        threshold=threshold,
    )
