"""The phases of one lattice image: map, layer, or else the crystal it shows; and the files of all that."""

from __future__ import annotations

import traceback
import warnings as python_warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oxyspy.errors import MethodError, OxyspyError
from oxyspy.files import write_text
from oxyspy.lattice.structures import DEFAULT_PHASES
from oxyspy.results import to_plain

if TYPE_CHECKING:
    from oxyspy.lattice import Crystal, ImageLayer, PhaseIdentity, PhaseMap
    from oxyspy.signals import LatticeImage

# candidates that a result's file tells of
TOLD = 5


@dataclass(frozen=True)
class PhaseChoices:
    """How an image is mapped.

    Attributes
    ----------
    candidates : tuple
        Names, files or crystals, as `oxyspy.lattice.crystals` takes them.
    window_nm : float or None
    bulk : tuple of float, or None
        The region that calibrates, in the axes' own coordinates.
    contrast : str or None
        What the image is, where its metadata do not say.
    identify : bool
        Name the crystal and its zone axis, and map nothing.
    zone_axes : tuple
        To try when a crystal is named; all of low index by default.
    """

    candidates: tuple[Any, ...] = DEFAULT_PHASES
    window_nm: float | None = None
    bulk: tuple[float, ...] | None = None
    contrast: str | None = None
    identify: bool = False
    zone_axes: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class ImagePhases:
    """What an image shows.

    Attributes
    ----------
    status : {"ok", "partial"}
        Partial where no layer could be looked for, or where contrast or crystal forbid to believe it.
    found : PhaseMap or None
    layer : ImageLayer or None
    identity : PhaseIdentity or None
        Where there is no map.
    said : tuple of str
        All there is to say, the most important first.
    """

    status: str
    found: PhaseMap | None
    layer: ImageLayer | None
    identity: PhaseIdentity | None
    said: tuple[str, ...]

    @property
    def scale_error(self) -> tuple[float, float]:
        """Relative errors of the pixel size in x and in y; nan where no lattice tells."""
        lattice = self.found.lattice if self.found is not None else self.identity.lattice
        return (np.nan, np.nan) if lattice is None else (lattice.scale_error_x, lattice.scale_error_y)


def measure_image(image: LatticeImage, choices: PhaseChoices) -> ImagePhases:
    """Map the phases of an image and measure its layer; of one that is no cathode, name the crystal.

    Raises
    ------
    OxyspyError
        Nothing can be said of the image.
    """
    from oxyspy.lattice import crystals

    candidates = crystals(choices.candidates)
    with python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always", UserWarning)
        if choices.identify:
            told, found = "", None
        else:
            try:
                found = image.phase_map(candidates, choices.window_nm, bulk=choices.bulk, contrast=choices.contrast)
            except MethodError as error:
                told, found = str(error), None
        identity = _identity(image, candidates, choices) if found is None else None
    heard = tuple(str(one.message) for one in caught if issubclass(one.category, UserWarning))
    if found is None and identity.lattice is None and not choices.identify:
        raise MethodError(f"{told}; of all known crystals: {_of(identity)}")
    if found is None:
        said = (_of(identity), *((told,) if told else ()), *heard)
        return ImagePhases("ok" if choices.identify else "partial", None, None, identity, said)
    layer, trouble = _layer(found)
    said = [] if layer is None or layer.supported else [str(layer).splitlines()[0]]
    # a caveat of the map says the same as what was heard when the image was read
    heard = () if found.caveats else heard
    said += [*trouble, *(() if layer is None else layer.warnings), *found.warnings, *heard]
    # no surface in the image, or nothing to tell a layer by: a map, but nothing said of a layer
    measured = layer is not None and (layer.supported or np.isfinite(layer.upper_limit_nm))
    status = "ok" if measured and not found.caveats else "partial"
    return ImagePhases(status, found, layer, None, tuple(dict.fromkeys(said)))


def _layer(found: PhaseMap) -> tuple[ImageLayer | None, list[str]]:
    """The layer, or why there is none: whatever goes wrong with it must not cost the map."""
    try:
        return found.layer_thickness(), []
    except OxyspyError as error:
        return None, [f"no layer measured: {error}"]
    except Exception as error:
        traceback.print_exc()
        return None, [f"no layer measured: unexpected {type(error).__name__}: {error}; please report it"]


