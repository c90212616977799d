"""Every number of the study's tables beside ours, with the difference and why.

``python -m oxyspy.transport.reproduce docs/reproduce.md`` writes them.

A printed number stands for all that round to it; a computed one agrees where its range overlaps that. Ranges of
computed numbers come from the rounding of what they are computed from. Only what is computed from other numbers than
the printed one itself counts.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from scipy.constants import N_A, e

from oxyspy.data import load
from oxyspy.results import Result
from oxyspy.transport.arrhenius import fit_arrhenius
from oxyspy.transport.chemical_potential import (
    ATMOSPHERE,
    formation_energies,
    oxygen_gas,
    oxygen_reference,
    reaction_potential,
    solid_energies,
)
from oxyspy.transport.coating_files import IONS, coatings
from oxyspy.transport.onsager import diffusivity_of_onsager, onsager_coefficient
from oxyspy.transport.permeation import steady_onsager, steady_time
from oxyspy.transport.phase_diagram import oxygen_steps, release_potential
from oxyspy.transport.quantities import K_B, STUDY

# coatings whose oxygen concentration was worked back from L and D
WORKED_BACK = ("Li3B11O18", "Al2O3")
INDEPENDENT, BACK, GIVEN, APART = "independent", "worked back", "given", "not counted"


@dataclass(frozen=True)
class Row(Result):
    """One number.

    Attributes
    ----------
    table, entry, quantity, unit : str
        Where it stands in the study and what it is.
    printed : float
        As the study prints it.
    computed, low, high : float
        Ours, with its range from the rounding of its inputs; for oxygen potentials see ``how``.
    agrees : bool
        Whether that range overlaps what rounds to the printed number.
    how : str
        From what it was computed, and why it differs where it does.
    kind : str
        ``"independent"``: computed from other numbers; ``"worked back"``: from one that was worked back from this table
        or text; ``"given"``: from the printed number itself; ``"not counted"``: a bound, a reference or an energy whose
        error does not decide.
    """

    table: str
    entry: str
    quantity: str
    unit: str
    printed: float
    computed: float
    low: float
    high: float
    agrees: bool
    how: str
    kind: str = INDEPENDENT


def rounding(text: str) -> tuple[float, float]:
    """Return the range of numbers that are printed as ``text``.

    Examples
    --------
    >>> rounding("16.6"), rounding("9e-21")
    ((16.55, 16.65), (8.5e-21, 9.5e-21))
    >>> rounding("1e6")
    (950000.0, 1500000.0)
    """
    value = Decimal(text)
    half = Decimal(1).scaleb(value.as_tuple().exponent) / 2
    # with one figure, what lies below 1 has a finer last place
    digits = value.as_tuple().digits
    below = half / 10 if "e" in text.lower() and digits == (1,) else half
    return float(value - below), float(value + half)


def study_rows() -> list[Row]:
    """Return all numbers of tables 1 to 3, the statement on Al2O3 and the three oxygen potentials.

    Returns
    -------
    list of Row
        One a number, with the printed and the computed one.

    Examples
    --------
    >>> from oxyspy.transport import study_rows
    >>> rows = study_rows()
    >>> sum(row.table == "3" for row in rows)
    20
    """
    return [*_diffusivities(), *_times(), *_alumina(), *_potentials()]


def _row(table, entry, quantity, unit, text, computed, how, differs="", kind=INDEPENDENT) -> Row:
    value, low, high = computed if isinstance(computed, tuple) else (computed,) * 3
    least, most = rounding(text)
    # the comparison is of decimal numbers: half a unit of the last place belongs to both neighbours
    agrees = low <= most + 1e-9 * abs(most) and high >= least - 1e-9 * abs(least)
    return Row(
        table,
        entry,
        quantity,
        unit,
        float(text),
        value,
        low,
        high,
        agrees,
        how if agrees or not differs else differs,
        kind,
    )


def _diffusivities() -> Iterator[Row]:
    temperature = load("coatings")["temperature"]
    simulated = np.array(load("study")["simulated_temperatures"])
    for table, key in (("1", "lithium"), ("2", "oxygen")):
        for name, one in coatings(printed=True).items():
            ion = getattr(one, key)
            c = (ion.concentration, ion.concentration_low, ion.concentration_high)
            ea, sigma = f"{ion.activation_energy:.2f}", ion.activation_energy_sigma
            entry = f"{name}, {IONS[key]}"
            # the study's points D(T) are in its figures only: these lie on its line
            line = ion.diffusivity * np.exp(-ion.activation_energy / K_B * (1 / simulated - 1 / temperature))
            fit = fit_arrhenius(simulated, line)
            how = "fit of D(T) on the printed line at the simulated temperatures"
            yield _row(table, entry, "Ea", "eV", ea, fit.activation_energy, how, kind=GIVEN)
            yield _row(
                table, entry, "D", "cm2/s", _one(ion.diffusivity), float(fit.at(temperature).value), how, kind=GIVEN
            )
            reach = sigma / K_B * (1 / temperature - np.mean(1 / simulated))
            for end, sign in (("low", -1), ("high", 1)):
                printed = getattr(ion, f"diffusivity_{end}")
                d, *d_range = ion.diffusivity, *rounding(_one(ion.diffusivity))
                wide, narrow = (reach * (sigma + 0.005 * s) / sigma for s in (1, -1))
                ends = sorted(x * math.exp(sign * r) for x in d_range for r in (wide, narrow))
                yield _row(
                    table,
                    entry,
                    f"D, {end} bound",
                    "cm2/s",
                    _one(printed),
                    (d * math.exp(sign * reach), ends[0], ends[-1]),
                    "D and the error of Ea",
                    "D and the error of Ea: as printed half as far, see 5",
                )
            for end in ("", "_low", "_high"):
                text = _one(getattr(ion, f"diffusivity{end}"))
                value = onsager_coefficient(float(text), c[0], temperature)
                ends = (onsager_coefficient(d, x, temperature) for d, x in zip(rounding(text), c[1:], strict=True))
                yield _row(
                    table,
                    entry,
                    f"L{end.replace('_', ', ')}{' bound' if end else ''}",
                    "1/(eV cm s)",
                    _one(getattr(ion, f"onsager{end}")),
                    (float(value), *map(float, ends)),
                    f"D c / kB T with c = {_span(c)} cm-3",
                    f"D c / kB T with c = {_span(c)} cm-3: less than printed, see 4",
                    # their concentration of oxygen is that of this L
                    BACK if key == "oxygen" and end == "" and name in WORKED_BACK else INDEPENDENT,
                )


def _times() -> Iterator[Row]:
    study = load("study")["times_minutes"]
    given, printed = coatings()[study["coating"]].oxygen, coatings(printed=True)[study["coating"]].oxygen
    layer = study["layer_nm"] * 1e-7
    conditions = {name: STUDY[name] for name in ("radius", "mu_c", "c_max")}
    for row in study["rows"]:
        coating = row["coating_nm"] * 1e-7
        entry = f"l_c {row['coating_nm']:g} nm, mu_e {row['mu_e']:g} eV"
        at = conditions | {"mu_e": row["mu_e"]}
        # the bounds of the time are those of L the other way round
        for end, l in (("value", given.onsager), ("low", given.onsager_high), ("high", given.onsager_low)):
            t = float(steady_time(layer, coating, l, **at)) / 60
            quantity = f"t, {end}" if end != "value" else "t"
            yield _row("3", entry, quantity, "min", row[end], t, f"L = {l:.4g}, worked back: see 1", kind=BACK)
        t = float(steady_time(layer, coating, printed.onsager, **at)) / 60
        yield _row("3", entry, "t from the printed L", "min", row["value"], t, "", "L = 1e6 as printed: rounded, see 1")
        inverse = [
            float(steady_onsager(layer, coating, 60 * x, **at)) for x in (float(row["value"]), *rounding(row["value"]))
        ]
        d = tuple(
            diffusivity_of_onsager(l, given.concentration, given.temperature)
            for l in (inverse[0], *sorted(inverse[1:]))
        )
        how = "the printed time, with c worked back: see 3"
        yield _row("3", entry, "D back from t", "cm2/s", _one(printed.diffusivity), d, how, kind=BACK)


def _alumina() -> Iterator[Row]:
    study = load("study")["alumina_hours"]
    conditions = {name: STUDY[name] for name in ("radius", "mu_c", "c_max")}
    for row in study["rows"]:
        entry = f"{study['coating']}, l_c {row['coating_nm']:g} nm, mu_e {row['mu_e']:g} eV"
        for rounded in (False, True):
            l = coatings(printed=rounded)[study["coating"]].oxygen.onsager
            t = float(
                steady_time(study["layer_nm"] * 1e-7, row["coating_nm"] * 1e-7, l, mu_e=row["mu_e"], **conditions)
            )
            yield _row(
                "text",
                entry,
                "t from the printed L" if rounded else "t",
                "h",
                row["value"],
                t / 3600,
                f"L = {l:.4g}" + ("" if rounded else ", worked back from the 230 h: see 2"),
                f"L = {l:.4g} as printed: rounded, see 2",
                BACK if not rounded and row["value"] == "230" else INDEPENDENT,
            )


def _potentials() -> Iterator[Row]:
    outside = load("transport")["environments"]
    air, sulfide = (f"{outside[name]['mu_e']['value']:.2f}" for name in ("air", "Li3PS4"))
    cathode = f"{STUDY['mu_c']:.2f}"
    mu = float(oxygen_gas(STUDY["temperature"], 0.21 * ATMOSPHERE))
    yield _row("text", "O2, 300 K, 0.21 atm", "mu(O)", "eV", air, mu, "E(O2)/2 and JANAF O-029")

    least, likely, most = thiophosphate_potentials()
    yield _row(
        "text",
        "Li3PS4 + 4 O -> Li3PO4 + 4 S",
        "mu(O)",
        "eV",
        sulfide,
        (likely, least, most),
        "measured formation energies and a calculated gain, see 8",
    )
    energies = solid_energies()
    release = reaction_potential({"NiO2": 1}, {"NiO": 1}, energies, formation=False)
    uptake = reaction_potential({"Li3PS4": 1}, {"Li3PO4": 1, "S": 4}, energies, formation=False)
    for text, found in ((cathode, release), (sulfide, uptake)):
        yield _row(
            "text",
            f"{found.reaction}, CHGNet",
            "mu(O)",
            "eV",
            text,
            (found.value, found.value - 2 * found.sigma, found.value + 2 * found.sigma),
            f"energies by CHGNet, ± {found.sigma:.2f} eV: decides nothing, see 8",
            kind=APART,
        )
    yield _row(
        "text",
        "NiO2 -> NiO + O2/2",
        "mu(O)",
        "eV",
        cathode,
        _release_beside_gas(),
        "E(O2)/2: O2 forms before NiO, see 8",
        kind=APART,
    )


def thiophosphate_potentials() -> tuple[float, float, float]:
    """Return the lowest, the likely and the highest potential in eV at which Li3PS4 takes oxygen to Li3PO4.

    Nobody measured the formation energy of Li3PS4. It is that of Li2S and P2S5 at most, since it is stable; and it
    follows from those of Li2S and P2S3 and the calculated energy of 1.5 Li2S + 0.5 P2S3 + S -> Li3PS4, in which the
    sulfur that was an element may have its correction as an anion.
    """
    measured = {name: value for name, (value, _) in formation_energies().items()}
    data = load("oxygen")["calculated"]
    total = data["energies"]
    gain = total["Li3PS4"] - 1.5 * total["Li2S"] - 0.5 * total["P2S3"] - total["S"]
    calculated = 1.5 * measured["Li2S"] + 0.5 * measured["P2S3"] + gain
    weakest = 1.5 * measured["Li2S"] + 0.5 * measured["P2S5"]
    low, likely, high = (
        reaction_potential({"Li3PS4": 1}, {"Li3PO4": 1, "S": 4}, measured | {"Li3PS4": energy}).value
        for energy in (weakest, calculated, calculated + data["sulfur_correction"])
    )
    return low, likely, high


def _release_beside_gas() -> float:
    """Return the potential at which NiO2 gives off oxygen where O2 is among the phases."""
    from pymatgen.analysis.phase_diagram import PDEntry
    from pymatgen.core import Composition

    energies = solid_energies()
    entries = [PDEntry(Composition(formula), energies[formula][0]) for formula in ("Ni", "NiO", "NiO2")]
    return release_potential(oxygen_steps([*entries, PDEntry(Composition("O2"), 2 * oxygen_reference())], "NiO2"))


def above_decomposition() -> float:
    """Return by how much NiO2 lies above NiO and O2 in eV: by CHGNet's energy of it and the measured one of NiO."""
    energies = solid_energies()
    elements = load("oxygen")["calculated"]["energies"]["Ni"] + 2 * oxygen_reference()
    return energies["NiO2"][0] - elements - formation_energies()["NiO"][0]


