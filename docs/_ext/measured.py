"""Short tables of what was measured, read by the names of their columns from the tables in ``benchmarks/``.

``{measured} NAME``
    The short table of that name, see `SHORT`. A table or column that is no longer there stops the build.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from reference import ROOT

Table = list[dict[str, str]]
TIME = "time over oxyspy's"


def tables(text: str) -> list[Table]:
    """Return the tables of a Markdown text, each row a dictionary by the names of its columns."""
    found = re.findall(r"^(\|.*)\n\|[-:| ]+\|\n((?:\|.*\n?)*)", text, re.MULTILINE)
    return [[dict(zip(_cells(head), _cells(row), strict=False)) for row in body.splitlines()] for head, body in found]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def table_of(name: str, *columns: str) -> Table:
    """Return the first table of ``benchmarks/NAME.md`` that has these columns.

    Raises
    ------
    LookupError
        It has none.
    """
    every = tables((ROOT / "benchmarks" / f"{name}.md").read_text(encoding="utf-8"))
    for rows in every:
        if rows and set(columns) <= set(rows[0]):
            return [row for row in rows if len(row) == len(rows[0])]
    raise LookupError(f"no table of benchmarks/{name}.md has the columns {', '.join(columns)}")


def markdown(rows: Iterable[dict[str, str]]) -> str:
    """Write rows as a table, with the columns of the first."""
    rows = list(rows)
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def speed() -> Iterator[dict[str, str]]:
    """Times of each step over oxyspy's, at the most spectra at which as many tools as ever were run."""
    rows = [row for row in table_of("results", "step", "tool", "spectra", TIME) if row.get(TIME)]
    heads = {
        "eXSpy": "eXSpy", "eXSpy, cut": "eXSpy, cut", "pyEELSMODEL": "pyEELSMODEL", "reference": "plain numpy/scipy",
    }  # fmt: skip
    for step in dict.fromkeys(row["step"] for row in rows):
        here = [row for row in rows if row["step"] == step]
        size = max(here, key=lambda row: (sum(one["spectra"] == row["spectra"] for one in here), int(row["spectra"])))
        times = {row["tool"]: _ratio(row[TIME]) for row in here if row["spectra"] == size["spectra"]}
        yield {"step": step, "spectra": size["spectra"]} | {head: times.get(tool, "-") for tool, head in heads.items()}


def _ratio(text: str) -> str:
    return f"{float(text):.{0 if float(text) >= 10 else 1 if float(text) >= 2 else 2}f}"


def promises() -> Iterator[dict[str, str]]:
    """The ratios of time that are held, or not, at each size."""
    rows = table_of("results", "step", "ratio of times", "promised")
    return ({("bound" if name == "promised" else name): row[name] for name in row} for row in rows)


def answers() -> Iterator[dict[str, str]]:
    """What tools answer on the same few counts: bias of the mean and scatter, in per cent."""
    quantities = ("background under L3", "L3/L2")
    for row in table_of("eels_peers", "counts a channel", "t/λ", "tool", *quantities):
        if row["counts a channel"] in ("10", "300") and row["t/λ"] == "0.8":
            yield {name: row[name] for name in ("counts a channel", "tool")} | {
                name: _bias_and_scatter(row[name]) for name in quantities
            }


def _bias_and_scatter(cell: str) -> str:
    parts = cell.split(";")
    return f"{parts[0]} %; {parts[2].strip()} %" if len(parts) > 2 else cell


def displacements() -> Iterator[dict[str, str]]:
    """Time and memory of the mean squared displacement."""
    for row in table_of("msd", "tool", "what", "CPU over oxyspy's", "peak memory (positions)"):
        yield {name: row[name] for name in ("tool", "what", "CPU over oxyspy's", "peak memory (positions)")}


def more_speed() -> Iterator[dict[str, str]]:
    """What has no other tool beside it, over plain numpy and scipy."""
    for row in table_of("lattice_speed", "what", "over the plain FFT"):
        if not row["what"].startswith("plain"):
            yield {"what": row["what"], "beside": "all windows by `scipy.fft`", "ratio": row["over the plain FFT"]}
    whole = "whole, D, L, errors, checks: ratio"
    for row in table_of("transport", "case", whole):
        what = f"a million diffusivities: {row['case']}"
        yield {"what": what, "beside": "the printed formula in numpy", "ratio": row[whole]}


def lattice() -> Iterator[dict[str, str]]:
    """Windows whose phase is right, and layers, of simulated images."""
    columns = ("shell and condition", "windows", "right (%)", "confidently wrong (%)")
    for row in table_of("lattice_accuracy", *columns):
        yield {name: row[name] for name in columns}


def layers() -> Iterator[dict[str, str]]:
    """Layers of simulated images."""
    columns = ("layer", "images", "bias (nm)", "sd (nm)", "median sigma (nm)", "in 68 %", "in 95 %")
    for row in table_of("lattice_thickness", *columns):
        yield {name: row[name] for name in columns}


def scans() -> Table:
    """Intervals of simulated line scans, as their script puts them first."""
    return table_of("eels_coverage")


def rows() -> Iterator[dict[str, str]]:
    """Intervals of layers of rough surfaces."""
    condition, *_ = table_of("rows_coverage")[0]
    columns = (condition, "row_68", "row_95", "all_95", "unmoved_95")
    for row in table_of("rows_coverage", *columns):
        yield {name: row[name] for name in columns}


def ratios() -> Iterator[dict[str, str]]:
    """Intervals of L3/L2 of single positions."""
    columns = ("counts a channel", "deconvolved", "given, in σ", "68 %", "95 %", "Fieller 95 %")
    for row in table_of("eels_ratio", *columns):
        yield {name: row[name] for name in columns}


def diffusivities() -> Iterator[dict[str, str]]:
    """Intervals of D."""
    columns = ("run (ps)", "ions", "rattle (Å)", "hops (Å)", "measured", "within 1 sigma", "within 1.96", "sigma / D")
    for row in (row for row in table_of("diffusion_coverage", *columns) if row["ions"] == "48"):
        yield {name: row[name] for name in columns}


SHORT: dict[str, Callable[[], Iterable[dict[str, str]]]] = {
    one.__name__.replace("_", "-"): one
    for one in (
        speed, promises, answers, displacements, more_speed, lattice, layers, scans, rows, ratios, diffusivities,
    )
}  # fmt: skip


class Measured(SphinxDirective):
    """A short table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        try:
            text = markdown(SHORT[self.arguments[0]]())
        except LookupError as error:
            raise self.error(str(error)) from error
        parent = nodes.container(classes=["measured"])
        self.state.nested_parse(StringList(text.splitlines(), source="benchmarks"), self.content_offset, parent)
        return parent.children
