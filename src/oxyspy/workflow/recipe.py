"""Recipes: every choice of an analysis in one YAML file, checked before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from oxyspy.data import FOLDER, read_text, read_yaml
from oxyspy.eels.edges import Edge, edge, edges
from oxyspy.eels.valence import CALIBRATIONS
from oxyspy.eels.white_lines import WhiteLineMethod
from oxyspy.errors import InputError, OxyspyError
from oxyspy.lattice.structures import DEFAULT_PHASES
from oxyspy.units import parse_measured
from oxyspy.workflow.recipe_checks import Place, doubts, in_words, lines_of, told, unknown_names

RECIPES = FOLDER / "recipes"
Window = tuple[float, float]


def _rising(window: Window | None) -> Window | None:
    if window is not None and not 0 < window[0] < window[1]:
        raise ValueError(f"a window rises from above 0 eV, found {window[0]:g} to {window[1]:g}")
    return window


def _landmark(mark: tuple[float, float]) -> tuple[float, float]:
    if not (mark[0] > 0 and mark[1] > 0):
        raise ValueError(f"an energy and its standard error are above 0 eV, found {mark[0]:g} and {mark[1]:g}")
    return mark


def _longer_than_none(line: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if line is not None and line[:2] == line[2:]:
        raise ValueError("a line has two different ends, x1, y1 and x2, y2")
    return line


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each stands there once")
    for first in names:
        same = [name for name in names if edge_of_witness(name) == edge_of_witness(first)]
        if len(same) > 1:
            raise ValueError(f"{' and '.join(same)} are of the same counts, and so no two witnesses: choose one")
    return names


def _quantity(unit: str, positive: bool = True) -> BeforeValidator:
    """Check that a quantity is written with a unit that converts to ``unit``; it stays as it was written."""

    def check(value: Any) -> Any:
        if value is not None:
            try:
                number, _ = parse_measured(value, unit)
            except OxyspyError as error:
                raise ValueError(str(error).removeprefix("value: ")) from error
            if positive and not number > 0:
                raise ValueError("should be above 0")
            value = str(value)
        return value

    return BeforeValidator(check)


Length = Annotated[str, _quantity("nm")]
Time = Annotated[str, _quantity("s")]
Energy = Annotated[str, _quantity("eV", positive=False)]
Density = Annotated[str, _quantity("1/cm**3")]
Temperature = Annotated[str, _quantity("K")]
EnergyWindow = Annotated[Window, AfterValidator(_rising)]
Landmark = Annotated[tuple[float, float], AfterValidator(_landmark)]
Line = Annotated[tuple[float, float, float, float], AfterValidator(_longer_than_none)]
Witness = Literal[
    "mn_l3_share", "mn_l3_shift", "mn_splitting",
    "co_l3_share", "co_l3_shift", "co_splitting",
    "ni_l3_share", "ni_l3_shift", "ni_splitting",
    "o_pre_edge",
]  # fmt: skip
# `Mn_L:` with nothing behind it is Mn_L with the table's choices
NoneIsEmpty = BeforeValidator(lambda value: {} if value is None else value)
ListIsCandidates = BeforeValidator(lambda value: {"candidates": value} if isinstance(value, (list, tuple)) else value)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LinePlaces(_Strict):
    """Energies of L3 and L2 in eV."""

    L3: float = Field(gt=0)
    L2: float

    @model_validator(mode="after")
    def _rises(self) -> LinePlaces:
        if not self.L3 < self.L2:
            raise ValueError(f"L3 lies below L2, found {self.L3:g} and {self.L2:g} eV")
        return self


class WhiteLineChoices(_Strict):
    """Choices for one edge; what is left out is the shipped table's.

    With ``background: auto`` the fit window ends where the table's does and is as long as one power law holds, clear of
    the edges below (`oxyspy.eels.background_quality.longest_window`). ``background_method`` is Poisson maximum
    likelihood, or, to compare, two areas or weighted least squares. With ``slope: true`` the continuum has the slope
    that it shows in the post window. With ``positions: {L3: 643.3, L2: 653.5}`` steps and areas stand at these energies
    (eV) of the calibrated axis instead of at each position's maxima.
    """

    background: EnergyWindow | Literal["auto"] | None = None
    background_method: Literal["ml", "two_area", "wls"] = "ml"
    post: EnergyWindow | None = None
    l3_half: float = Field(5.0, gt=0, le=15)
    l2_half: float = Field(4.0, gt=0, le=15)
    step: Literal["sharp", "arctan", "erf"] = "sharp"
    step_width: float = Field(1.0, gt=0, le=20)
    slope: bool = False
    positions: LinePlaces | None = None


class OxygenWindows(_Strict):
    """Windows of O K in eV; what is left out is the shipped table's."""

    background: EnergyWindow | None = None
    pre_edge: EnergyWindow | None = None
    main: EnergyWindow | None = None


