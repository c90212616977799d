"""Every block of code on the pages runs; the gallery's scripts are run by the build of the site."""

from pathlib import Path

import pytest

import blocks

DOCS = Path(__file__).parents[2] / "docs"
MADE = {"_build", "api", "auto_examples", "auto_tutorials"}
PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if path.relative_to(DOCS).parts[0] not in MADE and blocks.blocks_of(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_blocks_of_page_run(page, tmp_path):
    folder, namespace = blocks.prepare(tmp_path), {}
    for kind, code in blocks.blocks_of(page.read_text(encoding="utf-8")):
        if kind == "python":
            blocks.run_python(code, namespace, folder)
        for command in blocks.commands_of(code) if kind == "console" else ():
            status, printed = blocks.run_command(command, folder)
            assert status == 0, printed


def test_every_command_has_its_help_on_the_site():
    from oxyspy.cli import COMMANDS, build_parser
    from reference import parsers

    shown = {parser.prog for parser in parsers(build_parser())}
    assert {f"oxyspy {name.replace('_', '-')}" for name in COMMANDS} <= shown


@pytest.mark.parametrize(
    "script", sorted([*DOCS.glob("gallery/*.py"), *DOCS.glob("tutorials/*.py")]), ids=lambda p: p.stem
)
def test_script_of_the_gallery_is_whole(script):
    text = script.read_text(encoding="utf-8")
    compile(text, script.name, "exec")
    assert text.startswith(('"""\n', 'r"""\n')) and "\n===" in text
