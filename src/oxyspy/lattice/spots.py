"""Expected spots: where a crystal puts them along a zone axis, how strong, and which are extinct."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from math import gcd

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError
from oxyspy.lattice.structures import Crystal
from oxyspy.results import Result

# HAADF intensity of an atom goes as Z to a power below Rutherford's 2, by screening; 1.7 is the usual choice
Z_EXPONENT = 1.7
# isotropic displacement parameter of oxides at room temperature, angstrom^2: thermal vibration of every atom
B_ISO = 0.5
# below this share of the strongest amplitude a spot is extinct
EXTINCT = 1e-3


@dataclass(frozen=True)
class Spots(Result):
    """Spots of one crystal along one zone axis.

    Attributes
    ----------
    name, zone : str
        Crystal; zone axis with its rocksalt equivalent.
    hkl : array of int, shape (n, 3)
    g : array, shape (n, 2)
        In 1/nm, in the plane perpendicular to the beam; x along the shortest spot.
    amplitude : complex array, shape (n,)
        Fourier coefficient of the Z^1.7-weighted projection, per nm^3: what a HAADF image shows, before the probe.
    kinematical : array, shape (n,)
        Squared structure factor with electron scattering factors, per nm^6: what diffraction shows.
    extinct, double_diffraction : bool array, shape (n,)
        No amplitude; none, but reached by two allowed ones, so a thick crystal may show it.
    """

    name: str
    zone: str
    hkl: NDArray
    g: NDArray
    amplitude: NDArray
    kinematical: NDArray
    extinct: NDArray
    double_diffraction: NDArray

    @property
    def length(self) -> NDArray:
        """Length of each g in 1/nm."""
        return np.hypot(*self.g.T)

    def to_dict(self) -> dict:
        """Return plain lists; the amplitude by its modulus."""
        from oxyspy.results import to_plain

        return to_plain({**{k: getattr(self, k) for k in self.__dataclass_fields__}, "amplitude": abs(self.amplitude)})

    def __str__(self) -> str:
        strongest = np.abs(self.amplitude).max()
        kinematical = self.kinematical.max()
        lines = [f"{self.name} along {self.zone}", "    h   k   l   g (1/nm)   Z^1.7   electrons"]
        for i in np.argsort(self.length, kind="stable"):
            note = "  double diffraction" if self.double_diffraction[i] else "  extinct" if self.extinct[i] else ""
            hkl = "".join(f"{int(x):4d}" for x in self.hkl[i])
            projected, electrons = (
                100 * abs(self.amplitude[i] / strongest) ** 2,
                100 * self.kinematical[i] / kinematical,
            )
            lines.append(f" {hkl}   {self.length[i]:7.3f}   {projected:5.1f}   {electrons:8.1f}{note}")
        return "\n".join(lines)


def expected_spots(crystal: Crystal, zone_axis: Sequence[int], g_max: float = 7.5) -> Spots:
    r"""Return the zero-order Laue zone of a crystal, extinct spots included and marked.

    Parameters
    ----------
    crystal : Crystal
        Of `crystal`.
    zone_axis : three int
        Direction [uvw] of the crystal along the beam.
    g_max : float
        Longest spot, 1/nm.

    Returns
    -------
    Spots
        Wave vectors, indices and amplitudes.

    Notes
    -----
    The image's coefficients are those of the projected scattering power,

    .. math:: A(\mathbf g) = V^{-1} e^{-B g^2 / 4} \sum_j o_j Z_j^{1.7} e^{2 \pi i \mathbf h \cdot \mathbf x_j},

    the kinematical ones have electron scattering factors f(g) in place of Z^1.7; B = 0.005 nm^2 for every atom. The
    probe is left out: it is measured on the image itself.

    Examples
    --------
    >>> from oxyspy.lattice.structures import crystal
    >>> spots = expected_spots(crystal("rocksalt"), (1, 1, 0), g_max=5)
    >>> [f"{g:.3f}" for g in sorted(set(spots.length.round(3)))]
    ['4.144', '4.785']
    """
    zone = np.array([int(i) for i in zone_axis])
    if zone.shape != (3,) or not zone.any():
        raise InputError(f"zone axis {zone_axis!r}: needed three integers, not all zero")
    hkl, vectors, length = _reflections(crystal, g_max)
    keep = hkl @ zone == 0
    hkl, vectors, length = hkl[keep], vectors[keep], length[keep]
    if not len(hkl):
        raise InputError(f"{crystal.name} along {list(zone)} has no spot within {g_max:g} 1/nm")
    phases = _waves(crystal, hkl, length)
    amplitude = phases @ (crystal.occupancies * crystal.numbers**Z_EXPONENT) / crystal.volume
    factors = _electron_factors(crystal.numbers, length)
    kinematical = np.abs((phases * factors) @ crystal.occupancies / crystal.volume) ** 2
    extinct = (
        np.maximum(np.abs(amplitude) / np.abs(amplitude).max(), np.sqrt(kinematical / kinematical.max())) < EXTINCT
    )
    double = extinct & _reachable(hkl, extinct)
    return Spots(
        name=crystal.name,
        zone=crystal.zone_label(zone),
        hkl=hkl,
        g=_in_plane(vectors, zone @ crystal.lattice),
        amplitude=amplitude,
        kinematical=kinematical,
        extinct=extinct,
        double_diffraction=double,
    )


def low_index_zones(crystal: Crystal, most: int = 2, g_max: float = 7.0) -> tuple[tuple[int, int, int], ...]:
    """Return the directions worth looking along: one of each set that shows the same pattern of spots.

    Parameters
    ----------
    crystal : Crystal
        Of `crystal`.
    most : int
        Largest index.
    g_max : float
        Longest spot that an image is taken to resolve, 1/nm.

    Returns
    -------
    tuple of tuple of int
        Directions [uvw].

    Notes
    -----
    All [uvw] with indices up to ``most``, and the parent rocksalt's <100>, <110>, <111> and <112> where there is one.
    Two directions are one if their spots have the same lengths and amplitudes. Those with fewer than two directions
    of visible spots are left out.

    Examples
    --------
    >>> from oxyspy.lattice.structures import crystal
    >>> low_index_zones(crystal("rocksalt"))
    ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1))
    """
    directions = [tuple(int(i) for i in one) for one in product(range(most, -most - 1, -1), repeat=3) if any(one)]
    if crystal.rocksalt is not None:
        directions += [crystal.direction_of_rocksalt(d) for d in product((2, 1, 0, -1, -2), repeat=3) if _simple(d)]
    # one of each pair of opposites, short and mostly positive ones first
    directions.sort(key=lambda d: (sum(abs(i) for i in d), -sum(d), [-i for i in d]))
    hkl, vectors, length = _reflections(crystal, g_max)
    weights = crystal.occupancies * crystal.numbers**Z_EXPONENT
    strength = np.abs(_waves(crystal, hkl, length) @ weights)
    strength /= strength.max()
    patterns, found = set(), []
    for zone in directions:
        on = (hkl @ zone == 0) & (strength > 0.02)
        if gcd(*zone) != 1 or np.linalg.matrix_rank(vectors[on], tol=1e-6) < 2:
            continue
        pattern = frozenset(Counter(zip(length[on].round(3), strength[on].round(3), strict=True)).items())
        if pattern not in patterns:
            patterns.add(pattern)
            found.append(zone)
    return tuple(found)


def _simple(direction: tuple[int, ...]) -> bool:
    """Whether a direction of rocksalt is one of <100>, <110>, <111> and <112>."""
    return sorted(abs(i) for i in direction) in ([0, 0, 1], [0, 1, 1], [1, 1, 1], [1, 1, 2])


def _reflections(crystal: Crystal, g_max: float) -> tuple[NDArray, NDArray, NDArray]:
    """All points of the reciprocal lattice up to a length: indices, vectors and lengths in 1/nm."""
    reach = np.ceil(g_max * np.linalg.norm(crystal.lattice, axis=1)).astype(int)
    hkl = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = hkl @ crystal.reciprocal
    length = np.linalg.norm(vectors, axis=1)
    keep = (length <= g_max) & hkl.any(axis=1)
    hkl, vectors, length = hkl[keep], vectors[keep], length[keep]
    # a reflection that the centring of the lattice forbids is no point of the reciprocal lattice
    centred = np.all(np.abs((hkl @ _centring(crystal).T + 0.5) % 1.0 - 0.5) < 0.02, axis=1)
    return hkl[centred], vectors[centred], length[centred]


def _waves(crystal: Crystal, hkl: NDArray, length: NDArray) -> NDArray:
    """Phase factor of each atom in each reflection with its thermal damping, shape (hkl, atoms)."""
    return np.exp(2j * np.pi * hkl @ crystal.positions.T) * np.exp(-B_ISO * (length / 20.0) ** 2)[:, None]


def _centring(crystal: Crystal) -> NDArray:
    """Translations within the cell that map the crystal on itself, shape (n, 3)."""
    kinds = np.stack([crystal.numbers, crystal.occupancies.round(3)], axis=1)
    same = np.all(kinds[:, None] == kinds[None], axis=-1)
    steps = (crystal.positions[same[0]] - crystal.positions[0]) % 1.0

    def maps(step: NDArray) -> bool:
        apart = crystal.positions[:, None] + step - crystal.positions[None]
        apart = np.abs(apart - apart.round()).max(axis=-1)
        return bool(np.all(np.any((apart < 1e-3) & same, axis=1)))

    return np.array([step for step in steps if maps(step)])


def _reachable(hkl: NDArray, extinct: NDArray) -> NDArray:
    """Whether each spot is the sum of two allowed ones."""
    allowed = {tuple(row) for row in hkl[~extinct]}
    strong = hkl[~extinct]
    return np.array([any(tuple(row - one) in allowed for one in strong) for row in hkl], bool)


def _in_plane(vectors: NDArray, beam: NDArray) -> NDArray:
    """Coordinates in the plane perpendicular to the beam, x along the shortest vector."""
    beam = beam / np.linalg.norm(beam)
    x = vectors[np.argmin(np.linalg.norm(vectors, axis=1).round(6))]
    x = x / np.linalg.norm(x)
    return np.stack([vectors @ x, vectors @ np.cross(beam, x)], axis=1)


def _electron_factors(numbers: NDArray, g: NDArray) -> NDArray:
    """Electron scattering factors in angstrom, shape (g, atoms), from the Gaussian sums that pymatgen ships."""
    from ase.data import chemical_symbols

    params = _scattering_parameters()
    s2 = (g / 20.0) ** 2
    table = {}
    for z in np.unique(numbers):
        symbol = chemical_symbols[int(z)]
        if symbol not in params:
            raise InputError(f"no electron scattering factor of {symbol} is known")
        a, b = np.array(params[symbol]).T
        table[z] = np.exp(-np.outer(s2, b)) @ a
    return np.stack([table[z] for z in numbers], axis=1)


@cache
def _scattering_parameters() -> dict:
    """Read pymatgen's table of Gaussian sums; its diffraction module itself takes seconds to import."""
    return json.loads((files("pymatgen.analysis.diffraction") / "atomic_scattering_params.json").read_text())
