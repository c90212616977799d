"""What is wrong in a recipe, in words and by place: slips of writing, wrong values, choices that exclude each other.

A place is a path of keys, ``("edges", "Mn_L", "post")``; `lines_of` tells on which line each stands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from oxyspy.eels.edges import edges
from oxyspy.eels.valence import load_calibration
from oxyspy.errors import OxyspyError

if TYPE_CHECKING:
    from oxyspy.workflow.recipe import Recipe

Place = tuple[str, ...]
Wrong = list[tuple[Place, str]]
# what may stand where there are several kinds of value
NEEDED = {
    "background": "[from, to] in eV, or auto",
    "rows_per_fit": "auto, or a whole number of rows from 1",
}
# pydantic's words for kinds of value, as YAML's writers know them
KINDS = {
    "valid dictionary or instance of": "a mapping of names to values",
    "valid dictionary": "a mapping of names to values, as in {Mn_L: {}}",
    "valid tuple": "a list in brackets",
    "valid boolean": "true or false",
    "valid string": "text",
    "valid number": "a number",
    "valid integer": "a whole number",
    "finite number": "a finite number",
}


def lines_of(text: str, first: int = 1) -> tuple[dict[Place, int], Wrong]:
    """Return the line of each key of a YAML or JSON text, and keys that stand twice; ``first`` is its first line."""
    found: dict[Place, int] = {}
    doubled: Wrong = []

    def walk(node: yaml.Node, place: Place) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here, line = (*place, str(key.value)), key.start_mark.line + first
                if here in found and found[here] != line:
                    doubled.append((here, f"stands on line {found[here]} already"))
                found[here] = line
                walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[(*place, str(number))] = value.start_mark.line + first
                walk(value, (*place, str(number)))

    walk(yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), ())
    return found, doubled


def told(wrong: Iterable[tuple[Place, str]], lines: Mapping[Place, int]) -> str:
    """All that is wrong, each with its line."""
    return "; ".join(dict.fromkeys(_one(place, words, lines) for place, words in wrong))


def _one(place: Place, words: str, lines: Mapping[Place, int]) -> str:
    line = next((lines[place[:k]] for k in range(len(place), 0, -1) if place[:k] in lines), None)
    named = ".".join(place)
    return f"{f'line {line}: ' if line else ''}{f'{named}: ' if named else ''}{words}"


def unknown_names(content: Mapping[str, Any]) -> Wrong:
    """Edges that are not known, or have no windows for white lines."""
    known = edges()
    able = [name for name, item in known.items() if item.post]
    wrong = []
    for key, names, what in (("edges", able, "has no white-line windows"), ("landmarks", list(known), "is not known")):
        given = content.get(key)
        for name in given if isinstance(given, Mapping) else ():
            if name not in names:
                wrong.append(((key, str(name)), f"{what}{_meant(str(name), names)}; there are {', '.join(names)}"))
    return wrong


def _meant(name: str, names: Iterable[str]) -> str:
    """A question after the name that was meant, where one is near."""
    by_lower = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name.lower(), list(by_lower), 1, 0.7)
    return f", did you mean {by_lower[near[0]]!r}?" if near else ""


def in_words(error: ValidationError, content: Any, keys: Mapping[str, Iterable[str]]) -> Wrong:
    """Pydantic's errors, those of one value together; ``keys`` holds what may stand below each kind of place."""
    by_place: dict[Place, list[dict]] = {}
    for item in error.errors():
        by_place.setdefault(_place(item, content), []).append(item)
    return [(place, _of_place(place, items, keys)) for place, items in by_place.items()]


def _place(item: dict, content: Any) -> Place:
    """As far as the content goes: behind it pydantic puts its own names of unions and validators."""
    place: list[str] = []
    for part in item["loc"]:
        if isinstance(content, Mapping) and (part in content or str(part) in map(str, content)):
            content = content.get(part, content.get(str(part)))
        elif isinstance(content, (list, tuple)) and isinstance(part, int) and part < len(content):
            content = content[part]
        elif item["type"] == "missing" and part == item["loc"][-1]:
            pass
        else:
            break
        place.append(str(part))
    # a window's ends are told with the window
    return tuple(place[:-1] if len(place) > 1 and place[-2] in NEEDED else place)


