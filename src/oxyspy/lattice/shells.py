"""What a layer may be, relative to the bulk that it lies on, and what to call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oxyspy.lattice.ambiguity import ALTERNATIVES
from oxyspy.lattice.appearance import Calibration, phase_name
from oxyspy.lattice.maps import PhaseMap
from oxyspy.lattice.regions import NONE

if TYPE_CHECKING:
    from oxyspy.lattice.layer_fit import LayerFit

INCLINED, MIXED = "inclined", "mixed"
# a half order below this share of the bulk's is none
ABSENT = 0.05
# drop of chi^2 that one phase must bring over another
STRONG = 10.0
# share of the layer's windows that no candidate explains, from which on the layer is none of them
UNKNOWN = 0.3


@dataclass(frozen=True)
class Shell:
    """What the layer may be, relative to the bulk in the same thickness.

    ``rise`` of the fundamentals; ``own`` and ``other`` half orders; ``mixed``: how much of the bulk stays is fitted.
    """

    name: str
    rise: float
    own: float
    other: float
    mixed: bool = False

    @property
    def bare(self) -> bool:
        """Whether it shows no half order."""
        return self.own < ABSENT and self.other < ABSENT


def profile_weights(calibration: Calibration) -> NDArray:
    """Weights of the nine moduli that make fundamental, own and other half order over the bulk's, shape (3, 9).

    Own are the half orders that the bulk shows; where it shows none, all are other, in units of its fundamentals.
    """
    bulk = calibration.amplitudes(calibration.bulk) * calibration.level
    own = np.repeat(calibration.bulk.orders[:2], 2)
    weights = np.zeros((3, 9))
    weights[0, :3] = 1 / bulk[:3].sum()
    unit = bulk[3:7][own].sum() if own.any() else bulk[:3].sum()
    weights[1, 3:7], weights[2, 3:7] = own / unit, ~own / unit
    return weights


def shells_of(found: PhaseMap) -> tuple[Shell, ...]:
    """Return what the candidates would show in place of the bulk."""
    calibration, known = found.source.calibration, found.source.known
    weights, bulk = profile_weights(calibration) * calibration.level, calibration.bulk
    shells: dict[str, Shell] = {}
    for v in known:
        rise, own, other = (float(one) for one in weights @ calibration.amplitudes(v))
        name = INCLINED if v.inclined else phase_name(v, known)
        # another layered candidate, or other planes, is no reacted layer
        if v.crystal is not bulk.crystal and (v.family, bulk.family) != ("layered", "layered") or name == INCLINED:
            shells.setdefault(name, Shell(name, rise, own, other))
    bare = [one for one in shells.values() if one.bare]
    if bulk.orders[:2].any():
        if rocksalt := next((one for one in bare if one.name != INCLINED), None):
            shells[MIXED] = Shell(MIXED, rocksalt.rise, 0.0, 0.0, mixed=True)
    else:
        # bare on bare: nothing tells one from the other but a rise that has no measure
        for one in bare:
            del shells[one.name]
    # inclined layers alone are no reacted layer, but what rocksalt may be mistaken for
    return tuple(shells.values()) if any(name != INCLINED for name in shells) else ()


def best_of(fits: Mapping[str, LayerFit]) -> LayerFit:
    """Return the best fit; bulk left in the layer is believed only where it is much, and much better without doubt."""
    pure = min((one for one in fits.values() if not one.shell.mixed), key=lambda one: one.chi2)
    mixed = fits.get(MIXED)
    if mixed is None or mixed.stays < 0.2:
        return pure
    # the model's own misfit is the yardstick: a thin layer blurred at its boundary looks mixed too
    return mixed if pure.chi2 - mixed.chi2 > STRONG * max(1.0, mixed.chi2 / mixed.degrees) else pure


def name_of(best: LayerFit, fits: Mapping[str, LayerFit], found: PhaseMap) -> tuple[str, tuple[str, ...]]:
    """Name the layer's phase, with "or" where an FFT cannot tell; and what to know about it."""
    name, said = _name(best, fits, found)
    unknown = _unknown(found)
    if unknown > UNKNOWN:
        said = (
            f"in {100 * unknown:.0f} % of the windows that are not the bulk's phase the spots are none of the "
            f"candidates': the thickness is that of what is not bulk, taken for {name}",
            *said,
        )
        name = f"none of the candidates, nearest {name}"
    return name, said


def _name(best: LayerFit, fits: Mapping[str, LayerFit], found: PhaseMap) -> tuple[str, tuple[str, ...]]:
    bulk = found.source.calibration.bulk.family
    layered = any(v.family == "layered" for v in found.source.known)
    bare = next((one.shell.name for one in fits.values() if one.shell.bare and not one.shell.mixed), "rocksalt")
    bare = "rocksalt" if bare == INCLINED else bare
    if best.shell.mixed:
        return f"{bare} over {bulk} along the beam, or mixed cations", (ALTERNATIVES[3],)
    if not best.shell.bare:
        families = {phase_name(v, found.source.known): v.family for v in found.source.known}
        if layered and families[best.shell.name] == "spinel":
            return f"{best.shell.name} or layered twins", (ALTERNATIVES[2],)
        return best.shell.name, ()
    # rocksalt told from inclined layered by its rise alone, and only if that is clear
    rival = fits.get(INCLINED)
    if rival is not None and (best is rival or rival.chi2 - best.chi2 < STRONG):
        return f"{bare} or inclined layered", (ALTERNATIVES[1],)
    return best.shell.name, ()


def _unknown(found: PhaseMap) -> float:
    """Share of the windows that are crystal but not the bulk's phase in which no candidate explains the spots."""
    bulk = found.names.index(phase_name(found.source.calibration.bulk, found.source.known))
    others = found.inside & (found.phase != bulk)
    return float((found.phase[others] == NONE).mean()) if others.any() else 0.0
