"""The pages of the API reference, from the public names of each package; and the parsers of all commands."""

from __future__ import annotations

import argparse
import importlib
import inspect
import types
from pathlib import Path

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
API = DOCS / "api"
PACKAGES = {
    "io": "Files",
    "signals": "HyperSpy signals",
    "components": "HyperSpy model components",
    "eels": "Spectra",
    "lattice": "Lattice images",
    "layer": "The reacted layer",
    "transport": "Transport through the coating",
    "dynamics": "Diffusion from trajectories",
    "simulate": "Simulations with known truth",
    "statistics": "Statistics over scans",
    "workflow": "From files to results",
    "plotting": "Figures",
    "units": "Units",
    "results": "Results",
    "errors": "Errors",
}


def public_objects(package: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the public names of a package, and those of its public modules that it does not offer itself.

    The package's own list (``__all__``) decides; each object stands once.
    """
    module = importlib.import_module(package)
    listed = getattr(module, "__all__", None) or _defined_in(module)
    own = {name: getattr(module, name) for name in listed}
    names = [name for name, value in own.items() if not isinstance(value, types.ModuleType)]
    seen = {id(own[name]) for name in names}
    below = {}
    for value in own.values():
        if isinstance(value, types.ModuleType) and value.__name__.startswith(package + "."):
            rest = [name for name in _defined_in(value) if id(getattr(value, name)) not in seen]
            if rest:
                below[value.__name__] = rest
    return names, below


def _defined_in(module: types.ModuleType) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    )


def write(path: Path, text: str) -> None:
    """Write a page where it differs, so that an unchanged one is not built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_reference() -> None:
    """Write a page a package, with a table of its public names that link to pages of their own."""
    pages = {"index": _title("API reference") + _index()}
    for name, title in PACKAGES.items():
        package = f"oxyspy.{name}"
        names, below = public_objects(package)
        summary = inspect.getdoc(importlib.import_module(package)) or ""
        text = _title(title) + f"``{package}``: {summary}\n\n" + _table(package, names)
        for module, rest in below.items():
            first = (inspect.getdoc(importlib.import_module(module)) or "").split("\n\n")[0]
            heading = module.removeprefix(package + ".")
            text += f"{heading}\n{'-' * len(heading)}\n\n{first}\n\n" + _table(module, rest)
        pages[name] = text
    for name, text in pages.items():
        write(API / f"{name}.rst", text)


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n\n"


def _index() -> str:
    toc = "\n".join(f"   {name}" for name in PACKAGES)
    return (
        "Every public name, from its docstring. ``import oxyspy`` brings `oxyspy.load_scan`, `oxyspy.analyse` and the\n"
        "packages below, each loaded when it is first used.\n\n"
        + _table("oxyspy", ["load_scan", "analyse", "LineScan"]).replace("   :toctree: generated\n", "")
        + f".. toctree::\n   :maxdepth: 1\n\n{toc}\n"
    )


def _table(module: str, names: list[str]) -> str:
    if not names:
        return ""
    lines = "\n".join(f"   {name}" for name in names)
    return f".. currentmodule:: {module}\n\n.. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n{lines}\n\n"


def parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """A parser and all parsers below it, in the order of the help."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                found += parsers(below)
    return found
