"""What each scan of a batch says of its layer, of its sample and of its coating."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oxyspy.results import Result

NM = 1e-7


@dataclass(frozen=True)
class Scan(Result):
    """What one scan says of its layer, and of its sample.

    Attributes
    ----------
    name : str
    sample, condition : str
        Empty where the sheet does not say.
    cycles : float
        ``nan`` where the sheet does not say.
    layer_nm, sigma_nm : float
        ``nan`` where no layer is supported.
    limit_nm : float
        Upper limit (95 %) where none is; ``nan`` where there is not even that.
    per_nm : float
        Required diffusivity of a layer of 1 nm under this scan's coating and exposure, in cm2/s; ``nan`` without them.
    common : float
        Relative standard error of ``per_nm``: of coating, exposure and constants.
    """

    name: str
    sample: str
    condition: str
    cycles: float
    layer_nm: float
    sigma_nm: float
    limit_nm: float
    per_nm: float = float("nan")
    common: float = 0.0

    @property
    def says(self) -> bool:
        """Whether there is a thickness or a limit."""
        return math.isfinite(self.layer_nm) or math.isfinite(self.limit_nm)


def read_scans(out: Path, labels: Mapping[str, Mapping[str, Any]]) -> list[Scan]:
    """Read what each scan's ``result.json`` says; ``labels`` holds sample, condition and cycles by scan."""
    found = []
    for name, label in labels.items():
        try:
            content = json.loads((out / name / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            content = {}
        layer = content.get("layer") or {}
        shown = bool(layer.get("supported"))
        per_nm, common = _per_nm(content.get("required_diffusivity") or {})
        found.append(
            Scan(
                name=name,
                sample=str(label.get("sample") or ""),
                condition=str(label.get("condition") or ""),
                cycles=_known(label.get("cycles")),
                layer_nm=_known(layer.get("thickness_nm")) if shown else math.nan,
                sigma_nm=_known(layer.get("sigma_nm")) if shown else math.nan,
                limit_nm=math.nan if shown else _known(layer.get("upper_limit_nm")),
                per_nm=per_nm,
                common=common,
            )
        )
    return found


def _known(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _per_nm(required: Mapping[str, Any]) -> tuple[float, float]:
    """Required diffusivity of a layer of 1 nm, and its relative error, with a scan's own inputs."""
    inputs = required.get("inputs")
    if not inputs:
        return math.nan, 0.0
    from oxyspy.transport import required_diffusivity

    given = {name: pair["value"] for name, pair in inputs.items() if name not in ("layer", "time")}
    errors = {f"{name}_sigma": pair["sigma"] or 0.0 for name, pair in inputs.items() if name != "layer"}
    coating = given.pop("coating")
    need = required_diffusivity(
        1 * NM, coating, inputs["time"]["value"], geometry=required["geometry"], n_samples=0, **given, **errors
    )
    return float(need.value), float(need.sigma_linear) if need.contributions else 0.0


def by(scans: Sequence[Scan], name: str) -> dict[str, list[Scan]]:
    """Scans by their sample or condition; those that have none are left out."""
    found: dict[str, list[Scan]] = {}
    for scan in scans:
        if getattr(scan, name):
            found.setdefault(getattr(scan, name), []).append(scan)
    return found


def numbers(scans: Sequence[Scan], factor: NDArray | float = 1.0) -> tuple[NDArray, NDArray, NDArray]:
    """Values, errors and limits; each times its factor."""
    value, sigma, limit = (
        np.array([getattr(scan, name) for scan in scans], float) * factor
        for name in ("layer_nm", "sigma_nm", "limit_nm")
    )
    shown = np.isfinite(value) & (sigma > 0)
    return value[shown], sigma[shown], limit[np.isfinite(limit) & ~shown]
