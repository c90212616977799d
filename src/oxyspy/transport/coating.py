"""A coating: how fast oxide and lithium ions move in it, from where it is known, and how well."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.onsager import concentration_of, density_of, onsager_coefficient
from oxyspy.transport.quantities import K_B, STUDY, number, plain_number

if TYPE_CHECKING:
    from oxyspy.transport.fitted import DiffusivityFit


@dataclass(frozen=True, repr=False)
class IonTransport(Result):
    """Transport of one ion in one coating.

    Attributes
    ----------
    ion : str
        ``"O"`` or ``"Li"``.
    temperature : float or ndarray
        K; of all values below except the activation energy.
    activation_energy, activation_energy_sigma : float
        eV; ``nan`` where nobody gave it.
    diffusivity, diffusivity_low, diffusivity_high : float or ndarray
        Self-diffusion coefficient and its bounds in cm2/s.
    onsager, onsager_low, onsager_high : float or ndarray
        Onsager coefficient and its bounds in eV-1 cm-1 s-1.
    concentration, concentration_low, concentration_high : float
        Ions in cm-3.
    figures : str
        ``"printed"`` (rounded as the source prints it), ``"worked back"``, ``"given"`` or ``"fitted"``.
    source : str
        Where the numbers come from.
    caution : str
        What they do not hold: how far they were extrapolated, a glass transition in between, an L that is not D c / kT.
    """

    ion: str
    temperature: float
    activation_energy: float
    activation_energy_sigma: float
    diffusivity: float
    diffusivity_low: float
    diffusivity_high: float
    onsager: float
    onsager_low: float
    onsager_high: float
    concentration: float
    concentration_low: float
    concentration_high: float
    figures: str
    source: str
    caution: str = ""

    def __repr__(self) -> str:
        error = "" if np.isnan(self.activation_energy_sigma) else f" +- {self.activation_energy_sigma:.2f}"
        energy = "unknown" if np.isnan(self.activation_energy) else f"{self.activation_energy:.2f}{error} eV"
        if np.ndim(self.diffusivity):
            return f"{self.ion} at {np.size(self.diffusivity)} temperatures, Ea {energy} ({self.figures})"
        return (
            f"{self.ion} at {self.temperature:g} K: D {self.diffusivity:.3g} [{self.diffusivity_low:.3g}, "
            f"{self.diffusivity_high:.3g}] cm2/s, L {self.onsager:.4g} [{self.onsager_low:.4g}, "
            f"{self.onsager_high:.4g}] /(eV cm s), Ea {energy} ({self.figures})"
        )

    @property
    def log_sigma(self) -> tuple[Any, Any]:
        """Distances of L from its lower and its upper bound in ln L; the bounds are not symmetric."""
        return np.log(self.onsager / self.onsager_low), np.log(self.onsager_high / self.onsager)

    def at(self, temperature: Any) -> IonTransport:
        """Return D and L at another temperature, or several, by the Arrhenius law.

        Parameters
        ----------
        temperature
            K.

        Notes
        -----
        The bounds are widened by the error of the activation energy over the distance in 1/T, as if it were independent
        of that of D; a fit of the data themselves (`fit_arrhenius`) knows how the two go together. Where the activation
        energy is not known, all numbers at another temperature are ``nan``.

        Examples
        --------
        >>> from oxyspy.transport import coatings
        >>> warm = coatings()["Li3B11O18"].oxygen.at("60 degC")
        >>> f"{warm.diffusivity:.2e} [{warm.diffusivity_low:.2e}, {warm.diffusivity_high:.2e}]"
        '2.42e-17 [8.67e-18, 6.32e-17]'
        """
        t = number("temperature", temperature)
        if not t.ndim and t == self.temperature:
            return self
        distance = (1 / t - 1 / self.temperature) / K_B
        more = np.nan_to_num(self.activation_energy_sigma) * distance
        changed: dict[str, Any] = {"temperature": t}
        for name in ("diffusivity", "onsager"):
            value, low, high = (getattr(self, f"{name}{end}") for end in ("", "_low", "_high"))
            # L = D c / kT has a temperature of its own
            middle = value * self._factor(t) * (self.temperature / t if name == "onsager" else 1.0)
            changed[name] = middle
            changed[f"{name}_low"] = middle * np.exp(-np.hypot(np.log(value / low), more))
            changed[f"{name}_high"] = middle * np.exp(np.hypot(np.log(high / value), more))
        return replace(self, **{name: x[()] if x.ndim else float(x) for name, x in changed.items()})

    def onsager_at(self, temperature: np.ndarray) -> np.ndarray:
        """Return L at temperatures in K, without checks and bounds: for draws."""
        return self.onsager * self._factor(temperature) * self.temperature / temperature

    def _factor(self, t: np.ndarray) -> np.ndarray:
        # at its own temperature D is known, whether the activation energy is or not
        return np.where(
            t == self.temperature, 1.0, np.exp(-self.activation_energy / K_B * (1 / t - 1 / self.temperature))
        )


@dataclass(frozen=True, repr=False)
class Coating(Result):
    """A coating material.

    Attributes
    ----------
    name, composition, source : str
        Name, formula and where the numbers come from.
    oxygen, lithium : IonTransport or None
        Transport of oxide and lithium ions; ``None`` where nobody gave it.
    caution : str
        What the numbers' bounds do not hold, in words.
    """

    name: str
    composition: str
    source: str
    oxygen: IonTransport
    lithium: IonTransport | None = None
    caution: str = ""

    def __repr__(self) -> str:
        lines = [f"{self.name} ({self.composition}), {self.source}", f"  {self.oxygen}"]
        lines += [f"  {self.lithium}"] if self.lithium else []
        return "\n".join(lines + [f"  caution: {text}" for text in self.cautions])

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the numbers do not hold, of the coating and of each ion."""
        ions = [ion for ion in (self.oxygen, self.lithium) if ion is not None]
        found = [self.caution, *(f"{ion.ion}: {ion.caution}" for ion in ions if ion.caution)]
        return tuple(text for text in found if text)

    def save(self, path: str | os.PathLike) -> None:
        """Write the coating as YAML that `coatings` reads back."""
        from oxyspy.transport.coating_files import save_coatings

        save_coatings(path, [self])

    @property
    def density(self) -> float:
        """Density in g/cm3 that the oxygen concentration means."""
        return float(density_of(self.composition, self.oxygen.concentration))

    def densification_time(self, layer: Any, thickness: Any, **conditions: Any):
        """Return the time in which ``layer`` forms under ``thickness`` of this coating; see `densification_time`.

        Examples
        --------
        >>> from oxyspy.transport import coatings
        >>> time = coatings()["Li3B11O18"].densification_time("2 nm", "10 nm")
        >>> [round(float(t) / 60) for t in (time.value, time.low, time.high)]
        [165, 64, 452]
        """
        from oxyspy.transport.forward import densification_time

        return densification_time(layer, thickness, known=self, **conditions)


