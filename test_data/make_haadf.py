"""Make the lattice image of this folder again, byte for byte: python test_data/make_haadf.py"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from dm4 import write_dm4
from oxyspy.simulate import simulate_image

FOLDER = Path(__file__).parent / "haadf"
# 3 % errors of the pixel size, an amorphous coating, vacuum, a rounded and rough edge
SETTINGS = {
    "shape": (640, 640),
    "thickness_nm": 2.0,
    "tilt_deg": 12.0,
    "dose": 5e3,
    "rounding_nm": 0.3,
    "distortion": 0.03,
    "seed": 12,
}


def main() -> None:
    image = simulate_image(**SETTINGS)
    axes = [(name, 0.0, image.pixel_nm, "nm") for name in ("y", "x")]
    write_dm4(FOLDER / "rocksalt_2nm.dm4", image.counts, axes, title="HAADF")
    stretch = np.linalg.svd(image.scale)
    error = stretch.Vh.T @ np.diag(stretch.S) @ stretch.Vh - np.eye(2)
    truth = {
        "rocksalt_2nm.dm4": {
            "bulk": image.bulk,
            "layer": image.shell,
            "thickness_nm": round(image.thickness_nm, 4),
            "nominal_pixel_nm": image.pixel_nm,
            "scale_error_x": round(float(error[0, 0]), 5),
            "scale_error_y": round(float(error[1, 1]), 5),
            "settings": {key: list(v) if isinstance(v, tuple) else v for key, v in SETTINGS.items()},
        }
    }
    (FOLDER / "truth.yaml").write_text(yaml.safe_dump(truth, sort_keys=False))


if __name__ == "__main__":
    main()
