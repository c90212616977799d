"""Energies of the solids whose reactions set the oxygen potential at a coating's two sides, by CHGNet, and their error.

python benchmarks/oxygen_energies.py writes benchmarks/oxygen_energies.md; oxyspy[chgnet] is needed, and ten minutes of
one core. Its energies, in eV for one formula unit, and their error are those of src/oxyspy/data/oxygen.yaml.

CHGNet learnt the energies of the Materials Project (GGA and GGA+U, with the MP2020 corrections of anions and mixing),
whose uncorrected E(O2)/2 is the study's: differences of its energies are on the study's scale. Each solid starts from
its structure type in pymatgen's library of AFLOW prototypes, with the elements replaced and the volume brought to about
that of the compound, and cell and atoms are relaxed. The error is measured on oxides and sulfides whose energy of the
Materials Project, and whose measured formation energy, pymatgen holds (analysis/compatibility: calc_compounds and
exp_compounds).
"""

import functools
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

# formula: structure types to try (AFLOW's name, what replaces what, what is left out, Å3 for one formula unit to start)
SOLIDS = {
    "Ni": [("A_cF4_225_a", {"Cu": "Ni"}, None, 10.9)],
    "NiO": [("AB_cF8_225_a_b", {"Na": "Ni", "Cl": "O"}, None, 18.3)],
    "NiO2": [
        ("ABC2_hR4_166_a_b_c", {"Cr": "Ni", "S": "O"}, "Na", 32.0),
        ("AB2_hP3_164_a_d", {"Cd": "Ni", "I": "O"}, None, 32.0),
    ],
    "Li3PS4": [("AB3C4_oP16_31_a_ab_2ab", {"Cu": "Li", "As": "P", "S": "S"}, None, 154.0)],
    "Li3PO4": [("AB3C4_oP16_31_a_ab_2ab", {"Cu": "Li", "As": "P", "S": "O"}, None, 80.0)],
    "S": [("A_oF128_70_4h", {}, None, 25.8)],
}
ROCKSALT, FLUORITE, CORUNDUM = "AB_cF8_225_a_b", "AB2_cF12_225_a_c", "A2B3_hR10_167_c_e"
# what tests CHGNet: the stable structure types of these compounds, with their volumes to start from
TESTS = {
    **{
        f: [(ROCKSALT, {"Na": f[:-1], "Cl": f[-1]}, None, v)]
        for f, v in {
            "MgO": 19.0, "CaO": 28.0, "SrO": 34.5, "BaO": 43.5, "MnO": 22.5, "CoO": 19.5, "MgS": 35.5, "CaS": 46.5,
            "SrS": 55.5, "BaS": 66.5,
        }.items()
    },
    **{
        f: [(FLUORITE, {"Ca": f[-1], "F": f[:-2]}, None, v)]
        for f, v in {"Li2O": 24.5, "Na2O": 43.0, "K2O": 68.0, "Li2S": 46.5, "Na2S": 71.0, "K2S": 103.0}.items()
    },
    **{
        f: [(CORUNDUM, {"Al": f[:-2], "O": "O"}, None, v)]
        for f, v in {"Al2O3": 43.5, "V2O3": 51.0, "Cr2O3": 50.0, "Fe2O3": 52.0}.items()
    },
    "BeO": [("AB_hP4_186_b_b", {"Zn": "Be", "S": "O"}, None, 14.0)],
    "BeS": [("AB_cF8_216_c_a", {"Zn": "Be", "S": "S"}, None, 29.0)],
    "GeS": [("AB_oP8_62_c_c", {"Ge": "Ge", "S": "S"}, None, 42.0)],
    "MnO2": [("A2B_tP6_136_f_a", {"Ti": "Mn", "O": "O"}, None, 28.5)],
    "MgAl2O4": [("A2BC4_cF56_227_d_a_e", {"Mg": "Mg", "Al": "Al", "O": "O"}, None, 67.0)],
}  # fmt: skip
FORCE = 0.01  # eV/Å, where relaxation ends


@functools.cache
def library():
    """Return pymatgen's AFLOW prototypes."""
    import pymatgen.analysis.prototypes
    from monty.serialization import loadfn

    return loadfn(Path(pymatgen.analysis.prototypes.__file__).with_name("aflow_prototypes.json.gz"))


def prototype(name, replaced, removed, volume):
    """Return the structure to start from."""
    fits = [entry["snl"].structure for entry in library() if entry["tags"]["aflow"] == name]
    wanted = set(replaced) | {removed} - {None}
    structure = next(s for s in fits if not wanted or wanted == {e.symbol for e in s.elements}).copy()
    structure.remove_oxidation_states()
    if removed:
        structure.remove_species([removed])
    for i, site in enumerate(structure):
        structure[i] = replaced.get(site.specie.symbol, site.specie.symbol)
    structure.scale_lattice(volume * structure.composition.get_reduced_composition_and_factor()[1])
    structure.perturb(0.01)
    return structure


