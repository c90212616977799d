"""Windows and steps as weights on channels.

An energy axis is uniform; a channel at energy E covers [E - dE/2, E + dE/2]. A window's weight on a channel is the
fraction of the channel inside it, so sums over windows change smoothly when an axis moves by a fraction of a channel,
and no spectrum is ever resampled for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.errors import InputError

STEP_SHAPES = ("sharp", "arctan", "erf")


def dispersion(energy: NDArray) -> float:
    """Return the step of a uniform energy axis, in eV a channel.

    Raises
    ------
    InputError
        If the axis is not uniform and rising to a thousandth of a channel.
    """
    energy = np.asarray(energy, dtype=float)
    if energy.ndim != 1 or energy.size < 8:
        raise InputError(f"an energy axis needs one dimension and at least 8 channels, found shape {energy.shape}")
    step = (energy[-1] - energy[0]) / (energy.size - 1)
    if not step > 0 or np.abs(energy - energy[0] - step * np.arange(energy.size)).max() > 1e-3 * step:
        raise InputError(
            f"the energy axis must rise uniformly; found steps from {np.diff(energy).min():g} to "
            f"{np.diff(energy).max():g} eV: sort it and resample it to a uniform axis first"
        )
    return float(step)


def window_weights(energy: NDArray, low: ArrayLike, high: ArrayLike) -> NDArray:
    """Fraction of each channel inside the window from ``low`` to ``high``.

    Parameters
    ----------
    energy : array, shape (n,)
        Uniform energy axis in eV.
    low, high : float or array, shape (...)
        Window bounds in eV; arrays give one window each.

    Returns
    -------
    array, shape (..., n)

    Examples
    --------
    >>> window_weights(np.arange(10.0), 2.0, 4.25)
    array([0.  , 0.  , 0.5 , 1.  , 0.75, 0.  , 0.  , 0.  , 0.  , 0.  ])
    """
    step = dispersion(energy)
    low, high = np.asarray(low, float)[..., None], np.asarray(high, float)[..., None]
    inside = np.minimum(energy + step / 2, high) - np.maximum(energy - step / 2, low)
    return np.clip(inside / step, 0.0, 1.0)


def step_profile(
    energy: NDArray, position: ArrayLike, shape: str = "sharp", width: float = 1.0, channel: float | None = None
) -> NDArray:
    """Unit step at ``position``, averaged over each channel when sharp.

    Parameters
    ----------
    energy : array, shape (n,)
        Energy axis in eV.
    position : float or array, shape (...)
        Where the step stands at half height, in eV.
    shape : {"sharp", "arctan", "erf"}
        ``arctan``: 1/2 + arctan(2 (E - E0) / width) / pi, with ``width`` the Lorentzian's full width at half maximum;
        ``erf``: the integral of a Gaussian of that full width.
    width : float
        In eV; a sharp step has none.
    channel : float, optional
        Width of a channel in eV, where ``energy`` is not the whole of a uniform axis.

    Returns
    -------
    array, shape (..., n)
    """
    if shape not in STEP_SHAPES:
        raise InputError(f"step shape {shape!r} is not known; use one of {', '.join(STEP_SHAPES)}")
    away = energy - np.asarray(position, float)[..., None]
    if shape == "sharp":
        return np.clip(away / (dispersion(energy) if channel is None else channel) + 0.5, 0.0, 1.0)
    if not width > 0:
        raise InputError(f"a step of shape {shape!r} needs a width above 0 eV, found {width:g}")
    if shape == "arctan":
        return 0.5 + np.arctan(2 * away / width) / np.pi
    from scipy.special import ndtr

    return ndtr(away / (width / np.sqrt(8 * np.log(2))))


def check_inside(energy: NDArray, window: tuple[float, float], name: str, minimum: int = 4) -> slice:
    """Return the channels whose centres lie inside ``window``, or say why the axis cannot hold it."""
    step = dispersion(energy)
    low, high = window
    if not low < high:
        raise InputError(f"{name}: the window must rise, found {low:g} to {high:g} eV")
    if low < energy[0] - step or high > energy[-1] + step:
        raise InputError(
            f"{name}: the window {low:g}-{high:g} eV is not inside the axis, which runs from {energy[0]:.1f} to "
            f"{energy[-1]:.1f} eV"
        )
    first, last = np.searchsorted(energy, [low - 1e-6 * step, high + 1e-6 * step])
    if last - first < minimum:
        raise InputError(
            f"{name}: the window {low:g}-{high:g} eV holds {last - first} channels of {step:g} eV; needed at least "
            f"{minimum}"
        )
    return slice(int(first), int(last))
