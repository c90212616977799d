"""What the build adds to Sphinx: pages that run, help from the real parser, reference pages and measured tables.

``{run}``
    Runs Python at build, shows the code, what it printed and, below ``:caption:``, what it drew. ``:hide:`` leaves the
    code out.
``{console}``
    Runs ``$ oxyspy ...`` at build, shows the command and what it printed.
``{file} NAME``
    Writes a file that the blocks below it read, and shows it.
``{cli-help}``
    The help of every subcommand.
``{measured} NAME``
    A short table out of the measured ones, see `measured`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

import blocks
import inline
import references
from measured import Measured
from reference import API, DOCS, ROOT, parsers, write, write_reference


class Run(SphinxDirective):
    """Python that runs at build; what it printed and drew stands below it."""

    has_content = True
    option_spec = {"caption": directives.unchanged_required, "hide": directives.flag}

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        shown = [] if "hide" in self.options else [self._literal(code, "python")]
        if self.config.run_blocks:
            namespace = self.env.temp_data.setdefault("oxyspy_namespace", {})
            printed = blocks.run_python(code, namespace, page_folder(self.env))
            if printed.strip():
                shown.append(self._literal(printed.rstrip(), "text", "output"))
            shown += self._figures()
        return shown

    def _literal(self, text: str, language: str, kind: str = "") -> nodes.Node:
        node = nodes.literal_block(text, text, language=language)
        self.set_source_info(node)
        if kind:
            node["classes"].append(kind)
        return node

    def _figures(self) -> list[nodes.Node]:
        """Save what was drawn and show it with the caption, which a page must give."""
        import matplotlib.pyplot as plt

        from oxyspy.plotting import save_figure

        drawn = [plt.figure(number) for number in plt.get_fignums()]
        if drawn and "caption" not in self.options:
            raise self.error("a block that draws needs a :caption:")
        return [self._figure(fig, save_figure) for fig in drawn]

    def _figure(self, fig, save) -> nodes.Node:
        count = self.env.temp_data["oxyspy_figures"] = self.env.temp_data.get("oxyspy_figures", 0) + 1
        path = API / "figures" / f"{self.env.docname.replace('/', '_')}_{count}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        width = f"{100 * fig.get_figwidth():.0f}px"
        save(fig, path)
        uri = "/" + path.relative_to(DOCS).as_posix()
        caption = nodes.caption()
        caption += self.parse_inline(self.options["caption"])[0]
        image = nodes.image(uri=uri, alt=caption.astext(), width=width)
        node = nodes.figure("", image, caption)
        self.set_source_info(node)
        return node


class Console(Run):
    """Commands that run at build."""

    option_spec = {}

    def run(self) -> list[nodes.Node]:
        if not self.config.run_blocks:
            return [self._literal("\n".join(self.content), "console")]
        shown = []
        for command in blocks.commands_of("\n".join(self.content)):
            status, printed = blocks.run_command(command, page_folder(self.env))
            if status:
                raise self.error(f"{command!r} ended with status {status}:\n{printed}")
            shown.append(self._literal(f"$ {command}\n{printed.strip()}", "console"))
        return shown


class File(Run):
    """A file of the page's folder, which blocks below it read."""

    required_arguments = 1
    option_spec = {}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        text = "\n".join(self.content)
        (page_folder(self.env) / name).write_text(text + "\n", encoding="utf-8")
        title = nodes.paragraph("", "", nodes.literal(name, name), classes=["file-name"])
        return [title, self._literal(text, "yaml" if name.endswith(".yaml") else "text")]


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


def page_folder(env) -> Path:
    """The folder in which the blocks of the page run that is being read, empty at its first."""
    if "oxyspy_folder" not in env.temp_data:
        env.temp_data["oxyspy_folder"] = blocks.prepare(Path(env.doctreedir) / "work" / env.docname)
    return env.temp_data["oxyspy_folder"]


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
    """Draw the demo scan's profiles."""
    import oxyspy
    from oxyspy.plotting import save_figure

    scan = oxyspy.load_scan(ROOT / "test_data" / "demo" / "rocksalt_2nm")
    (API / "figures").mkdir(parents=True, exist_ok=True)
    save_figure(oxyspy.analyse(scan, recipe="nmc").plot(), API / "figures" / "rocksalt_2nm.png")


def generate(app, config) -> None:
    """Write the pages that are made, before Sphinx looks for pages."""
    import hyperspy.api as hs

    hs.set_log_level("ERROR")
    write_reference()
    write_tables()
    write_reproduced()
    write_figure()


def keep_report(app, error) -> None:
    """Put the report that the guide's batch wrote among the files of the site."""
    made = Path(app.doctreedir) / "work" / "guide" / "batch" / "out" / "report.html"
    if error is None and made.is_file():
        shutil.copyfile(made, Path(app.outdir) / "_static" / "report.html")


def quiet(gallery_conf, name) -> None:
    """Before each example: no bars, and no warnings but oxyspy's own."""
    import hyperspy.api as hs

    hs.preferences.General.show_progressbar = False
    hs.set_log_level("ERROR")
    blocks.show_own_warnings(str(DOCS))


def setup(app) -> dict:
    """Register."""
    # it only copies files at the end
    app.extensions["sphinx-mathjax-offline"].parallel_read_safe = True
    app.add_config_value("run_blocks", True, "env", types=[bool])
    app.add_directive("run", Run)
    app.add_directive("console", Console)
    app.add_directive("file", File)
    app.add_directive("cli-help", CommandHelp)
    app.add_directive("measured", Measured)
    app.connect("config-inited", generate)
    app.connect("doctree-read", inline.check)
    app.connect("missing-reference", references.resolve)
    app.connect("build-finished", keep_report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