def _of_place(place: Place, items: list[dict], keys: Mapping[str, Iterable[str]]) -> str:
    own = next((item for item in items if item["type"] == "value_error"), None)
    item = own or items[0]
    if item["type"] == "extra_forbidden":
        allowed = list(keys.get(kind_of(place[:-1]), ()))
        return f"no such choice{_meant(place[-1], allowed)}; there are {', '.join(allowed)}"
    if item["type"] == "missing":
        example = "; name at least one, as in `edges: {Mn_L: {}}`" if place[-1] == "edges" else ""
        return f"is missing{example}"
    if own is None and place and place[-1] in NEEDED:
        return f"should be {NEEDED[place[-1]]}, found {_value(items, place)!r}"
    message = item["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
    for words, ours in KINDS.items():
        message = re.sub(rf"\ba {words}( \w+$)?|\bfinite number$", ours, message) if words in message else message
    message = message.removesuffix(", unable to interpret input")
    found = "" if "found" in message else f", found {item['input']!r}"
    return f"{message}{found}"


def _value(items: list[dict], place: Place) -> Any:
    """What stands at a place: the input of the error that lies least deep."""
    return min(items, key=lambda item: len(item["loc"]))["input"]


def kind_of(place: Place) -> str:
    """The kind of a place: its last key, but one name for all edges."""
    if len(place) == 2 and place[0] == "edges":
        return "edge"
    return place[-1] if place else ""


def _candidates(candidates: Iterable[str]) -> Wrong:
    """Phases that are not known, or cannot be mapped."""
    from oxyspy.lattice import crystals, variants

    try:
        for one in crystals(list(candidates)):
            variants(one)
    except OxyspyError as error:
        return [(("phases", "candidates"), str(error))]
    return []


def doubts(recipe: Recipe) -> Wrong:
    """What each value allows and all together do not."""
    wrong: Wrong = []
    for name in recipe.edges:
        wrong += _windows(recipe, name)
    for name, calibration in recipe.valence.items():
        if name not in recipe.edges:
            wrong.append((("valence", name), f"not among the recipe's edges, {', '.join(recipe.edges)}"))
            continue
        try:
            loaded = load_calibration(calibration)
        except OxyspyError as error:
            wrong.append((("valence", name), str(error)))
            continue
        if loaded.edge != name:
            wrong.append((("valence", name), f"{calibration!r} is a calibration of {loaded.edge}"))
    if "witnesses" in recipe.model_fields_set:
        for i, witness in enumerate(recipe.witnesses):
            if not recipe.measures(witness):
                edge = "oxygen is false" if witness == "o_pre_edge" else "its edge is not among the edges"
                wrong.append((("witnesses", str(i)), f"{witness} is not measured: {edge}"))
    if recipe.gaussian_fwhm is not None and recipe.deconvolution not in ("gaussian", "wiener"):
        words = f"means nothing with deconvolution {recipe.deconvolution}; it is for gaussian and wiener"
        wrong.append((("gaussian_fwhm",), words))
    if not isinstance(recipe.phases, bool):
        wrong += _candidates(recipe.phases.candidates)
    if recipe.line_width is not None and recipe.line is None:
        wrong.append((("line_width",), "means nothing without a line"))
    oxygen = recipe.oxygen_edge()
    if not oxygen.background[1] <= oxygen.pre_edge[0] < oxygen.pre_edge[1] <= oxygen.main[0]:
        words = "{:g}-{:g} (background), {:g}-{:g} (pre-edge) and {:g}-{:g} eV (main) should follow each other".format(
            *oxygen.background, *oxygen.pre_edge, *oxygen.main
        )
        wrong.append((("oxygen_windows",), words))
    return wrong


def _windows(recipe: Recipe, name: str) -> Wrong:
    """Whether an edge's windows stand where there is background before it, and continuum after it."""
    method, item = recipe.method(name), edges()[name]
    (_, end), (begin, _) = method.background, method.post
    l3, l2 = item.energy, item.energy + item.splitting[0]
    place = ("edges", name)
    wrong: Wrong = []
    if end > l3:
        wrong.append(((*place, "background"), f"ends at {end:g} eV, above L3 at {l3:g} eV; needed a window below it"))
    elif begin < l2:
        wrong.append(((*place, "post"), f"begins at {begin:g} eV, before L2 at {l2:g} eV; needed a window after it"))
    elif method.positions and not end < method.positions[0] < method.positions[1] < begin:
        words = "{:g} and {:g} eV do not lie between background and post window, {:g} to {:g} eV"
        wrong.append(((*place, "positions"), words.format(*method.positions, end, begin)))
    return wrong
