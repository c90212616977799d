"""All code on the pages is run or checked by the build of the site, `make docs`; here, that none is kept from it."""

import re
from pathlib import Path

import pytest

import blocks

DOCS = Path(__file__).parents[2] / "docs"
MADE = {"_build", "api", "auto_examples", "auto_tutorials"}
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.relative_to(DOCS).parts[0] not in MADE]
# what is shown without being run: directives of Sphinx, none of which holds code of ours
SHOWN = {"toctree", "image", "figure", "glossary", "literalinclude", "note", "include", "cli-help", "measured"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_is_one_that_the_build_runs(page):
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^`{3,}([^\n`]+)\n", text, re.MULTILINE)
    kinds = {fence.split()[0] for fence in fences}
    assert kinds <= {f"{{{kind}}}" for kind in SHOWN | {"run", "console", "file"}}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_code_of_a_page_stands_outside_a_fence(page):
    outside = blocks.FENCE.sub("", page.read_text(encoding="utf-8"))
    # an indented line after an empty one is code; what `make` does is for its own targets to prove
    code = re.findall(r"\n\n((?: {4}[^\n]*\n)+)", outside)
    assert [line for block in code for line in block.splitlines() if not line.strip().startswith("make ")] == []


def test_every_command_has_its_help_on_the_site():
    from oxyspy.cli import COMMANDS, build_parser
    from reference import parsers

    shown = {parser.prog for parser in parsers(build_parser())}
    assert {f"oxyspy {name.replace('_', '-')}" for name in COMMANDS} <= shown
