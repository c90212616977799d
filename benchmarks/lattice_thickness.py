"""Bias, scatter and coverage of the layer's thickness over fresh simulated images, and false claims on pristine ones.

    python benchmarks/lattice_thickness.py --first 50000 --images 400 --slanted 60 --pristine 100

Everything that is not known in an experiment is drawn for each image: phase (rocksalt or spinel), thickness 1-4 nm,
dose 2e3-2e4 e/A^2, direction of the surface and of the lattice, roughness, interface width 0.05-0.4 nm, thickness of
the edge and its slope, rounding of the edge (0-0.6 nm), thickness undulations (8 %), channelling exponent (0.8-1),
probe (0.07-0.11 nm), pixel errors (3 %), the crystal's lattice parameters (1 %). Slanted images also have surface and
boundary inclined to the beam by 0-5 degrees. "Along the border": the surface's normal is within 15 degrees of an axis
of the image. Writes lattice_thickness.md. Until it is complete, images measured are kept in a .jsonl file beside it, so
that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from this_commit import this_commit
from tqdm import tqdm

from oxyspy import __version__
from oxyspy.errors import OxyspyError
from oxyspy.files import write_text
from oxyspy.lattice import crystal, phase_map
from oxyspy.simulate import simulate_image

SHAPE = (768, 768)


def draw(seed: int, shell: str | None, slanted: bool = False):
    """One image with all its nuisances."""
    rng = np.random.default_rng(seed)
    stretch = 1 + 0.01 * rng.normal()
    bulk = crystal("layered")
    return simulate_image(
        SHAPE,
        bulk=replace(bulk, lattice=bulk.lattice * stretch),
        shell=shell,
        thickness_nm=rng.uniform(1, 4),
        variant=int(rng.integers(1, 3)),
        dose=10 ** rng.uniform(3.3, 4.3),
        tilt_deg=rng.uniform(0, 360),
        interface_nm=rng.uniform(0.05, 0.4),
        roughness_nm=rng.uniform(0.05, 0.25),
        edge_nm=rng.uniform(4, 10),
        wedge=rng.uniform(0.3, 1.5),
        rounding_nm=rng.uniform(0, 0.6),
        bumps=0.08,
        exponent=rng.uniform(0.8, 1.0),
        probe_fwhm_nm=rng.uniform(0.07, 0.11),
        slant_deg=rng.uniform(0, 5) if slanted else 0.0,
        seed=seed,
    )


def measure(seed: int, shell: str | None, slanted: bool) -> dict:
    """True and measured thickness of one image."""
    image = draw(seed, shell, slanted)
    row = {"seed": seed, "shell": shell or "pristine", "true": image.thickness_nm, "message": ""}
    row |= {name: image.settings[name] for name in ("interface_nm", "tilt_deg", "slant_deg")}
    try:
        layer = phase_map(image.counts, image.pixel_nm).layer_thickness()
    except OxyspyError as error:
        return row | {"message": str(error), "supported": False, "found": np.nan, "sigma": np.nan, "phase": "failed"}
    return row | {
        "supported": bool(layer.supported),
        "found": float(layer.thickness_nm),
        "sigma": float(layer.sigma_nm),
        "phase": layer.phase,
        "limit": float(layer.upper_limit_nm),
        "message": layer.reason,
        "errors": layer.errors_nm,
    }


def measured(path: Path, jobs: list[tuple[int, str | None, bool]]) -> list[dict]:
    """Return the rows of all jobs; those not yet in the file are measured and appended to it one by one."""
    known = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    rows = {(row["seed"], row["shell"]): row for row in known}
    with path.open("a", encoding="utf-8") as file:
        for seed, shell, slanted in tqdm([job for job in jobs if (job[0], job[1] or "pristine") not in rows]):
            row = measure(seed, shell, slanted)
            rows[seed, row["shell"]] = row
            print(json.dumps(row), file=file, flush=True)
    return [rows[seed, shell or "pristine"] for seed, shell, _ in jobs]


def line(name: str, rows: list[dict]) -> str:
    """One line of the table."""
    seen = [r for r in rows if r["supported"]]
    error = np.array([r["found"] - r["true"] for r in seen])
    z = error / np.array([r["sigma"] for r in seen])
    named = np.mean([r["phase"].startswith(r["shell"]) for r in seen])
    # standard error of a share of 0.68
    error_68 = 100 * np.sqrt(0.68 * 0.32 / len(seen))
    return (
        f"| {name} | {len(rows)} | {len(seen)} | {error.mean():+.3f} | {error.std():.3f} | {np.abs(error).max():.2f} | "
        f"{np.median([r['sigma'] for r in seen]):.3f} | {100 * np.mean(np.abs(z) < 1):.0f} ± {error_68:.0f} | "
        f"{100 * np.mean(np.abs(z) < 1.96):.0f} | {100 * named:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=50000, help="first seed")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--slanted", type=int, default=60)
    parser.add_argument("--pristine", type=int, default=100)
    parser.add_argument("-o", "--output", default=str(Path(__file__).with_suffix(".md")))
    args = parser.parse_args()
    commit = this_commit()
    shells = ("rocksalt", "spinel")
    jobs = [(seed, shells[seed % 2], False) for seed in range(args.first, args.first + args.images)]
    first = args.first + 5000
    jobs += [(seed, shells[seed % 2], True) for seed in range(first, first + args.slanted)]
    first = args.first + 10000
    jobs += [(seed, None, False) for seed in range(first, first + args.pristine)]
    rows = measured(Path(args.output).with_suffix(".jsonl"), jobs)
    layered, slanted = rows[: args.images], rows[args.images : args.images + args.slanted]
    clean = rows[args.images + args.slanted :]
    claimed = sum(r["supported"] for r in clean)
    held = [r for r in clean if np.isfinite(r.get("limit", np.nan))]
    failed = [r for r in rows if r["phase"] == "failed"]
    head = (
        "| layer | images | supported | bias (nm) | sd (nm) | largest (nm) | median sigma (nm) | in 68 % | in 95 % | "
        "phase named (%) |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    groups = [("all", layered)]
    groups += [(name, [r for r in layered if r["shell"] == name]) for name in ("rocksalt", "spinel")]
    groups += [
        (f"{low}-{high} nm", [r for r in layered if low <= r["true"] < high]) for low, high in ((1, 2), (2, 3), (3, 4))
    ]
    away = {r["seed"]: abs((r["tilt_deg"] + 45) % 90 - 45) for r in layered}
    groups += [
        ("interface below 0.2 nm", [r for r in layered if r["interface_nm"] < 0.2]),
        ("interface 0.2-0.4 nm", [r for r in layered if r["interface_nm"] >= 0.2]),
        ("surface along the border", [r for r in layered if away[r["seed"]] < 15]),
        ("surface across the image", [r for r in layered if away[r["seed"]] >= 15]),
        ("surface inclined to the beam, 0-5 deg", slanted),
    ]
    text = [
        "# Thickness of the reacted layer from simulated images",
        "",
        f"oxyspy {__version__}{commit}; seeds {args.first} to {args.first + args.images - 1} with a layer, from "
        f"{args.first + 5000} slanted, from {args.first + 10000} without; "
        f"`python benchmarks/lattice_thickness.py --first {args.first} --images {args.images} "
        f"--slanted {args.slanted} --pristine {args.pristine}`.",
        "",
        "\n".join(line for line in __doc__.splitlines()[4:]).strip(),
        "",
        head,
        *(line(name, rows) for name, rows in groups if any(r["supported"] for r in rows)),
        "",
        f"Pristine images: a layer claimed in {claimed} of {len(clean)}; an upper limit given in {len(held)}, "
        f"median {np.median([r['limit'] for r in held]) if held else np.nan:.2f} nm.",
        f"Not indexed or failed: {len(failed)}.",
        *(f"- seed {r['seed']}: {r['message']}" for r in failed),
        "",
    ]
    write_text(args.output, "\n".join(text))
    Path(args.output).with_suffix(".jsonl").unlink()
    print("\n".join(text))
    for r in layered:
        if not r["supported"] or abs(r["found"] - r["true"]) > 0.25 or not r["phase"].startswith(r["shell"]):
            print(r)
    for r in clean:
        if r["supported"]:
            print(r)


if __name__ == "__main__":
    main()
