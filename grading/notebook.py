"""What a submitted notebook holds: for each exercise the student's definition, and what of the notebook it needs.

A notebook is not run from the top: that would take hours for a class. An attempt is its definition together with the
imports, definitions and assignments that it needs by name, directly or through others, and no other line.
"""

import ast
import json
import os
import re
import symtable
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from grading.signs import signs

LARGEST = 30 * 2**20  # bytes
MENTION = re.compile(r"\bexercises\.(\w+)\.(?:check|test|hint|solution)\b")
DEFINED = re.compile(r"^\s*(?:def|class)\s+(\w+)", re.MULTILINE)
PYTHON_MAGIC = re.compile(r"(\s*%%(time|timeit|capture|prun)\b.*\n)+")  # the rest of such a cell is Python
FUTURE = "from __future__ "
ALIAS = re.compile(r"\w+ = (?:(?:functools\.)?partial\()?(\w+)(?:, .*\))?")  # another name, a partial
COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
DEFINITION = (ast.FunctionDef, ast.ClassDef)
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
    attempts: frozenset[str]  # the exercises of which this can be an attempt, and
    defines: bool  # whether it surely gives them a function or class

    @property
    def blank(self) -> bool:
        return "raise NotImplementedError" in self.source


def load(path: Path) -> bytes:
    """The file as it is. Raises `Unreadable`, for a folder as well: it stands for what lies in it."""
    if os.path.isdir(path):
        raise Unreadable("There is no notebook in this folder.")
    if os.path.islink(path) or not os.path.isfile(path):
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
        content = json.loads(data)  # UTF-8, or UTF-16 as PowerShell writes it
        cells = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        cells = [cell for cell in cells if cell["cell_type"] == "code"]
        return ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in cells]
    except (ValueError, RecursionError):
        if zipfile.is_zipfile(BytesIO(data)):
            raise Unreadable("This is an archive or a document, no notebook. Is one in it?") from None
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
    answers = [s for s in found if not s.blank and any(s.cell >= asked[n] for n in s.attempts & set(asked))]
    filled = set(asked) - _attempted(s for s in found if s.blank) | _attempted(answers)
    return [s for s in found if s not in answers], [name for name in asked if name in filled]


def _attempted(statements: Iterable[Statement]) -> set[str]:
    return {name for statement in statements for name in statement.attempts}


def statements(cells: Iterable[str]) -> tuple[list[Statement], dict[str, str]]:
    """The statements that bind names, in order; and name -> sentence for exercises in cells that are not Python."""
    found, broken = [], {}
    for number, cell in enumerate(cells):
        cell = PYTHON_MAGIC.sub("", cell, count=1) if PYTHON_MAGIC.match(cell) else cell
        names = [*mentioned([cell]), *DEFINED.findall(cell)]
        try:
            body = ast.parse(TransformerManager().transform_cell(cell)).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            place = f" (line {error.lineno})" if getattr(error, "lineno", None) else ""
            broken |= dict.fromkeys(names, _no_python(error, place))
            continue
        for node in body:
            try:
                found += _statement(node, number)
            except RecursionError:  # a sum of thousands of terms, say: nobody needs it, we hope
                broken |= dict.fromkeys(names, "A statement of the cell is nested too deeply.")
            except SyntaxError as error:  # found only when it is compiled, such as two parameters of one name
                broken |= dict.fromkeys(names, _no_python(error))
    return found, broken


def _no_python(error: Exception, place: str = "") -> str:
    return f"The cell is no valid Python{place}: {getattr(error, 'msg', None) or type(error).__name__}."


def _statement(node: ast.stmt, cell: int) -> list[Statement]:
    checked = _checked(node)
    if checked:
        name, argument = checked
        used = {part.id for part in ast.walk(argument) if isinstance(part, ast.Name)}
        # A check of what is defined above, of its result by mistake, or of nothing:
        if name in used or isinstance(argument, ast.Constant):
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
        uses |= {s.get_name() for s in inner.get_symbols() if _is_needed(s)}
        tables += inner.get_children()
    changed = _changed(node)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        changed = {"*"}  # it may bind anything, so every attempt gets it
    parts = [node] if isinstance(node, DEFINITION) else ast.walk(node)
    defines = bool(checked) or any(isinstance(part, (*DEFINITION, ast.Lambda)) for part in parts)
    if checked:
        attempts = {checked[0]}
    elif isinstance(node, DEFINITION):
        attempts = binds
    elif isinstance(node, ast.Import | ast.ImportFrom):
        attempts = set()  # an import is no attempt
    else:  # `psnr = psnr(a, b)` is a use of the attempt, and no other one
        attempts = binds - changed - uses
    sure = not isinstance(node, (*COMPOUND, ast.AugAssign)) and not changed
    bound = frozenset(binds | changed)
    return [Statement(source, bound, frozenset(uses), cell, sure, frozenset(attempts), defines)]