class Bootstrap(_Strict):
    """Errors by measuring again on counts that are drawn again, beside the exact ones."""

    draws: int = Field(200, ge=20, le=10_000)
    seed: int = Field(0, ge=0)


class Phases(_Strict):
    """How the phases of lattice images are mapped; a list alone is that of the candidates.

    ``candidates`` as in `oxyspy.lattice.crystals`: names, ``.cif`` files, YAML files of phases beside the recipe;
    ``bulk: [x0, y0, x1, y1]`` in nm, in the image's own coordinates, is the region that calibrates.
    """

    candidates: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT_PHASES
    window: Length | None = None
    bulk: tuple[float, float, float, float] | None = None
    contrast: Literal["HAADF", "HRTEM", "bright field"] | None = None


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
    oxygen_windows : OxygenWindows
        In which windows.
    deconvolution : {"zero_loss", "gaussian", "wiener", "none"}
        Reconvolution function of the Fourier ratio; scans without a low loss go without.
    gaussian_fwhm : float or None
        Width of the Gaussian, or of the one whose resolution Wiener's filter has, in eV; ``None`` is the zero-loss
        peak's.
    landmarks : dict
        Edge to (energy, sigma) in eV, where more is known of this material than the shipped table knows.
    drift : {"auto", "zero_loss", "none"}
        Whether core losses move with their zero-loss peaks: ``auto`` does it where it makes the edges sharper.
    witnesses : tuple
        What the layer is fitted to, one of each edge: the share of L3 in both lines, its position (where the scan does
        not drift) or the distance of L2; the O K pre-edge. Those left out are fitted alone, to compare.
    limit_contrast : float
        Least change of the first witness between layer and bulk that an upper limit speaks of.
    valence : dict
        Edge to the calibration that converts its L3/L2: a shipped one's name, or a YAML file beside the recipe.
    bootstrap : Bootstrap or None
        ``bootstrap: {draws: 200, seed: 0}`` takes the errors from counts drawn again, low loss included; without, they
        are carried exactly, to first order, from the counts to the areas.
    align_rows : bool
        Whether the rows of a scan are brought to one surface.
    rows_per_fit : "auto" or int
        Rows of a spectrum image that are added up for each fit: ``auto`` adds until there are counts enough, and
        never those of a scan of up to eight rows.
    line : tuple of float, or None
        ``[x1, y1, x2, y2]`` in nm: cut this line out of a spectrum image, ``line_width`` nm wide.
    line_width : float or None
    phases : bool, or Phases
        Map the phases in a lattice image that lies with the scan, and test its layer against the spectra's; among which
        candidates, with which window.
    step : str or None
        Distance of the positions along the line, say ``0.4 nm``, for files without a length calibration.
    transport : Transport
    """

    name: str = "unnamed"
    edges: dict[str, Annotated[WhiteLineChoices, NoneIsEmpty]] = Field(min_length=1)
    oxygen: bool = True
    oxygen_windows: OxygenWindows = OxygenWindows()
    deconvolution: Literal["zero_loss", "gaussian", "wiener", "none"] = "zero_loss"
    gaussian_fwhm: float | None = Field(None, gt=0, le=20)
    landmarks: dict[str, Landmark] = {}
    drift: Literal["auto", "zero_loss", "none"] = "auto"
    witnesses: Annotated[tuple[Witness, ...], Field(min_length=1), AfterValidator(_once)] = (
        "mn_l3_share",
        "o_pre_edge",
    )
    limit_contrast: float = Field(0.08, gt=0, lt=1)
    valence: dict[str, str] = {}
    bootstrap: Bootstrap | None = None
    align_rows: bool = True
    rows_per_fit: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    line: Line | None = None
    line_width: float | None = Field(None, gt=0)
    phases: bool | Annotated[Phases, ListIsCandidates] = True
    step: Length | None = None
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
            gaussian_fwhm=self.gaussian_fwhm if self.deconvolution in ("gaussian", "wiener") else None,
            slope=choices.slope,
            positions=choices.positions and (choices.positions.L3, choices.positions.L2),
            background_method=choices.background_method,
        )

    def oxygen_edge(self) -> Edge:
        """Return O K with this recipe's windows."""
        chosen = {name: window for name, window in self.oxygen_windows if window is not None}
        return replace(edge("O_K"), **chosen)

    def measures(self, witness: str) -> bool:
        """Whether the edge of a witness is among those to measure."""
        name = edge_of_witness(witness)
        return self.oxygen if name == "O_K" else name in self.edges

    def resolved(self) -> Recipe:
        """Return the recipe with the shipped table's windows written out, so that a later table changes nothing."""
        known = edges()
        chosen = {
            name: choices.model_copy(
                update={
                    "background": choices.background or known[name].background,
                    "post": choices.post or known[name].post,
                }
            )
            for name, choices in self.edges.items()
        }
        oxygen = self.oxygen_edge()
        windows = OxygenWindows(background=oxygen.background, pre_edge=oxygen.pre_edge, main=oxygen.main)
        witnesses = tuple(filter(self.measures, self.witnesses)) or self.witnesses
        return self.model_copy(update={"edges": chosen, "oxygen_windows": windows, "witnesses": witnesses})

    def calibration_files(self) -> list[Path]:
        """Return the calibrations that are files of the user's."""
        return [Path(name) for name in self.valence.values() if not (CALIBRATIONS / f"{name}.yaml").is_file()]

    def with_line(self, line: Sequence[float] | Any, width: float | None = None) -> Recipe:
        """Return the recipe with a line to cut: four numbers in nm, or HyperSpy's ``Line2DROI``, with its width."""
        if hasattr(line, "linewidth"):
            width = (line.linewidth or None) if width is None else width
            line = line.x1, line.y1, line.x2, line.y2
        line = [float(value) for value in line]
        return validated({**self.model_dump(), "line": line, "line_width": width}, "given line")

    def with_transport(self, **given: Any) -> Recipe:
        """Return the recipe with transport inputs put in their place; ``None`` leaves one as it is."""
        changes = {key: value for key, value in given.items() if value is not None}
        if not changes:
            return self
        return validated({**self.model_dump(), "transport": {**self.transport.model_dump(), **changes}}, "given values")


