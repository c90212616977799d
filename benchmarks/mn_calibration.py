"""Measure the shipped Mn calibration on digitised reference spectra, by the package's own pipeline.

    python benchmarks/mn_calibration.py FOLDER

FOLDER holds Mn2_*.csv, Mn3_*.csv and Mn4_*.csv of MichaelChatzidakis/Mn_Classifier_CNNs (MIT licence): digitised
literature spectra, background removed, energy in eV and intensity. Only numbers measured on them are written, to
src/oxyspy/data/calibrations/mn_references.yaml.

Not known of these spectra is whether they were deconvolved, how thick the specimens were, and how sharp the
spectrometer was. A scan is deconvolved, so wanted are the numbers that the standards' single scattering has:

- Plural scattering moves L3/L2 by what it puts behind L2, where the continuum's height is taken, and under L2 itself.
  How much depends on the low loss: at t/λ = 0.5 a plasmon that has most of the losses makes it 36 % too high in 2+,
  13 % in 3+ and 9 % in 4+; the measured low loss of MnO (in eXSpy's tests), half of whose losses lie above 30 eV, under
  2 %. Each spectrum is deconvolved as if recorded at t/λ from 0 to 0.5. Half of the weight is given to no plural
  scattering, a quarter to either low loss, spread evenly over these t/λ; mean and standard deviation of the change are
  the correction and the systematic error of each valence.
- A broader spectrometer moves the maxima of lines that have several. Each spectrum is broadened by up to 1.5 eV more;
  the root mean square of the change enters as a systematic error.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from scipy.ndimage import gaussian_filter1d

from oxyspy.data import FOLDER as DATA
from oxyspy.data import load
from oxyspy.eels.edges import edge
from oxyspy.eels.maxima import SMOOTHING_EV, find_maxima, smoothed
from oxyspy.eels.valence import ValenceCalibration, calibrate_valence
from oxyspy.eels.white_lines import WhiteLineMethod, line_weights
from oxyspy.simulate.line_shapes import plural

STEP = 0.1
EDGE = edge("Mn_L")
# several 2+ end at 659 eV, 6.3 eV above L2; below 5 eV above it L2 has not ended. Counted from L2, since that stands an
# eV higher in 4+ than in 2+
METHOD = WhiteLineMethod.of(EDGE, post=(5.0, 6.3), post_from="L2", deconvolution="single")
THICKNESSES = np.arange(0.025, 0.5, 0.05)
BROADER_EV = np.arange(0.25, 1.51, 0.25)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Sorted, without double energies, on a uniform axis: digitised points are neither."""
    table = np.genfromtxt(path, delimiter=",")
    table = table[np.isfinite(table).all(1)]
    energies, first = np.unique(table[:, 0], return_index=True)
    axis = np.arange(np.ceil(energies[0] / STEP) * STEP, energies[-1], STEP)
    return axis, np.interp(axis, energies, table[first, 1])


def spectra(folder: Path) -> Iterator[tuple[str, float, np.ndarray, np.ndarray]]:
    """Name, valence, axis and intensity of each spectrum; three stand there twice, and count once."""
    seen = set()
    for valence in (2, 3, 4):
        for path in sorted(folder.glob(f"Mn{valence}_*.csv")):
            if (content := path.read_bytes()) not in seen:
                seen.add(content)
                yield path.stem, float(valence), *read(path)


def ratio_and_splitting(
    axis: np.ndarray, spectrum: np.ndarray, method: WhiteLineMethod = METHOD, smoothing: float = SMOOTHING_EV
) -> tuple[float, float]:
    """L3/L2 by a method, and L2 - L3 in eV."""
    l3, l2 = find_maxima(smoothed(spectrum, axis, smoothing), axis, EDGE)
    values = line_weights(axis, np.asarray(l3), np.asarray(l2), method, smoothing) @ spectrum
    return float(values[0] / values[1]), float(l2 - l3)


def deconvolved(spectrum: np.ndarray, single: np.ndarray) -> np.ndarray:
    """Spectrum without plural scattering, if recorded at each t/λ, shape (thicknesses, n): what it lost is below it."""
    n = 2 * single.size - 2
    scattered = np.exp(THICKNESSES[:, None] * single)
    return np.fft.irfft(np.fft.rfft(spectrum, n) / scattered, n)[:, : spectrum.size]


def plasmon(n: int = 2**12) -> np.ndarray:
    """Transform of the single-scattering distribution of the simulator's plasmon, of unit area."""
    return np.log(plural(np.ones(1), STEP, n, load("simulation")["plasmon"]))[0]


