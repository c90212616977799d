"""Code within a sentence: checked against the package, and linked to the reference.

On a page whose blocks run, ``scan.core_loss``, ``layer.supported`` or ``core.clean(...)`` are looked up in what the
blocks left behind, a call's arguments in the signature; a command is read by the real parser. What does not exist is a
warning, which stops the build.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import shlex
import types
from functools import cache
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging

import blocks
from reference import PACKAGES, parsers, public_names

logger = logging.getLogger(__name__)
NOTHING = object()
# what looks like an attribute and is the end of a file's name
FILES = {"csv", "dm4", "html", "hspy", "json", "md", "png", "py", "pyi", "traj", "xyz", "yaml", "zspy"}


def check(app, doctree: nodes.document) -> None:
    """Sphinx's event after a page was read: check and link all code within its sentences."""
    env = app.env
    written = env.docname.startswith(("guide/", "theory/", "about/", "getting_started"))
    # the changelog may name what is gone
    if not app.config.run_blocks or not written or env.docname == "about/changelog":
        return
    namespace = env.temp_data.get("oxyspy_namespace", {})
    for literal in list(doctree.findall(nodes.literal)):
        if literal["classes"] and literal["classes"] != ["code"]:
            continue
        text = literal.astext()
        try:
            meant = command(text) if text.startswith(("oxyspy ", "make ")) else value_of(text, namespace)
        except (LookupError, TypeError, SystemExit) as error:
            logger.warning("`%s` is not so: %s", text, error, location=literal)
            continue
        if target := _name_of(meant):
            link = addnodes.pending_xref(
                "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True, refdoc=env.docname
            )
            literal.replace_self(link)
            link += literal


def command(text: str) -> None:
    """Read a command with the parser; only one of all its words, so that placeholders may stand for others."""
    words = shlex.split(text.replace("...", ""))
    if words[0] == "make":
        made = re.findall(r"^([\w-]+):", (blocks.ROOT / "Makefile").read_text(), re.MULTILINE)
        if words[1:2] and words[1] not in made:
            raise LookupError(f"there is no target {words[1]}")
        return
    from oxyspy.cli import build_parser

    known = {parser.prog: parser for parser in parsers(build_parser())}
    name = next((n for k in (3, 2) if (n := " ".join(words[:k])) in known), "")
    if not name:
        raise LookupError("there is no such command")
    options = {o for action in known[name]._actions for o in action.option_strings} | {"--help"}
    for word in words:
        if word.startswith("-") and word.partition("=")[0] not in options:
            raise LookupError(f"{name} has no option {word}")


def value_of(text: str, namespace: dict) -> Any:
    """Return what an expression names, for a call what is called; `NOTHING` where it is no name of the package's."""
    try:
        tree = ast.parse(text.replace("...", "*_"), mode="eval").body
    except (SyntaxError, ValueError):
        return NOTHING
    call = tree if isinstance(tree, ast.Call) else None
    named = call.func if call else tree
    path = _path(named)
    if path is None or path[-1] in FILES or (call is None and len(path) == 1 and path[0] not in _names()):
        return NOTHING
    value = _follow(path, namespace)
    if call is not None and value is not NOTHING:
        _bind(value, call)
    return value


def _path(node: ast.AST) -> list[str] | None:
    """Return the names of a.b.c; None for what is more than names."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        before = _path(node.value)
        return before and [*before, node.attr]
    return None


def _follow(path: list[str], namespace: dict) -> Any:
    first, *rest = path
    value = namespace.get(first, _public().get(first, getattr(builtins, first, NOTHING)))
    if value is NOTHING and rest:
        # a unit or a library's own name
        value = _module(first) or NOTHING
    for name in rest if value is not NOTHING else ():
        # a module that was not loaded yet is no attribute
        found = getattr(value, name, NOTHING)
        if found is NOTHING:
            found = inspect.ismodule(value) and _module(f"{value.__name__}.{name}") or NOTHING
        if found is NOTHING:
            raise LookupError(f"{_called(value)} has no {name}")
        value = found
    return value


def _module(name: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _called(value: Any) -> str:
    return getattr(value, "__name__", type(value).__name__)


@cache
def _public() -> dict[str, Any]:
    """Every name that stands for itself, and words for what attributes belong to."""
    import oxyspy
    from oxyspy.signals import CoreLossEELSSpectrum, LatticeImage

    words = {"scan": oxyspy.LineScan, "result": oxyspy.workflow.ScanResult}
    return words | {"core": CoreLossEELSSpectrum, "image": LatticeImage} | _names()


@cache
def _names() -> dict[str, Any]:
    """Every name that a package offers, the packages, and our methods."""
    import oxyspy
    from oxyspy.signals import CoreLossEELSSpectrum, LatticeImage

    known: dict[str, Any] = {}
    for signal in (CoreLossEELSSpectrum, LatticeImage):
        known |= {name: value for name, value in vars(signal).items() if not name.startswith("_")}
    for package in PACKAGES:
        module = known[package] = importlib.import_module(f"oxyspy.{package}")
        known |= {name: getattr(module, name) for name in public_names(module.__name__)}
    return known | {"oxyspy": oxyspy, "load_scan": oxyspy.load_scan}


def _bind(value: Any, call: ast.Call) -> None:
    """Raise TypeError where a call's keywords are none of what is called."""
    wanted = {word.arg for word in call.keywords if word.arg}
    known = inspect.signature(value).parameters
    if not any(one.kind is one.VAR_KEYWORD for one in known.values()) and (wrong := wanted - set(known)):
        raise TypeError(f"{_called(value)} takes no {', '.join(sorted(wrong))}")


def _name_of(value: Any) -> str:
    """Return the full name of a function, class or method of the package."""
    value = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
    module = getattr(value, "__module__", "") or ""
    name = getattr(value, "__qualname__", "")
    return f"{module}.{name}" if module.startswith("oxyspy") and name and "<" not in name else ""
