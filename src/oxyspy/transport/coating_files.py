"""Coatings as data: the study's six, the user's own, and files of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from oxyspy.data import FOLDER, read_yaml
from oxyspy.errors import InputError, ReadError
from oxyspy.results import to_plain
from oxyspy.transport.arrhenius import fit_arrhenius
from oxyspy.transport.coating import Coating, Coatings, IonTransport, fitted_ion
from oxyspy.transport.onsager import concentration_of, density_of, formula_amounts, onsager_coefficient
from oxyspy.transport.quantities import K_B, number, plain_number

IONS = {"oxygen": "O", "lithium": "Li"}
# what an entry may hold; anything else is a slip of the pen
FILE_KEYS = {"coatings", "temperature", "source", "method"}
ENTRY_KEYS = {
    "composition", "description", "source", "method", "temperature", "glass_transition", "density",
    "oxygen_concentration", "concentration_source", "caution", *IONS,
}  # fmt: skip
NUMBER_KEYS = {"ea", "d", "d_bounds", "l", "l_bounds", "source"}
ION_KEYS = NUMBER_KEYS | {"points", "temperatures", "figures", "caution"}
TEXT_KEYS = {"composition", "description", "source", "method", "concentration_source", "caution", "figures"}
FIGURES = ("printed", "worked back", "given", "fitted")
ROUNDING = 1.5
"""How far rounding to one figure can move L = D c / kT apart."""
UNLIKE = 10.0
"""How far beyond their bounds L and D c / kT may differ, by ions that move together; more is a slip."""


def coatings(path: str | os.PathLike | None = None, *, printed: bool = False) -> Coatings:
    """Return the study's six coatings and, from ``path``, the user's own.

    Parameters
    ----------
    path
        YAML file of the form of ``data/coatings.yaml``; its coatings are added and replace those of the same name.
        Numbers may be text with a unit; ``density`` stands in place of ``oxygen_concentration``, and ``points``, rows
        of a temperature and the diffusivities at it, in place of ``ea``, ``d`` and their errors: they are fitted.
    printed
        Take the numbers as the study prints them, rounded to one figure, where a value worked back from its other
        tables is known (the default takes that one).

    Returns
    -------
    Coatings
        A mapping from name to `Coating`.

    Raises
    ------
    ReadError, InputError
        A file that cannot be read, or an entry that lacks or contradicts something, an L that is far from D c / kT
        among them; both name it.

    Examples
    --------
    >>> coatings()["Li3B11O18"].oxygen.onsager, coatings(printed=True)["Li3B11O18"].oxygen.onsager
    (1455000.0, 1000000.0)
    """
    found = _read(FOLDER / "coatings.yaml", printed)
    if path is not None:
        found |= _read(path, printed)
    return Coatings(found)


def chosen(known: Mapping[str, Coating] | Iterable[Coating | str] | Coating | str | None) -> Mapping[str, Coating]:
    """Return coatings by name: those given, those of the study that are named, or all of the study."""
    if isinstance(known, Mapping):
        return known
    study = coatings()
    if known is None:
        return study
    several = [known] if isinstance(known, (str, Coating)) else known
    found = [one if isinstance(one, Coating) else study[one] for one in several]
    return {one.name: one for one in found}


def save_coatings(path: str | os.PathLike, known: Iterable[Coating]) -> None:
    """Write coatings as YAML that `coatings` reads back.

    Parameters
    ----------
    path
        Of the file.
    known
        Coatings to write.

    Examples
    --------
    >>> from oxyspy.transport import coatings, save_coatings
    >>> save_coatings("mine.yaml", [coatings()["Al2O3"]])
    >>> coatings("mine.yaml")["Al2O3"].composition
    'Li0.46Al1.54O2.54'
    """
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
                entry[key] = _as_data(ion)
        if one.caution:
            entry["caution"] = one.caution
        entries[one.name] = entry
    plain = to_plain({"coatings": entries})
    write_text(path, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _as_data(ion: IonTransport) -> dict[str, Any]:
    found = {
        "ea": [ion.activation_energy, ion.activation_energy_sigma],
        "d": ion.diffusivity,
        "d_bounds": [ion.diffusivity_low, ion.diffusivity_high],
        "l": ion.onsager,
        "l_bounds": [ion.onsager_low, ion.onsager_high],
        "figures": ion.figures,
        "source": ion.source,
        "caution": ion.caution,
    }
    if math.isnan(ion.activation_energy):
        del found["ea"]
    elif math.isnan(ion.activation_energy_sigma):
        found["ea"] = ion.activation_energy
    return {name: value for name, value in found.items() if value != ""}


def _read(path: str | os.PathLike, printed: bool) -> dict[str, Coating]:
    content = _plain(read_yaml(path))
    if not isinstance(content, dict) or not isinstance(content.get("coatings"), dict):
        raise ReadError(f"{path}: found no mapping `coatings:` of names to entries; see `oxyspy coatings --help`")
    found = {}
    try:
        _keys("the file", content, FILE_KEYS)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for name, entry in content["coatings"].items():
        try:
            found[str(name)] = _coating(str(name), entry, content, printed)
        except InputError as error:
            raise InputError(f"{path}: coating {name}: {error}") from error
    return found


def _keys(what: str, given: Any, allowed: set[str], needed: tuple[str, ...] = ()) -> None:
    """Refuse what is no mapping, lacks a key, or has one that nobody knows."""
    if not isinstance(given, Mapping):
        raise InputError(f"{what}: found {given!r}, needed a mapping of names to values")
    unknown = [str(key) for key in given if key not in allowed]
    if unknown:
        raise InputError(
            f"{what}: found {', '.join(unknown)}, which nobody knows; known are {', '.join(sorted(allowed))}"
        )
    for key in needed:
        if key not in given:
            raise InputError(f"{what}: lacks {key!r}")


def _plain(given: Any, key: str = "") -> Any:
    """Return YAML's text that is a number as one: 4e22 without a point is text there."""
    if isinstance(given, Mapping):
        return {name: _plain(value, str(name)) for name, value in given.items()}
    if isinstance(given, list):
        return [_plain(value, key) for value in given]
    if isinstance(given, str) and key not in TEXT_KEYS:
        try:
            return float(given)
        except ValueError:
            return given
    return given


