"""How to cite the package, out of ``CITATION.cff``."""

from __future__ import annotations

import yaml

from reference import ROOT


def bibtex() -> str:
    """Return BibTeX entries of the package and of what it says to cite with it."""
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    package = {
        "author": "{" + facts["authors"][0]["name"] + "}", "title": facts["title"], "version": facts["version"],
        "year": str(facts["date-released"])[:4], "note": f"as of {facts['date-released']}",
    }  # fmt: skip
    return "\n\n".join([_entry("software", "oxyspy", package), *map(_article, facts["references"])])


def _article(facts: dict) -> str:
    authors = [f"{one['family-names']}, {one['given-names']}" for one in facts["authors"]]
    fields = {"author": " and ".join([*authors, "others"])} | {key: facts[key] for key in ("title", "journal")}
    fields |= {"year": facts["year"], "volume": facts["volume"], "pages": f"{facts['start']}--{facts['end']}"}
    return _entry("article", f"{facts['authors'][0]['family-names']}{facts['year']}", fields | {"doi": facts["doi"]})


def _entry(kind: str, key: str, fields: dict) -> str:
    return "\n".join([f"@{kind}{{{key},", *(f"  {name:<8}= {{{text}}}," for name, text in fields.items()), "}"])
