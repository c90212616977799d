"""HAADF-STEM images of a reacted layer on a layered cathode particle, with the truth they were made from.

The edge of a particle seen along rocksalt [110]: vacuum, amorphous coating, reacted layer, bulk. Atomic columns of
weight Z^1.7 times thickness, blurred by probe and thermal vibration, sampled by a distorted and jittering scan, counted
as electrons. The image is summed column by column in real space, so it owes nothing to the Fourier coefficients that
`oxyspy.lattice` compares.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.special import ndtr

from oxyspy.errors import InputError
from oxyspy.lattice.parent import Variant, projected_columns, variants
from oxyspy.lattice.spots import B_ISO
from oxyspy.lattice.structures import crystal

# labels of the truth map
VACUUM, COATING, BULK, SHELL = range(4)
# thickness of the bulk at which `detected` holds, nm
REFERENCE_THICKNESS = 20.0


@dataclass(frozen=True)
class SimulatedImage:
    """An image and what it was made from.

    Attributes
    ----------
    counts : array, shape (ny, nx), uint16
        Detected electrons.
    pixel_nm : float
        Nominal pixel size, what the file's metadata would say.
    labels : array of int8, shape (ny, nx)
        0 vacuum, 1 coating, 2 bulk, 3 reacted layer.
    depth_nm : array of float32, shape (ny, nx)
        True depth below the rough surface.
    thickness_nm : float
        Mean thickness of the reacted layer, in true nm; 0 without one.
    bulk, shell : str
        Labels of the phases; ``shell`` names a confounder where one was asked for.
    scale : array, shape (2, 2)
        True over nominal coordinates, (x, y).
    basis : array, shape (2, 2)
        b1 and b2 as rows in true 1/nm, in the axes of the image.
    settings : dict
        The arguments.
    """

    counts: NDArray
    pixel_nm: float
    labels: NDArray
    depth_nm: NDArray
    thickness_nm: float
    bulk: str
    shell: str
    scale: NDArray
    basis: NDArray
    settings: dict = field(repr=False)


def simulate_image(
    shape: tuple[int, int] = (1024, 1024),
    pixel_nm: float = 0.02,
    *,
    bulk: str = "layered",
    shell: str | None = "rocksalt",
    thickness_nm: float = 2.0,
    variant: int = 1,
    interface_nm: float = 0.1,
    roughness_nm: float = 0.15,
    tilt_deg: float = 0.0,
    surface_at: float = 0.3,
    rotation_deg: float | None = None,
    dose: float = 1e4,
    detected: float = 0.05,
    edge_nm: float = 6.0,
    wedge: float = 1.0,
    rounding_nm: float = 0.0,
    bumps: float = 0.0,
    exponent: float = 1.0,
    probe_fwhm_nm: float = 0.08,
    jitter_nm: float = 0.01,
    walk_nm: float = 0.0,
    distortion: float = 0.03,
    coating_nm: float = 4.0,
    slant_deg: float = 0.0,
    seed: int = 0,
) -> SimulatedImage:
    """Return a HAADF image of a particle's edge.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    pixel_nm : float
        Nominal pixel size.
    bulk : str
        Phase of the particle.
    shell : str, optional
        Phase of the reacted layer, None for a pristine surface, or what mimics one: "inclined" (layered, planes
        inclined to the beam), "twin" (two layered domains on top of each other), "core-shell" (half of the thickness
        is rocksalt, everywhere in the layer).
    thickness_nm : float
        Mean thickness of the layer along the surface normal.
    variant : {1, 2}
        Whether the bulk's planes lie along b1 or b2.
    interface_nm : float
        Gaussian width (sigma) of the composition change.
    roughness_nm : float
        Standard deviation of the surface, along it correlated over 2 nm; the interface has half of it again.
    tilt_deg : float
        Direction of the inward surface normal from the x axis.
    surface_at : float
        Where the surface is, as a share of the image along its normal.
    rotation_deg : float, optional
        Direction of b1 from the x axis; random by default.
    dose : float
        Electrons per square angstrom.
    detected : float
        Share of them that the detector gets from 20 nm of bulk.
    edge_nm, wedge : float
        Thickness along the beam at the surface, and its rise per nm of depth, to at most 40 nm.
    rounding_nm : float
        Depth over which the edge rises from nothing to ``edge_nm``, as a quarter of an ellipse.
    bumps : float
        Relative standard deviation of the thickness, correlated over 4 nm.
    exponent : float
        Power of the thickness that a column's intensity goes with; below 1 as channelling weakens.
    probe_fwhm_nm : float
        Full width at half maximum of the probe.
    jitter_nm : float
        Standard deviation of each scan line's offset; a slow drift of twice that comes with it.
    walk_nm : float
        Standard deviation of the last line's offset from the first by a random walk.
    distortion : float
        Standard deviation of the relative errors of the pixel size in x and in y, and half of that of the shear.
    coating_nm : float
        Thickness of the amorphous coating; vacuum beyond.
    slant_deg : float
        By how much surface and boundary are inclined to the beam; ``depth_nm`` and ``labels`` are then those at half of
        the thickness along the beam.
    seed : int
        Of all that is drawn.

    Returns
    -------
    SimulatedImage
        Counts, and the truth of every pixel.

    Examples
    --------
    >>> image = simulate_image((128, 128), thickness_nm=1.0, seed=1)
    >>> image.counts.shape, image.shell
    ((128, 128), 'rocksalt')
    """
    settings = dict(locals())
    if variant not in (1, 2):
        raise InputError(f"variant {variant}: needed 1 or 2")
    rng = np.random.default_rng(seed)
    inside = _appearance(bulk, variant)
    mixture, name = _shell(shell, inside, variant)
    ny, nx = shape
    scale = np.eye(2) + np.array([[rng.normal(0, distortion), rng.normal(0, distortion / 2)], [0, 0]])
    scale[1, 1] += rng.normal(0, distortion)
    angle = np.deg2rad(rng.uniform(0, 180) if rotation_deg is None else rotation_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    basis = inside.basis @ turn
    jitter = np.stack([_line_jitter(rng, ny, jitter_nm) for _ in range(2)], axis=1)
    if walk_nm:
        jitter += walk_nm / np.sqrt(ny) * rng.normal(size=(ny, 2)).cumsum(axis=0)

    surface = _Surface(rng, scale @ (np.array([nx, ny]) * pixel_nm), tilt_deg, surface_at, roughness_nm)
    layer = thickness_nm if mixture else 0.0

    positions, weights = [], []
    for one, share in [(inside, None), *mixture]:
        shift = rng.integers(0, 2, 2) if share is not None else np.zeros(2)
        r, w = _columns(one, basis, scale @ (np.array([nx, ny]) * pixel_nm), shift)
        depth, boundary = surface.depth(r), layer + surface.boundary(r)
        whole = np.clip(edge_nm + wedge * depth, 0.0, 40.0)
        matter, in_shell = _through(depth, whole, boundary, interface_nm if mixture else None, slant_deg)
        along = whole * matter
        if rounding_nm > 0:
            along = along * np.sqrt(1 - np.clip(1 - depth / rounding_nm, 0, 1) ** 2)
        along = REFERENCE_THICKNESS * (along * surface.bump(r, bumps) / REFERENCE_THICKNESS) ** exponent
        amount = (1.0 - in_shell) if share is None else share * in_shell
        keep = along * amount * w > 1e-3 * w.max()
        positions.append(r[keep])
        weights.append((along * amount * w)[keep])
    reference = inside.mean * REFERENCE_THICKNESS

    rows, columns = np.mgrid[:ny, :nx].astype(float)
    nominal = np.stack([columns, rows], axis=-1) * pixel_nm + jitter[:, None]
    true = nominal @ scale.T
    depth = surface.depth(true)
    blur = np.hypot(probe_fwhm_nm / 2.3548, np.sqrt(B_ISO / (8 * np.pi**2)) / 10)
    pattern = _render(np.concatenate(positions), np.concatenate(weights), scale, jitter, shape, pixel_nm, blur)
    pattern /= reference
    speckle = gaussian_filter(rng.normal(size=shape), 0.08 / pixel_nm)
    speckle *= 0.15 / speckle.std()
    # an oxide glass scatters about a third of what the bulk does
    coating = (
        0.33 * np.clip(edge_nm, 2, None) / REFERENCE_THICKNESS * ndtr(-depth / 0.1) * ndtr((depth + coating_nm) / 0.15)
    )
    expected = np.maximum(pattern + coating * (1 + speckle) + 0.01, 0.0)
    per_pixel = dose * 100.0 * abs(np.linalg.det(scale)) * pixel_nm**2 * detected
    counts = rng.poisson(expected * per_pixel)

    labels = np.full(shape, BULK, np.int8)
    if mixture:
        labels[depth < (layer + surface.boundary(true)) / np.cos(np.deg2rad(slant_deg))] = SHELL
    labels[depth < 0] = COATING
    labels[depth < -coating_nm] = VACUUM
    mean = layer + float(surface.boundary(true[np.abs(depth) < 2 * pixel_nm]).mean()) if mixture else 0.0
    return SimulatedImage(
        np.minimum(counts, 65535).astype(np.uint16),
        pixel_nm,
        labels,
        depth.astype(np.float32),
        mean,
        inside.label,
        name,
        scale,
        basis,
        settings,
    )


def _appearance(phase: str, variant: int) -> Variant:
    """The phase along the zone that tells most: planes seen edge on, along b1 or b2."""
    seen = variants(crystal(phase))
    return seen[variant - 1] if len(seen) > 1 else seen[0]


def _shell(shell: str | None, inside: Variant, variant: int) -> tuple[list[tuple[Variant, float]], str]:
    """What the layer is made of: appearances and their shares of the thickness; and its name."""
    if shell is None:
        return [], "none"
    if shell == "inclined":
        return [(variants(inside.crystal)[2], 1.0)], "layered, planes inclined to the beam"
    if shell == "twin":
        return [(inside, 0.5), (_appearance(inside.crystal, 3 - variant), 0.5)], "layered twins on top of each other"
    if shell == "core-shell":
        return [(inside, 0.5), (_appearance("rocksalt", 1), 0.5)], "rocksalt over layered along the beam"
    one = _appearance(shell, variant)
    return [(one, 1.0)], one.family


def _through(
    depth: NDArray, whole: NDArray, boundary: NDArray, interface: float | None, slant_deg: float
) -> tuple[NDArray, NDArray]:
    """Of a column at each depth: share of the thickness in which there is matter, and share of that in the layer."""
    # the surface runs sideways along the beam, by half of the thickness each way
    slices = (np.arange(24) + 0.5) / 24 - 0.5 if slant_deg else np.zeros(1)
    tangent, cosine = np.tan(np.deg2rad(slant_deg)), np.cos(np.deg2rad(slant_deg))
    matter, layer = np.zeros(len(depth)), np.zeros(len(depth))
    for z in slices:
        below = depth - z * whole * tangent
        matter += below > 0
        if interface is not None:
            layer += (below > 0) * ndtr((boundary / cosine - below) / max(interface, 1e-6))
    return matter / len(slices), layer / np.maximum(matter, 1)


class _Surface:
    """The surface and the interface below it, as functions of place."""

    def __init__(self, rng, size: NDArray, tilt_deg: float, at: float, roughness: float) -> None:
        tilt = np.deg2rad(tilt_deg)
        self.normal = np.array([np.cos(tilt), np.sin(tilt)])
        self.along = np.array([-np.sin(tilt), np.cos(tilt)])
        corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size]) @ self.normal
        self.at = corners.min() + at * np.ptp(corners)
        reach = 1.5 * float(np.hypot(*size))
        self.grid = np.arange(-reach, reach, 0.05)
        self.surface, self.interface = (
            self._rough(rng, sigma) if sigma else np.zeros_like(self.grid) for sigma in (roughness, roughness / 2)
        )
        self.waves = rng.normal(size=(24, 2)) / (2 * np.pi * 4.0), rng.uniform(0, 2 * np.pi, 24)

    def _rough(self, rng, sigma: float) -> NDArray:
        line = gaussian_filter1d(rng.normal(size=self.grid.size), 1.0 / 0.05)
        return sigma * (line - line.mean()) / line.std()

    def bump(self, r: NDArray, relative: float) -> NDArray:
        """Thickness over its smooth course: a sum of waves, Gaussian with a correlation length of 4 nm."""
        if not relative:
            return np.ones(r.shape[:-1])
        waves, phases = self.waves
        field = np.cos(2 * np.pi * r @ waves.T + phases).sum(axis=-1) * np.sqrt(2 / len(phases))
        return np.clip(1 + relative * field, 0.2, None)

    def depth(self, r: NDArray) -> NDArray:
        return r @ self.normal - self.at - np.interp(r @ self.along, self.grid, self.surface)

    def boundary(self, r: NDArray) -> NDArray:
        return np.interp(r @ self.along, self.grid, self.interface)


def _line_jitter(rng, lines: int, sigma: float) -> NDArray:
    if sigma <= 0:
        return np.zeros(lines)
    slow = gaussian_filter1d(rng.normal(size=lines), lines / 16, mode="wrap")
    return sigma * (rng.normal(size=lines) + 2 * slow / slow.std())


def _columns(one: Variant, basis: NDArray, size: NDArray, shift: NDArray) -> tuple[NDArray, NDArray]:
    """All columns of a phase in the field of view: true positions in nm and weights per nm of thickness."""
    coordinates, weights = projected_columns(one.crystal, one.planes)
    direct = np.linalg.inv(basis)  # columns are the vectors dual to b1 and b2
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size]) @ basis.T
    low, high = np.floor(corners.min(axis=0) / 2) - 1, np.ceil(corners.max(axis=0) / 2) + 1
    cells = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)]), -1).reshape(-1, 1, 2)
    r = (cells * 2 + coordinates + shift).reshape(-1, 2) @ direct.T
    w = np.tile(weights, len(cells))
    keep = np.all((r > -0.5) & (r < size + 0.5), axis=1)
    return r[keep], w[keep]


def _render(r, weights, scale, jitter, shape, pixel, blur) -> NDArray:
    """Sum Gaussian columns on the jittered pixels; per nm^2, as `Variant.mean` times thickness."""
    ny, nx = shape
    nominal = r @ np.linalg.inv(scale).T / pixel
    half = int(np.ceil(4.5 * blur / pixel))
    offsets = np.arange(-half, half + 1)
    image = np.zeros(ny * nx)
    for part in np.array_split(np.arange(len(nominal)), max(1, len(nominal) // 4000)):
        centre = nominal[part].round().astype(int)
        rows, columns = centre[:, 1, None] + offsets, centre[:, 0, None] + offsets
        line = jitter[np.clip(rows, 0, ny - 1)] / pixel
        dx = columns[:, None, :] + line[..., None, 0] - nominal[part, 0, None, None]
        dy = (rows + line[..., 1] - nominal[part, 1, None])[..., None]
        # distances in true nm, through the scan's distortion
        tx, ty = (scale[0, 0] * dx + scale[0, 1] * dy) * pixel, (scale[1, 0] * dx + scale[1, 1] * dy) * pixel
        spread = weights[part, None, None] * np.exp(-(tx**2 + ty**2) / (2 * blur**2)) / (2 * np.pi * blur**2)
        inside = ((rows >= 0) & (rows < ny))[:, :, None] & ((columns >= 0) & (columns < nx))[:, None, :]
        flat = rows[:, :, None] * nx + columns[:, None, :]
        image += np.bincount(flat[inside], spread[inside], minlength=ny * nx)
    return image.reshape(shape)
