"""O K pre-edge: the oxygen 2p - metal 3d states, which fill as the metal is reduced."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oxyspy.eels.background import PowerLaw
from oxyspy.eels.deconvolution import Kernel
from oxyspy.eels.edges import Edge
from oxyspy.eels.functionals import Functionals, measure
from oxyspy.eels.windows import window_weights
from oxyspy.errors import InputError

# order of the functionals
PRE_EDGE, MAIN = range(2)


def pre_edge_functionals(
    counts: NDArray,
    energy: NDArray,
    background: PowerLaw,
    edge: Edge,
    *,
    shift: ArrayLike = 0.0,
    kernel: Kernel | None = None,
    noise: ArrayLike = 1.0,
    readout: float = 0.0,
) -> Functionals:
    """Areas of the pre-edge and of the main edge, as functionals of the raw counts.

    Parameters
    ----------
    counts : array, shape (..., n)
    energy : array, shape (n,)
        In eV.
    background : PowerLaw
    edge : Edge
        With ``pre_edge`` and ``main`` windows.
    shift : float or array, shape (...)
        Added to each spectrum's energies, in eV: the drift that whole channels left over.
    kernel, noise, readout
        See `oxyspy.eels.functionals.measure`.
    """
    if edge.pre_edge is None or edge.main is None:
        raise InputError(f"edge {edge.name} has no pre-edge and main windows")
    shift = np.asarray(shift, float)
    weights = np.stack(
        [window_weights(energy, low - shift, high - shift) for low, high in (edge.pre_edge, edge.main)], axis=-2
    )
    return measure(counts, energy, background, weights, kernel=kernel, noise=noise, readout=readout)