def _is_needed(symbol: symtable.Symbol) -> bool:
    """Does a function or class need this name from outside? `global` names are, even if it only adds to them."""
    return symbol.is_global() and (symbol.is_referenced() or symbol.is_declared_global())


def _checked(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """Of `exercises.NAME.check(argument)`, also with `result =` before it: the name and the argument."""
    call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if isinstance(call, ast.Call):
        found = re.fullmatch(r"(?:\w+\.)?exercises\.(\w+)\.(check|test)", ast.unparse(call.func))
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if found and len(arguments) == 1:
            return found[1], arguments[0]
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

    Of several the last counts that is not blank, a definition rather than another assignment. What stands in the lesson
    itself is no attempt. What the attempt needs is looked for above it, then below it, then in the lesson.
    """
    own = {statement.source for statement in lesson}
    tries = [s for s in student if name in s.attempts]
    new = [s for s in tries if s.source not in own]
    if not new:
        return ("", []) if any(s.blank for s in tries) else None
    filled = [s for s in new if not s.blank]
    functions = {name for s in student if s.defines for name in s.binds}
    aliases = {id(s) for s in filled if (alias := ALIAS.fullmatch(s.source)) and alias[1] in functions}
    chosen = ([s for s in filled if s.defines or id(s) in aliases] or filled or new)[-1]
    above = [s for s in student if s.cell <= chosen.cell and (name not in s.attempts or s is chosen)]
    below = [s for s in student if s.cell > chosen.cell and name not in s.attempts]
    others = [s for s in lesson if name not in s.attempts]
    futures = [s for s in student if s.source.startswith(FUTURE)]
    needed, parts = ["*", *chosen.uses], {id(s): s for s in [*futures, chosen]}
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
    slices = sorted(parts.values(), key=lambda s: (not s.source.startswith(FUTURE), order[id(s)]))
    theirs = [s.source for s in slices if s.source not in own]
    return "\n".join(s.source for s in slices), signs(name, "\n".join(theirs))


def _bindings(name: str, among: list[Statement]) -> list[Statement]:
    """What gives `name` its value: the last binding, and the earlier ones on which it builds."""
    found = []
    for statement in reversed(among):
        if name in statement.binds:
            found.append(statement)
            if statement.sure and name not in statement.uses:
                return found
    return found


def attempts(
    data: bytes, file: str, lessons: dict[str, tuple[list[str], list[Statement]]]
) -> str | list[tuple]:
    """Of a submitted notebook: (lesson, exercise, attempt, its cell's error) for all exercises of its lessons.

    A sentence where it is no notebook. Its lessons are those whose exercises it checks; where it checks none, the one
    of its file's name, else the one of which it defines most.
    """
    sys.setrecursionlimit(10_000)  # in a process of its own; a long sum is nested deeply
    try:
        cells = code(data)
    except Unreadable as error:
        return str(error)
    student, broken = statements(cells)
    names, defined = set(mentioned(cells)), _attempted(s for s in student if s.defines)
    chosen = [lesson for lesson, (own, _) in lessons.items() if names & set(own)]
    chosen = chosen or [lesson for lesson in lessons if re.match(rf"{lesson[:2]}\D", file)]
    most = max((len(defined & set(own)) for own, _ in lessons.values()), default=0)
    if most and not chosen:
        chosen = [lesson for lesson, (own, _) in lessons.items() if len(defined & set(own)) == most]
    found = []
    for lesson in chosen:
        own, given_there = lessons[lesson]
        tries = {name: attempt_at(name, student, given_there) for name in own}
        found += [(lesson, name, attempt, broken.get(name)) for name, attempt in tries.items()]
    return found or "No exercise of this course was found in it."