def edge_of_witness(witness: str) -> str:
    """Return the edge that a witness is measured on."""
    return "O_K" if witness == "o_pre_edge" else f"{witness.split('_')[0].capitalize()}_L"


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package.

    Returns
    -------
    list of str
        For `load_recipe`.

    Examples
    --------
    >>> from oxyspy.workflow import shipped_recipes
    >>> shipped_recipes()
    ['nmc', 'nmc_metals']
    """
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def load_recipe(source: str | Path | Recipe) -> Recipe:
    """Read and check a recipe.

    Parameters
    ----------
    source : str, path or Recipe
        The name of a shipped recipe, a YAML file, or a ``result.json`` whose recipe is to be used again.

    Returns
    -------
    Recipe
        Checked; all that was left out has its default.

    Raises
    ------
    InputError
        Unknown recipe or key, a value out of bounds, or choices that do not go together; names the file, each line and
        what is allowed.

    Examples
    --------
    >>> from oxyspy.workflow import load_recipe
    >>> load_recipe("nmc").witnesses
    ('mn_l3_share', 'o_pre_edge')
    """
    if isinstance(source, Recipe):
        return _checked(source, "recipe", {})
    if isinstance(source, str) and source in shipped_recipes():
        source = RECIPES / f"{source}.yaml"
    path = Path(source)
    if not path.is_file():
        raise InputError(
            f"recipe {str(source)!r} is neither a file nor a shipped one; there are {', '.join(shipped_recipes())}"
        )
    content, text, first = _recipe_of_result(path) if path.suffix == ".json" else (read_yaml(path), read_text(path), 1)
    if not isinstance(content, dict):
        raise InputError(f"{path}: a recipe is a mapping of names to values; see `oxyspy recipe show nmc`")
    return validated(content, str(path), text, first, path.parent)


def _recipe_of_result(path: Path) -> tuple[Any, str, int]:
    """The recipe in a result, or a JSON file that is one; its text and the line on which that begins."""
    text = read_text(path)
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from error
    recipe = content.get("recipe") if isinstance(content, dict) else None
    if recipe is None:
        if isinstance(content, dict) and "schema" in content:
            raise InputError(f"{path}: this result holds no recipe")
        return content, text, 1
    for match in re.finditer(r'"recipe"\s*:\s*', text):
        found, end = json.JSONDecoder().raw_decode(text, match.end())
        if found == recipe:
            return recipe, text[match.end() : end], text.count("\n", 0, match.end()) + 1
    return recipe, "", 1


def validated(content: dict, source: str, text: str = "", first: int = 1, folder: Path = Path()) -> Recipe:
    """Return the recipe of a mapping; errors name ``source``, and the lines of ``text``, whose first is ``first``."""
    lines, doubled = lines_of(text, first) if text else ({}, [])
    wrong = [*doubled, *unknown_names(content)]
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        wrong += in_words(error, content, CHOICES)
    if wrong:
        raise InputError(f"{source}: {told(wrong, lines)}")
    return _checked(recipe, source, lines, folder)


def _checked(recipe: Recipe, source: str, lines: Mapping[Place, int], folder: Path = Path()) -> Recipe:
    """The recipe with its files' paths absolute, if all its choices can go together."""

    def found(file: str) -> str:
        # beside the recipe, else from here; workers may stand in another folder
        return next((str((base / file).absolute()) for base in (folder, Path()) if (base / file).is_file()), file)

    places = {
        name: found(file) for name, file in recipe.valence.items() if not (CALIBRATIONS / f"{file}.yaml").is_file()
    }
    if places != {name: recipe.valence[name] for name in places}:
        recipe = recipe.model_copy(update={"valence": {**recipe.valence, **places}})
    if isinstance(recipe.phases, Phases):
        candidates = tuple(found(one) for one in recipe.phases.candidates)
        if candidates != recipe.phases.candidates:
            recipe = recipe.model_copy(update={"phases": recipe.phases.model_copy(update={"candidates": candidates})})
    if wrong := unknown_names(dict(recipe)) or doubts(recipe):
        raise InputError(f"{source}: {told(wrong, lines)}")
    return recipe


# what may stand below each kind of place
CHOICES = {
    "": Recipe.model_fields, "edge": WhiteLineChoices.model_fields, "positions": LinePlaces.model_fields,
    "oxygen_windows": OxygenWindows.model_fields, "bootstrap": Bootstrap.model_fields, "phases": Phases.model_fields,
    "transport": Transport.model_fields,
}  # fmt: skip
