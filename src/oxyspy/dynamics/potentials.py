"""Rigid-ion pair potentials as an ASE calculator: the embedded engine, which needs no download."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from scipy.constants import e, epsilon_0, pi
from scipy.spatial import cKDTree
from scipy.special import erfc

from oxyspy.data import FOLDER, read_yaml
from oxyspy.errors import InputError

# eV Å between two elementary charges
COULOMB = e / (4 * pi * epsilon_0) * 1e10


def morse(r: np.ndarray, D, a, r0, C) -> tuple[np.ndarray, np.ndarray]:
    """Return D [exp(-2a(r - r0)) - 2 exp(-a(r - r0))] + C/r^12 and its derivative, as PMMCS has it."""
    wall = C / r**12
    decay = np.exp(-a * (r - r0))
    return D * decay * (decay - 2) + wall, 2 * a * D * decay * (1 - decay) - 12 * wall / r


def buckingham(r: np.ndarray, A, B, C, D) -> tuple[np.ndarray, np.ndarray]:
    """Return A exp(-B r) - C/r^6 + D/r^24 and its derivative, as SHIK has it."""
    decay, pull, wall = A * np.exp(-B * r), C / r**6, D / r**24
    return decay - pull + wall, -B * decay + (6 * pull - 24 * wall) / r


# short-range forms, with the names of their parameters in data/potentials.yaml
FORMS = {"morse": (morse, ("d", "a", "r0", "c")), "buckingham": (buckingham, ("a", "b", "c", "d"))}
# the charge of the element that makes a cell neutral
BALANCE = "balance"


class PairPotential(Calculator):
    r"""Short-range pair forces and damped shifted-force Coulomb between rigid ions.

    Parameters
    ----------
    charges
        e of each element; ``"balance"`` for the one that makes the cell neutral.
    pairs
        Four parameters of the form for pairs of elements, in eV and Å; the others have Coulomb only.
    form
        ``"morse"`` or ``"buckingham"``, see `morse` and `buckingham`.
    damping, coulomb_cutoff, cutoff
        Damping in Å\ :sup:`-1`, range of Coulomb and of the rest in Å.
    smoothing
        Å: both are multiplied by :math:`e^{-\gamma^2/(r - r_c)^2}` on the way to their ranges; 0 for none.
    skin
        Å by which the list of neighbours reaches further, so that it serves for some steps.
    source
        Where the parameters come from.

    Notes
    -----
    .. math::

        U(r) = U_s(r) - U_s(r_c)
             + q_i q_j [v(r) - v(R_c) - v'(R_c) (r - R_c)], \quad v(r) = \mathrm{erfc}(\alpha r)/r

    with the self-energy of the damped, shifted sum [1]_, as LAMMPS's ``coul/dsf`` and ``pedone`` with ``shift yes``.
    Without damping it is the sum that SHIK calls Wolf's.

    References
    ----------
    .. [1] C. J. Fennell, J. D. Gezelter, J. Chem. Phys. 124, 234104 (2006).
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(
        self,
        charges: dict[str, float | str],
        pairs: dict[tuple[str, str], tuple[float, float, float, float]],
        *,
        form: str = "morse",
        damping: float = 0.25,
        coulomb_cutoff: float = 8.0,
        cutoff: float = 5.5,
        smoothing: float = 0.0,
        skin: float = 0.6,
        source: str = "",
    ) -> None:
        super().__init__()
        self.charges, self.source = dict(charges), source
        self.pairs = {tuple(sorted(names)): values for names, values in pairs.items()}
        self.form = FORMS[form][0]
        self.damping, self.coulomb_cutoff, self.cutoff = damping, coulomb_cutoff, cutoff
        self.smoothing, self.skin = smoothing, skin
        edge = np.array([coulomb_cutoff])
        self._edge_value, self._edge_slope = (float(x[0]) for x in self._screened(edge))
        self.reset()

    def reset(self) -> None:
        """Forget the neighbours, so that what follows depends on the positions alone: done at every checkpoint."""
        super().reset()
        self._listed_at = None

    def check_state(self, atoms, tol=0.0) -> list[str]:
        """Return what changed since the last calculation; exact, and so five times faster than ASE's tolerances."""
        return changes(self.atoms, atoms)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        """Work out energy (eV), forces (eV/Å) and stress (eV/Å^3) at once."""
        super().calculate(atoms, properties, system_changes)
        positions, cell = self.atoms.positions, np.array(self.atoms.cell)
        if self._stale(positions, cell):
            self._list_neighbours(positions, cell)

        vectors = positions[self._second] - positions[self._first] + self._offsets
        squares = np.einsum("px,px->p", vectors, vectors)
        slopes = np.zeros(len(squares))
        near = np.flatnonzero(squares < self.coulomb_cutoff**2)
        value, slope = self.coulomb(np.sqrt(squares[near]))
        energy = float(np.sum(self._products[near] * value))
        slopes[near] = self._products[near] * slope
        near = np.flatnonzero(squares[: self._bonded] < self.cutoff**2)
        parameters = self._parameters[:, near]
        value, slope = self.short_range(np.sqrt(squares[near]), parameters[:4], parameters[4])
        short = float(np.sum(value))
        slopes[near] += slope

        # dU/dr / r times the vector: the pull of the first atom on the second, turned round
        with np.errstate(divide="ignore"):
            pulls = vectors * (slopes / np.sqrt(squares))[:, None]
        forces = np.empty_like(positions)
        for axis in range(3):
            forces[:, axis] = np.bincount(self._first, pulls[:, axis], len(positions))
            forces[:, axis] -= np.bincount(self._second, pulls[:, axis], len(positions))
        # einsum, not BLAS, whose threads cost more than so small a product
        stress = np.einsum("px,py->xy", pulls, vectors) / abs(np.linalg.det(cell))
        self.results = {
            "energy": energy + short + self._self_energy,
            "free_energy": energy + short + self._self_energy,
            "forces": forces,
            "stress": stress.flat[[0, 4, 8, 5, 2, 1]],
        }

    def _screened(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return erfc(alpha r)/r and its derivative."""
        value = erfc(self.damping * r) / r
        return value, -value / r - 2 * self.damping / np.sqrt(pi) * np.exp(-((self.damping * r) ** 2)) / r

    def coulomb(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the Coulomb energy of unit charges over `COULOMB`, and its derivative, within its range."""
        value, slope = self._screened(r)
        value += -self._edge_value - self._edge_slope * (r - self.coulomb_cutoff)
        return self._smooth(r, self.coulomb_cutoff, value, slope - self._edge_slope)

    def short_range(self, r: np.ndarray, parameters: np.ndarray, shift) -> tuple[np.ndarray, np.ndarray]:
        """Return the short-range energy and its derivative, within its range."""
        value, slope = self.form(r, *parameters)
        return self._smooth(r, self.cutoff, value - shift, slope)

    def between(self, r: np.ndarray, first: str, second: str, product: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the whole energy of a pair of elements at any distances, and its derivative.

        Parameters
        ----------
        r
            Å.
        first, second
            Chemical symbols.
        product
            eV Å, `COULOMB` times both charges.
        """
        energy, slope = np.zeros((2, len(r)))
        within = r < self.coulomb_cutoff
        value, rise = self.coulomb(r[within])
        energy[within], slope[within] = product * value, product * rise
        if (parameters := self.pairs.get(tuple(sorted((first, second))))) is not None:
            within = r < self.cutoff
            value, rise = self.short_range(r[within], np.array(parameters)[:, None], self.edge(parameters))
            energy[within] += value
            slope[within] += rise
        return energy, slope

    def edge(self, parameters) -> float:
        """Return the short-range energy at its range, by which it is shifted."""
        return float(self.form(np.array([self.cutoff]), *parameters)[0][0])

    def charges_of(self, symbols: np.ndarray) -> np.ndarray:
        """Return the charge of each atom; one element's may have to balance the others'."""
        balanced = [name for name, q in self.charges.items() if q == BALANCE]
        known = {name: q for name, q in self.charges.items() if q != BALANCE}
        for name in balanced:
            count = np.sum(symbols == name)
            others = sum(known[s] for s in symbols if s != name)
            known[name] = -others / count if count else 0.0
        return np.array([known[s] for s in symbols])

    def _smooth(self, r, edge: float, value, slope) -> tuple[np.ndarray, np.ndarray]:
        if not self.smoothing:
            return value, slope
        square = self.smoothing**2
        with np.errstate(divide="ignore"):
            factor = np.exp(-square / (r - edge) ** 2)
            bend = np.where(factor > 0, 2 * square / (r - edge) ** 3, 0.0)
        return value * factor, (slope + value * bend) * factor

    def _stale(self, positions: np.ndarray, cell: np.ndarray) -> bool:
        if self._listed_at is None or self._listed_at.shape != positions.shape:
            return True
        if not np.array_equal(self._listed_cell, cell) or not np.array_equal(self._listed_numbers, self.atoms.numbers):
            return True
        moved = positions - self._listed_at
        return np.einsum("ax,ax->a", moved, moved).max() > (self.skin / 2) ** 2

    def _list_neighbours(self, positions: np.ndarray, cell: np.ndarray) -> None:
        """List every pair within reach once, across all faces of the cell, bonded pairs first."""
        symbols = np.array(self.atoms.get_chemical_symbols())
        unknown = sorted(set(symbols) - set(self.charges))
        if unknown:
            raise InputError(f"the potential has no {', '.join(unknown)}; it has {', '.join(sorted(self.charges))}")
        if not self.atoms.pbc.all() or self.atoms.cell.rank < 3:
            raise InputError("the pair potential needs a cell that is periodic along all three axes")
        reach = max(self.coulomb_cutoff, self.cutoff) + self.skin
        first, second, offsets = neighbour_pairs(positions, cell, reach)

        kinds, which = np.unique(symbols, return_inverse=True)
        table = np.zeros((6, len(kinds), len(kinds)))
        for i, a in enumerate(kinds):
            for j, b in enumerate(kinds):
                if (values := self.pairs.get(tuple(sorted((a, b))))) is not None:
                    table[:, i, j] = *values, self.edge(values), 1.0
        parameters = table[:, which[first], which[second]]
        bonded = parameters[5] > 0
        order = np.argsort(~bonded, kind="stable")
        self._first, self._second, self._offsets = first[order], second[order], offsets[order]
        self._bonded = int(bonded.sum())
        self._parameters = np.ascontiguousarray(parameters[:5, order[: self._bonded]])
        charge = self.charges_of(symbols)
        self._products = COULOMB * charge[self._first] * charge[self._second]
        # the shift of a pair's energy at distance zero, as LAMMPS has it
        own = (self._edge_value - self._edge_slope * self.coulomb_cutoff) / 2 + self.damping / np.sqrt(pi)
        self._self_energy = -COULOMB * own * float(charge @ charge)
        self._listed_at, self._listed_cell = positions.copy(), cell
        self._listed_numbers = self.atoms.numbers.copy()


def changes(before, atoms) -> list[str]:
    """Return what changed between two configurations, for calculators; exact, and five times faster than ASE's."""
    if before is None:
        return list(all_changes)
    pairs = ((getattr(before, name), getattr(atoms, name)) for name in ("positions", "numbers", "cell", "pbc"))
    same = len(atoms) == len(before) and all(np.array_equal(old, new) for old, new in pairs)
    return [] if same else ["positions"]


def neighbour_pairs(positions: np.ndarray, cell: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every pair of atoms and images within reach once: both indices and the offset of the second, Å."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    span = [np.arange(-n, n + 1) for n in np.ceil(reach / heights).astype(int)]
    images = np.stack(np.meshgrid(*span, indexing="ij"), axis=-1).reshape(-1, 3)
    scaled = positions @ np.linalg.inv(cell)
    home = np.floor(scaled)
    inside = scaled - home
    # ghosts: images of atoms within reach of the cell's faces
    ghosts = inside[None, :, :] + images[:, None, :]
    margin = reach / heights
    close = np.all((ghosts > -margin) & (ghosts < 1 + margin), axis=-1)
    image, second = np.nonzero(close)
    tree = cKDTree(inside @ cell)
    found = tree.sparse_distance_matrix(cKDTree(ghosts[close] @ cell), reach, output_type="ndarray")
    first, ghost = found["i"], found["j"]
    second, shift = second[ghost], images[image[ghost]]
    # each pair comes from both its ends, an atom and its own image with both signs
    signs = shift @ np.array([9**2, 9, 1])
    once = (first < second) | ((first == second) & (signs > 0))
    first, second, shift = first[once], second[once], shift[once]
    return first, second, (shift - home[second] + home[first]) @ cell


def load_potential(name: str | os.PathLike = "pmmcs") -> PairPotential:
    """Return a potential of ``data/potentials.yaml``, or of a YAML file of the same form.

    Parameters
    ----------
    name
        Of a shipped potential, or a path.

    Returns
    -------
    PairPotential
        An ASE calculator.

    Examples
    --------
    >>> sorted(load_potential("pmmcs").charges)
    ['Al', 'Li', 'Mg', 'O', 'Si', 'Ti', 'Zn', 'Zr']
    """
    path = Path(name)
    is_file = path.suffix in (".yaml", ".yml")
    content = read_yaml(path if is_file else FOLDER / "potentials.yaml")
    if is_file:
        if not isinstance(content, dict) or len(content) != 1:
            raise InputError(f"{path}: needed one potential, in the form of the package's data/potentials.yaml")
        name = next(iter(content))
    if name not in content:
        raise InputError(f"potential {name!r} is not known; known are {', '.join(content)}, or give a YAML file")
    entry = content[name]
    try:
        form = str(entry["form"])
        names = FORMS[form][1]
        return PairPotential(
            {symbol: q if q == BALANCE else float(q) for symbol, q in entry["charges"].items()},
            {tuple(key.split("-")): tuple(float(pair[name]) for name in names) for key, pair in entry["pairs"].items()},
            form=form,
            damping=float(entry["electrostatics"]["damping"]),
            coulomb_cutoff=float(entry["electrostatics"]["cutoff"]),
            cutoff=float(entry["short_range"]["cutoff"]),
            smoothing=float(entry.get("smoothing", 0.0)),
            source=str(entry["source"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"potential {name!r}: {error!r} is missing or not a number") from error
