"""References in single backticks: to the page of what is meant, under whatever name; plain where it has no page.

A name that exists nowhere stays unresolved, which the build counts as an error.
"""

from __future__ import annotations

import builtins
import importlib.util
import re
from functools import cache
from typing import Any

from docutils import nodes
from docutils.utils import get_source_line

from reference import PACKAGES


def resolve(app, env, node, contnode) -> nodes.Node | None:
    """Sphinx's event for a reference that it could not resolve itself."""
    if node.get("refdomain") != "py":
        return None
    domain = env.get_domain("py")
    documented = _documented(tuple(domain.objects))
    target = node["reftarget"].partition("(")[0]
    # autodoc says whose docstring it is; that is where the name must mean something
    written = re.search(r"docstring of ([\w.]+)", get_source_line(node)[0] or "")
    value = _find(target, written[1] if written else node.get("py:module") or "")
    if value is None:
        last = {id(_import(name)) for name in documented.values() if name.endswith(f".{target}")}
        entry = documented[last.pop()] if len(last) == 1 else None
        if entry is None:
            return None
    else:
        entry = documented.get(id(value))
    if entry is None:
        return contnode
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", entry, node, contnode)


def _find(target: str, place: str) -> Any:
    """Return what a name means: in its object, the class, module and packages above it, or any package."""
    places = []
    while place:
        places.append(place)
        place = place.rpartition(".")[0]
    for place in (*places, "oxyspy", *(f"oxyspy.{name}" for name in PACKAGES), ""):
        found = _import(f"{place}.{target}".strip("."))
        if found is not None:
            return found
    return getattr(builtins, target, None)


@cache
def _import(name: str) -> Any:
    """Return the object of a dotted name, None where there is none."""
    parts = name.split(".")
    if importlib.util.find_spec(parts[0] or "oxyspy") is None:
        return None
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for attribute in parts[cut:]:
            # a field without a default is no attribute of its class
            fields = getattr(value, "__dataclass_fields__", {})
            value = getattr(value, attribute, fields.get(attribute))
            if value is None:
                return None
        return value
    return None


@cache
def _documented(names: tuple[str, ...]) -> dict[int, str]:
    """Every object that has a page, by identity."""
    return {id(value): name for name in names if (value := _import(name)) is not None}
