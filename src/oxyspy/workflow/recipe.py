"""Recipes: every choice of an analysis in one YAML file, checked before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from oxyspy.data import FOLDER, read_yaml
from oxyspy.eels.edges import edges
from oxyspy.eels.valence import load_calibration
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.errors import InputError, OxyspyError
from oxyspy.units import parse_measured

RECIPES = FOLDER / "recipes"
Window = tuple[float, float]


def _rising(window: Window | None) -> Window | None:
    if window is not None and not 0 < window[0] < window[1]:
        raise ValueError(f"a window rises from above 0 eV, found {window[0]:g} to {window[1]:g}")
    return window


def _quantity(unit: str) -> BeforeValidator:
    """Check that a quantity is written with a unit that converts to ``unit``; it stays as it was written."""

    def check(value: Any) -> Any:
        if value is not None:
            try:
                parse_measured(value, unit)
            except OxyspyError as error:
                raise ValueError(str(error).removeprefix("value: ")) from error
            value = str(value)
        return value

    return BeforeValidator(check)


Length = Annotated[str, _quantity("nm")]
Time = Annotated[str, _quantity("s")]
Energy = Annotated[str, _quantity("eV")]
Density = Annotated[str, _quantity("1/cm**3")]
Temperature = Annotated[str, _quantity("K")]
EnergyWindow = Annotated[Window, AfterValidator(_rising)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WhiteLineChoices(_Strict):
    """Choices for one edge; what is left out is the shipped table's.

    With ``background: auto`` the fit window ends where the table's does and is as long as one power law holds, clear of
    the edges below (`oxyspy.eels.background_quality.longest_window`).
    """

    background: EnergyWindow | Literal["auto"] | None = None
    post: EnergyWindow | None = None
    l3_half: float = Field(5.0, gt=0, le=15)
    l2_half: float = Field(4.0, gt=0, le=15)
    step: Literal["sharp", "arctan", "erf"] = "sharp"
    step_width: float = Field(1.0, gt=0, le=20)


class Transport(_Strict):
    """What the required diffusivity needs; without coating and exposure there is none."""

    coating: Length | None = None
    exposure: Time | None = None
    radius: Length = "5 um"
    mu_c: Energy = "-4.95 eV"
    mu_e: Energy = "-5.24 eV"
    c_max: Density = "4.2e22 / cm^3"
    concentration: Density | None = None
    temperature: Temperature = "300 K"
    geometry: Literal["sphere", "cylinder", "plane"] = "sphere"


class Recipe(_Strict):
    """Every choice of an analysis.

    Attributes
    ----------
    name : str
    edges : dict
        White-line edges to measure, each with its choices.
    oxygen : bool
        Measure O K and its pre-edge.
    deconvolution : {"zero_loss", "gaussian", "none"}
        Reconvolution function of the Fourier ratio; scans without a low loss go without.
    gaussian_fwhm : float or None
        In eV; ``None`` is the zero-loss peak's width.
    landmarks : dict
        Edge to (energy, sigma) in eV, where more is known of this material than the shipped table knows.
    drift : {"auto", "zero_loss", "none"}
        Whether core losses move with their zero-loss peaks: ``auto`` does it where it makes the edges sharper.
    witnesses : tuple
        What the layer is fitted to.
    valence : dict
        Edge to the calibration that converts its L3/L2: a shipped one's name or a YAML file.
    transport : Transport
    """

    name: str = "unnamed"
    edges: dict[str, WhiteLineChoices] = Field(min_length=1)
    oxygen: bool = True
    deconvolution: Literal["zero_loss", "gaussian", "none"] = "zero_loss"
    gaussian_fwhm: float | None = Field(None, gt=0, le=20)
    landmarks: dict[str, tuple[float, float]] = {}
    drift: Literal["auto", "zero_loss", "none"] = "auto"
    witnesses: tuple[Literal["mn_l3_share", "co_l3_share", "ni_l3_share", "o_pre_edge"], ...] = (
        "mn_l3_share",
        "o_pre_edge",
    )
    valence: dict[str, str] = {}
    transport: Transport = Transport()

    def method(self, name: str, deconvolution: str | None = None) -> WhiteLineMethod:
        """Return the white-line method of an edge under this recipe."""
        choices = self.edges[name]
        table = edges()[name]
        return WhiteLineMethod(
            edge=name,
            background=table.background if choices.background in (None, "auto") else choices.background,
            post=choices.post or table.post,
            l3_half=choices.l3_half,
            l2_half=choices.l2_half,
            step=choices.step,
            step_width=choices.step_width,
            deconvolution=self.deconvolution if deconvolution is None else deconvolution,
            gaussian_fwhm=self.gaussian_fwhm if self.deconvolution == "gaussian" else None,
        )

    def with_transport(self, **given: Any) -> Recipe:
        """Return the recipe with transport inputs put in their place; ``None`` leaves one as it is."""
        changes = {key: value for key, value in given.items() if value is not None}
        if not changes:
            return self
        return _validated(
            {**self.model_dump(), "transport": {**self.transport.model_dump(), **changes}}, "given values"
        )


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_recipe(source: str | Path | Recipe) -> Recipe:
    """Read and check a recipe.

    Parameters
    ----------
    source : str, path or Recipe
        The name of a shipped recipe, a YAML file, or a ``result.json`` whose recipe is to be used again.

    Raises
    ------
    InputError
        Unknown recipe or key, or a value out of bounds; names the file, the line and what is allowed.
    """
    if isinstance(source, Recipe):
        return source
    if isinstance(source, str) and source in shipped_recipes():
        source = RECIPES / f"{source}.yaml"
    path = Path(source)
    if not path.is_file():
        raise InputError(f"recipe {str(source)!r} is neither a file nor one of {', '.join(shipped_recipes())}")
    if path.suffix == ".json":
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not readable as JSON: {error}") from error
        if isinstance(content, dict):
            content = content.get("recipe", content)
    else:
        content = read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: a recipe is a mapping of names to values; see `oxyspy recipe show nmc`")
    return _validated(content, str(path), path if path.suffix != ".json" else None)


def _validated(content: dict, source: str, path: Path | None = None) -> Recipe:
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        lines = _lines(path) if path else {}
        told = "; ".join(_told(item, lines) for item in error.errors())
        raise InputError(f"{source}: {told}") from error
    known = edges()
    for name in recipe.edges:
        if name not in known or known[name].post is None:
            able = ", ".join(n for n, e in known.items() if e.post)
            raise InputError(f"{source}: edges: {name!r} has no white-line windows; those that do are {able}")
    for name in recipe.landmarks:
        if name not in known:
            raise InputError(f"{source}: landmarks: edge {name!r} is not known; known are {', '.join(known)}")
    for name, calibration in recipe.valence.items():
        if name not in recipe.edges:
            raise InputError(f"{source}: valence: {name!r} is not among the recipe's edges")
        load_calibration(calibration)
    return recipe


def _told(item: dict, lines: dict[tuple, int]) -> str:
    """One validation error in words, with its line."""
    place = tuple(str(part) for part in item["loc"])
    # pydantic puts its own names of unions and validators at the end of a place
    known = next((place[:k] for k in range(len(place), 0, -1) if place[:k] in lines), None)
    line = f"line {lines[known]}: " if known else ""
    if item["type"] == "extra_forbidden":
        return f"{line}{'.'.join(place)}: no such choice; remove it or mend its name"
    message = item["msg"].removeprefix("Value error, ")
    return f"{line}{'.'.join(place)}: {message}, found {item['input']!r}"


def _lines(path: Path) -> dict[tuple, int]:
    """Line of each key of a YAML file, by its place."""
    found: dict[tuple, int] = {}

    def walk(node: yaml.Node, place: tuple) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                found[(*place, key.value)] = key.start_mark.line + 1
                walk(value, (*place, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[(*place, str(number))] = value.start_mark.line + 1
                walk(value, (*place, str(number)))

    walk(yaml.compose(path.read_text(encoding="utf-8")), ())
    return found
