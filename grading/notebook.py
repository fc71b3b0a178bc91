"""What a submitted notebook holds: for each exercise the student's definition, and what of the notebook it needs.

A notebook is not run from the top: that would take hours for a class. An attempt is its definition together with the
imports, definitions and assignments that it needs by name, directly or through others, and no other line.
"""

import ast
import json
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

LARGEST = 30 * 2**20  # bytes
MENTION = re.compile(r"\bexercises\.(\w+)\.(?:check|test|hint|solution)\b")
PYTHON_MAGIC = re.compile(r"\s*%%(time|timeit|capture|prun)\b.*\n")  # the rest of such a cell is Python
COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
BINDING = (
    ast.Import,
    ast.ImportFrom,
    ast.FunctionDef,
    ast.ClassDef,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
)
BINDING += COMPOUND
# Nobody needs these to solve an exercise of this course. They prove nothing; they say where to look.
SIGNS = {"exercises", "checker", "Wrong", "os", "sys", "gc", "inspect", "ctypes", "subprocess", "socket"}
SIGNS |= {"shutil", "signal", "importlib", "builtins", "threading", "multiprocessing", "pickle", "eval"}
SIGNS |= {"exec", "compile", "open", "globals", "vars", "getattr", "setattr", "__import__"}
HIDDEN = re.compile(  # as an attribute
    r"__(?!(init|call|name|class|len|getitem|setitem|iter)__)|_exit$|_getframe$"
    r"|(answer|modules|os|sys|subprocess|ctypes|builtins|importlib|inspect|exercises?)$"
)


class Unreadable(ValueError):
    """This file is no notebook; the message says why."""


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell, and the names that it binds and uses there."""

    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    cell: int
    sure: bool  # False for what binds its names only perhaps, or only changes what they stand for
    attempt: str  # the exercise of which this can be an attempt, "" for none

    @property
    def blank(self) -> bool:
        return "raise NotImplementedError" in self.source


def load(path: Path) -> bytes:
    """The file as it is. Raises `Unreadable`, for a folder as well: it stands for what lies in it."""
    if path.is_dir():
        raise Unreadable("There is no notebook in this folder.")
    if path.is_symlink() or not path.is_file():
        raise Unreadable("This is no ordinary file.")
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"The file is larger than {LARGEST // 2**20} MB; ask for one without outputs.")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"The file cannot be opened: {error.strerror}.") from None


def code(data: bytes) -> list[str]:
    """The sources of the code cells of a notebook. Raises `Unreadable`."""
    try:
        content = json.loads(data.decode("utf-8-sig"))
        cells = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        cells = [cell for cell in cells if cell["cell_type"] == "code"]
        return ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in cells]
    except (ValueError, RecursionError):
        raise Unreadable("The file is no notebook: it is not JSON, or it is damaged.") from None
    except (KeyError, TypeError, IndexError, AttributeError):
        raise Unreadable("The file is JSON, but no notebook: it has no cells.") from None


def mentioned(cells: Iterable[str]) -> list[str]:
    """The names of the exercises that are checked, or asked for a hint, in these cells, in their order."""
    return list(dict.fromkeys(name for cell in cells for name in MENTION.findall(cell)))


def given(cells: list[str]) -> tuple[list[Statement], list[str]]:
    """Of a lesson: the statements that it gives to its students, and the names of exercises that are not blank.

    What defines an exercise where it is asked for, or below, and is no blank, is an instructor's answer, and not given:
    else the same answer of a student would be taken for the lesson's own. (Above, a lesson may show a simple form.)
    """
    found, asked = statements(cells)[0], {}
    for number, cell in enumerate(cells):
        asked |= {name: number for name in mentioned([cell]) if name not in asked}
    answers = [s for s in found if not s.blank and s.cell >= asked.get(s.attempt, len(cells))]
    filled = set(asked) - {s.attempt for s in found if s.blank} | {s.attempt for s in answers}
    return [s for s in found if s not in answers], [name for name in asked if name in filled]


def statements(cells: Iterable[str]) -> tuple[list[Statement], dict[str, str]]:
    """The statements that bind names, in order; and name -> sentence for exercises in cells that are not Python."""
    found, broken = [], {}
    for number, cell in enumerate(cells):
        cell = PYTHON_MAGIC.sub("", cell, count=1) if PYTHON_MAGIC.match(cell) else cell
        try:
            body = ast.parse(TransformerManager().transform_cell(cell)).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or type(error).__name__
            place = f" (line {error.lineno})" if getattr(error, "lineno", None) else ""
            sentence = f"The cell is no valid Python{place}: {reason}."
            broken |= {name: sentence for name in mentioned([cell])}
            continue
        for node in body:
            found += _statement(node, number)
    return found, broken


def _statement(node: ast.stmt, cell: int) -> list[Statement]:
    checked = _checked(node)
    if checked:
        name, argument = checked
        if isinstance(argument, ast.Name) and argument.id == name:
            return []
        node = ast.Assign([ast.Name(name, ast.Store())], argument, lineno=node.lineno)
    elif not isinstance(node, BINDING):
        return []
    source = ast.unparse(node)
    table = symtable.symtable(source, "cell", "exec")
    binds = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    uses = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    tables = list(table.get_children())
    while tables:
        inner = tables.pop()
        uses |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
        tables += inner.get_children()
    changed = _changed(node)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        changed = {"*"}  # it may bind anything, so every attempt gets it
    attempt = ""
    if checked:
        attempt = checked[0]
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        attempt = node.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and len(binds) == 1:
        (attempt,) = binds
    sure = not isinstance(node, (*COMPOUND, ast.AugAssign)) and not changed
    return [Statement(source, frozenset(binds | changed), frozenset(uses), cell, sure, attempt)]


def _checked(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """Of `exercises.NAME.check(argument)`: the name and the argument."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and len(node.value.args) == 1:
        call = re.fullmatch(r"exercises\.(\w+)\.(check|test)", ast.unparse(node.value.func))
        return call and (call[1], node.value.args[0])
    return None


