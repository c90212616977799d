"""The two-step continuum under white lines, for HyperSpy models."""

from __future__ import annotations

import numpy as np
from hyperspy.component import Component

from oxyspy.eels.windows import STEP_SHAPES, step_profile
from oxyspy.errors import InputError


class TwoStepContinuum(Component):
    r"""Continuum of an L3/L2 pair: two steps of heights 2:1.

    .. math:: f(E) = h \, [2 \, s(E - E_{L3}) + s(E - E_{L2})] / 3

    Parameters
    ----------
    height : float
        Height h after both steps, in counts.
    l3, l2 : float
        Positions of the steps, in eV.
    width : float
        Full width of a smooth step, in eV; of no effect on a sharp one.
    shape : {"sharp", "arctan", "erf"}
        Shape of the steps; see `oxyspy.eels.windows.step_profile`.

    Notes
    -----
    The steps of D. H. Pearson, C. C. Ahn and B. Fultz, Phys. Rev. B 47, 8471 (1993). Positions and width are fixed
    unless set free: a sharp step has no derivative by its position.

    Examples
    --------
    >>> import hyperspy.api as hs
    >>> s = hs.signals.Signal1D(np.ones(400), axes=[{"offset": 620.0, "scale": 0.2, "size": 400, "units": "eV"}])
    >>> model = s.create_model()
    >>> model.append(TwoStepContinuum(height=3.0, l3=640.0, l2=652.0))
    >>> model.assign_current_values_to_all()
    >>> model.as_signal(show_progressbar=False).isig[645.0:646.0].data.mean()
    np.float64(2.0)
    """

    def __init__(self, height=1.0, l3=640.0, l2=652.0, width=1.0, shape="sharp"):
        if shape not in STEP_SHAPES:
            raise InputError(f"step shape {shape!r} is not known; use one of {', '.join(STEP_SHAPES)}")
        super().__init__(("height", "l3", "l2", "width"), ["height"])
        self.name = "TwoStepContinuum"
        self.shape = shape
        # what HyperSpy needs to make the component again from a saved model
        self._whitelist["shape"] = ("init", shape)
        for parameter, value in zip((self.height, self.l3, self.l2, self.width), (height, l3, l2, width), strict=True):
            parameter.value = value
        for parameter in (self.l3, self.l2, self.width):
            parameter.free = False
        self.width.bmin = 1e-6
        self.height.grad = self.grad_height
        self.isbackground = False

    def function(self, x):
        """Return the continuum at the energies ``x`` (n,) of the current position."""
        return self.height.value * self._profile(x, self.l3.value, self.l2.value, self.width.value)

    def function_nd(self, axis, parameters_values=None):
        """Return the continuum at the energies ``axis`` of all positions, shape (..., n)."""
        if not self._is_navigation_multidimensional:
            return self.function(axis)
        if parameters_values is None:
            parameters_values = [p.map["values"] for p in (self.height, self.l3, self.l2, self.width)]
        height, l3, l2, width = (np.asarray(v) for v in parameters_values)
        if np.unique(width).size > 1:
            raise InputError("width must be the same at all positions")
        return height[..., None] * self._profile(axis, l3, l2, float(width.flat[0]))

    def grad_height(self, x):
        """Return the derivative by the height."""
        return self._profile(x, self.l3.value, self.l2.value, self.width.value)

    def _profile(self, x, l3, l2, width):
        # a model may be fitted on a part of the axis, with gaps
        channel = float(np.diff(x).min()) if np.size(x) > 1 else 1.0
        steps = [step_profile(x, at, self.shape, width, channel) for at in (l3, l2)]
        return (2 * steps[0] + steps[1]) / 3