def relaxed(optimizer, start):
    """Return the relaxed structure's energy and volume for one formula unit, its atoms, the steps and largest force."""
    found = optimizer.relax(start, fmax=FORCE, steps=1000, verbose=False)
    final, path = found["final_structure"], found["trajectory"]
    units = final.composition.get_reduced_composition_and_factor()[1]
    force = max(float((row**2).sum() ** 0.5) for row in path.forces[-1])
    return path.energies[-1] / units, final.volume / units, len(final), len(path.energies), force


def references():
    """Return energies of the Materials Project with its corrections, and measured formation energies, by formula."""
    import pymatgen.analysis.compatibility as compatibility
    from monty.serialization import loadfn

    folder = Path(compatibility.__file__).parent
    correct = compatibility.MaterialsProject2020Compatibility(check_potcar=False)
    calculated = {}
    for formula, entry in loadfn(folder / "calc_compounds.json.gz").items():
        units = entry.composition.get_reduced_composition_and_factor()[1]
        done = correct.process_entry(entry.copy(), clean=True, on_error="ignore")
        calculated[formula] = (done or entry).energy / units
    measured = {row["formula"]: row["exp energy"] for row in loadfn(folder / "exp_compounds.json.gz")}
    return calculated, measured


def main() -> None:
    """Relax all solids and write the tables."""
    from chgnet.model import StructOptimizer
    from pymatgen.core import Composition

    warnings.filterwarnings("ignore")
    optimizer = StructOptimizer(use_device="cpu")
    calculated, measured = references()
    lines = [
        "# Energies behind the study's oxygen potentials, by CHGNet",
        "",
        f"`python benchmarks/oxygen_energies.py`, CHGNet {version('chgnet')} (model "
        f"{optimizer.calculator.model.version}), PyTorch {version('torch').partition('+')[0]}, pymatgen "
        f"{version('pymatgen')}, Python {platform.python_version()}; cell and atoms relaxed until no force is above "
        f"{FORCE:g} eV/Å.",
        "",
        "| solid | structure type (AFLOW) | atoms | steps | force (eV/Å) | volume (Å3/f.u.) | energy (eV/f.u.) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    energy = {}
    for formula, starts in SOLIDS.items():
        for name, replaced, removed, volume in starts:
            e, v, atoms, steps, force = relaxed(optimizer, prototype(name, replaced, removed, volume))
            energy[formula] = min(e, energy.get(formula, 0.0))
            lines.append(f"| {formula} | {name} | {atoms} | {steps} | {force:.3f} | {v:.2f} | {e:.4f} |")
            print(lines[-1], flush=True)
    lines += [
        "",
        "## How far off they are",
        "",
        "The Materials Project's energy is that of pymatgen's calc_compounds with the MP2020 corrections; measured",
        "formation energies are those of exp_compounds, and CHGNet's use the Materials Project's elements. Differences",
        "in eV an atom.",
        "",
        "| solid | CHGNet (eV/f.u.) | Materials Project (eV/f.u.) | difference | formation, CHGNet - measured |",
        "| --- | --- | --- | --- | --- |",
    ]
    differences, formation = {}, {}
    for formula in [*TESTS, "NiO"]:
        composition = Composition(formula)
        e = energy[formula] if formula in energy else relaxed(optimizer, prototype(*TESTS[formula][0]))[0]
        differences[formula] = (e - calculated[formula]) / composition.num_atoms
        elements = sum(
            n * (calculated["O2"] / 2 if x.symbol == "O" else calculated.get(x.symbol, np.nan))
            for x, n in composition.items()
        )
        formation[formula] = (e - elements - measured.get(formula, np.nan)) / composition.num_atoms
        numbers = f"{e:.4f} | {calculated[formula]:.4f} | {differences[formula]:+.4f} | {formation[formula]:+.3f}"
        lines.append(f"| {formula} | {numbers} |")
        print(lines[-1], flush=True)
    rows = {
        "difference from the Materials Project": np.array(list(differences.values())),
        "formation energy, CHGNet - measured": np.array([x for x in formation.values() if np.isfinite(x)]),
    }
    lines.append("")
    for words, x in rows.items():
        size = f"root mean square {np.sqrt(np.mean(x**2)):.3f} eV/atom, {x.size} solids"
        lines.append(f"- {words}: mean {x.mean():+.3f}, {size}")
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines[-2:]))


if __name__ == "__main__":
    main()
