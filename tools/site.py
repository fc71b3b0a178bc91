"""Renders the executed lessons as pages to read: `python -m tools.site` writes build/site, index.html first.

The pages hold all that they need, or it lies beside them: they open from disk, without a network. What a reader could
not perceive is refused, with the lesson's name: a picture without alt text, a stored error.
"""

import re
import shutil
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from nbconvert.filters import Highlight2HTML, strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tools import address, lessons

FILES = Path(__file__).with_suffix("")  # templates, style and script
OUT = lessons.ROOT / "build" / "site"
CONTROLS = "(controls: run this cell to use them)"  # what tools.course stores in place of a widget
NOT_ATTEMPTED = "⏳"  # how the message of a blank exercise begins
TIME = re.compile(r"\*\*Time:\*\*\s+(.+?)(?=\n\*\*|\n\n|$)", re.DOTALL)

highlight = Highlight2HTML(pygments_lexer="ipython3")
templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FILES), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Page:
    """A rendered lesson. `opening` (the first cell) and `body` are HTML, `sections` pairs (id, heading)."""

    name: str
    title: str
    promise: str
    time: str
    cover: str
    alt: str
    facts: dict
    sections: list[tuple[str, str]]
    opening: str
    body: str


class Prose(IPythonRenderer):
    """Markdown to HTML as nbconvert does it, but with formulas as MathML, which browsers show by themselves."""

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")


def mathml(tex: str, display: str) -> str:
    """A formula as MathML; `display` is "block" or "inline". Raises ValueError for what is no TeX."""
    # MathML sets no space between the name of a function and what it is taken of; TeX does.
    spaced = re.sub(r"(\\log) (?=\\)", r"\1\\, ", tex.strip())
    try:
        formula = convert(spaced, display=display)
    except Exception as error:  # latex2mathml's errors have nothing else in common
        raise ValueError(f"a formula cannot be read: {tex!r}.") from error
    if "\\" in formula:  # a command that latex2mathml does not know is left as it was
        raise ValueError(f"a formula has an unknown command: {tex!r}.")
    return formula


def prose(markdown: str) -> str:
    renderer = Prose(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(markdown)


# ---- Cells ------------------------------------------------------------------------------------------------------


def shown(output) -> str:
    """One stored output as HTML. Raises ValueError for what a page cannot show to everybody."""
    if output.output_type == "error":
        raise ValueError(f"a stored output is an error: {output.ename}.")
    if output.output_type == "stream":
        text = strip_ansi(output.text).rstrip()
        return "" if text.startswith(NOT_ATTEMPTED) else f"<pre>{escape(text)}</pre>"
    data = output.data
    if any(kind.startswith("image/") for kind in data):
        raise ValueError("a stored picture has no alt text: show it with `show`.")
    if "text/html" in data:
        return data["text/html"]
    text = data.get("text/plain", CONTROLS)
    if text == CONTROLS or any("widget-view" in kind for kind in data):
        return '<p class="controls">Controls stand here in the notebook: run this cell there to use them.</p>'
    return f"<pre>{escape(text)}</pre>"


def rendered(cell) -> str:
    """A cell as HTML: prose, or code with what it showed; an exercise as the blank that it is."""
    if cell.cell_type == "markdown":
        return prose(cell.source)
    outputs = "".join(map(shown, cell.outputs))
    code = highlight(cell.source)
    if lessons.is_exercise(cell):
        label = "Your turn: fill this in, in the notebook, and run it."
        code = f'<div class="exercise" role="group" aria-label="Exercise"><p>{label}</p>{code}</div>'
    return code + (f'<div class="output" role="group" aria-label="Output">{outputs}</div>' if outputs else "")


# ---- The page as a whole ----------------------------------------------------------------------------------------


def settle_pictures(soup, folder: Path, out: Path) -> None:
    """Copies pictures (named as seen from `folder`) beside the pages; of remote ones only the alt text stays.

    Raises ValueError for one without alt text, and for one that is not there.
    """
    for picture in soup.find_all("img"):
        source, alt = picture.get("src", ""), picture.get("alt", "").strip()
        if not alt:
            raise ValueError(f"a picture has no alt text: {source[:60]!r}.")
        if source.startswith("data:image/"):
            continue
        if urlsplit(source).scheme:
            picture.replace_with(alt)
            continue
        path = folder / source
        if not path.is_file():
            raise ValueError(f"a picture is missing: {source!r}.")
        (out / "pictures").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / "pictures" / path.name)
        picture["src"] = f"pictures/{path.name}"


def settle_links(soup, names: set[str]) -> None:
    """Links to lessons lead to their pages; of links to other files in the repository only the text stays."""
    for link in soup.find_all("a", href=True):
        address = urlsplit(link["href"])
        name = Path(address.path).stem
        if address.path.endswith(".ipynb") and not address.scheme and name in names:
            link["href"] = f"{name}.html" + (f"#{address.fragment}" if address.fragment else "")
        elif not address.scheme and address.path:
            link.unwrap()


