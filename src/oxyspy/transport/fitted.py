"""A fitted D(T): its law, what it says elsewhere, and what that leaves out."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.quantities import K_B, number, plain_number

ONE_SIGMA = float(stats.norm.cdf(1) - stats.norm.cdf(-1))


@dataclass(frozen=True, repr=False)
class Diffusivity(Result):
    """A diffusivity read off a fit.

    Attributes
    ----------
    value, low, high : float or ndarray
        cm2/s, and the ends of the interval.
    sigma : float or ndarray
        Standard error (scale of the t distribution) of ln D.
    temperature : float or ndarray
        K.
    confidence : float
        Of the interval.
    caution : str
        What the interval does not hold: how far this is from the data, and the glass transition.
    """

    value: Any
    low: Any
    high: Any
    sigma: Any
    temperature: Any
    confidence: float
    caution: str

    def __repr__(self) -> str:
        if np.ndim(self.value):
            return f"D at {np.size(self.value)} temperatures"
        ends = f"{self.confidence:.0%} [{self.low:.2g}, {self.high:.2g}]"
        text = f"D({self.temperature:g} K) = {self.value:.3g} cm2/s, {ends}"
        return f"{text}; {self.caution}" if self.caution else text


@dataclass(frozen=True, repr=False)
class DiffusivityFit(Result):
    """D(T) = D0 exp(-Ea / kB (T - T0)).

    Attributes
    ----------
    activation_energy, activation_energy_sigma : float
        eV.
    ln_d0, ln_d0_sigma : float
        ln of D0 in cm2/s.
    t0, t0_sigma : float
        K; 0 for Arrhenius, and an error of 0 where it was fixed.
    covariance : ndarray
        Of (ln D0, Ea) or (ln D0, Ea, T0).
    degrees : float
        Degrees of freedom of the t distribution of the parameters; infinite where the errors were known.
    chi2_reduced : float
        Weighted squared residual for one degree of freedom; with errors known it should be about 1.
    scatter : float
        Standard deviation of ln D of one point about the line, at the mean weight.
    aicc : float
        Akaike's criterion with its small-sample term; for models of the same data, lower is better.
    temperature_low, temperature_high : float
        Range of the data in K.
    points : int
        Number of values of D.
    method : str
        Weights, and how errors were made.
    """

    activation_energy: float
    activation_energy_sigma: float
    ln_d0: float
    ln_d0_sigma: float
    t0: float
    t0_sigma: float
    covariance: np.ndarray
    degrees: float
    chi2_reduced: float
    scatter: float
    aicc: float
    temperature_low: float
    temperature_high: float
    points: int
    method: str

    def __repr__(self) -> str:
        law = "Arrhenius" if self.t0 == 0 else f"VFT, T0 {self.t0:.0f} +- {self.t0_sigma:.0f} K"
        return (
            f"Ea = {self.activation_energy:.3f} +- {self.activation_energy_sigma:.3f} eV, "
            f"D0 = {math.exp(self.ln_d0):.2e} cm2/s ({law}; {self.points} points, "
            f"{self.temperature_low:g}-{self.temperature_high:g} K; {self.method})"
        )

    def at(
        self,
        temperature: Any,
        *,
        confidence: Any = ONE_SIGMA,
        new: bool = False,
        glass_transition: Any = None,
    ) -> Diffusivity:
        """Return D at a temperature with its interval.

        Parameters
        ----------
        temperature
            K; above T0.
        confidence
            Of the interval, 0 to 1; one standard error by default.
        new
            Interval for one further measurement, which scatters, and not for the law itself.
        glass_transition
            K. Where the temperature and the data lie on different sides of it, a `UserWarning` and
            `Diffusivity.caution` say so and tell the size that may have, see `glass_shift`.

        Raises
        ------
        InputError
            A temperature at or below T0, or a confidence that is not between 0 and 1.

        Notes
        -----
        ln D is linear in the parameters (to first order in T0), so its interval is that of the t distribution:
        exact for Arrhenius with normal scatter, and the same as the Bayesian one with a flat prior on (ln D0, Ea) and
        on the logarithm of the scatter. A fit with a prior of its own has its posterior's, see `fit_arrhenius`.
        """
        t = number("temperature", temperature)
        confidence = plain_number("confidence", confidence)
        if not np.all(t > self.t0):
            raise InputError(f"temperature: found {np.min(t):g} K, needed one above T0 = {self.t0:g} K")
        slope = slopes(t, self.t0, self.activation_energy)[..., : len(self.covariance)]
        middle, low, high, sigma = self._interval(t, slope, confidence, new)
        return Diffusivity(
            value=np.exp(middle)[()],
            low=np.exp(low)[()],
            high=np.exp(high)[()],
            sigma=sigma[()],
            temperature=t[()],
            confidence=confidence,
            caution=self._caution(t, glass_transition),
        )

    def _interval(self, t: np.ndarray, slope: np.ndarray, confidence: float, new: bool) -> tuple[np.ndarray, ...]:
        """Return ln D, the ends of its interval and its standard error."""
        ln = self.ln_d0 - self.activation_energy / (K_B * (t - self.t0))
        variance = np.einsum("...i,ij,...j->...", slope, self.covariance, slope)
        sigma = np.sqrt(variance + (self.scatter**2 if new else 0.0))
        reach = stats.t.ppf((1 + confidence) / 2, self.degrees) * sigma
        return ln, ln - reach, ln + reach, sigma

    def _caution(self, t: np.ndarray, glass_transition: Any) -> str:
        lowest = float(np.min(t))
        if lowest >= self.temperature_low:
            return ""
        span = 1 / self.temperature_low - 1 / self.temperature_high
        away = (1 / lowest - 1 / self.temperature_low) / span
        text = f"extrapolated in 1/T by {away:.1f} times the range of the data, one law assumed all the way"
        if glass_transition is None:
            return text
        glass = plain_number("glass_transition", glass_transition, kind="temperature")
        if lowest < glass < self.temperature_high and self.t0 < glass:
            across = (
                f"across the glass transition at {glass:g} K: too high by up to {glass_shift(self, glass):.1f} decades "
                "if the ion moves only with the network"
            )
            warnings.warn(f"D({lowest:g} K) {across}", stacklevel=3)
            text += f"; {across}"
        return text


def slopes(t: np.ndarray, t0: float, ea: float) -> np.ndarray:
    """Return the derivatives of ln D by ln D0, Ea and T0."""
    inverse = 1 / (K_B * (t - t0))
    return np.stack([np.ones_like(inverse), -inverse, -ea * inverse / (t - t0)], axis=-1)


def glass_shift(fit: DiffusivityFit, glass_transition: Any, relaxation_time: Any = 100.0, step: Any = 3e-8) -> float:
    r"""Return by how many decades an Arrhenius line drawn from the melt into the glass may be too high.

    Parameters
    ----------
    fit
        Of data above the transition.
    glass_transition
        K.
    relaxation_time
        s; of the structure at the transition, 100 s by its usual definition.
    step
        cm; how far an ion moves when the structure relaxes once.

    Returns
    -------
    float
        Decades, 0 or more.

    Notes
    -----
    An ion that moves only as the network around it relaxes has :math:`D(T_g) = a^2 / 6 \tau` at the transition, far
    below where the line of a fragile melt passes; below the transition the structure is frozen and D follows an
    Arrhenius law again. The number is the distance of the line from that value at the transition, and zero where the
    line is below it. It is the size to reckon with and no correction: an ion that moves through a rigid network, as
    lithium does, follows its own law, with no shift at all.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.transport import fit_arrhenius
    >>> T = np.linspace(1800, 2800, 6)
    >>> fit = fit_arrhenius(T, 1.98e-3 * np.exp(-0.92 / (8.617333e-5 * T)))
    >>> round(glass_shift(fit, 700.0), 1)
    8.5
    """
    glass = plain_number("glass_transition", glass_transition, kind="temperature")
    tau, jump = plain_number("relaxation_time", relaxation_time, kind="time"), plain_number("step", step)
    if not fit.t0 < glass < fit.temperature_high:
        above = f"above T0 = {fit.t0:g} K and " if fit.t0 else ""
        raise InputError(
            f"glass_transition: found {glass:g} K, needed one {above}below the data's {fit.temperature_high:g} K"
        )
    line = fit.ln_d0 - fit.activation_energy / (K_B * (glass - fit.t0))
    return max(0.0, (line - math.log(jump**2 / (6 * tau))) / math.log(10))
