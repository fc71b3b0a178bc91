"""What the maintainers' tools and the tests know of a lesson: where it is, its cells, and the hash of its code."""

import hashlib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SOLVED = ROOT / "build" / "solved"


def paths(number: str = "") -> list[Path]:
    """The lessons in order, or only those whose file begins with `number`, such as "02"."""
    found = sorted(path for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb") if path.name.startswith(number))
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
