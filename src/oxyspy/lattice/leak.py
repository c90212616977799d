"""What leaks under a spot from others: by edges, where amplitudes step, and by scan lines that are out of place."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from oxyspy.lattice.demodulation import Demodulated, Spectrum
from oxyspy.lattice.observed import nyquist
from oxyspy.lattice.parent import ALLOWED, INDICES

# jitter is read with windows this many times as wide, in which spots do not reach to the places between them
WIDER = 2.0
# where on the streak of a spot to look, 1/nm from it, and in how many places of how many spots: on one alone there are
# few independent windows
STREAK = np.concatenate([side * np.arange(0.8, 6.0, 0.1) for side in (1, -1)])
PLACES, STREAKS = 6, 6
# no spot may be nearer to such a place, 1/nm: wide windows leave nothing of it there
CLEAR = 0.9
# spots beyond this, 1/nm, a probe leaves too little of to leak
LONGEST = 8.0


def edge_leak(windows: Demodulated, g: NDArray, where: NDArray) -> NDArray:
    r"""Return the power that edges put under each spot from all others and from the mean, shape (k, n).

    Parameters
    ----------
    windows : Demodulated
        Of all spots.
    g : array, shape (k, 2)
        The spots, 1/nm.
    where : bool array, shape (ny, nx)
        The n windows in question.

    Notes
    -----
    Where a spot's amplitude a steps, as at the surface, its coefficient at a distance d in g is that of a step in a
    Gaussian window, with the gradient of a for the height of the step times the window there:

    .. math:: |a_d| = \frac{|\nabla a|}{2 \pi d_\parallel} e^{-2 \pi^2 \sigma^2 d_\perp^2},

    parallel and perpendicular to the gradient. Of a surface that is not sharp it is an upper bound.
    """
    sigma = windows.sigma_nm
    fields = [windows.mean, *np.abs(windows.amplitude)]
    sources = [np.zeros((1, 2)), *(np.array([one, -one]) for one in g)]
    power = np.zeros((len(g), int(where.sum())), np.float32)
    for field, places in zip(fields, sources, strict=True):
        dy, dx = (part[where] for part in np.gradient(field, *windows.spacing))
        steep = dx**2 + dy**2 + np.float32(1e-30)
        for k, at in np.ndindex(len(g), len(places)):
            apart = (g[k] - places[at]).astype(np.float32)
            if (length2 := float(apart @ apart)) > 0.01:
                parallel2 = np.maximum((dx * apart[0] + dy * apart[1]) ** 2 / steep, 1e-3)
                power[k] += steep / (4 * pi**2 * parallel2) * np.exp(-((2 * pi * sigma) ** 2) * (length2 - parallel2))
    return power


@dataclass(frozen=True)
class Jitter:
    """Scan lines out of place, and what they put under the nine spots.

    Attributes
    ----------
    offset_nm : tuple of float
        Standard deviation of a line's offset in x and in y, as far as it is independent from line to line, nominal nm;
        good to a third.
    matrix : array, shape (9, 3)
        Power under each spot over the mean power of the three fundamentals, and of each half-order family.
    """

    offset_nm: tuple[float, float]
    matrix: NDArray

    def leak(self, read: Demodulated, where: NDArray) -> NDArray:
        """Return the power that scan lines out of place put under each spot, shape (9, n)."""
        return (self.matrix @ _families(read, where)).astype(np.float32)


def line_jitter(spectrum: Spectrum, read: Demodulated, basis: NDArray, region: NDArray, quiet: NDArray) -> Jitter:
    r"""Measure how far scan lines are out of place, from the streaks along y that they draw through every spot.

    Parameters
    ----------
    spectrum : Spectrum
    read : Demodulated
        Of the nine spots.
    basis : array, shape (2, 2)
        b1 and b2 as rows, 1/nm.
    region : bool array, shape (ny, nx)
        Windows of one crystal.
    quiet : array, shape (j, 2)
        Places without spots, for the noise.

    Notes
    -----
    Lines a distance p apart, displaced by :math:`\delta`, put under a place at a distance d_x from the spot g

    .. math:: \langle |a|^2 \rangle = |a_g|^2 (2 \pi)^2 (g_x^2 \langle \delta_x^2 \rangle
        + g_y^2 \langle \delta_y^2 \rangle) \frac{p}{2 \sqrt{\pi} \sigma} e^{-4 \pi^2 \sigma^2 d_x^2}

    in a Gaussian window of standard deviation sigma. The two variances are fitted, neither below zero, to the power
    between the spots, along the streak of each; all spots of the lattice count, not the nine alone.
    """
    whole = region & (spectrum.coverage(WIDER * read.sigma_nm) > 0.98)
    region = whole if whole.sum() >= 10 else region

    def power(place: NDArray, sigma: float) -> float:
        return float(np.mean(np.abs(spectrum.read(place, sigma)[region]) ** 2))

    limit = min(LONGEST, 0.95 * nyquist(spectrum.pixel))
    halved = (ALLOWED[:, 0] > 0) | ((ALLOWED[:, 0] == 0) & (ALLOWED[:, 1] > 0))
    orders = ALLOWED[halved & (np.hypot(*(ALLOWED @ basis).T) < limit)]
    g = orders @ basis
    noise = float((read.noise[region] ** 2).mean())
    strength = np.maximum([power(one, read.sigma_nm) - noise for one in g], 0)

    wide = WIDER * read.sigma_nm
    places = _between(g[np.argsort(strength * (g**2).sum(axis=1))[-STREAKS:]], basis)
    background = np.mean(sorted(power(one, wide) for one in quiet)[: max(2, len(quiet) // 2)])
    excess = np.array([power(one, wide) for one in places]) - background
    design = np.stack([_streaks(places, g, wide, spectrum.pixel[1], unit) @ strength for unit in np.eye(2)], axis=1)
    size = np.sqrt(design.sum(axis=1))
    known = size > 1e-6 * size.max()
    variance = nnls(design[known] / size[known, None], excess[known] / size[known])[0]

    nine = INDICES @ basis
    reach = _streaks(nine, g, read.sigma_nm, spectrum.pixel[1], variance)
    # a spot's own streak is part of it
    reach[np.all(INDICES[:, None] == orders, axis=-1) | np.all(INDICES[:, None] == -orders, axis=-1)] = 0
    family = np.select([orders[:, 0] % 1 != 0, orders[:, 1] % 1 != 0], [1, 2], 0)
    levels = _families(read, region).mean(axis=1)
    # a family that this crystal does not show has no known strength
    ratio = np.where(levels[family] > 0.01 * levels[0], strength / np.maximum(levels[family], 1e-30), 0)
    matrix = np.stack([(reach * ratio)[:, family == i].sum(axis=1) for i in range(3)], axis=1)
    return Jitter(tuple(float(one) for one in np.sqrt(variance)), matrix)


def _families(read: Demodulated, where: NDArray) -> NDArray:
    """Mean power of the fundamentals and of the two half-order families, shape (3, n)."""
    power = np.abs(read.amplitude[:, where]) ** 2
    means = np.stack([power[part].mean(axis=0) for part in (slice(0, 3), slice(3, 5), slice(5, 7))])
    return np.maximum(means - read.noise[where] ** 2, 0)


def _streaks(places: NDArray, g: NDArray, sigma: float, pitch: float, variance: NDArray) -> NDArray:
    """Power at each place from the streaks of g and -g, over that of g, shape (places, k)."""
    apart = np.stack([places[:, None, 0] - g[:, 0], places[:, None, 0] + g[:, 0]])
    near = np.exp(-((2 * pi * sigma * apart) ** 2)).sum(axis=0)
    return near * (g**2 @ variance) * (2 * pi) ** 2 * pitch / (2 * np.sqrt(pi) * sigma)


def _between(spots: NDArray, basis: NDArray) -> NDArray:
    """Places on the spots' streaks as far as can be from all spots and from zero frequency, some for each."""
    steps = np.arange(-16, 17) / 2
    lattice = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) @ basis
    found = []
    for spot in spots:
        places = spot + np.outer(STREAK, [0.0, 1.0])
        apart = np.linalg.norm(places[:, None] - lattice, axis=-1).min(axis=1)
        apart[(np.hypot(*places.T) < 1.5) | (np.hypot(*places.T) > LONGEST)] = 0
        for _ in range(PLACES):
            best = int(apart.argmax())
            if apart[best] > CLEAR:
                found.append(places[best])
                # those beside it say the same
                apart[np.abs(STREAK - STREAK[best]) < 0.6] = 0
    return np.array(found)
