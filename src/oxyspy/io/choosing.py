"""Which core loss and low loss of many signals belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np

from oxyspy.errors import InputError, ReadError
from oxyspy.io.axes import STEP_TOLERANCE
from oxyspy.io.roles import Found, Role

SAY_WHICH = "say which with core= and low_loss= (on the command line --core and --low-loss)"


def choose(found: Sequence[Found], unread: Sequence[ReadError] = ()) -> tuple[Found, Found | None, list[Found]]:
    """Choose the core loss and the low loss that belong together.

    Returns
    -------
    core, low : Found
        The only pair that shares shape and step; without one, the only core loss.
    ignored : list of Found
        Loss spectra left out.

    Raises
    ------
    ReadError
        What could not be read may be what is missing.
    InputError
        No core loss, or no way to choose.
    """
    cores, lows = ([item for item in found if item.role is role] for role in (Role.CORE, Role.LOW))
    pairs = [pair for pair in product(cores, lows) if belong_together(*pair)]
    if unread and not pairs:
        raise ReadError(f"{unread[0]}. It may be what is missing here; else {SAY_WHICH}") from unread[0]
    if not cores:
        seen = "; ".join(f"{item.label}: {item.role}, {item.reason}" for item in found) or "no signal"
        raise InputError(
            f"no core loss found. Found {seen}. A core loss has an axis in eV above zero: set its units where they are "
            "wrong"
        )
    if not pairs:
        # one low-loss spectrum may stand for all positions, of one core loss
        core = _only(cores)
        single = [low for low in lows if low.shape == (1, 1)]
        if lows and len(single) != 1:
            raise InputError(
                f"{core.label} has {size(core)}, but no low loss has the same: "
                f"{', '.join(f'{low.label} {size(low)}' for low in lows)}; {SAY_WHICH}"
            )
        pairs = [(core, single[0] if single else None)]
    # a scan beats single spectra of the same folder
    pairs = [pair for pair in pairs if pair[0].shape != (1, 1)] or pairs
    if len(pairs) > 1:
        raise InputError(
            f"more than one core loss with a low loss of its shape and step: "
            f"{'; '.join(f'{labels(pair)}, {size(pair[0])}' for pair in pairs)}; {SAY_WHICH}"
        )
    core, low = pairs[0]
    return core, low, [item for item in (*cores, *lows) if item is not core and item is not low]


def _only(cores: Sequence[Found]) -> Found:
    """The one core loss, or the one among single spectra that is a scan."""
    scans = [item for item in cores if item.shape != (1, 1)] or list(cores)
    if len(scans) > 1:
        raise InputError(f"more than one core loss: {labels(scans)}; {SAY_WHICH}")
    return scans[0]


def belong_together(core: Found, low: Found) -> bool:
    """Whether two signals share the navigation shape and, where both are calibrated, the step."""
    if core.shape != low.shape:
        return False
    steps = core.step_nm, low.step_nm
    return not np.isfinite(steps).all() or abs(steps[0] - steps[1]) <= STEP_TOLERANCE * steps[0]


def labels(items: Iterable[Found]) -> str:
    """Return the names of signals as one text."""
    return ", ".join(item.label for item in items)


def size(item: Found) -> str:
    """Return how many spectra a signal has and how far apart, in words."""
    step = f" every {item.step_nm:.4g} nm" if np.isfinite(item.step_nm) else ""
    return f"{item.shape[0]} x {item.shape[1]} spectra{step}"
