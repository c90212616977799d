"""The ``oxyspy`` command: one module a subcommand, each with ``add_parser`` and ``run``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from oxyspy import __version__
from oxyspy.errors import OxyspyError

# module names, in the order the help shows them
COMMANDS: tuple[str, ...] = (
    "analyse",
    "recipe",
    "phases",
    "info",
    "permeability",
    "coatings",
    "diffusion",
    "melt_quench",
    "demo",
)


def build_parser() -> argparse.ArgumentParser:
    """Return the whole command-line parser; also what the documentation prints."""
    parser = argparse.ArgumentParser(
        prog="oxyspy",
        description="Thickness of the reacted layer under a cathode coating, and the oxygen permeability the coating "
        "must have had.",
        epilog="`oxyspy COMMAND --help` has examples of each. The status is 0 on success, 1 where the work failed, 2\n"
        "for a wrong command line, 130 when stopped by the keyboard.\n\nexample:\n  oxyspy demo -o demo-out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"oxyspy {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"{__name__}.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; status 0 on success, 1 when the work failed, 2 for a wrong command line, 130 when stopped."""
    try:
        args = build_parser().parse_args(argv)
        return args.run(args) or 0
    except OxyspyError as error:
        print(f"oxyspy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        # what was stopped says what is kept
        print("; ".join(["oxyspy: stopped", *map(str, stop.args)]), file=sys.stderr)
        return 130
    except BrokenPipeError:
        # the reader of a pipe went away, as in `oxyspy coatings | head`
        sys.stderr.close()
        return 1
