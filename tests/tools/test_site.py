"""The pages to read: whole, offline, perceivable. A browser looks at them with axe-core where there is one."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat.v4 as nb
import pytest
from bs4 import BeautifulSoup

from tools import address, browser_needs, lessons, site, try_it

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
FIRST = (
    "# 77 · A title\n\nA *promise*.\n\n**Time:** about an hour\non a CPU.\n**What to know first:** nothing."
)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two lessons that have tables, formulas, exercises and controls between them, as a site of their own."""
    out = tmp_path_factory.mktemp("site")
    return out, site.build(out, [*lessons.paths("03"), *lessons.paths("04")])


def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


class Balance(HTMLParser):
    """What is opened and not closed, or closed and not open."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.problems = [], []
        self.feed(html)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.open += [tag] * (tag not in VOID)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if self.open[-1:] == [tag]:
            self.open.pop()
        else:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")


def link_problems(out: Path) -> list[str]:
    """Links that lead nowhere, and assets that are not among the pages."""
    pages = {path.name: parsed(path) for path in out.glob("*.html")}
    problems = []
    for name, page in pages.items():
        for link in page.find_all("a", href=True):
            address = urlsplit(link["href"])
            if address.scheme in ("http", "https"):
                continue
            target = pages.get(address.path or name)
            if target is None or (address.fragment and not target.find(id=unquote(address.fragment))):
                problems.append(f"{name}: {link['href']} leads nowhere")
        assets = [
            tag.get("src") or tag.get("href") for tag in page.find_all(["img", "script", "link", "source"])
        ]
        for asset in assets:
            if not asset.startswith("data:") and (urlsplit(asset).scheme or not (out / asset).is_file()):
                problems.append(f"{name}: {asset[:80]} is not among the pages")
    return problems


def page_problems(page: BeautifulSoup) -> list[str]:
    """What keeps a page from being found one's way in with a keyboard or a screen reader."""
    problems = [
        f"{tag} is not there once" for tag in ("h1", "main", "header", "footer") if len(page(tag)) != 1
    ]
    levels = [int(heading.name[1]) for heading in page.find_all(re.compile("^h[1-6]$"))]
    problems += [f"h{b} follows h{a}" for a, b in zip(levels, levels[1:], strict=False) if b > a + 1]
    problems += ["the page has no language"] * (page.html.get("lang") != "en")
    problems += ["the page has no title"] * (not page.title.get_text(strip=True))
    first = page.body.find(True)
    problems += ["the skip link is not first"] * (
        first.get("href") != "#main" or page.main.get("id") != "main"
    )
    ids = [tag["id"] for tag in page.find_all(id=True)]
    problems += [f"the id {name} is there twice" for name in sorted({n for n in ids if ids.count(n) > 1})]
    problems += ["a picture has no alt text" for image in page("img") if not image.get("alt", "").strip()]
    problems += ["a nav has no name" for nav in page("nav") if not nav.get("aria-label")]
    problems += ["a table has no caption" for table in page("table") if not table.caption]
    problems += ["a header cell heads nothing" for cell in page("th") if not cell.get("scope")]
    problems += ["an empty header cell" for cell in page("th") if not cell.get_text(strip=True)]
    return problems


def test_the_pages_are_well_formed(two):
    for path in two[0].glob("*.html"):
        html = path.read_text(encoding="utf-8")
        assert html.startswith("<!DOCTYPE html>") and Balance(html).problems == []


def test_a_keyboard_and_a_screen_reader_find_their_way(two):
    for path in two[0].glob("*.html"):
        assert page_problems(parsed(path)) == []


def test_every_link_and_asset_is_among_the_pages(two):
    assert link_problems(two[0]) == []
    for name in ("style.css", "site.js"):
        assert not re.search(r"https?:|@import|url\(", (two[0] / name).read_text(encoding="utf-8"))


def test_the_index_is_like_a_books(two):
    out, pages = two
    index = parsed(out / "index.html")
    assert [link.get_text() for link in index.select("h2 a")] == [page.title for page in pages]
    for entry, page in zip(index.select(".lessons > li"), pages, strict=True):
        assert entry.img["alt"] == page.alt and (out / entry.img["src"]).is_file()
        promise = BeautifulSoup(page.promise, "html.parser").get_text()
        assert promise in entry.get_text() and page.time in entry.get_text()
        assert [link.get_text() for link in entry.select("details a")] == [text for _, text in page.sections]
        assert page.sections[-1][1] == "Next"


