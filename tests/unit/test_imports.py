"""Imports point one way, and the package stays small."""

import ast
import re

import pytest

from imagegen_lessons import runtime

PACKAGE = runtime.ROOT / "imagegen_lessons"
# Each may import those before it. (Every saved picture carries the AI label, so `provenance` lies below `images`.)
PLUMBING = [
    "calibration",
    "runtime",
    "machine_check",
    "settings",
    "provenance",
    "images",
    "display",
    "training",
    "synthetic",
    "datasets",
    "metrics",
    "networks",
]
# Arcs import the plumbing, and of other arcs only those that they build on.
ARCS = {
    "gans": [],
    "diffusion": ["gans"],
    "shapes": ["diffusion", "gans"],
    "motion": [],
    "style": [],
    "superres": ["gans"],
    "deepfakes": ["gans", "superres"],
}
ALLOWED = {name: set(PLUMBING[:k]) for k, name in enumerate(PLUMBING)}
ALLOWED |= {name: {*PLUMBING, *others} for name, others in ARCS.items()}
ALLOWED["exercises"] = {*PLUMBING, *ARCS}
# Physical lines. Raise a number deliberately, with the reason in docs/decisions.md.
MAX_MODULE, MAX_PACKAGE, MAX_EXERCISES = 275, 10_060, 9_980


def folder_of(path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path) -> set[str]:
    """The folders of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "imagegen_lessons":
            inner = node.module.split(".")[1:]
            found |= {inner[0]} if inner else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("imagegen_lessons.")}
    return found


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_module_imports_only_what_lies_below_it(path):
    folder = folder_of(path)
    if folder != "__init__":
        assert imported(path) - {folder} <= ALLOWED[folder]


def test_modules_and_package_stay_small():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    apart = {path: folder_of(path) for path in lines if folder_of(path) in ("synthetic", "exercises")}
    assert sum(n for path, n in lines.items() if path not in apart) <= MAX_PACKAGE
    assert sum(n for path, n in lines.items() if apart.get(path) == "exercises") <= MAX_EXERCISES
    assert not {path.name for path, n in lines.items() if n > MAX_MODULE and path not in apart}


def test_every_module_is_used_by_a_lesson_or_by_the_package():
    """What no lesson needs belongs into tools, examples or grading."""
    notebooks = "\n".join(
        path.read_text(encoding="utf-8") for path in (runtime.ROOT / "notebooks").glob("*.ipynb")
    )
    package = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    for path in PACKAGE.rglob("[!_]*.py"):
        if folder_of(path) != "exercises":
            used = re.compile(
                rf"^\s*(from \S*\.{path.stem} import|(from \S+ )?import .*\b{path.stem}\b)", re.MULTILINE
            )
            assert path.stem in notebooks or used.search(package), path.stem
