"""``oxyspy info``: what is in files and folders."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

EPILOG = """\
examples:
  oxyspy info scan_07/
  oxyspy info *.dm4
  oxyspy info --json core.dm4 low.dm4 > found.json

Of a scan: positions, step, energy axes, zero-loss peak, what the microscope noted and which of it is a placeholder, and
all warnings. Files that are no scan are described too. The status is 1 if any could not be read.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "info",
        help="what is in files and folders: roles, axes, steps, doubts",
        description="Describes scans, spectra and images in any file RosettaSciIO reads, and in folders of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="file, folder or pattern")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    import json

    from oxyspy.errors import OxyspyError
    from oxyspy.io.finding import expand
    from oxyspy.results import to_plain

    described, failed = [], False
    for path in (one for given in args.files for one in expand(given)):
        for item in _targets(path):
            try:
                found = describe(item)
            except OxyspyError as error:
                failed = True
                found = {"file": str(getattr(item, "name", item)), "error": str(error)}
                print(f"oxyspy: {error}", file=sys.stderr, flush=True)
            described.append(found)
            if not args.json and "error" not in found:
                print("\n".join(lines(found)), flush=True)
    if args.json:
        print(json.dumps(to_plain(described), indent=1, allow_nan=False, ensure_ascii=False))
    return int(failed)


def _targets(path: Path) -> list:
    """The scans of a folder, or its files where it holds none; a file is itself."""
    from oxyspy.io.finding import find_scans
    from oxyspy.io.reading import files_of_scan, is_folder

    if not is_folder(path):
        return [path]
    return list(find_scans(path)) or files_of_scan(path) or [path]


def describe(source: Any) -> dict[str, Any]:
    """Return what a scan or a file holds as plain values.

    Raises
    ------
    ReadError
        It cannot be read.
    """
    from oxyspy.errors import InputError
    from oxyspy.io.loading import load_scan
    from oxyspy.io.reading import is_folder

    try:
        return load_scan(source).summary()
    except InputError:
        # no scan, or more than one: a file is still described signal by signal
        if not isinstance(source, Path) or is_folder(source):
            raise
        return _describe_file(source)


def _describe_file(path: Path) -> dict[str, Any]:
    from oxyspy.io.describe import describe_image, describe_spectra
    from oxyspy.io.reading import read_signals
    from oxyspy.io.roles import Role, role_of

    signals, warnings = read_signals(path)
    found = {"name": path.name, "kind": "file", "files": [path.as_posix()], "signals": [], "warnings": warnings}
    for signal in signals:
        item = role_of(signal, path)
        plain = {"role": str(item.role), "reason": item.reason, "title": item.label}
        if item.role in (Role.CORE, Role.LOW):
            plain |= describe_spectra(item.signal)
        elif item.signal.axes_manager.signal_dimension == 2:
            plain |= describe_image(item.signal)
        else:
            plain["shape"] = list(item.signal.data.shape)
        found["signals"].append(plain)
        warnings += item.notes
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """Return a description as lines."""
    from oxyspy.io.describe import image_line, summary_lines

    if found["kind"] != "file":
        return summary_lines(found)
    text = [f"{found['files'][0]}: {len(found['signals'])} signal{'s' * (len(found['signals']) != 1)}"]
    for item in found["signals"]:
        what = image_line(item) if "pixel_nm" in item else f"{item['title']}: {' x '.join(map(str, item['shape']))}"
        step = f", {item['dispersion_ev']:.4g} eV a channel" if "dispersion_ev" in item else ""
        text.append(f"  {item['role']:<11} {what}; {item['reason']}{step}")
    return text + [f"  ! {warning}" for warning in found["warnings"]]