def other_engines() -> list[dict[str, float | str]]:
    """Return D(T) by other engines beside what the study's Ea and D at 300 K mean there, with its range by rounding."""
    known, rows = coatings(printed=True), []
    for one in load("study")["other_engines"]:
        ion = known[one["coating"]].oxygen
        distance = (1 / ion.temperature - 1 / one["temperature"]) / K_B
        low, high = rounding(_one(ion.diffusivity))
        implied = ion.diffusivity * math.exp(ion.activation_energy * distance)
        # Ea is printed to 0.01 eV
        ends = [d * math.exp((ion.activation_energy + more) * distance) for d, more in ((low, -0.005), (high, 0.005))]
        rows.append(one | {"implied": implied, "low": ends[0], "high": ends[1]})
    return rows


def _one(value: float) -> str:
    return f"{value:.0e}"


def _span(c: tuple[float, float, float]) -> str:
    return f"{c[0]:.3g}" if c[1] == c[2] else f"{c[1]:.2g}-{c[2]:.2g}"


_HEAD = """\
# The study's numbers, computed again

Written by `python -m oxyspy.transport.reproduce docs/reproduce.md`; do not edit.

Study: J. Cheng, X. Peng, Y.-Q. Zhang et al., *Chem. Mater.* 2024, 36, 2642-2651,
[doi 10.1021/acs.chemmater.3c02351](https://doi.org/10.1021/acs.chemmater.3c02351).

A printed number stands for all that round to it. A computed one agrees where its range, which comes from the rounding
of what it is computed from, overlaps that. The difference is computed less printed. "See 5" is the fifth reason below.

Of {independent} numbers that are computed from others than themselves, {agree} agree. Not among them: {given} that are
inputs of the study or fits to its own line and come back as given; {back} that come from numbers which were worked back
from them; {apart} that are references or decide nothing.

## What is rounded and what differs

1. The tables are rounded to one figure. Table 3 needs the unrounded L of Li3B11O18: 1.455e6 (1.4521e6 to 1.4573e6 fits
   all its cells), with bounds of 5.317e5 and 3.733e6. These three numbers are worked back from table 3: that its twelve
   cells follow from three numbers tests the formula, and no single cell does. The printed 1e6 gives times 1.45 times
   as long.
2. The 230 h of Al2O3 need L = 1.74e4 (1.70e4 to 1.78e4); the printed 2e4 gives 200 h. With D = 9e-21 cm2/s that is
   5.0e22 O/cm3, 2.79 g/cm3. The same L gives the 2 h at the other end. The conditions of the two ends (2 nm of layer;
   1 nm of coating against Li3PS4, 10 nm against air) are inferred.
3. The worked-back L and the D of table 2 mean 5.37e22 O/cm3 in Li3B11O18, 2.12 g/cm3. oxyspy uses the worked-back
   values unless asked for the printed ones (`coatings(printed=True)`), and says which.
4. L = D c / kB T holds for oxygen in all six coatings, with densities that glasses have; ZnO's printed 1e10 is at the
   low end. For lithium it holds in five. In Li3B11O18 the printed 4e9 and 6e9 are more than 3/18 of 5.37e22 Li/cm3
   give, beyond the rounding.
5. The bounds of D are nearer to D than the printed error of Ea puts them: in ln D about half as far, for oxygen and
   lithium alike, where the distance is that from 300 K to the mean 1/T of the simulations. oxyspy keeps the printed
   bounds of D, which table 3's times follow. A standard error of the mean of three runs in place of their standard
   deviation would give 0.58; the study does not say.
6. The bounds are not symmetric in ln D or ln L; neither are the intervals of oxyspy that come from them.
7. D at the single temperatures is shown in figures only. Ea and D are therefore fitted to points on the printed line,
   which tests the fit and not the study. Other energy models give points of their own, see the last table.
8. The -5.24 eV for air follow from the JANAF table; they need the enthalpy of O2 above 0 K (without it, {without:.3f}).
   The energies behind -4.95 and -8.39 eV are not printed; no lithium is exchanged, so the 4.3 V do not enter. Nobody
   measured the energy of Li3PS4. Measured ones of Li2S, P2S5 and Li3PO4 put its potential at {least:.2f} eV or above,
   the more so the more Li3PS4 gains over Li2S and P2S5: -8.39 eV need {needed:.1f} eV for one formula unit, and with
   the Materials Project's energies beside Li2S, P2S3 and S it gains {gained:.1f} to {most_gained:.1f} eV, which makes
   {likely:.2f} to {most:.2f} eV. So -8.39 eV is within what is known, and no more. The -4.95 eV of NiO2 cannot be
   checked that way: nobody measured NiO2 either, and a universal potential (CHGNet, benchmarks/oxygen_energies.md) errs
   by {error:.2f} eV an atom where the Materials Project's energies are known. Its NiO2 lies {above:.1f} eV above NiO
   and O2, though, three times its error, so that O2 forms first and -4.95 eV is E(O2)/2, the reference itself. By
   CHGNet alone the two reactions come to -4.64 and -8.07 eV; counted from O2 in air instead of from E(O2)/2 they would
   be at -4.94 and -8.37 eV. That the study counted so is a guess, and nothing here rests on it. oxyspy uses the study's
   values, which table 3 follows.
9. c_max = 4.2e22 cm-3 is below the oxygen density of LiNiO2 (5.9e22) and of NiO (5.5e22): a factor of 1.4 in time that
   no rounding shows.
"""

