"""``oxyspy diffusion``: from trajectories to D, its Arrhenius law and a coating's entry."""

from __future__ import annotations

import argparse
import warnings

EPILOG = """\
examples:
  one run of AIMD at 2 fs:
    oxyspy diffusion XDATCAR --timestep 2fs --species O --temperature 2000K -o out
  three temperatures, extrapolated to 300 K and made a coating of your own table:
    oxyspy diffusion XDATCAR_2000 XDATCAR_2400 XDATCAR_2800 --timestep 2fs --species O,Li \\
        --temperature 2000K 2400K 2800K --coating Li3B11O18 --source "our AIMD, PBE, 128 atoms" -o out
  one run in two files, written every 50 steps, in the frame of what does not move:
    oxyspy diffusion XDATCAR.1 XDATCAR.2 --sequence --timestep 2fs --steps-per-frame 50 --species Li --drift P,S,Cl

  the same by a recipe, whose names are those of the options:
    oxyspy diffusion lbo.yaml -o out
  where lbo.yaml holds
    species: [O, Li]
    timestep: 2 fs
    runs:
      - {files: XDATCAR_2000, temperature: 2000 K}
      - {files: [XDATCAR_2400.1, XDATCAR_2400.2], temperature: 2400 K}     # in sequence
      - {files: XDATCAR_2800, temperature: 2800 K, timestep: 1 fs}
    charges: {Li: 1, B: 3, O: -2}
    coating: Li3B11O18
    source: our AIMD, PBE, 128 atoms

Each file is a run of its own unless --sequence says otherwise; runs at one temperature are combined. A folder that
`oxyspy melt-quench` wrote stands for all its runs. OUT receives diffusion.csv (a row a run and species), curves.csv,
order.csv, rdf.csv, coordination.csv, density.csv, diffusion.json, figures, and coating.yaml for
`oxyspy coatings --coatings`. Runs with long-range order do not enter the Arrhenius fit, unless --crystal says that the
material is one; those that moved too little are named, with the limit of their D.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "diffusion",
        help="diffusion coefficients with honest errors from trajectories",
        description="Diffusion coefficients of trajectories (VASP, extended XYZ, ASE, LAMMPS, CP2K; compressed too), "
        "with errors from the displacement's own covariance; over several temperatures, the Arrhenius law.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "trajectories", nargs="+", metavar="TRAJ", help="trajectory, folder of oxyspy melt-quench, or recipe.yaml"
    )
    parser.add_argument("--timestep", type=quantity("fs"), metavar="FS", help="of the simulation, as 2fs")
    parser.add_argument("--species", type=names, metavar="O[,LI]", help="what diffuses")
    parser.add_argument(
        "--temperature", type=quantity("K"), nargs="+", metavar="K", help="one for all runs, or one for each"
    )
    parser.add_argument("--steps-per-frame", type=int, metavar="N", help="steps between written frames; default 1")
    parser.add_argument("--every", type=int, metavar="N", help="read every Nth frame only")
    parser.add_argument("--skip", type=quantity("ps"), metavar="PS", help="equilibration to leave out")
    parser.add_argument("--sequence", action="store_true", help="all files are one run, in sequence")
    parser.add_argument("--window", type=quantity("ps"), nargs=2, metavar="PS", help="lags to fit; default: found")
    parser.add_argument("--drift", metavar="WHAT", help="centre of mass held: total (default), none, or P,S,Cl")
    parser.add_argument("--types", type=names, metavar="LI,O", help="elements of numbered types")
    parser.add_argument("--cell", type=quantity("angstrom"), nargs=3, metavar="A", help="edges, if the file has none")
    parser.add_argument("--variable-cell", choices=("refuse", "mean"), help="default: refuse")
    parser.add_argument("--charges", type=charges, metavar="LI=1,O=-2", help="also the Onsager matrix of each run")
    parser.add_argument(
        "--weights", choices=("own", "study"), help="of the Arrhenius fit: each run's own error (default), or the "
        "scatter of the runs of each temperature"
    )  # fmt: skip
    parser.add_argument("--crystal", action="store_true", default=None, help="the material is meant to be crystalline")
    parser.add_argument(
        "--glass-transition", type=quantity("K"), metavar="K", help="say what an extrapolation across it may cost"
    )
    parser.add_argument("--coating", metavar="NAME", help="write the result as this coating")
    parser.add_argument("--source", metavar="TEXT", help="where the trajectories come from, for --coating")
    parser.add_argument("-o", "--output", metavar="OUT", help="folder for tables and figures")
    parser.set_defaults(run=run, parser=parser)


def quantity(unit: str):
    """Return an argparse type: text with a unit to a number in ``unit``."""

    def read(text: str) -> float:
        from oxyspy.errors import InputError
        from oxyspy.units import parse

        try:
            return parse(text, unit)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def names(text: str) -> list[str]:
    """Read ``O,Li``."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError("no name found")
    return found