def _coating(name: str, entry: Any, content: dict, printed: bool) -> Coating:
    _keys("entry", entry, ENTRY_KEYS)
    source = entry.get("source", content.get("source"))
    if not source:
        raise InputError("has no source; every number needs one")
    _keys("entry", entry, ENTRY_KEYS, ("composition", "oxygen"))
    composition = str(entry["composition"])
    amounts = formula_amounts(composition)
    if "temperature" not in {**content, **entry}:
        raise InputError("entry: lacks 'temperature', in K, at which its numbers hold")
    temperature = plain_number("temperature", entry.get("temperature", content.get("temperature")))
    oxygen = _oxygen(entry, composition)
    if "glass_transition" in entry and not any("points" in entry.get(key, ()) for key in IONS):
        raise InputError("glass_transition: found without points, which it is for; write a caution of the ion instead")
    ions = {}
    for key, symbol in IONS.items():
        if key not in entry:
            continue
        if symbol not in amounts:
            raise InputError(f"{key}: found an entry, but {composition} holds no {symbol}")
        share = amounts[symbol] / amounts["O"]
        concentration = (oxygen[0] * share, oxygen[1] * share)
        glass = entry.get("glass_transition")
        ions[key] = _ion(key, symbol, entry[key], concentration, temperature, str(source), printed, glass)
    return Coating(
        name=name,
        composition=composition,
        source=str(source),
        oxygen=ions["oxygen"],
        lithium=ions.get("lithium"),
        caution=str(entry.get("caution", "")),
    )


def _oxygen(entry: Mapping[str, Any], composition: str) -> tuple[float, float]:
    """Return the lowest and the highest plausible concentration of oxygen in cm-3."""
    if ("density" in entry) == ("oxygen_concentration" in entry):
        raise InputError("entry: needed one of 'oxygen_concentration' and 'density'")
    if "density" in entry:
        low, high = _range("density", entry["density"], "density")
        return float(concentration_of(composition, low)), float(concentration_of(composition, high))
    low, high = _range("oxygen_concentration", entry["oxygen_concentration"], "concentration")
    # both may be of the right size and not fit together
    plain_number("oxygen_concentration, as a density", density_of(composition, low), kind="density")
    plain_number("oxygen_concentration, as a density", density_of(composition, high), kind="density")
    return low, high


def _range(name: str, given: Any, kind: str) -> tuple[float, float]:
    """Return a number, or the two ends of a range, as a range."""
    ends = number(name, given, kind=kind)
    if ends.shape not in ((), (2,)) or not np.all(np.isfinite(ends)):
        raise InputError(f"{name}: found {given!r}, needed one number or [lowest, highest]")
    low, high = float(ends.min()), float(ends.max())
    if ends.ndim and ends[0] > ends[1]:
        raise InputError(f"{name}: found {given!r}, needed [lowest, highest]")
    return low, high


