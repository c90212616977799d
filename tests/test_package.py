"""The package as users get it: lazy, one manifest, a wheel that HyperSpy finds."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

import oxyspy
from conftest import ROOT


def run(*command, **options):
    """Run a command away from the checkout and give what it printed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, oxyspy; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = set(run(sys.executable, "-c", code).split())
    assert not loaded & {
        "hyperspy",
        "exspy",
        "numpy",
        "scipy",
        "matplotlib",
        "pymatgen",
        "ase",
        "pandas",
        "dask",
        "pint",
    }


def test_every_public_name_of_the_package_resolves():
    for name in oxyspy.__all__:
        assert getattr(oxyspy, name) is not None


def test_manifest_is_one_file():
    inside, top = ROOT / "src" / "oxyspy" / "hyperspy_extension.yaml", ROOT / "plugins.yaml"
    assert inside.samefile(top)
    manifest = yaml.safe_load(top.read_text())
    assert set(manifest["signals"]) == {
        "CoreLossEELSSpectrum", "LazyCoreLossEELSSpectrum", "LatticeImage", "LazyLatticeImage",
    }  # fmt: skip
    for name, entry in manifest["signals"].items():
        found = getattr(oxyspy.signals, name)
        assert found._signal_type == entry["signal_type"]
        assert set(found._alias_signal_types) == set(entry["signal_type_aliases"])
        assert found._lazy is entry["lazy"]


@pytest.mark.slow
def test_wheel_in_a_clean_environment_shows_its_signals_to_hyperspy(tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "clean", with_pip=True)
    python = str(tmp_path / "clean" / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(python, "-m", "pip", "install", "--quiet", str(wheel))
    shown = run(
        python, "-W", "ignore", "-c", "import hyperspy.api as hs; hs.print_known_signal_types()", cwd=tmp_path
    )  # fmt: skip
    for word in ("core_loss_EELS", "lattice_image", "LazyCoreLossEELSSpectrum"[4:], "LatticeImage"):
        assert word in shown
    where = "import oxyspy, pathlib; print(pathlib.Path(oxyspy.__file__).parent)"
    package = Path(run(python, "-c", where, cwd=tmp_path).strip())
    assert (package / "hyperspy_extension.yaml").read_bytes() == (ROOT / "plugins.yaml").read_bytes()
    # the demo's scans come along, and every command's help works without the checkout
    assert (package / "data" / "demo" / "truth.yaml").is_file()
    assert "analyse" in run(python, "-m", "oxyspy.cli", "--help", cwd=tmp_path)
