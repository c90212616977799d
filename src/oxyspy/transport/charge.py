"""The time that counts: cycles at high voltage, and the cathode's oxygen potential along a charge curve."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxyspy.errors import InputError, ReadError
from oxyspy.results import Result
from oxyspy.transport.quantities import number


def time_at_voltage(cycles: Any, period: Any, fraction: Any) -> Any:
    """Return the time in s that several cycles spend at high voltage.

    Parameters
    ----------
    cycles
        Number of cycles, which need not be whole.
    period
        Of one cycle in s.
    fraction
        Of each cycle at high voltage, 0 to 1. The layer does not heal in the rest of it.

    Returns
    -------
    float or array
        s.

    Raises
    ------
    InputError
        A fraction above 1 (per cent?), or a negative count.

    Examples
    --------
    >>> float(time_at_voltage(100, 36000.0, 0.25))
    900000.0
    """
    share = number("fraction", fraction)
    return (number("cycles", cycles) * number("period", period, kind="time") * share)[()]


def cycles_of(time: Any, period: Any, fraction: Any) -> Any:
    """Return how many cycles of that period spend ``time`` at high voltage, a fraction of each.

    Parameters
    ----------
    time
        At high voltage, s.
    period
        Of one cycle, s.
    fraction
        Of each cycle at high voltage, 0 to 1.

    Returns
    -------
    float or array
        Number of cycles.

    Examples
    --------
    >>> cycles_of(9900.0, "10 h", 0.25)
    1.1
    """
    one = time_at_voltage(1, period, fraction)
    if np.any(one <= 0):
        raise InputError("fraction: found 0, needed some of each cycle at high voltage")
    found = number("time", time) / one
    return found if found.ndim else float(found)


@dataclass(frozen=True, repr=False)
class ChargeCurve(Result):
    """The cathode's oxygen potential along a charge curve, which repeats; stands for ``mu_c`` in the transport model.

    Attributes
    ----------
    time, voltage, mu_c : ndarray
        (n,) s, V and eV, linear in between.
    """

    time: np.ndarray
    voltage: np.ndarray
    mu_c: np.ndarray

    def __repr__(self) -> str:
        low, high = (f"{end:.4g}" for end in (self.voltage.min(), self.voltage.max()))
        ends = f"{self.mu_c.min():.4g} to {self.mu_c.max():.4g} eV"
        return f"charge curve of {self.duration:.4g} s, {low} to {high} V, mu_c {ends}"

    @property
    def duration(self) -> float:
        """Of the curve, s."""
        return float(self.time[-1] - self.time[0])

    def above(self, mu_e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the share of the time in which mu_c is above ``mu_e``, and its mean over that time in eV.

        What limits the coating is linear in the time integral of the driving force, so these two say all of it; both
        are of first order exact in an error of ``mu_e``. ``nan`` for the mean where it never is above.
        """
        mu_e = np.asarray(mu_e, dtype=float)
        spent, active = positive_part(self.time, self.mu_c - mu_e[..., None])
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = mu_e + np.where(active > 0, spent / active, np.nan)
        return np.where(np.isnan(mu_e), np.nan, active / self.duration), mean


