"""``oxyspy demo``: the whole chain on simulated scans whose truth is known."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="analyse the simulated scans that come with the package, beside their truth",
        description="Analyse four simulated dual-EELS line scans (real .dm4 files) and print what was found beside\n"
        "what they were made with.",
        epilog="example:\n  oxyspy demo -o demo-out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", default="demo-out", metavar="OUT", help="folder of the results (demo-out)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from oxyspy.data import FOLDER, read_yaml
    from oxyspy.errors import OxyspyError
    from oxyspy.workflow.batch import analyse_many
    from oxyspy.workflow.recipe import load_recipe

    folder = FOLDER / "demo"
    if not (folder / "truth.yaml").is_file():
        raise OxyspyError(f"the demo scans are missing from {folder}; install oxyspy from a wheel or a full checkout")
    truth = read_yaml(folder / "truth.yaml")
    recipe = load_recipe("nmc").with_transport(
        coating=f"{truth['coating_nm']} +- 0.4 nm", exposure=f"{truth['exposure_min']} min"
    )
    table = analyse_many([str(folder)], args.output, recipe, progress=not args.quiet)
    print(f"\n{'scan':<26}{'layer (nm)':>16}{'truth (nm)':>12}{'required D(O2-), 68 % (cm²/s)':>36}")
    for row in table.to_dict("records"):
        made_with = truth["scans"][row["scan"]]["layer_nm"]
        if row["status"] == "failed":
            print(f"{row['scan']:<26} failed: {row['message']}")
            continue
        if row["layer_supported"]:
            layer = f"{row['layer_nm']:.2f} ± {row['layer_sigma_nm']:.2f}"
            low, high = row["required_diffusivity_low"], row["required_diffusivity_high"]
            needed = f"{row['required_diffusivity_cm2_s']:.2g} [{low:.2g}, {high:.2g}]"
        else:
            layer, needed = "none", f"below {row['required_diffusivity_high']:.2g} (95 %)"
        print(f"{row['scan']:<26}{layer:>16}{made_with:>12.2f}{needed:>36}")
    print(f"\nunder a coating of {recipe.transport.coating} within {recipe.transport.exposure} at high voltage")
    print(f"table:   {args.output}/summary.csv")
    print(f"report:  {args.output}/report.html")
    print(f"figures: {args.output}/<scan>/profile.png, spectra.png")
    return 0 if (table["status"] != "failed").all() else 1
