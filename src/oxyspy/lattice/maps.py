"""The phase map of an image: what `phase_map` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.lattice.ambiguity import ALTERNATIVES
from oxyspy.lattice.regions import AMORPHOUS, NOT_CRYSTAL
from oxyspy.results import Result

if TYPE_CHECKING:
    from oxyspy.lattice.appearance import Calibration
    from oxyspy.lattice.demodulation import Demodulated, Spectrum
    from oxyspy.lattice.fit import LatticeFit
    from oxyspy.lattice.observed import ObservedSpots
    from oxyspy.lattice.parent import Variant

SAYS = (
    "An FFT cannot tell: rocksalt from layered with planes inclined to the beam; spinel from overlapping layered "
    "twins; a rocksalt shell along the beam from homogeneous mixing; whether a 220 spot proves tetrahedral metal; how "
    "much lithium there is."
)


@dataclass(frozen=True)
class Source:
    """What a map was made from; `oxyspy.lattice.layer_thickness` reads it again with other windows."""

    image: NDArray
    spectrum: Spectrum
    basis: NDArray
    calibration: Calibration
    known: tuple[Variant, ...]
    step: tuple[int, int]
    windows: Demodulated
    spots: ObservedSpots
    bending: NDArray


@dataclass(frozen=True)
class PhaseMap(Result):
    """Phase, order and doubt in every window of an image.

    Attributes
    ----------
    names : tuple of str
        "vacuum", "amorphous", "none of these", then the phases.
    posterior : float32 array, shape (names, ny, nx)
        Probability of each name in each window; their sum is 1.
    phase : int8 array, shape (ny, nx)
        Index into ``names`` of the likeliest.
    probability : float32 array, shape (ny, nx)
        Its posterior.
    alternative : int8 array, shape (ny, nx)
        Index into ``alternatives``: what an FFT cannot tell from it here; 0 for nothing.
    fraction : float32 array, shape (ny, nx)
        Share of the window's thickness that is not the bulk's phase; nan outside the crystal.
    thickness : float32 array, shape (ny, nx)
        Thickness along the beam over that of the bulk, given the phase.
    fundamental, half1, half2, mixed : float32 array, shape (ny, nx)
        Order parameters: amplitude of the fundamentals and of the half-order families b1/2, b2/2 and (b1 +- b2)/2,
        noise removed, over that of the bulk's fundamentals and of the bulk's own half order.
    detection_limit : float32 array, shape (ny, nx)
        Largest half-order amplitude, over the bulk's at this thickness, that could hide: one that nothing but counting,
        the scan's jitter and edges make is above it in 0.13 % of windows (three sigma).
    found, missing, unexplained : float32 array, shape (ny, nx)
        Parts of the likeliest state's chi^2: expected spots that are there, expected and visible ones that are not,
        spots that are there and not expected.
    x_nm, y_nm : array
        Centres of the windows in nominal nm from the middle of the image's first pixel.
    sigma_nm : float
        Standard deviation of the Gaussian window, nominal nm.
    jitter_nm : tuple of float
        Standard deviation of a scan line's offset in x and in y, as far as it differs from line to line, nominal nm;
        good to a third.
    lattice : LatticeFit
    bulk : str
        The bulk's phase as it appears.
    candidates : tuple of str
    method : str
    source : Source
    contrast : str
        "HAADF", "HRTEM" or "bright field", as was said of the image.
    caveats : tuple of str
        Why nothing of the map may be taken at its face value: the image's contrast is not Z-contrast.
    warnings, alternatives : tuple of str
    """

    names: tuple[str, ...]
    posterior: NDArray
    phase: NDArray
    probability: NDArray
    alternative: NDArray
    fraction: NDArray
    thickness: NDArray
    fundamental: NDArray
    half1: NDArray
    half2: NDArray
    mixed: NDArray
    detection_limit: NDArray
    found: NDArray
    missing: NDArray
    unexplained: NDArray
    x_nm: NDArray
    y_nm: NDArray
    sigma_nm: float
    jitter_nm: tuple[float, float]
    lattice: LatticeFit
    bulk: str
    candidates: tuple[str, ...]
    method: str
    source: Source = field(repr=False)
    contrast: str = "HAADF"
    caveats: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ALTERNATIVES

    @property
    def ambiguous(self) -> NDArray:
        """Where an FFT cannot tell, bool, shape (ny, nx)."""
        return self.alternative > 0

    @property
    def inside(self) -> NDArray:
        """Where there is crystal, of a named phase or of none, bool, shape (ny, nx)."""
        return self.phase > AMORPHOUS

    @property
    def crystalline(self) -> NDArray:
        """Where a phase was named, bool, shape (ny, nx)."""
        return self.phase >= len(NOT_CRYSTAL)

    def shares(self) -> dict[str, float]:
        """Share of the crystalline windows that each phase has."""
        total = max(int(self.crystalline.sum()), 1)
        return {
            name: float((self.phase == i).sum() / total) for i, name in enumerate(self.names) if i >= len(NOT_CRYSTAL)
        }

    def doubts(self) -> dict[str, float]:
        """Share of the crystalline windows that are ambiguous, by what an FFT cannot tell there."""
        total = max(int(self.crystalline.sum()), 1)
        found = {text: float((self.alternative == i).sum() / total) for i, text in enumerate(self.alternatives) if i}
        return {text: share for text, share in found.items() if share > 0}

    def table(self):
        """Return a pandas table, a row a window; ``p_`` columns are the posterior of each name."""
        import pandas as pd

        x, y = np.meshgrid(self.x_nm, self.y_nm)
        columns = {"x_nm": x, "y_nm": y, "phase": np.array(self.names, object)[self.phase]}
        for name in ("probability", "fraction", "thickness", "fundamental", "half1", "half2", "mixed"):
            columns[name] = getattr(self, name)
        for name in ("detection_limit", "found", "missing", "unexplained"):
            columns[name] = getattr(self, name)
        columns["alternative"] = np.array(self.alternatives, object)[self.alternative]
        for name, one in zip(self.names, self.posterior, strict=True):
            columns[f"p_{name.removesuffix(' of these')}"] = one
        return pd.DataFrame({name: np.ravel(values) for name, values in columns.items()})

    def layer_thickness(self, **kwargs):
        """Return the reacted layer's thickness; see `oxyspy.lattice.layer_thickness`."""
        from oxyspy.lattice.thickness import layer_thickness

        return layer_thickness(self, **kwargs)

    def boundaries(self):
        """Return a pandas table of the surface and the phase boundaries; see `oxyspy.lattice.boundaries`."""
        from oxyspy.lattice.contours import boundaries

        return boundaries(self)

    def plot(self, layer=None):
        """Return a figure of the image with the map; see `oxyspy.lattice.figures.plot_map`."""
        from oxyspy.lattice.figures import plot_map

        return plot_map(self, layer)

    def to_dict(self) -> dict:
        """Return what sums the map up; the windows themselves are in `table`."""
        from oxyspy.results import to_plain

        return to_plain(
            {
                "bulk": self.bulk,
                "candidates": self.candidates,
                "shares": self.shares(),
                "ambiguous": self.doubts(),
                "windows": list(self.phase.shape),
                "window_sigma_nm": self.sigma_nm,
                "jitter_nm": self.jitter_nm,
                "median_detection_limit": float(np.nanmedian(self.detection_limit)),
                "lattice": self.lattice,
                "contrast": self.contrast,
                "method": self.method,
                "warnings": self.warnings,
                "cannot_tell": SAYS,
            }
        )

    def __str__(self) -> str:
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.shares().items() if share > 0)
        lines = [
            f"phase map of {self.phase.shape[1]} x {self.phase.shape[0]} windows; bulk: {self.bulk}",
            f"  crystal: {shares or 'none'}",
            f"  {self.lattice}",
            *(f"  ambiguous in {100 * share:.1f} %: {text}" for text, share in self.doubts().items()),
            *(f"  warning: {text}" for text in self.warnings),
        ]
        return "\n".join([*lines, f"  {SAYS}"])

    __repr__ = __str__
