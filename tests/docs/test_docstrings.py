"""Public docstrings have the form that numpydoc asks for; the checks stand in pyproject.toml."""

import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

from reference import PACKAGES, public_objects

ROOT = Path(__file__).parents[2]
CHECKS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["numpydoc_validation"]["checks"])


def public_names(package):
    """Full names of all that the API reference shows of a package."""
    names, below = public_objects(package)
    return [f"{package}.{name}" for name in names] + [
        f"{module}.{name}" for module, rest in below.items() for name in rest
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_docstring_passes_the_checks(package):
    wrong = [
        f"{name}: {code} {words}"
        for name in public_names(f"oxyspy.{package}")
        for code, words in validate(name)["errors"]
        if code in CHECKS
    ]
    assert not wrong, "\n".join(wrong)
