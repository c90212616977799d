"""L3/L2 to valence, only ever by a calibration measured in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.data import FOLDER, read_yaml
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.errors import InputError, MethodError
from oxyspy.results import Result

CALIBRATIONS = FOLDER / "calibrations"
# how far past an end point, in standard errors of both, a ratio still counts as that valence
BEYOND = 2.0


@dataclass(frozen=True)
class Standard(Result):
    """Standards of one valence: mean ratio, spread (standard deviation) over n spectra, and L2 - L3 in eV."""

    valence: float
    ratio: float
    spread: float
    n: int
    splitting_ev: float
    splitting_spread_ev: float


@dataclass(frozen=True)
class ValenceCalibration(Result):
    """L3/L2 against valence, measured in one way.

    Attributes
    ----------
    edge : str
    method : WhiteLineMethod
        How the ratios were measured; its background window does not count, since standards are thin and few.
    standards : tuple of Standard
        In order of valence, ratios falling.
    systematic : float
        Relative standard error of a ratio from what is not known of the standards.
    indicative : bool
        Whether something about the standards is not known, so that a valence by them indicates and proves nothing.
    source : str
    """

    edge: str
    method: WhiteLineMethod
    standards: tuple[Standard, ...]
    systematic: float
    indicative: bool
    source: str

    @property
    def key(self) -> str:
        """What a ratio's method must equal."""
        return method_key(self.method)

    def valence(self, ratio: ArrayLike, sigma: ArrayLike, method: WhiteLineMethod) -> tuple[NDArray, NDArray]:
        """Convert ratios measured by ``method``.

        Between standards the valence is interpolated linearly in the ratio; beyond the last ones it is theirs, up to
        twice their spread, and ``nan`` further out. The error holds the ratio's own, the standards' spread and the
        calibration's systematic part, to first order.

        Parameters
        ----------
        ratio, sigma : float or array, shape (...)
        method : WhiteLineMethod
            Of the ratios.

        Returns
        -------
        valence, sigma : array, shape (...)

        Raises
        ------
        MethodError
            The ratios were measured in another way than the standards.
        """
        if method_key(method) != self.key:
            raise MethodError(
                f"this calibration converts ratios measured as\n  {self.key}\nbut these were measured as\n  "
                f"{method_key(method)}\nMeasure the ratio in the calibration's way, or make a calibration of your own "
                "standards with this method: oxyspy.eels.valence.calibrate_valence(...)"
            )
        ratio, sigma = np.asarray(ratio, float), np.asarray(sigma, float)
        points = sorted(self.standards, key=lambda s: s.ratio)
        r = np.array([p.ratio for p in points])
        v = np.array([p.valence for p in points])
        spread = np.array([p.spread for p in points])
        valence = np.interp(ratio, r, v)
        segment = np.clip(np.searchsorted(r, ratio) - 1, 0, len(r) - 2)
        slope = np.abs(np.diff(v) / np.diff(r))[segment]
        uncertain = np.sqrt(sigma**2 + np.interp(ratio, r, spread) ** 2 + (self.systematic * ratio) ** 2)
        far = np.maximum(r[0] - ratio, ratio - r[-1]) / uncertain
        unknown = ~(far <= BEYOND) | ~np.isfinite(sigma)
        return np.where(unknown, np.nan, valence), np.where(unknown, np.nan, slope * uncertain)

    def valence_by_splitting(self, splitting_ev: ArrayLike) -> NDArray:
        """Valence by L2 - L3, the second witness: it needs no absolute energies and no areas."""
        points = sorted(self.standards, key=lambda s: s.splitting_ev)
        known = np.interp(splitting_ev, [p.splitting_ev for p in points], [p.valence for p in points])
        return np.where(np.isfinite(splitting_ev), known, np.nan)


def method_key(method: WhiteLineMethod) -> str:
    """Fingerprint without the background's window."""
    return "; ".join(part for part in method.fingerprint.split("; ") if not part.startswith("power law"))


def load_calibration(source: str | Path) -> ValenceCalibration:
    """Read a calibration: the name of a shipped one, or a YAML file.

    Raises
    ------
    InputError
        Unknown name, or a file without what a calibration needs.
    """
    path = CALIBRATIONS / f"{source}.yaml"
    if not path.is_file():
        path = Path(source)
    if not path.is_file():
        shipped = ", ".join(sorted(p.stem for p in CALIBRATIONS.glob("*.yaml")))
        raise InputError(f"calibration {str(source)!r} is neither a file nor one of {shipped}")
    content = read_yaml(path)
    try:
        method = {k: tuple(v) if isinstance(v, list) else v for k, v in content["method"].items()}
        standards = tuple(Standard(**item) for item in content["standards"])
        return ValenceCalibration(
            edge=content["edge"],
            method=WhiteLineMethod(edge=content["edge"], **method),
            standards=standards,
            systematic=float(content["systematic"]),
            indicative=bool(content["indicative"]),
            source=str(content["source"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a calibration: {error}") from error


def calibrate_valence(
    ratios: Mapping[float, Sequence[float]],
    splittings: Mapping[float, Sequence[float]],
    method: WhiteLineMethod,
    source: str,
    *,
    systematic: float = 0.0,
    indicative: bool = False,
) -> ValenceCalibration:
    """Make a calibration of your own standards, measured by ``method``.

    Parameters
    ----------
    ratios, splittings : mapping
        Valence to the L3/L2 and to the L2 - L3 in eV of each standard spectrum.
    method : WhiteLineMethod
        How they were measured.
    source : str
        Where the standards come from.

    Raises
    ------
    InputError
        Under two valences, or ratios that do not fall with the valence: such a calibration converts nothing.
    """
    if len(ratios) < 2:
        raise InputError(f"a calibration needs standards of two valences or more, found {len(ratios)}")
    standards = []
    for valence in sorted(ratios):
        r, d = np.asarray(ratios[valence], float), np.asarray(splittings[valence], float)
        # medians, and the spread that their quartiles tell: one odd standard must not set it
        standards.append(Standard(float(valence), _middle(r), _spread(r), len(r), _middle(d), _spread(d)))
    means = [s.ratio for s in standards]
    if not (np.diff(means) < 0).all():
        raise InputError(f"L3/L2 must fall from valence to valence, found {means} for {sorted(ratios)}")
    return ValenceCalibration(method.edge, method, tuple(standards), systematic, indicative, source)


def _middle(values: NDArray) -> float:
    return float(np.median(values))


def _spread(values: NDArray) -> float:
    if values.size < 4:
        return float(np.ptp(values) / 2)
    low, high = np.quantile(values, [0.159, 0.841])
    return float((high - low) / 2)
