"""The package as a whole: cheap to import, free of HyperSpy, complete, and at home in a dask block."""

import subprocess
import sys

import numpy as np

import oxyspy.transport


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"hyperspy", "pymatgen", "ase", "matplotlib", "pandas", "scipy", "pint", "yaml"}
    assert not heavy & loaded_after("import oxyspy.transport")


def test_a_required_diffusivity_needs_no_hyperspy_and_no_plots():
    code = "from oxyspy.transport import *\nrequired_diffusivity(2e-7, 1e-6, 9900.0)\ncoatings()"
    assert not {"hyperspy", "matplotlib", "pymatgen", "pandas"} & loaded_after(code)


def test_every_public_name_is_there():
    for name in oxyspy.transport.__all__:
        assert getattr(oxyspy.transport, name) is not None


def test_the_function_coatings_is_not_hidden_by_a_module():
    import oxyspy.transport.coating_files  # noqa: F401

    assert callable(oxyspy.transport.coatings)


def test_scans_in_dask_blocks_are_solved_as_at_once():
    import dask.array as da

    layers = np.linspace(1e-7, 4e-7, 40).reshape(8, 5)

    def solve(block):
        return oxyspy.transport.required_diffusivity(block, 10e-7, 9900.0, layer_sigma=2e-8, n_samples=200).low

    lazy = da.from_array(layers, chunks=(3, 5)).map_blocks(solve, dtype=float)
    np.testing.assert_array_equal(lazy.compute(scheduler="threads"), solve(layers))
