"""Fixtures of the whole suite."""

import os
from pathlib import Path

# before NumPy is loaded: each worker of the suite has a core, and threads of BLAS that wait for one cost sevenfold
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import matplotlib  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

matplotlib.use("Agg")

# a slow machine is no failure, and the same examples each time make one reproducible
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("suite")

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The small files the project made itself."""
    return ROOT / "test_data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real measurements of other projects; they lie beside a developer's checkout, never inside it."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real measurements that lies beside a developer's checkout")
    return SHARED


@pytest.fixture(scope="session")
def mn_calibration():
    """The script that measures the reference spectra."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("mn_calibration", ROOT / "benchmarks" / "mn_calibration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