@pytest.mark.parametrize(("place", "links"), [(address.PLACEHOLDER, 0), ("some-body/course", 1)])
def test_the_index_leads_to_the_repository_where_there_is_one(monkeypatch, tmp_path, place, links):
    monkeypatch.setattr(address, "current", lambda: place)
    site.build(tmp_path, [])
    assert (
        len(parsed(tmp_path / "index.html").select("a[href='https://github.com/some-body/course']")) == links
    )


def test_pages_lead_to_their_neighbours(two):
    first, second = (parsed(two[0] / f"{page.name}.html") for page in two[1])
    assert [a["rel"] for a in first.select(".turn a")] == [["next"]]
    assert [a["href"] for a in second.select(".turn a")] == [f"{two[1][0].name}.html"]


def test_a_lesson_is_there_as_a_whole(two):
    page = two[1][0]
    notebook, soup = lessons.read(lessons.paths("03")[0]), BeautifulSoup(page.body, "html.parser")
    code = lessons.code_cells(notebook)
    blocks = []  # of code, in order: cells, and what the text suggests
    for cell in notebook.cells:
        blocks += [cell.source] if cell.cell_type == "code" else try_it.suggestions(cell)
    assert [block.get_text().strip() for block in soup.select("pre:has(span)")] == [b.strip() for b in blocks]
    blanks = sum(map(lessons.is_exercise, code))
    assert len(soup.select(".exercise")) == blanks and "not attempted" not in page.body
    stored = sum(o.get("data", {}).get("text/html", "").count("<img") for c in code for o in c.outputs)
    assert len(soup("img")) == stored
    assert page.body.count('class="controls"') == str(code).count(site.CONTROLS) > 0


def test_formulas_are_mathml(two):
    page = two[1][1]
    formulas = BeautifulSoup(page.body, "html.parser").select(".formula > math[display=block]")
    assert len(formulas) == 2 and formulas[1].msubsup and "$$" not in page.body
    assert formulas[0].get_text().startswith("d2=(μa")


def test_controls_are_what_the_course_stores():
    assert f'"{site.CONTROLS}"' in (lessons.ROOT / "tools" / "course.py").read_text(encoding="utf-8")


def test_the_index_says_what_the_readme_says():
    title, promise = site.course_promise(
        "# Course\n\n[![badge](https://example.org/a.svg)](b)\n\nIt *is* [here](docs/a.md).\n\n| a |\n\nNot this."
    )
    assert title == "Course" and promise.strip() == "<p>It <em>is</em> here.</p>"


# ---- What a page cannot show to everybody -----------------------------------------------------------------------


def lesson(tmp_path, *cells) -> Path:
    path = tmp_path / "77_planted.ipynb"
    lessons.write(nb.new_notebook(cells=[nb.new_markdown_cell(FIRST), *cells]), path)
    return path


def showing(html: str = "", **output):
    data = {"text/html": html} if html else output.pop("data", {})
    return nb.new_code_cell("1", outputs=[nb.new_output(output.pop("kind", "display_data"), data=data)])


