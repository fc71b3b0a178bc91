"""Writes solved copies of the lessons to build/solved: `python -m tools.solve`.

In every cell tagged "exercise" the blank definitions are replaced by the answers from the package, and the
exercise's `.check(` by `.test(`, which raises when an answer is wrong.
"""

import ast
import re
import sys

from imagegen_lessons import exercises
from tools import lessons


def solve_source(source: str) -> str:
    """The source of an exercise cell with every blank definition replaced by the exercise's answer."""
    lines = source.splitlines()
    answers = {
        node: exercises.REGISTRY[node.name].source()
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in exercises.REGISTRY
    }
    for node, answer in sorted(answers.items(), key=lambda item: -item[0].lineno):
        first = min(part.lineno for part in [*node.decorator_list, node])
        lines[first - 1 : node.end_lineno] = answer.splitlines()
    return re.sub(r"^(exercises\.\w+)\.check\(", r"\1.test(", "\n".join(lines), flags=re.MULTILINE)


def solve(notebook):
    for cell in lessons.code_cells(notebook):
        if lessons.is_exercise(cell):
            cell.source = solve_source(cell.source)
            cell.outputs = []
    return notebook


if __name__ == "__main__":
    for old in [] if sys.argv[1:2] else lessons.SOLVED.glob("*.ipynb"):
        old.unlink()  # of a lesson that has been renamed, say: it would be tested for ever
    for lesson in lessons.paths(*sys.argv[1:2]):
        lessons.write(solve(lessons.read(lesson)), lessons.SOLVED / lesson.name)
        print(f"build/solved/{lesson.name}")
