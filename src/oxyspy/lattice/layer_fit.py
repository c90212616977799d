"""One phase of the layer fitted to the profiles through it: wedge, boundary, window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtr

from oxyspy.lattice.profile import STEP_NM, Profiles
from oxyspy.lattice.shells import Shell

# relative error of the model itself: thickness is not a straight line, amplitude not quite proportional to it
MODEL = 0.03
# the fit's depth range, nm
FROM_NM, DEEP_NM = -2.0, 7.0


class LayerFit:
    """One phase fitted to the mean of the strips' profiles.

    Parameters: log t0, slope / t0, surface position, surface width, thickness, interface width, log of the rise's
    correction, share of the bulk that stays (mixed only).
    """

    def __init__(self, read: Profiles, sigma: float, shell: Shell | None, start: NDArray | None = None) -> None:
        self.shell, self.sigma = shell, sigma
        inside = (read.depth_nm >= FROM_NM) & (read.depth_nm <= DEEP_NM)
        self.depth = read.depth_nm[inside]
        stack = np.stack([read.fundamental, read.half, read.other])[:, :, inside]
        # a depth that few strips reach is left out
        common = np.isfinite(stack[0]).mean(axis=0) > 0.5
        self.depth, self.strips = self.depth[common], stack[:, :, common]
        self.noise = read.noise[:, inside][:, common]
        self.grid = np.arange(self.depth[0] - 3 * sigma, self.depth[-1] + 3 * sigma, STEP_NM / 2)
        kernel = np.exp(-((self.depth[:, None] - self.grid) ** 2) / (2 * sigma**2))
        self.blur = kernel / kernel.sum(axis=1, keepdims=True)
        self.data, self.error = self._mean(np.arange(self.strips.shape[1]))
        # a bulk without half orders has no own profile
        self.ordered = bool(np.nanmax(stack[1]) > 0)
        self.sign = 1.0
        starts = self._starts() if start is None else [start]
        fits = []
        for sign in (1.0, -1.0) if shell is not None and shell.own > 0.05 or (shell and shell.mixed) else (1.0,):
            for one in starts:
                self.sign = sign
                fits.append((*self._solve(one, self.data), sign))
        self.chi2, self.parameters, self.sign = min(fits, key=lambda f: f[0])

    @property
    def thickness(self) -> float:
        return 0.0 if self.shell is None else float(self.parameters[4])

    @property
    def degrees(self) -> float:
        """Independent points less parameters."""
        return max(3 * len(self.depth) * STEP_NM / (2.5 * self.sigma) - 8, 4.0)

    @property
    def misfit(self) -> float:
        """chi^2 over the independent points less parameters; the model's own error of 3 % is in it."""
        return float(self.chi2 / self.degrees)

    @property
    def interface(self) -> float:
        return float(self.parameters[5])

    @property
    def stays(self) -> float:
        """Share of the bulk that stays in the layer."""
        return float(self.parameters[7]) if self.shell is not None and self.shell.mixed else 0.0

    def curves(self, p: NDArray) -> NDArray:
        """Fundamental, own and other half order at the depths, shape (3, n)."""
        t0, slope, at, rough, layer, width, rise, stays = p
        u = self.grid - at
        t = np.exp(t0) * np.maximum(1 + slope * np.maximum(u, 0), 0) * ndtr(u / rough)
        if self.shell is None:
            return np.stack([self.blur @ t, self.ordered * (self.blur @ t), np.zeros(len(self.depth))])
        bulk = ndtr((u - layer) / width)
        reacted = 1 - bulk
        up = self.shell.rise * np.exp(rise)
        own, other = self.shell.own, self.shell.other
        if self.shell.mixed:
            up, own = up * (1 - stays) + stays, stays
        own_wave = self.ordered * (self.blur @ (t * (bulk + self.sign * own * reacted)))
        return np.stack([self.blur @ (t * (bulk + up * reacted)), np.abs(own_wave), self.blur @ (t * other * reacted)])

    def bootstrap(self, rng, n: int) -> NDArray:
        """Thicknesses with the strips drawn again."""
        count = self.strips.shape[1]
        out = []
        for _ in range(n):
            data, _ = self._mean(rng.integers(0, count, count))
            out.append(self._solve(self.parameters, data)[1][4])
        # the mean of few strips drawn again scatters less than the mean itself
        centre = np.mean(out)
        return centre + (np.array(out) - centre) * np.sqrt(count / max(count - 1, 1))

    def single_strips(self) -> tuple[NDArray, NDArray]:
        """Thickness of each strip by itself, and its standard error by counting, shape (strips,)."""
        count = self.strips.shape[1]
        values, errors = np.empty(count), np.empty(count)
        for i in range(count):
            parameters = self._solve(self.parameters, self._mean(np.array([i]))[0])[1]
            values[i], errors[i] = parameters[4], self._counting_error(parameters, self.noise[i])
        return values, errors

    def _counting_error(self, parameters: NDArray, noise: NDArray) -> float:
        """Standard error of one strip's thickness by its noise alone, through the fit's linear response."""
        step, free = 1e-3, self._free()
        slopes = []
        for k in free:
            moved = parameters.copy()
            moved[k] += step
            slopes.append(((self.curves(moved) - self.curves(parameters)) / self.error / step).ravel())
        design = np.stack(slopes, axis=1)
        # the terms that keep rise, interface and surface sensible
        prior = np.zeros((len(free), len(free)))
        for k, width in ((6, 0.1), (5, 1.0), (3, 1.0)):
            if k in free:
                prior[free.index(k), free.index(k)] = 1 / width**2 / self._thin**2
        response = np.linalg.solve(design.T @ design + prior, design.T)[free.index(4)]
        relative = (np.nan_to_num(noise) * np.ones((3, 1)) / self.error).ravel()
        # points within a window are one
        return float(np.sqrt(((response * relative) ** 2).sum()) / self._thin)

    def _mean(self, choice: NDArray) -> tuple[NDArray, NDArray]:
        """Mean profiles of some strips, and their errors by noise and model."""
        chosen = self.strips[:, choice]
        known = np.isfinite(chosen).sum(axis=1)
        data = np.where(known > 0, np.nansum(chosen, axis=1) / np.maximum(known, 1), getattr(self, "data", 0.0))
        noise = np.nanmean(self.noise, axis=0) / np.sqrt(len(choice))
        return data, np.sqrt(noise**2 + (MODEL * data) ** 2 + 0.01**2)

    def _starts(self) -> list[NDArray]:
        f = self.data[0]
        deep = self.depth > self.depth[-1] - 2.5
        slope, level = np.polyfit(self.depth[deep], f[deep], 1)
        t0 = max(level, 0.2 * f[deep].mean())
        base = np.array([np.log(t0), np.clip(slope / t0, -0.1, 1.0), 0.0, 0.2, 0.0, 0.2, 0.0, 0.0])
        if self.shell is None:
            return [base]
        return [base + np.array([0, 0, 0, 0, layer, 0, 0, 0.4 * self.shell.mixed]) for layer in (0.4, 1.5, 3.0)]

    def _free(self) -> list[int]:
        """Parameters that are fitted."""
        if self.shell is None:
            return [0, 1, 2, 3]
        return [0, 1, 2, 3, 4, 5, 6, 7] if self.shell.mixed else [0, 1, 2, 3, 4, 5, 6]

    @property
    def _thin(self) -> float:
        """Weight of a point: correlated over the window, this many of them are independent."""
        return float(np.sqrt(STEP_NM / (2.5 * self.sigma)))

    def _solve(self, start: NDArray, data: NDArray) -> tuple[float, NDArray]:
        free = self._free()
        low = np.array([-4.0, -0.12, -1.5, 0.03, 0.0, 0.03, -0.4, 0.0])
        high = np.array([2.0, 3.0, 1.5, 0.8, DEEP_NM - 1.0, 1.5, 0.4, 0.9])
        full = np.clip(start, low + 1e-6, high - 1e-6)

        def residuals(x):
            p = full.copy()
            p[free] = x
            fit = ((self.curves(p) - data) / self.error).ravel() * self._thin
            # rise within 10 % of the structures'; interface and surface no broader than they must be
            return np.concatenate([fit, [p[6] / 0.1, p[5] / 1.0, p[3] / 1.0]])

        scale = np.array([0.3, 0.2, 0.1, 0.1, 0.3, 0.1, 0.1, 0.2])[free]
        bounds = (low[free], high[free])
        found = least_squares(residuals, full[free], bounds=bounds, x_scale=scale, max_nfev=60, ftol=1e-5, xtol=1e-5)
        p = full.copy()
        p[free] = found.x
        return float(2 * found.cost), p
