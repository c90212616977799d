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
  how thick is the layer under it after 1000 h?
    oxyspy permeability --coating 10nm --known-coating Li3B11O18 --time 1000h
  the same, with tables and a figure in the folder out:
    oxyspy permeability --coating 10nm --known-coating Li3B11O18 --time 1000h -o out
  after 200 cycles of 4 h, a fifth of each at high voltage:
    oxyspy permeability --layer 2nm --coating 10nm --cycles 200 --period 4h --fraction 0.2
  after 200 cycles along a charge curve (CSV: time_h, voltage_v), with mu_c by voltage (CSV: voltage_v, mu_c_ev):
    oxyspy permeability --layer 2nm --coating 10nm --cycles 200 --charge-curve charge.csv --mu-c-table mu_c.csv
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


def samples(text: str) -> int:
    """Read a number of draws."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value != 0 and value < 100:
        raise argparse.ArgumentTypeError(f"{text}: needed 0, for first order, or a whole number from 100")
    return value


def signed_numbers(parser: argparse.ArgumentParser) -> None:
    """Let a dash and a digit always be a number: argparse takes "-5.24eV" for an option."""
    parser._negative_number_matcher = re.compile(r"^-\.?\d")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "permeability",
        help="oxygen diffusivity of a coating from the reacted layer under it, and back",
        description="Backward (--layer with --time or --cycles): the oxygen diffusivity a coating must have had for\n"
        "the layer to form in that time; with --life the largest it may have. Forward (--L, --D or\n"
        "--known-coating): the time in which --layer forms, or the layer after --time or --cycles. By steady\n"
        "permeation; then, where asked for, with what that leaves out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    signed_numbers(parser)
    for name, unit, words in QUANTITIES:
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=quantity(name),
            metavar=unit.upper(),
            required=name == "coating",
            help=words,
        )
    parser.add_argument("--environment", metavar="NAME", help="outside the coating: air or Li3PS4, in place of --mu-e")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--time", "--exposure", type=quantity("time"), metavar="MIN", help="time at high voltage")
    when.add_argument("--cycles", type=CYCLES, metavar="N", help="cycles, with --period and --fraction")
    when.add_argument("--life", type=quantity("time"), metavar="MIN", help="backward: largest D that keeps the layer")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--L", type=quantity("L"), metavar="1/EV/CM/S", help="forward: Onsager coefficient")
    rate.add_argument("--D", type=quantity("D"), metavar="CM^2/S", help="forward: oxygen diffusivity")
    rate.add_argument("--known-coating", metavar="NAME", help="forward: a coating of `oxyspy coatings`")
    parser.add_argument("--period", type=quantity("time"), metavar="MIN", help="of a cycle; forward: also in cycles")
    parser.add_argument("--fraction", type=SHARE, metavar="X", help="of a cycle at high voltage, 0-1")
    parser.add_argument(
        "--charge-curve",
        metavar="FILE",
        help="CSV of time_s and voltage_v over one cycle, in place of --period and --fraction",
    )
    parser.add_argument("--mu-c-table", metavar="FILE", help="CSV of voltage_v and mu_c_ev, for --charge-curve")
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
        type=quantity("uptake"),
        metavar="CM^-3",
        help="oxygen that fills the coating first (time lag); alone, not with the others",
    )
    parser.add_argument("--geometry", choices=("sphere", "cylinder", "plane"), default="sphere", help="default: sphere")
    parser.add_argument(
        "--coatings", metavar="FILE", help="YAML file of more coatings to compare with or to choose from"
    )
    parser.add_argument("--samples", type=samples, metavar="N", help="draws of the interval, or 0; default 10000")
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
    from oxyspy.transport import coatings

    _check_together(args)
    environments = load("transport")["environments"]
    if args.environment is not None and args.environment not in environments:
        args.parser.error(f"argument --environment: {args.environment!r} is not one of {', '.join(environments)}")
    known = coatings(args.coatings)
    given: dict[str, Any] = {"geometry": args.geometry, "n_samples": args.samples, "seed": args.seed}
    for name in (*(name for name, _, _ in QUANTITIES), "L", "D"):
        pair = getattr(args, name)
        if pair is not None:
            given[name], given[f"{name}_sigma"] = pair
    if args.environment is not None:
        given["mu_e"] = environments[args.environment]["mu_e"]["value"]
    if args.known_coating is not None:
        given["known"] = known[args.known_coating]
    cycle = _cycle(args, given)
    if args.cycles is not None:
        given["time"] = args.cycles * cycle
    elif args.time is not None:
        given["time"], given["time_sigma"] = args.time
    if _forward_asked(args):
        return _forward(given, known, args, cycle)
    return _backward(given, known, args)


def _forward_asked(args: argparse.Namespace) -> bool:
    return any(one is not None for one in (args.L, args.D, args.known_coating))


def _check_together(args: argparse.Namespace) -> None:
    """Refuse options that say nothing without another, or against it."""

    def given(*names: str) -> list[str]:
        return [f"--{name}" for name in names if getattr(args, name.replace("-", "_")) is not None]

    when, error = given("time", "cycles", "life"), args.parser.error
    if not when and not _forward_asked(args):
        error("one of the arguments --time/--exposure --cycles --life --L --D --known-coating is required")
    if _forward_asked(args) and args.layer is not None and when:
        error(f"argument {when[0]}: not allowed with argument --layer where the coating's transport is given")
    if _forward_asked(args) and args.layer is None and when in ([], ["--life"]):
        error("one of the arguments --layer --time/--exposure --cycles is required with the coating's transport")
    if not _forward_asked(args) and args.layer is None:
        error("the following arguments are required: --layer")
    if args.environment is not None and args.mu_e is not None:
        error("argument --environment: not allowed with argument --mu-e")
    curve, cycle = given("charge-curve", "mu-c-table"), given("period", "fraction")
    if len(curve) == 1:
        error("arguments --charge-curve and --mu-c-table: needed both")
    if curve and (cycle or args.mu_c is not None):
        error(f"argument --charge-curve: not allowed with argument {(cycle or ['--mu-c'])[0]}")
    if len(cycle) == 1 or (args.cycles is not None and not cycle and not curve):
        error("arguments --period and --fraction: needed both, of one cycle")
    if cycle and (args.time is not None or args.life is not None):
        error("argument --period: not allowed with --time or --life; give --cycles")
    if args.pinholes and args.layer_L is None:
        error("argument --pinholes: needs --layer-L, since nothing else resists in a hole")
    if args.uptake is not None and (args.layer_L is not None or args.pinholes or args.spread):
        error("argument --uptake: not allowed with --layer-L, --spread or --pinholes")


def _cycle(args: argparse.Namespace, given: dict[str, Any]) -> float | None:
    """Return the time that one cycle adds in s; with a charge curve put it in the place of mu_c."""
    from oxyspy.transport import read_charge_curve, time_at_voltage

    if args.charge_curve is not None:
        given["mu_c"] = read_charge_curve(args.charge_curve, args.mu_c_table)
        return given["mu_c"].duration
    return None if args.period is None else float(time_at_voltage(1, args.period[0], args.fraction))


def _fuller(found, args: argparse.Namespace):
    """Return the result beyond the steady model, or None where nothing of it was asked for."""
    asked = {name: getattr(args, name)[0] for name in ("layer_L", "uptake") if getattr(args, name) is not None}
    asked |= {name: getattr(args, name) for name in ("spread", "pinholes") if getattr(args, name)}
    if not asked:
        return None
    from oxyspy.transport import beyond_steady

    return beyond_steady(found, **asked)


def _backward(given: dict[str, Any], known, args: argparse.Namespace) -> None:
    from oxyspy.transport import allowed_diffusivity, compare_coatings, required_diffusivity
    from oxyspy.transport.compare import VERDICTS

    if args.life is not None:
        layer, coating = (given.pop(name) for name in ("layer", "coating"))
        errors = {"target_sigma": given.pop("layer_sigma"), "life_sigma": args.life[1]}
        found = allowed_diffusivity(layer, coating, args.life[0], **errors, **given)
    else:
        found = required_diffusivity(**given)
    beyond = _fuller(found, args)
    # what was asked for beyond the steady model is what the coatings are compared with
    best = found if beyond is None else beyond
    beside = compare_coatings(best, known)
    # files first: whoever reads the text may stop listening
    if args.output is not None:
        from oxyspy.plotting import save_figure
        from oxyspy.transport.figures import plot_required

        quantity = "required_diffusivity_cm2_s" if args.life is None else "allowed_diffusivity_cm2_s"
        folder = _write(args.output, found, quantity, {"comparison": beside, "beyond": beyond})
        save_figure(plot_required(best, beside), folder / "permeability.png")
    print(found)
    if beyond is not None:
        print(beyond)
    _print_inputs(found)
    rows = [
        [one.coating, f"{one.diffusivity:.2g}", f"{one.required:.2g}", f"{one.ratio:.2g}", VERDICTS[one.verdict]]
        for one in beside
    ]
    word = "needed" if args.life is None else "allowed"
    print(f"\nbeside it, at {found.inputs['temperature']['value']:g} K:")
    print("\n".join(table_lines(["coating", "its D", word, f"L/{word}", "verdict"], rows)))


def _forward(given: dict[str, Any], known, args: argparse.Namespace, cycle: float | None) -> None:
    from oxyspy.transport import densification_time, layer_after

    asked_for_time = args.layer is not None
    found = densification_time(**given) if asked_for_time else layer_after(**given)
    beyond, more = _fuller(found, args), {}
    best = found.value if beyond is None else beyond.value
    if cycle is not None and asked_for_time and best == best:
        more["cycles"] = best / cycle
    if args.output is not None:
        from oxyspy.plotting import save_figure
        from oxyspy.transport.figures import plot_growth

        quantity = "time_s" if asked_for_time else "layer_nm"
        folder = _write(args.output, found, quantity, {"beyond": beyond, **more})
        # a layer that may be none has no growth to show
        if not found.upper_limit:
            name = args.known_coating or "this coating"
            save_figure(plot_growth(found, known, beyond, name=name, cycle=cycle), folder / "permeability.png")
    print(found)
    if beyond is not None:
        print(beyond)
    if more:
        print(f"{more['cycles']:.3g} cycles")
    _print_inputs(found)


def _print_inputs(found) -> None:
    from oxyspy.transport.quantities import QUANTITIES

    total = sum(part**2 for part in found.contributions.values())
    for name, pair in found.inputs.items():
        unit = QUANTITIES[name].unit if name in QUANTITIES else ""
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
    # the package's unit of length is the centimetre, the tables' the nanometre
    unit = 1e-7 if quantity.endswith("_nm") else 1.0
    rows = [(f"{quantity}{end}", getattr(found, name) / unit) for end, name in _ENDS]
    rows += [("onsager_per_ev_cm_s", found.onsager), ("ln_sigma", found.sigma), ("dominant", found.dominant)]
    rows += [("upper_limit", found.upper_limit), ("reason", found.reason)]
    for name, pair in found.inputs.items():
        rows += [(f"{name}", pair["value"]), (f"{name}_sigma", pair["sigma"])]
    if (beyond := more.get("beyond")) is not None:
        rows += [(f"beyond_{quantity}{end}", getattr(beyond, name) / unit) for end, name in _ENDS]
        rows += [("beyond_factor", beyond.factor), ("beyond_method", beyond.method), ("beyond_reason", beyond.reason)]
    rows += [("cycles", more["cycles"])] if "cycles" in more else []
    for one in more.get("comparison", ()):
        rows += [(f"{one.coating}_ratio", one.ratio), (f"{one.coating}_verdict", one.verdict)]
    write_text(folder / "permeability.csv", "".join(f"{line}\n" for line in _csv([("quantity", "value"), *rows])))
    plain = {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in more.items()}
    write_json(folder / "permeability.json", {"version": __version__, **found.to_dict(), **plain})
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
