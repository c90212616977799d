"""The site as built: every link of every page leads somewhere inside it, and pages look as they should in a browser.

``make docs`` runs this after the build.
"""

import os
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from browser import launched, needs_browser, watched

SITE = Path(__file__).parents[1] / "_build" / "html"
PAGES = sorted(path for path in SITE.rglob("*.html") if not {".doctrees", "_static"} & set(path.parts))
# every page that was written by hand, and one of each kind that was made
SEEN = [
    path for path in PAGES
    if path.relative_to(SITE).parts[0] not in ("_modules", "api", "genindex.html", "py-modindex.html", "search.html")
] + [SITE / "api" / name for name in ("index.html", "lattice.html", "measured/results.html")] + [
    SITE / "api" / "generated" / f"oxyspy.{name}.html"
    for name in ("signals.CoreLossEELSSpectrum", "transport.required_diffusivity")
]  # fmt: skip


class Page(HTMLParser):
    """The ids of a page, where its links lead, and what a browser loads for it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.ids |= {known[name] for name in ("id", "name") if known.get(name)}
        if tag == "link" and known.get("rel") in ("canonical", "search", "index", "next", "prev"):
            return
        if tag == "a" and known.get("href"):
            self.links.append(known["href"])
        elif tag == "link" and known.get("href"):
            self.loads.append(known["href"])
        if known.get("src"):
            self.loads.append(known["src"])
        self.loads += [part.split()[0] for part in (known.get("srcset") or "").split(",") if part.split()]


@cache
def parsed(path: Path) -> Page:
    """A page of the site, read once."""
    return Page(path)


def dead(page: Path, link: str) -> bool:
    """Whether a link from a page leads nowhere; one that leaves the site is not followed."""
    parts = urlsplit(link)
    if parts.scheme:
        return False
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not file.is_file() or not file.is_relative_to(SITE):
        return True
    return bool(parts.fragment) and file.suffix == ".html" and unquote(parts.fragment) not in parsed(file).ids


def test_site_was_built():
    assert len(PAGES) > 100, "no site in docs/_build/html: `make docs` builds it"


def test_every_link_leads_somewhere():
    assert [f"{p.relative_to(SITE)}: {link}" for p in PAGES for link in parsed(p).links if dead(p, link)] == []


def test_nothing_is_loaded_from_elsewhere():
    loads = [(page, load) for page in PAGES for load in parsed(page).loads if not load.startswith("data:")]
    assert [f"{page.relative_to(SITE)}: {load}" for page, load in loads if urlsplit(load).scheme] == []
    assert [f"{page.relative_to(SITE)}: {load}" for page, load in loads if dead(page, load)] == []


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


# what is wrong with a page as it is shown
LOOK = """() => {
  const all = selector => [...document.querySelectorAll('.bd-article ' + selector)];
  const right = document.documentElement.clientWidth + 1;
  const inside = 'pre, table, .math, .pst-scrollable-table-container, [hidden]';
  return {
    wide: all('*').filter(e => e.getBoundingClientRect().right > right && !e.closest(inside))
      .map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.slice(0, 60)),
    scrolls: document.documentElement.scrollWidth > right,
    broken: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
    nameless: all('img').filter(i => !i.alt && !i.closest('.sphx-glr-thumbcontainer')).map(i => i.src),
    unset: all('.math').length - all('.math mjx-container').length,
    misread: document.querySelectorAll('mjx-merror').length,
    untitled: all('h1').length != 1,
  };
}"""


@needs_browser
def test_pages_are_whole_and_fit_on_any_screen(browser):
    wrong = []
    keep = os.environ.get("OXYSPY_SCREENSHOTS")
    for path in SEEN:
        name = path.relative_to(SITE)
        with watched(browser, path) as page:
            page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
            page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
            page.wait_for_load_state("load")
            for width in (1280, 400):
                page.set_viewport_size({"width": width, "height": 900})
                faults = {key: value for key, value in page.evaluate(LOOK).items() if value}
                if faults:
                    wrong.append(f"{name} at {width}: {faults}")
                if keep:
                    shot = f"{str(name).replace('/', '_')}_{width}.png"
                    page.screenshot(path=Path(keep) / shot, full_page=True)
            outside = [url for url in page.requests if not url.startswith(("file:", "data:"))]
            if page.errors or outside:
                wrong.append(f"{name}: {page.errors} {outside}")
    assert not wrong, "\n".join(wrong)
