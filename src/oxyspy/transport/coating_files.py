"""Coatings as data: the study's six, the user's own, and files of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

from oxyspy.data import FOLDER, read_yaml
from oxyspy.errors import InputError, ReadError
from oxyspy.results import to_plain
from oxyspy.transport.coating import Coating, Coatings, IonTransport
from oxyspy.transport.onsager import formula_amounts, onsager_coefficient
from oxyspy.transport.quantities import K_B

IONS = {"oxygen": "O", "lithium": "Li"}


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
