"""What every lesson must keep to: functions that return what is wrong, as sentences.

Tests apply them to the lessons, and a few to planted faults.
"""

import ast
import importlib
import inspect
import re
import textwrap

from imagegen_lessons import calibration
from tools import lessons

PACKAGE = "imagegen_lessons"
MAX_NOTEBOOK_BYTES = 600_000
MAX_CODE_LINES = 25
MAX_SETUP_LINES = 12
CLOSING = ["Recap", "Exercises", "Where this goes", "Next"]
MIRRORED = re.compile(r"^# The same code is in imagegen_lessons\.([\w.]+)\.(\w+)$", re.MULTILINE)
DOCUMENTED = (ast.FunctionDef, ast.ClassDef, ast.Module)
IMAGE = re.compile(r"<img\b[^>]*>")
DESCRIBED = re.compile(r'\balt="[^"]{10,}"')


def normal_form(source: str) -> str:
    """The code alone: no comments, docstrings or annotations, which may differ between lesson and package."""
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in [*node.args.args, *node.args.kwonlyargs]:
                argument.annotation = None
    return ast.unparse(tree)


def mirrored_problems(notebook) -> list[str]:
    """Mirrored code, marked by its first line, that is no longer the same in lesson and package."""
    problems = []
    for cell in lessons.code_cells(notebook):
        for module, name in MIRRORED.findall(cell.source):
            here = [node for node in ast.parse(cell.source).body if getattr(node, "name", None) == name]
            there = getattr(importlib.import_module(f"{PACKAGE}.{module}"), name, None)
            if not here or there is None:
                problems.append(f"{module}.{name} is missing on one side.")
            elif normal_form(ast.unparse(here[0])) != normal_form(inspect.getsource(there)):
                problems.append(f"{module}.{name} differs between lesson and package.")
    return problems


def freshness_problems(notebook) -> list[str]:
    """Outputs that were not made by this code, at full pace, without an error, in time."""
    facts = notebook.metadata.get("imagegen_lessons")
    if facts is None:
        return ["It was never executed: run `make course`."]
    problems = []
    if facts["code_sha256"] != lessons.code_sha256(notebook):
        problems.append("Its outputs are stale: run `make course`.")
    if facts["pace"] != "full":
        problems.append(f"Its outputs were made at {facts['pace']} pace.")
    names = "seconds", "slowest_cell_seconds"
    seconds, slowest = (calibration.scaled(facts[name], facts["reference_step_ms"]) for name in names)
    if seconds > 180 or slowest > 90:
        problems.append(f"It takes {seconds:.0f} s on the laptop (scaled), its slowest cell {slowest:.0f} s.")
    for cell in lessons.code_cells(notebook):
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"A stored output is an error: {cell.source[:60]!r}.")
        if cell.execution_count is None:
            problems.append(f"A cell was not executed: {cell.source[:60]!r}.")
    return problems


def style_problems(notebook, setup: str) -> list[str]:
    """Departures from the form of a lesson: title, set-up cell, cell length, headings, exercises, alt text."""
    problems = []
    cells, code = notebook.cells, lessons.code_cells(notebook)
    if cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        problems.append("Its first cell is not a markdown cell with the title.")
    if "![" not in cells[0].source or "CPU" not in cells[0].source or "GPU" not in cells[0].source:
        problems.append("Its first cell lacks the picture, or the time on CPU and on GPU.")
    if cells[1].source != setup:
        problems.append("Its second cell is not the set-up cell of the other lessons.")
    if len(cells[1].source.splitlines()) > MAX_SETUP_LINES:
        problems.append(f"Its set-up cell is longer than {MAX_SETUP_LINES} lines.")
    for cell in code:
        length = len(cell.source.splitlines())
        if length > MAX_CODE_LINES and not MIRRORED.search(cell.source):
            problems.append(f"A cell has {length} lines: {cell.source[:60]!r}.")
    text = [cell for cell in cells if cell.cell_type == "markdown"]
    if len(text) < 1.2 * len(code):
        problems.append(f"It explains too little: {len(text)} text cells for {len(code)} code cells.")
    headings = re.findall(r"^## (.+)$", "\n".join(cell.source for cell in text), re.MULTILINE)
    if headings[-4:] != CLOSING:
        problems.append(f"It does not end with {', '.join(CLOSING)}.")
    if sum(map(lessons.is_exercise, code)) < 4:
        problems.append("It has fewer than four exercises.")
    return problems + alt_problems(notebook)


def alt_problems(notebook) -> list[str]:
    """Pictures, in text or output, without alt text."""
    problems = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            bare = [tag for tag in IMAGE.findall(cell.source) if not DESCRIBED.search(tag)]
            if bare or re.search(r"!\[\s*\]", cell.source):
                problems.append("A picture in the text has no alt text.")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any(kind.startswith("image/") for kind in data):
                problems.append(f"A picture was shown without `show`: {cell.source[:60]!r}.")
            for tag in IMAGE.findall("".join(data.get("text/html", ""))):
                if not DESCRIBED.search(tag):
                    problems.append(f"A picture has no alt text: {cell.source[:60]!r}.")
    return problems
