"""``oxyspy permeability``: from a layer to the diffusivity its coating must have had, or from that to the time."""

from __future__ import annotations

import argparse
import re
from typing import Any

# option, unit, help; defaults stand in data/transport.yaml
QUANTITIES = (
    ("layer", "nm", "thickness of the reacted layer, e.g. '2.0+-0.3nm'"),
    ("coating", "nm", "thickness of the coating"),
    ("radius", "um", "radius of the particle"),
    ("mu_c", "eV", "oxygen chemical potential of the cathode"),
    ("mu_e", "eV", "oxygen chemical potential outside the coating"),
    ("c_max", "cm^-3", "oxygen in the cathode"),
    ("concentration", "cm^-3", "oxygen in the coating, which turns L into D"),
    ("temperature", "K", "temperature"),
)
EPILOG = """\
examples:
  what D must a 10 nm coating have had, for 2 nm to react in 165 min in air?
    oxyspy permeability --layer 2.0+-0.3nm --coating 10nm --time 165min
  how long do 2 nm take under 10 nm of Li3B11O18 against Li3PS4?
    oxyspy permeability --layer 2nm --coating 10nm --known-coating Li3B11O18 --environment Li3PS4
  the same, with tables and a figure in the folder out:
    oxyspy permeability --layer 2nm --coating 10nm --time 165min -o out
  after 200 cycles of 4 h, a fifth of each at high voltage:
    oxyspy permeability --layer 2nm --coating 10nm --cycles 200 --period 4h --fraction 0.2
  what may D be at most, for 2 nm after five years?
    oxyspy permeability --layer 2nm --coating 10nm --life 5year
  a coating of uneven thickness with holes, over a layer that resists oxygen too:
    oxyspy permeability --layer 2nm --coating 10nm --time 165min --spread 0.4 --pinholes 0.001 --layer-L 1e6/eV/cm/s

Every number needs its unit. An error may follow it as +-, ± or +/-; what has none is taken as exact. What is not given
is as in the study (radius 5 um, O2 in air outside, ...) and is printed with the result.
"""


def plain(low: float, high: float, words: str):
    """Return an argparse type: a number without unit above ``low`` up to ``high``; per cent are written with %."""

    def read(text: str) -> float:
        try:
            value = float(text.rstrip("% ")) / (100 if text.rstrip().endswith("%") else 1)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text}: needed {words}") from error
        if not low < value <= high:
            raise argparse.ArgumentTypeError(f"{text}: needed {words}")
        return value

    return read


CYCLES = plain(0, 1e9, "a positive number of cycles")
SHARE = plain(0, 1, "a fraction up to 1, or per cent as 20%")
SHARE_OR_NONE = plain(-1e-9, 1, "a fraction from 0 to 1, or per cent as 1%")
SPREAD = plain(-1e-9, 3, "a standard deviation over the mean, 0 to 3")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "permeability",
        help="oxygen diffusivity of a coating from the reacted layer under it, and back",
        description="Backward (--time or --cycles): the oxygen diffusivity a coating must have had for the layer to "
        "form in that\ntime; with --life the largest it may have. Forward (--L, --D or --known-coating): the time in "
        "which the layer\nforms. By steady permeation; then, where asked for, with what that leaves out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # argparse takes "-5.24eV" for an option; a dash and a digit are always a number here
    parser._negative_number_matcher = re.compile(r"^-\.?\d")
    for name, unit, words in QUANTITIES:
        required = name in ("layer", "coating")
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=quantity(name), metavar=unit.upper(), required=required, help=words
        )
    parser.add_argument("--environment", metavar="NAME", help="outside the coating: air or Li3PS4, in place of --mu-e")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--time", type=quantity("time"), metavar="MIN", help="backward: time at high voltage")
    way.add_argument(
        "--cycles",
        type=CYCLES,
        metavar="N",
        help="backward: cycles, with --period and --fraction",
    )
    way.add_argument("--life", type=quantity("time"), metavar="MIN", help="backward: largest D that keeps the layer")
    way.add_argument("--L", type=quantity("L"), metavar="1/EV/CM/S", help="forward: Onsager coefficient")
    way.add_argument("--D", type=quantity("D"), metavar="CM^2/S", help="forward: oxygen diffusivity")
    way.add_argument("--known-coating", metavar="NAME", help="forward: a coating of `oxyspy coatings`")
    parser.add_argument("--period", type=quantity("time"), metavar="MIN", help="of a cycle; forward: also in cycles")
    parser.add_argument(
        "--fraction",
        type=SHARE,
        metavar="X",
        help="of a cycle at high voltage, 0-1",
    )
    fuller = parser.add_argument_group("beyond steady growth through an even coating")
    fuller.add_argument(
        "--layer-L", type=quantity("layer_L"), metavar="1/EV/CM/S", help="the reacted layer resists too, with this L"
    )
    fuller.add_argument(
        "--spread",
        type=SPREAD,
        default=0.0,
        metavar="X",
        help="relative deviation of the coating",
    )
    fuller.add_argument(
        "--pinholes",
        type=SHARE_OR_NONE,
        metavar="X",
        help="area without coating, 0-1; needs --layer-L",
    )
    fuller.add_argument(
        "--uptake",
        type=quantity("concentration"),
        metavar="CM^-3",
        help="oxygen that fills the coating first (time lag); alone, not with the others",
    )
    parser.add_argument("--geometry", choices=("sphere", "cylinder", "plane"), default="sphere", help="default: sphere")
    parser.add_argument(
        "--coatings", metavar="FILE", help="YAML file of more coatings to compare with or to choose from"
    )
    parser.add_argument("--samples", type=int, default=10_000, metavar="N", help="draws of the interval; default 10000")
    parser.add_argument("--seed", type=int, default=0, help="of the draws; default 0")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for permeability.csv, .json and .png")
    parser.set_defaults(run=run, parser=parser)


