"""``oxyspy diffusion``: from trajectories to D, its Arrhenius law and a coating's entry."""

from __future__ import annotations

import argparse

EPILOG = """\
examples:
  one run of AIMD at 2 fs:
    oxyspy diffusion XDATCAR --timestep 2fs --species O --temperature 2000K -o out
  three temperatures, extrapolated to 300 K and made a coating of your own table:
    oxyspy diffusion XDATCAR_2000 XDATCAR_2400 XDATCAR_2800 --timestep 2fs --species O,Li \\
        --temperature 2000K 2400K 2800K --coating Li3B11O18 --source "our AIMD, PBE, 128 atoms" -o out
  one run in two files, written every 50 steps, in the frame of what does not move:
    oxyspy diffusion XDATCAR.1 XDATCAR.2 --sequence --timestep 2fs --steps-per-frame 50 --species Li --drift P,S,Cl

Each file is a run of its own unless --sequence says otherwise; runs at one temperature are combined. A folder that
`oxyspy melt-quench` wrote stands for all its runs. OUT receives diffusion.csv (a row a run and species), curves.csv,
diffusion.json, figures, and coating.yaml for `oxyspy coatings --coatings`.
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
    parser.add_argument("trajectories", nargs="+", metavar="TRAJ", help="trajectory, or a folder of oxyspy melt-quench")
    parser.add_argument("--timestep", type=quantity("fs"), metavar="FS", help="of the simulation, as 2fs")
    parser.add_argument("--species", type=names, required=True, metavar="O[,LI]", help="what diffuses")
    parser.add_argument(
        "--temperature", type=quantity("K"), nargs="+", metavar="K", help="one for all runs, or one for each"
    )
    parser.add_argument("--steps-per-frame", type=int, metavar="N", help="steps between written frames; default 1")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="read every Nth frame only")
    parser.add_argument("--skip", type=quantity("ps"), default=0.0, metavar="PS", help="equilibration to leave out")
    parser.add_argument("--sequence", action="store_true", help="all files are one run, in sequence")
    parser.add_argument("--window", type=quantity("ps"), nargs=2, metavar="PS", help="lags to fit; default: found")
    parser.add_argument(
        "--drift", default="total", metavar="WHAT", help="centre of mass held: total (default), none, or P,S,Cl"
    )
    parser.add_argument("--types", type=names, metavar="LI,O", help="elements of numbered types")
    parser.add_argument("--cell", type=quantity("angstrom"), nargs=3, metavar="A", help="edges, if the file has none")
    parser.add_argument("--variable-cell", choices=("refuse", "mean"), default="refuse", help="default: refuse")
    parser.add_argument("--charges", type=charges, metavar="LI=1,O=-2", help="also the Onsager matrix of each run")
    parser.add_argument("--coating", metavar="NAME", help="write the result as this coating")
    parser.add_argument("--source", default="", metavar="TEXT", help="where the trajectories come from, for --coating")
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
    from tqdm import tqdm

    from oxyspy.dynamics import onsager_matrix
    from oxyspy.dynamics.output import write_study
    from oxyspy.dynamics.study import analyse_run, combine_runs

    jobs = _jobs(args)
    if args.charges and any(job["temperature"] is None for job in jobs):
        args.parser.error("--charges needs --temperature")
    if args.coating and not args.source.strip():
        args.parser.error("--coating needs --source, in words")
    window = tuple(args.window) if args.window else None
    runs, matrices = [], []
    for job in tqdm(jobs, unit="run", disable=None, leave=False):
        trajectory = _read(args, job)
        temperature = job["temperature"] if job["temperature"] is not None else float("nan")
        runs.append(
            analyse_run(trajectory, args.species, temperature=temperature, window=window, name=job.get("name", ""))
        )
        if args.charges:
            matrices.append(onsager_matrix(trajectory, temperature, species=list(args.charges), window=window))
    study = combine_runs(runs)
    print(study)
    for matrix in matrices:
        _print_matrix(matrix, args.charges)
    entry = _entry(args, study, jobs) if args.coating else None
    if args.output:
        write_study(args.output, study, onsager=matrices, coating=entry)
    # what moved but did not diffuse is told above, and is no success
    return 0 if any(d.supported for one in runs for d in one.diffusivities.values()) else 1


def _jobs(args: argparse.Namespace) -> list[dict]:
    """Return what to read: files, and the temperature, time step and name of each run."""
    from pathlib import Path

    from oxyspy.data import read_yaml

    folders = [path for path in args.trajectories if Path(path).is_dir()]
    if folders:
        if len(folders) < len(args.trajectories):
            args.parser.error("give folders of oxyspy melt-quench or trajectories, not both")
        jobs = []
        for folder in folders:
            for entry in read_yaml(Path(folder) / "runs.yaml")["runs"]:
                jobs.append(entry | {"files": [Path(folder) / entry["file"]]})
        return jobs
    parts = [args.trajectories] if args.sequence else [[path] for path in args.trajectories]
    temperatures = args.temperature or [None]
    if len(temperatures) == 1:
        temperatures = temperatures * len(parts)
    if len(temperatures) != len(parts):
        args.parser.error(f"{len(parts)} runs, {len(temperatures)} temperatures; give one for all, or one for each")
    return [{"files": files, "temperature": t} for files, t in zip(parts, temperatures, strict=True)]


def _read(args: argparse.Namespace, job: dict):
    from oxyspy.dynamics import read_trajectory

    trajectory = read_trajectory(
        job["files"],
        timestep=job.get("timestep_fs", args.timestep),
        steps_per_frame=job.get("steps_per_frame", args.steps_per_frame),
        every=args.every,
        species=args.types,
        cell=args.cell,
        variable_cell=args.variable_cell,
    )
    if args.skip:
        trajectory = trajectory.skip(args.skip)
    if args.drift != "none":
        trajectory = trajectory.without_drift("total" if args.drift == "total" else names(args.drift))
    return trajectory


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


def _entry(args: argparse.Namespace, study, jobs: list[dict]) -> dict:
    from pathlib import Path

    from oxyspy import __version__
    from oxyspy.dynamics.study import coating_entry
    from oxyspy.files import sha256

    hashes = ", ".join(f"{Path(p).name} {sha256(p)[:12]}" for job in jobs for p in job["files"])
    return coating_entry(study, args.coating, source=f"{args.source}; oxyspy {__version__} of {hashes} (SHA-256)")
