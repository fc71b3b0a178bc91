"""What the maintainers' tools and the tests know of a lesson: where it is, its cells, and the hash of its code."""

import hashlib
import re
from itertools import pairwise
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOLVED = ROOT / "build" / "solved"
FORM = re.compile(r"[0-9]{2}_[a-z_]+\.ipynb")  # a lesson's file; JupyterLab names a duplicate "…-Copy1.ipynb"


def paths(number: str = "") -> list[Path]:
    """The lessons in order, or only those whose file begins with `number`, such as "02".

    Other notebooks are none: copies that JupyterLab makes (…-Copy1.ipynb) are left alone by all tools and tests. Ends
    the program where two lessons have one number, since nobody knows which of them is the copy.
    """
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


def is_exercise(cell) -> bool:
    return "exercise" in cell.metadata.get("tags", [])


def code_sha256(notebook) -> str:
    """The hash over the sources of the code cells: it changes when stored outputs may no longer be true."""
    sources = "\0".join(cell.source for cell in code_cells(notebook))
    return hashlib.sha256(sources.encode()).hexdigest()
