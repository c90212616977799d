"""Every number of the study's tables beside ours, with the difference and why.

``python -m oxyspy.transport.reproduce docs/reproduce.md`` writes them.

A printed number stands for all that round to it; a computed one agrees where its range overlaps that. Ranges of
computed numbers come from the rounding of what they are computed from, and from nothing else.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from oxyspy.data import load
from oxyspy.results import Result
from oxyspy.transport.arrhenius import fit_arrhenius
from oxyspy.transport.chemical_potential import ATMOSPHERE, oxygen_gas, oxygen_reference
from oxyspy.transport.coating_files import IONS, coatings
from oxyspy.transport.onsager import diffusivity_of_onsager, onsager_coefficient
from oxyspy.transport.permeation import steady_onsager, steady_time
from oxyspy.transport.quantities import K_B, STUDY


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
        Ours, with its range from the rounding of its inputs.
    agrees : bool
        Whether that range overlaps what rounds to the printed number.
    how : str
        From what it was computed, and why it differs where it does.
    given : bool
        Whether ours comes from the printed number itself, so that agreement says nothing of the study.
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
    given: bool = False


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
    """Return all numbers of tables 1 to 3, the statement on Al2O3 and the oxygen potential of air."""
    return [*_diffusivities(), *_times(), *_alumina(), *_potentials()]


def _row(table, entry, quantity, unit, text, computed, how, differs="", given=False) -> Row:
    value, low, high = computed if isinstance(computed, tuple) else (computed,) * 3
    least, most = rounding(text)
    # the comparison is of decimal numbers: half a unit of the last place belongs to both neighbours
    agrees = low <= most * (1 + 1e-9) and high >= least * (1 - 1e-9) if most > 0 else least <= value <= most
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
        given,
    )


def _diffusivities() -> Iterator[Row]:
    temperature = load("coatings")["temperature"]
    simulated = np.array(load("study")["simulated_temperatures"])
    for table, key in (("2", "oxygen"), ("1", "lithium")):
        for name, one in coatings(printed=True).items():
            ion = getattr(one, key)
            c = (ion.concentration, ion.concentration_low, ion.concentration_high)
            ea, sigma = f"{ion.activation_energy:.2f}", ion.activation_energy_sigma
            entry = f"{name}, {IONS[key]}"
            # the study's points D(T) are in its figures only: these lie on its line
            line = ion.diffusivity * np.exp(-ion.activation_energy / K_B * (1 / simulated - 1 / temperature))
            fit = fit_arrhenius(simulated, line)
            how = "fit of D(T) on the printed line at the simulated temperatures"
            yield _row(table, entry, "Ea", "eV", ea, fit.activation_energy, how, given=True)
            yield _row(
                table, entry, "D", "cm2/s", _one(ion.diffusivity), float(fit.at(temperature).value), how, given=True
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
                    "D and the error of Ea over the distance to the mean 1/T",
                    "the printed bound is nearer to D than the printed error of Ea gives, about half as far in ln D",
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
                    f"D c / kB T with c = {_span(c)} cm-3 gives less: the printed pair wants more {IONS[key]} in the "
                    "coating than its composition has at the density that its oxygen means",
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
            yield _row("3", entry, f"t, {end}" if end != "value" else "t", "min", row[end], t, f"L = {l:.4g}")
        t = float(steady_time(layer, coating, printed.onsager, **at)) / 60
        yield _row(
            "3", entry, "t from the printed L", "min", row["value"], t, "", "L = 1e6, as printed, is not what was used"
        )
        inverse = [
            float(steady_onsager(layer, coating, 60 * x, **at)) for x in (float(row["value"]), *rounding(row["value"]))
        ]
        d = tuple(
            diffusivity_of_onsager(l, given.concentration, given.temperature)
            for l in (inverse[0], *sorted(inverse[1:]))
        )
        yield _row("3", entry, "D back from t", "cm2/s", _one(printed.diffusivity), d, "required by the printed time")


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
                f"L = {l:.4g}" + ("" if rounded else ", worked back from the 230 h: D c / kB T at 2.79 g/cm3"),
                f"L = {l:.4g}, as printed, is rounded",
            )


def _potentials() -> Iterator[Row]:
    environments = load("transport")["environments"]
    mu = float(oxygen_gas(STUDY["temperature"], 0.21 * ATMOSPHERE))
    text = f"{environments['air']['mu_e']['value']:.2f}"
    yield Row(
        "text",
        "O2, 300 K, 0.21 atm",
        "mu(O)",
        "eV",
        float(text),
        mu,
        mu,
        mu,
        f"{mu:.2f}" == text,
        "E(O2)/2 and JANAF O-029",
    )
    half = oxygen_reference()
    for entry, value, oxygen in (
        ("NiO2 -> NiO + O", STUDY["mu_c"], 1),
        ("Li3PS4 + 4 O -> Li3PO4 + 4 S", environments["Li3PS4"]["mu_e"]["value"], 4),
    ):
        how = f"an input: a reaction energy of {abs(value - half) * oxygen:.2f} eV in all, with E(O2)/2 = {half} eV"
        yield Row("text", entry, "mu(O)", "eV", value, value, value, value, True, how, True)


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
of what it is computed from, overlaps that. Of {computed} numbers computed from others, {agree} agree. {given} more are
inputs of the study or fits to its own line; they come back as given and prove nothing of it.

## What is rounded and what differs

1. The tables are rounded to one figure. Table 3 needs the unrounded L of Li3B11O18: 1.455e6 (1.4521e6 to 1.4573e6 fits
   all its cells), with bounds of 5.317e5 and 3.733e6. These three numbers are worked back from table 3, so that its
   twelve cells test them and the formula together. The printed 1e6 gives times 1.45 times as long.
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
   which tests the fit and not the study.
8. mu(O) of NiO2 and of Li3PS4 are inputs, from calculated energies that the study does not print. -4.95 eV coincides
   with its E(O2)/2 of -4.948 eV. The -5.24 eV for air follow from the JANAF table; they need the enthalpy of O2 above
   0 K (without it, -5.285).
9. c_max = 4.2e22 cm-3 is below the oxygen density of LiNiO2 (5.9e22) and of NiO (5.5e22): a factor of 1.4 in time that
   no rounding shows.
"""


