"""``oxyspy analyse``: line scans to layer thickness and required diffusivity."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "analyse",
        help="analyse dual-EELS line scans and spectrum images",
        description="Energy calibration, background, Fourier-ratio deconvolution, L3/L2, O K pre-edge, thickness of\n"
        "the reacted layer, and the O2- diffusivity its coating must have had; one row a scan in OUT/summary.csv.\n"
        "Rows of spectrum images are brought to one surface; OUT/<scan>/layer_by_row.csv has the layer of each.",
        epilog="examples:\n"
        "  oxyspy analyse scan_07/ -o out\n"
        "  oxyspy analyse scans/* -o out --coating '10 +- 1 nm' --exposure 165min --workers 2\n"
        "  oxyspy analyse --sheet samples.csv -o out --power fit\n"
        "  oxyspy analyse --core core.dm4 --low-loss low.dm4 -o out\n"
        "  oxyspy analyse image.zspy -o out --line 0,12,20,15 --width 3",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scans", nargs="*", metavar="SCAN", help="folders, globs or files with a core and a low loss")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder of the results")
    parser.add_argument(
        "--sheet",
        metavar="CSV",
        help="sample sheet: a line a scan, columns scan, sample, condition, coating (material), cycles,\n"
        "coating_thickness_nm, coating_thickness_error_nm, exposure_h, image, ...; all are carried into summary.csv",
    )
    parser.add_argument(
        "--by", metavar="COLUMNS", help="columns of the sheet that make a condition, e.g. coating,cycles (statistics)"
    )
    parser.add_argument(
        "--power",
        type=_power,
        default=0.5,
        metavar="P|fit",
        help="of the layer's trend with cycles, d0 + k n^P (default 0.5)",
    )
    parser.add_argument("--core", metavar="FILE", help="core loss of one scan")
    parser.add_argument("--low-loss", metavar="FILE", help="its low loss")
    parser.add_argument("--image", metavar="FILE", help="lattice image or survey of one scan, lying elsewhere")
    parser.add_argument(
        "--image-line",
        type=_line,
        metavar="X1,Y1,X2,Y2",
        help="where the scan runs on that image, in nm from its upper left corner",
    )
    parser.add_argument("--recipe", default="nmc", metavar="NAME|FILE", help="shipped recipe, YAML, or a result.json")
    parser.add_argument("--coating", metavar="THICKNESS", help="coating thickness, e.g. '10 +- 1 nm'")
    parser.add_argument("--exposure", metavar="TIME", help="time at high voltage, e.g. 165min")
    parser.add_argument(
        "--line",
        type=_line,
        metavar="X1,Y1,X2,Y2",
        help="cut this line, in nm, out of spectrum images and analyse it as a line scan",
    )
    parser.add_argument("--width", type=_above_zero, metavar="NM", help="of the line (default one pixel)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine (default 1)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="dask scheduler, e.g. tcp://host:8786")
    parser.add_argument("--parquet", action="store_true", help="write summary and profiles as Parquet too")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep results whose files, recipe and version have not changed (the default)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run, parser=parser)


def _line(text: str) -> tuple[float, ...]:
    try:
        line = tuple(float(part) for part in text.split(","))
    except ValueError:
        line = ()
    if len(line) != 4:
        raise argparse.ArgumentTypeError(f"{text!r}: needed four numbers, x1,y1,x2,y2, in nm")
    return line


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r}: needed a number above 0")
    return value


def _power(text: str) -> float | None:
    if text == "fit":
        return None
    try:
        power = float(text)
    except ValueError:
        power = -1.0
    if not 0 < power < 10:
        raise argparse.ArgumentTypeError(f"{text!r}: needed a number above 0, or 'fit'")
    return power


def run(args: argparse.Namespace) -> int:
    if args.core and (args.scans or args.sheet):
        args.parser.error("--core stands alone: without scans and --sheet")
    if not (args.scans or args.core or args.sheet):
        args.parser.error("give scans, --sheet, or --core with --low-loss")
    if args.by and not args.sheet:
        args.parser.error("--by needs --sheet")
    if args.low_loss and not args.core:
        args.parser.error("--low-loss needs --core")
    if args.workers < 1:
        args.parser.error(f"--workers: found {args.workers}, needed at least 1")
    if args.image_line and not args.image:
        args.parser.error("--image-line needs --image")
    if args.width and not args.line:
        args.parser.error("--width needs --line")
    import warnings

    from oxyspy.workflow.batch import analyse_many
    from oxyspy.workflow.recipe import load_recipe

    recipe = load_recipe(args.recipe).with_transport(coating=args.coating, exposure=args.exposure)
    if args.line:
        recipe = recipe.with_line(args.line, args.width)
    warnings.formatwarning = lambda message, *_, **__: f"oxyspy: {message}\n"
    table = analyse_many(
        args.scans,
        args.output,
        recipe,
        sheet=args.sheet,
        by=[name.strip() for name in (args.by or "").split(",") if name.strip()],
        power=args.power,
        parquet=args.parquet,
        core=args.core,
        low_loss=args.low_loss,
        image=args.image,
        image_line=args.image_line,
        workers=args.workers,
        scheduler=args.scheduler,
        resume=args.resume,
        progress=not args.quiet,
    )
    for row in table.to_dict("records"):
        print(describe(row))
    for line in groups(Path(args.output)):
        print(line)
    print(f"table: {args.output}/summary.csv   report: {args.output}/report.html")
    return 0 if (table.status != "failed").any() else 1


def describe(row: dict) -> str:
    """One scan's result in a line."""
    import math

    def known(key: str) -> bool:
        value = row.get(key)
        return value is not None and not (isinstance(value, float) and math.isnan(value))

    if row["status"] == "failed":
        return f"{row['scan']}: failed: {row['message']}"
    parts = []
    if row.get("layer_supported") is True:
        parts.append(f"layer {row['layer_nm']:.2f} ± {row['layer_sigma_nm']:.2f} nm")
    if known("ratio_bulk"):
        parts.append(f"{row['edge']} L3/L2 bulk {row['ratio_bulk']:.2f}")
    if known("ratio_layer"):
        parts.append(f"layer {row['ratio_layer']:.2f}")
    if known("required_diffusivity_cm2_s"):
        low, high = row["required_diffusivity_low"], row["required_diffusivity_high"]
        parts.append(f"required D(O2-) {row['required_diffusivity_cm2_s']:.2g} [{low:.2g}, {high:.2g}] cm²/s")
    elif known("required_diffusivity_high"):
        parts.append(f"required D(O2-) below {row['required_diffusivity_high']:.2g} cm²/s (95 %)")
    message = f" ({row['message']})" if row["message"] else ""
    return f"{row['scan']}: {row['status']}: {', '.join(parts)}{message}"


