"""Loss spectra with the features that roles are told by, as HyperSpy signals with any axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CORE_AXIS = (440.0, 0.3)
LOW_AXIS = (-60.0, 0.3)


def core_counts(shape: tuple[int, ...] = (1, 12), channels: int = 2048, start: float = 440.0, step: float = 0.3):
    """A power law with three edges; each spectrum has its own height, so that order can be told."""
    energy = start + step * np.arange(channels)
    spectrum = 5e3 * (energy / 440.0) ** -3
    for edge in (532.0, 640.0, 779.0):
        spectrum += 600.0 * (energy >= edge) * (energy / edge) ** -2
    height = 1.0 + np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return (height[..., None] * spectrum).astype(np.float32)


def low_counts(shape: tuple[int, ...] = (1, 12), channels: int = 2048, start: float = -60.0, step: float = 0.3, at=0.0):
    """A zero-loss peak at ``at`` and a plasmon 22 eV above it."""
    energy = start + step * np.arange(channels) - at
    spectrum = 1e5 * np.exp(-0.5 * (energy / 0.8) ** 2) + 8e3 / (1 + ((energy - 22.0) / 5.0) ** 2) * (energy > 3)
    return np.broadcast_to(spectrum, (*shape, channels)).astype(np.float32)


def spectra(data, energy=CORE_AXIS, units="eV", step=0.5, length="nm", signal_type="EELS", **metadata):
    """A signal with the last axis as energy and all others as positions."""
    import hyperspy.api as hs

    signal = hs.signals.Signal1D(data)
    signal.set_signal_type(signal_type)
    axis = signal.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units, axis.name = *energy, units, "Energy loss"
    for name, axis in zip("xyz", signal.axes_manager.navigation_axes, strict=False):
        axis.name, axis.scale, axis.units = name, step, length
    for where, value in metadata.items():
        signal.metadata.set_item(where.replace("__", "."), value)
    return signal


def core(shape=(1, 12), **given):
    """A core loss of any navigation shape."""
    return spectra(core_counts(shape), **given)


def low(shape=(1, 12), at=0.0, **given):
    """A low loss of any navigation shape."""
    return spectra(low_counts(shape, at=at), **({"energy": LOW_AXIS} | given))


def image(shape=(40, 50), scale=0.1, units="nm"):
    """An image."""
    import hyperspy.api as hs

    signal = hs.signals.Signal2D(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
    for axis in signal.axes_manager.signal_axes:
        axis.scale, axis.units = scale, units
    return signal


def saved(signal, path: Path) -> Path:
    """Save a signal, and give back the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signal.save(path, overwrite=True)
    return path


def dm4(path: Path, data, *calibrations: tuple[float, float, str]) -> Path:
    """Write a real DigitalMicrograph-4 file: an offset, scale and unit for each axis of ``data``."""
    from nion.data import Calibration, DataAndMetadata
    from nionswift_plugin.DM_IO import dm3_image_utils

    described = DataAndMetadata.new_data_and_metadata(
        data,
        dimensional_calibrations=[Calibration.Calibration(*one) for one in calibrations],
        data_descriptor=DataAndMetadata.DataDescriptor(False, 1, 1),
    )
    with path.open("wb") as file:
        dm3_image_utils.save_image(described, file, 4)
    return path
