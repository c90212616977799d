"""``oxyspy coatings``: the coatings known, against the guidelines, and how thick each would have to be."""

from __future__ import annotations

import argparse

from oxyspy.cli.permeability import quantity, signed_numbers, table_lines

EPILOG = """\
examples:
  oxyspy coatings
  oxyspy coatings --layer 1nm --life 1000h -o out
  oxyspy coatings --layer 1nm --life 1000h --temperature 60degC --environment Li3PS4 --radius 2um
  oxyspy coatings --coatings mine.yaml

A file of your own has the form of the one shipped, with `source` for every coating:
  temperature: 300.0
  coatings:
    Li2ZrO3:
      composition: Li2ZrO3
      source: where the numbers come from
      oxygen_concentration: 5.0e+22     # cm-3, or [lowest, highest]; or density: 3.6 (g/cm3)
      oxygen: {ea: [0.8, 0.05], d: 1.0e-17, d_bounds: [4.0e-18, 3.0e-17]}
      lithium: {ea: [0.5, 0.03], d: 1.0e-12, d_bounds: [5.0e-13, 2.0e-12]}
    LiTaO3:
      composition: LiTaO3
      source: our own runs
      density: 7.0 g/cm^3
      glass_transition: 1000 K          # says what an extrapolation across it may cost
      oxygen:                           # rows of a temperature and the diffusivities at it: fitted by Arrhenius
        points: [[1800, 2.1e-6, 2.4e-6], [2200, 9.0e-6, 8.1e-6], [2600, 2.2e-5, 2.5e-5]]
`oxyspy diffusion --coating NAME -o OUT` writes OUT/coating.yaml from trajectories in this form.
"""
# of the least thickness: option, unit, help; defaults stand in data/transport.yaml
CONDITIONS = (
    ("radius", "um", "radius of the particle"),
    ("mu_c", "eV", "oxygen chemical potential of the cathode"),
    ("mu_e", "eV", "oxygen chemical potential outside the coating"),
    ("c_max", "cm^-3", "oxygen in the cathode"),
)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "coatings",
        help="coatings by their oxygen and lithium diffusivities, against the guidelines",
        description="Lists the coatings and screens them against the guidelines for D(O) and D(Li); with --layer and "
        "--life also the least thickness of each.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    signed_numbers(parser)
    parser.add_argument("--coatings", metavar="FILE", help="YAML file of more coatings")
    parser.add_argument("--printed", action="store_true", help="the study's rounded numbers, none worked back")
    parser.add_argument(
        "--oxygen-max", type=quantity("D"), metavar="CM^2/S", help="guideline for oxygen; default 1e-17"
    )
    parser.add_argument(
        "--lithium-min", type=quantity("D"), metavar="CM^2/S", help="guideline for lithium; default 7e-16"
    )
    parser.add_argument("--layer", type=quantity("layer"), metavar="NM", help="largest tolerable layer, with --life")
    parser.add_argument("--life", type=quantity("time"), metavar="H", help="time at high voltage, with --layer")
    parser.add_argument(
        "--temperature", type=quantity("temperature"), metavar="K", help="to which all are taken; default 300 K"
    )
    parser.add_argument("--environment", metavar="NAME", help="outside the coating: air (default) or Li3PS4")
    for name, unit, words in CONDITIONS:
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=quantity(name), metavar=unit.upper(), help=f"{words}, with --life"
        )
    parser.add_argument("--geometry", choices=("sphere", "cylinder", "plane"), help="of the particle; default: sphere")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for coatings.csv, .json and .png")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    from oxyspy.transport import coatings, minimum_thickness, screen
    from oxyspy.transport.design import guidelines
    from oxyspy.transport.quantities import STUDY

    if (args.layer is None) != (args.life is None):
        args.parser.error("--layer and --life go together")
    conditions = _conditions(args)
    given = {name: getattr(args, name)[0] for name in ("oxygen_max", "lithium_min") if getattr(args, name) is not None}
    limits = dict(zip(("oxygen_max", "lithium_min"), guidelines(**given), strict=True))
    temperature = STUDY["temperature"] if args.temperature is None else args.temperature[0]
    known = coatings(args.coatings, printed=args.printed)
    rows = []
    for one, found in zip(known.values(), screen(known, **limits, temperature=temperature), strict=True):
        row = {"coating": one.name, "composition": one.composition, "density_g_cm3": one.density}
        for name in ("oxygen", "lithium"):
            ion = getattr(one, name)
            ion = ion and ion.at(temperature)
            for end in ("", "_low", "_high"):
                row[f"{name}_d{end}_cm2_s"] = getattr(ion, f"diffusivity{end}") if ion else None
                row[f"{name}_l{end}_per_ev_cm_s"] = getattr(ion, f"onsager{end}") if ion else None
            row[f"{name}_ea_ev"] = ion.activation_energy if ion else None
            row[f"{name}_ea_sigma_ev"] = ion.activation_energy_sigma if ion else None
        row |= {"blocks_oxygen": found.blocks_oxygen, "passes_lithium": found.passes_lithium, "verdict": found.verdict}
        if args.layer is not None:
            errors = {"target_sigma": args.layer[1], "life_sigma": args.life[1], "temperature": temperature}
            least = minimum_thickness(one, args.layer[0], args.life[0], **errors, **conditions)
            row |= {f"least_thickness{end}_nm": ends * 1e7 for end, ends in _ends(least)}
        more = {"figures": one.oxygen.figures, "source": one.source, "temperature_k": temperature}
        rows.append(row | more | {"caution": "; ".join(one.cautions)})
    _print(rows, limits, args.layer is not None)
    if args.output is not None:
        _write(args.output, rows, limits, known, temperature)


