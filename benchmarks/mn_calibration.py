"""Measure the shipped Mn calibration on digitised reference spectra, by the package's own pipeline.

    python benchmarks/mn_calibration.py FOLDER

FOLDER holds Mn2_*.csv, Mn3_*.csv and Mn4_*.csv of MichaelChatzidakis/Mn_Classifier_CNNs (MIT licence): digitised
literature spectra, background removed, energy in eV and intensity. Only numbers measured on them are written, to
src/oxyspy/data/calibrations/mn_references.yaml.

Two things are not known of these spectra: whether they were deconvolved, and how thick the specimens were. So each is
also measured as if it were a single-scattering spectrum recorded at t/λ = 0.5; the change enters as a systematic error.
"""

import sys
from pathlib import Path

import numpy as np
import yaml

from oxyspy.data import FOLDER as DATA
from oxyspy.eels.edges import edge
from oxyspy.eels.maxima import find_maxima
from oxyspy.eels.valence import calibrate_valence
from oxyspy.eels.white_lines import WhiteLineMethod, line_weights

STEP = 0.1
SMOOTHING = 0.5
EDGE = edge("Mn_L")
# right after L2: the one window all spectra reach (several 2+ end at 659 eV), and where plural scattering has hardly
# begun, so that it hardly matters whether a spectrum was deconvolved
METHOD = WhiteLineMethod.of(EDGE, post=(657.0, 659.0), deconvolution="none")


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Sorted, without double energies, on a uniform axis: digitised points are neither."""
    table = np.genfromtxt(path, delimiter=",")
    table = table[np.isfinite(table).all(1)]
    energies, first = np.unique(table[:, 0], return_index=True)
    axis = np.arange(np.ceil(energies[0] / STEP) * STEP, energies[-1], STEP)
    return axis, np.interp(axis, energies, table[first, 1])


def ratio_and_splitting(axis: np.ndarray, spectrum: np.ndarray) -> tuple[float, float]:
    """L3/L2 by METHOD, and L2 - L3 in eV."""
    l3, l2 = find_maxima(spectrum, axis, EDGE, SMOOTHING)
    values = line_weights(axis, np.asarray(l3), np.asarray(l2), METHOD, SMOOTHING) @ spectrum
    return float(values[0] / values[1]), float(l2 - l3)


def scattered(axis: np.ndarray, spectrum: np.ndarray, t_over_lambda: float) -> np.ndarray:
    """The spectrum as recorded through a thickness: Poisson's law with a plasmon at 22 eV and a tail."""
    n = 2**13
    loss = STEP * np.arange(n)
    single = np.where(loss > 2, np.exp(-0.5 * ((loss - 22) / 6.0) ** 2), 0)
    single += np.where(loss > 12, 0.15 * (np.maximum(loss, 12) / 22) ** -2.0, 0)
    single *= t_over_lambda / single.sum()
    padded = np.zeros(n)
    padded[: spectrum.size] = spectrum
    return np.fft.irfft(np.fft.rfft(padded) * np.exp(np.fft.rfft(single)), n)[: spectrum.size]


def main(folder: Path) -> None:
    ratios: dict[float, list[float]] = {}
    splittings: dict[float, list[float]] = {}
    changes = []
    for valence in (2.0, 3.0, 4.0):
        for path in sorted(folder.glob(f"Mn{valence:.0f}_*.csv")):
            axis, spectrum = read(path)
            ratio, splitting = ratio_and_splitting(axis, spectrum)
            thick, _ = ratio_and_splitting(axis, scattered(axis, spectrum, 0.5))
            ratios.setdefault(valence, []).append(ratio)
            splittings.setdefault(valence, []).append(splitting)
            changes.append(thick / ratio - 1)
            print(f"{path.name}: L3/L2 {ratio:.2f}, at t/λ 0.5 {thick:.2f}, L2 - L3 {splitting:.2f} eV")
    # anything from none to the whole change: a uniform distribution's standard deviation
    systematic = float(np.median(np.abs(changes)) / np.sqrt(12))
    calibration = calibrate_valence(
        ratios,
        splittings,
        METHOD,
        source="digitised literature spectra of MichaelChatzidakis/Mn_Classifier_CNNs at 30d32ca (MIT), measured by "
        "benchmarks/mn_calibration.py; it is not known whether they were deconvolved",
        systematic=systematic,
        indicative=True,
    )
    method = {k: v for k, v in calibration.method.to_dict().items() if k not in ("edge", "gaussian_fwhm")}
    content = {
        "edge": calibration.edge,
        "source": calibration.source,
        "indicative": True,
        "systematic": round(systematic, 4),
        "method": method,
        "standards": [
            {k: round(v, 3) if isinstance(v, float) else v for k, v in s.to_dict().items()}
            for s in calibration.standards
        ],
    }
    path = DATA / "calibrations" / "mn_references.yaml"
    head = "# L3/L2 and L2 - L3 (eV) of Mn against valence; medians and half the central 68 % of n spectra.\n"
    path.write_text(head + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=110))
    print(path.read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