def _ion(key, symbol, entry, concentration, temperature, source, printed, glass) -> IonTransport:
    if isinstance(entry, Mapping) and "printed" in entry:
        _keys(key, entry, {"printed", "backworked"})
        values, figures = dict(entry["printed"]), "printed"
        _keys(f"{key}: printed", values, NUMBER_KEYS)
        if not printed and "backworked" in entry:
            _keys(f"{key}: backworked", entry["backworked"], NUMBER_KEYS, ("source",))
            values |= entry["backworked"]
            figures = "worked back"
            source = f"{source}; {entry['backworked']['source']}"
    else:
        _keys(key, entry, ION_KEYS)
        values = dict(entry)
        # who writes the range of the data has fitted them
        figures = str(values.get("figures", "fitted" if "temperatures" in values else "given"))
        source = str(values.get("source", source))
        if figures not in FIGURES:
            raise InputError(f"{key}: found figures {figures!r}, needed one of {', '.join(FIGURES)}")
    if "points" in values:
        return _fitted(key, symbol, values, concentration, temperature, source, glass)
    _keys(key, values, ION_KEYS, ("d", "d_bounds"))
    middle = sum(concentration) / 2
    d, d_low, d_high = _bounded(f"{key}: d", values["d"], values["d_bounds"], "D")
    # whoever gives D and the composition need not work L out
    factor = float(onsager_coefficient(1.0, middle, temperature))
    l, bounds = values.get("l", d * factor), values.get("l_bounds")
    l = plain_number(f"{key}: l", l, kind="L")
    l, l_low, l_high = _bounded(f"{key}: l", l, (l * d_low / d, l * d_high / d) if bounds is None else bounds, "L")
    if "backworked" in entry and figures == "worked back":
        # what L says of D when the concentration is known better than one figure
        d, d_low, d_high = (x / factor for x in (l, l_low, l_high))
    ea, ea_sigma = _energy(f"{key}: ea", values.get("ea"))
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
        caution=str(values.get("caution", "")) or _unlike(key, l, (d_low, d_high), concentration, temperature),
    )


def _bounded(name: str, value: Any, bounds: Any, kind: str) -> tuple[float, float, float]:
    middle, ends = plain_number(name, value, kind=kind), number(f"{name}_bounds", bounds, kind=kind)
    if ends.shape != (2,) or not ends[0] <= middle <= ends[1]:
        raise InputError(f"{name}: needs 0 < lower bound <= value <= upper bound, found {middle:g} and {bounds}")
    return middle, float(ends[0]), float(ends[1])


def _energy(name: str, given: Any) -> tuple[float, float]:
    """Return an activation energy and its error, each ``nan`` where nobody gave it."""
    if given is None:
        return math.nan, math.nan
    if isinstance(given, (list, tuple)) and len(given) == 2:
        return plain_number(name, given[0], kind="activation_energy"), plain_number(name, given[1], kind="energy_error")
    return plain_number(name, given, kind="activation_energy"), math.nan


def _unlike(key: str, l: float, d: tuple[float, float], concentration: tuple[float, float], temperature: float) -> str:
    """Return in words how far L is from D c / kT; refuse what no motion together can explain."""
    low, high = (x * c / (K_B * temperature) for x, c in zip(d, concentration, strict=True))
    if low / ROUNDING <= l <= high * ROUNDING:
        return ""
    text = f"L = {l:.3g} /(eV cm s) where D c / kT is {low:.3g} to {high:.3g}"
    if not low / UNLIKE <= l <= high * UNLIKE:
        raise InputError(f"{key}: {text}; leave l out to have it worked out, or mend one of them")
    return text


def _fitted(key, symbol, values, concentration, temperature, source, glass) -> IonTransport:
    """Fit rows of a temperature and the diffusivities measured at it."""
    beside = sorted(set(values) & {"ea", "d", "d_bounds", "l", "l_bounds"})
    if beside:
        raise InputError(f"{key}: found points beside {', '.join(beside)}; needed the points alone, they are fitted")
    rows = values["points"]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) > 1 for row in rows):
        raise InputError(f"{key}: points: found {rows!r}, needed rows of a temperature and its diffusivities")
    longest = max(map(len, rows))
    # a run that is not there is left out
    runs = [number(f"{key}: points", row[1:], kind="D") for row in rows]
    filled = np.full((len(rows), longest - 1), np.nan)
    for i, row in enumerate(runs):
        filled[i, : row.size] = row
    fit = fit_arrhenius([row[0] for row in rows], filled)
    return fitted_ion(symbol, fit, concentration, temperature, source, glass)
