"""Do the errors of an image's pixel sizes and shear hold the truth, however its scan wanders?

    python benchmarks/lattice_strain.py [IMAGES]

Images of 10 nm with pixel errors of 3 %, whose lines are displaced: by a random walk, as a drift that has no memory; by
the jitter and the wander of the accuracy study, which comes back; by neither. The lattice is the crystal's own, so that
what is found less the simulator's distortion is the error. "By places" is the standard error that the scatter of the
spots about the lattice gives, "in all" that which `oxyspy.lattice.bending` makes of it. Writes lattice_strain.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from this_commit import this_commit

from oxyspy.files import write_text
from oxyspy.lattice import crystal, find_spots, variants
from oxyspy.lattice.bending import bending, with_bending
from oxyspy.lattice.mapping import parent_lattice
from oxyspy.lattice.observed import prepare
from oxyspy.simulate import simulate_image

CRYSTAL = {"shell": None, "surface_at": -0.5}
CONDITIONS = {
    "random walk of 0.02 nm": {**CRYSTAL, "jitter_nm": 0.0, "walk_nm": 0.02},
    "the same, 30 % of the image coating and vacuum": {"jitter_nm": 0.0, "walk_nm": 0.02, "shell": None},
    "wander of 0.02 nm that comes back, lines jitter by 0.01 nm": {**CRYSTAL, "jitter_nm": 0.01},
    "neither": {**CRYSTAL, "jitter_nm": 0.0},
}
# an anisotropy that is wrong by more is of another setting of the lattice, which no error of its places tells
WRONG = 0.05
NUMBERS = {
    "pixel size along the lines": ("scale_error_x", "scale_sigma_x"),
    "pixel size across them": ("scale_error_y", "scale_sigma_y"),
    "anisotropy": ("anisotropy", "anisotropy_sigma"),
    "shear": ("shear", "shear_sigma"),
}


def one(seed: int, choices: dict) -> np.ndarray | None:
    """Error, standard error by places and in all, of each number: (numbers, 3); None of an image not indexed."""
    made = simulate_image((512, 512), seed=seed, **choices)
    pixel = (made.pixel_nm,) * 2
    spots = find_spots(made.counts, pixel)
    places = parent_lattice(spots, variants(crystal("layered")))
    if not places.indexed:
        return None
    whole = with_bending(places, bending(spots, prepare(made.counts, pixel)[0], pixel))
    # spots stand at the transposed distortion of their places
    left, values, _ = np.linalg.svd(made.scale.T)
    stretch = left @ np.diag(values) @ left.T
    truth = stretch[0, 0] - 1, stretch[1, 1] - 1, values[0] / values[1] - 1, stretch[0, 1]
    return np.array(
        [
            (getattr(whole, name) - true, getattr(places, sigma), getattr(whole, sigma))
            for (name, sigma), true in zip(NUMBERS.values(), truth, strict=True)
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("images", type=int, nargs="?", default=200)
    count = parser.parse_args().images
    lines = [
        "# Errors of an image's pixel sizes",
        "",
        f"`make bench-lattice`{this_commit()}: {count} images of 512 x 512 pixels of 0.02 nm a condition. Root mean "
        "squares of the errors and of the standard errors, in percent of a length, and the shares of intervals that "
        "hold the truth. A steady drift is in none: no image tells it from a wrong pixel.",
        "",
        "| scan | number | error | by places | in all | 68 %, by places | 68 %, in all | 95 %, in all |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for at, (condition, choices) in enumerate(CONDITIONS.items(), 1):
        found = [one(10_000 * at + seed, choices) for seed in range(count)]
        indexed = np.array([numbers for numbers in found if numbers is not None])
        kept = indexed[np.abs(indexed[:, list(NUMBERS).index("anisotropy"), 0]) < WRONG]
        lost, wrong = count - len(indexed), len(indexed) - len(kept)
        left_out = [f"{n} {why}" for n, why in ((lost, "not indexed"), (wrong, "on a wrong setting")) if n]
        for number, name in enumerate(NUMBERS):
            error, places, whole = np.abs(kept[:, number]).T
            size = " | ".join(f"{100 * np.sqrt(np.mean(values**2)):.3f}" for values in (error, places, whole))
            shares = " | ".join(
                f"{np.mean(error < factor * sigma):.2f}" for factor, sigma in ((1, places), (1, whole), (1.96, whole))
            )
            said = condition + (f" ({', '.join(left_out)}, left out)" if left_out else "")
            lines.append(f"| {said} | {name} | {size} | {shares} |")
    text = "\n".join([*lines, ""])
    write_text(Path(__file__).with_suffix(".md"), text)
    print(text)


if __name__ == "__main__":
    main()
