"""What each window may be: phases and their mixtures as vectors of nine amplitudes, and how likely each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oxyspy.errors import MethodError
from oxyspy.lattice.parent import INDICES, Variant

# a half-order family is there if it has this share of the strongest fundamental: layered has 0.8 or more, spinel 0.4
PRESENT = 0.2
# of two half-order families in the bulk, the weaker is there if it has this share of the stronger
BALANCE = 0.5
# fractions of the second phase in windows that hold two
FRACTIONS = tuple(np.round(np.arange(0.1, 0.95, 0.1), 2))
# prior of all mixtures of one pair against that of a pure phase: windows on a boundary are the fewer
MIXTURE_PRIOR = 0.5
# residuals beyond this many standard errors count no further: one bad spot must not decide a window
LARGEST_RESIDUAL = 5.0


@dataclass(frozen=True)
class Calibration:
    """How the bulk of this image shows its phase.

    Attributes
    ----------
    bulk : Variant
    transfer : array, shape (9,)
        Amplitude in the image over that of the structure, in units of the bulk's fundamentals.
    scatter : array, shape (9,)
        Relative scatter of each spot's amplitude in the bulk beyond the noise.
    level : float
        Root mean square of the three fundamentals in the bulk, in the image's units.
    """

    bulk: Variant
    transfer: NDArray
    scatter: NDArray
    level: float

    def amplitudes(self, variant: Variant) -> NDArray:
        """Expected amplitudes of a phase as thick as the bulk, over the bulk's level, shape (9,)."""
        return self.transfer * variant.amplitude

    @property
    def families(self) -> NDArray:
        """Amplitude of each half-order family in the bulk, over its level, shape (3,); 0 for one that is not there."""
        sizes = np.sqrt((self.amplitudes(self.bulk)[3:].reshape(3, 2) ** 2).mean(axis=1))
        return np.where(self.bulk.orders, sizes, 0.0)

    @property
    def half_order(self) -> float:
        """What half orders are compared with: the bulk's own, or its fundamentals where it has none."""
        return float(self.families.max()) or 1.0


def calibrate(amplitude: NDArray, noise: NDArray, known: Sequence[Variant]) -> Calibration:
    """Tell the bulk's phase by the half orders it shows, and calibrate the probe's transfer on it.

    Parameters
    ----------
    amplitude : array, shape (9, n)
        Moduli in windows of the bulk.
    noise : array, shape (n,)
    known : sequence of Variant

    Raises
    ------
    MethodError
        The bulk shows a half order that none of the candidates has.
    """
    power = np.maximum(np.median(amplitude**2 - noise**2, axis=1), 0.0)
    seen = np.sqrt(power)
    halves = seen[3:].reshape(3, 2).max(axis=1)
    families = halves > PRESENT * seen[:3].max()
    # spinel shows both alike; much less of one than of the other is what a jittering scan leaks, or a twin
    families[:2] &= halves[:2] > BALANCE * halves[:2].max()
    # the mixed family tells nothing: spinel's 220 is weak and double diffraction makes it
    matching = [v for v in known if np.array_equal(v.orders[:2], families[:2])]
    # planes inclined to the beam look like rocksalt, whatever a fit says: taken only where no candidate is bare itself
    matching = [v for v in matching if not v.inclined] or matching
    if not matching:
        shown = ", ".join(n for n, there in zip(("b1/2", "b2/2", "mixed"), families, strict=True) if there) or "none"
        raise MethodError(
            f"the bulk of this image shows half orders ({shown}) that none of the candidates shows along rocksalt "
            "[110]: add the phase that does, or choose another region as bulk"
        )
    choices = [_transfer(seen, v) for v in matching]
    best = int(np.argmin([misfit for _, misfit in choices]))
    bulk, transfer = matching[best], choices[best][0]
    level = float(np.sqrt((power[:3]).mean()))
    thickness = np.sqrt(np.maximum((amplitude[:3] ** 2).mean(axis=0) - noise**2, 1e-30)) / level
    ratio = amplitude / thickness
    spread = 0.7413 * (np.quantile(ratio, 0.75, axis=1) - np.quantile(ratio, 0.25, axis=1))
    counted = np.median(noise / thickness) / np.sqrt(2)
    relative = np.sqrt(np.maximum(spread**2 - counted**2, 0)) / np.maximum(seen, 0.1 * level)
    return Calibration(bulk, transfer / level, np.clip(relative, 0.06, 0.25), level)