def groups(out: Path) -> list[str]:
    """What conditions say together, a line each, and their trends; nothing for scans of no sample sheet."""
    import json

    from oxyspy.workflow.report_words import known, measured

    try:
        found = json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    lines = []
    finest = "cycles" if any(group["level"] == "cycles" for group in found["groups"]) else "condition"
    for group in found["groups"]:
        layer = group["layer"]
        if group["level"] != finest or group["unit"] != "scans":
            continue
        if known(layer["mean"]):
            said = f"layer {measured(layer['mean'], layer['sigma'], 'nm')}"
            if known(layer["spread"]):
                low, high = layer["interval_95"]
                said += f" (95 %: {low:.2f} to {high:.2f}), spread {layer['spread']:.2f} nm"
        elif known(layer["upper_limit_95"]):
            said = f"layer under {layer['upper_limit_95']:.2f} nm (95 %)"
        else:
            said = layer["reason"]
        limits = f", {layer['n_limits']} without a layer" if layer["n_limits"] else ""
        scans = f"{layer['n']} scan" + ("s" if layer["n"] != 1 else "")
        lines.append(f"{group['name']} ({scans}{limits}): {said}")
    for name, trend in found["trends"].items():
        if known(trend["rate"]):
            low, high = trend["rate_interval_95"]
            ends = f"{low:.2g} to {high:.2g}" if known(low) and known(high) else "not bounded"
            lines.append(
                f"{name}: {trend['start']:.2f} + {trend['rate']:.2g} n^{trend['power']:.2g} nm (rate, 95 %: {ends})"
            )
    return lines
