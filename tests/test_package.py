"""The package as users get it: lazy, one manifest, a wheel that HyperSpy finds."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

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


# a program with libraries of its own, which no extra can bring; engines.yaml says what it needs
PROGRAMS = {"gpaw"}


def test_every_import_is_a_dependency_or_an_extra_that_is_asked_for_where_it_is_used():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plain = {_name(line) for line in told["dependencies"]}
    extra = {_name(line) for lines in told["optional-dependencies"].values() for line in lines}
    brings = importlib.metadata.packages_distributions()
    missing = {}
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for top in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"oxyspy"}:
                owners = {re.sub(r"[-_.]+", "-", owner).lower() for owner in brings.get(top, [top])}
                # an import at a module's top must hold in every installation
                allowed = plain if node.col_offset == 0 else plain | extra | PROGRAMS
                if not owners & allowed:
                    missing.setdefault(top, str(file.relative_to(ROOT)))
    assert not missing


def test_wheel_in_a_clean_environment_shows_its_signals_to_hyperspy(tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False)
    python = str(clean / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    # its dependencies are the ones installed already, behind it on the path, where the checkout's link is not followed
    folder = Path(sysconfig.get_path("purelib", vars={"base": str(clean), "platbase": str(clean)}))
    (folder / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    shown = run(
        python, "-W", "ignore", "-c", "import hyperspy.api as hs; hs.print_known_signal_types()", cwd=tmp_path
    )  # fmt: skip
    for word in ("core_loss_EELS", "lattice_image", "LazyCoreLossEELSSpectrum"[4:], "LatticeImage"):
        assert word in shown
    where = "import oxyspy, pathlib; print(pathlib.Path(oxyspy.__file__).parent)"
    package = Path(run(python, "-c", where, cwd=tmp_path).strip())
    assert package.is_relative_to(clean)
    assert (package / "hyperspy_extension.yaml").read_bytes() == (ROOT / "plugins.yaml").read_bytes()
    # the demo's scans come along, and every command's help works without the checkout
    assert (package / "data" / "demo" / "truth.yaml").is_file()
    assert "analyse" in run(python, "-m", "oxyspy.cli", "--help", cwd=tmp_path)


def _name(requirement):
    """A requirement's distribution, as written in an index."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()
