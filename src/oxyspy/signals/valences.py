"""Valences of a signal, over its positions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from oxyspy.errors import InputError, MethodError
from oxyspy.signals.lazily import computed, rows
from oxyspy.signals.origin import need_origin


def valence_maps(signal: Any, calibration: Any) -> dict[str, Any]:
    """Convert a signal's ratios and splittings; see `CoreLossEELSSpectrum.valence`."""
    from oxyspy.eels.along import white_lines_along
    from oxyspy.eels.edges import edge
    from oxyspy.eels.valence import load_calibration

    need_origin(signal, "valences")
    if signal._lazy:
        raise InputError("valences take signals in memory: compute() the recorded signal, and go on from there")
    known = load_calibration(calibration) if isinstance(calibration, (str, Path)) else calibration
    node = signal.metadata.oxyspy
    if node.edge != known.edge:
        raise InputError(f"the calibration is one of {known.edge}, and these spectra are {node.edge}")
    wanted = known.method.deconvolution
    if (node.deconvolution == "none") != (wanted == "none"):
        raise MethodError(
            "the calibration's ratios are those of single scattering: call deconvolve(low_loss) first"
            if wanted != "none"
            else "the calibration's ratios are those of spectra as recorded: take what remove_power_law returned"
        )
    method = replace(
        known.method, background=tuple(node.background_window), deconvolution=node.deconvolution,
        gaussian_fwhm=node.get_item("gaussian_fwhm"), background_method=node.get_item("background_method", "ml"),
    )  # fmt: skip
    method.check_axis(signal.energy)
    low = low_axis = None
    if signal._low_loss is not None:
        low, low_axis = rows(computed(signal._low_loss.data)), signal._low_loss.axes_manager.signal_axes[0].axis
    along = white_lines_along(rows(computed(signal._raw.data)), signal.energy, low, low_axis, edge(node.edge), method)
    lines = along.lines
    numbers = {
        "valence": known.valence(lines.ratio, lines.ratio_sigma, method),
        "splitting_valence": known.valence_by_splitting(lines.splitting_ev, lines.splitting_sigma_ev),
    }
    shape = signal.axes_manager.navigation_shape[::-1] or (1,)
    maps = {}
    for name, pair in numbers.items():
        for ending, values in zip(("", "_sigma"), pair, strict=True):
            one = signal._map_of(np.reshape(values, shape), f"{name}{ending}", method)
            one.metadata.set_item("oxyspy.calibration", f"{'indicative; ' if known.indicative else ''}{known.source}")
            maps[f"{name}{ending}"] = one
    return maps