def _changed(node: ast.stmt) -> set[str]:
    """Names whose things are changed, not bound: `x` in `x[0] = 1` and in `x.y = 1`."""
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    roots = set()
    for target in targets:
        inner = target
        while isinstance(inner, ast.Subscript | ast.Attribute | ast.Starred):
            inner = inner.value
        if inner is not target and isinstance(inner, ast.Name):
            roots.add(inner.id)
    return roots


def attempt_at(name: str, student: list[Statement], lesson: list[Statement]) -> tuple[str, list[str]] | None:
    """The source that defines the student's attempt, "" for the blank, None for none; and signs of tampering.

    Of several definitions the last counts that is not blank. What stands in the lesson itself is no attempt.
    What the attempt needs is looked for above it, then below it, then in the lesson.
    """
    own = {statement.source for statement in lesson}
    tries = [s for s in student if s.attempt == name]
    new = [s for s in tries if s.source not in own]
    if not new:
        return ("", []) if any(s.blank for s in tries) else None
    chosen = next((s for s in reversed(new) if not s.blank), new[-1])
    above = [s for s in student if s.cell <= chosen.cell and (s.attempt != name or s is chosen)]
    below = [s for s in student if s.cell > chosen.cell and s.attempt != name]
    others = [s for s in lesson if s.attempt != name]
    needed, parts = ["*", *chosen.uses], {id(chosen): chosen}
    known = {name}
    while needed:
        wanted = needed.pop()
        if wanted in known:
            continue
        known.add(wanted)
        for statement in _bindings(wanted, above) or _bindings(wanted, below) or _bindings(wanted, others):
            parts[id(statement)] = statement
            needed += statement.uses
    order = {id(s): place for place, s in enumerate([*others, *student])}
    slices = sorted(parts.values(), key=lambda s: order[id(s)])
    theirs = [s.source for s in slices if s.source not in own]
    return "\n".join(s.source for s in slices), signs("\n".join(theirs))


def _bindings(name: str, among: list[Statement]) -> list[Statement]:
    """What gives `name` its value: the last binding, and the earlier ones on which it builds."""
    found = []
    for statement in reversed(among):
        if name in statement.binds:
            found.append(statement)
            if statement.sure and name not in statement.uses:
                return found
    return found


def signs(source: str) -> list[str]:
    """What an instructor should look at by hand: names that no exercise needs, and changes to imported modules."""
    found, imported = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            imported |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            found |= SIGNS & {part for name in names for part in name.split(".")}
        elif isinstance(node, ast.Name):
            found |= SIGNS & {node.id}
        elif isinstance(node, ast.Attribute):
            found |= {node.attr} if HIDDEN.match(node.attr) else set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            root = ast.unparse(node).split(".")[0]
            found |= {ast.unparse(node)} if root in imported | {"torch", "F", "nn"} else set()
    return sorted(found)
