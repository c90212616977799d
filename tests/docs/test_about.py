"""What the site says of the package itself is so."""

import re
import tomllib
from pathlib import Path

import yaml

import oxyspy
from citation import bibtex

ROOT = Path(__file__).parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_citation_has_the_version_of_the_package():
    assert CITATION["version"] == oxyspy.__version__


def test_bibtex_has_the_package_and_the_study():
    text = bibtex()
    assert text.count("@") == 2 and text.count("{") == text.count("}")
    assert f"{{{oxyspy.__version__}}}" in text and "10.1021/acs.chemmater.3c02351" in text and "2642--2651" in text


def test_every_extra_is_said_where_one_starts():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = (ROOT / "docs" / "getting_started.md").read_text(encoding="utf-8")
    first = "".join(re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first)) == set(extras)