def report(rows: list[Row]) -> str:
    """Return the comparison as Markdown."""
    computed = [row for row in rows if not row.given]
    disagree = [row for row in computed if not row.agrees]
    lines = [
        _HEAD.format(computed=len(computed), agree=len(computed) - len(disagree), given=len(rows) - len(computed)),
        "## Numbers that differ",
        "",
        *_table(disagree),
    ]
    for table in dict.fromkeys(row.table for row in rows):
        title = f"Table {table}" if table.isdigit() else "Statements in the text"
        lines += ["", f"## {title}", "", *_table([row for row in rows if row.table == table])]
    return "\n".join(lines) + "\n"


def _table(rows: list[Row]) -> list[str]:
    head = [
        "| entry | quantity | printed | computed | ratio | agrees | from |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        verdict = "given" if row.given else "yes" if row.agrees else "no"
        span = "" if row.low == row.high else f" ({row.low:.3g} to {row.high:.3g})"
        head.append(
            f"| {row.entry} | {row.quantity} ({row.unit}) | {row.printed:g} | {row.computed:.4g}{span} | "
            f"{row.computed / row.printed:.3f} | {verdict} | {row.how} |"
        )
    return head


def write_report(path: str | os.PathLike) -> None:
    """Write `report` of `study_rows` to a file."""
    from oxyspy.files import write_text

    write_text(path, report(study_rows()))


if __name__ == "__main__":
    write_report(sys.argv[1] if len(sys.argv) > 1 else "reproduce.md")
