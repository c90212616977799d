"""``oxyspy coatings``: the coatings known, against the guidelines, and how thick each would have to be."""

from __future__ import annotations

import argparse

from oxyspy.cli.permeability import quantity, table_lines

EPILOG = """\
examples:
  oxyspy coatings
  oxyspy coatings --layer 1nm --life 1000h -o out
  oxyspy coatings --coatings mine.yaml

A file of your own has the form of the one shipped, with `source` for every coating:
  temperature: 300.0
  coatings:
    Li2ZrO3:
      composition: Li2ZrO3
      source: where the numbers come from
      oxygen_concentration: 5.0e+22     # cm-3, or [lowest, highest]
      oxygen: {ea: [0.8, 0.05], d: 1.0e-17, d_bounds: [4.0e-18, 3.0e-17]}
      lithium: {ea: [0.5, 0.03], d: 1.0e-12, d_bounds: [5.0e-13, 2.0e-12]}
"""


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
    parser.add_argument("--environment", metavar="NAME", help="outside the coating: air (default) or Li3PS4")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for coatings.csv, .json and .png")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    from oxyspy.data import load
    from oxyspy.transport import coatings, minimum_thickness, screen

    if (args.layer is None) != (args.life is None):
        args.parser.error("--layer and --life go together")
    data = load("transport")
    environment = args.environment or "air"
    if environment not in data["environments"]:
        args.parser.error(f"argument --environment: {environment!r} is not one of {', '.join(data['environments'])}")
    limits = {
        name: data["guidelines"][name]["value"] if getattr(args, name) is None else getattr(args, name)[0]
        for name in ("oxygen_max", "lithium_min")
    }
    known = coatings(args.coatings, printed=args.printed)
    rows = []
    for one, found in zip(known.values(), screen(known, **limits), strict=True):
        row = {"coating": one.name, "composition": one.composition, "density_g_cm3": one.density}
        for name, ion in (("oxygen", one.oxygen), ("lithium", one.lithium)):
            for end in ("", "_low", "_high"):
                row[f"{name}_d{end}_cm2_s"] = getattr(ion, f"diffusivity{end}") if ion else None
                row[f"{name}_l{end}_per_ev_cm_s"] = getattr(ion, f"onsager{end}") if ion else None
            row[f"{name}_ea_ev"] = ion.activation_energy if ion else None
            row[f"{name}_ea_sigma_ev"] = ion.activation_energy_sigma if ion else None
        row |= {"blocks_oxygen": found.blocks_oxygen, "passes_lithium": found.passes_lithium, "verdict": found.verdict}
        if args.layer is not None:
            mu_e = data["environments"][environment]["mu_e"]["value"]
            least = minimum_thickness(one, args.layer[0], args.life[0], mu_e=mu_e)
            row |= {f"least_thickness{end}_nm": ends * 1e7 for end, ends in _ends(least)}
        rows.append(row | {"figures": one.oxygen.figures, "source": one.source})
    _print(rows, limits, args.layer is not None)
    if args.output is not None:
        _write(args.output, rows, limits, known)


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
            line.append("unknown" if d is None else f"{d:.2g} [{low:.2g}, {high:.2g}]")
        line += [row["blocks_oxygen"], row["passes_lithium"], row["verdict"]]
        if thickness:
            least = (row[f"least_thickness{end}_nm"] for end in ("", "_low", "_high"))
            # none: it would have to be as thick as the particle
            value, low, high = ("none" if end != end else f"{end:.3g}" for end in least)
            line.append(f"{value} [{low}, {high}]")
        lines.append(line)
    print("\n".join(table_lines(head, lines)))
    print(
        f"guidelines: D(O) < {limits['oxygen_max']:g}, D(Li) > {limits['lithium_min']:g} cm2/s; 'open' is within bounds"
    )


def _write(output: str, rows: list[dict], limits: dict[str, float], known) -> None:
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
    save_figure(plot_tradeoff(known, **limits), folder / "coatings.png")