def charge_curve(time: Any, voltage: Any, table: Any) -> ChargeCurve:
    """Return the cathode's oxygen potential along a charge curve, from a table of it against voltage.

    Parameters
    ----------
    time, voltage
        (n,) s, rising, and V: one cycle, or the part of it that repeats.
    table
        Rows of a voltage in V and mu_c in eV, which must reach as far as the voltages: see `along_charge`.

    Returns
    -------
    ChargeCurve
        Give it as ``mu_c`` to `required_diffusivity`, `densification_time`, `layer_after` and the others. Times are
        then those of the whole curve, over and over; only the part with a driving force counts.

    Raises
    ------
    InputError
        Times that fall, a voltage outside the table, or a quantity that is not of its kind.

    Examples
    --------
    Up from 3.6 to 4.3 V in 4 h, an hour at 4.3 V, and down again in 4 h:

    >>> curve = charge_curve([0.0, 14400, 18000, 32400], [3.6, 4.3, 4.3, 3.6], [(3.6, -5.6), (4.3, -4.95)])
    >>> curve
    charge curve of 3.24e+04 s, 3.6 to 4.3 V, mu_c -5.6 to -4.95 eV
    >>> share, mu_c = curve.above(-5.24)
    >>> float(share.round(3)), float(mu_c.round(3))
    (0.508, -5.063)
    >>> from oxyspy.transport import required_diffusivity
    >>> required_diffusivity("2 nm", "10 nm", 100 * curve.duration, mu_c=curve)
    D = 6.92e-21 cm2/s, L = 1.438e+04 /(eV cm s)
    """
    t, v = _axis(number("time", time, kind="elapsed")), number("voltage", voltage)
    if v.shape != t.shape or not np.all(np.isfinite(v)):
        raise InputError(f"voltage: found shape {v.shape}, needed one known voltage for each of {t.size} times")
    rows = potential_table(table)
    # the table bends between the curve's points too
    knots = rows[1:-1, 0]
    before, after = v[:-1, None], v[1:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        place = (knots - before) / (after - before)
    crossed = (place > 0) & (place < 1)
    t_all = np.concatenate([t, (t[:-1, None] + place * np.diff(t)[:, None])[crossed]])
    v_all = np.concatenate([v, np.broadcast_to(knots, place.shape)[crossed]])
    order = np.argsort(t_all, kind="stable")
    return ChargeCurve(t_all[order], v_all[order], along_charge(v_all[order], rows))


def read_charge_curve(curve: str | os.PathLike, table: str | os.PathLike) -> ChargeCurve:
    r"""Return a `charge_curve` from two CSV files: time and voltage, and voltage and the cathode's oxygen potential.

    Parameters
    ----------
    curve
        With columns named ``time`` and ``voltage`` and their units, as ``time_s`` or ``time_h`` and ``voltage_v``.
    table
        With columns ``voltage_v`` and ``mu_c_ev``, or other units.

    Returns
    -------
    ChargeCurve
        To stand for ``mu_c``.

    Raises
    ------
    ReadError, InputError
        A file that cannot be read, lacks a column or holds what is no number; both name it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from oxyspy.transport import read_charge_curve
    >>> _ = Path("charge.csv").write_text("time_h,voltage_v\n0,3.6\n4,4.3\n")
    >>> _ = Path("mu_c.csv").write_text("voltage_v,mu_c_ev\n3.6,-5.6\n4.3,-4.95\n")
    >>> float(read_charge_curve("charge.csv", "mu_c.csv").duration)
    14400.0
    """
    time, voltage = _columns(curve, {"time": "s", "voltage": "V"})
    rows = np.stack(_columns(table, {"voltage": "V", "mu_c": "eV"}), axis=1)
    try:
        return charge_curve(time, voltage, rows)
    except InputError as error:
        raise InputError(f"{curve}, {table}: {error}") from error


def _columns(path: str | os.PathLike, wanted: dict[str, str]) -> list[np.ndarray]:
    """Return columns of a CSV file in the units wanted; a heading is a name and its own unit."""
    import pandas as pd

    from oxyspy.units import convert

    try:
        sheet = pd.read_csv(path, comment="#", skipinitialspace=True)
    except OSError as error:
        raise ReadError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:  # pandas' and the codec's own are of this kind
        raise ReadError(f"{path}: not readable as CSV: {error}") from error
    found = []
    for name, unit in wanted.items():
        heading = next((str(h) for h in sheet.columns if str(h).lower().startswith(f"{name}_")), None)
        if heading is None:
            given = ", ".join(map(str, sheet.columns))
            raise InputError(f"{path}: found columns {given}; needed {name} with its unit, as {name}_{unit.lower()}")
        own = heading[len(name) + 1 :]
        # column headings are written small; units of voltage and energy are not
        own = {"v": "V", "mv": "mV", "ev": "eV", "mev": "meV"}.get(own.lower(), own)
        values = pd.to_numeric(sheet[heading], errors="coerce").to_numpy(dtype=float)
        if not np.all(np.isfinite(values)):
            row = int(np.flatnonzero(~np.isfinite(values))[0]) + 2
            raise InputError(f"{path}: line {row}, {heading}: found no number")
        found.append(values * convert(1.0, own, unit, f"{path}: {heading}"))
    return found


def along_charge(voltage: Any, table: Sequence[Sequence[Any]] | np.ndarray) -> Any:
    """Return the cathode's oxygen potential at a voltage, from a table of (V, eV), linear between its rows.

    Outside the table the answer is an error: how mu_c goes on with voltage is what nobody measured there. For a
    single known voltage give a table of that row.

    Parameters
    ----------
    voltage
        V, one or an array.
    table
        Rows of (V, eV), rising in V.

    Returns
    -------
    float or array
        mu_c in eV.

    Examples
    --------
    >>> float(along_charge(4.2, [(4.1, -5.3), (4.3, -4.95)]).round(3))
    -5.125
    >>> float(along_charge("4200 mV", [("4.1 V", "-5.3 eV"), ("4.3 V", "-4.95 eV")]).round(3))
    -5.125
    """
    rows = potential_table(table)
    v = number("voltage", voltage)
    if np.any((v < rows[0, 0]) | (v > rows[-1, 0])):
        raise InputError(f"voltage: found {v} V, needed {rows[0, 0]:g} to {rows[-1, 0]:g} V, where mu_c is tabulated")
    return np.interp(v, rows[:, 0], rows[:, 1])


def potential_table(table: Any) -> np.ndarray:
    """Return rows of a voltage and a potential as numbers, by rising voltage."""
    try:
        voltages, potentials = zip(*table, strict=True)
    except (TypeError, ValueError):
        raise InputError("mu_c table: needed rows of a voltage in V and a potential in eV") from None
    rows = np.stack([number("voltage", list(voltages)), number("mu_c", list(potentials))], axis=1)
    if not np.all(np.isfinite(rows)) or np.any(np.diff(np.sort(rows[:, 0])) == 0):
        raise InputError("mu_c table: found a voltage that is not finite or twice there; needed one potential for each")
    return rows[np.argsort(rows[:, 0])]


def exposure(time: Any, mu_c: Any, mu_e: Any) -> float:
    r"""Return :math:`\int \max(\mu_c - \mu_e, 0)\,dt` in eV s along a charge curve that is linear between its points.

    What limits the coating is linear in it: `required_diffusivity` and the others take a `charge_curve` as ``mu_c``.

    Parameters
    ----------
    time, mu_c
        (n,) s, rising, and eV: from the voltages by `along_charge`.
    mu_e
        eV.

    Returns
    -------
    float
        eV s.

    Examples
    --------
    >>> round(exposure([0.0, 3600.0], [-5.24, -4.94], -5.24), 6)
    540.0
    """
    t = _axis(number("time", time, kind="elapsed"))
    high, low = number("mu_c", mu_c), number("mu_e", mu_e)
    if high.shape not in ((), t.shape) or low.shape not in ((), t.shape):
        raise InputError(f"mu_c and mu_e: found shapes {high.shape}, {low.shape}; needed those of the {t.size} times")
    return float(positive_part(t, np.broadcast_to(high - low, t.shape))[0])


def positive_part(time: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the integral over time of what of ``force`` is positive, and how long it is: exact for straight pieces."""
    a, b = force[..., :-1], force[..., 1:]
    above = np.maximum(a, 0) + np.maximum(b, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # where the sign changes, the triangle above zero has this share of the piece
        share = np.where(a * b < 0, above / np.abs(a - b), np.where(above > 0, 1.0, 0.0))
    step = np.diff(time)
    return np.sum(above / 2 * share * step, axis=-1), np.sum(share * step, axis=-1)


def _axis(t: np.ndarray) -> np.ndarray:
    if t.ndim != 1 or t.size < 2 or not np.all(np.diff(t) >= 0) or t[-1] <= t[0]:
        raise InputError("time: needed one axis of two or more times that do not fall")
    return t