def settle_headings(soup) -> list[tuple[str, str]]:
    """Gives every heading an id, and the sections as pairs (id, heading)."""
    sections, seen = [], set()
    for heading in soup.find_all(re.compile("^h[1-6]$")):
        text = heading.get_text().strip()
        name = base = re.sub(r"\W+", "-", text.lower()).strip("-") or "section"
        while name in seen:
            name = f"{base}-{len(seen)}"
        seen.add(name)
        heading["id"] = name
        if heading.name == "h2":
            sections.append((name, text))
    return sections


def settle_wide_things(soup) -> None:
    """Tables get header cells and captions; they and formulas scroll on narrow screens, by keyboard as well."""
    for number, table in enumerate(soup.find_all("table"), start=1):
        for cell in table.find_all("th"):
            if cell.get_text(strip=True):
                cell["scope"] = "col"
            else:
                cell.name = "td"  # a header must say something
        heading = table.find_previous(re.compile("^h[1-6]$"))
        caption = soup.new_tag("caption", id=f"table-{number}")
        caption.string = f"Table {number}" + (f": {heading.get_text().strip()}" if heading else "")
        table.insert(0, caption)
        table.wrap(soup.new_tag("div", role="group", tabindex="0", **{"aria-labelledby": caption["id"]}))[
            "class"
        ] = "wide"
    for formula in soup.find_all("math", display="block"):
        formula.parent.name = "div"
        formula.parent.attrs = {
            "class": "wide formula",
            "role": "group",
            "tabindex": "0",
            "aria-label": "Formula",
        }


def page(path: Path, out: Path, names: set[str]) -> Page:
    """Renders one lesson; the pictures that it refers to are copied to `out`. Raises ValueError with its name."""
    notebook = lessons.read(path)
    first = notebook.cells[0]
    promise, time = prose(first.source.split("\n\n")[1]), TIME.search(first.source)
    first.source = first.source.replace("\n**What", "\\\n**What")  # on a line of its own
    try:
        opening, *rest = [f"<div>{rendered(cell)}</div>" for cell in notebook.cells]
        soup = BeautifulSoup(f"<div>{opening}</div><div>{''.join(rest)}</div>", "html.parser")
        settle_pictures(soup, path.parent, out)
        settle_links(soup, names)
        sections = settle_headings(soup)
        settle_wide_things(soup)
    except ValueError as error:
        raise ValueError(f"{path.stem}: {error}") from error
    cover = soup.find("img")
    return Page(
        name=path.stem,
        title=soup.h1.get_text(),
        promise=promise,
        time=" ".join(time[1].split()) if time else "",
        cover=cover["src"] if cover else "",
        alt=cover["alt"] if cover else "",
        facts=notebook.metadata.get("imagegen_lessons", {}),
        sections=sections,
        opening=soup.contents[0].decode_contents(),
        body=soup.contents[1].decode_contents(),
    )


def course_promise(readme: str) -> tuple[str, str]:
    """The course's title, and as HTML what README.md says of it before its first table or heading."""
    title, *paragraphs = readme.split("\n\n")
    end = next((n for n, text in enumerate(paragraphs) if text.startswith(("|", "#", "<"))), len(paragraphs))
    text = [paragraph for paragraph in paragraphs[:end] if "![" not in paragraph]  # no badges
    soup = BeautifulSoup(prose("\n\n".join(text)), "html.parser")
    settle_links(soup, set())
    return title.removeprefix("# "), str(soup)


def build(out: Path, paths: list[Path]) -> list[Page]:
    """Writes the pages of some lessons, in this order, and their index to the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("style.css", "site.js"):
        shutil.copyfile(FILES / name, out / name)
    pages = [page(path, out, {path.stem for path in paths}) for path in paths]
    for before, this, after in zip([None, *pages], pages, [*pages[1:], None], strict=False):
        html = templates.get_template("lesson.html").render(page=this, before=before, after=after)
        (out / f"{this.name}.html").write_text(html, encoding="utf-8")
    title, promise = course_promise((lessons.ROOT / "README.md").read_text(encoding="utf-8"))
    repository = "" if address.current() == address.PLACEHOLDER else f"https://github.com/{address.current()}"
    html = templates.get_template("index.html").render(
        title=title, promise=promise, pages=pages, repository=repository
    )
    (out / "index.html").write_text(html, encoding="utf-8")
    return pages


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)  # of a lesson that has been renamed, say
    try:
        print(f"{len(build(OUT, lessons.paths()))} lessons: open build/site/index.html")
    except ValueError as error:
        raise SystemExit(str(error)) from error
