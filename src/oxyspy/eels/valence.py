"""L3/L2 to valence, only ever by a calibration measured in the same way; and L2 - L3 as a second witness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.data import FOLDER, read_yaml
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.errors import InputError, MethodError
from oxyspy.files import write_text
from oxyspy.results import Result

CALIBRATIONS = FOLDER / "calibrations"
# how far past an end point, in standard errors of both, a ratio still counts as that valence
BEYOND = 2.0
# two witnesses this many standard errors apart do not agree
DISAGREE = 2.0


@dataclass(frozen=True)
class Standard(Result):
    """Standards of one valence.

    Attributes
    ----------
    valence : float
    ratio, spread : float
        L3/L2, and its standard deviation from standard to standard.
    n : int
        Number of spectra.
    splitting_ev, splitting_spread_ev : float
        L2 - L3 and its standard deviation, in eV.
    systematic, splitting_systematic_ev : float
        Standard errors common to all of them, from what is not known of how they were recorded.
    """

    valence: float
    ratio: float
    spread: float
    n: int
    splitting_ev: float
    splitting_spread_ev: float
    systematic: float = 0.0
    splitting_systematic_ev: float = 0.0


@dataclass(frozen=True)
class ValenceCalibration(Result):
    """L3/L2 and L2 - L3 against valence, measured in one way.

    Attributes
    ----------
    edge : str
    method : WhiteLineMethod
        How the ratios were measured; its background window does not count, since standards are thin and few. With
        ``deconvolution="single"`` any Fourier ratio will do.
    standards : tuple of Standard
        In order of valence, ratios falling.
    indicative : bool
        Whether something about the standards is not known, so that a valence by them indicates and proves nothing.
    source : str
    """

    edge: str
    method: WhiteLineMethod
    standards: tuple[Standard, ...]
    indicative: bool
    source: str

    @property
    def key(self) -> str:
        """What a ratio's method must equal."""
        return method_key(self.method)

    def valence(self, ratio: ArrayLike, sigma: ArrayLike, method: WhiteLineMethod) -> tuple[NDArray, NDArray]:
        """Convert ratios measured by ``method``.

        Between standards the valence is interpolated linearly in the ratio; beyond the last ones it is theirs, up to
        twice their error, and ``nan`` further out. The error holds the ratio's own, the standards' spread and their
        systematic part, to first order.

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
        if self.method.deconvolution == "single" and method.deconvolution != "none":
            method = replace(method, deconvolution="single", gaussian_fwhm=None)
        if method_key(method) != self.key:
            raise MethodError(
                f"this calibration converts ratios measured as\n  {self.key}\nbut these were measured as\n  "
                f"{method_key(method)}\nMeasure the ratio in the calibration's way (a recipe's `valence` does), or "
                "calibrate by standards of your own with this method: oxyspy.calibrate_from_standards(...)"
            )
        return _interpolated(
            ratio, sigma, [(s.ratio, s.valence, np.hypot(s.spread, s.systematic)) for s in self.standards]
        )

    def valence_by_splitting(self, splitting_ev: ArrayLike, sigma_ev: ArrayLike = 0.0) -> tuple[NDArray, NDArray]:
        """Convert L2 - L3, the second witness: it needs no absolute energies and no areas.

        Parameters
        ----------
        splitting_ev, sigma_ev : float or array, shape (...)
            In eV, of maxima smoothed as the standards' are; the error should hold that of the dispersion.

        Returns
        -------
        valence, sigma : array, shape (...)
            As `valence` does, beyond the last standards as well.
        """
        return _interpolated(
            splitting_ev, sigma_ev,
            [(s.splitting_ev, s.valence, np.hypot(s.splitting_spread_ev, s.splitting_systematic_ev))
             for s in self.standards],
        )  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Write the calibration as YAML, which a recipe's ``valence`` and `load_calibration` read."""
        import yaml

        content = self.to_dict()
        content["method"].pop("edge")
        write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _interpolated(
    number: ArrayLike, sigma: ArrayLike, points: Sequence[tuple[float, float, float]]
) -> tuple[NDArray, NDArray]:
    """Valence at a number by points (number, valence, error of the point), and its standard error.

    Half of what the number's interval covers: about a standard the slopes on both sides count.
    """
    number, sigma = np.asarray(number, float), np.asarray(sigma, float)
    x, v, spread = np.array(sorted(points)).T
    uncertain = np.hypot(sigma, np.interp(number, x, spread))
    with np.errstate(invalid="ignore", divide="ignore"):
        far = np.maximum(x[0] - number, number - x[-1]) / uncertain
    # the last segments go on, for the error alone
    reach = 10 * (x[-1] - x[0])
    slopes = np.diff(v)[[0, -1]] / np.diff(x)[[0, -1]]
    further = np.concatenate([[x[0] - reach], x, [x[-1] + reach]])
    beyond = np.concatenate([[v[0] - slopes[0] * reach], v, [v[-1] + slopes[1] * reach]])
    valence = np.interp(number, x, v)
    ends = [np.interp(np.clip(number, x[0], x[-1]) + way * uncertain, further, beyond) for way in (-1, 1)]
    unknown = ~(far <= BEYOND) | ~np.isfinite(sigma)
    return np.where(unknown, np.nan, valence), np.where(unknown, np.nan, np.abs(ends[1] - ends[0]) / 2)