def charges(text: str) -> dict[str, float]:
    """Read ``Li=1,O=-2``."""
    try:
        return {name.strip(): float(value) for name, value in (pair.split("=") for pair in text.split(","))}
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"cannot read {text!r}; write e.g. Li=1,O=-2") from error


def run(args: argparse.Namespace) -> int | None:
    """Run the subcommand."""
    from oxyspy.dynamics.measure import measure_diffusion
    from oxyspy.dynamics.output import write_study

    recipe = _recipe(args)
    study, matrices = measure_diffusion(recipe, progress=True, pairs=args.output is not None)
    print(study)
    for matrix in matrices:
        _print_matrix(matrix, recipe.charges)
    # tables first: a coating that cannot be made must not cost them
    if args.output:
        write_study(args.output, study, onsager=matrices)
    with warnings.catch_warnings():
        # said below, and not as a warning of Python's
        warnings.simplefilter("ignore", UserWarning)
        glass = recipe.glass_transition
        if recipe.coating:
            write_coating(study.coating(recipe.coating, source=recipe.source, glass_transition=glass), args.output)
        elif glass is not None:
            _print_glass(study, glass)
    # what moved but did not diffuse is told above, and is no success
    return 0 if any(d.supported for one in study.runs for d in one.diffusivities.values()) else 1


def write_coating(coating, output: str | None) -> None:
    """Print a coating, and write it into the folder of results if there is one."""
    from pathlib import Path

    if output:
        coating.save(Path(output) / "coating.yaml")
    print(coating)


def _recipe(args: argparse.Namespace):
    """Return the recipe of the command line, or that of a file with the options of the command line over it."""
    from dataclasses import fields, replace

    from oxyspy.dynamics.measure import DiffusionRecipe, RunFiles, read_diffusion_recipe

    # what was said on the command line
    options = {
        f.name: getattr(args, f.name) for f in fields(DiffusionRecipe) if getattr(args, f.name, None) is not None
    }
    if args.drift not in (None, "total", "none"):
        options["drift"] = tuple(names(args.drift))
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    if args.trajectories[0].endswith((".yaml", ".yml")):
        if len(args.trajectories) > 1 or args.temperature or args.sequence:
            args.parser.error("a recipe names its runs itself: give nothing but options beside it")
        return replace(read_diffusion_recipe(args.trajectories[0]), **options)
    if not args.species:
        args.parser.error("the following arguments are required: --species")
    parts = [args.trajectories] if args.sequence else [[path] for path in args.trajectories]
    temperatures = args.temperature or [float("nan")]
    if len(temperatures) == 1:
        temperatures = temperatures * len(parts)
    if len(temperatures) != len(parts):
        args.parser.error(f"{len(parts)} runs, {len(temperatures)} temperatures; give one for all, or one for each")
    if args.charges and not args.temperature and not _folders(args.trajectories):
        args.parser.error("--charges needs --temperature")
    if args.coating and not (args.source or "").strip():
        args.parser.error("--coating needs --source, in words")
    runs = tuple(RunFiles(tuple(files), t) for files, t in zip(parts, temperatures, strict=True))
    return DiffusionRecipe(runs=runs, **options)


def _folders(paths: list[str]) -> bool:
    from pathlib import Path

    return all(Path(path).is_dir() for path in paths)


def _print_glass(study, glass_transition: float) -> None:
    for species, fit in study.fits.items():
        if fit is not None:
            print(f"{species} at 300 K: {fit.at(300.0, glass_transition=glass_transition).caution}")


def _print_matrix(matrix, charges_: dict[str, float]) -> None:
    from oxyspy.errors import MethodError

    print(matrix)
    try:
        for name, (value, sigma) in matrix.transference(charges_).items():
            print(f"  transference number of {name}: {value:.2f} ± {sigma:.2f}")
    except MethodError as error:
        print(f"  {error}")
    if "O" in matrix.species:
        try:
            factor, sigma = matrix.time_factor("O")
            print(f"  time to densify with correlations over that without: {factor:.2f} ± {sigma:.2f}")
        except MethodError as error:
            print(f"  {error}")
