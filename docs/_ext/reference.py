"""The pages of the API reference, from the public names of each package; and the parsers of all commands."""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
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
    "data": "Facts and demo files",
}


def public_names(package: str) -> list[str]:
    """Return the names that a package offers, in its ``__all__``; of one without, all that it defines. No modules."""
    module = importlib.import_module(package)
    names = getattr(module, "__all__", None) or _defined_in(module)
    return [name for name in names if not isinstance(getattr(module, name), types.ModuleType)]


def inner_names(package: str) -> list[str]:
    """Return full names of what a package's modules define without an underscore and the package does not offer."""
    module = importlib.import_module(package)
    offered = {id(getattr(module, name)) for name in public_names(package)}
    modules = [importlib.import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(_path(module))]
    return [
        f"{inner.__name__}.{name}"
        for inner in modules
        for name in _defined_in(inner)
        if id(getattr(inner, name)) not in offered
    ]


def _path(module: types.ModuleType) -> list[str]:
    return list(getattr(module, "__path__", []))


def _defined_in(module: types.ModuleType) -> list[str]:
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    )


def write(path: Path, text: str) -> None:
    """Write a page where it differs, so that an unchanged one is not built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_reference() -> None:
    """Write a page a package, with a table of its public names that link to pages of their own."""
    write(API / "index.rst", _title("API reference") + _index())
    for name, title in PACKAGES.items():
        package = f"oxyspy.{name}"
        summary = inspect.getdoc(importlib.import_module(package)) or ""
        text = _title(title) + f"``{package}``: {summary}\n\n" + _table(package, public_names(package))
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
