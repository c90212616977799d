"""What the build adds to Sphinx: pages that run, help from the real parser, reference pages and measured tables.

``{run}``
    Runs Python at build, shows the code and what it printed.
``{console}``
    Runs ``$ oxyspy ...`` at build, shows the command and what it printed.
``{cli-help}``
    The help of every subcommand.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import blocks
from reference import API, DOCS, ROOT, parsers, write, write_reference


class Run(SphinxDirective):
    """Python that runs at build."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        shown = [self._literal(code, "python")]
        if self.config.run_blocks:
            namespace = self.env.temp_data.setdefault("oxyspy_namespace", {})
            printed = blocks.run_python(code, namespace, blocks.prepare(work_folder(self.env.app)))
            if printed.strip():
                shown.append(self._literal(printed.rstrip(), "text", "output"))
        return shown

    def _literal(self, text: str, language: str, kind: str = "") -> nodes.Node:
        node = nodes.literal_block(text, text, language=language)
        self.set_source_info(node)
        if kind:
            node["classes"].append(kind)
        return node


class Console(Run):
    """Commands that run at build."""

    def run(self) -> list[nodes.Node]:
        if not self.config.run_blocks:
            return [self._literal("\n".join(self.content), "console")]
        shown = []
        for command in blocks.commands_of("\n".join(self.content)):
            folder = blocks.prepare(work_folder(self.env.app) / "console" / self.env.docname)
            status, printed = blocks.run_command(command, folder)
            if status:
                raise self.error(f"{command!r} ended with status {status}:\n{printed}")
            shown.append(self._literal(f"$ {command}\n{printed.rstrip()}", "console"))
        return shown


class CommandHelp(SphinxDirective):
    """A section a subcommand, with the text that ``--help`` prints."""

    def run(self) -> list[nodes.Node]:
        from oxyspy.cli import build_parser

        os.environ["COLUMNS"] = "84"
        os.environ["NO_COLOR"] = "1"
        return [self._section(parser) for parser in parsers(build_parser())]

    def _section(self, parser: argparse.ArgumentParser) -> nodes.section:
        title = parser.prog
        section = nodes.section(ids=[nodes.make_id(title)], names=[nodes.fully_normalize_name(title)])
        text = parser.format_help().rstrip()
        section += [nodes.title(title, title), nodes.literal_block(text, text, language="text")]
        self.state.document.note_explicit_target(section, section)
        return section


def work_folder(app) -> Path:
    """Where pages run."""
    return Path(app.outdir).parent / "work"


def write_tables() -> None:
    """Copy every measured table of benchmarks/, so that a new one needs no edit here."""
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.md"))
    for name in names:
        text = (ROOT / "benchmarks" / f"{name}.md").read_text(encoding="utf-8")
        # links between files of the repository have no page here
        write(API / "measured" / f"{name}.md", re.sub(r"\[([^\]]+)\]\((?!http|#)[^)]*\)", r"\1", text))
    toc = "\n".join(names)
    write(
        API / "measured" / "index.md",
        "# The measured tables\n\nAs the scripts in `benchmarks/` wrote them.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{toc}\n```\n",
    )


def write_reproduced() -> None:
    """Compute every number of the study anew."""
    from oxyspy.transport.reproduce import report, study_rows

    write(DOCS / "reproduce.md", report(study_rows()))


def write_figure() -> None:
    """Draw the demo scan's profiles, once a clean build."""
    path = API / "rocksalt_2nm.png"
    if path.exists():
        return
    import oxyspy
    from oxyspy.plotting import save_figure

    scan = oxyspy.load_scan(ROOT / "test_data" / "demo" / "rocksalt_2nm")
    save_figure(oxyspy.analyse(scan, recipe="nmc").plot(), path)


def generate(app, config) -> None:
    """Write the pages that are made, before Sphinx looks for pages."""
    import hyperspy.api as hs

    hs.set_log_level("ERROR")
    write_reference()
    write_tables()
    write_reproduced()
    write_figure()


def quiet(gallery_conf, name) -> None:
    """Before each example: no bars, no warnings of other packages, and the folder that holds `test_data`."""
    import warnings

    import hyperspy.api as hs

    hs.preferences.General.show_progressbar = False
    hs.set_log_level("ERROR")
    warnings.filterwarnings("ignore")


def setup(app) -> dict:
    """Register."""
    app.add_config_value("run_blocks", True, "env", types=[bool])
    app.add_directive("run", Run)
    app.add_directive("console", Console)
    app.add_directive("cli-help", CommandHelp)
    app.connect("config-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
