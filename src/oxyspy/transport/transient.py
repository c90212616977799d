"""Before permeation is steady: the time lag, and the oxygen that fills the coating.

Kernels on arrays, in the units of `permeation`, but for `time_lag`, which is checked. ``uptake`` is how much more
oxygen one cm3 of the coating holds at mu_c than at mu_e, ``capacity`` the oxygen that the cathode gives off for one cm3
of layer, :math:`f c_\\mathrm{max}`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oxyspy.transport.permeation import layer_of_volume
from oxyspy.transport.quantities import driving_force, number

# Fourier terms; at the shortest time they are used for, the last is below 1e-10 of the sum
_TERMS = np.arange(1, 51)


def time_lag(coating: Any, L: Any, mu_c: Any, mu_e: Any, uptake: Any) -> Any:
    r"""Return the time lag of permeation in s, :math:`l_c^2 u / 6 L (\mu_c - \mu_e)`.

    Parameters
    ----------
    coating
        Its thickness in cm.
    L
        Its Onsager coefficient in eV-1 cm-1 s-1.
    mu_c, mu_e
        Oxygen chemical potential of the cathode and outside, eV.
    uptake
        How much more oxygen one cm3 of coating holds at mu_c than at mu_e, cm-3.

    Returns
    -------
    float or array
        s.

    Raises
    ------
    InputError
        mu_c not above mu_e, or a quantity that is not of its kind.

    Notes
    -----
    Steady diffusion through the coating is not reached before about three such times. Beside the time of a layer the
    lag is :math:`l_c u / 6 f c_\mathrm{max} l_s` whatever L: little for an oxide that holds to its composition, even
    where the lag itself is long.

    Examples
    --------
    >>> round(float(time_lag("10 nm", 1.455e6, -4.95, -5.24, 1e21)))
    395
    """
    l, force = number("coating", coating), driving_force(number("mu_c", mu_c), number("mu_e", mu_e))
    return (l**2 * number("uptake", uptake) / (6 * number("L", L) * force))[()]


def _reduced_time(time, coating, L, mu_c, mu_e, uptake):
    # D~ t / l^2 with the chemical diffusivity D~ = L (mu_c - mu_e) / uptake
    return np.asarray(L * (mu_c - mu_e) / uptake * time / coating**2, dtype=float)


def oxygen_in(time, coating, L, mu_c, mu_e, uptake):
    r"""Return the oxygen that entered the coating from the cathode in cm-2, from a coating that began at mu_e.

    .. math:: \frac{Q}{l_c u} = \theta + \frac13 - \frac{2}{\pi^2} \sum_n \frac{e^{-n^2 \pi^2 \theta}}{n^2},
       \qquad \theta = \tilde D t / l_c^2

    At late times the steady flux, ahead by the third of ``uptake`` that fills the coating; at early times
    :math:`2 \sqrt{\theta / \pi}`. The cathode reacts by this amount, so a coating that fills makes the layer thicker,
    not thinner.

    References
    ----------
    J. Crank, The Mathematics of Diffusion, on diffusion through a plane sheet.
    """
    theta = _reduced_time(time, coating, L, mu_c, mu_e, uptake)
    n = _TERMS
    late = theta + 1 / 3 - 2 / np.pi**2 * np.sum(np.exp(-(n**2) * np.pi**2 * theta[..., None]) / n**2, axis=-1)
    # neither form errs by 1e-10 where they meet
    return (coating * uptake * np.where(theta < 0.05, 2 * np.sqrt(theta / np.pi), late))[()]


def oxygen_out(time, coating, L, mu_c, mu_e, uptake):
    r"""Return the oxygen that left through the outer face in cm-2; late it is behind by the `time_lag`.

    .. math:: \frac{Q}{l_c u} = \theta - \frac16 - \frac{2}{\pi^2} \sum_n \frac{(-1)^n e^{-n^2 \pi^2 \theta}}{n^2}
    """
    theta = _reduced_time(time, coating, L, mu_c, mu_e, uptake)
    n = _TERMS
    series = np.sum((-1.0) ** n * np.exp(-(n**2) * np.pi**2 * theta[..., None]) / n**2, axis=-1)
    late = theta - 1 / 6 - 2 / np.pi**2 * series
    # before that less than 1e-100 has come through
    return (coating * uptake * np.where(theta < 1e-3, 0.0, np.maximum(late, 0.0)))[()]


def transient_layer(time, coating, L, *, radius, mu_c, mu_e, capacity, uptake, geometry: str = "sphere"):
    """Return the layer in cm with the coating's filling counted: `steady_layer` with the oxygen of `oxygen_in`."""
    return layer_of_volume(oxygen_in(time, coating, L, mu_c, mu_e, uptake) / capacity, coating, radius, geometry)