class Coatings(Mapping[str, Coating]):
    """Coatings by name; a missing one names those there are."""

    def __init__(self, entries: Mapping[str, Coating]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Coating:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownCoating(f"coating: {name!r} is not known; known are {', '.join(self._entries)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._entries.values()))


class UnknownCoating(InputError, KeyError):
    """A coating nobody gave; a `KeyError` too, as any mapping raises."""

    __str__ = Exception.__str__


def fitted_coating(
    name: str,
    composition: str,
    oxygen: DiffusivityFit,
    *,
    source: str,
    density: Any,
    lithium: DiffusivityFit | None = None,
    temperature: Any = STUDY["temperature"],
    glass_transition: Any = None,
    caution: str = "",
) -> Coating:
    """Return a coating from fits of its diffusivities, with their one-sigma intervals as bounds.

    Parameters
    ----------
    name, composition
        As `Coating`.
    oxygen
        From `fit_arrhenius` or `fit_vft`.
    source
        Which trajectories or measurements the fits are of.
    density
        Of the coating in g/cm3; gives the concentrations.
    lithium
        As ``oxygen``.
    temperature
        K, at which the coating is to be used.
    glass_transition
        K, where known: an extrapolation across it warns, and `IonTransport.caution` keeps the size it may have.
    caution
        What the bounds do not hold besides; kept with the coating.

    Returns
    -------
    Coating
        For the transport tools, or for `save_coatings`.

    Examples
    --------
    >>> import numpy as np
    >>> from oxyspy.transport import fit_arrhenius
    >>> T = np.array([1800.0, 2000, 2200, 2400, 2600, 2800])
    >>> scatter = 1 + 0.1 * np.array([1, -1, 1, -1, 1, -1])
    >>> fit = fit_arrhenius(T, 1.98e-3 * np.exp(-0.92 / (8.617333e-5 * T)) * scatter)
    >>> mine = fitted_coating("glass", "Li3B11O18", fit, source="an example", density=2.12)
    >>> mine.oxygen.activation_energy == fit.activation_energy
    True
    >>> mine.oxygen.caution
    'extrapolated in 1/T by 14.0 times the range of the data, one law assumed all the way'
    """
    t, density = plain_number("temperature", temperature), plain_number("density", density)
    ions = {}
    for symbol, fit in (("O", oxygen), ("Li", lithium)):
        if fit is not None:
            c = float(concentration_of(composition, density, symbol))
            ions[symbol] = fitted_ion(symbol, fit, (c, c), t, source, glass_transition)
    return Coating(name, composition, source, oxygen=ions["O"], lithium=ions.get("Li"), caution=caution)


def fitted_ion(
    symbol: str,
    fit: DiffusivityFit,
    concentration: tuple[float, float],
    temperature: float,
    source: str,
    glass: Any = None,
) -> IonTransport:
    """Return an ion's transport at a temperature from a fit of its D(T), with the lowest and highest concentration."""
    at = fit.at(temperature, glass_transition=glass)
    middle = sum(concentration) / 2
    d = {"": float(at.value), "_low": float(at.low), "_high": float(at.high)}
    return IonTransport(
        ion=symbol,
        temperature=temperature,
        activation_energy=fit.activation_energy,
        activation_energy_sigma=fit.activation_energy_sigma,
        concentration=middle,
        concentration_low=concentration[0],
        concentration_high=concentration[1],
        figures="fitted",
        source=source,
        caution=at.caution,
        **{f"diffusivity{end}": value for end, value in d.items()},
        **{f"onsager{end}": float(onsager_coefficient(value, middle, temperature)) for end, value in d.items()},
    )
