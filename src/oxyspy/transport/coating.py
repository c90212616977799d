"""Coatings as data: how fast oxide and lithium ions move in each, from where it is known, and how well."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oxyspy.data import FOLDER, read_yaml
from oxyspy.errors import InputError, ReadError
from oxyspy.results import Result, to_plain
from oxyspy.transport.onsager import concentration_of, density_of, formula_amounts, onsager_coefficient
from oxyspy.transport.quantities import K_B, STUDY

if TYPE_CHECKING:
    from oxyspy.transport.arrhenius import DiffusivityFit

IONS = {"oxygen": "O", "lithium": "Li"}


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


def coatings(path: str | os.PathLike | None = None, *, printed: bool = False) -> Coatings:
    """Return the study's six coatings and, from ``path``, the user's own.

    Parameters
    ----------
    path
        YAML file of the form of ``data/coatings.yaml``; its coatings are added and replace those of the same name.
    printed
        Take the numbers as the study prints them, rounded to one figure, where a value worked back from its other
        tables is known (the default takes that one).

    Raises
    ------
    ReadError, InputError
        A file that cannot be read, or an entry that lacks or contradicts something; both name it.

    Examples
    --------
    >>> coatings()["Li3B11O18"].oxygen.onsager, coatings(printed=True)["Li3B11O18"].oxygen.onsager
    (1455000.0, 1000000.0)
    """
    found = _read(FOLDER / "coatings.yaml", printed)
    if path is not None:
        found |= _read(path, printed)
    return Coatings(found)


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


def save_coatings(path: str | os.PathLike, known: Iterable[Coating]) -> None:
    """Write coatings as YAML that `coatings` reads back."""
    import yaml

    from oxyspy.files import write_text

    entries = {}
    for one in known:
        entry: dict[str, Any] = {
            "composition": one.composition,
            "source": one.source,
            "temperature": one.oxygen.temperature,
            "oxygen_concentration": [one.oxygen.concentration_low, one.oxygen.concentration_high],
        }
        for key in IONS:
            ion = getattr(one, key)
            if ion is not None:
                entry[key] = {
                    "ea": [ion.activation_energy, ion.activation_energy_sigma],
                    "d": ion.diffusivity,
                    "d_bounds": [ion.diffusivity_low, ion.diffusivity_high],
                    "l": ion.onsager,
                    "l_bounds": [ion.onsager_low, ion.onsager_high],
                }
        entries[one.name] = entry
    plain = to_plain({"coatings": entries})
    write_text(path, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _read(path: str | os.PathLike, printed: bool) -> dict[str, Coating]:
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("coatings"), dict):
        raise ReadError(f"{path}: found no mapping `coatings:` of names to entries; see `oxyspy coatings --help`")
    found = {}
    for name, entry in content["coatings"].items():
        try:
            found[str(name)] = _coating(str(name), entry, content, printed)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{path}: coating {name}: {what}") from error
    return found


def _coating(name: str, entry: dict, content: dict, printed: bool) -> Coating:
    source = entry.get("source", content.get("source"))
    if not source:
        raise ValueError("has no source; every number needs one")
    composition = str(entry["composition"])
    amounts = formula_amounts(composition)
    given = entry["oxygen_concentration"]
    oxygen = (given[0], given[1]) if isinstance(given, list) else (given, given)
    temperature = float(entry["temperature"] if "temperature" in entry else content["temperature"])
    ions = {}
    for key, symbol in IONS.items():
        if key in entry:
            share = amounts.get(symbol, 0.0) / amounts["O"]
            concentration = (float(oxygen[0]) * share, float(oxygen[1]) * share)
            ions[key] = _ion(symbol, entry[key], concentration, temperature, source, printed)
    return Coating(
        name=name, composition=composition, source=str(source), oxygen=ions["oxygen"], lithium=ions.get("lithium")
    )


def _ion(symbol: str, entry: dict, concentration, temperature: float, source: str, printed: bool) -> IonTransport:
    values = dict(entry.get("printed", entry))
    figures = "printed" if "printed" in entry else "given"
    if not printed and "backworked" in entry:
        values |= entry["backworked"]
        figures = "worked back"
        source = f"{source}; {entry['backworked']['source']}"
    middle = sum(concentration) / 2
    d, (d_low, d_high) = float(values["d"]), map(float, values["d_bounds"])
    # whoever gives D and the composition need not work L out
    l = float(values.get("l", onsager_coefficient(d, middle, temperature)))
    l_low, l_high = map(float, values.get("l_bounds", (l * d_low / d, l * d_high / d)))
    if not (0 < d_low <= d <= d_high and 0 < l_low <= l <= l_high):
        raise ValueError(
            f"{symbol}: needs 0 < lower bound <= value <= upper bound, found D {d_low:g}, {d:g}, {d_high:g}"
        )
    if figures == "worked back":
        # what L says of D when the concentration is known better than one figure
        d = l * K_B * temperature / middle
        d_low, d_high = l_low * K_B * temperature / middle, l_high * K_B * temperature / middle
    ea, ea_sigma = map(float, values.get("ea", (math.nan, math.nan)))
    return IonTransport(
        ion=symbol,
        temperature=temperature,
        activation_energy=ea,
        activation_energy_sigma=ea_sigma,
        diffusivity=d,
        diffusivity_low=d_low,
        diffusivity_high=d_high,
        onsager=l,
        onsager_low=l_low,
        onsager_high=l_high,
        concentration=middle,
        concentration_low=concentration[0],
        concentration_high=concentration[1],
        figures=figures,
        source=source,
    )
