"""Docstrings have the form that numpydoc asks for; the checks stand in pyproject.toml."""

import importlib
import inspect
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

from reference import PACKAGES, inner_names, public_names

ROOT = Path(__file__).parents[2]
CHECKS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["numpydoc_validation"]["checks"])
# of what is called: every parameter and what is returned, each described, in order, and an example that runs
CALLED = CHECKS | {"PR01", "PR03", "PR07", "RT01", "RT03", "EX01"}
# without an example, and why
NO_EXAMPLE = {
    "oxyspy.transport.materials_project_entries": "needs the network and a key",
    "oxyspy.dynamics.melt_quench": "runs for minutes; the guide has its recipe, and tests run it",
    "oxyspy.workflow.write_report": "called by analyse_many, with what that has at hand",
}


def called(package: str) -> list[str]:
    """Full names of a package's public functions, and of the public methods of its signals."""
    module = importlib.import_module(package)
    found = []
    for name in public_names(package):
        value = getattr(module, name)
        if inspect.isfunction(value):
            found.append(f"{package}.{name}")
        elif package == "oxyspy.signals":
            methods = (key for key, one in vars(value).items() if inspect.isfunction(one) and not key.startswith("_"))
            found += [f"{package}.{name}.{key}" for key in methods]
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_docstring_passes_the_checks(package):
    package = f"oxyspy.{package}"
    names = [f"{package}.{name}" for name in public_names(package)] + inner_names(package)
    wrong = [f"{name}: {code} {words}" for name in names for code, words in validate(name)["errors"] if code in CHECKS]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_called_says_all_it_takes_and_gives_with_an_example(package):
    wrong = [
        f"{name}: {code} {words}"
        for name in called(f"oxyspy.{package}")
        for code, words in validate(name)["errors"]
        if code in CALLED and not (code == "EX01" and name in NO_EXAMPLE)
    ]
    assert not wrong, "\n".join(wrong)


def test_exceptions_are_still_needed():
    every = {name for package in PACKAGES for name in called(f"oxyspy.{package}")}
    assert set(NO_EXAMPLE) <= every
    assert all("EX01" in {code for code, _ in validate(name)["errors"]} for name in NO_EXAMPLE)


def test_hardly_an_example_is_left_out_of_the_run():
    skipped = [
        path.name for path in (ROOT / "src").rglob("*.py") if "doctest: +SKIP" in path.read_text(encoding="utf-8")
    ]
    assert skipped == []