def manganese_oxide(n: int = 2**12) -> np.ndarray:
    """Transform of the single-scattering distribution of MnO's measured low loss, of unit area, by the Fourier log."""
    import exspy
    import hyperspy.api as hs

    recorded = hs.load(Path(exspy.__file__).parent / "tests" / "components" / "lowloss_spectrum.msa")
    energy, counts = recorded.axes_manager.signal_axes[0].axis, recorded.data.astype(float)
    axis = STEP * np.arange(-n // 2, n // 2)
    peak = energy[counts.argmax()]
    low = np.interp(axis, energy - peak, counts, left=0.0, right=0.0)
    # a smooth end: what lies beyond is another edge's business
    low *= np.clip((axis[-1] - axis) / 50.0, 0, 1)
    # the peak's left side, mirrored
    mirrored = np.where(axis <= 0, low, np.minimum(np.interp(-axis, axis, low), low))
    sharp = np.exp(-2 * (np.pi * np.fft.rfftfreq(n, STEP) * 0.6) ** 2)
    both = [np.fft.rfft(np.fft.ifftshift(part)) for part in (low, mirrored)]
    single = np.fft.irfft(np.log(both[0] / both[1]) * sharp, n)
    loss = STEP * np.arange(n)
    single = np.where((loss > 3.0) & (loss < n * STEP / 2), np.maximum(single, 0), 0.0)
    return np.fft.rfft(single / single.sum())


def calibration(folder: Path) -> ValenceCalibration:
    """Measure all spectra, as they are and as they might be."""
    ratios: dict[float, list[float]] = {}
    splittings: dict[float, list[float]] = {}
    changes: dict[float, list[float]] = {}
    moves: dict[float, list[float]] = {}
    singles = plasmon(), manganese_oxide()
    for name, valence, axis, spectrum in spectra(folder):
        ratio, splitting = ratio_and_splitting(axis, spectrum)
        change = [[ratio_and_splitting(axis, s)[0] / ratio for s in deconvolved(spectrum, one)] for one in singles]
        broader = [gaussian_filter1d(spectrum, fwhm / STEP / np.sqrt(8 * np.log(2))) for fwhm in BROADER_EV]
        ratios.setdefault(valence, []).append(ratio)
        splittings.setdefault(valence, []).append(splitting)
        changes.setdefault(valence, []).append(change)
        moves.setdefault(valence, []).append([ratio_and_splitting(axis, s)[1] - splitting for s in broader])
        print(f"{name}: L3/L2 {ratio:.2f}, L2 - L3 {splitting:.2f} eV")
    found, systematic, splitting_systematic = {}, {}, {}
    for valence in ratios:
        middle = np.median(changes[valence], axis=0)
        even = np.append(1.0, middle)
        weight = np.append(0.5, np.full(middle.size, 0.5 / middle.size))
        correction = weight @ even
        found[valence] = [ratio * correction for ratio in ratios[valence]]
        systematic[valence] = np.median(ratios[valence]) * np.sqrt(weight @ (even - correction) ** 2)
        splitting_systematic[valence] = np.sqrt(np.mean(np.median(moves[valence], axis=0) ** 2))
        print(
            f"Mn{valence:g}+: L3/L2 {np.median(ratios[valence]):.2f} as they are, {np.median(found[valence]):.2f} ± "
            f"{systematic[valence]:.2f} of single scattering; recorded at t/λ {THICKNESSES[-1]:g} it would be "
            f"{middle[0, -1] - 1:+.1%} by a plasmon, {middle[1, -1] - 1:+.1%} by the low loss of MnO"
        )
    return calibrate_valence(
        found, splittings, METHOD,
        "digitised literature spectra of MichaelChatzidakis/Mn_Classifier_CNNs at 30d32ca (MIT), measured by "
        "benchmarks/mn_calibration.py; it is not known whether they were deconvolved, nor how thick the specimens were",
        systematic=systematic, splitting_systematic=splitting_systematic, indicative=True,
    )  # fmt: skip


def main(folder: Path) -> None:
    found = calibration(folder)
    method = {k: v for k, v in found.method.to_dict().items() if k not in ("edge", "gaussian_fwhm", "positions")}
    content = {
        "edge": found.edge,
        "source": found.source,
        "indicative": True,
        "method": method,
        "standards": [
            {k: round(v, 3) if isinstance(v, float) else v for k, v in s.to_dict().items()} for s in found.standards
        ],
    }
    path = DATA / "calibrations" / "mn_references.yaml"
    head = (
        "# L3/L2 and L2 - L3 (eV) of Mn against valence; medians and half the central 68 % of n spectra, and standard\n"
        "# errors that they have in common: unknown plural scattering for the ratio, unknown resolution for L2 - L3.\n"
    )
    path.write_text(head + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=110))
    print(path.read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
