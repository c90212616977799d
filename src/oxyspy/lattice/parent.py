"""The parent lattice that layered, spinel and rocksalt share along rocksalt [110], and what each adds to it.

Its fundamental spots m b1 + n b2 (|b| = 4.14 1/nm, 70.53 degrees) belong to all three; layered adds b1/2 or b2/2,
spinel both, rocksalt neither. So the phases differ in the amplitudes of nine spots, not in the geometry.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import InputError
from oxyspy.lattice.spots import B_ISO, Z_EXPONENT
from oxyspy.lattice.structures import Crystal

# indices (m, n) of the nine spots: three fundamentals, then two of each half-order family and the two mixed ones
FUNDAMENTALS = ((1.0, 0.0), (0.0, 1.0), (1.0, -1.0))
HALVES = ((0.5, 0.0), (0.5, -1.0), (0.0, 0.5), (-1.0, 0.5), (0.5, 0.5), (0.5, -0.5))
INDICES = np.array(FUNDAMENTALS + HALVES)
NAMES = ("b1", "b2", "b1-b2", "b1/2", "b1/2-b2", "b2/2", "b2/2-b1", "(b1+b2)/2", "(b1-b2)/2")
# every spot of the parent lattice and of the first two half-order families within 8 1/nm; the mixed family is left out,
# since spinel's is weak and a lattice that needs it strong is another crystal's
_STEPS = np.arange(-6, 7) / 2
ALLOWED = np.array([(m, n) for m, n in product(_STEPS, _STEPS) if (m, n) != (0, 0) and (m % 1 == 0 or n % 1 == 0)])
# the six directions <110> of rocksalt with the two {111} planes that each shows as b1 and b2
FRAMES = (
    ((1, -1, 0), (1, 1, 1), (1, 1, -1)),
    ((0, 1, -1), (1, 1, 1), (-1, 1, 1)),
    ((1, 0, -1), (1, 1, 1), (1, -1, 1)),
    ((1, 1, 0), (1, -1, 1), (1, -1, -1)),
    ((0, 1, 1), (1, 1, -1), (-1, 1, -1)),
    ((1, 0, 1), (1, 1, -1), (1, -1, -1)),
)


@dataclass(frozen=True)
class Variant:
    """A crystal as seen along one rocksalt <110>.

    Attributes
    ----------
    crystal : Crystal
    label : str
        For example "layered, planes along b1".
    zone : tuple of int
        Zone axis in the crystal's own indices.
    planes : array, shape (2, 3)
        The rocksalt reflections that are b1 and b2.
    amplitude : array, shape (9,)
        Amplitude of the nine spots of `INDICES`, per nm^3.
    mean : float
        The same of the projection's mean.
    """

    crystal: Crystal
    label: str
    zone: tuple[int, int, int]
    planes: NDArray
    amplitude: NDArray
    mean: float

    @property
    def family(self) -> str:
        """Family of the crystal."""
        return self.crystal.family

    @property
    def orders(self) -> NDArray:
        """Which half-order families it shows: b1/2, b2/2, mixed; bool, shape (3,)."""
        return self.amplitude[3:].reshape(3, 2).max(axis=1) > 0.02 * self.amplitude[:3].max()

    @property
    def inclined(self) -> bool:
        """Whether these are layers inclined to the beam, which add no spot and so look like rocksalt."""
        return self.family == "layered" and not self.orders.any()

    @property
    def basis(self) -> NDArray:
        """b1 and b2 as rows in 1/nm, b1 along x."""
        if self.crystal.rocksalt is None:
            raise InputError(f"{self.crystal.name} is not built on rocksalt")
        reciprocal = self.planes @ self.crystal.rocksalt.T @ self.crystal.reciprocal
        l1, l2 = np.linalg.norm(reciprocal, axis=1)
        cosine = float(reciprocal[0] @ reciprocal[1] / (l1 * l2))
        return np.array([[l1, 0.0], [l2 * cosine, l2 * np.sqrt(1 - cosine**2)]])


def variants(crystal: Crystal) -> tuple[Variant, ...]:
    """Return the distinct appearances of a crystal on the parent lattice along all rocksalt <110>.

    Layered has three: planes along b1, planes along b2, and inclined to the beam, which adds no spot at all.

    Parameters
    ----------
    crystal
        Built on rocksalt.

    Returns
    -------
    tuple of Variant
        With their planes, zone axes and amplitudes.

    Examples
    --------
    >>> from oxyspy.lattice.structures import crystal
    >>> [v.label for v in variants(crystal("layered"))]
    ['layered, planes along b1', 'layered, planes along b2', 'layered, planes inclined to the beam']
    """
    if crystal.rocksalt is None:
        raise InputError(
            f"{crystal.name} is not built on the rocksalt lattice, so it cannot be mapped with the cathode phases; "
            "identify_phase takes it, and so does phase_map once its file has the entry 'rocksalt'"
        )
    found: dict[tuple[bool, ...], Variant] = {}
    for (zone, first, second), swap in product(FRAMES, (False, True)):
        planes = np.array([second, first] if swap else [first, second])
        amplitude = np.abs(structure_amplitudes(crystal, planes, INDICES))
        mean = float(np.abs(structure_amplitudes(crystal, planes, np.zeros((1, 2)))[0]))
        one = Variant(crystal, "", crystal.direction_of_rocksalt(zone), planes, amplitude, mean)
        key = tuple(one.orders)
        if key not in found:
            found[key] = Variant(crystal, _label(crystal, one.orders), one.zone, planes, amplitude, mean)
    return tuple(sorted(found.values(), key=lambda v: [v.inclined, *(~v.orders)]))


def structure_amplitudes(crystal: Crystal, planes: NDArray, indices: NDArray) -> NDArray:
    """Return A of the spots m b1 + n b2, complex, shape (k,); zero where the crystal has no such reflection.

    Parameters
    ----------
    planes : array, shape (2, 3)
        Rocksalt reflections that are b1 and b2.
    indices : array, shape (k, 2)
        m and n, halves allowed.
    """
    hkl = indices @ planes @ crystal.rocksalt.T
    real = np.all(np.abs(hkl - hkl.round()) < 1e-6, axis=1)
    g = np.linalg.norm(hkl @ crystal.reciprocal, axis=1)
    waves = np.exp(2j * np.pi * hkl.round() @ crystal.positions.T)
    weights = crystal.occupancies * crystal.numbers**Z_EXPONENT / crystal.volume
    return np.where(real, (waves @ weights) * np.exp(-B_ISO * (g / 20.0) ** 2), 0.0)


def projected_columns(crystal: Crystal, planes: NDArray) -> tuple[NDArray, NDArray]:
    """Return the atomic columns of two by two parent cells: coordinates along the parent's direct axes, and weights.

    The origin is put where the fundamentals have no phase: the metal of every crystal then lies on the same sites, as
    it does where one has grown from another.

    Returns
    -------
    coordinates : array, shape (n, 2)
        In [0, 2), in units of the vectors dual to b1 and b2.
    weights : array, shape (n,)
        Sum of Z^1.7 per nm of column.
    """
    shifts = np.array(list(product(range(4), repeat=3)))
    positions = (crystal.positions[:, None] + shifts) @ crystal.rocksalt @ planes.T
    weights = crystal.occupancies * crystal.numbers**Z_EXPONENT / crystal.volume
    plane = planes @ crystal.rocksalt.T @ crystal.reciprocal
    area = 4.0 / np.linalg.norm(np.cross(plane[0], plane[1]))
    coordinates, heavy = [], []
    for images, weight in zip(positions, weights, strict=True):
        # the images of one atom that fall on different columns; the same number for every atom
        distinct = np.unique((images % 2.0).round(6) % 2.0, axis=0)
        coordinates.append(distinct)
        heavy.append(np.full(len(distinct), weight * area / len(distinct)))
    origin = -np.angle(structure_amplitudes(crystal, planes, INDICES[:2])) / (2 * np.pi)
    return (np.concatenate(coordinates) + origin) % 2.0, np.concatenate(heavy)


def _label(crystal: Crystal, orders: NDArray) -> str:
    """Name a variant by what tells it from its sisters."""
    name = crystal.family if crystal.family != "other" else crystal.name
    if crystal.family != "layered":
        return name
    if not orders.any():
        return f"{name}, planes inclined to the beam"
    return f"{name}, planes along b{1 if orders[0] else 2}"