_SPECTRA = """\
## What was seen in the microscope

These statements rest on the study's own spectra and images. oxyspy has no copy of those, so none of these is computed.

| statement | what measures it in oxyspy |
| --- | --- |
| Mn is 4+ in the bulk and about 2.2+ in the reacted layer | L3/L2 and L2 - L3, by standards: those shipped indicate |
| the layer is about 2 nm thick | `fit_layer`, with its interval; the demo scans are made with such layers |
| the O K pre-edge weakens in the layer | pre-edge over main edge, a witness of the layer |
| L3 of Mn and Co lies at higher energy in the layer | the shift from the bulk; no sign is assumed |

The sign of the last one is open. Digitised spectra of the literature have L3 of Mn2+ at 640.6 eV and that of Mn4+ at
643.3 eV, so a reduced surface should have it lower. What oxyspy measures is printed as it comes out.
"""


def report(rows: list[Row]) -> str:
    """Return the comparison as Markdown."""
    counted = [row for row in rows if row.kind == INDEPENDENT]
    disagree = [row for row in counted if not row.agrees]
    least, likely, most = thiophosphate_potentials()
    kinds = {"given": GIVEN, "back": BACK, "apart": APART}
    head = _HEAD.format(
        independent=len(counted),
        agree=len(counted) - len(disagree),
        # four oxygen atoms for one formula unit
        needed=4 * (load("transport")["environments"]["Li3PS4"]["mu_e"]["value"] - least),
        gained=4 * (likely - least),
        most_gained=4 * (most - least),
        error=load("oxygen")["solids"]["sigma_per_atom"],
        **{name: sum(row.kind == kind for row in rows) for name, kind in kinds.items()},
        without=without_enthalpy(),
        least=least,
        likely=likely,
        most=most,
        above=above_decomposition(),
    )
    lines = [head, _SPECTRA, "## Numbers that differ", "", *_table(disagree)]
    for table in dict.fromkeys(row.table for row in rows):
        title = f"Table {table}" if table.isdigit() else "Statements in the text"
        lines += ["", f"## {title}", "", *_table([row for row in rows if row.table == table])]
    lines += [
        "",
        "## D(T) by other engines",
        "",
        "D of oxygen that other energy models than the study's gave for this project, beside what the study's Ea and D",
        "at 300 K mean at that temperature, with the range of their rounding. The errors of these simulations were not",
        "recorded.",
        "",
        "| coating | engine | T (K) | D (cm2/s) | by the study's line (cm2/s) | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in other_engines():
        line = f"{one['implied']:.2g} ({one['low']:.2g} to {one['high']:.2g})"
        ratio = one["diffusivity"] / one["implied"]
        numbers = f"{one['temperature']:g} | {one['diffusivity']:.3g} | {line} | {ratio:.2f}"
        lines.append(f"| {one['coating']} | {one['engine']} | {numbers} |")
    return "\n".join(lines) + "\n"


def without_enthalpy() -> float:
    """Return what oxygen in air would have at 300 K if the enthalpy of O2 above 0 K were left out, in eV."""
    data = load("oxygen")
    ((_, _, _, enthalpy),) = (row for row in data["gas_table"] if row[0] == STUDY["temperature"])
    left_out = (enthalpy - data["enthalpy_at_zero"]["value"]) * 1e3 / (N_A * e) / 2
    return float(oxygen_gas(STUDY["temperature"], 0.21 * ATMOSPHERE)) - left_out


def _table(rows: list[Row]) -> list[str]:
    head = [
        "| entry | quantity | printed | computed | difference | agrees | from |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        verdict = ("yes" if row.agrees else "no") if row.kind == INDEPENDENT else row.kind
        span = "" if row.low == row.high else f" ({row.low:.3g} to {row.high:.3g})"
        head.append(
            f"| {row.entry} | {row.quantity} ({row.unit}) | {row.printed:g} | {row.computed:.4g}{span} | "
            f"{_difference(row)} | {verdict} | {row.how} |"
        )
    return head


def _difference(row: Row) -> str:
    """Computed less printed: energies in eV, all else in per cent of the printed number."""
    if row.unit == "eV":
        return f"{round(row.computed - row.printed, 2) + 0.0:+.2f} eV"
    return f"{round(100 * (row.computed / row.printed - 1)):+d} %"


def write_report(path: str | os.PathLike) -> None:
    """Write `report` of `study_rows` to a file."""
    from oxyspy.files import write_text

    write_text(path, report(study_rows()))


if __name__ == "__main__":
    write_report(sys.argv[1] if len(sys.argv) > 1 else "reproduce.md")
