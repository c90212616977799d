"""Fixtures of the whole suite."""

from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

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
