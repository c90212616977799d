"""``oxyspy demo``: the whole chain on simulated scans whose truth is known."""

from __future__ import annotations

import argparse
from pathlib import Path

# as if the layer grew by 0.2 nm times the square root of the cycles
CYCLES = {"pristine": 0, "rocksalt_2nm": 100, "noisy_3nm_from_bulk": 225, "rocksalt_4nm_wrong_axis": 400}
RATE = 0.2
IMAGED = "rocksalt_2nm"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="analyse the simulated scans that come with the package, beside their truth",
        description="Analyse four simulated dual-EELS line scans (real .dm4 files) by a sample sheet, with a\n"
        "lattice image of one of them, and print what was found beside what they were made with.",
        epilog="example:\n  oxyspy demo -o demo-out",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", default="demo-out", metavar="OUT", help="folder of the results (demo-out)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from oxyspy.cli.analyse import groups
    from oxyspy.data import FOLDER, read_yaml
    from oxyspy.errors import OxyspyError
    from oxyspy.workflow.batch import analyse_many

    folder = FOLDER / "demo"
    if not (folder / "truth.yaml").is_file():
        raise OxyspyError(f"the demo scans are missing from {folder}; install oxyspy from a wheel or a full checkout")
    truth = read_yaml(folder / "truth.yaml")
    sheet = write_sheet(Path(args.output), folder, truth)
    table = analyse_many(sheet=sheet, out=args.output, progress=not args.quiet)
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
    print(f"\nunder a coating of {truth['coating_nm']} ± 0.4 nm within {truth['exposure_min']:g} min at high voltage")
    for line in groups(Path(args.output)):
        print(line)
    print(f"made with 0 + {RATE:g} n^0.5 nm")
    print(f"sheet:   {sheet}")
    print(f"table:   {args.output}/summary.csv, statistics.csv, trends.csv")
    print(f"figures: {args.output}/<scan>/profile.png, spectra.png; {args.output}/{IMAGED}/phases.png")
    print(f"report:  {Path(args.output).resolve() / 'report.html'}")
    return 0 if (table["status"] != "failed").all() else 1


def write_sheet(out: Path, folder: Path, truth: dict) -> Path:
    """Write the sample sheet of the demo, and the lattice image that it names."""
    from oxyspy.files import whole_file
    from oxyspy.signals import LatticeImage
    from oxyspy.simulate import simulate_image
    from oxyspy.workflow.output import write_csv

    simulated = simulate_image((500, 500), thickness_nm=truth["scans"][IMAGED]["layer_nm"], seed=12)
    image = LatticeImage(simulated.counts)
    image.axes_manager.signal_axes.set(scale=simulated.pixel_nm, units="nm")
    image.metadata.General.title = "HAADF, simulated"
    with whole_file(out / "haadf.hspy") as aside:
        image.save(aside, overwrite=True)
    rows = [
        {
            "scan": (folder / name).resolve(),
            "sample": f"after {cycles}",
            "coating": "simulated",
            "cycles": cycles,
            "coating_thickness": f"{truth['coating_nm']} +- 0.4 nm",
            "exposure": f"{truth['exposure_min']:g} min",
            "image": "haadf.hspy" if name == IMAGED else None,
        }
        for name, cycles in CYCLES.items()
    ]
    write_csv(out / "samples.csv", rows[0], rows)
    return out / "samples.csv"
