"""``oxyspy analyse``: line scans to layer thickness and required diffusivity."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "analyse",
        help="analyse dual-EELS line scans",
        description="Energy calibration, background, Fourier-ratio deconvolution, L3/L2, O K pre-edge, thickness of\n"
        "the reacted layer, and the O2- diffusivity its coating must have had; one row a scan in OUT/summary.csv.",
        epilog="examples:\n"
        "  oxyspy analyse scan_07/ -o out\n"
        "  oxyspy analyse scans/* -o out --coating '10 +- 1 nm' --exposure 165min --workers 2\n"
        "  oxyspy analyse --core core.dm4 --low-loss low.dm4 -o out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scans", nargs="*", metavar="SCAN", help="folders, globs or files with a core and a low loss")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder of the results")
    parser.add_argument("--core", metavar="FILE", help="core loss of one scan")
    parser.add_argument("--low-loss", metavar="FILE", help="its low loss")
    parser.add_argument("--recipe", default="nmc", metavar="NAME|FILE", help="shipped recipe, YAML, or a result.json")
    parser.add_argument("--coating", metavar="THICKNESS", help="coating thickness, e.g. '10 +- 1 nm'")
    parser.add_argument("--exposure", metavar="TIME", help="time at high voltage, e.g. 165min")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine (default 1)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="dask scheduler, e.g. tcp://host:8786")
    parser.add_argument("--no-resume", action="store_true", help="analyse again what is already done")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    if bool(args.scans) == bool(args.core):
        args.parser.error("give either scans, or --core with --low-loss")
    if args.low_loss and not args.core:
        args.parser.error("--low-loss needs --core")
    if args.workers < 1:
        args.parser.error(f"--workers: found {args.workers}, needed at least 1")
    from oxyspy.workflow.batch import analyse_many
    from oxyspy.workflow.recipe import load_recipe

    recipe = load_recipe(args.recipe).with_transport(coating=args.coating, exposure=args.exposure)
    table = analyse_many(
        args.scans,
        args.output,
        recipe,
        core=args.core,
        low_loss=args.low_loss,
        workers=args.workers,
        scheduler=args.scheduler,
        resume=not args.no_resume,
        progress=not args.quiet,
    )
    for row in table.to_dict("records"):
        print(describe(row))
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
