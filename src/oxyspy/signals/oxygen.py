"""The O K pre-edge of a signal, over its positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from oxyspy.errors import InputError
from oxyspy.signals.lazily import computed, matching, rows
from oxyspy.signals.origin import need_origin


def pre_edge_maps(signal: Any, edge: str | None, windows: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Measure the pre-edge of a net or deconvolved signal; see `CoreLossEELSSpectrum.pre_edge`."""
    from oxyspy.eels.pre_edge import NUMBERS, method_words, pre_edge_along
    from oxyspy.eels.windows import check_inside

    need_origin(signal, "the pre-edge")
    node = signal.metadata.oxyspy
    item = with_windows(edge or node.edge, windows)
    if signal._lazy:
        raise InputError("the pre-edge takes signals in memory: compute() the recorded signal, and go on from there")
    energy, window = signal.energy, tuple(node.background_window)
    for name in ("pre_edge", "main"):
        check_inside(energy, getattr(item, name), f"{item.name} {name} window", minimum=1)
    low = low_energy = None
    if node.deconvolution != "none":
        low = rows(computed(matching(signal._low_loss, signal)))
        low_energy = signal._low_loss.axes_manager.signal_axes[0].axis
    fwhm, how = node.get_item("gaussian_fwhm"), node.get_item("background_method", "ml")
    numbers = pre_edge_along(
        rows(computed(signal._raw.data)), energy, low, low_energy, item, window,
        reconvolution=node.deconvolution, fwhm=fwhm, method=how,
    )  # fmt: skip
    shape = signal.axes_manager.navigation_shape[::-1] or (1,)
    method = method_words(item, window, node.deconvolution, fwhm, how)
    maps = {}
    for name, values in zip(NUMBERS, numbers, strict=True):
        maps[name] = signal._get_navigation_signal(data=np.reshape(values, shape), dtype=float)
        maps[name].metadata.General.title = f"{item.name} {name}"
        maps[name].metadata.set_item("oxyspy.method", method)
    return maps


def with_windows(name: str, windows: dict[str, tuple[float, float]]) -> Any:
    """The edge with some windows put in their place.

    Raises
    ------
    InputError
        An edge that has no pre-edge, or windows that do not follow each other.
    """
    from dataclasses import replace

    from oxyspy.eels.edges import edge

    item = edge(name)
    if item.pre_edge is None:
        raise InputError(f"edge {name} has no pre-edge; O_K has" + ("; measure white_lines()" if item.post else ""))
    item = replace(item, **{key: tuple(window) for key, window in windows.items() if window is not None})
    if not item.pre_edge[0] < item.pre_edge[1] <= item.main[0] < item.main[1]:
        raise InputError(
            f"{name}: pre-edge {item.pre_edge[0]:g}-{item.pre_edge[1]:g} and main window {item.main[0]:g}-"
            f"{item.main[1]:g} eV should follow each other"
        )
    return item
