"""What the maintainers' tools and the tests know of a lesson: where it is, its cells, and the hash of its code."""

import hashlib
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOLVED = ROOT / "build" / "solved"
FORM = re.compile(r"[0-9]{2}_[a-z0-9_]+\.ipynb")  # a lesson's file; JupyterLab names copies "…-Copy1.ipynb"


@cache  # once for each is enough
def passed_over(name: str) -> None:
    """Says that a notebook with a lesson's number is none, since its author may have meant it for one."""
    print(f"{name} is taken for no lesson: only a-z, 0-9 and _ may follow its number.", file=sys.stderr)


def paths(number: str = "") -> list[Path]:
    """The lessons in order, or only those whose file begins with `number`, such as "02".

    Other notebooks are none: copies that JupyterLab makes (…-Copy1.ipynb) are left alone by all tools and tests, and so
    are those of another form, which is said. Ends the program where two lessons have one number, since nobody knows
    which of them is the copy.
    """
    for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
        if not FORM.fullmatch(path.name) and "-Copy" not in path.name:
            passed_over(path.name)
    found = sorted(path for path in NOTEBOOKS.glob("*.ipynb") if FORM.fullmatch(path.name))
    for one, other in pairwise(found):
        if one.name[:2] == other.name[:2]:
            raise SystemExit(
                f"{one.name} and {other.name} in {NOTEBOOKS.name}/ have the same number: move the copy to outputs/."
            )
    found = [path for path in found if path.name.startswith(number)]
    if not found:
        raise SystemExit(f"There is no lesson {number!r} in {NOTEBOOKS.name}/.")
    return found


def read(path: Path):
    return nbformat.read(path, as_version=4)


def write(notebook, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def has_tag(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def is_exercise(cell) -> bool:
    return has_tag(cell, "exercise")


def code_sha256(notebook) -> str:
    """The hash over the sources of the code cells: it changes when stored outputs may no longer be true."""
    sources = "\0".join(cell.source for cell in code_cells(notebook))
    return hashlib.sha256(sources.encode()).hexdigest()
