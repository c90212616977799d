"""A scan's edges measured again on counts that are drawn again: a recipe's other errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from oxyspy.eels.bootstrap import Draws, draw, redrawn, with_drawn_errors
from oxyspy.eels.functionals import Functionals
from oxyspy.eels.maxima import LinePositions
from oxyspy.eels.white_lines import white_lines
from oxyspy.eels.windows import dispersion
from oxyspy.eels.zero_loss import find_zero_loss
from oxyspy.workflow.chain import EdgeMeasurement, Prepared
from oxyspy.workflow.recipe import Bootstrap


def with_bootstrap(
    measured: EdgeMeasurement, measure: Callable[[Prepared], EdgeMeasurement], scan: Prepared, given: Bootstrap
) -> EdgeMeasurement:
    """Return an edge's measurement with the errors that its own counts, drawn again, give it.

    Parameters
    ----------
    measured : EdgeMeasurement
    measure : callable
        Measures the edge on a prepared scan.
    scan : Prepared
        Whose counts are drawn again, low loss included, and measured from the background on.
    given : Bootstrap
        Draws and seed.
    """
    nowhere = LinePositions(*np.full((6, scan.counts.shape[1]), np.nan))
    comparable = []

    def again(rng: np.random.Generator):
        drawn = replace(scan, counts=redrawn(scan.counts, rng, measured.noise))
        if scan.zero_loss is not None:
            low = redrawn(scan.low, rng)
            drawn = replace(drawn, low=low, zero_loss=find_zero_loss(low, scan.low_energy))
        found = measure(drawn)
        if found.comparable is not None:
            comparable.append(found.comparable.functionals.values)
        return found.functionals.values, found.positions or nowhere

    found = draw(again, given.draws, given.seed)
    if measured.positions is None:
        return replace(measured, functionals=Functionals(measured.functionals.values, found.covariance()))
    functionals, positions = with_drawn_errors(measured.functionals, measured.positions, found)
    lines = white_lines(functionals.sum(axis=0), positions, measured.method, dispersion(measured.energy))
    other = measured.comparable
    if other is not None:
        covariance = Draws(np.stack(comparable), found.l3, found.l2).covariance()
        other = replace(other, functionals=Functionals(other.functionals.values, covariance))
    return replace(measured, functionals=functionals, positions=positions, lines=lines, comparable=other)