def disagreement(first: tuple[float, float], second: tuple[float, float]) -> float:
    """By how many of their standard errors two valences differ; ``nan`` where one is not known."""
    return float(abs(first[0] - second[0]) / np.hypot(first[1], second[1]))


def method_key(method: WhiteLineMethod) -> str:
    """Fingerprint without the background's window."""
    return "; ".join(part for part in method.fingerprint.split("; ") if not part.startswith("power law"))


def load_calibration(source: str | Path) -> ValenceCalibration:
    """Read a calibration: the name of a shipped one, or a YAML file.

    Parameters
    ----------
    source
        Name or path.

    Returns
    -------
    ValenceCalibration
        Standards, method and source.

    Raises
    ------
    InputError
        Unknown name, or a file without what a calibration needs.

    Examples
    --------
    >>> from oxyspy.eels import load_calibration
    >>> [(one.valence, one.n) for one in load_calibration("mn_references").standards]
    [(2.0, 9), (3.0, 8), (4.0, 11)]
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
    ratio_sigmas: Mapping[float, Sequence[float]] | None = None,
    systematic: Mapping[float, float] | None = None,
    splitting_systematic: Mapping[float, float] | None = None,
    indicative: bool = False,
) -> ValenceCalibration:
    """Make a calibration of numbers that were measured on your own standards by ``method``.

    `oxyspy.calibrate_from_standards` measures them, too.

    Parameters
    ----------
    ratios, splittings : mapping
        Valence to the L3/L2 and to the L2 - L3 in eV of each standard spectrum.
    method : WhiteLineMethod
        How they were measured.
    source : str
        Where the standards come from.
    ratio_sigmas : mapping, optional
        Valence to the standard errors of its ratios: their spread is no less.
    systematic, splitting_systematic : mapping, optional
        Valence to the standard error that all its ratios, and splittings in eV, have in common.
    indicative : bool
        Whether something about the standards is not known.

    Returns
    -------
    ValenceCalibration
        Converts numbers of this method, and refuses others.

    Raises
    ------
    InputError
        Under two valences, or ratios that do not fall with the valence: such a calibration converts nothing.

    Examples
    --------
    >>> from oxyspy.eels import WhiteLineMethod, calibrate_valence
    >>> method = WhiteLineMethod("Mn_L", background=(600, 632), post=(662, 680))
    >>> ratios, splittings = {2: [4.2, 4.4], 4: [1.9, 2.0]}, {2: [12.0, 12.1], 4: [10.3, 10.2]}
    >>> mine = calibrate_valence(ratios, splittings, method, source="oxides of ours")
    >>> value, sigma = mine.valence(3.0, 0.1, method)
    >>> print(f"{value:.1f} ± {sigma:.1f}")
    3.1 ± 0.1
    """
    if len(ratios) < 2:
        raise InputError(f"a calibration needs standards of two valences or more, found {len(ratios)}")
    if set(splittings) != set(ratios):
        raise InputError(f"ratios of valences {sorted(ratios)}, but splittings of {sorted(splittings)}: needed of both")
    standards = []
    for valence in sorted(ratios):
        r, d = np.asarray(ratios[valence], float), np.asarray(splittings[valence], float)
        if not (r.size and np.isfinite(r).all() and (r > 0).all()):
            raise InputError(f"valence {valence:g}: a standard's L3/L2 is a number above 0, found {r.tolist()}")
        # medians, and the spread that their quartiles tell: one odd standard must not set it
        known = float(np.median((ratio_sigmas or {}).get(valence, 0.0)))
        standards.append(
            Standard(
                float(valence), _middle(r), max(_spread(r), known), len(r), _middle(d), _spread(d),
                float((systematic or {}).get(valence, 0.0)), float((splitting_systematic or {}).get(valence, 0.0)),
            )
        )  # fmt: skip
    means = [s.ratio for s in standards]
    if not (np.diff(means) < 0).all():
        raise InputError(f"L3/L2 must fall from valence to valence, found {means} for {sorted(ratios)}")
    return ValenceCalibration(method.edge, method, tuple(standards), indicative, source)


def _middle(values: NDArray) -> float:
    return float(np.median(values))


def _spread(values: NDArray) -> float:
    if values.size < 4:
        return float(np.ptp(values) / 2)
    low, high = np.quantile(values, [0.159, 0.841])
    return float((high - low) / 2)