def quantity(name: str):
    """Return an argparse type: text with a unit, and perhaps an error, to value and error in documented units."""

    def read(text: str) -> tuple[float, float]:
        from oxyspy.errors import InputError
        from oxyspy.transport.quantities import measured

        try:
            value, sigma = measured(name, text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return float(value), float(sigma)

    return read


def run(args: argparse.Namespace) -> int | None:
    """Run the subcommand."""
    from oxyspy.data import load
    from oxyspy.transport import (
        allowed_diffusivity,
        coatings,
        densification_time,
        required_diffusivity,
        time_at_voltage,
    )

    if args.environment is not None and args.mu_e is not None:
        args.parser.error("argument --environment: not allowed with argument --mu-e")
    environments = load("transport")["environments"]
    if args.environment is not None and args.environment not in environments:
        args.parser.error(f"argument --environment: {args.environment!r} is not one of {', '.join(environments)}")
    known = coatings(args.coatings)
    given: dict[str, Any] = {"geometry": args.geometry, "n_samples": args.samples, "seed": args.seed}
    for name, _, _ in QUANTITIES:
        pair = getattr(args, name)
        if pair is not None:
            given[name], given[f"{name}_sigma"] = pair
    if args.environment is not None:
        given["mu_e"] = environments[args.environment]["mu_e"]["value"]
    _check_together(args)
    if args.time is not None:
        given["time"], given["time_sigma"] = args.time
        return _backward(required_diffusivity(**given), known, args)
    if args.cycles is not None:
        given["time"] = float(time_at_voltage(args.cycles, args.period[0], args.fraction))
        return _backward(required_diffusivity(**given), known, args)
    if args.life is not None:
        given["time_sigma"] = args.life[1]
        allowed = allowed_diffusivity(given.pop("layer"), given.pop("coating"), args.life[0], **given)
        return _backward(allowed, known, args)
    for name in ("L", "D"):
        pair = getattr(args, name)
        if pair is not None:
            given[name], given[f"{name}_sigma"] = pair
    if args.known_coating is not None:
        given["known"] = known[args.known_coating]
    return _forward(densification_time(**given), known, args)


def _check_together(args: argparse.Namespace) -> None:
    """Refuse options that say nothing without another."""
    cycle = (args.period, args.fraction)
    if any(one is not None for one in cycle) and None in cycle or args.cycles is not None and None in cycle:
        args.parser.error("arguments --period and --fraction: needed both, of one cycle")
    if args.period is not None and (args.time is not None or args.life is not None):
        args.parser.error("argument --period: not allowed with --time or --life; give --cycles")
    if args.pinholes and args.layer_L is None:
        args.parser.error("argument --pinholes: needs --layer-L, since nothing else resists in a hole")
    if args.uptake is not None and (args.layer_L is not None or args.pinholes or args.spread):
        args.parser.error("argument --uptake: not allowed with --layer-L, --spread or --pinholes")


def _fuller(found, args: argparse.Namespace):
    """Return the result beyond the steady model, or None where nothing of it was asked for."""
    asked = {name: getattr(args, name)[0] for name in ("layer_L", "uptake") if getattr(args, name) is not None}
    asked |= {name: getattr(args, name) for name in ("spread", "pinholes") if getattr(args, name)}
    if not asked:
        return None
    from oxyspy.transport import beyond_steady

    return beyond_steady(found, **asked)


def _backward(found, known, args: argparse.Namespace) -> None:
    from oxyspy.transport import compare_coatings
    from oxyspy.transport.compare import VERDICTS

    beside, beyond = compare_coatings(found, known), _fuller(found, args)
    # files first: whoever reads the text may stop listening
    if args.output is not None:
        from oxyspy.plotting import save_figure
        from oxyspy.transport.figures import plot_required

        quantity = "required_diffusivity_cm2_s" if args.life is None else "allowed_diffusivity_cm2_s"
        folder = _write(args.output, found, quantity, {"comparison": beside, "beyond": beyond})
        save_figure(plot_required(found, beside), folder / "permeability.png")
    print(found)
    if beyond is not None:
        print(beyond)
    _print_inputs(found)
    rows = [
        [one.coating, f"{one.diffusivity:.2g}", f"{one.required:.2g}", f"{one.ratio:.2g}", VERDICTS[one.verdict]]
        for one in beside
    ]
    print()
    print("\n".join(table_lines(["coating", "its D", "needed", "L/needed", "verdict"], rows)))


def _forward(found, known, args: argparse.Namespace) -> None:
    from oxyspy.transport import cycles_of

    beyond, more = _fuller(found, args), {}
    if args.period is not None and found.value == found.value:
        more["cycles"] = cycles_of(found.value, args.period[0], args.fraction)
    if args.output is not None:
        from oxyspy.plotting import save_figure
        from oxyspy.transport.figures import plot_growth

        folder = _write(args.output, found, "time_s", {"beyond": beyond, **more})
        # a layer that may be none has no growth to show
        if not found.upper_limit:
            save_figure(plot_growth(found, known), folder / "permeability.png")
    print(found)
    if more:
        print(f"{more['cycles']:.3g} cycles")
    if beyond is not None:
        print(beyond)
    _print_inputs(found)


def _print_inputs(found) -> None:
    from oxyspy.transport.quantities import LIMITS

    total = sum(part**2 for part in found.contributions.values())
    for name, pair in found.inputs.items():
        unit = LIMITS[name][0].replace("**", "^") if name in LIMITS else ""
        error = f" +- {pair['sigma']:.3g}" if pair["sigma"] else ""
        share = (
            f"   {found.contributions[name] ** 2 / total:.0%} of the variance" if name in found.contributions else ""
        )
        print(f"  {name:<14} {pair['value']:.6g}{error} {unit}{share}".rstrip())
    print(f"  {found.method}")
    if found.dominant:
        print(f"  largest part of the error: {found.dominant}")


def _write(output: str, found, quantity: str, more: dict):
    """Write permeability.csv, one row a number, and permeability.json, everything; return the folder."""
    from pathlib import Path

    from oxyspy import __version__
    from oxyspy.files import write_json, write_text

    folder = Path(output)
    rows = [(f"{quantity}{end}", getattr(found, name)) for end, name in _ENDS]
    rows += [("onsager_per_ev_cm_s", found.onsager), ("ln_sigma", found.sigma), ("dominant", found.dominant)]
    rows += [("upper_limit", found.upper_limit), ("reason", found.reason)]
    for name, pair in found.inputs.items():
        rows += [(f"{name}", pair["value"]), (f"{name}_sigma", pair["sigma"])]
    if (beyond := more.get("beyond")) is not None:
        rows += [(f"beyond_{quantity}{end}", getattr(beyond, name)) for end, name in _ENDS]
        rows += [("beyond_factor", beyond.factor), ("beyond_method", beyond.method), ("beyond_reason", beyond.reason)]
    rows += [("cycles", more["cycles"])] if "cycles" in more else []
    for one in more.get("comparison", ()):
        rows += [(f"{one.coating}_ratio", one.ratio), (f"{one.coating}_verdict", one.verdict)]
    write_text(folder / "permeability.csv", "".join(f"{line}\n" for line in _csv([("quantity", "value"), *rows])))
    write_json(folder / "permeability.json", {"version": __version__, **found.to_dict(), **more})
    return folder


_ENDS = (("", "value"), ("_low", "low"), ("_high", "high"), ("_low_95", "low_95"), ("_high_95", "high_95"))


def table_lines(head: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table as lines, each column as wide as its widest entry."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]


def _csv(rows) -> list[str]:
    import csv
    import io

    with io.StringIO() as text:
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue().splitlines()