def _identity(image: LatticeImage, candidates: Sequence[Crystal], choices: PhaseChoices) -> PhaseIdentity:
    """The crystal that an image shows: of the candidates; if those were to be mapped, of all that are shipped too."""
    from oxyspy.data import load
    from oxyspy.lattice import crystals

    names = {one.name for one in candidates}
    shipped = () if choices.identify else tuple(name for name in load("phases")["phases"] if name not in names)
    return image.identify_phase((*candidates, *crystals(shipped)) if shipped else candidates, **_zones(choices))


def _zones(choices: PhaseChoices) -> dict[str, Any]:
    return {"zone_axes": choices.zone_axes} if choices.zone_axes else {}


def _of(identity: PhaseIdentity) -> str:
    """The crystal and its pixel errors in a line."""

    text = f"{identity.phase} {identity.zone}".rstrip() + f" (posterior {identity.posterior:.2f})"
    if identity.ambiguous:
        others = [f"{c.name} {c.zone} ({c.posterior:.2f})" for c in identity.candidates[:TOLD] if c.posterior >= 0.05]
        text += f", ambiguous: {', '.join(others)}" if len(others) > 1 else ", ambiguous"
    fit = identity.lattice
    if fit is not None:
        text += f", {fit.pixel_words()}"
    return text


def write_image(phases: ImagePhases, folder: Path, prefix: str = "") -> dict[str, str]:
    """Write tables and figures.

    Parameters
    ----------
    phases : ImagePhases
    folder : path
    prefix : str
        What files are called after: ``map.csv`` and ``spots.png`` without, ``phases.csv`` and ``phases_spots.png`` with
        the prefix ``phases``.

    Returns
    -------
    dict
        File of each thing: "map", "orders", "spots", "profile" (figures); "windows", "boundaries", "along" (tables).
    """
    from oxyspy.lattice.figures import plot_map, plot_orders, plot_profile
    from oxyspy.lattice.figures_spots import plot_identity, plot_spots
    from oxyspy.plotting import save_figure

    def name(kind: str, ending: str) -> str:
        return f"{prefix if kind == 'map' and prefix else '_'.join(filter(None, (prefix, kind)))}.{ending}"

    files: dict[str, str] = {}

    def table(key: str, kind: str, frame) -> None:
        files[key] = name(kind, "csv")
        write_text(folder / files[key], frame.to_csv(index=False, float_format="%.5g", lineterminator="\n"))

    def drawn(key: str, figure) -> None:
        files[key] = name(key, "png")
        save_figure(figure, folder / files[key])

    if phases.found is None:
        drawn("spots", plot_identity(phases.identity))
        return files
    found, layer = phases.found, phases.layer
    table("windows", "map", found.table())
    table("boundaries", "boundaries", found.boundaries())
    drawn("map", plot_map(found, layer))
    drawn("orders", plot_orders(found))
    drawn("spots", plot_spots(found))
    if layer is not None and len(layer.depth_nm):
        drawn("profile", plot_profile(layer))
        table("along", "layer", _along(layer))
    return files


def _along(layer: ImageLayer):
    import pandas as pd

    columns = ("along_nm", "along_thickness_nm", "along_sigma_nm")
    names = ("along_nm", "layer_nm", "layer_sigma_nm")
    return pd.DataFrame({name: getattr(layer, column) for name, column in zip(names, columns, strict=True)})


def told(phases: ImagePhases) -> dict[str, Any]:
    """Return what ``result.json`` tells of an image: sums of the map, layer and identity; arrays are in tables."""
    content: dict[str, Any] = {"map": None, "layer": None, "identity": None}
    if phases.found is not None:
        content["map"] = phases.found.to_dict()
    if phases.layer is not None:
        content["layer"] = to_plain({k: v for k, v in vars(phases.layer).items() if not isinstance(v, np.ndarray)})
    if phases.identity is not None:
        content["identity"] = _identity_dict(phases.identity)
    return content


def _identity_dict(identity: PhaseIdentity) -> Mapping[str, Any]:
    plain = {k: v for k, v in vars(identity).items() if k not in ("candidates", "spots")}
    plain["candidates"] = [{k: v for k, v in vars(one).items() if k != "pattern"} for one in identity.candidates[:TOLD]]
    return to_plain(plain)
