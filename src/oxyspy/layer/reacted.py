"""The reacted layer of a line scan: what the fit of all witnesses and of each alone gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from oxyspy.layer.witness import Level
from oxyspy.results import Result

# the bulk begins so many widths of the boundary behind it
CLEAR_WIDTHS = 2.5
# 98 in 100 scans or more show a layer this thick (benchmarks/eels_coverage.md), so a hidden one is thinner; the
# scan's own limit would leave out whatever chance made look like a layer
HIDDEN_NM = 2.0


def layer_share(depth: NDArray, thickness_nm: float, width_nm: float) -> NDArray:
    """Share of a layer in the cathode at each depth in nm, 0 to 1: an error function of Gaussian width ``width_nm``."""
    return ndtr((thickness_nm - depth) / max(width_nm, 1e-3))


def bulk_depth(thickness_nm: float, sigma_nm: float, width_nm: float, surface_width_nm: float) -> float:
    """Depth in nm at which the bulk begins below a supported layer: clear of the boundary, its error and its blur."""
    return thickness_nm + sigma_nm + CLEAR_WIDTHS * max(width_nm, surface_width_nm)


@dataclass(frozen=True)
class WitnessLayer(Result):
    """The layer by one witness alone, from the same surface.

    Attributes
    ----------
    name : str
    joint : bool
        Whether the witness has a part in the common fit.
    supported : bool
        Whether it alone asks for a change.
    thickness_nm, sigma_nm : float
        ``nan`` where it does not.
    interval_68_nm, interval_95_nm : tuple of float
    boundary_sigma_nm : float
        Without the surface's error, which all witnesses share.
    evidence, chi2, degrees : float, float, int
        As in `ReactedLayer`.
    """

    name: str
    joint: bool
    supported: bool
    thickness_nm: float
    sigma_nm: float
    interval_68_nm: tuple[float, float]
    interval_95_nm: tuple[float, float]
    boundary_sigma_nm: float
    evidence: float
    chi2: float
    degrees: int


@dataclass(frozen=True)
class ReactedLayer(Result):
    """Thickness of the reacted layer.

    Attributes
    ----------
    thickness_nm, sigma_nm : float
        ``nan`` where no layer is supported.
    interval_68_nm, interval_95_nm : tuple of float
        Profile-likelihood intervals of the boundary, with the surface's error added in quadrature.
    supported : bool
        Whether one change is preferred to none and to a steady drift, by more than 6 in the Bayesian information
        criterion.
    evidence : float
        That difference; positive favours the layer.
    upper_limit_nm : float
        Where none is supported: the thickest layer of at least ``contrast`` that 95 % of scans would not have shown.
    surface_nm, surface_sigma_nm : float
        The cathode's surface along the scan: where the metal signal sets in, averaged with the ADF signal's where there
        is one.
    metal_surface_nm, metal_surface_sigma_nm, adf_surface_nm, adf_surface_sigma_nm : float
        By either alone; ``nan`` without it.
    boundary_nm, boundary_sigma_nm : float
        Where the witnesses change.
    width_nm : float
        Gaussian width (sigma) of the change, beam blur included.
    surface_width_nm : float
        Gaussian width of the surface: the probe's blur and the surface's roughness.
    edge_covariance_nm2 : tuple of tuple of float
        Of boundary and width.
    evidence_two : float
        By how much the information criterion prefers two changes, one layer below another, to one.
    two_nm, two_sigma_nm : tuple of float
        Their depths below the surface and standard errors; ``nan`` where two are not preferred by more than 6.
    amount : array, shape (n,), or None
        How much of the cathode each position shows, by its zero-loss intensity and t/λ, 1 at its median; None where
        no low loss tells.
    reversed : bool
        The scan runs from the bulk to the surface.
    levels : tuple of Level
        Of each witness.
    by_witness : tuple of WitnessLayer
        The layer by each witness alone.
    agreement_chi2, agreement_degrees, agreement_probability : float, int, float
        By how much the witnesses of the common fit are fitted better alone, each with a boundary and a width of its
        own; a probability under 0.003 is a contradiction, and the errors are wide enough for it.
    chi2, degrees : float, int
        Of the witnesses' fit; standard errors are scaled by sqrt(chi2 / degrees) where chance gives less in 95 of 100.
    method, reason : str
        What was done; why something is missing.
    notes : tuple of str
        What does not fit together, in words.
    """

    thickness_nm: float
    sigma_nm: float
    interval_68_nm: tuple[float, float]
    interval_95_nm: tuple[float, float]
    supported: bool
    evidence: float
    upper_limit_nm: float
    surface_nm: float
    surface_sigma_nm: float
    metal_surface_nm: float
    metal_surface_sigma_nm: float
    adf_surface_nm: float
    adf_surface_sigma_nm: float
    boundary_nm: float
    boundary_sigma_nm: float
    width_nm: float
    surface_width_nm: float
    edge_covariance_nm2: tuple[tuple[float, float], tuple[float, float]]
    evidence_two: float
    two_nm: tuple[float, float]
    two_sigma_nm: tuple[float, float]
    amount: NDArray | None
    reversed: bool
    levels: tuple[Level, ...]
    by_witness: tuple[WitnessLayer, ...]
    agreement_chi2: float
    agreement_degrees: int
    agreement_probability: float
    chi2: float
    degrees: int
    method: str
    reason: str = ""
    notes: tuple[str, ...] = ()

    def depth(self, positions: NDArray) -> NDArray:
        """Depth of positions below the cathode's surface, in nm."""
        return self.surface_nm - positions if self.reversed else positions - self.surface_nm

    def share(self, depth: NDArray) -> NDArray:
        """Share of the layer in the cathode at each depth, 0 to 1."""
        return layer_share(depth, self.thickness_nm, self.width_nm)

    def in_bulk(self, positions: NDArray) -> NDArray:
        """Whether positions are of the bulk: clear of the boundary, its error and what blurs it.

        A boundary is blurred by the probe's width at least. Without a supported layer the bulk begins where one would
        have been seen.
        """
        if not self.supported:
            return self.depth(positions) > HIDDEN_NM
        return self.depth(positions) > bulk_depth(
            self.thickness_nm, self.sigma_nm, self.width_nm, self.surface_width_nm
        )

    def __str__(self) -> str:
        if self.supported:
            two = (
                f"; two changes are preferred, at {self.two_nm[0]:.1f} ± {self.two_sigma_nm[0]:.1f} and "
                f"{self.two_nm[1]:.1f} ± {self.two_sigma_nm[1]:.1f} nm"
                if np.isfinite(self.two_nm[0])
                else ""
            )
            return (
                f"reacted layer {self.thickness_nm:.2f} ± {self.sigma_nm:.2f} nm (68 %: {self.interval_68_nm[0]:.2f}-"
                f"{self.interval_68_nm[1]:.2f} nm, interface sigma {self.width_nm:.2f} nm{two})"
            )
        limit = f", upper limit {self.upper_limit_nm:.2f} nm (95 %)" if np.isfinite(self.upper_limit_nm) else ""
        return f"no reacted layer supported{limit}: {self.reason}"
