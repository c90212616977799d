"""A coating: how fast oxide and lithium ions move in it, from where it is known, and how well."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oxyspy.errors import InputError
from oxyspy.results import Result
from oxyspy.transport.onsager import concentration_of, density_of, onsager_coefficient
from oxyspy.transport.quantities import K_B, STUDY

if TYPE_CHECKING:
    from oxyspy.transport.fitted import DiffusivityFit


@dataclass(frozen=True, repr=False)
class IonTransport(Result):
    """Transport of one ion in one coating.

    Attributes
    ----------
    ion : str
        ``"O"`` or ``"Li"``.
    temperature : float
        K; of all values below except the activation energy.
    activation_energy, activation_energy_sigma : float
        eV.
    diffusivity, diffusivity_low, diffusivity_high : float
        Self-diffusion coefficient and its bounds in cm2/s.
    onsager, onsager_low, onsager_high : float
        Onsager coefficient and its bounds in eV-1 cm-1 s-1.
    concentration, concentration_low, concentration_high : float
        Ions in cm-3; ``nan`` where unknown.
    figures : str
        ``"printed"`` (rounded as the source prints it), ``"worked back"`` or ``"given"``.
    source : str
        Where the numbers come from.
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

    def __repr__(self) -> str:
        energy = f"{self.activation_energy:.2f} +- {self.activation_energy_sigma:.2f} eV"
        return (
            f"{self.ion} at {self.temperature:g} K: D {self.diffusivity:.3g} [{self.diffusivity_low:.3g}, "
            f"{self.diffusivity_high:.3g}] cm2/s, L {self.onsager:.4g} [{self.onsager_low:.4g}, "
            f"{self.onsager_high:.4g}] /(eV cm s), Ea {energy} ({self.figures})"
        )

    @property
    def log_sigma(self) -> tuple[float, float]:
        """Distances of L from its lower and its upper bound in ln L; the bounds are not symmetric."""
        return math.log(self.onsager / self.onsager_low), math.log(self.onsager_high / self.onsager)

    def at(self, temperature: float) -> IonTransport:
        """Return D and L at another temperature by the Arrhenius law; the bounds keep their ratio to the value.

        That understates the bounds below the table's temperature and overstates them above it; a fit of the
        trajectories themselves (`fit_arrhenius`) has them right.
        """
        factor = math.exp(-self.activation_energy / K_B * (1 / temperature - 1 / self.temperature))
        scaled = {f"diffusivity{end}": getattr(self, f"diffusivity{end}") * factor for end in ("", "_low", "_high")}
        # L = D c / kT has a temperature of its own
        factor *= self.temperature / temperature
        scaled |= {f"onsager{end}": getattr(self, f"onsager{end}") * factor for end in ("", "_low", "_high")}
        return replace(self, temperature=float(temperature), **scaled)


@dataclass(frozen=True, repr=False)
class Coating(Result):
    """A coating material.

    Attributes
    ----------
    name, composition, source : str
        Name, formula and where the numbers come from.
    oxygen, lithium : IonTransport or None
        Transport of oxide and lithium ions; ``None`` where nobody gave it.
    """

    name: str
    composition: str
    source: str
    oxygen: IonTransport
    lithium: IonTransport | None = None

    def __repr__(self) -> str:
        lines = [f"{self.name} ({self.composition}), {self.source}", f"  {self.oxygen}"]
        return "\n".join(lines + ([f"  {self.lithium}"] if self.lithium else []))

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
    density: float,
    lithium: DiffusivityFit | None = None,
    temperature: float = STUDY["temperature"],
) -> Coating:
    """Return a coating from fits of its diffusivities, with their one-sigma intervals as bounds.

    Parameters
    ----------
    name, composition, source
        As `Coating`; the source says which trajectories or measurements.
    oxygen, lithium
        From `fit_arrhenius` or `fit_vft`.
    density
        Of the coating in g/cm3; gives the concentrations.
    temperature
        K, at which the coating is to be used.

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
    """
    ions = {}
    for symbol, fit in (("O", oxygen), ("Li", lithium)):
        if fit is None:
            continue
        c = concentration_of(composition, density, symbol)
        at = fit.at(temperature)
        d = {"": float(at.value), "_low": float(at.low), "_high": float(at.high)}
        ions[symbol] = IonTransport(
            ion=symbol,
            temperature=float(temperature),
            activation_energy=fit.activation_energy,
            activation_energy_sigma=fit.activation_energy_sigma,
            concentration=c,
            concentration_low=c,
            concentration_high=c,
            figures="fitted",
            source=source,
            **{f"diffusivity{end}": value for end, value in d.items()},
            **{f"onsager{end}": float(onsager_coefficient(value, c, temperature)) for end, value in d.items()},
        )
    return Coating(name=name, composition=composition, source=source, oxygen=ions["O"], lithium=ions.get("Li"))
