"""``oxyspy phases``: which phase is where in lattice images, and how thick the reacted layer is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EPILOG = """\
examples:
  oxyspy phases haadf.dm4 -o out
  oxyspy phases images/*.dm4 -o out --phases layered,spinel,MnO --window 1.0nm
  oxyspy phases image.tif --pixel 0.0203nm -o out --phases my_phases.yaml
  oxyspy phases haadf.dm4 -o out --spectra 2.1+-0.3nm

The image must look along rocksalt [110] (layered: hexagonal [100]). OUT/summary.csv receives a row an image,
OUT/<image>/ the windows (map.csv), everything with methods and hashes (result.json), and figures. A layer is a row's
layer_supported; where it is false, message holds the upper limit or says why there is none.
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
        "--phases", default="layered,spinel,rocksalt", metavar="FILE|NAMES", help="candidates: YAML file, or names"
    )
    parser.add_argument("--pixel", type=_length, metavar="NM", help="pixel size of images that have none, e.g. 0.02nm")
    parser.add_argument(
        "--spectra",
        type=_measured_length,
        metavar="NM",
        help="layer of the same place by its spectra, as '2.1+-0.3nm': test whether both agree, and combine them",
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


def _measured_length(text: str) -> tuple[float, float]:
    """Read ``2.1+-0.3nm``."""
    from oxyspy.errors import InputError
    from oxyspy.units import parse_measured

    try:
        value, sigma = parse_measured(text, "nm", "layer")
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not (value > 0 and sigma > 0):
        raise argparse.ArgumentTypeError(f"{text}: needed a positive thickness and its standard error, as 2.1+-0.3nm")
    return value, sigma


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    from tqdm import tqdm

    from oxyspy.lattice import crystals
    from oxyspy.workflow.output import write_csv

    candidates = args.phases
    if Path(candidates).suffix.lower() not in (".yaml", ".yml"):
        candidates = [name.strip() for name in candidates.split(",") if name.strip()]
    known = crystals(candidates)
    out = Path(args.output)
    rows: list[dict[str, Any]] = []
    names = _folder_names(args.images)
    jobs = tqdm(
        list(zip(names, args.images, strict=True)), unit="image", disable=True if args.quiet else None, leave=False
    )
    for name, path in jobs:
        row = _one(name, Path(path), out / name, known, args)
        rows.append(row)
        # after each image, so that a batch that is stopped leaves what it has
        write_csv(out / "summary.csv", COLUMNS, rows)
        jobs.write(_describe(row))
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


def _one(name: str, path: Path, folder: Path, known, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one image and write its files; never raises, but says in its row what went wrong."""
    from oxyspy.errors import OxyspyError

    row: dict[str, Any] = {"image": name, "status": "failed", "layer_supported": False}
    try:
        return row | _measure(path, folder, known, args)
    except OxyspyError as error:
        return row | {"message": str(error)}
    except Exception as error:  # one image must not stop the others
        import traceback

        traceback.print_exc()
        return row | {"message": f"{path}: unexpected {type(error).__name__}: {error}; please report it"}


def _measure(path: Path, folder: Path, known, args: argparse.Namespace) -> dict[str, Any]:
    import warnings

    from oxyspy.files import write_json, write_text
    from oxyspy.lattice.figures import plot_map, plot_profile, plot_spots
    from oxyspy.lattice.mapping import WINDOW_NM
    from oxyspy.plotting import save_figure

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        image, notes = _image(path, args.pixel)
        found = image.phase_map(known, window=args.window or WINDOW_NM)
    layer = found.layer_thickness()
    both = _combined(layer, args.spectra)
    heard = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    write_text(folder / "map.csv", found.table().to_csv(index=False, float_format="%.5g", lineterminator="\n"))
    save_figure(plot_map(found, layer=layer), folder / "map.png")
    save_figure(plot_spots(found), folder / "spots.png")
    if len(layer.depth_nm):
        save_figure(plot_profile(layer), folder / "profile.png")
    # no surface in the image, or no layered bulk: a map, but nothing said of a layer
    measured = layer.supported or layer.upper_limit_nm == layer.upper_limit_nm
    said = [
        *([] if layer.supported else [str(layer).splitlines()[0]]),
        *layer.warnings,
        *found.warnings,
        *([] if both is None else [f"image and spectra: {both}"]),
        *notes,
        *heard,
    ]
    row = {
        "status": "ok" if measured else "partial",
        "phases": ";".join(f"{phase}={share:.3f}" for phase, share in found.shares().items() if share > 0),
        "layer_phase": layer.phase if layer.supported else "",
        "layer_nm": layer.thickness_nm,
        "layer_sigma_nm": layer.sigma_nm if layer.supported else None,
        "layer_supported": layer.supported,
        "scale_error_x": found.lattice.scale_error_x,
        "scale_error_y": found.lattice.scale_error_y,
        "message": "; ".join(dict.fromkeys(said)),
    }
    write_json(
        folder / "result.json",
        {
            "schema": 1,
            "image": folder.name,
            **row,
            "map": found.to_dict(),
            "layer": layer,
            "with_spectra": both,
            "candidates": [{"name": c.name, "family": c.family, "source": c.source} for c in known],
            "pixel_nm": list(image.pixel_nm),
            "provenance": _provenance(path),
        },
    )
    return row


def _combined(layer, spectra: tuple[float, float] | None):
    """Return the agreement with the spectra's layer, or None where none was given."""
    if spectra is None:
        return None
    from types import SimpleNamespace

    from oxyspy.lattice import combine_layers

    return combine_layers(layer, SimpleNamespace(supported=True, thickness_nm=spectra[0], sigma_nm=spectra[1]))


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
    layer = "no layer"
    if row["layer_supported"]:
        layer = f"{row['layer_phase']} layer {row['layer_nm']:.2f} ± {row['layer_sigma_nm']:.2f} nm"
    message = f" ({row['message']})" if row["message"] else ""
    return f"{row['image']}: {row['status']}: {layer}; {row['phases']}{message}"