def _transfer(seen: NDArray, bulk: Variant) -> tuple[NDArray, float]:
    """Image over structure at each spot, and how far the spots are from a smooth transfer.

    Smooth is :math:`T = c e^{-k g^2}`. A spot that the bulk does not show has the transfer of its mirror image, which
    has the same length, or lies on the smooth line.
    """
    g2 = (np.hypot(*(INDICES @ bulk.basis).T)) ** 2
    strong = (bulk.amplitude > 0.1 * bulk.amplitude.max()) & (seen > 0.02 * seen.max())
    logs = np.log(np.where(strong, seen, 1) / np.where(strong, bulk.amplitude, 1))
    design = np.stack([np.ones(strong.sum()), -g2[strong]], axis=1)
    (c, k), *_ = np.linalg.lstsq(design, logs[strong], rcond=None)
    # a probe only damps, and no useful one loses more than nine tenths at 5 1/nm
    if not 0 <= k <= 0.1:
        k = float(np.clip(k, 0, 0.1))
        c = float(np.mean(logs[strong] + k * g2[strong]))
    smooth = c - k * g2
    misfit = float(np.sum((logs - smooth)[strong] ** 2))
    own = np.where(strong, logs - smooth, np.nan)
    mirror = own[[1, 0, 2, 5, 6, 3, 4, 7, 8]]
    return np.exp(smooth + np.nan_to_num(np.where(np.isfinite(own), own, mirror))), misfit


@dataclass(frozen=True)
class States:
    """All that a crystalline window may be.

    Attributes
    ----------
    expected : array, shape (s, 9)
        Amplitudes at the bulk's thickness, over the bulk's level.
    label : array of int, shape (s,)
        Index of the phase that is the larger part.
    fraction : array, shape (s,)
        Share of what is not the bulk.
    log_prior : array, shape (s,)
    bare : bool array, shape (s,)
        Whether the phase that is the larger part shows no half order.
    """

    expected: NDArray
    label: NDArray
    fraction: NDArray
    log_prior: NDArray
    bare: NDArray


def states(calibration: Calibration, known: Sequence[Variant], names: Sequence[str]) -> States:
    """List pure phases and mixtures of the bulk with each other one.

    Mixtures add as waves do: where both phases have a spot, with either sign, since a domain may begin on either of
    two sites. Layered planes inclined to the beam look like rocksalt and are told, if at all, from the thickness.
    """
    bulk = calibration.bulk
    rows: list[tuple[NDArray, Variant, float, float]] = []
    shown = [v for v in known if not v.inclined or v is bulk]
    has_spinel = any(v.orders[:2].all() for v in shown)
    for v in shown:
        pure = calibration.amplitudes(v)
        rows.append((pure, v, 0.0 if v is bulk else 1.0, 0.0))
        if v is bulk:
            continue
        twin = v.crystal is bulk.crystal
        for x in FRACTIONS:
            # layered domains on top of each other are what spinel looks like: left to spinel, and said
            if twin and has_spinel and 0.3 < x < 0.7:
                continue
            for sign in (1.0, -1.0):
                signs = np.r_[np.ones(3), np.full(6, sign)]
                mixed = np.abs((1 - x) * calibration.amplitudes(bulk) + signs * x * pure)
                rows.append((mixed, v if x >= 0.5 else bulk, x, np.log(MIXTURE_PRIOR / (2 * len(FRACTIONS)))))
    expected, owner, fraction, prior = zip(*rows, strict=True)
    return States(
        np.array(expected),
        np.array([names.index(phase_name(v, known)) for v in owner]),
        np.array(fraction),
        np.array(prior),
        np.array([not v.orders[:2].any() for v in owner]),
    )