@pytest.mark.parametrize(
    "cell, complaint",
    [
        (showing(f'<img src="{DOT}">'), "no alt text"),
        (showing(f'<img alt=" " src="{DOT}">'), "no alt text"),
        (showing(data={"image/png": "AAAA", "text/plain": "<Figure>"}), "no alt text"),
        (nb.new_markdown_cell("![](../docs/pictures/03_faces_gan.jpg)"), "no alt text"),
        (nb.new_markdown_cell("![a cat](nowhere.jpg)"), "is missing"),
        (nb.new_markdown_cell(r"$$\frac{$$"), "formula"),
        (nb.new_markdown_cell(r"Inline $\nosuch x$."), "unknown command"),
        (nb.new_code_cell("1", outputs=[nb.new_output("error", ename="OSError", evalue="")]), "OSError"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_lessons_name(tmp_path, cell, complaint):
    with pytest.raises(ValueError, match=f"77_planted: .*{complaint}"):
        site.build(tmp_path / "out", [lesson(tmp_path, cell)])


def test_a_hand_made_lesson(tmp_path):
    path = lesson(
        tmp_path,
        nb.new_markdown_cell(
            "## Same\n\n[![Open](https://example.org/b.svg)](https://example.org/) [a](../x.md)"
        ),
        nb.new_markdown_cell("## Same\n\n[b](77_planted.ipynb#same) and 3 < 4 & `<b>`"),
        nb.new_code_cell(
            "x = '<script>'", outputs=[nb.new_output("stream", text="\x1b[31m<b>red</b>\x1b[0m\n")]
        ),
        showing("<table><tr><th>a</th><th></th></tr><tr><td>1</td><td>2</td></tr></table>"),
        showing(data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox()"}),
        showing(data={"text/plain": "<History>"}),
    )
    (page,) = site.build(tmp_path / "out", [path])
    html = parsed(tmp_path / "out" / "77_planted.html")
    assert (
        page.time == "about an hour on a CPU."
        and page.cover == ""
        and page.promise == "<p>A <em>promise</em>.</p>\n"
    )
    assert [name for name, _ in page.sections] == ["same", "same-2"]
    assert page_problems(html) == [] and link_problems(tmp_path / "out") == []
    assert Balance(str(html)).problems == []
    assert html.find("a", href="https://example.org/").get_text() == "Open"
    assert html.find("a", href="77_planted.html#same") and not html.find("a", href="../x.md")
    assert [pre.get_text() for pre in html.select(".output > pre")] == ["<b>red</b>", "<History>"]
    assert html.caption.get_text() == "Table 1: Same" and len(html("th")) == 1
    assert len(html.select(".controls")) == 1 and "VBox" not in str(html)
    assert len(html("script")) == 1


# ---- Colours, and a real browser --------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_are_told_apart(scheme):
    css = (site.FILES / "style.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", css)
    colours = {name: luminance(pair[scheme]) for name, *pair in pairs}
    grounds = [colours.pop("page"), colours.pop("ground")]
    colours.pop("line")  # separates, and says nothing
    assert len(colours) == 9
    for name, colour in colours.items():
        for ground in grounds:
            dark, light = sorted((colour, ground))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name


@pytest.fixture(scope="module")
def all_lessons(tmp_path_factory):
    out = tmp_path_factory.mktemp("all")
    site.build(out, lessons.paths())
    return out


def opened(browser, path: Path, scheme: str = "light", width: int = 1280):
    """The page in the browser, and a list that collects what it asks of the network or complains of."""
    page, complaints = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900}), []
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or complaints.append(r.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    return page, complaints


def violations(page, but: str = "") -> list[str]:
    """What axe-core finds serious or critical on a page; `but` is a rule to leave out."""
    if lacking := browser_needs.missing("axe-core"):
        pytest.skip(f"{lacking} `make test-browser` gets it where it can.")
    page.add_script_tag(path=browser_needs.axe())
    rules = {but: {"enabled": False}} if but else {}
    results = page.evaluate(
        f"axe.run({{preload: false, resultTypes: ['violations'], rules: {json.dumps(rules)}}})"
    )
    serious = [v for v in results["violations"] if v["impact"] in ("serious", "critical")]
    return [f"{v['id']}, {len(v['nodes'])} times: {v['nodes'][0]['html'][:150]}" for v in serious]


@pytest.mark.parametrize(
    "scheme, width, but",
    [
        ("light", 1280, ""),
        ("dark", 1280, ""),
        ("light", 360, "color-contrast"),
    ],  # a phone has the same colours
    ids=["light", "dark", "phone"],
)
def test_axe_finds_nothing_serious(browser, all_lessons, scheme, width, but):
    for path in sorted(all_lessons.glob("*.html")):
        page, complaints = opened(browser, path, scheme, width)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name
        assert violations(page, but) == [], path.name
        assert complaints == [], path.name
        page.close()


def test_the_reader_chooses_the_scheme_by_keyboard(browser, two):
    page, complaints = opened(browser, two[0] / "index.html", "dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(ground) != dark
    assert page.evaluate("document.activeElement.textContent") == "Switch to dark"
    page.reload()
    assert page.evaluate(ground) != dark, "the choice is forgotten"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main" and complaints == []
    page.close()
