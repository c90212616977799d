"""Engines by name: machine-learned potentials, LAMMPS and density functional theory, each an ASE calculator."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oxyspy.data import load
from oxyspy.errors import InputError
from oxyspy.units import convert


def engines() -> dict[str, Any]:
    """Return what ``data/engines.yaml`` knows, by name.

    Examples
    --------
    >>> sorted(engines())
    ['chgnet', 'cp2k', 'espresso', 'gpaw', 'lammps-pmmcs', 'lammps-shik', 'sevennet', 'vasp']
    """
    return load("engines")


def engine_settings(name: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the keywords of an engine's calculator: its template, and the user's options over it.

    Parameters
    ----------
    name
        Of an engine that has a template.
    options
        Keywords that go over it.

    Returns
    -------
    dict
        For the calculator's class.

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


def load_engine(name: str, options: Mapping[str, Any] | None = None, **run: Any):
    """Return the ASE calculator of an engine.

    Parameters
    ----------
    name
        One of `engines`, or ``module:Class`` of any ASE calculator.
    options
        Keywords; for a named engine they go over its template, mapping by mapping.
    **run
        What an engine may need of the run: its ``folder``.

    Returns
    -------
    ASE's Calculator
        Ready for the atoms.

    Raises
    ------
    InputError
        Not known, not installed, or not content with its options; the text says what to install or set.

    Examples
    --------
    >>> from oxyspy.dynamics import load_engine
    >>> type(load_engine("ase.calculators.emt:EMT")).__name__
    'EMT'
    """
    entry = {} if ":" in name else engines().get(name, {})
    settings = dict(options or {}) if ":" in name else engine_settings(name, options)
    told = {keyword: str(run[what]) for what, keyword in entry.get("takes", {}).items() if what in run}
    settings = told | settings
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


def gpaw(*, folder: str = ".", **settings: Any):
    """Return GPAW's calculator, which writes its text into a folder."""
    from gpaw import GPAW

    return GPAW(txt=str(Path(folder, "gpaw.txt")), **settings)


def cp2k(*, cutoff_ry: float = 400.0, command: str | None = None, folder: str = ".", **settings: Any):
    """Return ASE's CP2K calculator, with its files in a folder; ``cutoff_ry`` is that of the density's grid in Ry."""
    import shutil

    from ase.calculators.cp2k import CP2K

    command = command or os.environ.get("ASE_CP2K_COMMAND") or "cp2k_shell"
    if shutil.which(command.split()[0]) is None:
        raise InputError(
            f"cp2k: no program {command.split()[0]!r} found; name it, as potential_options: {{command: ...}}"
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    label = str(Path(folder).resolve() / "cp2k")
    return CP2K(command=command, label=label, cutoff=convert(cutoff_ry, "rydberg", "eV", "cutoff_ry"), **settings)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``above`` laid over ``below``, mapping by mapping."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _over(merged[key], value) if both else value
    return merged
