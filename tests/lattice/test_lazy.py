"""Importing the package costs next to nothing."""

import subprocess
import sys


def test_import_brings_in_no_heavy_library():
    code = (
        "import sys, oxyspy.lattice, oxyspy.simulate; "
        "print([m for m in ('hyperspy', 'pymatgen', 'matplotlib', 'pandas', 'scipy', 'ase') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_kernels_never_import_hyperspy():
    code = (
        "import sys\nfrom oxyspy.lattice import phase_map, layer_thickness, identify_phase\n"
        "from oxyspy.simulate import simulate_image\nimage = simulate_image((200, 200), seed=1)\n"
        "phase_map(image.counts, 0.02)\nprint('hyperspy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