def _conditions(args: argparse.Namespace) -> dict:
    """Return what of the least thickness was given, with its errors."""
    from oxyspy.data import load

    environments, names = load("transport")["environments"], [name for name, _, _ in CONDITIONS]
    if args.environment is not None and args.environment not in environments:
        args.parser.error(f"argument --environment: {args.environment!r} is not one of {', '.join(environments)}")
    if args.environment is not None and args.mu_e is not None:
        args.parser.error("argument --environment: not allowed with argument --mu-e")
    unused = [name for name in (*names, "geometry") if getattr(args, name) is not None]
    if unused and args.layer is None:
        args.parser.error(f"argument --{unused[0].replace('_', '-')}: needs --layer and --life")
    found = {}
    for name in names:
        if getattr(args, name) is not None:
            found[name], found[f"{name}_sigma"] = getattr(args, name)
    if args.environment is not None:
        found["mu_e"] = environments[args.environment]["mu_e"]["value"]
    return found if args.geometry is None else found | {"geometry": args.geometry}


def _ends(found) -> tuple[tuple[str, float], ...]:
    return ("", found.value), ("_low", found.low), ("_high", found.high)


def _print(rows: list[dict], limits: dict[str, float], thickness: bool) -> None:
    head = ["coating", "D(O) cm2/s", "D(Li) cm2/s", "blocks O", "passes Li", "verdict"]
    head += ["least thickness nm"] if thickness else []
    lines = []
    for row in rows:
        line = [row["coating"]]
        for name in ("oxygen", "lithium"):
            d, low, high = (row[f"{name}_d{end}_cm2_s"] for end in ("", "_low", "_high"))
            line.append("unknown" if d is None or d != d else f"{d:.2g} [{low:.2g}, {high:.2g}]")
        line += [row["blocks_oxygen"], row["passes_lithium"], row["verdict"]]
        if thickness:
            least = (row[f"least_thickness{end}_nm"] for end in ("", "_low", "_high"))
            # none: it would have to be as thick as the particle
            value, low, high = ("none" if end != end else f"{end:.3g}" for end in least)
            line.append(f"{value} [{low}, {high}]")
        lines.append(line)
    print("\n".join(table_lines(head, lines)))
    guide = f"D(O) < {limits['oxygen_max']:g}, D(Li) > {limits['lithium_min']:g} cm2/s"
    print(f"at {rows[0]['temperature_k']:g} K; guidelines: {guide}; 'open' is within bounds")
    for row in rows:
        if row["caution"]:
            print(f"{row['coating']}: {row['caution']}")


def _write(output: str, rows: list[dict], limits: dict[str, float], known, temperature: float) -> None:
    from pathlib import Path

    import pandas as pd

    from oxyspy import __version__
    from oxyspy.files import whole_file, write_json
    from oxyspy.plotting import save_figure
    from oxyspy.transport.figures import plot_tradeoff

    folder = Path(output)
    with whole_file(folder / "coatings.csv") as aside:
        pd.DataFrame(rows).to_csv(aside, index=False)
    write_json(folder / "coatings.json", {"version": __version__, "guidelines_cm2_s": limits, "coatings": rows})
    save_figure(plot_tradeoff(known, **limits, temperature=temperature), folder / "coatings.png")
