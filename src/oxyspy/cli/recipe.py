"""``oxyspy recipe``: show, start and check recipes."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "recipe",
        help="show, start or check a recipe",
        description="A recipe is a YAML file with every choice of an analysis, for `oxyspy analyse --recipe`.",
        epilog="examples:\n  oxyspy recipe show nmc\n  oxyspy recipe new mine.yaml\n  oxyspy recipe check mine.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser(
        "show",
        help="print a recipe with every default filled in; without a name, list them",
        epilog="examples:\n  oxyspy recipe show\n  oxyspy recipe show nmc",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("recipe", nargs="?", metavar="NAME|FILE", help="shipped recipe, YAML, or a result.json")
    show.set_defaults(run=run_show)
    new = verbs.add_parser(
        "new",
        help="copy a shipped recipe, with its comments, to start from",
        epilog="examples:\n  oxyspy recipe new mine.yaml\n  oxyspy recipe new mine.yaml --from nmc_metals",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new.add_argument("file", metavar="FILE", help="YAML file to write; never one that exists")
    new.add_argument("--from", dest="source", default="nmc", metavar="NAME", help="shipped recipe (default nmc)")
    new.set_defaults(run=run_new)
    check = verbs.add_parser(
        "check",
        help="say what is wrong in a recipe, by line",
        epilog="example:\n  oxyspy recipe check mine.yaml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("recipe", metavar="FILE", help="YAML or result.json")
    check.set_defaults(run=run_check)


def run_show(args: argparse.Namespace) -> None:
    import yaml

    from oxyspy.workflow.recipe import load_recipe, shipped_recipes

    if args.recipe is None:
        print("\n".join(shipped_recipes()))
        return
    content = load_recipe(args.recipe).model_dump(mode="json")
    print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None), end="")


def run_new(args: argparse.Namespace) -> None:
    from pathlib import Path

    from oxyspy.errors import InputError
    from oxyspy.files import write_text
    from oxyspy.workflow.recipe import RECIPES, shipped_recipes

    if args.source not in shipped_recipes():
        raise InputError(f"--from: found {args.source!r}, needed one of {', '.join(shipped_recipes())}")
    if Path(args.file).exists():
        raise InputError(f"{args.file} exists already; give another name or remove it")
    write_text(args.file, (RECIPES / f"{args.source}.yaml").read_text(encoding="utf-8"))
    print(f"{args.file}: change what differs, then `oxyspy recipe check {args.file}`")


def run_check(args: argparse.Namespace) -> None:
    from oxyspy.workflow.recipe import load_recipe

    recipe = load_recipe(args.recipe)
    print(f"{args.recipe}: valid; recipe {recipe.name!r}, edges {', '.join(recipe.edges)}")