def phase_name(variant: Variant, known: Sequence[Variant]) -> str:
    """Return the family's name, or the crystal's where several candidates are of one family."""
    same = {v.crystal.name for v in known if v.family == variant.family}
    return variant.family if len(same) == 1 and variant.family != "other" else variant.crystal.name


@dataclass(frozen=True)
class Likelihood:
    r"""Of all states in n windows; see `likelihood`.

    Attributes
    ----------
    log : array, shape (s, n)
    best : array of int, shape (n,)
        The likeliest state.
    thickness : array, shape (n,)
        Of the window in that state, over the bulk's.
    found, missing, unexplained : array, shape (n,)
        Parts of its :math:`\chi^2`: spots that are expected above three sigma of the noise, and there; expected there,
        and less than half seen; seen and not expected.
    """

    log: NDArray
    best: NDArray
    thickness: NDArray
    found: NDArray
    missing: NDArray
    unexplained: NDArray


def likelihood(
    amplitude: NDArray, noise: NDArray, leak: NDArray, options: States, calibration: Calibration
) -> Likelihood:
    r"""Compare the amplitudes of each window with each state's.

    Parameters
    ----------
    amplitude : array, shape (9, n)
        Moduli, in the image's units.
    noise : array, shape (n,)
    leak : array, shape (9, n)
        Power that leaks under each spot from others, in the image's units squared.
    options : States
    calibration : Calibration

    Notes
    -----
    The modulus of a coefficient with noise of power N^2 about a true modulus m has mean
    :math:`\sqrt{m^2 + \pi N^2 / 4}` and variance between 0.215 N^2 (m = 0) and 0.5 N^2, to a few percent those of
    Rice's distribution. What leaks under a spot counts as noise. The thickness of the window multiplies all nine spots
    alike and is fitted for each state.
    """
    a, n = amplitude / calibration.level, np.maximum(noise / calibration.level, 1e-6)
    debiased = np.sqrt(np.maximum(a**2 - n**2, 0.0))
    stray = n**2 + leak / calibration.level**2
    log = np.empty((len(options.label), a.shape[1]))
    # single precision is plenty, and halves the time
    states, scatter = options.expected.astype(np.float32), calibration.scatter.astype(np.float32)
    for s, expected in enumerate(states):
        _, residual, variance = _compare(a, debiased, stray, expected[:, None], scatter)
        log[s] = options.log_prior[s] - 0.5 * (residual + np.log(variance)).sum(axis=0)
    best = log.argmax(axis=0)
    expected = states[best].T
    t, residual, _ = _compare(a, debiased, stray, expected, scatter)
    visible = t * expected > 3 * n
    lacking = visible & (debiased < 0.5 * t * expected)
    parts = [np.where(w, residual, 0).sum(axis=0) for w in (visible & ~lacking, lacking, ~visible)]
    return Likelihood(log, best, t, *parts)


def _compare(
    a: NDArray, debiased: NDArray, stray: NDArray, expected: NDArray, scatter: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Thickness of each window in a state, and the residual squared and variance of each modulus, shape (9, n)."""
    model = scatter[:, None] * np.maximum(expected, 0.05 * expected.max(axis=0))
    rough = (expected[:3] * debiased[:3]).sum(axis=0) / (expected[:3] ** 2).sum(axis=0)
    for _ in range(2):
        weight = expected / (0.5 * stray + (model * rough) ** 2)
        t = (weight * debiased).sum(axis=0) / (weight * expected).sum(axis=0)
        rough = np.maximum(t, 0.02)
    m2 = (t * expected) ** 2
    variance = stray * (0.5 - 0.285 * stray / (stray + m2)) + (model * t) ** 2
    residual = np.minimum((a - np.sqrt(m2 + 0.785 * stray)) ** 2 / variance, LARGEST_RESIDUAL**2)
    return t, residual, variance
