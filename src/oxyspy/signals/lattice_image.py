"""Lattice-resolved images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hyperspy.signals import LazySignal2D, Signal2D

from oxyspy.errors import InputError
from oxyspy.lattice.structures import DEFAULT_PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oxyspy.lattice.fit import LatticeFit
    from oxyspy.lattice.identify import PhaseIdentity
    from oxyspy.lattice.maps import PhaseMap
    from oxyspy.lattice.observed import ObservedSpots
    from oxyspy.lattice.thickness import ImageLayer


class LatticeImage(Signal2D):
    """HAADF-STEM image that resolves the lattice: find spots, identify phases, map them, measure the reacted layer.

    The signal axes must be calibrated in a unit of length; errors of some percent are found by the lattice and taken
    into account. For a part of the image, slice it: ``image.isig[2.0:8.0, :].identify_phase()``.

    Examples
    --------
    >>> from oxyspy.simulate import simulate_image
    >>> simulated = simulate_image((400, 400), seed=1)
    >>> image = LatticeImage(simulated.counts)
    >>> for axis in image.axes_manager.signal_axes:
    ...     axis.scale, axis.units = 0.02, "nm"
    >>> image.phase_map().bulk
    'layered, planes along b1'
    """

    _signal_type = "lattice_image"
    _alias_signal_types = ["lattice image", "LatticeImage"]

    @property
    def pixel_nm(self) -> tuple[float, float]:
        """Pixel size in x and y, in nm."""
        from oxyspy.units import convert

        sizes = []
        for axis in self.axes_manager.signal_axes:
            if not axis.is_uniform:
                raise InputError(f"axis {axis.name} is not uniform: interpolate the image on a uniform axis first")
            units = axis.units if isinstance(axis.units, str) else ""
            if units.strip() in ("", "px", "pixel", "pixels") or axis.scale == 0:
                raise InputError(
                    f"the image's axis {axis.name} has no length calibration (scale {axis.scale:g}, units "
                    f"{units or 'none'}): give it its pixel size, as in "
                    "image.axes_manager.signal_axes.set(scale=0.02, units='nm')"
                )
            # a unit that is no length, such as 1/nm of a diffraction pattern, is refused by name
            sizes.append(abs(convert(float(axis.scale), units, "nm", f"pixel size along {axis.name}")))
        return sizes[0], sizes[1]

    @property
    def contrast(self) -> str:
        """ "HRTEM" where the metadata's acquisition mode is TEM, else "HAADF"."""
        mode = str(self.metadata.get_item("Acquisition_instrument.TEM.acquisition_mode", "")).upper()
        return "HRTEM" if mode == "TEM" else "HAADF"

    def find_spots(self, **kwargs) -> ObservedSpots:
        """Find the spots of the image's Fourier transform; see `oxyspy.lattice.find_spots`.

        Parameters
        ----------
        **kwargs
            As in `oxyspy.lattice.find_spots`.

        Returns
        -------
        ObservedSpots
            Places, amplitudes and signal to noise, strongest first.

        Examples
        --------
        >>> from oxyspy.signals import LatticeImage
        >>> from oxyspy.simulate import simulate_image
        >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
        >>> axes = [{"size": size, "scale": made.pixel_nm, "units": "nm"} for size in made.counts.shape]
        >>> image = LatticeImage(made.counts, axes=axes)
        >>> print(str(image.find_spots()).splitlines()[0])
        9 spots between 1.5 and 8.0 1/nm
        """
        from oxyspy.lattice import find_spots

        return find_spots(self._image(), self.pixel_nm, **kwargs)

    def fit_lattice(self, phases: Sequence = DEFAULT_PHASES) -> LatticeFit:
        """Lay the parent lattice of the cathode phases on the spots: rotation, and errors of the pixel size.

        Parameters
        ----------
        phases : sequence of str, Structure or Crystal, or a YAML file
            Whose parent lattice it is.

        Returns
        -------
        LatticeFit
            Not ``indexed``, with a reason, where none fits.

        See Also
        --------
        oxyspy.lattice.fit_lattice

        Examples
        --------
        >>> from oxyspy.signals import LatticeImage
        >>> from oxyspy.simulate import simulate_image
        >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
        >>> axes = [{"size": size, "scale": made.pixel_nm, "units": "nm"} for size in made.counts.shape]
        >>> image = LatticeImage(made.counts, axes=axes)
        >>> image.fit_lattice().indexed
        True
        """
        from oxyspy.lattice import crystals, find_spots, variants
        from oxyspy.lattice.bending import bending, with_bending
        from oxyspy.lattice.mapping import parent_lattice
        from oxyspy.lattice.observed import prepare

        known = tuple(v for one in crystals(phases) for v in variants(one))
        image, _ = prepare(self._image(), self.pixel_nm)
        spots = find_spots(image, self.pixel_nm)
        return with_bending(parent_lattice(spots, known), bending(spots, image, self.pixel_nm))

    def identify_phase(self, phases: Sequence = DEFAULT_PHASES, **kwargs) -> PhaseIdentity:
        """Tell which crystal, along which zone axis, the whole image shows; see `oxyspy.lattice.identify_phase`.

        Parameters
        ----------
        phases
            Candidates, as in `phase_map`.
        **kwargs
            As in `oxyspy.lattice.identify_phase`.

        Returns
        -------
        PhaseIdentity
            With the posterior of every candidate and of none of them.

        Examples
        --------
        >>> from oxyspy.signals import LatticeImage
        >>> from oxyspy.simulate import simulate_image
        >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
        >>> axes = [{"size": size, "scale": made.pixel_nm, "units": "nm"} for size in made.counts.shape]
        >>> image = LatticeImage(made.counts, axes=axes)
        >>> image.isig[4.0:, :].identify_phase(["layered", "SrTiO3"]).phase
        'NMC532'
        """
        from oxyspy.lattice import identify_phase

        return identify_phase(self._image(), self.pixel_nm, phases, **kwargs)

    def phase_map(
        self,
        phases: Sequence = DEFAULT_PHASES,
        window: float | None = None,
        step: float | None = None,
        bulk: tuple[float, float, float, float] | None = None,
        contrast: str | None = None,
    ) -> PhaseMap:
        """Map the phases.

        Parameters
        ----------
        phases : sequence of str, pymatgen Structure or Crystal, or a YAML file
            The candidates.
        window : float, optional
            Full width at half maximum of the Gaussian window in nm.
        step : float, optional
            Distance between windows in nm.
        bulk : tuple of float, optional
            (x0, y0, x1, y1) in the axes' own coordinates and units: the region that calibrates.
        contrast : {"HAADF", "HRTEM", "bright field"}, optional
            What the image is; as its metadata say by default.

        Returns
        -------
        PhaseMap
            Posterior of each phase in each window.

        See Also
        --------
        oxyspy.lattice.phase_map

        Examples
        --------
        >>> from oxyspy.signals import LatticeImage
        >>> from oxyspy.simulate import simulate_image
        >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
        >>> axes = [{"size": size, "scale": made.pixel_nm, "units": "nm"} for size in made.counts.shape]
        >>> image = LatticeImage(made.counts, axes=axes)
        >>> phases = image.phase_map()
        >>> phases.bulk
        'layered, planes along b1'
        """
        from oxyspy.lattice import phase_map
        from oxyspy.lattice.mapping import WINDOW_NM

        return phase_map(
            self._image(),
            self.pixel_nm,
            phases,
            window_nm=WINDOW_NM if window is None else window,
            step_nm=step,
            bulk=None if bulk is None else self._from_corner(bulk),
            contrast=contrast or self.contrast,
        )

    def layer_thickness(
        self,
        phases: Sequence = DEFAULT_PHASES,
        window: float | None = None,
        bulk: tuple[float, float, float, float] | None = None,
        **kwargs,
    ) -> ImageLayer:
        """Map the phases and measure the reacted layer's thickness; see `oxyspy.lattice.layer_thickness`.

        Parameters
        ----------
        phases, window, bulk
            As in `phase_map`.
        **kwargs
            As in `oxyspy.lattice.layer_thickness`.

        Returns
        -------
        ImageLayer
            Thickness with its error, or an upper limit and a reason.

        Examples
        --------
        >>> from oxyspy.signals import LatticeImage
        >>> from oxyspy.simulate import simulate_image
        >>> made = simulate_image((400, 400), thickness_nm=1.5, seed=1)
        >>> axes = [{"size": size, "scale": made.pixel_nm, "units": "nm"} for size in made.counts.shape]
        >>> image = LatticeImage(made.counts, axes=axes)
        >>> layer = image.layer_thickness()
        >>> print(layer.phase, layer.supported)
        rocksalt True
        """
        return self.phase_map(phases, window, bulk=bulk).layer_thickness(**kwargs)

    def _from_corner(self, box: Sequence[float]) -> tuple[float, ...]:
        """(x0, y0, x1, y1) of the axes' coordinates as nm from the first pixel."""
        if len(box) != 4:
            raise InputError(f"bulk region {tuple(box)}: needed x0, y0, x1, y1")
        axes = self.axes_manager.signal_axes
        return tuple(
            (float(value) - axes[i % 2].offset) / axes[i % 2].scale * self.pixel_nm[i % 2]
            for i, value in enumerate(box)
        )

    def _image(self) -> np.ndarray:
        """Return the one image as an array, computed; warn where its contrast is not Z-contrast."""
        if self.axes_manager.navigation_size > 1:
            raise InputError(
                f"a stack of {self.axes_manager.navigation_size} images: choose one with image.inav[0], or align and "
                "sum them"
            )
        if self.contrast != "HAADF":
            import warnings

            warnings.warn(
                "this is an HRTEM image (acquisition mode TEM): its contrast is not Z-contrast, so half-order spots "
                "may come from thickness and defocus; take the phases as a hint, and no layer's thickness",
                UserWarning,
                stacklevel=3,
            )
        data = self.data.compute() if hasattr(self.data, "compute") else self.data
        return np.asarray(data).reshape(data.shape[-2:])


class LazyLatticeImage(LatticeImage, LazySignal2D):
    """Lazy twin of `LatticeImage`: the one image is computed when it is measured."""

    _lazy = True
