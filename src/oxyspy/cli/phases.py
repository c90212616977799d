"""``oxyspy phases``: which phase is where in lattice images, and how thick the reacted layer is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """\
examples:
  oxyspy phases haadf.dm4 -o out
  oxyspy phases images/*.dm4 -o out --phases layered,spinel,MnO --window 1.0nm
  oxyspy phases image.tif --pixel 0.0203nm -o out --phases layered,my_phases.yaml,other.cif
  oxyspy phases haadf.dm4 -o out --spectra 2.1+-0.3nm
  oxyspy phases haadf.dm4 -o out --spectra out_of_analyse/scan_07/result.json
  oxyspy phases standard.ser -o out --identify --phases SrTiO3,Si --zone 1,0,0 --zone 1,1,0

The image must look along rocksalt [110] (layered: hexagonal [100]). OUT/summary.csv receives a row an image,
OUT/report.html shows them all; OUT/<image>/ has the windows (map.csv), boundaries between them (boundaries.csv), the
layer along the surface (layer.csv), everything with methods and hashes (result.json), and figures. A layer is a row's
layer_supported; where it is false, message holds the upper limit or says why there is none. An image that shows none
of the candidates is compared with every crystal that is known, along all low-index zone axes.
"""
COLUMNS = (
    "image",
    "status",
    "phases",
    "layer_phase",
    "layer_nm",
    "layer_sigma_nm",
    "layer_supported",
    "scale_error_x",
    "scale_error_y",
    "message",
)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "phases",
        help="map layered, spinel and rocksalt in HAADF images, measure the layer",
        description="Which phase is where in HAADF-STEM lattice images, by the amplitudes of nine spots in every\n"
        "window, and how thick the reacted layer is. What an FFT cannot tell is named, never guessed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "images", nargs="+", metavar="IMAGE", help="files with a lattice image; any RosettaSciIO format"
    )
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder of the results")
    parser.add_argument(
        "--window", type=_length, metavar="NM", help="full width at half maximum of the window; default 0.8 nm"
    )
    parser.add_argument(
        "--phases",
        default="layered,spinel,rocksalt",
        metavar="LIST",
        help="candidates, by commas: names, .cif files, YAML files of phases, or one of a file as FILE.yaml:NAME",
    )
    parser.add_argument("--pixel", type=_length, metavar="NM", help="pixel size of images that have none, e.g. 0.02nm")
    parser.add_argument(
        "--bulk",
        type=_region,
        metavar="X0,Y0,X1,Y1",
        help="region in nm that calibrates; by default what lies deep in the crystal",
    )
    parser.add_argument("--hrtem", action="store_true", help="the images are HRTEM: map them, and say it is a hint")
    parser.add_argument("--identify", action="store_true", help="name crystal and zone axis, and map nothing")
    parser.add_argument(
        "--zone",
        type=_zone,
        action="append",
        default=[],
        metavar="U,V,W",
        help="zone axis to try when a crystal is named, again for each; by default all of low index",
    )
    parser.add_argument(
        "--spectra",
        type=_spectra,
        metavar="NM|FILE",
        help="layer of the same place by its spectra, as '2.1+-0.3nm' or the result.json of oxyspy analyse: test "
        "whether both agree, and combine them",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run, parser=parser)


def _length(text: str) -> float:
    """Read ``1.2nm``, or a plain number of nm."""
    from oxyspy.errors import InputError
    from oxyspy.units import parse

    try:
        value = float(text)
    except ValueError:
        try:
            value = parse(text, "nm")
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    if not 0 < value < 1e3:
        raise argparse.ArgumentTypeError(f"{text}: needed a positive length")
    return value


def _integers(text: str, count: int, kind: type) -> tuple:
    parts = text.replace("[", "").replace("]", "").replace(",", " ").split()
    try:
        values = tuple(kind(part) for part in parts)
    except ValueError:
        values = ()
    if len(values) != count:
        raise argparse.ArgumentTypeError(f"{text}: needed {count} numbers, by commas")
    return values


def _region(text: str) -> tuple[float, ...]:
    """Read ``4,0,8,6``."""
    return _integers(text, 4, float)


def _zone(text: str) -> tuple[int, ...]:
    """Read ``1,1,0``."""
    return _integers(text, 3, int)


def _spectra(text: str) -> Any:
    """Read ``2.1+-0.3nm``, or the layer in a ``result.json``: what `combine_layers` takes."""
    from types import SimpleNamespace

    from oxyspy.errors import InputError
    from oxyspy.units import parse_measured

    if Path(text).suffix.lower() == ".json":
        return _layer_of(Path(text))
    try:
        value, sigma = parse_measured(text, "nm", "layer")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not (value > 0 and sigma > 0):
        raise argparse.ArgumentTypeError(f"{text}: needed a positive thickness and its standard error, as 2.1+-0.3nm")
    return SimpleNamespace(supported=True, thickness_nm=value, sigma_nm=sigma)


def _layer_of(path: Path) -> Any:
    import json
    from types import SimpleNamespace

    try:
        layer = json.loads(path.read_text(encoding="utf-8"))["layer"]
        names = ("supported", "thickness_nm", "sigma_nm", "upper_limit_nm")
        found = {name: layer[name] for name in names}
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{path}: holds no layer; needed a result.json of oxyspy analyse") from error
    # what is not finite is null in JSON
    return SimpleNamespace(**{name: float("nan") if value is None else value for name, value in found.items()})


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    from tqdm import tqdm

    from oxyspy.lattice import crystals
    from oxyspy.workflow.output import write_csv
    from oxyspy.workflow.phases import PhaseChoices
    from oxyspy.workflow.report_phases import write_phases_report

    choices = PhaseChoices(
        candidates=crystals([name.strip() for name in args.phases.split(",") if name.strip()]),
        window_nm=args.window,
        bulk=args.bulk,
        contrast="HRTEM" if args.hrtem else None,
        identify=args.identify,
        zone_axes=tuple(args.zone),
    )
    out = Path(args.output)
    rows: list[dict[str, Any]] = []
    names = _folder_names(args.images)
    jobs = tqdm(
        list(zip(names, args.images, strict=True)), unit="image", disable=True if args.quiet else None, leave=False
    )
    for name, path in jobs:
        row = _one(name, Path(path), out / name, choices, args)
        rows.append(row)
        # after each image, so that a batch that is stopped leaves what it has
        write_csv(out / "summary.csv", COLUMNS, rows)
        jobs.write(_describe(row))
    write_phases_report(out, rows)
    return 0 if any(row["status"] != "failed" for row in rows) else 1


def _folder_names(paths: list[str]) -> list[str]:
    """Names that make folders, each once."""
    import re

    taken: dict[str, int] = {}
    names = []
    for path in paths:
        name = re.sub(r"[^\w.\-]+", "_", Path(path).stem).strip(".") or "image"
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return names


def _one(name: str, path: Path, folder: Path, choices: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one image and write its files; never raises, but says in its row what went wrong."""
    from oxyspy.errors import OxyspyError

    row: dict[str, Any] = {"image": name, "status": "failed", "layer_supported": False}
    try:
        return row | _measure(path, folder, choices, args)
    except OxyspyError as error:
        return row | {"message": str(error)}
    except Exception as error:  # one image must not stop the others
        import traceback

        traceback.print_exc()
        return row | {"message": f"{path}: unexpected {type(error).__name__}: {error}; please report it"}


def _measure(path: Path, folder: Path, choices: Any, args: argparse.Namespace) -> dict[str, Any]:
    from oxyspy.files import write_json
    from oxyspy.lattice import combine_layers
    from oxyspy.workflow.phases import measure_image, told, write_image

    image, notes = _image(path, args.pixel)
    phases = measure_image(image, choices)
    files = write_image(phases, folder)
    layer = phases.layer
    both = None if layer is None or args.spectra is None else combine_layers(layer, args.spectra, ("image", "spectra"))
    said = [*phases.said, *notes]
    if both is not None:
        said.insert(0 if not both.agree else len(phases.said), f"image and spectra: {both}")
    supported = layer is not None and layer.supported
    shares = {} if phases.found is None else phases.found.shares()
    row = {
        "status": "partial" if both is not None and not both.agree else phases.status,
        "phases": ";".join(f"{phase}={share:.3f}" for phase, share in shares.items() if share > 0),
        "layer_phase": layer.phase if supported else "",
        "layer_nm": layer.thickness_nm if supported else None,
        "layer_sigma_nm": layer.sigma_nm if supported else None,
        "layer_supported": supported,
        "scale_error_x": phases.scale_error[0],
        "scale_error_y": phases.scale_error[1],
        "message": "; ".join(dict.fromkeys(said)),
    }
    if phases.identity is not None and phases.identity.zone:
        row["phases"] = f"{phases.identity.phase} {phases.identity.zone}"
    candidates = [{"name": c.name, "family": c.family, "source": c.source} for c in choices.candidates]
    write_json(
        folder / "result.json",
        {
            "schema": 1,
            "image": folder.name,
            **row,
            **told(phases),
            "with_spectra": both,
            "said": list(dict.fromkeys(said)),
            "files": files,
            "candidates": candidates,
            "pixel_nm": list(image.pixel_nm),
            "provenance": _provenance(path),
        },
    )
    return row


def _image(path: Path, pixel: float | None):
    """Load the one lattice image of a file, and what the reader warned of."""
    from oxyspy.errors import InputError
    from oxyspy.io import read_signals

    signals, notes = read_signals(path)
    images = [s for s in signals if s.axes_manager.signal_dimension == 2]
    # a survey or a thumbnail comes along with many formats: the largest is the image
    if not images:
        held = ", ".join(f"{type(s).__name__} {s.data.shape}" for s in signals)
        raise InputError(f"{path}: holds no image but {held}")
    image = max(images, key=lambda s: s.data.size)
    if len(images) > 1:
        sizes = ", ".join("x".join(str(n) for n in s.data.shape[::-1]) for s in images)
        notes = [*notes, f"{path.name}: {len(images)} images ({sizes}); the largest was taken"]
    image.set_signal_type("lattice_image")
    if pixel is not None:
        image.axes_manager.signal_axes.set(scale=pixel, units="nm")
    try:
        _ = image.pixel_nm
    except InputError as error:
        raise InputError(f"{path.name}: {error}; or --pixel 0.02nm here") from error
    return image, notes


def _provenance(path: Path) -> dict[str, Any]:
    import platform
    from importlib.metadata import version

    from oxyspy import __version__
    from oxyspy.files import sha256

    packages = ("numpy", "scipy", "hyperspy", "rosettasciio", "pymatgen")
    return {
        "oxyspy": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "inputs": {path.name: sha256(path)} if path.is_file() else {},
    }


def _describe(row: dict[str, Any]) -> str:
    """One image's result in a line."""
    if row["status"] == "failed":
        return f"{row['image']}: failed: {row['message']}"
    if "=" not in row["phases"]:
        return f"{row['image']}: {row['status']}: {row['message']}"
    layer = "no layer"
    if row["layer_supported"]:
        layer = f"{row['layer_phase']} layer {row['layer_nm']:.2f} ± {row['layer_sigma_nm']:.2f} nm"
    message = f" ({row['message']})" if row["message"] else ""
    return f"{row['image']}: {row['status']}: {layer}; {row['phases']}{message}"
